#include "replica/host/clients.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024

struct clients {
    struct conns *conns;
    struct clients_limits limits;
    size_t works;
    size_t work_bytes;
    bool held;    /* by the core's queue */
    bool crowded; /* by the common share */
    uint32_t count;
    struct conn *buckets[BUCKETS]; /* by key, newest first */
};

enum status clients_open(struct conns *conns, const struct clients_limits *limits,
                         struct clients **out)
{
    struct clients *clients = (struct clients *)calloc(1, sizeof *clients);
    if (clients == NULL) {
        return STATUS_NO_MEMORY;
    }
    clients->conns = conns;
    clients->limits = *limits;
    *out = clients;
    return STATUS_OK;
}

void clients_close(struct clients *clients)
{
    free(clients);
}

/* A client chooses its key, so it can choose its bucket; a bucket is never longer than there are
 * connections. */
static struct conn **bucket_of(struct clients *clients, const uint8_t key[PUBLIC_KEY_BYTES])
{
    return &clients->buckets[bytes_get_u64be(key) % BUCKETS];
}

static bool is_full(const struct conn *conn)
{
    return conn->works >= CLIENT_WORKS_MAX || conn->work_bytes >= CLIENT_WORK_BYTES_MAX ||
           conn_output(conn) > CONN_OUTPUT_PAUSE;
}

/* Shares are given back in larger steps than they are taken, so that reading does not flicker. */
static bool has_room(const struct conn *conn)
{
    return conn->works <= CLIENT_WORKS_MAX / 2 && conn->work_bytes <= CLIENT_WORK_BYTES_MAX / 2 &&
           conn_output(conn) <= CONN_OUTPUT_PAUSE / 2;
}

static void settle(const struct clients *clients, struct conn *conn)
{
    if (is_full(conn)) {
        conn->wants_room = true;
    } else if (has_room(conn)) {
        conn->wants_room = false;
    }
    conn_pause(conn, conn->wants_room || clients->held || clients->crowded);
}

static void settle_all(struct clients *clients)
{
    uint32_t cursor = 0;
    struct conn *conn = conns_next(clients->conns, &cursor);
    for (; conn != NULL; conn = conns_next(clients->conns, &cursor)) {
        if (conn->phase == CONN_OPEN && !conn->guest.is_replica) {
            settle(clients, conn);
        }
    }
}

static void settle_crowd(struct clients *clients)
{
    bool crowded = clients->crowded;
    if (clients->works >= clients->limits.works ||
        clients->work_bytes >= clients->limits.work_bytes) {
        crowded = true;
    } else if (clients->works <= clients->limits.works / 2 &&
               clients->work_bytes <= clients->limits.work_bytes / 2) {
        crowded = false;
    }
    if (crowded != clients->crowded) {
        clients->crowded = crowded;
        settle_all(clients);
    }
}

void clients_add(struct clients *clients, struct conn *conn)
{
    struct conn **bucket = bucket_of(clients, conn->guest.key);
    conn->key_next = *bucket;
    *bucket = conn;
    clients->count++;
    settle(clients, conn);
}

void clients_remove(struct clients *clients, struct conn *conn)
{
    struct conn **link = bucket_of(clients, conn->guest.key);
    while (*link != NULL && *link != conn) {
        link = &(*link)->key_next;
    }
    if (*link == NULL) {
        return;
    }
    *link = conn->key_next;
    conn->key_next = NULL;
    clients->count--;
}

uint32_t clients_find(const struct clients *clients, const uint8_t key[PUBLIC_KEY_BYTES],
                      struct conn *out[CLIENT_CONNS_PER_KEY])
{
    uint32_t count = 0;
    struct conn *conn = clients->buckets[bytes_get_u64be(key) % BUCKETS];
    for (; conn != NULL && count < CLIENT_CONNS_PER_KEY; conn = conn->key_next) {
        if (memcmp(conn->guest.key, key, PUBLIC_KEY_BYTES) == 0) {
            out[count++] = conn;
        }
    }
    return count;
}

void clients_begin(struct clients *clients, struct conn *conn, size_t bytes)
{
    conn->works++;
    conn->work_bytes += bytes;
    clients->works++;
    clients->work_bytes += bytes;
    settle(clients, conn);
    settle_crowd(clients);
}

void clients_end(struct clients *clients, uint64_t conn_id, size_t bytes)
{
    CHECK(clients->works > 0);
    CHECK(clients->work_bytes >= bytes);
    clients->works--;
    clients->work_bytes -= bytes;
    struct conn *conn = conns_find(clients->conns, conn_id);
    if (conn != NULL) {
        CHECK(conn->works > 0);
        CHECK(conn->work_bytes >= bytes);
        conn->works--;
        conn->work_bytes -= bytes;
        if (conn->paused) {
            settle(clients, conn);
        }
    }
    if (clients->crowded) {
        settle_crowd(clients);
    }
}

void clients_hold(struct clients *clients, bool hold)
{
    if (clients->held != hold) {
        clients->held = hold;
        settle_all(clients);
    }
}

void clients_drained(struct clients *clients, struct conn *conn)
{
    if (conn->paused) {
        settle(clients, conn);
    }
}

uint32_t clients_count(const struct clients *clients)
{
    return clients->count;
}
