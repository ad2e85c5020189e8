/* The inside of a handle, shared by the files behind vestry.h and nobody else: log.c (opening, the
 * loop), log_epochs.c (going on to later epochs), log_append.c, log_ask.c (questions, with
 * patience), log_read.c, log_query.c (head, streams, receipts), log_status.c, log_evidence.c,
 * log_words.c (what is said about failures). */
#ifndef VESTRY_CLIENT_LOG_PARTS_H
#define VESTRY_CLIENT_LOG_PARTS_H

#include "client/core.h"
#include "client/epochs.h"
#include "client/identity.h"
#include "client/journal.h"
#include "client/net.h"
#include "client/seen.h"

#include <stdatomic.h>
#include <vestry/vestry.h>

/* A submitted append with its outcome, until somebody waits for it. */
struct finished {
    struct finished *next;
    uint64_t ticket;
    struct vestry_problem problem; /* error is VESTRY_OK when there are receipts */
    struct vestry_receipts *receipts;
};

struct vestry {
    struct identity identity;
    struct core *core;
    struct net *net;
    struct journal *journal; /* NULL: nothing is kept */
    struct epochs epochs;
    uint64_t epoch_hint;      /* the latest that was heard of */
    uint64_t follow_ticket;   /* the question for a hand-off, or 0 */
    uint64_t follow_after_ms; /* not before that */
    struct seen seen;
    bool reader;
    bool has_state;
    bool unsynced; /* the journal holds a request that is not durable yet */
    bool broken;   /* the journal cannot be written: nothing is sent any more */
    atomic_bool interrupted;
    uint32_t timeout_ms;
    vestry_notify *notify;
    void *notify_context;
    struct vestry_problem problem;
    struct finished *finished_first;
    struct finished *finished_last;
    size_t finished_count;
    char state[FILE_PATH_MAX];
    uint8_t *note;      /* owned: of the head that was shown last */
    uint64_t proven_ms; /* when the log was last proven to continue what was seen; 0: never */
    /* The note that was verified last: following a log shows the same one again and again. */
    uint8_t checked_hash[HASH_BYTES];
    struct checkpoint checked;
    uint32_t checked_signers;
};

/* --- log.c ------------------------------------------------------------------------------------ */

MUST_USE uint64_t log_now_ms(void);
MUST_USE uint64_t log_wall_ms(void);

/* Whether what a call waits for has come. Called after every turn of the loop. */
typedef bool log_until(struct vestry *log, void *context);

/* Turn the loop until then, or until the timeout of calls. VESTRY_OK, _INTERRUPTED, _NO_QUORUM for
 * the timeout, or _FAILED; the problem is filled in. */
MUST_USE enum vestry_error log_wait(struct vestry *log, log_until *until, void *context);
/* The same with a time of its own, and silently. */
MUST_USE enum vestry_error log_wait_for(struct vestry *log, uint64_t for_ms, log_until *until,
                                        void *context);

/* A quorum of signatures on a note, remembering the last one that was good. Signers by place. One
 * of a later epoch is a reason to follow the log there. */
MUST_USE enum seen_signed log_check_note(struct vestry *log, struct bytes note,
                                         struct checkpoint *checkpoint, uint32_t *signers);
/* What a checker makes of an answer whose note is that. */
MUST_USE enum ask_verdict log_unsigned(enum seen_signed verdict);

/* How long ago a time of the log was, by this machine's clock; 0 when it is in the future. */
MUST_USE uint64_t log_age_ms(uint64_t time_ms);

/* --- log_epochs.c ----------------------------------------------------------------------------- */

/* Something says that the log is in that epoch. */
void log_epoch_seen(struct vestry *log, uint64_t epoch);
void log_note_epoch_seen(struct vestry *log, struct bytes note);
/* In every turn: see whether there is a later epoch, and go there. */
void log_follow(struct vestry *log);

/* --- log_append.c ----------------------------------------------------------------------------- */

/* Move what the core has finished to the list of the finished. */
void log_collect(struct vestry *log);

/* --- log_ask.c -------------------------------------------------------------------------------- */

/* Whether what a question waits for must be there, so that who says there is nothing is behind. */
enum log_hope {
    HOPE_ANY,      /* there may be nothing */
    HOPE_EXPECTED, /* it was seen, or follows from what was seen */
};

/* Ask until an answer ends the question, or `patience_ms` are over (0: the timeout of calls). While
 * all are behind they are asked again for a moment: a quorum attests what was executed a little
 * later. VESTRY_OK when the question ended, as `look` says; else the problem is filled in, but for
 * a time that was given. */
MUST_USE enum vestry_error log_ask(struct vestry *log, const struct ask_spec *spec,
                                   enum log_hope hope, uint64_t patience_ms, struct ask_look *look);

/* --- log_query.c ------------------------------------------------------------------------------ */

/* Have it proven that the newest head continues what was seen before, waiting at most so long.
 * VESTRY_WENT_BACK when it does not; VESTRY_NO_QUORUM when nobody answered in time, which leaves
 * the question open. */
MUST_USE enum vestry_error log_prove_continuity(struct vestry *log, uint64_t patience_ms);

/* --- log_words.c ------------------------------------------------------------------------------ */

/* Record a problem and return its error. */
enum vestry_error log_say(struct vestry *log, enum vestry_error error, const char *what, ...)
    PRINTF_LIKE(3, 4);
enum vestry_error log_advise(struct vestry *log, const char *todo, ...) PRINTF_LIKE(2, 3);
/* Take over the problem of a module below. */
void problem_take(struct vestry_problem *out, enum vestry_error error,
                  const struct problem *problem);
MUST_USE enum vestry_error error_of_status(enum status status);

/* The log refused with this code: what that means for this token and these entries. */
void log_refusal(const struct vestry *log, uint64_t code, const struct parcel *parcel,
                 struct vestry_problem *out);
MUST_USE enum vestry_error log_error_of_code(uint64_t code);

/* "2 of 4 replicas answer, 3 needed: r1 connection refused, r2 ..." */
void log_no_quorum(struct vestry *log);

/* Whether the token allows this, as far as that can be known without the log; the problem says why
 * not. */
MUST_USE bool log_token_allows(struct vestry *log, uint64_t op, struct bytes stream, size_t len);

#endif
