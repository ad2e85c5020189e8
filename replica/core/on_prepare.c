/* PREPARE: a backup accepted the primary's proposal. Castro & Liskov, OSDI '99, section 4.2. */
#include "replica/core/node_parts.h"

enum drop on_prepare(struct node *node, const struct message *message, struct outbox *outbox)
{
    return vote_take(node, message, false, outbox);
}
