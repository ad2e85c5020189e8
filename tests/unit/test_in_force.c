/* What a state bundle proves: nothing but what a quorum of the charter's replicas signed. */
#include "crypto/hash.h"
#include "tests/support/bundle_maker.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct gov_fixture fixture;
static struct gov_world world;
static struct bundle_maker maker;
static struct charter_view charter;
static struct in_force in_force;

static int setup(void **state)
{
    (void)state;
    gov_fixture_init(&fixture, &sig_fast, 4);
    gov_world_open(&world, &fixture, 512);
    bundle_maker_init(&maker, &fixture, &world);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gov_world_close(&world);
    return 0;
}

static enum in_force_error verify(struct bytes bundle)
{
    return in_force_verify(bundle, world.charter.cluster_id, &sig_fast, &charter, &in_force);
}

static void a_bundle_proves_sections_members_and_standings(void **state)
{
    (void)state;
    bundle_world_standing(&world, 2, STANDING_SUSPENDED);
    assert_int_equal(verify(bundle_make(&maker)), IN_FORCE_OK);
    assert_int_equal(in_force.checkpoint.height, 7);
    assert_int_equal(in_force.header.tree_size, 9);
    assert_int_equal(in_force.signers, 7);
    assert_int_equal(in_force.member_count, 5);
    assert_int_equal(in_force.thresholds.emergency, 2);
    assert_int_equal(in_force.roster.n, 4);
    assert_int_equal(in_force.roster.q, 3);
    assert_int_equal(in_force.roster.members[1].standing, STANDING_ACTIVE);
    assert_int_equal(in_force.roster.members[2].standing, STANDING_SUSPENDED);
    assert_int_equal(in_force_suspended(&in_force), 1);
    assert_int_equal(in_force_version(&in_force, SECTION_MEMBERS), 1);
    assert_int_equal(in_force_version(&in_force, SECTION_REPLICAS), 2);
    assert_int_equal(in_force_member(&in_force, bytes_of_text("m2")), 1);
    assert_int_equal(in_force_member(&in_force, bytes_of_text("m6")), ROSTER_NOBODY);
}

static void parameters_are_the_sections_and_otherwise_the_usual_ones(void **state)
{
    struct params_section none;

    (void)state;
    assert_int_equal(verify(bundle_make(&maker)), IN_FORCE_OK);
    for (uint64_t id = PARAM_CHECKPOINT_INTERVAL; id <= PARAM_SUSPEND_ON_EVIDENCE; id++) {
        assert_int_equal(in_force_param(&in_force, (enum param)id),
                         charter_param(&world.charter, (enum param)id));
    }
    none = in_force.params;
    none.params = (struct wire_list){BYTES_EMPTY, 0};
    in_force.params = none;
    assert_int_equal(in_force_param(&in_force, PARAM_DEADLINE_MAX), UINT64_C(2592000000));
}

static void a_suspended_member_acts_again_when_its_time_has_come(void **state)
{
    (void)state;
    bundle_world_member(&world, "m2", STANDING_SUSPENDED, 5000);
    bundle_world_member(&world, "m3", STANDING_RETIRED, 5000);
    assert_int_equal(verify(bundle_make(&maker)), IN_FORCE_OK);
    assert_true(in_force_member_acts(&in_force, 0, 0));
    assert_false(in_force_member_acts(&in_force, 1, 4999));
    assert_true(in_force_member_acts(&in_force, 1, 5000));
    assert_false(in_force_member_acts(&in_force, 2, 6000));
}

static void no_byte_of_a_bundle_can_be_changed(void **state)
{
    (void)state;
    maker.signers = 0; /* with more lines than a quorum one of them may as well be nobody's */
    const struct bytes bundle = bundle_make(&maker);
    uint8_t *bent = malloc(bundle.len);
    size_t at = 0;

    assert_int_equal(verify(bundle), IN_FORCE_OK);
    /* Every byte of header, checkpoint and sections; of the charter, which is checked in tests of
     * its own, some. */
    while (at < bundle.len) {
        memcpy(bent, bundle.data, bundle.len);
        bent[at] ^= 0x40;
        assert_int_not_equal(verify(bytes_make(bent, bundle.len)), IN_FORCE_OK);
        at += at < fixture.file_len ? 97 : 1;
    }
    free(bent);
}

static void a_bundle_that_is_cut_or_too_long_is_none(void **state)
{
    const struct bytes bundle = bundle_make(&maker);
    uint8_t *large = calloc(1, STATE_BUNDLE_BYTES_MAX + 1);

    (void)state;
    assert_int_equal(verify(bytes_slice(bundle, 0, bundle.len - 1)), IN_FORCE_ENCODING);
    assert_int_equal(verify(BYTES_EMPTY), IN_FORCE_ENCODING);
    memcpy(large, bundle.data, bundle.len);
    assert_int_equal(verify(bytes_make(large, STATE_BUNDLE_BYTES_MAX + 1)), IN_FORCE_ENCODING);
    free(large);
}

static void a_bundle_that_is_larger_than_any_is_not_even_read(void **state)
{
    uint8_t *large = calloc(1, 2 * STATE_BUNDLE_BYTES_MAX);
    uint8_t *list = malloc(STATE_BUNDLE_BYTES_MAX + 16);
    struct buffer out = buffer_make(large, 2 * STATE_BUNDLE_BYTES_MAX);
    struct buffer offs = buffer_make(list, STATE_BUNDLE_BYTES_MAX + 16);
    struct state_bundle parts;

    (void)state;
    assert_int_equal(state_bundle_decode(bundle_make(&maker), &parts), WIRE_OK);
    const struct item_bin padding = {bytes_make(large, STATE_BUNDLE_BYTES_MAX)};
    assert_true(item_bin_encode(&padding, &offs));
    parts.hand_offs = (struct wire_list){buffer_bytes(&offs), 1};
    assert_true(state_bundle_encode(&parts, &out));
    assert_int_equal(verify(buffer_bytes(&out)), IN_FORCE_ENCODING);
    free(list);
    free(large);
}

static void the_charter_in_it_must_be_good_and_the_one_that_is_known(void **state)
{
    uint8_t other[HASH_BYTES];

    (void)state;
    memcpy(other, world.charter.cluster_id, HASH_BYTES);
    other[31] ^= 1;
    const struct bytes bundle = bundle_make(&maker);
    assert_int_equal(in_force_verify(bundle, other, &sig_fast, &charter, &in_force),
                     IN_FORCE_OTHER_LOG);
    /* The last byte of the charter's last signature. */
    for (size_t i = 0; i + fixture.file_len <= bundle.len; i++) {
        if (memcmp(bundle.data + i, fixture.file, fixture.file_len) == 0) {
            maker.bytes[i + fixture.file_len - 1] ^= 1;
            break;
        }
    }
    assert_int_equal(verify(bundle), IN_FORCE_CHARTER);
}

static void fewer_signatures_than_a_quorum_prove_nothing(void **state)
{
    (void)state;
    maker.cosigners = 0x3;
    maker.signers = 0x5;
    assert_int_equal(verify(bundle_make(&maker)), IN_FORCE_NOTE);
    maker.cosigners = 0xD;
    assert_int_equal(verify(bundle_make(&maker)), IN_FORCE_OK);
    assert_int_equal(in_force.signers, 0xD);
    maker.cosigners = 0;
    maker.signers = 0xF;
    assert_int_equal(verify(bundle_make(&maker)), IN_FORCE_OK);
    assert_int_equal(in_force.signers, 0xF);
}

static void a_line_that_does_not_verify_spoils_the_checkpoint(void **state)
{
    (void)state;
    maker.cosigners = 0xF;
    const struct bytes bundle = bundle_make(&maker);
    /* The last character of the last line but its padding and newline. */
    for (size_t i = bundle.len - 4; i > 0; i--) {
        if (memcmp(bundle.data + i, "/r3 ", 4) == 0) {
            uint8_t *digit = &maker.bytes[i + 60];

            *digit = *digit == 'A' ? 'B' : 'A';
            break;
        }
    }
    assert_int_equal(verify(bundle), IN_FORCE_NOTE);
}

static void the_block_must_be_the_one_that_was_signed(void **state)
{
    (void)state;
    maker.keep_header_hash = true;
    assert_int_equal(verify(bundle_make(&maker)), IN_FORCE_HEADER);
}

static void the_sections_must_be_those_of_the_block(void **state)
{
    struct section_record record;
    uint8_t memory[65536];

    (void)state;
    maker.keep_config_hash = true;
    config_hash(world.state, maker.header.config_hash);
    assert_int_equal(verify(bundle_make(&maker)), IN_FORCE_OK);

    assert_true(section_read(world.state, SECTION_WITNESSES, &record));
    memcpy(memory, record.body.data, record.body.len);
    memory[record.body.len - 1] ^= 1;
    maker.bend = SECTION_WITNESSES;
    maker.body = bytes_make(memory, record.body.len);
    assert_int_equal(verify(bundle_make(&maker)), IN_FORCE_SECTIONS);
    maker.bend = 0;
    /* A version alone. */
    bundle_world_standing(&world, 0, STANDING_ACTIVE);
    assert_int_equal(verify(bundle_make(&maker)), IN_FORCE_SECTIONS);
}

static void a_section_that_is_no_record_is_refused(void **state)
{
    const struct bytes bundle = bundle_make(&maker);
    struct state_bundle parts;
    struct item_section element;

    (void)state;
    assert_int_equal(state_bundle_decode(bundle, &parts), WIRE_OK);
    struct wire_iter iter = wire_iter_make(parts.sections);
    assert_true(item_section_next(&iter, &element));
    maker.bytes[(size_t)(element.value.data - maker.bytes) + 1] =
        2; /* another version of records */
    assert_int_equal(verify(bundle), IN_FORCE_SECTIONS);
}

static void what_a_quorum_signed_and_nobody_can_read_is_said_so(void **state)
{
    static const enum section sections[] = {SECTION_MEMBERS, SECTION_REPLICAS, SECTION_PARAMS};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        maker.bend = sections[i];
        maker.body = bytes_of_text("later");
        assert_int_equal(verify(bundle_make(&maker)), IN_FORCE_CONTENT);
    }
}

static void every_refusal_says_what_is_wrong_and_what_to_do(void **state)
{
    (void)state;
    for (int error = IN_FORCE_ENCODING; error <= IN_FORCE_CONTENT; error++) {
        assert_true(strlen(in_force_error_text((enum in_force_error)error)) > 10);
        assert_true(strlen(in_force_error_advice((enum in_force_error)error)) > 10);
    }
    assert_string_equal(in_force_error_text(IN_FORCE_OK), "good");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bundle_proves_sections_members_and_standings),
        TEST(parameters_are_the_sections_and_otherwise_the_usual_ones),
        TEST(a_suspended_member_acts_again_when_its_time_has_come),
        TEST(no_byte_of_a_bundle_can_be_changed),
        TEST(a_bundle_that_is_cut_or_too_long_is_none),
        TEST(a_bundle_that_is_larger_than_any_is_not_even_read),
        TEST(the_charter_in_it_must_be_good_and_the_one_that_is_known),
        TEST(fewer_signatures_than_a_quorum_prove_nothing),
        TEST(a_line_that_does_not_verify_spoils_the_checkpoint),
        TEST(the_block_must_be_the_one_that_was_signed),
        TEST(the_sections_must_be_those_of_the_block),
        TEST(a_section_that_is_no_record_is_refused),
        TEST(what_a_quorum_signed_and_nobody_can_read_is_said_so),
        TEST(every_refusal_says_what_is_wrong_and_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
