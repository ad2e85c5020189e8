/* The table of verbs, from which parsing, help and errors of vestry-keys follow. */
#include "crypto/selftest.h"
#include "keys/tool/tool.h"
#include "keys/words/amounts.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct cli_option common[] = {
    {"ceremony", "DIR", "append this run to DIR/transcript"},
    {"exception", "TEXT", "what differed from the script, for the transcript"},
};

static const struct cli_option key_new_options[] = {
    {"role", "ROLE", "member, recovery, replica, issuer, witness or holder"},
    {"id", "ID", "m1, r0, shop: what the key is called in the charter"},
    {"name", "NAME", "the person, issuer or client, in words"},
    {"salt", "FILE", "the ceremony's salt (a holder needs none)"},
    {"charter", "FILE", "replica: new keys for the log of this charter, in place of a salt"},
    {"out", "DIR", "where the files go (default: here)"},
    {"card", "FILE", "where the card goes (default: in the same folder)"},
    {"passphrase-fd", "N", "read the passphrase from this descriptor, one line"},
    {"moderate", NULL, "seal with 256 MiB instead of 1 GiB, on small machines"},
    {"plain", NULL, "no passphrase: for unattended clients and development"},
    {"endpoint", "HOST:PORT", "replica: where it is reached; may be repeated"},
    {"operator", "TEXT", "replica: who runs it"},
    {"provider", "TEXT", "replica: whose machine"},
    {"region", "TEXT", "replica: where"},
    {"system", "TEXT", "replica: operating system"},
    {"build", "TEXT", "replica: build of the server"},
    {"op", "OP", "issuer: append, read, govern; may be repeated"},
    {"stream", "PREFIX", "issuer: streams its tokens may cover, or all; may be repeated"},
    {"max-life", "TIME", "issuer: longest life of a token, like 90d"},
    {"max-entry", "SIZE", "issuer: largest entry"},
    {"entries", "N", "issuer: entries under one token"},
    {"bytes", "SIZE", "issuer: bytes under one token"},
    {"rate", "N", "issuer: uses in each window"},
    {"rate-window", "TIME", "issuer: the window (default 1s)"},
    {"holders", "N", "issuer: holders under one token"},
    {"depth", "N", "issuer: blocks in a token, 1 to 5"},
    {"live-tokens", "N", "issuer: tokens alive at a time"},
};
static const struct cli_option key_show_options[] = {
    {"charter", "FILE", "the log that a replica's new card is for"},
    {"passphrase-fd", "N", "open the file too, to prove the passphrase"},
    {"open", NULL, "open the file too, asking on the terminal"},
};
static const struct cli_option rehearse_options[] = {
    {"charter", "FILE", "the sealed charter"},
    {"out", "FILE", "where the proof goes (default: beside the key, .rehearsal)"},
    {"passphrase-fd", "N", "read the passphrase from this descriptor"},
};
static const struct cli_option agree_options[] = {
    {"key", "FILE", "the sign key that the replica has now"},
    {"charter", "FILE", "the sealed charter"},
    {"out", "FILE", "where the agreement goes"},
};
static const struct cli_option out_options[] = {
    {"out", "FILE", "where it goes"},
};
static const struct cli_option draft_options[] = {
    {"cards", "DIR", "the folder with everybody's .card files"},
    {"params", "FILE", "name, thresholds and parameters, as lines of `setting = value`"},
    {"salt", "FILE", "the ceremony's salt (default: that of the cards)"},
    {"name", "NAME", "name of the log, like acme.example/ledger"},
    {"text", "FILE", "the constitution in words; its hash goes into the charter"},
    {"date", "TIME", "date of the charter (default: now)"},
    {"development", NULL, "profile 1: plain keys, no locks; the name begins with dev."},
    {"out", "FILE", "where the draft goes"},
};
static const struct cli_option sign_options[] = {
    {"key", "FILE", "your key"},
    {"out", "FILE", "where the signature goes (default: ID.charter.sig)"},
    {"confirm", "WORD,WORD", "the last two words, instead of being asked"},
    {"passphrase-fd", "N", "read the passphrase from this descriptor"},
};
static const struct cli_option verify_options[] = {
    {"expect", "HASH", "the id that it must have, in hex"},
};
static const struct cli_option dev_options[] = {
    {"out", "DIR", "a new folder for everything"},
    {"replicas", "N", "how many replicas (default 4)"},
    {"base-port", "PORT", "replica i listens on PORT + i (default 7100)"},
    {"name", "NAME", "name of the log (default dev.local/ledger)"},
    {"params", "FILE", "name, thresholds and parameters, as lines of `setting = value`"},
};
static const struct cli_option policy_options[] = {
    {"charter", "FILE", "the sealed charter"},
    {"out", "FILE", "where it goes (default: stdout)"},
};

#define LIMIT_OPTIONS                                                                              \
    {"op", "OP", "append, read or govern; may be repeated"},                                       \
        {"stream", "PREFIX", "a stream or prefix, or all; may be repeated"},                       \
        {"from", "TIME", "not before"}, {"until", "TIME", "not after: +7d, 2027-01-31"},           \
        {"until-height", "N", "not from this height on"}, {"max-entry", "SIZE", "largest entry"},  \
        {"entries", "N", "entries in all"}, {"bytes", "SIZE", "bytes in all"},                     \
        {"rate", "N", "uses in each window"}, {"holders", "N", "holders under this block"},        \
    {                                                                                              \
        "depth", "N", "how often it may be passed on"                                              \
    }

static const struct cli_option issue_options[] = {
    {"charter", "FILE", "the sealed charter"},
    {"key", "FILE", "the issuer's key"},
    {"to", "CARD", "the holder's card, or public key in hex"},
    {"out", "FILE", "where the token goes"},
    {"passphrase-fd", "N", "read the passphrase from this descriptor"},
    LIMIT_OPTIONS,
};
static const struct cli_option attenuate_options[] = {
    {"charter", "FILE", "the sealed charter"},
    {"key", "FILE", "the key that holds the token now"},
    {"to", "CARD", "the new holder's card, or public key in hex"},
    {"out", "FILE", "where the token goes"},
    {"passphrase-fd", "N", "read the passphrase from this descriptor"},
    LIMIT_OPTIONS,
};
static const struct cli_option state_options[] = {
    {"charter", "FILE", "the sealed charter"},
};

#define STATE_OPTIONS                                                                              \
    {"state", "FILE", "what is in force: vestry gov export"},                                      \
    {                                                                                              \
        "charter", "FILE", "the sealed charter, to be sure of the log"                             \
    }
#define SIGN_OPTIONS                                                                               \
    {"key", "FILE", "your key"}, {"out", "FILE", "where it goes"},                                 \
    {                                                                                              \
        "passphrase-fd", "N", "read the passphrase from this descriptor"                           \
    }

static const struct cli_option propose_options[] = {
    STATE_OPTIONS,
    SIGN_OPTIONS,
    {"reason", "TEXT", "why, in one sentence: every officer sees it"},
    {"deadline", "TIME", "to be decided by then (default +7d)"},
    {"not-before", "TIME", "not to hold before then (default: at once)"},
};
static const struct cli_option rotate_options[] = {
    STATE_OPTIONS,
    SIGN_OPTIONS,
    {"card", "FILE", "the card of its new keys: key new --role replica --charter"},
    {"old", "FILE", "that the old key agrees: key agree; without it, the old key is lost"},
    {"reason", "TEXT", "why, in one sentence: every officer sees it"},
    {"deadline", "TIME", "to be decided by then (default +7d)"},
    {"not-before", "TIME", "not to be enacted before then (default: at once)"},
};
static const struct cli_option ballot_options[] = {
    STATE_OPTIONS,
    SIGN_OPTIONS,
    {"yes", NULL, "for it"},
    {"no", NULL, "against it"},
    {"confirm", "WORD,WORD", "the last two words, instead of being asked"},
    {"reason", "TEXT", "why; only its hash is kept"},
};
static const struct cli_option bundle_options[] = {
    STATE_OPTIONS,
    {"out", "FILE", "where it goes"},
};
static const struct cli_option inspect_options[] = {
    {"charter", "FILE", "check it against the sealed charter too"},
    {"at", "TIME", "check it for this time (default: now)"},
};

static const struct cli_verb verbs[] = {
    {"key new", "", "make a secret key and its card",
     "  vestry-keys key new --role member --id m1 --name Ada --salt salt --out /media/secret\n"
     "  vestry-keys key new --role holder --id pos17 --name 'Till 17' --plain\n"
     "  vestry-keys key new --role issuer --id shop --name Shop --salt salt --stream orders\n",
     key_new_options, COUNT(key_new_options), 0, 0, cmd_key_new},
    {"key agree", "CARD", "let a replica's sign key agree to the card of its new keys",
     "  vestry-keys key agree r3.card --key r3.key --charter charter.genesis --out r3.agreed\n",
     agree_options, COUNT(agree_options), 1, 1, cmd_key_agree},
    {"key show", "FILE", "say whose key or card it is, and its words",
     "  vestry-keys key show m1.key\n  vestry-keys key show m1.card\n", key_show_options,
     COUNT(key_show_options), 1, 1, cmd_key_show},
    {"key rehearse", "FILE", "prove that a key can be used, signing nothing that matters",
     "  vestry-keys key rehearse m1.next.key --charter charter.genesis\n", rehearse_options,
     COUNT(rehearse_options), 1, 1, cmd_key_rehearse},
    {"charter salt", "", "draw the salt that every card and the charter carry",
     "  vestry-keys charter salt --out salt\n", out_options, COUNT(out_options), 0, 0,
     cmd_charter_salt},
    {"charter draft", "", "put the cards together and check every rule",
     "  vestry-keys charter draft --cards cards/ --params params.conf --out charter.draft\n"
     "  settings: name, k-root, k-ops, k-emg, k-rec, faults, and every parameter of the log\n",
     draft_options, COUNT(draft_options), 0, 0, cmd_charter_draft},
    {"charter sign", "DRAFT", "show what a draft says and sign it as a member",
     "  vestry-keys charter sign charter.draft --key m1.key\n", sign_options, COUNT(sign_options),
     1, 1, cmd_charter_sign},
    {"charter seal", "DRAFT SIGS", "put draft and signatures together",
     "  vestry-keys charter seal charter.draft sigs/ --out charter.genesis\n", out_options,
     COUNT(out_options), 2, 2, cmd_charter_seal},
    {"charter verify", "FILE", "check a sealed charter",
     "  vestry-keys charter verify charter.genesis --expect 5f3a91c0...\n", verify_options,
     COUNT(verify_options), 1, 1, cmd_charter_verify},
    {"charter dev", "", "make a whole development cluster: never for production",
     "  vestry-keys charter dev --out dev --replicas 4 --base-port 7100\n", dev_options,
     COUNT(dev_options), 0, 0, cmd_charter_dev},
    {"token issue", "", "give a holder rights, within the issuer's scope",
     "  vestry-keys token issue --charter charter.genesis --key shop.key --to till.card \\\n"
     "      --stream orders --op append --until +30d --out till.token\n",
     issue_options, COUNT(issue_options), 0, 0, cmd_token_issue},
    {"token attenuate", "TOKEN", "pass a token on, narrower, offline",
     "  vestry-keys token attenuate shop.token --charter charter.genesis --key shop.key \\\n"
     "      --to pos17.card --stream orders/store17 --until +1d --out pos17.token\n",
     attenuate_options, COUNT(attenuate_options), 1, 1, cmd_token_attenuate},
    {"token inspect", "TOKEN", "say what a token allows",
     "  vestry-keys token inspect pos17.token --charter charter.genesis\n", inspect_options,
     COUNT(inspect_options), 1, 1, cmd_token_inspect},
    {"state verify", "FILE", "check what is in force, as `vestry gov export` wrote it down",
     "  vestry-keys state verify state.bundle --charter charter.genesis\n", state_options,
     COUNT(state_options), 1, 1, cmd_state_verify},
    {"emergency suspend-replica", "rN", "propose to suspend a replica at once, and vote for it",
     "  vestry-keys emergency suspend-replica r3 --state state.bundle --key m2.key \\\n"
     "      --reason 'host compromise' --out p.gov\n"
     "  vestry-keys ballot p.gov --state state.bundle --key m1.key --yes --out m1.ballot\n"
     "  vestry-keys bundle p.gov m1.ballot --state state.bundle --out p.bundle\n"
     "  vestry gov submit p.bundle\n",
     propose_options, COUNT(propose_options), 1, 1, cmd_emergency_suspend},
    {"propose replica-suspend", "rN", "propose to suspend a replica, without a vote",
     "  vestry-keys propose replica-suspend r3 --state state.bundle --key m1.key \\\n"
     "      --reason 'host compromise' --out p.gov\n",
     propose_options, COUNT(propose_options), 1, 1, cmd_propose_suspend},
    {"propose replica-restore", "rN", "propose to lift a replica's suspension",
     "  vestry-keys propose replica-restore r3 --state state.bundle --key m1.key \\\n"
     "      --reason 'host rebuilt' --out p.gov\n",
     propose_options, COUNT(propose_options), 1, 1, cmd_propose_restore},
    {"propose replica-rotate", "rN", "propose new keys for a replica, from the next epoch on",
     "  vestry-keys propose replica-rotate r3 --card r3.card --old r3.agreed \\\n"
     "      --state state.bundle --key m1.key --reason 'yearly' --out p.gov\n",
     rotate_options, COUNT(rotate_options), 1, 1, cmd_propose_rotate},
    {"propose epoch-renew", "", "propose that a new epoch begins",
     "  vestry-keys propose epoch-renew --state state.bundle --key m1.key \\\n"
     "      --reason 'a rehearsal' --out p.gov\n",
     propose_options, COUNT(propose_options), 0, 0, cmd_propose_renew},
    {"ballot", "PROPOSAL", "show a proposal and vote on it as a member",
     "  vestry-keys ballot p.gov --state state.bundle --key m2.key --yes --out m2.ballot\n",
     ballot_options, COUNT(ballot_options), 1, 1, cmd_ballot},
    {"bundle", "PROPOSAL [BALLOT...]", "put a proposal and ballots together, or say who is missing",
     "  vestry-keys bundle p.gov m2.ballot m3.ballot --state state.bundle --out p.bundle\n"
     "  vestry gov submit p.bundle\n",
     bundle_options, COUNT(bundle_options), 1, CLI_ARGUMENTS_MAX, cmd_bundle},
    {"policy make", "", "write the keys and quorum that checkpoints are judged by",
     "  vestry-keys policy make --charter charter.genesis --out acme.policy\n", policy_options,
     COUNT(policy_options), 0, 0, cmd_policy_make},
    {"selftest", "", "run the vectors of the primitives", "  vestry-keys selftest\n", NULL, 0, 0, 0,
     cmd_selftest},
    {"version", "", "print the version", "  vestry-keys version\n", NULL, 0, 0, 0, cmd_version},
};

static const struct cli_program program = {
    .name = "vestry-keys",
    .summary = "keys, charters, tokens and what officers decide, offline",
    .examples = "  vestry-keys key new --role member --id m1 --name Ada --salt salt\n"
                "  vestry-keys charter draft --cards cards/ --params params.conf --out draft\n"
                "  vestry-keys token inspect pos17.token\n"
                "  vestry-keys emergency suspend-replica r3 --state state.bundle --key m2.key ...\n"
                "  vestry-keys charter dev --out dev\n",
    .verbs = verbs,
    .verb_count = COUNT(verbs),
    .options = common,
    .option_count = COUNT(common),
    .end = ceremony_end,
};

int tool_main(int argc, char **argv)
{
    struct problem problem;
    struct selftest selftest;
    const struct cli nobody = {.program = &program};

    if (process_harden(&problem) != STATUS_OK) {
        return (int)cli_fail(&nobody, CLI_ERROR, &problem);
    }
    /* What the primitives say is a rule of consensus: with others nothing may be signed. */
    if (crypto_selftest(&sig_ed25519, &selftest) != STATUS_OK &&
        !(argc > 1 && strcmp(argv[1], "selftest") == 0)) {
        (void)problem_say(&problem, STATUS_MISMATCH, "the self-test failed: %s",
                          selftest.first_failure);
        (void)problem_advise(&problem, "use the libsodium that this program was built for");
        return (int)cli_fail(&nobody, CLI_ERROR, &problem);
    }
    ceremony_begin(argc, argv);
    return cli_run(&program, argc, argv);
}

enum cli_code cmd_selftest(struct cli *cli)
{
    struct selftest result;
    struct buffer *out = tool_out();

    const bool good = crypto_selftest(&sig_ed25519, &result) == STATUS_OK;
    if (cli->json) {
        struct json_line json;

        json_begin(&json, out, "vestry/selftest/1");
        json_u64(&json, "profile", CRYPTO_PROFILE);
        json_u64(&json, "passed", result.passed);
        json_u64(&json, "total", result.total);
        json_end(&json);
    } else {
        cli_put(out, "crypto profile %d: %u/%u vectors\n", CRYPTO_PROFILE, result.passed,
                result.total);
    }
    const enum cli_code code = cli_print(cli, out);
    if (!good) {
        struct problem problem;

        (void)problem_say(&problem, STATUS_MISMATCH, "the self-test failed: %s",
                          result.first_failure == NULL ? "no libsodium" : result.first_failure);
        (void)problem_advise(&problem, "do not use this machine for keys");
        return cli_fail(cli, CLI_ERROR, &problem);
    }
    return code;
}

enum cli_code cmd_version(struct cli *cli)
{
    struct buffer *out = tool_out();

    if (cli->json) {
        struct json_line json;

        json_begin(&json, out, "vestry/version/1");
        json_text(&json, "program", bytes_of_text("vestry-keys"));
        json_text(&json, "version", bytes_of_text(VESTRY_VERSION));
        json_end(&json);
    } else {
        cli_put(out, "vestry-keys %s\n", VESTRY_VERSION);
    }
    return cli_print(cli, out);
}
