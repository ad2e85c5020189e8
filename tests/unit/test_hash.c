/* Built twice, once for each backend. */
#include "crypto/hash.h"
#include "crypto/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_hash_is(const uint8_t hash[HASH_BYTES], const char *hex)
{
    uint8_t expected[HASH_BYTES];

    assert_true(hex_parse(bytes_of_text(hex), expected, HASH_BYTES));
    assert_memory_equal(hash, expected, HASH_BYTES);
}

/* FIPS 180-4's examples, and the longest of NIST's: a million times 'a'. */
static void published_messages_have_their_published_hashes(void **state)
{
    static uint8_t many[1000000];
    uint8_t hash[HASH_BYTES];

    (void)state;
    hash_bytes(BYTES_EMPTY, hash);
    assert_hash_is(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_bytes(bytes_of_text("abc"), hash);
    assert_hash_is(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_bytes(bytes_of_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), hash);
    assert_hash_is(hash, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(many, 'a', sizeof(many));
    hash_bytes(BYTES_OF_ARRAY(many), hash);
    assert_hash_is(hash, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void parts_hash_as_if_they_were_joined(void **state)
{
    uint8_t message[1200];
    uint8_t whole[HASH_BYTES];
    uint8_t parted[HASH_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(message); i++) {
        message[i] = (uint8_t)(3 * i);
    }
    for (size_t len = 0; len <= sizeof(message); len++) {
        const size_t first = len / 3;
        const size_t second = len / 2;
        const struct bytes parts[] = {
            bytes_make(message, first),
            BYTES_EMPTY,
            bytes_make(message + first, second - first),
            bytes_make(message + second, len - second),
        };

        hash_bytes(bytes_make(message, len), whole);
        hash_parts(parts, 4, parted);
        assert_memory_equal(whole, parted, HASH_BYTES);
    }
    hash_bytes(BYTES_EMPTY, whole);
    hash_parts(NULL, 0, parted);
    assert_memory_equal(whole, parted, HASH_BYTES);
}

static void the_hash_may_be_written_over_what_is_hashed(void **state)
{
    uint8_t memory[2 * HASH_BYTES] = {1, 2, 3};
    uint8_t expected[HASH_BYTES];

    (void)state;
    hash_bytes(BYTES_OF_ARRAY(memory), expected);
    hash_bytes(BYTES_OF_ARRAY(memory), memory + 7);
    assert_memory_equal(memory + 7, expected, HASH_BYTES);
}

static void every_byte_counts_in_comparisons(void **state)
{
    uint8_t a[HASH_BYTES] = {0};
    uint8_t b[HASH_BYTES] = {0};

    (void)state;
    assert_true(hash_equal(a, b));
    assert_true(hash_is_zero(a));
    for (size_t i = 0; i < HASH_BYTES; i++) {
        b[i] = 1;
        assert_false(hash_equal(a, b));
        assert_false(hash_is_zero(b));
        b[i] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_messages_have_their_published_hashes),
        cmocka_unit_test(parts_hash_as_if_they_were_joined),
        cmocka_unit_test(the_hash_may_be_written_over_what_is_hashed),
        cmocka_unit_test(every_byte_counts_in_comparisons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
