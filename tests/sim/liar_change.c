/* VIEW-CHANGEs of liars. Each replica gets one of its own, so that no two need hold the same. */
#include "crypto/hash.h"
#include "tests/sim/check.h"
#include "tests/sim/liar.h"

#include <string.h>

#define FORGED_MAX 12

/* Noise, but for those members whose keys the liars have. */
static uint64_t sigs_forge(struct world *world, uint64_t epoch, struct bytes body, uint32_t except,
                           struct buffer *sigs)
{
    uint64_t members = 0;
    uint32_t left = world->cast.q - 1;
    for (uint32_t i = 0; i < world->plan.n && left > 0; i++) {
        struct item_sig sig;
        if (i == except) {
            continue;
        }
        prng_fill(&world->prng, sig.value, SIG_BYTES);
        if (lie_is_liar(world, i)) {
            lie_sign(world, i, epoch, TAG_PREPARE, body, sig.value);
        }
        CHECK(item_sig_encode(&sig, sigs));
        members |= UINT64_C(1) << i;
        left--;
    }
    return members;
}

static void prepared_forge(struct world *world, const struct vote *vote, struct buffer *list)
{
    uint8_t vote_space[128];
    uint8_t sig_space[SIM_REPLICAS_MAX * (SIG_BYTES + 2)];
    struct buffer body = buffer_make(vote_space, sizeof(vote_space));
    struct buffer sigs = buffer_make(sig_space, sizeof(sig_space));
    uint32_t primary = (uint32_t)((vote->epoch + vote->view) % world->plan.n);
    struct prepared prepared = {0};
    CHECK(vote_encode(vote, &body));
    prepared.vote = buffer_bytes(&body);
    prepared.members = sigs_forge(world, vote->epoch, prepared.vote, primary, &sigs);
    prepared.sigs = (struct wire_list){buffer_bytes(&sigs), world->cast.q - 1};
    prng_fill(&world->prng, prepared.primary_sig, SIG_BYTES);
    if (lie_is_liar(world, primary)) {
        lie_sign(world, primary, vote->epoch, TAG_PRE_PREPARE, prepared.vote, prepared.primary_sig);
    }
    CHECK(prepared_encode(&prepared, list));
}

static uint32_t forged_list(struct world *world, const struct view_change *change,
                            struct buffer *list)
{
    struct block_header header;
    uint8_t parcel_space[64];
    uint32_t count = (uint32_t)prng_between(&world->prng, 1, FORGED_MAX);
    CHECK(block_header_decode(change->stable.header, &header) == WIRE_OK);
    for (uint32_t i = 0; i < count; i++) {
        struct buffer parcel = buffer_make(parcel_space, sizeof(parcel_space));
        struct vote vote = {
            .epoch = change->epoch,
            .view = change->view - 1,
            .sequence = header.height + 1 + i,
        };
        lie_batch(SIM_WALL_MS + i, &parcel, vote.digest);
        prepared_forge(world, &vote, list);
    }
    return count;
}

/* The certificates above `low` of an earlier VIEW-CHANGE that any liar has seen. */
static uint32_t older_list(const struct world *world, const struct view_change *change,
                           struct buffer *list)
{
    struct block_header header;
    uint32_t count = 0;
    CHECK(block_header_decode(change->stable.header, &header) == WIRE_OK);
    for (uint32_t i = 0; i < world->plan.n && count == 0; i++) {
        struct envelope envelope;
        struct view_change older;
        struct prepared prepared;
        struct vote vote;
        size_t used = 0;
        const struct blob *frame = world->heard[i].older;
        if (frame == NULL ||
            schema_decode_front(&schema_envelope, blob_bytes(frame), &envelope, &used) != WIRE_OK ||
            view_change_decode(envelope.body, &older) != WIRE_OK || older.epoch != change->epoch ||
            older.view >= change->view) {
            continue;
        }
        struct wire_iter iter = wire_iter_make(older.prepared);
        while (prepared_next(&iter, &prepared)) {
            CHECK(vote_decode(prepared.vote, &vote) == WIRE_OK);
            if (vote.sequence > header.height) {
                CHECK(prepared_encode(&prepared, list));
                count++;
            }
        }
    }
    return count;
}

/* Without the last signature, or with the primary's own in the place of one. False when this
 * certificate does not allow it. */
static bool members_twist(struct world *world, enum twist twist, const struct vote *vote,
                          struct prepared *prepared, struct buffer *sigs)
{
    uint32_t primary = (uint32_t)((vote->epoch + vote->view) % world->plan.n);
    uint32_t last = 63 - (uint32_t)__builtin_clzll(prepared->members);
    if (twist == TWIST_PRIMARY && !lie_is_liar(world, primary)) {
        return false;
    }
    uint64_t members = prepared->members & ~(UINT64_C(1) << last);
    members |= twist == TWIST_PRIMARY ? UINT64_C(1) << primary : 0;
    struct wire_iter iter = wire_iter_make(prepared->sigs);
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->plan.n; i++) {
        struct item_sig sig = {{0}};
        if ((prepared->members >> i & 1) != 0) {
            CHECK(item_sig_next(&iter, &sig));
        }
        if ((members >> i & 1) == 0) {
            continue;
        }
        if (i == primary && twist == TWIST_PRIMARY) {
            lie_sign(world, primary, vote->epoch, TAG_PREPARE, prepared->vote, sig.value);
        }
        CHECK(item_sig_encode(&sig, sigs));
        count++;
    }
    prepared->members = members;
    prepared->sigs = (struct wire_list){buffer_bytes(sigs), count};
    return true;
}

static uint32_t twisted_list(struct world *world, enum twist twist,
                             const struct view_change *change, struct buffer *list)
{
    struct wire_iter iter = wire_iter_make(change->prepared);
    struct prepared prepared;
    uint32_t twisted = 0;
    uint32_t count = 0;
    while (prepared_next(&iter, &prepared)) {
        uint8_t sig_space[SIM_REPLICAS_MAX * (SIG_BYTES + 2)];
        struct buffer sigs = buffer_make(sig_space, sizeof(sig_space));
        struct vote vote;
        CHECK(vote_decode(prepared.vote, &vote) == WIRE_OK);
        if (twist == TWIST_TWICE) {
            CHECK(prepared_encode(&prepared, list));
            count++;
            twisted++;
        } else if (twist == TWIST_PRIMARY_SIG) {
            prng_fill(&world->prng, prepared.primary_sig, SIG_BYTES);
            twisted++;
        } else {
            twisted += members_twist(world, twist, &vote, &prepared, &sigs) ? 1 : 0;
        }
        CHECK(prepared_encode(&prepared, list));
        count++;
    }
    return twisted > 0 && count <= WINDOW_MAX ? count : 0;
}

/* A later checkpoint, attested by the liars only. */
static void checkpoint_forge(struct world *world, struct stable *stable, struct buffer *header,
                             struct buffer *sigs)
{
    struct block_header forged;
    struct checkpoint checkpoint;
    uint32_t count = 0;
    CHECK(block_header_decode(stable->header, &forged) == WIRE_OK);
    forged.height += world->plan.interval;
    prng_fill(&world->prng, forged.tree_root, HASH_BYTES);
    CHECK(block_header_encode(&forged, header));
    stable->header = buffer_bytes(header);
    stable->members = world->plan.liars;
    CHECK(check_checkpoint_of(world, stable->header, &checkpoint));
    for (uint32_t i = 0; i < world->plan.n; i++) {
        struct item_sig sig;
        if (lie_is_liar(world, i)) {
            const struct key_pair *key = &lie_keys(world, i, checkpoint.epoch)->sign;
            checkpoint_sign(world->cast.scheme, &checkpoint, NOTE_SIGN, key->seed, key->pk,
                            sig.value);
            CHECK(item_sig_encode(&sig, sigs));
            count++;
        }
    }
    stable->note_sigs = (struct wire_list){buffer_bytes(sigs), count};
}

bool lie_twist(struct world *world, uint32_t rid, enum twist twist, struct bytes body,
               struct buffer *out)
{
    static uint8_t list_space[1u << 20];
    uint8_t header_space[HEADER_BYTES_MAX];
    uint8_t sig_space[SIM_REPLICAS_MAX * (SIG_BYTES + 2)];
    struct buffer list = buffer_make(list_space, sizeof(list_space));
    struct buffer header = buffer_make(header_space, sizeof(header_space));
    struct buffer sigs = buffer_make(sig_space, sizeof(sig_space));
    struct view_change change;
    uint32_t count = 0;
    CHECK(lie_is_liar(world, rid));
    CHECK(view_change_decode(body, &change) == WIRE_OK);
    switch (twist) {
    case TWIST_EMPTY:
        break;
    case TWIST_CHECKPOINT:
        checkpoint_forge(world, &change.stable, &header, &sigs);
        break;
    case TWIST_FAR:
        change.view += prng_between(&world->prng, 1, 5000);
        return view_change_encode(&change, out);
    case TWIST_FORGED:
        count = forged_list(world, &change, &list);
        break;
    case TWIST_OLDER:
        count = older_list(world, &change, &list);
        break;
    case TWIST_SHORT:
    case TWIST_PRIMARY:
    case TWIST_PRIMARY_SIG:
    case TWIST_TWICE:
        count = twisted_list(world, twist, &change, &list);
        if (count == 0) {
            return false;
        }
        break;
    case TWIST_COUNT:
        return false;
    }
    change.prepared = (struct wire_list){buffer_bytes(&list), count};
    return view_change_encode(&change, out);
}

enum twist lie_which_twist(struct world *world)
{
    uint32_t only = world->plan.only_twist;
    return only != 0 ? (enum twist)(only - 1) : (enum twist)prng_below(&world->prng, TWIST_COUNT);
}

/* What another replica never said, without its signature. */
static void change_in_another_name(const struct lie_to *out, struct bytes like)
{
    static uint8_t space[1u << 20];
    struct buffer body = buffer_make(space, sizeof(space));
    uint32_t rid = (uint32_t)prng_below(&out->world->prng, out->world->plan.n);
    uint8_t sig[SIG_BYTES];
    prng_fill(&out->world->prng, sig, SIG_BYTES);
    if (lie_is_liar(out->world, rid) ||
        !lie_twist(out->world, out->host->rid, TWIST_EMPTY, like, &body)) {
        return;
    }
    lie_send(out->world, out->host, out->to,
             lie_frame(MESSAGE_VIEW_CHANGE, rid, buffer_bytes(&body), sig, BYTES_EMPTY));
}

bool lie_change(const struct lie_to *out, const struct envelope *envelope)
{
    static uint8_t space[1u << 20];
    struct world *world = out->world;
    struct buffer body = buffer_make(space, sizeof(space));
    struct view_change change;
    uint8_t sig[SIG_BYTES];
    if (!world_lies(world, out->host->rid, LIE_CHANGE) ||
        view_change_decode(envelope->body, &change) != WIRE_OK) {
        return true;
    }
    if (prng_chance(&world->prng, 100)) {
        change_in_another_name(out, envelope->body);
    }
    if (prng_chance(&world->prng, 200)) {
        world->tally.lies++;
        return prng_chance(&world->prng, 500); /* to some only */
    }
    enum twist twist = lie_which_twist(world);
    if (!lie_twist(world, out->host->rid, twist, envelope->body, &body)) {
        return true;
    }
    lie_sign(world, out->host->rid, change.epoch, TAG_VIEW_CHANGE, buffer_bytes(&body), sig);
    lie_send(world, out->host, out->to,
             lie_frame(MESSAGE_VIEW_CHANGE, out->host->rid, buffer_bytes(&body), sig, BYTES_EMPTY));
    return prng_chance(&world->prng, 300);
}

void liar_hears(struct world *world, struct blob *frame)
{
    struct envelope envelope;
    struct view_change change;
    size_t used = 0;
    if (blob_type(frame) != MESSAGE_VIEW_CHANGE ||
        schema_decode_front(&schema_envelope, blob_bytes(frame), &envelope, &used) != WIRE_OK ||
        envelope.rid >= world->plan.n || view_change_decode(envelope.body, &change) != WIRE_OK) {
        return;
    }
    struct heard *heard = &world->heard[envelope.rid];
    uint64_t place = check_place(change.epoch, change.view);
    if (heard->newest != NULL && place <= heard->place) {
        return;
    }
    blob_drop(heard->older);
    heard->older = heard->newest;
    heard->newest = frame;
    heard->place = place;
    frame->refs++;
}

void liars_forget(struct world *world)
{
    for (uint32_t i = 0; i < SIM_REPLICAS_MAX; i++) {
        blob_drop(world->heard[i].newest);
        blob_drop(world->heard[i].older);
        world->heard[i] = (struct heard){0};
    }
    for (uint32_t i = 0; i < SIM_REPLICAS_MAX; i++) {
        blob_drop(world->other.changes[i]);
        world->other.changes[i] = NULL;
    }
    blob_drop(world->ordered_once);
    world->ordered_once = NULL;
}
