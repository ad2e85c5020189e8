/* A bounded box of pointers between threads: the only thing that threads of the server share.
 *
 * A ring, a mutex, and a way to wake the reader: a condition for a thread that does nothing else
 * than wait, an eventfd for the event loop. Whoever takes a pointer out owns what it points to. One
 * wake stands for everything that is in the box: a writer rings only when the box was empty. Any
 * number of writers, one kind of reader. */
#ifndef VESTRY_REPLICA_HOST_MAILBOX_H
#define VESTRY_REPLICA_HOST_MAILBOX_H

#include "crypto/status.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum mailbox_reader {
    MAILBOX_THREAD, /* blocks in mailbox_wait */
    MAILBOX_LOOP,   /* polls mailbox_fd and then takes */
};

struct mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    void **ring;
    size_t capacity;
    size_t head;
    size_t count;
    int fd; /* eventfd, or -1 */
    bool closed;
};

/* STATUS_NO_MEMORY, or STATUS_IO when the system has no eventfd left. */
MUST_USE enum status mailbox_open(struct mailbox *box, size_t capacity, enum mailbox_reader reader);

/* What is still inside is the caller's to take first. No thread may use the box any more. */
void mailbox_close(struct mailbox *box);

/* False when the box is full or was shut: `item` is still the caller's. */
MUST_USE bool mailbox_put(struct mailbox *box, void *item);

/* Up to `max` of the oldest items, without waiting. */
MUST_USE size_t mailbox_take(struct mailbox *box, void **out, size_t max);

/* The same, after waiting for at least one. 0: the box was shut and is empty. */
MUST_USE size_t mailbox_wait(struct mailbox *box, void **out, size_t max);

/* No more puts; readers get what is left and then 0. */
void mailbox_shut(struct mailbox *box);

/* For MAILBOX_LOOP: readable while there may be something inside. mailbox_quiet must be called
 * before taking, so that a put in between rings again. */
MUST_USE int mailbox_fd(const struct mailbox *box);
void mailbox_quiet(struct mailbox *box);

#endif
