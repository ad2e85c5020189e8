#include "replica/core/sig_cache.h"

#include "crypto/hash.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES 8192u

struct entry {
    uint8_t key[HASH_BYTES]; /* SHA-256(public key || statement || signature) */
    enum {
        UNKNOWN,
        GOOD,
        BAD
    } verdict;
};

struct sig_cache {
    const struct sig_scheme *scheme;
    struct entry entries[ENTRIES];
};

enum status sig_cache_open(const struct sig_scheme *scheme, struct sig_cache **out)
{
    struct sig_cache *cache = calloc(1, sizeof(*cache));
    if (cache == NULL) {
        return STATUS_NO_MEMORY;
    }
    cache->scheme = scheme;
    *out = cache;
    return STATUS_OK;
}

void sig_cache_close(struct sig_cache *cache)
{
    free(cache);
}

bool sig_cache_check(struct sig_cache *cache, const uint8_t public_key[PUBLIC_KEY_BYTES],
                     const uint8_t statement[STATEMENT_BYTES], const uint8_t sig[SIG_BYTES])
{
    struct bytes parts[] = {
        bytes_make(public_key, PUBLIC_KEY_BYTES),
        bytes_make(statement, STATEMENT_BYTES),
        bytes_make(sig, SIG_BYTES),
    };
    uint8_t key[HASH_BYTES];
    hash_parts(parts, 3, key);
    struct entry *entry = &cache->entries[bytes_get_u32be(key) % ENTRIES];
    if (entry->verdict == UNKNOWN || !hash_equal(entry->key, key)) {
        memcpy(entry->key, key, HASH_BYTES);
        entry->verdict = cache->scheme->verify(public_key, parts[1], sig) ? GOOD : BAD;
    }
    return entry->verdict == GOOD;
}
