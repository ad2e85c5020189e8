/* Proposals, ballots and withdrawals as they are ordered. The order of the checks is part of the
 * protocol, because result codes are replicated. */
#include "crypto/hash.h"
#include "governance/motion.h"
#include "governance/roster.h"
#include "governance/state_key.h"

#include <string.h>

bool officer_signed(const struct chamber *chamber, uint32_t member, enum sign_tag tag,
                    struct bytes body, struct bytes sig)
{
    const struct sig_oracle *oracle = chamber->context->oracle;
    uint8_t statement[STATEMENT_BYTES];

    if (sig.len != SIG_BYTES) {
        return false;
    }
    statement_make(tag, chamber->cluster_id, body, statement);
    return oracle->good(oracle->context, chamber->members.list[member].pk, statement, sig.data);
}

/* --- Opening --------------------------------------------------------------------------------- */

/* The proposal is in time, for this state, and for the sections that its action has to do with. */
static enum result_code proposal_fits(const struct chamber *chamber,
                                      const struct proposal *proposal)
{
    const struct cap_context *context = chamber->context;
    const uint64_t left = proposal->deadline_ms - context->time_ms;
    struct wire_iter iter = wire_iter_make(proposal->reads);
    struct read_version read;
    uint32_t reads = 0;

    if (proposal->deadline_ms <= context->time_ms ||
        left > rights_param(context->rights, PARAM_DEADLINE_MAX) ||
        proposal->not_before_ms > proposal->deadline_ms) {
        return E_DEADLINE;
    }
    while (read_version_next(&iter, &read)) {
        if (reads >> read.section != 0) {
            return E_ENCODING; /* they ascend */
        }
        reads |= UINT32_C(1) << read.section;
    }
    if ((action_rule(proposal->action)->reads & ~reads) != 0 ||
        !motion_is_current(chamber->state, proposal)) {
        return E_STALE;
    }
    return RESULT_OK;
}

static bool same_proposer(const struct proposer *a, const struct proposer *b)
{
    return a->role == b->role && bytes_equal(a->subject, b->subject);
}

static enum result_code room_for_one(const struct chamber *chamber, const struct proposal *proposal)
{
    uint64_t live = 0;
    uint64_t closed = 0;
    uint32_t cursor = 0;
    struct motion other;

    while (motion_next(chamber, &cursor, &other)) {
        if (same_proposer(&other.proposal.proposer, &proposal->proposer)) {
            live += motion_is_live(&other) ? 1 : 0;
            closed += motion_is_live(&other) ? 0 : 1;
        }
    }
    if (live >= rights_param(chamber->context->rights, PARAM_PROPOSALS_OPEN) ||
        closed >= MOTIONS_CLOSED_MAX) {
        return E_PROPOSALS;
    }
    return state_free(chamber->state) < RECORDS_FREE_MIN ? E_CAPACITY : RESULT_OK;
}

/* A new motion, not written down yet. */
static enum result_code motion_make(struct chamber *chamber, struct bytes body, struct bytes sig,
                                    struct motion *out)
{
    const struct cap_context *context = chamber->context;
    struct motion motion = {
        .body = body,
        .state = PROPOSAL_OPEN,
        .since_height = context->height,
        .since_ms = context->time_ms,
        .until_height = U64_UNLIMITED,
    };
    struct proposal *proposal = &motion.proposal;
    struct motion known;

    CHECK(proposal_decode(body, proposal) == WIRE_OK);
    motion.until_ms = proposal->deadline_ms;

    const struct action_rule *rule = action_rule(proposal->action);
    const struct deed deed = {
        .chamber = chamber,
        .state = chamber->state,
        .context = context,
        .args = proposal->args,
        .enact = false,
    };
    const uint32_t place =
        members_find_active(&chamber->members, proposal->proposer.subject, context->time_ms);

    if (rule == NULL) {
        return E_ACTION;
    }
    statement_id(TAG_PROPOSAL, chamber->cluster_id, body, motion.pid);
    if (motion_find(chamber, motion.pid, &known)) {
        return E_SEEN;
    }
    if (proposal->proposer.role != ROLE_MEMBER) {
        return E_ROLE;
    }
    if (place == MEMBER_NOBODY) {
        return E_MEMBER;
    }

    enum result_code code = proposal_fits(chamber, proposal);

    if (code == RESULT_OK && !officer_signed(chamber, place, TAG_PROPOSAL, body, sig)) {
        code = E_SIG;
    }
    if (code == RESULT_OK) {
        code = room_for_one(chamber, proposal);
    }
    if (code == RESULT_OK) {
        code = rule->act(&deed);
    }
    *out = motion;
    return code;
}

enum result_code vote_propose(struct chamber *chamber, struct bytes body, struct bytes sig)
{
    struct motion motion;
    const enum result_code code = motion_make(chamber, body, sig, &motion);

    if (code != RESULT_OK) {
        return code;
    }
    return motion_put(chamber, &motion) ? RESULT_OK : E_CAPACITY;
}

/* --- Ballots --------------------------------------------------------------------------------- */

/* A member that says both yes and no is remembered, by its key, once. */
static void conviction_put(const struct chamber *chamber, uint32_t member)
{
    struct conviction_record record = {EVIDENCE_BALLOT, chamber->context->height, {0}};
    uint8_t bytes[96];
    struct buffer out = buffer_make(bytes, sizeof(bytes));

    memcpy(record.pk, chamber->members.list[member].pk, PUBLIC_KEY_BYTES);

    const struct state_key key = state_key_conviction(record.pk);

    CHECK(conviction_record_encode(&record, &out));
    if (!state_has(chamber->state, state_key_bytes(&key)) &&
        state_free(chamber->state) >= RECORDS_FREE_MIN) {
        CHECK(state_put(chamber->state, state_key_bytes(&key), buffer_bytes(&out)));
    }
}

/* One vote more in `motion`, which is not written down. */
static enum result_code ballot_count(struct chamber *chamber, struct motion *motion,
                                     struct bytes body, struct bytes sig)
{
    struct ballot ballot;

    if (ballot_decode(body, &ballot) != WIRE_OK) {
        return E_ENCODING;
    }
    if (!hash_equal(ballot.pid, motion->pid)) {
        return E_CLOSED;
    }
    if (ballot.members_version != chamber->members.version) {
        return E_STALE;
    }

    const uint32_t place =
        members_find_active(&chamber->members, ballot.mid, chamber->context->time_ms);

    if (place == MEMBER_NOBODY) {
        return E_MEMBER;
    }
    if (!officer_signed(chamber, place, TAG_BALLOT, body, sig)) {
        return E_SIG;
    }

    const uint32_t bit = UINT32_C(1) << place;
    uint32_t *const votes = ballot.choice == CHOICE_YES ? &motion->yes : &motion->no;

    if (((motion->yes | motion->no) & bit) != 0) {
        if ((*votes & bit) == 0) {
            conviction_put(chamber, place);
        }
        return E_SEEN;
    }
    *votes |= bit;
    return RESULT_OK;
}

/* Write down what the votes make of it. */
static enum result_code motion_settle(struct chamber *chamber, struct motion *motion)
{
    if (members_count(motion->yes) >= motion_threshold(chamber, motion)) {
        return motion_pass(chamber, motion);
    }
    return motion_put(chamber, motion) ? RESULT_OK : E_CAPACITY;
}

enum result_code vote_ballot(struct chamber *chamber, struct bytes body, struct bytes sig)
{
    struct ballot ballot;
    struct motion motion;

    CHECK(ballot_decode(body, &ballot) == WIRE_OK);
    if (!motion_find(chamber, ballot.pid, &motion) || motion.state != PROPOSAL_OPEN) {
        return E_CLOSED;
    }
    if (chamber->context->time_ms >= motion.proposal.deadline_ms) {
        return E_DEADLINE;
    }
    if (!motion_is_current(chamber->state, &motion.proposal)) {
        return E_STALE;
    }

    const enum result_code code = ballot_count(chamber, &motion, body, sig);

    return code == RESULT_OK ? motion_settle(chamber, &motion) : code;
}

enum result_code vote_bundle(struct chamber *chamber, const struct bundle *bundle)
{
    struct motion motion;
    struct wire_iter ballots = wire_iter_make(bundle->ballots);
    struct signed_part part;
    const enum result_code code =
        motion_make(chamber, bundle->proposal.body, BYTES_OF_ARRAY(bundle->proposal.sig), &motion);

    if (code != RESULT_OK) {
        return code;
    }
    while (signed_part_next(&ballots, &part)) {
        /* One that does not count is skipped. */
        (void)ballot_count(chamber, &motion, part.body, BYTES_OF_ARRAY(part.sig));
    }
    return motion_settle(chamber, &motion);
}

enum result_code vote_withdraw(struct chamber *chamber, struct bytes body, struct bytes sig)
{
    struct withdraw withdraw;
    struct motion motion;

    CHECK(withdraw_decode(body, &withdraw) == WIRE_OK);
    if (!motion_find(chamber, withdraw.pid, &motion) || motion.state != PROPOSAL_OPEN) {
        return E_CLOSED;
    }

    const uint32_t place =
        members_find_active(&chamber->members, withdraw.mid, chamber->context->time_ms);

    if (place == MEMBER_NOBODY) {
        return E_MEMBER;
    }
    if (!bytes_equal(withdraw.mid, motion.proposal.proposer.subject)) {
        return E_ROLE;
    }
    if (!officer_signed(chamber, place, TAG_WITHDRAW, body, sig)) {
        return E_SIG;
    }
    motion_close(chamber, &motion, PROPOSAL_WITHDRAWN, RESULT_OK);
    return RESULT_OK;
}
