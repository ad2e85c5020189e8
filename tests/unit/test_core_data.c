/* Answers to FETCH at the handler itself, which relies on nobody else for their form; and sources
 * that nobody asked. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "tests/support/core_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define NODE 1
#define SOURCE 2
#define JUNK bytes_of_text("junk")

static struct bytes encoded(const struct schema *schema, const void *object)
{
    static uint8_t memory[8][1u << 16];
    static unsigned turn;
    struct buffer out = buffer_make(memory[turn++ % 8], sizeof(memory[0]));
    assert_true(schema_encode(schema, object, &out));
    return buffer_bytes(&out);
}

static enum drop handle(struct core_fixture *fixture, const struct data *data,
                        struct bytes attachment)
{
    struct message message = {
        .envelope = {.type = MESSAGE_DATA, .body = encoded(&schema_data, data)},
        .attachment = attachment,
    };
    outbox_clear(&fixture->outbox);
    return on_data(fixture->nodes[NODE], SOURCE, &message, &fixture->outbox);
}

static void assert_silent(const struct core_fixture *fixture)
{
    assert_int_equal(fixture->outbox.action_count, 0);
    assert_int_equal(fixture->outbox.put_count, 0);
}

static void what_is_no_answer_is_malformed(void **state)
{
    static const uint64_t kinds[] = {FETCH_BLOCKS, FETCH_STABLE, FETCH_NEW_VIEW};
    struct core_fixture *fixture = *state;
    struct message message = {.envelope = {.type = MESSAGE_DATA, .body = JUNK}};
    outbox_clear(&fixture->outbox);
    assert_int_equal(on_data(fixture->nodes[NODE], SOURCE, &message, &fixture->outbox),
                     DROP_MALFORMED);
    assert_silent(fixture);
    for (size_t i = 0; i < 3; i++) {
        struct data data = {.kind = kinds[i]};
        assert_int_equal(handle(fixture, &data, JUNK), DROP_MALFORMED);
        assert_silent(fixture);
    }
    struct data unknown = {.kind = 255};
    assert_int_equal(handle(fixture, &unknown, JUNK), DROP_NOT_WANTED);
    assert_silent(fixture);
}

/* A slot that has its digest from a NEW-VIEW and waits for the batch. */
static struct slot *awaited(struct core_fixture *fixture, const uint8_t digest[HASH_BYTES])
{
    struct slot *slot = window_slot(&fixture->nodes[NODE]->window, 1);
    slot->stage = SLOT_AWAITED;
    slot->knows_digest = true;
    slot->has_primary_sig = true;
    memcpy(slot->digest, digest, HASH_BYTES);
    return slot;
}

static void a_batch_is_taken_where_a_slot_waits_for_it(void **state)
{
    struct core_fixture *fixture = *state;
    struct data data = {.kind = FETCH_BATCH};
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, data.digest);
    assert_int_equal(handle(fixture, &data, parcel), DROP_NOT_WANTED);
    assert_silent(fixture);
    const struct slot *slot = awaited(fixture, data.digest);
    assert_int_equal(handle(fixture, &data, JUNK), DROP_MALFORMED);
    assert_silent(fixture);
    assert_int_equal(slot->stage, SLOT_AWAITED);
    assert_int_equal(handle(fixture, &data, parcel), DROP_NONE);
    assert_int_equal(slot->stage, SLOT_ACCEPTED);
    assert_true(core_journaled(fixture, JOURNAL_SLOT));
    assert_int_equal(handle(fixture, &data, parcel), DROP_NOT_WANTED);
}

static void a_batch_without_room_is_taken_when_it_comes_again(void **state)
{
    static uint8_t *taken[1u << 10];
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[NODE];
    struct data data = {.kind = FETCH_BATCH};
    size_t count = 0;
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, data.digest);
    const struct slot *slot = awaited(fixture, data.digest);
    for (size_t len = POOL_BLOCK_BYTES_MAX; len > 0; len /= 2) {
        uint8_t *piece = pool_take(&node->pool, len);
        for (; piece != NULL; piece = pool_take(&node->pool, len)) {
            assert_true(count < sizeof(taken) / sizeof(taken[0]));
            taken[count++] = piece;
        }
    }
    size_t used = node->pool.used_bytes;
    assert_int_equal(handle(fixture, &data, parcel), DROP_NO_MEMORY);
    assert_silent(fixture);
    assert_int_equal(slot->stage, SLOT_AWAITED);
    assert_null(slot->batch.data);
    assert_int_equal(node->pool.used_bytes, used);
    while (count > 0) {
        pool_give(&node->pool, taken[--count]);
    }
    assert_int_equal(handle(fixture, &data, parcel), DROP_NONE);
    assert_int_equal(slot->stage, SLOT_ACCEPTED);
}

static void a_block_that_was_executed_here_is_not_wanted(void **state)
{
    struct core_fixture *fixture = *state;
    struct vote vote = {.sequence = 1};
    struct certificate certificate = {.body = encoded(&schema_vote, &vote)};
    struct block_parcel parcel = {.header = JUNK,
                                  .commit = encoded(&schema_certificate, &certificate)};
    struct data data = {.kind = FETCH_BLOCKS, .from = 1};
    fixture->nodes[NODE]->head.height = 1;
    assert_int_equal(handle(fixture, &data, encoded(&schema_block_parcel, &parcel)),
                     DROP_NOT_WANTED);
    assert_silent(fixture);
    fixture->nodes[NODE]->head.height = 0;
}

static void a_checkpoint_that_is_no_news_is_not_wanted(void **state)
{
    struct core_fixture *fixture = *state;
    static const uint64_t heights[] = {0, 128};
    for (size_t i = 0; i < 2; i++) {
        struct block_header header = {.height = heights[i], .tree_size = 1};
        struct stable stable = {.header = encoded(&schema_block_header, &header)};
        struct data data = {.kind = FETCH_STABLE};
        assert_int_equal(handle(fixture, &data, encoded(&schema_stable, &stable)), DROP_NOT_WANTED);
        assert_silent(fixture);
    }
    assert_int_equal(fixture->nodes[NODE]->window.stable, 0);
}

/* Proven by a quorum, and not what was executed here: this replica's state is not theirs. */
static void a_checkpoint_that_contradicts_the_own_block_halts_the_replica(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[NODE];
    struct block_header header;
    struct data data = {.kind = FETCH_STABLE};
    assert_int_equal(
        block_header_decode(bytes_make(node->head.header, node->head.header_len), &header),
        WIRE_OK);
    node->head.height = 128;
    header.height = 128;
    struct stable stable = {.header = encoded(&schema_block_header, &header)};
    assert_int_equal(handle(fixture, &data, encoded(&schema_stable, &stable)), DROP_HALTED);
    assert_true(node->halted);
    assert_int_equal(core_actions(fixture, ACTION_HALT), 1);
    assert_int_equal(fixture->outbox.put_count, 0);
    assert_int_equal(node->window.stable, 0);
}

static void bad_data_of_nobody_or_at_rest_changes_nothing(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[NODE];
    outbox_clear(&fixture->outbox);
    on_bad_data(node, CORE_NODES, &fixture->outbox);
    on_bad_data(node, NODE, &fixture->outbox);
    node->halted = true;
    on_bad_data(node, SOURCE, &fixture->outbox);
    catch_up(node, &fixture->outbox);
    node->halted = false;
    assert_silent(fixture);
    for (uint32_t member = 0; member < CORE_NODES; member++) {
        assert_false(sources_banned(&node->sources, member, fixture->now_ms));
    }
    on_bad_data(node, SOURCE, &fixture->outbox);
    assert_true(sources_banned(&node->sources, SOURCE, fixture->now_ms));
}

static void what_nobody_asked_for_counts_for_nothing(void **state)
{
    struct core_fixture *fixture = *state;
    struct sources *sources = &fixture->nodes[NODE]->sources;
    const struct sources before = *sources;
    sources_brought(sources, SOURCE, 5, 1000, fixture->now_ms);
    assert_memory_equal(sources, &before, sizeof(before));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_answer_is_malformed),
        TEST(a_batch_is_taken_where_a_slot_waits_for_it),
        TEST(a_batch_without_room_is_taken_when_it_comes_again),
        TEST(a_block_that_was_executed_here_is_not_wanted),
        TEST(a_checkpoint_that_is_no_news_is_not_wanted),
        TEST(a_checkpoint_that_contradicts_the_own_block_halts_the_replica),
        TEST(bad_data_of_nobody_or_at_rest_changes_nothing),
        TEST(what_nobody_asked_for_counts_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
