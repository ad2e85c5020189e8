/* Cuts of the network between replicas, of every kind, more than f of them apart at a time: nobody
 * needs to get anywhere meanwhile, and nobody may go wrong. Clients reach all of them. */
#include "tests/sim/world.h"

#include <string.h>

enum cut {
    CUT_HALVES,  /* two sides, nothing between them */
    CUT_ONE_WAY, /* the first side is heard by the other and hears nothing of it */
    CUT_BRIDGE,  /* two sides, and one replica that both reach */
    CUT_RING,    /* each reaches its neighbours */
    CUT_MUTE,    /* one that hears and is not heard */
    CUT_DEAF,    /* one that is heard and hears nothing */
    CUT_KINDS
};

static const char *const cut_names[] = {
    "two halves", "one way", "a bridge", "a ring", "one is mute", "one is deaf",
};

static void block(struct world *world, uint32_t from, uint32_t to)
{
    world->blocked[from] |= 1u << to;
}

static bool is_blocked(const struct world *world, enum cut cut, uint32_t from, uint32_t to)
{
    uint32_t side = world->cut_side;
    uint32_t one = world->cut_one;
    bool apart = ((side >> from ^ side >> to) & 1) != 0;
    uint32_t n = world->plan.n;
    switch (cut) {
    case CUT_HALVES:
        return apart;
    case CUT_ONE_WAY:
        return apart && (side >> to & 1) != 0;
    case CUT_BRIDGE:
        return apart && from != one && to != one;
    case CUT_RING:
        return (from + 1) % n != to && (to + 1) % n != from;
    case CUT_MUTE:
        return from == one;
    case CUT_DEAF:
        return to == one;
    case CUT_KINDS:
        break;
    }
    return false;
}

void partition_begin(struct world *world)
{
    enum cut cut = (enum cut)prng_below(&world->prng, CUT_KINDS);
    uint32_t n = world->plan.n;
    world->cut_side = (uint32_t)prng_between(&world->prng, 1, (1u << n) - 2);
    world->cut_one = (uint32_t)prng_below(&world->prng, n);
    partition_end(world);
    for (uint32_t from = 0; from < n; from++) {
        for (uint32_t to = 0; to < n; to++) {
            if (from != to && is_blocked(world, cut, from, to)) {
                block(world, from, to);
            }
        }
    }
    world->tally.cuts++;
    world_trace(world, "the network is cut: %s (side %x, one r%u)", cut_names[cut], world->cut_side,
                world->cut_one);
}

void partition_end(struct world *world)
{
    memset(world->blocked, 0, sizeof(world->blocked));
}
