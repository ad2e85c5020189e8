/* Proposals that end an epoch: how many they take, when they hold, how they wait for each other. */
#include "governance/epoch.h"
#include "governance/motion.h"
#include "tests/support/gov_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct gov_plan third;

static void plan_three(void)
{
    stage_plan_renewal(&stage, &plan);
    stage_plan_renewal(&stage, &other);
    stage_plan_renewal(&stage, &third);
}

static int setup(void **state)
{
    (void)case_setup(state);
    plan_three();
    return 0;
}

static int setup_with_locks(void **state)
{
    (void)case_setup_locks(state);
    plan_three();
    return 0;
}

static uint64_t first_activates_at(void)
{
    assert_true(stage.results.count >= 1);
    return stage.results.list[0].activates_at;
}

static void assert_waits_until(const struct gov_plan *waiting, uint64_t height)
{
    struct proposal_record record;

    assert_int_equal(stage_record(&stage, waiting, &record), PROPOSAL_LOCKED);
    assert_int_equal(record.until_height, height);
}

/* --- One ------------------------------------------------------------------------------------- */

static void an_epoch_is_renewed_by_as_many_as_operate(void **state)
{
    uint8_t hash[HASH_BYTES];

    (void)state;
    memcpy(hash, stage.world.rights.config_hash, HASH_BYTES);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), RESULT_OK);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_boundary(&stage), NO_BOUNDARY);
    assert_int_equal(stage_yes(&stage, &plan, "m3"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(first_activates_at(), 385);
    assert_int_equal(stage_boundary(&stage), 384);
    assert_int_equal(stage_epoch(&stage), 0);
    stage_block(&stage, 374, 0);
    assert_int_equal(stage.height, 384);
    assert_int_equal(stage_epoch(&stage), 0);
    stage_block(&stage, 1, 0);
    assert_int_equal(stage_epoch(&stage), 1);
    assert_int_equal(stage_boundary(&stage), NO_BOUNDARY);
    assert_memory_equal(hash, stage.world.rights.config_hash, HASH_BYTES);
}

static void its_boundary_follows_from_the_parameters(void **state)
{
    (void)state;
    stage.fixture.params[0] = (struct param_row){PARAM_CHECKPOINT_INTERVAL, 16};
    stage.fixture.params[1] = (struct param_row){PARAM_WINDOW, 48};
    stage.fixture.param_count = 2;
    stage_close(&stage);
    gov_world_open(&stage.world, &stage.fixture, 1000);
    stage_plan_renewal(&stage, &plan);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_int_equal(first_activates_at(), 65);
    assert_int_equal(stage_boundary(&stage), 64);
}

static void no_epoch_ends_beyond_the_last_height(void **state)
{
    (void)state;
    stage.height = U64_UNLIMITED - 300;
    assert_int_equal(stage_propose(&stage, &plan), E_BOUNDS);
    stage.height = U64_UNLIMITED - 128 - 256;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
}

static void a_renewal_comes_once(void **state)
{
    (void)state;
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), E_SEEN);
    gov_retire(stage.world.state, stage.time_ms);
    stage_block(&stage, 375, 0);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), E_SEEN);
    stage.time_ms = plan.body.deadline_ms;
    gov_retire(stage.world.state, stage.time_ms);
    assert_int_equal(stage_records(&stage), 0);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), E_DEADLINE);
    assert_int_equal(stage_epoch(&stage), 1);
    assert_int_equal(stage_boundary(&stage), NO_BOUNDARY);
}

/* --- Two ------------------------------------------------------------------------------------- */

static void a_second_one_waits_and_gets_a_boundary_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 3), RESULT_OK);
    assert_true(stage_told(&stage, &other, PROPOSAL_LOCKED, RESULT_OK));
    assert_int_equal(first_activates_at(), 385);
    assert_waits_until(&other, 385);
    for (uint32_t i = 0; i < 374; i++) {
        stage_block(&stage, 1, 0);
        assert_int_equal(stage.results.count, 0);
    }
    assert_int_equal(stage_boundary(&stage), 384);
    stage_block(&stage, 1, 0);
    assert_true(stage_told(&stage, &other, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage_epoch(&stage), 1);
    assert_int_equal(stage_boundary(&stage), 768); /* 385 + 256, up to the next multiple of 128 */
    assert_int_equal(first_activates_at(), 769);
    stage_block(&stage, 384, 0);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_epoch(&stage), 2);
}

/* A ballot, not a bundle, may be what comes too late. */
static void one_that_was_open_waits_too(void **state)
{
    (void)state;
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 2), RESULT_OK);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &other, "m5"), RESULT_OK);
    assert_true(stage_told(&stage, &other, PROPOSAL_LOCKED, RESULT_OK));
    assert_waits_until(&other, 385);
    assert_int_equal(stage_boundary(&stage), 384);
}

/* Of those that are due at once the first has its way, and the rest wait once more. */
static void of_those_that_wait_one_is_done_and_the_others_wait_again(void **state)
{
    const struct gov_plan *first = &other;
    const struct gov_plan *second = &third;

    (void)state;
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_bundle(&stage, &third, yes_of, 3), RESULT_OK);
    if (memcmp(other.pid, third.pid, HASH_BYTES) > 0) {
        first = &third;
        second = &other;
    }
    stage_block(&stage, 375, 0);
    assert_int_equal(stage.results.count, 2);
    assert_memory_equal(stage.results.list[0].pid, first->pid, HASH_BYTES);
    assert_int_equal(stage.results.list[0].state, PROPOSAL_ENACTED);
    assert_memory_equal(stage.results.list[1].pid, second->pid, HASH_BYTES);
    assert_int_equal(stage.results.list[1].state, PROPOSAL_LOCKED);
    assert_int_equal(stage.results.list[1].reason, RESULT_OK);
    assert_int_equal(stage.results.list[1].activates_at, 769);
    assert_waits_until(second, 769);
    stage_block(&stage, 1, 0);
    assert_int_equal(stage.results.count, 0);
    stage_block(&stage, 383, 0);
    assert_true(stage_told(&stage, second, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage_epoch(&stage), 2);
}

static void what_ends_no_epoch_does_not_wait(void **state)
{
    const struct args_freeze args = {bytes_of_text("pay"), stage.time_ms + STAGE_DAY};

    (void)state;
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    stage_plan(&stage, &other, ACTION_FREEZE, SECTION_PARAMS, &schema_args_freeze, &args);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 2), RESULT_OK);
    assert_true(stage_told(&stage, &other, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(first_activates_at(), 10);
    assert_int_equal(stage_version(&stage, SECTION_PARAMS), 2);
    stage_block(&stage, 375, 0);
    assert_int_equal(stage_version(&stage, SECTION_PARAMS), 2);
}

/* --- With locks ------------------------------------------------------------------------------ */

static void a_lock_that_ends_behind_the_boundary_is_not_prolonged(void **state)
{
    (void)state;
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_LOCKED, RESULT_OK));
    assert_int_equal(first_activates_at(), 10 + 512);
    stage_block(&stage, 512, STAGE_HOUR);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage_boundary(&stage), 896);
    stage_plan_renewal(&stage, &other);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 3), RESULT_OK);
    assert_int_equal(first_activates_at(), 522 + 512);
    assert_waits_until(&other, 522 + 512);
}

/* Both locks end in one block: the later pid waits, is told so once, and is then done. */
static void what_is_locked_when_a_boundary_comes_waits_for_it(void **state)
{
    struct gov_plan *first = &plan;
    struct gov_plan *second = &other;

    (void)state;
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 3), RESULT_OK);
    if (memcmp(plan.pid, other.pid, HASH_BYTES) > 0) {
        first = &other;
        second = &plan;
    }
    stage_block(&stage, 512, STAGE_HOUR);
    assert_int_equal(stage.results.count, 2);
    assert_memory_equal(stage.results.list[0].pid, first->pid, HASH_BYTES);
    assert_int_equal(stage.results.list[0].state, PROPOSAL_ENACTED);
    assert_int_equal(stage.results.list[1].state, PROPOSAL_LOCKED);
    assert_int_equal(stage.results.list[1].activates_at, 897);
    stage_block(&stage, 374, 0);
    assert_int_equal(stage.results.count, 0);
    stage_block(&stage, 1, 0);
    assert_true(stage_told(&stage, second, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage_epoch(&stage), 1);
}

static void a_dispute_that_runs_out_before_a_boundary_has_lapsed(void **state)
{
    static struct gov_plan later;
    struct proposal_record record;

    (void)state;
    /* m4's dispute stops `other`, so that both end together. */
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 3), RESULT_OK);
    stage_block(&stage, 1, 0);
    assert_int_equal(stage_dispute(&stage, &other, "m4", "m4"), RESULT_OK);
    stage_block(&stage, 500, STAGE_HOUR - 2);
    stage_plan_renewal(&stage, &plan);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    epoch_end_at(stage.world.state, 896); /* as if another had come before both */
    stage_block(&stage, 12, 2);
    assert_true(stage_told(&stage, &other, PROPOSAL_LOCKED, RESULT_OK));
    assert_int_equal(first_activates_at(), 897);
    assert_int_equal(stage_record(&stage, &other, &record), PROPOSAL_LOCKED);
    assert_int_equal(record.disputes.count, 0);
    assert_int_equal(record.extended, 1);
    /* The disputer is barred, and nobody disputes it twice. */
    stage_plan_renewal(&stage, &later);
    assert_int_equal(stage_bundle(&stage, &later, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_dispute(&stage, &later, "m4", "m4"), E_DISPUTE);
    assert_int_equal(stage_dispute(&stage, &other, "m5", "m5"), E_DISPUTE);
    assert_int_equal(stage_dispute(&stage, &later, "m5", "m5"), RESULT_OK);
}

static void what_waits_can_be_disputed_and_cancelled(void **state)
{
    struct proposal_record record;

    (void)state;
    epoch_end_at(stage.world.state, 384);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    assert_int_equal(stage_record(&stage, &plan, &record), PROPOSAL_DISPUTED);
    assert_int_equal(stage_dispute(&stage, &plan, "m5", "m5"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_CANCELLED, E_DISPUTE));
    stage_block(&stage, 600, STAGE_HOUR);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_boundary(&stage), NO_BOUNDARY);
    assert_int_equal(stage_epoch(&stage), 1);
}

/* Without locks a dispute makes it wait as long as the boundary takes. */
static void a_dispute_without_locks_still_waits_for_the_boundary(void **state)
{
    struct proposal_record record;

    (void)state;
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    assert_int_equal(stage_record(&stage, &plan, &record), PROPOSAL_DISPUTED);
    assert_int_equal(record.until_height, 385);
    stage_block(&stage, 374, 0);
    assert_int_equal(stage.results.count, 0);
    stage_block(&stage, 1, 0);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
}

static void what_cannot_be_written_down_does_not_wait(void **state)
{
    (void)state;
    /* The height that it would wait for takes more bytes than the one of its lock. */
    stage.height = 100;
    stage.time_ms += 1;
    plan.body.not_before_ms = stage.time_ms + 1000;
    stage_plan_renewal(&stage, &other);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_LOCKED, RESULT_OK));
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 3), RESULT_OK);
    assert_true(stage_told(&stage, &other, PROPOSAL_ENACTED, RESULT_OK));
    stage_fill_bytes(&stage);
    stage_block(&stage, 1, 1000);
    assert_true(stage_told(&stage, &plan, PROPOSAL_CANCELLED, E_CAPACITY));
    assert_int_equal(stage_record(&stage, &plan, NULL), PROPOSAL_CANCELLED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, case_teardown)
#define LOCKED(name) cmocka_unit_test_setup_teardown(name, setup_with_locks, case_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_epoch_is_renewed_by_as_many_as_operate),
        T(its_boundary_follows_from_the_parameters),
        T(no_epoch_ends_beyond_the_last_height),
        T(a_renewal_comes_once),
        T(a_second_one_waits_and_gets_a_boundary_of_its_own),
        T(one_that_was_open_waits_too),
        T(of_those_that_wait_one_is_done_and_the_others_wait_again),
        T(what_ends_no_epoch_does_not_wait),
        LOCKED(a_lock_that_ends_behind_the_boundary_is_not_prolonged),
        LOCKED(what_is_locked_when_a_boundary_comes_waits_for_it),
        LOCKED(a_dispute_that_runs_out_before_a_boundary_has_lapsed),
        LOCKED(what_waits_can_be_disputed_and_cancelled),
        T(a_dispute_without_locks_still_waits_for_the_boundary),
        T(what_cannot_be_written_down_does_not_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
