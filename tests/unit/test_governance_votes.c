/* Proposals, ballots, bundles and withdrawals: who may, when, and how many are enough. */
#include "crypto/hash.h"
#include "governance/motion.h"
#include "governance/records.h"
#include "tests/support/gov_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool is_convicted(const char *name)
{
    uint8_t pk[PUBLIC_KEY_BYTES];
    struct conviction_record record;
    struct bytes value;

    gov_public_key(stage.fixture.scheme, name, pk);

    const struct state_key key = state_key_conviction(pk);

    return state_get(stage.world.state, state_key_bytes(&key), &value) &&
           conviction_record_decode(value, &record) == WIRE_OK && record.kind == EVIDENCE_BALLOT &&
           memcmp(record.pk, pk, sizeof(pk)) == 0;
}

/* The members section anew, with this one suspended until then. */
static void member_suspend(const char *mid, uint64_t until_ms)
{
    static uint8_t list_bytes[8192];
    static uint8_t body_bytes[8192];
    struct buffer list = buffer_make(list_bytes, sizeof(list_bytes));
    struct buffer body = buffer_make(body_bytes, sizeof(body_bytes));
    struct section_record record;
    struct members_section section;
    struct member_standing row;

    assert_true(section_read(stage.world.state, SECTION_MEMBERS, &record));
    assert_int_equal(members_section_decode(record.body, &section), WIRE_OK);

    struct wire_iter iter = wire_iter_make(section.members);

    while (member_standing_next(&iter, &row)) {
        if (bytes_equal(row.row.mid, bytes_of_text(mid))) {
            row.standing = STANDING_SUSPENDED;
            row.until_ms = until_ms;
        }
        assert_true(member_standing_encode(&row, &list));
    }
    section.members.raw = buffer_bytes(&list);
    assert_true(members_section_encode(&section, &body));
    assert_true(section_write(stage.world.state, SECTION_MEMBERS, buffer_bytes(&body)));
    assert_true(rights_refresh(&stage.world.rights, stage.world.state, NULL));
}

/* --- Opening --------------------------------------------------------------------------------- */

static void a_proposal_is_open_until_its_votes_are_there(void **state)
{
    struct proposal_record record;

    (void)state;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_record(&stage, &plan, &record), PROPOSAL_OPEN);
    assert_int_equal(record.since_height, stage.height);
    assert_int_equal(record.since_ms, stage.time_ms);
    assert_int_equal(record.until_ms, plan.body.deadline_ms);
    assert_true(bytes_equal(record.proposal, bytes_make(plan.bytes, plan.len)));
    stage_block(&stage, 1, 1000);
    assert_int_equal(stage.results.count, 0);
}

static void a_proposal_that_is_known_is_not_taken_again(void **state)
{
    (void)state;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_propose(&stage, &plan), E_SEEN);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), E_SEEN);
    assert_int_equal(stage_record(&stage, &plan, NULL), PROPOSAL_OPEN);
}

static void only_members_that_may_act_propose(void **state)
{
    (void)state;
    plan.body.proposer.role = ROLE_RECOVERY;
    assert_int_equal(stage_propose(&stage, &plan), E_ROLE);
    plan.body.proposer.role = ROLE_MEMBER;
    stage_plan_by(&plan, "m9");
    assert_int_equal(stage_propose(&stage, &plan), E_MEMBER);
    stage_plan_by(&plan, "m2");
    member_suspend("m2", stage.time_ms + 1);
    assert_int_equal(stage_propose(&stage, &plan), E_MEMBER);
    stage_plan_by(&plan, "m1");
    plan.signer = "m2";
    stage_plan_reads(&plan, (struct read_version[]){{SECTION_MEMBERS, 2}, {SECTION_REPLICAS, 1}},
                     2);
    assert_int_equal(stage_propose(&stage, &plan), E_SIG);
    assert_int_equal(stage_records(&stage), 0);
}

static void a_suspension_ends_by_itself(void **state)
{
    (void)state;
    member_suspend("m1", stage.time_ms + 1000);
    stage_plan_reads(&plan, (struct read_version[]){{SECTION_MEMBERS, 2}, {SECTION_REPLICAS, 1}},
                     2);
    stage.time_ms += 999;
    assert_int_equal(stage_propose(&stage, &plan), E_MEMBER);
    stage.time_ms++;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
}

static void what_another_service_decided_is_nothing_here(void **state)
{
    (void)state;
    stage_plan_make(&stage, &plan);

    uint8_t sig[SIG_BYTES];
    uint8_t seed[SEED_BYTES];
    uint8_t pk[PUBLIC_KEY_BYTES];
    static const uint8_t elsewhere[HASH_BYTES] = {7};
    const struct bytes body = bytes_make(plan.bytes, plan.len);

    gov_seed("m1", seed);
    gov_public_key(stage.fixture.scheme, "m1", pk);
    sign_body(stage.fixture.scheme, seed, pk, TAG_PROPOSAL, elsewhere, body, sig);
    assert_int_equal(stage_apply(&stage, GOV_PROPOSE, body, BYTES_OF_ARRAY(sig)), E_SIG);
    sign_body(stage.fixture.scheme, seed, pk, TAG_BALLOT, stage.world.charter.cluster_id, body,
              sig);
    assert_int_equal(stage_apply(&stage, GOV_PROPOSE, body, BYTES_OF_ARRAY(sig)), E_SIG);
    assert_int_equal(stage_apply(&stage, GOV_PROPOSE, body, BYTES_EMPTY), E_SIG);
    assert_int_equal(stage_apply(&stage, GOV_PROPOSE, body, BYTES_OF_ARRAY(plan.sig)), RESULT_OK);
}

static void a_deadline_is_ahead_but_not_too_far(void **state)
{
    const uint64_t most = rights_param(&stage.world.rights, PARAM_DEADLINE_MAX);

    (void)state;
    plan.body.deadline_ms = stage.time_ms;
    assert_int_equal(stage_propose(&stage, &plan), E_DEADLINE);
    plan.body.deadline_ms = stage.time_ms + most + 1;
    assert_int_equal(stage_propose(&stage, &plan), E_DEADLINE);
    plan.body.deadline_ms = stage.time_ms + most;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    plan.body.deadline_ms = stage.time_ms + 1;
    plan.body.not_before_ms = stage.time_ms + 2;
    assert_int_equal(stage_propose(&stage, &plan), E_DEADLINE);
    plan.body.not_before_ms = stage.time_ms + 1;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
}

static void it_was_written_for_the_state_as_it_is(void **state)
{
    const struct read_version wrong[][2] = {
        {{SECTION_MEMBERS, 2}, {SECTION_REPLICAS, 1}},
        {{SECTION_MEMBERS, 1}, {SECTION_REPLICAS, 2}},
        {{SECTION_MEMBERS, 0}, {SECTION_REPLICAS, 1}},
        {{SECTION_MEMBERS, 1}, {SECTION_ISSUERS, 1}},
        {{SECTION_REPLICAS, 1}, {SECTION_ISSUERS, 1}},
    };
    const struct read_version good[] = {
        {SECTION_MEMBERS, 1}, {SECTION_REPLICAS, 1}, {SECTION_ISSUERS, 1}};
    const struct read_version twice[] = {
        {SECTION_MEMBERS, 1}, {SECTION_MEMBERS, 1}, {SECTION_REPLICAS, 1}};
    const struct read_version down[] = {{SECTION_REPLICAS, 1}, {SECTION_MEMBERS, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        stage_plan_reads(&plan, wrong[i], 2);
        assert_int_equal(stage_propose(&stage, &plan), E_STALE);
    }
    stage_plan_reads(&plan, good, 1);
    assert_int_equal(stage_propose(&stage, &plan), E_STALE);
    stage_plan_reads(&plan, twice, 3);
    assert_int_equal(stage_propose(&stage, &plan), E_ENCODING);
    stage_plan_reads(&plan, down, 2);
    assert_int_equal(stage_propose(&stage, &plan), E_ENCODING);
    stage_plan_reads(&plan, good, 3);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
}

static void a_member_has_so_many_open_and_others_theirs(void **state)
{
    const uint64_t most = rights_param(&stage.world.rights, PARAM_PROPOSALS_OPEN);

    (void)state;
    for (uint64_t i = 0; i < most; i++) {
        stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, i);
        assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    }
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 6);
    assert_int_equal(stage_propose(&stage, &other), E_PROPOSALS);
    stage_plan_by(&other, "m2");
    assert_int_equal(stage_propose(&stage, &other), RESULT_OK);
    assert_int_equal(stage_withdraw(&stage, &plan, "m1", "m1"), RESULT_OK);
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 6);
    assert_int_equal(stage_propose(&stage, &other), RESULT_OK);
}

static void what_is_withdrawn_is_remembered_and_so_is_bounded(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MOTIONS_CLOSED_MAX; i++) {
        stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 1);
        plan.body.deadline_ms = stage.time_ms + STAGE_HOUR;
        assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
        assert_int_equal(stage_withdraw(&stage, &plan, "m1", "m1"), RESULT_OK);
    }
    assert_int_equal(stage_records(&stage), MOTIONS_CLOSED_MAX);
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 1);
    other.body.deadline_ms = stage.time_ms + 2 * STAGE_HOUR;
    assert_int_equal(stage_propose(&stage, &other), E_PROPOSALS);
    assert_int_equal(stage_propose(&stage, &plan), E_SEEN);
    gov_retire(stage.world.state, stage.time_ms + STAGE_HOUR - 1);
    assert_int_equal(stage_records(&stage), MOTIONS_CLOSED_MAX);
    stage.time_ms += STAGE_HOUR;
    gov_retire(stage.world.state, stage.time_ms);
    assert_int_equal(stage_records(&stage), 0);
    assert_int_equal(stage_propose(&stage, &plan), E_DEADLINE);
    assert_int_equal(stage_propose(&stage, &other), RESULT_OK);
}

static void no_room_is_left_to_the_last_record(void **state)
{
    const struct gov_vote no = {.mid = "m2", .choice = CHOICE_NO};

    (void)state;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), RESULT_OK);
    stage_fill_records(&stage, RECORDS_FREE_MIN - 1);
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 4);
    assert_int_equal(stage_propose(&stage, &other), E_CAPACITY);
    assert_int_equal(stage_vote(&stage, &plan, &no), E_SEEN);
    assert_false(is_convicted("m2"));
    assert_int_equal(stage_yes(&stage, &plan, "m3"), RESULT_OK);
}

static void no_room_is_left_to_the_last_byte(void **state)
{
    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];

    (void)state;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 4);
    stage_fill_bytes(&stage);
    state_root(stage.world.state, before);
    assert_int_equal(stage_propose(&stage, &other), E_CAPACITY);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 1), E_CAPACITY);
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 2), E_CAPACITY);
    other.body.not_before_ms = stage.time_ms + 1;
    assert_int_equal(stage_bundle(&stage, &other, yes_of, 2), E_CAPACITY);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), E_CAPACITY);
    assert_int_equal(stage.results.count, 0);
    state_root(stage.world.state, after);
    assert_memory_equal(before, after, HASH_BYTES);
    /* To end something there is always room. */
    assert_int_equal(stage_withdraw(&stage, &plan, "m1", "m1"), RESULT_OK);
}

/* An action's own rule is asked when it is proposed. */
static void what_could_not_be_done_is_not_opened(void **state)
{
    (void)state;
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 7);
    assert_int_equal(stage_propose(&stage, &plan), E_PREDICATE);
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_RESTORE, 3);
    assert_int_equal(stage_propose(&stage, &plan), E_PREDICATE);
    assert_int_equal(stage_records(&stage), 0);
}

/* --- Ballots --------------------------------------------------------------------------------- */

static void at_the_threshold_it_is_done_and_not_before(void **state)
{
    (void)state;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m4"), RESULT_OK);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_replica(&stage, 3), STANDING_ACTIVE);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage.results.list[0].activates_at, stage.height);
    assert_int_equal(stage_replica(&stage, 3), STANDING_SUSPENDED);
    assert_int_equal(stage_version(&stage, SECTION_REPLICAS), 2);
    assert_int_equal(stage_yes(&stage, &plan, "m3"), E_CLOSED);
    /* It can never come again: what it was written for is gone. */
    assert_int_equal(stage_records(&stage), 0);
    assert_int_equal(stage_propose(&stage, &plan), E_STALE);
}

static void a_ballot_counts_once_and_no_other_takes_its_place(void **state)
{
    const struct gov_vote no = {.mid = "m2", .choice = CHOICE_NO};
    struct proposal_record record;

    (void)state;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), E_SEEN);
    assert_false(is_convicted("m2"));
    assert_int_equal(stage_vote(&stage, &plan, &no), E_SEEN);
    assert_true(is_convicted("m2"));
    assert_int_equal(stage_vote(&stage, &plan, &no), E_SEEN);
    assert_int_equal(stage_record(&stage, &plan, &record), PROPOSAL_OPEN);
    assert_int_equal(record.yes.count, 1);
    assert_int_equal(record.no.count, 0);
}

static void who_says_no_cannot_say_yes_later(void **state)
{
    const struct gov_vote no = {.mid = "m2", .choice = CHOICE_NO};

    (void)state;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_vote(&stage, &plan, &no), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), E_SEEN);
    assert_true(is_convicted("m2"));
    assert_int_equal(stage_yes(&stage, &plan, "m3"), RESULT_OK);
    assert_int_equal(stage_replica(&stage, 3), STANDING_ACTIVE);
    assert_int_equal(stage_yes(&stage, &plan, "m4"), RESULT_OK);
    assert_int_equal(stage_replica(&stage, 3), STANDING_SUSPENDED);
}

static void ballots_are_signed_by_members_that_may_act(void **state)
{
    const struct gov_vote forged = {.mid = "m2", .choice = CHOICE_YES, .signer = "m3"};
    const struct gov_vote stranger = {.mid = "m9", .choice = CHOICE_YES};
    const struct gov_vote next = {.mid = "m2", .choice = CHOICE_YES, .signer = "m2 next"};

    (void)state;
    member_suspend("m5", U64_UNLIMITED);
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 3);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_vote(&stage, &plan, &forged), E_SIG);
    assert_int_equal(stage_vote(&stage, &plan, &next), E_SIG);
    assert_int_equal(stage_vote(&stage, &plan, &stranger), E_MEMBER);
    assert_int_equal(stage_yes(&stage, &plan, "m5"), E_MEMBER);
    assert_int_equal(stage_yes(&stage, &plan, "m1"), RESULT_OK);
    assert_int_equal(stage_replica(&stage, 3), STANDING_ACTIVE);
}

static void a_ballot_is_for_one_proposal_and_one_set_of_members(void **state)
{
    const struct gov_vote older = {.mid = "m2", .choice = CHOICE_YES, .version = UINT64_MAX};
    const struct gov_vote newer = {.mid = "m2", .choice = CHOICE_YES, .version = 1};

    (void)state;
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 4);
    stage_plan_make(&stage, &other);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &other, "m2"), E_CLOSED);
    assert_int_equal(stage_vote(&stage, &plan, &older), E_STALE);
    assert_int_equal(stage_vote(&stage, &plan, &newer), E_STALE);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), RESULT_OK);
}

static void a_vote_that_comes_too_late_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), RESULT_OK);
    stage.time_ms = plan.body.deadline_ms - 1;
    assert_int_equal(stage_vote(&stage, &plan, &(struct gov_vote){.mid = "m5"}), RESULT_OK);
    stage.time_ms++;
    assert_int_equal(stage_yes(&stage, &plan, "m3"), E_DEADLINE);
    stage_block(&stage, 1, 0);
    assert_true(stage_told(&stage, &plan, PROPOSAL_EXPIRED, E_THRESHOLD));
    assert_int_equal(stage.results.list[0].activates_at, U64_UNLIMITED);
    assert_int_equal(stage_yes(&stage, &plan, "m3"), E_CLOSED);
    assert_int_equal(stage_records(&stage), 0);
    assert_int_equal(stage_propose(&stage, &plan), E_DEADLINE);
}

static void a_proposal_whose_ground_moved_is_stale(void **state)
{
    (void)state;
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), RESULT_OK);
    member_suspend("m5", U64_UNLIMITED);
    assert_int_equal(stage_yes(&stage, &plan, "m3"), E_STALE);
    assert_int_equal(stage_replica(&stage, 3), STANDING_ACTIVE);
    stage_block(&stage, 1, 0);
    assert_true(stage_told(&stage, &plan, PROPOSAL_STALE, E_STALE));
    assert_int_equal(stage_records(&stage), 0);
    assert_int_equal(stage_propose(&stage, &plan), E_STALE);
}

/* Whoever comes first: the same votes leave the same state. */
static void the_order_of_ballots_does_not_matter(void **state)
{
    static const uint8_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                        {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const struct gov_vote votes[] = {
        {.mid = "m2", .choice = CHOICE_YES},
        {.mid = "m4", .choice = CHOICE_NO},
        {.mid = "m5", .choice = CHOICE_YES},
    };
    uint8_t first[HASH_BYTES];
    uint8_t root[HASH_BYTES];

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        stage_close(&stage);
        stage_open(&stage, 7, true, 1000);
        stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 3);
        assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), RESULT_OK);
        stage_plan_replica(&stage, &plan, ACTION_REPLICA_RESTORE, 3);
        assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
        for (size_t vote = 0; vote < 3; vote++) {
            assert_int_equal(stage_vote(&stage, &plan, &votes[orders[i][vote]]), RESULT_OK);
        }
        state_root(stage.world.state, root);
        if (i == 0) {
            memcpy(first, root, HASH_BYTES);
        }
        assert_memory_equal(first, root, HASH_BYTES);
    }
}

/* --- Bundles --------------------------------------------------------------------------------- */

static void a_bundle_does_it_all_at_once(void **state)
{
    (void)state;
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    assert_int_equal(stage_replica(&stage, 3), STANDING_SUSPENDED);
    assert_int_equal(stage_records(&stage), 0);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 2), E_STALE);
}

static void a_bundle_of_too_few_opens_it_with_what_it_has(void **state)
{
    const struct gov_vote votes[] = {
        {.mid = "m2", .choice = CHOICE_YES, .signer = "m1"},
        {.mid = "m3", .choice = CHOICE_YES, .version = 1},
        {.mid = "m9", .choice = CHOICE_YES},
        {.mid = "m4", .choice = CHOICE_YES, .instead = &other},
        {.mid = "m5", .choice = CHOICE_YES},
        {.mid = "m5", .choice = CHOICE_YES},
        {.mid = "m5", .choice = CHOICE_NO},
        {.mid = "m1", .choice = CHOICE_NO},
    };
    struct proposal_record record;

    (void)state;
    stage_plan_replica(&stage, &other, ACTION_REPLICA_SUSPEND, 4);
    stage_plan_make(&stage, &other);
    assert_int_equal(stage_bundle(&stage, &plan, votes, sizeof(votes) / sizeof(votes[0])),
                     RESULT_OK);
    assert_int_equal(stage.results.count, 0);
    assert_int_equal(stage_record(&stage, &plan, &record), PROPOSAL_OPEN);
    assert_int_equal(record.yes.count, 1);
    assert_int_equal(record.no.count, 1);
    assert_true(is_convicted("m5"));
    assert_int_equal(stage_yes(&stage, &plan, "m5"), E_SEEN);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
}

static void a_bundle_is_refused_like_its_proposal(void **state)
{
    (void)state;
    plan.signer = "m2";
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), E_SIG);
    stage_plan_by(&plan, "m1");
    plan.body.deadline_ms = stage.time_ms;
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), E_DEADLINE);
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 9);
    assert_int_equal(stage_bundle(&stage, &plan, yes_of, 3), E_PREDICATE);
    assert_int_equal(stage_records(&stage), 0);
}

static void junk_among_the_ballots_is_skipped(void **state)
{
    static uint8_t space[16384];
    const struct signed_part junk = {.body = bytes_of_text("junk")};
    uint8_t list[256];
    struct buffer parts = buffer_make(list, sizeof(list));
    struct buffer out = buffer_make(space, sizeof(space));
    struct bundle bundle;

    (void)state;
    stage_plan_make(&stage, &plan);
    assert_true(signed_part_encode(&junk, &parts));
    bundle.proposal.body = bytes_make(plan.bytes, plan.len);
    memcpy(bundle.proposal.sig, plan.sig, SIG_BYTES);
    bundle.ballots = (struct wire_list){buffer_bytes(&parts), 1};
    assert_true(bundle_encode(&bundle, &out));
    /* The parts are signed, the bundle is not. */
    assert_int_equal(stage_apply(&stage, GOV_BUNDLE, buffer_bytes(&out), BYTES_OF_ARRAY(plan.sig)),
                     E_ENCODING);
    assert_int_equal(stage_apply(&stage, GOV_BUNDLE, buffer_bytes(&out), BYTES_EMPTY), RESULT_OK);
    assert_int_equal(stage_record(&stage, &plan, NULL), PROPOSAL_OPEN);
}

/* --- Withdrawals ----------------------------------------------------------------------------- */

static void who_proposed_it_may_withdraw_it_and_nobody_else(void **state)
{
    (void)state;
    assert_int_equal(stage_withdraw(&stage, &plan, "m1", "m1"), E_CLOSED);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    assert_int_equal(stage_withdraw(&stage, &plan, "m2", "m2"), E_ROLE);
    assert_int_equal(stage_withdraw(&stage, &plan, "m9", "m9"), E_MEMBER);
    assert_int_equal(stage_withdraw(&stage, &plan, "m1", "m2"), E_SIG);
    assert_int_equal(stage_withdraw(&stage, &plan, "m1", "m1"), RESULT_OK);
    assert_true(stage_told(&stage, &plan, PROPOSAL_WITHDRAWN, RESULT_OK));
    assert_int_equal(stage_record(&stage, &plan, NULL), PROPOSAL_WITHDRAWN);
    assert_int_equal(stage_withdraw(&stage, &plan, "m1", "m1"), E_CLOSED);
    assert_int_equal(stage_yes(&stage, &plan, "m2"), E_CLOSED);
    assert_int_equal(stage_propose(&stage, &plan), E_SEEN);
    stage_block(&stage, 1, 2 * STAGE_HOUR);
    assert_int_equal(stage.results.count, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, case_setup_suspension, case_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_proposal_is_open_until_its_votes_are_there),
        T(a_proposal_that_is_known_is_not_taken_again),
        T(only_members_that_may_act_propose),
        T(a_suspension_ends_by_itself),
        T(what_another_service_decided_is_nothing_here),
        T(a_deadline_is_ahead_but_not_too_far),
        T(it_was_written_for_the_state_as_it_is),
        T(a_member_has_so_many_open_and_others_theirs),
        T(what_is_withdrawn_is_remembered_and_so_is_bounded),
        T(no_room_is_left_to_the_last_record),
        T(no_room_is_left_to_the_last_byte),
        T(what_could_not_be_done_is_not_opened),
        T(at_the_threshold_it_is_done_and_not_before),
        T(a_ballot_counts_once_and_no_other_takes_its_place),
        T(who_says_no_cannot_say_yes_later),
        T(ballots_are_signed_by_members_that_may_act),
        T(a_ballot_is_for_one_proposal_and_one_set_of_members),
        T(a_vote_that_comes_too_late_does_not_count),
        T(a_proposal_whose_ground_moved_is_stale),
        T(the_order_of_ballots_does_not_matter),
        T(a_bundle_does_it_all_at_once),
        T(a_bundle_of_too_few_opens_it_with_what_it_has),
        T(a_bundle_is_refused_like_its_proposal),
        T(junk_among_the_ballots_is_skipped),
        T(who_proposed_it_may_withdraw_it_and_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
