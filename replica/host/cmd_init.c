/* vestryd init, vestryd join: the only ways in which a data directory comes to be. `join` is for a
 * replica whose data are lost: what its key signed is not known any more, so the store says from
 * the start that the key must not vote. */
#include "crypto/hash.h"
#include "crypto/words.h"
#include "replica/core/node_parts.h"
#include "replica/host/clock.h"
#include "replica/host/commands.h"
#include "replica/host/start.h"
#include "storage/record.h"

#include <stdio.h>
#include <string.h>

static enum status take_path(const struct cli *cli, const char *name,
                             char out[CONFIG_PATH_BYTES_MAX], struct problem *problem)
{
    const char *value = cli_get(cli, name);
    if (value == NULL && out[0] != 0) {
        return STATUS_OK; /* the configuration said it */
    }
    enum status status = cli_need(cli, name, &value, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (value[0] == 0 || strlen(value) >= CONFIG_PATH_BYTES_MAX) {
        (void)problem_say(problem, STATUS_INVALID, "--%s: not a path that can be used", name);
        return problem_advise(problem, "give a path shorter than %d bytes", CONFIG_PATH_BYTES_MAX);
    }
    snprintf(out, CONFIG_PATH_BYTES_MAX, "%s", value);
    return STATUS_OK;
}

static enum status take_id(const struct cli *cli, bool has_config, struct config *config,
                           struct problem *problem)
{
    const char *id = cli_get(cli, "id");
    if (id == NULL && has_config) {
        return STATUS_OK;
    }
    enum status status = cli_need(cli, "id", &id, problem);
    if (status == STATUS_OK && !config_replica_name(id, &config->rid)) {
        (void)problem_say(problem, STATUS_INVALID, "--id: a replica cannot be called %s", id);
        status = problem_advise(problem, "use its name in the charter, like r0");
    }
    return status;
}

/* What the configuration and the options say together. */
static enum status read_wishes(const struct cli *cli, struct start *start,
                               uint8_t expected[HASH_BYTES], struct problem *problem)
{
    const char *path = cli_get(cli, "config");
    const char *expect = NULL;
    enum status status = STATUS_OK;
    if (path != NULL) {
        status = start_config(start, path, problem);
    }
    if (status == STATUS_OK) {
        status = take_id(cli, path != NULL, &start->config, problem);
    }
    if (status == STATUS_OK) {
        status = take_path(cli, "charter", start->config.charter, problem);
    }
    bool has_others = start->config.rotated_key_count > 0 && cli_get(cli, "key") == NULL;
    if (status == STATUS_OK && !has_others) {
        status = take_path(cli, "key", start->config.key, problem);
    }
    if (status == STATUS_OK) {
        status = take_path(cli, "data", start->config.data, problem);
    }
    if (status == STATUS_OK) {
        status = cli_need(cli, "expect", &expect, problem);
    }
    if (status == STATUS_OK && !hex_parse(bytes_of_text(expect), expected, HASH_BYTES)) {
        (void)problem_say(problem, STATUS_INVALID, "--expect: not the 64 hex digits of an id");
        status = problem_advise(problem, "give the whole id that was announced, without spaces");
    }
    return status;
}

static enum status compare(const struct start *start, const uint8_t expected[HASH_BYTES],
                           struct problem *problem)
{
    char id[HEX_TEXT_BYTES(HASH_BYTES)];
    if (hash_equal(start->charter->cluster_id, expected)) {
        return STATUS_OK;
    }
    report_hex(start->charter->cluster_id, id);
    (void)problem_say(problem, STATUS_MISMATCH,
                      "%s: a good charter, but of cluster %s, not of the one that was expected",
                      start->config.charter, id);
    return problem_advise(problem, "get the charter of your cluster, and compare its id with the "
                                   "one that was announced");
}

static enum status make_empty(const struct start *start, struct report *report)
{
    return store_rocks_init(start->config.data, &start->identity, NULL, 0, report);
}

/* A store that says that the replica is RECOVERING. Others take a STATUS only when its (boot,
 * counter) grows; how often the lost one started is lost too, but it was not once a second. */
static enum status make_recovering(const struct start *start, struct report *report)
{
    uint8_t view_memory[64];
    uint8_t boot_memory[64];
    struct buffer view = buffer_make(view_memory, sizeof view_memory);
    struct buffer boot = buffer_make(boot_memory, sizeof boot_memory);
    const struct view_record standing = {.mode = MODE_RECOVERING};
    const struct boot_record started = {.boot = clock_wall_ms() / 1000};
    CHECK(view_record_encode(&standing, &view));
    CHECK(boot_record_encode(&started, &boot));
    const struct record_key view_key = record_key_journal(JOURNAL_VIEW, 0);
    const struct record_key boot_key = record_key_journal(JOURNAL_BOOT, 0);
    const struct put puts[] = {
        {FAMILY_JOURNAL, false, record_key_bytes(&view_key), buffer_bytes(&view)},
        {FAMILY_JOURNAL, false, record_key_bytes(&boot_key), buffer_bytes(&boot)},
    };
    return store_rocks_replace(start->config.data, &start->identity, puts, 2, report);
}

typedef enum status store_maker(const struct start *start, struct report *report);

static enum status make(const struct cli *cli, store_maker *maker, struct start *start,
                        struct problem *problem)
{
    uint8_t expected[HASH_BYTES];
    struct report report = {0};
    enum status status = process_harden(problem);
    if (status == STATUS_OK) {
        status = read_wishes(cli, start, expected, problem);
    }
    if (status == STATUS_OK) {
        status = start_charter(start, problem);
    }
    if (status == STATUS_OK) {
        status = compare(start, expected, problem);
    }
    if (status == STATUS_OK) {
        status = start_keys(start, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = maker(start, &report);
    return status == STATUS_OK ? STATUS_OK : start_problem(problem, status, &report);
}

/* What was made, in the words of `verb`. */
static enum cli_code make_and_say(struct cli *cli, const char *verb, store_maker *maker,
                                  const char *next)
{
    static struct start start;
    uint8_t memory[CONFIG_PATH_BYTES_MAX + 512];
    struct buffer out = buffer_make(memory, sizeof memory);
    char id[HEX_TEXT_BYTES(HASH_BYTES)];
    struct problem problem;
    enum status status = make(cli, maker, &start, &problem);
    if (status != STATUS_OK) {
        start_close(&start);
        return cli_fail(cli, commands_code(status), &problem);
    }
    report_hex(start.identity.cluster_id, id);
    if (cli->json) {
        struct json_line json;
        char schema[32];
        snprintf(schema, sizeof schema, "vestry/%s/1", verb);
        json_begin(&json, &out, schema);
        json_int(&json, "replica", (int)start.config.rid);
        json_text(&json, "cluster", bytes_of_text(id));
        json_text(&json, "data", bytes_of_text(start.config.data));
        json_end(&json);
    } else {
        cli_put(&out, "made %s for replica r%u of cluster %s\n%s", start.config.data,
                (unsigned)start.config.rid, id, next);
    }
    start_close(&start);
    return cli_print(cli, &out);
}

enum cli_code cmd_init(struct cli *cli)
{
    return make_and_say(cli, "init", make_empty, "");
}

enum cli_code cmd_join(struct cli *cli)
{
    return make_and_say(cli, "join", make_recovering,
                        "it will catch up, follow and serve; it votes again only with a new key\n");
}
