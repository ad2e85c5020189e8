/* Long values lie one behind the other; the space of dropped ones is won back by sliding the rest
 * together. The space is twice what may be in use and one value more, so that a slide is paid for
 * by as many bytes written as it moves, and always makes enough room. */
#include "governance/state_parts.h"

#include <string.h>

static void large_append(struct state *state, uint32_t number, size_t len)
{
    struct state_record *record = &state->records[number];

    record->large_at = state->large_end;
    record->large_prev = state->large_last;
    record->large_next = STATE_NONE;
    if (state->large_last == STATE_NONE) {
        state->large_first = number;
    } else {
        state->records[state->large_last].large_next = number;
    }
    state->large_last = number;
    state->large_end += len;
    state->large_bytes += len;
}

static void large_slide(struct state *state)
{
    size_t end = 0;

    for (uint32_t i = state->large_first; i != STATE_NONE; i = state->records[i].large_next) {
        struct state_record *record = &state->records[i];

        memmove(state->large + end, state->large + record->large_at, record->value_len);
        record->large_at = end;
        end += record->value_len;
    }
    state->large_end = end;
}

void state_large_store(struct state *state, uint32_t record, struct bytes value)
{
    if (state->large_space - state->large_end < value.len) {
        large_slide(state);
    }
    CHECK(state->large_space - state->large_end >= value.len);
    large_append(state, record, value.len);
    memcpy(state->large + state->records[record].large_at, value.data, value.len);
}

void state_large_drop(struct state *state, uint32_t number)
{
    const struct state_record *record = &state->records[number];

    if (record->large_prev == STATE_NONE) {
        state->large_first = record->large_next;
    } else {
        state->records[record->large_prev].large_next = record->large_next;
    }
    if (record->large_next == STATE_NONE) {
        state->large_last = record->large_prev;
        state->large_end = record->large_at;
    } else {
        state->records[record->large_next].large_prev = record->large_prev;
    }
    state->large_bytes -= record->value_len;
}
