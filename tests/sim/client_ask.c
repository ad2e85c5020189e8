#include "tests/sim/client_ask.h"

#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "tests/sim/check.h"

#include <stdlib.h>
#include <string.h>

#define LIFE_MS 20000
#define CONDITIONED_STREAM 5 /* what conditions on lengths are about */

/* Space for one request, one at a time. */
static uint8_t statement_space[ITEM_BYTES_MAX];
static uint8_t payload_space[ITEM_PAYLOAD_BYTES_MAX];
static uint8_t item_space[ITEM_BYTES_MAX];
static uint8_t payloads_space[ITEM_PAYLOAD_BYTES_MAX];
static uint8_t frame_space[CLIENT_FRAME_BYTES_MAX];
static uint8_t entry_hashes[STATEMENTS_MAX][HASH_BYTES];

/* What is to be wrong with a request. */
enum flaw {
    FLAW_NONE,
    FLAW_STREAM,
    FLAW_SIZE,
    FLAW_LATE,
    FLAW_AHEAD,
    FLAW_COUNT,
};

static uint32_t choose_count(struct world *world)
{
    struct prng *prng = &world->prng;
    if (prng_chance(prng, world->plan.big_permille)) {
        return (uint32_t)prng_between(prng, 30, prng_chance(prng, 50) ? STATEMENTS_MAX : 200);
    }
    return prng_chance(prng, 500) ? 1 : (uint32_t)prng_between(prng, 2, 6);
}

static void wish_make(struct world *world, enum flaw flaw, struct wish *wish,
                      struct buffer *payloads)
{
    struct prng *prng = &world->prng;
    uint8_t salt[SALT_BYTES];
    static uint8_t text[4096];
    wish->stream = (uint32_t)prng_below(prng, flaw == FLAW_STREAM ? SIM_STREAMS : 5);
    wish->payload_len = (uint32_t)prng_below(prng, prng_chance(prng, 20) ? 1024 : 120);
    if (flaw == FLAW_SIZE) {
        wish->payload_len = 2000;
    }
    wish->expect = U64_UNLIMITED;
    if (prng_chance(prng, world->plan.expect_permille)) {
        uint64_t guess = check_stream_length(world, CONDITIONED_STREAM);
        wish->stream = CONDITIONED_STREAM;
        wish->expect = prng_chance(prng, 500) ? guess : prng_below(prng, guess + 2);
    }
    prng_fill(prng, salt, sizeof(salt));
    prng_fill(prng, text, wish->payload_len);
    struct payload payload = {BYTES_OF_ARRAY(salt), bytes_make(text, wish->payload_len)};
    struct bytes parts[] = {payload.salt, payload.bytes};
    hash_parts(parts, 2, wish->payload_hash);
    CHECK(payload_encode(&payload, payloads));
}

void wish_encode(const struct wish *wish, struct buffer *out)
{
    struct statement statement = {
        .stream = bytes_of_text(stream_name(wish->stream)),
        .payload_len = wish->payload_len,
        .expect_stream_len = wish->expect,
    };
    memcpy(statement.payload_hash, wish->payload_hash, HASH_BYTES);
    CHECK(statement_encode(&statement, out));
}

static void statement_put(const struct wish *wish, struct buffer *out, uint8_t hash[HASH_BYTES])
{
    uint8_t space[STATEMENT_BODY_BYTES_MAX];
    struct buffer body = buffer_make(space, sizeof(space));
    wish_encode(wish, &body);
    merkle_leaf_hash(buffer_bytes(&body), hash);
    struct item_entry entry = {buffer_bytes(&body)};
    CHECK(item_entry_encode(&entry, out));
}

static uint64_t choose_not_after(const struct world *world, enum flaw flaw)
{
    uint64_t now = SIM_WALL_MS + world_ms(world);
    if (flaw == FLAW_LATE) {
        return now - 5000;
    }
    return flaw == FLAW_AHEAD ? now + 3700000 : now + LIFE_MS;
}

static uint64_t choose_number(struct world *world, struct client *client)
{
    uint64_t used = client->next_number - 1;
    if (used > 0 && prng_chance(&world->prng, world->plan.same_number_permille)) {
        return used - prng_below(&world->prng, used < 20 ? used : 20);
    }
    return client->next_number++;
}

void request_frame(struct sim_request *request, const struct item *item,
                   struct wire_list payload_list)
{
    struct buffer item_bytes = buffer_make(item_space, sizeof(item_space));
    struct buffer payload_bytes = buffer_make(payloads_space, sizeof(payloads_space));
    struct buffer frame = buffer_make(frame_space, sizeof(frame_space));
    struct envelope envelope = {.type = MESSAGE_REQUEST};
    struct payloads payloads = {payload_list};
    CHECK(item_encode(item, &item_bytes));
    CHECK(payloads_encode(&payloads, &payload_bytes));
    struct request_parcel parcel = {buffer_bytes(&item_bytes), buffer_bytes(&payload_bytes)};
    CHECK(envelope_encode(&envelope, &frame));
    CHECK(request_parcel_encode(&parcel, &frame));
    request->frame = blob_make(buffer_bytes(&frame));
    struct bytes parts[] = {item->request, item->token, item->statements.raw};
    hash_parts(parts, 3, request->content_hash);
}

static void request_sign(struct world *world, struct client *client, struct sim_request *request,
                         struct wire_list statements, struct wire_list payloads)
{
    const struct cast *cast = &world->cast;
    uint8_t space[REQUEST_BODY_BYTES_MAX];
    struct buffer body = buffer_make(space, sizeof(space));
    struct request object = {
        .request_no = request->number,
        .op = OP_APPEND,
        .not_after_ms = request->not_after_ms,
        .count = request->count,
    };
    memcpy(object.author.id, client->token_hash, HASH_BYTES);
    merkle_root_of(bytes_make(entry_hashes, (size_t)request->count * HASH_BYTES),
                   object.entries_root);
    CHECK(request_encode(&object, &body));
    struct item item = {
        .request = buffer_bytes(&body),
        .token = bytes_make(client->token, client->token_len),
        .statements = statements,
    };
    sign_body(cast->scheme, client->holder.seed, client->holder.pk, TAG_REQUEST, cast->cluster_id,
              item.request, item.sig);
    statement_id(TAG_REQUEST, cast->cluster_id, item.request, request->id);
    request_frame(request, &item, payloads);
}

static enum flaw choose_flaw(struct world *world)
{
    if (!prng_chance(&world->prng, world->plan.refused_permille)) {
        return FLAW_NONE;
    }
    return (enum flaw)prng_between(&world->prng, FLAW_STREAM, FLAW_COUNT - 1);
}

static void index_put(struct request_log *log, uint32_t position)
{
    uint64_t at = 0;
    memcpy(&at, log->all[position]->id, sizeof(at));
    while (log->index[at % log->index_size] != 0) {
        at++;
    }
    log->index[at % log->index_size] = position + 1;
}

void request_keep(struct world *world, struct sim_request *request)
{
    struct request_log *log = world->requests;
    world->tally.requests++;
    if (log->count == log->capacity) {
        log->capacity = log->capacity == 0 ? 512 : 2 * log->capacity;
        log->all = realloc(log->all, log->capacity * sizeof(struct sim_request *));
        CHECK(log->all != NULL);
        free(log->index);
        log->index_size = 4 * log->capacity;
        log->index = calloc(log->index_size, sizeof(log->index[0]));
        CHECK(log->index != NULL);
        for (uint32_t i = 0; i < log->count; i++) {
            index_put(log, i);
        }
    }
    log->all[log->count++] = request;
    index_put(log, (uint32_t)(log->count - 1));
}

struct sim_request *request_make(struct world *world, uint32_t client_no)
{
    struct client *client = &world->clients[client_no];
    struct buffer statements = buffer_make(statement_space, sizeof(statement_space));
    struct buffer payloads = buffer_make(payload_space, sizeof(payload_space));
    struct sim_request *request = calloc(1, sizeof(*request));
    CHECK(request != NULL);
    enum flaw flaw = choose_flaw(world);
    request->client = client_no;
    request->count = choose_count(world);
    request->number = choose_number(world, client);
    request->not_after_ms = choose_not_after(world, flaw);
    request->wishes = calloc(request->count, sizeof(request->wishes[0]));
    CHECK(request->wishes != NULL);
    for (uint32_t i = 0; i < request->count; i++) {
        wish_make(world, flaw, &request->wishes[i], &payloads);
        statement_put(&request->wishes[i], &statements, entry_hashes[i]);
    }
    request_sign(world, client, request,
                 (struct wire_list){buffer_bytes(&statements), request->count},
                 (struct wire_list){buffer_bytes(&payloads), request->count});
    request_keep(world, request);
    return request;
}
