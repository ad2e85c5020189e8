/* What a program of tests of rights and requests stands on: one world, opened anew for each test,
 * and a good request in it. All of it are variables and nothing hangs on *state, since there is one
 * test at a time and nearly every line names them. */
#ifndef VESTRY_TESTS_SUPPORT_WORLD_CASE_H
#define VESTRY_TESTS_SUPPORT_WORLD_CASE_H

#include "tests/support/gov_world.h"

extern struct gov_fixture world_fixture; /* the program's main makes it, with sig_fast */
extern struct gov_world world;
extern struct cap_trial trial;

/* cmocka's setups and teardown: `world` after genesis; and `trial` with a token of two blocks. */
int world_setup(void **state);
int trial_setup(void **state);
int world_teardown(void **state);

#endif
