/* Between the files of the liars: what is common to their lies, and who tells which.
 *
 *   liar.c         chooses: every frame of a faulty replica passes here
 *   liar_votes.c   proposals, PREPARE and COMMIT
 *   liar_pace.c    what a primary does to time: silence, delay, false dates; complaints
 *   liar_order.c   what a primary orders, and to whom; COMMITs and attestations kept back
 *   liar_proofs.c  ATTEST, STATUS, DATA, replies to clients
 *   liar_snapshot.c  DATA of a snapshot
 *   liar_stable.c  DATA with a checkpoint in the wrong place
 *   liar_change.c  VIEW-CHANGE
 *   liar_view.c    NEW-VIEW
 *   liar_large.c   batches beyond what a batch may be
 *   liar_keys.c    keys of other epochs
 *   liar_fork.c    another log for some, when there are more of them than f
 *   liar_across.c  the same in the next view
 *
 * Their nodes are the same as everybody's; what these send is changed and signed again with the
 * liars' keys, as someone who holds the keys could, and all liars of a run are one party. For
 * liar*.c only. */
#ifndef VESTRY_TESTS_SIM_LIAR_H
#define VESTRY_TESTS_SIM_LIAR_H

#include "tests/sim/world.h"

/* One frame on its way out of a faulty replica. */
struct lie_to {
    struct world *world;
    struct host *host;
    uint32_t to;
};

/* A frame in memory that lasts until the next one. `sig` may be NULL. */
MUST_USE struct bytes lie_frame(uint64_t type, uint32_t rid, struct bytes body, const uint8_t *sig,
                                struct bytes attachment);
void lie_send(struct world *world, const struct host *host, uint32_t to, struct bytes frame);
/* The keys that a liar has in that epoch; the newest in one that is not decided. */
MUST_USE const struct replica_keys *lie_keys(const struct world *world, uint32_t rid,
                                             uint64_t epoch);
/* Sign `body`, which is of that epoch, as replica `rid`, which must be a liar. */
void lie_sign(const struct world *world, uint32_t rid, uint64_t epoch, enum sign_tag tag,
              struct bytes body, uint8_t out[SIG_BYTES]);
/* Sign the header of an attestation as that replica. */
void lie_attest_sign(const struct world *world, uint32_t rid, struct attest *attest);
/* An empty batch dated `time_ms`, as PRE-PREPARE carries it, into `parcel`; its digest. */
void lie_batch(uint64_t time_ms, struct buffer *parcel, uint8_t digest[HASH_BYTES]);
MUST_USE static inline bool lie_is_liar(const struct world *world, uint32_t rid)
{
    return rid < world->plan.n && (world->plan.liars >> rid & 1) != 0;
}

/* Each is about to let `envelope` go to one replica. True when it goes out as it is too. */
MUST_USE bool lie_votes(const struct lie_to *out, const struct envelope *envelope);
MUST_USE bool lie_proposal(const struct lie_to *out, const struct envelope *envelope);
/* Votes and proposals above a pending boundary, beside it. */
void lie_beyond(const struct lie_to *out, const struct envelope *envelope);
/* liar_keys.c: with a key that is not the epoch's. */
MUST_USE bool lie_other_keys(const struct lie_to *out, const struct envelope *envelope,
                             struct bytes attachment);
MUST_USE bool lie_pace(const struct lie_to *out, const struct envelope *envelope,
                       struct blob *frame);
/* liar_order.c: a primary's proposals; votes and attestations that are kept back. */
MUST_USE bool lie_order(const struct lie_to *out, const struct envelope *envelope,
                        struct bytes parcel);
/* liar_large.c: like lie_order, for a proposal of its own. */
MUST_USE bool lie_large(const struct lie_to *out, const struct vote *like, struct bytes parcel);
MUST_USE bool lie_owes(const struct lie_to *out, const struct envelope *envelope);
void lie_complain(const struct lie_to *out, const struct envelope *envelope);
MUST_USE bool lie_attest(const struct lie_to *out, const struct envelope *envelope);
MUST_USE bool lie_status(const struct lie_to *out, const struct envelope *envelope);
MUST_USE bool lie_data(const struct lie_to *out, const struct envelope *envelope,
                       struct bytes attachment);
/* An answer with a chunk, or with a block of history (liar_snapshot.c). */
MUST_USE bool lie_snapshot(const struct lie_to *out, const struct data *data, struct bytes body,
                           struct bytes attachment);
void lie_stable(const struct lie_to *out);
MUST_USE bool lie_change(const struct lie_to *out, const struct envelope *envelope);
MUST_USE bool lie_view(const struct lie_to *out, const struct envelope *envelope);
/* To one of the other side. */
MUST_USE bool lie_other_log(const struct lie_to *out, const struct envelope *envelope,
                            struct bytes attachment);
/* A vote, or a PRE-PREPARE with its parcel, of that liar. */
void lie_vote(const struct lie_to *out, uint32_t rid, uint64_t type, const struct vote *vote,
              struct bytes parcel);
/* Whether an attestation is of a height that both logs have. */
MUST_USE bool lie_before_fork(struct bytes body);
/* The other side has that header. */
void lie_header_echo(struct world *world, uint64_t height, struct bytes header);
/* liar_across.c: to one of the other side, and from one to a liar; true when its node gets nothing.
 */
MUST_USE bool lie_across(const struct lie_to *out, const struct envelope *envelope);
MUST_USE bool liars_hear_across(struct world *world, uint32_t from, const struct blob *frame,
                                const struct envelope *envelope);

/* What can be done to the body of a VIEW-CHANGE. */
enum twist {
    TWIST_EMPTY,       /* P without certificates */
    TWIST_FORGED,      /* certificates of a recent view for what nobody proposed */
    TWIST_OLDER,       /* certificates out of an earlier VIEW-CHANGE */
    TWIST_CHECKPOINT,  /* a stable checkpoint that only liars attest */
    TWIST_FAR,         /* a view far ahead */
    TWIST_SHORT,       /* each certificate with one PREPARE fewer */
    TWIST_PRIMARY,     /* the primary's own PREPARE in place of a backup's */
    TWIST_PRIMARY_SIG, /* certificates that the primary never signed */
    TWIST_TWICE,       /* each certificate twice */
    TWIST_COUNT
};
/* What can be done to a NEW-VIEW. */
enum new_view_lie {
    V_OF_TOO_FEW,
    V_WITH_A_DOUBLE,
    V_OF_ANOTHER_VIEW, /* earlier VIEW-CHANGEs of correct replicas */
    V_INVENTED,        /* VIEW-CHANGEs of correct replicas that these never sent */
    V_TWISTED,         /* the liars' own, as in liar_change.c: some of these are valid */
    O_WITHOUT_ONE,
    O_SHORTER,
    O_WITH_ANOTHER,
    O_UNSIGNED,
    NEW_VIEW_UNSIGNED,
    NEW_VIEW_OF_NOBODY, /* none at all */
    NEW_VIEW_TO_SOME,
    NEW_VIEW_LIES,
    TWO_GOOD_ONES = NEW_VIEW_LIES, /* of different V; not among those that seeds draw */
};

/* The one that is told next. */
MUST_USE enum twist lie_which_twist(struct world *world);
/* Append what `rid`, a liar, makes of `body`. False when there is nothing to twist in it. */
MUST_USE bool lie_twist(struct world *world, uint32_t rid, enum twist twist, struct bytes body,
                        struct buffer *out);

#endif
