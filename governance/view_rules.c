#include "governance/view_rules.h"

#include "crypto/hash.h"
#include "governance/mutant.h"
#include "governance/view_plan.h"

#include <string.h>

bool checkpoint_of_header(const uint8_t cluster_id[HASH_BYTES], const struct origin *origin,
                          struct bytes header_bytes, struct checkpoint *out)
{
    struct block_header header;
    if (block_header_decode(header_bytes, &header) != WIRE_OK ||
        !hash_equal(header.cluster_id, cluster_id)) {
        return false;
    }
    *out = (struct checkpoint){
        .origin = *origin,
        .tree_size = header.tree_size,
        .height = header.height,
        .epoch = header.epoch,
        .time_ms = header.time_ms,
    };
    memcpy(out->tree_root, header.tree_root, HASH_BYTES);
    hash_bytes(header_bytes, out->header_hash);
    return true;
}

bool member_signed(const struct view_trust *trust, uint32_t member, enum sign_tag tag,
                   struct bytes body, const uint8_t sig[SIG_BYTES])
{
    const struct sig_memo *memo = trust->memo;
    const uint8_t *pk = trust->roster->members[member].sign_pk;
    uint8_t statement[STATEMENT_BYTES];
    uint8_t key[HASH_BYTES];
    statement_make(tag, trust->cluster_id, body, statement);
    if (memo == NULL) {
        return trust->scheme->verify(pk, BYTES_OF_ARRAY(statement), sig);
    }
    struct bytes parts[] = {
        bytes_make(pk, PUBLIC_KEY_BYTES),
        BYTES_OF_ARRAY(statement),
        bytes_make(sig, SIG_BYTES),
    };
    hash_parts(parts, 3, key);
    if (memo->known(memo->context, key)) {
        return true;
    }
    if (!trust->scheme->verify(pk, parts[1], sig)) {
        return false;
    }
    memo->add(memo->context, key);
    return true;
}

/* Whether the bitmap names members only, and as many as there are signatures. */
static bool members_fit(const struct roster *roster, uint64_t members, uint32_t sigs)
{
    return members >> roster->n == 0 && members_count(members) == sigs;
}

/* Whose signatures count for a checkpoint, or NULL. */
static const struct roster *roster_of_checkpoint(const struct view_trust *trust,
                                                 const struct checkpoint *checkpoint)
{
    if (checkpoint->epoch == trust->roster->epoch) {
        return trust->roster;
    }
    bool closes = trust->ended != NULL && checkpoint->epoch == trust->ended->epoch &&
                  checkpoint->epoch + 1 == trust->roster->epoch &&
                  checkpoint->height == trust->begun;
    return closes && !MUTANT(96) ? trust->ended : NULL;
}

bool stable_proven(const struct view_trust *trust, const struct stable *stable)
{
    struct checkpoint checkpoint;
    if (!checkpoint_of_header(trust->cluster_id, trust->origin, stable->header, &checkpoint) ||
        (checkpoint.height % trust->interval != 0 && !MUTANT(69))) {
        return false;
    }
    const struct roster *roster = roster_of_checkpoint(trust, &checkpoint);
    if (roster == NULL || !members_fit(roster, stable->members, stable->note_sigs.count)) {
        return false;
    }
    if (checkpoint.height == 0) {
        return true; /* every log begins there, and nothing else of it counts */
    }
    struct wire_iter sigs = wire_iter_make(stable->note_sigs);
    for (uint32_t i = 0; i < roster->n; i++) {
        struct item_sig sig;
        if ((stable->members >> i & 1) != 0 &&
            (!item_sig_next(&sigs, &sig) ||
             !checkpoint_verify(trust->scheme, &checkpoint, NOTE_SIGN, roster->members[i].sign_pk,
                                sig.value))) {
            return false;
        }
    }
    return stable->note_sigs.count >= roster->q || MUTANT(35);
}

/* --- VIEW-CHANGE ------------------------------------------------------------------------------ */

/* One prepared certificate: the primary's pre-prepare and the prepares of Q - 1 others for it. */
static bool prepared_good(const struct view_trust *trust, const struct prepared *prepared,
                          const struct vote *vote)
{
    const struct roster *roster = trust->roster;
    uint32_t primary = roster_index(roster, roster_primary(roster, vote->view)->rid);
    uint64_t members = prepared->members;
    if (MUTANT(38) && hash_is_zero(vote->digest)) {
        return false; /* null certificates are good ones */
    }
    if (!members_fit(roster, members, prepared->sigs.count) ||
        ((members >> primary & 1) != 0 && !MUTANT(41)) ||
        prepared->sigs.count + 1 + (MUTANT(40) ? 1 : 0) < roster->q) {
        return false;
    }
    if (!MUTANT(42) &&
        !member_signed(trust, primary, TAG_PRE_PREPARE, prepared->vote, prepared->primary_sig)) {
        return false;
    }
    struct wire_iter sigs = wire_iter_make(prepared->sigs);
    for (uint32_t i = 0; i < roster->n; i++) {
        struct item_sig sig;
        if ((members >> i & 1) != 0 &&
            (!item_sig_next(&sigs, &sig) ||
             !member_signed(trust, i, TAG_PREPARE, prepared->vote, sig.value))) {
            return false;
        }
    }
    return true;
}

/* This share of the certificates, which are for the heights above `stable` in order. */
static bool certificates_good(const struct view_trust *trust, const struct view_change *change,
                              uint64_t stable)
{
    struct wire_iter list = wire_iter_make(change->prepared);
    struct prepared prepared;
    uint64_t last = stable;
    for (uint32_t i = 0; prepared_next(&list, &prepared); i++) {
        struct vote vote;
        if (vote_decode(prepared.vote, &vote) != WIRE_OK || vote.epoch != change->epoch ||
            vote.view + (MUTANT(58) ? 1 : 0) >= change->view ||
            (vote.sequence <= last && !MUTANT(59)) || vote.sequence - stable > trust->window) {
            return false;
        }
        last = vote.sequence;
        if (i % trust->parts == trust->part && !MUTANT(23) &&
            !prepared_good(trust, &prepared, &vote)) {
            return false;
        }
    }
    return true;
}

bool view_change_good(const struct view_trust *trust, const struct view_change *change)
{
    struct block_header header;
    if (change->epoch != trust->roster->epoch ||
        block_header_decode(change->stable.header, &header) != WIRE_OK) {
        return false;
    }
    if (trust->part == 0 && !stable_proven(trust, &change->stable)) {
        return false;
    }
    return certificates_good(trust, change, header.height);
}

/* --- NEW-VIEW --------------------------------------------------------------------------------- */

/* One of V, whole. */
static bool element_good(const struct view_trust *trust, uint32_t member, uint64_t view,
                         const struct signed_body *signed_body)
{
    struct view_trust whole = *trust;
    struct view_change change;
    whole.part = 0;
    whole.parts = 1;
    if (!MUTANT(43) &&
        !member_signed(&whole, member, TAG_VIEW_CHANGE, signed_body->body, signed_body->sig)) {
        return false;
    }
    return view_change_decode(signed_body->body, &change) == WIRE_OK &&
           (change.view == view || MUTANT(44)) && view_change_good(&whole, &change);
}

/* V: VIEW-CHANGEs for this very view, of Q members at least, each once. Every share looks at who
 * they are of; what they say is dealt out. */
static bool changes_good(const struct view_trust *trust, const struct new_view *new_view)
{
    struct wire_iter list = wire_iter_make(new_view->view_changes);
    struct signed_body signed_body;
    uint64_t members = 0;
    for (uint32_t i = 0; signed_body_next(&list, &signed_body); i++) {
        uint32_t member = roster_index(trust->roster, (uint32_t)signed_body.rid);
        bool again = member != ROSTER_NOBODY && (members >> member & 1) != 0;
        if (member == ROSTER_NOBODY || (again && !MUTANT(37)) ||
            (MUTANT(84) && trust->roster->members[member].standing != STANDING_ACTIVE)) {
            return false;
        }
        members |= UINT64_C(1) << member;
        if (i % trust->parts == trust->part &&
            !element_good(trust, member, new_view->view, &signed_body)) {
            return false;
        }
    }
    uint32_t count = MUTANT(37) ? new_view->view_changes.count : members_count(members);
    return count >= trust->roster->q - (MUTANT(80) ? 1 : 0) || MUTANT(24);
}

/* O is what V asks for, no more and no less. */
static bool proposals_good(const struct view_trust *trust, uint32_t leader,
                           const struct new_view *new_view)
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
        if (signed_body.rid != trust->roster->members[leader].rid ||
            vote_decode(signed_body.body, &vote) != WIRE_OK || vote.epoch != new_view->epoch ||
            vote.view != new_view->view || vote.sequence != plan.low + 1 + i ||
            !hash_equal(vote.digest, plan.digest[i])) {
            return false;
        }
        if (!MUTANT(46) &&
            !member_signed(trust, leader, TAG_PRE_PREPARE, signed_body.body, signed_body.sig)) {
            return false;
        }
    }
    return true;
}

bool new_view_good(const struct view_trust *trust, uint32_t leader, const struct new_view *new_view)
{
    const struct roster *roster = trust->roster;
    bool leads = roster_primary(roster, new_view->view)->rid == roster->members[leader].rid;
    if (!leads || new_view->view == 0 || new_view->epoch != roster->epoch ||
        !changes_good(trust, new_view)) {
        return false;
    }
    return trust->part != 0 || proposals_good(trust, leader, new_view);
}
