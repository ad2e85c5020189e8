#include "crypto/hash.h"
#include "tests/support/gov_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct gov_fixture fixture;
static struct gov_world world;
static struct gov_token token;
static struct token_view view;

static enum result_code parse(void)
{
    return token_parse(gov_token_make(&token, &world, fixture.scheme), world.charter.cluster_id,
                       &view);
}

static void a_token_says_what_was_put_into_it(void **state)
{
    uint8_t issuer[HASH_BYTES];
    uint8_t holder[PUBLIC_KEY_BYTES];
    uint8_t id[HASH_BYTES];

    (void)state;
    gov_token_init(&token, 0, 3);
    token.blocks[2].prefixes[0] = "pay/eu";
    token.blocks[2].prefixes[1] = "pay/us";
    token.blocks[2].prefix_count = 2;
    assert_int_equal(parse(), RESULT_OK);
    assert_int_equal(view.count, 3);
    charter_issuer_id(&world.charter, 0, issuer);
    assert_memory_equal(view.blocks[0].parent, issuer, HASH_BYTES);
    assert_memory_equal(view.blocks[1].parent, view.blocks[0].id, HASH_BYTES);
    assert_memory_equal(view.blocks[2].parent, view.blocks[1].id, HASH_BYTES);
    statement_id(TAG_CAPABILITY, world.charter.cluster_id, view.blocks[2].body, id);
    assert_memory_equal(view.blocks[2].id, id, HASH_BYTES);
    gov_public_key(fixture.scheme, "carol", holder);
    assert_memory_equal(view.blocks[2].holder, holder, PUBLIC_KEY_BYTES);
    assert_int_equal(view.blocks[0].gen, 1);
    assert_int_equal(view.blocks[2].limits.prefixes.count, 2);
    assert_true(bytes_equal(view.blocks[2].limits.prefixes.list[1], bytes_of_text("pay/us")));
    assert_int_equal(view.blocks[1].limits.ops, OP_APPEND | OP_READ);
    assert_int_equal(view.blocks[1].limits.not_before_ms, FIXTURE_DATE);
    assert_int_equal(view.blocks[1].limits.expires_ms, FIXTURE_DATE + FIXTURE_HOUR);
    assert_int_equal(view.blocks[1].limits.expires_height, 1000);
    assert_int_equal(view.blocks[1].limits.max_entry, 1000);
    assert_int_equal(view.blocks[1].limits.quota_entries, 100);
    assert_int_equal(view.blocks[1].limits.quota_bytes, 100000);
    assert_int_equal(view.blocks[1].limits.rate_uses, 50);
    assert_int_equal(view.blocks[1].limits.rate_window_ms, 60000);
    assert_int_equal(view.blocks[1].limits.holders, 10);
    assert_int_equal(view.blocks[1].limits.depth, 1);
}

static void a_block_s_id_is_of_its_content_and_not_of_its_signature(void **state)
{
    uint8_t id[HASH_BYTES];

    (void)state;
    gov_token_init(&token, 0, 1);
    assert_int_equal(parse(), RESULT_OK);
    memcpy(id, view.blocks[0].id, HASH_BYTES);
    token.blocks[0].signed_by = "somebody else";
    assert_int_equal(parse(), RESULT_OK);
    assert_memory_equal(view.blocks[0].id, id, HASH_BYTES);
    token.blocks[0].body.nonce[15] = 1;
    assert_int_equal(parse(), RESULT_OK);
    assert_memory_not_equal(view.blocks[0].id, id, HASH_BYTES);
}

static void fields_that_make_no_sense_are_not_a_token(void **state)
{
    (void)state;
    gov_token_init(&token, 0, 1);
    token.blocks[0].body.ops = 0;
    assert_int_equal(parse(), E_ENCODING);
    gov_token_init(&token, 0, 1);
    token.blocks[0].body.rate.window_ms = 0;
    assert_int_equal(parse(), E_ENCODING);
    gov_token_init(&token, 0, 1);
    token.blocks[0].body.not_before_ms = token.blocks[0].body.expires_ms;
    assert_int_equal(parse(), E_ENCODING);
    token.blocks[0].body.not_before_ms--;
    assert_int_equal(parse(), RESULT_OK);
}

struct prefix_case {
    const char *prefixes[3];
    uint32_t count;
    enum result_code code;
};

static void prefixes_ascend_and_none_covers_another(void **state)
{
    static const struct prefix_case cases[] = {
        {{"a", "b", "c"}, 3, RESULT_OK},      {{"b", "a"}, 2, E_ENCODING},
        {{"a", "a"}, 2, E_ENCODING},          {{"a", "a/b"}, 2, E_ENCODING},
        {{"a", "ab"}, 2, RESULT_OK},          {{""}, 1, RESULT_OK},
        {{"", "a"}, 2, E_ENCODING},           {{"vestry"}, 1, E_ENCODING},
        {{"vestry/x"}, 1, E_ENCODING},        {{"vestryx"}, 1, RESULT_OK},
        {{"a", "a.b", "a/b"}, 3, E_ENCODING}, {{"a/b", "a/c"}, 2, RESULT_OK},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gov_token_init(&token, 0, 1);
        memcpy(token.blocks[0].prefixes, cases[i].prefixes, sizeof(cases[i].prefixes));
        token.blocks[0].prefix_count = cases[i].count;
        assert_int_equal(parse(), cases[i].code);
    }
}

static void a_set_of_prefixes_is_not_empty_and_not_too_long(void **state)
{
    uint8_t bytes[16 * (STREAM_PREFIXES_MAX + 1)];
    struct buffer out = buffer_make(bytes, sizeof(bytes));
    struct prefix_set set;

    (void)state;
    assert_false(prefix_set_parse((struct wire_list){BYTES_EMPTY, 0}, &set));
    for (uint32_t count = 1; count <= STREAM_PREFIXES_MAX + 1; count++) {
        const uint8_t name = (uint8_t)('a' + count);
        const struct item_id id = {bytes_make(&name, 1)};

        assert_true(item_id_encode(&id, &out));
        assert_int_equal(prefix_set_parse((struct wire_list){buffer_bytes(&out), count}, &set),
                         count <= STREAM_PREFIXES_MAX);
    }
}

static void more_blocks_than_five_have_a_code_of_their_own(void **state)
{
    uint8_t bytes[TOKEN_BYTES_MAX + 1];

    (void)state;
    gov_token_init(&token, 0, 5);
    assert_int_equal(parse(), RESULT_OK);
    assert_true(token.len <= TOKEN_BYTES_MAX);
    gov_token_init(&token, 0, 6);
    assert_int_equal(parse(), E_DEPTH);
    token.bytes[token.len++] = 0;
    assert_int_equal(
        token_parse(bytes_make(token.bytes, token.len), world.charter.cluster_id, &view),
        E_ENCODING);
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(token_parse(BYTES_OF_ARRAY(bytes), world.charter.cluster_id, &view),
                     E_ENCODING);
    assert_int_equal(token_parse(BYTES_EMPTY, world.charter.cluster_id, &view), E_ENCODING);
}

/* --- Nobody can alter a token by one bit -------------------------------------------------------
 */

static struct cap_trial trial;

/* The altered token with a request of its leaf holder that is bound to just these bytes, so that
 * only the token's own signatures can tell. */
static enum result_code altered_token_code(void)
{
    enum result_code code = RESULT_OK;

    (void)gov_request_make(&trial.request, &trial.token, &world, trial.scheme);
    code = item_parse(&trial.request.item, world.charter.cluster_id, &trial.view);
    return code == RESULT_OK ? trial_check(&trial) : code;
}

static void every_flip_of_a_bit_is_refused(void **state)
{
    (void)state;
    trial_init(&trial, &world, fixture.scheme, 3);
    (void)gov_token_make(&trial.token, &world, trial.scheme);
    assert_int_equal(altered_token_code(), RESULT_OK);
    for (size_t bit = 0; bit < 8 * trial.token.len; bit++) {
        trial.token.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(altered_token_code(), RESULT_OK);
        trial.token.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(altered_token_code(), RESULT_OK);
}

static void every_truncation_is_refused(void **state)
{
    const size_t whole = trial.token.len;

    (void)state;
    for (size_t len = 0; len < whole; len++) {
        trial.token.len = len;
        assert_int_not_equal(altered_token_code(), RESULT_OK);
    }
    trial.token.len = whole;
    assert_int_equal(altered_token_code(), RESULT_OK);
}

static void every_widening_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (enum widening i = WIDEN_NONE; i <= WIDEN_LIFE; i++) {
        for (enum widening j = WIDEN_NONE; j < i; j++) {
            assert_string_not_equal(widening_text(i), widening_text(j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_says_what_was_put_into_it),
        cmocka_unit_test(a_block_s_id_is_of_its_content_and_not_of_its_signature),
        cmocka_unit_test(fields_that_make_no_sense_are_not_a_token),
        cmocka_unit_test(prefixes_ascend_and_none_covers_another),
        cmocka_unit_test(a_set_of_prefixes_is_not_empty_and_not_too_long),
        cmocka_unit_test(more_blocks_than_five_have_a_code_of_their_own),
        cmocka_unit_test(every_flip_of_a_bit_is_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_widening_has_a_text_of_its_own),
    };
    int failed = 0;

    gov_fixture_init(&fixture, &sig_ed25519, 4);
    gov_world_open(&world, &fixture, 1000);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    gov_world_close(&world);
    return failed;
}
