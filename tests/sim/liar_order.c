/* What a primary can do to what it orders, and a replica to what it owes, without a second word: a
 * proposal for some only, sequences left out, requests that were ordered before, requests that
 * nobody signed, nothing at all; COMMITs and attestations kept back. */
#include "crypto/hash.h"
#include "tests/sim/liar.h"

#include <string.h>

/* The same place with another batch, the same for everybody. */
static void propose_instead(const struct lie_to *out, const struct vote *like, struct bytes batch,
                            struct bytes parcel)
{
    uint8_t space[128];
    uint8_t sig[SIG_BYTES];
    struct buffer body = buffer_make(space, sizeof(space));
    struct vote vote = *like;
    hash_bytes(batch, vote.digest);
    CHECK(vote_encode(&vote, &body));
    lie_sign(out->world, out->host->rid, vote.epoch, TAG_PRE_PREPARE, buffer_bytes(&body), sig);
    lie_send(out->world, out->host, out->to,
             lie_frame(MESSAGE_PRE_PREPARE, out->host->rid, buffer_bytes(&body), sig, parcel));
}

/* Every fourth proposal is that of a place before it. Their author was answered long ago. */
static bool propose_again(const struct lie_to *out, const struct vote *vote, struct bytes parcel)
{
    struct world *world = out->world;
    struct batch_parcel old;
    if (vote->sequence % 4 == 1) {
        blob_drop(world->ordered_once);
        world->ordered_once = blob_make(parcel);
        return true;
    }
    if (vote->sequence % 4 != 0 || world->ordered_once == NULL) {
        return true;
    }
    CHECK(batch_parcel_decode(blob_bytes(world->ordered_once), &old) == WIRE_OK);
    propose_instead(out, vote, old.batch, blob_bytes(world->ordered_once));
    return false;
}

/* The first request of the batch is not what its author signed. */
static bool propose_unsigned(const struct lie_to *out, const struct vote *vote, struct bytes parcel)
{
    static uint8_t item_space[BATCH_BYTES_MAX];
    static uint8_t batch_space[BATCH_BYTES_MAX];
    static uint8_t parcel_space[FRAME_BYTES_MAX];
    struct buffer items = buffer_make(item_space, sizeof(item_space));
    struct buffer batch_bytes = buffer_make(batch_space, sizeof(batch_space));
    struct buffer parcel_bytes = buffer_make(parcel_space, sizeof(parcel_space));
    struct batch_parcel object;
    struct batch batch;
    struct item item;
    if (batch_parcel_decode(parcel, &object) != WIRE_OK ||
        batch_decode(object.batch, &batch) != WIRE_OK || batch.items.count == 0) {
        return true;
    }
    struct wire_iter iter = wire_iter_make(batch.items);
    for (uint32_t i = 0; item_next(&iter, &item); i++) {
        item.sig[0] ^= i == 0 ? 1 : 0;
        CHECK(item_encode(&item, &items));
    }
    batch.items.raw = buffer_bytes(&items);
    CHECK(batch_encode(&batch, &batch_bytes));
    object.batch = buffer_bytes(&batch_bytes);
    CHECK(batch_parcel_encode(&object, &parcel_bytes));
    propose_instead(out, vote, object.batch, buffer_bytes(&parcel_bytes));
    return false;
}

/* Dated a while ago, so that it is the same for everybody. */
static void propose_nothing(const struct lie_to *out, const struct vote *vote)
{
    uint8_t space[64];
    uint8_t digest[HASH_BYTES];
    struct buffer parcel = buffer_make(space, sizeof(space));
    struct batch_parcel object;
    lie_batch(SIM_WALL_MS + vote->sequence, &parcel, digest);
    CHECK(batch_parcel_decode(buffer_bytes(&parcel), &object) == WIRE_OK);
    propose_instead(out, vote, object.batch, buffer_bytes(&parcel));
}

bool lie_order(const struct lie_to *out, const struct envelope *envelope, struct bytes parcel)
{
    struct world *world = out->world;
    uint32_t rid = out->host->rid;
    struct vote vote;
    if (envelope->rid != rid || vote_decode(envelope->body, &vote) != WIRE_OK) {
        return true;
    }
    bool left_out = world_lies(world, rid, LIE_HOLES) && vote.sequence % 5 == 3;
    bool not_to_you = world_lies(world, rid, LIE_SOME) && (vote.sequence + out->to) % 2 == 0;
    if (left_out || not_to_you) {
        world->tally.lies++;
        return false;
    }
    if (world_lies(world, rid, LIE_AGAIN)) {
        return propose_again(out, &vote, parcel);
    }
    if (world_lies(world, rid, LIE_UNSIGNED) && vote.sequence % 4 == 0) {
        return propose_unsigned(out, &vote, parcel);
    }
    if (world_lies(world, rid, LIE_ITEMS | LIE_STATEMENTS | LIE_BYTES) && vote.sequence % 4 == 0) {
        return lie_large(out, &vote, parcel);
    }
    if (world_lies(world, rid, LIE_EMPTY)) {
        propose_nothing(out, &vote);
        return false;
    }
    return true;
}

bool lie_owes(const struct lie_to *out, const struct envelope *envelope)
{
    struct world *world = out->world;
    uint32_t rid = out->host->rid;
    bool kept = (envelope->type == MESSAGE_COMMIT && world_lies(world, rid, LIE_NO_COMMIT)) ||
                (envelope->type == MESSAGE_ATTEST && world_lies(world, rid, LIE_NO_ATTEST));
    world->tally.lies += kept && envelope->rid == rid ? 1 : 0;
    return !kept || envelope->rid != rid;
}
