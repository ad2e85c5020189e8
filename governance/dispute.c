/* Disputes: a member stops the lock of a proposal, and it begins anew, once. As many members as
 * could keep a root act from its votes cancel it; fewer have had their time, and are barred from
 * the next dispute for a while. */
#include "governance/motion.h"
#include "governance/roster.h"
#include "governance/state_key.h"

/* Enough that the others are no k_root. */
static uint32_t disputes_that_cancel(const struct chamber *chamber)
{
    return chamber->members.count - (uint32_t)chamber->members.thresholds.root + 1;
}

static struct state_key bar_key(const struct chamber *chamber, uint32_t member)
{
    const struct member *row = &chamber->members.list[member];

    return state_key_bar(bytes_make(row->mid, row->mid_len));
}

static bool is_barred(const struct chamber *chamber, uint32_t member)
{
    const struct state_key key = bar_key(chamber, member);
    struct bar_record bar;
    struct bytes value;

    if (!state_get(chamber->state, state_key_bytes(&key), &value)) {
        return false;
    }
    CHECK(bar_record_decode(value, &bar) == WIRE_OK);
    return chamber->context->time_ms < bar.until_ms;
}

static void bar_put(const struct chamber *chamber, uint32_t member, uint64_t until_ms)
{
    const struct state_key key = bar_key(chamber, member);
    const struct bar_record bar = {until_ms};
    uint8_t bytes[32];
    struct buffer out = buffer_make(bytes, sizeof(bytes));

    CHECK(bar_record_encode(&bar, &out));
    /* A bar is a comfort: where the state is full, there is none. */
    if (state_free(chamber->state) >= RECORDS_FREE_MIN) {
        CHECK(state_put(chamber->state, state_key_bytes(&key), buffer_bytes(&out)));
    }
}

void disputes_lapse(const struct chamber *chamber, const struct motion *motion)
{
    const struct rights *rights = chamber->context->rights;
    const uint64_t until_ms = chamber->context->time_ms + rights_param(rights, PARAM_LOCK_ROOT);
    const uint32_t disputes = rights->profile == PROFILE_DEVELOPMENT ? 0 : motion->disputes;

    for (uint32_t i = 0; i < chamber->members.count; i++) {
        if ((disputes >> i & 1) != 0) {
            bar_put(chamber, i, until_ms);
        }
    }
}

/* A member has one dispute open at a time. */
static bool disputes_another(const struct chamber *chamber, uint32_t bit)
{
    struct motion other;
    uint32_t cursor = 0;

    while (motion_next(chamber, &cursor, &other)) {
        if ((other.disputes & bit) != 0) {
            return true;
        }
    }
    return false;
}

static enum result_code dispute_take(struct chamber *chamber, struct motion *motion, uint32_t bit)
{
    motion->disputes |= bit;
    if (members_count(motion->disputes) >= disputes_that_cancel(chamber)) {
        motion_close(chamber, motion, PROPOSAL_CANCELLED, E_DISPUTE);
        return RESULT_OK;
    }
    if (motion->state == PROPOSAL_LOCKED) {
        motion->state = PROPOSAL_DISPUTED;
        motion->extended = true;
        motion_lock(chamber, motion);
        motion_tell(chamber, motion, PROPOSAL_DISPUTED, RESULT_OK, motion->until_height);
    }
    if (!motion_put(chamber, motion)) {
        chamber->results->count = 0;
        return E_CAPACITY;
    }
    return RESULT_OK;
}

enum result_code vote_dispute(struct chamber *chamber, struct bytes body, struct bytes sig)
{
    struct dispute dispute;
    struct motion motion;

    CHECK(dispute_decode(body, &dispute) == WIRE_OK);
    if (!motion_find(chamber, dispute.pid, &motion) ||
        (motion.state != PROPOSAL_LOCKED && motion.state != PROPOSAL_DISPUTED)) {
        return E_CLOSED;
    }
    if (!motion_is_current(chamber->state, &motion.proposal)) {
        return E_STALE;
    }

    const uint32_t place =
        members_find_active(&chamber->members, dispute.mid, chamber->context->time_ms);

    if (place == MEMBER_NOBODY) {
        return E_MEMBER;
    }
    if (!officer_signed(chamber, place, TAG_DISPUTE, body, sig)) {
        return E_SIG;
    }

    const uint32_t bit = UINT32_C(1) << place;

    if ((motion.disputes & bit) != 0) {
        return E_SEEN;
    }
    if (!motion_is_disputable(&motion) || (motion.state == PROPOSAL_LOCKED && motion.extended) ||
        is_barred(chamber, place) || disputes_another(chamber, bit)) {
        return E_DISPUTE;
    }
    return dispute_take(chamber, &motion, bit);
}
