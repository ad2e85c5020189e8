/* Catching up by a snapshot: the state of a height that others have behind them, instead of the
 * blocks up to there; and the gap of history that this leaves. PROTOCOL: state transfer.
 *
 *   NONE ---> PROOF ---> CHUNKS ---> BLOCK ---> NONE
 *     [W replicas have a snapshot height far ahead]
 *             [Q attestations of its header]
 *                        [rows below nodes of the state tree, each proven, from all who have it]
 *                                    [the block itself, which has the tree's frontier: installed]
 *   any -----------------------------------------> NONE    [given up: blocks do it]
 *
 * Nothing of a transfer is durable before all of it is: the state, the head, the proof and the gap
 * are put in one step. A restart in between begins anew, which costs one transfer of a state and no
 * more. What was skipped is fetched afterwards, from the top down, while the replica takes part
 * again; how far that has come is in the gap's record. For replica/core. */
#ifndef VESTRY_REPLICA_CORE_SNAPSHOT_H
#define VESTRY_REPLICA_CORE_SNAPSHOT_H

#include "replica/core/window.h"

/* Parts of the state tree that are fetched side by side. */
#define SNAPSHOT_LANES 8

enum snapshot_phase {
    SNAPSHOT_NONE,
    SNAPSHOT_PROOF,
    SNAPSHOT_CHUNKS,
    SNAPSHOT_BLOCK
};

/* A range of SHA-256(key), by its first 64 bits; what lies below `next` is here. */
struct snapshot_lane {
    uint64_t next;
    uint64_t last;
    uint64_t node; /* the node of the tree that is asked for */
    bool done;
};

struct snapshot {
    enum snapshot_phase phase;
    uint64_t height;
    uint64_t given_up; /* none at or below this height is tried again */
    uint64_t without;  /* members that say that they do not have it */
    uint64_t moved_ms; /* when something of it came last */
    uint8_t root[HASH_BYTES];
    uint8_t header_hash[HASH_BYTES];
    size_t proof_len; /* an encoded `struct stable` */
    uint8_t proof[STABLE_BYTES_MAX];
    struct snapshot_lane lanes[SNAPSHOT_LANES];
};

/* Blocks that are not here: first..last, none when last is 0. The one at `last` has the header
 * hash `last_hash`, the one below `first` (which is here) `below_hash`. */
struct gap {
    uint64_t first;
    uint64_t last;
    uint8_t below_hash[HASH_BYTES];
    uint8_t last_hash[HASH_BYTES];
};

/* A block of the gap that came before the one above it: verified for itself, and compared with its
 * hash when its turn comes. */
struct parked_block {
    uint64_t sequence; /* 0: nothing here */
    uint32_t member;   /* who sent it */
    struct bytes parcel;
};

#endif
