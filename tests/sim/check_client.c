/* What a client may rely on: the entry is where it was said to be, and a receipt of it verifies for
 * anyone who has the keys. */
#include "crypto/receipt.h"
#include "storage/record.h"
#include "tests/sim/check.h"

#include <string.h>

static uint8_t record_space[8u << 20];

/* The stored leaf at `index`, which the block of `height` appended. */
static bool leaf_read(struct world *world, uint64_t height, uint64_t index, struct bytes *out)
{
    uint64_t first = height == 0 ? 0 : world->check->blocks[height - 1].tree_size;
    struct record_key key = record_key_leaves(first);
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        struct buffer record = buffer_make(record_space, sizeof(record_space));
        struct leaves_record leaves;
        struct item_leaf leaf;
        if (store_get(world->hosts[rid].store, FAMILY_LEAVES, record_key_bytes(&key), &record) !=
                STATUS_OK ||
            leaves_record_decode(buffer_bytes(&record), &leaves) != WIRE_OK) {
            continue;
        }
        struct wire_iter iter = wire_iter_make(leaves.leaves);
        for (uint64_t at = first; item_leaf_next(&iter, &leaf); at++) {
            if (at == index) {
                *out = leaf.value;
                return true;
            }
        }
    }
    return false;
}

static bool header_of(struct world *world, uint64_t height, struct block_header *out)
{
    static uint8_t space[1u << 18];
    struct record_key key = record_key_block(RECORD_HEADER, height);
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        struct buffer record = buffer_make(space, sizeof(space));
        struct block_record block;
        if (store_get(world->hosts[rid].store, FAMILY_BLOCKS, record_key_bytes(&key), &record) ==
                STATUS_OK &&
            block_record_decode(buffer_bytes(&record), &block) == WIRE_OK &&
            block_header_decode(block.header, out) == WIRE_OK) {
            return true;
        }
    }
    return false;
}

/* The note of the client's proven height, with the lines of those whose attestations it has. */
static bool note_write(struct world *world, const struct client *client, struct buffer *out)
{
    const struct cast *cast = &world->cast;
    const struct sim_epoch *epoch = check_epoch_at(world, client->proven.height);
    struct block_header header;
    if (!header_of(world, client->proven.height, &header)) {
        return false;
    }
    struct checkpoint checkpoint = {
        .origin = cast->origin,
        .tree_size = header.tree_size,
        .height = header.height,
        .epoch = header.epoch,
        .time_ms = header.time_ms,
    };
    memcpy(checkpoint.tree_root, header.tree_root, HASH_BYTES);
    memcpy(checkpoint.header_hash, client->proven.header_hash, HASH_BYTES);
    checkpoint_text(&checkpoint, out);
    buffer_put_u8(out, '\n');
    for (uint32_t rid = 0; rid < cast->n; rid++) {
        if ((client->proven.by >> rid & 1) == 0) {
            continue;
        }
        const struct voted *voted = check_voted(world, rid, client->proven.height);
        const struct replica_keys *keys = cast_keys(cast, epoch, rid);
        note_line_put(out, &checkpoint, NOTE_SIGN, rid, keys->sign.pk, voted->note_sig);
        note_line_put(out, &checkpoint, NOTE_COSIGN, rid, keys->cosign.pk, voted->cosig);
    }
    return !out->full;
}

/* The whole text, as it would be handed to somebody else. */
static enum receipt_verdict receipt_of(struct world *world, const struct client *client,
                                       const struct sim_request *request, uint64_t index)
{
    const struct cast *cast = &world->cast;
    uint8_t note_space[NOTE_BYTES_MAX];
    uint8_t extra_space[1024];
    uint8_t path_space[MERKLE_PATH_MAX * HASH_BYTES];
    static uint8_t text_space[RECEIPT_BYTES_MAX];
    struct buffer note = buffer_make(note_space, sizeof(note_space));
    struct buffer extra = buffer_make(extra_space, sizeof(extra_space));
    struct buffer path = buffer_make(path_space, sizeof(path_space));
    struct buffer text = buffer_make(text_space, sizeof(text_space));
    struct receipt_extra object = {0};
    uint64_t size = world->check->blocks[client->proven.height].tree_size;
    if (!note_write(world, client, &note) ||
        !leaf_read(world, request->height, index, &object.leaf) ||
        !receipt_extra_encode(&object, &extra)) {
        return RECEIPT_BAD_TEXT;
    }
    check_tree_path(world->check, index, size, &path);
    struct receipt_parts parts = {
        .index = index,
        .extra = buffer_bytes(&extra),
        .path = buffer_bytes(&path),
        .note = buffer_bytes(&note),
    };
    receipt_put(&text, &parts);
    const struct sim_epoch *epoch = check_epoch_at(world, client->proven.height);
    struct note_key keys[SIM_REPLICAS_MAX];
    cast_note_keys(cast, epoch, keys);
    struct receipt_trust trust = {
        .scheme = cast->scheme,
        .origin = cast->origin,
        .keyring = {keys, cast->n},
        .quorum = cast->q,
        .epoch = epoch->number,
        .cluster_id = cast->cluster_id,
    };
    struct receipt_facts facts;
    return receipt_verify(buffer_bytes(&text), &trust, NULL, &facts);
}

void check_acknowledge(struct world *world, const struct sim_request *request,
                       const struct answer *answer)
{
    struct check *check = world->check;
    if (world->plan.other_side != 0) {
        return;
    }
    if (!request->appended || answer->first_index != request->first_index ||
        answer->count != request->count || answer->height != request->height) {
        world_fail(world, "I5", SIM_NOBODY, "entries from %lu were acknowledged, but are not there",
                   (unsigned long)answer->first_index);
        return;
    }
    if (request->first_index + request->count > check->acknowledged) {
        check->acknowledged = request->first_index + request->count;
    }
}

void check_receipt(struct world *world, const struct client *client,
                   const struct sim_request *request)
{
    const struct check *check = world->check;
    uint64_t height = client->proven.height;
    if (world->plan.other_side != 0) {
        return;
    }
    if (height >= check->block_count ||
        memcmp(check->blocks[height].header_hash, client->proven.header_hash, HASH_BYTES) != 0) {
        world_fail(world, "I1", SIM_NOBODY, "Q attestations of another header at %lu",
                   (unsigned long)height);
        return;
    }
    if (world->tally.acknowledged % 8 == 0) {
        uint64_t index = request->first_index + prng_below(&world->prng, request->count);
        enum receipt_verdict verdict = receipt_of(world, client, request, index);
        if (verdict != RECEIPT_OK) {
            world_fail(world, "I7", SIM_NOBODY, "the receipt of entry %lu: %s",
                       (unsigned long)index, receipt_verdict_text(verdict));
        }
        world->tally.receipts++;
    }
}

uint64_t check_acknowledged(const struct world *world)
{
    return world->check->acknowledged;
}

uint64_t check_stream_length(const struct world *world, uint32_t stream)
{
    return world->check->streams[stream];
}
