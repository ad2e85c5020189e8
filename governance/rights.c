#include "governance/rights.h"

#include "crypto/name.h"
#include "governance/records.h"

#include <stddef.h>
#include <string.h>

static_assert(PARAM_NUMBER_END <= PARAMS_MAX, "parameters are stored by number");

static void params_default(struct rights *rights)
{
    for (uint64_t number = 0; number < PARAMS_MAX; number++) {
        const struct param_rule *rule = param_rule(number);

        rights->params[number] = rule == NULL ? 0 : rule->usual;
    }
}

void rights_init(struct rights *rights)
{
    memset(rights, 0, offsetof(struct rights, issuers)); /* the lists have no members */
    params_default(rights);
}

static struct bytes prefix_take(struct bytes prefix, struct prefix_text *out)
{
    out->len = prefix.len;
    if (prefix.len > 0) {
        memcpy(out->text, prefix.data, prefix.len);
    }
    return bytes_make(out->text, out->len);
}

static bool issuer_take(const struct issuer_standing *row, struct rights_issuer *out)
{
    struct wire_iter iter = wire_iter_make(row->keys);
    struct issuer_generation key;

    memcpy(out->id, row->card_id, HASH_BYTES);
    out->active = row->standing == STANDING_ACTIVE;
    out->gen_min = row->gen_min;
    out->max_life_ms = row->scope.max_life_ms;
    out->live_tokens = row->scope.live_tokens;
    out->generation_count = 0;
    while (issuer_generation_next(&iter, &key)) {
        struct rights_generation *generation = &out->generations[out->generation_count++];

        generation->gen = key.gen;
        generation->until_ms = key.until_ms;
        memcpy(generation->pk, key.pk, PUBLIC_KEY_BYTES);
    }
    if (!scope_limits(&row->scope, &out->scope)) {
        return false;
    }
    for (uint32_t i = 0; i < out->scope.prefixes.count; i++) {
        out->scope.prefixes.list[i] =
            prefix_take(out->scope.prefixes.list[i], &out->prefix_texts[i]);
    }
    return true;
}

static bool issuers_read(struct rights *rights, struct bytes body)
{
    struct issuers_section section;
    struct issuer_standing row;

    rights->issuer_count = 0;
    if (issuers_section_decode(body, &section) != WIRE_OK) {
        return false;
    }

    struct wire_iter iter = wire_iter_make(section.issuers);

    while (issuer_standing_next(&iter, &row)) {
        if (!issuer_take(&row, &rights->issuers[rights->issuer_count])) {
            return false;
        }
        rights->issuer_count++;
    }
    return true;
}

static bool params_read(struct rights *rights, struct bytes body)
{
    struct params_section section;
    struct param_row param;
    struct freeze_row freeze;

    params_default(rights);
    rights->freeze_count = 0;
    if (params_section_decode(body, &section) != WIRE_OK) {
        return false;
    }
    rights->profile = section.profile;
    rights->feature_level = section.feature_level;

    struct wire_iter iter = wire_iter_make(section.params);

    while (param_row_next(&iter, &param)) {
        if (param.id >= PARAMS_MAX) {
            return false;
        }
        rights->params[param.id] = param.value;
    }
    iter = wire_iter_make(section.freezes);
    while (freeze_row_next(&iter, &freeze)) {
        struct rights_freeze *out = &rights->freezes[rights->freeze_count++];

        (void)prefix_take(freeze.prefix, &out->prefix);
        out->until_ms = freeze.until_ms;
    }
    return true;
}

/* Append a hash to an ascending list; false when it would not ascend. */
static bool ascending_put(uint8_t (*list)[HASH_BYTES], uint32_t *count,
                          const uint8_t hash[HASH_BYTES])
{
    if (*count > 0 && memcmp(list[*count - 1], hash, HASH_BYTES) >= 0) {
        return false;
    }
    memcpy(list[*count], hash, HASH_BYTES);
    ++*count;
    return true;
}

static bool revocations_read(struct rights *rights, struct bytes body)
{
    struct revocations_section section;
    struct revoked_block block;
    struct item_hash key;

    rights->revoked_block_count = 0;
    rights->revoked_key_count = 0;
    if (revocations_section_decode(body, &section) != WIRE_OK) {
        return false;
    }

    struct wire_iter iter = wire_iter_make(section.blocks);

    while (revoked_block_next(&iter, &block)) {
        if (!ascending_put(rights->revoked_blocks, &rights->revoked_block_count, block.id)) {
            return false;
        }
    }
    iter = wire_iter_make(section.keys);
    while (item_hash_next(&iter, &key)) {
        if (!ascending_put(rights->revoked_keys, &rights->revoked_key_count, key.value)) {
            return false;
        }
    }
    return true;
}

static bool section_parse(struct rights *rights, enum section section, struct bytes body)
{
    switch (section) {
    case SECTION_ISSUERS:
        return issuers_read(rights, body);
    case SECTION_PARAMS:
        return params_read(rights, body);
    case SECTION_REVOCATIONS:
        return revocations_read(rights, body);
    case SECTION_MEMBERS:
    case SECTION_RECOVERY:
    case SECTION_REPLICAS:
    case SECTION_SOFTWARE:
    case SECTION_WITNESSES:
        return true;
    }
    return false;
}

bool rights_refresh(struct rights *rights, const struct state *state, bool *moved)
{
    bool any = false;

    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        struct section_record record;

        if (!section_read(state, section, &record)) {
            return false;
        }
        if (record.version == rights->versions[section]) {
            continue;
        }
        if (!section_parse(rights, section, record.body)) {
            return false;
        }
        rights->versions[section] = record.version;
        any = true;
    }
    if (any) {
        config_hash(state, rights->config_hash);
    }
    if (moved != NULL) {
        *moved = any;
    }
    return true;
}

uint64_t rights_param(const struct rights *rights, enum param param)
{
    return rights->params[param];
}

const struct rights_issuer *rights_issuer(const struct rights *rights, const uint8_t id[HASH_BYTES])
{
    for (uint32_t i = 0; i < rights->issuer_count; i++) {
        if (memcmp(rights->issuers[i].id, id, HASH_BYTES) == 0) {
            return &rights->issuers[i];
        }
    }
    return NULL;
}

const struct rights_generation *rights_generation(const struct rights_issuer *issuer, uint64_t gen)
{
    for (uint32_t i = 0; i < issuer->generation_count; i++) {
        if (issuer->generations[i].gen == gen) {
            return &issuer->generations[i];
        }
    }
    return NULL;
}

const uint8_t *rights_block0_signer(const struct rights *rights, const uint8_t parent[HASH_BYTES],
                                    uint64_t gen)
{
    const struct rights_issuer *issuer = rights_issuer(rights, parent);
    const struct rights_generation *generation =
        issuer == NULL ? NULL : rights_generation(issuer, gen);

    return generation == NULL ? NULL : generation->pk;
}

/* Whether a hash is in an ascending list. */
static bool ascending_has(const uint8_t (*list)[HASH_BYTES], uint32_t count,
                          const uint8_t hash[HASH_BYTES])
{
    uint32_t from = 0;
    uint32_t to = count;

    while (from < to) {
        const uint32_t middle = from + (to - from) / 2;
        const int order = memcmp(list[middle], hash, HASH_BYTES);

        if (order == 0) {
            return true;
        }
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return false;
}

bool rights_block_revoked(const struct rights *rights, const uint8_t id[HASH_BYTES])
{
    return ascending_has(rights->revoked_blocks, rights->revoked_block_count, id);
}

bool rights_key_revoked(const struct rights *rights, const uint8_t pk[PUBLIC_KEY_BYTES])
{
    return ascending_has(rights->revoked_keys, rights->revoked_key_count, pk);
}

bool rights_frozen(const struct rights *rights, struct bytes stream, uint64_t time_ms)
{
    for (uint32_t i = 0; i < rights->freeze_count; i++) {
        const struct rights_freeze *freeze = &rights->freezes[i];

        if (time_ms < freeze->until_ms &&
            name_covers(bytes_make(freeze->prefix.text, freeze->prefix.len), stream)) {
            return true;
        }
    }
    return false;
}
