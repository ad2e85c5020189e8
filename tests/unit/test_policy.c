#include "crypto/policy.h"
#include "tests/support/note_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct note_fixture fixture;
static uint8_t memory[POLICY_BYTES_MAX + 1];
static struct buffer text;

/* The lines of a policy over the first four keys, each with its newline. */
static char lines[10][256];

static int set_up(void **state)
{
    (void)state;
    note_fixture_init(&fixture, &sig_ed25519);
    text = buffer_make(memory, sizeof(memory));
    policy_put(&text, origin_bytes(&fixture.checkpoint.origin), note_fixture_keyring(&fixture, 4),
               3);
    assert_false(text.full);
    const uint8_t *at = text.data;

    memset(lines, 0, sizeof(lines));
    for (size_t i = 0; i < 10; i++) {
        const uint8_t *end = memchr(at, '\n', text.len - (size_t)(at - text.data));

        assert_non_null(end);
        assert_in_range((size_t)(end - at) + 1, 1, sizeof(lines[i]) - 1);
        memcpy(lines[i], at, (size_t)(end - at) + 1);
        at = end + 1;
    }
    assert_ptr_equal(at, text.data + text.len);
    return 0;
}

static enum policy_result parse(struct policy *policy, uint32_t *line)
{
    return policy_parse(buffer_bytes(&text), policy, line);
}

static void put(const char *line)
{
    buffer_put(&text, bytes_of_text(line));
}

/* The file with line `number` (from 1) replaced; 0 changes nothing. */
static void replace(size_t number, const char *by)
{
    text = buffer_make(memory, sizeof(memory));
    for (size_t i = 0; i < 10; i++) {
        put(i + 1 == number ? by : lines[i]);
    }
}

/* The file with line `number` made of `begin` and the key of the line `of`. */
static void replace_key(size_t number, const char *begin, const char *of)
{
    char line[256];

    assert_in_range(snprintf(line, sizeof(line), "%s%s", begin, strrchr(of, ' ') + 1), 1, 255);
    replace(number, line);
}

static void a_policy_comes_back_from_its_file(void **state)
{
    struct policy policy;
    uint32_t line = 99;

    (void)state;
    assert_int_equal(parse(&policy, &line), POLICY_OK);
    assert_int_equal(line, 0);
    assert_int_equal(policy.count, 4);
    assert_int_equal(policy.quorum, 3);
    assert_true(
        bytes_equal(origin_bytes(&policy.origin), origin_bytes(&fixture.checkpoint.origin)));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(policy.keys[i].rid, fixture.keys[i].rid);
        assert_memory_equal(policy.keys[i].sign_key, fixture.keys[i].sign_key, PUBLIC_KEY_BYTES);
        assert_memory_equal(policy.keys[i].cosign_key, fixture.keys[i].cosign_key,
                            PUBLIC_KEY_BYTES);
    }
}

static void replicas_may_have_large_ids(void **state)
{
    static const uint32_t rids[] = {1, 28, 65, REPLICA_ID_MAX};
    struct policy policy;
    uint32_t line = 99;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        fixture.keys[i].rid = rids[i];
    }
    text = buffer_make(memory, sizeof(memory));
    policy_put(&text, origin_bytes(&fixture.checkpoint.origin), note_fixture_keyring(&fixture, 4),
               3);
    assert_int_equal(parse(&policy, &line), POLICY_OK);
    assert_int_equal(policy.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(policy.keys[i].rid, rids[i]);
    }
}

static void the_file_has_the_lines_of_the_format(void **state)
{
    (void)state;
    assert_memory_equal(lines[0], "log acme.example/ledger/5f3a91c0", 32);
    assert_memory_equal(lines[4], "witness r0 acme.example/ledger/5f3a91c0", 39);
    assert_non_null(strstr(lines[7], "/r3+"));
    assert_string_equal(lines[8], "group replicas 3 r0 r1 r2 r3\n");
    assert_string_equal(lines[9], "quorum replicas\n");
}

static void comments_blank_lines_and_white_space_are_allowed(void **state)
{
    struct policy policy;
    uint32_t line = 0;

    (void)state;
    text = buffer_make(memory, sizeof(memory));
    put("# of epoch 0\n\n \t\n  # indented, \xC3\xA9\n");
    for (size_t i = 0; i < 8; i++) {
        put(lines[i]);
    }
    put("\t group  replicas\t3 r3 r1 r0 r2 \n");
    put(lines[9]);
    assert_int_equal(parse(&policy, &line), POLICY_OK);
    assert_int_equal(policy.quorum, 3);
}

static void assert_refused(enum policy_result expected, uint32_t expected_line)
{
    struct policy policy = {.quorum = 77};
    uint32_t line = 0;

    assert_int_equal(parse(&policy, &line), expected);
    assert_int_equal(line, expected_line);
    assert_int_equal(policy.quorum, 77);
}

static void a_line_that_is_not_of_the_shape_is_refused(void **state)
{
    static const struct {
        uint32_t number;
        const char *by;
        enum policy_result result;
    } cases[] = {
        {1, "log\n", POLICY_BAD_LINE},
        {1, "log a b\n", POLICY_BAD_LINE},
        {1, "log acme\n", POLICY_BAD_KEY},
        {1, "lag x\n", POLICY_BAD_LINE},
        {1, "log \x01\n", POLICY_BAD_CHARACTER},
        {1, "log \x7F\n", POLICY_BAD_CHARACTER},
        {2, "log \r\n", POLICY_BAD_CHARACTER},
        {5, "witness r0\n", POLICY_BAD_LINE},
        {5, "witness x a+b\n", POLICY_BAD_LINE},
        {5, "witness r0 a+b\n", POLICY_BAD_KEY},
        {9, "group replicas 0 r0 r1 r2 r3\n", POLICY_BAD_QUORUM},
        {9, "group replicas 5 r0 r1 r2 r3\n", POLICY_BAD_QUORUM},
        {9, "group replicas 03 r0 r1 r2 r3\n", POLICY_BAD_QUORUM},
        {9, "group replicas any r0 r1 r2 r3\n", POLICY_BAD_QUORUM},
        {9, "group replicas a r0 r1 r2 r3\n", POLICY_BAD_QUORUM},
        {9, "group replicas 003 r0 r1 r2 r3\n", POLICY_BAD_QUORUM},
        {9, "group replicas -1 r0 r1 r2 r3\n", POLICY_BAD_QUORUM},
        {9, "group replicas 3 r0 r1 r2\n", POLICY_BAD_QUORUM},
        {9, "group replicas 3 r0 r1 r2 r3 r4\n", POLICY_BAD_QUORUM},
        {9, "group replicas 3 r0 r1 r2 r3 r3\n", POLICY_BAD_QUORUM},
        {9, "group replicas 3 r0 r1 r2 r3 r32\n", POLICY_BAD_QUORUM},
        {9, "group replicas 3 r0 r1 r2 r03\n", POLICY_BAD_QUORUM},
        {9, "group none 3 r0 r1 r2 r3\n", POLICY_BAD_LINE},
        {9, "group r0 3 r0 r1 r2 r3\n", POLICY_BAD_LINE},
        {9, "group replicas 3\n", POLICY_BAD_LINE},
        {10, "quorum none\n", POLICY_BAD_LINE},
        {10, "quorum r0\n", POLICY_BAD_LINE},
        {10, "quorum replicas x\n", POLICY_BAD_LINE},
        {10, "quorum replicas", POLICY_BAD_LINE},
        {10, "group replicas 3 r0 r1 r2 r3\n", POLICY_BAD_LINE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        replace(cases[i].number, cases[i].by);
        assert_refused(cases[i].result, cases[i].number);
    }
}

static void a_line_out_of_its_place_is_refused(void **state)
{
    (void)state;
    text = buffer_make(memory, sizeof(memory));
    put(lines[4]);
    assert_refused(POLICY_BAD_LINE, 1); /* a witness before any log */
    text = buffer_make(memory, sizeof(memory));
    put(lines[0]);
    put(lines[9]);
    assert_refused(POLICY_BAD_LINE, 2); /* the quorum before the group */
    replace(0, "");
    put(lines[9]);
    assert_refused(POLICY_BAD_LINE, 11); /* the quorum twice */
    replace(10, lines[4]);
    assert_refused(POLICY_BAD_LINE, 10); /* a witness after the group */
}

/* The most that a line has is a group of as many as there can be; a comment may be longer. */
static void a_line_with_more_words_than_any_has_is_refused(void **state)
{
    struct policy policy;
    uint32_t line = 0;

    (void)state;
    for (size_t comment = 0; comment < 2; comment++) {
        text = buffer_make(memory, sizeof(memory));
        for (size_t i = 0; i < 8; i++) {
            put(lines[i]);
        }
        put(comment == 1 ? "# group replicas 3" : "group replicas 3");
        for (size_t i = 0; i <= REPLICAS_MAX; i++) {
            put(" r0");
        }
        put("\n");
        if (comment == 0) {
            assert_refused(POLICY_BAD_LINE, 9);
        }
    }
    put(lines[8]);
    put(lines[9]);
    assert_int_equal(parse(&policy, &line), POLICY_OK);
}

/* A log of one line, whose vkey is good in itself. */
static void put_log(struct bytes origin)
{
    put("log ");
    note_vkey_put(&text, origin, NOTE_SIGN, 0, fixture.keys[0].sign_key);
    put("\n");
}

static void a_log_is_named_as_origins_are(void **state)
{
#define HALF "5f3a91c05f3a91c0"
    static const struct {
        const char *name;
        enum policy_result result;
    } cases[] = {
        {"acme/" HALF HALF, POLICY_INCOMPLETE}, /* good: what is missing are the other lines */
        {"a", POLICY_BAD_KEY},
        {"/" HALF HALF, POLICY_BAD_KEY},
        {HALF HALF, POLICY_BAD_KEY},
        {"acme/" HALF "5f3a91c05f3a91cx", POLICY_BAD_KEY},
        {"Acme/" HALF HALF, POLICY_BAD_KEY},
        {"acme-" HALF HALF, POLICY_BAD_KEY},
    };
#undef HALF

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = buffer_make(memory, sizeof(memory));
        put_log(bytes_of_text(cases[i].name));
        assert_refused(cases[i].result, cases[i].result == POLICY_INCOMPLETE ? 0 : 1);
    }
}

static void a_policy_has_at_most_as_many_lines_as_there_can_be_replicas(void **state)
{
    const struct bytes origin = origin_bytes(&fixture.checkpoint.origin);

    (void)state;
    text = buffer_make(memory, sizeof(memory));
    for (size_t i = 0; i <= REPLICAS_MAX; i++) {
        put_log(origin);
    }
    assert_refused(POLICY_BAD_LINE, REPLICAS_MAX + 1);
    text = buffer_make(memory, sizeof(memory));
    put_log(origin);
    for (size_t i = 0; i <= REPLICAS_MAX; i++) {
        put(lines[4]);
    }
    assert_refused(POLICY_BAD_LINE, REPLICAS_MAX + 2);
}

static void a_policy_that_is_not_complete_is_refused(void **state)
{
    (void)state;
    text = buffer_make(memory, sizeof(memory));
    assert_refused(POLICY_INCOMPLETE, 0);
    replace(10, "");
    assert_refused(POLICY_INCOMPLETE, 0);
    replace(4, "");
    assert_refused(POLICY_INCOMPLETE, 0); /* three logs, four witnesses */
}

static void a_key_or_a_replica_that_stands_twice_is_refused(void **state)
{
    (void)state;
    replace(2, lines[0]);
    assert_refused(POLICY_DUPLICATE, 0);
    replace(0, "");
    text = buffer_make(memory, sizeof(memory));
    for (size_t i = 0; i < 8; i++) {
        put(i == 6 ? lines[5] : lines[i]);
    }
    put("group replicas 3 r0 r1 r3\n");
    put(lines[9]);
    assert_refused(POLICY_DUPLICATE, 0);
}

static void a_key_of_another_log_or_another_kind_is_refused(void **state)
{
    char line[256];
    struct note_fixture other = fixture;
    static uint8_t other_memory[POLICY_BYTES_MAX];
    struct buffer file = buffer_make(other_memory, sizeof(other_memory));

    (void)state;
    other.checkpoint.origin.text[0] = 'b';
    policy_put(&file, origin_bytes(&other.checkpoint.origin), note_fixture_keyring(&other, 4), 3);
    const uint8_t *end = memchr(file.data, '\n', file.len);

    assert_non_null(end);
    memcpy(line, file.data, (size_t)(end - file.data) + 1);
    line[end - file.data + 1] = '\0';
    replace(2, line);
    assert_refused(POLICY_BAD_KEY, 2);

    /* A witness key as a log, and the reverse. */
    replace_key(1, "log ", lines[4]);
    assert_refused(POLICY_BAD_KEY, 1);
    replace_key(5, "witness r0 ", lines[0]);
    assert_refused(POLICY_BAD_KEY, 5);
    /* One replica's witness key under another's name. */
    replace_key(5, "witness r9 ", lines[4]);
    assert_refused(POLICY_BAD_KEY, 5);
}

/* A vkey is its own checksum: its id covers name, kind and key. */
static void a_flipped_bit_in_any_key_is_refused(void **state)
{
    (void)state;
    for (size_t at = 0; at < text.len; at++) {
        struct policy policy;
        uint32_t line = 0;

        text.data[at] ^= 0x02;
        if (parse(&policy, &line) == POLICY_OK) {
            /* Only what the group and quorum lines call things may change. */
            assert_in_range(text.len - at, 1, strlen(lines[8]) + strlen(lines[9]));
        }
        text.data[at] ^= 0x02;
    }
}

static void a_policy_is_bounded(void **state)
{
    (void)state;
    text.len = POLICY_BYTES_MAX + 1;
    assert_refused(POLICY_TOO_LONG, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_policy_comes_back_from_its_file, set_up),
        cmocka_unit_test_setup(replicas_may_have_large_ids, set_up),
        cmocka_unit_test_setup(the_file_has_the_lines_of_the_format, set_up),
        cmocka_unit_test_setup(comments_blank_lines_and_white_space_are_allowed, set_up),
        cmocka_unit_test_setup(a_line_that_is_not_of_the_shape_is_refused, set_up),
        cmocka_unit_test_setup(a_line_out_of_its_place_is_refused, set_up),
        cmocka_unit_test_setup(a_line_with_more_words_than_any_has_is_refused, set_up),
        cmocka_unit_test_setup(a_log_is_named_as_origins_are, set_up),
        cmocka_unit_test_setup(a_policy_has_at_most_as_many_lines_as_there_can_be_replicas, set_up),
        cmocka_unit_test_setup(a_policy_that_is_not_complete_is_refused, set_up),
        cmocka_unit_test_setup(a_key_or_a_replica_that_stands_twice_is_refused, set_up),
        cmocka_unit_test_setup(a_key_of_another_log_or_another_kind_is_refused, set_up),
        cmocka_unit_test_setup(a_flipped_bit_in_any_key_is_refused, set_up),
        cmocka_unit_test_setup(a_policy_is_bounded, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
