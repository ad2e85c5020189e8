#include "replica/core/machine_put.h"

#include "storage/record.h"

#include <string.h>

void tree_put(void *context, unsigned level, uint64_t index, const uint8_t hash[HASH_BYTES])
{
    struct outbox *outbox = context;
    if (level < TREE_LEVEL_MIN) {
        return;
    }
    struct record_key key = record_key_tree((uint8_t)level, index);
    outbox_put(outbox, FAMILY_TREE, record_key_bytes(&key),
               outbox_keep(outbox, bytes_make(hash, HASH_BYTES)));
}

void stream_writer_end(struct stream_writer *writer)
{
    if (writer->count == 0) {
        return;
    }
    struct stream_run run = {.first_index = writer->first_index, .count = writer->count};
    struct buffer space = outbox_open_space(writer->outbox);
    CHECK(stream_run_encode(&run, &space));
    struct bytes value = outbox_take_space(writer->outbox, &space);
    struct record_key key =
        record_key_stream(bytes_make(writer->stream, writer->stream_len), writer->first_position);
    outbox_put(writer->outbox, FAMILY_STREAMS, record_key_bytes(&key), value);
    writer->count = 0;
}

void stream_writer_add(struct stream_writer *writer, struct bytes stream, uint64_t position,
                       uint64_t index)
{
    CHECK(stream.len <= ID_BYTES_MAX);
    bool joins = writer->count > 0 &&
                 bytes_equal(stream, bytes_make(writer->stream, writer->stream_len)) &&
                 position == writer->first_position + writer->count &&
                 index == writer->first_index + writer->count;
    if (joins) {
        writer->count++;
        return;
    }
    stream_writer_end(writer);
    memcpy(writer->stream, stream.data, stream.len);
    writer->stream_len = stream.len;
    writer->first_position = position;
    writer->first_index = index;
    writer->count = 1;
}

struct block_identity head_identity(const struct head *head)
{
    return (struct block_identity){
        .height = head->height,
        .header = bytes_make(head->header, head->header_len),
        .note_sig = head->note_sig,
        .cosig = head->cosig,
    };
}

void block_put(const struct block_identity *identity, const struct block_lists *lists,
               struct outbox *outbox)
{
    struct block_record block = {.header = identity->header, .results = lists->results};
    memcpy(block.note_sig, identity->note_sig, SIG_BYTES);
    memcpy(block.cosig, identity->cosig, SIG_BYTES);
    struct buffer space = outbox_open_space(outbox);
    CHECK(block_record_encode(&block, &space));
    struct bytes value = outbox_take_space(outbox, &space);
    struct record_key key = record_key_block(RECORD_HEADER, identity->height);
    outbox_put(outbox, FAMILY_BLOCKS, record_key_bytes(&key), value);
    if (lists->leaves.count == 0) {
        return;
    }
    struct leaves_record leaves = {.first_index = lists->first_index, .leaves = lists->leaves};
    space = outbox_open_space(outbox);
    CHECK(leaves_record_encode(&leaves, &space));
    value = outbox_take_space(outbox, &space);
    key = record_key_leaves(lists->first_index);
    outbox_put(outbox, FAMILY_LEAVES, record_key_bytes(&key), value);
}

void state_put_changes(const struct state *state, struct outbox *outbox)
{
    uint32_t cursor = 0;
    struct state_change change;
    while (state_change_next(state, &cursor, &change)) {
        if (change.erased) {
            outbox_erase(outbox, FAMILY_STATE, change.key);
        } else {
            outbox_put(outbox, FAMILY_STATE, change.key, outbox_keep(outbox, change.value));
        }
    }
}

void head_put(const struct node *node, struct outbox *outbox)
{
    const struct head *head = &node->head;
    uint8_t hashes[MERKLE_PATH_MAX * (HASH_BYTES + 2)];
    struct buffer list = buffer_make(hashes, sizeof(hashes));
    uint32_t count = 0;
    for (unsigned level = 0; level < MERKLE_PATH_MAX; level++) {
        if ((head->frontier.size >> level & 1) != 0) {
            struct item_hash element;
            memcpy(element.value, head->frontier.hashes[level], HASH_BYTES);
            CHECK(item_hash_encode(&element, &list));
            count++;
        }
    }
    struct head_record record = {
        .header = bytes_make(head->header, head->header_len),
        .frontier = {buffer_bytes(&list), count},
    };
    memcpy(record.note_sig, head->note_sig, SIG_BYTES);
    memcpy(record.cosig, head->cosig, SIG_BYTES);
    struct buffer space = outbox_open_space(outbox);
    CHECK(head_record_encode(&record, &space));
    journal_put(outbox, JOURNAL_HEAD, 0, outbox_take_space(outbox, &space));
}

bool frontier_take(struct wire_list hashes, uint64_t size, struct merkle_frontier *out)
{
    struct wire_iter iter = wire_iter_make(hashes);
    *out = (struct merkle_frontier){.size = size};
    for (unsigned level = 0; level < MERKLE_PATH_MAX; level++) {
        struct item_hash hash;
        if ((size >> level & 1) == 0) {
            continue;
        }
        if (!item_hash_next(&iter, &hash)) {
            return false;
        }
        memcpy(out->hashes[level], hash.value, HASH_BYTES);
    }
    return iter.left == 0;
}

void lone_payload_put(struct outbox *outbox, const uint8_t place[HASH_BYTES], struct bytes bytes)
{
    static const uint8_t no_salt[SALT_BYTES];
    struct payload payload = {.salt = BYTES_OF_ARRAY(no_salt), .bytes = bytes};
    struct buffer space = outbox_open_space(outbox);
    CHECK(payload_encode(&payload, &space));
    struct payloads payloads = {.list = {outbox_take_space(outbox, &space), 1}};
    space = outbox_open_space(outbox);
    CHECK(payloads_encode(&payloads, &space));
    struct record_key key = record_key_payloads(place);
    outbox_put(outbox, FAMILY_PAYLOADS, record_key_bytes(&key), outbox_take_space(outbox, &space));
}

void charter_payload_put(const struct node *node, struct outbox *outbox)
{
    static const uint8_t zero[HASH_BYTES];
    lone_payload_put(outbox, zero, node->charter_body);
}
