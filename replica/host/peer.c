#include "replica/host/peer.h"

#include <stdlib.h>
#include <string.h>

/* So much of the queue stands in the connection's own output. */
#define OUTPUT_HIGH ((size_t)1 << 20)

struct peer_link {
    struct peers *peers;
    uint32_t rid;
    bool wanted; /* in the roster, and not this replica */
    uint8_t transport_pk[PUBLIC_KEY_BYTES];
    uint64_t conn; /* id of the open link; 0: none */
    bool dialling;
    uint32_t failures; /* in a row */
    struct event *timer;
    struct blob **queue; /* a ring of PEER_QUEUE_FRAMES */
    size_t head;
    size_t count;
    size_t bytes;
};

struct peers {
    struct peers_setup setup;
    uint64_t jitter;
    uint64_t dropped;
    struct peer_link links[REPLICAS_MAX]; /* by rid */
};

static void dial(struct peer_link *link);

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    dial((struct peer_link *)argument);
}

enum status peers_open(const struct peers_setup *setup, struct peers **out)
{
    struct peers *peers = (struct peers *)calloc(1, sizeof *peers);
    if (peers == NULL) {
        return STATUS_NO_MEMORY;
    }
    peers->setup = *setup;
    peers->jitter = setup->seed | 1;
    for (uint32_t rid = 0; rid < REPLICAS_MAX; rid++) {
        struct peer_link *link = &peers->links[rid];
        link->peers = peers;
        link->rid = rid;
        link->timer = evtimer_new(setup->base, on_timer, link);
        if (link->timer == NULL) {
            peers_close(peers);
            return STATUS_NO_MEMORY;
        }
    }
    *out = peers;
    return STATUS_OK;
}

static struct blob *take_oldest(struct peer_link *link)
{
    struct blob *frame = link->queue[link->head];
    link->head = (link->head + 1) % PEER_QUEUE_FRAMES;
    link->count--;
    link->bytes -= frame->len;
    return frame;
}

static void clear_queue(struct peer_link *link)
{
    while (link->count > 0) {
        blob_drop(take_oldest(link));
    }
}

void peers_close(struct peers *peers)
{
    for (uint32_t rid = 0; rid < REPLICAS_MAX; rid++) {
        struct peer_link *link = &peers->links[rid];
        clear_queue(link);
        free(link->queue);
        if (link->timer != NULL) {
            event_free(link->timer);
        }
    }
    free(peers);
}

/* Marsaglia's xorshift: pauses differ between replicas, nothing more depends on it. */
static uint64_t jitter(struct peers *peers, uint64_t range)
{
    peers->jitter ^= peers->jitter << 13;
    peers->jitter ^= peers->jitter >> 7;
    peers->jitter ^= peers->jitter << 17;
    return peers->jitter % range;
}

static void dial_later(struct peer_link *link)
{
    uint64_t pause = PEER_BACK_OFF_MIN_MS;
    for (uint32_t i = 0; i < link->failures && pause < PEER_BACK_OFF_MAX_MS; i++) {
        pause *= 2;
    }
    pause = pause > PEER_BACK_OFF_MAX_MS ? PEER_BACK_OFF_MAX_MS : pause;
    pause = pause / 2 + jitter(link->peers, pause);
    const struct timeval wait = {.tv_sec = (time_t)(pause / 1000),
                                 .tv_usec = (suseconds_t)(pause % 1000 * 1000)};
    event_add(link->timer, &wait);
}

static void dial(struct peer_link *link)
{
    const struct peers_setup *setup = &link->peers->setup;
    const struct peer_address *target = &setup->addresses[link->rid];
    if (!link->wanted || link->rid > setup->self || link->conn != 0 || link->dialling ||
        !target->known) {
        return;
    }
    link->dialling = true;
    const struct conn *conn = conns_dial(setup->conns, link->rid, target->address.host,
                                         target->address.port, link->transport_pk);
    if (conn == NULL && link->dialling) {
        link->dialling = false;
        link->failures++;
        dial_later(link);
    }
}

void peers_set_roster(struct peers *peers, const struct roster *roster)
{
    for (uint32_t rid = 0; rid < REPLICAS_MAX; rid++) {
        struct peer_link *link = &peers->links[rid];
        const struct roster_member *member = roster_find(roster, rid);
        bool moved = member == NULL ||
                     memcmp(link->transport_pk, member->transport_pk, PUBLIC_KEY_BYTES) != 0;
        link->wanted = member != NULL && rid != peers->setup.self;
        if (member != NULL) {
            memcpy(link->transport_pk, member->transport_pk, PUBLIC_KEY_BYTES);
        }
        struct conn *conn = link->conn == 0 ? NULL : conns_find(peers->setup.conns, link->conn);
        if (conn != NULL && moved) {
            conn_close(conn, "the replica's keys changed");
        }
        if (link->wanted && link->queue == NULL) {
            link->queue = (struct blob **)calloc(PEER_QUEUE_FRAMES, sizeof(struct blob *));
            CHECK(link->queue != NULL);
        }
        dial(link);
    }
}

void peers_opened(struct peers *peers, struct conn *conn)
{
    struct peer_link *link = &peers->links[conn->guest.rid];
    uint64_t older_id = link->conn;
    link->conn = conn->id;
    link->dialling = false;
    link->failures = 0;
    struct conn *older = older_id == 0 ? NULL : conns_find(peers->setup.conns, older_id);
    if (older != NULL) {
        conn_close(older, "replaced by a newer link");
    }
}

void peers_closed(struct peers *peers, const struct conn *conn)
{
    if (conn->guest.rid >= REPLICAS_MAX) {
        return;
    }
    struct peer_link *link = &peers->links[conn->guest.rid];
    if (link->conn == conn->id) {
        link->conn = 0;
        clear_queue(link);
    } else if (conn->dialled && link->dialling) {
        link->dialling = false;
        link->failures++;
    } else {
        return;
    }
    if (link->wanted && link->rid < peers->setup.self) {
        dial_later(link);
    }
}

static void pump_queue(struct peer_link *link, struct conn *conn)
{
    while (link->count > 0 && conn_output(conn) < OUTPUT_HIGH) {
        struct blob *frame = take_oldest(link);
        conn_send(conn, frame);
        blob_drop(frame);
    }
}

void peers_drained(struct peers *peers, const struct conn *conn)
{
    struct peer_link *link = &peers->links[conn->guest.rid];
    if (link->conn == conn->id) {
        pump_queue(link, conns_find(peers->setup.conns, conn->id));
    }
}

static void send_on(struct peer_link *link, struct blob *frame)
{
    struct peers *peers = link->peers;
    struct conn *conn =
        !link->wanted || link->conn == 0 ? NULL : conns_find(peers->setup.conns, link->conn);
    if (conn == NULL) {
        return;
    }
    if (link->count == 0 && conn_output(conn) < OUTPUT_HIGH) {
        conn_send(conn, frame);
        return;
    }
    while (link->count == PEER_QUEUE_FRAMES ||
           (link->count > 0 && link->bytes + frame->len > peers->setup.queue_bytes_max)) {
        blob_drop(take_oldest(link));
        peers->dropped++;
    }
    link->queue[(link->head + link->count) % PEER_QUEUE_FRAMES] = blob_hold(frame);
    link->count++;
    link->bytes += frame->len;
}

void peers_send(struct peers *peers, uint32_t rid, struct blob *frame)
{
    if (rid < REPLICAS_MAX) {
        send_on(&peers->links[rid], frame);
    }
}

void peers_broadcast(struct peers *peers, struct blob *frame)
{
    for (uint32_t rid = 0; rid < REPLICAS_MAX; rid++) {
        send_on(&peers->links[rid], frame);
    }
}

bool peers_connected(const struct peers *peers, uint32_t rid)
{
    return rid < REPLICAS_MAX && peers->links[rid].conn != 0;
}

uint64_t peers_dropped(const struct peers *peers)
{
    return peers->dropped;
}
