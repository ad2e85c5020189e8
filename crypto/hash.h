/* SHA-256 (FIPS 180-4), the one hash of the system.
 *
 * Two backends with this interface, chosen at link time: hash_openssl.c (SHA-NI, for programs that
 * link libcrypto for TLS anyway) and hash_sodium.c (for the offline programs). Both are
 * thread-safe. */
#ifndef VESTRY_CRYPTO_HASH_H
#define VESTRY_CRYPTO_HASH_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

/* out = SHA-256(data). `out` may overlap `data`. */
void hash_bytes(struct bytes data, uint8_t out[HASH_BYTES]);

/* out = SHA-256(parts[0] || parts[1] || ...), without joining them first. */
void hash_parts(const struct bytes *parts, size_t count, uint8_t out[HASH_BYTES]);

MUST_USE bool hash_equal(const uint8_t a[HASH_BYTES], const uint8_t b[HASH_BYTES]);

/* All 32 bytes zero: "absent" in an optional hash, the null digest in votes. */
MUST_USE bool hash_is_zero(const uint8_t hash[HASH_BYTES]);

#endif
