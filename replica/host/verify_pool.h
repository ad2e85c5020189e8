/* Workers that verify signatures off the loop.
 *
 * Work comes in lanes: what keeps agreement going is always taken before what clients ask for, so
 * that no flood of requests can hold up a vote. A large piece of work may be cut into parts, which
 * several workers do at once. A worker sees only the work in hand, never the node.
 *
 * The loop gives and takes; `run` is called on workers. Finished work comes back through a mailbox.
 * How much work may be under way is the giver's to bound (host: quotas of connections). */
#ifndef VESTRY_REPLICA_HOST_VERIFY_POOL_H
#define VESTRY_REPLICA_HOST_VERIFY_POOL_H

#include "replica/core/drop.h"
#include "replica/host/mailbox.h"

#include <stdint.h>

enum verify_lane {
    LANE_VOTES,     /* small messages of replicas */
    LANE_PROPOSALS, /* batches and blocks of replicas */
    LANE_CLIENTS,
    LANE_COUNT,
};

#define VERIFY_WORKERS_MAX 16
#define VERIFY_WORKS_MAX 16384 /* in all lanes together */

struct verify_work;

/* Check the share `part` of the work's signatures; DROP_NONE when all are good. */
typedef enum drop verify_run(const struct verify_work *work, uint32_t part);

/* The head of a piece of work; its owner embeds it. */
struct verify_work {
    verify_run *run;
    enum verify_lane lane;
    uint32_t parts; /* 1..VERIFY_WORKERS_MAX */

    /* The pool's own, under its mutex. */
    struct verify_work *next;
    uint32_t parts_given;
    uint32_t parts_done;
    enum drop verdict; /* valid when the work came back: the first failure, or DROP_NONE */
};

struct verify_pool;

MUST_USE enum status verify_pool_open(uint32_t workers, struct verify_pool **out);

/* Waits for the works in hand; those that nobody began are not begun. What was not taken is handed
 * to `discard`. */
void verify_pool_close(struct verify_pool *pool, void (*discard)(struct verify_work *work));

/* False when VERIFY_WORKS_MAX are under way. */
MUST_USE bool verify_pool_give(struct verify_pool *pool, struct verify_work *work);

/* The box that finished works come back through: for the loop. */
MUST_USE struct mailbox *verify_pool_done(struct verify_pool *pool);

/* Taken back from the box: so much room again. */
void verify_pool_taken(struct verify_pool *pool, size_t count);

/* Works given and not taken back yet. */
MUST_USE size_t verify_pool_under_way(const struct verify_pool *pool);
MUST_USE uint32_t verify_pool_workers(const struct verify_pool *pool);

#endif
