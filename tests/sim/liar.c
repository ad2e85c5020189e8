/* Every frame that a faulty replica is about to send passes here. */
#include "tests/sim/liar.h"

#include "crypto/hash.h"
#include "tests/sim/check.h"

static uint8_t frame_space[FRAME_BYTES_MAX];

struct bytes lie_frame(uint64_t type, uint32_t rid, struct bytes body, const uint8_t *sig,
                       struct bytes attachment)
{
    struct buffer frame = buffer_make(frame_space, sizeof(frame_space));
    struct envelope envelope = {.type = type, .rid = rid, .body = body};
    if (sig != NULL) {
        envelope.sig = bytes_make(sig, SIG_BYTES);
    }
    CHECK(envelope_encode(&envelope, &frame));
    buffer_put(&frame, attachment);
    CHECK(!frame.full);
    return buffer_bytes(&frame);
}

void lie_send(struct world *world, const struct host *host, uint32_t to, struct bytes frame)
{
    struct blob *blob = blob_make(frame);
    world->tally.lies++;
    world_trace(world, "r%u lies to r%u", host->rid, to);
    network_send(world, host->rid, to, blob);
    blob_drop(blob);
}

const struct replica_keys *lie_keys(const struct world *world, uint32_t rid, uint64_t epoch)
{
    const struct sim_epoch *known = check_epoch(world, epoch);
    CHECK(lie_is_liar(world, rid));
    return cast_keys(&world->cast, known != NULL ? known : check_epoch_at(world, UINT64_MAX), rid);
}

void lie_sign(const struct world *world, uint32_t rid, uint64_t epoch, enum sign_tag tag,
              struct bytes body, uint8_t out[SIG_BYTES])
{
    const struct cast *cast = &world->cast;
    const struct key_pair *key = &lie_keys(world, rid, epoch)->sign;
    sign_body(cast->scheme, key->seed, key->pk, tag, cast->cluster_id, body, out);
}

void lie_attest_sign(const struct world *world, uint32_t rid, struct attest *attest)
{
    const struct cast *cast = &world->cast;
    struct checkpoint checkpoint;
    CHECK(check_checkpoint_of(world, attest->header, &checkpoint));
    const struct replica_keys *keys = lie_keys(world, rid, checkpoint.epoch);
    checkpoint_sign(cast->scheme, &checkpoint, NOTE_SIGN, keys->sign.seed, keys->sign.pk,
                    attest->note_sig);
    checkpoint_sign(cast->scheme, &checkpoint, NOTE_COSIGN, keys->cosign.seed, keys->cosign.pk,
                    attest->cosig);
}

void lie_batch(uint64_t time_ms, struct buffer *parcel, uint8_t digest[HASH_BYTES])
{
    uint8_t batch_space[32];
    uint8_t payload_space[8];
    struct buffer batch = buffer_make(batch_space, sizeof(batch_space));
    struct buffer payloads = buffer_make(payload_space, sizeof(payload_space));
    struct batch empty = {.time_ms = time_ms};
    struct payloads none = {0};
    CHECK(batch_encode(&empty, &batch));
    CHECK(payloads_encode(&none, &payloads));
    struct batch_parcel object = {buffer_bytes(&batch), buffer_bytes(&payloads)};
    CHECK(batch_parcel_encode(&object, parcel));
    hash_bytes(buffer_bytes(&batch), digest);
}

/* Any frame with a byte changed or its end missing. */
static void garbled(struct world *world, const struct host *host, uint32_t to,
                    const struct blob *frame)
{
    struct blob *copy = blob_make(blob_bytes(frame));
    world->tally.lies++;
    if (prng_chance(&world->prng, 500)) {
        copy->data[prng_below(&world->prng, copy->len)] ^=
            (uint8_t)(1u << prng_below(&world->prng, 8));
    } else {
        copy->len -= (uint32_t)prng_below(&world->prng, copy->len);
    }
    network_send(world, host->rid, to, copy);
    blob_drop(copy);
}

static bool sometimes(const struct lie_to *out, const struct envelope *envelope, struct blob *frame,
                      struct bytes attachment)
{
    if (prng_chance(&out->world->prng, 20)) {
        garbled(out->world, out->host, out->to, frame);
        return true;
    }
    lie_beyond(out, envelope);
    switch (envelope->type) {
    case MESSAGE_PREPARE:
    case MESSAGE_COMMIT:
        return lie_votes(out, envelope);
    case MESSAGE_PRE_PREPARE:
        return lie_proposal(out, envelope);
    case MESSAGE_ATTEST:
        return lie_attest(out, envelope);
    case MESSAGE_STATUS:
        lie_complain(out, envelope);
        return lie_status(out, envelope);
    case MESSAGE_DATA:
        return lie_data(out, envelope, attachment);
    default:
        return true;
    }
}

/* VIEW-CHANGEs are few: what is done to them, and as a primary to time, is done every time that
 * the kind of lie is among those of the run. */
bool liar_sends(struct world *world, struct host *host, uint32_t to, struct blob *frame)
{
    struct envelope envelope;
    struct lie_to out = {world, host, to};
    size_t used = 0;
    struct bytes bytes = blob_bytes(frame);
    if (!world_has_liars(world)) {
        return true;
    }
    CHECK(schema_decode_front(&schema_envelope, bytes, &envelope, &used) == WIRE_OK);
    struct bytes attachment = bytes_slice(bytes, used, bytes.len - used);
    if (world_is_other(world, to)) {
        return lie_other_log(&out, &envelope, attachment);
    }
    if (!lie_other_keys(&out, &envelope, attachment)) {
        return false;
    }
    if (envelope.type == MESSAGE_VIEW_CHANGE) {
        liar_hears(world, frame);
        return lie_change(&out, &envelope);
    }
    if (envelope.type == MESSAGE_NEW_VIEW) {
        return lie_view(&out, &envelope);
    }
    if (envelope.type == MESSAGE_PRE_PREPARE &&
        (!lie_pace(&out, &envelope, frame) || !lie_order(&out, &envelope, attachment))) {
        return false;
    }
    if (!lie_owes(&out, &envelope)) {
        return false;
    }
    return !prng_chance(&world->prng, world->plan.lie_permille) ||
           sometimes(&out, &envelope, frame, attachment);
}
