/* A wire between the nodes of a core fixture: what one sends the others get, in order, but for what
 * is cut. Nodes step at one moment of virtual time; core_wire_wait lets time pass. */
#ifndef VESTRY_TESTS_SUPPORT_CORE_WIRE_H
#define VESTRY_TESTS_SUPPORT_CORE_WIRE_H

#include "tests/support/core_fixture.h"

struct core_wire;

struct core_wire *core_wire_open(struct core_fixture *fixture);
void core_wire_close(struct core_wire *wire);

/* From now on the node neither steps nor hears anything; and it does again. */
void core_wire_stop(struct core_wire *wire, uint32_t n);
void core_wire_go_on(struct core_wire *wire, uint32_t n);
/* From now on no message of that type gets through; 0: all do. */
void core_wire_cut(struct core_wire *wire, uint64_t type);
/* The last message of that type that anybody sent, without its length; empty when there was none.
 */
struct bytes core_wire_last(const struct core_wire *wire, uint64_t type);

/* Give a frame of `from` to node `n`, and then everything that follows from it to whom it is for.
 */
enum drop core_wire_give(struct core_wire *wire, uint32_t n, uint32_t from, struct bytes frame);
/* Time passes, in ticks of ten milliseconds. */
void core_wire_wait(struct core_wire *wire, uint64_t ms);

/* A core fixture with its wire, for tests that see nodes through what passes between them. */
struct wired {
    struct core_fixture *core;
    struct core_wire *wire;
};

/* cmocka's setup and teardown: *state becomes a struct wired whose nodes are awake. */
int wired_setup(void **state);
int wired_teardown(void **state);

/* What node `n` says of itself. */
struct node_look wired_look(const struct wired *wired, uint32_t n);
/* A client asks node `n`, and everything that follows from it happens. */
enum drop wired_ask(struct wired *wired, uint32_t n, uint64_t request_no);

#endif
