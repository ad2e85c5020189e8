/* The reader against msgpack-c's decoder: whatever ours accepts, that one decodes to the same
 * values and encodes to the same bytes. It accepts more than ours, and takes memory for what it is
 * told, so it sees only what ours has let pass. */
#include "crypto/schema.h"
#include "crypto/wire_write.h"
#include "tests/support/schema_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <msgpack.h>

#define OBJECTS_ROUNDS 40
#define MUTANTS 60
#define SOUP_ROUNDS 400000

static uint8_t memory[(3u << 20) + 4096];
static struct schema_random random_wide = {.state = 77};
static struct schema_random random_small = {.state = 78, .small = true};

/* Read one value with our cursor and hold it against `value`; how many elements follow it. */
static uint32_t compare_value(struct cursor *cursor, const msgpack_object *value)
{
    uint64_t number = 0;
    uint32_t count = 0;
    struct bytes run = BYTES_EMPTY;

    switch ((int)value->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        assert_true(read_u64(cursor, UINT64_MAX, &number));
        assert_int_equal(number, value->via.u64);
        return 0;
    case MSGPACK_OBJECT_BIN:
        assert_true(read_bin(cursor, 0, SIZE_MAX, &run));
        assert_int_equal(run.len, value->via.bin.size);
        assert_memory_equal(run.data, value->via.bin.ptr, run.len);
        return 0;
    case MSGPACK_OBJECT_STR:
        assert_true(read_str(cursor, 0, SIZE_MAX, &run));
        assert_int_equal(run.len, value->via.str.size);
        assert_memory_equal(run.data, value->via.str.ptr, run.len);
        return 0;
    case MSGPACK_OBJECT_ARRAY:
        assert_true(read_array(cursor, 0, UINT32_MAX, &count));
        assert_int_equal(count, value->via.array.size);
        return count;
    default:
        fail_msg("ours accepted a value of kind %d", (int)value->type);
        return 0;
    }
}

static void compare_values(struct bytes in, const msgpack_object *root)
{
    struct cursor cursor = cursor_make(in);
    const msgpack_object *stack[WIRE_DEPTH_MAX + 1];
    uint32_t next[WIRE_DEPTH_MAX + 1];
    int depth = -1;
    const msgpack_object *value = root;

    for (;;) {
        if (compare_value(&cursor, value) > 0) {
            depth++;
            assert_true(depth < WIRE_DEPTH_MAX);
            stack[depth] = value;
            next[depth] = 0;
        }
        while (depth >= 0 && next[depth] == stack[depth]->via.array.size) {
            depth--;
        }
        if (depth < 0) {
            break;
        }
        value = &stack[depth]->via.array.ptr[next[depth]++];
    }
    assert_true(read_end(&cursor));
}

/* Compare if ours accepts; whether it did. */
static bool compare(struct bytes in)
{
    static uint8_t again_memory[sizeof(memory)];
    struct buffer again = buffer_make(again_memory, sizeof(again_memory));
    msgpack_unpacked unpacked;
    msgpack_sbuffer packed;
    msgpack_packer packer;
    size_t offset = 0;

    if (wire_check(in) != WIRE_OK) {
        return false;
    }
    msgpack_unpacked_init(&unpacked);
    assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)in.data, in.len, &offset),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(offset, in.len);
    compare_values(in, &unpacked.data);
    msgpack_sbuffer_init(&packed);
    msgpack_packer_init(&packer, &packed, msgpack_sbuffer_write);
    assert_int_equal(msgpack_pack_object(&packer, unpacked.data), 0);
    buffer_put(&again, bytes_make(packed.data, packed.size));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    msgpack_sbuffer_destroy(&packed);
    msgpack_unpacked_destroy(&unpacked);
    return true;
}

static struct bytes make(struct schema_random *random, const struct schema *schema)
{
    struct buffer out = buffer_make(memory, sizeof(memory));

    schema_random_put(random, schema, &out);
    assert_false(out.full);
    return buffer_bytes(&out);
}

static void random_objects_mean_the_same_to_both(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < schema_count; i++) {
        for (int round = 0; round < OBJECTS_ROUNDS; round++) {
            assert_true(compare(make(&random_wide, schema_all[i])));
        }
    }
}

/* A few edits at random: another byte, a byte less, a byte more. */
static size_t mutate(size_t len)
{
    for (uint64_t edits = 1 + random_below(&random_small, 3); edits > 0; edits--) {
        const size_t at = (size_t)random_below(&random_small, len);

        switch (random_below(&random_small, 4)) {
        case 0:
            memmove(memory + at, memory + at + 1, len - at - 1);
            len = len > 1 ? len - 1 : len;
            break;
        case 1:
            memmove(memory + at + 1, memory + at, len - at);
            memory[at] = (uint8_t)random_next(&random_small);
            len++;
            break;
        default:
            memory[at] = (uint8_t)(random_next(&random_small) >> 32);
            break;
        }
    }
    return len;
}

static void changed_objects_that_pass_mean_the_same_to_both(void **state)
{
    uint32_t passed = 0;

    (void)state;
    for (uint32_t i = 0; i < schema_count; i++) {
        for (int round = 0; round < MUTANTS; round++) {
            const struct bytes in = make(&random_small, schema_all[i]);

            passed += compare(bytes_make(memory, mutate(in.len))) ? 1 : 0;
        }
    }
    assert_true(passed > schema_count * MUTANTS / 20);
}

/* Bytes drawn from those that mean something, so that many strings pass. */
static void byte_soup_that_passes_means_the_same_to_both(void **state)
{
    static const uint8_t heads[] = {0x00, 0x01, 0x7F, 0x90, 0x91, 0x92, 0x93, 0xA0, 0xA1,
                                    0xA2, 0xC4, 0xC5, 0xC6, 0xCC, 0xCD, 0xCE, 0xCF, 0xD9,
                                    0xDC, 0xDD, 0x80, 0xC0, 0xC2, 0xD0, 0xFF, 0xC7, 0xCA};
    uint32_t passed = 0;

    (void)state;
    for (int round = 0; round < SOUP_ROUNDS; round++) {
        const size_t len = 1 + (size_t)random_below(&random_small, 12);

        for (size_t i = 0; i < len; i++) {
            memory[i] = random_below(&random_small, 3) == 0
                            ? (uint8_t)random_next(&random_small)
                            : heads[random_below(&random_small, sizeof(heads))];
        }
        passed += compare(bytes_make(memory, len)) ? 1 : 0;
    }
    assert_true(passed > SOUP_ROUNDS / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_objects_mean_the_same_to_both),
        cmocka_unit_test(changed_objects_that_pass_mean_the_same_to_both),
        cmocka_unit_test(byte_soup_that_passes_means_the_same_to_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
