/* What only the store in memory can do: forget, fail, be copied and be rolled back. */
#include "storage/store_memory.h"
#include "storage/treap.h"
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int open_store(void **state)
{
    struct store *store = NULL;
    if (store_memory_open(&store) != STATUS_OK) {
        return -1;
    }
    *state = store;
    return 0;
}

static int close_store(void **state)
{
    store_close(*state);
    return 0;
}

static enum status stage(struct store *store, const char *key, const char *value)
{
    struct put put = fixture_put(FAMILY_JOURNAL, key, value);
    return store_memory_stage(store, &put, 1);
}

static void a_crash_loses_what_was_staged_and_not_synced(void **state)
{
    struct store *store = *state;
    assert_int_equal(stage(store, "a", "safe"), STATUS_OK);
    assert_int_equal(store_memory_sync(store), STATUS_OK);
    assert_int_equal(stage(store, "a", "lost"), STATUS_OK);
    assert_int_equal(stage(store, "b", "lost"), STATUS_OK);
    fixture_assert_value(store, FAMILY_JOURNAL, "a", "lost");
    assert_int_equal(store_memory_unsynced(store), 2);
    assert_int_equal(fixture_flight(store), 3);
    store_memory_crash(store, 0);
    fixture_assert_value(store, FAMILY_JOURNAL, "a", "safe");
    fixture_assert_value(store, FAMILY_JOURNAL, "b", NULL);
    assert_int_equal(store_memory_unsynced(store), 0);
    assert_int_equal(fixture_flight(store), 1);
}

static void a_crash_may_keep_the_first_flights_of_the_unsynced(void **state)
{
    struct store *store = *state;
    for (size_t keep = 0; keep <= 6; keep++) {
        char value[16];
        uint64_t before = fixture_flight(store);
        for (int i = 1; i <= 5; i++) {
            snprintf(value, sizeof value, "%zu-%d", keep, i);
            assert_int_equal(stage(store, "last", value), STATUS_OK);
        }
        store_memory_crash(store, keep);
        size_t kept = keep < 5 ? keep : 5;
        assert_int_equal(fixture_flight(store), before + kept);
        snprintf(value, sizeof value, "%zu-%zu", keep, kept);
        fixture_assert_value(store, FAMILY_JOURNAL, "last", kept == 0 ? NULL : value);
    }
}

static void a_commit_syncs_what_was_staged_before_it(void **state)
{
    struct store *store = *state;
    assert_int_equal(stage(store, "a", "1"), STATUS_OK);
    fixture_commit(store, FAMILY_JOURNAL, "b", "2");
    store_memory_crash(store, 0);
    fixture_assert_value(store, FAMILY_JOURNAL, "a", "1");
    fixture_assert_value(store, FAMILY_JOURNAL, "b", "2");
    assert_int_equal(fixture_flight(store), 2);
}

static void a_failed_sync_loses_or_keeps_and_ends_the_writing(void **state)
{
    struct store *store = *state;
    for (int kept = 0; kept <= 1; kept++) {
        uint64_t before = fixture_flight(store);
        assert_int_equal(stage(store, "a", "1"), STATUS_OK);
        store_memory_fail_at(store, 1, kept ? MEMORY_FAULT_KEPT : MEMORY_FAULT_LOST);
        assert_int_equal(store_memory_sync(store), STATUS_IO);
        assert_int_equal(store_memory_sync(store), STATUS_IO);
        assert_int_equal(stage(store, "a", "2"), STATUS_IO);
        assert_string_not_equal(store_fault(store), "");
        store_memory_crash(store, 0);
        assert_string_equal(store_fault(store), "");
        assert_int_equal(fixture_flight(store), before + (unsigned)kept);
    }
}

static void a_failed_stage_ends_the_writing(void **state)
{
    struct store *store = *state;
    store_memory_fail_at(store, 2, MEMORY_FAULT_LOST);
    assert_int_equal(stage(store, "a", "1"), STATUS_OK);
    assert_int_equal(stage(store, "a", "2"), STATUS_IO);
    assert_int_equal(stage(store, "a", "3"), STATUS_IO);
    fixture_assert_value(store, FAMILY_JOURNAL, "a", "1");
}

static bool count_one(void *context, struct bytes key, struct bytes value)
{
    size_t *count = context;
    (void)key;
    (void)value;
    (*count)++;
    return true;
}

/* One of each reading operation; the number of those that failed. */
static int read_everything(struct store *store, struct store_view *view)
{
    uint8_t memory[2][32];
    struct buffer key = buffer_make(memory[0], sizeof memory[0]);
    struct buffer value = buffer_make(memory[1], sizeof memory[1]);
    struct bytes a = bytes_of_text("a");
    struct store_view *other = NULL;
    size_t count = 0;
    int failed = 0;
    failed += store_get(store, FAMILY_STATE, a, &value) == STATUS_IO;
    failed += store_scan(store, FAMILY_STATE, a, count_one, &count) == STATUS_IO;
    failed += store_view_get(view, FAMILY_STATE, a, &value) == STATUS_IO;
    failed += store_view_scan(view, FAMILY_STATE, a, count_one, &count) == STATUS_IO;
    failed += store_view_floor(view, FAMILY_STATE, a, &key, &value) == STATUS_IO;
    failed += store_view_open(store, &other) == STATUS_IO;
    store_view_close(other);
    return failed;
}

static void every_reading_operation_can_be_made_to_fail_once(void **state)
{
    struct store *store = *state;
    struct store_view *view = NULL;
    fixture_commit(store, FAMILY_STATE, "a", "1");
    assert_int_equal(store_view_open(store, &view), STATUS_OK);
    uint64_t before = store_memory_operations(store);
    assert_int_equal(read_everything(store, view), 0);
    assert_int_equal(store_memory_operations(store) - before, 6);
    for (uint64_t n = 1; n <= 6; n++) {
        store_memory_fail_at(store, n, MEMORY_FAULT_LOST);
        assert_int_equal(read_everything(store, view), 1);
    }
    assert_int_equal(read_everything(store, view), 0);
    store_view_close(view);
}

static void a_copy_lives_its_own_life(void **state)
{
    struct store *store = *state;
    struct store *copy = NULL;
    fixture_commit(store, FAMILY_STATE, "a", "shared");
    assert_int_equal(stage(store, "u", "unsynced"), STATUS_OK);
    assert_int_equal(store_memory_copy(store, &copy), STATUS_OK);
    fixture_commit(store, FAMILY_STATE, "a", "here");
    assert_int_equal(fixture_flight(copy), 2);
    fixture_assert_value(copy, FAMILY_STATE, "a", "shared");
    fixture_assert_value(copy, FAMILY_JOURNAL, "u", "unsynced");
    store_memory_crash(copy, 0);
    fixture_assert_value(copy, FAMILY_JOURNAL, "u", NULL);
    fixture_assert_value(store, FAMILY_JOURNAL, "u", "unsynced");
    fixture_commit(copy, FAMILY_STATE, "a", "there");
    fixture_assert_value(store, FAMILY_STATE, "a", "here");
    store_close(copy);
    fixture_assert_value(store, FAMILY_STATE, "a", "here");
}

static void a_store_can_be_rolled_back_to_a_copy(void **state)
{
    struct store *store = *state;
    struct store *saved = NULL;
    fixture_commit(store, FAMILY_STATE, "a", "then");
    assert_int_equal(store_memory_copy(store, &saved), STATUS_OK);
    fixture_commit(store, FAMILY_STATE, "a", "now");
    fixture_commit(store, FAMILY_STATE, "b", "now");
    store_memory_restore(store, saved);
    assert_int_equal(fixture_flight(store), 1);
    fixture_assert_value(store, FAMILY_STATE, "a", "then");
    fixture_assert_value(store, FAMILY_STATE, "b", NULL);
    store_close(saved);
    fixture_commit(store, FAMILY_STATE, "b", "later");
    fixture_assert_value(store, FAMILY_STATE, "a", "then");
}

/* A version of the map and what it must contain. */
#define TREAP_KEYS 64
#define VERSIONS 40

struct version {
    struct treap_node *root;
    uint8_t value[TREAP_KEYS]; /* 0: not there */
};

static void assert_version(const struct version *version)
{
    struct treap_found found;
    uint8_t next = 0;
    bool more = treap_ceiling(version->root, bytes_make(&next, 1), &found);
    for (uint8_t key = 0; key < TREAP_KEYS; key++) {
        struct treap_found at;
        bool there = version->value[key] != 0;
        assert_int_equal(treap_find(version->root, bytes_make(&key, 1), &at), there);
        if (!there) {
            continue;
        }
        assert_true(more);
        assert_int_equal(found.key.data[0], key);
        assert_int_equal(found.value.data[0], version->value[key]);
        more = treap_above(version->root, found.key, &found);
    }
    assert_false(more);
}

static void every_kept_version_of_a_treap_stays_as_it_was(void **state)
{
    (void)state;
    struct version versions[VERSIONS] = {0};
    struct version current = {0};
    uint64_t seed = 7;
    for (int step = 0; step < 6000; step++) {
        uint8_t key = (uint8_t)(fixture_random(&seed) % TREAP_KEYS);
        uint8_t value = (uint8_t)(fixture_random(&seed) % 4);
        enum status status =
            value == 0 ? treap_erase(&current.root, bytes_make(&key, 1), NULL)
                       : treap_put(&current.root, bytes_make(&key, 1), bytes_make(&value, 1), NULL);
        assert_int_equal(status, STATUS_OK);
        current.value[key] = value;
        if (step % 5 == 0) {
            struct version *kept = &versions[fixture_random(&seed) % VERSIONS];
            assert_version(kept);
            treap_release(kept->root);
            *kept = current;
            kept->root = treap_retain(current.root);
        }
    }
    treap_release(current.root);
    for (int i = 0; i < VERSIONS; i++) {
        assert_version(&versions[i]);
        treap_release(versions[i].root);
    }
}

#define CHANGES 200

static void changes_taken_back_leave_a_treap_as_it_was(void **state)
{
    (void)state;
    struct version now = {0};
    struct treap_change changes[CHANGES];
    uint8_t keys[CHANGES];
    uint8_t values[CHANGES]; /* before the change */
    uint64_t seed = 11;
    for (int round = 0; round < 20; round++) {
        struct version then = now;
        then.root = treap_retain(now.root);
        for (int i = 0; i < CHANGES; i++) {
            keys[i] = (uint8_t)(fixture_random(&seed) % TREAP_KEYS);
            uint8_t value = (uint8_t)(fixture_random(&seed) % 3);
            struct bytes key = bytes_make(&keys[i], 1);
            enum status status =
                value == 0 ? treap_erase(&now.root, key, &changes[i])
                           : treap_put(&now.root, key, bytes_make(&value, 1), &changes[i]);
            assert_int_equal(status, STATUS_OK);
            values[i] = now.value[keys[i]];
            now.value[keys[i]] = value;
        }
        assert_version(&now);
        for (int i = CHANGES - 1; i >= 10 * round; i--) {
            assert_int_equal(treap_revert(&now.root, &changes[i]), STATUS_OK);
            now.value[keys[i]] = values[i];
        }
        assert_version(&now);
        assert_version(&then);
        for (int i = 0; i < CHANGES; i++) {
            treap_change_release(&changes[i]);
        }
        treap_release(then.root);
    }
    treap_release(now.root);
}

static void a_treap_of_rising_keys_is_not_a_list(void **state)
{
    (void)state;
    struct treap_node *root = NULL;
    struct treap_found found;
    for (uint32_t i = 0; i < 200000; i++) {
        uint8_t memory[4];
        struct buffer key = buffer_make(memory, sizeof memory);
        buffer_put_u32be(&key, i);
        assert_int_equal(treap_put(&root, buffer_bytes(&key), BYTES_EMPTY, NULL), STATUS_OK);
    }
    /* The expected depth is about 2 ln(200000) = 24. */
    for (uint32_t i = 0; i < 200000; i += 997) {
        uint8_t memory[4];
        struct buffer key = buffer_make(memory, sizeof memory);
        buffer_put_u32be(&key, i);
        assert_in_range(treap_depth(root, buffer_bytes(&key)), 1, 80);
    }
    assert_true(treap_floor(root, bytes_make("\377\377\377\377", 4), &found));
    assert_int_equal(bytes_get_u32be(found.key.data), 199999);
    treap_release(root);
}

#define TEST(body) cmocka_unit_test_setup_teardown(body, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_crash_loses_what_was_staged_and_not_synced),
        TEST(a_crash_may_keep_the_first_flights_of_the_unsynced),
        TEST(a_commit_syncs_what_was_staged_before_it),
        TEST(a_failed_sync_loses_or_keeps_and_ends_the_writing),
        TEST(a_failed_stage_ends_the_writing),
        TEST(every_reading_operation_can_be_made_to_fail_once),
        TEST(a_copy_lives_its_own_life),
        TEST(a_store_can_be_rolled_back_to_a_copy),
        cmocka_unit_test(every_kept_version_of_a_treap_stays_as_it_was),
        cmocka_unit_test(changes_taken_back_leave_a_treap_as_it_was),
        cmocka_unit_test(a_treap_of_rising_keys_is_not_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
