#include "governance/token.h"

#include "crypto/hash.h"
#include "crypto/name.h"

#include <string.h>

bool prefix_set_parse(struct wire_list list, struct prefix_set *out)
{
    struct wire_iter iter = wire_iter_make(list);
    struct item_id id;

    out->count = 0;
    if (list.count == 0 || list.count > STREAM_PREFIXES_MAX) {
        return false;
    }
    while (item_id_next(&iter, &id)) {
        if (!name_is_prefix(id.value)) {
            return false;
        }
        for (uint32_t i = 0; i < out->count; i++) {
            if (bytes_compare(out->list[i], id.value) >= 0 || name_covers(out->list[i], id.value)) {
                return false;
            }
        }
        out->list[out->count++] = id.value;
    }
    return out->count == list.count;
}

bool prefix_set_covers(const struct prefix_set *set, struct bytes stream)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (name_covers(set->list[i], stream)) {
            return true;
        }
    }
    return false;
}

bool scope_limits(const struct scope *scope, struct cap_limits *out)
{
    out->ops = scope->ops;
    out->not_before_ms = 0;
    out->expires_ms = U64_UNLIMITED;
    out->expires_height = U64_UNLIMITED;
    out->max_entry = scope->max_entry;
    out->quota_entries = scope->quota_entries;
    out->quota_bytes = scope->quota_bytes;
    out->rate_uses = scope->rate.uses;
    out->rate_window_ms = scope->rate.window_ms;
    out->holders = scope->holders;
    out->depth = scope->depth;
    return scope->ops != 0 && scope->rate.window_ms != 0 &&
           prefix_set_parse(scope->prefixes, &out->prefixes);
}

/* Take a decoded block over. False when one of the rules about its fields does not hold. */
static bool block_take(const struct cap_block *body, struct token_block *out)
{
    struct cap_limits *limits = &out->limits;

    memcpy(out->parent, body->parent, HASH_BYTES);
    memcpy(out->holder, body->holder, PUBLIC_KEY_BYTES);
    out->gen = body->gen;
    limits->ops = body->ops;
    limits->not_before_ms = body->not_before_ms;
    limits->expires_ms = body->expires_ms;
    limits->expires_height = body->expires_height;
    limits->max_entry = body->max_entry;
    limits->quota_entries = body->quota_entries;
    limits->quota_bytes = body->quota_bytes;
    limits->rate_uses = body->rate.uses;
    limits->rate_window_ms = body->rate.window_ms;
    limits->holders = body->holders;
    limits->depth = body->depth;
    return body->ops != 0 && body->not_before_ms < body->expires_ms && body->rate.window_ms != 0 &&
           prefix_set_parse(body->prefixes, &limits->prefixes);
}

enum result_code token_block_parse(struct bytes body, const uint8_t cluster_id[HASH_BYTES],
                                   struct token_block *out)
{
    struct cap_block block;

    if (cap_block_decode(body, &block) != WIRE_OK || !block_take(&block, out)) {
        return E_ENCODING;
    }
    out->body = body;
    statement_make(TAG_CAPABILITY, cluster_id, body, out->statement);
    hash_bytes(BYTES_OF_ARRAY(out->statement), out->id);
    return RESULT_OK;
}

/* Whether the bytes are a token but for the number of its blocks, which is too large. */
static bool is_too_deep(struct bytes token)
{
    struct cursor cursor = cursor_make(token);
    uint32_t count = 0;
    uint64_t version = 0;

    if (wire_check(token) != WIRE_OK || !read_array(&cursor, 2, 2, &count) ||
        !read_u64(&cursor, 1, &version) || version != 1) {
        return false;
    }
    return read_array(&cursor, TOKEN_BLOCKS_MAX + 1, TOKEN_BYTES_MAX, &count);
}

enum result_code token_parse(struct bytes token, const uint8_t cluster_id[HASH_BYTES],
                             struct token_view *out)
{
    struct token decoded;
    struct signed_block signed_block;

    out->count = 0;
    if (token.len > TOKEN_BYTES_MAX) {
        return E_ENCODING;
    }
    if (token_decode(token, &decoded) != WIRE_OK) {
        return is_too_deep(token) ? E_DEPTH : E_ENCODING;
    }

    struct wire_iter iter = wire_iter_make(decoded.blocks);

    while (signed_block_next(&iter, &signed_block)) {
        struct token_block *block = &out->blocks[out->count++];

        if (token_block_parse(signed_block.block, cluster_id, block) != RESULT_OK) {
            return E_ENCODING;
        }
        memcpy(block->sig, signed_block.sig, SIG_BYTES);
    }
    return RESULT_OK;
}

enum widening cap_widens(const struct cap_limits *inner, const struct cap_limits *outer)
{
    if ((inner->ops & ~outer->ops) != 0) {
        return WIDEN_OPS;
    }
    for (uint32_t i = 0; i < inner->prefixes.count; i++) {
        if (!prefix_set_covers(&outer->prefixes, inner->prefixes.list[i])) {
            return WIDEN_PREFIX;
        }
    }
    if (inner->not_before_ms < outer->not_before_ms) {
        return WIDEN_NOT_BEFORE;
    }
    if (inner->expires_ms > outer->expires_ms) {
        return WIDEN_EXPIRES;
    }
    if (inner->expires_height > outer->expires_height) {
        return WIDEN_EXPIRES_HEIGHT;
    }
    if (inner->max_entry > outer->max_entry) {
        return WIDEN_MAX_ENTRY;
    }
    if (inner->quota_entries > outer->quota_entries) {
        return WIDEN_QUOTA_ENTRIES;
    }
    if (inner->quota_bytes > outer->quota_bytes) {
        return WIDEN_QUOTA_BYTES;
    }
    if (inner->rate_uses > outer->rate_uses) {
        return WIDEN_RATE;
    }
    if (inner->rate_window_ms != outer->rate_window_ms) {
        return WIDEN_RATE_WINDOW;
    }
    if (inner->holders > outer->holders) {
        return WIDEN_HOLDERS;
    }
    return inner->depth < outer->depth ? WIDEN_NONE : WIDEN_DEPTH;
}

const char *widening_text(enum widening widening)
{
    switch (widening) {
    case WIDEN_NONE:
        return "allows no more than what it stands under";
    case WIDEN_OPS:
        return "allows an operation that is not allowed above";
    case WIDEN_PREFIX:
        return "allows a stream that is not allowed above";
    case WIDEN_NOT_BEFORE:
        return "begins earlier than what it stands under";
    case WIDEN_EXPIRES:
        return "lasts longer than what it stands under";
    case WIDEN_EXPIRES_HEIGHT:
        return "lasts for more heights than what it stands under";
    case WIDEN_MAX_ENTRY:
        return "allows longer entries than what it stands under";
    case WIDEN_QUOTA_ENTRIES:
        return "allows more entries than what it stands under";
    case WIDEN_QUOTA_BYTES:
        return "allows more bytes than what it stands under";
    case WIDEN_RATE:
        return "allows more uses in a window than what it stands under";
    case WIDEN_RATE_WINDOW:
        return "counts uses in another window than what it stands under";
    case WIDEN_HOLDERS:
        return "allows more holders than what it stands under";
    case WIDEN_DEPTH:
        return "may be delegated as deeply as what it stands under, or deeper";
    case WIDEN_LIFE:
        return "lasts longer than its issuer's scope allows";
    }
    return "unknown";
}
