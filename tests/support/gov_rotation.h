/* New keys of a replica on paper, and the proposal that brings them. Every field may be bent before
 * the plan is made. Keys are those of sig_fast, which signs with a public key alone. */
#ifndef VESTRY_TESTS_SUPPORT_GOV_ROTATION_H
#define VESTRY_TESTS_SUPPORT_GOV_ROTATION_H

#include "governance/roster.h"
#include "tests/support/gov_stage.h"

struct gov_rotation {
    uint64_t rid;
    uint8_t keys[3][PUBLIC_KEY_BYTES]; /* sign, cosign, transport */
    uint64_t role;
    const char *subject;
    uint32_t card_key_count;
    uint8_t card_keys[4][PUBLIC_KEY_BYTES];
    struct bytes card; /* in place of one that is made of the above; empty: none */
    uint32_t sig_count;
    uint8_t signers[4][PUBLIC_KEY_BYTES];
    bool old_signs;
    uint8_t old_signer[PUBLIC_KEY_BYTES];
    enum sign_tag tag;
    uint8_t cluster_id[HASH_BYTES];
};

/* A good one: keys "r2 <generation>", "... cosign", "... transport"; the key of genesis signs. */
void rotation_init(struct gov_rotation *rotation, const struct gov_stage *stage, uint32_t rid,
                   const char *generation);
/* Key `place` is another one, on the card and among the signers too. */
void rotation_key(struct gov_rotation *rotation, uint32_t place,
                  const uint8_t pk[PUBLIC_KEY_BYTES]);

/* REPLICA_KEY_ROTATE with these, and EPOCH_RENEW, by m1. */
void stage_plan_rotation(struct gov_stage *stage, struct gov_plan *plan,
                         const struct gov_rotation *rotation);
void stage_plan_renewal(struct gov_stage *stage, struct gov_plan *plan);

/* The keys of a replica as the state has it, or as the next epoch has it. */
struct roster_member stage_keys(const struct gov_stage *stage, uint32_t rid);
struct roster_member stage_next_keys(const struct gov_stage *stage, uint32_t rid);
uint64_t stage_epoch(const struct gov_stage *stage);
uint64_t stage_boundary(const struct gov_stage *stage);
/* What the registry has of a key, 0 where it has nothing. */
uint64_t stage_key_standing(const struct gov_stage *stage, const uint8_t pk[PUBLIC_KEY_BYTES]);

#endif
