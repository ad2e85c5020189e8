/* Replicas that were away for so long that others have a snapshot for them. */
#include "replica/core/node_parts.h"
#include "tests/sim/liar.h"
#include "tests/sim/script.h"

#define AWAY 3
#define FAR 120 /* blocks, of which every sixteenth is a snapshot height */

static void away_plan(struct plan *plan)
{
    plan->snapshot_span = 2;
    plan->outstanding = 8;
    plan->think_us = 500;
}

static bool is_cut_off(const struct world *world, uint32_t from, uint32_t to)
{
    /* Its clients reach it: what they ask is executed elsewhere, and must not wait here for ever.
     */
    bool between_replicas = from != SIM_CLIENT && to != SIM_CLIENT;
    return between_replicas && (from == AWAY || to == AWAY) &&
           (world->stage == 0 || world->stage == 2);
}

static bool away_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    (void)frame;
    return !is_cut_off(world, from, to);
}

static const struct node *node_away(const struct world *world)
{
    const struct host *host = &world->hosts[AWAY];
    return host->up ? host->node : NULL;
}

static bool takes_part(struct world *world)
{
    const struct node *node = node_away(world);
    return node != NULL && world->tally.snapshots > 0 && node->gap.last == 0 &&
           (check_voted(world, AWAY, node->head.height)->has >> VOTED_COMMIT & 1) != 0;
}

static void back_step(struct world *world)
{
    if (world->stage == 0 && script_blocks(world) > FAR) {
        world->stage = 1;
    }
    if (world->stage == 1 && takes_part(world)) {
        world->stage = STAGE_DONE;
    }
}

/* mark: 0 the height at which it is let in again. */
static void cut_step(struct world *world)
{
    const struct node *node = node_away(world);
    if (world->stage == 0 && script_blocks(world) > FAR) {
        world->stage = 1;
    }
    if (world->stage == 1 && node->snapshot.phase == SNAPSHOT_CHUNKS) {
        world->mark[0] = script_blocks(world) + FAR;
        world->stage = 2;
    }
    if (world->stage == 2 && script_blocks(world) > world->mark[0]) {
        world->stage = 3;
    }
    if (world->stage == 3 && takes_part(world)) {
        world->stage = STAGE_DONE;
    }
}

/* mark: 0 how often it died while history was missing. */
static void killed_step(struct world *world)
{
    const struct node *node = node_away(world);
    if (world->stage == 0 && script_blocks(world) > FAR) {
        world->stage = 1;
    }
    if (world->stage == 1 && node != NULL && node->gap.last != 0 && world->mark[0] < 3) {
        world->mark[0]++;
        host_crash(world, &world->hosts[AWAY]);
    }
    if (world->stage == 1 && world->mark[0] > 0 && takes_part(world)) {
        world->stage = STAGE_DONE;
    }
}

static void lies_plan(struct plan *plan)
{
    away_plan(plan);
    plan->lie_permille = 700;
}

#define OLD 40 /* blocks, when the liar's picture is taken */

/* mark: 1 that there is a picture. */
static void old_step(struct world *world)
{
    if (world->mark[1] == 0 && script_blocks(world) > OLD) {
        host_picture(world, &world->hosts[1]);
        world->mark[1] = 1;
    }
    const struct node *node = node_away(world);
    if (world->stage == 1 && node->snapshot.height != 0 && node->snapshot.height <= OLD) {
        world_fail(world, "run", AWAY, "it takes the state of %lu, which is long over",
                   (unsigned long)node->snapshot.height);
    }
    back_step(world);
}

static void by_snapshot(struct world *world)
{
    if (world->plan.liars != 0 && world->tally.lies == 0) {
        world_fail(world, "run", SIM_NOBODY, "nobody lied");
    }
    if (world->tally.snapshots == 0) {
        world_fail(world, "run", AWAY, "it came back without a snapshot");
    }
}

const struct script snapshot_scripts[] = {
    {
        .name = "snapshot",
        .promise = "away for long: the state first, a vote, then the history",
        .plan = away_plan,
        .step = back_step,
        .passes = away_passes,
        .judge = by_snapshot,
    },
    {
        .name = "snapshot-cut",
        .promise = "cut off in the middle of it, for long: another one is taken",
        .plan = away_plan,
        .step = cut_step,
        .passes = away_passes,
        .judge = by_snapshot,
    },
    {
        .name = "snapshot-killed",
        .promise = "killed while history is missing: it goes on where it was",
        .plan = away_plan,
        .step = killed_step,
        .passes = away_passes,
        .judge = by_snapshot,
    },
    {
        .name = "snapshot-of-liars",
        .promise = "B49 B50: a source that forges rows, leaves and results, or keeps them",
        .plan = lies_plan,
        .step = back_step,
        .passes = away_passes,
        .judge = by_snapshot,
        .liars = 2,
        .lies = LIE_FORGE,
    },
    {
        .name = "snapshot-of-old",
        .promise = "B53: a source that answers with a state that was true long ago",
        .plan = away_plan,
        .step = old_step,
        .passes = away_passes,
        .judge = by_snapshot,
        .liars = 2,
        .lies = LIE_OLD,
    },
};

const uint32_t snapshot_script_count = sizeof(snapshot_scripts) / sizeof(snapshot_scripts[0]);
