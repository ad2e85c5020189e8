/* What threads of the server hand to each other: the mailbox, the verify pool with its lanes, the
 * commit thread and the read thread. */
#include "crypto/sign.h"
#include "replica/host/cargo.h"
#include "replica/host/commit_thread.h"
#include "replica/host/mailbox.h"
#include "replica/host/memo.h"
#include "replica/host/verify_pool.h"
#include "storage/record.h"
#include "storage/store_memory.h"
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_readable(int fd, int wait_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, wait_ms) == 1;
}

/* --- Mailbox --------------------------------------------------------------------------------- */

static void a_full_mailbox_refuses_and_keeps_the_order(void **state)
{
    (void)state;
    struct mailbox box;
    int items[4];
    void *out[4];
    assert_int_equal(mailbox_open(&box, 3, MAILBOX_THREAD), STATUS_OK);
    for (int round = 0; round < 5; round++) {
        assert_true(mailbox_put(&box, &items[0]));
        assert_true(mailbox_put(&box, &items[1]));
        assert_true(mailbox_put(&box, &items[2]));
        assert_false(mailbox_put(&box, &items[3]));
        assert_int_equal(mailbox_take(&box, out, 2), 2);
        assert_ptr_equal(out[0], &items[0]);
        assert_ptr_equal(out[1], &items[1]);
        assert_true(mailbox_put(&box, &items[3]));
        assert_int_equal(mailbox_take(&box, out, 4), 2);
        assert_ptr_equal(out[0], &items[2]);
        assert_ptr_equal(out[1], &items[3]);
    }
    mailbox_close(&box);
}

static void the_bell_rings_as_long_as_something_is_inside(void **state)
{
    (void)state;
    struct mailbox box;
    int items[3];
    void *out[3];
    assert_int_equal(mailbox_open(&box, 3, MAILBOX_LOOP), STATUS_OK);
    assert_false(is_readable(mailbox_fd(&box), 0));
    assert_true(mailbox_put(&box, &items[0]));
    assert_true(mailbox_put(&box, &items[1]));
    assert_true(is_readable(mailbox_fd(&box), 0));
    mailbox_quiet(&box);
    assert_false(is_readable(mailbox_fd(&box), 0));
    assert_int_equal(mailbox_take(&box, out, 1), 1);
    assert_true(is_readable(mailbox_fd(&box), 0)); /* one was left behind */
    mailbox_quiet(&box);
    assert_int_equal(mailbox_take(&box, out, 3), 1);
    assert_false(is_readable(mailbox_fd(&box), 0));
    assert_true(mailbox_put(&box, &items[2]));
    assert_true(is_readable(mailbox_fd(&box), 0));
    assert_int_equal(mailbox_take(&box, out, 3), 1);
    mailbox_close(&box);
}

static void a_shut_mailbox_gives_what_is_left_and_then_nothing(void **state)
{
    (void)state;
    struct mailbox box;
    int item;
    void *out[2];
    assert_int_equal(mailbox_open(&box, 2, MAILBOX_THREAD), STATUS_OK);
    assert_true(mailbox_put(&box, &item));
    mailbox_shut(&box);
    assert_false(mailbox_put(&box, &item));
    assert_int_equal(mailbox_wait(&box, out, 2), 1);
    assert_int_equal(mailbox_wait(&box, out, 2), 0);
    mailbox_close(&box);
}

#define WRITERS 3
#define EACH 20000

static struct mailbox crowded;

static void *write_many(void *argument)
{
    for (uintptr_t i = 1; i <= EACH; i++) {
        uintptr_t item = (uintptr_t)argument << 32 | i;
        while (!mailbox_put(&crowded, (void *)item)) {
            sched_yield();
        }
    }
    return NULL;
}

static void many_writers_lose_nothing_and_keep_their_own_order(void **state)
{
    (void)state;
    pthread_t writers[WRITERS];
    uintptr_t last[WRITERS] = {0};
    size_t got = 0;
    assert_int_equal(mailbox_open(&crowded, 16, MAILBOX_THREAD), STATUS_OK);
    for (uintptr_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&writers[i], NULL, write_many, (void *)i), 0);
    }
    while (got < (size_t)WRITERS * EACH) {
        void *out[8];
        size_t count = mailbox_wait(&crowded, out, 8);
        for (size_t i = 0; i < count; i++) {
            uintptr_t item = (uintptr_t)out[i];
            assert_int_equal(item & UINT32_MAX, last[item >> 32] + 1);
            last[item >> 32]++;
        }
        got += count;
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i], NULL);
    }
    mailbox_close(&crowded);
}

/* --- Verify pool ----------------------------------------------------------------------------- */

struct work {
    struct verify_work head;
    enum drop verdict[VERIFY_WORKERS_MAX]; /* of each part */
    atomic_uint ran;
    atomic_uint order; /* when it was run, from 1 */
};

static atomic_uint clock_hand;
static atomic_bool gate_open;

static enum drop run(const struct verify_work *head, uint32_t part)
{
    struct work *work = (struct work *)(uintptr_t)head;
    work->ran++;
    work->order = ++clock_hand;
    return work->verdict[part];
}

static enum drop run_at_gate(const struct verify_work *head, uint32_t part)
{
    (void)head;
    (void)part;
    while (!gate_open) {
        sched_yield();
    }
    return DROP_NONE;
}

static void give(struct verify_pool *pool, struct work *work, enum verify_lane lane, uint32_t parts)
{
    work->head = (struct verify_work){.run = run, .lane = lane, .parts = parts};
    assert_true(verify_pool_give(pool, &work->head));
}

static void collect(struct verify_pool *pool, size_t count)
{
    struct mailbox *box = verify_pool_done(pool);
    while (count > 0) {
        void *out[16];
        assert_true(is_readable(mailbox_fd(box), 10000));
        mailbox_quiet(box);
        size_t taken = mailbox_take(box, out, 16);
        verify_pool_taken(pool, taken);
        count -= taken;
    }
    assert_int_equal(verify_pool_under_way(pool), 0);
}

static void no_discard(struct verify_work *work)
{
    (void)work;
    fail();
}

static void votes_are_verified_before_whatever_clients_sent(void **state)
{
    (void)state;
    struct verify_pool *pool = NULL;
    struct work gate = {.head = {.run = run_at_gate, .lane = LANE_VOTES, .parts = 1}};
    static struct work requests[50];
    static struct work proposals[5];
    static struct work votes[5];
    gate_open = false;
    clock_hand = 0;
    assert_int_equal(verify_pool_open(1, &pool), STATUS_OK);
    assert_true(verify_pool_give(pool, &gate.head)); /* the worker is busy while all come in */
    for (int i = 0; i < 50; i++) {
        give(pool, &requests[i], LANE_CLIENTS, 1);
    }
    for (int i = 0; i < 5; i++) {
        give(pool, &proposals[i], LANE_PROPOSALS, 1);
        give(pool, &votes[i], LANE_VOTES, 1);
    }
    gate_open = true;
    collect(pool, 61);
    for (int i = 0; i < 5; i++) {
        assert_true(votes[i].order <= 6);
        assert_true(proposals[i].order <= 11);
        assert_true(requests[i].order > 10);
    }
    verify_pool_close(pool, no_discard);
}

static void a_work_in_parts_is_good_when_all_of_them_are(void **state)
{
    (void)state;
    struct verify_pool *pool = NULL;
    static struct work good;
    static struct work bad;
    assert_int_equal(verify_pool_open(3, &pool), STATUS_OK);
    bad.verdict[4] = DROP_CLIENT_SIGNATURE;
    give(pool, &good, LANE_PROPOSALS, 5);
    give(pool, &bad, LANE_PROPOSALS, 7);
    collect(pool, 2);
    assert_int_equal(good.ran, 5);
    assert_int_equal(good.head.verdict, DROP_NONE);
    assert_int_equal(bad.ran, 7);
    assert_int_equal(bad.head.verdict, DROP_CLIENT_SIGNATURE);
    verify_pool_close(pool, no_discard);
}

#define ROUND 64

struct signed_work {
    struct verify_work head;
    uint8_t message[40];
    uint8_t sig[SIG_BYTES];
};

static uint8_t round_key[PUBLIC_KEY_BYTES];

static enum drop run_signed(const struct verify_work *head, uint32_t part)
{
    const struct signed_work *work = (const struct signed_work *)(const void *)head;
    (void)part;
    return sig_ed25519.verify(round_key, BYTES_OF_ARRAY(work->message), work->sig) ? DROP_NONE
                                                                                   : DROP_SIGNATURE;
}

/* Signatures are verified one by one: a bad one costs the others nothing, wherever it is. */
static void in_a_full_round_only_the_bad_signature_is_refused(void **state)
{
    (void)state;
    static struct signed_work works[ROUND];
    uint8_t seed[SEED_BYTES] = {7};
    sig_ed25519.public_key(seed, round_key);
    for (unsigned i = 0; i < ROUND; i++) {
        works[i].message[0] = (uint8_t)i;
        sig_ed25519.sign(seed, round_key, BYTES_OF_ARRAY(works[i].message), works[i].sig);
    }
    for (unsigned bad = 0; bad < ROUND; bad += 7) {
        struct verify_pool *pool = NULL;
        struct work gate = {.head = {.run = run_at_gate, .lane = LANE_VOTES, .parts = 2}};
        gate_open = false;
        works[bad].sig[bad] ^= 1;
        assert_int_equal(verify_pool_open(2, &pool), STATUS_OK);
        assert_true(verify_pool_give(pool, &gate.head)); /* both workers wait for all of them */
        for (unsigned i = 0; i < ROUND; i++) {
            works[i].head = (struct verify_work){.run = run_signed, .lane = LANE_VOTES, .parts = 1};
            assert_true(verify_pool_give(pool, &works[i].head));
        }
        gate_open = true;
        collect(pool, ROUND + 1);
        for (unsigned i = 0; i < ROUND; i++) {
            assert_int_equal(works[i].head.verdict, i == bad ? DROP_SIGNATURE : DROP_NONE);
        }
        verify_pool_close(pool, no_discard);
        works[bad].sig[bad] ^= 1;
    }
}

static unsigned discarded;

static void count_discard(struct verify_work *work)
{
    (void)work;
    discarded++;
}

static void closing_discards_what_was_not_begun_or_not_taken(void **state)
{
    (void)state;
    struct verify_pool *pool = NULL;
    static struct work works[20];
    discarded = 0;
    assert_int_equal(verify_pool_open(2, &pool), STATUS_OK);
    for (int i = 0; i < 20; i++) {
        give(pool, &works[i], LANE_CLIENTS, 1);
    }
    verify_pool_close(pool, count_discard);
    assert_int_equal(discarded, 20);
}

/* --- Cargo and commits ----------------------------------------------------------------------- */

static void put_text(struct cargo *cargo, const char *key, const char *value)
{
    const struct put put = {
        .family = FAMILY_STATE, .key = bytes_of_text(key), .value = bytes_of_text(value)};
    cargo_add_puts(cargo, &put, 1);
}

static void cargo_keeps_copies_in_order_however_much_it_is(void **state)
{
    (void)state;
    struct cargo cargo;
    cargo_init(&cargo);
    for (int round = 0; round < 3; round++) {
        static uint8_t value[100000];
        for (unsigned i = 0; i < 50; i++) {
            uint8_t key[2] = {1, (uint8_t)i};
            memset(value, (int)i, sizeof(value));
            const struct put put = {.family = FAMILY_BLOCKS,
                                    .erase = i % 7 == 0,
                                    .key = BYTES_OF_ARRAY(key),
                                    .value = bytes_make(value, i * 2000)};
            cargo_add_puts(&cargo, &put, 1);
        }
        assert_int_equal(cargo.put_count, 50);
        for (unsigned i = 0; i < 50; i++) {
            const struct put *put = &cargo.puts[i];
            assert_int_equal(put->family, FAMILY_BLOCKS);
            assert_int_equal(put->erase, i % 7 == 0);
            assert_int_equal(put->key.data[1], i);
            assert_int_equal(put->value.len, i * 2000);
            assert_true(i == 0 || put->value.data[i * 2000 - 1] == i);
        }
        cargo_reset(&cargo);
        assert_int_equal(cargo.put_count, 0);
        assert_int_equal(cargo.bytes, 0);
    }
    cargo_free(&cargo);
}

static void cargo_follows_the_highest_vote_of_the_journal(void **state)
{
    (void)state;
    struct cargo cargo;
    cargo_init(&cargo);
    static const uint64_t heights[] = {5, 9, 7};
    for (size_t i = 0; i < 3; i++) {
        struct record_key key = record_key_journal('s', heights[i]);
        const struct put put = {.family = FAMILY_JOURNAL, .key = record_key_bytes(&key)};
        cargo_add_puts(&cargo, &put, 1);
    }
    struct record_key other = record_key_journal('p', 99);
    struct record_key erased = record_key_journal('s', 98);
    const struct put puts[] = {
        {.family = FAMILY_JOURNAL, .key = record_key_bytes(&other)},
        {.family = FAMILY_JOURNAL, .erase = true, .key = record_key_bytes(&erased)}};
    cargo_add_puts(&cargo, puts, 2);
    assert_int_equal(cargo.anchor.voted, 9);
    cargo_free(&cargo);
}

static unsigned failures;

static void on_failure(void *context, enum status status, const char *what)
{
    (void)context;
    (void)what;
    assert_int_equal(status, STATUS_IO);
    failures++;
}

static void a_flight_comes_back_when_it_is_durable(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct commit_thread *thread = NULL;
    struct cargo cargo;
    uint8_t memory[16];
    struct buffer value = buffer_make(memory, sizeof(memory));
    assert_int_equal(store_memory_open(&store), STATUS_OK);
    const struct commit_place place = {.store = store, .failed = on_failure};
    assert_int_equal(commit_thread_open(&place, &thread), STATUS_OK);
    cargo_init(&cargo);
    for (int i = 0; i < 100; i++) {
        put_text(&cargo, "key", "value");
        assert_true(commit_thread_idle(thread));
        commit_thread_give(thread, &cargo);
        assert_false(commit_thread_idle(thread));
        assert_ptr_equal(commit_thread_finish(thread), &cargo);
        assert_true(commit_thread_idle(thread));
        assert_int_equal(store_memory_unsynced(store), 0);
        cargo_reset(&cargo);
    }
    assert_null(commit_thread_finish(thread));
    commit_thread_close(thread);
    assert_int_equal(store_get(store, FAMILY_STATE, bytes_of_text("key"), &value), STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&value), bytes_of_text("value")));
    store_close(store);
    cargo_free(&cargo);
}

static void a_pinned_flight_comes_back_with_a_picture_of_its_own(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct commit_thread *thread = NULL;
    struct cargo cargos[2];
    uint8_t memory[16];
    struct buffer value = buffer_make(memory, sizeof(memory));
    assert_int_equal(store_memory_open(&store), STATUS_OK);
    const struct commit_place place = {.store = store, .failed = on_failure};
    assert_int_equal(commit_thread_open(&place, &thread), STATUS_OK);
    for (int i = 0; i < 2; i++) {
        cargo_init(&cargos[i]);
        put_text(&cargos[i], "key", i == 0 ? "first" : "second");
        cargos[i].pin = i == 0 ? 7 : 0;
        commit_thread_give(thread, &cargos[i]);
        assert_ptr_equal(commit_thread_finish(thread), &cargos[i]);
    }
    assert_null(cargos[1].picture);
    assert_non_null(cargos[0].picture);
    assert_int_equal(store_view_get(cargos[0].picture, FAMILY_STATE, bytes_of_text("key"), &value),
                     STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&value), bytes_of_text("first")));
    cargo_reset(&cargos[0]);
    assert_null(cargos[0].picture);
    assert_int_equal(cargos[0].pin, 0);
    /* A store that gives no picture has committed all the same. */
    put_text(&cargos[0], "key", "third");
    cargos[0].pin = 8;
    store_memory_fail_at(store, 2, MEMORY_FAULT_LOST);
    commit_thread_give(thread, &cargos[0]);
    assert_ptr_equal(commit_thread_finish(thread), &cargos[0]);
    assert_null(cargos[0].picture);
    commit_thread_close(thread);
    cargo_free(&cargos[0]);
    cargo_free(&cargos[1]);
    store_close(store);
}

/* The anchor as it lies on the disk while the thread may be writing it. */
static uint64_t anchored(const char *path, const struct store_identity *identity)
{
    struct anchor_file file;
    struct anchor anchor;
    assert_int_equal(anchor_open(path, identity, &file, &anchor, NULL), STATUS_OK);
    anchor_close(&file);
    return anchor.flight.number;
}

static void the_anchor_is_at_most_one_flight_behind(void **state)
{
    (void)state;
    char directory[FIXTURE_PATH_BYTES];
    char path[FIXTURE_PATH_BYTES + 8];
    const struct store_identity identity = fixture_identity(1, 2);
    const struct anchor none = {0};
    struct anchor last;
    struct anchor_file file;
    struct store *store = NULL;
    struct commit_thread *thread = NULL;
    struct cargo cargo;
    fixture_dir_make(directory);
    snprintf(path, sizeof path, "%s/anchor", directory);
    assert_int_equal(anchor_create(path, &identity, &none, NULL), STATUS_OK);
    assert_int_equal(anchor_open(path, &identity, &file, &last, NULL), STATUS_OK);
    assert_int_equal(store_memory_open(&store), STATUS_OK);
    const struct commit_place place = {.store = store, .anchor = &file, .failed = on_failure};
    assert_int_equal(commit_thread_open(&place, &thread), STATUS_OK);
    cargo_init(&cargo);
    for (int i = 0; i < 50; i++) {
        put_text(&cargo, "key", "value");
        commit_thread_give(thread, &cargo);
        assert_ptr_equal(commit_thread_finish(thread), &cargo);
        assert_true(anchored(path, &identity) + 1 >= cargo.anchor.flight.number);
        cargo_reset(&cargo);
    }
    uint64_t newest = cargo.anchor.flight.number;
    commit_thread_close(thread);
    assert_int_equal(anchored(path, &identity), newest);
    assert_true(newest >= 49);
    anchor_close(&file);
    store_close(store);
    cargo_free(&cargo);
    fixture_dir_remove(directory);
}

static void a_flight_that_fails_never_comes_back(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct commit_thread *thread = NULL;
    struct cargo cargo;
    failures = 0;
    assert_int_equal(store_memory_open(&store), STATUS_OK);
    const struct commit_place place = {.store = store, .failed = on_failure};
    assert_int_equal(commit_thread_open(&place, &thread), STATUS_OK);
    cargo_init(&cargo);
    put_text(&cargo, "key", "value");
    store_memory_fail_at(store, 1, MEMORY_FAULT_KEPT);
    commit_thread_give(thread, &cargo);
    assert_false(is_readable(mailbox_fd(commit_thread_done(thread)), 200));
    assert_null(commit_thread_take(thread));
    commit_thread_close(thread);
    assert_int_equal(failures, 1);
    store_close(store);
    cargo_free(&cargo);
}

/* --- Memo ------------------------------------------------------------------------------------ */

static void a_memo_knows_what_was_added_and_nothing_else(void **state)
{
    (void)state;
    struct memo *memo = NULL;
    uint8_t hash[HASH_BYTES] = {0};
    assert_int_equal(memo_open(1024, &memo), STATUS_OK);
    memo_add(memo, hash);
    assert_false(memo_known(memo, hash)); /* zeroes stand for an empty place */
    for (unsigned i = 0; i < 100000; i++) {
        memcpy(hash, &i, sizeof(i));
        hash[31] = 1;
        assert_false(memo_known(memo, hash));
        memo_add(memo, hash);
        assert_true(memo_known(memo, hash));
        hash[30] ^= 1; /* the same place, another signature */
        assert_false(memo_known(memo, hash));
        hash[30] ^= 1;
    }
    memo_close(memo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_mailbox_refuses_and_keeps_the_order),
        cmocka_unit_test(the_bell_rings_as_long_as_something_is_inside),
        cmocka_unit_test(a_shut_mailbox_gives_what_is_left_and_then_nothing),
        cmocka_unit_test(many_writers_lose_nothing_and_keep_their_own_order),
        cmocka_unit_test(votes_are_verified_before_whatever_clients_sent),
        cmocka_unit_test(a_work_in_parts_is_good_when_all_of_them_are),
        cmocka_unit_test(in_a_full_round_only_the_bad_signature_is_refused),
        cmocka_unit_test(closing_discards_what_was_not_begun_or_not_taken),
        cmocka_unit_test(cargo_keeps_copies_in_order_however_much_it_is),
        cmocka_unit_test(cargo_follows_the_highest_vote_of_the_journal),
        cmocka_unit_test(a_flight_comes_back_when_it_is_durable),
        cmocka_unit_test(a_pinned_flight_comes_back_with_a_picture_of_its_own),
        cmocka_unit_test(the_anchor_is_at_most_one_flight_behind),
        cmocka_unit_test(a_flight_that_fails_never_comes_back),
        cmocka_unit_test(a_memo_knows_what_was_added_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
