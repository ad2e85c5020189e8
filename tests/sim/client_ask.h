/* Making a request: its statements, its payloads, its signature. For client.c only. */
#ifndef VESTRY_TESTS_SIM_CLIENT_ASK_H
#define VESTRY_TESTS_SIM_CLIENT_ASK_H

#include "tests/sim/client.h"

/* A new request of `client`, not sent yet; the log of requests owns it. */
MUST_USE struct sim_request *request_make(struct world *world, uint32_t client);

/* Parts of that: the statement's bytes; the frame, with the hash of what it asks for; and the log
 * of requests takes it. */
void wish_encode(const struct wish *wish, struct buffer *out);
void request_frame(struct sim_request *request, const struct item *item, struct wire_list payloads);
void request_keep(struct world *world, struct sim_request *request);

#endif
