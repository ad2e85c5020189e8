/* What a hand-off is refused for. */
#include "governance/epoch.h"
#include "governance/records.h"
#include "tests/support/follow_case.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The hand-off as it was bent is refused for that, and has left nothing. */
static void assert_refused(enum hand_off_error error)
{
    const uint64_t epoch = epoch_chain_newest(chain)->roster.epoch;

    assert_int_equal(follow_made(), error);
    assert_int_equal(epoch_chain_newest(chain)->roster.epoch, epoch);
    assert_true(epoch_chain_newest(chain)->last_height == U64_UNLIMITED);
}

/* What the quorum of the old epoch signs in place of the sections that follow. */
static void sign_sections(void)
{
    config_hash_of(maker.sections, maker.next_config_hash);
}

static void what_is_cut_or_no_hand_off_at_all_is_refused(void **state)
{
    (void)state;
    maker_renew(&maker);
    const struct bytes bytes = maker_make(&maker);
    uint8_t *large = calloc(1, HAND_OFF_BYTES_MAX + 1);
    assert_int_equal(epoch_chain_follow(chain, BYTES_EMPTY), HAND_OFF_ENCODING);
    for (size_t len = 1; len < bytes.len; len += 17) {
        assert_int_equal(epoch_chain_follow(chain, bytes_slice(bytes, 0, len)), HAND_OFF_ENCODING);
    }
    memcpy(large, bytes.data, bytes.len);
    assert_int_equal(epoch_chain_follow(chain, bytes_make(large, HAND_OFF_BYTES_MAX + 1)),
                     HAND_OFF_ENCODING);
    free(large);
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void no_byte_of_a_hand_off_can_be_changed(void **state)
{
    (void)state;
    maker_rotate(&maker);
    const struct bytes bytes = maker_make(&maker);
    for (size_t at = 0; at < bytes.len; at++) {
        maker.bytes[at] ^= 0x40;
        assert_int_not_equal(epoch_chain_follow(chain, bytes), HAND_OFF_OK);
        maker.bytes[at] ^= 0x40;
    }
    assert_int_equal(epoch_chain_follow(chain, bytes), HAND_OFF_OK);
}

static void a_hand_off_larger_than_any_is_not_even_read(void **state)
{
    uint8_t *list = calloc(1, 5u << 20);
    uint8_t *whole = calloc(1, 6u << 20);
    struct buffer entries = buffer_make(list, 5u << 20);
    struct buffer out = buffer_make(whole, 6u << 20);
    struct hand_off parts;
    uint32_t count = 0;

    (void)state;
    maker_renew(&maker);
    assert_int_equal(hand_off_decode(maker_make(&maker), &parts), WIRE_OK);
    struct wire_iter iter = wire_iter_make(parts.entries);
    struct hand_off_entry entry;
    assert_true(hand_off_entry_next(&iter, &entry));
    entry.payload = bytes_make(whole, GOVERNANCE_BYTES_MAX);
    while (entries.len <= HAND_OFF_BYTES_MAX) {
        assert_true(hand_off_entry_encode(&entry, &entries));
        count++;
    }
    parts.entries = (struct wire_list){buffer_bytes(&entries), count};
    assert_true(hand_off_encode(&parts, &out));
    assert_int_equal(hand_off_decode(buffer_bytes(&out), &parts), WIRE_OK);
    assert_int_equal(epoch_chain_follow(chain, buffer_bytes(&out)), HAND_OFF_ENCODING);
    free(list);
    free(whole);
}

static void epochs_follow_each_other_without_a_gap(void **state)
{
    static uint8_t first[1u << 19];
    static uint8_t second[1u << 19];

    (void)state;
    maker_rotate(&maker);
    const struct bytes one = maker_make(&maker);
    memcpy(first, one.data, one.len);
    maker_next(&maker, new_signers);
    maker_renew(&maker);
    const struct bytes two = maker_make(&maker);
    memcpy(second, two.data, two.len);
    assert_int_equal(epoch_chain_follow(chain, bytes_make(second, two.len)), HAND_OFF_EPOCH);
    assert_int_equal(epoch_chain_follow(chain, bytes_make(first, one.len)), HAND_OFF_OK);
    assert_int_equal(epoch_chain_follow(chain, bytes_make(first, one.len)), HAND_OFF_EPOCH);
    assert_int_equal(epoch_chain_follow(chain, bytes_make(second, two.len)), HAND_OFF_OK);
    assert_int_equal(epoch_chain_follow(chain, bytes_make(first, one.len)), HAND_OFF_EPOCH);
}

static void no_more_epochs_are_followed_than_there_is_room_for(void **state)
{
    const uint32_t room = 7;

    (void)state;
    epoch_chain_close(chain);
    assert_int_equal(epoch_chain_open(&stage.world.charter, &sig_fast, room, &chain), STATUS_OK);
    for (uint32_t epoch = 1; epoch < room; epoch++) {
        maker_renew(&maker);
        assert_int_equal(follow_made(), HAND_OFF_OK);
        maker_next(&maker, old_signers);
    }
    maker_renew(&maker);
    assert_refused(HAND_OFF_TOO_MANY);
}

static void a_quorum_of_the_epoch_that_ends_must_have_signed(void **state)
{
    (void)state;
    maker_renew(&maker);
    maker.sign_lines = 0x3;
    assert_refused(HAND_OFF_NOTE);
    maker.cosign_lines = 0xC;
    assert_refused(HAND_OFF_NOTE);
    maker.signers[3] = "somebody";
    maker.sign_lines = 0xB;
    assert_refused(HAND_OFF_NOTE);
    maker.sign_lines = 0;
    maker.cosign_lines = 0x7;
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void the_block_must_be_the_one_that_was_signed_and_of_this_log(void **state)
{
    (void)state;
    maker_renew(&maker);
    maker.keep_header_hash = true;
    assert_refused(HAND_OFF_HEADER);
    maker.keep_header_hash = false;
    maker.checkpoint.epoch = 1;
    assert_refused(HAND_OFF_HEADER);
    maker.checkpoint.epoch = 0;
    maker.header.cluster_id[31] ^= 1;
    assert_refused(HAND_OFF_HEADER);
    maker.header.cluster_id[31] ^= 1;
    maker.checkpoint.origin.text[0] ^= 1;
    assert_refused(HAND_OFF_NOTE);
    maker.checkpoint.origin.text[0] ^= 1;
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void the_block_must_end_its_epoch(void **state)
{
    (void)state;
    maker_renew(&maker);
    const uint64_t boundary = maker.header.pending_boundary;

    maker.header.pending_boundary = NO_BOUNDARY;
    assert_refused(HAND_OFF_BOUNDARY);
    maker.header.pending_boundary = boundary + 128;
    assert_refused(HAND_OFF_BOUNDARY);
    maker.header.height = U64_UNLIMITED;
    maker.header.pending_boundary = U64_UNLIMITED;
    assert_refused(HAND_OFF_BOUNDARY);
    maker.header.height = boundary;
    maker.header.pending_boundary = boundary;
    maker.header.next_config_hash = BYTES_EMPTY;
    assert_refused(HAND_OFF_BOUNDARY);
    maker.header.next_config_hash = BYTES_OF_ARRAY(maker.next_config_hash);
    assert_int_equal(follow_made(), HAND_OFF_OK);

    maker_next(&maker, old_signers);
    maker_renew(&maker);
    maker.header.height = boundary;
    maker.header.pending_boundary = boundary;
    assert_refused(HAND_OFF_BOUNDARY);
}

/* A quorum that says where its own epoch ends has the members against it. */
static void the_boundary_is_where_the_rules_put_it(void **state)
{
    (void)state;
    maker_renew(&maker);
    maker.header.height += 128;
    maker.header.pending_boundary += 128;
    maker.checkpoint.height += 128;
    assert_refused(HAND_OFF_CHANGES);
}

static void sections_are_those_that_the_block_commits_to(void **state)
{
    (void)state;
    maker_rotate(&maker);
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        maker.bodies[i][maker.sections[i].body.len - 1] ^= 1;
        assert_refused(HAND_OFF_SECTIONS);
        maker.bodies[i][maker.sections[i].body.len - 1] ^= 1;
        maker.sections[i].version++;
        assert_refused(HAND_OFF_SECTIONS);
        maker.sections[i].version--;
    }
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void a_section_that_is_no_record_is_refused(void **state)
{
    struct hand_off parts;
    struct item_section element;

    (void)state;
    maker_renew(&maker);
    const struct bytes bytes = maker_make(&maker);
    assert_int_equal(hand_off_decode(bytes, &parts), WIRE_OK);
    struct wire_iter iter = wire_iter_make(parts.sections);
    assert_true(item_section_next(&iter, &element));
    maker.bytes[(size_t)(element.value.data - maker.bytes) + 1] = 2; /* another version */
    assert_int_equal(epoch_chain_follow(chain, bytes), HAND_OFF_SECTIONS);
}

/* B52: every replica of the old epoch together, with other keys than the members decided. */
static void replicas_alone_hand_the_log_to_nobody(void **state)
{
    static const enum section followed[] = {SECTION_MEMBERS, SECTION_RECOVERY, SECTION_REPLICAS,
                                            SECTION_PARAMS};

    (void)state;
    maker_rotate(&maker);
    maker.sign_lines = 0xF;
    maker.cosign_lines = 0xF;
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t place = followed[i] - 1;

        maker.bodies[place][maker.sections[place].body.len - 1] ^= 1;
        sign_sections();
        assert_refused(HAND_OFF_CHANGES);
        maker.bodies[place][maker.sections[place].body.len - 1] ^= 1;
        maker.sections[place].version++;
        sign_sections();
        assert_refused(HAND_OFF_CHANGES);
        maker.sections[place].version--;
    }
    sign_sections();
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void the_other_sections_are_those_that_the_quorum_signed(void **state)
{
    (void)state;
    maker_renew(&maker);
    maker.sections[SECTION_WITNESSES - 1].version = 9;
    maker.sections[SECTION_WITNESSES - 1].body = bytes_of_text("who knows");
    sign_sections();
    assert_int_equal(follow_made(), HAND_OFF_OK);
    maker_next(&maker, old_signers);
    maker_renew(&maker);
    maker.sections[SECTION_ISSUERS - 1].body = bytes_of_text("later");
    sign_sections();
    assert_refused(HAND_OFF_CONTENT);
}

static void without_an_entry_nothing_came_of_it(void **state)
{
    (void)state;
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 1);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    maker_log(&maker);
    assert_int_equal(stage_yes(&stage, &plan, "m3"), RESULT_OK);
    maker_log(&maker);
    assert_int_equal(stage_yes(&stage, &plan, "m4"), RESULT_OK);
    maker_log(&maker);
    maker_renew(&maker);
    for (uint32_t i = 0; i < maker.entry_count; i++) {
        maker.entries[i].left_out = true;
        assert_refused(HAND_OFF_CHANGES);
        maker.entries[i].left_out = false;
    }
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void what_is_locked_is_not_enacted_before_the_log_says_so(void **state)
{
    (void)state;
    maker_plan_renew(&maker, &plan);
    maker_decide(&maker, &plan, 3);
    maker_later(&maker, 513, STAGE_HOUR);
    maker_end(&maker);
    maker.entries[maker.entry_count - 1].left_out = true;
    assert_refused(HAND_OFF_CHANGES);
}

static void fewer_members_than_it_takes_decide_nothing(void **state)
{
    static const struct gov_vote forged[] = {
        {.mid = "m1", .choice = CHOICE_YES},
        {.mid = "m2", .choice = CHOICE_YES},
        {.mid = "m3", .choice = CHOICE_YES, .signer = "r0"},
    };

    (void)state;
    maker_plan_renew(&maker, &plan);
    /* What the replicas let pass, they have signed, and it is in their tree. */
    assert_int_equal(stage_bundle(&stage, &plan, forged, 3), RESULT_OK);
    maker_log(&maker);
    epoch_end_at(stage.world.state, 384);
    maker_end(&maker);
    assert_refused(HAND_OFF_CHANGES);
}

static void an_entry_must_be_in_the_tree_at_its_place(void **state)
{
    struct maker_entry *entry = &maker.entries[0];

    (void)state;
    maker_log_data(&maker);
    maker_renew(&maker);
    const struct leaf leaf = entry->leaf;

    entry->path_of = 0;
    assert_refused(HAND_OFF_LEAF);
    entry->path_of = 2;
    entry->payload[3] ^= 1;
    assert_refused(HAND_OFF_LEAF);
    entry->payload[3] ^= 1;
    entry->leaf.payload_hash[0] ^= 1;
    assert_refused(HAND_OFF_LEAF);
    entry->leaf = leaf;
    entry->leaf.height++;
    assert_refused(HAND_OFF_LEAF);
    entry->leaf = leaf;
    entry->leaf.time_ms--;
    assert_refused(HAND_OFF_LEAF);
    entry->leaf = leaf;
    entry->leaf.index = 0;
    assert_refused(HAND_OFF_LEAF);
    entry->leaf = leaf;
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void an_entry_must_be_of_governance(void **state)
{
    (void)state;
    maker_log_leaf(&maker, LEAF_DATA, bytes_of_text("x"));
    maker_renew(&maker);
    assert_refused(HAND_OFF_LEAF);
    maker.entries[0].left_out = true;
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

/* A quorum that would end an epoch again by the votes that ended the one before; and that says so
 * itself. */
static void votes_for_a_renewal_end_one_epoch(void **state)
{
    uint8_t bytes[GOV_RESULT_BYTES_MAX];
    struct buffer again = buffer_make(bytes, sizeof(bytes));

    (void)state;
    maker_plan_renew(&maker, &plan);
    maker_decide(&maker, &plan, 3);
    const struct gov_result told = stage.results.list[0];

    maker_end(&maker);
    assert_int_equal(follow_made(), HAND_OFF_OK);
    maker_next(&maker, old_signers);
    gov_result_put(&told, &again);
    maker_log_leaf(&maker, LEAF_RESULT, bytes_of_text("something is due"));
    maker_log_leaf(&maker, LEAF_RESULT, buffer_bytes(&again));
    epoch_end_at(stage.world.state, 768);
    maker_end(&maker);
    maker.past[0].left_out = false;
    assert_refused(HAND_OFF_CHANGES);
    maker.entries[1].left_out = true;
    assert_refused(HAND_OFF_CHANGES);
}

/* What waits for the end of an epoch is not shown as what ended it: the log says which it was. */
static void what_ends_an_epoch_is_what_the_log_says(void **state)
{
    static struct gov_plan second;

    (void)state;
    maker_plan_renew(&maker, &plan);
    maker_decide(&maker, &plan, 3);
    maker_plan_renew(&maker, &second);
    maker_decide(&maker, &second, 3);
    maker_end(&maker);
    maker.entries[0].left_out = true;
    maker.entries[1].left_out = true;
    assert_refused(HAND_OFF_CHANGES);
    maker.entries[0].left_out = false;
    maker.entries[1].left_out = false;
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void entries_come_in_the_order_of_the_log(void **state)
{
    (void)state;
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 1);
    maker_decide(&maker, &plan, 2);
    maker_renew(&maker);
    const struct maker_entry first = maker.entries[0];
    const struct maker_entry second = maker.entries[2];

    maker.entries[0] = second;
    assert_refused(HAND_OFF_LEAF);
    maker.entries[0] = first;
    maker.entries[2] = first;
    assert_refused(HAND_OFF_LEAF);
    maker.entries[2] = second;
    /* And none twice. */
    memmove(&maker.entries[2], &maker.entries[1], 3 * sizeof(first));
    maker.entry_count++;
    assert_refused(HAND_OFF_LEAF);
    maker.entries[2].left_out = true;
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void times_and_heights_of_entries_do_not_go_back(void **state)
{
    (void)state;
    stage.height = 100;
    maker_log_leaf(&maker, LEAF_GOVERNANCE, bytes_of_text("x"));
    stage.height = 99;
    maker_log_leaf(&maker, LEAF_GOVERNANCE, bytes_of_text("x"));
    maker_renew(&maker);
    assert_refused(HAND_OFF_LEAF);
    maker.entries[0].left_out = true;
    maker.entries[1].left_out = true;
    assert_int_equal(follow_made(), HAND_OFF_OK);
    /* Behind the end of this one. */
    maker_next(&maker, old_signers);
    maker_plan_renew(&maker, &plan);
    maker_decide(&maker, &plan, 3);
    stage.height += 1000;
    maker_log_leaf(&maker, LEAF_GOVERNANCE, bytes_of_text("x"));
    maker_end(&maker);
    assert_refused(HAND_OFF_LEAF);
}

static void times_of_entries_do_not_go_back_either(void **state)
{
    (void)state;
    stage.height = 9;
    stage.time_ms += 1000;
    maker_log_leaf(&maker, LEAF_GOVERNANCE, bytes_of_text("x"));
    stage.time_ms -= 1000;
    stage.height = 10;
    maker_renew(&maker);
    assert_refused(HAND_OFF_LEAF);
    maker.entries[0].left_out = true;
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void a_leaf_of_another_stream_is_none_of_governance(void **state)
{
    (void)state;
    maker.stream = "pay/eu";
    maker_log_leaf(&maker, LEAF_GOVERNANCE, bytes_of_text("x"));
    maker.stream = GOVERNANCE_STREAM;
    maker_renew(&maker);
    assert_refused(HAND_OFF_LEAF);
    maker.entries[0].left_out = true;
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void what_the_rules_refuse_counts_for_nothing(void **state)
{
    (void)state;
    maker_log_leaf(&maker, LEAF_GOVERNANCE, bytes_of_text("not even a payload"));
    assert_int_equal(stage_apply(&stage, GOV_PROPOSE, bytes_of_text("x"), BYTES_EMPTY), E_ENCODING);
    maker_log(&maker);
    assert_int_equal(stage_apply(&stage, GOV_BUNDLE, bytes_of_text("x"), BYTES_EMPTY), E_ENCODING);
    maker_log(&maker);
    maker_plan_renew(&maker, &plan);
    plan.signer = "r1";
    assert_int_equal(stage_propose(&stage, &plan), E_SIG);
    maker_log(&maker);
    maker_log_leaf(&maker, LEAF_RESULT, bytes_of_text("nor this"));
    maker_renew(&maker);
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void every_refusal_says_what_is_wrong(void **state)
{
    (void)state;
    for (int error = HAND_OFF_ENCODING; error <= HAND_OFF_TOO_MANY; error++) {
        assert_true(strlen(hand_off_error_text((enum hand_off_error)error)) > 10);
    }
    assert_string_equal(hand_off_error_text(HAND_OFF_OK), "good");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, follow_setup, follow_teardown)
#define LOCKED(name) cmocka_unit_test_setup_teardown(name, follow_setup_locks, follow_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_cut_or_no_hand_off_at_all_is_refused),
        TEST(no_byte_of_a_hand_off_can_be_changed),
        TEST(a_hand_off_larger_than_any_is_not_even_read),
        TEST(epochs_follow_each_other_without_a_gap),
        TEST(no_more_epochs_are_followed_than_there_is_room_for),
        TEST(a_quorum_of_the_epoch_that_ends_must_have_signed),
        TEST(the_block_must_be_the_one_that_was_signed_and_of_this_log),
        TEST(the_block_must_end_its_epoch),
        TEST(the_boundary_is_where_the_rules_put_it),
        TEST(sections_are_those_that_the_block_commits_to),
        TEST(a_section_that_is_no_record_is_refused),
        TEST(replicas_alone_hand_the_log_to_nobody),
        TEST(the_other_sections_are_those_that_the_quorum_signed),
        TEST(without_an_entry_nothing_came_of_it),
        TEST(fewer_members_than_it_takes_decide_nothing),
        TEST(an_entry_must_be_in_the_tree_at_its_place),
        TEST(an_entry_must_be_of_governance),
        TEST(entries_come_in_the_order_of_the_log),
        TEST(times_and_heights_of_entries_do_not_go_back),
        TEST(times_of_entries_do_not_go_back_either),
        TEST(votes_for_a_renewal_end_one_epoch),
        TEST(what_ends_an_epoch_is_what_the_log_says),
        TEST(a_leaf_of_another_stream_is_none_of_governance),
        TEST(what_the_rules_refuse_counts_for_nothing),
        TEST(every_refusal_says_what_is_wrong),
        LOCKED(what_is_locked_is_not_enacted_before_the_log_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
