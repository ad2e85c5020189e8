/* Votes for one sequence slot in one view, and the certificate they add up to.
 *
 * A slot keeps one vote per replica, the first: nothing a faulty replica sends later can lower a
 * count or use more memory. Votes may come before the slot's digest is known (a PREPARE can
 * overtake its PRE-PREPARE), so counting is by digest. Members are named by their index in the
 * roster. Pure: no I/O, no allocation; signatures are already verified. How many are enough is
 * roster->q. Source: Castro & Liskov, OSDI '99, section 4.2. */
#ifndef VESTRY_REPLICA_CORE_QUORUM_H
#define VESTRY_REPLICA_CORE_QUORUM_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "governance/roster.h"

struct one_vote {
    uint8_t digest[HASH_BYTES];
    uint8_t sig[SIG_BYTES];
};

struct votes {
    uint64_t present; /* bit i: by_member[i] is member i's vote */
    struct one_vote by_member[REPLICAS_MAX];
};

enum vote_result {
    VOTE_ADDED,
    VOTE_DUPLICATE, /* same member, same digest: a retransmission */
    VOTE_CONFLICT,  /* same member, other digest: proof of a fault; the first vote stands */
};

/* Record a verified vote of `member` (< REPLICAS_MAX). Changes `votes` only on VOTE_ADDED. */
MUST_USE enum vote_result votes_add(struct votes *votes, uint32_t member,
                                    const struct one_vote *vote);

/* Record a vote that cannot contradict an earlier one: the own vote, or one out of the own store.
 * It may be there already. */
void votes_repeat(struct votes *votes, uint32_t member, const struct one_vote *vote);

/* The members whose vote has this digest, as a bitmap, and how many they are. */
MUST_USE uint64_t votes_members(const struct votes *votes, const uint8_t digest[HASH_BYTES]);
MUST_USE uint32_t votes_count(const struct votes *votes, const uint8_t digest[HASH_BYTES]);

/* Append the signatures of `members`, ascending, as elements of a list (`item_sig`). */
void votes_put_sigs(const struct votes *votes, uint64_t members, struct buffer *out);

#endif
