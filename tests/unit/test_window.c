#include "replica/core/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct window window; /* large */

static int window_reset(void **state)
{
    (void)state;
    window = (struct window){.stable = 1000};
    return 0;
}

static uint32_t slots_in_use(void)
{
    uint32_t count = 0;
    for (uint32_t i = window_used_from(&window, 0); i < WINDOW_MAX;
         i = window_used_from(&window, i + 1)) {
        assert_int_equal(window.slots[i].sequence % WINDOW_MAX, i);
        count++;
    }
    return count;
}

static void a_walk_meets_every_slot_in_use_once(void **state)
{
    (void)state;
    assert_int_equal(slots_in_use(), 0);
    for (uint64_t n = 1001; n <= 1000 + WINDOW_MAX; n++) {
        assert_null(window_look(&window, n));
        assert_int_equal(window_slot(&window, n)->sequence, n);
        assert_ptr_equal(window_look(&window, n), window_slot(&window, n));
        assert_int_equal(slots_in_use(), n - 1000);
    }
}

static void a_slot_is_not_found_under_another_sequence_of_its_place(void **state)
{
    (void)state;
    assert_non_null(window_slot(&window, 1024));
    assert_null(window_look(&window, 1024 - WINDOW_MAX));
    assert_null(window_look(&window, 1024 + WINDOW_MAX));
    assert_null(window_restore(&window, 1024 + WINDOW_MAX));
    assert_null(window_look(&window, 0));
}

static void what_is_stable_or_forgotten_is_not_in_use(void **state)
{
    (void)state;
    struct pool pool;
    assert_int_equal(pool_open(&pool, POOL_BLOCK_BYTES_MAX), STATUS_OK);
    for (uint64_t n = 1001; n <= 1010; n++) {
        window_slot(&window, n)->stage = SLOT_EXECUTED;
    }
    window_forget(&window, window_slot(&window, 1009));
    assert_null(window_look(&window, 1009));
    window_move(&window, 1006, &pool);
    assert_null(window_look(&window, 1006));
    assert_non_null(window_look(&window, 1007));
    assert_int_equal(slots_in_use(), 3);
    assert_int_equal(window_slot(&window, 1009)->stage, SLOT_EMPTY);
    pool_close(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_walk_meets_every_slot_in_use_once, window_reset),
        cmocka_unit_test_setup(a_slot_is_not_found_under_another_sequence_of_its_place,
                               window_reset),
        cmocka_unit_test_setup(what_is_stable_or_forgotten_is_not_in_use, window_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
