#include "client/journal.h"

#include "client/journal_record.h"
#include "keys/words/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char magic[] = "vestry-journal-1";

struct unfinished {
    uint64_t request_no;
    uint64_t offset; /* of the frame in the file */
    size_t len;
};

struct mark {
    size_t len;
    uint8_t bytes[ID_BYTES_MAX + 1 + JOURNAL_MARK_BYTES_MAX];
};

struct journal {
    char directory[FILE_PATH_MAX];
    uint8_t owner[2 * HASH_BYTES];
    int lock_fd;
    int fd;
    uint64_t size; /* of the file, with all that was written */
    uint64_t next_no;
    uint64_t rewritten; /* the size when it was rewritten last */
    bool broken;        /* a write failed: nothing more is taken */
    uint8_t *pending;   /* records that are not written yet */
    size_t pending_len;
    size_t pending_room;
    uint32_t unfinished_count;
    struct unfinished unfinished[JOURNAL_UNFINISHED_MAX];
    uint32_t mark_count;
    struct mark marks[JOURNAL_MARKS_MAX];
};

/* --- What is known ---------------------------------------------------------------------------- */

static struct bytes mark_name(struct bytes mark)
{
    return bytes_slice(mark, 1, mark.data[0]);
}

static bool mark_is_formed(struct bytes mark)
{
    return mark.len >= 2 && mark.data[0] != 0 && mark.data[0] <= ID_BYTES_MAX &&
           (size_t)mark.data[0] + 1 <= mark.len &&
           mark.len - 1 - mark.data[0] <= JOURNAL_MARK_BYTES_MAX;
}

static struct mark *find_mark(struct journal *journal, struct bytes name)
{
    for (uint32_t i = 0; i < journal->mark_count; i++) {
        struct mark *mark = &journal->marks[i];

        if (bytes_equal(mark_name(bytes_make(mark->bytes, mark->len)), name)) {
            return mark;
        }
    }
    return NULL;
}

static void remove_mark(struct journal *journal, const struct mark *mark)
{
    const size_t at = (size_t)(mark - journal->marks);

    journal->mark_count--;
    memmove(&journal->marks[at], &journal->marks[at + 1],
            (journal->mark_count - at) * sizeof(journal->marks[0]));
}

/* The latest is the last. */
static void learn_mark(struct journal *journal, struct bytes bytes)
{
    const struct mark *before = find_mark(journal, mark_name(bytes));

    if (before != NULL) {
        remove_mark(journal, before);
    }
    if (bytes.len == (size_t)bytes.data[0] + 1) {
        return; /* without a value it is gone */
    }
    if (journal->mark_count == JOURNAL_MARKS_MAX) {
        remove_mark(journal, &journal->marks[0]);
    }
    struct mark *mark = &journal->marks[journal->mark_count++];
    mark->len = bytes.len;
    memcpy(mark->bytes, bytes.data, bytes.len);
}

static void learn_end(struct journal *journal, uint64_t request_no)
{
    for (uint32_t i = 0; i < journal->unfinished_count; i++) {
        if (journal->unfinished[i].request_no == request_no) {
            journal->unfinished_count--;
            memmove(&journal->unfinished[i], &journal->unfinished[i + 1],
                    (journal->unfinished_count - i) * sizeof(journal->unfinished[0]));
            return;
        }
    }
}

/* Take up what a record says; `offset` is where its rest lies in the file. */
static bool learn(struct journal *journal, const struct record *record, uint64_t offset)
{
    if (record->mark.len > 0) {
        if (!mark_is_formed(record->mark)) {
            return false;
        }
        learn_mark(journal, record->mark);
    }
    if (record->kind == RECORD_END) {
        learn_end(journal, record->request_no);
    } else if (record->kind == RECORD_NEXT) {
        journal->next_no = record->request_no;
    } else if (record->kind == RECORD_BEGIN) {
        learn_end(journal, record->replaces);
        if (journal->unfinished_count == JOURNAL_UNFINISHED_MAX) {
            return false;
        }
        journal->unfinished[journal->unfinished_count++] =
            (struct unfinished){record->request_no, offset, record->rest.len};
        if (record->request_no >= journal->next_no) {
            journal->next_no = record->request_no + 1;
        }
    }
    return true;
}

/* --- Records ---------------------------------------------------------------------------------- */

static bool make_room(struct journal *journal, size_t len)
{
    if (journal->pending_room - journal->pending_len >= len) {
        return true;
    }
    const size_t room = (journal->pending_len + len) * 2;
    uint8_t *grown = realloc(journal->pending, room);
    if (grown == NULL) {
        return false;
    }
    journal->pending = grown;
    journal->pending_room = room;
    return true;
}

/* Queue a record, and take up what it says. */
static enum status note(struct journal *journal, const struct record *record)
{
    const size_t len = record_bytes(record);

    if (journal->broken) {
        return STATUS_IO;
    }
    if (len == 0 || !make_room(journal, len)) {
        return STATUS_NO_MEMORY;
    }
    struct buffer out = buffer_make(journal->pending + journal->pending_len, len);
    const uint64_t offset = journal->size + journal->pending_len + record_put(record, &out);
    if (!learn(journal, record, offset)) {
        return STATUS_NO_MEMORY;
    }
    journal->pending_len += len;
    return STATUS_OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static bool owner_matches(const struct journal *journal, const struct record *record)
{
    const struct bytes rest = record->rest;

    return record->kind == RECORD_OWNER && rest.len == sizeof(magic) + sizeof(journal->owner) &&
           memcmp(rest.data, magic, sizeof(magic)) == 0 &&
           memcmp(rest.data + sizeof(magic), journal->owner, sizeof(journal->owner)) == 0;
}

static enum status damaged(const struct journal *journal, uint64_t offset, struct problem *problem)
{
    (void)problem_say(problem, STATUS_CORRUPT, "%s/journal: damaged at byte %llu",
                      journal->directory, (unsigned long long)offset);
    return problem_advise(problem,
                          "keep the directory: appends in it may be unfinished; go on with "
                          "another one (--state DIR)");
}

/* Whether damage at `at` can be a record that was being written when the machine stopped: nothing
 * whole comes behind it. */
static bool is_torn_tail(struct bytes bytes, size_t at)
{
    struct record record;
    size_t used = 0;

    for (size_t i = at + 1; i < bytes.len; i++) {
        if (record_read(bytes_slice(bytes, i, bytes.len - i), &record, &used)) {
            return false;
        }
    }
    return true;
}

static enum status read_all(struct journal *journal, struct bytes bytes, struct problem *problem)
{
    size_t at = 0;

    while (at < bytes.len) {
        struct record record;
        size_t used = 0;

        if (!record_read(bytes_slice(bytes, at, bytes.len - at), &record, &used)) {
            return is_torn_tail(bytes, at) ? STATUS_OK : damaged(journal, at, problem);
        }
        if (at == 0 && !owner_matches(journal, &record)) {
            (void)problem_say(problem, STATUS_MISMATCH,
                              "%s belongs to another log or another token", journal->directory);
            return problem_advise(problem,
                                  "use another directory (--state DIR); do not delete this "
                                  "one: appends in it may be unfinished");
        }
        const uint64_t offset = (uint64_t)(record.rest.data - bytes.data);
        if (!learn(journal, &record, offset)) {
            return damaged(journal, at, problem);
        }
        at += used;
    }
    return STATUS_OK;
}

static enum status say_errno(const struct journal *journal, const char *what,
                             struct problem *problem)
{
    return problem_say(problem, errno == ENOSPC ? STATUS_NO_SPACE : STATUS_IO, "%s: %s: %s",
                       journal->directory, what, strerror(errno));
}

static void path_of(const struct journal *journal, const char *name, char out[FILE_PATH_MAX])
{
    (void)snprintf(out, FILE_PATH_MAX, "%.3900s/%s", journal->directory, name);
}

static enum status sync_directory(const struct journal *journal)
{
    const int fd = open(journal->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return STATUS_IO;
    }
    const bool good = fsync(fd) == 0;
    (void)close(fd);
    return good ? STATUS_OK : STATUS_IO;
}

/* --- Rewriting -------------------------------------------------------------------------------- */

/* Queue all that is worth keeping of the old file, of which `old` are the bytes. */
static enum status note_all(struct journal *fresh, const struct journal *journal, struct bytes old)
{
    uint8_t owner[sizeof(magic) + sizeof(journal->owner)];

    memcpy(owner, magic, sizeof(magic));
    memcpy(owner + sizeof(magic), journal->owner, sizeof(journal->owner));
    struct record record = {.kind = RECORD_OWNER, .rest = BYTES_OF_ARRAY(owner)};
    enum status status = note(fresh, &record);

    record = (struct record){.kind = RECORD_NEXT, .request_no = journal->next_no};
    if (status == STATUS_OK && journal->next_no != 0) {
        status = note(fresh, &record);
    }
    for (uint32_t i = 0; status == STATUS_OK && i < journal->mark_count; i++) {
        const struct mark *mark = &journal->marks[i];

        record = (struct record){.kind = RECORD_MARK, .mark = bytes_make(mark->bytes, mark->len)};
        status = note(fresh, &record);
    }
    for (uint32_t i = 0; status == STATUS_OK && i < journal->unfinished_count; i++) {
        const struct unfinished *one = &journal->unfinished[i];

        record = (struct record){
            .kind = RECORD_BEGIN,
            .request_no = one->request_no,
            .rest = bytes_slice(old, one->offset, one->len),
        };
        status = note(fresh, &record);
    }
    return status;
}

/* Put `fresh`'s records into a new file in the place of the old one. */
static enum status replace_file(struct journal *fresh)
{
    char path[FILE_PATH_MAX];
    char new_path[FILE_PATH_MAX];

    path_of(fresh, "journal", path);
    path_of(fresh, "journal.new", new_path);
    fresh->fd = open(new_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fresh->fd < 0) {
        return STATUS_IO;
    }
    const bool good =
        file_write_all(fresh->fd, bytes_make(fresh->pending, fresh->pending_len)) == STATUS_OK &&
        fsync(fresh->fd) == 0 && rename(new_path, path) == 0 && sync_directory(fresh) == STATUS_OK;
    if (!good) {
        (void)close(fresh->fd);
        return STATUS_IO;
    }
    fresh->size = fresh->pending_len;
    fresh->rewritten = fresh->size;
    fresh->pending_len = 0;
    return STATUS_OK;
}

static enum status rewrite(struct journal *journal, struct bytes old)
{
    struct journal *fresh = calloc(1, sizeof(*fresh));

    if (fresh == NULL) {
        return STATUS_NO_MEMORY;
    }
    memcpy(fresh->directory, journal->directory, sizeof(fresh->directory));
    memcpy(fresh->owner, journal->owner, sizeof(fresh->owner));
    fresh->lock_fd = journal->lock_fd;
    enum status status = note_all(fresh, journal, old);
    if (status == STATUS_OK) {
        status = replace_file(fresh);
    }
    if (status != STATUS_OK) {
        free(fresh->pending);
        free(fresh);
        return status;
    }
    free(journal->pending);
    if (journal->fd >= 0) {
        (void)close(journal->fd);
    }
    *journal = *fresh;
    free(fresh);
    return STATUS_OK;
}

static enum status load(struct journal *journal, struct problem *problem)
{
    char path[FILE_PATH_MAX];

    path_of(journal, "journal", path);
    journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal->fd < 0) {
        return say_errno(journal, "the journal cannot be opened", problem);
    }
    const struct bytes old = file_map(journal->fd);
    if (old.len == SIZE_MAX) {
        return say_errno(journal, "the journal cannot be read", problem);
    }
    enum status status = read_all(journal, old, problem);
    if (status == STATUS_OK && rewrite(journal, old) != STATUS_OK) {
        status = say_errno(journal, "the journal cannot be written", problem);
    }
    file_unmap(old);
    return status;
}

/* --- Opening ---------------------------------------------------------------------------------- */

static enum status take_lock(struct journal *journal, int *pid, struct problem *problem)
{
    char path[FILE_PATH_MAX];
    char text[16] = {0};

    path_of(journal, "lock", path);
    journal->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal->lock_fd < 0) {
        return say_errno(journal, "its lock file cannot be opened", problem);
    }
    if (flock(journal->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (pread(journal->lock_fd, text, sizeof(text) - 1, 0) > 0) {
            *pid = (int)strtol(text, NULL, 10);
        }
        (void)problem_say(problem, STATUS_BUSY, "process %d uses %s", *pid, journal->directory);
        return problem_advise(problem, "wait until it ends, or attenuate the token for a second "
                                       "key: vestry token attenuate");
    }
    const int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(journal->lock_fd, 0) != 0 ||
        pwrite(journal->lock_fd, text, (size_t)len, 0) != len) {
        return say_errno(journal, "its lock file cannot be written", problem);
    }
    return STATUS_OK;
}

enum status journal_open(const char *directory, const struct journal_owner *owner,
                         struct journal **out, int *pid, struct problem *problem)
{
    struct journal *journal = calloc(1, sizeof(*journal));

    *pid = 0;
    if (journal == NULL) {
        return problem_say(problem, STATUS_NO_MEMORY, "no memory for a journal");
    }
    journal->fd = -1;
    journal->lock_fd = -1;
    memcpy(journal->owner, owner->cluster_id, HASH_BYTES);
    memcpy(journal->owner + HASH_BYTES, owner->session, HASH_BYTES);
    (void)snprintf(journal->directory, sizeof(journal->directory), "%s", directory);
    enum status status = file_folder(directory, 0700, problem);
    if (status == STATUS_OK) {
        status = take_lock(journal, pid, problem);
    }
    if (status == STATUS_OK) {
        status = load(journal, problem);
    }
    if (status != STATUS_OK) {
        journal_close(journal);
        return status;
    }
    *out = journal;
    return STATUS_OK;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    if (journal->fd >= 0) {
        if (journal_write(journal, false) != STATUS_OK) {
            journal->broken = true; /* an END is missing, and will be found out by asking again */
        }
        (void)close(journal->fd);
    }
    if (journal->lock_fd >= 0) {
        (void)close(journal->lock_fd);
    }
    free(journal->pending);
    free(journal);
}

/* --- Using ------------------------------------------------------------------------------------ */

uint64_t journal_next_no(const struct journal *journal)
{
    return journal->next_no;
}

bool journal_unfinished(struct journal *journal, uint32_t at, uint8_t **frame, size_t *len)
{
    if (at >= journal->unfinished_count) {
        return false;
    }
    const struct unfinished *one = &journal->unfinished[at];
    uint8_t *copy = malloc(one->len);
    if (copy == NULL ||
        pread(journal->fd, copy, one->len, (off_t)one->offset) != (ssize_t)one->len) {
        free(copy);
        return false;
    }
    *frame = copy;
    *len = one->len;
    return true;
}

enum status journal_begin(struct journal *journal, uint64_t request_no, uint64_t replaces,
                          struct bytes frame, struct bytes mark)
{
    const struct record record = {RECORD_BEGIN, request_no, replaces, mark, frame};

    return note(journal, &record);
}

enum status journal_end(struct journal *journal, uint64_t request_no)
{
    const struct record record = {.kind = RECORD_END, .request_no = request_no};

    return note(journal, &record);
}

enum status journal_set_mark(struct journal *journal, struct bytes mark)
{
    const struct record record = {.kind = RECORD_MARK, .mark = mark};

    return mark_is_formed(mark) ? note(journal, &record) : STATUS_INVALID;
}

bool journal_mark(const struct journal *journal, struct bytes name, struct bytes *value)
{
    for (uint32_t i = 0; i < journal->mark_count; i++) {
        const struct bytes mark = bytes_make(journal->marks[i].bytes, journal->marks[i].len);

        if (bytes_equal(mark_name(mark), name)) {
            *value = bytes_slice(mark, 1 + name.len, mark.len - 1 - name.len);
            return true;
        }
    }
    return false;
}

static enum status compact(struct journal *journal)
{
    const struct bytes old = file_map(journal->fd);

    if (old.len == SIZE_MAX) {
        return STATUS_IO;
    }
    const enum status status = rewrite(journal, old);
    file_unmap(old);
    return status;
}

enum status journal_write(struct journal *journal, bool durable)
{
    if (journal->broken) {
        return STATUS_IO;
    }
    if (journal->pending_len > 0) {
        if (lseek(journal->fd, (off_t)journal->size, SEEK_SET) < 0 ||
            file_write_all(journal->fd, bytes_make(journal->pending, journal->pending_len)) !=
                STATUS_OK) {
            journal->broken = true;
            return STATUS_IO;
        }
        journal->size += journal->pending_len;
        journal->pending_len = 0;
    }
    if (durable && fdatasync(journal->fd) != 0) {
        journal->broken = true;
        return STATUS_IO;
    }
    if (journal->size > JOURNAL_GROWN_BYTES && journal->size / 4 > journal->rewritten &&
        compact(journal) != STATUS_OK) {
        journal->broken = true;
        return STATUS_IO;
    }
    return STATUS_OK;
}
