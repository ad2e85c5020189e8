/* What every store is made of: the table of operations an implementation provides, and the flight
 * numbering, checks and fail-stop that store.c does once for all of them.
 *
 * For the implementations in storage/ only; everyone else uses storage/store.h. */
#ifndef VESTRY_STORAGE_STORE_BASE_H
#define VESTRY_STORAGE_STORE_BASE_H

#include "storage/flight.h"
#include "storage/store.h"

struct store_ops {
    /* Apply the puts and then `record`, atomically, and sync. */
    enum status (*commit)(struct store *store, const struct put *puts, size_t count,
                          const struct put *record);
    enum status (*get)(struct store *store, enum family family, struct bytes key,
                       struct buffer *out);
    enum status (*scan)(struct store *store, enum family family, struct bytes from,
                        store_visit *visit, void *context);
    void (*close)(struct store *store);
    enum status (*view_open)(struct store *store, struct store_view **out);
    void (*view_close)(struct store_view *view);
    enum status (*view_get)(struct store_view *view, enum family family, struct bytes key,
                            struct buffer *out);
    enum status (*view_scan)(struct store_view *view, enum family family, struct bytes from,
                             store_visit *visit, void *context);
    enum status (*view_floor)(struct store_view *view, enum family family, struct bytes key,
                              struct buffer *found_key, struct buffer *value);
};

/* `flights.last` of a store that has no flight yet: the next one is 0. */
#define FLIGHT_NONE UINT64_MAX

/* First member of every implementation's store. */
struct store {
    const struct store_ops *ops;
    struct flight_ring flights;
    struct flight_scratch scratch;
    bool poisoned;
    char fault[256];
};

/* First member of every implementation's view. */
struct store_view {
    const struct store_ops *ops;
};

/* Number and hash the next flight and encode its record. Puts are checked against the contract of
 * store_commit. Changes nothing but the scratch. */
MUST_USE enum status store_flight_next(struct store *store, const struct put *puts, size_t count,
                                       struct flight *flight, struct flight_record *record);

/* The put that writes `record`. It borrows the record. */
MUST_USE struct put store_flight_put(const struct flight_record *record);

/* Refuse every later commit. The first reason is kept. */
void store_poison(struct store *store, const char *why);

/* Read the ring of flights back, after opening or after a simulated crash. STATUS_CORRUPT. */
MUST_USE enum status store_flights_load(struct store *store);

/* Free what store.c holds for the store. */
void store_base_free(struct store *store);

/* Copy into an emptied buffer. STATUS_NO_MEMORY when it does not fit. */
MUST_USE enum status store_copy_out(struct bytes from, struct buffer *out);

#endif
