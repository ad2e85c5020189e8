#include "replica/host/snapshots.h"

#include "crypto/hash.h"
#include "governance/records.h"

#include <stdlib.h>
#include <string.h>

struct pin {
    uint64_t height;
    struct store_view *view; /* NULL: nothing is pinned here */
    bool loaded;             /* or tried in vain: state is NULL then */
    struct state *state;
    uint8_t root[HASH_BYTES];
};

struct snapshots {
    struct snapshots_setup setup;
    struct log_reader *reader;
    struct pin pins[SNAPSHOT_PINS]; /* the newest first */
    struct state_chunk_space space;
};

enum status snapshots_open(const struct snapshots_setup *setup, struct log_reader *reader,
                           struct snapshots **out)
{
    struct snapshots *snapshots = (struct snapshots *)calloc(1, sizeof *snapshots);
    if (snapshots == NULL) {
        return STATUS_NO_MEMORY;
    }
    snapshots->setup = *setup;
    snapshots->reader = reader;
    if (snapshots->setup.chunk_bytes == 0) {
        snapshots->setup.chunk_bytes = SNAPSHOT_CHUNK_BYTES;
    }
    *out = snapshots;
    return STATUS_OK;
}

static void pin_drop(struct pin *pin)
{
    if (pin->view != NULL) {
        store_view_close(pin->view);
    }
    state_close(pin->state);
    *pin = (struct pin){0};
}

void snapshots_unpin(struct snapshots *snapshots)
{
    for (size_t i = 0; i < SNAPSHOT_PINS; i++) {
        pin_drop(&snapshots->pins[i]);
    }
}

void snapshots_close(struct snapshots *snapshots)
{
    snapshots_unpin(snapshots);
    free(snapshots);
}

void snapshots_pin(struct snapshots *snapshots, uint64_t height, struct store_view *view)
{
    struct pin *pins = snapshots->pins;
    size_t place = 0;
    while (place < SNAPSHOT_PINS - 1 && pins[place].view != NULL && pins[place].height != height) {
        place++;
    }
    pin_drop(&pins[place]);
    memmove(&pins[1], &pins[0], place * sizeof pins[0]);
    pins[0] = (struct pin){.height = height, .view = view};
}

struct loading {
    struct state *state;
    bool whole;
};

static bool take_record(void *context, struct bytes key, struct bytes value)
{
    struct loading *loading = (struct loading *)context;
    loading->whole =
        key.len > 0 && key.len <= STATE_KEY_BYTES_MAX && state_put(loading->state, key, value);
    return loading->whole;
}

/* The last checkpoint below that height. Its block has to be here. */
static bool checkpoint_below(struct log_reader *reader, uint64_t height, struct root_row *out)
{
    for (uint64_t i = 1; i <= CHECKPOINT_INTERVAL_MAX && i <= height; i++) {
        struct log_block block;
        if (!log_block(reader, height - i, &block)) {
            return false;
        }
        if (block.header.state_root.len == HASH_BYTES) {
            out->height = height - i;
            memcpy(out->state_root, block.header.state_root.data, HASH_BYTES);
            return true;
        }
    }
    return false;
}

/* What is stored with a checkpoint has the note of its own root, which that root does not cover;
 * and the oldest note, which it does, is gone for it. */
static bool note_take_back(struct log_reader *reader, uint64_t height, struct state *state)
{
    struct roots_record roots;
    struct root_row oldest = {0};
    struct root_row newest = {0};
    struct root_row pushed_out = {0};
    if (!roots_read(state, &roots)) {
        return false;
    }
    struct wire_iter iter = wire_iter_make(roots.list);
    for (uint32_t i = 0; root_row_next(&iter, &newest); i++) {
        oldest = i == 0 ? newest : oldest;
    }
    if (roots.list.count == 0 || newest.height != height) {
        return false;
    }
    if (roots.list.count < CHECKPOINT_ROOTS_KEPT || oldest.height == 0) {
        return roots_take_back(state, NULL);
    }
    return checkpoint_below(reader, oldest.height, &pushed_out) &&
           roots_take_back(state, &pushed_out);
}

/* The state in the picture, in memory. One that cannot be shown is not tried again. */
static void pin_load(struct pin *pin, struct snapshots *snapshots)
{
    const struct snapshots_setup *setup = &snapshots->setup;
    struct loading loading = {.whole = true};
    pin->loaded = true;
    if (state_open(setup->records_max, setup->bytes_max, setup->hash_seed, &loading.state) !=
        STATUS_OK) {
        return;
    }
    log_reader_use(snapshots->reader, pin->view);
    enum status status =
        store_view_scan(pin->view, FAMILY_STATE, BYTES_EMPTY, take_record, &loading);
    if (status == STATUS_OK && loading.whole &&
        note_take_back(snapshots->reader, pin->height, loading.state)) {
        pin->state = loading.state;
        state_root(pin->state, pin->root);
    } else {
        state_close(loading.state);
    }
    log_reader_use(snapshots->reader, NULL);
}

bool snapshots_chunk(struct snapshots *snapshots, const struct fetch *fetch,
                     struct state_chunk *out)
{
    struct pin *pin = NULL;
    for (size_t i = 0; i < SNAPSHOT_PINS; i++) {
        if (snapshots->pins[i].view != NULL && snapshots->pins[i].height == fetch->from) {
            pin = &snapshots->pins[i];
        }
    }
    if (pin == NULL || !state_node_valid(fetch->count)) {
        return false;
    }
    if (!pin->loaded) {
        pin_load(pin, snapshots);
    }
    if (pin->state == NULL || !hash_equal(pin->root, fetch->digest) ||
        !state_chunk_make(pin->state, fetch->count, snapshots->setup.chunk_bytes, &snapshots->space,
                          out)) {
        return false;
    }
    out->height = fetch->from;
    return true;
}
