/* Exactly once: which request numbers a session has used, and what became of the last ones.
 *
 * A session belongs to a leaf capability block (its id) or to a governed key. It has the highest
 * number used, a 64-wide window of bits below it, and a ring of results, each a record of its own
 * (number mod 64). A number is fresh when it is above the highest, or within 64 of it and its bit
 * is clear; a client therefore never lets a number reach its lowest outstanding one plus 64. Pure;
 * the core and capability.c use it. PROTOCOL: exactly once. */
#ifndef VESTRY_GOVERNANCE_SESSION_H
#define VESTRY_GOVERNANCE_SESSION_H

#include "crypto/schema.h"
#include "governance/state.h"

/* False when the session does not exist (every number is then fresh). */
MUST_USE bool session_read(const struct state *state, const uint8_t session[PUBLIC_KEY_BYTES],
                           struct session_record *out);

/* The freshness rule on a record; NULL stands for a session that does not exist. */
MUST_USE bool session_is_fresh(const struct session_record *record, uint64_t request_no);

/* Whether the number is fresh in the state. */
MUST_USE bool session_fresh(const struct state *state, const uint8_t session[PUBLIC_KEY_BYTES],
                            uint64_t request_no);

/* The stored result of that number, for answering a duplicate. False when it was never used, or its
 * place in the ring has gone to a later one. A caller compares request_id with the request's. */
MUST_USE bool session_result_find(const struct state *state,
                                  const uint8_t session[PUBLIC_KEY_BYTES], uint64_t request_no,
                                  struct session_result *out);

/* Use a fresh number and store its result. False, and nothing changed, when the state is full. */
MUST_USE bool session_use(struct state *state, const uint8_t session[PUBLIC_KEY_BYTES],
                          uint64_t expires_ms, const struct session_result *result);

/* Remove a session with its results. */
void session_drop(struct state *state, const uint8_t session[PUBLIC_KEY_BYTES]);

#endif
