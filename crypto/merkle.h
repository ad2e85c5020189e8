/* The Merkle tree of RFC 6962, section 2.1: SHA-256, leaves hashed with a 0x00 before them, inner
 * nodes with a 0x01.
 *
 * A node is named by (level, index): it covers the leaves [index << level, (index + 1) << level).
 * A node whose leaves all exist is complete and never changes again; only complete nodes are
 * stored. The last node of a level may be ragged: it covers what is there, and its hash belongs to
 * one tree size. A node without a right sibling is promoted unchanged.
 *
 * The module hashes, makes proofs through a reader of complete nodes, and verifies proofs. It does
 * no I/O, allocates nothing and never recurses. Sizes and indexes may come from outside: whatever
 * does not fit is refused by the return value. Any module may use it.
 *
 * Lists of hashes are plain concatenations of 32-byte hashes in a `struct bytes`. */
#ifndef VESTRY_CRYPTO_MERKLE_H
#define VESTRY_CRYPTO_MERKLE_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

/* The largest tree: its size has MERKLE_PATH_MAX bits, so that no path is longer than that. */
#define MERKLE_SIZE_MAX (LOG_ENTRIES_MAX - 1)
#define MERKLE_LEVELS                                                                              \
    (MERKLE_PATH_MAX + 1) /* levels 0..MERKLE_PATH_MAX; the root may be the last */

static_assert(LOG_ENTRIES_MAX == UINT64_C(1) << MERKLE_PATH_MAX, "sizes fit the paths");

/* Hashes of one proof, in the order of its kind:
 *   inclusion     siblings from the leaf to the root (at most MERKLE_PATH_MAX)
 *   consistency   RFC 6962, section 2.1.2 (at most MERKLE_PATH_MAX + 1)
 *   range [a, b)  the maximal subtrees outside the range, from left to right
 * The range [i, i + 1) has the hashes of i's inclusion path in another order. */
#define MERKLE_PROOF_MAX (2 * MERKLE_PATH_MAX)

struct merkle_proof {
    uint32_t count;
    uint8_t hashes[MERKLE_PROOF_MAX][HASH_BYTES];
};

/* The hashes of a proof as bytes that borrow from it. */
MUST_USE struct bytes merkle_proof_bytes(const struct merkle_proof *proof);

void merkle_leaf_hash(struct bytes leaf, uint8_t out[HASH_BYTES]);
void merkle_node_hash(const uint8_t left[HASH_BYTES], const uint8_t right[HASH_BYTES],
                      uint8_t out[HASH_BYTES]);
/* SHA-256 of nothing: the root of the tree without leaves. */
void merkle_empty_root(uint8_t out[HASH_BYTES]);

/* --- Growing a tree -------------------------------------------------------------------------- */

/* The complete subtrees that a tree of `size` leaves falls apart into: hashes[l] is in use iff bit
 * l of size is set. {0} is the empty tree. */
struct merkle_frontier {
    uint64_t size; /* at most MERKLE_SIZE_MAX */
    uint8_t hashes[MERKLE_PATH_MAX][HASH_BYTES];
};

/* Told of every node that an append completes, leaf first, then upward. */
typedef void merkle_completed(void *context, unsigned level, uint64_t index,
                              const uint8_t hash[HASH_BYTES]);

/* Append the leaf with that hash. `completed` may be NULL. False, and nothing changed, when the
 * tree is full. */
MUST_USE bool merkle_append(struct merkle_frontier *frontier, const uint8_t leaf_hash[HASH_BYTES],
                            merkle_completed *completed, void *context);

void merkle_root(const struct merkle_frontier *frontier, uint8_t out[HASH_BYTES]);

/* --- Making proofs out of stored nodes ------------------------------------------------------- */

/* Fetch a complete node. False when it cannot be had: the proof is then refused. It is asked at
 * most 3 * MERKLE_PATH_MAX times for a proof. */
typedef bool merkle_read(void *context, unsigned level, uint64_t index, uint8_t out[HASH_BYTES]);

/* The frontier (hence the root) of the first `size` leaves. */
MUST_USE bool merkle_frontier_read(uint64_t size, merkle_read *read, void *context,
                                   struct merkle_frontier *out);

/* Each is refused (false) for positions outside the tree, size > MERKLE_SIZE_MAX, or a node that
 * cannot be read; `out` is then unspecified. */
MUST_USE bool merkle_inclusion_make(uint64_t index, uint64_t size, merkle_read *read, void *context,
                                    struct merkle_proof *out);
/* 1 <= from <= to. The proof is empty when they are equal. */
MUST_USE bool merkle_consistency_make(uint64_t from, uint64_t to, merkle_read *read, void *context,
                                      struct merkle_proof *out);
/* Leaves [begin, end), not empty. */
MUST_USE bool merkle_range_make(uint64_t begin, uint64_t end, uint64_t size, merkle_read *read,
                                void *context, struct merkle_proof *out);

/* --- Verifying proofs ------------------------------------------------------------------------ */

/* Whether `path` leads from the leaf hash at `index` to `root` in a tree of `size` leaves. */
MUST_USE bool merkle_inclusion_verify(uint64_t index, uint64_t size,
                                      const uint8_t leaf_hash[HASH_BYTES], struct bytes path,
                                      const uint8_t root[HASH_BYTES]);

/* Whether the tree of `from` leaves is a prefix of the tree of `to` leaves. From 0 only the empty
 * root and an empty proof are accepted. */
MUST_USE bool merkle_consistency_verify(uint64_t from, uint64_t to,
                                        const uint8_t from_root[HASH_BYTES],
                                        const uint8_t to_root[HASH_BYTES], struct bytes proof);

/* The claim of a range proof: the leaves [begin, end) of the tree of `size` leaves have these
 * hashes. */
struct merkle_range {
    uint64_t begin;
    uint64_t end;
    uint64_t size;
    struct bytes leaf_hashes;
};

/* Whether the range is not empty, lies in a tree that may exist, and has a hash for each leaf. */
MUST_USE bool merkle_range_is_valid(const struct merkle_range *range);

MUST_USE bool merkle_range_verify(const struct merkle_range *range, struct bytes proof,
                                  const uint8_t root[HASH_BYTES]);

/* The root that a tree over exactly these leaf hashes has (entries_root, result_root); the empty
 * root for none. At most MERKLE_SIZE_MAX hashes; len must be a multiple of HASH_BYTES. */
void merkle_root_of(struct bytes leaf_hashes, uint8_t out[HASH_BYTES]);

/* --- Many proofs from one range -------------------------------------------------------------- */

/* All nodes above the leaves [begin, end) of one tree, computed once from the leaf hashes and the
 * hashes outside the range. After that a proof for any leaf or part of the range costs O(log size)
 * copies and no hashing. Two uses: a replica proves the entries it has just appended (span_tail),
 * a client takes each entry's inclusion path out of one range proof (span_verify). */
struct merkle_span {
    uint64_t begin;
    uint64_t end;
    uint64_t size;
    unsigned top;                            /* level of the root */
    size_t offset[MERKLE_LEVELS];            /* of each level's first node in `nodes` */
    uint8_t left[MERKLE_LEVELS][HASH_BYTES]; /* sibling before the first node, where there is one */
    uint8_t right[MERKLE_LEVELS][HASH_BYTES]; /* sibling after the last node, where there is one */
    uint8_t (*nodes)[HASH_BYTES];             /* the caller's memory */
};

/* How many hashes of memory a span over `leaves` leaves needs at most. */
#define MERKLE_SPAN_NODES(leaves) (2 * (size_t)(leaves) + 2 * (size_t)MERKLE_LEVELS)

/* The span of a block that was just appended to `before`: its leaves are the last of the tree.
 * `nodes` has room for MERKLE_SPAN_NODES(number of leaf hashes), must outlive the span, and may
 * hold the leaf hashes at its start. False when there are none or the tree would be too large. */
MUST_USE bool merkle_span_tail(struct merkle_span *span, const struct merkle_frontier *before,
                               struct bytes leaf_hashes, uint8_t (*nodes)[HASH_BYTES]);

/* Bring the frontier that a tail span was made from to the end of the span, as appending its leaves
 * would, without hashing anything again. `completed` (NULL for nobody) hears of the same nodes, but
 * level by level. */
void merkle_span_append(const struct merkle_span *span, struct merkle_frontier *frontier,
                        merkle_completed *completed, void *context);

/* Verify a range proof and keep its nodes: true exactly when merkle_range_verify is. `nodes` as
 * above. The span is unspecified after false. */
MUST_USE bool merkle_span_verify(struct merkle_span *span, const struct merkle_range *range,
                                 struct bytes proof, const uint8_t root[HASH_BYTES],
                                 uint8_t (*nodes)[HASH_BYTES]);

void merkle_span_root(const struct merkle_span *span, uint8_t out[HASH_BYTES]);

/* The inclusion path of a leaf of the span. False when `index` is outside it. */
MUST_USE bool merkle_span_inclusion(const struct merkle_span *span, uint64_t index,
                                    struct merkle_proof *out);
/* The range proof of the leaves [begin, end), not empty, within the span. */
MUST_USE bool merkle_span_range(const struct merkle_span *span, uint64_t begin, uint64_t end,
                                struct merkle_proof *out);

#endif
