/* Governance entries on paper: proposals, ballots and the rest as officers sign them, brought to a
 * state at a height and a time. Every field may be bent before it is brought. */
#ifndef VESTRY_TESTS_SUPPORT_GOV_STAGE_H
#define VESTRY_TESTS_SUPPORT_GOV_STAGE_H

#include "governance/apply.h"
#include "tests/support/gov_fixture.h"

#define STAGE_HOUR UINT64_C(3600000)
#define STAGE_DAY (24 * STAGE_HOUR)

struct gov_stage {
    struct gov_fixture fixture;
    struct gov_world world;
    uint64_t height;
    uint64_t time_ms;
    uint64_t nonce; /* of the next plan */
    struct origin origin;
    struct gov_results results;
    struct item_view view;
    struct bytes payload; /* of the last entry */
};

/* After genesis with so many replicas, at height 10 and a second later. Five members (m1 to m5),
 * thresholds 4, 3, 2. With locks (production), or without (development). */
void stage_open(struct gov_stage *stage, uint32_t replicas, bool locks, uint32_t records);
void stage_close(struct gov_stage *stage);

/* A proposal: what is signed, by whom. */
struct gov_plan {
    struct proposal body; /* args borrow from `args`, reads from `reads` */
    const char *signer;   /* name of a seed */
    uint8_t args[4096];
    uint8_t reads[256];
    uint8_t bytes[8192];
    size_t len;
    uint8_t sig[SIG_BYTES];
    uint8_t pid[HASH_BYTES]; /* once it is made */
};

/* A proposal of m1 that reads `members` and `section` as they are now, for another hour, with args
 * that are the encoded `object`. */
void stage_plan(struct gov_stage *stage, struct gov_plan *plan, uint64_t action,
                enum section section, const struct schema *schema, const void *object);
void stage_plan_replica(struct gov_stage *stage, struct gov_plan *plan, uint64_t action,
                        uint64_t rid);
void stage_plan_by(struct gov_plan *plan, const char *mid);
/* Name the version of a section as read, in place of all that was named. */
void stage_plan_reads(struct gov_plan *plan, const struct read_version *reads, uint32_t count);
void stage_plan_make(struct gov_stage *stage, struct gov_plan *plan);

/* A ballot: who, for what, by whose key. */
struct gov_vote {
    const char *mid;
    uint64_t choice;
    const char *signer;             /* NULL: the member's own key */
    const struct gov_plan *instead; /* NULL, or the plan that it is for */
    uint64_t version;               /* added to that of the members */
};

/* Good ones of m1 to m5: the first so many are as many votes. */
extern const struct gov_vote yes_of[5];

enum result_code stage_propose(struct gov_stage *stage, struct gov_plan *plan);
enum result_code stage_vote(struct gov_stage *stage, const struct gov_plan *plan,
                            const struct gov_vote *vote);
/* A good ballot. */
enum result_code stage_yes(struct gov_stage *stage, const struct gov_plan *plan, const char *mid);
enum result_code stage_bundle(struct gov_stage *stage, struct gov_plan *plan,
                              const struct gov_vote *votes, uint32_t count);
enum result_code stage_withdraw(struct gov_stage *stage, const struct gov_plan *plan,
                                const char *mid, const char *signer);
enum result_code stage_dispute(struct gov_stage *stage, const struct gov_plan *plan,
                               const char *mid, const char *signer);
/* Any payload, as the node brings it; rights are refreshed behind. */
enum result_code stage_apply(struct gov_stage *stage, uint64_t type, struct bytes body,
                             struct bytes sig);

/* The next block, so much later, begins; and the next epoch, where a boundary lies between. */
void stage_block(struct gov_stage *stage, uint64_t heights, uint64_t ms);

/* Fill the state: to the last record of those that governance leaves, or to the last byte. */
void stage_fill_records(struct gov_stage *stage, uint32_t left);
void stage_fill_bytes(struct gov_stage *stage);
/* After that: leave so many bytes, at most a million. */
void stage_leave_bytes(struct gov_stage *stage, size_t left);

/* The only result is this one. */
bool stage_told(const struct gov_stage *stage, const struct gov_plan *plan,
                enum proposal_state state, enum result_code reason);

/* The state of the record with that pid, 0 when there is none; how many records there are. */
uint64_t stage_record(const struct gov_stage *stage, const struct gov_plan *plan,
                      struct proposal_record *out);
uint32_t stage_records(const struct gov_stage *stage);
uint64_t stage_version(const struct gov_stage *stage, enum section section);
uint64_t stage_replica(const struct gov_stage *stage, uint64_t rid); /* its standing */
uint64_t stage_member(const struct gov_stage *stage, const char *mid);

#endif
