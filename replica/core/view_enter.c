/* Entering a view: what its NEW-VIEW proposes becomes what is voted on. */
#include "crypto/hash.h"
#include "governance/view_plan.h"
#include "replica/core/machine.h"

#include <string.h>

/* What was proposed in an earlier view and not committed is not proposed any more; votes of earlier
 * views do not count. The prepared certificates stay. */
static void slots_reset(struct node *node)
{
    for (uint32_t i = window_used_from(&node->window, 0); i < WINDOW_MAX;
         i = window_used_from(&node->window, i + 1)) {
        struct slot *slot = &node->window.slots[i];
        if (slot->view >= node->view || (MUTANT(39) && slot->sequence > node->work->plan.high)) {
            continue;
        }
        slot_turn(slot, node->view);
        if (slot->stage < SLOT_COMMITTED) {
            slot->stage = SLOT_EMPTY;
        }
    }
}

/* Batches of slots that were not proposed again. */
static void slots_give(struct node *node)
{
    for (uint32_t i = window_used_from(&node->window, 0); i < WINDOW_MAX;
         i = window_used_from(&node->window, i + 1)) {
        struct slot *slot = &node->window.slots[i];
        if (slot->stage == SLOT_EMPTY && slot->batch.data != NULL) {
            slot_release_later(node, slot);
        }
        if (slot->stage == SLOT_EMPTY) {
            slot->knows_digest = false;
        }
    }
}

/* One proposal of the NEW-VIEW. False when it contradicts what was executed here. */
static bool slot_propose(struct node *node, const struct vote *vote,
                         const struct signed_body *proposal, struct outbox *outbox)
{
    if (vote->sequence <= node->window.stable ||
        vote->sequence - node->window.stable > node_param(node, PARAM_WINDOW)) {
        return true; /* settled, or to be fetched with its certificate */
    }
    struct slot *slot = window_slot(&node->window, vote->sequence);
    if (vote->sequence <= node->head.height && slot->stage < SLOT_EXECUTED) {
        slot->stage = SLOT_EXECUTED; /* from beyond the window, or before a restart */
    }
    bool same = slot->knows_digest && hash_equal(slot->digest, vote->digest);
    if (slot->stage >= SLOT_COMMITTED && slot->knows_digest && !same) {
        return false;
    }
    if (slot->has_primary_sig || (MUTANT(55) && slot->stage == SLOT_EXECUTED)) {
        return true; /* restored: it was accepted before */
    }
    slot_turn(slot, node->view);
    if (!same && slot->batch.data != NULL) {
        slot_release_later(node, slot);
    }
    slot->knows_digest = true;
    slot->has_primary_sig = true;
    memcpy(slot->digest, vote->digest, HASH_BYTES);
    memcpy(slot->primary_sig, proposal->sig, SIG_BYTES);
    slot->stage = slot->stage < SLOT_AWAITED ? SLOT_AWAITED : slot->stage;
    if (slot_has_batch(slot)) {
        slot_accept(node, slot, outbox);
    }
    return true;
}

static bool proposals_take(struct node *node, const struct new_view *new_view,
                           struct outbox *outbox)
{
    struct wire_iter list = wire_iter_make(new_view->pre_prepares);
    struct signed_body proposal;
    while (signed_body_next(&list, &proposal)) {
        struct vote vote;
        if (vote_decode(proposal.body, &vote) != WIRE_OK) {
            continue; /* never: job_verify decoded it */
        }
        node->planned = vote.sequence;
        if (!slot_propose(node, &vote, &proposal, outbox)) {
            return false;
        }
    }
    return true;
}

static void changes_forget(struct node *node)
{
    for (uint32_t i = 0; i < node->roster.n; i++) {
        struct kept_change *kept = &node->changes[i];
        if (kept->view != 0 && kept->view <= node->view && i != node->self) {
            pool_give(&node->pool, kept->body.data);
            *kept = (struct kept_change){0};
        }
    }
}

static void new_view_put(const struct message *message, struct outbox *outbox)
{
    struct buffer space = outbox_open_space(outbox);
    CHECK(envelope_encode(&message->envelope, &space));
    journal_put(outbox, JOURNAL_NEW_VIEW, 0, outbox_take_space(outbox, &space));
}

void view_enter(struct node *node, const struct message *message, struct outbox *outbox)
{
    struct new_view new_view;
    struct view_plan *plan = &node->work->plan;
    CHECK(new_view_decode(message->envelope.body, &new_view) == WIRE_OK);
    CHECK(view_plan_make(new_view.view_changes, plan));
    if (node->mode == MODE_ACTIVE) {
        queue_unmark_all(node->queue);
        pace_view_over(&node->pace, node->roster.n);
    }
    node->view = new_view.view;
    node->mode = MODE_ACTIVE;
    node->entered_height = node->head.height;
    node->planned = plan->low;
    node->waits_since_ms = 0;
    view_begin(node);
    view_put(node, outbox);
    if (!MUTANT(30)) {
        new_view_put(message, outbox);
    }
    denials_of(node, &new_view, outbox); /* before the votes of earlier views go */
    denials_keep(node, &new_view, message->envelope.body, plan);
    slots_reset(node);
    node_note(node, "enters view %llu: %llu to %llu are proposed again",
              (unsigned long long)node->view, (unsigned long long)plan->low + 1,
              (unsigned long long)plan->high);
    node->proposed = MUTANT(53) ? node->head.height : plan->high;
    if (!proposals_take(node, &new_view, outbox)) {
        node_halt(node, "a new view proposes another block at a height that was executed here",
                  outbox);
        return;
    }
    slots_give(node);
    changes_forget(node);
    fetch_missing(node, outbox);
    node->status_due_ms = node->now_ms; /* votes that came too early are sent again */
    outbox->again = true;
}

void view_restore_slots(struct node *node, struct bytes frame, struct outbox *outbox)
{
    struct message message;
    struct new_view new_view;
    struct view_plan *plan = &node->work->plan;
    if (message_split(frame, &message) != DROP_NONE ||
        new_view_decode(message.envelope.body, &new_view) != WIRE_OK ||
        new_view.epoch != node->epoch || new_view.view != node->view || node->mode != MODE_ACTIVE ||
        !view_plan_make(new_view.view_changes, plan)) {
        return;
    }
    denials_keep(node, &new_view, message.envelope.body, plan);
    /* What O proposes is proposed, be it beyond the window that this replica has now. */
    node->planned = plan->low;
    node->proposed = node->proposed < plan->high ? plan->high : node->proposed;
    if (!proposals_take(node, &new_view, outbox)) {
        node_halt(node, "the stored new view contradicts a block that was executed here", outbox);
    }
}
