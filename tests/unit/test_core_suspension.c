/* What a suspended replica may still do, with four nodes on a wire. Who knows of the suspension and
 * who does not is set by hand: in a cluster the log says so, sooner to some than to others. */
#include "replica/core/node_parts.h"
#include "tests/support/core_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define TIMEOUT_MS 1000

static void is_in(const struct wired *wired, uint32_t n, uint64_t view)
{
    struct node_look seen = wired_look(wired, n);
    assert_int_equal(seen.view, view);
    assert_int_equal(seen.mode, MODE_ACTIVE);
}

/* Node `n` has executed that `rid` is suspended. */
static void suspend(struct wired *wired, uint32_t n, uint32_t rid)
{
    wired->core->nodes[n]->roster.members[rid].standing = STANDING_SUSPENDED;
}

static void suspend_for_all(struct wired *wired, uint32_t rid)
{
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        suspend(wired, n, rid);
    }
}

static void its_view_is_left_at_once_by_all(void **state)
{
    struct wired *wired = *state;
    assert_int_equal(wired_ask(wired, 0, 1), DROP_NONE);
    suspend_for_all(wired, 0);
    core_wire_wait(wired->wire, TIMEOUT_MS / 4); /* nobody waits for anything to time out */
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        is_in(wired, n, 1);
    }
    assert_int_equal(wired_ask(wired, 2, 2), DROP_NONE);
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        assert_int_equal(wired_look(wired, n).executed, 2); /* it votes, so it follows */
    }
}

static void its_votes_count(void **state)
{
    struct wired *wired = *state;
    suspend_for_all(wired, 3);
    core_wire_stop(wired->wire, 2); /* the quorum needs r3 */
    assert_int_equal(wired_ask(wired, 0, 1), DROP_NONE);
    assert_int_equal(wired_look(wired, 0).executed, 1);
    assert_int_equal(wired_look(wired, 3).executed, 1);
}

/* r3 is suspended and complains about view 0, as r1 does: f + 1 of them, one of whom is correct. */
static void its_complaints_count(void **state)
{
    struct wired *wired = *state;
    static const char *const names[] = {"r0", "r1", "r2", "r3"};
    uint8_t memory[128];
    const struct complain complain = {.view = 0};
    struct buffer body = buffer_make(memory, sizeof(memory));
    assert_true(complain_encode(&complain, &body));
    suspend(wired, 2, 3);
    for (uint32_t from = 1; from < CORE_NODES; from += 2) {
        is_in(wired, 2, 0);
        struct bytes frame = core_frame(wired->core, MESSAGE_COMPLAIN, from, names[from],
                                        buffer_bytes(&body), BYTES_EMPTY);
        assert_int_equal(core_deliver(wired->core, 2, from, frame), DROP_NONE);
    }
    assert_int_equal(wired_look(wired, 2).mode, MODE_CHANGING);
}

/* r2 has left, and r3 too, which is suspended: if r0, which knows, waited for more, the three that
 * are needed would never meet. */
static void its_wish_for_another_view_counts(void **state)
{
    struct wired *wired = *state;
    struct node *node = wired->core->nodes[0];
    suspend(wired, 0, 3);
    node->changes[2].view = 1;
    view_consider(node, &wired->core->outbox);
    is_in(wired, 0, 0);
    node->changes[3].view = 1;
    view_consider(node, &wired->core->outbox);
    assert_int_equal(wired_look(wired, 0).mode, MODE_CHANGING);
    assert_int_equal(wired_look(wired, 0).view, 1);
}

static void views_that_it_would_lead_are_passed_over(void **state)
{
    struct wired *wired = *state;
    suspend_for_all(wired, 1);
    core_wire_stop(wired->wire, 0);
    assert_int_equal(wired_ask(wired, 2, 1), DROP_NONE);
    core_wire_wait(wired->wire, 2 * TIMEOUT_MS - 200); /* one timeout is enough */
    for (uint32_t n = 1; n < CORE_NODES; n++) {
        is_in(wired, n, 2);
        assert_int_equal(wired_look(wired, n).executed, 1);
    }
}

/* The NEW-VIEW of view 1, as r1 makes it while nobody knows of anything. */
static struct bytes new_view_of_r1(struct wired *wired)
{
    static uint8_t memory[1u << 16];
    core_wire_stop(wired->wire, 0);
    assert_int_equal(wired_ask(wired, 2, 1), DROP_NONE);
    core_wire_wait(wired->wire, 2 * TIMEOUT_MS);
    struct bytes frame = core_wire_last(wired->wire, MESSAGE_NEW_VIEW);
    assert_in_range(frame.len, 1, sizeof(memory));
    memcpy(memory, frame.data, frame.len);
    return bytes_make(memory, frame.len);
}

static void its_new_view_is_followed_by_nobody_who_knows(void **state)
{
    struct wired *wired = *state;
    struct bytes frame = new_view_of_r1(wired);
    is_in(wired, 3, 1);
    core_wire_go_on(wired->wire, 0); /* it has been away, and is in view 0 */
    suspend(wired, 0, 1);
    assert_int_equal(core_deliver(wired->core, 0, 1, frame), DROP_SUSPENDED);
    is_in(wired, 0, 0);
    /* Another one may bring it: what counts is who leads. */
    struct message message;
    assert_int_equal(message_split(frame, &message), DROP_NONE);
    assert_int_equal(on_new_view(wired->core->nodes[0], &message, &wired->core->outbox),
                     DROP_SUSPENDED);
    is_in(wired, 0, 0);
    wired->core->nodes[0]->roster.members[1].standing = STANDING_ACTIVE;
    assert_int_equal(core_deliver(wired->core, 0, 1, frame), DROP_NONE);
    is_in(wired, 0, 1);
}

/* Who knows and who does not judge one NEW-VIEW alike: the VIEW-CHANGE of a suspended replica is as
 * good as any in V. */
static void its_view_change_counts_in_a_new_view(void **state)
{
    struct wired *wired = *state;
    suspend(wired, 1, 3);
    suspend(wired, 2, 3);
    core_wire_stop(wired->wire, 0); /* V needs all the others */
    assert_int_equal(wired_ask(wired, 2, 1), DROP_NONE);
    core_wire_wait(wired->wire, 2 * TIMEOUT_MS);
    for (uint32_t n = 1; n < CORE_NODES; n++) {
        is_in(wired, n, 1);
        assert_int_equal(wired_look(wired, n).executed, 1);
    }
}

/* r3 knows that r1 is suspended, r1 and r2 do not: they wait for each other in different views, and
 * end in one that suits both. */
static void who_does_not_know_yet_comes_along(void **state)
{
    struct wired *wired = *state;
    suspend(wired, 3, 1);
    core_wire_stop(wired->wire, 0);
    assert_int_equal(wired_ask(wired, 2, 1), DROP_NONE);
    core_wire_wait(wired->wire, 5 * TIMEOUT_MS);
    for (uint32_t n = 1; n < CORE_NODES; n++) {
        is_in(wired, n, 2);
        assert_int_equal(wired_look(wired, n).executed, 1);
    }
}

static void whoever_was_restored_may_lead_again(void **state)
{
    struct wired *wired = *state;
    suspend_for_all(wired, 0);
    assert_int_equal(view_not_barred(wired->core->nodes[2], 0), 1);
    assert_int_equal(view_not_barred(wired->core->nodes[2], 4), 5);
    assert_int_equal(view_not_barred(wired->core->nodes[2], 3), 3);
    wired->core->nodes[2]->roster.members[0].standing = STANDING_ACTIVE;
    assert_int_equal(view_not_barred(wired->core->nodes[2], 4), 4);
}

#define SUSPENSION_TEST(name) cmocka_unit_test_setup_teardown(name, wired_setup, wired_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SUSPENSION_TEST(its_view_is_left_at_once_by_all),
        SUSPENSION_TEST(its_votes_count),
        SUSPENSION_TEST(its_complaints_count),
        SUSPENSION_TEST(its_wish_for_another_view_counts),
        SUSPENSION_TEST(views_that_it_would_lead_are_passed_over),
        SUSPENSION_TEST(its_new_view_is_followed_by_nobody_who_knows),
        SUSPENSION_TEST(its_view_change_counts_in_a_new_view),
        SUSPENSION_TEST(who_does_not_know_yet_comes_along),
        SUSPENSION_TEST(whoever_was_restored_may_lead_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
