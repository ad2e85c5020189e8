#include "replica/host/conn.h"

#include "crypto/frame.h"
#include "replica/host/clock.h"

#include <event2/bufferevent_ssl.h>
#include <event2/bufferevent_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A stranger's frame up to this length needs no room from the budget. */
#define SMALL_FRAME_BYTES ((size_t)64 << 10)

/* Blobs up to this length are copied into the output, where they share TLS records. */
#define COPIED_BLOB_BYTES 4096

/* One TLS record: what small frames are collected in. */
#define RECORD_BYTES 16384

/* Frames of one connection that are delivered before others get their turn. */
#define FRAMES_PER_TURN 64

/* Output is called drained below this. */
#define OUTPUT_LOW ((size_t)256 << 10)

/* An id is a generation and a slot. */
#define SLOT_BITS 16
#define SLOT_MASK ((UINT64_C(1) << SLOT_BITS) - 1)

struct conns {
    struct event_base *base;
    struct evdns_base *dns;
    struct channel_context *channel;
    struct conn_limits limits;
    struct conn_owner owner;
    struct conn **slots; /* limits.conns of them */
    uint32_t count;
    uint64_t generation;
    size_t stranger_input;
    struct conn *dead; /* to be freed; linked by key_next */
    struct event *reaper;
};

static void on_read(struct bufferevent *bev, void *argument);
static void on_write(struct bufferevent *bev, void *argument);
static void on_event(struct bufferevent *bev, short what, void *argument);

static void reap(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct conns *conns = (struct conns *)argument;
    while (conns->dead != NULL) {
        struct conn *conn = conns->dead;
        conns->dead = conn->key_next;
        free(conn);
    }
}

enum status conns_open(struct event_base *base, struct channel_context *channel,
                       const struct conn_limits *limits, const struct conn_owner *owner,
                       struct conns **out)
{
    CHECK(limits->conns <= SLOT_MASK);
    struct conns *conns = (struct conns *)calloc(1, sizeof *conns);
    if (conns == NULL) {
        return STATUS_NO_MEMORY;
    }
    *conns = (struct conns){
        .base = base, .channel = channel, .limits = *limits, .owner = *owner, .generation = 1};
    conns->slots = (struct conn **)calloc(limits->conns, sizeof(struct conn *));
    conns->reaper = event_new(base, -1, 0, reap, conns);
    conns->dns =
        evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (conns->dns == NULL) {
        /* No resolv.conf: addresses in numbers still work. */
        conns->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    }
    if (conns->slots == NULL || conns->reaper == NULL || conns->dns == NULL) {
        conns_close(conns);
        return STATUS_NO_MEMORY;
    }
    *out = conns;
    return STATUS_OK;
}

/* Give back what a connection holds. Its struct lives until the loop is out of its callbacks. */
static void release(struct conn *conn)
{
    struct conns *conns = conn->conns;
    conn->phase = CONN_CLOSING;
    conns->slots[conn->slot] = NULL;
    conns->count--;
    conns->stranger_input -= conn->reserved;
    conn->reserved = 0;
    SSL *ssl = bufferevent_openssl_get_ssl(conn->bev);
    if (ssl != NULL && SSL_is_init_finished(ssl)) {
        SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN);
        SSL_shutdown(ssl);
    }
    bufferevent_free(conn->bev);
    conn->bev = NULL;
    conn->key_next = conns->dead;
    conns->dead = conn;
}

void conns_close(struct conns *conns)
{
    for (uint32_t i = 0; conns->slots != NULL && i < conns->limits.conns; i++) {
        if (conns->slots[i] != NULL) {
            release(conns->slots[i]);
        }
    }
    reap(-1, 0, conns);
    if (conns->reaper != NULL) {
        event_free(conns->reaper);
    }
    if (conns->dns != NULL) {
        evdns_base_free(conns->dns, 0);
    }
    free(conns->slots);
    free(conns);
}

void conn_close(struct conn *conn, const char *why)
{
    if (conn->phase == CONN_CLOSING) {
        return;
    }
    struct conns *conns = conn->conns;
    /* The owner takes the conn out of its own lists first: key_next is used anew afterwards. */
    conns->owner.closed(conns->owner.context, conn, why);
    release(conn);
    event_active(conns->reaper, 0, 0);
}

static void output_moved(struct evbuffer *output, const struct evbuffer_cb_info *info,
                         void *argument)
{
    (void)output;
    struct conn *conn = (struct conn *)argument;
    conn->sent += info->n_deleted;
}

static uint32_t free_slot(const struct conns *conns)
{
    uint32_t slot = 0;
    while (slot < conns->limits.conns && conns->slots[slot] != NULL) {
        slot++;
    }
    return slot;
}

/* A conn around the bufferevent, which it takes over. */
static struct conn *enroll(struct conns *conns, struct bufferevent *bev, uint32_t slot,
                           const char *address)
{
    struct conn *conn = (struct conn *)calloc(1, sizeof *conn);
    if (conn == NULL) {
        bufferevent_free(bev);
        return NULL;
    }
    conn->conns = conns;
    conn->id = conns->generation++ << SLOT_BITS | slot;
    conn->slot = slot;
    conn->bev = bev;
    conn->guest.rid = ROSTER_NOBODY;
    conn->since_ms = clock_now_ms();
    conn->stalled_since_ms = conn->since_ms;
    snprintf(conn->address, sizeof conn->address, "%s", address);
    conns->slots[slot] = conn;
    conns->count++;
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    bufferevent_setcb(bev, on_read, on_write, on_event, conn);
    bufferevent_setwatermark(bev, EV_READ, 0, SMALL_FRAME_BYTES + FRAME_HEADER_BYTES);
    bufferevent_setwatermark(bev, EV_WRITE, OUTPUT_LOW, 0);
    evbuffer_add_cb(bufferevent_get_output(bev), output_moved, conn);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    return conn;
}

static void quicken(evutil_socket_t fd)
{
    int on = 1;
    /* Without these a channel is slower, or a vanished client is found later: no reason to refuse.
     */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

struct conn *conns_accept(struct conns *conns, evutil_socket_t fd, const char *address)
{
    uint32_t slot = free_slot(conns);
    SSL *ssl = slot == conns->limits.conns ? NULL : channel_for_accept(conns->channel);
    if (ssl == NULL) {
        evutil_closesocket(fd);
        return NULL;
    }
    quicken(fd);
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        conns->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev == NULL) {
        evutil_closesocket(fd); /* libevent has freed the channel, as it was told to */
        return NULL;
    }
    return enroll(conns, bev, slot, address);
}

struct conn *conns_dial(struct conns *conns, uint32_t rid, const char *host, uint16_t port,
                        const uint8_t expected[PUBLIC_KEY_BYTES])
{
    uint32_t slot = free_slot(conns);
    SSL *ssl = slot == conns->limits.conns ? NULL : channel_for_dial(conns->channel, expected);
    if (ssl == NULL) {
        return NULL;
    }
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        conns->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev == NULL) {
        return NULL; /* the same */
    }
    char address[CONN_ADDRESS_CHARS];
    snprintf(address, sizeof address, "%.54s:%u", host, (unsigned)port);
    struct conn *conn = enroll(conns, bev, slot, address);
    if (conn == NULL) {
        return NULL;
    }
    conn->dialled = true;
    conn->guest.rid = rid;
    if (bufferevent_socket_connect_hostname(bev, conns->dns, AF_UNSPEC, host, port) != 0) {
        conn_close(conn, "not reached");
    }
    return conn->phase == CONN_CLOSING ? NULL : conn;
}

struct conn *conns_find(struct conns *conns, uint64_t id)
{
    uint32_t slot = (uint32_t)(id & SLOT_MASK);
    struct conn *conn = slot < conns->limits.conns ? conns->slots[slot] : NULL;
    return conn != NULL && conn->id == id ? conn : NULL;
}

uint32_t conns_count(const struct conns *conns)
{
    return conns->count;
}

uint32_t conns_from(const struct conns *conns, const char *address)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < conns->limits.conns; i++) {
        const struct conn *conn = conns->slots[i];
        count += conn != NULL && !conn->dialled && strcmp(conn->address, address) == 0;
    }
    return count;
}

struct conn *conns_next(struct conns *conns, uint32_t *cursor)
{
    while (*cursor < conns->limits.conns) {
        struct conn *conn = conns->slots[(*cursor)++];
        if (conn != NULL) {
            return conn;
        }
    }
    return NULL;
}

/* --- Frames in ------------------------------------------------------------------------------- */

static size_t frame_max(const struct conn *conn)
{
    if (conn->phase != CONN_OPEN) {
        return HELLO_FRAME_BYTES_MAX;
    }
    return conn->guest.is_replica ? FRAME_BYTES_MAX : CLIENT_FRAME_BYTES_MAX;
}

/* Let the input grow to hold a frame of `len` bytes. False: not now. */
static bool make_room(struct conn *conn, size_t len)
{
    struct conns *conns = conn->conns;
    size_t input = len > SMALL_FRAME_BYTES ? len : SMALL_FRAME_BYTES;
    if (len > SMALL_FRAME_BYTES && !conn->guest.is_replica && conn->reserved == 0) {
        if (conns->limits.stranger_input - conns->stranger_input < len) {
            return false;
        }
        conn->reserved = len;
        conns->stranger_input += len;
    }
    bufferevent_setwatermark(conn->bev, EV_READ, 0, input + FRAME_HEADER_BYTES);
    return true;
}

static void give_back_room(struct conn *conn)
{
    if (conn->reserved > 0) {
        conn->conns->stranger_input -= conn->reserved;
        conn->reserved = 0;
    }
}

enum step {
    STEP_AGAIN, /* a frame was delivered */
    STEP_WAIT,
};

static enum step read_frame(struct conn *conn, struct evbuffer *in)
{
    uint8_t header[FRAME_HEADER_BYTES];
    if (evbuffer_copyout(in, header, sizeof header) < (ssize_t)sizeof header) {
        return STEP_WAIT;
    }
    struct bytes frame;
    size_t consumed = 0;
    switch (frame_next(BYTES_OF_ARRAY(header), frame_max(conn), &frame, &consumed)) {
    case FRAME_TOO_LONG:
        conn_close(conn, "frame longer than allowed");
        return STEP_WAIT;
    case FRAME_EMPTY:
        conn_close(conn, "empty frame");
        return STEP_WAIT;
    case FRAME_MORE:
    case FRAME_READY:
        break;
    }
    size_t len = bytes_get_u32be(header);
    size_t available = evbuffer_get_length(in) - FRAME_HEADER_BYTES;
    if (available < len) {
        if (conn->frame_since_ms == 0) {
            conn->frame_since_ms = clock_now_ms();
        }
        if (!make_room(conn, len)) {
            conn_close(conn, "no room for long frames");
        }
        return STEP_WAIT;
    }
    conn->frame_since_ms = 0;
    evbuffer_drain(in, FRAME_HEADER_BYTES);
    size_t before = evbuffer_get_length(in);
    conn->conns->owner.frame(conn->conns->owner.context, conn, in, len);
    if (conn->phase == CONN_CLOSING) {
        return STEP_WAIT;
    }
    size_t taken = before - evbuffer_get_length(in);
    CHECK(taken <= len);
    evbuffer_drain(in, len - taken);
    give_back_room(conn);
    return STEP_AGAIN;
}

static void on_read(struct bufferevent *bev, void *argument)
{
    struct conn *conn = (struct conn *)argument;
    struct evbuffer *in = bufferevent_get_input(bev);
    uint32_t frames = 0;
    while (conn->phase != CONN_CLOSING && conn->phase != CONN_HANDSHAKE && !conn->paused) {
        if (frames++ == FRAMES_PER_TURN) {
            /* The rest comes again after the others had their turn. */
            bufferevent_trigger(bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
            return;
        }
        if (read_frame(conn, in) == STEP_WAIT) {
            return;
        }
    }
}

void conn_pause(struct conn *conn, bool pause)
{
    if (conn->phase == CONN_CLOSING || conn->paused == pause) {
        return;
    }
    conn->paused = pause;
    if (pause) {
        bufferevent_disable(conn->bev, EV_READ);
        return;
    }
    bufferevent_enable(conn->bev, EV_READ);
    bufferevent_trigger(conn->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS | BEV_TRIG_IGNORE_WATERMARKS);
}

/* --- Blobs out ------------------------------------------------------------------------------- */

static void drop_reference(const void *data, size_t len, void *argument)
{
    (void)data;
    (void)len;
    blob_drop((struct blob *)argument);
}

static size_t strangers_output(const struct conns *conns)
{
    size_t total = 0;
    for (uint32_t i = 0; i < conns->limits.conns; i++) {
        const struct conn *conn = conns->slots[i];
        if (conn != NULL && !conn->guest.is_replica) {
            total += conn_output(conn);
        }
    }
    return total;
}

/* The socket nearly always takes what is written, so it is tried at the end of this turn; libevent
 * alone would ask the kernel first: two changes of its set and one more turn for every write. What
 * is sent until then goes with it. */
static void write_soon(struct conn *conn)
{
    event_active(&conn->bev->ev_write, EV_WRITE, 0);
}

void conn_send(struct conn *conn, struct blob *frame)
{
    if (conn->phase == CONN_CLOSING || conn->phase == CONN_HANDSHAKE) {
        return;
    }
    struct evbuffer *out = bufferevent_get_output(conn->bev);
    size_t before = evbuffer_get_length(out);
    if (frame->len > COPIED_BLOB_BYTES) {
        blob_hold(frame);
        if (evbuffer_add_reference(out, frame->data, frame->len, drop_reference, frame) != 0) {
            blob_drop(frame);
            conn_close(conn, "out of memory");
            return;
        }
    } else {
        if (before == 0) {
            (void)evbuffer_expand(out, RECORD_BYTES);
        }
        if (evbuffer_add(out, frame->data, frame->len) != 0) {
            conn_close(conn, "out of memory");
            return;
        }
    }
    if (before == 0) {
        write_soon(conn);
    }
    size_t after = before + frame->len;
    if (conn->guest.is_replica || after <= CONN_OUTPUT_PAUSE) {
        return;
    }
    if (after > CONN_OUTPUT_MAX ||
        strangers_output(conn->conns) > conn->conns->limits.stranger_output) {
        conn_close(conn, "does not read what it asked for");
    }
}

size_t conn_output(const struct conn *conn)
{
    return conn->bev == NULL ? 0 : evbuffer_get_length(bufferevent_get_output(conn->bev));
}

static void on_write(struct bufferevent *bev, void *argument)
{
    (void)bev;
    struct conn *conn = (struct conn *)argument;
    if (conn->phase == CONN_OPEN) {
        conn->conns->owner.drained(conn->conns->owner.context, conn);
    }
}

/* --- Life ------------------------------------------------------------------------------------ */

/* Whether the handshake ended over what was said in it. libevent keeps the errors of the socket in
 * the same list, and each failure's kind as a number without a library: a refused connection, a
 * reset and an end in the middle say nothing about keys. */
static bool handshake_was_refused(struct bufferevent *bev)
{
    bool refused = false;
    for (unsigned long error = bufferevent_get_openssl_error(bev); error != 0;
         error = bufferevent_get_openssl_error(bev)) {
        refused = refused || ERR_GET_LIB(error) == ERR_LIB_SSL;
    }
    return refused;
}

static void on_event(struct bufferevent *bev, short what, void *argument)
{
    struct conn *conn = (struct conn *)argument;
    if (conn->phase == CONN_CLOSING) {
        return;
    }
    if ((what & BEV_EVENT_CONNECTED) == 0) {
        bool failed = (what & BEV_EVENT_ERROR) != 0;
        if (conn->phase == CONN_HANDSHAKE) {
            conn->other_key = handshake_was_refused(bev);
            conn_close(conn, conn->other_key ? "no channel: other key or protocol" : "not reached");
        } else {
            conn_close(conn, failed ? "connection lost" : "closed by the other end");
        }
        return;
    }
    if (conn->phase != CONN_HANDSHAKE) {
        return;
    }
    quicken(bufferevent_getfd(bev));
    if (!channel_facts_read(bufferevent_openssl_get_ssl(bev), &conn->facts)) {
        conn_close(conn, "not a channel of this protocol");
        return;
    }
    conn->phase = CONN_GREETING;
    conn->since_ms = clock_now_ms();
    conn->conns->owner.connected(conn->conns->owner.context, conn);
}

void conn_accept_guest(struct conn *conn, const struct hello_guest *guest)
{
    CHECK(conn->phase == CONN_GREETING);
    conn->guest = *guest;
    conn->phase = CONN_OPEN;
    conn->since_ms = clock_now_ms();
}

static const char *deadline_passed(struct conn *conn, uint64_t now)
{
    if (conn->phase == CONN_HANDSHAKE && now - conn->since_ms > CONN_HANDSHAKE_MS) {
        return "no handshake in time";
    }
    if (conn->phase == CONN_GREETING && now - conn->since_ms > CONN_HELLO_MS) {
        return "no HELLO in time";
    }
    if (conn->frame_since_ms != 0 && !conn->paused && now - conn->frame_since_ms > CONN_FRAME_MS) {
        return "frame not finished in time";
    }
    conn->greetings = 0;
    if (conn_output(conn) == 0 || conn->sent != conn->sent_before) {
        conn->stalled_since_ms = now;
        conn->sent_before = conn->sent;
    }
    if (now - conn->stalled_since_ms > CONN_STALL_MS) {
        return "takes no output";
    }
    return NULL;
}

void conns_sweep(struct conns *conns)
{
    uint64_t now = clock_now_ms();
    uint32_t cursor = 0;
    struct conn *conn = conns_next(conns, &cursor);
    for (; conn != NULL; conn = conns_next(conns, &cursor)) {
        const char *why = deadline_passed(conn, now);
        if (why != NULL) {
            conn_close(conn, why);
        }
    }
}
