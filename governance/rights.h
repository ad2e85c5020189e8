/* What the checks need of the configuration, parsed: issuers with their scopes and keys,
 * parameters, freezes, revocations.
 *
 * A cache of sections of the state and nothing more: rights_refresh after every block that may have
 * moved a section, and after a restore. It points into itself, so it must not be copied; about
 * 1 MB. Pure; one thread. */
#ifndef VESTRY_GOVERNANCE_RIGHTS_H
#define VESTRY_GOVERNANCE_RIGHTS_H

#include "crypto/numbers.h"
#include "crypto/schema.h"
#include "governance/state.h"
#include "governance/token.h"

struct prefix_text {
    size_t len;
    uint8_t text[ID_BYTES_MAX];
};

struct rights_generation {
    uint64_t gen;
    uint64_t until_ms; /* good while T < until_ms */
    uint8_t pk[PUBLIC_KEY_BYTES];
};

struct rights_issuer {
    uint8_t id[HASH_BYTES]; /* of its first card */
    bool active;
    uint64_t gen_min;
    uint32_t generation_count;
    struct rights_generation generations[ISSUER_KEYS_MAX];
    struct cap_limits scope; /* its prefixes point into prefix_texts */
    uint64_t max_life_ms;
    uint64_t live_tokens;
    struct prefix_text prefix_texts[STREAM_PREFIXES_MAX];
};

struct rights_freeze {
    struct prefix_text prefix;
    uint64_t until_ms; /* frozen while T < until_ms */
};

struct rights {
    uint64_t versions[SECTION_COUNT + 1]; /* of all sections; 0: not read yet */
    uint8_t config_hash[HASH_BYTES];      /* of these versions */
    uint64_t profile;
    uint64_t feature_level;
    uint64_t params[PARAMS_MAX]; /* by number; unset ones have their defaults */
    uint32_t issuer_count;
    uint32_t freeze_count;
    uint32_t revoked_block_count;
    uint32_t revoked_key_count;
    /* The lists, as far as the counts go. */
    struct rights_issuer issuers[ISSUERS_MAX];
    struct rights_freeze freezes[FREEZES_MAX];
    uint8_t revoked_blocks[REVOKED_MAX][HASH_BYTES]; /* ascending */
    uint8_t revoked_keys[REVOKED_MAX][HASH_BYTES];   /* ascending */
};

/* Empty: defaults, nothing known. */
void rights_init(struct rights *rights);

/* Look at all sections and read those that moved. True in `moved` (which may be NULL) when one did.
 * False when a section is missing or malformed: the state is not one that governance made. */
MUST_USE bool rights_refresh(struct rights *rights, const struct state *state, bool *moved);

MUST_USE uint64_t rights_param(const struct rights *rights, enum param param);

/* The issuer whose first card has that id, or NULL. */
MUST_USE const struct rights_issuer *rights_issuer(const struct rights *rights,
                                                   const uint8_t id[HASH_BYTES]);
/* That generation of its key, whatever its age, or NULL. */
MUST_USE const struct rights_generation *rights_generation(const struct rights_issuer *issuer,
                                                           uint64_t gen);
/* The key that must have signed block 0 with these fields, or NULL when nobody could have. */
MUST_USE const uint8_t *rights_block0_signer(const struct rights *rights,
                                             const uint8_t parent[HASH_BYTES], uint64_t gen);

MUST_USE bool rights_block_revoked(const struct rights *rights, const uint8_t id[HASH_BYTES]);
MUST_USE bool rights_key_revoked(const struct rights *rights, const uint8_t pk[PUBLIC_KEY_BYTES]);
/* Whether appends to the stream are frozen at time T. */
MUST_USE bool rights_frozen(const struct rights *rights, struct bytes stream, uint64_t time_ms);

#endif
