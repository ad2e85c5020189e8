/* A stand-in for Ed25519 that costs a hash: for simulators and tests that sign millions of times.
 *
 * A signature is BLAKE2b-512 of the message, keyed with the public key, so anyone who knows a
 * public key can forge: it is honest only among parties that do not try. It lives under tests/ so
 * that no program that is installed can be linked with it. */
#ifndef VESTRY_TESTS_SUPPORT_SIGN_FAST_H
#define VESTRY_TESTS_SUPPORT_SIGN_FAST_H

#include "crypto/sign.h"

extern const struct sig_scheme sig_fast;

#endif
