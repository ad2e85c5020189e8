/* Keys of liars that are not those of the epoch: retired ones, and ones that do not count yet; and
 * what is of another epoch than its height, signed with the key of that. Rows B45 and B59. */
#include "tests/sim/check.h"
#include "tests/sim/liar.h"

/* An epoch beside that one, and whether the liar has another key in it; false when there is none.
 */
static bool other_epoch(const struct lie_to *out, uint64_t epoch, uint64_t *other, bool *differs)
{
    struct world *world = out->world;
    const struct sim_epoch *own = check_epoch(world, epoch);
    uint32_t rid = out->host->rid;
    bool before = prng_chance(&world->prng, 700);
    *other = before ? epoch - 1 : epoch + 1;
    if (own == NULL || (before && epoch == 0) || check_epoch(world, *other) == NULL) {
        return false;
    }
    *differs = check_epoch(world, *other)->generation[rid] != own->generation[rid];
    return true;
}

static bool vote_lie(const struct lie_to *out, const struct envelope *envelope,
                     struct bytes attachment)
{
    enum sign_tag tag = envelope->type == MESSAGE_COMMIT ? TAG_COMMIT : TAG_PREPARE;
    uint8_t space[128];
    uint8_t sig[SIG_BYTES];
    struct buffer body = buffer_make(space, sizeof(space));
    struct vote vote;
    uint64_t other = 0;
    bool differs = false;
    CHECK(vote_decode(envelope->body, &vote) == WIRE_OK);
    if (!other_epoch(out, vote.epoch, &other, &differs)) {
        return false;
    }
    tag = envelope->type == MESSAGE_PRE_PREPARE ? TAG_PRE_PREPARE : tag;
    vote.epoch = !differs || prng_chance(&out->world->prng, 300) ? other : vote.epoch;
    CHECK(vote_encode(&vote, &body));
    lie_sign(out->world, out->host->rid, other, tag, buffer_bytes(&body), sig);
    lie_send(out->world, out->host, out->to,
             lie_frame(envelope->type, out->host->rid, buffer_bytes(&body), sig, attachment));
    return true;
}

static bool change_lie(const struct lie_to *out, const struct envelope *envelope)
{
    uint8_t sig[SIG_BYTES];
    struct view_change change;
    uint64_t other = 0;
    bool differs = false;
    CHECK(view_change_decode(envelope->body, &change) == WIRE_OK);
    if (!other_epoch(out, change.epoch, &other, &differs) || !differs) {
        return false;
    }
    lie_sign(out->world, out->host->rid, other, TAG_VIEW_CHANGE, envelope->body, sig);
    lie_send(out->world, out->host, out->to,
             lie_frame(MESSAGE_VIEW_CHANGE, out->host->rid, envelope->body, sig, BYTES_EMPTY));
    return true;
}

static bool attest_lie(const struct lie_to *out, const struct envelope *envelope)
{
    const struct cast *cast = &out->world->cast;
    uint8_t space[1024];
    struct buffer body = buffer_make(space, sizeof(space));
    struct checkpoint checkpoint;
    struct attest attest;
    uint64_t other = 0;
    bool differs = false;
    CHECK(attest_decode(envelope->body, &attest) == WIRE_OK);
    CHECK(check_checkpoint_of(out->world, attest.header, &checkpoint));
    if (!other_epoch(out, checkpoint.epoch, &other, &differs) || !differs) {
        return false;
    }
    const struct replica_keys *keys = lie_keys(out->world, out->host->rid, other);
    checkpoint_sign(cast->scheme, &checkpoint, NOTE_SIGN, keys->sign.seed, keys->sign.pk,
                    attest.note_sig);
    checkpoint_sign(cast->scheme, &checkpoint, NOTE_COSIGN, keys->cosign.seed, keys->cosign.pk,
                    attest.cosig);
    CHECK(attest_encode(&attest, &body));
    lie_send(out->world, out->host, out->to,
             lie_frame(MESSAGE_ATTEST, out->host->rid, buffer_bytes(&body), NULL, BYTES_EMPTY));
    return true;
}

bool lie_other_keys(const struct lie_to *out, const struct envelope *envelope,
                    struct bytes attachment)
{
    bool told = false;
    if (!world_lies(out->world, out->host->rid, LIE_KEYS) || envelope->rid != out->host->rid) {
        return true;
    }
    switch (envelope->type) {
    case MESSAGE_PRE_PREPARE:
    case MESSAGE_PREPARE:
    case MESSAGE_COMMIT:
        told = vote_lie(out, envelope, attachment);
        break;
    case MESSAGE_VIEW_CHANGE:
        told = change_lie(out, envelope);
        break;
    case MESSAGE_ATTEST:
        told = attest_lie(out, envelope);
        break;
    default:
        break;
    }
    return !told || prng_chance(&out->world->prng, 500);
}
