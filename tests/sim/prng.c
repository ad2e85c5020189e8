#include "tests/sim/prng.h"

#include <string.h>

uint64_t prng_next(struct prng *prng)
{
    prng->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = prng->state;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

uint64_t prng_below(struct prng *prng, uint64_t range)
{
    CHECK(range >= 1);
    return prng_next(prng) % range;
}

uint64_t prng_between(struct prng *prng, uint64_t low, uint64_t high)
{
    CHECK(low <= high);
    return low + prng_below(prng, high - low + 1);
}

bool prng_chance(struct prng *prng, uint32_t permille)
{
    return permille > 0 && prng_below(prng, 1000) < permille;
}

void prng_fill(struct prng *prng, uint8_t *out, size_t len)
{
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = prng_next(prng);
        size_t rest = len - at < 8 ? len - at : 8;
        memcpy(out + at, &word, rest);
    }
}
