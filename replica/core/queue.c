#include "replica/core/queue.h"

#include <stdlib.h>
#include <string.h>

/* Requests and rings are named by their place in an array, from 1. So memory that was never written
 * is an empty queue, and what is never used is never touched. */
#define QUEUE_NONE 0u
#define BUCKETS 32768u

/* One client's requests of one lane in order of arrival. Rings with requests are linked in a circle
 * for each lane. */
struct ring {
    uint8_t client[PUBLIC_KEY_BYTES];
    uint32_t first;
    uint32_t last;
    uint32_t cursor; /* the first that is not proposed, or NONE */
    uint32_t count;
    enum queue_lane lane;
    uint32_t next; /* in the circle of its lane's rings in use */
    uint32_t previous;
    uint32_t chain;
};

struct lane {
    uint32_t count; /* of requests */
    uint32_t rings; /* in use */
    size_t bytes;
    uint32_t turn; /* the ring whose turn it is, or NONE when no ring is in use */
};

struct queue {
    struct pool *pool;
    uint64_t hash_seed;
    uint32_t waiting;
    size_t waiting_bytes;
    struct lane lanes[QUEUE_LANES];
    uint32_t oldest;
    uint32_t newest;
    uint32_t free_request; /* of those that were given back */
    uint32_t free_ring;
    uint32_t requests_used; /* places that were ever taken */
    uint32_t rings_used;
    uint32_t request_bucket[BUCKETS];
    uint32_t ring_bucket[BUCKETS];
    struct queued requests[QUEUE_REQUESTS_MAX + 1];
    struct ring rings[QUEUE_CLIENTS_MAX + 1];
};

enum status queue_open(struct pool *pool, uint64_t hash_seed, struct queue **out)
{
    struct queue *queue = calloc(1, sizeof(*queue));
    if (queue == NULL) {
        return STATUS_NO_MEMORY;
    }
    queue->pool = pool;
    queue->hash_seed = hash_seed;
    *out = queue;
    return STATUS_OK;
}

void queue_close(struct queue *queue)
{
    free(queue);
}

/* Keyed, so that nobody outside can choose keys that share a bucket. Source of the mixing
 * constants: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. */
static uint32_t bucket_of(const struct queue *queue, const uint8_t key[HASH_BYTES])
{
    uint64_t mixed = queue->hash_seed;
    for (unsigned i = 0; i < HASH_BYTES; i += 8) {
        mixed ^= bytes_get_u64be(key + i);
        mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
        mixed ^= mixed >> 31;
    }
    return (uint32_t)(mixed % BUCKETS);
}

uint32_t queue_count(const struct queue *queue)
{
    return queue->lanes[QUEUE_COMMON].count + queue->lanes[QUEUE_AHEAD].count;
}

uint32_t queue_waiting(const struct queue *queue)
{
    return queue->waiting;
}

size_t queue_waiting_bytes(const struct queue *queue)
{
    return queue->waiting_bytes;
}

static size_t bytes_of(const struct queued *queued)
{
    return queued->item.len + queued->payloads.len;
}

static void wait_begins(struct queue *queue, const struct queued *queued)
{
    queue->waiting++;
    queue->waiting_bytes += bytes_of(queued);
}

static void wait_ends(struct queue *queue, const struct queued *queued)
{
    queue->waiting--;
    queue->waiting_bytes -= bytes_of(queued);
}

struct queued *queue_find(struct queue *queue, const uint8_t request_id[HASH_BYTES])
{
    uint32_t at = queue->request_bucket[bucket_of(queue, request_id)];
    while (at != QUEUE_NONE) {
        struct queued *queued = &queue->requests[at];
        if (memcmp(queued->request_id, request_id, HASH_BYTES) == 0) {
            return queued;
        }
        at = queued->chain;
    }
    return NULL;
}

static uint32_t ring_find(const struct queue *queue, enum queue_lane lane,
                          const uint8_t client[PUBLIC_KEY_BYTES])
{
    uint32_t at = queue->ring_bucket[bucket_of(queue, client)];
    while (at != QUEUE_NONE && (queue->rings[at].lane != lane ||
                                memcmp(queue->rings[at].client, client, PUBLIC_KEY_BYTES) != 0)) {
        at = queue->rings[at].chain;
    }
    return at;
}

/* A new ring goes in before the one whose turn it is: last in the circle. */
static void ring_link(struct queue *queue, uint32_t index)
{
    struct ring *ring = &queue->rings[index];
    struct lane *lane = &queue->lanes[ring->lane];
    lane->rings++;
    if (lane->turn == QUEUE_NONE) {
        ring->next = index;
        ring->previous = index;
        lane->turn = index;
        return;
    }
    struct ring *turn = &queue->rings[lane->turn];
    ring->next = lane->turn;
    ring->previous = turn->previous;
    queue->rings[turn->previous].next = index;
    turn->previous = index;
}

static uint32_t ring_make(struct queue *queue, enum queue_lane lane,
                          const uint8_t client[PUBLIC_KEY_BYTES])
{
    uint32_t most = lane == QUEUE_AHEAD ? QUEUE_AHEAD_MAX : QUEUE_CLIENTS_MAX - QUEUE_AHEAD_MAX;
    uint32_t index = queue->free_ring;
    if (queue->lanes[lane].rings == most) {
        return QUEUE_NONE;
    }
    index = index != QUEUE_NONE ? index : ++queue->rings_used;
    struct ring *ring = &queue->rings[index];
    queue->free_ring = ring->next;
    uint32_t bucket = bucket_of(queue, client);
    *ring = (struct ring){
        .first = QUEUE_NONE,
        .last = QUEUE_NONE,
        .cursor = QUEUE_NONE,
        .lane = lane,
        .chain = queue->ring_bucket[bucket],
    };
    memcpy(ring->client, client, PUBLIC_KEY_BYTES);
    queue->ring_bucket[bucket] = index;
    ring_link(queue, index);
    return index;
}

static void ring_drop(struct queue *queue, uint32_t index)
{
    struct ring *ring = &queue->rings[index];
    struct lane *lane = &queue->lanes[ring->lane];
    uint32_t *link = &queue->ring_bucket[bucket_of(queue, ring->client)];
    while (*link != index) {
        link = &queue->rings[*link].chain;
    }
    *link = ring->chain;
    lane->rings--;
    if (ring->next == index) {
        lane->turn = QUEUE_NONE;
    } else {
        queue->rings[ring->previous].next = ring->next;
        queue->rings[ring->next].previous = ring->previous;
        if (lane->turn == index) {
            lane->turn = ring->next;
        }
    }
    ring->next = queue->free_ring;
    queue->free_ring = index;
}

static void ring_append(struct queue *queue, uint32_t ring_index, uint32_t index)
{
    struct ring *ring = &queue->rings[ring_index];
    struct queued *queued = &queue->requests[index];
    queued->ring = ring_index;
    queued->next = QUEUE_NONE;
    queued->previous = ring->last;
    if (ring->last == QUEUE_NONE) {
        ring->first = index;
    } else {
        queue->requests[ring->last].next = index;
    }
    ring->last = index;
    if (ring->cursor == QUEUE_NONE) {
        ring->cursor = index;
    }
    ring->count++;
}

/* The line of all requests in order of arrival. */
static void line_join(struct queue *queue, uint32_t index)
{
    struct queued *queued = &queue->requests[index];
    queued->older = queue->newest;
    queued->newer = QUEUE_NONE;
    if (queue->newest == QUEUE_NONE) {
        queue->oldest = index;
    } else {
        queue->requests[queue->newest].newer = index;
    }
    queue->newest = index;
}

static void line_leave(struct queue *queue, const struct queued *queued)
{
    if (queued->older == QUEUE_NONE) {
        queue->oldest = queued->newer;
    } else {
        queue->requests[queued->older].newer = queued->newer;
    }
    if (queued->newer == QUEUE_NONE) {
        queue->newest = queued->older;
    } else {
        queue->requests[queued->newer].older = queued->older;
    }
}

struct queued *queue_oldest(struct queue *queue)
{
    return queue->oldest == QUEUE_NONE ? NULL : &queue->requests[queue->oldest];
}

/* A place that nobody has: both lanes together have no more than there are. */
static uint32_t request_place(const struct queue *queue)
{
    return queue->free_request != QUEUE_NONE ? queue->free_request : queue->requests_used + 1;
}

/* Whether there is room for a request of so many bytes. A crowded pool is no reason to keep back
 * what is ahead: its bytes are few. */
static bool lane_has_room(const struct queue *queue, enum queue_lane which, size_t bytes)
{
    const struct lane *lane = &queue->lanes[which];
    if (which == QUEUE_AHEAD) {
        return lane->count < QUEUE_AHEAD_MAX && lane->bytes + bytes <= QUEUE_AHEAD_BYTES_MAX;
    }
    return lane->count < QUEUE_REQUESTS_MAX - QUEUE_AHEAD_MAX && !pool_is_crowded(queue->pool);
}

struct queued *queue_add(struct queue *queue, enum queue_lane lane,
                         const uint8_t request_id[HASH_BYTES],
                         const uint8_t client[PUBLIC_KEY_BYTES], struct bytes item,
                         struct bytes payloads)
{
    uint32_t index = request_place(queue);
    uint32_t ring = ring_find(queue, lane, client);
    uint32_t most = lane == QUEUE_AHEAD ? QUEUE_AHEAD_PER_CLIENT_MAX : QUEUE_PER_CLIENT_MAX;
    bool full = ring != QUEUE_NONE && queue->rings[ring].count >= most;
    if (full || !lane_has_room(queue, lane, item.len + payloads.len)) {
        return NULL;
    }
    struct bytes item_copy = pool_copy(queue->pool, item);
    struct bytes payloads_copy = pool_copy(queue->pool, payloads);
    if (ring == QUEUE_NONE && item_copy.data != NULL && payloads_copy.data != NULL) {
        ring = ring_make(queue, lane, client);
    }
    if (item_copy.data == NULL || payloads_copy.data == NULL || ring == QUEUE_NONE) {
        pool_give(queue->pool, item_copy.data);
        pool_give(queue->pool, payloads_copy.data);
        return NULL;
    }
    struct queued *queued = &queue->requests[index];
    queue->requests_used += index > queue->requests_used ? 1 : 0;
    queue->free_request = queued->next;
    uint32_t bucket = bucket_of(queue, request_id);
    *queued = (struct queued){
        .item = item_copy,
        .payloads = payloads_copy,
        .chain = queue->request_bucket[bucket],
    };
    memcpy(queued->request_id, request_id, HASH_BYTES);
    memcpy(queued->client, client, PUBLIC_KEY_BYTES);
    queue->request_bucket[bucket] = index;
    ring_append(queue, ring, index);
    line_join(queue, index);
    queue->lanes[lane].count++;
    queue->lanes[lane].bytes += bytes_of(queued);
    wait_begins(queue, queued);
    return queued;
}

static void ring_remove(struct queue *queue, struct queued *queued, uint32_t index)
{
    struct ring *ring = &queue->rings[queued->ring];
    if (ring->cursor == index) {
        ring->cursor = queued->next;
    }
    if (queued->previous == QUEUE_NONE) {
        ring->first = queued->next;
    } else {
        queue->requests[queued->previous].next = queued->next;
    }
    if (queued->next == QUEUE_NONE) {
        ring->last = queued->previous;
    } else {
        queue->requests[queued->next].previous = queued->previous;
    }
    ring->count--;
    if (ring->count == 0) {
        ring_drop(queue, queued->ring);
    }
}

void queue_remove(struct queue *queue, struct queued *queued)
{
    uint32_t index = (uint32_t)(queued - queue->requests);
    CHECK(index >= 1);
    CHECK(index <= QUEUE_REQUESTS_MAX);
    uint32_t *link = &queue->request_bucket[bucket_of(queue, queued->request_id)];
    while (*link != index) {
        link = &queue->requests[*link].chain;
    }
    *link = queued->chain;
    if (!queued->proposed) {
        wait_ends(queue, queued);
    }
    struct lane *lane = &queue->lanes[queue->rings[queued->ring].lane];
    lane->count--;
    lane->bytes -= bytes_of(queued);
    line_leave(queue, queued);
    ring_remove(queue, queued, index);
    pool_give(queue->pool, queued->item.data);
    pool_give(queue->pool, queued->payloads.data);
    *queued = (struct queued){.next = queue->free_request};
    queue->free_request = index;
}

/* The first request of the ring from its cursor on that is not proposed. Requests are proposed in
 * order, so the cursor only steps over those that a lost view proposed out of it. */
static uint32_t ring_waiting(struct queue *queue, struct ring *ring)
{
    while (ring->cursor != QUEUE_NONE && queue->requests[ring->cursor].proposed) {
        ring->cursor = queue->requests[ring->cursor].next;
    }
    return ring->cursor;
}

static struct queued *lane_next(struct queue *queue, struct lane *lane)
{
    for (uint32_t tries = 0; tries < lane->rings; tries++) {
        struct ring *ring = &queue->rings[lane->turn];
        uint32_t index = ring_waiting(queue, ring);
        if (index != QUEUE_NONE) {
            return &queue->requests[index];
        }
        lane->turn = ring->next;
    }
    return NULL;
}

struct queued *queue_next(struct queue *queue)
{
    if (queue->waiting == 0) {
        return NULL;
    }
    struct queued *ahead = lane_next(queue, &queue->lanes[QUEUE_AHEAD]);
    return ahead != NULL ? ahead : lane_next(queue, &queue->lanes[QUEUE_COMMON]);
}

void queue_mark_proposed(struct queue *queue, struct queued *queued)
{
    CHECK(!queued->proposed);
    queued->proposed = true;
    wait_ends(queue, queued);
    const struct ring *ring = &queue->rings[queued->ring];
    queue->lanes[ring->lane].turn = ring->next;
}

void queue_unmark(struct queue *queue, struct queued *queued)
{
    CHECK(queued->proposed);
    struct ring *ring = &queue->rings[queued->ring];
    queued->proposed = false;
    wait_begins(queue, queued);
    ring->cursor = ring->first;
}

void queue_unmark_all(struct queue *queue)
{
    for (uint32_t at = queue->oldest; at != QUEUE_NONE; at = queue->requests[at].newer) {
        if (queue->requests[at].proposed) {
            queue_unmark(queue, &queue->requests[at]);
        }
    }
}

void queue_expire(struct queue *queue, uint64_t time_ms)
{
    uint32_t next = QUEUE_NONE;
    for (uint32_t at = queue->oldest; at != QUEUE_NONE && queue->waiting > 0; at = next) {
        struct queued *queued = &queue->requests[at];
        next = queued->newer;
        if (!queued->proposed && queued->not_after_ms < time_ms) {
            queue_remove(queue, queued);
        }
    }
}

void queue_sweep(struct queue *queue, queue_judge *gone, void *context)
{
    uint32_t next = QUEUE_NONE;
    for (uint32_t at = queue->oldest; at != QUEUE_NONE; at = next) {
        struct queued *queued = &queue->requests[at];
        next = queued->newer;
        if (gone(context, queued)) {
            queue_remove(queue, queued);
        }
    }
}
