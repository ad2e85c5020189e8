/* The amnesia challenge, message by message: who wakes, and who finds that its journal is not the
 * one it voted by. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "tests/support/core_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define SLEEPER 1

/* The replica SLEEPER as if it had just been started on this journal. */
static struct core_fixture *asleep(void **state)
{
    struct core_fixture *fixture = *state;
    fixture->nodes[SLEEPER]->awake = false;
    challenge_begin(fixture->nodes[SLEEPER]);
    return fixture;
}

static struct vote some_vote(uint64_t view, uint64_t sequence)
{
    struct vote vote = {.view = view, .sequence = sequence};
    memset(vote.digest, 7, sizeof(vote.digest));
    return vote;
}

static void nothing_is_voted_before_a_quorum_is_accounted_for(void **state)
{
    struct core_fixture *fixture = asleep(state);
    struct vote vote = some_vote(0, 1);
    struct bytes prepare = core_vote(fixture, MESSAGE_PREPARE, 2, &vote);
    assert_int_equal(core_deliver(fixture, SLEEPER, 2, prepare), DROP_MODE);
    struct bytes first = core_answer(fixture, SLEEPER, 0, BYTES_EMPTY);
    assert_int_equal(core_deliver(fixture, SLEEPER, 0, first), DROP_NONE);
    assert_int_equal(core_deliver(fixture, SLEEPER, 0, first), DROP_DUPLICATE);
    assert_false(fixture->nodes[SLEEPER]->awake);
    assert_false(node_may_sign(fixture->nodes[SLEEPER]));
    assert_int_equal(core_deliver(fixture, SLEEPER, 2, prepare), DROP_MODE);
    struct bytes second = core_answer(fixture, SLEEPER, 3, BYTES_EMPTY);
    assert_int_equal(core_deliver(fixture, SLEEPER, 3, second), DROP_NONE);
    assert_true(fixture->nodes[SLEEPER]->awake);
    assert_true(node_may_sign(fixture->nodes[SLEEPER]));
    assert_int_equal(core_deliver(fixture, SLEEPER, 2, prepare), DROP_NONE);
}

static void an_answer_to_another_start_does_not_count(void **state)
{
    struct core_fixture *fixture = asleep(state);
    struct bytes old = core_answer(fixture, SLEEPER, 0, BYTES_EMPTY);
    fixture->nodes[SLEEPER]->boot++;
    challenge_begin(fixture->nodes[SLEEPER]);
    assert_int_equal(core_deliver(fixture, SLEEPER, 0, old), DROP_NOT_WANTED);
}

static void a_message_the_journal_lacks(struct core_fixture *fixture, struct bytes message)
{
    struct bytes answer = core_answer(fixture, SLEEPER, 2, message);
    assert_int_equal(core_deliver(fixture, SLEEPER, 2, answer), DROP_NONE);
    assert_int_equal(fixture->nodes[SLEEPER]->mode, MODE_RECOVERING);
    assert_false(node_may_sign(fixture->nodes[SLEEPER]));
    assert_true(core_journaled(fixture, JOURNAL_VIEW));
    assert_int_equal(core_actions(fixture, ACTION_ALARM), 1);
    /* For good: the others' answers change nothing any more. */
    struct bytes other = core_answer(fixture, SLEEPER, 0, BYTES_EMPTY);
    assert_int_equal(core_deliver(fixture, SLEEPER, 0, other), DROP_NOT_WANTED);
    struct vote vote = some_vote(0, 1);
    struct bytes prepare = core_vote(fixture, MESSAGE_PREPARE, 2, &vote);
    assert_int_equal(core_deliver(fixture, SLEEPER, 2, prepare), DROP_MODE);
}

static void a_vote_that_is_not_in_the_journal_is_amnesia(void **state)
{
    struct core_fixture *fixture = asleep(state);
    struct vote vote = some_vote(0, 1);
    a_message_the_journal_lacks(fixture, core_vote(fixture, MESSAGE_PREPARE, SLEEPER, &vote));
}

static void a_vote_in_a_later_view_is_amnesia(void **state)
{
    struct core_fixture *fixture = asleep(state);
    struct vote vote = some_vote(3, 1);
    a_message_the_journal_lacks(fixture, core_vote(fixture, MESSAGE_COMMIT, SLEEPER, &vote));
}

static void a_vote_in_a_view_that_was_never_entered_is_amnesia(void **state)
{
    struct core_fixture *fixture = asleep(state);
    struct vote vote = some_vote(3, 1);
    fixture->nodes[SLEEPER]->view = 3;
    fixture->nodes[SLEEPER]->mode = MODE_CHANGING;
    fixture->nodes[SLEEPER]->planned = 5; /* of the view that it left */
    a_message_the_journal_lacks(fixture, core_vote(fixture, MESSAGE_PRE_PREPARE, SLEEPER, &vote));
}

/* Of another epoch it was signed with another key; what is no vote binds nobody. */
static void what_binds_nobody_is_not_missed_in_the_journal(void **state)
{
    struct core_fixture *fixture = asleep(state);
    struct vote vote = some_vote(0, 1);
    vote.epoch = 1;
    struct bytes messages[] = {
        core_vote(fixture, MESSAGE_PREPARE, SLEEPER, &vote),
        core_frame(fixture, MESSAGE_COMMIT, SLEEPER, "r1", bytes_of_text("no vote"), BYTES_EMPTY),
        core_frame(fixture, MESSAGE_STATUS, SLEEPER, "r1", bytes_of_text("any"), BYTES_EMPTY),
        core_frame(fixture, MESSAGE_VIEW_CHANGE, SLEEPER, "r1", bytes_of_text("none"), BYTES_EMPTY),
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        (void)asleep(state);
        struct bytes answer = core_answer(fixture, SLEEPER, 2, messages[i]);
        assert_int_equal(core_deliver(fixture, SLEEPER, 2, answer), DROP_NONE);
        assert_int_equal(fixture->nodes[SLEEPER]->mode, MODE_ACTIVE);
        assert_int_equal(fixture->nodes[SLEEPER]->answered, 1u << 2);
    }
}

/* What a NEW-VIEW proposed, and whose batch came while it slept, gets its votes when it wakes. */
static void what_was_awaited_and_came_is_accepted_on_waking(void **state)
{
    struct core_fixture *fixture = *state;
    struct vote vote = {.sequence = 1};
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, vote.digest);
    assert_true(vote_encode(&vote, &body));
    struct bytes proposal =
        core_frame(fixture, MESSAGE_PRE_PREPARE, 0, "r0", buffer_bytes(&body), parcel);
    assert_int_equal(core_deliver(fixture, SLEEPER, 0, proposal), DROP_NONE);
    (void)asleep(state);
    window_slot(&fixture->nodes[SLEEPER]->window, 1)->stage = SLOT_AWAITED;
    core_wake(fixture, SLEEPER);
    assert_true(core_journaled(fixture, JOURNAL_SLOT));
    assert_true(core_sent(fixture, MESSAGE_PREPARE).len > 0);
    assert_int_equal(window_slot(&fixture->nodes[SLEEPER]->window, 1)->stage, SLOT_ACCEPTED);
}

static void an_accepted_proposal_accounts_for_its_prepare(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t digest[HASH_BYTES];
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, digest);
    struct vote vote = {.sequence = 1};
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    memcpy(vote.digest, digest, HASH_BYTES);
    assert_true(vote_encode(&vote, &body));
    struct bytes proposal =
        core_frame(fixture, MESSAGE_PRE_PREPARE, 0, "r0", buffer_bytes(&body), parcel);
    assert_int_equal(core_deliver(fixture, SLEEPER, 0, proposal), DROP_NONE);
    (void)asleep(state);
    struct bytes prepare = core_vote(fixture, MESSAGE_PREPARE, SLEEPER, &vote);
    struct bytes answer = core_answer(fixture, SLEEPER, 2, prepare);
    assert_int_equal(core_deliver(fixture, SLEEPER, 2, answer), DROP_NONE);
    assert_int_equal(fixture->nodes[SLEEPER]->mode, MODE_ACTIVE);
    /* Not for a PREPARE of another batch, which its journal would have had to prevent. */
    (void)asleep(state);
    struct vote other = vote;
    other.digest[0] ^= 1;
    a_message_the_journal_lacks(fixture, core_vote(fixture, MESSAGE_PREPARE, SLEEPER, &other));
    fixture->nodes[SLEEPER]->mode = MODE_ACTIVE;
    /* Its COMMIT is another matter: no certificate was put. */
    (void)asleep(state);
    a_message_the_journal_lacks(fixture, core_vote(fixture, MESSAGE_COMMIT, SLEEPER, &vote));
}

/* The NEW-VIEW of its own view was put, and with it every proposal up to where it reaches, be that
 * beyond this window. */
static void what_the_new_view_proposes_accounts_for_itself(void **state)
{
    struct core_fixture *fixture = asleep(state);
    struct node *node = fixture->nodes[SLEEPER];
    node->view = SLEEPER;
    node->planned = 400;
    struct vote within = some_vote(SLEEPER, 400);
    struct bytes proposal = core_vote(fixture, MESSAGE_PRE_PREPARE, SLEEPER, &within);
    struct bytes answer = core_answer(fixture, SLEEPER, 2, proposal);
    assert_int_equal(core_deliver(fixture, SLEEPER, 2, answer), DROP_NONE);
    assert_int_equal(node->mode, MODE_ACTIVE);
    (void)asleep(state);
    struct vote above = some_vote(SLEEPER, 401);
    a_message_the_journal_lacks(fixture, core_vote(fixture, MESSAGE_PRE_PREPARE, SLEEPER, &above));
}

/* Nothing leaves under a key that may have signed otherwise, and its own word makes no quorum. */
static void nothing_is_attested_before_that(void **state)
{
    struct core_fixture *fixture = asleep(state);
    struct node *node = fixture->nodes[SLEEPER];
    fixture->now_ms += 100;
    node->attested_height = 0;
    node->head.height = 1;
    assert_int_equal(core_tick(fixture, SLEEPER), DROP_NONE);
    assert_true(core_sent(fixture, MESSAGE_ATTEST).len == 0);
    for (uint32_t from = 0; from < CORE_NODES; from++) {
        if (from != SLEEPER && !node->awake) {
            struct bytes answer = core_answer(fixture, SLEEPER, from, BYTES_EMPTY);
            assert_int_equal(core_deliver(fixture, SLEEPER, from, answer), DROP_NONE);
        }
    }
    assert_true(node->awake);
    assert_int_equal(core_tick(fixture, SLEEPER), DROP_NONE);
    assert_true(core_sent(fixture, MESSAGE_ATTEST).len > 0);
}

static void nobody_can_make_a_message_up(void **state)
{
    struct core_fixture *fixture = asleep(state);
    struct vote vote = some_vote(0, 1);
    struct bytes others = core_vote(fixture, MESSAGE_PREPARE, 2, &vote);
    struct bytes answer = core_answer(fixture, SLEEPER, 2, others);
    assert_int_equal(core_deliver(fixture, SLEEPER, 2, answer), DROP_MALFORMED);
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    assert_true(vote_encode(&vote, &body));
    struct bytes forged =
        core_frame(fixture, MESSAGE_PREPARE, SLEEPER, "r2", buffer_bytes(&body), BYTES_EMPTY);
    answer = core_answer(fixture, SLEEPER, 2, forged);
    assert_int_equal(core_deliver(fixture, SLEEPER, 2, answer), DROP_CERTIFICATE);
    assert_int_equal(fixture->nodes[SLEEPER]->mode, MODE_ACTIVE);
}

static void the_votes_that_are_held_are_told(void **state)
{
    struct core_fixture *fixture = *state;
    struct vote vote = some_vote(0, 1);
    struct bytes prepare = core_vote(fixture, MESSAGE_PREPARE, SLEEPER, &vote);
    assert_int_equal(core_deliver(fixture, 2, SLEEPER, prepare), DROP_NONE);
    struct challenge challenge = {.epoch = 0};
    uint8_t memory[64];
    struct buffer body = buffer_make(memory, sizeof(memory));
    memset(challenge.nonce, 3, sizeof(challenge.nonce));
    assert_true(challenge_encode(&challenge, &body));
    struct bytes asked =
        core_frame(fixture, MESSAGE_CHALLENGE, SLEEPER, "r1", buffer_bytes(&body), BYTES_EMPTY);
    assert_int_equal(core_deliver(fixture, 2, SLEEPER, asked), DROP_NONE);
    struct message told;
    struct challenge_answer answer;
    struct envelope held;
    size_t used = 0;
    assert_int_equal(message_split(core_sent(fixture, MESSAGE_CHALLENGE_ANSWER), &told), DROP_NONE);
    assert_int_equal(challenge_answer_decode(told.envelope.body, &answer), WIRE_OK);
    assert_int_equal(answer.rid, SLEEPER);
    assert_int_equal(schema_decode_front(&schema_envelope, answer.newest, &held, &used), WIRE_OK);
    assert_int_equal(held.type, MESSAGE_PREPARE);
    assert_int_equal(used, answer.newest.len);
    assert_int_equal(core_deliver(fixture, 2, SLEEPER, asked), DROP_RATE);
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(nothing_is_voted_before_a_quorum_is_accounted_for),
        CORE_TEST(an_answer_to_another_start_does_not_count),
        CORE_TEST(a_vote_that_is_not_in_the_journal_is_amnesia),
        CORE_TEST(a_vote_in_a_later_view_is_amnesia),
        CORE_TEST(a_vote_in_a_view_that_was_never_entered_is_amnesia),
        CORE_TEST(what_binds_nobody_is_not_missed_in_the_journal),
        CORE_TEST(what_was_awaited_and_came_is_accepted_on_waking),
        CORE_TEST(an_accepted_proposal_accounts_for_its_prepare),
        CORE_TEST(what_the_new_view_proposes_accounts_for_itself),
        CORE_TEST(nothing_is_attested_before_that),
        CORE_TEST(nobody_can_make_a_message_up),
        CORE_TEST(the_votes_that_are_held_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
