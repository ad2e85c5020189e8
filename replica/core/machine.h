/* Execution: what a committed batch does to the log and the state. For replica/core only.
 *
 * A function of the head, the state and the batch; every replica makes the same bytes. */
#ifndef VESTRY_REPLICA_CORE_MACHINE_H
#define VESTRY_REPLICA_CORE_MACHINE_H

#include "governance/item.h"
#include "governance/view_plan.h"
#include "replica/core/node_parts.h"

#define TOKENS_REMEMBERED 256

/* Memory of one execution, taken once at node_open. */
struct workspace {
    struct item_view view;
    struct token_memo tokens; /* parsed lately: a hint, see item.h */
    struct token_memo_entry token_entries[TOKENS_REMEMBERED];
    struct merkle_frontier before;
    uint32_t leaf_count;
    uint32_t item_count;
    struct item_outcome items[BATCH_ITEMS_MAX];
    uint8_t result_hashes[BATCH_ITEMS_MAX][HASH_BYTES];
    uint8_t leaf_hashes[BATCH_STATEMENTS_MAX][HASH_BYTES];
    uint64_t stream_indexes[BATCH_STATEMENTS_MAX];
    uint32_t stream_totals[STATEMENTS_MAX];
    struct block_outcome outcome;
    /* Encoded lists, gathered while the items run. */
    uint8_t result_list[BATCH_ITEMS_MAX * 64];
    uint8_t leaf_list[BATCH_STATEMENTS_MAX * 256];
    struct view_plan plan; /* used by new_view.c and view_enter.c */
    /* Used by propose.c. */
    struct queued *taken[BATCH_ITEMS_MAX];
    uint8_t item_list[BATCH_BYTES_MAX];
    uint8_t payload_list[BATCH_PAYLOAD_BYTES_MAX];
};

/* A block that is about to be executed. An empty batch is the null slot's. */
struct block_input {
    uint64_t sequence;
    const uint8_t *digest;
    struct bytes batch;
    struct bytes payloads;
};

void machine_apply(struct node *node, const struct block_input *input, struct outbox *outbox);

/* Height 0, on an empty store. False when the charter does not fit the state's bounds. */
MUST_USE bool machine_genesis(struct node *node, struct outbox *outbox);

#endif
