/* Leaving a view, message by message: whose word counts, and what a replica that was away for long
 * does about a view in which it was the primary. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "tests/support/core_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define BACKUP 1

/* What `rid` says when it leaves for `view` with nothing prepared. */
static struct bytes change_of(struct core_fixture *fixture, uint32_t rid, uint64_t view)
{
    static uint8_t memory[1u << 14];
    struct buffer body = buffer_make(memory, sizeof(memory));
    const struct node *node = fixture->nodes[rid];
    struct view_change change = {.view = view};
    char name[16];
    struct bytes proof = bytes_make(node->stable_proof, node->stable_len);
    assert_int_equal(stable_decode(proof, &change.stable), WIRE_OK);
    assert_true(view_change_encode(&change, &body));
    snprintf(name, sizeof(name), "r%u", rid);
    return core_frame(fixture, MESSAGE_VIEW_CHANGE, rid, name, buffer_bytes(&body), BYTES_EMPTY);
}

static struct bytes complaint_of(struct core_fixture *fixture, uint32_t rid, uint64_t view)
{
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct complain complain = {.view = view};
    char name[16];
    assert_true(complain_encode(&complain, &body));
    snprintf(name, sizeof(name), "r%u", rid);
    return core_frame(fixture, MESSAGE_COMPLAIN, rid, name, buffer_bytes(&body), BYTES_EMPTY);
}

/* BACKUP has a request that the primary does nothing about, and has lost patience. */
static void waits_in_vain(struct core_fixture *fixture)
{
    struct node *node = fixture->nodes[BACKUP];
    struct bytes request = core_request(fixture, 1);
    assert_int_equal(core_deliver(fixture, BACKUP, NODE_CLIENT, request), DROP_NONE);
    fixture->now_ms += view_timeout_ms(node) + 1;
    assert_int_equal(core_tick(fixture, BACKUP), DROP_NONE);
    assert_true(node->complains);
    assert_int_equal(node->view, 0);
}

static void one_that_left_and_one_that_waits_in_vain_are_enough(void **state)
{
    struct core_fixture *fixture = *state;
    waits_in_vain(fixture);
    struct bytes left = change_of(fixture, 2, 1);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, left), DROP_NONE);
    assert_int_equal(fixture->nodes[BACKUP]->view, 1);
    assert_int_equal(fixture->nodes[BACKUP]->mode, MODE_CHANGING);
    assert_true(core_journaled(fixture, JOURNAL_VIEW_CHANGE));
}

static void one_that_left_counts_for_who_loses_patience_later(void **state)
{
    struct core_fixture *fixture = *state;
    struct bytes left = change_of(fixture, 2, 1);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, left), DROP_NONE);
    assert_int_equal(fixture->nodes[BACKUP]->view, 0);
    struct bytes request = core_request(fixture, 1);
    assert_int_equal(core_deliver(fixture, BACKUP, NODE_CLIENT, request), DROP_NONE);
    fixture->now_ms += view_timeout_ms(fixture->nodes[BACKUP]) + 1;
    assert_int_equal(core_tick(fixture, BACKUP), DROP_NONE);
    assert_int_equal(fixture->nodes[BACKUP]->view, 1);
}

static void one_replica_alone_ends_no_view(void **state)
{
    struct core_fixture *fixture = *state;
    struct bytes left = change_of(fixture, 2, 1);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, left), DROP_NONE);
    /* It is counted once, whatever it says. */
    struct bytes complaint = complaint_of(fixture, 2, 0);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, complaint), DROP_NONE);
    left = change_of(fixture, 2, 900);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, left), DROP_NONE);
    assert_int_equal(fixture->nodes[BACKUP]->view, 0);
    assert_int_equal(fixture->nodes[BACKUP]->mode, MODE_ACTIVE);
    struct bytes other = complaint_of(fixture, 3, 0);
    assert_int_equal(core_deliver(fixture, BACKUP, 3, other), DROP_NONE);
    assert_int_equal(fixture->nodes[BACKUP]->view, 1);
}

/* Seed 70 of four: the primary of view 7 was away while the others went on in view 8. */
static void a_primary_may_be_carried_beyond_its_window(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[0];
    node->head.height = node->window.stable + WINDOW_MAX + 1;
    node->attested_height = node->head.height;
    assert_int_equal(core_tick(fixture, 0), DROP_NONE);
    assert_int_equal(node->proposed, node->head.height);
    assert_true(core_sent(fixture, MESSAGE_PRE_PREPARE).len == 0);
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(one_that_left_and_one_that_waits_in_vain_are_enough),
        CORE_TEST(one_that_left_counts_for_who_loses_patience_later),
        CORE_TEST(one_replica_alone_ends_no_view),
        CORE_TEST(a_primary_may_be_carried_beyond_its_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
