/* Evidence convicts who signed two statements that exclude each other, and nobody on anything less.
 */
#include "governance/evidence.h"

#include "crypto/hash.h"
#include "tests/support/core_fixture.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define ACCUSED 1

struct accusation {
    struct evidence evidence;
    uint8_t first[128];
    uint8_t second[128];
    uint8_t second_sig[SIG_BYTES];
};

static struct bytes vote_make(uint8_t memory[128], uint64_t view, uint64_t sequence, uint8_t digest)
{
    struct vote vote = {.view = view, .sequence = sequence};
    struct buffer body = buffer_make(memory, 128);
    memset(vote.digest, digest, sizeof(vote.digest));
    assert_true(vote_encode(&vote, &body));
    return buffer_bytes(&body);
}

static void sign(const struct core_fixture *fixture, enum sign_tag tag, struct bytes body,
                 uint8_t out[SIG_BYTES])
{
    uint8_t seed[SEED_BYTES];
    uint8_t pk[PUBLIC_KEY_BYTES];
    gov_seed("r1", seed);
    sig_fast.public_key(seed, pk);
    sign_body(&sig_fast, seed, pk, tag, node_cluster_id(fixture->nodes[0]), body, out);
}

static void accuse(struct core_fixture *fixture, struct accusation *out, struct bytes first,
                   struct bytes second)
{
    out->evidence = (struct evidence){
        .kind = EVIDENCE_PREPARE,
        .rid = ACCUSED,
        .first = first,
        .second = second,
        .second_sig = BYTES_OF_ARRAY(out->second_sig),
    };
    sign(fixture, TAG_PREPARE, first, out->evidence.first_sig);
    sign(fixture, TAG_PREPARE, second, out->second_sig);
}

static struct item_view scratch;

static enum evidence_verdict judge(struct core_fixture *fixture, struct bytes encoded,
                                   struct evidence_facts *facts)
{
    struct origin origin;
    const struct node *node = fixture->nodes[0];
    assert_true(origin_make(node_charter_name(node), node_cluster_id(node), &origin));
    struct evidence_trust trust = {
        .scheme = &sig_fast,
        .roster = node_roster(node),
        .cluster_id = node_cluster_id(node),
        .origin = &origin,
        .scratch = &scratch,
    };
    return evidence_judge(&trust, encoded, facts);
}

static enum evidence_verdict judge_it(struct core_fixture *fixture, const struct evidence *evidence)
{
    static uint8_t memory[1024];
    struct buffer encoded = buffer_make(memory, sizeof(memory));
    struct evidence_facts facts;
    assert_true(evidence_encode(evidence, &encoded));
    return judge(fixture, buffer_bytes(&encoded), &facts);
}

static void two_votes_for_one_place_convict_their_signer(void **state)
{
    struct core_fixture *fixture = *state;
    struct accusation accusation;
    struct evidence_facts facts;
    uint8_t memory[1024];
    struct buffer encoded = buffer_make(memory, sizeof(memory));
    accuse(fixture, &accusation, vote_make(accusation.first, 2, 9, 1),
           vote_make(accusation.second, 2, 9, 3));
    assert_true(evidence_encode(&accusation.evidence, &encoded));
    assert_int_equal(judge(fixture, buffer_bytes(&encoded), &facts), EVIDENCE_PROVES);
    assert_int_equal(facts.rid, ACCUSED);
    assert_int_equal(facts.view, 2);
    assert_int_equal(facts.sequence, 9);
    assert_true(evidence_read(buffer_bytes(&encoded), &facts));
}

static void no_bit_of_it_can_be_another(void **state)
{
    struct core_fixture *fixture = *state;
    struct accusation accusation;
    struct evidence_facts facts;
    uint8_t memory[1024];
    struct buffer encoded = buffer_make(memory, sizeof(memory));
    accuse(fixture, &accusation, vote_make(accusation.first, 2, 9, 1),
           vote_make(accusation.second, 2, 9, 3));
    assert_true(evidence_encode(&accusation.evidence, &encoded));
    for (size_t bit = 0; bit < 8 * encoded.len; bit++) {
        encoded.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(judge(fixture, buffer_bytes(&encoded), &facts), EVIDENCE_PROVES);
        encoded.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < encoded.len; len++) {
        assert_int_equal(judge(fixture, bytes_make(encoded.data, len), &facts), EVIDENCE_MALFORMED);
    }
    assert_int_equal(judge(fixture, buffer_bytes(&encoded), &facts), EVIDENCE_PROVES);
}

static void what_is_no_evidence_is_not_read(void **state)
{
    struct core_fixture *fixture = *state;
    struct accusation accusation;
    struct evidence_facts facts = {.rid = 77};
    uint8_t memory[1024];
    assert_false(evidence_read(bytes_of_text("junk"), &facts));
    accuse(fixture, &accusation, vote_make(accusation.first, 2, 9, 1),
           vote_make(accusation.second, 2, 9, 3));
    struct evidence unknown = accusation.evidence;
    unknown.kind = 200;
    struct evidence hollow = accusation.evidence;
    hollow.first = bytes_of_text("no vote");
    const struct evidence *const bad[] = {&unknown, &hollow};
    for (size_t i = 0; i < 2; i++) {
        struct buffer encoded = buffer_make(memory, sizeof(memory));
        assert_true(evidence_encode(bad[i], &encoded));
        assert_false(evidence_read(buffer_bytes(&encoded), &facts));
    }
    assert_int_equal(facts.rid, 77);
}

static void votes_that_a_correct_replica_casts_convict_nobody(void **state)
{
    struct core_fixture *fixture = *state;
    struct accusation accusation;
    const struct {
        uint64_t view;
        uint64_t sequence;
        uint8_t digest;
    } others[] = {{2, 9, 1}, {3, 9, 3}, {2, 10, 3}};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        accuse(fixture, &accusation, vote_make(accusation.first, 2, 9, 1),
               vote_make(accusation.second, others[i].view, others[i].sequence, others[i].digest));
        assert_int_equal(judge_it(fixture, &accusation.evidence), EVIDENCE_AGREES);
    }
}

static void votes_of_two_kinds_or_two_replicas_convict_nobody(void **state)
{
    struct core_fixture *fixture = *state;
    struct accusation accusation;
    accuse(fixture, &accusation, vote_make(accusation.first, 2, 9, 1),
           vote_make(accusation.second, 2, 9, 3));
    sign(fixture, TAG_COMMIT, accusation.evidence.second, accusation.second_sig);
    assert_int_equal(judge_it(fixture, &accusation.evidence), EVIDENCE_UNSIGNED);
    sign(fixture, TAG_PREPARE, accusation.evidence.second, accusation.second_sig);
    assert_int_equal(judge_it(fixture, &accusation.evidence), EVIDENCE_PROVES);
    accusation.evidence.rid = 2;
    assert_int_equal(judge_it(fixture, &accusation.evidence), EVIDENCE_UNSIGNED);
    accusation.evidence.rid = 9;
    assert_int_equal(judge_it(fixture, &accusation.evidence), EVIDENCE_NO_MEMBER);
    accusation.evidence.rid = ACCUSED;
    accusation.evidence.kind = EVIDENCE_BALLOT;
    assert_int_equal(judge_it(fixture, &accusation.evidence), EVIDENCE_OTHER_KIND);
    accusation.evidence.kind = EVIDENCE_ATTEST;
    assert_int_equal(judge_it(fixture, &accusation.evidence), EVIDENCE_MALFORMED);
    accusation.evidence.kind = EVIDENCE_PREPARE;
    accusation.evidence.second_sig = BYTES_EMPTY;
    assert_int_equal(judge_it(fixture, &accusation.evidence), EVIDENCE_MALFORMED);
}

/* --- Batches ---------------------------------------------------------------------------------- */

/* r1's proposal of a batch of three requests, with one bit of the batch changed before it was
 * signed; bit SIZE_MAX changes nothing. */
static void propose(struct core_fixture *fixture, size_t bit, uint8_t memory[1u << 14],
                    struct evidence *out)
{
    static uint8_t body_memory[128];
    struct buffer body = buffer_make(body_memory, sizeof(body_memory));
    struct vote vote = {.view = 1, .sequence = 4};
    struct batch_parcel parcel;
    assert_int_equal(
        batch_parcel_decode(core_batch(fixture, 1, 3, fixture->wall_ms, vote.digest), &parcel),
        WIRE_OK);
    assert_true(parcel.batch.len <= 1u << 14);
    memcpy(memory, parcel.batch.data, parcel.batch.len);
    if (bit != SIZE_MAX) {
        memory[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    struct bytes batch = bytes_make(memory, parcel.batch.len);
    hash_bytes(batch, vote.digest);
    assert_true(vote_encode(&vote, &body));
    *out = (struct evidence){
        .kind = EVIDENCE_BATCH, .rid = ACCUSED, .first = buffer_bytes(&body), .proof = batch};
    sign(fixture, TAG_PRE_PREPARE, out->first, out->first_sig);
}

static enum evidence_verdict judge_batch(struct core_fixture *fixture,
                                         const struct evidence *evidence)
{
    static uint8_t memory[1u << 15];
    struct buffer encoded = buffer_make(memory, sizeof(memory));
    struct evidence_facts facts;
    assert_true(evidence_encode(evidence, &encoded));
    return judge(fixture, buffer_bytes(&encoded), &facts);
}

static void who_proposes_a_bad_batch_is_convicted(void **state)
{
    static uint8_t memory[1u << 14];
    struct evidence evidence;
    propose(*state, SIZE_MAX, memory, &evidence);
    assert_int_equal(judge_batch(*state, &evidence), EVIDENCE_NO_FAULT);
    size_t bits = 8 * evidence.proof.len;
    for (size_t bit = 0; bit < bits; bit += 7) {
        propose(*state, bit, memory, &evidence);
        /* The batch's own time is the primary's to say; all else is signed, or the shape of it. */
        bool is_time = bit / 8 >= 3 && bit / 8 <= 10;
        assert_int_equal(judge_batch(*state, &evidence),
                         is_time ? EVIDENCE_NO_FAULT : EVIDENCE_PROVES);
    }
}

static void a_batch_that_was_not_proposed_convicts_nobody(void **state)
{
    static uint8_t memory[1u << 14];
    struct evidence evidence;
    propose(*state, 8 * 400, memory, &evidence);
    assert_int_equal(judge_batch(*state, &evidence), EVIDENCE_PROVES);
    memory[401] ^= 1; /* somebody changes it afterwards */
    assert_int_equal(judge_batch(*state, &evidence), EVIDENCE_NO_FAULT);
    memory[401] ^= 1;
    evidence.rid = 2;
    assert_int_equal(judge_batch(*state, &evidence), EVIDENCE_UNSIGNED);
    evidence.rid = ACCUSED;
    evidence.epoch = 1;
    assert_int_equal(judge_batch(*state, &evidence), EVIDENCE_NO_MEMBER);
    evidence.epoch = 0;
    evidence.second = evidence.first;
    assert_int_equal(judge_batch(*state, &evidence), EVIDENCE_MALFORMED);
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(two_votes_for_one_place_convict_their_signer),
        CORE_TEST(no_bit_of_it_can_be_another),
        CORE_TEST(what_is_no_evidence_is_not_read),
        CORE_TEST(votes_that_a_correct_replica_casts_convict_nobody),
        CORE_TEST(votes_of_two_kinds_or_two_replicas_convict_nobody),
        CORE_TEST(who_proposes_a_bad_batch_is_convicted),
        CORE_TEST(a_batch_that_was_not_proposed_convicts_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
