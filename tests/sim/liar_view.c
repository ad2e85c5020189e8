/* NEW-VIEWs of liars: with another V, with another O, to some replicas only, or none at all. What
 * the core makes of V is called for O here; the checker makes it of its own. */
#include "crypto/hash.h"
#include "governance/view_plan.h"
#include "tests/sim/check.h"
#include "tests/sim/liar.h"

#include <string.h>

struct draft {
    struct world *world;
    uint32_t rid;
    uint64_t epoch;
    uint64_t view;
    struct signed_body v[REPLICAS_MAX];
    uint32_t v_count;
};

static uint8_t v_space[4u << 20];
static uint8_t o_space[1u << 20];
static uint8_t twisted_space[REPLICAS_MAX][1u << 17];

static void draft_read(struct draft *draft, const struct new_view *new_view)
{
    struct wire_iter iter = wire_iter_make(new_view->view_changes);
    draft->epoch = new_view->epoch;
    draft->view = new_view->view;
    while (draft->v_count < REPLICAS_MAX && signed_body_next(&iter, &draft->v[draft->v_count])) {
        draft->v_count++;
    }
}

static void v_sign(struct draft *draft, uint32_t at, struct bytes body)
{
    draft->v[at].body = body;
    if (lie_is_liar(draft->world, (uint32_t)draft->v[at].rid)) {
        lie_sign(draft->world, (uint32_t)draft->v[at].rid, draft->epoch, TAG_VIEW_CHANGE, body,
                 draft->v[at].sig);
    } else {
        prng_fill(&draft->world->prng, draft->v[at].sig, SIG_BYTES);
    }
}

static bool v_twist(struct draft *draft, uint32_t at, enum twist twist)
{
    struct buffer body = buffer_make(twisted_space[at], sizeof(twisted_space[at]));
    uint32_t signer = (uint32_t)draft->v[at].rid;
    signer = lie_is_liar(draft->world, signer) ? signer : draft->rid;
    if (!lie_twist(draft->world, signer, twist, draft->v[at].body, &body)) {
        return false;
    }
    v_sign(draft, at, buffer_bytes(&body));
    return true;
}

/* Its VIEW-CHANGE before its last, for an earlier view. */
static bool v_earlier(struct draft *draft, uint32_t at)
{
    struct envelope envelope;
    size_t used = 0;
    const struct blob *frame = draft->world->heard[draft->v[at].rid].older;
    if (frame == NULL ||
        schema_decode_front(&schema_envelope, blob_bytes(frame), &envelope, &used) != WIRE_OK) {
        return false;
    }
    draft->v[at].body = envelope.body;
    memcpy(draft->v[at].sig, envelope.sig.data, SIG_BYTES);
    return true;
}

static bool v_has(const struct draft *draft, uint32_t rid)
{
    for (uint32_t i = 0; i < draft->v_count; i++) {
        if (draft->v[i].rid == rid) {
            return true;
        }
    }
    return false;
}

/* One whose VIEW-CHANGE came too late in the place of one that is in V: as good as the other. */
static bool v_of_another(struct draft *draft)
{
    for (uint32_t rid = 0; rid < draft->world->plan.n; rid++) {
        struct envelope envelope;
        size_t used = 0;
        const struct heard *heard = &draft->world->heard[rid];
        if (v_has(draft, rid) || heard->newest == NULL ||
            heard->place != check_place(draft->epoch, draft->view) ||
            schema_decode_front(&schema_envelope, blob_bytes(heard->newest), &envelope, &used) !=
                WIRE_OK) {
            continue;
        }
        draft->v[draft->v_count - 1] = (struct signed_body){.rid = rid, .body = envelope.body};
        memcpy(draft->v[draft->v_count - 1].sig, envelope.sig.data, SIG_BYTES);
        return true;
    }
    return false;
}

/* False when V is as it was. */
static bool v_change(struct draft *draft, enum new_view_lie lie)
{
    bool changed = false;
    enum twist twist = lie_which_twist(draft->world);
    if (lie == V_OF_TOO_FEW) {
        draft->v_count--;
        return true;
    }
    if (lie == TWO_GOOD_ONES) {
        return v_of_another(draft);
    }
    if (lie == V_WITH_A_DOUBLE) {
        draft->v[draft->v_count - 1] = draft->v[0];
        return true;
    }
    for (uint32_t i = 0; i < draft->v_count; i++) {
        bool own = lie_is_liar(draft->world, (uint32_t)draft->v[i].rid);
        if (lie == V_TWISTED && own) {
            changed = v_twist(draft, i, twist) || changed;
        } else if (lie == V_INVENTED && !own) {
            changed = v_twist(draft, i, TWIST_EMPTY) || changed;
        } else if (lie == V_OF_ANOTHER_VIEW && !own) {
            changed = v_earlier(draft, i) || changed;
        }
    }
    return changed;
}

static struct wire_list v_list(const struct draft *draft)
{
    struct buffer list = buffer_make(v_space, sizeof(v_space));
    for (uint32_t i = 0; i < draft->v_count; i++) {
        CHECK(signed_body_encode(&draft->v[i], &list));
    }
    return (struct wire_list){buffer_bytes(&list), draft->v_count};
}

static void digest_change(struct world *world, uint8_t digest[HASH_BYTES])
{
    uint8_t space[64];
    struct buffer parcel = buffer_make(space, sizeof(space));
    lie_batch(host_wall_ms(world, &world->hosts[0]), &parcel, digest);
}

static struct wire_list o_list(const struct draft *draft, const struct view_plan *plan,
                               enum new_view_lie lie)
{
    struct world *world = draft->world;
    struct buffer list = buffer_make(o_space, sizeof(o_space));
    uint32_t count = (uint32_t)(plan->high - plan->low);
    uint32_t victim = count == 0 ? 0 : (uint32_t)prng_below(&world->prng, count);
    count -= lie == O_SHORTER && count > 0 ? 1 : 0;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t vote_space[128];
        struct buffer body = buffer_make(vote_space, sizeof(vote_space));
        struct vote vote = {
            .epoch = draft->epoch, .view = draft->view, .sequence = plan->low + 1 + i};
        memcpy(vote.digest, plan->digest[i], HASH_BYTES);
        if (i == victim && lie == O_WITHOUT_ONE) {
            memset(vote.digest, 0, HASH_BYTES);
        } else if (i == victim && lie == O_WITH_ANOTHER) {
            digest_change(world, vote.digest);
        }
        CHECK(vote_encode(&vote, &body));
        struct signed_body element = {.rid = draft->rid, .body = buffer_bytes(&body)};
        lie_sign(world, draft->rid, draft->epoch, TAG_PRE_PREPARE, element.body, element.sig);
        if (lie == O_UNSIGNED) {
            prng_fill(&world->prng, element.sig, SIG_BYTES);
        }
        CHECK(signed_body_encode(&element, &list));
    }
    return (struct wire_list){buffer_bytes(&list), count};
}

static void draft_send(const struct lie_to *out, const struct draft *draft, enum new_view_lie lie)
{
    static struct view_plan plan;
    static uint8_t body_space[ENVELOPE_BODY_BYTES_MAX];
    struct buffer body = buffer_make(body_space, sizeof(body_space));
    struct new_view new_view = {
        .epoch = draft->epoch, .view = draft->view, .view_changes = v_list(draft)};
    uint8_t sig[SIG_BYTES];
    if (!view_plan_make(new_view.view_changes, &plan)) {
        return;
    }
    new_view.pre_prepares = o_list(draft, &plan, lie);
    CHECK(new_view_encode(&new_view, &body));
    lie_sign(out->world, draft->rid, draft->epoch, TAG_NEW_VIEW, buffer_bytes(&body), sig);
    if (lie == NEW_VIEW_UNSIGNED) {
        prng_fill(&out->world->prng, sig, SIG_BYTES);
    }
    lie_send(out->world, out->host, out->to,
             lie_frame(MESSAGE_NEW_VIEW, draft->rid, buffer_bytes(&body), sig, BYTES_EMPTY));
}

bool lie_view(const struct lie_to *out, const struct envelope *envelope)
{
    static struct draft draft;
    struct world *world = out->world;
    struct new_view new_view;
    if (!world_lies(world, out->host->rid, LIE_NEW_VIEW) || envelope->rid != out->host->rid ||
        new_view_decode(envelope->body, &new_view) != WIRE_OK) {
        return true;
    }
    /* One kind for all receivers of a view most of the time, so that it has a chance. */
    uint64_t mixed = (new_view.view * 7 + world->plan.seed) * UINT64_C(0x9e3779b97f4a7c15);
    enum new_view_lie lie = (enum new_view_lie)((mixed >> 32) % NEW_VIEW_LIES);
    if (prng_chance(&world->prng, 300)) {
        lie = (enum new_view_lie)prng_below(&world->prng, NEW_VIEW_LIES);
    }
    if (world->plan.only_view_lie != 0) {
        lie = (enum new_view_lie)(world->plan.only_view_lie - 1);
    }
    if (lie == NEW_VIEW_OF_NOBODY || lie == NEW_VIEW_TO_SOME) {
        world->tally.lies++;
        return lie == NEW_VIEW_TO_SOME && prng_chance(&world->prng, 500);
    }
    draft = (struct draft){.world = world, .rid = out->host->rid};
    draft_read(&draft, &new_view);
    if (lie == TWO_GOOD_ONES && out->to % 2 == 0) {
        return true;
    }
    if ((lie < O_WITHOUT_ONE || lie == TWO_GOOD_ONES) && !v_change(&draft, lie)) {
        return true;
    }
    draft_send(out, &draft, lie);
    return world->plan.only_view_lie == 0 && prng_chance(&world->prng, 200);
}
