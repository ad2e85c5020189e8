/* Power that is cut, disks that are lost or set back: run 4 of PROTOCOL. */
#include "tests/sim/liar.h"
#include "tests/sim/script.h"

/* --- Power -------------------------------------------------------------------------------------
 */

#define CUTS 6

static void power_plan(struct plan *plan)
{
    plan->sync_us = 5000;
    plan->outstanding = 8;
    plan->think_us = 500;
}

/* One that waited for a NEW-VIEW in vain while the others did not has left alone. It follows by
 * certificates and votes again from the next view on: PROTOCOL, view change. */
static bool has_left_alone(const struct world *world, uint32_t rid)
{
    struct node_look look = script_look(world, rid);
    return look.mode == MODE_CHANGING &&
           check_place(look.epoch, look.view) > world->check->view_entered;
}

static bool all_vote_above(struct world *world, uint64_t height)
{
    uint32_t alone = 0;
    bool all = true;
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        bool voted = false;
        for (uint64_t n = height + 1; n < script_blocks(world) && !voted; n++) {
            voted = (check_voted(world, rid, n)->has >> VOTED_COMMIT & 1) != 0;
        }
        alone += !voted && has_left_alone(world, rid) ? 1 : 0;
        all = all && (voted || has_left_alone(world, rid));
    }
    return all && alone <= world->plan.f;
}

/* mark: 0 the height at the cut, 1 how many cuts there were. Between two of them every replica must
 * have voted for something new. */
static void power_step(struct world *world)
{
    if (world->stage == 0 && script_blocks(world) > world->mark[0] + 20) {
        world->mark[0] = script_blocks(world);
        world->mark[1]++;
        for (uint32_t rid = 0; rid < world->plan.n; rid++) {
            if (world->hosts[rid].up) {
                host_crash(world, &world->hosts[rid]);
            }
        }
        world->stage = 1;
    }
    if (world->stage == 1 && all_vote_above(world, world->mark[0])) {
        world->stage = world->mark[1] == CUTS ? STAGE_DONE : 0;
    }
}

static void nobody_recovers(struct world *world)
{
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        struct node_look look = script_look(world, rid);
        if (look.mode == MODE_RECOVERING || !look.awake) {
            world_fail(world, "run", rid, "it lost nothing, and does not vote");
        }
    }
}

/* mark: 0 how many blocks there were when two of four were down, 1 since when that is. */
static void too_many_step(struct world *world)
{
    if (world->stage == 0 && script_blocks(world) > 20) {
        world->mark[1] = world->now_us;
        world->stage = 1;
    }
    if (world->stage == 1 || world->stage == 2) {
        for (uint32_t rid = 2; rid < world->plan.n; rid++) {
            if (world->hosts[rid].up) {
                host_crash(world, &world->hosts[rid]);
            }
        }
    }
    if (world->stage == 1 && world->now_us > world->mark[1] + 100000) {
        world->mark[0] = script_blocks(world); /* what was on its way is there */
        world->stage = 2;
    }
    if (world->stage == 2 && script_blocks(world) != world->mark[0]) {
        world_fail(world, "run", SIM_NOBODY, "two of four agree on a block");
    }
    if (world->stage == 2 && world->now_us > world->mark[1] + 5000000) {
        world->stage = 3;
    }
    if (world->stage == 3 && script_blocks(world) > world->mark[0] + 20) {
        world->stage = STAGE_DONE;
    }
}

/* COMMITs of view 0 above a height reach r1 only, which executes what they commit, and dies. The
 * others have prepared it; a later view must bring the same, before r1 is back. */
#define ONLY_ONE 1
#define ONLY_FROM 20

static bool one_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    struct envelope envelope;
    struct vote vote;
    (void)world;
    (void)from;
    if (to == ONLY_ONE || !script_envelope(frame, &envelope) || envelope.type != MESSAGE_COMMIT ||
        !script_vote(&envelope, &vote)) {
        return true;
    }
    return vote.sequence <= ONLY_FROM || vote.view > 0;
}

/* mark: 0 what the one had executed when it died. */
static void one_step(struct world *world)
{
    struct host *host = &world->hosts[ONLY_ONE];
    uint64_t durable = world->check->hosts[ONLY_ONE].durable;
    if (world->stage == 0 && durable > ONLY_FROM) {
        world->mark[0] = durable;
        world->stage = 1;
    }
    bool away = world->stage == 1;
    if (away && host->up) {
        host_crash(world, host);
    }
    if (away && world->check->hosts[2].durable > world->mark[0] + 10) {
        world->stage = STAGE_DONE;
    }
}

static void one_stays_true(struct world *world)
{
    if (world->check->view_entered == 0) {
        world_fail(world, "run", SIM_NOBODY, "no view has ended");
    }
}

/* --- Disks -------------------------------------------------------------------------------------
 */

#define VICTIM 3
#define PICTURE_AT 10
#define FORGETS_AT 25
#define FAR 90 /* beyond its window */

static void disk_step(struct world *world, bool all)
{
    struct host *host = &world->hosts[VICTIM];
    if (world->stage == 0 && script_blocks(world) > PICTURE_AT) {
        host_picture(world, host);
        world->stage = 1;
    }
    if (world->stage == 1 && script_blocks(world) > FORGETS_AT) {
        host_forget(world, host, all);
        world->stage = 2;
    }
    if (world->stage == 2 && script_blocks(world) > FAR && world->unsure == 0) {
        world->stage = STAGE_DONE;
    }
}

static void set_back_step(struct world *world)
{
    disk_step(world, false);
}

static void lost_step(struct world *world)
{
    disk_step(world, true);
}

static void follows_only(struct world *world)
{
    struct node_look look = script_look(world, VICTIM);
    if (look.mode != MODE_RECOVERING) {
        world_fail(world, "run", VICTIM, "it has forgotten, and does not know");
    }
    if (look.executed + 1 != script_blocks(world)) {
        world_fail(world, "run", VICTIM, "it does not follow");
    }
}

/* --- Hidden ------------------------------------------------------------------------------------
 */

/* n = 7, f = 2: r1 lies, and r6 forgets what only r1 knows: that it has left view 0. Both are the
 * f; then r1 is the primary of view 1, and shows r6's old VIEW-CHANGE and an empty one of its own.
 * A block is committed meanwhile with both their votes, and two correct replicas have no part in
 * it.
 *
 *   stage 0   until there are a few blocks
 *   stage 1   r4, r5 and r6 hear nothing of the primary: the picture; r6 leaves, only r1 hears it
 *   stage 2   r6's disk is set back, and it starts again; nobody tells it
 *   stage 3   r2 and r3 get no votes: what is committed now, is without them
 *   stage 4   nothing is proposed any more: r1 makes view 1 of what it likes. The last VIEW-CHANGE
 *             that it needs for a quorum is that of r0, which knows what was committed */
#define HIDER 1
#define FORGETFUL 6
#define LAST_US 20000
#define QUIET_US 150000 /* until it has said what it had to say; less than the view timeout */

static void hidden_plan(struct plan *plan)
{
    plan->n = 7;
    plan->f = 2;
    plan->interval = 64;
    plan->window = 128;
}

static bool is_vote(const struct envelope *envelope)
{
    return envelope->type == MESSAGE_PREPARE || envelope->type == MESSAGE_COMMIT;
}

static bool hidden_early(uint32_t to, const struct envelope *envelope)
{
    bool cut = to == 4 || to == 5 || to == FORGETFUL;
    if (cut && (envelope->type == MESSAGE_PRE_PREPARE || envelope->type == MESSAGE_DATA)) {
        return false;
    }
    if (envelope->type == MESSAGE_COMPLAIN) {
        return to == FORGETFUL;
    }
    return envelope->type != MESSAGE_VIEW_CHANGE || to == HIDER;
}

/* The VIEW-CHANGE of r0, which knows what was committed, comes after all others: without it there
 * is no quorum. mark: 2 when it was sent first */
static bool hidden_waited(struct world *world, uint32_t from)
{
    uint64_t *first = &world->mark[2];
    *first = from == 0 && *first == 0 ? world->now_us : *first;
    return from != 0 || world->now_us > *first + LAST_US;
}

static bool hidden_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    struct envelope envelope;
    if (!script_envelope(frame, &envelope)) {
        return true;
    }
    if (world->stage == 1) {
        return hidden_early(to, &envelope);
    }
    if (world->stage == 2 && envelope.type == MESSAGE_CHALLENGE_ANSWER) {
        return from != HIDER;
    }
    if (world->stage == 3) {
        return (to != 2 && to != 3) || (!is_vote(&envelope) && envelope.type != MESSAGE_DATA);
    }
    if (world->stage == 4) {
        bool change = to == HIDER && envelope.type == MESSAGE_VIEW_CHANGE;
        bool late = change && (from == 4 || from == 5 || !hidden_waited(world, from));
        return envelope.type != MESSAGE_PRE_PREPARE && !late && envelope.type != MESSAGE_DATA;
    }
    return true;
}

static void hidden_step(struct world *world)
{
    struct host *host = &world->hosts[FORGETFUL];
    if (world->stage == 0 && script_blocks(world) > 8) {
        world->mark[1] = world->now_us + QUIET_US;
        world->stage = 1;
    }
    if (world->stage == 1 && host->picture == NULL && world->now_us > world->mark[1]) {
        host_picture(world, host);
    }
    if (world->stage == 1 && script_look(world, FORGETFUL).view == 1 && !host->syncing &&
        world->heard[FORGETFUL].newest != NULL) {
        host_forget(world, host, false);
        world->stage = 2;
    }
    if (world->stage == 2 && world->unsure == 0) {
        world->mark[0] = script_blocks(world);
        world->stage = 3;
        if (host_is_recovering(world, host)) {
            world_fail(world, "run", FORGETFUL, "only a liar was to know");
        }
    }
    if (world->stage == 3 && script_blocks(world) > world->mark[0] + 4) {
        world->stage = 4;
    }
    if (world->stage == 4 && world->check->view_entered > 0) {
        world->stage = STAGE_DONE;
    }
}

const struct script disk_scripts[] = {
    {
        .name = "commit-to-one-that-dies",
        .promise = "B27: what one alone has executed before it died, all the others execute",
        .step = one_step,
        .passes = one_passes,
        .judge = one_stays_true,
    },
    {
        .name = "too-many-down",
        .promise = "B73: f + 1 are down: nothing is agreed on, nothing lost; then it goes on",
        .step = too_many_step,
    },
    {
        .name = "power-cut",
        .promise = "run 4: the power of all is cut, flights torn: all come back, and vote",
        .plan = power_plan,
        .step = power_step,
        .judge = nobody_recovers,
    },
    {
        .name = "disk-set-back",
        .promise = "run 4: who has an old disk finds out, never votes again, and follows",
        .step = set_back_step,
        .judge = follows_only,
    },
    {
        .name = "disk-lost",
        .promise = "run 4: the same with an empty disk",
        .step = lost_step,
        .judge = follows_only,
    },
    {
        .name = "disk-set-back-unseen",
        .promise = "run 4: set back to before a VIEW-CHANGE that only a liar has seen: no fork",
        .plan = hidden_plan,
        .step = hidden_step,
        .passes = hidden_passes,
        .liars = 1u << HIDER,
        .lies = LIE_NEW_VIEW,
        .only_view_lie = V_TWISTED + 1,
        .only_twist = TWIST_EMPTY + 1,
    },
};

const uint32_t disk_script_count = sizeof(disk_scripts) / sizeof(disk_scripts[0]);
