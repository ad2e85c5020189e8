/* Bytes that several connections send: copied out of the core once, counted, freed by the last.
 *
 * A count is not atomic: a blob belongs to one thread at a time. Other threads may make one and
 * hand it to the loop; from then on only the loop touches it. Host only. */
#ifndef VESTRY_REPLICA_HOST_BLOB_H
#define VESTRY_REPLICA_HOST_BLOB_H

#include "crypto/bytes.h"

struct blob {
    uint32_t references;
    size_t len;
    uint8_t data[];
};

/* With one reference. Never NULL: a server that cannot get a few bytes ends (and restarts). */
MUST_USE struct blob *blob_make(struct bytes bytes);

/* `len` bytes to be filled in by the caller. */
MUST_USE struct blob *blob_alloc(size_t len);

struct blob *blob_hold(struct blob *blob);

/* NULL is allowed. */
void blob_drop(struct blob *blob);

static inline struct bytes blob_bytes(const struct blob *blob)
{
    return bytes_make(blob->data, blob->len);
}

#endif
