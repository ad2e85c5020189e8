/* One replica as the server runs it: a node, a disk, and the three rules of outbox.h between them.
 *
 * Every step's puts are staged at once and safe when the disk has synced; actions wait in a queue
 * until everything staged before them is safe. A crash keeps some prefix of what was staged and
 * nothing that waited. */
#include "tests/sim/check.h"
#include "tests/sim/client.h"
#include "tests/sim/world.h"

#include "governance/session.h"
#include "replica/core/node_parts.h"
#include "storage/record.h"

#include <stdlib.h>
#include <string.h>

#define POOL_BYTES ((size_t)32 << 20)
#define RESTART_US_MAX 1500000

uint64_t host_wall_ms(const struct world *world, const struct host *host)
{
    return (uint64_t)((int64_t)(SIM_WALL_MS + world_ms(world)) + host->skew_ms);
}

static void trace_line(void *context, const char *line)
{
    const struct world *world = ((void **)context)[0];
    const struct host *host = ((void **)context)[1];
    world_trace(world, "r%u %s", host->rid, line);
}

/* --- Actions -----------------------------------------------------------------------------------
 */

static void frame_leave(struct world *world, struct host *host, uint32_t to, struct blob *frame)
{
    bool lies = (world->plan.liars >> host->rid & 1) != 0 && to != host->rid;
    if (!lies || liar_sends(world, host, to, frame)) {
        network_send(world, host->rid, to, frame);
    }
}

static void action_do(struct world *world, struct host *host, const struct held *held)
{
    switch (held->kind) {
    case ACTION_SEND:
        check_leaving(world, host, held->frame);
        frame_leave(world, host, held->to, held->frame);
        break;
    case ACTION_BROADCAST:
        check_leaving(world, host, held->frame);
        for (uint32_t to = 0; to < world->plan.n; to++) {
            if (to != host->rid) {
                frame_leave(world, host, to, held->frame);
            }
        }
        break;
    case ACTION_EXECUTED:
    case ACTION_KNOWN:
    case ACTION_REFUSED:
        if (held->reply == NULL) {
            break;
        }
        check_reply(world, host, held->reply);
        if ((world->plan.liars >> host->rid & 1) != 0) {
            liar_replies(world, held->reply);
        }
        liars_overhear(world, held->reply);
        clients_told(world, held->reply);
        break;
    case ACTION_EVIDENCE:
        check_evidence(world, host, blob_bytes(held->frame));
        break;
    case ACTION_HALT:
        if (world->plan.other_side != 0 && world->phase == PHASE_REST) {
            host->cut_off = true; /* it has met another log than its own, and must stop */
            break;
        }
        world_fail(world, "halt", host->rid, "the node halted: %.*s", (int)held->frame->len,
                   (const char *)held->frame->data);
        break;
    case ACTION_CHECKPOINT:
    case ACTION_PIN:
    case ACTION_ROSTER:
    case ACTION_ALARM:
        break;
    }
}

static void held_drop(struct held *held)
{
    blob_drop(held->frame);
    if (held->reply != NULL) {
        telling_drop(held->reply);
    }
}

static void held_release(struct world *world, struct host *host)
{
    for (size_t i = 0; i < host->held_count; i++) {
        if (!world->failed) {
            action_do(world, host, &host->held[i]);
        }
        held_drop(&host->held[i]);
    }
    host->held_count = 0;
}

/* A request that was ordered twice has E_REPLAY in the second block; its author is told what the
 * first one brought. */
static void first_result(const struct world *world, const struct host *host,
                         const struct item_outcome *item, struct told_item *out)
{
    struct session_result result;
    if (item->code != E_REPLAY) {
        return;
    }
    const struct sim_request *request = request_find(world, item->request_id);
    if (request != NULL &&
        session_result_find(node_state(host->node), world->clients[request->client].session,
                            request->number, &result) &&
        memcmp(result.request_id, item->request_id, HASH_BYTES) == 0) {
        out->code = result.code;
        out->first_index = result.first_index;
        out->count = result.count;
        out->height = result.height;
    }
}

static struct telling *reply_of_block(const struct world *world, const struct host *host,
                                      const struct block_outcome *outcome)
{
    struct telling *reply = telling_make(host->rid, outcome->item_count);
    telling_attest(reply, outcome->attest);
    for (uint32_t i = 0; i < outcome->item_count; i++) {
        const struct item_outcome *item = &outcome->items[i];
        struct told_item *out = &reply->items[i];
        *out = (struct told_item){
            .code = item->code,
            .first_index = item->first_index,
            .count = item->count,
            .height = outcome->height,
        };
        memcpy(out->request_id, item->request_id, HASH_BYTES);
        first_result(world, host, item, out);
    }
    return reply;
}

/* The head's attestation, out of the store as a host has it. */
static void attest_of_head(struct host *host, struct telling *reply)
{
    uint8_t space[4096];
    uint8_t body_space[1024];
    struct buffer record = buffer_make(space, sizeof(space));
    struct buffer body = buffer_make(body_space, sizeof(body_space));
    struct record_key key = record_key_journal('H', 0);
    struct head_record head;
    CHECK(store_get(host->store, FAMILY_JOURNAL, record_key_bytes(&key), &record) == STATUS_OK);
    CHECK(head_record_decode(buffer_bytes(&record), &head) == WIRE_OK);
    struct attest attest = {.header = head.header};
    memcpy(attest.note_sig, head.note_sig, SIG_BYTES);
    memcpy(attest.cosig, head.cosig, SIG_BYTES);
    CHECK(attest_encode(&attest, &body));
    telling_attest(reply, buffer_bytes(&body));
}

static struct telling *reply_of_one(struct host *host, const struct action *action)
{
    struct telling *reply = telling_make(host->rid, 1);
    reply->hint = action->kind == ACTION_REFUSED;
    if (!reply->hint) {
        attest_of_head(host, reply);
    }
    reply->items[0] = (struct told_item){
        .code = action->code,
        .first_index = action->first_index,
        .count = action->count,
        .height = action->height,
    };
    memcpy(reply->items[0].request_id, action->request_id, HASH_BYTES);
    return reply;
}

static struct held held_make(const struct world *world, struct host *host,
                             const struct action *action)
{
    struct held held = {.kind = action->kind, .to = action->to};
    switch (action->kind) {
    case ACTION_SEND:
    case ACTION_BROADCAST:
        held.frame = blob_make(
            bytes_slice(action->frame, FRAME_HEADER_BYTES, action->frame.len - FRAME_HEADER_BYTES));
        break;
    case ACTION_EXECUTED:
        if (node_may_sign(host->node)) {
            held.reply = reply_of_block(world, host, action->outcome);
        }
        break;
    case ACTION_KNOWN:
    case ACTION_REFUSED:
        if (node_may_sign(host->node)) {
            held.reply = reply_of_one(host, action);
        }
        break;
    case ACTION_EVIDENCE:
    case ACTION_CHECKPOINT:
        held.frame = blob_make(action->frame);
        break;
    case ACTION_ALARM:
    case ACTION_HALT:
        held.frame = blob_make(bytes_of_text(action->text));
        break;
    case ACTION_PIN:
    case ACTION_ROSTER:
        break;
    }
    return held;
}

static void actions_hold(struct world *world, struct host *host)
{
    const struct outbox *outbox = &world->outbox;
    for (uint32_t i = 0; i < outbox->action_count; i++) {
        if (host->held_count == host->held_capacity) {
            host->held_capacity = host->held_capacity == 0 ? 64 : 2 * host->held_capacity;
            host->held = realloc(host->held, host->held_capacity * sizeof(host->held[0]));
            CHECK(host->held != NULL);
        }
        host->held[host->held_count++] = held_make(world, host, &outbox->actions[i]);
    }
}

/* --- Steps -------------------------------------------------------------------------------------
 */

static void outbox_note(struct world *world, const struct outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->put_count; i++) {
        world_note(world, outbox->puts[i].key);
        world_note(world, outbox->puts[i].value);
    }
    for (uint32_t i = 0; i < outbox->action_count; i++) {
        world_note(world, outbox->actions[i].frame);
    }
}

void host_synced(struct world *world, struct host *host)
{
    host->syncing = false;
    CHECK(store_memory_sync(host->store) == STATUS_OK);
    check_durable(world, host);
    if (world->phase == PHASE_STORM && world->plan.crash_every_us > 0 &&
        prng_chance(&world->prng, 2) && hosts_may_fail(world, host->rid)) {
        host_crash(world, host); /* synced, and not a word of it said */
        return;
    }
    held_release(world, host);
}

static void flight_begin(struct world *world, struct host *host)
{
    if (host->syncing || host->held_count + store_memory_unsynced(host->store) == 0) {
        return;
    }
    if (store_memory_unsynced(host->store) == 0) {
        held_release(world, host);
        return;
    }
    if (world->plan.sync_us == 0) {
        host_synced(world, host);
        return;
    }
    struct due due = {
        .at_us = world->now_us + 1 + prng_below(&world->prng, world->plan.sync_us),
        .kind = DUE_SYNC,
        .to = host->rid,
        .life = host->life,
    };
    host->syncing = true;
    events_add(&world->events, &due);
}

static void wake_at(struct world *world, struct host *host, uint64_t wake_ms)
{
    if (wake_ms == UINT64_MAX) {
        return;
    }
    uint64_t at_us = wake_ms * 1000;
    at_us = at_us > world->now_us ? at_us : world->now_us + 1;
    if (host->tick_at_us <= at_us) {
        return;
    }
    host->tick_at_us = at_us;
    struct due due = {.at_us = at_us, .kind = DUE_TICK, .to = host->rid, .life = host->life};
    events_add(&world->events, &due);
}

/* Of the state as this step left it; what it shows is proven to whoever fetches it, so it need not
 * be durable. */
static void pictures_take(struct world *world, struct host *host)
{
    for (uint32_t i = 0; i < world->outbox.action_count; i++) {
        if (world->outbox.actions[i].kind == ACTION_PIN) {
            answer_pin(world, host, world->outbox.actions[i].height);
        }
    }
}

static enum drop step_once(struct world *world, struct host *host, struct event *event)
{
    struct outbox *outbox = &world->outbox;
    event->now_ms = world_ms(world);
    event->wall_ms = host_wall_ms(world, host);
    enum drop drop = node_step(host->node, event, outbox);
    world->tally.steps++;
    check_step(world, host, event, drop, outbox);
    outbox_note(world, outbox);
    if (outbox->put_count > 0) {
        CHECK(store_memory_stage(host->store, outbox->puts, outbox->put_count) == STATUS_OK);
    }
    pictures_take(world, host);
    actions_hold(world, host);
    return drop;
}

static void step(struct world *world, struct host *host, struct event *event)
{
    uint32_t life = host->life;
    (void)step_once(world, host, event);
    while (world->outbox.again && !world->failed) {
        struct event tick = {.kind = EVENT_TICK};
        (void)step_once(world, host, &tick);
    }
    forget_look(world, host);
    wake_at(world, host, world->outbox.wake_ms);
    flight_begin(world, host);
    CHECK(host->life == life || !host->up);
}

/* Whether the node is to hear of the frame. Every copy of one is judged alike by nodes of one
 * epoch: they have the same keys, so what job_verify said of the first counts for all. */
static enum drop frame_judge(struct world *world, struct host *host, uint32_t from,
                             struct blob *frame)
{
    struct bytes bytes = blob_bytes(frame);
    struct verify_job job;
    uint64_t epoch = host->node->epoch;
    bool judged = frame->judged && frame->epoch == epoch;
    bool good = judged && frame->verdict == DROP_NONE;
    enum drop drop = node_inspect(host->node, from, bytes, good ? NULL : &job);
    if (good || drop != DROP_NONE) {
        return drop;
    }
    if (!judged) {
        frame->verdict = job_verify(&job, bytes, 0, 1, NULL);
        frame->judged = true;
        frame->epoch = epoch;
    }
    if (frame->verdict != DROP_NONE && job_refusal_matters(&job, frame->verdict)) {
        struct event refused = {
            .kind = EVENT_REFUSED, .from = from, .frame = bytes, .verdict = frame->verdict};
        step(world, host, &refused);
    }
    return frame->verdict;
}

void host_frame(struct world *world, struct host *host, uint32_t from, struct blob *frame)
{
    struct bytes bytes = blob_bytes(frame);
    world->tally.messages++;
    if (blob_type(frame) == MESSAGE_FETCH) {
        answer_fetch(world, host, from, bytes);
        return;
    }
    enum drop drop = frame_judge(world, host, from, frame);
    if (drop != DROP_NONE) {
        if (!world->story) {
            world_trace(world, "r%u drops a frame: %s", host->rid, drop_text(drop));
        }
        return;
    }
    if ((world->plan.liars >> host->rid & 1) != 0) {
        liar_hears(world, frame);
        if (liar_keeps(world, from, frame)) {
            return;
        }
    }
    struct event event = {.kind = EVENT_MESSAGE, .from = from, .frame = bytes};
    step(world, host, &event);
}

void host_tick(struct world *world, struct host *host, uint64_t at_us)
{
    if (host->tick_at_us != at_us) {
        return; /* it wanted to be woken earlier, and was */
    }
    host->tick_at_us = UINT64_MAX;
    struct event event = {.kind = EVENT_TICK};
    step(world, host, &event);
}

/* --- Life and death ----------------------------------------------------------------------------
 */

struct restoring {
    struct put *puts;
    size_t count;
    size_t capacity;
    enum family family;
};

static bool record_take(void *context, struct bytes key, struct bytes value)
{
    struct restoring *all = context;
    if (all->count == all->capacity) {
        all->capacity = all->capacity == 0 ? 256 : 2 * all->capacity;
        all->puts = realloc(all->puts, all->capacity * sizeof(all->puts[0]));
        CHECK(all->puts != NULL);
    }
    uint8_t *copy = malloc(key.len + value.len + 1);
    CHECK(copy != NULL);
    memcpy(copy, key.data, key.len);
    if (value.len > 0) {
        memcpy(copy + key.len, value.data, value.len);
    }
    all->puts[all->count++] = (struct put){
        .family = all->family,
        .key = bytes_make(copy, key.len),
        .value = bytes_make(copy + key.len, value.len),
    };
    return true;
}

/* Every record of state and journal, in any order. */
static void restore(struct world *world, struct host *host)
{
    struct restoring all = {.family = FAMILY_STATE};
    CHECK(store_scan(host->store, FAMILY_STATE, BYTES_EMPTY, record_take, &all) == STATUS_OK);
    all.family = FAMILY_JOURNAL;
    CHECK(store_scan(host->store, FAMILY_JOURNAL, BYTES_EMPTY, record_take, &all) == STATUS_OK);
    for (size_t i = all.count; i > 0; i--) {
        size_t other = prng_below(&world->prng, i);
        struct put put = all.puts[other];
        all.puts[other] = all.puts[i - 1];
        all.puts[i - 1] = put;
    }
    for (size_t i = 0; i < all.count; i++) {
        struct event event = {.kind = EVENT_RESTORED, .record = all.puts[i]};
        enum drop drop = step_once(world, host, &event);
        if (drop != DROP_NONE) {
            world_fail(world, "restore", host->rid, "a stored record was not taken: %s",
                       drop_text(drop));
        }
        free((void *)(uintptr_t)all.puts[i].key.data);
    }
    free(all.puts);
}

void host_start(struct world *world, struct host *host)
{
    static void *contexts[SIM_REPLICAS_MAX][2];
    struct cast *cast = &world->cast;
    struct node_key keys[SIM_GENERATIONS];
    for (uint32_t i = 0; i < SIM_GENERATIONS; i++) {
        const struct replica_keys *pairs = &cast->keys[host->rid][i];
        keys[i] = (struct node_key){pairs->sign.seed, pairs->cosign.seed};
    }
    struct node_config config = {
        .charter_file = bytes_make(cast->charter_file, cast->charter_file_len),
        .rid = host->rid,
        .scheme = cast->scheme,
        .keys = keys,
        .key_count = SIM_GENERATIONS,
        .jitter_seed = prng_next(&world->prng),
        .pool_bytes = POOL_BYTES,
        .snapshot_span = world->plan.snapshot_span,
        .state_records_max = SIM_STATE_RECORDS,
        .state_bytes_max = SIM_STATE_BYTES,
    };
    CHECK(node_open(&config, &host->node) == STATUS_OK);
    if (world->trace) {
        contexts[host->rid][0] = world;
        contexts[host->rid][1] = host;
        node_trace_to(host->node, trace_line, contexts[host->rid]);
    }
    host->up = true;
    host->life++;
    host->tick_at_us = UINT64_MAX;
    restore(world, host);
    struct event event = {.kind = EVENT_STARTED};
    step(world, host, &event);
    if (host->up) {
        check_started(world, host);
        world_trace(world, "r%u up", host->rid);
    }
}

bool hosts_may_fail(const struct world *world, uint32_t rid)
{
    uint32_t failing = 0;
    for (uint32_t i = 0; i < world->plan.n; i++) {
        const struct host *host = &world->hosts[i];
        bool lies = ((world->plan.liars | world->forgot) >> i & 1) != 0;
        failing += i == rid || !host->up || host->cut_off || lies ? 1 : 0;
    }
    return failing <= world->plan.f;
}

/* Who forgets stays faulty, while who is down or cut off comes back: only what stays counts. */
bool hosts_may_forget(const struct world *world, uint32_t rid)
{
    uint32_t faulty = world->plan.liars | world->forgot | 1u << rid;
    return (uint32_t)__builtin_popcount(faulty) <= world->plan.f;
}

void host_crash(struct world *world, struct host *host)
{
    size_t unsynced = store_memory_unsynced(host->store);
    size_t keep = unsynced == 0 ? 0 : prng_below(&world->prng, unsynced + 1);
    world_trace(world, "r%u crashes and keeps %zu of %zu flights", host->rid, keep, unsynced);
    answer_unpin(world, host);
    store_memory_crash(host->store, keep);
    for (size_t i = 0; i < host->held_count; i++) {
        held_drop(&host->held[i]);
    }
    host->held_count = 0;
    host->syncing = false;
    host->up = false;
    node_close(host->node);
    host->node = NULL;
    world->tally.crashes++;
    struct due due = {
        .at_us = world->now_us + prng_between(&world->prng, 1000, RESTART_US_MAX),
        .kind = DUE_RESTART,
        .to = host->rid,
    };
    events_add(&world->events, &due);
    check_crashed(world, host);
}

void host_open(struct world *world, uint32_t rid)
{
    struct host *host = &world->hosts[rid];
    *host = (struct host){.rid = rid, .tick_at_us = UINT64_MAX};
    CHECK(store_memory_open(&host->store) == STATUS_OK);
    uint64_t skew = prng_below(&world->prng, 2 * world->plan.skew_ms + 1);
    host->skew_ms = (int64_t)skew - (int64_t)world->plan.skew_ms;
    host_start(world, host);
}

void host_close(struct world *world, struct host *host)
{
    answer_unpin(world, host);
    for (size_t i = 0; i < host->held_count; i++) {
        held_drop(&host->held[i]);
    }
    free(host->held);
    node_close(host->node);
    if (host->store != NULL) {
        store_close(host->store);
    }
    if (host->picture != NULL) {
        store_close(host->picture);
    }
    *host = (struct host){0};
}
