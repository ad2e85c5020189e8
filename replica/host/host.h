/* The server around the core: it feeds events to the node, makes its records durable, and only then
 * does what it asked for.
 *
 *   socket -> conn -> host_in (node_inspect) -> verify_pool -> host_step (node_step)
 *          -> cargo -> commit_thread -> host_out -> peers, clients
 *
 * The loop thread owns the node, the connections and the timers; verify workers, the commit thread
 * and the read thread get copies and give them back through mailboxes. The three rules of outbox.h
 * are kept in host_step.c and nowhere else. For main's `run`, and for tests. */
#ifndef VESTRY_REPLICA_HOST_HOST_H
#define VESTRY_REPLICA_HOST_HOST_H

#include "replica/core/node.h"
#include "replica/host/config.h"
#include "storage/anchor.h"

struct host;

/* SEED_BYTES each. */
struct host_keys {
    const uint8_t *sign_seed;
    const uint8_t *cosign_seed;
    const uint8_t *transport_seed;
};

/* Everything that was opened and checked before (start.h); all borrowed. */
struct host_setup {
    const struct config *config;
    const struct sig_scheme *scheme;
    struct bytes charter_file;
    const struct roster *roster;          /* of the charter */
    const struct config_peer *addresses;  /* REPLICAS_MAX, in any order; an empty host: unknown */
    struct host_keys keys[NODE_KEYS_MAX]; /* all that this replica has; the log says which count */
    uint32_t key_count;                   /* at least 1 */
    struct store *store;
    struct anchor_file *anchor; /* NULL: none */
    struct anchor anchored;     /* what the anchor said at start */
    uint64_t snapshot_span;     /* of node_config; 0: the usual one */
    /* How it is told to stop: by SIGTERM and SIGINT, or (in tests, where several hosts live in one
     * process) by this descriptor becoming readable. */
    bool by_signal;
    int stop_fd;
};

/* Restore the node from the store, and listen. */
MUST_USE enum status host_open(const struct host_setup *setup, struct host **out,
                               struct report *report);

/* Until it is told to stop, or an epoch has begun in which this replica has other keys: then true,
 * and it is to be opened again, store and all. The flight under way is finished first. */
MUST_USE bool host_run(struct host *host);
void host_close(struct host *host);

MUST_USE const struct node *host_node(const struct host *host);

#endif
