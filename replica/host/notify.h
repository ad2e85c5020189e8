/* Telling the service manager how this process is (sd_notify(3)): READY, STOPPING, and that it
 * still runs. Without NOTIFY_SOCKET in the environment nothing happens. */
#ifndef VESTRY_REPLICA_HOST_NOTIFY_H
#define VESTRY_REPLICA_HOST_NOTIFY_H

#include "crypto/contract.h"

/* One datagram, such as "READY=1". Failures are nobody's concern. */
void notify_send(const char *state);

/* "WATCHDOG=1", when the manager asked for it (WATCHDOG_USEC). */
void notify_alive(void);

#endif
