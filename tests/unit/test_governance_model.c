/* Random acts of officers, against a model that was written from the documents alone: what each
 * gets, what it brings about, and what it leaves. */
#include "governance/motion.h"
#include "tests/support/gov_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define REPLICAS 7
#define FAULTY 2
#define MEMBERS 5
#define K_ROOT 4
#define K_OPS 3
#define K_EMG 2
#define PLANS 400
#define STEPS 3000
#define DUE_MAX 8

/* A proposal as the model has it. */
struct paper {
    struct gov_plan plan;
    uint64_t action;
    uint32_t target;
    uint64_t until_arg;
    uint32_t by;
    uint64_t members_read;
    uint64_t replicas_read;
    bool recorded;  /* the state knows it */
    uint32_t state; /* of one that is recorded */
    bool yes[MEMBERS];
    bool no[MEMBERS];
    bool disputed[MEMBERS];
    uint64_t until_ms;
    uint64_t until_height;
};

static struct gov_stage stage;
static struct paper papers[PLANS];
static uint32_t paper_count;
static uint64_t seed;

/* The model's state. */
static uint64_t members_version;
static uint64_t replicas_version;
static uint32_t replica_standing[REPLICAS];
static uint32_t member_standing_of[MEMBERS];
static uint64_t member_until[MEMBERS];
static uint64_t barred_until[MEMBERS];

/* What the model expects to be told. */
static uint32_t told_count;
static struct {
    const struct paper *paper;
    uint32_t state;
    uint32_t reason;
} told[GOV_RESULTS_MAX];

static const char *const mids[] = {"m1", "m2", "m3", "m4", "m5", "m6"};

static uint32_t roll(uint32_t range)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % range);
}

static void tell(const struct paper *paper, uint32_t state, uint32_t reason)
{
    told[told_count].paper = paper;
    told[told_count].state = state;
    told[told_count++].reason = reason;
}

/* --- The rules, once more -------------------------------------------------------------------- */

static bool acts(uint32_t member)
{
    return member < MEMBERS &&
           (member_standing_of[member] == STANDING_ACTIVE || stage.time_ms >= member_until[member]);
}

static bool live(const struct paper *paper)
{
    return paper->recorded && paper->state <= PROPOSAL_DISPUTED;
}

static bool current(const struct paper *paper)
{
    return paper->members_read == members_version &&
           (paper->replicas_read == 0 || paper->replicas_read == replicas_version);
}

static bool of_replicas(const struct paper *paper)
{
    return paper->action == ACTION_REPLICA_SUSPEND || paper->action == ACTION_REPLICA_RESTORE;
}

static uint32_t votes_needed(const struct paper *paper)
{
    if (paper->action == ACTION_REPLICA_RESTORE) {
        return K_OPS;
    }
    return paper->action == ACTION_MEMBER_RESTORE ? K_ROOT : K_EMG;
}

static uint32_t members_suspended(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        count += acts(i) ? 0 : 1;
    }
    return count;
}

static uint32_t rule_of(const struct paper *paper)
{
    const uint32_t target = paper->target;
    uint32_t suspended = 0;
    const uint64_t lapse = rights_param(&stage.world.rights, PARAM_EMERGENCY_LAPSE);

    for (uint32_t i = 0; i < REPLICAS; i++) {
        suspended += replica_standing[i] == STANDING_SUSPENDED ? 1 : 0;
    }
    if (paper->action == ACTION_REPLICA_SUSPEND) {
        return target < REPLICAS && replica_standing[target] == STANDING_ACTIVE &&
                       suspended < FAULTY
                   ? RESULT_OK
                   : E_PREDICATE;
    }
    if (paper->action == ACTION_REPLICA_RESTORE) {
        return target < REPLICAS && replica_standing[target] == STANDING_SUSPENDED ? RESULT_OK
                                                                                   : E_PREDICATE;
    }
    if (paper->action == ACTION_MEMBER_RESTORE) {
        return target < MEMBERS && member_standing_of[target] == STANDING_SUSPENDED ? RESULT_OK
                                                                                    : E_PREDICATE;
    }
    if (paper->until_arg <= stage.time_ms || paper->until_arg > stage.time_ms + lapse) {
        return E_BOUNDS;
    }
    return target < MEMBERS && member_standing_of[target] == STANDING_ACTIVE &&
                   members_suspended() < MEMBERS - K_ROOT
               ? RESULT_OK
               : E_PREDICATE;
}

static void carry_out(const struct paper *paper)
{
    const bool suspends =
        paper->action == ACTION_REPLICA_SUSPEND || paper->action == ACTION_MEMBER_SUSPEND;
    const uint32_t standing = suspends ? STANDING_SUSPENDED : STANDING_ACTIVE;

    if (of_replicas(paper)) {
        replica_standing[paper->target] = standing;
        replicas_version++;
    } else {
        member_standing_of[paper->target] = standing;
        member_until[paper->target] = paper->until_arg;
        members_version++;
    }
}

static void finish(struct paper *paper, uint32_t state, uint32_t reason)
{
    tell(paper, state, reason);
    paper->recorded = stage.time_ms < paper->plan.body.deadline_ms && current(paper);
    paper->state = state;
    memset(paper->disputed, 0, sizeof(paper->disputed));
}

static void enact(struct paper *paper)
{
    const uint32_t code = rule_of(paper);

    if (code == RESULT_OK) {
        carry_out(paper);
    }
    finish(paper, code == RESULT_OK ? PROPOSAL_ENACTED : PROPOSAL_CANCELLED, code);
}

static void lock(struct paper *paper)
{
    const struct rights *rights = &stage.world.rights;
    const bool root = votes_needed(paper) == K_ROOT;

    paper->until_ms = stage.time_ms + rights_param(rights, root ? PARAM_LOCK_ROOT : PARAM_LOCK_OPS);
    paper->until_height = stage.height + rights_param(rights, root ? PARAM_LOCK_ROOT_HEIGHTS
                                                                   : PARAM_LOCK_OPS_HEIGHTS);
}

static uint32_t counted(const bool by[MEMBERS])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        count += by[i] ? 1 : 0;
    }
    return count;
}

static void settle(struct paper *paper)
{
    if (counted(paper->yes) < votes_needed(paper)) {
        return;
    }
    if (votes_needed(paper) == K_EMG) {
        enact(paper);
        return;
    }
    lock(paper);
    paper->state = PROPOSAL_LOCKED;
    tell(paper, PROPOSAL_LOCKED, RESULT_OK);
}

/* --- Acts, each brought to both -------------------------------------------------------------- */

static void assert_same(uint32_t code, uint32_t expected)
{
    uint32_t records = 0;

    if (code != expected) {
        fail_msg("%s where the model has %s", result_code_name(code), result_code_name(expected));
    }
    assert_int_equal(stage.results.count, told_count);
    for (uint32_t i = 0; i < told_count; i++) {
        const struct gov_result *result = &stage.results.list[i];

        assert_memory_equal(result->pid, told[i].paper->plan.pid, HASH_BYTES);
        assert_int_equal(result->state, told[i].state);
        assert_int_equal(result->reason, told[i].reason);
    }
    for (uint32_t i = 0; i < paper_count; i++) {
        const uint64_t state = stage_record(&stage, &papers[i].plan, NULL);

        assert_int_equal(state, papers[i].recorded ? papers[i].state : 0);
        records += papers[i].recorded ? 1 : 0;
    }
    assert_int_equal(stage_records(&stage), records);
    for (uint32_t i = 0; i < REPLICAS; i++) {
        assert_int_equal(stage_replica(&stage, i), replica_standing[i]);
    }
    for (uint32_t i = 0; i < MEMBERS; i++) {
        assert_int_equal(stage_member(&stage, mids[i]), member_standing_of[i]);
    }
    assert_int_equal(stage_version(&stage, SECTION_MEMBERS), members_version);
    assert_int_equal(stage_version(&stage, SECTION_REPLICAS), replicas_version);
    told_count = 0;
}

static struct paper *paper_write(void)
{
    static const uint64_t actions[] = {ACTION_REPLICA_SUSPEND, ACTION_REPLICA_RESTORE,
                                       ACTION_MEMBER_SUSPEND, ACTION_MEMBER_RESTORE};
    struct paper *paper = &papers[paper_count++];

    memset(paper, 0, sizeof(*paper));
    paper->action = actions[roll(100) < 70 ? roll(2) : 2 + roll(2)];
    paper->by = roll(6);
    paper->target = roll(of_replicas(paper) ? REPLICAS + 1 : MEMBERS + 1);
    paper->members_read = members_version;
    if (of_replicas(paper)) {
        paper->replicas_read = replicas_version;
        stage_plan_replica(&stage, &paper->plan, paper->action, paper->target);
    } else {
        const bool suspends = paper->action == ACTION_MEMBER_SUSPEND;
        const struct args_subject args = {bytes_of_text(mids[paper->target]),
                                          suspends ? stage.time_ms + STAGE_DAY * roll(9)
                                                   : U64_UNLIMITED};

        paper->until_arg = args.until_ms;
        stage_plan(&stage, &paper->plan, paper->action, SECTION_MEMBERS, &schema_args_subject,
                   &args);
    }
    stage_plan_by(&paper->plan, mids[paper->by]);
    paper->plan.body.deadline_ms = stage.time_ms + 1 + roll(6 * 3600000);
    return paper;
}

static uint32_t propose_expected(const struct paper *paper)
{
    uint64_t open = 0;
    uint64_t closed = 0;

    if (paper->recorded) {
        return E_SEEN;
    }
    if (!acts(paper->by)) {
        return E_MEMBER;
    }
    if (stage.time_ms >= paper->plan.body.deadline_ms) {
        return E_DEADLINE;
    }
    if (!current(paper)) {
        return E_STALE;
    }
    for (uint32_t i = 0; i < paper_count; i++) {
        open += papers[i].by == paper->by && live(&papers[i]) ? 1 : 0;
        closed += papers[i].by == paper->by && papers[i].recorded && !live(&papers[i]) ? 1 : 0;
    }
    return open >= 4 || closed >= 16 ? E_PROPOSALS : rule_of(paper);
}

static void opened(struct paper *paper)
{
    paper->recorded = true;
    paper->state = PROPOSAL_OPEN;
    memset(paper->yes, 0, sizeof(paper->yes));
    memset(paper->no, 0, sizeof(paper->no));
    memset(paper->disputed, 0, sizeof(paper->disputed));
}

static void act_propose(struct paper *paper)
{
    const uint32_t expected = propose_expected(paper);
    const uint32_t code = stage_propose(&stage, &paper->plan);

    if (expected == RESULT_OK) {
        opened(paper);
    }
    assert_same(code, expected);
}

static void act_bundle(struct paper *paper)
{
    const uint32_t expected = propose_expected(paper);
    struct gov_vote votes[8];
    uint32_t who[8];
    const uint32_t count = roll(8);

    for (uint32_t i = 0; i < count; i++) {
        who[i] = roll(6);
        votes[i] = (struct gov_vote){.mid = mids[who[i]], .choice = roll(4) > 0 ? 1 : 0};
    }

    const uint32_t code = stage_bundle(&stage, &paper->plan, votes, count);

    if (expected == RESULT_OK) {
        opened(paper);
        for (uint32_t i = 0; i < count; i++) {
            if (acts(who[i]) && !paper->yes[who[i]] && !paper->no[who[i]]) {
                (votes[i].choice == CHOICE_YES ? paper->yes : paper->no)[who[i]] = true;
            }
        }
        settle(paper);
    }
    assert_same(code, expected);
}

static void act_ballot(struct paper *paper)
{
    const uint32_t who = roll(6);
    const struct gov_vote vote = {.mid = mids[who],
                                  .choice = roll(4) > 0 ? 1 : 0,
                                  .signer = roll(20) == 0 ? "mallory" : NULL};
    const uint32_t code = stage_vote(&stage, &paper->plan, &vote);
    uint32_t expected = RESULT_OK;

    if (!paper->recorded || paper->state != PROPOSAL_OPEN) {
        expected = E_CLOSED;
    } else if (stage.time_ms >= paper->plan.body.deadline_ms) {
        expected = E_DEADLINE;
    } else if (!current(paper)) {
        expected = E_STALE;
    } else if (!acts(who)) {
        expected = E_MEMBER;
    } else if (vote.signer != NULL) {
        expected = E_SIG;
    } else if (paper->yes[who] || paper->no[who]) {
        expected = E_SEEN;
    } else {
        (vote.choice == CHOICE_YES ? paper->yes : paper->no)[who] = true;
        settle(paper);
    }
    assert_same(code, expected);
}

static void act_withdraw(struct paper *paper)
{
    const uint32_t who = roll(3) == 0 ? roll(6) : paper->by;
    const uint32_t code = stage_withdraw(&stage, &paper->plan, mids[who], mids[who]);
    uint32_t expected = RESULT_OK;

    if (!paper->recorded || paper->state != PROPOSAL_OPEN) {
        expected = E_CLOSED;
    } else if (!acts(who)) {
        expected = E_MEMBER;
    } else if (who != paper->by) {
        expected = E_ROLE;
    } else {
        finish(paper, PROPOSAL_WITHDRAWN, RESULT_OK);
    }
    assert_same(code, expected);
}

static bool disputes_elsewhere(uint32_t who)
{
    for (uint32_t i = 0; i < paper_count; i++) {
        if (live(&papers[i]) && papers[i].disputed[who]) {
            return true;
        }
    }
    return false;
}

static void act_dispute(struct paper *paper)
{
    const uint32_t who = roll(6);
    const uint32_t code = stage_dispute(&stage, &paper->plan, mids[who], mids[who]);
    const bool locked = paper->recorded && paper->state == PROPOSAL_LOCKED;
    uint32_t expected = RESULT_OK;

    if (!locked && (!paper->recorded || paper->state != PROPOSAL_DISPUTED)) {
        expected = E_CLOSED;
    } else if (!current(paper)) {
        expected = E_STALE;
    } else if (!acts(who)) {
        expected = E_MEMBER;
    } else if (paper->disputed[who]) {
        expected = E_SEEN;
    } else if (stage.time_ms < barred_until[who] || disputes_elsewhere(who)) {
        expected = E_DISPUTE;
    } else {
        paper->disputed[who] = true;
        if (counted(paper->disputed) > MEMBERS - K_ROOT) {
            finish(paper, PROPOSAL_CANCELLED, E_DISPUTE);
        } else if (locked) {
            lock(paper);
            paper->state = PROPOSAL_DISPUTED;
            tell(paper, PROPOSAL_DISPUTED, RESULT_OK);
        }
    }
    assert_same(code, expected);
}

static bool due(const struct paper *paper)
{
    if (!live(paper)) {
        return false;
    }
    if (!current(paper)) {
        return true;
    }
    return paper->state == PROPOSAL_OPEN
               ? stage.time_ms >= paper->plan.body.deadline_ms
               : stage.time_ms >= paper->until_ms && stage.height >= paper->until_height;
}

static void due_one(struct paper *paper)
{
    const uint64_t bar_ms = rights_param(&stage.world.rights, PARAM_LOCK_ROOT);

    if (!current(paper)) {
        finish(paper, PROPOSAL_STALE, E_STALE);
        return;
    }
    if (paper->state == PROPOSAL_OPEN) {
        finish(paper, PROPOSAL_EXPIRED, E_THRESHOLD);
        return;
    }
    for (uint32_t i = 0; i < MEMBERS; i++) {
        if (paper->disputed[i]) {
            barred_until[i] = stage.time_ms + bar_ms;
        }
    }
    enact(paper);
}

static void act_block(void)
{
    bool was_due[PLANS];
    uint32_t done = 0;

    stage_block(&stage, roll(20) == 0 ? roll(5000) : roll(200),
                roll(10) == 0 ? roll(30) * STAGE_HOUR : roll(600000));
    for (uint32_t i = 0; i < paper_count; i++) {
        was_due[i] = due(&papers[i]);
    }
    while (done++ < DUE_MAX) {
        struct paper *next = NULL;

        for (uint32_t i = 0; i < paper_count; i++) {
            if (was_due[i] &&
                (next == NULL || memcmp(papers[i].plan.pid, next->plan.pid, HASH_BYTES) < 0)) {
                next = &papers[i];
            }
        }
        if (next == NULL) {
            break;
        }
        was_due[next - papers] = false;
        due_one(next);
    }
    assert_same(RESULT_OK, RESULT_OK);
}

static void act_checkpoint(void)
{
    gov_retire(stage.world.state, stage.time_ms);
    stage.results.count = 0;
    for (uint32_t i = 0; i < paper_count; i++) {
        struct paper *paper = &papers[i];

        if (paper->recorded && !live(paper)) {
            paper->recorded = stage.time_ms < paper->plan.body.deadline_ms && current(paper);
        }
    }
    assert_same(RESULT_OK, RESULT_OK);
}

static struct paper *any_paper(void)
{
    const uint32_t back = roll(roll(4) == 0 ? 40 : 6);

    return &papers[back < paper_count ? paper_count - 1 - back : 0];
}

/* One that is locked, most of the time. */
static struct paper *paper_to_dispute(void)
{
    struct paper *paper = any_paper();

    for (uint32_t i = 0; i < 8 && (!live(paper) || paper->state == PROPOSAL_OPEN); i++) {
        paper = any_paper();
    }
    return paper;
}

static void act(void)
{
    const uint32_t what = roll(100);

    if (paper_count == 0 || (what < 12 && paper_count < PLANS)) {
        struct paper *paper = paper_write();

        if (roll(3) == 0) {
            act_bundle(paper);
        } else {
            act_propose(paper);
        }
    } else if (what < 60) {
        act_ballot(any_paper());
    } else if (what < 65) {
        act_propose(any_paper());
    } else if (what < 68) {
        act_withdraw(any_paper());
    } else if (what < 85) {
        act_dispute(paper_to_dispute());
    } else if (what < 95) {
        act_block();
    } else {
        act_checkpoint();
    }
}

static void officers_get_what_the_documents_say(void **state)
{
    uint32_t ends[PROPOSAL_WITHDRAWN + 1] = {0};

    (void)state;
    for (uint64_t run = 1; run <= 8; run++) {
        seed = run;
        paper_count = 0;
        told_count = 0;
        members_version = 1;
        replicas_version = 1;
        memset(barred_until, 0, sizeof(barred_until));
        for (uint32_t i = 0; i < REPLICAS; i++) {
            replica_standing[i] = STANDING_ACTIVE;
        }
        for (uint32_t i = 0; i < MEMBERS; i++) {
            member_standing_of[i] = STANDING_ACTIVE;
        }
        stage_open(&stage, REPLICAS, true, 2000);
        for (uint32_t step = 0; step < STEPS; step++) {
            act();
        }
        for (uint32_t i = 0; i < paper_count; i++) {
            ends[papers[i].state]++;
        }
        stage_close(&stage);
    }
    /* It has been everywhere. */
    for (uint32_t i = PROPOSAL_ENACTED; i <= PROPOSAL_WITHDRAWN; i++) {
        assert_true(ends[i] > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(officers_get_what_the_documents_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
