#include "storage/store_memory.h"

#include "crypto/hash.h"
#include "storage/store_base.h"
#include "storage/treap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The contents are changed in place, and what a flight changed is kept until it is synced: a crash
 * takes back what it loses, the newest change first. Views and copies share the records. */

/* Records of all families lie in one treap under family u8 || key. */
#define FULL_KEY_BYTES_MAX (1 + STORE_KEY_BYTES_MAX)

/* One change of an unsynced flight. */
struct unsafe {
    struct treap_change change;
    size_t flight; /* 1: the first that is not synced */
};

struct memory_store {
    struct store base;
    pthread_mutex_t lock; /* over everything below: views are opened and read by other threads */

    struct treap_node *root; /* with all flights */
    size_t unsynced;         /* flights */
    struct unsafe *unsafe;   /* their changes, in order */
    size_t unsafe_count;
    size_t unsafe_capacity;

    uint64_t operations;
    uint64_t fail_at; /* number of the operation that fails; 0: none */
    enum memory_fault fault;
};

struct memory_view {
    struct store_view base;
    struct memory_store *store;
    struct treap_node *root;
};

static const struct store_ops memory_ops;

static struct memory_store *memory_of(struct store *store)
{
    CHECK(store->ops == &memory_ops);
    return (struct memory_store *)store;
}

static struct memory_view *view_of(struct store_view *view)
{
    CHECK(view->ops == &memory_ops);
    return (struct memory_view *)view;
}

static void lock(struct memory_store *store)
{
    CHECK(pthread_mutex_lock(&store->lock) == 0);
}

static void unlock(struct memory_store *store)
{
    CHECK(pthread_mutex_unlock(&store->lock) == 0);
}

/* Count an operation; true when it is the one that shall fail. */
static bool fails(struct memory_store *store)
{
    store->operations++;
    return store->operations == store->fail_at;
}

static struct bytes full_key(enum family family, struct bytes key, uint8_t out[FULL_KEY_BYTES_MAX])
{
    struct buffer buffer = buffer_make(out, FULL_KEY_BYTES_MAX);
    buffer_put_u8(&buffer, (uint8_t)family);
    buffer_put(&buffer, key);
    CHECK(!buffer.full);
    return buffer_bytes(&buffer);
}

static enum status reserve(struct memory_store *store, size_t count)
{
    if (count <= store->unsafe_capacity) {
        return STATUS_OK;
    }
    size_t capacity = count * 2;
    struct unsafe *grown = realloc(store->unsafe, capacity * sizeof *grown);
    if (grown == NULL) {
        return STATUS_NO_MEMORY;
    }
    store->unsafe = grown;
    store->unsafe_capacity = capacity;
    return STATUS_OK;
}

/* One put of flight `unsynced` + 1; there is room for it. */
static enum status apply(struct memory_store *store, const struct put *put)
{
    uint8_t memory[FULL_KEY_BYTES_MAX];
    struct bytes key = full_key(put->family, put->key, memory);
    struct unsafe *unsafe = &store->unsafe[store->unsafe_count];
    enum status status = put->erase ? treap_erase(&store->root, key, &unsafe->change)
                                    : treap_put(&store->root, key, put->value, &unsafe->change);
    if (status == STATUS_OK) {
        unsafe->flight = store->unsynced + 1;
        store->unsafe_count++;
    }
    return status;
}

/* In `root`, take the changes behind the first `kept` back. */
static void revert(const struct memory_store *store, size_t kept, struct treap_node **root)
{
    for (size_t i = store->unsafe_count; i > kept; i--) {
        CHECK(treap_revert(root, &store->unsafe[i - 1].change) == STATUS_OK);
    }
}

/* Changes behind the first `kept` are never taken back any more. */
static void unsafe_forget(struct memory_store *store, size_t kept)
{
    for (size_t i = kept; i < store->unsafe_count; i++) {
        treap_change_release(&store->unsafe[i].change);
    }
    store->unsafe_count = kept;
}

static enum status stage(struct memory_store *store, const struct put *puts, size_t count,
                         const struct put *record)
{
    size_t before = store->unsafe_count;
    enum status status = reserve(store, before + count + 1);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = apply(store, &puts[i]);
    }
    if (status == STATUS_OK) {
        status = apply(store, record);
    }
    if (status != STATUS_OK) {
        revert(store, before, &store->root);
        unsafe_forget(store, before);
        return status;
    }
    store->unsynced++;
    return STATUS_OK;
}

/* The first `kept` unsynced flights are safe, the others never were. */
static void settle(struct memory_store *store, size_t kept)
{
    size_t safe = store->unsafe_count;
    while (safe > 0 && store->unsafe[safe - 1].flight > kept) {
        safe--;
    }
    revert(store, safe, &store->root);
    unsafe_forget(store, 0);
    store->unsynced = 0;
}

static enum status memory_commit(struct store *base, const struct put *puts, size_t count,
                                 const struct put *record)
{
    struct memory_store *store = memory_of(base);
    enum status status = STATUS_OK;
    lock(store);
    bool failing = fails(store);
    if (!failing || store->fault == MEMORY_FAULT_KEPT) {
        status = stage(store, puts, count, record);
        if (status == STATUS_OK) {
            settle(store, store->unsynced);
        }
    }
    unlock(store);
    return failing ? STATUS_IO : status;
}

enum status store_memory_stage(struct store *base, const struct put *puts, size_t count)
{
    struct memory_store *store = memory_of(base);
    if (base->poisoned) {
        return STATUS_IO;
    }
    struct flight flight;
    struct flight_record record;
    enum status status = store_flight_next(base, puts, count, &flight, &record);
    if (status == STATUS_OK) {
        struct put own = store_flight_put(&record);
        lock(store);
        bool failing = fails(store);
        if (!failing || store->fault == MEMORY_FAULT_KEPT) {
            status = stage(store, puts, count, &own);
        }
        unlock(store);
        status = failing ? STATUS_IO : status;
    }
    if (status != STATUS_OK) {
        store_poison(base, status_text(status));
        return status;
    }
    flight_ring_add(&base->flights, &flight);
    return STATUS_OK;
}

enum status store_memory_sync(struct store *base)
{
    struct memory_store *store = memory_of(base);
    if (base->poisoned) {
        return STATUS_IO;
    }
    lock(store);
    bool failing = fails(store);
    if (!failing || store->fault == MEMORY_FAULT_KEPT) {
        settle(store, store->unsynced);
    }
    unlock(store);
    if (failing) {
        store_poison(base, status_text(STATUS_IO));
        return STATUS_IO;
    }
    return STATUS_OK;
}

size_t store_memory_unsynced(const struct store *base)
{
    CHECK(base->ops == &memory_ops);
    return ((const struct memory_store *)base)->unsynced;
}

/* What a process that starts on these contents would find. */
static void reopen(struct memory_store *store)
{
    lock(store);
    store->fail_at = 0;
    unlock(store);
    store->base.poisoned = false;
    store->base.fault[0] = '\0';
    CHECK(store_flights_load(&store->base) == STATUS_OK);
}

void store_memory_crash(struct store *base, size_t keep)
{
    struct memory_store *store = memory_of(base);
    lock(store);
    settle(store, keep < store->unsynced ? keep : store->unsynced);
    unlock(store);
    reopen(store);
}

void store_memory_fail_at(struct store *base, uint64_t n, enum memory_fault fault)
{
    struct memory_store *store = memory_of(base);
    lock(store);
    store->fail_at = n == 0 ? 0 : store->operations + n;
    store->fault = fault;
    unlock(store);
}

uint64_t store_memory_operations(struct store *base)
{
    struct memory_store *store = memory_of(base);
    lock(store);
    uint64_t operations = store->operations;
    unlock(store);
    return operations;
}

static enum status root_get(const struct treap_node *root, enum family family, struct bytes key,
                            struct buffer *out)
{
    uint8_t memory[FULL_KEY_BYTES_MAX];
    struct treap_found found;
    if (!treap_find(root, full_key(family, key, memory), &found)) {
        return STATUS_NOT_FOUND;
    }
    return store_copy_out(found.value, out);
}

/* True when the record is one of the family; the key loses its family byte. */
static bool of_family(struct treap_found *found, enum family family)
{
    if (found->key.data[0] != (uint8_t)family) {
        return false;
    }
    found->key = bytes_slice(found->key, 1, found->key.len - 1);
    return true;
}

static void root_scan(const struct treap_node *root, enum family family, struct bytes from,
                      store_visit *visit, void *context)
{
    uint8_t memory[FULL_KEY_BYTES_MAX];
    struct treap_found found;
    bool more = treap_ceiling(root, full_key(family, from, memory), &found);
    while (more) {
        struct bytes full = found.key;
        if (!of_family(&found, family) || !visit(context, found.key, found.value)) {
            return;
        }
        more = treap_above(root, full, &found);
    }
}

static enum status memory_get(struct store *base, enum family family, struct bytes key,
                              struct buffer *out)
{
    struct memory_store *store = memory_of(base);
    lock(store);
    enum status status = fails(store) ? STATUS_IO : root_get(store->root, family, key, out);
    unlock(store);
    return status;
}

/* The picture of now, for a read that fails when it shall. */
static enum status hold(struct memory_store *store, struct treap_node **root)
{
    lock(store);
    bool failing = fails(store);
    if (!failing) {
        *root = treap_retain(store->root);
    }
    unlock(store);
    return failing ? STATUS_IO : STATUS_OK;
}

static enum status memory_scan(struct store *base, enum family family, struct bytes from,
                               store_visit *visit, void *context)
{
    struct treap_node *root = NULL;
    enum status status = hold(memory_of(base), &root);
    if (status == STATUS_OK) {
        root_scan(root, family, from, visit, context);
        treap_release(root);
    }
    return status;
}

static void memory_close(struct store *base)
{
    struct memory_store *store = memory_of(base);
    unsafe_forget(store, 0);
    treap_release(store->root);
    free(store->unsafe);
    pthread_mutex_destroy(&store->lock);
    store_base_free(base);
    free(store);
}

static enum status memory_view_open(struct store *base, struct store_view **out)
{
    struct memory_view *view = malloc(sizeof *view);
    if (view == NULL) {
        return STATUS_NO_MEMORY;
    }
    view->base.ops = &memory_ops;
    view->store = memory_of(base);
    enum status status = hold(view->store, &view->root);
    if (status != STATUS_OK) {
        free(view);
        return status;
    }
    *out = &view->base;
    return STATUS_OK;
}

static void memory_view_close(struct store_view *base)
{
    struct memory_view *view = view_of(base);
    treap_release(view->root);
    free(view);
}

static bool view_fails(struct memory_view *view)
{
    lock(view->store);
    bool failing = fails(view->store);
    unlock(view->store);
    return failing;
}

static enum status memory_view_get(struct store_view *base, enum family family, struct bytes key,
                                   struct buffer *out)
{
    struct memory_view *view = view_of(base);
    return view_fails(view) ? STATUS_IO : root_get(view->root, family, key, out);
}

static enum status memory_view_scan(struct store_view *base, enum family family, struct bytes from,
                                    store_visit *visit, void *context)
{
    struct memory_view *view = view_of(base);
    if (view_fails(view)) {
        return STATUS_IO;
    }
    root_scan(view->root, family, from, visit, context);
    return STATUS_OK;
}

static enum status memory_view_floor(struct store_view *base, enum family family, struct bytes key,
                                     struct buffer *found_key, struct buffer *value)
{
    struct memory_view *view = view_of(base);
    uint8_t memory[FULL_KEY_BYTES_MAX];
    struct treap_found found;
    if (view_fails(view)) {
        return STATUS_IO;
    }
    if (!treap_floor(view->root, full_key(family, key, memory), &found) ||
        !of_family(&found, family)) {
        return STATUS_NOT_FOUND;
    }
    enum status status = store_copy_out(found.key, found_key);
    return status != STATUS_OK ? status : store_copy_out(found.value, value);
}

static const struct store_ops memory_ops = {
    .commit = memory_commit,
    .get = memory_get,
    .scan = memory_scan,
    .close = memory_close,
    .view_open = memory_view_open,
    .view_close = memory_view_close,
    .view_get = memory_view_get,
    .view_scan = memory_view_scan,
    .view_floor = memory_view_floor,
};

static struct memory_store *memory_new(void)
{
    struct memory_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return NULL;
    }
    store->base.ops = &memory_ops;
    CHECK(pthread_mutex_init(&store->lock, NULL) == 0);
    return store;
}

enum status store_memory_open(struct store **out)
{
    struct memory_store *store = memory_new();
    if (store == NULL) {
        return STATUS_NO_MEMORY;
    }
    struct flight creation = {0};
    struct flight_record record;
    hash_bytes(BYTES_EMPTY, creation.hash);
    flight_record_encode(&creation, &record);
    struct put put = store_flight_put(&record);
    enum status status = stage(store, NULL, 0, &put);
    if (status != STATUS_OK) {
        memory_close(&store->base);
        return status;
    }
    settle(store, 1);
    reopen(store);
    store->operations = 0;
    *out = &store->base;
    return STATUS_OK;
}

enum status store_memory_copy(struct store *base, struct store **out)
{
    struct memory_store *store = memory_of(base);
    struct memory_store *copy = memory_new();
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    lock(store);
    enum status status = reserve(copy, store->unsafe_count);
    if (status == STATUS_OK) {
        for (size_t i = 0; i < store->unsafe_count; i++) {
            copy->unsafe[i] = store->unsafe[i];
            copy->unsafe[i].change = treap_change_retain(&store->unsafe[i].change);
        }
        copy->unsafe_count = store->unsafe_count;
        copy->unsynced = store->unsynced;
        copy->root = treap_retain(store->root);
        copy->base.flights = base->flights;
    }
    unlock(store);
    if (status != STATUS_OK) {
        memory_close(&copy->base);
        return status;
    }
    *out = &copy->base;
    return STATUS_OK;
}

void store_memory_restore(struct store *base, struct store *saved)
{
    struct memory_store *store = memory_of(base);
    struct memory_store *from = memory_of(saved);
    CHECK(store != from);
    lock(from);
    struct treap_node *root = treap_retain(from->root);
    revert(from, 0, &root);
    unlock(from);
    lock(store);
    unsafe_forget(store, 0);
    store->unsynced = 0;
    treap_release(store->root);
    store->root = root;
    unlock(store);
    reopen(store);
}
