#include "replica/core/sources.h"

#include "crypto/contract.h"

/* Between two blocks of an answer, and for a whole one. */
#define SILENCE_MS 500
#define RANGE_MS 4000

/* A first ban, how often it doubles, and that of a liar. */
#define BAN_MS 400
#define BAN_DOUBLINGS 6
#define BAN_OF_LIAR_MS 30000

static_assert(FETCH_BLOCKS_MAX <= 32, "a range's arrivals are one 32-bit word");

static bool is_in_range(const struct source *source, uint64_t kind, uint64_t sequence)
{
    return source->from != 0 && source->kind == kind && sequence >= source->from &&
           sequence - source->from < source->count;
}

static bool has_arrived(const struct source *source, uint64_t sequence)
{
    return (source->arrived >> (sequence - source->from) & 1) != 0;
}

static uint32_t arrivals(const struct source *source)
{
    uint32_t count = 0;
    for (uint32_t rest = source->arrived; rest != 0; rest &= rest - 1) {
        count++;
    }
    return count;
}

static void strike(struct source *source, uint64_t now_ms)
{
    uint32_t doublings = source->strikes < BAN_DOUBLINGS ? source->strikes : BAN_DOUBLINGS;
    source->asked = false;
    source->strikes++;
    source->banned_ms = now_ms + ((uint64_t)BAN_MS << doublings);
}

bool sources_banned(const struct sources *sources, uint32_t member, uint64_t now_ms)
{
    return now_ms < sources->of[member].banned_ms;
}

bool sources_idle(const struct sources *sources, uint32_t member, uint64_t now_ms)
{
    const struct source *source = &sources->of[member];
    return !source->asked && now_ms >= source->ready_ms && !sources_banned(sources, member, now_ms);
}

void sources_ask(struct sources *sources, uint32_t member, const struct range *range,
                 uint64_t now_ms)
{
    CHECK(range->from > 0 && range->count > 0 && range->count <= FETCH_BLOCKS_MAX);
    CHECK(sources_idle(sources, member, now_ms));
    struct source *source = &sources->of[member];
    source->kind = range->kind;
    source->from = range->from;
    source->count = range->count;
    source->arrived = 0;
    source->bytes = 0;
    source->asked = true;
    source->asked_ms = now_ms;
    source->heard_ms = now_ms;
}

uint32_t sources_asked(const struct sources *sources, uint64_t kind, uint64_t sequence,
                       uint64_t *since_ms)
{
    uint32_t count = 0;
    for (uint32_t member = 0; member < REPLICAS_MAX; member++) {
        const struct source *source = &sources->of[member];
        if (!source->asked || !is_in_range(source, kind, sequence) ||
            has_arrived(source, sequence)) {
            continue;
        }
        if (count == 0 || source->asked_ms < *since_ms) {
            *since_ms = source->asked_ms;
        }
        count++;
    }
    return count;
}

bool sources_expects(const struct sources *sources, uint32_t member, uint64_t kind,
                     uint64_t sequence)
{
    const struct source *source = &sources->of[member];
    return is_in_range(source, kind, sequence) && !has_arrived(source, sequence) &&
           source->bytes < FETCH_BLOCKS_BYTES;
}

void sources_brought(struct sources *sources, uint32_t member, uint64_t sequence, size_t bytes,
                     uint64_t now_ms)
{
    struct source *source = &sources->of[member];
    if (!sources_expects(sources, member, source->kind, sequence)) {
        return;
    }
    source->arrived |= UINT32_C(1) << (sequence - source->from);
    source->bytes += bytes;
    source->heard_ms = now_ms;
    if (arrivals(source) == source->count || source->bytes >= FETCH_BLOCKS_BYTES) {
        source->asked = false;
        source->strikes = 0;
        source->ready_ms = source->asked_ms + source->bytes / FETCH_BYTES_PER_MS;
    }
}

void sources_forgive(struct sources *sources, uint32_t member)
{
    sources->of[member].asked = false;
}

void sources_refused(struct sources *sources, uint32_t member, uint64_t now_ms)
{
    if (sources->of[member].asked) {
        strike(&sources->of[member], now_ms);
    }
}

void sources_lied(struct sources *sources, uint32_t member, uint64_t now_ms)
{
    struct source *source = &sources->of[member];
    source->asked = false;
    source->from = 0; /* the rest of its answer is not looked at */
    source->strikes++;
    source->banned_ms = now_ms + BAN_OF_LIAR_MS;
}

void sources_judge(struct sources *sources, uint64_t now_ms)
{
    for (uint32_t member = 0; member < REPLICAS_MAX; member++) {
        struct source *source = &sources->of[member];
        bool late =
            now_ms >= source->heard_ms + SILENCE_MS || now_ms >= source->asked_ms + RANGE_MS;
        if (!source->asked || !late) {
            continue;
        }
        if (2 * arrivals(source) >= source->count) {
            source->asked = false; /* most of it: the rest was lost on the way */
        } else {
            strike(source, now_ms);
        }
    }
}
