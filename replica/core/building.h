/* A block's records while they come into being: leaves, results, streams and the tree, one request
 * after the other. Used by execution (machine.c) and by the blocks below a snapshot (history.c),
 * which know what became of each request already. For replica/core only.
 *
 * The lists lie in the node's workspace: one block at a time. */
#ifndef VESTRY_REPLICA_CORE_BUILDING_H
#define VESTRY_REPLICA_CORE_BUILDING_H

#include "replica/core/machine_put.h"

struct building {
    struct workspace *work;
    struct outbox *outbox;
    uint64_t height;
    uint64_t time_ms;
    uint64_t first_index;            /* of the block's first leaf */
    struct merkle_frontier frontier; /* with what was appended so far */
    struct buffer leaves;            /* a list of item_leaf */
    struct buffer results;           /* a list of item_result */
    struct stream_writer streams;
};

/* A block behind `before`, which is remembered in the workspace. */
MUST_USE struct building building_make(struct node *node, const struct merkle_frontier *before,
                                       struct outbox *outbox);

void building_leaf(struct building *building, const struct leaf *leaf);

/* The leaves of a request that is appended. The workspace's stream_indexes, from leaf_count on,
 * hold the first position of each stream at the place of its first statement. */
void building_entries(struct building *building, const struct item_view *view);

/* A leaf that no request brought, and its payload. False, and nothing was appended, when it is none
 * that may stand here: of another kind or place, or with another payload's hash. */
MUST_USE bool building_made(struct building *building, const struct leaf *leaf,
                            struct bytes payload);

/* What became of a request. */
void building_result(struct building *building, const struct item_outcome *outcome);

/* The root over the results so far. */
void building_result_root(const struct building *building, uint8_t out[HASH_BYTES]);

/* Put the block. */
void building_put(struct building *building, const struct block_identity *identity);

#endif
