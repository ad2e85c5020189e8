#include "governance/view_plan.h"

#include "governance/mutant.h"

#include <string.h>

/* The highest checkpoint first: what is prepared at or below it is settled. */
static bool low_find(struct wire_list view_changes, uint64_t *low)
{
    struct wire_iter iter = wire_iter_make(view_changes);
    struct signed_body signed_body;
    *low = MUTANT(20) ? UINT64_MAX : 0;
    while (signed_body_next(&iter, &signed_body)) {
        struct view_change change;
        struct block_header header;
        if (view_change_decode(signed_body.body, &change) != WIRE_OK ||
            block_header_decode(change.stable.header, &header) != WIRE_OK) {
            return false;
        }
        bool better = MUTANT(20) ? header.height < *low : header.height > *low;
        *low = better ? header.height : *low;
    }
    return true;
}

static bool take_prepared(struct view_plan *plan, const struct prepared *prepared)
{
    struct vote vote;
    if (vote_decode(prepared->vote, &vote) != WIRE_OK) {
        return false;
    }
    if (vote.sequence <= plan->low) {
        return true;
    }
    uint64_t at = vote.sequence - plan->low - 1;
    if (at >= WINDOW_MAX) {
        return false;
    }
    bool better = !plan->known[at] || vote.view > plan->view[at];
    if (MUTANT(21)) {
        better = !plan->known[at]; /* the first that is found */
    }
    if (better) {
        plan->known[at] = true;
        plan->view[at] = vote.view;
        memcpy(plan->digest[at], vote.digest, HASH_BYTES);
    }
    plan->high = vote.sequence > plan->high ? vote.sequence : plan->high;
    return true;
}

bool view_plan_make(struct wire_list view_changes, struct view_plan *out)
{
    memset(out, 0, sizeof(*out));
    if (!low_find(view_changes, &out->low)) {
        return false;
    }
    out->high = out->low;
    struct wire_iter iter = wire_iter_make(view_changes);
    struct signed_body signed_body;
    while (signed_body_next(&iter, &signed_body)) {
        struct view_change change;
        struct prepared prepared;
        if (view_change_decode(signed_body.body, &change) != WIRE_OK) {
            return false;
        }
        struct wire_iter list = wire_iter_make(change.prepared);
        while (!MUTANT(22) && prepared_next(&list, &prepared)) {
            if (!take_prepared(out, &prepared)) {
                return false;
            }
        }
    }
    return true;
}
