/* The durable store: RocksDB through its C API, in a data directory (storage/data_dir.h).
 *
 * store_rocks_init and store_rocks_replace are the only ways to make one; store_rocks_open never
 * makes anything. What else is
 * promised here: a commit that returns STATUS_OK was synced; a torn tail of the log (never
 * acknowledged) is cut off at opening, damage before the tail is STATUS_CORRUPT; a store that lost
 * a whole tail is for the anchor to notice; one process at a time; after a failed commit or a
 * failure in RocksDB's background every later commit is refused. For the host. */
#ifndef VESTRY_STORAGE_STORE_ROCKS_H
#define VESTRY_STORAGE_STORE_ROCKS_H

#include "storage/data_dir.h"
#include "storage/store.h"

/* The version of what lies in the families; another one is refused. */
#define STORE_FORMAT_VERSION 1

#define STORE_MEMORY_BYTES_MIN (UINT64_C(32) << 20)
#define STORE_MEMORY_BYTES_DEFAULT (UINT64_C(256) << 20)

struct store_rocks_options {
    /* What RocksDB may use for unflushed records and for cached blocks together; less than the
     * minimum counts as the minimum. */
    uint64_t memory_bytes;
};

/* Make a store whose flight 0 holds `puts`, and its anchor at flight 0. The directory is made if it
 * is missing (its parent is not). All or nothing: an init that was cut short is simply repeated.
 * STATUS_EXISTS when there is a store, or the anchor of one; STATUS_REFUSED, STATUS_BUSY. */
MUST_USE enum status store_rocks_init(const char *path, const struct store_identity *identity,
                                      const struct put *puts, size_t count, struct report *report);

/* The same in place of a store that was lost: an anchor that is left of it gives way, if it is of
 * this cluster and key (else STATUS_MISMATCH). Whoever calls this must see to it that the key signs
 * nothing that it may have signed otherwise before. */
MUST_USE enum status store_rocks_replace(const char *path, const struct store_identity *identity,
                                         const struct put *puts, size_t count,
                                         struct report *report);

/* Open the store of `path`, which must be of this cluster and key. Nothing is changed on disk
 * before that is known. STATUS_NOT_FOUND (never made); STATUS_MISMATCH (format version, cluster,
 * key); STATUS_CORRUPT; STATUS_REFUSED (owner, permissions); STATUS_BUSY (another process). */
MUST_USE enum status store_rocks_open(const char *path, const struct store_identity *identity,
                                      const struct store_rocks_options *options, struct store **out,
                                      struct report *report);

#endif
