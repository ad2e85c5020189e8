/* What is due when: a binary heap over virtual microseconds. Events of one time come in the order
 * in which they were added, so that a run is a function of its seed. Owns nothing but its array. */
#ifndef VESTRY_TESTS_SIM_EVENTS_H
#define VESTRY_TESTS_SIM_EVENTS_H

#include "crypto/bytes.h"

enum due_kind {
    DUE_FRAME,   /* `frame` from `from` reaches replica `to` */
    DUE_REPLY,   /* `reply` reaches client `to` */
    DUE_TICK,    /* replica `to` wanted to be woken */
    DUE_SYNC,    /* the disk of replica `to` is done */
    DUE_RESTART, /* replica `to` starts again */
    DUE_CLIENT,  /* client `to` looks at its clock */
    DUE_CRASH,   /* some backup dies */
    DUE_CUT_OFF, /* some backup loses its network */
    DUE_CUT,     /* the network is cut in some way */
    DUE_WHOLE,   /* it is whole again */
    DUE_REJOIN,  /* replica `to` has its network back */
    DUE_POWER,   /* all replicas die at once */
    DUE_CLOCK,   /* some wall clock jumps */
    DUE_PICTURE, /* somebody takes a picture of the disk of replica `to` */
    DUE_FORGET,  /* the disk of replica `to` is lost or put back */
};

struct due {
    uint64_t at_us;
    uint64_t order;
    enum due_kind kind;
    uint32_t from;
    uint32_t to;
    uint32_t life; /* of the replica: an event for an earlier one is void */
    union {
        struct blob *frame;
        struct telling *reply;
    };
};

struct events {
    struct due *heap;
    size_t count;
    size_t capacity;
    uint64_t order;
};

void events_add(struct events *events, const struct due *due);

/* False when nothing is due any more. */
MUST_USE bool events_next(struct events *events, struct due *out);

void events_close(struct events *events);

#endif
