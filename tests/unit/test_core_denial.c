/* What a replica finds out about those who hide from a new view what they committed in an earlier
 * one, message by message and in either order. ATTACKS B74. */
#include "replica/core/node_parts.h"
#include "tests/support/view_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define LISTENER 3
#define SEQUENCE 2
#define DIGEST 7

static const struct departure empty = {.view = VIEW_NEXT};

static struct bytes vote_by(struct core_fixture *fixture, uint64_t type, uint32_t rid,
                            uint64_t sequence)
{
    struct vote vote = {.sequence = sequence};
    memset(vote.digest, DIGEST, sizeof(vote.digest));
    return core_vote(fixture, type, rid, &vote);
}

/* In view 0. */
static void commits(struct core_fixture *fixture, uint32_t rid, uint64_t sequence)
{
    struct bytes frame = vote_by(fixture, MESSAGE_COMMIT, rid, sequence);
    assert_int_equal(core_deliver(fixture, LISTENER, rid, frame), DROP_NONE);
}

static void leaves(struct core_fixture *fixture, uint32_t rid, const struct departure *says)
{
    static uint8_t space[1u << 14];
    struct buffer out = buffer_make(space, sizeof(space));
    char name[16];
    (void)snprintf(name, sizeof(name), "r%u", rid);
    struct bytes frame = core_frame(fixture, MESSAGE_VIEW_CHANGE, rid, name,
                                    view_change_of(fixture, says, &out), BYTES_EMPTY);
    assert_int_equal(core_deliver(fixture, LISTENER, rid, frame), DROP_NONE);
}

static struct bytes new_view_frame(struct core_fixture *fixture, const struct announcement *says)
{
    static uint8_t space[VIEW_BODY_BYTES];
    struct buffer out = buffer_make(space, sizeof(space));
    return core_frame(fixture, MESSAGE_NEW_VIEW, VIEW_LEADER, "r1",
                      new_view_of(fixture, says, &out), BYTES_EMPTY);
}

static void enters(struct core_fixture *fixture, const struct announcement *says)
{
    struct bytes frame = new_view_frame(fixture, says);
    assert_int_equal(core_deliver(fixture, LISTENER, VIEW_LEADER, frame), DROP_NONE);
    assert_int_equal(fixture->nodes[LISTENER]->view, VIEW_NEXT);
    assert_int_equal(fixture->nodes[LISTENER]->mode, MODE_ACTIVE);
}

/* Whom the last step convicted: a set. Each piece is of that COMMIT of view 0. */
static uint32_t convicted(const struct core_fixture *fixture, uint64_t sequence)
{
    uint32_t rids = 0;
    for (uint32_t i = 0; i < fixture->outbox.action_count; i++) {
        const struct action *action = &fixture->outbox.actions[i];
        struct evidence evidence;
        struct vote vote;
        struct view_change change;
        if (action->kind != ACTION_EVIDENCE) {
            continue;
        }
        assert_int_equal(evidence_decode(action->frame, &evidence), WIRE_OK);
        assert_int_equal(evidence.kind, EVIDENCE_DENIAL);
        assert_int_equal(vote_decode(evidence.first, &vote), WIRE_OK);
        assert_int_equal(view_change_decode(evidence.second, &change), WIRE_OK);
        assert_int_equal(vote.view, 0);
        assert_int_equal(vote.sequence, sequence);
        assert_int_equal(change.view, VIEW_NEXT);
        uint8_t sig[SIG_BYTES];
        view_sign(fixture, (uint32_t)evidence.rid, TAG_COMMIT, evidence.first, sig);
        assert_memory_equal(sig, evidence.first_sig, SIG_BYTES);
        view_sign(fixture, (uint32_t)evidence.rid, TAG_VIEW_CHANGE, evidence.second, sig);
        assert_memory_equal(sig, evidence.second_sig.data, SIG_BYTES);
        assert_false(rids >> evidence.rid & 1);
        rids |= 1u << evidence.rid;
    }
    return rids;
}

/* --- The VIEW-CHANGE comes later ---------------------------------------------------------------
 */

static void who_leaves_without_what_it_committed_is_accused_once(void **state)
{
    struct core_fixture *fixture = *state;
    commits(fixture, 2, SEQUENCE);
    leaves(fixture, 2, &empty);
    assert_int_equal(convicted(fixture, SEQUENCE), 1u << 2);
    leaves(fixture, 2, &(struct departure){.view = VIEW_NEXT + 1});
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
}

/* It counts all the same: others cannot see what this one saw. */
static void the_view_change_of_one_that_is_accused_counts(void **state)
{
    struct core_fixture *fixture = *state;
    commits(fixture, 2, SEQUENCE);
    leaves(fixture, 2, &empty);
    leaves(fixture, 1, &empty);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0); /* nothing of it is known here */
    assert_int_equal(fixture->nodes[LISTENER]->view, VIEW_NEXT);
}

static void who_shows_what_it_committed_is_not_accused(void **state)
{
    struct core_fixture *fixture = *state;
    static const struct departure good[] = {
        {.claims = {{0, SEQUENCE, DIGEST, 0xe, 0, 0}}, .count = 1},
        {.view = VIEW_NEXT + 1, .claims = {{4, SEQUENCE, DIGEST + 1, 0xe, 0, 0}}, .count = 1},
        {.view = VIEW_NEXT + 2, .stable = {.height = 128, .members = 0x7}},
    };
    commits(fixture, 2, SEQUENCE);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        leaves(fixture, 2, &good[i]);
        assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    }
    static const struct departure other = {
        .view = VIEW_NEXT + 3,
        .claims = {{0, SEQUENCE, DIGEST + 1, 0xe, 0, 0}},
        .count = 1,
    };
    leaves(fixture, 2, &other);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 1);
}

static void a_prepare_is_no_commit(void **state)
{
    struct core_fixture *fixture = *state;
    struct bytes frame = vote_by(fixture, MESSAGE_PREPARE, 2, SEQUENCE);
    assert_int_equal(core_deliver(fixture, LISTENER, 2, frame), DROP_NONE);
    leaves(fixture, 2, &empty);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
}

static void those_in_a_new_view_are_looked_at(void **state)
{
    struct core_fixture *fixture = *state;
    commits(fixture, 0, SEQUENCE);
    commits(fixture, 1, SEQUENCE);
    enters(fixture, &(struct announcement){.senders = {1, 2, 0}, .count = 3});
    assert_int_equal(convicted(fixture, SEQUENCE), 3);
}

/* The VIEW-CHANGE is there first; the new view brings it again. */
static void a_commit_that_comes_later_is_looked_at(void **state)
{
    struct core_fixture *fixture = *state;
    leaves(fixture, 2, &empty);
    commits(fixture, 2, SEQUENCE);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    enters(fixture, &(struct announcement){.senders = {1, 2, 0}, .count = 3});
    assert_int_equal(convicted(fixture, SEQUENCE), 1u << 2);
}

/* Of what a slot has forgotten the last COMMIT of each is remembered, whoever brought it. */
static void the_last_commit_outlives_its_slot(void **state)
{
    struct core_fixture *fixture = *state;
    struct window *window = &fixture->nodes[LISTENER]->window;
    commits(fixture, 2, SEQUENCE + 1);
    commits(fixture, 2, SEQUENCE);
    window_forget(window, window_slot(window, SEQUENCE + 1));
    static const struct departure shows_one = {
        .claims = {{0, SEQUENCE, DIGEST, 0xe, 0, 0}},
        .count = 1,
    };
    leaves(fixture, 2, &shows_one);
    assert_int_equal(convicted(fixture, SEQUENCE + 1), 1u << 2);
}

static void an_earlier_one_is_found_in_its_slot(void **state)
{
    struct core_fixture *fixture = *state;
    commits(fixture, 2, SEQUENCE);
    commits(fixture, 2, SEQUENCE + 1);
    static const struct departure shows_the_last = {
        .claims = {{0, SEQUENCE + 1, DIGEST, 0xe, 0, 0}},
        .count = 1,
    };
    leaves(fixture, 2, &shows_the_last);
    assert_int_equal(convicted(fixture, SEQUENCE), 1u << 2);
}

static void nobody_accuses_itself(void **state)
{
    struct core_fixture *fixture = *state;
    struct slot *slot = window_slot(&fixture->nodes[LISTENER]->window, SEQUENCE);
    slot->commits.present = 1u << LISTENER;
    enters(fixture, &(struct announcement){.senders = {1, LISTENER, 0}, .count = 3});
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
}

/* --- The commit certificate comes later --------------------------------------------------------
 */

/* An empty block with the COMMITs of `members`, as step `take_block` has it. */
static void fetches(struct core_fixture *fixture, uint64_t view, uint64_t sequence,
                    uint32_t members)
{
    uint8_t vote_memory[128];
    uint8_t sig_memory[1024];
    struct buffer body = buffer_make(vote_memory, sizeof(vote_memory));
    struct buffer sigs = buffer_make(sig_memory, sizeof(sig_memory));
    const struct vote vote = {.view = view, .sequence = sequence};
    assert_true(vote_encode(&vote, &body));
    for (uint32_t i = 0; i < CORE_NODES; i++) {
        struct item_sig sig;
        if ((members >> i & 1) != 0) {
            view_sign(fixture, i, TAG_COMMIT, buffer_bytes(&body), sig.value);
            assert_true(item_sig_encode(&sig, &sigs));
        }
    }
    const struct certificate certificate = {
        .body = buffer_bytes(&body),
        .members = members,
        .sigs = {buffer_bytes(&sigs), members_count(members)},
    };
    outbox_clear(&fixture->outbox);
    denials_of_block(fixture->nodes[LISTENER], &certificate, &vote, &fixture->outbox);
}

static void a_block_that_the_new_view_lost_convicts_who_hid_it(void **state)
{
    struct core_fixture *fixture = *state;
    enters(fixture, &(struct announcement){.senders = {1, 2, 0}, .count = 3});
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    fetches(fixture, 0, 5, 0xe); /* r3 is the listener, and was not asked by the new view */
    assert_int_equal(convicted(fixture, 5), 6);
    fetches(fixture, 0, 6, 0xf);
    assert_int_equal(convicted(fixture, 6), 1);
    fetches(fixture, 0, 7, 0xf);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
}

/* r1 shows the block of view 1, r2 that of view 4, which the new view proposes again. */
static void what_the_new_view_kept_is_not_looked_for(void **state)
{
    struct core_fixture *fixture = *state;
    enters(fixture, &(struct announcement){
                        .senders = {1, 2, 0},
                        .count = 3,
                        .digests = {0xff, 0xff},
                        .claims = {{1, SEQUENCE, 0, 0x5, 0, 0}},
                    });
    fetches(fixture, 1, SEQUENCE, 0xf);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
}

/* It is lost, but not by r2, who shows something of a later view. */
static void who_shows_something_later_did_not_lose_it(void **state)
{
    struct core_fixture *fixture = *state;
    enters(fixture, &(struct announcement){
                        .senders = {1, 2, 0},
                        .count = 3,
                        .digests = {0xff, 8},
                        .claims = {{1, SEQUENCE, 0, 0x5, 0, 0}, {4, SEQUENCE, 8, 0xe, 0, 0}},
                    });
    fetches(fixture, 1, SEQUENCE, 0x7);
    uint32_t rids = 0;
    for (uint32_t i = 0; i < fixture->outbox.action_count; i++) {
        struct evidence evidence;
        assert_int_equal(evidence_decode(fixture->outbox.actions[i].frame, &evidence), WIRE_OK);
        rids |= 1u << evidence.rid;
    }
    assert_int_equal(rids, 1);
}

/* In view 0 nothing is known of views; whose COMMITs came with the block is remembered. */
static void a_certificate_is_remembered_until_its_signer_leaves(void **state)
{
    struct core_fixture *fixture = *state;
    fetches(fixture, 0, 5, 0xe);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    leaves(fixture, 2, &empty);
    assert_int_equal(convicted(fixture, 5), 1u << 2);
    leaves(fixture, 0, &empty); /* it has no part in the certificate */
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    assert_int_equal(fixture->nodes[LISTENER]->view, VIEW_NEXT);
}

static void commits_of_another_epoch_are_not_remembered(void **state)
{
    struct core_fixture *fixture = *state;
    fixture->nodes[LISTENER]->epoch = 1;
    fetches(fixture, 0, 5, 0xf);
    assert_false(fixture->nodes[LISTENER]->last_commits[2].any);
    fixture->nodes[LISTENER]->epoch = 0;
    fetches(fixture, 0, 5, 0xf);
    assert_true(fixture->nodes[LISTENER]->last_commits[2].any);
}

static void blocks_of_the_new_view_and_of_later_ones_are_not_looked_at(void **state)
{
    struct core_fixture *fixture = *state;
    enters(fixture, &(struct announcement){.senders = {1, 2, 0}, .count = 3});
    fetches(fixture, VIEW_NEXT, 5, 0xf);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    fetches(fixture, VIEW_NEXT + 1, 5, 0xf);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    fixture->nodes[LISTENER]->epoch = 1;
    fetches(fixture, 0, 5, 0xf);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    fixture->nodes[LISTENER]->epoch = 0;
    fixture->nodes[LISTENER]->entered.plan.low = 5; /* as if somebody had shown a checkpoint */
    fixture->nodes[LISTENER]->entered.plan.high = 5;
    fetches(fixture, 0, 5, 0xf);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    fetches(fixture, 0, 6, 0xf);
    assert_int_equal(convicted(fixture, 6), 7);
}

/* --- What is kept ------------------------------------------------------------------------------
 */

static void one_new_view_is_kept(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[LISTENER];
    size_t before = node->pool.used_bytes;
    enters(fixture, &(struct announcement){.senders = {1, 2, 0}, .count = 3});
    size_t kept = node->pool.used_bytes - before;
    assert_int_not_equal(kept, 0);
    struct announcement next = {.senders = {1, 2, 0}, .count = 3, .view = VIEW_NEXT + CORE_NODES};
    struct bytes frame = new_view_frame(fixture, &next);
    assert_int_equal(core_deliver(fixture, LISTENER, VIEW_LEADER, frame), DROP_NONE);
    assert_int_equal(node->pool.used_bytes - before, kept);
    assert_int_equal(node->entered.view, VIEW_NEXT + CORE_NODES);
    denials_forget(node);
    assert_int_equal(node->pool.used_bytes, before);
    fetches(fixture, 0, 5, 0xf);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
}

/* A replica that starts again in the view has it from its journal. */
static void it_outlives_a_restart(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[LISTENER];
    struct announcement says = {.senders = {1, 2, 0}, .count = 3};
    enters(fixture, &says);
    denials_forget(node);
    view_restore_slots(node, new_view_frame(fixture, &says), &fixture->outbox);
    fetches(fixture, 0, 5, 0xf);
    assert_int_equal(convicted(fixture, 5), 7);
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(who_leaves_without_what_it_committed_is_accused_once),
        CORE_TEST(the_view_change_of_one_that_is_accused_counts),
        CORE_TEST(who_shows_what_it_committed_is_not_accused),
        CORE_TEST(a_prepare_is_no_commit),
        CORE_TEST(those_in_a_new_view_are_looked_at),
        CORE_TEST(a_commit_that_comes_later_is_looked_at),
        CORE_TEST(the_last_commit_outlives_its_slot),
        CORE_TEST(an_earlier_one_is_found_in_its_slot),
        CORE_TEST(nobody_accuses_itself),
        CORE_TEST(a_block_that_the_new_view_lost_convicts_who_hid_it),
        CORE_TEST(what_the_new_view_kept_is_not_looked_for),
        CORE_TEST(who_shows_something_later_did_not_lose_it),
        CORE_TEST(a_certificate_is_remembered_until_its_signer_leaves),
        CORE_TEST(commits_of_another_epoch_are_not_remembered),
        CORE_TEST(blocks_of_the_new_view_and_of_later_ones_are_not_looked_at),
        CORE_TEST(one_new_view_is_kept),
        CORE_TEST(it_outlives_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
