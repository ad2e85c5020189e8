/* Rules of changing views whose lack the seeds seldom show: timers that grow, and grow no further
 * than to their cap; what is voted on again, and what is not judged again; who leads too slowly. */
#include "tests/sim/script.h"

static bool is_proposal(const struct envelope *envelope, uint64_t view)
{
    struct vote vote;
    return envelope->type == MESSAGE_PRE_PREPARE && script_vote(envelope, &vote) &&
           vote.view == view;
}

static bool is_commit(const struct envelope *envelope, uint64_t view)
{
    struct vote vote;
    return envelope->type == MESSAGE_COMMIT && script_vote(envelope, &vote) && vote.view == view;
}

static bool is_data(const struct envelope *envelope, uint64_t kind)
{
    struct data data;
    return envelope->type == MESSAGE_DATA && data_decode(envelope->body, &data) == WIRE_OK &&
           data.kind == kind;
}

/* --- Timers ------------------------------------------------------------------------------------
 */

/* A NEW-VIEW travels longer than T: no view would ever begin in its time. */
static void far_apart_plan(struct plan *plan)
{
    plan->view_timeout_ms = 100;
    plan->delay_us = 150000;
}

static void far_apart_step(struct world *world)
{
    if (script_blocks(world) > 12) {
        world->stage = STAGE_DONE;
    }
}

#define VIEWS_LOST 12

/* No NEW-VIEW arrives: view after view is given up. */
static bool no_view_passes(struct world *world, uint32_t from, uint32_t to,
                           const struct blob *frame)
{
    struct envelope envelope;
    (void)world;
    (void)from;
    (void)to;
    return !script_envelope(frame, &envelope) ||
           (envelope.type != MESSAGE_NEW_VIEW && !is_data(&envelope, FETCH_NEW_VIEW) &&
            !is_proposal(&envelope, 0));
}

/* mark: 0 the highest view that anybody changes to, 1 since when */
static void no_view_step(struct world *world)
{
    uint64_t cap_us = 1000 * world->plan.view_timeout_max_ms;
    uint64_t *mark = world->mark;
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        uint64_t view = script_look(world, rid).view;
        mark[1] = view > mark[0] ? world->now_us : mark[1];
        mark[0] = view > mark[0] ? view : mark[0];
    }
    if (mark[0] > 0 && world->now_us > mark[1] + 2 * cap_us) {
        world_fail(world, "run", SIM_NOBODY, "view %lu is waited for longer than the cap allows",
                   (unsigned long)mark[0]);
    }
    if (mark[0] >= VIEWS_LOST) {
        world->stage = STAGE_DONE;
    }
}

/* --- What was executed is voted on again ------------------------------------------------------
 */

/* The COMMITs of some slots reach r0 and r1 only, then r0 is gone and blocks cannot be fetched: r2
 * and r3 need the votes of r1, which has executed these slots. mark: 0 the height of r1 */
static bool again_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    struct envelope envelope;
    if (world->stage == 0 || !script_envelope(frame, &envelope)) {
        return true;
    }
    if (world->stage == 2 && (from == 0 || to == 0)) {
        return false;
    }
    return to < 2 || !(is_commit(&envelope, 0) || is_data(&envelope, FETCH_BLOCKS));
}

static void again_step(struct world *world)
{
    uint64_t first = script_look(world, 1).executed;
    uint64_t second = script_look(world, 2).executed;
    uint64_t third = script_look(world, 3).executed;
    if (world->stage == 0 && script_blocks(world) > 6) {
        world->stage = 1;
    }
    if (world->stage == 1 && first > second + 2 && first > third + 2) {
        world->mark[0] = first;
        world->stage = 2;
    }
    if (world->stage == 2 && second >= world->mark[0] && third >= world->mark[0]) {
        world->stage = STAGE_DONE;
    }
}

/* --- What was in time when it was proposed first ----------------------------------------------
 */

#define LATE 3
#define LATE_MS 3600000 /* of its clock */

/* r3 gets no batches while slots are prepared and not committed. Then r0 is gone, and r3, whose
 * vote is needed, gets them from the next primary, when its clock is an hour ahead.
 *
 *   stage 0   until there are a few blocks
 *   stage 1   no batches for r3: it has none of the slots in flight
 *   stage 2   nothing is committed in view 0
 *   stage 3   r0 is gone, and the clock of r3 wrong. mark: 0 the blocks there were */
static bool late_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    struct envelope envelope;
    if (world->stage == 0 || !script_envelope(frame, &envelope)) {
        return true;
    }
    if (to == LATE && (is_proposal(&envelope, 0) || is_data(&envelope, FETCH_BATCH))) {
        return false;
    }
    if (world->stage >= 2 && is_commit(&envelope, 0)) {
        return false;
    }
    return world->stage < 3 || (from != 0 && to != 0);
}

static void late_step(struct world *world)
{
    if (world->stage == 0 && script_blocks(world) > 6) {
        world->mark[0] = script_blocks(world);
        world->stage = 1;
    }
    if (world->stage == 1 && script_blocks(world) > world->mark[0] + 20) {
        world->stage = 2;
    }
    if (world->stage == 2 && script_look(world, 1).view > 0) {
        world->mark[0] = script_blocks(world);
        world->hosts[LATE].skew_ms = LATE_MS;
        world->stage = 3;
    }
    if (world->stage == 3 && script_blocks(world) > world->mark[0]) {
        world->hosts[LATE].skew_ms = 0;
        world->stage = STAGE_DONE;
    }
}

/* --- Two certificates for one slot ------------------------------------------------------------
 */

/* r0 alone has certificates of view 0; in view 1, without it, the same slots hold other batches,
 * which are committed. V of view 2 has both, those of r0 first.
 *
 *   stage 0   until there are a few blocks
 *   stage 1   PREPAREs reach r0 only, its VIEW-CHANGE nobody
 *   stage 2   r0 is cut off while view 1 goes on. mark: 0 the blocks there were
 *   stage 3   r0 is back, and view 1 is left; r2 makes view 2 without the VIEW-CHANGE of r3 */
static void highest_plan(struct plan *plan)
{
    plan->interval = 64;
    plan->window = 128;
}

static bool highest_passes(struct world *world, uint32_t from, uint32_t to,
                           const struct blob *frame)
{
    struct envelope envelope;
    if (world->stage == 0 || !script_envelope(frame, &envelope)) {
        return true;
    }
    if (world->stage == 2) {
        return from != 0 && to != 0;
    }
    bool change = envelope.type == MESSAGE_VIEW_CHANGE;
    if (world->stage == 1) {
        return (envelope.type != MESSAGE_PREPARE || to == 0) && !(change && from == 0);
    }
    return !is_proposal(&envelope, 1) && envelope.type != MESSAGE_DATA && !(change && from == 3);
}

static void highest_step(struct world *world)
{
    if (world->stage == 0 && script_blocks(world) > 6) {
        world->stage = 1;
    }
    if (world->stage == 1 && script_look(world, 1).view == 1) {
        world->mark[0] = script_blocks(world);
        world->stage = 2;
    }
    if (world->stage == 2 && script_blocks(world) > world->mark[0] + 16) {
        world->stage = 3;
    }
    if (world->stage == 3 && world->check->view_entered >= 2) {
        world->stage = STAGE_DONE;
    }
}

/* --- A slow primary ----------------------------------------------------------------------------
 */

#define SLOW_WINDOWS 3

/* What is asked fits the slots in flight, so nobody waits for who leads well; it is more than a
 * batch takes, and all know it in the same order, so no request waits too long for any timer. */
static void slow_plan(struct plan *plan)
{
    plan->clients = 4;
    plan->outstanding = 4;
    plan->think_us = 5000;
    plan->tell_all = true;
    plan->lie_permille = 1000;
}

/* r0 leads well for some windows and is not heard any more then; r1 leads next, with every proposal
 * just in time. mark: 0 since when r2 is in its view */
static bool slow_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    struct envelope envelope;
    (void)to;
    return world->stage == 0 || from != 0 || !script_envelope(frame, &envelope) ||
           !is_proposal(&envelope, 0);
}

static void slow_step(struct world *world)
{
    uint64_t window_us = 1000 * world->plan.view_timeout_ms;
    struct node_look look = script_look(world, 2);
    if (world->stage == 0 && world->now_us > 2 * SLOW_WINDOWS * window_us) {
        world->stage = 1;
    }
    if (world->stage == 1 && look.view == 1 && look.mode == MODE_ACTIVE) {
        world->mark[0] = world->now_us;
        world->stage = 2;
    }
    if (world->stage == 2 && look.view >= 2) {
        world->stage = STAGE_DONE;
    } else if (world->stage == 2 && world->now_us > world->mark[0] + SLOW_WINDOWS * window_us) {
        world_fail(world, "run", SIM_NOBODY, "a slow primary leads for %d windows", SLOW_WINDOWS);
    }
}

const struct script view_scripts[] = {
    {
        .name = "slow-primary-replaced",
        .promise = "B10: below every timer, and yet replaced within three of them",
        .plan = slow_plan,
        .step = slow_step,
        .passes = slow_passes,
        .liars = 1u << 1,
        .lies = LIE_SLOW,
    },
    {
        .name = "highest-view",
        .promise = "of two certificates for one slot, that of the higher view counts",
        .plan = highest_plan,
        .step = highest_step,
        .passes = highest_passes,
    },
    {
        .name = "far-apart",
        .promise = "timers back off until a view is long enough for what the network takes",
        .plan = far_apart_plan,
        .step = far_apart_step,
    },
    {
        .name = "no-new-view",
        .promise = "and no further than to their cap, however often a view fails",
        .step = no_view_step,
        .passes = no_view_passes,
    },
    {
        .name = "executed-again",
        .promise = "what a new view proposes again is voted on by who has executed it too",
        .step = again_step,
        .passes = again_passes,
    },
    {
        .name = "late-again",
        .promise = "the time of what is proposed again is not judged again",
        .step = late_step,
        .passes = late_passes,
    },
};

const uint32_t view_script_count = sizeof(view_scripts) / sizeof(view_scripts[0]);
