/* Tokens made offline: what may be given, what not, and what a reader finds. */
#include "keys/token.h"
#include "keys/words/token_words.h"
#include "tests/support/keys_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS UINT64_C(1800000000000)
#define DAY_MS UINT64_C(86400000)

static struct problem problem;

struct desk {
    struct ceremony *ceremony;
    struct secret_key shop;
    struct secret_key till;
    struct token_wish wish;
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer token;
    struct token_view view;
};

static int open_desk(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    assert_non_null(desk);
    desk->ceremony = ceremony_open();
    ceremony_seal(desk->ceremony);
    assert_int_equal(secret_key_new(&desk->shop, ROLE_HOLDER, "shop", &problem), STATUS_OK);
    assert_int_equal(secret_key_new(&desk->till, ROLE_HOLDER, "till", &problem), STATUS_OK);
    desk->token = buffer_make(desk->raw, sizeof(desk->raw));
    assert_int_equal(token_wish_under_scope(&desk->ceremony->view.issuers[0].row.scope, NOW_MS,
                                            &desk->wish, &problem),
                     STATUS_OK);
    memcpy(desk->wish.holder, desk->shop.public_key, PUBLIC_KEY_BYTES);
    *state = desk;
    return 0;
}

static int close_desk(void **state)
{
    struct desk *desk = *state;

    ceremony_close(desk->ceremony);
    secret_key_close(&desk->shop);
    secret_key_close(&desk->till);
    free(desk);
    return 0;
}

static void option(struct desk *desk, const char *name, const char *value)
{
    assert_int_equal(token_wish_option(&desk->wish, name, value, NOW_MS, &problem), STATUS_OK);
}

static enum status issue(struct desk *desk)
{
    desk->token.len = 0;
    desk->token.full = false;
    return token_issue(&desk->ceremony->view, &desk->ceremony->issuer, &desk->wish, &desk->token,
                       &problem);
}

static void parse(struct desk *desk)
{
    assert_int_equal(
        token_parse(buffer_bytes(&desk->token), desk->ceremony->view.cluster_id, &desk->view),
        RESULT_OK);
}

/* Issue to the shop with these streams, and start a wish for a block beneath it. */
static void issued(struct desk *desk, const char *stream)
{
    option(desk, "stream", stream);
    option(desk, "max-entry", "64KiB");
    option(desk, "entries", "1000");
    option(desk, "bytes", "1MiB");
    option(desk, "rate", "100");
    option(desk, "holders", "10");
    option(desk, "depth", "3");
    option(desk, "until", "+30d");
    option(desk, "until-height", "5000");
    assert_int_equal(issue(desk), STATUS_OK);
    parse(desk);
    assert_int_equal(token_wish_under_block(&desk->view.blocks[0], &desk->wish, &problem),
                     STATUS_OK);
    memcpy(desk->wish.holder, desk->till.public_key, PUBLIC_KEY_BYTES);
}

static enum status attenuate(struct desk *desk, struct buffer *out)
{
    return token_attenuate(&desk->view, desk->ceremony->view.cluster_id, &desk->shop, &desk->wish,
                           out, &problem);
}

static enum result_code judged(struct desk *desk, struct bytes token, uint64_t time_ms,
                               struct token_verdict *verdict)
{
    struct token_view view;

    assert_int_equal(token_parse(token, desk->ceremony->view.cluster_id, &view), RESULT_OK);
    return token_check(&desk->ceremony->view, &view, &sig_ed25519, time_ms, verdict);
}

static void an_issued_token_is_good_within_its_time(void **state)
{
    struct desk *desk = *state;
    struct token_verdict verdict;

    option(desk, "from", "2027-01-20");
    option(desk, "until", "2027-02-01T12:00:00Z");
    assert_int_equal(issue(desk), STATUS_OK);
    parse(desk);
    assert_int_equal(desk->view.blocks[0].limits.not_before_ms, UINT64_C(1800403200000));
    assert_int_equal(desk->view.blocks[0].limits.expires_ms, UINT64_C(1801483200000));
    const struct bytes token = buffer_bytes(&desk->token);
    assert_int_equal(judged(desk, token, 1800403200000 - 1, &verdict), E_NOT_YET);
    assert_int_equal(judged(desk, token, 1800403200000, &verdict), RESULT_OK);
    assert_int_equal(judged(desk, token, 1801483200000 - 1, &verdict), RESULT_OK);
    assert_int_equal(judged(desk, token, 1801483200000, &verdict), E_EXPIRED_TIME);
}

static void a_token_lives_half_the_longest_life_unless_told_otherwise(void **state)
{
    struct desk *desk = *state;
    const uint64_t longest = desk->ceremony->view.issuers[0].row.scope.max_life_ms;

    assert_int_equal(desk->wish.limits.expires_ms, NOW_MS + longest / 2);
    assert_int_equal(desk->wish.limits.not_before_ms, 0);
    option(desk, "until", "+366d");
    assert_int_equal(issue(desk), STATUS_OK);
    option(desk, "until", "+367d");
    assert_int_equal(issue(desk), STATUS_REFUSED);
    assert_non_null(strstr(problem.what, widening_text(WIDEN_LIFE)));
}

static void only_a_key_of_an_issuer_issues(void **state)
{
    struct desk *desk = *state;

    assert_int_equal(
        token_issue(&desk->ceremony->view, &desk->shop, &desk->wish, &desk->token, &problem),
        STATUS_MISMATCH);
    assert_int_equal(token_issue(&desk->ceremony->view, &desk->ceremony->members[0], &desk->wish,
                                 &desk->token, &problem),
                     STATUS_MISMATCH);
}

static void a_key_of_the_charter_cannot_hold_a_token(void **state)
{
    struct desk *desk = *state;

    memcpy(desk->wish.holder, desk->ceremony->members[2].public_key, PUBLIC_KEY_BYTES);
    assert_int_equal(issue(desk), STATUS_REFUSED);
    memset(desk->wish.holder, 0, PUBLIC_KEY_BYTES);
    assert_int_equal(issue(desk), STATUS_REFUSED);
    assert_non_null(strstr(problem.what, "not a valid key"));
}

static void a_token_that_is_passed_on_is_good(void **state)
{
    struct desk *desk = *state;
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));
    struct token_verdict verdict;

    issued(desk, "orders");
    option(desk, "stream", "orders/store17");
    option(desk, "op", "append");
    option(desk, "until", "+1d");
    assert_int_equal(attenuate(desk, &out), STATUS_OK);
    assert_int_equal(judged(desk, buffer_bytes(&out), NOW_MS, &verdict), RESULT_OK);
    assert_int_equal(judged(desk, buffer_bytes(&out), NOW_MS + DAY_MS, &verdict), E_EXPIRED_TIME);
    assert_int_equal(verdict.block, 1);
}

static void a_block_that_would_allow_more_is_not_made(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        enum widening widening;
    } wider[] = {
        {"op", "govern", WIDEN_OPS},
        {"stream", "all", WIDEN_PREFIX},
        {"stream", "orderly", WIDEN_PREFIX},
        {"stream", "invoices", WIDEN_PREFIX},
        {"until", "+31d", WIDEN_EXPIRES},
        {"until", "unlimited", WIDEN_EXPIRES},
        {"until-height", "5001", WIDEN_EXPIRES_HEIGHT},
        {"max-entry", "65537", WIDEN_MAX_ENTRY},
        {"entries", "1001", WIDEN_QUOTA_ENTRIES},
        {"bytes", "unlimited", WIDEN_QUOTA_BYTES},
        {"rate", "101", WIDEN_RATE},
        {"holders", "11", WIDEN_HOLDERS},
        {"depth", "3", WIDEN_DEPTH},
    };
    struct desk *desk = *state;
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));

    issued(desk, "orders");
    const struct token_wish good = desk->wish;
    for (size_t i = 0; i < sizeof(wider) / sizeof(wider[0]); i++) {
        desk->wish = good;
        option(desk, wider[i].name, wider[i].value);
        assert_int_equal(attenuate(desk, &out), STATUS_REFUSED);
        assert_non_null(strstr(problem.what, widening_text(wider[i].widening)));
        assert_int_equal(out.len, 0);
    }
}

static void a_block_that_begins_before_its_parent_is_not_made(void **state)
{
    struct desk *desk = *state;
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));

    option(desk, "from", "+1d");
    issued(desk, "orders");
    desk->wish.limits.not_before_ms--;
    assert_int_equal(attenuate(desk, &out), STATUS_REFUSED);
    assert_non_null(strstr(problem.what, widening_text(WIDEN_NOT_BEFORE)));
    option(desk, "from", "+31d");
    assert_int_equal(attenuate(desk, &out), STATUS_INVALID);
    assert_non_null(strstr(problem.what, "end before it begins"));
}

static void only_the_holder_passes_a_token_on(void **state)
{
    struct desk *desk = *state;
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));

    issued(desk, "orders");
    assert_int_equal(token_attenuate(&desk->view, desk->ceremony->view.cluster_id, &desk->till,
                                     &desk->wish, &out, &problem),
                     STATUS_MISMATCH);
}

static void a_token_of_depth_zero_is_not_passed_on(void **state)
{
    struct desk *desk = *state;

    option(desk, "depth", "0");
    assert_int_equal(issue(desk), STATUS_OK);
    parse(desk);
    assert_int_equal(token_wish_under_block(&desk->view.blocks[0], &desk->wish, &problem),
                     STATUS_REFUSED);
}

static void a_chain_ends_at_five_blocks(void **state)
{
    struct desk *desk = *state;
    struct token_verdict verdict;

    assert_int_equal(issue(desk), STATUS_OK);
    for (uint32_t count = 1; count <= TOKEN_BLOCKS_MAX; count++) {
        parse(desk);
        assert_int_equal(desk->view.count, count);
        assert_int_equal(judged(desk, buffer_bytes(&desk->token), NOW_MS, &verdict), RESULT_OK);
        const enum status status =
            token_wish_under_block(&desk->view.blocks[count - 1], &desk->wish, &problem);
        assert_int_equal(status, count == TOKEN_BLOCKS_MAX ? STATUS_REFUSED : STATUS_OK);
        if (status != STATUS_OK) {
            break;
        }
        uint8_t raw[TOKEN_BYTES_MAX];
        struct buffer out = buffer_make(raw, sizeof(raw));
        memcpy(desk->wish.holder, desk->shop.public_key, PUBLIC_KEY_BYTES);
        assert_int_equal(attenuate(desk, &out), STATUS_OK);
        desk->token.len = 0;
        buffer_put(&desk->token, buffer_bytes(&out));
    }
}

static void any_changed_byte_of_a_token_is_noticed(void **state)
{
    struct desk *desk = *state;
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));

    issued(desk, "orders");
    assert_int_equal(attenuate(desk, &out), STATUS_OK);
    for (size_t at = 0; at < out.len; at++) {
        struct token_view view;
        struct token_verdict verdict;

        raw[at] ^= 1;
        const enum result_code code =
            token_parse(buffer_bytes(&out), desk->ceremony->view.cluster_id, &view);
        assert_true(code != RESULT_OK || token_check(&desk->ceremony->view, &view, &sig_ed25519,
                                                     NOW_MS, &verdict) != RESULT_OK);
        raw[at] ^= 1;
    }
}

/* What the maker refuses a reader must refuse too, so the blocks are made by hand. */
static void a_reader_refuses_a_holder_that_the_charter_knows(void **state)
{
    struct desk *desk = *state;
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));
    struct token_verdict verdict;

    issued(desk, "orders");
    memcpy(desk->wish.holder, desk->ceremony->members[0].public_key, PUBLIC_KEY_BYTES);
    assert_int_equal(attenuate(desk, &out), STATUS_OK);
    assert_int_equal(judged(desk, buffer_bytes(&out), NOW_MS, &verdict), E_KEY);
    assert_int_equal(verdict.block, 1);
}

/* Token bytes out of these blocks, which are signed anew: the first by the issuer, others by the
 * shop. */
static struct bytes forge(struct desk *desk, const struct cap_block *blocks, uint32_t count,
                          uint8_t raw[TOKEN_BYTES_MAX])
{
    static uint8_t list_raw[TOKEN_BYTES_MAX];
    struct buffer list = buffer_make(list_raw, sizeof(list_raw));
    struct buffer out = buffer_make(raw, TOKEN_BYTES_MAX);

    for (uint32_t i = 0; i < count; i++) {
        uint8_t body_raw[TOKEN_BLOCK_BYTES_MAX];
        struct buffer body = buffer_make(body_raw, sizeof(body_raw));
        struct signed_block made;

        assert_true(cap_block_encode(&blocks[i], &body));
        made.block = buffer_bytes(&body);
        secret_key_sign(i == 0 ? &desk->ceremony->issuer : &desk->shop, TAG_CAPABILITY,
                        desk->ceremony->view.cluster_id, made.block, made.sig);
        assert_true(signed_block_encode(&made, &list));
    }
    const struct token token = {{buffer_bytes(&list), count}};
    assert_true(token_encode(&token, &out));
    return buffer_bytes(&out);
}

/* The two blocks of a token that was issued and passed on. */
static void two_blocks(struct desk *desk, struct cap_block blocks[2], struct buffer *out)
{
    issued(desk, "orders");
    assert_int_equal(attenuate(desk, out), STATUS_OK);
    assert_int_equal(token_parse(buffer_bytes(out), desk->ceremony->view.cluster_id, &desk->view),
                     RESULT_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(cap_block_decode(desk->view.blocks[i].body, &blocks[i]), WIRE_OK);
    }
}

static void a_reader_refuses_what_no_maker_here_would_make(void **state)
{
    struct desk *desk = *state;
    uint8_t raw[TOKEN_BYTES_MAX];
    uint8_t forged[TOKEN_BYTES_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));
    struct cap_block blocks[2];
    struct token_verdict verdict;

    two_blocks(desk, blocks, &out);
    assert_int_equal(judged(desk, forge(desk, blocks, 2, forged), NOW_MS, &verdict), RESULT_OK);
    blocks[1].quota_entries++;
    assert_int_equal(judged(desk, forge(desk, blocks, 2, forged), NOW_MS, &verdict), E_WIDEN);
    assert_int_equal(verdict.widening, WIDEN_QUOTA_ENTRIES);
    blocks[1].quota_entries--;
    blocks[1].gen = 1;
    assert_int_equal(judged(desk, forge(desk, blocks, 2, forged), NOW_MS, &verdict), E_PARENT);
    blocks[1].gen = 0;
    blocks[1].parent[0] ^= 1;
    assert_int_equal(judged(desk, forge(desk, blocks, 2, forged), NOW_MS, &verdict), E_PARENT);
    blocks[0].gen = 2;
    assert_int_equal(judged(desk, forge(desk, blocks, 1, forged), NOW_MS, &verdict), E_GEN);
    blocks[0].gen = 1;
    const uint64_t longest = desk->ceremony->view.issuers[0].row.scope.max_life_ms;
    blocks[0].expires_ms = NOW_MS + longest;
    assert_int_equal(judged(desk, forge(desk, blocks, 1, forged), NOW_MS, &verdict), RESULT_OK);
    blocks[0].expires_ms++;
    assert_int_equal(judged(desk, forge(desk, blocks, 1, forged), NOW_MS, &verdict), E_WIDEN);
    assert_int_equal(verdict.widening, WIDEN_LIFE);
}

static void a_reader_refuses_a_token_of_another_charter(void **state)
{
    struct desk *desk = *state;
    struct ceremony *other = ceremony_open();
    struct token_view view;
    struct token_verdict verdict;

    ceremony_seal(other);
    assert_int_equal(issue(desk), STATUS_OK);
    assert_int_equal(token_parse(buffer_bytes(&desk->token), other->view.cluster_id, &view),
                     RESULT_OK);
    assert_int_equal(token_check(&other->view, &view, &sig_ed25519, NOW_MS, &verdict), E_ISSUER);
    ceremony_close(other);
}

static void options_that_mean_nothing_are_told(void **state)
{
    static const char *const bad[][2] = {
        {"op", "write"},
        {"stream", "Orders"},
        {"stream", "/orders"},
        {"stream", "vestry"},
        {"stream", "vestry/x"},
        {"until", "tomorrow"},
        {"until", "+"},
        {"until", "2027-02-30"},
        {"max-entry", "1MB"},
        {"entries", "-1"},
        {"entries", "1e3"},
        {"bytes", ""},
        {"rate", "18446744073709551616"},
    };
    struct desk *desk = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(token_wish_option(&desk->wish, bad[i][0], bad[i][1], NOW_MS, &problem),
                         STATUS_INVALID);
        assert_true(problem.todo[0] != '\0');
    }
    assert_int_equal(token_wish_option(&desk->wish, "strem", "x", NOW_MS, &problem),
                     STATUS_NOT_FOUND);
}

static void streams_are_sorted_and_may_not_overlap(void **state)
{
    struct desk *desk = *state;

    option(desk, "stream", "pay");
    option(desk, "stream", "a");
    option(desk, "stream", "payroll");
    option(desk, "stream", "b/c");
    assert_int_equal(token_wish_option(&desk->wish, "stream", "b", NOW_MS, &problem),
                     STATUS_INVALID);
    assert_int_equal(token_wish_option(&desk->wish, "stream", "pay/eu", NOW_MS, &problem),
                     STATUS_INVALID);
    assert_int_equal(issue(desk), STATUS_OK);
    parse(desk);
    assert_int_equal(desk->view.blocks[0].limits.prefixes.count, 4);
    for (char c = 'p'; c < 'p' + 4; c++) {
        const char more[] = {'z', c, '\0'};
        char *kept = strdup(more);

        /* The wish borrows the text. */
        assert_int_equal(token_wish_option(&desk->wish, "stream", kept, NOW_MS, &problem),
                         STATUS_OK);
    }
    assert_int_equal(token_wish_option(&desk->wish, "stream", "last", NOW_MS, &problem),
                     STATUS_INVALID);
    for (uint32_t i = 0; i < desk->wish.limits.prefixes.count; i++) {
        if (desk->wish.limits.prefixes.list[i].data[0] == 'z') {
            union {
                const uint8_t *from;
                void *to;
            } text = {.from = desk->wish.limits.prefixes.list[i].data};

            free(text.to);
        }
    }
}

static void words_show_what_a_block_narrows(void **state)
{
    struct desk *desk = *state;
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));
    struct token_view view;
    char text[8192] = "";
    struct buffer words = buffer_make(text, sizeof(text) - 1);

    issued(desk, "orders");
    option(desk, "stream", "orders/store17");
    assert_int_equal(attenuate(desk, &out), STATUS_OK);
    assert_int_equal(token_parse(buffer_bytes(&out), desk->ceremony->view.cluster_id, &view),
                     RESULT_OK);
    token_words(&view, &desk->ceremony->view, &words);
    assert_non_null(strstr(text, "issued by i1"));
    assert_non_null(strstr(text, "1 MiB"));
    const char *second = strstr(text, "block 1");
    assert_non_null(second);
    assert_non_null(strstr(second, "orders/store17"));
    assert_null(strstr(second, "1 MiB"));
}

#define TEST(body) cmocka_unit_test_setup_teardown(body, open_desk, close_desk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_issued_token_is_good_within_its_time),
        TEST(a_token_lives_half_the_longest_life_unless_told_otherwise),
        TEST(only_a_key_of_an_issuer_issues),
        TEST(a_key_of_the_charter_cannot_hold_a_token),
        TEST(a_token_that_is_passed_on_is_good),
        TEST(a_block_that_would_allow_more_is_not_made),
        TEST(a_block_that_begins_before_its_parent_is_not_made),
        TEST(only_the_holder_passes_a_token_on),
        TEST(a_token_of_depth_zero_is_not_passed_on),
        TEST(a_chain_ends_at_five_blocks),
        TEST(any_changed_byte_of_a_token_is_noticed),
        TEST(a_reader_refuses_a_holder_that_the_charter_knows),
        TEST(a_reader_refuses_what_no_maker_here_would_make),
        TEST(a_reader_refuses_a_token_of_another_charter),
        TEST(options_that_mean_nothing_are_told),
        TEST(streams_are_sorted_and_may_not_overlap),
        TEST(words_show_what_a_block_narrows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
