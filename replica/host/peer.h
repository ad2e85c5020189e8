/* The links to the other replicas: one for each, dialled by the one with the higher id, dialled
 * again with growing pauses when it breaks, with a bounded queue of what is to be sent.
 *
 * What is sent while there is no link is lost, as the core expects: STATUS brings it again. When
 * the other end takes too little, the oldest frames go first. Loop only. */
#ifndef VESTRY_REPLICA_HOST_PEER_H
#define VESTRY_REPLICA_HOST_PEER_H

#include "replica/host/config.h"
#include "replica/host/conn.h"

#define PEER_QUEUE_FRAMES 4096
#define PEER_BACK_OFF_MIN_MS 50
#define PEER_BACK_OFF_MAX_MS 2000

struct peers;

/* What the links need to know; `roster` gives the keys and may change between calls. */
struct peers_setup {
    struct event_base *base;
    struct conns *conns;
    uint32_t self;
    size_t queue_bytes_max;              /* of each peer */
    uint64_t seed;                       /* for the jitter of pauses */
    const struct config_peer *addresses; /* REPLICAS_MAX, in any order; an empty host: unknown */
};

MUST_USE enum status peers_open(const struct peers_setup *setup, struct peers **out);
void peers_close(struct peers *peers);

/* Begin (or go on) with these replicas: dial the lower ones, forget those that are gone. `ended` is
 * the roster of the epoch before, or NULL. */
void peers_set_roster(struct peers *peers, const struct roster *roster, const struct roster *ended);

/* A link is up, its HELLOs exchanged. An older link of the same replica is closed. */
void peers_opened(struct peers *peers, struct conn *conn);

/* A connection that was, or was to be, a replica's is closed. */
void peers_closed(struct peers *peers, const struct conn *conn);

/* Its output is short again. */
void peers_drained(struct peers *peers, const struct conn *conn);

/* Send a frame (header included) to one, or to all others. */
void peers_send(struct peers *peers, uint32_t rid, struct blob *frame);
void peers_broadcast(struct peers *peers, struct blob *frame);

MUST_USE bool peers_connected(struct peers *peers, uint32_t rid);

/* Frames that were dropped because a peer took too little. */
MUST_USE uint64_t peers_dropped(const struct peers *peers);

#endif
