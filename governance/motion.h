/* A proposal in the state, and its way through its states:
 *
 *     OPEN --votes--> ENACTED                 emergency, or a lock of no length
 *     OPEN --votes--> LOCKED --time--> ENACTED, or CANCELLED when its rule holds no more
 *     LOCKED --dispute--> DISPUTED --time--> as LOCKED         DISPUTED --disputes--> CANCELLED
 *     DISPUTED --upheld--> LOCKED             DISPUTED --dismissed--> CANCELLED
 *     OPEN --proposer--> WITHDRAWN            OPEN --deadline--> EXPIRED
 *     OPEN, LOCKED, DISPUTED --a section that it read moved--> STALE
 *
 * What ends an epoch waits, LOCKED, as long as a boundary is pending: no two end at one. The first
 * block behind it judges it anew.
 *
 * What is closed leaves a short record as long as its pid could be brought again: until its
 * deadline has passed or a section that it read has moved, for neither is ever undone. For
 * governance only. */
#ifndef VESTRY_GOVERNANCE_MOTION_H
#define VESTRY_GOVERNANCE_MOTION_H

#include "governance/action.h"
#include "governance/apply.h"
#include "governance/members.h"

/* Closed proposals of one proposer that may be remembered; more are not opened meanwhile. */
#define MOTIONS_CLOSED_MAX 16

/* Everything that one entry, or the beginning of one block, has to do with. */
struct chamber {
    struct state *state;
    const struct cap_context *context;
    struct gov_results *results;
    const uint8_t *cluster_id;
    struct members members;
};
void chamber_open(struct chamber *chamber, struct state *state, const struct cap_context *context,
                  struct gov_results *results);

struct motion {
    uint8_t pid[HASH_BYTES];
    struct bytes body; /* the proposal as it was signed; borrows, from the state or an entry */
    struct proposal proposal;
    uint64_t state; /* enum proposal_state */
    uint64_t since_height;
    uint64_t since_ms;
    uint64_t until_height;
    uint64_t until_ms;
    uint32_t yes; /* bit i: members.list[i] */
    uint32_t no;
    uint32_t disputes;
    bool extended;
    bool stored; /* there is a record of it already */
};

/* The record of that pid, whatever its state. Borrows from the state until the next put. */
MUST_USE bool motion_find(const struct chamber *chamber, const uint8_t pid[HASH_BYTES],
                          struct motion *out);
/* Every record, in no order that means anything. Start with *cursor = 0; nothing may be put in
 * between. */
MUST_USE bool motion_next(const struct chamber *chamber, uint32_t *cursor, struct motion *out);
MUST_USE bool motion_is_live(const struct motion *motion);

/* Write it down. What it borrows from the state is gone afterwards. False when there is no room. */
MUST_USE bool motion_put(const struct chamber *chamber, const struct motion *motion);

/* Whether every section still has the version that the proposal was written for. */
MUST_USE bool motion_is_current(const struct state *state, const struct proposal *proposal);

/* Enough votes: enact it, or lock it. Other than RESULT_OK: there is no room, and nothing changed.
 */
MUST_USE enum result_code motion_pass(struct chamber *chamber, struct motion *motion);
/* A lock of its class, from now on, and beyond a boundary that it waits for; and whether it may be
 * disputed as long as that lasts. */
void motion_lock(const struct chamber *chamber, struct motion *motion);
MUST_USE bool motion_is_disputable(const struct motion *motion);
/* Whether it is to wait for the boundary that is pending; and its lock until that is behind. */
MUST_USE bool motion_waits(const struct chamber *chamber, const struct motion *motion);
void motion_wait(struct chamber *chamber, struct motion *motion);
/* Judge it once more and carry it out, or cancel it. One that has no record yet is not cancelled,
 * and the reason is returned; otherwise RESULT_OK. */
enum result_code motion_enact(struct chamber *chamber, struct motion *motion);
/* It ends; `reason` is RESULT_OK where it ended as it should. */
void motion_close(struct chamber *chamber, const struct motion *motion, enum proposal_state state,
                  enum result_code reason);

/* What became of it, for the log. */
void motion_tell(const struct chamber *chamber, const struct motion *motion,
                 enum proposal_state state, enum result_code reason, uint64_t activates_at);

/* How many votes the proposal needs. */
MUST_USE uint64_t motion_threshold(const struct chamber *chamber, const struct motion *motion);

/* Entries, each decoded, with its signature. RESULT_OK, or why nothing of it counts. */
MUST_USE enum result_code vote_propose(struct chamber *chamber, struct bytes body,
                                       struct bytes sig);
MUST_USE enum result_code vote_bundle(struct chamber *chamber, const struct bundle *bundle);
MUST_USE enum result_code vote_ballot(struct chamber *chamber, struct bytes body, struct bytes sig);
MUST_USE enum result_code vote_withdraw(struct chamber *chamber, struct bytes body,
                                        struct bytes sig);

MUST_USE enum result_code vote_dispute(struct chamber *chamber, struct bytes body,
                                       struct bytes sig);

/* The disputes of the motion are over, and came to nothing: who brought them is barred. What was
 * borrowed from the state is gone. */
void disputes_lapse(const struct chamber *chamber, const struct motion *motion);

/* Records that must be free before governance adds any: what one entry adds, and what the request
 * that brings it leaves (cap_charge counts on its room). */
#define RECORDS_FREE_MIN 128

/* Whether an officer's key made that signature over the body of an entry. */
MUST_USE bool officer_signed(const struct chamber *chamber, uint32_t member, enum sign_tag tag,
                             struct bytes body, struct bytes sig);

#endif
