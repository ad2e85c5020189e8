/* The one interface to durable records: column families of byte keys and byte values.
 *
 * Two implementations: store_rocks.c (RocksDB, durable) and store_memory.c (for the simulator and
 * tests, able to forget what was not synced and to fail the n-th operation). One owner writes; a
 * view reads a frozen picture and may be used from another thread. Keys order as unsigned bytes.
 * What the keys and values mean is said in storage/record.h, never here. */
#ifndef VESTRY_STORAGE_STORE_H
#define VESTRY_STORAGE_STORE_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "crypto/status.h"

/* The column families of FORMATS ("what is stored"). The numbers are stored: append only. */
enum family {
    FAMILY_META,     /* format version, cluster id, key fingerprint, flight */
    FAMILY_BLOCKS,   /* header, batch, results, certificates */
    FAMILY_LEAVES,   /* leaves of a block, by its first index */
    FAMILY_PAYLOADS, /* payloads and salts of a batch; the only erasable family */
    FAMILY_TREE,     /* hashes of complete subtrees */
    FAMILY_STREAMS,  /* stream and position -> log index */
    FAMILY_STATE,    /* replicated state: sections, sessions, counters */
    FAMILY_JOURNAL,  /* votes, certificates, view */
    FAMILY_COUNT,
};

#define STORE_KEY_BYTES_MAX 160

/* Keys of FAMILY_META that begin with this text are the store's own: a put of one is a bug. */
#define STORE_OWN_PREFIX "store/"

/* One change of a flight. `erase` deletes the key (value is ignored). */
struct put {
    enum family family;
    bool erase;
    struct bytes key; /* 1..STORE_KEY_BYTES_MAX bytes */
    struct bytes value;
};

/* One commit. Flights are numbered without gaps from 0, the puts of the store's creation. The hash
 * is SHA-256 over the puts in their order (storage/flight.h has the bytes). */
struct flight {
    uint64_t number;
    uint8_t hash[HASH_BYTES];
};

/* How many of the last flights a store remembers the hashes of. */
#define STORE_FLIGHTS_KEPT 8

struct store;      /* opaque */
struct store_view; /* a frozen picture */

/* Apply `count` puts in order, atomically, and sync: after STATUS_OK all of them survive a power
 * cut, before it none or all may. The flight's number and hash are written with them. After any
 * failure what is on disk is unknown and the caller must stop (fail-stop): every later commit
 * returns STATUS_IO. */
MUST_USE enum status store_commit(struct store *store, const struct put *puts, size_t count);

/* The last flight in the store. Owner's thread only, as store_commit. */
void store_flight(const struct store *store, struct flight *out);

/* The hash of flight `number`; STATUS_NOT_FOUND unless it is one of the last STORE_FLIGHTS_KEPT. */
MUST_USE enum status store_flight_hash(const struct store *store, uint64_t number,
                                       uint8_t out[HASH_BYTES]);

/* Why commits are refused, for the log: "" while the store is sound. Lives as long as the store. */
MUST_USE const char *store_fault(const struct store *store);

/* Copy the value of `key` into `out` (emptied first). STATUS_NOT_FOUND; STATUS_NO_MEMORY when it is
 * longer than out's capacity. */
MUST_USE enum status store_get(struct store *store, enum family family, struct bytes key,
                               struct buffer *out);

/* Called for every record in key order; return false to stop early. Bytes are borrowed. */
typedef bool store_visit(void *context, struct bytes key, struct bytes value);

/* Visit the records of `family` with key >= from (all when empty), ascending, as they were when the
 * scan began. */
MUST_USE enum status store_scan(struct store *store, enum family family, struct bytes from,
                                store_visit *visit, void *context);

void store_close(struct store *store);

/* A frozen picture of the store as of now; close it with store_view_close. Thread-safe against the
 * writer. A view must be closed before its store. */
MUST_USE enum status store_view_open(struct store *store, struct store_view **out);
void store_view_close(struct store_view *view);
MUST_USE enum status store_view_get(struct store_view *view, enum family family, struct bytes key,
                                    struct buffer *out);
MUST_USE enum status store_view_scan(struct store_view *view, enum family family, struct bytes from,
                                     store_visit *visit, void *context);

/* The last record with key <= `key` in the family: its key and value are copied out. */
MUST_USE enum status store_view_floor(struct store_view *view, enum family family, struct bytes key,
                                      struct buffer *found_key, struct buffer *value);

#endif
