/* What does not depend on the backend. */
#include "crypto/hash.h"

#include <string.h>

bool hash_equal(const uint8_t a[HASH_BYTES], const uint8_t b[HASH_BYTES])
{
    return memcmp(a, b, HASH_BYTES) == 0;
}

bool hash_is_zero(const uint8_t hash[HASH_BYTES])
{
    static const uint8_t zero[HASH_BYTES];

    return memcmp(hash, zero, HASH_BYTES) == 0;
}
