/* A boundary, what the next epoch has otherwise, and how it begins. */
#include "crypto/hash.h"
#include "governance/epoch.h"
#include "tests/support/gov_stage.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct gov_stage stage;

static int setup(void **state)
{
    (void)state;
    stage_open(&stage, 4, false, 1000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stage_close(&stage);
    return 0;
}

static const char *const new_keys[] = {"r2 new", "r2 new cosign", "r2 new transport"};

/* The section `replicas` in which r2 has other keys. */
static struct bytes replicas_with_new_keys(const struct gov_stage *of)
{
    static uint8_t list_bytes[8192];
    static uint8_t body_bytes[8192];
    struct buffer list = buffer_make(list_bytes, sizeof(list_bytes));
    struct buffer body = buffer_make(body_bytes, sizeof(body_bytes));
    struct section_record record;
    struct replicas_section section;
    struct replica_standing row;

    CHECK(section_read(of->world.state, SECTION_REPLICAS, &record));
    CHECK(replicas_section_decode(record.body, &section) == WIRE_OK);

    struct wire_iter iter = wire_iter_make(section.replicas);

    while (replica_standing_next(&iter, &row)) {
        if (row.rid == 2) {
            gov_public_key(&sig_fast, new_keys[0], row.sign_pk);
            gov_public_key(&sig_fast, new_keys[1], row.cosign_pk);
            gov_public_key(&sig_fast, new_keys[2], row.transport_pk);
        }
        CHECK(replica_standing_encode(&row, &list));
    }
    section.replicas.raw = buffer_bytes(&list);
    CHECK(replicas_section_encode(&section, &body));
    return buffer_bytes(&body);
}

/* As an enactment at height 10 leaves it, with a boundary at 384. */
static void pend_new_keys(void)
{
    static const uint64_t roles[] = {ROLE_REPLICA, ROLE_COSIGN, ROLE_TRANSPORT};

    for (uint32_t i = 0; i < 3; i++) {
        const struct registry_row row = {
            .role = roles[i],
            .subject = bytes_of_text("r2"),
            .since_height = 385,
            .standing = STANDING_SUSPENDED,
        };
        uint8_t pk[PUBLIC_KEY_BYTES];
        uint8_t bytes[128];
        struct buffer out = buffer_make(bytes, sizeof(bytes));

        gov_public_key(&sig_fast, new_keys[i], pk);

        const struct state_key key = state_key_registry(pk);

        CHECK(registry_row_encode(&row, &out));
        CHECK(state_put(stage.world.state, state_key_bytes(&key), buffer_bytes(&out)));
    }
    assert_true(
        epoch_set_next(stage.world.state, SECTION_REPLICAS, replicas_with_new_keys(&stage)));
    epoch_end_at(stage.world.state, 384);
}

static struct registry_row registered(const char *name)
{
    struct registry_row row;
    uint8_t pk[PUBLIC_KEY_BYTES];

    gov_public_key(&sig_fast, name, pk);
    assert_true(registry_find(stage.world.state, pk, &row));
    return row;
}

/* --- The boundary ---------------------------------------------------------------------------- */

static void a_boundary_is_the_first_checkpoint_beyond_the_window(void **state)
{
    (void)state;
    assert_int_equal(epoch_boundary(0, 128, 256), 256);
    assert_int_equal(epoch_boundary(1, 128, 256), 384);
    assert_int_equal(epoch_boundary(127, 128, 256), 384);
    assert_int_equal(epoch_boundary(128, 128, 256), 384);
    assert_int_equal(epoch_boundary(129, 128, 256), 512);
    for (uint64_t interval = 16; interval <= 128; interval += 7) {
        for (uint64_t height = 0; height < 1000; height++) {
            const uint64_t window = 2 * interval + height % 5;
            const uint64_t boundary = epoch_boundary(height, interval, window);

            assert_int_equal(boundary % interval, 0);
            assert_true(boundary >= height + window);
            assert_true(boundary - interval < height + window);
        }
    }
}

static void beyond_the_last_height_there_is_no_boundary(void **state)
{
    const uint64_t last = U64_UNLIMITED - 128 - 256;

    (void)state;
    assert_true(epoch_boundary(last, 128, 256) != NO_BOUNDARY);
    assert_true(epoch_boundary(last, 128, 256) >= last + 256);
    assert_true(epoch_boundary(last + 1, 128, 256) == NO_BOUNDARY);
    assert_true(epoch_boundary(U64_UNLIMITED, 128, 256) == NO_BOUNDARY);
    assert_true(epoch_boundary(0, 128, U64_UNLIMITED) == NO_BOUNDARY);
    assert_true(epoch_boundary(0, 128, U64_UNLIMITED - 128) != NO_BOUNDARY);
}

static void a_boundary_is_pending_once_it_was_set(void **state)
{
    struct clock_record clock;

    (void)state;
    assert_false(epoch_is_pending(stage.world.state));
    epoch_end_at(stage.world.state, 384);
    assert_true(epoch_is_pending(stage.world.state));
    assert_true(clock_read(stage.world.state, &clock));
    assert_int_equal(clock.pending_boundary, 384);
    assert_int_equal(clock.epoch, 0);
    assert_int_equal(clock.time_ms, FIXTURE_DATE);
}

/* --- What is to come ------------------------------------------------------------------------- */

static void without_a_change_the_next_epoch_is_as_this_one(void **state)
{
    struct section_record now;
    struct section_record next;
    struct roster roster;
    struct roster next_roster;
    uint8_t now_hash[HASH_BYTES];
    uint8_t next_hash[HASH_BYTES];

    (void)state;
    epoch_end_at(stage.world.state, 384);
    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        assert_false(epoch_moves(stage.world.state, section));
        assert_true(section_read(stage.world.state, section, &now));
        assert_true(epoch_next_section(stage.world.state, section, &next));
        assert_int_equal(next.version, now.version);
        assert_true(bytes_equal(next.body, now.body));
    }
    config_hash(stage.world.state, now_hash);
    epoch_next_config_hash(stage.world.state, next_hash);
    assert_memory_equal(now_hash, next_hash, HASH_BYTES);
    assert_true(roster_load(stage.world.state, &roster));
    assert_true(epoch_next_roster(stage.world.state, &next_roster));
    assert_int_equal(next_roster.epoch, 1);
    assert_int_equal(next_roster.n, 4);
    assert_memory_equal(roster.members, next_roster.members, sizeof(roster.members));
}

static void a_section_of_the_next_epoch_stands_beside_the_current_one(void **state)
{
    struct section_record now;
    struct section_record next;
    struct roster roster;
    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];
    uint8_t pk[PUBLIC_KEY_BYTES];

    (void)state;
    config_hash(stage.world.state, before);
    pend_new_keys();
    config_hash(stage.world.state, after);
    assert_memory_equal(before, after, HASH_BYTES);
    epoch_next_config_hash(stage.world.state, after);
    assert_memory_not_equal(before, after, HASH_BYTES);
    assert_true(epoch_moves(stage.world.state, SECTION_REPLICAS));
    assert_false(epoch_moves(stage.world.state, SECTION_MEMBERS));
    assert_true(section_read(stage.world.state, SECTION_REPLICAS, &now));
    assert_true(epoch_next_section(stage.world.state, SECTION_REPLICAS, &next));
    assert_int_equal(now.version, 1);
    assert_int_equal(next.version, 2);
    assert_false(bytes_equal(now.body, next.body));
    gov_public_key(&sig_fast, "r2", pk);
    assert_true(roster_load(stage.world.state, &roster));
    assert_memory_equal(roster.members[2].sign_pk, pk, PUBLIC_KEY_BYTES);
    gov_public_key(&sig_fast, new_keys[0], pk);
    assert_true(epoch_next_roster(stage.world.state, &roster));
    assert_memory_equal(roster.members[2].sign_pk, pk, PUBLIC_KEY_BYTES);
    assert_int_equal(roster.epoch, 1);
}

/* Set once more, after the current one moved: still one more than that. */
static void its_version_is_that_of_the_current_one_and_one_more(void **state)
{
    struct section_record next;
    const struct bytes body = replicas_with_new_keys(&stage);

    (void)state;
    assert_true(epoch_set_next(stage.world.state, SECTION_REPLICAS, body));
    assert_true(epoch_set_next(stage.world.state, SECTION_REPLICAS, body));
    assert_true(epoch_next_section(stage.world.state, SECTION_REPLICAS, &next));
    assert_int_equal(next.version, 2);
    assert_true(section_write(stage.world.state, SECTION_REPLICAS, body));
    assert_true(epoch_set_next(stage.world.state, SECTION_REPLICAS, body));
    assert_true(epoch_next_section(stage.world.state, SECTION_REPLICAS, &next));
    assert_int_equal(next.version, 3);
}

static void where_there_is_no_room_no_section_is_set(void **state)
{
    const struct bytes body = replicas_with_new_keys(&stage);
    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];

    (void)state;
    stage_fill_bytes(&stage);
    state_root(stage.world.state, before);
    assert_false(epoch_set_next(stage.world.state, SECTION_REPLICAS, body));
    state_root(stage.world.state, after);
    assert_memory_equal(before, after, HASH_BYTES);
    assert_false(epoch_moves(stage.world.state, SECTION_REPLICAS));
}

static void a_state_that_was_never_filled_says_nothing(void **state)
{
    const struct state_key key = state_key_pending(SECTION_REPLICAS);
    struct section_record record;
    struct roster roster;

    (void)state;
    assert_true(state_put(stage.world.state, state_key_bytes(&key), bytes_of_text("no record")));
    assert_false(epoch_next_section(stage.world.state, SECTION_REPLICAS, &record));
    assert_false(epoch_next_roster(stage.world.state, &roster));
    state_reset(stage.world.state);
    assert_false(epoch_is_pending(stage.world.state));
    assert_false(epoch_next_section(stage.world.state, SECTION_REPLICAS, &record));
    assert_false(epoch_next_roster(stage.world.state, &roster));
}

/* --- The next epoch -------------------------------------------------------------------------- */

static void the_next_epoch_is_what_was_said_before(void **state)
{
    struct section_record record;
    struct clock_record clock;
    struct roster said;
    struct roster roster;
    uint8_t said_hash[HASH_BYTES];
    uint8_t hash[HASH_BYTES];

    (void)state;
    pend_new_keys();
    epoch_next_config_hash(stage.world.state, said_hash);
    assert_true(epoch_next_roster(stage.world.state, &said));
    epoch_begin(stage.world.state, 385);
    config_hash(stage.world.state, hash);
    assert_memory_equal(said_hash, hash, HASH_BYTES);
    assert_true(roster_load(stage.world.state, &roster));
    assert_memory_equal(&said, &roster, sizeof(roster));
    assert_false(epoch_is_pending(stage.world.state));
    assert_false(epoch_moves(stage.world.state, SECTION_REPLICAS));
    assert_true(section_read(stage.world.state, SECTION_REPLICAS, &record));
    assert_int_equal(record.version, 2);
    assert_true(section_read(stage.world.state, SECTION_MEMBERS, &record));
    assert_int_equal(record.version, 1);
    assert_true(clock_read(stage.world.state, &clock));
    assert_int_equal(clock.epoch, 1);
    assert_int_equal(clock.time_ms, FIXTURE_DATE);
}

static void new_keys_act_from_then_on_and_those_they_replace_never_again(void **state)
{
    static const char *const old_keys[] = {"r2", "r2 cosign", "r2 transport"};
    static const char *const others[] = {"r1", "r1 cosign", "r3 transport", "m1", "i1 0"};

    (void)state;
    pend_new_keys();
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(registered(old_keys[i]).standing, STANDING_ACTIVE);
        assert_int_equal(registered(new_keys[i]).standing, STANDING_SUSPENDED);
    }
    epoch_begin(stage.world.state, 385);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(registered(old_keys[i]).standing, STANDING_RETIRED);
        assert_int_equal(registered(old_keys[i]).since_height, 0);
        assert_int_equal(registered(new_keys[i]).standing, STANDING_ACTIVE);
        assert_int_equal(registered(new_keys[i]).since_height, 385);
        assert_true(bytes_equal(registered(new_keys[i]).subject, bytes_of_text("r2")));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(registered(others[i]).standing, STANDING_ACTIVE);
    }
}

static void nobody_elses_record_is_touched(void **state)
{
    struct state_change change;
    uint32_t cursor = 0;
    uint32_t keys = 0;

    (void)state;
    pend_new_keys();
    state_mark(stage.world.state);
    epoch_begin(stage.world.state, 385);
    while (state_change_next(stage.world.state, &cursor, &change)) {
        keys += change.key.data[0] == STATE_REGISTRY ? 1 : 0;
    }
    assert_int_equal(keys, 6);
}

static void an_epoch_that_changes_nothing_has_another_number(void **state)
{
    struct clock_record clock;
    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];

    (void)state;
    state_root(stage.world.state, before);
    epoch_end_at(stage.world.state, 384);
    epoch_begin(stage.world.state, 385);
    assert_true(clock_read(stage.world.state, &clock));
    assert_int_equal(clock.epoch, 1);
    clock.epoch = 0;
    assert_true(clock_write(stage.world.state, &clock));
    state_root(stage.world.state, after);
    assert_memory_equal(before, after, HASH_BYTES);
}

/* A full state is no reason to stay in an epoch. */
static void an_epoch_begins_where_there_is_no_room(void **state)
{
    struct clock_record clock;

    (void)state;
    pend_new_keys();
    stage_fill_bytes(&stage);
    stage_fill_records(&stage, 0);
    epoch_begin(stage.world.state, 385);
    assert_true(clock_read(stage.world.state, &clock));
    assert_int_equal(clock.epoch, 1);
    assert_int_equal(registered(new_keys[1]).standing, STANDING_ACTIVE);
    assert_int_equal(stage_version(&stage, SECTION_REPLICAS), 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_boundary_is_the_first_checkpoint_beyond_the_window),
        T(beyond_the_last_height_there_is_no_boundary),
        T(a_boundary_is_pending_once_it_was_set),
        T(without_a_change_the_next_epoch_is_as_this_one),
        T(a_section_of_the_next_epoch_stands_beside_the_current_one),
        T(its_version_is_that_of_the_current_one_and_one_more),
        T(where_there_is_no_room_no_section_is_set),
        T(a_state_that_was_never_filled_says_nothing),
        T(the_next_epoch_is_what_was_said_before),
        T(new_keys_act_from_then_on_and_those_they_replace_never_again),
        T(nobody_elses_record_is_touched),
        T(an_epoch_that_changes_nothing_has_another_number),
        T(an_epoch_begins_where_there_is_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
