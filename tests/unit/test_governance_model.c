/* Random acts of officers, against a model that was written from the documents alone: what each
 * gets, what it brings about, and what it leaves. */
#include "tests/support/gov_model.h"
#include "tests/support/sign_fast.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 3000

static uint64_t seed;

static const char *const mids[] = {"m1", "m2", "m3", "m4", "m5", "m6"};

static uint32_t roll(uint32_t range)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % range);
}

/* --- Acts, each brought to both -------------------------------------------------------------- */

static void key_of(uint32_t rid, uint32_t number, uint32_t place, uint8_t out[PUBLIC_KEY_BYTES])
{
    static const char *const parts[] = {"", " cosign", " transport"};
    char name[32];

    (void)snprintf(name, sizeof(name), "%s%" PRIu32 "%s", number == 0 ? "r" : "key",
                   number == 0 ? rid : number, parts[place]);
    gov_public_key(&sig_fast, name, out);
}

static void assert_replicas_same(void)
{
    for (uint32_t i = 0; i < MODEL_REPLICAS; i++) {
        const bool rotated = model.boundary != NO_BOUNDARY && model.rotated == i;
        const uint32_t number = rotated ? model.rotated_keys : model.replica_keys[i];
        const struct roster_member now = stage_keys(&model.stage, i);
        const struct roster_member next = stage_next_keys(&model.stage, i);
        uint8_t pk[PUBLIC_KEY_BYTES];

        assert_int_equal(now.standing, model.replica_standing[i]);
        assert_int_equal(next.standing, model.replica_standing[i]);
        key_of(i, model.replica_keys[i], 0, pk);
        assert_memory_equal(now.sign_pk, pk, PUBLIC_KEY_BYTES);
        assert_int_equal(stage_key_standing(&model.stage, pk), STANDING_ACTIVE);
        key_of(i, number, 2, pk);
        assert_memory_equal(next.transport_pk, pk, PUBLIC_KEY_BYTES);
        assert_int_equal(stage_key_standing(&model.stage, pk),
                         rotated ? STANDING_SUSPENDED : STANDING_ACTIVE);
    }
}

static void assert_told_same(void)
{
    assert_int_equal(model.stage.results.count, model.told_count);
    for (uint32_t i = 0; i < model.told_count; i++) {
        const struct gov_result *result = &model.stage.results.list[i];

        assert_memory_equal(result->pid, model.told[i].paper->plan.pid, HASH_BYTES);
        assert_int_equal(result->state, model.told[i].state);
        assert_int_equal(result->reason, model.told[i].reason);
        assert_true(result->activates_at == model.told[i].activates_at);
    }
    model.told_count = 0;
}

static void assert_same(uint32_t code, uint32_t expected)
{
    uint32_t records = 0;

    if (code != expected) {
        fail_msg("%s where the model has %s", result_code_name(code), result_code_name(expected));
    }
    assert_told_same();
    for (uint32_t i = 0; i < model.paper_count; i++) {
        const struct paper *paper = &model.papers[i];
        const uint64_t state = stage_record(&model.stage, &paper->plan, NULL);

        assert_int_equal(state, paper->recorded ? paper->state : 0);
        records += paper->recorded ? 1 : 0;
    }
    assert_int_equal(stage_records(&model.stage), records);
    for (uint32_t i = 0; i < MODEL_MEMBERS; i++) {
        assert_int_equal(stage_member(&model.stage, mids[i]), model.member_standing[i]);
    }
    assert_replicas_same();
    assert_int_equal(stage_version(&model.stage, SECTION_MEMBERS), model.members_version);
    assert_int_equal(stage_version(&model.stage, SECTION_REPLICAS), model.replicas_version);
    assert_int_equal(stage_epoch(&model.stage), model.epoch);
    assert_true(stage_boundary(&model.stage) == model.boundary);
}

/* New keys, or those of an earlier paper, for a replica that the model knows the keys of. */
static void rotation_write(struct paper *paper)
{
    const uint32_t earlier = roll(model.paper_count);
    struct gov_rotation rotation;
    uint8_t pk[PUBLIC_KEY_BYTES];

    paper->keys = model.paper_count;
    if (roll(8) == 0 && model.papers[earlier].keys != 0) {
        paper->keys = model.papers[earlier].keys;
    }
    rotation_init(&rotation, &model.stage, paper->target, "new");
    for (uint32_t i = 0; i < 3; i++) {
        key_of(paper->target, paper->keys, i, pk);
        rotation_key(&rotation, i, pk);
    }
    if (paper->target < MODEL_REPLICAS) {
        key_of(paper->target, model.replica_keys[paper->target], 0, rotation.old_signer);
    }
    rotation.old_signs = roll(2) == 0;
    stage_plan_rotation(&model.stage, &paper->plan, &rotation);
}

static void subject_write(struct paper *paper)
{
    const bool suspends = paper->action == ACTION_MEMBER_SUSPEND;
    const struct args_subject args = {bytes_of_text(mids[paper->target]),
                                      suspends ? model.stage.time_ms + STAGE_DAY * roll(9)
                                               : U64_UNLIMITED};

    paper->until_arg = args.until_ms;
    stage_plan(&model.stage, &paper->plan, paper->action, SECTION_MEMBERS, &schema_args_subject,
               &args);
}

static uint64_t action_choose(void)
{
    static const uint64_t actions[] = {ACTION_REPLICA_SUSPEND,    ACTION_REPLICA_RESTORE,
                                       ACTION_REPLICA_KEY_ROTATE, ACTION_EPOCH_RENEW,
                                       ACTION_MEMBER_SUSPEND,     ACTION_MEMBER_RESTORE};
    const uint32_t what = roll(100);

    if (what < 40) {
        return actions[roll(2)];
    }
    return actions[what < 75 ? 2 + roll(2) : 4 + roll(2)];
}

static struct paper *paper_write(void)
{
    struct paper *paper = &model.papers[model.paper_count++];

    memset(paper, 0, sizeof(*paper));
    paper->action = action_choose();
    paper->by = roll(6);
    paper->target = roll(model_of_replicas(paper) ? MODEL_REPLICAS + 1 : MODEL_MEMBERS + 1);
    paper->members_read = model.members_version;
    paper->replicas_read = model_of_replicas(paper) ? model.replicas_version : 0;
    if (paper->action == ACTION_REPLICA_KEY_ROTATE) {
        rotation_write(paper);
    } else if (paper->action == ACTION_EPOCH_RENEW) {
        stage_plan_renewal(&model.stage, &paper->plan);
    } else if (model_of_replicas(paper)) {
        stage_plan_replica(&model.stage, &paper->plan, paper->action, paper->target);
    } else {
        subject_write(paper);
    }
    stage_plan_by(&paper->plan, mids[paper->by]);
    paper->plan.body.deadline_ms = model.stage.time_ms + 1 + roll(6 * 3600000);
    return paper;
}

static uint32_t propose_expected(const struct paper *paper)
{
    uint64_t open = 0;
    uint64_t closed = 0;

    if (paper->recorded) {
        return E_SEEN;
    }
    if (!model_acts(paper->by)) {
        return E_MEMBER;
    }
    if (model.stage.time_ms >= paper->plan.body.deadline_ms) {
        return E_DEADLINE;
    }
    if (!model_current(paper)) {
        return E_STALE;
    }
    for (uint32_t i = 0; i < model.paper_count; i++) {
        open += model.papers[i].by == paper->by && model_live(&model.papers[i]) ? 1 : 0;
        closed += model.papers[i].by == paper->by && model.papers[i].recorded &&
                          !model_live(&model.papers[i])
                      ? 1
                      : 0;
    }
    return open >= 4 || closed >= 16 ? E_PROPOSALS : model_rule(paper);
}

static void opened(struct paper *paper)
{
    paper->recorded = true;
    paper->state = PROPOSAL_OPEN;
    paper->extended = false;
    memset(paper->yes, 0, sizeof(paper->yes));
    memset(paper->no, 0, sizeof(paper->no));
    memset(paper->disputed, 0, sizeof(paper->disputed));
}

static void act_propose(struct paper *paper)
{
    const uint32_t expected = propose_expected(paper);
    const uint32_t code = stage_propose(&model.stage, &paper->plan);

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

    const uint32_t code = stage_bundle(&model.stage, &paper->plan, votes, count);

    if (expected == RESULT_OK) {
        opened(paper);
        for (uint32_t i = 0; i < count; i++) {
            if (model_acts(who[i]) && !paper->yes[who[i]] && !paper->no[who[i]]) {
                (votes[i].choice == CHOICE_YES ? paper->yes : paper->no)[who[i]] = true;
            }
        }
        model_settle(paper);
    }
    assert_same(code, expected);
}

static void act_ballot(struct paper *paper)
{
    const uint32_t who = roll(6);
    const struct gov_vote vote = {.mid = mids[who],
                                  .choice = roll(4) > 0 ? 1 : 0,
                                  .signer = roll(20) == 0 ? "mallory" : NULL};
    const uint32_t code = stage_vote(&model.stage, &paper->plan, &vote);
    uint32_t expected = RESULT_OK;

    if (!paper->recorded || paper->state != PROPOSAL_OPEN) {
        expected = E_CLOSED;
    } else if (model.stage.time_ms >= paper->plan.body.deadline_ms) {
        expected = E_DEADLINE;
    } else if (!model_current(paper)) {
        expected = E_STALE;
    } else if (!model_acts(who)) {
        expected = E_MEMBER;
    } else if (vote.signer != NULL) {
        expected = E_SIG;
    } else if (paper->yes[who] || paper->no[who]) {
        expected = E_SEEN;
    } else {
        (vote.choice == CHOICE_YES ? paper->yes : paper->no)[who] = true;
        model_settle(paper);
    }
    assert_same(code, expected);
}

static void act_withdraw(struct paper *paper)
{
    const uint32_t who = roll(3) == 0 ? roll(6) : paper->by;
    const uint32_t code = stage_withdraw(&model.stage, &paper->plan, mids[who], mids[who]);
    uint32_t expected = RESULT_OK;

    if (!paper->recorded || paper->state != PROPOSAL_OPEN) {
        expected = E_CLOSED;
    } else if (!model_acts(who)) {
        expected = E_MEMBER;
    } else if (who != paper->by) {
        expected = E_ROLE;
    } else {
        model_finish(paper, PROPOSAL_WITHDRAWN, RESULT_OK);
    }
    assert_same(code, expected);
}

static bool disputes_elsewhere(uint32_t who)
{
    for (uint32_t i = 0; i < model.paper_count; i++) {
        if (model_live(&model.papers[i]) && model.papers[i].disputed[who]) {
            return true;
        }
    }
    return false;
}

static void act_dispute(struct paper *paper)
{
    const uint32_t who = roll(6);
    const uint32_t code = stage_dispute(&model.stage, &paper->plan, mids[who], mids[who]);
    const bool locked = paper->recorded && paper->state == PROPOSAL_LOCKED;
    uint32_t expected = RESULT_OK;

    if (!locked && (!paper->recorded || paper->state != PROPOSAL_DISPUTED)) {
        expected = E_CLOSED;
    } else if (!model_current(paper)) {
        expected = E_STALE;
    } else if (!model_acts(who)) {
        expected = E_MEMBER;
    } else if (paper->disputed[who]) {
        expected = E_SEEN;
    } else if (model.stage.time_ms < model.barred_until[who] || disputes_elsewhere(who) ||
               (locked && paper->extended)) {
        expected = E_DISPUTE;
    } else {
        paper->disputed[who] = true;
        if (model_count(paper->disputed) > MODEL_MEMBERS - MODEL_K_ROOT) {
            model_finish(paper, PROPOSAL_CANCELLED, E_DISPUTE);
        } else if (locked) {
            model_lock(paper);
            paper->state = PROPOSAL_DISPUTED;
            paper->extended = true;
            model_tell(paper, PROPOSAL_DISPUTED, RESULT_OK, paper->until_height);
        }
    }
    assert_same(code, expected);
}

static void act_block(void)
{
    stage_block(&model.stage, roll(20) == 0 ? roll(5000) : roll(200),
                roll(10) == 0 ? roll(30) * STAGE_HOUR : roll(600000));
    model_block();
    assert_same(RESULT_OK, RESULT_OK);
}

static void act_checkpoint(void)
{
    gov_retire(model.stage.world.state, model.stage.time_ms);
    model.stage.results.count = 0;
    model_retire();
    assert_same(RESULT_OK, RESULT_OK);
}

static struct paper *any_paper(void)
{
    const uint32_t back = roll(roll(4) == 0 ? 40 : 6);

    return &model.papers[back < model.paper_count ? model.paper_count - 1 - back : 0];
}

/* One that is locked, most of the time. */
static struct paper *paper_to_dispute(void)
{
    struct paper *paper = any_paper();

    for (uint32_t i = 0; i < 8 && (!model_live(paper) || paper->state == PROPOSAL_OPEN); i++) {
        paper = any_paper();
    }
    return paper;
}

static void act(void)
{
    const uint32_t what = roll(100);

    if (model.paper_count == 0 || (what < 12 && model.paper_count < MODEL_PLANS)) {
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
    uint64_t epochs = 0;
    uint32_t rotated = 0;

    (void)state;
    for (uint64_t run = 1; run <= 8; run++) {
        seed = run;
        model_open();
        for (uint32_t step = 0; step < STEPS; step++) {
            act();
        }
        for (uint32_t i = 0; i < model.paper_count; i++) {
            ends[model.papers[i].state]++;
        }
        for (uint32_t i = 0; i < MODEL_REPLICAS; i++) {
            rotated += model.replica_keys[i] != 0 ? 1 : 0;
        }
        epochs += model.epoch;
        stage_close(&model.stage);
    }
    /* It has been everywhere. */
    for (uint32_t i = PROPOSAL_ENACTED; i <= PROPOSAL_WITHDRAWN; i++) {
        assert_true(ends[i] > 10);
    }
    assert_true(epochs > 20);
    assert_true(rotated > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(officers_get_what_the_documents_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
