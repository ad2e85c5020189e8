/* A handle: what it is made of, and the loop that all blocking calls turn.
 *
 * One turn: the core is told the time, its actions are carried out in order (what must be kept is
 * synced once, before the first frame that leaves), then the sockets are waited for. */
#include "client/log_parts.h"

#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define LIFE_MS_MAX (5 * 60 * 1000)
#define NOTICE_AFTER_MS 2000
#define NOTICE_EVERY_MS 5000
#define LOCK_RETRY_MS 50
#define TURN_MS_MAX 500
#define CLOSE_PATIENCE_MS 300
#define WAIT_TEXT_CHARS 1024

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    CHECK(clock_gettime(clock, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t log_now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

uint64_t log_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

uint64_t log_age_ms(uint64_t time_ms)
{
    const uint64_t now = log_wall_ms();

    return now > time_ms ? now - time_ms : 0;
}

static void draw(void *context, uint8_t *out, size_t len)
{
    (void)context;
    while (len > 0) {
        const ssize_t got = getrandom(out, len, 0);

        if (got > 0) {
            out += got;
            len -= (size_t)got;
        }
    }
}

static void notify(const struct vestry *log, enum vestry_notice notice, const char *text)
{
    if (log->notify != NULL) {
        log->notify(log->notify_context, notice, text);
    }
}

/* --- Events of the sockets -------------------------------------------------------------------- */

static void step(struct vestry *log, enum core_event_kind kind, uint32_t member, struct bytes bytes)
{
    const struct core_event event = {
        .kind = kind,
        .now_ms = log_now_ms(),
        .wall_ms = log_wall_ms(),
        .member = member,
        .bytes = bytes,
    };

    core_step(log->core, &event);
}

static void on_connected(void *context, uint32_t member, const uint8_t channel[HASH_BYTES])
{
    step(context, CORE_CONNECTED, member, bytes_make(channel, HASH_BYTES));
}

static void on_closed(void *context, uint32_t member, const char *why)
{
    step(context, CORE_CLOSED, member, bytes_of_text(why));
}

static void on_frame(void *context, uint32_t member, struct bytes frame)
{
    step(context, CORE_FRAME, member, frame);
}

/* --- Actions of the core ---------------------------------------------------------------------- */

static void keep(struct vestry *log, const struct core_action *action)
{
    if (log->journal == NULL) {
        return;
    }
    if (journal_begin(log->journal, action->request_no, action->replaces, action->bytes,
                      action->mark) != STATUS_OK) {
        log->broken = true;
    }
    log->unsynced = true;
}

static void forget(struct vestry *log, uint64_t request_no)
{
    if (log->journal != NULL && journal_end(log->journal, request_no) != STATUS_OK) {
        log->broken = true;
    }
}

static void send_frame(struct vestry *log, const struct core_action *action)
{
    if (log->unsynced && !log->broken) {
        log->unsynced = false;
        log->broken = journal_write(log->journal, true) != STATUS_OK;
    }
    /* A request whose record may not be on disk must not leave. */
    if (!log->broken) {
        net_send(log->net, action->member, action->bytes);
    }
}

static void tell(const struct vestry *log, const struct core_action *action)
{
    char text[WAIT_TEXT_CHARS];
    const size_t len = action->bytes.len < sizeof(text) ? action->bytes.len : sizeof(text) - 1;

    memcpy(text, action->bytes.data, len);
    text[len] = '\0';
    notify(log, action->notice == CORE_NOTICE_VIEW ? VESTRY_NOTICE_VIEW : VESTRY_NOTICE_LIAR, text);
}

static void carry_out(struct vestry *log)
{
    struct core_action action;

    while (core_next(log->core, &action)) {
        switch (action.kind) {
        case CORE_DIAL:
            net_dial(log->net, action.member);
            break;
        case CORE_HANG_UP:
            net_hang_up(log->net, action.member);
            break;
        case CORE_SEND:
            send_frame(log, &action);
            break;
        case CORE_KEEP:
            keep(log, &action);
            break;
        case CORE_FORGET:
            forget(log, action.request_no);
            break;
        case CORE_TELL:
            tell(log, &action);
            break;
        }
    }
    if (log->journal != NULL && !log->broken && !log->unsynced) {
        log->broken = journal_write(log->journal, false) != STATUS_OK;
    }
}

/* --- The loop --------------------------------------------------------------------------------- */

static void turn(struct vestry *log, uint64_t until_ms)
{
    step(log, CORE_TICK, 0, BYTES_EMPTY);
    carry_out(log);
    const uint64_t now = log_now_ms();
    const uint64_t wake = core_wake_ms(log->core);
    uint64_t wait = until_ms > now ? until_ms - now : 0;

    if (wake <= now) {
        wait = 0;
    } else if (wake - now < wait) {
        wait = wake - now;
    }
    net_run(log->net, wait < TURN_MS_MAX ? wait : TURN_MS_MAX);
    log_follow(log);
    carry_out(log);
    log_collect(log);
}

static void tell_wait(struct vestry *log, uint64_t now)
{
    uint8_t memory[WAIT_TEXT_CHARS];
    struct buffer text = buffer_make(memory, sizeof(memory) - 1);

    core_wait_text(log->core, now, &text);
    memory[text.len] = '\0';
    notify(log, VESTRY_NOTICE_WAITING, (const char *)memory);
}

static bool take_interrupt(struct vestry *log)
{
    return atomic_exchange(&log->interrupted, false);
}

static enum vestry_error journal_broke(struct vestry *log)
{
    (void)log_say(log, VESTRY_FAILED, "%s cannot be written: no append can be kept safe",
                  log->state);
    return log_advise(log, "make room or correct the permissions, then start again: what was begun "
                           "will be finished");
}

static enum vestry_error wait_until(struct vestry *log, uint64_t for_ms, bool aloud,
                                    log_until *until, void *context)
{
    const uint64_t start = log_now_ms();
    const uint64_t deadline = for_ms == 0 ? UINT64_MAX : start + for_ms;
    uint64_t next_notice = start + NOTICE_AFTER_MS;

    while (!until(log, context)) {
        const uint64_t now = log_now_ms();

        if (take_interrupt(log)) {
            return log_say(log, VESTRY_INTERRUPTED, "interrupted");
        }
        if (now >= deadline) {
            log_no_quorum(log);
            return VESTRY_NO_QUORUM;
        }
        if (aloud && now >= next_notice) {
            tell_wait(log, now);
            next_notice = now + NOTICE_EVERY_MS;
        }
        turn(log, deadline < next_notice || !aloud ? deadline : next_notice);
        if (log->broken) {
            return journal_broke(log);
        }
    }
    return VESTRY_OK;
}

enum vestry_error log_wait(struct vestry *log, log_until *until, void *context)
{
    return wait_until(log, log->timeout_ms, true, until, context);
}

enum vestry_error log_wait_for(struct vestry *log, uint64_t for_ms, log_until *until, void *context)
{
    return wait_until(log, for_ms, false, until, context);
}

void vestry_interrupt(struct vestry *log)
{
    atomic_store(&log->interrupted, true);
    net_wake(log->net);
}

void vestry_set_timeout(struct vestry *log, uint32_t timeout_ms)
{
    log->timeout_ms = timeout_ms;
}

enum seen_signed log_check_note(struct vestry *log, struct bytes note,
                                struct checkpoint *checkpoint, uint32_t *signers)
{
    uint8_t hash[HASH_BYTES];
    uint32_t members = 0;

    hash_bytes(note, hash);
    if (!hash_equal(hash, log->checked_hash)) {
        struct checkpoint checked;
        const enum seen_signed found = seen_check_note(&log->seen.trust, note, &checked, &members);

        if (found == SEEN_LATER) {
            log_note_epoch_seen(log, note);
        }
        if (found != SEEN_GOOD) {
            return found;
        }
        memcpy(log->checked_hash, hash, HASH_BYTES);
        log->checked = checked;
        log->checked_signers = members;
    }
    *checkpoint = log->checked;
    *signers = log->checked_signers;
    return SEEN_GOOD;
}

enum ask_verdict log_unsigned(enum seen_signed verdict)
{
    /* Whoever is in a later epoch knows more, but not yet to us. */
    return verdict == SEEN_LATER ? ASK_BEHIND : ASK_FALSE;
}

/* --- Opening and closing ---------------------------------------------------------------------- */

/* Take the state directory, waiting while another process has it. */
static enum status take_state(struct vestry *log, const char *state, struct problem *problem)
{
    const struct journal_owner owner = {
        log->identity.charter->cluster_id,
        identity_session(&log->identity),
    };
    const uint64_t start = log_now_ms();
    uint64_t next_notice = start + NOTICE_AFTER_MS;

    for (;;) {
        const struct timespec pause = {0, LOCK_RETRY_MS * 1000000L};
        const uint64_t now = log_now_ms();
        int pid = 0;
        const enum status status = journal_open(state, &owner, &log->journal, &pid, problem);

        if (status != STATUS_BUSY || (log->timeout_ms != 0 && now >= start + log->timeout_ms)) {
            return status;
        }
        if (now >= next_notice) {
            notify(log, VESTRY_NOTICE_WAITING, problem->what);
            next_notice = now + NOTICE_EVERY_MS;
        }
        (void)nanosleep(&pause, NULL);
    }
}

static enum status open_state(struct vestry *log, const struct vestry_options *options,
                              struct problem *problem)
{
    const struct seen_trust trust = {
        .scheme = &sig_ed25519,
        .origin = &log->identity.origin,
        .keys_of = epochs_keys,
        .context = &log->epochs,
    };
    enum status status = STATUS_OK;

    if (options->state != NULL) {
        log->has_state = true;
        (void)snprintf(log->state, sizeof(log->state), "%s", options->state);
        status = file_folder(options->state, 0700, problem);
    }
    if (status == STATUS_OK && options->state != NULL && !options->reader &&
        log->identity.has_token) {
        status = take_state(log, options->state, problem);
    }
    if (status == STATUS_OK) {
        status =
            epochs_open(&log->epochs, log->identity.charter, &sig_ed25519, options->state, problem);
    }
    if (status == STATUS_OK) {
        identity_epoch(&log->identity, epochs_newest(&log->epochs));
        status = seen_open(&log->seen, &trust, options->state, problem);
    }
    return status;
}

static enum status open_identity(struct vestry *log, const struct vestry_options *options,
                                 struct problem *problem)
{
    const struct identity_files files = {
        .charter = options->charter,
        .token = options->token,
        .key = options->key,
        .password = options->password,
    };
    enum status status = identity_open(&log->identity, &files, problem);

    for (size_t i = 0; status == STATUS_OK && i < options->endpoint_count; i++) {
        status = identity_endpoint(&log->identity, options->endpoints[i], problem);
    }
    return status;
}

/* Numbers start at the clock in microseconds, so that a client whose state directory was lost does
 * not use old ones again. */
static uint64_t first_number(const struct vestry *log)
{
    const uint64_t kept = log->journal == NULL ? 0 : journal_next_no(log->journal);

    return kept != 0 ? kept : log_wall_ms() * 1000;
}

static enum status open_core(struct vestry *log)
{
    const uint64_t ahead = identity_param(&log->identity, PARAM_REQUEST_AHEAD) / 2;
    const struct core_setup setup = {
        .trust = {&sig_ed25519, log->identity.charter->cluster_id, &log->identity.roster,
                  &log->identity.origin},
        .key = &log->identity.key,
        .token = log->identity.token,
        .software = "libvestry " VESTRY_VERSION,
        .request_no = first_number(log),
        .request_life_ms = ahead < LIFE_MS_MAX ? ahead : LIFE_MS_MAX,
        .entropy = draw,
    };
    const struct net_owner owner = {log, on_connected, on_closed, on_frame};
    const enum status status = core_open(&setup, &log->core);

    return status != STATUS_OK
               ? status
               : net_open(log->identity.peers, log->identity.roster.n, &owner, &log->net);
}

/* Take up what earlier runs did not finish. */
static enum status adopt_all(struct vestry *log, struct problem *problem)
{
    uint8_t *frame = NULL;
    size_t len = 0;

    for (uint32_t i = 0; log->journal != NULL && journal_unfinished(log->journal, i, &frame, &len);
         i++) {
        struct parcel parcel;

        if (parcel_parse(frame, len, log->identity.charter->cluster_id, &parcel) != STATUS_OK ||
            core_adopt(log->core, &parcel) != STATUS_OK) {
            (void)problem_say(problem, STATUS_CORRUPT, "%s/journal: a request in it is damaged",
                              log->state);
            return problem_advise(problem, "keep the directory and go on with another one "
                                           "(--state DIR)");
        }
    }
    return STATUS_OK;
}

static enum status open_parts(struct vestry *log, const struct vestry_options *options,
                              struct problem *problem)
{
    enum status status = open_identity(log, options, problem);

    if (status == STATUS_OK) {
        status = open_state(log, options, problem);
    }
    if (status == STATUS_OK) {
        status = open_core(log);
        if (status != STATUS_OK) {
            return problem_say(problem, status, "the client cannot start: %s", status_text(status));
        }
    }
    return status == STATUS_OK ? adopt_all(log, problem) : status;
}

struct vestry *vestry_open(const struct vestry_options *options, struct vestry_problem *problem)
{
    struct vestry *log = calloc(1, sizeof(*log));
    struct problem below = {0};

    *problem = (struct vestry_problem){0};
    if (log == NULL) {
        (void)problem_say(&below, STATUS_NO_MEMORY, "no memory for a client");
        problem_take(problem, VESTRY_FAILED, &below);
        return NULL;
    }
    if (options->size != sizeof(*options)) {
        (void)problem_say(&below, STATUS_INVALID, "options of another version of libvestry");
        (void)problem_advise(&below, "begin with VESTRY_OPTIONS, and compile with the header of "
                                     "this library");
        problem_take(problem, VESTRY_INVALID, &below);
        free(log);
        return NULL;
    }
    log->reader = options->reader;
    log->timeout_ms = options->timeout_ms;
    log->notify = options->notify;
    log->notify_context = options->notify_context;
    const enum status status = open_parts(log, options, &below);
    if (status != STATUS_OK) {
        problem_take(problem, error_of_status(status), &below);
        vestry_close(log);
        return NULL;
    }
    return log;
}

/* Before it ends, have it proven that the log to which something was appended is the one that was
 * seen before: what is proven becomes the anchor of the next run. */
static void last_look(struct vestry *log)
{
    if (!log->has_state || log->broken || core_links_up(log->core) == 0 ||
        atomic_load(&log->interrupted)) {
        return;
    }
    if (log_prove_continuity(log, CLOSE_PATIENCE_MS) == VESTRY_WENT_BACK) {
        notify(log, VESTRY_NOTICE_LIAR, log->problem.what);
    }
}

void vestry_close(struct vestry *log)
{
    if (log == NULL) {
        return;
    }
    if (log->net != NULL) {
        last_look(log);
        net_close(log->net);
    }
    core_close(log->core);
    journal_close(log->journal);
    seen_save(&log->seen);
    while (log->finished_first != NULL) {
        struct finished *finished = log->finished_first;

        log->finished_first = finished->next;
        vestry_receipts_free(finished->receipts);
        free(finished);
    }
    epochs_close(&log->epochs);
    identity_close(&log->identity);
    free(log->note);
    free(log);
}

/* --- Looking ---------------------------------------------------------------------------------- */

const struct vestry_problem *vestry_last_problem(const struct vestry *log)
{
    return &log->problem;
}

const char *vestry_name(const struct vestry *log)
{
    return log->identity.name;
}

const uint8_t *vestry_cluster_id(const struct vestry *log)
{
    return log->identity.charter->cluster_id;
}

uint32_t vestry_replica_count(const struct vestry *log)
{
    return log->identity.roster.n;
}

uint32_t vestry_quorum(const struct vestry *log)
{
    return log->identity.roster.q;
}

bool vestry_is_development(const struct vestry *log)
{
    return log->identity.charter->charter.profile == PROFILE_DEVELOPMENT;
}

uint32_t vestry_payload_max(const struct vestry *log)
{
    return (uint32_t)identity_param(&log->identity, PARAM_PAYLOAD_BYTES);
}

const char *vestry_version(void)
{
    return VESTRY_VERSION;
}
