#include "replica/core/verify_view.h"

#include "governance/mutant.h"

static bool trust_of_share(const struct share *share, struct origin *origin, struct view_trust *out)
{
    const struct verify_job *job = share->job;
    *out = (struct view_trust){
        .scheme = job->scheme,
        .roster = &job->roster,
        .ended = job->ended.n > 0 ? &job->ended : NULL,
        .begun = job->begun,
        .cluster_id = job->cluster_id,
        .origin = origin,
        .interval = job->interval,
        .window = job->window,
        .memo = share->memo,
        .part = share->part,
        .parts = share->parts,
    };
    return origin_make(job->charter_name, job->cluster_id, origin);
}

bool stable_good(const struct verify_job *job, const struct stable *stable)
{
    const struct share whole = {.job = job, .parts = 1};
    struct origin origin;
    struct view_trust trust;
    return trust_of_share(&whole, &origin, &trust) && stable_proven(&trust, stable);
}

/* Part 0 looks at the signature first; each other one only when it has found something bad, so that
 * DROP_CERTIFICATE is never about a message that nobody signed. */
static enum drop verdict(const struct view_trust *trust, const struct envelope *envelope,
                         uint32_t member, enum sign_tag tag, bool good)
{
    if (good) {
        return DROP_NONE;
    }
    bool is_signed =
        trust->part == 0 || member_signed(trust, member, tag, envelope->body, envelope->sig.data);
    return is_signed ? DROP_CERTIFICATE : DROP_SIGNATURE;
}

enum drop view_change_verify(const struct share *share, const struct message *message)
{
    const struct envelope *envelope = &message->envelope;
    uint32_t member = roster_index(&share->job->roster, (uint32_t)envelope->rid);
    struct view_change change;
    struct view_trust trust;
    struct origin origin;
    if (member == ROSTER_NOBODY || envelope->sig.len != SIG_BYTES) {
        return DROP_SENDER;
    }
    if (view_change_decode(envelope->body, &change) != WIRE_OK ||
        !trust_of_share(share, &origin, &trust)) {
        return DROP_MALFORMED;
    }
    if (trust.part == 0 && !MUTANT(60) &&
        !member_signed(&trust, member, TAG_VIEW_CHANGE, envelope->body, envelope->sig.data)) {
        return DROP_SIGNATURE;
    }
    return verdict(&trust, envelope, member, TAG_VIEW_CHANGE, view_change_good(&trust, &change));
}

enum drop new_view_verify(const struct share *share, const struct message *message)
{
    const struct envelope *envelope = &message->envelope;
    const struct roster *roster = &share->job->roster;
    struct new_view new_view;
    struct view_trust trust;
    struct origin origin;
    if (new_view_decode(envelope->body, &new_view) != WIRE_OK || envelope->sig.len != SIG_BYTES ||
        new_view.view == 0 || !trust_of_share(share, &origin, &trust)) {
        return DROP_MALFORMED;
    }
    if (new_view.epoch != roster->epoch) {
        return DROP_EPOCH;
    }
    uint32_t leader = roster_index(roster, roster_primary(roster, new_view.view)->rid);
    if (envelope->rid != roster->members[leader].rid) {
        return DROP_NOT_PRIMARY;
    }
    if (trust.part == 0 && !MUTANT(45) &&
        !member_signed(&trust, leader, TAG_NEW_VIEW, envelope->body, envelope->sig.data)) {
        return DROP_SIGNATURE;
    }
    return verdict(&trust, envelope, leader, TAG_NEW_VIEW,
                   new_view_good(&trust, leader, &new_view));
}
