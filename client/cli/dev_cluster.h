/* A development cluster on this machine: its folder, its replicas' configurations, and starting and
 * ending them.
 *
 *     charter.genesis charter.policy client.key client.token keys/     as genesis.h makes them
 *     rN/       key files of replica N, and its data/
 *     rN.conf   its configuration, made when missing, yours to change
 *     rN.log    what it says
 *     rN.pid    its process (dev_process.h)
 *     state/    what the clients of the context must remember
 *
 * The keys are plain and all in one place: for trying, and nothing else. Not for clusters that
 * anybody relies on; those are made by a ceremony. For cmd_dev.c. */
#ifndef VESTRY_CLIENT_CLI_DEV_CLUSTER_H
#define VESTRY_CLIENT_CLI_DEV_CLUSTER_H

#include "client/cli/call.h"
#include "crypto/limits.h"
#include "keys/words/file.h"

#define DEV_FOLDER_MAX 900
#define DEV_CONTEXT "dev"
#define DEV_PORT_USUAL 7100
#define DEV_PAGE_OFFSET 80 /* replica i answers HTTP on base port + 80 + i */

struct dev_cluster {
    char folder[DEV_FOLDER_MAX]; /* absolute */
    int lock;                    /* of the folder; -1: not taken */
    uint32_t replicas;
    uint32_t faults;
    uint32_t quorum;
    uint8_t cluster_id[HASH_BYTES];
    uint16_t ports[REPLICAS_MAX];
    uint16_t pages[REPLICAS_MAX]; /* 0: none */
};

/* Where the cluster is: `given`, or VESTRY_DEV_DIR, or dev in the folder for state. */
MUST_USE enum status dev_cluster_folder(const char *given, char out[DEV_FOLDER_MAX],
                                        struct problem *problem);
/* Whether there is a cluster. */
MUST_USE bool dev_cluster_exists(const char *folder);

/* Make a new one. base_port 0 chooses ports that are free; others must be. */
MUST_USE enum status dev_cluster_make(const char *folder, uint32_t replicas, uint16_t base_port,
                                      struct problem *problem);

/* Read the charter, which must be one for development. With `exclusive`, until the program ends no
 * other call may change the cluster; STATUS_BUSY when one is at work. */
MUST_USE enum status dev_cluster_open(const char *folder, bool exclusive,
                                      struct dev_cluster *cluster, struct problem *problem);

/* "<folder>/rN<suffix>" */
void dev_cluster_path(const struct dev_cluster *cluster, uint32_t rid, const char *suffix,
                      char out[FILE_PATH_MAX]);

/* The process of a replica, or 0. */
MUST_USE pid_t dev_replica_pid(const struct dev_cluster *cluster, uint32_t rid);

/* Start the replicas of this set (bit r: replica r), none of which is running, with this vestryd;
 * makes configurations and data directories that are missing. Does not wait until they answer.
 * `started` says which processes there are, also on failure. */
MUST_USE enum status dev_replicas_start(const struct dev_cluster *cluster, uint32_t set,
                                        const char *vestryd, uint32_t *started,
                                        struct problem *problem);

/* What a replica that has ended said last, as a problem. */
MUST_USE enum status dev_replica_last_words(const struct dev_cluster *cluster, uint32_t rid,
                                            struct problem *problem);

/* Ask the replicas of this set (bit r: replica r) to end, and wait until they have. */
MUST_USE enum status dev_replicas_stop(const struct dev_cluster *cluster, uint32_t set,
                                       struct problem *problem);

/* Delete what was made in the folder, and the folder when nothing else is in it. */
MUST_USE enum status dev_cluster_remove(const struct dev_cluster *cluster, struct problem *problem);

#endif
