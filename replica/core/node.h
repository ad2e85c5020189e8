/* One replica as a pure state machine: events in, records and actions out.
 *
 * The node reads no clock (time is in the event), draws no randomness (a seed, for timer jitter)
 * and allocates nothing after node_open. The server, the simulator and the fuzzers are hosts of it;
 * the rules that bind them are in outbox.h.
 *
 *   bytes from a channel --> node_inspect --> job_verify (any thread) --> EVENT_MESSAGE
 *                      one that proves nothing:                      --> EVENT_REFUSED
 *   records of the store --> EVENT_RESTORED ... --> EVENT_STARTED
 *   time                 --> EVENT_TICK, at outbox.wake_ms or earlier
 *
 * At start the host feeds every record of FAMILY_STATE and FAMILY_JOURNAL, in any order, then
 * STARTED. A new store has none: the node then starts from the charter and its first step puts
 * genesis. FETCH never reaches the node: hosts answer it from the store (a FETCH that the node
 * sends to itself included). */
#ifndef VESTRY_REPLICA_CORE_NODE_H
#define VESTRY_REPLICA_CORE_NODE_H

#include "crypto/sign.h"
#include "governance/rights.h"
#include "governance/roster.h"
#include "governance/state.h"
#include "replica/core/drop.h"
#include "replica/core/outbox.h"

struct node;

/* States of heights that are multiples of so many checkpoint intervals can be fetched from others
 * (ACTION_PIN). Hints: who counts otherwise than its sources catches up by blocks. */
#define SNAPSHOT_SPAN_USUAL 64

/* The sender of a frame that no replica's channel brought. */
#define NODE_CLIENT UINT32_MAX

#define NODE_KEYS_MAX 8

/* The two keys that a replica signs with, SEED_BYTES each. */
struct node_key {
    const uint8_t *sign_seed;
    const uint8_t *cosign_seed;
};

struct node_config {
    struct bytes charter_file; /* verified by the caller; borrowed during node_open only */
    uint32_t rid;
    const struct sig_scheme *scheme;
    const struct node_key *keys; /* of all epochs that it may meet; the seeds must outlive the node.
                                  * In each it signs with those that its roster names */
    uint32_t key_count;          /* 1..NODE_KEYS_MAX */
    uint64_t jitter_seed;
    size_t pool_bytes;      /* for requests and batches in memory; at least 32 MiB */
    uint64_t snapshot_span; /* snapshots are of multiples of K * this; 0: SNAPSHOT_SPAN_USUAL */
    uint32_t state_records_max;
    size_t state_bytes_max;
};

/* STATUS_INVALID: the charter does not parse or names no such replica. */
MUST_USE enum status node_open(const struct node_config *config, struct node **out);
void node_close(struct node *node);

enum event_kind {
    EVENT_RESTORED,
    EVENT_STARTED,
    EVENT_MESSAGE,
    EVENT_REFUSED,
    EVENT_TICK
};

struct event {
    enum event_kind kind;
    uint64_t now_ms;    /* monotonic */
    uint64_t wall_ms;   /* Unix time by this host's clock: a hint */
    uint32_t arriving;  /* requests whose signatures the host is still verifying: a hint */
    uint32_t from;      /* MESSAGE: the replica whose channel brought it, or NODE_CLIENT */
    struct bytes frame; /* MESSAGE: without the length header; its signatures were found good.
                         * REFUSED: one that job_verify refused, where job_refusal_matters */
    enum drop verdict;  /* REFUSED: of job_verify */
    struct put record;  /* RESTORED */
};

/* The outbox is emptied first. The verdict is DROP_NONE when the event had its effect. */
enum drop node_step(struct node *node, const struct event *event, struct outbox *outbox);

/* What a worker needs to check the signatures of one frame: a copy, so that the node may move on.
 */
struct verify_job {
    const struct sig_scheme *scheme;
    uint8_t cluster_id[HASH_BYTES];
    struct roster roster;
    struct roster ended;       /* of the epoch before; no members in the first */
    uint64_t begun;            /* the height that closed that one */
    bool hint;                 /* what it says is only a hint of whose channel brought it */
    struct bytes charter_name; /* borrows from the node, which keeps it for ever */
    uint64_t interval;         /* K */
    uint64_t window;           /* L */
    uint64_t type;             /* enum message_type */
};

/* Cheap checks of a frame against what the node knows; changes nothing. On DROP_NONE `job` is what
 * remains to be verified. */
MUST_USE enum drop node_inspect(const struct node *node, uint32_t from, struct bytes frame,
                                struct verify_job *job);

/* Verify the signatures of the frame, or the share `part` of `parts` of them (a batch has
 * hundreds). Pure, any thread. DROP_NONE when all of that share are good. */
MUST_USE enum drop job_verify(const struct verify_job *job, struct bytes frame, uint32_t part,
                              uint32_t parts, const struct sig_memo *memo);

/* Whether the node wants to hear of a frame that job_verify refused so: a batch, a VIEW-CHANGE or a
 * NEW-VIEW that convicts who signed it, an answer of a source that is not to be asked for a while.
 */
MUST_USE bool job_refusal_matters(const struct verify_job *job, enum drop verdict);

/* What people and metrics want to know of a node. */
struct node_look {
    uint64_t epoch;
    uint64_t view;
    enum replica_mode mode;
    uint32_t primary;  /* rid */
    uint64_t boundary; /* the last height of this epoch; UINT64_MAX while none is named */
    bool keyless;      /* it has not the key that this epoch's roster names */
    uint64_t stable;
    uint64_t executed;
    uint64_t tree_size;
    uint64_t time_ms; /* T */
    uint8_t header_hash[HASH_BYTES];
    uint8_t config_hash[HASH_BYTES];
    uint32_t queued;    /* requests not ordered yet */
    uint32_t in_flight; /* slots proposed or accepted and not executed */
    uint64_t missing; /* blocks below the head that a snapshot skipped and that are not here yet */
    uint64_t snapshots; /* that were installed since the start */
    bool behind;        /* W others are further ahead than what is on its way */
    bool awake;         /* the amnesia challenge is answered */
    bool halted;
    uint64_t drops[DROP_COUNT];
    uint64_t received[32]; /* by message type */
    struct {
        uint32_t rid;
        uint64_t executed;
        uint64_t heard_ms; /* monotonic; 0: never */
        bool banned;       /* nothing is fetched from it for a while */
    } peers[REPLICAS_MAX];
    uint32_t peer_count;
};
void node_look(const struct node *node, struct node_look *out);

/* Whether this replica may sign anything that others rely on: the amnesia challenge is answered,
 * and nobody held what its journal lacks. Hosts ask before they answer clients; the node asks
 * itself. */
MUST_USE bool node_may_sign(const struct node *node);

/* Read-only parts, for readers on the same thread: the check of a read token, the page, the tests.
 */
MUST_USE const struct state *node_state(const struct node *node);
MUST_USE const struct rights *node_rights(const struct node *node);
MUST_USE const struct roster *node_roster(const struct node *node);
/* Of the epoch before; NULL in the first. */
MUST_USE const struct roster *node_roster_ended(const struct node *node);
/* Which of its keys the epoch names that it is in, as far as records have been restored;
 * NODE_KEYS_MAX: none. */
MUST_USE uint32_t node_key_in_force(const struct node *node);
MUST_USE const uint8_t *node_cluster_id(const struct node *node);
MUST_USE struct bytes node_charter_name(const struct node *node);

/* A line for each thing that happens, for traces of the simulator and of debugging; NULL for none.
 * The text lives during the call only. */
typedef void node_trace(void *context, const char *line);
void node_trace_to(struct node *node, node_trace *trace, void *context);

#endif
