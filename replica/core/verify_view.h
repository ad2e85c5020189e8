/* Checking VIEW-CHANGE and NEW-VIEW on any thread, by the rules of governance/view_rules.h. For
 * verify.c only. */
#ifndef VESTRY_REPLICA_CORE_VERIFY_VIEW_H
#define VESTRY_REPLICA_CORE_VERIFY_VIEW_H

#include "governance/view_rules.h"
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

/* A checkpoint with Q good lines of the job's members, or that of height 0, which needs none. */
MUST_USE bool stable_good(const struct verify_job *job, const struct stable *stable);

/* DROP_CERTIFICATE says that the sender signed it, and that it is not good: proof against it. */
MUST_USE enum drop view_change_verify(const struct share *share, const struct message *message);
MUST_USE enum drop new_view_verify(const struct share *share, const struct message *message);

#endif
