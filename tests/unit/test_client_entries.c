/* Entries that were read: nothing is taken that is not in the tree, not what was asked for, or has
 * another payload. */
#include "client/entries.h"
#include "crypto/hash.h"
#include "crypto/merkle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAVES 21
#define ATTACHMENT_MAX 65536

/* A log of 21 entries: of "orders" those with an odd index, of "others" the rest. */
static struct {
    uint8_t bytes[LEAVES][LEAF_BYTES_MAX];
    size_t len[LEAVES];
    uint8_t hashes[LEAVES][HASH_BYTES];
    char payloads[LEAVES][16];
    uint8_t salts[LEAVES][SALT_BYTES];
    struct checkpoint checkpoint;
} log21;

static bool read_node(void *context, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    const uint64_t first = index << level;
    const uint64_t count = UINT64_C(1) << level;

    (void)context;
    if (first + count > LEAVES) {
        return false;
    }
    merkle_root_of(bytes_make(log21.hashes[first], count * HASH_BYTES), out);
    return true;
}

static int make_log(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LEAVES; i++) {
        struct leaf leaf = {
            .index = i,
            .height = 1 + i / 3,
            .time_ms = 1000 + i,
            .kind = LEAF_DATA,
            .stream = bytes_of_text(i % 2 == 1 ? "orders" : "others"),
            .stream_index = i / 2,
        };
        struct buffer out = buffer_make(log21.bytes[i], LEAF_BYTES_MAX);

        (void)snprintf(log21.payloads[i], sizeof(log21.payloads[i]), "payload %u", i);
        memset(log21.salts[i], (int)(40 + i), SALT_BYTES);
        leaf.payload_len = strlen(log21.payloads[i]);
        const struct bytes parts[] = {bytes_make(log21.salts[i], SALT_BYTES),
                                      bytes_of_text(log21.payloads[i])};
        hash_parts(parts, 2, leaf.payload_hash);
        assert_true(leaf_encode(&leaf, &out));
        log21.len[i] = out.len;
        merkle_leaf_hash(buffer_bytes(&out), log21.hashes[i]);
    }
    log21.checkpoint.tree_size = LEAVES;
    log21.checkpoint.height = 10;
    merkle_root_of(bytes_make(log21.hashes, sizeof(log21.hashes)), log21.checkpoint.tree_root);
    return 0;
}

struct answer {
    uint8_t list[ATTACHMENT_MAX];
    uint8_t bytes[ATTACHMENT_MAX];
    struct buffer entries;
    uint32_t count;
};

static void answer_begin(struct answer *answer)
{
    answer->entries = buffer_make(answer->list, sizeof(answer->list));
    answer->count = 0;
}

/* Add the entry `leaf` with the payload of `payload`; no payload when that is LEAVES. */
static void answer_add(struct answer *answer, uint32_t leaf, uint32_t payload)
{
    struct merkle_proof proof;
    uint8_t path[MERKLE_PATH_MAX * (HASH_BYTES + 2)];
    struct buffer hashes = buffer_make(path, sizeof(path));

    assert_true(merkle_inclusion_make(leaf, LEAVES, read_node, NULL, &proof));
    for (uint32_t i = 0; i < proof.count; i++) {
        struct item_hash hash;

        memcpy(hash.value, proof.hashes[i], HASH_BYTES);
        assert_true(item_hash_encode(&hash, &hashes));
    }
    struct read_entry entry = {
        .leaf = bytes_make(log21.bytes[leaf], log21.len[leaf]),
        .path = {buffer_bytes(&hashes), proof.count},
    };
    if (payload < LEAVES) {
        entry.salt = bytes_make(log21.salts[payload], SALT_BYTES);
        entry.payload = bytes_of_text(log21.payloads[payload]);
    }
    assert_true(read_entry_encode(&entry, &answer->entries));
    answer->count++;
}

static struct bytes answer_end(struct answer *answer)
{
    struct buffer out = buffer_make(answer->bytes, sizeof(answer->bytes));
    const struct read_entries whole = {{buffer_bytes(&answer->entries), answer->count}};

    assert_true(read_entries_encode(&whole, &out));
    return buffer_bytes(&out);
}

static bool accepts(const struct entries_query *query, struct bytes attachment)
{
    struct vestry_entries *entries = NULL;
    bool memory = false;
    const bool good = entries_verify(query, attachment, &log21.checkpoint, &entries, &memory);

    assert_int_equal(good, entries != NULL);
    assert_false(memory);
    vestry_entries_free(entries);
    return good;
}

static struct entries_query by_index(uint64_t from, uint64_t count)
{
    return (struct entries_query){BYTES_EMPTY, from, count};
}

static struct entries_query of_orders(uint64_t from, uint64_t count)
{
    return (struct entries_query){bytes_of_text("orders"), from, count};
}

static struct answer answer;

static void entries_by_index_and_of_a_stream_are_taken(void **state)
{
    (void)state;
    const struct entries_query index = by_index(4, 3);
    const struct entries_query stream = of_orders(2, 2);

    answer_begin(&answer);
    for (uint32_t i = 4; i < 7; i++) {
        answer_add(&answer, i, i);
    }
    assert_true(accepts(&index, answer_end(&answer)));

    answer_begin(&answer);
    answer_add(&answer, 5, 5); /* orders #2 */
    answer_add(&answer, 7, 7);
    struct vestry_entries *entries = NULL;
    struct vestry_read_entry entry;
    bool memory = false;
    assert_true(entries_verify(&stream, answer_end(&answer), &log21.checkpoint, &entries, &memory));
    assert_int_equal(entries->look.count, 2);
    vestry_entries_get(entries, 1, &entry);
    assert_int_equal(entry.index, 7);
    assert_int_equal(entry.stream_index, 3);
    assert_string_equal(entry.stream, "orders");
    assert_memory_equal(entry.payload, "payload 7", entry.payload_len);
    vestry_entries_free(entries);
}

static void nothing_is_an_answer_too(void **state)
{
    (void)state;
    const struct entries_query query = by_index(LEAVES, 5);

    answer_begin(&answer);
    assert_true(accepts(&query, answer_end(&answer)));
}

static void fewer_are_taken_and_more_are_not(void **state)
{
    (void)state;
    const struct entries_query three = by_index(0, 3);
    const struct entries_query two = by_index(0, 2);
    const struct entries_query one = by_index(0, 1);

    answer_begin(&answer);
    answer_add(&answer, 0, 0);
    answer_add(&answer, 1, 1);
    const struct bytes attachment = answer_end(&answer);
    assert_true(accepts(&three, attachment));
    assert_true(accepts(&two, attachment));
    assert_false(accepts(&one, attachment));
}

static void entries_that_were_not_asked_for_are_refused(void **state)
{
    (void)state;
    const struct entries_query index = by_index(4, 5);
    const struct entries_query stream = of_orders(2, 5);

    answer_begin(&answer);
    answer_add(&answer, 5, 5);
    assert_false(accepts(&index, answer_end(&answer))); /* begins later */
    answer_begin(&answer);
    answer_add(&answer, 4, 4);
    answer_add(&answer, 6, 6);
    assert_false(accepts(&index, answer_end(&answer))); /* a gap */
    answer_begin(&answer);
    answer_add(&answer, 4, 4);
    answer_add(&answer, 4, 4);
    assert_false(accepts(&index, answer_end(&answer))); /* twice */
    answer_begin(&answer);
    answer_add(&answer, 4, 4);
    assert_false(accepts(&stream, answer_end(&answer))); /* another stream, same position */
    answer_begin(&answer);
    answer_add(&answer, 5, 5);
    answer_add(&answer, 9, 9);
    assert_false(accepts(&stream, answer_end(&answer))); /* a gap in the stream */
}

static void the_payload_of_another_entry_is_refused(void **state)
{
    (void)state;
    const struct entries_query query = by_index(3, 1);

    answer_begin(&answer);
    answer_add(&answer, 3, 5);
    assert_false(accepts(&query, answer_end(&answer)));
}

static void a_withheld_payload_is_seen_as_such(void **state)
{
    (void)state;
    const struct entries_query query = by_index(3, 1);
    struct vestry_entries *entries = NULL;
    struct vestry_read_entry entry;
    bool memory = false;

    answer_begin(&answer);
    answer_add(&answer, 3, LEAVES);
    assert_true(entries_verify(&query, answer_end(&answer), &log21.checkpoint, &entries, &memory));
    vestry_entries_get(entries, 0, &entry);
    assert_null(entry.payload);
    assert_int_equal(entry.payload_len, strlen("payload 3"));
    vestry_entries_free(entries);
}

static void an_entry_above_the_checkpoint_is_refused(void **state)
{
    (void)state;
    const struct entries_query query = by_index(20, 1);

    answer_begin(&answer);
    answer_add(&answer, 20, 20);
    const struct bytes attachment = answer_end(&answer);
    assert_true(accepts(&query, attachment));
    log21.checkpoint.height = 6; /* the entry says 7 */
    assert_false(accepts(&query, attachment));
    log21.checkpoint.height = 10;
    log21.checkpoint.tree_root[0] ^= 1;
    assert_false(accepts(&query, attachment));
    log21.checkpoint.tree_root[0] ^= 1;
}

static void every_flipped_bit_and_every_truncation_is_refused(void **state)
{
    (void)state;
    const struct entries_query query = of_orders(1, 2);

    answer_begin(&answer);
    answer_add(&answer, 3, 3);
    answer_add(&answer, 5, 5);
    struct bytes attachment = answer_end(&answer);
    assert_true(accepts(&query, attachment));
    for (size_t len = 0; len < attachment.len; len++) {
        assert_false(accepts(&query, bytes_slice(attachment, 0, len)));
    }
    for (size_t bit = 0; bit < attachment.len * 8; bit++) {
        answer.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(accepts(&query, attachment));
        answer.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_by_index_and_of_a_stream_are_taken),
        cmocka_unit_test(nothing_is_an_answer_too),
        cmocka_unit_test(fewer_are_taken_and_more_are_not),
        cmocka_unit_test(entries_that_were_not_asked_for_are_refused),
        cmocka_unit_test(the_payload_of_another_entry_is_refused),
        cmocka_unit_test(a_withheld_payload_is_seen_as_such),
        cmocka_unit_test(an_entry_above_the_checkpoint_is_refused),
        cmocka_unit_test(every_flipped_bit_and_every_truncation_is_refused),
    };

    return cmocka_run_group_tests(tests, make_log, NULL);
}
