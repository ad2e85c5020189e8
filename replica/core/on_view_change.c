/* VIEW-CHANGE: another replica has left its view. Castro & Liskov, OSDI '99, section 4.4. The
 * newest of each member is kept; what it proves was checked in job_verify. */
#include "replica/core/node_parts.h"

#include <string.h>

/* Nobody leaves for one view with two different histories. */
static void report_second(struct node *node, const struct message *message,
                          const struct kept_change *kept, struct outbox *outbox)
{
    struct contradiction contradiction = {
        .kind = EVIDENCE_VIEW_CHANGE,
        .rid = (uint32_t)message->envelope.rid,
        .first = kept->body,
        .second = message->envelope.body,
        .first_sig = kept->sig,
        .second_sig = message->envelope.sig.data,
    };
    evidence_emit(node, &contradiction, outbox);
}

enum drop on_view_change(struct node *node, const struct message *message, struct outbox *outbox)
{
    struct view_change change;
    if (view_change_decode(message->envelope.body, &change) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    uint32_t member = node_member(node, message->envelope.rid);
    CHECK(member < REPLICAS_MAX);
    CHECK(member != node->self);
    struct kept_change *kept = &node->changes[member];
    if (change.view == kept->view) {
        report_second(node, message, kept, outbox);
        return DROP_CONFLICT;
    }
    pool_give(&node->pool, kept->body.data);
    *kept = (struct kept_change){0};
    struct bytes copy = pool_copy(&node->pool, message->envelope.body);
    if (copy.data == NULL) {
        return DROP_NO_MEMORY; /* it is sent again */
    }
    kept->view = change.view;
    kept->body = copy;
    memcpy(kept->sig, message->envelope.sig.data, SIG_BYTES);
    struct signed_body said = {.rid = message->envelope.rid, .body = copy};
    memcpy(said.sig, kept->sig, SIG_BYTES);
    denial_look(node, &said, outbox);
    view_consider(node, outbox);
    return DROP_NONE;
}
