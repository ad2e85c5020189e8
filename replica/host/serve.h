/* Answers to FETCH, out of a frozen picture of the store: what replicas need to catch up, and what
 * is public for clients (CHANNEL.md has the table).
 *
 * Every answer proves itself: a digest, a certificate, signatures of a quorum, a path to a signed
 * root. "Not there" is a DATA frame without attachment. Pure over the store interface: the server's
 * read thread and the simulator both use it. FETCH_STATUS is not here: it is about the process and
 * not about the log. */
#ifndef VESTRY_REPLICA_HOST_SERVE_H
#define VESTRY_REPLICA_HOST_SERVE_H

#include "replica/host/log_reader.h"
#include "replica/host/snapshots.h"

struct serve;

/* A whole DATA frame, with its length header; borrowed during the call. */
typedef void serve_sink(void *context, struct bytes frame);

struct serve_setup {
    uint32_t rid;              /* of this replica */
    struct bytes charter_file; /* borrowed; for FETCH_CHARTER */
    struct snapshots_setup snapshots;
};

MUST_USE enum status serve_open(const struct serve_setup *setup, struct serve **out);
void serve_close(struct serve *serve);

/* The picture of the store after the block of that height, for FETCH_SNAPSHOT: serve's own from now
 * on. The newest two are kept. All must be gone before their store closes. */
void serve_pin(struct serve *serve, uint64_t height, struct store_view *view);
void serve_unpin(struct serve *serve);

/* Answer one question from one picture: at least one frame, several for blocks and history. */
void serve_fetch(struct serve *serve, struct store_view *view, const struct fetch *fetch,
                 serve_sink *sink, void *context);

/* The same from a store, with a picture made for it. STATUS_IO when the store gives none. */
MUST_USE enum status serve_fetch_store(struct serve *serve, struct store *store,
                                       const struct fetch *fetch, serve_sink *sink, void *context);

/* The reader behind it, for whoever answers other questions on the same thread. */
MUST_USE struct log_reader *serve_reader(struct serve *serve);

#endif
