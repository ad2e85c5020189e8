/* Encoding by the table: the mirror of schema_read.c. Lists are encoded already (their elements
 * were made with the same functions), so nesting comes from SUB alone. */
#include "crypto/name.h"
#include "crypto/schema.h"
#include "crypto/wire_write.h"

#include <string.h>

struct level {
    const struct schema *schema;
    const uint8_t *base;
    uint32_t next;
};

static uint64_t get_u64(const uint8_t *base, const struct field *field)
{
    uint64_t value;
    memcpy(&value, base + field->offset, sizeof(value));
    return value;
}

static struct bytes get_bytes(const uint8_t *base, const struct field *field)
{
    struct bytes value;
    memcpy(&value, base + field->offset, sizeof(value));
    return value;
}

static bool write_list(const uint8_t *base, const struct field *field, struct buffer *out)
{
    struct wire_list list;
    memcpy(&list, base + field->offset, sizeof(list));
    if (list.count < field->min || list.count > field->max) {
        return false;
    }
    write_array(out, list.count);
    buffer_put(out, list.raw);
    return true;
}

/* A field that is not a SUB; false when it breaks its bounds. */
static bool write_field(const uint8_t *base, const struct field *field, struct buffer *out)
{
    struct bytes value = BYTES_EMPTY;
    switch (field->kind) {
    case FIELD_VERSION:
        write_u64(out, field->max);
        return true;
    case FIELD_U64:
        write_u64(out, get_u64(base, field));
        return get_u64(base, field) >= field->min && get_u64(base, field) <= field->max;
    case FIELD_FIX:
        write_bin(out, bytes_make(base + field->offset, field->max));
        return true;
    case FIELD_OPT:
        value = get_bytes(base, field);
        write_bin(out, value);
        return value.len == 0 || value.len == field->max;
    case FIELD_BIN:
        value = get_bytes(base, field);
        write_bin(out, value);
        return value.len >= field->min && value.len <= field->max;
    case FIELD_STR:
        value = get_bytes(base, field);
        write_str(out, value);
        return value.len >= field->min && (value.len == 0 || name_is_id(value));
    case FIELD_TXT:
        value = get_bytes(base, field);
        write_bin(out, value);
        return value.len >= field->min && (value.len == 0 || name_is_text(value, field->max));
    case FIELD_LIST:
        return write_list(base, field, out);
    case FIELD_SUB: /* schema_encode opens it */
        break;
    }
    return false;
}

static void open_object(const struct schema *schema, struct buffer *out)
{
    if (!schema->bare) {
        write_array(out, schema->field_count);
    }
}

bool schema_encode(const struct schema *schema, const void *in, struct buffer *out)
{
    struct level stack[WIRE_DEPTH_MAX];
    uint32_t depth = 1;
    stack[0] = (struct level){schema, in, 0};
    open_object(schema, out);
    while (depth > 0) {
        struct level *level = &stack[depth - 1];
        if (level->next == level->schema->field_count) {
            depth--;
            continue;
        }
        const struct field *field = &level->schema->fields[level->next++];
        if (field->kind == FIELD_SUB) {
            CHECK(depth < WIRE_DEPTH_MAX);
            stack[depth++] = (struct level){field->type, level->base + field->offset, 0};
            open_object(field->type, out);
            continue;
        }
        if (!write_field(level->base, field, out)) {
            out->full = true;
            return false;
        }
    }
    return !out->full;
}
