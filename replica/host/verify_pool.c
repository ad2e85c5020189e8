#include "replica/host/verify_pool.h"

#include <stdlib.h>

struct lane {
    struct verify_work *first;
    struct verify_work *last;
};

struct verify_pool {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    struct lane lanes[LANE_COUNT];
    bool closing;
    uint32_t idle;    /* workers that wait */
    size_t under_way; /* the loop's own count */
    struct mailbox done;
    uint32_t worker_count;
    pthread_t workers[VERIFY_WORKERS_MAX];
};

static void lock(struct verify_pool *pool)
{
    CHECK(pthread_mutex_lock(&pool->mutex) == 0);
}

static void unlock(struct verify_pool *pool)
{
    CHECK(pthread_mutex_unlock(&pool->mutex) == 0);
}

/* The next part of the first work of the first lane that has any. */
static struct verify_work *next_part(struct verify_pool *pool, uint32_t *part)
{
    for (int i = 0; i < LANE_COUNT; i++) {
        struct lane *lane = &pool->lanes[i];
        struct verify_work *work = lane->first;
        if (work == NULL) {
            continue;
        }
        *part = work->parts_given++;
        if (work->parts_given == work->parts) {
            lane->first = work->next;
            if (lane->first == NULL) {
                lane->last = NULL;
            }
        }
        return work;
    }
    return NULL;
}

static void *worker_main(void *argument)
{
    struct verify_pool *pool = (struct verify_pool *)argument;
    lock(pool);
    for (;;) {
        uint32_t part = 0;
        struct verify_work *work = pool->closing ? NULL : next_part(pool, &part);
        if (work == NULL && pool->closing) {
            break;
        }
        if (work == NULL) {
            pool->idle++;
            CHECK(pthread_cond_wait(&pool->filled, &pool->mutex) == 0);
            pool->idle--;
            continue;
        }
        unlock(pool);
        enum drop verdict = work->run(work, part);
        lock(pool);
        if (work->verdict == DROP_NONE) {
            work->verdict = verdict;
        }
        if (++work->parts_done == work->parts) {
            CHECK(mailbox_put(&pool->done, work));
        }
    }
    unlock(pool);
    return NULL;
}

enum status verify_pool_open(uint32_t workers, struct verify_pool **out)
{
    CHECK(workers > 0);
    CHECK(workers <= VERIFY_WORKERS_MAX);
    struct verify_pool *pool = (struct verify_pool *)calloc(1, sizeof *pool);
    if (pool == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = mailbox_open(&pool->done, VERIFY_WORKS_MAX, MAILBOX_LOOP);
    if (status != STATUS_OK) {
        free(pool);
        return status;
    }
    CHECK(pthread_mutex_init(&pool->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&pool->filled, NULL) == 0);
    while (pool->worker_count < workers) {
        if (pthread_create(&pool->workers[pool->worker_count], NULL, worker_main, pool) != 0) {
            verify_pool_close(pool, NULL);
            return STATUS_NO_MEMORY;
        }
        pool->worker_count++;
    }
    *out = pool;
    return STATUS_OK;
}

void verify_pool_close(struct verify_pool *pool, void (*discard)(struct verify_work *work))
{
    lock(pool);
    pool->closing = true;
    CHECK(pthread_cond_broadcast(&pool->filled) == 0);
    unlock(pool);
    for (uint32_t i = 0; i < pool->worker_count; i++) {
        CHECK(pthread_join(pool->workers[i], NULL) == 0);
    }
    for (int i = 0; i < LANE_COUNT; i++) {
        struct verify_work *work = pool->lanes[i].first;
        while (work != NULL) {
            struct verify_work *next = work->next;
            discard(work);
            work = next;
        }
    }
    void *item;
    while (mailbox_take(&pool->done, &item, 1) == 1) {
        discard((struct verify_work *)item);
    }
    mailbox_close(&pool->done);
    pthread_cond_destroy(&pool->filled);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

bool verify_pool_give(struct verify_pool *pool, struct verify_work *work)
{
    CHECK(work->parts > 0);
    CHECK(work->lane < LANE_COUNT);
    if (pool->under_way == VERIFY_WORKS_MAX) {
        return false;
    }
    pool->under_way++;
    work->next = NULL;
    work->parts_given = 0;
    work->parts_done = 0;
    work->verdict = DROP_NONE;
    lock(pool);
    struct lane *lane = &pool->lanes[work->lane];
    if (lane->last == NULL) {
        lane->first = work;
    } else {
        lane->last->next = work;
    }
    lane->last = work;
    uint32_t wake = pool->idle < work->parts ? pool->idle : work->parts;
    unlock(pool);
    for (uint32_t i = 0; i < wake; i++) {
        CHECK(pthread_cond_signal(&pool->filled) == 0);
    }
    return true;
}

struct mailbox *verify_pool_done(struct verify_pool *pool)
{
    return &pool->done;
}

void verify_pool_taken(struct verify_pool *pool, size_t count)
{
    CHECK(count <= pool->under_way);
    pool->under_way -= count;
}

size_t verify_pool_under_way(const struct verify_pool *pool)
{
    return pool->under_way;
}

uint32_t verify_pool_workers(const struct verify_pool *pool)
{
    return pool->worker_count;
}
