/* The data directory of one replica: where things lie in it, whose it must be, and the lock that
 * lets one process at a time use it.
 *
 *     store/     RocksDB
 *     anchor     the last flight, outside RocksDB (storage/anchor.h)
 *     lock       held while a process runs; holds its process id
 *
 * For storage/ and the host. Not for the core: this is I/O. */
#ifndef VESTRY_STORAGE_DATA_DIR_H
#define VESTRY_STORAGE_DATA_DIR_H

#include "crypto/status.h"
#include "storage/report.h"

#include <sys/types.h>

#define DATA_PATH_BYTES_MAX 1024

struct data_paths {
    char root[DATA_PATH_BYTES_MAX];
    char store[DATA_PATH_BYTES_MAX];
    char store_new[DATA_PATH_BYTES_MAX]; /* a store that init has not finished */
    char anchor[DATA_PATH_BYTES_MAX];
    char lock[DATA_PATH_BYTES_MAX];
};

/* What a data directory belongs to. */
struct store_identity {
    uint8_t cluster_id[HASH_BYTES];
    uint8_t key_fingerprint[HASH_BYTES]; /* SHA-256 of the replica's public key */
};

/* STATUS_INVALID when the path is empty or too long. */
MUST_USE enum status data_paths_make(const char *root, struct data_paths *out,
                                     struct report *report);

/* The directory is there, is a directory, belongs to the user of this process, and nobody else can
 * write to it: otherwise STATUS_NOT_FOUND or STATUS_REFUSED. */
MUST_USE enum status data_dir_check(const char *path, struct report *report);

/* The same of an open file, which must also be a regular one. */
MUST_USE enum status data_file_check(int fd, const char *path, struct report *report);

/* Make one directory (0700) unless it is there, and make the making durable. */
MUST_USE enum status data_dir_make(const char *path, struct report *report);

/* Make renames and new names in the directory durable. */
MUST_USE enum status data_dir_sync(const char *path);

MUST_USE bool data_path_exists(const char *path);

struct data_lock {
    int fd;
};

/* STATUS_BUSY, naming the holder's process, when another holds it, be it this process itself. The
 * kernel gives the lock back when the process ends in whatever way. */
MUST_USE enum status data_lock_take(const char *path, struct data_lock *out, struct report *report);
void data_lock_release(struct data_lock *lock);

#endif
