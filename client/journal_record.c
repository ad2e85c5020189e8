#include "client/journal_record.h"

#include "crypto/hash.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LENGTH_BYTES 4
#define SUM_BYTES 8
#define BODY_HEAD_BYTES 19
#define BODY_BYTES_MAX (CLIENT_FRAME_BYTES_MAX + 1024)

static void sum_of(struct bytes length_and_body, uint8_t out[SUM_BYTES])
{
    uint8_t hash[HASH_BYTES];

    hash_bytes(length_and_body, hash);
    memcpy(out, hash, SUM_BYTES);
}

size_t record_bytes(const struct record *record)
{
    const size_t body_len = BODY_HEAD_BYTES + record->mark.len + record->rest.len;

    if (record->mark.len > UINT16_MAX || body_len > BODY_BYTES_MAX) {
        return 0;
    }
    return LENGTH_BYTES + body_len + SUM_BYTES;
}

size_t record_put(const struct record *record, struct buffer *out)
{
    uint8_t sum[SUM_BYTES];

    CHECK(out->len == 0);
    buffer_put_u32be(out, (uint32_t)(BODY_HEAD_BYTES + record->mark.len + record->rest.len));
    buffer_put_u8(out, record->kind);
    buffer_put_u64be(out, record->request_no);
    buffer_put_u64be(out, record->replaces);
    buffer_put_u8(out, (uint8_t)(record->mark.len >> 8));
    buffer_put_u8(out, (uint8_t)(record->mark.len & 0xff));
    buffer_put(out, record->mark);
    const size_t rest_at = out->len;
    buffer_put(out, record->rest);
    sum_of(buffer_bytes(out), sum);
    buffer_put(out, BYTES_OF_ARRAY(sum));
    CHECK(!out->full);
    return rest_at;
}

bool record_read(struct bytes bytes, struct record *record, size_t *used)
{
    if (bytes.len < LENGTH_BYTES + BODY_HEAD_BYTES + SUM_BYTES) {
        return false;
    }
    const size_t body_len = bytes_get_u32be(bytes.data);
    if (body_len < BODY_HEAD_BYTES || body_len > BODY_BYTES_MAX ||
        bytes.len - LENGTH_BYTES - SUM_BYTES < body_len) {
        return false;
    }
    const uint8_t *body = bytes.data + LENGTH_BYTES;
    const size_t mark_len = (size_t)body[17] << 8 | body[18];
    uint8_t sum[SUM_BYTES];

    sum_of(bytes_slice(bytes, 0, LENGTH_BYTES + body_len), sum);
    if (memcmp(sum, body + body_len, SUM_BYTES) != 0 || mark_len > body_len - BODY_HEAD_BYTES) {
        return false;
    }
    *record = (struct record){
        .kind = body[0],
        .request_no = bytes_get_u64be(body + 1),
        .replaces = bytes_get_u64be(body + 9),
        .mark = bytes_make(body + BODY_HEAD_BYTES, mark_len),
        .rest =
            bytes_make(body + BODY_HEAD_BYTES + mark_len, body_len - BODY_HEAD_BYTES - mark_len),
    };
    *used = LENGTH_BYTES + body_len + SUM_BYTES;
    return true;
}

enum status file_write_all(int fd, struct bytes bytes)
{
    while (bytes.len > 0) {
        const ssize_t written = write(fd, bytes.data, bytes.len);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return STATUS_IO;
        }
        bytes = bytes_slice(bytes, (size_t)written, bytes.len - (size_t)written);
    }
    return STATUS_OK;
}

struct bytes file_map(int fd)
{
    struct stat info;

    if (fstat(fd, &info) != 0 || info.st_size < 0) {
        return (struct bytes){NULL, SIZE_MAX};
    }
    const size_t len = (size_t)info.st_size;
    if (len == 0) {
        return BYTES_EMPTY;
    }
    void *mapped = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    return mapped == MAP_FAILED ? (struct bytes){NULL, SIZE_MAX} : bytes_make(mapped, len);
}

void file_unmap(struct bytes bytes)
{
    if (bytes.data != NULL) {
        union {
            const uint8_t *in;
            void *out;
        } address = {.in = bytes.data};

        (void)munmap(address.out, bytes.len);
    }
}
