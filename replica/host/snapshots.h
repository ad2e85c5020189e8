/* The states of the last two snapshot heights, piece by piece, for replicas that are far behind.
 *
 * A pinned picture of the store has the state as it was after the block of its height. The tree
 * that proves pieces of it is made when the first piece is asked for, once for each pin, and goes
 * with the pin: whoever asks often makes it no more work, and nobody who asks leaves no memory in
 * use. For serve.c; one thread at a time. */
#ifndef VESTRY_REPLICA_HOST_SNAPSHOTS_H
#define VESTRY_REPLICA_HOST_SNAPSHOTS_H

#include "governance/state_chunk.h"
#include "replica/host/log_reader.h"

#define SNAPSHOT_PINS 2

/* What the rows of one piece take at most, unless there is one that is longer. */
#define SNAPSHOT_CHUNK_BYTES ((size_t)1 << 20)

struct snapshots_setup {
    uint32_t records_max; /* of the state, as in node_config; 0: nothing is shown */
    size_t bytes_max;
    uint64_t hash_seed;
    size_t chunk_bytes; /* 0: SNAPSHOT_CHUNK_BYTES */
};

struct snapshots;

/* `reader` lets go of its picture when a piece is asked for. */
MUST_USE enum status snapshots_open(const struct snapshots_setup *setup, struct log_reader *reader,
                                    struct snapshots **out);
void snapshots_close(struct snapshots *snapshots);

/* The picture, of that height, is the snapshots' own from now on. The oldest goes when there are
 * more than SNAPSHOT_PINS, and one of the same height. */
void snapshots_pin(struct snapshots *snapshots, uint64_t height, struct store_view *view);
/* Let go of all pictures: before their store closes. */
void snapshots_unpin(struct snapshots *snapshots);

/* The piece that begins where that node of the state tree does, of the state of that height and
 * root. It borrows from the snapshots until the next piece. False when it is not there. */
MUST_USE bool snapshots_chunk(struct snapshots *snapshots, const struct fetch *fetch,
                              struct state_chunk *out);

#endif
