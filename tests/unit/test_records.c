/* Records in a state that has no room left, or that holds what governance never put there. */
#include "crypto/note.h"
#include "governance/charter.h"
#include "governance/genesis.h"
#include "governance/records.h"
#include "governance/roster.h"
#include "governance/session.h"
#include "tests/support/sign_fast.h"
#include "tests/support/world_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t junk[] = {0x91, 1, 2};

static void put_junk(const struct state_key *key)
{
    assert_true(state_put(world.state, state_key_bytes(key), BYTES_OF_ARRAY(junk)));
}

static void assert_junk(const struct state_key *key)
{
    struct bytes value;

    assert_true(state_get(world.state, state_key_bytes(key), &value));
    assert_true(bytes_equal(value, BYTES_OF_ARRAY(junk)));
}

/* --- No room ---------------------------------------------------------------------------------- */

/* However many records fit, genesis either fits whole or says that it does not. */
static void genesis_fits_whole_or_not_at_all(void **state)
{
    const uint32_t needed = state_count(world.state);

    (void)state;
    for (uint32_t records = 1; records <= needed; records++) {
        struct state *small = NULL;

        assert_int_equal(state_open(records, (size_t)4 << 20, 1, &small), STATUS_OK);
        assert_int_equal(genesis_apply(&world.charter, small), records == needed);
        assert_true(state_count(small) <= records);
        state_close(small);
    }
}

static void a_stream_that_cannot_be_counted_is_not_begun(void **state)
{
    const struct state_key streams = state_key_counter(COUNTER_STREAMS);
    uint64_t first = 77;

    (void)state;
    for (uint32_t records = 1; records <= 2; records++) {
        struct state *small = NULL;

        assert_int_equal(state_open(records, 1000, 1, &small), STATUS_OK);
        assert_int_equal(stream_append(small, bytes_of_text("a"), 3, &first), records == 2);
        assert_int_equal(state_count(small), records == 2 ? 2 : 0);
        assert_int_equal(stream_length(small, bytes_of_text("a")), records == 2 ? 3 : 0);
        assert_int_equal(counter_read(small, &streams), records == 2 ? 1 : 0);
        assert_int_equal(first, records == 2 ? 0 : 77);
        state_close(small);
    }
}

static void a_section_too_long_for_any_record_is_not_written(void **state)
{
    static const uint8_t long_body[STATE_VALUE_BYTES_MAX + 1];
    struct section_record record;

    (void)state;
    assert_false(section_write(world.state, SECTION_WITNESSES, BYTES_OF_ARRAY(long_body)));
    assert_true(section_read(world.state, SECTION_WITNESSES, &record));
    assert_int_equal(record.version, 1);
}

static void a_full_state_takes_no_result_of_a_session(void **state)
{
    const uint8_t session[PUBLIC_KEY_BYTES] = {1};
    const struct session_result result = {.request_no = 5, .code = RESULT_OK};
    struct state *small = NULL;
    struct session_record record;

    (void)state;
    assert_int_equal(state_open(1, 1000, 1, &small), STATUS_OK);
    assert_true(state_put(small, bytes_of_text("x"), BYTES_EMPTY));
    assert_false(session_use(small, session, 100, &result));
    assert_int_equal(state_count(small), 1);
    assert_false(session_read(small, session, &record));
    state_close(small);
}

/* --- Records that are none -------------------------------------------------------------------- */

static void a_record_that_cannot_be_read_is_as_if_it_were_not_there(void **state)
{
    const uint8_t session[PUBLIC_KEY_BYTES] = {1};
    const struct state_key session_key = state_key_session(session);
    const struct state_key result_key = state_key_result(session, 5);
    const struct state_key clock_key = state_key_clock();
    struct session_record record = {.highest = 77};
    struct session_result result = {.request_no = 77};
    struct clock_record clock = {.epoch = 77};

    (void)state;
    put_junk(&session_key);
    put_junk(&result_key);
    put_junk(&clock_key);
    assert_false(session_read(world.state, session, &record));
    assert_true(session_fresh(world.state, session, 5));
    assert_false(session_result_find(world.state, session, 5, &result));
    assert_int_equal(result.request_no, 77);
    assert_false(clock_read(world.state, &clock));
}

static void roots_that_cannot_be_read_are_not_written_over(void **state)
{
    const struct state_key key = state_key_roots();
    const uint8_t root[HASH_BYTES] = {1};

    (void)state;
    put_junk(&key);
    assert_false(roots_note(world.state, 128, root));
    assert_junk(&key);
    assert_true(state_erase(world.state, state_key_bytes(&key)));
    assert_true(roots_note(world.state, 128, root));
}

/* What cannot be read does not say when it expires: it stays, and whatever is good goes. */
static void records_that_cannot_be_read_never_retire(void **state)
{
    const uint8_t id[HASH_BYTES] = {1};
    const uint8_t good[HASH_BYTES] = {2};
    const struct state_key keys[] = {
        state_key_session(id),
        state_key_quota(id),
        state_key_holder(id, id),
    };
    const struct session_result result = {.request_no = 5, .code = RESULT_OK};
    const struct state_key sessions = state_key_counter(COUNTER_SESSIONS);
    struct session_record record;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        put_junk(&keys[i]);
    }
    assert_true(session_use(world.state, good, FIXTURE_DATE, &result));
    assert_true(counter_add(world.state, &sessions, 1));
    assert_false(state_retire(world.state, U64_UNLIMITED - 1));
    for (size_t i = 0; i < 3; i++) {
        assert_junk(&keys[i]);
    }
    assert_false(session_read(world.state, good, &record));
    assert_int_equal(counter_read(world.state, &sessions), 0);
}

static void revocations_that_are_missing_or_none_do_not_retire(void **state)
{
    const struct state_key key = state_key_section(SECTION_REVOCATIONS);
    struct section_record record;

    (void)state;
    assert_true(section_write(world.state, SECTION_REVOCATIONS, BYTES_OF_ARRAY(junk)));
    assert_false(state_retire(world.state, U64_UNLIMITED - 1));
    assert_true(section_read(world.state, SECTION_REVOCATIONS, &record));
    assert_int_equal(record.version, 2);
    assert_true(state_erase(world.state, state_key_bytes(&key)));
    assert_false(state_retire(world.state, U64_UNLIMITED - 1));
    assert_false(state_has(world.state, state_key_bytes(&key)));
}

/* --- Rights out of sections that are none ----------------------------------------------------- */

static void every_section_must_be_there_and_those_that_rights_read_must_be_good(void **state)
{
    bool moved = true;

    (void)state;
    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        const struct state_key key = state_key_section(section);
        const bool is_read = section == SECTION_ISSUERS || section == SECTION_PARAMS ||
                             section == SECTION_REVOCATIONS;

        (void)world_teardown(NULL);
        (void)world_setup(NULL);
        assert_true(section_write(world.state, section, BYTES_OF_ARRAY(junk)));
        assert_int_equal(rights_refresh(&world.rights, world.state, NULL), !is_read);
        assert_int_equal(world.rights.versions[section], is_read ? 1 : 2);
        assert_true(state_erase(world.state, state_key_bytes(&key)));
        assert_false(rights_refresh(&world.rights, world.state, &moved));
        assert_true(moved);
    }
}

static struct bytes section_bytes(const struct schema *schema, const void *section)
{
    static uint8_t memory[65536];
    struct buffer out = buffer_make(memory, sizeof(memory));

    assert_true(schema_encode(schema, section, &out));
    return buffer_bytes(&out);
}

static void a_scope_that_allows_nothing_is_refused(void **state)
{
    static uint8_t bytes[65536];
    struct buffer list = buffer_make(bytes, sizeof(bytes));
    struct section_record record;
    struct issuers_section section;
    struct issuer_standing row;

    (void)state;
    assert_true(section_read(world.state, SECTION_ISSUERS, &record));
    assert_int_equal(issuers_section_decode(record.body, &section), WIRE_OK);

    struct wire_iter iter = wire_iter_make(section.issuers);

    while (issuer_standing_next(&iter, &row)) {
        row.scope.ops = 0;
        assert_true(issuer_standing_encode(&row, &list));
    }
    section.issuers.raw = buffer_bytes(&list);
    assert_true(section_write(world.state, SECTION_ISSUERS,
                              section_bytes(&schema_issuers_section, &section)));
    assert_false(rights_refresh(&world.rights, world.state, NULL));
}

static void a_parameter_beyond_all_numbers_is_refused(void **state)
{
    uint8_t bytes[16];
    struct buffer list = buffer_make(bytes, sizeof(bytes));
    const struct param_row row = {PARAMS_MAX, 1};

    (void)state;
    assert_true(param_row_encode(&row, &list));
    const struct params_section section = {.params = {buffer_bytes(&list), 1}};

    assert_true(section_write(world.state, SECTION_PARAMS,
                              section_bytes(&schema_params_section, &section)));
    assert_false(rights_refresh(&world.rights, world.state, NULL));
}

/* They are searched by halves, so a list out of order would hide what it holds. */
static void revocations_out_of_order_are_refused(void **state)
{
    (void)state;
    for (uint32_t fault = 0; fault < 4; fault++) {
        uint8_t block_bytes[256];
        uint8_t key_bytes[256];
        struct buffer blocks = buffer_make(block_bytes, sizeof(block_bytes));
        struct buffer keys = buffer_make(key_bytes, sizeof(key_bytes));

        for (uint8_t i = 0; i < 2; i++) {
            const uint8_t ascending = (uint8_t)(i + 1);
            /* Faults: descending, or the same twice; of the blocks, or of the keys. */
            const uint8_t wrong = fault % 2 == 0 ? (uint8_t)(2 - i) : 1;
            const struct revoked_block block = {.id = {fault < 2 ? wrong : ascending}};
            const struct item_hash key = {.value = {fault < 2 ? ascending : wrong}};

            assert_true(revoked_block_encode(&block, &blocks));
            assert_true(item_hash_encode(&key, &keys));
        }
        const struct revocations_section section = {
            {buffer_bytes(&blocks), 2},
            {buffer_bytes(&keys), 2},
        };

        assert_true(section_write(world.state, SECTION_REVOCATIONS,
                                  section_bytes(&schema_revocations_section, &section)));
        assert_false(rights_refresh(&world.rights, world.state, NULL));
    }
}

/* --- The roster ------------------------------------------------------------------------------- */

/* The section of replicas with other ids, or another f. */
static bool roster_with(const uint64_t rids[4], uint64_t f, struct roster *roster)
{
    static uint8_t bytes[65536];
    struct buffer list = buffer_make(bytes, sizeof(bytes));
    struct section_record record;
    struct replicas_section section;
    struct replica_standing row;
    uint32_t i = 0;

    assert_true(section_read(world.state, SECTION_REPLICAS, &record));
    assert_int_equal(replicas_section_decode(record.body, &section), WIRE_OK);
    assert_int_equal(section.replicas.count, 4);

    struct wire_iter iter = wire_iter_make(section.replicas);

    while (replica_standing_next(&iter, &row)) {
        row.rid = rids[i++];
        assert_true(replica_standing_encode(&row, &list));
    }
    section.f = f;
    section.replicas.raw = buffer_bytes(&list);
    return roster_parse(section_bytes(&schema_replicas_section, &section), 0, roster);
}

static void the_ids_of_a_roster_ascend_and_f_fits_their_number(void **state)
{
    static const uint64_t good[] = {0, 1, 2, 3};
    static const uint64_t twice[] = {0, 1, 1, 3};
    static const uint64_t descending[] = {0, 2, 1, 3};
    static const uint64_t nobody[] = {0, 1, 2, (uint64_t)REPLICA_ID_MAX + 1};
    struct roster roster = {.n = 77};

    (void)state;
    assert_false(roster_with(twice, 1, &roster));
    assert_false(roster_with(descending, 1, &roster));
    assert_false(roster_with(nobody, 1, &roster));
    assert_false(roster_with(good, 2, &roster));
    assert_false(roster_with(good, 4, &roster));
    assert_false(roster_with(good, REPLICAS_MAX, &roster));
    assert_int_equal(roster.n, 77);
    assert_true(roster_with(good, 1, &roster));
    assert_int_equal(roster.n, 4);
}

static void a_roster_needs_the_clock_and_the_section(void **state)
{
    const struct state_key keys[] = {state_key_clock(), state_key_section(SECTION_REPLICAS)};
    struct roster roster = {.n = 77};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        (void)world_teardown(NULL);
        (void)world_setup(NULL);
        assert_true(state_erase(world.state, state_key_bytes(&keys[i])));
        assert_false(roster_load(world.state, &roster));
    }
    (void)world_teardown(NULL);
    (void)world_setup(NULL);
    assert_true(section_write(world.state, SECTION_REPLICAS, BYTES_OF_ARRAY(junk)));
    assert_false(roster_load(world.state, &roster));
    assert_false(roster_of_charter(BYTES_OF_ARRAY(junk), &roster));
    assert_int_equal(roster.n, 77);
}

/* --- Keys ------------------------------------------------------------------------------------- */

static void a_key_begins_with_its_kind_and_goes_on_with_its_subject(void **state)
{
    uint8_t id[HASH_BYTES];
    const uint8_t rid[] = {STATE_ENDPOINTS, 0, 0, 1, 2};

    (void)state;
    memset(id, 7, sizeof(id));
    const struct state_key proposal = state_key_proposal(id);
    const struct state_key registry = state_key_registry(id);
    const struct state_key endpoints = state_key_endpoints(0x102);

    assert_int_equal(proposal.len, 1 + HASH_BYTES);
    assert_int_equal(proposal.data[0], STATE_PROPOSAL);
    assert_memory_equal(proposal.data + 1, id, HASH_BYTES);
    assert_int_equal(registry.len, 1 + PUBLIC_KEY_BYTES);
    assert_int_equal(registry.data[0], STATE_REGISTRY);
    assert_true(bytes_equal(state_key_bytes(&endpoints), BYTES_OF_ARRAY(rid)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(genesis_fits_whole_or_not_at_all),
        TEST(a_stream_that_cannot_be_counted_is_not_begun),
        TEST(a_section_too_long_for_any_record_is_not_written),
        TEST(a_full_state_takes_no_result_of_a_session),
        TEST(a_record_that_cannot_be_read_is_as_if_it_were_not_there),
        TEST(roots_that_cannot_be_read_are_not_written_over),
        TEST(records_that_cannot_be_read_never_retire),
        TEST(revocations_that_are_missing_or_none_do_not_retire),
        TEST(every_section_must_be_there_and_those_that_rights_read_must_be_good),
        TEST(a_scope_that_allows_nothing_is_refused),
        TEST(a_parameter_beyond_all_numbers_is_refused),
        TEST(revocations_out_of_order_are_refused),
        TEST(the_ids_of_a_roster_ascend_and_f_fits_their_number),
        TEST(a_roster_needs_the_clock_and_the_section),
        TEST(a_key_begins_with_its_kind_and_goes_on_with_its_subject),
    };

    gov_fixture_init(&world_fixture, &sig_fast, 4);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
