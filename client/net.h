/* Sockets of the client: TLS 1.3 to each replica, frames in, frames out (CHANNEL.md).
 *
 * The only part of the client that knows libevent and OpenSSL. It decides nothing: it dials when it
 * is told to, accepts exactly the transport key that the charter gives for that replica, cuts the
 * stream into frames, and tells its owner. Callbacks run from within net_run and may call net_send,
 * but not net_dial, net_hang_up or net_close. SIGPIPE is kept from the program. One thread, but for
 * net_wake. */
#ifndef VESTRY_CLIENT_NET_H
#define VESTRY_CLIENT_NET_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "crypto/status.h"

#define NET_HOST_CHARS 256

struct net;

struct net_peer {
    char host[NET_HOST_CHARS]; /* a name or an address; empty: unknown */
    uint16_t port;
    uint8_t transport_key[PUBLIC_KEY_BYTES];
};

struct net_owner {
    void *context;
    void (*connected)(void *context, uint32_t member, const uint8_t channel[HASH_BYTES]);
    void (*closed)(void *context, uint32_t member, const char *why);
    void (*frame)(void *context, uint32_t member, struct bytes frame);
};

/* `peers` are copied. */
MUST_USE enum status net_open(const struct net_peer *peers, uint32_t count,
                              const struct net_owner *owner, struct net **out);
void net_close(struct net *net);

/* Whose key the other end must have from the next connection on. */
void net_peer_key(struct net *net, uint32_t member, const uint8_t key[PUBLIC_KEY_BYTES]);

/* Begin to connect; a callback tells how it went. */
void net_dial(struct net *net, uint32_t member);
/* End a connection, without a callback. */
void net_hang_up(struct net *net, uint32_t member);
/* Queue a whole frame; nothing happens when there is no connection. */
void net_send(struct net *net, uint32_t member, struct bytes frame);

/* Wait for events at most so long and handle them. Returns early for net_wake. */
void net_run(struct net *net, uint64_t timeout_ms);

/* From any thread or signal handler: let net_run return. */
void net_wake(struct net *net);

/* Split "host:port" or "[address]:port". False when it is neither. */
MUST_USE bool net_parse_endpoint(struct bytes text, char host[NET_HOST_CHARS], uint16_t *port);

#endif
