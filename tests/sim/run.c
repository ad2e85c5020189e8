/* One run from its first event to its last check. */
#include "tests/sim/check.h"
#include "tests/sim/client.h"
#include "tests/sim/script.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORM_US_MAX UINT64_C(60000000)
#define HEAL_US_MAX UINT64_C(60000000)
#define REST_US_MAX UINT64_C(40000000)
#define ASKS_US_MAX UINT64_C(2000000)
#define MEET_US UINT64_C(3000000)

static void due_in(struct world *world, enum due_kind kind, uint64_t in_us, uint32_t to)
{
    struct due due = {.at_us = world->now_us + in_us, .kind = kind, .to = to};
    events_add(&world->events, &due);
}

static void weather_begin(struct world *world)
{
    const struct plan *plan = &world->plan;
    if (plan->crash_every_us > 0) {
        due_in(world, DUE_CRASH, plan->crash_every_us, 0);
    }
    if (plan->cut_off_every_us > 0) {
        due_in(world, DUE_CUT_OFF, plan->cut_off_every_us, 0);
    }
    if (plan->cut_every_us > 0) {
        due_in(world, DUE_CUT, plan->cut_every_us, 0);
    }
    for (uint32_t i = 0; i < plan->power_cuts; i++) {
        due_in(world, DUE_POWER, prng_between(&world->prng, 20000, 4000000), 0);
    }
    for (uint32_t i = 0; i < plan->clock_steps; i++) {
        due_in(world, DUE_CLOCK, prng_below(&world->prng, 4000000), 0);
    }
    for (uint32_t i = 0; i < plan->forgets; i++) {
        uint32_t rid = (uint32_t)prng_below(&world->prng, plan->n);
        uint64_t picture = prng_between(&world->prng, 10000, 3000000);
        due_in(world, DUE_PICTURE, picture, rid);
        due_in(world, DUE_FORGET, picture + prng_between(&world->prng, 10000, 1500000), rid);
    }
}

void world_open(struct world *world, const struct plan *plan)
{
    bool trace = world->trace;
    bool story = world->story;
    const struct script *script = world->script;
    struct outbox outbox = world->outbox;
    struct serve *serves[SIM_REPLICAS_MAX];
    memcpy(serves, world->serves, sizeof(serves));
    *world = (struct world){
        .plan = *plan, .outbox = outbox, .trace = trace, .story = story, .script = script};
    memcpy(world->serves, serves, sizeof(serves));
    world->prng.state =
        (plan->seed + plan->luck * UINT64_C(1000003)) * UINT64_C(0x2545f4914f6cdd1d) + 99;
    world->now_us = 1000000;
    cast_make(&world->cast, plan);
    check_open(world);
    clients_open(world);
    for (uint32_t rid = 0; rid < plan->n; rid++) {
        host_open(world, rid);
    }
    weather_begin(world);
}

void world_close(struct world *world)
{
    struct due due;
    while (events_next(&world->events, &due)) {
        if (due.kind == DUE_FRAME) {
            blob_drop(due.frame);
        } else if (due.kind == DUE_REPLY) {
            telling_drop(due.reply);
        }
    }
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        host_close(world, &world->hosts[rid]);
    }
    events_close(&world->events);
    clients_close(world);
    liars_forget(world);
    check_close(world);
}

/* --- Faults ------------------------------------------------------------------------------------
 */

static void some_crash(struct world *world)
{
    if (world->phase != PHASE_STORM) {
        return;
    }
    uint32_t rid = (uint32_t)prng_below(&world->prng, world->plan.n);
    if (world->hosts[rid].up && hosts_may_fail(world, rid)) {
        host_crash(world, &world->hosts[rid]);
    }
    due_in(world, DUE_CRASH, prng_between(&world->prng, 1, 2 * world->plan.crash_every_us), 0);
}

static void some_cut_off(struct world *world)
{
    if (world->phase != PHASE_STORM) {
        return;
    }
    uint32_t rid = (uint32_t)prng_below(&world->prng, world->plan.n);
    if (!world->hosts[rid].cut_off && hosts_may_fail(world, rid)) {
        world_trace(world, "r%u is cut off", rid);
        world->hosts[rid].cut_off = true;
        due_in(world, DUE_REJOIN, prng_between(&world->prng, 50000, 2500000), rid);
    }
    due_in(world, DUE_CUT_OFF, prng_between(&world->prng, 1, 2 * world->plan.cut_off_every_us), 0);
}

static void network_cut(struct world *world)
{
    if (world->phase != PHASE_STORM) {
        return;
    }
    uint64_t lasts_us = prng_between(&world->prng, 20000, 1500000);
    partition_begin(world);
    due_in(world, DUE_WHOLE, lasts_us, 0);
    due_in(world, DUE_CUT, lasts_us + prng_between(&world->prng, 1, 2 * world->plan.cut_every_us),
           0);
}

static void power_cut(struct world *world)
{
    if (world->phase != PHASE_STORM) {
        return;
    }
    world_trace(world, "power cut");
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        if (world->hosts[rid].up) {
            host_crash(world, &world->hosts[rid]);
        }
    }
}

/* A liar's memory is its own affair. */
static void disk_event(struct world *world, const struct due *due)
{
    struct host *host = &world->hosts[due->to];
    bool liar = (world->plan.liars >> host->rid & 1) != 0;
    if (world->phase != PHASE_STORM || liar) {
        return;
    }
    if (due->kind == DUE_PICTURE) {
        host_picture(world, host);
    } else if (hosts_may_forget(world, host->rid)) {
        host_forget(world, host, world->plan.forgets_all);
    }
}

static void clock_step(struct world *world)
{
    struct host *host = &world->hosts[prng_below(&world->prng, world->plan.n)];
    uint64_t skew = prng_below(&world->prng, 2 * world->plan.skew_ms + 1);
    host->skew_ms = (int64_t)skew - (int64_t)world->plan.skew_ms;
}

/* --- Events ------------------------------------------------------------------------------------
 */

static void frame_arrives(struct world *world, const struct due *due)
{
    struct host *host = &world->hosts[due->to];
    if (host->up && !(host->cut_off && due->from != due->to)) {
        host_frame(world, host, due->from, due->frame);
    }
    blob_drop(due->frame);
}

static void replica_event(struct world *world, const struct due *due)
{
    struct host *host = &world->hosts[due->to];
    if (due->kind == DUE_RESTART) {
        if (!host->up && (world->absent >> host->rid & 1) == 0) {
            host_start(world, host);
        }
        return;
    }
    if (!host->up || host->life != due->life) {
        return;
    }
    if (due->kind == DUE_TICK) {
        host_tick(world, host, due->at_us);
    } else {
        host_synced(world, host);
    }
}

static void happen(struct world *world, const struct due *due)
{
    switch (due->kind) {
    case DUE_FRAME:
        frame_arrives(world, due);
        break;
    case DUE_REPLY:
        client_hears(world, due->to, due->reply);
        telling_drop(due->reply);
        break;
    case DUE_TICK:
    case DUE_SYNC:
    case DUE_RESTART:
        replica_event(world, due);
        break;
    case DUE_CLIENT:
        client_wakes(world, due->to);
        break;
    case DUE_CRASH:
        some_crash(world);
        break;
    case DUE_CUT_OFF:
        some_cut_off(world);
        break;
    case DUE_CUT:
        network_cut(world);
        break;
    case DUE_WHOLE:
        partition_end(world);
        break;
    case DUE_REJOIN:
        world->hosts[due->to].cut_off = false;
        break;
    case DUE_POWER:
        power_cut(world);
        break;
    case DUE_CLOCK:
        clock_step(world);
        break;
    case DUE_PICTURE:
    case DUE_FORGET:
        disk_event(world, due);
        break;
    }
}

/* --- Phases ------------------------------------------------------------------------------------
 */

static bool next(struct world *world)
{
    struct due due;
    if (world->failed || !events_next(&world->events, &due)) {
        return false;
    }
    world->now_us = due.at_us;
    happen(world, &due);
    return !world->failed;
}

/* All replicas come up and stay, but for those that are to stay away. */
static void come_up(struct world *world)
{
    partition_end(world);
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        struct host *host = &world->hosts[rid];
        bool away = (world->absent >> rid & 1) != 0;
        host->cut_off = false;
        if (!host->up && !away) {
            host_start(world, host);
        } else if (host->up && away) {
            host_crash(world, host);
        }
    }
}

/* The weather is fair; half the time only a quorum is there to enjoy it, and in some runs the
 * others are there and lie on. */
static void heal(struct world *world)
{
    bool liars_stay = world->plan.liars_stay && world->plan.liars != 0;
    if (world->script != NULL) {
        world->absent = world->script->absent;
    } else if (!liars_stay && prng_chance(&world->prng, 500)) {
        /* Whoever has forgotten is up and follows, and is one of the f that are not needed; so is a
         * liar, who finds words of its own at a restart that its journal lacks. */
        uint32_t faulty = world->forgot | world->plan.liars;
        for (uint32_t tries = 0; tries < 4 * world->plan.f; tries++) {
            uint32_t bit = 1u << prng_below(&world->prng, world->plan.n);
            bool fits = (uint32_t)__builtin_popcount(faulty | bit) <= world->plan.f;
            faulty |= fits ? bit : 0;
            world->absent |= fits && (world->forgot & bit) == 0 ? bit : 0;
        }
    }
    world_trace(world, "heal, without %x", world->absent);
    world->phase = PHASE_HEAL;
    world->asks_until_us = world->now_us + prng_below(&world->prng, ASKS_US_MAX);
    come_up(world);
}

static void stuck(struct world *world, const char *what)
{
    char text[256] = "";
    size_t len = 0;
    for (uint32_t rid = 0; rid < world->plan.n && len < sizeof(text) - 40; rid++) {
        struct node_look look = {0};
        if (world->hosts[rid].up) {
            node_look(world->hosts[rid].node, &look);
        }
        int more = snprintf(text + len, sizeof(text) - len, " r%u %lu/%lu/%u/%u", rid,
                            (unsigned long)look.stable, (unsigned long)look.executed,
                            look.in_flight, look.queued);
        len += more > 0 ? (size_t)more : 0;
    }
    world_fail(world, "progress", SIM_NOBODY, "%s; stable/executed/in flight/queued:%s", what,
               text);
}

static bool asking(const struct world *world)
{
    return world->now_us < world->asks_until_us || clients_waiting(world) > 0;
}

/* A quorum must answer what is asked. */
static bool quorum_answers(struct world *world)
{
    heal(world);
    uint64_t end = world->now_us + HEAL_US_MAX;
    while (world->now_us < end && asking(world) && next(world)) {
    }
    if (!world->failed && asking(world)) {
        stuck(world, "requests are not answered");
    }
    return !world->failed;
}

/* Until the plan's messages were delivered, or until the script has what it is about. */
static void storm(struct world *world)
{
    bool steps = world->script != NULL && world->script->step != NULL;
    uint64_t end = world->now_us + STORM_US_MAX;
    while (world->now_us < end && next(world)) {
        if (steps) {
            world->script->step(world);
        }
        if (world->stage == STAGE_DONE || world->tally.messages >= world->plan.steps) {
            break;
        }
    }
    if (steps && world->stage != STAGE_DONE) {
        world_fail(world, "run", SIM_NOBODY, "it comes no further than to stage %u", world->stage);
    }
}

/* The liars were more than f, and there are two logs. They are gone now, and the correct replicas
 * of both sides meet: nothing is promised but that nobody accuses a correct one. */
static void meet(struct world *world)
{
    world_trace(world, "the sides meet");
    world->phase = PHASE_REST;
    world->absent = world->plan.liars;
    come_up(world);
    uint64_t end = world->now_us + MEET_US;
    while (world->now_us < end && next(world)) {
    }
    if (!world->failed) {
        world->script->judge(world);
    }
}

void world_run(struct world *world)
{
    storm(world);
    if (!world->failed && world->plan.other_side != 0) {
        meet(world);
        return;
    }
    if (world->failed || !quorum_answers(world)) {
        return;
    }
    world->phase = PHASE_REST;
    world->absent = 0;
    come_up(world);
    /* An epoch may begin with a primary that is of no use, and the timers may be at their cap. */
    uint64_t patience = 2000 * world->plan.view_timeout_max_ms;
    uint64_t end = world->now_us + REST_US_MAX + patience;
    while (world->now_us < end && !check_at_rest(world) && next(world)) {
    }
    if (!world->failed && !check_at_rest(world)) {
        stuck(world, "the replicas do not come to rest");
    }
    /* Whatever still waits to be sent or given back. */
    end = world->now_us + 1000000;
    while (world->now_us < end && next(world)) {
    }
    if (!world->failed && check_at_rest(world)) {
        check_end(world);
        check_served(world);
        if (world->script != NULL && world->script->judge != NULL) {
            world->script->judge(world);
        }
    }
}
