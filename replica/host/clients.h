/* The connections of clients: found by their key, for replies, and held back when they ask for more
 * than their share.
 *
 * What a client has under way (frames being verified, reads being answered) is counted; at its
 * share its socket is not read, and TCP holds it back. The same happens to all of them while the
 * core's queue is long. Replicas are never held back. Loop only. */
#ifndef VESTRY_REPLICA_HOST_CLIENTS_H
#define VESTRY_REPLICA_HOST_CLIENTS_H

#include "replica/host/conn.h"

/* Under way for one connection. A request takes one of the first and its length of the second. */
#define CLIENT_WORKS_MAX 256
#define CLIENT_WORK_BYTES_MAX ((size_t)8 << 20)

/* Connections that get the replies of one key: the newest ones. */
#define CLIENT_CONNS_PER_KEY 4

struct clients_limits {
    size_t works; /* under way for all together */
    size_t work_bytes;
};

struct clients;

MUST_USE enum status clients_open(struct conns *conns, const struct clients_limits *limits,
                                  struct clients **out);
void clients_close(struct clients *clients);

/* An OPEN connection of a client came; it is gone. */
void clients_add(struct clients *clients, struct conn *conn);
void clients_remove(struct clients *clients, struct conn *conn);

/* The connections of a key, at most CLIENT_CONNS_PER_KEY. */
MUST_USE uint32_t clients_find(const struct clients *clients, const uint8_t key[PUBLIC_KEY_BYTES],
                               struct conn *out[CLIENT_CONNS_PER_KEY]);

/* Work began for a connection, and ended (it may be gone by then). */
void clients_begin(struct clients *clients, struct conn *conn, size_t bytes);
void clients_end(struct clients *clients, uint64_t conn_id, size_t bytes);

/* Hold all clients back, or no longer. */
void clients_hold(struct clients *clients, bool hold);

/* Its output is short again. */
void clients_drained(struct clients *clients, struct conn *conn);

MUST_USE uint32_t clients_count(const struct clients *clients);

#endif
