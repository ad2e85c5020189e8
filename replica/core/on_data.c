/* DATA: an answer to FETCH. What it brings proves itself: a batch by its digest, a block by Q
 * COMMITs, a stable checkpoint by Q attestations (all checked in job_verify). */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "storage/record.h"

#include <string.h>

const struct slot *slot_waiting_for(const struct node *node, const uint8_t digest[HASH_BYTES])
{
    for (uint32_t i = 0; i < WINDOW_MAX; i++) {
        const struct slot *slot = &node->window.slots[i];
        if (slot->sequence > node->head.height && slot->stage != SLOT_EMPTY &&
            !slot_has_batch(slot) && hash_equal(slot->digest, digest)) {
            return slot;
        }
    }
    return NULL;
}

static bool slot_fill(struct node *node, struct slot *slot, struct bytes batch,
                      struct bytes payloads)
{
    if (batch.len == 0) {
        return true; /* the null digest's */
    }
    struct bytes batch_copy = pool_copy(&node->pool, batch);
    struct bytes payloads_copy = pool_copy(&node->pool, payloads);
    if (batch_copy.data == NULL || payloads_copy.data == NULL) {
        pool_give(&node->pool, batch_copy.data);
        pool_give(&node->pool, payloads_copy.data);
        return false;
    }
    slot->batch = batch_copy;
    slot->payloads = payloads_copy;
    return true;
}

static enum drop take_batch(struct node *node, const struct data *data,
                            const struct message *message, struct outbox *outbox)
{
    struct batch_parcel parcel;
    const struct slot *waiting = slot_waiting_for(node, data->digest);
    if (waiting == NULL) {
        return DROP_NOT_WANTED;
    }
    struct slot *slot = window_slot(&node->window, waiting->sequence);
    if (batch_parcel_decode(message->attachment, &parcel) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (!slot_fill(node, slot, parcel.batch, parcel.payloads)) {
        return DROP_NO_MEMORY;
    }
    if (slot->stage == SLOT_AWAITED && node->mode == MODE_ACTIVE && node->awake) {
        slot_accept(node, slot, outbox);
    } else {
        slot_advance(node, slot, outbox);
    }
    return DROP_NONE;
}

/* Where a proven block goes: its slot in the window, or one of the places for the next blocks
 * when the window does not reach it. NULL when it is not wanted. */
static struct slot *place_for_block(struct node *node, uint64_t sequence)
{
    if (sequence <= node->head.height) {
        return NULL;
    }
    if (sequence - node->window.stable <= node_param(node, PARAM_WINDOW)) {
        struct slot *slot = window_slot(&node->window, sequence);
        bool done = slot->stage == SLOT_COMMITTED || slot->stage == SLOT_EXECUTED;
        return done && slot_has_batch(slot) ? NULL : slot;
    }
    struct slot *late = &node->late[sequence % LATE_MAX];
    bool near = sequence - node->head.height <= LATE_MAX;
    return near && late->sequence == 0 ? late : NULL;
}

/* The proven block takes the slot. Its votes stay, whatever their view: a second one must still be
 * seen to contradict the first. The primary's signature is for the digest that it proposed. */
static void block_place(struct node *node, struct slot *slot, const struct slot *proven)
{
    slot_release(slot, &node->pool);
    bool same = slot->knows_digest && hash_equal(slot->digest, proven->digest);
    slot->sequence = proven->sequence;
    slot->stage = SLOT_COMMITTED;
    slot->has_primary_sig = same && slot->has_primary_sig;
    slot->prepared = same && slot->prepared;
    slot->knows_digest = true;
    slot->batch = proven->batch;
    slot->payloads = proven->payloads;
    memcpy(slot->digest, proven->digest, HASH_BYTES);
}

static enum drop take_block(struct node *node, uint32_t member, const struct message *message,
                            struct outbox *outbox)
{
    struct block_parcel parcel;
    struct certificate certificate;
    struct vote vote;
    if (block_parcel_decode(message->attachment, &parcel) != WIRE_OK ||
        certificate_decode(parcel.commit, &certificate) != WIRE_OK ||
        vote_decode(certificate.body, &vote) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    denials_of_block(node, &certificate, &vote, outbox);
    struct slot *slot = place_for_block(node, vote.sequence);
    if (slot == NULL) {
        return DROP_NOT_WANTED;
    }
    bool is_next = vote.sequence == node->head.height + 1;
    struct slot proven = {.sequence = vote.sequence};
    memcpy(proven.digest, vote.digest, HASH_BYTES);
    if ((!is_next && pool_is_crowded(&node->pool)) ||
        !slot_fill(node, &proven, parcel.batch, parcel.payloads)) {
        sources_forgive(&node->sources, member);
        return DROP_NO_MEMORY;
    }
    sources_brought(&node->sources, member, vote.sequence, message->attachment.len, node->now_ms);
    bool accepted = slot->stage > SLOT_AWAITED;
    bool awaited = slot->stage == SLOT_AWAITED && slot->view == node->view &&
                   node->mode == MODE_ACTIVE && node->awake &&
                   hash_equal(slot->digest, proven.digest);
    block_place(node, slot, &proven);
    slot->has_primary_sig = slot->has_primary_sig && (accepted || awaited);
    if (awaited) {
        slot_accept(node, slot, outbox); /* others may need this vote of ours */
    }
    if (slot->batch.data != NULL) {
        slot_put_batch(slot, outbox);
    }
    struct record_key key = record_key_block(RECORD_CERTIFICATE, slot->sequence);
    outbox_put(outbox, FAMILY_BLOCKS, record_key_bytes(&key), outbox_keep(outbox, parcel.commit));
    node_note(node, "certificate for %llu", (unsigned long long)slot->sequence);
    catch_up(node, outbox);
    return DROP_NONE;
}

static enum drop take_stable(struct node *node, uint32_t member, const struct data *data,
                             const struct message *message, struct outbox *outbox)
{
    struct stable stable;
    struct block_header header;
    if (stable_decode(message->attachment, &stable) != WIRE_OK ||
        block_header_decode(stable.header, &header) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (snapshot_expects(node, member, data)) {
        snapshot_take_proof(node, member, message->attachment, &header, outbox);
        return DROP_NONE;
    }
    if (header.height <= node->window.stable || header.height > node->head.height) {
        return DROP_NOT_WANTED;
    }
    uint8_t header_hash[HASH_BYTES];
    hash_bytes(stable.header, header_hash);
    const uint8_t *own = own_header_hash(node, header.height);
    if (own != NULL && !hash_equal(own, header_hash)) {
        node_halt(node, "a quorum attests another block at a height that was executed here",
                  outbox);
        return DROP_HALTED;
    }
    stable_keep(node, header.height, message->attachment, outbox);
    stable_move(node, header.height, outbox);
    return DROP_NONE;
}

static enum drop take_new_view(struct node *node, const struct message *message,
                               struct outbox *outbox)
{
    struct message inner;
    enum drop drop = message_split(message->attachment, &inner);
    if (drop != DROP_NONE || inner.envelope.type != MESSAGE_NEW_VIEW) {
        return DROP_MALFORMED;
    }
    node->new_view_asked = false;
    return on_new_view(node, &inner, outbox);
}

static enum drop take_nothing(struct node *node, uint32_t member, const struct data *data,
                              struct outbox *outbox)
{
    if (snapshot_expects(node, member, data)) {
        snapshot_refused(node, member);
    } else {
        sources_refused(&node->sources, member, node->now_ms);
    }
    catch_up(node, outbox);
    return DROP_NONE;
}

void on_bad_data(struct node *node, uint32_t from, struct outbox *outbox)
{
    uint32_t member = node_member(node, from);
    if (!node->started || node->halted || member == REPLICAS_MAX || member == node->self) {
        return;
    }
    sources_lied(&node->sources, member, node->now_ms);
    node_note(node, "r%u is not asked for a while", from);
    catch_up(node, outbox);
}

/* It may be true in an epoch whose members are not known here: as if it had nothing. */
void on_foreign_data(struct node *node, uint32_t from, const struct message *message,
                     struct outbox *outbox)
{
    uint32_t member = node_member(node, from);
    struct data data;
    if (node->started && !node->halted && member != REPLICAS_MAX && member != node->self &&
        data_decode(message->envelope.body, &data) == WIRE_OK) {
        (void)take_nothing(node, member, &data, outbox);
    }
}

enum drop on_data(struct node *node, uint32_t from, const struct message *message,
                  struct outbox *outbox)
{
    uint32_t member = node_member(node, from);
    struct data data;
    if (data_decode(message->envelope.body, &data) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (message->attachment.len == 0) {
        return take_nothing(node, member, &data, outbox);
    }
    switch (data.kind) {
    case FETCH_BATCH:
        return take_batch(node, &data, message, outbox);
    case FETCH_BLOCKS:
        return take_block(node, member, message, outbox);
    case FETCH_STABLE:
        return take_stable(node, member, &data, message, outbox);
    case FETCH_SNAPSHOT:
        return snapshot_take_chunk(node, member, &data, message->attachment, outbox);
    case FETCH_HISTORY:
        return snapshot_expects(node, member, &data)
                   ? snapshot_install(node, member, message->attachment, outbox)
                   : history_take(node, member, message, data.from, outbox);
    case FETCH_NEW_VIEW:
        return take_new_view(node, message, outbox);
    default:
        return DROP_NOT_WANTED;
    }
}
