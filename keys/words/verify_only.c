#include "keys/words/verify_only.h"

#include <sodium.h>

static bool verify(const uint8_t public_key[PUBLIC_KEY_BYTES], struct bytes message,
                   const uint8_t sig[SIG_BYTES])
{
    return crypto_sign_ed25519_verify_detached(sig, message.data, message.len, public_key) == 0;
}

static bool key_valid(const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    return crypto_core_ed25519_is_valid_point(public_key) == 1;
}

const struct sig_scheme sig_ed25519_verify_only = {
    .name = "ed25519",
    .verify = verify,
    .key_valid = key_valid,
};
