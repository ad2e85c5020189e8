/* A snapshot and the history below it, where what comes is not what was asked for. */
#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "governance/item.h"
#include "replica/core/node_parts.h"
#include "tests/support/core_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define NODE 1
#define SOURCE 2
#define HEIGHT 256
#define JUNK bytes_of_text("junk")

static struct bytes encoded(const struct schema *schema, const void *object)
{
    static uint8_t memory[8][1u << 14];
    static unsigned turn;
    struct buffer out = buffer_make(memory[turn++ % 8], sizeof(memory[0]));
    assert_true(schema_encode(schema, object, &out));
    return buffer_bytes(&out);
}

/* The node in that phase of fetching a snapshot of HEIGHT. */
static struct node *fetching(struct core_fixture *fixture, enum snapshot_phase phase)
{
    struct node *node = fixture->nodes[NODE];
    node->snapshot.phase = phase;
    node->snapshot.height = HEIGHT;
    node->snapshot.moved_ms = node->now_ms;
    outbox_clear(&fixture->outbox);
    return node;
}

static void a_snapshot_that_the_blocks_have_overtaken_is_given_up(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fetching(fixture, SNAPSHOT_CHUNKS);
    node->head.height = HEIGHT;
    assert_false(snapshot_advance(node, &fixture->outbox));
    assert_int_equal(node->snapshot.phase, SNAPSHOT_NONE);
    node->head.height = 0;
}

static void a_snapshot_of_which_nothing_comes_is_given_up(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fetching(fixture, SNAPSHOT_CHUNKS);
    node->now_ms += 3600000;
    assert_false(snapshot_advance(node, &fixture->outbox));
    assert_int_equal(node->snapshot.phase, SNAPSHOT_NONE);
}

static void nothing_else_is_expected_of_a_snapshot(void **state)
{
    struct core_fixture *fixture = *state;
    const struct node *node = fetching(fixture, SNAPSHOT_CHUNKS);
    static const uint64_t kinds[] = {FETCH_BATCH, FETCH_BLOCKS, FETCH_STABLE, FETCH_HISTORY, 255};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct data data = {.kind = kinds[i], .from = HEIGHT};
        assert_false(snapshot_expects(node, SOURCE, &data));
    }
}

/* The only one that has it brought the proof of another: nobody is left. */
static void a_proof_of_another_height_is_none(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fetching(fixture, SNAPSHOT_PROOF);
    struct block_header header = {.height = HEIGHT - 128};
    node->peers[SOURCE].stable = HEIGHT;
    snapshot_take_proof(node, SOURCE, JUNK, &header, &fixture->outbox);
    assert_int_equal(node->snapshot.proof_len, 0);
    assert_int_equal(node->snapshot.phase, SNAPSHOT_NONE);
    assert_false(sources_banned(&node->sources, SOURCE, node->now_ms));
}

static void a_piece_that_no_lane_waits_for_is_not_wanted(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fetching(fixture, SNAPSHOT_CHUNKS);
    struct state_chunk chunk = {.height = HEIGHT};
    struct data data = {.kind = FETCH_SNAPSHOT, .from = HEIGHT, .count = 12345};
    assert_int_equal(snapshot_take_chunk(node, SOURCE, &data, encoded(&schema_state_chunk, &chunk),
                                         &fixture->outbox),
                     DROP_NOT_WANTED);
    assert_int_equal(node->snapshot.phase, SNAPSHOT_CHUNKS);
    assert_int_equal(fixture->outbox.put_count, 0);
}

/* One lane is left, from `next` on, and a chunk of the whole state or its lower half comes. */
static enum drop take_chunk(struct core_fixture *fixture, uint64_t next, uint64_t depth)
{
    struct node *node = fetching(fixture, SNAPSHOT_CHUNKS);
    uint8_t memory[64];
    struct buffer rows = buffer_make(memory, sizeof(memory));
    struct state_row row = {.key = bytes_of_text("key"), .value = bytes_of_text("value")};
    struct data data = {.kind = FETCH_SNAPSHOT, .from = HEIGHT, .count = 5};
    assert_true(state_row_encode(&row, &rows));
    struct state_chunk chunk = {.height = HEIGHT, .depth = depth, .rows = {buffer_bytes(&rows), 1}};
    for (uint32_t i = 0; i < SNAPSHOT_LANES; i++) {
        node->snapshot.lanes[i].done = i > 0;
    }
    node->snapshot.lanes[0].node = 5;
    node->snapshot.lanes[0].next = next;
    node->snapshot.lanes[0].last = UINT64_MAX;
    return snapshot_take_chunk(node, SOURCE, &data, encoded(&schema_state_chunk, &chunk),
                               &fixture->outbox);
}

static void a_piece_of_another_place_is_a_lie(void **state)
{
    struct core_fixture *fixture = *state;
    const struct node *node = fixture->nodes[NODE];
    assert_int_equal(take_chunk(fixture, UINT64_MAX, 1), DROP_CERTIFICATE);
    assert_true(sources_banned(&node->sources, SOURCE, node->now_ms));
    assert_int_equal(state_count(node->fetched), 0);
    assert_int_equal(node->snapshot.phase, SNAPSHOT_CHUNKS);
}

static void a_state_whose_root_is_another_is_given_up(void **state)
{
    struct core_fixture *fixture = *state;
    memset(fixture->nodes[NODE]->snapshot.root, 7, HASH_BYTES);
    assert_int_equal(take_chunk(fixture, 0, 0), DROP_NONE);
    assert_int_equal(fixture->nodes[NODE]->snapshot.phase, SNAPSHOT_NONE);
    assert_int_equal(fixture->outbox.put_count, 0);
}

static void a_state_that_does_not_fit_is_given_up(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[NODE];
    state_close(node->fetched);
    node->fetched = NULL;
    assert_int_equal(state_open(1, 1000, 1, &node->fetched), STATUS_OK);
    assert_true(state_put(node->fetched, bytes_of_text("x"), BYTES_EMPTY));
    assert_int_equal(take_chunk(fixture, 0, 0), DROP_NONE);
    assert_int_equal(node->snapshot.phase, SNAPSHOT_NONE);
    assert_int_equal(fixture->outbox.put_count, 0);
}

/* Blocks 3 to 9 are missing. */
static struct node *with_gap(struct core_fixture *fixture)
{
    struct node *node = fixture->nodes[NODE];
    node->gap = (struct gap){.first = 3, .last = 9};
    outbox_clear(&fixture->outbox);
    return node;
}

static void a_block_that_is_none_of_the_gap_is_a_lie(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = with_gap(fixture);
    struct block_header header = {.height = 9, .tree_size = 1};
    struct history_parcel parcel = {
        .header = encoded(&schema_block_header, &header),
        .previous = encoded(&schema_block_header, &header),
        .commit = JUNK,
    };
    const struct bytes attachments[] = {encoded(&schema_history_parcel, &parcel), JUNK};
    for (size_t i = 0; i < 2; i++) {
        struct message message = {.attachment = attachments[i]};
        assert_int_equal(history_take(node, SOURCE, &message, 9, &fixture->outbox),
                         DROP_CERTIFICATE);
        assert_true(sources_banned(&node->sources, SOURCE, node->now_ms));
        assert_int_equal(node->gap.last, 9);
        assert_int_equal(fixture->outbox.put_count, 0);
    }
}

/* The last thing that a snapshot waits for: the state is here, and its block is another one. */
static void a_snapshot_is_not_installed_with_another_block(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fetching(fixture, SNAPSHOT_BLOCK);
    struct block_header header = {.height = HEIGHT, .tree_size = 1};
    struct history_parcel parcel = {
        .header = encoded(&schema_block_header, &header),
        .previous = encoded(&schema_block_header, &header),
        .commit = JUNK,
    };
    assert_int_equal(
        snapshot_install(node, SOURCE, encoded(&schema_history_parcel, &parcel), &fixture->outbox),
        DROP_CERTIFICATE);
    assert_true(sources_banned(&node->sources, SOURCE, node->now_ms));
    assert_int_equal(node->head.height, 0);
    assert_int_equal(fixture->outbox.put_count, 0);
}

/* A block of one request, with these results and a tree of `before` entries before it. */
static bool rebuilds(struct core_fixture *fixture, struct wire_list results, uint64_t before)
{
    struct node *node = with_gap(fixture);
    struct block_header header = {.height = 9, .tree_size = 1};
    struct block_header previous = {.height = 8, .tree_size = before};
    struct merkle_frontier after;
    struct batch_parcel made;
    uint8_t hash[HASH_BYTES];
    assert_int_equal(batch_parcel_decode(core_batch(fixture, 1, 1, fixture->wall_ms, hash), &made),
                     WIRE_OK);
    merkle_empty_root(previous.tree_root);
    struct history_parcel parcel = {
        .header = encoded(&schema_block_header, &header),
        .previous = encoded(&schema_block_header, &previous),
        .batch = made.batch,
        .payloads = made.payloads,
        .commit = JUNK,
        .results = results,
    };
    hash_bytes(parcel.header, hash);
    struct bytes attachment = encoded(&schema_history_parcel, &parcel);
    bool whole = history_block(node, attachment, hash, &after, &fixture->outbox);
    assert_int_equal(fixture->outbox.put_count, 0);
    return whole;
}

static void a_block_is_rebuilt_from_its_results_and_the_tree_before_it(void **state)
{
    struct core_fixture *fixture = *state;
    static struct item_view view;
    struct batch_parcel parcel;
    struct batch batch;
    struct item item;
    uint8_t hash[HASH_BYTES];
    assert_int_equal(
        batch_parcel_decode(core_batch(fixture, 1, 1, fixture->wall_ms, hash), &parcel), WIRE_OK);
    assert_int_equal(batch_decode(parcel.batch, &batch), WIRE_OK);
    struct wire_iter items = wire_iter_make(batch.items);
    assert_true(item_next(&items, &item));
    assert_int_equal(item_parse(&item, node_cluster_id(fixture->nodes[NODE]), &view), RESULT_OK);
    struct result cases[] = {
        {.code = RESULT_OK, .count = 1},                   /* of another request */
        {.code = RESULT_OK, .count = 2},                   /* of more entries */
        {.code = RESULT_OK, .count = 1, .first_index = 5}, /* of another place */
        {.code = RESULT_OK, .count = 1},                   /* without its stream's */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t memory[256];
        struct buffer list = buffer_make(memory, sizeof(memory));
        memcpy(cases[i].request_id, view.request_id, HASH_BYTES);
        cases[i].request_id[0] ^= i == 0 ? 1 : 0;
        struct item_result result = {encoded(&schema_result, &cases[i])};
        assert_true(item_result_encode(&result, &list));
        assert_false(rebuilds(fixture, (struct wire_list){buffer_bytes(&list), 1}, 0));
    }
    assert_false(rebuilds(fixture, (struct wire_list){BYTES_EMPTY, 0}, 0));
    assert_false(rebuilds(fixture, (struct wire_list){BYTES_EMPTY, 0}, 3));
}

static void a_block_that_cannot_wait_for_its_turn_is_asked_for_again(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = with_gap(fixture);
    struct message message = {.attachment = JUNK};
    while (pool_take(&node->pool, POOL_BLOCK_BYTES_MAX) != NULL) {
    }
    assert_int_equal(history_take(node, SOURCE, &message, 7, &fixture->outbox), DROP_NO_MEMORY);
    for (size_t i = 0; i < FETCH_BLOCKS_MAX; i++) {
        assert_int_equal(node->parked[i].sequence, 0);
    }
}

static void what_is_no_piece_and_no_block_is_malformed(void **state)
{
    struct core_fixture *fixture = *state;
    struct verify_job job;
    struct vote vote = {.sequence = 7, .digest = {1}};
    struct bytes prepare = core_vote(fixture, MESSAGE_PREPARE, SOURCE, &vote);
    assert_int_equal(node_inspect(fixture->nodes[NODE], SOURCE, prepare, &job), DROP_NONE);
    struct certificate certificate = {.body = encoded(&schema_vote, &vote)};
    struct history_parcel parcel = {.header = JUNK, .previous = JUNK, .commit = JUNK};
    const struct state_chunk other = {.height = HEIGHT + 1};
    struct bytes no_commit = encoded(&schema_history_parcel, &parcel);
    parcel.commit = encoded(&schema_certificate, &certificate);
    struct bytes no_header = encoded(&schema_history_parcel, &parcel);
    const struct {
        struct data data;
        struct bytes attachment;
        enum drop drop;
    } cases[] = {
        {{.kind = FETCH_SNAPSHOT, .from = HEIGHT}, JUNK, DROP_MALFORMED},
        {{.kind = FETCH_SNAPSHOT, .from = HEIGHT},
         encoded(&schema_state_chunk, &other),
         DROP_MALFORMED},
        {{.kind = FETCH_HISTORY, .from = 7}, JUNK, DROP_MALFORMED},
        {{.kind = FETCH_HISTORY, .from = 7}, no_commit, DROP_MALFORMED},
        {{.kind = FETCH_HISTORY, .from = 8}, no_header, DROP_MALFORMED},
        {{.kind = FETCH_HISTORY, .from = 7}, no_header, DROP_CERTIFICATE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes frame = core_frame(fixture, MESSAGE_DATA, 0, NULL,
                                        encoded(&schema_data, &cases[i].data), cases[i].attachment);
        assert_int_equal(job_verify(&job, frame, 0, 1, NULL), cases[i].drop);
    }
}

/* As many signatures as members, and none of them good. */
static void a_certificate_that_nobody_signed_proves_no_block(void **state)
{
    struct core_fixture *fixture = *state;
    struct verify_job job;
    struct vote vote = {.sequence = 7};
    uint8_t memory[3 * (SIG_BYTES + 2)];
    struct buffer sigs = buffer_make(memory, sizeof(memory));
    const struct item_sig none = {{0}};
    struct bytes prepare = core_vote(fixture, MESSAGE_PREPARE, SOURCE, &vote);
    assert_int_equal(node_inspect(fixture->nodes[NODE], SOURCE, prepare, &job), DROP_NONE);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(item_sig_encode(&none, &sigs));
    }
    struct certificate certificate = {
        .body = encoded(&schema_vote, &vote),
        .members = 7,
        .sigs = {buffer_bytes(&sigs), 3},
    };
    struct block_parcel parcel = {.header = JUNK,
                                  .commit = encoded(&schema_certificate, &certificate)};
    struct data data = {.kind = FETCH_BLOCKS, .from = 7};
    struct bytes frame = core_frame(fixture, MESSAGE_DATA, 0, NULL, encoded(&schema_data, &data),
                                    encoded(&schema_block_parcel, &parcel));
    assert_int_equal(job_verify(&job, frame, 0, 1, NULL), DROP_CERTIFICATE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_snapshot_that_the_blocks_have_overtaken_is_given_up),
        TEST(a_snapshot_of_which_nothing_comes_is_given_up),
        TEST(nothing_else_is_expected_of_a_snapshot),
        TEST(a_proof_of_another_height_is_none),
        TEST(a_piece_that_no_lane_waits_for_is_not_wanted),
        TEST(a_piece_of_another_place_is_a_lie),
        TEST(a_state_whose_root_is_another_is_given_up),
        TEST(a_state_that_does_not_fit_is_given_up),
        TEST(a_block_that_is_none_of_the_gap_is_a_lie),
        TEST(a_snapshot_is_not_installed_with_another_block),
        TEST(a_block_is_rebuilt_from_its_results_and_the_tree_before_it),
        TEST(a_block_that_cannot_wait_for_its_turn_is_asked_for_again),
        TEST(what_is_no_piece_and_no_block_is_malformed),
        TEST(a_certificate_that_nobody_signed_proves_no_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
