/* Everything that must be true before a replica may speak: the charter is whole, the primitives
 * pass their self-test, the keys are the charter's, the data directory is this replica's and holds
 * what the anchor saw.
 *
 * Each step stops at the first thing wrong, with two lines for the person who started it. For
 * main's verbs; one thread. */
#ifndef VESTRY_REPLICA_HOST_START_H
#define VESTRY_REPLICA_HOST_START_H

#include "governance/charter.h"
#include "governance/roster.h"
#include "keys/replica_keys.h"
#include "replica/host/config.h"
#include "storage/anchor.h"
#include "storage/store_rocks.h"

struct start {
    struct config config;
    struct buffer charter_file;   /* owned */
    struct charter_view *charter; /* owned; borrows from charter_file */
    struct roster roster;
    struct config_peer addresses[REPLICAS_MAX]; /* by place in the roster; an empty host: unknown */
    struct replica_keys keys[1 + CONFIG_ROTATED_KEYS_MAX]; /* the charter's first, if it is there */
    uint32_t key_count;
    struct store_identity identity;
    struct store *store;
    bool has_anchor;
    struct anchor_file anchor;
    struct anchor anchored;
};

/* A problem out of a report, and its status. */
MUST_USE enum status start_problem(struct problem *problem, enum status status,
                                   const struct report *report);

/* Read the configuration. */
MUST_USE enum status start_config(struct start *start, const char *path, struct problem *problem);

/* Self-test of the primitives; read and verify the charter that the configuration names; find this
 * replica in it, and every replica's address. */
MUST_USE enum status start_charter(struct start *start, struct problem *problem);

/* Load the three keys, which must be those that the charter registers, and the sets of three that
 * rotations give this replica. Which of them counts is for the log to say. */
MUST_USE enum status start_keys(struct start *start, struct problem *problem);

/* Open the store and compare it with the anchor. */
MUST_USE enum status start_store(struct start *start, struct problem *problem);

void start_close_store(struct start *start);

/* Closes and wipes whatever was opened. */
void start_close(struct start *start);

#endif
