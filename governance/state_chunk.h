/* Pieces of the replicated state, each of which the state root proves on its own.
 *
 * Nodes of the state tree are numbered: 1 is the root, 2i and 2i + 1 are the children of i, down to
 * STATE_CHUNK_DEPTH_MAX. A node covers the keys whose hashes begin with its path. Which ones those
 * are is told by positions: the first 64 bits of SHA-256(key), as one big-endian number. A chunk
 * brings every row below one node, and the hashes beside the way up from there to the root.
 *
 *     who has the state:  state_chunk_make, for any node that is asked for
 *     who fetches it:     state_node_at names the node that begins where the last chunk ended;
 *                         state_chunk_check says whether the answer is what the root covers
 *
 * Pure; takes no memory. FORMATS.md, "Snapshot". The core, the host and
 * their tests use it. */
#ifndef VESTRY_GOVERNANCE_STATE_CHUNK_H
#define VESTRY_GOVERNANCE_STATE_CHUNK_H

#include "crypto/schema.h"
#include "governance/state.h"

#define STATE_CHUNK_DEPTH_MAX 60
#define STATE_CHUNK_ROWS_MAX 65536
/* Of all rows together, encoded: with the path and the envelope they fit a frame of a replica. */
#define STATE_CHUNK_BYTES_MAX (FRAME_BYTES_MAX - 8192)

/* Whether there is a node of that number. */
MUST_USE bool state_node_valid(uint64_t node);
/* The first and the last position below a valid node. */
MUST_USE uint64_t state_node_first(uint64_t node);
MUST_USE uint64_t state_node_last(uint64_t node);

/* The largest node that begins at the position `first` and ends not behind `last`; 0 when there is
 * none. */
MUST_USE uint64_t state_node_at(uint64_t first, uint64_t last);

/* The same of a chunk; of any use only when it was checked. */
MUST_USE uint64_t state_chunk_first(const struct state_chunk *chunk);
MUST_USE uint64_t state_chunk_last(const struct state_chunk *chunk);

/* Where a chunk is made: 8 MiB, of which what is not needed is not touched. */
struct state_chunk_space {
    uint8_t rows[STATE_CHUNK_BYTES_MAX];
    uint8_t path[STATE_CHUNK_DEPTH_MAX * (HASH_BYTES + 2)];
};

/* The chunk that begins where the valid `node` begins: of that node, or of the largest one below it
 * whose rows take at most `bytes_max` (at most STATE_CHUNK_BYTES_MAX) and are not too many; of one
 * above it where there is nothing else to show. A single row may be larger than bytes_max. `out`
 * borrows from `space`; its height is left 0. False when no chunk can be made: a record is
 * empty, or too much lies below one node of the greatest depth. */
MUST_USE bool state_chunk_make(struct state *state, uint64_t node, size_t bytes_max,
                               struct state_chunk_space *space, struct state_chunk *out);

/* Whether exactly these rows lie in the chunk's range in the state of that root (not of any other
 * content of `chunk`, like the height). For chunks from anyone. */
MUST_USE bool state_chunk_check(const struct state_chunk *chunk, const uint8_t root[HASH_BYTES]);

#endif
