#include "tests/support/schema_random.h"

#include "crypto/wire_write.h"

#include <string.h>

#define LEVELS 16
#define WIDE_BYTES_MAX 70000 /* so that every width of a length is met */

uint64_t random_next(struct schema_random *random)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return random->state * UINT64_C(0x9E3779B97F4A7C15);
}

uint64_t random_below(struct schema_random *random, uint64_t bound)
{
    return (random_next(random) >> 11) % bound;
}

static void random_bytes(struct schema_random *random, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(random_next(random) >> 32);
    }
}

void random_id(struct schema_random *random, uint8_t *out, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789._-/";
    bool start = true;

    for (size_t i = 0; i < len; i++) {
        const bool only_letters = start || i + 1 == len;
        const char c = only_letters ? letters[random_below(random, sizeof(letters) - 1)]
                                    : rest[random_below(random, sizeof(rest) - 1)];

        out[i] = (uint8_t)c;
        start = c == '/';
    }
}

void random_text(struct schema_random *random, uint8_t *out, size_t len)
{
    static const char *const wide[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x94\x94"};
    size_t at = 0;

    while (at < len) {
        const char *character = wide[random_below(random, 3)];

        if (random_below(random, 4) == 0 && strlen(character) <= len - at) {
            memcpy(out + at, character, strlen(character));
            at += strlen(character);
        } else {
            out[at++] = (uint8_t)(0x20 + random_below(random, 0x5F));
        }
    }
}

/* Between the bounds, most often near one of them or where the encoding changes its width. */
static uint64_t random_value(struct schema_random *random, uint64_t min, uint64_t max)
{
    static const uint64_t edges[] = {
        0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000, 0xFFFFFFFF, 0x100000000, UINT64_MAX,
    };
    uint64_t value = 0;

    switch (random_below(random, 5)) {
    case 0:
        value = min;
        break;
    case 1:
        value = max;
        break;
    case 2:
        value = edges[random_below(random, sizeof(edges) / sizeof(edges[0]))];
        break;
    case 3:
        value = random_below(random, 200);
        break;
    default:
        value = random_next(random) >> random_below(random, 64);
        break;
    }
    if (value < min || value > max) {
        value = max == UINT64_MAX && min == 0 ? value : min + value % (max - min + 1);
    }
    return value;
}

static size_t random_len(struct schema_random *random, const struct field *field)
{
    const uint64_t most = random->small ? field->min + 3 : WIDE_BYTES_MAX;
    const uint64_t max = field->max < most ? field->max : most;
    const uint64_t near = max < field->min + 40 ? max : field->min + 40;

    if (random->small || random_below(random, 16) != 0) {
        return (size_t)(field->min + random_below(random, near - field->min + 1));
    }
    return (size_t)random_value(random, field->min, max);
}

static uint32_t random_count(struct schema_random *random, const struct field *field)
{
    const uint64_t most = field->min + (random->small ? 1 : 20);
    const uint64_t max = field->max < most ? field->max : most;
    const uint64_t few = max < field->min + 2 ? max : field->min + 2;
    const bool many = !random->small && random_below(random, 12) == 0;

    return (uint32_t)(field->min + random_below(random, (many ? max : few) - field->min + 1));
}

/* One array that is being written, as in the decoder. */
struct level {
    const struct schema *schema;
    uint32_t next;
    uint32_t left;
    bool is_list;
};

struct writing {
    struct level stack[LEVELS];
    uint32_t depth;
};

static void open_object(struct writing *writing, const struct schema *schema, struct buffer *out)
{
    CHECK(writing->depth < LEVELS);
    if (!schema->bare) {
        write_array(out, schema->field_count);
    }
    writing->stack[writing->depth++] = (struct level){.schema = schema};
}

static void open_list(struct writing *writing, const struct field *field, uint32_t count,
                      struct buffer *out)
{
    CHECK(writing->depth < LEVELS);
    write_array(out, count);
    writing->stack[writing->depth++] =
        (struct level){.schema = field->type, .left = count, .is_list = true};
}

static void put_bin(struct schema_random *random, size_t len, struct buffer *out)
{
    static uint8_t bytes[FRAME_BYTES_MAX];

    CHECK(len <= sizeof(bytes));
    random_bytes(random, bytes, len < 4096 ? len : 4096);
    write_bin(out, bytes_make(bytes, len));
}

static void put_text(struct schema_random *random, enum field_kind kind, size_t len,
                     struct buffer *out)
{
    uint8_t text[8192];

    CHECK(len <= sizeof(text));
    if (kind == FIELD_STR) {
        random_id(random, text, len);
        write_str(out, bytes_make(text, len));
    } else {
        random_text(random, text, len);
        write_bin(out, bytes_make(text, len));
    }
}

static void put_field(struct schema_random *random, struct writing *writing,
                      const struct field *field, struct buffer *out)
{
    switch (field->kind) {
    case FIELD_VERSION:
        write_u64(out, field->max);
        return;
    case FIELD_U64:
        write_u64(out, random_value(random, field->min, field->max));
        return;
    case FIELD_FIX:
        put_bin(random, field->max, out);
        return;
    case FIELD_OPT:
        put_bin(random, random_below(random, 2) == 0 ? 0 : field->max, out);
        return;
    case FIELD_BIN:
        put_bin(random, random_len(random, field), out);
        return;
    case FIELD_STR:
    case FIELD_TXT:
        put_text(random, field->kind, random_len(random, field), out);
        return;
    case FIELD_SUB:
        open_object(writing, field->type, out);
        return;
    case FIELD_LIST:
        open_list(writing, field, random_count(random, field), out);
        return;
    }
}

/* Write until the stack is `floor` deep again. */
static void write_out(struct schema_random *random, struct writing *writing, uint32_t floor,
                      struct buffer *out)
{
    while (writing->depth > floor) {
        struct level *level = &writing->stack[writing->depth - 1];

        if (level->is_list && level->left > 0) {
            level->left--;
            open_object(writing, level->schema, out);
        } else if (level->is_list || level->next == level->schema->field_count) {
            writing->depth--;
        } else {
            put_field(random, writing, &level->schema->fields[level->next++], out);
        }
    }
}

void schema_random_put(struct schema_random *random, const struct schema *schema,
                       struct buffer *out)
{
    struct writing writing = {0};

    open_object(&writing, schema, out);
    write_out(random, &writing, 0, out);
}

/* --- Spoiled fields --------------------------------------------------------------------------- */

static bool spoil_number(const struct field *field, enum spoil spoil, struct buffer *out)
{
    if (spoil == SPOIL_ABOVE && field->max != UINT64_MAX) {
        write_u64(out, field->max + 1);
        return true;
    }
    if (spoil == SPOIL_BELOW && field->min > 0) {
        write_u64(out, field->min - 1);
        return true;
    }
    return false;
}

static bool spoil_len(struct schema_random *random, const struct field *field, enum spoil spoil,
                      struct buffer *out)
{
    const bool is_text = field->kind == FIELD_STR || field->kind == FIELD_TXT;
    uint64_t len = 0;

    if (spoil == SPOIL_ABOVE && field->max < FRAME_BYTES_MAX) {
        len = field->max + 1;
    } else if (spoil == SPOIL_BELOW && field->kind == FIELD_OPT) {
        len = field->max - 1;
    } else if (spoil == SPOIL_BELOW && field->min > 0) {
        len = field->min - 1;
    } else {
        return false;
    }
    if (is_text) {
        put_text(random, field->kind, len, out);
    } else {
        put_bin(random, len, out);
    }
    return true;
}

static bool spoil_text(const struct field *field, struct buffer *out)
{
    static const uint8_t bad_id[] = {'a', '/'};
    static const uint8_t bad_text[] = {'a', 0x1B};

    if (field->kind == FIELD_STR) {
        write_str(out, BYTES_OF_ARRAY(bad_id));
        return true;
    }
    if (field->kind == FIELD_TXT) {
        write_bin(out, BYTES_OF_ARRAY(bad_text));
        return true;
    }
    return false;
}

static bool spoil_list(struct writing *writing, const struct field *field, enum spoil spoil,
                       struct buffer *out)
{
    static const uint8_t most[] = {0xDD, 0xFF, 0xFF, 0xFF, 0xFF};
    static const uint8_t bomb[] = {0xDD, 0x02, 0xFF, 0xFF, 0xFF};

    if (spoil == SPOIL_COUNT_MAX || spoil == SPOIL_COUNT_BOMB) {
        buffer_put(out, spoil == SPOIL_COUNT_MAX ? BYTES_OF_ARRAY(most) : BYTES_OF_ARRAY(bomb));
        return true;
    }
    if (spoil == SPOIL_ABOVE && field->max <= 4096) {
        open_list(writing, field, (uint32_t)field->max + 1, out);
        return true;
    }
    if (spoil == SPOIL_BELOW && field->min > 0) {
        open_list(writing, field, (uint32_t)field->min - 1, out);
        return true;
    }
    return false;
}

static bool put_spoiled(struct schema_random *random, struct writing *writing,
                        const struct field *field, enum spoil spoil, struct buffer *out)
{
    if (spoil == SPOIL_KIND) {
        buffer_put_u8(out, 0xC0);
        return true;
    }
    if (spoil == SPOIL_TEXT) {
        return spoil_text(field, out);
    }
    switch (field->kind) {
    case FIELD_VERSION:
        write_u64(out, spoil == SPOIL_ABOVE ? 2 : 0);
        return spoil == SPOIL_ABOVE || spoil == SPOIL_BELOW;
    case FIELD_U64:
        return spoil_number(field, spoil, out);
    case FIELD_FIX:
    case FIELD_OPT:
    case FIELD_BIN:
    case FIELD_STR:
    case FIELD_TXT:
        return spoil_len(random, field, spoil, out);
    case FIELD_SUB:
        return false;
    case FIELD_LIST:
        return spoil_list(writing, field, spoil, out);
    }
    return false;
}

bool schema_random_put_spoiled(struct schema_random *random, const struct schema *schema,
                               uint32_t field, enum spoil spoil, struct buffer *out)
{
    struct writing writing = {0};
    bool spoiled = true;

    open_object(&writing, schema, out);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (i == field) {
            spoiled = put_spoiled(random, &writing, &schema->fields[i], spoil, out);
        } else {
            put_field(random, &writing, &schema->fields[i], out);
        }
        write_out(random, &writing, 1, out);
    }
    return spoiled;
}
