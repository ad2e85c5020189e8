#include "crypto/frame.h"

enum frame_result frame_next(struct bytes stream, size_t content_bytes_max, struct bytes *frame,
                             size_t *consumed)
{
    if (stream.len < FRAME_HEADER_BYTES) {
        return FRAME_MORE;
    }
    const uint32_t len = bytes_get_u32be(stream.data);
    if (len == 0) {
        return FRAME_EMPTY;
    }
    if (len > content_bytes_max) {
        return FRAME_TOO_LONG;
    }
    if (stream.len - FRAME_HEADER_BYTES < len) {
        return FRAME_MORE;
    }
    *frame = bytes_slice(stream, FRAME_HEADER_BYTES, len);
    *consumed = FRAME_HEADER_BYTES + (size_t)len;
    return FRAME_READY;
}

void frame_header(size_t len, uint8_t out[FRAME_HEADER_BYTES])
{
    CHECK(len >= 1);
    CHECK(len <= FRAME_BYTES_MAX);
    for (unsigned i = 0; i < FRAME_HEADER_BYTES; i++) {
        out[i] = (uint8_t)(len >> (8 * (FRAME_HEADER_BYTES - 1 - i)));
    }
}

void frame_put(struct buffer *out, const struct bytes *parts, size_t count)
{
    uint8_t header[FRAME_HEADER_BYTES];
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        CHECK(parts[i].len <= FRAME_BYTES_MAX - len);
        len += parts[i].len;
    }
    frame_header(len, header);
    if (out->full || out->capacity - out->len < FRAME_HEADER_BYTES + len) {
        out->full = true;
        return;
    }
    buffer_put(out, BYTES_OF_ARRAY(header));
    for (size_t i = 0; i < count; i++) {
        buffer_put(out, parts[i]);
    }
}
