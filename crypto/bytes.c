#include "crypto/bytes.h"

#include <string.h>

struct bytes bytes_of_text(const char *text)
{
    return bytes_make(text, strlen(text));
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    if (a.len != b.len) {
        return false;
    }
    return a.len == 0 || memcmp(a.data, b.data, a.len) == 0;
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

struct bytes bytes_slice(struct bytes whole, size_t offset, size_t len)
{
    CHECK(offset <= whole.len);
    CHECK(len <= whole.len - offset);
    if (len == 0) {
        return BYTES_EMPTY;
    }
    return (struct bytes){whole.data + offset, len};
}

void buffer_put_u8(struct buffer *buffer, uint8_t value)
{
    buffer_put(buffer, bytes_make(&value, 1));
}

void buffer_put_u32be(struct buffer *buffer, uint32_t value)
{
    uint8_t raw[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                      (uint8_t)value};
    buffer_put(buffer, BYTES_OF_ARRAY(raw));
}

void buffer_put_u64be(struct buffer *buffer, uint64_t value)
{
    uint8_t raw[8];
    for (unsigned i = 0; i < 8; i++) {
        raw[i] = (uint8_t)(value >> (56 - 8 * i));
    }
    buffer_put(buffer, BYTES_OF_ARRAY(raw));
}

uint32_t bytes_get_u32be(const uint8_t data[4])
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

uint64_t bytes_get_u64be(const uint8_t data[8])
{
    return (uint64_t)bytes_get_u32be(data) << 32 | bytes_get_u32be(data + 4);
}
