/* Suspending and restoring replicas, what is due when a block begins, and what a result is. */
#include "crypto/hash.h"
#include "tests/support/gov_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

/* --- Replicas -------------------------------------------------------------------------------- */

static void no_more_than_f_are_suspended(void **state)
{
    (void)state;
    for (uint64_t rid = 0; rid < 2; rid++) {
        stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, rid);
        assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), RESULT_OK);
    }
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 2);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 5), E_PREDICATE);
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 1);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 5), E_PREDICATE);
    assert_int_equal(stage_replica(&stage, 2), STANDING_ACTIVE);
}

static void of_two_that_race_for_the_last_place_one_wins(void **state)
{
    (void)state;
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 0);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 2), RESULT_OK);
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 1);
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 2);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_propose(&stage, &other), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m1"), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &other, "m1"), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &other, "m2"), RESULT_OK);
    assert_true(stage_told(&stage, &other, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage_yes(&stage, &plan, "m2"), E_STALE);
    stage_block(&stage, 1, 0);
    assert_true(stage_told(&stage, &plan, PROPOSAL_STALE, E_STALE));
    assert_int_equal(stage_replica(&stage, 1), STANDING_ACTIVE);
    assert_int_equal(stage_replica(&stage, 2), STANDING_SUSPENDED);
}

static void to_restore_takes_more_votes_than_to_suspend(void **state)
{
    uint8_t before[HASH_BYTES];

    (void)state;
    memcpy(before, stage.world.rights.config_hash, HASH_BYTES);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), RESULT_OK);
    assert_memory_not_equal(before, stage.world.rights.config_hash, HASH_BYTES);
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_RESTORE, 3);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), RESULT_OK);
    assert_int_equal(stage_record(&stage, &plan, NULL), PROPOSAL_OPEN);
    assert_int_equal(stage_yes(&stage, &plan, "m5"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_LOCKED, RESULT_OK));
}

/* --- Many at once ---------------------------------------------------------------------------- */

static int by_pid(const void *a, const void *b)
{
    return memcmp(a, b, HASH_BYTES);
}

static void what_is_due_comes_by_pid_and_so_many_in_a_block(void **state)
{
    static const char *const mids[] = {"m1", "m2", "m3", "m4", "m5"};
    static uint8_t pids[20][HASH_BYTES];
    uint32_t told = 0;

    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 1);
        stage_plan_by(&plan, mids[i % 5]);
        assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
        memcpy(pids[i], plan.pid, HASH_BYTES);
    }
    qsort(pids, 20, HASH_BYTES, by_pid);
    for (uint32_t block = 0; block < 3; block++) {
        stage_block(&stage, 1, STAGE_HOUR);
        assert_int_equal(stage.results.count, block < 2 ? GOV_RESULTS_MAX / 2 : 4);
        for (uint32_t i = 0; i < stage.results.count; i++) {
            assert_memory_equal(stage.results.list[i].pid, pids[told], HASH_BYTES);
            assert_int_equal(stage.results.list[i].state, PROPOSAL_EXPIRED);
            told++;
        }
    }
    assert_int_equal(stage_records(&stage), 0);
    stage_block(&stage, 1, 0);
    assert_int_equal(stage.results.count, 0);
}

static void a_result_is_a_payload_of_its_own(void **state)
{
    uint8_t bytes[GOV_RESULT_BYTES_MAX];
    struct buffer out = buffer_make(bytes, sizeof(bytes));
    const struct gov_result result = {
        .pid = {9}, .state = PROPOSAL_STALE, .reason = E_STALE, .activates_at = U64_UNLIMITED};
    struct governance_payload payload;
    struct governance_result decoded;

    (void)state;
    gov_result_put(&result, &out);
    assert_int_equal(governance_payload_decode(buffer_bytes(&out), &payload), WIRE_OK);
    assert_int_equal(payload.type, GOV_RESULT);
    assert_int_equal(payload.sig.len, 0);
    assert_int_equal(governance_result_decode(payload.body, &decoded), WIRE_OK);
    assert_memory_equal(decoded.pid, result.pid, HASH_BYTES);
    assert_int_equal(decoded.state, PROPOSAL_STALE);
    assert_int_equal(decoded.reason, E_STALE);
    assert_int_equal(decoded.activates_at, U64_UNLIMITED);
    /* And nobody can order one. */
    assert_int_equal(stage_apply(&stage, GOV_RESULT, payload.body, BYTES_EMPTY), E_ACTION);
}

#define T(name) cmocka_unit_test_setup_teardown(name, case_setup_suspension, case_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(no_more_than_f_are_suspended),
        T(of_two_that_race_for_the_last_place_one_wins),
        T(to_restore_takes_more_votes_than_to_suspend),
        T(what_is_due_comes_by_pid_and_so_many_in_a_block),
        T(a_result_is_a_payload_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
