/* Runs across boundaries: two epoch actions at once, one that is away for two of them, and who may
 * die where. The window is 32 and K is 16, so a boundary is 33 to 48 heights ahead. */
#include "tests/sim/officer.h"
#include "tests/sim/script.h"

/* Of the epochs that are to come; none before the first is decided. */
static uint64_t first_of(const struct world *world, uint64_t epoch)
{
    const struct sim_epoch *known = check_epoch(world, epoch);
    return known != NULL ? known->first : UINT64_MAX;
}

static bool is_decided(const struct world *world, uint64_t epoch)
{
    return check_epoch(world, epoch) != NULL;
}

static bool is_in(const struct world *world, uint32_t rid, uint64_t epoch)
{
    struct node_look look = script_look(world, rid);
    return look.epoch == epoch && look.mode == MODE_ACTIVE && look.awake;
}

/* Whether each of the set is in that epoch, and its first block is there: only then the log has the
 * keys that it began with. */
static bool all_in(const struct world *world, uint32_t set, uint64_t epoch)
{
    bool all = script_blocks(world) > first_of(world, epoch);
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        all = all && ((set >> rid & 1) == 0 || is_in(world, rid, epoch));
    }
    return all;
}

#define ALL 15u

/* Whether it has voted for something at or above that height. */
static bool votes_from(struct world *world, uint32_t rid, uint64_t height)
{
    bool voted = false;
    for (uint64_t n = height; n < script_blocks(world) && !voted; n++) {
        voted = (check_voted(world, rid, n)->has >> VOTED_COMMIT & 1) != 0;
    }
    return voted;
}

/* Clients that ask for little: what fills up to the boundary is empty. */
static void quiet_plan(struct plan *plan)
{
    plan->clients = 1;
    plan->outstanding = 1;
    plan->think_us = 20000000;
}

/* --- 6. Two within one boundary ----------------------------------------------------------------
 */

/*   stage 0   until there are a few blocks
 *   stage 1   r1 gets new keys; when that is decided, the epoch is renewed, and r2 gets new keys
 *   stage 2   both wait; then the renewal has the next boundary, and r2's keys are for a section
 *             that moved */
static void two_step(struct world *world)
{
    if (world->stage == 0 && script_blocks(world) > 6) {
        world->stage = 1;
        officer_rotates(world, 1);
    }
    if (world->stage == 1 && is_decided(world, 1)) {
        world->stage = 2;
        officer_renews(world);
        officer_rotates(world, 2);
    }
    if (world->stage == 2 && all_in(world, ALL, 2) &&
        script_blocks(world) > first_of(world, 2) + 8) {
        world->stage = STAGE_DONE;
    }
}

static void two_judge(struct world *world)
{
    const struct sim_epoch *one = check_epoch(world, 1);
    const struct sim_epoch *two = check_epoch(world, 2);
    if (two->since != one->first || world->tally.overlaps != 2 || is_decided(world, 3)) {
        world_fail(world, "run", SIM_NOBODY, "what waited was not enacted behind the boundary");
    }
    if (one->generation[1] != 1 || two->generation[1] != 1 || two->generation[2] != 0) {
        world_fail(world, "run", SIM_NOBODY, "the epochs have other keys than were decided");
    }
}

/* --- 6. Away for two rotations -----------------------------------------------------------------
 */

#define LAGGARD 3

/*   stage 0   until there are a few blocks
 *   stage 1   r3 hears nothing; r0 gets new keys
 *   stage 2   r3 itself gets new keys
 *   stage 3   it is back, and must vote with those. mark: 0 the blocks there were */
static bool laggard_passes(struct world *world, uint32_t from, uint32_t to,
                           const struct blob *frame)
{
    (void)frame;
    bool away = world->stage == 1 || world->stage == 2;
    return !away || (from != LAGGARD && to != LAGGARD);
}

static void laggard_step(struct world *world)
{
    uint32_t others = ALL & ~(1u << LAGGARD);
    if (world->stage == 0 && script_blocks(world) > 6) {
        world->stage = 1;
        officer_rotates(world, 0);
    }
    if (world->stage == 1 && all_in(world, others, 1)) {
        world->stage = 2;
        officer_rotates(world, LAGGARD);
    }
    if (world->stage == 2 && all_in(world, others, 2) &&
        script_blocks(world) > first_of(world, 2) + 4) {
        world->mark[0] = script_blocks(world);
        world->stage = 3;
        if (script_look(world, LAGGARD).epoch != 0) {
            world_fail(world, "run", LAGGARD, "it was to know nothing of this");
        }
    }
    if (world->stage == 3 && is_in(world, LAGGARD, 2) &&
        votes_from(world, LAGGARD, world->mark[0])) {
        world->stage = STAGE_DONE;
    }
}

/* --- The primary dies on the way to the boundary -----------------------------------------------
 */

/* Nobody asks for anything then: the heights up to the boundary are wanted by themselves. */
static bool first_is_gone(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    (void)frame;
    return world->stage < 2 || (from != 0 && to != 0);
}

static void fills_step(struct world *world)
{
    if (world->stage == 0 && world->now_us > 1100000) {
        world->stage = 1;
        officer_rotates(world, 2);
    }
    if (world->stage == 1 && is_decided(world, 1) &&
        script_blocks(world) + 8 > first_of(world, 1)) {
        world->stage = 2;
    }
    if (world->stage == 2 && all_in(world, ALL & ~1u, 1)) {
        world->stage = STAGE_DONE;
    }
}

/* --- The primary of the new epoch is gone ------------------------------------------------------
 */

/* r1 leads view 0 of epoch 1, and hears nothing since r2 is in that epoch. The VIEW-CHANGEs of the
 * others rest on the boundary, which r2 attested with its old key; those for view 1 of epoch 0,
 * where r0 was suspended, have nothing to do with it. */
static bool next_is_gone(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    (void)frame;
    return world->stage < 2 || (from != 1 && to != 1);
}

static void next_step(struct world *world)
{
    if (world->mark[0] == 0 && script_blocks(world) > 6) {
        world->mark[0] = 1;
        officer_suspends(world, 0);
    }
    if (world->stage == 0 && all_in(world, ALL, 0) && script_look(world, 2).view == 1 &&
        script_look(world, 1).view == 1) {
        world->stage = 1;
        officer_rotates(world, 2);
    }
    if (world->stage == 1 && (script_look(world, 2).epoch == 1 || is_in(world, 1, 1))) {
        world->stage = 2;
    }
    if (world->stage == 2 && all_in(world, ALL & ~2u, 1) && script_look(world, 2).view > 0 &&
        script_blocks(world) > first_of(world, 1) + 4) {
        world->stage = STAGE_DONE;
    }
}

/* --- The log rests at a boundary ---------------------------------------------------------------
 */

/*   stage 1   r2 gets new keys; right before the boundary r3 is cut off, and an entry is appended
 *   stage 2   the others have passed the boundary, and nobody asks for anything; r3 is back */
static bool rest_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    (void)frame;
    return world->stage != 1 || world->mark[0] == 0 || (from != LAGGARD && to != LAGGARD);
}

static void rest_step(struct world *world)
{
    if (world->stage == 0 && world->now_us > 1100000) {
        world->stage = 1;
        officer_rotates(world, 2);
    }
    if (world->stage == 1 && world->mark[0] == 0 && is_decided(world, 1) &&
        script_blocks(world) + 12 > first_of(world, 1)) {
        world->mark[0] = 1;
        officer_suspends(world, LAGGARD);
    }
    if (world->stage == 1 && script_look(world, 0).epoch == 1 && script_look(world, 1).epoch == 1 &&
        script_look(world, 2).epoch == 1) {
        world->stage = 2;
    }
    if (world->stage == 2 && script_look(world, LAGGARD).epoch == 1) {
        world->stage = STAGE_DONE;
    }
}

static void rest_judge(struct world *world)
{
    uint64_t last = world->check->levels[0].count - 1;
    if (!check_serves(world, LAGGARD, last)) {
        world_fail(world, "I7", LAGGARD, "it cannot prove entry %lu", (unsigned long)last);
    }
}

/* --- All die at the boundary -------------------------------------------------------------------
 */

static void all_crash(struct world *world)
{
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        if (world->hosts[rid].up) {
            host_crash(world, &world->hosts[rid]);
        }
    }
}

static bool anybody_in(const struct world *world, uint64_t epoch)
{
    bool any = false;
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        any = any || script_look(world, rid).epoch == epoch;
    }
    return any;
}

static void crash_plan(struct plan *plan)
{
    plan->sync_us = 5000;
}

/*   stage 0   until there are a few blocks
 *   stage 1   the power is cut as soon as one of them has entered epoch 1
 *   stage 2   all are back in it; another boundary
 *   stage 3   it is cut when all have entered epoch 2
 *   stage 4   all vote in it */
static void crash_step(struct world *world)
{
    if (world->stage == 0 && script_blocks(world) > 6) {
        world->stage = 1;
        officer_rotates(world, 1);
    }
    if (world->stage == 1 && anybody_in(world, 1)) {
        world->stage = 2;
        all_crash(world);
    }
    if (world->stage == 2 && all_in(world, ALL, 1)) {
        world->stage = 3;
        officer_rotates(world, 2);
    }
    if (world->stage == 3 && all_in(world, ALL, 2)) {
        world->stage = 4;
        all_crash(world);
    }
    bool all = world->stage == 4 && all_in(world, ALL, 2);
    for (uint32_t rid = 0; rid < world->plan.n && all; rid++) {
        all = votes_from(world, rid, first_of(world, 2));
    }
    world->stage = all ? STAGE_DONE : world->stage;
}

/* --- Who has new keys dies ---------------------------------------------------------------------
 */

#define ROTATED 2

/*   stage 0   until there are a few blocks
 *   stage 1   r2 gets new keys, and dies right before the boundary
 *   stage 2   it votes with them; it gets others, and dies when it has entered with those
 *   stage 3   it votes with the last */
static void rotated_step(struct world *world)
{
    struct host *host = &world->hosts[ROTATED];
    if (world->stage == 0 && script_blocks(world) > 6) {
        world->stage = 1;
        world->mark[0] = 0;
        officer_rotates(world, ROTATED);
    }
    if (world->stage == 1 && world->mark[0] == 0 && is_decided(world, 1) && host->up &&
        script_blocks(world) + 2 > first_of(world, 1)) {
        world->mark[0] = 1;
        host_crash(world, host);
    }
    if (world->stage == 1 && is_in(world, ROTATED, 1) &&
        votes_from(world, ROTATED, first_of(world, 1))) {
        world->stage = 2;
        officer_rotates(world, ROTATED);
    }
    if (world->stage == 2 && script_look(world, ROTATED).epoch == 2) {
        world->stage = 3;
        world->mark[0] = script_blocks(world);
        host_crash(world, host);
    }
    if (world->stage == 3 && is_in(world, ROTATED, 2) &&
        votes_from(world, ROTATED, world->mark[0] + 1)) {
        world->stage = STAGE_DONE;
    }
}

/* --- Suspended across a boundary ---------------------------------------------------------------
 */

/* r1 is suspended, and would lead view 0 of epoch 1: that is passed over, and what r1 votes counts
 * on, for r3 is gone then. mark: 0 the blocks there were, 1 when somebody entered */
#define AT_ONCE_US 100000 /* half of T */

static bool suspended_passes(struct world *world, uint32_t from, uint32_t to,
                             const struct blob *frame)
{
    (void)frame;
    return world->stage < 3 || (from != 3 && to != 3);
}

static void suspended_step(struct world *world)
{
    if (world->stage == 0 && script_blocks(world) > 6) {
        world->stage = 1;
        officer_suspends(world, 1);
    }
    if (world->stage == 1 && check_suspended_now(world) != 0) {
        world->stage = 2;
        officer_rotates(world, 1);
    }
    if (world->stage == 2 && world->mark[1] == 0 && anybody_in(world, 1)) {
        world->mark[1] = world->now_us;
    }
    if (world->stage == 2 && all_in(world, ALL, 1) && script_look(world, 0).view == 1 &&
        script_look(world, 1).view == 1 && script_look(world, 2).view == 1) {
        world->stage = 3;
        world->mark[0] = script_blocks(world);
    }
    if (world->stage == 2 && world->mark[1] != 0 && world->now_us > world->mark[1] + AT_ONCE_US) {
        world_fail(world, "run", SIM_NOBODY, "the view of a suspended primary is waited for");
    }
    if (world->stage == 3 && script_blocks(world) > world->mark[0] + 8) {
        world->stage = STAGE_DONE;
    }
}

/* --- Those who cheat about boundaries ----------------------------------------------------------
 */

static void liar_plan(struct plan *plan)
{
    plan->lie_permille = 600;
    plan->epochs_permille = 1; /* headers lie about boundaries too; officers ask by the script */
}

/* The liar has new keys, twice: those before are retired. Then an epoch without. */
static void keys_step(struct world *world)
{
    uint32_t liar = (uint32_t)__builtin_ctz(world->plan.liars);
    uint32_t others = ALL & ~world->plan.liars;
    if (world->stage == 0 && script_blocks(world) > 6) {
        world->stage = 1;
        officer_rotates(world, liar);
    }
    if (world->stage == 1 && all_in(world, others, 1)) {
        world->stage = 2;
        officer_rotates(world, liar);
    }
    if (world->stage == 2 && all_in(world, others, 2)) {
        world->stage = 3;
        officer_renews(world);
    }
    if (world->stage == 3 && all_in(world, others, 3) &&
        script_blocks(world) > first_of(world, 3) + 20) {
        world->stage = STAGE_DONE;
    }
}

static void lies_are_told(struct world *world)
{
    if (world->tally.lies == 0) {
        world_fail(world, "run", SIM_NOBODY, "nobody lied");
    }
}

static void lies_convict(struct world *world)
{
    if (world->tally.evidence == 0) {
        world_fail(world, "I16", SIM_NOBODY, "nobody has proof of any of that");
    }
}

/* Officers ask for new keys and epochs as fast as they can, three at a time. */
static void spam_plan(struct plan *plan)
{
    plan->govern_every_us = 30000;
    plan->govern_outstanding = 3;
    plan->epochs_permille = 1000;
}

static void spam_step(struct world *world)
{
    if (all_in(world, ALL, 3)) {
        world->stage = STAGE_DONE;
    }
}

/* Each epoch has its window and K at most, however many ask for the next. */
static void spam_judge(struct world *world)
{
    const struct check_governed *governed = &world->check->governed;
    for (uint32_t i = 1; i < governed->epoch_count; i++) {
        const struct sim_epoch *epoch = &governed->epochs[i];
        if (epoch->since < governed->epochs[i - 1].first ||
            epoch->first - epoch->since <= world->plan.window) {
            world_fail(world, "run", SIM_NOBODY, "epoch %u was decided before the last began", i);
        }
    }
    if (world->tally.overlaps == 0 || check_acknowledged(world) == 0) {
        world_fail(world, "run", SIM_NOBODY, "nothing waited, or nobody else was served");
    }
}

const struct script epoch_scripts[] = {
    {
        .name = "two-epoch-actions",
        .promise =
            "run 6, B62: two epoch actions within one boundary: the second gets the next one",
        .step = two_step,
        .judge = two_judge,
    },
    {
        .name = "laggard-two-rotations",
        .promise = "run 6: a replica that was away for two rotations, its own too, votes again",
        .step = laggard_step,
        .passes = laggard_passes,
    },
    {
        .name = "boundary-primary-dies",
        .promise = "the primary dies on the way to a boundary, and nobody asks for anything",
        .plan = quiet_plan,
        .step = fills_step,
        .passes = first_is_gone,
        .absent = 1u << 0,
    },
    {
        .name = "epoch-without-primary",
        .promise = "the first primary of an epoch is gone: VIEW-CHANGEs rest on the boundary",
        .step = next_step,
        .passes = next_is_gone,
        .absent = 1u << 1,
    },
    {
        .name = "boundary-at-rest",
        .promise = "nobody asks behind a boundary: who comes there late can prove what is below",
        .plan = quiet_plan,
        .step = rest_step,
        .passes = rest_passes,
        .judge = rest_judge,
    },
    {
        .name = "boundary-power-cut",
        .promise = "all die when the first enters an epoch, and when all have entered the next",
        .plan = crash_plan,
        .step = crash_step,
    },
    {
        .name = "rotated-restarts",
        .promise = "a replica with new keys dies right before the boundary, or right behind it",
        .plan = crash_plan,
        .step = rotated_step,
    },
    {
        .name = "suspended-across",
        .promise = "a suspended replica's votes count in the next epoch too, and it leads nothing",
        .step = suspended_step,
        .passes = suspended_passes,
    },
    {
        .name = "retired-keys",
        .promise = "B45 B59: what is signed with a key of another epoch is refused",
        .plan = liar_plan,
        .step = keys_step,
        .judge = lies_are_told,
        .liars = 1u << 1,
        .lies = LIE_KEYS,
    },
    {
        .name = "beyond-the-boundary",
        .promise = "B05: proposals and votes above a pending boundary are refused",
        .plan = liar_plan,
        .step = keys_step,
        .judge = lies_are_told,
        .liars = 1u << 0,
        .lies = LIE_BEYOND,
    },
    {
        .name = "hidden-boundary",
        .promise = "B46 B59: who attests headers without their boundary is convicted",
        .plan = liar_plan,
        .step = keys_step,
        .judge = lies_convict,
        .liars = 1u << 2,
        .lies = LIE_ATTEST,
    },
    {
        .name = "rotation-spam",
        .promise = "B61: officers who ask for epochs without end get one at a time",
        .plan = spam_plan,
        .step = spam_step,
        .judge = spam_judge,
    },
};

const uint32_t epoch_script_count = sizeof(epoch_scripts) / sizeof(epoch_scripts[0]);
