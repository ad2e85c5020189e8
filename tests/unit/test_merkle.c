#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "crypto/words.h"
#include "tests/support/naive_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Every size up to this one is tried: past two powers of two, odd and even on both sides. */
#define SIZE_TRIED_MAX 131

static struct naive_tree tree;

static void assert_same_proof(const struct merkle_proof *a, const struct merkle_proof *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->hashes, b->hashes, a->count * HASH_BYTES);
}

/* The leaves of the Certificate Transparency reference tests, and the roots published with them. */
static void the_published_roots_come_out(void **state)
{
    static const char *const leaves[] = {
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    };
    static const char *const roots[] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    struct merkle_frontier frontier = {0};
    uint8_t hashes[8][HASH_BYTES];

    (void)state;
    for (size_t size = 0; size <= 8; size++) {
        uint8_t expected[HASH_BYTES];
        uint8_t root[HASH_BYTES];

        assert_true(hex_parse(bytes_of_text(roots[size]), expected, HASH_BYTES));
        merkle_root(&frontier, root);
        assert_memory_equal(root, expected, HASH_BYTES);
        merkle_root_of(bytes_make(hashes, size * HASH_BYTES), root);
        assert_memory_equal(root, expected, HASH_BYTES);
        if (size < 8) {
            uint8_t leaf[16];
            const size_t len = strlen(leaves[size]) / 2;

            assert_true(hex_parse(bytes_of_text(leaves[size]), leaf, len));
            merkle_leaf_hash(bytes_make(leaf, len), hashes[size]);
            assert_true(merkle_append(&frontier, hashes[size], NULL, NULL));
        }
    }
}

static void roots_and_stored_frontiers_agree_with_the_definition(void **state)
{
    (void)state;
    naive_tree_init(&tree, SIZE_TRIED_MAX);
    for (size_t size = 0; size <= SIZE_TRIED_MAX; size++) {
        struct merkle_frontier frontier;
        uint8_t expected[HASH_BYTES];
        uint8_t root[HASH_BYTES];

        naive_root(&tree, size, expected);
        assert_true(merkle_frontier_read(size, naive_tree_read, &tree, &frontier));
        assert_int_equal(frontier.size, size);
        merkle_root(&frontier, root);
        assert_memory_equal(root, expected, HASH_BYTES);
        merkle_root_of(naive_tree_leaves(&tree, 0, size), root);
        assert_memory_equal(root, expected, HASH_BYTES);
    }
}

/* naive_tree refuses a node that is reported twice and a read of one that was not reported. */
static void an_append_reports_each_complete_node_once(void **state)
{
    (void)state;
    naive_tree_init(&tree, SIZE_TRIED_MAX);
    for (unsigned level = 0; level < NAIVE_LEVELS; level++) {
        for (size_t index = 0; index < NAIVE_LEAVES_MAX; index++) {
            const bool complete = (index + 1) << level <= SIZE_TRIED_MAX;

            assert_int_equal(tree.present[level][index], complete);
        }
    }
}

static void a_full_tree_takes_no_leaf(void **state)
{
    struct merkle_frontier frontier = {.size = MERKLE_SIZE_MAX};
    const uint8_t leaf[HASH_BYTES] = {0};

    (void)state;
    assert_false(merkle_append(&frontier, leaf, NULL, NULL));
    assert_int_equal(frontier.size, MERKLE_SIZE_MAX);
}

static void inclusion_paths_are_those_of_the_rfc_and_verify(void **state)
{
    (void)state;
    naive_tree_init(&tree, SIZE_TRIED_MAX);
    for (size_t size = 1; size <= SIZE_TRIED_MAX; size++) {
        uint8_t root[HASH_BYTES];

        naive_root(&tree, size, root);
        for (size_t index = 0; index < size; index++) {
            struct merkle_proof expected;
            struct merkle_proof made;

            naive_path(&tree, index, size, &expected);
            assert_true(merkle_inclusion_make(index, size, naive_tree_read, &tree, &made));
            assert_same_proof(&made, &expected);
            assert_true(merkle_inclusion_verify(index, size, tree.leaves[index],
                                                merkle_proof_bytes(&made), root));
        }
    }
}

static void an_inclusion_path_holds_for_one_index_one_leaf_and_one_root(void **state)
{
    enum {
        SIZE = 21
    };
    uint8_t root[HASH_BYTES];

    (void)state;
    naive_tree_init(&tree, SIZE);
    naive_root(&tree, SIZE, root);
    for (size_t index = 0; index < SIZE; index++) {
        struct merkle_proof proof;

        naive_path(&tree, index, SIZE, &proof);
        for (size_t other = 0; other < SIZE + 3; other++) {
            const size_t leaf = other < SIZE ? other : 0;
            const struct bytes path = merkle_proof_bytes(&proof);

            assert_int_equal(merkle_inclusion_verify(other, SIZE, tree.leaves[index], path, root),
                             other == index);
            assert_int_equal(merkle_inclusion_verify(index, SIZE, tree.leaves[leaf], path, root),
                             leaf == index);
        }
        for (size_t byte = 0; byte < proof.count * HASH_BYTES; byte++) {
            uint8_t *at = &proof.hashes[byte / HASH_BYTES][byte % HASH_BYTES];

            *at ^= 0x10;
            assert_false(merkle_inclusion_verify(index, SIZE, tree.leaves[index],
                                                 merkle_proof_bytes(&proof), root));
            *at ^= 0x10;
        }
        root[index] ^= 1;
        assert_false(merkle_inclusion_verify(index, SIZE, tree.leaves[index],
                                             merkle_proof_bytes(&proof), root));
        root[index] ^= 1;
    }
}

static void a_path_of_another_length_is_refused(void **state)
{
    uint8_t root[HASH_BYTES];
    uint8_t longer[64 * HASH_BYTES] = {0};
    struct merkle_proof proof;

    (void)state;
    naive_tree_init(&tree, 40);
    for (size_t size = 1; size <= 40; size++) {
        const size_t index = size / 3;

        naive_root(&tree, size, root);
        naive_path(&tree, index, size, &proof);
        const struct bytes path = merkle_proof_bytes(&proof);

        memcpy(longer, proof.hashes, path.len);
        for (size_t len = 0; len < sizeof(longer); len++) {
            const struct bytes cut = bytes_make(longer, len);

            assert_int_equal(merkle_inclusion_verify(index, size, tree.leaves[index], cut, root),
                             len == path.len);
        }
    }
}

/* A node hash shown as a leaf: what the two prefixes are for. */
static void an_inner_node_is_not_a_leaf(void **state)
{
    uint8_t both[2 * HASH_BYTES];
    uint8_t as_leaf[HASH_BYTES];
    uint8_t as_node[HASH_BYTES];

    (void)state;
    naive_tree_init(&tree, 2);
    memcpy(both, tree.leaves, sizeof(both));
    merkle_leaf_hash(BYTES_OF_ARRAY(both), as_leaf);
    merkle_node_hash(tree.leaves[0], tree.leaves[1], as_node);
    assert_memory_not_equal(as_leaf, as_node, HASH_BYTES);
}

static void consistency_proofs_are_those_of_the_rfc_and_verify(void **state)
{
    uint8_t roots[SIZE_TRIED_MAX + 1][HASH_BYTES];

    (void)state;
    naive_tree_init(&tree, SIZE_TRIED_MAX);
    for (size_t size = 0; size <= SIZE_TRIED_MAX; size++) {
        naive_root(&tree, size, roots[size]);
    }
    for (size_t to = 1; to <= SIZE_TRIED_MAX; to++) {
        for (size_t from = 1; from <= to; from++) {
            struct merkle_proof expected;
            struct merkle_proof made;

            naive_consistency(&tree, from, to, &expected);
            assert_true(merkle_consistency_make(from, to, naive_tree_read, &tree, &made));
            assert_same_proof(&made, &expected);
            const struct bytes proof = merkle_proof_bytes(&made);

            assert_true(merkle_consistency_verify(from, to, roots[from], roots[to], proof));
            assert_int_equal(merkle_consistency_verify(from, to, roots[from - 1], roots[to], proof),
                             false);
            assert_int_equal(merkle_consistency_verify(from, to, roots[from], roots[to - 1], proof),
                             false);
        }
    }
}

static void a_damaged_consistency_proof_is_refused(void **state)
{
    uint8_t roots[33][HASH_BYTES];
    uint8_t longer[60 * HASH_BYTES] = {0};

    (void)state;
    naive_tree_init(&tree, 32);
    for (size_t size = 0; size <= 32; size++) {
        naive_root(&tree, size, roots[size]);
    }
    for (size_t to = 1; to <= 32; to++) {
        for (size_t from = 1; from <= to; from++) {
            struct merkle_proof proof;

            naive_consistency(&tree, from, to, &proof);
            const struct bytes whole = merkle_proof_bytes(&proof);

            memcpy(longer, proof.hashes, whole.len);
            for (size_t len = 0; len <= whole.len + 2 * HASH_BYTES; len += HASH_BYTES / 2) {
                assert_int_equal(merkle_consistency_verify(from, to, roots[from], roots[to],
                                                           bytes_make(longer, len)),
                                 len == whole.len);
            }
            for (size_t at = 0; at < whole.len; at += 7) {
                longer[at] ^= 0x80;
                assert_false(merkle_consistency_verify(from, to, roots[from], roots[to],
                                                       bytes_make(longer, whole.len)));
                longer[at] ^= 0x80;
            }
        }
    }
}

static void only_the_empty_root_is_consistent_from_size_zero(void **state)
{
    uint8_t empty[HASH_BYTES];
    uint8_t root[HASH_BYTES];

    (void)state;
    naive_tree_init(&tree, 3);
    naive_root(&tree, 3, root);
    merkle_empty_root(empty);
    assert_true(merkle_consistency_verify(0, 3, empty, root, BYTES_EMPTY));
    assert_true(merkle_consistency_verify(0, 0, empty, empty, BYTES_EMPTY));
    assert_false(merkle_consistency_verify(0, 3, root, root, BYTES_EMPTY));
    assert_false(merkle_consistency_verify(0, 0, root, root, BYTES_EMPTY));
    assert_false(merkle_consistency_verify(0, 0, empty, root, BYTES_EMPTY));
    assert_false(merkle_consistency_verify(0, 3, empty, root, BYTES_OF_ARRAY(root)));
    assert_false(merkle_consistency_verify(3, 3, root, root, BYTES_OF_ARRAY(root)));
    assert_false(merkle_consistency_verify(3, 2, root, root, BYTES_EMPTY));
}

/* What would verify but for the sizes that are stated: each proof is right for the hashes alone. */
static void a_consistency_proof_must_fit_the_stated_sizes(void **state)
{
    uint8_t root[MERKLE_LEVELS + 1][HASH_BYTES];
    uint8_t siblings[MERKLE_LEVELS * HASH_BYTES] = {0};

    (void)state;
    naive_tree_init(&tree, 8);
    naive_root(&tree, 4, root[0]);
    for (size_t i = 0; i < MERKLE_LEVELS; i++) {
        merkle_node_hash(root[i], siblings + i * HASH_BYTES, root[i + 1]);
    }
    const struct bytes one = bytes_make(siblings, HASH_BYTES);

    assert_true(merkle_consistency_verify(4, 8, root[0], root[1], one));
    assert_false(merkle_consistency_verify(4, 16, root[0], root[1], one));
    assert_false(merkle_consistency_verify(4, 9, root[0], root[1], one));
    assert_true(merkle_consistency_verify(1, UINT64_C(1) << 47, root[0], root[47],
                                          bytes_make(siblings, 47 * (size_t)HASH_BYTES)));
    assert_false(merkle_consistency_verify(1, UINT64_C(1) << 48, root[0], root[48],
                                           bytes_make(siblings, 48 * (size_t)HASH_BYTES)));

    /* From a larger tree to a smaller one, and a proof where none is needed. */
    uint8_t pair[2 * HASH_BYTES];

    memcpy(pair, root[0], HASH_BYTES);
    memcpy(pair + HASH_BYTES, siblings, HASH_BYTES);
    assert_false(merkle_consistency_verify(3, 2, root[0], root[1], BYTES_OF_ARRAY(pair)));
    naive_root(&tree, 3, root[0]);
    memcpy(pair, tree.leaves[2], HASH_BYTES);
    naive_root(&tree, 2, pair + HASH_BYTES);
    assert_true(merkle_consistency_verify(3, 3, root[0], root[0], BYTES_EMPTY));
    assert_false(merkle_consistency_verify(3, 3, root[0], root[0], BYTES_OF_ARRAY(pair)));
}

/* A log of equal leaves: the complete nodes of a level are all alike, so that trees of any size can
 * be had without storing them. */
static uint8_t alike[MERKLE_LEVELS][HASH_BYTES];

static bool alike_read(void *context, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    const uint64_t *size = context;

    assert_in_range(level, 0, MERKLE_LEVELS - 1);
    assert_true((index + 1) << level <= *size);
    memcpy(out, alike[level], HASH_BYTES);
    return true;
}

static void the_largest_trees_have_proofs_that_verify(void **state)
{
    const uint64_t half = UINT64_C(1) << 47;
    const uint64_t sizes[] = {half - 1, half, half + 1, half + 12345, MERKLE_SIZE_MAX};

    (void)state;
    merkle_leaf_hash(BYTES_EMPTY, alike[0]);
    for (unsigned level = 1; level < MERKLE_LEVELS; level++) {
        merkle_node_hash(alike[level - 1], alike[level - 1], alike[level]);
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint64_t size = sizes[i];
        const uint64_t places[] = {0, 1, size / 3, half - 2, size - 2, size - 1};
        struct merkle_frontier frontier;
        struct merkle_proof proof;
        uint8_t root[HASH_BYTES];
        uint8_t older[HASH_BYTES];

        assert_true(merkle_frontier_read(size, alike_read, &size, &frontier));
        merkle_root(&frontier, root);
        for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++) {
            const struct merkle_range range = {places[j], places[j] + 1, size,
                                               BYTES_OF_ARRAY(alike[0])};

            assert_true(merkle_inclusion_make(places[j], size, alike_read, &size, &proof));
            assert_in_range(proof.count, 1, MERKLE_PATH_MAX);
            assert_true(merkle_inclusion_verify(places[j], size, alike[0],
                                                merkle_proof_bytes(&proof), root));
            assert_true(merkle_range_make(range.begin, range.end, size, alike_read, &size, &proof));
            assert_true(merkle_range_verify(&range, merkle_proof_bytes(&proof), root));

            assert_true(merkle_frontier_read(places[j] + 1, alike_read, &size, &frontier));
            merkle_root(&frontier, older);
            assert_true(merkle_consistency_make(places[j] + 1, size, alike_read, &size, &proof));
            assert_true(merkle_consistency_verify(places[j] + 1, size, older, root,
                                                  merkle_proof_bytes(&proof)));
        }
    }
}

static void positions_outside_the_tree_are_refused(void **state)
{
    const uint64_t too_large = MERKLE_SIZE_MAX + 1;
    struct merkle_frontier frontier;
    struct merkle_proof proof;
    uint8_t root[HASH_BYTES];

    (void)state;
    naive_tree_init(&tree, 8);
    naive_root(&tree, 8, root);
    assert_false(merkle_frontier_read(too_large, naive_tree_read, &tree, &frontier));
    assert_false(merkle_inclusion_make(8, 8, naive_tree_read, &tree, &proof));
    assert_false(merkle_inclusion_make(0, 0, naive_tree_read, &tree, &proof));
    assert_false(merkle_inclusion_make(0, too_large, naive_tree_read, &tree, &proof));
    assert_false(merkle_consistency_make(0, 8, naive_tree_read, &tree, &proof));
    assert_false(merkle_consistency_make(8, 7, naive_tree_read, &tree, &proof));
    assert_false(merkle_consistency_make(1, too_large, naive_tree_read, &tree, &proof));
    assert_false(merkle_range_make(3, 3, 8, naive_tree_read, &tree, &proof));
    assert_false(merkle_range_make(4, 3, 8, naive_tree_read, &tree, &proof));
    assert_false(merkle_range_make(3, 9, 8, naive_tree_read, &tree, &proof));
    assert_false(merkle_range_make(0, 1, too_large, naive_tree_read, &tree, &proof));
    assert_int_equal(tree.reads, 0);
    assert_false(merkle_inclusion_verify(0, 0, root, BYTES_EMPTY, root));
    assert_false(merkle_inclusion_verify(1, 1, root, BYTES_EMPTY, root));
    assert_false(merkle_inclusion_verify(UINT64_MAX, UINT64_MAX, root, BYTES_EMPTY, root));
    assert_false(merkle_consistency_verify(1, UINT64_MAX, root, root, BYTES_OF_ARRAY(root)));
}

/* One of the makers, by number, on a tree that can be read `reads` times more. */
static bool make_with_reads(unsigned maker, size_t reads)
{
    struct merkle_frontier frontier;
    struct merkle_proof proof;

    tree.reads = 0;
    tree.reads_max = reads;
    switch (maker) {
    case 0:
        return merkle_inclusion_make(7, 23, naive_tree_read, &tree, &proof);
    case 1:
        return merkle_consistency_make(11, 23, naive_tree_read, &tree, &proof);
    case 2:
        return merkle_range_make(11, 14, 23, naive_tree_read, &tree, &proof);
    default:
        return merkle_frontier_read(23, naive_tree_read, &tree, &frontier);
    }
}

static void a_node_that_cannot_be_read_refuses_the_proof(void **state)
{
    (void)state;
    naive_tree_init(&tree, 23);
    for (unsigned maker = 0; maker < 4; maker++) {
        assert_true(make_with_reads(maker, SIZE_MAX));
        const size_t needed = tree.reads;

        assert_in_range(needed, 4, 8);
        for (size_t reads = 0; reads < needed; reads++) {
            assert_false(make_with_reads(maker, reads));
            assert_int_equal(tree.reads, reads);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_roots_come_out),
        cmocka_unit_test(roots_and_stored_frontiers_agree_with_the_definition),
        cmocka_unit_test(an_append_reports_each_complete_node_once),
        cmocka_unit_test(a_full_tree_takes_no_leaf),
        cmocka_unit_test(inclusion_paths_are_those_of_the_rfc_and_verify),
        cmocka_unit_test(an_inclusion_path_holds_for_one_index_one_leaf_and_one_root),
        cmocka_unit_test(a_path_of_another_length_is_refused),
        cmocka_unit_test(an_inner_node_is_not_a_leaf),
        cmocka_unit_test(consistency_proofs_are_those_of_the_rfc_and_verify),
        cmocka_unit_test(a_damaged_consistency_proof_is_refused),
        cmocka_unit_test(only_the_empty_root_is_consistent_from_size_zero),
        cmocka_unit_test(a_consistency_proof_must_fit_the_stated_sizes),
        cmocka_unit_test(the_largest_trees_have_proofs_that_verify),
        cmocka_unit_test(positions_outside_the_tree_are_refused),
        cmocka_unit_test(a_node_that_cannot_be_read_refuses_the_proof),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
