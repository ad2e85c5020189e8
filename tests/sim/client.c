#include "tests/sim/client.h"

#include "crypto/hash.h"
#include "tests/sim/check.h"
#include "tests/sim/client_ask.h"
#include "tests/sim/officer.h"

#include <stdlib.h>
#include <string.h>

static const char *const stream_names[SIM_STREAMS + 1] = {
    "log/a", "log/b",   "log/c",   "log/d", "log/e",
    "log/f", "other/a", "other/b", "logs",  "vestry/governance",
};

const char *stream_name(uint32_t stream)
{
    CHECK(stream <= SIM_STREAMS);
    return stream_names[stream];
}

static void client_open(struct world *world, uint32_t number)
{
    struct client *client = &world->clients[number];
    struct prng *prng = &world->prng;
    *client = (struct client){.next_number = 1};
    client->grant = (struct grant){
        .ops = OP_APPEND | OP_READ,
        .prefix = prng_chance(prng, 700) ? "log" : "",
        .expires_ms = SIM_WALL_MS + 3600000,
        .max_entry = 1500,
        .quota_entries = prng_chance(prng, 800) ? U64_UNLIMITED : prng_between(prng, 1, 300),
    };
    if (number > 0 && prng_chance(prng, 100)) {
        client->grant.expires_ms = SIM_WALL_MS + prng_between(prng, 1, 2000);
    }
    if (number > 0 && prng_chance(prng, 50)) {
        client->grant.ops = OP_READ;
    }
    cast_key(&world->cast, 0x40, (uint8_t)number, &client->holder);
    struct buffer token = buffer_make(client->token, sizeof(client->token));
    cast_token(&world->cast, &client->grant, client->holder.pk, &token);
    client->token_len = token.len;
    hash_bytes(buffer_bytes(&token), client->token_hash);
    struct token view;
    struct signed_block block;
    CHECK(token_decode(buffer_bytes(&token), &view) == WIRE_OK);
    struct wire_iter blocks = wire_iter_make(view.blocks);
    CHECK(signed_block_next(&blocks, &block));
    statement_id(TAG_CAPABILITY, world->cast.cluster_id, block.block, client->session);
}

void clients_open(struct world *world)
{
    world->clients = calloc(world->plan.clients + 1, sizeof(world->clients[0]));
    world->requests = calloc(1, sizeof(*world->requests));
    CHECK(world->clients != NULL);
    CHECK(world->requests != NULL);
    for (uint32_t i = 0; i < world->plan.clients; i++) {
        client_open(world, i);
    }
    officer_open(world);
    bool governed = world->plan.govern_every_us > 0 || world->script != NULL;
    for (uint32_t i = 0; i < world->plan.clients + (governed ? 1 : 0); i++) {
        struct due due = {.at_us = world->now_us + 1000 * i, .kind = DUE_CLIENT, .to = i};
        events_add(&world->events, &due);
    }
}

void clients_close(struct world *world)
{
    struct request_log *log = world->requests;
    for (size_t i = 0; log != NULL && i < log->count; i++) {
        blob_drop(log->all[i]->frame);
        free(log->all[i]->wishes);
        free(log->all[i]->change);
        free(log->all[i]);
    }
    if (log != NULL) {
        free(log->all);
        free(log->index);
    }
    free(log);
    free(world->clients);
}

struct sim_request *request_find(const struct world *world, const uint8_t id[HASH_BYTES])
{
    const struct request_log *log = world->requests;
    uint64_t at = 0;
    memcpy(&at, id, sizeof(at));
    while (log->index_size > 0 && log->index[at % log->index_size] != 0) {
        struct sim_request *request = log->all[log->index[at % log->index_size] - 1];
        if (memcmp(request->id, id, HASH_BYTES) == 0) {
            return request;
        }
        at++;
    }
    return NULL;
}

/* --- Settling ----------------------------------------------------------------------------------
 */

/* How many replicas gave this very answer. */
static uint32_t same_answers(const struct world *world, const struct sim_request *request,
                             const struct answer *answer)
{
    uint32_t same = 0;
    for (uint32_t i = 0; i < world->plan.n; i++) {
        const struct answer *other = &request->answers[i];
        bool equal = other->given && other->hint == answer->hint && other->code == answer->code &&
                     other->first_index == answer->first_index && other->count == answer->count;
        same += equal ? 1 : 0;
    }
    return same;
}

/* An answer that W replicas gave, or NULL. */
static const struct answer *answer_agreed(const struct world *world,
                                          const struct sim_request *request)
{
    for (uint32_t i = 0; i < world->plan.n; i++) {
        const struct answer *answer = &request->answers[i];
        if (answer->given && same_answers(world, request, answer) >= world->cast.w) {
            return answer;
        }
    }
    return NULL;
}

static void acknowledge(struct world *world, struct sim_request *request,
                        const struct answer *answer)
{
    request->fate = FATE_ACKNOWLEDGED;
    world->tally.acknowledged++;
    check_acknowledge(world, request, answer);
}

/* Settle the request if its answers allow it. */
static bool settle(struct world *world, struct client *client, struct sim_request *request)
{
    const struct answer *answer = answer_agreed(world, request);
    if (answer == NULL) {
        return false;
    }
    if (answer->hint || answer->code != RESULT_OK) {
        request->fate = FATE_REFUSED;
        world->tally.refused++;
        return true;
    }
    if (client->proven.height < answer->height) {
        return false;
    }
    acknowledge(world, request, answer);
    if (!world->failed) {
        check_receipt(world, client, request);
    }
    return true;
}

/* It is in the log, and the attestations that say so do not come: any replica may have a receipt,
 * which proves itself. */
static bool settle_by_receipt(struct world *world, struct sim_request *request)
{
    const struct answer *answer = answer_agreed(world, request);
    uint32_t rid = (uint32_t)prng_below(&world->prng, world->plan.n);
    const struct host *host = &world->hosts[rid];
    if (answer == NULL || answer->hint || answer->code != RESULT_OK || !host->up || host->cut_off ||
        !check_serves(world, rid, answer->first_index)) {
        return false;
    }
    acknowledge(world, request, answer);
    return true;
}

/* --- Asking ------------------------------------------------------------------------------------
 */

static void send_to_all(struct world *world, struct sim_request *request)
{
    for (uint32_t to = 0; to < world->plan.n; to++) {
        network_send(world, SIM_CLIENT, to, request->frame);
    }
}

static void wait_for(struct world *world, struct sim_request *request)
{
    struct client *client = &world->clients[request->client];
    request->log_before = check_acknowledged(world);
    request->repeat_us = world->now_us + prng_between(&world->prng, 100000, 600000);
    client->open[client->open_count++] = request;
}

void client_sends(struct world *world, struct sim_request *request)
{
    wait_for(world, request);
    send_to_all(world, request);
}

static void ask(struct world *world, uint32_t number)
{
    struct sim_request *request = request_make(world, number);
    uint64_t dice = prng_below(&world->prng, 100);
    wait_for(world, request);
    if (dice < 15 || world->plan.tell_all) {
        send_to_all(world, request);
        return;
    }
    uint32_t to = dice < 30 ? (uint32_t)prng_below(&world->prng, world->plan.n) : 0;
    network_send(world, SIM_CLIENT, to, request->frame);
}

/* The lowest number that is open; no number reaches it plus the width of the window. */
static bool number_allowed(const struct client *client)
{
    uint64_t lowest = client->next_number;
    for (uint32_t i = 0; i < client->open_count; i++) {
        lowest = client->open[i]->number < lowest ? client->open[i]->number : lowest;
    }
    return client->next_number < lowest + SESSION_WINDOW;
}

void client_wakes(struct world *world, uint32_t number)
{
    struct client *client = &world->clients[number];
    for (uint32_t i = client->open_count; i > 0; i--) {
        struct sim_request *request = client->open[i - 1];
        if (world->now_us < request->repeat_us) {
            continue;
        }
        if (settle_by_receipt(world, request)) {
            client->open[i - 1] = client->open[--client->open_count];
            continue;
        }
        request->repeat_us = world->now_us + prng_between(&world->prng, 100000, 600000);
        send_to_all(world, request);
    }
    bool busy = world->phase == PHASE_STORM ||
                (world->phase == PHASE_HEAL && world->now_us < world->asks_until_us);
    bool governs = number == officer_number(world);
    if (governs && busy && client->open_count < world->plan.govern_outstanding &&
        world->plan.govern_every_us > 0) {
        client_sends(world, officer_ask(world));
    } else if (!governs && busy && client->open_count < world->plan.outstanding &&
               number_allowed(client)) {
        ask(world, number);
    }
    uint64_t pause = governs ? world->plan.govern_every_us : world->plan.think_us;
    pause = busy && pause > 0 ? pause : 20000;
    struct due due = {
        .at_us = world->now_us + 200 + prng_below(&world->prng, pause),
        .kind = DUE_CLIENT,
        .to = number,
    };
    events_add(&world->events, &due);
}

uint32_t clients_waiting(const struct world *world)
{
    uint32_t waiting = 0;
    for (uint32_t i = 0; i <= world->plan.clients; i++) {
        waiting += world->clients[i].open_count;
    }
    return waiting;
}

/* --- Hearing -----------------------------------------------------------------------------------
 */

void clients_told(struct world *world, struct telling *reply)
{
    uint32_t told = 0;
    for (uint32_t i = 0; i < reply->count; i++) {
        const struct sim_request *request = request_find(world, reply->items[i].request_id);
        if (request != NULL && (told >> request->client & 1) == 0) {
            told |= 1u << request->client;
            if (!liar_tells_other(world, reply, request->client)) {
                network_reply(world, reply->rid, request->client, reply);
            }
        }
    }
}

static void attestation_take(struct world *world, struct client *client,
                             const struct telling *reply)
{
    struct attested_height *place = &client->attested[0];
    for (uint32_t i = 0; i < SIM_ATTESTED; i++) {
        struct attested_height *candidate = &client->attested[i];
        if (candidate->height == reply->height &&
            hash_equal(candidate->header_hash, reply->header_hash)) {
            place = candidate;
            break;
        }
        if (candidate->height < place->height) {
            place = candidate;
        }
    }
    if (place->height != reply->height || !hash_equal(place->header_hash, reply->header_hash)) {
        *place = (struct attested_height){.height = reply->height};
        memcpy(place->header_hash, reply->header_hash, HASH_BYTES);
    }
    place->by |= 1u << reply->rid;
    if ((uint32_t)__builtin_popcount(place->by) >= world->cast.q &&
        place->height > client->proven.height) {
        client->proven = *place;
    }
}

static void answer_take(struct sim_request *request, const struct telling *reply,
                        const struct told_item *item)
{
    struct answer *answer = &request->answers[reply->rid];
    if (answer->given && !answer->hint && reply->hint) {
        return; /* a hint takes nothing back */
    }
    *answer = (struct answer){
        .given = true,
        .hint = reply->hint,
        .code = item->code,
        .first_index = item->first_index,
        .count = item->count,
        .height = item->height,
    };
}

void client_hears(struct world *world, uint32_t number, const struct telling *reply)
{
    struct client *client = &world->clients[number];
    for (uint32_t i = 0; i < reply->count; i++) {
        struct sim_request *request = request_find(world, reply->items[i].request_id);
        if (request != NULL && request->client == number) {
            answer_take(request, reply, &reply->items[i]);
        }
    }
    if (!reply->hint) {
        check_client_heard(world, number, reply);
        attestation_take(world, client, reply);
    }
    for (uint32_t i = client->open_count; i > 0; i--) {
        if (settle(world, client, client->open[i - 1])) {
            client->open[i - 1] = client->open[--client->open_count];
        }
    }
}
