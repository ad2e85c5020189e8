#include "replica/core/window.h"

static struct slot *place_of(struct window *window, uint64_t sequence)
{
    return &window->slots[sequence % WINDOW_MAX];
}

struct slot *window_slot(struct window *window, uint64_t sequence)
{
    CHECK(sequence > window->stable);
    CHECK(sequence - window->stable <= WINDOW_MAX);
    struct slot *slot = place_of(window, sequence);
    if (slot->sequence != sequence) {
        CHECK(slot->sequence == 0);
        slot->sequence = sequence;
    }
    return slot;
}

const struct slot *window_look(const struct window *window, uint64_t sequence)
{
    const struct slot *slot = &window->slots[sequence % WINDOW_MAX];
    return sequence != 0 && slot->sequence == sequence ? slot : NULL;
}

void slot_release(struct slot *slot, struct pool *pool)
{
    pool_give(pool, slot->batch.data);
    pool_give(pool, slot->payloads.data);
    slot->batch = BYTES_EMPTY;
    slot->payloads = BYTES_EMPTY;
}

void window_move(struct window *window, uint64_t stable, struct pool *pool)
{
    CHECK(stable >= window->stable);
    window->stable = stable;
    for (uint32_t i = 0; i < WINDOW_MAX; i++) {
        struct slot *slot = &window->slots[i];
        if (slot->sequence != 0 && slot->sequence <= stable) {
            slot_release(slot, pool);
            *slot = (struct slot){0};
        }
    }
}
