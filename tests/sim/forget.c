/* Amnesia: a replica whose disk is lost, or put back from an older picture. It must find out by
 * what the others hold of it, vote no more with that key, and follow; it counts among the f for the
 * rest of the run. One that nobody can tell (its votes since the picture never arrived, or only
 * with liars) is a faulty replica like any other, and is given to the liars. */
#include "tests/sim/check.h"
#include "tests/sim/world.h"

#include <string.h>

void host_picture(struct world *world, struct host *host)
{
    if (host->picture != NULL) {
        store_close(host->picture);
    }
    CHECK(store_memory_copy(host->store, &host->picture) == STATUS_OK);
    world_trace(world, "a picture of r%u's disk is taken", host->rid);
}

void host_forget(struct world *world, struct host *host, bool all)
{
    uint32_t bit = 1u << host->rid;
    bool has = !all && host->picture != NULL;
    struct store *empty = NULL;
    if (host->up) {
        host_crash(world, host);
    }
    CHECK(store_memory_open(&empty) == STATUS_OK);
    store_memory_restore(host->store, has ? host->picture : empty);
    store_close(empty);
    world->forgot |= bit;
    world->unsure |= bit;
    world->tally.forgot++;
    check_forgot(world, host);
    world_trace(world, "r%u's disk is %s", host->rid, has ? "put back from a picture" : "lost");
}

void forget_look(struct world *world, struct host *host)
{
    uint32_t bit = 1u << host->rid;
    struct node_look look;
    if ((world->unsure & bit) == 0 || !host->up) {
        return;
    }
    node_look(host->node, &look);
    if (look.mode == MODE_RECOVERING) {
        world->unsure &= ~bit;
        world->tally.recovering++;
    } else if (look.awake) {
        world->unsure &= ~bit;
        world->plan.liars |= bit; /* nobody told it: one of the f from now on */
        world_trace(world, "r%u has forgotten, and nobody knows", host->rid);
    }
}

bool host_is_recovering(const struct world *world, const struct host *host)
{
    uint32_t bit = 1u << host->rid;
    return (world->forgot & bit) != 0 && (world->plan.liars & bit) == 0;
}
