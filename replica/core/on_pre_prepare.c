/* PRE-PREPARE: the primary proposes a batch for a sequence. Castro & Liskov, OSDI '99, section 4.2.
 *
 * Acceptance depends on what never changes (job_verify has checked digest, shapes, payloads and
 * signatures), on the window, and on the time bound. Authority, quota, revocation and duplicates
 * are decided at execution, identically everywhere. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"

#include <string.h>

/* D = Delta * 2^k, capped; k is that of the view timer. While no view gets anywhere clocks may be
 * the reason, so the bound grows; beyond the cap progress stops until they are repaired. */
static uint64_t time_bound_ms(const struct node *node)
{
    uint64_t most = node_param(node, PARAM_TIME_DELTA_MAX);
    uint64_t bound = node_param(node, PARAM_TIME_DELTA);
    for (uint32_t i = 0; i < node->backoff && bound < most; i++) {
        bound *= 2;
    }
    return bound < most ? bound : most;
}

/* Within D above this clock, and not older than what a slow view explains. */
static bool time_acceptable(const struct node *node, uint64_t time_ms)
{
    uint64_t bound = time_bound_ms(node);
    uint64_t timeout = view_timeout_ms(node);
    if (time_ms > node->wall_ms) {
        return time_ms - node->wall_ms <= bound;
    }
    return node->wall_ms - time_ms <= (bound > timeout ? bound : timeout);
}

static void report_second(struct node *node, const struct slot *slot, const struct message *message,
                          struct outbox *outbox)
{
    struct contradiction contradiction = {
        .kind = EVIDENCE_PRE_PREPARE,
        .rid = (uint32_t)message->envelope.rid,
        .first = slot_vote_body(node, slot, outbox),
        .second = message->envelope.body,
        .first_sig = slot->primary_sig,
        .second_sig = message->envelope.sig.data,
    };
    evidence_emit(node, &contradiction, outbox);
}

/* A pre-prepare for a slot that has one. */
static enum drop again(struct node *node, struct slot *slot, const struct vote *vote,
                       const struct message *message, struct outbox *outbox)
{
    if (hash_equal(slot->digest, vote->digest)) {
        return DROP_DUPLICATE;
    }
    if (slot->has_primary_sig && slot->view == vote->view) {
        report_second(node, slot, message, outbox);
        view_leave_on_proof(node, slot, message, outbox);
        return DROP_CONFLICT;
    }
    return DROP_DIGEST;
}

enum drop on_pre_prepare(struct node *node, const struct message *message, struct outbox *outbox)
{
    struct vote vote;
    struct batch_parcel parcel;
    struct batch batch;
    if (vote_decode(message->envelope.body, &vote) != WIRE_OK ||
        batch_parcel_decode(message->attachment, &parcel) != WIRE_OK ||
        batch_decode(parcel.batch, &batch) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    struct slot *slot = window_slot(&node->window, vote.sequence);
    bool awaited = slot->stage == SLOT_AWAITED && slot->view == vote.view &&
                   hash_equal(slot->digest, vote.digest);
    if (slot->stage != SLOT_EMPTY && !awaited && !(MUTANT(8) && slot->stage == SLOT_ACCEPTED)) {
        return again(node, slot, &vote, message, outbox);
    }
    /* What a NEW-VIEW proposes again was in time when it was proposed first. */
    if ((!awaited || MUTANT(61)) && !time_acceptable(node, batch.time_ms)) {
        return DROP_TIME;
    }
    struct bytes batch_copy = pool_copy(&node->pool, parcel.batch);
    struct bytes payloads_copy = pool_copy(&node->pool, parcel.payloads);
    if (batch_copy.data == NULL || payloads_copy.data == NULL) {
        pool_give(&node->pool, batch_copy.data);
        pool_give(&node->pool, payloads_copy.data);
        return DROP_NO_MEMORY;
    }
    slot_turn(slot, vote.view);
    slot->batch = batch_copy;
    slot->payloads = payloads_copy;
    slot->has_primary_sig = true;
    memcpy(slot->digest, vote.digest, HASH_BYTES);
    memcpy(slot->primary_sig, message->envelope.sig.data, SIG_BYTES);
    slot_accept(node, slot, outbox);
    return DROP_NONE;
}
