#include "client/verify/verify.h"
#include "keys/words/amounts.h"
#include "keys/words/token_words.h"
#include "keys/words/verify_only.h"

/* Judge a token that was parsed. */
static enum status judge(const char *path, const struct charter_view *charter,
                         const struct token_view *token, uint64_t time_ms, struct problem *problem)
{
    struct token_verdict verdict;
    uint8_t raw[256];
    struct buffer why = buffer_make(raw, sizeof(raw));

    if (token_check(charter, token, &sig_ed25519_verify_only, time_ms, &verdict) == RESULT_OK) {
        return STATUS_OK;
    }
    token_verdict_words(&verdict, &why);
    (void)problem_say(problem, STATUS_CORRUPT, "%s: %.*s", path, (int)why.len,
                      (const char *)why.data);
    if (verdict.code == E_EXPIRED_TIME || verdict.code == E_NOT_YET) {
        return problem_advise(problem, "the time is this machine's; judge another with --at");
    }
    return problem_advise(problem, "do not rely on this token; ask its issuer for another");
}

static void put_result(const struct cli *cli, const struct charter_view *charter,
                       const struct token_view *token)
{
    struct buffer *out = verify_out();
    const bool development = charter->charter.profile == PROFILE_DEVELOPMENT;

    if (cli->json) {
        struct json_line json;

        json_begin(&json, out, "vestry/token/1");
        json_bool(&json, "ok", true);
        json_bool(&json, "development", development);
        json_hex(&json, "cluster_id", BYTES_OF_ARRAY(charter->cluster_id));
        token_json(token, charter, &json);
        json_end(&json);
        return;
    }
    token_words(token, charter, out);
    cli_put(out,
            "OK  token of %.*s%s: every block is signed and no wider than the one before\n"
            "    the log alone knows revocations, changed scopes and what is used up\n",
            (int)charter->charter.name.len, (const char *)charter->charter.name.data,
            development ? " (DEVELOPMENT)" : "");
}

enum cli_code verify_token(struct cli *cli)
{
    const struct charter_view *charter = NULL;
    const char *charter_path = NULL;
    const char *at = cli_get(cli, "at");
    uint64_t time_ms = amount_now_ms();
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer backing = buffer_make(raw, sizeof(raw));
    struct token_view token;
    struct problem problem;

    if (at != NULL && !amount_parse_time(bytes_of_text(at), time_ms, &time_ms)) {
        (void)problem_say(&problem, STATUS_INVALID, "--at: \"%s\" is not a time", at);
        (void)problem_advise(&problem, "give a time like +7d or 2027-01-31");
        return verify_fail(cli, &problem);
    }
    enum status status = cli_need(cli, "charter", &charter_path, &problem);
    if (status == STATUS_OK) {
        status = verify_charter_file(charter_path, &charter, &problem);
    }
    if (status == STATUS_OK) {
        status = token_file_read(cli->arguments[0], &backing, &problem);
    }
    if (status != STATUS_OK) {
        return verify_fail(cli, &problem);
    }
    const enum result_code code = token_parse(buffer_bytes(&backing), charter->cluster_id, &token);
    if (code != RESULT_OK) {
        (void)problem_say(&problem, STATUS_CORRUPT, "%s: %s", cli->arguments[0],
                          result_code_text(code));
        (void)problem_advise(&problem, "ask who gave it to you for another copy");
        return verify_fail(cli, &problem);
    }
    if (judge(cli->arguments[0], charter, &token, time_ms, &problem) != STATUS_OK) {
        return verify_fail(cli, &problem);
    }
    put_result(cli, charter, &token);
    return cli_print(cli, verify_out());
}
