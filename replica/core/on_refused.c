/* A PRE-PREPARE that job_verify refused: when its batch is one that no correct primary proposes, it
 * convicts who signed it. PROTOCOL: normal case, accept; ATTACKS B06, B08.
 *
 * The verdict of workers is a hint: the evidence is judged whole before anybody is accused. That
 * takes as long as verifying a batch, on this thread, so only once in a view. */
#include "governance/evidence.h"

#include "replica/core/machine.h"

#include <string.h>

enum drop on_refused(struct node *node, const struct message *message, struct outbox *outbox)
{
    struct batch_parcel parcel;
    struct evidence_facts facts;
    struct origin origin;
    if (message->envelope.type != MESSAGE_PRE_PREPARE || node->convicted || !node->awake ||
        message->envelope.sig.len != SIG_BYTES ||
        batch_parcel_decode(message->attachment, &parcel) != WIRE_OK ||
        !origin_make(node_charter_name(node), node->cluster_id, &origin)) {
        return DROP_NOT_WANTED;
    }
    struct evidence evidence = {
        .kind = EVIDENCE_BATCH,
        .rid = message->envelope.rid,
        .epoch = node->epoch,
        .first = message->envelope.body,
        .proof = parcel.batch,
    };
    memcpy(evidence.first_sig, message->envelope.sig.data, SIG_BYTES);
    struct buffer space = outbox_open_space(outbox);
    if (!evidence_encode(&evidence, &space)) {
        return DROP_MALFORMED;
    }
    struct bytes encoded = outbox_take_space(outbox, &space);
    const struct evidence_trust trust = {
        .scheme = node->scheme,
        .roster = &node->roster,
        .cluster_id = node->cluster_id,
        .origin = &origin,
        .scratch = &node->work->view,
    };
    if (evidence_judge(&trust, encoded, &facts) != EVIDENCE_PROVES) {
        return DROP_NOT_WANTED;
    }
    node->convicted = true;
    outbox_act(outbox, ACTION_EVIDENCE)->frame = encoded;
    node_note(node, "evidence against r%lu: a bad batch", (unsigned long)message->envelope.rid);
    complain(node, outbox);
    return DROP_CONFLICT;
}
