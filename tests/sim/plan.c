#include "tests/sim/plan.h"

#include <stddef.h>

#define STEPS_USUAL 8000
#define LONG_STEPS 40000
#define SIGNED_STEPS 1500 /* with Ed25519 */

static void choose_parameters(struct plan *plan, struct prng *prng)
{
    static const uint64_t intervals[] = {16, 16, 16, 32, 64, 128};
    plan->interval = intervals[prng_below(prng, 6)];
    plan->window = prng_chance(prng, 700) ? 2 * plan->interval : 256;
    plan->in_flight = prng_between(prng, 1, 16);
    plan->batch_items = prng_chance(prng, 500) ? prng_between(prng, 1, 4) : 400;
    plan->view_timeout_ms = prng_chance(prng, 500) ? prng_between(prng, 100, 400) : 1000;
    plan->view_timeout_max_ms = prng_chance(prng, 500) ? 60000 : 8 * plan->view_timeout_ms;
    if (plan->view_timeout_max_ms < 1000) {
        plan->view_timeout_max_ms = 1000;
    }
}

static void choose_weather(struct plan *plan, struct prng *prng)
{
    bool calm = prng_chance(prng, 150);
    plan->loss_permille = calm ? 0 : (uint32_t)prng_below(prng, 301);
    plan->copy_permille = calm ? 0 : (uint32_t)prng_below(prng, 501);
    plan->delay_us = prng_between(prng, 50, 2000);
    plan->jitter_us = calm ? 1 : prng_between(prng, 1, 10000);
    plan->slow_permille = calm ? 0 : (uint32_t)prng_below(prng, 60);
    plan->slow_us = prng_between(prng, 1000, 300000);
    plan->sync_us = prng_chance(prng, 300) ? 0 : prng_between(prng, 1, 9000);
    plan->skew_ms = prng_chance(prng, 500) ? prng_below(prng, 2000) : 0;
    plan->clock_steps = plan->skew_ms > 0 ? (uint32_t)prng_below(prng, 8) : 0;
}

/* Lies about views, and what gives them occasion: a primary that is left, now and then. */
static void choose_view_lies(struct plan *plan, struct prng *prng)
{
    static const uint32_t paces[] = {0, LIE_SILENT, LIE_SLOW, LIE_TIME, LIE_SPLIT};
    plan->lies = paces[prng_below(prng, sizeof(paces) / sizeof(paces[0]))];
    plan->lies |= prng_chance(prng, 800) ? LIE_CHANGE : 0;
    plan->lies |= prng_chance(prng, 700) ? LIE_NEW_VIEW : 0;
    plan->lies |= prng_chance(prng, 300) ? LIE_COMPLAIN : 0;
    plan->lies |= prng_chance(prng, 200) ? LIE_VIEWS : 0;
    plan->lies |= prng_chance(prng, 200) ? (uint32_t)prng_between(prng, 1, 31) : 0;
    if (plan->lies == 0) {
        plan->lies = LIE_CHANGE | LIE_NEW_VIEW;
    }
}

/* Any replica may lie; that a lie is a primary's is for the view to give the occasion. */
static void choose_liars(struct plan *plan, struct prng *prng)
{
    if (prng_chance(prng, 450)) {
        return;
    }
    uint32_t count = (uint32_t)prng_between(prng, 1, plan->f);
    plan->lie_permille = (uint32_t)prng_between(prng, 5, 300);
    if (prng_chance(prng, 250)) {
        plan->liars = 1u << prng_below(prng, plan->n);
        plan->lies = prng_chance(prng, 500) ? LIE_SPLIT : LIE_TWO_PROPOSALS;
        plan->lie_permille = plan->lies == LIE_SPLIT ? 30 : 200;
        return;
    }
    while (count > 0) {
        uint32_t bit = 1u << prng_below(prng, plan->n);
        count -= (plan->liars & bit) == 0 ? 1 : 0;
        plan->liars |= bit;
    }
    plan->liars_stay = prng_chance(prng, 300);
    if (prng_chance(prng, 350)) {
        plan->lies = (uint32_t)prng_between(prng, 1, 31);
        plan->lies |= prng_chance(prng, 500) ? LIE_REPLY : 0;
        return;
    }
    choose_view_lies(plan, prng);
}

static void choose_faults(struct plan *plan, struct prng *prng)
{
    choose_liars(plan, prng);
    if (prng_chance(prng, 650)) {
        plan->crash_every_us = prng_between(prng, 30000, 800000);
    }
    if (prng_chance(prng, 500)) {
        plan->cut_off_every_us = prng_between(prng, 100000, 1500000);
    }
    if (prng_chance(prng, 300)) {
        plan->power_cuts = (uint32_t)prng_between(prng, 1, 4);
    }
}

static void choose_clients(struct plan *plan, struct prng *prng)
{
    plan->clients = (uint32_t)prng_between(prng, 1, 6);
    plan->outstanding = (uint32_t)prng_between(prng, 1, prng_chance(prng, 100) ? 64 : 12);
    plan->big_permille = (uint32_t)prng_below(prng, 15);
    plan->same_number_permille = prng_chance(prng, 400) ? 30 : 0;
    plan->expect_permille = (uint32_t)prng_below(prng, 200);
    plan->refused_permille = (uint32_t)prng_below(prng, 100);
    plan->think_us = prng_between(prng, 1, 20000);
}

/* Boundaries must be near enough for several of them to pass: short windows, and longer runs. */
static void choose_epochs(struct plan *plan, struct prng *prng)
{
    plan->epochs_permille = (uint32_t)prng_between(prng, 300, 1000);
    plan->govern_outstanding = (uint32_t)prng_between(prng, 1, 3);
    plan->govern_every_us = prng_between(prng, 20000, 500000);
    if (prng_chance(prng, 800)) {
        plan->interval = 16;
        plan->window = prng_chance(prng, 700) ? 32 : 48;
    }
    if (plan->liars != 0 && prng_chance(prng, 500)) {
        plan->lies |= prng_chance(prng, 500) ? LIE_KEYS : LIE_BEYOND;
    }
}

void plan_make(struct plan *plan, uint64_t seed, uint32_t n, uint32_t steps)
{
    static const uint32_t sizes[] = {4, 4, 4, 4, 4, 4, 7, 7, 10};
    struct prng prng = {seed * UINT64_C(0xd1342543de82ef95) + 1};
    *plan = (struct plan){.seed = seed};
    uint32_t own = sizes[prng_below(&prng, sizeof(sizes) / sizeof(sizes[0]))];
    plan->n = n != 0 ? n : own;
    plan->f = (plan->n - 1) / 3;
    plan->real_signatures = seed % 50 == 7;
    bool goes_far = prng_chance(&prng, 100); /* beyond the width of any window */
    plan->steps = goes_far ? LONG_STEPS : STEPS_USUAL;
    if (plan->real_signatures) {
        plan->steps = SIGNED_STEPS;
    }
    if (steps != 0) {
        plan->steps = steps;
    }
    choose_parameters(plan, &prng);
    choose_weather(plan, &prng);
    choose_faults(plan, &prng);
    choose_clients(plan, &prng);
    /* Drawn last, so that the rest of a seed's run is as it was. */
    plan->forgets = prng_chance(&prng, 250) ? 1 : 0;
    plan->forgets_all = prng_chance(&prng, 300);
    plan->snapshot_span = prng_between(&prng, 1, 3);
    plan->cut_every_us = prng_chance(&prng, 200) ? prng_between(&prng, 50000, 1500000) : 0;
    if (plan->liars != 0 && prng_chance(&prng, 200)) {
        plan->lies |= (uint32_t)LIE_SOME << prng_below(&prng, 7);
    }
    plan->govern_every_us = prng_chance(&prng, 300) ? prng_between(&prng, 20000, 1000000) : 0;
    plan->govern_outstanding = 1;
    if (plan->govern_every_us > 0 && prng_chance(&prng, 400)) {
        choose_epochs(plan, &prng);
        plan->steps += steps == 0 && !plan->real_signatures ? plan->steps / 2 : 0;
    }
    plan->tell_all = prng_chance(&prng, 100);
}
