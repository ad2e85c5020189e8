/* Liars that are more than f: with half of the others each they have a quorum, and show the ones
 * another log than the others. Their own nodes live in the first log. To the replicas of
 * plan.other_side every proposal goes with another date, every vote names that one, and every
 * attestation is of the header that the other side came to itself; and so do the answers to clients
 * of odd numbers. With plan.across the other side is taken into the next view: liar_across.c. */
#include "crypto/hash.h"
#include "tests/sim/check.h"
#include "tests/sim/liar.h"

#include <string.h>

static bool other_party(const struct world *world, uint32_t rid)
{
    return rid != SIM_CLIENT && world_is_other(world, rid);
}

/* --- To the other side -------------------------------------------------------------------------
 */

void lie_vote(const struct lie_to *out, uint32_t rid, uint64_t type, const struct vote *vote,
              struct bytes parcel)
{
    uint8_t space[128];
    uint8_t sig[SIG_BYTES];
    struct buffer body = buffer_make(space, sizeof(space));
    enum sign_tag tag = type == MESSAGE_COMMIT ? TAG_COMMIT : TAG_PREPARE;
    CHECK(vote_encode(vote, &body));
    tag = type == MESSAGE_PRE_PREPARE ? TAG_PRE_PREPARE : tag;
    lie_sign(out->world, rid, vote->epoch, tag, buffer_bytes(&body), sig);
    lie_send(out->world, out->host, out->to,
             lie_frame(type, rid, buffer_bytes(&body), sig, parcel));
}

/* The same requests, a millisecond later. */
static void proposal_tell(const struct lie_to *out, uint32_t rid, struct vote *vote,
                          struct bytes attachment)
{
    static uint8_t batch_space[BATCH_BYTES_MAX];
    static uint8_t parcel_space[FRAME_BYTES_MAX];
    struct buffer batch_bytes = buffer_make(batch_space, sizeof(batch_space));
    struct buffer parcel_bytes = buffer_make(parcel_space, sizeof(parcel_space));
    struct other_slot *slot = &out->world->other.slots[vote->sequence % SIM_OTHER_SLOTS];
    struct batch_parcel parcel;
    struct batch batch;
    CHECK(batch_parcel_decode(attachment, &parcel) == WIRE_OK);
    CHECK(batch_decode(parcel.batch, &batch) == WIRE_OK);
    batch.time_ms++;
    CHECK(batch_encode(&batch, &batch_bytes));
    parcel.batch = buffer_bytes(&batch_bytes);
    CHECK(batch_parcel_encode(&parcel, &parcel_bytes));
    hash_bytes(parcel.batch, vote->digest);
    slot->sequence = vote->sequence;
    memcpy(slot->digest, vote->digest, HASH_BYTES);
    lie_vote(out, rid, MESSAGE_PRE_PREPARE, vote, buffer_bytes(&parcel_bytes));
}

static void vote_tell(const struct lie_to *out, uint32_t rid, uint64_t type, struct vote *vote)
{
    const struct other_slot *slot = &out->world->other.slots[vote->sequence % SIM_OTHER_SLOTS];
    if (slot->sequence == vote->sequence) {
        memcpy(vote->digest, slot->digest, HASH_BYTES);
        lie_vote(out, rid, type, vote, BYTES_EMPTY);
    }
}

bool lie_before_fork(struct bytes body)
{
    struct attest attest;
    struct block_header header;
    CHECK(attest_decode(body, &attest) == WIRE_OK);
    CHECK(block_header_decode(attest.header, &header) == WIRE_OK);
    return header.height <= SIM_FORK_FROM;
}

bool lie_other_log(const struct lie_to *out, const struct envelope *envelope,
                   struct bytes attachment)
{
    struct vote vote;
    if (out->world->plan.across) {
        return lie_across(out, envelope);
    }
    switch (envelope->type) {
    case MESSAGE_PRE_PREPARE:
    case MESSAGE_PREPARE:
    case MESSAGE_COMMIT:
        break;
    case MESSAGE_ATTEST:
        return lie_before_fork(envelope->body);
    default:
        return envelope->type != MESSAGE_DATA;
    }
    CHECK(vote_decode(envelope->body, &vote) == WIRE_OK);
    if (vote.sequence <= SIM_FORK_FROM || !lie_is_liar(out->world, (uint32_t)envelope->rid)) {
        return vote.sequence <= SIM_FORK_FROM;
    }
    if (envelope->type == MESSAGE_PRE_PREPARE) {
        proposal_tell(out, (uint32_t)envelope->rid, &vote, attachment);
    } else {
        vote_tell(out, (uint32_t)envelope->rid, envelope->type, &vote);
    }
    return false;
}

/* --- From the other side -----------------------------------------------------------------------
 */

static void attest_encoded(const struct world *world, uint32_t rid, struct bytes header,
                           struct buffer *out)
{
    struct attest attest = {.header = header};
    lie_attest_sign(world, rid, &attest);
    CHECK(attest_encode(&attest, out));
}

/* The other side has a header, which the party could have made itself of what it proposed there:
 * all of it attest it, to that side and to its clients. */
void lie_header_echo(struct world *world, uint64_t height, struct bytes header)
{
    struct other_log *other = &world->other;
    if (height <= other->height || height <= SIM_FORK_FROM) {
        return;
    }
    other->height = height;
    other->header_len = header.len;
    memcpy(other->header, header.data, header.len);
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        uint8_t space[1024];
        struct buffer body = buffer_make(space, sizeof(space));
        if (!lie_is_liar(world, rid)) {
            continue;
        }
        attest_encoded(world, rid, header, &body);
        for (uint32_t to = 0; to < world->plan.n; to++) {
            if (other_party(world, to)) {
                lie_send(world, &world->hosts[rid], to,
                         lie_frame(MESSAGE_ATTEST, rid, buffer_bytes(&body), NULL, BYTES_EMPTY));
            }
        }
        struct telling *reply = telling_make(rid, 0);
        telling_attest(reply, buffer_bytes(&body));
        for (uint32_t client = 1; client < world->plan.clients; client += 2) {
            network_reply(world, rid, client, reply);
        }
        telling_drop(reply);
    }
}

bool liar_keeps(struct world *world, uint32_t from, const struct blob *frame)
{
    struct envelope envelope;
    struct attest attest;
    struct block_header header;
    size_t used = 0;
    if (!other_party(world, from) || !world_has_liars(world) ||
        schema_decode_front(&schema_envelope, blob_bytes(frame), &envelope, &used) != WIRE_OK) {
        return false;
    }
    if (world->plan.across && envelope.type != MESSAGE_ATTEST) {
        return liars_hear_across(world, from, frame, &envelope);
    }
    if (envelope.type == MESSAGE_PREPARE || envelope.type == MESSAGE_COMMIT) {
        struct vote vote;
        return vote_decode(envelope.body, &vote) == WIRE_OK && vote.sequence > SIM_FORK_FROM;
    }
    if (envelope.type != MESSAGE_ATTEST || attest_decode(envelope.body, &attest) != WIRE_OK ||
        block_header_decode(attest.header, &header) != WIRE_OK) {
        return false;
    }
    lie_header_echo(world, header.height, attest.header);
    return header.height > SIM_FORK_FROM;
}

void liars_overhear(struct world *world, const struct telling *reply)
{
    if (other_party(world, reply->rid) && world_has_liars(world) && !reply->hint) {
        lie_header_echo(world, reply->height, reply->attest.header);
    }
}

/* --- To clients --------------------------------------------------------------------------------
 */

bool liar_tells_other(struct world *world, const struct telling *reply, uint32_t client)
{
    const struct other_log *other = &world->other;
    uint8_t space[1024];
    struct buffer body = buffer_make(space, sizeof(space));
    if (world->plan.other_side == 0 || !lie_is_liar(world, reply->rid) || client % 2 == 0 ||
        reply->hint || reply->height <= SIM_FORK_FROM || !world_has_liars(world)) {
        return false;
    }
    if (other->height == 0) {
        return true;
    }
    struct telling *told = telling_make(reply->rid, reply->count);
    memcpy(told->items, reply->items, reply->count * sizeof(reply->items[0]));
    attest_encoded(world, reply->rid, bytes_make(other->header, other->header_len), &body);
    telling_attest(told, buffer_bytes(&body));
    world->tally.lies++;
    network_reply(world, reply->rid, client, told);
    telling_drop(told);
    return true;
}
