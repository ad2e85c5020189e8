/* Proposing: the primary fills batches from the queue, as fast as slots come free.
 *
 * Batches are self-clocked: with few requests waiting they are small and fast, under load they grow
 * while a slot is in flight and while the host verifies what came meanwhile. A block costs every
 * replica its votes, its syncs and its attestation, so a further slot is opened only for a full
 * batch: two half-full ones would cost twice that and carry the same. PROTOCOL: normal case,
 * propose. */
#include "crypto/hash.h"
#include "replica/core/epoch.h"
#include "replica/core/machine.h"

#include <string.h>

/* The longest wait for requests that are being verified. */
#define GATHER_MS 20

/* What one batch may still take. */
struct filling {
    struct buffer items;
    struct buffer payloads;
    size_t item_bytes; /* of those chosen; the buffers come after */
    size_t payload_bytes;
    uint32_t item_count;
    uint32_t statement_count;
    uint32_t payload_count;
    uint64_t bytes_max;
    uint64_t items_max;
};

bool full_batch_waits(const struct node *node)
{
    return queue_waiting(node->queue) >= node_param(node, PARAM_BATCH_ITEMS) ||
           queue_waiting_bytes(node->queue) >= node_param(node, PARAM_BATCH_BYTES);
}

static bool slot_is_free(const struct node *node)
{
    uint64_t last = node->proposed;
    if (last > node->head.height && !full_batch_waits(node)) {
        return false;
    }
    uint64_t limit = node->window.stable + node_param(node, PARAM_WINDOW);
    return last - node->head.height < node_param(node, PARAM_SLOTS_IN_FLIGHT) && last < limit &&
           last < epoch_last(node);
}

/* Requests that are being verified at this moment are worth waiting for: every block costs its
 * votes, its syncs and its attestations, however little it carries. Nobody waits when nothing is
 * on its way, and nobody for long: who sends bad signatures without end gains this and no more. */
static bool gathers(struct node *node, struct outbox *outbox)
{
    if (node->arriving == 0 || full_batch_waits(node)) {
        return false;
    }
    if (node->gathers_ms == 0) {
        node->gathers_ms = node->now_ms + GATHER_MS;
    }
    outbox_wake(outbox, node->gathers_ms);
    return node->now_ms < node->gathers_ms;
}

static bool fits(const struct filling *filling, const struct queued *queued)
{
    size_t items = filling->item_bytes + queued->item.len;
    size_t payloads = filling->payload_bytes + queued->payloads.len;
    if (filling->item_count == 0) {
        return true; /* a single request always fits: the limits relate so */
    }
    return items + payloads <= filling->bytes_max && filling->item_count < filling->items_max &&
           items + 32 <= BATCH_BYTES_MAX && payloads + 32 <= BATCH_PAYLOAD_BYTES_MAX &&
           filling->statement_count + queued->statements <= BATCH_STATEMENTS_MAX;
}

static void take(struct filling *filling, const struct queued *queued)
{
    struct payloads payloads;
    CHECK(payloads_decode(queued->payloads, &payloads) == WIRE_OK);
    buffer_put(&filling->items, queued->item);
    buffer_put(&filling->payloads, payloads.list.raw);
    filling->payload_count += payloads.list.count;
}

/* A request that time has overtaken leaves; its author was told by the refusal of a repetition. */
static bool outlived(const struct node *node, const struct queued *queued)
{
    return queued->not_after_ms < node->wall_ms || queued->not_after_ms < node->head.time_ms;
}

/* Which requests the batch carries: the clients in turn. */
static void choose(struct node *node, struct filling *filling)
{
    struct queued *queued = queue_next(node->queue);
    while (queued != NULL && fits(filling, queued)) {
        if (outlived(node, queued)) {
            queue_remove(node->queue, queued);
        } else {
            node->work->taken[filling->item_count++] = queued;
            filling->item_bytes += queued->item.len;
            filling->payload_bytes += queued->payloads.len;
            filling->statement_count += queued->statements;
            queue_mark_proposed(node->queue, queued);
        }
        queued = queue_next(node->queue);
    }
}

/* In which order they stand in it: each client's together. Entries of one stream that follow each
 * other in the log are one record of that stream at every replica, instead of one each. */
static void fill(struct node *node, struct filling *filling)
{
    struct queued **taken = node->work->taken;
    bool placed[BATCH_ITEMS_MAX] = {false};
    choose(node, filling);
    for (uint32_t i = 0; i < filling->item_count; i++) {
        if (placed[i]) {
            continue;
        }
        for (uint32_t k = i; k < filling->item_count; k++) {
            if (taken[k]->ring == taken[i]->ring) {
                take(filling, taken[k]);
                placed[k] = true;
            }
        }
    }
}

/* Encode into the pool: the slot keeps these bytes until it is executed. */
static struct bytes encode_kept(struct node *node, const struct schema *schema, const void *object,
                                size_t bytes_max)
{
    uint8_t *space = pool_take(&node->pool, bytes_max);
    if (space == NULL) {
        return BYTES_EMPTY;
    }
    struct buffer buffer = buffer_make(space, bytes_max);
    CHECK(schema_encode(schema, object, &buffer));
    return buffer_bytes(&buffer);
}

static bool batch_make(struct node *node, const struct filling *filling, struct slot *slot)
{
    struct batch batch = {
        .time_ms = node->wall_ms,
        .items = {buffer_bytes(&filling->items), filling->item_count},
    };
    struct payloads payloads = {
        .list = {buffer_bytes(&filling->payloads), filling->payload_count},
    };
    slot->batch = encode_kept(node, &schema_batch, &batch, filling->items.len + 32);
    slot->payloads = encode_kept(node, &schema_payloads, &payloads, filling->payloads.len + 32);
    return slot->batch.data != NULL && slot->payloads.data != NULL;
}

static void propose_one(struct node *node, const struct filling *filling, struct outbox *outbox)
{
    struct slot *slot = window_slot(&node->window, node->proposed + 1);
    if (!batch_make(node, filling, slot)) {
        slot_release(slot, &node->pool);
        for (uint32_t i = 0; i < filling->item_count; i++) {
            queue_unmark(node->queue, node->work->taken[i]);
        }
        return;
    }
    node->proposed++;
    slot_turn(slot, node->view);
    hash_bytes(slot->batch, slot->digest);
    slot->has_primary_sig = true;
    struct bytes body = slot_vote_body(node, slot, outbox);
    own_sign(node, TAG_PRE_PREPARE, body, slot->primary_sig);
    slot_accept(node, slot, outbox);
    pre_prepare_send(node, slot, NODE_CLIENT, outbox);
    node_note(node, "proposed %llu: %u requests", (unsigned long long)slot->sequence,
              filling->item_count);
}

/* Whether an empty block is wanted: to carry time forward after a long idleness, or because one
 * epoch ends or another begins. */
static bool empty_due(const struct node *node)
{
    bool idle = node->now_ms >= node->executed_ms + node_param(node, PARAM_IDLE_HEARTBEAT);
    return node->proposed == node->head.height && (idle || epoch_hurries(node));
}

/* What is executed, or was committed by others while this replica was away, is not to be proposed
 * again. */
static void proposed_move(struct node *node)
{
    if (node->proposed < node->head.height) {
        node->proposed = node->head.height;
    }
    const struct slot *next = window_look(&node->window, node->proposed + 1);
    while (next != NULL && next->stage != SLOT_EMPTY) {
        node->proposed++;
        next = window_look(&node->window, node->proposed + 1);
    }
}

void propose(struct node *node, struct outbox *outbox)
{
    if (!node_is_primary(node) || node->mode != MODE_ACTIVE || !node->awake ||
        is_far_behind(node)) {
        return;
    }
    proposed_move(node);
    if (!slot_is_free(node) || (queue_waiting(node->queue) == 0 && !empty_due(node)) ||
        gathers(node, outbox)) {
        return;
    }
    node->gathers_ms = 0;
    struct filling filling = {
        .items = buffer_make(node->work->item_list, sizeof(node->work->item_list)),
        .payloads = buffer_make(node->work->payload_list, sizeof(node->work->payload_list)),
        .bytes_max = node_param(node, PARAM_BATCH_BYTES),
        .items_max = node_param(node, PARAM_BATCH_ITEMS),
    };
    fill(node, &filling);
    if (filling.item_count > 0 || empty_due(node)) {
        propose_one(node, &filling, outbox);
    }
    outbox->again = outbox->again || (queue_waiting(node->queue) > 0 && slot_is_free(node));
}
