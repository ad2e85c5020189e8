/* What each action does, when it may be done, and how many it takes. */
#include "governance/motion.h"
#include "governance/records.h"
#include "tests/support/gov_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void plan_subject(uint64_t action, const char *id, uint64_t until_ms)
{
    const struct args_subject args = {bytes_of_text(id), until_ms};
    const bool issuer = action == ACTION_ISSUER_SUSPEND || action == ACTION_ISSUER_RESTORE;

    stage_plan(&stage, &plan, action, issuer ? SECTION_ISSUERS : SECTION_MEMBERS,
               &schema_args_subject, &args);
}

/* --- Members --------------------------------------------------------------------------------- */

static void a_member_is_suspended_by_few_and_restored_by_many(void **state)
{
    (void)state;
    plan_subject(ACTION_MEMBER_SUSPEND, "m5", stage.time_ms + STAGE_DAY);
    assert_case_takes(2);
    assert_int_equal(stage_member(&stage, "m5"), STANDING_SUSPENDED);
    plan_subject(ACTION_MEMBER_SUSPEND, "m4", stage.time_ms + STAGE_DAY);
    assert_int_equal(stage_vote(&stage, &plan, &yes_of[4]), E_CLOSED);
    plan_subject(ACTION_MEMBER_RESTORE, "m5", U64_UNLIMITED);
    assert_case_takes(4);
    assert_int_equal(stage_member(&stage, "m5"), STANDING_ACTIVE);
}

static void two_rogue_members_cannot_suspend_the_rest(void **state)
{
    (void)state;
    plan_subject(ACTION_MEMBER_SUSPEND, "m5", stage.time_ms + STAGE_DAY);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), RESULT_OK);
    for (uint32_t i = 3; i <= 4; i++) {
        plan_subject(ACTION_MEMBER_SUSPEND, i == 3 ? "m3" : "m4", stage.time_ms + STAGE_DAY);
        assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), E_PREDICATE);
    }
    /* Those who are left can do what a root act takes. */
    plan_subject(ACTION_MEMBER_RESTORE, "m5", U64_UNLIMITED);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 4), RESULT_OK);
    assert_int_equal(stage_member(&stage, "m5"), STANDING_ACTIVE);
}

static void what_few_decided_lapses_and_they_cannot_renew_it(void **state)
{
    (void)state;
    plan_subject(ACTION_MEMBER_SUSPEND, "m5", stage.time_ms + STAGE_DAY);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), RESULT_OK);
    stage_block(&stage, 1, STAGE_DAY);
    plan_subject(ACTION_MEMBER_SUSPEND, "m5", stage.time_ms + STAGE_DAY);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), E_PREDICATE);
    /* It acts again, and the place is free for another. */
    plan_subject(ACTION_MEMBER_SUSPEND, "m4", stage.time_ms + STAGE_DAY);
    stage_plan_by(&plan, "m5");
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), RESULT_OK);
    assert_int_equal(stage_member(&stage, "m4"), STANDING_SUSPENDED);
}

static void a_suspension_is_bounded_and_of_a_member_that_acts(void **state)
{
    const uint64_t most = rights_param(&stage.world.rights, PARAM_EMERGENCY_LAPSE);
    const uint64_t wrong[] = {stage.time_ms, stage.time_ms + most + 1, U64_UNLIMITED, 0};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        plan_subject(ACTION_MEMBER_SUSPEND, "m5", wrong[i]);
        assert_int_equal(case_proposed(), E_BOUNDS);
    }
    plan_subject(ACTION_MEMBER_SUSPEND, "m9", stage.time_ms + most);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_subject(ACTION_MEMBER_RESTORE, "m5", U64_UNLIMITED);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_subject(ACTION_MEMBER_RESTORE, "m5", stage.time_ms + 1);
    assert_int_equal(case_proposed(), E_BOUNDS);
    plan_subject(ACTION_MEMBER_SUSPEND, "m5", stage.time_ms + most);
    assert_int_equal(case_proposed(), RESULT_OK);
    plan_subject(ACTION_MEMBER_SUSPEND, "m5", stage.time_ms + most);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 5), E_PREDICATE);
}

/* What was to come later is judged again when it comes. */
static void a_suspension_that_has_lapsed_before_it_begins_is_none(void **state)
{
    (void)state;
    plan_subject(ACTION_MEMBER_SUSPEND, "m5", stage.time_ms + 1000);
    plan.body.not_before_ms = stage.time_ms + 1000;
    assert_int_equal(case_proposed(), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_LOCKED, RESULT_OK));
    stage_block(&stage, 1, 1000);
    assert_true(stage_told(&stage, &plan, PROPOSAL_CANCELLED, E_BOUNDS));
    assert_int_equal(stage_member(&stage, "m5"), STANDING_ACTIVE);
    assert_int_equal(stage_version(&stage, SECTION_MEMBERS), 1);
    assert_int_equal(stage_record(&stage, &plan, NULL), PROPOSAL_CANCELLED);
}

static void what_a_suspended_member_signed_counts_no_more(void **state)
{
    static struct gov_plan open;

    (void)state;
    stage_plan_replica(&stage, &open, ACTION_REPLICA_SUSPEND, 3);
    assert_int_equal(stage_propose(&stage, &open), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &open, "m5"), RESULT_OK);
    plan_subject(ACTION_MEMBER_SUSPEND, "m5", stage.time_ms + STAGE_DAY);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &open, "m2"), E_STALE);
    assert_int_equal(stage_replica(&stage, 3), STANDING_ACTIVE);
    stage_plan_replica(&stage, &open, ACTION_REPLICA_SUSPEND, 3);
    assert_int_equal(stage_bundle(&stage, &open, &yes_of[3], 2), RESULT_OK);
    assert_int_equal(stage_record(&stage, &open, NULL), PROPOSAL_OPEN);
    assert_int_equal(stage_yes(&stage, &open, "m5"), E_MEMBER);
}

/* --- Issuers --------------------------------------------------------------------------------- */

static const struct rights_issuer *first_issuer(void)
{
    return &stage.world.rights.issuers[0];
}

static void an_issuer_is_suspended_by_few_and_restored_by_more(void **state)
{
    (void)state;
    plan_subject(ACTION_ISSUER_RESTORE, "i1", U64_UNLIMITED);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_subject(ACTION_ISSUER_SUSPEND, "i1", U64_UNLIMITED);
    assert_case_takes(2);
    assert_false(first_issuer()->active);
    assert_true(stage.world.rights.issuers[1].active);
    plan_subject(ACTION_ISSUER_SUSPEND, "i1", U64_UNLIMITED);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_subject(ACTION_ISSUER_RESTORE, "i1", U64_UNLIMITED);
    assert_case_takes(3);
    assert_true(first_issuer()->active);
    plan_subject(ACTION_ISSUER_SUSPEND, "i9", U64_UNLIMITED);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_subject(ACTION_ISSUER_SUSPEND, "i1", stage.time_ms + 1);
    assert_int_equal(case_proposed(), E_BOUNDS);
}

static void plan_gen_min(const char *iid, uint64_t gen_min)
{
    const struct args_issuer_gen_min args = {bytes_of_text(iid), gen_min};

    stage_plan(&stage, &plan, ACTION_ISSUER_GEN_MIN, SECTION_ISSUERS, &schema_args_issuer_gen_min,
               &args);
}

static void older_keys_of_an_issuer_end_for_ever_and_one_is_left(void **state)
{
    (void)state;
    assert_int_equal(first_issuer()->gen_min, 1);
    plan_gen_min("i1", 3);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_gen_min("i1", 1);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_gen_min("i1", 2);
    assert_case_takes(2);
    assert_int_equal(first_issuer()->gen_min, 2);
    assert_int_equal(stage.world.rights.issuers[1].gen_min, 1);
    plan_gen_min("i1", 1);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_gen_min("i9", 2);
    assert_int_equal(case_proposed(), E_PREDICATE);
}

/* --- Freezes --------------------------------------------------------------------------------- */

static void plan_freeze(uint64_t action, const char *prefix, uint64_t until_ms)
{
    const struct args_freeze args = {bytes_of_text(prefix), until_ms};

    stage_plan(&stage, &plan, action, SECTION_PARAMS, &schema_args_freeze, &args);
}

static bool is_frozen(const char *stream)
{
    return rights_frozen(&stage.world.rights, bytes_of_text(stream), stage.time_ms);
}

static void writing_is_frozen_by_few_for_a_while(void **state)
{
    (void)state;
    plan_freeze(ACTION_FREEZE, "pay", stage.time_ms + STAGE_DAY);
    assert_case_takes(2);
    assert_true(is_frozen("pay/eu"));
    assert_false(is_frozen("log"));
    plan_freeze(ACTION_FREEZE, "log", stage.time_ms + STAGE_DAY);
    assert_int_equal(case_proposed(), RESULT_OK);
    plan_freeze(ACTION_FREEZE, "pay/eu", stage.time_ms + STAGE_DAY);
    assert_int_equal(case_proposed(), RESULT_OK);
    plan_freeze(ACTION_FREEZE, "zoo", stage.time_ms + STAGE_DAY);
    assert_int_equal(case_proposed(), RESULT_OK);
    assert_true(is_frozen("log"));
    assert_int_equal(stage.world.rights.freeze_count, 4);
    for (uint32_t i = 0; i < 4; i++) { /* in their order */
        static const char *const prefixes[] = {"log", "pay", "pay/eu", "zoo"};
        const struct prefix_text *prefix = &stage.world.rights.freezes[i].prefix;

        assert_true(bytes_equal(bytes_make(prefix->text, prefix->len), bytes_of_text(prefixes[i])));
    }
    stage.time_ms += STAGE_DAY;
    assert_false(is_frozen("pay/eu"));
    /* Few cannot do it again. */
    plan_freeze(ACTION_FREEZE, "pay", stage.time_ms + STAGE_DAY);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_freeze(ACTION_UNFREEZE, "pay", U64_UNLIMITED);
    assert_case_takes(3);
    plan_freeze(ACTION_UNFREEZE, "pay", U64_UNLIMITED);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_freeze(ACTION_FREEZE, "pay", stage.time_ms + STAGE_DAY);
    assert_int_equal(case_proposed(), RESULT_OK);
    assert_true(is_frozen("pay/us"));
}

static void a_freeze_of_everything_ends_too(void **state)
{
    const uint64_t most = rights_param(&stage.world.rights, PARAM_EMERGENCY_LAPSE);

    (void)state;
    plan_freeze(ACTION_FREEZE, "", U64_UNLIMITED);
    assert_int_equal(case_proposed(), E_BOUNDS);
    plan_freeze(ACTION_FREEZE, "", stage.time_ms);
    assert_int_equal(case_proposed(), E_BOUNDS);
    plan_freeze(ACTION_UNFREEZE, "", stage.time_ms + 1);
    assert_int_equal(case_proposed(), E_BOUNDS);
    plan_freeze(ACTION_FREEZE, "", stage.time_ms + most);
    assert_int_equal(case_proposed(), RESULT_OK);
    assert_true(is_frozen("any"));
    stage.time_ms += most;
    assert_false(is_frozen("any"));
}

static void there_are_so_many_freezes(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FREEZES_MAX; i++) {
        const char name[] = {(char)('a' + i / 26), (char)('a' + i % 26), 0};

        plan_freeze(ACTION_FREEZE, name, stage.time_ms + STAGE_DAY);
        assert_int_equal(case_proposed(), RESULT_OK);
    }
    plan_freeze(ACTION_FREEZE, "zz", stage.time_ms + STAGE_DAY);
    assert_int_equal(stage_propose(&stage, &plan), E_CAPACITY);
    plan_freeze(ACTION_UNFREEZE, "ab", U64_UNLIMITED);
    assert_int_equal(case_proposed(), RESULT_OK);
    plan_freeze(ACTION_FREEZE, "zz", stage.time_ms + STAGE_DAY);
    assert_int_equal(case_proposed(), RESULT_OK);
}

/* --- All ------------------------------------------------------------------------------------- */

/* A section that grows beyond the state's bounds is not moved. */
static void where_there_is_no_room_nothing_is_done(void **state)
{
    (void)state;
    plan_freeze(ACTION_FREEZE, "pay", stage.time_ms + STAGE_DAY);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m1"), RESULT_OK);
    stage_fill_bytes(&stage);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_CANCELLED, E_CAPACITY));
    assert_false(is_frozen("pay/eu"));
    assert_int_equal(stage_version(&stage, SECTION_PARAMS), 1);
}

/* Nor is a bundle taken halfway: where its proposal has room and what it would do has none. */
static void a_bundle_is_carried_out_or_refused(void **state)
{
    static const char name[] = "a-prefix-that-is-as-long-as-it-may-be-so-that-it-takes-room";
    uint32_t refused = 0;

    (void)state;
    plan_freeze(ACTION_FREEZE, name, stage.time_ms + STAGE_DAY);
    stage_fill_bytes(&stage);
    for (size_t left = 0; left < 2000 && !is_frozen(name); left += 30) {
        stage_leave_bytes(&stage, left);
        if (stage_bundle(&stage, &plan, yes_of, 2) == RESULT_OK) {
            assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
        } else {
            refused++;
        }
        assert_int_equal(stage_records(&stage), 0);
    }
    assert_true(is_frozen(name));
    assert_true(refused > 5);
}

/* What adds authority is not among what few can do. */
static void no_action_that_adds_authority_is_an_emergency(void **state)
{
    static const uint64_t emergencies[] = {
        ACTION_MEMBER_SUSPEND, ACTION_REPLICA_SUSPEND, ACTION_ISSUER_SUSPEND, ACTION_ISSUER_GEN_MIN,
        ACTION_REVOKE_KEY,     ACTION_REVOKE_CAP,      ACTION_FREEZE,
    };

    (void)state;
    for (uint64_t action = 0; action < 256; action++) {
        const struct action_rule *rule = action_rule(action);
        bool emergency = false;

        for (size_t i = 0; i < sizeof(emergencies) / sizeof(emergencies[0]); i++) {
            emergency = emergency || emergencies[i] == action;
        }
        assert_true(rule == NULL || (rule->class == CLASS_EMERGENCY) == emergency);
        assert_true(rule == NULL || (rule->reads >> SECTION_MEMBERS & 1) != 0);
        assert_true(rule == NULL || action_schema(action) != NULL);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, case_setup, case_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_member_is_suspended_by_few_and_restored_by_many),
        T(two_rogue_members_cannot_suspend_the_rest),
        T(what_few_decided_lapses_and_they_cannot_renew_it),
        T(a_suspension_is_bounded_and_of_a_member_that_acts),
        T(a_suspension_that_has_lapsed_before_it_begins_is_none),
        T(what_a_suspended_member_signed_counts_no_more),
        T(an_issuer_is_suspended_by_few_and_restored_by_more),
        T(older_keys_of_an_issuer_end_for_ever_and_one_is_left),
        T(writing_is_frozen_by_few_for_a_while),
        T(a_freeze_of_everything_ends_too),
        T(there_are_so_many_freezes),
        T(where_there_is_no_room_nothing_is_done),
        T(a_bundle_is_carried_out_or_refused),
        T(no_action_that_adds_authority_is_an_emergency),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
