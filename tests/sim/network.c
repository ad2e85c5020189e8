#include "tests/sim/script.h"
#include "tests/sim/world.h"

static uint64_t travel_us(struct world *world)
{
    const struct plan *plan = &world->plan;
    uint64_t us = plan->delay_us;
    if (world->phase == PHASE_STORM) {
        us += prng_below(&world->prng, plan->jitter_us);
        if (prng_chance(&world->prng, plan->slow_permille)) {
            us += prng_below(&world->prng, plan->slow_us);
        }
    }
    return us;
}

/* How many copies arrive. */
static uint32_t copies(struct world *world)
{
    if (world->phase != PHASE_STORM) {
        return 1;
    }
    uint32_t count = prng_chance(&world->prng, world->plan.loss_permille) ? 0 : 1;
    return count + (prng_chance(&world->prng, world->plan.copy_permille) ? 1 : 0);
}

void network_send(struct world *world, uint32_t from, uint32_t to, struct blob *frame)
{
    CHECK(to < world->plan.n);
    bool own = from == to;
    if (!own && (world->hosts[to].cut_off || (from != SIM_CLIENT && world->hosts[from].cut_off))) {
        return;
    }
    if (!own && from != SIM_CLIENT && (world->blocked[from] >> to & 1) != 0) {
        return;
    }
    const struct script *script = world->phase == PHASE_STORM ? world->script : NULL;
    if (script != NULL && script->passes != NULL && !own &&
        !script->passes(world, from, to, frame)) {
        if (!world->story) {
            world_trace(world, "what r%u sends to r%u is lost", from, to);
        }
        return;
    }
    uint32_t count = own ? 1 : copies(world);
    for (uint32_t i = 0; i < count; i++) {
        struct due due = {
            .at_us = world->now_us + (own ? 10 : travel_us(world)),
            .kind = DUE_FRAME,
            .from = from,
            .to = to,
            .frame = frame,
        };
        frame->refs++;
        events_add(&world->events, &due);
    }
}

void network_reply(struct world *world, uint32_t rid, uint32_t client, struct telling *reply)
{
    if (world->hosts[rid].cut_off) {
        return;
    }
    for (uint32_t count = copies(world); count > 0; count--) {
        struct due due = {
            .at_us = world->now_us + travel_us(world),
            .kind = DUE_REPLY,
            .from = rid,
            .to = client,
            .reply = reply,
        };
        reply->refs++;
        events_add(&world->events, &due);
    }
}
