/* The slow primary: who is one, who is not, and that it stays a complaint. */
#include "replica/core/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define N 4
#define WINDOW_MS 1000

static const struct pace_rules rules = {
    .window_ms = WINDOW_MS,
    .batch = {100, 100000},
    .n = N,
};

static uint64_t now_ms;

static bool window_of(struct pace *pace, bool crowded, uint64_t requests, uint64_t bytes)
{
    pace_note(pace, true, crowded, now_ms);
    pace_executed(pace, requests, bytes);
    now_ms += WINDOW_MS;
    return pace_tick(pace, &rules, now_ms);
}

/* A window in which so much is done while a full batch waits all the time. */
static bool window(struct pace *pace, uint64_t requests, uint64_t bytes)
{
    return window_of(pace, true, requests, bytes);
}

/* A whole view of that pace, in which nobody waits. */
static void view(struct pace *pace, uint64_t requests)
{
    assert_false(window_of(pace, false, requests, requests * 100));
    pace_view_over(pace, N);
}

static struct pace begin(void)
{
    now_ms = 5000;
    return (struct pace){0};
}

static void the_first_view_has_nothing_to_be_compared_with(void **state)
{
    (void)state;
    struct pace pace = begin();
    for (uint32_t i = 0; i < 10; i++) {
        assert_false(window(&pace, i == 0 ? 5000 : 1, 1));
    }
}

static void less_than_half_of_what_views_before_did_is_slow(void **state)
{
    (void)state;
    struct pace pace = begin();
    view(&pace, 1000);
    assert_false(window(&pace, 500, 50000));
    assert_true(window(&pace, 499, 49999));
    /* Few requests may be large ones, and many small ones are no less work. */
    assert_false(window(&pace, 10, 50000));
    assert_false(window(&pace, 500, 10));
}

static void what_counts_is_done_in_a_second_and_not_in_a_window(void **state)
{
    (void)state;
    struct pace pace = begin();
    view(&pace, 1000);
    pace_note(&pace, true, true, now_ms);
    pace_executed(&pace, 1400, 140000);
    now_ms += 3 * WINDOW_MS; /* the tick came late */
    assert_true(pace_tick(&pace, &rules, now_ms));
}

static void a_window_without_backlog_accuses_nobody(void **state)
{
    (void)state;
    struct pace pace = begin();
    view(&pace, 1000);
    pace_note(&pace, true, true, now_ms);
    now_ms += WINDOW_MS / 2;
    pace_note(&pace, true, false, now_ms);
    assert_int_equal(pace_due_ms(&pace, WINDOW_MS), UINT64_MAX);
    pace_note(&pace, true, true, now_ms);
    now_ms += WINDOW_MS - 1;
    assert_false(pace_tick(&pace, &rules, now_ms));
    now_ms++;
    assert_true(pace_tick(&pace, &rules, now_ms));
}

static void what_is_executed_while_others_are_followed_is_no_pace(void **state)
{
    (void)state;
    struct pace pace = begin();
    pace_note(&pace, true, true, now_ms);
    pace_note(&pace, false, true, now_ms);
    assert_int_equal(pace_due_ms(&pace, WINDOW_MS), UINT64_MAX);
    pace_executed(&pace, 1000000, 1000000);
    now_ms += WINDOW_MS;
    assert_false(pace_tick(&pace, &rules, now_ms));
    view(&pace, 100);
    assert_false(window(&pace, 50, 5000));
}

static void views_in_which_nothing_was_done_do_not_count(void **state)
{
    (void)state;
    struct pace pace = begin();
    view(&pace, 1000);
    for (uint32_t i = 0; i < 3 * N; i++) {
        view(&pace, 0);
        pace_note(&pace, true, false, now_ms); /* shorter than a window */
        pace_executed(&pace, 1, 1);
        pace_view_over(&pace, N);
    }
    assert_true(window(&pace, 100, 100));
}

static void a_view_counts_by_its_best_window(void **state)
{
    (void)state;
    struct pace pace = begin();
    assert_false(window_of(&pace, false, 10, 1000));
    assert_false(window_of(&pace, false, 1000, 100000));
    assert_false(window_of(&pace, false, 20, 2000));
    pace_view_over(&pace, N);
    assert_true(window(&pace, 499, 49999));
    assert_false(window(&pace, 500, 0));
}

/* Of the rules, 100 requests are as much work as 100,000 bytes. */
static void most_work_is_counted_in_full_batches(void **state)
{
    (void)state;
    struct pace pace = begin();
    assert_false(window_of(&pace, false, 100, 1000000));
    assert_false(window_of(&pace, false, 1000, 99000));
    pace_view_over(&pace, N);
    assert_true(window(&pace, 49, 499999));
    assert_false(window(&pace, 50, 0));
}

static void slow_views_do_not_make_a_slow_one_look_good(void **state)
{
    (void)state;
    struct pace pace = begin();
    view(&pace, 1000);
    view(&pace, 1000);
    view(&pace, 10);
    assert_true(window(&pace, 100, 100));
    pace_view_over(&pace, N);
    /* Of the last four views two are slow: in doubt nobody is. */
    assert_false(window(&pace, 100, 10000));
}

static void only_the_last_n_views_count(void **state)
{
    (void)state;
    struct pace pace = begin();
    for (uint32_t i = 0; i < 10; i++) {
        view(&pace, 100000);
    }
    for (uint32_t i = 0; i < N; i++) {
        view(&pace, 10);
    }
    assert_false(window(&pace, 5, 500));
}

static void after_n_accusations_it_is_quiet_until_a_checkpoint(void **state)
{
    (void)state;
    struct pace pace = begin();
    for (uint32_t i = 0; i < 3; i++) {
        view(&pace, 1000);
    }
    for (uint32_t i = 0; i < N; i++) {
        assert_true(window(&pace, 1, 1));
        assert_true(window(&pace, 1, 1));  /* the same view, once more */
        pace.best = (struct work_done){0}; /* so that the floor stays */
        pace_view_over(&pace, N);
    }
    assert_false(window(&pace, 1, 1));
    pace_calm(&pace);
    assert_true(window(&pace, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_view_has_nothing_to_be_compared_with),
        cmocka_unit_test(less_than_half_of_what_views_before_did_is_slow),
        cmocka_unit_test(what_counts_is_done_in_a_second_and_not_in_a_window),
        cmocka_unit_test(a_window_without_backlog_accuses_nobody),
        cmocka_unit_test(what_is_executed_while_others_are_followed_is_no_pace),
        cmocka_unit_test(views_in_which_nothing_was_done_do_not_count),
        cmocka_unit_test(a_view_counts_by_its_best_window),
        cmocka_unit_test(most_work_is_counted_in_full_batches),
        cmocka_unit_test(slow_views_do_not_make_a_slow_one_look_good),
        cmocka_unit_test(only_the_last_n_views_count),
        cmocka_unit_test(after_n_accusations_it_is_quiet_until_a_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
