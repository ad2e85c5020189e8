/* What store_rocks.c (reading and writing) and store_rocks_open.c (making and opening) share. For
 * these two only. */
#ifndef VESTRY_STORAGE_STORE_ROCKS_PARTS_H
#define VESTRY_STORAGE_STORE_ROCKS_PARTS_H

#include "storage/data_dir.h"
#include "storage/store_base.h"
#include "storage/store_rocks_options.h"

struct rocks_store {
    struct store base;
    struct data_lock lock;
    struct rocks_options options;
    rocksdb_t *db;
    rocksdb_column_family_handle_t *families[FAMILY_COUNT];
    rocksdb_writeoptions_t *synced;
    rocksdb_readoptions_t *reading;
    rocksdb_writebatch_t *batch;
};

extern const struct store_ops rocks_ops;

/* One synced batch: the puts, then the store's own. */
MUST_USE enum status rocks_write(struct rocks_store *store, const struct put *puts, size_t count,
                                 const struct put *own, size_t own_count);

/* The status of an error text of RocksDB, which is freed; STATUS_OK for none. */
MUST_USE enum status rocks_take_error(char *error);

#endif
