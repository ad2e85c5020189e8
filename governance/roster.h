/* The replicas of an epoch, parsed: who counts, how many are enough, who leads.
 *
 * A plain value that may be copied. Pure; the core, hosts and clients use it. PROTOCOL: state. */
#ifndef VESTRY_GOVERNANCE_ROSTER_H
#define VESTRY_GOVERNANCE_ROSTER_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "governance/state.h"

#define ROSTER_NOBODY UINT32_MAX

struct roster_member {
    uint32_t rid;
    uint32_t standing; /* enum standing; a suspended replica's votes still count (PROTOCOL, R6) */
    uint8_t sign_pk[PUBLIC_KEY_BYTES];
    uint8_t cosign_pk[PUBLIC_KEY_BYTES];
    uint8_t transport_pk[PUBLIC_KEY_BYTES];
};

struct roster {
    uint64_t epoch;
    uint32_t n;
    uint32_t f;
    uint32_t q;                                 /* a quorum: any two share a correct replica */
    uint32_t w;                                 /* a weak quorum: at least one of them is correct */
    struct roster_member members[REPLICAS_MAX]; /* n of them, ascending by rid */
};

/* floor((n + f) / 2) + 1, for 1 <= n <= REPLICAS_MAX and n >= 3f + 1. */
MUST_USE uint32_t quorum_size(uint32_t n, uint32_t f);

/* From the encoded body of the section `replicas`. False when it is malformed, out of order, or
 * n < 3f + 1. */
MUST_USE bool roster_parse(struct bytes section_body, uint64_t epoch, struct roster *out);

/* The roster that is in force in the state. */
MUST_USE bool roster_load(const struct state *state, struct roster *out);

/* The roster of epoch 0, from the body of a charter that holds its rules. */
MUST_USE bool roster_of_charter(struct bytes charter_body, struct roster *out);

/* members[(epoch + view) mod n]. */
MUST_USE const struct roster_member *roster_primary(const struct roster *roster, uint64_t view);

/* The place of a replica in `members`, or ROSTER_NOBODY. */
MUST_USE uint32_t roster_index(const struct roster *roster, uint32_t rid);
MUST_USE const struct roster_member *roster_find(const struct roster *roster, uint32_t rid);
MUST_USE const struct roster_member *
roster_by_transport(const struct roster *roster, const uint8_t transport_pk[PUBLIC_KEY_BYTES]);
MUST_USE const struct roster_member *roster_by_sign(const struct roster *roster,
                                                    const uint8_t sign_pk[PUBLIC_KEY_BYTES]);

/* How many are in a set of members: bit i stands for members[i]. */
MUST_USE uint32_t members_count(uint64_t members);

#endif
