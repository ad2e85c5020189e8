/* Sources of blocks: who is asked, who is let off, who is banned and for how long. */
#include "crypto/numbers.h"
#include "replica/core/sources.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW 1000

static void ask(struct sources *sources, uint32_t member, uint64_t from, uint64_t count,
                uint64_t now_ms)
{
    const struct range range = {FETCH_BLOCKS, from, count};
    sources_ask(sources, member, &range, now_ms);
}

static void bring(struct sources *sources, uint64_t from, uint64_t count, uint64_t now_ms)
{
    for (uint64_t i = 0; i < count; i++) {
        sources_brought(sources, 1, from + i, 100, now_ms);
    }
}

static void a_source_is_asked_for_one_range_at_a_time(void **state)
{
    (void)state;
    struct sources sources = {0};
    assert_true(sources_idle(&sources, 1, NOW));
    ask(&sources, 1, 10, 16, NOW);
    assert_false(sources_idle(&sources, 1, NOW));
    assert_true(sources_idle(&sources, 2, NOW));
    bring(&sources, 10, 15, NOW);
    assert_false(sources_idle(&sources, 1, NOW));
    bring(&sources, 25, 1, NOW);
    assert_true(sources_idle(&sources, 1, NOW));
}

static void a_block_is_expected_from_whom_it_was_asked_of_and_once(void **state)
{
    (void)state;
    struct sources sources = {0};
    uint64_t since_ms = 0;
    assert_false(sources_expects(&sources, 1, FETCH_BLOCKS, 0));
    ask(&sources, 1, 10, 4, NOW);
    ask(&sources, 2, 10, 4, NOW + 5);
    assert_true(sources_expects(&sources, 1, FETCH_BLOCKS, 13));
    assert_false(sources_expects(&sources, 1, FETCH_BLOCKS, 9));
    assert_false(sources_expects(&sources, 1, FETCH_BLOCKS, 14));
    assert_false(sources_expects(&sources, 3, FETCH_BLOCKS, 13));
    assert_false(sources_expects(&sources, 1, FETCH_HISTORY, 13));
    assert_int_equal(sources_asked(&sources, FETCH_SNAPSHOT, 13, &since_ms), 0);
    assert_int_equal(sources_asked(&sources, FETCH_BLOCKS, 13, &since_ms), 2);
    assert_int_equal(since_ms, NOW);
    bring(&sources, 13, 1, NOW);
    assert_false(sources_expects(&sources, 1, FETCH_BLOCKS, 13));
    assert_true(sources_expects(&sources, 2, FETCH_BLOCKS, 13));
    assert_int_equal(sources_asked(&sources, FETCH_BLOCKS, 13, &since_ms), 1);
    assert_int_equal(since_ms, NOW + 5);
}

static void as_many_bytes_as_an_answer_holds_end_it(void **state)
{
    (void)state;
    struct sources sources = {0};
    ask(&sources, 1, 10, 16, NOW);
    sources_brought(&sources, 1, 10, FETCH_BLOCKS_BYTES, NOW);
    assert_false(sources.of[1].asked);
    assert_false(sources_expects(&sources, 1, FETCH_BLOCKS, 11));
    sources_judge(&sources, NOW + 60000);
    assert_false(sources_banned(&sources, 1, NOW + 60000));
}

static void who_brought_much_is_not_asked_at_once(void **state)
{
    (void)state;
    struct sources sources = {0};
    ask(&sources, 1, 10, 16, NOW);
    sources_brought(&sources, 1, 10, FETCH_BLOCKS_BYTES, NOW + 100);
    assert_false(sources_idle(&sources, 1, NOW + 511));
    assert_true(sources_idle(&sources, 1, NOW + 512));
    assert_false(sources_banned(&sources, 1, NOW + 100));
}

static void silence_is_punished_and_doubly_the_next_time(void **state)
{
    (void)state;
    struct sources sources = {0};
    ask(&sources, 1, 10, 16, NOW);
    sources_judge(&sources, NOW + 499);
    assert_false(sources_banned(&sources, 1, NOW + 499));
    sources_judge(&sources, NOW + 500);
    assert_true(sources_banned(&sources, 1, NOW + 500 + 399));
    assert_true(sources_idle(&sources, 1, NOW + 500 + 400));
    ask(&sources, 1, 10, 16, NOW + 900);
    sources_judge(&sources, NOW + 1400);
    assert_true(sources_banned(&sources, 1, NOW + 1400 + 799));
    assert_true(sources_idle(&sources, 1, NOW + 1400 + 800));
}

static void no_ban_for_bringing_little_is_longer_than_that_of_a_liar(void **state)
{
    (void)state;
    struct sources sources = {0};
    uint64_t now_ms = NOW;
    for (uint32_t i = 0; i < 100; i++) {
        ask(&sources, 1, 10, 16, now_ms);
        sources_judge(&sources, now_ms + 500);
        now_ms += 500 + 30000;
        assert_true(sources_idle(&sources, 1, now_ms));
    }
}

static void a_whole_answer_makes_good_what_was_before(void **state)
{
    (void)state;
    struct sources sources = {0};
    ask(&sources, 1, 10, 2, NOW);
    sources_judge(&sources, NOW + 500);
    ask(&sources, 1, 10, 2, NOW + 900);
    bring(&sources, 10, 2, NOW + 901);
    ask(&sources, 1, 12, 2, NOW + 902);
    sources_judge(&sources, NOW + 1402);
    assert_true(sources_idle(&sources, 1, NOW + 1402 + 400));
}

static void who_drips_is_banned_though_never_silent(void **state)
{
    (void)state;
    struct sources sources = {0};
    ask(&sources, 1, 10, 16, NOW);
    for (uint64_t i = 0; i < 7; i++) {
        sources_judge(&sources, NOW + 450 * i);
        bring(&sources, 10 + i, 1, NOW + 450 * i);
    }
    assert_false(sources_banned(&sources, 1, NOW + 3000));
    sources_judge(&sources, NOW + 3000);
    bring(&sources, 17, 0, NOW + 3000);
    sources_judge(&sources, NOW + 4000);
    assert_true(sources_banned(&sources, 1, NOW + 4000));
}

static void a_range_ends_in_time_even_when_something_comes_all_the_while(void **state)
{
    (void)state;
    struct sources sources = {0};
    ask(&sources, 1, 10, 16, NOW);
    for (uint64_t i = 0; i < 7; i++) {
        bring(&sources, 10 + i, 1, NOW + 600 * i);
    }
    sources_brought(&sources, 1, 17, 1, NOW + 3999);
    sources_judge(&sources, NOW + 3999);
    assert_false(sources_idle(&sources, 1, NOW + 3999));
    sources_judge(&sources, NOW + 4000);
    /* Half of it came: it is over, and no more. */
    assert_true(sources_idle(&sources, 1, NOW + 4000));
}

static void what_was_lost_on_the_way_is_not_held_against_it(void **state)
{
    (void)state;
    struct sources sources = {0};
    ask(&sources, 1, 10, 16, NOW);
    bring(&sources, 10, 8, NOW);
    sources_judge(&sources, NOW + 500);
    assert_true(sources_idle(&sources, 1, NOW + 500));
    ask(&sources, 1, 10, 16, NOW + 500);
    bring(&sources, 10, 7, NOW + 500);
    sources_judge(&sources, NOW + 1000);
    assert_true(sources_banned(&sources, 1, NOW + 1000));
}

static void what_comes_late_is_taken_all_the_same(void **state)
{
    (void)state;
    struct sources sources = {0};
    ask(&sources, 1, 10, 2, NOW);
    sources_judge(&sources, NOW + 500);
    assert_true(sources_expects(&sources, 1, FETCH_BLOCKS, 10));
    bring(&sources, 10, 2, NOW + 600);
    assert_true(sources_idle(&sources, 1, NOW + 900));
    ask(&sources, 1, 12, 2, NOW + 900);
    sources_judge(&sources, NOW + 1400);
    assert_true(sources_idle(&sources, 1, NOW + 1400 + 400));
}

static void a_liar_is_banned_for_long_and_not_listened_to(void **state)
{
    (void)state;
    struct sources sources = {0};
    ask(&sources, 1, 10, 16, NOW);
    sources_lied(&sources, 1, NOW);
    assert_true(sources_banned(&sources, 1, NOW + 29999));
    assert_false(sources_banned(&sources, 1, NOW + 30000));
    assert_false(sources_expects(&sources, 1, FETCH_BLOCKS, 10));
}

static void who_has_nothing_is_not_asked_for_a_while(void **state)
{
    (void)state;
    struct sources sources = {0};
    sources_refused(&sources, 1, NOW);
    assert_false(sources_banned(&sources, 1, NOW));
    ask(&sources, 1, 10, 16, NOW);
    sources_refused(&sources, 1, NOW);
    assert_true(sources_banned(&sources, 1, NOW + 399));
}

static void no_room_is_nobodys_fault(void **state)
{
    (void)state;
    struct sources sources = {0};
    ask(&sources, 1, 10, 16, NOW);
    sources_forgive(&sources, 1);
    assert_true(sources_idle(&sources, 1, NOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_is_asked_for_one_range_at_a_time),
        cmocka_unit_test(a_block_is_expected_from_whom_it_was_asked_of_and_once),
        cmocka_unit_test(as_many_bytes_as_an_answer_holds_end_it),
        cmocka_unit_test(who_brought_much_is_not_asked_at_once),
        cmocka_unit_test(silence_is_punished_and_doubly_the_next_time),
        cmocka_unit_test(no_ban_for_bringing_little_is_longer_than_that_of_a_liar),
        cmocka_unit_test(a_whole_answer_makes_good_what_was_before),
        cmocka_unit_test(who_drips_is_banned_though_never_silent),
        cmocka_unit_test(a_range_ends_in_time_even_when_something_comes_all_the_while),
        cmocka_unit_test(what_was_lost_on_the_way_is_not_held_against_it),
        cmocka_unit_test(what_comes_late_is_taken_all_the_same),
        cmocka_unit_test(a_liar_is_banned_for_long_and_not_listened_to),
        cmocka_unit_test(who_has_nothing_is_not_asked_for_a_while),
        cmocka_unit_test(no_room_is_nobodys_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
