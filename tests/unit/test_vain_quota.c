/* What of one replica may be verified for nothing: useful talk is free, useless talk is not. */
#include "crypto/numbers.h"
#include "replica/host/vain_quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW 5000

static uint32_t take_all(struct vain_quota *quota, uint64_t now_ms)
{
    uint32_t taken = 0;
    while (taken < 100000 && vain_quota_take(quota, now_ms)) {
        taken++;
    }
    return taken;
}

static void a_flood_ends_with_the_bucket(void **state)
{
    (void)state;
    struct vain_quota quota = {0};
    assert_int_equal(take_all(&quota, NOW), VAIN_FRAMES_MAX);
    assert_int_equal(take_all(&quota, NOW), 0);
}

static void the_bucket_fills_with_time_and_not_beyond(void **state)
{
    (void)state;
    struct vain_quota quota = {0};
    assert_int_equal(take_all(&quota, NOW), VAIN_FRAMES_MAX);
    assert_int_equal(take_all(&quota, NOW + 500), VAIN_FRAMES_PER_S / 2);
    /* Looking often loses parts of one at most. */
    uint32_t taken = 0;
    for (uint64_t ms = 1; ms <= 10000; ms++) {
        taken += take_all(&quota, NOW + 500 + ms);
    }
    assert_in_range(taken, 95 * VAIN_FRAMES_PER_S / 10, 10 * VAIN_FRAMES_PER_S);
    assert_int_equal(take_all(&quota, NOW + 1000000), VAIN_FRAMES_MAX);
    assert_int_equal(take_all(&quota, NOW + 1000000), 0);
}

static void what_had_an_effect_costs_nothing(void **state)
{
    (void)state;
    struct vain_quota quota = {0};
    vain_quota_give_back(&quota); /* of a replica that nothing was taken of yet */
    for (int i = 0; i < 100000; i++) {
        assert_true(vain_quota_take(&quota, NOW));
        vain_quota_give_back(&quota);
        vain_quota_give_back(&quota);
    }
    assert_int_equal(take_all(&quota, NOW), VAIN_FRAMES_MAX);
}

static void votes_that_count_are_not_vain(void **state)
{
    (void)state;
    static const uint64_t types[] = {MESSAGE_PRE_PREPARE, MESSAGE_PREPARE,
                                     MESSAGE_COMMIT,      MESSAGE_ATTEST,
                                     MESSAGE_NEW_VIEW,    MESSAGE_CHALLENGE_ANSWER};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_true(vain_quota_counts(types[i]));
        assert_false(vain_quota_is_vain(types[i], DROP_NONE));
        assert_true(vain_quota_is_vain(types[i], DROP_DUPLICATE));
        assert_true(vain_quota_is_vain(types[i], DROP_CONFLICT));
    }
}

static void what_can_be_said_without_end_is_vain_even_when_it_is_taken(void **state)
{
    (void)state;
    static const uint64_t types[] = {MESSAGE_STATUS, MESSAGE_CHALLENGE, MESSAGE_COMPLAIN,
                                     MESSAGE_VIEW_CHANGE};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_true(vain_quota_counts(types[i]));
        assert_true(vain_quota_is_vain(types[i], DROP_NONE));
    }
}

static void a_request_that_is_passed_on_is_vain_when_it_is_known(void **state)
{
    (void)state;
    assert_true(vain_quota_is_vain(MESSAGE_REQUEST, DROP_KNOWN_REQUEST));
    assert_true(vain_quota_is_vain(MESSAGE_REQUEST, DROP_REFUSED_EARLY));
    assert_false(vain_quota_is_vain(MESSAGE_REQUEST, DROP_NONE));
    assert_false(vain_quota_is_vain(MESSAGE_REQUEST, DROP_QUEUE_FULL));
}

static void what_was_asked_for_is_not_counted(void **state)
{
    (void)state;
    assert_false(vain_quota_counts(MESSAGE_DATA));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_ends_with_the_bucket),
        cmocka_unit_test(the_bucket_fills_with_time_and_not_beyond),
        cmocka_unit_test(what_had_an_effect_costs_nothing),
        cmocka_unit_test(votes_that_count_are_not_vain),
        cmocka_unit_test(what_can_be_said_without_end_is_vain_even_when_it_is_taken),
        cmocka_unit_test(a_request_that_is_passed_on_is_vain_when_it_is_known),
        cmocka_unit_test(what_was_asked_for_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
