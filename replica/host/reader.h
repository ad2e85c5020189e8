/* The read thread: questions about stored things, answered from a frozen picture of the store, so
 * that no reader, however greedy, delays a vote.
 *
 * Evidence is kept beside the store. Replicas that catch up come before clients. The loop asks and
 * takes; both sides are bounded by the asker's quotas. Each question gets exactly one answer,
 * possibly without frames. */
#ifndef VESTRY_REPLICA_HOST_READER_H
#define VESTRY_REPLICA_HOST_READER_H

#include "replica/host/blob.h"
#include "replica/host/mailbox.h"
#include "replica/host/read_answer.h"
#include "replica/host/serve.h"

#define READER_QUESTIONS_MAX 8192
#define READER_FRAMES_MAX 20 /* of one answer */

enum question_kind {
    QUESTION_FETCH,
    QUESTION_READ,
    QUESTION_KNOWN,
    QUESTION_PIN, /* not a question: a picture to answer FETCH_SNAPSHOT from */
};

/* Made with malloc by the loop, given back with the answer in it, freed by the loop. */
struct question {
    enum question_kind kind;
    bool of_replica;
    uint32_t rid;               /* of_replica: whose; it may be this replica */
    uint64_t conn;              /* of a client; 0 for KNOWN, which has a key */
    size_t bytes;               /* what it counts for in the asker's share */
    size_t price;               /* of a replica's FETCH: see fetch_quota.h */
    struct fetch fetch;         /* FETCH */
    struct action known;        /* KNOWN */
    struct read_ask ask;        /* READ; borrows from memory */
    uint8_t *memory;            /* owned, or NULL */
    uint64_t height;            /* PIN */
    struct store_view *picture; /* PIN: owned until it is served from; else NULL */

    bool damaged; /* answered, if at all, out of a store that did not give back what was stored */
    uint32_t frame_count;
    struct blob *frames[READER_FRAMES_MAX];
};

void question_free(struct question *question);

struct reader_setup {
    struct store *store;
    struct speaker speaker;
    struct bytes charter_file;
    struct snapshots_setup snapshots;
    const char *data; /* the data directory, for evidence */
};

struct reader;

MUST_USE enum status reader_open(const struct reader_setup *setup, struct reader **out);

/* Waits for the question in hand; the rest is freed unanswered. */
void reader_close(struct reader *reader);

/* False when READER_QUESTIONS_MAX are under way; the question is still the caller's. */
MUST_USE bool reader_ask(struct reader *reader, struct question *question);

/* Serve the state of that height from the picture, which is the reader's from now on. */
void reader_pin(struct reader *reader, uint64_t height, struct store_view *picture);

/* The box that answers come back through: for the loop. */
MUST_USE struct mailbox *reader_done(struct reader *reader);
void reader_taken(struct reader *reader, size_t count);

#endif
