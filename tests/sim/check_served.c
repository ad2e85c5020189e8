/* Receipts as a replica serves them: out of its own store, for anyone who asks. What is served must
 * hold; in the storm there may be none yet, and at rest everyone has all of them. */
#include "crypto/receipt.h"
#include "replica/host/serve.h"
#include "tests/sim/check.h"

#define RECEIPTS_ASKED 6

struct asked {
    struct world *world;
    uint32_t rid;
    uint64_t index;
    bool got;
};

static void receipt_comes(void *context, struct bytes frame)
{
    struct asked *asked = context;
    struct world *world = asked->world;
    const struct cast *cast = &world->cast;
    struct envelope envelope;
    struct receipt_facts facts;
    size_t used = 0;
    struct bytes rest = bytes_slice(frame, FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES);
    CHECK(schema_decode_front(&schema_envelope, rest, &envelope, &used) == WIRE_OK);
    struct receipt_trust trust = {
        .scheme = cast->scheme,
        .origin = cast->origin,
        .keyring = {cast->note_keys, cast->n},
        .quorum = cast->q,
        .cluster_id = cast->cluster_id,
    };
    struct bytes receipt = bytes_slice(rest, used, rest.len - used);
    if (receipt.len == 0) {
        return;
    }
    enum receipt_verdict verdict = receipt_verify(receipt, &trust, NULL, &facts);
    if (verdict != RECEIPT_OK || facts.index != asked->index) {
        world_fail(world, "I7", asked->rid, "the receipt it serves for entry %lu: %s",
                   (unsigned long)asked->index, receipt_verdict_text(verdict));
    }
    asked->got = true;
    world->tally.receipts++;
}

bool check_serves(struct world *world, uint32_t rid, uint64_t index)
{
    struct asked asked = {.world = world, .rid = rid, .index = index};
    struct fetch fetch = {.kind = FETCH_RECEIPT, .from = index};
    CHECK(serve_fetch_store(world->serves[rid], world->hosts[rid].store, &fetch, receipt_comes,
                            &asked) == STATUS_OK);
    return asked.got;
}

void check_served(struct world *world)
{
    for (uint32_t i = 0; i < RECEIPTS_ASKED && !world->failed; i++) {
        uint32_t rid = (uint32_t)prng_below(&world->prng, world->plan.n);
        uint64_t index = prng_below(&world->prng, world->check->levels[0].count);
        if (!check_serves(world, rid, index)) {
            world_fail(world, "I7", rid, "it has no receipt for entry %lu", (unsigned long)index);
        }
    }
}
