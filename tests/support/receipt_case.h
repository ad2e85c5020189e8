/* What a program of tests of receipts stands on: one receipt, built of the fixture as a test has
 * bent it, and what verifying it said. */
#ifndef VESTRY_TESTS_SUPPORT_RECEIPT_CASE_H
#define VESTRY_TESTS_SUPPORT_RECEIPT_CASE_H

#include "tests/support/receipt_fixture.h"

extern struct receipt_fixture fixture;
extern struct buffer text; /* the receipt's; may be bent too */
extern struct receipt_facts facts;

/* cmocka's setup: the usual fixture, signed with sig_fast. */
int receipt_setup(void **state);

/* `text` out of the fixture. */
void receipt_build(void);

/* What verifying `text` finds, believing the fixture's replicas or whom `trust` says. A refusal
 * must leave `facts` as they were. */
enum receipt_verdict receipt_judge(void);
enum receipt_verdict receipt_judge_by(const struct receipt_trust *trust,
                                      const struct bytes *payload);

/* Build with that hook in place, and judge. */
enum receipt_verdict receipt_outcome(void (*hook)(struct receipt_fixture *, enum receipt_stage));

#endif
