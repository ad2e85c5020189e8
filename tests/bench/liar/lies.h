/* The lies of vestryd-liar, between its files.
 *
 *   liar.c         which one is told; two versions of each vote
 *   lies_order.c   proposals
 *   lies_views.c   NEW-VIEWs
 *   lies_proofs.c  attestations, answers to FETCH, replies to clients
 *   lies_flood.c   what is said without end, or hardly at all
 *
 * The node behind it is correct; what it sends is changed on its way out and signed again. */
#ifndef VESTRY_TESTS_BENCH_LIAR_LIES_H
#define VESTRY_TESTS_BENCH_LIAR_LIES_H

#include "replica/core/message.h"
#include "replica/host/host_parts.h"

/* A frame on its way to one replica, or to a client. */
struct telling {
    struct host *host;
    uint32_t to; /* TO_CLIENT */
    struct blob *frame;
    const struct message *message; /* what is in it */
};

#define TO_CLIENT UINT32_MAX

/* What goes out instead, with a reference of its own: the frame itself, another, or NULL. */
typedef struct blob *lie_tell(const struct telling *telling);

lie_tell lie_unsigned; /* the primary: a request that its author did not sign so */
lie_tell lie_time;     /* the primary: batches dated an hour ahead */
lie_tell lie_slow;     /* the primary: one proposal in half of the view timeout */
lie_tell lie_omit;     /* the new primary: a prepared slot is left out */
lie_tell lie_other;    /* another digest than V asks for */
lie_tell lie_few;      /* fewer than Q in V */
lie_tell lie_two;      /* two NEW-VIEWs, with and without what it had prepared itself */
lie_tell lie_attest;   /* attestations of two headers */
lie_tell lie_data;     /* answers to FETCH that are cut short, changed, or of another question */
lie_tell lie_vain;  /* beside STATUS, thousands of votes and STATUSes that are good and useless */
lie_tell lie_again; /* the same with a request that was executed long ago */
lie_tell lie_drip;  /* blocks that were fetched, one with each STATUS */
lie_tell lie_reply; /* results and proofs that mislead clients */

/* --- For lies_*.c ---------------------------------------------------------------------------- */

MUST_USE static inline struct blob *lie_not(const struct telling *telling)
{
    return blob_hold(telling->frame);
}

/* A frame of this replica; with a signature under `tag` when `is_signed`. */
struct lie_frame {
    uint64_t type;
    bool is_signed;
    enum sign_tag tag;
    struct bytes body;
    struct bytes attachment;
};
MUST_USE struct blob *lie_blob(const struct host *host, const struct lie_frame *frame);
void lie_sign(const struct host *host, enum sign_tag tag, struct bytes body,
              uint8_t out[SIG_BYTES]);

#endif
