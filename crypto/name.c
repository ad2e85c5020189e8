#include "crypto/name.h"

#include <string.h>

static bool is_segment_start(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_segment_rest(uint8_t c)
{
    return is_segment_start(c) || c == '.' || c == '_' || c == '-';
}

bool name_is_id(struct bytes text)
{
    bool at_start = true;

    if (text.len == 0 || text.len > ID_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.data[i];

        if (at_start) {
            if (!is_segment_start(c)) {
                return false;
            }
            at_start = false;
        } else if (c == '/') {
            at_start = true;
        } else if (!is_segment_rest(c)) {
            return false;
        }
    }
    return !at_start;
}

/* Whether `id` is `whole`, or begins with it as whole segments. */
static bool begins_with_segments(struct bytes id, struct bytes whole)
{
    if (id.len < whole.len || memcmp(id.data, whole.data, whole.len) != 0) {
        return false;
    }
    return id.len == whole.len || id.data[whole.len] == '/';
}

bool name_is_reserved(struct bytes id)
{
    return id.len != 0 && begins_with_segments(id, bytes_of_text(NAME_RESERVED_SEGMENT));
}

bool name_is_prefix(struct bytes text)
{
    return text.len == 0 || (name_is_id(text) && !name_is_reserved(text));
}

bool name_covers(struct bytes prefix, struct bytes id)
{
    if (name_is_reserved(id) || name_is_reserved(prefix)) {
        return false;
    }
    if (prefix.len == 0) {
        return true;
    }
    return id.len != 0 && begins_with_segments(id, prefix);
}

/* Take one code point off `text`. 0 when the bytes are not well-formed UTF-8 (RFC 3629); NUL itself
 * is a control character, which no caller accepts, so it needs no value of its own. */
static uint32_t code_point_next(struct bytes *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t first = text->data[0];
    size_t len = 1;
    uint32_t point = first;

    if (first >= 0xF8 || (first >= 0x80 && first < 0xC0)) {
        return 0;
    }
    if (first >= 0xC0) {
        len = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
        point = first & (0x7Fu >> len);
    }
    if (len > text->len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((text->data[i] & 0xC0) != 0x80) {
            return 0;
        }
        point = point << 6 | (text->data[i] & 0x3Fu);
    }
    if (point < least[len] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) {
        return 0;
    }
    *text = bytes_slice(*text, len, text->len - len);
    return point;
}

static bool is_printable(uint32_t point)
{
    if (point < 0x20 || (point >= 0x7F && point < 0xA0)) {
        return false;
    }
    if (point == 0x2028 || point == 0x2029 || point == 0xFEFF) {
        return false;
    }
    if (point == 0x061C || point == 0x200E || point == 0x200F) {
        return false;
    }
    return !(point >= 0x202A && point <= 0x202E) && !(point >= 0x2066 && point <= 0x2069);
}

bool name_is_text(struct bytes text, size_t bytes_max)
{
    if (text.len > bytes_max) {
        return false;
    }
    while (text.len != 0) {
        if (!is_printable(code_point_next(&text))) {
            return false;
        }
    }
    return true;
}

/* Unicode's white space, but for the controls and separators that are not printable anyway. */
static bool is_space(uint32_t point)
{
    if (point >= 0x2000 && point <= 0x200A) {
        return true;
    }
    return point == 0x20 || point == 0xA0 || point == 0x1680 || point == 0x202F ||
           point == 0x205F || point == 0x3000;
}

bool name_is_key_name(struct bytes text, size_t bytes_max)
{
    if (text.len == 0 || !name_is_text(text, bytes_max)) {
        return false;
    }
    while (text.len != 0) {
        const uint32_t point = code_point_next(&text);

        if (point == '+' || is_space(point)) {
            return false;
        }
    }
    return true;
}
