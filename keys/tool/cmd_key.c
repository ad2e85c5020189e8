/* vestry-keys key ... */
#include "crypto/hash.h"
#include "crypto/note.h"
#include "crypto/words.h"
#include "keys/replica_keys.h"
#include "keys/token.h"
#include "keys/tool/tool.h"
#include "keys/words/amounts.h"
#include "keys/words/armour.h"
#include "keys/words/file.h"

#include <string.h>

#define REHEARSAL_SUFFIX ".rehearsal"
#define NEXT_SUFFIX ".next"
#define TEXT_FILE_MAX 16384

static const struct {
    const char *name;
    uint64_t role;
} roles[] = {
    {"member", ROLE_MEMBER}, {"recovery", ROLE_RECOVERY}, {"replica", ROLE_REPLICA},
    {"issuer", ROLE_ISSUER}, {"witness", ROLE_WITNESS},   {"holder", ROLE_HOLDER},
};

/* What `key new` is to make. */
struct new_key {
    const struct cli *cli;
    struct problem *problem;
    uint64_t role;
    const char *id;
    const char *folder;
    uint8_t nonce[HASH_BYTES];
    enum key_seal seal;
    struct secret passphrase;
    struct card_details details;
    uint8_t scope_raw[STREAM_PREFIXES_MAX * (ID_BYTES_MAX + 2)];
    struct scope scope;
    const char *endpoints[ENDPOINTS_MAX + 1];
    uint8_t card_raw[CARD_OBJECT_MAX];
    struct buffer card;
    uint8_t public_key[PUBLIC_KEY_BYTES];
};

static enum status find_role(const char *name, uint64_t *role, struct problem *problem)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(roles[i].name, name) == 0) {
            *role = roles[i].role;
            return STATUS_OK;
        }
    }
    (void)problem_say(problem, STATUS_INVALID, "--role: no role is called %s", name);
    return problem_advise(problem, "one of member, recovery, replica, issuer, witness, holder");
}

static const char *or_unknown(const char *text)
{
    return text == NULL ? "unknown" : text;
}

static enum status replica_details(struct new_key *making)
{
    const struct cli *cli = making->cli;
    struct card_details *details = &making->details;

    if (!replica_name_parse(bytes_of_text(making->id), &details->rid)) {
        (void)problem_say(making->problem, STATUS_INVALID, "--id: a replica cannot be called %s",
                          making->id);
        return problem_advise(making->problem, "use r and a number that no replica has had");
    }
    for (size_t i = 0; i <= ENDPOINTS_MAX; i++) {
        making->endpoints[i] = cli_nth(cli, "endpoint", i);
        details->endpoint_count += making->endpoints[i] != NULL;
    }
    details->operator_name = or_unknown(cli_get(cli, "operator"));
    details->provider = or_unknown(cli_get(cli, "provider"));
    details->region = or_unknown(cli_get(cli, "region"));
    details->system = or_unknown(cli_get(cli, "system"));
    details->build = cli_get(cli, "build") == NULL ? VESTRY_VERSION : cli_get(cli, "build");
    details->endpoints = making->endpoints;
    return STATUS_OK;
}

/* The options of a token's limits, read as limits of a scope. */
static enum status scope_limits_of(struct new_key *making, struct token_wish *wish)
{
    static const char *const names[] = {"op",    "stream", "max-entry", "entries",
                                        "bytes", "rate",   "holders",   "depth"};
    enum status status = STATUS_OK;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = NULL;

        for (size_t n = 0;
             status == STATUS_OK && (value = cli_nth(making->cli, names[i], n)) != NULL; n++) {
            status = token_wish_option(wish, names[i], value, 0, making->problem);
        }
    }
    return status;
}

static enum status scope_number(const struct new_key *making, const char *name,
                                bool (*parse)(struct bytes text, uint64_t *out), uint64_t *field)
{
    const char *value = cli_get(making->cli, name);

    if (value == NULL || parse(bytes_of_text(value), field)) {
        return STATUS_OK;
    }
    (void)problem_say(making->problem, STATUS_INVALID, "--%s: \"%s\" is not an amount", name,
                      value);
    return problem_advise(making->problem, "give a number, a time like 90d, or unlimited");
}

static enum status issuer_details(struct new_key *making)
{
    struct buffer prefixes = buffer_make(making->scope_raw, sizeof(making->scope_raw));
    struct token_wish wish = {0};
    struct scope *scope = &making->scope;

    *scope = card_usual_scope(&prefixes);
    CHECK(scope_limits(scope, &wish.limits));
    enum status status = scope_limits_of(making, &wish);
    if (status == STATUS_OK) {
        status = scope_number(making, "max-life", amount_parse_duration, &scope->max_life_ms);
    }
    if (status == STATUS_OK) {
        status = scope_number(making, "live-tokens", amount_parse_count, &scope->live_tokens);
    }
    if (status == STATUS_OK) {
        status = scope_number(making, "rate-window", amount_parse_duration, &scope->rate.window_ms);
    }
    if (wish.prefixes_chosen) {
        prefixes.len = 0;
        for (uint32_t i = 0; i < wish.limits.prefixes.count; i++) {
            const struct item_id prefix = {wish.limits.prefixes.list[i]};

            CHECK(item_id_encode(&prefix, &prefixes));
        }
        scope->prefixes = (struct wire_list){buffer_bytes(&prefixes), wish.limits.prefixes.count};
    }
    scope->ops = wish.limits.ops;
    scope->max_entry = wish.limits.max_entry;
    scope->quota_entries = wish.limits.quota_entries;
    scope->quota_bytes = wish.limits.quota_bytes;
    scope->rate.uses = wish.limits.rate_uses;
    scope->holders = wish.limits.holders;
    scope->depth = wish.limits.depth;
    making->details.scope = scope;
    return status;
}

/* New keys of a replica of a log that runs: their card is for that log alone. */
static enum status later_card(struct new_key *making)
{
    const struct charter_view *charter = NULL;
    const enum status status =
        tool_charter(cli_get(making->cli, "charter"), &charter, making->problem);

    if (status == STATUS_OK) {
        making->details.cluster_id = charter->cluster_id;
        card_nonce(making->nonce);
    }
    return status;
}

static enum status read_details(struct new_key *making)
{
    const struct cli *cli = making->cli;
    const char *role = NULL;
    const char *salt = cli_get(cli, "salt");

    enum status status = cli_need(cli, "role", &role, making->problem);
    if (status == STATUS_OK) {
        status = find_role(role, &making->role, making->problem);
    }
    if (status == STATUS_OK) {
        status = cli_need(cli, "id", &making->id, making->problem);
    }
    making->folder = cli_get(cli, "out") == NULL ? "." : cli_get(cli, "out");
    if (status == STATUS_OK && making->role == ROLE_REPLICA) {
        status = replica_details(making);
    } else if (status == STATUS_OK) {
        status = cli_need(cli, "name", &making->details.name, making->problem);
    }
    if (status == STATUS_OK && making->role == ROLE_ISSUER) {
        status = issuer_details(making);
    }
    if (status == STATUS_OK && making->role == ROLE_REPLICA && cli_has(cli, "charter")) {
        return later_card(making);
    }
    if (status == STATUS_OK && (salt != NULL || making->role != ROLE_HOLDER)) {
        status = cli_need(cli, "salt", &salt, making->problem);
    }
    if (status == STATUS_OK && salt != NULL) {
        status = tool_salt_read(salt, making->nonce, making->problem);
    }
    return status;
}

static enum status choose_seal(struct new_key *making)
{
    const bool plain = cli_has(making->cli, "plain") || making->role == ROLE_REPLICA;

    making->seal = plain                              ? KEY_SEAL_NONE
                   : cli_has(making->cli, "moderate") ? KEY_SEAL_MODERATE
                                                      : KEY_SEAL_SENSITIVE;
    return plain ? STATUS_OK
                 : tool_passphrase_new(making->cli, &making->passphrase, making->problem);
}

/* One file of one key. */
static enum status create(struct new_key *making, const char *suffix, struct secret_key *key)
{
    char name[ID_BYTES_MAX + 1];
    char path[FILE_PATH_MAX];

    enum status status = secret_key_new(key, making->role, making->id, making->problem);
    if (status != STATUS_OK) {
        return status;
    }
    /* An id may hold slashes; a file's name may not. */
    text_copy(bytes_of_text(making->id), name, sizeof(name));
    for (char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash, '/')) {
        *slash = '-';
    }
    status = file_path(path, making->folder, name, suffix, making->problem);
    if (status == STATUS_OK) {
        status = keyfile_create(path, key, making->seal, &making->passphrase, making->problem);
    }
    if (status == STATUS_OK) {
        cli_note(making->cli, "made %s\n", path);
    }
    return status;
}

static enum status make_replica(struct new_key *making)
{
    struct replica_keys keys;

    enum status status =
        replica_keys_create(making->folder, making->details.rid, &keys, making->problem);
    if (status != STATUS_OK) {
        return status;
    }
    status =
        replica_keys_card(&keys, making->nonce, &making->details, &making->card, making->problem);
    memcpy(making->public_key, keys.sign.public_key, PUBLIC_KEY_BYTES);
    replica_keys_close(&keys);
    return status;
}

static enum status make_person(struct new_key *making)
{
    struct secret_key key = {0};
    struct secret_key next = {0};
    const struct secret_key *const list[] = {&key};

    enum status status = create(making, KEYFILE_SUFFIX, &key);
    if (status == STATUS_OK && making->role == ROLE_MEMBER) {
        status = create(making, NEXT_SUFFIX KEYFILE_SUFFIX, &next);
    }
    if (status == STATUS_OK) {
        making->details.next_key = next.public_key;
        status =
            card_make(list, 1, making->nonce, &making->details, &making->card, making->problem);
        memcpy(making->public_key, key.public_key, PUBLIC_KEY_BYTES);
    }
    secret_key_close(&key);
    secret_key_close(&next);
    return status;
}

static enum status write_card(struct new_key *making)
{
    char name[ID_BYTES_MAX + 1];
    char path[FILE_PATH_MAX];
    const char *chosen = cli_get(making->cli, "card");

    text_copy(bytes_of_text(making->id), name, sizeof(name));
    for (char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash, '/')) {
        *slash = '-';
    }
    enum status status = file_path(path, making->folder, name, CARD_SUFFIX, making->problem);
    chosen = chosen == NULL ? path : chosen;
    if (status == STATUS_OK) {
        status = card_write(chosen, buffer_bytes(&making->card), making->problem);
    }
    if (status == STATUS_OK) {
        ceremony_output(buffer_bytes(&making->card));
        cli_note(making->cli, "made %s\n", chosen);
    }
    return status;
}

static void put_key(const struct cli *cli, const char *schema, uint64_t role, const char *subject,
                    const uint8_t key[PUBLIC_KEY_BYTES])
{
    struct buffer *out = tool_out();

    if (cli->json) {
        struct json_line json;

        json_begin(&json, out, schema);
        json_text(&json, "role", bytes_of_text(role_text(role)));
        json_text(&json, "id", bytes_of_text(subject));
        json_hex(&json, "key", bytes_make(key, PUBLIC_KEY_BYTES));
        json_end(&json);
        return;
    }
    cli_put(out, "%s %s   ", role_text(role), subject);
    hex_put(out, bytes_make(key, PUBLIC_KEY_BYTES));
    cli_put(out, "\n");
    key_words(key, out);
}

enum cli_code cmd_key_new(struct cli *cli)
{
    struct problem problem;
    static struct new_key making;

    making = (struct new_key){.cli = cli, .problem = &problem};
    making.card = buffer_make(making.card_raw, sizeof(making.card_raw));
    enum status status = read_details(&making);
    if (status == STATUS_OK) {
        status = choose_seal(&making);
    }
    if (status == STATUS_OK) {
        status = file_folder(making.folder, 0700, &problem);
    }
    if (status == STATUS_OK) {
        status = making.role == ROLE_REPLICA ? make_replica(&making) : make_person(&making);
    }
    secret_close(&making.passphrase);
    if (status == STATUS_OK) {
        status = write_card(&making);
    }
    if (status != STATUS_OK) {
        return tool_fail(cli, &problem);
    }
    put_key(cli, "vestry/key/1", making.role, making.id, making.public_key);
    if (making.role == ROLE_MEMBER) {
        cli_note(cli, "store %s%s%s elsewhere: it replaces this key when it is lost or stolen\n",
                 making.id, NEXT_SUFFIX, KEYFILE_SUFFIX);
    }
    return cli_print(cli, tool_out());
}

/* --- Show ------------------------------------------------------------------------------------ */

/* Whether the file is a card, by its first line. */
static bool looks_like_card(const char *path)
{
    uint8_t raw[TEXT_FILE_MAX];
    struct buffer text = buffer_make(raw, sizeof(raw));
    struct problem ignored;
    const struct bytes label = bytes_of_text(ARMOUR_CARD "\n");

    return file_read(path, &text, &ignored) == STATUS_OK && text.len > label.len &&
           bytes_equal(bytes_make(raw, label.len), label);
}

/* A card of before genesis, or of the log that --charter names. */
static enum status read_card(const struct cli *cli, struct buffer *backing,
                             struct card_checked *card, struct problem *problem)
{
    const char *path = cli_get(cli, "charter");
    const struct charter_view *charter = NULL;

    if (path == NULL) {
        return card_read(cli->arguments[0], backing, card, problem);
    }
    const enum status status = tool_charter(path, &charter, problem);

    return status == STATUS_OK
               ? card_read_of(cli->arguments[0], backing, charter->cluster_id, card, problem)
               : status;
}

static enum cli_code show_card(struct cli *cli)
{
    uint8_t raw[CARD_OBJECT_MAX];
    struct buffer backing = buffer_make(raw, sizeof(raw));
    struct card_checked card;
    struct problem problem;
    char subject[ID_BYTES_MAX + 1];

    if (read_card(cli, &backing, &card, &problem) != STATUS_OK) {
        return tool_fail(cli, &problem);
    }
    text_copy(card.subject, subject, sizeof(subject));
    for (uint32_t i = 0; i < card.key_count; i++) {
        put_key(cli, "vestry/card/1", card.role, subject, card.keys[i]);
    }
    return cli_print(cli, tool_out());
}

enum cli_code cmd_key_show(struct cli *cli)
{
    struct keyfile_info info;
    struct problem problem;

    if (looks_like_card(cli->arguments[0])) {
        return show_card(cli);
    }
    if (keyfile_info(cli->arguments[0], &info, &problem) != STATUS_OK) {
        return tool_fail(cli, &problem);
    }
    if (info.plain || cli_has(cli, "open") || cli_has(cli, "passphrase-fd")) {
        const struct passphrase_source source = tool_passphrase(cli);
        const struct key_expected any = {0};
        struct secret_key key;

        if (keyfile_load(cli->arguments[0], &any, &source, &key, &problem) != STATUS_OK) {
            return tool_fail(cli, &problem);
        }
        secret_key_close(&key);
        cli_note(cli, "opened: the secret half is that of this key\n");
    } else {
        cli_note(cli,
                 "sealed with a passphrase (%llu MiB); what it says is not proven until it is "
                 "opened: --open\n",
                 (unsigned long long)(info.mem_bytes >> 20));
    }
    put_key(cli, "vestry/key/1", info.role, info.subject, info.public_key);
    return cli_print(cli, tool_out());
}

/* --- Rehearse -------------------------------------------------------------------------------- */

/* Whether the charter knows the key: as one that is registered, or as a member's next one. */
static bool charter_knows(const struct charter_view *charter, const struct secret_key *key,
                          bool *next)
{
    uint8_t hash[HASH_BYTES];

    *next = false;
    for (uint32_t i = 0; i < charter->key_count; i++) {
        if ((uint64_t)charter->keys[i].role == key->role &&
            memcmp(charter->keys[i].pk, key->public_key, PUBLIC_KEY_BYTES) == 0) {
            return true;
        }
    }
    hash_bytes(BYTES_OF_ARRAY(key->public_key), hash);
    *next = true;
    for (uint32_t i = 0; i < charter->member_count; i++) {
        if (bytes_equal(charter->members[i].mid, bytes_of_text(key->subject)) &&
            hash_equal(charter->members[i].next_h, hash)) {
            return true;
        }
    }
    return false;
}

static enum status put_rehearsal(const struct charter_view *charter, const struct secret_key *key,
                                 struct buffer *text, struct problem *problem)
{
    uint8_t body_raw[256];
    uint8_t raw[512];
    struct buffer body = buffer_make(body_raw, sizeof(body_raw));
    struct buffer object = buffer_make(raw, sizeof(raw));
    struct rehearsal rehearsal = {
        .role = key->role, .subject = bytes_of_text(key->subject), .date_ms = amount_now_ms()};
    struct signed_part part;

    memcpy(rehearsal.public_key, key->public_key, PUBLIC_KEY_BYTES);
    CHECK(rehearsal_encode(&rehearsal, &body));
    secret_key_sign(key, TAG_REHEARSAL, charter->cluster_id, buffer_bytes(&body), part.sig);
    part.body = buffer_bytes(&body);
    if (!verify_body(&sig_ed25519, key->public_key, TAG_REHEARSAL, charter->cluster_id, part.body,
                     part.sig)) {
        return problem_say(problem, STATUS_CORRUPT, "the signature does not verify");
    }
    CHECK(signed_part_encode(&part, &object));
    armour_put(text, ARMOUR_REHEARSAL, buffer_bytes(&object));
    return STATUS_OK;
}

static enum status rehearse(const struct cli *cli, struct secret_key *key, bool *next,
                            struct buffer *text, struct problem *problem)
{
    const struct charter_view *charter = NULL;
    const struct passphrase_source source = tool_passphrase(cli);
    const struct key_expected any = {0};
    const char *path = NULL;

    enum status status = cli_need(cli, "charter", &path, problem);
    if (status == STATUS_OK) {
        status = tool_charter(path, &charter, problem);
    }
    if (status == STATUS_OK) {
        status = keyfile_load(cli->arguments[0], &any, &source, key, problem);
    }
    if (status == STATUS_OK && !charter_knows(charter, key, next)) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: this key is not in the charter",
                          cli->arguments[0]);
        status = problem_advise(problem, "check that it is the file of this ceremony; do not "
                                         "destroy any other");
    }
    return status == STATUS_OK ? put_rehearsal(charter, key, text, problem) : status;
}

/* Where the proof goes: --out, or the key's path with another suffix. */
static enum status rehearsal_path(const struct cli *cli, char path[FILE_PATH_MAX],
                                  struct problem *problem)
{
    const char *out = cli_get(cli, "out");
    const char *key = cli->arguments[0];
    const size_t suffix = strlen(KEYFILE_SUFFIX);
    size_t len = strlen(key);

    if (out == NULL && len > suffix && strcmp(key + len - suffix, KEYFILE_SUFFIX) == 0) {
        len -= suffix;
    }
    out = out == NULL ? key : out;
    len = out == key ? len : strlen(out);
    const char *tail = out == key ? REHEARSAL_SUFFIX : "";
    if (len + strlen(tail) >= FILE_PATH_MAX) {
        return problem_say(problem, STATUS_INVALID, "%s: path too long", out);
    }
    memcpy(path, out, len);
    memcpy(path + len, tail, strlen(tail) + 1);
    return STATUS_OK;
}

enum cli_code cmd_key_rehearse(struct cli *cli)
{
    struct secret_key key = {0};
    struct problem problem;
    uint8_t raw[1024];
    struct buffer text = buffer_make(raw, sizeof(raw));
    char path[FILE_PATH_MAX];
    bool next = false;

    enum status status = rehearse(cli, &key, &next, &text, &problem);
    if (status == STATUS_OK) {
        status = rehearsal_path(cli, path, &problem);
    }
    if (status == STATUS_OK) {
        status = file_create(path, 0644, buffer_bytes(&text), &problem);
    }
    if (status == STATUS_OK) {
        ceremony_output(buffer_bytes(&text));
        put_key(cli, "vestry/rehearsal/1", key.role, key.subject, key.public_key);
        cli_note(cli, "proven: the %skey of %s opens and signs; made %s\n", next ? "next " : "",
                 key.subject, path);
    }
    secret_key_close(&key);
    return status == STATUS_OK ? cli_print(cli, tool_out()) : tool_fail(cli, &problem);
}
