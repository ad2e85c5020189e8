#include "storage/treap.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Key and value, shared by all nodes that were copied from one another. */
struct treap_record {
    atomic_size_t owners;
    size_t key_len;
    size_t value_len;
    uint8_t data[]; /* key, then value */
};

/* The first bytes of a key as numbers, zeroes behind a short one: they decide most comparisons, and
 * lie where the search is anyway. */
struct lead {
    uint64_t high;
    uint64_t low;
};

struct treap_node {
    atomic_size_t owners; /* parents and roots */
    uint64_t priority;    /* not below that of any child */
    struct lead lead;     /* of the record's key */
    struct treap_node *left;
    struct treap_node *right;
    union {
        struct treap_record *record;
        struct treap_node *next_dead; /* while being released */
    };
};

static struct bytes record_key(const struct treap_record *record)
{
    return bytes_make(record->data, record->key_len);
}

static struct lead lead_of(struct bytes key)
{
    uint8_t raw[16] = {0};
    if (key.len > 0) {
        memcpy(raw, key.data, key.len < sizeof raw ? key.len : sizeof raw);
    }
    return (struct lead){bytes_get_u64be(raw), bytes_get_u64be(raw + 8)};
}

/* A key that is looked for. */
struct wanted {
    struct lead lead;
    struct bytes key;
};

static struct wanted wanted_make(struct bytes key)
{
    return (struct wanted){lead_of(key), key};
}

static int compare(const struct wanted *wanted, const struct treap_node *node)
{
    if (wanted->lead.high != node->lead.high) {
        return wanted->lead.high < node->lead.high ? -1 : 1;
    }
    if (wanted->lead.low != node->lead.low) {
        return wanted->lead.low < node->lead.low ? -1 : 1;
    }
    return bytes_compare(wanted->key, record_key(node->record));
}

/* FNV-1a, then the finaliser of splitmix64, so that keys that differ in one counter spread. */
static uint64_t priority_of(struct bytes key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ key.data[i]) * UINT64_C(0x100000001b3);
    }
    hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
    return hash ^ (hash >> 31);
}

static struct treap_record *record_open(struct bytes key, struct bytes value)
{
    if (value.len > SIZE_MAX / 2 || key.len > SIZE_MAX / 4) {
        return NULL;
    }
    struct treap_record *record = malloc(sizeof *record + key.len + value.len);
    if (record == NULL) {
        return NULL;
    }
    atomic_init(&record->owners, 1);
    record->key_len = key.len;
    record->value_len = value.len;
    struct buffer data = buffer_make(record->data, key.len + value.len);
    buffer_put(&data, key);
    buffer_put(&data, value);
    return record;
}

static bool drop_owner(atomic_size_t *owners)
{
    return atomic_fetch_sub_explicit(owners, 1, memory_order_acq_rel) == 1;
}

static void add_owner(atomic_size_t *owners)
{
    atomic_fetch_add_explicit(owners, 1, memory_order_relaxed);
}

static struct treap_record *record_retain(struct treap_record *record)
{
    if (record != NULL) {
        add_owner(&record->owners);
    }
    return record;
}

static void record_release(struct treap_record *record)
{
    if (record != NULL && drop_owner(&record->owners)) {
        free(record);
    }
}

struct treap_node *treap_retain(struct treap_node *root)
{
    if (root != NULL) {
        add_owner(&root->owners);
    }
    return root;
}

/* Give up one ownership of `node`; when it was the last, put the node on the list of the dead. */
static void bury(struct treap_node *node, struct treap_node **dead)
{
    if (node != NULL && drop_owner(&node->owners)) {
        record_release(node->record);
        node->next_dead = *dead;
        *dead = node;
    }
}

void treap_release(struct treap_node *root)
{
    struct treap_node *dead = NULL;
    bury(root, &dead);
    while (dead != NULL) {
        struct treap_node *node = dead;
        dead = node->next_dead;
        bury(node->left, &dead);
        bury(node->right, &dead);
        free(node);
    }
}

/* Make the node behind `link` ours alone, so that it may be changed. Its parent must be ours alone
 * already. False when memory is short; nothing has changed then. */
static bool own(struct treap_node **link)
{
    struct treap_node *shared = *link;
    if (atomic_load_explicit(&shared->owners, memory_order_acquire) == 1) {
        return true;
    }
    struct treap_node *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        return false;
    }
    atomic_init(&copy->owners, 1);
    copy->priority = shared->priority;
    copy->lead = shared->lead;
    copy->left = treap_retain(shared->left);
    copy->right = treap_retain(shared->right);
    copy->record = record_retain(shared->record);
    *link = copy;
    treap_release(shared);
    return true;
}

/* Own every node from the root to where `key` is or would be. `*at` is that link. */
static bool own_path(struct treap_node **root, const struct wanted *wanted, struct treap_node ***at)
{
    struct treap_node **link = root;
    while (*link != NULL) {
        if (!own(link)) {
            return false;
        }
        int order = compare(wanted, *link);
        if (order == 0) {
            break;
        }
        link = order < 0 ? &(*link)->left : &(*link)->right;
    }
    *at = link;
    return true;
}

/* Hang the new node in at the height of its priority; what was there is split around its key. Every
 * node on the way is ours already. */
static void insert(struct treap_node **root, struct treap_node *fresh, const struct wanted *wanted)
{
    struct treap_node **link = root;
    while (*link != NULL && (*link)->priority >= fresh->priority) {
        link = compare(wanted, *link) < 0 ? &(*link)->left : &(*link)->right;
    }
    struct treap_node *rest = *link;
    struct treap_node **below = &fresh->left;
    struct treap_node **above = &fresh->right;
    *link = fresh;
    while (rest != NULL) {
        if (compare(wanted, rest) < 0) {
            *above = rest;
            above = &rest->left;
            rest = rest->left;
        } else {
            *below = rest;
            below = &rest->right;
            rest = rest->right;
        }
    }
    *below = NULL;
    *above = NULL;
}

/* Let the map hold this record under its key; takes one ownership of it. On success `*before` is
 * what was there, and the caller's to give up. */
static enum status put(struct treap_node **root, struct treap_record *record,
                       struct treap_record **before)
{
    struct wanted wanted = wanted_make(record_key(record));
    struct treap_node **at = NULL;
    if (!own_path(root, &wanted, &at)) {
        return STATUS_NO_MEMORY;
    }
    if (*at != NULL) {
        *before = (*at)->record;
        (*at)->record = record;
        return STATUS_OK;
    }
    struct treap_node *fresh = malloc(sizeof *fresh);
    if (fresh == NULL) {
        return STATUS_NO_MEMORY;
    }
    atomic_init(&fresh->owners, 1);
    fresh->priority = priority_of(wanted.key);
    fresh->lead = wanted.lead;
    fresh->record = record;
    insert(root, fresh, &wanted);
    *before = NULL;
    return STATUS_OK;
}

enum status treap_put(struct treap_node **root, struct bytes key, struct bytes value,
                      struct treap_change *change)
{
    struct treap_record *record = record_open(key, value);
    struct treap_record *before = NULL;
    if (record == NULL || put(root, record, &before) != STATUS_OK) {
        free(record);
        return STATUS_NO_MEMORY;
    }
    if (change == NULL) {
        record_release(before);
        return STATUS_OK;
    }
    *change = (struct treap_change){before, record_retain(record)};
    return STATUS_OK;
}

/* Own the two spines that a merge of the children of `node` will weave together. */
static bool own_spines(struct treap_node *node)
{
    for (struct treap_node **link = &node->left; *link != NULL; link = &(*link)->right) {
        if (!own(link)) {
            return false;
        }
    }
    for (struct treap_node **link = &node->right; *link != NULL; link = &(*link)->left) {
        if (!own(link)) {
            return false;
        }
    }
    return true;
}

enum status treap_erase(struct treap_node **root, struct bytes key, struct treap_change *change)
{
    struct wanted wanted = wanted_make(key);
    struct treap_found found;
    if (change != NULL) {
        *change = (struct treap_change){NULL, NULL};
    }
    if (!treap_find(*root, key, &found)) {
        return STATUS_OK;
    }
    struct treap_node **link = NULL;
    if (!own_path(root, &wanted, &link) || !own_spines(*link)) {
        return STATUS_NO_MEMORY;
    }
    struct treap_node *gone = *link;
    struct treap_node *below = gone->left;
    struct treap_node *above = gone->right;
    while (below != NULL && above != NULL) {
        if (below->priority >= above->priority) {
            *link = below;
            link = &below->right;
            below = below->right;
        } else {
            *link = above;
            link = &above->left;
            above = above->left;
        }
    }
    *link = below != NULL ? below : above;
    gone->left = NULL;
    gone->right = NULL;
    if (change != NULL) {
        change->before = record_retain(gone->record);
    }
    treap_release(gone);
    return STATUS_OK;
}

enum status treap_revert(struct treap_node **root, const struct treap_change *change)
{
    if (change->before == NULL && change->after == NULL) {
        return STATUS_OK;
    }
    if (change->before == NULL) {
        return treap_erase(root, record_key(change->after), NULL);
    }
    struct treap_record *after = NULL;
    enum status status = put(root, record_retain(change->before), &after);
    if (status != STATUS_OK) {
        record_release(change->before);
        return status;
    }
    record_release(after);
    return STATUS_OK;
}

struct treap_change treap_change_retain(const struct treap_change *change)
{
    return (struct treap_change){record_retain(change->before), record_retain(change->after)};
}

void treap_change_release(const struct treap_change *change)
{
    record_release(change->before);
    record_release(change->after);
}

/* Hand out the record of a node; false when there is none. */
static bool give(const struct treap_node *node, struct treap_found *out)
{
    if (node == NULL) {
        return false;
    }
    const struct treap_record *record = node->record;
    out->key = record_key(record);
    out->value = bytes_make(record->data + record->key_len, record->value_len);
    return true;
}

bool treap_find(const struct treap_node *root, struct bytes key, struct treap_found *out)
{
    struct wanted wanted = wanted_make(key);
    const struct treap_node *node = root;
    while (node != NULL) {
        int order = compare(&wanted, node);
        if (order == 0) {
            break;
        }
        node = order < 0 ? node->left : node->right;
    }
    return give(node, out);
}

bool treap_above(const struct treap_node *root, struct bytes key, struct treap_found *out)
{
    struct wanted wanted = wanted_make(key);
    const struct treap_node *best = NULL;
    const struct treap_node *node = root;
    while (node != NULL) {
        if (compare(&wanted, node) < 0) {
            best = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return give(best, out);
}

bool treap_ceiling(const struct treap_node *root, struct bytes key, struct treap_found *out)
{
    return treap_find(root, key, out) || treap_above(root, key, out);
}

bool treap_floor(const struct treap_node *root, struct bytes key, struct treap_found *out)
{
    struct wanted wanted = wanted_make(key);
    const struct treap_node *best = NULL;
    const struct treap_node *node = root;
    while (node != NULL) {
        if (compare(&wanted, node) < 0) {
            node = node->left;
        } else {
            best = node;
            node = node->right;
        }
    }
    return give(best, out);
}

size_t treap_depth(const struct treap_node *root, struct bytes key)
{
    struct wanted wanted = wanted_make(key);
    size_t depth = 0;
    const struct treap_node *node = root;
    while (node != NULL) {
        depth++;
        node = compare(&wanted, node) < 0 ? node->left : node->right;
    }
    return depth;
}
