#include "tests/support/world_case.h"

#include "tests/support/sign_fast.h"

struct gov_fixture world_fixture;
struct gov_world world;
struct cap_trial trial;

int world_setup(void **state)
{
    (void)state;
    gov_world_open(&world, &world_fixture, 1000);
    return 0;
}

int trial_setup(void **state)
{
    (void)world_setup(state);
    trial_init(&trial, &world, &sig_fast, 2);
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    gov_world_close(&world);
    return 0;
}
