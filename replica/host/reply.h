/* What an executed block means for the clients whose requests are in it: REPLY frames.
 *
 * The replica's attestation of the block is signed once for all; a client that wants proofs gets,
 * for each of its requests, the path of the result and one range proof over its entries, all taken
 * out of one span that is computed once a block. Pure; the block is borrowed during the calls. */
#ifndef VESTRY_REPLICA_HOST_REPLY_H
#define VESTRY_REPLICA_HOST_REPLY_H

#include "crypto/merkle.h"
#include "crypto/schema.h"
#include "replica/core/outbox.h"

struct reply_maker;

MUST_USE enum status reply_maker_open(uint32_t rid, struct reply_maker **out);
void reply_maker_close(struct reply_maker *maker);

/* Begin a block. The span is not computed before somebody wants proofs. */
void reply_begin(struct reply_maker *maker, const struct block_outcome *outcome);

/* The frame, length header included, for the items at these places of the block. Borrows until the
 * next call. */
MUST_USE struct bytes reply_make(struct reply_maker *maker, const uint32_t *places, uint32_t count,
                                 bool proofs);

/* A frame for one request outside of a block: `result` with what goes with it. */
struct reply_single {
    struct bytes attest; /* encoded; of the newest head */
    struct bytes result; /* encoded */
    uint64_t height;     /* where it was executed; 0: nowhere, it was refused */
    uint64_t time_ms;
    struct wire_list stream_indexes; /* may be empty */
    struct wire_list range_proof;    /* may be empty */
};

/* Append it; false when it does not fit. */
MUST_USE bool reply_single_put(struct buffer *out, uint32_t rid, const struct reply_single *single);

/* The reply to a request that cannot be ordered now: a hint for the client. */
MUST_USE bool reply_refused_put(struct buffer *out, uint32_t rid, struct bytes attest,
                                const uint8_t request_id[HASH_BYTES], uint64_t code);

#endif
