#include "tests/support/view_fixture.h"

#include "crypto/hash.h"
#include "crypto/note.h"
#include "replica/core/node_parts.h"
#include "tests/support/sign_fast.h"

#include <stdio.h>
#include <string.h>

static void keys_of(uint32_t rid, uint8_t seed[SEED_BYTES], uint8_t pk[PUBLIC_KEY_BYTES])
{
    char name[16];
    (void)snprintf(name, sizeof(name), "r%u", rid);
    gov_seed(name, seed);
    sig_fast.public_key(seed, pk);
}

void view_sign(const struct core_fixture *fixture, uint32_t rid, enum sign_tag tag,
               struct bytes body, uint8_t sig[SIG_BYTES])
{
    uint8_t seed[SEED_BYTES];
    uint8_t pk[PUBLIC_KEY_BYTES];
    keys_of(rid, seed, pk);
    sign_body(&sig_fast, seed, pk, tag, node_cluster_id(fixture->nodes[0]), body, sig);
}

static struct bytes vote_body(const struct claim *claim, uint8_t space[128])
{
    struct vote vote = {.epoch = claim->epoch, .view = claim->view, .sequence = claim->sequence};
    struct buffer body = buffer_make(space, 128);
    memset(vote.digest, claim->digest, sizeof(vote.digest));
    CHECK(vote_encode(&vote, &body));
    return buffer_bytes(&body);
}

static uint32_t signer_for(uint32_t member, uint32_t forger)
{
    return member == 0 && forger != 0 ? forger : member % CORE_NODES;
}

/* --- VIEW-CHANGE ------------------------------------------------------------------------------ */

static void put_certificate(const struct core_fixture *fixture, const struct claim *claim,
                            struct buffer *out)
{
    uint8_t space[128];
    uint8_t sigs_space[(CORE_NODES + 1) * 80];
    struct buffer sigs = buffer_make(sigs_space, sizeof(sigs_space));
    struct prepared prepared = {.vote = vote_body(claim, space), .members = claim->members};
    uint32_t primary = (uint32_t)(claim->view % CORE_NODES);
    uint32_t count = 0;
    view_sign(fixture, signer_for(primary, claim->forger), TAG_PRE_PREPARE, prepared.vote,
              prepared.primary_sig);
    for (uint32_t i = 0; i < CORE_NODES + 1; i++) {
        struct item_sig sig;
        if ((claim->members >> i & 1) == 0) {
            continue;
        }
        view_sign(fixture, signer_for(i, claim->forger), TAG_PREPARE, prepared.vote, sig.value);
        CHECK(item_sig_encode(&sig, &sigs));
        count++;
    }
    prepared.sigs = (struct wire_list){buffer_bytes(&sigs), count};
    CHECK(prepared_encode(&prepared, out));
}

static struct bytes header_of(const struct core_fixture *fixture, const struct foundation *stable,
                              struct buffer *out)
{
    const struct node *node = fixture->nodes[0];
    struct block_header header;
    CHECK(block_header_decode(bytes_make(node->head.header, node->head.header_len), &header) ==
          WIRE_OK);
    header.height = stable->height;
    header.epoch = stable->epoch;
    header.cluster_id[0] ^= stable->of_others ? 1 : 0;
    CHECK(block_header_encode(&header, out));
    return buffer_bytes(out);
}

static void put_lines(const struct core_fixture *fixture, const struct foundation *stable,
                      struct bytes header_bytes, struct buffer *out)
{
    struct block_header header;
    CHECK(block_header_decode(header_bytes, &header) == WIRE_OK);
    struct checkpoint checkpoint = {
        .origin = fixture->nodes[0]->origin,
        .tree_size = header.tree_size,
        .height = header.height,
        .epoch = header.epoch,
        .time_ms = header.time_ms,
    };
    memcpy(checkpoint.tree_root, header.tree_root, HASH_BYTES);
    hash_bytes(header_bytes, checkpoint.header_hash);
    for (uint32_t i = 0, left = stable->missing; i < CORE_NODES + 1; i++) {
        uint8_t seed[SEED_BYTES];
        uint8_t pk[PUBLIC_KEY_BYTES];
        struct item_sig sig;
        if ((stable->members >> i & 1) == 0 || left > 0) {
            left -= (stable->members >> i & 1) != 0 ? 1 : 0;
            continue;
        }
        keys_of(signer_for(i, stable->forger), seed, pk);
        checkpoint_sign(&sig_fast, &checkpoint, NOTE_SIGN, seed, pk, sig.value);
        CHECK(item_sig_encode(&sig, out));
    }
}

struct bytes view_stable_of(const struct core_fixture *fixture, const struct foundation *says,
                            struct buffer *out)
{
    uint8_t header_space[HEADER_BYTES_MAX];
    uint8_t lines_space[(CORE_NODES + 1) * 80];
    struct buffer header = buffer_make(header_space, sizeof(header_space));
    struct buffer lines = buffer_make(lines_space, sizeof(lines_space));
    struct stable stable = {.header = header_of(fixture, says, &header), .members = says->members};
    put_lines(fixture, says, stable.header, &lines);
    uint32_t count = members_count(says->members) - says->missing;
    stable.note_sigs = (struct wire_list){buffer_bytes(&lines), count};
    CHECK(stable_encode(&stable, out));
    return buffer_bytes(out);
}

struct bytes view_change_of(const struct core_fixture *fixture, const struct departure *says,
                            struct buffer *out)
{
    uint8_t space[1u << 13];
    uint8_t stable_space[STABLE_BYTES_MAX];
    struct buffer list = buffer_make(space, sizeof(space));
    struct buffer stable = buffer_make(stable_space, sizeof(stable_space));
    const struct node *node = fixture->nodes[0];
    struct view_change change = {.epoch = says->epoch,
                                 .view = says->view == 0 ? VIEW_NEXT : says->view};
    if (says->is_of_view_0) {
        change.view = 0;
    }
    struct bytes proof = says->stable.members == 0
                             ? bytes_make(node->stable_proof, node->stable_len)
                             : view_stable_of(fixture, &says->stable, &stable);
    CHECK(stable_decode(proof, &change.stable) == WIRE_OK);
    for (uint32_t i = 0; i < says->count; i++) {
        put_certificate(fixture, &says->claims[i], &list);
    }
    change.prepared = (struct wire_list){buffer_bytes(&list), says->count};
    CHECK(view_change_encode(&change, out));
    return buffer_bytes(out);
}

/* --- NEW-VIEW --------------------------------------------------------------------------------- */

static struct bytes list_of_changes(const struct core_fixture *fixture,
                                    const struct announcement *says, uint64_t view,
                                    struct buffer *out)
{
    for (uint32_t i = 0; i < says->count; i++) {
        static uint8_t space[1u << 14];
        struct buffer body = buffer_make(space, sizeof(space));
        struct signed_body element = {.rid = says->senders[i]};
        struct departure change = {.view = says->change_view == 0 ? view : says->change_view,
                                   .is_of_view_0 = says->is_of_view_0};
        if (i < 2 && says->claims[i].sequence != 0) {
            change.claims[0] = says->claims[i];
            change.count = 1;
        }
        bool is_forged = says->forged != 0 && says->senders[i] == says->forged;
        element.body = view_change_of(fixture, &change, &body);
        view_sign(fixture, is_forged ? 0 : says->senders[i] % CORE_NODES, TAG_VIEW_CHANGE,
                  element.body, element.sig);
        CHECK(signed_body_encode(&element, out));
    }
    return buffer_bytes(out);
}

static uint32_t put_proposals(const struct core_fixture *fixture, const struct announcement *says,
                              struct buffer *out)
{
    uint64_t first = says->sequence == 0 ? 1 : says->sequence;
    uint32_t count = 0;
    while (count < 3 && says->digests[count] != 0) {
        uint8_t space[128];
        const struct claim vote = {
            .epoch = says->vote_epoch,
            .view = says->vote_view == 0 ? VIEW_NEXT : says->vote_view,
            .sequence = first + count,
            .digest = says->digests[count] == 0xff ? 0 : says->digests[count],
        };
        struct signed_body element = {.rid = says->claims_as == 0 ? VIEW_LEADER : says->claims_as,
                                      .body = vote_body(&vote, space)};
        view_sign(fixture, says->proposer == 0 ? VIEW_LEADER : says->proposer, TAG_PRE_PREPARE,
                  element.body, element.sig);
        CHECK(signed_body_encode(&element, out));
        count++;
    }
    return count;
}

struct bytes new_view_of(const struct core_fixture *fixture, const struct announcement *says,
                         struct buffer *out)
{
    static uint8_t spaces[2][VIEW_BODY_BYTES];
    struct buffer changes = buffer_make(spaces[0], sizeof(spaces[0]));
    struct buffer proposals = buffer_make(spaces[1], sizeof(spaces[1]));
    struct new_view new_view = {.epoch = says->epoch,
                                .view = says->view == 0 ? VIEW_NEXT : says->view};
    if (says->is_of_view_0) {
        new_view.view = 0;
    }
    new_view.view_changes =
        (struct wire_list){list_of_changes(fixture, says, new_view.view, &changes), says->count};
    uint32_t count = put_proposals(fixture, says, &proposals);
    new_view.pre_prepares = (struct wire_list){buffer_bytes(&proposals), count};
    CHECK(new_view_encode(&new_view, out));
    return buffer_bytes(out);
}
