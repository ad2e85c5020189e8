/* Which process has a TCP port open for listening: for the message about an address in use. Reads
 * /proc; a process of another user may stay unknown. */
#ifndef VESTRY_REPLICA_HOST_PORT_HOLDER_H
#define VESTRY_REPLICA_HOST_PORT_HOLDER_H

#include "crypto/contract.h"

#include <stdint.h>
#include <sys/types.h>

/* Its process id, or 0. */
MUST_USE pid_t port_holder(uint16_t port);

#endif
