#include "tests/support/sign_fast.h"

#include "crypto/hash.h"

#include <sodium.h>
#include <string.h>

static void fast_public_key(const uint8_t seed[SEED_BYTES], uint8_t out[PUBLIC_KEY_BYTES])
{
    static const uint8_t personal[] = "fast public key";

    CHECK(crypto_generichash(out, PUBLIC_KEY_BYTES, personal, sizeof(personal), seed, SEED_BYTES) ==
          0);
}

static void fast_mac(const uint8_t public_key[PUBLIC_KEY_BYTES], struct bytes message,
                     uint8_t out[SIG_BYTES])
{
    CHECK(crypto_generichash(out, SIG_BYTES, message.data, message.len, public_key,
                             PUBLIC_KEY_BYTES) == 0);
}

static void fast_sign(const uint8_t seed[SEED_BYTES], const uint8_t public_key[PUBLIC_KEY_BYTES],
                      struct bytes message, uint8_t out[SIG_BYTES])
{
    (void)seed;
    fast_mac(public_key, message, out);
}

static bool fast_verify(const uint8_t public_key[PUBLIC_KEY_BYTES], struct bytes message,
                        const uint8_t sig[SIG_BYTES])
{
    uint8_t expected[SIG_BYTES];

    fast_mac(public_key, message, expected);
    return memcmp(expected, sig, SIG_BYTES) == 0;
}

static bool fast_key_valid(const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    return !hash_is_zero(public_key);
}

const struct sig_scheme sig_fast = {
    .name = "fast stand-in",
    .public_key = fast_public_key,
    .sign = fast_sign,
    .verify = fast_verify,
    .key_valid = fast_key_valid,
};
