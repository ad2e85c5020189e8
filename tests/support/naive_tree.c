#include "tests/support/naive_tree.h"

#include "crypto/hash.h"

#include <string.h>

static void on_completed(void *context, unsigned level, uint64_t index,
                         const uint8_t hash[HASH_BYTES])
{
    struct naive_tree *tree = context;

    CHECK(level < NAIVE_LEVELS);
    CHECK(index < NAIVE_LEAVES_MAX);
    CHECK(!tree->present[level][index]);
    tree->present[level][index] = true;
    memcpy(tree->nodes[level][index], hash, HASH_BYTES);
}

void naive_tree_init(struct naive_tree *tree, size_t size)
{
    CHECK(size <= NAIVE_LEAVES_MAX);
    memset(tree, 0, sizeof(*tree));
    tree->size = size;
    tree->reads_max = SIZE_MAX;
    for (size_t i = 0; i < size; i++) {
        const uint8_t leaf[2] = {(uint8_t)i, (uint8_t)(i >> 8)};

        merkle_leaf_hash(BYTES_OF_ARRAY(leaf), tree->leaves[i]);
        CHECK(merkle_append(&tree->frontier, tree->leaves[i], on_completed, tree));
    }
}

bool naive_tree_read(void *context, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    struct naive_tree *tree = context;

    CHECK(level < NAIVE_LEVELS);
    CHECK(index < NAIVE_LEAVES_MAX);
    CHECK(tree->present[level][index]);
    if (tree->reads == tree->reads_max) {
        return false;
    }
    tree->reads++;
    memcpy(out, tree->nodes[level][index], HASH_BYTES);
    return true;
}

struct bytes naive_tree_leaves(const struct naive_tree *tree, size_t begin, size_t end)
{
    return bytes_make(tree->leaves[begin], (end - begin) * HASH_BYTES);
}

/* The largest power of two below `count`, which is at least 2. */
static size_t split(size_t count)
{
    size_t k = 1;

    while (2 * k < count) {
        k *= 2;
    }
    return k;
}

static void mth(const struct naive_tree *tree, size_t begin, size_t end, uint8_t out[HASH_BYTES])
{
    uint8_t node[1 + 2 * HASH_BYTES] = {0x01};

    if (begin == end) {
        hash_bytes(BYTES_EMPTY, out);
        return;
    }
    if (end - begin == 1) {
        memcpy(out, tree->leaves[begin], HASH_BYTES);
        return;
    }
    const size_t k = split(end - begin);

    mth(tree, begin, begin + k, node + 1);
    mth(tree, begin + k, end, node + 1 + HASH_BYTES);
    hash_bytes(BYTES_OF_ARRAY(node), out);
}

static void add(const struct naive_tree *tree, size_t begin, size_t end, struct merkle_proof *out)
{
    CHECK(out->count < MERKLE_PROOF_MAX);
    mth(tree, begin, end, out->hashes[out->count]);
    out->count++;
}

void naive_root(const struct naive_tree *tree, size_t size, uint8_t out[HASH_BYTES])
{
    mth(tree, 0, size, out);
}

static void path(const struct naive_tree *tree, size_t m, size_t begin, size_t end,
                 struct merkle_proof *out)
{
    if (end - begin == 1) {
        return;
    }
    const size_t k = split(end - begin);

    if (m < k) {
        path(tree, m, begin, begin + k, out);
        add(tree, begin + k, end, out);
    } else {
        path(tree, m - k, begin + k, end, out);
        add(tree, begin, begin + k, out);
    }
}

void naive_path(const struct naive_tree *tree, size_t index, size_t size, struct merkle_proof *out)
{
    out->count = 0;
    path(tree, index, 0, size, out);
}

static void subproof(const struct naive_tree *tree, size_t m, size_t begin, size_t end, bool whole,
                     struct merkle_proof *out)
{
    if (m == end - begin) {
        if (!whole) {
            add(tree, begin, end, out);
        }
        return;
    }
    const size_t k = split(end - begin);

    if (m <= k) {
        subproof(tree, m, begin, begin + k, whole, out);
        add(tree, begin + k, end, out);
    } else {
        subproof(tree, m - k, begin + k, end, false, out);
        add(tree, begin, begin + k, out);
    }
}

void naive_consistency(const struct naive_tree *tree, size_t from, size_t to,
                       struct merkle_proof *out)
{
    out->count = 0;
    subproof(tree, from, 0, to, true, out);
}

struct interval {
    size_t begin;
    size_t end;
};

static void outside(const struct naive_tree *tree, struct interval range, struct interval node,
                    struct merkle_proof *out)
{
    if (node.end <= range.begin || node.begin >= range.end) {
        add(tree, node.begin, node.end, out);
        return;
    }
    if (node.begin >= range.begin && node.end <= range.end) {
        return;
    }
    const size_t k = split(node.end - node.begin);

    outside(tree, range, (struct interval){node.begin, node.begin + k}, out);
    outside(tree, range, (struct interval){node.begin + k, node.end}, out);
}

void naive_range(const struct naive_tree *tree, size_t begin, size_t end, size_t size,
                 struct merkle_proof *out)
{
    out->count = 0;
    outside(tree, (struct interval){begin, end}, (struct interval){0, size}, out);
}
