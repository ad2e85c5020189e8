/* Records of the client's journal as bytes, and files as memory. Part of journal.c, for nobody
 * else.
 *
 *     record = length of body (4, big endian) | body | first 8 bytes of SHA-256(length || body)
 *     body   = kind (1) | request_no (8) | replaces (8) | mark length (2) | mark | rest
 *
 *     OWNER  first record; rest: magic, cluster id, session
 *     BEGIN  rest: the frame. The request `replaces` ends with it
 *     END    the request has an outcome
 *     NEXT   request_no: the lowest number that was never used
 *     MARK   a mark alone */
#ifndef VESTRY_CLIENT_JOURNAL_RECORD_H
#define VESTRY_CLIENT_JOURNAL_RECORD_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "crypto/status.h"

enum record_kind {
    RECORD_OWNER = 1,
    RECORD_BEGIN,
    RECORD_END,
    RECORD_NEXT,
    RECORD_MARK
};

struct record {
    uint8_t kind;
    uint64_t request_no;
    uint64_t replaces;
    struct bytes mark;
    struct bytes rest;
};

/* How long the record is; 0 when it is too long. */
MUST_USE size_t record_bytes(const struct record *record);
/* Append it, with room for all of it. Returns where its rest begins in `out`. */
size_t record_put(const struct record *record, struct buffer *out);
/* The record at the front of `bytes`; false when it is torn or damaged. */
MUST_USE bool record_read(struct bytes bytes, struct record *record, size_t *used);

MUST_USE enum status file_write_all(int fd, struct bytes bytes);
/* The whole file in memory; len is SIZE_MAX on failure. */
MUST_USE struct bytes file_map(int fd);
void file_unmap(struct bytes bytes);

#endif
