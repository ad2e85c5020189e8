/* What a program of tests of hand-offs stands on: the stage of gov_case.h, here with four replicas,
 * a log of what is brought to it, and a chain that knows its charter and follows the hand-offs. */
#ifndef VESTRY_TESTS_SUPPORT_FOLLOW_CASE_H
#define VESTRY_TESTS_SUPPORT_FOLLOW_CASE_H

#include "tests/support/gov_case.h"
#include "tests/support/hand_off_maker.h"

#define FOLLOWED_EPOCHS 20 /* the chain has room for so many */

extern struct hand_off_maker maker;
extern struct epoch_chain *chain;

/* cmocka's setups and teardown, without locks and with them. */
int follow_setup(void **state);
int follow_setup_locks(void **state);
int follow_teardown(void **state);

/* Have the chain follow the hand-off as the maker has it now. */
enum hand_off_error follow_made(void);

#endif
