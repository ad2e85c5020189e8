#include "crypto/hash.h"
#include "tests/support/chunk_world.h"
#include "tests/support/state_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct chunk_world world;

static void a_walk_over_chunks_brings_every_row_once(void **unused)
{
    static const uint32_t sizes[] = {0, 1, 2, 3, 17, 1000};
    static const size_t bounds[] = {0, 100, 300, 1000, STATE_CHUNK_BYTES_MAX};

    (void)unused;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            chunk_world_random(&world, sizes[i], seed);
            for (size_t k = 0; k < sizeof(bounds) / sizeof(bounds[0]); k++) {
                struct chunk_walk all = {.bytes_max = bounds[k]};

                chunk_walk(&all, &world);
                assert_true(k < 4 || all.chunks == 1);
                assert_true(sizes[i] > 1 || all.chunks == 1);
                assert_true(k > 0 || all.largest <= 1);
                assert_true(k > 0 || all.chunks >= sizes[i]);
                assert_true(all.chunks <= 4 * sizes[i] + 1);
            }
            chunk_world_close(&world);
        }
    }
}

/* Any node may be asked for, at any time: the answer holds where it begins. */
static void every_node_that_is_asked_for_is_answered(void **unused)
{
    uint64_t random = 5;

    (void)unused;
    chunk_world_random(&world, 17, 3);
    for (uint32_t i = 0; i < 5000; i++) {
        const unsigned depth = (unsigned)(model_random(&random) % (STATE_CHUNK_DEPTH_MAX + 1));
        const uint64_t first = UINT64_C(1) << depth;
        const uint64_t node = first | (model_random(&random) & (first - 1));
        struct state_chunk chunk;

        assert_true(state_chunk_make(world.state, node, 200, &world.space, &chunk));
        assert_true(state_chunk_check(&chunk, world.root));
        assert_true(state_chunk_first(&chunk) <= state_node_first(node));
        assert_true(state_chunk_last(&chunk) >= state_node_first(node));
    }
    chunk_world_close(&world);
}

static void a_state_that_changed_is_shown_as_it_is(void **unused)
{
    struct chunk_walk all = {.bytes_max = 200};

    (void)unused;
    chunk_world_random(&world, 17, 4);
    chunk_walk(&all, &world);
    assert_true(state_erase(world.state, bytes_make(world.rows[16].key, world.rows[16].key_len)));
    world.count--;
    chunk_world_put(&world, &(uint64_t){8}, 500);
    /* The root is another's, so that the chunks are the first to ask this state for it. */
    struct state *const asked = world.state;
    struct state *other = NULL;

    assert_int_equal(state_open(CHUNK_ROWS_MAX, 1u << 20, 7, &other), STATUS_OK);
    for (uint32_t i = 0; i < world.count; i++) {
        const struct chunk_row *row = &world.rows[i];

        assert_true(state_put(other, bytes_make(row->key, row->key_len),
                              bytes_make(row->value, row->value_len)));
    }
    world.state = other;
    chunk_world_done(&world);
    world.state = asked;
    chunk_walk(&all, &world);
    state_close(other);
    chunk_world_close(&world);
}

static void more_rows_than_a_list_holds_come_in_two_chunks(void **unused)
{
    struct state *state = NULL;
    uint8_t root[HASH_BYTES];
    uint32_t seen = 0;
    struct state_chunk chunk;

    (void)unused;
    assert_int_equal(state_open(80000, 1000, 7, &state), STATUS_OK);
    for (uint32_t i = 0; i < 70000; i++) {
        uint8_t memory[4];
        struct buffer key = buffer_make(memory, sizeof(memory));

        buffer_put_u32be(&key, i);
        assert_true(state_put(state, buffer_bytes(&key), bytes_of_text("v")));
    }
    state_root(state, root);
    for (uint64_t node = 2; node <= 3; node++) {
        assert_true(state_chunk_make(state, node, STATE_CHUNK_BYTES_MAX, &world.space, &chunk));
        chunk_through_the_wire(&chunk);
        assert_true(state_chunk_check(&chunk, root));
        assert_int_equal(chunk.depth, 1);
        seen += chunk.rows.count;
    }
    assert_int_equal(seen, 70000);
    assert_true(state_chunk_make(state, 1, STATE_CHUNK_BYTES_MAX, &world.space, &chunk));
    assert_int_equal(chunk.depth, 1);
    state_close(state);
}

static void a_row_larger_than_the_bound_comes_alone(void **unused)
{
    static uint8_t value[STATE_VALUE_BYTES_MAX];
    struct state *state = NULL;
    uint8_t root[HASH_BYTES];
    struct state_chunk chunk;

    (void)unused;
    assert_int_equal(state_open(10, 4u << 20, 7, &state), STATUS_OK);
    memset(value, 3, sizeof(value));
    assert_true(state_put(state, bytes_of_text("a"), BYTES_OF_ARRAY(value)));
    assert_true(state_put(state, bytes_of_text("b"), bytes_of_text("small")));
    assert_true(state_put(state, bytes_of_text("c"), BYTES_OF_ARRAY(value)));
    state_root(state, root);
    for (uint64_t position = 0, done = 0; done == 0;) {
        assert_true(state_chunk_make(state, state_node_at(position, UINT64_MAX), 1000, &world.space,
                                     &chunk));
        chunk_through_the_wire(&chunk);
        assert_true(state_chunk_check(&chunk, root));
        assert_true(chunk.rows.count <= 1);
        done = state_chunk_last(&chunk) == UINT64_MAX;
        position = state_chunk_last(&chunk) + 1;
    }
    state_close(state);
}

/* Nothing that governance writes is empty; a store that says otherwise is broken. */
static void a_record_without_a_value_makes_no_chunk(void **unused)
{
    struct state *state = NULL;
    struct state_chunk chunk;

    (void)unused;
    assert_int_equal(state_open(10, 1000, 7, &state), STATUS_OK);
    assert_true(state_put(state, bytes_of_text("a"), bytes_of_text("v")));
    assert_true(state_put(state, bytes_of_text("b"), BYTES_EMPTY));
    assert_false(state_chunk_make(state, 1, 1000, &world.space, &chunk));
    assert_true(state_erase(state, bytes_of_text("a")));
    for (uint64_t node = 1; node <= 15; node++) {
        assert_false(state_chunk_make(state, node, 1000, &world.space, &chunk));
    }
    state_close(state);
}

static void nodes_are_numbered_from_the_root_down(void **unused)
{
    const uint64_t half = UINT64_C(1) << 63;
    const uint64_t deep = UINT64_C(1) << 60;

    (void)unused;
    assert_false(state_node_valid(0));
    assert_true(state_node_valid(1));
    assert_true(state_node_valid(2 * deep - 1));
    assert_false(state_node_valid(2 * deep));
    assert_false(state_node_valid(UINT64_MAX));
    assert_int_equal(state_node_first(1), 0);
    assert_int_equal(state_node_last(1), UINT64_MAX);
    assert_int_equal(state_node_last(2), half - 1);
    assert_int_equal(state_node_first(3), half);
    assert_int_equal(state_node_first(6), half);
    assert_int_equal(state_node_last(6), half + half / 2 - 1);
    assert_int_equal(state_node_first(deep), 0);
    assert_int_equal(state_node_last(deep), 15);
    assert_int_equal(state_node_last(2 * deep - 1), UINT64_MAX);
    assert_int_equal(state_node_first(2 * deep - 1), UINT64_MAX - 15);
}

static void the_largest_node_at_a_position_ends_in_time(void **unused)
{
    const uint64_t half = UINT64_C(1) << 63;
    const uint64_t deep = UINT64_C(1) << 60;
    uint64_t random = 9;

    (void)unused;
    assert_int_equal(state_node_at(0, UINT64_MAX), 1);
    assert_int_equal(state_node_at(0, UINT64_MAX - 1), 2);
    assert_int_equal(state_node_at(half, UINT64_MAX), 3);
    assert_int_equal(state_node_at(half, UINT64_MAX - 1), 6);
    assert_int_equal(state_node_at(16, UINT64_MAX), deep + 1);
    assert_int_equal(state_node_at(0, 15), deep);
    assert_int_equal(state_node_at(0, 14), 0);
    assert_int_equal(state_node_at(8, UINT64_MAX), 0);
    assert_int_equal(state_node_at(32, 16), 0);
    for (uint32_t i = 0; i < 1000; i++) {
        const uint64_t node = 1 + model_random(&random) % (2 * deep - 1);
        const uint64_t first = state_node_first(node);
        const uint64_t last = state_node_last(node);

        assert_int_equal(state_node_at(first, last), node);
        assert_int_equal(state_node_at(first, last - 1), 2 * node < 2 * deep ? 2 * node : 0);
        assert_true(state_node_at(first, UINT64_MAX) <= node);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_over_chunks_brings_every_row_once),
        cmocka_unit_test(every_node_that_is_asked_for_is_answered),
        cmocka_unit_test(a_state_that_changed_is_shown_as_it_is),
        cmocka_unit_test(more_rows_than_a_list_holds_come_in_two_chunks),
        cmocka_unit_test(a_row_larger_than_the_bound_comes_alone),
        cmocka_unit_test(a_record_without_a_value_makes_no_chunk),
        cmocka_unit_test(nodes_are_numbered_from_the_root_down),
        cmocka_unit_test(the_largest_node_at_a_position_ends_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
