/* Revoking: keys of holders, and blocks of tokens. */
#include "crypto/sign.h"
#include "governance/records.h"
#include "tests/support/gov_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* --- Holders' keys --------------------------------------------------------------------------- */

static void plan_revoke(const char *const *names, uint32_t count, bool ascending)
{
    uint8_t keys[16][PUBLIC_KEY_BYTES];
    uint8_t space[1024];
    struct buffer list = buffer_make(space, sizeof(space));

    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;

        gov_public_key(stage.fixture.scheme, names[i], keys[i]);
        for (; at > 0 && memcmp(keys[at - 1], keys[at], PUBLIC_KEY_BYTES) > 0; at--) {
            uint8_t swapped[PUBLIC_KEY_BYTES];

            memcpy(swapped, keys[at], PUBLIC_KEY_BYTES);
            memcpy(keys[at], keys[at - 1], PUBLIC_KEY_BYTES);
            memcpy(keys[at - 1], swapped, PUBLIC_KEY_BYTES);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        struct item_hash key;

        memcpy(key.value, keys[ascending ? i : count - 1 - i], PUBLIC_KEY_BYTES);
        assert_true(item_hash_encode(&key, &list));
    }

    const struct args_revoke_key args = {{buffer_bytes(&list), count}};

    stage_plan(&stage, &plan, ACTION_REVOKE_KEY, SECTION_REVOCATIONS, &schema_args_revoke_key,
               &args);
}

static bool is_revoked(const char *name)
{
    uint8_t pk[PUBLIC_KEY_BYTES];

    gov_public_key(stage.fixture.scheme, name, pk);
    return rights_key_revoked(&stage.world.rights, pk);
}

static void holders_keys_are_revoked_and_no_others(void **state)
{
    static const char *const names[] = {"alice", "bob", "carol", "dave", "erin", "frank"};
    static const char *const governed[] = {"alice", "m2"};

    (void)state;
    plan_revoke(&names[1], 3, true);
    assert_case_takes(2);
    plan_revoke(&names[0], 1, true);
    assert_int_equal(case_proposed(), RESULT_OK);
    plan_revoke(&names[4], 2, true);
    assert_int_equal(case_proposed(), RESULT_OK);
    for (size_t i = 0; i < 6; i++) {
        assert_true(is_revoked(names[i]));
    }
    assert_false(is_revoked("grace"));
    plan_revoke((const char *const[]){"grace", "bob"}, 2, true);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_revoke((const char *const[]){"grace", "heidi"}, 2, false);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_revoke((const char *const[]){"grace", "grace"}, 2, true);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_revoke(governed, 2, true);
    assert_int_equal(case_proposed(), E_PREDICATE);
    plan_revoke((const char *const[]){"r2 transport"}, 1, true);
    assert_int_equal(case_proposed(), E_PREDICATE);
    assert_false(is_revoked("grace"));
}

static void the_list_of_revoked_keys_is_bounded(void **state)
{
    static uint8_t list_bytes[REVOKED_MAX * 40];
    static uint8_t body_bytes[REVOKED_MAX * 40 + 64];
    struct buffer list = buffer_make(list_bytes, sizeof(list_bytes));
    struct buffer body = buffer_make(body_bytes, sizeof(body_bytes));
    struct revocations_section section = {{BYTES_EMPTY, 0}, {BYTES_EMPTY, 0}};

    (void)state;
    for (uint32_t i = 0; i < REVOKED_MAX - 1; i++) {
        const struct item_hash key = {{0, (uint8_t)(i >> 8), (uint8_t)i}};

        assert_true(item_hash_encode(&key, &list));
    }
    section.keys = (struct wire_list){buffer_bytes(&list), REVOKED_MAX - 1};
    assert_true(revocations_section_encode(&section, &body));
    assert_true(section_write(stage.world.state, SECTION_REVOCATIONS, buffer_bytes(&body)));
    plan_revoke((const char *const[]){"alice", "bob"}, 2, true);
    assert_int_equal(stage_propose(&stage, &plan), E_CAPACITY);
    plan_revoke((const char *const[]){"alice"}, 1, true);
    assert_int_equal(case_proposed(), RESULT_OK);
    assert_true(is_revoked("alice"));
}

/* --- Tokens ---------------------------------------------------------------------------------- */

#define BLOCKS 4

/* Blocks of one token, as they are signed, and their ids. */
static struct gov_token token;
static struct bytes blocks[BLOCKS];
static uint8_t block_ids[BLOCKS][HASH_BYTES];

static void blocks_make(void)
{
    struct token decoded;
    struct signed_block block;
    uint32_t count = 0;

    gov_token_init(&token, 0, BLOCKS);
    assert_int_equal(
        token_decode(gov_token_make(&token, &stage.world, stage.fixture.scheme), &decoded),
        WIRE_OK);

    struct wire_iter iter = wire_iter_make(decoded.blocks);

    while (signed_block_next(&iter, &block)) {
        blocks[count] = block.block;
        statement_id(TAG_CAPABILITY, stage.world.charter.cluster_id, block.block,
                     block_ids[count++]);
    }
    assert_int_equal(count, BLOCKS);
}

static void plan_revoke_cap(const struct bytes *of, uint32_t count)
{
    uint8_t space[4096];
    struct buffer list = buffer_make(space, sizeof(space));

    for (uint32_t i = 0; i < count; i++) {
        const struct item_cap_block block = {of[i]};

        assert_true(item_cap_block_encode(&block, &list));
    }

    const struct args_revoke_cap args = {{buffer_bytes(&list), count}};

    stage_plan(&stage, &plan, ACTION_REVOKE_CAP, SECTION_REVOCATIONS, &schema_args_revoke_cap,
               &args);
}

static void blocks_are_revoked_by_what_they_say(void **state)
{
    (void)state;
    blocks_make();
    plan_revoke_cap(&blocks[1], 2);
    assert_case_takes(2);
    plan_revoke_cap(&blocks[0], 1);
    assert_int_equal(case_proposed(), RESULT_OK);
    plan_revoke_cap(&blocks[3], 1);
    assert_int_equal(case_proposed(), RESULT_OK);
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_true(rights_block_revoked(&stage.world.rights, block_ids[i]));
        plan_revoke_cap(&blocks[i], 1);
        assert_int_equal(case_proposed(), E_PREDICATE);
    }
    /* When they would have expired anyway, their rows go. */
    const uint64_t expires_ms = token.blocks[0].body.expires_ms;

    assert_false(state_retire(stage.world.state, expires_ms - 1));
    assert_true(state_retire(stage.world.state, expires_ms));
    assert_true(rights_refresh(&stage.world.rights, stage.world.state, NULL));
    assert_int_equal(stage.world.rights.revoked_block_count, 0);
}

static void what_is_no_block_or_none_any_more_is_not_revoked(void **state)
{
    const struct bytes junk[] = {bytes_of_text("junk")};

    (void)state;
    blocks_make();
    plan_revoke_cap(junk, 1);
    assert_int_equal(case_proposed(), E_ENCODING);
    plan_revoke_cap((const struct bytes[]){blocks[2], blocks[1], blocks[2]}, 3);
    assert_int_equal(case_proposed(), E_PREDICATE);
    stage.time_ms = token.blocks[1].body.expires_ms;
    plan_revoke_cap(&blocks[1], 1);
    assert_int_equal(case_proposed(), E_PREDICATE);
    stage.time_ms--;
    plan_revoke_cap(&blocks[1], 1);
    assert_int_equal(case_proposed(), RESULT_OK);
}

/* Also when it waited for its own time, where nobody signs anything. */
static void what_is_revoked_later_has_the_same_ids(void **state)
{
    (void)state;
    blocks_make();
    plan_revoke_cap(blocks, BLOCKS);
    plan.body.not_before_ms = stage.time_ms + 1;
    assert_int_equal(case_proposed(), RESULT_OK);
    assert_int_equal(stage.world.rights.revoked_block_count, 0);
    stage_block(&stage, 1, 1);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_true(rights_block_revoked(&stage.world.rights, block_ids[i]));
    }
}

static void the_list_of_revoked_blocks_is_bounded(void **state)
{
    static uint8_t list_bytes[REVOKED_MAX * 80];
    static uint8_t body_bytes[REVOKED_MAX * 80 + 64];
    struct buffer list = buffer_make(list_bytes, sizeof(list_bytes));
    struct buffer body = buffer_make(body_bytes, sizeof(body_bytes));
    struct revocations_section section = {{BYTES_EMPTY, 0}, {BYTES_EMPTY, 0}};

    (void)state;
    blocks_make();
    for (uint32_t i = 0; i < REVOKED_MAX - 1; i++) {
        const struct revoked_block row = {.id = {0, (uint8_t)(i >> 8), (uint8_t)i}};

        assert_true(revoked_block_encode(&row, &list));
    }
    section.blocks = (struct wire_list){buffer_bytes(&list), REVOKED_MAX - 1};
    assert_true(revocations_section_encode(&section, &body));
    assert_true(section_write(stage.world.state, SECTION_REVOCATIONS, buffer_bytes(&body)));
    plan_revoke_cap(blocks, 2);
    assert_int_equal(stage_propose(&stage, &plan), E_CAPACITY);
    plan_revoke_cap(blocks, 1);
    assert_int_equal(case_proposed(), RESULT_OK);
    assert_true(rights_block_revoked(&stage.world.rights, block_ids[0]));
}

#define T(name) cmocka_unit_test_setup_teardown(name, case_setup, case_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(holders_keys_are_revoked_and_no_others),
        T(the_list_of_revoked_keys_is_bounded),
        T(blocks_are_revoked_by_what_they_say),
        T(what_is_no_block_or_none_any_more_is_not_revoked),
        T(what_is_revoked_later_has_the_same_ids),
        T(the_list_of_revoked_blocks_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
