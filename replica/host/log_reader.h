/* Objects of the log out of a frozen picture of the store: blocks, leaves, payloads, tree nodes.
 *
 * The store keeps leaves block by block, and tree nodes from level TREE_LEVEL_MIN up; what lies
 * between is hashed again here, a group of 256 leaves at a time. What was read last is kept, so
 * that neighbours cost little. Pure over the store interface: no clock, no network; one thread at a
 * time. Records are trusted as far as the store is; one that does not decode is as if it were not
 * there, and `damaged` is set; nothing may be signed then about what is not there. For serve.c,
 * read.c and the simulator. */
#ifndef VESTRY_REPLICA_HOST_LOG_READER_H
#define VESTRY_REPLICA_HOST_LOG_READER_H

#include "crypto/merkle.h"
#include "crypto/schema.h"
#include "storage/store.h"

struct log_reader;

/* Takes address space for the largest records; pages are used as records need them. */
MUST_USE enum status log_reader_open(struct log_reader **out);
void log_reader_close(struct log_reader *reader);

/* Read from this picture from now on; NULL to let go of it. */
void log_reader_use(struct log_reader *reader, struct store_view *view);

/* Whether the picture in use, or the last one, did not give back what was stored. */
MUST_USE bool log_reader_damaged(const struct log_reader *reader);

/* Any record, into `out`; false when it is not there. */
MUST_USE bool log_record(struct log_reader *reader, enum family family, struct bytes key,
                         struct buffer *out);

/* The executed head, as the journal has it. Borrows until the next call for a head. */
MUST_USE bool log_head(struct log_reader *reader, struct head_record *head,
                       struct block_header *header);

/* The newest checkpoint note that Q replicas signed. Borrows until the next call for a note. */
MUST_USE bool log_note(struct log_reader *reader, struct bytes *note);

/* The block at a height. Borrows until the next call for another block. */
struct log_block {
    struct block_record record;
    struct block_header header;
};
MUST_USE bool log_block(struct log_reader *reader, uint64_t height, struct log_block *out);

/* The raw batch and payloads of a digest; false when one is not there. Borrows until the next call
 * for another digest. */
MUST_USE bool log_batch(struct log_reader *reader, const uint8_t digest[HASH_BYTES],
                        struct bytes *batch, struct bytes *payloads);

/* The encoded leaf at an index. Borrows until the next call for a leaf. */
MUST_USE bool log_leaf(struct log_reader *reader, uint64_t index, struct bytes *leaf);

/* A complete node of the tree: a merkle_read whose context is the reader. */
bool log_node(void *context, unsigned level, uint64_t index, uint8_t out[HASH_BYTES]);

/* Everything about one entry. Borrows until the next call for another block or batch. */
struct log_entry {
    struct item item;  /* the request it came with, if any: not the charter, nor results */
    uint32_t position; /* of its statement */
    bool has_item;
    struct payload payload; /* without salt: erased */
};
MUST_USE bool log_entry(struct log_reader *reader, uint64_t index, const struct leaf *leaf,
                        struct log_entry *out);

/* The place of a stream's entry in the log, and how many entries from there on lie side by side.
 * False when the stream is not so long. */
MUST_USE bool log_stream_run(struct log_reader *reader, struct bytes stream, uint64_t position,
                             uint64_t *index, uint64_t *count);

/* The length of a stream; 0 when it does not exist. */
MUST_USE uint64_t log_stream_length(struct log_reader *reader, struct bytes stream);

#endif
