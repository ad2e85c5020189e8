/* Questions of the client's core: whom it asks next, when a denial counts, and what it does with
 * answers that are false, late, or for somebody else. */
#include "client/core.h"
#include "crypto/hash.h"
#include "tests/support/fake_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <string.h>

static struct fake fake;

static int open_fake(void **state)
{
    (void)state;
    fake_open(&fake);
    assert_true(fake_run(&fake, 30, NULL, NULL));
    return 0;
}

static int close_fake(void **state)
{
    (void)state;
    fake_close(&fake);
    return 0;
}

/* A checker that says what the test wants of each member, and notes whom it heard. */
struct script {
    enum ask_verdict verdicts[FAKE_N];
    uint32_t heard;
    uint32_t answers;
};

static void follow_script(void *context, const struct ask_answer *answer, enum ask_verdict *verdict)
{
    struct script *script = context;

    script->heard |= UINT32_C(1) << answer->member;
    script->answers++;
    *verdict = script->verdicts[answer->member];
}

static struct ask_spec fetch_of(struct script *script, uint64_t index)
{
    return (struct ask_spec){
        .kind = ASK_FETCH,
        .only = ROSTER_NOBODY,
        .fetch_kind = FETCH_RECEIPT,
        .from = index,
        .check = follow_script,
        .context = script,
    };
}

static struct ask_look ask(const struct ask_spec *spec, uint64_t for_ms)
{
    struct ask_look look;
    uint64_t ticket = 0;

    assert_int_equal(core_ask(fake.core, spec, &ticket), STATUS_OK);
    (void)fake_run(&fake, for_ms, NULL, NULL);
    assert_true(core_ask_look(fake.core, ticket, &look));
    core_ask_close(fake.core, ticket);
    assert_false(core_ask_look(fake.core, ticket, &look));
    return look;
}

static void a_good_answer_of_one_is_enough(void **state)
{
    (void)state;
    struct script script = {0};
    const struct ask_spec spec = fetch_of(&script, 0);

    assert_int_equal(ask(&spec, 20).state, ASK_ANSWERED);
    assert_int_equal(script.answers, 1);
}

static void a_false_answer_is_counted_and_the_next_replica_is_asked(void **state)
{
    (void)state;
    for (uint32_t honest = 0; honest < FAKE_N; honest++) {
        struct script script = {{ASK_FALSE, ASK_FALSE, ASK_FALSE, ASK_FALSE}, 0, 0};

        fake_close(&fake);
        (void)open_fake(NULL);
        script.verdicts[honest] = ASK_GOOD;
        const struct ask_spec spec = fetch_of(&script, 0);
        const struct ask_look look = ask(&spec, 50);
        assert_int_equal(look.state, ASK_ANSWERED);
        assert_int_equal(look.member, honest);
        for (uint32_t i = 0; i < FAKE_N; i++) {
            struct core_link_look link;

            core_link_look(fake.core, i, &link);
            const bool was_heard = (script.heard >> i & 1) != 0;
            assert_int_equal(link.lies, was_heard && i != honest);
        }
    }
}

static void whoever_has_lied_is_asked_last(void **state)
{
    (void)state;
    struct script script = {{ASK_FALSE, ASK_GOOD, ASK_GOOD, ASK_GOOD}, 0, 0};
    struct ask_spec spec = fetch_of(&script, 0);

    spec.only = 0;
    (void)ask(&spec, 20); /* r0 lies */
    spec.only = ROSTER_NOBODY;
    for (int i = 0; i < 12; i++) {
        script.heard = 0;
        assert_int_equal(ask(&spec, 20).state, ASK_ANSWERED);
        assert_false((script.heard & 1) != 0);
    }
}

static void one_denial_is_none_and_two_are(void **state)
{
    (void)state;
    struct script script = {{ASK_NOTHING, ASK_GOOD, ASK_GOOD, ASK_GOOD}, 0, 0};
    struct ask_spec spec = fetch_of(&script, 0);

    assert_int_equal(ask(&spec, 50).state, ASK_ANSWERED);
    script = (struct script){{ASK_NOTHING, ASK_NOTHING, ASK_NOTHING, ASK_NOTHING}, 0, 0};
    const struct ask_look look = ask(&spec, 50);
    assert_int_equal(look.state, ASK_DENIED);
    assert_int_equal(script.answers, 2);
    assert_int_equal(look.denials, 2);
}

static void what_is_not_there_is_denied_without_asking_the_checker(void **state)
{
    (void)state;
    struct script script = {0};
    const struct ask_spec spec = fetch_of(&script, 999);

    assert_int_equal(ask(&spec, 50).state, ASK_DENIED);
    assert_int_equal(script.answers, 0);
}

static void when_all_are_behind_it_says_so_after_each_was_asked_once(void **state)
{
    (void)state;
    struct script script = {{ASK_BEHIND, ASK_BEHIND, ASK_BEHIND, ASK_BEHIND}, 0, 0};
    const struct ask_spec spec = fetch_of(&script, 0);
    const struct ask_look look = ask(&spec, 50);

    assert_int_equal(look.state, ASK_OUTDATED);
    assert_int_equal(look.behind, FAKE_N);
    assert_int_equal(script.answers, FAKE_N);
}

static void when_all_are_false_it_ends_too(void **state)
{
    (void)state;
    struct script script = {{ASK_FALSE, ASK_FALSE, ASK_FALSE, ASK_FALSE}, 0, 0};
    const struct ask_spec spec = fetch_of(&script, 0);

    assert_int_equal(ask(&spec, 50).state, ASK_REFUTED);
    assert_int_equal(script.answers, FAKE_N);
}

static void a_replica_that_does_not_answer_costs_time_and_no_more(void **state)
{
    (void)state;
    for (uint32_t mute = 0; mute < FAKE_N; mute++) {
        struct script script = {0};
        const struct ask_spec spec = fetch_of(&script, 0);

        fake_close(&fake);
        (void)open_fake(NULL);
        fake.replicas[mute].mute = true;
        assert_int_equal(ask(&spec, 2000).state, ASK_ANSWERED);
    }
}

static void a_connection_that_breaks_while_an_answer_is_due_moves_on(void **state)
{
    (void)state;
    struct script script = {0};
    const struct ask_spec spec = fetch_of(&script, 0);
    struct ask_look look;
    uint64_t ticket = 0;

    for (uint32_t i = 0; i < FAKE_N; i++) {
        fake.replicas[i].delay_ms = 40;
    }
    assert_int_equal(core_ask(fake.core, &spec, &ticket), STATUS_OK);
    (void)fake_run(&fake, 10, NULL, NULL);
    for (uint32_t i = 0; i < FAKE_N - 1; i++) {
        fake.replicas[i].up = false;
        fake_cut(&fake, i);
    }
    (void)fake_run(&fake, 200, NULL, NULL);
    assert_true(core_ask_look(fake.core, ticket, &look));
    assert_int_equal(look.state, ASK_ANSWERED);
    assert_int_equal(look.member, FAKE_N - 1);
}

static void a_question_for_one_replica_is_never_asked_of_another(void **state)
{
    (void)state;
    struct script script = {0};
    struct ask_spec spec = fetch_of(&script, 0);

    spec.only = 2;
    assert_int_equal(ask(&spec, 30).state, ASK_ANSWERED);
    assert_int_equal(script.heard, 1u << 2);
    fake.replicas[2].up = false;
    fake_cut(&fake, 2);
    script.heard = 0;
    assert_int_equal(ask(&spec, 3000).state, ASK_WAITING);
    assert_int_equal(script.heard, 0);
}

static void there_is_a_bound_on_open_questions(void **state)
{
    (void)state;
    struct script script = {0};
    const struct ask_spec spec = fetch_of(&script, 0);
    uint64_t ticket = 0;

    for (uint32_t i = 0; i < CORE_ASKS_MAX; i++) {
        assert_int_equal(core_ask(fake.core, &spec, &ticket), STATUS_OK);
    }
    assert_int_equal(core_ask(fake.core, &spec, &ticket), STATUS_BUSY);
}

/* --- Reads ------------------------------------------------------------------------------------ */

static struct ask_spec read_of(struct script *script)
{
    return (struct ask_spec){
        .kind = ASK_READ,
        .only = ROSTER_NOBODY,
        .from = 0,
        .count = 1,
        .stream = bytes_of_text("orders"),
        .check = follow_script,
        .context = script,
    };
}

static void a_read_is_signed_bound_to_its_replica_and_answered_with_a_signature(void **state)
{
    (void)state;
    struct script script = {0};
    const struct ask_spec spec = read_of(&script);

    assert_int_equal(ask(&spec, 30).state, ASK_ANSWERED);
    assert_int_equal(fake.reads, 1);
    assert_int_equal(fake.reads_misbound, 0);
}

static void two_reads_are_never_the_same_request(void **state)
{
    (void)state;
    struct script script = {0};
    const struct ask_spec spec = read_of(&script);
    uint8_t first[HASH_BYTES];

    (void)ask(&spec, 30);
    memcpy(first, fake.last_read_id, HASH_BYTES);
    (void)ask(&spec, 30);
    assert_false(hash_equal(first, fake.last_read_id));
}

static void a_forged_read_answer_never_reaches_the_checker(void **state)
{
    (void)state;
    static const enum fake_read_lie lies[] = {
        FAKE_READ_BAD_SIGNATURE,
        FAKE_READ_OTHER_ENTRIES,
        FAKE_READ_OTHER_SIGNER,
    };

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct script script = {0};
        struct ask_spec spec = read_of(&script);
        struct core_link_look link;

        fake_close(&fake);
        (void)open_fake(NULL);
        fake.replicas[1].read_lie = lies[i];
        spec.only = 1;
        assert_int_equal(ask(&spec, 100).state, ASK_WAITING);
        assert_int_equal(script.answers, 0);
        core_link_look(fake.core, 1, &link);
        assert_true(link.lies > 0);
    }
}

static void an_old_answer_shown_again_is_not_taken(void **state)
{
    (void)state;
    struct script script = {0};
    struct ask_spec spec = read_of(&script);

    spec.only = 1;
    assert_int_equal(ask(&spec, 30).state, ASK_ANSWERED);
    fake.replicas[1].read_lie = FAKE_READ_REPLAY;
    script.answers = 0;
    assert_int_equal(ask(&spec, 300).state, ASK_WAITING);
    assert_int_equal(script.answers, 0);
}

static void one_refusal_to_read_is_none_and_two_alike_are(void **state)
{
    (void)state;
    struct script script = {0};
    const struct ask_spec spec = read_of(&script);

    fake.replicas[0].read_code = E_STREAM;
    assert_int_equal(ask(&spec, 100).state, ASK_ANSWERED);
    fake.replicas[0].read_code = E_STREAM;
    fake.replicas[1].read_code = E_OP;
    fake.replicas[2].read_code = E_STREAM;
    fake.replicas[3].read_code = E_SIZE;
    const struct ask_look look = ask(&spec, 100);
    assert_int_equal(look.state, ASK_DENIED);
    assert_true(look.denials >= 2);
}

#define A_TEST(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        A_TEST(a_good_answer_of_one_is_enough),
        A_TEST(a_false_answer_is_counted_and_the_next_replica_is_asked),
        A_TEST(whoever_has_lied_is_asked_last),
        A_TEST(one_denial_is_none_and_two_are),
        A_TEST(what_is_not_there_is_denied_without_asking_the_checker),
        A_TEST(when_all_are_behind_it_says_so_after_each_was_asked_once),
        A_TEST(when_all_are_false_it_ends_too),
        A_TEST(a_replica_that_does_not_answer_costs_time_and_no_more),
        A_TEST(a_connection_that_breaks_while_an_answer_is_due_moves_on),
        A_TEST(a_question_for_one_replica_is_never_asked_of_another),
        A_TEST(there_is_a_bound_on_open_questions),
        A_TEST(a_read_is_signed_bound_to_its_replica_and_answered_with_a_signature),
        A_TEST(two_reads_are_never_the_same_request),
        A_TEST(a_forged_read_answer_never_reaches_the_checker),
        A_TEST(an_old_answer_shown_again_is_not_taken),
        A_TEST(one_refusal_to_read_is_none_and_two_alike_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
