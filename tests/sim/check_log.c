/* The log: what a block must be, out of its batch and what was before it. The first replica to have
 * a height durable sets it, after every part was recomputed; all others must have the same. */
#include "crypto/hash.h"
#include "storage/record.h"
#include "tests/sim/check.h"

#include <stdlib.h>
#include <string.h>

/* A block as one replica stored it; one at a time. */
static struct stored {
    uint8_t record[1u << 18];
    uint8_t leaves[8u << 20];
    uint8_t batch[BATCH_BYTES_MAX];
    uint8_t payloads[BATCH_PAYLOAD_BYTES_MAX];
    uint8_t certificate[4096];
    struct buffer record_bytes;
    struct buffer leaf_bytes;
    struct buffer batch_bytes;
    struct buffer payload_bytes;
    struct buffer certificate_bytes;
    struct block_record block;
    struct block_header header;
    struct leaves_record leaf_record;
} stored;

static bool get(struct host *host, enum family family, struct record_key key, struct buffer *out)
{
    return store_get(host->store, family, record_key_bytes(&key), out) == STATUS_OK;
}

static bool stored_read(struct world *world, struct host *host, uint64_t height)
{
    stored.record_bytes = buffer_make(stored.record, sizeof(stored.record));
    stored.leaf_bytes = buffer_make(stored.leaves, sizeof(stored.leaves));
    stored.batch_bytes = buffer_make(stored.batch, sizeof(stored.batch));
    stored.payload_bytes = buffer_make(stored.payloads, sizeof(stored.payloads));
    stored.certificate_bytes = buffer_make(stored.certificate, sizeof(stored.certificate));
    if (!get(host, FAMILY_BLOCKS, record_key_block(RECORD_HEADER, height), &stored.record_bytes) ||
        block_record_decode(buffer_bytes(&stored.record_bytes), &stored.block) != WIRE_OK ||
        block_header_decode(stored.block.header, &stored.header) != WIRE_OK ||
        stored.header.height != height) {
        world_fail(world, "I2", host->rid, "no record of height %lu", (unsigned long)height);
        return false;
    }
    uint64_t before = height == 0 ? 0 : world->check->blocks[height - 1].tree_size;
    stored.leaf_record = (struct leaves_record){.first_index = before};
    if (stored.header.tree_size > before &&
        (!get(host, FAMILY_LEAVES, record_key_leaves(before), &stored.leaf_bytes) ||
         leaves_record_decode(buffer_bytes(&stored.leaf_bytes), &stored.leaf_record) != WIRE_OK)) {
        world_fail(world, "I6", host->rid, "no leaves of height %lu", (unsigned long)height);
        return false;
    }
    if (height == 0) {
        return true;
    }
    const uint8_t *digest = stored.header.batch_digest;
    if (!hash_is_zero(digest) &&
        (!get(host, FAMILY_BLOCKS, record_key_batch(digest), &stored.batch_bytes) ||
         !get(host, FAMILY_PAYLOADS, record_key_payloads(digest), &stored.payload_bytes))) {
        world_fail(world, "I9", host->rid, "the batch of %lu is not stored", (unsigned long)height);
        return false;
    }
    struct record_key key = record_key_block(RECORD_CERTIFICATE, height);
    if (!get(host, FAMILY_BLOCKS, key, &stored.certificate_bytes) ||
        !check_commits(world, buffer_bytes(&stored.certificate_bytes), height, digest)) {
        world_fail(world, "certified", host->rid, "height %lu was executed without Q COMMITs",
                   (unsigned long)height);
        return false;
    }
    return true;
}

static void content_hash(uint8_t out[HASH_BYTES])
{
    struct bytes parts[] = {
        buffer_bytes(&stored.leaf_bytes),
        stored.block.results.raw,
        buffer_bytes(&stored.payload_bytes),
    };
    hash_parts(parts, 3, out);
}

static void leaf_hash(struct bytes leaf, uint8_t out[HASH_BYTES])
{
    static const uint8_t zero;
    struct bytes parts[] = {bytes_make(&zero, 1), leaf};
    hash_parts(parts, 2, out);
}

void check_leaf_append(struct check *check, struct bytes leaf)
{
    uint8_t hash[HASH_BYTES];
    leaf_hash(leaf, hash);
    check_tree_append(check, hash);
}

/* The root over the results, in a small tree of its own. */
static void result_root(struct wire_list results, uint8_t out[HASH_BYTES])
{
    struct check *small = calloc(1, sizeof(*small));
    CHECK(small != NULL);
    struct wire_iter iter = wire_iter_make(results);
    struct item_result result;
    while (item_result_next(&iter, &result)) {
        uint8_t hash[HASH_BYTES];
        leaf_hash(result.value, hash);
        check_tree_append(small, hash);
    }
    check_tree_root(small, results.count, out);
    for (unsigned i = 0; i < SIM_LEVELS; i++) {
        free(small->levels[i].hashes);
    }
    free(small);
}

/* The leaves that an appended request must have brought. */
static bool leaves_match(struct world *world, const struct check_item *item, struct wire_iter *iter)
{
    struct check *check = world->check;
    const struct sim_request *request = item->request;
    const struct client *client = &world->clients[request->client];
    for (uint32_t i = 0; i < request->count; i++) {
        uint8_t space[LEAF_BYTES_MAX];
        struct buffer expected = buffer_make(space, sizeof(space));
        const struct wish *wish = &request->wishes[i];
        struct leaf leaf = {
            .index = item->first_index + i,
            .height = item->height,
            .time_ms = item->time_ms,
            .kind = request->change != NULL ? LEAF_GOVERNANCE : LEAF_DATA,
            .stream = bytes_of_text(stream_name(wish->stream)),
            .stream_index = check->streams[wish->stream]++,
            .position = i,
            .payload_len = wish->payload_len,
        };
        memcpy(leaf.author, client->holder.pk, PUBLIC_KEY_BYTES);
        memcpy(leaf.request_id, request->id, HASH_BYTES);
        memcpy(leaf.payload_hash, wish->payload_hash, HASH_BYTES);
        CHECK(leaf_encode(&leaf, &expected));
        struct item_leaf found;
        if (!item_leaf_next(iter, &found) || !bytes_equal(found.value, buffer_bytes(&expected))) {
            return false;
        }
        check_leaf_append(check, found.value);
    }
    return check_results_match(world, item, iter);
}

/* The payloads of a request are what its statements commit to. */
static bool payloads_match(const struct sim_request *request, struct wire_iter *iter)
{
    for (uint32_t i = 0; i < request->count; i++) {
        struct payload payload;
        uint8_t hash[HASH_BYTES];
        if (!payload_next(iter, &payload)) {
            return false;
        }
        struct bytes parts[] = {payload.salt, payload.bytes};
        hash_parts(parts, 2, hash);
        if (payload.bytes.len != request->wishes[i].payload_len ||
            !hash_equal(hash, request->wishes[i].payload_hash)) {
            return false;
        }
    }
    return true;
}

/* One item of the batch: it was asked for, and what became of it is what must. */
static bool item_matches(struct world *world, uint32_t rid, const struct item *item,
                         struct check_item *at, struct bytes result_bytes)
{
    struct result result;
    uint8_t id[HASH_BYTES];
    uint8_t content[HASH_BYTES];
    statement_id(TAG_REQUEST, world->cast.cluster_id, item->request, id);
    struct bytes parts[] = {item->request, item->token, item->statements.raw};
    hash_parts(parts, 3, content);
    at->request = request_find(world, id);
    if (at->request == NULL || !hash_equal(at->request->content_hash, content)) {
        world_fail(world, "I3", rid, "height %lu has a request that nobody made",
                   (unsigned long)at->height);
        return false;
    }
    if (result_decode(result_bytes, &result) != WIRE_OK || !hash_equal(result.request_id, id)) {
        world_fail(world, "I6", rid, "a result of height %lu is not its request's",
                   (unsigned long)at->height);
        return false;
    }
    uint64_t code = check_rules(world, rid, at);
    if (result.code != code) {
        bool replay = code == E_REPLAY || result.code == E_REPLAY;
        world_fail(world, replay ? "I4" : "I3", rid, "height %lu: %s where it must be %s",
                   (unsigned long)at->height, result_code_name(result.code),
                   result_code_name(code));
        return false;
    }
    uint64_t count = code == RESULT_OK ? at->request->count : 0;
    if (result.count != count || (count > 0 && result.first_index != at->first_index)) {
        world_fail(world, "I6", rid, "a result of height %lu names other entries",
                   (unsigned long)at->height);
        return false;
    }
    return true;
}

/* What was due stands before all that was asked for. */
static bool due_matches(struct world *world, struct host *host, struct wire_iter *leaves)
{
    struct check_item at = {
        .host = host, .height = stored.header.height, .time_ms = stored.header.time_ms};
    check_due(world, at.height);
    if (!check_results_match(world, &at, leaves)) {
        world_fail(world, "I14", host->rid, "height %lu does not say what was due",
                   (unsigned long)at.height);
        return false;
    }
    return true;
}

/* A slot that no view had anything for: no requests, no time of its own. */
static bool null_matches(struct world *world, uint32_t rid, uint64_t height,
                         const struct wire_iter *leaves)
{
    const struct check_block *before = &world->check->blocks[height - 1];
    if (stored.block.results.count != 0 || leaves->left != 0 ||
        stored.header.time_ms != before->time_ms) {
        world_fail(world, "I6", rid, "the null block %lu is not empty", (unsigned long)height);
        return false;
    }
    return true;
}

static bool batch_matches(struct world *world, struct host *host, uint64_t height)
{
    struct batch batch;
    uint32_t rid = host->rid;
    struct wire_iter leaves = wire_iter_make(stored.leaf_record.leaves);
    if (!due_matches(world, host, &leaves)) {
        return false;
    }
    if (hash_is_zero(stored.header.batch_digest)) {
        return null_matches(world, rid, height, &leaves);
    }
    uint8_t digest[HASH_BYTES];
    hash_bytes(buffer_bytes(&stored.batch_bytes), digest);
    const struct check_block *before = &world->check->blocks[height - 1];
    if (!hash_equal(digest, stored.header.batch_digest) ||
        batch_decode(buffer_bytes(&stored.batch_bytes), &batch) != WIRE_OK ||
        batch.items.count != stored.block.results.count) {
        world_fail(world, "I6", rid, "the batch of %lu is not its header's", (unsigned long)height);
        return false;
    }
    uint64_t time_ms = batch.time_ms > before->time_ms ? batch.time_ms : before->time_ms;
    if (stored.header.time_ms != time_ms) {
        world_fail(world, "I6", rid, "the time of height %lu is not that of its batch",
                   (unsigned long)height);
        return false;
    }
    struct wire_iter items = wire_iter_make(batch.items);
    struct wire_iter results = wire_iter_make(stored.block.results);
    struct payloads payloads;
    if (payloads_decode(buffer_bytes(&stored.payload_bytes), &payloads) != WIRE_OK) {
        world_fail(world, "I6", rid, "the payloads of %lu are damaged", (unsigned long)height);
        return false;
    }
    struct wire_iter rest = wire_iter_make(payloads.list);
    struct item item;
    struct item_result result;
    while (item_next(&items, &item)) {
        struct check_item at = {
            .host = host,
            .height = height,
            .time_ms = time_ms,
            .first_index = world->check->levels[0].count,
        };
        if (!item_result_next(&results, &result) ||
            !item_matches(world, rid, &item, &at, result.value)) {
            return false;
        }
        if (!payloads_match(at.request, &rest)) {
            world_fail(world, "I6", rid, "the payloads of %lu are not its requests'",
                       (unsigned long)height);
            return false;
        }
        if (at.request->appended && at.request->height == height &&
            at.request->first_index == at.first_index && !leaves_match(world, &at, &leaves)) {
            world_fail(world, "I6", rid, "height %lu has other leaves than were asked for",
                       (unsigned long)height);
            return false;
        }
    }
    if (leaves.left != 0) {
        world_fail(world, "I3", rid, "height %lu has leaves that nobody asked for",
                   (unsigned long)height);
        return false;
    }
    return true;
}

static bool header_matches(struct world *world, uint32_t rid, uint64_t height)
{
    struct check *check = world->check;
    const struct block_header *header = &stored.header;
    uint8_t root[HASH_BYTES];
    const char *wrong = NULL;
    static const uint8_t zero[HASH_BYTES];
    check_tree_root(check, check->levels[0].count, root);
    if (header->tree_size != check->levels[0].count || !hash_equal(header->tree_root, root)) {
        wrong = "tree";
    } else if (!hash_equal(header->prev_header_hash,
                           height == 0 ? zero : check->blocks[height - 1].header_hash)) {
        wrong = "previous header";
    } else if (header->last_governance_height != check->governed.last_height ||
               !hash_equal(header->cluster_id, world->cast.cluster_id)) {
        wrong = "cluster or governance";
    } else if ((header->state_root.len != 0) != (height % world->plan.interval == 0)) {
        wrong = "state root";
    }
    if (wrong == NULL && height > 0) {
        result_root(stored.block.results, root);
        wrong = hash_equal(root, header->result_root) ? NULL : "result root";
    }
    const char *unfounded = wrong == NULL ? check_configuration_wrong(world, header) : NULL;
    if (unfounded != NULL) {
        world_fail(world, "I14", rid, "the %s of height %lu is wrong", unfounded,
                   (unsigned long)height);
        return false;
    }
    if (wrong != NULL) {
        world_fail(world, "I6", rid, "the %s of height %lu is wrong", wrong, (unsigned long)height);
        return false;
    }
    return true;
}

static void genesis_leaf(struct world *world)
{
    struct wire_iter leaves = wire_iter_make(stored.leaf_record.leaves);
    struct item_leaf leaf;
    while (item_leaf_next(&leaves, &leaf)) {
        check_leaf_append(world->check, leaf.value);
    }
}

/* The log grows by the block in `stored`. */
static void log_grow(struct world *world, struct host *host, uint64_t height)
{
    struct check *check = world->check;
    if (height == 0) {
        genesis_leaf(world);
    } else if (!batch_matches(world, host, height)) {
        return;
    }
    if (!header_matches(world, host->rid, height)) {
        return;
    }
    if (check->block_count == check->block_capacity) {
        check->block_capacity = check->block_capacity == 0 ? 256 : 2 * check->block_capacity;
        check->blocks = realloc(check->blocks, check->block_capacity * sizeof(check->blocks[0]));
        CHECK(check->blocks != NULL);
    }
    struct check_block *block = &check->blocks[check->block_count++];
    *block = (struct check_block){
        .tree_size = stored.header.tree_size,
        .time_ms = stored.header.time_ms,
    };
    hash_bytes(stored.block.header, block->header_hash);
    memcpy(block->tree_root, stored.header.tree_root, HASH_BYTES);
    memcpy(block->batch_digest, stored.header.batch_digest, HASH_BYTES);
    content_hash(block->content_hash);
    world->tally.heights = height;
    world->tally.entries = stored.header.tree_size;
}

void check_block_stored(struct world *world, struct host *host, uint64_t height)
{
    struct check *check = world->check;
    uint8_t hash[HASH_BYTES];
    if (world_is_other(world, host->rid)) {
        return;
    }
    if (height > check->block_count) {
        world_fail(world, "I2", host->rid, "height %lu before the one below it",
                   (unsigned long)height);
        return;
    }
    if (!stored_read(world, host, height)) {
        return;
    }
    if (!check_attested(world, host->rid, stored.block.header, stored.block.note_sig,
                        stored.block.cosig)) {
        world_fail(world, "I7", host->rid, "the own attestation of %lu does not verify",
                   (unsigned long)height);
        return;
    }
    if (height == check->block_count) {
        log_grow(world, host, height);
        return;
    }
    hash_bytes(stored.block.header, hash);
    if (!hash_equal(hash, check->blocks[height].header_hash)) {
        world_fail(world, "I1", host->rid, "two headers at height %lu", (unsigned long)height);
        return;
    }
    content_hash(hash);
    if (!hash_equal(hash, check->blocks[height].content_hash)) {
        world_fail(world, "I1", host->rid, "other leaves, results or payloads at height %lu",
                   (unsigned long)height);
    }
}
