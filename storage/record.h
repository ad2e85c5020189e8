/* The keys of stored records, family by family.
 *
 * Pure: bytes in, bytes out, no store and no I/O, so that the replica's core can name the records
 * it puts. Numbers are big-endian, so that key order is numeric order.
 *
 *     blocks    'h' height u64     header record
 *               'c' height u64     certificate
 *               'r' height u64     results
 *               'b' digest[32]     batch, by the digest that votes name
 *     leaves    first index u64    the leaves of one block
 *     payloads  digest[32]         payloads and salts of a batch
 *     tree      level u8, index u64
 *     streams   stream, 0x00, first position u64    (no identifier holds 0x00: no stream's keys lie
 *                                                    among another's)
 *     state     as the state names it, 1..STORE_KEY_BYTES_MAX bytes
 *     journal   kind u8, height u64
 *     meta      short text, never beginning with STORE_OWN_PREFIX
 *
 * State and meta keys are plain bytes and need no function here. */
#ifndef VESTRY_STORAGE_RECORD_H
#define VESTRY_STORAGE_RECORD_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

/* The kinds of FAMILY_BLOCKS that are found by height. Stored bytes: never renumber. */
enum record_block {
    RECORD_HEADER = 'h',
    RECORD_CERTIFICATE = 'c',
    RECORD_RESULTS = 'r',
};

#define RECORD_KEY_BYTES_MAX (ID_BYTES_MAX + 1 + 8)

/* A key with its own memory. */
struct record_key {
    uint8_t len;
    uint8_t data[RECORD_KEY_BYTES_MAX];
};

/* The key's bytes, borrowed. */
static inline struct bytes record_key_bytes(const struct record_key *key)
{
    return (struct bytes){key->data, key->len};
}

MUST_USE struct record_key record_key_block(enum record_block kind, uint64_t height);
MUST_USE struct record_key record_key_batch(const uint8_t digest[HASH_BYTES]);
MUST_USE struct record_key record_key_leaves(uint64_t first_index);
MUST_USE struct record_key record_key_payloads(const uint8_t digest[HASH_BYTES]);
MUST_USE struct record_key record_key_tree(uint8_t level, uint64_t index);
MUST_USE struct record_key record_key_journal(uint8_t kind, uint64_t height);

/* `stream` is an identifier: 1..ID_BYTES_MAX bytes, none of them 0x00. */
MUST_USE struct record_key record_key_stream(struct bytes stream, uint64_t first_position);

/* The way back, for scans. False when the bytes are no such key; outputs are then untouched. */
MUST_USE bool record_read_block(struct bytes key, enum record_block *kind, uint64_t *height);
MUST_USE bool record_read_leaves(struct bytes key, uint64_t *first_index);
MUST_USE bool record_read_tree(struct bytes key, uint8_t *level, uint64_t *index);
MUST_USE bool record_read_journal(struct bytes key, uint8_t *kind, uint64_t *height);
MUST_USE bool record_read_stream(struct bytes key, struct bytes *stream, uint64_t *first_position);

#endif
