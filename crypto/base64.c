#include "crypto/base64.h"

#include <assert.h>
#include <sodium.h>

void base64_put(struct buffer *out, struct bytes data)
{
    /* Three bytes make four characters, so whole triples can be coded piece by piece. In one go
     * libsodium would write a NUL behind the text, into the caller's memory. */
    enum {
        PIECE = 48,
        PIECE_CHARS = BASE64_CHARS(PIECE)
    };
    static_assert(PIECE % 3 == 0, "only the last piece is padded");
    size_t at = 0;

    if (out->full || data.len > SIZE_MAX / 4 * 3 - 3 ||
        out->capacity - out->len < BASE64_CHARS(data.len)) {
        out->full = true;
        return;
    }
    while (at < data.len) {
        char piece[PIECE_CHARS + 1];
        const size_t len = data.len - at < PIECE ? data.len - at : PIECE;

        CHECK(sodium_bin2base64(piece, sizeof(piece), data.data + at, len,
                                sodium_base64_VARIANT_ORIGINAL) == piece);
        buffer_put(out, bytes_make(piece, BASE64_CHARS(len)));
        at += len;
    }
}

/* libsodium 1.0.18 reads bytes 0xAB and 0xAF as '+' and '/' where char is signed: its comparisons
 * take a difference of 128 for none. */
static bool is_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

bool base64_decode(struct bytes text, uint8_t *out, size_t capacity, size_t *len)
{
    const char *end = NULL;
    const char *chars = (const char *)text.data;

    if (text.len == 0) {
        *len = 0;
        return true;
    }
    if (!is_ascii(text)) {
        return false;
    }
    if (sodium_base642bin(out, capacity, chars, text.len, NULL, len, &end,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return false;
    }
    return end == chars + text.len;
}

bool base64_decode_exact(struct bytes text, uint8_t *out, size_t len)
{
    size_t decoded = 0;

    return base64_decode(text, out, len, &decoded) && decoded == len;
}
