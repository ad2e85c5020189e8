#include "tests/sim/events.h"

#include <stdlib.h>

static bool before(const struct due *a, const struct due *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void events_add(struct events *events, const struct due *due)
{
    if (events->count == events->capacity) {
        events->capacity = events->capacity == 0 ? 1024 : 2 * events->capacity;
        events->heap = realloc(events->heap, events->capacity * sizeof(events->heap[0]));
        CHECK(events->heap != NULL);
    }
    struct due added = *due;
    added.order = events->order++;
    size_t at = events->count++;
    while (at > 0 && before(&added, &events->heap[(at - 1) / 2])) {
        events->heap[at] = events->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    events->heap[at] = added;
}

bool events_next(struct events *events, struct due *out)
{
    if (events->count == 0) {
        return false;
    }
    *out = events->heap[0];
    struct due last = events->heap[--events->count];
    size_t at = 0;
    for (size_t child = 1; child < events->count; child = 2 * at + 1) {
        if (child + 1 < events->count && before(&events->heap[child + 1], &events->heap[child])) {
            child++;
        }
        if (!before(&events->heap[child], &last)) {
            break;
        }
        events->heap[at] = events->heap[child];
        at = child;
    }
    events->heap[at] = last;
    return true;
}

void events_close(struct events *events)
{
    free(events->heap);
    *events = (struct events){0};
}
