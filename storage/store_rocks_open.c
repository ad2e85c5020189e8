#include "storage/store_rocks.h"

#include "crypto/hash.h"
#include "storage/anchor.h"
#include "storage/store_rocks_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FORMAT STORE_OWN_PREFIX "format"
#define KEY_CLUSTER STORE_OWN_PREFIX "cluster"
#define KEY_FINGERPRINT STORE_OWN_PREFIX "key"
#define FORMAT_BYTES 4

#define KEEP_THE_DISK                                                                              \
    "keep the disk as it is, do not start from a copy; the replica must return with a new key"

static enum status report_rocks(char *error, const char *doing, const char *path,
                                struct report *report)
{
    report_what(report, "cannot %s the store in %s: %s", doing, path, error);
    enum status status = rocks_take_error(error);
    report_remedy(report, "%s",
                  status == STATUS_CORRUPT ? KEEP_THE_DISK
                                           : "check the file system and the disk that hold it");
    return status;
}

/* Open the database in `path`. The lock passes to the store, and with a failure it is released. */
static enum status database_open(const char *path, struct data_lock lock, uint64_t memory_bytes,
                                 bool create, struct rocks_store **out, struct report *report)
{
    struct rocks_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        data_lock_release(&lock);
        return STATUS_NO_MEMORY;
    }
    store->base.ops = &rocks_ops;
    store->base.flights.last = FLIGHT_NONE;
    store->lock = lock;
    store->synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(store->synced, 1);
    store->reading = rocksdb_readoptions_create();
    store->batch = rocksdb_writebatch_create();
    enum status status = rocks_options_make(memory_bytes, create, &store->options);
    if (status == STATUS_OK) {
        char *error = NULL;
        store->db = rocksdb_open_column_families(
            store->options.families[0], path, FAMILY_COUNT, rocks_family_names,
            (const rocksdb_options_t *const *)store->options.families, store->families, &error);
        if (error != NULL) {
            store->db = NULL;
            status = report_rocks(error, create ? "make" : "open", path, report);
        }
    }
    if (status != STATUS_OK) {
        store_close(&store->base);
        return status;
    }
    *out = store;
    return STATUS_OK;
}

/* A meta record of known length. */
static enum status meta_read(rocksdb_t *db, rocksdb_column_family_handle_t *meta, const char *key,
                             uint8_t *out, size_t len)
{
    char *error = NULL;
    size_t found_len = 0;
    rocksdb_readoptions_t *reading = rocksdb_readoptions_create();
    char *found = rocksdb_get_cf(db, reading, meta, key, strlen(key), &found_len, &error);
    rocksdb_readoptions_destroy(reading);
    if (error != NULL) {
        return rocks_take_error(error);
    }
    bool good = found != NULL && found_len == len;
    if (good) {
        memcpy(out, found, len);
    }
    rocksdb_free(found);
    return good ? STATUS_OK : STATUS_CORRUPT;
}

static enum status compare_ids(const char *path, const char *noun, const uint8_t *is,
                               const uint8_t *must_be, struct report *report)
{
    if (hash_equal(is, must_be)) {
        return STATUS_OK;
    }
    char first[HEX_TEXT_BYTES(HASH_BYTES)];
    char second[HEX_TEXT_BYTES(HASH_BYTES)];
    report_hex(is, first);
    report_hex(must_be, second);
    report_what(report, "the store in %s is of %s %s, the configuration asks for %s %s", path, noun,
                first, noun, second);
    report_remedy(report,
                  "compare `data`, `charter` and `key` in the configuration; delete nothing yet");
    return STATUS_MISMATCH;
}

static enum status judge_identity(rocksdb_t *db, rocksdb_column_family_handle_t *meta,
                                  const char *path, const struct store_identity *identity,
                                  struct report *report)
{
    uint8_t format[FORMAT_BYTES];
    struct store_identity is;
    enum status status = meta_read(db, meta, KEY_FORMAT, format, sizeof format);
    if (status == STATUS_OK && bytes_get_u32be(format) != STORE_FORMAT_VERSION) {
        report_what(report, "the store in %s has format version %" PRIu32 ", this program reads %d",
                    path, bytes_get_u32be(format), STORE_FORMAT_VERSION);
        report_remedy(report, "use the version of vestryd that wrote it, or one that says it can");
        return STATUS_MISMATCH;
    }
    if (status == STATUS_OK) {
        status = meta_read(db, meta, KEY_CLUSTER, is.cluster_id, HASH_BYTES);
    }
    if (status == STATUS_OK) {
        status = meta_read(db, meta, KEY_FINGERPRINT, is.key_fingerprint, HASH_BYTES);
    }
    if (status != STATUS_OK) {
        report_what(report, "the store in %s does not say what it is of", path);
        report_remedy(report, "%s", KEEP_THE_DISK);
        return status;
    }
    status = compare_ids(path, "cluster", is.cluster_id, identity->cluster_id, report);
    if (status != STATUS_OK) {
        return status;
    }
    return compare_ids(path, "key", is.key_fingerprint, identity->key_fingerprint, report);
}

/* Look at the meta records without writing a byte: the store may be someone else's, or of a version
 * with other families. */
static enum status peek_identity(const char *path, const struct store_identity *identity,
                                 struct report *report)
{
    struct rocks_options options;
    enum status status = rocks_options_make(STORE_MEMORY_BYTES_MIN, false, &options);
    if (status != STATUS_OK) {
        return status;
    }
    const rocksdb_options_t *meta_options = options.families[FAMILY_META];
    rocksdb_column_family_handle_t *meta = NULL;
    char *error = NULL;
    rocksdb_t *db = rocksdb_open_for_read_only_column_families(
        meta_options, path, 1, &rocks_family_names[FAMILY_META], &meta_options, &meta, 0, &error);
    if (error != NULL) {
        status = report_rocks(error, "read", path, report);
    } else {
        status = judge_identity(db, meta, path, identity, report);
        rocksdb_column_family_handle_destroy(meta);
        rocksdb_close(db);
    }
    rocks_options_free(&options);
    return status;
}

static enum status check_presence(const struct data_paths *paths, struct report *report)
{
    if (!data_path_exists(paths->store) && !data_path_exists(paths->anchor)) {
        report_what(report, "there is no store in %s", paths->root);
        report_remedy(report, "make one first: vestryd init");
        return STATUS_NOT_FOUND;
    }
    char current[DATA_PATH_BYTES_MAX + 16];
    snprintf(current, sizeof current, "%s/CURRENT", paths->store);
    if (!data_path_exists(current)) {
        report_what(report, "%s is missing: a replica has run here and lost its store", current);
        report_remedy(report, "%s", KEEP_THE_DISK);
        return STATUS_CORRUPT;
    }
    return data_dir_check(paths->store, report);
}

enum status store_rocks_open(const char *path, const struct store_identity *identity,
                             const struct store_rocks_options *options, struct store **out,
                             struct report *report)
{
    struct data_paths paths;
    struct data_lock lock = {.fd = -1};
    struct rocks_store *store = NULL;
    enum status status = data_paths_make(path, &paths, report);
    if (status == STATUS_OK) {
        status = data_dir_check(paths.root, report);
    }
    if (status == STATUS_OK) {
        status = check_presence(&paths, report);
    }
    if (status == STATUS_OK) {
        status = data_lock_take(paths.lock, &lock, report);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = peek_identity(paths.store, identity, report);
    if (status != STATUS_OK) {
        data_lock_release(&lock);
        return status;
    }
    uint64_t memory_bytes = options->memory_bytes < STORE_MEMORY_BYTES_MIN ? STORE_MEMORY_BYTES_MIN
                                                                           : options->memory_bytes;
    status = database_open(paths.store, lock, memory_bytes, false, &store, report);
    if (status != STATUS_OK) {
        return status;
    }
    status = store_flights_load(&store->base);
    if (status != STATUS_OK) {
        report_what(report, "the store in %s does not know its last flights", paths.store);
        report_remedy(report, "%s", KEEP_THE_DISK);
        store_close(&store->base);
        return status;
    }
    *out = &store->base;
    return STATUS_OK;
}

static enum status check_no_store(const struct data_paths *paths, const char *remedy,
                                  struct report *report)
{
    if (!data_path_exists(paths->store)) {
        return STATUS_OK;
    }
    report_what(report, "%s has a store already", paths->root);
    report_remedy(report, "%s", remedy);
    return STATUS_EXISTS;
}

/* Nothing may be here but what an init that was cut short leaves behind: an anchor of this replica
 * at flight 0. */
static enum status check_vacant(const struct data_paths *paths,
                                const struct store_identity *identity, struct report *report)
{
    static const char remedy[] = "start it with `vestryd run`, or choose another `data` directory";
    if (check_no_store(paths, remedy, report) != STATUS_OK) {
        return STATUS_EXISTS;
    }
    struct anchor_file file;
    struct anchor anchor;
    enum status status = anchor_open(paths->anchor, identity, &file, &anchor, NULL);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        anchor_close(&file);
        if (anchor.flight.number == 0) {
            return STATUS_OK;
        }
    }
    report_what(report, "%s is here but its store is not: a replica has run here and lost it",
                paths->anchor);
    report_remedy(report, "a lost replica returns with a new key: use `vestryd join`");
    return STATUS_EXISTS;
}

/* The store must be gone; its anchor may be left, and even torn, but not another replica's. */
static enum status check_lost(const struct data_paths *paths, const struct store_identity *identity,
                              struct report *report)
{
    static const char remedy[] =
        "start it with `vestryd run`; if it is damaged, move it away first "
        "and keep it";
    struct anchor_file file;
    struct anchor anchor;
    if (check_no_store(paths, remedy, report) != STATUS_OK) {
        return STATUS_EXISTS;
    }
    enum status status = anchor_open(paths->anchor, identity, &file, &anchor, report);
    if (status == STATUS_OK) {
        anchor_close(&file);
    }
    bool gives_way = status == STATUS_NOT_FOUND || status == STATUS_CORRUPT;
    return gives_way ? STATUS_OK : status;
}

/* Write flight 0: the caller's puts and what the store is of. */
static enum status write_creation(struct rocks_store *store, const struct store_identity *identity,
                                  const struct put *puts, size_t count, struct flight *flight)
{
    struct flight_record record;
    uint8_t format[FORMAT_BYTES];
    struct buffer version = buffer_make(format, sizeof format);
    buffer_put_u32be(&version, STORE_FORMAT_VERSION);
    enum status status = store_flight_next(&store->base, puts, count, flight, &record);
    if (status != STATUS_OK) {
        return status;
    }
    CHECK(flight->number == 0);
    struct put own[] = {
        {FAMILY_META, false, bytes_of_text(KEY_FORMAT), BYTES_OF_ARRAY(format)},
        {FAMILY_META, false, bytes_of_text(KEY_CLUSTER), BYTES_OF_ARRAY(identity->cluster_id)},
        {FAMILY_META, false, bytes_of_text(KEY_FINGERPRINT),
         BYTES_OF_ARRAY(identity->key_fingerprint)},
        store_flight_put(&record),
    };
    return rocks_write(store, puts, count, own, sizeof own / sizeof own[0]);
}

/* What an init that was cut short left of its store. */
static enum status remove_unfinished(const char *path, struct report *report)
{
    if (!data_path_exists(path)) {
        return STATUS_OK;
    }
    rocksdb_options_t *options = rocksdb_options_create();
    char *error = NULL;
    rocksdb_destroy_db(options, path, &error);
    rocksdb_options_destroy(options);
    if (error != NULL) {
        return report_rocks(error, "remove", path, report);
    }
    return STATUS_OK;
}

static enum status finish_init(const struct data_paths *paths,
                               const struct store_identity *identity, const struct flight *flight,
                               struct report *report)
{
    struct anchor anchor = {.flight = *flight};
    enum status status = anchor_create(paths->anchor, identity, &anchor, report);
    if (status != STATUS_OK) {
        return status;
    }
    if (rename(paths->store_new, paths->store) != 0 || data_dir_sync(paths->root) != STATUS_OK) {
        report_what(report, "cannot name the finished store %s: %s", paths->store, strerror(errno));
        report_remedy(report, "check the file system that holds it and run init again");
        return STATUS_IO;
    }
    return STATUS_OK;
}

typedef enum status vacancy_check(const struct data_paths *paths,
                                  const struct store_identity *identity, struct report *report);

/* Make the directory and take its lock, when the check finds the place vacant. */
static enum status take_place(const char *path, const struct store_identity *identity,
                              vacancy_check *check, struct data_paths *paths,
                              struct data_lock *lock, struct report *report)
{
    enum status status = data_paths_make(path, paths, report);
    if (status == STATUS_OK) {
        status = data_dir_make(paths->root, report);
    }
    if (status == STATUS_OK) {
        status = data_dir_check(paths->root, report);
    }
    if (status == STATUS_OK) {
        status = data_lock_take(paths->lock, lock, report);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = check(paths, identity, report);
    if (status != STATUS_OK) {
        data_lock_release(lock);
    }
    return status;
}

/* What flight 0 of a new store holds. */
struct creation {
    const struct store_identity *identity;
    const struct put *puts;
    size_t count;
};

static enum status make_store(const char *path, const struct creation *creation,
                              vacancy_check *check, struct report *report)
{
    struct data_paths paths;
    struct data_lock lock = {.fd = -1};
    struct rocks_store *store = NULL;
    struct flight flight;
    enum status status = take_place(path, creation->identity, check, &paths, &lock, report);
    if (status != STATUS_OK) {
        return status;
    }
    status = remove_unfinished(paths.store_new, report);
    if (status == STATUS_OK) {
        status = data_dir_make(paths.store_new, report);
    }
    if (status == STATUS_OK) {
        status = database_open(paths.store_new, (struct data_lock){.fd = -1},
                               STORE_MEMORY_BYTES_MIN, true, &store, report);
    }
    if (status == STATUS_OK) {
        status =
            write_creation(store, creation->identity, creation->puts, creation->count, &flight);
        store_close(&store->base);
    }
    if (status == STATUS_OK) {
        status = finish_init(&paths, creation->identity, &flight, report);
    }
    data_lock_release(&lock);
    return status;
}

enum status store_rocks_init(const char *path, const struct store_identity *identity,
                             const struct put *puts, size_t count, struct report *report)
{
    const struct creation creation = {identity, puts, count};
    return make_store(path, &creation, check_vacant, report);
}

enum status store_rocks_replace(const char *path, const struct store_identity *identity,
                                const struct put *puts, size_t count, struct report *report)
{
    const struct creation creation = {identity, puts, count};
    return make_store(path, &creation, check_lost, report);
}
