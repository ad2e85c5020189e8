/* The replicated state: one bounded map from byte keys to byte values.
 *
 * Everything that execution reads comes out of this map, so the state root covers it by
 * construction. The module knows neither what the keys mean (state_key.h) nor where the bytes are
 * stored: the core turns the changes of a block into puts, and a restored store back into
 * state_put. Pure; state_open is the only place that takes memory. One thread. Governance, the core
 * and their tests use it.
 *
 * Capacity is counted, not found out: records, and the bytes of the values that are longer than
 * STATE_INLINE_MAX. Whether a put fits depends on these counts alone and never on how memory is cut
 * up, so replicas that hold the same content refuse the same put. Every replica of a cluster must
 * therefore open its state with the same two bounds.
 *
 * State root: a sparse Merkle tree of depth 256 over SHA-256(key).
 *
 *     leaf  = SHA-256(0x00 || SHA-256(key) || SHA-256(value))
 *     node  = SHA-256(0x01 || left || right)          bit 0 is the highest bit of the first byte
 *     an empty subtree is 32 zero bytes
 *     a subtree that holds exactly one leaf has that leaf's hash
 *
 * The last line is what makes the cost logarithmic: a leaf rises to the highest place where it is
 * alone. A leaf hash covers the whole path, so no two trees have one root. The root of the empty
 * state is 32 zero bytes. It depends on content and not on history. */
#ifndef VESTRY_GOVERNANCE_STATE_H
#define VESTRY_GOVERNANCE_STATE_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "crypto/status.h"

#define STATE_KEY_BYTES_MAX 66 /* a kind, and two hashes or a stream name and its length */
#define STATE_INLINE_MAX 88    /* values up to this length count as records only */
#define STATE_VALUE_BYTES_MAX ((1u << 20) + 64)
#define STATE_RECORDS_MAX (1u << 24) /* state_open refuses more */

/* What a cluster opens its state with, unless all of it agrees on other bounds. */
#define STATE_RECORDS_USUAL (1u << 20)
#define STATE_BYTES_USUAL ((size_t)32 << 20)

/* Records that only governance may use up: what clients do is refused (E_CAPACITY) before. */
#define STATE_RECORDS_KEPT(records_max) ((records_max) / 16)

struct state;

/* An empty state for at most `records_max` records and `bytes_max` bytes of long values.
 * `hash_seed` keys the lookup table, so that nobody can choose keys that collide; it has no effect
 * that can be seen. STATUS_INVALID for bounds of 0 or beyond the limits, STATUS_NO_MEMORY. */
MUST_USE enum status state_open(uint32_t records_max, size_t bytes_max, uint64_t hash_seed,
                                struct state **out);
void state_close(struct state *state);

/* Empty again, as opened; no changes. Takes and gives back no memory. */
void state_reset(struct state *state);

/* Whether there is a record, and its value, which borrows from the state until the next put. */
MUST_USE bool state_get(const struct state *state, struct bytes key, struct bytes *value);
MUST_USE bool state_has(const struct state *state, struct bytes key);

/* Add or replace. `key` and `value` must not borrow from the state. False, and nothing changed,
 * when the counts do not allow it. Writing the value that is there is not a change. */
MUST_USE bool state_put(struct state *state, struct bytes key, struct bytes value);

/* Remove; false when there was no such record. */
bool state_erase(struct state *state, struct bytes key);

MUST_USE uint32_t state_count(const struct state *state);
/* How many records could still be added by clients: what governance keeps is left out. */
MUST_USE uint32_t state_room(const struct state *state);
/* How many records could still be added by anyone, and by how many bytes long values could grow. */
MUST_USE uint32_t state_free(const struct state *state);
MUST_USE size_t state_free_bytes(const struct state *state);

/* Memory for making long values in, STATE_VALUE_BYTES_MAX each. One user of each at a time, within
 * one call. */
enum state_scratch {
    SCRATCH_LIST,   /* elements of a list */
    SCRATCH_BODY,   /* the object that holds the list */
    SCRATCH_RECORD, /* the record that holds the object: section_write */
    SCRATCH_COUNT,
};
MUST_USE struct buffer state_scratch(struct state *state, enum state_scratch which);

/* --- Changes --------------------------------------------------------------------------------- */

/* Start a new set of changes (a block). */
void state_mark(struct state *state);

struct state_change {
    struct bytes key;
    struct bytes value; /* the final one; empty when erased */
    bool erased;
};

/* Each key that changed since the mark, once, in the order of its first change. Start with
 * *cursor = 0; false at the end. A key whose record came and went since the mark is not told; one
 * that was changed back to what it was is. No put or erase in between. */
MUST_USE bool state_change_next(const struct state *state, uint32_t *cursor,
                                struct state_change *out);

/* --- Walks ----------------------------------------------------------------------------------- */

/* Records whose key begins with the byte `kind` (not 0), in no order that means anything. Start
 * with *cursor = 0. The record handed out may be erased or replaced, and others erased, in between;
 * no record may be added. */
MUST_USE bool state_next(const struct state *state, uint8_t kind, uint32_t *cursor,
                         struct bytes *key, struct bytes *value);

/* Every record in ascending order of keys (lexicographic). Costs a sort. Stops early, and returns
 * false, when `visit` does. */
typedef bool state_visitor(void *context, struct bytes key, struct bytes value);
bool state_visit(struct state *state, state_visitor *visit, void *context);

/* --- Root ------------------------------------------------------------------------------------ */

/* The state root. Hashes what changed since it was last asked for. */
void state_root(struct state *state, uint8_t out[HASH_BYTES]);

/* --- Below a node of the tree ---------------------------------------------------------------- */

/* The node at `depth` (0..256) on the path of `prefix`. What it holds, as the tree was when its
 * root was last asked for: nothing may have changed since. */

/* The node's hash, as its parent would take it. */
void state_below_hash(const struct state *state, const uint8_t prefix[HASH_BYTES], unsigned depth,
                      uint8_t out[HASH_BYTES]);

/* Every record below the node in ascending order of SHA-256(key). Stops early, and returns false,
 * when `visit` does. */
bool state_below_visit(const struct state *state, const uint8_t prefix[HASH_BYTES], unsigned depth,
                       state_visitor *visit, void *context);

/* A hash under the state's secret key, for tables of others over untrusted bytes. */
MUST_USE uint64_t state_hash(const struct state *state, struct bytes bytes);

#endif
