/* Answers to FETCH, as a host gives them: batches, blocks with commit certificates, the stable
 * checkpoint. Everything comes out of the store, nothing out of the node. */
#include "storage/record.h"
#include "tests/sim/world.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS_AT_ONCE 16

/* Space for one answer, one run at a time. */
static uint8_t header_space[1u << 18];
static uint8_t batch_space[BATCH_BYTES_MAX];
static uint8_t payload_space[BATCH_PAYLOAD_BYTES_MAX];
static uint8_t commit_space[4096];
static uint8_t parcel_space[FRAME_BYTES_MAX];
static uint8_t frame_space[FRAME_BYTES_MAX];

static bool record_get(struct host *host, enum family family, struct record_key key,
                       struct buffer *out)
{
    return store_get(host->store, family, record_key_bytes(&key), out) == STATUS_OK;
}

static void data_send(struct world *world, struct host *host, uint32_t to, const struct data *data,
                      struct bytes attachment)
{
    uint8_t body_space[128];
    struct buffer body = buffer_make(body_space, sizeof(body_space));
    struct buffer frame = buffer_make(frame_space, sizeof(frame_space));
    CHECK(data_encode(data, &body));
    struct envelope envelope = {
        .type = MESSAGE_DATA,
        .rid = host->rid,
        .body = buffer_bytes(&body),
    };
    CHECK(envelope_encode(&envelope, &frame));
    buffer_put(&frame, attachment);
    CHECK(!frame.full);
    struct blob *blob = blob_make(buffer_bytes(&frame));
    world->tally.fetched++;
    if (to == host->rid || (world->plan.liars >> host->rid & 1) == 0 ||
        liar_sends(world, host, to, blob)) {
        network_send(world, host->rid, to, blob);
    }
    blob_drop(blob);
}

static void answer_batch(struct world *world, struct host *host, uint32_t to,
                         const struct fetch *fetch)
{
    struct buffer batch = buffer_make(batch_space, sizeof(batch_space));
    struct buffer payloads = buffer_make(payload_space, sizeof(payload_space));
    struct buffer parcel = buffer_make(parcel_space, sizeof(parcel_space));
    struct data data = {.kind = fetch->kind};
    memcpy(data.digest, fetch->digest, HASH_BYTES);
    if (!record_get(host, FAMILY_BLOCKS, record_key_batch(fetch->digest), &batch) ||
        !record_get(host, FAMILY_PAYLOADS, record_key_payloads(fetch->digest), &payloads)) {
        data_send(world, host, to, &data, BYTES_EMPTY);
        return;
    }
    struct batch_parcel object = {buffer_bytes(&batch), buffer_bytes(&payloads)};
    CHECK(batch_parcel_encode(&object, &parcel));
    data_send(world, host, to, &data, buffer_bytes(&parcel));
}

/* False when the block is not here whole. */
static bool answer_block(struct world *world, struct host *host, uint32_t to, uint64_t height)
{
    struct buffer record = buffer_make(header_space, sizeof(header_space));
    struct buffer batch = buffer_make(batch_space, sizeof(batch_space));
    struct buffer payloads = buffer_make(payload_space, sizeof(payload_space));
    struct buffer commit = buffer_make(commit_space, sizeof(commit_space));
    struct buffer parcel = buffer_make(parcel_space, sizeof(parcel_space));
    struct block_record block;
    struct block_header header;
    if (!record_get(host, FAMILY_BLOCKS, record_key_block(RECORD_HEADER, height), &record) ||
        !record_get(host, FAMILY_BLOCKS, record_key_block(RECORD_CERTIFICATE, height), &commit)) {
        return false;
    }
    CHECK(block_record_decode(buffer_bytes(&record), &block) == WIRE_OK);
    CHECK(block_header_decode(block.header, &header) == WIRE_OK);
    const uint8_t *digest = header.batch_digest;
    if (!record_get(host, FAMILY_BLOCKS, record_key_batch(digest), &batch) ||
        !record_get(host, FAMILY_PAYLOADS, record_key_payloads(digest), &payloads)) {
        return false;
    }
    struct block_parcel object = {
        .header = block.header,
        .batch = buffer_bytes(&batch),
        .payloads = buffer_bytes(&payloads),
        .commit = buffer_bytes(&commit),
    };
    struct data data = {.kind = FETCH_BLOCKS, .from = height, .count = 1};
    CHECK(block_parcel_encode(&object, &parcel));
    data_send(world, host, to, &data, buffer_bytes(&parcel));
    return true;
}

/* The last record of the stable checkpoint, as a scan finds it. */
static bool stable_visit(void *context, struct bytes key, struct bytes value)
{
    struct buffer *out = context;
    uint8_t kind = 0;
    uint64_t height = 0;
    if (!record_read_journal(key, &kind, &height) || kind != 'k') {
        return false;
    }
    out->len = 0;
    buffer_put(out, value);
    return true;
}

static void answer_stable(struct world *world, struct host *host, uint32_t to)
{
    struct buffer stable = buffer_make(header_space, sizeof(header_space));
    struct data data = {.kind = FETCH_STABLE};
    struct record_key from = record_key_journal('k', 0);
    CHECK(store_scan(host->store, FAMILY_JOURNAL, record_key_bytes(&from), stable_visit, &stable) ==
          STATUS_OK);
    data_send(world, host, to, &data, buffer_bytes(&stable));
}

void answer_fetch(struct world *world, struct host *host, uint32_t to, struct bytes frame)
{
    struct envelope envelope;
    struct fetch fetch;
    size_t used = 0;
    if (schema_decode_front(&schema_envelope, frame, &envelope, &used) != WIRE_OK ||
        fetch_decode(envelope.body, &fetch) != WIRE_OK) {
        return;
    }
    if (fetch.kind == FETCH_BATCH) {
        answer_batch(world, host, to, &fetch);
    } else if (fetch.kind == FETCH_STABLE) {
        answer_stable(world, host, to);
    } else if (fetch.kind == FETCH_BLOCKS) {
        for (uint64_t i = 0; i < fetch.count && i < BLOCKS_AT_ONCE; i++) {
            if (!answer_block(world, host, to, fetch.from + i)) {
                return;
            }
        }
    }
}
