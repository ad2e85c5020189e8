#include "keys/words/charter_words.h"

#include "crypto/words.h"
#include "governance/roster.h"
#include "keys/words/amounts.h"
#include "keys/words/cli.h"
#include "keys/words/token_words.h"

#include <string.h>

#define ID_COLUMNS 8
#define NAME_COLUMNS 24
#define PARAM_COLUMNS 22
#define KEY_SHOWN_BYTES 16 /* as much as the words of a key cover */
#define WORDS_A_LINE 8

static void put_text(struct buffer *out, const char *text)
{
    buffer_put(out, bytes_of_text(text));
}

/* The first bytes of a key in groups, and a newline. */
static void put_key(struct buffer *out, const uint8_t key[PUBLIC_KEY_BYTES])
{
    for (size_t i = 0; i < KEY_SHOWN_BYTES; i += 4) {
        put_text(out, " ");
        hex_put(out, bytes_make(key + i, 4));
    }
    put_text(out, "\n");
}

static void put_id(struct buffer *out, struct bytes id)
{
    put_text(out, "    ");
    cli_put_cell(out, id, ID_COLUMNS);
    put_text(out, " ");
}

static void put_person(struct buffer *out, struct bytes id, struct bytes name,
                       const uint8_t key[PUBLIC_KEY_BYTES])
{
    put_id(out, id);
    cli_put_cell(out, name, NAME_COLUMNS);
    put_key(out, key);
}

static void put_officers(const struct charter_view *view, struct buffer *out)
{
    const struct thresholds *need = &view->charter.thresholds;

    cli_put(out, "  members    %u: root acts need %llu, operations %llu, emergencies %llu\n",
            view->member_count, (unsigned long long)need->root, (unsigned long long)need->ops,
            (unsigned long long)need->emergency);
    for (uint32_t i = 0; i < view->member_count; i++) {
        put_person(out, view->members[i].mid, view->members[i].name, view->members[i].pk);
    }
    cli_put(out, "  recovery   %u: %llu of them can replace the members\n", view->recovery_count,
            (unsigned long long)need->recovery);
    for (uint32_t i = 0; i < view->recovery_count; i++) {
        put_person(out, view->recovery[i].id, view->recovery[i].name, view->recovery[i].pk);
    }
}

static void put_replica(const struct charter_replica *replica, struct buffer *out)
{
    const struct replica_row *row = &replica->row;
    const struct bytes facts[] = {row->operator_name, row->provider, row->region, row->system,
                                  row->build};
    struct wire_iter iter = wire_iter_make(row->endpoints);
    struct item_endpoint endpoint;

    put_id(out, bytes_make(replica->name, replica->name_len));
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        put_text(out, i == 0 ? "" : " / ");
        buffer_put(out, facts[i]);
    }
    while (item_endpoint_next(&iter, &endpoint)) {
        put_text(out, "  ");
        buffer_put(out, endpoint.value);
    }
    put_text(out, "\n             sign     ");
    put_key(out, row->sign_pk);
    put_text(out, "             cosign   ");
    put_key(out, row->cosign_pk);
    put_text(out, "             transport");
    put_key(out, row->transport_pk);
}

static void put_replicas(const struct charter_view *view, struct buffer *out)
{
    const uint64_t f = view->charter.f;

    cli_put(out, "  replicas   %u: %llu may be faulty", view->replica_count, (unsigned long long)f);
    if (f >= 1 && view->replica_count >= 3 * f + 1) {
        cli_put(out, ", %u make a quorum", quorum_size(view->replica_count, (uint32_t)f));
    }
    put_text(out, "\n");
    for (uint32_t i = 0; i < view->replica_count; i++) {
        put_replica(&view->replicas[i], out);
    }
}

static void put_issuer(const struct charter_issuer *issuer, struct buffer *out)
{
    struct cap_limits limits;

    put_id(out, issuer->row.iid);
    buffer_put(out, issuer->row.name);
    put_text(out, "\n");
    for (uint32_t i = 0; i < issuer->key_count; i++) {
        cli_put(out, "    key %llu        ", (unsigned long long)issuer->keys[i].gen);
        put_key(out, issuer->keys[i].pk);
    }
    if (!scope_limits(&issuer->row.scope, &limits)) {
        put_text(out, "    (its scope is not well-formed)\n");
        return;
    }
    limits_words(&limits, NULL, out);
    put_text(out, "    longest life  ");
    amount_put_duration(out, issuer->row.scope.max_life_ms);
    put_text(out, "\n    live tokens   ");
    amount_put_count(out, issuer->row.scope.live_tokens);
    put_text(out, "\n");
}

static void put_params(const struct charter_view *view, struct buffer *out)
{
    cli_put(out, "  parameters %u\n", view->param_count);
    for (uint32_t i = 0; i < view->param_count; i++) {
        const struct param_rule *rule = param_rule(view->params[i].id);

        put_text(out, "    ");
        cli_put_cell(out, bytes_of_text(rule == NULL ? "unknown" : rule->text), PARAM_COLUMNS);
        cli_put(out, " %llu", (unsigned long long)view->params[i].value);
        if (rule != NULL && rule->usual != view->params[i].value) {
            cli_put(out, "   (usually %llu)", (unsigned long long)rule->usual);
        }
        put_text(out, "\n");
    }
}

void charter_words(const struct charter_view *view, struct buffer *out)
{
    const struct charter *charter = &view->charter;

    put_text(out, "charter of ");
    buffer_put(out, charter->name);
    if (charter->profile == PROFILE_DEVELOPMENT) {
        put_text(out, "   DEVELOPMENT: plain keys, no locks, never use it in production");
    }
    put_text(out, "\n  date       ");
    amount_put_time(out, charter->date_ms);
    put_text(out, "\n  text       ");
    for (size_t i = 0; i < HASH_BYTES; i++) {
        if (charter->text_hash[i] != 0) {
            hex_put(out, BYTES_OF_ARRAY(charter->text_hash));
            break;
        }
        put_text(out, i == HASH_BYTES - 1 ? "none" : "");
    }
    put_text(out, "\n");
    put_officers(view, out);
    put_replicas(view, out);
    cli_put(out, "  issuers    %u\n", view->issuer_count);
    for (uint32_t i = 0; i < view->issuer_count; i++) {
        put_issuer(&view->issuers[i], out);
    }
    cli_put(out, "  witnesses  %u\n", view->witness_count);
    for (uint32_t i = 0; i < view->witness_count; i++) {
        put_person(out, view->witnesses[i].id, view->witnesses[i].name, view->witnesses[i].pk);
    }
    put_params(view, out);
    cli_put(out, "  levels     feature level %llu, crypto profile %llu\n",
            (unsigned long long)charter->feature_level,
            (unsigned long long)charter->crypto_profile);
}

static void json_people(struct json_line *json, const char *key, const struct key_row *rows,
                        uint32_t count)
{
    json_list(json, key);
    for (uint32_t i = 0; i < count; i++) {
        json_open(json, NULL);
        json_text(json, "id", rows[i].id);
        json_text(json, "name", rows[i].name);
        json_hex(json, "key", BYTES_OF_ARRAY(rows[i].pk));
        json_close(json);
    }
    json_close(json);
}

static void json_replicas(const struct charter_view *view, struct json_line *json)
{
    json_list(json, "replicas");
    for (uint32_t i = 0; i < view->replica_count; i++) {
        const struct replica_row *row = &view->replicas[i].row;
        struct wire_iter iter = wire_iter_make(row->endpoints);
        struct item_endpoint endpoint;

        json_open(json, NULL);
        json_text(json, "id", bytes_make(view->replicas[i].name, view->replicas[i].name_len));
        json_text(json, "operator", row->operator_name);
        json_text(json, "provider", row->provider);
        json_text(json, "region", row->region);
        json_text(json, "system", row->system);
        json_text(json, "build", row->build);
        json_hex(json, "sign_key", BYTES_OF_ARRAY(row->sign_pk));
        json_hex(json, "cosign_key", BYTES_OF_ARRAY(row->cosign_pk));
        json_hex(json, "transport_key", BYTES_OF_ARRAY(row->transport_pk));
        json_list(json, "endpoints");
        while (item_endpoint_next(&iter, &endpoint)) {
            json_text(json, NULL, endpoint.value);
        }
        json_close(json);
        json_close(json);
    }
    json_close(json);
}

static void json_thresholds(const struct thresholds *need, struct json_line *json)
{
    json_open(json, "thresholds");
    json_u64(json, "root", need->root);
    json_u64(json, "ops", need->ops);
    json_u64(json, "emergency", need->emergency);
    json_u64(json, "recovery", need->recovery);
    json_close(json);
}

void charter_json(const struct charter_view *view, struct json_line *json)
{
    json_hex(json, "cluster_id", BYTES_OF_ARRAY(view->cluster_id));
    json_text(json, "name", view->charter.name);
    json_bool(json, "development", view->charter.profile == PROFILE_DEVELOPMENT);
    json_u64(json, "date_ms", view->charter.date_ms);
    json_hex(json, "text_hash", BYTES_OF_ARRAY(view->charter.text_hash));
    json_u64(json, "f", view->charter.f);
    json_thresholds(&view->charter.thresholds, json);
    json_list(json, "members");
    for (uint32_t i = 0; i < view->member_count; i++) {
        json_open(json, NULL);
        json_text(json, "id", view->members[i].mid);
        json_text(json, "name", view->members[i].name);
        json_hex(json, "key", BYTES_OF_ARRAY(view->members[i].pk));
        json_hex(json, "next_key_hash", BYTES_OF_ARRAY(view->members[i].next_h));
        json_close(json);
    }
    json_close(json);
    json_people(json, "recovery", view->recovery, view->recovery_count);
    json_replicas(view, json);
    json_list(json, "issuers");
    for (uint32_t i = 0; i < view->issuer_count; i++) {
        uint8_t id[HASH_BYTES];

        charter_issuer_id(view, i, id);
        json_open(json, NULL);
        json_text(json, "id", view->issuers[i].row.iid);
        json_text(json, "name", view->issuers[i].row.name);
        json_hex(json, "card_id", BYTES_OF_ARRAY(id));
        json_close(json);
    }
    json_close(json);
    json_people(json, "witnesses", view->witnesses, view->witness_count);
    json_open(json, "params");
    for (uint32_t i = 0; i < view->param_count; i++) {
        const struct param_rule *rule = param_rule(view->params[i].id);

        json_u64(json, rule == NULL ? "unknown" : rule->text, view->params[i].value);
    }
    json_close(json);
}

static void put_words(const uint8_t *data, size_t count, struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        put_text(out, i % WORDS_A_LINE != 0 ? " " : i == 0 ? "    " : "\n    ");
        put_text(out, word_of(i, data[i]));
    }
    put_text(out, "\n");
}

void fingerprint_words(const uint8_t hash[HASH_BYTES], struct buffer *out)
{
    put_text(out, "    ");
    fingerprint_hex_put(out, hash);
    put_text(out, "\n");
    put_words(hash, HASH_BYTES, out);
}

void key_words(const uint8_t key[PUBLIC_KEY_BYTES], struct buffer *out)
{
    put_words(key, WORDS_OF_KEY, out);
}

static void put_whose(const struct charter_check *check, struct buffer *out)
{
    static const char *const parts[] = {"sign", "cosign", "transport"};

    cli_put(out, "%s %.*s", role_text(check->role), (int)check->subject_len,
            (const char *)check->subject);
    if (check->role == ROLE_REPLICA && check->key_no < sizeof(parts) / sizeof(parts[0])) {
        cli_put(out, " (%s key)", parts[check->key_no]);
    } else if (check->key_no != 0) {
        cli_put(out, " (key %u)", check->key_no);
    }
}

void charter_check_words(const struct charter_check *check, struct buffer *out)
{
    switch (check->error) {
    case CHARTER_OK:
        put_text(out, "the charter is good");
        return;
    case CHARTER_ENCODING:
        cli_put(out, "not a charter file: %s", wire_error_text(check->wire));
        return;
    case CHARTER_RULE:
        cli_put(out, "this rule of a charter does not hold: %s",
                charter_rule_text(check->finding.rule));
        if (check->finding.where.len > 0) {
            cli_put(out, " (%.*s)", (int)check->finding.where.len,
                    (const char *)check->finding.where.data);
        }
        return;
    case CHARTER_SIG_ORDER:
    case CHARTER_SIG_EXTRA:
    case CHARTER_SIG_MISSING:
    case CHARTER_SIG_BAD:
        cli_put(out, "%s: ", charter_error_text(check->error));
        put_whose(check, out);
        return;
    }
}

const char *charter_check_advice(const struct charter_check *check)
{
    if (check->error == CHARTER_RULE) {
        return charter_rule_advice(check->finding.rule);
    }
    if (check->error == CHARTER_SIG_MISSING) {
        return "it is not a whole charter without that signature: get it, then seal the charter";
    }
    return "do not use this file; get the charter again from someone you trust";
}

void text_copy(struct bytes text, char *out, size_t capacity)
{
    const size_t len = text.len < capacity - 1 ? text.len : capacity - 1;

    memset(out, 0, capacity);
    if (len > 0) {
        memcpy(out, text.data, len);
    }
}
