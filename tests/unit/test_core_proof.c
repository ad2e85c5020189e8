/* What a replica does with proof that a VIEW-CHANGE or a NEW-VIEW is a lie: it hands it out once,
 * and waits for no leader that it has proof against. PROTOCOL: view change. */
#include "tests/support/view_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define LISTENER 3

static const struct claim short_of_one = {1, 2, 7, 0x4, 0, 0};
static const struct announcement of_two = {.senders = {1, 2}, .count = 2};

static struct bytes change_frame(struct core_fixture *fixture, uint32_t rid, const char *signer,
                                 uint64_t view, const struct claim *claim)
{
    static uint8_t space[1u << 14];
    struct buffer out = buffer_make(space, sizeof(space));
    struct departure says = {.view = view};
    if (claim != NULL) {
        says.claims[0] = *claim;
        says.count = 1;
    }
    return core_frame(fixture, MESSAGE_VIEW_CHANGE, rid, signer,
                      view_change_of(fixture, &says, &out), BYTES_EMPTY);
}

static struct bytes new_view_frame(struct core_fixture *fixture, const struct announcement *says,
                                   const char *signer)
{
    static uint8_t space[VIEW_BODY_BYTES];
    struct buffer out = buffer_make(space, sizeof(space));
    return core_frame(fixture, MESSAGE_NEW_VIEW, VIEW_LEADER, signer,
                      new_view_of(fixture, says, &out), BYTES_EMPTY);
}

/* The evidence of the last step, which made one piece. */
static struct evidence found(const struct core_fixture *fixture)
{
    struct evidence evidence = {0};
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 1);
    for (uint32_t i = 0; i < fixture->outbox.action_count; i++) {
        if (fixture->outbox.actions[i].kind == ACTION_EVIDENCE) {
            assert_int_equal(evidence_decode(fixture->outbox.actions[i].frame, &evidence), WIRE_OK);
        }
    }
    return evidence;
}

static void a_bad_view_change_is_handed_out_once(void **state)
{
    struct core_fixture *fixture = *state;
    struct bytes frame = change_frame(fixture, 2, "r2", VIEW_NEXT, &short_of_one);
    struct envelope envelope;
    assert_int_equal(core_deliver(fixture, LISTENER, 2, frame), DROP_CERTIFICATE);
    struct evidence evidence = found(fixture);
    assert_int_equal(evidence.kind, EVIDENCE_VIEW_CHANGE);
    assert_int_equal(evidence.rid, 2);
    assert_int_equal(evidence.second.len, 0);
    assert_int_equal(envelope_decode(frame, &envelope), WIRE_OK);
    assert_true(bytes_equal(evidence.first, envelope.body));
    assert_memory_equal(evidence.first_sig, envelope.sig.data, SIG_BYTES);
    /* More of them cost nothing; another's do. */
    frame = change_frame(fixture, 2, "r2", VIEW_NEXT + 1, &short_of_one);
    assert_int_equal(core_deliver(fixture, LISTENER, 2, frame), DROP_CERTIFICATE);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    frame = change_frame(fixture, 1, "r1", VIEW_NEXT, &short_of_one);
    assert_int_equal(core_deliver(fixture, LISTENER, 1, frame), DROP_CERTIFICATE);
    assert_int_equal(found(fixture).rid, 1);
}

static void a_bad_view_change_that_another_one_signed_accuses_nobody(void **state)
{
    struct core_fixture *fixture = *state;
    struct bytes frame = change_frame(fixture, 2, "r0", VIEW_NEXT, &short_of_one);
    assert_int_equal(core_deliver(fixture, LISTENER, 0, frame), DROP_SIGNATURE);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    /* A host that did not see it says what it saw, and nobody is accused either. */
    struct event event = {.kind = EVENT_REFUSED,
                          .frame = frame,
                          .now_ms = fixture->now_ms,
                          .wall_ms = fixture->wall_ms,
                          .from = 0,
                          .verdict = DROP_SIGNATURE};
    assert_int_equal(node_step(fixture->nodes[LISTENER], &event, &fixture->outbox), DROP_SIGNATURE);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
}

static void a_bad_view_change_does_not_count_as_one(void **state)
{
    struct core_fixture *fixture = *state;
    struct node_look look;
    assert_int_equal(
        core_deliver(fixture, LISTENER, 2, change_frame(fixture, 2, "r2", 1, &(struct claim){0})),
        DROP_CERTIFICATE);
    assert_int_equal(core_deliver(fixture, LISTENER, 1, change_frame(fixture, 1, "r1", 1, NULL)),
                     DROP_NONE);
    node_look(fixture->nodes[LISTENER], &look);
    assert_int_equal(look.view, 0); /* W are two */
    assert_int_equal(core_deliver(fixture, LISTENER, 2, change_frame(fixture, 2, "r2", 1, NULL)),
                     DROP_NONE);
    node_look(fixture->nodes[LISTENER], &look);
    assert_int_equal(look.view, 1);
}

/* Two others leave for `view`, and so does the listener. */
static void leave_for(struct core_fixture *fixture, uint64_t view)
{
    struct node_look look;
    assert_int_equal(core_deliver(fixture, LISTENER, 0, change_frame(fixture, 0, "r0", view, NULL)),
                     DROP_NONE);
    assert_int_equal(core_deliver(fixture, LISTENER, 2, change_frame(fixture, 2, "r2", view, NULL)),
                     DROP_NONE);
    node_look(fixture->nodes[LISTENER], &look);
    assert_int_equal(look.view, view);
    assert_int_equal(look.mode, MODE_CHANGING);
}

static void who_waits_for_a_liar_goes_on_to_the_next(void **state)
{
    struct core_fixture *fixture = *state;
    struct node_look look;
    leave_for(fixture, VIEW_NEXT);
    struct bytes frame = new_view_frame(fixture, &of_two, "r1");
    assert_int_equal(core_deliver(fixture, LISTENER, VIEW_LEADER, frame), DROP_CERTIFICATE);
    struct evidence evidence = found(fixture);
    assert_int_equal(evidence.kind, EVIDENCE_NEW_VIEW);
    assert_int_equal(evidence.rid, VIEW_LEADER);
    node_look(fixture->nodes[LISTENER], &look);
    assert_int_equal(look.view, VIEW_NEXT + 1);
    assert_int_equal(look.mode, MODE_CHANGING);
    assert_int_not_equal(core_sent(fixture, MESSAGE_VIEW_CHANGE).len, 0);
    assert_true(core_journaled(fixture, 'V'));
    assert_true(core_journaled(fixture, 'w'));
}

static void nobody_leaves_for_a_new_view_that_its_leader_did_not_sign(void **state)
{
    struct core_fixture *fixture = *state;
    struct node_look look;
    leave_for(fixture, VIEW_NEXT);
    assert_int_equal(
        core_deliver(fixture, LISTENER, VIEW_LEADER, new_view_frame(fixture, &of_two, "r2")),
        DROP_SIGNATURE);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    node_look(fixture->nodes[LISTENER], &look);
    assert_int_equal(look.view, VIEW_NEXT);
}

static void who_does_not_wait_for_it_stays_where_it_is(void **state)
{
    struct core_fixture *fixture = *state;
    struct node_look look;
    struct bytes frame = new_view_frame(fixture, &of_two, "r1");
    assert_int_equal(core_deliver(fixture, LISTENER, VIEW_LEADER, frame), DROP_CERTIFICATE);
    assert_int_equal(found(fixture).rid, VIEW_LEADER);
    node_look(fixture->nodes[LISTENER], &look);
    assert_int_equal(look.view, 0);
    assert_int_equal(look.mode, MODE_ACTIVE);
    /* It is accused already; the wait is over all the same when it comes to that view. */
    leave_for(fixture, VIEW_NEXT);
    assert_int_equal(core_deliver(fixture, LISTENER, VIEW_LEADER, frame), DROP_CERTIFICATE);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    node_look(fixture->nodes[LISTENER], &look);
    assert_int_equal(look.view, VIEW_NEXT + 1);
}

static void a_bad_one_for_a_later_view_ends_no_wait(void **state)
{
    struct core_fixture *fixture = *state;
    struct node_look look;
    leave_for(fixture, 2);
    struct bytes frame = new_view_frame(fixture, &of_two, "r1");
    assert_int_equal(core_deliver(fixture, LISTENER, VIEW_LEADER, frame), DROP_CERTIFICATE);
    assert_int_equal(found(fixture).rid, VIEW_LEADER);
    node_look(fixture->nodes[LISTENER], &look);
    assert_int_equal(look.view, 2);
}

/* The answer to a question for the NEW-VIEW, as refused. */
static void bring(struct core_fixture *fixture, uint32_t from, struct bytes new_view,
                  enum drop verdict)
{
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    const struct data data = {.kind = FETCH_NEW_VIEW};
    assert_true(data_encode(&data, &body));
    struct event event = {
        .kind = EVENT_REFUSED,
        .frame = core_frame(fixture, MESSAGE_DATA, from, NULL, buffer_bytes(&body), new_view),
        .now_ms = fixture->now_ms,
        .wall_ms = fixture->wall_ms,
        .from = from,
        .verdict = verdict,
    };
    (void)node_step(fixture->nodes[LISTENER], &event, &fixture->outbox);
}

static void one_that_was_passed_on_convicts_who_signed_it(void **state)
{
    struct core_fixture *fixture = *state;
    struct node_look look;
    leave_for(fixture, VIEW_NEXT);
    struct bytes frame = new_view_frame(fixture, &of_two, "r1");
    bring(fixture, 0, frame, DROP_SIGNATURE);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    bring(fixture, 0, frame, DROP_CERTIFICATE);
    assert_int_equal(found(fixture).rid, VIEW_LEADER);
    node_look(fixture->nodes[LISTENER], &look);
    assert_int_equal(look.view, VIEW_NEXT + 1);
}

static void who_has_entered_by_a_good_one_stays(void **state)
{
    struct core_fixture *fixture = *state;
    struct node_look look;
    const struct announcement good = {.senders = {1, 2, 0}, .count = 3};
    struct bytes frame = new_view_frame(fixture, &good, "r1");
    assert_int_equal(core_deliver(fixture, LISTENER, VIEW_LEADER, frame), DROP_NONE);
    bring(fixture, 0, new_view_frame(fixture, &of_two, "r1"), DROP_CERTIFICATE);
    assert_int_equal(found(fixture).rid, VIEW_LEADER);
    node_look(fixture->nodes[LISTENER], &look);
    assert_int_equal(look.view, VIEW_NEXT);
    assert_int_equal(look.mode, MODE_ACTIVE);
}

static void nobody_accuses_itself(void **state)
{
    struct core_fixture *fixture = *state;
    static uint8_t space[VIEW_BODY_BYTES];
    struct buffer out = buffer_make(space, sizeof(space));
    const struct announcement own = {.senders = {1, 2}, .count = 2, .view = LISTENER};
    struct bytes frame = core_frame(fixture, MESSAGE_NEW_VIEW, LISTENER, "r3",
                                    new_view_of(fixture, &own, &out), BYTES_EMPTY);
    bring(fixture, 0, frame, DROP_CERTIFICATE);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(a_bad_view_change_is_handed_out_once),
        CORE_TEST(a_bad_view_change_that_another_one_signed_accuses_nobody),
        CORE_TEST(a_bad_view_change_does_not_count_as_one),
        CORE_TEST(who_waits_for_a_liar_goes_on_to_the_next),
        CORE_TEST(nobody_leaves_for_a_new_view_that_its_leader_did_not_sign),
        CORE_TEST(who_does_not_wait_for_it_stays_where_it_is),
        CORE_TEST(a_bad_one_for_a_later_view_ends_no_wait),
        CORE_TEST(who_has_entered_by_a_good_one_stays),
        CORE_TEST(one_that_was_passed_on_convicts_who_signed_it),
        CORE_TEST(nobody_accuses_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
