#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "tests/support/chunk_world.h"
#include "tests/support/state_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct chunk_world world;

static uint32_t refused; /* of the bent pieces that are tried */

static void try(const struct piece *piece)
{
    if (piece_is_true(piece, &world)) {
        return; /* some bending only shows less or more of the truth */
    }
    assert_false(piece_accepted(piece, world.root));
    refused++;
}

static void bend_rows(const struct piece *piece)
{
    struct piece bent;
    struct chunk_row *const rows = bent.rows;

    for (uint32_t i = 0; i < piece->count; i++) {
        const size_t behind = (piece->count - i) * sizeof(rows[0]);

        bent = *piece; /* dropped */
        memmove(&rows[i], &rows[i + 1], behind);
        bent.count--;
        try(&bent);
        bent = *piece; /* doubled */
        memmove(&rows[i + 1], &rows[i], behind);
        bent.count++;
        try(&bent);
        bent = *piece; /* another value */
        rows[i].value[0] ^= 1;
        try(&bent);
        bent = *piece; /* a shorter value */
        rows[i].value_len = rows[i].value_len > 1 ? rows[i].value_len - 1 : 2;
        try(&bent);
        bent = *piece; /* another key */
        rows[i].key[rows[i].key_len - 1] ^= 1;
        try(&bent);
        bent = *piece; /* swapped with the one behind it */
        if (i + 1 < piece->count) {
            rows[i] = piece->rows[i + 1];
            rows[i + 1] = piece->rows[i];
            try(&bent);
        }
    }
    for (uint32_t i = 0; i < world.count && i < 40; i++) {
        for (uint32_t place = 0; place <= piece->count; place++) {
            bent = *piece; /* one more: of another range, or of this one */
            memmove(&rows[place + 1], &rows[place], (piece->count - place) * sizeof(rows[0]));
            rows[place] = world.rows[i];
            bent.count++;
            try(&bent);
            rows[place].value[0] ^= 1;
            try(&bent);
        }
    }
    bent = *piece;
    bent.count = 0;
    try(&bent);
}

static void bend_place(const struct piece *piece)
{
    struct piece bent = *piece;

    bent.depth++;
    try(&bent);
    bent.path_count++; /* a sibling of zeros, at either end */
    try(&bent);
    memmove(&bent.path[1], &bent.path[0], piece->path_count * HASH_BYTES);
    memset(bent.path[0], 0, HASH_BYTES);
    try(&bent);
    bent.prefix[piece->depth / 8] ^= (uint8_t)(0x80 >> piece->depth % 8);
    try(&bent);
    bent = *piece;
    bent.path_count++;
    try(&bent);
    bent = *piece;
    if (piece->depth > 0) {
        bent.depth--;
        try(&bent);
        bent.prefix[bent.depth / 8] &= (uint8_t) ~(0x80 >> bent.depth % 8);
        try(&bent);
        memmove(&bent.path[0], &bent.path[1], piece->path_count * HASH_BYTES);
        bent.path_count--;
        try(&bent);
    }
    for (unsigned bit = 0; bit < 256; bit++) {
        bent = *piece;
        bent.prefix[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        try(&bent);
    }
}

static void assert_path_is_covered(const struct piece *piece)
{
    struct piece bent;

    for (uint32_t i = 0; i < piece->path_count; i++) {
        bent = *piece; /* the rows stay true, but nothing shows it */
        bent.path[i][31] ^= 1;
        assert_false(piece_accepted(&bent, world.root));
        bent = *piece;
        memset(bent.path[i], 0, HASH_BYTES);
        assert_true(memcmp(bent.path[i], piece->path[i], HASH_BYTES) == 0 ||
                    !piece_accepted(&bent, world.root));
    }
}

/* Nothing beside the hash of what is there: on either side of it. */
static void assert_nothing_hides_rows(const struct piece *piece)
{
    uint8_t hash[HASH_BYTES];
    struct piece bent = *piece;

    state_below_hash(world.state, piece->prefix, (unsigned)piece->depth, hash);
    if (hash_is_zero(hash) || piece->depth == STATE_CHUNK_DEPTH_MAX) {
        return;
    }
    bent.count = 0;
    bent.depth++;
    bent.path_count++;
    memmove(&bent.path[1], &bent.path[0], piece->path_count * HASH_BYTES);
    memcpy(bent.path[0], hash, HASH_BYTES);
    assert_false(piece_accepted(&bent, world.root));
    bent.prefix[piece->depth / 8] ^= (uint8_t)(0x80 >> piece->depth % 8);
    assert_false(piece_accepted(&bent, world.root));
}

static void bend(const struct state_chunk *chunk)
{
    static struct piece piece;

    piece_of(chunk, &piece);
    assert_true(piece_is_true(&piece, &world));
    assert_true(piece_accepted(&piece, world.root));
    bend_rows(&piece);
    bend_place(&piece);
    assert_path_is_covered(&piece);
    assert_nothing_hides_rows(&piece);
}

static void what_is_not_the_state_is_refused(void **unused)
{
    static const uint32_t sizes[] = {0, 1, 2, 3, 17};
    static const size_t bounds[] = {0, 150, 500, STATE_CHUNK_BYTES_MAX};

    (void)unused;
    refused = 0;
    for (uint64_t seed = 11; seed <= 14; seed++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            chunk_world_random(&world, sizes[i], seed);
            for (size_t k = 0; k < sizeof(bounds) / sizeof(bounds[0]); k++) {
                struct chunk_walk all = {.bytes_max = bounds[k], .meet = bend};

                chunk_walk(&all, &world);
            }
            chunk_world_close(&world);
        }
    }
    assert_true(refused > 50000);
}

static void keys_that_share_many_bits_are_shown_too(void **unused)
{
    static const size_t bounds[] = {0, 60, 4096};

    (void)unused;
    chunk_world_crowded(&world, 5);
    for (size_t k = 0; k < sizeof(bounds) / sizeof(bounds[0]); k++) {
        struct chunk_walk all = {.bytes_max = bounds[k], .meet = bend};

        chunk_walk(&all, &world);
        assert_int_equal(all.deepest > 16, k < 2);
        assert_int_equal(all.empty > 0, k < 2);
    }
    chunk_world_close(&world);
}

static void the_chunk_of_one_state_is_nothing_in_another(void **unused)
{
    struct state_chunk chunk;
    uint8_t root[HASH_BYTES];

    (void)unused;
    chunk_world_random(&world, 17, 3);
    assert_true(state_chunk_make(world.state, 2, 500, &world.space, &chunk));
    assert_true(state_chunk_check(&chunk, world.root));
    chunk_world_put(&world, &(uint64_t){1}, 18);
    state_root(world.state, root);
    assert_false(state_chunk_check(&chunk, root));
    memset(root, 0, sizeof(root));
    assert_false(state_chunk_check(&chunk, root));
    chunk_world_close(&world);
}

static void a_row_with_a_key_that_no_state_holds_is_refused(void **unused)
{
    struct piece piece = {.count = 1};
    struct chunk_row *row = &piece.rows[0];

    (void)unused;
    for (size_t len = STATE_KEY_BYTES_MAX; len <= STATE_KEY_BYTES_MAX + 1; len++) {
        uint8_t leaf[2 * HASH_BYTES];
        uint8_t root[HASH_BYTES];

        row->key_len = len;
        row->value_len = 1;
        hash_bytes(bytes_make(row->key, len), leaf);
        hash_bytes(bytes_make(row->value, 1), leaf + HASH_BYTES);
        merkle_leaf_hash(BYTES_OF_ARRAY(leaf), root);
        assert_int_equal(piece_accepted(&piece, root), len <= STATE_KEY_BYTES_MAX);
    }
}

/* A row twice in a state would be two leaves under one node, if anyone could show them apart. */
static void rows_do_not_come_twice_however_deep(void **unused)
{
    struct piece piece = {.count = 2};
    uint8_t leaf[2 * HASH_BYTES];
    uint8_t root[HASH_BYTES];

    (void)unused;
    for (uint32_t i = 0; i < 2; i++) {
        piece.rows[i].key_len = 1;
        piece.rows[i].value_len = 1;
        piece.rows[i].value[0] = (uint8_t)i;
    }
    hash_bytes(bytes_make(piece.rows[0].key, 1), leaf);
    hash_bytes(bytes_make(piece.rows[0].value, 1), leaf + HASH_BYTES);
    merkle_leaf_hash(BYTES_OF_ARRAY(leaf), root);
    assert_false(piece_accepted(&piece, root));
}

/* A path may have no more than 60 steps even if it leads to the root. */
static void a_node_deeper_than_the_numbers_is_refused(void **unused)
{
    uint8_t leaf[2 * HASH_BYTES];
    uint8_t root[HASH_BYTES];
    struct piece piece = {.count = 1};

    (void)unused;
    piece.rows[0].key_len = 1;
    piece.rows[0].value_len = 1;
    hash_bytes(bytes_make(piece.rows[0].key, 1), leaf);
    hash_bytes(bytes_make(piece.rows[0].value, 1), leaf + HASH_BYTES);
    merkle_leaf_hash(BYTES_OF_ARRAY(leaf), root);
    for (uint32_t depth = 0; depth <= STATE_CHUNK_DEPTH_MAX + 4; depth++) {
        piece.depth = depth;
        piece.path_count = depth;
        memset(piece.prefix, 0, HASH_BYTES);
        for (unsigned bit = 0; bit < depth; bit++) {
            piece.prefix[bit / 8] |= (uint8_t)(leaf[bit / 8] & 0x80 >> bit % 8);
        }
        assert_int_equal(piece_accepted(&piece, root), depth <= STATE_CHUNK_DEPTH_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_the_state_is_refused),
        cmocka_unit_test(keys_that_share_many_bits_are_shown_too),
        cmocka_unit_test(the_chunk_of_one_state_is_nothing_in_another),
        cmocka_unit_test(a_row_with_a_key_that_no_state_holds_is_refused),
        cmocka_unit_test(rows_do_not_come_twice_however_deep),
        cmocka_unit_test(a_node_deeper_than_the_numbers_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
