/* cap_check, case by case: what may be asked for. Streams, freezes, sizes, conditions, reads,
 * governance. */
#include "crypto/hash.h"
#include "governance/records.h"
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
#define HOUR FIXTURE_HOUR

#define ROOT (&trial.token.blocks[0])
#define LEAF (&trial.token.blocks[1])

/* --- Streams -----------------------------------------------------------------------------------
 */

struct stream_case {
    const char *prefix;
    const char *stream;
    enum result_code code;
};

static void prefixes_cover_whole_segments(void **state)
{
    static const struct stream_case cases[] = {
        {"pay", "pay", RESULT_OK},       {"pay", "pay/eu", RESULT_OK},
        {"pay", "pay/eu/2", RESULT_OK},  {"pay", "payroll", E_STREAM},
        {"pay", "pa", E_STREAM},         {"pay/eu", "pay", E_STREAM},
        {"pay/eu", "pay/eu", RESULT_OK}, {"pay/eu", "pay/eur", E_STREAM},
        {"pay", "log", E_STREAM},        {"pay", "vestry/governance", E_STREAM},
        {"pay", "vestry", E_STREAM},     {"pay", "vestryx", E_STREAM},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        trial_init(&trial, &world, &sig_fast, 1);
        ROOT->prefixes[0] = cases[i].prefix;
        trial.request.statements[0].stream = cases[i].stream;
        assert_int_equal(trial_judge(&trial), cases[i].code);
    }
}

static void the_empty_prefix_covers_all_but_the_reserved(void **state)
{
    (void)state;
    gov_token_init(&trial.token, 1, 1);
    ROOT->prefixes[0] = "";
    trial.request.statements[0].stream = "anything";
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    trial.request.statements[0].stream = "vestry/governance";
    assert_int_equal(trial_judge(&trial), E_STREAM);
    trial.request.statements[0].stream = "vestry/x";
    assert_int_equal(trial_judge(&trial), E_STREAM);
    trial.request.statements[0].stream = "vestry2";
    assert_int_equal(trial_judge(&trial), RESULT_OK);
}

static void one_statement_outside_refuses_the_whole_request(void **state)
{
    (void)state;
    trial.request.count = 3;
    trial.request.statements[1] = (struct gov_statement){"pay/us", 1, U64_UNLIMITED};
    trial.request.statements[2] = (struct gov_statement){"log", 1, U64_UNLIMITED};
    assert_int_equal(trial_judge(&trial), E_STREAM);
    assert_int_equal(trial.verdict.position, 2);
    assert_int_equal(trial.verdict.block, 0);
    trial.request.statements[2].stream = "pay/eu";
    assert_int_equal(trial_judge(&trial), RESULT_OK);
}

/* A bug in the comparison of blocks alone must not widen: every block is asked about every
 * statement. */
static void every_block_is_asked_about_every_statement(void **state)
{
    (void)state;
    assert_int_equal(trial_make(&trial), RESULT_OK);
    trial.view.chain.blocks[0].limits.prefixes.list[0] = bytes_of_text("pay/us");
    trial.view.chain.blocks[1].limits.prefixes.list[0] = bytes_of_text("pay/us");
    assert_int_equal(trial_check(&trial), E_STREAM);
    assert_int_equal(trial.verdict.block, 0);
    LEAF->prefixes[0] = "pay/us";
    assert_int_equal(trial_judge(&trial), E_STREAM);
    assert_int_equal(trial.verdict.block, 1);
}

static void a_freeze_stops_what_it_covers_while_it_lasts(void **state)
{
    (void)state;
    world_freeze(&world, "pay/us", NOW + 1);
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    world_freeze(&world, "pay/eu", NOW + 1);
    assert_int_equal(trial_judge(&trial), E_FROZEN);
    trial.request.statements[0].stream = "pay/de";
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    trial.request.statements[0].stream = "pay/eu";
    trial.time_ms = NOW + 1;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    world_freeze(&world, "", NOW + 2);
    assert_int_equal(trial_judge(&trial), E_FROZEN);
}

static void reading_goes_on_while_frozen(void **state)
{
    (void)state;
    world_freeze(&world, "", NOW + 1000);
    trial.audience = 3;
    trial.request.body.audience = 3;
    trial.request.body.op = OP_READ;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    assert_false(trial.verdict.consumes);
}

/* --- Sizes and conditions ----------------------------------------------------------------------
 */

static void entries_have_a_longest_length(void **state)
{
    (void)state;
    LEAF->body.max_entry = 500;
    trial.request.statements[0].payload_len = 500;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    trial.request.statements[0].payload_len = 501;
    assert_int_equal(trial_judge(&trial), E_SIZE);
    assert_int_equal(trial.verdict.block, 1);
    trial.request.statements[0].payload_len = 0;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
}

static void the_parameter_bounds_entries_too(void **state)
{
    (void)state;
    world_param(&world, PARAM_PAYLOAD_BYTES, 99);
    assert_int_equal(trial_judge(&trial), E_SIZE);
    world_param(&world, PARAM_PAYLOAD_BYTES, 100);
    assert_int_equal(trial_judge(&trial), RESULT_OK);
}

static void conditions_see_the_statements_before_them(void **state)
{
    uint64_t first = 0;

    (void)state;
    assert_true(stream_append(world.state, bytes_of_text("pay/eu"), 4, &first));
    trial.request.count = 4;
    trial.request.statements[0] = (struct gov_statement){"pay/eu", 1, 4};
    trial.request.statements[1] = (struct gov_statement){"pay/us", 1, 0};
    trial.request.statements[2] = (struct gov_statement){"pay/eu", 1, 5};
    trial.request.statements[3] = (struct gov_statement){"pay/us", 1, 1};
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    trial.request.statements[3].expect = 0;
    assert_int_equal(trial_judge(&trial), E_EXPECT);
    assert_int_equal(trial.verdict.position, 3);
    assert_true(trial.verdict.consumes);
    trial.request.statements[3].expect = U64_UNLIMITED;
    trial.request.statements[2].expect = 4;
    assert_int_equal(trial_judge(&trial), E_EXPECT);
    assert_int_equal(trial.verdict.position, 2);
}

/* --- Audience, reads, governed keys ------------------------------------------------------------
 */

static void a_read_is_for_the_replica_it_names(void **state)
{
    (void)state;
    trial.request.body.op = OP_READ;
    trial.request.body.audience = 3;
    trial.audience = 3;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    trial.audience = 2;
    assert_int_equal(trial_judge(&trial), E_REQ_BIND);
    trial.audience = 0;
    assert_int_equal(trial_judge(&trial), E_REQ_BIND);
}

static void an_ordered_request_is_not_a_read(void **state)
{
    (void)state;
    trial.audience = 1;
    assert_int_equal(trial_judge(&trial), E_REQ_BIND);
    trial.audience = 0;
    trial.request.body.audience = 1;
    assert_int_equal(trial_judge(&trial), E_ENCODING);
    trial.request.body.audience = 0;
    trial.request.body.op = OP_READ;
    assert_int_equal(trial_judge(&trial), E_ENCODING);
}

static void a_read_needs_the_right_and_the_stream_and_no_fresh_number(void **state)
{
    (void)state;
    assert_int_equal(trial_run(&trial), RESULT_OK);
    trial.request.body.op = OP_READ;
    trial.request.body.audience = 1;
    trial.audience = 1;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    trial.request.statements[0].stream = "log";
    assert_int_equal(trial_judge(&trial), E_STREAM);
    trial.request.statements[0].stream = "";
    assert_int_equal(trial_judge(&trial), E_STREAM);
    trial.request.statements[0].stream = "pay";
    ROOT->body.ops = OP_APPEND;
    LEAF->body.ops = OP_APPEND;
    assert_int_equal(trial_judge(&trial), E_OP);
}

static void reading_all_positions_needs_the_empty_prefix(void **state)
{
    (void)state;
    gov_token_init(&trial.token, 1, 1);
    ROOT->prefixes[0] = "";
    trial.request.body.op = OP_READ;
    trial.request.body.audience = 1;
    trial.audience = 1;
    trial.request.statements[0].stream = "";
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    ROOT->prefixes[0] = "pay";
    assert_int_equal(trial_judge(&trial), E_STREAM);
}

static void plan_governance(const char *author)
{
    trial.request.body.op = OP_GOVERN;
    trial.request.statements[0].stream = GOVERNANCE_STREAM;
    trial.governed = author != NULL;
    trial.request.author = author;
}

static void a_token_that_may_govern_writes_to_the_governance_stream_only(void **state)
{
    (void)state;
    plan_governance(NULL);
    assert_int_equal(trial_judge(&trial), E_OP);
    ROOT->body.ops = OPERATIONS_ALL;
    LEAF->body.ops = OP_GOVERN;
    world_freeze(&world, "", NOW + 1000);
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    trial.request.statements[0].stream = "pay/eu";
    assert_int_equal(trial_judge(&trial), E_STREAM);
    trial.request.statements[0].stream = GOVERNANCE_STREAM;
    trial.request.statements[0].payload_len = 1001;
    assert_int_equal(trial_judge(&trial), E_SIZE);
}

static void a_governed_key_may_govern_by_its_role(void **state)
{
    static const char *const may[] = {"m1", "m5", "h2", "r0", "i1 0", "i2 1"};
    static const char *const may_not[] = {"r0 cosign", "r1 transport", "w1", "alice"};

    (void)state;
    for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++) {
        plan_governance(may[i]);
        assert_int_equal(trial_judge(&trial), RESULT_OK);
        assert_true(trial.verdict.governed);
        assert_true(trial.verdict.consumes);
        assert_int_equal(trial.verdict.account_count, 0);
        assert_memory_equal(trial.verdict.session_key, trial.verdict.author_key, PUBLIC_KEY_BYTES);
    }
    for (size_t i = 0; i < sizeof(may_not) / sizeof(may_not[0]); i++) {
        plan_governance(may_not[i]);
        assert_int_equal(trial_judge(&trial), E_AUTHOR);
        assert_false(trial.verdict.consumes);
    }
}

static void a_governed_key_that_is_not_current_is_no_author(void **state)
{
    uint8_t key[PUBLIC_KEY_BYTES];

    (void)state;
    gov_public_key(&sig_fast, "m1", key);
    plan_governance("m1");
    world_standing(&world, key, STANDING_SUSPENDED);
    assert_int_equal(trial_judge(&trial), E_AUTHOR);
    world_standing(&world, key, STANDING_RETIRED);
    assert_int_equal(trial_judge(&trial), E_AUTHOR);
    world_standing(&world, key, STANDING_ACTIVE);
    assert_int_equal(trial_judge(&trial), RESULT_OK);
}

static void a_governed_key_may_do_nothing_but_govern(void **state)
{
    (void)state;
    plan_governance("m1");
    trial.request.body.op = OP_APPEND;
    trial.request.statements[0].stream = "pay/eu";
    assert_int_equal(trial_judge(&trial), E_OP);
    assert_true(trial.verdict.consumes);
    trial.request.body.op = OP_GOVERN;
    assert_int_equal(trial_judge(&trial), E_STREAM);
    trial.request.statements[0].stream = GOVERNANCE_STREAM;
    trial.request.statements[0].payload_len = GOVERNANCE_BYTES_MAX + 1;
    assert_int_equal(trial_judge(&trial), E_SIZE);
    trial.request.statements[0].payload_len = GOVERNANCE_BYTES_MAX;
    trial.request.statements[0].expect = 0;
    assert_int_equal(trial_judge(&trial), E_EXPECT);
    trial.request.statements[0].expect = 1;
    assert_int_equal(trial_judge(&trial), RESULT_OK);
    trial.request.body.op = OP_READ;
    trial.request.body.audience = 1;
    trial.audience = 1;
    assert_int_equal(trial_judge(&trial), E_OP);
}

static void a_governed_key_signs_for_itself(void **state)
{
    (void)state;
    plan_governance("m1");
    assert_int_equal(trial_make(&trial), RESULT_OK);
    gov_public_key(&sig_fast, "m2", trial.view.author_key);
    assert_int_equal(trial_check(&trial), E_REQ_SIG);
}

static void governance_goes_on_when_clients_have_filled_the_state(void **state)
{
    uint32_t number = 0;

    (void)state;
    while (state_room(world.state) > 0) {
        number++;
        assert_true(state_put(world.state, bytes_make(&number, 4), BYTES_EMPTY));
    }
    assert_int_equal(trial_judge(&trial), E_CAPACITY);
    assert_false(trial.verdict.consumes);
    plan_governance("m1");
    assert_int_equal(trial_run(&trial), RESULT_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(prefixes_cover_whole_segments),
        TEST(the_empty_prefix_covers_all_but_the_reserved),
        TEST(one_statement_outside_refuses_the_whole_request),
        TEST(every_block_is_asked_about_every_statement),
        TEST(a_freeze_stops_what_it_covers_while_it_lasts),
        TEST(reading_goes_on_while_frozen),
        TEST(entries_have_a_longest_length),
        TEST(the_parameter_bounds_entries_too),
        TEST(conditions_see_the_statements_before_them),
        TEST(a_read_is_for_the_replica_it_names),
        TEST(an_ordered_request_is_not_a_read),
        TEST(a_read_needs_the_right_and_the_stream_and_no_fresh_number),
        TEST(reading_all_positions_needs_the_empty_prefix),
        TEST(a_token_that_may_govern_writes_to_the_governance_stream_only),
        TEST(a_governed_key_may_govern_by_its_role),
        TEST(a_governed_key_that_is_not_current_is_no_author),
        TEST(a_governed_key_may_do_nothing_but_govern),
        TEST(a_governed_key_signs_for_itself),
        TEST(governance_goes_on_when_clients_have_filled_the_state),
    };

    gov_fixture_init(&world_fixture, &sig_fast, 4);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
