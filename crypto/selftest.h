/* The start-up self-test of the primitives: crypto profile 1.
 *
 * What a verifier says of edge cases (small-order points, encodings that are not canonical) differs
 * between libraries and between their versions, and here the verdict is a rule of consensus: a
 * replica that disagrees with the others about one signature would part from them. So every
 * program runs these vectors before anything else and refuses to start on a mismatch. */
#ifndef VESTRY_CRYPTO_SELFTEST_H
#define VESTRY_CRYPTO_SELFTEST_H

#include "crypto/contract.h"
#include "crypto/sign.h"
#include "crypto/status.h"

#include <stdint.h>

#define CRYPTO_PROFILE 1

/* "crypto profile 1: 24/24 vectors" is CRYPTO_PROFILE, passed and total. */
struct selftest {
    uint32_t passed;
    uint32_t total;
    const char *first_failure; /* what the first vector that failed is about; NULL when none did */
};

/* Initialise libsodium and run every vector on the hash that is linked and on `scheme`, which is
 * &sig_ed25519 in every program, or a scheme with the same rules and no secret half (sign is NULL)
 * in one that only verifies. STATUS_MISMATCH when a vector fails, STATUS_IO when libsodium cannot
 * be initialised: do not start. `out` is always filled in. */
MUST_USE enum status crypto_selftest(const struct sig_scheme *scheme, struct selftest *out);

#endif
