/* The socket that replicas and clients come to, and who is let in before anybody has said a word.
 *
 * Room for the other replicas is kept: strangers are refused while as many connections are there as
 * clients may have, and while one address has its share; an address that is configured as a peer's
 * is let in beyond that. When the process is out of file descriptors, accepting pauses for a
 * moment instead of spinning. Loop only. */
#ifndef VESTRY_REPLICA_HOST_LISTENER_H
#define VESTRY_REPLICA_HOST_LISTENER_H

#include "replica/host/config.h"
#include "replica/host/conn.h"

struct listener;

/* STATUS_BUSY when the address is in use: the report names the process that has it, where that can
 * be known. */
MUST_USE enum status listener_open(struct event_base *base, struct conns *conns,
                                   const struct config *config, struct listener **out,
                                   struct report *report);
void listener_close(struct listener *listener);

/* Connections that were refused so far. */
MUST_USE uint64_t listener_refused(const struct listener *listener);

#endif
