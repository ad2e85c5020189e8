#include "replica/core/pace.h"

static struct work_done per_second(struct work_done done, uint64_t ms)
{
    return (struct work_done){done.requests * 1000 / ms, done.bytes * 1000 / ms};
}

void pace_note(struct pace *pace, bool backlog, uint64_t now_ms)
{
    if (!backlog) {
        pace->since_ms = 0;
    } else if (pace->since_ms == 0) {
        pace->since_ms = now_ms;
        pace->window = (struct work_done){0};
    }
}

void pace_executed(struct pace *pace, uint64_t requests, uint64_t bytes)
{
    pace->window.requests += requests;
    pace->window.bytes += bytes;
}

uint64_t pace_due_ms(const struct pace *pace, uint64_t window_ms)
{
    return pace->since_ms == 0 ? UINT64_MAX : pace->since_ms + window_ms;
}

/* The value that as many are below as above; of an even number the lower of the two in the middle:
 * in doubt nobody is slow. */
static uint64_t median(const uint64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t below = 0;
        size_t same = 0;
        for (size_t k = 0; k < count; k++) {
            below += values[k] < values[i] ? 1 : 0;
            same += values[k] == values[i] ? 1 : 0;
        }
        if (below <= (count - 1) / 2 && (count - 1) / 2 < below + same) {
            return values[i];
        }
    }
    return 0;
}

static bool is_slow(const struct pace *pace, struct work_done now, uint32_t n)
{
    uint64_t requests[REPLICAS_MAX];
    uint64_t bytes[REPLICAS_MAX];
    size_t count = pace->past_count < n ? (size_t)pace->past_count : n;
    if (count == 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        requests[i] = pace->past[i].requests;
        bytes[i] = pace->past[i].bytes;
    }
    return now.requests < median(requests, count) / 2 && now.bytes < median(bytes, count) / 2;
}

bool pace_tick(struct pace *pace, uint64_t now_ms, uint64_t window_ms, uint32_t n)
{
    if (now_ms < pace_due_ms(pace, window_ms)) {
        return false;
    }
    uint64_t ms = now_ms - pace->since_ms;
    struct work_done window = pace->window;
    pace->total.requests += window.requests;
    pace->total.bytes += window.bytes;
    pace->total_ms += ms;
    pace->since_ms = now_ms;
    pace->window = (struct work_done){0};
    if (!is_slow(pace, per_second(window, ms), n)) {
        return false;
    }
    if (!pace->accused && pace->accusations >= n) {
        return false;
    }
    pace->accusations += pace->accused ? 0 : 1;
    pace->accused = true;
    return true;
}

void pace_view_over(struct pace *pace, uint32_t n)
{
    if (pace->total_ms > 0) {
        pace->past[pace->past_count++ % n] = per_second(pace->total, pace->total_ms);
    }
    pace->since_ms = 0;
    pace->total = (struct work_done){0};
    pace->total_ms = 0;
    pace->accused = false;
}

void pace_calm(struct pace *pace)
{
    pace->accusations = 0;
}
