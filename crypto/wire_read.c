#include "crypto/wire_read.h"

const char *wire_error_text(enum wire_error error)
{
    switch (error) {
    case WIRE_OK:
        return "ok";
    case WIRE_TRUNCATED:
        return "truncated";
    case WIRE_NOT_SHORTEST:
        return "not the shortest encoding";
    case WIRE_KIND:
        return "a kind of value that is not allowed here";
    case WIRE_RANGE:
        return "value or length out of bounds";
    case WIRE_TEXT:
        return "text with a character that is not allowed";
    case WIRE_DEPTH:
        return "nested too deeply";
    case WIRE_VERSION:
        return "unknown version";
    case WIRE_TRAILING:
        return "bytes after the end";
    }
    return "unknown error";
}

struct cursor cursor_make(struct bytes input)
{
    if (input.len == 0) {
        static const uint8_t nothing;
        return (struct cursor){&nothing, &nothing, WIRE_OK};
    }
    return (struct cursor){input.data, input.data + input.len, WIRE_OK};
}

bool cursor_fail(struct cursor *cursor, enum wire_error error)
{
    if (cursor->error == WIRE_OK) {
        cursor->error = error;
    }
    return false;
}

/* A value's first byte and the integer that follows it: the value itself or a length. `at` points
 * behind it. Nothing is consumed until the caller agrees. */
struct head {
    enum {
        HEAD_UINT,
        HEAD_BIN,
        HEAD_STR,
        HEAD_ARRAY
    } kind;
    uint64_t value;
    const uint8_t *at;
};

static uint64_t big_endian(const uint8_t *data, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

/* The integer of `width` bytes behind the first byte, refused when it is below `least`, the
 * smallest value that needs this width. */
static bool head_wide(struct cursor *cursor, size_t width, uint64_t least, struct head *head)
{
    if ((size_t)(cursor->end - cursor->at) < 1 + width) {
        return cursor_fail(cursor, WIRE_TRUNCATED);
    }
    head->value = big_endian(cursor->at + 1, width);
    head->at = cursor->at + 1 + width;
    return head->value >= least || cursor_fail(cursor, WIRE_NOT_SHORTEST);
}

static bool head_short(struct head *head, const uint8_t *at, uint64_t value)
{
    head->value = value;
    head->at = at + 1;
    return true;
}

static bool read_head(struct cursor *cursor, struct head *head)
{
    if (cursor->error != WIRE_OK) {
        return false;
    }
    if (cursor->at == cursor->end) {
        return cursor_fail(cursor, WIRE_TRUNCATED);
    }
    uint8_t first = *cursor->at;
    if (first <= 0x7f) {
        head->kind = HEAD_UINT;
        return head_short(head, cursor->at, first);
    }
    if (first >= 0x90 && first <= 0x9f) {
        head->kind = HEAD_ARRAY;
        return head_short(head, cursor->at, first & 0x0fu);
    }
    if (first >= 0xa0 && first <= 0xbf) {
        head->kind = HEAD_STR;
        return head_short(head, cursor->at, first & 0x1fu);
    }
    switch (first) {
    case 0xc4:
        head->kind = HEAD_BIN;
        return head_wide(cursor, 1, 0, head);
    case 0xc5:
        head->kind = HEAD_BIN;
        return head_wide(cursor, 2, 0x100, head);
    case 0xc6:
        head->kind = HEAD_BIN;
        return head_wide(cursor, 4, 0x10000, head);
    case 0xcc:
        head->kind = HEAD_UINT;
        return head_wide(cursor, 1, 0x80, head);
    case 0xcd:
        head->kind = HEAD_UINT;
        return head_wide(cursor, 2, 0x100, head);
    case 0xce:
        head->kind = HEAD_UINT;
        return head_wide(cursor, 4, 0x10000, head);
    case 0xcf:
        head->kind = HEAD_UINT;
        return head_wide(cursor, 8, UINT64_C(0x100000000), head);
    case 0xd9:
        head->kind = HEAD_STR;
        return head_wide(cursor, 1, 0x20, head);
    case 0xdc:
        head->kind = HEAD_ARRAY;
        return head_wide(cursor, 2, 0x10, head);
    case 0xdd:
        head->kind = HEAD_ARRAY;
        return head_wide(cursor, 4, 0x10000, head);
    default:
        return cursor_fail(cursor, WIRE_KIND);
    }
}

bool read_u64_any(struct cursor *cursor, uint64_t max, uint64_t *out)
{
    struct head head;
    if (!read_head(cursor, &head)) {
        return false;
    }
    if (head.kind != HEAD_UINT) {
        return cursor_fail(cursor, WIRE_KIND);
    }
    if (head.value > max) {
        return cursor_fail(cursor, WIRE_RANGE);
    }
    cursor->at = head.at;
    *out = head.value;
    return true;
}

/* The bytes of a bin or str whose head was read. */
static bool read_run(struct cursor *cursor, const struct head *head, size_t min, size_t max,
                     struct bytes *out)
{
    if (head->value < min || head->value > max) {
        return cursor_fail(cursor, WIRE_RANGE);
    }
    if (head->value > (size_t)(cursor->end - head->at)) {
        return cursor_fail(cursor, WIRE_TRUNCATED);
    }
    *out = bytes_make(head->at, (size_t)head->value);
    cursor->at = head->at + out->len;
    return true;
}

bool read_bin_any(struct cursor *cursor, size_t min, size_t max, struct bytes *out)
{
    struct head head;
    if (!read_head(cursor, &head)) {
        return false;
    }
    if (head.kind != HEAD_BIN) {
        return cursor_fail(cursor, WIRE_KIND);
    }
    return read_run(cursor, &head, min, max, out);
}

bool read_str(struct cursor *cursor, size_t min, size_t max, struct bytes *out)
{
    struct head head;
    if (!read_head(cursor, &head)) {
        return false;
    }
    if (head.kind != HEAD_STR) {
        return cursor_fail(cursor, WIRE_KIND);
    }
    return read_run(cursor, &head, min, max, out);
}

bool read_array_any(struct cursor *cursor, uint32_t min, uint32_t max, uint32_t *count)
{
    struct head head;
    if (!read_head(cursor, &head)) {
        return false;
    }
    if (head.kind != HEAD_ARRAY) {
        return cursor_fail(cursor, WIRE_KIND);
    }
    if (head.value < min || head.value > max) {
        return cursor_fail(cursor, WIRE_RANGE);
    }
    /* Every element takes at least one byte, so a count can be judged before it is believed. */
    if (head.value > (size_t)(cursor->end - head.at)) {
        return cursor_fail(cursor, WIRE_TRUNCATED);
    }
    cursor->at = head.at;
    *count = (uint32_t)head.value;
    return true;
}

bool read_end(struct cursor *cursor)
{
    if (cursor->error != WIRE_OK) {
        return false;
    }
    return cursor->at == cursor->end || cursor_fail(cursor, WIRE_TRAILING);
}

enum wire_error wire_check(struct bytes input)
{
    struct cursor cursor = cursor_make(input);
    uint64_t left[WIRE_DEPTH_MAX + 1] = {1}; /* values still to come at each level */
    unsigned depth = 0;
    for (;;) {
        while (left[depth] == 0 && depth > 0) {
            depth--;
        }
        if (left[depth] == 0) {
            break;
        }
        left[depth]--;
        struct head head;
        if (!read_head(&cursor, &head)) {
            break;
        }
        size_t behind = (size_t)(cursor.end - head.at);
        if (head.kind != HEAD_UINT && head.value > behind) {
            cursor_fail(&cursor, WIRE_TRUNCATED);
            break;
        }
        cursor.at = head.at;
        if (head.kind == HEAD_BIN || head.kind == HEAD_STR) {
            cursor.at += head.value;
        }
        if (head.kind == HEAD_ARRAY) {
            if (depth == WIRE_DEPTH_MAX) {
                cursor_fail(&cursor, WIRE_DEPTH);
                break;
            }
            left[++depth] = head.value;
        }
    }
    read_end(&cursor);
    return cursor.error;
}
