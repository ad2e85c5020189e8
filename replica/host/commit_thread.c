#include "replica/host/commit_thread.h"

#include <poll.h>
#include <stdlib.h>

struct commit_thread {
    struct commit_place place;
    struct mailbox in;
    struct mailbox done;
    bool busy; /* the loop's own */
    pthread_t thread;
};

static bool commit_one(const struct commit_place *place, struct cargo *cargo)
{
    enum status status = store_commit(place->store, cargo->puts, cargo->put_count);
    if (status != STATUS_OK) {
        place->failed(place->context, status, store_fault(place->store));
        return false;
    }
    store_flight(place->store, &cargo->anchor.flight);
    /* Before the next flight. Without one, others fetch that height elsewhere. */
    if (cargo->pin != 0 && store_view_open(place->store, &cargo->picture) != STATUS_OK) {
        cargo->picture = NULL;
    }
    return true;
}

static bool anchor_one(const struct commit_place *place, const struct anchor *anchor)
{
    enum status status = place->anchor == NULL ? STATUS_OK : anchor_write(place->anchor, anchor);
    if (status != STATUS_OK) {
        place->failed(place->context, status, "the anchor file could not be written");
        return false;
    }
    return true;
}

static void *commit_main(void *argument)
{
    struct commit_thread *thread = (struct commit_thread *)argument;
    void *item;
    while (mailbox_wait(&thread->in, &item, 1) == 1) {
        struct cargo *cargo = (struct cargo *)item;
        if (!commit_one(&thread->place, cargo)) {
            return NULL;
        }
        /* The flight is durable and its deeds may be done while the anchor is written. */
        const struct anchor anchor = cargo->anchor;
        CHECK(mailbox_put(&thread->done, cargo));
        if (!anchor_one(&thread->place, &anchor)) {
            return NULL;
        }
    }
    return NULL;
}

enum status commit_thread_open(const struct commit_place *place, struct commit_thread **out)
{
    struct commit_thread *thread = (struct commit_thread *)calloc(1, sizeof *thread);
    if (thread == NULL) {
        return STATUS_NO_MEMORY;
    }
    thread->place = *place;
    enum status status = mailbox_open(&thread->in, 1, MAILBOX_THREAD);
    if (status != STATUS_OK) {
        free(thread);
        return status;
    }
    status = mailbox_open(&thread->done, 1, MAILBOX_LOOP);
    if (status == STATUS_OK && pthread_create(&thread->thread, NULL, commit_main, thread) != 0) {
        mailbox_close(&thread->done);
        status = STATUS_NO_MEMORY;
    }
    if (status != STATUS_OK) {
        mailbox_close(&thread->in);
        free(thread);
        return status;
    }
    *out = thread;
    return STATUS_OK;
}

void commit_thread_close(struct commit_thread *thread)
{
    mailbox_shut(&thread->in);
    CHECK(pthread_join(thread->thread, NULL) == 0);
    void *item;
    size_t left = mailbox_take(&thread->in, &item, 1);
    left += mailbox_take(&thread->done, &item, 1);
    CHECK(left <= 1);
    mailbox_close(&thread->in);
    mailbox_close(&thread->done);
    free(thread);
}

bool commit_thread_idle(const struct commit_thread *thread)
{
    return !thread->busy;
}

void commit_thread_give(struct commit_thread *thread, struct cargo *cargo)
{
    CHECK(!thread->busy);
    thread->busy = true;
    CHECK(mailbox_put(&thread->in, cargo));
}

struct mailbox *commit_thread_done(struct commit_thread *thread)
{
    return &thread->done;
}

struct cargo *commit_thread_take(struct commit_thread *thread)
{
    void *item;
    mailbox_quiet(&thread->done);
    if (mailbox_take(&thread->done, &item, 1) == 0) {
        return NULL;
    }
    CHECK(thread->busy);
    thread->busy = false;
    return (struct cargo *)item;
}

struct cargo *commit_thread_finish(struct commit_thread *thread)
{
    struct cargo *cargo = NULL;
    while (thread->busy && cargo == NULL) {
        struct pollfd wait = {.fd = mailbox_fd(&thread->done), .events = POLLIN};
        int ready = poll(&wait, 1, -1);
        (void)ready;
        cargo = commit_thread_take(thread);
    }
    return cargo;
}
