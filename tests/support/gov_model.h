/* A model of proposals, written from the documents alone: what officers get, what it brings about,
 * what it leaves. It stands beside a stage and never looks at the stage's state.
 *
 * There is one, as it is large. Whoever brings an act to the stage asks the model what is to come
 * of it, and tells it what was done. */
#ifndef VESTRY_TESTS_SUPPORT_GOV_MODEL_H
#define VESTRY_TESTS_SUPPORT_GOV_MODEL_H

#include "tests/support/gov_rotation.h"

#define MODEL_REPLICAS 7
#define MODEL_MEMBERS 5
#define MODEL_PLANS 400
#define MODEL_K_ROOT 4

/* A proposal as the model has it. */
struct paper {
    struct gov_plan plan;
    uint64_t action;
    uint32_t target;
    uint64_t until_arg;
    uint32_t keys; /* of a rotation: whose keys it brings, by number; 0 are those of genesis */
    uint32_t by;
    uint64_t members_read;
    uint64_t replicas_read;
    bool recorded;  /* the state knows it */
    uint32_t state; /* of one that is recorded */
    bool extended;  /* it was disputed */
    bool yes[MODEL_MEMBERS];
    bool no[MODEL_MEMBERS];
    bool disputed[MODEL_MEMBERS];
    uint64_t until_ms;
    uint64_t until_height;
};

struct model_result {
    const struct paper *paper;
    uint32_t state;
    uint32_t reason;
    uint64_t activates_at;
};

struct gov_model {
    struct gov_stage stage;
    struct paper papers[MODEL_PLANS];
    uint32_t paper_count;
    uint64_t members_version;
    uint64_t replicas_version;
    uint32_t replica_standing[MODEL_REPLICAS];
    uint32_t replica_keys[MODEL_REPLICAS];
    uint32_t member_standing[MODEL_MEMBERS];
    uint64_t member_until[MODEL_MEMBERS];
    uint64_t barred_until[MODEL_MEMBERS];
    bool keys_used[MODEL_PLANS + 1];
    uint64_t epoch;
    uint64_t boundary;
    uint32_t rotated;      /* who has other keys behind the boundary; MODEL_REPLICAS: nobody */
    uint32_t rotated_keys; /* and which */
    uint32_t told_count;
    struct model_result told[GOV_RESULTS_MAX];
};
extern struct gov_model model;

/* After genesis; the stage is opened. */
void model_open(void);

bool model_acts(uint32_t member);
bool model_live(const struct paper *paper);
bool model_current(const struct paper *paper);
bool model_of_replicas(const struct paper *paper);
uint32_t model_votes_needed(const struct paper *paper);

/* What the action's rule says: a result code. */
uint32_t model_rule(const struct paper *paper);

void model_tell(const struct paper *paper, uint32_t state, uint32_t reason, uint64_t activates_at);
void model_finish(struct paper *paper, uint32_t state, uint32_t reason);
/* A lock of its class, from now on. */
void model_lock(struct paper *paper);
/* What the votes make of it. */
void model_settle(struct paper *paper);
uint32_t model_count(const bool by[MODEL_MEMBERS]);

/* The stage's next block has begun: what is due, and is told in its order. */
void model_block(void);
/* A checkpoint: what is forgotten. */
void model_retire(void);

#endif
