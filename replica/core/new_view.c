/* The new primary's NEW-VIEW: V, the VIEW-CHANGEs of a quorum, and O, what follows from them. */
#include "crypto/hash.h"
#include "governance/view_plan.h"
#include "replica/core/machine.h"

#include <string.h>

static struct wire_list list_changes(const struct node *node, struct outbox *outbox)
{
    uint64_t members = changes_for(node, node->view);
    struct buffer space = outbox_open_space(outbox);
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->roster.n && count < node->roster.q; i++) {
        if ((members >> i & 1) == 0) {
            continue;
        }
        struct signed_body element = {
            .rid = node->roster.members[i].rid,
            .body = node->changes[i].body,
        };
        memcpy(element.sig, node->changes[i].sig, SIG_BYTES);
        CHECK(signed_body_encode(&element, &space));
        count++;
    }
    return (struct wire_list){outbox_take_space(outbox, &space), count};
}

static struct wire_list list_proposals(const struct node *node, const struct view_plan *plan,
                                       struct outbox *outbox)
{
    uint32_t count = (uint32_t)(plan->high - plan->low);
    struct buffer space = outbox_open_space(outbox);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t body_bytes[128];
        struct buffer body = buffer_make(body_bytes, sizeof(body_bytes));
        struct vote vote = {
            .epoch = node->epoch,
            .view = node->view,
            .sequence = plan->low + 1 + i,
        };
        memcpy(vote.digest, plan->digest[i], HASH_BYTES);
        CHECK(vote_encode(&vote, &body));
        struct signed_body element = {.rid = node->rid, .body = buffer_bytes(&body)};
        own_sign(node, TAG_PRE_PREPARE, element.body, element.sig);
        CHECK(signed_body_encode(&element, &space));
    }
    return (struct wire_list){outbox_take_space(outbox, &space), count};
}

void new_view_make(struct node *node, struct outbox *outbox)
{
    struct view_plan *plan = &node->work->plan;
    struct new_view new_view = {.epoch = node->epoch, .view = node->view};
    new_view.view_changes = list_changes(node, outbox);
    CHECK(view_plan_make(new_view.view_changes, plan)); /* each was verified */
    new_view.pre_prepares = list_proposals(node, plan, outbox);
    struct buffer space = outbox_open_space(outbox);
    CHECK(new_view_encode(&new_view, &space));
    struct bytes body = outbox_take_space(outbox, &space);
    uint8_t sig[SIG_BYTES];
    own_sign(node, TAG_NEW_VIEW, body, sig);
    struct bytes frame =
        message_frame(outbox, MESSAGE_NEW_VIEW, node->rid, body, BYTES_OF_ARRAY(sig), BYTES_EMPTY);
    struct message message = {
        .envelope = {.type = MESSAGE_NEW_VIEW,
                     .rid = node->rid,
                     .body = body,
                     .sig = outbox_keep(outbox, BYTES_OF_ARRAY(sig))},
    };
    outbox_act(outbox, ACTION_BROADCAST)->frame = frame;
    view_enter(node, &message, outbox);
}
