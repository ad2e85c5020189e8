/* The receipt of an entry, out of the store: leaf, authorship, path, and the newest checkpoint that
 * a quorum signed. Without salt: that goes to those who may read. Pure over log_reader.h. */
#ifndef VESTRY_REPLICA_HOST_RECEIPT_MAKE_H
#define VESTRY_REPLICA_HOST_RECEIPT_MAKE_H

#include "replica/host/log_reader.h"

/* Append the text. False when the entry is not there, or no quorum's checkpoint covers it yet. */
MUST_USE bool receipt_make(struct log_reader *reader, uint64_t index, struct buffer *out);

/* Encode who authored the entry that `entry` was found for. False when nobody did. */
MUST_USE bool authorship_make(const struct log_entry *entry, struct buffer *out);

/* The size of the tree of a note of this log; false when it is not one. */
MUST_USE bool note_tree_size(struct bytes note, uint64_t *size);

#endif
