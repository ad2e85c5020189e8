/* What a faulty replica says in the place of what it should: included in front of host_out.c and
 * host_in.c, which are compiled once more for vestryd-liar. Never part of vestryd.
 *
 * VESTRY_LIE names the lie (liar.c has the list); without it each vote comes in two versions, which
 * is what the bench measures. */
#ifndef VESTRY_TESTS_BENCH_LIAR_LIAR_H
#define VESTRY_TESTS_BENCH_LIAR_LIAR_H

#include "replica/host/host_parts.h"

/* In front of the functions of the same name without "liar_". */
void liar_peers_broadcast(struct host *host, struct blob *frame);
void liar_peers_send(struct host *host, uint32_t rid, struct blob *frame);
/* To a client. */
void liar_conn_send(struct host *host, struct conn *conn, struct blob *frame);

#define peers_broadcast(peers, frame) liar_peers_broadcast(host, frame)
#define peers_send(peers, rid, frame) liar_peers_send(host, rid, frame)
#define conn_send(conn, frame) liar_conn_send(host, conn, frame)

#endif
