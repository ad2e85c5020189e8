#include "replica/host/log_reader.h"

#include "governance/state_key.h"
#include "replica/core/machine_put.h"

#include "storage/record.h"

#include <stdlib.h>
#include <string.h>

/* The leaves of one block: as many as a batch can have statements, each with its bin header. */
#define LEAVES_BYTES_MAX ((size_t)BATCH_STATEMENTS_MAX * (LEAF_BYTES_MAX + 3) + 64)
#define BLOCK_BYTES_MAX ((size_t)BATCH_ITEMS_MAX * 160 + 4096)
#define SMALL_BYTES_MAX ((size_t)64 << 10)

#define GROUP_LEVELS TREE_LEVEL_MIN /* levels 0..GROUP_LEVELS-1 are not stored */
#define GROUP_LEAVES (1u << GROUP_LEVELS)
#define GROUPS_KEPT 2

/* Nodes of levels 0..7 above 256 neighbouring leaves, as many as are complete. */
struct group {
    bool used;
    uint64_t number;
    uint32_t leaves;
    uint8_t nodes[2 * GROUP_LEAVES][HASH_BYTES]; /* level l begins at 2 * 256 - (2 * 256 >> l) */
};

struct log_reader {
    struct store_view *view;
    bool damaged;

    struct buffer leaves; /* the record of one block's leaves */
    bool has_leaves;
    uint64_t leaves_first;
    struct wire_list leaves_list;
    struct wire_iter leaves_iter; /* stands before leaf leaves_at */
    uint64_t leaves_at;

    struct buffer block;
    bool has_block;
    uint64_t block_height;
    struct log_block block_parsed;
    uint32_t result_count;
    struct result results[BATCH_ITEMS_MAX];

    struct buffer batch;
    struct buffer payloads;
    bool has_batch;
    uint8_t digest[HASH_BYTES];
    bool has_items; /* the batch taken apart */
    uint32_t item_count;
    struct item items[BATCH_ITEMS_MAX];
    uint64_t first_payload[BATCH_ITEMS_MAX]; /* of each item */
    struct wire_list payload_list;
    struct wire_iter payload_iter; /* stands before payload payload_at */
    uint64_t payload_at;

    struct buffer head;
    struct buffer note;
    struct buffer small;
    struct buffer key;
    uint8_t key_memory[STORE_KEY_BYTES_MAX];

    uint32_t group_next;
    struct group groups[GROUPS_KEPT];
};

static bool take(struct buffer *buffer, size_t capacity)
{
    *buffer = buffer_make(malloc(capacity), capacity);
    return buffer->data != NULL;
}

enum status log_reader_open(struct log_reader **out)
{
    struct log_reader *reader = (struct log_reader *)calloc(1, sizeof *reader);
    if (reader == NULL) {
        return STATUS_NO_MEMORY;
    }
    reader->key = buffer_make(reader->key_memory, sizeof reader->key_memory);
    if (!take(&reader->leaves, LEAVES_BYTES_MAX) || !take(&reader->block, BLOCK_BYTES_MAX) ||
        !take(&reader->batch, BATCH_BYTES_MAX) ||
        !take(&reader->payloads, BATCH_PAYLOAD_BYTES_MAX) ||
        !take(&reader->head, SMALL_BYTES_MAX) || !take(&reader->note, NOTE_BYTES_MAX) ||
        !take(&reader->small, SMALL_BYTES_MAX)) {
        log_reader_close(reader);
        return STATUS_NO_MEMORY;
    }
    *out = reader;
    return STATUS_OK;
}

void log_reader_close(struct log_reader *reader)
{
    free(reader->leaves.data);
    free(reader->block.data);
    free(reader->batch.data);
    free(reader->payloads.data);
    free(reader->head.data);
    free(reader->note.data);
    free(reader->small.data);
    free(reader);
}

void log_reader_use(struct log_reader *reader, struct store_view *view)
{
    reader->view = view;
    reader->damaged = reader->damaged && view == NULL;
    reader->has_leaves = false;
    reader->has_block = false;
    reader->has_batch = false;
    for (uint32_t i = 0; i < GROUPS_KEPT; i++) {
        reader->groups[i].used = false;
    }
}

bool log_reader_damaged(const struct log_reader *reader)
{
    return reader->damaged;
}

static bool damage(struct log_reader *reader)
{
    reader->damaged = true;
    return false;
}

/* A record into `out`. What the store cannot give, but for "no such record", is damage. */
static bool get(struct log_reader *reader, enum family family, struct bytes key, struct buffer *out)
{
    enum status status = store_view_get(reader->view, family, key, out);
    if (status == STATUS_OK) {
        return true;
    }
    return status == STATUS_NOT_FOUND ? false : damage(reader);
}

bool log_record(struct log_reader *reader, enum family family, struct bytes key, struct buffer *out)
{
    return get(reader, family, key, out);
}

bool log_head(struct log_reader *reader, struct head_record *head, struct block_header *header)
{
    struct record_key key = record_key_journal(JOURNAL_HEAD, 0);
    if (!get(reader, FAMILY_JOURNAL, record_key_bytes(&key), &reader->head)) {
        return false;
    }
    struct head_record found;
    if (head_record_decode(buffer_bytes(&reader->head), &found) != WIRE_OK ||
        block_header_decode(found.header, header) != WIRE_OK) {
        return damage(reader);
    }
    *head = found;
    return true;
}

bool log_note(struct log_reader *reader, struct bytes *note)
{
    struct record_key key = record_key_journal(JOURNAL_NOTE, 0);
    if (!get(reader, FAMILY_JOURNAL, record_key_bytes(&key), &reader->note)) {
        return false;
    }
    *note = buffer_bytes(&reader->note);
    return true;
}

static bool parse_block(struct log_reader *reader)
{
    struct log_block *parsed = &reader->block_parsed;
    if (block_record_decode(buffer_bytes(&reader->block), &parsed->record) != WIRE_OK ||
        block_header_decode(parsed->record.header, &parsed->header) != WIRE_OK) {
        return false;
    }
    struct wire_iter results = wire_iter_make(parsed->record.results);
    struct item_bin element;
    reader->result_count = 0;
    while (item_bin_next(&results, &element)) {
        if (result_decode(element.value, &reader->results[reader->result_count++]) != WIRE_OK) {
            return false;
        }
    }
    return true;
}

bool log_block(struct log_reader *reader, uint64_t height, struct log_block *out)
{
    if (!reader->has_block || reader->block_height != height) {
        struct record_key key = record_key_block(RECORD_HEADER, height);
        reader->has_block = false;
        if (!get(reader, FAMILY_BLOCKS, record_key_bytes(&key), &reader->block)) {
            return false;
        }
        if (!parse_block(reader)) {
            return damage(reader);
        }
        reader->has_block = true;
        reader->block_height = height;
    }
    *out = reader->block_parsed;
    return true;
}

bool log_batch(struct log_reader *reader, const uint8_t digest[HASH_BYTES], struct bytes *batch,
               struct bytes *payloads)
{
    if (!reader->has_batch || memcmp(reader->digest, digest, HASH_BYTES) != 0) {
        struct record_key batch_key = record_key_batch(digest);
        struct record_key payloads_key = record_key_payloads(digest);
        reader->has_batch = false;
        if (!get(reader, FAMILY_BLOCKS, record_key_bytes(&batch_key), &reader->batch) ||
            !get(reader, FAMILY_PAYLOADS, record_key_bytes(&payloads_key), &reader->payloads)) {
            return false;
        }
        reader->has_batch = true;
        reader->has_items = false;
        memcpy(reader->digest, digest, HASH_BYTES);
    }
    *batch = buffer_bytes(&reader->batch);
    *payloads = buffer_bytes(&reader->payloads);
    return true;
}

/* --- Leaves and tree ------------------------------------------------------------------------- */

static bool load_leaves(struct log_reader *reader, uint64_t index)
{
    if (reader->has_leaves && index >= reader->leaves_first &&
        index - reader->leaves_first < reader->leaves_list.count) {
        return true;
    }
    reader->has_leaves = false;
    struct record_key key = record_key_leaves(index);
    enum status status = store_view_floor(reader->view, FAMILY_LEAVES, record_key_bytes(&key),
                                          &reader->key, &reader->leaves);
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? false : damage(reader);
    }
    struct leaves_record record;
    if (leaves_record_decode(buffer_bytes(&reader->leaves), &record) != WIRE_OK ||
        record.first_index > index) {
        return damage(reader);
    }
    if (index - record.first_index >= record.leaves.count) {
        return false;
    }
    reader->has_leaves = true;
    reader->leaves_first = record.first_index;
    reader->leaves_list = record.leaves;
    reader->leaves_iter = wire_iter_make(record.leaves);
    reader->leaves_at = record.first_index;
    return true;
}

bool log_leaf(struct log_reader *reader, uint64_t index, struct bytes *leaf)
{
    if (!load_leaves(reader, index)) {
        return false;
    }
    if (index < reader->leaves_at) {
        reader->leaves_iter = wire_iter_make(reader->leaves_list);
        reader->leaves_at = reader->leaves_first;
    }
    struct item_bin element = {BYTES_EMPTY};
    while (reader->leaves_at <= index) {
        if (!item_bin_next(&reader->leaves_iter, &element)) {
            reader->has_leaves = false;
            return damage(reader);
        }
        reader->leaves_at++;
    }
    *leaf = element.value;
    return true;
}

static uint32_t level_offset(unsigned level)
{
    return 2 * GROUP_LEAVES - (2 * GROUP_LEAVES >> level);
}

static void fill_group(struct log_reader *reader, struct group *group, uint64_t number)
{
    group->number = number;
    group->leaves = 0;
    struct bytes leaf;
    while (group->leaves < GROUP_LEAVES &&
           log_leaf(reader, number * GROUP_LEAVES + group->leaves, &leaf)) {
        merkle_leaf_hash(leaf, group->nodes[group->leaves++]);
    }
    for (unsigned level = 1; level < GROUP_LEVELS; level++) {
        uint8_t(*below)[HASH_BYTES] = &group->nodes[level_offset(level - 1)];
        uint8_t(*here)[HASH_BYTES] = &group->nodes[level_offset(level)];
        for (uint32_t i = 0; i < group->leaves >> level; i++) {
            merkle_node_hash(below[2 * i], below[2 * i + 1], here[i]);
        }
    }
    group->used = true;
}

static const struct group *find_group(struct log_reader *reader, uint64_t number)
{
    for (uint32_t i = 0; i < GROUPS_KEPT; i++) {
        if (reader->groups[i].used && reader->groups[i].number == number) {
            return &reader->groups[i];
        }
    }
    struct group *group = &reader->groups[reader->group_next];
    reader->group_next = (reader->group_next + 1) % GROUPS_KEPT;
    fill_group(reader, group, number);
    return group;
}

bool log_node(void *context, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    struct log_reader *reader = (struct log_reader *)context;
    if (level >= GROUP_LEVELS) {
        struct record_key key = record_key_tree((uint8_t)level, index);
        if (!get(reader, FAMILY_TREE, record_key_bytes(&key), &reader->small)) {
            return false;
        }
        if (reader->small.len != HASH_BYTES) {
            return damage(reader);
        }
        memcpy(out, reader->small.data, HASH_BYTES);
        return true;
    }
    const struct group *group = find_group(reader, index >> (GROUP_LEVELS - level));
    uint32_t within = (uint32_t)(index & ((GROUP_LEAVES >> level) - 1));
    if (within >= group->leaves >> level) {
        return false;
    }
    memcpy(out, group->nodes[level_offset(level) + within], HASH_BYTES);
    return true;
}

/* --- Entries and streams --------------------------------------------------------------------- */

/* Which request of the block appended the entry: its place in the batch, and the entry's place in
 * it. Results stand in batch order. */
static bool find_result(const struct log_reader *reader, uint64_t index, uint32_t *place,
                        uint32_t *position)
{
    for (uint32_t i = 0; i < reader->result_count; i++) {
        const struct result *result = &reader->results[i];
        if (result->code == RESULT_OK && index >= result->first_index &&
            index - result->first_index < result->count) {
            *place = i;
            *position = (uint32_t)(index - result->first_index);
            return true;
        }
    }
    return false;
}

/* Take the batch at hand apart, once for all of its entries. */
static bool parse_batch(struct log_reader *reader)
{
    struct batch batch;
    struct payloads payloads;
    if (reader->has_items) {
        return true;
    }
    if (batch_decode(buffer_bytes(&reader->batch), &batch) != WIRE_OK ||
        payloads_decode(buffer_bytes(&reader->payloads), &payloads) != WIRE_OK) {
        return false;
    }
    struct wire_iter items = wire_iter_make(batch.items);
    uint64_t before = 0;
    reader->item_count = 0;
    struct item item;
    while (item_next(&items, &item)) {
        reader->first_payload[reader->item_count] = before;
        reader->items[reader->item_count++] = item;
        before += item.statements.count;
    }
    reader->payload_list = payloads.list;
    reader->payload_iter = wire_iter_make(payloads.list);
    reader->payload_at = 0;
    reader->has_items = true;
    return true;
}

static bool find_payload(struct log_reader *reader, uint64_t number, struct payload *out)
{
    if (number < reader->payload_at) {
        reader->payload_iter = wire_iter_make(reader->payload_list);
        reader->payload_at = 0;
    }
    while (reader->payload_at <= number) {
        if (!payload_next(&reader->payload_iter, out)) {
            reader->has_batch = false;
            return false;
        }
        reader->payload_at++;
    }
    return true;
}

/* An entry without a request: the charter, and results of governance. */
static bool lone_entry(struct log_reader *reader, const uint8_t place[HASH_BYTES],
                       struct log_entry *out)
{
    struct record_key key = record_key_payloads(place);
    struct payloads payloads;
    reader->has_batch = false;
    if (!get(reader, FAMILY_PAYLOADS, record_key_bytes(&key), &reader->payloads)) {
        return false;
    }
    if (payloads_decode(buffer_bytes(&reader->payloads), &payloads) != WIRE_OK) {
        return damage(reader);
    }
    struct wire_iter list = wire_iter_make(payloads.list);
    return payload_next(&list, &out->payload) ? true : damage(reader);
}

bool log_entry(struct log_reader *reader, uint64_t index, const struct leaf *leaf,
               struct log_entry *out)
{
    struct log_block block;
    static const uint8_t zero[HASH_BYTES];
    struct log_entry entry = {.has_item = leaf->height > 0 && leaf->kind != LEAF_RESULT};
    uint32_t place = 0;
    if (!entry.has_item) {
        if (!lone_entry(reader, leaf->height == 0 ? zero : leaf->payload_hash, &entry)) {
            return false;
        }
        *out = entry;
        return true;
    }
    if (!log_block(reader, leaf->height, &block)) {
        return false;
    }
    if (!find_result(reader, index, &place, &entry.position)) {
        return damage(reader);
    }
    struct bytes batch;
    struct bytes payloads;
    if (!log_batch(reader, block.header.batch_digest, &batch, &payloads)) {
        return false;
    }
    if (!parse_batch(reader) || place >= reader->item_count ||
        !find_payload(reader, reader->first_payload[place] + entry.position, &entry.payload)) {
        return damage(reader);
    }
    entry.item = reader->items[place];
    *out = entry;
    return true;
}

bool log_stream_run(struct log_reader *reader, struct bytes stream, uint64_t position,
                    uint64_t *index, uint64_t *count)
{
    struct record_key key = record_key_stream(stream, position);
    enum status status = store_view_floor(reader->view, FAMILY_STREAMS, record_key_bytes(&key),
                                          &reader->key, &reader->small);
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? false : damage(reader);
    }
    struct bytes found;
    uint64_t first = 0;
    struct stream_run run;
    if (!record_read_stream(buffer_bytes(&reader->key), &found, &first) ||
        stream_run_decode(buffer_bytes(&reader->small), &run) != WIRE_OK) {
        return damage(reader);
    }
    if (!bytes_equal(found, stream) || position < first || position - first >= run.count) {
        return false;
    }
    *index = run.first_index + (position - first);
    *count = run.count - (position - first);
    return true;
}

uint64_t log_stream_length(struct log_reader *reader, struct bytes stream)
{
    struct state_key key = state_key_stream(stream);
    struct stream_record record;
    if (!get(reader, FAMILY_STATE, state_key_bytes(&key), &reader->small)) {
        return 0;
    }
    if (stream_record_decode(buffer_bytes(&reader->small), &record) != WIRE_OK) {
        reader->damaged = true;
        return 0;
    }
    return record.length;
}
