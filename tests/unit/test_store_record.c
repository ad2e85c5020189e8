/* Keys of stored records, and the gate that asks for free space. */
#include "storage/disk_gate.h"
#include "storage/record.h"
#include "storage/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_key(struct record_key key, const char *bytes, size_t len)
{
    assert_int_equal(key.len, len);
    assert_memory_equal(key.data, bytes, len);
}

static void keys_are_the_bytes_of_the_format(void **state)
{
    (void)state;
    uint8_t digest[HASH_BYTES];
    memset(digest, 'd', sizeof digest);
    assert_key(record_key_block(RECORD_HEADER, 258), "h\0\0\0\0\0\0\1\2", 9);
    assert_key(record_key_block(RECORD_CERTIFICATE, 1), "c\0\0\0\0\0\0\0\1", 9);
    assert_key(record_key_block(RECORD_RESULTS, UINT64_MAX), "r\xff\xff\xff\xff\xff\xff\xff\xff",
               9);
    assert_key(record_key_batch(digest), "bdddddddddddddddddddddddddddddddd", 33);
    assert_key(record_key_leaves(7), "\0\0\0\0\0\0\0\7", 8);
    assert_key(record_key_payloads(digest), "dddddddddddddddddddddddddddddddd", 32);
    assert_key(record_key_tree(3, 9), "\3\0\0\0\0\0\0\0\11", 9);
    assert_key(record_key_stream(bytes_of_text("a/b"), 5), "a/b\0\0\0\0\0\0\0\0\5", 12);
    assert_key(record_key_journal('p', 5), "p\0\0\0\0\0\0\0\5", 9);
    static_assert(RECORD_KEY_BYTES_MAX <= STORE_KEY_BYTES_MAX, "every key fits the store");
}

static void keys_read_back_to_what_they_were_made_of(void **state)
{
    (void)state;
    enum record_block kind = RECORD_HEADER;
    uint64_t number = 0;
    uint8_t byte = 0;
    struct bytes stream;
    struct record_key key = record_key_block(RECORD_CERTIFICATE, 77);
    assert_true(record_read_block(record_key_bytes(&key), &kind, &number));
    assert_int_equal(kind, RECORD_CERTIFICATE);
    assert_int_equal(number, 77);
    key = record_key_leaves(78);
    assert_true(record_read_leaves(record_key_bytes(&key), &number));
    assert_int_equal(number, 78);
    key = record_key_tree(47, 79);
    assert_true(record_read_tree(record_key_bytes(&key), &byte, &number));
    assert_int_equal(byte, 47);
    assert_int_equal(number, 79);
    key = record_key_journal('v', 80);
    assert_true(record_read_journal(record_key_bytes(&key), &byte, &number));
    assert_int_equal(byte, 'v');
    assert_int_equal(number, 80);
    key = record_key_stream(bytes_of_text("orders/store17"), 81);
    assert_true(record_read_stream(record_key_bytes(&key), &stream, &number));
    assert_true(bytes_equal(stream, bytes_of_text("orders/store17")));
    assert_int_equal(number, 81);
}

static void bytes_that_are_no_key_are_refused(void **state)
{
    (void)state;
    enum record_block kind = RECORD_HEADER;
    uint64_t number = 5;
    uint8_t byte = 5;
    struct bytes stream = BYTES_EMPTY;
    struct record_key batch = record_key_batch((const uint8_t[HASH_BYTES]){0});
    assert_false(record_read_block(record_key_bytes(&batch), &kind, &number));
    assert_false(record_read_block(bytes_make("x\0\0\0\0\0\0\0\1", 9), &kind, &number));
    assert_false(record_read_leaves(bytes_make("1234567", 7), &number));
    assert_false(record_read_tree(bytes_make("12345678", 8), &byte, &number));
    assert_false(record_read_journal(bytes_make("1234567890", 10), &byte, &number));
    assert_false(record_read_stream(bytes_make("\0\0\0\0\0\0\0\0\1", 9), &stream, &number));
    assert_false(record_read_stream(bytes_make("abc12345678", 11), &stream, &number));
    assert_false(record_read_stream(bytes_make("a\0bc\0\0\0\0\0\0\0\0\1", 13), &stream, &number));
    assert_int_equal(number, 5);
    assert_int_equal(byte, 5);
    assert_int_equal(stream.len, 0);
}

static int order_of(struct record_key a, struct record_key b)
{
    return bytes_compare(record_key_bytes(&a), record_key_bytes(&b));
}

static void key_order_is_the_order_of_numbers_within_one_stream_and_no_other(void **state)
{
    (void)state;
    struct bytes a = bytes_of_text("a");
    assert_true(order_of(record_key_leaves(255), record_key_leaves(256)) < 0);
    assert_true(order_of(record_key_stream(a, 255), record_key_stream(a, 256)) < 0);
    assert_true(
        order_of(record_key_stream(a, UINT64_MAX), record_key_stream(bytes_of_text("a-"), 0)) < 0);
    assert_true(
        order_of(record_key_stream(a, UINT64_MAX), record_key_stream(bytes_of_text("a/b"), 0)) < 0);
}

static void the_gate_stops_appends_before_votes(void **state)
{
    (void)state;
    struct disk_gate gate = disk_gate_make("/", UINT64_C(1) << 28);
    assert_true(gate.append_bytes_min > gate.vote_bytes_min);
    assert_true(gate.vote_bytes_min > UINT64_C(1) << 28);
    uint64_t between = gate.append_bytes_min - 1;
    assert_int_equal(disk_gate_judge(&gate, DISK_APPEND, between + 1), STATUS_OK);
    assert_int_equal(disk_gate_judge(&gate, DISK_APPEND, between), STATUS_NO_SPACE);
    assert_int_equal(disk_gate_judge(&gate, DISK_VOTE, between), STATUS_OK);
    assert_int_equal(disk_gate_judge(&gate, DISK_VOTE, gate.vote_bytes_min - 1), STATUS_NO_SPACE);
}

static void the_gate_asks_the_file_system(void **state)
{
    (void)state;
    uint64_t free_bytes = 0;
    struct disk_gate gate = {"/", 1, 1};
    assert_int_equal(disk_gate_check(&gate, DISK_APPEND, &free_bytes), STATUS_OK);
    assert_true(free_bytes > 1);
    gate.append_bytes_min = UINT64_MAX;
    assert_int_equal(disk_gate_check(&gate, DISK_APPEND, &free_bytes), STATUS_NO_SPACE);
    assert_int_equal(disk_gate_check(&gate, DISK_VOTE, &free_bytes), STATUS_OK);
    gate.path = "/no/such/place";
    assert_int_equal(disk_gate_check(&gate, DISK_VOTE, &free_bytes), STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_the_bytes_of_the_format),
        cmocka_unit_test(keys_read_back_to_what_they_were_made_of),
        cmocka_unit_test(bytes_that_are_no_key_are_refused),
        cmocka_unit_test(key_order_is_the_order_of_numbers_within_one_stream_and_no_other),
        cmocka_unit_test(the_gate_stops_appends_before_votes),
        cmocka_unit_test(the_gate_asks_the_file_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
