/* Suspended replicas, as far as the log is executed here. PROTOCOL: epochs, rule 6.
 *
 * A suspended replica leads nothing: a view of it is left in the step that executes the suspension,
 * no later one is asked for, and its NEW-VIEWs are ignored. Everything else that it says counts by
 * membership, and whether a message is good never depends on this file: replicas execute a
 * suspension at different times, and must judge one message alike. */
#include "replica/core/node_parts.h"

bool view_is_barred(const struct node *node, uint64_t view)
{
    return roster_primary(&node->roster, view)->standing == STANDING_SUSPENDED;
}

/* At most f of n are suspended, so the way is short. */
uint64_t view_not_barred(const struct node *node, uint64_t view)
{
    for (uint32_t i = 0; i < node->roster.n && view_is_barred(node, view); i++) {
        view++;
    }
    return view;
}

void view_leave_barred(struct node *node, struct outbox *outbox)
{
    bool follows = node->awake && node->mode != MODE_RECOVERING;
    if (follows && view_is_barred(node, node->view) && !MUTANT(81)) {
        view_leave(node, node->view + 1, outbox);
    }
}
