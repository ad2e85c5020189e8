/* Numbers and hashes of flights: what makes a store that was cut, emptied or rolled back visible.
 *
 * The hash of a flight is one SHA-256 over its puts in order, each as
 *
 *     family u8 || erase u8 (0 or 1) || key length u32be || key || value length u32be || value
 *
 * where an erased key has value length 0. The hash of no puts is SHA-256 of nothing. The store's
 * own records are not part of it.
 *
 * Each flight writes one record of its own into FAMILY_META with its puts: key "store/flight/" and
 * one digit, number mod 8; value number u64be || hash. So the last eight flights are at hand, in a
 * ring that costs one short put. For storage/ only. */
#ifndef VESTRY_STORAGE_FLIGHT_H
#define VESTRY_STORAGE_FLIGHT_H

#include "storage/store.h"

#define FLIGHT_KEY_BYTES 14
#define FLIGHT_VALUE_BYTES (8 + HASH_BYTES)

/* Where the pieces of a flight are listed while they are hashed; it grows to the longest flight
 * seen. Zero-initialised by the owner, freed by flight_scratch_free. */
struct flight_scratch {
    struct bytes *parts;
    uint8_t (*frames)[10]; /* per put: family, erase, key length, value length */
    size_t capacity;       /* puts */
};

/* STATUS_NO_MEMORY when the scratch cannot grow. */
MUST_USE enum status flight_hash(struct flight_scratch *scratch, const struct put *puts,
                                 size_t count, uint8_t out[HASH_BYTES]);
void flight_scratch_free(struct flight_scratch *scratch);

/* The record that a flight leaves in the ring. */
struct flight_record {
    uint8_t key[FLIGHT_KEY_BYTES];
    uint8_t value[FLIGHT_VALUE_BYTES];
};

void flight_record_encode(const struct flight *flight, struct flight_record *out);

/* The key of place `slot` (< STORE_FLIGHTS_KEPT) of the ring. */
void flight_record_key(uint64_t slot, uint8_t out[FLIGHT_KEY_BYTES]);

/* STATUS_CORRUPT when the bytes are no record. Whether it is in its place, flight_ring_settle sees.
 */
MUST_USE enum status flight_record_decode(struct bytes value, struct flight *out);

/* The last flights, as a store holds them in memory. */
struct flight_ring {
    struct flight kept[STORE_FLIGHTS_KEPT]; /* flight n is at n mod STORE_FLIGHTS_KEPT */
    uint64_t last;
};

/* Settle `last` from the records read back: held[i] says whether place i was found. STATUS_CORRUPT
 * when they are not the last flights without a gap. */
MUST_USE enum status flight_ring_settle(struct flight_ring *ring,
                                        const bool held[STORE_FLIGHTS_KEPT]);
void flight_ring_add(struct flight_ring *ring, const struct flight *flight);

#endif
