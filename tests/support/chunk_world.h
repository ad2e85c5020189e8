/* A state and its rows in the order of chunks, chunks that can be bent, and walks over all of them.
 */
#ifndef VESTRY_TESTS_SUPPORT_CHUNK_WORLD_H
#define VESTRY_TESTS_SUPPORT_CHUNK_WORLD_H

#include "governance/state_chunk.h"

#define CHUNK_ROWS_MAX 2048
#define CHUNK_VALUE_BYTES 40

struct chunk_row {
    uint8_t key_hash[HASH_BYTES];
    size_t key_len;
    size_t value_len;
    uint8_t key[STATE_KEY_BYTES_MAX + 1];
    uint8_t value[CHUNK_VALUE_BYTES];
};

struct chunk_world {
    struct state *state;
    uint8_t root[HASH_BYTES];
    uint32_t count;
    struct chunk_row rows[CHUNK_ROWS_MAX]; /* ascending by key_hash after chunk_world_done */
    struct state_chunk_space space;
};

void chunk_world_open(struct chunk_world *world);
void chunk_world_close(struct chunk_world *world);
/* A record whose key follows from the number, with a random value. */
void chunk_world_put(struct chunk_world *world, uint64_t *random, uint64_t number);
void chunk_world_done(struct chunk_world *world);

/* Opened, filled and done: `count` random records; `count` whose key hashes begin with the same 16
 * bits, and two others. */
void chunk_world_random(struct chunk_world *world, uint32_t count, uint64_t seed);
void chunk_world_crowded(struct chunk_world *world, uint32_t count);

/* The one that the fuzzer and its seeds agree on. */
#define CHUNK_WORLD_FUZZ_ROWS 17
#define CHUNK_WORLD_FUZZ_SEED 3
#define CHUNK_WORLD_FUZZ_BYTES 150

#define PIECE_ROWS_MAX 64
#define PIECE_PATH_MAX (STATE_CHUNK_DEPTH_MAX + 4)

struct piece {
    uint64_t depth;
    uint8_t prefix[HASH_BYTES];
    uint32_t count;
    struct chunk_row rows[PIECE_ROWS_MAX];
    uint32_t path_count;
    uint8_t path[PIECE_PATH_MAX][HASH_BYTES];
};

void piece_of(const struct state_chunk *chunk, struct piece *out);
MUST_USE bool piece_accepted(const struct piece *piece, const uint8_t root[HASH_BYTES]);
/* Whether it has the form it must have and tells exactly the rows of the world's state. */
MUST_USE bool piece_is_true(const struct piece *piece, const struct chunk_world *world);

/* Write and read again. */
void chunk_through_the_wire(struct state_chunk *chunk);

struct chunk_walk {
    size_t bytes_max;
    void (*meet)(const struct state_chunk *chunk); /* may be NULL */
    uint32_t chunks;
    uint32_t empty;
    uint64_t deepest;
    uint32_t largest; /* rows of one chunk */
};

/* Fetch the whole state, as one who has nothing of it does. */
void chunk_walk(struct chunk_walk *walk, struct chunk_world *world);

#endif
