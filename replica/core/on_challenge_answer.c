/* CHALLENGE-ANSWER: what another replica holds of this one's messages. They prove themselves: they
 * bear this replica's own signatures, which job_verify has checked. */
#include "replica/core/node_parts.h"

enum drop on_challenge_answer(struct node *node, const struct message *message,
                              struct outbox *outbox)
{
    struct challenge_answer answer;
    if (challenge_answer_decode(message->envelope.body, &answer) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    uint32_t member = node_member(node, message->envelope.rid);
    CHECK(member < REPLICAS_MAX);
    challenge_answered(node, member, answer.newest, outbox);
    return DROP_NONE;
}
