/* Runs in which officers act: a suspension that some have executed and others have not. */
#include "tests/sim/officer.h"
#include "tests/sim/script.h"

#include "replica/core/node_parts.h"

static bool knows(const struct world *world, uint32_t rid, uint32_t suspended)
{
    const struct host *host = &world->hosts[rid];
    return host->up && host->node->roster.members[suspended].standing == STANDING_SUSPENDED;
}

static bool is_in(const struct world *world, uint32_t rid, uint64_t view)
{
    struct node_look look = script_look(world, rid);
    return look.view == view && look.mode == MODE_ACTIVE;
}

static bool is_block(const struct envelope *envelope)
{
    struct data data;
    return envelope->type == MESSAGE_DATA && data_decode(envelope->body, &data) == WIRE_OK &&
           data.kind == FETCH_BLOCKS;
}

/* --- NEW-VIEWs in flight while a suspension is executed, here sooner, there later ---------------
 */

#define LED 1   /* it is suspended, and leads view 1 */
#define AHEAD 3 /* it executes that before the others */

/*   stage 0   until there are a few blocks
 *   stage 1   r1 is suspended: COMMITs reach r3 only, so that it alone executes that
 *   stage 2   no proposals: view 0 is left by all but r3, which hears nothing of that; then the
 *             NEW-VIEW of view 1 reaches r2, which enters, and r3, which must not
 *   stage 3   r0 is gone: V of view 2 needs the VIEW-CHANGE of r1, and its blocks need the votes of
 *             r1. mark: 0 the blocks there were; 1 whether r3 was given the NEW-VIEW of view 1 */
static bool between_passes(struct world *world, uint32_t from, uint32_t to,
                           const struct blob *frame)
{
    struct envelope envelope;
    if (world->stage == 0 || !script_envelope(frame, &envelope)) {
        return true;
    }
    if (world->stage == 3) {
        return from != 0 && to != 0;
    }
    if (world->stage == 2 && envelope.type == MESSAGE_NEW_VIEW && to == AHEAD) {
        world->mark[1] = 1;
    }
    bool leaves = envelope.type == MESSAGE_VIEW_CHANGE || envelope.type == MESSAGE_COMPLAIN;
    if (is_block(&envelope) || (world->stage == 2 && envelope.type == MESSAGE_PRE_PREPARE) ||
        (leaves && to == AHEAD)) {
        return false;
    }
    return envelope.type != MESSAGE_COMMIT || to == AHEAD;
}

static void between_step(struct world *world)
{
    if (world->stage == 0 && script_blocks(world) > 6) {
        world->stage = 1;
        officer_suspends(world, LED);
    }
    if (world->stage == 1 && knows(world, AHEAD, LED)) {
        world->stage = 2;
    }
    if (world->stage == 2 && is_in(world, 2, LED) && world->mark[1] != 0) {
        world->mark[0] = script_blocks(world);
        world->stage = 3;
        if (knows(world, 2, LED) || !is_in(world, AHEAD, 0)) {
            world_fail(world, "run", AHEAD, "it does not stay in view 0, alone with what it knows");
        }
    }
    if (world->stage == 3 && is_in(world, LED, 2) && is_in(world, 2, 2) && is_in(world, AHEAD, 2) &&
        script_blocks(world) > world->mark[0] + 4) {
        world->stage = STAGE_DONE;
    }
}

/* --- The next primary is suspended -------------------------------------------------------------
 */

/* Once all know that r1 is suspended, r0 is gone: one timeout brings view 2. mark: 0 when r0 went
 */
static bool next_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    (void)frame;
    return world->stage < 2 || (from != 0 && to != 0);
}

static void next_step(struct world *world)
{
    uint64_t timeout_us = 1000 * world->plan.view_timeout_ms;
    if (world->stage == 0 && script_blocks(world) > 6) {
        world->stage = 1;
        officer_suspends(world, LED);
    }
    if (world->stage == 1 && knows(world, 2, LED) && knows(world, AHEAD, LED)) {
        world->mark[0] = world->now_us;
        world->stage = 2;
    }
    if (world->stage == 2 && is_in(world, 2, 2) && is_in(world, AHEAD, 2)) {
        world->stage = STAGE_DONE;
    }
    if (world->stage == 2 && world->now_us > world->mark[0] + 2 * timeout_us) {
        world_fail(world, "run", SIM_NOBODY, "a view that nobody may lead is waited for");
    }
}

/* --- The primary is suspended ------------------------------------------------------------------
 */

#define AT_ONCE_US 100000 /* half of T */

/*   stage 0   until there are a few blocks
 *   stage 1   r0 is suspended. mark: 1 when somebody knows
 *   stage 2   all are in view 1, without a timer; r3 is gone, so that blocks need the votes of r0.
 *             mark: 0 the blocks there were */
static bool led_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    (void)frame;
    return world->stage < 2 || (from != 3 && to != 3);
}

static void led_step(struct world *world)
{
    if (world->stage == 0 && script_blocks(world) > 6) {
        world->stage = 1;
        officer_suspends(world, 0);
    }
    if (world->stage == 1 && world->mark[1] == 0 && knows(world, 2, 0)) {
        world->mark[1] = world->now_us;
    }
    if (world->stage == 1 && is_in(world, 0, 1) && is_in(world, 1, 1) && is_in(world, 2, 1)) {
        world->mark[0] = script_blocks(world);
        world->stage = 2;
    }
    if (world->stage == 1 && world->mark[1] != 0 && world->now_us > world->mark[1] + AT_ONCE_US) {
        world_fail(world, "run", SIM_NOBODY, "the view of a suspended primary is waited for");
    }
    if (world->stage == 2 && script_blocks(world) > world->mark[0] + 8) {
        world->stage = STAGE_DONE;
    }
}

const struct script governed_scripts[] = {
    {
        .name = "suspended-in-between",
        .promise = "run 5: a suspension is executed here sooner, there later: one NEW-VIEW is "
                   "judged alike",
        .step = between_step,
        .passes = between_passes,
        .absent = 1u << 0,
    },
    {
        .name = "suspended-successor",
        .promise = "views that a suspended replica would lead are passed over",
        .step = next_step,
        .passes = next_passes,
        .absent = 1u << 0,
    },
    {
        .name = "suspended-primary",
        .promise = "a suspended primary's view ends at once, and its votes count on",
        .step = led_step,
        .passes = led_passes,
    },
};

const uint32_t governed_script_count = sizeof(governed_scripts) / sizeof(governed_scripts[0]);
