/* Locks, and who may stop them: time and heights, disputes, what the members decide about them. */
#include "governance/motion.h"
#include "governance/records.h"
#include "tests/support/gov_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* `plan` restores r3, which is suspended. */
static void plan_restore(void)
{
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 3);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 2), RESULT_OK);
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_RESTORE, 3);
}

static int setup(void **state)
{
    (void)case_setup_locks(state);
    plan_restore();
    return 0;
}

static int setup_without_locks(void **state)
{
    (void)case_setup(state);
    plan_restore();
    return 0;
}

static uint64_t param(enum param number)
{
    return rights_param(&stage.world.rights, number);
}

static void lock_plan(void)
{
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_LOCKED, RESULT_OK));
}

/* So much later that only `ms_left` and `heights_left` of a lock of O are left. */
static void wait_all_but(uint64_t heights_left, uint64_t ms_left)
{
    stage_block(&stage, param(PARAM_LOCK_OPS_HEIGHTS) - heights_left,
                param(PARAM_LOCK_OPS) - ms_left);
}

static bool is_barred(const char *mid)
{
    const struct state_key key = state_key_bar(bytes_of_text(mid));

    return state_has(stage.world.state, state_key_bytes(&key));
}

/* --- Locks ----------------------------------------------------------------------------------- */

static void a_lock_ends_by_time_and_by_heights_whichever_is_later(void **state)
{
    struct proposal_record record;

    (void)state;
    lock_plan();
    assert_int_equal(stage.results.list[0].activates_at,
                     stage.height + param(PARAM_LOCK_OPS_HEIGHTS));
    assert_int_equal(stage_record(&stage, &plan, &record), PROPOSAL_LOCKED);
    assert_int_equal(record.until_ms, stage.time_ms + param(PARAM_LOCK_OPS));
    assert_int_equal(record.until_height, stage.height + param(PARAM_LOCK_OPS_HEIGHTS));
    wait_all_but(0, 1);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_replica(&stage, 3), STANDING_SUSPENDED);
    stage_block(&stage, 0, 1);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage.results.list[0].activates_at, stage.height);
    assert_int_equal(stage_replica(&stage, 3), STANDING_ACTIVE);
    assert_int_equal(stage_records(&stage), 0);
}

static void time_alone_does_not_end_a_lock(void **state)
{
    (void)state;
    lock_plan();
    wait_all_but(1, 0);
    assert_int_equal(stage.results.count, 0);
    stage_block(&stage, 1, 0);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
}

static void a_lock_outlasts_the_deadline_for_votes(void **state)
{
    (void)state;
    plan.body.deadline_ms = stage.time_ms + 1;
    lock_plan();
    stage_block(&stage, 1, 1000);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_yes(&stage, &plan, "m4"), E_CLOSED);
    assert_int_equal(stage_withdraw(&stage, &plan, "m1", "m1"), E_CLOSED);
    wait_all_but(0, 0);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
}

static void what_is_locked_goes_stale_like_what_is_open(void **state)
{
    (void)state;
    lock_plan();
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 4);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 2), RESULT_OK);
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), E_STALE);
    stage_block(&stage, 1, 0);
    assert_true(stage_told(&stage, &plan, PROPOSAL_STALE, E_STALE));
    wait_all_but(0, 0);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_replica(&stage, 3), STANDING_SUSPENDED);
}

static void of_two_that_are_due_together_the_smaller_pid_is_done(void **state)
{
    (void)state;
    stage_plan_replica(&stage, &other, ACTION_REPLICA_RESTORE, 3);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 3), RESULT_OK);
    wait_all_but(0, 0);

    const bool first = memcmp(plan.pid, other.pid, HASH_BYTES) < 0;

    assert_int_equal(stage.results.count, 2);
    assert_memory_equal(stage.results.list[0].pid, first ? plan.pid : other.pid, HASH_BYTES);
    assert_int_equal(stage.results.list[0].state, PROPOSAL_ENACTED);
    assert_int_equal(stage.results.list[1].state, PROPOSAL_STALE);
    assert_int_equal(stage_version(&stage, SECTION_REPLICAS), 3);
}

static void in_development_nothing_is_locked(void **state)
{
    (void)state;
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage_replica(&stage, 3), STANDING_ACTIVE);
}

static void nothing_is_done_before_its_own_time(void **state)
{
    (void)state;
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 5);
    plan.body.not_before_ms = stage.time_ms + 1000;
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_LOCKED, RESULT_OK));
    assert_int_equal(stage.results.list[0].activates_at, stage.height);
    /* That is no lock for others to stop. */
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), E_DISPUTE);
    stage_block(&stage, 1, 999);
    assert_int_equal(stage.results.count, 0);
    stage_block(&stage, 1, 1);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
}

/* --- Disputes -------------------------------------------------------------------------------- */

static void one_dispute_begins_the_lock_anew_once(void **state)
{
    struct proposal_record record;

    (void)state;
    lock_plan();
    wait_all_but(1, 1);
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_DISPUTED, RESULT_OK));
    assert_int_equal(stage.results.list[0].activates_at,
                     stage.height + param(PARAM_LOCK_OPS_HEIGHTS));
    assert_int_equal(stage_record(&stage, &plan, &record), PROPOSAL_DISPUTED);
    assert_int_equal(record.disputes.count, 1);
    assert_int_equal(record.yes.count, 3);
    assert_int_equal(record.extended, 1);
    wait_all_but(0, 1);
    assert_int_equal(stage.results.count, 0);
    stage_block(&stage, 0, 1);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage_replica(&stage, 3), STANDING_ACTIVE);
    assert_true(is_barred("m4"));
    assert_false(is_barred("m5"));
}

static void a_blocking_minority_cancels_it(void **state)
{
    (void)state;
    lock_plan();
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    stage_block(&stage, 1, 1000);
    /* 5 - 4 + 1, also of those who had said yes. */
    assert_int_equal(stage_dispute(&stage, &plan, "m1", "m1"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_CANCELLED, E_DISPUTE));
    assert_int_equal(stage.results.list[0].activates_at, U64_UNLIMITED);
    assert_int_equal(stage_record(&stage, &plan, NULL), PROPOSAL_CANCELLED);
    assert_int_equal(stage_dispute(&stage, &plan, "m5", "m5"), E_CLOSED);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 5), E_SEEN);
    assert_false(is_barred("m4"));
    wait_all_but(0, 0);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_replica(&stage, 3), STANDING_SUSPENDED);
    gov_retire(stage.world.state, plan.body.deadline_ms);
    assert_int_equal(stage_records(&stage), 0);
}

static void disputes_are_signed_by_members_once_each(void **state)
{
    (void)state;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), E_CLOSED);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stage_vote(&stage, &plan, &yes_of[i]), RESULT_OK);
    }
    assert_int_equal(stage_dispute(&stage, &plan, "m9", "m9"), E_MEMBER);
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m5"), E_SIG);
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), E_SEEN);
    assert_int_equal(stage_record(&stage, &plan, NULL), PROPOSAL_DISPUTED);
}

static void a_member_has_one_dispute_open(void **state)
{
    (void)state;
    stage_plan_replica(&stage, &other, ACTION_REPLICA_RESTORE, 3);
    lock_plan();
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    assert_int_equal(stage_dispute(&stage, &other, "m4", "m4"), E_DISPUTE);
    assert_int_equal(stage_dispute(&stage, &other, "m5", "m5"), RESULT_OK);
}

static void who_is_barred_disputes_again_when_that_has_passed(void **state)
{
    (void)state;
    lock_plan();
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    wait_all_but(0, 0);
    assert_true(is_barred("m4"));

    const uint64_t until_ms = stage.time_ms + param(PARAM_LOCK_ROOT);

    for (int i = 0; i < 2; i++) {
        stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 3);
        assert_int_equal(stage_bundle(&stage, &other, yes_of, 2), RESULT_OK);
        stage_plan_replica(&stage, &plan, ACTION_REPLICA_RESTORE, 3);
        assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
        stage.time_ms = until_ms - 1 + (uint64_t)i;
        assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), i == 0 ? E_DISPUTE : RESULT_OK);
        gov_retire(stage.world.state, stage.time_ms);
        assert_int_equal(is_barred("m4"), i == 0);
        wait_all_but(0, 0);
    }
}

static void where_there_is_no_room_nobody_is_barred(void **state)
{
    (void)state;
    lock_plan();
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    stage_fill_records(&stage, RECORDS_FREE_MIN - 1);
    wait_all_but(0, 0);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    assert_false(is_barred("m4"));
}

static void where_there_is_no_room_nothing_is_disputed(void **state)
{
    (void)state;
    lock_plan();
    stage_fill_bytes(&stage);
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), E_CAPACITY);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_record(&stage, &plan, NULL), PROPOSAL_LOCKED);
}

static void in_development_nobody_is_barred(void **state)
{
    (void)state;
    plan.body.not_before_ms = stage.time_ms + 1000;
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    stage_block(&stage, 1, 1000);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    assert_false(is_barred("m4"));
}

/* --- What the members decide ----------------------------------------------------------------- */

static void resolve_plan(struct gov_plan *resolve, uint64_t uphold)
{
    struct args_resolve args = {.uphold = uphold};

    memcpy(args.pid, plan.pid, HASH_BYTES);
    stage_plan(&stage, resolve, ACTION_RESOLVE, SECTION_MEMBERS, &schema_args_resolve, &args);
}

static void assert_two(size_t place, const struct gov_plan *of, enum proposal_state expected)
{
    assert_int_equal(stage.results.count, 2);
    assert_memory_equal(stage.results.list[place].pid, of->pid, HASH_BYTES);
    assert_int_equal(stage.results.list[place].state, expected);
}

static void what_is_upheld_is_disputed_no_more(void **state)
{
    struct proposal_record record;

    (void)state;
    lock_plan();
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    resolve_plan(&other, 1);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 3), RESULT_OK);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_yes(&stage, &other, "m4"), RESULT_OK);
    assert_two(0, &plan, PROPOSAL_LOCKED);
    assert_two(1, &other, PROPOSAL_ENACTED);
    assert_int_equal(stage_record(&stage, &plan, &record), PROPOSAL_LOCKED);
    assert_int_equal(record.disputes.count, 0);
    assert_int_equal(stage_dispute(&stage, &plan, "m5", "m5"), E_DISPUTE);
    assert_true(is_barred("m4"));
    /* It moved no section, so it is remembered. */
    assert_int_equal(stage_record(&stage, &other, NULL), PROPOSAL_ENACTED);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 5), E_SEEN);
    wait_all_but(0, 0);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
}

static void what_is_dismissed_is_cancelled(void **state)
{
    (void)state;
    lock_plan();
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    resolve_plan(&other, 0);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 4), RESULT_OK);
    assert_two(0, &plan, PROPOSAL_CANCELLED);
    assert_two(1, &other, PROPOSAL_ENACTED);
    assert_int_equal(stage.results.list[0].reason, E_DISPUTE);
    assert_false(is_barred("m4"));
    wait_all_but(0, 0);
    assert_int_equal(stage_replica(&stage, 3), STANDING_SUSPENDED);
}

static void only_what_is_disputed_is_resolved(void **state)
{
    (void)state;
    resolve_plan(&other, 1);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 4), E_PREDICATE);
    lock_plan();
    resolve_plan(&other, 1);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 4), E_PREDICATE);
}

/* Its rule held when it was proposed, and holds no more: it is judged again. */
static void what_cannot_be_done_any_more_is_cancelled(void **state)
{
    (void)state;
    lock_plan();
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    resolve_plan(&other, 1);
    assert_int_equal(stage_propose(&stage, &other), RESULT_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stage_vote(&stage, &other, &yes_of[i]), RESULT_OK);
    }
    assert_int_equal(stage_dispute(&stage, &plan, "m5", "m5"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_CANCELLED, E_DISPUTE));
    assert_int_equal(stage_yes(&stage, &other, "m4"), RESULT_OK);
    assert_true(stage_told(&stage, &other, PROPOSAL_CANCELLED, E_PREDICATE));
    assert_int_equal(stage_record(&stage, &other, NULL), PROPOSAL_CANCELLED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, case_teardown)
#define U(name) cmocka_unit_test_setup_teardown(name, setup_without_locks, case_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_lock_ends_by_time_and_by_heights_whichever_is_later),
        T(time_alone_does_not_end_a_lock),
        T(a_lock_outlasts_the_deadline_for_votes),
        T(what_is_locked_goes_stale_like_what_is_open),
        T(of_two_that_are_due_together_the_smaller_pid_is_done),
        U(in_development_nothing_is_locked),
        T(nothing_is_done_before_its_own_time),
        T(one_dispute_begins_the_lock_anew_once),
        T(a_blocking_minority_cancels_it),
        T(disputes_are_signed_by_members_once_each),
        T(a_member_has_one_dispute_open),
        T(who_is_barred_disputes_again_when_that_has_passed),
        T(where_there_is_no_room_nobody_is_barred),
        T(where_there_is_no_room_nothing_is_disputed),
        U(in_development_nobody_is_barred),
        T(what_is_upheld_is_disputed_no_more),
        T(what_is_dismissed_is_cancelled),
        T(only_what_is_disputed_is_resolved),
        T(what_cannot_be_done_any_more_is_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
