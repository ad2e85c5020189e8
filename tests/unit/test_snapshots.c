/* States of checkpoints, fetched piece by piece from pictures of a store that goes on: what comes
 * is the state that the header's root covers, whatever was executed since. */
#include "crypto/hash.h"
#include "governance/state_chunk.h"
#include "replica/host/snapshots.h"
#include "storage/record.h"
#include "storage/store_memory.h"
#include "tests/support/host_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define INTERVAL 128
#define RECORDS 2000
#define BYTES ((size_t)4 << 20)

/* One log for all tests, with more checkpoints than are noted in the state; each test has pictures
 * of some of them. */
static struct host_log *host_log;
static struct store *pictures[12]; /* by number of the checkpoint: the store after its block */
static struct block_header headers[12];
static uint8_t header_bytes[12][HEADER_BYTES_MAX];

#define CHECKPOINTS 11

static int setup_log(void **state)
{
    void *log = NULL;
    (void)state;
    assert_int_equal(host_log_setup(&log), 0);
    host_log = log;
    for (uint32_t n = 1; n <= CHECKPOINTS * INTERVAL; n++) {
        host_log_block(host_log, 1, 1 + n % 3);
        uint32_t number = n / INTERVAL;
        if (n % INTERVAL == 0) {
            memcpy(header_bytes[number], host_log->header, host_log->header_len);
            assert_int_equal(
                block_header_decode(bytes_make(header_bytes[number], host_log->header_len),
                                    &headers[number]),
                WIRE_OK);
            assert_int_equal(store_memory_copy(host_log->store, &pictures[number]), STATUS_OK);
            host_log_attest(host_log);
        }
    }
    return 0;
}

static int teardown_log(void **state)
{
    void *log = host_log;
    (void)state;
    for (uint32_t i = 1; i <= CHECKPOINTS; i++) {
        store_close(pictures[i]);
    }
    return host_log_teardown(&log);
}

struct fixture {
    struct log_reader *reader;
    struct snapshots *snapshots;
};

static void begin(struct fixture *fixture, uint32_t records_max)
{
    const struct snapshots_setup setup = {
        .records_max = records_max, .bytes_max = BYTES, .hash_seed = 5, .chunk_bytes = 300};
    assert_int_equal(log_reader_open(&fixture->reader), STATUS_OK);
    assert_int_equal(snapshots_open(&setup, fixture->reader, &fixture->snapshots), STATUS_OK);
}

static void end(struct fixture *fixture)
{
    snapshots_close(fixture->snapshots);
    log_reader_close(fixture->reader);
}

static void pin(struct fixture *fixture, uint32_t number)
{
    struct store_view *view = NULL;
    assert_int_equal(store_view_open(pictures[number], &view), STATUS_OK);
    snapshots_pin(fixture->snapshots, headers[number].height, view);
}

static struct fetch fetch_of(uint32_t number, uint64_t node)
{
    struct fetch fetch = {.kind = FETCH_SNAPSHOT, .from = headers[number].height, .count = node};
    assert_int_equal(headers[number].state_root.len, HASH_BYTES);
    memcpy(fetch.digest, headers[number].state_root.data, HASH_BYTES);
    return fetch;
}

static bool is_there(struct fixture *fixture, uint32_t number)
{
    const struct fetch fetch = fetch_of(number, 1);
    struct state_chunk chunk;
    return snapshots_chunk(fixture->snapshots, &fetch, &chunk);
}

/* Fetch all of it, and return how many pieces that took. */
static uint32_t fetch_whole(struct fixture *fixture, uint32_t number, struct state *out)
{
    uint64_t position = 0;
    for (uint32_t pieces = 1;; pieces++) {
        const struct fetch fetch = fetch_of(number, state_node_at(position, UINT64_MAX));
        struct state_chunk chunk;
        struct state_row row;
        assert_true(snapshots_chunk(fixture->snapshots, &fetch, &chunk));
        assert_int_equal(chunk.height, headers[number].height);
        assert_true(chunk.rows.count == 1 || chunk.rows.raw.len <= 300);
        assert_true(state_chunk_check(&chunk, fetch.digest));
        struct wire_iter rows = wire_iter_make(chunk.rows);
        while (state_row_next(&rows, &row)) {
            assert_true(state_put(out, row.key, row.value));
        }
        if (state_chunk_last(&chunk) == UINT64_MAX) {
            return pieces;
        }
        position = state_chunk_last(&chunk) + 1;
    }
}

static void the_state_of_each_checkpoint_can_be_fetched(void **unused)
{
    struct fixture fixture;
    (void)unused;
    begin(&fixture, RECORDS);
    for (uint32_t number = 1; number <= CHECKPOINTS; number++) {
        struct state *state = NULL;
        uint8_t root[HASH_BYTES];
        pin(&fixture, number);
        assert_int_equal(state_open(RECORDS, BYTES, 9, &state), STATUS_OK);
        assert_true(fetch_whole(&fixture, number, state) > 5);
        state_root(state, root);
        assert_memory_equal(root, headers[number].state_root.data, HASH_BYTES);
        state_close(state);
    }
    end(&fixture);
}

static void the_newest_two_pictures_are_kept(void **unused)
{
    struct fixture fixture;
    (void)unused;
    begin(&fixture, RECORDS);
    assert_false(is_there(&fixture, 1));
    pin(&fixture, 1);
    assert_true(is_there(&fixture, 1));
    pin(&fixture, 2);
    assert_true(is_there(&fixture, 1));
    assert_true(is_there(&fixture, 2));
    pin(&fixture, 2);
    assert_true(is_there(&fixture, 1));
    assert_true(is_there(&fixture, 2));
    pin(&fixture, 3);
    assert_false(is_there(&fixture, 1));
    assert_true(is_there(&fixture, 2));
    assert_true(is_there(&fixture, 3));
    snapshots_unpin(fixture.snapshots);
    assert_false(is_there(&fixture, 2));
    assert_false(is_there(&fixture, 3));
    end(&fixture);
}

static void what_was_not_pinned_or_has_another_root_is_not_there(void **unused)
{
    struct fixture fixture;
    struct state_chunk chunk;
    (void)unused;
    begin(&fixture, RECORDS);
    pin(&fixture, 4);
    const struct fetch good = fetch_of(4, 1);
    struct fetch fetch = good;
    fetch.digest[31] ^= 1;
    assert_false(snapshots_chunk(fixture.snapshots, &fetch, &chunk));
    fetch = good;
    fetch.from++;
    assert_false(snapshots_chunk(fixture.snapshots, &fetch, &chunk));
    fetch.from = 0;
    assert_false(snapshots_chunk(fixture.snapshots, &fetch, &chunk));
    fetch = good;
    fetch.count = 0;
    assert_false(snapshots_chunk(fixture.snapshots, &fetch, &chunk));
    fetch.count = UINT64_C(1) << 61;
    assert_false(snapshots_chunk(fixture.snapshots, &fetch, &chunk));
    fetch.count--;
    assert_true(snapshots_chunk(fixture.snapshots, &fetch, &chunk));
    end(&fixture);
}

/* However often it is asked for, in turn with another. */
static void a_state_is_loaded_once(void **unused)
{
    struct fixture fixture;
    (void)unused;
    begin(&fixture, RECORDS);
    pin(&fixture, 4);
    pin(&fixture, 5);
    assert_true(is_there(&fixture, 4));
    assert_true(is_there(&fixture, 5));
    const uint64_t before[] = {store_memory_operations(pictures[4]),
                               store_memory_operations(pictures[5])};
    for (int i = 0; i < 10; i++) {
        assert_true(is_there(&fixture, 4));
        assert_true(is_there(&fixture, 5));
    }
    assert_int_equal(store_memory_operations(pictures[4]), before[0]);
    assert_int_equal(store_memory_operations(pictures[5]), before[1]);
    end(&fixture);
}

static void a_state_that_does_not_fit_is_not_there_and_not_tried_again(void **unused)
{
    struct fixture fixture;
    (void)unused;
    for (uint32_t records_max = 0; records_max <= 5; records_max += 5) {
        begin(&fixture, records_max);
        pin(&fixture, 4);
        assert_false(is_there(&fixture, 4));
        const uint64_t before = store_memory_operations(pictures[4]);
        assert_false(is_there(&fixture, 4));
        assert_int_equal(store_memory_operations(pictures[4]), before);
        end(&fixture);
    }
}

/* Each read of the store fails once: then there is nothing, and never something else. */
static void a_store_that_fails_shows_nothing(void **unused)
{
    struct fixture fixture;
    (void)unused;
    for (uint32_t n = 2; n <= 4; n++) {
        begin(&fixture, RECORDS);
        store_memory_fail_at(pictures[9], n, MEMORY_FAULT_LOST);
        pin(&fixture, 9);
        assert_false(is_there(&fixture, 9));
        store_memory_fail_at(pictures[9], 0, MEMORY_FAULT_LOST);
        assert_false(is_there(&fixture, 9));
        end(&fixture);
    }
}

/* The root of the checkpoint that was pushed out of the state's list stands in a block. */
static void a_state_needs_the_blocks_down_to_a_noted_checkpoint(void **unused)
{
    static const struct {
        uint32_t number;
        uint64_t missing;
        bool there;
    } cases[] = {
        {9, INTERVAL, false}, /* of which the list at the ninth has the note no more */
        {9, 2 * INTERVAL - 1, false},
        {9, 2 * INTERVAL, true},
        {9, INTERVAL - 1, true},
        {7, 1, true},  /* the list has all since genesis */
        {8, 1, false}, /* and genesis, here */
        {8, INTERVAL, true},
    };
    struct fixture fixture;
    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct record_key key = record_key_block(RECORD_HEADER, cases[i].missing);
        const struct put put = {
            .family = FAMILY_BLOCKS, .erase = true, .key = record_key_bytes(&key)};
        struct store *copy = NULL;
        struct store_view *view = NULL;
        begin(&fixture, RECORDS);
        assert_int_equal(store_memory_copy(pictures[cases[i].number], &copy), STATUS_OK);
        assert_int_equal(store_commit(copy, &put, 1), STATUS_OK);
        assert_int_equal(store_view_open(copy, &view), STATUS_OK);
        snapshots_pin(fixture.snapshots, headers[cases[i].number].height, view);
        assert_int_equal(is_there(&fixture, cases[i].number), cases[i].there);
        end(&fixture);
        store_close(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_of_each_checkpoint_can_be_fetched),
        cmocka_unit_test(the_newest_two_pictures_are_kept),
        cmocka_unit_test(what_was_not_pinned_or_has_another_root_is_not_there),
        cmocka_unit_test(a_state_is_loaded_once),
        cmocka_unit_test(a_state_that_does_not_fit_is_not_there_and_not_tried_again),
        cmocka_unit_test(a_store_that_fails_shows_nothing),
        cmocka_unit_test(a_state_needs_the_blocks_down_to_a_noted_checkpoint),
    };
    return cmocka_run_group_tests(tests, setup_log, teardown_log);
}
