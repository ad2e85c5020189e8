/* Height 0: the state, its sections, the header and the leaf. */
#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "governance/genesis.h"
#include "tests/support/gov_world.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct gov_fixture fixture;
static struct gov_world world;
static uint8_t header_bytes[HEADER_BYTES_MAX];
static uint8_t leaf_bytes[LEAF_BYTES_MAX];
static uint8_t leaf_hash[HASH_BYTES];
static struct block_header header;
static struct leaf leaf;

static int begin(void **state)
{
    struct buffer header_out = buffer_make(header_bytes, sizeof(header_bytes));
    struct buffer leaf_out = buffer_make(leaf_bytes, sizeof(leaf_bytes));

    (void)state;
    gov_world_open(&world, &fixture, 1000);
    genesis_block(&world.charter, world.state, &header_out, &leaf_out);
    assert_int_equal(block_header_decode(buffer_bytes(&header_out), &header), WIRE_OK);
    assert_int_equal(leaf_decode(buffer_bytes(&leaf_out), &leaf), WIRE_OK);
    merkle_leaf_hash(buffer_bytes(&leaf_out), leaf_hash);
    return 0;
}

static int end(void **state)
{
    (void)state;
    gov_world_close(&world);
    return 0;
}

static void the_leaf_commits_to_the_charter_s_body(void **state)
{
    static const uint8_t no_salt[SALT_BYTES];
    const struct bytes salted[] = {BYTES_OF_ARRAY(no_salt), world.charter.body};
    uint8_t hash[HASH_BYTES];

    (void)state;
    hash_parts(salted, 2, hash);
    assert_memory_equal(leaf.payload_hash, hash, HASH_BYTES);
    assert_int_equal(leaf.payload_len, world.charter.body.len);
    assert_int_equal(leaf.kind, LEAF_GOVERNANCE);
    assert_true(bytes_equal(leaf.stream, bytes_of_text("vestry/governance")));
    assert_int_equal(leaf.index, 0);
    assert_int_equal(leaf.height, 0);
    assert_int_equal(leaf.stream_index, 0);
    assert_int_equal(leaf.position, 0);
    assert_int_equal(leaf.time_ms, FIXTURE_DATE);
    assert_true(hash_is_zero(leaf.author));
    assert_true(hash_is_zero(leaf.request_id));
}

static void the_header_commits_to_the_leaf_the_sections_and_the_state(void **state)
{
    uint8_t hash[HASH_BYTES];

    (void)state;
    assert_memory_equal(header.cluster_id, world.charter.cluster_id, HASH_BYTES);
    assert_int_equal(header.height, 0);
    assert_int_equal(header.epoch, 0);
    assert_int_equal(header.tree_size, 1);
    assert_memory_equal(header.tree_root, leaf_hash, HASH_BYTES);
    assert_true(hash_is_zero(header.prev_header_hash));
    assert_true(hash_is_zero(header.batch_digest));
    merkle_empty_root(hash);
    assert_memory_equal(header.result_root, hash, HASH_BYTES);
    assert_int_equal(header.time_ms, FIXTURE_DATE);
    assert_memory_equal(header.config_hash, world.rights.config_hash, HASH_BYTES);
    assert_int_equal(header.last_governance_height, 0);
    assert_int_equal(header.pending_boundary, NO_BOUNDARY);
    assert_int_equal(header.next_config_hash.len, 0);
    assert_int_equal(header.state_root.len, HASH_BYTES);
    state_root(world.state, hash);
    assert_memory_equal(header.state_root.data, hash, HASH_BYTES);
}

static void every_key_of_the_charter_is_registered_in_its_role(void **state)
{
    struct registry_row row;
    uint32_t cosign = 0;
    uint32_t cursor = 0;
    uint32_t registered = 0;
    struct bytes key;
    struct bytes value;

    (void)state;
    for (uint32_t i = 0; i < world.charter.key_count; i++) {
        const struct charter_key *expected = &world.charter.keys[i];

        assert_true(registry_find(world.state, expected->pk, &row));
        assert_int_equal(row.role, expected->role);
        assert_int_equal(row.standing, STANDING_ACTIVE);
        assert_int_equal(row.since_height, 0);
        assert_true(bytes_equal(row.subject, bytes_make(expected->subject, expected->subject_len)));
        cosign += row.role == ROLE_COSIGN ? 1 : 0;
    }
    assert_int_equal(cosign, 4);
    while (state_next(world.state, STATE_REGISTRY, &cursor, &key, &value)) {
        registered++;
    }
    assert_int_equal(registered, 25);
}

static void all_sections_are_in_version_1_and_the_config_hash_covers_them(void **state)
{
    struct section_record record;
    struct members_section members;
    struct software_section software;
    struct build_row build;

    (void)state;
    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        uint8_t before[HASH_BYTES];
        uint8_t after[HASH_BYTES];
        static uint8_t body[65536];
        size_t len = 0;

        assert_true(section_read(world.state, section, &record));
        assert_int_equal(record.version, 1);
        config_hash(world.state, before);
        len = record.body.len;
        memcpy(body, record.body.data, len);
        assert_true(section_write(world.state, section, bytes_make(body, len)));
        config_hash(world.state, after);
        assert_memory_not_equal(before, after, HASH_BYTES);
    }
    assert_true(section_read(world.state, SECTION_MEMBERS, &record));
    assert_int_equal(members_section_decode(record.body, &members), WIRE_OK);
    assert_int_equal(members.members.count, 5);
    assert_int_equal(members.thresholds.root, 4);
    assert_true(section_read(world.state, SECTION_SOFTWARE, &record));
    assert_int_equal(software_section_decode(record.body, &software), WIRE_OK);
    assert_int_equal(software.builds.count, 1);

    struct wire_iter iter = wire_iter_make(software.builds);

    assert_true(build_row_next(&iter, &build));
    assert_true(bytes_equal(build.build, bytes_of_text("vestryd 0.1.0")));
}

static void builds_are_listed_once_each_in_order(void **state)
{
    struct section_record record;
    struct software_section software;
    struct build_row build;

    (void)state;
    fixture.replicas[0].build = bytes_of_text("z");
    fixture.replicas[1].build = bytes_of_text("a");
    fixture.replicas[2].build = bytes_of_text("z");
    gov_world_close(&world);
    gov_world_open(&world, &fixture, 1000);
    gov_fixture_init(&fixture, &sig_fast, 4);
    assert_true(section_read(world.state, SECTION_SOFTWARE, &record));
    assert_int_equal(software_section_decode(record.body, &software), WIRE_OK);
    assert_int_equal(software.builds.count, 3);

    struct wire_iter iter = wire_iter_make(software.builds);

    assert_true(build_row_next(&iter, &build));
    assert_true(bytes_equal(build.build, bytes_of_text("a")));
    assert_true(build_row_next(&iter, &build));
    assert_true(bytes_equal(build.build, bytes_of_text("vestryd 0.1.0")));
}

/* A change of anything in the charter is another cluster with another genesis. */
static void the_same_charter_gives_the_same_bytes_and_another_gives_others(void **state)
{
    struct buffer header_out = buffer_make(header_bytes, sizeof(header_bytes));
    struct buffer leaf_out = buffer_make(leaf_bytes, sizeof(leaf_bytes));
    uint8_t first[HASH_BYTES];
    uint8_t second[HASH_BYTES];

    (void)state;
    for (uint32_t run = 0; run < 2; run++) {
        header_out.len = 0;
        leaf_out.len = 0;
        gov_world_close(&world);
        gov_world_open(&world, &fixture, run == 0 ? 1000 : 2000);
        genesis_block(&world.charter, world.state, &header_out, &leaf_out);
        hash_bytes(buffer_bytes(&header_out), run == 0 ? first : second);
    }
    assert_memory_equal(first, second, HASH_BYTES);
    fixture.charter.salt[0] ^= 1;
    header_out.len = 0;
    leaf_out.len = 0;
    gov_world_close(&world);
    gov_world_open(&world, &fixture, 1000);
    fixture.charter.salt[0] ^= 1;
    genesis_block(&world.charter, world.state, &header_out, &leaf_out);
    hash_bytes(buffer_bytes(&header_out), second);
    assert_memory_not_equal(first, second, HASH_BYTES);
}

static void a_state_without_room_for_genesis_says_so(void **state)
{
    struct state *small = NULL;

    (void)state;
    assert_int_equal(state_open(41, (size_t)4 << 20, 1, &small), STATUS_OK);
    assert_false(genesis_apply(&world.charter, small));
    state_close(small);
    assert_int_equal(state_open(1000, 100, 1, &small), STATUS_OK);
    assert_false(genesis_apply(&world.charter, small));
    state_close(small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_leaf_commits_to_the_charter_s_body),
        TEST(the_header_commits_to_the_leaf_the_sections_and_the_state),
        TEST(every_key_of_the_charter_is_registered_in_its_role),
        TEST(all_sections_are_in_version_1_and_the_config_hash_covers_them),
        TEST(builds_are_listed_once_each_in_order),
        TEST(the_same_charter_gives_the_same_bytes_and_another_gives_others),
        TEST(a_state_without_room_for_genesis_says_so),
    };

    gov_fixture_init(&fixture, &sig_fast, 4);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
