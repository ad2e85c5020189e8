#include "crypto/note.h"
#include "governance/records.h"
#include "governance/roster.h"
#include "tests/support/gov_fixture.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct gov_fixture fixture;
static struct gov_world world;
static struct roster roster;

static void two_quorums_share_a_correct_replica_and_are_within_reach(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= REPLICAS_MAX; n++) {
        for (uint32_t f = 0; 3 * f + 1 <= n; f++) {
            const uint32_t q = quorum_size(n, f);

            assert_true(2 * q >= n + f + 1);
            assert_true(2 * (q - 1) < n + f + 1);
            assert_true(q <= n - f);
        }
    }
    assert_int_equal(quorum_size(4, 1), 3);
    assert_int_equal(quorum_size(5, 1), 4);
    assert_int_equal(quorum_size(6, 1), 4);
    assert_int_equal(quorum_size(7, 2), 5);
}

static void charter_and_state_give_the_same_roster(void **state)
{
    struct roster other;

    (void)state;
    assert_true(roster_load(world.state, &roster));
    assert_true(roster_of_charter(gov_fixture_body(&fixture), &other));
    assert_int_equal(roster.n, 7);
    assert_int_equal(roster.f, 2);
    assert_int_equal(roster.q, 5);
    assert_int_equal(roster.w, 3);
    assert_int_equal(roster.epoch, 0);
    assert_int_equal(other.n, 7);
    assert_int_equal(other.q, 5);
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(roster.members[i].rid, i);
        assert_int_equal(roster.members[i].standing, STANDING_ACTIVE);
        assert_int_equal(other.members[i].rid, i);
        assert_memory_equal(roster.members[i].sign_pk, other.members[i].sign_pk, PUBLIC_KEY_BYTES);
        assert_memory_equal(roster.members[i].cosign_pk, other.members[i].cosign_pk,
                            PUBLIC_KEY_BYTES);
        assert_memory_equal(roster.members[i].transport_pk, other.members[i].transport_pk,
                            PUBLIC_KEY_BYTES);
    }
}

static void members_are_found_by_id_and_by_key(void **state)
{
    (void)state;
    assert_int_equal(roster_index(&roster, 3), 3);
    assert_int_equal(roster_index(&roster, 7), ROSTER_NOBODY);
    assert_int_equal(roster_index(&roster, ROSTER_NOBODY), ROSTER_NOBODY);
    assert_int_equal(roster_find(&roster, 6)->rid, 6);
    assert_null(roster_find(&roster, 7));
    assert_int_equal(roster_by_sign(&roster, fixture.replicas[5].sign_pk)->rid, 5);
    assert_int_equal(roster_by_transport(&roster, fixture.replicas[2].transport_pk)->rid, 2);
    assert_null(roster_by_sign(&roster, fixture.replicas[5].transport_pk));
    assert_null(roster_by_transport(&roster, fixture.replicas[2].sign_pk));
}

static void the_lead_goes_round_with_epoch_and_view(void **state)
{
    struct roster later = roster;

    (void)state;
    assert_int_equal(roster_primary(&roster, 0)->rid, 0);
    assert_int_equal(roster_primary(&roster, 6)->rid, 6);
    assert_int_equal(roster_primary(&roster, 7)->rid, 0);
    later.epoch = 3;
    assert_int_equal(roster_primary(&later, 5)->rid, 1);
    /* No replica is skipped where the sum of both wraps around. */
    later.epoch = UINT64_MAX;
    assert_int_equal(roster_primary(&later, 1)->rid, (UINT64_MAX % 7 + 1) % 7);
    assert_int_equal(roster_primary(&later, UINT64_MAX)->rid, 2 * (UINT64_MAX % 7) % 7);
}

static void ids_may_be_larger_than_there_can_be_replicas(void **state)
{
    struct roster later;

    (void)state;
    fixture.replicas[5].rid = REPLICAS_MAX;
    fixture.replicas[6].rid = REPLICA_ID_MAX;
    assert_true(roster_of_charter(gov_fixture_body(&fixture), &later));
    assert_int_equal(roster_index(&later, REPLICAS_MAX), 5);
    assert_int_equal(roster_index(&later, REPLICA_ID_MAX), 6);
    assert_int_equal(roster_index(&later, 6), ROSTER_NOBODY);
    assert_int_equal(roster_primary(&later, 6)->rid, REPLICA_ID_MAX);
    fixture.replicas[5].rid = 5;
    fixture.replicas[6].rid = 6;
}

static void a_section_that_breaks_the_rules_is_no_roster(void **state)
{
    const struct roster before = roster;

    (void)state;
    fixture.charter.f = 3;
    assert_false(roster_of_charter(gov_fixture_body(&fixture), &roster));
    fixture.charter.f = 2;
    fixture.replicas[3].rid = 2;
    assert_false(roster_of_charter(gov_fixture_body(&fixture), &roster));
    fixture.replicas[3].rid = 3;
    fixture.replicas[6].rid = ROSTER_NOBODY;
    assert_false(roster_of_charter(gov_fixture_body(&fixture), &roster));
    fixture.replicas[6].rid = 6;
    assert_false(roster_parse(BYTES_EMPTY, 0, &roster));
    assert_memory_equal(&before, &roster, sizeof(roster));
    assert_true(roster_of_charter(gov_fixture_body(&fixture), &roster));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_quorums_share_a_correct_replica_and_are_within_reach),
        cmocka_unit_test(charter_and_state_give_the_same_roster),
        cmocka_unit_test(members_are_found_by_id_and_by_key),
        cmocka_unit_test(the_lead_goes_round_with_epoch_and_view),
        cmocka_unit_test(ids_may_be_larger_than_there_can_be_replicas),
        cmocka_unit_test(a_section_that_breaks_the_rules_is_no_roster),
    };
    int failed = 0;

    gov_fixture_init(&fixture, &sig_fast, 7);
    gov_world_open(&world, &fixture, 1000);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    gov_world_close(&world);
    return failed;
}
