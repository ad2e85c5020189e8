#include "replica/host/fetch_quota.h"

#include "replica/core/sources.h"
#include "replica/host/snapshots.h"

/* Looking something up costs as much as sending so many bytes. */
#define LOOK_UP_BYTES ((size_t)16 << 10)

/* A batch may have twelve times as many, and is charged for them then. */
#define BATCH_BYTES_USUAL ((size_t)512 << 10)

/* A hand-off, or a configuration with all of them, takes reading through the log's own entries. */
#define PROOF_BYTES_USUAL ((size_t)256 << 10)

static_assert(FETCH_QUOTA_BYTES >= 2 * FETCH_BLOCKS_BYTES + FRAME_BYTES_MAX,
              "a bucket holds several answers");
static_assert(FETCH_QUOTA_BYTES_PER_S >= 1000 * FETCH_BYTES_PER_MS + 16 * LOOK_UP_BYTES,
              "who asks as the core does is never refused");

size_t fetch_quota_price(const struct fetch *fetch)
{
    switch (fetch->kind) {
    case FETCH_BLOCKS:
    case FETCH_HISTORY:
        return LOOK_UP_BYTES + FETCH_BLOCKS_BYTES;
    case FETCH_SNAPSHOT:
        return LOOK_UP_BYTES + SNAPSHOT_CHUNK_BYTES;
    case FETCH_BATCH:
        return LOOK_UP_BYTES + BATCH_BYTES_USUAL;
    case FETCH_HAND_OFF:
    case FETCH_CONFIG:
        return LOOK_UP_BYTES + PROOF_BYTES_USUAL;
    default:
        return LOOK_UP_BYTES;
    }
}

static void fill(struct fetch_quota *quota, uint64_t now_ms)
{
    uint64_t passed_ms = now_ms - quota->filled_ms;
    size_t room = FETCH_QUOTA_BYTES - quota->bytes;
    bool full = !quota->used || passed_ms >= 1000 * (FETCH_QUOTA_BYTES / FETCH_QUOTA_BYTES_PER_S);
    size_t more = full ? room : (size_t)passed_ms * (FETCH_QUOTA_BYTES_PER_S / 1000);
    quota->bytes += more < room ? more : room;
    quota->filled_ms = now_ms;
    quota->used = true;
}

bool fetch_quota_take(struct fetch_quota *quota, size_t price, uint64_t now_ms)
{
    fill(quota, now_ms);
    if (quota->bytes < price) {
        return false;
    }
    quota->bytes -= price;
    return true;
}

void fetch_quota_settle(struct fetch_quota *quota, size_t price, size_t bytes)
{
    size_t cost = LOOK_UP_BYTES + bytes;
    if (cost <= price) {
        size_t room = FETCH_QUOTA_BYTES - quota->bytes;
        quota->bytes += price - cost < room ? price - cost : room;
        return;
    }
    quota->bytes -= cost - price < quota->bytes ? cost - price : quota->bytes;
}
