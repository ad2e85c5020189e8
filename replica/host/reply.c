#include "replica/host/reply.h"

#include "replica/host/frames.h"

#include <stdlib.h>
#include <string.h>

#define RESULT_BYTES_MAX 128
#define BODY_BYTES_MAX ENVELOPE_BODY_BYTES_MAX

struct reply_maker {
    uint32_t rid;
    const struct block_outcome *outcome;
    bool spanned;
    struct merkle_span leaves;
    struct merkle_span results;
    uint8_t (*leaf_nodes)[HASH_BYTES];
    uint8_t (*result_nodes)[HASH_BYTES];
    uint8_t (*result_hashes)[HASH_BYTES];
    struct buffer list; /* encoded reply_results */
    struct buffer body;
    struct buffer frame;
};

/* Lists of one result while it is encoded. */
struct lists {
    uint8_t path[MERKLE_PATH_MAX * (HASH_BYTES + 2)];
    uint8_t range[MERKLE_PROOF_MAX * (HASH_BYTES + 2)];
    uint8_t indexes[STATEMENTS_MAX * 9];
};

static bool take(struct buffer *buffer, size_t capacity)
{
    *buffer = buffer_make(malloc(capacity), capacity);
    return buffer->data != NULL;
}

enum status reply_maker_open(uint32_t rid, struct reply_maker **out)
{
    struct reply_maker *maker = (struct reply_maker *)calloc(1, sizeof *maker);
    if (maker == NULL) {
        return STATUS_NO_MEMORY;
    }
    maker->rid = rid;
    maker->leaf_nodes =
        (uint8_t(*)[HASH_BYTES])malloc(MERKLE_SPAN_NODES(BATCH_STATEMENTS_MAX) * HASH_BYTES);
    maker->result_nodes =
        (uint8_t(*)[HASH_BYTES])malloc(MERKLE_SPAN_NODES(BATCH_ITEMS_MAX) * HASH_BYTES);
    maker->result_hashes = (uint8_t(*)[HASH_BYTES])malloc((size_t)BATCH_ITEMS_MAX * HASH_BYTES);
    bool taken = take(&maker->list, BODY_BYTES_MAX) && take(&maker->body, BODY_BYTES_MAX) &&
                 take(&maker->frame, FRAME_BYTES_MAX + FRAME_HEADER_BYTES);
    if (!taken || maker->leaf_nodes == NULL || maker->result_nodes == NULL ||
        maker->result_hashes == NULL) {
        reply_maker_close(maker);
        return STATUS_NO_MEMORY;
    }
    *out = maker;
    return STATUS_OK;
}

void reply_maker_close(struct reply_maker *maker)
{
    free(maker->leaf_nodes);
    free(maker->result_nodes);
    free(maker->result_hashes);
    free(maker->list.data);
    free(maker->body.data);
    free(maker->frame.data);
    free(maker);
}

void reply_begin(struct reply_maker *maker, const struct block_outcome *outcome)
{
    CHECK(outcome->item_count <= BATCH_ITEMS_MAX);
    CHECK(outcome->leaf_count <= BATCH_STATEMENTS_MAX);
    maker->outcome = outcome;
    maker->spanned = false;
}

static void make_spans(struct reply_maker *maker)
{
    static const struct merkle_frontier empty = {0};
    const struct block_outcome *outcome = maker->outcome;
    for (uint32_t i = 0; i < outcome->item_count; i++) {
        merkle_leaf_hash(outcome->items[i].result, maker->result_hashes[i]);
    }
    if (outcome->item_count > 0) {
        size_t len = (size_t)outcome->item_count * HASH_BYTES;
        CHECK(merkle_span_tail(&maker->results, &empty, bytes_make(maker->result_hashes, len),
                               maker->result_nodes));
    }
    if (outcome->leaf_count > 0) {
        size_t len = (size_t)outcome->leaf_count * HASH_BYTES;
        CHECK(merkle_span_tail(&maker->leaves, outcome->before,
                               bytes_make(outcome->leaf_hashes, len), maker->leaf_nodes));
    }
    maker->spanned = true;
}

static struct wire_list hash_list(const struct merkle_proof *proof, struct buffer *raw)
{
    for (uint32_t i = 0; i < proof->count; i++) {
        struct item_hash element;
        memcpy(element.value, proof->hashes[i], HASH_BYTES);
        CHECK(item_hash_encode(&element, raw));
    }
    return (struct wire_list){buffer_bytes(raw), proof->count};
}

static void add_proofs(struct reply_maker *maker, uint32_t place, struct lists *lists,
                       struct reply_result *out)
{
    const struct block_outcome *outcome = maker->outcome;
    const struct item_outcome *item = &outcome->items[place];
    struct merkle_proof proof;
    if (!maker->spanned) {
        make_spans(maker);
    }
    struct buffer raw = buffer_make(lists->path, sizeof lists->path);
    CHECK(merkle_span_inclusion(&maker->results, place, &proof));
    out->result_path = hash_list(&proof, &raw);
    if (item->code != RESULT_OK || item->count == 0) {
        return;
    }
    uint64_t end = item->first_index + item->count;
    CHECK(item->first_index >= outcome->first_index);
    CHECK(item->count <= STATEMENTS_MAX);
    CHECK(end - outcome->first_index <= outcome->leaf_count);
    raw = buffer_make(lists->range, sizeof lists->range);
    CHECK(merkle_span_range(&maker->leaves, item->first_index, end, &proof));
    out->range_proof = hash_list(&proof, &raw);
    raw = buffer_make(lists->indexes, sizeof lists->indexes);
    for (uint64_t i = item->first_index; i < end; i++) {
        const struct item_u64 element = {outcome->stream_indexes[i - outcome->first_index]};
        CHECK(item_u64_encode(&element, &raw));
    }
    out->stream_indexes = (struct wire_list){buffer_bytes(&raw), (uint32_t)item->count};
}

static void add_result(struct reply_maker *maker, uint32_t place, bool proofs)
{
    struct lists lists;
    const struct block_outcome *outcome = maker->outcome;
    CHECK(place < outcome->item_count);
    struct reply_result result = {.result = outcome->items[place].result,
                                  .height = outcome->height,
                                  .time_ms = outcome->time_ms,
                                  .position = place,
                                  .item_count = outcome->item_count};
    if (proofs) {
        add_proofs(maker, place, &lists, &result);
    }
    CHECK(reply_result_encode(&result, &maker->list));
}

static bool put_reply(struct buffer *out, uint32_t rid, const struct reply *reply,
                      struct buffer *body)
{
    body->len = 0;
    body->full = false;
    return reply_encode(reply, body) &&
           frames_put(out, &(struct frame_parts){
                               .type = MESSAGE_REPLY, .rid = rid, .body = buffer_bytes(body)});
}

struct bytes reply_make(struct reply_maker *maker, const uint32_t *places, uint32_t count,
                        bool proofs)
{
    maker->list.len = 0;
    maker->frame.len = 0;
    for (uint32_t i = 0; i < count; i++) {
        add_result(maker, places[i], proofs);
    }
    const struct reply reply = {.attest = maker->outcome->attest,
                                .results = {buffer_bytes(&maker->list), count}};
    CHECK(put_reply(&maker->frame, maker->rid, &reply, &maker->body));
    return buffer_bytes(&maker->frame);
}

/* One result with the proofs of STATEMENTS_MAX entries. */
#define SINGLE_BYTES_MAX ((size_t)64 << 10)

bool reply_single_put(struct buffer *out, uint32_t rid, const struct reply_single *single)
{
    uint8_t list_memory[SINGLE_BYTES_MAX];
    uint8_t body_memory[SINGLE_BYTES_MAX];
    struct buffer list = buffer_make(list_memory, sizeof list_memory);
    struct buffer body = buffer_make(body_memory, sizeof body_memory);
    const struct reply_result result = {.result = single->result,
                                        .height = single->height,
                                        .time_ms = single->time_ms,
                                        .stream_indexes = single->stream_indexes,
                                        .range_proof = single->range_proof};
    if (!reply_result_encode(&result, &list)) {
        return false;
    }
    const struct reply reply = {.attest = single->attest, .results = {buffer_bytes(&list), 1}};
    return put_reply(out, rid, &reply, &body);
}

bool reply_refused_put(struct buffer *out, uint32_t rid, struct bytes attest,
                       const uint8_t request_id[HASH_BYTES], uint64_t code)
{
    uint8_t memory[RESULT_BYTES_MAX];
    struct buffer encoded = buffer_make(memory, sizeof memory);
    struct result result = {.code = code};
    memcpy(result.request_id, request_id, HASH_BYTES);
    CHECK(result_encode(&result, &encoded));
    const struct reply_single single = {.attest = attest, .result = buffer_bytes(&encoded)};
    return reply_single_put(out, rid, &single);
}

static_assert((size_t)BATCH_ITEMS_MAX *
                          (RESULT_BYTES_MAX + 64 + MERKLE_PATH_MAX * (HASH_BYTES + 2) +
                           MERKLE_PROOF_MAX * (HASH_BYTES + 2)) +
                      (size_t)BATCH_STATEMENTS_MAX * 9 + 4096 <=
                  BODY_BYTES_MAX,
              "the results of a whole block fit one reply");
