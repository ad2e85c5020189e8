/* The checker: what must hold of a run, judged from outside.
 *
 * It keeps a log, a tree, stream lengths, sessions, quotas and votes of its own, fed by what
 * becomes durable and by what leaves a replica; of the nodes it reads puts, frames and, when they
 * start and at the end, node_look. The names of the invariants are those of the design:
 *
 *   I1 one header per height            check_log.c
 *   I2 prefix: no height is skipped     check_log.c, check.c
 *   I3 every entry was authorised       check_rules.c
 *   I4 exactly once                     check_rules.c
 *   I5 nothing with a receipt is lost   check_client.c, check_end.c
 *   I6 chain and tree verify            check_log.c
 *   I7 receipts verify                  check_client.c, check_served.c, check_proof.c
 *   I8 real-time order                  check_rules.c
 *   I9 no double vote, and nothing is said that is not durable    check_votes.c
 *   I10 (epoch, view) never goes back   check_votes.c
 *   I11 what is committed survives every NEW-VIEW    check_views.c
 *   I12 a checkpoint has Q signers      check_proof.c
 *   I13 nobody outside the watermarks   check.c
 *   I14 governance follows from the log, no certificate mixes epochs    check_governance.c,
 *                                       check_epoch.c, check_proof.c, check_views.c, check_votes.c
 *   I15 no false evidence               check_evidence.c, check_views.c
 *   I16 equivocation yields evidence    check_evidence.c, check_wrong.c
 *   I17 queues and pools come to rest   check_end.c
 *   I19 f liars alone end no view       check_views.c
 *
 * In the runs with more than f liars some correct replicas are shown another log. Theirs is not
 * held against the one above, and nothing is said of what clients were told (I1, I2, I5, I7, I12 of
 * them break); in place of that each contradiction must convict f + 1 (check_fork.c).
 *
 * "certified": a block that is executed has Q COMMITs, a COMMIT a prepared certificate. */
#ifndef VESTRY_TESTS_SIM_CHECK_H
#define VESTRY_TESTS_SIM_CHECK_H

#include "governance/evidence.h"
#include "tests/sim/client.h"
#include "tests/sim/officer.h"
#include "tests/sim/world.h"

#define SIM_LEVELS 33

/* --- What the checker keeps (for check_*.c) ----------------------------------------------------
 */

struct check_block {
    uint8_t header_hash[HASH_BYTES];
    uint8_t tree_root[HASH_BYTES];
    uint8_t batch_digest[HASH_BYTES];
    uint8_t content_hash[HASH_BYTES]; /* of leaves, results and payloads */
    uint64_t tree_size;
    uint64_t time_ms;
};

struct check_level {
    uint8_t (*hashes)[HASH_BYTES];
    size_t count;
    size_t capacity;
};

/* The first words of what a replica signed for one sequence: two words tell digests apart. */
enum voted_kind {
    VOTED_PRE_PREPARE,
    VOTED_PREPARE,
    VOTED_COMMIT,
    VOTED_KINDS,
};

struct voted {
    uint8_t has; /* bit of each kind */
    uint64_t view[VOTED_KINDS];
    uint64_t word[VOTED_KINDS];
    uint64_t attested; /* word of the attested header's hash, 0: none */
    uint8_t note_sig[SIG_BYTES];
    uint8_t cosig[SIG_BYTES];
};

struct check_taken {
    uint64_t view;
    uint64_t word; /* 0: none */
};

struct check_host {
    uint64_t staged;  /* height of the head, not safe yet */
    uint64_t durable; /* height of the head that was checked and is safe */
    /* Blocks that a snapshot skipped and that are not put yet: first..last, none when last is 0. */
    uint64_t gap_first;
    uint64_t gap_last;
    /* Heights whose blocks are put and not checked yet, in order. */
    uint64_t *pending;
    size_t pending_count;
    size_t pending_capacity;
    uint64_t stable;
    uint64_t noted; /* height of the newest checkpoint note */
    /* Views here are places: check_place. */
    uint64_t view;
    uint64_t changed; /* the view of its last VIEW-CHANGE, and a word of its hash */
    uint64_t change_word;
    uint64_t leaving;        /* the view of the last VIEW-CHANGE that it made */
    uint64_t leaving_before; /* of the one before */
    uint64_t unexplained;    /* that view, while it is not clear what the reason was; or 0 */
    uint64_t left_at;        /* what was executed then */
    uint64_t proven;         /* the view that it has proof of two proposals in */
    bool has_proof;
    uint64_t view_durable; /* the highest view whose record was found in its store */
    uint64_t entered_durable;
    uint64_t boot;
    uint64_t counter;
    bool has_genesis;
    struct voted *voted; /* by sequence */
    size_t voted_count;
    uint32_t accused[2]; /* since it started, of bad VIEW-CHANGEs and NEW-VIEWs */
    uint32_t denials;    /* whom it had evidence against that a VIEW-CHANGE denies a COMMIT */
    /* Votes of each liar that this replica took since it started: by kind and sequence. */
    struct check_taken (*taken)[SIM_REPLICAS_MAX][VOTED_KINDS];
    size_t taken_count;
};

/* An attestation as a client heard it. */
struct check_heard {
    uint32_t client;
    uint32_t rid;
    uint64_t height;
    uint8_t header_hash[HASH_BYTES];
    uint8_t header[HEADER_BYTES_MAX];
    size_t header_len;
    uint8_t note_sig[SIG_BYTES];
};

struct check_session {
    uint8_t *used; /* by number */
    size_t used_count;
    uint64_t highest;
    uint64_t entries; /* of the quota */
};

/* Who is suspended from that height on. */
struct check_standing {
    uint64_t height;
    uint32_t suspended; /* set of rids */
};

/* A proposal that has too few votes so far, or waits for the boundary that is pending. */
struct check_open {
    struct change change;
    uint64_t until_height; /* of one that waits: the first at which it can be enacted; or 0 */
};

#define SIM_OPEN_MAX 4     /* the parameter's most, and one proposer */
#define SIM_RESULTS_MAX 16 /* of proposals, between two leaves that are not results */
#define SIM_EPOCHS_MAX 64
#define SIM_SECTION_BYTES 8192

/* What the log must say next of a proposal. */
struct check_result {
    uint8_t pid[HASH_BYTES];
    uint64_t state;
    uint64_t reason;
    uint64_t activates_at;
};

/* Governance by the log alone. */
struct check_governed {
    uint64_t version; /* of the section `replicas` */
    uint64_t last_height;
    struct check_standing *standings; /* ascending; the first is that of height 0 */
    size_t standing_count;
    size_t standing_capacity;
    struct check_open open[SIM_OPEN_MAX];
    uint32_t open_count;
    struct check_result results[SIM_RESULTS_MAX];
    uint32_t result_count;
    /* From the first on; the last may be yet to begin. */
    struct sim_epoch epochs[SIM_EPOCHS_MAX];
    uint32_t epoch_count;
    bool next_moves;                       /* the one to begin changes the section `replicas` */
    uint32_t registered[SIM_REPLICAS_MAX]; /* set of the generations of keys ever decided on */
    uint8_t sections[SECTION_COUNT][HASH_BYTES]; /* at genesis */
    uint8_t replicas[SIM_SECTION_BYTES];         /* that section then */
    size_t replicas_len;
    /* The hash that the newest headers must have, and what it was made for. */
    uint8_t config_hash[HASH_BYTES];
    uint64_t config_epoch;
    uint64_t config_version;
};

struct check {
    struct check_block *blocks;
    size_t block_count;
    size_t block_capacity;
    struct check_level levels[SIM_LEVELS];
    uint64_t streams[SIM_STREAMS + 1];
    /* Places, as check_place makes them. */
    uint64_t view_highest;    /* of a VIEW-CHANGE that a correct replica made */
    uint64_t view_complained; /* one more than the highest view that one complained about */
    uint64_t view_entered;    /* the highest, by anybody */
    uint64_t proofs;          /* pieces of evidence that are one VIEW-CHANGE or NEW-VIEW */
    uint8_t new_view_hash[HASH_BYTES]; /* of the one that was last found good */
    struct check_governed governed;
    uint64_t acknowledged;     /* entries up to here were acknowledged to somebody */
    struct check_heard *heard; /* only where there is an other side */
    size_t heard_count;
    size_t heard_capacity;
    struct check_session sessions[SIM_CLIENTS_MAX];
    struct check_host hosts[SIM_REPLICAS_MAX];
};

void check_open(struct world *world);
void check_close(struct world *world);

/* --- What happens ------------------------------------------------------------------------------
 */

void check_step(struct world *world, struct host *host, const struct event *event, enum drop drop,
                const struct outbox *outbox);
void check_durable(struct world *world, struct host *host);
void check_crashed(struct world *world, struct host *host);
void check_started(struct world *world, struct host *host);
/* Its disk is another one now. */
void check_forgot(struct world *world, struct host *host);
void check_leaving(struct world *world, struct host *host, const struct blob *frame);
void check_reply(struct world *world, struct host *host, const struct telling *reply);
void check_evidence(struct world *world, struct host *host, struct bytes evidence);
/* By the judge that everybody has, with nothing but the charter. */
MUST_USE enum evidence_verdict check_judge(const struct world *world, struct bytes evidence);
/* A client has that attestation. */
void check_client_heard(struct world *world, uint32_t client, const struct telling *reply);
/* A client takes the entries as appended, because of that answer. */
void check_acknowledge(struct world *world, const struct sim_request *request,
                       const struct answer *answer);
/* The receipt that it can make of the attestations it has. */
void check_receipt(struct world *world, const struct client *client,
                   const struct sim_request *request);
/* Whether the replica has a receipt for that entry; it must hold if it has. */
MUST_USE bool check_serves(struct world *world, uint32_t rid, uint64_t index);
/* Whether nothing is left to do: all up, at one height, nothing queued or in flight. */
MUST_USE bool check_at_rest(const struct world *world);
/* After everything came to rest: equal stores, empty pools, nothing lost. */
void check_end(struct world *world);
/* Then too: any replica can prove any entry. */
void check_served(struct world *world);

/* Every contradiction in what correct replicas have stored and clients have heard must convict f +
 * 1 liars, and nobody else, by evidence made of nothing but that. */
struct check_forks {
    uint32_t of_replicas; /* pairs of different blocks that two of them have at one height */
    uint32_t of_clients;  /* pairs of proofs that clients have of different headers */
    uint32_t convicted;
};
void check_forks(struct world *world, struct check_forks *out);
/* The view that the last block which the replica has executed was committed in. */
MUST_USE uint64_t check_view_of_head(struct world *world, uint32_t rid);

/* Entries that were acknowledged to any client so far. */
MUST_USE uint64_t check_acknowledged(const struct world *world);
MUST_USE uint64_t check_stream_length(const struct world *world, uint32_t stream);

/* Who is suspended, by the log as far as it is known to anybody, and the version of the section
 * that says so; who was after a height of it. */
MUST_USE uint32_t check_suspended_now(const struct world *world);
MUST_USE uint64_t check_replicas_version(const struct world *world);
MUST_USE uint32_t check_suspended_at(const struct world *world, uint64_t height);

/* --- Parts, for check_*.c ----------------------------------------------------------------------
 */

/* The block of `height` in the host's store against the log, or as the log's next one. */
void check_block_stored(struct world *world, struct host *host, uint64_t height);

/* An item of the log's next block: what must become of it. Returns the code that must be there, and
 * marks the request as appended when that is RESULT_OK. */
struct check_item {
    struct host *host; /* whose store it is in */
    uint64_t height;
    uint64_t time_ms;
    uint64_t first_index;
    struct sim_request *request;
};
MUST_USE uint64_t check_rules(struct world *world, uint32_t rid, struct check_item *item);

/* Governance (check_governance.c). What must become of a bundle that came in time; what is due at
 * the beginning of a block; and whether the next leaves are those of what became of proposals. */
void check_governance_open(struct world *world);
MUST_USE uint64_t check_change(struct world *world, const struct check_item *item);
void check_due(struct world *world, uint64_t height);
MUST_USE bool check_results_match(struct world *world, const struct check_item *at,
                                  struct wire_iter *leaves);
/* A leaf joins the tree (check_log.c). */
void check_leaf_append(struct check *check, struct bytes leaf);
/* Whether the primary of the view at that place is suspended after that height. */
MUST_USE bool check_view_barred(const struct world *world, uint64_t height, uint64_t place);
/* Whether it is after what the replica has executed; false while nobody knows that height. */
MUST_USE bool check_bars(const struct world *world, const struct host *host, uint64_t place);

/* --- Epochs (check_epoch.c) --------------------------------------------------------------------
 */

/* A view of an epoch as one number, so that (epoch, view) are compared like numbers. Views of
 * correct replicas are far smaller than what they have room for. */
#define SIM_PLACE_BITS 32
MUST_USE static inline uint64_t check_place(uint64_t epoch, uint64_t view)
{
    uint64_t most = (UINT64_C(1) << SIM_PLACE_BITS) - 1;
    return epoch << SIM_PLACE_BITS | (view < most ? view : most);
}
MUST_USE static inline uint64_t check_place_view(uint64_t place)
{
    return place & ((UINT64_C(1) << SIM_PLACE_BITS) - 1);
}
/* Who leads there. */
MUST_USE static inline uint32_t check_place_primary(const struct world *world, uint64_t place)
{
    return (uint32_t)(((place >> SIM_PLACE_BITS) + check_place_view(place)) % world->cast.n);
}

void check_epochs_open(struct world *world);
/* The epoch of that number, NULL while the log has not decided it; the one of that height. */
MUST_USE const struct sim_epoch *check_epoch(const struct world *world, uint64_t number);
MUST_USE const struct sim_epoch *check_epoch_at(const struct world *world, uint64_t height);
/* Whether a replica with that stable checkpoint may be in the epoch: at a boundary in either. */
MUST_USE bool check_in_epoch(const struct world *world, uint64_t epoch, uint64_t stable);
/* The boundary that is pending after that height, or NO_BOUNDARY. */
MUST_USE uint64_t check_boundary(const struct world *world, uint64_t height);
/* What was enacted at `since` begins an epoch: the caller says whose keys it changes. */
struct sim_epoch *check_epoch_add(struct world *world, uint64_t since);
/* Whether that is a signature by the replica's key of that epoch. */
MUST_USE bool check_signed(const struct world *world, uint64_t epoch, uint64_t rid,
                           enum sign_tag tag, struct bytes body, const uint8_t sig[SIG_BYTES]);
/* Whether a message that has an epoch in its body is signed with its sender's key of that. */
MUST_USE bool check_own_signature(const struct world *world, const struct envelope *envelope);
/* What is wrong with what the log's newest header says of epochs and configurations, or NULL. */
MUST_USE const char *check_configuration_wrong(struct world *world,
                                               const struct block_header *header);

/* Proofs, each against the keys of the cast. */
MUST_USE bool check_commits(const struct world *world, struct bytes certificate, uint64_t sequence,
                            const uint8_t digest[HASH_BYTES]);
MUST_USE bool check_prepared(const struct world *world, struct bytes prepared,
                             const struct vote *vote);
MUST_USE bool check_attested(const struct world *world, uint32_t rid, struct bytes header,
                             const uint8_t note_sig[SIG_BYTES], const uint8_t cosig[SIG_BYTES]);
/* Whether the stable checkpoint has Q good signatures of different members. */
MUST_USE bool check_stable(const struct world *world, const struct stable *stable);
void check_stable_put(struct world *world, struct host *host, uint64_t height, struct bytes stable);
void check_note_put(struct world *world, struct host *host, struct bytes note);
MUST_USE bool check_checkpoint_of(const struct world *world, struct bytes header,
                                  struct checkpoint *out);

/* A liar's message that the node took or refused. */
void check_taken(struct world *world, struct host *host, struct bytes frame, enum drop drop,
                 const struct outbox *outbox);

/* A VIEW-CHANGE or NEW-VIEW that the node was given, be it as refused. */
void check_view_message(struct world *world, struct host *host, const struct event *event,
                        const struct outbox *outbox);
/* What is wrong with one, or NULL, whoever signed it; rid: who did, of a NEW-VIEW. */
MUST_USE const char *check_change_wrong(const struct world *world, struct bytes body);
MUST_USE const char *check_new_view_wrong(const struct world *world, uint64_t rid,
                                          struct bytes body);
/* The digest that the certificates in V ask for at `sequence`, of the highest view among them, into
 * `space`; NULL, and the null digest there, when there is none. V must be one of good messages. */
const uint8_t *check_asked_for(const struct new_view *new_view, uint64_t sequence,
                               uint8_t space[HASH_BYTES]);
/* The highest checkpoint in V. */
MUST_USE uint64_t check_low_of(const struct new_view *new_view);

/* The tree of the first `size` leaves. */
void check_tree_append(struct check *check, const uint8_t leaf_hash[HASH_BYTES]);
void check_tree_root(const struct check *check, uint64_t size, uint8_t out[HASH_BYTES]);
/* Appends the hashes of the inclusion path. */
void check_tree_path(const struct check *check, uint64_t index, uint64_t size, struct buffer *out);

/* What a correct replica sends, and the NEW-VIEW by which it enters a view, whoever made that. */
void check_view_change(struct world *world, struct host *host, struct bytes body);
void check_new_view_sent(struct world *world, struct host *host, struct bytes body);
void check_new_view_put(struct world *world, struct host *host, struct bytes value);
/* In the step itself: whether it had a reason to leave its view. */
void check_leaves(struct world *world, struct host *host, const struct outbox *outbox);
/* A replica is about to say that it is in the view at that place, or that it changes to it: what
 * must be durable before that. Asked again only when the place grows. */
void check_view_durable(struct world *world, struct host *host, uint64_t place, bool entered);

/* Whether a VIEW-CHANGE for a later view has what that COMMIT rests on, or more: a checkpoint there
 * or above, a certificate for it, or one of a later view. */
MUST_USE bool check_shows(const struct view_change *change, const struct vote *commit);
/* Whether the stored VIEW-CHANGE denies a COMMIT nothing: it carries what that rests on, is beyond
 * it, or not of a later view. */
MUST_USE bool check_carried(struct host *host, const struct vote *commit);

MUST_USE bool check_journal_get(struct host *host, uint8_t kind, uint64_t height,
                                struct buffer *out);

MUST_USE struct voted *check_voted(struct world *world, uint32_t rid, uint64_t sequence);
MUST_USE uint64_t check_word(const uint8_t hash[HASH_BYTES]);

#endif
