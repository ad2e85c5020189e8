#include "replica/core/building.h"

#include "crypto/hash.h"
#include "replica/core/machine.h"

#include <string.h>

struct building building_make(struct node *node, const struct merkle_frontier *before,
                              struct outbox *outbox)
{
    struct workspace *work = node->work;
    work->leaf_count = 0;
    work->item_count = 0;
    work->before = *before;
    return (struct building){
        .work = work,
        .outbox = outbox,
        .first_index = before->size,
        .frontier = *before,
        .leaves = buffer_make(work->leaf_list, sizeof(work->leaf_list)),
        .results = buffer_make(work->result_list, sizeof(work->result_list)),
        .streams = {.outbox = outbox},
    };
}

void building_leaf(struct building *building, const struct leaf *leaf)
{
    uint8_t encoded[LEAF_BYTES_MAX];
    struct buffer bytes = buffer_make(encoded, sizeof(encoded));
    CHECK(leaf_encode(leaf, &bytes));
    struct workspace *work = building->work;
    uint8_t *hash = work->leaf_hashes[work->leaf_count];
    merkle_leaf_hash(buffer_bytes(&bytes), hash);
    CHECK(merkle_append(&building->frontier, hash, tree_put, building->outbox));
    work->stream_indexes[work->leaf_count] = leaf->stream_index;
    work->leaf_count++;
    struct item_bin element = {buffer_bytes(&bytes)};
    CHECK(item_bin_encode(&element, &building->leaves));
    stream_writer_add(&building->streams, leaf->stream, leaf->stream_index, leaf->index);
}

void building_entries(struct building *building, const struct item_view *view)
{
    struct workspace *work = building->work;
    uint32_t base = work->leaf_count;
    for (uint32_t i = 0; i < view->count; i++) {
        const struct item_statement *statement = &view->statements[i];
        struct leaf leaf = {
            .index = building->frontier.size,
            .height = building->height,
            .time_ms = building->time_ms,
            .kind = view->request.op == OP_GOVERN ? LEAF_GOVERNANCE : LEAF_DATA,
            .stream = statement->stream,
            .stream_index =
                work->stream_indexes[base + statement->stream_no] + statement->stream_before,
            .position = i,
            .payload_len = statement->payload_len,
        };
        memcpy(leaf.author, view->author_key, PUBLIC_KEY_BYTES);
        memcpy(leaf.request_id, view->request_id, HASH_BYTES);
        memcpy(leaf.payload_hash, statement->payload_hash, HASH_BYTES);
        building_leaf(building, &leaf);
    }
}

bool building_made(struct building *building, const struct leaf *leaf, struct bytes payload)
{
    static const uint8_t no_salt[SALT_BYTES];
    struct bytes salted[] = {BYTES_OF_ARRAY(no_salt), payload};
    uint8_t hash[HASH_BYTES];
    hash_parts(salted, 2, hash);
    if (leaf->kind != LEAF_RESULT || leaf->index != building->frontier.size ||
        leaf->payload_len != payload.len || !hash_equal(leaf->payload_hash, hash)) {
        return false;
    }
    building_leaf(building, leaf);
    lone_payload_put(building->outbox, hash, payload);
    return true;
}

void building_result(struct building *building, const struct item_outcome *outcome)
{
    struct workspace *work = building->work;
    uint8_t encoded[RESULT_BYTES_MAX];
    struct buffer bytes = buffer_make(encoded, sizeof(encoded));
    struct result result = {
        .code = outcome->code,
        .first_index = outcome->first_index,
        .count = outcome->count,
    };
    memcpy(result.request_id, outcome->request_id, HASH_BYTES);
    CHECK(result_encode(&result, &bytes));
    merkle_leaf_hash(buffer_bytes(&bytes), work->result_hashes[work->item_count]);
    struct item_bin element = {buffer_bytes(&bytes)};
    CHECK(item_bin_encode(&element, &building->results));
    struct item_outcome *kept = &work->items[work->item_count++];
    *kept = *outcome;
    kept->result =
        bytes_make(building->results.data + building->results.len - bytes.len, bytes.len);
}

void building_result_root(const struct building *building, uint8_t out[HASH_BYTES])
{
    const struct workspace *work = building->work;
    merkle_root_of(bytes_make(work->result_hashes, (size_t)work->item_count * HASH_BYTES), out);
}

void building_put(struct building *building, const struct block_identity *identity)
{
    struct block_lists lists = {
        .results = {buffer_bytes(&building->results), building->work->item_count},
        .leaves = {buffer_bytes(&building->leaves), building->work->leaf_count},
        .first_index = building->first_index,
    };
    stream_writer_end(&building->streams);
    block_put(identity, &lists, building->outbox);
}
