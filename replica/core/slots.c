/* What a slot does with its votes: prepared, committed, and the votes this replica sends. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "storage/record.h"

#include <string.h>

struct bytes slot_vote_body(const struct node *node, const struct slot *slot, struct outbox *outbox)
{
    struct vote vote = {.epoch = node->epoch, .view = slot->view, .sequence = slot->sequence};
    memcpy(vote.digest, slot->digest, HASH_BYTES);
    struct buffer space = outbox_open_space(outbox);
    CHECK(vote_encode(&vote, &space));
    return outbox_take_space(outbox, &space);
}

static void frame_send(struct outbox *outbox, struct bytes frame, uint32_t to)
{
    struct action *action = outbox_act(outbox, to == NODE_CLIENT ? ACTION_BROADCAST : ACTION_SEND);
    action->to = to;
    action->frame = frame;
}

void own_sign(const struct node *node, enum sign_tag tag, struct bytes body, uint8_t out[SIG_BYTES])
{
    if (node->key == NULL) {
        memset(out, 0, SIG_BYTES); /* nobody takes it; what counts is not signed asleep */
        return;
    }
    sign_body(node->scheme, node->key->sign_seed, node->roster.members[node->self].sign_pk, tag,
              node->cluster_id, body, out);
}

static void signed_send(const struct node *node, enum message_type type, const struct slot *slot,
                        uint32_t to, uint8_t sig[SIG_BYTES], struct outbox *outbox)
{
    enum sign_tag tag = TAG_PREPARE;
    CHECK(message_tag(type, &tag));
    struct bytes body = slot_vote_body(node, slot, outbox);
    own_sign(node, tag, body, sig);
    frame_send(
        outbox,
        message_frame(outbox, type, node->rid, body, bytes_make(sig, SIG_BYTES), BYTES_EMPTY), to);
}

void vote_send(struct node *node, enum message_type type, const struct slot *slot, uint32_t to,
               struct outbox *outbox)
{
    uint8_t sig[SIG_BYTES];
    signed_send(node, type, slot, to, sig, outbox);
}

void pre_prepare_send(struct node *node, const struct slot *slot, uint32_t to,
                      struct outbox *outbox)
{
    CHECK(slot->has_primary_sig);
    CHECK(slot->batch.data != NULL);
    struct bytes body = slot_vote_body(node, slot, outbox);
    struct batch_parcel parcel = {.batch = slot->batch, .payloads = slot->payloads};
    struct buffer space = outbox_open_space(outbox);
    CHECK(batch_parcel_encode(&parcel, &space));
    struct bytes attachment = outbox_take_space(outbox, &space);
    uint32_t primary = roster_primary(&node->roster, slot->view)->rid;
    frame_send(outbox,
               message_frame(outbox, MESSAGE_PRE_PREPARE, primary, body,
                             BYTES_OF_ARRAY(slot->primary_sig), attachment),
               to);
}

/* The own vote: sent to all, and counted here. */
static void vote_cast(const struct node *node, enum message_type type, const struct slot *slot,
                      struct votes *votes, struct outbox *outbox)
{
    struct one_vote vote;
    memcpy(vote.digest, slot->digest, HASH_BYTES);
    signed_send(node, type, slot, NODE_CLIENT, vote.sig, outbox);
    votes_repeat(votes, node->self, &vote);
}

/* The prepared certificate is durable before the COMMIT that rests on it can leave. */
static void put_prepared(struct node *node, struct slot *slot, struct outbox *outbox)
{
    uint8_t sigs[REPLICAS_MAX * (SIG_BYTES + 2)];
    struct buffer list = buffer_make(sigs, sizeof(sigs));
    uint64_t members = votes_members(&slot->prepares, slot->digest);
    votes_put_sigs(&slot->prepares, members, &list);
    struct prepared prepared = {
        .vote = slot_vote_body(node, slot, outbox),
        .members = members,
        .sigs = {buffer_bytes(&list), members_count(members)},
    };
    memcpy(prepared.primary_sig, slot->primary_sig, SIG_BYTES);
    struct best_prepared *best = &slot->best;
    struct buffer encoded = buffer_make(best->bytes, sizeof(best->bytes));
    CHECK(prepared_encode(&prepared, &encoded));
    best->view = slot->view;
    best->len = encoded.len;
    if (!MUTANT(15)) {
        journal_put(outbox, JOURNAL_PREPARED, slot->sequence,
                    outbox_keep(outbox, buffer_bytes(&encoded)));
    }
}

static void put_commit_certificate(struct node *node, const struct slot *slot,
                                   struct outbox *outbox)
{
    uint8_t sigs[REPLICAS_MAX * (SIG_BYTES + 2)];
    struct buffer list = buffer_make(sigs, sizeof(sigs));
    uint64_t members = votes_members(&slot->commits, slot->digest);
    votes_put_sigs(&slot->commits, members, &list);
    struct certificate certificate = {
        .body = slot_vote_body(node, slot, outbox),
        .members = members,
        .sigs = {buffer_bytes(&list), members_count(members)},
    };
    struct buffer space = outbox_open_space(outbox);
    CHECK(certificate_encode(&certificate, &space));
    struct record_key key = record_key_block(RECORD_CERTIFICATE, slot->sequence);
    outbox_put(outbox, FAMILY_BLOCKS, record_key_bytes(&key), outbox_take_space(outbox, &space));
}

static void become_prepared(struct node *node, struct slot *slot, struct outbox *outbox)
{
    slot->stage = slot->stage < SLOT_PREPARED ? SLOT_PREPARED : slot->stage;
    slot->prepared = true;
    put_prepared(node, slot, outbox);
    vote_cast(node, MESSAGE_COMMIT, slot, &slot->commits, outbox);
    node_note(node, "prepared %llu", (unsigned long long)slot->sequence);
}

void slot_advance(struct node *node, struct slot *slot, struct outbox *outbox)
{
    bool active = node->mode == MODE_ACTIVE && slot->view == node->view;
    if (!node->awake || (!active && !MUTANT(31))) {
        return; /* nothing is voted for in a view that was left */
    }
    uint32_t prepares = votes_count(&slot->prepares, slot->digest) + (MUTANT(1) ? 1 : 0);
    if (slot->stage >= SLOT_ACCEPTED && slot->has_primary_sig && !slot->prepared &&
        slot_has_batch(slot) && prepares >= node->roster.q - 1) {
        become_prepared(node, slot, outbox);
    }
    uint32_t commits = votes_count(&slot->commits, slot->digest) + (MUTANT(2) ? 1 : 0);
    if (MUTANT(3)) {
        commits = members_count(slot->commits.present);
    }
    if (slot->stage == SLOT_PREPARED && commits >= node->roster.q) {
        slot->stage = SLOT_COMMITTED;
        put_commit_certificate(node, slot, outbox);
        node_note(node, "committed %llu", (unsigned long long)slot->sequence);
    }
}

void slot_accept(struct node *node, struct slot *slot, struct outbox *outbox)
{
    slot->stage = slot->stage < SLOT_ACCEPTED ? SLOT_ACCEPTED : slot->stage;
    slot->knows_digest = true;
    struct slot_record record = {
        .vote = slot_vote_body(node, slot, outbox),
        .primary = roster_primary(&node->roster, slot->view)->rid,
    };
    memcpy(record.primary_sig, slot->primary_sig, SIG_BYTES);
    struct buffer space = outbox_open_space(outbox);
    CHECK(slot_record_encode(&record, &space));
    struct bytes value = outbox_take_space(outbox, &space);
    if (!MUTANT(4)) {
        journal_put(outbox, JOURNAL_SLOT, slot->sequence, value);
    }
    if (!MUTANT(14) && slot->batch.data != NULL) {
        slot_put_batch(slot, outbox);
    }
    if (!node_is_primary(node)) {
        vote_cast(node, MESSAGE_PREPARE, slot, &slot->prepares, outbox);
    }
    slot_advance(node, slot, outbox);
}

void slot_put_batch(const struct slot *slot, struct outbox *outbox)
{
    struct record_key batch_key = record_key_batch(slot->digest);
    outbox_put(outbox, FAMILY_BLOCKS, record_key_bytes(&batch_key), slot->batch);
    struct record_key payloads_key = record_key_payloads(slot->digest);
    outbox_put(outbox, FAMILY_PAYLOADS, record_key_bytes(&payloads_key), slot->payloads);
}

static void report_conflict(struct node *node, const struct message *message,
                            const struct vote *vote, const struct one_vote *first, bool is_commit,
                            struct outbox *outbox)
{
    struct vote other = *vote;
    memcpy(other.digest, first->digest, HASH_BYTES);
    struct buffer space = outbox_open_space(outbox);
    CHECK(vote_encode(&other, &space));
    struct contradiction contradiction = {
        .kind = is_commit ? EVIDENCE_COMMIT : EVIDENCE_PREPARE,
        .rid = (uint32_t)message->envelope.rid,
        .first = outbox_take_space(outbox, &space),
        .second = message->envelope.body,
        .first_sig = first->sig,
        .second_sig = message->envelope.sig.data,
    };
    evidence_emit(node, &contradiction, outbox);
}

enum drop vote_take(struct node *node, const struct message *message, bool is_commit,
                    struct outbox *outbox)
{
    struct vote vote;
    if (vote_decode(message->envelope.body, &vote) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    uint32_t member = node_member(node, message->envelope.rid);
    CHECK(member < REPLICAS_MAX);
    struct slot *slot = window_slot(&node->window, vote.sequence);
    if (slot->view > vote.view) {
        return DROP_VIEW_OLD; /* a later view's certificate came for it */
    }
    slot_turn(slot, vote.view);
    struct one_vote one;
    memcpy(one.digest, vote.digest, HASH_BYTES);
    memcpy(one.sig, message->envelope.sig.data, SIG_BYTES);
    struct votes *votes = is_commit ? &slot->commits : &slot->prepares;
    switch (votes_add(votes, member, &one)) {
    case VOTE_DUPLICATE:
        return DROP_DUPLICATE;
    case VOTE_CONFLICT:
        report_conflict(node, message, &vote, &votes->by_member[member], is_commit, outbox);
        return DROP_CONFLICT;
    case VOTE_ADDED:
        break;
    }
    if (is_commit) {
        denial_note(node, member, &vote, one.sig);
    }
    slot_advance(node, slot, outbox);
    return DROP_NONE;
}
