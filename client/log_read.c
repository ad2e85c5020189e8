/* Reads behind vestry.h: one replica's answer, held against a quorum's checkpoint, against what was
 * seen before, and against the promise that was asked for. */
#include "client/log_parts.h"

#include "client/entries.h"
#include "crypto/name.h"

#include <stdlib.h>
#include <string.h>

#define FOLLOW_PAUSE_MS 100
#define FOLLOW_PAUSE_MAX_MS 800
#define AGE_HEARTBEATS 3
#define CONTINUITY_EVERY_MS 10000
#define CONTINUITY_PATIENCE_MS 2000
#define ONE_PATIENCE_MS 2000 /* with one replica, where another will do */
#define ROUND_PAUSE_MS 50    /* when all were asked and too few have answered */
#define SILENT_MS 500        /* asked and not heard for so long: others are asked first */

/* Why an answer that is true was not enough. */
enum read_lack {
    LACK_NONE,
    LACK_CHECKPOINT, /* no quorum checkpoint yet */
    LACK_SEEN,       /* older than what was seen */
    LACK_AGE,
    LACK_HEIGHT, /* below what a linearizable read must cover */
    LACK_PAYLOAD,
};

struct read_work {
    struct vestry *log;
    struct entries_query query;
    enum vestry_consistency consistency;
    uint64_t max_age_ms;
    uint64_t at_least; /* height */
    struct vestry_entries *entries;
    enum read_lack lack;
    uint64_t offered_height;
    uint64_t offered_age_ms;
    uint64_t executed; /* as the answering replica says */
    bool out_of_memory;
    char evidence[FILE_PATH_MAX];
};

/* Whether the checkpoint keeps what was promised; true answers that do not are only behind. */
static enum read_lack judge_checkpoint(const struct read_work *work,
                                       const struct checkpoint *checkpoint, enum seen_verdict seen)
{
    switch (work->consistency) {
    case VESTRY_LOCAL:
        return LACK_NONE;
    case VESTRY_CAUSAL:
        return seen == SEEN_OLDER ? LACK_SEEN : LACK_NONE;
    case VESTRY_LINEARIZABLE:
        if (checkpoint->height < work->at_least) {
            return LACK_HEIGHT;
        }
        return seen == SEEN_OLDER ? LACK_SEEN : LACK_NONE;
    case VESTRY_VERIFIED:
        if (seen == SEEN_OLDER) {
            return LACK_SEEN;
        }
        return log_age_ms(checkpoint->time_ms) > work->max_age_ms ? LACK_AGE : LACK_NONE;
    }
    return LACK_NONE;
}

/* Whether a payload is missing that the token should show: erased, or kept back. */
static bool lacks_payload(const struct read_work *work, const struct vestry_entries *entries)
{
    const struct prefix_set *prefixes = &identity_limits(&work->log->identity)->prefixes;

    for (size_t i = 0; i < entries->look.count; i++) {
        const struct entries_one *one = &entries->list[i];

        if (one->entry.salt.len == 0 && one->leaf.kind == LEAF_DATA &&
            prefix_set_covers(prefixes, one->leaf.stream)) {
            return true;
        }
    }
    return false;
}

static bool keep_note(struct vestry_entries *entries, struct bytes note)
{
    entries->note = malloc(note.len + 1);
    if (entries->note == NULL) {
        return false;
    }
    memcpy(entries->note, note.data, note.len);
    entries->note_len = note.len;
    return true;
}

static void fill_look(const struct read_work *work, const struct ask_answer *answer,
                      const struct checkpoint *checkpoint, uint32_t signers,
                      struct vestry_read_look *look)
{
    look->stream_len =
        work->query.stream.len == 0 ? checkpoint->tree_size : answer->read.stream_len;
    look->height = checkpoint->height;
    look->tree_size = checkpoint->tree_size;
    look->time_ms = checkpoint->time_ms;
    look->age_ms = log_age_ms(checkpoint->time_ms);
    look->replica = work->log->identity.roster.members[answer->member].rid;
    look->signer_count = note_count(signers);
}

/* The answer's entries, verified; false sets the verdict. */
static bool take_entries(struct read_work *work, const struct ask_answer *answer,
                         const struct checkpoint *checkpoint, enum ask_verdict *verdict)
{
    bool memory = false;

    vestry_entries_free(work->entries);
    work->entries = NULL;
    if (!entries_verify(&work->query, answer->attachment, checkpoint, &work->entries, &memory)) {
        *verdict = memory ? ASK_BEHIND : ASK_FALSE;
        return false;
    }
    if (!keep_note(work->entries, answer->read.checkpoint)) {
        *verdict = ASK_BEHIND;
        return false;
    }
    return true;
}

static void check_read(void *context, const struct ask_answer *answer, enum ask_verdict *verdict)
{
    struct read_work *work = context;
    struct vestry *log = work->log;
    struct checkpoint checkpoint;
    uint32_t signers = 0;

    work->executed = answer->read.executed;
    if (answer->read.checkpoint.len == 0) {
        work->lack = LACK_CHECKPOINT;
        *verdict = ASK_BEHIND;
        return;
    }
    const enum seen_signed found =
        log_check_note(log, answer->read.checkpoint, &checkpoint, &signers);
    if (found != SEEN_GOOD) {
        work->lack = LACK_CHECKPOINT;
        *verdict = log_unsigned(found);
        return;
    }
    const enum seen_verdict seen = seen_judge(&log->seen, &checkpoint);
    if (seen == SEEN_FORK) {
        seen_keep_evidence(&log->seen, &log->seen.head, answer->read.checkpoint, work->evidence);
        *verdict = ASK_FORK;
        return;
    }
    work->offered_height = checkpoint.height;
    work->offered_age_ms = log_age_ms(checkpoint.time_ms);
    work->lack = judge_checkpoint(work, &checkpoint, seen);
    if (work->lack != LACK_NONE) {
        *verdict = ASK_BEHIND;
        return;
    }
    if (!take_entries(work, answer, &checkpoint, verdict)) {
        return;
    }
    fill_look(work, answer, &checkpoint, signers, &work->entries->look);
    seen_take(&log->seen, &checkpoint, answer->read.checkpoint, log_now_ms());
    if (lacks_payload(work, work->entries)) {
        work->lack = LACK_PAYLOAD;
        *verdict = ASK_NOTHING;
        return;
    }
    *verdict = ASK_GOOD;
}

/* --- What went wrong -------------------------------------------------------------------------- */

static enum vestry_error say_forked(struct vestry *log, const struct read_work *work)
{
    (void)log_say(log, VESTRY_WENT_BACK,
                  "the log shows another past than it did before, at height %llu",
                  (unsigned long long)log->seen.head.checkpoint.height);
    if (work->evidence[0] == '\0') {
        return log_advise(log,
                          "keep the state directory, and send both checkpoints to your auditor");
    }
    return log_advise(log, "evidence saved at %.400s, send it to your auditor", work->evidence);
}

static enum vestry_error say_outdated(struct vestry *log, const struct read_work *work)
{
    if (work->lack == LACK_SEEN) {
        (void)log_say(log, VESTRY_WENT_BACK,
                      "the log went backwards: height %llu is offered, %llu was seen before",
                      (unsigned long long)work->offered_height,
                      (unsigned long long)log->seen.head.checkpoint.height);
        return log_advise(log,
                          "ask the operators; what was seen is kept in %.300s/head, for your "
                          "auditor",
                          log->state);
    }
    if (work->lack == LACK_AGE) {
        (void)log_say(log, VESTRY_STALE, "the newest checkpoint is %.1f s old, %.1f s are allowed",
                      (double)work->offered_age_ms / 1000.0, (double)work->max_age_ms / 1000.0);
        return log_advise(log, "check this machine's clock and vestry status; --max-age allows "
                               "older ones");
    }
    (void)log_say(log, VESTRY_STALE, "no replica has a quorum's checkpoint that is new enough");
    return log_advise(log, "vestry status --why");
}

static enum vestry_error say_denied(struct vestry *log, const struct ask_look *look)
{
    log_refusal(log, look->code, NULL, &log->problem);
    return log->problem.error;
}

/* --- Asking ----------------------------------------------------------------------------------- */

/* Ask; on VESTRY_OK work->entries is there. */
static enum vestry_error ask(struct vestry *log, struct read_work *work, uint32_t only)
{
    const struct ask_spec spec = {
        .kind = ASK_READ,
        .only = only,
        .from = work->query.from,
        .count = work->query.count,
        .stream = work->query.stream,
        .check = check_read,
        .context = work,
    };
    struct ask_look look;
    const uint64_t patience_ms = only == ROSTER_NOBODY ? 0 : ONE_PATIENCE_MS;
    const enum vestry_error error = log_ask(log, &spec, HOPE_ANY, patience_ms, &look);

    if (look.state == ASK_FORKED) {
        return say_forked(log, work);
    }
    if ((error == VESTRY_NO_QUORUM && look.lies > 0) || look.state == ASK_REFUTED) {
        (void)log_say(log, VESTRY_UNVERIFIED, "every answer contradicts what was signed: refused");
        return log_advise(log, "vestry status --why says which replicas lie");
    }
    if (error != VESTRY_OK) {
        return error;
    }
    if (look.state == ASK_OUTDATED) {
        return say_outdated(log, work);
    }
    /* W replicas say that a payload is gone: it was erased. The proven rest is what there is. */
    if (look.state == ASK_DENIED && !(look.code == RESULT_OK && work->entries != NULL)) {
        return say_denied(log, &look);
    }
    return VESTRY_OK;
}

static bool query_is_good(struct vestry *log, const struct vestry_query *query)
{
    const struct bytes stream = query->stream == NULL ? BYTES_EMPTY : bytes_of_text(query->stream);

    if (query->size != sizeof(*query)) {
        (void)log_say(log, VESTRY_INVALID, "a query of another version of libvestry");
        return false;
    }
    if (query->stream != NULL && !name_is_id(stream)) {
        (void)log_say(log, VESTRY_INVALID, "\"%.80s\" cannot be a stream", query->stream);
        (void)log_advise(log, "vestry streams lists those there are");
        return false;
    }
    if (query->count == 0 || query->count > VESTRY_ENTRIES_MAX) {
        (void)log_say(log, VESTRY_INVALID, "%llu entries in one read: 1 to %d are possible",
                      (unsigned long long)query->count, VESTRY_ENTRIES_MAX);
        return false;
    }
    return log_token_allows(log, OP_READ, stream, 0);
}

static void work_open(struct vestry *log, const struct vestry_query *query, struct read_work *work)
{
    const uint64_t heartbeat = identity_param(&log->identity, PARAM_IDLE_HEARTBEAT);

    *work = (struct read_work){
        .log = log,
        .query =
            {
                .stream = query->stream == NULL ? BYTES_EMPTY : bytes_of_text(query->stream),
                .from = query->from,
                .count = query->count,
            },
        .consistency = query->consistency,
        .max_age_ms = query->max_age_ms != 0 ? query->max_age_ms : AGE_HEARTBEATS * heartbeat,
    };
}

/* --- Linearizable ----------------------------------------------------------------------------- */

/* Whether it is likely to answer: who may not sign, or is silent, is connected all the same. */
static bool will_answer(const struct core_link_look *link)
{
    return !link->recovering && link->silent_ms < SILENT_MS;
}

static bool never(struct vestry *log, void *context)
{
    (void)log;
    (void)context;
    return false;
}

/* What one replica claims to have executed. VESTRY_NO_QUORUM: it does not answer in time. */
static enum vestry_error ask_height(struct vestry *log, const struct vestry_query *query,
                                    uint32_t member, uint64_t *executed)
{
    struct read_work work;

    work_open(log, query, &work);
    work.consistency = VESTRY_LOCAL;
    const enum vestry_error error = ask(log, &work, member);
    vestry_entries_free(work.entries);
    *executed = work.executed;
    return error;
}

/* Before those who were silent are asked once more; of them so many are needed. */
static enum vestry_error pause_between(struct vestry *log, uint64_t since_ms, uint32_t without,
                                       uint32_t needed)
{
    const bool is_over = log->timeout_ms != 0 && log_now_ms() >= since_ms + log->timeout_ms;

    if (is_over || log->identity.roster.n - note_count(without) < needed) {
        log_no_quorum(log);
        return log->problem.error;
    }
    const enum vestry_error error = log_wait_for(log, ROUND_PAUSE_MS, never, NULL);
    return error == VESTRY_NO_QUORUM ? VESTRY_OK : error;
}

/* Of Q answers given after the read began, the highest height that any claims to have executed:
 * whatever was acknowledged before was executed by a correct one of any Q. A claim that is never
 * proven only costs time, and that replica's place is taken by another's. Whoever does not answer
 * is asked again when all others were, as long as the caller has patience. */
static enum vestry_error find_height(struct vestry *log, const struct vestry_query *query,
                                     uint32_t without, uint64_t *height, uint32_t *highest)
{
    const struct roster *roster = &log->identity.roster;
    const uint64_t start = log_now_ms();
    uint32_t answers = 0;

    *height = 0;
    for (uint32_t turn = 0; answers < roster->q; turn++) {
        const uint32_t i = turn % roster->n;
        struct core_link_look link;
        uint64_t executed = 0;
        enum vestry_error error = VESTRY_OK;

        if (turn > 0 && i == 0) {
            error = pause_between(log, start, without, roster->q - answers);
        }
        if (error != VESTRY_OK) {
            return error;
        }
        core_link_look(log->core, i, &link);
        if (link.state != LINK_UP || (without >> i & 1) != 0 ||
            (turn < roster->n && !will_answer(&link))) {
            continue;
        }
        error = ask_height(log, query, i, &executed);
        if (error == VESTRY_INTERRUPTED || error == VESTRY_DENIED || error == VESTRY_WENT_BACK) {
            return error;
        }
        if (error == VESTRY_NO_QUORUM) {
            continue;
        }
        without |= UINT32_C(1) << i; /* it has been heard */
        if (error != VESTRY_OK) {
            continue;
        }
        answers++;
        if (executed >= *height) {
            *height = executed;
            *highest = i;
        }
    }
    return VESTRY_OK;
}

static bool has_quorum(struct vestry *log, void *context)
{
    (void)context;
    return core_links_up(log->core) >= log->identity.roster.q;
}

static enum vestry_error read_linearizable(struct vestry *log, const struct vestry_query *query,
                                           struct read_work *work)
{
    uint32_t without = 0;
    enum vestry_error error = log_wait(log, has_quorum, NULL);

    for (uint32_t round = 0; error == VESTRY_OK && round <= log->identity.roster.f; round++) {
        uint64_t height = 0;
        uint32_t highest = 0;

        error = find_height(log, query, without, &height, &highest);
        if (error != VESTRY_OK) {
            return error;
        }
        work_open(log, query, work);
        work->at_least = height;
        error = ask(log, work, ROSTER_NOBODY);
        if (error != VESTRY_STALE) {
            return error;
        }
        vestry_entries_free(work->entries);
        work->entries = NULL;
        without |= UINT32_C(1) << highest;
        error = VESTRY_OK;
    }
    if (error == VESTRY_OK) {
        (void)log_say(log, VESTRY_STALE,
                      "no quorum's checkpoint reaches what replicas say they "
                      "have executed");
        return log_advise(log, "vestry status --why");
    }
    return error;
}

/* The first time, and from time to time, it is proven that what is read is the log that was seen
 * before. When nobody answers in time the question stays open, and is put again with the next read.
 */
static enum vestry_error check_continuity(struct vestry *log)
{
    const uint64_t now = log_now_ms();

    if (log->proven_ms != 0 && now < log->proven_ms + CONTINUITY_EVERY_MS) {
        return VESTRY_OK;
    }
    const enum vestry_error error = log_prove_continuity(log, CONTINUITY_PATIENCE_MS);
    return error == VESTRY_NO_QUORUM ? VESTRY_OK : error;
}

/* --- vestry.h --------------------------------------------------------------------------------- */

enum vestry_error vestry_read(struct vestry *log, const struct vestry_query *query,
                              struct vestry_entries **entries)
{
    struct read_work work = {0};
    enum vestry_error error = VESTRY_OK;

    *entries = NULL;
    if (!query_is_good(log, query)) {
        return log->problem.error;
    }
    if (query->consistency == VESTRY_LINEARIZABLE) {
        error = read_linearizable(log, query, &work);
    } else {
        work_open(log, query, &work);
        error = ask(log, &work, ROSTER_NOBODY);
    }
    if (error == VESTRY_OK) {
        error = check_continuity(log);
    }
    if (error != VESTRY_OK) {
        vestry_entries_free(work.entries);
        return error;
    }
    *entries = work.entries;
    return VESTRY_OK;
}

enum vestry_error vestry_follow(struct vestry *log, const struct vestry_query *query,
                                struct vestry_entries **entries)
{
    const uint64_t start = log_now_ms();
    uint64_t pause = FOLLOW_PAUSE_MS;

    for (;;) {
        const enum vestry_error error = vestry_read(log, query, entries);
        if (error != VESTRY_OK || (*entries)->look.count > 0) {
            return error;
        }
        vestry_entries_free(*entries);
        *entries = NULL;
        if (log->timeout_ms != 0 && log_now_ms() >= start + log->timeout_ms) {
            return log_say(log, VESTRY_UNKNOWN, "nothing was appended in that time");
        }
        if (log_wait_for(log, pause, never, NULL) == VESTRY_INTERRUPTED) {
            return VESTRY_INTERRUPTED;
        }
        pause = pause * 2 < FOLLOW_PAUSE_MAX_MS ? pause * 2 : FOLLOW_PAUSE_MAX_MS;
    }
}
