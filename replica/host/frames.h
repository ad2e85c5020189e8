/* Frames that the host itself makes: DATA, REPLY, READ-ANSWER. Pure. */
#ifndef VESTRY_REPLICA_HOST_FRAMES_H
#define VESTRY_REPLICA_HOST_FRAMES_H

#include "crypto/schema.h"

/* An envelope's parts. `sig` is empty or SIG_BYTES long. */
struct frame_parts {
    uint64_t type;
    uint32_t rid;
    struct bytes body;
    struct bytes sig;
    struct bytes attachment;
};

/* Append the frame with its length. False, and nothing appended, when it does not fit `out` or is
 * longer than a frame may be. */
MUST_USE bool frames_put(struct buffer *out, const struct frame_parts *parts);

/* Append the DATA frame that answers `fetch`, at position `from`. An attachment that is too long
 * for a frame is left out, which says "not there". False when it does not fit `out`. */
MUST_USE bool frames_put_data(struct buffer *out, uint32_t rid, const struct fetch *fetch,
                              uint64_t from, struct bytes attachment);

/* The type of a frame's envelope by its first bytes, or 0. */
MUST_USE uint64_t frames_type(struct bytes frame);

/* Whom a REQUEST is for, without parsing the rest: the audience (0: to be ordered). False when the
 * bytes are not the beginning of a REQUEST; what else is wrong with it is for others to find. */
MUST_USE bool frames_audience(struct bytes frame, uint64_t *audience);

#endif
