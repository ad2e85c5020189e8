/* Which block is executed next: the slot behind the head, once it is committed and its batch is
 * here, or the block that came by commit certificate when the window has no place for it. */
#include "crypto/hash.h"
#include "replica/core/epoch.h"
#include "replica/core/machine.h"

#include <string.h>

static void requests_settle(struct node *node)
{
    for (uint32_t i = 0; i < node->work->item_count; i++) {
        struct queued *queued = queue_find(node->queue, node->work->items[i].request_id);
        if (queued != NULL) {
            queue_remove(node->queue, queued);
        }
    }
}

static void execute(struct node *node, struct slot *slot, struct outbox *outbox)
{
    struct block_input input = {
        .sequence = slot->sequence,
        .digest = slot->digest,
        .batch = slot->batch,
        .payloads = slot->payloads,
    };
    machine_apply(node, &input, outbox);
    requests_settle(node);
    pace_executed(&node->pace, node->work->item_count, slot->batch.len + slot->payloads.len);
    node->executed_ms = node->now_ms;
    node_note(node, "executed %llu: %u requests, %u entries", (unsigned long long)slot->sequence,
              node->work->item_count, node->work->leaf_count);
    /* Before the attestation: if it makes this height stable, the slot is gone. */
    if (!MUTANT(16)) {
        slot->stage = SLOT_EXECUTED;
        slot_release_later(node, slot);
    }
    attest_checkpoint(node, outbox);
    if (is_snapshot_height(node, node->head.height)) {
        outbox_act(outbox, ACTION_PIN)->height = node->head.height;
    }
    if (MUTANT(16)) {
        slot->stage = SLOT_EXECUTED;
        slot_release_later(node, slot);
    }
}

/* The window may have come up meanwhile, with a slot for the block that came from beyond it. */
static void late_settle(struct node *node, uint64_t sequence, const uint8_t digest[HASH_BYTES])
{
    if (window_look(&node->window, sequence) == NULL) {
        return;
    }
    struct slot *slot = window_slot(&node->window, sequence);
    if (!slot->knows_digest || !hash_equal(slot->digest, digest)) {
        slot->has_primary_sig = false;
        slot->prepared = false;
    }
    slot->stage = SLOT_EXECUTED;
    slot->knows_digest = true;
    memcpy(slot->digest, digest, HASH_BYTES);
    slot_release_later(node, slot);
}

bool machine_advance(struct node *node, struct outbox *outbox)
{
    uint64_t next = node->head.height + 1;
    if (epoch_ends(node)) {
        return false;
    }
    struct slot *late = &node->late[next % LATE_MAX];
    if (late->sequence == next) {
        execute(node, late, outbox);
        late_settle(node, next, late->digest);
        *late = (struct slot){0};
        return true;
    }
    const struct slot *look = window_look(&node->window, next);
    enum slot_stage needed = MUTANT(5) ? SLOT_PREPARED : SLOT_COMMITTED;
    if (look == NULL || look->stage < needed || look->stage == SLOT_EXECUTED ||
        !slot_has_batch(look)) {
        return false;
    }
    execute(node, window_slot(&node->window, next), outbox);
    return true;
}

void slot_release_later(struct node *node, struct slot *slot)
{
    /* The puts of this step may borrow the batch: it is given back at the next step. */
    CHECK(node->spent_count + 2 <= SPENT_MAX);
    node->spent[node->spent_count++] = slot->batch.data;
    node->spent[node->spent_count++] = slot->payloads.data;
    slot->batch = BYTES_EMPTY;
    slot->payloads = BYTES_EMPTY;
}
