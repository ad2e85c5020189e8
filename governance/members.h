/* The members as the section `members` has them, copied out: who counts, and how many are enough.
 *
 * A plain value of some 4 KB that borrows nothing. Whoever is named by a place in `list` is named
 * as long as the section does not move. Pure; for governance. */
#ifndef VESTRY_GOVERNANCE_MEMBERS_H
#define VESTRY_GOVERNANCE_MEMBERS_H

#include "crypto/schema.h"
#include "governance/state.h"

#define MEMBER_NOBODY UINT32_MAX

struct member {
    size_t mid_len;
    uint8_t mid[ID_BYTES_MAX];
    uint8_t pk[PUBLIC_KEY_BYTES];
    uint64_t standing; /* enum standing */
    uint64_t until_ms; /* of a suspension */
};

struct members {
    uint64_t version; /* of the section */
    struct thresholds thresholds;
    uint32_t count;
    struct member list[MEMBERS_MAX];
};

/* Genesis and what enacts MEMBER_* write the section; that it can be read is no question. */
void members_load(const struct state *state, struct members *out);

/* The place of a member, or MEMBER_NOBODY. */
MUST_USE uint32_t members_find(const struct members *members, struct bytes mid);

/* Whether who has that standing may act at time T: a suspension ends by itself. */
MUST_USE bool standing_acts(uint64_t standing, uint64_t until_ms, uint64_t time_ms);
MUST_USE bool member_is_active(const struct member *member, uint64_t time_ms);

/* The place of a member that may act, or MEMBER_NOBODY. */
MUST_USE uint32_t members_find_active(const struct members *members, struct bytes mid,
                                      uint64_t time_ms);

#endif
