/* A checkpoint that is true and in the wrong place: Q attest many heights, and only multiples of K
 * may begin a window. Who took one would sign VIEW-CHANGEs that nobody takes. It comes unasked too.
 */
#include "replica/core/node_parts.h"
#include "tests/sim/liar.h"

#include <string.h>

static void proof_send(const struct lie_to *out, struct bytes body, const struct attested *one)
{
    const struct node *node = out->host->node;
    uint8_t sig_space[SIM_REPLICAS_MAX * (SIG_BYTES + 2)];
    uint8_t proof_space[STABLE_BYTES_MAX];
    struct buffer sigs = buffer_make(sig_space, sizeof(sig_space));
    struct buffer proof = buffer_make(proof_space, sizeof(proof_space));
    struct stable stable = {.header = bytes_make(one->header, one->header_len)};
    stable.members = attestations_members(&node->attestations, one->height, one->header_hash);
    if (members_count(stable.members) < node->roster.q) {
        return;
    }
    for (uint32_t i = 0; i < node->roster.n; i++) {
        struct item_sig sig;
        if ((stable.members >> i & 1) != 0) {
            memcpy(sig.value, attestations_find(&node->attestations, i, one->height)->note_sig,
                   SIG_BYTES);
            CHECK(item_sig_encode(&sig, &sigs));
        }
    }
    stable.note_sigs = (struct wire_list){buffer_bytes(&sigs), members_count(stable.members)};
    CHECK(stable_encode(&stable, &proof));
    lie_send(out->world, out->host, out->to,
             lie_frame(MESSAGE_DATA, out->host->rid, body, NULL, buffer_bytes(&proof)));
}

void lie_stable(const struct lie_to *out)
{
    const struct node *node = out->host->node;
    uint8_t space[128];
    struct buffer body = buffer_make(space, sizeof(space));
    const struct data data = {.kind = FETCH_STABLE};
    CHECK(data_encode(&data, &body));
    for (uint32_t i = 0; i < ATTESTED_FRESH; i++) {
        const struct attested *one = &node->attestations.fresh[node->self][i];
        if (one->height != 0) {
            proof_send(out, buffer_bytes(&body), one);
        }
    }
}
