/* NEW-VIEW: the next primary shows that a quorum left, and proposes again what may have been
 * committed. It comes from that primary, or as DATA from any replica that is in the view already:
 * its signature counts, not who brings it. Castro & Liskov, OSDI '99, section 4.4. */
#include "replica/core/node_parts.h"

enum drop on_new_view(struct node *node, const struct message *message, struct outbox *outbox)
{
    struct new_view new_view;
    if (new_view_decode(message->envelope.body, &new_view) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    bool late = new_view.view == node->view && node->mode == MODE_ACTIVE;
    if (new_view.view < node->view || late) {
        return DROP_VIEW_OLD;
    }
    if (view_is_barred(node, new_view.view) && !MUTANT(82)) {
        return DROP_SUSPENDED;
    }
    view_enter(node, message, outbox);
    return DROP_NONE;
}
