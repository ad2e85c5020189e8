/* One simulated run: virtual time, replicas with their disks, a network, clients, a checker.
 *
 *   run.c        decides what is due and heals the run at its end
 *   host.c       drives one node as the server does: steps, flights, syncs, crashes, restores
 *   network.c    loses, copies, delays and reorders frames
 *   answer.c     answers FETCH out of a store
 *   forget.c     disks that are lost or put back
 *   script.h     runs with a name: what happens in them is written down, not drawn
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
    bool judged;       /* job_verify was asked: it is a function of the frame and the keys */
    uint64_t epoch;    /* that these were of */
    enum drop verdict; /* what it said */
    bool typed;        /* blob_type was asked */
    uint64_t type;     /* what it said */
    uint8_t data[];
};

MUST_USE struct blob *blob_make(struct bytes bytes);
/* The type of the message in it; 0 when it is none. */
MUST_USE uint64_t blob_type(struct blob *blob);
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
    bool cut_off;  /* its network is gone */
    uint32_t life; /* counts its starts */
    struct node *node;
    struct store *store;
    struct store *picture; /* of the disk, earlier; or NULL */
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
    uint64_t place; /* of the newest: check_place */
};

/* When a slow primary lets its last proposal go. */
struct slow_primary {
    uint64_t at_us;
    uint64_t view;
    uint64_t sequence;
};

/* What liars that are more than f know of the log that the other side has (liar_fork.c). */
#define SIM_FORK_FROM 8 /* up to here there is one log */
#define SIM_OTHER_SLOTS 64
#define SIM_FORK_VIEW 1 /* where the other side is led, if it is led across views */

struct other_slot {
    uint64_t sequence;
    uint8_t digest[HASH_BYTES];
};

struct other_log {
    struct other_slot slots[SIM_OTHER_SLOTS];
    uint64_t height; /* of the header */
    size_t header_len;
    uint8_t header[HEADER_BYTES_MAX];
    /* Of liar_across.c: VIEW-CHANGEs for that view, by replica; who was told the liars' own;
     * whether there is a NEW-VIEW; the last block that was proposed there. */
    struct blob *changes[SIM_REPLICAS_MAX];
    uint32_t told;
    bool announced;
    uint64_t proposed;
};

struct client;
struct request_log;
struct check;
struct script;
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
    uint64_t evidence;
    uint64_t lies;
    uint64_t fetched; /* DATA frames sent */
    uint64_t receipts;
    uint64_t forgot;     /* disks that were lost or put back */
    uint64_t recovering; /* how many of these replicas found out */
    uint64_t snapshots;  /* that took the place of blocks */
    uint64_t cuts;       /* of the network */
    uint64_t suspensions;
    uint64_t epochs; /* that were decided beyond the first */
    uint64_t rotations;
    uint64_t overlaps; /* epoch actions that waited for a boundary */
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
    uint32_t blocked[SIM_REPLICAS_MAX]; /* by sender: the replicas that do not hear it */
    uint32_t cut_side;
    uint32_t cut_one;
    struct heard heard[SIM_REPLICAS_MAX];
    struct blob *ordered_once; /* by liar_order.c: a batch that is proposed again, NULL at first */
    struct slow_primary slow[SIM_REPLICAS_MAX];
    struct other_log other;
    const struct script *script; /* of a run with a name, or NULL */
    uint32_t stage;              /* how far it has come; see script.h */
    uint64_t mark[8];            /* what it remembers */
    uint32_t forgot;             /* replicas whose disk was lost or put back */
    uint32_t unsure;             /* those of them that have not started again, or not asked */
    uint8_t generations[SIM_REPLICAS_MAX]; /* of keys that officers gave each, beyond the first */
    uint32_t renewals;                     /* that they asked for */
    struct tally tally;
    uint32_t absent;        /* replicas that stay away while the others are healed */
    uint64_t asks_until_us; /* clients ask that long after the healing */
    uint64_t digest;        /* of everything that happened */
    bool trace;
    bool story; /* a trace without every frame */
    bool failed;
    char failure[512];
};

/* The run has shown a violation of `invariant` at replica `rid` (or SIM_NOBODY). The first stands.
 */
#define SIM_NOBODY UINT32_MAX

/* What every replica opens its state with. */
#define SIM_STATE_RECORDS 4096
#define SIM_STATE_BYTES ((size_t)4 << 20)
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

/* Whether it is one of those to whom the liars show another log. */
MUST_USE static inline bool world_is_other(const struct world *world, uint32_t rid)
{
    return (world->plan.other_side >> rid & 1) != 0;
}

MUST_USE static inline bool world_lies(const struct world *world, uint32_t rid, uint32_t lie)
{
    return world_has_liars(world) && (world->plan.liars >> rid & 1) != 0 &&
           (world->plan.lies & lie) != 0;
}

/* --- host.c ------------------------------------------------------------------------------------
 */

void host_open(struct world *world, uint32_t rid);
void host_close(struct world *world, struct host *host);
void host_start(struct world *world, struct host *host);
void host_crash(struct world *world, struct host *host);
void host_frame(struct world *world, struct host *host, uint32_t from, struct blob *frame);
void host_tick(struct world *world, struct host *host, uint64_t at_us);
void host_synced(struct world *world, struct host *host);
MUST_USE uint64_t host_wall_ms(const struct world *world, const struct host *host);

/* --- forget.c ----------------------------------------------------------------------------------
 */

/* Keep a picture of the host's disk as it is now. */
void host_picture(struct world *world, struct host *host);
/* The host dies, and comes back with the disk of its picture, or with an empty one. */
void host_forget(struct world *world, struct host *host, bool all);
/* After each of its steps: whether it has found out, or will not. */
void forget_look(struct world *world, struct host *host);
/* Whether it has forgotten and must not vote: it knows, or has not asked yet. */
MUST_USE bool host_is_recovering(const struct world *world, const struct host *host);

/* --- host.c again ------------------------------------------------------------------------------
 */

/* Whether one more replica may fail now: liars count, and so does who is down or cut off. */
MUST_USE bool hosts_may_fail(const struct world *world, uint32_t rid);
MUST_USE bool hosts_may_forget(const struct world *world, uint32_t rid);

/* --- run.c -------------------------------------------------------------------------------------
 */

void world_open(struct world *world, const struct plan *plan);
void world_run(struct world *world);
void world_close(struct world *world);

/* --- network.c ---------------------------------------------------------------------------------
 */

#define SIM_CLIENT NODE_CLIENT

/* Cut the network between replicas in some way, and make it whole (partition.c). */
void partition_begin(struct world *world);
void partition_end(struct world *world);

/* Takes no reference: the network keeps its own. */
void network_send(struct world *world, uint32_t from, uint32_t to, struct blob *frame);
void network_reply(struct world *world, uint32_t rid, uint32_t client, struct telling *reply);

/* --- answer.c ----------------------------------------------------------------------------------
 */

void answers_open(struct world *world); /* once for all runs */
void answers_close(struct world *world);
/* A picture of its store as it is now, of that height; and no more pictures. */
void answer_pin(struct world *world, struct host *host, uint64_t height);
void answer_unpin(struct world *world, const struct host *host);

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
/* A frame from the other side reached a liar: true when its node must not hear of it. */
MUST_USE bool liar_keeps(struct world *world, uint32_t from, const struct blob *frame);
/* What a replica of the other side tells its clients, liars know too. */
void liars_overhear(struct world *world, const struct telling *reply);
/* True when a client of the other side hears what is said there instead. */
MUST_USE bool liar_tells_other(struct world *world, const struct telling *reply, uint32_t client);

#endif
