/* vestry-keys charter ... and policy make. */
#include "crypto/hash.h"
#include "crypto/policy.h"
#include "crypto/words.h"
#include "keys/tool/tool.h"
#include "keys/words/amounts.h"
#include "keys/words/armour.h"
#include "keys/words/file.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SIG_SUFFIX ".charter.sig"
#define TEXT_BYTES_MAX (1u << 20)

enum cli_code cmd_charter_salt(struct cli *cli)
{
    uint8_t salt[HASH_BYTES];
    uint8_t raw[ARMOUR_CHARS(HASH_BYTES)];
    struct buffer text = buffer_make(raw, sizeof(raw));
    struct problem problem;
    const char *path = NULL;

    randombytes_buf(salt, sizeof(salt));
    armour_put(&text, ARMOUR_SALT, BYTES_OF_ARRAY(salt));
    enum status status = cli_need(cli, "out", &path, &problem);
    if (status == STATUS_OK) {
        status = file_create(path, 0644, buffer_bytes(&text), &problem);
    }
    if (status != STATUS_OK) {
        return tool_fail(cli, &problem);
    }
    ceremony_output(buffer_bytes(&text));
    if (cli->json) {
        struct json_line json;

        json_begin(&json, tool_out(), "vestry/salt/1");
        json_hex(&json, "salt", BYTES_OF_ARRAY(salt));
        json_end(&json);
    } else {
        cli_put(tool_out(), "salt of the ceremony\n");
        fingerprint_words(salt, tool_out());
    }
    return cli_print(cli, tool_out());
}

/* --- Draft ----------------------------------------------------------------------------------- */

struct drafting {
    const struct cli *cli;
    struct problem *problem;
    struct genesis_plan plan;
    char name[ID_BYTES_MAX + 1];
    struct card_checked cards[GENESIS_CARDS_MAX];
    uint8_t bytes[GENESIS_CARDS_MAX][CARD_OBJECT_MAX];
    size_t count;
    uint8_t raw[CHARTER_FILE_MAX];
    struct buffer draft;
    struct charter_view view;
};

static enum status add_card(void *context, const char *path, struct problem *problem)
{
    struct drafting *drafting = context;

    if (drafting->count == GENESIS_CARDS_MAX) {
        return problem_say(problem, STATUS_INVALID, "more than %d cards", GENESIS_CARDS_MAX);
    }
    struct buffer backing = buffer_make(drafting->bytes[drafting->count], CARD_OBJECT_MAX);
    const enum status status =
        card_read(path, &backing, &drafting->cards[drafting->count], problem);
    if (status == STATUS_OK) {
        ceremony_input(buffer_bytes(&backing));
        drafting->count++;
    }
    return status;
}

static enum status read_text_hash(struct drafting *drafting)
{
    static uint8_t raw[TEXT_BYTES_MAX];
    struct buffer text = buffer_make(raw, sizeof(raw));
    const char *path = cli_get(drafting->cli, "text");

    if (path == NULL) {
        return STATUS_OK;
    }
    const enum status status = file_read(path, &text, drafting->problem);
    if (status == STATUS_OK) {
        ceremony_input(buffer_bytes(&text));
        hash_bytes(buffer_bytes(&text), drafting->plan.text_hash);
    }
    return status;
}

static enum status read_date(struct drafting *drafting)
{
    const char *date = cli_get(drafting->cli, "date");
    const uint64_t now_ms = amount_now_ms();

    drafting->plan.date_ms = now_ms;
    if (date == NULL || amount_parse_time(bytes_of_text(date), now_ms, &drafting->plan.date_ms)) {
        return STATUS_OK;
    }
    (void)problem_say(drafting->problem, STATUS_INVALID, "--date: \"%s\" is not a time", date);
    return problem_advise(drafting->problem, "give a time like 2027-01-31T12:00:00Z");
}

static enum status read_plan(struct drafting *drafting)
{
    const struct cli *cli = drafting->cli;
    const char *params = cli_get(cli, "params");
    const char *salt = cli_get(cli, "salt");

    enum status status = STATUS_OK;
    genesis_plan_init(&drafting->plan);
    if (params != NULL) {
        status = params_read(params, &drafting->plan, drafting->name, drafting->problem);
    }
    if (status == STATUS_OK) {
        status = read_date(drafting);
    }
    if (status == STATUS_OK) {
        status = read_text_hash(drafting);
    }
    if (status == STATUS_OK && salt != NULL) {
        status = tool_salt_read(salt, drafting->plan.salt, drafting->problem);
    } else if (drafting->count > 0) {
        memcpy(drafting->plan.salt, drafting->cards[0].nonce, HASH_BYTES);
    }
    if (cli_has(cli, "development")) {
        drafting->plan.profile = PROFILE_DEVELOPMENT;
    }
    if (cli_get(cli, "name") != NULL) {
        drafting->plan.name = cli_get(cli, "name");
    }
    if (status == STATUS_OK && drafting->plan.name == NULL) {
        (void)problem_say(drafting->problem, STATUS_INVALID, "the log has no name");
        status = problem_advise(drafting->problem,
                                "set name = acme.example/ledger in the parameter file");
    }
    genesis_plan_suggest(&drafting->plan, drafting->cards, drafting->count);
    return status;
}

static void put_charter(const struct cli *cli, const char *schema, const struct charter_view *view)
{
    struct buffer *out = tool_out();

    if (cli->json) {
        struct json_line json;

        json_begin(&json, out, schema);
        charter_json(view, &json);
        json_end(&json);
        return;
    }
    charter_words(view, out);
    cli_put(out, "  predicates: %d/%d hold\n  id\n", CHARTER_RULE_COUNT, CHARTER_RULE_COUNT);
    fingerprint_words(view->cluster_id, out);
}

static enum status draft(struct drafting *drafting, const char *out_path)
{
    const char *cards = NULL;
    uint32_t held = 0;

    enum status status = cli_need(drafting->cli, "cards", &cards, drafting->problem);
    if (status == STATUS_OK) {
        status = tool_each_file(cards, CARD_SUFFIX, add_card, drafting, drafting->problem);
    }
    if (status == STATUS_OK) {
        status = read_plan(drafting);
    }
    if (status == STATUS_OK) {
        status = genesis_draft(&drafting->plan, drafting->cards, drafting->count, &drafting->draft,
                               drafting->problem);
    }
    if (status == STATUS_OK) {
        status = genesis_draft_check(out_path, buffer_bytes(&drafting->draft), &drafting->view,
                                     &held, drafting->problem);
    }
    if (status == STATUS_OK) {
        status = file_create(out_path, 0644, buffer_bytes(&drafting->draft), drafting->problem);
    }
    if (status == STATUS_INVALID && held > 0) {
        cli_note(drafting->cli, "predicates: %u/%d hold\n", held, CHARTER_RULE_COUNT);
    }
    return status;
}

enum cli_code cmd_charter_draft(struct cli *cli)
{
    static struct drafting drafting;
    struct problem problem;
    const char *path = NULL;

    drafting.cli = cli;
    drafting.problem = &problem;
    drafting.draft = buffer_make(drafting.raw, sizeof(drafting.raw));
    enum status status = cli_need(cli, "out", &path, &problem);
    if (status == STATUS_OK) {
        status = draft(&drafting, path);
    }
    if (status != STATUS_OK) {
        return tool_fail(cli, &problem);
    }
    ceremony_output(buffer_bytes(&drafting.draft));
    put_charter(cli, "vestry/draft/1", &drafting.view);
    return cli_print(cli, tool_out());
}

/* --- Sign ------------------------------------------------------------------------------------ */

static struct charter_view draft_view;
static uint8_t draft_bytes[CHARTER_FILE_MAX];

static enum status read_draft(const char *path, struct buffer *backing, struct problem *problem)
{
    uint32_t held = 0;

    *backing = buffer_make(draft_bytes, sizeof(draft_bytes));
    const enum status status = file_read(path, backing, problem);
    if (status != STATUS_OK) {
        return status;
    }
    ceremony_input(buffer_bytes(backing));
    return genesis_draft_check(path, buffer_bytes(backing), &draft_view, &held, problem);
}

/* The signer's own line once more: the one thing that nobody else can check. */
static void put_own_card(const struct charter_view *view, const struct secret_key *key)
{
    struct buffer *out = tool_out();

    for (uint32_t i = 0; i < view->member_count; i++) {
        if (bytes_equal(view->members[i].mid, bytes_of_text(key->subject))) {
            cli_put(out, "your own card: is it correct?\n    %s  %.*s\n", key->subject,
                    (int)view->members[i].name.len, (const char *)view->members[i].name.data);
            key_words(view->members[i].pk, out);
        }
    }
}

/* Show, ask, sign. The table must be on the screen before the question. */
static enum cli_code sign_shown(struct cli *cli, const struct secret_key *key, struct buffer *text)
{
    struct problem problem;
    uint8_t trial_raw[1024];
    struct buffer trial = buffer_make(trial_raw, sizeof(trial_raw));

    /* Whether it may be signed at all is known before the person is asked. */
    if (genesis_sign(&draft_view, key, &trial, &problem) != STATUS_OK) {
        return tool_fail(cli, &problem);
    }
    put_charter(cli, "vestry/signed/1", &draft_view);
    if (!cli->json) {
        put_own_card(&draft_view, key);
    }
    enum cli_code code = cli_print(cli, tool_out());
    if (code == CLI_OK) {
        code = tool_confirm(cli, draft_view.cluster_id);
    }
    if (code == CLI_OK) {
        buffer_put(text, buffer_bytes(&trial));
    }
    return code;
}

static enum status write_signature(const struct cli *cli, const char *subject,
                                   const struct buffer *text, struct problem *problem)
{
    const char *out = cli_get(cli, "out");
    char path[ID_BYTES_MAX + sizeof(SIG_SUFFIX)];

    (void)snprintf(path, sizeof(path), "%s%s", subject, SIG_SUFFIX);
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash, '/')) {
        *slash = '-';
    }
    out = out == NULL ? path : out;
    const enum status status = file_create(out, 0644, buffer_bytes(text), problem);
    if (status == STATUS_OK) {
        cli_note(cli, "made %s\n", out);
        ceremony_output(buffer_bytes(text));
    }
    return status;
}

enum cli_code cmd_charter_sign(struct cli *cli)
{
    struct problem problem;
    struct buffer draft_buffer;
    uint8_t raw[1024];
    struct buffer text = buffer_make(raw, sizeof(raw));
    const struct passphrase_source source = tool_passphrase(cli);
    const struct key_expected member = {.role = ROLE_MEMBER};
    struct secret_key key = {0};
    const char *path = NULL;

    enum status status = cli_need(cli, "key", &path, &problem);
    if (status == STATUS_OK) {
        status = read_draft(cli->arguments[0], &draft_buffer, &problem);
    }
    if (status == STATUS_OK) {
        status = keyfile_load(path, &member, &source, &key, &problem);
    }
    if (status != STATUS_OK) {
        return tool_fail(cli, &problem);
    }
    enum cli_code code = sign_shown(cli, &key, &text);
    if (code == CLI_OK && write_signature(cli, key.subject, &text, &problem) != STATUS_OK) {
        code = tool_fail(cli, &problem);
    }
    secret_key_close(&key);
    return code;
}

/* --- Seal and verify ------------------------------------------------------------------------- */

struct sealing {
    struct genesis_signature list[MEMBERS_MAX];
    size_t count;
};

static enum status add_signature(void *context, const char *path, struct problem *problem)
{
    struct sealing *sealing = context;

    if (sealing->count == MEMBERS_MAX) {
        return problem_say(problem, STATUS_INVALID, "more than %d signatures", MEMBERS_MAX);
    }
    return genesis_signature_read(path, &sealing->list[sealing->count++], problem);
}

static void put_service_id(const struct cli *cli, const struct charter_view *view)
{
    put_charter(cli, "vestry/charter/1", view);
    if (!cli->json) {
        cli_put(tool_out(), "  all %u members have signed; this id is the SERVICE ID\n",
                view->member_count);
    }
}

enum cli_code cmd_charter_seal(struct cli *cli)
{
    static uint8_t raw[CHARTER_FILE_MAX];
    struct buffer file = buffer_make(raw, sizeof(raw));
    struct sealing sealing = {0};
    struct buffer draft_buffer;
    struct problem problem;
    const char *out = NULL;

    enum status status = cli_need(cli, "out", &out, &problem);
    if (status == STATUS_OK) {
        status = read_draft(cli->arguments[0], &draft_buffer, &problem);
    }
    if (status == STATUS_OK) {
        status = tool_each_file(cli->arguments[1], ".sig", add_signature, &sealing, &problem);
    }
    if (status == STATUS_OK) {
        status =
            genesis_seal(buffer_bytes(&draft_buffer), sealing.list, sealing.count, &file, &problem);
    }
    if (status == STATUS_OK) {
        status = file_create(out, 0644, buffer_bytes(&file), &problem);
    }
    if (status != STATUS_OK) {
        return tool_fail(cli, &problem);
    }
    ceremony_output(buffer_bytes(&file));
    put_service_id(cli, &draft_view);
    return cli_print(cli, tool_out());
}

enum cli_code cmd_charter_verify(struct cli *cli)
{
    const struct charter_view *view = NULL;
    const char *expect = cli_get(cli, "expect");
    uint8_t wanted[HASH_BYTES];
    struct problem problem;

    if (expect != NULL && !hex_parse(bytes_of_text(expect), wanted, HASH_BYTES)) {
        (void)problem_say(&problem, STATUS_INVALID, "--expect: not the 64 hex digits of an id");
        (void)problem_advise(&problem, "give the whole id, without spaces");
        return tool_fail(cli, &problem);
    }
    if (tool_charter(cli->arguments[0], &view, &problem) != STATUS_OK) {
        return tool_fail(cli, &problem);
    }
    if (expect != NULL && !hash_equal(wanted, view->cluster_id)) {
        (void)problem_say(&problem, STATUS_CORRUPT,
                          "%s: a good charter, but not the one that was "
                          "expected",
                          cli->arguments[0]);
        (void)problem_advise(&problem, "compare the id with the one that was announced");
        return tool_fail(cli, &problem);
    }
    put_service_id(cli, view);
    return cli_print(cli, tool_out());
}

enum cli_code cmd_policy_make(struct cli *cli)
{
    const struct charter_view *view = NULL;
    const char *charter = NULL;
    const char *out = cli_get(cli, "out");
    struct problem problem;

    enum status status = cli_need(cli, "charter", &charter, &problem);
    if (status == STATUS_OK) {
        status = tool_charter(charter, &view, &problem);
    }
    if (status != STATUS_OK) {
        return tool_fail(cli, &problem);
    }
    genesis_policy(view, tool_out());
    ceremony_output(buffer_bytes(tool_out()));
    if (out != NULL) {
        if (file_create(out, 0644, buffer_bytes(tool_out()), &problem) != STATUS_OK) {
            return tool_fail(cli, &problem);
        }
        return CLI_OK;
    }
    if (cli->json) {
        static uint8_t policy[POLICY_BYTES_MAX];
        struct buffer copy = buffer_make(policy, sizeof(policy));
        struct json_line json;

        buffer_put(&copy, buffer_bytes(tool_out()));
        tool_out()->len = 0;
        json_begin(&json, tool_out(), "vestry/policy/1");
        json_text(&json, "policy", buffer_bytes(&copy));
        json_end(&json);
    }
    return cli_print(cli, tool_out());
}

/* --- Development ----------------------------------------------------------------------------- */

static enum status number_option(const struct cli *cli, const char *name, uint64_t most,
                                 uint64_t *out, struct problem *problem)
{
    const char *value = cli_get(cli, name);

    if (value == NULL || (amount_parse_count(bytes_of_text(value), out) && *out <= most)) {
        return STATUS_OK;
    }
    (void)problem_say(problem, STATUS_INVALID, "--%s: \"%s\" is not a number up to %llu", name,
                      value, (unsigned long long)most);
    return problem_advise(problem, "give a number");
}

enum cli_code cmd_charter_dev(struct cli *cli)
{
    static struct genesis_plan plan;
    static char name[ID_BYTES_MAX + 1];
    struct genesis_development_options options = {.name = cli_get(cli, "name"), .plan = &plan};
    const char *params = cli_get(cli, "params");
    uint64_t replicas = 4;
    uint64_t port = 7100;
    uint8_t cluster_id[HASH_BYTES];
    struct problem problem;
    const char *folder = NULL;

    enum status status = cli_need(cli, "out", &folder, &problem);
    if (status == STATUS_OK) {
        status = number_option(cli, "replicas", REPLICAS_MAX, &replicas, &problem);
    }
    if (status == STATUS_OK) {
        status = number_option(cli, "base-port", UINT16_MAX, &port, &problem);
    }
    genesis_plan_init(&plan);
    if (status == STATUS_OK && params != NULL) {
        status = params_read(params, &plan, name, &problem);
    }
    options.replicas = (uint32_t)replicas;
    options.base_port = (uint16_t)port;
    if (status == STATUS_OK) {
        status = genesis_development(folder, &options, cluster_id, &problem);
    }
    if (status != STATUS_OK) {
        return tool_fail(cli, &problem);
    }
    if (cli->json) {
        struct json_line json;

        json_begin(&json, tool_out(), "vestry/development/1");
        json_text(&json, "folder", bytes_of_text(folder));
        json_hex(&json, "cluster_id", BYTES_OF_ARRAY(cluster_id));
        json_u64(&json, "replicas", replicas);
        json_end(&json);
    } else {
        struct buffer *out = tool_out();

        cli_put(out, "charter ");
        hex_put(out, bytes_make(cluster_id, 8));
        cli_put(out, "...  n=%llu tolerates f=%llu   DEV KEYS, never use in production\n",
                (unsigned long long)replicas, (unsigned long long)((replicas - 1) / 3));
        cli_put(out,
                "made %s: charter.genesis charter.policy client.key client.token keys/ r0/ .. "
                "r%llu/\n",
                folder, (unsigned long long)(replicas - 1));
    }
    return cli_print(cli, tool_out());
}
