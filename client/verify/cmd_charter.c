#include "client/verify/verify.h"
#include "crypto/hash.h"
#include "crypto/words.h"
#include "keys/words/charter_words.h"
#include "keys/words/verify_only.h"

enum status verify_charter_file(const char *path, const struct charter_view **out,
                                struct problem *problem)
{
    static uint8_t raw[CHARTER_FILE_MAX];
    static struct charter_view view;
    struct buffer file = buffer_make(raw, sizeof(raw));
    uint8_t text[PROBLEM_CHARS];
    struct buffer why = buffer_make(text, sizeof(text));
    struct charter_check check;

    const enum status status = verify_read(path, &file, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (charter_file_verify(buffer_bytes(&file), &sig_ed25519_verify_only, &view, &check) !=
        CHARTER_OK) {
        charter_check_words(&check, &why);
        (void)problem_say(problem, STATUS_CORRUPT, "%s: %.*s", path, (int)why.len,
                          (const char *)why.data);
        return problem_advise(problem, "%s", charter_check_advice(&check));
    }
    *out = &view;
    return STATUS_OK;
}

static void put_result(const struct cli *cli, const struct charter_view *view)
{
    struct buffer *out = verify_out();

    if (cli->json) {
        struct json_line json;

        json_begin(&json, out, "vestry/charter/1");
        json_bool(&json, "ok", true);
        charter_json(view, &json);
        json_end(&json);
        return;
    }
    charter_words(view, out);
    cli_put(out, "  predicates: %d/%d hold\n  id\n", CHARTER_RULE_COUNT, CHARTER_RULE_COUNT);
    fingerprint_words(view->cluster_id, out);
    cli_put(out, "OK  %scharter of %.*s, signed by all %u members and every other key\n",
            view->charter.profile == PROFILE_DEVELOPMENT ? "DEVELOPMENT " : "",
            (int)view->charter.name.len, (const char *)view->charter.name.data, view->member_count);
}

enum cli_code verify_charter(struct cli *cli)
{
    const struct charter_view *view = NULL;
    const char *expect = cli_get(cli, "expect");
    uint8_t wanted[HASH_BYTES];
    struct problem problem;

    if (expect != NULL && !hex_parse(bytes_of_text(expect), wanted, HASH_BYTES)) {
        (void)problem_say(&problem, STATUS_INVALID, "--expect: not the 64 hex digits of an id");
        (void)problem_advise(&problem, "give the whole id, without spaces");
        return verify_fail(cli, &problem);
    }
    if (verify_charter_file(cli->arguments[0], &view, &problem) != STATUS_OK) {
        return verify_fail(cli, &problem);
    }
    if (expect != NULL && !hash_equal(wanted, view->cluster_id)) {
        (void)problem_say(&problem, STATUS_CORRUPT,
                          "%s: a good charter, but not the one that was expected",
                          cli->arguments[0]);
        (void)problem_advise(&problem, "compare the id with the one that was announced");
        return verify_fail(cli, &problem);
    }
    put_result(cli, view);
    return cli_print(cli, verify_out());
}
