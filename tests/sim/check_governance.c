/* Governance by the log alone: what a bundle must come to, who is suspended from which height on,
 * which epochs there are, and the leaves that say what became of proposals. The first of the
 * members proposes everything, and lives long: nothing here depends on deadlines, and the only
 * locks are those of epoch actions while a boundary is pending. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "storage/record.h"
#include "tests/sim/check.h"
#include "tests/sim/officer.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t no_salt[SALT_BYTES];

/* --- Who is suspended --------------------------------------------------------------------------
 */

static void standing_add(struct check_governed *governed, uint64_t height, uint32_t suspended)
{
    if (governed->standing_count == governed->standing_capacity) {
        governed->standing_capacity = 2 * governed->standing_capacity + 16;
        governed->standings = realloc(governed->standings,
                                      governed->standing_capacity * sizeof(governed->standings[0]));
        CHECK(governed->standings != NULL);
    }
    governed->standings[governed->standing_count++] = (struct check_standing){height, suspended};
}

void check_governance_open(struct world *world)
{
    struct check_governed *governed = &world->check->governed;
    governed->version = 1;
    standing_add(governed, 0, 0);
    for (uint32_t i = 0; i < SIM_REPLICAS_MAX; i++) {
        governed->registered[i] = 1;
    }
    check_epochs_open(world);
    world->check->streams[SIM_GOVERNANCE] = 1; /* the charter */
}

uint32_t check_suspended_at(const struct world *world, uint64_t height)
{
    const struct check_governed *governed = &world->check->governed;
    size_t at = governed->standing_count - 1;
    while (governed->standings[at].height > height) {
        at--;
    }
    return governed->standings[at].suspended;
}

uint32_t check_suspended_now(const struct world *world)
{
    return check_suspended_at(world, UINT64_MAX);
}

uint64_t check_replicas_version(const struct world *world)
{
    return world->check->governed.version;
}

bool check_view_barred(const struct world *world, uint64_t height, uint64_t place)
{
    return (check_suspended_at(world, height) >> check_place_primary(world, place) & 1) != 0;
}

bool check_bars(const struct world *world, const struct host *host, uint64_t place)
{
    uint64_t height = host->node->head.height;
    return height < world->check->block_count && check_view_barred(world, height, place);
}

/* --- What becomes of a bundle ------------------------------------------------------------------
 */

static void result_add(struct check_governed *governed, const struct change *change,
                       enum proposal_state state, uint64_t reason, uint64_t activates_at)
{
    CHECK(governed->result_count < SIM_RESULTS_MAX);
    struct check_result *result = &governed->results[governed->result_count++];
    *result = (struct check_result){.state = state, .reason = reason, .activates_at = activates_at};
    memcpy(result->pid, change->pid, HASH_BYTES);
}

static bool begins_epoch(const struct change *change)
{
    return change->action == ACTION_EPOCH_RENEW || change->action == ACTION_REPLICA_KEY_ROTATE;
}

static bool is_current(const struct check_governed *governed, const struct change *change)
{
    return change->version == U64_UNLIMITED || change->version == governed->version;
}

/* Who is suspended once the change is carried out; false when its rule does not hold. */
static bool standing_moves(const struct world *world, const struct change *change,
                           uint32_t *suspended)
{
    bool restores = change->action == ACTION_REPLICA_RESTORE;
    uint32_t bit = 1u << change->subject;
    *suspended = check_suspended_now(world);
    if (restores == ((*suspended & bit) == 0)) {
        return false;
    }
    *suspended ^= bit;
    return restores || (uint32_t)__builtin_popcount(*suspended) <= world->plan.f;
}

/* What stands against it. */
static uint64_t rule(const struct world *world, const struct change *change)
{
    const struct check_governed *governed = &world->check->governed;
    uint32_t suspended = 0;
    switch (change->action) {
    case ACTION_EPOCH_RENEW:
        return RESULT_OK;
    case ACTION_REPLICA_KEY_ROTATE:
        if ((governed->registered[change->subject] >> change->generation & 1) != 0) {
            return E_KEY;
        }
        return change->forged ? E_SIG : RESULT_OK;
    default:
        return standing_moves(world, change, &suspended) ? RESULT_OK : E_PREDICATE;
    }
}

/* An epoch that begins behind a boundary; until then everything stays as it is. */
static void epoch_decide(struct world *world, const struct change *change, uint64_t height)
{
    struct check_governed *governed = &world->check->governed;
    struct sim_epoch *epoch = check_epoch_add(world, height);
    governed->next_moves = change->action == ACTION_REPLICA_KEY_ROTATE;
    if (governed->next_moves) {
        epoch->generation[change->subject] = (uint8_t)change->generation;
        governed->registered[change->subject] |= 1u << change->generation;
        world->tally.rotations++;
    }
    result_add(governed, change, PROPOSAL_ENACTED, RESULT_OK, epoch->first);
    world_trace(world, "height %lu decides epoch %lu, from %lu on", (unsigned long)height,
                (unsigned long)epoch->number, (unsigned long)epoch->first);
}

static void enact(struct world *world, const struct change *change, uint64_t height)
{
    struct check_governed *governed = &world->check->governed;
    uint32_t suspended = 0;
    if (begins_epoch(change)) {
        epoch_decide(world, change, height);
        return;
    }
    CHECK(standing_moves(world, change, &suspended));
    governed->version++;
    standing_add(governed, height, suspended);
    result_add(governed, change, PROPOSAL_ENACTED, RESULT_OK, height);
    world->tally.suspensions += change->action == ACTION_REPLICA_SUSPEND ? 1 : 0;
}

/* One boundary at a time: who comes second waits until the first has passed. */
static bool must_wait(struct world *world, const struct change *change, uint64_t height,
                      uint64_t *until)
{
    uint64_t boundary = check_boundary(world, height);
    if (!begins_epoch(change) || boundary == NO_BOUNDARY) {
        return false;
    }
    *until = boundary + 1;
    result_add(&world->check->governed, change, PROPOSAL_LOCKED, RESULT_OK, *until);
    world->tally.overlaps++;
    return true;
}

uint64_t check_change(struct world *world, const struct check_item *item)
{
    struct check_governed *governed = &world->check->governed;
    const struct change *change = item->request->change;
    struct check_open open = {.change = *change};
    if (!is_current(governed, change)) {
        return E_STALE;
    }
    if (governed->open_count == SIM_OPEN_MAX) {
        return E_PROPOSALS;
    }
    uint64_t code = rule(world, change);
    if (code != RESULT_OK) {
        return code;
    }
    governed->last_height = item->height;
    if (change->votes < SIM_MEMBERS_NEEDED ||
        must_wait(world, change, item->height, &open.until_height)) {
        governed->open[governed->open_count++] = open;
        return RESULT_OK;
    }
    enact(world, change, item->height);
    return RESULT_OK;
}

/* --- What is due -------------------------------------------------------------------------------
 */

static int by_pid(const void *a, const void *b)
{
    const struct check_open *first = a;
    const struct check_open *second = b;
    return memcmp(first->change.pid, second->change.pid, HASH_BYTES);
}

/* Whether it is still to be decided after this block began. */
static bool stays(struct world *world, struct check_open *open, uint64_t height)
{
    struct check_governed *governed = &world->check->governed;
    const struct change *change = &open->change;
    if (!is_current(governed, change)) {
        result_add(governed, change, PROPOSAL_STALE, E_STALE, U64_UNLIMITED);
        return false;
    }
    if (open->until_height == 0 || height < open->until_height ||
        must_wait(world, change, height, &open->until_height)) {
        return true;
    }
    uint64_t code = rule(world, change);
    if (code != RESULT_OK) {
        result_add(governed, change, PROPOSAL_CANCELLED, code, U64_UNLIMITED);
        return false;
    }
    enact(world, change, height);
    return false;
}

/* An epoch that begins; then proposals for an older version of the section, and those that waited
 * for that, by ascending pid. */
void check_due(struct world *world, uint64_t height)
{
    struct check_governed *governed = &world->check->governed;
    uint32_t kept = 0;
    if (check_epoch_at(world, height)->first == height) {
        governed->version += governed->next_moves ? 1 : 0;
        governed->next_moves = false;
    }
    qsort(governed->open, governed->open_count, sizeof(governed->open[0]), by_pid);
    for (uint32_t i = 0; i < governed->open_count; i++) {
        if (stays(world, &governed->open[i], height)) {
            governed->open[kept++] = governed->open[i];
        }
    }
    governed->open_count = kept;
    if (governed->result_count > 0) {
        governed->last_height = height;
    }
}

/* --- Its leaves --------------------------------------------------------------------------------
 */

static void payload_of(const struct check_result *result, struct buffer *out)
{
    uint8_t space[128];
    struct buffer body = buffer_make(space, sizeof(space));
    struct governance_result object = {
        .state = result->state,
        .reason = result->reason,
        .activates_at = result->activates_at,
    };
    memcpy(object.pid, result->pid, HASH_BYTES);
    CHECK(governance_result_encode(&object, &body));
    struct governance_payload whole = {.type = GOV_RESULT, .body = buffer_bytes(&body)};
    CHECK(governance_payload_encode(&whole, out));
}

/* The payload is kept by itself, under its hash. */
static bool is_stored(struct host *host, const uint8_t hash[HASH_BYTES], struct bytes payload)
{
    uint8_t space[512];
    struct buffer record = buffer_make(space, sizeof(space));
    struct record_key key = record_key_payloads(hash);
    struct payloads payloads;
    struct payload found;
    if (store_get(host->store, FAMILY_PAYLOADS, record_key_bytes(&key), &record) != STATUS_OK ||
        payloads_decode(buffer_bytes(&record), &payloads) != WIRE_OK || payloads.list.count != 1) {
        return false;
    }
    struct wire_iter iter = wire_iter_make(payloads.list);
    CHECK(payload_next(&iter, &found));
    return bytes_equal(found.salt, BYTES_OF_ARRAY(no_salt)) && bytes_equal(found.bytes, payload);
}

static bool result_matches(struct world *world, const struct check_item *at,
                           const struct check_result *result, struct wire_iter *leaves)
{
    struct check *check = world->check;
    uint8_t space[2][LEAF_BYTES_MAX];
    struct buffer expected = buffer_make(space[0], sizeof(space[0]));
    struct buffer payload = buffer_make(space[1], sizeof(space[1]));
    struct item_leaf found;
    payload_of(result, &payload);
    struct leaf leaf = {
        .index = check->levels[0].count,
        .height = at->height,
        .time_ms = at->time_ms,
        .kind = LEAF_RESULT,
        .stream = bytes_of_text(stream_name(SIM_GOVERNANCE)),
        .stream_index = check->streams[SIM_GOVERNANCE]++,
        .payload_len = payload.len,
    };
    struct bytes parts[] = {BYTES_OF_ARRAY(no_salt), buffer_bytes(&payload)};
    hash_parts(parts, 2, leaf.payload_hash);
    memcpy(leaf.request_id, result->pid, HASH_BYTES);
    CHECK(leaf_encode(&leaf, &expected));
    if (!item_leaf_next(leaves, &found) || !bytes_equal(found.value, buffer_bytes(&expected)) ||
        !is_stored(at->host, leaf.payload_hash, buffer_bytes(&payload))) {
        return false;
    }
    check_leaf_append(check, found.value);
    return true;
}

bool check_results_match(struct world *world, const struct check_item *at, struct wire_iter *leaves)
{
    struct check_governed *governed = &world->check->governed;
    bool match = true;
    for (uint32_t i = 0; i < governed->result_count && match; i++) {
        match = result_matches(world, at, &governed->results[i], leaves);
    }
    governed->result_count = 0;
    return match;
}
