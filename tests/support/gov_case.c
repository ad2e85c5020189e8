#include "tests/support/gov_case.h"

#include "governance/epoch.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define RECORDS 1000

struct gov_stage stage;
struct gov_plan plan;
struct gov_plan other;
struct gov_rotation rotation;

int case_setup(void **state)
{
    (void)state;
    stage_open(&stage, 7, false, RECORDS);
    return 0;
}

int case_setup_locks(void **state)
{
    (void)state;
    stage_open(&stage, 7, true, RECORDS);
    return 0;
}

int case_setup_suspension(void **state)
{
    (void)case_setup_locks(state);
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 3);
    return 0;
}

int case_setup_rotation(void **state)
{
    (void)case_setup(state);
    rotation_init(&rotation, &stage, 2, "b");
    return 0;
}

int case_setup_rotation_locks(void **state)
{
    (void)case_setup_locks(state);
    rotation_init(&rotation, &stage, 2, "b");
    return 0;
}

int case_teardown(void **state)
{
    (void)state;
    stage_close(&stage);
    return 0;
}

enum result_code case_proposed(void)
{
    return stage_bundle(&stage, &plan, yes_of, 5);
}

void assert_case_takes(uint32_t votes)
{
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, votes - 1), RESULT_OK);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_vote(&stage, &plan, &yes_of[votes - 1]), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage_records(&stage), 0);
}

enum result_code case_rotated(void)
{
    stage_plan_rotation(&stage, &plan, &rotation);
    return stage_bundle(&stage, &plan, yes_of, 3);
}

enum result_code case_standing_moved(uint64_t action, uint64_t rid)
{
    stage_plan_replica(&stage, &other, action, rid);
    return stage_bundle(&stage, &other, yes_of, 3);
}

enum result_code case_renewed(void)
{
    stage_plan_renewal(&stage, &other);
    return stage_bundle(&stage, &other, yes_of, 3);
}

uint64_t case_key_standing(const char *name)
{
    uint8_t pk[PUBLIC_KEY_BYTES];

    gov_public_key(&sig_fast, name, pk);
    return stage_key_standing(&stage, pk);
}

void case_key_retired(const uint8_t pk[PUBLIC_KEY_BYTES], uint64_t role, const char *subject)
{
    const struct registry_row row = {role, bytes_of_text(subject), 0, STANDING_RETIRED};
    const struct state_key key = state_key_registry(pk);
    uint8_t bytes[128];
    struct buffer out = buffer_make(bytes, sizeof(bytes));

    CHECK(registry_row_encode(&row, &out));
    CHECK(state_put(stage.world.state, state_key_bytes(&key), buffer_bytes(&out)));
}

void assert_case_not_rotated(void)
{
    assert_int_equal(stage_boundary(&stage), NO_BOUNDARY);
    assert_false(epoch_moves(stage.world.state, SECTION_REPLICAS));
    assert_int_equal(stage_version(&stage, SECTION_REPLICAS), 1);
    assert_int_equal(stage_key_standing(&stage, rotation.keys[0]), 0);
}
