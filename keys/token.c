#include "keys/token.h"

#include "crypto/name.h"
#include "keys/words/amounts.h"
#include "keys/words/armour.h"
#include "keys/words/file.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PREFIXES_BYTES_MAX (STREAM_PREFIXES_MAX * (ID_BYTES_MAX + 2))

/* --- What a block is to allow ---------------------------------------------------------------- */

enum status token_wish_under_scope(const struct scope *scope, uint64_t now_ms,
                                   struct token_wish *wish, struct problem *problem)
{
    struct token_wish made = {0};

    if (!scope_limits(scope, &made.limits) || made.limits.depth == 0) {
        return problem_say(problem, STATUS_REFUSED, "the issuer's scope allows no token");
    }
    made.limits.depth--;
    made.latest_ms = now_ms + scope->max_life_ms;
    made.limits.expires_ms = now_ms + scope->max_life_ms / 2;
    if (scope->max_life_ms > U64_UNLIMITED - now_ms) {
        made.latest_ms = U64_UNLIMITED;
        made.limits.expires_ms = U64_UNLIMITED;
    }
    *wish = made;
    return STATUS_OK;
}

enum status token_wish_under_block(const struct token_block *block, struct token_wish *wish,
                                   struct problem *problem)
{
    if (block->limits.depth == 0) {
        (void)problem_say(problem, STATUS_REFUSED, "this token may not be passed on (depth 0)");
        return problem_advise(problem, "ask who gave it to you for one that may");
    }
    *wish = (struct token_wish){.limits = block->limits, .latest_ms = U64_UNLIMITED};
    wish->limits.depth--;
    return STATUS_OK;
}

static enum status bad_value(struct problem *problem, const char *name, const char *value,
                             const char *form)
{
    (void)problem_say(problem, STATUS_INVALID, "--%s: \"%s\" is not %s", name, value, form);
    return problem_advise(problem, "give %s", form);
}

static enum status wish_op(struct token_wish *wish, const char *value, struct problem *problem)
{
    static const char *const names[] = {"append", "read", "govern"};

    if (!wish->ops_chosen) {
        wish->limits.ops = 0;
        wish->ops_chosen = true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i]) == 0) {
            wish->limits.ops |= UINT64_C(1) << i;
            return STATUS_OK;
        }
    }
    return bad_value(problem, "op", value, "append, read or govern");
}

/* Put a prefix where it belongs: the list is ascending and none covers another. */
static enum status wish_stream(struct token_wish *wish, const char *value, struct problem *problem)
{
    struct prefix_set *set = &wish->limits.prefixes;
    const struct bytes prefix = bytes_of_text(strcmp(value, "all") == 0 ? "" : value);
    uint32_t at = 0;

    if (!wish->prefixes_chosen) {
        set->count = 0;
        wish->prefixes_chosen = true;
    }
    if (!name_is_prefix(prefix)) {
        return bad_value(problem, "stream", value, "a stream or prefix like orders/store17");
    }
    for (uint32_t i = 0; i < set->count; i++) {
        if (name_covers(set->list[i], prefix) || name_covers(prefix, set->list[i])) {
            (void)problem_say(problem, STATUS_INVALID, "--stream %s and --stream %.*s overlap",
                              value, (int)set->list[i].len, (const char *)set->list[i].data);
            return problem_advise(problem, "name the wider one only");
        }
        at += bytes_compare(set->list[i], prefix) < 0;
    }
    if (set->count == STREAM_PREFIXES_MAX) {
        return problem_say(problem, STATUS_INVALID, "more than %d streams in one token",
                           STREAM_PREFIXES_MAX);
    }
    memmove(&set->list[at + 1], &set->list[at], (set->count - at) * sizeof(set->list[0]));
    set->list[at] = prefix;
    set->count++;
    return STATUS_OK;
}

static enum status wish_time(uint64_t *field, const char *name, const char *value, uint64_t now_ms,
                             struct problem *problem)
{
    if (amount_parse_time(bytes_of_text(value), now_ms, field)) {
        return STATUS_OK;
    }
    return bad_value(problem, name, value, "a time like +7d, 2027-01-31 or 2027-01-31T12:00:00Z");
}

static enum status wish_size(uint64_t *field, const char *name, const char *value,
                             struct problem *problem)
{
    if (amount_parse_size(bytes_of_text(value), field)) {
        return STATUS_OK;
    }
    return bad_value(problem, name, value, "a size like 4096, 64KiB, 1MiB or unlimited");
}

static enum status wish_count(uint64_t *field, const char *name, const char *value,
                              struct problem *problem)
{
    if (amount_parse_count(bytes_of_text(value), field)) {
        return STATUS_OK;
    }
    return bad_value(problem, name, value, "a number, or unlimited");
}

enum status token_wish_option(struct token_wish *wish, const char *name, const char *value,
                              uint64_t now_ms, struct problem *problem)
{
    struct cap_limits *limits = &wish->limits;
    const struct {
        const char *name;
        uint64_t *field;
    } counts[] = {
        {"until-height", &limits->expires_height},
        {"entries", &limits->quota_entries},
        {"rate", &limits->rate_uses},
        {"holders", &limits->holders},
        {"depth", &limits->depth},
    };

    if (strcmp(name, "op") == 0) {
        return wish_op(wish, value, problem);
    }
    if (strcmp(name, "stream") == 0) {
        return wish_stream(wish, value, problem);
    }
    if (strcmp(name, "from") == 0) {
        return wish_time(&limits->not_before_ms, name, value, now_ms, problem);
    }
    if (strcmp(name, "until") == 0) {
        return wish_time(&limits->expires_ms, name, value, now_ms, problem);
    }
    if (strcmp(name, "max-entry") == 0) {
        return wish_size(&limits->max_entry, name, value, problem);
    }
    if (strcmp(name, "bytes") == 0) {
        return wish_size(&limits->quota_bytes, name, value, problem);
    }
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (strcmp(name, counts[i].name) == 0) {
            return wish_count(counts[i].field, name, value, problem);
        }
    }
    return problem_say(problem, STATUS_NOT_FOUND, "no option --%s of a token", name);
}

/* --- Blocks ---------------------------------------------------------------------------------- */

static enum status check_wish(const struct token_wish *wish, const struct cap_limits *outer,
                              struct problem *problem)
{
    const enum widening widening =
        wish->limits.expires_ms > wish->latest_ms ? WIDEN_LIFE : cap_widens(&wish->limits, outer);

    if (!sig_ed25519.key_valid(wish->holder)) {
        (void)problem_say(problem, STATUS_REFUSED, "the new holder's key is not a valid key");
        return problem_advise(problem, "ask the holder for the card again");
    }
    if (widening != WIDEN_NONE) {
        (void)problem_say(problem, STATUS_REFUSED,
                          "this block would allow more than its parent: "
                          "it %s",
                          widening_text(widening));
        return problem_advise(problem, "narrow that option; a token can only be made narrower");
    }
    if (wish->limits.not_before_ms >= wish->limits.expires_ms) {
        (void)problem_say(problem, STATUS_INVALID, "the token would end before it begins");
        return problem_advise(problem, "choose --until after --from");
    }
    return STATUS_OK;
}

/* Append the block's body. */
static enum status put_block(const struct token_wish *wish, const uint8_t parent[HASH_BYTES],
                             uint64_t gen, struct buffer *body)
{
    uint8_t raw[PREFIXES_BYTES_MAX];
    struct buffer prefixes = buffer_make(raw, sizeof(raw));
    const struct cap_limits *limits = &wish->limits;
    struct cap_block block = {
        .gen = gen,
        .ops = limits->ops,
        .not_before_ms = limits->not_before_ms,
        .expires_ms = limits->expires_ms,
        .expires_height = limits->expires_height,
        .max_entry = limits->max_entry,
        .quota_entries = limits->quota_entries,
        .quota_bytes = limits->quota_bytes,
        .rate = {limits->rate_uses, limits->rate_window_ms},
        .holders = limits->holders,
        .depth = limits->depth,
    };

    for (uint32_t i = 0; i < limits->prefixes.count; i++) {
        const struct item_id prefix = {limits->prefixes.list[i]};

        CHECK(item_id_encode(&prefix, &prefixes));
    }
    block.prefixes = (struct wire_list){buffer_bytes(&prefixes), limits->prefixes.count};
    memcpy(block.parent, parent, HASH_BYTES);
    memcpy(block.holder, wish->holder, PUBLIC_KEY_BYTES);
    randombytes_buf(block.nonce, sizeof(block.nonce));
    return cap_block_encode(&block, body) ? STATUS_OK : STATUS_INVALID;
}

/* Sign `body`, append it to the encoded blocks there are, and write the token. The result is parsed
 * once more by the rules that replicas use. */
static enum status finish(const struct secret_key *signer, const uint8_t cluster_id[HASH_BYTES],
                          struct bytes body, struct wire_list before, struct buffer *out)
{
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer blocks = buffer_make(raw, sizeof(raw));
    struct signed_block made = {.block = body};
    struct token token;
    struct token_view view;
    const size_t start = out->len;

    secret_key_sign(signer, TAG_CAPABILITY, cluster_id, body, made.sig);
    buffer_put(&blocks, before.raw);
    if (!signed_block_encode(&made, &blocks)) {
        return STATUS_INVALID;
    }
    token.blocks = (struct wire_list){buffer_bytes(&blocks), before.count + 1};
    if (!token_encode(&token, out) || out->len - start > TOKEN_BYTES_MAX) {
        return STATUS_INVALID;
    }
    return token_parse(bytes_make(out->data + start, out->len - start), cluster_id, &view) ==
                   RESULT_OK
               ? STATUS_OK
               : STATUS_INVALID;
}

static enum status say_not_made(enum status status, struct problem *problem)
{
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    (void)problem_say(problem, status,
                      "such a token cannot be written: too many blocks or streams, "
                      "or limits that are not legal");
    return problem_advise(problem,
                          "use fewer or shorter --stream; a token has at most %d blocks "
                          "and %d bytes",
                          TOKEN_BLOCKS_MAX, TOKEN_BYTES_MAX);
}

enum status token_find_issuer(const struct charter_view *charter,
                              const uint8_t public_key[PUBLIC_KEY_BYTES], uint32_t *issuer,
                              uint64_t *gen, struct problem *problem)
{
    for (uint32_t i = 0; i < charter->issuer_count; i++) {
        for (uint32_t k = 0; k < charter->issuers[i].key_count; k++) {
            if (memcmp(charter->issuers[i].keys[k].pk, public_key, PUBLIC_KEY_BYTES) == 0) {
                *issuer = i;
                *gen = charter->issuers[i].keys[k].gen;
                return STATUS_OK;
            }
        }
    }
    (void)problem_say(problem, STATUS_MISMATCH, "this key is not one of an issuer of %.*s",
                      (int)charter->charter.name.len, (const char *)charter->charter.name.data);
    return problem_advise(problem, "use the issuer's key, or the charter it belongs to");
}

enum status token_issue(const struct charter_view *charter, const struct secret_key *issuer,
                        const struct token_wish *wish, struct buffer *out, struct problem *problem)
{
    uint8_t raw[TOKEN_BLOCK_BYTES_MAX];
    struct buffer body = buffer_make(raw, sizeof(raw));
    uint8_t parent[HASH_BYTES];
    struct cap_limits scope;
    uint32_t at = 0;
    uint64_t gen = 0;

    enum status status = token_find_issuer(charter, issuer->public_key, &at, &gen, problem);
    if (status != STATUS_OK) {
        return status;
    }
    for (uint32_t i = 0; i < charter->key_count; i++) {
        if (memcmp(charter->keys[i].pk, wish->holder, PUBLIC_KEY_BYTES) == 0) {
            (void)problem_say(problem, STATUS_REFUSED,
                              "the new holder's key has a role in the charter already");
            return problem_advise(problem, "a client makes a key of its own: vestry-keys key new");
        }
    }
    CHECK(scope_limits(&charter->issuers[at].row.scope, &scope));
    status = check_wish(wish, &scope, problem);
    if (status != STATUS_OK) {
        return status;
    }
    charter_issuer_id(charter, at, parent);
    status = put_block(wish, parent, gen, &body);
    if (status == STATUS_OK) {
        status = finish(issuer, charter->cluster_id, buffer_bytes(&body),
                        (struct wire_list){BYTES_EMPTY, 0}, out);
    }
    return say_not_made(status, problem);
}

enum status token_attenuate(const struct token_view *view, const uint8_t cluster_id[HASH_BYTES],
                            const struct secret_key *key, const struct token_wish *wish,
                            struct buffer *out, struct problem *problem)
{
    const struct token_block *leaf = &view->blocks[view->count - 1];
    uint8_t raw[TOKEN_BLOCK_BYTES_MAX];
    uint8_t before_raw[TOKEN_BYTES_MAX];
    struct buffer body = buffer_make(raw, sizeof(raw));
    struct buffer before = buffer_make(before_raw, sizeof(before_raw));

    if (memcmp(leaf->holder, key->public_key, PUBLIC_KEY_BYTES) != 0) {
        (void)problem_say(problem, STATUS_MISMATCH, "%s does not hold this token", key->subject);
        return problem_advise(problem, "use the key of the holder that the last block names");
    }
    enum status status = check_wish(wish, &leaf->limits, problem);
    if (status != STATUS_OK) {
        return status;
    }
    for (uint32_t i = 0; i < view->count; i++) {
        struct signed_block block = {.block = view->blocks[i].body};

        memcpy(block.sig, view->blocks[i].sig, SIG_BYTES);
        CHECK(signed_block_encode(&block, &before));
    }
    status = put_block(wish, leaf->id, 0, &body);
    if (status == STATUS_OK) {
        status = finish(key, cluster_id, buffer_bytes(&body),
                        (struct wire_list){buffer_bytes(&before), view->count}, out);
    }
    return say_not_made(status, problem);
}

enum status token_write(const char *path, struct bytes token, struct problem *problem)
{
    uint8_t text[ARMOUR_CHARS(TOKEN_BYTES_MAX)];
    struct buffer armoured = buffer_make(text, sizeof(text));

    armour_put(&armoured, ARMOUR_TOKEN, token);
    CHECK(!armoured.full);
    return file_create(path, 0644, buffer_bytes(&armoured), problem);
}
