#include "keys/words/armour.h"

#include "crypto/base64.h"
#include "crypto/limits.h"

#include <sodium.h>
#include <string.h>

#define LINE_BYTES (ARMOUR_LINE_CHARS / 4 * 3)

static_assert(ARMOUR_LINE_CHARS % 4 == 0, "a line is whole groups of base 64");

void armour_put(struct buffer *out, const char *label, struct bytes object)
{
    CHECK(object.len > 0);
    buffer_put(out, bytes_of_text(label));
    buffer_put_u8(out, '\n');
    for (size_t at = 0; at < object.len; at += LINE_BYTES) {
        const size_t left = object.len - at;

        base64_put(out, bytes_slice(object, at, left < LINE_BYTES ? left : LINE_BYTES));
        buffer_put_u8(out, '\n');
    }
}

/* Take the first line off `text`, without its newline. False when no newline ends it. */
static bool take_line(struct bytes *text, struct bytes *line)
{
    const uint8_t *end = text->len == 0 ? NULL : memchr(text->data, '\n', text->len);
    if (end == NULL) {
        return false;
    }
    const size_t len = (size_t)(end - text->data);
    *line = bytes_slice(*text, 0, len);
    *text = bytes_slice(*text, len + 1, text->len - len - 1);
    return true;
}

bool armour_read(struct bytes text, const char *label, struct buffer *out)
{
    struct bytes line;

    if (!take_line(&text, &line) || !bytes_equal(line, bytes_of_text(label)) || text.len == 0) {
        return false;
    }
    while (text.len != 0) {
        uint8_t raw[LINE_BYTES];
        size_t len = 0;

        if (!take_line(&text, &line) || line.len == 0 || line.len > ARMOUR_LINE_CHARS) {
            return false;
        }
        if (!base64_decode(line, raw, sizeof(raw), &len) || (text.len != 0 && len != LINE_BYTES)) {
            return false;
        }
        buffer_put(out, bytes_make(raw, len));
        /* It may have been a line of a secret key file without a passphrase. */
        sodium_memzero(raw, sizeof(raw));
    }
    return !out->full;
}
