/* Evidence: two bodies, signed by one member, that no correct replica signs both. It convicts the
 * signer and nobody else; silence and delay are never evidence. */
#include "replica/core/node_parts.h"

#include <string.h>

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
    struct buffer space = outbox_open_space(outbox);
    CHECK(evidence_encode(&evidence, &space));
    outbox_act(outbox, ACTION_EVIDENCE)->frame = outbox_take_space(outbox, &space);
    node_note(node, "evidence against r%u: %s", contradiction->rid,
              evidence_kind_text(contradiction->kind));
}
