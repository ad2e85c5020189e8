/* Requests that wait: in order for each client, clients in turn, bounded. */
#include "replica/core/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define COMMON_REQUESTS (QUEUE_REQUESTS_MAX - QUEUE_AHEAD_MAX)
#define COMMON_CLIENTS (QUEUE_CLIENTS_MAX - QUEUE_AHEAD_MAX)

struct fixture {
    struct pool pool;
    struct queue *queue;
};

static int setup(void **state)
{
    static struct fixture fixture;
    *state = &fixture;
    if (pool_open(&fixture.pool, (size_t)4 * POOL_BLOCK_BYTES_MAX) != STATUS_OK) {
        return -1;
    }
    return queue_open(&fixture.pool, 7, &fixture.queue) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    queue_close(fixture->queue);
    pool_close(&fixture->pool);
    return 0;
}

static struct queued *add(struct fixture *fixture, uint8_t client, uint32_t number)
{
    uint8_t id[HASH_BYTES] = {client, (uint8_t)(number >> 8), (uint8_t)number};
    uint8_t key[PUBLIC_KEY_BYTES] = {client};
    struct queued *queued = queue_add(fixture->queue, QUEUE_COMMON, id, key, bytes_of_text("item"),
                                      bytes_of_text("payloads"));
    if (queued != NULL) {
        queued->not_after_ms = number;
    }
    return queued;
}

static void expect_next(struct fixture *fixture, uint8_t client, uint32_t number)
{
    struct queued *queued = queue_next(fixture->queue);
    assert_non_null(queued);
    assert_int_equal(queued->client[0], client);
    assert_int_equal(queued->not_after_ms, number);
    queue_mark_proposed(fixture->queue, queued);
}

static void clients_take_turns_and_keep_their_order(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t number = 1; number <= 3; number++) {
        assert_non_null(add(fixture, 1, number));
    }
    assert_non_null(add(fixture, 2, 1));
    assert_non_null(add(fixture, 3, 1));
    assert_non_null(add(fixture, 3, 2));
    expect_next(fixture, 1, 1);
    expect_next(fixture, 2, 1);
    expect_next(fixture, 3, 1);
    expect_next(fixture, 1, 2);
    expect_next(fixture, 3, 2);
    expect_next(fixture, 1, 3);
    assert_null(queue_next(fixture->queue));
    assert_int_equal(queue_count(fixture->queue), 6);
    assert_int_equal(queue_waiting(fixture->queue), 0);
}

static void a_request_is_found_until_it_is_removed(void **state)
{
    struct fixture *fixture = *state;
    struct queued *queued = add(fixture, 1, 1);
    assert_non_null(queued);
    uint8_t id[HASH_BYTES];
    memcpy(id, queued->request_id, HASH_BYTES);
    assert_ptr_equal(queue_find(fixture->queue, id), queued);
    queue_remove(fixture->queue, queued);
    assert_null(queue_find(fixture->queue, id));
    assert_int_equal(queue_count(fixture->queue), 0);
    assert_int_equal(fixture->pool.used_bytes, 0);
}

static void one_client_cannot_fill_the_queue(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t number = 0; number < QUEUE_PER_CLIENT_MAX; number++) {
        assert_non_null(add(fixture, 1, number));
    }
    assert_null(add(fixture, 1, QUEUE_PER_CLIENT_MAX));
    assert_non_null(add(fixture, 2, 1));
}

static void an_unmarked_request_is_next_again(void **state)
{
    struct fixture *fixture = *state;
    assert_non_null(add(fixture, 1, 1));
    assert_non_null(add(fixture, 1, 2));
    struct queued *first = queue_next(fixture->queue);
    queue_mark_proposed(fixture->queue, first);
    queue_unmark(fixture->queue, first);
    expect_next(fixture, 1, 1);
    expect_next(fixture, 1, 2);
}

static void what_nobody_may_order_any_more_leaves(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t number = 1; number <= 10; number++) {
        assert_non_null(add(fixture, (uint8_t)number, number));
    }
    expect_next(fixture, 1, 1);
    queue_expire(fixture->queue, 6);
    assert_int_equal(queue_waiting(fixture->queue), 5);
    assert_int_equal(queue_count(fixture->queue), 6); /* the proposed one stays */
}

static void random_use_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    uint32_t added = 0;
    uint32_t removed = 0;
    uint32_t seed = 1;
    for (uint32_t i = 0; i < 20000; i++) {
        seed = seed * 1664525u + 1013904223u;
        if (seed >> 31 == 0 && queue_count(fixture->queue) < 2000) {
            added += add(fixture, (uint8_t)(seed >> 8 & 63), i) != NULL ? 1 : 0;
            continue;
        }
        struct queued *queued = queue_next(fixture->queue);
        if (queued == NULL) {
            continue;
        }
        queue_mark_proposed(fixture->queue, queued);
        queue_remove(fixture->queue, queued);
        removed++;
    }
    assert_int_equal(queue_count(fixture->queue), added - removed);
    while (queue_next(fixture->queue) != NULL) {
        queue_remove(fixture->queue, queue_next(fixture->queue));
    }
    assert_int_equal(queue_count(fixture->queue), 0);
    assert_int_equal(fixture->pool.used_bytes, 0);
}

/* Client and request number `n` of many. */
static struct queued *add_many(struct fixture *fixture, uint32_t client, uint32_t n)
{
    uint8_t id[HASH_BYTES] = {1, (uint8_t)client, (uint8_t)(client >> 8), (uint8_t)n};
    uint8_t key[PUBLIC_KEY_BYTES] = {(uint8_t)client, (uint8_t)(client >> 8)};
    return queue_add(fixture->queue, QUEUE_COMMON, id, key, bytes_of_text("i"), bytes_of_text("p"));
}

static void there_is_a_bound_on_clients_and_old_ones_go_on(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t client = 0; client < COMMON_CLIENTS; client++) {
        assert_non_null(add_many(fixture, client, 1));
    }
    size_t used = fixture->pool.used_bytes;
    assert_null(add_many(fixture, COMMON_CLIENTS, 1));
    assert_int_equal(fixture->pool.used_bytes, used);
    assert_non_null(add_many(fixture, 77, 2));
    /* Every client leaves, in an order of its own, and others take their places. */
    for (uint32_t i = 0; i < COMMON_CLIENTS; i++) {
        uint32_t client = i * 2741 % COMMON_CLIENTS;
        uint8_t id[HASH_BYTES] = {1, (uint8_t)client, (uint8_t)(client >> 8), 1};
        struct queued *queued = queue_find(fixture->queue, id);
        assert_non_null(queued);
        queue_remove(fixture->queue, queued);
        assert_null(queue_find(fixture->queue, id));
    }
    assert_int_equal(queue_waiting(fixture->queue), 1);
    for (uint32_t client = 1; client < COMMON_CLIENTS; client++) {
        assert_non_null(add_many(fixture, COMMON_CLIENTS + client, 1));
    }
    assert_null(add_many(fixture, 5, 1));
}

static void there_is_a_bound_on_requests(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < COMMON_REQUESTS; i++) {
        assert_non_null(add_many(fixture, i / 100, i % 100));
    }
    size_t used = fixture->pool.used_bytes;
    assert_null(add_many(fixture, 0, 200));
    assert_int_equal(fixture->pool.used_bytes, used);
    assert_int_equal(queue_waiting(fixture->queue), COMMON_REQUESTS);
    queue_remove(fixture->queue, queue_oldest(fixture->queue));
    assert_non_null(add_many(fixture, 0, 200));
}

/* A pool in small pieces has room, and none for what is long. */
static void what_does_not_fit_in_one_piece_is_refused_whole(void **state)
{
    static uint8_t payloads[POOL_BLOCK_BYTES_MAX];
    struct fixture *fixture = *state;
    const uint8_t id[HASH_BYTES] = {1};
    uint8_t *halves[8];
    for (size_t i = 0; i < 8; i++) {
        halves[i] = pool_take(&fixture->pool, POOL_BLOCK_BYTES_MAX / 2);
        assert_non_null(halves[i]);
    }
    for (size_t i = 0; i < 8; i += 2) {
        pool_give(&fixture->pool, halves[i]);
    }
    assert_false(pool_is_crowded(&fixture->pool));
    size_t used = fixture->pool.used_bytes;
    struct queued *queued = queue_add(fixture->queue, QUEUE_COMMON, id, id, bytes_of_text("item"),
                                      bytes_make(payloads, sizeof(payloads)));
    assert_null(queued);
    queued = queue_add(fixture->queue, QUEUE_COMMON, id, id, bytes_make(payloads, sizeof(payloads)),
                       bytes_of_text("payloads"));
    assert_null(queued);
    assert_int_equal(fixture->pool.used_bytes, used);
    assert_int_equal(queue_waiting(fixture->queue), 0);
    assert_null(queue_find(fixture->queue, id));
}

/* --- The lane ahead --------------------------------------------------------------------------- */

static struct queued *add_ahead(struct fixture *fixture, uint32_t client, uint32_t number)
{
    uint8_t id[HASH_BYTES] = {2, (uint8_t)client, (uint8_t)(client >> 8), (uint8_t)number};
    uint8_t key[PUBLIC_KEY_BYTES] = {(uint8_t)client, (uint8_t)(client >> 8)};
    struct queued *queued = queue_add(fixture->queue, QUEUE_AHEAD, id, key, bytes_of_text("item"),
                                      bytes_of_text("payloads"));
    if (queued != NULL) {
        queued->not_after_ms = number;
    }
    return queued;
}

static void what_is_ahead_is_taken_first(void **state)
{
    struct fixture *fixture = *state;
    assert_non_null(add(fixture, 1, 1));
    assert_non_null(add(fixture, 2, 2));
    expect_next(fixture, 1, 1);
    assert_non_null(add_ahead(fixture, 1, 11)); /* of a client that is in the other lane, too */
    assert_non_null(add_ahead(fixture, 1, 12));
    assert_non_null(add_ahead(fixture, 3, 31));
    expect_next(fixture, 1, 11);
    expect_next(fixture, 3, 31);
    expect_next(fixture, 1, 12);
    expect_next(fixture, 2, 2);
    assert_null(queue_next(fixture->queue));
    queue_unmark_all(fixture->queue);
    expect_next(fixture, 3, 31); /* whose turn it was */
    assert_int_equal(queue_oldest(fixture->queue)->not_after_ms, 1);
}

static void a_full_queue_and_a_crowded_pool_take_what_is_ahead(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < COMMON_REQUESTS; i++) {
        assert_non_null(add_many(fixture, i / 100, i % 100));
    }
    assert_null(add_many(fixture, 500, 1));
    while (!pool_is_crowded(&fixture->pool)) {
        assert_non_null(pool_take(&fixture->pool, POOL_BLOCK_BYTES_MAX / 8));
    }
    for (uint32_t i = 0; i < QUEUE_AHEAD_MAX; i++) {
        assert_non_null(add_ahead(fixture, i, 1));
    }
    assert_null(add_ahead(fixture, QUEUE_AHEAD_MAX, 1));
    assert_int_equal(queue_count(fixture->queue), QUEUE_REQUESTS_MAX);
    struct queued *first = queue_next(fixture->queue);
    queue_mark_proposed(fixture->queue, first);
    queue_remove(fixture->queue, first);
    assert_non_null(add_ahead(fixture, QUEUE_AHEAD_MAX, 1));
}

static void one_client_has_few_places_ahead(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < QUEUE_AHEAD_PER_CLIENT_MAX; i++) {
        assert_non_null(add_ahead(fixture, 1, i));
    }
    assert_null(add_ahead(fixture, 1, QUEUE_AHEAD_PER_CLIENT_MAX));
    assert_non_null(add_ahead(fixture, 2, 1));
    assert_non_null(add(fixture, 1, 1));
}

static void what_is_ahead_is_bounded_in_bytes(void **state)
{
    static uint8_t payloads[QUEUE_AHEAD_BYTES_MAX / 2];
    struct fixture *fixture = *state;
    for (uint8_t i = 1; i <= 2; i++) {
        const uint8_t id[HASH_BYTES] = {i};
        struct queued *queued = queue_add(fixture->queue, QUEUE_AHEAD, id, id, BYTES_OF_ARRAY(id),
                                          bytes_make(payloads, sizeof(payloads) - HASH_BYTES));
        assert_non_null(queued);
    }
    assert_null(add_ahead(fixture, 3, 1));
    queue_remove(fixture->queue, queue_oldest(fixture->queue));
    assert_non_null(add_ahead(fixture, 3, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(clients_take_turns_and_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_is_found_until_it_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(one_client_cannot_fill_the_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unmarked_request_is_next_again, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_may_order_any_more_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(random_use_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_a_bound_on_clients_and_old_ones_go_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(there_is_a_bound_on_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_fit_in_one_piece_is_refused_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_ahead_is_taken_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_queue_and_a_crowded_pool_take_what_is_ahead, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_client_has_few_places_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_ahead_is_bounded_in_bytes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
