/* The records of the state that execution itself moves: clock, streams, checkpoint roots, sections,
 * registry.
 *
 * Readers return false for a record that is missing or not readable; genesis writes all of them, so
 * that is a state that was never filled. Writers return false only when the state is full (state.h
 * says when). Pure; the core and governance use it. */
#ifndef VESTRY_GOVERNANCE_RECORDS_H
#define VESTRY_GOVERNANCE_RECORDS_H

#include "crypto/schema.h"
#include "governance/state_key.h"

/* The log's own stream: governance entries, the charter first. */
#define GOVERNANCE_STREAM "vestry/governance"

MUST_USE bool clock_read(const struct state *state, struct clock_record *out);
MUST_USE bool clock_write(struct state *state, const struct clock_record *clock);

/* The length of a stream; 0 when it does not exist. */
MUST_USE uint64_t stream_length(const struct state *state, struct bytes stream);

/* Take the next `count` (at least 1) positions of a stream; `first` gets the first of them. Makes
 * the stream when it is new. False when the state or the stream is full, which cap_check has made
 * sure of before. */
MUST_USE bool stream_append(struct state *state, struct bytes stream, uint64_t count,
                            uint64_t *first);

/* A count (0 when there is none yet), and a count moved up or down. */
MUST_USE uint64_t counter_read(const struct state *state, const struct state_key *key);
MUST_USE bool counter_add(struct state *state, const struct state_key *key, uint64_t count);
/* A count never goes below 0: that would be our bug, and aborts. */
void counter_subtract(struct state *state, const struct state_key *key, uint64_t count);

/* The last CHECKPOINT_ROOTS_KEPT checkpoints. `roots` borrows from the state. Note the root of a
 * checkpoint after it was computed: it is part of the next one. */
MUST_USE bool roots_read(const struct state *state, struct roots_record *roots);
MUST_USE bool roots_note(struct state *state, uint64_t height, const uint8_t root[HASH_BYTES]);
/* Take the newest note back. `oldest` (NULL: none) is the row that it pushed out. */
MUST_USE bool roots_take_back(struct state *state, const struct root_row *oldest);

/* A section: its version and the bytes of its body, which borrow from the state until the next put.
 */
MUST_USE bool section_read(const struct state *state, enum section section,
                           struct section_record *out);
/* Replace the body: the version goes up by one (the first is 1). `body` must not borrow from the
 * state's records, but may lie in its scratch memory. False when the state is full. */
MUST_USE bool section_write(struct state *state, enum section section, struct bytes body);

/* SHA-256([1, [[section, version, SHA-256(body)]... ascending]]). All sections must be there. */
void config_hash(const struct state *state, uint8_t out[HASH_BYTES]);
/* The same of records that come from elsewhere: [i] is section i + 1. */
void config_hash_of(const struct section_record records[SECTION_COUNT], uint8_t out[HASH_BYTES]);

/* Who a governed key is. `row->subject` borrows from the state. */
MUST_USE bool registry_find(const struct state *state, const uint8_t public_key[PUBLIC_KEY_BYTES],
                            struct registry_row *row);

#endif
