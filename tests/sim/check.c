#include "tests/sim/check.h"

#include "storage/record.h"

#include <stdlib.h>
#include <string.h>

void check_open(struct world *world)
{
    world->check = calloc(1, sizeof(*world->check));
    CHECK(world->check != NULL);
}

void check_close(struct world *world)
{
    struct check *check = world->check;
    free(check->blocks);
    for (unsigned i = 0; i < SIM_LEVELS; i++) {
        free(check->levels[i].hashes);
    }
    for (uint32_t i = 0; i < SIM_CLIENTS_MAX; i++) {
        free(check->sessions[i].used);
    }
    for (uint32_t i = 0; i < SIM_REPLICAS_MAX; i++) {
        free(check->hosts[i].voted);
        free(check->hosts[i].taken);
    }
    free(check);
}

/* --- Puts of a step ----------------------------------------------------------------------------
 */

static void block_put_seen(struct world *world, struct host *host, const struct put *put)
{
    struct check_host *seen = &world->check->hosts[host->rid];
    enum record_block kind = RECORD_HEADER;
    uint64_t height = 0;
    if (!record_read_block(put->key, &kind, &height) || kind != RECORD_HEADER) {
        return;
    }
    uint64_t next = seen->has_genesis ? seen->staged + 1 : 0;
    if (height != next) {
        world_fail(world, "I2", host->rid, "height %lu was executed where %lu is next",
                   (unsigned long)height, (unsigned long)next);
    }
    seen->staged = height;
    seen->has_genesis = true;
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
        bool within = height > seen->stable && height - seen->stable <= world->plan.window;
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

void check_step(struct world *world, struct host *host, const struct event *event, enum drop drop,
                const struct outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->put_count; i++) {
        const struct put *put = &outbox->puts[i];
        if (put->family == FAMILY_BLOCKS) {
            block_put_seen(world, host, put);
        } else if (put->family == FAMILY_JOURNAL) {
            journal_put_seen(world, host, put);
        }
    }
    check_leaves(world, host, outbox);
    if (event->kind == EVENT_MESSAGE) {
        if (world->trace && !world->story) {
            world_trace(world, "r%u took a frame: %s", host->rid, drop_text(drop));
        }
        check_taken(world, host, event->frame, drop, outbox);
    }
    if (event->kind == EVENT_MESSAGE || event->kind == EVENT_REFUSED) {
        check_view_of_liar(world, host, event, outbox);
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
    while (seen->durable < seen->staged && !world->failed) {
        check_block_stored(world, host, seen->durable + 1);
        seen->durable++;
    }
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
    uint8_t space[8];
    uint64_t stable = seen->stable;
    seen->staged = seen->durable;
    for (bool there = true; there;) {
        struct record_key key = record_key_block(RECORD_HEADER, seen->staged + 1);
        struct buffer out = buffer_make(space, sizeof(space));
        there =
            store_get(host->store, FAMILY_BLOCKS, record_key_bytes(&key), &out) != STATUS_NOT_FOUND;
        seen->staged += there ? 1 : 0;
    }
    struct record_key genesis = record_key_block(RECORD_HEADER, 0);
    struct buffer out = buffer_make(space, sizeof(space));
    seen->has_genesis =
        store_get(host->store, FAMILY_BLOCKS, record_key_bytes(&genesis), &out) != STATUS_NOT_FOUND;
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
    };
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
    if (look.epoch != 0 || look.view < seen->view) {
        world_fail(world, "I10", host->rid, "it starts in an earlier view");
    }
}
