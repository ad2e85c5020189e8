/* The amnesia challenge: a replica that starts asks the others for the newest messages of its own
 * that they hold. One that its journal does not account for means that the journal is not the one
 * it was written to: a lost disk, or one that was rolled back. Then it must not vote with that key
 * any more. PROTOCOL: durable before sent.
 *
 *   asleep ----------------> awake
 *          challenge_answered: Q - 1 others hold nothing newer
 *   asleep ----------------> RECOVERING
 *          challenge_answered: somebody does */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"

#include <string.h>

/* What one answer brings at most; see verify.c. */
#define ANSWER_BYTES_MAX ((size_t)1 << 20)

void challenge_begin(struct node *node)
{
    uint8_t memory[16];
    uint8_t hash[HASH_BYTES];
    struct buffer seed = buffer_make(memory, sizeof(memory));
    buffer_put_u64be(&seed, node->jitter);
    buffer_put_u64be(&seed, node->boot);
    hash_bytes(buffer_bytes(&seed), hash);
    memcpy(node->nonce, hash, sizeof(node->nonce));
    node->answered = 0;
}

void challenge_send(struct node *node, uint32_t to, struct outbox *outbox)
{
    struct challenge challenge = {.epoch = node->epoch};
    memcpy(challenge.nonce, node->nonce, sizeof(challenge.nonce));
    struct buffer space = outbox_open_space(outbox);
    CHECK(challenge_encode(&challenge, &space));
    struct bytes body = outbox_take_space(outbox, &space);
    uint8_t sig[SIG_BYTES];
    own_sign(node, TAG_CHALLENGE, body, sig);
    struct action *action = outbox_act(outbox, ACTION_SEND);
    action->to = to;
    action->frame =
        message_frame(outbox, MESSAGE_CHALLENGE, node->rid, body, BYTES_OF_ARRAY(sig), BYTES_EMPTY);
}

/* --- Answering ---------------------------------------------------------------------------------
 */

static void put_message(struct buffer *out, uint64_t type, uint32_t rid, struct bytes body,
                        struct bytes sig)
{
    struct envelope envelope = {.type = type, .rid = rid, .body = body, .sig = sig};
    struct buffer rest = *out;
    if (out->len + body.len + 256 <= ANSWER_BYTES_MAX && envelope_encode(&envelope, &rest)) {
        *out = rest;
    }
}

static void put_vote(struct buffer *out, const struct node *node, const struct slot *slot,
                     uint32_t member, const struct votes *votes, uint64_t type)
{
    if ((votes->present >> member & 1) == 0) {
        return;
    }
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct vote vote = {.epoch = node->epoch, .view = slot->view, .sequence = slot->sequence};
    memcpy(vote.digest, votes->by_member[member].digest, HASH_BYTES);
    CHECK(vote_encode(&vote, &body));
    put_message(out, type, node->roster.members[member].rid, buffer_bytes(&body),
                bytes_make(votes->by_member[member].sig, SIG_BYTES));
}

/* The member's part in the slot's best certificate. */
static void put_certified(struct buffer *out, const struct node *node, const struct slot *slot,
                          uint32_t member)
{
    struct prepared prepared;
    struct vote vote;
    if (slot->best.len == 0 ||
        prepared_decode(bytes_make(slot->best.bytes, slot->best.len), &prepared) != WIRE_OK ||
        vote_decode(prepared.vote, &vote) != WIRE_OK) {
        return;
    }
    uint32_t rid = node->roster.members[member].rid;
    if (roster_primary(&node->roster, vote.view)->rid == rid) {
        put_message(out, MESSAGE_PRE_PREPARE, rid, prepared.vote,
                    BYTES_OF_ARRAY(prepared.primary_sig));
    }
    struct wire_iter sigs = wire_iter_make(prepared.sigs);
    for (uint32_t i = 0; i < node->roster.n; i++) {
        struct item_sig sig;
        if ((prepared.members >> i & 1) != 0 && item_sig_next(&sigs, &sig) && i == member) {
            put_message(out, MESSAGE_PREPARE, rid, prepared.vote, BYTES_OF_ARRAY(sig.value));
        }
    }
}

static void put_attested(struct buffer *out, const struct node *node, uint32_t member,
                         const struct attested *attested)
{
    uint8_t memory[1024];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct attest attest = {.header = bytes_make(attested->header, attested->header_len)};
    if (attested->height == 0) {
        return;
    }
    memcpy(attest.note_sig, attested->note_sig, SIG_BYTES);
    memcpy(attest.cosig, attested->cosig, SIG_BYTES);
    CHECK(attest_encode(&attest, &body));
    put_message(out, MESSAGE_ATTEST, node->roster.members[member].rid, buffer_bytes(&body),
                BYTES_EMPTY);
}

/* Everything of `member` that is at hand, as envelopes one behind the other. */
static struct bytes messages_of(const struct node *node, uint32_t member, struct outbox *outbox)
{
    struct buffer out = outbox_open_space(outbox);
    const struct kept_change *change = &node->changes[member];
    if (change->view != 0) {
        put_message(&out, MESSAGE_VIEW_CHANGE, node->roster.members[member].rid, change->body,
                    BYTES_OF_ARRAY(change->sig));
    }
    for (uint32_t i = window_used_from(&node->window, 0); i < WINDOW_MAX;
         i = window_used_from(&node->window, i + 1)) {
        const struct slot *slot = &node->window.slots[i];
        put_vote(&out, node, slot, member, &slot->prepares, MESSAGE_PREPARE);
        put_vote(&out, node, slot, member, &slot->commits, MESSAGE_COMMIT);
        put_certified(&out, node, slot, member);
    }
    for (uint32_t i = 0; i < ATTESTED_FRESH; i++) {
        put_attested(&out, node, member, &node->attestations.fresh[member][i]);
    }
    for (uint32_t i = 0; i < ATTESTED_CHECKPOINTS; i++) {
        put_attested(&out, node, member, &node->attestations.checkpoint[member][i]);
    }
    return outbox_take_space(outbox, &out);
}

void challenge_answer_send(struct node *node, uint32_t member, const uint8_t nonce[SALT_BYTES],
                           struct outbox *outbox)
{
    uint32_t rid = node->roster.members[member].rid;
    struct challenge_answer answer = {
        .epoch = node->epoch,
        .rid = rid,
        .newest = messages_of(node, member, outbox),
    };
    memcpy(answer.nonce, nonce, sizeof(answer.nonce));
    struct buffer space = outbox_open_space(outbox);
    CHECK(challenge_answer_encode(&answer, &space));
    struct bytes body = outbox_take_space(outbox, &space);
    uint8_t sig[SIG_BYTES];
    own_sign(node, TAG_CHALLENGE_ANSWER, body, sig);
    struct action *action = outbox_act(outbox, ACTION_SEND);
    action->to = rid;
    action->frame = message_frame(outbox, MESSAGE_CHALLENGE_ANSWER, node->rid, body,
                                  BYTES_OF_ARRAY(sig), BYTES_EMPTY);
}

/* --- Judging -----------------------------------------------------------------------------------
 */

/* Whether the journal accounts for this vote. It is written in order, so what is older than what it
 * holds is in it too. */
static bool vote_is_known(const struct node *node, uint64_t type, struct bytes body)
{
    struct vote vote;
    if (vote_decode(body, &vote) != WIRE_OK || vote.epoch != node->epoch) {
        return true; /* job_verify saw to the shape; other epochs have other keys */
    }
    if (vote.view != node->view || vote.sequence <= node->head.height) {
        return vote.view <= node->view;
    }
    if (node->mode != MODE_ACTIVE) {
        return false; /* a vote in a view that this journal never entered */
    }
    /* O reaches to where others have their windows; the NEW-VIEW that holds it was put before. */
    if (type == MESSAGE_PRE_PREPARE && vote.sequence <= node->planned) {
        return true;
    }
    const struct slot *slot = window_look(&node->window, vote.sequence);
    if (slot == NULL || slot->view != vote.view || !hash_equal(slot->digest, vote.digest)) {
        return false;
    }
    return type == MESSAGE_COMMIT ? slot->prepared : slot->has_primary_sig;
}

static bool change_is_known(const struct node *node, struct bytes body)
{
    struct view_change change;
    return view_change_decode(body, &change) != WIRE_OK || change.view <= node->view;
}

static bool attest_is_known(const struct node *node, struct bytes body)
{
    struct attest attest;
    struct block_header header;
    return attest_decode(body, &attest) != WIRE_OK ||
           block_header_decode(attest.header, &header) != WIRE_OK ||
           header.height <= node->head.height;
}

static bool message_is_known(const struct node *node, const struct envelope *envelope)
{
    switch (envelope->type) {
    case MESSAGE_PRE_PREPARE:
    case MESSAGE_PREPARE:
    case MESSAGE_COMMIT:
        return vote_is_known(node, envelope->type, envelope->body);
    case MESSAGE_VIEW_CHANGE:
        return change_is_known(node, envelope->body);
    case MESSAGE_ATTEST:
        return attest_is_known(node, envelope->body);
    default:
        return true;
    }
}

static bool all_known(const struct node *node, struct bytes messages)
{
    while (messages.len > 0) {
        struct envelope envelope;
        size_t used = 0;
        if (schema_decode_front(&schema_envelope, messages, &envelope, &used) != WIRE_OK) {
            return true; /* never: job_verify decoded them all */
        }
        if (!message_is_known(node, &envelope)) {
            return false;
        }
        messages = bytes_slice(messages, used, messages.len - used);
    }
    return true;
}

static void wake(struct node *node, struct outbox *outbox)
{
    node->awake = true;
    node->status_due_ms = node->now_ms;
    node->attested_height = 0; /* what was executed meanwhile was not attested to anybody */
    node_note(node, "awake: nobody holds anything newer");
    for (uint32_t i = window_used_from(&node->window, 0); i < WINDOW_MAX;
         i = window_used_from(&node->window, i + 1)) {
        struct slot *slot = &node->window.slots[i];
        if (slot->stage == SLOT_AWAITED && slot_has_batch(slot) && node->mode == MODE_ACTIVE) {
            slot_accept(node, slot, outbox);
        } else {
            slot_advance(node, slot, outbox);
        }
    }
    outbox->again = true;
}

void challenge_answered(struct node *node, uint32_t member, struct bytes messages,
                        struct outbox *outbox)
{
    if (!MUTANT(18) && !all_known(node, messages)) {
        node->mode = MODE_RECOVERING;
        view_put(node, outbox);
        outbox_act(outbox, ACTION_ALARM)->text =
            "this replica's journal lacks what it signed before: it follows and serves, and votes "
            "again only with a new key";
        node_note(node, "recovering: r%u holds something newer", node->roster.members[member].rid);
        return;
    }
    node->answered |= UINT64_C(1) << member;
    if (members_count(node->answered) + 1 >= node->roster.q) {
        wake(node, outbox);
    }
}
