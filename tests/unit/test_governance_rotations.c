/* New keys of a replica and what else happens meanwhile: other proposals that end an epoch,
 * disputes, suspensions, a state that is full. */
#include "governance/epoch.h"
#include "governance/motion.h"
#include "tests/support/gov_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* --- Twice, and too late --------------------------------------------------------------------- */

static void a_second_rotation_within_one_boundary_is_stale_behind_it(void **state)
{
    struct gov_rotation second;

    (void)state;
    assert_int_equal(case_rotated(), RESULT_OK);
    rotation_init(&second, &stage, 3, "b");
    stage_plan_rotation(&stage, &other, &second);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 3), RESULT_OK);
    assert_true(stage_told(&stage, &other, PROPOSAL_LOCKED, RESULT_OK));
    assert_int_equal(stage.results.list[0].activates_at, 385);
    stage_block(&stage, 375, 0);
    assert_true(stage_told(&stage, &other, PROPOSAL_STALE, E_STALE));
    assert_int_equal(stage_boundary(&stage), NO_BOUNDARY);
    assert_int_equal(stage_key_standing(&stage, second.keys[0]), 0);
    assert_int_equal(case_key_standing("r3"), STANDING_ACTIVE);
    /* For the new section it may come again. */
    stage_plan_rotation(&stage, &other, &second);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 3), RESULT_OK);
    assert_int_equal(stage_boundary(&stage), 768);
}

static void a_rotation_that_waits_for_a_renewal_is_judged_anew_behind_it(void **state)
{
    (void)state;
    assert_int_equal(case_renewed(), RESULT_OK);
    assert_int_equal(case_rotated(), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_LOCKED, RESULT_OK));
    assert_int_equal(stage_key_standing(&stage, rotation.keys[0]), 0);
    case_key_retired(rotation.keys[2], ROLE_MEMBER, "m9");
    stage_block(&stage, 375, 0);
    assert_true(stage_told(&stage, &plan, PROPOSAL_CANCELLED, E_KEY));
    assert_int_equal(stage_boundary(&stage), NO_BOUNDARY);
    rotation_init(&rotation, &stage, 2, "c");
    assert_int_equal(case_renewed(), RESULT_OK);
    assert_int_equal(case_rotated(), RESULT_OK);
    stage_block(&stage, 384, 0);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    stage_block(&stage, 384, 0);
    assert_memory_equal(stage_keys(&stage, 2).sign_pk, rotation.keys[0], PUBLIC_KEY_BYTES);
    assert_int_equal(stage_epoch(&stage), 3);
}

static void a_rotation_comes_once(void **state)
{
    (void)state;
    assert_int_equal(case_rotated(), RESULT_OK);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), E_SEEN);
    gov_retire(stage.world.state, stage.time_ms);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), E_SEEN);
    assert_int_equal(stage_yes(&stage, &plan, "m4"), E_CLOSED);
    stage_block(&stage, 375, 0);
    gov_retire(stage.world.state, stage.time_ms);
    assert_int_equal(stage_records(&stage), 0);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), E_STALE);
    /* Nor do the keys come again under another proposal. */
    assert_int_equal(case_rotated(), E_KEY);
    rotation_init(&rotation, &stage, 2, "c");
    memcpy(rotation.old_signer, stage_keys(&stage, 2).sign_pk, PUBLIC_KEY_BYTES);
    assert_int_equal(case_rotated(), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
}

static void a_rotation_can_be_disputed_and_cancelled(void **state)
{
    (void)state;
    assert_int_equal(case_rotated(), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_LOCKED, RESULT_OK));
    assert_case_not_rotated();
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    assert_int_equal(stage_dispute(&stage, &plan, "m5", "m5"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_CANCELLED, E_DISPUTE));
    stage_block(&stage, 600, STAGE_HOUR);
    assert_case_not_rotated();
    /* Nobody's keys were spent: the same ones may come again. */
    assert_int_equal(case_rotated(), RESULT_OK);
    stage_block(&stage, 512, STAGE_HOUR);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage.results.list[0].activates_at, stage_boundary(&stage) + 1);
}

/* What is done while the rotation is locked moves the section, and it was for another. */
static void a_suspension_before_it_is_enacted_makes_it_stale(void **state)
{
    (void)state;
    assert_int_equal(case_rotated(), RESULT_OK);
    assert_int_equal(case_standing_moved(ACTION_REPLICA_SUSPEND, 3), RESULT_OK);
    stage_block(&stage, 1, 0);
    assert_true(stage_told(&stage, &plan, PROPOSAL_STALE, E_STALE));
    assert_int_equal(stage_boundary(&stage), NO_BOUNDARY);
}

/* --- Suspensions before the boundary --------------------------------------------------------- */

static void who_is_suspended_before_the_boundary_is_so_behind_it(void **state)
{
    (void)state;
    assert_int_equal(case_rotated(), RESULT_OK);
    assert_int_equal(case_standing_moved(ACTION_REPLICA_SUSPEND, 2), RESULT_OK);
    assert_true(stage_told(&stage, &other, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage.results.list[0].activates_at, 10);
    assert_int_equal(case_standing_moved(ACTION_REPLICA_SUSPEND, 5), RESULT_OK);
    assert_int_equal(stage_version(&stage, SECTION_REPLICAS), 3);
    assert_int_equal(stage_replica(&stage, 2), STANDING_SUSPENDED);
    assert_int_equal(stage_next_keys(&stage, 2).standing, STANDING_SUSPENDED);
    assert_memory_equal(stage_keys(&stage, 2).sign_pk, rotation.old_signer, PUBLIC_KEY_BYTES);
    assert_memory_equal(stage_next_keys(&stage, 2).sign_pk, rotation.keys[0], PUBLIC_KEY_BYTES);
    assert_int_equal(case_standing_moved(ACTION_REPLICA_RESTORE, 5), RESULT_OK);
    stage_block(&stage, 375, 0);
    assert_int_equal(stage_version(&stage, SECTION_REPLICAS), 5);
    assert_int_equal(stage_replica(&stage, 2), STANDING_SUSPENDED);
    assert_int_equal(stage_replica(&stage, 5), STANDING_ACTIVE);
    assert_memory_equal(stage_keys(&stage, 2).sign_pk, rotation.keys[0], PUBLIC_KEY_BYTES);
}

static void no_more_than_f_are_suspended_before_and_behind_it(void **state)
{
    struct section_record record;
    struct replicas_section section;
    uint8_t bytes[8192];
    struct buffer body = buffer_make(bytes, sizeof(bytes));

    (void)state;
    assert_int_equal(case_rotated(), RESULT_OK);
    assert_int_equal(case_standing_moved(ACTION_REPLICA_SUSPEND, 0), RESULT_OK);
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 1);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(case_standing_moved(ACTION_REPLICA_SUSPEND, 1), RESULT_OK);
    assert_int_equal(case_standing_moved(ACTION_REPLICA_SUSPEND, 2), E_PREDICATE);
    assert_int_equal(case_standing_moved(ACTION_REPLICA_RESTORE, 1), RESULT_OK);
    /* The next epoch tolerates fewer than this one. */
    assert_true(epoch_next_section(stage.world.state, SECTION_REPLICAS, &record));
    assert_int_equal(replicas_section_decode(record.body, &section), WIRE_OK);
    section.f = 1;
    assert_true(replicas_section_encode(&section, &body));
    assert_true(epoch_set_next(stage.world.state, SECTION_REPLICAS, buffer_bytes(&body)));
    assert_int_equal(case_standing_moved(ACTION_REPLICA_SUSPEND, 1), E_PREDICATE);
    assert_int_equal(case_standing_moved(ACTION_REPLICA_RESTORE, 0), RESULT_OK);
    assert_int_equal(case_standing_moved(ACTION_REPLICA_SUSPEND, 1), RESULT_OK);
    stage_block(&stage, 375, 0);
    assert_int_equal(stage_replica(&stage, 0), STANDING_ACTIVE);
    assert_int_equal(stage_replica(&stage, 1), STANDING_SUSPENDED);
}

static void a_suspension_moves_both_epochs_or_none(void **state)
{
    (void)state;
    assert_int_equal(case_rotated(), RESULT_OK);
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 3);
    assert_int_equal(stage_propose(&stage, &other), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &other, "m1"), RESULT_OK);
    stage_fill_bytes(&stage);
    assert_int_equal(stage_yes(&stage, &other, "m2"), RESULT_OK);
    assert_true(stage_told(&stage, &other, PROPOSAL_CANCELLED, E_CAPACITY));
    assert_int_equal(stage_version(&stage, SECTION_REPLICAS), 1);
    assert_int_equal(stage_replica(&stage, 3), STANDING_ACTIVE);
    assert_int_equal(stage_next_keys(&stage, 3).standing, STANDING_ACTIVE);
    /* As much as two versions could grow by. */
    stage_leave_bytes(&stage, 2000);
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 3);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 2), RESULT_OK);
    assert_int_equal(stage_next_keys(&stage, 3).standing, STANDING_SUSPENDED);
    assert_int_equal(stage_replica(&stage, 3), STANDING_SUSPENDED);
}

/* --- Room ------------------------------------------------------------------------------------ */

static void a_rotation_without_room_is_none(void **state)
{
    (void)state;
    stage_plan_rotation(&stage, &plan, &rotation);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m1"), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), RESULT_OK);
    stage_fill_bytes(&stage);
    assert_int_equal(stage_yes(&stage, &plan, "m3"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_CANCELLED, E_CAPACITY));
    assert_case_not_rotated();
}

static void records_are_kept_free_for_it(void **state)
{
    (void)state;
    stage_plan_rotation(&stage, &plan, &rotation);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m1"), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), RESULT_OK);
    stage_fill_records(&stage, RECORDS_FREE_MIN - 1);
    assert_int_equal(stage_yes(&stage, &plan, "m3"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_CANCELLED, E_CAPACITY));
    assert_case_not_rotated();
}

#define T(name) cmocka_unit_test_setup_teardown(name, case_setup_rotation, case_teardown)
#define LOCKED(name) cmocka_unit_test_setup_teardown(name, case_setup_rotation_locks, case_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_second_rotation_within_one_boundary_is_stale_behind_it),
        T(a_rotation_that_waits_for_a_renewal_is_judged_anew_behind_it),
        T(a_rotation_comes_once),
        LOCKED(a_rotation_can_be_disputed_and_cancelled),
        LOCKED(a_suspension_before_it_is_enacted_makes_it_stale),
        T(who_is_suspended_before_the_boundary_is_so_behind_it),
        T(no_more_than_f_are_suspended_before_and_behind_it),
        T(a_suspension_moves_both_epochs_or_none),
        T(a_rotation_without_room_is_none),
        T(records_are_kept_free_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
