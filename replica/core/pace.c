#include "replica/core/pace.h"

#include "governance/mutant.h"

static struct work_done per_second(struct work_done done, uint64_t ms)
{
    return (struct work_done){done.requests * 1000 / ms, done.bytes * 1000 / ms};
}

static void window_note(struct pace_window *window, bool is_open, uint64_t now_ms)
{
    if (!is_open) {
        window->since_ms = 0;
    } else if (window->since_ms == 0) {
        *window = (struct pace_window){.since_ms = now_ms};
    }
}

void pace_note(struct pace *pace, bool sees, bool crowded, uint64_t now_ms)
{
    window_note(&pace->any, sees && (crowded || !MUTANT(120)), now_ms);
    window_note(&pace->crowded, sees && crowded, now_ms);
}

void pace_executed(struct pace *pace, uint64_t requests, uint64_t bytes)
{
    pace->any.done.requests += requests;
    pace->any.done.bytes += bytes;
    pace->crowded.done.requests += requests;
    pace->crowded.done.bytes += bytes;
}

static uint64_t window_due_ms(const struct pace_window *window, uint64_t window_ms)
{
    return window->since_ms == 0 ? UINT64_MAX : window->since_ms + window_ms;
}

uint64_t pace_due_ms(const struct pace *pace, uint64_t window_ms)
{
    return window_due_ms(&pace->crowded, window_ms);
}

/* Whether the window is over; then its pace, and the next one is open. */
static bool window_ends(struct pace_window *window, uint64_t window_ms, uint64_t now_ms,
                        struct work_done *pace)
{
    if (now_ms < window_due_ms(window, window_ms)) {
        return false;
    }
    *pace = per_second(window->done, now_ms - window->since_ms);
    *window = (struct pace_window){.since_ms = now_ms};
    return true;
}

/* In full batches, those by requests and those by bytes together; times a constant, to spare the
 * divisions. No second holds so much that it would not fit 64 bits. */
static uint64_t work(struct work_done pace, struct work_done batch)
{
    return pace.requests * batch.bytes + pace.bytes * batch.requests;
}

/* Few requests may be large ones, and many small ones are no less work: who is behind in one of
 * the two alone is not slow. In doubt, when as many views were slower as were not, nobody is. */
static bool is_slow(const struct pace *pace, struct work_done now, uint32_t n)
{
    size_t count = pace->past_count < n ? (size_t)pace->past_count : n;
    size_t better = 0;
    for (size_t i = 0; i < count; i++) {
        const struct work_done *past = &pace->past[i];
        better += now.requests < past->requests / 2 && now.bytes < past->bytes / 2 ? 1 : 0;
    }
    return 2 * better > count && !MUTANT(121);
}

bool pace_tick(struct pace *pace, const struct pace_rules *rules, uint64_t now_ms)
{
    struct work_done now = {0};
    if (window_ends(&pace->any, rules->window_ms, now_ms, &now) &&
        work(now, rules->batch) > work(pace->best, rules->batch)) {
        pace->best = now;
    }
    if (!window_ends(&pace->crowded, rules->window_ms, now_ms, &now) ||
        !is_slow(pace, now, rules->n)) {
        return false;
    }
    if (!pace->accused && pace->accusations >= rules->n) {
        return false;
    }
    pace->accusations += pace->accused ? 0 : 1;
    pace->accused = true;
    return true;
}

void pace_view_over(struct pace *pace, uint32_t n)
{
    if (pace->best.requests > 0) {
        pace->past[pace->past_count++ % n] = pace->best;
    }
    pace->any.since_ms = 0;
    pace->crowded.since_ms = 0;
    pace->best = (struct work_done){0};
    pace->accused = false;
}

void pace_calm(struct pace *pace)
{
    pace->accusations = 0;
}
