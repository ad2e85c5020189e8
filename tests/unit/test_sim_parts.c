/* The simulator's own parts: its order of events, its tree, its generator, and that a run is a
 * function of its seed. What it finds in the core is vestry-sim's and tests/sim/mutants' to show.
 */
#include "crypto/merkle.h"
#include "crypto/selftest.h"
#include "tests/sim/check.h"
#include "tests/sim/events.h"
#include "tests/sim/sign_memo.h"
#include "tests/sim/world.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void events_come_in_order_of_time_and_then_of_adding(void **state)
{
    (void)state;
    static const uint64_t times[] = {5, 3, 9, 3, 1, 5, 0, 3};
    static const uint32_t expected[] = {6, 4, 1, 3, 7, 0, 5, 2};
    struct events events = {0};
    struct due due;
    for (uint32_t i = 0; i < 8; i++) {
        struct due added = {.at_us = times[i], .kind = DUE_TICK, .to = i};
        events_add(&events, &added);
    }
    for (uint32_t i = 0; i < 8; i++) {
        assert_true(events_next(&events, &due));
        assert_int_equal(due.to, expected[i]);
    }
    assert_false(events_next(&events, &due));
    events_close(&events);
}

static void many_events_are_never_early(void **state)
{
    (void)state;
    struct events events = {0};
    struct prng prng = {7};
    uint64_t last = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        struct due due = {.at_us = last + prng_below(&prng, 100), .kind = DUE_TICK};
        events_add(&events, &due);
        if (i % 3 == 0) {
            assert_true(events_next(&events, &due));
            assert_true(due.at_us >= last);
            last = due.at_us;
        }
    }
    events_close(&events);
}

/* Two trees that share no code: the checker's and the one of crypto/. */
static void the_checkers_tree_is_that_of_rfc_6962(void **state)
{
    (void)state;
    struct check *check = calloc(1, sizeof(*check));
    struct merkle_frontier frontier = {0};
    uint8_t hashes[70][HASH_BYTES];
    struct prng prng = {11};
    assert_non_null(check);
    for (uint64_t size = 1; size <= 70; size++) {
        uint8_t ours[HASH_BYTES];
        uint8_t theirs[HASH_BYTES];
        prng_fill(&prng, hashes[size - 1], HASH_BYTES);
        check_tree_append(check, hashes[size - 1]);
        assert_true(merkle_append(&frontier, hashes[size - 1], NULL, NULL));
        merkle_root(&frontier, theirs);
        check_tree_root(check, size, ours);
        assert_memory_equal(ours, theirs, HASH_BYTES);
        for (uint64_t index = 0; index < size; index++) {
            uint8_t space[MERKLE_PATH_MAX * HASH_BYTES];
            struct buffer path = buffer_make(space, sizeof(space));
            check_tree_path(check, index, size, &path);
            assert_true(
                merkle_inclusion_verify(index, size, hashes[index], buffer_bytes(&path), theirs));
        }
    }
    for (unsigned level = 0; level < SIM_LEVELS; level++) {
        free(check->levels[level].hashes);
    }
    free(check);
}

static void the_root_of_an_earlier_size_can_still_be_had(void **state)
{
    (void)state;
    struct check *check = calloc(1, sizeof(*check));
    uint8_t roots[40][HASH_BYTES];
    uint8_t root[HASH_BYTES];
    struct prng prng = {12};
    assert_non_null(check);
    for (uint64_t size = 1; size < 40; size++) {
        prng_fill(&prng, root, HASH_BYTES);
        check_tree_append(check, root);
        check_tree_root(check, size, roots[size]);
    }
    for (uint64_t size = 1; size < 40; size++) {
        check_tree_root(check, size, root);
        assert_memory_equal(root, roots[size], HASH_BYTES);
    }
    for (unsigned level = 0; level < SIM_LEVELS; level++) {
        free(check->levels[level].hashes);
    }
    free(check);
}

/* Run the seed; its digest. */
static uint64_t digest_of(struct world *world, uint64_t seed, uint32_t n)
{
    struct plan plan;
    plan_make(&plan, seed, n, 1200);
    world_open(world, &plan);
    world_run(world);
    uint64_t digest = world->digest;
    if (world->failed) {
        fail_msg("seed %lu: %s", (unsigned long)seed, world->failure);
    }
    world_close(world);
    return digest;
}

static void a_run_is_a_function_of_its_seed(void **state)
{
    struct world *world = *state;
    for (uint64_t seed = 1001; seed <= 1006; seed++) {
        uint32_t n = seed % 3 == 0 ? 7 : 4;
        assert_true(digest_of(world, seed, n) == digest_of(world, seed, n));
    }
}

static void different_seeds_give_different_runs(void **state)
{
    struct world *world = *state;
    assert_true(digest_of(world, 1001, 4) != digest_of(world, 1002, 4));
}

/* Each of the three that a good signature rests on, changed by one bit. */
static void a_remembered_signature_is_good_for_nothing_else(void **state)
{
    (void)state;
    const struct sig_scheme *memo = sign_memo(&sig_fast);
    uint8_t seed[SEED_BYTES] = {1};
    uint8_t key[PUBLIC_KEY_BYTES];
    uint8_t message[STATEMENT_BYTES] = {2};
    uint8_t sig[SIG_BYTES];
    memo->public_key(seed, key);
    memo->sign(seed, key, BYTES_OF_ARRAY(message), sig);
    for (int i = 0; i < 3; i++) {
        assert_true(memo->verify(key, BYTES_OF_ARRAY(message), sig));
        key[31] ^= 1;
        assert_false(memo->verify(key, BYTES_OF_ARRAY(message), sig));
        key[31] ^= 1;
        message[95] ^= 1;
        assert_false(memo->verify(key, BYTES_OF_ARRAY(message), sig));
        message[95] ^= 1;
        sig[63] ^= 1;
        assert_false(memo->verify(key, BYTES_OF_ARRAY(message), sig));
        sig[63] ^= 1;
        assert_false(memo->verify(key, bytes_make(message, STATEMENT_BYTES - 1), sig));
    }
    memo = sign_memo(&sig_ed25519);
    assert_false(memo->verify(key, BYTES_OF_ARRAY(message), sig));
}

static void the_first_violation_of_a_run_stands(void **state)
{
    static struct world another;
    struct world *world = &another;
    (void)state;
    world->now_us = 1234567;
    world_fail(world, "I1", 2, "two headers at height %d", 7);
    world_fail(world, "I2", SIM_NOBODY, "later");
    assert_true(world->failed);
    assert_string_equal(world->failure, "I1 at 1234.567 ms r2: two headers at height 7");
}

static void liars_are_never_more_than_f(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct plan plan;
        plan_make(&plan, seed, 0, 0);
        assert_true(plan.n == 4 || plan.n == 7 || plan.n == 10);
        assert_true((uint32_t)__builtin_popcount(plan.liars) <= plan.f);
        assert_true(plan.window >= 2 * plan.interval);
        assert_true(plan.loss_permille <= 300 && plan.copy_permille <= 500);
        assert_true(plan.outstanding >= 1 && plan.outstanding <= SESSION_WINDOW);
    }
}

static int open_world(void **state)
{
    static struct world world;
    struct selftest selftest;
    if (crypto_selftest(&sig_ed25519, &selftest) != STATUS_OK ||
        outbox_open(&world.outbox) != STATUS_OK) {
        return -1;
    }
    answers_open(&world);
    *state = &world;
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    answers_close(world);
    outbox_close(&world->outbox);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_in_order_of_time_and_then_of_adding),
        cmocka_unit_test(many_events_are_never_early),
        cmocka_unit_test(the_checkers_tree_is_that_of_rfc_6962),
        cmocka_unit_test(the_root_of_an_earlier_size_can_still_be_had),
        cmocka_unit_test(a_run_is_a_function_of_its_seed),
        cmocka_unit_test(different_seeds_give_different_runs),
        cmocka_unit_test(liars_are_never_more_than_f),
        cmocka_unit_test(a_remembered_signature_is_good_for_nothing_else),
        cmocka_unit_test(the_first_violation_of_a_run_stands),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
