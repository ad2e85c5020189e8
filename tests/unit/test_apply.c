#include "crypto/hash.h"
#include "governance/apply.h"
#include "governance/records.h"
#include "tests/support/gov_world.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct gov_fixture fixture;
static struct gov_world world;
static struct cap_trial t;
static struct gov_results results;
static uint8_t payload_bytes[GOVERNANCE_BYTES_MAX + 64];

static struct bytes payload_of(uint64_t type, struct bytes body)
{
    struct buffer out = buffer_make(payload_bytes, sizeof(payload_bytes));
    const struct governance_payload payload = {type, body, BYTES_EMPTY};

    assert_true(governance_payload_encode(&payload, &out));
    return buffer_bytes(&out);
}

/* What an ordered request with that payload gets; its hash is the right one. */
static enum result_code applied(struct bytes payload)
{
    static const uint8_t no_salt[SALT_BYTES];
    const struct bytes salted[] = {BYTES_OF_ARRAY(no_salt), payload};
    const struct sig_oracle oracle = sig_oracle_plain(&fixture.scheme);
    const struct cap_context context = {
        .state = world.state,
        .rights = &world.rights,
        .oracle = &oracle,
        .cluster_id = world.charter.cluster_id,
    };
    static uint8_t hash[HASH_BYTES];

    t.request.body.op = OP_GOVERN;
    t.request.statements[0] = (struct gov_statement){GOVERNANCE_STREAM, payload.len, U64_UNLIMITED};
    t.governed = true;
    t.request.author = "m1";
    assert_int_equal(trial_make(&t), RESULT_OK);
    hash_parts(salted, 2, hash);
    t.view.statements[0].payload_hash = hash;
    return gov_apply(world.state, &context, &t.view, payload, &results);
}

static struct bytes ballot_body(void)
{
    static uint8_t bytes[256];
    struct buffer out = buffer_make(bytes, sizeof(bytes));
    const struct ballot ballot = {.mid = bytes_of_text("m1"), .choice = CHOICE_YES};

    assert_true(ballot_encode(&ballot, &out));
    return buffer_bytes(&out);
}

static struct bytes capable_body(void)
{
    static uint8_t bytes[256];
    struct buffer out = buffer_make(bytes, sizeof(bytes));
    const struct capable capable = {.build = bytes_of_text("vestryd 0.1.0")};

    assert_true(capable_encode(&capable, &out));
    return buffer_bytes(&out);
}

static struct bytes level_args(void)
{
    static uint8_t bytes[16];
    struct buffer out = buffer_make(bytes, sizeof(bytes));
    const struct args_level args = {2};

    assert_true(args_level_encode(&args, &out));
    return buffer_bytes(&out);
}

static struct bytes proposal_body(uint64_t action, struct bytes args)
{
    static uint8_t bytes[4096];
    struct buffer out = buffer_make(bytes, sizeof(bytes));
    const struct proposal proposal = {
        .action = action,
        .args = args,
        .proposer = {ROLE_MEMBER, bytes_of_text("m1")},
    };

    assert_true(proposal_encode(&proposal, &out));
    return buffer_bytes(&out);
}

static struct bytes freeze_args(void)
{
    static uint8_t bytes[128];
    struct buffer out = buffer_make(bytes, sizeof(bytes));
    const struct args_freeze args = {bytes_of_text("pay"), 7};

    assert_true(args_freeze_encode(&args, &out));
    return buffer_bytes(&out);
}

static void what_nothing_acts_upon_is_refused_and_changes_nothing(void **state)
{
    uint8_t before[HASH_BYTES];
    uint8_t after[HASH_BYTES];

    (void)state;
    state_root(world.state, before);
    assert_int_equal(applied(payload_of(GOV_CAPABLE, capable_body())), E_ACTION);
    assert_int_equal(
        applied(payload_of(GOV_PROPOSE, proposal_body(ACTION_LEVEL_SET, level_args()))), E_ACTION);
    state_root(world.state, after);
    assert_memory_equal(before, after, HASH_BYTES);
}

static void what_is_malformed_says_so(void **state)
{
    const uint8_t junk[] = {0x93, 1, 2, 3};

    (void)state;
    assert_int_equal(applied(BYTES_OF_ARRAY(junk)), E_ENCODING);
    assert_int_equal(applied(payload_of(GOV_BALLOT, BYTES_OF_ARRAY(junk))), E_ENCODING);
    assert_int_equal(applied(payload_of(GOV_WITHDRAW, ballot_body())), E_ENCODING);
    assert_int_equal(applied(payload_of(200, ballot_body())), E_ENCODING);
    assert_int_equal(applied(payload_of(0, ballot_body())), E_ENCODING);
}

static void arguments_belong_to_their_action(void **state)
{
    const uint8_t junk[] = {0x93, 1, 2, 3};

    (void)state;
    assert_int_equal(
        applied(payload_of(GOV_PROPOSE, proposal_body(ACTION_LEVEL_SET, freeze_args()))),
        E_ENCODING);
    assert_int_equal(
        applied(payload_of(GOV_PROPOSE, proposal_body(ACTION_FREEZE, BYTES_OF_ARRAY(junk)))),
        E_ENCODING);
    /* An unknown action is refused as one, whatever its arguments. */
    assert_int_equal(applied(payload_of(GOV_PROPOSE, proposal_body(99, BYTES_OF_ARRAY(junk)))),
                     E_ACTION);
    assert_int_equal(applied(payload_of(GOV_PROPOSE, proposal_body(0, BYTES_OF_ARRAY(junk)))),
                     E_ACTION);
}

/* Every action number has arguments of a known shape: junk is told from them. */
static void every_action_knows_its_arguments(void **state)
{
    const uint8_t junk[] = {0xc4, 0};

    (void)state;
    for (uint64_t action = ACTION_MEMBER_SET; action <= ACTION_ISSUER_RESTORE; action++) {
        assert_false(
            gov_well_formed(payload_of(GOV_PROPOSE, proposal_body(action, BYTES_OF_ARRAY(junk)))));
    }
    for (uint64_t type = GOV_PROPOSE; type <= GOV_RECOVERY_BALLOT; type++) {
        assert_false(gov_well_formed(payload_of(type, BYTES_OF_ARRAY(junk))));
    }
}

static void a_bundle_is_as_good_as_its_proposal(void **state)
{
    uint8_t bytes[4096];
    struct buffer out = buffer_make(bytes, sizeof(bytes));
    struct bundle bundle = {.proposal = {.body = proposal_body(ACTION_LEVEL_SET, level_args())}};

    (void)state;
    assert_true(bundle_encode(&bundle, &out));
    assert_int_equal(applied(payload_of(GOV_BUNDLE, buffer_bytes(&out))), E_ACTION);
    bundle.proposal.body = ballot_body();
    out = buffer_make(bytes, sizeof(bytes));
    assert_true(bundle_encode(&bundle, &out));
    assert_int_equal(applied(payload_of(GOV_BUNDLE, buffer_bytes(&out))), E_ENCODING);
    bundle.proposal.body = proposal_body(ACTION_LEVEL_SET, freeze_args());
    out = buffer_make(bytes, sizeof(bytes));
    assert_true(bundle_encode(&bundle, &out));
    assert_int_equal(applied(payload_of(GOV_BUNDLE, buffer_bytes(&out))), E_ENCODING);
}

static void a_payload_is_bounded(void **state)
{
    static const uint8_t zeros[GOVERNANCE_BYTES_MAX + 1];

    (void)state;
    assert_false(gov_well_formed(BYTES_OF_ARRAY(zeros)));
    assert_false(gov_well_formed(BYTES_EMPTY));
}

static void the_payload_is_the_one_that_was_signed_without_salt(void **state)
{
    const struct cap_context context = {.state = world.state};
    const struct bytes payload = payload_of(GOV_CAPABLE, capable_body());
    uint8_t hash[HASH_BYTES];

    (void)state;
    assert_int_equal(applied(payload), E_ACTION);
    hash_bytes(payload, hash);
    t.view.statements[0].payload_hash = hash;
    assert_int_equal(gov_apply(world.state, &context, &t.view, payload, &results), E_ENCODING);
    assert_int_equal(applied(payload), E_ACTION);
    t.view.statements[0].payload_len++;
    assert_int_equal(gov_apply(world.state, &context, &t.view, payload, &results), E_ENCODING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nothing_acts_upon_is_refused_and_changes_nothing),
        cmocka_unit_test(what_is_malformed_says_so),
        cmocka_unit_test(arguments_belong_to_their_action),
        cmocka_unit_test(every_action_knows_its_arguments),
        cmocka_unit_test(a_bundle_is_as_good_as_its_proposal),
        cmocka_unit_test(a_payload_is_bounded),
        cmocka_unit_test(the_payload_is_the_one_that_was_signed_without_salt),
    };
    int failed = 0;

    gov_fixture_init(&fixture, &sig_fast, 4);
    gov_world_open(&world, &fixture, 1000);
    trial_init(&t, &world, &sig_fast, 1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    gov_world_close(&world);
    return failed;
}
