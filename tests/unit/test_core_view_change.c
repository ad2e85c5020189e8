/* Changing views, with four nodes on a wire: when one is left, what is proposed again, and what is
 * no reason for anything. */
#include "crypto/hash.h"
#include "tests/support/core_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define TIMEOUT_MS 1000

static void all_are_in(const struct wired *wired, uint32_t from, uint64_t view)
{
    for (uint32_t n = from; n < CORE_NODES; n++) {
        struct node_look seen = wired_look(wired, n);
        assert_int_equal(seen.view, view);
        assert_int_equal(seen.mode, MODE_ACTIVE);
    }
}

static void a_primary_that_is_silent_is_replaced(void **state)
{
    struct wired *wired = *state;
    assert_int_equal(wired_ask(wired, 0, 1), DROP_NONE);
    assert_int_equal(wired_look(wired, 3).executed, 1);
    core_wire_stop(wired->wire, 0);
    assert_int_equal(wired_ask(wired, 2, 2), DROP_NONE);
    core_wire_wait(wired->wire, TIMEOUT_MS / 2 - 50);
    assert_int_equal(wired_look(wired, 1).queued, 0); /* a backup relays to the primary only */
    core_wire_wait(wired->wire, 100);
    assert_int_equal(wired_look(wired, 1).queued, 1); /* after half the time to all */
    core_wire_wait(wired->wire, TIMEOUT_MS / 2 - 100);
    all_are_in(wired, 1, 0);
    core_wire_wait(wired->wire, TIMEOUT_MS);
    all_are_in(wired, 1, 1);
    for (uint32_t n = 1; n < CORE_NODES; n++) {
        assert_int_equal(wired_look(wired, n).executed, 2);
        assert_memory_equal(wired_look(wired, n).header_hash, wired_look(wired, 1).header_hash,
                            HASH_BYTES);
    }
    /* The one that was away is brought up, and into the new view. */
    core_wire_go_on(wired->wire, 0);
    core_wire_wait(wired->wire, 2 * TIMEOUT_MS);
    assert_int_equal(wired_look(wired, 0).view, 0); /* a host answers what it asks for */
    assert_int_not_equal(core_wire_last(wired->wire, MESSAGE_FETCH).len, 0);
}

static void what_was_prepared_is_proposed_again(void **state)
{
    struct wired *wired = *state;
    core_wire_cut(wired->wire, MESSAGE_COMMIT);
    assert_int_equal(wired_ask(wired, 0, 1), DROP_NONE);
    struct bytes proposed = core_wire_last(wired->wire, MESSAGE_PRE_PREPARE);
    struct envelope envelope;
    struct vote first;
    size_t used = 0;
    assert_int_equal(schema_decode_front(&schema_envelope, proposed, &envelope, &used), WIRE_OK);
    assert_int_equal(vote_decode(envelope.body, &first), WIRE_OK);
    assert_int_equal(wired_look(wired, 1).executed, 0);
    core_wire_stop(wired->wire, 0);
    core_wire_wait(wired->wire, 3 * TIMEOUT_MS);
    struct bytes commit = core_wire_last(wired->wire, MESSAGE_COMMIT);
    struct vote voted;
    assert_int_equal(envelope_decode(commit, &envelope), WIRE_OK);
    assert_int_equal(vote_decode(envelope.body, &voted), WIRE_OK);
    assert_int_not_equal(voted.view, 0);
    assert_int_equal(voted.sequence, 1);
    assert_memory_equal(voted.digest, first.digest, HASH_BYTES);
    core_wire_cut(wired->wire, 0);
    core_wire_wait(wired->wire, TIMEOUT_MS);
    for (uint32_t n = 1; n < CORE_NODES; n++) {
        assert_int_equal(wired_look(wired, n).executed, 1);
    }
}

static void one_replica_that_complains_moves_nobody(void **state)
{
    struct wired *wired = *state;
    uint8_t memory[128];
    const struct complain complain = {.view = 0};
    struct buffer body = buffer_make(memory, sizeof(memory));
    assert_true(complain_encode(&complain, &body));
    struct bytes frame =
        core_frame(wired->core, MESSAGE_COMPLAIN, 3, "r3", buffer_bytes(&body), BYTES_EMPTY);
    for (uint32_t n = 0; n < 3; n++) {
        (void)core_wire_give(wired->wire, n, 3, frame);
        (void)core_wire_give(wired->wire, n, 3, frame);
    }
    core_wire_wait(wired->wire, 100);
    all_are_in(wired, 0, 0);
    frame = core_frame(wired->core, MESSAGE_COMPLAIN, 2, "r2", buffer_bytes(&body), BYTES_EMPTY);
    (void)core_wire_give(wired->wire, 1, 2, frame);
    core_wire_wait(wired->wire, 100);
    assert_int_not_equal(wired_look(wired, 1).view,
                         0); /* with a second one a correct one is among them */
}

static void complaints_are_forgotten_after_a_while(void **state)
{
    struct wired *wired = *state;
    uint8_t memory[128];
    const struct complain complain = {.view = 0};
    struct buffer body = buffer_make(memory, sizeof(memory));
    assert_true(complain_encode(&complain, &body));
    struct bytes one =
        core_frame(wired->core, MESSAGE_COMPLAIN, 3, "r3", buffer_bytes(&body), BYTES_EMPTY);
    (void)core_wire_give(wired->wire, 1, 3, one);
    core_wire_wait(wired->wire, TIMEOUT_MS + 10);
    struct bytes other =
        core_frame(wired->core, MESSAGE_COMPLAIN, 2, "r2", buffer_bytes(&body), BYTES_EMPTY);
    (void)core_wire_give(wired->wire, 1, 2, other);
    all_are_in(wired, 0, 0);
}

/* --- Proof ------------------------------------------------------------------------------------ */

static struct bytes proposal(struct wired *wired, uint64_t request_no)
{
    uint8_t memory[128];
    struct vote vote = {.sequence = 1};
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct bytes parcel = core_batch(wired->core, request_no, 1, wired->core->wall_ms, vote.digest);
    assert_true(vote_encode(&vote, &body));
    return core_frame(wired->core, MESSAGE_PRE_PREPARE, 0, "r0", buffer_bytes(&body), parcel);
}

static void two_proposals_for_one_slot_end_the_view_for_all(void **state)
{
    struct wired *wired = *state;
    core_wire_stop(wired->wire, 0); /* it says these two things and nothing else */
    core_wire_cut(wired->wire, MESSAGE_PREPARE);
    assert_int_equal(core_wire_give(wired->wire, 1, 0, proposal(wired, 1)), DROP_NONE);
    assert_int_equal(core_wire_give(wired->wire, 2, 0, proposal(wired, 1)), DROP_NONE);
    assert_int_equal(core_wire_give(wired->wire, 3, 0, proposal(wired, 2)), DROP_NONE);
    core_wire_cut(wired->wire, 0);
    all_are_in(wired, 1, 0);
    /* One of them sees both, and shows both to the others, whichever they know. */
    assert_int_equal(core_wire_give(wired->wire, 1, 0, proposal(wired, 2)), DROP_CONFLICT);
    all_are_in(wired, 1, 1); /* without any timer */
    assert_int_equal(wired_look(wired, 1).primary, 1);
}

static void the_same_proposal_twice_proves_nothing(void **state)
{
    struct wired *wired = *state;
    core_wire_cut(wired->wire, MESSAGE_PREPARE);
    assert_int_equal(core_wire_give(wired->wire, 1, 0, proposal(wired, 1)), DROP_NONE);
    assert_int_not_equal(core_wire_give(wired->wire, 1, 0, proposal(wired, 1)), DROP_CONFLICT);
    all_are_in(wired, 0, 0);
}

/* --- Time ------------------------------------------------------------------------------------- */

static struct bytes proposal_at(struct wired *wired, uint64_t view, uint64_t time_ms)
{
    uint8_t memory[128];
    char signer[8] = {'r', (char)('0' + view % CORE_NODES), '\0'};
    struct vote vote = {.view = view, .sequence = 1};
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct bytes parcel = core_batch(wired->core, 1, 1, time_ms, vote.digest);
    assert_true(vote_encode(&vote, &body));
    return core_frame(wired->core, MESSAGE_PRE_PREPARE, (uint32_t)view % CORE_NODES, signer,
                      buffer_bytes(&body), parcel);
}

static void the_time_bound_grows_while_no_view_gets_anywhere(void **state)
{
    struct wired *wired = *state;
    core_wire_stop(wired->wire, 0);
    assert_int_equal(wired_ask(wired, 2, 7), DROP_NONE);
    core_wire_cut(wired->wire, MESSAGE_PRE_PREPARE);
    core_wire_wait(wired->wire, 2 * TIMEOUT_MS - 100);
    all_are_in(wired, 1, 1);
    uint64_t far = wired->core->wall_ms + 7000; /* the bound is 5 s, doubled after one such view */
    core_wire_stop(wired->wire, 1);
    assert_int_equal(core_wire_give(wired->wire, 2, 1, proposal_at(wired, 1, far + 4000)),
                     DROP_TIME);
    assert_int_equal(core_wire_give(wired->wire, 2, 1, proposal_at(wired, 1, far)), DROP_NONE);
}

#define VIEW_TEST(name) cmocka_unit_test_setup_teardown(name, wired_setup, wired_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VIEW_TEST(a_primary_that_is_silent_is_replaced),
        VIEW_TEST(what_was_prepared_is_proposed_again),
        VIEW_TEST(one_replica_that_complains_moves_nobody),
        VIEW_TEST(complaints_are_forgotten_after_a_while),
        VIEW_TEST(two_proposals_for_one_slot_end_the_view_for_all),
        VIEW_TEST(the_same_proposal_twice_proves_nothing),
        VIEW_TEST(the_time_bound_grows_while_no_view_gets_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
