/* What a host is made of. For the files host*.c and page.c only; everything here belongs to the
 * loop thread. */
#ifndef VESTRY_REPLICA_HOST_HOST_PARTS_H
#define VESTRY_REPLICA_HOST_HOST_PARTS_H

#include "replica/host/cargo.h"
#include "replica/host/clients.h"
#include "replica/host/commit_thread.h"
#include "replica/host/fetch_quota.h"
#include "replica/host/host.h"
#include "replica/host/listener.h"
#include "replica/host/memo.h"
#include "replica/host/peer.h"
#include "replica/host/reader.h"
#include "replica/host/reply.h"
#include "replica/host/vain_quota.h"
#include "replica/host/verify_pool.h"
#include "storage/disk_gate.h"

/* Frames up to this length may be verified on the loop itself, while the turn's budget lasts: a hop
 * to a worker and back costs about as much as one signature. */
#define INLINE_FRAME_BYTES 2048
#define INLINE_PER_TURN 6

/* A frame on its way from a connection, by a worker, to the node. */
struct inbound {
    struct verify_work work; /* first: the pool gives this pointer back */
    struct host *host;
    struct verify_job job;
    bool is_read;
    bool followed; /* more of the same connection is here already */
    uint32_t from;
    uint64_t conn;
    size_t len;
    uint8_t frame[];
};

/* Everything that is counted and is not the core's. */
struct host_counters {
    uint64_t inspected[DROP_COUNT]; /* verdicts of node_inspect */
    uint64_t verified[DROP_COUNT];  /* verdicts of signature checks */
    uint64_t flights;
    uint64_t steps;
    uint64_t puts;
    uint64_t put_bytes;
    uint64_t replies;
    uint64_t reads;
    uint64_t fetches;
    uint64_t closed;
    uint64_t refused_hellos;
    uint64_t overloaded; /* frames dropped because too many were under way */
    uint64_t vain;       /* frames of replicas that were verified for nothing */
    uint64_t held_back;  /* times that a replica was not listened to for a while */
    uint64_t evidence;
    uint64_t unsigned_reads; /* not answered: this replica may not sign */
    uint64_t damaged_reads;  /* the store did not give back what was stored */
};

struct host {
    const struct host_setup *setup;
    const struct host_keys *keys; /* in whose name it speaks */
    bool renew;                   /* an epoch has begun in which these are others */
    struct host_setup setup_copy;
    uint32_t rid;
    struct event_base *base;
    struct node *node;
    struct outbox outbox;
    struct speaker speaker;
    struct memo *memo;
    struct memo_verifier verifier;
    struct item_view *view;    /* memory for reads */
    struct audience *audience; /* memory for replies: host_out.c */

    /* Flights. `open` fills; `closed` waits, and takes no more puts; `flying` is with the commit
     * thread. The last two may be NULL. */
    struct cargo cargos[3];
    struct cargo *open;
    struct cargo *closed;
    struct cargo *flying;
    uint64_t open_since_us;
    uint64_t wake_ms;
    uint64_t armed_ms;
    bool more; /* the node has more to do at once */

    struct verify_pool *pool;
    struct commit_thread *commit;
    struct reader *reader;
    struct channel_context *channel;
    struct conns *conns;
    struct clients *clients;
    struct fetch_quota quotas[REPLICAS_MAX]; /* by member: what it may fetch */
    struct vain_quota vain[REPLICAS_MAX];    /* ... and what of it may be verified for nothing */
    struct vain_quota relays[REPLICAS_MAX];  /* the same of requests that it passes on */
    struct peers *peers;
    struct listener *listener;
    struct reply_maker *replies;
    struct page *page;
    struct blob *attest; /* this replica's newest durable attestation, encoded; or NULL */

    struct event *verified;
    struct event *committed;
    struct event *read;
    struct event *turn_end;
    struct event *tick;
    struct event *sweep;
    struct event *term;
    struct event *interrupt;

    uint32_t inline_left; /* of this turn */
    uint32_t arriving;    /* requests that the pool is verifying */
    struct disk_gate gate;
    bool no_appends; /* the disk has too little room for new requests */
    bool frozen;     /* ... for anything */
    bool crowded;    /* the core's queue is long */
    bool halted;
    bool stopping;
    uint64_t warned_ms[REPLICAS_MAX]; /* by member: when people were told of a peer that is none */
    uint64_t strangers_warned_ms;
    uint64_t damage_warned_ms;
    struct host_counters counters;
};

/* --- host.c ---------------------------------------------------------------------------------- */

void host_stop(struct host *host);

/* --- host_step.c ----------------------------------------------------------------------------- */

/* Feed one event and take in what comes of it. */
enum drop host_feed(struct host *host, struct event *event);
enum drop host_feed_frame(struct host *host, uint32_t from, struct bytes frame);
/* One that was refused, where job_refusal_matters. */
void host_feed_refused(struct host *host, uint32_t from, struct bytes frame, enum drop verdict);

/* Whether the node may be fed: the flight that is being filled has a bound. */
MUST_USE bool host_can_step(const struct host *host);

/* What is left to do before the loop looks at its sockets again: call it after every event. */
void host_turn_ends(struct host *host);

/* Events of the loop. */
void host_on_committed(evutil_socket_t fd, short what, void *argument);
void host_on_turn_end(evutil_socket_t fd, short what, void *argument);
void host_on_tick(evutil_socket_t fd, short what, void *argument);

/* Wait for the flight under way and do its deeds; then the same for what is still open. */
void host_finish_flights(struct host *host);

/* --- host_in.c ------------------------------------------------------------------------------- */

void host_frame(void *context, struct conn *conn, struct evbuffer *in, size_t len);
void host_on_verified(evutil_socket_t fd, short what, void *argument);
void host_on_read(evutil_socket_t fd, short what, void *argument);
void host_discard(struct verify_work *work);

/* A FETCH of this replica itself, which the store answers. */
void host_fetch_own(struct host *host, struct bytes frame);

/* --- host_out.c ------------------------------------------------------------------------------ */

/* Memory for planning; freed with free. */
MUST_USE struct audience *host_audience_open(void);

/* Make deeds of an action of the step at hand. Each goes to `add`. */
typedef void deed_sink(struct host *host, const struct deed *deed);
void host_plan(struct host *host, const struct action *action, deed_sink *add);

/* Do it: its flight is durable. */
void host_do(struct host *host, const struct deed *deed);

/* --- host_link.c ----------------------------------------------------------------------------- */

void host_connected(void *context, struct conn *conn);
void host_closed(void *context, struct conn *conn, const char *why);
void host_drained(void *context, struct conn *conn);
void host_hello(struct host *host, struct conn *conn, struct bytes frame);

/* --- host_status.c --------------------------------------------------------------------------- */

/* Answer a FETCH_STATUS. */
void host_send_status(struct host *host, struct conn *conn, const struct fetch *fetch);

/* Say so when the store did not give back what was stored. */
void host_check_read(struct host *host, const struct question *question);

/* Hold clients back while the core's queue is long. */
void host_check_queue(struct host *host);

/* About once a second: deadlines, free space, the length of the core's queue. */
void host_on_sweep(evutil_socket_t fd, short what, void *argument);

#endif
