#include "replica/host/commands.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct cli_option keygen_options[] = {
    {"id", "ID", "r0, r1, ...: what the replica is called in the charter"},
    {"endpoint", "HOST:PORT", "where it is reached; may be repeated"},
    {"salt", "FILE", "the ceremony's salt, from its coordinator"},
    {"charter", "FILE", "new keys for the log of this charter, in place of a salt"},
    {"keys", "DIR", "where the secret keys go (default: here)"},
    {"out", "FILE", "where the card goes (default: ID.card)"},
    {"operator", "TEXT", "who runs it"},
    {"provider", "TEXT", "whose machine it runs on"},
    {"region", "TEXT", "where it runs"},
    {"system", "TEXT", "operating system"},
    {"build", "TEXT", "build of the server (default: this one)"},
};
static const struct cli_option init_options[] = {
    {"config", "FILE", "the configuration, which names charter, data and key"},
    {"expect", "HASH", "the cluster id that was announced, 64 hex digits"},
    {"charter", "FILE", "the sealed charter (default: the configuration's)"},
    {"data", "DIR", "the data directory (default: the configuration's)"},
    {"key", "FILE", "the replica's sign key (default: the configuration's)"},
    {"id", "ID", "the replica (default: the configuration's)"},
};
static const struct cli_option run_options[] = {
    {"config", "FILE", "the configuration"},
};

static const struct cli_verb verbs[] = {
    {"run", "", "run the replica until SIGTERM", "  vestryd run --config /etc/vestry/r0.conf\n",
     run_options, COUNT(run_options), 0, 0, cmd_run},
    {"init", "", "make the data directory, once",
     "  vestryd init --config /etc/vestry/r0.conf --expect 5f3a91c0...\n"
     "  vestryd init --charter charter.genesis --id r0 --key r0.key --data r0 --expect 5f3a...\n",
     init_options, COUNT(init_options), 0, 0, cmd_init},
    {"join", "", "make the data directory of a replica that lost it: it follows, and does not vote",
     "  vestryd join --config /etc/vestry/r0.conf --expect 5f3a91c0...\n", init_options,
     COUNT(init_options), 0, 0, cmd_join},
    {"check-config", "FILE", "check a configuration, the charter and the keys it names",
     "  vestryd check-config /etc/vestry/r0.conf\n", NULL, 0, 1, 1, cmd_check_config},
    {"keygen", "", "make the keys of a replica and its card",
     "  vestryd keygen --id r0 --endpoint 10.77.0.1:7000 --salt ceremony.salt --keys /etc/vestry\n"
     "  vestryd keygen --id r0 --endpoint 10.77.0.1:7000 --charter charter.genesis --keys new\n",
     keygen_options, COUNT(keygen_options), 0, 0, cmd_keygen},
    {"version", "", "print the version", "  vestryd version\n", NULL, 0, 0, 0, cmd_version},
};

int commands_main(int argc, char **argv)
{
    static const struct cli_program program = {
        .name = "vestryd",
        .summary = "one replica of a vestry log",
        .examples = "  vestryd check-config /etc/vestry/r0.conf\n"
                    "  vestryd init --config /etc/vestry/r0.conf --expect 5f3a91c0...\n"
                    "  vestryd run --config /etc/vestry/r0.conf\n",
        .verbs = verbs,
        .verb_count = COUNT(verbs),
    };
    return cli_run(&program, argc, argv);
}

enum cli_code commands_code(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return CLI_OK;
    case STATUS_INVALID:
    case STATUS_REFUSED:
    case STATUS_NOT_FOUND:
        return CLI_USAGE;
    case STATUS_EXISTS:
    case STATUS_NO_MEMORY:
    case STATUS_NO_SPACE:
    case STATUS_IO:
    case STATUS_CORRUPT:
    case STATUS_MISMATCH:
    case STATUS_BUSY:
        return CLI_ERROR;
    }
    return CLI_ERROR;
}

enum cli_code cmd_version(struct cli *cli)
{
    uint8_t memory[256];
    struct buffer out = buffer_make(memory, sizeof memory);
    if (cli->json) {
        struct json_line json;
        json_begin(&json, &out, "vestry/version/1");
        json_text(&json, "program", bytes_of_text("vestryd"));
        json_text(&json, "version", bytes_of_text(VESTRY_VERSION));
        json_end(&json);
    } else {
        cli_put(&out, "vestryd %s\n", VESTRY_VERSION);
    }
    return cli_print(cli, &out);
}
