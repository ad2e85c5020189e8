/* The free-space gate: writing stops while there is still room, because a full disk would stop it
 * in the middle of something (RocksDB aborts the process when it cannot write).
 *
 * First appends stop, then voting: what is decided must still be stored, and the room below the
 * appends' mark is for that. For the host, which asks before it takes work on. */
#ifndef VESTRY_STORAGE_DISK_GATE_H
#define VESTRY_STORAGE_DISK_GATE_H

#include "crypto/status.h"

#include <stdbool.h>
#include <stdint.h>

enum disk_use {
    DISK_APPEND, /* new requests */
    DISK_VOTE,   /* anything at all */
};

struct disk_gate {
    const char *path; /* any path on the file system; borrowed */
    uint64_t append_bytes_min;
    uint64_t vote_bytes_min;
};

/* Marks for a store with this much memory: what is in memory is written once more when it is
 * flushed, and a merge of files needs its output and its inputs at once. */
MUST_USE struct disk_gate disk_gate_make(const char *path, uint64_t memory_bytes);

/* The decision alone. STATUS_OK or STATUS_NO_SPACE. */
MUST_USE enum status disk_gate_judge(const struct disk_gate *gate, enum disk_use use,
                                     uint64_t free_bytes);

/* Ask the file system. STATUS_NO_SPACE also when it has no room for new files; STATUS_IO when it
 * does not answer. `free_bytes` is set on STATUS_OK and STATUS_NO_SPACE. */
MUST_USE enum status disk_gate_check(const struct disk_gate *gate, enum disk_use use,
                                     uint64_t *free_bytes);

#endif
