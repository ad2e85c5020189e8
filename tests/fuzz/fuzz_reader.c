/* Any bytes as one object of the schema table, chosen by the first byte. What is accepted is
 * canonical: it is written as the bytes it was read from, every list in it can be walked to its
 * end, and the reader that knows no schema accepts it too. */
#include "crypto/schema.h"

#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#define OBJECT_BYTES_MAX (1u << 16)
#define STRUCT_BYTES 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_list(const struct schema *type, struct wire_list list)
{
    static uint8_t memory[OBJECT_BYTES_MAX];
    alignas(max_align_t) uint8_t element[STRUCT_BYTES];
    struct wire_iter iter = wire_iter_make(list);
    struct buffer again = buffer_make(memory, sizeof(memory));

    while (schema_next(type, &iter, element)) {
        CHECK(schema_encode(type, element, &again));
    }
    CHECK(iter.left == 0);
    CHECK(bytes_equal(buffer_bytes(&again), list.raw));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t memory[OBJECT_BYTES_MAX];
    alignas(max_align_t) uint8_t object[STRUCT_BYTES];
    struct buffer again = buffer_make(memory, sizeof(memory));

    if (len == 0 || len > OBJECT_BYTES_MAX) {
        return 0;
    }
    const struct schema *schema = schema_all[data[0] % schema_count];
    const struct bytes in = bytes_make(data + 1, len - 1);
    const enum wire_error any = wire_check(in);
    size_t used = 0;

    if (schema_decode(schema, in, object) != WIRE_OK) {
        if (schema_decode_front(schema, in, object, &used) == WIRE_OK) {
            CHECK(used < in.len);
            CHECK(schema_decode(schema, bytes_slice(in, 0, used), object) == WIRE_OK);
        }
        return 0;
    }
    CHECK(any == WIRE_OK);
    CHECK(schema_encode(schema, object, &again));
    CHECK(bytes_equal(buffer_bytes(&again), in));
    for (uint32_t i = 0; i < schema->field_count; i++) {
        struct wire_list list;

        if (schema->fields[i].kind == FIELD_LIST) {
            memcpy(&list, object + schema->fields[i].offset, sizeof(list));
            check_list(schema->fields[i].type, list);
        }
    }
    return 0;
}
