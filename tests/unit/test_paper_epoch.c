/* Proposals of new keys and of a new epoch: what officers are shown, and what is found before they
 * sign. */
#include "crypto/hash.h"
#include "crypto/words.h"
#include "tests/support/officer_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char text[PAPER_WORDS_MAX + 1];

/* A card, and what it is made of. */
static struct offer {
    uint64_t role;
    const char *subject;
    uint32_t key_count;
    uint32_t sig_count;
    const char *names[3];   /* of the seeds of the keys on it */
    const char *signers[3]; /* and of those that sign it */
    const char *old;        /* and of the one that agrees; NULL: none */
    const uint8_t *cluster_id;
    struct paper_keys keys;
    uint8_t card[512];
    uint8_t sigs[512];
    uint8_t old_sig[SIG_BYTES];
} offer;

static const uint8_t no_cluster[HASH_BYTES];

static int setup(void **state)
{
    static const char *const names[] = {"new", "new cosign", "new transport"};

    (void)officer_setup(state);
    memset(&offer, 0, sizeof(offer));
    offer.role = ROLE_REPLICA;
    offer.subject = "r3";
    offer.key_count = 3;
    offer.sig_count = 3;
    offer.old = "r3";
    offer.cluster_id = charter.cluster_id;
    memcpy(offer.names, names, sizeof(names));
    memcpy(offer.signers, names, sizeof(names));
    return 0;
}

static void sign(const char *name, struct bytes card, uint8_t out[SIG_BYTES])
{
    uint8_t seed[SEED_BYTES];
    uint8_t pk[PUBLIC_KEY_BYTES];

    gov_seed(name, seed);
    gov_public_key(&sig_ed25519, name, pk);
    sign_body(&sig_ed25519, seed, pk, TAG_POSSESSION, offer.cluster_id, card, out);
}

static void make_card(void)
{
    uint8_t memory[256];
    struct buffer keys = buffer_make(memory, sizeof(memory));
    struct buffer body = buffer_make(offer.card, sizeof(offer.card));
    struct buffer sigs = buffer_make(offer.sigs, sizeof(offer.sigs));
    struct card card = {.role = offer.role, .subject = bytes_of_text(offer.subject)};
    struct item_hash key;
    struct item_sig sig;

    for (uint32_t i = 0; i < offer.key_count; i++) {
        gov_public_key(&sig_ed25519, offer.names[i], key.value);
        assert_true(item_hash_encode(&key, &keys));
    }
    card.keys = (struct wire_list){buffer_bytes(&keys), offer.key_count};
    assert_true(card_encode(&card, &body));
    for (uint32_t i = 0; i < offer.sig_count; i++) {
        sign(offer.signers[i], buffer_bytes(&body), sig.value);
        assert_true(item_sig_encode(&sig, &sigs));
    }
    offer.keys.proof.card = buffer_bytes(&body);
    offer.keys.proof.sigs = (struct wire_list){buffer_bytes(&sigs), offer.sig_count};
    gov_public_key(&sig_ed25519, offer.names[0], offer.keys.sign);
    gov_public_key(&sig_ed25519, offer.names[1], offer.keys.cosign);
    gov_public_key(&sig_ed25519, offer.names[2], offer.keys.transport);
    offer.keys.old_sig = BYTES_EMPTY;
    if (offer.old != NULL) {
        sign(offer.old, offer.keys.proof.card, offer.old_sig);
        offer.keys.old_sig = BYTES_OF_ARRAY(offer.old_sig);
    }
}

static struct paper_wish wish_of(uint64_t action)
{
    return (struct paper_wish){
        .action = action,
        .rid = 3,
        .keys = &offer.keys,
        .reason = bytes_of_text("yearly"),
        .deadline_ms = NOW + FIXTURE_HOUR,
    };
}

static enum paper_fault rotated(void)
{
    const struct paper_wish wish = wish_of(ACTION_REPLICA_KEY_ROTATE);

    make_card();
    (void)officer_propose(&wish);
    return officer_judge();
}

static const char *words(void)
{
    struct buffer out = buffer_make(text, PAPER_WORDS_MAX);

    paper_words(&paper, &in_force, &tally, &out);
    assert_false(out.full);
    text[out.len] = '\0';
    return text;
}

/* --- New keys -------------------------------------------------------------------------------- */

static void new_keys_are_read_and_judged_good(void **state)
{
    (void)state;
    assert_int_equal(rotated(), PAPER_GOOD);
    assert_int_equal(paper.rid, 3);
    assert_memory_equal(paper.keys.sign, offer.keys.sign, PUBLIC_KEY_BYTES);
    assert_memory_equal(paper.keys.cosign, offer.keys.cosign, PUBLIC_KEY_BYTES);
    assert_memory_equal(paper.keys.transport, offer.keys.transport, PUBLIC_KEY_BYTES);
    assert_int_equal(paper.proposal.reads.count, 2);
    assert_int_equal(tally.needed, 3);
    assert_non_null(strstr(words(), "the old sign key agrees\n"));
    offer.old = NULL;
    assert_int_equal(rotated(), PAPER_GOOD);
    assert_non_null(strstr(words(), "the old sign key has NOT: it is lost"));
}

static void no_byte_of_it_can_be_changed(void **state)
{
    const struct paper_wish wish = wish_of(ACTION_REPLICA_KEY_ROTATE);
    uint8_t bent[PAPER_BYTES_MAX];

    (void)state;
    make_card();
    const struct bytes whole = officer_propose(&wish);
    for (size_t i = 0; i < whole.len; i++) {
        memcpy(bent, whole.data, whole.len);
        bent[i] ^= 0x10;
        assert_true(!paper_parse(bytes_make(bent, whole.len), charter.cluster_id, &paper) ||
                    officer_judge() != PAPER_GOOD);
    }
}

static void a_card_of_something_else_is_found(void **state)
{
    static const char *const wrong[] = {"new cosign", "new", "new transport"};

    (void)state;
    offer.role = ROLE_WITNESS;
    assert_int_equal(rotated(), PAPER_FALSE);
    offer.role = ROLE_REPLICA;
    offer.subject = "r2";
    assert_int_equal(rotated(), PAPER_FALSE);
    offer.subject = "r3";
    offer.key_count = 2;
    assert_int_equal(rotated(), PAPER_FALSE);
    offer.key_count = 3;
    offer.sig_count = 2;
    assert_int_equal(rotated(), PAPER_FALSE);
    offer.sig_count = 3;
    memcpy(offer.signers, wrong, sizeof(wrong));
    assert_int_equal(rotated(), PAPER_FALSE);
    memcpy(offer.signers, offer.names, sizeof(wrong));
    offer.cluster_id = no_cluster; /* as before genesis */
    assert_int_equal(rotated(), PAPER_FALSE);
    offer.cluster_id = charter.cluster_id;
    assert_int_equal(rotated(), PAPER_GOOD);
}

static void keys_that_the_card_does_not_have_are_found(void **state)
{
    const struct paper_wish wish = wish_of(ACTION_REPLICA_KEY_ROTATE);

    (void)state;
    make_card();
    gov_public_key(&sig_ed25519, "another", offer.keys.cosign);
    (void)officer_propose(&wish);
    assert_int_equal(officer_judge(), PAPER_FALSE);
    make_card();
    offer.keys.proof.card = bytes_of_text("no card");
    (void)officer_propose(&wish);
    assert_int_equal(officer_judge(), PAPER_FALSE);
}

static void another_key_that_agrees_is_found(void **state)
{
    static const char *const others[] = {"r2", "r3 cosign", "new", "m1"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        offer.old = others[i];
        assert_int_equal(rotated(), PAPER_FALSE);
        assert_non_null(strstr(problem.what, "agrees, and it does not"));
    }
}

static void keys_that_are_in_use_are_found(void **state)
{
    static const char *const used[] = {"r1", "r0 cosign", "r3 transport", "m4"};

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        const char *const was = offer.names[i % 3];

        offer.names[i % 3] = used[i];
        offer.signers[i % 3] = used[i];
        assert_int_equal(rotated(), PAPER_RULE);
        assert_non_null(strstr(problem.what, "in use"));
        offer.names[i % 3] = was;
        offer.signers[i % 3] = was;
    }
}

static void a_replica_that_is_not_there_gets_no_keys(void **state)
{
    struct paper_wish wish = wish_of(ACTION_REPLICA_KEY_ROTATE);

    (void)state;
    make_card();
    wish.rid = 9;
    (void)officer_propose(&wish);
    assert_int_equal(officer_judge(), PAPER_RULE);
}

static void new_keys_are_shown_beside_the_old_ones(void **state)
{
    uint8_t memory[128];
    struct buffer line = buffer_make(memory, sizeof(memory) - 1);

    (void)state;
    assert_int_equal(rotated(), PAPER_GOOD);
    buffer_put(&line, bytes_of_text("  + r3 transport key "));
    hex_put(&line, BYTES_OF_ARRAY(offer.keys.transport));
    memory[line.len] = '\0';
    assert_non_null(strstr(words(), (const char *)memory));
    line.len = 0;
    buffer_put(&line, bytes_of_text("  - r3 sign key "));
    hex_put(&line, BYTES_OF_ARRAY(in_force.roster.members[3].sign_pk));
    memory[line.len] = '\0';
    assert_non_null(strstr(words(), (const char *)memory));
    assert_non_null(strstr(words(), "divisible by 128 that is at least 256 above"));
    in_force.header.pending_boundary = 512;
    assert_non_null(strstr(words(), "a boundary is pending at height 512"));
}

/* --- A new epoch ----------------------------------------------------------------------------- */

static void a_renewal_reads_the_members_alone(void **state)
{
    const struct paper_wish wish = wish_of(ACTION_EPOCH_RENEW);

    (void)state;
    (void)officer_propose(&wish);
    assert_int_equal(officer_judge(), PAPER_GOOD);
    assert_int_equal(paper.proposal.reads.count, 1);
    assert_int_equal(tally.needed, 3);
    assert_non_null(strstr(words(), "- epoch 0\n  + epoch 1"));
    assert_non_null(strstr(words(), "written    for version 1 of members\n"));
    assert_null(strstr(words(), "r3"));
}

/* The reason in words is the one that the arguments bind. */
static void a_renewal_is_for_the_reason_that_is_shown(void **state)
{
    const struct args_renew args = {{9}};
    uint8_t args_bytes[64];
    uint8_t body_bytes[512];
    uint8_t bundle_bytes[1024];
    uint8_t file_bytes[2048];
    struct buffer out = buffer_make(args_bytes, sizeof(args_bytes));
    struct buffer body = buffer_make(body_bytes, sizeof(body_bytes));
    struct buffer whole = buffer_make(bundle_bytes, sizeof(bundle_bytes));
    struct buffer file_out = buffer_make(file_bytes, sizeof(file_bytes));
    const struct paper_wish wish = wish_of(ACTION_EPOCH_RENEW);
    struct bundle bundle = {0};

    (void)state;
    (void)officer_propose(&wish);
    struct proposal proposal = paper.proposal;
    assert_true(args_renew_encode(&args, &out));
    proposal.args = buffer_bytes(&out);
    assert_true(proposal_encode(&proposal, &body));
    bundle.proposal.body = buffer_bytes(&body);
    assert_true(bundle_encode(&bundle, &whole));
    const struct proposal_file file = {buffer_bytes(&whole), wish.reason};
    assert_true(proposal_file_encode(&file, &file_out));
    assert_false(paper_parse(buffer_bytes(&file_out), charter.cluster_id, &paper));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, officer_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_keys_are_read_and_judged_good),
        TEST(no_byte_of_it_can_be_changed),
        TEST(a_card_of_something_else_is_found),
        TEST(keys_that_the_card_does_not_have_are_found),
        TEST(another_key_that_agrees_is_found),
        TEST(keys_that_are_in_use_are_found),
        TEST(a_replica_that_is_not_there_gets_no_keys),
        TEST(new_keys_are_shown_beside_the_old_ones),
        TEST(a_renewal_reads_the_members_alone),
        TEST(a_renewal_is_for_the_reason_that_is_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
