/* The Merkle tree as RFC 6962, section 2.1 defines it: recursive, slow, and written from the
 * definitions alone, to compare crypto/merkle with. Also a store of complete nodes that serves its
 * readers. */
#ifndef VESTRY_TESTS_SUPPORT_NAIVE_TREE_H
#define VESTRY_TESTS_SUPPORT_NAIVE_TREE_H

#include "crypto/merkle.h"

#define NAIVE_LEAVES_MAX 256
#define NAIVE_LEVELS 9

struct naive_tree {
    size_t size;
    uint8_t leaves[NAIVE_LEAVES_MAX][HASH_BYTES];
    struct merkle_frontier frontier;
    /* The nodes that the frontier reported as complete, and how many reads may still succeed. */
    bool present[NAIVE_LEVELS][NAIVE_LEAVES_MAX];
    uint8_t nodes[NAIVE_LEVELS][NAIVE_LEAVES_MAX][HASH_BYTES];
    size_t reads;
    size_t reads_max;
};

/* A tree of `size` different leaves, grown through merkle_append. */
void naive_tree_init(struct naive_tree *tree, size_t size);

/* A merkle_read over the reported nodes; the context is the tree. */
bool naive_tree_read(void *tree, unsigned level, uint64_t index, uint8_t out[HASH_BYTES]);

/* The hashes of the leaves [begin, end). */
struct bytes naive_tree_leaves(const struct naive_tree *tree, size_t begin, size_t end);

/* MTH, PATH and PROOF over the leaves [0, size), and the hashes outside [begin, end). */
void naive_root(const struct naive_tree *tree, size_t size, uint8_t out[HASH_BYTES]);
void naive_path(const struct naive_tree *tree, size_t index, size_t size, struct merkle_proof *out);
void naive_consistency(const struct naive_tree *tree, size_t from, size_t to,
                       struct merkle_proof *out);
void naive_range(const struct naive_tree *tree, size_t begin, size_t end, size_t size,
                 struct merkle_proof *out);

#endif
