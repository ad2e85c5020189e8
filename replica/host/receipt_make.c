#include "replica/host/receipt_make.h"

#include "crypto/receipt.h"

#include <string.h>

bool note_tree_size(struct bytes note, uint64_t *size)
{
    struct bytes text;
    struct bytes lines;
    struct checkpoint checkpoint;
    if (note_split(note, &text, &lines) != NOTE_OK ||
        checkpoint_parse(text, &checkpoint) != NOTE_OK) {
        return false;
    }
    *size = checkpoint.tree_size;
    return true;
}

/* Hashes as a list of the schema. */
static struct wire_list hash_list(const struct merkle_proof *proof, struct buffer *raw)
{
    for (uint32_t i = 0; i < proof->count; i++) {
        struct item_hash element;
        memcpy(element.value, proof->hashes[i], HASH_BYTES);
        CHECK(item_hash_encode(&element, raw));
    }
    return (struct wire_list){buffer_bytes(raw), proof->count};
}

bool authorship_make(const struct log_entry *entry, struct buffer *out)
{
    static const struct merkle_frontier empty = {0};
    uint8_t hashes[STATEMENTS_MAX][HASH_BYTES];
    uint8_t nodes[MERKLE_SPAN_NODES(STATEMENTS_MAX)][HASH_BYTES];
    uint8_t path_memory[MERKLE_PATH_MAX * (HASH_BYTES + 2)];
    if (!entry->has_item) {
        return false;
    }
    struct wire_iter statements = wire_iter_make(entry->item.statements);
    struct item_bin statement;
    struct authorship authorship = {.request = entry->item.request, .token = entry->item.token};
    memcpy(authorship.sig, entry->item.sig, SIG_BYTES);
    uint32_t count = 0;
    while (item_bin_next(&statements, &statement)) {
        if (count == entry->position) {
            authorship.statement = statement.value;
        }
        merkle_leaf_hash(statement.value, hashes[count++]);
    }
    struct merkle_span span;
    struct merkle_proof proof;
    struct buffer path = buffer_make(path_memory, sizeof path_memory);
    if (entry->position >= count ||
        !merkle_span_tail(&span, &empty, bytes_make(hashes, (size_t)count * HASH_BYTES), nodes) ||
        !merkle_span_inclusion(&span, entry->position, &proof)) {
        return false;
    }
    authorship.path = hash_list(&proof, &path);
    return authorship_encode(&authorship, out);
}

static bool encode_extra(struct log_reader *reader, uint64_t index, struct bytes leaf_bytes,
                         struct buffer *out)
{
    uint8_t memory[RECEIPT_EXTRA_BYTES_MAX];
    struct buffer authorship = buffer_make(memory, sizeof memory);
    struct leaf leaf;
    struct log_entry entry;
    if (leaf_decode(leaf_bytes, &leaf) != WIRE_OK) {
        return false;
    }
    struct receipt_extra extra = {.leaf = leaf_bytes};
    if (log_entry(reader, index, &leaf, &entry) && authorship_make(&entry, &authorship)) {
        extra.authorship = buffer_bytes(&authorship);
    }
    return receipt_extra_encode(&extra, out);
}

bool receipt_make(struct log_reader *reader, uint64_t index, struct buffer *out)
{
    uint8_t leaf_memory[LEAF_BYTES_MAX];
    uint8_t extra_memory[RECEIPT_EXTRA_BYTES_MAX];
    struct buffer leaf = buffer_make(leaf_memory, sizeof leaf_memory);
    struct buffer extra = buffer_make(extra_memory, sizeof extra_memory);
    struct bytes found;
    uint64_t size = 0;
    struct receipt_parts parts = {.index = index};
    struct merkle_proof proof;
    if (!log_note(reader, &parts.note) || !note_tree_size(parts.note, &size) || index >= size ||
        !log_leaf(reader, index, &found)) {
        return false;
    }
    buffer_put(&leaf, found);
    if (leaf.full || !merkle_inclusion_make(index, size, log_node, reader, &proof) ||
        !encode_extra(reader, index, buffer_bytes(&leaf), &extra)) {
        return false;
    }
    parts.extra = buffer_bytes(&extra);
    parts.path = merkle_proof_bytes(&proof);
    receipt_put(out, &parts);
    return !out->full;
}
