/* Power cuts, killed processes, failing disks and damaged files: what is acknowledged stays, and
 * what does not stay is noticed. */
#include "storage/anchor.h"
#include "storage/store_rocks.h"
#include "tests/support/store_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <rocksdb/c.h>

/* Stands in front of the system's own: the sync with this number fails, as a dying disk does, or
 * every sync of a table does, or it takes as long as it is told to. */
static atomic_int syncs_left;
static atomic_bool tables_fail;
static atomic_bool tables_wait;
static atomic_int syncs_done;

static bool is_table(int fd)
{
    char link[32];
    char path[512] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    return len > 4 && strcmp(path + len - 4, ".sst") == 0;
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    typedef int fdatasync_function(int);
    union {
        void *object;
        fdatasync_function *function;
    } next = {dlsym(RTLD_NEXT, "fdatasync")};
    bool fails = atomic_load(&syncs_left) > 0 && atomic_fetch_sub(&syncs_left, 1) == 1;
    while (atomic_load(&tables_wait) && is_table(fd)) {
        struct timespec moment = {0, 1000000};
        nanosleep(&moment, NULL);
    }
    if (fails || (atomic_load(&tables_fail) && is_table(fd))) {
        errno = EIO;
        return -1;
    }
    atomic_fetch_add(&syncs_done, 1);
    return next.function(fd);
}

/* Errors that RocksDB shall admit to have met in the background. */
static atomic_int background_errors;

__attribute__((visibility("default"))) int rocksdb_property_int(rocksdb_t *db, const char *name,
                                                                uint64_t *out)
{
    typedef int property_function(rocksdb_t *, const char *, uint64_t *);
    union {
        void *object;
        property_function *function;
    } next = {dlsym(RTLD_NEXT, "rocksdb_property_int")};
    int result = next.function(db, name, out);
    if (result == 0 && strcmp(name, "rocksdb.background-errors") == 0) {
        *out += (uint64_t)atomic_load(&background_errors);
    }
    return result;
}

static const struct store_rocks_options small = {STORE_MEMORY_BYTES_MIN};

struct place {
    char path[FIXTURE_PATH_BYTES];
    char pristine[FIXTURE_PATH_BYTES]; /* a copy to start each damage from */
    char older[FIXTURE_PATH_BYTES];    /* the older of two logs */
    struct store_identity identity;
    struct report report;
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    fixture_dir_make(place->path);
    place->identity = fixture_identity(1, 2);
    *state = place;
    return store_rocks_init(place->path, &place->identity, NULL, 0, NULL) == STATUS_OK ? 0 : -1;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    fixture_dir_remove(place->path);
    free(place);
    return 0;
}

static enum status open_store(struct place *place, struct store **out)
{
    return store_rocks_open(place->path, &place->identity, &small, out, &place->report);
}

static struct store *must_open(struct place *place)
{
    struct store *store = NULL;
    if (open_store(place, &store) != STATUS_OK) {
        fail_msg("%s", place->report.what);
    }
    return store;
}

/* Flight i puts "i" into a family that changes with i, and its number where all can see it. */
static enum status commit_numbered(struct store *store, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    struct put puts[] = {
        fixture_put((enum family)(number % FAMILY_COUNT), text, text),
        fixture_put(FAMILY_STATE, "last", text),
    };
    return store_commit(store, puts, 2);
}

/* Every flight up to the store's last is there whole, and none above. */
static void assert_flights_whole(struct store *store)
{
    char text[24];
    uint64_t last = fixture_flight(store);
    for (uint64_t number = 1; number <= last + 2; number++) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)number);
        fixture_assert_value(store, (enum family)(number % FAMILY_COUNT), text,
                             number <= last ? text : NULL);
    }
    snprintf(text, sizeof text, "%llu", (unsigned long long)last);
    fixture_assert_value(store, FAMILY_STATE, "last", last == 0 ? NULL : text);
}

static void open_anchor(struct place *place, struct anchor_file *file, struct anchor *anchor)
{
    const char *path = fixture_path(place->path, "anchor");
    assert_int_equal(anchor_open(path, &place->identity, file, anchor, NULL), STATUS_OK);
}

/* What a start would make of the store and its anchor. The flights that are there must be whole. */
static enum status judge(struct place *place)
{
    struct store *store = NULL;
    struct anchor_file file;
    struct anchor anchor;
    enum status status = open_store(place, &store);
    if (status != STATUS_OK) {
        return status;
    }
    assert_flights_whole(store);
    open_anchor(place, &file, &anchor);
    status = anchor_judge(&anchor, store, &place->report);
    anchor_close(&file);
    store_close(store);
    return status;
}

/* Commit flights and anchor each, as a host does. */
static void run_flights(struct place *place, uint64_t count)
{
    struct store *store = must_open(place);
    struct anchor_file file;
    struct anchor anchor;
    open_anchor(place, &file, &anchor);
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(commit_numbered(store, fixture_flight(store) + 1), STATUS_OK);
        store_flight(store, &anchor.flight);
        assert_int_equal(anchor_write(&file, &anchor), STATUS_OK);
    }
    anchor_close(&file);
    store_close(store);
}

static void copy_tree(const char *from, const char *to)
{
    char command[4 * FIXTURE_PATH_BYTES];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s' '%s'", to, from, to);
    assert_int_equal(system(command), 0);
}

/* The log that holds the last flights. */
static const char *last_log(const struct place *place)
{
    char store[FIXTURE_PATH_BYTES + 16];
    snprintf(store, sizeof store, "%s/store", place->path);
    const char *path = fixture_find(store, ".log");
    assert_string_not_equal(path, "");
    return path;
}

static off_t size_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

/* The other process: commits, anchors and acknowledges for ever. */
static int run_until_killed(const char *path, int acknowledgements)
{
    struct place place = {.identity = fixture_identity(1, 2)};
    struct store *store = NULL;
    struct anchor_file file;
    struct anchor anchor;
    snprintf(place.path, sizeof place.path, "%s", path);
    if (open_store(&place, &store) != STATUS_OK ||
        anchor_open(fixture_path(path, "anchor"), &place.identity, &file, &anchor, NULL) !=
            STATUS_OK) {
        return 1;
    }
    for (;;) {
        uint64_t number = fixture_flight(store) + 1;
        if (commit_numbered(store, number) != STATUS_OK) {
            return 2;
        }
        store_flight(store, &anchor.flight);
        if (anchor_write(&file, &anchor) != STATUS_OK ||
            write(acknowledgements, &number, sizeof number) != sizeof number) {
            return 3;
        }
    }
}

static void what_was_acknowledged_survives_a_killed_process(void **state)
{
    struct place *place = *state;
    uint64_t seed = 99;
    for (int round = 0; round < 12; round++) {
        int pipes[2];
        assert_int_equal(pipe(pipes), 0);
        char end[16];
        snprintf(end, sizeof end, "%d", pipes[1]);
        pid_t child = fixture_spawn("run-until-killed", place->path, end);
        close(pipes[1]);
        uint64_t acknowledged = 0;
        uint64_t enough = 1 + fixture_random(&seed) % 60;
        for (uint64_t i = 0; i < enough; i++) {
            assert_int_equal(read(pipes[0], &acknowledged, sizeof acknowledged),
                             sizeof acknowledged);
        }
        struct timespec moment = {0, (long)(fixture_random(&seed) % 2000000)};
        nanosleep(&moment, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        while (read(pipes[0], &enough, sizeof enough) == sizeof enough) {
            acknowledged = enough;
        }
        close(pipes[0]);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(judge(place), STATUS_OK);
        struct store *store = must_open(place);
        assert_in_range(fixture_flight(store), acknowledged, acknowledged + 1);
        store_close(store);
    }
}

static void every_commit_is_synced_before_it_returns(void **state)
{
    struct place *place = *state;
    struct store *store = must_open(place);
    for (uint64_t number = 1; number <= 10; number++) {
        int before = atomic_load(&syncs_done);
        assert_int_equal(commit_numbered(store, number), STATUS_OK);
        assert_true(atomic_load(&syncs_done) > before);
    }
    store_close(store);
}

static void a_failed_sync_ends_the_writing_and_loses_nothing_acknowledged(void **state)
{
    struct place *place = *state;
    for (int n = 1; n <= 5; n++) {
        struct store *store = must_open(place);
        uint64_t acknowledged = fixture_flight(store);
        atomic_store(&syncs_left, n);
        enum status status = STATUS_OK;
        while (status == STATUS_OK) {
            status = commit_numbered(store, acknowledged + 1);
            acknowledged += status == STATUS_OK;
        }
        atomic_store(&syncs_left, 0);
        assert_int_equal(status, STATUS_IO);
        assert_non_null(strstr(store_fault(store), "IO error"));
        assert_int_equal(commit_numbered(store, acknowledged + 1), STATUS_IO);
        assert_int_equal(commit_numbered(store, acknowledged + 1), STATUS_IO);
        store_close(store);
        store = must_open(place);
        assert_in_range(fixture_flight(store), acknowledged, acknowledged + 1);
        assert_flights_whole(store);
        store_close(store);
    }
}

static enum status commit_large(struct store *store)
{
    static uint8_t value[256 << 10];
    struct put put = {FAMILY_PAYLOADS, false, bytes_of_text("large"), BYTES_OF_ARRAY(value)};
    return store_commit(store, &put, 1);
}

/* Flushing happens behind the back of whoever commits: the log has everything, and yet the writing
 * must end. */
static void a_failed_flush_in_the_background_ends_the_writing(void **state)
{
    struct place *place = *state;
    struct store *store = must_open(place);
    uint64_t acknowledged = 0;
    enum status status = STATUS_OK;
    atomic_store(&tables_fail, true);
    for (int i = 0; status == STATUS_OK && i < 1000; i++) {
        status = commit_large(store);
        acknowledged += status == STATUS_OK;
    }
    assert_int_equal(status, STATUS_IO);
    assert_string_not_equal(store_fault(store), "");
    atomic_store(&tables_fail, false);
    assert_int_equal(store_commit(store, NULL, 0), STATUS_IO);
    store_close(store);
    store = must_open(place);
    assert_in_range(fixture_flight(store), acknowledged, acknowledged + 1);
    store_close(store);
}

static void an_error_in_the_background_that_rocksdb_forgives_ends_the_writing_too(void **state)
{
    struct place *place = *state;
    struct store *store = must_open(place);
    assert_int_equal(commit_numbered(store, 1), STATUS_OK);
    atomic_store(&background_errors, 1);
    assert_int_equal(commit_numbered(store, 2), STATUS_IO);
    atomic_store(&background_errors, 0);
    assert_int_equal(commit_numbered(store, 2), STATUS_IO);
    assert_non_null(strstr(store_fault(store), "background"));
    store_close(store);
}

/* Leave in `pristine` what a process leaves that dies with a flush under way: two logs, the newer
 * with more flights than the store remembers. */
static void die_with_two_logs(struct place *place)
{
    struct store *store = must_open(place);
    snprintf(place->older, sizeof place->older, "%s", last_log(place));
    atomic_store(&tables_wait, true);
    off_t before = -1;
    for (int i = 0; size_of(place->older) != before; i++) {
        before = size_of(place->older);
        assert_in_range(i, 0, 1000);
        assert_int_equal(commit_large(store), STATUS_OK);
    }
    for (int i = 0; i < 2 * STORE_FLIGHTS_KEPT; i++) {
        fixture_commit(store, FAMILY_STATE, "k", "v");
    }
    fixture_dir_make(place->pristine);
    copy_tree(place->path, place->pristine);
    atomic_store(&tables_wait, false);
    store_close(store);
}

/* The last flights and their hashes are those of the newer log: nothing but the length of the older
 * one can tell that flights in the middle are gone. */
static void a_cut_in_an_older_log_is_noticed_though_a_newer_one_is_whole(void **state)
{
    struct place *place = *state;
    struct store *store = NULL;
    die_with_two_logs(place);
    copy_tree(place->pristine, place->path);
    store_close(must_open(place));
    copy_tree(place->pristine, place->path);
    assert_int_equal(truncate(place->older, size_of(place->older) - 100), 0);
    assert_int_equal(open_store(place, &store), STATUS_CORRUPT);
    copy_tree(place->pristine, place->path);
    assert_int_equal(unlink(place->older), 0);
    assert_int_equal(open_store(place, &store), STATUS_CORRUPT);
    fixture_dir_remove(place->pristine);
}

/* A flight that the process wrote and was killed before the anchor saw it may be torn. */
static void a_torn_tail_that_was_never_acknowledged_is_cut_off(void **state)
{
    struct place *place = *state;
    run_flights(place, 6);
    struct store *store = must_open(place);
    uint64_t anchored = fixture_flight(store);
    off_t before = size_of(last_log(place));
    assert_int_equal(commit_numbered(store, anchored + 1), STATUS_OK);
    off_t after = size_of(last_log(place));
    store_close(store);
    assert_true(after > before);
    fixture_dir_make(place->pristine);
    copy_tree(place->path, place->pristine);
    for (off_t size = after; size >= before; size -= size > before + 3 ? 3 : 1) {
        copy_tree(place->pristine, place->path);
        assert_int_equal(truncate(last_log(place), size), 0);
        assert_int_equal(judge(place), STATUS_OK);
        store = must_open(place);
        assert_int_equal(fixture_flight(store), anchored + (size == after));
        assert_int_equal(commit_numbered(store, fixture_flight(store) + 1), STATUS_OK);
        store_close(store);
        assert_int_equal(judge(place), STATUS_OK);
    }
    fixture_dir_remove(place->pristine);
}

static void a_log_cut_below_the_anchor_is_a_mismatch(void **state)
{
    struct place *place = *state;
    run_flights(place, 20);
    fixture_dir_make(place->pristine);
    copy_tree(place->path, place->pristine);
    off_t whole = size_of(last_log(place));
    for (off_t size = 0; size < whole; size += 1 + whole / 20) {
        copy_tree(place->pristine, place->path);
        assert_int_equal(truncate(last_log(place), size), 0);
        assert_int_equal(judge(place), STATUS_MISMATCH);
        assert_non_null(strstr(place->report.what, "flight 20"));
    }
    fixture_dir_remove(place->pristine);
}

static void a_deleted_or_emptied_log_is_a_mismatch(void **state)
{
    struct place *place = *state;
    run_flights(place, 9);
    fixture_dir_make(place->pristine);
    copy_tree(place->path, place->pristine);
    assert_int_equal(unlink(last_log(place)), 0);
    assert_int_equal(judge(place), STATUS_MISMATCH);
    copy_tree(place->pristine, place->path);
    assert_int_equal(truncate(last_log(place), 0), 0);
    assert_int_equal(judge(place), STATUS_MISMATCH);
    copy_tree(place->pristine, place->path);
    off_t size = size_of(last_log(place));
    assert_int_equal(truncate(last_log(place), 0), 0);
    assert_int_equal(truncate(last_log(place), size), 0);
    assert_int_equal(judge(place), STATUS_MISMATCH);
    fixture_dir_remove(place->pristine);
}

static void flip(const char *path, off_t offset)
{
    uint8_t byte = 0;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

static void rot_anywhere_in_the_log_is_noticed(void **state)
{
    struct place *place = *state;
    int corrupt = 0;
    run_flights(place, 12);
    fixture_dir_make(place->pristine);
    copy_tree(place->path, place->pristine);
    off_t whole = size_of(last_log(place));
    for (off_t at = 0; at < whole; at += 1 + whole / 60) {
        copy_tree(place->pristine, place->path);
        flip(last_log(place), at);
        enum status status = judge(place);
        assert_true(status == STATUS_CORRUPT || status == STATUS_MISMATCH);
        assert_string_not_equal(place->report.remedy, "");
        corrupt += status == STATUS_CORRUPT;
    }
    assert_true(corrupt > 0);
    fixture_dir_remove(place->pristine);
}

static void a_store_put_back_from_an_old_copy_is_a_mismatch(void **state)
{
    struct place *place = *state;
    run_flights(place, 5);
    fixture_dir_make(place->pristine);
    copy_tree(fixture_path(place->path, "store"), place->pristine);
    run_flights(place, 5);
    copy_tree(place->pristine, fixture_path(place->path, "store"));
    assert_int_equal(judge(place), STATUS_MISMATCH);
    assert_non_null(strstr(place->report.what, "flight 5"));
    assert_non_null(strstr(place->report.what, "flight 10"));
    fixture_dir_remove(place->pristine);
}

/* Values long enough for a file of their own, and short ones. */
static void put_long(struct store *store, unsigned number)
{
    static uint8_t value[8192];
    uint8_t key[4];
    struct buffer buffer = buffer_make(key, sizeof key);
    buffer_put_u32be(&buffer, number);
    memset(value, (int)number, sizeof value);
    struct put puts[] = {
        {FAMILY_PAYLOADS, false, BYTES_OF_ARRAY(key), BYTES_OF_ARRAY(value)},
        {FAMILY_STREAMS, false, BYTES_OF_ARRAY(key), bytes_make(value, 16)},
    };
    assert_int_equal(store_commit(store, puts, 2), STATUS_OK);
}

static bool count_good(void *context, struct bytes key, struct bytes value)
{
    size_t *good = context;
    uint8_t expected = (uint8_t)bytes_get_u32be(key.data);
    for (size_t i = 0; i < value.len; i++) {
        assert_int_equal(value.data[i], expected);
    }
    (*good)++;
    return true;
}

/* Read everything of one family: whole and equal, or an error, never something else. */
static enum status read_all(struct place *place, enum family family, size_t expected)
{
    struct store *store = NULL;
    size_t good = 0;
    enum status status = open_store(place, &store);
    if (status != STATUS_OK) {
        return status;
    }
    status = store_scan(store, family, BYTES_EMPTY, count_good, &good);
    if (status == STATUS_OK) {
        assert_int_equal(good, expected);
    }
    store_close(store);
    return status;
}

static void rot_in_a_table_or_a_value_file_is_an_error_and_never_other_bytes(void **state)
{
    struct place *place = *state;
    struct store *store = must_open(place);
    for (unsigned i = 0; i < 40; i++) {
        put_long(store, i);
    }
    store_close(store);
    /* Opening writes what the log holds into tables. */
    store_close(must_open(place));
    fixture_dir_make(place->pristine);
    copy_tree(place->path, place->pristine);
    static const struct {
        const char *suffix;
        enum family family;
    } files[] = {{".blob", FAMILY_PAYLOADS}, {".sst", FAMILY_STREAMS}};
    for (int kind = 0; kind < 2; kind++) {
        int noticed = 0;
        for (int part = 0; part < 12; part++) {
            copy_tree(place->pristine, place->path);
            const char *path = fixture_find(fixture_path(place->path, "store"), files[kind].suffix);
            assert_string_not_equal(path, "");
            flip(path, size_of(path) * part / 12 + 40);
            noticed += read_all(place, files[kind].family, 40) != STATUS_OK;
        }
        assert_in_range(noticed, 1, 12);
    }
    fixture_dir_remove(place->pristine);
}

#define TEST(body) cmocka_unit_test_setup_teardown(body, make_place, remove_place)

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "run-until-killed") == 0) {
        return run_until_killed(argv[2], (int)strtol(argv[3], NULL, 10));
    }
    const struct CMUnitTest tests[] = {
        TEST(what_was_acknowledged_survives_a_killed_process),
        TEST(every_commit_is_synced_before_it_returns),
        TEST(a_failed_sync_ends_the_writing_and_loses_nothing_acknowledged),
        TEST(a_failed_flush_in_the_background_ends_the_writing),
        TEST(an_error_in_the_background_that_rocksdb_forgives_ends_the_writing_too),
        TEST(a_cut_in_an_older_log_is_noticed_though_a_newer_one_is_whole),
        TEST(a_torn_tail_that_was_never_acknowledged_is_cut_off),
        TEST(a_log_cut_below_the_anchor_is_a_mismatch),
        TEST(a_deleted_or_emptied_log_is_a_mismatch),
        TEST(rot_anywhere_in_the_log_is_noticed),
        TEST(a_store_put_back_from_an_old_copy_is_a_mismatch),
        TEST(rot_in_a_table_or_a_value_file_is_an_error_and_never_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
