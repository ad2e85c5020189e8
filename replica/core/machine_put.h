/* The records of an executed block: how they are laid into the store. For machine.c.
 *
 * Family by family: blocks (header with results, by height), leaves (by the block's first index),
 * streams (runs of positions), tree (complete subtrees of level TREE_LEVEL_MIN and up; lower ones
 * are hashed again from the leaves), state (what changed), journal (the head). */
#ifndef VESTRY_REPLICA_CORE_MACHINE_PUT_H
#define VESTRY_REPLICA_CORE_MACHINE_PUT_H

#include "replica/core/node_parts.h"

#define TREE_LEVEL_MIN 8

/* A merkle_completed: puts the nodes that are stored. The context is the outbox. */
void tree_put(void *context, unsigned level, uint64_t index, const uint8_t hash[HASH_BYTES]);

/* Joins entries of one stream that are neighbours in stream and log into one record. */
struct stream_writer {
    struct outbox *outbox;
    size_t stream_len;
    uint8_t stream[ID_BYTES_MAX];
    uint64_t first_position;
    uint64_t first_index;
    uint64_t count; /* 0: nothing open */
};
void stream_writer_add(struct stream_writer *writer, struct bytes stream, uint64_t position,
                       uint64_t index);
void stream_writer_end(struct stream_writer *writer);

struct block_lists {
    struct wire_list results; /* of item_bin */
    struct wire_list leaves;  /* of item_bin */
    uint64_t first_index;
};
/* Which block, and this replica's attestation of it; everything is borrowed. */
struct block_identity {
    uint64_t height;
    struct bytes header;
    const uint8_t *note_sig;
    const uint8_t *cosig;
};
MUST_USE struct block_identity head_identity(const struct head *head);
/* A block: header, own attestation, results; and its leaves, when it has any. */
void block_put(const struct block_identity *identity, const struct block_lists *lists,
               struct outbox *outbox);
void state_put_changes(const struct state *state, struct outbox *outbox);
void head_put(const struct node *node, struct outbox *outbox);
/* The way back from a list of the frontier's hashes, lowest level first: false unless it has as
 * many as `size` has bits. */
MUST_USE bool frontier_take(struct wire_list hashes, uint64_t size, struct merkle_frontier *out);
/* The one payload of an entry that no request brought, without salt, under `place`. */
void lone_payload_put(struct outbox *outbox, const uint8_t place[HASH_BYTES], struct bytes payload);
/* The charter as the payload of entry 0, under the zero digest of block 0. */
void charter_payload_put(const struct node *node, struct outbox *outbox);

#endif
