/* The client's journal: which requests were begun and have no outcome, and the marks of programs.
 *
 *   state directory:  lock      one process at a time, its pid inside
 *                     journal   records, appended; rewritten at open and when it has grown
 *                     head      see seen.h
 *
 * A request is appended to the journal and synced before it is sent, many at a time; what a crash
 * leaves unfinished is handed out at the next open, byte for byte. A torn last record was never
 * acted upon and is dropped; any other damage is refused. After a failed write nothing more is
 * taken: what is on disk is unknown. One thread. */
#ifndef VESTRY_CLIENT_JOURNAL_H
#define VESTRY_CLIENT_JOURNAL_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "keys/words/problem.h"

#define JOURNAL_UNFINISHED_MAX 64
#define JOURNAL_MARKS_MAX 256 /* when there are more, the one that was set longest ago goes */
#define JOURNAL_MARK_BYTES_MAX 256
#define JOURNAL_GROWN_BYTES ((uint64_t)64 << 20)

struct journal;

/* Whose requests these are: a directory of another log or token is refused. */
struct journal_owner {
    const uint8_t *cluster_id; /* HASH_BYTES each */
    const uint8_t *session;
};

/* Take the directory, making it when it is missing. STATUS_BUSY: another process has it, `pid` says
 * which (0: unknown); STATUS_MISMATCH, STATUS_CORRUPT, STATUS_IO. */
MUST_USE enum status journal_open(const char *directory, const struct journal_owner *owner,
                                  struct journal **out, int *pid, struct problem *problem);
/* Writes what is pending, without a sync. NULL is allowed. */
void journal_close(struct journal *journal);

/* The lowest number that was never used here; 0 when the directory is new. */
MUST_USE uint64_t journal_next_no(const struct journal *journal);

/* The unfinished requests of earlier runs, in the order of their numbers: hands out a copy of the
 * frame (malloc) and its length. False when there are no more. */
MUST_USE bool journal_unfinished(struct journal *journal, uint32_t at, uint8_t **frame,
                                 size_t *len);

/* Note a request, which may take the place of another one (0: none), and a mark with it (empty:
 * none). Not durable before journal_sync. */
MUST_USE enum status journal_begin(struct journal *journal, uint64_t request_no, uint64_t replaces,
                                   struct bytes frame, struct bytes mark);
/* Note that a request has an outcome. */
MUST_USE enum status journal_end(struct journal *journal, uint64_t request_no);

/* A mark: [length of the name][name][value]. An empty value removes it. */
MUST_USE enum status journal_set_mark(struct journal *journal, struct bytes mark);
/* The value of a mark; false when there is none. Borrowed until the next call. */
MUST_USE bool journal_mark(const struct journal *journal, struct bytes name, struct bytes *value);

/* Write what was noted; with `durable` also sync it. */
MUST_USE enum status journal_write(struct journal *journal, bool durable);

#endif
