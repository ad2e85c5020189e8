#include "crypto/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The example that is usually printed with the list. */
static void the_usual_example_comes_out(void **state)
{
    static const char words[] = "topmost Istanbul Pluto vagabond treadmill Pacific brackish "
                                "dictator goldfish Medusa afflict bravado chatter revolver "
                                "Dupont midsummer stopwatch whimsical cowbell bottomless";
    uint8_t memory[WORDS_TEXT_MAX];
    struct buffer text = buffer_make(memory, sizeof(memory));
    uint8_t data[20];

    (void)state;
    assert_true(
        hex_parse(bytes_of_text("E58294F2E9A227486E8B061B31CC528FD7FA3F19"), data, sizeof(data)));
    words_put(&text, BYTES_OF_ARRAY(data));
    assert_true(bytes_equal(buffer_bytes(&text), bytes_of_text(words)));
}

static void every_word_leads_back_to_its_byte_and_to_its_place_only(void **state)
{
    (void)state;
    for (size_t place = 0; place < 4; place++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            const char *word = word_of(place, (uint8_t)byte);
            uint8_t found = 0;

            assert_in_range(strlen(word), 4, WORD_CHARS_MAX);
            assert_true(word_parse(place, bytes_of_text(word), &found));
            assert_int_equal(found, byte);
            assert_false(word_parse(place + 1, bytes_of_text(word), &found));
        }
    }
}

static void words_are_read_in_any_case_and_never_in_part(void **state)
{
    uint8_t byte = 0;

    (void)state;
    assert_true(word_parse(0, bytes_of_text("ZULU"), &byte));
    assert_int_equal(byte, 0xFF);
    assert_true(word_parse(1, bytes_of_text("yucatan"), &byte));
    assert_int_equal(byte, 0xFF);
    assert_false(word_parse(0, bytes_of_text("zul"), &byte));
    assert_false(word_parse(0, bytes_of_text("zuluu"), &byte));
    assert_false(word_parse(0, BYTES_EMPTY, &byte));
}

static void the_longest_fingerprint_fits_its_bound(void **state)
{
    uint8_t memory[WORDS_TEXT_MAX];
    uint8_t hash[HASH_BYTES];
    struct buffer text = buffer_make(memory, sizeof(memory));

    (void)state;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        size_t longest = 0;

        for (unsigned byte = 0; byte < 256; byte++) {
            const size_t len = strlen(word_of(i, (uint8_t)byte));

            hash[i] = len > longest ? (uint8_t)byte : hash[i];
            longest = len > longest ? len : longest;
        }
    }
    words_put(&text, BYTES_OF_ARRAY(hash));
    assert_false(text.full);
    assert_in_range(text.len, 1, WORDS_TEXT_MAX - 1);
}

static void hex_stands_in_eight_groups(void **state)
{
    uint8_t memory[FINGERPRINT_HEX_CHARS];
    struct buffer text = buffer_make(memory, sizeof(memory));
    uint8_t hash[HASH_BYTES];

    (void)state;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        hash[i] = (uint8_t)(i * 9);
    }
    fingerprint_hex_put(&text, hash);
    assert_false(text.full);
    assert_true(
        bytes_equal(buffer_bytes(&text), bytes_of_text("0009121b 242d363f 48515a63 6c757e87 "
                                                       "9099a2ab b4bdc6cf d8e1eaf3 fc050e17")));
}

static void hex_is_read_whole_or_not_at_all(void **state)
{
    uint8_t data[2] = {0};

    (void)state;
    assert_true(hex_parse(bytes_of_text("aF09"), data, 2));
    assert_int_equal(data[0], 0xAF);
    assert_int_equal(data[1], 0x09);
    assert_false(hex_parse(bytes_of_text("aF0"), data, 2));
    assert_false(hex_parse(bytes_of_text("aF091"), data, 2));
    assert_false(hex_parse(bytes_of_text("aF0912"), data, 2));
    assert_false(hex_parse(bytes_of_text("aF0g"), data, 2));
    assert_false(hex_parse(bytes_of_text("a:09"), data, 2));
    assert_false(hex_parse(bytes_of_text("0x09"), data, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_example_comes_out),
        cmocka_unit_test(every_word_leads_back_to_its_byte_and_to_its_place_only),
        cmocka_unit_test(words_are_read_in_any_case_and_never_in_part),
        cmocka_unit_test(the_longest_fingerprint_fits_its_bound),
        cmocka_unit_test(hex_stands_in_eight_groups),
        cmocka_unit_test(hex_is_read_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
