#include "replica/host/mailbox.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum status mailbox_open(struct mailbox *box, size_t capacity, enum mailbox_reader reader)
{
    CHECK(capacity > 0);
    *box = (struct mailbox){.capacity = capacity, .fd = -1};
    box->ring = (void **)calloc(capacity, sizeof *box->ring);
    if (box->ring == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (reader == MAILBOX_LOOP) {
        box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (box->fd < 0) {
            free(box->ring);
            return STATUS_IO;
        }
    }
    CHECK(pthread_mutex_init(&box->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&box->filled, NULL) == 0);
    return STATUS_OK;
}

void mailbox_close(struct mailbox *box)
{
    CHECK(box->count == 0);
    pthread_cond_destroy(&box->filled);
    pthread_mutex_destroy(&box->mutex);
    if (box->fd >= 0) {
        close(box->fd);
    }
    free(box->ring);
    box->ring = NULL;
}

static void lock(struct mailbox *box)
{
    CHECK(pthread_mutex_lock(&box->mutex) == 0);
}

static void unlock(struct mailbox *box)
{
    CHECK(pthread_mutex_unlock(&box->mutex) == 0);
}

static void ring_bell(struct mailbox *box)
{
    uint64_t one = 1;
    /* It fails only when the counter is full, and then the reader is awake anyway. */
    ssize_t written = write(box->fd, &one, sizeof one);
    (void)written;
}

bool mailbox_put(struct mailbox *box, void *item)
{
    CHECK(item != NULL);
    lock(box);
    if (box->closed || box->count == box->capacity) {
        unlock(box);
        return false;
    }
    box->ring[(box->head + box->count) % box->capacity] = item;
    bool was_empty = box->count++ == 0;
    unlock(box);
    /* After the lock: whoever is woken would only wait for it. */
    if (box->fd < 0) {
        CHECK(pthread_cond_signal(&box->filled) == 0);
    } else if (was_empty) {
        ring_bell(box);
    }
    return true;
}

static size_t take_locked(struct mailbox *box, void **out, size_t max)
{
    size_t taken = 0;
    while (taken < max && box->count > 0) {
        out[taken++] = box->ring[box->head];
        box->head = (box->head + 1) % box->capacity;
        box->count--;
    }
    return taken;
}

size_t mailbox_take(struct mailbox *box, void **out, size_t max)
{
    lock(box);
    size_t taken = take_locked(box, out, max);
    bool left = box->count > 0;
    unlock(box);
    /* Writers ring only for an empty box, so what is left behind needs a bell of its own. */
    if (left && box->fd >= 0) {
        ring_bell(box);
    }
    return taken;
}

size_t mailbox_wait(struct mailbox *box, void **out, size_t max)
{
    lock(box);
    while (box->count == 0 && !box->closed) {
        CHECK(pthread_cond_wait(&box->filled, &box->mutex) == 0);
    }
    size_t taken = take_locked(box, out, max);
    unlock(box);
    return taken;
}

void mailbox_shut(struct mailbox *box)
{
    lock(box);
    box->closed = true;
    CHECK(pthread_cond_broadcast(&box->filled) == 0);
    unlock(box);
}

int mailbox_fd(const struct mailbox *box)
{
    return box->fd;
}

void mailbox_quiet(struct mailbox *box)
{
    uint64_t count;
    ssize_t got = read(box->fd, &count, sizeof count);
    (void)got;
}
