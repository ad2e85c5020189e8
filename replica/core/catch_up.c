/* Catching up: what this replica asks for when others are ahead. Everything that comes back proves
 * itself, so whom we ask and when is a hint. PROTOCOL: catching up. */
#include "crypto/hash.h"
#include "replica/core/epoch.h"

#include <string.h>

/* A head that has not moved for so long is behind, when somebody is ahead. */
#define REST_MS 150

/* When nothing else is left to ask for, the range that all wait for is asked of a second source. */
#define SECOND_MS 200

#define STABLE_AGAIN_MS 150

static_assert(LATE_MAX >= 2 * FETCH_BLOCKS_MAX, "several sources have something to bring");

static_assert(SLOTS_IN_FLIGHT_MAX <= FETCH_BLOCKS_MAX, "a primary is not behind its own slots");

void fetch_send(struct node *node, const struct fetch *fetch, uint32_t to, struct outbox *outbox)
{
    struct buffer space = outbox_open_space(outbox);
    CHECK(fetch_encode(fetch, &space));
    struct bytes body = outbox_take_space(outbox, &space);
    struct action *action = outbox_act(outbox, ACTION_SEND);
    action->to = to;
    action->frame = message_frame(outbox, MESSAGE_FETCH, node->rid, body, BYTES_EMPTY, BYTES_EMPTY);
}

void fetch_batch(struct node *node, const uint8_t digest[HASH_BYTES], uint32_t to,
                 struct outbox *outbox)
{
    struct fetch fetch = {.kind = FETCH_BATCH};
    memcpy(fetch.digest, digest, HASH_BYTES);
    fetch_send(node, &fetch, to, outbox);
}

/* How many others say that they executed more than `by` blocks beyond the head. */
static uint32_t members_ahead(const struct node *node, uint64_t by)
{
    uint32_t count = 0;
    for (uint32_t member = 0; member < node->roster.n; member++) {
        uint64_t theirs = node->peers[member].executed;
        bool ahead = theirs > node->head.height && theirs - node->head.height > by;
        count += member != node->self && ahead ? 1 : 0;
    }
    return count;
}

bool is_far_behind(const struct node *node)
{
    return members_ahead(node, FETCH_BLOCKS_MAX) >= node->roster.w;
}

/* Blocks are fetched when the log stands still here and not elsewhere, and when W say that they are
 * not near. What is near, agreement brings; one that hears no votes has nothing but blocks. That it
 * takes W keeps a liar from making others fetch what is on its way. */
static bool is_behind(const struct node *node)
{
    bool hears_votes = node->awake && node->mode == MODE_ACTIVE;
    bool rests = node->now_ms >= node->executed_ms + REST_MS;
    return (rests && members_ahead(node, 0) > 0) ||
           members_ahead(node, hears_votes ? FETCH_BLOCKS_MAX : 0) >= node->roster.w;
}

bool block_is_here(const struct node *node, uint64_t sequence)
{
    const struct slot *slot = window_look(&node->window, sequence);
    return sequence <= node->head.height || node->late[sequence % LATE_MAX].sequence == sequence ||
           (slot != NULL && slot->stage >= SLOT_COMMITTED && slot_has_batch(slot));
}

/* A range of which everything came, be it from another one, is nobody's debt. */
static void settle_sources(struct node *node)
{
    for (uint32_t member = 0; member < node->roster.n; member++) {
        const struct source *source = &node->sources.of[member];
        uint64_t here = 0;
        while (source->asked && source->kind == FETCH_BLOCKS && here < source->count &&
               block_is_here(node, source->from + here)) {
            here++;
        }
        if (source->asked && source->kind == FETCH_BLOCKS && here == source->count) {
            sources_forgive(&node->sources, member);
        }
    }
    sources_judge(&node->sources, node->now_ms);
}

/* Beginning at a random one, so that all have their share. */
uint32_t source_for(struct node *node, uint64_t sequence, uint64_t without)
{
    uint64_t start = node_jitter(node, node->roster.n);
    for (uint32_t i = 0; i < node->roster.n; i++) {
        uint32_t member = (uint32_t)((start + i) % node->roster.n);
        if (member != node->self && (without >> member & 1) == 0 &&
            node->peers[member].executed >= sequence &&
            sources_idle(&node->sources, member, node->now_ms)) {
            return member;
        }
    }
    return REPLICAS_MAX;
}

/* Whether a source is still to bring the block. */
static bool is_asked_for(const struct node *node, uint64_t sequence)
{
    uint64_t since_ms = 0;
    return sources_asked(&node->sources, FETCH_BLOCKS, sequence, &since_ms) > 0;
}

/* Ask for the blocks from `first` on that are missing, up to `reach`; with `again`, also for those
 * that are asked for already. */
static bool ask_from(struct node *node, uint64_t first, uint64_t reach, bool again,
                     struct outbox *outbox)
{
    uint32_t member = source_for(node, first, 0);
    if (member == REPLICAS_MAX || !outbox_has_room(outbox)) {
        return false;
    }
    struct fetch fetch = {.kind = FETCH_BLOCKS, .from = first, .count = 1};
    uint64_t last = node->peers[member].executed < reach ? node->peers[member].executed : reach;
    while (fetch.count < FETCH_BLOCKS_MAX && first + fetch.count <= last &&
           !block_is_here(node, first + fetch.count) &&
           (again || !is_asked_for(node, first + fetch.count))) {
        fetch.count++;
    }
    struct range range = {FETCH_BLOCKS, fetch.from, fetch.count};
    sources_ask(&node->sources, member, &range, node->now_ms);
    fetch_send(node, &fetch, node->roster.members[member].rid, outbox);
    return true;
}

static void ask_for_blocks(struct node *node, struct outbox *outbox)
{
    uint64_t next = node->head.height + 1;
    /* What lies ahead waits in memory until its turn comes. */
    uint64_t reach = pool_is_crowded(&node->pool) ? next : node->head.height + LATE_MAX;
    uint64_t since_ms = 0;
    reach = reach < epoch_last(node) ? reach : epoch_last(node); /* who voted above is not known */
    if (next > reach) {
        return;
    }
    for (uint64_t n = next; n <= reach; n++) {
        bool wanted = !block_is_here(node, n) && !is_asked_for(node, n);
        if (wanted && !ask_from(node, n, reach, false, outbox)) {
            break;
        }
    }
    if (!block_is_here(node, next) &&
        sources_asked(&node->sources, FETCH_BLOCKS, next, &since_ms) == 1 &&
        node->now_ms >= since_ms + SECOND_MS) {
        uint64_t last = next + FETCH_BLOCKS_MAX - 1;
        (void)ask_from(node, next, last < reach ? last : reach, true, outbox);
    }
}

/* The window moves by the proof of a stable checkpoint, of a height that was executed here. Who is
 * beyond the boundary that this replica stands at has that of the boundary. */
static void ask_for_stable(struct node *node, struct outbox *outbox)
{
    uint64_t most = epoch_ends(node) ? UINT64_MAX : node->head.height;
    uint64_t start = node_jitter(node, node->roster.n);
    for (uint32_t i = 0; i < node->roster.n; i++) {
        uint32_t member = (uint32_t)((start + i) % node->roster.n);
        uint64_t stable = node->peers[member].stable;
        if (member != node->self && stable > node->window.stable && stable <= most &&
            !sources_banned(&node->sources, member, node->now_ms)) {
            struct fetch fetch = {.kind = FETCH_STABLE};
            fetch.from = !MUTANT(101) && epoch_ends(node) ? node->head.height : 0;
            node->stable_due_ms = node->now_ms + STABLE_AGAIN_MS;
            fetch_send(node, &fetch, node->roster.members[member].rid, outbox);
            return;
        }
    }
}

void catch_up(struct node *node, struct outbox *outbox)
{
    if (!node->started || node->halted) {
        return;
    }
    settle_sources(node);
    bool by_snapshot = snapshot_advance(node, outbox);
    if (!by_snapshot && is_behind(node)) {
        ask_for_blocks(node, outbox);
    }
    if (!by_snapshot) {
        history_ask(node, outbox);
    }
    if (node->now_ms >= node->stable_due_ms && outbox_has_room(outbox)) {
        ask_for_stable(node, outbox);
    }
}
