#include "replica/core/verify_view.h"

#include "crypto/hash.h"
#include "replica/core/mutant.h"
#include "replica/core/quorum.h"
#include "replica/core/view_plan.h"

#include <string.h>

bool member_signed(const struct share *share, uint32_t member, enum sign_tag tag, struct bytes body,
                   const uint8_t sig[SIG_BYTES])
{
    const struct verify_job *job = share->job;
    const uint8_t *pk = job->roster.members[member].sign_pk;
    uint8_t statement[STATEMENT_BYTES];
    uint8_t key[HASH_BYTES];
    statement_make(tag, job->cluster_id, body, statement);
    struct bytes parts[] = {
        bytes_make(pk, PUBLIC_KEY_BYTES),
        BYTES_OF_ARRAY(statement),
        bytes_make(sig, SIG_BYTES),
    };
    hash_parts(parts, 3, key);
    if (share->memo != NULL && share->memo->known(share->memo->context, key)) {
        return true;
    }
    if (!job->scheme->verify(pk, parts[1], sig)) {
        return false;
    }
    if (share->memo != NULL) {
        share->memo->add(share->memo->context, key);
    }
    return true;
}

/* Whether the bitmap names members only, and as many as there are signatures. */
static bool members_fit(const struct verify_job *job, uint64_t members, uint32_t sigs)
{
    return members >> job->roster.n == 0 && members_count(members) == sigs;
}

/* One prepared certificate: the primary's pre-prepare and the prepares of Q - 1 others for it. */
static bool prepared_good(const struct share *share, const struct prepared *prepared,
                          const struct vote *vote)
{
    const struct verify_job *job = share->job;
    uint32_t primary = roster_index(&job->roster, roster_primary(&job->roster, vote->view)->rid);
    uint64_t members = prepared->members;
    if (MUTANT(38) && hash_is_zero(vote->digest)) {
        return false; /* null certificates are good ones */
    }
    if (!members_fit(job, members, prepared->sigs.count) ||
        ((members >> primary & 1) != 0 && !MUTANT(41)) ||
        prepared->sigs.count + 1 + (MUTANT(40) ? 1 : 0) < job->roster.q) {
        return false;
    }
    if (!MUTANT(42) &&
        !member_signed(share, primary, TAG_PRE_PREPARE, prepared->vote, prepared->primary_sig)) {
        return false;
    }
    struct wire_iter sigs = wire_iter_make(prepared->sigs);
    for (uint32_t i = 0; i < job->roster.n; i++) {
        struct item_sig sig;
        if ((members >> i & 1) != 0 &&
            (!item_sig_next(&sigs, &sig) ||
             !member_signed(share, i, TAG_PREPARE, prepared->vote, sig.value))) {
            return false;
        }
    }
    return true;
}

/* This share of the certificates, which are for the heights above `stable` in order. */
static bool certificates_good(const struct share *share, const struct view_change *change,
                              uint64_t stable)
{
    struct wire_iter list = wire_iter_make(change->prepared);
    struct prepared prepared;
    uint64_t last = stable;
    for (uint32_t i = 0; prepared_next(&list, &prepared); i++) {
        struct vote vote;
        if (vote_decode(prepared.vote, &vote) != WIRE_OK || vote.epoch != change->epoch ||
            (vote.view >= change->view && !MUTANT(58)) || (vote.sequence <= last && !MUTANT(59)) ||
            vote.sequence - stable > share->job->window) {
            return false;
        }
        last = vote.sequence;
        if (i % share->parts == share->part && !MUTANT(23) &&
            !prepared_good(share, &prepared, &vote)) {
            return false;
        }
    }
    return true;
}

/* The parts of a VIEW-CHANGE behind its signature. */
static bool view_change_good(const struct share *share, struct bytes body,
                             struct view_change *change)
{
    struct block_header header;
    if (view_change_decode(body, change) != WIRE_OK || change->epoch != share->job->roster.epoch ||
        block_header_decode(change->stable.header, &header) != WIRE_OK ||
        header.height % share->job->interval != 0) {
        return false;
    }
    if (share->part == 0 && !stable_good(share->job, &change->stable)) {
        return false;
    }
    return certificates_good(share, change, header.height);
}

enum drop view_change_verify(const struct share *share, const struct message *message)
{
    const struct envelope *envelope = &message->envelope;
    uint32_t member = roster_index(&share->job->roster, (uint32_t)envelope->rid);
    struct view_change change;
    if (member == ROSTER_NOBODY || envelope->sig.len != SIG_BYTES) {
        return DROP_SENDER;
    }
    if (share->part == 0 && !MUTANT(60) &&
        !member_signed(share, member, TAG_VIEW_CHANGE, envelope->body, envelope->sig.data)) {
        return DROP_SIGNATURE;
    }
    return view_change_good(share, envelope->body, &change) ? DROP_NONE : DROP_CERTIFICATE;
}

/* V: VIEW-CHANGEs for this very view, of Q members at least, each once; every share checks all but
 * its signatures, which are dealt out. */
static bool changes_good(const struct share *share, const struct new_view *new_view)
{
    struct wire_iter list = wire_iter_make(new_view->view_changes);
    struct signed_body signed_body;
    uint64_t members = 0;
    for (uint32_t i = 0; signed_body_next(&list, &signed_body); i++) {
        uint32_t member = roster_index(&share->job->roster, (uint32_t)signed_body.rid);
        struct view_change change;
        bool again = member != ROSTER_NOBODY && (members >> member & 1) != 0;
        if (member == ROSTER_NOBODY || (again && !MUTANT(37))) {
            return false;
        }
        members |= UINT64_C(1) << member;
        struct share whole = {.job = share->job, .memo = share->memo, .part = 0, .parts = 1};
        if (i % share->parts != share->part) {
            continue;
        }
        if (!MUTANT(43) &&
            !member_signed(&whole, member, TAG_VIEW_CHANGE, signed_body.body, signed_body.sig)) {
            return false;
        }
        if (!view_change_good(&whole, signed_body.body, &change) ||
            (change.view != new_view->view && !MUTANT(44))) {
            return false;
        }
    }
    uint32_t count = MUTANT(37) ? new_view->view_changes.count : members_count(members);
    return count >= share->job->roster.q || MUTANT(24);
}

/* O is what V asks for, no more and no less. */
static bool proposals_good(const struct share *share, const struct new_view *new_view,
                           uint32_t primary)
{
    struct view_plan plan;
    if (MUTANT(25)) {
        return true;
    }
    if (!view_plan_make(new_view->view_changes, &plan) ||
        new_view->pre_prepares.count != plan.high - plan.low) {
        return false;
    }
    struct wire_iter list = wire_iter_make(new_view->pre_prepares);
    struct signed_body signed_body;
    for (uint32_t i = 0; signed_body_next(&list, &signed_body); i++) {
        struct vote vote;
        if (signed_body.rid != share->job->roster.members[primary].rid ||
            vote_decode(signed_body.body, &vote) != WIRE_OK || vote.epoch != new_view->epoch ||
            vote.view != new_view->view || vote.sequence != plan.low + 1 + i ||
            !hash_equal(vote.digest, plan.digest[i])) {
            return false;
        }
        if (!MUTANT(46) &&
            !member_signed(share, primary, TAG_PRE_PREPARE, signed_body.body, signed_body.sig)) {
            return false;
        }
    }
    return true;
}

enum drop new_view_verify(const struct share *share, const struct message *message)
{
    const struct envelope *envelope = &message->envelope;
    const struct roster *roster = &share->job->roster;
    struct new_view new_view;
    if (new_view_decode(envelope->body, &new_view) != WIRE_OK || envelope->sig.len != SIG_BYTES ||
        new_view.view == 0) {
        return DROP_MALFORMED;
    }
    uint32_t primary = roster_index(roster, roster_primary(roster, new_view.view)->rid);
    if (envelope->rid != roster->members[primary].rid) {
        return DROP_NOT_PRIMARY;
    }
    if (new_view.epoch != roster->epoch) {
        return DROP_EPOCH;
    }
    if (share->part == 0 && !MUTANT(45) &&
        !member_signed(share, primary, TAG_NEW_VIEW, envelope->body, envelope->sig.data)) {
        return DROP_SIGNATURE;
    }
    if (!changes_good(share, &new_view)) {
        return DROP_CERTIFICATE;
    }
    return share->part != 0 || proposals_good(share, &new_view, primary) ? DROP_NONE
                                                                         : DROP_CERTIFICATE;
}
