/* The runs that must work, of PROTOCOL: each was a hole in a draft of the design. */
#include "crypto/hash.h"
#include "tests/sim/client.h"
#include "tests/sim/script.h"

#include <string.h>

struct node_look script_look(const struct world *world, uint32_t rid)
{
    struct node_look look = {0};
    if (world->hosts[rid].up) {
        node_look(world->hosts[rid].node, &look);
    }
    return look;
}

bool script_envelope(const struct blob *frame, struct envelope *out)
{
    size_t used = 0;
    return schema_decode_front(&schema_envelope, blob_bytes(frame), out, &used) == WIRE_OK;
}

bool script_vote(const struct envelope *envelope, struct vote *out)
{
    return vote_decode(envelope->body, out) == WIRE_OK;
}

/* A proposal of view 0 never arrives: the primary is silent. */
static bool is_first_proposal(const struct envelope *envelope)
{
    struct vote vote;
    return envelope->type == MESSAGE_PRE_PREPARE && script_vote(envelope, &vote) && vote.view == 0;
}

static void ends_in_view(struct world *world, uint64_t view, uint64_t blocks)
{
    if (world->check->view_entered >= view && script_blocks(world) >= blocks) {
        world->stage = STAGE_DONE;
    }
}

/* --- 1. A later slot prepared with a time above that of an earlier one ------------------------
 */

#define LOST_SLOT 5
#define AHEAD_MS 10000 /* of the first primary's clock */

static void time_plan(struct plan *plan)
{
    plan->batch_items = 1;
    plan->outstanding = 16;
    plan->think_us = 200;
}

static void time_step(struct world *world)
{
    world->hosts[0].skew_ms = AHEAD_MS;
    ends_in_view(world, 1, 16);
}

static bool time_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    struct envelope envelope;
    struct vote vote;
    (void)world;
    (void)from;
    (void)to;
    if (!script_envelope(frame, &envelope)) {
        return true;
    }
    if (is_first_proposal(&envelope)) {
        CHECK(script_vote(&envelope, &vote));
        return vote.sequence != LOST_SLOT;
    }
    return envelope.type != MESSAGE_COMMIT || !script_vote(&envelope, &vote) || vote.view > 0 ||
           vote.sequence < LOST_SLOT;
}

static void time_judge(struct world *world)
{
    const struct check_block *blocks = world->check->blocks;
    if (!hash_is_zero(blocks[LOST_SLOT].batch_digest) ||
        hash_is_zero(blocks[LOST_SLOT + 1].batch_digest)) {
        world_fail(world, "run", SIM_NOBODY, "the later slot alone was to be prepared");
    }
    uint64_t last = script_blocks(world) - 1;
    if (blocks[last].time_ms < blocks[LOST_SLOT + 1].time_ms) {
        world_fail(world, "I6", SIM_NOBODY, "T fell");
    }
}

/* --- 2. Three in two views --------------------------------------------------------------------
 */

/* r1 is faulty: the primary of view 1, whose VIEW-CHANGE reaches r0 only. r3 has no part in the
 * complaints, and hears of VIEW-CHANGEs when r0 has gone on to view 2. */
static bool smaller_passes(struct world *world, uint32_t from, uint32_t to,
                           const struct blob *frame)
{
    struct envelope envelope;
    if (!script_envelope(frame, &envelope)) {
        return true;
    }
    bool change = envelope.type == MESSAGE_VIEW_CHANGE;
    if (is_first_proposal(&envelope)) {
        return false;
    }
    if (to == 3 && (envelope.type == MESSAGE_REQUEST || envelope.type == MESSAGE_COMPLAIN)) {
        return false;
    }
    if (to == 3 && change && world->stage == 0) {
        return false;
    }
    if (from == 1) {
        return change ? to == 0
                      : envelope.type == MESSAGE_COMPLAIN || envelope.type == MESSAGE_CHALLENGE;
    }
    return true;
}

static void smaller_step(struct world *world)
{
    if (world->stage == 0 && script_look(world, 0).view == 2) {
        world->stage = 1;
        if (script_look(world, 2).view != 1 || script_look(world, 3).view != 0) {
            world_fail(world, "run", SIM_NOBODY, "r2 was to be in CHANGING(1), r3 in view 0");
        }
    }
    struct node_look look = script_look(world, 2);
    if (world->stage == 1 && look.view >= 2 && look.mode == MODE_ACTIVE) {
        world->stage = STAGE_DONE;
    }
}

/* --- 3. Complaints ----------------------------------------------------------------------------
 */

static void complaints_plan(struct plan *plan)
{
    plan->clients = 3;
}

/* The first complaint of each is lost; each request is known to some backups only. mark: by sender,
 * when it first complained */
static bool complaints_pass(struct world *world, uint32_t from, uint32_t to,
                            const struct blob *frame)
{
    struct envelope envelope;
    if (!script_envelope(frame, &envelope)) {
        return true;
    }
    if (envelope.type == MESSAGE_REQUEST) {
        return from == SIM_CLIENT && to > 0 && prng_chance(&world->prng, 330);
    }
    if (envelope.type == MESSAGE_COMPLAIN) {
        uint64_t *first = &world->mark[from];
        *first = *first == 0 ? world->now_us : *first;
        return world->now_us > *first;
    }
    return !is_first_proposal(&envelope);
}

/* Long before the requests are too old to wait for. */
#define COMPLAINTS_US_MAX 8000000

static void complaints_step(struct world *world)
{
    if (world->now_us > COMPLAINTS_US_MAX) {
        world_fail(world, "run", SIM_NOBODY, "nobody hears that all complain");
    }
    ends_in_view(world, 1, 4);
}

static void two_plan(struct plan *plan)
{
    plan->clients = 1;
    plan->outstanding = 1;
    plan->view_timeout_ms = 150;
}

/* The client's request reaches r1 and r2, once; what these pass on to the primary at once is lost.
 */
static bool two_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    struct envelope envelope;
    uint8_t hash[HASH_BYTES];
    if (!script_envelope(frame, &envelope) || envelope.type != MESSAGE_REQUEST) {
        return true;
    }
    hash_bytes(blob_bytes(frame), hash);
    uint64_t word = check_word(hash);
    uint64_t *mark = &world->mark[from == SIM_CLIENT ? 4 + to : from];
    bool again = *mark == word;
    *mark = word;
    if (from == SIM_CLIENT) {
        return (to == 1 || to == 2) && !again;
    }
    return to != 0 || again;
}

static void two_step(struct world *world)
{
    if (world->check->view_complained != 0) {
        world_fail(world, "run", SIM_NOBODY, "the primary is blamed for what it never saw");
    }
    ends_in_view(world, 0, 12);
}

/* --- A client that the primary does not hear --------------------------------------------------
 */

/* What the first client asks reaches the primary by no way, while it serves the second. */
static bool censor_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    struct envelope envelope;
    struct request_parcel parcel;
    struct item item;
    uint8_t id[HASH_BYTES];
    size_t used = 0;
    (void)from;
    if (to != 0 ||
        schema_decode_front(&schema_envelope, blob_bytes(frame), &envelope, &used) != WIRE_OK) {
        return true;
    }
    if (envelope.type != MESSAGE_REQUEST) {
        return envelope.type != MESSAGE_COMPLAIN; /* the request comes along with it */
    }
    struct bytes rest = bytes_slice(blob_bytes(frame), used, frame->len - used);
    if (request_parcel_decode(rest, &parcel) != WIRE_OK ||
        item_decode(parcel.item, &item) != WIRE_OK) {
        return true;
    }
    statement_id(TAG_REQUEST, world->cast.cluster_id, item.request, id);
    const struct sim_request *request = request_find(world, id);
    return request == NULL || request->client != 0;
}

static void censor_step(struct world *world)
{
    for (size_t i = 0; i < world->requests->count; i++) {
        const struct sim_request *request = world->requests->all[i];
        if (request->client == 0 && request->fate == FATE_ACKNOWLEDGED) {
            world->stage = STAGE_DONE;
        }
    }
}

/* --- 7. Reading what was just acknowledged ----------------------------------------------------
 */

#define READS 12
#define DELAYED_US 300000
#define READ_US_MAX 1500000

static void read_plan(struct plan *plan)
{
    plan->clients = 2;
    plan->outstanding = 1;
    plan->think_us = 5000000;
}

/* Attestations are delayed as long as the head is new. */
static bool read_passes(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    struct envelope envelope;
    (void)from;
    (void)to;
    return !script_envelope(frame, &envelope) || envelope.type != MESSAGE_ATTEST ||
           world->now_us > world->mark[4] + DELAYED_US;
}

/* Of Q answers, those that know least, the highest. */
static uint64_t worst_read(const struct world *world)
{
    uint64_t heights[SIM_REPLICAS_MAX];
    for (uint32_t i = 0; i < world->plan.n; i++) {
        uint64_t height = world->check->hosts[i].durable;
        uint32_t at = i;
        for (; at > 0 && heights[at - 1] > height; at--) {
            heights[at] = heights[at - 1];
        }
        heights[at] = height;
    }
    return heights[world->cast.q - 1];
}

/* mark: 0 what the read must cover, 1 its height, 2 until when, 3 how many, 4 the head's age, 5 its
 * height. */
static void read_step(struct world *world)
{
    uint64_t *mark = world->mark;
    uint64_t noted = 0;
    if (script_blocks(world) != mark[5]) {
        mark[5] = script_blocks(world);
        mark[4] = world->now_us;
    }
    for (uint32_t i = 0; i < world->plan.n; i++) {
        uint64_t one = world->check->hosts[i].noted;
        noted = one > noted ? one : noted;
    }
    if (world->stage == 0 && check_acknowledged(world) > mark[0]) {
        mark[0] = check_acknowledged(world);
        mark[1] = worst_read(world);
        mark[2] = world->now_us + READ_US_MAX;
        world->stage = 1;
        if (world->check->blocks[mark[1]].tree_size < mark[0]) {
            world_fail(world, "I8", SIM_NOBODY, "a linearizable read misses what was acknowledged");
        }
    }
    if (world->stage == 1 && noted >= mark[1]) {
        mark[3]++;
        world->stage = mark[3] == READS ? STAGE_DONE : 0;
    } else if (world->stage == 1 && world->now_us > mark[2]) {
        world_fail(world, "run", SIM_NOBODY, "nobody can prove the head %lu to readers",
                   (unsigned long)mark[1]);
    }
}

/* --- The list ----------------------------------------------------------------------------------
 */

static const struct script protocol_scripts[] = {
    {
        .name = "time-never-falls",
        .promise = "run 1: a slot prepared with a later time than one that a new view fills",
        .plan = time_plan,
        .step = time_step,
        .passes = time_passes,
        .judge = time_judge,
    },
    {
        .name = "smaller-view",
        .promise = "run 2: two are changing to view 1, a third joins them, their primary is gone",
        .step = smaller_step,
        .passes = smaller_passes,
        .absent = 1u << 1,
    },
    {
        .name = "complaints-lost",
        .promise =
            "run 3: complaints are lost, about different requests: the view ends all the same",
        .plan = complaints_plan,
        .step = complaints_step,
        .passes = complaints_pass,
    },
    {
        .name = "request-to-two",
        .promise =
            "run 3: a request that two backups have reaches the primary, which keeps its view",
        .plan = two_plan,
        .step = two_step,
        .passes = two_passes,
    },
    {
        .name = "censored-client",
        .promise = "run 3, B09 B12: who is served beside it does not make a client wait for ever",
        .step = censor_step,
        .passes = censor_passes,
    },
    {
        .name = "read-after-append",
        .promise = "run 7: a linearizable read covers what was acknowledged, attestations delayed",
        .plan = read_plan,
        .step = read_step,
        .passes = read_passes,
    },
};

#define PROTOCOL_SCRIPTS (uint32_t)(sizeof(protocol_scripts) / sizeof(protocol_scripts[0]))

const struct script *script_at(uint32_t number)
{
    if (number < PROTOCOL_SCRIPTS) {
        return &protocol_scripts[number];
    }
    number -= PROTOCOL_SCRIPTS;
    if (number < disk_script_count) {
        return &disk_scripts[number];
    }
    number -= disk_script_count;
    if (number < snapshot_script_count) {
        return &snapshot_scripts[number];
    }
    number -= snapshot_script_count;
    if (number < view_script_count) {
        return &view_scripts[number];
    }
    number -= view_script_count;
    if (number < governed_script_count) {
        return &governed_scripts[number];
    }
    number -= governed_script_count;
    if (number < epoch_script_count) {
        return &epoch_scripts[number];
    }
    number -= epoch_script_count;
    if (number < liar_script_count) {
        return &liar_scripts[number];
    }
    number -= liar_script_count;
    return number < fork_script_count ? &fork_scripts[number] : NULL;
}

const struct script *script_find(const char *name)
{
    const struct script *script = NULL;
    for (uint32_t i = 0; (script = script_at(i)) != NULL; i++) {
        if (strcmp(script->name, name) == 0) {
            return script;
        }
    }
    return NULL;
}

void script_plan(const struct script *script, struct plan *plan)
{
    *plan = (struct plan){
        .seed = 1,
        .n = 4,
        .f = 1,
        .steps = UINT32_MAX,
        .interval = 16,
        .window = 32,
        .snapshot_span = 64,
        .in_flight = 8,
        .batch_items = 4,
        .view_timeout_ms = 200,
        .view_timeout_max_ms = 1600,
        .delay_us = 1000,
        .jitter_us = 1,
        .slow_us = 1,
        .sync_us = 500,
        .clients = 2,
        .outstanding = 4,
        .think_us = 5000,
        .liars = script->liars,
        .lies = script->lies,
        .only_twist = script->only_twist,
        .only_view_lie = script->only_view_lie,
    };
    if (script->plan != NULL) {
        script->plan(plan);
    }
}
