/* Proposals between officers: what is taken apart again is what was made; whatever was changed,
 * signed by somebody else, or written for another state is found before the log refuses it. */
#include "crypto/hash.h"
#include "tests/support/bundle_maker.h"
#include "tests/support/officer_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t made_bytes[PAPER_BYTES_MAX];
static uint8_t joined_bytes[PAPER_BYTES_MAX];
static uint8_t ballot_bytes[MEMBERS_MAX][BALLOT_BYTES_MAX];
static struct paper_ballot ballots[MEMBERS_MAX];

static struct paper_wish suspend_r3(void)
{
    return (struct paper_wish){
        .action = ACTION_REPLICA_SUSPEND,
        .rid = 3,
        .reason = bytes_of_text("host compromise"),
        .deadline_ms = NOW + FIXTURE_HOUR,
    };
}

static void vote_as(const char *subject, const char *name, enum choice choice, uint32_t at)
{
    struct buffer out = buffer_make(ballot_bytes[at], BALLOT_BYTES_MAX);
    struct secret_key key = officer_key(subject, name);

    paper_vote(&paper, &in_force, &key, choice, BYTES_EMPTY, &out);
    secret_key_close(&key);
    assert_true(ballot_parse(buffer_bytes(&out), &ballots[at]));
}

static struct bytes join(uint32_t count)
{
    struct buffer out = buffer_make(joined_bytes, sizeof(joined_bytes));

    assert_true(paper_join(&paper, ballots, count, &out));
    assert_true(paper_parse(buffer_bytes(&out), charter.cluster_id, &paper));
    return buffer_bytes(&out);
}

static void what_was_made_is_read_and_judged_good(void **state)
{
    const struct paper_wish wish = suspend_r3();

    (void)state;
    (void)officer_propose(&wish);
    assert_int_equal(paper.rid, 3);
    assert_true(bytes_equal(paper.reason, wish.reason));
    assert_int_equal(paper.proposal.deadline_ms, wish.deadline_ms);
    vote_as("m2", "m2", CHOICE_YES, 0);
    vote_as("m5", "m5", CHOICE_YES, 1);
    vote_as("m1", "m1", CHOICE_NO, 2);
    (void)join(3);
    assert_int_equal(paper.ballot_count, 3);
    assert_int_equal(officer_judge(), PAPER_GOOD);
    assert_int_equal(tally.yes, 0x12);
    assert_int_equal(tally.no, 0x1);
    assert_int_equal(tally.needed, 2);
    assert_int_equal(tally.members, 5);
}

static void two_proposals_of_the_same_are_two(void **state)
{
    const struct paper_wish wish = suspend_r3();
    uint8_t pid[HASH_BYTES];

    (void)state;
    (void)officer_propose(&wish);
    memcpy(pid, paper.pid, HASH_BYTES);
    (void)officer_propose(&wish);
    assert_memory_not_equal(pid, paper.pid, HASH_BYTES);
}

static void no_byte_of_a_proposal_can_be_changed(void **state)
{
    const struct paper_wish wish = suspend_r3();
    uint8_t bent[PAPER_BYTES_MAX];

    (void)state;
    (void)officer_propose(&wish);
    vote_as("m2", "m2", CHOICE_YES, 0);
    const struct bytes whole = join(1);
    for (size_t i = 0; i < whole.len; i++) {
        memcpy(bent, whole.data, whole.len);
        bent[i] ^= 0x10;
        assert_true(!paper_parse(bytes_make(bent, whole.len), charter.cluster_id, &paper) ||
                    officer_judge() != PAPER_GOOD);
        assert_false(paper_parse(bytes_make(bent, i), charter.cluster_id, &paper));
    }
}

static void of_another_log_it_is_not_good(void **state)
{
    const struct paper_wish wish = suspend_r3();
    uint8_t other[HASH_BYTES] = {1};

    (void)state;
    const struct bytes object = officer_propose(&wish);
    memcpy(charter.cluster_id, other, HASH_BYTES);
    assert_true(paper_parse(object, other, &paper));
    assert_int_equal(officer_judge(), PAPER_FALSE);
}

static void only_members_who_may_act_are_heard(void **state)
{
    const struct paper_wish wish = suspend_r3();

    (void)state;
    (void)officer_propose_as("m6", "m2", &wish);
    assert_int_equal(officer_judge(), PAPER_STRANGER);
    (void)officer_propose_as("m2", "m3", &wish);
    assert_int_equal(officer_judge(), PAPER_FALSE);
    (void)officer_propose(&wish);
    vote_as("m6", "m1", CHOICE_YES, 0);
    (void)join(1);
    assert_int_equal(officer_judge(), PAPER_STRANGER);
    (void)officer_propose(&wish);
    vote_as("m1", "m3", CHOICE_YES, 0);
    (void)join(1);
    assert_int_equal(officer_judge(), PAPER_FALSE);

    bundle_world_member(&world, "m1", STANDING_SUSPENDED, NOW + 1);
    officer_refresh();
    (void)officer_propose_as("m1", "m1", &wish);
    assert_int_equal(officer_judge(), PAPER_STRANGER);
    (void)officer_propose(&wish);
    assert_int_equal(officer_judge(), PAPER_GOOD);
    assert_int_equal(tally.members, 4);
}

static void a_member_votes_once_on_this_proposal(void **state)
{
    const struct paper_wish wish = suspend_r3();

    (void)state;
    (void)officer_propose(&wish);
    vote_as("m1", "m1", CHOICE_YES, 0);
    vote_as("m1", "m1", CHOICE_NO, 1);
    (void)join(2);
    assert_int_equal(officer_judge(), PAPER_RULE);
    (void)officer_propose(&wish);
    (void)join(1); /* the ballot is for the proposal before */
    assert_int_equal(officer_judge(), PAPER_FALSE);
}

static void a_ballot_is_for_the_members_of_its_time(void **state)
{
    const struct paper_wish wish = suspend_r3();

    (void)state;
    (void)officer_propose(&wish);
    in_force.sections[SECTION_MEMBERS - 1].version = 9;
    vote_as("m1", "m1", CHOICE_YES, 0);
    in_force.sections[SECTION_MEMBERS - 1].version = 1;
    (void)join(1);
    assert_int_equal(officer_judge(), PAPER_STALE);
    assert_non_null(strstr(problem.what, "for other members"));
}

/* The proposal at hand says something else, and m2 has signed that. */
static void resign(const struct proposal *proposal)
{
    uint8_t body_memory[1024];
    uint8_t bundle_memory[2048];
    struct buffer body = buffer_make(body_memory, sizeof(body_memory));
    struct buffer whole = buffer_make(bundle_memory, sizeof(bundle_memory));
    struct buffer out = buffer_make(joined_bytes, sizeof(joined_bytes));
    struct secret_key key = officer_key("m2", "m2");
    struct bundle bundle = {.ballots = {BYTES_EMPTY, 0}};

    assert_true(proposal_encode(proposal, &body));
    bundle.proposal.body = buffer_bytes(&body);
    secret_key_sign(&key, TAG_PROPOSAL, charter.cluster_id, bundle.proposal.body,
                    bundle.proposal.sig);
    secret_key_close(&key);
    assert_true(bundle_encode(&bundle, &whole));
    const struct proposal_file file = {buffer_bytes(&whole), paper.reason};
    assert_true(proposal_file_encode(&file, &out));
    assert_true(paper_parse(buffer_bytes(&out), charter.cluster_id, &paper));
}

static void it_says_for_which_members_and_replicas_it_is(void **state)
{
    const struct paper_wish wish = suspend_r3();

    (void)state;
    for (enum section one = SECTION_MEMBERS; one <= SECTION_REPLICAS; one += 2) {
        uint8_t memory[16];
        struct buffer list = buffer_make(memory, sizeof(memory));
        const struct read_version read = {one, 1};

        (void)officer_propose(&wish);
        struct proposal proposal = paper.proposal;
        assert_true(read_version_encode(&read, &list));
        proposal.reads = (struct wire_list){buffer_bytes(&list), 1};
        resign(&proposal);
        assert_int_equal(officer_judge(), PAPER_FALSE);
    }
}

static void a_member_proposes_as_a_member(void **state)
{
    const struct paper_wish wish = suspend_r3();

    (void)state;
    (void)officer_propose(&wish);
    struct proposal proposal = paper.proposal;
    resign(&proposal);
    assert_int_equal(officer_judge(), PAPER_GOOD);
    proposal.proposer.role = ROLE_RECOVERY;
    resign(&proposal);
    assert_int_equal(officer_judge(), PAPER_STRANGER);
}

static void it_is_for_one_state_only(void **state)
{
    const struct paper_wish wish = suspend_r3();
    uint8_t older[PAPER_BYTES_MAX];

    (void)state;
    const struct bytes object = officer_propose(&wish);
    memcpy(older, object.data, object.len);
    bundle_world_standing(&world, 0, STANDING_ACTIVE); /* a version more */
    officer_refresh();
    assert_int_equal(officer_judge(), PAPER_STALE);
    assert_non_null(strstr(problem.what, "version 1 of replicas, and version 2"));
    assert_non_null(strstr(problem.todo, "proposed anew"));

    (void)officer_propose(&wish);
    in_force.sections[SECTION_REPLICAS - 1].version = 1;
    assert_int_equal(officer_judge(), PAPER_STALE);
    assert_non_null(strstr(problem.todo, "this state is the older one"));

    assert_true(paper_parse(bytes_make(older, object.len), charter.cluster_id, &paper));
    bundle_world_member(&world, "m4", STANDING_SUSPENDED, U64_UNLIMITED);
    officer_refresh();
    assert_int_equal(officer_judge(), PAPER_STALE);
    assert_non_null(strstr(problem.what, "of members"));
}

static void it_must_be_decided_in_time(void **state)
{
    struct paper_wish wish = suspend_r3();

    (void)state;
    wish.deadline_ms = NOW;
    (void)officer_propose(&wish);
    assert_int_equal(officer_judge(), PAPER_STALE);
    wish.deadline_ms = NOW + charter_param(&charter, PARAM_DEADLINE_MAX);
    (void)officer_propose(&wish);
    assert_int_equal(officer_judge(), PAPER_GOOD);
    wish.deadline_ms++;
    (void)officer_propose(&wish);
    assert_int_equal(officer_judge(), PAPER_STALE);
    wish.deadline_ms = NOW + 10;
    wish.not_before_ms = NOW + 11;
    (void)officer_propose(&wish);
    assert_int_equal(officer_judge(), PAPER_STALE);
}

static void the_rule_of_the_action_is_asked(void **state)
{
    (void)state;
    assert_int_equal(paper_rule(ACTION_REPLICA_SUSPEND, 3, &in_force, &problem), PAPER_GOOD);
    assert_int_equal(paper_rule(ACTION_REPLICA_SUSPEND, 4, &in_force, &problem), PAPER_RULE);
    assert_non_null(strstr(problem.todo, "r0, r1, r2, r3"));
    assert_int_equal(paper_rule(ACTION_REPLICA_RESTORE, 3, &in_force, &problem), PAPER_RULE);
    bundle_world_standing(&world, 3, STANDING_SUSPENDED);
    officer_refresh();
    assert_int_equal(paper_rule(ACTION_REPLICA_RESTORE, 3, &in_force, &problem), PAPER_GOOD);
    assert_int_equal(paper_rule(ACTION_REPLICA_SUSPEND, 3, &in_force, &problem), PAPER_RULE);
    assert_non_null(strstr(problem.what, "suspended already"));
    assert_int_equal(paper_rule(ACTION_REPLICA_SUSPEND, 2, &in_force, &problem), PAPER_RULE);
    assert_non_null(strstr(problem.what, "1 of 1"));
}

static void lifting_needs_as_many_as_operations(void **state)
{
    struct paper_wish wish = suspend_r3();

    (void)state;
    bundle_world_standing(&world, 3, STANDING_SUSPENDED);
    officer_refresh();
    wish.action = ACTION_REPLICA_RESTORE;
    (void)officer_propose(&wish);
    assert_int_equal(officer_judge(), PAPER_GOOD);
    assert_int_equal(tally.needed, 3);
}

static void a_reason_is_shown_as_it_was_signed_or_not_at_all(void **state)
{
    struct paper_wish wish = suspend_r3();
    struct buffer out = buffer_make(made_bytes, sizeof(made_bytes));
    struct secret_key key = officer_key("m2", "m2");
    struct proposal_file file;
    uint8_t memory[PAPER_BYTES_MAX];
    struct buffer bent = buffer_make(memory, sizeof(memory));

    (void)state;
    wish.reason = bytes_of_text("bell\a");
    assert_int_equal(paper_propose(&in_force, &key, &wish, &out, &problem), STATUS_INVALID);
    secret_key_close(&key);
    wish = suspend_r3();
    assert_int_equal(proposal_file_decode(officer_propose(&wish), &file), WIRE_OK);
    file.reason = bytes_of_text("holiday");
    assert_true(proposal_file_encode(&file, &bent));
    assert_false(paper_parse(buffer_bytes(&bent), charter.cluster_id, &paper));
}

static void an_action_that_is_not_known_is_not_shown(void **state)
{
    struct paper_wish wish = suspend_r3();
    struct buffer out = buffer_make(made_bytes, sizeof(made_bytes));
    struct secret_key key = officer_key("m2", "m2");

    (void)state;
    wish.action = ACTION_FREEZE;
    assert_int_equal(paper_propose(&in_force, &key, &wish, &out, &problem), STATUS_OK);
    secret_key_close(&key);
    assert_false(paper_parse(buffer_bytes(&out), charter.cluster_id, &paper));
}

static void the_largest_number_of_ballots_fits(void **state)
{
    struct paper_wish wish = suspend_r3();
    char reason[PROPOSAL_REASON_BYTES_MAX + 1];
    struct buffer out = buffer_make(joined_bytes, sizeof(joined_bytes));

    (void)state;
    memset(reason, 'x', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    wish.reason = bytes_of_text(reason);
    (void)officer_propose(&wish);
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        vote_as("m1", "m1", CHOICE_YES, i);
    }
    (void)join(MEMBERS_MAX);
    assert_int_equal(paper.ballot_count, MEMBERS_MAX);
    out.len = 0;
    assert_false(paper_join(&paper, ballots, 1, &out));
}

static void what_is_signed_is_said_as_a_difference(void **state)
{
    const struct paper_wish wish = suspend_r3();
    static char text[PAPER_WORDS_MAX];
    struct buffer out = buffer_make(text, sizeof(text) - 1);

    (void)state;
    (void)officer_propose(&wish);
    vote_as("m2", "m2", CHOICE_YES, 0);
    (void)join(1);
    assert_int_equal(officer_judge(), PAPER_GOOD);
    paper_words(&paper, &in_force, &tally, &out);
    assert_false(out.full);
    text[out.len] = '\0';
    assert_non_null(strstr(text, "- r3 active\n  + r3 suspended\n"));
    assert_non_null(strstr(text, "host compromise"));
    assert_non_null(strstr(text, "1 of 2 yes votes that are needed (emergency): 1 more, of m1 or"));
    assert_non_null(strstr(text, "NO fault budget"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, officer_setup, officer_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_made_is_read_and_judged_good),
        TEST(two_proposals_of_the_same_are_two),
        TEST(no_byte_of_a_proposal_can_be_changed),
        TEST(of_another_log_it_is_not_good),
        TEST(only_members_who_may_act_are_heard),
        TEST(a_member_votes_once_on_this_proposal),
        TEST(a_ballot_is_for_the_members_of_its_time),
        TEST(it_says_for_which_members_and_replicas_it_is),
        TEST(a_member_proposes_as_a_member),
        TEST(it_is_for_one_state_only),
        TEST(it_must_be_decided_in_time),
        TEST(the_rule_of_the_action_is_asked),
        TEST(lifting_needs_as_many_as_operations),
        TEST(a_reason_is_shown_as_it_was_signed_or_not_at_all),
        TEST(an_action_that_is_not_known_is_not_shown),
        TEST(the_largest_number_of_ballots_fits),
        TEST(what_is_signed_is_said_as_a_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
