/* A snapshot takes the place of the state and the head, in one step. The window, the queue and the
 * blocks that wait follow; the blocks in between are a gap that history.c fills. */
#include "crypto/hash.h"
#include "governance/records.h"
#include "governance/session.h"
#include "replica/core/machine.h"
#include "replica/core/machine_put.h"

#include <string.h>

/* Records of the old state that the new one does not have, and those of the new one that differ.
 * Both states stand until the next step, so nothing is copied. */
struct difference {
    struct state *other;
    struct outbox *outbox;
};

static bool put_erased(void *context, struct bytes key, struct bytes value)
{
    const struct difference *difference = context;
    (void)value;
    if (!state_has(difference->other, key) && !MUTANT(76)) {
        struct put put = {.family = FAMILY_STATE, .erase = true, .key = key};
        outbox_put_borrowed(difference->outbox, &put);
    }
    return true;
}

static bool put_changed(void *context, struct bytes key, struct bytes value)
{
    const struct difference *difference = context;
    struct bytes old;
    if (!state_get(difference->other, key, &old) || !bytes_equal(old, value)) {
        struct put put = {.family = FAMILY_STATE, .key = key, .value = value};
        outbox_put_borrowed(difference->outbox, &put);
    }
    return true;
}

static void state_exchange(struct node *node, struct outbox *outbox)
{
    struct state *old = node->state;
    struct state *arrived = node->fetched;
    struct difference gone = {arrived, outbox};
    struct difference moved = {old, outbox};
    (void)state_visit(old, put_erased, &gone);
    (void)state_visit(arrived, put_changed, &moved);
    state_mark(arrived);
    node->state = arrived;
    node->fetched = old;
}

/* The complete subtrees that the tree falls apart into: what proofs of later entries need. */
static void frontier_put(const struct merkle_frontier *frontier, struct outbox *outbox)
{
    for (unsigned level = 0; level < MERKLE_PATH_MAX; level++) {
        if ((frontier->size >> level & 1) != 0) {
            uint64_t index = (frontier->size >> level) - 1;
            tree_put(outbox, level, index, frontier->hashes[level]);
        }
    }
}

static void head_jump(struct node *node, struct bytes header_bytes,
                      const struct merkle_frontier *frontier)
{
    struct head *head = &node->head;
    struct block_header header;
    CHECK(block_header_decode(header_bytes, &header) == WIRE_OK);
    CHECK(header_bytes.len <= sizeof(head->header));
    head->height = header.height;
    head->time_ms = header.time_ms;
    head->boundary = header.pending_boundary;
    head->header_len = header_bytes.len;
    memcpy(head->header, header_bytes.data, header_bytes.len);
    hash_bytes(header_bytes, head->header_hash);
    head->frontier = *frontier;
    attest_own(node);
}

/* What lies between the old head and the snapshot's block; an older gap below grows upwards. */
static void gap_open(struct node *node, const struct head *before,
                     const struct block_header *header, struct outbox *outbox)
{
    struct gap *gap = &node->gap;
    if (before->height + 1 == header->height) {
        return;
    }
    history_forget(node);
    if (gap->last == 0) {
        gap->first = before->height + 1;
        memcpy(gap->below_hash, before->header_hash, HASH_BYTES);
    }
    gap->last = header->height - 1;
    memcpy(gap->last_hash, header->prev_header_hash, HASH_BYTES);
    if (!MUTANT(74)) {
        gap_put(node, outbox);
    }
}

/* Blocks that waited for their turn below the new head. */
static void late_drop(struct node *node)
{
    for (uint32_t i = 0; i < LATE_MAX; i++) {
        struct slot *late = &node->late[i];
        if (late->sequence != 0 && late->sequence <= node->head.height) {
            slot_release(late, &node->pool);
            *late = (struct slot){0};
        }
    }
}

/* Requests that were executed meanwhile, or can succeed no more, wait for nothing. Of the former
 * the session may be gone, with the token that it was of. */
static bool is_over(void *context, const struct queued *queued)
{
    struct node *node = context;
    struct item_view *view = &node->work->view;
    return item_parse_bytes(queued->item, node->cluster_id, view) != RESULT_OK ||
           !session_fresh(node->state, view->session_key, view->request.request_no) ||
           request_hopeless(node) != RESULT_OK;
}

enum drop snapshot_install(struct node *node, uint32_t member, struct bytes attachment,
                           struct outbox *outbox)
{
    struct snapshot *snapshot = &node->snapshot;
    struct history_parcel parcel;
    struct block_header header;
    struct merkle_frontier frontier;
    CHECK(history_parcel_decode(attachment, &parcel) == WIRE_OK);
    CHECK(block_header_decode(parcel.header, &header) == WIRE_OK);
    if (state_count(node->fetched) + state_count(node->state) > OUTBOX_STATE_PUTS_MAX) {
        snapshot_give_up(node, "it is too large for one step");
        return DROP_TOO_LARGE;
    }
    if (!history_block(node, attachment, snapshot->header_hash, &frontier, outbox)) {
        sources_lied(&node->sources, member, node->now_ms);
        return DROP_CERTIFICATE;
    }
    sources_brought(&node->sources, member, header.height, attachment.len, node->now_ms);
    struct head before = node->head;
    /* As execution does, after the root is taken. */
    CHECK(roots_note(node->fetched, header.height, snapshot->root));
    state_exchange(node, outbox);
    if (!rights_refresh(&node->rights, node->state, NULL) ||
        !roster_load(node->state, &node->roster)) {
        node_halt(node, "the state of a snapshot is not one that governance made", outbox);
        return DROP_HALTED;
    }
    snapshot->phase = SNAPSHOT_NONE;
    node->snapshots++;
    frontier_put(&frontier, outbox);
    head_jump(node, parcel.header, &frontier);
    head_put(node, outbox);
    gap_open(node, &before, &header, outbox);
    late_drop(node);
    stable_keep(node, header.height, bytes_make(snapshot->proof, snapshot->proof_len), outbox);
    stable_move(node, header.height, outbox);
    if (!MUTANT(75)) {
        queue_sweep(node->queue, is_over, node);
    }
    node->executed_ms = node->now_ms;
    outbox_act(outbox, ACTION_PIN)->height = header.height;
    node_note(node, "stands at the snapshot of %llu", (unsigned long long)header.height);
    catch_up(node, outbox);
    return DROP_NONE;
}
