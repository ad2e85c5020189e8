/* More than f replicas cheat: a fork is possible, and at least f + 1 of them are convicted of it,
 * nobody else. The sides do not hear each other until the liars are gone; then they meet. */
#include "replica/core/node_parts.h"
#include "tests/sim/liar.h"
#include "tests/sim/script.h"

#define BLOCKS 40

static void four_plan(struct plan *plan)
{
    plan->jitter_us = 500;
    plan->clients = 6;
    plan->batch_items = 16;
    plan->other_side = 1u << 3;
}

/* Three of seven, with two correct ones on either side. */
static void three_plan(struct plan *plan)
{
    four_plan(plan);
    plan->n = 7;
    plan->f = 2;
    plan->other_side = 3u << 5;
}

/* Four of seven, with two and one. */
static void most_plan(struct plan *plan)
{
    three_plan(plan);
    plan->other_side = 1u << 6;
}

static void across_plan(struct plan *plan)
{
    four_plan(plan);
    plan->across = true;
}

static void across_seven_plan(struct plan *plan)
{
    three_plan(plan);
    plan->across = true;
}

/* The correct ones of the two sides cannot reach each other. */
static bool fork_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    (void)frame;
    return from == SIM_CLIENT || lie_is_liar(world, from) || lie_is_liar(world, to) ||
           world_is_other(world, from) == world_is_other(world, to);
}

static void fork_step(struct world *world)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        uint64_t executed = script_look(world, rid).executed;
        least = executed < least ? executed : least;
    }
    if (least >= BLOCKS) {
        world->stage = STAGE_DONE;
    }
}

static void fork_judge(struct world *world)
{
    struct check_forks forks;
    check_forks(world, &forks);
    world_trace(world, "%u heights of replicas, %u of clients; convicted: %x", forks.of_replicas,
                forks.of_clients, forks.convicted);
    if (forks.of_replicas == 0 || forks.of_clients == 0) {
        world_fail(world, "run", SIM_NOBODY, "no fork: %u heights of replicas, %u of clients",
                   forks.of_replicas, forks.of_clients);
    }
    if (forks.convicted != world->plan.liars) {
        world_fail(world, "run", SIM_NOBODY, "convicted: %x, liars: %x", forks.convicted,
                   world->plan.liars);
    }
}

/* One of the first side that was told the next view has the VIEW-CHANGEs of its V, and one of the
 * other side that has taken blocks of the first has COMMITs of that: each of them convicts all by
 * itself. Who halts before that, as two logs have met, leaves it to the others. */
static bool has_both(struct world *world, uint32_t rid)
{
    return world_is_other(world, rid) ? check_view_of_head(world, rid) < SIM_FORK_VIEW
                                      : world->hosts[rid].node->view >= SIM_FORK_VIEW;
}

static void across_judge(struct world *world)
{
    struct check_forks forks;
    check_forks(world, &forks);
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        uint32_t denials = world->check->hosts[rid].denials;
        if (lie_is_liar(world, rid)) {
            continue;
        }
        world_trace(world, "r%u has evidence of denials against %x", rid, denials);
        if (has_both(world, rid) && denials != world->plan.liars) {
            world_fail(world, "run", rid, "it convicts %x, liars: %x", denials, world->plan.liars);
        }
    }
    if (forks.of_replicas == 0 || forks.convicted != world->plan.liars) {
        world_fail(world, "run", SIM_NOBODY, "%u heights of replicas differ; convicted: %x",
                   forks.of_replicas, forks.convicted);
    }
}

const struct script fork_scripts[] = {
    {
        .name = "two-logs",
        .promise = "B74: two of four show the others two logs, and both are convicted",
        .plan = four_plan,
        .step = fork_step,
        .passes = fork_passes,
        .judge = fork_judge,
        .liars = 3u,
    },
    {
        .name = "two-logs-of-seven",
        .promise = "B74: the same by three of seven",
        .plan = three_plan,
        .step = fork_step,
        .passes = fork_passes,
        .judge = fork_judge,
        .liars = 7u,
    },
    {
        .name = "two-logs-by-most",
        .promise = "B74: the same by four of seven, twice what is borne",
        .plan = most_plan,
        .step = fork_step,
        .passes = fork_passes,
        .judge = fork_judge,
        .liars = 15u,
    },
    {
        .name = "two-logs-across-views",
        .promise = "B74: two of four commit in one view, and hide it from the next",
        .plan = across_plan,
        .step = fork_step,
        .passes = fork_passes,
        .judge = across_judge,
        .liars = 3u,
    },
    {
        .name = "two-logs-across-views-of-seven",
        .promise = "B74: the same by three of seven",
        .plan = across_seven_plan,
        .step = fork_step,
        .passes = fork_passes,
        .judge = across_judge,
        .liars = 7u,
    },
};

const uint32_t fork_script_count = sizeof(fork_scripts) / sizeof(fork_scripts[0]);
