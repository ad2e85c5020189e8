/* VIEW-CHANGEs and NEW-VIEWs made by hand for a cluster of CORE_NODES on paper, good ones and ones
 * with one thing wrong. */
#ifndef VESTRY_TESTS_SUPPORT_VIEW_FIXTURE_H
#define VESTRY_TESTS_SUPPORT_VIEW_FIXTURE_H

#include "tests/support/core_fixture.h"

#define VIEW_NEXT 5 /* the view that all of them are about */
#define VIEW_LEADER 1
#define VIEW_BODY_BYTES (1u << 16)

/* As replica `rid`. */
void view_sign(const struct core_fixture *fixture, uint32_t rid, enum sign_tag tag,
               struct bytes body, uint8_t sig[SIG_BYTES]);

/* A prepared certificate. */
struct claim {
    uint64_t view;
    uint64_t sequence;
    uint8_t digest;
    uint32_t members; /* whose PREPAREs; the primary of `view` signs the pre-prepare */
    uint32_t forger;  /* signs in the place of r0 when it is not 0 */
    uint64_t epoch;
};

/* A stable checkpoint: an empty block at `height`, attested by `members`. */
struct foundation {
    uint64_t height;
    uint32_t members;
    uint32_t forger;  /* signs in the place of r0 when it is not 0 */
    uint64_t epoch;   /* of the header */
    bool of_others;   /* the header is one of another cluster */
    uint32_t missing; /* signatures that are left out */
};

/* The encoded proof. */
struct bytes view_stable_of(const struct core_fixture *fixture, const struct foundation *says,
                            struct buffer *out);

/* All that can be said in a VIEW-CHANGE. */
struct departure {
    uint64_t view; /* 0: VIEW_NEXT */
    bool is_of_view_0;
    uint64_t epoch;
    struct foundation stable; /* without members: the node's own, of height 0 */
    struct claim claims[3];
    uint32_t count;
};
struct bytes view_change_of(const struct core_fixture *fixture, const struct departure *says,
                            struct buffer *out);

/* A NEW-VIEW for VIEW_NEXT, and what is wrong with it. */
struct announcement {
    uint32_t senders[CORE_NODES]; /* of V */
    uint32_t count;
    uint64_t epoch;
    uint64_t view; /* 0: VIEW_NEXT */
    bool is_of_view_0;
    uint64_t change_view; /* that the VIEW-CHANGEs are for; 0: `view` */
    uint32_t proposer;    /* signs O; 0: who leads VIEW_NEXT */
    uint32_t claims_as;   /* who O says it is of; 0: who leads VIEW_NEXT */
    uint32_t forged;      /* the sender whose VIEW-CHANGE r0 signed; 0: none */
    uint8_t digests[3];   /* of O, from sequence 1 on; 0 ends it, 0xff is the null digest */
    uint64_t sequence;    /* of the first of O; 0: 1 */
    uint64_t vote_view;   /* of O; 0: VIEW_NEXT */
    uint64_t vote_epoch;
    struct claim claims[2]; /* P of the first two senders, where its sequence is not 0 */
};
struct bytes new_view_of(const struct core_fixture *fixture, const struct announcement *says,
                         struct buffer *out);

#endif
