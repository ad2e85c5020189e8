/* What a program of tests of officers' files stands on: the world of world_case.h with real
 * signatures, opened anew for each test, what is in force in it, and the proposal that was made
 * last. */
#ifndef VESTRY_TESTS_SUPPORT_OFFICER_CASE_H
#define VESTRY_TESTS_SUPPORT_OFFICER_CASE_H

#include "keys/paper_make.h"
#include "tests/support/world_case.h"

#define NOW (FIXTURE_DATE + 5000) /* by the officers' clocks */

extern struct charter_view charter;
extern struct in_force in_force;
extern struct problem problem;
extern struct paper paper;
extern struct paper_tally tally; /* of the last judgement */

/* cmocka's setup and teardown. */
int officer_setup(void **state);
int officer_teardown(void **state);

/* What is in force becomes what the world has now. */
void officer_refresh(void);

/* A key that says it is `subject`'s and comes from the seed of `name`. */
struct secret_key officer_key(const char *subject, const char *name);

/* Make a proposal with such a key, or that of m2, and take it apart again into `paper`. The bytes
 * last until the next one. */
struct bytes officer_propose_as(const char *subject, const char *name,
                                const struct paper_wish *wish);
struct bytes officer_propose(const struct paper_wish *wish);

/* Judge `paper` by what is in force; a fault comes with words. */
enum paper_fault officer_judge(void);

#endif
