/* A COMMIT and a VIEW-CHANGE that denies it convict who signed both; those that a correct replica
 * signs convict nobody. ATTACKS B74. */
#include "governance/evidence.h"

#include "governance/shown.h"
#include "tests/support/sign_fast.h"
#include "tests/support/view_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define ACCUSED 2
#define K 128       /* of the checkpoints */
#define COMMITTED 2 /* in this view, */
#define SEQUENCE 9  /* for this sequence, */
#define DIGEST 7    /* this digest */

/* --- A pair ----------------------------------------------------------------------------------- */

static struct evidence_facts facts; /* of the last conviction */

struct pair {
    uint8_t first[128];
    uint8_t second[VIEW_BODY_BYTES];
    uint8_t second_sig[SIG_BYTES];
    struct evidence evidence;
};

static struct bytes commit_make(const struct vote *commit, uint8_t memory[128])
{
    struct buffer body = buffer_make(memory, 128);
    assert_true(vote_encode(commit, &body));
    return buffer_bytes(&body);
}

static struct vote commit_for(uint64_t view, uint64_t sequence)
{
    struct vote commit = {.view = view, .sequence = sequence};
    memset(commit.digest, DIGEST, sizeof(commit.digest));
    return commit;
}

static void accuse(const struct core_fixture *fixture, const struct vote *commit,
                   const struct departure *says, struct pair *out)
{
    struct buffer body = buffer_make(out->second, sizeof(out->second));
    out->evidence = (struct evidence){
        .kind = EVIDENCE_DENIAL,
        .rid = ACCUSED,
        .first = commit_make(commit, out->first),
        .second = view_change_of(fixture, says, &body),
        .second_sig = BYTES_OF_ARRAY(out->second_sig),
    };
    view_sign(fixture, ACCUSED, TAG_COMMIT, out->evidence.first, out->evidence.first_sig);
    view_sign(fixture, ACCUSED, TAG_VIEW_CHANGE, out->evidence.second, out->second_sig);
}

static struct bytes encode(const struct evidence *evidence)
{
    static uint8_t memory[VIEW_BODY_BYTES + 1024];
    struct buffer encoded = buffer_make(memory, sizeof(memory));
    assert_true(evidence_encode(evidence, &encoded));
    return buffer_bytes(&encoded);
}

static enum evidence_verdict judge(const struct core_fixture *fixture, struct bytes encoded)
{
    struct origin origin;
    const struct node *node = fixture->nodes[0];
    assert_true(origin_make(node_charter_name(node), node_cluster_id(node), &origin));
    const struct evidence_trust trust = {
        .scheme = &sig_fast,
        .roster = node_roster(node),
        .cluster_id = node_cluster_id(node),
        .origin = &origin,
    };
    return evidence_judge(&trust, encoded, &facts);
}

/* What is said of the usual COMMIT. */
static enum evidence_verdict verdict(const struct core_fixture *fixture,
                                     const struct departure *says)
{
    static struct pair pair;
    const struct vote commit = commit_for(COMMITTED, SEQUENCE);
    accuse(fixture, &commit, says, &pair);
    return judge(fixture, encode(&pair.evidence));
}

/* --- Who is convicted ------------------------------------------------------------------------- */

static void who_hides_what_it_committed_is_convicted(void **state)
{
    static const struct {
        const char *why;
        struct departure says;
    } cases[] = {
        {"nothing", {.count = 0}},
        {"of the next view", {.view = COMMITTED + 1}},
        {"the heights beside it",
         {.claims = {{COMMITTED, SEQUENCE - 1, DIGEST, 0xb, 0, 0},
                     {COMMITTED, SEQUENCE + 1, DIGEST, 0xb, 0, 0}},
          .count = 2}},
        {"a certificate of an earlier view",
         {.claims = {{COMMITTED - 1, SEQUENCE, DIGEST, 0xd, 0, 0}}, .count = 1}},
        {"another digest in the same view",
         {.claims = {{COMMITTED, SEQUENCE, DIGEST + 1, 0xb, 0, 0}}, .count = 1}},
        {"of the same view, the null digest",
         {.claims = {{COMMITTED, SEQUENCE, 0, 0xb, 0, 0}}, .count = 1}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        facts = (struct evidence_facts){0};
        if (verdict(*state, &cases[i].says) != EVIDENCE_PROVES) {
            fail_msg("not convicted: %s", cases[i].why);
        }
        assert_int_equal(facts.kind, EVIDENCE_DENIAL);
        assert_int_equal(facts.rid, ACCUSED);
        assert_int_equal(facts.view, COMMITTED);
        assert_int_equal(facts.sequence, SEQUENCE);
        assert_int_equal(facts.statements, 2);
    }
}

static void what_a_correct_replica_signs_convicts_nobody(void **state)
{
    static const struct departure good[] = {
        {.claims = {{COMMITTED, SEQUENCE, DIGEST, 0xb, 0, 0}}, .count = 1},
        {.claims = {{COMMITTED + 1, SEQUENCE, DIGEST, 0x7, 0, 0}}, .count = 1},
        {.claims = {{COMMITTED + 1, SEQUENCE, DIGEST + 1, 0x7, 0, 0}}, .count = 1},
        {.claims = {{COMMITTED + 2, SEQUENCE, 0, 0xe, 0, 0}}, .count = 1},
        {.claims = {{0, 1, 3, 0xe, 0, 0}, {COMMITTED, SEQUENCE, DIGEST, 0xb, 0, 0}}, .count = 2},
        {.stable = {.height = K, .members = 0x7}},
        {.view = COMMITTED},
        {.view = COMMITTED - 1},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (verdict(*state, &good[i]) != EVIDENCE_AGREES) {
            fail_msg("good one %zu convicts its signer", i);
        }
    }
}

/* The checkpoint covers its own height, and nothing above it. */
static void a_checkpoint_covers_what_is_below_it(void **state)
{
    static struct pair pair;
    static const struct departure says = {.stable = {.height = K, .members = 0x7}};
    struct vote commit = commit_for(COMMITTED, K);
    accuse(*state, &commit, &says, &pair);
    assert_int_equal(judge(*state, encode(&pair.evidence)), EVIDENCE_AGREES);
    commit = commit_for(COMMITTED, K + 1);
    accuse(*state, &commit, &says, &pair);
    assert_int_equal(judge(*state, encode(&pair.evidence)), EVIDENCE_PROVES);
    /* No window of that checkpoint reaches so far, and its owner had one that did. */
    commit = commit_for(COMMITTED, K + WINDOW_MAX);
    accuse(*state, &commit, &says, &pair);
    assert_int_equal(judge(*state, encode(&pair.evidence)), EVIDENCE_PROVES);
    commit = commit_for(COMMITTED, K + WINDOW_MAX + 1);
    accuse(*state, &commit, &says, &pair);
    assert_int_equal(judge(*state, encode(&pair.evidence)), EVIDENCE_PROVES);
}

/* Of two certificates for one height, which no good VIEW-CHANGE has, the later one counts. */
static void the_later_certificate_counts(void **state)
{
    static const struct departure two[] = {
        {.claims = {{COMMITTED, SEQUENCE, DIGEST, 0xb, 0, 0}, {0, SEQUENCE, 3, 0xe, 0, 0}},
         .count = 2},
        {.claims = {{0, SEQUENCE, 3, 0xe, 0, 0}, {COMMITTED, SEQUENCE, DIGEST, 0xb, 0, 0}},
         .count = 2},
    };
    assert_int_equal(verdict(*state, &two[0]), EVIDENCE_AGREES);
    assert_int_equal(verdict(*state, &two[1]), EVIDENCE_AGREES);
}

/* --- What convicts nobody --------------------------------------------------------------------- */

static void nobody_is_convicted_of_what_he_did_not_sign(void **state)
{
    static struct pair pair;
    static const struct departure nothing = {.count = 0};
    const struct vote commit = commit_for(COMMITTED, SEQUENCE);
    struct evidence *evidence = &pair.evidence;
    accuse(*state, &commit, &nothing, &pair);
    assert_int_equal(judge(*state, encode(evidence)), EVIDENCE_PROVES);
    evidence->rid = 1;
    assert_int_equal(judge(*state, encode(evidence)), EVIDENCE_UNSIGNED);
    evidence->rid = 9;
    assert_int_equal(judge(*state, encode(evidence)), EVIDENCE_NO_MEMBER);
    evidence->rid = ACCUSED;
    view_sign(*state, ACCUSED, TAG_PREPARE, evidence->first, evidence->first_sig);
    assert_int_equal(judge(*state, encode(evidence)), EVIDENCE_UNSIGNED); /* a PREPARE */
    view_sign(*state, 1, TAG_COMMIT, evidence->first, evidence->first_sig);
    assert_int_equal(judge(*state, encode(evidence)), EVIDENCE_UNSIGNED); /* another's COMMIT */
    view_sign(*state, ACCUSED, TAG_COMMIT, evidence->first, evidence->first_sig);
    view_sign(*state, 1, TAG_VIEW_CHANGE, evidence->second, pair.second_sig);
    assert_int_equal(judge(*state, encode(evidence)), EVIDENCE_UNSIGNED);
}

static void what_is_of_two_epochs_convicts_nobody(void **state)
{
    static struct pair pair;
    static const struct departure next = {.epoch = 1};
    struct vote commit = commit_for(COMMITTED, SEQUENCE);
    accuse(*state, &commit, &next, &pair);
    assert_int_equal(judge(*state, encode(&pair.evidence)), EVIDENCE_AGREES);
    commit.epoch = 1;
    accuse(*state, &commit, &next, &pair);
    assert_int_equal(judge(*state, encode(&pair.evidence)), EVIDENCE_NO_MEMBER);
    pair.evidence.epoch = 1; /* whose keys are not at hand */
    assert_int_equal(judge(*state, encode(&pair.evidence)), EVIDENCE_NO_MEMBER);
}

static void what_cannot_be_read_convicts_nobody(void **state)
{
    static struct pair pair;
    static const struct departure nothing = {.count = 0};
    static const struct departure unreadable[] = {
        {.claims = {{1, SEQUENCE + 1, 3, 0xd, 0, 1}}, .count = 1},   /* of another epoch */
        {.claims = {{1, 0, 3, 0xd, 0, 0}}, .count = 1},              /* of no height */
        {.claims = {{1, WINDOW_MAX + 1, 3, 0xd, 0, 0}}, .count = 1}, /* out of reach */
        {.stable = {.height = K, .members = 0x7},
         .claims = {{1, K, 3, 0xd, 0, 0}},
         .count = 1}, /* of a settled one */
    };
    for (size_t i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
        assert_int_equal(verdict(*state, &unreadable[i]), EVIDENCE_MALFORMED);
    }
    const struct vote commit = commit_for(COMMITTED, SEQUENCE);
    accuse(*state, &commit, &nothing, &pair);
    struct evidence whole = pair.evidence;
    struct evidence *evidence = &pair.evidence;
    evidence->second_sig = BYTES_EMPTY;
    assert_int_equal(judge(*state, encode(evidence)), EVIDENCE_MALFORMED);
    *evidence = whole;
    evidence->proof = whole.first;
    assert_int_equal(judge(*state, encode(evidence)), EVIDENCE_MALFORMED);
    *evidence = whole;
    evidence->second = BYTES_EMPTY;
    assert_int_equal(judge(*state, encode(evidence)), EVIDENCE_MALFORMED);
    *evidence = whole;
    evidence->first = whole.second;
    assert_int_equal(judge(*state, encode(evidence)), EVIDENCE_MALFORMED);
    *evidence = whole;
    assert_int_equal(judge(*state, encode(evidence)), EVIDENCE_PROVES);
}

/* It decodes as a VIEW-CHANGE, which looks neither into the header nor into the votes. */
static void a_checkpoint_or_a_certificate_that_is_none_convicts_nobody(void **state)
{
    static struct shown shown;
    static uint8_t memory[VIEW_BODY_BYTES];
    uint8_t list_memory[512];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct buffer list = buffer_make(list_memory, sizeof(list_memory));
    struct view_change change;
    struct bytes encoded = view_change_of(*state, &(struct departure){.count = 0}, &body);
    assert_int_equal(view_change_decode(encoded, &change), WIRE_OK);
    assert_true(shown_read(&change, &shown));
    const struct prepared hollow = {.vote = bytes_of_text("no vote")};
    assert_true(prepared_encode(&hollow, &list));
    change.prepared = (struct wire_list){buffer_bytes(&list), 1};
    assert_false(shown_read(&change, &shown));
    change.prepared = (struct wire_list){BYTES_EMPTY, 0};
    change.stable.header = bytes_of_text("block 0");
    assert_false(shown_read(&change, &shown));
}

static void no_bit_of_it_can_be_another(void **state)
{
    static struct pair pair;
    static uint8_t memory[VIEW_BODY_BYTES];
    static const struct departure one = {
        .claims = {{COMMITTED - 1, SEQUENCE, DIGEST, 0xd, 0, 0}},
        .count = 1,
    };
    const struct vote commit = commit_for(COMMITTED, SEQUENCE);
    accuse(*state, &commit, &one, &pair);
    struct bytes encoded = encode(&pair.evidence);
    memcpy(memory, encoded.data, encoded.len);
    encoded = bytes_make(memory, encoded.len);
    for (size_t bit = 0; bit < 8 * encoded.len; bit++) {
        memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(judge(*state, encoded), EVIDENCE_PROVES);
        memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < encoded.len; len++) {
        assert_int_equal(judge(*state, bytes_make(memory, len)), EVIDENCE_MALFORMED);
    }
    assert_int_equal(judge(*state, encoded), EVIDENCE_PROVES);
    assert_true(evidence_read(encoded, &facts));
    assert_int_equal(facts.sequence, SEQUENCE);
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(who_hides_what_it_committed_is_convicted),
        CORE_TEST(what_a_correct_replica_signs_convicts_nobody),
        CORE_TEST(a_checkpoint_covers_what_is_below_it),
        CORE_TEST(the_later_certificate_counts),
        CORE_TEST(nobody_is_convicted_of_what_he_did_not_sign),
        CORE_TEST(what_is_of_two_epochs_convicts_nobody),
        CORE_TEST(what_cannot_be_read_convicts_nobody),
        CORE_TEST(a_checkpoint_or_a_certificate_that_is_none_convicts_nobody),
        CORE_TEST(no_bit_of_it_can_be_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
