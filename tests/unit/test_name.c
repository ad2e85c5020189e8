#include "crypto/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIXTEEN "0123456789abcdef"

static bool is_id(const char *text)
{
    return name_is_id(bytes_of_text(text));
}

static bool is_text(const char *text)
{
    return name_is_text(bytes_of_text(text), NAME_BYTES_MAX);
}

static bool covers(const char *prefix, const char *id)
{
    return name_covers(bytes_of_text(prefix), bytes_of_text(id));
}

static void identifiers_are_lower_case_segments(void **state)
{
    static const char *const good[] = {
        "a", "0", "a/b", "acme.example/ledger", "a-b_c.d", "a./b-/c_", "a..b", "0/1/2",
    };
    static const char *const bad[] = {
        "",  "/",  "/a",  "a/",   "a//b", ".a",  "a/.b", "a/..", "..", "-a",       "_a",
        "A", "aB", "a b", "a\tb", "a+b",  "a\n", "a:b",  "a\\b", "a@", "\xC3\xA4",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!is_id(good[i])) {
            fail_msg("%s", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (is_id(bad[i])) {
            fail_msg("%s", bad[i]);
        }
    }
    assert_false(name_is_id(bytes_make("a\0b", 3)));
}

static void identifiers_have_at_most_64_bytes(void **state)
{
    (void)state;
    assert_true(is_id(SIXTEEN SIXTEEN SIXTEEN SIXTEEN));
    assert_false(is_id(SIXTEEN SIXTEEN SIXTEEN SIXTEEN "0"));
}

static void a_prefix_covers_whole_segments(void **state)
{
    (void)state;
    assert_true(covers("pay", "pay"));
    assert_true(covers("pay", "pay/eu"));
    assert_true(covers("pay/eu", "pay/eu/be"));
    assert_false(covers("pay", "payroll"));
    assert_false(covers("pay", "pay-eu"));
    assert_false(covers("pay/eu", "pay"));
    assert_false(covers("pay/eu", "pay/us"));
    assert_false(covers("pay", "pax"));
}

static void the_empty_prefix_covers_all_but_the_reserved(void **state)
{
    (void)state;
    assert_true(covers("", "pay/eu"));
    assert_true(covers("", ""));
    assert_false(covers("pay", ""));
    assert_true(covers("", "vestryman"));
    assert_true(covers("", "pay/vestry"));
    assert_false(covers("", "vestry"));
    assert_false(covers("", "vestry/governance"));
    assert_false(covers("vestry", "vestry/governance"));
    assert_false(covers("vestry", "pay"));
    assert_false(covers("vestry/governance", "vestry/governance"));
}

static void a_reserved_prefix_is_no_prefix(void **state)
{
    (void)state;
    assert_true(name_is_prefix(BYTES_EMPTY));
    assert_true(name_is_prefix(bytes_of_text("pay/eu")));
    assert_true(name_is_prefix(bytes_of_text("vestryman")));
    assert_false(name_is_prefix(bytes_of_text("vestry")));
    assert_false(name_is_prefix(bytes_of_text("vestry/x")));
    assert_false(name_is_prefix(bytes_of_text("pay/")));
    assert_false(name_is_reserved(BYTES_EMPTY));
}

static void free_text_is_well_formed_utf8(void **state)
{
    static const char *const good[] = {
        "",
        "Ada Lovelace +1 (the first)",
        "\xC2\xA1\xC3\x89t\xC3\xA9!",       /* two bytes */
        "\xE0\xA0\x80\xEF\xBF\xBD",         /* three: the least, and U+FFFD */
        "\xED\x9F\xBF\xEE\x80\x80",         /* on both sides of the surrogates */
        "\xF0\x90\x80\x80\xF4\x8F\xBF\xBD", /* four: the least, and near the last */
    };
    static const char *const bad[] = {
        "\x80",
        "\xBF", /* a continuation alone */
        "\xC3",
        "a\xE2\x82", /* cut short */
        "\xC3(",
        "\xE2(\xA1", /* no continuation */
        "\xE2\x82(",
        "\xF0\x90\x80(", /* no continuation */
        "\xC0\xAF",
        "\xC1\xBF", /* overlong, two bytes */
        "\xE0\x9F\xBF",
        "\xF0\x8F\xBF\xBF", /* overlong, three and four */
        "\xED\xA0\x80",
        "\xED\xBF\xBF", /* surrogates */
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", /* above U+10FFFF */
        "\xF8\x88\x80\x80\x80",
        "\xFE",
        "\xFF", /* never */
    };

    (void)state;
    assert_true(name_is_text(bytes_make("\xE2\x82\xAC", 3), NAME_BYTES_MAX));
    assert_false(name_is_text(bytes_make("\xE2\x82\xAC", 2), NAME_BYTES_MAX));
    assert_false(name_is_text(bytes_make("\xE2\x82\xAC", 1), NAME_BYTES_MAX));
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!is_text(good[i])) {
            fail_msg("good %zu", i);
        }
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (is_text(bad[i])) {
            fail_msg("bad %zu", i);
        }
    }
}

static void free_text_has_no_controls_and_nothing_that_reorders_it(void **state)
{
    static const char
        *const bad[] =
            {
                "a\nb",         "a\tb",         "\x01",         "\x1B[31m",
                "\x1F",         "\x7F",         "\xC2\x80",     "\xC2\x85",
                "\xC2\x9F",     "\xE2\x80\xA8", "\xE2\x80\xA9", /* line and paragraph separator */
                "\xD8\x9C",     "\xE2\x80\x8E", "\xE2\x80\x8F", /* direction marks */
                "\xE2\x80\xAA", "\xE2\x80\xAE",                 /* embeddings and overrides */
                "\xE2\x81\xA6", "\xE2\x81\xA9",                 /* isolates */
                "\xEF\xBB\xBF",                                 /* byte order mark */
            };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (is_text(bad[i])) {
            fail_msg("bad %zu", i);
        }
    }
    assert_false(name_is_text(bytes_make("a\0b", 3), NAME_BYTES_MAX));
    assert_true(is_text(" ~"));
    assert_true(is_text("\xC2\xA0"));
    assert_true(is_text("\xE2\x80\xAF")); /* right after the overrides */
    assert_true(is_text("\xE2\x81\xA5")); /* right before the isolates */
}

static void free_text_is_bounded_in_bytes(void **state)
{
    (void)state;
    assert_true(name_is_text(bytes_of_text("abc"), 3));
    assert_false(name_is_text(bytes_of_text("abcd"), 3));
    assert_false(name_is_text(bytes_of_text("ab\xC3\xA4"), 3));
}

static void key_names_have_no_space_and_no_plus(void **state)
{
    static const char *const bad[] = {
        "",
        "a b",
        "a+b",
        "a\n",
        "\xC2\xA0",
        "\xE1\x9A\x80",
        "\xE2\x80\x80",
        "\xE2\x80\x8A",
        "\xE2\x80\xAF",
        "\xE2\x81\x9F",
        "\xE3\x80\x80",
        "\xFF",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (name_is_key_name(bytes_of_text(bad[i]), NAME_BYTES_MAX)) {
            fail_msg("bad %zu", i);
        }
    }
    assert_true(name_is_key_name(bytes_of_text("acme.example/ledger/r0"), 22));
    assert_false(name_is_key_name(bytes_of_text("acme.example/ledger/r0"), 21));
    assert_true(name_is_key_name(bytes_of_text("\xC3\x89t\xC3\xA9"), NAME_BYTES_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_are_lower_case_segments),
        cmocka_unit_test(identifiers_have_at_most_64_bytes),
        cmocka_unit_test(a_prefix_covers_whole_segments),
        cmocka_unit_test(the_empty_prefix_covers_all_but_the_reserved),
        cmocka_unit_test(a_reserved_prefix_is_no_prefix),
        cmocka_unit_test(free_text_is_well_formed_utf8),
        cmocka_unit_test(free_text_has_no_controls_and_nothing_that_reorders_it),
        cmocka_unit_test(free_text_is_bounded_in_bytes),
        cmocka_unit_test(key_names_have_no_space_and_no_plus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
