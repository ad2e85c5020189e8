/* vestry-keys token ... */
#include "keys/token.h"

#include "keys/tool/tool.h"
#include "keys/words/amounts.h"
#include "keys/words/token_words.h"

#include <string.h>

/* Options that narrow; token_wish_option knows what they mean. */
static const char *const limits[] = {"op",           "stream",    "from",    "until",
                                     "until-height", "max-entry", "entries", "bytes",
                                     "rate",         "holders",   "depth"};

/* A refusal of rights has an exit code of its own. */
static enum cli_code fail(const struct cli *cli, bool rights, const struct problem *problem)
{
    if (rights && (problem->status == STATUS_REFUSED || problem->status == STATUS_MISMATCH)) {
        return cli_fail(cli, CLI_NOT_AUTHORISED, problem);
    }
    return tool_fail(cli, problem);
}

static enum status read_limits(const struct cli *cli, uint64_t now_ms, struct token_wish *wish,
                               struct problem *problem)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        for (size_t n = 0; cli_nth(cli, limits[i], n) != NULL; n++) {
            const enum status status =
                token_wish_option(wish, limits[i], cli_nth(cli, limits[i], n), now_ms, problem);

            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    return STATUS_OK;
}

/* What both ways of making a token need. */
struct making {
    const struct cli *cli;
    struct problem problem;
    const struct charter_view *charter;
    const char *key_path;
    const char *out_path;
    uint8_t holder[PUBLIC_KEY_BYTES];
    struct secret_key key;
    uint64_t now_ms;
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer token;
};

static enum status prepare(struct making *making, uint64_t role)
{
    const struct cli *cli = making->cli;
    const struct passphrase_source source = tool_passphrase(cli);
    const struct key_expected expected = {.role = role};
    const char *charter = NULL;
    const char *to = NULL;

    making->now_ms = amount_now_ms();
    making->token = buffer_make(making->raw, sizeof(making->raw));
    enum status status = cli_need(cli, "charter", &charter, &making->problem);
    if (status == STATUS_OK) {
        status = cli_need(cli, "key", &making->key_path, &making->problem);
    }
    if (status == STATUS_OK) {
        status = cli_need(cli, "to", &to, &making->problem);
    }
    if (status == STATUS_OK) {
        status = cli_need(cli, "out", &making->out_path, &making->problem);
    }
    if (status == STATUS_OK) {
        status = tool_charter(charter, &making->charter, &making->problem);
    }
    if (status == STATUS_OK) {
        status = tool_holder(to, making->holder, &making->problem);
    }
    if (status == STATUS_OK) {
        status = keyfile_load(making->key_path, &expected, &source, &making->key, &making->problem);
    }
    return status;
}

static void put_token(const struct cli *cli, const struct token_view *view,
                      const struct charter_view *charter)
{
    struct buffer *out = tool_out();

    if (cli->json) {
        struct json_line json;

        json_begin(&json, out, "vestry/token/1");
        token_json(view, charter, &json);
        json_end(&json);
        return;
    }
    token_words(view, charter, out);
}

/* What is passed on must be good itself, and so must what was made. */
static enum status check_token(const char *path, const struct making *making,
                               const struct token_view *view, struct problem *problem)
{
    struct token_verdict verdict;
    uint8_t raw[256];
    struct buffer why = buffer_make(raw, sizeof(raw));

    const enum result_code code =
        token_check(making->charter, view, &sig_ed25519, making->now_ms, &verdict);
    if (code == RESULT_OK || code == E_NOT_YET) {
        return STATUS_OK;
    }
    token_verdict_words(&verdict, &why);
    (void)problem_say(problem, STATUS_CORRUPT, "%s: %.*s", path, (int)why.len,
                      (const char *)why.data);
    return problem_advise(problem, "ask who gave it to you for another token");
}

static enum cli_code finish(struct making *making, enum status status, bool rights)
{
    struct token_view view;

    secret_key_close(&making->key);
    if (status == STATUS_OK) {
        CHECK(token_parse(buffer_bytes(&making->token), making->charter->cluster_id, &view) ==
              RESULT_OK);
        status = check_token("the new token", making, &view, &making->problem);
        /* The wish was wrong then, not a file. */
        making->problem.status = STATUS_REFUSED;
    }
    if (status == STATUS_OK) {
        rights = false;
        status = token_write(making->out_path, buffer_bytes(&making->token), &making->problem);
    }
    if (status != STATUS_OK) {
        return fail(making->cli, rights, &making->problem);
    }
    ceremony_output(buffer_bytes(&making->token));
    put_token(making->cli, &view, making->charter);
    return cli_print(making->cli, tool_out());
}

enum cli_code cmd_token_issue(struct cli *cli)
{
    struct making making = {.cli = cli};
    struct token_wish wish;
    uint32_t issuer = 0;
    uint64_t gen = 0;
    bool rights = false;

    enum status status = prepare(&making, ROLE_ISSUER);
    if (status == STATUS_OK) {
        rights = true;
        status = token_find_issuer(making.charter, making.key.public_key, &issuer, &gen,
                                   &making.problem);
    }
    if (status == STATUS_OK) {
        status = token_wish_under_scope(&making.charter->issuers[issuer].row.scope, making.now_ms,
                                        &wish, &making.problem);
    }
    if (status == STATUS_OK) {
        status = read_limits(cli, making.now_ms, &wish, &making.problem);
    }
    if (status == STATUS_OK) {
        memcpy(wish.holder, making.holder, PUBLIC_KEY_BYTES);
        status = token_issue(making.charter, &making.key, &wish, &making.token, &making.problem);
    }
    return finish(&making, status, rights);
}

static enum status read_token(const char *path, const uint8_t cluster_id[HASH_BYTES],
                              struct buffer *backing, struct token_view *view,
                              struct problem *problem)
{
    const enum status status = token_file_read(path, backing, problem);

    if (status != STATUS_OK) {
        return status;
    }
    ceremony_input(buffer_bytes(backing));
    const enum result_code code = token_parse(buffer_bytes(backing), cluster_id, view);
    if (code != RESULT_OK) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: %s", path, result_code_text(code));
        return problem_advise(problem, "ask who gave it to you for another copy");
    }
    return STATUS_OK;
}

enum cli_code cmd_token_attenuate(struct cli *cli)
{
    struct making making = {.cli = cli};
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer backing = buffer_make(raw, sizeof(raw));
    struct token_view view;
    struct token_wish wish;
    bool rights = false;

    enum status status = prepare(&making, ROLE_HOLDER);
    if (status == STATUS_OK) {
        status = read_token(cli->arguments[0], making.charter->cluster_id, &backing, &view,
                            &making.problem);
    }
    if (status == STATUS_OK) {
        status = check_token(cli->arguments[0], &making, &view, &making.problem);
    }
    if (status == STATUS_OK) {
        rights = true;
        status = token_wish_under_block(&view.blocks[view.count - 1], &wish, &making.problem);
    }
    if (status == STATUS_OK) {
        status = read_limits(cli, making.now_ms, &wish, &making.problem);
    }
    if (status == STATUS_OK) {
        memcpy(wish.holder, making.holder, PUBLIC_KEY_BYTES);
        status = token_attenuate(&view, making.charter->cluster_id, &making.key, &wish,
                                 &making.token, &making.problem);
    }
    return finish(&making, status, rights);
}

enum cli_code cmd_token_inspect(struct cli *cli)
{
    static const uint8_t no_cluster[HASH_BYTES];
    struct making making = {.cli = cli};
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer backing = buffer_make(raw, sizeof(raw));
    struct token_view view;
    const char *charter = cli_get(cli, "charter");
    const char *at = cli_get(cli, "at");
    enum status status = STATUS_OK;

    making.now_ms = amount_now_ms();
    if (at != NULL && !amount_parse_time(bytes_of_text(at), making.now_ms, &making.now_ms)) {
        (void)problem_say(&making.problem, STATUS_INVALID, "--at: \"%s\" is not a time", at);
        (void)problem_advise(&making.problem, "give a time like +7d or 2027-01-31");
        return tool_fail(cli, &making.problem);
    }
    if (charter != NULL) {
        status = tool_charter(charter, &making.charter, &making.problem);
    }
    if (status == STATUS_OK) {
        status = read_token(cli->arguments[0],
                            making.charter == NULL ? no_cluster : making.charter->cluster_id,
                            &backing, &view, &making.problem);
    }
    if (status != STATUS_OK) {
        return tool_fail(cli, &making.problem);
    }
    put_token(cli, &view, making.charter);
    const enum cli_code code = cli_print(cli, tool_out());
    if (making.charter == NULL) {
        cli_note(cli, "not checked: give --charter to check issuer and signatures\n");
        return code;
    }
    if (check_token(cli->arguments[0], &making, &view, &making.problem) != STATUS_OK) {
        return tool_fail(cli, &making.problem);
    }
    return code;
}
