/* Answers to FETCH: the server's own code over the simulated store. */
#include "replica/host/serve.h"
#include "tests/sim/world.h"

/* Little, so that a state comes in many pieces. */
#define CHUNK_BYTES 2000

struct answering {
    struct world *world;
    struct host *host;
    uint32_t to;
};

static void data_send(void *context, struct bytes frame)
{
    const struct answering *answering = context;
    struct world *world = answering->world;
    struct host *host = answering->host;
    struct blob *blob =
        blob_make(bytes_slice(frame, FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES));
    bool lies = (world->plan.liars >> host->rid & 1) != 0 && answering->to != host->rid;
    world->tally.fetched++;
    if (!lies || liar_sends(world, host, answering->to, blob)) {
        network_send(world, host->rid, answering->to, blob);
    }
    blob_drop(blob);
}

void answers_open(struct world *world)
{
    for (uint32_t rid = 0; rid < SIM_REPLICAS_MAX; rid++) {
        struct serve_setup setup = {
            .rid = rid,
            .snapshots =
                {
                    .records_max = SIM_STATE_RECORDS,
                    .bytes_max = SIM_STATE_BYTES,
                    .hash_seed = rid,
                    .chunk_bytes = CHUNK_BYTES,
                },
        };
        CHECK(serve_open(&setup, &world->serves[rid]) == STATUS_OK);
    }
}

void answers_close(struct world *world)
{
    for (uint32_t rid = 0; rid < SIM_REPLICAS_MAX; rid++) {
        serve_close(world->serves[rid]);
    }
}

/* Whether it answers out of what its disk was once, which was all true then. */
static bool answers_old(const struct world *world, const struct host *host)
{
    return world_lies(world, host->rid, LIE_OLD) && host->picture != NULL;
}

void answer_pin(struct world *world, struct host *host, uint64_t height)
{
    struct store_view *view = NULL;
    if (answers_old(world, host)) {
        return;
    }
    CHECK(store_view_open(host->store, &view) == STATUS_OK);
    serve_pin(world->serves[host->rid], height, view);
}

void answer_unpin(struct world *world, const struct host *host)
{
    serve_unpin(world->serves[host->rid]);
}

void answer_fetch(struct world *world, struct host *host, uint32_t to, struct bytes frame)
{
    struct answering answering = {world, host, to};
    struct envelope envelope;
    struct fetch fetch;
    size_t used = 0;
    if (to >= world->plan.n ||
        schema_decode_front(&schema_envelope, frame, &envelope, &used) != WIRE_OK ||
        fetch_decode(envelope.body, &fetch) != WIRE_OK) {
        return;
    }
    bool old = answers_old(world, host);
    world->tally.lies += old ? 1 : 0;
    CHECK(serve_fetch_store(world->serves[host->rid], old ? host->picture : host->store, &fetch,
                            data_send, &answering) == STATUS_OK);
}
