/* Governance by hand: what governed entries will do to the sections, for tests that need a state in
 * which it was done. Rights are refreshed each time. */
#ifndef VESTRY_TESTS_SUPPORT_GOV_WORLD_H
#define VESTRY_TESTS_SUPPORT_GOV_WORLD_H

#include "governance/capability.h"
#include "tests/support/gov_fixture.h"

void world_param(struct gov_world *world, enum param param, uint64_t value);
void world_freeze(struct gov_world *world, const char *prefix, uint64_t until_ms);
/* Each may be called once: the lists stay sorted by having one element. */
void world_revoke_block(struct gov_world *world, const uint8_t id[HASH_BYTES], uint64_t expires_ms);
void world_revoke_key(struct gov_world *world, const uint8_t key[PUBLIC_KEY_BYTES]);
/* Standing, smallest generation, and end of generation 1 of the first issuer. */
void world_issuer(struct gov_world *world, enum standing standing, uint64_t gen_min,
                  uint64_t until_ms);
/* Standing of a governed key in the registry. */
void world_standing(struct gov_world *world, const uint8_t key[PUBLIC_KEY_BYTES],
                    enum standing standing);

/* One request, from its plan to its verdict. */
struct cap_trial {
    struct gov_world *world;
    const struct sig_scheme *scheme;
    struct gov_token token;
    struct gov_request request;
    bool governed; /* no token: request.author names the key */
    uint64_t height;
    uint64_t time_ms;
    uint64_t audience;
    struct item_view view;
    struct cap_verdict verdict;
};

/* A good request for a token of `blocks` blocks by issuer 0, five seconds after genesis. */
void trial_init(struct cap_trial *trial, struct gov_world *world, const struct sig_scheme *scheme,
                uint32_t blocks);
/* Make token and request, and parse them. */
enum result_code trial_make(struct cap_trial *trial);
/* Check what was made. */
enum result_code trial_check(struct cap_trial *trial);
/* Make it and, when it can be parsed, check it. */
enum result_code trial_judge(struct cap_trial *trial);
/* All of that, and when the request is ordered, append and charge. */
enum result_code trial_run(struct cap_trial *trial);

#endif
