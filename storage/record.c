#include "storage/record.h"

#include <string.h>

#define KIND_BATCH 'b'
#define NUMBER_BYTES 8
#define TAGGED_BYTES (1 + NUMBER_BYTES)

static struct buffer key_buffer(struct record_key *key)
{
    return buffer_make(key->data, sizeof key->data);
}

static void key_close(struct record_key *key, const struct buffer *buffer)
{
    CHECK(!buffer->full);
    key->len = (uint8_t)buffer->len;
}

/* One byte and a number: the shape of most keys. */
static struct record_key key_tagged(uint8_t tag, uint64_t number)
{
    struct record_key key = {0};
    struct buffer buffer = key_buffer(&key);
    buffer_put_u8(&buffer, tag);
    buffer_put_u64be(&buffer, number);
    key_close(&key, &buffer);
    return key;
}

static bool read_tagged(struct bytes key, uint8_t *tag, uint64_t *number)
{
    if (key.len != TAGGED_BYTES) {
        return false;
    }
    *tag = key.data[0];
    *number = bytes_get_u64be(key.data + 1);
    return true;
}

struct record_key record_key_block(enum record_block kind, uint64_t height)
{
    return key_tagged((uint8_t)kind, height);
}

struct record_key record_key_batch(const uint8_t digest[HASH_BYTES])
{
    struct record_key key = {0};
    struct buffer buffer = key_buffer(&key);
    buffer_put_u8(&buffer, KIND_BATCH);
    buffer_put(&buffer, bytes_make(digest, HASH_BYTES));
    key_close(&key, &buffer);
    return key;
}

struct record_key record_key_leaves(uint64_t first_index)
{
    struct record_key key = {0};
    struct buffer buffer = key_buffer(&key);
    buffer_put_u64be(&buffer, first_index);
    key_close(&key, &buffer);
    return key;
}

struct record_key record_key_payloads(const uint8_t digest[HASH_BYTES])
{
    struct record_key key = {0};
    struct buffer buffer = key_buffer(&key);
    buffer_put(&buffer, bytes_make(digest, HASH_BYTES));
    key_close(&key, &buffer);
    return key;
}

struct record_key record_key_tree(uint8_t level, uint64_t index)
{
    return key_tagged(level, index);
}

struct record_key record_key_journal(uint8_t kind, uint64_t height)
{
    return key_tagged(kind, height);
}

struct record_key record_key_stream(struct bytes stream, uint64_t first_position)
{
    CHECK(stream.len >= 1);
    CHECK(stream.len <= ID_BYTES_MAX);
    CHECK(memchr(stream.data, 0, stream.len) == NULL);
    struct record_key key = {0};
    struct buffer buffer = key_buffer(&key);
    buffer_put(&buffer, stream);
    buffer_put_u8(&buffer, 0);
    buffer_put_u64be(&buffer, first_position);
    key_close(&key, &buffer);
    return key;
}

bool record_read_block(struct bytes key, enum record_block *kind, uint64_t *height)
{
    uint8_t tag = 0;
    uint64_t number = 0;
    if (!read_tagged(key, &tag, &number)) {
        return false;
    }
    if (tag != RECORD_HEADER && tag != RECORD_CERTIFICATE && tag != RECORD_RESULTS) {
        return false;
    }
    *kind = (enum record_block)tag;
    *height = number;
    return true;
}

bool record_read_leaves(struct bytes key, uint64_t *first_index)
{
    if (key.len != NUMBER_BYTES) {
        return false;
    }
    *first_index = bytes_get_u64be(key.data);
    return true;
}

bool record_read_tree(struct bytes key, uint8_t *level, uint64_t *index)
{
    return read_tagged(key, level, index);
}

bool record_read_journal(struct bytes key, uint8_t *kind, uint64_t *height)
{
    return read_tagged(key, kind, height);
}

bool record_read_stream(struct bytes key, struct bytes *stream, uint64_t *first_position)
{
    if (key.len < 1 + TAGGED_BYTES || key.len > RECORD_KEY_BYTES_MAX) {
        return false;
    }
    size_t len = key.len - TAGGED_BYTES;
    const uint8_t *end = memchr(key.data, 0, len + 1);
    if (end != key.data + len) {
        return false;
    }
    *stream = bytes_slice(key, 0, len);
    *first_position = bytes_get_u64be(end + 1);
    return true;
}
