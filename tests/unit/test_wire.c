#include "crypto/wire_read.h"
#include "crypto/wire_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#define UNTOUCHED UINT64_C(0xEEEEEEEEEEEEEEEE)

static uint8_t memory[80000];

/* One value of each width and kind, with its only encoding. */
struct number_case {
    uint64_t value;
    size_t len;
    uint8_t encoding[9];
};

static const struct number_case numbers[] = {
    {0, 1, {0x00}},
    {1, 1, {0x01}},
    {127, 1, {0x7F}},
    {128, 2, {0xCC, 0x80}},
    {255, 2, {0xCC, 0xFF}},
    {256, 3, {0xCD, 0x01, 0x00}},
    {65535, 3, {0xCD, 0xFF, 0xFF}},
    {65536, 5, {0xCE, 0x00, 0x01, 0x00, 0x00}},
    {UINT32_MAX, 5, {0xCE, 0xFF, 0xFF, 0xFF, 0xFF}},
    {UINT64_C(1) << 32, 9, {0xCF, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00}},
    {UINT64_MAX, 9, {0xCF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
};

static const size_t number_count = sizeof(numbers) / sizeof(numbers[0]);

static void a_number_has_one_encoding_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < number_count; i++) {
        const struct bytes in = bytes_make(numbers[i].encoding, numbers[i].len);
        struct buffer out = buffer_make(memory, sizeof(memory));
        struct cursor cursor = cursor_make(in);
        uint64_t value = UNTOUCHED;

        write_u64(&out, numbers[i].value);
        assert_true(bytes_equal(buffer_bytes(&out), in));
        assert_true(read_u64(&cursor, UINT64_MAX, &value));
        assert_true(read_end(&cursor));
        assert_int_equal(value, numbers[i].value);
        assert_int_equal(wire_check(in), WIRE_OK);
    }
}

/* The same value in every wider form. */
static void a_number_in_a_longer_form_is_refused(void **state)
{
    static const uint8_t heads[] = {0xCC, 0xCD, 0xCE, 0xCF};

    (void)state;
    for (size_t i = 0; i < number_count; i++) {
        for (size_t w = 0; w < 4; w++) {
            const size_t width = (size_t)1 << w;
            uint8_t wide[9] = {heads[w]};

            if (1 + width <= numbers[i].len || (width < 8 && numbers[i].value >> 8 * width != 0)) {
                continue;
            }
            for (size_t b = 0; b < width; b++) {
                wide[width - b] = (uint8_t)(numbers[i].value >> 8 * b);
            }
            struct cursor cursor = cursor_make(bytes_make(wide, 1 + width));
            uint64_t value = UNTOUCHED;

            assert_false(read_u64(&cursor, UINT64_MAX, &value));
            assert_int_equal(cursor.error, WIRE_NOT_SHORTEST);
            assert_int_equal(value, UNTOUCHED);
            assert_int_equal(wire_check(bytes_make(wide, 1 + width)), WIRE_NOT_SHORTEST);
        }
    }
}

static void a_number_above_its_bound_is_refused(void **state)
{
    (void)state;
    for (size_t i = 1; i < number_count; i++) {
        struct cursor cursor = cursor_make(bytes_make(numbers[i].encoding, numbers[i].len));
        uint64_t value = UNTOUCHED;

        assert_false(read_u64(&cursor, numbers[i].value - 1, &value));
        assert_int_equal(cursor.error, WIRE_RANGE);
        assert_int_equal(value, UNTOUCHED);
        cursor = cursor_make(bytes_make(numbers[i].encoding, numbers[i].len));
        assert_true(read_u64(&cursor, numbers[i].value, &value));
    }
}

static void a_number_cut_short_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < number_count; i++) {
        for (size_t len = 0; len < numbers[i].len; len++) {
            struct cursor cursor = cursor_make(bytes_make(numbers[i].encoding, len));
            uint64_t value = UNTOUCHED;

            assert_false(read_u64(&cursor, UINT64_MAX, &value));
            assert_int_equal(cursor.error, WIRE_TRUNCATED);
            assert_int_equal(value, UNTOUCHED);
        }
    }
}

/* --- Bytes, text, arrays ---------------------------------------------------------------------- */

/* Lengths on both sides of every change of width, and the head each must have. */
struct length_case {
    size_t len;
    size_t head_len;
    uint8_t head[5];
};

static const struct length_case bins[] = {
    {0, 2, {0xC4, 0x00}},           {1, 2, {0xC4, 0x01}},
    {255, 2, {0xC4, 0xFF}},         {256, 3, {0xC5, 0x01, 0x00}},
    {65535, 3, {0xC5, 0xFF, 0xFF}}, {65536, 5, {0xC6, 0x00, 0x01, 0x00, 0x00}},
};
static const struct length_case strs[] = {
    {0, 1, {0xA0}}, {1, 1, {0xA1}}, {31, 1, {0xBF}}, {32, 2, {0xD9, 0x20}}, {255, 2, {0xD9, 0xFF}},
};
static const struct length_case arrays[] = {
    {0, 1, {0x90}},
    {15, 1, {0x9F}},
    {16, 3, {0xDC, 0x00, 0x10}},
    {65535, 3, {0xDC, 0xFF, 0xFF}},
    {65536, 5, {0xDD, 0x00, 0x01, 0x00, 0x00}},
};

typedef bool read_run(struct cursor *cursor, size_t min, size_t max, struct bytes *out);
typedef void write_run(struct buffer *out, struct bytes value);

static struct bytes put_run(const struct length_case *from, uint8_t filler)
{
    struct buffer out = buffer_make(memory, sizeof(memory));

    buffer_put(&out, bytes_make(from->head, from->head_len));
    memset(memory + out.len, filler, from->len);
    return bytes_make(memory, from->head_len + from->len);
}

static void check_run(const struct length_case *from, read_run *read, write_run *write)
{
    static uint8_t written_memory[80000];
    static const struct bytes untouched = {NULL, 77};
    struct buffer written = buffer_make(written_memory, sizeof(written_memory));
    const struct bytes in = put_run(from, 'a');
    struct cursor cursor = cursor_make(in);
    struct bytes value = untouched;

    assert_true(read(&cursor, from->len, from->len, &value));
    assert_true(read_end(&cursor));
    assert_ptr_equal(value.data, memory + from->head_len);
    assert_int_equal(value.len, from->len);
    write(&written, value);
    assert_true(bytes_equal(buffer_bytes(&written), in));
    assert_int_equal(wire_check(in), WIRE_OK);

    cursor = cursor_make(in);
    value = untouched;
    assert_false(read(&cursor, from->len + 1, from->len + 1, &value));
    assert_int_equal(cursor.error, WIRE_RANGE);
    assert_int_equal(value.len, 77);
    cursor = cursor_make(in);
    assert_true(from->len == 0 || !read(&cursor, 0, from->len - 1, &value));
    assert_int_equal(value.len, 77);
    for (size_t cut = 1; cut <= in.len && cut <= 40; cut++) {
        cursor = cursor_make(bytes_slice(in, 0, in.len - cut));
        assert_false(read(&cursor, from->len, from->len, &value));
        assert_int_equal(cursor.error, WIRE_TRUNCATED);
        assert_int_equal(value.len, 77);
    }
}

static void bins_and_strs_have_one_encoding_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bins) / sizeof(bins[0]); i++) {
        check_run(&bins[i], read_bin, write_bin);
    }
    for (size_t i = 0; i < sizeof(strs) / sizeof(strs[0]); i++) {
        check_run(&strs[i], read_str, write_str);
    }
}

static void arrays_have_one_encoding_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        const struct bytes in = put_run(&arrays[i], 0x00);
        struct cursor cursor = cursor_make(in);
        uint32_t count = 77;
        uint8_t head_memory[8];
        struct buffer head = buffer_make(head_memory, sizeof(head_memory));
        const uint32_t len = (uint32_t)arrays[i].len;

        assert_true(read_array(&cursor, len, len, &count));
        assert_int_equal(count, len);
        write_array(&head, count);
        assert_true(bytes_equal(buffer_bytes(&head), bytes_slice(in, 0, arrays[i].head_len)));
        assert_int_equal(wire_check(in), WIRE_OK);
        count = 77;
        cursor = cursor_make(in);
        assert_false(read_array(&cursor, len + 1, UINT32_MAX, &count));
        assert_int_equal(cursor.error, WIRE_RANGE);
        cursor = cursor_make(in);
        assert_true(len == 0 || !read_array(&cursor, 0, len - 1, &count));
        assert_int_equal(count, 77);
        if (len > 0) {
            cursor = cursor_make(bytes_slice(in, 0, in.len - 1));
            assert_false(read_array(&cursor, 0, UINT32_MAX, &count));
            assert_int_equal(cursor.error, WIRE_TRUNCATED);
            assert_int_equal(count, 77);
        }
    }
}

static void a_length_in_a_longer_form_is_refused(void **state)
{
    static const struct {
        size_t len;
        uint8_t bytes[6];
    } longer[] = {
        {3, {0xC5, 0x00, 0x00}},
        {4, {0xC5, 0x00, 0x01, 0x00}},
        {3, {0xC5, 0x00, 0xFF}},
        {5, {0xC6, 0x00, 0x00, 0x00, 0x00}},
        {5, {0xC6, 0x00, 0x00, 0xFF, 0xFF}},
        {2, {0xD9, 0x00}},
        {3, {0xD9, 0x01, 'a'}},
        {2, {0xD9, 0x1F}},
        {3, {0xDC, 0x00, 0x00}},
        {4, {0xDC, 0x00, 0x01, 0x00}},
        {3, {0xDC, 0x00, 0x0F}},
        {5, {0xDD, 0x00, 0x00, 0x00, 0x00}},
        {5, {0xDD, 0x00, 0x00, 0xFF, 0xFF}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++) {
        const struct bytes in = bytes_make(longer[i].bytes, longer[i].len);
        struct cursor cursor = cursor_make(in);
        struct bytes value;
        uint32_t count = 0;
        const uint8_t head = longer[i].bytes[0];

        assert_int_equal(wire_check(in), WIRE_NOT_SHORTEST);
        if (head == 0xC5 || head == 0xC6) {
            assert_false(read_bin(&cursor, 0, SIZE_MAX, &value));
        } else if (head == 0xD9) {
            assert_false(read_str(&cursor, 0, SIZE_MAX, &value));
        } else {
            assert_false(read_array(&cursor, 0, UINT32_MAX, &count));
        }
        assert_int_equal(cursor.error, WIRE_NOT_SHORTEST);
    }
}

static bool is_kind_of_ours(uint8_t first)
{
    return first <= 0x7F || (first >= 0x90 && first <= 0xBF) || (first >= 0xC4 && first <= 0xC6) ||
           (first >= 0xCC && first <= 0xCF) || first == 0xD9 || first == 0xDC || first == 0xDD;
}

/* Every first byte that begins nothing we know, alone and with bytes behind it. */
static void every_other_kind_is_refused(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        uint8_t in[10] = {(uint8_t)first, 0, 0, 0, 0, 0, 0, 0, 0, 0};

        if (!is_kind_of_ours((uint8_t)first)) {
            assert_int_equal(wire_check(bytes_make(in, 1)), WIRE_KIND);
            assert_int_equal(wire_check(BYTES_OF_ARRAY(in)), WIRE_KIND);
        } else {
            assert_int_not_equal(wire_check(BYTES_OF_ARRAY(in)), WIRE_KIND);
        }
    }
}

static void a_value_of_another_kind_than_asked_for_is_refused(void **state)
{
    static const uint8_t values[4][2] = {{0x05}, {0xC4, 0x00}, {0xA0}, {0x90}};

    (void)state;
    for (int has = 0; has < 4; has++) {
        for (int asked = 0; asked < 4; asked++) {
            struct cursor cursor = cursor_make(BYTES_OF_ARRAY(values[has]));
            uint64_t number = 0;
            uint32_t count = 0;
            struct bytes value;
            bool read = false;

            switch (asked) {
            case 0:
                read = read_u64(&cursor, UINT64_MAX, &number);
                break;
            case 1:
                read = read_bin(&cursor, 0, 9, &value);
                break;
            case 2:
                read = read_str(&cursor, 0, 9, &value);
                break;
            default:
                read = read_array(&cursor, 0, 9, &count);
                break;
            }
            assert_true(read == (has == asked));
            assert_int_equal(cursor.error, has == asked ? WIRE_OK : WIRE_KIND);
        }
    }
}

/* --- Failure ---------------------------------------------------------------------------------- */

static void the_first_failure_stays_and_nothing_is_read_after_it(void **state)
{
    static const uint8_t in[] = {0xC0, 0x01, 0xC4, 0x00, 0xA0, 0x90};
    struct cursor cursor = cursor_make(BYTES_OF_ARRAY(in));
    struct bytes value = {NULL, 77};
    uint64_t number = 77;
    uint32_t count = 77;

    (void)state;
    assert_false(read_u64(&cursor, UINT64_MAX, &number));
    cursor.at++;
    assert_false(read_u64(&cursor, UINT64_MAX, &number));
    cursor.at++;
    assert_false(read_bin(&cursor, 0, 9, &value));
    cursor.at += 2;
    assert_false(read_str(&cursor, 0, 9, &value));
    cursor.at++;
    assert_false(read_array(&cursor, 0, 9, &count));
    cursor.at++;
    assert_false(read_end(&cursor));
    assert_false(cursor_fail(&cursor, WIRE_TEXT));
    assert_int_equal(cursor.error, WIRE_KIND);
    assert_int_equal(number, 77);
    assert_int_equal(count, 77);
    assert_int_equal(value.len, 77);
}

static void a_failed_read_consumes_nothing(void **state)
{
    static const uint8_t in[] = {0xCD, 0x01, 0x00};
    struct cursor cursor = cursor_make(BYTES_OF_ARRAY(in));
    uint64_t number = 0;

    (void)state;
    assert_false(read_u64(&cursor, 255, &number));
    assert_ptr_equal(cursor.at, in);
}

static void nothing_is_truncated_not_empty(void **state)
{
    struct cursor cursor = cursor_make(BYTES_EMPTY);
    uint64_t number = 0;

    (void)state;
    assert_true(read_end(&cursor));
    assert_false(read_u64(&cursor, UINT64_MAX, &number));
    assert_int_equal(cursor.error, WIRE_TRUNCATED);
    assert_int_equal(wire_check(BYTES_EMPTY), WIRE_TRUNCATED);
}

static void bytes_that_are_left_over_are_an_error_of_their_own(void **state)
{
    static const uint8_t in[] = {0x01, 0x01};
    struct cursor cursor = cursor_make(BYTES_OF_ARRAY(in));
    uint64_t number = 0;

    (void)state;
    assert_true(read_u64(&cursor, UINT64_MAX, &number));
    assert_false(read_end(&cursor));
    assert_int_equal(cursor.error, WIRE_TRAILING);
    assert_int_equal(wire_check(BYTES_OF_ARRAY(in)), WIRE_TRAILING);
}

static void a_length_beyond_the_input_is_refused_whatever_the_bound(void **state)
{
    static const uint8_t bombs[][5] = {
        {0xC6, 0xFF, 0xFF, 0xFF, 0xFF},
        {0xDD, 0xFF, 0xFF, 0xFF, 0xFF},
        {0xDD, 0x02, 0xFF, 0xFF, 0xFF},
        {0xC6, 0x00, 0x01, 0x00, 0x00},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
        struct cursor cursor = cursor_make(BYTES_OF_ARRAY(bombs[i]));
        struct bytes value;
        uint32_t count = 0;

        if (bombs[i][0] == 0xC6) {
            assert_false(read_bin(&cursor, 0, SIZE_MAX, &value));
        } else {
            assert_false(read_array(&cursor, 0, UINT32_MAX, &count));
        }
        assert_int_equal(cursor.error, WIRE_TRUNCATED);
        assert_int_equal(wire_check(BYTES_OF_ARRAY(bombs[i])), WIRE_TRUNCATED);
    }
}

static void every_error_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int i = WIRE_OK; i <= WIRE_TRAILING; i++) {
        for (int j = WIRE_OK; j < i; j++) {
            assert_string_not_equal(wire_error_text((enum wire_error)i),
                                    wire_error_text((enum wire_error)j));
        }
    }
}

/* --- Values and encodings that others collected ----------------------------------------------- */

static size_t parse_hex(const char *text, uint8_t *out)
{
    size_t len = 0;

    for (; *text != '\0'; text++) {
        static const char digits[] = "0123456789abcdef";
        const char *found = strchr(digits, *text);

        if (*text == '-') {
            continue;
        }
        assert_non_null(found);
        out[len / 2] = (uint8_t)(out[len / 2] << 4 | (found - digits));
        len++;
    }
    return len / 2;
}

/* How many encodings of one value are accepted; each must be the shortest of our kinds. */
static size_t accepted_of(const json_t *value)
{
    const json_t *encodings = json_object_get(value, "msgpack");
    const json_t *encoding = NULL;
    size_t accepted = 0;
    size_t accepted_len = 0;
    size_t shortest = SIZE_MAX;
    size_t index = 0;

    json_array_foreach(encodings, index, encoding)
    {
        uint8_t in[512] = {0};
        const size_t len = parse_hex(json_string_value(encoding), in);

        if (is_kind_of_ours(in[0]) && len < shortest) {
            shortest = len;
        }
        if (wire_check(bytes_make(in, len)) == WIRE_OK) {
            accepted++;
            accepted_len = len;
        }
    }
    assert_true(accepted == 0 || accepted_len == shortest);
    return accepted;
}

static void of_the_collected_encodings_at_most_one_of_a_value_is_accepted(void **state)
{
    json_error_t error;
    json_t *suite = json_load_file("tests/vectors/msgpack-test-suite.json", 0, &error);
    const char *group = NULL;
    json_t *values = NULL;
    size_t seen = 0;
    size_t accepted = 0;

    (void)state;
    assert_non_null(suite);
    json_object_foreach(suite, group, values)
    {
        size_t index = 0;
        const json_t *value = NULL;

        json_array_foreach(values, index, value)
        {
            const size_t count = accepted_of(value);
            const bool plain = json_object_get(value, "number") != NULL &&
                               json_number_value(json_object_get(value, "number")) >= 0 &&
                               strstr(group, "float") == NULL;
            const bool foreign =
                json_object_get(value, "nil") != NULL || json_object_get(value, "bool") != NULL ||
                json_object_get(value, "map") != NULL || json_object_get(value, "ext") != NULL ||
                json_object_get(value, "timestamp") != NULL;

            seen++;
            accepted += count;
            assert_true(count <= 1);
            assert_true(!plain || count == 1);
            assert_true(!foreign || count == 0);
        }
    }
    json_decref(suite);
    assert_int_equal(seen, 85);
    assert_true(accepted >= 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_has_one_encoding_both_ways),
        cmocka_unit_test(a_number_in_a_longer_form_is_refused),
        cmocka_unit_test(a_number_above_its_bound_is_refused),
        cmocka_unit_test(a_number_cut_short_is_refused),
        cmocka_unit_test(bins_and_strs_have_one_encoding_both_ways),
        cmocka_unit_test(arrays_have_one_encoding_both_ways),
        cmocka_unit_test(a_length_in_a_longer_form_is_refused),
        cmocka_unit_test(every_other_kind_is_refused),
        cmocka_unit_test(a_value_of_another_kind_than_asked_for_is_refused),
        cmocka_unit_test(the_first_failure_stays_and_nothing_is_read_after_it),
        cmocka_unit_test(a_failed_read_consumes_nothing),
        cmocka_unit_test(nothing_is_truncated_not_empty),
        cmocka_unit_test(bytes_that_are_left_over_are_an_error_of_their_own),
        cmocka_unit_test(a_length_beyond_the_input_is_refused_whatever_the_bound),
        cmocka_unit_test(every_error_has_a_text_of_its_own),
        cmocka_unit_test(of_the_collected_encodings_at_most_one_of_a_value_is_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
