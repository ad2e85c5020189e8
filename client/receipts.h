/* The receipts of one append: everything from which the text of each can be made at any time,
 * copied out of the request, the proof and the attestations, so that it outlives the handle.
 *
 * Made by the core when an append is finished, after everything in it was verified. */
#ifndef VESTRY_CLIENT_RECEIPTS_H
#define VESTRY_CLIENT_RECEIPTS_H

#include "client/parcel.h"
#include "crypto/merkle.h"

#include <vestry/vestry.h>

/* One entry's own proof, when there is none of the whole range (receipts that were fetched). */
struct receipts_single {
    uint32_t signers; /* members; as the note shows */
    uint8_t *note;    /* owned */
    size_t note_len;
    uint32_t path_count;         /* hashes */
    uint8_t (*path)[HASH_BYTES]; /* owned */
};

struct vestry_receipts {
    struct parcel parcel; /* owned */
    struct parcel_place place;
    uint8_t author[PUBLIC_KEY_BYTES]; /* what place.author points to */
    uint64_t *stream_indexes;         /* owned */
    struct merkle_span span;
    uint8_t (*nodes)[HASH_BYTES]; /* owned; of the span, or NULL with singles */
    uint8_t *note;                /* owned */
    size_t note_len;
    struct receipts_single *singles; /* owned; NULL, or one for each entry */
    uint32_t signers;                /* bit i: members[i] of the roster */
};

/* What the text of a receipt is made of. */
struct receipt_source {
    uint64_t index;
    struct bytes leaf;
    struct bytes salt;       /* or empty */
    struct bytes authorship; /* encoded, or empty */
    struct bytes path;       /* hashes one behind the other */
    struct bytes note;
};

/* The text, in memory of its own with a NUL behind it. NULL when out of memory. */
MUST_USE char *receipt_text_make(const struct receipt_source *source, size_t *len);

#endif
