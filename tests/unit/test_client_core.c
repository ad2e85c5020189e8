/* The client's core against a pretend cluster: what goes wrong on the way, and who lies. */
#include "client/core.h"
#include "tests/support/fake_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct fake fake;

static int open_fake(void **state)
{
    (void)state;
    fake_open(&fake);
    return 0;
}

static int close_fake(void **state)
{
    (void)state;
    fake_close(&fake);
    return 0;
}

/* Every receipt of a finished append holds, with payload and author. */
static void check_receipts(const struct vestry_receipts *receipts, const char *payload)
{
    struct note_key keys[REPLICAS_MAX];
    const struct receipt_trust trust = fake_trust(&fake, keys);
    const struct bytes bytes = bytes_of_text(payload);
    struct vestry_receipts_look look;

    vestry_receipts_look(receipts, &look);
    assert_true(look.signer_count >= fake.roster.q);
    for (size_t i = 0; i < look.count; i++) {
        struct receipt_facts facts;
        size_t len = 0;
        char *text = vestry_receipts_text(receipts, i, &len);

        assert_non_null(text);
        assert_string_equal(
            receipt_verdict_text(receipt_verify(bytes_make(text, len), &trust, &bytes, &facts)),
            receipt_verdict_text(RECEIPT_OK));
        assert_true(facts.payload_proven);
        assert_int_equal(facts.authorship, RECEIPT_AUTHOR_PROVEN);
        assert_int_equal(facts.index, look.first_index + i);
        assert_int_equal(facts.stream_index, look.stream_indexes[i]);
        vestry_free(text);
    }
}

static void finish_well(uint64_t ticket, const char *payload, uint64_t for_ms)
{
    assert_int_equal(fake_finish(&fake, ticket, for_ms), CORE_OUTCOME_OK);
    struct vestry_receipts *receipts = core_release(fake.core, ticket);

    assert_non_null(receipts);
    check_receipts(receipts, payload);
    vestry_receipts_free(receipts);
    assert_int_equal(fake_times_in_log(&fake, ticket), 1);
    assert_int_equal(fake.sent_unkept, 0);
}

static void an_append_ends_with_a_receipt_that_verifies(void **state)
{
    (void)state;
    const uint64_t ticket = fake_append(&fake, "hello");

    finish_well(ticket, "hello", 100);
    assert_int_equal(fake.lies_told, 0);
}

static void the_request_goes_to_the_leader_alone_when_all_is_well(void **state)
{
    (void)state;
    finish_well(fake_append(&fake, "hello"), "hello", 100);
    assert_int_equal(fake.replicas[0].requests, 1);
    assert_int_equal(fake.replicas[1].requests, 0);
    assert_int_equal(fake.replicas[2].requests, 0);
    assert_int_equal(fake.replicas[3].requests, 0);
}

static void a_thousand_entries_of_one_request_each_have_a_receipt(void **state)
{
    (void)state;
    finish_well(fake_append_many(&fake, 1024), "one of many", 100);
}

static void several_appends_in_flight_all_finish(void **state)
{
    (void)state;
    uint64_t tickets[CORE_APPENDS_MAX];
    const struct parcel_entry entry = {bytes_of_text("orders"), BYTES_EMPTY, U64_UNLIMITED};
    uint64_t over = 0;

    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        tickets[i] = fake_append(&fake, "x");
    }
    assert_int_equal(core_append(fake.core, &entry, 1, BYTES_EMPTY, 0, &over), STATUS_BUSY);
    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        finish_well(tickets[i], "x", 200);
    }
}

static void no_number_reaches_the_lowest_outstanding_plus_64(void **state)
{
    (void)state;
    const uint64_t lowest = fake_append(&fake, "stuck");
    const struct parcel_entry entry = {bytes_of_text("orders"), BYTES_EMPTY, U64_UNLIMITED};
    uint64_t last = lowest;

    fake.lose_requests = true;
    assert_int_equal(fake_finish(&fake, lowest, 200), CORE_OUTCOME_NONE);
    while (true) {
        uint64_t ticket = 0;
        const enum status status = core_append(fake.core, &entry, 1, BYTES_EMPTY, 0, &ticket);

        if (status != STATUS_OK) {
            assert_int_equal(status, STATUS_BUSY);
            break;
        }
        last = ticket;
        (void)core_release(fake.core, ticket); /* as if it had been finished at once */
    }
    assert_int_equal(last, lowest + SESSION_WINDOW - 1);
}

static void nothing_is_kept_or_sent_without_a_quorum_of_connections(void **state)
{
    (void)state;
    fake.replicas[1].up = false;
    fake.replicas[2].up = false;
    const uint64_t ticket = fake_append(&fake, "hello");
    struct core_append_look look;

    assert_int_equal(fake_finish(&fake, ticket, 3000), CORE_OUTCOME_NONE);
    assert_true(core_append_look(fake.core, ticket, &look));
    assert_int_equal(look.stage, CORE_NEW);
    assert_int_equal(fake.kept_total, 0);
    assert_int_equal(fake.replicas[0].requests, 0);

    fake.replicas[1].up = true;
    finish_well(ticket, "hello", 8000);
}

static void one_replica_that_is_down_does_not_matter(void **state)
{
    (void)state;
    for (uint32_t down = 0; down < FAKE_N; down++) {
        fake_close(&fake);
        fake_open(&fake);
        fake.replicas[down].up = false;
        finish_well(fake_append(&fake, "hello"), "hello", 2000);
    }
}

static void one_replica_that_says_nothing_does_not_matter(void **state)
{
    (void)state;
    for (uint32_t mute = 0; mute < FAKE_N; mute++) {
        fake_close(&fake);
        fake_open(&fake);
        assert_true(fake_run(&fake, 50, NULL, NULL));
        fake.replicas[mute].mute = true;
        finish_well(fake_append(&fake, "hello"), "hello", 8000);
    }
}

static void one_liar_of_any_kind_at_any_place_changes_nothing(void **state)
{
    (void)state;
    for (int lie = FAKE_BAD_COSIG; lie <= FAKE_OTHER_CHANNEL; lie++) {
        for (uint32_t liar = 0; liar < FAKE_N; liar++) {
            fake_close(&fake);
            fake_open(&fake);
            fake.replicas[liar].lie = (enum fake_lie)lie;
            finish_well(fake_append(&fake, "hello"), "hello", 8000);
            finish_well(fake_append(&fake, "again"), "again", 8000);
        }
    }
}

/* A replica whose lie can be proven is counted and told of once. */
static void expect_blame(enum fake_lie lie, uint32_t liar)
{
    struct core_link_look look;

    fake_close(&fake);
    fake_open(&fake);
    assert_true(fake_run(&fake, 20, NULL, NULL));
    fake.replicas[liar].lie = lie;
    fake.replicas[(liar + 1) % FAKE_N].no_replies = true; /* so that the liar is needed */
    const uint64_t ticket = fake_append(&fake, "hello");
    (void)fake_finish(&fake, ticket, 400);
    core_link_look(fake.core, liar, &look);
    assert_true(look.lies > 0);
    assert_int_equal(fake.lies_told, 1);
    for (uint32_t i = 0; i < FAKE_N; i++) {
        core_link_look(fake.core, i, &look);
        assert_true(i == liar || look.lies == 0);
    }
}

static void a_liar_is_counted_and_no_honest_replica_is(void **state)
{
    (void)state;
    uint32_t prover = 0;

    assert_true(fake_run(&fake, 20, NULL, NULL));
    while (!fake.replicas[prover].wants_proofs) {
        prover++;
    }
    expect_blame(FAKE_BAD_COSIG, 0);
    expect_blame(FAKE_BAD_PROOF, prover);
    expect_blame(FAKE_GARBAGE, 2);
    expect_blame(FAKE_TWO_HEADERS, prover);
}

static void two_of_four_that_lie_alike_get_no_receipt_accepted(void **state)
{
    (void)state;
    fake.replicas[1].lie = FAKE_OTHER_TREE;
    fake.replicas[2].lie = FAKE_OTHER_TREE;
    const uint64_t ticket = fake_append(&fake, "hello");

    (void)fake_run(&fake, 1200, NULL, NULL);
    struct core_append_look look;
    assert_true(core_append_look(fake.core, ticket, &look));
    assert_int_equal(look.outcome, CORE_OUTCOME_NONE);
}

static void one_refusal_is_no_refusal(void **state)
{
    (void)state;
    fake.replicas[0].lie = FAKE_REFUSES;
    finish_well(fake_append(&fake, "hello"), "hello", 3000);
}

static void a_refusal_by_a_weak_quorum_ends_the_wait(void **state)
{
    (void)state;
    fake.refuse_code = E_QUOTA;
    const uint64_t ticket = fake_append(&fake, "hello");
    struct core_append_look look;

    assert_int_equal(fake_finish(&fake, ticket, 200), CORE_OUTCOME_REFUSED);
    assert_true(core_append_look(fake.core, ticket, &look));
    assert_int_equal(look.code, E_QUOTA);
    assert_null(core_release(fake.core, ticket));
}

static void a_lost_request_is_sent_again_to_all(void **state)
{
    (void)state;
    fake.lose_requests = true;
    const uint64_t ticket = fake_append(&fake, "hello");

    assert_int_equal(fake_finish(&fake, ticket, 500), CORE_OUTCOME_NONE);
    fake.lose_requests = false;
    finish_well(ticket, "hello", 2000);
    assert_true(fake.replicas[3].requests > 0);
}

static void what_only_a_lost_leader_heard_is_told_to_all_at_once(void **state)
{
    (void)state;
    assert_true(fake_run(&fake, 50, NULL, NULL));
    fake.replicas[0].mute = true;
    const uint64_t ticket = fake_append(&fake, "hello");

    assert_int_equal(fake_finish(&fake, ticket, 50), CORE_OUTCOME_NONE);
    assert_int_equal(fake.replicas[3].requests, 0);
    fake.replicas[0].up = false;
    fake_cut(&fake, 0);
    (void)fake_run(&fake, 50, NULL, NULL);
    assert_true(fake.replicas[3].requests > 0);
    finish_well(ticket, "hello", 8000);
}

static void lost_replies_are_asked_for_again_and_nothing_is_appended_twice(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FAKE_N; i++) {
        fake.replicas[i].no_replies = true;
    }
    const uint64_t ticket = fake_append(&fake, "hello");

    assert_int_equal(fake_finish(&fake, ticket, 900), CORE_OUTCOME_NONE);
    for (uint32_t i = 0; i < FAKE_N; i++) {
        fake.replicas[i].no_replies = false;
    }
    finish_well(ticket, "hello", 4000);
    assert_int_equal(fake.stream_len, 1);
}

static void proofs_that_do_not_come_are_asked_of_another(void **state)
{
    (void)state;
    assert_true(fake_run(&fake, 20, NULL, NULL));
    for (uint32_t i = 0; i < FAKE_N; i++) {
        fake.replicas[i].no_proofs = fake.replicas[i].wants_proofs;
    }
    finish_well(fake_append(&fake, "hello"), "hello", 1000);
    assert_int_equal(fake.lies_told, 0);
}

static void receipts_are_fetched_one_by_one_when_the_log_runs_away(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FAKE_N; i++) {
        fake.replicas[i].no_replies = true;
    }
    const uint64_t ticket = fake_append_many(&fake, 20);

    assert_int_equal(fake_finish(&fake, ticket, 100), CORE_OUTCOME_NONE);
    /* Each answer now comes at another height, so no three replicas attest the same one. */
    fake.others_busy = true;
    for (uint32_t i = 0; i < FAKE_N; i++) {
        fake.replicas[i].no_replies = false;
        fake.replicas[i].no_proofs = true;
    }
    finish_well(ticket, "one of many", 8000);
}

static void a_receipt_of_another_entry_is_refused_when_fetched(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FAKE_N; i++) {
        fake.replicas[i].no_replies = true;
    }
    const uint64_t ticket = fake_append_many(&fake, 3);

    assert_int_equal(fake_finish(&fake, ticket, 100), CORE_OUTCOME_NONE);
    fake.others_busy = true;
    for (uint32_t i = 0; i < FAKE_N; i++) {
        fake.replicas[i].no_replies = false;
        fake.replicas[i].no_proofs = true;
    }
    fake.replicas[3].lie = FAKE_BAD_RECEIPT;
    finish_well(ticket, "one of many", 12000);
}

static void connections_that_break_are_made_again(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 20; round++) {
        const uint64_t ticket = fake_append(&fake, "hello");

        (void)fake_run(&fake, round % 3, NULL, NULL);
        fake_cut(&fake, round % FAKE_N);
        fake_cut(&fake, (round + 1) % FAKE_N);
        finish_well(ticket, "hello", 8000);
    }
    assert_int_equal(fake.lies_told, 0);
}

static void replies_in_any_order_and_twice_do_no_harm(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 24; round++) {
        for (uint32_t i = 0; i < FAKE_N; i++) {
            fake.replicas[i].delay_ms = 1 + (round * 7 + i * 13) % 31;
        }
        const uint64_t first = fake_append(&fake, "a");
        const uint64_t second = fake_append(&fake, "b");

        (void)fake_run(&fake, 3, NULL, NULL);
        if (round % 2 == 1) {
            fake_cut(&fake, round % FAKE_N); /* what was sent is sent and answered again */
        }
        finish_well(second, "b", 8000);
        finish_well(first, "a", 8000);
    }
}

/* Crash at the n-th action, whichever it is, then go on with what was kept. */
static void crash_and_go_on(uint32_t at)
{
    uint64_t tickets[3];

    fake_close(&fake);
    fake_open(&fake);
    for (uint32_t i = 0; i < 3; i++) {
        tickets[i] = fake_append(&fake, "hello");
    }
    fake.crash_after = at;
    (void)fake_run(&fake, 100, NULL, NULL);
    fake_crash(&fake);
    for (uint32_t i = 0; i < 3; i++) {
        struct core_append_look look;
        uint32_t kept = 0;

        for (uint32_t k = 0; k < fake.kept_total; k++) {
            kept += fake.kept[k].request_no == tickets[i];
        }
        if (core_append_look(fake.core, tickets[i], &look)) {
            finish_well(tickets[i], "hello", 8000);
        }
        /* What was kept is in the log once; what was not kept was never sent. */
        assert_int_equal(fake_times_in_log(&fake, tickets[i]), kept);
    }
    assert_int_equal(fake.sent_unkept, 0);
}

static void a_crash_at_any_action_leaves_each_append_in_the_log_once_or_never_sent(void **state)
{
    (void)state;
    for (uint32_t at = 1; at < 40; at++) {
        crash_and_go_on(at);
    }
}

static void a_request_whose_time_is_over_is_made_anew_and_appended_once(void **state)
{
    (void)state;
    fake.lose_requests = true;
    const uint64_t ticket = fake_append(&fake, "late");

    assert_int_equal(fake_finish(&fake, ticket, 500), CORE_OUTCOME_NONE);
    fake.now_ms += 20000; /* its life is 10 s */
    fake.lose_requests = false;
    assert_int_equal(fake_finish(&fake, ticket, 9000), CORE_OUTCOME_OK);
    struct vestry_receipts *receipts = core_release(fake.core, ticket);
    check_receipts(receipts, "late");
    assert_true(receipts->parcel.request_no != ticket);
    assert_int_equal(fake_times_in_log(&fake, receipts->parcel.request_no), 1);
    assert_int_equal(fake_times_in_log(&fake, ticket), 0);
    assert_int_equal(fake.stream_len, 1);
    vestry_receipts_free(receipts);
    for (uint32_t i = 0; i < fake.kept_total; i++) {
        assert_false(fake.kept[i].used);
    }
}

static void a_request_of_an_old_run_that_was_executed_is_not_made_anew(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FAKE_N; i++) {
        fake.replicas[i].no_replies = true;
    }
    const uint64_t ticket = fake_append(&fake, "hello");

    assert_int_equal(fake_finish(&fake, ticket, 300), CORE_OUTCOME_NONE);
    fake_crash(&fake);
    fake.now_ms += 3600000;
    for (uint32_t i = 0; i < FAKE_N; i++) {
        fake.replicas[i].no_replies = false;
    }
    finish_well(ticket, "hello", 8000);
    assert_int_equal(fake.stream_len, 1);
}

static void a_new_view_is_noticed_and_its_leader_is_asked_first(void **state)
{
    (void)state;
    finish_well(fake_append(&fake, "hello"), "hello", 100);
    fake.view = 2;
    fake.lose_requests = true;
    const uint64_t ticket = fake_append(&fake, "again");
    assert_int_equal(fake_finish(&fake, ticket, 700), CORE_OUTCOME_NONE);
    fake.lose_requests = false;
    finish_well(ticket, "again", 8000);
    assert_int_equal(fake.views_told, 1);

    const uint64_t before = fake.replicas[2].requests;
    finish_well(fake_append(&fake, "third"), "third", 100);
    assert_int_equal(fake.replicas[2].requests, before + 1);
}

static void the_words_of_a_wait_name_who_is_missing(void **state)
{
    (void)state;
    fake.replicas[1].up = false;
    fake.replicas[2].up = false;
    uint8_t memory[1024];
    struct buffer text = buffer_make(memory, sizeof(memory) - 1);

    (void)fake_append(&fake, "hello");
    (void)fake_run(&fake, 300, NULL, NULL);
    core_wait_text(fake.core, fake.now_ms, &text);
    memory[text.len] = '\0';
    assert_non_null(strstr((const char *)memory, "2 of 4 connected, 3 needed"));
    assert_non_null(strstr((const char *)memory, "r1 unreachable: connection refused"));
    assert_null(strstr((const char *)memory, "r0"));
}

#define A_TEST(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        A_TEST(an_append_ends_with_a_receipt_that_verifies),
        A_TEST(the_request_goes_to_the_leader_alone_when_all_is_well),
        A_TEST(a_thousand_entries_of_one_request_each_have_a_receipt),
        A_TEST(several_appends_in_flight_all_finish),
        A_TEST(no_number_reaches_the_lowest_outstanding_plus_64),
        A_TEST(nothing_is_kept_or_sent_without_a_quorum_of_connections),
        A_TEST(one_replica_that_is_down_does_not_matter),
        A_TEST(one_replica_that_says_nothing_does_not_matter),
        A_TEST(one_liar_of_any_kind_at_any_place_changes_nothing),
        A_TEST(a_liar_is_counted_and_no_honest_replica_is),
        A_TEST(two_of_four_that_lie_alike_get_no_receipt_accepted),
        A_TEST(one_refusal_is_no_refusal),
        A_TEST(a_refusal_by_a_weak_quorum_ends_the_wait),
        A_TEST(a_lost_request_is_sent_again_to_all),
        A_TEST(what_only_a_lost_leader_heard_is_told_to_all_at_once),
        A_TEST(lost_replies_are_asked_for_again_and_nothing_is_appended_twice),
        A_TEST(proofs_that_do_not_come_are_asked_of_another),
        A_TEST(receipts_are_fetched_one_by_one_when_the_log_runs_away),
        A_TEST(a_receipt_of_another_entry_is_refused_when_fetched),
        A_TEST(connections_that_break_are_made_again),
        A_TEST(replies_in_any_order_and_twice_do_no_harm),
        A_TEST(a_crash_at_any_action_leaves_each_append_in_the_log_once_or_never_sent),
        A_TEST(a_request_whose_time_is_over_is_made_anew_and_appended_once),
        A_TEST(a_request_of_an_old_run_that_was_executed_is_not_made_anew),
        A_TEST(a_new_view_is_noticed_and_its_leader_is_asked_first),
        A_TEST(the_words_of_a_wait_name_who_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
