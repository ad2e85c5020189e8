/* The anchor: a small file outside RocksDB that remembers how far the store had come, so that a
 * store that was cut, emptied or rolled back is not taken for a whole one.
 *
 * Order of things, for the host: the synced commit; then, side by side, the actions of those steps
 * and anchor_write; then the next commit. So at start the store is at the anchor's flight or ahead
 * of it, and of what was acted upon only the last flight can be missing unnoticed: when a disk
 * loses what it has synced in the moment before the anchor followed. That is left to the amnesia
 * challenge.
 *
 * Two slots of 512 bytes, 4096 apart so that no torn sector hits both, are written in turn with
 * O_DSYNC; each holds
 *
 *     "vestry-anchor-1" 0x00 || generation u64 || cluster id [32] || key fingerprint [32] ||
 *     flight u64 || flight hash [32] || epoch u64 || view u64 || voted u64 || head u64 ||
 *     zeros up to 480 || SHA-256 of the 480 bytes before
 *
 * all numbers big-endian. One slot that does not check is a torn write; two are a mismatch.
 *
 * Not here: copies of a whole machine rolled back with its anchor (the amnesia challenge is for
 * that). For the host's commit thread; one owner. */
#ifndef VESTRY_STORAGE_ANCHOR_H
#define VESTRY_STORAGE_ANCHOR_H

#include "storage/data_dir.h"
#include "storage/store.h"

#define ANCHOR_SLOTS 2
#define ANCHOR_SLOT_BYTES 512
#define ANCHOR_SLOT_STRIDE 4096
#define ANCHOR_FILE_BYTES (ANCHOR_SLOTS * ANCHOR_SLOT_STRIDE)

struct anchor {
    struct flight flight; /* the last durable one */
    uint64_t epoch;
    uint64_t view;
    uint64_t voted; /* the highest sequence this replica voted on */
    uint64_t head;  /* the last executed height */
};

/* One slot, without I/O. */
void anchor_slot_encode(const struct anchor *anchor, const struct store_identity *identity,
                        uint64_t generation, uint8_t out[ANCHOR_SLOT_BYTES]);

/* False when the bytes are not a whole slot. */
MUST_USE bool anchor_slot_decode(const uint8_t slot[ANCHOR_SLOT_BYTES], struct anchor *anchor,
                                 struct store_identity *identity, uint64_t *generation);

/* Does `store` hold what the anchor saw? STATUS_MISMATCH when it is behind, or has another flight
 * at the anchor's number; a store ahead by any number is normal (a crash came between the commit
 * and the anchor). A flight too old to be remembered cannot be compared. */
MUST_USE enum status anchor_judge(const struct anchor *anchor, const struct store *store,
                                  struct report *report);

struct anchor_file {
    int fd;
    struct store_identity identity;
    uint64_t generation; /* of the newest slot */
    uint32_t newest;     /* its place */
    bool failed;
};

/* Make the file anew, both slots alike, durably, in place of one that may be there. For init. */
MUST_USE enum status anchor_create(const char *path, const struct store_identity *identity,
                                   const struct anchor *anchor, struct report *report);

/* Open and read the newest good slot. STATUS_NOT_FOUND; STATUS_REFUSED (owner, permissions);
 * STATUS_MISMATCH: no slot is good, or the file is of another cluster or key. */
MUST_USE enum status anchor_open(const char *path, const struct store_identity *identity,
                                 struct anchor_file *out, struct anchor *anchor,
                                 struct report *report);

/* Durable on return, without touching the newest slot. After a failure every later write returns
 * STATUS_IO. */
MUST_USE enum status anchor_write(struct anchor_file *file, const struct anchor *anchor);
void anchor_close(struct anchor_file *file);

#endif
