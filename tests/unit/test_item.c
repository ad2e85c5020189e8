#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "governance/records.h"
#include "tests/support/gov_world.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct gov_fixture fixture;
static struct gov_world world;
static struct cap_trial t;

static int begin(void **state)
{
    (void)state;
    trial_init(&t, &world, &sig_fast, 2);
    return 0;
}

static enum result_code parse_bytes(void)
{
    return item_parse_bytes(bytes_make(t.request.bytes, t.request.len), world.charter.cluster_id,
                            &t.view);
}

static void an_item_says_what_was_put_into_it(void **state)
{
    uint8_t hash[HASH_BYTES];
    uint8_t payload_hash[HASH_BYTES];

    (void)state;
    t.request.count = 2;
    t.request.statements[1] = (struct gov_statement){"pay/us", 7, 3};
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_int_equal(parse_bytes(), RESULT_OK);
    assert_int_equal(t.view.count, 2);
    assert_int_equal(t.view.payload_bytes, 107);
    assert_int_equal(t.view.stream_count, 2);
    assert_int_equal(t.view.statements[1].payload_len, 7);
    assert_int_equal(t.view.statements[1].expect_stream_len, 3);
    assert_true(bytes_equal(t.view.statements[1].stream, bytes_of_text("pay/us")));
    gov_payload_hash(100, payload_hash);
    assert_memory_equal(t.view.statements[0].payload_hash, payload_hash, HASH_BYTES);
    gov_payload_hash(7, payload_hash);
    assert_memory_equal(t.view.statements[1].payload_hash, payload_hash, HASH_BYTES);
    statement_id(TAG_REQUEST, world.charter.cluster_id, t.request.item.request, hash);
    assert_memory_equal(t.view.request_id, hash, HASH_BYTES);
    hash_bytes(bytes_make(t.token.bytes, t.token.len), hash);
    assert_memory_equal(t.view.token_hash, hash, HASH_BYTES);
    assert_memory_equal(t.view.session_key, t.view.chain.blocks[1].id, HASH_BYTES);
    assert_memory_equal(t.view.author_key, t.view.chain.blocks[1].holder, PUBLIC_KEY_BYTES);
}

static void a_governed_key_is_its_own_session(void **state)
{
    uint8_t key[PUBLIC_KEY_BYTES];

    (void)state;
    t.governed = true;
    t.request.author = "m1";
    assert_int_equal(trial_make(&t), RESULT_OK);
    gov_public_key(&sig_fast, "m1", key);
    assert_memory_equal(t.view.session_key, key, PUBLIC_KEY_BYTES);
    assert_memory_equal(t.view.author_key, key, PUBLIC_KEY_BYTES);
    assert_int_equal(t.view.chain.count, 0);
    assert_true(hash_is_zero(t.view.token_hash));
}

static void a_token_comes_with_its_kind_of_author_and_only_then(void **state)
{
    (void)state;
    t.request.keep_author = true;
    t.request.body.author.kind = AUTHOR_KEY;
    assert_int_equal(trial_make(&t), E_ENCODING);
    t.governed = true;
    t.request.author = "m1";
    t.request.body.author.kind = AUTHOR_TOKEN;
    assert_int_equal(trial_make(&t), E_ENCODING);
}

static void an_operation_is_one_bit(void **state)
{
    static const uint64_t wrong[] = {0, 3, 5, 6, 7};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        t.request.body.op = wrong[i];
        assert_int_equal(trial_make(&t), E_ENCODING);
    }
    t.request.body.op = OP_APPEND;
    assert_int_equal(trial_make(&t), RESULT_OK);
}

static void statements_are_those_that_were_signed(void **state)
{
    (void)state;
    t.request.count = 3;
    t.request.statements[1] = (struct gov_statement){"pay/us", 7, U64_UNLIMITED};
    t.request.statements[2] = (struct gov_statement){"pay/de", 8, U64_UNLIMITED};
    assert_int_equal(trial_make(&t), RESULT_OK);
    t.request.keep_root = true;
    t.request.statements[1].payload_len = 9;
    assert_int_equal(trial_make(&t), E_ENCODING);
    t.request.statements[1].payload_len = 7;
    assert_int_equal(trial_make(&t), RESULT_OK);
    t.request.body.count = 2;
    assert_int_equal(trial_make(&t), E_ENCODING);
    t.request.body.count = 3;
    t.request.count = 2;
    assert_int_equal(trial_make(&t), E_ENCODING);
}

static void a_governance_request_has_one_statement(void **state)
{
    (void)state;
    t.request.body.op = OP_GOVERN;
    assert_int_equal(trial_make(&t), RESULT_OK);
    t.request.count = 2;
    t.request.statements[1] = t.request.statements[0];
    assert_int_equal(trial_make(&t), E_ENCODING);
}

/* A request of no statements would be signed over an empty root. */
static void a_request_has_at_least_one_statement(void **state)
{
    static const uint64_t operations[] = {OP_APPEND, OP_GOVERN, OP_READ};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        t.request.body.op = operations[i];
        t.request.body.audience = operations[i] == OP_READ ? 1 : 0;
        assert_int_equal(trial_make(&t), RESULT_OK);
        t.request.keep_root = true;
        t.request.body.count = 0;
        assert_int_equal(trial_make(&t), E_ENCODING);
        t.request.keep_root = false;
    }
}

static void a_read_of_no_entries_is_no_read(void **state)
{
    (void)state;
    t.request.body.op = OP_READ;
    t.request.body.audience = 1;
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_int_equal(t.view.statements[0].count, 1);
    t.request.statements[0].payload_len = 0;
    assert_int_equal(trial_make(&t), E_ENCODING);
}

static void what_is_not_an_item_has_no_id(void **state)
{
    (void)state;
    t.request.len = 0;
    memset(t.view.request_id, 7, HASH_BYTES);
    assert_int_equal(parse_bytes(), E_ENCODING);
    assert_true(hash_is_zero(t.view.request_id));
}

static void no_truncation_of_an_item_parses(void **state)
{
    (void)state;
    assert_int_equal(trial_make(&t), RESULT_OK);

    const size_t whole = t.request.len;

    for (size_t len = 0; len < whole; len++) {
        t.request.len = len;
        assert_int_not_equal(parse_bytes(), RESULT_OK);
    }
}

/* --- Streams of many statements ----------------------------------------------------------------
 */

static void streams_are_numbered_by_their_first_statement(void **state)
{
    static char names[STATEMENTS_MAX][16];
    uint32_t streams = 0;

    (void)state;
    t.request.count = STATEMENTS_MAX;
    for (uint32_t i = 0; i < STATEMENTS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "s/%u", i * i % 401);
        t.request.statements[i] = (struct gov_statement){names[i], 1, U64_UNLIMITED};
    }
    assert_int_equal(trial_make(&t), RESULT_OK);
    for (uint32_t i = 0; i < STATEMENTS_MAX; i++) {
        uint32_t first = 0;
        uint32_t before = 0;

        while (strcmp(names[first], names[i]) != 0) {
            first++;
        }
        for (uint32_t j = 0; j < i; j++) {
            before += strcmp(names[j], names[i]) == 0 ? 1 : 0;
        }
        streams += first == i ? 1 : 0;
        assert_int_equal(t.view.statements[i].stream_no, first);
        assert_int_equal(t.view.statements[i].stream_before, before);
    }
    assert_int_equal(t.view.stream_count, streams);
}

static void as_many_streams_as_statements_can_be_told_apart(void **state)
{
    static char names[STATEMENTS_MAX][16];

    (void)state;
    t.request.count = STATEMENTS_MAX;
    for (uint32_t i = 0; i < STATEMENTS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "s/%u", i);
        t.request.statements[i] = (struct gov_statement){names[i], 1, U64_UNLIMITED};
    }
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_int_equal(t.view.stream_count, STATEMENTS_MAX);
    t.request.statements[STATEMENTS_MAX - 1].stream = names[0];
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_int_equal(t.view.stream_count, STATEMENTS_MAX - 1);
}

/* --- The memo of tokens ------------------------------------------------------------------------
 */

/* With one entry every token meets every other in it. */
static void a_memo_never_changes_what_is_parsed(void **state)
{
    static struct token_memo_entry entry;
    static struct item_view plain;
    struct token_memo memo = {&entry, 1};

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        const uint32_t blocks = 1 + i / 3 % 6;
        enum result_code code = RESULT_OK;

        trial_init(&t, &world, &sig_fast, blocks);
        if (i % 7 == 6) {
            t.token.blocks[0].body.ops = 0;
        }
        code = trial_make(&t);
        plain = t.view;
        for (uint32_t again = 0; again < 2; again++) {
            memset(&t.view.chain, 1, sizeof(t.view.chain));
            assert_int_equal(
                item_parse_with(&memo, &t.request.item, world.charter.cluster_id, &t.view), code);
        }
        if (code != RESULT_OK) {
            continue;
        }
        assert_int_equal(t.view.chain.count, plain.chain.count);
        assert_memory_equal(t.view.token_hash, plain.token_hash, HASH_BYTES);
        assert_memory_equal(t.view.session_key, plain.session_key, HASH_BYTES);
        assert_memory_equal(t.view.author_key, plain.author_key, PUBLIC_KEY_BYTES);
        for (uint32_t j = 0; j < blocks; j++) {
            assert_memory_equal(t.view.chain.blocks[j].id, plain.chain.blocks[j].id, HASH_BYTES);
            assert_memory_equal(t.view.chain.blocks[j].sig, plain.chain.blocks[j].sig, SIG_BYTES);
            assert_true(
                bytes_equal(t.view.chain.blocks[j].limits.prefixes.list[0], bytes_of_text("pay")));
        }
        assert_int_equal(trial_check(&t), RESULT_OK);
    }
}

/* Nothing is what an entry that is not in use holds. */
static void a_memo_does_not_remember_the_empty_token(void **state)
{
    static struct token_memo_entry entry;
    struct token_memo memo = {&entry, 1};
    struct item item;

    (void)state;
    assert_int_equal(trial_make(&t), RESULT_OK);
    item = t.request.item;
    item.token = BYTES_EMPTY;
    for (uint32_t again = 0; again < 2; again++) {
        assert_int_equal(item_parse_with(&memo, &item, world.charter.cluster_id, &t.view),
                         E_ENCODING);
        assert_int_equal(t.view.chain.count, 0);
        assert_int_equal(item_parse_with(&memo, &t.request.item, world.charter.cluster_id, &t.view),
                         RESULT_OK);
    }
}

/* The place in the memo is what the request claims; a false claim must not borrow another's token.
 */
static void a_false_claim_does_not_get_the_token_it_names(void **state)
{
    static struct token_memo_entry entry;
    struct token_memo memo = {&entry, 1};
    uint8_t claimed[HASH_BYTES];
    uint8_t hash[HASH_BYTES];

    (void)state;
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_int_equal(item_parse_with(&memo, &t.request.item, world.charter.cluster_id, &t.view),
                     RESULT_OK);
    memcpy(claimed, t.view.token_hash, HASH_BYTES);
    t.token.blocks[1].holder = "mallory";
    t.request.keep_author = true;
    memcpy(t.request.body.author.id, claimed, HASH_BYTES);
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_int_equal(item_parse_with(&memo, &t.request.item, world.charter.cluster_id, &t.view),
                     RESULT_OK);
    hash_bytes(t.view.token, hash);
    assert_memory_equal(t.view.token_hash, hash, HASH_BYTES);
    assert_memory_not_equal(t.view.token_hash, claimed, HASH_BYTES);
    assert_int_equal(trial_check(&t), E_REQ_BIND);
}

/* --- Shape and signatures ----------------------------------------------------------------------
 */

static bool any_key(void *context, const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    (void)context;
    return !hash_is_zero(public_key);
}

static void a_batch_carries_ordered_requests_outside_the_reserved_streams(void **state)
{
    (void)state;
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_true(item_shape(&t.view, any_key, NULL));
    t.request.statements[0].stream = "vestry/x";
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_false(item_shape(&t.view, any_key, NULL));
    t.request.statements[0].stream = GOVERNANCE_STREAM;
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_false(item_shape(&t.view, any_key, NULL));
    t.request.body.op = OP_GOVERN;
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_true(item_shape(&t.view, any_key, NULL));
    t.request.statements[0].payload_len = GOVERNANCE_BYTES_MAX + 1;
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_false(item_shape(&t.view, any_key, NULL));
    t.request.statements[0] = (struct gov_statement){"pay/eu", 1, U64_UNLIMITED};
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_false(item_shape(&t.view, any_key, NULL));
    t.request.body.op = OP_READ;
    t.request.body.audience = 1;
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_false(item_shape(&t.view, any_key, NULL));
}

static void every_holder_in_a_batch_is_a_point(void **state)
{
    (void)state;
    assert_int_equal(trial_make(&t), RESULT_OK);
    memset(t.view.chain.blocks[0].holder, 0, PUBLIC_KEY_BYTES);
    assert_false(item_shape(&t.view, any_key, NULL));
    t.governed = true;
    t.request.author = "m1";
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_true(item_shape(&t.view, any_key, NULL));
    memset(t.view.author_key, 0, PUBLIC_KEY_BYTES);
    assert_false(item_shape(&t.view, any_key, NULL));
}

static bool good(const struct item_signature *signature)
{
    return sig_fast.verify(signature->public_key, BYTES_OF_ARRAY(signature->statement),
                           signature->sig);
}

static void signatures_that_need_no_state_are_listed(void **state)
{
    struct item_signature list[ITEM_SIGNATURES_MAX];

    (void)state;
    for (uint32_t blocks = 1; blocks <= TOKEN_BLOCKS_MAX; blocks++) {
        trial_init(&t, &world, &sig_fast, blocks);
        assert_int_equal(trial_make(&t), RESULT_OK);
        assert_int_equal(item_signatures(&t.view, list), blocks);
        for (uint32_t i = 0; i < blocks; i++) {
            assert_true(good(&list[i]));
        }
    }
    t.token.blocks[3].signed_by = "mallory";
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_int_equal(item_signatures(&t.view, list), 5);
    assert_true(good(&list[0]));
    assert_false(good(&list[3]));
    t.governed = true;
    t.request.author = "m1";
    assert_int_equal(trial_make(&t), RESULT_OK);
    assert_int_equal(item_signatures(&t.view, list), 1);
    assert_true(good(&list[0]));
}

static void the_signer_of_block_0_is_in_the_rights(void **state)
{
    const struct token_block *block = &t.view.chain.blocks[0];
    const uint8_t *signer = NULL;

    (void)state;
    assert_int_equal(trial_make(&t), RESULT_OK);
    signer = rights_block0_signer(&world.rights, block->parent, block->gen);
    assert_non_null(signer);
    assert_true(sig_fast.verify(signer, BYTES_OF_ARRAY(block->statement), block->sig));
    assert_null(rights_block0_signer(&world.rights, block->parent, 3));
    assert_null(rights_block0_signer(&world.rights, block->holder, 1));
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_item_says_what_was_put_into_it),
        TEST(a_governed_key_is_its_own_session),
        TEST(a_token_comes_with_its_kind_of_author_and_only_then),
        TEST(an_operation_is_one_bit),
        TEST(statements_are_those_that_were_signed),
        TEST(a_governance_request_has_one_statement),
        TEST(a_request_has_at_least_one_statement),
        TEST(a_read_of_no_entries_is_no_read),
        TEST(what_is_not_an_item_has_no_id),
        TEST(no_truncation_of_an_item_parses),
        TEST(streams_are_numbered_by_their_first_statement),
        TEST(as_many_streams_as_statements_can_be_told_apart),
        TEST(a_memo_never_changes_what_is_parsed),
        TEST(a_memo_does_not_remember_the_empty_token),
        TEST(a_false_claim_does_not_get_the_token_it_names),
        TEST(a_batch_carries_ordered_requests_outside_the_reserved_streams),
        TEST(every_holder_in_a_batch_is_a_point),
        TEST(signatures_that_need_no_state_are_listed),
        TEST(the_signer_of_block_0_is_in_the_rights),
    };
    int failed = 0;

    gov_fixture_init(&fixture, &sig_fast, 4);
    gov_world_open(&world, &fixture, 1000);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    gov_world_close(&world);
    return failed;
}
