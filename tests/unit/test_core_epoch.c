/* How four nodes pass from one epoch to the next, on a wire. The boundary is put into their states
 * by hand, as governance would have left it there: what an officer's proposal does is tested with
 * governance. */
#include "governance/epoch.h"
#include "replica/core/epoch.h"
#include "tests/support/core_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct core_fixture *core;
    struct core_wire *wire;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    void *core = NULL;
    assert_non_null(fixture);
    assert_int_equal(core_setup(&core), 0);
    fixture->core = core;
    fixture->wire = core_wire_open(core);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    void *core = fixture->core;
    core_wire_close(fixture->wire);
    free(fixture);
    return core_teardown(&core);
}

static struct node_look look(const struct fixture *fixture, uint32_t n)
{
    struct node_look found;
    node_look(fixture->core->nodes[n], &found);
    return found;
}

static enum drop ask(struct fixture *fixture, uint32_t n, uint64_t request_no)
{
    return core_wire_give(fixture->wire, n, NODE_CLIENT, core_request(fixture->core, request_no));
}

static void boundary_set(struct fixture *fixture, uint64_t boundary)
{
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        epoch_end_at(fixture->core->nodes[n]->state, boundary);
    }
}

static void the_next_epoch_begins_behind_the_boundary(void **state)
{
    struct fixture *fixture = *state;
    boundary_set(fixture, 128);
    assert_int_equal(ask(fixture, 0, 1), DROP_NONE);
    core_wire_wait(fixture->wire, 3000);
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        struct node_look seen = look(fixture, n);
        assert_int_equal(seen.epoch, 1);
        assert_int_equal(seen.view, 0);
        assert_int_equal(seen.executed, 128);
        assert_int_equal(seen.stable, 128);
        assert_int_equal(seen.primary, 1);
        assert_int_equal(seen.boundary, UINT64_MAX);
    }
    assert_int_equal(ask(fixture, 1, 2), DROP_NONE);
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        assert_int_equal(look(fixture, n).executed, 129);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_next_epoch_begins_behind_the_boundary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
