/* A pool without room: what needs memory is refused and comes again later; nothing that is there is
 * lost, and nothing is half done. */
#include "replica/core/node_parts.h"
#include "tests/support/core_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define PRIMARY 0
#define BACKUP 1
#define BATCH_BYTES 512 /* more than a batch of one request, less than two of them */

static uint8_t *taken[1u << 18];
static size_t taken_count;

static void take_all(struct node *node, size_t len)
{
    uint8_t *piece = pool_take(&node->pool, len);
    for (; piece != NULL; piece = pool_take(&node->pool, len)) {
        assert_true(taken_count < sizeof(taken) / sizeof(taken[0]));
        taken[taken_count++] = piece;
    }
}

/* Take all that is left of a node's pool. What was taken last are pieces for `len` bytes, too small
 * for twice as many. */
static void fill(struct node *node, size_t len)
{
    taken_count = 0;
    take_all(node, POOL_BLOCK_BYTES_MAX);
    uint8_t *whole = taken[--taken_count];
    for (size_t smaller = POOL_BLOCK_BYTES_MAX / 2; smaller > 0; smaller /= 2) {
        take_all(node, smaller);
    }
    pool_give(&node->pool, whole);
    take_all(node, len);
}

static void empty(struct node *node)
{
    while (taken_count > 0) {
        pool_give(&node->pool, taken[--taken_count]);
    }
}

static struct bytes proposal(struct core_fixture *fixture)
{
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct vote vote = {.sequence = 1};
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, vote.digest);
    assert_true(vote_encode(&vote, &body));
    return core_frame(fixture, MESSAGE_PRE_PREPARE, PRIMARY, "r0", buffer_bytes(&body), parcel);
}

static void a_proposal_without_room_is_accepted_when_it_comes_again(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[BACKUP];
    struct bytes frame = proposal(fixture);
    fill(node, BATCH_BYTES);
    size_t used = node->pool.used_bytes;
    assert_int_equal(core_deliver(fixture, BACKUP, PRIMARY, frame), DROP_NO_MEMORY);
    assert_false(core_journaled(fixture, JOURNAL_SLOT));
    assert_int_equal(core_sent(fixture, MESSAGE_PREPARE).len, 0);
    assert_int_equal(node->pool.used_bytes, used);
    /* Room for the batch and none for its payloads. */
    pool_give(&node->pool, taken[--taken_count]);
    used = node->pool.used_bytes;
    assert_int_equal(core_deliver(fixture, BACKUP, PRIMARY, frame), DROP_NO_MEMORY);
    assert_int_equal(node->pool.used_bytes, used);
    empty(node);
    assert_int_equal(core_deliver(fixture, BACKUP, PRIMARY, frame), DROP_NONE);
    assert_true(core_journaled(fixture, JOURNAL_SLOT));
}

static void a_request_that_cannot_be_proposed_yet_is_proposed_later(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[PRIMARY];
    fixture->arriving = 1; /* so that it waits for company */
    assert_int_equal(core_deliver(fixture, PRIMARY, NODE_CLIENT, core_request(fixture, 1)),
                     DROP_NONE);
    assert_int_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len, 0);
    assert_int_equal(queue_waiting(node->queue), 1);
    fixture->arriving = 0;
    fill(node, BATCH_BYTES);
    for (uint32_t pieces = 0; pieces < 2; pieces++) {
        size_t used = node->pool.used_bytes;
        assert_int_equal(core_tick(fixture, PRIMARY), DROP_NONE);
        assert_int_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len, 0);
        assert_false(core_journaled(fixture, JOURNAL_SLOT));
        assert_int_equal(queue_waiting(node->queue), 1);
        assert_int_equal(node->proposed, 0);
        assert_int_equal(node->pool.used_bytes, used);
        /* Then with room for the batch and none for its payloads. */
        pool_give(&node->pool, taken[--taken_count]);
    }
    empty(node);
    assert_int_equal(core_tick(fixture, PRIMARY), DROP_NONE);
    assert_int_not_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len, 0);
    assert_int_equal(queue_waiting(node->queue), 0);
}

static void a_view_change_without_room_is_kept_when_it_comes_again(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[BACKUP];
    uint8_t memory[2048];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct view_change change = {.view = 1};
    struct stable stable;
    assert_int_equal(stable_decode(bytes_make(node->stable_proof, node->stable_len), &stable),
                     WIRE_OK);
    change.stable = stable;
    assert_true(view_change_encode(&change, &body));
    struct bytes frame =
        core_frame(fixture, MESSAGE_VIEW_CHANGE, 2, "r2", buffer_bytes(&body), BYTES_EMPTY);
    fill(node, POOL_BLOCK_BYTES_MIN);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, frame), DROP_NO_MEMORY);
    assert_int_equal(view_changes_held(node) & UINT64_C(1) << 2, 0);
    empty(node);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, frame), DROP_NONE);
    assert_int_equal(node->changes[2].view, 1);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, frame), DROP_DUPLICATE);
}

static void a_request_without_room_is_refused(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[BACKUP];
    fill(node, POOL_BLOCK_BYTES_MIN);
    assert_int_equal(core_deliver(fixture, BACKUP, NODE_CLIENT, core_request(fixture, 1)),
                     DROP_QUEUE_FULL);
    assert_int_equal(queue_waiting(node->queue), 0);
    empty(node);
    assert_int_equal(core_deliver(fixture, BACKUP, NODE_CLIENT, core_request(fixture, 1)),
                     DROP_NONE);
    assert_int_equal(core_deliver(fixture, BACKUP, NODE_CLIENT, core_request(fixture, 1)),
                     DROP_KNOWN_REQUEST);
}

/* The clock passes what a request said of itself while it waits. */
static void a_request_that_time_has_overtaken_is_not_proposed(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[PRIMARY];
    fixture->arriving = 1;
    assert_int_equal(core_deliver(fixture, PRIMARY, NODE_CLIENT, core_request(fixture, 1)),
                     DROP_NONE);
    fixture->arriving = 0;
    fixture->wall_ms += 20000;
    assert_int_equal(core_tick(fixture, PRIMARY), DROP_NONE);
    assert_int_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len, 0);
    assert_int_equal(queue_waiting(node->queue), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_proposal_without_room_is_accepted_when_it_comes_again),
        TEST(a_request_that_cannot_be_proposed_yet_is_proposed_later),
        TEST(a_view_change_without_room_is_kept_when_it_comes_again),
        TEST(a_request_without_room_is_refused),
        TEST(a_request_that_time_has_overtaken_is_not_proposed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
