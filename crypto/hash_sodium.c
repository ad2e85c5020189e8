#include "crypto/hash.h"

#include <sodium.h>

static_assert(crypto_hash_sha256_BYTES == HASH_BYTES, "SHA-256");

void hash_bytes(struct bytes data, uint8_t out[HASH_BYTES])
{
    CHECK(crypto_hash_sha256(out, data.data, data.len) == 0);
}

void hash_parts(const struct bytes *parts, size_t count, uint8_t out[HASH_BYTES])
{
    crypto_hash_sha256_state state;

    CHECK(crypto_hash_sha256_init(&state) == 0);
    for (size_t i = 0; i < count; i++) {
        CHECK(crypto_hash_sha256_update(&state, parts[i].data, parts[i].len) == 0);
    }
    CHECK(crypto_hash_sha256_final(&state, out) == 0);
}
