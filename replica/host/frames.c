#include "replica/host/frames.h"

#include "crypto/frame.h"
#include "crypto/wire_read.h"

#include <string.h>

bool frames_put(struct buffer *out, const struct frame_parts *parts)
{
    struct buffer envelope_space = *out;
    const struct envelope envelope = {
        .type = parts->type, .rid = parts->rid, .body = parts->body, .sig = parts->sig};
    uint8_t header[FRAME_HEADER_BYTES] = {0};
    buffer_put(&envelope_space, BYTES_OF_ARRAY(header));
    size_t start = envelope_space.len;
    if (envelope_space.full || !envelope_encode(&envelope, &envelope_space)) {
        return false;
    }
    buffer_put(&envelope_space, parts->attachment);
    size_t len = envelope_space.len - start;
    if (envelope_space.full || len > FRAME_BYTES_MAX) {
        return false;
    }
    frame_header(len, envelope_space.data + out->len);
    *out = envelope_space;
    return true;
}

bool frames_put_data(struct buffer *out, uint32_t rid, const struct fetch *fetch, uint64_t from,
                     struct bytes attachment)
{
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof memory);
    struct data data = {.kind = fetch->kind, .from = from, .count = fetch->count};
    memcpy(data.digest, fetch->digest, sizeof data.digest);
    CHECK(data_encode(&data, &body));
    struct frame_parts parts = {
        .type = MESSAGE_DATA, .rid = rid, .body = buffer_bytes(&body), .attachment = attachment};
    if (frames_put(out, &parts)) {
        return true;
    }
    parts.attachment = BYTES_EMPTY;
    return frames_put(out, &parts);
}

uint64_t frames_type(struct bytes frame)
{
    struct cursor cursor = cursor_make(frame);
    uint32_t count = 0;
    uint64_t version = 0;
    uint64_t type = 0;
    if (read_array(&cursor, 5, 5, &count) && read_u64(&cursor, 1, &version) && version == 1 &&
        read_u64(&cursor, 255, &type)) {
        return type;
    }
    return 0;
}

/* Enter an array of `count` elements whose first is the version. */
static bool enter_object(struct cursor *cursor, uint32_t count)
{
    uint64_t version = 0;
    return read_array(cursor, count, count, &count) && read_u64(cursor, 1, &version) &&
           version == 1;
}

bool frames_audience(struct bytes frame, uint64_t *audience)
{
    struct envelope envelope;
    size_t used = 0;
    struct bytes bin;
    uint32_t count = 0;
    uint64_t number = 0;
    if (schema_decode_front(&schema_envelope, frame, &envelope, &used) != WIRE_OK ||
        envelope.type != MESSAGE_REQUEST) {
        return false;
    }
    struct cursor parcel = cursor_make(bytes_slice(frame, used, frame.len - used));
    if (!enter_object(&parcel, 3) || !read_bin(&parcel, 1, ITEM_BYTES_MAX, &bin)) {
        return false;
    }
    struct cursor item = cursor_make(bin);
    if (!read_array(&item, 4, 4, &count) || !read_bin(&item, 1, REQUEST_BODY_BYTES_MAX, &bin)) {
        return false;
    }
    struct cursor request = cursor_make(bin);
    return enter_object(&request, 8) && read_array(&request, 2, 2, &count) &&
           read_u64(&request, 1, &number) && read_bin(&request, HASH_BYTES, HASH_BYTES, &bin) &&
           read_u64(&request, UINT64_MAX, &number) && read_u64(&request, UINT64_MAX, &number) &&
           read_u64(&request, UINT64_MAX, &number) &&
           read_u64(&request, UINT64_C(1) << 32, audience);
}
