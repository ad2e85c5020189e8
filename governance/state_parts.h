/* The inside of the replicated state: shared by state.c (records), state_large.c (long values) and
 * state_tree.c (root), and nobody else. */
#ifndef VESTRY_GOVERNANCE_STATE_PARTS_H
#define VESTRY_GOVERNANCE_STATE_PARTS_H

#include "governance/state.h"

/* Records and nodes are named by their place in an array, from 1; 0 is none. */
#define STATE_NONE 0u

struct state_record {
    uint8_t key_hash[HASH_BYTES];  /* when hashed */
    uint8_t leaf_hash[HASH_BYTES]; /* when in_tree and not dirty */
    uint32_t table_tag;            /* of the key's table hash, to compare before the key */
    uint32_t bucket_next;          /* in its bucket, or in the free list */
    uint32_t change_next;          /* changed since the mark, in order */
    uint32_t change_prev;
    uint32_t dirty_next; /* changed since the last root */
    uint32_t dirty_prev;
    uint32_t large_next; /* long values, in the order of their places */
    uint32_t large_prev;
    size_t large_at;
    uint32_t value_len;
    uint8_t key_len;
    bool present;     /* false: erased since the mark, and told so */
    bool was_present; /* at the mark; counts when changed */
    bool changed;
    bool dirty;
    bool in_tree;
    bool hashed;
    uint8_t key[STATE_KEY_BYTES_MAX];
    uint8_t value[STATE_INLINE_MAX];
};

/* A branching of the tree of key hashes: the keys below agree on the bits before `bit`. */
struct state_node {
    uint32_t child[2]; /* a node, or a record with STATE_LEAF set */
    uint16_t bit;
    bool dirty;
    uint8_t hash[HASH_BYTES]; /* of the subtree at depth `bit`, when not dirty */
};
#define STATE_LEAF (UINT32_C(1) << 31)

struct state {
    uint32_t records_max;
    uint32_t count;
    uint64_t hash_key[2];

    uint32_t slots; /* of records: erased ones are kept until the next mark */
    uint32_t slots_used;
    uint32_t free_record;
    struct state_record *records;
    uint8_t *kinds; /* first byte of a present record's key, else 0 */

    uint32_t bucket_mask;
    uint32_t *buckets;
    uint32_t *order; /* room for a sort */

    uint32_t change_first;
    uint32_t change_last;
    uint32_t dirty_first;

    size_t large_max;
    size_t large_bytes; /* of all long values */
    size_t large_end;   /* behind the last one */
    size_t large_space;
    uint8_t *large;
    uint8_t *scratch; /* SCRATCH_COUNT times STATE_VALUE_BYTES_MAX */
    uint32_t large_first;
    uint32_t large_last;

    uint32_t nodes_used;
    uint32_t free_node;
    struct state_node *nodes;
    uint32_t tree; /* the root: 0, a node, or a record with STATE_LEAF */
};

/* Long values. Whether one fits was decided before by the counts. */
void state_large_store(struct state *state, uint32_t record, struct bytes value);
void state_large_drop(struct state *state, uint32_t record);

/* Take an erased record out of the tree. */
void state_tree_remove(struct state *state, uint32_t record);

MUST_USE struct bytes state_record_value(const struct state *state,
                                         const struct state_record *record);

#endif
