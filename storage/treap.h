/* An ordered map of byte keys to byte values that can be shared: a treap whose nodes are counted.
 *
 * A root is a value. Keeping one (treap_retain) keeps that picture for ever at the cost of one
 * counter; changes through another root copy only the nodes they touch and only while those are
 * shared. So frozen views, forgotten writes and copies of whole stores cost next to nothing. The
 * balance comes from a hash of the key instead of randomness: the shape depends on the contents
 * alone, and equal runs are equal.
 *
 * One thread changes a root at a time; different roots may be used, and given up, by different
 * threads even where they share nodes. Nothing is recursive. For store_memory.c only: keys are
 * chosen by tests, not by attackers. Source: Seidel & Aragon, "Randomized search trees". */
#ifndef VESTRY_STORAGE_TREAP_H
#define VESTRY_STORAGE_TREAP_H

#include "crypto/bytes.h"
#include "crypto/status.h"

struct treap_node; /* an empty map is NULL */

/* One more owner of the picture. */
MUST_USE struct treap_node *treap_retain(struct treap_node *root);
void treap_release(struct treap_node *root);

/* What a change replaced by what, so that it can be taken back: NULL where there is no record.
 * Keeps both until it is given up. */
struct treap_record;
struct treap_change {
    struct treap_record *before;
    struct treap_record *after;
};

/* Set or replace. STATUS_NO_MEMORY leaves the contents as they were. `change` may be NULL. */
MUST_USE enum status treap_put(struct treap_node **root, struct bytes key, struct bytes value,
                               struct treap_change *change);

/* Remove if there. STATUS_NO_MEMORY leaves the contents as they were. `change` may be NULL. */
MUST_USE enum status treap_erase(struct treap_node **root, struct bytes key,
                                 struct treap_change *change);

/* Take the change back, whoever made it: what it touched must be as it left it. */
MUST_USE enum status treap_revert(struct treap_node **root, const struct treap_change *change);
MUST_USE struct treap_change treap_change_retain(const struct treap_change *change);
void treap_change_release(const struct treap_change *change);

/* A record found: borrowed from the root that was searched. */
struct treap_found {
    struct bytes key;
    struct bytes value;
};

/* The record with this key; the first with a key above it, or not below it; the last with a key not
 * above it. False when there is none. */
MUST_USE bool treap_find(const struct treap_node *root, struct bytes key, struct treap_found *out);
MUST_USE bool treap_above(const struct treap_node *root, struct bytes key, struct treap_found *out);
MUST_USE bool treap_ceiling(const struct treap_node *root, struct bytes key,
                            struct treap_found *out);
MUST_USE bool treap_floor(const struct treap_node *root, struct bytes key, struct treap_found *out);

/* Nodes on the way from the root to where `key` is or would be; for tests of the balance. */
MUST_USE size_t treap_depth(const struct treap_node *root, struct bytes key);

#endif
