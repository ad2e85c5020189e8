/* Ed25519 without its secret half: the same verdicts as sig_ed25519 (crypto/sign.h), and nothing in
 * the program that could sign. `public_key` and `sign` are NULL. For vestry-verify. */
#ifndef VESTRY_KEYS_WORDS_VERIFY_ONLY_H
#define VESTRY_KEYS_WORDS_VERIFY_ONLY_H

#include "crypto/sign.h"

extern const struct sig_scheme sig_ed25519_verify_only;

#endif
