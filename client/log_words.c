/* What is said when something fails: what is wrong, then what to do. */
#include "client/log_parts.h"

#include "keys/words/amounts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SLOW_MS 1000

const char *vestry_error_text(enum vestry_error error)
{
    switch (error) {
    case VESTRY_OK:
        return "ok";
    case VESTRY_FAILED:
        return "failed on this machine";
    case VESTRY_INVALID:
        return "not acceptable";
    case VESTRY_BUSY:
        return "used by another process";
    case VESTRY_UNVERIFIED:
        return "verification failed";
    case VESTRY_NO_QUORUM:
        return "no quorum";
    case VESTRY_UNKNOWN:
        return "outcome not known yet";
    case VESTRY_WENT_BACK:
        return "the log went back";
    case VESTRY_DENIED:
        return "not authorised";
    case VESTRY_CONFLICT:
        return "conflict";
    case VESTRY_STALE:
        return "stale";
    case VESTRY_NOT_FOUND:
        return "not found";
    case VESTRY_INTERRUPTED:
        return "interrupted";
    }
    return "unknown";
}

static void say_v(struct vestry_problem *problem, enum vestry_error error, const char *what,
                  va_list arguments) PRINTF_LIKE(3, 0);

static void say_v(struct vestry_problem *problem, enum vestry_error error, const char *what,
                  va_list arguments)
{
    problem->error = error;
    problem->code = 0;
    problem->todo[0] = '\0';
    (void)vsnprintf(problem->what, sizeof(problem->what), what, arguments);
}

static void say(struct vestry_problem *problem, enum vestry_error error, const char *what, ...)
    PRINTF_LIKE(3, 4);
static void advise(struct vestry_problem *problem, const char *todo, ...) PRINTF_LIKE(2, 3);

static void say(struct vestry_problem *problem, enum vestry_error error, const char *what, ...)
{
    va_list arguments;

    va_start(arguments, what);
    say_v(problem, error, what, arguments);
    va_end(arguments);
}

static void advise(struct vestry_problem *problem, const char *todo, ...)
{
    va_list arguments;

    va_start(arguments, todo);
    (void)vsnprintf(problem->todo, sizeof(problem->todo), todo, arguments);
    va_end(arguments);
}

enum vestry_error log_say(struct vestry *log, enum vestry_error error, const char *what, ...)
{
    va_list arguments;

    va_start(arguments, what);
    say_v(&log->problem, error, what, arguments);
    va_end(arguments);
    return error;
}

enum vestry_error log_advise(struct vestry *log, const char *todo, ...)
{
    va_list arguments;

    va_start(arguments, todo);
    (void)vsnprintf(log->problem.todo, sizeof(log->problem.todo), todo, arguments);
    va_end(arguments);
    return log->problem.error;
}

void problem_take(struct vestry_problem *out, enum vestry_error error,
                  const struct problem *problem)
{
    out->error = error;
    out->code = 0;
    (void)snprintf(out->what, sizeof(out->what), "%.511s", problem->what);
    (void)snprintf(out->todo, sizeof(out->todo), "%.511s", problem->todo);
}

enum vestry_error error_of_status(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return VESTRY_OK;
    case STATUS_NOT_FOUND:
    case STATUS_EXISTS:
    case STATUS_MISMATCH:
    case STATUS_REFUSED:
    case STATUS_INVALID:
    case STATUS_CORRUPT:
        return VESTRY_INVALID;
    case STATUS_BUSY:
        return VESTRY_BUSY;
    case STATUS_NO_MEMORY:
    case STATUS_NO_SPACE:
    case STATUS_IO:
        return VESTRY_FAILED;
    }
    return VESTRY_FAILED;
}

/* --- Who is missing --------------------------------------------------------------------------- */

static void append_text(char *out, size_t capacity, const char *format, ...) PRINTF_LIKE(3, 4);

static void append_text(char *out, size_t capacity, const char *format, ...)
{
    const size_t at = strlen(out);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(out + at, capacity - at, format, arguments);
    va_end(arguments);
}

void log_no_quorum(struct vestry *log)
{
    const struct roster *roster = &log->identity.roster;
    const uint32_t up = core_links_up(log->core);
    char *what = log->problem.what;
    const size_t capacity = sizeof(log->problem.what);

    if (up < roster->q) {
        (void)log_say(log, VESTRY_NO_QUORUM, "no quorum: %u of %u replicas answer, %u needed", up,
                      roster->n, roster->q);
    } else {
        (void)log_say(log, VESTRY_NO_QUORUM,
                      "no quorum: %u of %u replicas are connected and do not agree in time", up,
                      roster->n);
    }
    for (uint32_t i = 0; i < roster->n; i++) {
        struct core_link_look link;

        core_link_look(log->core, i, &link);
        if (link.state != LINK_UP) {
            append_text(what, capacity, "; r%u %s", roster->members[i].rid,
                        link.why[0] == '\0' ? "does not answer" : link.why);
        } else if (link.silent_ms > SLOW_MS) {
            append_text(what, capacity, "; r%u silent %.1f s", roster->members[i].rid,
                        (double)link.silent_ms / 1000.0);
        }
    }
    (void)log_advise(log, "vestry status --why");
}

/* --- Rights ----------------------------------------------------------------------------------- */

static void prefixes_text(const struct prefix_set *prefixes, char *out, size_t capacity)
{
    out[0] = '\0';
    for (uint32_t i = 0; i < prefixes->count; i++) {
        append_text(out, capacity, "%s%.*s", i == 0 ? "" : ", ", (int)prefixes->list[i].len,
                    (const char *)prefixes->list[i].data);
    }
}

/* Who narrowed the token in that block: an issuer, or the holder of the block before. */
static void narrower_text(const struct vestry *log, uint32_t block, char *out, size_t capacity)
{
    const struct charter_view *charter = log->identity.charter;
    const struct token_view *token = log->identity.token_view;

    if (block > 0) {
        (void)snprintf(out, capacity, "block %u by the holder of block %u", block, block - 1);
        return;
    }
    (void)snprintf(out, capacity, "block 0 by its issuer");
    for (uint32_t i = 0; i < charter->issuer_count; i++) {
        uint8_t id[HASH_BYTES];
        const struct bytes name = charter->issuers[i].row.iid;

        charter_issuer_id(charter, i, id);
        if (memcmp(id, token->blocks[0].parent, HASH_BYTES) == 0) {
            (void)snprintf(out, capacity, "block 0 by issuer %.*s", (int)name.len,
                           (const char *)name.data);
        }
    }
}

static bool refuse_stream(struct vestry *log, struct bytes stream)
{
    const struct token_view *token = log->identity.token_view;
    const struct prefix_set *prefixes = &identity_limits(&log->identity)->prefixes;
    uint32_t block = 0;
    char allowed[256];
    char narrower[96];

    while (block + 1 < token->count &&
           prefix_set_covers(&token->blocks[block].limits.prefixes, stream)) {
        block++;
    }
    prefixes_text(prefixes, allowed, sizeof(allowed));
    narrower_text(log, block, narrower, sizeof(narrower));
    (void)log_say(log, VESTRY_DENIED, "token allows %s only (narrowed in %s)", allowed, narrower);
    log->problem.code = E_STREAM;
    (void)log_advise(log, "use stream %.*s, or ask who gave you the token for a wider one",
                     (int)prefixes->list[0].len, (const char *)prefixes->list[0].data);
    return false;
}

static const char *op_text(uint64_t op)
{
    return op == OP_APPEND ? "append" : op == OP_READ ? "read" : "govern";
}

bool log_token_allows(struct vestry *log, uint64_t op, struct bytes stream, size_t len)
{
    if (!log->identity.has_token) {
        (void)log_say(log, VESTRY_DENIED, "no token is given: only public things can be had");
        (void)log_advise(log, "--token FILE --key FILE, or vestry context use NAME");
        return false;
    }
    const struct cap_limits *limits = identity_limits(&log->identity);
    if ((limits->ops & op) == 0) {
        (void)log_say(log, VESTRY_DENIED, "token does not allow to %s", op_text(op));
        log->problem.code = E_OP;
        (void)log_advise(log, "ask who gave you the token for another one");
        return false;
    }
    if (stream.len > 0 && !prefix_set_covers(&limits->prefixes, stream)) {
        return refuse_stream(log, stream);
    }
    if (op == OP_APPEND && len > limits->max_entry) {
        (void)log_say(log, VESTRY_DENIED, "token allows entries of %llu bytes, this one has %zu",
                      (unsigned long long)limits->max_entry, len);
        log->problem.code = E_SIZE;
        (void)log_advise(log, "split the entry, or append its hash");
        return false;
    }
    return true;
}

/* --- Refusals --------------------------------------------------------------------------------- */

enum vestry_error log_error_of_code(uint64_t code)
{
    switch (code) {
    case E_EXPECT:
    case E_REPLAY:
    case E_SEEN:
    case E_PREDICATE:
    case E_PROPOSALS:
    case E_CLOSED:
        return VESTRY_CONFLICT;
    case E_REQ_LATE:
    case E_STALE:
    case E_DEADLINE:
        return VESTRY_STALE;
    case E_CAPACITY:
        return VESTRY_FAILED;
    default:
        return VESTRY_DENIED;
    }
}

static void time_text(uint64_t ms, char *out, size_t capacity)
{
    struct buffer text = buffer_make(out, capacity - 1);

    amount_put_time(&text, ms);
    out[text.len] = '\0';
}

/* What officers can do about a refusal of what they decided; NULL for another refusal. */
static const char *advice_to_officers(uint64_t code)
{
    switch (code) {
    case E_SEEN:
        return "it is in the log already: vestry gov show says what came of it";
    case E_ACTION:
    case E_ENCODING:
        return "use programs of the servers' release, on the officers' machines too";
    case E_STALE:
        return "export the state again (vestry gov export), and let it be proposed anew";
    case E_DEADLINE:
        return "let it be proposed anew, with another --deadline";
    case E_PREDICATE:
        return "compare it with what is in force: vestry gov show";
    case E_ROLE:
    case E_MEMBER:
        return "let a member who may act sign: vestry gov show";
    case E_SIG:
        return "bring an unchanged copy of what the officers signed for this log";
    case E_THRESHOLD:
        return "let more members vote: vestry-keys ballot, then vestry-keys bundle";
    case E_PROPOSALS:
        return "wait until one of that member's proposals is decided, or let another propose it";
    case E_CLOSED:
        return "it was decided already: vestry gov show says what is in force";
    case E_DIGEST:
    case E_BOUNDS:
    case E_DISPUTE:
        return "compare it with what is in force, and let it be proposed anew: vestry gov show";
    default:
        return NULL;
    }
}

/* What can be done about a refusal, beside asking for another token. */
static void advise_refusal(const struct vestry *log, uint64_t code, const struct parcel *parcel,
                           struct vestry_problem *out)
{
    const bool governs = parcel != NULL && parcel->op == OP_GOVERN;
    char when[64];

    if (governs && advice_to_officers(code) != NULL) {
        advise(out, "%s", advice_to_officers(code));
        return;
    }
    switch (code) {
    case E_EXPIRED_TIME:
        time_text(identity_limits(&log->identity)->expires_ms, when, sizeof(when));
        say(out, out->error, "token expired %s", when);
        advise(out, "ask who gave you the token for a new one: vestry token inspect");
        return;
    case E_NOT_YET:
        time_text(identity_limits(&log->identity)->not_before_ms, when, sizeof(when));
        say(out, out->error, "token is not valid before %s, by the log's time", when);
        advise(out, "wait until then");
        return;
    case E_REVOKED_ID:
    case E_REVOKED_KEY:
        advise(out, "ask the issuer for a new token, for a new key");
        return;
    case E_REQ_LATE:
        advise(out, "set this machine's clock: the request ends %lld s from now by it",
               parcel == NULL
                   ? 0
                   : ((long long)parcel->not_after_ms - (long long)log_wall_ms()) / 1000);
        return;
    case E_REPLAY:
        advise(out, "another process uses this token with another state directory: give each its "
                    "own (vestry token attenuate), or start this one with a new directory");
        return;
    case E_EXPECT:
        advise(out, "read what was appended meanwhile, then decide again: vestry read");
        return;
    case E_QUOTA:
        advise(out, "ask the issuer for a token with a larger quota");
        return;
    case E_RATE:
        advise(out, "try again later, more slowly");
        return;
    case E_FROZEN:
        advise(out, "the members have frozen this stream; ask them");
        return;
    default:
        advise(out, "look at the token: vestry token inspect");
        return;
    }
}

void log_refusal(const struct vestry *log, uint64_t code, const struct parcel *parcel,
                 struct vestry_problem *out)
{
    say(out, log_error_of_code(code), "the log refuses: %s (%s)", result_code_text(code),
        result_code_name(code));
    advise_refusal(log, code, parcel, out);
    out->code = (uint32_t)code;
}
