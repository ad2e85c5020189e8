/* The sequence slots above the last stable checkpoint: what was proposed, who voted, what is
 * executed.
 *
 *   EMPTY ----------> ACCEPTED ---------> PREPARED ----------> COMMITTED ---------> EXECUTED
 *     [on_pre_prepare]       [slot_advance]        [slot_advance]       [machine_apply]
 *     EMPTY ----------> AWAITED ----------> ACCEPTED
 *     [view_enter: proposed by a NEW-VIEW]    [on_data, on_pre_prepare: its batch came]
 *     any before COMMITTED ---------------> COMMITTED
 *                       [on_data: a commit certificate]
 *     AWAITED, ACCEPTED, PREPARED --------> EMPTY
 *                       [view_enter: the new view proposes something else, or nothing]
 *
 * COMMITTED and EXECUTED are for ever; a later view that proposes the slot again votes on it again
 * without touching them. The best prepared certificate of any view stays with the slot.
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
    SLOT_AWAITED, /* a NEW-VIEW proposes it; its batch is not here yet */
    SLOT_ACCEPTED,
    SLOT_PREPARED,
    SLOT_COMMITTED,
    SLOT_EXECUTED
};

/* The prepared certificate of the highest view, as it is put and as a VIEW-CHANGE carries it. */
#define PREPARED_BYTES_MAX (REPLICAS_MAX * (SIG_BYTES + 2) + 256)
#define STABLE_BYTES_MAX (HEADER_BYTES_MAX + REPLICAS_MAX * (SIG_BYTES + 2) + 64)
struct best_prepared {
    uint64_t view;
    size_t len; /* 0: there is none */
    uint8_t bytes[PREPARED_BYTES_MAX];
};

struct slot {
    uint64_t sequence; /* 0: not in use */
    uint64_t view;     /* of the pre-prepare and of the votes */
    enum slot_stage stage;
    bool knows_digest; /* from AWAITED on, but for what was executed before a restart */
    uint8_t digest[HASH_BYTES];
    uint8_t primary_sig[SIG_BYTES]; /* over the vote body with tag pre-prepare */
    bool has_primary_sig;           /* not after a commit certificate without a pre-prepare */
    bool prepared;                  /* in `view`: the certificate is put and COMMIT was sent */
    struct bytes batch;             /* in the pool; empty when not here, executed or null */
    struct bytes payloads;          /* in the pool */
    struct votes prepares;
    struct votes commits;
    struct best_prepared best;
};

struct window {
    uint64_t stable;                /* h: slots at or below it are gone */
    uint64_t used[WINDOW_MAX / 64]; /* a bit for each place: slots are large, and most are idle */
    struct slot slots[WINDOW_MAX];
};
static_assert(WINDOW_MAX % 64 == 0, "whole words of bits");

/* The slot of `sequence`, empty if nothing is known of it. It must be above stable and at most
 * stable + WINDOW_MAX. */
MUST_USE struct slot *window_slot(struct window *window, uint64_t sequence);

/* The slot if it is in use, else NULL; any sequence may be asked. */
MUST_USE const struct slot *window_look(const struct window *window, uint64_t sequence);

/* While it is not known yet where the window begins: the slot of any sequence but 0, or NULL when
 * its place is another's. */
MUST_USE struct slot *window_restore(struct window *window, uint64_t sequence);

/* The first place in use from `place` on, or WINDOW_MAX: to walk the slots in use. */
MUST_USE uint32_t window_used_from(const struct window *window, uint32_t place);

/* Whether what the slot stands for can be voted on: its batch is here, or was executed, or it is
 * the null digest, which has none. */
MUST_USE bool slot_has_batch(const struct slot *slot);

/* The slot's votes are of this view from now on; those of an earlier one are forgotten. */
void slot_turn(struct slot *slot, uint64_t view);

/* Give the slot's batch and payloads back. */
void slot_release(struct slot *slot, struct pool *pool);

/* Forget the slot, which is one of the window's; its batch was given back. */
void window_forget(struct window *window, struct slot *slot);

/* Move the lower end up; slots at or below it are forgotten. */
void window_move(struct window *window, uint64_t stable, struct pool *pool);

#endif
