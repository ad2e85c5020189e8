/* The sequence slots above the last stable checkpoint: what was proposed, who voted, what is
 * executed.
 *
 *   EMPTY ----------> ACCEPTED ---------> PREPARED ----------> COMMITTED ---------> EXECUTED
 *     [on_pre_prepare]       [slot_advance]        [slot_advance]       [machine_apply]
 *     EMPTY or ACCEPTED or PREPARED ----------------> COMMITTED
 *                       [on_data: a commit certificate]
 *
 * A ring: sequence n lives at n mod WINDOW_MAX, and the window is never wider. Votes may come
 * before the slot is accepted; they are kept. Batches lie in the pool and the slot owns them until
 * the block is executed; after that the store has them. Pure. */
#ifndef VESTRY_REPLICA_CORE_WINDOW_H
#define VESTRY_REPLICA_CORE_WINDOW_H

#include "crypto/schema.h"
#include "replica/core/pool.h"
#include "replica/core/quorum.h"

enum slot_stage {
    SLOT_EMPTY,
    SLOT_ACCEPTED,
    SLOT_PREPARED,
    SLOT_COMMITTED,
    SLOT_EXECUTED
};

struct slot {
    uint64_t sequence; /* 0: not in use */
    uint64_t view;     /* of the accepted pre-prepare and of the votes */
    enum slot_stage stage;
    uint8_t digest[HASH_BYTES];     /* from ACCEPTED on */
    uint8_t primary_sig[SIG_BYTES]; /* over the vote body with tag pre-prepare */
    bool has_primary_sig;           /* not after a commit certificate without a pre-prepare */
    struct bytes batch;             /* in the pool; empty when not here or executed */
    struct bytes payloads;          /* in the pool */
    struct votes prepares;
    struct votes commits;
    uint64_t proven_members; /* of a commit certificate that came whole, else 0 */
};

struct window {
    uint64_t stable; /* h: slots at or below it are gone */
    struct slot slots[WINDOW_MAX];
};

/* The slot of `sequence`, empty if nothing is known of it. It must be above stable and at most
 * stable + WINDOW_MAX. */
MUST_USE struct slot *window_slot(struct window *window, uint64_t sequence);

/* The slot if it is in use, else NULL; any sequence may be asked. */
MUST_USE const struct slot *window_look(const struct window *window, uint64_t sequence);

/* Give the slot's batch and payloads back. */
void slot_release(struct slot *slot, struct pool *pool);

/* Move the lower end up; slots at or below it are forgotten. */
void window_move(struct window *window, uint64_t stable, struct pool *pool);

#endif
