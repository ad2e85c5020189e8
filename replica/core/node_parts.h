/* What a node is made of. For the files of replica/core only: hosts see node.h.
 *
 *   awake  not before the amnesia challenge is answered (challenge.c); asleep it signs no vote
 *   mode   ACTIVE --view_leave--> CHANGING --view_enter--> ACTIVE
 *   slots  see window.h
 *   head   the executed block; stable <= head.height always
 *
 * Handlers are on_<message>(node, message, outbox), one file each; they assume that node_inspect
 * and job_verify passed, and check again whatever may have changed since. */
#ifndef VESTRY_REPLICA_CORE_NODE_PARTS_H
#define VESTRY_REPLICA_CORE_NODE_PARTS_H

#include "crypto/merkle.h"
#include "crypto/note.h"
#include "crypto/schema.h"
#include "governance/capability.h"
#include "governance/charter.h"
#include "governance/mutant.h"
#include "governance/view_plan.h"
#include "replica/core/attestations.h"
#include "replica/core/message.h"
#include "replica/core/node.h"
#include "replica/core/outbox_put.h"
#include "replica/core/pace.h"
#include "replica/core/pool.h"
#include "replica/core/queue.h"
#include "replica/core/sig_cache.h"
#include "replica/core/snapshot.h"
#include "replica/core/sources.h"
#include "replica/core/window.h"

/* The last executed block, as the next one needs it. */
struct head {
    uint64_t height;
    uint64_t time_ms;  /* T */
    uint64_t boundary; /* its header's: the last height of the epoch; UINT64_MAX: none is named */
    uint8_t header_hash[HASH_BYTES];
    size_t header_len;
    uint8_t header[HEADER_BYTES_MAX];
    uint8_t note_sig[SIG_BYTES]; /* this replica's own attestation of it */
    uint8_t cosig[SIG_BYTES];
    struct merkle_frontier frontier;
};

/* What is heard of another replica: hints. */
struct peer {
    uint64_t boot;
    uint64_t counter;
    uint64_t view;
    uint64_t mode;
    uint64_t challenged_ms; /* when its challenge was last answered; 0: never */
    uint64_t stable;
    uint64_t executed;
    uint64_t heard_ms;    /* 0: never */
    uint64_t helped_ms;   /* when its STATUS was last answered */
    uint64_t told_height; /* the head that it was last told the attestation of, for its STATUS */
    uint64_t told_ms;
};

/* The newest VIEW-CHANGE of a member, verified. */
struct kept_change {
    uint64_t view;     /* 0: none */
    struct bytes body; /* in the pool, or the node's own_change */
    uint8_t sig[SIG_BYTES];
};

/* An epoch, as it began behind `height`. */
struct epoch_begun {
    uint64_t epoch;
    uint64_t height;
    struct roster roster;
};

/* The COMMIT of a member for the highest sequence of this epoch. */
struct last_commit {
    bool any;
    struct vote vote;
    uint8_t sig[SIG_BYTES];
};

/* The NEW-VIEW that the current view, or the one that was last left, was entered by. */
struct entered {
    uint64_t view;
    struct bytes body; /* in the pool; empty: not at hand */
    struct view_plan plan;
};

#define VIEW_CHANGE_BYTES_MAX (WINDOW_MAX * (PREPARED_BYTES_MAX + 8) + 8192)
#define COMPLAIN_INTERVAL_MS 50
#define CHALLENGE_INTERVAL_MS 50

#define SPENT_MAX (2 * WINDOW_MAX + 8)
#define LATE_MAX 64

/* Work space of one execution; see machine.h. */
struct workspace;

struct node {
    /* Who this is; fixed after node_open. */
    const struct sig_scheme *scheme;
    struct node_key keys[NODE_KEYS_MAX];
    uint32_t key_count;
    uint32_t rid;
    uint32_t self; /* member index */
    uint8_t cluster_id[HASH_BYTES];
    struct bytes charter_body;   /* owned copy */
    struct charter_view charter; /* borrows from it */
    struct origin origin;
    struct sig_oracle oracle; /* answers out of sig_cache */

    /* Replicated state and what is derived from it. */
    struct state *state;
    struct rights rights;
    struct head head;
    struct state *fetched; /* of a snapshot that is being fetched, or what the last one replaced */
    struct snapshot snapshot;
    struct gap gap;                               /* blocks that a snapshot skipped */
    struct parked_block parked[FETCH_BLOCKS_MAX]; /* by sequence; their parcels are in the pool */
    uint64_t snapshots;                           /* that were installed by this process */

    /* Agreement. */
    uint64_t epoch;
    struct roster roster;       /* of this epoch, with the standings of the state */
    const struct node_key *key; /* what it signs with in this epoch; NULL: it has it not */
    struct epoch_begun begun;   /* this epoch */
    struct epoch_begun ended;   /* the one before; no members in the first */
    uint64_t view;
    enum replica_mode mode;
    struct window window;
    /* The next blocks, by commit certificate, where the window does not reach: n mod LATE_MAX. */
    struct slot late[LATE_MAX];
    struct attestations attestations;
    uint64_t quorum_height; /* of the newest checkpoint with Q attestations */
    uint64_t proposed;      /* the last sequence this primary proposed */
    uint64_t gathers_ms;    /* until then a batch waits for requests that arrive; 0: none waits */
    size_t stable_len;      /* the proof of window.stable, an encoded `struct stable` */
    uint8_t stable_proof[STABLE_BYTES_MAX];
    uint64_t stable_before; /* the stable checkpoint before that one; its proof is kept too */

    /* Changing views. */
    struct kept_change changes[REPLICAS_MAX];
    uint8_t own_change[VIEW_CHANGE_BYTES_MAX];
    uint64_t complained_ms[REPLICAS_MAX]; /* about this view; 0: not */
    bool complains;                       /* this replica does */
    bool convicted; /* the primary of this view, of a bad batch: one look at one is enough */
    /* Members that this process has proof against, of a bad VIEW-CHANGE or NEW-VIEW: one piece of
     * each is enough, so a flood of them costs nothing more. */
    uint64_t accused_changes;
    uint64_t accused_new_views;
    uint64_t accused_denials; /* the same of a COMMIT that a VIEW-CHANGE denies */
    struct last_commit last_commits[REPLICAS_MAX];
    struct entered entered;
    uint32_t backoff;           /* k: timers run for T * 2^k */
    uint32_t calm;              /* stable checkpoints since k was moved */
    uint64_t entered_height;    /* where the head was when this view was entered */
    uint64_t planned;           /* the last sequence that its NEW-VIEW proposed */
    uint64_t new_view_due_ms;   /* CHANGING with Q held: the NEW-VIEW must be here; 0: not */
    uint64_t new_view_fetch_ms; /* when it was last asked for */
    bool new_view_asked;
    uint8_t oldest[HASH_BYTES]; /* what has waited longest: a request, or zero for the next slot */
    uint64_t waits_since_ms;    /* since when it is the oldest; 0: nothing waits */
    uint64_t waits_height;
    struct pace pace;
    struct bytes restored_view; /* in the pool: the stored NEW-VIEW, until STARTED */
    struct queue *queue;
    struct pool pool;
    struct sig_cache *sig_cache;

    /* Time, as of the current event, and what waits for it. */
    uint64_t now_ms;
    uint64_t wall_ms;
    uint32_t arriving;
    uint64_t status_due_ms;
    struct sources sources;   /* by member: what was asked of whom, and who is banned */
    uint64_t stable_due_ms;   /* when a stable checkpoint may be asked for again */
    uint64_t executed_ms;     /* when the head last moved */
    uint64_t attested_height; /* of the own attestation that was last broadcast */
    uint64_t attested_ms;     /* when that was */
    uint64_t jitter;
    uint64_t snapshot_span; /* in checkpoint intervals */
    uint64_t boot;
    uint64_t status_counter;
    struct peer peers[REPLICAS_MAX];

    /* Pool blocks whose bytes the last step's puts may still borrow. */
    const uint8_t *spent[SPENT_MAX];
    uint32_t spent_count;

    /* State of this process. */
    bool started;
    bool awake;
    uint64_t answered; /* members that answered the challenge, and hold nothing newer */
    uint8_t nonce[SALT_BYTES];
    bool restored_head;
    bool halted;
    struct workspace *work;
    uint64_t drops[DROP_COUNT];
    uint64_t received[32];
    node_trace *trace;
    void *trace_context;
};

/* As node_inspect, and the frame's parts (inspect.c). */
MUST_USE enum drop message_inspect(const struct node *node, uint32_t from, struct bytes frame,
                                   struct message *out);

/* The shorter way to a message's parts, for all handlers. */
enum drop on_request(struct node *node, uint32_t from, const struct message *message,
                     struct outbox *outbox);
/* Why the request in the workspace's view cannot succeed: only grounds that hold until time or
 * state changes for good. RESULT_OK: it may. */
MUST_USE enum result_code request_hopeless(struct node *node);
enum drop on_pre_prepare(struct node *node, const struct message *message, struct outbox *outbox);
enum drop on_refused(struct node *node, const struct message *message, enum drop verdict,
                     struct outbox *outbox);
enum drop on_prepare(struct node *node, const struct message *message, struct outbox *outbox);
enum drop on_commit(struct node *node, const struct message *message, struct outbox *outbox);
enum drop on_attest(struct node *node, const struct message *message, struct outbox *outbox);
enum drop on_status(struct node *node, const struct message *message, struct outbox *outbox);
enum drop on_data(struct node *node, uint32_t from, const struct message *message,
                  struct outbox *outbox);
void on_bad_data(struct node *node, uint32_t from, struct outbox *outbox);
void on_foreign_data(struct node *node, uint32_t from, const struct message *message,
                     struct outbox *outbox);
enum drop on_challenge(struct node *node, const struct message *message, struct outbox *outbox);
enum drop on_challenge_answer(struct node *node, const struct message *message,
                              struct outbox *outbox);
enum drop on_complain(struct node *node, const struct message *message, struct outbox *outbox);
enum drop on_view_change(struct node *node, const struct message *message, struct outbox *outbox);
enum drop on_new_view(struct node *node, const struct message *message, struct outbox *outbox);
void on_tick(struct node *node, struct outbox *outbox);

/* Slots (slots.c). Move a slot as far as its votes allow: put the certificate and send COMMIT once
 * prepared; note that it is committed. */
void slot_advance(struct node *node, struct slot *slot, struct outbox *outbox);
/* The slot's pre-prepare was accepted: put it with its batch, then PREPARE (backups). */
void slot_accept(struct node *node, struct slot *slot, struct outbox *outbox);
void slot_put_batch(const struct slot *slot, struct outbox *outbox);
/* The body that every vote of the slot signs, in the outbox's memory. */
struct bytes slot_vote_body(const struct node *node, const struct slot *slot,
                            struct outbox *outbox);
/* Sign a body with this replica's key (slots.c). */
void own_sign(const struct node *node, enum sign_tag tag, struct bytes body,
              uint8_t out[SIG_BYTES]);
/* Sign the body as this replica and send the message: to all (to == NODE_CLIENT) or to one. */
void vote_send(struct node *node, enum message_type type, const struct slot *slot, uint32_t to,
               struct outbox *outbox);
void pre_prepare_send(struct node *node, const struct slot *slot, uint32_t to,
                      struct outbox *outbox);
/* Take a vote into the slot; evidence when it contradicts an earlier one. */
enum drop vote_take(struct node *node, const struct message *message, bool is_commit,
                    struct outbox *outbox);

/* Proposing (propose.c): fill and propose batches while slots and requests are there. */
MUST_USE bool full_batch_waits(const struct node *node);
void propose(struct node *node, struct outbox *outbox);

/* Execution (machine.c): the next committed slot whose batch is here, at most one a step. True when
 * a block was executed. */
bool machine_advance(struct node *node, struct outbox *outbox);
void slot_release_later(struct node *node, struct slot *slot);
/* Whether the state of that height is one that others may fetch (snapshot.c); how far apart these
 * are. */
MUST_USE uint64_t snapshot_interval(const struct node *node);
MUST_USE bool is_snapshot_height(const struct node *node, uint64_t height);

/* Attestations and checkpoints (checkpoint.c). Sign a block, or the head; its attestation as a
 * body. */
void attest_sign(const struct node *node, struct bytes header, uint8_t note_sig[SIG_BYTES],
                 uint8_t cosig[SIG_BYTES]);
void attest_own(struct node *node);
struct bytes attest_body(const struct node *node, struct outbox *outbox);
/* After an execution: keep and broadcast the head's attestation where its height asks for it. */
void attest_checkpoint(struct node *node, struct outbox *outbox);
void attest_head(struct node *node, struct outbox *outbox);
/* When the head is to be attested to the other replicas; never, when it is already. */
MUST_USE uint64_t attest_due_ms(const struct node *node);
void attest_send(struct node *node, uint64_t height, uint32_t to, struct outbox *outbox);
/* The hash of the own header at a height, where it is still at hand: what was attested before a
 * restart is in the store only. NULL when it is not. */
MUST_USE const uint8_t *own_header_hash(const struct node *node, uint64_t height);
void checkpoint_advance(struct node *node, uint64_t height, struct outbox *outbox);
/* Keep the proof of the next stable checkpoint, and put it. */
void stable_keep(struct node *node, uint64_t height, struct bytes proof, struct outbox *outbox);
/* h moves to `height`, whose proof is put. */
void stable_move(struct node *node, uint64_t height, struct outbox *outbox);

/* A view is over, or a new one begins: what was said about it is forgotten (view_change.c). */
void view_begin(struct node *node);
/* Changing views. Leaving (view_change.c): CHANGING to `view`; put, and VIEW-CHANGE to all. */
void view_leave(struct node *node, uint64_t view, struct outbox *outbox);
void change_send(struct node *node, uint32_t to, struct outbox *outbox);
/* What the kept VIEW-CHANGEs ask for: join a smaller view, start the timer, make the NEW-VIEW. */
void view_consider(struct node *node, struct outbox *outbox);
uint64_t view_changes_held(const struct node *node);
/* The members whose VIEW-CHANGE is for `view`, or for that one and later ones. */
MUST_USE uint64_t changes_for(const struct node *node, uint64_t view);
MUST_USE uint64_t changes_from(const struct node *node, uint64_t view);
/* As the primary of the view this replica is changing to (new_view.c). */
void new_view_make(struct node *node, struct outbox *outbox);
/* Entering (view_enter.c) the view of a verified NEW-VIEW: put it, and vote for what it proposes.
 */
void view_enter(struct node *node, const struct message *message, struct outbox *outbox);
/* The slots that the stored NEW-VIEW proposed and a restart left without their batches. */
void view_restore_slots(struct node *node, struct bytes frame, struct outbox *outbox);
/* The primary signed two proposals for one slot: everybody is shown both, and the view is left. */
void view_leave_on_proof(struct node *node, const struct slot *slot, const struct message *second,
                         struct outbox *outbox);
/* Suspended replicas (suspension.c), as far as the log is executed here: whether one of them would
 * lead the view; the first view from `view` on that none of them leads. */
MUST_USE bool view_is_barred(const struct node *node, uint64_t view);
MUST_USE uint64_t view_not_barred(const struct node *node, uint64_t view);
/* After an execution: the view ends here if its primary is suspended. */
void view_leave_barred(struct node *node, struct outbox *outbox);
/* Time and help (view_timer.c). */
MUST_USE uint64_t view_timeout_ms(const struct node *node);
/* What waits longest, as of this event. */
void view_note_wait(struct node *node);
void view_tick(struct node *node, struct outbox *outbox);
void complain(struct node *node, struct outbox *outbox);
void complain_again(struct node *node, struct outbox *outbox);
void complaints_count(struct node *node, struct outbox *outbox);
void view_calm(struct node *node); /* a checkpoint became stable */
MUST_USE uint64_t view_wake_ms(const struct node *node);
void view_help(struct node *node, const struct status_report *report, uint32_t to,
               struct outbox *outbox);
void view_put(const struct node *node, struct outbox *outbox);

/* Catching up (catch_up.c): ask for what is missing, at most every so often. */
void fetch_send(struct node *node, const struct fetch *fetch, uint32_t to, struct outbox *outbox);
void fetch_batch(struct node *node, const uint8_t digest[HASH_BYTES], uint32_t to,
                 struct outbox *outbox);
void catch_up(struct node *node, struct outbox *outbox);
/* An idle source that says it has the block, none of `without`; REPLICAS_MAX when there is none. */
MUST_USE uint32_t source_for(struct node *node, uint64_t sequence, uint64_t without);
/* Whether W others, one of them correct, are further ahead than what a primary has in flight. */
MUST_USE bool is_far_behind(const struct node *node);
/* Whether the block was executed here, or lies here and only waits for its turn. */
MUST_USE bool block_is_here(const struct node *node, uint64_t sequence);
/* The slot that waits for this batch, or NULL (on_data.c). */
MUST_USE const struct slot *slot_waiting_for(const struct node *node,
                                             const uint8_t digest[HASH_BYTES]);
void fetch_missing(struct node *node, struct outbox *outbox); /* on_tick.c */

/* Catching up by a snapshot (snapshot.c). Begin, go on or give up; true while one is fetched. */
MUST_USE bool snapshot_advance(struct node *node, struct outbox *outbox);
MUST_USE bool snapshot_expects(const struct node *node, uint32_t member, const struct data *data);
/* Blocks must do. */
void snapshot_give_up(struct node *node, const char *why);
/* The member says that it has nothing of it. */
void snapshot_refused(struct node *node, uint32_t member);
/* What came, verified by job_verify and expected. */
void snapshot_take_proof(struct node *node, uint32_t member, struct bytes proof,
                         const struct block_header *header, struct outbox *outbox);
enum drop snapshot_take_chunk(struct node *node, uint32_t member, const struct data *data,
                              struct bytes attachment, struct outbox *outbox);
/* The block came, and all else was here (snapshot_install.c). */
enum drop snapshot_install(struct node *node, uint32_t member, struct bytes attachment,
                           struct outbox *outbox);

/* The blocks below it (history.c). Put the block of an encoded `struct history_parcel`, if it is
 * the one with that header: false, and nothing was put, when it is not. `after` gets the tree's
 * frontier with it. */
MUST_USE bool history_block(struct node *node, struct bytes attachment,
                            const uint8_t header_hash[HASH_BYTES], struct merkle_frontier *after,
                            struct outbox *outbox);
void gap_put(const struct node *node, struct outbox *outbox);
void history_ask(struct node *node, struct outbox *outbox);
/* A block of the gap came: the highest is put at once, others wait for their turn. */
MUST_USE bool history_expects(const struct node *node, uint32_t member, const struct data *data);
enum drop history_take(struct node *node, uint32_t member, const struct message *message,
                       uint64_t sequence, struct outbox *outbox);
/* Put the highest block of the gap if it is here already. True when it was. */
bool history_advance(struct node *node, struct outbox *outbox);
/* What was parked is of no use any more. */
void history_forget(struct node *node);

/* The amnesia challenge (challenge.c). */
void challenge_begin(struct node *node);
void challenge_send(struct node *node, uint32_t to, struct outbox *outbox);
void challenge_answer_send(struct node *node, uint32_t member, const uint8_t nonce[SALT_BYTES],
                           struct outbox *outbox);
void challenge_answered(struct node *node, uint32_t member, struct bytes messages,
                        struct outbox *outbox);

/* Restoring (restore.c). */
enum drop on_restored(struct node *node, const struct put *record);
void on_started(struct node *node, struct outbox *outbox);

/* Evidence (evidence.c): two signed bodies of one member that exclude each other. */
struct contradiction {
    enum evidence_kind kind;
    uint32_t rid;
    struct bytes first;
    struct bytes second;
    const uint8_t *first_sig;
    const uint8_t *second_sig;
};
void evidence_emit(struct node *node, const struct contradiction *contradiction,
                   struct outbox *outbox);
/* One that is wrong by itself: the signed body of `envelope`. */
void evidence_emit_one(struct node *node, enum evidence_kind kind, const struct envelope *envelope,
                       struct outbox *outbox);

/* A VIEW-CHANGE that denies a COMMIT of its signer (denial.c): one that came, those of V, and those
 * of the V that is kept against the commit certificate of a block. All are verified. */
void denial_look(struct node *node, const struct signed_body *change, struct outbox *outbox);
void denials_of(struct node *node, const struct new_view *new_view, struct outbox *outbox);
void denials_of_block(struct node *node, const struct certificate *certificate,
                      const struct vote *vote, struct outbox *outbox);
/* Remember a verified COMMIT, if it is the member's last: slots forget, and it shows as much. */
void denial_note(struct node *node, uint32_t member, const struct vote *commit,
                 const uint8_t sig[SIG_BYTES]);
/* Keep the NEW-VIEW, and what follows from it, for the latter; let it go. */
void denials_keep(struct node *node, const struct new_view *new_view, struct bytes body,
                  const struct view_plan *plan);
void denials_forget(struct node *node);

/* Small helpers (node.c). */
MUST_USE bool node_is_primary(const struct node *node);
MUST_USE uint64_t node_param(const struct node *node, enum param param);
/* The member index of `rid`, or REPLICAS_MAX. */
MUST_USE uint32_t node_member(const struct node *node, uint64_t rid);
void node_halt(struct node *node, const char *text, struct outbox *outbox);
void node_note(const struct node *node, const char *format, ...) PRINTF_LIKE(2, 3);
/* A step of the jitter generator: 0..range-1. */
MUST_USE uint64_t node_jitter(struct node *node, uint64_t range);

/* Journal kinds: stored bytes. */
#define JOURNAL_HEAD 'H'
#define JOURNAL_VIEW 'V'
#define JOURNAL_BOOT 'B'
#define JOURNAL_SLOT 's'
#define JOURNAL_PREPARED 'p'
#define JOURNAL_STABLE 'k'
#define JOURNAL_NOTE 'c'
#define JOURNAL_NEW_VIEW 'n'
#define JOURNAL_GAP 'g'
#define JOURNAL_EPOCH 'e'
#define JOURNAL_VIEW_CHANGE 'w'
void journal_put(struct outbox *outbox, uint8_t kind, uint64_t height, struct bytes value);
void journal_erase(struct outbox *outbox, uint8_t kind, uint64_t height);

#endif
