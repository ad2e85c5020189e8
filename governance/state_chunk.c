#include "governance/state_chunk.h"

#include "crypto/hash.h"
#include "crypto/merkle.h"

#include <string.h>

#define DEPTH (8 * HASH_BYTES)
#define POSITION_BITS 64u

static_assert(STATE_CHUNK_DEPTH_MAX < POSITION_BITS, "a position tells a node of any depth");
static_assert(STATE_CHUNK_BYTES_MAX + STATE_CHUNK_DEPTH_MAX * (HASH_BYTES + 2) + 1024 <=
                  FRAME_BYTES_MAX,
              "a chunk fits a frame");
static_assert(STATE_VALUE_BYTES_MAX == SECTION_BYTES_MAX + 64,
              "a row holds any value, and no more");
static_assert(STATE_VALUE_BYTES_MAX + STATE_KEY_BYTES_MAX + 16 <= STATE_CHUNK_BYTES_MAX,
              "any one row fits a chunk");

static unsigned bit_at(const uint8_t hash[HASH_BYTES], unsigned bit)
{
    return (unsigned)(hash[bit / 8] >> (7 - bit % 8)) & 1u;
}

/* --- Numbers and positions ---------------------------------------------------------------------
 */

bool state_node_valid(uint64_t node)
{
    return node != 0 && node < UINT64_C(1) << (STATE_CHUNK_DEPTH_MAX + 1);
}

static unsigned node_depth(uint64_t node)
{
    unsigned depth = 0;

    CHECK(state_node_valid(node));
    while (node >> depth > 1) {
        depth++;
    }
    return depth;
}

/* The last of the positions below a node at `depth`, counted from its first. */
static uint64_t span_at(unsigned depth)
{
    return depth < POSITION_BITS ? UINT64_MAX >> depth : 0;
}

uint64_t state_node_first(uint64_t node)
{
    const unsigned depth = node_depth(node);

    return depth == 0 ? 0 : node << (POSITION_BITS - depth);
}

uint64_t state_node_last(uint64_t node)
{
    return state_node_first(node) | span_at(node_depth(node));
}

uint64_t state_node_at(uint64_t first, uint64_t last)
{
    for (unsigned depth = 0; depth <= STATE_CHUNK_DEPTH_MAX && first <= last; depth++) {
        const uint64_t span = span_at(depth);

        if ((first & span) == 0 && span <= last - first) {
            return depth == 0 ? 1 : UINT64_C(1) << depth | first >> (POSITION_BITS - depth);
        }
    }
    return 0;
}

uint64_t state_chunk_first(const struct state_chunk *chunk)
{
    return bytes_get_u64be(chunk->prefix);
}

uint64_t state_chunk_last(const struct state_chunk *chunk)
{
    const unsigned depth = chunk->depth < POSITION_BITS ? (unsigned)chunk->depth : POSITION_BITS;

    return state_chunk_first(chunk) | span_at(depth);
}

/* --- Making ------------------------------------------------------------------------------------
 */

struct gathering {
    struct buffer rows;
    uint32_t count;
    size_t bytes_max;
    bool broken; /* a record that is empty makes no row */
};

/* Stops where the rows become too many. One alone is never too much. */
static bool row_gather(void *context, struct bytes key, struct bytes value)
{
    struct gathering *gathering = context;
    const struct state_row row = {.key = key, .value = value};

    if (value.len == 0) {
        gathering->broken = true;
        return false;
    }
    if (gathering->count == STATE_CHUNK_ROWS_MAX || !state_row_encode(&row, &gathering->rows)) {
        return false;
    }
    gathering->count++;
    return gathering->count == 1 || gathering->rows.len <= gathering->bytes_max;
}

/* Whether all rows below `node` could be gathered. */
static bool node_gather(const struct state *state, uint64_t node, size_t bytes_max,
                        struct state_chunk_space *space, struct gathering *out)
{
    uint8_t prefix[HASH_BYTES] = {0};
    struct buffer path = buffer_make(prefix, sizeof(prefix));

    buffer_put_u64be(&path, state_node_first(node));
    *out = (struct gathering){
        .rows = buffer_make(space->rows, sizeof(space->rows)),
        .bytes_max = bytes_max,
    };
    return state_below_visit(state, prefix, node_depth(node), row_gather, out);
}

static void node_hash(const struct state *state, uint64_t node, uint8_t out[HASH_BYTES])
{
    uint8_t prefix[HASH_BYTES] = {0};
    struct buffer path = buffer_make(prefix, sizeof(prefix));

    buffer_put_u64be(&path, state_node_first(node));
    state_below_hash(state, prefix, node_depth(node), out);
}

static bool node_is_empty(const struct state *state, uint64_t node)
{
    uint8_t hash[HASH_BYTES];

    node_hash(state, node, hash);
    return hash_is_zero(hash);
}

/* The chunk of `node` with what was gathered below it. */
static void chunk_finish(const struct state *state, uint64_t node, const struct gathering *rows,
                         struct state_chunk_space *space, struct state_chunk *out)
{
    struct buffer prefix = buffer_make(out->prefix, sizeof(out->prefix));
    struct buffer path = buffer_make(space->path, sizeof(space->path));

    memset(out, 0, sizeof(*out));
    out->depth = node_depth(node);
    buffer_put_u64be(&prefix, state_node_first(node));
    for (uint64_t at = node; at > 1; at /= 2) {
        struct item_hash beside;

        node_hash(state, at ^ 1, beside.value);
        CHECK(item_hash_encode(&beside, &path));
    }
    out->rows = (struct wire_list){buffer_bytes(&rows->rows), rows->count};
    out->path = (struct wire_list){buffer_bytes(&path), (uint32_t)out->depth};
}

/* Gather the rows of `*node`, or of the largest node that begins with it and has no more of them
 * than may be sent. */
static bool descend(const struct state *state, size_t bytes_max, struct state_chunk_space *space,
                    uint64_t *node, struct gathering *rows)
{
    while (!node_gather(state, *node, bytes_max, space, rows)) {
        if (rows->broken) {
            return false;
        }
        if (!state_node_valid(2 * *node)) {
            return node_gather(state, *node, STATE_CHUNK_BYTES_MAX, space, rows);
        }
        *node *= 2;
    }
    return true;
}

/* There is nothing below `*node`: show that of the largest node around it of which it is true.
 * Beside a lone leaf nothing can be shown, as that one rises: there it takes the place of both. */
static bool climb(const struct state *state, struct state_chunk_space *space, uint64_t *node,
                  struct gathering *rows)
{
    uint64_t above = *node;

    while (above > 1 && node_is_empty(state, above)) {
        *node = above;
        above /= 2;
    }
    if (node_gather(state, above, 0, space, rows)) {
        *node = above;
    }
    if (rows->count > 1) {
        *rows = (struct gathering){.rows = buffer_make(space->rows, sizeof(space->rows))};
    }
    return !rows->broken;
}

bool state_chunk_make(struct state *state, uint64_t node, size_t bytes_max,
                      struct state_chunk_space *space, struct state_chunk *out)
{
    uint8_t root[HASH_BYTES];
    struct gathering rows;

    CHECK(bytes_max <= STATE_CHUNK_BYTES_MAX);
    state_root(state, root); /* so that the tree has all its hashes */
    if (!descend(state, bytes_max, space, &node, &rows) ||
        (rows.count == 0 && !climb(state, space, &node, &rows))) {
        return false;
    }
    chunk_finish(state, node, &rows, space, out);
    return true;
}

/* --- Judging -----------------------------------------------------------------------------------
 */

/* The tree over rows that come in ascending order of their key hashes. What is complete lies to the
 * left of what is to come; each piece of it waits at the node where it parts from that. These nodes
 * lie on one path, so there are at most as many as a path has. */
struct fold {
    uint32_t count;
    unsigned waiting;
    unsigned parts[DEPTH]; /* the bit at which each waiting piece ends */
    uint8_t left[DEPTH][HASH_BYTES];
    uint8_t path[HASH_BYTES]; /* key hash of the last row */
    uint8_t hash[HASH_BYTES]; /* of the rightmost piece, at depth `top` */
    unsigned top;             /* DEPTH: it is a leaf, which has one hash wherever it is alone */
};

/* Bring the rightmost piece up to `depth`, past nothing but empty siblings. */
static void fold_rise(struct fold *fold, unsigned depth)
{
    static const uint8_t empty[HASH_BYTES];

    if (fold->top == DEPTH) {
        return;
    }
    for (; fold->top > depth; fold->top--) {
        if (bit_at(fold->path, fold->top - 1) == 0) {
            merkle_node_hash(fold->hash, empty, fold->hash);
        } else {
            merkle_node_hash(empty, fold->hash, fold->hash);
        }
    }
}

/* Join the rightmost piece with those that wait at `bit` or behind. */
static void fold_join(struct fold *fold, unsigned bit)
{
    while (fold->waiting > 0 && fold->parts[fold->waiting - 1] >= bit) {
        fold->waiting--;
        fold_rise(fold, fold->parts[fold->waiting] + 1);
        merkle_node_hash(fold->left[fold->waiting], fold->hash, fold->hash);
        fold->top = fold->parts[fold->waiting];
    }
}

/* False when the row does not come after the one before it. */
static bool fold_add(struct fold *fold, const uint8_t key_hash[HASH_BYTES], struct bytes value)
{
    uint8_t leaf[2 * HASH_BYTES];

    if (fold->count > 0) {
        unsigned bit = 0;

        if (memcmp(fold->path, key_hash, HASH_BYTES) >= 0) {
            return false;
        }
        while (bit_at(fold->path, bit) == bit_at(key_hash, bit)) {
            bit++;
        }
        fold_join(fold, bit);
        fold_rise(fold, bit + 1);
        CHECK(fold->waiting < DEPTH);
        fold->parts[fold->waiting] = bit;
        memcpy(fold->left[fold->waiting++], fold->hash, HASH_BYTES);
    }
    memcpy(leaf, key_hash, HASH_BYTES);
    hash_bytes(value, leaf + HASH_BYTES);
    merkle_leaf_hash(BYTES_OF_ARRAY(leaf), fold->hash);
    memcpy(fold->path, key_hash, HASH_BYTES);
    fold->top = DEPTH;
    fold->count++;
    return true;
}

static bool has_prefix(const uint8_t hash[HASH_BYTES], const struct state_chunk *chunk)
{
    const uint64_t difference = bytes_get_u64be(hash) ^ state_chunk_first(chunk);

    return difference <= span_at((unsigned)chunk->depth);
}

/* The hash of the chunk's node, if its rows are what they have to be. */
static bool rows_hash(const struct state_chunk *chunk, struct fold *fold)
{
    struct wire_iter iter = wire_iter_make(chunk->rows);

    for (uint32_t i = 0; i < chunk->rows.count; i++) {
        struct state_row row;
        uint8_t key_hash[HASH_BYTES];

        if (!state_row_next(&iter, &row) || row.key.len > STATE_KEY_BYTES_MAX) {
            return false;
        }
        hash_bytes(row.key, key_hash);
        if (!has_prefix(key_hash, chunk) || !fold_add(fold, key_hash, row.value)) {
            return false;
        }
    }
    if (fold->count > 0) {
        fold_join(fold, 0);
        fold_rise(fold, (unsigned)chunk->depth);
    }
    return true;
}

static bool has_canonical_prefix(const struct state_chunk *chunk)
{
    static const uint8_t zeros[HASH_BYTES - 8];

    return (state_chunk_first(chunk) & span_at((unsigned)chunk->depth)) == 0 &&
           memcmp(chunk->prefix + 8, zeros, sizeof(zeros)) == 0;
}

/* An accepted chunk has exactly the rows that the state of this root has in its range. Hashes are
 * taken to have one preimage each, and none that gives 32 zeros. Then a leaf's hash is that of a
 * subtree with this leaf and nothing else, zeros are that of an empty subtree, and a node's hash is
 * that of a subtree with two leaves or more, whose halves have the two hashes in it.
 *
 * From the root down, therefore: while the hash on our way is that of a node, the real subtree
 * there has two halves with the hashes that were claimed, whatever the claim for the other half.
 * That holds down to where our side is alone (one row, or none) or to the chunk's node. From there
 * on the real subtree has our hash: if it is a node's, the claimed tree below it is the real one,
 * half by half; if it is a leaf's, it is that leaf, in the range because its key hash has the
 * prefix; if it is zeros, nothing is there. What is alone rises past empty siblings unchanged, so
 * the range shown to hold it alone is then even wider than the chunk's.
 *
 * Nothing at all becomes a node with the first sibling that is not empty, and never takes that
 * sibling's hash, as it would beside a lone leaf: anyone could claim that a row is not there by
 * putting the hash of its subtree on the other side. */
bool state_chunk_check(const struct state_chunk *chunk, const uint8_t root[HASH_BYTES])
{
    struct fold fold = {.count = 0};
    struct wire_iter path = wire_iter_make(chunk->path);

    if (chunk->depth > STATE_CHUNK_DEPTH_MAX || chunk->path.count != chunk->depth ||
        !has_canonical_prefix(chunk) || !rows_hash(chunk, &fold)) {
        return false;
    }

    bool is_node = fold.count > 1;

    for (unsigned depth = (unsigned)chunk->depth; depth > 0; depth--) {
        struct item_hash beside;

        if (!item_hash_next(&path, &beside)) {
            return false;
        }
        if (!is_node && hash_is_zero(beside.value)) {
            continue;
        }
        is_node = true;
        if (bit_at(chunk->prefix, depth - 1) == 0) {
            merkle_node_hash(fold.hash, beside.value, fold.hash);
        } else {
            merkle_node_hash(beside.value, fold.hash, fold.hash);
        }
    }
    return hash_equal(fold.hash, root);
}
