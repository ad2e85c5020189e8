/* The thread that owns the store: one synced commit for each flight, then the flight goes back to
 * the loop, which may now do its deeds, and meanwhile the anchor is written. The next flight waits
 * for the anchor, so the store is never more than one flight ahead of it.
 *
 * One flight at a time: while it is under way the next one fills, so that many steps share one sync
 * under load and none waits for others without. After a failed commit nobody knows what is on the
 * disk, so nothing of that flight may ever happen: the thread reports and commits no more, and the
 * process ends.
 *
 * A flight that is to be pinned comes back with a picture of the store as it was right after it. */
#ifndef VESTRY_REPLICA_HOST_COMMIT_THREAD_H
#define VESTRY_REPLICA_HOST_COMMIT_THREAD_H

#include "replica/host/cargo.h"
#include "replica/host/mailbox.h"

struct commit_thread;

/* Called on the commit thread when a flight could not be made durable; it should not return. */
typedef void commit_failed(void *context, enum status status, const char *what);

/* What the thread may use alone while it runs; the caller closes both after it. */
struct commit_place {
    struct store *store;
    struct anchor_file *anchor; /* NULL: none, as in tests */
    commit_failed *failed;
    void *context;
};

MUST_USE enum status commit_thread_open(const struct commit_place *place,
                                        struct commit_thread **out);

/* Waits for the flight under way. What was not taken is forgotten. */
void commit_thread_close(struct commit_thread *thread);

/* Whether no flight is under way: the loop may give one. */
MUST_USE bool commit_thread_idle(const struct commit_thread *thread);
void commit_thread_give(struct commit_thread *thread, struct cargo *cargo);

/* The box that durable flights come back through: for the loop. */
MUST_USE struct mailbox *commit_thread_done(struct commit_thread *thread);

/* The flight that came back, or NULL: from then on the thread is idle. */
MUST_USE struct cargo *commit_thread_take(struct commit_thread *thread);

/* Wait for the flight under way, for a clean stop. NULL when there is none. */
MUST_USE struct cargo *commit_thread_finish(struct commit_thread *thread);

#endif
