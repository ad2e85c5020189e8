/* One fault for each result code of cap_check, in the order of the protocol: alone each gives its
 * code, and of any two together the earlier one. */
#include "governance/records.h"
#include "governance/session.h"
#include "tests/support/gov_world.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW (FIXTURE_DATE + 5000)

static struct gov_fixture fixture;
static struct gov_world world;
static struct cap_trial trial;

/* The leaf of the chain of two blocks. Faults of the chain are made in it; faults of what is asked
 * for are made in both, because block 0 is asked everything before block 1 is asked anything. */
#define LEAF (&trial.token.blocks[1])
#define ROOT (&trial.token.blocks[0])

static void parse_too_many_blocks(void)
{
    const struct gov_token chain = trial.token;

    gov_token_init(&trial.token, 0, 6);
    for (uint32_t i = 0; i < 2; i++) {
        trial.token.blocks[i] = chain.blocks[i];
    }
}

static void plan_generation(void)
{
    trial.token.blocks[0].body.gen = 9;
    trial.token.blocks[0].signed_by = "i1 0";
}

static void plan_parent(void)
{
    LEAF->body.gen = 1;
}

static void plan_wider(void)
{
    LEAF->body.max_entry = 1001;
}

static void plan_governed_holder(void)
{
    LEAF->holder = "m1";
}

static void plan_signature(void)
{
    LEAF->signed_by = "mallory";
}

static void plan_not_yet(void)
{
    LEAF->body.not_before_ms = NOW + 1;
}

static void plan_expired(void)
{
    LEAF->body.expires_ms = NOW;
}

static void plan_expired_height(void)
{
    LEAF->body.expires_height = 10;
}

static void plan_request_signature(void)
{
    trial.request.author = "mallory";
}

static void plan_other_token(void)
{
    trial.request.keep_author = true;
    memset(trial.request.body.author.id, 5, HASH_BYTES);
}

static void plan_late(void)
{
    trial.request.body.not_after_ms = NOW - 1;
}

static void plan_operation(void)
{
    ROOT->body.ops = OP_READ;
    LEAF->body.ops = OP_READ;
}

static void plan_stream(void)
{
    trial.request.statements[0].stream = "log/x";
}

static void plan_size(void)
{
    trial.request.statements[0].payload_len = 1001;
}

static void plan_quota(void)
{
    ROOT->body.quota_entries = 0;
    LEAF->body.quota_entries = 0;
}

static void plan_rate(void)
{
    ROOT->body.rate.uses = 0;
    LEAF->body.rate.uses = 0;
}

static void plan_holders(void)
{
    ROOT->body.holders = 0;
    LEAF->body.holders = 0;
}

static void plan_condition(void)
{
    trial.request.statements[0].expect = 5;
}

static void act_issuer(void)
{
    world_issuer(&world, STANDING_SUSPENDED, 1, U64_UNLIMITED);
}

static void act_revoke_block(void)
{
    world_revoke_block(&world, trial.view.chain.blocks[1].id, FIXTURE_DATE + FIXTURE_HOUR);
}

static void act_revoke_key(void)
{
    world_revoke_key(&world, trial.view.chain.blocks[1].holder);
}

static void act_replay(void)
{
    const struct session_result used = {.request_no = 1};

    assert_true(
        session_use(world.state, trial.view.session_key, FIXTURE_DATE + FIXTURE_HOUR, &used));
}

static void act_sessions(void)
{
    const struct state_key key = state_key_counter(COUNTER_SESSIONS);

    assert_true(counter_add(world.state, &key, rights_param(&world.rights, PARAM_SESSIONS)));
}

static void act_freeze(void)
{
    world_freeze(&world, "pay", NOW + 1);
}

static void act_live(void)
{
    const struct state_key key = state_key_live(trial.view.chain.blocks[0].parent);

    assert_true(counter_add(world.state, &key, 1000));
}

static void act_streams(void)
{
    const struct state_key key = state_key_counter(COUNTER_STREAMS);

    assert_true(counter_add(world.state, &key, rights_param(&world.rights, PARAM_STREAMS)));
}

struct fault {
    const char *name;
    void (*plan)(void); /* before token and request are made */
    void (*act)(void);  /* after, on the state */
    enum result_code code;
    bool consumes;
};

static const struct fault faults[] = {
    {"a block too many", parse_too_many_blocks, NULL, E_DEPTH, false},
    {"issuer suspended", NULL, act_issuer, E_ISSUER, false},
    {"unknown generation", plan_generation, NULL, E_GEN, false},
    {"child with a generation", plan_parent, NULL, E_PARENT, false},
    {"longer entries than above", plan_wider, NULL, E_WIDEN, false},
    {"a governed key as holder", plan_governed_holder, NULL, E_KEY, false},
    {"signed by another", plan_signature, NULL, E_SIG, false},
    {"block revoked", NULL, act_revoke_block, E_REVOKED_ID, false},
    {"holder revoked", NULL, act_revoke_key, E_REVOKED_KEY, false},
    {"not yet", plan_not_yet, NULL, E_NOT_YET, false},
    {"expired", plan_expired, NULL, E_EXPIRED_TIME, false},
    {"expired by height", plan_expired_height, NULL, E_EXPIRED_HEIGHT, false},
    {"request signed by another", plan_request_signature, NULL, E_REQ_SIG, false},
    {"bound to another token", plan_other_token, NULL, E_REQ_BIND, false},
    {"late", plan_late, NULL, E_REQ_LATE, false},
    {"number used", NULL, act_replay, E_REPLAY, false},
    {"too many sessions", NULL, act_sessions, E_CAPACITY, false},
    {"operation", plan_operation, NULL, E_OP, true},
    {"stream", plan_stream, NULL, E_STREAM, true},
    {"frozen", NULL, act_freeze, E_FROZEN, true},
    {"length", plan_size, NULL, E_SIZE, true},
    {"quota", plan_quota, NULL, E_QUOTA, true},
    {"rate", plan_rate, NULL, E_RATE, true},
    {"holders", plan_holders, NULL, E_HOLDERS, false},
    {"live tokens", NULL, act_live, E_LIVE, false},
    {"condition", plan_condition, NULL, E_EXPECT, true},
    {"too many streams", NULL, act_streams, E_CAPACITY, true},
};
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

/* A block cannot begin after it has ended, so these two have no token in common. */
static bool exclude_each_other(const struct fault *a, const struct fault *b)
{
    return a->code == E_NOT_YET && b->code == E_EXPIRED_TIME;
}

static enum result_code run_with(const struct fault *first, const struct fault *second)
{
    const struct fault *const both[] = {first, second};
    enum result_code code = RESULT_OK;

    gov_world_open(&world, &fixture, 1000);
    trial_init(&trial, &world, &sig_fast, 2);
    for (size_t i = 0; i < 2; i++) {
        if (both[i] != NULL && both[i]->plan != NULL) {
            both[i]->plan();
        }
    }
    code = trial_make(&trial);
    for (size_t i = 0; code == RESULT_OK && i < 2; i++) {
        if (both[i] != NULL && both[i]->act != NULL) {
            both[i]->act();
        }
    }
    if (code == RESULT_OK) {
        code = trial_check(&trial);
    } else {
        memset(&trial.verdict, 0, sizeof(trial.verdict));
    }
    gov_world_close(&world);
    return code;
}

static void a_request_without_fault_is_good(void **state)
{
    (void)state;
    assert_int_equal(run_with(NULL, NULL), RESULT_OK);
    assert_true(trial.verdict.consumes);
    assert_int_equal(trial.verdict.count, 1);
    assert_int_equal(trial.verdict.bytes, 100);
    assert_int_equal(trial.verdict.account_count, 2);
    assert_memory_equal(trial.verdict.session_key, trial.view.chain.blocks[1].id, HASH_BYTES);
    assert_memory_equal(trial.verdict.author_key, trial.view.chain.blocks[1].holder, HASH_BYTES);
}

static void every_fault_alone_gives_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAULTS; i++) {
        const enum result_code code = run_with(&faults[i], NULL);

        if (code != faults[i].code || trial.verdict.consumes != faults[i].consumes) {
            print_message("%s: %s, consumes %d\n", faults[i].name, result_code_name(code),
                          trial.verdict.consumes);
        }
        assert_int_equal(code, faults[i].code);
        assert_int_equal(trial.verdict.consumes, faults[i].consumes);
    }
}

static void of_two_faults_the_earlier_gives_the_code(void **state)
{
    size_t tried = 0;

    (void)state;
    for (size_t i = 0; i < FAULTS; i++) {
        for (size_t j = i + 1; j < FAULTS; j++) {
            if (exclude_each_other(&faults[i], &faults[j])) {
                continue;
            }

            const enum result_code code = run_with(&faults[i], &faults[j]);

            if (code != faults[i].code) {
                print_message("%s and %s: %s\n", faults[i].name, faults[j].name,
                              result_code_name(code));
            }
            assert_int_equal(code, faults[i].code);
            tried++;
        }
    }
    assert_true(tried >= 300);
}

/* A holder or a token that is not admitted leaves nothing, whatever else is wrong with it:
 * otherwise tokens beyond the issuer's limit would fill the state by being refused. */
static void what_is_not_admitted_consumes_nothing_under_any_code(void **state)
{
    const struct fault *const limits[] = {&faults[FAULTS - 4], &faults[FAULTS - 3]};

    (void)state;
    assert_int_equal(limits[0]->code, E_HOLDERS);
    assert_int_equal(limits[1]->code, E_LIVE);
    for (size_t i = 0; i < FAULTS; i++) {
        for (size_t j = 0; j < 2; j++) {
            (void)run_with(&faults[i], limits[j]);
            assert_false(trial.verdict.consumes);
        }
    }
}

static void the_check_itself_changes_nothing(void **state)
{
    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];
    struct state_change change;
    uint32_t cursor = 0;

    (void)state;
    gov_world_open(&world, &fixture, 1000);
    trial_init(&trial, &world, &sig_fast, 2);
    state_mark(world.state);
    state_root(world.state, before);
    assert_int_equal(trial_make(&trial), RESULT_OK);
    assert_int_equal(trial_check(&trial), RESULT_OK);
    state_root(world.state, after);
    assert_memory_equal(before, after, HASH_BYTES);
    assert_false(state_change_next(world.state, &cursor, &change));
    gov_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_without_fault_is_good),
        cmocka_unit_test(every_fault_alone_gives_its_code),
        cmocka_unit_test(of_two_faults_the_earlier_gives_the_code),
        cmocka_unit_test(what_is_not_admitted_consumes_nothing_under_any_code),
        cmocka_unit_test(the_check_itself_changes_nothing),
    };

    gov_fixture_init(&fixture, &sig_fast, 4);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
