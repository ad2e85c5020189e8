/* Messages as frames: splitting what came in, building what goes out.
 *
 *   frame = length (4 bytes) || envelope [1, type, rid, body bin, sig] || attachment
 *
 * Bodies are signed and verified as the bytes they are; nothing is encoded again. Pure. */
#ifndef VESTRY_REPLICA_CORE_MESSAGE_H
#define VESTRY_REPLICA_CORE_MESSAGE_H

#include "crypto/schema.h"
#include "crypto/sign.h"
#include "replica/core/drop.h"
#include "replica/core/outbox.h"

struct message {
    struct envelope envelope;
    struct bytes attachment; /* may be empty */
};

/* `frame` is without the length header; everything borrows from it. */
MUST_USE enum drop message_split(struct bytes frame, struct message *out);

/* The tag that a message type is signed under. False for types without an envelope signature. */
MUST_USE bool message_tag(uint64_t type, enum sign_tag *tag);

/* A frame with its length header, in the outbox's memory. `sig` is empty or SIG_BYTES long. The
 * pieces must fit FRAME_BYTES_MAX, which the limits guarantee. */
struct bytes message_frame(struct outbox *outbox, uint64_t type, uint32_t rid, struct bytes body,
                           struct bytes sig, struct bytes attachment);

#endif
