/* A store in memory that behaves like a disk: it can forget what was not synced, fail at a chosen
 * operation, be copied and be rolled back. For the simulator and for tests; deterministic.
 *
 * Written through storage/store.h like any other. A simulator that wants time to pass between a
 * write and its sync makes a commit in two steps: stage (visible to reads, not yet safe) and sync.
 * A crash keeps what was synced and as much of the rest, in order, as the caller says. */
#ifndef VESTRY_STORAGE_STORE_MEMORY_H
#define VESTRY_STORAGE_STORE_MEMORY_H

#include "storage/store.h"

/* An empty store; flight 0 has no puts. */
MUST_USE enum status store_memory_open(struct store **out);

/* store_commit without the sync. What was staged earlier stays in front of it. */
MUST_USE enum status store_memory_stage(struct store *store, const struct put *puts, size_t count);

/* Make every staged flight safe. After a failure none of them is, and the store is poisoned. */
MUST_USE enum status store_memory_sync(struct store *store);

/* Flights that a crash can lose. */
MUST_USE size_t store_memory_unsynced(const struct store *store);

/* The process dies and the store is opened anew: the first `keep` unsynced flights survive (all of
 * them when there are fewer), the rest never was. Ends a fault and what is left of a planned one.
 * No view may be open. */
void store_memory_crash(struct store *store, size_t keep);

/* What an injected fault does to the flight it hits; reads simply fail. */
enum memory_fault {
    MEMORY_FAULT_LOST, /* the puts never reached the disk */
    MEMORY_FAULT_KEPT, /* they did, and the caller is not told */
};

/* Let the n-th operation from now (1: the next) fail with STATUS_IO. Commit, stage, sync, get,
 * scan, and opening, reading, scanning and searching a view are one operation each. 0: none. */
void store_memory_fail_at(struct store *store, uint64_t n, enum memory_fault fault);

/* Operations so far, to know what n can be. */
MUST_USE uint64_t store_memory_operations(struct store *store);

/* A store of its own with the same contents, unsynced flights included. */
MUST_USE enum status store_memory_copy(struct store *store, struct store **out);

/* Give `store` the synced contents of `saved`, as a disk put back from an old picture. No view may
 * be open. */
void store_memory_restore(struct store *store, struct store *saved);

#endif
