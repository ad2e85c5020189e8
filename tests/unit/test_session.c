#include "governance/session.h"
#include "governance/state_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key[PUBLIC_KEY_BYTES] = {1};
static const uint8_t other_key[PUBLIC_KEY_BYTES] = {2};

static struct state *open_state(uint32_t records)
{
    struct state *state = NULL;

    assert_int_equal(state_open(records, 1000, 1, &state), STATUS_OK);
    return state;
}

static struct session_result result_of(uint64_t request_no)
{
    struct session_result result = {
        .request_no = request_no,
        .code = E_QUOTA,
        .first_index = 0,
        .height = 5,
    };

    memset(result.request_id, (int)request_no, HASH_BYTES);
    return result;
}

static void use(struct state *state, uint64_t request_no)
{
    const struct session_result result = result_of(request_no);

    assert_true(session_fresh(state, key, request_no));
    assert_true(session_use(state, key, 100, &result));
    assert_false(session_fresh(state, key, request_no));
}

static void every_number_is_fresh_to_a_session_that_is_not_there(void **unused)
{
    struct state *state = open_state(10);

    (void)unused;
    assert_true(session_fresh(state, key, 0));
    assert_true(session_fresh(state, key, UINT64_MAX));
    assert_true(session_is_fresh(NULL, 0));
    state_close(state);
}

static void a_number_is_used_once_and_in_any_order_within_the_window(void **unused)
{
    struct state *state = open_state(100);

    (void)unused;
    use(state, 5);
    use(state, 3);
    use(state, 4);
    use(state, 0);
    use(state, 60);
    use(state, 1);
    assert_false(session_fresh(state, key, 5));
    assert_false(session_fresh(state, key, 60));
    assert_true(session_fresh(state, key, 2));
    assert_true(session_fresh(state, other_key, 5));
    state_close(state);
}

static void below_the_window_nothing_is_fresh(void **unused)
{
    struct state *state = open_state(100);

    (void)unused;
    use(state, 100);
    assert_true(session_fresh(state, key, 37));
    assert_false(session_fresh(state, key, 36));
    use(state, 37);
    use(state, 164);
    assert_false(session_fresh(state, key, 100));
    assert_true(session_fresh(state, key, 101));
    assert_false(session_fresh(state, key, 37));
    use(state, 163);
    use(state, 101);
    state_close(state);
}

static void a_jump_of_64_empties_the_window_and_one_of_63_does_not(void **unused)
{
    struct state *state = open_state(100);

    (void)unused;
    use(state, 10);
    use(state, 73);
    assert_false(session_fresh(state, key, 10));
    assert_true(session_fresh(state, key, 11));
    use(state, 137);
    assert_false(session_fresh(state, key, 73));
    assert_true(session_fresh(state, key, 74));
    state_close(state);
}

static void the_largest_number_is_the_last(void **unused)
{
    struct state *state = open_state(100);

    (void)unused;
    use(state, UINT64_MAX);
    assert_false(session_fresh(state, key, 0));
    assert_false(session_fresh(state, key, UINT64_MAX - 64));
    use(state, UINT64_MAX - 63);
    state_close(state);
}

static void results_are_kept_for_the_last_64_numbers(void **unused)
{
    struct state *state = open_state(100);
    struct session_result found;

    (void)unused;
    assert_false(session_result_find(state, key, 1, &found));
    for (uint64_t number = 1; number <= 65; number++) {
        use(state, number);
    }
    assert_int_equal(state_count(state), 65);
    assert_false(session_result_find(state, key, 1, &found));
    assert_true(session_result_find(state, key, 2, &found));
    assert_int_equal(found.code, E_QUOTA);
    assert_int_equal(found.request_id[0], 2);
    assert_true(session_result_find(state, key, 65, &found));
    assert_int_equal(found.request_no, 65);
    assert_false(session_result_find(state, key, 66, &found));
    assert_false(session_result_find(state, other_key, 65, &found));
    state_close(state);
}

static void a_full_state_takes_no_session_and_keeps_no_half_of_one(void **unused)
{
    const struct session_result result = result_of(1);

    (void)unused;
    for (uint32_t records = 1; records < 3; records++) {
        struct state *state = open_state(records);

        if (records == 2) {
            assert_true(state_put(state, bytes_of_text("x"), BYTES_EMPTY));
        }
        assert_false(session_use(state, key, 100, &result));
        assert_int_equal(state_count(state), records - 1);
        state_close(state);
    }
}

static void a_dropped_session_leaves_nothing(void **unused)
{
    struct state *state = open_state(200);
    const struct session_result result = result_of(1);
    struct session_record record;

    (void)unused;
    for (uint64_t number = 0; number < 70; number++) {
        use(state, number);
    }
    assert_true(session_use(state, other_key, 100, &result));
    session_drop(state, key);
    assert_int_equal(state_count(state), 2);
    assert_false(session_read(state, key, &record));
    assert_true(session_read(state, other_key, &record));
    state_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_is_fresh_to_a_session_that_is_not_there),
        cmocka_unit_test(a_number_is_used_once_and_in_any_order_within_the_window),
        cmocka_unit_test(below_the_window_nothing_is_fresh),
        cmocka_unit_test(a_jump_of_64_empties_the_window_and_one_of_63_does_not),
        cmocka_unit_test(the_largest_number_is_the_last),
        cmocka_unit_test(results_are_kept_for_the_last_64_numbers),
        cmocka_unit_test(a_full_state_takes_no_session_and_keeps_no_half_of_one),
        cmocka_unit_test(a_dropped_session_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
