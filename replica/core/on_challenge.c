/* CHALLENGE: a replica that starts asks what of its own is held here. Answering needs no mode, so
 * that replicas which start together do not wait for each other in a ring. */
#include "replica/core/node_parts.h"

enum drop on_challenge(struct node *node, const struct message *message, struct outbox *outbox)
{
    struct challenge challenge;
    if (challenge_decode(message->envelope.body, &challenge) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (MUTANT(65) && !node->awake) {
        return DROP_MODE;
    }
    uint32_t member = node_member(node, message->envelope.rid);
    CHECK(member < REPLICAS_MAX);
    node->peers[member].challenged_ms = node->now_ms;
    challenge_answer_send(node, member, challenge.nonce, outbox);
    return DROP_NONE;
}
