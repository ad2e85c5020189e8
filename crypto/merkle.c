#include "crypto/merkle.h"

#include "crypto/hash.h"

#include <string.h>

/* The level of the root: the first on which the tree's last leaf lies under node 0. */
static unsigned top_level(uint64_t size)
{
    unsigned level = 0;

    while ((size - 1) >> level != 0) {
        level++;
    }
    return level;
}

static bool bit_is_set(uint64_t number, unsigned bit)
{
    return (number >> bit & 1) != 0;
}

/* number must not be 0. */
static unsigned lowest_bit(uint64_t number)
{
    return (unsigned)__builtin_ctzll(number);
}

struct bytes merkle_proof_bytes(const struct merkle_proof *proof)
{
    return bytes_make(proof->hashes, proof->count * (size_t)HASH_BYTES);
}

void merkle_leaf_hash(struct bytes leaf, uint8_t out[HASH_BYTES])
{
    static const uint8_t prefix[1] = {0x00};
    const struct bytes parts[] = {BYTES_OF_ARRAY(prefix), leaf};

    hash_parts(parts, 2, out);
}

void merkle_node_hash(const uint8_t left[HASH_BYTES], const uint8_t right[HASH_BYTES],
                      uint8_t out[HASH_BYTES])
{
    uint8_t node[1 + 2 * HASH_BYTES];

    node[0] = 0x01;
    memcpy(node + 1, left, HASH_BYTES);
    memcpy(node + 1 + HASH_BYTES, right, HASH_BYTES);
    hash_bytes(BYTES_OF_ARRAY(node), out);
}

void merkle_empty_root(uint8_t out[HASH_BYTES])
{
    hash_bytes(BYTES_EMPTY, out);
}

/* --- Growing a tree --------------------------------------------------------------------------- */

/* Append a complete subtree of that level, for which the size must be a multiple of its leaves. */
static void push(struct merkle_frontier *frontier, unsigned level, const uint8_t node[HASH_BYTES],
                 merkle_completed *completed, void *context)
{
    const uint64_t size = frontier->size;
    uint8_t hash[HASH_BYTES];

    memcpy(hash, node, HASH_BYTES);
    frontier->size += UINT64_C(1) << level;
    for (;;) {
        if (completed != NULL) {
            completed(context, level, size >> level, hash);
        }
        if (!bit_is_set(size, level)) {
            break;
        }
        merkle_node_hash(frontier->hashes[level], hash, hash);
        level++;
    }
    memcpy(frontier->hashes[level], hash, HASH_BYTES);
}

bool merkle_append(struct merkle_frontier *frontier, const uint8_t leaf_hash[HASH_BYTES],
                   merkle_completed *completed, void *context)
{
    if (frontier->size >= MERKLE_SIZE_MAX) {
        return false;
    }
    push(frontier, 0, leaf_hash, completed, context);
    return true;
}

/* hash = the root of the frontier's subtrees followed by the subtree `hash`, which is smaller than
 * the smallest of them. */
static void fold(const struct merkle_frontier *frontier, uint8_t hash[HASH_BYTES])
{
    for (unsigned level = 0; level < MERKLE_PATH_MAX; level++) {
        if (bit_is_set(frontier->size, level)) {
            merkle_node_hash(frontier->hashes[level], hash, hash);
        }
    }
}

void merkle_root(const struct merkle_frontier *frontier, uint8_t out[HASH_BYTES])
{
    uint8_t hash[HASH_BYTES];

    if (frontier->size == 0) {
        merkle_empty_root(out);
        return;
    }
    const unsigned lowest = lowest_bit(frontier->size);

    memcpy(hash, frontier->hashes[lowest], HASH_BYTES);
    for (unsigned level = lowest + 1; level < MERKLE_PATH_MAX; level++) {
        if (bit_is_set(frontier->size, level)) {
            merkle_node_hash(frontier->hashes[level], hash, hash);
        }
    }
    memcpy(out, hash, HASH_BYTES);
}

void merkle_root_of(struct bytes leaf_hashes, uint8_t out[HASH_BYTES])
{
    struct merkle_frontier frontier;

    CHECK(leaf_hashes.len % HASH_BYTES == 0);
    CHECK(leaf_hashes.len / HASH_BYTES <= MERKLE_SIZE_MAX);
    frontier.size = 0;
    for (size_t at = 0; at < leaf_hashes.len; at += HASH_BYTES) {
        push(&frontier, 0, leaf_hashes.data + at, NULL, NULL);
    }
    merkle_root(&frontier, out);
}

/* --- Making proofs out of stored nodes -------------------------------------------------------- */

bool merkle_frontier_read(uint64_t size, merkle_read *read, void *context,
                          struct merkle_frontier *out)
{
    if (size > MERKLE_SIZE_MAX) {
        return false;
    }
    out->size = size;
    for (unsigned level = 0; level < MERKLE_PATH_MAX; level++) {
        /* The subtree of this bit ends where the bits below it are left off. */
        if (bit_is_set(size, level) &&
            !read(context, level, (size >> level) - 1, out->hashes[level])) {
            return false;
        }
    }
    return true;
}

/* A node of the tree of `size` leaves, which may be ragged. It is then made of those of the tree's
 * complete subtrees that lie in it: the bits of `size` below its level. */
static bool node_read(unsigned level, uint64_t index, uint64_t size, merkle_read *read,
                      void *context, uint8_t out[HASH_BYTES])
{
    bool started = false;

    if ((index + 1) << level <= size) {
        return read(context, level, index, out);
    }
    for (unsigned below = 0; below < level; below++) {
        uint8_t subtree[HASH_BYTES];

        if (!bit_is_set(size, below)) {
            continue;
        }
        if (!read(context, below, (size >> below) - 1, subtree)) {
            return false;
        }
        if (started) {
            merkle_node_hash(subtree, out, out);
        } else {
            memcpy(out, subtree, HASH_BYTES);
        }
        started = true;
    }
    CHECK(started);
    return true;
}

/* Add the siblings on the way from a node to the root. */
static bool climb(unsigned level, uint64_t index, uint64_t size, merkle_read *read, void *context,
                  struct merkle_proof *out)
{
    for (; (size - 1) >> level != 0; level++, index >>= 1) {
        const uint64_t sibling = index ^ 1;

        if (sibling > (size - 1) >> level) {
            continue;
        }
        if (!node_read(level, sibling, size, read, context, out->hashes[out->count])) {
            return false;
        }
        out->count++;
    }
    return true;
}

bool merkle_inclusion_make(uint64_t index, uint64_t size, merkle_read *read, void *context,
                           struct merkle_proof *out)
{
    if (size > MERKLE_SIZE_MAX || index >= size) {
        return false;
    }
    out->count = 0;
    return climb(0, index, size, read, context, out);
}

bool merkle_consistency_make(uint64_t from, uint64_t to, merkle_read *read, void *context,
                             struct merkle_proof *out)
{
    if (from == 0 || from > to || to > MERKLE_SIZE_MAX) {
        return false;
    }
    out->count = 0;
    if (from == to) {
        return true;
    }
    /* The proof climbs from the last complete subtree of the older tree. Where that is the whole
     * older tree, the verifier has its hash already. */
    const unsigned level = lowest_bit(from);
    const uint64_t index = (from >> level) - 1;

    if (index != 0) {
        if (!read(context, level, index, out->hashes[0])) {
            return false;
        }
        out->count = 1;
    }
    return climb(level, index, to, read, context, out);
}

bool merkle_range_make(uint64_t begin, uint64_t end, uint64_t size, merkle_read *read,
                       void *context, struct merkle_proof *out)
{
    if (begin >= end || end > size || size > MERKLE_SIZE_MAX) {
        return false;
    }
    out->count = 0;
    /* What lies to the left is the frontier of `begin` leaves, the largest subtree first. */
    for (unsigned level = MERKLE_PATH_MAX; level-- > 0;) {
        if (!bit_is_set(begin, level)) {
            continue;
        }
        if (!read(context, level, (begin >> level) - 1, out->hashes[out->count])) {
            return false;
        }
        out->count++;
    }
    /* What lies to the right are the right siblings on the last leaf's way to the root. */
    for (unsigned level = 0; level < top_level(size); level++) {
        const uint64_t index = (end - 1) >> level;

        if (bit_is_set(index, 0) || index + 1 > (size - 1) >> level) {
            continue;
        }
        if (!node_read(level, index + 1, size, read, context, out->hashes[out->count])) {
            return false;
        }
        out->count++;
    }
    return true;
}

/* --- Verifying proofs ------------------------------------------------------------------------- */

/* Take the next hash off a list whose length is a multiple of HASH_BYTES; NULL at its end. */
static const uint8_t *next_hash(struct bytes *list)
{
    const uint8_t *hash = list->data;

    if (list->len == 0) {
        return NULL;
    }
    *list = bytes_slice(*list, HASH_BYTES, list->len - HASH_BYTES);
    return hash;
}

static bool is_hash_list(struct bytes list, size_t count_max)
{
    return list.len % HASH_BYTES == 0 && list.len / HASH_BYTES <= count_max;
}

/* One step of RFC 9162, sections 2.1.3.2 and 2.1.4.2: the node at `*index` of a level whose last
 * node is `*last` moves up over its next sibling, promoted levels skipped. Whether that sibling is
 * the left one. */
static bool move_up(uint64_t *index, uint64_t *last)
{
    const bool from_left = bit_is_set(*index, 0) || *index == *last;

    if (from_left) {
        while (!bit_is_set(*index, 0) && *index != 0) {
            *index >>= 1;
            *last >>= 1;
        }
    }
    *index >>= 1;
    *last >>= 1;
    return from_left;
}

bool merkle_inclusion_verify(uint64_t index, uint64_t size, const uint8_t leaf_hash[HASH_BYTES],
                             struct bytes path, const uint8_t root[HASH_BYTES])
{
    uint8_t hash[HASH_BYTES];

    if (size > MERKLE_SIZE_MAX || index >= size || !is_hash_list(path, MERKLE_PATH_MAX)) {
        return false;
    }
    uint64_t last = size - 1;
    const uint8_t *sibling = next_hash(&path);

    memcpy(hash, leaf_hash, HASH_BYTES);
    while (sibling != NULL) {
        if (last == 0) {
            return false;
        }
        if (move_up(&index, &last)) {
            merkle_node_hash(sibling, hash, hash);
        } else {
            merkle_node_hash(hash, sibling, hash);
        }
        sibling = next_hash(&path);
    }
    return last == 0 && hash_equal(hash, root);
}

/* Whether an empty proof is right, for the cases that have one. */
static bool trivially_consistent(uint64_t from, uint64_t to, const uint8_t from_root[HASH_BYTES],
                                 const uint8_t to_root[HASH_BYTES])
{
    uint8_t empty[HASH_BYTES];

    if (from == to && !hash_equal(from_root, to_root)) {
        return false;
    }
    if (from != 0) {
        return from == to;
    }
    merkle_empty_root(empty);
    return hash_equal(from_root, empty);
}

bool merkle_consistency_verify(uint64_t from, uint64_t to, const uint8_t from_root[HASH_BYTES],
                               const uint8_t to_root[HASH_BYTES], struct bytes proof)
{
    uint8_t older[HASH_BYTES];
    uint8_t newer[HASH_BYTES];

    if (from > to || to > MERKLE_SIZE_MAX || !is_hash_list(proof, MERKLE_PATH_MAX + 1)) {
        return false;
    }
    if (proof.len == 0) {
        return trivially_consistent(from, to, from_root, to_root);
    }
    if (from == 0 || from == to) {
        return false;
    }
    const unsigned level = lowest_bit(from);
    uint64_t index = (from - 1) >> level;
    uint64_t last = (to - 1) >> level;
    const uint8_t *start = index == 0 ? from_root : next_hash(&proof);
    const uint8_t *sibling = next_hash(&proof);

    memcpy(older, start, HASH_BYTES);
    memcpy(newer, start, HASH_BYTES);
    while (sibling != NULL) {
        if (last == 0) {
            return false;
        }
        if (move_up(&index, &last)) {
            merkle_node_hash(sibling, older, older);
            merkle_node_hash(sibling, newer, newer);
        } else {
            merkle_node_hash(newer, sibling, newer);
        }
        sibling = next_hash(&proof);
    }
    return last == 0 && hash_equal(older, from_root) && hash_equal(newer, to_root);
}

/* Add what lies to the right of the frontier in a tree of `size` leaves, and come to its root. The
 * next subtree is always as large as the frontier's smallest, unless the tree ends within it. */
static bool complete_right(struct merkle_frontier *frontier, uint64_t size, struct bytes *proof,
                           uint8_t root[HASH_BYTES])
{
    while (frontier->size < size) {
        const unsigned level = lowest_bit(frontier->size);
        const uint8_t *subtree = next_hash(proof);

        if (subtree == NULL) {
            return false;
        }
        if (size - frontier->size < UINT64_C(1) << level) {
            memcpy(root, subtree, HASH_BYTES);
            fold(frontier, root);
            return true;
        }
        push(frontier, level, subtree, NULL, NULL);
    }
    merkle_root(frontier, root);
    return true;
}

bool merkle_range_is_valid(const struct merkle_range *range)
{
    if (range->begin >= range->end || range->end > range->size || range->size > MERKLE_SIZE_MAX) {
        return false;
    }
    return range->leaf_hashes.len % HASH_BYTES == 0 &&
           range->leaf_hashes.len / HASH_BYTES == range->end - range->begin;
}

/* Begin with the frontier that the proof says lies to the left of the range. */
static bool take_left(struct merkle_frontier *frontier, uint64_t begin, struct bytes *proof)
{
    frontier->size = begin;
    for (unsigned level = MERKLE_PATH_MAX; level-- > 0;) {
        if (!bit_is_set(begin, level)) {
            continue;
        }
        const uint8_t *subtree = next_hash(proof);

        if (subtree == NULL) {
            return false;
        }
        memcpy(frontier->hashes[level], subtree, HASH_BYTES);
    }
    return true;
}

bool merkle_range_verify(const struct merkle_range *range, struct bytes proof,
                         const uint8_t root[HASH_BYTES])
{
    struct merkle_frontier frontier;
    uint8_t computed[HASH_BYTES];

    if (!merkle_range_is_valid(range) || !is_hash_list(proof, MERKLE_PROOF_MAX)) {
        return false;
    }
    if (!take_left(&frontier, range->begin, &proof)) {
        return false;
    }
    for (size_t at = 0; at < range->leaf_hashes.len; at += HASH_BYTES) {
        push(&frontier, 0, range->leaf_hashes.data + at, NULL, NULL);
    }
    if (!complete_right(&frontier, range->size, &proof, computed)) {
        return false;
    }
    return proof.len == 0 && hash_equal(computed, root);
}
