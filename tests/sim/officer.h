/* Officers of the simulated cluster: members of its charter who suspend replicas and restore them,
 * each time by one bundle that the first of them signs and sends.
 *
 * To the rest of the simulator they are one more client, the last one: what it asks for is in the
 * log of requests with a `change`. */
#ifndef VESTRY_TESTS_SIM_OFFICER_H
#define VESTRY_TESTS_SIM_OFFICER_H

#include "tests/sim/client.h"

/* What a bundle is about. */
struct change {
    bool restores;    /* or suspends */
    uint32_t subject; /* rid */
    uint32_t votes;   /* of members, yes */
    uint64_t version; /* of the section `replicas` that it was written for */
    uint8_t pid[HASH_BYTES];
};

/* The number of the client that the officers are; whether there are any. */
MUST_USE uint32_t officer_number(const struct world *world);

void officer_open(struct world *world);

/* A new bundle, not sent yet. */
MUST_USE struct sim_request *officer_ask(struct world *world);
/* The same for what a script has in mind, sent to all. */
void officer_suspends(struct world *world, uint32_t subject);

#endif
