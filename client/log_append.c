/* Appends behind vestry.h: submitting, waiting, marks, and what earlier runs left. */
#include "client/log_parts.h"

#include "crypto/name.h"
#include "governance/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Submitting ------------------------------------------------------------------------------- */

static bool check_entry(struct vestry *log, const struct vestry_entry *entry)
{
    const uint32_t payload_max = vestry_payload_max(log);
    const struct bytes stream = bytes_of_text(entry->stream == NULL ? "" : entry->stream);

    if (!name_is_id(stream)) {
        (void)log_say(log, VESTRY_INVALID, "\"%.80s\" cannot be a stream",
                      entry->stream == NULL ? "" : entry->stream);
        (void)log_advise(log,
                         "segments of a-z, 0-9, '.', '_' and '-', joined by '/', at most %d "
                         "characters",
                         ID_BYTES_MAX);
        return false;
    }
    if (name_is_reserved(stream)) {
        (void)log_say(log, VESTRY_INVALID,
                      "streams under " NAME_RESERVED_SEGMENT "/ are the log's own");
        (void)log_advise(log, "choose another name");
        return false;
    }
    if (entry->payload_len > payload_max) {
        (void)log_say(log, VESTRY_INVALID, "payload too large: %zu bytes, and this log takes %u",
                      entry->payload_len, payload_max);
        (void)log_advise(log, "split it, or append its hash and keep it elsewhere");
        return false;
    }
    return log_token_allows(log, OP_APPEND, stream, entry->payload_len);
}

static bool check_entries(struct vestry *log, const struct vestry_entry *entries, size_t count)
{
    size_t total = 0;

    if (log->reader) {
        (void)log_say(log, VESTRY_INVALID, "this handle was opened for reading");
        return false;
    }
    if (count == 0 || count > VESTRY_ENTRIES_MAX) {
        (void)log_say(log, VESTRY_INVALID, "%zu entries in one append: 1 to %d are possible", count,
                      VESTRY_ENTRIES_MAX);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!check_entry(log, &entries[i])) {
            return false;
        }
        total += entries[i].payload_len;
    }
    if (total > VESTRY_APPEND_MAX) {
        (void)log_say(log, VESTRY_INVALID, "%zu bytes in one append: %u are possible", total,
                      VESTRY_APPEND_MAX);
        (void)log_advise(log, "make several appends of it");
        return false;
    }
    return true;
}

/* The mark as the journal has it: [length of the name][name][value]. */
static bool put_mark(struct vestry *log, const struct vestry_append_options *options,
                     struct buffer *out)
{
    if (options == NULL || options->mark_name == NULL) {
        return true;
    }
    const struct bytes name = bytes_of_text(options->mark_name);
    if (options->size != sizeof(*options) || !name_is_id(name) ||
        options->mark_len > VESTRY_MARK_MAX || options->mark_len == 0) {
        (void)log_say(log, VESTRY_INVALID, "a mark has a name like a stream and 1 to %d bytes",
                      VESTRY_MARK_MAX);
        return false;
    }
    buffer_put_u8(out, (uint8_t)name.len);
    buffer_put(out, name);
    buffer_put(out, bytes_make(options->mark, options->mark_len));
    return true;
}

struct submission {
    const struct parcel_entry *entries;
    size_t count;
    struct bytes mark;
    enum status status;
    uint64_t ticket;
};

/* Whether the core has taken the append, or never will. */
static bool was_taken(struct vestry *log, void *context)
{
    struct submission *submission = context;

    submission->status = core_append(log->core, submission->entries, submission->count,
                                     submission->mark, log_wall_ms(), &submission->ticket);
    return submission->status != STATUS_BUSY;
}

static enum vestry_error submit(struct vestry *log, struct submission *submission, uint64_t *ticket)
{
    const enum vestry_error error = log_wait(log, was_taken, submission);

    if (error != VESTRY_OK) {
        return error;
    }
    if (submission->status == STATUS_NO_MEMORY) {
        return log_say(log, VESTRY_FAILED, "no memory for an append");
    }
    if (submission->status != STATUS_OK) {
        return log_say(log, VESTRY_INVALID, "the entries cannot be one request");
    }
    *ticket = submission->ticket;
    return VESTRY_OK;
}

enum vestry_error vestry_submit(struct vestry *log, const struct vestry_entry *entries,
                                size_t count, const struct vestry_append_options *options,
                                uint64_t *ticket)
{
    uint8_t mark_memory[CORE_MARK_BYTES_MAX];
    struct buffer mark = buffer_make(mark_memory, sizeof(mark_memory));

    if (!check_entries(log, entries, count) || !put_mark(log, options, &mark)) {
        return log->problem.error;
    }
    struct parcel_entry *list = calloc(count, sizeof(*list));
    if (list == NULL) {
        return log_say(log, VESTRY_FAILED, "no memory for an append");
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = (struct parcel_entry){
            .stream = bytes_of_text(entries[i].stream),
            .payload = bytes_make(entries[i].payload, entries[i].payload_len),
            .expect_stream_len = entries[i].expect,
        };
    }
    struct submission submission = {list, count, buffer_bytes(&mark), STATUS_BUSY, 0};
    const enum vestry_error error = submit(log, &submission, ticket);
    free(list);
    return error;
}

enum vestry_error vestry_govern(struct vestry *log, const void *payload, size_t len,
                                struct vestry_receipts **receipts)
{
    const struct parcel_entry entry = {bytes_of_text(GOVERNANCE_STREAM), bytes_make(payload, len),
                                       VESTRY_ANY};
    struct submission submission = {&entry, 1, BYTES_EMPTY, STATUS_BUSY, 0};
    uint64_t ticket = 0;

    *receipts = NULL;
    if (log->reader) {
        return log_say(log, VESTRY_INVALID, "this handle was opened for reading");
    }
    if (len == 0 || len > GOVERNANCE_BYTES_MAX) {
        return log_say(log, VESTRY_INVALID, "%zu bytes of governance: 1 to %u are possible", len,
                       GOVERNANCE_BYTES_MAX);
    }
    if (!log_token_allows(log, OP_GOVERN, BYTES_EMPTY, len)) {
        return log->problem.error;
    }
    const enum vestry_error error = submit(log, &submission, &ticket);
    return error == VESTRY_OK ? vestry_wait(log, ticket, receipts) : error;
}

/* --- Finishing -------------------------------------------------------------------------------- */

static void take_checkpoint(struct vestry *log, const struct vestry_receipts *receipts)
{
    struct bytes text;
    struct bytes lines;
    struct checkpoint checkpoint;
    const struct bytes note = bytes_make(receipts->note, receipts->note_len);

    /* It was made out of verified attestations. */
    if (receipts->note != NULL && note_split(note, &text, &lines) == NOTE_OK &&
        checkpoint_parse(text, &checkpoint) == NOTE_OK) {
        seen_take(&log->seen, &checkpoint, note, log_now_ms());
    }
}

static void tell_finished(const struct vestry *log, const struct finished *finished)
{
    char text[VESTRY_PROBLEM_TEXT + 96];

    if (log->notify == NULL) {
        return;
    }
    if (finished->receipts != NULL) {
        struct vestry_receipts_look look;

        vestry_receipts_look(finished->receipts, &look);
        (void)snprintf(text, sizeof(text),
                       "an append of an earlier run is in the log at index %llu",
                       (unsigned long long)look.first_index);
    } else {
        (void)snprintf(text, sizeof(text), "an append of an earlier run came to nothing: %s",
                       finished->problem.what);
    }
    log->notify(log->notify_context, VESTRY_NOTICE_FINISHED, text);
}

static void put_finished(struct vestry *log, struct finished *finished)
{
    if (log->finished_last == NULL) {
        log->finished_first = finished;
    } else {
        log->finished_last->next = finished;
    }
    log->finished_last = finished;
    log->finished_count++;
}

static void collect(struct vestry *log, const struct core_append_look *look)
{
    struct finished *finished = calloc(1, sizeof(*finished));
    const bool adopted = look->adopted;

    if (finished == NULL) {
        return; /* it stays where it is until there is memory */
    }
    finished->ticket = look->ticket;
    if (look->outcome == CORE_OUTCOME_REFUSED) {
        log_refusal(log, look->code, look->parcel, &finished->problem);
    }
    finished->receipts = core_release(log->core, look->ticket);
    if (finished->receipts != NULL) {
        take_checkpoint(log, finished->receipts);
    }
    if (adopted) {
        tell_finished(log, finished);
        vestry_receipts_free(finished->receipts);
        free(finished);
        return;
    }
    put_finished(log, finished);
}

void log_collect(struct vestry *log)
{
    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        struct core_append_look look;

        if (core_append_at(log->core, i, &look) && look.stage == CORE_DONE) {
            collect(log, &look);
        }
    }
}

static size_t count_unfinished(const struct vestry *log, bool adopted)
{
    size_t count = 0;

    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        struct core_append_look look;

        count += core_append_at(log->core, i, &look) && look.adopted == adopted;
    }
    return count;
}

size_t vestry_in_flight(const struct vestry *log)
{
    return count_unfinished(log, false) + log->finished_count;
}

size_t vestry_unfinished(const struct vestry *log)
{
    return count_unfinished(log, true);
}

/* --- Waiting ---------------------------------------------------------------------------------- */

/* Take a finished append off the list: that of the ticket, or the first for ticket 0. */
static struct finished *take_finished(struct vestry *log, uint64_t ticket)
{
    struct finished *before = NULL;

    for (struct finished *at = log->finished_first; at != NULL; before = at, at = at->next) {
        if (ticket != 0 && at->ticket != ticket) {
            continue;
        }
        if (before == NULL) {
            log->finished_first = at->next;
        } else {
            before->next = at->next;
        }
        if (log->finished_last == at) {
            log->finished_last = before;
        }
        log->finished_count--;
        return at;
    }
    return NULL;
}

static enum vestry_error hand_over(struct vestry *log, struct finished *finished,
                                   struct vestry_receipts **receipts)
{
    const enum vestry_error error = finished->problem.error;

    if (error != VESTRY_OK) {
        log->problem = finished->problem;
    }
    if (receipts != NULL) {
        *receipts = finished->receipts;
    } else {
        vestry_receipts_free(finished->receipts);
    }
    free(finished);
    return error;
}

struct awaited {
    uint64_t ticket;
    struct finished *finished;
};

static bool has_finished(struct vestry *log, void *context)
{
    struct awaited *awaited = context;

    awaited->finished = take_finished(log, awaited->ticket);
    return awaited->finished != NULL;
}

/* Drop the appends of this run that were never sent (that of the ticket, or all for ticket 0).
 * Whether none is left. */
static bool drop_unsent(struct vestry *log, uint64_t ticket)
{
    bool none_left = true;

    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        struct core_append_look look;

        if (!core_append_at(log->core, i, &look) || look.adopted ||
            (ticket != 0 && look.ticket != ticket)) {
            continue;
        }
        if (look.stage == CORE_NEW) {
            (void)core_release(log->core, look.ticket);
        } else {
            none_left = false;
        }
    }
    return none_left;
}

/* The wait ended without an outcome. What was never sent is dropped; what was sent is kept. */
static enum vestry_error give_up(struct vestry *log, uint64_t ticket, enum vestry_error error)
{
    if (error == VESTRY_FAILED) {
        return error;
    }
    if (drop_unsent(log, ticket)) {
        return error == VESTRY_INTERRUPTED
                   ? log_say(log, error, "interrupted before anything was sent")
                   : error;
    }
    const enum vestry_error outcome = error == VESTRY_INTERRUPTED ? error : VESTRY_UNKNOWN;
    if (log->journal == NULL) {
        (void)log_say(log, outcome, "the append was sent and its outcome is not known");
        return log_advise(log, "look for it in the log before you append it again");
    }
    (void)log_say(log, outcome,
                  "the append was sent and its outcome is not known yet; it is kept "
                  "in %s",
                  log->state);
    return log_advise(log, "do not append it again: vestry append --finish waits for it, and so "
                           "does every later append");
}

enum vestry_error vestry_wait(struct vestry *log, uint64_t ticket,
                              struct vestry_receipts **receipts)
{
    struct awaited awaited = {ticket, NULL};
    struct core_append_look look;

    if (receipts != NULL) {
        *receipts = NULL;
    }
    awaited.finished = take_finished(log, ticket == 0 ? UINT64_MAX : ticket);
    if (awaited.finished == NULL) {
        if (!core_append_look(log->core, ticket, &look) || look.adopted) {
            return log_say(log, VESTRY_INVALID, "no append has this ticket");
        }
        const enum vestry_error error = log_wait(log, has_finished, &awaited);
        if (error != VESTRY_OK) {
            return give_up(log, ticket, error);
        }
    }
    return hand_over(log, awaited.finished, receipts);
}

enum vestry_error vestry_wait_any(struct vestry *log, uint64_t *ticket,
                                  struct vestry_receipts **receipts)
{
    struct awaited awaited = {0, NULL};

    *ticket = 0;
    if (receipts != NULL) {
        *receipts = NULL;
    }
    if (vestry_in_flight(log) == 0) {
        return VESTRY_OK;
    }
    const enum vestry_error error = log_wait(log, has_finished, &awaited);
    if (error != VESTRY_OK) {
        return give_up(log, 0, error);
    }
    *ticket = awaited.finished->ticket;
    return hand_over(log, awaited.finished, receipts);
}

enum vestry_error vestry_append(struct vestry *log, const struct vestry_entry *entries,
                                size_t count, const struct vestry_append_options *options,
                                struct vestry_receipts **receipts)
{
    uint64_t ticket = 0;

    if (receipts != NULL) {
        *receipts = NULL;
    }
    const enum vestry_error error = vestry_submit(log, entries, count, options, &ticket);
    return error == VESTRY_OK ? vestry_wait(log, ticket, receipts) : error;
}

static bool none_unfinished(struct vestry *log, void *context)
{
    (void)context;
    return count_unfinished(log, true) == 0;
}

enum vestry_error vestry_finish(struct vestry *log)
{
    const enum vestry_error error = log_wait(log, none_unfinished, NULL);

    if (error == VESTRY_NO_QUORUM) {
        (void)log_say(log, VESTRY_UNKNOWN, "%zu appends of earlier runs are not finished yet",
                      count_unfinished(log, true));
        return log_advise(log, "they are kept in %s; vestry status --why says who is missing",
                          log->state);
    }
    return error;
}

/* --- Marks ------------------------------------------------------------------------------------ */

enum vestry_error vestry_mark(const struct vestry *log, const char *name, void *out,
                              size_t capacity, size_t *len)
{
    struct bytes value;

    if (log->journal == NULL || !journal_mark(log->journal, bytes_of_text(name), &value)) {
        return VESTRY_NOT_FOUND;
    }
    *len = value.len;
    memcpy(out, value.data, value.len < capacity ? value.len : capacity);
    return VESTRY_OK;
}

/* Write a mark down; an empty value removes it. */
static enum vestry_error write_mark(struct vestry *log, const char *name, struct bytes value)
{
    const struct bytes text = bytes_of_text(name);
    uint8_t memory[CORE_MARK_BYTES_MAX];
    struct buffer mark = buffer_make(memory, sizeof(memory));

    if (log->journal == NULL || !name_is_id(text) || value.len > VESTRY_MARK_MAX) {
        return log_say(log, VESTRY_INVALID,
                       "a mark needs a state directory, a name like a stream "
                       "and at most %d bytes",
                       VESTRY_MARK_MAX);
    }
    buffer_put_u8(&mark, (uint8_t)text.len);
    buffer_put(&mark, text);
    buffer_put(&mark, value);
    if (journal_set_mark(log->journal, buffer_bytes(&mark)) != STATUS_OK ||
        journal_write(log->journal, true) != STATUS_OK) {
        log->broken = true;
        return log_say(log, VESTRY_FAILED, "%s cannot be written", log->state);
    }
    return VESTRY_OK;
}

enum vestry_error vestry_set_mark(struct vestry *log, const char *name, const void *mark,
                                  size_t len)
{
    return write_mark(log, name, bytes_make(mark, len));
}

enum vestry_error vestry_clear_mark(struct vestry *log, const char *name)
{
    return log->journal == NULL ? VESTRY_OK : write_mark(log, name, BYTES_EMPTY);
}
