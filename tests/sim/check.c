#include "tests/sim/check.h"

#include "replica/core/node_parts.h"
#include "storage/record.h"

#include <stdlib.h>
#include <string.h>

void check_open(struct world *world)
{
    world->check = calloc(1, sizeof(*world->check));
    CHECK(world->check != NULL);
    check_governance_open(world);
}

void check_close(struct world *world)
{
    struct check *check = world->check;
    free(check->blocks);
    free(check->heard);
    free(check->governed.standings);
    for (unsigned i = 0; i < SIM_LEVELS; i++) {
        free(check->levels[i].hashes);
    }
    for (uint32_t i = 0; i < SIM_CLIENTS_MAX; i++) {
        free(check->sessions[i].used);
    }
    for (uint32_t i = 0; i < SIM_REPLICAS_MAX; i++) {
        free(check->hosts[i].voted);
        free(check->hosts[i].taken);
        free(check->hosts[i].pending);
    }
    free(check);
}

/* --- Puts of a step ----------------------------------------------------------------------------
 */

static void pending_add(struct check_host *seen, uint64_t height)
{
    if (seen->pending_count == seen->pending_capacity) {
        seen->pending_capacity = seen->pending_capacity == 0 ? 64 : 2 * seen->pending_capacity;
        seen->pending = realloc(seen->pending, seen->pending_capacity * sizeof(seen->pending[0]));
        CHECK(seen->pending != NULL);
    }
    seen->pending[seen->pending_count++] = height;
}

/* The blocks that are missing after this step, as it says. */
static struct gap_record gap_after(const struct check_host *seen, const struct outbox *outbox)
{
    struct gap_record gap = {.first = seen->gap_first, .last = seen->gap_last};
    for (uint32_t i = 0; i < outbox->put_count; i++) {
        const struct put *put = &outbox->puts[i];
        if (put->family != FAMILY_JOURNAL || put->key.data[0] != 'g') {
            continue;
        }
        if (put->erase) {
            gap = (struct gap_record){0};
        } else {
            CHECK(gap_record_decode(put->value, &gap) == WIRE_OK);
        }
    }
    return gap;
}

/* A snapshot may carry the head over blocks that are then missing; they come from the top down. */
static bool may_be_next(const struct world *world, const struct check_host *seen, uint64_t height,
                        const struct gap_record *after)
{
    uint64_t next = seen->has_genesis ? seen->staged + 1 : 0;
    if (height > next && height % (world->plan.interval * world->plan.snapshot_span) == 0) {
        uint64_t first = seen->gap_last == 0 ? next : seen->gap_first;
        return after->first == first && after->last == height - 1;
    }
    return height == next || (seen->gap_last != 0 && height == seen->gap_last);
}

static void block_put_seen(struct world *world, struct host *host, const struct put *put,
                           const struct gap_record *after)
{
    struct check_host *seen = &world->check->hosts[host->rid];
    enum record_block kind = RECORD_HEADER;
    uint64_t height = 0;
    if (!record_read_block(put->key, &kind, &height) || kind != RECORD_HEADER) {
        return;
    }
    if (!may_be_next(world, seen, height, after)) {
        world_fail(world, "I2", host->rid, "height %lu comes after %lu, and %lu to %lu are missing",
                   (unsigned long)height, (unsigned long)seen->staged,
                   (unsigned long)seen->gap_first, (unsigned long)seen->gap_last);
    }
    world->tally.snapshots += seen->has_genesis && height > seen->staged + 1 ? 1 : 0;
    if (seen->gap_last != 0 && height == seen->gap_last) {
        bool whole = height == seen->gap_first;
        seen->gap_first = whole ? 0 : seen->gap_first;
        seen->gap_last = whole ? 0 : height - 1;
    } else if (seen->has_genesis && height > seen->staged + 1) {
        seen->gap_first = after->first;
        seen->gap_last = after->last;
    }
    seen->staged = height > seen->staged ? height : seen->staged;
    seen->has_genesis = true;
    if (height > 0) {
        pending_add(seen, height);
    }
}

static void journal_put_seen(struct world *world, struct host *host, const struct put *put)
{
    struct check_host *seen = &world->check->hosts[host->rid];
    uint8_t kind = 0;
    uint64_t height = 0;
    CHECK(record_read_journal(put->key, &kind, &height));
    if (put->erase) {
        return;
    }
    if (kind == 's' || kind == 'p') {
        bool within = height > seen->stable && height - seen->stable <= world->plan.window &&
                      check_epoch_at(world, height) == check_epoch_at(world, seen->stable + 1);
        if (!within) {
            world_fail(world, "I13", host->rid, "it acts on %lu above a stable %lu",
                       (unsigned long)height, (unsigned long)seen->stable);
        }
    }
    if (kind == 'k') {
        check_stable_put(world, host, height, put->value);
        if (height < seen->stable || (height > 0 && height == seen->stable)) {
            world_fail(world, "I12", host->rid, "the stable checkpoint goes back to %lu",
                       (unsigned long)height);
        }
        seen->stable = height;
    }
    if (kind == 'n') {
        check_new_view_put(world, host, put->value);
    }
    if (kind == 'c') {
        check_note_put(world, host, put->value);
    }
}

/* What a snapshot has behind it waits no more: or a replica complains about what is done. */
static void queue_after_snapshot(struct world *world, const struct host *host)
{
    const struct check_host *seen = &world->check->hosts[host->rid];
    const struct request_log *log = world->requests;
    for (size_t i = 0; i < log->count; i++) {
        const struct sim_request *request = log->all[i];
        if (request->appended && request->height <= seen->staged &&
            queue_find(host->node->queue, request->id) != NULL) {
            world_fail(world, "I17", host->rid, "a request of height %lu waits at %lu",
                       (unsigned long)request->height, (unsigned long)seen->staged);
        }
    }
}

/* Once it has executed that the primary of its view is suspended, a replica is in that view no
 * more. */
static void view_may_be_led(struct world *world, const struct host *host)
{
    const struct node *node = host->node;
    bool votes = node->started && node->awake && !node->halted && node->mode != MODE_RECOVERING;
    if (votes && check_bars(world, host, check_place(node->epoch, node->view))) {
        world_fail(world, "I14", host->rid, "it is in view %lu, which nobody may lead",
                   (unsigned long)node->view);
    }
}

void check_step(struct world *world, struct host *host, const struct event *event, enum drop drop,
                const struct outbox *outbox)
{
    struct gap_record after = gap_after(&world->check->hosts[host->rid], outbox);
    uint64_t snapshots = world->tally.snapshots;
    for (uint32_t i = 0; i < outbox->put_count; i++) {
        const struct put *put = &outbox->puts[i];
        if (put->family == FAMILY_BLOCKS) {
            block_put_seen(world, host, put, &after);
        } else if (put->family == FAMILY_JOURNAL) {
            journal_put_seen(world, host, put);
        }
    }
    const struct check_host *seen = &world->check->hosts[host->rid];
    if (seen->gap_first != after.first || seen->gap_last != after.last) {
        world_fail(world, "I2", host->rid, "%lu to %lu are missing, and it says %lu to %lu",
                   (unsigned long)seen->gap_first, (unsigned long)seen->gap_last,
                   (unsigned long)after.first, (unsigned long)after.last);
    }
    if (world->tally.snapshots > snapshots) {
        queue_after_snapshot(world, host);
    }
    check_leaves(world, host, outbox);
    if (event->kind == EVENT_MESSAGE) {
        if (world->trace && !world->story) {
            world_trace(world, "r%u took a frame: %s", host->rid, drop_text(drop));
        }
        check_taken(world, host, event->frame, drop, outbox);
    }
    view_may_be_led(world, host);
    if (event->kind == EVENT_MESSAGE || event->kind == EVENT_REFUSED) {
        check_view_message(world, host, event, outbox);
    }
}

/* --- Disk --------------------------------------------------------------------------------------
 */

void check_durable(struct world *world, struct host *host)
{
    struct check_host *seen = &world->check->hosts[host->rid];
    if (!seen->has_genesis) {
        return;
    }
    if (world->check->block_count == 0) {
        check_block_stored(world, host, 0);
    }
    for (size_t i = 0; i < seen->pending_count && !world->failed; i++) {
        uint64_t height = seen->pending[i];
        check_block_stored(world, host, height);
        seen->durable = height > seen->durable ? height : seen->durable;
    }
    seen->pending_count = 0;
}

static bool block_is_stored(struct host *host, uint64_t height)
{
    uint8_t space[8];
    struct buffer out = buffer_make(space, sizeof(space));
    struct record_key key = record_key_block(RECORD_HEADER, height);
    return store_get(host->store, FAMILY_BLOCKS, record_key_bytes(&key), &out) != STATUS_NOT_FOUND;
}

static void gap_stored(struct check_host *seen, struct host *host)
{
    uint8_t space[128];
    struct buffer out = buffer_make(space, sizeof(space));
    struct record_key key = record_key_journal('g', 0);
    struct gap_record gap = {0};
    if (store_get(host->store, FAMILY_JOURNAL, record_key_bytes(&key), &out) == STATUS_OK) {
        CHECK(gap_record_decode(buffer_bytes(&out), &gap) == WIRE_OK);
    }
    seen->gap_first = gap.first;
    seen->gap_last = gap.last;
}

/* Of what was staged, what the disk has kept. */
static void pending_stored(struct check_host *seen, struct host *host)
{
    size_t kept = 0;
    for (size_t i = 0; i < seen->pending_count; i++) {
        if (block_is_stored(host, seen->pending[i])) {
            seen->pending[kept++] = seen->pending[i];
        }
    }
    seen->pending_count = kept;
}

static bool stable_visit(void *context, struct bytes key, struct bytes value)
{
    struct check_host *seen = context;
    uint8_t kind = 0;
    uint64_t height = 0;
    (void)value;
    if (!record_read_journal(key, &kind, &height) || kind != 'k') {
        return false;
    }
    seen->stable = height;
    return true;
}

/* The height of the note in the store, 0: none. */
static uint64_t noted_height(struct host *host)
{
    static uint8_t space[NOTE_BYTES_MAX];
    struct buffer out = buffer_make(space, sizeof(space));
    struct record_key key = record_key_journal('c', 0);
    struct bytes text;
    struct bytes lines;
    struct checkpoint checkpoint;
    if (store_get(host->store, FAMILY_JOURNAL, record_key_bytes(&key), &out) != STATUS_OK) {
        return 0;
    }
    CHECK(note_split(buffer_bytes(&out), &text, &lines) == NOTE_OK);
    CHECK(checkpoint_parse(text, &checkpoint) == NOTE_OK);
    return checkpoint.height;
}

/* What is in the store now is what the replica knows. */
void check_crashed(struct world *world, struct host *host)
{
    struct check_host *seen = &world->check->hosts[host->rid];
    uint64_t stable = seen->stable;
    gap_stored(seen, host);
    pending_stored(seen, host);
    seen->staged = seen->durable > seen->gap_last ? seen->durable : seen->gap_last;
    while (block_is_stored(host, seen->staged + 1)) {
        seen->staged++;
    }
    seen->has_genesis = block_is_stored(host, 0);
    struct record_key from = record_key_journal('k', 0);
    seen->stable = 0;
    CHECK(store_scan(host->store, FAMILY_JOURNAL, record_key_bytes(&from), stable_visit, seen) ==
          STATUS_OK);
    if (seen->stable > stable) {
        world_fail(world, "I12", host->rid, "a stable checkpoint that nobody put");
    }
    seen->noted = noted_height(host);
    check_durable(world, host);
    memset(seen->accused, 0, sizeof(seen->accused));
    if (seen->taken_count > 0) {
        memset(seen->taken, 0, seen->taken_count * sizeof(seen->taken[0]));
    }
}

void check_forgot(struct world *world, struct host *host)
{
    struct check_host *seen = &world->check->hosts[host->rid];
    struct check_host kept = *seen;
    *seen = (struct check_host){
        .stable = kept.stable,
        .voted = kept.voted,
        .voted_count = kept.voted_count,
        .taken = kept.taken,
        .taken_count = kept.taken_count,
        .pending = kept.pending,
        .pending_capacity = kept.pending_capacity,
    };
    gap_stored(seen, host);
    for (uint64_t height = 1; height < seen->gap_first; height++) {
        pending_add(seen, height);
    }
    for (uint64_t height = seen->gap_last + 1; block_is_stored(host, height); height++) {
        pending_add(seen, height);
    }
    check_crashed(world, host);
}

void check_started(struct world *world, struct host *host)
{
    const struct check_host *seen = &world->check->hosts[host->rid];
    struct node_look look;
    node_look(host->node, &look);
    if (look.executed != seen->staged) {
        world_fail(world, "I2", host->rid, "it starts at height %lu with %lu in its store",
                   (unsigned long)look.executed, (unsigned long)seen->staged);
    }
    if (look.stable != seen->stable) {
        world_fail(world, "I12", host->rid, "it starts with stable %lu and has %lu in its store",
                   (unsigned long)look.stable, (unsigned long)seen->stable);
    }
    if (check_place(look.epoch, look.view) < seen->view) {
        world_fail(world, "I10", host->rid, "it starts in an earlier view");
    }
    if (!check_in_epoch(world, look.epoch, look.stable)) {
        world_fail(world, "I14", host->rid, "it starts in epoch %lu above a stable %lu",
                   (unsigned long)look.epoch, (unsigned long)look.stable);
    }
}
