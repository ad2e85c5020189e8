/* Frames on a byte stream: a length (4 bytes, big endian), then that many bytes.
 *
 * The content is an envelope and an optional attachment; where the one ends and the other begins
 * is the schema's business, not this module's. Whoever reads a socket uses it; it borrows from the
 * stream and copies nothing. */
#ifndef VESTRY_CRYPTO_FRAME_H
#define VESTRY_CRYPTO_FRAME_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

enum frame_result {
    FRAME_MORE,     /* the stream does not hold a whole frame yet */
    FRAME_READY,    /* `frame` and `consumed` are set */
    FRAME_TOO_LONG, /* the stated length is above the maximum: close the connection */
    FRAME_EMPTY,    /* the stated length is 0: close the connection */
};

/* The first frame of `stream`, whose content may have at most `content_bytes_max` bytes. The length
 * is judged as soon as its four bytes are there, before anything of that size is waited for.
 * `frame` borrows from the stream; `consumed` counts the header too. Outputs are untouched unless
 * the result is FRAME_READY. */
MUST_USE enum frame_result frame_next(struct bytes stream, size_t content_bytes_max,
                                      struct bytes *frame, size_t *consumed);

/* The header for a content of `len` bytes, 1..FRAME_BYTES_MAX. */
void frame_header(size_t len, uint8_t out[FRAME_HEADER_BYTES]);

/* Append one frame whose content is the parts in order. `out` is marked full, and holds nothing of
 * the frame, when it does not fit. */
void frame_put(struct buffer *out, const struct bytes *parts, size_t count);

#endif
