/* Histories that nobody thought of: officers propose, vote, dispute, settle, withdraw and change
 * their minds at random through several epochs. Whoever is shown all of it comes to where the log
 * is; and so does who is shown what a replica picks out of it; and who is shown any other part of
 * it comes there too, or refuses it, and goes on with the next one. */
#include "governance/records.h"
#include "tests/support/hand_off_maker.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HISTORIES 60
#define EPOCHS 4
#define PLANS 8
#define ENTRIES_ENOUGH 24
#define PARTS 12 /* of each hand-off that are shown */

struct history {
    uint64_t random;
    struct gov_stage stage;
    struct hand_off_maker maker;
    struct gov_plan plans[PLANS]; /* the latest, in a ring */
    uint32_t plan_count;
    uint32_t rotations;
    char names[EPOCHS * 8][24];
    const char *signers[REPLICAS_MAX];
    struct epoch_chain *whole;
    struct epoch_chain *picked;
    struct epoch_chain *parts;
    uint32_t left_out;
    uint32_t refused;
    uint32_t led_on;
};

static struct history history;

static uint64_t below(uint64_t end)
{
    history.random ^= history.random << 13;
    history.random ^= history.random >> 7;
    history.random ^= history.random << 17;
    return history.random % end;
}

static const char *const members[] = {"m1", "m2", "m3", "m4", "m5"};

static bool is_pending(uint64_t *boundary)
{
    struct clock_record clock;

    assert_true(clock_read(history.stage.world.state, &clock));
    *boundary = clock.pending_boundary;
    return clock.pending_boundary != NO_BOUNDARY;
}

static void log_if(enum result_code code)
{
    if (code == RESULT_OK) {
        maker_log(&history.maker);
    }
}

/* --- What officers do ------------------------------------------------------------------------- */

static struct gov_plan *next_plan(void)
{
    return &history.plans[history.plan_count++ % PLANS];
}

static struct gov_plan *old_plan(void)
{
    const uint32_t kept = history.plan_count < PLANS ? history.plan_count : PLANS;

    return kept == 0 ? NULL : &history.plans[below(kept)];
}

static void plan_any(struct gov_plan *plan)
{
    struct gov_stage *stage = &history.stage;
    const uint64_t soon = stage->time_ms + below(STAGE_DAY);
    const struct args_subject suspend = {bytes_of_text(members[1 + below(4)]), soon};
    const struct args_subject restore = {bytes_of_text(members[1 + below(4)]), U64_UNLIMITED};
    const struct args_freeze freeze = {bytes_of_text("pay"), soon};
    const struct args_freeze lift = {bytes_of_text("pay"), U64_UNLIMITED};
    const struct args_subject issuer = {bytes_of_text("i1"), U64_UNLIMITED};

    switch (below(9)) {
    case 0:
        stage_plan(stage, plan, ACTION_MEMBER_SUSPEND, SECTION_MEMBERS, &schema_args_subject,
                   &suspend);
        break;
    case 1:
        stage_plan(stage, plan, ACTION_MEMBER_RESTORE, SECTION_MEMBERS, &schema_args_subject,
                   &restore);
        break;
    case 2:
        stage_plan_replica(stage, plan, ACTION_REPLICA_SUSPEND, below(4));
        break;
    case 3:
        stage_plan_replica(stage, plan, ACTION_REPLICA_RESTORE, below(4));
        break;
    case 4:
        stage_plan(stage, plan, ACTION_FREEZE, SECTION_PARAMS, &schema_args_freeze, &freeze);
        break;
    case 5:
        stage_plan(stage, plan, ACTION_UNFREEZE, SECTION_PARAMS, &schema_args_freeze, &lift);
        break;
    case 6:
        stage_plan(stage, plan, ACTION_ISSUER_SUSPEND, SECTION_ISSUERS, &schema_args_subject,
                   &issuer);
        break;
    case 7:
        maker_plan_renew(&history.maker, plan);
        break;
    default:
        (void)snprintf(history.names[history.rotations], sizeof(history.names[0]), "new %u",
                       history.rotations);
        maker_plan_rotate(&history.maker, plan, below(4), history.names[history.rotations]);
        history.rotations += history.rotations + 1 < EPOCHS * 8 ? 1 : 0;
        break;
    }
    stage_plan_by(plan, members[below(5)]);
    plan->body.not_before_ms = below(4) == 0 ? stage->time_ms + below(STAGE_HOUR) : 0;
}

static void bundle_any(struct gov_plan *plan, uint32_t votes)
{
    struct gov_vote list[5] = {{.mid = NULL}};

    for (uint32_t i = 0; i < votes; i++) {
        list[i] =
            (struct gov_vote){.mid = members[i], .choice = below(8) == 0 ? CHOICE_NO : CHOICE_YES};
    }
    log_if(stage_bundle(&history.stage, plan, list, votes));
}

static void settle_any(const struct gov_plan *disputed)
{
    struct args_resolve args = {.uphold = below(2)};
    struct gov_plan *plan = next_plan();

    memcpy(args.pid, disputed->pid, HASH_BYTES);
    stage_plan(&history.stage, plan, ACTION_RESOLVE, SECTION_MEMBERS, &schema_args_resolve, &args);
    bundle_any(plan, 5);
}

static void act(void)
{
    struct gov_stage *stage = &history.stage;
    struct gov_plan *plan = old_plan();
    const char *mid = members[below(5)];
    const uint64_t what = plan == NULL ? below(2) : below(10);

    if (what < 4) {
        plan = next_plan();
        plan_any(plan);
        bundle_any(plan, (uint32_t)below(6));
    } else if (what < 6) {
        log_if(stage_yes(stage, plan, mid));
    } else if (what < 8) {
        log_if(stage_dispute(stage, plan, mid, mid));
    } else if (what == 8) {
        log_if(stage_withdraw(stage, plan, mid, mid));
    } else {
        const struct gov_plan disputed = *plan;

        settle_any(&disputed);
    }
}

/* Time passes, up to the end of the epoch. False when that is reached. */
static bool wait_a_while(uint64_t heights, uint64_t ms)
{
    struct gov_stage *stage = &history.stage;
    uint64_t boundary = 0;

    if (is_pending(&boundary) && stage->height + heights >= boundary) {
        return false;
    }
    maker_later(&history.maker, heights, ms);
    gov_retire(stage->world.state, stage->time_ms);
    return true;
}

/* Until the log is at the end of an epoch. */
static void live(void)
{
    bool goes_on = true;

    while (goes_on && history.maker.entry_count < ENTRIES_ENOUGH) {
        for (uint64_t i = below(4); i > 0; i--) {
            act();
        }
        goes_on = wait_a_while(1 + below(300), below(STAGE_HOUR));
    }
    for (uint32_t i = 0; goes_on; i++) {
        uint64_t boundary = 0;

        assert_true(i < 100);
        if (!is_pending(&boundary) && i % 3 == 0) {
            struct gov_plan *plan = next_plan();

            maker_plan_renew(&history.maker, plan);
            stage_plan_by(plan, members[i / 3 % 5]);
            bundle_any(plan, 5);
        }
        goes_on = wait_a_while(600, STAGE_HOUR);
    }
}

/* --- What a verifier makes of it -------------------------------------------------------------- */

/* Parts of it, until one leads on; at last all of it. */
static void show_parts(uint64_t epoch)
{
    struct hand_off_maker *maker = &history.maker;

    for (uint32_t part = 0; part < PARTS; part++) {
        for (uint32_t i = 0; i < maker->past_count; i++) {
            maker->past[i].left_out = below(5) != 0;
        }
        for (uint32_t i = 0; i < maker->entry_count; i++) {
            maker->entries[i].left_out = below(part % 4 + 2) == 0;
        }
        const enum hand_off_error error = epoch_chain_follow(history.parts, maker_make(maker));

        if (error == HAND_OFF_OK) {
            history.led_on++;
            break;
        }
        assert_int_equal(error, HAND_OFF_CHANGES);
        history.refused++;
    }
    if (epoch_chain_newest(history.parts)->roster.epoch == epoch) {
        maker_pick(maker);
        assert_int_equal(epoch_chain_follow(history.parts, maker_make(maker)), HAND_OFF_OK);
    }
}

/* What was needed of earlier epochs, and all of this one. */
static void show_more(void)
{
    maker_pick(&history.maker);
    for (uint32_t i = 0; i < history.maker.entry_count; i++) {
        history.left_out += history.maker.entries[i].left_out ? 1 : 0;
        history.maker.entries[i].left_out = false;
    }
}

static void assert_there(const struct epoch_chain *chain)
{
    struct roster roster;

    assert_true(roster_load(history.stage.world.state, &roster));
    assert_int_equal(epoch_chain_newest(chain)->roster.epoch, roster.epoch);
    assert_memory_equal(epoch_chain_newest(chain)->roster.members, roster.members,
                        roster.n * sizeof(roster.members[0]));
}

static const char *name_of_key(const uint8_t pk[PUBLIC_KEY_BYTES])
{
    static const char *const first[] = {"r0", "r1", "r2", "r3"};
    uint8_t key[PUBLIC_KEY_BYTES];

    for (uint32_t i = 0; i < 4 + history.rotations; i++) {
        const char *name = i < 4 ? first[i] : history.names[i - 4];

        gov_public_key(&sig_fast, name, key);
        if (memcmp(key, pk, PUBLIC_KEY_BYTES) == 0) {
            return name;
        }
    }
    return NULL;
}

static void pass_one_epoch(uint64_t epoch)
{
    live();
    maker_end(&history.maker);
    show_parts(epoch);
    maker_pick(&history.maker);
    assert_int_equal(epoch_chain_follow(history.picked, maker_make(&history.maker)), HAND_OFF_OK);
    show_more();
    assert_int_equal(epoch_chain_follow(history.whole, maker_make(&history.maker)), HAND_OFF_OK);
    assert_there(history.whole);
    assert_there(history.picked);
    assert_there(history.parts);
    for (uint32_t i = 0; i < 4; i++) {
        history.signers[i] =
            name_of_key(epoch_chain_newest(history.whole)->roster.members[i].sign_pk);
        assert_non_null(history.signers[i]);
    }
    maker_next(&history.maker, history.signers);
}

static void history_run(uint64_t seed)
{
    history.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    history.plan_count = 0;
    history.rotations = 0;
    stage_open(&history.stage, 4, true, 4000);
    (void)gov_fixture_file(&history.stage.fixture);
    hand_off_maker_init(&history.maker, &history.stage);
    struct epoch_chain **const chains[] = {&history.whole, &history.picked, &history.parts};
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(
            epoch_chain_open(&history.stage.world.charter, &sig_fast, EPOCHS + 1, chains[i]),
            STATUS_OK);
    }
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        pass_one_epoch(epoch);
    }
    for (uint32_t i = 0; i < 3; i++) {
        epoch_chain_close(*chains[i]);
    }
    stage_close(&history.stage);
}

static void any_history_is_followed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        print_message("history %u\n", (unsigned)seed);
        history_run(seed);
    }
    /* It did happen that something was not needed, and that something was missing. */
    assert_true(history.left_out > HISTORIES);
    assert_true(history.refused > HISTORIES);
    assert_true(history.led_on > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_history_is_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
