#include "crypto/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4648, section 10. */
static void the_vectors_of_rfc_4648_come_out_both_ways(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t text[16];
        uint8_t data[16];
        struct buffer out = buffer_make(text, sizeof(text));
        size_t len = 0;

        base64_put(&out, bytes_of_text(rows[i][0]));
        assert_false(out.full);
        assert_true(bytes_equal(buffer_bytes(&out), bytes_of_text(rows[i][1])));
        assert_true(base64_decode(bytes_of_text(rows[i][1]), data, sizeof(data), &len));
        assert_true(bytes_equal(bytes_make(data, len), bytes_of_text(rows[i][0])));
    }
}

static void every_byte_survives(void **state)
{
    uint8_t data[256];
    uint8_t text[BASE64_CHARS(sizeof(data))];
    uint8_t back[sizeof(data)];

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 167);
    }
    for (size_t len = 0; len <= sizeof(data); len++) {
        struct buffer out = buffer_make(text, BASE64_CHARS(len));

        base64_put(&out, bytes_make(data, len));
        assert_false(out.full);
        assert_int_equal(out.len, BASE64_CHARS(len));
        assert_true(base64_decode_exact(buffer_bytes(&out), back, len));
        assert_memory_equal(back, data, len);
    }
}

static void only_the_one_text_of_a_value_is_read(void **state)
{
    static const char *const wrong[] = {
        "Zg",    "Zg=",  "Zg===", "Zg==\n", " Zg==", "Zg= =",    "Zh==",   "Zm9=",   "Zm-_",
        "Zm9v=", "Z===", "====",  "Z",      "Zm8",   "Zg==Zg==", "Zm\n9v", "Zm9v\n", "=",
    };
    uint8_t data[16];
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (base64_decode(bytes_of_text(wrong[i]), data, sizeof(data), &len)) {
            fail_msg("\"%s\" was read", wrong[i]);
        }
    }
    assert_false(base64_decode(bytes_make("Zm9v\0", 5), data, sizeof(data), &len));
}

static void each_place_takes_the_64_characters_and_no_other_byte(void **state)
{
    uint8_t text[] = "Zm9v";
    uint8_t data[3];

    (void)state;
    for (size_t place = 0; place < 4; place++) {
        const uint8_t before = text[place];
        size_t taken = 0;

        for (unsigned byte = 0; byte < 256; byte++) {
            text[place] = (uint8_t)byte;
            taken += base64_decode_exact(bytes_make(text, 4), data, sizeof(data));
        }
        assert_int_equal(taken, 64);
        text[place] = before;
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    uint8_t data[3] = {0};
    uint8_t text[8];
    size_t len = 0;

    (void)state;
    assert_false(base64_decode(bytes_of_text("Zm9vYg=="), data, sizeof(data), &len));
    assert_true(base64_decode(bytes_of_text("Zm9v"), data, sizeof(data), &len));
    assert_false(base64_decode_exact(bytes_of_text("Zm8="), data, sizeof(data)));
    assert_false(base64_decode_exact(bytes_of_text("Zm9vYg=="), data, sizeof(data)));
    assert_false(base64_decode_exact(BYTES_EMPTY, data, sizeof(data)));

    struct buffer out = buffer_make(text, 3);

    base64_put(&out, BYTES_OF_ARRAY(data));
    assert_true(out.full);
    assert_int_equal(out.len, 0);

    /* What is full stays full, though this text would fit. */
    out.capacity = sizeof(text);
    base64_put(&out, BYTES_OF_ARRAY(data));
    assert_true(out.full);
    assert_int_equal(out.len, 0);

    /* A length whose text has more characters than can be counted. */
    out = buffer_make(text, sizeof(text));
    base64_put(&out, bytes_make(data, SIZE_MAX));
    assert_true(out.full);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_4648_come_out_both_ways),
        cmocka_unit_test(every_byte_survives),
        cmocka_unit_test(only_the_one_text_of_a_value_is_read),
        cmocka_unit_test(each_place_takes_the_64_characters_and_no_other_byte),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
