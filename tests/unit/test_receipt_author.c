#include "crypto/hash.h"
#include "crypto/receipt.h"
#include "tests/support/receipt_case.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void statement_for_another_stream(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_LEAF) {
        of->leaf.stream = bytes_of_text("orders/store18");
    }
}

static void statement_for_another_payload(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_STATEMENTS) {
        of->statements[1].payload_hash[0] ^= 1;
    }
}

static void statement_for_another_length(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_STATEMENTS) {
        of->statements[1].payload_len++;
    }
}

static void statement_of_another_position(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_LEAF) {
        of->leaf.position = 0;
    }
}

static void request_with_fewer_statements(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_REQUEST) {
        of->request.count = 1;
    }
}

static void request_of_another_root(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_REQUEST) {
        of->request.entries_root[0] ^= 1;
    }
}

static void an_author_who_stated_something_else_is_refused(void **state)
{
    (void)state;
    assert_int_equal(receipt_outcome(statement_for_another_stream), RECEIPT_AUTHOR_STATEMENT);
    assert_int_equal(receipt_outcome(statement_for_another_payload), RECEIPT_AUTHOR_STATEMENT);
    assert_int_equal(receipt_outcome(statement_for_another_length), RECEIPT_AUTHOR_STATEMENT);
    assert_int_equal(receipt_outcome(statement_of_another_position), RECEIPT_AUTHOR_PATH);
    assert_int_equal(receipt_outcome(request_with_fewer_statements), RECEIPT_AUTHOR_PATH);
    assert_int_equal(receipt_outcome(request_of_another_root), RECEIPT_AUTHOR_PATH);
}

static void leaf_of_another_request(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_LEAF) {
        of->leaf.request_id[31] ^= 1;
    }
}

static void request_that_reads(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_REQUEST) {
        of->request.op = OP_READ;
    }
}

static void request_to_one_replica(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_REQUEST) {
        of->request.audience = 1;
    }
}

static void leaf_that_replicas_made(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_LEAF) {
        of->leaf.kind = LEAF_RESULT;
    }
}

static void result_by_request(struct receipt_fixture *of, enum receipt_stage stage)
{
    leaf_that_replicas_made(of, stage);
    if (stage == STAGE_REQUEST) {
        of->request.op = OP_GOVERN;
    }
}

static void leaf_of_governance(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_LEAF) {
        of->leaf.kind = LEAF_GOVERNANCE;
    }
}

static void governance_by_request(struct receipt_fixture *of, enum receipt_stage stage)
{
    leaf_of_governance(of, stage);
    if (stage == STAGE_REQUEST) {
        of->request.op = OP_GOVERN;
    }
}

static void a_request_that_did_not_make_the_entry_is_refused(void **state)
{
    (void)state;
    assert_int_equal(receipt_outcome(leaf_of_another_request), RECEIPT_AUTHOR_REQUEST);
    assert_int_equal(receipt_outcome(request_that_reads), RECEIPT_AUTHOR_REQUEST);
    assert_int_equal(receipt_outcome(request_to_one_replica), RECEIPT_AUTHOR_REQUEST);
    assert_int_equal(receipt_outcome(leaf_that_replicas_made), RECEIPT_AUTHOR_REQUEST);
    assert_int_equal(receipt_outcome(result_by_request), RECEIPT_AUTHOR_REQUEST);
    assert_int_equal(receipt_outcome(leaf_of_governance), RECEIPT_AUTHOR_REQUEST);
    assert_int_equal(receipt_outcome(governance_by_request), RECEIPT_OK);
}

static void request_of_another_token(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_REQUEST) {
        of->request.author.id[0] ^= 1;
    }
}

static void token_beside_a_governed_key(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_EXTRA) {
        of->authorship.token = of->authorship.request;
    }
}

static void no_token(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_EXTRA) {
        of->authorship.token = BYTES_EMPTY;
    }
}

static void a_token_that_the_author_did_not_use_is_refused(void **state)
{
    (void)state;
    assert_int_equal(receipt_outcome(request_of_another_token), RECEIPT_AUTHOR_TOKEN);
    assert_int_equal(receipt_outcome(no_token), RECEIPT_AUTHOR_TOKEN);
    fixture.governed = true;
    assert_int_equal(receipt_outcome(token_beside_a_governed_key), RECEIPT_AUTHOR_TOKEN);
}

static void block_of_another_parent(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_TOKEN) {
        of->blocks[1].parent[0] ^= 1;
    }
}

static void block_by_nobody(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_TOKEN_SIGS) {
        of->block_sigs[1][0] ^= 1;
    }
}

static void token_of_another_holder(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_TOKEN) {
        of->blocks[1].holder[0] ^= 1;
    }
}

static void leaf_of_the_zero_key(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_REQUEST) {
        memset(of->request.author.id, 0, HASH_BYTES);
    }
    if (stage == STAGE_LEAF) {
        memset(of->leaf.author, 0, PUBLIC_KEY_BYTES);
    }
}

static void a_token_that_does_not_lead_to_the_author_is_refused(void **state)
{
    (void)state;
    assert_int_equal(receipt_outcome(block_of_another_parent), RECEIPT_AUTHOR_CHAIN);
    assert_int_equal(receipt_outcome(block_by_nobody), RECEIPT_AUTHOR_CHAIN);
    assert_int_equal(receipt_outcome(token_of_another_holder), RECEIPT_AUTHOR_KEY);
    fixture.governed = true;
    assert_int_equal(receipt_outcome(leaf_of_the_zero_key), RECEIPT_AUTHOR_KEY);
}

static void request_signed_by_nobody(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_EXTRA) {
        of->authorship.sig[63] ^= 1;
    }
}

static void a_request_with_a_bad_signature_is_refused(void **state)
{
    (void)state;
    assert_int_equal(receipt_outcome(request_signed_by_nobody), RECEIPT_AUTHOR_SIGNATURE);
}

static void statement_is_none(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_EXTRA) {
        of->authorship.statement.len--;
    }
}

static void request_is_none(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_EXTRA) {
        of->authorship.request.len--;
    }
}

/* Bytes that are no token, and a request that names them. */
static void token_is_none(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_REQUEST) {
        hash_bytes(bytes_of_text("no token"), of->request.author.id);
    }
    if (stage == STAGE_EXTRA) {
        of->authorship.token = bytes_of_text("no token");
    }
}

/* A token whose only block is none. */
static void block_is_none(struct receipt_fixture *of, enum receipt_stage stage)
{
    static const uint8_t token_start[] = {0x92, 0x01, 0x91, 0x92, 0xC4, 0x01, 0x01, 0xC4, 0x40};
    static uint8_t token[sizeof(token_start) + SIG_BYTES];

    memcpy(token, token_start, sizeof(token_start));
    if (stage == STAGE_REQUEST) {
        hash_bytes(BYTES_OF_ARRAY(token), of->request.author.id);
    }
    if (stage == STAGE_EXTRA) {
        of->authorship.token = BYTES_OF_ARRAY(token);
    }
}

static void authorship_is_none(struct receipt_fixture *of, enum receipt_stage stage)
{
    static uint8_t extra_memory[1024];
    struct buffer out = buffer_make(extra_memory, sizeof(extra_memory));
    struct receipt_extra extra = of->extra;

    if (stage == STAGE_TEXT) {
        extra.authorship = extra.leaf;
        assert_true(receipt_extra_encode(&extra, &out));
        of->parts.extra = buffer_bytes(&out);
    }
}

static void a_malformed_part_on_authorship_is_refused(void **state)
{
    (void)state;
    assert_int_equal(receipt_outcome(statement_is_none), RECEIPT_AUTHOR_ENCODING);
    assert_int_equal(receipt_outcome(request_is_none), RECEIPT_AUTHOR_ENCODING);
    assert_int_equal(receipt_outcome(token_is_none), RECEIPT_AUTHOR_ENCODING);
    assert_int_equal(receipt_outcome(block_is_none), RECEIPT_AUTHOR_ENCODING);
    assert_int_equal(receipt_outcome(authorship_is_none), RECEIPT_AUTHOR_ENCODING);
    assert_int_equal(receipt_outcome(NULL), RECEIPT_OK);
}

/* --- The author, without the cluster id ------------------------------------------------------- */

static void even_without_the_cluster_id_the_parts_must_fit(void **state)
{
    static void (*const hooks[])(struct receipt_fixture *, enum receipt_stage) = {
        statement_for_another_stream, statement_of_another_position, request_that_reads,
        request_of_another_token,     token_of_another_holder,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
        fixture.hook = hooks[i];
        receipt_build();
        struct receipt_trust trust = receipt_fixture_trust(&fixture);

        trust.cluster_id = NULL;
        assert_int_not_equal(receipt_judge_by(&trust, NULL), RECEIPT_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_author_who_stated_something_else_is_refused, receipt_setup),
        cmocka_unit_test_setup(a_request_that_did_not_make_the_entry_is_refused, receipt_setup),
        cmocka_unit_test_setup(a_token_that_the_author_did_not_use_is_refused, receipt_setup),
        cmocka_unit_test_setup(a_token_that_does_not_lead_to_the_author_is_refused, receipt_setup),
        cmocka_unit_test_setup(a_request_with_a_bad_signature_is_refused, receipt_setup),
        cmocka_unit_test_setup(a_malformed_part_on_authorship_is_refused, receipt_setup),
        cmocka_unit_test_setup(even_without_the_cluster_id_the_parts_must_fit, receipt_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
