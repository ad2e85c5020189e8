/* The sparse Merkle tree as a path-compressed binary trie with remembered hashes.
 *
 * A node exists only where keys part, so there is one less than there are records. Changes mark the
 * nodes above them; the root hashes the marked ones again. Between a node and the node below it the
 * other side is empty: those hashes are made on the way up and not kept, there are few of them
 * unless someone spends 2^k hashes on finding keys that agree on k bits. */
#include "crypto/hash.h"
#include "governance/state_parts.h"

#include <string.h>

#define DEPTH (8 * HASH_BYTES)

static unsigned bit_at(const uint8_t hash[HASH_BYTES], unsigned bit)
{
    return (unsigned)(hash[bit / 8] >> (7 - bit % 8)) & 1u;
}

/* The first bit in which two different hashes differ. */
static unsigned first_difference(const uint8_t a[HASH_BYTES], const uint8_t b[HASH_BYTES])
{
    unsigned byte = 0;

    while (byte < HASH_BYTES && a[byte] == b[byte]) {
        byte++;
    }
    CHECK(byte < HASH_BYTES);

    unsigned bit = 8 * byte;

    while (bit_at(a, bit) == bit_at(b, bit)) {
        bit++;
    }
    return bit;
}

static struct state_record *leaf_record(const struct state *state, uint32_t place)
{
    return &state->records[place & ~STATE_LEAF];
}

/* Some record below that place. */
static const struct state_record *any_record(const struct state *state, uint32_t place)
{
    while ((place & STATE_LEAF) == 0) {
        place = state->nodes[place].child[0];
    }
    return leaf_record(state, place);
}

static uint32_t node_take(struct state *state)
{
    if (state->free_node == STATE_NONE) {
        CHECK(state->nodes_used < state->records_max);
        return ++state->nodes_used;
    }

    const uint32_t node = state->free_node;

    state->free_node = state->nodes[node].child[0];
    return node;
}

static void tree_insert(struct state *state, uint32_t number)
{
    struct state_record *record = &state->records[number];

    record->in_tree = true;
    if (state->tree == STATE_NONE) {
        state->tree = number | STATE_LEAF;
        return;
    }

    uint32_t at = state->tree;

    while ((at & STATE_LEAF) == 0) {
        at = state->nodes[at].child[bit_at(record->key_hash, state->nodes[at].bit)];
    }

    const unsigned bit = first_difference(record->key_hash, leaf_record(state, at)->key_hash);
    const uint32_t made = node_take(state);
    uint32_t *place = &state->tree;

    while ((*place & STATE_LEAF) == 0 && state->nodes[*place].bit < bit) {
        struct state_node *node = &state->nodes[*place];

        node->dirty = true;
        place = &node->child[bit_at(record->key_hash, node->bit)];
    }

    struct state_node *node = &state->nodes[made];
    const unsigned side = bit_at(record->key_hash, bit);

    node->bit = (uint16_t)bit;
    node->dirty = true;
    node->child[side] = number | STATE_LEAF;
    node->child[1 - side] = *place;
    *place = made;
}

static void tree_touch(struct state *state, const struct state_record *record)
{
    for (uint32_t at = state->tree; (at & STATE_LEAF) == 0;) {
        struct state_node *node = &state->nodes[at];

        node->dirty = true;
        at = node->child[bit_at(record->key_hash, node->bit)];
    }
}

void state_tree_remove(struct state *state, uint32_t number)
{
    struct state_record *record = &state->records[number];
    uint32_t *place = &state->tree; /* what leads to the node above the record */
    uint32_t *next = &state->tree;

    while ((*next & STATE_LEAF) == 0) {
        struct state_node *node = &state->nodes[*next];

        node->dirty = true;
        place = next;
        next = &node->child[bit_at(record->key_hash, node->bit)];
    }
    CHECK(*next == (number | STATE_LEAF));
    record->in_tree = false;
    if (next == &state->tree) {
        state->tree = STATE_NONE;
        return;
    }

    const uint32_t gone = *place;
    struct state_node *node = &state->nodes[gone];

    *place = node->child[1 - bit_at(record->key_hash, node->bit)];
    node->child[0] = state->free_node;
    state->free_node = gone;
}

static void node_hash(const uint8_t left[HASH_BYTES], const uint8_t right[HASH_BYTES],
                      uint8_t out[HASH_BYTES])
{
    uint8_t joined[1 + 2 * HASH_BYTES];

    joined[0] = 0x01;
    memcpy(joined + 1, left, HASH_BYTES);
    memcpy(joined + 1 + HASH_BYTES, right, HASH_BYTES);
    hash_bytes(BYTES_OF_ARRAY(joined), out);
}

/* The hash at depth `depth` of the subtree at `place`, whose own hash is known. */
static void hash_at_depth(const struct state *state, uint32_t place, unsigned depth,
                          uint8_t out[HASH_BYTES])
{
    static const uint8_t empty[HASH_BYTES];

    if ((place & STATE_LEAF) != 0) {
        memcpy(out, leaf_record(state, place)->leaf_hash, HASH_BYTES);
        return;
    }

    const struct state_node *node = &state->nodes[place];

    memcpy(out, node->hash, HASH_BYTES);
    if (node->bit == depth) {
        return;
    }

    const uint8_t *path = any_record(state, place)->key_hash;

    for (unsigned bit = node->bit; bit > depth; bit--) {
        if (bit_at(path, bit - 1) == 0) {
            node_hash(out, empty, out);
        } else {
            node_hash(empty, out, out);
        }
    }
}

static void node_rehash(struct state *state, uint32_t place)
{
    struct state_node *node = &state->nodes[place];
    uint8_t left[HASH_BYTES];
    uint8_t right[HASH_BYTES];

    hash_at_depth(state, node->child[0], node->bit + 1u, left);
    hash_at_depth(state, node->child[1], node->bit + 1u, right);
    node_hash(left, right, node->hash);
    node->dirty = false;
}

static bool is_dirty_node(const struct state *state, uint32_t place)
{
    return place != STATE_NONE && (place & STATE_LEAF) == 0 && state->nodes[place].dirty;
}

/* Hash the marked nodes from below. A path has at most one node for each bit. */
static void tree_rehash(struct state *state)
{
    uint32_t stack[DEPTH + 1];
    size_t depth = 0;

    if (is_dirty_node(state, state->tree)) {
        stack[depth++] = state->tree;
    }
    while (depth > 0) {
        const struct state_node *node = &state->nodes[stack[depth - 1]];

        if (is_dirty_node(state, node->child[0])) {
            stack[depth++] = node->child[0];
        } else if (is_dirty_node(state, node->child[1])) {
            stack[depth++] = node->child[1];
        } else {
            node_rehash(state, stack[--depth]);
        }
    }
}

/* Give the leaf of a changed record its hash, and its place when it is new. */
static void tree_update(struct state *state, uint32_t number)
{
    struct state_record *record = &state->records[number];
    uint8_t leaf[1 + 2 * HASH_BYTES];

    if (!record->hashed) {
        hash_bytes(bytes_make(record->key, record->key_len), record->key_hash);
        record->hashed = true;
    }
    leaf[0] = 0x00;
    memcpy(leaf + 1, record->key_hash, HASH_BYTES);
    hash_bytes(state_record_value(state, record), leaf + 1 + HASH_BYTES);
    hash_bytes(BYTES_OF_ARRAY(leaf), record->leaf_hash);
    if (record->in_tree) {
        tree_touch(state, record);
    } else {
        tree_insert(state, number);
    }
}

void state_root(struct state *state, uint8_t out[HASH_BYTES])
{
    while (state->dirty_first != STATE_NONE) {
        struct state_record *record = &state->records[state->dirty_first];

        tree_update(state, state->dirty_first);
        state->dirty_first = record->dirty_next;
        record->dirty = false;
    }
    tree_rehash(state);
    if (state->tree == STATE_NONE) {
        memset(out, 0, HASH_BYTES);
        return;
    }
    hash_at_depth(state, state->tree, 0, out);
}

/* --- Below a node ------------------------------------------------------------------------------
 */

/* The place whose records are those below the node at `depth` on the path of `prefix`. */
static uint32_t place_below(const struct state *state, const uint8_t prefix[HASH_BYTES],
                            unsigned depth)
{
    uint32_t at = state->tree;

    CHECK(depth <= DEPTH);
    CHECK(state->dirty_first == STATE_NONE);
    CHECK(!is_dirty_node(state, at));
    if (at == STATE_NONE) {
        return STATE_NONE;
    }
    while ((at & STATE_LEAF) == 0 && state->nodes[at].bit < depth) {
        at = state->nodes[at].child[bit_at(prefix, state->nodes[at].bit)];
    }

    const uint8_t *path = any_record(state, at)->key_hash;

    for (unsigned bit = 0; bit < depth; bit++) {
        if (bit_at(path, bit) != bit_at(prefix, bit)) {
            return STATE_NONE;
        }
    }
    return at;
}

void state_below_hash(const struct state *state, const uint8_t prefix[HASH_BYTES], unsigned depth,
                      uint8_t out[HASH_BYTES])
{
    const uint32_t place = place_below(state, prefix, depth);

    if (place == STATE_NONE) {
        memset(out, 0, HASH_BYTES);
        return;
    }
    hash_at_depth(state, place, depth, out);
}

bool state_below_visit(const struct state *state, const uint8_t prefix[HASH_BYTES], unsigned depth,
                       state_visitor *visit, void *context)
{
    uint32_t right[DEPTH]; /* the sides that are still to be seen, the deepest last */
    unsigned count = 0;
    uint32_t at = place_below(state, prefix, depth);

    while (at != STATE_NONE) {
        if ((at & STATE_LEAF) == 0) {
            right[count++] = state->nodes[at].child[1];
            at = state->nodes[at].child[0];
            continue;
        }

        const struct state_record *record = leaf_record(state, at);

        if (!visit(context, bytes_make(record->key, record->key_len),
                   state_record_value(state, record))) {
            return false;
        }
        at = count > 0 ? right[--count] : STATE_NONE;
    }
    return true;
}
