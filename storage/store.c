#include "storage/store_base.h"

#include <stdio.h>
#include <string.h>

static void check_put(const struct put *put)
{
    CHECK(put->family < FAMILY_COUNT);
    CHECK(put->key.len >= 1);
    CHECK(put->key.len <= STORE_KEY_BYTES_MAX);
    size_t own = strlen(STORE_OWN_PREFIX);
    CHECK(put->family != FAMILY_META || put->key.len < own ||
          memcmp(put->key.data, STORE_OWN_PREFIX, own) != 0);
}

enum status store_flight_next(struct store *store, const struct put *puts, size_t count,
                              struct flight *flight, struct flight_record *record)
{
    for (size_t i = 0; i < count; i++) {
        check_put(&puts[i]);
    }
    flight->number = store->flights.last + 1;
    enum status status = flight_hash(&store->scratch, puts, count, flight->hash);
    if (status == STATUS_OK) {
        flight_record_encode(flight, record);
    }
    return status;
}

struct put store_flight_put(const struct flight_record *record)
{
    return (struct put){FAMILY_META, false, BYTES_OF_ARRAY(record->key),
                        BYTES_OF_ARRAY(record->value)};
}

void store_poison(struct store *store, const char *why)
{
    if (!store->poisoned) {
        store->poisoned = true;
        snprintf(store->fault, sizeof store->fault, "%s", why);
    }
}

enum status store_commit(struct store *store, const struct put *puts, size_t count)
{
    if (store->poisoned) {
        return STATUS_IO;
    }
    struct flight flight;
    struct flight_record record;
    enum status status = store_flight_next(store, puts, count, &flight, &record);
    if (status == STATUS_OK) {
        struct put own = store_flight_put(&record);
        status = store->ops->commit(store, puts, count, &own);
    }
    if (status != STATUS_OK) {
        store_poison(store, status_text(status));
        return status;
    }
    flight_ring_add(&store->flights, &flight);
    return STATUS_OK;
}

void store_flight(const struct store *store, struct flight *out)
{
    *out = store->flights.kept[store->flights.last % STORE_FLIGHTS_KEPT];
}

enum status store_flight_hash(const struct store *store, uint64_t number, uint8_t out[HASH_BYTES])
{
    const struct flight *kept = &store->flights.kept[number % STORE_FLIGHTS_KEPT];
    if (kept->number != number) {
        return STATUS_NOT_FOUND;
    }
    memcpy(out, kept->hash, HASH_BYTES);
    return STATUS_OK;
}

const char *store_fault(const struct store *store)
{
    return store->fault;
}

enum status store_flights_load(struct store *store)
{
    struct flight_ring ring = {0};
    bool held[STORE_FLIGHTS_KEPT] = {0};
    for (uint64_t slot = 0; slot < STORE_FLIGHTS_KEPT; slot++) {
        uint8_t key[FLIGHT_KEY_BYTES];
        uint8_t memory[FLIGHT_VALUE_BYTES];
        struct buffer value = buffer_make(memory, sizeof memory);
        flight_record_key(slot, key);
        enum status status = store->ops->get(store, FAMILY_META, BYTES_OF_ARRAY(key), &value);
        if (status == STATUS_NOT_FOUND) {
            continue;
        }
        if (status == STATUS_OK) {
            status = flight_record_decode(buffer_bytes(&value), &ring.kept[slot]);
        }
        if (status != STATUS_OK) {
            return status == STATUS_IO ? STATUS_IO : STATUS_CORRUPT;
        }
        held[slot] = true;
    }
    enum status status = flight_ring_settle(&ring, held);
    if (status == STATUS_OK) {
        store->flights = ring;
    }
    return status;
}

void store_base_free(struct store *store)
{
    flight_scratch_free(&store->scratch);
}

enum status store_copy_out(struct bytes from, struct buffer *out)
{
    out->len = 0;
    out->full = false;
    buffer_put(out, from);
    return out->full ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status store_get(struct store *store, enum family family, struct bytes key, struct buffer *out)
{
    CHECK(family < FAMILY_COUNT);
    CHECK(key.len <= STORE_KEY_BYTES_MAX);
    return store->ops->get(store, family, key, out);
}

enum status store_scan(struct store *store, enum family family, struct bytes from,
                       store_visit *visit, void *context)
{
    CHECK(family < FAMILY_COUNT);
    CHECK(from.len <= STORE_KEY_BYTES_MAX);
    return store->ops->scan(store, family, from, visit, context);
}

void store_close(struct store *store)
{
    if (store != NULL) {
        store->ops->close(store);
    }
}

enum status store_view_open(struct store *store, struct store_view **out)
{
    return store->ops->view_open(store, out);
}

void store_view_close(struct store_view *view)
{
    if (view != NULL) {
        view->ops->view_close(view);
    }
}

enum status store_view_get(struct store_view *view, enum family family, struct bytes key,
                           struct buffer *out)
{
    CHECK(family < FAMILY_COUNT);
    CHECK(key.len <= STORE_KEY_BYTES_MAX);
    return view->ops->view_get(view, family, key, out);
}

enum status store_view_scan(struct store_view *view, enum family family, struct bytes from,
                            store_visit *visit, void *context)
{
    CHECK(family < FAMILY_COUNT);
    CHECK(from.len <= STORE_KEY_BYTES_MAX);
    return view->ops->view_scan(view, family, from, visit, context);
}

enum status store_view_floor(struct store_view *view, enum family family, struct bytes key,
                             struct buffer *found_key, struct buffer *value)
{
    CHECK(family < FAMILY_COUNT);
    CHECK(key.len <= STORE_KEY_BYTES_MAX);
    return view->ops->view_floor(view, family, key, found_key, value);
}
