#include "storage/flight.h"

#include "crypto/hash.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_PER_PUT 4
#define LEAD_BYTES 6

static_assert(STORE_FLIGHTS_KEPT <= 10, "a place of the ring is one digit");

static enum status scratch_reserve(struct flight_scratch *scratch, size_t count)
{
    if (count <= scratch->capacity) {
        return STATUS_OK;
    }
    if (count > SIZE_MAX / 2 / PARTS_PER_PUT / sizeof(struct bytes)) {
        return STATUS_NO_MEMORY;
    }
    size_t capacity = count < 256 ? 256 : count + count / 2;
    struct bytes *parts = malloc(capacity * PARTS_PER_PUT * sizeof *parts);
    uint8_t(*frames)[10] = malloc(capacity * sizeof *frames);
    if (parts == NULL || frames == NULL) {
        free(parts);
        free(frames);
        return STATUS_NO_MEMORY;
    }
    flight_scratch_free(scratch);
    *scratch = (struct flight_scratch){parts, frames, capacity};
    return STATUS_OK;
}

enum status flight_hash(struct flight_scratch *scratch, const struct put *puts, size_t count,
                        uint8_t out[HASH_BYTES])
{
    enum status status = scratch_reserve(scratch, count);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        const struct put *put = &puts[i];
        struct bytes value = put->erase ? BYTES_EMPTY : put->value;
        CHECK(value.len <= UINT32_MAX);
        struct buffer frame = buffer_make(scratch->frames[i], sizeof scratch->frames[i]);
        buffer_put_u8(&frame, (uint8_t)put->family);
        buffer_put_u8(&frame, put->erase ? 1 : 0);
        buffer_put_u32be(&frame, (uint32_t)put->key.len);
        buffer_put_u32be(&frame, (uint32_t)value.len);
        struct bytes *part = &scratch->parts[i * PARTS_PER_PUT];
        part[0] = bytes_make(frame.data, LEAD_BYTES);
        part[1] = put->key;
        part[2] = bytes_make(frame.data + LEAD_BYTES, frame.len - LEAD_BYTES);
        part[3] = value;
    }
    hash_parts(scratch->parts, count * PARTS_PER_PUT, out);
    return STATUS_OK;
}

void flight_scratch_free(struct flight_scratch *scratch)
{
    free(scratch->parts);
    free(scratch->frames);
    *scratch = (struct flight_scratch){0};
}

void flight_record_key(uint64_t slot, uint8_t out[FLIGHT_KEY_BYTES])
{
    static const char lead[] = STORE_OWN_PREFIX "flight/";
    static_assert(sizeof lead == FLIGHT_KEY_BYTES, "the NUL's place takes the digit");
    CHECK(slot < STORE_FLIGHTS_KEPT);
    memcpy(out, lead, FLIGHT_KEY_BYTES - 1);
    out[FLIGHT_KEY_BYTES - 1] = (uint8_t)('0' + slot);
}

void flight_record_encode(const struct flight *flight, struct flight_record *out)
{
    flight_record_key(flight->number % STORE_FLIGHTS_KEPT, out->key);
    struct buffer value = buffer_make(out->value, sizeof out->value);
    buffer_put_u64be(&value, flight->number);
    buffer_put(&value, BYTES_OF_ARRAY(flight->hash));
    CHECK(!value.full);
}

enum status flight_record_decode(struct bytes value, struct flight *out)
{
    if (value.len != FLIGHT_VALUE_BYTES) {
        return STATUS_CORRUPT;
    }
    out->number = bytes_get_u64be(value.data);
    memcpy(out->hash, value.data + 8, HASH_BYTES);
    return STATUS_OK;
}

enum status flight_ring_settle(struct flight_ring *ring, const bool held[STORE_FLIGHTS_KEPT])
{
    uint64_t last = 0;
    for (size_t i = 0; i < STORE_FLIGHTS_KEPT; i++) {
        if (held[i] && ring->kept[i].number > last) {
            last = ring->kept[i].number;
        }
    }
    for (uint64_t back = 0; back < STORE_FLIGHTS_KEPT && back <= last; back++) {
        size_t slot = (size_t)((last - back) % STORE_FLIGHTS_KEPT);
        if (!held[slot] || ring->kept[slot].number != last - back) {
            return STATUS_CORRUPT;
        }
    }
    ring->last = last;
    return STATUS_OK;
}

void flight_ring_add(struct flight_ring *ring, const struct flight *flight)
{
    ring->kept[flight->number % STORE_FLIGHTS_KEPT] = *flight;
    ring->last = flight->number;
}
