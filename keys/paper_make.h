/* Making papers: proposals, ballots, and proposals with ballots, as their files.
 *
 * Nothing is judged here: keys/words/paper.h finds what would be refused, and a person has been
 * shown what is signed. Used by vestry-keys alone. */
#ifndef VESTRY_KEYS_PAPER_MAKE_H
#define VESTRY_KEYS_PAPER_MAKE_H

#include "keys/keyfile.h"
#include "keys/words/paper.h"

/* What a member proposes, for the state of `in_force`. */
struct paper_wish {
    uint64_t action;
    uint32_t rid;                  /* unless the epoch is to be renewed */
    const struct paper_keys *keys; /* ACTION_REPLICA_KEY_ROTATE */
    struct bytes reason;           /* at most PROPOSAL_REASON_BYTES_MAX of printable UTF-8 */
    uint64_t not_before_ms;
    uint64_t deadline_ms;
};

/* Append the object of a new proposal, signed. STATUS_INVALID: the reason cannot stand in it. */
MUST_USE enum status paper_propose(const struct in_force *in_force, const struct secret_key *member,
                                   const struct paper_wish *wish, struct buffer *out,
                                   struct problem *problem);

/* Append the object of a ballot on that proposal, signed. `reason` may be empty. */
void paper_vote(const struct paper *paper, const struct in_force *in_force,
                const struct secret_key *member, enum choice choice, struct bytes reason,
                struct buffer *out);

/* Append the object of the same proposal with more ballots. False when there is no room. */
MUST_USE bool paper_join(const struct paper *paper, const struct paper_ballot *ballots,
                         uint32_t count, struct buffer *out);

/* Create the file, armoured, 0644: it is for the eyes of all officers. */
MUST_USE enum status paper_write(const char *path, const char *label, struct bytes object,
                                 struct problem *problem);

#endif
