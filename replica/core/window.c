#include "replica/core/window.h"

#include "crypto/hash.h"
#include "governance/mutant.h"

static bool is_used(const struct window *window, uint64_t place)
{
    return (window->used[place / 64] >> place % 64 & 1) != 0;
}

struct slot *window_restore(struct window *window, uint64_t sequence)
{
    CHECK(sequence != 0);
    uint64_t place = sequence % WINDOW_MAX;
    struct slot *slot = &window->slots[place];
    if (is_used(window, place)) {
        return slot->sequence == sequence ? slot : NULL;
    }
    window->used[place / 64] |= UINT64_C(1) << place % 64;
    slot->sequence = sequence;
    return slot;
}

struct slot *window_slot(struct window *window, uint64_t sequence)
{
    CHECK(sequence > window->stable);
    CHECK(sequence - window->stable <= WINDOW_MAX);
    struct slot *slot = window_restore(window, sequence);
    CHECK(slot != NULL);
    return slot;
}

const struct slot *window_look(const struct window *window, uint64_t sequence)
{
    uint64_t place = sequence % WINDOW_MAX;
    const struct slot *slot = &window->slots[place];
    return is_used(window, place) && slot->sequence == sequence ? slot : NULL;
}

uint32_t window_used_from(const struct window *window, uint32_t place)
{
    for (uint32_t word = place / 64; word < WINDOW_MAX / 64; word++) {
        uint64_t rest = window->used[word];
        rest &= word == place / 64 ? UINT64_MAX << place % 64 : UINT64_MAX;
        if (rest != 0) {
            return 64 * word + (uint32_t)__builtin_ctzll(rest);
        }
    }
    return WINDOW_MAX;
}

void window_forget(struct window *window, struct slot *slot)
{
    uint64_t place = slot->sequence % WINDOW_MAX;
    CHECK(slot == &window->slots[place]);
    window->used[place / 64] &= ~(UINT64_C(1) << place % 64);
    *slot = (struct slot){0};
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
    for (uint32_t i = window_used_from(window, 0); i < WINDOW_MAX;
         i = window_used_from(window, i + 1)) {
        struct slot *slot = &window->slots[i];
        if (slot->sequence <= stable) {
            slot_release(slot, pool);
            window_forget(window, slot);
        }
    }
}
