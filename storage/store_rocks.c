#include "storage/store_rocks_parts.h"

#include <stdlib.h>
#include <string.h>

struct rocks_view {
    struct store_view base;
    struct rocks_store *store;
    const rocksdb_snapshot_t *snapshot;
    rocksdb_readoptions_t *reading;
};

static struct rocks_store *rocks_of(struct store *store)
{
    CHECK(store->ops == &rocks_ops);
    return (struct rocks_store *)store;
}

static struct rocks_view *view_of(struct store_view *view)
{
    CHECK(view->ops == &rocks_ops);
    return (struct rocks_view *)view;
}

/* RocksDB says what went wrong in words only. */
static enum status status_of_error(const char *error)
{
    if (strncmp(error, "Corruption", strlen("Corruption")) == 0) {
        return STATUS_CORRUPT;
    }
    if (strstr(error, "No space left") != NULL) {
        return STATUS_NO_SPACE;
    }
    if (strstr(error, "lock file") != NULL || strstr(error, "lock hold") != NULL) {
        return STATUS_BUSY;
    }
    return STATUS_IO;
}

enum status rocks_take_error(char *error)
{
    if (error == NULL) {
        return STATUS_OK;
    }
    enum status status = status_of_error(error);
    rocksdb_free(error);
    return status;
}

static void batch_add(struct rocks_store *store, const struct put *put)
{
    rocksdb_column_family_handle_t *family = store->families[put->family];
    const char *key = (const char *)put->key.data;
    if (put->erase) {
        rocksdb_writebatch_delete_cf(store->batch, family, key, put->key.len);
        return;
    }
    const char *value = put->value.len == 0 ? "" : (const char *)put->value.data;
    rocksdb_writebatch_put_cf(store->batch, family, key, put->key.len, value, put->value.len);
}

/* Flushes and merges that failed lose nothing at once, but the disk is not to be trusted. */
static bool background_failed(const struct rocks_store *store)
{
    uint64_t errors = 0;
    return rocksdb_property_int(store->db, "rocksdb.background-errors", &errors) != 0 ||
           errors != 0;
}

enum status rocks_write(struct rocks_store *store, const struct put *puts, size_t count,
                        const struct put *own, size_t own_count)
{
    if (background_failed(store)) {
        store_poison(&store->base, "RocksDB failed in the background, see its LOG");
        return STATUS_IO;
    }
    rocksdb_writebatch_clear(store->batch);
    for (size_t i = 0; i < count; i++) {
        batch_add(store, &puts[i]);
    }
    for (size_t i = 0; i < own_count; i++) {
        batch_add(store, &own[i]);
    }
    char *error = NULL;
    rocksdb_write(store->db, store->synced, store->batch, &error);
    if (error != NULL) {
        store_poison(&store->base, error);
    }
    return rocks_take_error(error);
}

static enum status rocks_commit(struct store *base, const struct put *puts, size_t count,
                                const struct put *record)
{
    return rocks_write(rocks_of(base), puts, count, record, 1);
}

static enum status get_with(struct rocks_store *store, const rocksdb_readoptions_t *reading,
                            enum family family, struct bytes key, struct buffer *out)
{
    char *error = NULL;
    rocksdb_pinnableslice_t *slice = rocksdb_get_pinned_cf(
        store->db, reading, store->families[family], (const char *)key.data, key.len, &error);
    if (error != NULL) {
        return rocks_take_error(error);
    }
    if (slice == NULL) {
        return STATUS_NOT_FOUND;
    }
    size_t len = 0;
    const char *data = rocksdb_pinnableslice_value(slice, &len);
    enum status status = store_copy_out(bytes_make(data, len), out);
    rocksdb_pinnableslice_destroy(slice);
    return status;
}

/* A scan reads what nobody will want again soon: it leaves the cache alone. */
static enum status scan_with(struct rocks_store *store, const rocksdb_snapshot_t *snapshot,
                             enum family family, struct bytes from, store_visit *visit,
                             void *context)
{
    rocksdb_readoptions_t *reading = rocksdb_readoptions_create();
    rocksdb_readoptions_set_fill_cache(reading, 0);
    if (snapshot != NULL) {
        rocksdb_readoptions_set_snapshot(reading, snapshot);
    }
    rocksdb_iterator_t *at =
        rocksdb_create_iterator_cf(store->db, reading, store->families[family]);
    if (from.len == 0) {
        rocksdb_iter_seek_to_first(at);
    } else {
        rocksdb_iter_seek(at, (const char *)from.data, from.len);
    }
    bool more = true;
    while (more && rocksdb_iter_valid(at)) {
        size_t key_len = 0;
        size_t value_len = 0;
        const char *key = rocksdb_iter_key(at, &key_len);
        const char *value = rocksdb_iter_value(at, &value_len);
        more = visit(context, bytes_make(key, key_len), bytes_make(value, value_len));
        rocksdb_iter_next(at);
    }
    char *error = NULL;
    rocksdb_iter_get_error(at, &error);
    rocksdb_iter_destroy(at);
    rocksdb_readoptions_destroy(reading);
    return rocks_take_error(error);
}

static enum status rocks_get(struct store *base, enum family family, struct bytes key,
                             struct buffer *out)
{
    struct rocks_store *store = rocks_of(base);
    return get_with(store, store->reading, family, key, out);
}

static enum status rocks_scan(struct store *base, enum family family, struct bytes from,
                              store_visit *visit, void *context)
{
    return scan_with(rocks_of(base), NULL, family, from, visit, context);
}

static enum status rocks_view_open(struct store *base, struct store_view **out)
{
    struct rocks_view *view = malloc(sizeof *view);
    if (view == NULL) {
        return STATUS_NO_MEMORY;
    }
    view->base.ops = &rocks_ops;
    view->store = rocks_of(base);
    view->snapshot = rocksdb_create_snapshot(view->store->db);
    view->reading = rocksdb_readoptions_create();
    rocksdb_readoptions_set_snapshot(view->reading, view->snapshot);
    *out = &view->base;
    return STATUS_OK;
}

static void rocks_view_close(struct store_view *base)
{
    struct rocks_view *view = view_of(base);
    rocksdb_readoptions_destroy(view->reading);
    rocksdb_release_snapshot(view->store->db, view->snapshot);
    free(view);
}

static enum status rocks_view_get(struct store_view *base, enum family family, struct bytes key,
                                  struct buffer *out)
{
    struct rocks_view *view = view_of(base);
    return get_with(view->store, view->reading, family, key, out);
}

static enum status rocks_view_scan(struct store_view *base, enum family family, struct bytes from,
                                   store_visit *visit, void *context)
{
    struct rocks_view *view = view_of(base);
    return scan_with(view->store, view->snapshot, family, from, visit, context);
}

static enum status rocks_view_floor(struct store_view *base, enum family family, struct bytes key,
                                    struct buffer *found_key, struct buffer *value)
{
    struct rocks_view *view = view_of(base);
    rocksdb_iterator_t *at =
        rocksdb_create_iterator_cf(view->store->db, view->reading, view->store->families[family]);
    enum status status = STATUS_NOT_FOUND;
    rocksdb_iter_seek_for_prev(at, (const char *)key.data, key.len);
    if (rocksdb_iter_valid(at)) {
        size_t len = 0;
        const char *data = rocksdb_iter_key(at, &len);
        status = store_copy_out(bytes_make(data, len), found_key);
        if (status == STATUS_OK) {
            data = rocksdb_iter_value(at, &len);
            status = store_copy_out(bytes_make(data, len), value);
        }
    }
    char *error = NULL;
    rocksdb_iter_get_error(at, &error);
    rocksdb_iter_destroy(at);
    enum status failure = rocks_take_error(error);
    return failure != STATUS_OK ? failure : status;
}

static void rocks_close(struct store *base)
{
    struct rocks_store *store = rocks_of(base);
    if (store->db != NULL) {
        rocksdb_cancel_all_background_work(store->db, 1);
        for (int family = 0; family < FAMILY_COUNT; family++) {
            rocksdb_column_family_handle_destroy(store->families[family]);
        }
        rocksdb_close(store->db);
    }
    rocksdb_writeoptions_destroy(store->synced);
    rocksdb_readoptions_destroy(store->reading);
    rocksdb_writebatch_destroy(store->batch);
    rocks_options_free(&store->options);
    data_lock_release(&store->lock);
    store_base_free(base);
    free(store);
}

const struct store_ops rocks_ops = {
    .commit = rocks_commit,
    .get = rocks_get,
    .scan = rocks_scan,
    .close = rocks_close,
    .view_open = rocks_view_open,
    .view_close = rocks_view_close,
    .view_get = rocks_view_get,
    .view_scan = rocks_view_scan,
    .view_floor = rocks_view_floor,
};
