/* One simulated run: virtual time, replicas with their disks, a network, clients, a checker.
 *
 *   run.c        decides what is due and heals the run at its end
 *   host.c       drives one node as the server does: steps, flights, syncs, crashes, restores
 *   network.c    loses, copies, delays and reorders frames
 *   answer.c     answers FETCH out of a store
 *   client.c     asks, repeats, counts answers
 *   liar*.c      what faulty replicas send instead (liar.h)
 *   check_*.c    watches everything; shares no state with the nodes
 *
 * One thread, no clock, no randomness but `prng`. The simulator only. */
#ifndef VESTRY_TESTS_SIM_WORLD_H
#define VESTRY_TESTS_SIM_WORLD_H

#include "replica/core/node.h"
#include "storage/store_memory.h"
#include "tests/sim/cast.h"
#include "tests/sim/events.h"

/* A frame without its length header, shared by all copies that travel. */
struct blob {
    uint32_t refs;
    uint32_t len;
    bool judged;       /* job_verify was asked: it is a function of the frame and the roster */
    enum drop verdict; /* what it said */
    uint8_t data[];
};

MUST_USE struct blob *blob_make(struct bytes bytes);
void blob_drop(struct blob *blob);
static inline struct bytes blob_bytes(const struct blob *blob)
{
    return bytes_make(blob->data, blob->len);
}

/* What a replica tells clients: a block's results, a known result, or a refusal. */
struct told_item {
    uint8_t request_id[HASH_BYTES];
    uint64_t code;
    uint64_t first_index;
    uint64_t count;
    uint64_t height; /* where it was executed */
};

struct telling {
    uint32_t refs;
    uint32_t rid;
    bool hint;            /* a refusal: no attestation */
    uint64_t height;      /* of the attestation */
    struct attest attest; /* borrows from header_bytes */
    uint8_t header_hash[HASH_BYTES];
    uint8_t header_bytes[HEADER_BYTES_MAX];
    uint32_t count;
    struct told_item items[];
};

MUST_USE struct telling *telling_make(uint32_t rid, uint32_t count);
void telling_attest(struct telling *reply, struct bytes attest);
void telling_drop(struct telling *reply);

/* An action that waits until the puts before it are durable. */
struct held {
    enum action_kind kind;
    uint32_t to;
    struct blob *frame;
    struct telling *reply;
};

struct host {
    uint32_t rid;
    bool up;
    bool cut_off;    /* its network is gone */
    bool recovering; /* its disk was lost: it joined anew, and must not vote */
    uint32_t life;   /* counts its starts */
    struct node *node;
    struct store *store;
    int64_t skew_ms;
    uint64_t tick_at_us; /* when it is woken; UINT64_MAX: not at all */
    bool syncing;
    struct held *held;
    size_t held_count;
    size_t held_capacity;
};

/* VIEW-CHANGEs of one replica that any liar has seen: frames. */
struct heard {
    struct blob *newest;
    struct blob *older;
    uint64_t view; /* of the newest */
};

/* When a slow primary lets its last proposal go. */
struct slow_primary {
    uint64_t at_us;
    uint64_t sequence;
};

struct client;
struct request_log;
struct check;
struct serve;

enum phase {
    PHASE_STORM, /* everything may happen */
    PHASE_HEAL,  /* no loss, a quorum up, nobody lies: what is asked must be answered */
    PHASE_REST,  /* all up, nobody asks: all must come to the same state */
};

struct tally {
    uint64_t messages; /* frames handed to nodes */
    uint64_t steps;
    uint64_t requests;
    uint64_t acknowledged;
    uint64_t refused;
    uint64_t entries;
    uint64_t heights;
    uint64_t crashes;
    uint64_t lost; /* disks */
    uint64_t evidence;
    uint64_t lies;
    uint64_t fetched; /* DATA frames sent */
    uint64_t receipts;
};

struct world {
    struct plan plan;
    struct prng prng;
    struct cast cast;
    enum phase phase;
    uint64_t now_us;
    struct events events;
    struct outbox outbox; /* of whichever node steps */
    struct serve *serves[SIM_REPLICAS_MAX];
    struct host hosts[SIM_REPLICAS_MAX];
    struct client *clients;
    struct request_log *requests;
    struct check *check;
    struct heard heard[SIM_REPLICAS_MAX];
    struct slow_primary slow[SIM_REPLICAS_MAX];
    struct tally tally;
    uint32_t absent;        /* replicas that stay away while the others are healed */
    uint64_t asks_until_us; /* clients ask that long after the healing */
    uint64_t digest;        /* of everything that happened */
    bool trace;
    bool failed;
    char failure[512];
};

/* The run has shown a violation of `invariant` at replica `rid` (or SIM_NOBODY). The first stands.
 */
#define SIM_NOBODY UINT32_MAX
void world_fail(struct world *world, const char *invariant, uint32_t rid, const char *format, ...)
    PRINTF_LIKE(4, 5);
void world_trace(const struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

/* Mix bytes into the digest of the run. */
void world_note(struct world *world, struct bytes bytes);

MUST_USE static inline uint64_t world_ms(const struct world *world)
{
    return world->now_us / 1000;
}

/* Whether faulty replicas are faulty now: in the storm, and in some runs until the end of what a
 * quorum of the others must achieve against them. */
MUST_USE static inline bool world_has_liars(const struct world *world)
{
    return world->phase == PHASE_STORM || (world->phase == PHASE_HEAL && world->plan.liars_stay);
}

MUST_USE static inline bool world_lies(const struct world *world, uint32_t rid, uint32_t lie)
{
    return world_has_liars(world) && (world->plan.liars >> rid & 1) != 0 &&
           (world->plan.lies & lie) != 0;
}

/* --- host.c ------------------------------------------------------------------------------------
 */

void host_open(struct world *world, uint32_t rid);
void host_close(struct host *host);
void host_start(struct world *world, struct host *host);
void host_crash(struct world *world, struct host *host);
/* lost.c: the disk too; what it starts from next is what `vestryd join` makes. */
void host_lose(struct world *world, struct host *host);
void host_frame(struct world *world, struct host *host, uint32_t from, struct blob *frame);
void host_tick(struct world *world, struct host *host, uint64_t at_us);
void host_synced(struct world *world, struct host *host);
MUST_USE uint64_t host_wall_ms(const struct world *world, const struct host *host);

/* Whether one more replica may fail now: liars count, and so does who is down or cut off. */
MUST_USE bool hosts_may_fail(const struct world *world, uint32_t rid);

/* --- run.c -------------------------------------------------------------------------------------
 */

void world_open(struct world *world, const struct plan *plan);
void world_run(struct world *world);
void world_close(struct world *world);

/* --- network.c ---------------------------------------------------------------------------------
 */

#define SIM_CLIENT NODE_CLIENT

/* Takes no reference: the network keeps its own. */
void network_send(struct world *world, uint32_t from, uint32_t to, struct blob *frame);
void network_reply(struct world *world, uint32_t rid, uint32_t client, struct telling *reply);

/* --- answer.c ----------------------------------------------------------------------------------
 */

void answers_open(struct world *world); /* once for all runs */
void answers_close(struct world *world);

/* Answer the FETCH in `frame` out of the host's store, to replica `to`. */
void answer_fetch(struct world *world, struct host *host, uint32_t to, struct bytes frame);

/* --- liar.c ------------------------------------------------------------------------------------
 */

/* A faulty replica is about to send `frame`. True when it goes out as it is too. */
MUST_USE bool liar_sends(struct world *world, struct host *host, uint32_t to, struct blob *frame);
void liar_replies(struct world *world, struct telling *reply);
/* A liar has seen this frame: VIEW-CHANGEs are kept. */
void liar_hears(struct world *world, struct blob *frame);
void liars_forget(struct world *world);

#endif
