/* How much one replica may fetch: a bucket of bytes that fills with time. What a question may cost
 * is taken from it when it is asked and what it did not cost is given back, so a flood of questions
 * is refused before it is read for, and the others' questions wait for no more than one bucket.
 *
 * Pure; time is an argument. One owner, the loop. For host_in.c. */
#ifndef VESTRY_REPLICA_HOST_FETCH_QUOTA_H
#define VESTRY_REPLICA_HOST_FETCH_QUOTA_H

#include "crypto/schema.h"

/* A replica that catches up asks each other one for one range of blocks at a time, and for no more
 * than FETCH_BYTES_PER_MS: it does not come to the end of its bucket. */
#define FETCH_QUOTA_BYTES ((size_t)32 << 20)
#define FETCH_QUOTA_BYTES_PER_S ((size_t)16 << 20)

struct fetch_quota {
    bool used; /* else it is full */
    size_t bytes;
    uint64_t filled_ms;
};

/* What the answer may cost, found work included. */
MUST_USE size_t fetch_quota_price(const struct fetch *fetch);

/* Take the price of a question; false when it is not there. */
MUST_USE bool fetch_quota_take(struct fetch_quota *quota, size_t price, uint64_t now_ms);

/* The answer had `bytes`: give back the rest of its price. */
void fetch_quota_settle(struct fetch_quota *quota, size_t price, size_t bytes);

#endif
