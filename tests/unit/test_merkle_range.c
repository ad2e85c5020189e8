#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "tests/support/naive_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct naive_tree tree;
static uint8_t nodes[MERKLE_SPAN_NODES(NAIVE_LEAVES_MAX)][HASH_BYTES];

static void assert_same_proof(const struct merkle_proof *a, const struct merkle_proof *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->hashes, b->hashes, a->count * HASH_BYTES);
}

static struct merkle_range range_of(size_t begin, size_t end, size_t size)
{
    return (struct merkle_range){begin, end, size, naive_tree_leaves(&tree, begin, end)};
}

/* Everything that must hold for one range of one tree. */
static void check_range(size_t begin, size_t end, size_t size, const uint8_t root[HASH_BYTES])
{
    const struct merkle_range range = range_of(begin, end, size);
    struct merkle_proof expected;
    struct merkle_proof made;
    struct merkle_span span;

    naive_range(&tree, begin, end, size, &expected);
    assert_true(merkle_range_make(begin, end, size, naive_tree_read, &tree, &made));
    assert_same_proof(&made, &expected);
    assert_true(merkle_range_verify(&range, merkle_proof_bytes(&made), root));
    assert_true(merkle_span_verify(&span, &range, merkle_proof_bytes(&made), root, nodes));
    for (size_t index = begin; index < end; index++) {
        naive_path(&tree, index, size, &expected);
        assert_true(merkle_span_inclusion(&span, index, &made));
        assert_same_proof(&made, &expected);
    }
}

static void every_range_of_every_small_tree_verifies_and_yields_its_paths(void **state)
{
    (void)state;
    naive_tree_init(&tree, 40);
    for (size_t size = 1; size <= 40; size++) {
        uint8_t root[HASH_BYTES];

        naive_root(&tree, size, root);
        for (size_t begin = 0; begin < size; begin++) {
            for (size_t end = begin + 1; end <= size; end++) {
                check_range(begin, end, size, root);
            }
        }
    }
}

static void ranges_of_larger_trees_verify_too(void **state)
{
    (void)state;
    naive_tree_init(&tree, 131);
    for (size_t size = 41; size <= 131; size++) {
        uint8_t root[HASH_BYTES];

        naive_root(&tree, size, root);
        for (size_t begin = 0; begin < size; begin += 7) {
            for (size_t end = begin + 1; end <= size; end += 11) {
                check_range(begin, end, size, root);
            }
            check_range(begin, size, size, root);
        }
    }
}

static void a_range_of_one_leaf_has_the_hashes_of_its_path(void **state)
{
    (void)state;
    naive_tree_init(&tree, 29);
    for (size_t index = 0; index < 29; index++) {
        struct merkle_proof path;
        struct merkle_proof range;

        naive_path(&tree, index, 29, &path);
        assert_true(merkle_range_make(index, index + 1, 29, naive_tree_read, &tree, &range));
        assert_int_equal(range.count, path.count);
    }
}

/* Verification by range and by span must refuse the same things. */
static bool both_verify(const struct merkle_range *range, struct bytes proof,
                        const uint8_t root[HASH_BYTES])
{
    struct merkle_span span;
    const bool by_range = merkle_range_verify(range, proof, root);

    assert_int_equal(merkle_span_verify(&span, range, proof, root, nodes), by_range);
    return by_range;
}

static void a_damaged_range_proof_is_refused(void **state)
{
    uint8_t longer[70 * HASH_BYTES] = {0};
    uint8_t root[HASH_BYTES];

    (void)state;
    naive_tree_init(&tree, 27);
    naive_root(&tree, 27, root);
    for (size_t begin = 0; begin < 27; begin++) {
        for (size_t end = begin + 1; end <= 27; end++) {
            const struct merkle_range range = range_of(begin, end, 27);
            struct merkle_proof proof;

            naive_range(&tree, begin, end, 27, &proof);
            const struct bytes whole = merkle_proof_bytes(&proof);

            memcpy(longer, proof.hashes, whole.len);
            for (size_t len = 0; len <= whole.len + 2 * HASH_BYTES; len += HASH_BYTES / 2) {
                assert_int_equal(both_verify(&range, bytes_make(longer, len), root),
                                 len == whole.len);
            }
            for (size_t at = 0; at < whole.len; at += 13) {
                longer[at] ^= 0x04;
                assert_false(both_verify(&range, bytes_make(longer, whole.len), root));
                longer[at] ^= 0x04;
            }
            assert_false(both_verify(&range, bytes_make(longer, sizeof(longer)), root));
        }
    }
}

static void a_range_proof_holds_for_its_leaves_and_places_only(void **state)
{
    enum {
        SIZE = 22,
        BEGIN = 5,
        END = 13
    };
    uint8_t leaves[(END - BEGIN) * HASH_BYTES];
    uint8_t root[HASH_BYTES];
    struct merkle_proof proof;

    (void)state;
    naive_tree_init(&tree, SIZE);
    naive_root(&tree, SIZE, root);
    naive_range(&tree, BEGIN, END, SIZE, &proof);
    memcpy(leaves, tree.leaves[BEGIN], sizeof(leaves));
    struct merkle_range range = {BEGIN, END, SIZE, BYTES_OF_ARRAY(leaves)};

    assert_true(both_verify(&range, merkle_proof_bytes(&proof), root));
    for (size_t at = 0; at < sizeof(leaves); at += 5) {
        leaves[at] ^= 0x40;
        assert_false(both_verify(&range, merkle_proof_bytes(&proof), root));
        leaves[at] ^= 0x40;
    }
    for (uint64_t begin = 0; begin + END - BEGIN <= SIZE; begin++) {
        range.begin = begin;
        range.end = begin + END - BEGIN;
        assert_int_equal(both_verify(&range, merkle_proof_bytes(&proof), root), begin == BEGIN);
    }
}

static void a_claim_that_makes_no_sense_is_refused(void **state)
{
    uint8_t root[HASH_BYTES];

    (void)state;
    naive_tree_init(&tree, 8);
    naive_root(&tree, 8, root);
    const struct bytes leaves = naive_tree_leaves(&tree, 0, 8);
    const struct merkle_range claims[] = {
        {0, 8, 7, leaves},                                             /* ends outside */
        {8, 0, 8, leaves},                                             /* ends before it begins */
        {0, 7, 8, leaves},                                             /* a leaf too many */
        {0, 8, 8, bytes_slice(leaves, 0, leaves.len - 1)},             /* not whole hashes */
        {3, 3, 8, BYTES_EMPTY},                                        /* empty */
        {0, 8, UINT64_MAX, leaves},                                    /* too large a tree */
        {UINT64_MAX - 7, UINT64_MAX, UINT64_MAX, leaves},              /* far too large */
        {0, UINT64_MAX / HASH_BYTES, UINT64_MAX / HASH_BYTES, leaves}, /* a bomb of leaves */
    };

    assert_true(both_verify(&(struct merkle_range){0, 8, 8, leaves}, BYTES_EMPTY, root));
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        assert_false(both_verify(&claims[i], BYTES_EMPTY, root));
    }
}

/* All that is outside an empty range is the whole tree, so that its hashes do lead to the root. */
static void an_empty_range_proves_nothing(void **state)
{
    uint8_t hashes[4][HASH_BYTES];
    uint8_t root[HASH_BYTES];
    const struct merkle_range empty = {3, 3, 8, BYTES_EMPTY};

    (void)state;
    naive_tree_init(&tree, 8);
    naive_root(&tree, 8, root);
    memcpy(hashes[0], tree.nodes[1][0], HASH_BYTES);
    memcpy(hashes[1], tree.leaves[2], HASH_BYTES);
    memcpy(hashes[2], tree.leaves[3], HASH_BYTES);
    memcpy(hashes[3], tree.nodes[2][1], HASH_BYTES);
    assert_false(both_verify(&empty, bytes_make(hashes, sizeof(hashes)), root));
}

static void proofs_from_a_block_just_appended_equal_those_from_the_store(void **state)
{
    (void)state;
    naive_tree_init(&tree, 75);
    for (size_t before = 0; before < 75; before++) {
        struct merkle_frontier frontier;

        assert_true(merkle_frontier_read(before, naive_tree_read, &tree, &frontier));
        for (size_t size = before + 1; size <= 75; size += 3) {
            const struct bytes block = naive_tree_leaves(&tree, before, size);
            struct merkle_span span;
            struct merkle_proof expected;
            struct merkle_proof made;
            uint8_t root[HASH_BYTES];
            uint8_t span_root[HASH_BYTES];

            assert_true(merkle_span_tail(&span, &frontier, block, nodes));
            naive_root(&tree, size, root);
            merkle_span_root(&span, span_root);
            assert_memory_equal(span_root, root, HASH_BYTES);
            for (size_t begin = before; begin < size; begin++) {
                const size_t end = begin + 1 + (begin * 5) % (size - begin);

                naive_range(&tree, begin, end, size, &expected);
                assert_true(merkle_span_range(&span, begin, end, &made));
                assert_same_proof(&made, &expected);
                naive_path(&tree, begin, size, &expected);
                assert_true(merkle_span_inclusion(&span, begin, &made));
                assert_same_proof(&made, &expected);
            }
        }
    }
}

struct reports {
    size_t count;
    bool seen[NAIVE_LEVELS][NAIVE_LEAVES_MAX];
};

static void on_completed(void *context, unsigned level, uint64_t index,
                         const uint8_t hash[HASH_BYTES])
{
    struct reports *reports = context;

    assert_in_range(level, 0, NAIVE_LEVELS - 1);
    assert_in_range(index, 0, NAIVE_LEAVES_MAX - 1);
    assert_false(reports->seen[level][index]);
    assert_memory_equal(hash, tree.nodes[level][index], HASH_BYTES);
    reports->seen[level][index] = true;
    reports->count++;
}

static void appending_a_span_is_appending_its_leaves(void **state)
{
    (void)state;
    naive_tree_init(&tree, 70);
    for (size_t before = 0; before < 70; before++) {
        for (size_t size = before + 1; size <= 70; size++) {
            struct merkle_frontier frontier;
            struct merkle_frontier one_by_one;
            struct merkle_span span;
            struct reports by_span = {0};
            struct reports by_leaf = {0};
            uint8_t root[HASH_BYTES];
            uint8_t expected[HASH_BYTES];

            assert_true(merkle_frontier_read(before, naive_tree_read, &tree, &frontier));
            one_by_one = frontier;
            assert_true(
                merkle_span_tail(&span, &frontier, naive_tree_leaves(&tree, before, size), nodes));
            merkle_span_append(&span, &frontier, on_completed, &by_span);
            for (size_t i = before; i < size; i++) {
                assert_true(merkle_append(&one_by_one, tree.leaves[i], on_completed, &by_leaf));
            }
            assert_int_equal(by_span.count, by_leaf.count);
            assert_memory_equal(by_span.seen, by_leaf.seen, sizeof(by_leaf.seen));
            assert_int_equal(frontier.size, size);
            merkle_root(&frontier, root);
            naive_root(&tree, size, expected);
            assert_memory_equal(root, expected, HASH_BYTES);
        }
    }
}

static void a_span_can_be_appended_without_telling_of_its_nodes(void **state)
{
    struct merkle_frontier frontier;
    struct merkle_span span;
    uint8_t root[HASH_BYTES];
    uint8_t expected[HASH_BYTES];

    (void)state;
    naive_tree_init(&tree, 21);
    assert_true(merkle_frontier_read(6, naive_tree_read, &tree, &frontier));
    assert_true(merkle_span_tail(&span, &frontier, naive_tree_leaves(&tree, 6, 21), nodes));
    merkle_span_append(&span, &frontier, NULL, NULL);
    merkle_root(&frontier, root);
    naive_root(&tree, 21, expected);
    assert_memory_equal(root, expected, HASH_BYTES);
}

static void a_part_of_a_verified_range_can_be_proven_on(void **state)
{
    enum {
        SIZE = 26,
        BEGIN = 6,
        END = 21
    };
    struct merkle_proof proof;
    struct merkle_span span;
    uint8_t root[HASH_BYTES];

    (void)state;
    naive_tree_init(&tree, SIZE);
    naive_root(&tree, SIZE, root);
    naive_range(&tree, BEGIN, END, SIZE, &proof);
    const struct merkle_range whole = range_of(BEGIN, END, SIZE);

    assert_true(merkle_span_verify(&span, &whole, merkle_proof_bytes(&proof), root, nodes));
    for (size_t begin = BEGIN; begin < END; begin++) {
        for (size_t end = begin + 1; end <= END; end++) {
            struct merkle_proof expected;
            struct merkle_proof made;

            naive_range(&tree, begin, end, SIZE, &expected);
            assert_true(merkle_span_range(&span, begin, end, &made));
            assert_same_proof(&made, &expected);
        }
    }
}

static void a_span_answers_for_its_own_leaves_only(void **state)
{
    struct merkle_frontier frontier;
    struct merkle_proof proof;
    struct merkle_span span;

    (void)state;
    naive_tree_init(&tree, 12);
    assert_true(merkle_frontier_read(5, naive_tree_read, &tree, &frontier));
    assert_false(merkle_span_tail(&span, &frontier, BYTES_EMPTY, nodes));
    assert_true(merkle_span_tail(&span, &frontier, naive_tree_leaves(&tree, 5, 12), nodes));
    assert_false(merkle_span_inclusion(&span, 4, &proof));
    assert_false(merkle_span_inclusion(&span, 12, &proof));
    assert_false(merkle_span_range(&span, 4, 6, &proof));
    assert_false(merkle_span_range(&span, 11, 13, &proof));
    assert_false(merkle_span_range(&span, 7, 7, &proof));
    assert_true(merkle_span_range(&span, 5, 12, &proof));

    frontier.size = MERKLE_SIZE_MAX;
    assert_false(merkle_span_tail(&span, &frontier, naive_tree_leaves(&tree, 0, 1), nodes));
}

/* The memory that is asked for is enough even where the block straddles every level, and the leaf
 * hashes may lie in it already. */
static void a_span_stays_within_its_memory(void **state)
{
    (void)state;
    naive_tree_init(&tree, 150);
    for (size_t count = 1; count <= 20; count++) {
        uint8_t fenced[MERKLE_SPAN_NODES(20) + 1][HASH_BYTES];
        uint8_t fence[HASH_BYTES];
        const size_t room = MERKLE_SPAN_NODES(count);

        memset(fence, 0xA5, HASH_BYTES);
        for (size_t before = 0; before + count <= 150; before++) {
            struct merkle_frontier frontier;
            struct merkle_span span;
            uint8_t root[HASH_BYTES];
            uint8_t expected[HASH_BYTES];

            assert_true(merkle_frontier_read(before, naive_tree_read, &tree, &frontier));
            memcpy(fenced[room], fence, HASH_BYTES);
            memcpy(fenced, tree.leaves[before], count * HASH_BYTES);
            assert_true(
                merkle_span_tail(&span, &frontier, bytes_make(fenced, count * HASH_BYTES), fenced));
            assert_memory_equal(fenced[room], fence, HASH_BYTES);
            naive_root(&tree, before + count, expected);
            merkle_span_root(&span, root);
            assert_memory_equal(root, expected, HASH_BYTES);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_range_of_every_small_tree_verifies_and_yields_its_paths),
        cmocka_unit_test(ranges_of_larger_trees_verify_too),
        cmocka_unit_test(a_range_of_one_leaf_has_the_hashes_of_its_path),
        cmocka_unit_test(a_damaged_range_proof_is_refused),
        cmocka_unit_test(a_range_proof_holds_for_its_leaves_and_places_only),
        cmocka_unit_test(a_claim_that_makes_no_sense_is_refused),
        cmocka_unit_test(an_empty_range_proves_nothing),
        cmocka_unit_test(proofs_from_a_block_just_appended_equal_those_from_the_store),
        cmocka_unit_test(appending_a_span_is_appending_its_leaves),
        cmocka_unit_test(a_span_can_be_appended_without_telling_of_its_nodes),
        cmocka_unit_test(a_part_of_a_verified_range_can_be_proven_on),
        cmocka_unit_test(a_span_answers_for_its_own_leaves_only),
        cmocka_unit_test(a_span_stays_within_its_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
