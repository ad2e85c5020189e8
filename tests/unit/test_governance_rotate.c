/* New keys of a replica: what is asked of them, and when they act. */
#include "crypto/hash.h"
#include "governance/epoch.h"
#include "governance/motion.h"
#include "tests/support/gov_case.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

static void key_of(const char *name, uint8_t out[PUBLIC_KEY_BYTES])
{
    gov_public_key(&sig_fast, name, out);
}

/* --- A good one ------------------------------------------------------------------------------ */

static void new_keys_take_as_many_votes_as_operate_and_act_behind_the_boundary(void **state)
{
    uint8_t hash[HASH_BYTES];

    (void)state;
    memcpy(hash, stage.world.rights.config_hash, HASH_BYTES);
    stage_plan_rotation(&stage, &plan, &rotation);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), RESULT_OK);
    assert_case_not_rotated();
    assert_int_equal(stage_yes(&stage, &plan, "m4"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage.results.list[0].activates_at, 385);
    assert_int_equal(stage_boundary(&stage), 384);
    assert_memory_equal(hash, stage.world.rights.config_hash, HASH_BYTES);
    assert_int_equal(stage_version(&stage, SECTION_REPLICAS), 1);

    const struct roster_member old = stage_keys(&stage, 2);

    assert_memory_equal(old.sign_pk, rotation.old_signer, PUBLIC_KEY_BYTES);
    stage_block(&stage, 374, 0);
    assert_memory_equal(stage_keys(&stage, 2).sign_pk, old.sign_pk, PUBLIC_KEY_BYTES);
    stage_block(&stage, 1, 0);

    const struct roster_member new = stage_keys(&stage, 2);

    assert_memory_equal(new.sign_pk, rotation.keys[0], PUBLIC_KEY_BYTES);
    assert_memory_equal(new.cosign_pk, rotation.keys[1], PUBLIC_KEY_BYTES);
    assert_memory_equal(new.transport_pk, rotation.keys[2], PUBLIC_KEY_BYTES);
    assert_int_equal(new.standing, STANDING_ACTIVE);
    assert_int_equal(stage_version(&stage, SECTION_REPLICAS), 2);
    assert_int_equal(stage_epoch(&stage), 1);
    assert_memory_not_equal(hash, stage.world.rights.config_hash, HASH_BYTES);
}

static void nobody_elses_keys_move(void **state)
{
    struct roster before;
    struct roster after;

    (void)state;
    assert_true(roster_load(stage.world.state, &before));
    assert_int_equal(case_rotated(), RESULT_OK);
    stage_block(&stage, 375, 0);
    assert_true(roster_load(stage.world.state, &after));
    assert_int_equal(after.n, 7);
    assert_int_equal(after.f, before.f);
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(
            memcmp(&before.members[i], &after.members[i], sizeof(after.members[i])) == 0, i != 2);
    }
}

static void the_registry_has_them_at_once_and_the_old_ones_for_ever(void **state)
{
    static const uint64_t roles[] = {ROLE_REPLICA, ROLE_COSIGN, ROLE_TRANSPORT};
    static const char *const old_keys[] = {"r2", "r2 cosign", "r2 transport"};
    struct registry_row row;

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(stage_key_standing(&stage, rotation.keys[i]), 0);
    }
    assert_int_equal(case_rotated(), RESULT_OK);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(registry_find(stage.world.state, rotation.keys[i], &row));
        assert_int_equal(row.role, roles[i]);
        assert_true(bytes_equal(row.subject, bytes_of_text("r2")));
        assert_int_equal(row.since_height, 385);
        assert_int_equal(row.standing, STANDING_SUSPENDED);
        assert_int_equal(case_key_standing(old_keys[i]), STANDING_ACTIVE);
    }
    stage_block(&stage, 375, 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(stage_key_standing(&stage, rotation.keys[i]), STANDING_ACTIVE);
        assert_int_equal(case_key_standing(old_keys[i]), STANDING_RETIRED);
    }
    assert_int_equal(case_key_standing("r3"), STANDING_ACTIVE);
}

static void a_key_that_is_lost_need_not_agree(void **state)
{
    (void)state;
    rotation.old_signs = false;
    assert_int_equal(case_rotated(), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
}

static void a_suspended_replica_stays_so_with_new_keys(void **state)
{
    (void)state;
    assert_int_equal(case_standing_moved(ACTION_REPLICA_SUSPEND, 2), RESULT_OK);
    assert_int_equal(case_rotated(), RESULT_OK);
    assert_int_equal(stage_next_keys(&stage, 2).standing, STANDING_SUSPENDED);
    stage_block(&stage, 375, 0);
    assert_int_equal(stage_replica(&stage, 2), STANDING_SUSPENDED);
    assert_memory_equal(stage_keys(&stage, 2).sign_pk, rotation.keys[0], PUBLIC_KEY_BYTES);
}

/* --- What is refused ------------------------------------------------------------------------- */

static void only_a_replica_of_the_epoch_gets_new_keys(void **state)
{
    (void)state;
    rotation_init(&rotation, &stage, 7, "b");
    assert_int_equal(case_rotated(), E_PREDICATE);
    rotation_init(&rotation, &stage, 6, "b");
    rotation.rid = REPLICA_ID_MAX;
    assert_int_equal(case_rotated(), E_PREDICATE);
    assert_case_not_rotated();
}

static void the_card_is_of_that_replica_and_those_keys(void **state)
{
    const struct gov_rotation good = rotation;
    uint8_t spare[PUBLIC_KEY_BYTES];

    (void)state;
    rotation.card = bytes_of_text("no card");
    assert_int_equal(case_rotated(), E_ENCODING);
    rotation = good;
    rotation.role = ROLE_ISSUER;
    assert_int_equal(case_rotated(), E_PREDICATE);
    rotation = good;
    rotation.subject = "r3";
    assert_int_equal(case_rotated(), E_PREDICATE);
    rotation = good;
    rotation.card_key_count = 2;
    assert_int_equal(case_rotated(), E_PREDICATE);
    rotation.card_key_count = 4;
    memcpy(rotation.card_keys[3], good.keys[2], PUBLIC_KEY_BYTES);
    assert_int_equal(case_rotated(), E_PREDICATE);
    for (uint32_t i = 0; i < 3; i++) { /* a key that is not on it */
        rotation = good;
        key_of("another", spare);
        memcpy(rotation.keys[i], spare, PUBLIC_KEY_BYTES);
        assert_int_equal(case_rotated(), E_PREDICATE);
    }
    rotation = good; /* the right ones in another order */
    memcpy(rotation.card_keys[0], good.keys[1], PUBLIC_KEY_BYTES);
    memcpy(rotation.card_keys[1], good.keys[0], PUBLIC_KEY_BYTES);
    assert_int_equal(case_rotated(), E_PREDICATE);
    assert_case_not_rotated();
}

static void every_new_key_signs_it(void **state)
{
    const struct gov_rotation good = rotation;

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        rotation = good;
        memcpy(rotation.signers[i], good.keys[(i + 1) % 3], PUBLIC_KEY_BYTES);
        assert_int_equal(case_rotated(), E_SIG);
    }
    rotation = good;
    rotation.sig_count = 2;
    assert_int_equal(case_rotated(), E_SIG);
    rotation.sig_count = 4;
    memcpy(rotation.signers[3], good.keys[0], PUBLIC_KEY_BYTES);
    assert_int_equal(case_rotated(), E_SIG);
    rotation = good;
    rotation.tag = TAG_KEY_ROTATE;
    assert_int_equal(case_rotated(), E_SIG);
    rotation = good; /* as before genesis */
    memset(rotation.cluster_id, 0, HASH_BYTES);
    assert_int_equal(case_rotated(), E_SIG);
    assert_case_not_rotated();
}

static void where_the_old_key_signs_it_is_that_key(void **state)
{
    static const char *const wrong[] = {"r2 cosign", "r3", "r2 b", "m1"};

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        key_of(wrong[i], rotation.old_signer);
        assert_int_equal(case_rotated(), E_SIG);
    }
    assert_case_not_rotated();
    key_of("r2", rotation.old_signer);
    assert_int_equal(case_rotated(), RESULT_OK);
}

static void the_new_keys_are_usable_and_three(void **state)
{
    static const uint8_t not_a_point[PUBLIC_KEY_BYTES];
    const struct gov_rotation good = rotation;

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        rotation = good;
        rotation_key(&rotation, i, not_a_point);
        assert_int_equal(case_rotated(), E_KEY);
        rotation = good;
        rotation_key(&rotation, i, good.keys[(i + 1) % 3]);
        assert_int_equal(case_rotated(), E_KEY);
    }
    rotation = good;
    assert_case_not_rotated();
}

static void a_key_is_registered_once_ever_in_one_role(void **state)
{
    static const char *const registered[] = {"r2",           "r2 cosign", "r3", "r4 cosign",
                                             "r2 transport", "m1",        "h1", "i1 0"};
    const struct gov_rotation good = rotation;
    uint8_t pk[PUBLIC_KEY_BYTES];

    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        rotation = good;
        key_of(registered[i], pk);
        rotation_key(&rotation, i % 3, pk);
        assert_int_equal(case_rotated(), E_KEY);
    }
    rotation = good;
    assert_case_not_rotated();
}

/* Neither those that wait for their boundary, nor those that were replaced. */
static void keys_that_come_or_went_are_registered_too(void **state)
{
    struct gov_rotation again;
    uint8_t pk[PUBLIC_KEY_BYTES];

    (void)state;
    assert_int_equal(case_rotated(), RESULT_OK);
    rotation_init(&again, &stage, 3, "b");
    rotation_key(&again, 1, rotation.keys[1]);
    stage_plan_rotation(&stage, &other, &again);
    assert_int_equal(stage_propose(&stage, &other), E_KEY);
    stage_block(&stage, 375, 0);
    key_of("r2 transport", pk);
    rotation_init(&again, &stage, 3, "b");
    rotation_key(&again, 2, pk);
    stage_plan_rotation(&stage, &other, &again);
    assert_int_equal(stage_propose(&stage, &other), E_KEY);
    rotation_init(&again, &stage, 3, "b");
    stage_plan_rotation(&stage, &other, &again);
    assert_int_equal(stage_propose(&stage, &other), RESULT_OK);
}

static void it_is_for_the_replicas_as_they_are(void **state)
{
    const struct read_version members_only[] = {{SECTION_MEMBERS, 1}};
    const struct read_version older[] = {{SECTION_MEMBERS, 1}, {SECTION_REPLICAS, 0}};

    (void)state;
    stage_plan_rotation(&stage, &plan, &rotation);
    stage_plan_reads(&plan, members_only, 1);
    assert_int_equal(stage_propose(&stage, &plan), E_STALE);
    stage_plan_reads(&plan, older, 2);
    assert_int_equal(stage_propose(&stage, &plan), E_STALE);
}

/* Where nobody says what the log's checkpoints are called, key ids cannot be told apart. */
static void without_an_origin_no_keys_are_rotated(void **state)
{
    const struct origin origin = stage.origin;

    (void)state;
    stage.origin.len = 0;
    assert_int_equal(case_rotated(), E_ACTION);
    stage.origin = origin;
    assert_int_equal(case_rotated(), RESULT_OK);
}

static void no_epoch_ends_beyond_the_last_height(void **state)
{
    (void)state;
    stage.height = U64_UNLIMITED - 300;
    assert_int_equal(case_rotated(), E_BOUNDS);
}

/* --- Key ids --------------------------------------------------------------------------------- */

#define TRIES 300000

struct
try {
    uint8_t id[NOTE_KEY_ID_BYTES];
    uint32_t number;
};

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, NOTE_KEY_ID_BYTES);
}

static void key_make(uint32_t number, uint8_t out[PUBLIC_KEY_BYTES])
{
    memset(out, 5, PUBLIC_KEY_BYTES);
    memcpy(out, &number, sizeof(number));
}

/* Two keys that four bytes do not tell apart under that name. */
static void twins_find(enum note_key_type type, uint32_t rid, uint8_t a[PUBLIC_KEY_BYTES],
                       uint8_t b[PUBLIC_KEY_BYTES])
{
    static struct try tries[TRIES];
    uint8_t bytes[NOTE_KEY_NAME_MAX];
    struct buffer name = buffer_make(bytes, sizeof(bytes));

    note_key_name_put(&name, origin_bytes(&stage.origin), type, rid);
    for (uint32_t i = 0; i < TRIES; i++) {
        uint8_t pk[PUBLIC_KEY_BYTES];

        key_make(i, pk);
        note_key_id(buffer_bytes(&name), type, pk, tries[i].id);
        tries[i].number = i;
    }
    qsort(tries, TRIES, sizeof(tries[0]), by_id);
    for (uint32_t i = 1; i < TRIES; i++) {
        if (memcmp(tries[i - 1].id, tries[i].id, NOTE_KEY_ID_BYTES) == 0) {
            key_make(tries[i - 1].number, a);
            key_make(tries[i].number, b);
            return;
        }
    }
    fail();
}

static void sign_keys_of_all_replicas_differ_in_four_bytes(void **state)
{
    uint8_t a[PUBLIC_KEY_BYTES];
    uint8_t b[PUBLIC_KEY_BYTES];

    (void)state;
    twins_find(NOTE_SIGN, 0, a, b);
    rotation_key(&rotation, 0, a);
    stage_plan_rotation(&stage, &plan, &rotation);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    case_key_retired(b, ROLE_COSIGN, "r5"); /* under another name */
    stage_plan_rotation(&stage, &plan, &rotation);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    case_key_retired(b, ROLE_REPLICA, "r5");
    assert_int_equal(case_rotated(), E_KEY);
}

static void cosign_keys_of_one_replica_differ_in_four_bytes(void **state)
{
    uint8_t a[PUBLIC_KEY_BYTES];
    uint8_t b[PUBLIC_KEY_BYTES];

    (void)state;
    twins_find(NOTE_COSIGN, 2, a, b);
    rotation_key(&rotation, 1, a);
    case_key_retired(b, ROLE_TRANSPORT, "r2");
    stage_plan_rotation(&stage, &plan, &rotation);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    case_key_retired(b, ROLE_COSIGN, "r5"); /* under another name */
    stage_plan_rotation(&stage, &plan, &rotation);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    case_key_retired(b, ROLE_COSIGN, "r2");
    assert_int_equal(case_rotated(), E_KEY);
}

#define T(name) cmocka_unit_test_setup_teardown(name, case_setup_rotation, case_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(new_keys_take_as_many_votes_as_operate_and_act_behind_the_boundary),
        T(nobody_elses_keys_move),
        T(the_registry_has_them_at_once_and_the_old_ones_for_ever),
        T(a_key_that_is_lost_need_not_agree),
        T(a_suspended_replica_stays_so_with_new_keys),
        T(only_a_replica_of_the_epoch_gets_new_keys),
        T(the_card_is_of_that_replica_and_those_keys),
        T(every_new_key_signs_it),
        T(where_the_old_key_signs_it_is_that_key),
        T(the_new_keys_are_usable_and_three),
        T(a_key_is_registered_once_ever_in_one_role),
        T(keys_that_come_or_went_are_registered_too),
        T(it_is_for_the_replicas_as_they_are),
        T(without_an_origin_no_keys_are_rotated),
        T(no_epoch_ends_beyond_the_last_height),
        T(sign_keys_of_all_replicas_differ_in_four_bytes),
        T(cosign_keys_of_one_replica_differ_in_four_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
