/* Officers of the simulated cluster: members of its charter who suspend replicas and restore them,
 * give them other keys and begin epochs, each time by one bundle that the first of them signs and
 * sends.
 *
 * To the rest of the simulator they are one more client, the last one: what it asks for is in the
 * log of requests with a `change`. */
#ifndef VESTRY_TESTS_SIM_OFFICER_H
#define VESTRY_TESTS_SIM_OFFICER_H

#include "tests/sim/client.h"

/* What a bundle is about. */
struct change {
    uint64_t action;     /* REPLICA_SUSPEND, _RESTORE, _KEY_ROTATE or EPOCH_RENEW */
    uint32_t subject;    /* rid; not of EPOCH_RENEW */
    uint32_t generation; /* of the keys that the subject is to have */
    uint32_t votes;      /* of members, yes */
    bool forged;         /* the new keys' owner did not sign its card */
    uint64_t version;    /* of the section `replicas`; U64_UNLIMITED: whatever it is */
    uint8_t pid[HASH_BYTES];
};

/* The number of the client that the officers are; whether there are any. */
MUST_USE uint32_t officer_number(const struct world *world);

void officer_open(struct world *world);

/* A new bundle, not sent yet. */
MUST_USE struct sim_request *officer_ask(struct world *world);
/* The same for what a script has in mind, sent to all. */
void officer_suspends(struct world *world, uint32_t subject);
void officer_restores(struct world *world, uint32_t subject);
void officer_renews(struct world *world);
/* The keys of the generation behind the newest that it was ever to have. */
void officer_rotates(struct world *world, uint32_t subject);

#endif
