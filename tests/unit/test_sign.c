#include "crypto/hash.h"
#include "crypto/sign.h"
#include "crypto/words.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define MESSAGE_MAX 2048

static const uint8_t cluster_a[HASH_BYTES] = {0xA1};
static const uint8_t cluster_b[HASH_BYTES] = {0xB1};

static size_t unhex(const char *text, uint8_t *out, size_t capacity)
{
    const size_t len = strlen(text) / 2;

    assert_in_range(len, 0, capacity);
    assert_true(hex_parse(bytes_of_text(text), out, len));
    return len;
}

/* --- Statements ------------------------------------------------------------------------------- */

static void a_statement_is_tag_cluster_and_hash_of_the_body(void **state)
{
    const struct bytes body = bytes_of_text("abc");
    uint8_t statement[STATEMENT_BYTES];
    uint8_t expected[STATEMENT_BYTES] = "vestry/1/prepare";
    uint8_t id[HASH_BYTES];
    uint8_t expected_id[HASH_BYTES];

    (void)state;
    memcpy(expected + TAG_BYTES, cluster_a, HASH_BYTES);
    hash_bytes(body, expected + TAG_BYTES + HASH_BYTES);
    statement_make(TAG_PREPARE, cluster_a, body, statement);
    assert_memory_equal(statement, expected, STATEMENT_BYTES);
    hash_bytes(BYTES_OF_ARRAY(expected), expected_id);
    statement_id(TAG_PREPARE, cluster_a, body, id);
    assert_memory_equal(id, expected_id, HASH_BYTES);
}

static void tags_differ_begin_alike_and_end_in_a_nul(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIGN_TAG_COUNT; i++) {
        const char *text = sign_tag_text((enum sign_tag)i);

        assert_in_range(strlen(text), 10, TAG_BYTES - 1);
        assert_memory_equal(text, "vestry/1/", 9);
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(text, sign_tag_text((enum sign_tag)j));
        }
    }
}

/* What a signature binds, for either scheme. */
static void check_binding(const struct sig_scheme *scheme)
{
    const struct bytes body = bytes_of_text("a body");
    const struct bytes other = bytes_of_text("another body");
    const uint8_t seed[SEED_BYTES] = {7};
    const uint8_t other_seed[SEED_BYTES] = {8};
    uint8_t key[PUBLIC_KEY_BYTES];
    uint8_t other_key[PUBLIC_KEY_BYTES];
    uint8_t sig[SIG_BYTES];

    scheme->public_key(seed, key);
    scheme->public_key(other_seed, other_key);
    assert_true(scheme->key_valid(key));
    sign_body(scheme, seed, key, TAG_PREPARE, cluster_a, body, sig);
    assert_true(verify_body(scheme, key, TAG_PREPARE, cluster_a, body, sig));
    assert_false(verify_body(scheme, key, TAG_COMMIT, cluster_a, body, sig));
    assert_false(verify_body(scheme, key, TAG_PREPARE, cluster_b, body, sig));
    assert_false(verify_body(scheme, key, TAG_PREPARE, cluster_a, other, sig));
    assert_false(verify_body(scheme, other_key, TAG_PREPARE, cluster_a, body, sig));
    for (size_t bit = 0; bit < 8 * SIG_BYTES; bit++) {
        sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(verify_body(scheme, key, TAG_PREPARE, cluster_a, body, sig));
        sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void ed25519_binds_key_tag_cluster_and_body(void **state)
{
    (void)state;
    check_binding(&sig_ed25519);
}

static void the_stand_in_binds_key_tag_cluster_and_body(void **state)
{
    const uint8_t zero[PUBLIC_KEY_BYTES] = {0};

    (void)state;
    check_binding(&sig_fast);
    assert_false(sig_fast.key_valid(zero));
}

/* --- Vectors written elsewhere ---------------------------------------------------------------- */

static void the_vectors_of_rfc_8032_come_out(void **state)
{
    char line[4 * MESSAGE_MAX];
    FILE *file = fopen("tests/vectors/rfc8032_7_1.tsv", "r");
    size_t count = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        char *rest = line;
        const char *field[5];
        uint8_t seed[SEED_BYTES];
        uint8_t expected_key[PUBLIC_KEY_BYTES];
        uint8_t key[PUBLIC_KEY_BYTES];
        uint8_t message[MESSAGE_MAX];
        uint8_t expected_sig[SIG_BYTES];
        uint8_t sig[SIG_BYTES];

        if (line[0] == '#') {
            continue;
        }
        line[strcspn(line, "\r\n")] = '\0';
        for (size_t i = 0; i < 5; i++) {
            field[i] = strsep(&rest, "\t");
            assert_non_null(field[i]);
        }
        assert_int_equal(unhex(field[1], seed, sizeof(seed)), SEED_BYTES);
        assert_int_equal(unhex(field[2], expected_key, sizeof(key)), PUBLIC_KEY_BYTES);
        const struct bytes text = bytes_make(message, unhex(field[3], message, sizeof(message)));

        assert_int_equal(unhex(field[4], expected_sig, sizeof(sig)), SIG_BYTES);
        sig_ed25519.public_key(seed, key);
        assert_memory_equal(key, expected_key, PUBLIC_KEY_BYTES);
        sig_ed25519.sign(seed, key, text, sig);
        assert_memory_equal(sig, expected_sig, SIG_BYTES);
        assert_true(sig_ed25519.verify(key, text, sig));
        count++;
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(count, 5);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    assert_non_null(text);
    return text;
}

/* Signatures of another length cannot even be said through the interface; they are refused where
 * bytes from outside are read. Returns whether the verdict agrees with the vector's. */
static bool case_agrees(const uint8_t key[PUBLIC_KEY_BYTES], const json_t *test)
{
    uint8_t message[MESSAGE_MAX];
    uint8_t sig[2 * SIG_BYTES];
    const size_t message_len = unhex(text_of(test, "msg"), message, sizeof(message));
    const size_t sig_len = unhex(text_of(test, "sig"), sig, sizeof(sig));
    const bool valid = strcmp(text_of(test, "result"), "valid") == 0;

    if (sig_len != SIG_BYTES) {
        return !valid;
    }
    return sig_ed25519.verify(key, bytes_make(message, message_len), sig) == valid;
}

static void all_cases_of_wycheproof_agree(void **state)
{
    json_error_t error;
    json_t *file = json_load_file("tests/vectors/wycheproof_ed25519.json", 0, &error);
    const json_t *groups = json_object_get(file, "testGroups");
    size_t count = 0;

    (void)state;
    assert_non_null(file);
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *group = json_array_get(groups, i);
        const json_t *tests = json_object_get(group, "tests");
        uint8_t key[PUBLIC_KEY_BYTES];

        assert_int_equal(
            unhex(text_of(json_object_get(group, "publicKey"), "pk"), key, sizeof(key)),
            PUBLIC_KEY_BYTES);
        for (size_t j = 0; j < json_array_size(tests); j++) {
            const json_t *test = json_array_get(tests, j);

            if (!case_agrees(key, test)) {
                fail_msg("case %lld", json_integer_value(json_object_get(test, "tcId")));
            }
            count++;
        }
    }
    json_decref(file);
    assert_int_equal(count, 151);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_is_tag_cluster_and_hash_of_the_body),
        cmocka_unit_test(tags_differ_begin_alike_and_end_in_a_nul),
        cmocka_unit_test(ed25519_binds_key_tag_cluster_and_body),
        cmocka_unit_test(the_stand_in_binds_key_tag_cluster_and_body),
        cmocka_unit_test(the_vectors_of_rfc_8032_come_out),
        cmocka_unit_test(all_cases_of_wycheproof_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
