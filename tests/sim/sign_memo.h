/* Signatures that were found good, so that the same one is not verified by each replica and by the
 * checker once more: whether it is good is a function of key, message and signature, and all three
 * are compared. What was signed here is verified like everything else. The simulator only, one
 * thread. */
#ifndef VESTRY_TESTS_SIM_SIGN_MEMO_H
#define VESTRY_TESTS_SIM_SIGN_MEMO_H

#include "crypto/sign.h"

/* The same scheme, with a memory. One scheme at a time: asking for another one forgets. */
MUST_USE const struct sig_scheme *sign_memo(const struct sig_scheme *scheme);

#endif
