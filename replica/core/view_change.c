/* Leaving a view, and what the VIEW-CHANGEs of the others make this replica do. PROTOCOL: view
 * change; Castro & Liskov, OSDI '99, sections 4.4 and 4.5.2. */
#include "replica/core/node_parts.h"

#include <string.h>

#define BACKOFF_MAX 16

uint64_t changes_for(const struct node *node, uint64_t view)
{
    uint64_t members = 0;
    for (uint32_t i = 0; i < node->roster.n; i++) {
        members |= node->changes[i].view == view ? UINT64_C(1) << i : 0;
    }
    return members;
}

uint64_t changes_from(const struct node *node, uint64_t view)
{
    uint64_t members = 0;
    for (uint32_t i = 0; i < node->roster.n; i++) {
        bool has = node->changes[i].view != 0 && node->changes[i].view >= view;
        members |= has ? UINT64_C(1) << i : 0;
    }
    return members;
}

uint64_t view_changes_held(const struct node *node)
{
    return changes_from(node, node->mode == MODE_CHANGING ? node->view : node->view + 1);
}

void view_put(const struct node *node, struct outbox *outbox)
{
    struct view_record view = {.epoch = node->epoch, .view = node->view, .mode = node->mode};
    struct buffer space = outbox_open_space(outbox);
    CHECK(view_record_encode(&view, &space));
    if (!MUTANT(26)) {
        journal_put(outbox, JOURNAL_VIEW, 0, outbox_take_space(outbox, &space));
    }
}

/* P: the prepared certificate with the highest view of every slot above the stable checkpoint. */
static struct wire_list prepared_list(const struct node *node, struct outbox *outbox)
{
    struct buffer space = outbox_open_space(outbox);
    uint32_t count = 0;
    for (uint64_t n = node->window.stable + 1; n <= node->window.stable + WINDOW_MAX; n++) {
        const struct slot *slot = window_look(&node->window, n);
        if (slot != NULL && slot->best.len > 0) {
            buffer_put(&space, bytes_make(slot->best.bytes, slot->best.len));
            count++;
        }
    }
    return (struct wire_list){outbox_take_space(outbox, &space), count};
}

/* The own VIEW-CHANGE, the same bytes until the next one. */
static void own_change_make(struct node *node, struct outbox *outbox)
{
    struct view_change change = {
        .epoch = node->epoch,
        .view = node->view,
        .prepared = prepared_list(node, outbox),
    };
    struct bytes proof = bytes_make(node->stable_proof, node->stable_len);
    CHECK(stable_decode(proof, &change.stable) == WIRE_OK);
    struct buffer body = buffer_make(node->own_change, sizeof(node->own_change));
    CHECK(view_change_encode(&change, &body));
    struct kept_change *own = &node->changes[node->self];
    own->view = node->view;
    own->body = buffer_bytes(&body);
    own_sign(node, TAG_VIEW_CHANGE, own->body, own->sig);
    struct signed_body record = {.rid = node->rid, .body = own->body};
    memcpy(record.sig, own->sig, SIG_BYTES);
    struct buffer space = outbox_open_space(outbox);
    CHECK(signed_body_encode(&record, &space));
    struct bytes value = outbox_take_space(outbox, &space);
    if (!MUTANT(29)) {
        journal_put(outbox, JOURNAL_VIEW_CHANGE, 0, value);
    }
}

void change_send(struct node *node, uint32_t to, struct outbox *outbox)
{
    const struct kept_change *own = &node->changes[node->self];
    CHECK(own->view != 0);
    struct action *action = outbox_act(outbox, to == NODE_CLIENT ? ACTION_BROADCAST : ACTION_SEND);
    action->to = to;
    action->frame = message_frame(outbox, MESSAGE_VIEW_CHANGE, node->rid, own->body,
                                  BYTES_OF_ARRAY(own->sig), BYTES_EMPTY);
}

void view_begin(struct node *node)
{
    node->new_view_due_ms = 0;
    node->new_view_asked = false;
    node->complains = false;
    node->convicted = false;
    memset(node->complained_ms, 0, sizeof(node->complained_ms));
}

void view_leave(struct node *node, uint64_t view, struct outbox *outbox)
{
    CHECK(view > node->view);
    view = MUTANT(83) ? view : view_not_barred(node, view);
    bool fruitless = node->mode == MODE_CHANGING || node->head.height == node->entered_height;
    if (fruitless && node->backoff < BACKOFF_MAX) {
        node->backoff++;
        node->calm = 0;
    }
    node_note(node, "leaves view %llu for %llu", (unsigned long long)node->view,
              (unsigned long long)view);
    node->mode = MODE_CHANGING;
    node->view = view;
    view_begin(node);
    pace_view_over(&node->pace, node->roster.n);
    if (!MUTANT(34)) {
        queue_unmark_all(node->queue);
    }
    view_put(node, outbox);
    own_change_make(node, outbox);
    change_send(node, NODE_CLIENT, outbox);
    view_consider(node, outbox);
}

void view_leave_on_proof(struct node *node, const struct slot *slot, const struct message *second,
                         struct outbox *outbox)
{
    if (node->mode != MODE_ACTIVE || slot->view != node->view || !node->awake) {
        return;
    }
    /* The others may know either one: what convinced this replica is to convince them. */
    if (slot_has_batch(slot) && slot->batch.data != NULL) {
        pre_prepare_send(node, slot, NODE_CLIENT, outbox);
    }
    outbox_act(outbox, ACTION_BROADCAST)->frame =
        message_frame(outbox, MESSAGE_PRE_PREPARE, (uint32_t)second->envelope.rid,
                      second->envelope.body, second->envelope.sig, second->attachment);
    view_leave(node, node->view + 1, outbox);
}

/* The smallest view that a weak quorum is beyond this replica's: a correct one among them is. */
static uint64_t view_to_join(const struct node *node)
{
    uint64_t smallest = UINT64_MAX;
    uint32_t enough = MUTANT(36) ? 1 : node->roster.w;
    if (members_count(changes_from(node, node->view + 1)) < enough) {
        return 0;
    }
    for (uint32_t i = 0; i < node->roster.n; i++) {
        uint64_t view = node->changes[i].view;
        smallest = view > node->view && view < smallest ? view : smallest;
    }
    return smallest;
}

void view_consider(struct node *node, struct outbox *outbox)
{
    uint64_t join = view_to_join(node);
    if (join != 0) {
        view_leave(node, join, outbox); /* which considers again: views only grow */
        return;
    }
    if (node->mode != MODE_CHANGING) {
        complaints_count(node, outbox);
        return;
    }
    uint64_t left = MUTANT(64) ? changes_for(node, node->view) : changes_from(node, node->view);
    if (node->new_view_due_ms == 0 && !MUTANT(47) && members_count(left) >= node->roster.q) {
        node->new_view_due_ms = node->now_ms + view_timeout_ms(node);
    }
    uint32_t enough = node->roster.q - (MUTANT(80) ? 1 : 0);
    if (node_is_primary(node) && members_count(changes_for(node, node->view)) >= enough) {
        new_view_make(node, outbox);
    }
}
