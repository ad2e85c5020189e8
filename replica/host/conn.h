/* Connections: TLS on a socket, frames in, blobs out, and the bounds that hold for whoever is at
 * the other end.
 *
 *   HANDSHAKE -> GREETING        [TLS is up: the owner is told, and sends or awaits HELLO]
 *   GREETING  -> OPEN            [conn_accept_guest: the owner found the HELLO good]
 *   any       -> CLOSING         [conn_close: our decision, theirs, or a deadline]
 *
 * Every connection has deadlines (handshake, HELLO, a frame that was begun, output that is not
 * taken), a largest frame, and a largest output; a stranger's long frame needs room from a budget
 * that all strangers share, so a stated length alone moves no memory. What a frame means is the
 * owner's. A connection is named by an id that is never used twice, for answers that come later.
 * Loop only. */
#ifndef VESTRY_REPLICA_HOST_CONN_H
#define VESTRY_REPLICA_HOST_CONN_H

#include "replica/host/blob.h"
#include "replica/host/channel.h"
#include "replica/host/hello.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>

enum conn_phase {
    CONN_HANDSHAKE,
    CONN_GREETING,
    CONN_OPEN,
    CONN_CLOSING,
};

#define CONN_ADDRESS_CHARS 64

struct conns;

struct conn {
    struct conns *conns;
    uint64_t id;
    uint32_t slot;
    enum conn_phase phase;
    struct bufferevent *bev;
    bool dialled;
    struct channel_facts facts;
    struct hello_guest guest; /* OPEN: who it is. Dialled: guest.rid is the replica expected */
    char address[CONN_ADDRESS_CHARS];
    uint64_t since_ms;         /* of the phase */
    uint64_t frame_since_ms;   /* a frame was begun; 0: none */
    uint64_t stalled_since_ms; /* since when output was left that nobody took */
    uint64_t sent;             /* bytes taken by the other end so far */
    uint64_t sent_before;      /* at the last sweep */
    size_t reserved;           /* of the strangers' budget */
    bool paused;               /* reading is stopped */
    bool other_key;            /* the handshake ended over keys or protocol */

    /* The owner's. */
    uint32_t works; /* frames of it that are being worked on */
    size_t work_bytes;
    uint32_t greetings;    /* HELLOs after the first, since the last sweep */
    uint32_t faults;       /* frames with bad signatures that it brought */
    bool wants_room;       /* paused because its shares are full */
    struct conn *key_next; /* others with the same client key */
};

/* What a conn asks of its owner. None of them may free the conn; conn_close is allowed. */
struct conn_owner {
    void *context;
    void (*connected)(void *context, struct conn *conn);
    /* A whole frame of `len` bytes, without its header, is at the front of `in`. What the owner
     * leaves of it is dropped. */
    void (*frame)(void *context, struct conn *conn, struct evbuffer *in, size_t len);
    void (*drained)(void *context, struct conn *conn); /* output is short again */
    void (*closed)(void *context, struct conn *conn, const char *why);
};

struct conn_limits {
    uint32_t conns;         /* all together */
    size_t stranger_input;  /* the budget for long frames of connections that are no replica's */
    size_t stranger_output; /* the same for what they do not take */
};

/* Deadlines, in ms. */
#define CONN_HANDSHAKE_MS 5000
#define CONN_HELLO_MS 5000
#define CONN_FRAME_MS 20000
#define CONN_STALL_MS 20000

/* Output of one stranger: beyond the first its requests are not read, beyond the second it is
 * closed. */
#define CONN_OUTPUT_PAUSE ((size_t)1 << 20)
#define CONN_OUTPUT_MAX ((size_t)12 << 20)

MUST_USE enum status conns_open(struct event_base *base, struct channel_context *channel,
                                const struct conn_limits *limits, const struct conn_owner *owner,
                                struct conns **out);

/* Closes every connection, without telling the owner. */
void conns_close(struct conns *conns);

/* Take over an accepted socket. NULL (and the socket is closed) when there is no room. */
struct conn *conns_accept(struct conns *conns, evutil_socket_t fd, const char *address);

/* Begin to connect; connected or closed tells how it went. NULL when there is no room. */
struct conn *conns_dial(struct conns *conns, uint32_t rid, const char *host, uint16_t port,
                        const uint8_t expected[PUBLIC_KEY_BYTES]);

/* NULL when it is gone. */
MUST_USE struct conn *conns_find(struct conns *conns, uint64_t id);

MUST_USE uint32_t conns_count(const struct conns *conns);

/* Connections from an address, given as text without its port. */
MUST_USE uint32_t conns_from(const struct conns *conns, const char *address);

/* Every connection that is not closing, in no order. Start with *cursor = 0; NULL at the end. */
MUST_USE struct conn *conns_next(struct conns *conns, uint32_t *cursor);

/* Close what has passed a deadline: call it about once a second. */
void conns_sweep(struct conns *conns);

/* GREETING -> OPEN. */
void conn_accept_guest(struct conn *conn, const struct hello_guest *guest);

/* Queue a frame (header included). The blob is held as long as needed. */
void conn_send(struct conn *conn, struct blob *frame);

/* Bytes that wait to be taken. */
MUST_USE size_t conn_output(const struct conn *conn);

/* Stop or go on reading. Frames that wait are delivered from the loop, not from within the call. */
void conn_pause(struct conn *conn, bool pause);

/* `why` is static and goes to the owner. */
void conn_close(struct conn *conn, const char *why);

#endif
