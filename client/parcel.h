/* Parcels: one append as it is journaled and sent, and everything that can be said of it.
 *
 * A parcel is the frame of a REQUEST (envelope, item, payloads), made once, and a table of pieces
 * that borrow from it: statement, salt and payload of each entry. The same frame read back from the
 * journal gives the same parcel, so an append that a crash interrupted goes on with the same bytes.
 * Also the leaf that an entry becomes once the log has placed it, which is how the client knows
 * what a proof must prove. Pure but for allocation. Used by the client only. */
#ifndef VESTRY_CLIENT_PARCEL_H
#define VESTRY_CLIENT_PARCEL_H

#include "crypto/merkle.h"
#include "crypto/schema.h"
#include "crypto/status.h"
#include "keys/keyfile.h"

/* One entry as the caller gives it. */
struct parcel_entry {
    struct bytes stream;
    struct bytes payload;
    uint64_t expect_stream_len; /* U64_UNLIMITED: no condition */
};

/* One entry as it lies in the frame. */
struct parcel_piece {
    struct bytes statement;
    struct bytes stream;
    struct bytes payload;
    const uint8_t *salt;
    const uint8_t *payload_hash;
    uint64_t payload_len;
    uint64_t expect_stream_len;
};

struct parcel {
    uint8_t *frame; /* owned; with its length header */
    size_t frame_len;
    struct bytes item;
    struct bytes request; /* the signed body */
    struct bytes token;
    uint8_t sig[SIG_BYTES];
    uint8_t request_id[HASH_BYTES];
    uint64_t request_no;
    uint64_t op; /* OP_APPEND or OP_GOVERN */
    uint64_t not_after_ms;
    uint64_t payload_bytes;
    uint32_t count;
    struct parcel_piece *pieces; /* owned; `count` of them */
};

/* Who asks, and when. */
struct parcel_plan {
    const uint8_t *cluster_id;
    const struct secret_key *key; /* the holder's */
    struct bytes token;
    uint64_t request_no;
    uint64_t not_after_ms;
};

/* Fills `out` with `len` unpredictable bytes. */
typedef void parcel_entropy(void *context, uint8_t *out, size_t len);

/* Make a parcel of 1..STATEMENTS_MAX entries, with a fresh salt for each. An entry of the log's own
 * stream is a governance payload: it is alone, and its salt is zero. STATUS_INVALID: a stream that
 * is no identifier or too much in one parcel; STATUS_NO_MEMORY. */
MUST_USE enum status parcel_make(const struct parcel_plan *plan, const struct parcel_entry *entries,
                                 size_t count, parcel_entropy *entropy, void *context,
                                 struct parcel *out);

/* Read a frame that parcel_make made; takes the memory of `frame` (from malloc) whatever comes out.
 * STATUS_CORRUPT: it is not such a frame. */
MUST_USE enum status parcel_parse(uint8_t *frame, size_t len, const uint8_t cluster_id[HASH_BYTES],
                                  struct parcel *out);

void parcel_close(struct parcel *parcel);

/* Where the log put an append. */
struct parcel_place {
    const uint8_t *author; /* PUBLIC_KEY_BYTES */
    uint64_t first_index;
    uint64_t height;
    uint64_t time_ms;
};

/* Append the encoded leaf of piece `i`, at that position of its stream. */
void parcel_leaf(const struct parcel *parcel, const struct parcel_place *place, uint32_t i,
                 uint64_t stream_index, struct buffer *out);

/* The inclusion path of statement `i` in the request's entries_root, by hashing all of them. */
MUST_USE bool parcel_statement_path(const struct parcel *parcel, uint32_t i,
                                    struct merkle_proof *out);

#endif
