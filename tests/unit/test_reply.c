/* REPLY frames of an executed block: what each client gets, and that the proofs hold in the block
 * that this replica attests. */
#include "replica/host/reply.h"

#include "crypto/hash.h"
#include "crypto/schema.h"
#include "tests/support/host_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define REQUESTS 7
#define ENTRIES 5

struct fixture {
    struct host_log *log;
    struct reply_maker *maker;
    void (*check)(struct fixture *fixture, const struct block_outcome *outcome);
    uint32_t checked;
};

/* A reply taken apart. */
struct seen {
    struct envelope envelope;
    struct reply reply;
    struct attest attest;
    struct block_header header;
    struct wire_iter results;
};

static struct seen open_reply(struct bytes frame)
{
    struct seen seen;
    assert_int_equal(bytes_get_u32be(frame.data), frame.len - FRAME_HEADER_BYTES);
    frame = bytes_slice(frame, FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES);
    assert_int_equal(envelope_decode(frame, &seen.envelope), WIRE_OK);
    assert_int_equal(seen.envelope.type, MESSAGE_REPLY);
    assert_int_equal(seen.envelope.rid, HOST_LOG_NODE);
    assert_int_equal(reply_decode(seen.envelope.body, &seen.reply), WIRE_OK);
    assert_int_equal(attest_decode(seen.reply.attest, &seen.attest), WIRE_OK);
    assert_int_equal(block_header_decode(seen.attest.header, &seen.header), WIRE_OK);
    seen.results = wire_iter_make(seen.reply.results);
    return seen;
}

static struct bytes flatten(struct wire_list list, uint8_t out[][HASH_BYTES])
{
    struct wire_iter iter = wire_iter_make(list);
    struct item_hash element;
    size_t count = 0;
    while (item_hash_next(&iter, &element)) {
        memcpy(out[count++], element.value, HASH_BYTES);
    }
    return bytes_make(out, count * HASH_BYTES);
}

static void check_proofs(const struct seen *seen, const struct reply_result *answer,
                         const struct block_outcome *outcome)
{
    uint8_t hashes[MERKLE_PROOF_MAX][HASH_BYTES];
    uint8_t hash[HASH_BYTES];
    struct result result;
    assert_int_equal(result_decode(answer->result, &result), WIRE_OK);
    merkle_leaf_hash(answer->result, hash);
    assert_true(merkle_inclusion_verify(answer->position, answer->item_count, hash,
                                        flatten(answer->result_path, hashes),
                                        seen->header.result_root));
    uint64_t offset = result.first_index - outcome->first_index;
    const struct merkle_range range = {.begin = result.first_index,
                                       .end = result.first_index + result.count,
                                       .size = seen->header.tree_size,
                                       .leaf_hashes =
                                           bytes_make(outcome->leaf_hashes + offset * HASH_BYTES,
                                                      (size_t)result.count * HASH_BYTES)};
    assert_true(
        merkle_range_verify(&range, flatten(answer->range_proof, hashes), seen->header.tree_root));
    struct wire_iter indexes = wire_iter_make(answer->stream_indexes);
    struct item_u64 element;
    assert_int_equal(answer->stream_indexes.count, result.count);
    for (uint64_t i = 0; item_u64_next(&indexes, &element); i++) {
        assert_int_equal(element.value, outcome->stream_indexes[offset + i]);
    }
}

static void check_with_proofs(struct fixture *fixture, const struct block_outcome *outcome)
{
    static const uint32_t places[] = {0, 2, 6};
    reply_begin(fixture->maker, outcome);
    struct seen seen = open_reply(reply_make(fixture->maker, places, 3, true));
    struct reply_result answer;
    assert_true(bytes_equal(seen.attest.header, outcome->header));
    assert_int_equal(seen.reply.results.count, 3);
    for (uint32_t i = 0; reply_result_next(&seen.results, &answer); i++) {
        assert_int_equal(answer.position, places[i]);
        assert_int_equal(answer.item_count, REQUESTS);
        assert_int_equal(answer.height, outcome->height);
        assert_int_equal(answer.time_ms, outcome->time_ms);
        check_proofs(&seen, &answer, outcome);
        fixture->checked++;
    }
}

static void check_without_proofs(struct fixture *fixture, const struct block_outcome *outcome)
{
    static const uint32_t places[] = {1};
    struct reply_result answer;
    reply_begin(fixture->maker, outcome);
    struct seen seen = open_reply(reply_make(fixture->maker, places, 1, false));
    assert_true(reply_result_next(&seen.results, &answer));
    assert_true(bytes_equal(answer.result, outcome->items[1].result));
    assert_int_equal(answer.result_path.count, 0);
    assert_int_equal(answer.range_proof.count, 0);
    assert_int_equal(answer.stream_indexes.count, 0);
    fixture->checked++;
}

/* The same maker, one client after the other, with and without, over several blocks. */
static void check_mixed(struct fixture *fixture, const struct block_outcome *outcome)
{
    check_without_proofs(fixture, outcome);
    check_with_proofs(fixture, outcome);
    check_without_proofs(fixture, outcome);
}

static void on_executed(void *context, const struct block_outcome *outcome)
{
    struct fixture *fixture = context;
    fixture->check(fixture, outcome);
}

static int setup(void **state)
{
    static struct fixture fixture;
    void *log = NULL;
    assert_int_equal(host_log_setup(&log), 0);
    fixture = (struct fixture){.log = log};
    fixture.log->executed = on_executed;
    fixture.log->context = &fixture;
    assert_int_equal(reply_maker_open(HOST_LOG_NODE, &fixture.maker), STATUS_OK);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    void *log = fixture->log;
    reply_maker_close(fixture->maker);
    return host_log_teardown(&log);
}

static void proofs_hold_in_the_attested_block(void **state)
{
    struct fixture *fixture = *state;
    fixture->check = check_with_proofs;
    for (int i = 0; i < 3; i++) {
        host_log_block(fixture->log, REQUESTS, ENTRIES);
    }
    assert_int_equal(fixture->checked, 9);
}

static void who_did_not_ask_gets_no_proofs(void **state)
{
    struct fixture *fixture = *state;
    fixture->check = check_without_proofs;
    host_log_block(fixture->log, REQUESTS, ENTRIES);
    assert_int_equal(fixture->checked, 1);
}

static void clients_of_one_block_do_not_disturb_each_other(void **state)
{
    struct fixture *fixture = *state;
    fixture->check = check_mixed;
    host_log_block(fixture->log, REQUESTS, ENTRIES);
    host_log_block(fixture->log, REQUESTS, ENTRIES);
    assert_int_equal(fixture->checked, 10);
}

/* A request that the block refused. */
static void check_refused(struct fixture *fixture, const struct block_outcome *outcome)
{
    static const uint32_t places[] = {0};
    struct item_outcome items[1] = {{.code = E_QUOTA, .result = outcome->items[0].result}};
    struct block_outcome refused = *outcome;
    struct reply_result answer;
    refused.items = items;
    refused.item_count = 1;
    refused.leaf_count = 0;
    reply_begin(fixture->maker, &refused);
    struct seen seen = open_reply(reply_make(fixture->maker, places, 1, true));
    assert_true(reply_result_next(&seen.results, &answer));
    assert_int_equal(answer.range_proof.count, 0);
    assert_int_equal(answer.stream_indexes.count, 0);
    fixture->checked++;
}

static void a_refused_request_has_no_entries_to_prove(void **state)
{
    struct fixture *fixture = *state;
    fixture->check = check_refused;
    host_log_block(fixture->log, 1, 1);
    assert_int_equal(fixture->checked, 1);
}

static void a_refusal_is_a_hint_with_height_zero(void **state)
{
    struct fixture *fixture = *state;
    uint8_t memory[4096];
    uint8_t attest_memory[1024];
    uint8_t id[HASH_BYTES];
    struct buffer frame = buffer_make(memory, sizeof(memory));
    struct buffer attest_bytes = buffer_make(attest_memory, sizeof(attest_memory));
    struct reply_result answer;
    struct result result;
    (void)fixture;
    host_log_block(fixture->log, 1, 1);
    const struct attest attest = {.header =
                                      bytes_make(fixture->log->header, fixture->log->header_len)};
    assert_true(attest_encode(&attest, &attest_bytes));
    memset(id, 9, sizeof(id));
    assert_true(
        reply_refused_put(&frame, HOST_LOG_NODE, buffer_bytes(&attest_bytes), id, E_EXPIRED_TIME));
    struct seen seen = open_reply(buffer_bytes(&frame));
    assert_true(reply_result_next(&seen.results, &answer));
    assert_int_equal(answer.height, 0);
    assert_int_equal(result_decode(answer.result, &result), WIRE_OK);
    assert_int_equal(result.code, E_EXPIRED_TIME);
    assert_memory_equal(result.request_id, id, HASH_BYTES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void nothing(struct fixture *fixture, const struct block_outcome *outcome)
{
    (void)fixture;
    (void)outcome;
}

static int setup_quiet(void **state)
{
    int result = setup(state);
    ((struct fixture *)*state)->check = nothing;
    return result;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(proofs_hold_in_the_attested_block),
        TEST(who_did_not_ask_gets_no_proofs),
        TEST(clients_of_one_block_do_not_disturb_each_other),
        TEST(a_refused_request_has_no_entries_to_prove),
        cmocka_unit_test_setup_teardown(a_refusal_is_a_hint_with_height_zero, setup_quiet,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
