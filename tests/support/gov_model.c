#include "tests/support/gov_model.h"

#include <string.h>

#define FAULTY 2
#define K_OPS 3
#define K_EMG 2
#define DUE_MAX 8

struct gov_model model;

void model_open(void)
{
    memset(&model, 0, sizeof(model));
    model.members_version = 1;
    model.replicas_version = 1;
    model.boundary = NO_BOUNDARY;
    model.rotated = MODEL_REPLICAS;
    model.keys_used[0] = true;
    for (uint32_t i = 0; i < MODEL_REPLICAS; i++) {
        model.replica_standing[i] = STANDING_ACTIVE;
    }
    for (uint32_t i = 0; i < MODEL_MEMBERS; i++) {
        model.member_standing[i] = STANDING_ACTIVE;
    }
    stage_open(&model.stage, MODEL_REPLICAS, true, 2000);
}

void model_tell(const struct paper *paper, uint32_t state, uint32_t reason, uint64_t activates_at)
{
    model.told[model.told_count++] = (struct model_result){paper, state, reason, activates_at};
}

bool model_acts(uint32_t member)
{
    return member < MODEL_MEMBERS && (model.member_standing[member] == STANDING_ACTIVE ||
                                      model.stage.time_ms >= model.member_until[member]);
}

bool model_live(const struct paper *paper)
{
    return paper->recorded && paper->state <= PROPOSAL_DISPUTED;
}

bool model_current(const struct paper *paper)
{
    return paper->members_read == model.members_version &&
           (paper->replicas_read == 0 || paper->replicas_read == model.replicas_version);
}

bool model_of_replicas(const struct paper *paper)
{
    return paper->action == ACTION_REPLICA_SUSPEND || paper->action == ACTION_REPLICA_RESTORE ||
           paper->action == ACTION_REPLICA_KEY_ROTATE;
}

static bool ends_an_epoch(const struct paper *paper)
{
    return paper->action == ACTION_REPLICA_KEY_ROTATE || paper->action == ACTION_EPOCH_RENEW;
}

uint32_t model_votes_needed(const struct paper *paper)
{
    if (paper->action == ACTION_REPLICA_RESTORE || ends_an_epoch(paper)) {
        return K_OPS;
    }
    return paper->action == ACTION_MEMBER_RESTORE ? MODEL_K_ROOT : K_EMG;
}

/* --- Rules ----------------------------------------------------------------------------------- */

static uint32_t rule_of_members(const struct paper *paper)
{
    const uint64_t lapse = rights_param(&model.stage.world.rights, PARAM_EMERGENCY_LAPSE);
    const uint32_t target = paper->target;
    uint32_t suspended = 0;

    if (paper->action == ACTION_MEMBER_RESTORE) {
        return target < MODEL_MEMBERS && model.member_standing[target] == STANDING_SUSPENDED
                   ? RESULT_OK
                   : E_PREDICATE;
    }
    for (uint32_t i = 0; i < MODEL_MEMBERS; i++) {
        suspended += model_acts(i) ? 0 : 1;
    }
    if (paper->until_arg <= model.stage.time_ms || paper->until_arg > model.stage.time_ms + lapse) {
        return E_BOUNDS;
    }
    return target < MODEL_MEMBERS && model.member_standing[target] == STANDING_ACTIVE &&
                   suspended < MODEL_MEMBERS - MODEL_K_ROOT
               ? RESULT_OK
               : E_PREDICATE;
}

static uint32_t rule_of_standing(const struct paper *paper)
{
    const bool suspends = paper->action == ACTION_REPLICA_SUSPEND;
    uint32_t suspended = 0;

    for (uint32_t i = 0; i < MODEL_REPLICAS; i++) {
        suspended += model.replica_standing[i] == STANDING_SUSPENDED ? 1 : 0;
    }
    if (paper->target == MODEL_REPLICAS || (suspends && suspended == FAULTY)) {
        return E_PREDICATE;
    }
    return model.replica_standing[paper->target] ==
                   (suspends ? STANDING_ACTIVE : STANDING_SUSPENDED)
               ? RESULT_OK
               : E_PREDICATE;
}

uint32_t model_rule(const struct paper *paper)
{
    switch (paper->action) {
    case ACTION_EPOCH_RENEW:
        return RESULT_OK;
    case ACTION_REPLICA_KEY_ROTATE:
        if (paper->target == MODEL_REPLICAS) {
            return E_PREDICATE;
        }
        return model.keys_used[paper->keys] ? E_KEY : RESULT_OK;
    case ACTION_REPLICA_SUSPEND:
    case ACTION_REPLICA_RESTORE:
        return rule_of_standing(paper);
    default:
        return rule_of_members(paper);
    }
}

/* --- What is done ---------------------------------------------------------------------------- */

static void carry_out(const struct paper *paper)
{
    const uint64_t beyond = model.stage.height + 256 + 127;
    const bool suspends =
        paper->action == ACTION_REPLICA_SUSPEND || paper->action == ACTION_MEMBER_SUSPEND;
    const uint32_t standing = suspends ? STANDING_SUSPENDED : STANDING_ACTIVE;

    if (ends_an_epoch(paper)) {
        model.boundary = beyond - beyond % 128;
        if (paper->action == ACTION_REPLICA_KEY_ROTATE) {
            model.rotated = paper->target;
            model.rotated_keys = paper->keys;
            model.keys_used[paper->keys] = true;
        }
    } else if (model_of_replicas(paper)) {
        model.replica_standing[paper->target] = standing;
        model.replicas_version++;
    } else {
        model.member_standing[paper->target] = standing;
        model.member_until[paper->target] = paper->until_arg;
        model.members_version++;
    }
}

void model_finish(struct paper *paper, uint32_t state, uint32_t reason)
{
    uint64_t activates_at = U64_UNLIMITED;

    if (state == PROPOSAL_ENACTED) {
        activates_at = ends_an_epoch(paper) ? model.boundary + 1 : model.stage.height;
    }
    model_tell(paper, state, reason, activates_at);
    paper->recorded = model.stage.time_ms < paper->plan.body.deadline_ms && model_current(paper);
    paper->state = state;
    memset(paper->disputed, 0, sizeof(paper->disputed));
}

static void enact(struct paper *paper)
{
    const uint32_t code = model_rule(paper);

    if (code == RESULT_OK) {
        carry_out(paper);
    }
    model_finish(paper, code == RESULT_OK ? PROPOSAL_ENACTED : PROPOSAL_CANCELLED, code);
}

void model_lock(struct paper *paper)
{
    const struct rights *rights = &model.stage.world.rights;
    const bool root = model_votes_needed(paper) == MODEL_K_ROOT;

    paper->until_ms =
        model.stage.time_ms + rights_param(rights, root ? PARAM_LOCK_ROOT : PARAM_LOCK_OPS);
    paper->until_height = model.stage.height + rights_param(rights, root ? PARAM_LOCK_ROOT_HEIGHTS
                                                                         : PARAM_LOCK_OPS_HEIGHTS);
    if (ends_an_epoch(paper) && model.boundary != NO_BOUNDARY &&
        paper->until_height <= model.boundary) {
        paper->until_height = model.boundary + 1;
    }
}

uint32_t model_count(const bool by[MODEL_MEMBERS])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < MODEL_MEMBERS; i++) {
        count += by[i] ? 1 : 0;
    }
    return count;
}

void model_settle(struct paper *paper)
{
    if (model_count(paper->yes) < model_votes_needed(paper)) {
        return;
    }
    if (model_votes_needed(paper) == K_EMG) {
        enact(paper);
        return;
    }
    model_lock(paper);
    paper->state = PROPOSAL_LOCKED;
    model_tell(paper, PROPOSAL_LOCKED, RESULT_OK, paper->until_height);
}

/* --- Blocks ---------------------------------------------------------------------------------- */

static bool due(const struct paper *paper)
{
    if (!model_live(paper)) {
        return false;
    }
    if (!model_current(paper)) {
        return true;
    }
    return paper->state == PROPOSAL_OPEN ? model.stage.time_ms >= paper->plan.body.deadline_ms
                                         : model.stage.time_ms >= paper->until_ms &&
                                               model.stage.height >= paper->until_height;
}

static void disputes_end(struct paper *paper)
{
    const uint64_t bar_ms = rights_param(&model.stage.world.rights, PARAM_LOCK_ROOT);

    for (uint32_t i = 0; i < MODEL_MEMBERS; i++) {
        if (paper->disputed[i]) {
            model.barred_until[i] = model.stage.time_ms + bar_ms;
        }
    }
    memset(paper->disputed, 0, sizeof(paper->disputed));
}

static void due_one(struct paper *paper)
{
    if (!model_current(paper)) {
        model_finish(paper, PROPOSAL_STALE, E_STALE);
        return;
    }
    if (paper->state == PROPOSAL_OPEN) {
        model_finish(paper, PROPOSAL_EXPIRED, E_THRESHOLD);
        return;
    }
    disputes_end(paper);
    if (ends_an_epoch(paper) && model.boundary != NO_BOUNDARY) {
        paper->state = PROPOSAL_LOCKED;
        paper->until_height = model.boundary + 1;
        model_tell(paper, PROPOSAL_LOCKED, RESULT_OK, paper->until_height);
        return;
    }
    enact(paper);
}

/* Behind a boundary: another epoch, and the section moves if it was to. */
static void epoch_over(void)
{
    if (model.stage.height <= model.boundary) {
        return;
    }
    model.epoch++;
    model.boundary = NO_BOUNDARY;
    if (model.rotated < MODEL_REPLICAS) {
        model.replica_keys[model.rotated] = model.rotated_keys;
        model.replicas_version++;
        model.rotated = MODEL_REPLICAS;
    }
}

void model_block(void)
{
    bool was_due[MODEL_PLANS];
    uint32_t done = 0;

    epoch_over();
    for (uint32_t i = 0; i < model.paper_count; i++) {
        was_due[i] = due(&model.papers[i]);
    }
    while (done++ < DUE_MAX) {
        struct paper *next = NULL;

        for (uint32_t i = 0; i < model.paper_count; i++) {
            struct paper *paper = &model.papers[i];

            if (was_due[i] &&
                (next == NULL || memcmp(paper->plan.pid, next->plan.pid, HASH_BYTES) < 0)) {
                next = paper;
            }
        }
        if (next == NULL) {
            break;
        }
        was_due[next - model.papers] = false;
        due_one(next);
    }
}

void model_retire(void)
{
    for (uint32_t i = 0; i < model.paper_count; i++) {
        struct paper *paper = &model.papers[i];

        if (paper->recorded && !model_live(paper)) {
            paper->recorded =
                model.stage.time_ms < paper->plan.body.deadline_ms && model_current(paper);
        }
    }
}
