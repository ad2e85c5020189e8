/* Making a request: its statements, its payloads, its signature. For client.c only. */
#ifndef VESTRY_TESTS_SIM_CLIENT_ASK_H
#define VESTRY_TESTS_SIM_CLIENT_ASK_H

#include "tests/sim/client.h"

/* A new request of `client`, not sent yet; the log of requests owns it. */
MUST_USE struct sim_request *request_make(struct world *world, uint32_t client);

#endif
