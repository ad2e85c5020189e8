/* Receipts as a replica serves them: out of its own store, for anyone who asks. */
#include "crypto/receipt.h"
#include "replica/host/serve.h"
#include "tests/sim/check.h"

#define RECEIPTS_ASKED 6

struct asked {
    struct world *world;
    uint32_t rid;
    uint64_t index;
};

static void receipt_comes(void *context, struct bytes frame)
{
    const struct asked *asked = context;
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
    enum receipt_verdict verdict =
        receipt_verify(bytes_slice(rest, used, rest.len - used), &trust, NULL, &facts);
    if (verdict != RECEIPT_OK || facts.index != asked->index) {
        world_fail(world, "I7", asked->rid, "the receipt it serves for entry %lu: %s",
                   (unsigned long)asked->index, receipt_verdict_text(verdict));
    }
    world->tally.receipts++;
}

void check_served(struct world *world)
{
    for (uint32_t i = 0; i < RECEIPTS_ASKED && !world->failed; i++) {
        struct asked asked = {
            .world = world,
            .rid = (uint32_t)prng_below(&world->prng, world->plan.n),
            .index = prng_below(&world->prng, world->check->levels[0].count),
        };
        struct fetch fetch = {.kind = FETCH_RECEIPT, .from = asked.index};
        CHECK(serve_fetch_store(world->serves[asked.rid], world->hosts[asked.rid].store, &fetch,
                                receipt_comes, &asked) == STATUS_OK);
    }
}
