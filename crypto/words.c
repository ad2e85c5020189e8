#include "crypto/words.h"

#include "crypto/words_list.h"

#include <string.h>

static const char *const *list_of(size_t place)
{
    return place % 2 == 0 ? words_even : words_odd;
}

const char *word_of(size_t place, uint8_t byte)
{
    return list_of(place)[byte];
}

/* The lists are plain ASCII, and a locale must not change what is accepted. */
static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool same_word(struct bytes a, struct bytes b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

bool word_parse(size_t place, struct bytes word, uint8_t *byte)
{
    const char *const *list = list_of(place);

    for (size_t i = 0; i < WORDS_PER_LIST; i++) {
        if (same_word(word, bytes_of_text(list[i]))) {
            *byte = (uint8_t)i;
            return true;
        }
    }
    return false;
}

void words_put(struct buffer *out, struct bytes data)
{
    for (size_t i = 0; i < data.len; i++) {
        if (i != 0) {
            buffer_put_u8(out, ' ');
        }
        buffer_put(out, bytes_of_text(word_of(i, data.data[i])));
    }
}

void fingerprint_hex_put(struct buffer *out, const uint8_t hash[HASH_BYTES])
{
    enum {
        GROUP_BYTES = 4
    };

    for (size_t i = 0; i < HASH_BYTES; i += GROUP_BYTES) {
        if (i != 0) {
            buffer_put_u8(out, ' ');
        }
        hex_put(out, bytes_make(hash + i, GROUP_BYTES));
    }
}

void hex_put(struct buffer *out, struct bytes data)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < data.len; i++) {
        const char pair[2] = {digits[data.data[i] >> 4], digits[data.data[i] & 0x0F]};

        buffer_put(out, bytes_make(pair, sizeof(pair)));
    }
}

static bool hex_digit(uint8_t c, uint8_t *value)
{
    const uint8_t small = lower(c);

    if (small >= '0' && small <= '9') {
        *value = (uint8_t)(small - '0');
        return true;
    }
    if (small >= 'a' && small <= 'f') {
        *value = (uint8_t)(small - 'a' + 10);
        return true;
    }
    return false;
}

bool hex_parse(struct bytes text, uint8_t *out, size_t len)
{
    if (text.len / 2 != len || text.len % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t high = 0;
        uint8_t low = 0;

        if (!hex_digit(text.data[2 * i], &high) || !hex_digit(text.data[2 * i + 1], &low)) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
