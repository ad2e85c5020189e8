/* COMPLAIN: another replica's oldest request has waited too long for this view's primary. The
 * request comes along, so that nobody has to take the complaint on trust. PROTOCOL: view change. */
#include "replica/core/node_parts.h"

enum drop on_complain(struct node *node, const struct message *message, struct outbox *outbox)
{
    uint32_t member = node_member(node, message->envelope.rid);
    CHECK(member < REPLICAS_MAX);
    node->complained_ms[member] = node->now_ms;
    if (message->attachment.len > 0) {
        (void)on_request(node, (uint32_t)message->envelope.rid, message, outbox);
    }
    complaints_count(node, outbox);
    return DROP_NONE;
}
