/* Who signs a VIEW-CHANGE or a NEW-VIEW that no correct replica signs is convicted by that alone,
 * whichever rule it breaks; good ones convict nobody. ATTACKS B32 to B40, B71. */
#include "governance/evidence.h"

#include "tests/support/sign_fast.h"
#include "tests/support/view_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define INTERVAL 128
#define WINDOW 256
#define ACCUSED 2 /* of a VIEW-CHANGE */

/* --- The judge -------------------------------------------------------------------------------- */

static struct evidence_facts facts; /* of the last conviction */

static struct evidence_trust trust_of(const struct core_fixture *fixture, struct origin *origin)
{
    const struct node *node = fixture->nodes[0];
    assert_true(origin_make(node_charter_name(node), node_cluster_id(node), origin));
    return (struct evidence_trust){
        .scheme = &sig_fast,
        .roster = node_roster(node),
        .cluster_id = node_cluster_id(node),
        .origin = origin,
        .interval = INTERVAL,
        .window = WINDOW,
    };
}

static struct bytes encode(const struct evidence *evidence)
{
    static uint8_t memory[VIEW_BODY_BYTES + 512];
    struct buffer encoded = buffer_make(memory, sizeof(memory));
    assert_true(evidence_encode(evidence, &encoded));
    return buffer_bytes(&encoded);
}

static enum evidence_verdict judge(const struct core_fixture *fixture,
                                   const struct evidence *evidence)
{
    struct origin origin;
    const struct evidence_trust trust = trust_of(fixture, &origin);
    return evidence_judge(&trust, encode(evidence), &facts);
}

/* --- VIEW-CHANGE ------------------------------------------------------------------------------ */

static uint8_t body_space[VIEW_BODY_BYTES];

static struct evidence against_change(const struct core_fixture *fixture,
                                      const struct departure *says)
{
    struct buffer body = buffer_make(body_space, sizeof(body_space));
    struct evidence evidence = {.kind = EVIDENCE_VIEW_CHANGE, .rid = ACCUSED};
    evidence.epoch = says->epoch;
    evidence.first = view_change_of(fixture, says, &body);
    view_sign(fixture, ACCUSED, TAG_VIEW_CHANGE, evidence.first, evidence.first_sig);
    return evidence;
}

#define GOOD_STABLE                                                                                \
    {                                                                                              \
        .height = INTERVAL, .members = 0x7                                                         \
    }

static void view_changes_of_correct_replicas_convict_nobody(void **state)
{
    static const struct departure good[] = {
        {.count = 0},
        {.view = 1, .count = 0},
        {.claims = {{1, 2, 7, 0x5, 0, 0}, {3, 3, 0, 0x7, 0, 0}, {4, 4, 8, 0xe, 0, 0}}, .count = 3},
        {.claims = {{1, 1, 7, 0xd, 0, 0}, {1, WINDOW, 7, 0xd, 0, 0}}, .count = 2},
        {.stable = GOOD_STABLE},
        {.stable = {.height = INTERVAL, .members = 0xf}},
        {.stable = GOOD_STABLE,
         .claims = {{0, INTERVAL + 1, 7, 0xe, 0, 0}, {4, INTERVAL + WINDOW, 7, 0xe, 0, 0}},
         .count = 2},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct evidence evidence = against_change(*state, &good[i]);
        if (judge(*state, &evidence) != EVIDENCE_NO_FAULT) {
            fail_msg("good one %zu convicts its signer", i);
        }
    }
}

static void each_rule_of_a_view_change_convicts_who_breaks_it(void **state)
{
    static const struct {
        const char *why;
        struct departure says;
    } cases[] = {
        {"one PREPARE too few", {.claims = {{1, 2, 7, 0x4, 0, 0}}, .count = 1}},
        {"the primary's PREPARE", {.claims = {{1, 2, 7, 0x6, 0, 0}}, .count = 1}},
        {"a PREPARE that another one signed", {.claims = {{1, 2, 7, 0x5, 3, 0}}, .count = 1}},
        {"a PRE-PREPARE that another one signed", {.claims = {{4, 2, 7, 0xe, 3, 0}}, .count = 1}},
        {"of the view it asks for", {.claims = {{VIEW_NEXT, 2, 7, 0xd, 0, 0}}, .count = 1}},
        {"of a later view", {.claims = {{VIEW_NEXT + 1, 2, 7, 0xb, 0, 0}}, .count = 1}},
        {"of another epoch", {.claims = {{1, 2, 7, 0x5, 0, 1}}, .count = 1}},
        {"at the stable checkpoint", {.claims = {{1, 0, 7, 0x5, 0, 0}}, .count = 1}},
        {"above the window", {.claims = {{1, WINDOW + 1, 7, 0x5, 0, 0}}, .count = 1}},
        {"by somebody who is no member", {.claims = {{1, 2, 7, 0x11, 0, 0}}, .count = 1}},
        {"one height twice", {.claims = {{1, 2, 7, 0x5, 0, 0}, {2, 2, 7, 0xb, 0, 0}}, .count = 2}},
        {"out of order", {.claims = {{1, 3, 7, 0x5, 0, 0}, {1, 2, 7, 0x5, 0, 0}}, .count = 2}},
        {"below its checkpoint",
         {.stable = GOOD_STABLE, .claims = {{1, INTERVAL, 7, 0x5, 0, 0}}, .count = 1}},
        {"a checkpoint of too few", {.stable = {.height = INTERVAL, .members = 0x3}}},
        {"a checkpoint that another one signed",
         {.stable = {.height = INTERVAL, .members = 0x7, .forger = 3}}},
        {"a checkpoint with a signature less",
         {.stable = {.height = INTERVAL, .members = 0xf, .missing = 1}}},
        {"a checkpoint of one who is no member", {.stable = {.height = INTERVAL, .members = 0x17}}},
        {"a checkpoint between two", {.stable = {.height = INTERVAL / 2, .members = 0x7}}},
        {"a checkpoint of another epoch",
         {.stable = {.height = INTERVAL, .members = 0x7, .epoch = 1}}},
        {"a checkpoint of another cluster",
         {.stable = {.height = INTERVAL, .members = 0x7, .of_others = true}}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct evidence evidence = against_change(*state, &cases[i].says);
        facts = (struct evidence_facts){0};
        if (judge(*state, &evidence) != EVIDENCE_PROVES) {
            fail_msg("not convicted: %s", cases[i].why);
        }
        assert_int_equal(facts.rid, ACCUSED);
        assert_int_equal(facts.view, VIEW_NEXT);
        assert_int_equal(facts.statements, 1);
    }
}

/* --- NEW-VIEW --------------------------------------------------------------------------------- */

/* Two certificates for sequence 2, of view 1 and of view 4: the later one decides. */
#define CLAIMS .claims = {{1, 2, 7, 0x5, 0, 0}, {4, 2, 8, 0xe, 0, 0}}
#define OF_THREE .senders = {1, 2, 0}, .count = 3
#define FOLLOWS .digests = {0xff, 8}

static struct evidence against_new_view(const struct core_fixture *fixture,
                                        const struct announcement *says, uint32_t signer)
{
    struct buffer body = buffer_make(body_space, sizeof(body_space));
    struct evidence evidence = {.kind = EVIDENCE_NEW_VIEW, .rid = signer};
    evidence.epoch = says->epoch;
    evidence.first = new_view_of(fixture, says, &body);
    view_sign(fixture, signer, TAG_NEW_VIEW, evidence.first, evidence.first_sig);
    return evidence;
}

static void new_views_of_correct_replicas_convict_nobody(void **state)
{
    static const struct announcement good[] = {
        {OF_THREE, FOLLOWS, CLAIMS},
        {.senders = {1, 2, 0, 3}, .count = 4, FOLLOWS, CLAIMS},
        {OF_THREE},
        {.senders = {3, 2, 1}, .count = 3, .digests = {7}, .claims = {{1, 1, 7, 0x5, 0, 0}}},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct evidence evidence = against_new_view(*state, &good[i], VIEW_LEADER);
        if (judge(*state, &evidence) != EVIDENCE_NO_FAULT) {
            fail_msg("good one %zu convicts its signer", i);
        }
    }
}

static void each_rule_of_a_new_view_convicts_who_breaks_it(void **state)
{
    static const struct {
        const char *why;
        struct announcement says;
    } cases[] = {
        {"V of two", {.senders = {1, 2}, .count = 2, FOLLOWS, CLAIMS}},
        {"a sender twice", {.senders = {1, 2, 2}, .count = 3, FOLLOWS, CLAIMS}},
        {"a sender twice besides three", {.senders = {1, 2, 0, 2}, .count = 4, FOLLOWS, CLAIMS}},
        {"a sender who is no member", {.senders = {1, 2, 0, 4}, .count = 4, FOLLOWS, CLAIMS}},
        {"V for another view", {OF_THREE, .change_view = VIEW_NEXT + 1, FOLLOWS, CLAIMS}},
        {"a VIEW-CHANGE that its sender did not sign", {OF_THREE, .forged = 2, FOLLOWS, CLAIMS}},
        {"a bad certificate in V",
         {OF_THREE, .digests = {0xff, 7}, .claims = {{1, 2, 7, 0x4, 0, 0}}}},
        {"the certificate with the lower view", {OF_THREE, .digests = {0xff, 7}, CLAIMS}},
        {"a batch where nothing was prepared", {OF_THREE, .digests = {9, 8}, CLAIMS}},
        {"nothing for what was prepared", {OF_THREE, CLAIMS}},
        {"the last one left out", {OF_THREE, .digests = {0xff}, CLAIMS}},
        {"the null digest for what was prepared", {OF_THREE, .digests = {0xff, 0xff}, CLAIMS}},
        {"more than what was prepared", {OF_THREE, .digests = {0xff, 8, 9}, CLAIMS}},
        {"from another height on", {OF_THREE, .sequence = 2, FOLLOWS, CLAIMS}},
        {"proposals of another epoch", {OF_THREE, .vote_epoch = 1, FOLLOWS, CLAIMS}},
        {"proposals of another view", {OF_THREE, .vote_view = VIEW_NEXT + 4, FOLLOWS, CLAIMS}},
        {"proposals that another one signed", {OF_THREE, .proposer = 2, FOLLOWS, CLAIMS}},
        {"proposals in the name of another", {OF_THREE, .claims_as = 2, FOLLOWS, CLAIMS}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct evidence evidence = against_new_view(*state, &cases[i].says, VIEW_LEADER);
        if (judge(*state, &evidence) != EVIDENCE_PROVES) {
            fail_msg("not convicted: %s", cases[i].why);
        }
        assert_int_equal(facts.rid, VIEW_LEADER);
        assert_int_equal(facts.view, VIEW_NEXT);
    }
}

static void who_does_not_lead_a_view_announces_none(void **state)
{
    const struct announcement good = {OF_THREE};
    struct evidence evidence = against_new_view(*state, &good, 2);
    assert_int_equal(judge(*state, &evidence), EVIDENCE_PROVES);
    assert_int_equal(facts.rid, 2);
    const struct announcement first = {OF_THREE, .view = CORE_NODES};
    evidence = against_new_view(*state, &first, 0);
    assert_int_equal(judge(*state, &evidence), EVIDENCE_NO_FAULT);
    const struct announcement of_the_beginning = {OF_THREE, .is_of_view_0 = true};
    evidence = against_new_view(*state, &of_the_beginning, 0);
    assert_int_equal(judge(*state, &evidence), EVIDENCE_PROVES); /* view 0 needs none */
}

/* --- What convicts nobody --------------------------------------------------------------------- */

static const struct departure bad = {.claims = {{1, 2, 7, 0x4, 0, 0}}, .count = 1};

static void nobody_is_convicted_of_what_he_did_not_sign(void **state)
{
    struct evidence evidence = against_change(*state, &bad);
    assert_int_equal(judge(*state, &evidence), EVIDENCE_PROVES);
    evidence.rid = 1;
    assert_int_equal(judge(*state, &evidence), EVIDENCE_UNSIGNED);
    evidence.rid = 9;
    assert_int_equal(judge(*state, &evidence), EVIDENCE_NO_MEMBER);
    evidence.rid = ACCUSED;
    evidence.kind = EVIDENCE_NEW_VIEW; /* the same bytes as another message */
    assert_int_equal(judge(*state, &evidence), EVIDENCE_MALFORMED);
    evidence.kind = EVIDENCE_VIEW_CHANGE;
    view_sign(*state, ACCUSED, TAG_PREPARE, evidence.first, evidence.first_sig);
    assert_int_equal(judge(*state, &evidence), EVIDENCE_UNSIGNED);
}

static void one_that_is_good_is_not_made_bad_by_others(void **state)
{
    const struct departure good = {.count = 0};
    struct evidence evidence = against_change(*state, &good);
    evidence.proof = evidence.first;
    assert_int_equal(judge(*state, &evidence), EVIDENCE_MALFORMED);
    evidence.proof = BYTES_EMPTY;
    evidence.second_sig = BYTES_OF_ARRAY(evidence.first_sig);
    assert_int_equal(judge(*state, &evidence), EVIDENCE_MALFORMED);
    evidence.second = evidence.first;
    assert_int_equal(judge(*state, &evidence), EVIDENCE_AGREES);
}

static void what_is_of_another_epoch_is_not_judged(void **state)
{
    struct departure other = bad;
    other.epoch = 1;
    struct evidence evidence = against_change(*state, &other);
    assert_int_equal(judge(*state, &evidence), EVIDENCE_NO_MEMBER);
    evidence.epoch = 0; /* it says so; the body does not */
    assert_int_equal(judge(*state, &evidence), EVIDENCE_NO_MEMBER);
}

static void what_does_not_decode_convicts_nobody(void **state)
{
    struct evidence evidence = against_change(*state, &bad);
    evidence.first.len--;
    view_sign(*state, ACCUSED, TAG_VIEW_CHANGE, evidence.first, evidence.first_sig);
    assert_int_equal(judge(*state, &evidence), EVIDENCE_MALFORMED);
}

/* It decodes as a VIEW-CHANGE, which does not look into the header. */
static void a_checkpoint_that_is_no_block_convicts(void **state)
{
    static uint8_t memory[VIEW_BODY_BYTES];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct evidence evidence = against_change(*state, &(struct departure){.view = VIEW_NEXT});
    struct view_change change;
    assert_int_equal(view_change_decode(evidence.first, &change), WIRE_OK);
    change.stable.header = bytes_of_text("block 0");
    assert_true(view_change_encode(&change, &body));
    evidence.first = buffer_bytes(&body);
    view_sign(*state, ACCUSED, TAG_VIEW_CHANGE, evidence.first, evidence.first_sig);
    assert_int_equal(judge(*state, &evidence), EVIDENCE_PROVES);
}

static void what_is_no_evidence_says_nothing(void **state)
{
    struct evidence evidence = against_change(*state, &bad);
    assert_true(evidence_read(encode(&evidence), &facts));
    evidence.kind = EVIDENCE_BALLOT;
    assert_false(evidence_read(encode(&evidence), &facts));
    assert_false(evidence_read(bytes_of_text("r2 did it"), &facts));
}

static void a_judge_without_the_parameters_says_so(void **state)
{
    struct evidence evidence = against_change(*state, &bad);
    struct origin origin;
    struct evidence_trust trust = trust_of(*state, &origin);
    trust.interval = 0;
    assert_int_equal(evidence_judge(&trust, encode(&evidence), &facts), EVIDENCE_OTHER_KIND);
    trust.interval = INTERVAL;
    trust.window = 0;
    assert_int_equal(evidence_judge(&trust, encode(&evidence), &facts), EVIDENCE_OTHER_KIND);
}

static void no_bit_of_it_can_be_another(void **state)
{
    static uint8_t memory[VIEW_BODY_BYTES];
    const struct announcement short_of_one = {OF_THREE, .digests = {0xff}, CLAIMS};
    struct evidence evidence = against_new_view(*state, &short_of_one, VIEW_LEADER);
    struct bytes encoded = encode(&evidence);
    struct origin origin;
    const struct evidence_trust trust = trust_of(*state, &origin);
    memcpy(memory, encoded.data, encoded.len);
    encoded = bytes_make(memory, encoded.len);
    assert_int_equal(evidence_judge(&trust, encoded, &facts), EVIDENCE_PROVES);
    for (size_t bit = 0; bit < 8 * encoded.len; bit++) {
        memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(evidence_judge(&trust, encoded, &facts), EVIDENCE_PROVES);
        memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < encoded.len; len++) {
        assert_int_equal(evidence_judge(&trust, bytes_make(memory, len), &facts),
                         EVIDENCE_MALFORMED);
    }
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(view_changes_of_correct_replicas_convict_nobody),
        CORE_TEST(each_rule_of_a_view_change_convicts_who_breaks_it),
        CORE_TEST(new_views_of_correct_replicas_convict_nobody),
        CORE_TEST(each_rule_of_a_new_view_convicts_who_breaks_it),
        CORE_TEST(who_does_not_lead_a_view_announces_none),
        CORE_TEST(nobody_is_convicted_of_what_he_did_not_sign),
        CORE_TEST(one_that_is_good_is_not_made_bad_by_others),
        CORE_TEST(what_is_of_another_epoch_is_not_judged),
        CORE_TEST(what_does_not_decode_convicts_nobody),
        CORE_TEST(a_checkpoint_that_is_no_block_convicts),
        CORE_TEST(what_is_no_evidence_says_nothing),
        CORE_TEST(a_judge_without_the_parameters_says_so),
        CORE_TEST(no_bit_of_it_can_be_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
