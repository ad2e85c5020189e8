#include "tests/support/follow_case.h"

#include "tests/support/sign_fast.h"

struct hand_off_maker maker;
struct epoch_chain *chain;

static int open_with(bool locks)
{
    stage_open(&stage, 4, locks, 2000);
    (void)gov_fixture_file(&stage.fixture);
    hand_off_maker_init(&maker, &stage);
    CHECK(epoch_chain_open(&stage.world.charter, &sig_fast, FOLLOWED_EPOCHS, &chain) == STATUS_OK);
    return 0;
}

int follow_setup(void **state)
{
    (void)state;
    return open_with(false);
}

int follow_setup_locks(void **state)
{
    (void)state;
    return open_with(true);
}

int follow_teardown(void **state)
{
    epoch_chain_close(chain);
    return case_teardown(state);
}

enum hand_off_error follow_made(void)
{
    return epoch_chain_follow(chain, maker_make(&maker));
}
