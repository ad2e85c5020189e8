/* COMMIT: a replica holds a prepared certificate. Castro & Liskov, OSDI '99, section 4.2. It may
 * come before the slot is prepared here; then it waits in the slot. */
#include "replica/core/node_parts.h"

enum drop on_commit(struct node *node, const struct message *message, struct outbox *outbox)
{
    return vote_take(node, message, true, outbox);
}
