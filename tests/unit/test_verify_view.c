/* What a VIEW-CHANGE and a NEW-VIEW must prove. Each check has a message that is good but for what
 * that check is about. PROTOCOL: view change; ATTACKS B32 to B40. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "tests/support/core_fixture.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define LISTENER 3
#define VIEW 5 /* led by r1 */
#define LEADER 1

static void sign_as(const struct core_fixture *fixture, uint32_t rid, enum sign_tag tag,
                    struct bytes body, uint8_t sig[SIG_BYTES])
{
    uint8_t seed[SEED_BYTES];
    uint8_t pk[PUBLIC_KEY_BYTES];
    char name[16];
    (void)snprintf(name, sizeof(name), "r%u", rid);
    gov_seed(name, seed);
    sig_fast.public_key(seed, pk);
    sign_body(&sig_fast, seed, pk, tag, node_cluster_id(fixture->nodes[0]), body, sig);
}

static struct bytes vote_body(uint64_t view, uint64_t sequence, uint8_t digest, uint8_t space[128])
{
    struct vote vote = {.view = view, .sequence = sequence};
    struct buffer body = buffer_make(space, 128);
    memset(vote.digest, digest, sizeof(vote.digest));
    assert_true(vote_encode(&vote, &body));
    return buffer_bytes(&body);
}

/* --- Certificates ----------------------------------------------------------------------------- */

struct claim {
    uint64_t view;
    uint64_t sequence;
    uint8_t digest;
    uint32_t members; /* whose PREPAREs; the primary of `view` signs the pre-prepare */
    uint32_t forger;  /* signs in the place of r0 when it is not 0 */
};

static void put_certificate(const struct core_fixture *fixture, const struct claim *claim,
                            struct buffer *out)
{
    uint8_t space[128];
    uint8_t sigs_space[CORE_NODES * 80];
    struct buffer sigs = buffer_make(sigs_space, sizeof(sigs_space));
    struct prepared prepared = {
        .vote = vote_body(claim->view, claim->sequence, claim->digest, space),
        .members = claim->members,
    };
    uint32_t count = 0;
    uint32_t primary = (uint32_t)(claim->view % CORE_NODES);
    sign_as(fixture, primary == 0 && claim->forger != 0 ? claim->forger : primary, TAG_PRE_PREPARE,
            prepared.vote, prepared.primary_sig);
    for (uint32_t i = 0; i < 64 && i < CORE_NODES + 1; i++) {
        struct item_sig sig;
        if ((claim->members >> i & 1) == 0) {
            continue;
        }
        uint32_t signer = i == 0 && claim->forger != 0 ? claim->forger : i % CORE_NODES;
        sign_as(fixture, signer, TAG_PREPARE, prepared.vote, sig.value);
        assert_true(item_sig_encode(&sig, &sigs));
        count++;
    }
    prepared.sigs = (struct wire_list){buffer_bytes(&sigs), count};
    assert_true(prepared_encode(&prepared, out));
}

static struct bytes change_body(const struct core_fixture *fixture, uint64_t view,
                                const struct claim *claims, uint32_t count, struct buffer *out)
{
    uint8_t space[4096];
    struct buffer list = buffer_make(space, sizeof(space));
    struct view_change change = {.view = view};
    const struct node *node = fixture->nodes[0];
    assert_int_equal(
        stable_decode(bytes_make(node->stable_proof, node->stable_len), &change.stable), WIRE_OK);
    for (uint32_t i = 0; i < count; i++) {
        put_certificate(fixture, &claims[i], &list);
    }
    change.prepared = (struct wire_list){buffer_bytes(&list), count};
    assert_true(view_change_encode(&change, out));
    return buffer_bytes(out);
}

static enum drop change_from(struct core_fixture *fixture, uint32_t rid, const struct claim *claims,
                             uint32_t count)
{
    static uint8_t space[1u << 14];
    struct buffer out = buffer_make(space, sizeof(space));
    char name[16];
    (void)snprintf(name, sizeof(name), "r%u", rid);
    struct bytes body = change_body(fixture, VIEW, claims, count, &out);
    struct bytes frame = core_frame(fixture, MESSAGE_VIEW_CHANGE, rid, name, body, BYTES_EMPTY);
    return core_deliver(fixture, LISTENER, rid, frame);
}

static void a_view_change_shows_what_it_has_prepared(void **state)
{
    const struct claim good[] = {{1, 2, 7, 0x5, 0}, {3, 3, 0, 0x7, 0}, {4, 4, 8, 0xe, 0}};
    assert_int_equal(change_from(*state, 2, good, 3), DROP_NONE); /* the null digest too */
    assert_int_equal(change_from(*state, 1, NULL, 0), DROP_NONE);
}

static void a_certificate_that_proves_nothing_is_refused(void **state)
{
    static const struct {
        const char *why;
        struct claim claim;
    } cases[] = {
        {"one PREPARE too few", {1, 2, 7, 0x4, 0}},
        {"the primary's PREPARE in the place of a backup's", {1, 2, 7, 0x6, 0}},
        {"a PREPARE that another one signed", {1, 2, 7, 0x5, 3}},
        {"a PRE-PREPARE that another one signed", {4, 2, 7, 0xe, 3}},
        {"of the view it asks for", {VIEW, 2, 7, 0xd, 0}},
        {"of a later view", {VIEW + 1, 2, 7, 0xb, 0}},
        {"at the stable checkpoint", {1, 0, 7, 0x5, 0}},
        {"above the window", {1, 257, 7, 0x5, 0}},
        {"by somebody who is no member", {1, 2, 7, 0x11, 0}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (change_from(*state, 2, &cases[i].claim, 1) != DROP_CERTIFICATE) {
            fail_msg("taken: %s", cases[i].why);
        }
    }
}

static void certificates_stand_in_order_each_sequence_once(void **state)
{
    const struct claim twice[] = {{1, 2, 7, 0x5, 0}, {2, 2, 7, 0x9, 0}};
    const struct claim backwards[] = {{1, 3, 7, 0x5, 0}, {1, 2, 7, 0x5, 0}};
    assert_int_equal(change_from(*state, 2, twice, 2), DROP_CERTIFICATE);
    assert_int_equal(change_from(*state, 2, backwards, 2), DROP_CERTIFICATE);
}

static void nobody_speaks_for_another(void **state)
{
    struct core_fixture *fixture = *state;
    static uint8_t space[1u << 14];
    struct buffer out = buffer_make(space, sizeof(space));
    struct bytes body = change_body(fixture, VIEW, NULL, 0, &out);
    struct bytes frame = core_frame(fixture, MESSAGE_VIEW_CHANGE, 2, "r1", body, BYTES_EMPTY);
    assert_int_equal(core_deliver(fixture, LISTENER, 2, frame), DROP_SIGNATURE);
}

/* --- NEW-VIEW --------------------------------------------------------------------------------- */

/* A NEW-VIEW for VIEW, and what is wrong with it. */
struct announcement {
    uint32_t senders[CORE_NODES]; /* of V */
    uint32_t count;
    uint64_t change_view;   /* that the VIEW-CHANGEs are for; 0: VIEW */
    const char *signer;     /* of all; NULL: who leads VIEW */
    uint32_t proposer;      /* signs O; 0: who leads VIEW */
    uint32_t forged;        /* the sender whose VIEW-CHANGE r0 signed; 0: none */
    uint8_t digests[3];     /* of O, from sequence 1 on; 0 ends it, 0xff is the null digest */
    struct claim claims[2]; /* P of the first two senders, where its sequence is not 0 */
};

static struct bytes list_of_changes(const struct core_fixture *fixture,
                                    const struct announcement *says, struct buffer *out)
{
    for (uint32_t i = 0; i < says->count; i++) {
        static uint8_t space[1u << 14];
        struct buffer body = buffer_make(space, sizeof(space));
        struct signed_body element = {.rid = says->senders[i]};
        bool claims = i < 2 && says->claims[i].sequence != 0;
        element.body = change_body(fixture, says->change_view == 0 ? VIEW : says->change_view,
                                   claims ? &says->claims[i] : NULL, claims ? 1 : 0, &body);
        sign_as(fixture,
                says->forged != 0 && says->senders[i] == says->forged ? 0 : says->senders[i],
                TAG_VIEW_CHANGE, element.body, element.sig);
        assert_true(signed_body_encode(&element, out));
    }
    return buffer_bytes(out);
}

static uint32_t put_proposals(const struct core_fixture *fixture, const struct announcement *says,
                              struct buffer *out)
{
    uint32_t count = 0;
    while (count < 3 && says->digests[count] != 0) {
        uint8_t space[128];
        uint8_t digest = says->digests[count] == 0xff ? 0 : says->digests[count];
        struct signed_body element = {.rid = LEADER,
                                      .body = vote_body(VIEW, count + 1, digest, space)};
        sign_as(fixture, says->proposer == 0 ? LEADER : says->proposer, TAG_PRE_PREPARE,
                element.body, element.sig);
        assert_true(signed_body_encode(&element, out));
        count++;
    }
    return count;
}

static enum drop announce(struct core_fixture *fixture, const struct announcement *says)
{
    static uint8_t spaces[3][1u << 16];
    struct buffer changes = buffer_make(spaces[0], sizeof(spaces[0]));
    struct buffer proposals = buffer_make(spaces[1], sizeof(spaces[1]));
    struct buffer body = buffer_make(spaces[2], sizeof(spaces[2]));
    struct new_view new_view = {.view = VIEW};
    new_view.view_changes =
        (struct wire_list){list_of_changes(fixture, says, &changes), says->count};
    uint32_t count = put_proposals(fixture, says, &proposals);
    new_view.pre_prepares = (struct wire_list){buffer_bytes(&proposals), count};
    assert_true(new_view_encode(&new_view, &body));
    struct bytes frame =
        core_frame(fixture, MESSAGE_NEW_VIEW, LEADER, says->signer == NULL ? "r1" : says->signer,
                   buffer_bytes(&body), BYTES_EMPTY);
    return core_deliver(fixture, LISTENER, LEADER, frame);
}

/* Two certificates for sequence 2, of view 1 and of view 4: the later one decides. */
#define CLAIMS                                                                                     \
    {                                                                                              \
        {1, 2, 7, 0x5, 0},                                                                         \
        {                                                                                          \
            4, 2, 8, 0xe, 0                                                                        \
        }                                                                                          \
    }

static void the_certificate_with_the_highest_view_decides(void **state)
{
    const struct announcement good = {
        .senders = {1, 2, 0}, .count = 3, .digests = {0xff, 8}, .claims = CLAIMS};
    assert_int_equal(announce(*state, &good), DROP_NONE);
    struct node_look look;
    node_look(((struct core_fixture *)*state)->nodes[LISTENER], &look);
    assert_int_equal(look.view, VIEW);
    assert_int_equal(look.mode, MODE_ACTIVE);
}

static void a_new_view_that_does_not_follow_is_refused(void **state)
{
    static const struct {
        const char *why;
        struct announcement says;
        enum drop drop;
    } cases[] = {
        {"V of two",
         {.senders = {1, 2}, .count = 2, .digests = {0xff, 8}, .claims = CLAIMS},
         DROP_CERTIFICATE},
        {"V with a sender twice",
         {.senders = {1, 2, 2}, .count = 3, .digests = {0xff, 8}, .claims = CLAIMS},
         DROP_CERTIFICATE},
        {"V for another view",
         {.senders = {1, 2, 0},
          .count = 3,
          .change_view = VIEW + 1,
          .digests = {0xff, 8},
          .claims = CLAIMS},
         DROP_CERTIFICATE},
        {"V with a VIEW-CHANGE that its sender did not sign",
         {.senders = {1, 2, 0}, .count = 3, .forged = 2, .digests = {0xff, 8}, .claims = CLAIMS},
         DROP_CERTIFICATE},
        {"the certificate with the lower view",
         {.senders = {1, 2, 0}, .count = 3, .digests = {0xff, 7}, .claims = CLAIMS},
         DROP_CERTIFICATE},
        {"a batch where nothing was prepared",
         {.senders = {1, 2, 0}, .count = 3, .digests = {9, 8}, .claims = CLAIMS},
         DROP_CERTIFICATE},
        {"nothing for what was prepared",
         {.senders = {1, 2, 0}, .count = 3, .digests = {0}, .claims = CLAIMS},
         DROP_CERTIFICATE},
        {"the null digest for what was prepared",
         {.senders = {1, 2, 0}, .count = 3, .digests = {0xff, 0xff}, .claims = CLAIMS},
         DROP_CERTIFICATE},
        {"more than what was prepared",
         {.senders = {1, 2, 0}, .count = 3, .digests = {0xff, 8, 9}, .claims = CLAIMS},
         DROP_CERTIFICATE},
        {"proposals that another one signed",
         {.senders = {1, 2, 0}, .count = 3, .proposer = 2, .digests = {0xff, 8}, .claims = CLAIMS},
         DROP_CERTIFICATE},
        {"a certificate in V with one PREPARE too few",
         {.senders = {1, 2, 0}, .count = 3, .digests = {0xff, 7}, .claims = {{1, 2, 7, 0x4, 0}}},
         DROP_CERTIFICATE},
        {"signed by another one",
         {.senders = {1, 2, 0}, .count = 3, .signer = "r2", .digests = {0xff, 8}, .claims = CLAIMS},
         DROP_SIGNATURE},
    };
    struct core_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (announce(fixture, &cases[i].says) != cases[i].drop) {
            fail_msg("not refused as it should be: %s", cases[i].why);
        }
        struct node_look look;
        node_look(fixture->nodes[LISTENER], &look);
        assert_int_equal(look.view, 0);
    }
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(a_view_change_shows_what_it_has_prepared),
        CORE_TEST(a_certificate_that_proves_nothing_is_refused),
        CORE_TEST(certificates_stand_in_order_each_sequence_once),
        CORE_TEST(nobody_speaks_for_another),
        CORE_TEST(the_certificate_with_the_highest_view_decides),
        CORE_TEST(a_new_view_that_does_not_follow_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
