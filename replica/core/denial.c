/* A VIEW-CHANGE that denies a COMMIT of its own signer: no message of the two is wrong, but no
 * correct replica signs both. It is how a log forks across views, when more than f replicas cheat.
 * PROTOCOL: evidence; the rule, and why it convicts nobody else, is in governance/shown.h.
 *
 *   a VIEW-CHANGE, alone or in V    is compared with the COMMITs in the slots, and with the last
 *                                   one of its signer: denial_look
 *   the commit certificate of a     with the V that this view was entered by, when the new view
 *   block that was fetched          lost that block: denials_of_block
 *
 * Of each member one piece is handed out in an epoch while the process lives. */
#include "crypto/hash.h"
#include "governance/shown.h"
#include "replica/core/node_parts.h"

#include <string.h>

static bool is_suspect(const struct node *node, uint32_t member)
{
    return member < node->roster.n && member != node->self &&
           (node->accused_denials >> member & 1) == 0;
}

static void accuse(struct node *node, uint32_t member, const struct vote *commit,
                   const uint8_t sig[SIG_BYTES], const struct signed_body *change,
                   struct outbox *outbox)
{
    struct buffer space = outbox_open_space(outbox);
    CHECK(vote_encode(commit, &space));
    struct contradiction contradiction = {
        .kind = EVIDENCE_DENIAL,
        .rid = node->roster.members[member].rid,
        .first = outbox_take_space(outbox, &space),
        .second = change->body,
        .first_sig = sig,
        .second_sig = change->sig,
    };
    node->accused_denials |= UINT64_C(1) << member;
    evidence_emit(node, &contradiction, outbox);
}

static bool change_shows(const struct signed_body *change, struct shown *out)
{
    struct view_change decoded;
    return view_change_decode(change->body, &decoded) == WIRE_OK && shown_read(&decoded, out);
}

void denial_note(struct node *node, uint32_t member, const struct vote *commit,
                 const uint8_t sig[SIG_BYTES])
{
    struct last_commit *last = &node->last_commits[member];
    if (commit->epoch == node->epoch && (!last->any || commit->sequence > last->vote.sequence)) {
        *last = (struct last_commit){.any = true, .vote = *commit};
        memcpy(last->sig, sig, SIG_BYTES);
    }
}

/* --- A VIEW-CHANGE, and the COMMITs that are at hand ------------------------------------------ */

void denial_look(struct node *node, const struct signed_body *change, struct outbox *outbox)
{
    struct shown shown;
    uint32_t member = node_member(node, change->rid);
    if (!is_suspect(node, member) || !change_shows(change, &shown)) {
        return;
    }
    const struct last_commit *last = &node->last_commits[member];
    if (last->any && shown_denies(&shown, &last->vote)) {
        accuse(node, member, &last->vote, last->sig, change, outbox);
        return;
    }
    for (uint32_t i = window_used_from(&node->window, 0); i < WINDOW_MAX;
         i = window_used_from(&node->window, i + 1)) {
        const struct slot *slot = &node->window.slots[i];
        const struct one_vote *one = &slot->commits.by_member[member];
        struct vote commit = {
            .epoch = node->epoch,
            .view = slot->view,
            .sequence = slot->sequence,
        };
        memcpy(commit.digest, one->digest, HASH_BYTES);
        if ((slot->commits.present >> member & 1) != 0 && shown_denies(&shown, &commit)) {
            accuse(node, member, &commit, one->sig, change, outbox);
            return;
        }
    }
}

void denials_of(struct node *node, const struct new_view *new_view, struct outbox *outbox)
{
    struct wire_iter list = wire_iter_make(new_view->view_changes);
    struct signed_body change;
    while (!MUTANT(111) && signed_body_next(&list, &change)) {
        denial_look(node, &change, outbox);
    }
}

/* --- A commit certificate, and the V that is at hand ------------------------------------------ */

void denials_keep(struct node *node, const struct new_view *new_view, struct bytes body,
                  const struct view_plan *plan)
{
    denials_forget(node);
    node->entered.body = pool_copy(&node->pool, body); /* empty when the pool is full */
    node->entered.view = new_view->view;
    node->entered.plan = *plan;
}

void denials_forget(struct node *node)
{
    pool_give(&node->pool, node->entered.body.data);
    node->entered.body = BYTES_EMPTY;
}

static bool loses(const struct view_plan *plan, const struct vote *vote)
{
    return vote->sequence > plan->low &&
           (vote->sequence > plan->high ||
            !hash_equal(plan->digest[vote->sequence - plan->low - 1], vote->digest));
}

/* The member's signature in a certificate whose bitmap and list agree. */
static bool signature_of(const struct certificate *certificate, uint32_t member,
                         struct item_sig *out)
{
    struct wire_iter sigs = wire_iter_make(certificate->sigs);
    bool read = (certificate->members >> member & 1) != 0;
    for (uint32_t i = 0; i <= member && read; i++) {
        read = (certificate->members >> i & 1) == 0 || item_sig_next(&sigs, out);
    }
    return read;
}

void denials_of_block(struct node *node, const struct certificate *certificate,
                      const struct vote *vote, struct outbox *outbox)
{
    const struct entered *entered = &node->entered;
    struct new_view new_view;
    struct signed_body change;
    struct shown shown;
    struct item_sig sig;
    for (uint32_t i = 0; i < REPLICAS_MAX; i++) {
        if (signature_of(certificate, i, &sig)) {
            denial_note(node, i, vote, sig.value);
        }
    }
    if (entered->body.len == 0 || vote->epoch != node->epoch || vote->view >= entered->view ||
        !loses(&entered->plan, vote) || MUTANT(112)) {
        return;
    }
    CHECK(new_view_decode(entered->body, &new_view) == WIRE_OK);
    struct wire_iter list = wire_iter_make(new_view.view_changes);
    while (signed_body_next(&list, &change)) {
        uint32_t member = node_member(node, change.rid);
        if (is_suspect(node, member) && signature_of(certificate, member, &sig) &&
            change_shows(&change, &shown) && shown_denies(&shown, vote)) {
            accuse(node, member, vote, sig.value, &change, outbox);
        }
    }
}
