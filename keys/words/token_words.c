#include "keys/words/token_words.h"

#include "crypto/words.h"
#include "keys/words/amounts.h"
#include "keys/words/armour.h"
#include "keys/words/cli.h"
#include "keys/words/file.h"

#include <string.h>

#define LABEL_COLUMNS 14
#define SHORT_KEY_BYTES 8

enum status token_file_read(const char *path, struct buffer *out, struct problem *problem)
{
    uint8_t raw[ARMOUR_CHARS(TOKEN_BYTES_MAX)];
    struct buffer text = buffer_make(raw, sizeof(raw));

    const enum status status = file_read(path, &text, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (!armour_read(buffer_bytes(&text), ARMOUR_TOKEN, out)) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: not a token, or damaged", path);
        return problem_advise(problem,
                              "a token file begins with the line %s; ask who gave it to "
                              "you for another copy",
                              ARMOUR_TOKEN);
    }
    return STATUS_OK;
}

static void put_text(struct buffer *out, const char *text)
{
    buffer_put(out, bytes_of_text(text));
}

static void put_label(struct buffer *out, const char *label)
{
    put_text(out, "    ");
    cli_put_cell(out, bytes_of_text(label), LABEL_COLUMNS);
}

static void put_ops(struct buffer *out, uint64_t ops)
{
    static const char *const names[] = {"append", "read", "govern"};
    bool first = true;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((ops >> i & 1) != 0) {
            put_text(out, first ? "" : ", ");
            put_text(out, names[i]);
            first = false;
        }
    }
}

static void put_prefixes(struct buffer *out, const struct prefix_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        put_text(out, i == 0 ? "" : ", ");
        if (set->list[i].len == 0) {
            put_text(out, "all streams");
        } else {
            buffer_put(out, set->list[i]);
        }
    }
}

static bool same_prefixes(const struct prefix_set *a, const struct prefix_set *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (!bytes_equal(a->list[i], b->list[i])) {
            return false;
        }
    }
    return true;
}

/* Where a number stands in the limits, and how a person reads it. */
struct amount_row {
    const char *label;
    size_t offset;
    void (*put)(struct buffer *out, uint64_t value);
};

static const struct amount_row amounts[] = {
    {"from", offsetof(struct cap_limits, not_before_ms), amount_put_time},
    {"until", offsetof(struct cap_limits, expires_ms), amount_put_time},
    {"until height", offsetof(struct cap_limits, expires_height), amount_put_count},
    {"entry size", offsetof(struct cap_limits, max_entry), amount_put_size},
    {"entries", offsetof(struct cap_limits, quota_entries), amount_put_count},
    {"bytes", offsetof(struct cap_limits, quota_bytes), amount_put_size},
    {"holders", offsetof(struct cap_limits, holders), amount_put_count},
    {"depth", offsetof(struct cap_limits, depth), amount_put_count},
};

static uint64_t amount_at(const struct cap_limits *limits, const struct amount_row *row)
{
    uint64_t value;

    memcpy(&value, (const uint8_t *)limits + row->offset, sizeof(value));
    return value;
}

/* A limit that does not limit. */
static bool is_open(const struct amount_row *row, uint64_t value)
{
    const bool from = row->offset == offsetof(struct cap_limits, not_before_ms);

    return value == (from ? 0 : U64_UNLIMITED);
}

/* The limits that are open, on one line, so that they are neither hidden nor in the way. */
static void put_open(const struct cap_limits *limits, struct buffer *out)
{
    bool first = true;

    for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
        if (!is_open(&amounts[i], amount_at(limits, &amounts[i])) ||
            amounts[i].offset == offsetof(struct cap_limits, not_before_ms)) {
            continue;
        }
        if (first) {
            put_label(out, "unlimited");
        }
        put_text(out, first ? "" : ", ");
        put_text(out, amounts[i].label);
        first = false;
    }
    if (limits->rate_uses == U64_UNLIMITED) {
        if (first) {
            put_label(out, "unlimited");
        }
        put_text(out, first ? "rate" : ", rate");
        first = false;
    }
    put_text(out, first ? "" : "\n");
}

void limits_words(const struct cap_limits *limits, const struct cap_limits *outer,
                  struct buffer *out)
{
    if (outer == NULL || limits->ops != outer->ops) {
        put_label(out, "may");
        put_ops(out, limits->ops);
        put_text(out, "\n");
    }
    if (outer == NULL || !same_prefixes(&limits->prefixes, &outer->prefixes)) {
        put_label(out, "streams");
        put_prefixes(out, &limits->prefixes);
        put_text(out, "\n");
    }
    for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
        const uint64_t value = amount_at(limits, &amounts[i]);

        if (outer != NULL ? value == amount_at(outer, &amounts[i]) : is_open(&amounts[i], value)) {
            continue;
        }
        put_label(out, amounts[i].label);
        amounts[i].put(out, value);
        put_text(out, "\n");
    }
    if (outer != NULL ? limits->rate_uses != outer->rate_uses
                      : limits->rate_uses != U64_UNLIMITED) {
        put_label(out, "rate");
        amount_put_count(out, limits->rate_uses);
        put_text(out, " uses every ");
        amount_put_duration(out, limits->rate_window_ms);
        put_text(out, "\n");
    }
    if (outer == NULL) {
        put_open(limits, out);
    }
}

static const struct charter_issuer *issuer_of(const struct token_view *token,
                                              const struct charter_view *charter)
{
    for (uint32_t i = 0; charter != NULL && i < charter->issuer_count; i++) {
        uint8_t id[HASH_BYTES];

        charter_issuer_id(charter, i, id);
        if (memcmp(id, token->blocks[0].parent, HASH_BYTES) == 0) {
            return &charter->issuers[i];
        }
    }
    return NULL;
}

void token_words(const struct token_view *token, const struct charter_view *charter,
                 struct buffer *out)
{
    const struct charter_issuer *issuer = issuer_of(token, charter);

    cli_put(out, "token of %u block%s\n", token->count, token->count == 1 ? "" : "s");
    for (uint32_t i = 0; i < token->count; i++) {
        const struct token_block *block = &token->blocks[i];

        if (i > 0) {
            cli_put(out, "  block %u  passed on, narrowed:\n", i);
        } else if (issuer != NULL) {
            cli_put(out, "  block 0  issued by %.*s, key generation %llu\n",
                    (int)issuer->row.iid.len, (const char *)issuer->row.iid.data,
                    (unsigned long long)block->gen);
        } else {
            put_text(out, "  block 0  issued by ");
            hex_put(out, bytes_make(block->parent, SHORT_KEY_BYTES));
            cli_put(out, ", key generation %llu\n", (unsigned long long)block->gen);
        }
        put_label(out, "id");
        hex_put(out, bytes_make(block->id, HASH_BYTES));
        put_text(out, "\n");
        put_label(out, "holder key");
        hex_put(out, bytes_make(block->holder, PUBLIC_KEY_BYTES));
        put_text(out, "\n");
        limits_words(&block->limits, i == 0 ? NULL : &token->blocks[i - 1].limits, out);
    }
}

static void limits_json(const struct cap_limits *limits, struct json_line *json)
{
    json_list(json, "ops");
    for (uint32_t bit = 0; bit < 3; bit++) {
        static const char *const names[] = {"append", "read", "govern"};

        if ((limits->ops >> bit & 1) != 0) {
            json_text(json, NULL, bytes_of_text(names[bit]));
        }
    }
    json_close(json);
    json_list(json, "streams");
    for (uint32_t i = 0; i < limits->prefixes.count; i++) {
        json_text(json, NULL, limits->prefixes.list[i]);
    }
    json_close(json);
    json_u64(json, "not_before_ms", limits->not_before_ms);
    json_u64(json, "expires_ms", limits->expires_ms);
    json_u64(json, "expires_height", limits->expires_height);
    json_u64(json, "max_entry", limits->max_entry);
    json_u64(json, "quota_entries", limits->quota_entries);
    json_u64(json, "quota_bytes", limits->quota_bytes);
    json_u64(json, "rate_uses", limits->rate_uses);
    json_u64(json, "rate_window_ms", limits->rate_window_ms);
    json_u64(json, "holders", limits->holders);
    json_u64(json, "depth", limits->depth);
}

void token_json(const struct token_view *token, const struct charter_view *charter,
                struct json_line *json)
{
    const struct charter_issuer *issuer = issuer_of(token, charter);

    if (issuer != NULL) {
        json_text(json, "issuer", issuer->row.iid);
    }
    json_hex(json, "issuer_id", BYTES_OF_ARRAY(token->blocks[0].parent));
    json_u64(json, "generation", token->blocks[0].gen);
    json_list(json, "blocks");
    for (uint32_t i = 0; i < token->count; i++) {
        json_open(json, NULL);
        json_hex(json, "id", BYTES_OF_ARRAY(token->blocks[i].id));
        json_hex(json, "holder", BYTES_OF_ARRAY(token->blocks[i].holder));
        limits_json(&token->blocks[i].limits, json);
        json_close(json);
    }
    json_close(json);
}

void token_verdict_words(const struct token_verdict *verdict, struct buffer *out)
{
    cli_put(out, "block %u: %s", verdict->block, result_code_text(verdict->code));
    if (verdict->code == E_WIDEN) {
        cli_put(out, ": %s", widening_text(verdict->widening));
    }
}
