/* How RocksDB is set up for an append-only log. For store_rocks.c only. */
#ifndef VESTRY_STORAGE_STORE_ROCKS_OPTIONS_H
#define VESTRY_STORAGE_STORE_ROCKS_OPTIONS_H

#include "storage/store.h"

#include <rocksdb/c.h>

struct rocks_options {
    rocksdb_options_t *families[FAMILY_COUNT]; /* the first one is also that of the database */
    rocksdb_cache_t *cache;
};

/* `create`: make the database, which must not be there; otherwise it must be. */
MUST_USE enum status rocks_options_make(uint64_t memory_bytes, bool create,
                                        struct rocks_options *out);
void rocks_options_free(struct rocks_options *options);

/* Names of the column families, by number. The first is the one RocksDB always has. */
extern const char *const rocks_family_names[FAMILY_COUNT];

#endif
