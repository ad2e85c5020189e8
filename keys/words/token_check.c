#include "keys/words/token_check.h"

#include "crypto/hash.h"

#include <string.h>

static bool find_issuer(const struct charter_view *charter, const uint8_t parent[HASH_BYTES],
                        uint32_t *out)
{
    for (uint32_t i = 0; i < charter->issuer_count; i++) {
        uint8_t id[HASH_BYTES];

        charter_issuer_id(charter, i, id);
        if (hash_equal(id, parent)) {
            *out = i;
            return true;
        }
    }
    return false;
}

static const uint8_t *find_generation(const struct charter_issuer *issuer, uint64_t gen)
{
    for (uint32_t i = 0; i < issuer->key_count; i++) {
        if (issuer->keys[i].gen == gen) {
            return issuer->keys[i].pk;
        }
    }
    return NULL;
}

static bool is_governed(const struct charter_view *charter, const uint8_t key[PUBLIC_KEY_BYTES])
{
    for (uint32_t i = 0; i < charter->key_count; i++) {
        if (memcmp(charter->keys[i].pk, key, PUBLIC_KEY_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* What the blocks above one allow, and who must have signed it. */
struct above {
    const struct charter_view *charter;
    const struct sig_scheme *scheme;
    struct cap_limits limits;
    uint64_t max_life_ms;
    const uint8_t *signer;
    const uint8_t *id; /* of the block above; NULL for block 0 */
    uint64_t time_ms;
};

static enum result_code check_block(const struct above *above, const struct token_block *block,
                                    struct token_verdict *verdict)
{
    const uint64_t end = block->limits.expires_ms;

    if (above->id != NULL && (!hash_equal(block->parent, above->id) || block->gen != 0)) {
        return E_PARENT;
    }
    verdict->widening = cap_widens(&block->limits, &above->limits);
    if (verdict->widening == WIDEN_NONE && end > above->time_ms &&
        end - above->time_ms > above->max_life_ms) {
        verdict->widening = WIDEN_LIFE;
    }
    if (verdict->widening != WIDEN_NONE) {
        return E_WIDEN;
    }
    if (!above->scheme->key_valid(block->holder) || is_governed(above->charter, block->holder)) {
        return E_KEY;
    }
    if (!above->scheme->verify(above->signer, BYTES_OF_ARRAY(block->statement), block->sig)) {
        return E_SIG;
    }
    if (above->time_ms < block->limits.not_before_ms) {
        return E_NOT_YET;
    }
    return above->time_ms >= end ? E_EXPIRED_TIME : RESULT_OK;
}

enum result_code token_check(const struct charter_view *charter, const struct token_view *token,
                             const struct sig_scheme *scheme, uint64_t time_ms,
                             struct token_verdict *verdict)
{
    const struct charter_issuer *issuer = NULL;
    struct above above = {.charter = charter, .scheme = scheme, .time_ms = time_ms};

    *verdict = (struct token_verdict){.code = E_ISSUER};
    if (!find_issuer(charter, token->blocks[0].parent, &verdict->issuer)) {
        return verdict->code;
    }
    issuer = &charter->issuers[verdict->issuer];
    above.signer = find_generation(issuer, token->blocks[0].gen);
    above.max_life_ms = issuer->row.scope.max_life_ms;
    verdict->code = E_GEN;
    if (above.signer == NULL) {
        return verdict->code;
    }
    verdict->code = scope_limits(&issuer->row.scope, &above.limits) ? RESULT_OK : E_WIDEN;
    for (uint32_t i = 0; i < token->count && verdict->code == RESULT_OK; i++) {
        verdict->block = i;
        verdict->code = check_block(&above, &token->blocks[i], verdict);
        above.limits = token->blocks[i].limits;
        above.signer = token->blocks[i].holder;
        above.id = token->blocks[i].id;
    }
    return verdict->code;
}
