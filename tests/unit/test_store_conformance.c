/* One body of tests over both stores: what storage/store.h promises, whoever keeps it. */
#include "crypto/hash.h"
#include "storage/store_memory.h"
#include "storage/store_rocks.h"
#include "tests/support/store_fixture.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <rocksdb/c.h>

/* Stands in front of RocksDB's own: the write with this number fails, before or after it is done.
 */
static int write_fails_in;
static bool failed_write_is_kept;

__attribute__((visibility("default"))) void rocksdb_write(rocksdb_t *db,
                                                          const rocksdb_writeoptions_t *options,
                                                          rocksdb_writebatch_t *batch,
                                                          char **errptr)
{
    typedef void write_function(rocksdb_t *, const rocksdb_writeoptions_t *, rocksdb_writebatch_t *,
                                char **);
    union {
        void *object;
        write_function *function;
    } next = {dlsym(RTLD_NEXT, "rocksdb_write")};
    bool fails = write_fails_in > 0 && --write_fails_in == 0;
    if (!fails || failed_write_is_kept) {
        next.function(db, options, batch, errptr);
    }
    if (fails) {
        *errptr = strdup("IO error: injected");
    }
}

/* The store under test. */
struct subject {
    bool durable; /* RocksDB; otherwise in memory */
    char path[FIXTURE_PATH_BYTES];
    struct store *store;
};

static struct store *open_rocks(const char *path)
{
    struct store_identity identity = fixture_identity(1, 2);
    struct store_rocks_options options = {STORE_MEMORY_BYTES_MIN};
    struct store *store = NULL;
    struct report report = {0};
    enum status status = store_rocks_open(path, &identity, &options, &store, &report);
    if (status != STATUS_OK) {
        fail_msg("%s", report.what);
    }
    return store;
}

static int subject_open(void **state)
{
    struct subject *subject = *state;
    write_fails_in = 0;
    if (!subject->durable) {
        return store_memory_open(&subject->store) == STATUS_OK ? 0 : -1;
    }
    struct store_identity identity = fixture_identity(1, 2);
    fixture_dir_make(subject->path);
    if (store_rocks_init(subject->path, &identity, NULL, 0, NULL) != STATUS_OK) {
        return -1;
    }
    subject->store = open_rocks(subject->path);
    return 0;
}

static int subject_close(void **state)
{
    struct subject *subject = *state;
    store_close(subject->store);
    if (subject->durable) {
        fixture_dir_remove(subject->path);
    }
    return 0;
}

/* The process ends and another one opens the store. */
static void subject_reopen(struct subject *subject)
{
    if (!subject->durable) {
        store_memory_crash(subject->store, 0);
        return;
    }
    store_close(subject->store);
    subject->store = open_rocks(subject->path);
}

static void subject_fail_at(struct subject *subject, int n, bool kept)
{
    if (!subject->durable) {
        enum memory_fault fault = kept ? MEMORY_FAULT_KEPT : MEMORY_FAULT_LOST;
        store_memory_fail_at(subject->store, (uint64_t)n, fault);
        return;
    }
    write_fails_in = n;
    failed_write_is_kept = kept;
}

/* The text of the records that a scan or a search finds: "key=value " each. */
struct listing {
    char text[1024];
    size_t stop_after; /* records; 0: never */
    size_t seen;
};

static bool list_one(void *context, struct bytes key, struct bytes value)
{
    struct listing *listing = context;
    size_t used = strlen(listing->text);
    snprintf(listing->text + used, sizeof listing->text - used, "%.*s=%.*s ", (int)key.len,
             (const char *)key.data, (int)value.len, (const char *)value.data);
    listing->seen++;
    return listing->seen != listing->stop_after;
}

static void assert_scan(struct store *store, enum family family, const char *from,
                        const char *expected)
{
    struct listing listing = {0};
    assert_int_equal(store_scan(store, family, bytes_of_text(from), list_one, &listing), STATUS_OK);
    assert_string_equal(listing.text, expected);
}

static void assert_floor(struct store_view *view, enum family family, const char *key,
                         const char *expected)
{
    uint8_t key_memory[64];
    uint8_t value_memory[64];
    struct buffer found = buffer_make(key_memory, sizeof key_memory);
    struct buffer value = buffer_make(value_memory, sizeof value_memory);
    enum status status = store_view_floor(view, family, bytes_of_text(key), &found, &value);
    if (expected == NULL) {
        assert_int_equal(status, STATUS_NOT_FOUND);
        return;
    }
    struct listing listing = {0};
    assert_int_equal(status, STATUS_OK);
    list_one(&listing, buffer_bytes(&found), buffer_bytes(&value));
    assert_string_equal(listing.text, expected);
}

static void what_is_committed_is_read_back(void **state)
{
    struct subject *subject = *state;
    struct put puts[] = {
        fixture_put(FAMILY_BLOCKS, "k", "block"),
        fixture_put(FAMILY_STATE, "k", "state"),
        fixture_put(FAMILY_META, "boot", ""),
    };
    assert_int_equal(store_commit(subject->store, puts, 3), STATUS_OK);
    for (int opened = 0; opened < 2; opened++) {
        fixture_assert_value(subject->store, FAMILY_BLOCKS, "k", "block");
        fixture_assert_value(subject->store, FAMILY_STATE, "k", "state");
        fixture_assert_value(subject->store, FAMILY_META, "boot", "");
        fixture_assert_value(subject->store, FAMILY_LEAVES, "k", NULL);
        fixture_assert_value(subject->store, FAMILY_BLOCKS, "kk", NULL);
        subject_reopen(subject);
    }
}

static void puts_of_one_flight_apply_in_their_order(void **state)
{
    struct subject *subject = *state;
    struct put puts[] = {
        fixture_put(FAMILY_STATE, "twice", "first"), fixture_put(FAMILY_STATE, "twice", "second"),
        fixture_put(FAMILY_STATE, "gone", "x"),      fixture_erase(FAMILY_STATE, "gone"),
        fixture_erase(FAMILY_STATE, "back"),         fixture_put(FAMILY_STATE, "back", "y"),
        fixture_erase(FAMILY_STATE, "never-was"),
    };
    assert_int_equal(store_commit(subject->store, puts, sizeof puts / sizeof puts[0]), STATUS_OK);
    assert_scan(subject->store, FAMILY_STATE, "", "back=y twice=second ");
    subject_reopen(subject);
    assert_scan(subject->store, FAMILY_STATE, "", "back=y twice=second ");
}

static void a_value_longer_than_the_buffer_is_said_to_be(void **state)
{
    struct subject *subject = *state;
    uint8_t memory[4];
    struct buffer out = buffer_make(memory, sizeof memory);
    buffer_put_u8(&out, 'x');
    fixture_commit(subject->store, FAMILY_TREE, "long", "12345");
    fixture_commit(subject->store, FAMILY_TREE, "fits", "1234");
    assert_int_equal(store_get(subject->store, FAMILY_TREE, bytes_of_text("long"), &out),
                     STATUS_NO_MEMORY);
    assert_int_equal(store_get(subject->store, FAMILY_TREE, bytes_of_text("fits"), &out),
                     STATUS_OK);
    assert_int_equal(out.len, 4);
}

static void keys_and_values_of_every_allowed_size_are_kept(void **state)
{
    struct subject *subject = *state;
    size_t large = 4u << 20;
    uint8_t *value = malloc(large);
    uint8_t *read = malloc(large);
    uint8_t key[STORE_KEY_BYTES_MAX];
    assert_non_null(value);
    assert_non_null(read);
    memset(value, 0xa5, large);
    memset(key, 0xff, sizeof key);
    struct put puts[] = {
        {FAMILY_PAYLOADS, false, bytes_make(key, sizeof key), bytes_make(value, large)},
        {FAMILY_PAYLOADS, false, bytes_make("\0", 1), bytes_make(value, 1)},
    };
    assert_int_equal(store_commit(subject->store, puts, 2), STATUS_OK);
    subject_reopen(subject);
    struct buffer out = buffer_make(read, large);
    assert_int_equal(store_get(subject->store, FAMILY_PAYLOADS, BYTES_OF_ARRAY(key), &out),
                     STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&out), bytes_make(value, large)));
    assert_int_equal(store_get(subject->store, FAMILY_PAYLOADS, bytes_make("\0", 1), &out),
                     STATUS_OK);
    assert_int_equal(out.len, 1);
    free(value);
    free(read);
}

static void a_scan_goes_in_the_order_of_unsigned_bytes(void **state)
{
    struct subject *subject = *state;
    struct put puts[] = {
        fixture_put(FAMILY_STREAMS, "b", "2"),      fixture_put(FAMILY_STREAMS, "\x80", "4"),
        fixture_put(FAMILY_STREAMS, "a", "0"),      fixture_put(FAMILY_STREAMS, "\x7f", "3"),
        fixture_put(FAMILY_STREAMS, "aa", "1"),     fixture_put(FAMILY_STREAMS, "\xff\xff", "5"),
        fixture_put(FAMILY_TREE, "\xff\xff", "no"), fixture_put(FAMILY_STATE, "a", "no"),
    };
    assert_int_equal(store_commit(subject->store, puts, 8), STATUS_OK);
    assert_scan(subject->store, FAMILY_STREAMS, "", "a=0 aa=1 b=2 \x7f=3 \x80=4 \xff\xff=5 ");
    assert_scan(subject->store, FAMILY_STREAMS, "aa", "aa=1 b=2 \x7f=3 \x80=4 \xff\xff=5 ");
    assert_scan(subject->store, FAMILY_STREAMS, "ab", "b=2 \x7f=3 \x80=4 \xff\xff=5 ");
    assert_scan(subject->store, FAMILY_STREAMS, "\xff\xff\x01", "");
    assert_scan(subject->store, FAMILY_LEAVES, "", "");
}

static void a_scan_stops_when_it_is_told_to(void **state)
{
    struct subject *subject = *state;
    struct listing listing = {.stop_after = 2};
    fixture_commit(subject->store, FAMILY_STATE, "a", "1");
    fixture_commit(subject->store, FAMILY_STATE, "b", "2");
    fixture_commit(subject->store, FAMILY_STATE, "c", "3");
    assert_int_equal(store_scan(subject->store, FAMILY_STATE, BYTES_EMPTY, list_one, &listing),
                     STATUS_OK);
    assert_string_equal(listing.text, "a=1 b=2 ");
}

static void floor_finds_the_last_record_not_above(void **state)
{
    struct subject *subject = *state;
    struct store_view *view = NULL;
    fixture_commit(subject->store, FAMILY_LEAVES, "z", "other");
    fixture_commit(subject->store, FAMILY_TREE, "a", "other");
    fixture_commit(subject->store, FAMILY_PAYLOADS, "d", "1");
    fixture_commit(subject->store, FAMILY_PAYLOADS, "h", "2");
    assert_int_equal(store_view_open(subject->store, &view), STATUS_OK);
    fixture_commit(subject->store, FAMILY_PAYLOADS, "f", "later");
    assert_floor(view, FAMILY_PAYLOADS, "c", NULL);
    assert_floor(view, FAMILY_PAYLOADS, "d", "d=1 ");
    assert_floor(view, FAMILY_PAYLOADS, "g", "d=1 ");
    assert_floor(view, FAMILY_PAYLOADS, "h", "h=2 ");
    assert_floor(view, FAMILY_PAYLOADS, "zz", "h=2 ");
    assert_floor(view, FAMILY_STREAMS, "zz", NULL);
    store_view_close(view);
}

static void a_view_shows_what_was_when_it_was_opened(void **state)
{
    struct subject *subject = *state;
    struct store_view *view = NULL;
    uint8_t memory[16];
    struct buffer out = buffer_make(memory, sizeof memory);
    struct listing listing = {0};
    fixture_commit(subject->store, FAMILY_STATE, "a", "old");
    fixture_commit(subject->store, FAMILY_STATE, "b", "erased later");
    assert_int_equal(store_view_open(subject->store, &view), STATUS_OK);
    struct put puts[] = {
        fixture_put(FAMILY_STATE, "a", "new"),
        fixture_erase(FAMILY_STATE, "b"),
        fixture_put(FAMILY_STATE, "c", "added"),
    };
    assert_int_equal(store_commit(subject->store, puts, 3), STATUS_OK);
    assert_int_equal(store_view_get(view, FAMILY_STATE, bytes_of_text("a"), &out), STATUS_OK);
    assert_memory_equal(out.data, "old", 3);
    assert_int_equal(store_view_get(view, FAMILY_STATE, bytes_of_text("c"), &out),
                     STATUS_NOT_FOUND);
    assert_int_equal(store_view_scan(view, FAMILY_STATE, BYTES_EMPTY, list_one, &listing),
                     STATUS_OK);
    assert_string_equal(listing.text, "a=old b=erased later ");
    store_view_close(view);
    assert_scan(subject->store, FAMILY_STATE, "", "a=new c=added ");
}

static void a_flight_has_the_hash_of_its_bytes(void **state)
{
    struct subject *subject = *state;
    struct put puts[] = {
        fixture_put(FAMILY_STATE, "key", "value"),
        {FAMILY_JOURNAL, true, bytes_of_text("j"), bytes_of_text("ignored")},
    };
    static const char bytes[] = "\6\0\0\0\0\3key\0\0\0\5value"
                                "\7\1\0\0\0\1j\0\0\0\0";
    struct flight flight;
    uint8_t hash[HASH_BYTES];
    store_flight(subject->store, &flight);
    hash_bytes(BYTES_EMPTY, hash);
    assert_int_equal(flight.number, 0);
    assert_memory_equal(flight.hash, hash, HASH_BYTES);
    assert_int_equal(store_commit(subject->store, puts, 2), STATUS_OK);
    store_flight(subject->store, &flight);
    hash_bytes(bytes_make(bytes, sizeof bytes - 1), hash);
    assert_int_equal(flight.number, 1);
    assert_memory_equal(flight.hash, hash, HASH_BYTES);
}

static void the_last_flights_are_remembered_across_a_restart(void **state)
{
    struct subject *subject = *state;
    uint8_t hashes[21][HASH_BYTES];
    uint8_t hash[HASH_BYTES];
    for (uint64_t number = 1; number <= 20; number++) {
        char value[8];
        snprintf(value, sizeof value, "%d", (int)number);
        fixture_commit(subject->store, FAMILY_STATE, "n", value);
        assert_int_equal(fixture_flight(subject->store), number);
        assert_int_equal(store_flight_hash(subject->store, number, hashes[number]), STATUS_OK);
        if (number % 7 == 0) {
            subject_reopen(subject);
            assert_int_equal(fixture_flight(subject->store), number);
        }
    }
    subject_reopen(subject);
    for (uint64_t number = 13; number <= 20; number++) {
        assert_int_equal(store_flight_hash(subject->store, number, hash), STATUS_OK);
        assert_memory_equal(hash, hashes[number], HASH_BYTES);
    }
    assert_int_equal(store_flight_hash(subject->store, 12, hash), STATUS_NOT_FOUND);
    assert_int_equal(store_flight_hash(subject->store, 21, hash), STATUS_NOT_FOUND);
    assert_memory_not_equal(hashes[19], hashes[20], HASH_BYTES);
}

/* Flight i puts "i" = "i" and counts in "last". */
static enum status commit_numbered(struct store *store, int number)
{
    char text[16];
    snprintf(text, sizeof text, "%02d", number);
    struct put puts[] = {
        fixture_put(FAMILY_BLOCKS, text, text),
        fixture_put(FAMILY_STATE, "last", text),
    };
    return store_commit(store, puts, 2);
}

static void failure_at(struct subject *subject, int n, bool kept)
{
    int first = (int)fixture_flight(subject->store) + 1;
    subject_fail_at(subject, n, kept);
    for (int i = 0; i < n - 1; i++) {
        assert_int_equal(commit_numbered(subject->store, first + i), STATUS_OK);
    }
    assert_string_equal(store_fault(subject->store), "");
    int hit = first + n - 1;
    assert_int_equal(commit_numbered(subject->store, hit), STATUS_IO);
    assert_string_not_equal(store_fault(subject->store), "");
    assert_int_equal(commit_numbered(subject->store, hit + 1), STATUS_IO);
    assert_int_equal(commit_numbered(subject->store, hit + 2), STATUS_IO);
    subject_reopen(subject);
    int last = kept ? hit : hit - 1;
    assert_int_equal(fixture_flight(subject->store), last);
    for (int number = first; number <= hit + 2; number++) {
        char text[16];
        snprintf(text, sizeof text, "%02d", number);
        fixture_assert_value(subject->store, FAMILY_BLOCKS, text, number <= last ? text : NULL);
    }
    assert_int_equal(commit_numbered(subject->store, last + 1), STATUS_OK);
}

static void after_a_failed_commit_nothing_is_written_until_a_restart(void **state)
{
    struct subject *subject = *state;
    for (int n = 1; n <= 6; n++) {
        failure_at(subject, n, false);
        failure_at(subject, n, true);
    }
}

#define MODEL_KEYS 40

/* Random flights against a plain array, with restarts in between. */
static void many_random_flights_leave_what_a_plain_array_would(void **state)
{
    struct subject *subject = *state;
    uint64_t seed = 20240607;
    char model[MODEL_KEYS][8] = {{0}}; /* "": not there */
    for (int round = 0; round < 400; round++) {
        char keys[8][4];
        char values[8][8];
        struct put puts[8];
        size_t count = (size_t)(fixture_random(&seed) % 9);
        for (size_t i = 0; i < count; i++) {
            unsigned key = (unsigned)(fixture_random(&seed) % MODEL_KEYS);
            bool erase = fixture_random(&seed) % 3 == 0;
            snprintf(keys[i], sizeof keys[i], "%02u", key);
            snprintf(values[i], sizeof values[i], "%u", (unsigned)(fixture_random(&seed) % 99999));
            puts[i] = fixture_put(FAMILY_STATE, keys[i], values[i]);
            puts[i].erase = erase;
            snprintf(model[key], sizeof model[key], "%s", erase ? "" : values[i]);
        }
        assert_int_equal(store_commit(subject->store, puts, count), STATUS_OK);
        if (round % 57 == 0) {
            subject_reopen(subject);
        }
    }
    char expected[1024] = "";
    for (unsigned key = 0; key < MODEL_KEYS; key++) {
        size_t used = strlen(expected);
        if (model[key][0] != '\0') {
            snprintf(expected + used, sizeof expected - used, "%02u=%s ", key, model[key]);
        }
    }
    assert_scan(subject->store, FAMILY_STATE, "", expected);
    assert_int_equal(fixture_flight(subject->store), 400);
}

/* A writer that moves one unit between two records in every flight, so that their sum tells whether
 * a picture is whole. */
struct writer {
    struct store *store;
    atomic_bool stop;
    atomic_uint flights;
    atomic_bool failed;
};

static void *write_until_stopped(void *context)
{
    struct writer *writer = context;
    unsigned moved = 0;
    while (!atomic_load(&writer->stop)) {
        char left[16];
        char right[16];
        moved = (moved + 1) % 1000;
        snprintf(left, sizeof left, "%u", moved);
        snprintf(right, sizeof right, "%u", 1000 - moved);
        struct put puts[] = {
            fixture_put(FAMILY_STATE, "left", left),
            fixture_put(FAMILY_TREE, "right", right),
            fixture_put(FAMILY_JOURNAL, left, right),
        };
        if (store_commit(writer->store, puts, 3) != STATUS_OK) {
            atomic_store(&writer->failed, true);
            break;
        }
        atomic_fetch_add(&writer->flights, 1);
    }
    return NULL;
}

static int view_number(struct store_view *view, enum family family, const char *key)
{
    uint8_t memory[16] = {0};
    struct buffer out = buffer_make(memory, sizeof memory - 1);
    assert_int_equal(store_view_get(view, family, bytes_of_text(key), &out), STATUS_OK);
    return (int)strtol((const char *)memory, NULL, 10);
}

static void views_are_whole_while_another_thread_writes(void **state)
{
    struct subject *subject = *state;
    struct writer writer = {.store = subject->store};
    pthread_t thread;
    fixture_commit(subject->store, FAMILY_STATE, "left", "0");
    fixture_commit(subject->store, FAMILY_TREE, "right", "1000");
    assert_int_equal(pthread_create(&thread, NULL, write_until_stopped, &writer), 0);
    for (int round = 0; round < 200 || atomic_load(&writer.flights) < 50; round++) {
        struct store_view *view = NULL;
        assert_int_equal(store_view_open(subject->store, &view), STATUS_OK);
        int left = view_number(view, FAMILY_STATE, "left");
        int right = view_number(view, FAMILY_TREE, "right");
        assert_int_equal(left + right, 1000);
        unsigned before = atomic_load(&writer.flights);
        while (round % 20 == 0 && atomic_load(&writer.flights) == before) {
            assert_false(atomic_load(&writer.failed));
        }
        assert_int_equal(view_number(view, FAMILY_STATE, "left"), left);
        store_view_close(view);
    }
    atomic_store(&writer.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(atomic_load(&writer.failed));
}

/* The exit of a child that commits `put`. */
static int child_commits(struct store *store, struct put put)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sigaction plain = {.sa_handler = SIG_DFL};
        fclose(stderr);
        sigaction(SIGABRT, &plain, NULL);
        enum status status = store_commit(store, &put, 1);
        _exit(status == STATUS_OK ? 0 : 1);
    }
    int ended = 0;
    assert_int_equal(waitpid(child, &ended, 0), child);
    return ended;
}

static void a_put_of_the_stores_own_records_is_a_broken_contract(void **state)
{
    struct subject *subject = *state;
    uint8_t key[STORE_KEY_BYTES_MAX + 1] = {0};
    struct put own = fixture_put(FAMILY_META, "store/flight/0", "x");
    struct put long_key = {FAMILY_STATE, false, BYTES_OF_ARRAY(key), BYTES_EMPTY};
    struct put no_key = {FAMILY_STATE, false, BYTES_EMPTY, BYTES_EMPTY};
    assert_true(WIFSIGNALED(child_commits(subject->store, own)));
    assert_true(WIFSIGNALED(child_commits(subject->store, long_key)));
    assert_true(WIFSIGNALED(child_commits(subject->store, no_key)));
    fixture_commit(subject->store, FAMILY_STATE, "store/flight/0", "only meta is guarded");
}

static struct subject in_memory = {.durable = false};
static struct subject on_rocks = {.durable = true};

#define BOTH(body)                                                                                 \
    {"memory: " #body, body, subject_open, subject_close, &in_memory},                             \
    {                                                                                              \
        "rocks: " #body, body, subject_open, subject_close, &on_rocks                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(what_is_committed_is_read_back),
        BOTH(puts_of_one_flight_apply_in_their_order),
        BOTH(a_value_longer_than_the_buffer_is_said_to_be),
        BOTH(keys_and_values_of_every_allowed_size_are_kept),
        BOTH(a_scan_goes_in_the_order_of_unsigned_bytes),
        BOTH(a_scan_stops_when_it_is_told_to),
        BOTH(floor_finds_the_last_record_not_above),
        BOTH(a_view_shows_what_was_when_it_was_opened),
        BOTH(a_flight_has_the_hash_of_its_bytes),
        BOTH(the_last_flights_are_remembered_across_a_restart),
        BOTH(after_a_failed_commit_nothing_is_written_until_a_restart),
        BOTH(many_random_flights_leave_what_a_plain_array_would),
        BOTH(views_are_whole_while_another_thread_writes),
        BOTH(a_put_of_the_stores_own_records_is_a_broken_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
