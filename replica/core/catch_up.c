/* Catching up: what this replica asks for when others are ahead. Everything that comes back proves
 * itself, so whom we ask and when is a hint. PROTOCOL: retransmission, state transfer. */
#include "replica/core/node_parts.h"

#include <string.h>

#define FETCH_BLOCKS_MAX                                                                           \
    16 /* what a host answers at once: the next are asked for when these came */
#define FETCH_PATIENCE_MS 150

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

/* A peer that claims to be ahead, beginning at a random one so that a liar is not asked for ever.
 */
static const struct roster_member *someone_ahead(struct node *node, bool stable)
{
    uint64_t mine = stable ? node->window.stable : node->head.height;
    uint64_t start = node_jitter(node, node->roster.n);
    for (uint32_t i = 0; i < node->roster.n; i++) {
        uint32_t member = (uint32_t)((start + i) % node->roster.n);
        const struct peer *peer = &node->peers[member];
        uint64_t theirs = stable ? peer->stable : peer->executed;
        if (member != node->self && theirs > mine) {
            return &node->roster.members[member];
        }
    }
    return NULL;
}

void catch_up(struct node *node, struct outbox *outbox)
{
    if (!node->started || node->halted) {
        return;
    }
    bool rested = node->now_ms >= node->executed_ms + FETCH_PATIENCE_MS;
    bool came = node->fetched_to != 0 && node->head.height >= node->fetched_to;
    if (!came && (node->now_ms < node->fetch_due_ms || !rested)) {
        return;
    }
    const struct roster_member *source = someone_ahead(node, false);
    if (source != NULL) {
        node->fetched_to = node->head.height + FETCH_BLOCKS_MAX;
        node->fetch_due_ms = node->now_ms + FETCH_PATIENCE_MS;
        struct fetch blocks = {
            .kind = FETCH_BLOCKS,
            .from = node->head.height + 1,
            .count = FETCH_BLOCKS_MAX,
        };
        fetch_send(node, &blocks, source->rid, outbox);
        return;
    }
    node->fetched_to = 0;
    source = someone_ahead(node, true);
    if (source != NULL) {
        node->fetch_due_ms = node->now_ms + FETCH_PATIENCE_MS;
        struct fetch stable = {.kind = FETCH_STABLE};
        fetch_send(node, &stable, source->rid, outbox);
    }
}
