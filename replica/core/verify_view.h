/* Checking VIEW-CHANGE and NEW-VIEW, all of it, as a function of the frame and the keys. For
 * verify.c only. Source: Castro & Liskov, OSDI '99, section 4.4; PROTOCOL: view change. */
#ifndef VESTRY_REPLICA_CORE_VERIFY_VIEW_H
#define VESTRY_REPLICA_CORE_VERIFY_VIEW_H

#include "replica/core/message.h"
#include "replica/core/node.h"

/* One worker's share of a job. */
struct share {
    const struct verify_job *job;
    const struct sig_memo *memo;
    uint32_t part;
    uint32_t parts;
    bool certified; /* a quorum committed the batch: correct ones among it verified the requests */
};

/* A signature by a member over a message body, remembered once it was found good: the same votes
 * come again inside certificates. */
MUST_USE bool member_signed(const struct share *share, uint32_t member, enum sign_tag tag,
                            struct bytes body, const uint8_t sig[SIG_BYTES]);

/* A checkpoint with Q good lines of the job's members, or that of height 0, which needs none. */
MUST_USE bool stable_good(const struct verify_job *job, const struct stable *stable);

MUST_USE enum drop view_change_verify(const struct share *share, const struct message *message);
MUST_USE enum drop new_view_verify(const struct share *share, const struct message *message);

#endif
