/* Requests that wait to be ordered: first in, first out for each client, and the clients in turn,
 * so that one busy client cannot starve the others.
 *
 * There are two lanes. What is in the lane ahead is taken before all that is in the common one, and
 * has room of its own: however many clients ask, officers can still suspend, freeze and revoke.
 * PROTOCOL: normal case.
 *
 * A request stays here from its arrival until it is executed or hopeless; while a slot carries it,
 * it is marked as proposed. The bytes lie in the pool; the queue owns them. Bounded in requests, in
 * clients, and in requests of one client. Which requests may enter is not its business. Pure. */
#ifndef VESTRY_REPLICA_CORE_QUEUE_H
#define VESTRY_REPLICA_CORE_QUEUE_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "crypto/status.h"
#include "replica/core/pool.h"

#define QUEUE_REQUESTS_MAX 16384
#define QUEUE_CLIENTS_MAX 4096
#define QUEUE_PER_CLIENT_MAX (2 * SESSION_WINDOW)

/* What of these is kept for the lane ahead, which takes no more. */
#define QUEUE_AHEAD_MAX 256
#define QUEUE_AHEAD_PER_CLIENT_MAX 16
#define QUEUE_AHEAD_BYTES_MAX ((size_t)4 << 20)

enum queue_lane {
    QUEUE_COMMON,
    QUEUE_AHEAD,
    QUEUE_LANES,
};

struct queued {
    uint8_t request_id[HASH_BYTES];
    uint8_t client[PUBLIC_KEY_BYTES];
    struct bytes item;     /* in the pool */
    struct bytes payloads; /* in the pool */
    uint64_t not_after_ms;
    uint64_t arrived_ms; /* monotonic */
    uint32_t statements;
    bool proposed;
    bool shared; /* it was relayed to all replicas */
    /* Links of the queue: indexes, QUEUE_NONE ends. */
    uint32_t next;
    uint32_t previous;
    uint32_t chain;
    uint32_t ring;
    uint32_t older; /* in order of arrival over all clients */
    uint32_t newer;
};

struct queue;

MUST_USE enum status queue_open(struct pool *pool, uint64_t hash_seed, struct queue **out);
void queue_close(struct queue *queue);

/* Waiting and proposed requests together; those that wait to be proposed. */
MUST_USE uint32_t queue_count(const struct queue *queue);
MUST_USE uint32_t queue_waiting(const struct queue *queue);

/* Bytes of those that wait to be proposed. */
MUST_USE size_t queue_waiting_bytes(const struct queue *queue);

MUST_USE struct queued *queue_find(struct queue *queue, const uint8_t request_id[HASH_BYTES]);

/* Add a request: copies its bytes into the pool. NULL when a bound of its lane or the pool is
 * reached. The request must not be queued yet. */
MUST_USE struct queued *queue_add(struct queue *queue, enum queue_lane lane,
                                  const uint8_t request_id[HASH_BYTES],
                                  const uint8_t client[PUBLIC_KEY_BYTES], struct bytes item,
                                  struct bytes payloads);

void queue_remove(struct queue *queue, struct queued *queued);

/* The next request that is not proposed, of the lane ahead first, client by client; NULL when none
 * is left. It stays the next one until it is marked or removed, or one comes in ahead of it. */
MUST_USE struct queued *queue_next(struct queue *queue);
void queue_mark_proposed(struct queue *queue, struct queued *queued);

/* The request waits again: it could not be proposed after all, or its slot was lost. */
void queue_unmark(struct queue *queue, struct queued *queued);

/* No request is carried by a slot any more: the view was left. */
void queue_unmark_all(struct queue *queue);

/* The request that has been here longest, proposed or not; NULL when there is none. */
MUST_USE struct queued *queue_oldest(struct queue *queue);

/* Forget waiting requests that nobody may order any more at this time. */
void queue_expire(struct queue *queue, uint64_t time_ms);

/* Remove those of which `gone` says so. */
typedef bool queue_judge(void *context, const struct queued *queued);
void queue_sweep(struct queue *queue, queue_judge *gone, void *context);

#endif
