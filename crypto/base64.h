/* Base 64 with the standard alphabet and padding (RFC 4648, section 4), strict in both directions:
 * one text for each byte string, and nothing else is read. Any module may use it. */
#ifndef VESTRY_CRYPTO_BASE64_H
#define VESTRY_CRYPTO_BASE64_H

#include "crypto/bytes.h"

/* Characters of the text for `len` bytes, without a NUL. */
#define BASE64_CHARS(len) (((len) + 2) / 3 * 4)

/* Append the text of `data`; marks `out` full when it does not fit. */
void base64_put(struct buffer *out, struct bytes data);

/* Decode the whole of `text`. False for white space, wrong or missing padding, stray bits in the
 * last character, or more than `capacity` bytes; the outputs are then unspecified. */
MUST_USE bool base64_decode(struct bytes text, uint8_t *out, size_t capacity, size_t *len);

/* Decode exactly `len` bytes. */
MUST_USE bool base64_decode_exact(struct bytes text, uint8_t *out, size_t len);

#endif
