/* Evidence: two bodies, signed by one member, that no correct replica signs both, or one that none
 * signs at all. It convicts the signer and nobody else; silence and delay are never evidence. */
#include "replica/core/node_parts.h"

#include <string.h>

static void hand_out(const struct node *node, const struct evidence *evidence,
                     struct outbox *outbox)
{
    struct buffer space = outbox_open_space(outbox);
    CHECK(evidence_encode(evidence, &space));
    outbox_act(outbox, ACTION_EVIDENCE)->frame = outbox_take_space(outbox, &space);
    node_note(node, "evidence against r%lu: %s", (unsigned long)evidence->rid,
              evidence_kind_text(evidence->kind));
}

void evidence_emit(struct node *node, const struct contradiction *contradiction,
                   struct outbox *outbox)
{
    struct evidence evidence = {
        .kind = contradiction->kind,
        .rid = contradiction->rid,
        .epoch = node->epoch,
        .first = contradiction->first,
        .second = contradiction->second,
        .second_sig = bytes_make(contradiction->second_sig, SIG_BYTES),
    };
    memcpy(evidence.first_sig, contradiction->first_sig, SIG_BYTES);
    hand_out(node, &evidence, outbox);
}

void evidence_emit_one(struct node *node, enum evidence_kind kind, const struct envelope *envelope,
                       struct outbox *outbox)
{
    struct evidence evidence = {
        .kind = kind,
        .rid = envelope->rid,
        .epoch = node->epoch,
        .first = envelope->body,
    };
    CHECK(envelope->sig.len == SIG_BYTES);
    memcpy(evidence.first_sig, envelope->sig.data, SIG_BYTES);
    hand_out(node, &evidence, outbox);
}
