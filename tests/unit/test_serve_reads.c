/* Reads of clients, the whole way from a REQUEST to the signed answer: every entry with its proof,
 * payloads only to whom they are for, and what is refused. */
#include "crypto/hash.h"
#include "crypto/receipt.h"
#include "governance/state_key.h"
#include "replica/core/machine_put.h"
#include "replica/host/read_request.h"
#include "storage/record.h"
#include "tests/support/served.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define BLOCKS 4
#define REQUESTS 10
#define ENTRIES 9 /* of each request: 361 entries with the charter, more than a group of 256 */
#define SIZE (1 + BLOCKS * REQUESTS * ENTRIES)

struct fixture {
    struct served *served;
    struct read_maker *maker;
    struct speaker speaker;
    struct memo *memo;
    struct memo_verifier verifier;
    struct item_view *view;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->served = served_open(BLOCKS, REQUESTS, ENTRIES);
    host_log_attest(fixture->served->log);
    fixture->speaker = (struct speaker){
        .scheme = &sig_fast,
        .cluster_id = node_cluster_id(fixture->served->log->core->nodes[HOST_LOG_NODE]),
        .seed = fixture->served->log->core->seeds[HOST_LOG_NODE][0],
        .rid = HOST_LOG_NODE};
    sig_fast.public_key(fixture->speaker.seed, fixture->speaker.public_key);
    assert_int_equal(
        read_maker_open(&fixture->speaker, serve_reader(fixture->served->serve), &fixture->maker),
        STATUS_OK);
    assert_int_equal(memo_open(64, &fixture->memo), STATUS_OK);
    fixture->verifier = (struct memo_verifier){fixture->memo, &sig_fast};
    fixture->view = malloc(sizeof(*fixture->view));
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    read_maker_close(fixture->maker);
    served_close(fixture->served);
    memo_close(fixture->memo);
    free(fixture->view);
    free(fixture);
    return 0;
}

struct read_result {
    struct read_answer answer;
    struct wire_iter entries;
    uint32_t count;
};

/* The whole way of a read, without threads, to the answer's frame. */
static struct bytes read_raw(struct fixture *fixture, struct bytes frame)
{
    const struct node *node = fixture->served->log->core->nodes[HOST_LOG_NODE];
    const struct read_gate gate = {.node = node,
                                   .verifier = &fixture->verifier,
                                   .rid = HOST_LOG_NODE,
                                   .time_ms = fixture->served->log->core->wall_ms,
                                   .height = fixture->served->log->height,
                                   .view = fixture->view};
    assert_int_equal(read_request_verify(&fixture->verifier, fixture->speaker.cluster_id, frame),
                     DROP_NONE);
    struct question *question = read_request_judge(&gate, frame);
    assert_non_null(question);
    struct store_view *view = NULL;
    assert_int_equal(store_view_open(fixture->served->log->store, &view), STATUS_OK);
    struct bytes answer = read_answer_make(fixture->maker, view, &question->ask);
    store_view_close(view);
    question_free(question);
    return answer;
}

static struct read_result read_log(struct fixture *fixture, struct bytes frame)
{
    struct bytes answer = read_raw(fixture, frame);
    struct envelope envelope;
    struct read_entries entries;
    struct read_result result;
    size_t used = 0;
    uint8_t hash[HASH_BYTES];
    answer = bytes_slice(answer, FRAME_HEADER_BYTES, answer.len - FRAME_HEADER_BYTES);
    assert_int_equal(schema_decode_front(&schema_envelope, answer, &envelope, &used), WIRE_OK);
    assert_int_equal(envelope.type, MESSAGE_READ_ANSWER);
    assert_true(verify_body(&sig_fast, fixture->speaker.public_key, TAG_READ_ANSWER,
                            fixture->speaker.cluster_id, envelope.body, envelope.sig.data));
    assert_int_equal(read_answer_decode(envelope.body, &result.answer), WIRE_OK);
    struct bytes rest = bytes_slice(answer, used, answer.len - used);
    hash_bytes(rest, hash);
    assert_memory_equal(hash, result.answer.entries_hash, HASH_BYTES);
    assert_int_equal(read_entries_decode(rest, &entries), WIRE_OK);
    result.entries = wire_iter_make(entries.list);
    result.count = entries.list.count;
    return result;
}

static void a_stream_is_read_with_proofs_and_payloads(void **state)
{
    struct fixture *fixture = *state;
    struct block_header header = host_log_header(fixture->served->log);
    struct read_result result =
        read_log(fixture, host_log_read(fixture->served->log, "pay/us", 30, 100));
    assert_int_equal(result.answer.code, RESULT_OK);
    assert_int_equal(result.answer.executed, BLOCKS);
    assert_int_equal(result.answer.stream_len, 160);
    assert_int_equal(result.count, 100);
    struct read_entry entry;
    for (uint64_t i = 30; read_entry_next(&result.entries, &entry); i++) {
        struct leaf leaf;
        uint8_t hash[HASH_BYTES];
        uint8_t path[MERKLE_PATH_MAX][HASH_BYTES];
        uint32_t count = 0;
        struct item_hash element;
        struct wire_iter hashes = wire_iter_make(entry.path);
        while (item_hash_next(&hashes, &element)) {
            memcpy(path[count++], element.value, HASH_BYTES);
        }
        assert_int_equal(leaf_decode(entry.leaf, &leaf), WIRE_OK);
        assert_int_equal(leaf.stream_index, i);
        merkle_leaf_hash(entry.leaf, hash);
        assert_true(merkle_inclusion_verify(leaf.index, SIZE, hash,
                                            bytes_make(path, (size_t)count * HASH_BYTES),
                                            header.tree_root));
        assert_int_equal(receipt_payload_verify(&leaf, entry.salt, entry.payload), RECEIPT_OK);
    }
}

static void a_read_by_index_withholds_what_the_token_does_not_cover(void **state)
{
    struct fixture *fixture = *state;
    struct read_result result = read_log(fixture, host_log_read(fixture->served->log, "", 0, 3));
    assert_int_equal(result.answer.code, RESULT_OK);
    assert_int_equal(result.answer.stream_len, SIZE);
    assert_int_equal(result.count, 3);
    struct read_entry entry;
    assert_true(read_entry_next(&result.entries, &entry));
    assert_int_equal(entry.salt.len, 0); /* vestry/governance is covered by no token */
    assert_int_equal(entry.payload.len, 0);
    assert_true(read_entry_next(&result.entries, &entry));
    assert_int_equal(entry.salt.len, SALT_BYTES);
}

static void a_read_of_a_stream_that_the_token_does_not_cover_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct read_result result =
        read_log(fixture, host_log_read(fixture->served->log, "log/x", 0, 3));
    assert_int_equal(result.answer.code, E_STREAM);
    assert_int_equal(result.count, 0);
    result = read_log(fixture, host_log_read(fixture->served->log, "vestry/governance", 0, 1));
    assert_int_equal(result.answer.code, E_STREAM);
}

static void erase(struct fixture *fixture, enum family family, const struct record_key *key)
{
    const struct put put = {.family = family, .erase = true, .key = record_key_bytes(key)};
    assert_int_equal(store_commit(fixture->served->log->store, &put, 1), STATUS_OK);
}

/* Without a checkpoint an answer shows nothing, and the reader asks another replica. */
static void what_lies_in_a_gap_of_history_is_not_read_as_nothing(void **state)
{
    struct fixture *fixture = *state;
    const struct record_key leaves = record_key_leaves(1 + 2 * REQUESTS * ENTRIES);
    erase(fixture, FAMILY_LEAVES, &leaves); /* of block 3 */
    struct read_result result = read_log(fixture, host_log_read(fixture->served->log, "", 200, 5));
    assert_int_equal(result.answer.code, RESULT_OK);
    assert_int_equal(result.answer.executed, BLOCKS);
    assert_int_equal(result.count, 0);
    assert_int_equal(result.answer.checkpoint.len, 0);
    result = read_log(fixture, host_log_read(fixture->served->log, "pay/us", 100, 5));
    assert_int_equal(result.count, 0);
    assert_int_equal(result.answer.checkpoint.len, 0);
    /* Its leaf is there, but not what proves it. */
    result = read_log(fixture, host_log_read(fixture->served->log, "", 300, 5));
    assert_int_equal(result.count, 0);
    assert_int_equal(result.answer.checkpoint.len, 0);
    result = read_log(fixture, host_log_read(fixture->served->log, "", SIZE, 5));
    assert_true(result.answer.checkpoint.len > 0);
}

/* What is damaged would look like nothing being there: nobody signs that. */
static void a_read_of_what_is_damaged_is_not_answered(void **state)
{
    struct fixture *fixture = *state;
    const struct state_key length = state_key_stream(bytes_of_text("pay/us"));
    const struct record_key run = record_key_stream(bytes_of_text("pay/us"), 0);
    const struct record_key leaves = record_key_leaves(1);
    const struct record_key head = record_key_journal(JOURNAL_HEAD, 0);
    const struct {
        enum family family;
        struct bytes key;
    } places[] = {{FAMILY_STATE, state_key_bytes(&length)},
                  {FAMILY_STREAMS, record_key_bytes(&run)},
                  {FAMILY_LEAVES, record_key_bytes(&leaves)},
                  {FAMILY_JOURNAL, record_key_bytes(&head)}};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        uint8_t memory[1u << 16];
        struct buffer before = buffer_make(memory, sizeof(memory));
        struct put put = {
            .family = places[i].family, .key = places[i].key, .value = bytes_of_text("rot")};
        assert_int_equal(store_get(fixture->served->log->store, put.family, put.key, &before),
                         STATUS_OK);
        assert_int_equal(store_commit(fixture->served->log->store, &put, 1), STATUS_OK);
        assert_int_equal(read_raw(fixture, host_log_read(fixture->served->log, "pay/us", 0, 5)).len,
                         0);
        assert_true(log_reader_damaged(serve_reader(fixture->served->serve)));
        put.value = buffer_bytes(&before);
        assert_int_equal(store_commit(fixture->served->log->store, &put, 1), STATUS_OK);
        assert_int_equal(
            read_log(fixture, host_log_read(fixture->served->log, "pay/us", 0, 5)).count, 5);
        assert_false(log_reader_damaged(serve_reader(fixture->served->serve)));
    }
}

static void a_read_ends_where_a_gap_begins(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t i = 80; i < 120; i++) {
        const struct record_key run = record_key_stream(bytes_of_text("pay/us"), i);
        erase(fixture, FAMILY_STREAMS, &run);
    }
    struct read_result result =
        read_log(fixture, host_log_read(fixture->served->log, "pay/us", 70, 100));
    assert_int_equal(result.count, 10);
    assert_true(result.answer.checkpoint.len > 0);
    result = read_log(fixture, host_log_read(fixture->served->log, "pay/us", 80, 100));
    assert_int_equal(result.count, 0);
    assert_int_equal(result.answer.checkpoint.len, 0);
    result = read_log(fixture, host_log_read(fixture->served->log, "pay/us", 120, 100));
    assert_int_equal(result.count, 40);
}

/* A request whose block is in the gap is known, and answered by the others. */
static void a_known_request_in_a_gap_is_left_to_others(void **state)
{
    struct fixture *fixture = *state;
    const struct record_key block = record_key_block(RECORD_HEADER, 2);
    const struct action known = {
        .kind = ACTION_KNOWN, .height = 2, .first_index = 91, .count = ENTRIES};
    struct store_view *view = NULL;
    assert_int_equal(store_view_open(fixture->served->log->store, &view), STATUS_OK);
    assert_true(read_known_make(fixture->maker, view, &known).len > 0);
    store_view_close(view);
    erase(fixture, FAMILY_BLOCKS, &block);
    assert_int_equal(store_view_open(fixture->served->log->store, &view), STATUS_OK);
    assert_int_equal(read_known_make(fixture->maker, view, &known).len, 0);
    store_view_close(view);
}

static void a_read_beyond_the_end_is_empty(void **state)
{
    struct fixture *fixture = *state;
    struct read_result result =
        read_log(fixture, host_log_read(fixture->served->log, "pay/us", 160, 9));
    assert_int_equal(result.answer.code, RESULT_OK);
    assert_int_equal(result.count, 0);
    assert_true(result.answer.checkpoint.len > 0);
    result = read_log(fixture, host_log_read(fixture->served->log, "", UINT64_MAX, 9));
    assert_int_equal(result.count, 0);
    result = read_log(fixture, host_log_read(fixture->served->log, "pay/us", UINT64_MAX, 9));
    assert_int_equal(result.count, 0);
    result = read_log(fixture, host_log_read(fixture->served->log, "pay/none", 0, 9));
    assert_int_equal(result.count, 0);
    assert_int_equal(result.answer.stream_len, 0);
}

static void a_read_with_a_changed_bit_is_not_verified(void **state)
{
    struct fixture *fixture = *state;
    uint8_t memory[4096];
    struct bytes frame = host_log_read(fixture->served->log, "pay/us", 0, 1);
    assert_true(frame.len <= sizeof(memory));
    for (size_t i = 0; i < frame.len * 8; i += 7) {
        memcpy(memory, frame.data, frame.len);
        memory[i / 8] ^= (uint8_t)(1u << i % 8);
        struct bytes changed = bytes_make(memory, frame.len);
        enum drop drop =
            read_request_verify(&fixture->verifier, fixture->speaker.cluster_id, changed);
        if (drop != DROP_NONE) {
            continue;
        }
        /* Block 0 of the token is the issuer's to sign, which the loop asks for. */
        const struct read_gate gate = {.node = fixture->served->log->core->nodes[HOST_LOG_NODE],
                                       .verifier = &fixture->verifier,
                                       .rid = HOST_LOG_NODE,
                                       .time_ms = fixture->served->log->core->wall_ms,
                                       .height = fixture->served->log->height,
                                       .view = fixture->view};
        struct question *question = read_request_judge(&gate, changed);
        if (question != NULL) {
            /* What is left are the envelope's and the payloads' bytes, which mean nothing here. */
            bool outside = i / 8 < 12 || i / 8 >= frame.len - 4;
            assert_true(question->ask.code != RESULT_OK || outside);
            question_free(question);
        }
    }
}

static void a_request_of_long_ago_is_proven_against_the_newest_head(void **state)
{
    struct fixture *fixture = *state;
    struct block_header header = host_log_header(fixture->served->log);
    struct store_view *view = NULL;
    const struct action known = {.kind = ACTION_KNOWN,
                                 .height = 2,
                                 .code = RESULT_OK,
                                 .first_index = 1 + REQUESTS * ENTRIES,
                                 .count = ENTRIES};
    assert_int_equal(store_view_open(fixture->served->log->store, &view), STATUS_OK);
    struct bytes frame = read_known_make(fixture->maker, view, &known);
    store_view_close(view);
    struct envelope envelope;
    struct reply reply;
    struct reply_result result;
    struct attest attest;
    frame = bytes_slice(frame, FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES);
    assert_int_equal(envelope_decode(frame, &envelope), WIRE_OK);
    assert_int_equal(reply_decode(envelope.body, &reply), WIRE_OK);
    assert_int_equal(attest_decode(reply.attest, &attest), WIRE_OK);
    assert_true(bytes_equal(
        attest.header, bytes_make(fixture->served->log->header, fixture->served->log->header_len)));
    struct wire_iter results = wire_iter_make(reply.results);
    assert_true(reply_result_next(&results, &result));
    assert_int_equal(result.height, 2);
    assert_int_equal(result.stream_indexes.count, ENTRIES);
    uint8_t proof[MERKLE_PROOF_MAX][HASH_BYTES];
    uint8_t leaves[ENTRIES][HASH_BYTES];
    uint32_t count = 0;
    struct item_hash element;
    struct wire_iter hashes = wire_iter_make(result.range_proof);
    while (item_hash_next(&hashes, &element)) {
        memcpy(proof[count++], element.value, HASH_BYTES);
    }
    assert_int_equal(store_view_open(fixture->served->log->store, &view), STATUS_OK);
    log_reader_use(serve_reader(fixture->served->serve), view);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        struct bytes leaf;
        assert_true(log_leaf(serve_reader(fixture->served->serve), known.first_index + i, &leaf));
        merkle_leaf_hash(leaf, leaves[i]);
    }
    log_reader_use(serve_reader(fixture->served->serve), NULL);
    store_view_close(view);
    const struct merkle_range range = {.begin = known.first_index,
                                       .end = known.first_index + ENTRIES,
                                       .size = SIZE,
                                       .leaf_hashes = bytes_make(leaves, sizeof(leaves))};
    assert_true(merkle_range_verify(&range, bytes_make(proof, (size_t)count * HASH_BYTES),
                                    header.tree_root));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stream_is_read_with_proofs_and_payloads),
        TEST(a_read_by_index_withholds_what_the_token_does_not_cover),
        TEST(a_read_of_a_stream_that_the_token_does_not_cover_is_refused),
        TEST(what_lies_in_a_gap_of_history_is_not_read_as_nothing),
        TEST(a_read_of_what_is_damaged_is_not_answered),
        TEST(a_read_ends_where_a_gap_begins),
        TEST(a_known_request_in_a_gap_is_left_to_others),
        TEST(a_read_beyond_the_end_is_empty),
        TEST(a_read_with_a_changed_bit_is_not_verified),
        TEST(a_request_of_long_ago_is_proven_against_the_newest_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
