/* What requests leave in the state: quotas over whole subtrees, rates, holders, live tokens, the
 * session, and how all of that goes again. */
#include "governance/records.h"
#include "governance/session.h"
#include "tests/support/sign_fast.h"
#include "tests/support/world_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW (FIXTURE_DATE + 5000)
#define EXPIRES (FIXTURE_DATE + FIXTURE_HOUR)

#define ROOT (&trial.token.blocks[0])
#define LEAF (&trial.token.blocks[1])

static enum result_code run_next(void)
{
    const enum result_code code = trial_run(&trial);

    trial.request.body.request_no++;
    return code;
}

static struct quota_record quota_of(uint32_t block)
{
    const struct state_key key = state_key_quota(trial.view.chain.blocks[block].id);
    struct quota_record quota = {0};
    struct bytes value;

    assert_true(state_get(world.state, state_key_bytes(&key), &value));
    assert_int_equal(quota_record_decode(value, &quota), WIRE_OK);
    return quota;
}

static uint64_t live_tokens(void)
{
    const struct state_key key = state_key_live(trial.view.chain.blocks[0].parent);

    return counter_read(world.state, &key);
}

static uint64_t sessions(void)
{
    const struct state_key key = state_key_counter(COUNTER_SESSIONS);

    return counter_read(world.state, &key);
}

static void an_append_is_charged_to_every_block(void **state)
{
    struct session_result result;

    (void)state;
    trial.request.count = 3;
    trial.request.statements[1] = (struct gov_statement){"pay/us", 20, U64_UNLIMITED};
    trial.request.statements[2] = (struct gov_statement){"pay/us", 3, U64_UNLIMITED};
    assert_int_equal(run_next(), RESULT_OK);
    for (uint32_t block = 0; block < 2; block++) {
        const struct quota_record quota = quota_of(block);

        assert_int_equal(quota.entries, 3);
        assert_int_equal(quota.used_bytes, 123);
        assert_int_equal(quota.uses, 1);
        assert_int_equal(quota.holders, 1);
        assert_int_equal(quota.window_no, NOW / 60000);
        assert_int_equal(quota.expires_ms, EXPIRES);
    }
    assert_int_equal(live_tokens(), 1);
    assert_int_equal(sessions(), 1);
    assert_int_equal(stream_length(world.state, bytes_of_text("pay/us")), 2);
    assert_true(session_result_find(world.state, trial.view.session_key, 1, &result));
    assert_int_equal(result.code, RESULT_OK);
    assert_int_equal(result.first_index, 77);
    assert_int_equal(result.count, 3);
    assert_int_equal(result.height, 10);
    assert_memory_equal(result.request_id, trial.view.request_id, HASH_BYTES);
}

static void the_same_request_again_is_a_replay_and_its_result_is_there(void **state)
{
    struct session_result result;
    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];

    (void)state;
    assert_int_equal(trial_run(&trial), RESULT_OK);
    state_root(world.state, before);
    assert_int_equal(trial_run(&trial), E_REPLAY);
    assert_false(trial.verdict.consumes);
    state_root(world.state, after);
    assert_memory_equal(before, after, HASH_BYTES);
    assert_true(session_result_find(world.state, trial.verdict.session_key, 1, &result));
    assert_memory_equal(result.request_id, trial.verdict.request_id, HASH_BYTES);
}

static void a_refusal_from_step_4_on_uses_number_and_rate_but_no_quota(void **state)
{
    struct session_result result;

    (void)state;
    trial.request.statements[0].stream = "log";
    assert_int_equal(trial_run(&trial), E_STREAM);
    assert_int_equal(quota_of(0).entries, 0);
    assert_int_equal(quota_of(1).used_bytes, 0);
    assert_int_equal(quota_of(0).uses, 1);
    assert_int_equal(quota_of(1).uses, 1);
    assert_true(session_result_find(world.state, trial.view.session_key, 1, &result));
    assert_int_equal(result.code, E_STREAM);
    assert_int_equal(result.count, 0);
    assert_int_equal(result.first_index, 0);
    assert_int_equal(trial_run(&trial), E_REPLAY);
}

static void a_refusal_in_steps_1_to_3_leaves_no_state(void **state)
{
    const uint32_t before = state_count(world.state);

    (void)state;
    trial.request.author = "mallory";
    assert_int_equal(trial_run(&trial), E_REQ_SIG);
    LEAF->body.max_entry = 5000;
    assert_int_equal(trial_run(&trial), E_WIDEN);
    assert_int_equal(state_count(world.state), before);
    trial_init(&trial, &world, &sig_fast, 2);
    assert_int_equal(trial_run(&trial), RESULT_OK);
}

static void a_code_found_after_the_check_is_the_one_that_is_kept(void **state)
{
    const struct cap_outcome outcome = {.code = E_ACTION, .first_index = 9, .height = 10};
    struct session_result result;

    (void)state;
    assert_int_equal(trial_make(&trial), RESULT_OK);
    assert_int_equal(trial_check(&trial), RESULT_OK);
    cap_charge(world.state, &trial.verdict, &outcome);
    assert_true(session_result_find(world.state, trial.view.session_key, 1, &result));
    assert_int_equal(result.code, E_ACTION);
    assert_int_equal(result.first_index, 0);
    assert_int_equal(quota_of(0).entries, 0);
    assert_int_equal(quota_of(0).uses, 1);
}

/* --- Quotas ------------------------------------------------------------------------------------
 */

static void entries_and_bytes_have_a_last_one(void **state)
{
    (void)state;
    LEAF->body.quota_entries = 5;
    trial.request.count = 3;
    trial.request.statements[1] = trial.request.statements[0];
    trial.request.statements[2] = trial.request.statements[0];
    assert_int_equal(run_next(), RESULT_OK);
    assert_int_equal(run_next(), E_QUOTA);
    assert_int_equal(trial.verdict.block, 1);
    trial.request.count = 2;
    assert_int_equal(run_next(), RESULT_OK);
    trial.request.count = 1;
    assert_int_equal(run_next(), E_QUOTA);

    trial_init(&trial, &world, &sig_fast, 1);
    ROOT->body.quota_bytes = 150;
    assert_int_equal(run_next(), RESULT_OK);
    trial.request.statements[0].payload_len = 51;
    assert_int_equal(run_next(), E_QUOTA);
    trial.request.statements[0].payload_len = 50;
    assert_int_equal(run_next(), RESULT_OK);
}

/* A thousand sub-keys share one account. */
static void sub_keys_do_not_multiply_a_quota(void **state)
{
    char name[16];
    uint32_t appended = 0;

    (void)state;
    ROOT->body.quota_entries = 7;
    LEAF->body.quota_entries = 7;
    ROOT->body.holders = 100;
    LEAF->body.holders = 1;
    for (uint32_t i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "key %u", i);
        LEAF->holder = name;
        appended += trial_run(&trial) == RESULT_OK ? 1 : 0;
    }
    assert_int_equal(appended, 7);
    assert_int_equal(quota_of(0).entries, 7);
    assert_int_equal(trial.verdict.code, E_QUOTA);
    assert_int_equal(trial.verdict.block, 0);
}

static void no_counter_overflows(void **state)
{
    const struct quota_record full = {
        .entries = UINT64_MAX,
        .used_bytes = UINT64_MAX,
        .uses = UINT64_MAX,
        .window_no = NOW / 60000,
        .expires_ms = EXPIRES,
    };
    uint8_t bytes[96];
    struct buffer out = buffer_make(bytes, sizeof(bytes));

    (void)state;
    gov_token_init(&trial.token, 1, 1);
    assert_int_equal(trial_make(&trial), RESULT_OK);

    const struct state_key place = state_key_quota(trial.view.chain.blocks[0].id);

    assert_true(quota_record_encode(&full, &out));
    assert_true(state_put(world.state, state_key_bytes(&place), buffer_bytes(&out)));
    assert_int_equal(trial_run(&trial), E_QUOTA);
    assert_int_equal(quota_of(0).uses, UINT64_MAX);
    assert_int_equal(quota_of(0).entries, UINT64_MAX);
}

/* --- Rates -------------------------------------------------------------------------------------
 */

static void a_rate_counts_anew_in_each_window(void **state)
{
    const uint64_t window = NOW / 60000;

    (void)state;
    LEAF->body.rate.uses = 2;
    trial.request.body.not_after_ms = FIXTURE_DATE + FIXTURE_HOUR;
    trial.time_ms = (window + 1) * 60000;
    assert_int_equal(run_next(), RESULT_OK);
    trial.time_ms += 59999;
    assert_int_equal(run_next(), RESULT_OK);
    assert_int_equal(run_next(), E_RATE);
    assert_int_equal(trial.verdict.block, 1);
    trial.time_ms += 1;
    assert_int_equal(run_next(), RESULT_OK);
    assert_int_equal(quota_of(1).uses, 1);
    assert_int_equal(quota_of(1).entries, 3);
}

static void refused_requests_use_the_rate_up_too(void **state)
{
    (void)state;
    LEAF->body.rate.uses = 2;
    trial.request.statements[0].stream = "log";
    assert_int_equal(run_next(), E_STREAM);
    assert_int_equal(run_next(), E_STREAM);
    trial.request.statements[0].stream = "pay";
    assert_int_equal(run_next(), E_RATE);
}

/* --- Holders and live tokens -------------------------------------------------------------------
 */

static void different_holders_under_a_block_are_counted_once_each(void **state)
{
    (void)state;
    ROOT->body.holders = 2;
    LEAF->body.holders = 1;
    assert_int_equal(run_next(), RESULT_OK);
    assert_int_equal(run_next(), RESULT_OK);
    assert_int_equal(quota_of(0).holders, 1);
    LEAF->holder = "carol";
    assert_int_equal(run_next(), RESULT_OK);
    assert_int_equal(quota_of(0).holders, 2);
    LEAF->holder = "dave";
    assert_int_equal(run_next(), E_HOLDERS);
    assert_int_equal(trial.verdict.block, 0);
    LEAF->holder = "bob";
    assert_int_equal(run_next(), RESULT_OK);
    /* The holder in between is one more when it acts itself. */
    trial.token.count = 1;
    assert_int_equal(run_next(), E_HOLDERS);
}

static void a_holder_that_is_refused_leaves_nothing(void **state)
{
    uint32_t before = 0;

    (void)state;
    ROOT->body.holders = 1;
    LEAF->body.holders = 1;
    assert_int_equal(run_next(), RESULT_OK);
    before = state_count(world.state);
    for (uint32_t i = 0; i < 10; i++) {
        char name[16];

        snprintf(name, sizeof(name), "key %u", i);
        LEAF->holder = name;
        assert_int_equal(run_next(), E_HOLDERS);
    }
    assert_int_equal(state_count(world.state), before);
}

static void an_issuer_has_so_many_live_tokens_and_no_more(void **state)
{
    uint32_t before = 0;

    (void)state;
    world.rights.issuers[0].live_tokens = 2;
    assert_int_equal(run_next(), RESULT_OK);
    ROOT->body.nonce[0] = 1;
    assert_int_equal(run_next(), RESULT_OK);
    assert_int_equal(live_tokens(), 2);
    before = state_count(world.state);
    ROOT->body.nonce[0] = 2;
    assert_int_equal(run_next(), E_LIVE);
    assert_int_equal(state_count(world.state), before);
    ROOT->body.nonce[0] = 1;
    assert_int_equal(run_next(), RESULT_OK);
    /* A child of a live token is not another one. */
    LEAF->holder = "carol";
    assert_int_equal(run_next(), RESULT_OK);
    assert_int_equal(live_tokens(), 2);
}

/* --- Capacity ----------------------------------------------------------------------------------
 */

static void sessions_are_bounded_and_old_ones_go_on(void **state)
{
    (void)state;
    world_param(&world, PARAM_SESSIONS, 2);
    assert_int_equal(run_next(), RESULT_OK);
    LEAF->holder = "carol";
    assert_int_equal(run_next(), RESULT_OK);
    LEAF->holder = "dave";
    assert_int_equal(run_next(), E_CAPACITY);
    assert_int_equal(sessions(), 2);
    LEAF->holder = "carol";
    assert_int_equal(run_next(), RESULT_OK);
}

static void streams_are_bounded_and_old_ones_go_on(void **state)
{
    const struct state_key key = state_key_counter(COUNTER_STREAMS);

    (void)state;
    world_param(&world, PARAM_STREAMS, 2);
    trial.request.count = 3;
    trial.request.statements[1] = (struct gov_statement){"pay/us", 1, U64_UNLIMITED};
    trial.request.statements[2] = (struct gov_statement){"pay/de", 1, U64_UNLIMITED};
    assert_int_equal(run_next(), E_CAPACITY);
    assert_true(trial.verdict.consumes);
    assert_int_equal(counter_read(world.state, &key), 0);
    trial.request.statements[2].stream = "pay/eu";
    assert_int_equal(run_next(), RESULT_OK);
    assert_int_equal(counter_read(world.state, &key), 2);
    assert_int_equal(run_next(), RESULT_OK);
}

/* Whatever room there is left, a request that is good is written down whole. */
static void a_request_is_charged_whole_or_refused_for_lack_of_room(void **state)
{
    uint32_t good = 0;
    uint32_t refused = 0;

    (void)state;
    for (uint32_t records = 43; records < 63; records++) {
        struct cap_outcome outcome = {.height = 10};

        gov_world_close(&world);
        gov_world_open(&world, &world_fixture, records);
        trial_init(&trial, &world, &sig_fast, 2);
        outcome.code = trial_run(&trial);
        good += outcome.code == RESULT_OK ? 1 : 0;
        refused += outcome.code == E_CAPACITY ? 1 : 0;
        assert_true(outcome.code != RESULT_OK ||
                    state_count(world.state) <= records - STATE_RECORDS_KEPT(records));
    }
    assert_int_equal(good + refused, 20);
    assert_true(good > 0);
    assert_true(refused > 0);
}

/* --- Retirement --------------------------------------------------------------------------------
 */

static void what_has_expired_goes_at_its_moment_and_not_before(void **state)
{
    const uint32_t before = state_count(world.state);

    (void)state;
    assert_int_equal(run_next(), RESULT_OK);
    assert_int_equal(run_next(), RESULT_OK);

    const uint32_t used = state_count(world.state);

    assert_false(state_retire(world.state, EXPIRES - 1));
    assert_int_equal(state_count(world.state), used);
    assert_false(state_retire(world.state, EXPIRES));
    /* The stream stays, and the issuer's count, now 0. */
    assert_int_equal(state_count(world.state), before + 2);
    assert_int_equal(sessions(), 0);
    assert_int_equal(live_tokens(), 0);
}

/* A child that ends earlier goes earlier; its session with it, its parent's account not. */
static void a_child_retires_before_its_parent(void **state)
{
    (void)state;
    LEAF->body.expires_ms = NOW + 1000;
    assert_int_equal(run_next(), RESULT_OK);
    assert_false(state_retire(world.state, NOW + 1000));
    assert_int_equal(sessions(), 0);
    assert_int_equal(live_tokens(), 1);
    assert_int_equal(quota_of(0).entries, 1);
}

static void sessions_of_governed_keys_stay(void **state)
{
    (void)state;
    trial.governed = true;
    trial.request.author = "m1";
    trial.request.body.op = OP_GOVERN;
    trial.request.statements[0].stream = GOVERNANCE_STREAM;
    assert_int_equal(run_next(), RESULT_OK);
    assert_int_equal(sessions(), 0);
    assert_false(state_retire(world.state, UINT64_MAX - 1));
    trial.request.body.request_no = 1;
    assert_int_equal(trial_run(&trial), E_REPLAY);
}

static void revoked_blocks_retire_and_revoked_keys_stay(void **state)
{
    const uint8_t id[HASH_BYTES] = {9};
    struct section_record record;

    (void)state;
    world_revoke_key(&world, id);
    world_revoke_block(&world, id, EXPIRES);
    assert_false(state_retire(world.state, EXPIRES - 1));
    assert_true(rights_block_revoked(&world.rights, id));
    assert_true(section_read(world.state, SECTION_REVOCATIONS, &record));
    assert_int_equal(record.version, 3);
    assert_true(state_retire(world.state, EXPIRES));
    assert_true(section_read(world.state, SECTION_REVOCATIONS, &record));
    assert_int_equal(record.version, 4);
    assert_true(rights_refresh(&world.rights, world.state, NULL));
    assert_false(rights_block_revoked(&world.rights, id));
    assert_true(rights_key_revoked(&world.rights, id));
    assert_false(state_retire(world.state, EXPIRES));
}

static bool copy_record(void *context, struct bytes key, struct bytes value)
{
    return state_put(context, key, value);
}

/* A replica that was restored has its records in other places; what retires is the same. */
static void retirement_depends_on_content_only(void **state)
{
    struct state *copy = NULL;
    uint8_t first[HASH_BYTES];
    uint8_t second[HASH_BYTES];
    char name[16];

    (void)state;
    ROOT->body.holders = 100;
    for (uint32_t i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "key %u", i);
        LEAF->holder = name;
        LEAF->body.expires_ms = NOW + 1000 + i * 100;
        assert_int_equal(run_next(), RESULT_OK);
    }
    assert_int_equal(state_open(1000, (size_t)4 << 20, 99, &copy), STATUS_OK);
    assert_true(state_visit(world.state, copy_record, copy));
    assert_false(state_retire(world.state, NOW + 3000));
    assert_false(state_retire(copy, NOW + 3000));
    assert_int_equal(sessions(), 19);
    state_root(world.state, first);
    state_root(copy, second);
    assert_memory_equal(first, second, HASH_BYTES);
    state_close(copy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_append_is_charged_to_every_block),
        TEST(the_same_request_again_is_a_replay_and_its_result_is_there),
        TEST(a_refusal_from_step_4_on_uses_number_and_rate_but_no_quota),
        TEST(a_refusal_in_steps_1_to_3_leaves_no_state),
        TEST(a_code_found_after_the_check_is_the_one_that_is_kept),
        TEST(entries_and_bytes_have_a_last_one),
        TEST(sub_keys_do_not_multiply_a_quota),
        TEST(no_counter_overflows),
        TEST(a_rate_counts_anew_in_each_window),
        TEST(refused_requests_use_the_rate_up_too),
        TEST(different_holders_under_a_block_are_counted_once_each),
        TEST(a_holder_that_is_refused_leaves_nothing),
        TEST(an_issuer_has_so_many_live_tokens_and_no_more),
        TEST(sessions_are_bounded_and_old_ones_go_on),
        TEST(streams_are_bounded_and_old_ones_go_on),
        TEST(a_request_is_charged_whole_or_refused_for_lack_of_room),
        TEST(what_has_expired_goes_at_its_moment_and_not_before),
        TEST(a_child_retires_before_its_parent),
        TEST(sessions_of_governed_keys_stay),
        TEST(revoked_blocks_retire_and_revoked_keys_stay),
        TEST(retirement_depends_on_content_only),
    };

    gov_fixture_init(&world_fixture, &sig_fast, 4);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
