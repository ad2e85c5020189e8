#include "crypto/schema.h"
#include "crypto/wire_write.h"
#include "tests/support/schema_random.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STRUCT_BYTES 1024
#define ROUNDS 150

static uint8_t encoded_memory[(3u << 20) + 4096];
static uint8_t again_memory[(3u << 20) + 4096];
static alignas(max_align_t) uint8_t object[STRUCT_BYTES];

static struct schema_random random_wide = {.state = 20260101};
static struct schema_random random_small = {.state = 20260102, .small = true};

/* How often anything took memory from the heap. Sanitizers bring an allocator of their own. */
static size_t allocations;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__) &&       \
    !defined(__clang__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    allocations++;
    return __libc_realloc(memory, size);
}
#endif

static struct bytes make(struct schema_random *random, const struct schema *schema)
{
    struct buffer out = buffer_make(encoded_memory, sizeof(encoded_memory));

    schema_random_put(random, schema, &out);
    assert_false(out.full);
    return buffer_bytes(&out);
}

/* Encode what stands in `object`. */
static struct bytes encode_again(const struct schema *schema)
{
    struct buffer out = buffer_make(again_memory, sizeof(again_memory));

    assert_true(schema_encode(schema, object, &out));
    return buffer_bytes(&out);
}

static enum wire_error decode(const struct schema *schema, struct bytes in)
{
    return schema_decode(schema, in, object);
}

/* Decode something that must be refused; the object must stay as it was. */
static enum wire_error refusal(const struct schema *schema, struct bytes in)
{
    memset(object, 0xEE, sizeof(object));
    const enum wire_error error = decode(schema, in);

    for (size_t i = 0; error != WIRE_OK && i < sizeof(object); i++) {
        assert_int_equal(object[i], 0xEE);
    }
    return error;
}

static void every_object_round_trips_bit_for_bit(void **state)
{
    (void)state;
    assert_true(schema_count > 150);
    for (uint32_t i = 0; i < schema_count; i++) {
        for (int round = 0; round < ROUNDS; round++) {
            const struct bytes in = make(&random_wide, schema_all[i]);

            assert_int_equal(decode(schema_all[i], in), WIRE_OK);
            assert_true(bytes_equal(encode_again(schema_all[i]), in));
            assert_int_equal(wire_check(in), WIRE_OK);
        }
    }
}

/* The value of a U64, or the place and length of bytes, must be those that were written: a decoder
 * and an encoder that swap two fields alike would pass the round trip. */
static void values_stand_in_the_fields_that_the_table_names(void **state)
{
    const struct statement in = {
        .stream = bytes_of_text("orders/eu"),
        .payload_hash = {1, 2, 3},
        .payload_len = 77,
        .expect_stream_len = 1000,
    };
    static const uint8_t expected_start[] = {0x95, 0x01, 0xA9, 'o',  'r',  'd',  'e',  'r', 's',
                                             '/',  'e',  'u',  0xC4, 0x20, 0x01, 0x02, 0x03};
    static const uint8_t expected_end[] = {0x00, 0x4D, 0xCD, 0x03, 0xE8};
    struct buffer out = buffer_make(encoded_memory, sizeof(encoded_memory));
    struct statement back;

    (void)state;
    assert_true(statement_encode(&in, &out));
    assert_int_equal(out.len, 1 + 1 + 10 + 34 + 1 + 3);
    assert_memory_equal(out.data, expected_start, sizeof(expected_start));
    assert_memory_equal(out.data + out.len - 5, expected_end, 5);
    assert_int_equal(statement_decode(buffer_bytes(&out), &back), WIRE_OK);
    assert_true(bytes_equal(back.stream, in.stream));
    assert_memory_equal(back.payload_hash, in.payload_hash, HASH_BYTES);
    assert_int_equal(back.payload_len, 77);
    assert_int_equal(back.expect_stream_len, 1000);
}

static struct wire_list list_of(const struct field *field)
{
    struct wire_list list;

    memcpy(&list, object + field->offset, sizeof(list));
    return list;
}

/* Every element that is walked encodes to its own part of the list, and nothing is left over. */
static void walk(const struct schema *type, struct wire_list list)
{
    static alignas(max_align_t) uint8_t element[STRUCT_BYTES];
    struct wire_iter iter = wire_iter_make(list);
    struct buffer out = buffer_make(again_memory, sizeof(again_memory));
    uint32_t count = 0;

    while (schema_next(type, &iter, element)) {
        assert_true(schema_encode(type, element, &out));
        count++;
    }
    assert_int_equal(count, list.count);
    assert_int_equal(iter.left, 0);
    assert_true(bytes_equal(buffer_bytes(&out), list.raw));
    assert_false(schema_next(type, &iter, element));
}

static void a_list_is_walked_element_by_element(void **state)
{
    uint32_t lists = 0;

    (void)state;
    for (uint32_t i = 0; i < schema_count; i++) {
        const struct schema *schema = schema_all[i];

        for (uint32_t f = 0; f < schema->field_count; f++) {
            if (schema->fields[f].kind != FIELD_LIST) {
                continue;
            }
            lists++;
            for (int round = 0; round < 20; round++) {
                assert_int_equal(decode(schema, make(&random_wide, schema)), WIRE_OK);
                walk(schema->fields[f].type, list_of(&schema->fields[f]));
            }
        }
    }
    assert_true(lists > 40);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < schema_count; i++) {
        const struct bytes in = make(&random_small, schema_all[i]);

        for (size_t len = 0; len < in.len; len++) {
            assert_int_equal(refusal(schema_all[i], bytes_slice(in, 0, len)), WIRE_TRUNCATED);
            assert_int_equal(wire_check(bytes_slice(in, 0, len)), WIRE_TRUNCATED);
        }
    }
}

static void a_trailing_byte_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < schema_count; i++) {
        const struct bytes in = make(&random_small, schema_all[i]);
        size_t used = 0;

        for (unsigned byte = 0; byte < 256; byte++) {
            encoded_memory[in.len] = (uint8_t)byte;
            const struct bytes longer = bytes_make(in.data, in.len + 1);

            assert_int_equal(refusal(schema_all[i], longer), WIRE_TRAILING);
            assert_int_equal(wire_check(longer), WIRE_TRAILING);
            assert_int_equal(schema_decode_front(schema_all[i], longer, object, &used), WIRE_OK);
            assert_int_equal(used, in.len);
        }
    }
}

/* Whatever is accepted is canonical: it encodes to exactly what was read. */
static void every_changed_byte_is_refused_or_makes_another_canonical_object(void **state)
{
    uint64_t accepted = 0;
    uint64_t refused = 0;

    (void)state;
    for (uint32_t i = 0; i < 3 * schema_count; i++) {
        const struct schema *schema = schema_all[i / 3];
        const struct bytes in = make(&random_small, schema);

        for (size_t at = 0; at < in.len; at++) {
            const uint8_t kept = encoded_memory[at];

            for (unsigned change = 1; change < 256; change++) {
                encoded_memory[at] = (uint8_t)(kept ^ change);
                if (decode(schema, in) == WIRE_OK) {
                    assert_true(bytes_equal(encode_again(schema), in));
                    accepted++;
                } else {
                    refused++;
                }
            }
            encoded_memory[at] = kept;
        }
    }
    assert_true(accepted > 100000);
    assert_true(refused > 100000);
}

/* --- Bounds ----------------------------------------------------------------------------------- */

static enum wire_error expected_of(enum spoil spoil, const struct field *field)
{
    switch (spoil) {
    case SPOIL_ABOVE:
    case SPOIL_BELOW:
        return field->kind == FIELD_VERSION ? WIRE_VERSION : WIRE_RANGE;
    case SPOIL_KIND:
        return WIRE_KIND;
    case SPOIL_TEXT:
        return WIRE_TEXT;
    case SPOIL_COUNT_MAX:
    case SPOIL_COUNT_BOMB:
        return WIRE_RANGE;
    }
    return WIRE_OK;
}

static uint32_t spoil_every_field(enum spoil spoil)
{
    uint32_t spoiled = 0;

    for (uint32_t i = 0; i < schema_count; i++) {
        const struct schema *schema = schema_all[i];

        for (uint32_t f = 0; f < schema->field_count; f++) {
            struct buffer out = buffer_make(encoded_memory, sizeof(encoded_memory));

            if (!schema_random_put_spoiled(&random_small, schema, f, spoil, &out) || out.full) {
                continue;
            }
            const enum wire_error error = refusal(schema, buffer_bytes(&out));

            if (error != expected_of(spoil, &schema->fields[f])) {
                fail_msg("%s.%s: %s", schema->name, schema->fields[f].name, wire_error_text(error));
            }
            spoiled++;
        }
    }
    return spoiled;
}

static void a_field_above_its_bound_is_refused(void **state)
{
    (void)state;
    assert_true(spoil_every_field(SPOIL_ABOVE) > 300);
}

static void a_field_below_its_bound_is_refused(void **state)
{
    (void)state;
    assert_true(spoil_every_field(SPOIL_BELOW) > 200);
}

static void a_field_of_another_kind_is_refused(void **state)
{
    (void)state;
    assert_true(spoil_every_field(SPOIL_KIND) > 500);
}

static void a_text_with_a_character_that_is_not_allowed_is_refused(void **state)
{
    (void)state;
    assert_true(spoil_every_field(SPOIL_TEXT) > 40);
}

static void a_count_that_nothing_backs_is_refused_without_taking_memory(void **state)
{
    (void)state;
    const size_t before = allocations;

    assert_true(spoil_every_field(SPOIL_COUNT_MAX) > 40);
    assert_true(spoil_every_field(SPOIL_COUNT_BOMB) > 40);
    assert_int_equal(allocations, before);
}

/* A count within its bound, and fewer bytes left than elements announced. */
static void a_count_beyond_the_bytes_that_are_left_is_refused_at_once(void **state)
{
    static const uint8_t short_batch[] = {0x93, 0x01, 0x00, 0xDC, 0x02, 0x00, 0x00};

    (void)state;
    assert_int_equal(refusal(&schema_batch, BYTES_OF_ARRAY(short_batch)), WIRE_TRUNCATED);
}

static void an_array_with_another_number_of_fields_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < schema_count; i++) {
        const struct schema *schema = schema_all[i];

        if (schema->bare) {
            continue;
        }
        const struct bytes in = make(&random_small, schema);
        const size_t head = schema->field_count < 16 ? 1 : 3;
        struct buffer out = buffer_make(again_memory, sizeof(again_memory));

        write_array(&out, schema->field_count + 1);
        buffer_put(&out, bytes_slice(in, head, in.len - head));
        buffer_put_u8(&out, 0x01);
        assert_int_equal(refusal(schema, buffer_bytes(&out)), WIRE_RANGE);
        out = buffer_make(again_memory, sizeof(again_memory));
        write_array(&out, schema->field_count - 1);
        buffer_put(&out, bytes_slice(in, head, in.len - head));
        assert_int_equal(refusal(schema, buffer_bytes(&out)), WIRE_RANGE);
    }
}

/* --- Depth ------------------------------------------------------------------------------------ */

static const struct schema nest;
static const struct field nest_fields[] = {
    {"inside", FIELD_LIST, offsetof(struct consistency, path), 0, 1, &nest},
};
/* A list of itself: deeper than the table may ever go. */
static const struct schema nest = {"nest", "", nest_fields, 1, sizeof(struct consistency), true};

static void nesting_deeper_than_six_is_refused(void **state)
{
    static const uint8_t deep[] = {0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x90};

    (void)state;
    for (size_t depth = 1; depth <= sizeof(deep); depth++) {
        const struct bytes in = bytes_make(deep + sizeof(deep) - depth, depth);
        const enum wire_error expected = depth <= WIRE_DEPTH_MAX ? WIRE_OK : WIRE_DEPTH;

        assert_int_equal(wire_check(in), expected);
    }
}

static const struct field start_fields[] = {{"inside", FIELD_SUB, 0, 1, 1, &nest}};
static const struct schema start = {"start", "", start_fields, 1, sizeof(struct consistency), true};

/* Each element of `nest` takes two places of the decoder, a list and an object, so its stack ends
 * at a list; begun one place later, at an object. */
static void the_decoders_own_stack_is_bounded(void **state)
{
    uint8_t deep[64];

    (void)state;
    memset(deep, 0x91, sizeof(deep));
    deep[sizeof(deep) - 1] = 0x90;
    for (size_t len = 1; len <= sizeof(deep); len++) {
        const enum wire_error error = refusal(&nest, bytes_make(deep + sizeof(deep) - len, len));

        assert_int_equal(error, len <= 3 ? WIRE_OK : WIRE_DEPTH);
        assert_int_equal(refusal(&start, bytes_make(deep + sizeof(deep) - len, len)), error);
    }
}

static void no_object_of_the_table_is_deeper_than_six(void **state)
{
    uint32_t depth[256] = {0};
    bool moved = true;

    (void)state;
    assert_true(schema_count <= 256);
    for (int round = 0; moved; round++) {
        moved = false;
        assert_true(round < 16);
        for (uint32_t i = 0; i < schema_count; i++) {
            uint32_t inside = 0;

            for (uint32_t f = 0; f < schema_all[i]->field_count; f++) {
                const struct field *field = &schema_all[i]->fields[f];
                uint32_t below = 0;

                for (uint32_t j = 0; field->type != NULL && j < schema_count; j++) {
                    below = schema_all[j] == field->type ? depth[j] : below;
                }
                below += field->kind == FIELD_LIST ? 1 : 0;
                inside = below > inside ? below : inside;
            }
            inside += schema_all[i]->bare ? 0 : 1;
            moved = moved || depth[i] != inside;
            depth[i] = inside;
        }
    }
    for (uint32_t i = 0; i < schema_count; i++) {
        assert_true(depth[i] <= WIRE_DEPTH_MAX);
    }
}

/* --- Encoding --------------------------------------------------------------------------------- */

/* Push one field of the struct out of its bounds. False when its kind has no such value. */
static bool break_field(const struct field *field)
{
    static const uint8_t zeros[4096];
    uint64_t number = field->max + 1;
    struct bytes value = bytes_make(zeros, 4095);
    struct wire_list list = {BYTES_EMPTY, (uint32_t)field->max + 1};

    switch (field->kind) {
    case FIELD_U64:
        if (field->max == UINT64_MAX) {
            return false;
        }
        memcpy(object + field->offset, &number, sizeof(number));
        return true;
    case FIELD_OPT:
        value.len = field->max - 1;
        memcpy(object + field->offset, &value, sizeof(value));
        return true;
    case FIELD_BIN:
        value.len = field->min > 0 ? field->min - 1 : field->max + 1;
        if (value.len > sizeof(zeros)) {
            return false;
        }
        memcpy(object + field->offset, &value, sizeof(value));
        return true;
    case FIELD_STR:
    case FIELD_TXT: /* a NUL is in no text */
        value.len = 1;
        memcpy(object + field->offset, &value, sizeof(value));
        return true;
    case FIELD_LIST:
        memcpy(object + field->offset, &list, sizeof(list));
        return true;
    case FIELD_VERSION:
    case FIELD_FIX:
    case FIELD_SUB:
        return false;
    }
    return false;
}

static void the_encoder_keeps_the_same_bounds(void **state)
{
    uint32_t broken = 0;

    (void)state;
    for (uint32_t i = 0; i < schema_count; i++) {
        const struct schema *schema = schema_all[i];

        for (uint32_t f = 0; f < schema->field_count; f++) {
            struct buffer out = buffer_make(again_memory, sizeof(again_memory));

            assert_int_equal(decode(schema, make(&random_small, schema)), WIRE_OK);
            if (!break_field(&schema->fields[f])) {
                continue;
            }
            if (schema_encode(schema, object, &out)) {
                fail_msg("%s.%s", schema->name, schema->fields[f].name);
            }
            assert_true(out.full);
            broken++;
        }
    }
    assert_true(broken > 300);
}

static void the_encoder_refuses_values_below_their_bound(void **state)
{
    uint32_t broken = 0;

    (void)state;
    for (uint32_t i = 0; i < schema_count; i++) {
        const struct schema *schema = schema_all[i];

        for (uint32_t f = 0; f < schema->field_count; f++) {
            const struct field *field = &schema->fields[f];
            const bool is_text = field->kind == FIELD_STR || field->kind == FIELD_TXT;
            const bool is_list = field->kind == FIELD_LIST;
            struct buffer out = buffer_make(again_memory, sizeof(again_memory));

            if (field->min == 0 || (field->kind != FIELD_U64 && !is_text && !is_list)) {
                continue;
            }
            assert_int_equal(decode(schema, make(&random_small, schema)), WIRE_OK);
            memset(object + field->offset, 0,
                   is_list   ? sizeof(struct wire_list)
                   : is_text ? sizeof(struct bytes)
                             : sizeof(uint64_t));
            assert_false(schema_encode(schema, object, &out));
            broken++;
        }
    }
    assert_true(broken > 20);
}

static void an_object_that_does_not_fit_is_not_written_in_part_silently(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < schema_count; i++) {
        const struct bytes in = make(&random_small, schema_all[i]);

        assert_int_equal(decode(schema_all[i], in), WIRE_OK);
        for (size_t room = 0; room < in.len; room++) {
            struct buffer out = buffer_make(again_memory, room);

            assert_false(schema_encode(schema_all[i], object, &out));
            assert_true(out.full);
        }
    }
}

/* --- The table -------------------------------------------------------------------------------- */

static void names_are_unique_and_every_object_says_what_it_is(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < schema_count; i++) {
        assert_true(strlen(schema_all[i]->doc) > 0);
        for (uint32_t j = 0; j < i; j++) {
            assert_string_not_equal(schema_all[i]->name, schema_all[j]->name);
        }
        for (uint32_t f = 0; f < schema_all[i]->field_count; f++) {
            const struct field *field = &schema_all[i]->fields[f];

            assert_true(field->min <= field->max);
            assert_true(field->kind != FIELD_VERSION || f == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_object_round_trips_bit_for_bit),
        cmocka_unit_test(values_stand_in_the_fields_that_the_table_names),
        cmocka_unit_test(a_list_is_walked_element_by_element),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_trailing_byte_is_refused),
        cmocka_unit_test(every_changed_byte_is_refused_or_makes_another_canonical_object),
        cmocka_unit_test(a_field_above_its_bound_is_refused),
        cmocka_unit_test(a_field_below_its_bound_is_refused),
        cmocka_unit_test(a_field_of_another_kind_is_refused),
        cmocka_unit_test(a_text_with_a_character_that_is_not_allowed_is_refused),
        cmocka_unit_test(a_count_that_nothing_backs_is_refused_without_taking_memory),
        cmocka_unit_test(a_count_beyond_the_bytes_that_are_left_is_refused_at_once),
        cmocka_unit_test(an_array_with_another_number_of_fields_is_refused),
        cmocka_unit_test(nesting_deeper_than_six_is_refused),
        cmocka_unit_test(the_decoders_own_stack_is_bounded),
        cmocka_unit_test(no_object_of_the_table_is_deeper_than_six),
        cmocka_unit_test(the_encoder_keeps_the_same_bounds),
        cmocka_unit_test(the_encoder_refuses_values_below_their_bound),
        cmocka_unit_test(an_object_that_does_not_fit_is_not_written_in_part_silently),
        cmocka_unit_test(names_are_unique_and_every_object_says_what_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
