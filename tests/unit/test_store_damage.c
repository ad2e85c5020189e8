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

/* Stands in front of the system's own: the sync with this number fails, as a dying disk does, or
 * every sync of a table does. */
static atomic_int syncs_left;
static atomic_bool tables_fail;

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
    if (fails || (atomic_load(&tables_fail) && is_table(fd))) {
        errno = EIO;
        return -1;
    }
    return next.function(fd);
}

static const struct store_rocks_options small = {STORE_MEMORY_BYTES_MIN};

struct place {
    char path[FIXTURE_PATH_BYTES];
    char pristine[FIXTURE_PATH_BYTES]; /* a copy to start each damage from */
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
    char command[3 * FIXTURE_PATH_BYTES];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s' '%s'", to, from, to);
    assert_int_equal(system(command), 0);
}

/* The log that holds the flights of the last run. */
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

static void child_runs_until_killed(struct place *place, int acknowledgements)
{
    struct store *store = NULL;
    struct anchor_file file;
    struct anchor anchor;
    if (open_store(place, &store) != STATUS_OK ||
        anchor_open(fixture_path(place->path, "anchor"), &place->identity, &file, &anchor, NULL) !=
            STATUS_OK) {
        _exit(1);
    }
    for (;;) {
        uint64_t number = fixture_flight(store) + 1;
        if (commit_numbered(store, number) != STATUS_OK) {
            _exit(2);
        }
        store_flight(store, &anchor.flight);
        if (anchor_write(&file, &anchor) != STATUS_OK ||
            write(acknowledgements, &number, sizeof number) != sizeof number) {
            _exit(3);
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
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(pipes[0]);
            child_runs_until_killed(place, pipes[1]);
        }
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

/* Flushing happens behind the back of whoever commits: the log has everything, and yet the writing
 * must end. */
static void a_failed_flush_in_the_background_ends_the_writing(void **state)
{
    struct place *place = *state;
    static uint8_t value[256 << 10];
    struct store *store = must_open(place);
    uint64_t acknowledged = 0;
    enum status status = STATUS_OK;
    atomic_store(&tables_fail, true);
    for (int i = 0; status == STATUS_OK && i < 1000; i++) {
        struct put put = {FAMILY_PAYLOADS, false, bytes_make(&i, sizeof i), BYTES_OF_ARRAY(value)};
        status = store_commit(store, &put, 1);
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
    for (off_t size = before; size <= after; size++) {
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
    for (off_t size = 0; size < whole; size += 1 + whole / 40) {
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
    for (off_t at = 0; at < whole; at += 1 + whole / 150) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_acknowledged_survives_a_killed_process),
        TEST(a_failed_sync_ends_the_writing_and_loses_nothing_acknowledged),
        TEST(a_failed_flush_in_the_background_ends_the_writing),
        TEST(a_torn_tail_that_was_never_acknowledged_is_cut_off),
        TEST(a_log_cut_below_the_anchor_is_a_mismatch),
        TEST(a_deleted_or_emptied_log_is_a_mismatch),
        TEST(rot_anywhere_in_the_log_is_noticed),
        TEST(a_store_put_back_from_an_old_copy_is_a_mismatch),
        TEST(rot_in_a_table_or_a_value_file_is_an_error_and_never_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
