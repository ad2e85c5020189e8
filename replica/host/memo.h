/* Signatures that were found good, by the hash of key, statement and signature, so that a token's
 * chain is verified once and not with every request, and a request once and not again in its batch.
 *
 * Only good ones are kept, and only whole 32-byte hashes are compared: a full set forgets, it never
 * errs. Fixed size; any thread. */
#ifndef VESTRY_REPLICA_HOST_MEMO_H
#define VESTRY_REPLICA_HOST_MEMO_H

#include "governance/capability.h"
#include "replica/core/node.h"

struct memo;

/* Room for at least `entries` hashes. */
MUST_USE enum status memo_open(size_t entries, struct memo **out);
void memo_close(struct memo *memo);

MUST_USE bool memo_known(struct memo *memo, const uint8_t hash[HASH_BYTES]);
void memo_add(struct memo *memo, const uint8_t hash[HASH_BYTES]);

/* The memo as the core's job_verify wants it. */
MUST_USE struct sig_memo memo_for_jobs(struct memo *memo);

/* Whether the signature is good: remembered, or verified now and then remembered. */
struct memo_verifier {
    struct memo *memo;
    const struct sig_scheme *scheme;
};
MUST_USE bool memo_verify(const struct memo_verifier *verifier,
                          const uint8_t public_key[PUBLIC_KEY_BYTES],
                          const uint8_t statement[STATEMENT_BYTES], const uint8_t sig[SIG_BYTES]);

/* The same as an oracle for cap_check; `verifier` must outlive it. */
MUST_USE struct sig_oracle memo_oracle(struct memo_verifier *verifier);

#endif
