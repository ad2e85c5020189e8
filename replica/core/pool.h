/* Memory for requests and batches: one region taken at open, handed out in power-of-two blocks
 * (buddy system), so that what a peer sends can never make the process grow.
 *
 * When the region is full the caller drops the message. Deterministic: the same calls give the same
 * answers. One owner, one thread. Source: Knuth, The Art of Computer Programming, vol. 1, 2.5. */
#ifndef VESTRY_REPLICA_CORE_POOL_H
#define VESTRY_REPLICA_CORE_POOL_H

#include "crypto/bytes.h"
#include "crypto/status.h"

#define POOL_BLOCK_BYTES_MIN 256u
#define POOL_ORDERS 16 /* 256 bytes .. 8 MiB */
#define POOL_BLOCK_BYTES_MAX (POOL_BLOCK_BYTES_MIN << (POOL_ORDERS - 1))

struct pool_link;

struct pool {
    uint8_t *region;
    uint8_t *mark_of; /* of the block that begins at each smallest unit; see pool.c */
    size_t units;
    size_t units_begun; /* units behind these were never handed out */
    size_t used_bytes;
    struct pool_link *free[POOL_ORDERS];
};

/* `bytes` is rounded down to whole blocks of the largest size; at least one. */
MUST_USE enum status pool_open(struct pool *pool, size_t bytes);
void pool_close(struct pool *pool);

/* Whether less than a quarter is free. What can wait is refused then, so that there is room for the
 * block that everything else waits for. */
MUST_USE bool pool_is_crowded(const struct pool *pool);

/* At least `len` bytes, 16-byte aligned, or NULL. len is 1..POOL_BLOCK_BYTES_MAX. */
MUST_USE uint8_t *pool_take(struct pool *pool, size_t len);

/* Give back what pool_take returned; NULL is ignored. */
void pool_give(struct pool *pool, const uint8_t *block);

/* A copy of `bytes` in the pool; data is NULL when there is no room (or nothing to copy). */
MUST_USE struct bytes pool_copy(struct pool *pool, struct bytes bytes);

#endif
