/* Fetching the state of a height (snapshot.h): which one, of whom, and what came of it. */
#include "replica/core/snapshot.h"

#include "crypto/hash.h"
#include "governance/state_chunk.h"
#include "governance/state_key.h"
#include "replica/core/node_parts.h"

#include <string.h>

/* A transfer of which nothing came for so long is given up. */
#define STANDSTILL_MS 10000

uint64_t snapshot_interval(const struct node *node)
{
    return node_param(node, PARAM_CHECKPOINT_INTERVAL) * node->snapshot_span;
}

bool is_snapshot_height(const struct node *node, uint64_t height)
{
    return height % snapshot_interval(node) == 0;
}

/* The newest snapshot height that W others say is stable: one of them is correct. */
static uint64_t height_of_others(const struct node *node)
{
    uint64_t best = 0;
    for (uint32_t member = 0; member < node->roster.n; member++) {
        uint64_t stable = node->peers[member].stable;
        uint32_t count = 0;
        for (uint32_t other = 0; other < node->roster.n; other++) {
            count += other != node->self && node->peers[other].stable >= stable ? 1 : 0;
        }
        if (member != node->self && count >= node->roster.w && stable > best) {
            best = stable;
        }
    }
    return best / snapshot_interval(node) * snapshot_interval(node);
}

void snapshot_give_up(struct node *node, const char *why)
{
    node_note(node, "the snapshot of %llu is given up: %s",
              (unsigned long long)node->snapshot.height, why);
    node->snapshot.given_up = node->snapshot.height;
    node->snapshot.phase = SNAPSHOT_NONE;
}

/* Fewer blocks than that are fetched faster than a state. */
static void begin(struct node *node)
{
    struct snapshot *snapshot = &node->snapshot;
    uint64_t height = height_of_others(node);
    if (height < node->head.height + snapshot_interval(node) || height <= snapshot->given_up) {
        return;
    }
    state_reset(node->fetched);
    *snapshot = (struct snapshot){
        .phase = SNAPSHOT_PROOF,
        .height = height,
        .given_up = snapshot->given_up,
        .moved_ms = node->now_ms,
    };
    for (uint64_t i = 0; i < SNAPSHOT_LANES; i++) {
        struct snapshot_lane *lane = &snapshot->lanes[i];
        lane->next = state_node_first(SNAPSHOT_LANES + i);
        lane->last = state_node_last(SNAPSHOT_LANES + i);
        lane->node = SNAPSHOT_LANES + i;
    }
    node_note(node, "fetches the snapshot of %llu", (unsigned long long)height);
}

/* --- Asking ----------------------------------------------------------------------------------- */

/* Ask an idle source that may have it; false when there is none just now. */
static bool ask(struct node *node, const struct fetch *fetch, uint64_t what, struct outbox *outbox)
{
    uint64_t since_ms = 0;
    if (sources_asked(&node->sources, fetch->kind, what, &since_ms) > 0) {
        return true;
    }
    uint32_t member = source_for(node, node->snapshot.height, node->snapshot.without);
    if (member == REPLICAS_MAX || !outbox_has_room(outbox)) {
        return false;
    }
    struct range range = {fetch->kind, what, 1};
    sources_ask(&node->sources, member, &range, node->now_ms);
    fetch_send(node, fetch, node->roster.members[member].rid, outbox);
    return true;
}

static void ask_for_chunks(struct node *node, struct outbox *outbox)
{
    struct snapshot *snapshot = &node->snapshot;
    for (uint32_t i = 0; i < SNAPSHOT_LANES; i++) {
        const struct snapshot_lane *lane = &snapshot->lanes[i];
        struct fetch fetch = {
            .kind = FETCH_SNAPSHOT,
            .from = snapshot->height,
            .count = lane->node,
        };
        memcpy(fetch.digest, snapshot->root, HASH_BYTES);
        if (!lane->done && !ask(node, &fetch, lane->node, outbox)) {
            return;
        }
    }
}

static void ask_for_part(struct node *node, struct outbox *outbox)
{
    struct snapshot *snapshot = &node->snapshot;
    struct fetch proof = {.kind = FETCH_STABLE, .from = snapshot->height};
    struct fetch block = {.kind = FETCH_HISTORY, .from = snapshot->height, .count = 1};
    switch (snapshot->phase) {
    case SNAPSHOT_PROOF:
        (void)ask(node, &proof, snapshot->height, outbox);
        break;
    case SNAPSHOT_CHUNKS:
        ask_for_chunks(node, outbox);
        break;
    case SNAPSHOT_BLOCK:
        (void)ask(node, &block, snapshot->height, outbox);
        break;
    case SNAPSHOT_NONE:
        break;
    }
}

bool snapshot_advance(struct node *node, struct outbox *outbox)
{
    struct snapshot *snapshot = &node->snapshot;
    if (snapshot->phase == SNAPSHOT_NONE) {
        begin(node);
    } else if (node->head.height >= snapshot->height) {
        snapshot_give_up(node, "the blocks are here");
    } else if (node->now_ms >= snapshot->moved_ms + STANDSTILL_MS) {
        snapshot_give_up(node, "nothing comes");
    }
    ask_for_part(node, outbox);
    return snapshot->phase != SNAPSHOT_NONE;
}

/* --- What comes --------------------------------------------------------------------------------
 */

bool snapshot_expects(const struct node *node, uint32_t member, const struct data *data)
{
    const struct snapshot *snapshot = &node->snapshot;
    if (snapshot->phase == SNAPSHOT_NONE || data->from != snapshot->height) {
        return false;
    }
    switch (data->kind) {
    case FETCH_STABLE:
        return snapshot->phase == SNAPSHOT_PROOF &&
               sources_expects(&node->sources, member, FETCH_STABLE, data->from);
    case FETCH_SNAPSHOT:
        return snapshot->phase == SNAPSHOT_CHUNKS && hash_equal(data->digest, snapshot->root) &&
               sources_expects(&node->sources, member, FETCH_SNAPSHOT, data->count);
    case FETCH_HISTORY:
        return snapshot->phase == SNAPSHOT_BLOCK &&
               sources_expects(&node->sources, member, FETCH_HISTORY, data->from);
    default:
        return false;
    }
}

/* Who does not have it is not to blame; when nobody has it, blocks must do. */
void snapshot_refused(struct node *node, uint32_t member)
{
    struct snapshot *snapshot = &node->snapshot;
    sources_forgive(&node->sources, member);
    snapshot->without |= UINT64_C(1) << member;
    for (uint32_t other = 0; other < node->roster.n; other++) {
        bool has = node->peers[other].stable >= snapshot->height &&
                   !sources_banned(&node->sources, other, node->now_ms);
        if (other != node->self && has && (snapshot->without >> other & 1) == 0) {
            return;
        }
    }
    snapshot_give_up(node, "nobody has it");
}

static void came(struct node *node, uint32_t member, uint64_t what, size_t bytes)
{
    sources_brought(&node->sources, member, what, bytes, node->now_ms);
    node->snapshot.moved_ms = node->now_ms;
}

void snapshot_take_proof(struct node *node, uint32_t member, struct bytes proof,
                         const struct block_header *header, struct outbox *outbox)
{
    struct snapshot *snapshot = &node->snapshot;
    struct stable stable;
    if (header->height != snapshot->height || header->state_root.len != HASH_BYTES ||
        proof.len > sizeof(snapshot->proof)) {
        snapshot_refused(node, member);
        return;
    }
    came(node, member, snapshot->height, proof.len);
    memcpy(snapshot->proof, proof.data, proof.len);
    snapshot->proof_len = proof.len;
    CHECK(stable_decode(proof, &stable) == WIRE_OK);
    hash_bytes(stable.header, snapshot->header_hash);
    memcpy(snapshot->root, header->state_root.data, HASH_BYTES);
    snapshot->phase = SNAPSHOT_CHUNKS;
    catch_up(node, outbox);
}

static bool rows_take(struct node *node, const struct state_chunk *chunk)
{
    struct wire_iter rows = wire_iter_make(chunk->rows);
    struct state_row row;
    while (state_row_next(&rows, &row)) {
        bool forgets = MUTANT(73) && row.key.data[0] == STATE_SESSION;
        if (!forgets && !state_put(node->fetched, row.key, row.value)) {
            return false;
        }
    }
    return true;
}

static void lane_move(struct snapshot_lane *lane, uint64_t last)
{
    if (last >= lane->last) {
        lane->done = true;
        return;
    }
    lane->next = last + 1;
    lane->node = state_node_at(lane->next, lane->last);
    CHECK(lane->node != 0); /* chunks end where nodes do */
}

/* All rows are here when every lane is done; each chunk was proven, so that the root cannot differ
 * but by a mistake of ours. */
static void settle_rows(struct node *node)
{
    struct snapshot *snapshot = &node->snapshot;
    uint8_t root[HASH_BYTES];
    state_root(node->fetched, root); /* a little with each chunk, and not all at the end */
    for (uint32_t i = 0; i < SNAPSHOT_LANES; i++) {
        if (!snapshot->lanes[i].done) {
            return;
        }
    }
    if (!hash_equal(root, snapshot->root) && !MUTANT(70) && !MUTANT(73)) {
        snapshot_give_up(node, "its root is another");
    } else {
        snapshot->phase = SNAPSHOT_BLOCK;
    }
}

enum drop snapshot_take_chunk(struct node *node, uint32_t member, const struct data *data,
                              struct bytes attachment, struct outbox *outbox)
{
    struct snapshot *snapshot = &node->snapshot;
    struct snapshot_lane *lane = NULL;
    struct state_chunk chunk;
    CHECK(state_chunk_decode(attachment, &chunk) == WIRE_OK);
    for (uint32_t i = 0; i < SNAPSHOT_LANES; i++) {
        if (!snapshot->lanes[i].done && snapshot->lanes[i].node == data->count) {
            lane = &snapshot->lanes[i];
        }
    }
    if (lane == NULL) {
        sources_forgive(&node->sources, member);
        return DROP_NOT_WANTED;
    }
    if (state_chunk_first(&chunk) > lane->next || state_chunk_last(&chunk) < lane->next) {
        sources_lied(&node->sources, member, node->now_ms);
        return DROP_CERTIFICATE;
    }
    came(node, member, data->count, attachment.len);
    lane_move(lane, state_chunk_last(&chunk));
    if (rows_take(node, &chunk)) {
        settle_rows(node);
    } else {
        snapshot_give_up(node, "it does not fit");
    }
    catch_up(node, outbox);
    return DROP_NONE;
}
