/* libvestry: append to a vestry log and read it, believing no single replica.
 *
 * A vestry is a replicated, append-only log kept by n replicas of which up to f may lie. Nothing
 * that this library returns rests on the word of one: an append has returned only after Q replicas
 * attested a tree that provably holds the entries, and an entry that was read was proven to lie in
 * such a tree. Q attestations and the proof are a receipt, which anyone can verify offline for
 * ever.
 *
 *     struct vestry_options options = VESTRY_OPTIONS;
 *     options.charter = "charter.genesis";
 *     options.token = "shop.token";
 *     options.key = "shop.key";
 *     options.state = "state";
 *     struct vestry_problem problem;
 *     struct vestry *log = vestry_open(&options, &problem);
 *     struct vestry_entry entry = VESTRY_ENTRY("orders/store17", "hello", 5);
 *     struct vestry_receipts *receipts;
 *     if (vestry_append(log, &entry, 1, NULL, &receipts) == VESTRY_OK) { ... }
 *
 * Exactly once. Every append is written to the state directory and synced before it is sent, and
 * marked there when its outcome is known. What a crash left unfinished is sent again, byte for
 * byte, by the next vestry_open with the same state directory, and is in the log exactly once. So
 * after VESTRY_UNKNOWN or VESTRY_INTERRUPTED an append must not be repeated: it is finished by
 * waiting.
 *
 * Epochs. Replicas' keys change at the end of an epoch, by vote of the members. A handle follows by
 * itself: it begins with the charter and goes from epoch to epoch by hand-offs, which prove
 * themselves, and which it keeps in the state directory. Nothing else has to be told to a client
 * when keys change, as long as one replica is still reached by a key that it knows.
 *
 * Threads: a handle belongs to one thread at a time; only vestry_interrupt may be called from
 * elsewhere. The library starts no thread; all work is done inside calls. Different handles are
 * independent. Memory that a call hands out is freed by the named function.
 *
 * Numbers are 64-bit; times are Unix milliseconds; sizes are bytes. Structs that the caller fills
 * begin as the macro of their name, so that later versions can add fields. */
#ifndef VESTRY_VESTRY_H
#define VESTRY_VESTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VESTRY_API __attribute__((visibility("default")))

#define VESTRY_HASH_BYTES 32
#define VESTRY_REPLICAS_MAX 28
#define VESTRY_ENTRIES_MAX 1024         /* in one append */
#define VESTRY_PAYLOAD_MAX (1u << 20)   /* of one entry; a log may allow less */
#define VESTRY_APPEND_MAX (2000u << 10) /* all payloads of one append */
#define VESTRY_IN_FLIGHT_MAX 60         /* appends submitted and not finished */
#define VESTRY_ANY UINT64_MAX

/* --- Errors ---------------------------------------------------------------------------------- */

/* What went wrong, by what to do about it. */
enum vestry_error {
    VESTRY_OK,
    VESTRY_FAILED,      /* this machine: memory, disk, a file that cannot be read */
    VESTRY_INVALID,     /* an argument, a file or a setting is not acceptable */
    VESTRY_BUSY,        /* another process uses the state directory */
    VESTRY_UNVERIFIED,  /* what was received contradicts what was signed: refused */
    VESTRY_NO_QUORUM,   /* too few replicas answer; nothing was sent, or it does not matter */
    VESTRY_UNKNOWN,     /* too few answered in time; the append is kept and will be finished */
    VESTRY_WENT_BACK,   /* the log shows an older or another past than was seen before */
    VESTRY_DENIED,      /* the token does not allow it, or the log refuses it */
    VESTRY_CONFLICT,    /* the stream is not at the expected length, or a number was used already */
    VESTRY_STALE,       /* the newest that can be had is older than was asked for */
    VESTRY_NOT_FOUND,   /* no such entry */
    VESTRY_INTERRUPTED, /* vestry_interrupt was called */
};

/* A short lower-case phrase: "no quorum". Never NULL. */
VESTRY_API const char *vestry_error_text(enum vestry_error error);

#define VESTRY_PROBLEM_TEXT 512

struct vestry_problem {
    enum vestry_error error;
    uint32_t code;                  /* the log's result code when it refused, otherwise 0 */
    char what[VESTRY_PROBLEM_TEXT]; /* what is wrong, one line without a newline */
    char todo[VESTRY_PROBLEM_TEXT]; /* what to do about it, one line; may be empty */
};

/* --- Opening --------------------------------------------------------------------------------- */

struct vestry;

enum vestry_notice {
    VESTRY_NOTICE_WAITING,  /* a call has waited for two seconds or more: for what and for whom */
    VESTRY_NOTICE_VIEW,     /* another replica leads */
    VESTRY_NOTICE_FINISHED, /* an append of an earlier run was finished */
    VESTRY_NOTICE_LIAR,     /* a replica sent something that is provably false */
};

/* Told of what a person may want to know while a call runs; `text` lives during the call only. It
 * must not use the handle. */
typedef void vestry_notify(void *context, enum vestry_notice notice, const char *text);

struct vestry_options {
    size_t size;          /* set by VESTRY_OPTIONS */
    const char *charter;  /* file: the charter with its signatures; required */
    const char *token;    /* file: the capability token; NULL reads public things only */
    const char *key;      /* file: the holder's secret key; required with a token */
    const char *password; /* of the key file; NULL when it has none */
    const char *state;    /* directory, made when missing; NULL keeps nothing: a crash forgets */
    bool reader;          /* takes no lock and cannot append */
    /* Where the replicas are: "r0=host:port". Those not named are where the charter says. */
    const char *const *endpoints;
    size_t endpoint_count;
    uint32_t timeout_ms; /* how long a call waits; 0 waits until it is interrupted */
    vestry_notify *notify;
    void *notify_context;
};

#define VESTRY_OPTIONS                                                                             \
    {                                                                                              \
        .size = sizeof(struct vestry_options), .timeout_ms = 30000                                 \
    }

/* Check the files, take the state directory, and begin to connect. Does not wait for the network.
 * NULL on failure, and `problem` says why. */
VESTRY_API struct vestry *vestry_open(const struct vestry_options *options,
                                      struct vestry_problem *problem);

/* Ends everything. Appends that are not finished stay in the state directory. NULL is allowed. */
VESTRY_API void vestry_close(struct vestry *log);

/* What the last failing call on this handle met. Lives until the next call. */
VESTRY_API const struct vestry_problem *vestry_last_problem(const struct vestry *log);

/* Make the call that runs, or the next one, return VESTRY_INTERRUPTED. May be called from a signal
 * handler and from any thread. */
VESTRY_API void vestry_interrupt(struct vestry *log);

/* Change how long calls wait; 0 waits until interrupted. */
VESTRY_API void vestry_set_timeout(struct vestry *log, uint32_t timeout_ms);

/* Who and what the handle speaks for. Borrowed, for the life of the handle. */
VESTRY_API const char *vestry_name(const struct vestry *log); /* the charter's name */
VESTRY_API const uint8_t *vestry_cluster_id(const struct vestry *log);
VESTRY_API uint32_t vestry_replica_count(const struct vestry *log);
VESTRY_API uint32_t vestry_quorum(const struct vestry *log);
VESTRY_API bool vestry_is_development(const struct vestry *log);
VESTRY_API uint32_t vestry_payload_max(const struct vestry *log); /* governed at genesis */

/* --- Appending ------------------------------------------------------------------------------- */

/* One entry to append. */
struct vestry_entry {
    const char *stream; /* segments [a-z0-9][a-z0-9._-]* joined by '/', at most 64 bytes */
    const void *payload;
    size_t payload_len;
    uint64_t expect; /* append only if the stream has this many entries; VESTRY_ANY for always */
};

#define VESTRY_ENTRY(stream, payload, payload_len)                                                 \
    {                                                                                              \
        (stream), (payload), (payload_len), VESTRY_ANY                                             \
    }

struct vestry_append_options {
    size_t size; /* set by VESTRY_APPEND_OPTIONS */
    /* A mark is kept in the state directory in the same write as the append it belongs to, so that
     * a program that stops can learn how far it came: see vestry_mark. NULL for none. */
    const char *mark_name; /* identifier like a stream */
    const void *mark;
    size_t mark_len; /* at most VESTRY_MARK_MAX */
};

#define VESTRY_APPEND_OPTIONS                                                                      \
    {                                                                                              \
        .size = sizeof(struct vestry_append_options)                                               \
    }
#define VESTRY_MARK_MAX 256

struct vestry_receipts; /* of one append: a receipt for each of its entries */

/* Append the entries in one request: all or none, in order. Returns when the receipts are verified.
 * `options` may be NULL; so may `receipts`, which otherwise are freed with vestry_receipts_free. */
VESTRY_API enum vestry_error vestry_append(struct vestry *log, const struct vestry_entry *entries,
                                           size_t count,
                                           const struct vestry_append_options *options,
                                           struct vestry_receipts **receipts);

/* The same in two halves, for several appends in flight. vestry_submit copies the entries and
 * returns at once, or waits while VESTRY_IN_FLIGHT_MAX are unfinished; what is submitted leaves
 * together with the next call that waits, after one sync for all of it. Each ticket must be waited
 * for. Requests in flight are ordered by the log as it likes. */
VESTRY_API enum vestry_error vestry_submit(struct vestry *log, const struct vestry_entry *entries,
                                           size_t count,
                                           const struct vestry_append_options *options,
                                           uint64_t *ticket);
/* Wait for that append. After VESTRY_UNKNOWN or VESTRY_INTERRUPTED the ticket stays good. */
VESTRY_API enum vestry_error vestry_wait(struct vestry *log, uint64_t ticket,
                                         struct vestry_receipts **receipts);
/* Wait for whichever append is finished first; `ticket` is 0 when none is in flight. */
VESTRY_API enum vestry_error vestry_wait_any(struct vestry *log, uint64_t *ticket,
                                             struct vestry_receipts **receipts);
/* How many tickets have not been waited for to their end. */
VESTRY_API size_t vestry_in_flight(const struct vestry *log);

/* How many appends of earlier runs are not finished yet, and waiting until none is. */
VESTRY_API size_t vestry_unfinished(const struct vestry *log);
VESTRY_API enum vestry_error vestry_finish(struct vestry *log);

/* The newest mark of that name: its length, at most `capacity` of its bytes. VESTRY_NOT_FOUND when
 * there is none. Marks that are set apart from an append are durable when the call returns. The 256
 * that were set last are kept. */
VESTRY_API enum vestry_error vestry_mark(const struct vestry *log, const char *name, void *out,
                                         size_t capacity, size_t *len);
VESTRY_API enum vestry_error vestry_set_mark(struct vestry *log, const char *name, const void *mark,
                                             size_t len);
VESTRY_API enum vestry_error vestry_clear_mark(struct vestry *log, const char *name);

/* --- Receipts -------------------------------------------------------------------------------- */

/* What a set of receipts says. Entry i has the log index first_index + i. */
struct vestry_receipts_look {
    size_t count;
    uint64_t first_index;
    uint64_t height;
    uint64_t time_ms; /* the log's own time */
    uint32_t signers; /* bit i: the i-th replica by id signed the checkpoint */
    uint32_t signer_count;
    const uint64_t *stream_indexes; /* position of each entry in its stream */
};

VESTRY_API void vestry_receipts_look(const struct vestry_receipts *receipts,
                                     struct vestry_receipts_look *look);
/* The receipt of entry i as text (c2sp.org/tlog-proof), with the salt that ties it to the payload;
 * its length is stored in `len`. NULL when out of memory. Freed with vestry_free. */
VESTRY_API char *vestry_receipts_text(const struct vestry_receipts *receipts, size_t i,
                                      size_t *len);
VESTRY_API void vestry_receipts_free(struct vestry_receipts *receipts);
VESTRY_API void vestry_free(void *memory);

/* --- Reading --------------------------------------------------------------------------------- */

/* What a read promises.
 *   VERIFIED      one replica's answer, each entry proven to lie in a tree that Q replicas attested
 *                 not longer than max_age_ms ago; never behind what this state directory has seen.
 *                 A replica that lies cannot change or invent an entry, but can hide the newest.
 *   LINEARIZABLE  contains every append that was acknowledged with a receipt before the read began,
 *                 by whomever. Asks Q replicas; slower.
 *   CAUSAL        contains everything this state directory has seen or appended; any age.
 *   LOCAL         whatever one replica has: proven, of any age, maybe behind what was seen. */
enum vestry_consistency {
    VESTRY_VERIFIED,
    VESTRY_LINEARIZABLE,
    VESTRY_CAUSAL,
    VESTRY_LOCAL
};

enum vestry_kind {
    VESTRY_DATA = 1,
    VESTRY_GOVERNANCE = 2,
    VESTRY_RESULT = 3
};

/* An entry that was read and proven. */
struct vestry_read_entry {
    uint64_t index;        /* in the log */
    uint64_t stream_index; /* in its stream */
    uint64_t height;
    uint64_t time_ms;
    enum vestry_kind kind;
    const char *stream;
    const uint8_t *author;     /* VESTRY_HASH_BYTES: the public key that signed the request */
    const uint8_t *request_id; /* VESTRY_HASH_BYTES */
    uint64_t position;         /* within the request */
    const void *payload;       /* NULL when withheld (no right to read it) or erased */
    size_t payload_len;        /* as signed, also when the payload is not there */
};

struct vestry_query {
    size_t size;        /* set by VESTRY_QUERY */
    const char *stream; /* NULL: positions are indexes of the whole log */
    uint64_t from;
    uint64_t count; /* 1..VESTRY_ENTRIES_MAX; fewer may come */
    enum vestry_consistency consistency;
    uint64_t max_age_ms; /* VERIFIED: 0 takes three idle heartbeats of the log */
};

#define VESTRY_QUERY                                                                               \
    {                                                                                              \
        .size = sizeof(struct vestry_query), .count = 1                                            \
    }

/* What was known when a read was answered. */
struct vestry_read_look {
    size_t count;
    uint64_t stream_len; /* as the answering replica says: a hint; log size without a stream */
    uint64_t height;     /* of the attested checkpoint */
    uint64_t tree_size;
    uint64_t time_ms; /* the log's time at the checkpoint */
    uint64_t age_ms;  /* by this machine's clock; 0 when that is behind */
    uint32_t replica; /* that answered */
    uint32_t signer_count;
};

struct vestry_entries;

/* Read up to query->count entries. An answer without entries is VESTRY_OK: there are none there
 * yet. The entries live until vestry_entries_free. */
VESTRY_API enum vestry_error vestry_read(struct vestry *log, const struct vestry_query *query,
                                         struct vestry_entries **entries);
VESTRY_API void vestry_entries_look(const struct vestry_entries *entries,
                                    struct vestry_read_look *look);
/* Entry i, i < look.count. */
VESTRY_API void vestry_entries_get(const struct vestry_entries *entries, size_t i,
                                   struct vestry_read_entry *entry);
/* A receipt for entry i, as vestry_receipts_text; with the salt when the payload was given. */
VESTRY_API char *vestry_entries_receipt(const struct vestry_entries *entries, size_t i,
                                        size_t *len);
VESTRY_API void vestry_entries_free(struct vestry_entries *entries);

/* Wait until there is something at query->from, then read; VESTRY_UNKNOWN when nothing came within
 * the timeout. Following is this in a loop with query->from moved on. */
VESTRY_API enum vestry_error vestry_follow(struct vestry *log, const struct vestry_query *query,
                                           struct vestry_entries **entries);

/* The receipt of any entry by its index; public, without salt. Freed with vestry_free. */
VESTRY_API enum vestry_error vestry_receipt(struct vestry *log, uint64_t index, char **text,
                                            size_t *len);

/* --- Governance ------------------------------------------------------------------------------ */

/* Bring a governance payload (FORMATS), signed by officers, into the log and wait for its receipt.
 * The token only lets it in, and must allow to govern; what it brings about is the log's to say.
 * Kept and finished like an append. Freed with vestry_receipts_free. */
VESTRY_API enum vestry_error vestry_govern(struct vestry *log, const void *payload, size_t len,
                                           struct vestry_receipts **receipts);

/* --- The log and its replicas ---------------------------------------------------------------- */

/* The newest checkpoint that Q replicas attested, proven to continue what was seen before. */
struct vestry_head {
    uint64_t height;
    uint64_t epoch;
    uint64_t tree_size;
    uint64_t time_ms;
    uint64_t age_ms;
    uint8_t tree_root[VESTRY_HASH_BYTES];
    uint8_t header_hash[VESTRY_HASH_BYTES];
    uint32_t signers; /* bit i: the i-th replica by id */
    uint32_t signer_count;
    const char *note; /* the signed note; lives until the next call */
};

VESTRY_API enum vestry_error vestry_head(struct vestry *log, struct vestry_head *head);

/* The configuration in force, of a block at `height` or above (0: whatever is newest): an encoded
 * state bundle (FORMATS), checked. It proves itself to anyone who has the charter. Public. Freed
 * with vestry_free. */
VESTRY_API enum vestry_error vestry_config(struct vestry *log, uint64_t height, void **bundle,
                                           size_t *len);

struct vestry_stream {
    char name[65];
    uint64_t length; /* as one replica says */
};

/* Up to `capacity` streams in order of name, after skipping `offset`; `count` is how many. One
 * replica's word, public. */
VESTRY_API enum vestry_error vestry_streams(struct vestry *log, uint64_t offset,
                                            struct vestry_stream *streams, size_t capacity,
                                            size_t *count);

enum vestry_replica_state {
    VESTRY_UP,
    VESTRY_BEHIND,      /* answers, but has executed less than the others */
    VESTRY_UNREACHABLE, /* no connection; `why` says what was met */
    VESTRY_SILENT,      /* connected and does not answer */
    VESTRY_LIAR,        /* sent something provably false to this client */
};

/* One replica, as it says and as this client sees it. */
struct vestry_replica {
    uint32_t rid;
    enum vestry_replica_state state;
    char endpoint[256];
    char why[128];
    bool answered; /* what follows is its own word, a hint */
    uint64_t epoch;
    uint64_t view;
    uint32_t mode; /* 1 active, 2 changing, 3 recovering */
    uint64_t stable;
    uint64_t executed;
    uint64_t tree_size;
    uint64_t clock_ms; /* its clock minus ours, as a signed difference in two's complement */
    char software[129];
    uint64_t lies;                           /* answers of it that were refused */
    uint32_t connected;                      /* bit i: to replicas[i] of the status */
    uint64_t silent_ms[VESTRY_REPLICAS_MAX]; /* since it heard of replicas[i] */
};

struct vestry_status {
    uint32_t replica_count;
    uint32_t up_count;
    uint32_t quorum;
    uint32_t faults_tolerated;
    bool has_primary;
    uint32_t primary; /* by what most say */
    uint64_t epoch;
    uint64_t view;
    struct vestry_replica replicas[VESTRY_REPLICAS_MAX]; /* replica_count of them, by rid */
};

/* Ask every replica. Waits for all, at most two seconds. VESTRY_OK also when few or none answer. */
VESTRY_API enum vestry_error vestry_status(struct vestry *log, struct vestry_status *status);

/* Evidence against a replica: two statements that it signed and that no correct one signs both, or
 * a single one that none signs at all. It proves itself; vestry-verify evidence checks it with the
 * charter alone. */
struct vestry_evidence {
    uint32_t rid;     /* whom it convicts */
    uint32_t held_by; /* the replica that showed it first */
    const char *kind; /* "two votes PREPARE", static */
    uint64_t epoch;
    uint64_t view;     /* 0 for attestations */
    uint64_t sequence; /* or height; 0 for view changes */
    const void *bytes; /* len of them, for this call only */
    size_t len;
};

/* False: no more of it. */
typedef bool vestry_evidence_visit(void *context, const struct vestry_evidence *evidence);

/* Ask every replica for the evidence that it holds, judge each piece, and visit each fact once.
 * `answered` is how many replicas were heard to the end. VESTRY_NO_QUORUM when none was. */
VESTRY_API enum vestry_error vestry_evidence(struct vestry *log, vestry_evidence_visit *visit,
                                             void *context, uint32_t *answered);

/* "0.1.0" */
VESTRY_API const char *vestry_version(void);

#ifdef __cplusplus
}
#endif

#endif
