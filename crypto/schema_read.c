/* Decoding by the table: one loop with a stack of its own, because the input decides nothing about
 * how deep it goes and the table nests at most WIRE_DEPTH_MAX deep. */
#include "crypto/name.h"
#include "crypto/schema.h"

#include <string.h>

/* One array that is being read: an object, or a list of objects of one type. */
struct level {
    const struct schema *schema;
    uint32_t next; /* the field that comes next, of an object */
    uint32_t left; /* the elements still to come, of a list */
    bool is_list;
    uint8_t *base;          /* where the object's fields go; NULL inside lists: check only */
    struct wire_list *list; /* where the list's extent goes, or NULL */
    const uint8_t *start;   /* of the list's elements */
    uint32_t count;
};

struct decoder {
    struct cursor cursor;
    struct level stack[WIRE_DEPTH_MAX + 1];
    uint32_t depth; /* levels in use */
};

/* The place of a field in memory. memcpy is the only way in, so alignment is the struct's own. */
static void *field_place(uint8_t *base, const struct field *field)
{
    return base == NULL ? NULL : base + field->offset;
}

static void put_u64(void *place, uint64_t value)
{
    if (place != NULL) {
        memcpy(place, &value, sizeof(value));
    }
}

static void put_bytes(void *place, struct bytes value)
{
    if (place != NULL) {
        memcpy(place, &value, sizeof(value));
    }
}

static bool push_object(struct decoder *decoder, const struct schema *schema, uint8_t *base)
{
    uint32_t count = 0;
    if (!schema->bare &&
        !read_array(&decoder->cursor, schema->field_count, schema->field_count, &count)) {
        return false;
    }
    if (decoder->depth == WIRE_DEPTH_MAX + 1) {
        return cursor_fail(&decoder->cursor, WIRE_DEPTH);
    }
    decoder->stack[decoder->depth++] = (struct level){.schema = schema, .base = base};
    return true;
}

static bool push_list(struct decoder *decoder, const struct field *field, void *place)
{
    uint32_t count = 0;
    if (!read_array(&decoder->cursor, (uint32_t)field->min, (uint32_t)field->max, &count)) {
        return false;
    }
    if (decoder->depth == WIRE_DEPTH_MAX + 1) {
        return cursor_fail(&decoder->cursor, WIRE_DEPTH);
    }
    decoder->stack[decoder->depth++] = (struct level){
        .schema = field->type,
        .left = count,
        .is_list = true,
        .list = place,
        .start = decoder->cursor.at,
        .count = count,
    };
    return true;
}

static bool read_number(struct cursor *cursor, const struct field *field, uint64_t *value)
{
    if (!read_u64(cursor, field->max, value)) {
        return false;
    }
    return *value >= field->min || cursor_fail(cursor, WIRE_RANGE);
}

static bool read_optional(struct cursor *cursor, const struct field *field, struct bytes *value)
{
    if (!read_bin(cursor, 0, field->max, value)) {
        return false;
    }
    return value->len == 0 || value->len == field->max || cursor_fail(cursor, WIRE_RANGE);
}

static bool read_identifier(struct cursor *cursor, const struct field *field, struct bytes *value)
{
    if (!read_str(cursor, field->min, field->max, value)) {
        return false;
    }
    return value->len == 0 || name_is_id(*value) || cursor_fail(cursor, WIRE_TEXT);
}

static bool read_text(struct cursor *cursor, const struct field *field, struct bytes *value)
{
    if (!read_bin(cursor, field->min, field->max, value)) {
        return false;
    }
    return value->len == 0 || name_is_text(*value, field->max) || cursor_fail(cursor, WIRE_TEXT);
}

static bool read_version(struct cursor *cursor, const struct field *field)
{
    uint64_t version = 0;
    if (!read_u64(cursor, UINT64_MAX, &version)) {
        return false;
    }
    return version == field->max || cursor_fail(cursor, WIRE_VERSION);
}

static bool read_field(struct decoder *decoder, const struct field *field, uint8_t *base)
{
    struct cursor *cursor = &decoder->cursor;
    void *place = field_place(base, field);
    struct bytes value = BYTES_EMPTY;
    uint64_t number = 0;
    switch (field->kind) {
    case FIELD_VERSION:
        return read_version(cursor, field);
    case FIELD_U64:
        if (!read_number(cursor, field, &number)) {
            return false;
        }
        put_u64(place, number);
        return true;
    case FIELD_FIX:
        if (!read_bin(cursor, field->min, field->max, &value)) {
            return false;
        }
        if (place != NULL) {
            memcpy(place, value.data, value.len);
        }
        return true;
    case FIELD_OPT:
        if (!read_optional(cursor, field, &value)) {
            return false;
        }
        put_bytes(place, value);
        return true;
    case FIELD_BIN:
        if (!read_bin(cursor, field->min, field->max, &value)) {
            return false;
        }
        put_bytes(place, value);
        return true;
    case FIELD_STR:
        if (!read_identifier(cursor, field, &value)) {
            return false;
        }
        put_bytes(place, value);
        return true;
    case FIELD_TXT:
        if (!read_text(cursor, field, &value)) {
            return false;
        }
        put_bytes(place, value);
        return true;
    case FIELD_SUB:
        return push_object(decoder, field->type, place);
    case FIELD_LIST:
        return push_list(decoder, field, place);
    }
    return false;
}

static void close_list(struct decoder *decoder, const struct level *level)
{
    if (level->list == NULL) {
        return;
    }
    struct wire_list list = {
        bytes_make(level->start, (size_t)(decoder->cursor.at - level->start)),
        level->count,
    };
    memcpy(level->list, &list, sizeof(list));
}

/* The next element of the list, or its end. */
static bool list_step(struct decoder *decoder, struct level *level)
{
    if (level->left == 0) {
        close_list(decoder, level);
        decoder->depth--;
        return true;
    }
    level->left--;
    return push_object(decoder, level->schema, NULL);
}

/* The object's fields up to one that is an array itself, or its end. */
static bool object_step(struct decoder *decoder, struct level *level)
{
    const struct schema *schema = level->schema;
    const uint32_t depth = decoder->depth;
    while (level->next < schema->field_count) {
        if (!read_field(decoder, &schema->fields[level->next++], level->base)) {
            return false;
        }
        if (decoder->depth != depth) {
            return true;
        }
    }
    decoder->depth--;
    return true;
}

static enum wire_error decode_with(struct cursor *cursor, const struct schema *schema, void *out)
{
    struct decoder decoder; /* levels are written before they are read */
    decoder.cursor = *cursor;
    decoder.depth = 0;
    bool good = push_object(&decoder, schema, out);
    while (good && decoder.depth > 0) {
        struct level *level = &decoder.stack[decoder.depth - 1];
        good = level->is_list ? list_step(&decoder, level) : object_step(&decoder, level);
    }
    *cursor = decoder.cursor;
    return cursor->error;
}

/* Largest struct of the table; a decoded object is made here first, so that a failure leaves the
 * caller's struct alone. */
#define STRUCT_BYTES_MAX 1024

#define OBJECT(object, doc) static_assert(sizeof(struct object) <= STRUCT_BYTES_MAX, #object);
#define BARE(object, doc) OBJECT(object, doc)
#define VER(object)
#define U64(object, field, max)
#define NUM(object, field, min, max)
#define FIX(object, field, n)
#define OPT(object, field, n)
#define BIN(object, field, min, max)
#define STR(object, field, min)
#define TXT(object, field, min, max)
#define SUB(object, field, type)
#define LST(object, field, type, min, max)
#define END(object)
#include "crypto/schema.def"
#include "crypto/schema_undef.h"

static enum wire_error decode_once(const struct schema *schema, struct cursor *cursor, bool whole,
                                   void *out)
{
    _Alignas(max_align_t) uint8_t made[STRUCT_BYTES_MAX];
    memset(made, 0, schema->struct_bytes);
    enum wire_error error = decode_with(cursor, schema, made);
    if (error == WIRE_OK && whole && !read_end(cursor)) {
        error = cursor->error;
    }
    if (error == WIRE_OK) {
        memcpy(out, made, schema->struct_bytes);
    }
    return error;
}

enum wire_error schema_decode(const struct schema *schema, struct bytes in, void *out)
{
    struct cursor cursor = cursor_make(in);
    return decode_once(schema, &cursor, true, out);
}

enum wire_error schema_decode_front(const struct schema *schema, struct bytes in, void *out,
                                    size_t *used)
{
    struct cursor cursor = cursor_make(in);
    const uint8_t *start = cursor.at;
    enum wire_error error = decode_once(schema, &cursor, false, out);
    if (error == WIRE_OK) {
        *used = (size_t)(cursor.at - start);
    }
    return error;
}

struct wire_iter wire_iter_make(struct wire_list list)
{
    return (struct wire_iter){cursor_make(list.raw), list.count};
}

bool schema_next(const struct schema *schema, struct wire_iter *iter, void *out)
{
    if (iter->left == 0) {
        return false;
    }
    iter->left--;
    return decode_once(schema, &iter->cursor, false, out) == WIRE_OK;
}
