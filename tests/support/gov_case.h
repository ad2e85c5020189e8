/* What a program of tests of governance stands on: one stage of seven replicas, opened anew for
 * each test, the plans that are brought to it, and members who vote yes. All of it are variables
 * and nothing hangs on *state, since there is one test at a time and nearly every line names them.
 */
#ifndef VESTRY_TESTS_SUPPORT_GOV_CASE_H
#define VESTRY_TESTS_SUPPORT_GOV_CASE_H

#include "tests/support/gov_rotation.h"

extern struct gov_stage stage;
extern struct gov_plan plan;
extern struct gov_plan other;
extern struct gov_rotation rotation;

/* cmocka's setups and teardown. Without locks where the name does not say otherwise. */
int case_setup(void **state);
int case_setup_locks(void **state);
/* With locks, and `plan` is to suspend r3. */
int case_setup_suspension(void **state);
/* And `rotation` is a good one of r2, to generation "b". */
int case_setup_rotation(void **state);
int case_setup_rotation_locks(void **state);
int case_teardown(void **state);

/* Bring `plan` with the votes of all. */
enum result_code case_proposed(void);
/* For `plan`, one vote less than `votes` leaves it open, and the last one does it. */
void assert_case_takes(uint32_t votes);

/* Make `rotation` into `plan` and bring it with three votes; the others go into `other`: an action
 * about a replica's standing, and a renewal of the epoch. */
enum result_code case_rotated(void);
enum result_code case_standing_moved(uint64_t action, uint64_t rid);
enum result_code case_renewed(void);

/* What the registry has of the key with that seed, 0 where it has nothing. */
uint64_t case_key_standing(const char *name);
/* The registry has that key, as one that somebody had and has no more. */
void case_key_retired(const uint8_t pk[PUBLIC_KEY_BYTES], uint64_t role, const char *subject);
/* No epoch is to end, and of the rotation nothing is in the state. */
void assert_case_not_rotated(void);

#endif
