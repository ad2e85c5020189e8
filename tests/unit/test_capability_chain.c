/* cap_check, case by case: who may act. Boundaries, generations, each way to widen, chains. */
#include "crypto/hash.h"
#include "governance/records.h"
#include "tests/support/sign_fast.h"
#include "tests/support/world_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW (FIXTURE_DATE + 5000)
#define HOUR FIXTURE_HOUR

#define ROOT (&trial.token.blocks[0])
#define LEAF (&trial.token.blocks[1])

/* --- Boundaries: nb <= T < exp, height < exp_height --------------------------------------------
 */

struct boundary {
    uint64_t not_before;
    uint64_t expires;
    uint64_t expires_height;
    enum result_code code;
};

static void validity_is_half_open_in_time_and_height(void **state)
{
    static const struct boundary cases[] = {
        {NOW, NOW + 10, 1000, RESULT_OK},        {NOW + 1, NOW + 10, 1000, E_NOT_YET},
        {NOW - 1, NOW + 10, 1000, RESULT_OK},    {NOW - 1, NOW + 1, 1000, RESULT_OK},
        {NOW - 1, NOW, 1000, E_EXPIRED_TIME},    {NOW - 9, NOW - 1, 1000, E_EXPIRED_TIME},
        {NOW - 1, NOW + 1, 11, RESULT_OK},       {NOW - 1, NOW + 1, 10, E_EXPIRED_HEIGHT},
        {NOW - 1, NOW + 1, 9, E_EXPIRED_HEIGHT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint32_t block = 0; block < 2; block++) {
            trial_init(&trial, &world, &sig_fast, 2);
            for (uint32_t j = block; j < 2; j++) {
                trial.token.blocks[j].body.not_before_ms = cases[i].not_before;
                trial.token.blocks[j].body.expires_ms = cases[i].expires;
                trial.token.blocks[j].body.expires_height = cases[i].expires_height;
            }
            assert_int_equal(trial_judge(&trial), cases[i].code);
            assert_int_equal(trial.verdict.block, cases[i].code == RESULT_OK ? 1 : block);
        }
    }
}

static void a_request_lives_up_to_its_last_moment_and_not_too_far_ahead(void **state)
{
    const uint64_t ahead = rights_param(&world.rights, PARAM_REQUEST_AHEAD);

    (void)state;
    trial.request.body.not_after_ms = NOW;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    trial.request.body.not_after_ms = NOW - 1;
    assert_int_equal(trial_judge(&trial), E_REQ_LATE);
    trial.request.body.not_after_ms = NOW + ahead;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    trial.request.body.not_after_ms = NOW + ahead + 1;
    assert_int_equal(trial_judge(&trial), E_REQ_LATE);
    trial.request.body.not_after_ms = UINT64_MAX;
    assert_int_equal(trial_judge(&trial), E_REQ_LATE);
}

static void a_generation_ends_at_its_moment(void **state)
{
    (void)state;
    world_issuer(&world, STANDING_ACTIVE, 1, NOW + 1);
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    world_issuer(&world, STANDING_ACTIVE, 1, NOW);
    assert_int_equal(trial_judge(&trial), E_GEN);
    ROOT->body.gen = 2;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
}

static void generations_below_the_least_are_refused(void **state)
{
    (void)state;
    world_issuer(&world, STANDING_ACTIVE, 2, U64_UNLIMITED);
    assert_int_equal(trial_judge(&trial), E_GEN);
    ROOT->body.gen = 2;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    world_issuer(&world, STANDING_ACTIVE, 3, U64_UNLIMITED);
    assert_int_equal(trial_judge(&trial), E_GEN);
}

static void a_retired_issuer_is_as_unknown_as_a_suspended_one(void **state)
{
    (void)state;
    world_issuer(&world, STANDING_RETIRED, 1, U64_UNLIMITED);
    assert_int_equal(trial_judge(&trial), E_ISSUER);
    ROOT->keep_parent = true;
    memset(ROOT->body.parent, 7, HASH_BYTES);
    assert_int_equal(trial_judge(&trial), E_ISSUER);
}

static void a_generation_s_key_signs_for_that_generation_only(void **state)
{
    (void)state;
    ROOT->body.gen = 2;
    ROOT->signed_by = "i1 0";
    assert_int_equal(trial_judge(&trial), E_SIG);
    ROOT->signed_by = "i2 1";
    assert_int_equal(trial_judge(&trial), E_SIG);
    ROOT->signed_by = "i1 1";
    assert_int_equal(trial_judge(&trial), RESULT_OK);
}

/* --- Widening ----------------------------------------------------------------------------------
 */

static void widen_ops(struct gov_block *block)
{
    block->body.ops = OP_APPEND | OP_READ | OP_GOVERN;
}

static void widen_prefix(struct gov_block *block)
{
    block->prefixes[0] = "lag";
}

static void widen_not_before(struct gov_block *block)
{
    block->body.not_before_ms = FIXTURE_DATE - 1;
}

static void widen_expires(struct gov_block *block)
{
    block->body.expires_ms = FIXTURE_DATE + HOUR + 1;
}

static void widen_expires_height(struct gov_block *block)
{
    block->body.expires_height = 1001;
}

static void widen_max_entry(struct gov_block *block)
{
    block->body.max_entry = 1001;
}

static void widen_quota_entries(struct gov_block *block)
{
    block->body.quota_entries = 101;
}

static void widen_quota_bytes(struct gov_block *block)
{
    block->body.quota_bytes = 100001;
}

static void widen_rate(struct gov_block *block)
{
    block->body.rate.uses = 51;
}

static void widen_window(struct gov_block *block)
{
    block->body.rate.window_ms = 59999;
}

static void widen_holders(struct gov_block *block)
{
    block->body.holders = 11;
}

static void widen_depth(struct gov_block *block)
{
    block->body.depth = 1;
}

struct widening_case {
    void (*widen)(struct gov_block *block);
    enum widening widening;
};

static const struct widening_case widenings[] = {
    {widen_ops, WIDEN_OPS},
    {widen_prefix, WIDEN_PREFIX},
    {widen_not_before, WIDEN_NOT_BEFORE},
    {widen_expires, WIDEN_EXPIRES},
    {widen_expires_height, WIDEN_EXPIRES_HEIGHT},
    {widen_max_entry, WIDEN_MAX_ENTRY},
    {widen_quota_entries, WIDEN_QUOTA_ENTRIES},
    {widen_quota_bytes, WIDEN_QUOTA_BYTES},
    {widen_rate, WIDEN_RATE},
    {widen_window, WIDEN_RATE_WINDOW},
    {widen_holders, WIDEN_HOLDERS},
    {widen_depth, WIDEN_DEPTH},
};

static void a_child_cannot_widen_what_it_was_given(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(widenings) / sizeof(widenings[0]); i++) {
        trial_init(&trial, &world, &sig_fast, 2);
        widenings[i].widen(LEAF);
        assert_int_equal(trial_judge(&trial), E_WIDEN);
        assert_int_equal(trial.verdict.widening, widenings[i].widening);
        assert_int_equal(trial.verdict.block, 1);
    }
}

/* The same for every block of the longest chain there can be. */
static void no_block_of_a_chain_of_five_can_widen(void **state)
{
    (void)state;
    trial_init(&trial, &world, &sig_fast, 5);
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    for (uint32_t block = 1; block < 5; block++) {
        for (size_t i = 0; i + 1 < sizeof(widenings) / sizeof(widenings[0]); i++) {
            trial_init(&trial, &world, &sig_fast, 5);
            widenings[i].widen(&trial.token.blocks[block]);
            assert_int_equal(trial_judge(&trial), E_WIDEN);
            assert_int_equal(trial.verdict.widening, widenings[i].widening);
            assert_int_equal(trial.verdict.block, block);
        }
        trial_init(&trial, &world, &sig_fast, 5);
        trial.token.blocks[block].body.depth = trial.token.blocks[block - 1].body.depth;
        assert_int_equal(trial_judge(&trial), E_WIDEN);
        assert_int_equal(trial.verdict.widening, WIDEN_DEPTH);
    }
}

/* The scope of issuer 0 is a bound like any other block. */
static void block_0_cannot_widen_its_issuer_s_scope(void **state)
{
    const struct cap_limits *scope = &world.rights.issuers[0].scope;

    (void)state;
    trial_init(&trial, &world, &sig_fast, 1);
    ROOT->prefixes[0] = "other";
    assert_int_equal(trial_judge(&trial), E_WIDEN);
    assert_int_equal(trial.verdict.widening, WIDEN_PREFIX);
    trial_init(&trial, &world, &sig_fast, 1);
    ROOT->prefixes[0] = "";
    assert_int_equal(trial_judge(&trial), E_WIDEN);
    trial_init(&trial, &world, &sig_fast, 1);
    ROOT->body.depth = scope->depth;
    assert_int_equal(trial_judge(&trial), E_WIDEN);
    assert_int_equal(trial.verdict.widening, WIDEN_DEPTH);
    ROOT->body.depth = scope->depth - 1;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    ROOT->body.max_entry = scope->max_entry + 1;
    assert_int_equal(trial_judge(&trial), E_WIDEN);
    trial_init(&trial, &world, &sig_fast, 1);
    ROOT->body.rate.window_ms = 30000;
    assert_int_equal(trial_judge(&trial), E_WIDEN);
    assert_int_equal(trial.verdict.widening, WIDEN_RATE_WINDOW);
}

static void a_token_lives_no_longer_than_the_scope_allows_from_now(void **state)
{
    const uint64_t life = world.rights.issuers[0].max_life_ms;

    (void)state;
    trial_init(&trial, &world, &sig_fast, 1);
    ROOT->body.expires_ms = NOW + life;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    ROOT->body.expires_ms = NOW + life + 1;
    assert_int_equal(trial_judge(&trial), E_WIDEN);
    assert_int_equal(trial.verdict.widening, WIDEN_LIFE);
    ROOT->body.expires_ms = U64_UNLIMITED;
    assert_int_equal(trial_judge(&trial), E_WIDEN);
}

/* --- Chains ------------------------------------------------------------------------------------
 */

static void a_chain_of_five_is_good_and_six_are_too_deep(void **state)
{
    (void)state;
    trial_init(&trial, &world, &sig_fast, 5);
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    assert_int_equal(trial.verdict.account_count, 5);
    trial_init(&trial, &world, &sig_fast, 6);
    assert_int_equal(trial_judge(&trial), E_DEPTH);
}

static void a_block_without_depth_has_no_children(void **state)
{
    (void)state;
    ROOT->body.depth = 0;
    LEAF->body.depth = 0;
    assert_int_equal(trial_judge(&trial), E_WIDEN);
    assert_int_equal(trial.verdict.widening, WIDEN_DEPTH);
}

static void a_block_belongs_to_the_parent_it_names(void **state)
{
    (void)state;
    LEAF->keep_parent = true;
    memset(LEAF->body.parent, 3, HASH_BYTES);
    assert_int_equal(trial_judge(&trial), E_PARENT);
}

/* Taken off: the leaf alone names a parent that is no issuer. */
static void a_child_without_its_parent_is_nobody_s(void **state)
{
    (void)state;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    memcpy(ROOT->body.parent, trial.view.chain.blocks[0].id, HASH_BYTES);
    *ROOT = *LEAF;
    ROOT->keep_parent = true;
    memcpy(ROOT->body.parent, trial.view.chain.blocks[0].id, HASH_BYTES);
    ROOT->signed_by = "alice";
    trial.token.count = 1;
    assert_int_equal(trial_judge(&trial), E_ISSUER);
}

static void a_parent_may_not_act_with_its_child_s_token(void **state)
{
    (void)state;
    trial.request.author = "alice";
    assert_int_equal(trial_judge(&trial), E_REQ_SIG);
    trial.request.author = "bob";
    assert_int_equal(trial_judge(&trial), RESULT_OK);
}

static void a_holder_that_is_a_governed_key_is_refused_whatever_its_role(void **state)
{
    static const char *const governed[] = {"m1", "h1",   "r0",   "r0 cosign",
                                           "w1", "i1 0", "i2 1", "r3 transport"};

    (void)state;
    for (size_t i = 0; i < sizeof(governed) / sizeof(governed[0]); i++) {
        trial_init(&trial, &world, &sig_fast, 2);
        ROOT->holder = governed[i];
        assert_int_equal(trial_judge(&trial), E_KEY);
        assert_int_equal(trial.verdict.block, 0);
    }
}

static void a_holder_that_is_no_point_is_refused(void **state)
{
    static const struct item_view *view = &trial.view;

    (void)state;
    assert_int_equal(trial_make(&trial), RESULT_OK);
    memset(trial.view.chain.blocks[1].holder, 0, PUBLIC_KEY_BYTES);
    assert_int_equal(trial_check(&trial), E_KEY);
    assert_int_equal(view->chain.count, 2);
}

static void revoking_a_parent_s_key_or_id_refuses_the_child(void **state)
{
    (void)state;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    world_revoke_block(&world, trial.view.chain.blocks[0].id, NOW + HOUR);
    assert_int_equal(trial_judge(&trial), E_REVOKED_ID);
    assert_int_equal(trial.verdict.block, 0);
    /* Another block by the same holders is none the wiser. */
    ROOT->body.nonce[0] = 1;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    world_revoke_key(&world, trial.view.chain.blocks[0].holder);
    assert_int_equal(trial_judge(&trial), E_REVOKED_KEY);
    assert_int_equal(trial.verdict.block, 0);
}

static void revoking_an_issuer_s_key_refuses_what_it_signed(void **state)
{
    uint8_t key[PUBLIC_KEY_BYTES];

    (void)state;
    gov_public_key(&sig_fast, "i1 0", key);
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    world_revoke_key(&world, key);
    assert_int_equal(trial_judge(&trial), E_REVOKED_KEY);
    assert_int_equal(trial.verdict.block, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(validity_is_half_open_in_time_and_height),
        TEST(a_request_lives_up_to_its_last_moment_and_not_too_far_ahead),
        TEST(a_generation_ends_at_its_moment),
        TEST(generations_below_the_least_are_refused),
        TEST(a_retired_issuer_is_as_unknown_as_a_suspended_one),
        TEST(a_generation_s_key_signs_for_that_generation_only),
        TEST(a_child_cannot_widen_what_it_was_given),
        TEST(no_block_of_a_chain_of_five_can_widen),
        TEST(block_0_cannot_widen_its_issuer_s_scope),
        TEST(a_token_lives_no_longer_than_the_scope_allows_from_now),
        TEST(a_chain_of_five_is_good_and_six_are_too_deep),
        TEST(a_block_without_depth_has_no_children),
        TEST(a_block_belongs_to_the_parent_it_names),
        TEST(a_child_without_its_parent_is_nobody_s),
        TEST(a_parent_may_not_act_with_its_child_s_token),
        TEST(a_holder_that_is_a_governed_key_is_refused_whatever_its_role),
        TEST(a_holder_that_is_no_point_is_refused),
        TEST(revoking_a_parent_s_key_or_id_refuses_the_child),
        TEST(revoking_an_issuer_s_key_refuses_what_it_signed),
    };

    gov_fixture_init(&world_fixture, &sig_fast, 4);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
