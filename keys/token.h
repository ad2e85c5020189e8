/* Making tokens: issuing block 0 and attenuating, both offline.
 *
 * Both refuse what a replica would refuse, so that nobody walks away with a token that does not
 * work: a block that allows more than what it stands under, a holder key that is not one. Reading,
 * checking and showing tokens is keys/words/token_*.h and governance/token.h. Used by vestry-keys
 * and by the client. */
#ifndef VESTRY_KEYS_TOKEN_H
#define VESTRY_KEYS_TOKEN_H

#include "governance/charter.h"
#include "governance/token.h"
#include "keys/keyfile.h"

#define TOKEN_SUFFIX ".token"

/* What a new block is to allow, and whom. Start with token_wish_under_*, then narrow, and set the
 * holder. The prefixes borrow. */
struct token_wish {
    uint8_t holder[PUBLIC_KEY_BYTES];
    struct cap_limits limits;
    uint64_t latest_ms;   /* the end that the scope's longest life sets */
    bool prefixes_chosen; /* the first chosen prefix replaces those that were inherited */
    bool ops_chosen;
};

/* All that a block under a scope or a block may allow. STATUS_REFUSED when it may not be passed on
 * (depth 0). Under a scope it ends half the longest life from now: the log's time, which decides,
 * may lag behind `now_ms`. */
MUST_USE enum status token_wish_under_scope(const struct scope *scope, uint64_t now_ms,
                                            struct token_wish *wish, struct problem *problem);
MUST_USE enum status token_wish_under_block(const struct token_block *block,
                                            struct token_wish *wish, struct problem *problem);

/* Narrow by one option of the command lines: its name and its value as text. STATUS_NOT_FOUND when
 * it is no such option.
 *
 *     op append|read|govern   stream PREFIX   from TIME   until TIME   until-height N
 *     max-entry SIZE   entries N   bytes SIZE   rate N   holders N   depth N */
MUST_USE enum status token_wish_option(struct token_wish *wish, const char *name, const char *value,
                                       uint64_t now_ms, struct problem *problem);

/* Append a token of one block, signed by an issuer's key of the charter.
 * STATUS_REFUSED when the wish is wider than the scope or the holder's key may not hold a token;
 * STATUS_MISMATCH when the key is not one of an issuer of this charter. */
MUST_USE enum status token_issue(const struct charter_view *charter,
                                 const struct secret_key *issuer, const struct token_wish *wish,
                                 struct buffer *out, struct problem *problem);

/* Append `token` (parsed in `view`) with one more block, signed by the key that holds
 * the token now. STATUS_MISMATCH when `key` does not hold it. */
MUST_USE enum status token_attenuate(const struct token_view *view,
                                     const uint8_t cluster_id[HASH_BYTES],
                                     const struct secret_key *key, const struct token_wish *wish,
                                     struct buffer *out, struct problem *problem);

/* The place in the charter of the issuer that has this key, and the key's generation. */
MUST_USE enum status token_find_issuer(const struct charter_view *charter,
                                       const uint8_t public_key[PUBLIC_KEY_BYTES], uint32_t *issuer,
                                       uint64_t *gen, struct problem *problem);

/* Create the file, armoured, 0644: without the holder's key a token is of no use. */
MUST_USE enum status token_write(const char *path, struct bytes token, struct problem *problem);

#endif
