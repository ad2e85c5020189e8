#include "crypto/selftest.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void the_linked_primitives_pass(void **state)
{
    struct selftest result;

    (void)state;
    assert_int_equal(crypto_selftest(&sig_ed25519, &result), STATUS_OK);
    assert_int_equal(result.passed, 24);
    assert_int_equal(result.total, 24);
    assert_null(result.first_failure);
}

/* --- Schemes with one fault each -------------------------------------------------------------- */

static void wrong_public_key(const uint8_t seed[SEED_BYTES], uint8_t out[PUBLIC_KEY_BYTES])
{
    sig_ed25519.public_key(seed, out);
    out[0] ^= 1;
}

static void wrong_sign(const uint8_t seed[SEED_BYTES], const uint8_t public_key[PUBLIC_KEY_BYTES],
                       struct bytes message, uint8_t out[SIG_BYTES])
{
    sig_ed25519.sign(seed, public_key, message, out);
    out[SIG_BYTES - 1] ^= 1;
}

static bool accept_all(const uint8_t public_key[PUBLIC_KEY_BYTES], struct bytes message,
                       const uint8_t sig[SIG_BYTES])
{
    (void)public_key;
    (void)message;
    (void)sig;
    return true;
}

static bool refuse_all(const uint8_t public_key[PUBLIC_KEY_BYTES], struct bytes message,
                       const uint8_t sig[SIG_BYTES])
{
    (void)public_key;
    (void)message;
    (void)sig;
    return false;
}

/* A verifier that refuses keys which are not of the main subgroup: stricter than the rule. */
static bool verify_main_subgroup_only(const uint8_t public_key[PUBLIC_KEY_BYTES],
                                      struct bytes message, const uint8_t sig[SIG_BYTES])
{
    return crypto_core_ed25519_is_valid_point(public_key) == 1 &&
           sig_ed25519.verify(public_key, message, sig);
}

/* A verifier that takes S modulo the group order, as old ones did. */
static bool verify_reducing_s(const uint8_t public_key[PUBLIC_KEY_BYTES], struct bytes message,
                              const uint8_t sig[SIG_BYTES])
{
    uint8_t wide[crypto_core_ed25519_NONREDUCEDSCALARBYTES] = {0};
    uint8_t reduced[SIG_BYTES];

    memcpy(wide, sig + SIG_BYTES / 2, SIG_BYTES / 2);
    memcpy(reduced, sig, SIG_BYTES / 2);
    crypto_core_ed25519_scalar_reduce(reduced + SIG_BYTES / 2, wide);
    return sig_ed25519.verify(public_key, message, reduced);
}

static bool any_key_valid(const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    (void)public_key;
    return true;
}

static void a_scheme_that_differs_in_one_thing_does_not_start(void **state)
{
    struct {
        struct sig_scheme scheme;
        uint32_t failures;
    } faults[] = {
        {sig_ed25519, 3}, {sig_ed25519, 3}, {sig_ed25519, 12}, {sig_ed25519, 5},
        {sig_ed25519, 2}, {sig_ed25519, 1}, {sig_ed25519, 4},
    };

    (void)state;
    faults[0].scheme.public_key = wrong_public_key;
    faults[1].scheme.sign = wrong_sign;
    faults[2].scheme.verify = accept_all;
    faults[3].scheme.verify = refuse_all;
    faults[4].scheme.verify = verify_main_subgroup_only;
    faults[5].scheme.verify = verify_reducing_s;
    faults[6].scheme.key_valid = any_key_valid;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct selftest result;

        assert_int_equal(crypto_selftest(&faults[i].scheme, &result), STATUS_MISMATCH);
        assert_int_equal(result.total - result.passed, faults[i].failures);
        assert_non_null(result.first_failure);
    }
}

/* As in a program that only verifies: the vectors of signing are then verified. */
static void a_scheme_without_its_secret_half_is_tested_by_what_it_verifies(void **state)
{
    struct sig_scheme scheme = sig_ed25519;
    struct selftest result;

    (void)state;
    scheme.sign = NULL;
    scheme.public_key = NULL;
    assert_int_equal(crypto_selftest(&scheme, &result), STATUS_OK);
    assert_int_equal(result.passed, 24);
    scheme.verify = refuse_all;
    assert_int_equal(crypto_selftest(&scheme, &result), STATUS_MISMATCH);
    assert_int_equal(result.total - result.passed, 5);
    assert_non_null(result.first_failure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_linked_primitives_pass),
        cmocka_unit_test(a_scheme_that_differs_in_one_thing_does_not_start),
        cmocka_unit_test(a_scheme_without_its_secret_half_is_tested_by_what_it_verifies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
