/* Making a failing plan smaller: fewer faults, liars, clients, messages, until nothing can go
 * without the failure going too. For main.c. */
#ifndef VESTRY_TESTS_SIM_SHRINK_H
#define VESTRY_TESTS_SIM_SHRINK_H

#include "tests/sim/plan.h"

#include <stddef.h>

/* What came of a run: "" when all held, else the failure; "a CHECK broke" among them. Runs in a
 * process of its own, so that a broken CHECK ends nothing else. `trace`: tell it line by line. */
void shrink_try(const struct plan *plan, bool trace, char *failure, size_t size);

/* Shrink `plan`, which fails, and say on stdout what was left out and how to see the rest. */
void shrink(struct plan *plan);

/* "name=value" changes one field of the plan: what `shrink` prints as --set. False when there is no
 * such field. */
bool plan_set(struct plan *plan, const char *text);

#endif
