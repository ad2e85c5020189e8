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

/* By the keys of that epoch. */
static enum receipt_verdict verdict_of(const struct world *world, const struct sim_epoch *epoch,
                                       struct bytes receipt, struct receipt_facts *facts)
{
    const struct cast *cast = &world->cast;
    struct note_key keys[SIM_REPLICAS_MAX];
    cast_note_keys(cast, epoch, keys);
    struct receipt_trust trust = {
        .scheme = cast->scheme,
        .origin = cast->origin,
        .keyring = {keys, cast->n},
        .quorum = cast->q,
        .epoch = epoch->number,
        .cluster_id = cast->cluster_id,
    };
    return receipt_verify(receipt, &trust, NULL, facts);
}

/* Its note may be of any epoch from the entry's on; it must be of the epoch of its own height. */
static void receipt_comes(void *context, struct bytes frame)
{
    struct asked *asked = context;
    struct world *world = asked->world;
    struct envelope envelope;
    struct receipt_facts facts = {0};
    enum receipt_verdict verdict = RECEIPT_BAD_TEXT;
    size_t used = 0;
    struct bytes rest = bytes_slice(frame, FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES);
    CHECK(schema_decode_front(&schema_envelope, rest, &envelope, &used) == WIRE_OK);
    struct bytes receipt = bytes_slice(rest, used, rest.len - used);
    if (receipt.len == 0) {
        return;
    }
    for (uint32_t i = world->check->governed.epoch_count; i > 0 && verdict != RECEIPT_OK; i--) {
        verdict = verdict_of(world, check_epoch(world, i - 1), receipt, &facts);
    }
    const struct checkpoint *checkpoint = &facts.note.checkpoint;
    if (verdict != RECEIPT_OK || facts.index != asked->index ||
        checkpoint->epoch != check_epoch_at(world, checkpoint->height)->number) {
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
