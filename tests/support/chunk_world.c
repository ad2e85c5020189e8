#include "tests/support/chunk_world.h"

#include "crypto/hash.h"
#include "tests/support/state_model.h"

#include <stdlib.h>
#include <string.h>

static int row_compare(const void *a, const void *b)
{
    return memcmp(((const struct chunk_row *)a)->key_hash, ((const struct chunk_row *)b)->key_hash,
                  HASH_BYTES);
}

static void row_put(struct chunk_world *world, struct bytes key, struct bytes value)
{
    struct chunk_row *row = &world->rows[world->count++];

    CHECK(world->count <= CHUNK_ROWS_MAX);
    CHECK(state_put(world->state, key, value));
    memset(row, 0, sizeof(*row));
    row->key_len = key.len;
    row->value_len = value.len;
    memcpy(row->key, key.data, key.len);
    memcpy(row->value, value.data, value.len);
    hash_bytes(key, row->key_hash);
}

void chunk_world_done(struct chunk_world *world)
{
    qsort(world->rows, world->count, sizeof(world->rows[0]), row_compare);
    state_root(world->state, world->root);
}

void chunk_world_open(struct chunk_world *world)
{
    world->count = 0;
    CHECK(state_open(CHUNK_ROWS_MAX, 1u << 20, 7, &world->state) == STATUS_OK);
}

void chunk_world_put(struct chunk_world *world, uint64_t *random, uint64_t number)
{
    uint8_t memory[STATE_KEY_BYTES_MAX] = {1};
    uint8_t value[CHUNK_VALUE_BYTES];
    struct buffer key = buffer_make(memory, sizeof(memory));

    buffer_put_u64be(&key, number);
    key.len += model_random(random) % (sizeof(memory) - key.len);
    memset(value, (int)(model_random(random) & 0xff), sizeof(value));
    row_put(world, buffer_bytes(&key), bytes_make(value, 1 + model_random(random) % sizeof(value)));
}

void chunk_world_close(struct chunk_world *world)
{
    state_close(world->state);
}

void chunk_world_random(struct chunk_world *world, uint32_t count, uint64_t seed)
{
    uint64_t random = seed;

    chunk_world_open(world);
    for (uint32_t i = 0; i < count; i++) {
        chunk_world_put(world, &random, i);
    }
    chunk_world_done(world);
}

void chunk_world_crowded(struct chunk_world *world, uint32_t count)
{
    uint64_t random = 99;
    unsigned first = 0x10000;
    uint64_t number = 0;

    chunk_world_open(world);
    chunk_world_put(world, &random, number++);
    chunk_world_put(world, &random, number++);
    while (world->count < count + 2) {
        uint8_t memory[8];
        struct buffer key = buffer_make(memory, sizeof(memory));
        uint8_t hash[HASH_BYTES];

        buffer_put_u64be(&key, number++);
        hash_bytes(buffer_bytes(&key), hash);
        if (first == 0x10000) {
            first = (unsigned)(hash[0] << 8 | hash[1]);
        }
        if ((unsigned)(hash[0] << 8 | hash[1]) == first) {
            row_put(world, buffer_bytes(&key), bytes_of_text("crowded"));
        }
    }
    chunk_world_done(world);
}

/* --- A chunk that can be bent ------------------------------------------------------------------
 */

void piece_of(const struct state_chunk *chunk, struct piece *out)
{
    struct wire_iter rows = wire_iter_make(chunk->rows);
    struct wire_iter path = wire_iter_make(chunk->path);
    struct state_row row;
    struct item_hash hash;

    memset(out, 0, sizeof(*out));
    out->depth = chunk->depth;
    memcpy(out->prefix, chunk->prefix, HASH_BYTES);
    while (state_row_next(&rows, &row)) {
        struct chunk_row *to = &out->rows[out->count++];

        CHECK(out->count < PIECE_ROWS_MAX);
        to->key_len = row.key.len;
        to->value_len = row.value.len;
        memcpy(to->key, row.key.data, row.key.len);
        memcpy(to->value, row.value.data, row.value.len);
    }
    CHECK(out->count == chunk->rows.count);
    while (item_hash_next(&path, &hash)) {
        memcpy(out->path[out->path_count++], hash.value, HASH_BYTES);
    }
    CHECK(out->path_count == chunk->path.count);
}

bool piece_accepted(const struct piece *piece, const uint8_t root[HASH_BYTES])
{
    static uint8_t rows_memory[PIECE_ROWS_MAX * 200];
    static uint8_t path_memory[PIECE_PATH_MAX * 40];
    struct buffer rows = buffer_make(rows_memory, sizeof(rows_memory));
    struct buffer path = buffer_make(path_memory, sizeof(path_memory));
    struct state_chunk chunk = {.depth = piece->depth};

    memcpy(chunk.prefix, piece->prefix, HASH_BYTES);
    for (uint32_t i = 0; i < piece->count; i++) {
        const struct chunk_row *from = &piece->rows[i];
        const struct state_row row = {
            .key = bytes_make(from->key, from->key_len),
            .value = bytes_make(from->value, from->value_len),
        };

        CHECK(state_row_encode(&row, &rows));
    }
    for (uint32_t i = 0; i < piece->path_count; i++) {
        struct item_hash hash;

        memcpy(hash.value, piece->path[i], HASH_BYTES);
        CHECK(item_hash_encode(&hash, &path));
    }
    chunk.rows = (struct wire_list){buffer_bytes(&rows), piece->count};
    chunk.path = (struct wire_list){buffer_bytes(&path), piece->path_count};
    return state_chunk_check(&chunk, root);
}

static bool in_range(const struct piece *piece, const uint8_t key_hash[HASH_BYTES])
{
    for (unsigned bit = 0; bit < piece->depth; bit++) {
        if (((piece->prefix[bit / 8] ^ key_hash[bit / 8]) >> (7 - bit % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}

bool piece_is_true(const struct piece *piece, const struct chunk_world *world)
{
    uint32_t at = 0;

    if (piece->depth > STATE_CHUNK_DEPTH_MAX || piece->path_count != piece->depth) {
        return false;
    }
    for (unsigned bit = (unsigned)piece->depth; bit < 256; bit++) {
        if ((piece->prefix[bit / 8] >> (7 - bit % 8) & 1) != 0) {
            return false;
        }
    }
    for (uint32_t i = 0; i < world->count; i++) {
        const struct chunk_row *row = &world->rows[i];
        const struct chunk_row *told = &piece->rows[at];

        if (!in_range(piece, row->key_hash)) {
            continue;
        }
        if (at++ == piece->count ||
            !bytes_equal(bytes_make(row->key, row->key_len),
                         bytes_make(told->key, told->key_len)) ||
            !bytes_equal(bytes_make(row->value, row->value_len),
                         bytes_make(told->value, told->value_len))) {
            return false;
        }
    }
    return at == piece->count;
}

/* --- Walks -------------------------------------------------------------------------------------
 */

void chunk_through_the_wire(struct state_chunk *chunk)
{
    static uint8_t memory[FRAME_BYTES_MAX];
    struct buffer out = buffer_make(memory, sizeof(memory));

    CHECK(state_chunk_encode(chunk, &out));
    CHECK(state_chunk_decode(buffer_bytes(&out), chunk) == WIRE_OK);
}

static void assert_rows_follow(const struct chunk_world *world, const struct state_chunk *chunk,
                               uint64_t position, uint32_t *seen)
{
    struct wire_iter iter = wire_iter_make(chunk->rows);
    struct state_row row;

    while (state_row_next(&iter, &row)) {
        uint8_t hash[HASH_BYTES];

        hash_bytes(row.key, hash);
        if (bytes_get_u64be(hash) < position) {
            continue; /* of a range that began before */
        }
        CHECK(*seen < world->count);
        CHECK(memcmp(hash, world->rows[*seen].key_hash, HASH_BYTES) == 0);
        CHECK(bytes_equal(row.value,
                          bytes_make(world->rows[*seen].value, world->rows[*seen].value_len)));
        ++*seen;
    }
}

void chunk_walk(struct chunk_walk *walk, struct chunk_world *world)
{
    uint64_t position = 0;
    uint32_t seen = 0;
    bool done = false;

    for (walk->chunks = 0; !done; walk->chunks++) {
        const uint64_t node = state_node_at(position, UINT64_MAX);
        struct state_chunk chunk;

        CHECK(state_node_valid(node));
        CHECK(state_node_first(node) == position);
        CHECK(state_chunk_make(world->state, node, walk->bytes_max, &world->space, &chunk));
        CHECK(chunk.rows.count <= 1 || chunk.rows.raw.len <= walk->bytes_max);
        chunk_through_the_wire(&chunk);
        CHECK(state_chunk_check(&chunk, world->root));
        CHECK(state_chunk_first(&chunk) <= position);
        CHECK(state_chunk_last(&chunk) >= position);
        assert_rows_follow(world, &chunk, position, &seen);
        if (walk->meet != NULL) {
            walk->meet(&chunk);
        }
        walk->empty += chunk.rows.count == 0;
        walk->deepest = chunk.depth > walk->deepest ? chunk.depth : walk->deepest;
        walk->largest = chunk.rows.count > walk->largest ? chunk.rows.count : walk->largest;
        done = state_chunk_last(&chunk) == UINT64_MAX;
        position = state_chunk_last(&chunk) + 1;
    }
    CHECK(seen == world->count);
}
