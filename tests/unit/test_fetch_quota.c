/* What one replica may fetch of another: bursts are served, floods are not. */
#include "replica/core/sources.h"
#include "replica/host/fetch_quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW 5000

static size_t price_of(uint64_t kind)
{
    const struct fetch fetch = {.kind = kind};
    return fetch_quota_price(&fetch);
}

static void a_flood_of_questions_ends_with_the_bucket(void **state)
{
    (void)state;
    struct fetch_quota quota = {0};
    size_t price = price_of(FETCH_BLOCKS);
    uint32_t taken = 0;
    while (taken < 1000 && fetch_quota_take(&quota, price, NOW)) {
        taken++;
    }
    assert_int_equal(taken, FETCH_QUOTA_BYTES / price);
    assert_in_range(price, FETCH_BLOCKS_BYTES, 2 * FETCH_BLOCKS_BYTES);
    /* And so it is with small ones, which cost looking up. */
    struct fetch_quota other = {0};
    taken = 0;
    while (taken < 100000 && fetch_quota_take(&other, price_of(FETCH_STABLE), NOW)) {
        taken++;
    }
    assert_in_range(taken, 1, 10000);
}

static void the_bucket_fills_with_time_and_not_beyond(void **state)
{
    (void)state;
    struct fetch_quota quota = {0};
    assert_true(fetch_quota_take(&quota, FETCH_QUOTA_BYTES, NOW));
    assert_false(fetch_quota_take(&quota, 1, NOW));
    assert_true(fetch_quota_take(&quota, FETCH_QUOTA_BYTES_PER_S / 1000, NOW + 1));
    assert_false(fetch_quota_take(&quota, 1, NOW + 1));
    assert_true(fetch_quota_take(&quota, FETCH_QUOTA_BYTES, NOW + 1000000));
    assert_false(fetch_quota_take(&quota, 1, NOW + 1000000));
    struct fetch_quota other = {0};
    assert_true(fetch_quota_take(&other, 1, NOW));
    assert_true(fetch_quota_take(&other, FETCH_QUOTA_BYTES, NOW + 1000));
    assert_false(fetch_quota_take(&other, 1, NOW + 1000));
}

static void what_an_answer_did_not_cost_is_given_back(void **state)
{
    (void)state;
    struct fetch_quota quota = {0};
    size_t price = price_of(FETCH_BLOCKS);
    /* One that is answered before the next comes never runs out, as long as answers are small. */
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(fetch_quota_take(&quota, price, NOW));
        fetch_quota_settle(&quota, price, 1000);
    }
    assert_in_range(quota.bytes, FETCH_QUOTA_BYTES - 1000 * 20000, FETCH_QUOTA_BYTES);
    fetch_quota_settle(&quota, FETCH_QUOTA_BYTES, 0);
    assert_int_equal(quota.bytes, FETCH_QUOTA_BYTES);
}

static void what_an_answer_costs_beyond_its_price_is_charged(void **state)
{
    (void)state;
    struct fetch_quota quota = {0};
    size_t price = price_of(FETCH_BATCH);
    assert_true(fetch_quota_take(&quota, price, NOW));
    size_t before = quota.bytes;
    fetch_quota_settle(&quota, price, 6u << 20);
    assert_true(quota.bytes < before - (5u << 20));
    fetch_quota_settle(&quota, price, 2 * FETCH_QUOTA_BYTES);
    assert_int_equal(quota.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_of_questions_ends_with_the_bucket),
        cmocka_unit_test(the_bucket_fills_with_time_and_not_beyond),
        cmocka_unit_test(what_an_answer_did_not_cost_is_given_back),
        cmocka_unit_test(what_an_answer_costs_beyond_its_price_is_charged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
