/* The cast of a simulated cluster: keys, charter and tokens, all made from the plan.
 *
 * Keys come from a counter, so a run needs no randomness for them. A replica has as many
 * generations of keys as it may need; which of them an epoch goes by is in a sim_epoch. The
 * simulator only. */
#ifndef VESTRY_TESTS_SIM_CAST_H
#define VESTRY_TESTS_SIM_CAST_H

#include "crypto/note.h"
#include "crypto/schema.h"
#include "crypto/sign.h"
#include "governance/roster.h"
#include "tests/sim/plan.h"

#define SIM_CHARTER_BYTES_MAX 16384
#define SIM_WALL_MS UINT64_C(1700000000000) /* Unix time at which every run begins */

struct key_pair {
    uint8_t seed[SEED_BYTES];
    uint8_t pk[PUBLIC_KEY_BYTES];
};

#define SIM_GENERATIONS 8

struct replica_keys {
    struct key_pair sign;
    struct key_pair cosign;
    struct key_pair transport;
};

/* From which height on whose keys count. */
struct sim_epoch {
    uint64_t number;
    uint64_t since; /* the height at which it was decided */
    uint64_t first; /* its first height: the boundary is the one below */
    uint8_t generation[SIM_REPLICAS_MAX];
};

struct cast {
    const struct sig_scheme *scheme;
    uint32_t n;
    uint32_t q;
    uint32_t w;
    struct replica_keys keys[SIM_REPLICAS_MAX][SIM_GENERATIONS];
    struct key_pair issuer;
    uint8_t issuer_id[HASH_BYTES];
    uint8_t cluster_id[HASH_BYTES];
    struct origin origin;
    struct roster roster; /* of epoch 0, as anybody reads it in the charter */
    uint8_t charter_body[SIM_CHARTER_BYTES_MAX];
    size_t charter_body_len;
    uint8_t charter_file[SIM_CHARTER_BYTES_MAX];
    size_t charter_file_len;
};

void cast_make(struct cast *cast, const struct plan *plan);

void cast_key(const struct cast *cast, uint8_t role, uint8_t number, struct key_pair *out);

/* The keys that a replica has in that epoch. */
MUST_USE static inline const struct replica_keys *
cast_keys(const struct cast *cast, const struct sim_epoch *epoch, uint32_t rid)
{
    CHECK(rid < cast->n);
    return &cast->keys[rid][epoch->generation[rid]];
}
/* Members and keys of an epoch; nobody is suspended in it. */
void cast_roster(const struct cast *cast, const struct sim_epoch *epoch, struct roster *out);
/* What its notes are checked with. */
void cast_note_keys(const struct cast *cast, const struct sim_epoch *epoch,
                    struct note_key out[SIM_REPLICAS_MAX]);

/* The members m1, m2, ...: any two of them may do everything. */
#define SIM_MEMBERS 3
#define SIM_MEMBERS_NEEDED 2
MUST_USE const char *cast_member_id(uint32_t number);
void cast_member_key(const struct cast *cast, uint32_t number, struct key_pair *out);

/* What a client's token allows. */
struct grant {
    uint64_t ops;
    const char *prefix; /* "" for every stream */
    uint64_t expires_ms;
    uint64_t max_entry;
    uint64_t quota_entries;
};

/* Append the token that the issuer gives to `holder`. */
void cast_token(const struct cast *cast, const struct grant *grant,
                const uint8_t holder[PUBLIC_KEY_BYTES], struct buffer *out);

#endif
