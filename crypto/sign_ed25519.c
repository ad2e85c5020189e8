/* Ed25519 by libsodium. Its verification rules, which selftest.c pins: S must be below the group
 * order; A must be canonically encoded, on the curve and not of small order; R must not be of small
 * order; and R must equal the encoding of [S]B - [h]A byte for byte, without a cofactor. */
#include "crypto/sign.h"

#include <sodium.h>
#include <string.h>

static_assert(crypto_sign_ed25519_SEEDBYTES == SEED_BYTES, "sizes of Ed25519");
static_assert(crypto_sign_ed25519_PUBLICKEYBYTES == PUBLIC_KEY_BYTES, "sizes of Ed25519");
static_assert(crypto_sign_ed25519_BYTES == SIG_BYTES, "sizes of Ed25519");
static_assert(crypto_sign_ed25519_SECRETKEYBYTES == SEED_BYTES + PUBLIC_KEY_BYTES,
              "libsodium's secret key is the seed and the public key");

static void ed25519_public_key(const uint8_t seed[SEED_BYTES], uint8_t out[PUBLIC_KEY_BYTES])
{
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];

    CHECK(crypto_sign_ed25519_seed_keypair(out, secret, seed) == 0);
    sodium_memzero(secret, sizeof(secret));
}

/* The public key goes into the signature: a wrong one for this seed would give the secret scalar
 * away to whoever sees two signatures of one message. Callers hold pairs that were derived here. */
static void ed25519_sign(const uint8_t seed[SEED_BYTES], const uint8_t public_key[PUBLIC_KEY_BYTES],
                         struct bytes message, uint8_t out[SIG_BYTES])
{
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];

    memcpy(secret, seed, SEED_BYTES);
    memcpy(secret + SEED_BYTES, public_key, PUBLIC_KEY_BYTES);
    CHECK(crypto_sign_ed25519_detached(out, NULL, message.data, message.len, secret) == 0);
    sodium_memzero(secret, sizeof(secret));
}

static bool ed25519_verify(const uint8_t public_key[PUBLIC_KEY_BYTES], struct bytes message,
                           const uint8_t sig[SIG_BYTES])
{
    return crypto_sign_ed25519_verify_detached(sig, message.data, message.len, public_key) == 0;
}

static bool ed25519_key_valid(const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    return crypto_core_ed25519_is_valid_point(public_key) == 1;
}

const struct sig_scheme sig_ed25519 = {
    .name = "ed25519",
    .public_key = ed25519_public_key,
    .sign = ed25519_sign,
    .verify = ed25519_verify,
    .key_valid = ed25519_key_valid,
};
