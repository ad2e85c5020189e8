/* The two clocks of a host: one that only grows, for timeouts, and the wall's, for the core's
 * protocol time. Any thread. */
#ifndef VESTRY_REPLICA_HOST_CLOCK_H
#define VESTRY_REPLICA_HOST_CLOCK_H

#include "crypto/contract.h"

#include <stdint.h>

MUST_USE uint64_t clock_now_ms(void);  /* monotonic */
MUST_USE uint64_t clock_now_us(void);  /* monotonic */
MUST_USE uint64_t clock_wall_ms(void); /* Unix time */

#endif
