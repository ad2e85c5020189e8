#include "client/receipts.h"

#include "crypto/receipt.h"

#include <stdlib.h>
#include <string.h>

char *receipt_text_make(const struct receipt_source *source, size_t *len)
{
    uint8_t extra_memory[RECEIPT_EXTRA_BYTES_MAX];
    struct buffer extra = buffer_make(extra_memory, sizeof(extra_memory));
    const struct receipt_extra parts = {source->leaf, source->salt, source->authorship};
    struct buffer text = buffer_make(malloc(RECEIPT_BYTES_MAX), RECEIPT_BYTES_MAX - 1);

    if (text.data == NULL) {
        return NULL;
    }
    if (receipt_extra_encode(&parts, &extra)) {
        const struct receipt_parts whole = {
            .index = source->index,
            .extra = buffer_bytes(&extra),
            .path = source->path,
            .note = source->note,
        };
        receipt_put(&text, &whole);
    }
    if (extra.full || text.full) {
        free(text.data);
        return NULL;
    }
    text.data[text.len] = '\0';
    *len = text.len;
    return (char *)text.data;
}

/* Encode who authored piece `i`. False when out of memory. */
static bool put_authorship(const struct parcel *parcel, uint32_t i, struct buffer *out)
{
    uint8_t list_memory[MERKLE_PATH_MAX * (HASH_BYTES + 2)];
    struct buffer list = buffer_make(list_memory, sizeof(list_memory));
    struct merkle_proof proof;
    struct authorship authorship = {
        .request = parcel->request,
        .token = parcel->token,
        .statement = parcel->pieces[i].statement,
    };

    if (!parcel_statement_path(parcel, i, &proof)) {
        return false;
    }
    for (uint32_t k = 0; k < proof.count; k++) {
        struct item_hash hash;

        memcpy(hash.value, proof.hashes[k], HASH_BYTES);
        if (!item_hash_encode(&hash, &list)) {
            return false;
        }
    }
    memcpy(authorship.sig, parcel->sig, SIG_BYTES);
    authorship.path = (struct wire_list){buffer_bytes(&list), proof.count};
    return authorship_encode(&authorship, out);
}

char *vestry_receipts_text(const struct vestry_receipts *receipts, size_t i, size_t *len)
{
    if (i >= receipts->parcel.count) {
        return NULL;
    }
    const uint32_t at = (uint32_t)i;
    uint8_t leaf_memory[LEAF_BYTES_MAX];
    uint8_t author_memory[RECEIPT_EXTRA_BYTES_MAX];
    struct buffer leaf = buffer_make(leaf_memory, sizeof(leaf_memory));
    struct buffer authorship = buffer_make(author_memory, sizeof(author_memory));
    struct merkle_proof proof;
    struct receipt_source source = {
        .index = receipts->place.first_index + at,
        .salt = bytes_make(receipts->parcel.pieces[at].salt, SALT_BYTES),
    };

    if (receipts->singles != NULL) {
        const struct receipts_single *single = &receipts->singles[at];

        source.note = bytes_make(single->note, single->note_len);
        source.path = bytes_make(single->path, (size_t)single->path_count * HASH_BYTES);
    } else {
        CHECK(merkle_span_inclusion(&receipts->span, source.index, &proof));
        source.note = bytes_make(receipts->note, receipts->note_len);
        source.path = merkle_proof_bytes(&proof);
    }
    parcel_leaf(&receipts->parcel, &receipts->place, at, receipts->stream_indexes[at], &leaf);
    if (!put_authorship(&receipts->parcel, at, &authorship)) {
        return NULL;
    }
    source.leaf = buffer_bytes(&leaf);
    source.authorship = buffer_bytes(&authorship);
    return receipt_text_make(&source, len);
}

void vestry_receipts_look(const struct vestry_receipts *receipts, struct vestry_receipts_look *look)
{
    *look = (struct vestry_receipts_look){
        .count = receipts->parcel.count,
        .first_index = receipts->place.first_index,
        .height = receipts->place.height,
        .time_ms = receipts->place.time_ms,
        .signers = receipts->signers,
        .signer_count = note_count(receipts->signers),
        .stream_indexes = receipts->stream_indexes,
    };
}

void vestry_receipts_free(struct vestry_receipts *receipts)
{
    if (receipts == NULL) {
        return;
    }
    for (uint32_t i = 0; receipts->singles != NULL && i < receipts->parcel.count; i++) {
        free(receipts->singles[i].note);
        free(receipts->singles[i].path);
    }
    free(receipts->singles);
    free(receipts->stream_indexes);
    free(receipts->nodes);
    free(receipts->note);
    parcel_close(&receipts->parcel);
    free(receipts);
}

void vestry_free(void *memory)
{
    free(memory);
}
