#include "client/verify/verify.h"
#include "crypto/selftest.h"
#include "keys/words/charter_words.h"
#include "keys/words/file.h"
#include "keys/words/verify_only.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum cli_code print_version(struct cli *cli);

static const struct cli_option receipt_options[] = {
    {"policy", "FILE", "the keys and the quorum to judge by"},
    {"charter", "FILE", "the charter to judge by"},
    {"state", "FILE", "a state bundle, which leads from the charter to later epochs"},
    {"payload", "FILE", "check that this is what was appended"},
};
static const struct cli_option charter_options[] = {
    {"expect", "HASH", "the id that it must have, in hex"},
};
static const struct cli_option token_options[] = {
    {"charter", "FILE", "the charter of the cluster"},
    {"at", "TIME", "judge it for this time (default: now)"},
};

static const struct cli_option evidence_options[] = {
    {"charter", "FILE", "the charter of the cluster"},
    {"state", "FILE", "a state bundle, which leads from the charter to later epochs"},
};

static const struct cli_verb verbs[] = {
    {"receipt", "FILE", "check that an entry is in the log",
     "  vestry-verify receipt inv.tlog-proof --payload invoice.json --policy acme.policy\n"
     "  vestry-verify receipt inv.tlog-proof --charter charter.genesis\n"
     "  vestry-verify receipt late.tlog-proof --charter charter.genesis --state state.bundle\n",
     receipt_options, COUNT(receipt_options), 1, 1, verify_receipt},
    {"charter", "FILE", "check every rule and every signature of a charter",
     "  vestry-verify charter charter.genesis\n", charter_options, COUNT(charter_options), 1, 1,
     verify_charter},
    {"token", "FILE", "check who gave which rights to whom",
     "  vestry-verify token pos17.token --charter charter.genesis\n", token_options,
     COUNT(token_options), 1, 1, verify_token},
    {"evidence", "FILE", "check that a replica signed what no correct one signs",
     "  vestry-verify evidence data/evidence/r3-2-5 --charter charter.genesis\n", evidence_options,
     COUNT(evidence_options), 1, 1, verify_evidence},
    {"version", "", "print the version", "  vestry-verify version\n", NULL, 0, 0, 0, print_version},
};

static const struct cli_program program = {
    .name = "vestry-verify",
    .summary = "check receipts, charters and tokens, offline",
    .examples =
        "  vestry-verify receipt inv.tlog-proof --payload invoice.json --policy acme.policy\n"
        "  vestry-verify charter charter.genesis\n"
        "  vestry-verify token pos17.token --charter charter.genesis\n",
    .verbs = verbs,
    .verb_count = COUNT(verbs),
};

struct buffer *verify_out(void)
{
    static uint8_t raw[CHARTER_WORDS_MAX + 65536];
    static struct buffer out;

    if (out.data == NULL) {
        out = buffer_make(raw, sizeof(raw));
    }
    return &out;
}

enum status verify_read(const char *path, struct buffer *out, struct problem *problem)
{
    const enum status status = file_read(path, out, problem);

    if (status == STATUS_INVALID) {
        problem->status = STATUS_CORRUPT;
    }
    return status == STATUS_INVALID ? STATUS_CORRUPT : status;
}

enum cli_code verify_fail(const struct cli *cli, const struct problem *problem)
{
    const bool failed = problem->status == STATUS_CORRUPT;

    return cli_fail(cli, failed ? CLI_VERIFY_FAILED : cli_code_of(problem->status), problem);
}

static enum cli_code print_version(struct cli *cli)
{
    struct buffer *out = verify_out();

    if (cli->json) {
        struct json_line json;

        json_begin(&json, out, "vestry/version/1");
        json_text(&json, "program", bytes_of_text("vestry-verify"));
        json_text(&json, "version", bytes_of_text(VESTRY_VERSION));
        json_end(&json);
    } else {
        cli_put(out, "vestry-verify %s\n", VESTRY_VERSION);
    }
    return cli_print(cli, out);
}

int main(int argc, char **argv)
{
    struct selftest selftest;

    if (crypto_selftest(&sig_ed25519_verify_only, &selftest) != STATUS_OK) {
        const struct cli nobody = {.program = &program};
        struct problem problem;

        (void)problem_say(&problem, STATUS_MISMATCH, "the self-test failed: %s",
                          selftest.first_failure);
        (void)problem_advise(&problem, "use another build of libsodium");
        return (int)cli_fail(&nobody, CLI_ERROR, &problem);
    }
    return cli_run(&program, argc, argv);
}
