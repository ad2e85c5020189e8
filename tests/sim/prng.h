/* The simulator's randomness: one generator, one seed, so that a run can be had again.
 *
 * Splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
 * Not for secrets. The simulator only. */
#ifndef VESTRY_TESTS_SIM_PRNG_H
#define VESTRY_TESTS_SIM_PRNG_H

#include "crypto/bytes.h"

struct prng {
    uint64_t state;
};

uint64_t prng_next(struct prng *prng);

/* 0..range-1; range is at least 1. */
MUST_USE uint64_t prng_below(struct prng *prng, uint64_t range);

/* low..high, both included. */
MUST_USE uint64_t prng_between(struct prng *prng, uint64_t low, uint64_t high);

/* True `permille` times in a thousand. */
MUST_USE bool prng_chance(struct prng *prng, uint32_t permille);

void prng_fill(struct prng *prng, uint8_t *out, size_t len);

#endif
