/* ATTEST: a replica's header and its signatures over the checkpoint text of it. At multiples of K
 * it is PBFT's CHECKPOINT. Castro & Liskov, OSDI '99, section 4.3. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"

#include <string.h>

#define LATE_MS 150

static void report(struct node *node, uint32_t member, const struct attest *attest, uint64_t height,
                   struct outbox *outbox)
{
    const struct attested *first = attestations_find(&node->attestations, member, height);
    struct contradiction contradiction = {
        .kind = EVIDENCE_ATTEST,
        .rid = node->roster.members[member].rid,
        .first = bytes_make(first->header, first->header_len),
        .second = attest->header,
        .first_sig = first->note_sig,
        .second_sig = attest->note_sig,
    };
    evidence_emit(node, &contradiction, outbox);
}

/* The log rests there: let readers have a quorum. One that came there late has not heard ours. */
static void head_attested(struct node *node, uint64_t height, uint32_t rid, struct outbox *outbox)
{
    if (attestations_find(&node->attestations, node->self, height) == NULL) {
        attest_head(node, outbox);
    } else if (node->now_ms >= node->executed_ms + LATE_MS) {
        attest_send(node, height, rid, outbox);
    }
}

enum drop on_attest(struct node *node, const struct message *message, struct outbox *outbox)
{
    struct attest attest;
    struct block_header header;
    if (attest_decode(message->envelope.body, &attest) != WIRE_OK ||
        block_header_decode(attest.header, &header) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    uint32_t member = node_member(node, message->envelope.rid);
    CHECK(member < REPLICAS_MAX);
    struct attestation attestation = {
        .height = header.height,
        .header = attest.header,
        .note_sig = attest.note_sig,
        .cosig = attest.cosig,
    };
    hash_bytes(attest.header, attestation.header_hash);
    uint64_t interval = node_param(node, PARAM_CHECKPOINT_INTERVAL);
    switch (attestations_add(&node->attestations, member, interval, &attestation)) {
    case ATTESTED_DUPLICATE:
        return DROP_DUPLICATE;
    case ATTESTED_OLD:
        return DROP_STALE;
    case ATTESTED_CONFLICT:
        report(node, member, &attest, header.height, outbox);
        return DROP_CONFLICT;
    case ATTESTED_ADDED:
        break;
    }
    if (header.height == node->head.height) {
        head_attested(node, header.height, (uint32_t)message->envelope.rid, outbox);
    }
    checkpoint_advance(node, header.height, outbox);
    return DROP_NONE;
}
