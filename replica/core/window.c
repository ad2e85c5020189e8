#include "replica/core/window.h"

#include "crypto/hash.h"
#include "governance/mutant.h"

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

bool slot_has_batch(const struct slot *slot)
{
    return slot->stage == SLOT_EXECUTED || slot->batch.data != NULL ||
           (slot->knows_digest && hash_is_zero(slot->digest));
}

void slot_turn(struct slot *slot, uint64_t view)
{
    if (slot->view == view) {
        return;
    }
    CHECK(view > slot->view);
    slot->view = view;
    slot->has_primary_sig = false;
    slot->prepared = false;
    slot->best.len = MUTANT(52) ? 0 : slot->best.len;
    slot->prepares.present = MUTANT(32) ? slot->prepares.present : 0;
    slot->commits.present = MUTANT(32) ? slot->commits.present : 0;
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
