/* The frozen instances of every object (tests/vectors), against the code of today. */
#include "crypto/hash.h"
#include "crypto/words.h"
#include "tests/support/formats_vectors.h"
#include "tests/support/receipt_fixture.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FILE_BYTES_MAX (1u << 20)

static uint8_t file_memory[FILE_BYTES_MAX];
static struct bytes kat;

static struct bytes load(const char *path, uint8_t *memory, size_t capacity)
{
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    const size_t len = fread(memory, 1, capacity, file);

    fclose(file);
    assert_true(len > 0 && len < capacity);
    return bytes_make(memory, len);
}

static int load_kat(void **state)
{
    (void)state;
    kat = load("tests/vectors/formats.kat", file_memory, sizeof(file_memory));
    return 0;
}

static bool take_line(struct bytes *text, struct bytes *line)
{
    const uint8_t *end = text->len == 0 ? NULL : memchr(text->data, '\n', text->len);

    if (end == NULL) {
        assert_int_equal(text->len, 0);
        return false;
    }
    const size_t len = (size_t)(end - text->data);

    *line = bytes_slice(*text, 0, len);
    *text = bytes_slice(*text, len + 1, text->len - len - 1);
    return true;
}

/* Take `word` and the space behind it off the line. */
static bool take_word(struct bytes *line, const char *word)
{
    const struct bytes expected = bytes_of_text(word);

    if (line->len <= expected.len || memcmp(line->data, expected.data, expected.len) != 0 ||
        line->data[expected.len] != ' ') {
        return false;
    }
    *line = bytes_slice(*line, expected.len + 1, line->len - expected.len - 1);
    return true;
}

static const struct schema *schema_named(struct bytes name)
{
    for (uint32_t i = 0; i < schema_count; i++) {
        if (bytes_equal(bytes_of_text(schema_all[i]->name), name)) {
            return schema_all[i];
        }
    }
    fail_msg("no object %.*s", (int)name.len, (const char *)name.data);
    return NULL;
}

static void the_cluster_of_the_ids_is_the_one_of_the_tests(void **state)
{
    struct bytes text = kat;
    struct bytes line;
    uint8_t cluster_id[HASH_BYTES];

    (void)state;
    assert_true(take_line(&text, &line));
    assert_true(take_word(&line, "cluster"));
    assert_true(hex_parse(line, cluster_id, HASH_BYTES));
    assert_memory_equal(cluster_id, formats_cluster_id, HASH_BYTES);
}

/* Decode a frozen encoding, encode it again, and tell its lines anew: values, hash and ids. */
static void retell(const struct schema *schema, struct bytes hex, struct buffer *out)
{
    static uint8_t encoded[8192];
    static uint8_t again_memory[8192];
    static alignas(max_align_t) uint8_t object[1024];
    struct buffer again = buffer_make(again_memory, sizeof(again_memory));

    assert_true(hex.len / 2 <= sizeof(encoded));
    assert_true(hex_parse(hex, encoded, hex.len / 2));
    assert_int_equal(schema_decode(schema, bytes_make(encoded, hex.len / 2), object), WIRE_OK);
    assert_true(schema_encode(schema, object, &again));
    formats_vectors_object(schema, buffer_bytes(&again), out);
}

static void every_frozen_object_reads_and_writes_as_it_did(void **state)
{
    static uint8_t told_memory[FILE_BYTES_MAX];
    struct buffer told = buffer_make(told_memory, sizeof(told_memory));
    struct bytes text = kat;
    struct bytes line;
    const struct schema *schema = NULL;
    size_t objects_end = 0;

    (void)state;
    assert_true(take_line(&text, &line));
    const struct bytes objects = text;

    while (take_line(&text, &line)) {
        if (take_word(&line, "object")) {
            schema = schema_named(line);
        } else if (take_word(&line, "hex")) {
            retell(schema, line, &told);
        } else if (take_word(&line, "set")) {
            break;
        }
        objects_end = (size_t)(text.data - objects.data);
    }
    assert_true(bytes_equal(buffer_bytes(&told), bytes_slice(objects, 0, objects_end)));
}

static void every_object_of_the_table_is_frozen_once(void **state)
{
    struct bytes text = kat;
    struct bytes line;
    uint32_t seen[256] = {0};

    (void)state;
    assert_true(schema_count <= 256);
    while (take_line(&text, &line)) {
        if (take_word(&line, "object")) {
            for (uint32_t i = 0; i < schema_count; i++) {
                seen[i] += schema_all[i] == schema_named(line) ? 1 : 0;
            }
        }
    }
    for (uint32_t i = 0; i < schema_count; i++) {
        if (seen[i] != 1) {
            fail_msg("%s stands in formats.kat %u times", schema_all[i]->name, seen[i]);
        }
    }
}

static void the_story_comes_out_as_it_did(void **state)
{
    static uint8_t told_memory[65536];
    struct buffer told = buffer_make(told_memory, sizeof(told_memory));
    const uint8_t *begin = memmem(kat.data, kat.len, "\nset ", 5);

    (void)state;
    assert_non_null(begin);
    formats_vectors_story(&told);
    const size_t at = (size_t)(begin + 1 - kat.data);

    assert_true(bytes_equal(buffer_bytes(&told), bytes_slice(kat, at, kat.len - at)));
}

static void the_frozen_receipt_verifies_and_is_made_the_same(void **state)
{
    static uint8_t frozen_memory[RECEIPT_BYTES_MAX + 1];
    static uint8_t made_memory[RECEIPT_BYTES_MAX];
    static struct receipt_fixture fixture;
    struct buffer made = buffer_make(made_memory, sizeof(made_memory));
    struct receipt_facts facts;

    (void)state;
    const struct bytes frozen =
        load("tests/vectors/receipt.tlog-proof", frozen_memory, sizeof(frozen_memory));

    receipt_fixture_init(&fixture, &sig_ed25519);
    receipt_fixture_build(&fixture, &made);
    assert_true(bytes_equal(buffer_bytes(&made), frozen));
    const struct receipt_trust trust = receipt_fixture_trust(&fixture);

    assert_int_equal(receipt_verify(frozen, &trust, &fixture.payload, &facts), RECEIPT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cluster_of_the_ids_is_the_one_of_the_tests),
        cmocka_unit_test(every_frozen_object_reads_and_writes_as_it_did),
        cmocka_unit_test(every_object_of_the_table_is_frozen_once),
        cmocka_unit_test(the_story_comes_out_as_it_did),
        cmocka_unit_test(the_frozen_receipt_verifies_and_is_made_the_same),
    };

    return cmocka_run_group_tests(tests, load_kat, NULL);
}
