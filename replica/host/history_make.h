/* Blocks for a replica that took a snapshot in their place: with what cannot be known without the
 * state before them (FORMATS.md, "History").
 *
 * Pure over the log reader; one thread at a time. For serve.c. */
#ifndef VESTRY_REPLICA_HOST_HISTORY_MAKE_H
#define VESTRY_REPLICA_HOST_HISTORY_MAKE_H

#include "replica/host/log_reader.h"

struct history_maker;

MUST_USE enum status history_maker_open(struct log_reader *reader, struct history_maker **out);
void history_maker_close(struct history_maker *maker);

/* Append the encoded `history_parcel` of the block at `height` (1 or higher) whose commit
 * certificate is given. False when not all of it is there, or `out` is full. */
MUST_USE bool history_make(struct history_maker *maker, uint64_t height, struct bytes commit,
                           struct buffer *out);

#endif
