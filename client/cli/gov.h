/* What the verbs of governance share: the configuration in force, fetched and taken apart. */
#ifndef VESTRY_CLIENT_CLI_GOV_H
#define VESTRY_CLIENT_CLI_GOV_H

#include "client/cli/connect.h"
#include "governance/in_force.h"

struct gov_state {
    void *bundle; /* owned; in_force borrows from it */
    size_t len;
    struct charter_view *charter; /* owned */
    struct in_force in_force;
};

/* Fetch what is in force at that height or above. EXIT_OK, and then gov_state_close; or the code of
 * the error that was said. */
MUST_USE int gov_fetch(struct connection *connection, uint64_t height, struct gov_state *state);
void gov_state_close(struct gov_state *state);

#endif
