/* What job_verify refused and what convicts who signed it: a PRE-PREPARE whose batch no correct
 * primary proposes, a VIEW-CHANGE or NEW-VIEW that does not prove what it must. PROTOCOL: normal
 * case, accept; view change; ATTACKS B06, B08, B32 to B40. */
#include "governance/evidence.h"

#include "replica/core/machine.h"

#include <string.h>

/* A batch is judged whole before anybody is accused: what a worker saw may be the fault of who
 * brought it. That takes as long as verifying a batch, on this thread, so only once in a view. */
static enum drop refused_batch(struct node *node, const struct message *message,
                               struct outbox *outbox)
{
    struct batch_parcel parcel;
    struct evidence_facts facts;
    struct origin origin;
    if (node->convicted || !node->awake || message->envelope.sig.len != SIG_BYTES ||
        batch_parcel_decode(message->attachment, &parcel) != WIRE_OK ||
        !origin_make(node_charter_name(node), node->cluster_id, &origin)) {
        return DROP_NOT_WANTED;
    }
    struct evidence evidence = {
        .kind = EVIDENCE_BATCH,
        .rid = message->envelope.rid,
        .epoch = node->epoch,
        .first = message->envelope.body,
        .proof = parcel.batch,
    };
    memcpy(evidence.first_sig, message->envelope.sig.data, SIG_BYTES);
    struct buffer space = outbox_open_space(outbox);
    if (!evidence_encode(&evidence, &space)) {
        return DROP_MALFORMED;
    }
    struct bytes encoded = outbox_take_space(outbox, &space);
    const struct evidence_trust trust = {
        .scheme = node->scheme,
        .roster = &node->roster,
        .cluster_id = node->cluster_id,
        .origin = &origin,
        .scratch = &node->work->view,
    };
    if (evidence_judge(&trust, encoded, &facts) != EVIDENCE_PROVES) {
        return DROP_NOT_WANTED;
    }
    node->convicted = true;
    outbox_act(outbox, ACTION_EVIDENCE)->frame = encoded;
    node_note(node, "evidence against r%lu: a bad batch", (unsigned long)message->envelope.rid);
    complain(node, outbox);
    return DROP_CONFLICT;
}

/* Whom somebody waits for has shown that he leads nowhere. The others see it too, or hear of it by
 * the VIEW-CHANGE that this one sends now. */
static void leave_vain_wait(struct node *node, const struct message *message, struct outbox *outbox)
{
    struct new_view new_view;
    bool waits = node->mode == MODE_CHANGING && node->awake && !MUTANT(68);
    if (message->envelope.type == MESSAGE_NEW_VIEW && waits &&
        new_view_decode(message->envelope.body, &new_view) == WIRE_OK &&
        new_view.view == node->view) {
        view_leave(node, node->view + 1, outbox);
    }
}

static enum drop refused_of_views(struct node *node, const struct message *message,
                                  struct outbox *outbox)
{
    bool is_change = message->envelope.type == MESSAGE_VIEW_CHANGE;
    uint64_t *accused = is_change ? &node->accused_changes : &node->accused_new_views;
    uint32_t member = node_member(node, message->envelope.rid);
    if (member == REPLICAS_MAX || member == node->self) {
        return DROP_SENDER;
    }
    if ((*accused >> member & 1) == 0 && !MUTANT(67)) {
        *accused |= UINT64_C(1) << member;
        evidence_emit_one(node, is_change ? EVIDENCE_VIEW_CHANGE : EVIDENCE_NEW_VIEW,
                          &message->envelope, outbox);
    }
    leave_vain_wait(node, message, outbox);
    return DROP_CERTIFICATE;
}

/* A NEW-VIEW that somebody passed on: it is who signed it that it convicts. */
static enum drop refused_data(struct node *node, const struct message *message, enum drop verdict,
                              struct outbox *outbox)
{
    struct data data;
    struct message inner;
    if (verdict == DROP_CERTIFICATE && node->started && !node->halted &&
        data_decode(message->envelope.body, &data) == WIRE_OK && data.kind == FETCH_NEW_VIEW &&
        message_split(message->attachment, &inner) == DROP_NONE) {
        (void)refused_of_views(node, &inner, outbox);
    }
    return DROP_NONE;
}

enum drop on_refused(struct node *node, const struct message *message, enum drop verdict,
                     struct outbox *outbox)
{
    switch (message->envelope.type) {
    case MESSAGE_PRE_PREPARE:
        return refused_batch(node, message, outbox);
    case MESSAGE_VIEW_CHANGE:
    case MESSAGE_NEW_VIEW:
        return verdict == DROP_CERTIFICATE ? refused_of_views(node, message, outbox) : verdict;
    case MESSAGE_DATA:
        return refused_data(node, message, verdict, outbox);
    default:
        return DROP_NOT_WANTED;
    }
}
