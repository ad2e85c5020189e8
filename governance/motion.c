#include "governance/motion.h"

#include "governance/epoch.h"
#include "governance/mutant.h"
#include "governance/records.h"

#include <string.h>

#define SUBJECT_LIST_BYTES (MEMBERS_MAX * (ID_BYTES_MAX + 2))

void chamber_open(struct chamber *chamber, struct state *state, const struct cap_context *context,
                  struct gov_results *results)
{
    chamber->state = state;
    chamber->context = context;
    chamber->results = results;
    chamber->cluster_id = context->cluster_id;
    members_load(state, &chamber->members);
}

/* --- The record ------------------------------------------------------------------------------ */

/* Those of the list that are members still: when one is not, the section moved, and the proposal is
 * stale. */
static uint32_t places_of(const struct members *members, struct wire_list list)
{
    struct wire_iter iter = wire_iter_make(list);
    struct item_subject subject;
    uint32_t places = 0;

    while (item_subject_next(&iter, &subject)) {
        const uint32_t place = members_find(members, subject.value);

        places |= place == MEMBER_NOBODY ? 0 : UINT32_C(1) << place;
    }
    return places;
}

static struct wire_list subjects_of(const struct members *members, uint32_t places, uint8_t *space)
{
    struct buffer raw = buffer_make(space, SUBJECT_LIST_BYTES);
    uint32_t count = 0;

    for (uint32_t i = 0; i < members->count; i++) {
        if ((places >> i & 1) != 0) {
            const struct item_subject subject = {
                bytes_make(members->list[i].mid, members->list[i].mid_len)};

            CHECK(item_subject_encode(&subject, &raw));
            count++;
        }
    }
    return (struct wire_list){buffer_bytes(&raw), count};
}

static void motion_decode(const struct members *members, struct bytes key, struct bytes value,
                          struct motion *out)
{
    struct proposal_record record;

    CHECK(proposal_record_decode(value, &record) == WIRE_OK);
    CHECK(proposal_decode(record.proposal, &out->proposal) == WIRE_OK);
    memcpy(out->pid, key.data + 1, HASH_BYTES);
    out->body = record.proposal;
    out->state = record.state;
    out->since_height = record.since_height;
    out->since_ms = record.since_ms;
    out->until_height = record.until_height;
    out->until_ms = record.until_ms;
    out->yes = places_of(members, record.yes);
    out->no = places_of(members, record.no);
    out->disputes = places_of(members, record.disputes);
    out->extended = record.extended != 0;
    out->stored = true;
}

bool motion_find(const struct chamber *chamber, const uint8_t pid[HASH_BYTES], struct motion *out)
{
    const struct state_key key = state_key_proposal(pid);
    struct bytes value;

    if (!state_get(chamber->state, state_key_bytes(&key), &value)) {
        return false;
    }
    motion_decode(&chamber->members, state_key_bytes(&key), value, out);
    return true;
}

bool motion_next(const struct chamber *chamber, uint32_t *cursor, struct motion *out)
{
    struct bytes key;
    struct bytes value;

    if (!state_next(chamber->state, STATE_PROPOSAL, cursor, &key, &value)) {
        return false;
    }
    motion_decode(&chamber->members, key, value, out);
    return true;
}

bool motion_is_live(const struct motion *motion)
{
    return motion->state == PROPOSAL_OPEN || motion->state == PROPOSAL_LOCKED ||
           motion->state == PROPOSAL_DISPUTED;
}

bool motion_put(const struct chamber *chamber, const struct motion *motion)
{
    const struct state_key key = state_key_proposal(motion->pid);
    struct buffer bytes = state_scratch(chamber->state, SCRATCH_RECORD);
    uint8_t yes[SUBJECT_LIST_BYTES];
    uint8_t no[SUBJECT_LIST_BYTES];
    uint8_t disputes[SUBJECT_LIST_BYTES];
    const struct proposal_record record = {
        .proposal = motion->body,
        .state = motion->state,
        .since_height = motion->since_height,
        .since_ms = motion->since_ms,
        .until_height = motion->until_height,
        .until_ms = motion->until_ms,
        .yes = subjects_of(&chamber->members, motion->yes, yes),
        .no = subjects_of(&chamber->members, motion->no, no),
        .disputes = subjects_of(&chamber->members, motion->disputes, disputes),
        .extended = motion->extended ? 1 : 0,
    };

    CHECK(proposal_record_encode(&record, &bytes));
    return state_put(chamber->state, state_key_bytes(&key), buffer_bytes(&bytes));
}

bool motion_is_current(const struct state *state, const struct proposal *proposal)
{
    struct wire_iter iter = wire_iter_make(proposal->reads);
    struct read_version read;
    struct section_record record;

    while (read_version_next(&iter, &read)) {
        CHECK(section_read(state, (enum section)read.section, &record));
        if (record.version != read.version) {
            return false;
        }
    }
    return true;
}

/* --- Passing --------------------------------------------------------------------------------- */

uint64_t motion_threshold(const struct chamber *chamber, const struct motion *motion)
{
    const struct thresholds *thresholds = &chamber->members.thresholds;

    switch (action_rule(motion->proposal.action)->class) {
    case CLASS_ROOT:
    case CLASS_RESOLVE:
        return thresholds->root;
    case CLASS_OPS:
        return thresholds->ops;
    case CLASS_EMERGENCY:
        return thresholds->emergency;
    }
    return U64_UNLIMITED;
}

static uint64_t later(uint64_t from, uint64_t by)
{
    return by > U64_UNLIMITED - from ? U64_UNLIMITED : from + by;
}

bool motion_is_disputable(const struct motion *motion)
{
    const enum action_class class = action_rule(motion->proposal.action)->class;

    return class == CLASS_ROOT || class == CLASS_OPS;
}

/* The height behind the pending boundary, if there is one. */
static uint64_t next_epoch_at(const struct state *state)
{
    struct clock_record clock;

    CHECK(clock_read(state, &clock));
    return later(clock.pending_boundary, 1);
}

bool motion_waits(const struct chamber *chamber, const struct motion *motion)
{
    return action_rule(motion->proposal.action)->epoch && epoch_is_pending(chamber->state) &&
           !MUTANT(98);
}

/* As long as its class says, and not before its own time. */
void motion_lock(const struct chamber *chamber, struct motion *motion)
{
    const struct rights *rights = chamber->context->rights;
    const enum action_class class = action_rule(motion->proposal.action)->class;
    uint64_t ms = 0;
    uint64_t heights = 0;

    if (motion_is_disputable(motion) && rights->profile != PROFILE_DEVELOPMENT) {
        ms = rights_param(rights, class == CLASS_ROOT ? PARAM_LOCK_ROOT : PARAM_LOCK_OPS);
        heights = rights_param(rights, class == CLASS_ROOT ? PARAM_LOCK_ROOT_HEIGHTS
                                                           : PARAM_LOCK_OPS_HEIGHTS);
    }
    motion->since_height = chamber->context->height;
    motion->since_ms = chamber->context->time_ms;
    motion->until_height = later(motion->since_height, heights);
    motion->until_ms = later(motion->since_ms, ms);
    if (motion->until_ms < motion->proposal.not_before_ms) {
        motion->until_ms = motion->proposal.not_before_ms;
    }
    if (motion_waits(chamber, motion) && motion->until_height < next_epoch_at(chamber->state)) {
        motion->until_height = next_epoch_at(chamber->state);
    }
}

void motion_tell(const struct chamber *chamber, const struct motion *motion,
                 enum proposal_state state, enum result_code reason, uint64_t activates_at)
{
    CHECK(chamber->results->count < GOV_RESULTS_MAX);

    struct gov_result *result = &chamber->results->list[chamber->results->count++];

    *result = (struct gov_result){.state = state, .reason = reason, .activates_at = activates_at};
    memcpy(result->pid, motion->pid, HASH_BYTES);
}

enum result_code motion_pass(struct chamber *chamber, struct motion *motion)
{
    motion_lock(chamber, motion);
    if (motion->until_ms <= chamber->context->time_ms &&
        motion->until_height <= chamber->context->height) {
        return motion_enact(chamber, motion);
    }
    motion->state = PROPOSAL_LOCKED;
    if (!motion_put(chamber, motion)) {
        return E_CAPACITY;
    }
    motion_tell(chamber, motion, PROPOSAL_LOCKED, RESULT_OK, motion->until_height);
    return RESULT_OK;
}

void motion_wait(struct chamber *chamber, struct motion *motion)
{
    motion->state = PROPOSAL_LOCKED;
    motion->disputes = 0;
    motion->until_height = next_epoch_at(chamber->state);
    if (!motion_put(chamber, motion)) {
        motion_close(chamber, motion, PROPOSAL_CANCELLED, E_CAPACITY);
        return;
    }
    motion_tell(chamber, motion, PROPOSAL_LOCKED, RESULT_OK, motion->until_height);
}

enum result_code motion_enact(struct chamber *chamber, struct motion *motion)
{
    const struct deed deed = {
        .chamber = chamber,
        .state = chamber->state,
        .context = chamber->context,
        .args = motion->proposal.args,
        .enact = true,
    };
    const struct state_key key = state_key_proposal(motion->pid);
    const bool opened = motion->stored;

    if (!opened && !motion_put(chamber, motion)) {
        return E_CAPACITY;
    }

    const enum result_code code = action_rule(motion->proposal.action)->act(&deed);

    if (!opened && code != RESULT_OK) {
        state_erase(chamber->state, state_key_bytes(&key));
        return code;
    }
    /* What the motion borrowed from the state may have moved with the section. */
    CHECK(motion_find(chamber, motion->pid, motion));
    motion_close(chamber, motion, code == RESULT_OK ? PROPOSAL_ENACTED : PROPOSAL_CANCELLED, code);
    return RESULT_OK;
}

/* --- Closing --------------------------------------------------------------------------------- */

/* What is kept of a closed proposal: by when it was to be decided, for which versions, by whom. */
static void remnant_put(const struct chamber *chamber, const struct motion *motion,
                        enum proposal_state state)
{
    static const uint8_t nothing = 0;
    struct buffer body = state_scratch(chamber->state, SCRATCH_BODY);
    struct proposal proposal = motion->proposal;
    struct motion remnant = *motion;

    proposal.args = bytes_make(&nothing, 1);
    CHECK(proposal_encode(&proposal, &body));
    remnant.body = buffer_bytes(&body);
    remnant.state = state;
    remnant.yes = 0;
    remnant.no = 0;
    remnant.disputes = 0;
    /* Not longer than the record that is there. */
    CHECK(motion_put(chamber, &remnant));
}

/* Whether its pid would be taken as a new one. */
static bool may_come_again(const struct state *state, const struct proposal *proposal,
                           uint64_t time_ms)
{
    return time_ms < proposal->deadline_ms && motion_is_current(state, proposal);
}

/* From when on it holds. */
static uint64_t active_from(const struct chamber *chamber, const struct motion *motion)
{
    return action_rule(motion->proposal.action)->epoch ? next_epoch_at(chamber->state)
                                                       : chamber->context->height;
}

void motion_close(struct chamber *chamber, const struct motion *motion, enum proposal_state state,
                  enum result_code reason)
{
    const struct state_key key = state_key_proposal(motion->pid);

    motion_tell(chamber, motion, state, reason,
                state == PROPOSAL_ENACTED ? active_from(chamber, motion) : U64_UNLIMITED);
    if (may_come_again(chamber->state, &motion->proposal, chamber->context->time_ms)) {
        remnant_put(chamber, motion, state);
    } else {
        state_erase(chamber->state, state_key_bytes(&key));
    }
}

void gov_retire(struct state *state, uint64_t time_ms)
{
    uint32_t cursor = 0;
    struct bytes key;
    struct bytes value;

    while (state_next(state, STATE_BAR, &cursor, &key, &value)) {
        struct bar_record bar;

        CHECK(bar_record_decode(value, &bar) == WIRE_OK);
        if (bar.until_ms <= time_ms) {
            state_erase(state, key);
        }
    }
    cursor = 0;
    while (state_next(state, STATE_PROPOSAL, &cursor, &key, &value)) {
        struct proposal_record record;
        struct proposal proposal;

        CHECK(proposal_record_decode(value, &record) == WIRE_OK);
        CHECK(proposal_decode(record.proposal, &proposal) == WIRE_OK);
        if (record.state >= PROPOSAL_ENACTED && !may_come_again(state, &proposal, time_ms)) {
            state_erase(state, key);
        }
    }
}
