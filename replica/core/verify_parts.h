/* What the files of job_verify share. For verify*.c only. */
#ifndef VESTRY_REPLICA_CORE_VERIFY_PARTS_H
#define VESTRY_REPLICA_CORE_VERIFY_PARTS_H

#include "replica/core/verify_view.h"

/* This share of a batch's requests, with their payloads. */
MUST_USE enum drop items_verify(const struct share *share, struct bytes batch,
                                struct bytes payloads);

/* Q members of its epoch committed that batch, or the null digest, which has none. DROP_EPOCH: of
 * an epoch that cannot be judged here, or not the one of that sequence. */
MUST_USE enum drop certified(const struct verify_job *job, const struct certificate *certificate,
                             const struct vote *vote, struct bytes batch);

/* DATA for a chunk of a snapshot, and for a block below one (verify_history.c). */
MUST_USE enum drop snapshot_verify(const struct share *share, const struct data *data,
                                   struct bytes attachment);
MUST_USE enum drop history_verify(const struct share *share, const struct data *data,
                                  struct bytes attachment);

#endif
