/* Reading canonical msgpack: a bounded cursor that allocates nothing.
 *
 * The canonical form (FORMATS.md): arrays, unsigned integers, bin and str only, each in its
 * shortest encoding. Everything else is refused with an error of its own. The first failure sticks:
 * later reads fail too and change nothing, so a caller may test once at the end. Lengths are
 * checked against the caller's bound and against the bytes that are left before they are used. The
 * bytes handed out are borrowed from the input. No dependency but libc; any module may use it.
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md, formats 0x00-0x7f, 0x90-0xbf,
 * 0xc4-0xc6, 0xcc-0xcf, 0xd9, 0xdc, 0xdd. */
#ifndef VESTRY_CRYPTO_WIRE_READ_H
#define VESTRY_CRYPTO_WIRE_READ_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

enum wire_error {
    WIRE_OK,
    WIRE_TRUNCATED,    /* a value or a length reaches beyond the input */
    WIRE_NOT_SHORTEST, /* a longer encoding than the value needs */
    WIRE_KIND,         /* nil, bool, float, map, ext, negative, or another kind than expected */
    WIRE_RANGE,        /* integer above its bound, or bin, str or array of a length not allowed */
    WIRE_TEXT,         /* not an identifier, or not printable UTF-8 */
    WIRE_DEPTH,        /* nested deeper than WIRE_DEPTH_MAX */
    WIRE_VERSION,      /* element 0 is not a version this code knows */
    WIRE_TRAILING,     /* bytes after the value */
};

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    enum wire_error error;
};

MUST_USE const char *wire_error_text(enum wire_error error);

MUST_USE struct cursor cursor_make(struct bytes input);

/* Each returns false and sets cursor->error on failure; the output is then untouched. What most
 * values are, a number of one byte, a bin or an array with a short head, is read in place. */
bool read_u64_any(struct cursor *cursor, uint64_t max, uint64_t *out);
bool read_bin_any(struct cursor *cursor, size_t min, size_t max, struct bytes *out);
bool read_str(struct cursor *cursor, size_t min, size_t max, struct bytes *out);
bool read_array_any(struct cursor *cursor, uint32_t min, uint32_t max, uint32_t *count);

static inline bool read_u64(struct cursor *cursor, uint64_t max, uint64_t *out)
{
    if (cursor->error == WIRE_OK && cursor->at < cursor->end && *cursor->at <= 0x7f &&
        *cursor->at <= max) {
        *out = *cursor->at++;
        return true;
    }
    return read_u64_any(cursor, max, out);
}

static inline bool read_bin(struct cursor *cursor, size_t min, size_t max, struct bytes *out)
{
    const uint8_t *at = cursor->at;
    size_t left = (size_t)(cursor->end - at);
    if (cursor->error == WIRE_OK && left >= 2 && at[0] == 0xc4 && at[1] >= min && at[1] <= max &&
        at[1] <= left - 2) {
        *out = bytes_make(at + 2, at[1]);
        cursor->at = at + 2 + at[1];
        return true;
    }
    return read_bin_any(cursor, min, max, out);
}

static inline bool read_array(struct cursor *cursor, uint32_t min, uint32_t max, uint32_t *count)
{
    const uint8_t *at = cursor->at;
    size_t left = (size_t)(cursor->end - at);
    if (cursor->error == WIRE_OK && left >= 1 && at[0] >= 0x90 && at[0] <= 0x9f &&
        at[0] - 0x90u >= min && at[0] - 0x90u <= max && at[0] - 0x90u <= left - 1) {
        *count = at[0] - 0x90u;
        cursor->at = at + 1;
        return true;
    }
    return read_array_any(cursor, min, max, count);
}

/* Fails with WIRE_TRAILING unless everything was read. */
bool read_end(struct cursor *cursor);

/* Record a failure found by the caller; the first one stays. Always returns false. */
bool cursor_fail(struct cursor *cursor, enum wire_error error);

/* Whether `input` is exactly one canonical value of any shape, at most WIRE_DEPTH_MAX deep. Says
 * nothing of str contents. */
MUST_USE enum wire_error wire_check(struct bytes input);

#endif
