/* Proposals and votes of liars: a second one beside the first, another for everybody, one that is
 * not theirs to make, and votes for views that are over or not there yet. */
#include "crypto/hash.h"
#include "tests/sim/check.h"
#include "tests/sim/liar.h"

static void vote_sign_send(const struct lie_to *out, uint64_t type, const struct vote *vote)
{
    uint8_t space[128];
    uint8_t sig[SIG_BYTES];
    struct buffer body = buffer_make(space, sizeof(space));
    enum sign_tag tag = type == MESSAGE_COMMIT ? TAG_COMMIT : TAG_PREPARE;
    CHECK(vote_encode(vote, &body));
    lie_sign(out->world, out->host->rid, vote->epoch, tag, buffer_bytes(&body), sig);
    lie_send(out->world, out->host, out->to,
             lie_frame(type, out->host->rid, buffer_bytes(&body), sig, BYTES_EMPTY));
}

static void vote_lie(const struct lie_to *out, uint64_t type, const struct vote *like)
{
    struct vote vote = *like;
    prng_fill(&out->world->prng, vote.digest, HASH_BYTES);
    vote_sign_send(out, type, &vote);
}

/* The same vote for a view that is over, or for one that has not begun. */
static void view_lie(const struct lie_to *out, uint64_t type, const struct vote *like)
{
    struct vote vote = *like;
    uint64_t by = prng_between(&out->world->prng, 1, 3);
    bool back = vote.view >= by && prng_chance(&out->world->prng, 500);
    vote.view = back ? vote.view - by : vote.view + by;
    vote_sign_send(out, type, &vote);
}

/* A proposal of an empty batch, signed by whoever lies. */
static void proposal_lie(const struct lie_to *out, uint32_t to, const struct vote *like,
                         uint64_t time_ms)
{
    uint8_t parcel_space[64];
    uint8_t body_space[128];
    uint8_t sig[SIG_BYTES];
    struct buffer parcel = buffer_make(parcel_space, sizeof(parcel_space));
    struct buffer body = buffer_make(body_space, sizeof(body_space));
    struct vote vote = *like;
    lie_batch(time_ms, &parcel, vote.digest);
    CHECK(vote_encode(&vote, &body));
    lie_sign(out->world, out->host->rid, vote.epoch, TAG_PRE_PREPARE, buffer_bytes(&body), sig);
    lie_send(out->world, out->host, to,
             lie_frame(MESSAGE_PRE_PREPARE, out->host->rid, buffer_bytes(&body), sig,
                       buffer_bytes(&parcel)));
}

static uint64_t soon_ms(const struct lie_to *out)
{
    return host_wall_ms(out->world, out->host) + prng_below(&out->world->prng, 1000);
}

/* The primary has prepared a sequence: whoever voted for its proposal hears of another one. */
static void second_proposals(const struct lie_to *out, const struct vote *like)
{
    for (uint32_t to = 0; to < out->world->plan.n; to++) {
        const struct voted *voted = check_voted(out->world, to, like->sequence);
        if (to != out->host->rid && (voted->has >> VOTED_PREPARE & 1) != 0) {
            proposal_lie(out, to, like, soon_ms(out));
        }
    }
}

/* Above the boundary that is pending: as if the epoch went on, or the next one had begun. */
void lie_beyond(const struct lie_to *out, const struct envelope *envelope)
{
    struct world *world = out->world;
    struct vote vote;
    bool votes = envelope->type == MESSAGE_PRE_PREPARE || envelope->type == MESSAGE_PREPARE ||
                 envelope->type == MESSAGE_COMMIT;
    if (!world_lies(world, out->host->rid, LIE_BEYOND) || envelope->rid != out->host->rid ||
        !votes || vote_decode(envelope->body, &vote) != WIRE_OK) {
        return;
    }
    uint64_t boundary = check_boundary(world, world->check->hosts[out->host->rid].durable);
    if (boundary == NO_BOUNDARY || vote.sequence > boundary) {
        return;
    }
    vote.sequence = boundary + prng_between(&world->prng, 1, 3);
    if (prng_chance(&world->prng, 500)) {
        vote.epoch++;
        vote.view = 0;
    }
    if (envelope->type == MESSAGE_PRE_PREPARE) {
        proposal_lie(out, out->to, &vote, soon_ms(out));
    } else {
        vote_sign_send(out, envelope->type, &vote);
    }
}

bool lie_votes(const struct lie_to *out, const struct envelope *envelope)
{
    struct world *world = out->world;
    uint32_t rid = out->host->rid;
    struct vote vote;
    CHECK(vote_decode(envelope->body, &vote) == WIRE_OK);
    /* A primary that leaves a hole as its last lie leaves it for ever: nobody waits for anything.
     */
    bool leads = (vote.epoch + vote.view) % world->plan.n == rid && world->phase != PHASE_STORM;
    if (world_lies(world, rid, LIE_PROPOSE) && !leads) {
        struct vote near = vote;
        near.sequence += prng_below(&world->prng, 4);
        proposal_lie(out, out->to, &near, soon_ms(out));
    }
    if (world_lies(world, rid, LIE_TWO_PROPOSALS) && envelope->type == MESSAGE_COMMIT) {
        second_proposals(out, &vote);
    }
    if (world_lies(world, rid, LIE_VIEWS)) {
        view_lie(out, envelope->type, &vote);
    }
    if (world_lies(world, rid, LIE_VOTES)) {
        vote_lie(out, envelope->type, &vote);
        return prng_chance(&world->prng, 700);
    }
    return true;
}

bool lie_proposal(const struct lie_to *out, const struct envelope *envelope)
{
    struct world *world = out->world;
    struct vote vote;
    if (envelope->rid != out->host->rid) {
        return true;
    }
    CHECK(vote_decode(envelope->body, &vote) == WIRE_OK);
    if (world_lies(world, out->host->rid, LIE_TIME)) {
        uint64_t off = prng_between(&world->prng, 70000, 700000); /* beyond the bound */
        uint64_t now = host_wall_ms(world, out->host);
        proposal_lie(out, out->to, &vote, prng_chance(&world->prng, 500) ? now + off : now - off);
        return false;
    }
    if (world_lies(world, out->host->rid, LIE_SPLIT)) {
        proposal_lie(out, out->to, &vote, soon_ms(out));
        return prng_chance(&world->prng, 300);
    }
    return true;
}
