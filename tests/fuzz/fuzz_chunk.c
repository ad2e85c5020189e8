/* Any bytes as a piece of a state: what is accepted tells exactly the rows of that state in its
 * range. The seeds are all pieces of it. */
#include "tests/support/chunk_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct chunk_world world;
    static struct piece piece;
    struct state_chunk chunk;

    if (world.state == NULL) {
        chunk_world_random(&world, CHUNK_WORLD_FUZZ_ROWS, CHUNK_WORLD_FUZZ_SEED);
    }
    if (state_chunk_decode(bytes_make(data, len), &chunk) != WIRE_OK ||
        !state_chunk_check(&chunk, world.root)) {
        return 0;
    }
    CHECK(chunk.rows.count <= CHUNK_WORLD_FUZZ_ROWS);
    piece_of(&chunk, &piece);
    CHECK(piece_is_true(&piece, &world));
    CHECK(state_chunk_first(&chunk) <= state_chunk_last(&chunk));
    return 0;
}
