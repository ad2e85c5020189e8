#include "replica/host/peer.h"

#include <stdlib.h>
#include <string.h>

/* So much of the queue stands in the connection's own output. */
#define OUTPUT_HIGH ((size_t)1 << 20)

struct peer_link {
    struct peers *peers;
    uint32_t rid;
    bool wanted; /* another replica of the roster; the link is nobody's otherwise */
    uint8_t transport_pk[PUBLIC_KEY_BYTES];
    uint8_t former_pk[PUBLIC_KEY_BYTES]; /* of the epoch before, which it may not have left */
    uint64_t conn;                       /* id of the open link; 0: none */
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
    struct peer_link links[REPLICAS_MAX]; /* in no order */
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
    for (uint32_t i = 0; i < REPLICAS_MAX; i++) {
        struct peer_link *link = &peers->links[i];
        link->peers = peers;
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
    for (uint32_t i = 0; i < REPLICAS_MAX; i++) {
        struct peer_link *link = &peers->links[i];
        clear_queue(link);
        free(link->queue);
        if (link->timer != NULL) {
            event_free(link->timer);
        }
    }
    free(peers);
}

/* The link to that replica, or NULL. Ids are any numbers, so they are looked for. */
static struct peer_link *find_link(struct peers *peers, uint32_t rid)
{
    for (uint32_t i = 0; i < REPLICAS_MAX; i++) {
        if (peers->links[i].wanted && peers->links[i].rid == rid) {
            return &peers->links[i];
        }
    }
    return NULL;
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

/* Where that replica listens, or NULL when nobody has said. */
static const struct config_address *find_address(const struct peers_setup *setup, uint32_t rid)
{
    for (uint32_t i = 0; i < REPLICAS_MAX; i++) {
        const struct config_peer *peer = &setup->addresses[i];
        if (peer->rid == rid && peer->address.host[0] != 0) {
            return &peer->address;
        }
    }
    return NULL;
}

/* By its key, and every other time by the former one, until it answers. */
static const uint8_t *key_to_dial(const struct peer_link *link)
{
    return link->failures % 2 == 0 ? link->transport_pk : link->former_pk;
}

static void dial(struct peer_link *link)
{
    const struct peers_setup *setup = &link->peers->setup;
    const struct config_address *target = find_address(setup, link->rid);
    if (!link->wanted || link->rid > setup->self || link->conn != 0 || link->dialling ||
        target == NULL) {
        return;
    }
    link->dialling = true;
    const struct conn *conn =
        conns_dial(setup->conns, link->rid, target->host, target->port, key_to_dial(link));
    if (conn == NULL && link->dialling) {
        link->dialling = false;
        link->failures++;
        dial_later(link);
    }
}

/* Nobody's link from now on: its replica is in the roster no more. */
static void release(struct peer_link *link)
{
    struct peers *peers = link->peers;
    struct conn *conn = link->conn == 0 ? NULL : conns_find(peers->setup.conns, link->conn);
    link->wanted = false;
    if (conn != NULL) {
        conn_close(conn, "the replica is gone");
    }
    clear_queue(link);
    evtimer_del(link->timer);
    link->conn = 0;
    link->dialling = false;
    link->failures = 0;
}

/* The link to a member of the roster, which has room once those that are gone are released. */
static struct peer_link *take_link(struct peers *peers, uint32_t rid)
{
    struct peer_link *link = find_link(peers, rid);
    for (uint32_t i = 0; i < REPLICAS_MAX && link == NULL; i++) {
        if (!peers->links[i].wanted) {
            link = &peers->links[i];
            link->rid = rid;
            link->wanted = true;
        }
    }
    CHECK(link != NULL);
    return link;
}

static void renew(struct peer_link *link, const struct roster_member *member,
                  const struct roster_member *former)
{
    bool moved = memcmp(link->transport_pk, member->transport_pk, PUBLIC_KEY_BYTES) != 0;
    struct conn *conn = link->conn == 0 ? NULL : conns_find(link->peers->setup.conns, link->conn);
    memcpy(link->transport_pk, member->transport_pk, PUBLIC_KEY_BYTES);
    memcpy(link->former_pk, former != NULL ? former->transport_pk : member->transport_pk,
           PUBLIC_KEY_BYTES);
    if (conn != NULL && moved) {
        conn_close(conn, "the replica's keys changed");
    }
    if (link->queue == NULL) {
        link->queue = (struct blob **)calloc(PEER_QUEUE_FRAMES, sizeof(struct blob *));
        CHECK(link->queue != NULL);
    }
    dial(link);
}

void peers_set_roster(struct peers *peers, const struct roster *roster, const struct roster *ended)
{
    for (uint32_t i = 0; i < REPLICAS_MAX; i++) {
        if (peers->links[i].wanted && roster_find(roster, peers->links[i].rid) == NULL) {
            release(&peers->links[i]);
        }
    }
    for (uint32_t i = 0; i < roster->n; i++) {
        const struct roster_member *member = &roster->members[i];
        if (member->rid != peers->setup.self) {
            renew(take_link(peers, member->rid), member,
                  ended != NULL ? roster_find(ended, member->rid) : NULL);
        }
    }
}

void peers_opened(struct peers *peers, struct conn *conn)
{
    struct peer_link *link = find_link(peers, conn->guest.rid);
    if (link == NULL) {
        conn_close(conn, "the replica is gone");
        return;
    }
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
    struct peer_link *link = find_link(peers, conn->guest.rid);
    if (link == NULL) {
        return;
    }
    if (link->conn == conn->id) {
        link->conn = 0;
        clear_queue(link);
    } else if (conn->dialled && link->dialling) {
        link->dialling = false;
        link->failures++;
    } else {
        return;
    }
    if (link->rid < peers->setup.self) {
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
    struct peer_link *link = find_link(peers, conn->guest.rid);
    if (link != NULL && link->conn == conn->id) {
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
    struct peer_link *link = find_link(peers, rid);
    if (link != NULL) {
        send_on(link, frame);
    }
}

void peers_broadcast(struct peers *peers, struct blob *frame)
{
    for (uint32_t i = 0; i < REPLICAS_MAX; i++) {
        send_on(&peers->links[i], frame);
    }
}

bool peers_connected(struct peers *peers, uint32_t rid)
{
    const struct peer_link *link = find_link(peers, rid);
    return link != NULL && link->conn != 0;
}

uint64_t peers_dropped(const struct peers *peers)
{
    return peers->dropped;
}
