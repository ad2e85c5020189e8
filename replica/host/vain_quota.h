/* How many frames of one replica may be verified for nothing: a bucket that fills with time. What a
 * frame may turn out to be, useless, is taken from it before the signature is looked at, and given
 * back when the frame had an effect that only progress makes possible. So a faulty replica's good
 * signatures cost the others a bounded share of their time, however many it sends, and correct
 * ones, whose votes count, never come to the end of theirs.
 *
 * Pure; time is an argument. One owner, the loop. For host_in.c. */
#ifndef VESTRY_REPLICA_HOST_VAIN_QUOTA_H
#define VESTRY_REPLICA_HOST_VAIN_QUOTA_H

#include "replica/core/drop.h"

#include <stdbool.h>
#include <stdint.h>

/* As many as may be under way for one replica. A correct one's come too late now and then: votes
 * that cross with those that made the quorum, a few a block at most, and a window of them when the
 * view changes. */
#define VAIN_FRAMES_MAX 2048
#define VAIN_FRAMES_PER_S 512

struct vain_quota {
    bool used; /* else it is full */
    uint32_t left;
    uint64_t filled_ms;
};

/* Whether frames of that message type are counted. DATA is not: it is verified only when it was
 * asked for, once. */
MUST_USE bool vain_quota_counts(uint64_t type);

/* Whether a frame of that type, of which this came, was verified for nothing, or for no more than
 * its sender's word. */
MUST_USE bool vain_quota_is_vain(uint64_t type, enum drop drop);

/* Take one; false when there is none. */
MUST_USE bool vain_quota_take(struct vain_quota *quota, uint64_t now_ms);
void vain_quota_give_back(struct vain_quota *quota);

#endif
