/* Seeds in several processes at once. What they say comes out in the order of the seeds, as if one
 * after the other had run, and their sums are added.
 *
 * A worker takes every count-th seed and hands over one report for each; whoever reads asks for the
 * reports in order, so that nothing is sorted and little is kept. A broken CHECK ends everything
 * after what was said before it, with one process or with many. For main.c. */
#ifndef VESTRY_TESTS_SIM_JOBS_H
#define VESTRY_TESTS_SIM_JOBS_H

#include "tests/sim/world.h"

#include <stdio.h>

#define JOBS_MAX 64

struct totals {
    uint64_t runs;
    uint64_t failed;
    uint64_t virtual_us;
    double seconds; /* of processor time */
    struct tally tally;
};

void tally_add(struct tally *sum, const struct tally *tally);

struct jobs {
    uint64_t first; /* seed */
    uint64_t last;
    uint32_t count; /* 1: in this process */
    /* One seed; what it has to say goes to `out`. */
    void (*run)(void *context, uint64_t seed, FILE *out, struct totals *totals);
    void *context;
};

void jobs_run(const struct jobs *jobs, struct totals *sum);

/* What is said should a CHECK break from now on. */
void jobs_last_words(const char *format, ...) PRINTF_LIKE(1, 2);
/* Say them, and end; for SIGABRT. */
void jobs_on_abort(int number);

#endif
