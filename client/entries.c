#include "client/entries.h"

#include "client/receipts.h"
#include "crypto/receipt.h"

#include <stdlib.h>
#include <string.h>

static bool is_asked_for(const struct entries_query *query, uint64_t at, const struct leaf *leaf)
{
    if (query->stream.len == 0) {
        return leaf->index == query->from + at;
    }
    return bytes_equal(leaf->stream, query->stream) && leaf->stream_index == query->from + at;
}

static bool read_path(struct wire_list list, struct merkle_proof *out)
{
    struct wire_iter iter = wire_iter_make(list);
    struct item_hash hash;

    out->count = 0;
    while (out->count < MERKLE_PATH_MAX && item_hash_next(&iter, &hash)) {
        memcpy(out->hashes[out->count++], hash.value, HASH_BYTES);
    }
    return out->count == list.count;
}

static bool is_in_tree(const struct entries_one *one, const struct checkpoint *checkpoint)
{
    struct merkle_proof path;
    uint8_t hash[HASH_BYTES];

    merkle_leaf_hash(one->entry.leaf, hash);
    return read_path(one->entry.path, &path) && one->leaf.height <= checkpoint->height &&
           merkle_inclusion_verify(one->leaf.index, checkpoint->tree_size, hash,
                                   merkle_proof_bytes(&path), checkpoint->tree_root);
}

/* A payload is the signed one, or it is not there at all. */
static bool payload_is_good(const struct entries_one *one)
{
    if (one->entry.salt.len == 0) {
        return one->entry.payload.len == 0;
    }
    return receipt_payload_verify(&one->leaf, one->entry.salt, one->entry.payload) == RECEIPT_OK;
}

static bool verify_one(const struct entries_query *query, uint64_t at,
                       const struct checkpoint *checkpoint, struct entries_one *one)
{
    if (leaf_decode(one->entry.leaf, &one->leaf) != WIRE_OK ||
        !is_asked_for(query, at, &one->leaf) || !is_in_tree(one, checkpoint) ||
        !payload_is_good(one)) {
        return false;
    }
    memcpy(one->stream, one->leaf.stream.data, one->leaf.stream.len);
    one->stream[one->leaf.stream.len] = '\0';
    return true;
}

static bool verify_all(const struct entries_query *query, const struct read_entries *decoded,
                       const struct checkpoint *checkpoint, struct vestry_entries *entries)
{
    struct wire_iter iter = wire_iter_make(decoded->list);

    for (uint64_t i = 0; i < decoded->list.count; i++) {
        struct entries_one *one = &entries->list[i];

        if (!read_entry_next(&iter, &one->entry) || !verify_one(query, i, checkpoint, one)) {
            return false;
        }
    }
    return true;
}

static struct vestry_entries *new_entries(struct bytes attachment, uint32_t count)
{
    struct vestry_entries *entries = calloc(1, sizeof(*entries));

    if (entries == NULL) {
        return NULL;
    }
    entries->bytes = malloc(attachment.len + 1);
    entries->list = calloc((size_t)count + 1, sizeof(entries->list[0]));
    if (entries->bytes == NULL || entries->list == NULL) {
        vestry_entries_free(entries);
        return NULL;
    }
    memcpy(entries->bytes, attachment.data, attachment.len);
    entries->look.count = count;
    return entries;
}

bool entries_verify(const struct entries_query *query, struct bytes attachment,
                    const struct checkpoint *checkpoint, struct vestry_entries **out, bool *memory)
{
    struct read_entries decoded;

    *out = NULL;
    *memory = false;
    if (read_entries_decode(attachment, &decoded) != WIRE_OK || decoded.list.count > query->count) {
        return false;
    }
    struct vestry_entries *entries = new_entries(attachment, decoded.list.count);
    if (entries == NULL) {
        *memory = true;
        return false;
    }
    /* Once more, so that everything borrows from the copy. */
    if (read_entries_decode(bytes_make(entries->bytes, attachment.len), &decoded) != WIRE_OK ||
        !verify_all(query, &decoded, checkpoint, entries)) {
        vestry_entries_free(entries);
        return false;
    }
    *out = entries;
    return true;
}

/* --- vestry.h --------------------------------------------------------------------------------- */

void vestry_entries_look(const struct vestry_entries *entries, struct vestry_read_look *look)
{
    *look = entries->look;
}

void vestry_entries_get(const struct vestry_entries *entries, size_t i,
                        struct vestry_read_entry *entry)
{
    CHECK(i < entries->look.count);
    const struct entries_one *one = &entries->list[i];
    static const uint8_t nothing[1];
    const bool here = one->entry.salt.len > 0;

    *entry = (struct vestry_read_entry){
        .index = one->leaf.index,
        .stream_index = one->leaf.stream_index,
        .height = one->leaf.height,
        .time_ms = one->leaf.time_ms,
        .kind = (enum vestry_kind)one->leaf.kind,
        .stream = one->stream,
        .author = one->leaf.author,
        .request_id = one->leaf.request_id,
        .position = one->leaf.position,
        .payload_len = one->leaf.payload_len,
    };
    if (here) {
        entry->payload = one->entry.payload.len == 0 ? nothing : one->entry.payload.data;
    }
}

char *vestry_entries_receipt(const struct vestry_entries *entries, size_t i, size_t *len)
{
    struct merkle_proof path;

    if (i >= entries->look.count || !read_path(entries->list[i].entry.path, &path)) {
        return NULL;
    }
    const struct entries_one *one = &entries->list[i];
    struct bytes authorship = one->entry.authorship;
    /* Whoever reads the receipt refuses it for a part on authorship that does not hold, so one that
     * is not well-formed is left out. */
    if (authorship.len > 0 &&
        receipt_authorship_verify(&sig_ed25519, NULL, &one->leaf, authorship) != RECEIPT_OK) {
        authorship = BYTES_EMPTY;
    }
    const struct receipt_source source = {
        .index = one->leaf.index,
        .leaf = one->entry.leaf,
        .salt = one->entry.salt,
        .authorship = authorship,
        .path = merkle_proof_bytes(&path),
        .note = bytes_make(entries->note, entries->note_len),
    };
    return receipt_text_make(&source, len);
}

void vestry_entries_free(struct vestry_entries *entries)
{
    if (entries == NULL) {
        return;
    }
    free(entries->list);
    free(entries->bytes);
    free(entries->note);
    free(entries);
}
