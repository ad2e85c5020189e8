/* After a development cluster was started: waiting until it answers, and the context by which the
 * other verbs find it. For cmd_dev.c. */
#ifndef VESTRY_CLIENT_CLI_DEV_READY_H
#define VESTRY_CLIENT_CLI_DEV_READY_H

#include "client/cli/dev_cluster.h"

/* Wait until the replicas of this set (bit r: replica r) answer this client. Says for whom when it
 * takes long. STATUS_IO with its last words when one has ended. */
MUST_USE enum status dev_wait_ready(const struct call *call, const struct dev_cluster *cluster,
                                    uint32_t set, struct problem *problem);

/* Write the context of the cluster and use it. False, with a warning, when that is not possible. */
MUST_USE bool dev_context_use(const struct call *call, const struct dev_cluster *cluster);

/* Remove the context when it is that of this cluster. */
void dev_context_forget(const struct dev_cluster *cluster);

#endif
