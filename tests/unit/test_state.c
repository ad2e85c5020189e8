#include "crypto/hash.h"
#include "governance/state.h"
#include "tests/support/state_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct state *open_small(uint32_t records, size_t bytes)
{
    struct state *state = NULL;

    assert_int_equal(state_open(records, bytes, 7, &state), STATUS_OK);
    return state;
}

static struct bytes text(const char *text)
{
    return bytes_of_text(text);
}

static void assert_value(const struct state *state, const char *key, const char *value)
{
    struct bytes found;

    assert_true(state_get(state, text(key), &found));
    assert_true(bytes_equal(found, text(value)));
}

static void what_was_put_is_found_until_it_is_erased(void **unused)
{
    struct state *state = open_small(10, 1000);

    (void)unused;
    assert_false(state_has(state, text("a")));
    assert_false(state_erase(state, text("a")));
    assert_true(state_put(state, text("a"), text("one")));
    assert_true(state_put(state, text("b"), BYTES_EMPTY));
    assert_value(state, "a", "one");
    assert_value(state, "b", "");
    assert_true(state_put(state, text("a"), text("two")));
    assert_value(state, "a", "two");
    assert_int_equal(state_count(state), 2);
    assert_true(state_erase(state, text("a")));
    assert_false(state_has(state, text("a")));
    assert_false(state_erase(state, text("a")));
    assert_int_equal(state_count(state), 1);
    state_close(state);
}

static void bounds_that_make_no_sense_are_refused(void **unused)
{
    struct state *state = NULL;

    (void)unused;
    assert_int_equal(state_open(0, 1000, 7, &state), STATUS_INVALID);
    assert_int_equal(state_open(10, 0, 7, &state), STATUS_INVALID);
    assert_int_equal(state_open(STATE_RECORDS_MAX + 1, 1000, 7, &state), STATUS_INVALID);
    assert_int_equal(state_open(10, SIZE_MAX, 7, &state), STATUS_INVALID);
    assert_null(state);
    state_close(state);
}

static void a_full_state_refuses_new_records_and_keeps_the_old(void **unused)
{
    struct state *state = open_small(3, 1000);

    (void)unused;
    assert_true(state_put(state, text("a"), text("1")));
    assert_true(state_put(state, text("b"), text("2")));
    assert_true(state_put(state, text("c"), text("3")));
    assert_int_equal(state_free(state), 0);
    assert_false(state_put(state, text("d"), text("4")));
    assert_false(state_has(state, text("d")));
    assert_true(state_put(state, text("a"), text("9")));
    assert_true(state_erase(state, text("b")));
    assert_true(state_put(state, text("d"), text("4")));
    assert_false(state_put(state, text("e"), text("5")));
    state_close(state);
}

static void room_for_clients_ends_before_room_for_governance(void **unused)
{
    struct state *state = open_small(32, 1000);
    uint8_t key = 1;

    (void)unused;
    assert_int_equal(state_room(state), 30);
    for (; key <= 31; key++) {
        assert_true(state_put(state, bytes_make(&key, 1), BYTES_EMPTY));
    }
    assert_int_equal(state_room(state), 0);
    assert_int_equal(state_free(state), 1);
    state_close(state);
}

/* Twice as many slots as records, and long values: whatever was in use is free again. */
static void a_state_that_is_reset_is_as_new(void **unused)
{
    static uint8_t value[300];
    struct state *state = open_small(20, 1500);
    struct state *fresh = open_small(20, 1500);
    uint8_t root[HASH_BYTES];
    uint8_t expected[HASH_BYTES];

    (void)unused;
    for (uint8_t round = 1; round <= 20; round++) {
        uint32_t cursor = 0;
        struct state_change change;
        struct bytes found;

        for (uint8_t i = 0; i < 20; i++) {
            const uint8_t key[2] = {1, (uint8_t)(i * round)};

            memset(value, i, sizeof(value));
            if (!state_has(state, BYTES_OF_ARRAY(key))) {
                assert_true(state_put(state, BYTES_OF_ARRAY(key),
                                      bytes_make(value, i < 5 ? sizeof(value) : 4)));
            }
        }
        if (round % 3 != 0) {
            state_root(state, root);
            state_mark(state);
            assert_true(state_erase(state, BYTES_OF_ARRAY(((uint8_t[]){1, 0}))));
        }
        state_reset(state);
        assert_int_equal(state_count(state), 0);
        assert_int_equal(state_free(state), 20);
        assert_false(state_change_next(state, &cursor, &change));
        assert_false(state_has(state, BYTES_OF_ARRAY(((uint8_t[]){1, round}))));
        cursor = 0;
        assert_false(state_next(state, 1, &cursor, &found, &found));
        state_root(state, root);
        assert_true(hash_is_zero(root));
    }
    for (uint8_t i = 0; i < 20; i++) {
        const uint8_t key[2] = {2, i};

        assert_true(state_put(state, BYTES_OF_ARRAY(key), bytes_make(value, 4)));
        assert_true(state_put(fresh, BYTES_OF_ARRAY(key), bytes_make(value, 4)));
    }
    state_root(state, root);
    state_root(fresh, expected);
    assert_memory_equal(root, expected, HASH_BYTES);
    state_close(state);
    state_close(fresh);
}

/* Values of 300 bytes in a state for 1000 bytes of them: three fit, whatever happened before. Often
 * enough that the space behind them, which has a megabyte to spare, runs out too. */
static void long_values_are_counted_in_bytes_and_never_by_luck(void **unused)
{
    static uint8_t value[300];
    struct state *state = open_small(10, 1000);

    (void)unused;
    for (uint32_t round = 0; round < 3000; round++) {
        const char *const keys[] = {"a", "b", "c", "d"};
        const char *last = keys[round % 4];
        struct bytes found;

        for (size_t i = 0; i < sizeof(value); i++) {
            value[i] = (uint8_t)(round + i);
        }
        for (uint32_t i = 1; i < 4; i++) {
            assert_true(state_put(state, text(keys[(round + i) % 4]), BYTES_OF_ARRAY(value)));
        }
        assert_false(state_put(state, text(last), BYTES_OF_ARRAY(value)));
        assert_true(state_put(state, text(keys[(round + 1) % 4]), text("short")));
        assert_true(state_put(state, text(keys[(round + 1) % 4]), BYTES_OF_ARRAY(value)));
        assert_true(state_erase(state, text(keys[(round + 2) % 4])));
        assert_true(state_erase(state, text(keys[(round + 1) % 4])));
        state_mark(state);
        assert_int_equal(state_count(state), 1);
        assert_true(state_get(state, text(keys[(round + 3) % 4]), &found));
        assert_true(bytes_equal(found, BYTES_OF_ARRAY(value)));
    }
    assert_false(state_put(state, text("x"), bytes_make(value, 1001 - 300 * 1)));
    state_close(state);
}

/* The space is won back several times over, and what stays has to move for it. */
static void a_long_value_stays_while_others_come_and_go(void **unused)
{
    static uint8_t value[300];
    struct state *state = open_small(10, 1000);

    (void)unused;
    memset(value, 7, sizeof(value));
    assert_true(state_put(state, text("a"), BYTES_OF_ARRAY(value)));
    memset(value, 8, sizeof(value));
    assert_true(state_put(state, text("stays"), BYTES_OF_ARRAY(value)));
    for (uint32_t i = 0; i < 12000; i++) {
        uint8_t other[300];
        struct bytes found;

        memset(other, (int)i, sizeof(other));
        assert_true(state_put(state, text(i % 2 == 0 ? "a" : "b"), BYTES_OF_ARRAY(other)));
        assert_true(state_get(state, text("stays"), &found));
        assert_true(bytes_equal(found, BYTES_OF_ARRAY(value)));
    }
    state_close(state);
}

static void a_value_longer_than_any_is_refused(void **unused)
{
    static uint8_t value[STATE_VALUE_BYTES_MAX + 1];
    struct state *state = open_small(10, (size_t)8 << 20);

    (void)unused;
    assert_false(state_put(state, text("a"), BYTES_OF_ARRAY(value)));
    assert_true(state_put(state, text("a"), bytes_make(value, sizeof(value) - 1)));
    state_close(state);
}

static void changes_are_told_once_in_the_order_of_their_first(void **unused)
{
    struct state *state = open_small(10, 1000);
    struct state_change change;
    uint32_t cursor = 0;

    (void)unused;
    assert_true(state_put(state, text("a"), text("1")));
    assert_true(state_put(state, text("b"), text("2")));
    assert_true(state_put(state, text("c"), text("3")));
    state_mark(state);
    assert_false(state_change_next(state, &cursor, &change));

    assert_true(state_put(state, text("c"), text("4")));
    assert_true(state_put(state, text("x"), text("5")));
    assert_true(state_erase(state, text("a")));
    assert_true(state_put(state, text("c"), text("6")));
    assert_true(state_put(state, text("b"), text("2")));
    assert_true(state_put(state, text("gone"), text("7")));
    assert_true(state_erase(state, text("gone")));

    assert_true(state_change_next(state, &cursor, &change));
    assert_true(bytes_equal(change.key, text("c")));
    assert_true(bytes_equal(change.value, text("6")));
    assert_false(change.erased);
    assert_true(state_change_next(state, &cursor, &change));
    assert_true(bytes_equal(change.key, text("x")));
    assert_true(state_change_next(state, &cursor, &change));
    assert_true(bytes_equal(change.key, text("a")));
    assert_true(change.erased);
    assert_false(state_change_next(state, &cursor, &change));
    state_close(state);
}

static void an_erased_key_that_comes_back_is_told_with_its_value(void **unused)
{
    struct state *state = open_small(10, 1000);
    struct state_change change;
    uint32_t cursor = 0;

    (void)unused;
    assert_true(state_put(state, text("a"), text("1")));
    state_mark(state);
    assert_true(state_erase(state, text("a")));
    assert_true(state_put(state, text("a"), text("2")));
    assert_true(state_change_next(state, &cursor, &change));
    assert_false(change.erased);
    assert_true(bytes_equal(change.value, text("2")));
    assert_false(state_change_next(state, &cursor, &change));
    state_close(state);
}

/* As many keys may come and go within one block as one likes: none of them stays in memory. */
static void keys_that_come_and_go_use_nothing_up(void **unused)
{
    struct state *state = open_small(2, 1000);

    (void)unused;
    assert_true(state_put(state, text("stays"), text("1")));
    state_mark(state);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(state_put(state, bytes_make(&i, sizeof(i)), text("x")));
        assert_true(state_erase(state, bytes_make(&i, sizeof(i))));
    }
    assert_int_equal(state_count(state), 1);
    state_close(state);
}

static void a_walk_over_a_kind_survives_erasing(void **unused)
{
    struct state *state = open_small(100, 1000);
    uint32_t cursor = 0;
    uint32_t seen = 0;
    struct bytes key;
    struct bytes value;

    (void)unused;
    for (uint8_t i = 0; i < 40; i++) {
        const uint8_t bytes[2] = {(uint8_t)(1 + i % 2), i};

        assert_true(state_put(state, BYTES_OF_ARRAY(bytes), text("v")));
    }
    while (state_next(state, 2, &cursor, &key, &value)) {
        assert_int_equal(key.data[0], 2);
        assert_true(state_erase(state, key));
        seen++;
    }
    assert_int_equal(seen, 20);
    assert_int_equal(state_count(state), 20);
    cursor = 0;
    assert_false(state_next(state, 2, &cursor, &key, &value));
    state_close(state);
}

/* --- Against a model that is as plain as can be ------------------------------------------------
 */

static bool model_visit(void *context, struct bytes key, struct bytes value)
{
    struct state_model *model = context;
    const struct model_record *record = &model->records[model->visited++];

    assert_true(bytes_equal(key, bytes_make(record->key, record->key_len)));
    assert_true(bytes_equal(value, bytes_make(record->value, record->value_len)));
    return true;
}

static void assert_same(struct state *state, struct state_model *model)
{
    uint8_t expected[HASH_BYTES];
    uint8_t root[HASH_BYTES];

    assert_int_equal(state_count(state), model->count);
    model->visited = 0;
    assert_true(state_visit(state, model_visit, model));
    assert_int_equal(model->visited, model->count);
    model_root(model, expected);
    state_root(state, root);
    assert_memory_equal(root, expected, HASH_BYTES);
}

static void random_step(struct state *state, struct state_model *model, uint64_t *random)
{
    uint8_t key[8] = {0};
    uint8_t value[200];
    const size_t key_len = 1 + model_random(random) % 2;
    const size_t value_len = model_random(random) % sizeof(value);

    for (size_t i = 0; i < key_len; i++) {
        key[i] = (uint8_t)(model_random(random) % 24);
    }
    memset(value, (int)(model_random(random) & 0xff), sizeof(value));
    if (model_random(random) % 3 == 0) {
        assert_int_equal(state_erase(state, bytes_make(key, key_len)),
                         model_erase(model, bytes_make(key, key_len)));
        return;
    }
    assert_int_equal(state_put(state, bytes_make(key, key_len), bytes_make(value, value_len)),
                     model_put(model, bytes_make(key, key_len), bytes_make(value, value_len)));
}

static void content_order_and_root_are_those_of_a_plain_model(void **unused)
{
    static struct state_model model;
    uint64_t random = 1;

    (void)unused;
    for (uint32_t run = 0; run < 12; run++) {
        struct state *state = open_small(64, 4000);

        model_init(&model, 64, 4000);
        for (uint32_t step = 0; step < 600; step++) {
            random_step(state, &model, &random);
            if (model_random(&random) % 7 == 0) {
                state_mark(state);
            }
            if (model_random(&random) % (run + 1) == 0) {
                assert_same(state, &model);
            }
        }
        assert_same(state, &model);
        state_close(state);
    }
}

static void puts_of_all_changes_rebuild_the_same_state(void **unused)
{
    static struct state_model model;
    uint64_t random = 99;
    struct state *state = open_small(64, 4000);
    struct state *copy = open_small(64, 4000);

    (void)unused;
    model_init(&model, 64, 4000);
    for (uint32_t block = 0; block < 100; block++) {
        uint8_t root[HASH_BYTES];
        uint8_t copied[HASH_BYTES];
        struct state_change change;
        uint32_t cursor = 0;

        state_mark(state);
        for (uint32_t step = 0; step < 20; step++) {
            random_step(state, &model, &random);
        }
        while (state_change_next(state, &cursor, &change)) {
            if (change.erased) {
                assert_true(state_erase(copy, change.key));
            } else {
                assert_true(state_put(copy, change.key, change.value));
            }
        }
        state_root(state, root);
        state_root(copy, copied);
        assert_memory_equal(root, copied, HASH_BYTES);
    }
    state_close(state);
    state_close(copy);
}

static void the_root_depends_on_content_and_not_on_history(void **unused)
{
    struct state *up = open_small(300, 1000);
    struct state *down = open_small(300, 1000);
    uint8_t first[HASH_BYTES];
    uint8_t second[HASH_BYTES];

    (void)unused;
    state_root(up, first);
    assert_true(hash_is_zero(first));
    for (uint32_t i = 0; i < 200; i++) {
        const uint32_t other = 199 - i;

        assert_true(state_put(up, bytes_make(&i, 4), bytes_make(&i, 4)));
        assert_true(state_put(down, bytes_make(&other, 4), text("first")));
        state_root(down, second);
        assert_true(state_put(down, bytes_make(&other, 4), bytes_make(&other, 4)));
    }
    state_root(up, first);
    state_root(down, second);
    assert_memory_equal(first, second, HASH_BYTES);
    for (uint32_t i = 0; i < 200; i++) {
        assert_true(state_erase(up, bytes_make(&i, 4)));
    }
    state_root(up, first);
    assert_true(hash_is_zero(first));
    state_close(up);
    state_close(down);
}

static bool visit_one(void *context, struct bytes key, struct bytes value)
{
    uint32_t *left = context;

    assert_true(bytes_equal(key, bytes_of_text(*left == 1 ? "a" : "b")));
    assert_int_equal(value.len, 0);
    return --*left > 0;
}

static void a_visit_ends_where_the_visitor_wants(void **unused)
{
    struct state *state = open_small(10, 1000);
    uint32_t left = 1;

    (void)unused;
    assert_true(state_put(state, bytes_of_text("b"), BYTES_EMPTY));
    assert_true(state_put(state, bytes_of_text("a"), BYTES_EMPTY));
    assert_false(state_visit(state, visit_one, &left));
    assert_int_equal(left, 0);
    state_close(state);
}

static void a_single_record_is_the_root_itself(void **unused)
{
    struct state *state = open_small(10, 1000);
    uint8_t leaf[1 + 2 * HASH_BYTES] = {0};
    uint8_t expected[HASH_BYTES];
    uint8_t root[HASH_BYTES];

    (void)unused;
    assert_true(state_put(state, text("key"), text("value")));
    hash_bytes(text("key"), leaf + 1);
    hash_bytes(text("value"), leaf + 1 + HASH_BYTES);
    hash_bytes(BYTES_OF_ARRAY(leaf), expected);
    state_root(state, root);
    assert_memory_equal(root, expected, HASH_BYTES);
    state_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_until_it_is_erased),
        cmocka_unit_test(bounds_that_make_no_sense_are_refused),
        cmocka_unit_test(a_full_state_refuses_new_records_and_keeps_the_old),
        cmocka_unit_test(room_for_clients_ends_before_room_for_governance),
        cmocka_unit_test(a_state_that_is_reset_is_as_new),
        cmocka_unit_test(long_values_are_counted_in_bytes_and_never_by_luck),
        cmocka_unit_test(a_long_value_stays_while_others_come_and_go),
        cmocka_unit_test(a_value_longer_than_any_is_refused),
        cmocka_unit_test(changes_are_told_once_in_the_order_of_their_first),
        cmocka_unit_test(an_erased_key_that_comes_back_is_told_with_its_value),
        cmocka_unit_test(keys_that_come_and_go_use_nothing_up),
        cmocka_unit_test(a_walk_over_a_kind_survives_erasing),
        cmocka_unit_test(content_order_and_root_are_those_of_a_plain_model),
        cmocka_unit_test(puts_of_all_changes_rebuild_the_same_state),
        cmocka_unit_test(the_root_depends_on_content_and_not_on_history),
        cmocka_unit_test(a_visit_ends_where_the_visitor_wants),
        cmocka_unit_test(a_single_record_is_the_root_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
