/* Making and opening a durable store: whose it is, who may, and what is refused. */
#include "storage/anchor.h"
#include "storage/store_rocks.h"
#include "tests/support/store_fixture.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <rocksdb/c.h>

/* Stand in front of the system's own: the call with this number, over all of them, ends the process
 * before it does anything, as a power cut would. */
static int calls_left;

static void count_call(void)
{
    if (calls_left > 0 && --calls_left == 0) {
        raise(SIGKILL);
    }
}

__attribute__((visibility("default"))) int rename(const char *from, const char *to)
{
    typedef int rename_function(const char *, const char *);
    union {
        void *object;
        rename_function *function;
    } next = {dlsym(RTLD_NEXT, "rename")};
    count_call();
    return next.function(from, to);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    typedef int fsync_function(int);
    union {
        void *object;
        fsync_function *function;
    } next = {dlsym(RTLD_NEXT, "fsync")};
    count_call();
    return next.function(fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    typedef int fdatasync_function(int);
    union {
        void *object;
        fdatasync_function *function;
    } next = {dlsym(RTLD_NEXT, "fdatasync")};
    count_call();
    return next.function(fd);
}

/* The checksum that RocksDB calls in this program, and the one of the shared library. */
#define CHECKSUM_NAME "_ZN7rocksdb6crc32c6ExtendEjPKcm"
uint32_t checksum(uint32_t crc, const char *data, size_t len) __asm__(CHECKSUM_NAME);

static const struct store_rocks_options small = {STORE_MEMORY_BYTES_MIN};

struct place {
    char path[FIXTURE_PATH_BYTES];
    struct store_identity identity;
    struct report report;
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    fixture_dir_make(place->path);
    place->identity = fixture_identity(1, 2);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    fixture_dir_remove(place->path);
    free(place);
    return 0;
}

static enum status init(struct place *place)
{
    struct put genesis = fixture_put(FAMILY_STATE, "genesis", "yes");
    memset(&place->report, 0, sizeof place->report);
    return store_rocks_init(place->path, &place->identity, &genesis, 1, &place->report);
}

/* Open, and close again at once. A refusal must say what is wrong and what to do. */
static enum status open_once(struct place *place)
{
    struct store *store = NULL;
    memset(&place->report, 0, sizeof place->report);
    enum status status =
        store_rocks_open(place->path, &place->identity, &small, &store, &place->report);
    if (status != STATUS_OK) {
        assert_string_not_equal(place->report.what, "");
        assert_string_not_equal(place->report.remedy, "");
    }
    store_close(store);
    return status;
}

static void init_makes_a_store_at_flight_0_and_its_anchor(void **state)
{
    struct place *place = *state;
    struct store *store = NULL;
    struct anchor_file file;
    struct anchor anchor;
    assert_int_equal(init(place), STATUS_OK);
    assert_int_equal(store_rocks_open(place->path, &place->identity, &small, &store, NULL),
                     STATUS_OK);
    assert_int_equal(fixture_flight(store), 0);
    fixture_assert_value(store, FAMILY_STATE, "genesis", "yes");
    assert_int_equal(
        anchor_open(fixture_path(place->path, "anchor"), &place->identity, &file, &anchor, NULL),
        STATUS_OK);
    assert_int_equal(anchor_judge(&anchor, store, NULL), STATUS_OK);
    fixture_commit(store, FAMILY_STATE, "k", "v");
    assert_int_equal(fixture_flight(store), 1);
    anchor_close(&file);
    store_close(store);
}

static void init_makes_the_directory_but_not_its_parent(void **state)
{
    struct place *place = *state;
    char outer[FIXTURE_PATH_BYTES];
    snprintf(outer, sizeof outer, "%s", place->path);
    snprintf(place->path, sizeof place->path, "%.200s/r0/", outer);
    assert_int_equal(init(place), STATUS_OK);
    assert_int_equal(open_once(place), STATUS_OK);
    struct stat info;
    assert_int_equal(stat(place->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    snprintf(place->path, sizeof place->path, "%.200s/none/r0", outer);
    assert_int_equal(init(place), STATUS_NOT_FOUND);
    snprintf(place->path, sizeof place->path, "%s", outer);
}

static void a_store_that_was_never_made_is_not_made_by_opening_it(void **state)
{
    struct place *place = *state;
    assert_int_equal(open_once(place), STATUS_NOT_FOUND);
    assert_non_null(strstr(place->report.remedy, "vestryd init"));
    assert_int_equal(open_once(place), STATUS_NOT_FOUND);
    assert_string_equal(fixture_find(place->path, "store"), "");
    assert_string_equal(fixture_find(place->path, "lock"), "");
}

static void a_second_init_is_refused_and_changes_nothing(void **state)
{
    struct place *place = *state;
    assert_int_equal(init(place), STATUS_OK);
    assert_int_equal(init(place), STATUS_EXISTS);
    place->identity = fixture_identity(7, 7);
    assert_int_equal(init(place), STATUS_EXISTS);
    place->identity = fixture_identity(1, 2);
    assert_int_equal(open_once(place), STATUS_OK);
}

/* Make a store with one flight more and an anchor that has seen it. */
static void make_store_that_has_run(struct place *place)
{
    struct store *store = NULL;
    struct anchor_file file;
    struct anchor anchor;
    const char *path = fixture_path(place->path, "anchor");
    assert_int_equal(init(place), STATUS_OK);
    assert_int_equal(store_rocks_open(place->path, &place->identity, &small, &store, NULL),
                     STATUS_OK);
    assert_int_equal(anchor_open(path, &place->identity, &file, &anchor, NULL), STATUS_OK);
    fixture_commit(store, FAMILY_STATE, "k", "v");
    store_flight(store, &anchor.flight);
    assert_int_equal(anchor_write(&file, &anchor), STATUS_OK);
    anchor_close(&file);
    store_close(store);
}

static void a_lost_store_is_neither_opened_nor_made_anew(void **state)
{
    struct place *place = *state;
    make_store_that_has_run(place);
    fixture_dir_remove(fixture_path(place->path, "store"));
    assert_int_equal(open_once(place), STATUS_CORRUPT);
    assert_int_equal(init(place), STATUS_EXISTS);
    assert_non_null(strstr(place->report.remedy, "join"));
    assert_int_equal(open_once(place), STATUS_CORRUPT);
}

static void a_store_without_its_current_file_is_not_taken_for_a_new_one(void **state)
{
    struct place *place = *state;
    make_store_that_has_run(place);
    assert_int_equal(unlink(fixture_path(place->path, "store/CURRENT")), 0);
    assert_int_equal(open_once(place), STATUS_CORRUPT);
    assert_int_equal(open_once(place), STATUS_CORRUPT);
}

static void a_store_without_its_manifest_is_refused(void **state)
{
    struct place *place = *state;
    make_store_that_has_run(place);
    char store[FIXTURE_PATH_BYTES + 16];
    snprintf(store, sizeof store, "%s/store", place->path);
    DIR *entries = opendir(store);
    struct dirent *entry = NULL;
    while ((entry = readdir(entries)) != NULL) {
        if (strncmp(entry->d_name, "MANIFEST", 8) == 0) {
            assert_int_equal(unlink(fixture_path(store, entry->d_name)), 0);
        }
    }
    closedir(entries);
    assert_int_not_equal(open_once(place), STATUS_OK);
    assert_int_not_equal(open_once(place), STATUS_OK);
}

static void a_store_of_another_cluster_is_refused_with_both_ids(void **state)
{
    struct place *place = *state;
    assert_int_equal(init(place), STATUS_OK);
    place->identity = fixture_identity(0xab, 2);
    assert_int_equal(open_once(place), STATUS_MISMATCH);
    assert_non_null(strstr(place->report.what, "cluster 01010101"));
    assert_non_null(strstr(place->report.what, "cluster abababab"));
    assert_non_null(strstr(place->report.what, place->path));
    assert_non_null(strstr(place->report.remedy, "delete nothing"));
    place->identity = fixture_identity(1, 2);
    assert_int_equal(open_once(place), STATUS_OK);
}

static void a_store_of_another_key_is_refused(void **state)
{
    struct place *place = *state;
    assert_int_equal(init(place), STATUS_OK);
    place->identity = fixture_identity(1, 0xcd);
    assert_int_equal(open_once(place), STATUS_MISMATCH);
    assert_non_null(strstr(place->report.what, "key 02020202"));
    assert_non_null(strstr(place->report.what, "key cdcdcdcd"));
}

/* Write a record of the store's own behind its back. */
static void overwrite_own(const struct place *place, const char *key, const char *value, size_t len)
{
    static const char *const names[] = {"default", "blocks",  "leaves", "payloads",
                                        "tree",    "streams", "state",  "journal"};
    rocksdb_options_t *options = rocksdb_options_create();
    const rocksdb_options_t *each[8];
    rocksdb_column_family_handle_t *families[8];
    for (int i = 0; i < 8; i++) {
        each[i] = options;
    }
    char *error = NULL;
    rocksdb_t *db = rocksdb_open_column_families(options, fixture_path(place->path, "store"), 8,
                                                 names, each, families, &error);
    assert_null(error);
    rocksdb_writeoptions_t *writing = rocksdb_writeoptions_create();
    rocksdb_put_cf(db, writing, families[0], key, strlen(key), value, len, &error);
    assert_null(error);
    rocksdb_writeoptions_destroy(writing);
    for (int i = 0; i < 8; i++) {
        rocksdb_column_family_handle_destroy(families[i]);
    }
    rocksdb_close(db);
    rocksdb_options_destroy(options);
}

static void a_store_of_another_format_version_is_refused(void **state)
{
    struct place *place = *state;
    assert_int_equal(init(place), STATUS_OK);
    overwrite_own(place, "store/format", "\0\0\0\2", 4);
    assert_int_equal(open_once(place), STATUS_MISMATCH);
    assert_non_null(strstr(place->report.what, "version 2"));
    overwrite_own(place, "store/format", "\0\0\0\1", 4);
    assert_int_equal(open_once(place), STATUS_OK);
    overwrite_own(place, "store/format", "\0\0\1", 3);
    assert_int_equal(open_once(place), STATUS_CORRUPT);
}

static void a_store_whose_flights_have_a_gap_is_refused(void **state)
{
    struct place *place = *state;
    make_store_that_has_run(place);
    assert_int_equal(open_once(place), STATUS_OK);
    char record[40] = {0, 0, 0, 0, 0, 0, 0, 3};
    overwrite_own(place, "store/flight/3", record, sizeof record);
    assert_int_equal(open_once(place), STATUS_CORRUPT);
}

static void a_directory_of_someone_else_is_refused(void **state)
{
    struct place *place = *state;
    assert_int_equal(init(place), STATUS_OK);
    if (geteuid() == 0) {
        assert_int_equal(chown(place->path, 65534, 65534), 0);
        assert_int_equal(open_once(place), STATUS_REFUSED);
        assert_non_null(strstr(place->report.what, "65534"));
        assert_int_equal(chown(place->path, 0, 0), 0);
        assert_int_equal(chown(fixture_path(place->path, "store"), 65534, 65534), 0);
        assert_int_equal(open_once(place), STATUS_REFUSED);
        assert_int_equal(chown(fixture_path(place->path, "store"), 0, 0), 0);
    } else {
        assert_int_equal(data_dir_check("/", &place->report), STATUS_REFUSED);
    }
    assert_int_equal(open_once(place), STATUS_OK);
}

static void a_directory_that_others_may_write_is_refused(void **state)
{
    struct place *place = *state;
    assert_int_equal(chmod(place->path, 0770), 0);
    assert_int_equal(init(place), STATUS_REFUSED);
    assert_non_null(strstr(place->report.remedy, "chmod go-w"));
    assert_int_equal(chmod(place->path, 0755), 0);
    assert_int_equal(init(place), STATUS_OK);
    assert_int_equal(chmod(place->path, 0702), 0);
    assert_int_equal(open_once(place), STATUS_REFUSED);
    assert_int_equal(chmod(place->path, 0700), 0);
}

static void a_path_that_is_no_directory_or_too_long_is_refused(void **state)
{
    struct place *place = *state;
    char outer[FIXTURE_PATH_BYTES];
    snprintf(outer, sizeof outer, "%s", place->path);
    snprintf(place->path, sizeof place->path, "%.200s/file", outer);
    FILE *file = fopen(place->path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(init(place), STATUS_REFUSED);
    assert_int_equal(open_once(place), STATUS_REFUSED);
    snprintf(place->path, sizeof place->path, "%s", outer);
    char long_path[2 * DATA_PATH_BYTES_MAX];
    struct data_paths paths;
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(data_paths_make(long_path, &paths, &place->report), STATUS_INVALID);
    assert_int_equal(data_paths_make("", &paths, &place->report), STATUS_INVALID);
}

static void the_same_process_cannot_take_the_lock_twice(void **state)
{
    struct place *place = *state;
    struct data_lock lock = {.fd = -1};
    struct data_lock other = {.fd = -1};
    const char *path = fixture_path(place->path, "lock");
    assert_int_equal(data_lock_take(path, &lock, NULL), STATUS_OK);
    assert_int_equal(data_lock_take(path, &other, NULL), STATUS_BUSY);
    assert_int_equal(data_lock_take(path, &other, NULL), STATUS_BUSY);
    data_lock_release(&lock);
    assert_int_equal(data_lock_take(path, &other, NULL), STATUS_OK);
    data_lock_release(&other);
}

static void the_same_process_cannot_open_a_store_twice(void **state)
{
    struct place *place = *state;
    struct store *store = NULL;
    assert_int_equal(init(place), STATUS_OK);
    assert_int_equal(store_rocks_open(place->path, &place->identity, &small, &store, NULL),
                     STATUS_OK);
    assert_int_equal(open_once(place), STATUS_BUSY);
    fixture_commit(store, FAMILY_STATE, "k", "v");
    store_close(store);
    assert_int_equal(open_once(place), STATUS_OK);
}

/* The other process: opens the store, says so, and waits until it is told to end. */
static int hold_until_told(const char *path)
{
    struct store_identity identity = fixture_identity(1, 2);
    struct store *store = NULL;
    char byte = 0;
    enum status status = store_rocks_open(path, &identity, &small, &store, NULL);
    bool told = write(STDOUT_FILENO, &byte, 1) == 1 && read(STDIN_FILENO, &byte, 1) >= 0;
    store_close(store);
    return told && status == STATUS_OK ? 0 : 1;
}

/* Let the next program that is started have these ends as its input and output. */
static pid_t spawn_with(int input, int output, const char *role, const char *path)
{
    int kept[2] = {dup(STDIN_FILENO), dup(STDOUT_FILENO)};
    fflush(NULL);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    pid_t child = fixture_spawn(role, path, "");
    dup2(kept[0], STDIN_FILENO);
    dup2(kept[1], STDOUT_FILENO);
    close(kept[0]);
    close(kept[1]);
    close(input);
    close(output);
    return child;
}

/* A child that has the store open until `*end` is closed. */
static pid_t hold_in_child(struct place *place, int *end)
{
    int ready[2];
    int stop[2];
    char byte = 0;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
    pid_t child = spawn_with(stop[0], ready[1], "hold", place->path);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    *end = stop[1];
    return child;
}

static void a_second_process_is_refused_and_told_who_holds_the_store(void **state)
{
    struct place *place = *state;
    char holder[32];
    int end = -1;
    int ended = -1;
    assert_int_equal(init(place), STATUS_OK);
    pid_t child = hold_in_child(place, &end);
    assert_int_equal(open_once(place), STATUS_BUSY);
    snprintf(holder, sizeof holder, "process %ld", (long)child);
    assert_non_null(strstr(place->report.what, holder));
    assert_int_equal(init(place), STATUS_BUSY);
    close(end);
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended));
    assert_int_equal(WEXITSTATUS(ended), 0);
    assert_int_equal(open_once(place), STATUS_OK);
}

/* The other process: makes a store, and ends at call number `at` if there are so many. */
static int init_cut_at(const char *path, int at)
{
    struct place place = {.identity = fixture_identity(1, 2)};
    snprintf(place.path, sizeof place.path, "%s", path);
    calls_left = at;
    return init(&place) == STATUS_OK ? 0 : 1;
}

static void an_init_that_was_cut_short_anywhere_is_simply_repeated(void **state)
{
    struct place *place = *state;
    int cuts = 0;
    for (bool cut = true; cut;) {
        cuts++;
        char at[16];
        int ended = -1;
        snprintf(at, sizeof at, "%d", cuts);
        pid_t child = fixture_spawn("init-cut-at", place->path, at);
        assert_int_equal(waitpid(child, &ended, 0), child);
        cut = WIFSIGNALED(ended);
        assert_true(cut || WEXITSTATUS(ended) == 0);
        enum status status = init(place);
        assert_true(status == STATUS_OK || status == STATUS_EXISTS);
        assert_int_equal(open_once(place), STATUS_OK);
        assert_string_equal(fixture_find(place->path, ".new"), "");
        fixture_dir_remove(place->path);
        assert_int_equal(mkdir(place->path, 0700), 0);
    }
    assert_true(cuts > 10);
}

static void the_checksum_in_use_is_the_one_of_the_library(void **state)
{
    (void)state;
    typedef uint32_t checksum_function(uint32_t, const char *, size_t);
    union {
        void *object;
        checksum_function *function;
    } own = {dlsym(RTLD_NEXT, CHECKSUM_NAME)};
    char data[400];
    uint64_t seed = 3;
    assert_non_null(own.object);
    assert_int_equal(checksum(0, "123456789", 9), 0xe3069283);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (char)fixture_random(&seed);
    }
    for (size_t len = 0; len + 8 < sizeof data; len++) {
        uint32_t crc = (uint32_t)fixture_random(&seed);
        size_t offset = len % 8;
        assert_int_equal(checksum(crc, data + offset, len), own.function(crc, data + offset, len));
    }
}

#define TEST(body) cmocka_unit_test_setup_teardown(body, make_place, remove_place)

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "hold") == 0) {
        return hold_until_told(argv[2]);
    }
    if (argc == 4 && strcmp(argv[1], "init-cut-at") == 0) {
        return init_cut_at(argv[2], (int)strtol(argv[3], NULL, 10));
    }
    const struct CMUnitTest tests[] = {
        TEST(init_makes_a_store_at_flight_0_and_its_anchor),
        TEST(init_makes_the_directory_but_not_its_parent),
        TEST(a_store_that_was_never_made_is_not_made_by_opening_it),
        TEST(a_second_init_is_refused_and_changes_nothing),
        TEST(a_lost_store_is_neither_opened_nor_made_anew),
        TEST(a_store_without_its_current_file_is_not_taken_for_a_new_one),
        TEST(a_store_without_its_manifest_is_refused),
        TEST(a_store_of_another_cluster_is_refused_with_both_ids),
        TEST(a_store_of_another_key_is_refused),
        TEST(a_store_of_another_format_version_is_refused),
        TEST(a_store_whose_flights_have_a_gap_is_refused),
        TEST(a_directory_of_someone_else_is_refused),
        TEST(a_directory_that_others_may_write_is_refused),
        TEST(a_path_that_is_no_directory_or_too_long_is_refused),
        TEST(the_same_process_cannot_take_the_lock_twice),
        TEST(the_same_process_cannot_open_a_store_twice),
        TEST(a_second_process_is_refused_and_told_who_holds_the_store),
        TEST(an_init_that_was_cut_short_anywhere_is_simply_repeated),
        cmocka_unit_test(the_checksum_in_use_is_the_one_of_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
