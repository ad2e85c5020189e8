/* vestryd run, vestryd check-config */
#include "crypto/words.h"
#include "replica/host/commands.h"
#include "replica/host/host.h"
#include "replica/host/notify.h"
#include "replica/host/start.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

static void ignore_sigpipe(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
}

/* Sockets and the store's files: as many as the system lets us have. */
static void raise_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static enum status serve(struct start *start, bool *again, struct problem *problem)
{
    struct host_setup setup = {.config = &start->config,
                               .scheme = &sig_ed25519,
                               .charter_file = buffer_bytes(&start->charter_file),
                               .roster = &start->roster,
                               .addresses = start->addresses,
                               .key_count = start->key_count,
                               .store = start->store,
                               .anchor = &start->anchor,
                               .anchored = start->anchored,
                               .by_signal = true};
    struct report report = {0};
    struct host *host = NULL;
    for (uint32_t i = 0; i < start->key_count; i++) {
        setup.keys[i] = (struct host_keys){.sign_seed = start->keys[i].sign.seed.data,
                                           .cosign_seed = start->keys[i].cosign.seed.data,
                                           .transport_seed = start->keys[i].transport.seed.data};
    }
    enum status status = host_open(&setup, &host, &report);
    if (status != STATUS_OK) {
        return start_problem(problem, status, &report);
    }
    *again = host_run(host);
    host_close(host);
    return STATUS_OK;
}

static enum status run(struct start *start, const char *path, struct problem *problem)
{
    enum status status = process_harden(problem);
    if (status == STATUS_OK) {
        status = start_config(start, path, problem);
    }
    if (status == STATUS_OK) {
        log_configure(start->config.log_format, start->config.log_level);
        status = start_charter(start, problem);
    }
    if (status == STATUS_OK) {
        status = start_keys(start, problem);
    }
    for (bool again = true; status == STATUS_OK && again;) {
        again = false;
        status = start_store(start, problem);
        if (status == STATUS_OK) {
            status = serve(start, &again, problem);
        }
        start_close_store(start);
    }
    return status;
}

enum cli_code cmd_run(struct cli *cli)
{
    static struct start start;
    const char *path = NULL;
    struct problem problem;
    enum status status = cli_need(cli, "config", &path, &problem);
    if (status != STATUS_OK) {
        return cli_fail(cli, CLI_USAGE, &problem);
    }
    ignore_sigpipe();
    raise_files();
    status = run(&start, path, &problem);
    start_close(&start);
    return status == STATUS_OK ? CLI_OK : cli_fail(cli, commands_code(status), &problem);
}

static void say_checked(const struct cli *cli, const struct start *start, struct buffer *out)
{
    char id[2 * HASH_BYTES + 1] = {0};
    struct buffer hex = buffer_make(id, sizeof id - 1);
    hex_put(&hex, bytes_make(start->charter->cluster_id, HASH_BYTES));
    if (cli->json) {
        struct json_line json;
        json_begin(&json, out, "vestry/config/1");
        json_int(&json, "replica", (int)start->config.rid);
        json_hex(&json, "cluster", bytes_make(start->charter->cluster_id, HASH_BYTES));
        json_int(&json, "replicas", (int)start->roster.n);
        json_int(&json, "faults", (int)start->roster.f);
        json_end(&json);
        return;
    }
    cli_put(out, "ok: replica r%u of %u in cluster %s\n", (unsigned)start->config.rid,
            (unsigned)start->roster.n, id);
}

enum cli_code cmd_check_config(struct cli *cli)
{
    static struct start start;
    uint8_t memory[1024];
    struct buffer out = buffer_make(memory, sizeof memory);
    struct problem problem;
    enum status status = process_harden(&problem);
    if (status == STATUS_OK) {
        status = start_config(&start, cli->arguments[0], &problem);
    }
    if (status == STATUS_OK) {
        status = start_charter(&start, &problem);
    }
    if (status == STATUS_OK) {
        status = start_keys(&start, &problem);
    }
    if (status != STATUS_OK) {
        start_close(&start);
        return cli_fail(cli, commands_code(status), &problem);
    }
    say_checked(cli, &start, &out);
    start_close(&start);
    return cli_print(cli, &out);
}
