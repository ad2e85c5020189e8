/* Borrowed byte ranges and bounded buffers.
 *
 * `struct bytes` borrows: whoever made the memory keeps it alive. `struct buffer` writes into
 * memory of the caller and never grows; a write that does not fit sets `full`, changes nothing
 * else, and every later write is refused too, so that one test at the end is enough. Any module may
 * use both. */
#ifndef VESTRY_CRYPTO_BYTES_H
#define VESTRY_CRYPTO_BYTES_H

#include "crypto/contract.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data; /* may be NULL when len is 0 */
    size_t len;
};

struct buffer {
    uint8_t *data;
    size_t len;
    size_t capacity;
    bool full; /* a write did not fit */
};

#define BYTES_EMPTY ((struct bytes){NULL, 0})
#define BYTES_OF_ARRAY(array) ((struct bytes){(array), sizeof(array)})

static inline struct bytes bytes_make(const void *data, size_t len)
{
    return (struct bytes){(const uint8_t *)data, len};
}

/* The characters of a C string, without its NUL. */
MUST_USE struct bytes bytes_of_text(const char *text);

MUST_USE bool bytes_equal(struct bytes a, struct bytes b);

/* Lexicographic, shorter first on a tie: negative, 0 or positive. */
MUST_USE int bytes_compare(struct bytes a, struct bytes b);

/* len must lie within `whole`. */
MUST_USE struct bytes bytes_slice(struct bytes whole, size_t offset, size_t len);

static inline struct buffer buffer_make(void *data, size_t capacity)
{
    return (struct buffer){(uint8_t *)data, 0, capacity, false};
}

static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
    return (struct bytes){buffer->data, buffer->len};
}

static inline void buffer_put(struct buffer *buffer, struct bytes bytes)
{
    if (buffer->full || bytes.len > buffer->capacity - buffer->len) {
        buffer->full = true;
        return;
    }
    if (bytes.len > 0) {
        memcpy(buffer->data + buffer->len, bytes.data, bytes.len);
        buffer->len += bytes.len;
    }
}
void buffer_put_u8(struct buffer *buffer, uint8_t value);
void buffer_put_u32be(struct buffer *buffer, uint32_t value);
void buffer_put_u64be(struct buffer *buffer, uint64_t value);

MUST_USE uint32_t bytes_get_u32be(const uint8_t data[4]);
MUST_USE uint64_t bytes_get_u64be(const uint8_t data[8]);

#endif
