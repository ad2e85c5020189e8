/* Rights as a cache of sections, and the records that execution moves. */
#include "crypto/hash.h"
#include "governance/records.h"
#include "tests/support/sign_fast.h"
#include "tests/support/world_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void rights_are_what_the_charter_says(void **state)
{
    uint8_t id[HASH_BYTES];
    const struct rights_issuer *issuer = NULL;

    (void)state;
    charter_issuer_id(&world.charter, 1, id);
    issuer = rights_issuer(&world.rights, id);
    assert_non_null(issuer);
    assert_true(issuer->active);
    assert_int_equal(issuer->gen_min, 1);
    assert_int_equal(issuer->generation_count, 2);
    assert_int_equal(issuer->scope.prefixes.count, 1);
    assert_int_equal(issuer->scope.prefixes.list[0].len, 0);
    assert_int_equal(issuer->scope.depth, TOKEN_BLOCKS_MAX);
    assert_int_equal(issuer->max_life_ms, 24 * FIXTURE_HOUR);
    assert_int_equal(issuer->live_tokens, 1000);
    assert_int_equal(issuer->scope.expires_ms, U64_UNLIMITED);
    assert_memory_equal(rights_generation(issuer, 2)->pk, world_fixture.issuer_keys[1][1].pk,
                        PUBLIC_KEY_BYTES);
    assert_null(rights_generation(issuer, 0));
    assert_int_equal(world.rights.profile, PROFILE_DEVELOPMENT);
    assert_int_equal(world.rights.feature_level, FEATURE_LEVEL);
    id[0] ^= 1;
    assert_null(rights_issuer(&world.rights, id));
}

static void parameters_have_defaults_until_they_are_set(void **state)
{
    struct rights rights;

    (void)state;
    rights_init(&rights);
    assert_int_equal(rights_param(&rights, PARAM_CHECKPOINT_INTERVAL), 128);
    assert_int_equal(rights_param(&world.rights, PARAM_CHECKPOINT_INTERVAL), 128);
    world_fixture.params[0] = (struct param_row){PARAM_CHECKPOINT_INTERVAL, 64};
    world_fixture.params[1] = (struct param_row){PARAM_STREAMS, 100};
    world_fixture.param_count = 2;
    gov_world_close(&world);
    gov_world_open(&world, &world_fixture, 1000);
    world_fixture.param_count = 0;
    assert_int_equal(rights_param(&world.rights, PARAM_CHECKPOINT_INTERVAL), 64);
    assert_int_equal(rights_param(&world.rights, PARAM_STREAMS), 100);
    assert_int_equal(rights_param(&world.rights, PARAM_WINDOW), 256);
}

static void a_refresh_says_whether_a_section_moved(void **state)
{
    uint8_t before[HASH_BYTES];
    uint8_t now[HASH_BYTES];
    struct section_record record;
    uint8_t body[4096];
    size_t len = 0;
    bool moved = true;

    (void)state;
    assert_true(rights_refresh(&world.rights, world.state, &moved));
    assert_false(moved);
    memcpy(before, world.rights.config_hash, HASH_BYTES);
    config_hash(world.state, now);
    assert_memory_equal(before, now, HASH_BYTES);

    /* The same bytes again are a new version all the same, of whichever section. */
    assert_true(section_read(world.state, SECTION_WITNESSES, &record));
    assert_int_equal(record.version, 1);
    len = record.body.len;
    assert_true(len <= sizeof(body));
    memcpy(body, record.body.data, len);
    assert_true(section_write(world.state, SECTION_WITNESSES, bytes_make(body, len)));
    assert_true(rights_refresh(&world.rights, world.state, &moved));
    assert_true(moved);
    assert_int_equal(world.rights.versions[SECTION_WITNESSES], 2);
    assert_memory_not_equal(world.rights.config_hash, before, HASH_BYTES);
}

static void a_section_that_is_not_one_is_refused(void **state)
{
    const uint8_t junk[] = {0x91, 1, 2};

    (void)state;
    assert_true(section_write(world.state, SECTION_PARAMS, BYTES_OF_ARRAY(junk)));
    assert_false(rights_refresh(&world.rights, world.state, NULL));
}

static void revocations_are_found_among_many(void **state)
{
    static uint8_t list_bytes[65536];
    static uint8_t body_bytes[65536];
    struct buffer list = buffer_make(list_bytes, sizeof(list_bytes));
    struct buffer body = buffer_make(body_bytes, sizeof(body_bytes));
    struct revocations_section section = {0};

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        struct revoked_block row = {.expires_ms = 5};

        row.id[0] = (uint8_t)(i >> 8);
        row.id[1] = (uint8_t)i;
        assert_true(i % 2 == 1 || revoked_block_encode(&row, &list));
    }
    section.blocks = (struct wire_list){buffer_bytes(&list), 500};
    assert_true(revocations_section_encode(&section, &body));
    assert_true(section_write(world.state, SECTION_REVOCATIONS, buffer_bytes(&body)));
    assert_true(rights_refresh(&world.rights, world.state, NULL));
    for (uint32_t i = 0; i < 1000; i++) {
        uint8_t id[HASH_BYTES] = {(uint8_t)(i >> 8), (uint8_t)i};

        assert_int_equal(rights_block_revoked(&world.rights, id), i % 2 == 0);
        assert_false(rights_key_revoked(&world.rights, id));
    }
}

/* --- Records -----------------------------------------------------------------------------------
 */

static void streams_grow_and_are_counted_once(void **state)
{
    const struct state_key streams = state_key_counter(COUNTER_STREAMS);
    uint64_t first = 9;

    (void)state;
    assert_int_equal(stream_length(world.state, bytes_of_text("a/b")), 0);
    assert_true(stream_append(world.state, bytes_of_text("a/b"), 3, &first));
    assert_int_equal(first, 0);
    assert_true(stream_append(world.state, bytes_of_text("a/b"), 1, &first));
    assert_int_equal(first, 3);
    assert_int_equal(stream_length(world.state, bytes_of_text("a/b")), 4);
    assert_int_equal(stream_length(world.state, bytes_of_text("a")), 0);
    assert_int_equal(counter_read(world.state, &streams), 1);
    assert_true(stream_append(world.state, bytes_of_text(GOVERNANCE_STREAM), 1, &first));
    assert_int_equal(first, 1);
    assert_int_equal(counter_read(world.state, &streams), 1);
    assert_false(stream_append(world.state, bytes_of_text("a/b"), LOG_ENTRIES_MAX - 3, &first));
    assert_int_equal(stream_length(world.state, bytes_of_text("a/b")), 4);
}

static void the_last_eight_checkpoint_roots_are_kept(void **state)
{
    struct roots_record roots;
    struct root_row row;
    uint8_t root[HASH_BYTES] = {0};

    (void)state;
    assert_true(roots_read(world.state, &roots));
    assert_int_equal(roots.list.count, 0);
    for (uint8_t i = 1; i <= 20; i++) {
        uint8_t expected = i < 8 ? 1 : (uint8_t)(i - 7);

        root[0] = i;
        assert_true(roots_note(world.state, 128u * i, root));
        assert_true(roots_read(world.state, &roots));
        assert_int_equal(roots.list.count, i < 8 ? i : 8);

        struct wire_iter iter = wire_iter_make(roots.list);

        while (root_row_next(&iter, &row)) {
            assert_int_equal(row.height, 128u * expected);
            assert_int_equal(row.state_root[0], expected);
            expected++;
        }
        assert_int_equal(expected, i + 1);
    }
}

static void a_checkpoint_root_that_was_noted_can_be_taken_back(void **state)
{
    struct root_row pushed_out = {0};
    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];

    (void)state;
    assert_false(roots_take_back(world.state, NULL));
    for (uint8_t i = 1; i <= 20; i++) {
        const uint8_t root[HASH_BYTES] = {i};

        state_root(world.state, before);
        assert_true(roots_note(world.state, 128u * i, root));
        assert_true(roots_take_back(world.state, i > 8 ? &pushed_out : NULL));
        state_root(world.state, after);
        assert_memory_equal(after, before, HASH_BYTES);
        assert_true(roots_note(world.state, 128u * i, root));
        if (i >= 8) {
            pushed_out.height = 128u * (i - 7u);
            pushed_out.state_root[0] = (uint8_t)(i - 7);
        }
    }
}

static void the_clock_is_kept(void **state)
{
    struct clock_record clock;

    (void)state;
    assert_true(clock_read(world.state, &clock));
    assert_int_equal(clock.time_ms, FIXTURE_DATE);
    assert_int_equal(clock.pending_boundary, NO_BOUNDARY);
    clock.time_ms++;
    clock.last_governance_height = 7;
    assert_true(clock_write(world.state, &clock));
    memset(&clock, 0, sizeof(clock));
    assert_true(clock_read(world.state, &clock));
    assert_int_equal(clock.time_ms, FIXTURE_DATE + 1);
    assert_int_equal(clock.last_governance_height, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rights_are_what_the_charter_says),
        TEST(parameters_have_defaults_until_they_are_set),
        TEST(a_refresh_says_whether_a_section_moved),
        TEST(a_section_that_is_not_one_is_refused),
        TEST(revocations_are_found_among_many),
        TEST(streams_grow_and_are_counted_once),
        TEST(the_last_eight_checkpoint_roots_are_kept),
        TEST(a_checkpoint_root_that_was_noted_can_be_taken_back),
        TEST(the_clock_is_kept),
    };

    gov_fixture_init(&world_fixture, &sig_fast, 4);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
