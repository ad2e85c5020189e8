/* The pool of the core: bounded, never handing out the same bytes twice, whole again when all is
 * given back. */
#include "replica/core/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define REGION ((size_t)2 * POOL_BLOCK_BYTES_MAX)

static struct pool *pool_of(void **state)
{
    return *state;
}

static int setup(void **state)
{
    static struct pool pool;
    *state = &pool;
    return pool_open(&pool, REGION) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    pool_close(*state);
    return 0;
}

static void a_region_below_one_block_is_refused(void **state)
{
    (void)state;
    struct pool pool;
    assert_int_equal(pool_open(&pool, POOL_BLOCK_BYTES_MAX - 1), STATUS_INVALID);
}

static void a_full_pool_refuses_and_recovers(void **state)
{
    struct pool *pool = pool_of(state);
    uint8_t *first = pool_take(pool, POOL_BLOCK_BYTES_MAX);
    uint8_t *second = pool_take(pool, POOL_BLOCK_BYTES_MAX - 1);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(pool_take(pool, 1));
    pool_give(pool, first);
    assert_non_null(pool_take(pool, 1));
    pool_give(pool, second);
    assert_non_null(pool_take(pool, POOL_BLOCK_BYTES_MAX));
}

static void blocks_do_not_overlap(void **state)
{
    struct pool *pool = pool_of(state);
    enum {
        COUNT = 500
    };
    static uint8_t *blocks[COUNT];
    static size_t lens[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        lens[i] = 1 + i * 37 % 9000;
        blocks[i] = pool_take(pool, lens[i]);
        assert_non_null(blocks[i]);
        memset(blocks[i], (int)(i & 0xff), lens[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < lens[i]; k++) {
            assert_int_equal(blocks[i][k], i & 0xff);
        }
    }
}

static void all_given_back_is_one_piece_again(void **state)
{
    struct pool *pool = pool_of(state);
    enum {
        COUNT = 2000
    };
    static uint8_t *blocks[COUNT];
    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            blocks[i] = pool_take(pool, 1 + (i * 7919 + round * 31) % 5000);
            assert_non_null(blocks[i]);
        }
        for (size_t i = 0; i < COUNT; i++) {
            pool_give(pool, blocks[(i * 1237) % COUNT]);
        }
        assert_int_equal(pool->used_bytes, 0);
    }
    uint8_t *first = pool_take(pool, POOL_BLOCK_BYTES_MAX);
    uint8_t *second = pool_take(pool, POOL_BLOCK_BYTES_MAX);
    assert_non_null(first);
    assert_non_null(second);
}

static void a_copy_has_the_same_bytes(void **state)
{
    struct pool *pool = pool_of(state);
    struct bytes copy = pool_copy(pool, bytes_of_text("register"));
    assert_true(bytes_equal(copy, bytes_of_text("register")));
    assert_null(pool_copy(pool, BYTES_EMPTY).data);
}

static void a_copy_that_does_not_fit_is_none(void **state)
{
    struct pool *pool = pool_of(state);
    while (pool_take(pool, POOL_BLOCK_BYTES_MAX) != NULL) {
    }
    size_t used = pool->used_bytes;
    struct bytes copy = pool_copy(pool, bytes_of_text("register"));
    assert_null(copy.data);
    assert_int_equal(copy.len, 0);
    assert_int_equal(pool->used_bytes, used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_region_below_one_block_is_refused),
        cmocka_unit_test_setup_teardown(a_full_pool_refuses_and_recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(blocks_do_not_overlap, setup, teardown),
        cmocka_unit_test_setup_teardown(all_given_back_is_one_piece_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_has_the_same_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_that_does_not_fit_is_none, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
