/* What is wrong with a VIEW-CHANGE or a NEW-VIEW, from the definition and not by the rules that the
 * replicas have: what liars sign of that kind is never taken and becomes evidence, and correct
 * replicas sign none. */
#include "tests/sim/check.h"

#include <string.h>

const uint8_t *check_asked_for(const struct new_view *new_view, uint64_t sequence,
                               uint8_t space[HASH_BYTES])
{
    struct wire_iter changes = wire_iter_make(new_view->view_changes);
    struct signed_body element;
    uint64_t best = 0;
    bool any = false;
    memset(space, 0, HASH_BYTES);
    while (signed_body_next(&changes, &element)) {
        struct view_change change;
        struct prepared prepared;
        CHECK(view_change_decode(element.body, &change) == WIRE_OK);
        struct wire_iter list = wire_iter_make(change.prepared);
        while (prepared_next(&list, &prepared)) {
            struct vote vote;
            CHECK(vote_decode(prepared.vote, &vote) == WIRE_OK);
            if (vote.sequence == sequence && (!any || vote.view > best)) {
                any = true;
                best = vote.view;
                memcpy(space, vote.digest, HASH_BYTES);
            }
        }
    }
    return any ? space : NULL;
}

uint64_t check_low_of(const struct new_view *new_view)
{
    struct wire_iter changes = wire_iter_make(new_view->view_changes);
    struct signed_body element;
    uint64_t low = 0;
    while (signed_body_next(&changes, &element)) {
        struct view_change change;
        struct block_header header;
        CHECK(view_change_decode(element.body, &change) == WIRE_OK);
        CHECK(block_header_decode(change.stable.header, &header) == WIRE_OK);
        low = header.height > low ? header.height : low;
    }
    return low;
}

static bool certificates_good(const struct world *world, const struct view_change *change,
                              uint64_t low)
{
    struct wire_iter list = wire_iter_make(change->prepared);
    struct prepared prepared;
    uint64_t last = low;
    while (prepared_next(&list, &prepared)) {
        uint8_t space[4096];
        struct buffer bytes = buffer_make(space, sizeof(space));
        struct vote vote;
        if (vote_decode(prepared.vote, &vote) != WIRE_OK || vote.epoch != change->epoch ||
            vote.view >= change->view || vote.sequence <= last ||
            vote.sequence > low + world->plan.window || !prepared_encode(&prepared, &bytes) ||
            !check_prepared(world, buffer_bytes(&bytes), &vote)) {
            return false;
        }
        last = vote.sequence;
    }
    return true;
}

const char *check_change_wrong(const struct world *world, struct bytes body)
{
    struct view_change change;
    struct block_header header;
    if (view_change_decode(body, &change) != WIRE_OK ||
        block_header_decode(change.stable.header, &header) != WIRE_OK) {
        return "a VIEW-CHANGE that is none";
    }
    if (check_epoch_at(world, header.height)->number != change.epoch &&
        check_epoch_at(world, header.height + 1)->number != change.epoch) {
        return "a checkpoint that another epoch begins or ends with";
    }
    if (header.height % world->plan.interval != 0 || !check_stable(world, &change.stable)) {
        return "a checkpoint that is not stable";
    }
    return certificates_good(world, &change, header.height) ? NULL
                                                            : "a certificate that proves nothing";
}

/* What is wrong with V, or NULL. */
static const char *changes_wrong(const struct world *world, const struct new_view *new_view)
{
    const struct cast *cast = &world->cast;
    struct wire_iter list = wire_iter_make(new_view->view_changes);
    struct signed_body element;
    uint64_t members = 0;
    while (signed_body_next(&list, &element)) {
        struct view_change change;
        if (element.rid >= cast->n || (members >> element.rid & 1) != 0) {
            return "somebody twice in V";
        }
        members |= UINT64_C(1) << element.rid;
        if (view_change_decode(element.body, &change) != WIRE_OK || change.view != new_view->view ||
            change.epoch != new_view->epoch) {
            return "a VIEW-CHANGE for another view";
        }
        if (!check_signed(world, new_view->epoch, element.rid, TAG_VIEW_CHANGE, element.body,
                          element.sig)) {
            return "a VIEW-CHANGE that its sender did not sign";
        }
        const char *inner = check_change_wrong(world, element.body);
        if (inner != NULL) {
            return inner;
        }
    }
    return (uint32_t)__builtin_popcountll(members) >= cast->q ? NULL : "fewer than Q in V";
}

/* O against V. */
static bool follows(const struct world *world, const struct new_view *new_view)
{
    uint64_t place = check_place(new_view->epoch, new_view->view);
    uint32_t primary = check_place_primary(world, place);
    uint64_t next = check_low_of(new_view) + 1;
    struct wire_iter list = wire_iter_make(new_view->pre_prepares);
    struct signed_body element;
    uint8_t space[HASH_BYTES];
    while (signed_body_next(&list, &element)) {
        struct vote vote;
        (void)check_asked_for(new_view, next, space);
        if (element.rid != primary || vote_decode(element.body, &vote) != WIRE_OK ||
            vote.epoch != new_view->epoch || vote.view != new_view->view || vote.sequence != next ||
            memcmp(vote.digest, space, HASH_BYTES) != 0 ||
            !check_signed(world, new_view->epoch, primary, TAG_PRE_PREPARE, element.body,
                          element.sig)) {
            return false;
        }
        next++;
    }
    bool more = false;
    for (uint64_t n = next; n < next + world->plan.window && !more; n++) {
        more = check_asked_for(new_view, n, space) != NULL;
    }
    return !more;
}

const char *check_new_view_wrong(const struct world *world, uint64_t rid, struct bytes body)
{
    struct new_view new_view;
    if (new_view_decode(body, &new_view) != WIRE_OK || new_view.view == 0 ||
        check_epoch(world, new_view.epoch) == NULL ||
        rid != (new_view.epoch + new_view.view) % world->cast.n) {
        return "a NEW-VIEW that is none";
    }
    const char *wrong = changes_wrong(world, &new_view);
    if (wrong != NULL) {
        return wrong;
    }
    return follows(world, &new_view) ? NULL : "proposals that do not follow";
}

/* --- What is brought ---------------------------------------------------------------------------
 */

static bool is_accused(const struct outbox *outbox, uint64_t rid, uint64_t kind)
{
    for (uint32_t i = 0; i < outbox->action_count; i++) {
        struct evidence evidence;
        if (outbox->actions[i].kind == ACTION_EVIDENCE &&
            evidence_decode(outbox->actions[i].frame, &evidence) == WIRE_OK &&
            evidence.rid == rid && evidence.kind == kind) {
            return true;
        }
    }
    return false;
}

/* Who has proof against the leader of the view that it waits for waits no longer. */
static void still_waits(struct world *world, const struct host *host, struct bytes body)
{
    struct node_look look;
    struct new_view new_view;
    node_look(host->node, &look);
    CHECK(new_view_decode(body, &new_view) == WIRE_OK);
    if (look.mode == MODE_CHANGING && look.view == new_view.view && look.awake && !look.halted) {
        world_fail(world, "I16", host->rid, "it waits for view %lu with proof against its leader",
                   (unsigned long)look.view);
    }
}

/* With its key of the epoch that the message is of. */
static bool signed_by_sender(const struct world *world, const struct envelope *envelope)
{
    struct view_change change;
    struct new_view new_view;
    if (envelope->sig.len != SIG_BYTES) {
        return false;
    }
    if (envelope->type == MESSAGE_VIEW_CHANGE) {
        return view_change_decode(envelope->body, &change) == WIRE_OK &&
               check_signed(world, change.epoch, envelope->rid, TAG_VIEW_CHANGE, envelope->body,
                            envelope->sig.data);
    }
    return new_view_decode(envelope->body, &new_view) == WIRE_OK &&
           check_signed(world, new_view.epoch, envelope->rid, TAG_NEW_VIEW, envelope->body,
                        envelope->sig.data);
}

static void judge_liar(struct world *world, struct host *host, const struct event *event,
                       const struct envelope *envelope, const struct outbox *outbox)
{
    bool is_change = envelope->type == MESSAGE_VIEW_CHANGE;
    const char *wrong = is_change ? check_change_wrong(world, envelope->body)
                                  : check_new_view_wrong(world, envelope->rid, envelope->body);
    if (wrong == NULL) {
        return;
    }
    uint64_t kind = is_change ? EVIDENCE_VIEW_CHANGE : EVIDENCE_NEW_VIEW;
    uint32_t *accused = &world->check->hosts[host->rid].accused[is_change ? 0 : 1];
    if (event->kind == EVENT_MESSAGE) {
        world_fail(world, "I16", host->rid, "a %s of r%lu was taken with %s",
                   message_type_text(envelope->type), (unsigned long)envelope->rid, wrong);
    }
    *accused |= is_accused(outbox, envelope->rid, kind) ? 1u << envelope->rid : 0;
    if ((*accused >> envelope->rid & 1) == 0) {
        world_fail(world, "I16", host->rid, "no evidence against r%lu for a %s with %s",
                   (unsigned long)envelope->rid, message_type_text(envelope->type), wrong);
    }
    if (!is_change) {
        still_waits(world, host, envelope->body);
    }
}

void check_view_message(struct world *world, struct host *host, const struct event *event,
                        const struct outbox *outbox)
{
    struct envelope envelope;
    size_t used = 0;
    if (world->plan.liars == 0 ||
        schema_decode_front(&schema_envelope, event->frame, &envelope, &used) != WIRE_OK ||
        (envelope.type != MESSAGE_VIEW_CHANGE && envelope.type != MESSAGE_NEW_VIEW) ||
        envelope.rid >= world->cast.n || envelope.rid == host->rid) {
        return;
    }
    if (!signed_by_sender(world, &envelope)) {
        if (event->kind == EVENT_MESSAGE) {
            world_fail(world, "I16", host->rid, "a %s was taken that r%lu did not sign",
                       message_type_text(envelope.type), (unsigned long)envelope.rid);
        }
        return;
    }
    if ((world->plan.liars >> envelope.rid & 1) != 0) {
        judge_liar(world, host, event, &envelope, outbox);
    }
}
