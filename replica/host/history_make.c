#include "replica/host/history_make.h"

#include "crypto/hash.h"
#include "governance/item.h"

#include <stdlib.h>
#include <string.h>

#define POSITION_BYTES_MAX 9
#define MADE_BYTES_MAX (LEAF_BYTES_MAX + 128 + 8)

struct history_maker {
    struct log_reader *reader;
    struct item_view view;
    uint8_t previous[HEADER_BYTES_MAX];
    uint8_t frontier[MERKLE_PATH_MAX * (HASH_BYTES + 2)];
    uint8_t positions[BATCH_STATEMENTS_MAX * POSITION_BYTES_MAX];
    uint8_t made[RESULT_LEAVES_MAX * MADE_BYTES_MAX];
};

enum status history_maker_open(struct log_reader *reader, struct history_maker **out)
{
    struct history_maker *maker = (struct history_maker *)calloc(1, sizeof *maker);
    if (maker == NULL) {
        return STATUS_NO_MEMORY;
    }
    maker->reader = reader;
    *out = maker;
    return STATUS_OK;
}

void history_maker_close(struct history_maker *maker)
{
    free(maker);
}

/* The tree of the `size` leaves before the block. */
static bool add_frontier(struct history_maker *maker, uint64_t size, struct wire_list *out)
{
    struct merkle_frontier frontier;
    struct buffer raw = buffer_make(maker->frontier, sizeof maker->frontier);
    uint32_t count = 0;
    if (!merkle_frontier_read(size, log_node, maker->reader, &frontier)) {
        return false;
    }
    for (unsigned level = 0; level < MERKLE_PATH_MAX; level++) {
        if ((size >> level & 1) != 0) {
            struct item_hash element;
            memcpy(element.value, frontier.hashes[level], HASH_BYTES);
            CHECK(item_hash_encode(&element, &raw));
            count++;
        }
    }
    *out = (struct wire_list){buffer_bytes(&raw), count};
    return true;
}

/* The first position of each stream of a request whose entries begin at `first_index`. */
static bool add_request(struct history_maker *maker, uint64_t first_index, struct buffer *raw,
                        uint32_t *count)
{
    for (uint32_t i = 0; i < maker->view.count; i++) {
        struct bytes encoded;
        struct leaf leaf;
        if (maker->view.statements[i].stream_no != i) {
            continue;
        }
        if (!log_leaf(maker->reader, first_index + i, &encoded) ||
            leaf_decode(encoded, &leaf) != WIRE_OK) {
            return false;
        }
        const struct item_u64 element = {leaf.stream_index};
        if (!item_u64_encode(&element, raw)) {
            return false;
        }
        ++*count;
    }
    return true;
}

static bool add_positions(struct history_maker *maker, const struct log_block *block,
                          struct bytes batch_bytes, struct wire_list *out)
{
    struct batch batch;
    struct item item;
    struct item_result encoded;
    struct result result;
    struct buffer raw = buffer_make(maker->positions, sizeof maker->positions);
    uint32_t count = 0;
    if (batch_decode(batch_bytes, &batch) != WIRE_OK) {
        return false;
    }
    struct wire_iter items = wire_iter_make(batch.items);
    struct wire_iter results = wire_iter_make(block->record.results);
    while (item_next(&items, &item)) {
        if (!item_result_next(&results, &encoded) ||
            result_decode(encoded.value, &result) != WIRE_OK) {
            return false;
        }
        if (result.code == RESULT_OK &&
            (item_parse(&item, block->header.cluster_id, &maker->view) != RESULT_OK ||
             !add_request(maker, result.first_index, &raw, &count))) {
            return false;
        }
    }
    *out = (struct wire_list){buffer_bytes(&raw), count};
    return true;
}

/* The leaves from..to-1, which no request has asked for. */
static bool add_made(struct history_maker *maker, uint64_t from, uint64_t to, struct buffer *raw,
                     uint32_t *count)
{
    for (uint64_t index = from; index < to; index++) {
        struct made_leaf made;
        struct leaf leaf;
        struct log_entry entry;
        if (!log_leaf(maker->reader, index, &made.leaf) ||
            leaf_decode(made.leaf, &leaf) != WIRE_OK || leaf.kind != LEAF_RESULT ||
            !log_entry(maker->reader, index, &leaf, &entry)) {
            return false;
        }
        made.payload = entry.payload.bytes;
        if (!made_leaf_encode(&made, raw)) {
            return false;
        }
        ++*count;
    }
    return true;
}

/* The leaves of the block between those that its results speak of. */
static bool add_made_leaves(struct history_maker *maker, const struct log_block *block,
                            uint64_t first_index, struct wire_list *out)
{
    struct buffer raw = buffer_make(maker->made, sizeof maker->made);
    struct wire_iter results = wire_iter_make(block->record.results);
    struct item_result encoded;
    struct result result;
    uint64_t index = first_index;
    uint32_t count = 0;
    while (item_result_next(&results, &encoded)) {
        if (result_decode(encoded.value, &result) != WIRE_OK) {
            return false;
        }
        if (result.code == RESULT_OK) {
            if (!add_made(maker, index, result.first_index, &raw, &count)) {
                return false;
            }
            index = result.first_index + result.count;
        }
    }
    if (!add_made(maker, index, block->header.tree_size, &raw, &count)) {
        return false;
    }
    *out = (struct wire_list){buffer_bytes(&raw), count};
    return true;
}

bool history_make(struct history_maker *maker, uint64_t height, struct bytes commit,
                  struct buffer *out)
{
    struct log_block block;
    struct history_parcel parcel = {.commit = commit};
    if (height == 0 || !log_block(maker->reader, height - 1, &block)) {
        return false;
    }
    /* The reader holds one block at a time. */
    const uint64_t size = block.header.tree_size;
    CHECK(block.record.header.len <= sizeof maker->previous);
    memcpy(maker->previous, block.record.header.data, block.record.header.len);
    parcel.previous = bytes_make(maker->previous, block.record.header.len);
    /* Results of governance before the batch: the reader holds one record of payloads at a time. */
    if (!log_block(maker->reader, height, &block) || !add_frontier(maker, size, &parcel.frontier) ||
        !add_made_leaves(maker, &block, size, &parcel.made)) {
        return false;
    }
    parcel.header = block.record.header;
    parcel.results = block.record.results;
    if (!hash_is_zero(block.header.batch_digest) &&
        (!log_batch(maker->reader, block.header.batch_digest, &parcel.batch, &parcel.payloads) ||
         !add_positions(maker, &block, parcel.batch, &parcel.positions))) {
        return false;
    }
    return history_parcel_encode(&parcel, out);
}
