/* What a VIEW-CHANGE and a NEW-VIEW must prove. Each check has a message that is good but for what
 * that check is about. PROTOCOL: view change; ATTACKS B32 to B40. */
#include "replica/core/window.h"
#include "tests/support/view_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define LISTENER 3

static enum drop change_from(struct core_fixture *fixture, uint32_t rid, const struct claim *claims,
                             uint32_t count)
{
    static uint8_t space[1u << 14];
    struct buffer out = buffer_make(space, sizeof(space));
    struct departure says = {.count = count};
    char name[16];
    (void)snprintf(name, sizeof(name), "r%u", rid);
    for (uint32_t i = 0; i < count; i++) {
        says.claims[i] = claims[i];
    }
    struct bytes body = view_change_of(fixture, &says, &out);
    struct bytes frame = core_frame(fixture, MESSAGE_VIEW_CHANGE, rid, name, body, BYTES_EMPTY);
    return core_deliver(fixture, LISTENER, rid, frame);
}

static void a_view_change_shows_what_it_has_prepared(void **state)
{
    const struct claim good[] = {{1, 2, 7, 0x5, 0, 0}, {3, 3, 0, 0x7, 0, 0}, {4, 4, 8, 0xe, 0, 0}};
    assert_int_equal(change_from(*state, 2, good, 3), DROP_NONE); /* the null digest too */
    assert_int_equal(change_from(*state, 1, NULL, 0), DROP_NONE);
}

static void a_certificate_that_proves_nothing_is_refused(void **state)
{
    static const struct {
        const char *why;
        struct claim claim;
    } cases[] = {
        {"one PREPARE too few", {1, 2, 7, 0x4, 0, 0}},
        {"the primary's PREPARE in the place of a backup's", {1, 2, 7, 0x6, 0, 0}},
        {"a PREPARE that another one signed", {1, 2, 7, 0x5, 3, 0}},
        {"a PRE-PREPARE that another one signed", {4, 2, 7, 0xe, 3, 0}},
        {"of the view it asks for", {VIEW_NEXT, 2, 7, 0xd, 0, 0}},
        {"of a later view", {VIEW_NEXT + 1, 2, 7, 0xb, 0, 0}},
        {"at the stable checkpoint", {1, 0, 7, 0x5, 0, 0}},
        {"above the window", {1, 257, 7, 0x5, 0, 0}},
        {"by somebody who is no member", {1, 2, 7, 0x11, 0, 0}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (change_from(*state, 2, &cases[i].claim, 1) != DROP_CERTIFICATE) {
            fail_msg("taken: %s", cases[i].why);
        }
    }
}

static void certificates_stand_in_order_each_sequence_once(void **state)
{
    const struct claim twice[] = {{1, 2, 7, 0x5, 0, 0}, {2, 2, 7, 0x9, 0, 0}};
    const struct claim backwards[] = {{1, 3, 7, 0x5, 0, 0}, {1, 2, 7, 0x5, 0, 0}};
    assert_int_equal(change_from(*state, 2, twice, 2), DROP_CERTIFICATE);
    assert_int_equal(change_from(*state, 2, backwards, 2), DROP_CERTIFICATE);
}

static void nobody_speaks_for_another(void **state)
{
    struct core_fixture *fixture = *state;
    static uint8_t space[1u << 14];
    struct buffer out = buffer_make(space, sizeof(space));
    struct bytes body = view_change_of(fixture, &(struct departure){.view = VIEW_NEXT}, &out);
    struct bytes frame = core_frame(fixture, MESSAGE_VIEW_CHANGE, 2, "r1", body, BYTES_EMPTY);
    assert_int_equal(core_deliver(fixture, LISTENER, 2, frame), DROP_SIGNATURE);
}

/* --- NEW-VIEW --------------------------------------------------------------------------------- */

static enum drop announce_as(struct core_fixture *fixture, const struct announcement *says,
                             const char *signer)
{
    static uint8_t space[VIEW_BODY_BYTES];
    struct buffer body = buffer_make(space, sizeof(space));
    struct bytes frame = core_frame(fixture, MESSAGE_NEW_VIEW, VIEW_LEADER, signer,
                                    new_view_of(fixture, says, &body), BYTES_EMPTY);
    return core_deliver(fixture, LISTENER, VIEW_LEADER, frame);
}

static enum drop announce(struct core_fixture *fixture, const struct announcement *says)
{
    return announce_as(fixture, says, "r1");
}

/* Two certificates for sequence 2, of view 1 and of view 4: the later one decides. */
#define CLAIMS                                                                                     \
    {                                                                                              \
        {1, 2, 7, 0x5, 0, 0},                                                                      \
        {                                                                                          \
            4, 2, 8, 0xe, 0, 0                                                                     \
        }                                                                                          \
    }

static void the_certificate_with_the_highest_view_decides(void **state)
{
    const struct announcement good = {
        .senders = {1, 2, 0}, .count = 3, .digests = {0xff, 8}, .claims = CLAIMS};
    assert_int_equal(announce(*state, &good), DROP_NONE);
    struct node_look look;
    node_look(((struct core_fixture *)*state)->nodes[LISTENER], &look);
    assert_int_equal(look.view, VIEW_NEXT);
    assert_int_equal(look.mode, MODE_ACTIVE);
}

static void a_new_view_that_does_not_follow_is_refused(void **state)
{
    static const struct {
        const char *why;
        struct announcement says;
    } cases[] = {
        {"V of two", {.senders = {1, 2}, .count = 2, .digests = {0xff, 8}, .claims = CLAIMS}},
        {"V with a sender twice",
         {.senders = {1, 2, 2}, .count = 3, .digests = {0xff, 8}, .claims = CLAIMS}},
        {"V for another view",
         {.senders = {1, 2, 0},
          .count = 3,
          .change_view = VIEW_NEXT + 1,
          .digests = {0xff, 8},
          .claims = CLAIMS}},
        {"V with a VIEW-CHANGE that its sender did not sign",
         {.senders = {1, 2, 0}, .count = 3, .forged = 2, .digests = {0xff, 8}, .claims = CLAIMS}},
        {"the certificate with the lower view",
         {.senders = {1, 2, 0}, .count = 3, .digests = {0xff, 7}, .claims = CLAIMS}},
        {"a batch where nothing was prepared",
         {.senders = {1, 2, 0}, .count = 3, .digests = {9, 8}, .claims = CLAIMS}},
        {"nothing for what was prepared",
         {.senders = {1, 2, 0}, .count = 3, .digests = {0}, .claims = CLAIMS}},
        {"the null digest for what was prepared",
         {.senders = {1, 2, 0}, .count = 3, .digests = {0xff, 0xff}, .claims = CLAIMS}},
        {"more than what was prepared",
         {.senders = {1, 2, 0}, .count = 3, .digests = {0xff, 8, 9}, .claims = CLAIMS}},
        {"proposals that another one signed",
         {.senders = {1, 2, 0}, .count = 3, .proposer = 2, .digests = {0xff, 8}, .claims = CLAIMS}},
        {"a certificate in V with one PREPARE too few",
         {.senders = {1, 2, 0},
          .count = 3,
          .digests = {0xff, 7},
          .claims = {{1, 2, 7, 0x4, 0, 0}}}},
    };
    struct core_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (announce(fixture, &cases[i].says) != DROP_CERTIFICATE) {
            fail_msg("not refused as it should be: %s", cases[i].why);
        }
        struct node_look look;
        node_look(fixture->nodes[LISTENER], &look);
        assert_int_equal(look.view, 0);
    }
}

static void a_new_view_that_its_leader_did_not_sign_is_refused(void **state)
{
    const struct announcement good = {
        .senders = {1, 2, 0}, .count = 3, .digests = {0xff, 8}, .claims = CLAIMS};
    assert_int_equal(announce_as(*state, &good, "r2"), DROP_SIGNATURE);
}

/* --- In parts --------------------------------------------------------------------------------- */

/* The verdict of each of two workers on a frame. */
static void verify_in_two(struct core_fixture *fixture, uint32_t from, struct bytes frame,
                          enum drop verdicts[2])
{
    struct verify_job job;
    assert_int_equal(node_inspect(fixture->nodes[LISTENER], from, frame, &job), DROP_NONE);
    for (uint32_t part = 0; part < 2; part++) {
        verdicts[part] = job_verify(&job, frame, part, 2, NULL);
    }
}

/* Whoever finds the bad part: it is proof only when the whole is signed. */
static void what_is_bad_and_not_signed_is_not_taken_for_proof(void **state)
{
    struct core_fixture *fixture = *state;
    static uint8_t space[1u << 14];
    const struct departure second_is_bad = {.claims = {{1, 2, 7, 0x5, 0, 0}, {1, 3, 7, 0x4, 0, 0}},
                                            .count = 2};
    struct buffer out = buffer_make(space, sizeof(space));
    struct bytes body = view_change_of(fixture, &second_is_bad, &out);
    enum drop verdicts[2];
    verify_in_two(fixture, 2, core_frame(fixture, MESSAGE_VIEW_CHANGE, 2, "r2", body, BYTES_EMPTY),
                  verdicts);
    assert_int_equal(verdicts[0], DROP_NONE);
    assert_int_equal(verdicts[1], DROP_CERTIFICATE);
    verify_in_two(fixture, 2, core_frame(fixture, MESSAGE_VIEW_CHANGE, 2, "r1", body, BYTES_EMPTY),
                  verdicts);
    assert_int_equal(verdicts[0], DROP_SIGNATURE);
    assert_int_equal(verdicts[1], DROP_SIGNATURE);
}

static void a_bad_part_of_a_new_view_is_found_by_one_worker(void **state)
{
    struct core_fixture *fixture = *state;
    static uint8_t space[VIEW_BODY_BYTES];
    struct buffer out = buffer_make(space, sizeof(space));
    const struct announcement says = {.senders = {1, 2, 0},
                                      .count = 3,
                                      .digests = {0xff, 8},
                                      .claims = {{1, 2, 7, 0x5, 0, 0}, {4, 2, 8, 0x4, 0, 0}}};
    struct bytes body = new_view_of(fixture, &says, &out);
    enum drop verdicts[2];
    verify_in_two(fixture, VIEW_LEADER,
                  core_frame(fixture, MESSAGE_NEW_VIEW, VIEW_LEADER, "r1", body, BYTES_EMPTY),
                  verdicts);
    assert_int_equal(verdicts[0], DROP_NONE); /* the first and the third of V, and O */
    assert_int_equal(verdicts[1], DROP_CERTIFICATE);
    verify_in_two(fixture, VIEW_LEADER,
                  core_frame(fixture, MESSAGE_NEW_VIEW, VIEW_LEADER, "r2", body, BYTES_EMPTY),
                  verdicts);
    assert_int_equal(verdicts[1], DROP_SIGNATURE);
}

/* --- On any thread -----------------------------------------------------------------------------
 */

static struct verify_job job_of(struct core_fixture *fixture)
{
    static uint8_t space[1u << 14];
    struct buffer out = buffer_make(space, sizeof(space));
    struct bytes any = view_change_of(fixture, &(struct departure){.view = VIEW_NEXT}, &out);
    struct bytes frame = core_frame(fixture, MESSAGE_VIEW_CHANGE, 2, "r2", any, BYTES_EMPTY);
    struct verify_job job;
    assert_int_equal(node_inspect(fixture->nodes[LISTENER], 2, frame, &job), DROP_NONE);
    return job;
}

/* A worker believes nothing that was inspected: what it is given may be inside another message. */
static void a_worker_judges_whatever_it_is_given(void **state)
{
    struct core_fixture *fixture = *state;
    static uint8_t space[VIEW_BODY_BYTES];
    const struct verify_job job = job_of(fixture);
    const struct announcement good = {.senders = {1, 2, 0}, .count = 3};
    const struct announcement other = {.senders = {1, 2, 0}, .count = 3, .epoch = 1};
    const struct departure empty = {.view = VIEW_NEXT};
    struct buffer out = buffer_make(space, sizeof(space));
    struct bytes change = view_change_of(fixture, &empty, &out);
    struct bytes new_view = new_view_of(fixture, &good, &out);
    new_view = bytes_slice(new_view, change.len, new_view.len - change.len);
    size_t so_far = out.len;
    struct bytes later = new_view_of(fixture, &other, &out);
    later = bytes_slice(later, so_far, later.len - so_far);
    const struct {
        uint64_t type;
        uint32_t rid;
        const char *signer;
        struct bytes body;
        enum drop drop;
    } cases[] = {
        {MESSAGE_VIEW_CHANGE, 2, "r2", change, DROP_NONE},
        {MESSAGE_VIEW_CHANGE, 9, "r2", change, DROP_SENDER},
        {MESSAGE_VIEW_CHANGE, 2, NULL, change, DROP_SENDER},
        {MESSAGE_VIEW_CHANGE, 2, "r2", bytes_slice(change, 0, 9), DROP_MALFORMED},
        {MESSAGE_NEW_VIEW, VIEW_LEADER, "r1", new_view, DROP_NONE},
        {MESSAGE_NEW_VIEW, VIEW_LEADER, "r1", bytes_slice(new_view, 0, 9), DROP_MALFORMED},
        {MESSAGE_NEW_VIEW, 2, "r2", new_view, DROP_NOT_PRIMARY},
        {MESSAGE_NEW_VIEW, 0, "r0", later, DROP_EPOCH},
        {MESSAGE_NEW_VIEW, VIEW_LEADER, "r1", later, DROP_EPOCH},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes frame = core_frame(fixture, cases[i].type, cases[i].rid, cases[i].signer,
                                        cases[i].body, BYTES_EMPTY);
        enum drop drop = job_verify(&job, frame, 0, 1, NULL);
        if (drop != cases[i].drop) {
            fail_msg("case %zu: %s", i, drop_text(drop));
        }
    }
}

/* Signatures by their hash. */
struct seen {
    uint8_t keys[64][HASH_BYTES];
    uint32_t count;
    uint32_t hits;
};

static bool seen_known(void *context, const uint8_t key[HASH_BYTES])
{
    struct seen *seen = context;
    for (uint32_t i = 0; i < seen->count; i++) {
        if (memcmp(seen->keys[i], key, HASH_BYTES) == 0) {
            seen->hits++;
            return true;
        }
    }
    return false;
}

static void seen_add(void *context, const uint8_t key[HASH_BYTES])
{
    struct seen *seen = context;
    assert_true(seen->count < 64);
    memcpy(seen->keys[seen->count++], key, HASH_BYTES);
}

static void votes_that_were_found_good_are_not_verified_again(void **state)
{
    struct core_fixture *fixture = *state;
    static uint8_t space[1u << 14];
    struct buffer out = buffer_make(space, sizeof(space));
    struct seen seen = {.count = 0};
    const struct sig_memo memo = {&seen, seen_known, seen_add};
    const struct departure says = {.claims = {{1, 2, 7, 0x5, 0, 0}}, .count = 1};
    const struct departure bad = {.claims = {{1, 2, 7, 0x5, 3, 0}}, .count = 1};
    struct bytes body = view_change_of(fixture, &says, &out);
    struct bytes frame = core_frame(fixture, MESSAGE_VIEW_CHANGE, 2, "r2", body, BYTES_EMPTY);
    const struct verify_job job = job_of(fixture);
    assert_int_equal(job_verify(&job, frame, 0, 1, &memo), DROP_NONE);
    assert_int_equal(seen.count, 4); /* its own, the primary's, two PREPAREs */
    assert_int_equal(seen.hits, 0);
    assert_int_equal(job_verify(&job, frame, 0, 1, &memo), DROP_NONE);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.hits, 4);
    /* A bad one is not remembered, and no good one stands for it. */
    out.len = 0;
    body = view_change_of(fixture, &bad, &out);
    frame = core_frame(fixture, MESSAGE_VIEW_CHANGE, 2, "r2", body, BYTES_EMPTY);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(job_verify(&job, frame, 0, 1, &memo), DROP_CERTIFICATE);
    }
    assert_int_equal(seen.count, 5); /* the other VIEW-CHANGE's own */
}

/* --- Checkpoints that are fetched ------------------------------------------------------------- */

static enum drop fetched(struct core_fixture *fixture, const struct foundation *says)
{
    uint8_t body_space[128];
    uint8_t stable_space[STABLE_BYTES_MAX];
    struct buffer body = buffer_make(body_space, sizeof(body_space));
    struct buffer stable = buffer_make(stable_space, sizeof(stable_space));
    const struct data data = {.kind = FETCH_STABLE};
    const struct verify_job job = job_of(fixture);
    assert_true(data_encode(&data, &body));
    struct bytes frame = core_frame(fixture, MESSAGE_DATA, 2, NULL, buffer_bytes(&body),
                                    view_stable_of(fixture, says, &stable));
    return job_verify(&job, frame, 0, 1, NULL);
}

/* Q attest many heights. Who began its window at another than a multiple of K would sign
 * VIEW-CHANGEs that nobody takes, and that convict it. */
static void a_fetched_checkpoint_is_at_a_multiple_of_the_interval(void **state)
{
    const struct foundation good = {.height = 128, .members = 0x7};
    const struct foundation between = {.height = 112, .members = 0x7};
    const struct foundation few = {.height = 128, .members = 0x3};
    assert_int_equal(fetched(*state, &good), DROP_NONE);
    assert_int_equal(fetched(*state, &between), DROP_CERTIFICATE);
    assert_int_equal(fetched(*state, &few), DROP_CERTIFICATE);
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
        CORE_TEST(a_new_view_that_its_leader_did_not_sign_is_refused),
        CORE_TEST(what_is_bad_and_not_signed_is_not_taken_for_proof),
        CORE_TEST(a_bad_part_of_a_new_view_is_found_by_one_worker),
        CORE_TEST(a_worker_judges_whatever_it_is_given),
        CORE_TEST(votes_that_were_found_good_are_not_verified_again),
        CORE_TEST(a_fetched_checkpoint_is_at_a_multiple_of_the_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
