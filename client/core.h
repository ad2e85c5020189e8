/* The client as a pure state machine: events in, actions out, no sockets, no clock, no disk.
 *
 *   CONNECTED, CLOSED, FRAME, TICK --> core_step --> actions, taken with core_next, in order
 *
 * The core decides whom to dial and what to send again to whom, counts answers of distinct
 * replicas, verifies every proof and signature, and calls an append finished only when Q replicas
 * attested one tree that holds its entries, or W replicas gave the same refusal. Nothing a single
 * replica says is believed; what it says that is provably false is counted against it.
 *
 * The host (log.c, and the tests) is bound by two rules:
 *   1. An append whose CORE_KEEP was taken is durable before any later CORE_SEND is carried out.
 *   2. Actions happen in order; a SEND may be lost.
 * Bytes of an action live until the next call of any function here.
 *
 * An append: NEW -> [KEEP] -> KEPT -> [first send, to the primary] -> SENT -> [again, to all, with
 * back-off] -> DONE. It is kept and sent only when Q replicas are connected: before that nothing
 * has happened and it may be dropped without a trace.
 *
 * Members are places in the roster (0..n-1), not replica ids. One thread. Source: Castro & Liskov,
 * OSDI '99, section 4.1, with attestations of ARCHITECTURE, step 11. */
#ifndef VESTRY_CLIENT_CORE_H
#define VESTRY_CLIENT_CORE_H

#include "client/attest.h"
#include "client/parcel.h"
#include "client/receipts.h"

#define CORE_APPENDS_MAX 60 /* below SESSION_WINDOW, so that no number is out of the window */
#define CORE_ASKS_MAX 64
#define CORE_MARK_BYTES_MAX (ID_BYTES_MAX + 256 + 8)
#define CORE_WHY_CHARS 128

struct core;

/* Borrowed for the life of the core, but for the plain numbers. */
struct core_setup {
    struct attest_trust trust;
    const struct secret_key *key; /* the holder's, or an ephemeral one without a token */
    struct bytes token;           /* empty: nothing can be appended or read */
    const char *software;         /* told in HELLO */
    uint64_t request_no;          /* the first number to use, not 0 */
    uint64_t request_life_ms;     /* from making a request to its not_after */
    parcel_entropy *entropy;
    void *entropy_context;
};

MUST_USE enum status core_open(const struct core_setup *setup, struct core **out);
void core_close(struct core *core);

/* --- Events and actions ---------------------------------------------------------------------- */

enum core_event_kind {
    CORE_CONNECTED, /* bytes: the 32 bytes of the channel binding */
    CORE_CLOSED,    /* bytes: why, as text; also when dialing failed */
    CORE_FRAME,     /* bytes: the content of a frame, without its length */
    CORE_TICK,
};

struct core_event {
    enum core_event_kind kind;
    uint64_t now_ms;  /* monotonic */
    uint64_t wall_ms; /* Unix time by this machine's clock: a hint */
    uint32_t member;
    struct bytes bytes;
};

void core_step(struct core *core, const struct core_event *event);

enum core_action_kind {
    CORE_DIAL,
    CORE_HANG_UP,
    CORE_SEND,   /* bytes: a whole frame, for member */
    CORE_KEEP,   /* the request request_no: bytes is its frame, mark its mark or empty. It takes the
                    place of the request `replaces` in the same instant, when that is not 0 */
    CORE_FORGET, /* the request request_no has an outcome; need not be durable at once */
    CORE_TELL,   /* bytes: a line for people; notice says of what kind */
};

enum core_notice {
    CORE_NOTICE_VIEW,
    CORE_NOTICE_LIAR
};

struct core_action {
    enum core_action_kind kind;
    uint32_t member;
    uint64_t request_no;
    uint64_t replaces;
    enum core_notice notice;
    struct bytes bytes;
    struct bytes mark;
};

MUST_USE bool core_next(struct core *core, struct core_action *action);

/* When the next TICK is due; UINT64_MAX when none is. */
MUST_USE uint64_t core_wake_ms(const struct core *core);

/* --- Appends --------------------------------------------------------------------------------- */

/* Make a request and queue it; the next TICK may send it. STATUS_BUSY: too many are unfinished;
 * STATUS_INVALID and STATUS_NO_MEMORY as parcel_make. The request number is the ticket. */
MUST_USE enum status core_append(struct core *core, const struct parcel_entry *entries,
                                 size_t count, struct bytes mark, uint64_t wall_ms,
                                 uint64_t *request_no);

/* Take up a request of an earlier run, which is kept already; the parcel is the core's from now on,
 * whatever comes out. Its number is the ticket. All are adopted before anything is appended. */
MUST_USE enum status core_adopt(struct core *core, struct parcel *parcel);

enum core_stage {
    CORE_NEW,
    CORE_KEPT,
    CORE_SENT,
    CORE_DONE
};

enum core_outcome {
    CORE_OUTCOME_NONE,
    CORE_OUTCOME_OK,      /* receipts are there */
    CORE_OUTCOME_REFUSED, /* `code`, by W replicas */
};

struct core_append_look {
    uint64_t ticket;
    uint64_t request_no;
    enum core_stage stage;
    enum core_outcome outcome;
    uint64_t code; /* enum result_code */
    uint32_t answered;
    uint32_t sends;
    bool adopted;
    const struct parcel *parcel;
};

/* False when there is no such append. */
MUST_USE bool core_append_look(const struct core *core, uint64_t ticket,
                               struct core_append_look *look);
/* The append in place `at`, below CORE_APPENDS_MAX; false when the place is free. */
MUST_USE bool core_append_at(const struct core *core, uint32_t at, struct core_append_look *look);

/* Remove an append. With an outcome OK its receipts are handed over (never NULL then); otherwise
 * NULL comes back. One that was kept and has no outcome stays in the journal.
 */
struct vestry_receipts *core_release(struct core *core, uint64_t ticket);

/* --- Questions ------------------------------------------------------------------------------- */

enum ask_kind {
    ASK_FETCH,
    ASK_READ
};

/* An answer of one replica. */
struct ask_answer {
    uint32_t member;
    struct bytes attachment;
    struct read_answer read; /* of ASK_READ; its signature was verified */
};

/* What a checker makes of an answer. */
enum ask_verdict {
    ASK_GOOD,
    ASK_NOTHING, /* the replica says that there is nothing, or refuses: W of them end the question
                  */
    ASK_BEHIND,  /* true as far as it goes, but too old: another one may know more */
    ASK_FALSE,   /* provably false: counted against the replica */
    ASK_FORK,    /* a quorum signed another past than was seen: no other answer can mend that */
};

/* Judges an answer. Must not use the core. */
typedef void ask_check(void *context, const struct ask_answer *answer, enum ask_verdict *verdict);

struct ask_spec {
    enum ask_kind kind;
    uint32_t only; /* this member alone, or ROSTER_NOBODY */
    uint64_t fetch_kind;
    uint64_t from;
    uint64_t count;
    struct bytes stream; /* ASK_READ; empty: positions of the whole log. Copied */
    ask_check *check;
    void *context;
};

enum ask_state {
    ASK_WAITING,
    ASK_ANSWERED, /* GOOD */
    ASK_DENIED,   /* NOTHING, from W replicas, or from `only` */
    ASK_OUTDATED, /* every replica that is connected is BEHIND, or was found false or denied */
    ASK_REFUTED,  /* the same, and none of them is BEHIND */
    ASK_FORKED,   /* FORK */
};

struct ask_look {
    enum ask_state state;
    uint32_t member; /* that answered last */
    uint64_t code;   /* the last refusal's code, of ASK_READ */
    uint32_t denials;
    uint32_t behind;
    uint32_t lies;
};

/* STATUS_BUSY: too many questions are open. */
MUST_USE enum status core_ask(struct core *core, const struct ask_spec *spec, uint64_t *ticket);
MUST_USE bool core_ask_look(const struct core *core, uint64_t ticket, struct ask_look *look);
void core_ask_close(struct core *core, uint64_t ticket);

/* --- Epochs ---------------------------------------------------------------------------------- */

/* The highest epoch that a replica said to be in, or that an attestation said to be of, when it is
 * later than the roster's: a hint to follow the log there. Otherwise the roster's. */
MUST_USE uint64_t core_epoch_hint(const struct core *core);

/* Nobody could show that epoch: the hint is dropped, until the next one. */
void core_epoch_deny(struct core *core);

/* The roster, which is borrowed, is that of a later epoch by now; it has as many members, in the
 * same places. Replicas with other keys than before are connected to anew. What was attested in the
 * epoch before counts no more: what is unfinished is asked for again. */
void core_epoch(struct core *core);

/* --- What it knows --------------------------------------------------------------------------- */

enum link_state {
    LINK_DOWN,
    LINK_DIALING,
    LINK_GREETING,
    LINK_UP
};

struct core_link_look {
    enum link_state state;
    char why[CORE_WHY_CHARS]; /* why it is down, or empty */
    uint64_t since_ms;        /* of the state, monotonic */
    uint64_t silent_ms;       /* since it was asked something and has not answered; 0: it has */
    uint64_t lies;
    bool recovering; /* it may not sign answers, by its own word */
    bool reported;   /* what follows was said by it */
    uint64_t epoch;
    uint64_t view;
    uint64_t executed;
};

void core_link_look(const struct core *core, uint32_t member, struct core_link_look *look);
MUST_USE uint32_t core_links_up(const struct core *core);

/* Who leads, by what W replicas say at least: false while fewer have said anything. */
MUST_USE bool core_leader(const struct core *core, uint64_t *view, uint32_t *member);

/* The newest height that Q replicas attested to this core, if any. */
MUST_USE bool core_newest(const struct core *core, struct attest_claim *claim);

/* Append a line that says for what and for whom the core waits. */
void core_wait_text(const struct core *core, uint64_t now_ms, struct buffer *out);

#endif
