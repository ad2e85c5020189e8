/* REQUEST: a client's item with its payloads, from the client or relayed by another replica.
 *
 * A request that was executed is answered with its first result; one that cannot succeed now, on
 * grounds of time or state, is answered with a hint and not queued. A backup relays it to the
 * primary and keeps it, so that nobody can be ignored. PROTOCOL: normal case, exactly once. */
#include "governance/session.h"
#include "replica/core/machine.h"

#include <string.h>

static void answer(struct node *node, enum action_kind kind, uint64_t code, struct outbox *outbox)
{
    const struct item_view *view = &node->work->view;
    struct action *action = outbox_act(outbox, kind);
    memcpy(action->client, view->author_key, PUBLIC_KEY_BYTES);
    memcpy(action->request_id, view->request_id, HASH_BYTES);
    action->code = code;
}

/* Whether the session knows the number already; answers the client if so. */
static bool known(struct node *node, struct outbox *outbox)
{
    const struct item_view *view = &node->work->view;
    struct session_result result;
    if (session_fresh(node->state, view->session_key, view->request.request_no)) {
        return false;
    }
    bool kept =
        session_result_find(node->state, view->session_key, view->request.request_no, &result) &&
        memcmp(result.request_id, view->request_id, HASH_BYTES) == 0;
    answer(node, kept ? ACTION_KNOWN : ACTION_REFUSED, kept ? result.code : E_REPLAY, outbox);
    if (kept) {
        struct action *action = &outbox->actions[outbox->action_count - 1];
        action->height = result.height;
        action->first_index = result.first_index;
        action->count = result.count;
    }
    return true;
}

/* As request_hopeless; `allowed` says whether it would succeed now, as far as the check goes. */
static enum result_code judge_early(struct node *node, bool *allowed)
{
    struct cap_verdict verdict;
    struct cap_context context = {
        .state = node->state,
        .rights = &node->rights,
        .oracle = &node->oracle,
        .height = node->head.height + 1,
        .time_ms = node->head.time_ms > node->wall_ms ? node->head.time_ms : node->wall_ms,
        .audience = 0,
    };
    enum result_code code = cap_check(&context, &node->work->view, &verdict);
    /* From step 4 on a refusal is a result of its own and must be ordered; a token that is not
     * valid yet may be by the time it is. */
    bool final_now = code != RESULT_OK && !verdict.consumes && code != E_NOT_YET;
    *allowed = code == RESULT_OK;
    return final_now ? code : RESULT_OK;
}

enum result_code request_hopeless(struct node *node)
{
    bool allowed = false;
    return judge_early(node, &allowed);
}

static void relay(struct node *node, uint32_t from, const struct message *message,
                  struct outbox *outbox)
{
    if (from != NODE_CLIENT || node_is_primary(node)) {
        return; /* relayed once already */
    }
    struct action *action = outbox_act(outbox, ACTION_SEND);
    action->to = roster_primary(&node->roster, node->view)->rid;
    action->frame =
        message_frame(outbox, MESSAGE_REQUEST, 0, BYTES_EMPTY, BYTES_EMPTY, message->attachment);
}

enum drop on_request(struct node *node, uint32_t from, const struct message *message,
                     struct outbox *outbox)
{
    struct request_parcel parcel;
    struct item item;
    struct item_view *view = &node->work->view;
    if (request_parcel_decode(message->attachment, &parcel) != WIRE_OK ||
        item_decode(parcel.item, &item) != WIRE_OK ||
        item_parse_with(&node->work->tokens, &item, node->cluster_id, view) != RESULT_OK) {
        return DROP_MALFORMED;
    }
    if (known(node, outbox)) {
        return DROP_KNOWN_REQUEST;
    }
    if (queue_find(node->queue, view->request_id) != NULL) {
        return DROP_KNOWN_REQUEST;
    }
    bool allowed = false;
    enum result_code code = judge_early(node, &allowed);
    if (code != RESULT_OK) {
        answer(node, ACTION_REFUSED, code, outbox);
        return DROP_REFUSED_EARLY;
    }
    bool ahead = view->request.op == OP_GOVERN && allowed;
    struct queued *queued =
        queue_add(node->queue, ahead ? QUEUE_AHEAD : QUEUE_COMMON, view->request_id,
                  view->session_key, parcel.item, parcel.payloads);
    if (queued == NULL) {
        return DROP_QUEUE_FULL;
    }
    queued->not_after_ms = view->request.not_after_ms;
    queued->arrived_ms = node->now_ms;
    queued->statements = view->count;
    relay(node, from, message, outbox);
    return DROP_NONE;
}
