/* A token held against a charter, offline: who issued it, whether every block follows from the one
 * before it, whether it is in its time.
 *
 * This is what can be known without the log: revocations, suspended issuers, changed scopes and
 * used-up quotas cannot. The rules and their order are those of the check that replicas make
 * (governance/capability.h, step 2). Pure; only for people, never for admission. */
#ifndef VESTRY_KEYS_WORDS_TOKEN_CHECK_H
#define VESTRY_KEYS_WORDS_TOKEN_CHECK_H

#include "governance/charter.h"
#include "governance/token.h"

struct token_verdict {
    enum result_code code;
    enum widening widening; /* when the code is E_WIDEN */
    uint32_t block;         /* that is at fault */
    uint32_t issuer;        /* its place in the charter; valid from the code E_GEN on and for OK */
};

/* Returns verdict->code. The charter was verified. */
enum result_code token_check(const struct charter_view *charter, const struct token_view *token,
                             const struct sig_scheme *scheme, uint64_t time_ms,
                             struct token_verdict *verdict);

#endif
