/* Verdicts on signatures of token blocks, remembered by digest.
 *
 * "This signature over these bytes is valid" may be cached, because it never changes; "this is
 * authorised" never is. Direct-mapped, fixed size; an entry that is pushed out is verified again.
 * Pure. */
#ifndef VESTRY_REPLICA_CORE_SIG_CACHE_H
#define VESTRY_REPLICA_CORE_SIG_CACHE_H

#include "crypto/sign.h"
#include "crypto/status.h"

struct sig_cache;

MUST_USE enum status sig_cache_open(const struct sig_scheme *scheme, struct sig_cache **out);
void sig_cache_close(struct sig_cache *cache);

/* Whether `sig` is good for the 96-byte statement under the key. */
MUST_USE bool sig_cache_check(struct sig_cache *cache, const uint8_t public_key[PUBLIC_KEY_BYTES],
                              const uint8_t statement[STATEMENT_BYTES],
                              const uint8_t sig[SIG_BYTES]);

#endif
