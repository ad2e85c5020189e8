/* The blocks below a snapshot: rebuilt from what a source sends, checked against the header that is
 * known from above, and put as execution would have put them. */
#include "crypto/hash.h"
#include "replica/core/building.h"
#include "replica/core/machine.h"
#include "storage/record.h"

#include <string.h>

/* The parts of a parcel, read. */
struct past {
    struct history_parcel parcel;
    struct block_header header;
    struct block_header previous;
    struct batch batch; /* empty for a null block */
};

static bool past_read(struct bytes attachment, struct past *past)
{
    past->batch = (struct batch){0};
    return history_parcel_decode(attachment, &past->parcel) == WIRE_OK &&
           block_header_decode(past->parcel.header, &past->header) == WIRE_OK &&
           block_header_decode(past->parcel.previous, &past->previous) == WIRE_OK &&
           (past->parcel.batch.len == 0 ||
            batch_decode(past->parcel.batch, &past->batch) == WIRE_OK);
}

/* The tree before the block: the hashes are as many as its size has bits, and make its root. */
static bool frontier_before(const struct past *past, struct merkle_frontier *out)
{
    uint8_t root[HASH_BYTES];
    if (!frontier_take(past->parcel.frontier, past->previous.tree_size, out)) {
        return false;
    }
    merkle_root(out, root);
    return hash_equal(root, past->previous.tree_root);
}

/* Where each stream of the request begins; the tree's root says whether it is true. */
static bool positions_take(struct building *building, const struct item_view *view,
                           struct wire_iter *positions)
{
    struct workspace *work = building->work;
    for (uint32_t i = 0; i < view->count; i++) {
        struct item_u64 position;
        if (view->statements[i].stream_no != i) {
            continue;
        }
        if (!item_u64_next(positions, &position) || position.value >= LOG_ENTRIES_MAX) {
            return false;
        }
        work->stream_indexes[work->leaf_count + i] = position.value;
    }
    return true;
}

/* An item and its result: its leaves, when it was appended. */
static bool item_rebuild(struct node *node, struct building *building, const struct item *item,
                         struct bytes result_bytes, struct wire_iter *positions)
{
    struct item_view *view = &node->work->view;
    struct result result;
    enum result_code parsed = item_parse_with(&node->work->tokens, item, node->cluster_id, view);
    if (result_decode(result_bytes, &result) != WIRE_OK ||
        !hash_equal(result.request_id, view->request_id)) {
        return false;
    }
    struct item_outcome outcome = {
        .code = result.code,
        .first_index = result.first_index,
        .count = result.count,
    };
    memcpy(outcome.request_id, result.request_id, HASH_BYTES);
    building_result(building, &outcome);
    if (result.code != RESULT_OK) {
        return true;
    }
    if (parsed != RESULT_OK || result.count != view->count ||
        result.first_index != building->frontier.size ||
        !positions_take(building, view, positions)) {
        return false;
    }
    building_entries(building, view);
    return true;
}

/* The leaves of governance that stand here, of those that nobody asked for. */
static bool made_rebuild(struct building *building, struct wire_iter *made)
{
    struct wire_iter ahead = *made;
    struct made_leaf next;
    struct leaf leaf;
    while (made_leaf_next(&ahead, &next)) {
        if (leaf_decode(next.leaf, &leaf) != WIRE_OK) {
            return false;
        }
        if (leaf.index != building->frontier.size) {
            return true;
        }
        if (!building_made(building, &leaf, next.payload)) {
            return false;
        }
        *made = ahead;
    }
    return true;
}

static bool items_rebuild(struct node *node, const struct past *past, struct building *building)
{
    struct wire_iter items = wire_iter_make(past->batch.items);
    struct wire_iter results = wire_iter_make(past->parcel.results);
    struct wire_iter positions = wire_iter_make(past->parcel.positions);
    struct wire_iter made = wire_iter_make(past->parcel.made);
    struct item item;
    bool good = made_rebuild(building, &made);
    while (good && item_next(&items, &item)) {
        struct item_result result;
        good = item_result_next(&results, &result) &&
               item_rebuild(node, building, &item, result.value, &positions) &&
               made_rebuild(building, &made);
    }
    return good && results.left == 0 && positions.left == 0 && made.left == 0;
}

/* The leaves and results are those of the header. */
static bool is_whole(const struct past *past, const struct building *building)
{
    uint8_t root[HASH_BYTES];
    uint8_t results[HASH_BYTES];
    merkle_root(&building->frontier, root);
    building_result_root(building, results);
    return building->frontier.size == past->header.tree_size &&
           hash_equal(root, past->header.tree_root) &&
           hash_equal(results, past->header.result_root);
}

static void past_put(struct node *node, const struct past *past, struct building *building)
{
    struct outbox *outbox = building->outbox;
    uint8_t note_sig[SIG_BYTES];
    uint8_t cosig[SIG_BYTES];
    attest_sign(node, past->parcel.header, note_sig, cosig);
    struct block_identity identity = {past->header.height, past->parcel.header, note_sig, cosig};
    building_put(building, &identity);
    if (past->parcel.batch.len > 0) {
        struct slot slot = {
            .batch = outbox_keep(outbox, past->parcel.batch),
            .payloads = outbox_keep(outbox, past->parcel.payloads),
        };
        memcpy(slot.digest, past->header.batch_digest, HASH_BYTES);
        slot_put_batch(&slot, outbox);
    }
    struct record_key key = record_key_block(RECORD_CERTIFICATE, past->header.height);
    outbox_put(outbox, FAMILY_BLOCKS, record_key_bytes(&key),
               outbox_keep(outbox, past->parcel.commit));
}

bool history_block(struct node *node, struct bytes attachment,
                   const uint8_t header_hash[HASH_BYTES], struct merkle_frontier *after,
                   struct outbox *outbox)
{
    struct past past;
    uint8_t hash[HASH_BYTES];
    if (!past_read(attachment, &past)) {
        return false;
    }
    hash_bytes(past.parcel.header, hash);
    struct merkle_frontier before;
    if ((!hash_equal(hash, header_hash) && !MUTANT(71)) || !frontier_before(&past, &before)) {
        return false;
    }
    /* The leaves are put while they are built: until the roots agree, nothing of it is meant. */
    struct outbox_mark mark = outbox_mark(outbox);
    struct building building = building_make(node, &before, outbox);
    building.height = past.header.height;
    building.time_ms = past.header.time_ms;
    if (!items_rebuild(node, &past, &building) || (!is_whole(&past, &building) && !MUTANT(72))) {
        outbox_back(outbox, &mark);
        return false;
    }
    past_put(node, &past, &building);
    *after = building.frontier;
    return true;
}

/* --- The gap ---------------------------------------------------------------------------------- */

void gap_put(const struct node *node, struct outbox *outbox)
{
    struct gap_record record = {.first = node->gap.first, .last = node->gap.last};
    memcpy(record.below_hash, node->gap.below_hash, HASH_BYTES);
    memcpy(record.last_hash, node->gap.last_hash, HASH_BYTES);
    struct buffer space = outbox_open_space(outbox);
    CHECK(gap_record_encode(&record, &space));
    journal_put(outbox, JOURNAL_GAP, 0, outbox_take_space(outbox, &space));
}

/* One source at a time: what it sends is checked from the top down. */
void history_ask(struct node *node, struct outbox *outbox)
{
    uint64_t since_ms = 0;
    const struct gap *gap = &node->gap;
    if (gap->last == 0 || !outbox_has_room(outbox) ||
        sources_asked(&node->sources, FETCH_HISTORY, gap->last, &since_ms) > 0) {
        return;
    }
    uint32_t member = source_for(node, gap->last, 0);
    if (member == REPLICAS_MAX) {
        return;
    }
    uint64_t count = gap->last - gap->first + 1;
    count = count < FETCH_BLOCKS_MAX ? count : FETCH_BLOCKS_MAX;
    struct range range = {FETCH_HISTORY, gap->last + 1 - count, count};
    struct fetch fetch = {.kind = FETCH_HISTORY, .from = gap->last, .count = count};
    sources_ask(&node->sources, member, &range, node->now_ms);
    fetch_send(node, &fetch, node->roster.members[member].rid, outbox);
}

static void gap_shrink(struct node *node, const uint8_t prev_header_hash[HASH_BYTES],
                       struct outbox *outbox)
{
    struct gap *gap = &node->gap;
    memcpy(gap->last_hash, prev_header_hash, HASH_BYTES);
    gap->last--;
    if (gap->last >= gap->first) {
        gap_put(node, outbox);
        return;
    }
    bool joined = hash_equal(gap->last_hash, gap->below_hash);
    *gap = (struct gap){0};
    journal_erase(outbox, JOURNAL_GAP, 0);
    node_note(node, "history is whole");
    if (!joined) {
        node_halt(node, "what was executed here is not below the snapshot of a quorum", outbox);
    }
}

/* The parcel of the gap's highest block: put, or found to be a lie. */
static enum drop history_put(struct node *node, uint32_t member, struct bytes parcel,
                             struct outbox *outbox)
{
    struct past past;
    struct merkle_frontier after;
    if (!history_block(node, parcel, node->gap.last_hash, &after, outbox)) {
        sources_lied(&node->sources, member, node->now_ms);
        return DROP_CERTIFICATE;
    }
    CHECK(past_read(parcel, &past));
    sources_brought(&node->sources, member, node->gap.last, parcel.len, node->now_ms);
    node_note(node, "history %llu", (unsigned long long)node->gap.last);
    gap_shrink(node, past.header.prev_header_hash, outbox);
    catch_up(node, outbox);
    return DROP_NONE;
}

static struct parked_block *place_of(struct node *node, uint64_t sequence)
{
    return &node->parked[sequence % FETCH_BLOCKS_MAX];
}

bool history_expects(const struct node *node, uint32_t member, const struct data *data)
{
    const struct gap *gap = &node->gap;
    bool near = data->from >= gap->first && data->from <= gap->last &&
                gap->last - data->from < FETCH_BLOCKS_MAX;
    return data->kind == FETCH_HISTORY && gap->last != 0 && near &&
           node->parked[data->from % FETCH_BLOCKS_MAX].sequence != data->from &&
           sources_expects(&node->sources, member, FETCH_HISTORY, data->from);
}

enum drop history_take(struct node *node, uint32_t member, const struct message *message,
                       uint64_t sequence, struct outbox *outbox)
{
    if (sequence == node->gap.last) {
        return history_put(node, member, message->attachment, outbox);
    }
    struct parked_block *parked = place_of(node, sequence);
    struct bytes copy = BYTES_EMPTY;
    if (!pool_is_crowded(&node->pool)) {
        copy = pool_copy(&node->pool, message->attachment);
    }
    if (copy.data == NULL) {
        return DROP_NO_MEMORY; /* it is asked for again */
    }
    pool_give(&node->pool, parked->parcel.data);
    *parked = (struct parked_block){sequence, member, copy};
    return DROP_NONE;
}

bool history_advance(struct node *node, struct outbox *outbox)
{
    struct parked_block *parked = place_of(node, node->gap.last);
    if (node->gap.last == 0 || parked->sequence != node->gap.last) {
        return false;
    }
    struct parked_block taken = *parked;
    *parked = (struct parked_block){0};
    (void)history_put(node, taken.member, taken.parcel, outbox);
    pool_give(&node->pool, taken.parcel.data); /* what is put of it was copied */
    return true;
}

void history_forget(struct node *node)
{
    for (uint32_t i = 0; i < FETCH_BLOCKS_MAX; i++) {
        pool_give(&node->pool, node->parked[i].parcel.data);
        node->parked[i] = (struct parked_block){0};
    }
}
