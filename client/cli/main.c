/* vestry: the program, and the table of its verbs. */
#include "client/cli/verbs.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct call_option common_options[] = {
    {"json", 0, NULL, "one JSON object a line, for programs"},
    {"quiet", 'q', NULL, "nothing on stderr but errors"},
    {"help", 'h', NULL, "this text"},
};
const size_t common_option_count = COUNT(common_options);

const struct call_option connect_options[] = {
    {"context", 0, "NAME", "a kept set of these options (vestry context)"},
    {"charter", 0, "FILE", "whom to believe: the sealed charter"},
    {"token", 0, "FILE", "what this client may do"},
    {"key", 0, "FILE", "the secret key that the token was made for"},
    {"password-file", 0, "FILE", "holds the passphrase of the key"},
    {"state", 0, "DIR", "what must survive a crash; one for each token"},
    {"endpoint", 0, "rN=HOST:PORT", "where a replica is, if not where the charter says"},
    {"timeout", 0, "TIME", "how long to wait (default 30s; 0: for ever)"},
};
const size_t connect_option_count = COUNT(connect_options);

static const struct call_option append_options[] = {
    {"file", 0, "FILE", "the entry, or with --lines the lines, from a file"},
    {"lines", 0, NULL, "every line of the input an entry, in order"},
    {"receipt", 0, "FILE", "keep the receipt"},
    {"receipts", 0, "DIR", "keep every receipt, named by index"},
    {"expect", 0, "N", "only if the stream has N entries (compare and append)"},
    {"batch", 0, "N", "with --lines: lines in one request (default 1024)"},
    {"in-flight", 0, "N", "with --lines: requests at a time; above 1 order is not kept"},
    {"resume", 0, NULL, "with --lines: go on after what a stopped run has appended"},
    {"restart", 0, NULL, "with --lines: begin anew, whatever a stopped run has appended"},
    {"finish", 0, NULL, "wait until everything that earlier runs began is finished"},
};

static const struct call_option read_options[] = {
    {"count", 'n', "N", "how many entries (default: one, or a stream's all)"},
    {"stream", 0, "STREAM", "the stream, when its name could be an index"},
    {"receipt", 0, "FILE", "keep a receipt of the first entry"},
    {"consistency", 0, "LEVEL", "verified (default), linearizable, causal or local"},
    {"max-age", 0, "TIME", "of the checkpoint, for verified (default 3 idle heartbeats)"},
};

static const struct call_option tail_options[] = {
    {"follow", 'f', NULL, "go on with what is appended, until Ctrl-C"},
    {"lines", 'n', "N", "how many entries to begin with (default 10)"},
    {"consistency", 0, "LEVEL", "verified (default), linearizable, causal or local"},
    {"max-age", 0, "TIME", "of the checkpoint, for verified (default 3 idle heartbeats)"},
};

static const struct call_option head_options[] = {
    {"note", 0, NULL, "the signed checkpoint itself, for other programs"},
};

static const struct call_option receipt_options[] = {
    {"output", 'o', "FILE", "where to (default: standard output)"},
    {"no-salt", 0, NULL, "leave out what ties it to the payload"},
};

static const struct call_option status_options[] = {
    {"why", 0, NULL, "what each replica says of the others"},
};

static const struct call_option evidence_options[] = {
    {"output", 'o', "DIR", "keep each piece in a file there, for vestry-verify evidence"},
};

static const struct call_option gov_export_options[] = {
    {"out", 'o', "FILE", "where it goes: for machines that are offline"},
};

static const struct call_option gov_submit_options[] = {
    {"receipt", 0, "FILE", "keep the receipt of the entry"},
};

static const struct call_option attenuate_options[] = {
    {"to", 0, "CARD", "the new holder: a card, or a public key in hex"},
    {"output", 'o', "FILE", "where the new token goes"},
    {"op", 0, "OP", "append, read or govern; may be repeated"},
    {"stream", 0, "PREFIX", "streams below it only; may be repeated"},
    {"from", 0, "TIME", "not before: 2027-01-31, or +7d"},
    {"until", 0, "TIME", "not after"},
    {"until-height", 0, "N", "not at or above this height"},
    {"max-entry", 0, "SIZE", "largest entry"},
    {"entries", 0, "N", "entries all together"},
    {"bytes", 0, "SIZE", "bytes all together"},
    {"rate", 0, "N", "requests in a window"},
    {"holders", 0, "N", "how many may hold a token below it"},
    {"depth", 0, "N", "how often it may be passed on"},
    {"charter", 0, "FILE", "the sealed charter"},
    {"key", 0, "FILE", "the key that holds the token now"},
    {"password-file", 0, "FILE", "holds the passphrase of the key"},
    {"context", 0, "NAME", "where charter, token and key come from"},
};

static const struct call_option inspect_options[] = {
    {"charter", 0, "FILE", "check it against this charter"},
    {"context", 0, "NAME", "where charter and token come from"},
};

static const struct call_option dev_start_options[] = {
    {"dir", 0, "DIR", "its folder (default: VESTRY_DEV_DIR, or ~/.local/state/vestry/dev)"},
    {"replicas", 0, "N", "how many, 4 or more (default 4)"},
    {"base-port", 0, "PORT", "replica i listens on PORT + i (default 7100); auto: any free"},
    {"vestryd", 0, "FILE", "the server (default: beside vestry, or in PATH)"},
    {"keep", 0, NULL, "when starting fails, leave running what was started"},
};

static const struct call_option dev_options[] = {
    {"dir", 0, "DIR", "the cluster's folder"},
};

static const struct call_option dev_restart_options[] = {
    {"dir", 0, "DIR", "the cluster's folder"},
    {"vestryd", 0, "FILE", "the server (default: beside vestry, or in PATH)"},
    {"keep", 0, NULL, "when starting fails, leave running what was started"},
};

static const struct call_option dev_remove_options[] = {
    {"dir", 0, "DIR", "the cluster's folder"},
    {"yes", 'y', NULL, "do not ask"},
};

#define OPTIONS(options) (options), COUNT(options)
#define NO_OPTIONS NULL, 0

const struct verb verbs[] = {
    {"append", VERB_WRITES, "[STREAM [TEXT]]", "append an entry, and verify its receipt",
     "  vestry append orders 'hello'\n"
     "  vestry append orders/store17 --file invoice.json --receipt inv.tlog-proof\n"
     "  vestry append orders/store17 --lines < lines.txt\n"
     "  vestry append orders 'only the fifth' --expect 4\n"
     "  vestry append --finish\n",
     OPTIONS(append_options), 0, 2, cmd_append},
    {"read", VERB_READS, "INDEX | STREAM [POSITION]", "read entries, each proven",
     "  vestry read 13\n"
     "  vestry read orders/store17 4 > invoice.json\n"
     "  vestry read orders/store17 -n 100 --json\n",
     OPTIONS(read_options), 0, 2, cmd_read},
    {"tail", VERB_READS, "[STREAM | PREFIX/]", "show the last entries, and follow",
     "  vestry tail orders/store17 -n 2\n"
     "  vestry tail orders/ -f --json\n",
     OPTIONS(tail_options), 0, 1, cmd_tail},
    {"head", VERB_READS, "", "show the newest checkpoint that a quorum signed",
     "  vestry head\n"
     "  vestry head --note > checkpoint\n",
     OPTIONS(head_options), 0, 0, cmd_head},
    {"receipt", VERB_READS, "INDEX", "get the receipt of any entry",
     "  vestry receipt 13 -o 13.tlog-proof\n"
     "  vestry-verify receipt 13.tlog-proof --charter charter.genesis\n",
     OPTIONS(receipt_options), 1, 1, cmd_receipt},
    {"streams", VERB_READS, "[PREFIX]", "list streams and their lengths",
     "  vestry streams\n"
     "  vestry streams orders/ --json\n",
     NO_OPTIONS, 0, 1, cmd_streams},
    {"status", VERB_READS, "", "say which replicas are up, and what that means",
     "  vestry status; echo $?        0 ok, 8 degraded, 4 no quorum\n"
     "  vestry status --why\n",
     OPTIONS(status_options), 0, 0, cmd_status},
    {"evidence", VERB_READS, "", "list what replicas signed that no correct one signs",
     "  vestry evidence\n"
     "  vestry evidence -o found && vestry-verify evidence found/r1-0.evidence --charter "
     "charter.genesis\n",
     OPTIONS(evidence_options), 0, 0, cmd_evidence},
    {"gov export", VERB_READS, "", "write down what is in force, with its proof, for officers",
     "  vestry gov export --out state.bundle\n"
     "  vestry-keys state verify state.bundle --charter charter.genesis      (offline)\n",
     OPTIONS(gov_export_options), 0, 0, cmd_gov_export},
    {"gov show", VERB_READS, "", "say who the officers are, and the standing of every replica",
     "  vestry gov show\n"
     "  vestry gov show --json\n",
     NO_OPTIONS, 0, 0, cmd_gov_show},
    {"gov submit", VERB_WRITES, "BUNDLE", "bring what officers decided into the log",
     "  vestry gov submit p.bundle\n"
     "  vestry gov submit p.bundle --token officers.token --key officers.key\n",
     OPTIONS(gov_submit_options), 1, 1, cmd_gov_submit},
    {"dev", VERB_LOCAL, "", "the same as dev start", "  vestry dev\n", OPTIONS(dev_start_options),
     0, 1, cmd_dev},
    {"dev start", VERB_LOCAL, "", "start a cluster on this machine, for trying",
     "  vestry dev start\n"
     "  vestry dev start --replicas 7 --dir ./seven --base-port auto\n",
     OPTIONS(dev_start_options), 0, 0, cmd_dev_start},
    {"dev stop", VERB_LOCAL, "", "stop it; what was appended stays", "  vestry dev stop\n",
     OPTIONS(dev_options), 0, 0, cmd_dev_stop},
    {"dev kill", VERB_LOCAL, "rN...", "end replicas without warning (SIGKILL)",
     "  vestry dev kill r3; vestry append orders 'still here'\n", OPTIONS(dev_options), 1,
     CALL_ARGUMENTS_MAX, cmd_dev_kill},
    {"dev restart", VERB_LOCAL, "rN... | all", "stop replicas and start them again",
     "  vestry dev restart r3\n", OPTIONS(dev_restart_options), 1, CALL_ARGUMENTS_MAX,
     cmd_dev_restart},
    {"dev status", VERB_LOCAL, "", "say which processes run, and where",
     "  vestry dev status; echo $?    0 all up, 8 some are not\n", OPTIONS(dev_options), 0, 0,
     cmd_dev_status},
    {"dev remove", VERB_LOCAL, "", "stop it, and delete its entries and keys",
     "  vestry dev remove --yes\n", OPTIONS(dev_remove_options), 0, 0, cmd_dev_remove},
    {"token attenuate", VERB_LOCAL, "[TOKEN]", "pass a token on, narrower, offline",
     "  vestry token attenuate shop.token --to pos17.card --stream orders/store17 --until +1d \\\n"
     "      -o pos17.token\n",
     OPTIONS(attenuate_options), 0, 1, cmd_token_attenuate},
    {"token inspect", VERB_LOCAL, "[TOKEN]", "say what a token allows, and whether it holds",
     "  vestry token inspect pos17.token\n", OPTIONS(inspect_options), 0, 1, cmd_token_inspect},
    {"context list", VERB_LOCAL, "", "list the contexts", "  vestry context list\n", NO_OPTIONS, 0,
     0, cmd_context_list},
    {"context use", VERB_LOCAL, "NAME", "take one into use", "  vestry context use shop\n",
     NO_OPTIONS, 1, 1, cmd_context_use},
    {"context show", VERB_LOCAL, "[NAME]", "show what is in force, and where it comes from",
     "  vestry context show\n", OPTIONS(connect_options), 0, 1, cmd_context_show},
    {"context add", VERB_LOCAL, "NAME", "keep a set of options under a name",
     "  vestry context add shop --charter charter.genesis --token shop.token --key shop.key\n",
     OPTIONS(connect_options), 1, 1, cmd_context_add},
    {"completion", VERB_LOCAL, "bash|zsh|fish", "print completion for a shell",
     "  source <(vestry completion bash)\n", NO_OPTIONS, 1, 1, cmd_completion},
    {"help", VERB_LOCAL, "[VERB]", "show help", "  vestry help append\n", NO_OPTIONS, 0, 2,
     cmd_help},
    {"version", VERB_LOCAL, "", "print the version", "  vestry version\n", NO_OPTIONS, 0, 0,
     cmd_version},
};
const size_t verb_count = COUNT(verbs);

int main(int argc, char **argv)
{
    return call_run(argc, argv);
}
