/* Which epoch a replica is in, and by whose keys it judges. For replica/core only.
 *
 * PROTOCOL: epochs. governance/epoch.h says what a boundary does to the state; this is about the
 * agreement: when it ends, and what begins. */
#ifndef VESTRY_REPLICA_CORE_EPOCH_H
#define VESTRY_REPLICA_CORE_EPOCH_H

#include "replica/core/node_parts.h"

/* The last sequence of the epoch, once a block that was executed here has named it; else
 * UINT64_MAX. */
MUST_USE uint64_t epoch_last(const struct node *node);

/* Whether the head is that block: nothing more is executed in this epoch. */
MUST_USE bool epoch_ends(const struct node *node);

/* Whether the next height is wanted though nobody asks for anything: on the way to the boundary,
 * and the first one behind it, which shows that the new members are there. */
MUST_USE bool epoch_hurries(const struct node *node);

/* Of the keys that this replica has, those of its place in a roster; NULL when it has them not. */
MUST_USE const struct node_key *epoch_own_key(const struct node *node, const struct roster *roster);

/* Members and own keys of an epoch: of this one or of the one before it, else NULL. */
MUST_USE const struct roster *epoch_roster(const struct node *node, uint64_t epoch);
MUST_USE const struct node_key *epoch_key(const struct node *node, uint64_t epoch);

/* After an event: the next epoch begins here when its boundary is stable. */
void epoch_advance(struct node *node, struct outbox *outbox);

/* A journal record of an epoch that began behind `height`. */
enum drop epoch_restored(struct node *node, uint64_t height, struct bytes value);
/* When all records are here: who the members are. False when the journal is damaged. */
MUST_USE bool epoch_resume(struct node *node, struct outbox *outbox);

#endif
