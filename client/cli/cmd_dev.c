/* vestry dev: a whole cluster on this machine, to try things with. */
#include "client/cli/connect.h"
#include "client/cli/dev_cluster.h"
#include "client/cli/dev_process.h"
#include "client/cli/dev_ready.h"
#include "client/cli/verbs.h"
#include "keys/words/amounts.h"
#include "keys/words/nearest.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPLICAS_USUAL 4

static int fail(const struct call *call, const struct problem *problem)
{
    return call_fail_problem(call, exit_code_of_status(problem->status), problem);
}

/* The cluster that is meant. Its folder is set also when there is none. */
static enum status find(const struct call *call, bool exclusive, struct dev_cluster *cluster,
                        struct problem *problem)
{
    char folder[DEV_FOLDER_MAX];
    const enum status status = dev_cluster_folder(call_get(call, "dir"), folder, problem);

    return status == STATUS_OK ? dev_cluster_open(folder, exclusive, cluster, problem) : status;
}

static uint32_t running(const struct dev_cluster *cluster)
{
    uint32_t set = 0;

    for (uint32_t rid = 0; rid < cluster->replicas; rid++) {
        set |= (uint32_t)(dev_replica_pid(cluster, rid) != 0) << rid;
    }
    return set;
}

static uint32_t count(uint32_t set)
{
    return (uint32_t)__builtin_popcount(set);
}

/* "r0 r2", of at most a hundred characters or so. */
static void put_names(uint32_t set, char out[160])
{
    size_t len = 0;

    out[0] = '\0';
    for (uint32_t rid = 0; rid < REPLICAS_MAX; rid++) {
        if ((set >> rid & 1) != 0) {
            len +=
                (size_t)snprintf(out + len, 160 - len, "%sr%u", len == 0 ? "" : " ", (unsigned)rid);
        }
    }
}

/* --- vestryd ---------------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

/* --vestryd, or the one beside this program, or the first in PATH. */
static enum status find_vestryd(const struct call *call, char out[FILE_PATH_MAX],
                                struct problem *problem)
{
    const char *given = call_get(call, "vestryd");
    const ssize_t len = readlink("/proc/self/exe", out, FILE_PATH_MAX - 16);
    char *slash = len > 0 ? memrchr(out, '/', (size_t)len) : NULL;

    if (given != NULL) {
        (void)snprintf(out, FILE_PATH_MAX, "%s", given);
        if (is_program(out)) {
            return STATUS_OK;
        }
        (void)problem_say(problem, STATUS_INVALID, "--vestryd %s: no such program", given);
        return problem_advise(problem, "check the path");
    }
    if (slash != NULL) {
        (void)memcpy(slash, "/vestryd", sizeof("/vestryd"));
        if (is_program(out)) {
            return STATUS_OK;
        }
    }
    for (const char *at = getenv("PATH"); at != NULL && *at != '\0';) {
        const size_t part = strcspn(at, ":");

        (void)snprintf(out, FILE_PATH_MAX, "%.*s/vestryd", (int)(part < 2048 ? part : 2048), at);
        if (at[0] == '/' && is_program(out)) {
            return STATUS_OK;
        }
        at += part + (at[part] == ':');
    }
    (void)problem_say(problem, STATUS_NOT_FOUND, "vestryd is neither beside vestry nor in PATH");
    return problem_advise(problem, "build it, or name it: --vestryd PATH");
}

/* --- Results ---------------------------------------------------------------------------------- */

static const char *state_of(const struct dev_cluster *cluster, uint32_t rid)
{
    if (dev_replica_pid(cluster, rid) == 0) {
        return "down";
    }
    return dev_port_listens(cluster->ports[rid]) ? "up" : "starting";
}

static json_t *replica_json(const struct dev_cluster *cluster, uint32_t rid)
{
    char text[64];
    const pid_t pid = dev_replica_pid(cluster, rid);
    json_t *row = json_object();

    (void)snprintf(text, sizeof(text), "r%u", (unsigned)rid);
    json_put_text(row, "replica", text);
    json_put_text(row, "state", state_of(cluster, rid));
    if (pid != 0) {
        json_put_int(row, "pid", pid);
    }
    (void)snprintf(text, sizeof(text), "127.0.0.1:%u", (unsigned)cluster->ports[rid]);
    json_put_text(row, "address", text);
    if (cluster->pages[rid] != 0) {
        (void)snprintf(text, sizeof(text), "http://127.0.0.1:%u/", (unsigned)cluster->pages[rid]);
        json_put_text(row, "page", text);
    }
    return row;
}

static json_t *cluster_json(const struct dev_cluster *cluster)
{
    json_t *object = json_new("vestry/dev/1");
    json_t *rows = json_array();

    json_put_text(object, "folder", cluster->folder);
    json_put_hex(object, "cluster_id", BYTES_OF_ARRAY(cluster->cluster_id));
    json_put_bool(object, "development", true);
    json_put_int(object, "n", cluster->replicas);
    json_put_int(object, "f", cluster->faults);
    json_put_int(object, "quorum", cluster->quorum);
    json_put_int(object, "up", count(running(cluster)));
    for (uint32_t rid = 0; rid < cluster->replicas; rid++) {
        (void)json_array_append_new(rows, replica_json(cluster, rid));
    }
    (void)json_object_set_new(object, "replicas", rows);
    return object;
}

/* How many are up, and what that means. */
static void note_count(const struct call *call, const struct dev_cluster *cluster)
{
    const uint32_t up = count(running(cluster));

    if (up < cluster->quorum) {
        call_note(call, "%u of %u up, %u needed: appends wait for a quorum", up, cluster->replicas,
                  cluster->quorum);
    } else if (up == cluster->quorum) {
        call_note(call, "%u of %u up, %u needed: one more failure stops appends", up,
                  cluster->replicas, cluster->quorum);
    }
}

static int say_cluster(const struct call *call, const struct dev_cluster *cluster)
{
    if (call->json) {
        json_emit(cluster_json(cluster));
    }
    return call_finish(call);
}

/* --- Starting --------------------------------------------------------------------------------- */

struct wish {
    uint64_t replicas; /* 0: not said */
    uint64_t base_port;
    bool has_port; /* base_port 0: any that is free */
};

static bool take_wish(const struct call *call, struct wish *wish)
{
    const char *port = call_get(call, "base-port");

    *wish = (struct wish){.has_port = port != NULL};
    if (!call_count(call, "replicas", &wish->replicas)) {
        return false;
    }
    if (port != NULL && strcmp(port, "auto") != 0 &&
        (!amount_parse_count(bytes_of_text(port), &wish->base_port) || wish->base_port == 0 ||
         wish->base_port > UINT16_MAX)) {
        (void)call_fail(call, EXIT_USAGE, "--base-port: that is no port",
                        "a number from 1024 to 65535, or auto");
        return false;
    }
    return true;
}

/* An existing cluster keeps its size and ports: they are in its charter. */
static enum status check_wish(const struct dev_cluster *cluster, const struct wish *wish,
                              struct problem *problem)
{
    if (wish->replicas != 0 && wish->replicas != cluster->replicas) {
        (void)problem_say(problem, STATUS_EXISTS, "the cluster in %s has %u replicas",
                          cluster->folder, (unsigned)cluster->replicas);
    } else if (wish->base_port != 0 && wish->base_port != cluster->ports[0]) {
        (void)problem_say(problem, STATUS_EXISTS, "the cluster in %s has the ports from %u on",
                          cluster->folder, (unsigned)cluster->ports[0]);
    } else {
        return STATUS_OK;
    }
    return problem_advise(problem, "choose another folder with --dir, or first: vestry dev remove");
}

static enum status make_or_open(const struct call *call, const struct wish *wish,
                                struct dev_cluster *cluster, struct problem *problem)
{
    char folder[DEV_FOLDER_MAX];
    const uint64_t replicas = wish->replicas == 0 ? REPLICAS_USUAL : wish->replicas;
    enum status status = dev_cluster_folder(call_get(call, "dir"), folder, problem);

    if (status == STATUS_OK && !dev_cluster_exists(folder)) {
        const uint64_t port = wish->has_port ? wish->base_port : DEV_PORT_USUAL;

        status = dev_cluster_make(folder, replicas > UINT32_MAX ? UINT32_MAX : (uint32_t)replicas,
                                  (uint16_t)port, problem);
    }
    if (status == STATUS_OK) {
        status = dev_cluster_open(folder, true, cluster, problem);
    }
    return status == STATUS_OK ? check_wish(cluster, wish, problem) : status;
}

/* Start those of the set that are not running, and wait until all of it answers. What was started
 * here is stopped again when that fails, unless it is to be kept. */
static enum status start_set(const struct call *call, const struct dev_cluster *cluster,
                             uint32_t set, struct problem *problem)
{
    char vestryd[FILE_PATH_MAX];
    const uint32_t wanted = set & ~running(cluster);
    enum status status = find_vestryd(call, vestryd, problem);
    uint32_t started = 0;
    struct problem of_stopping;

    for (uint32_t rid = 0; rid < cluster->replicas && status == STATUS_OK; rid++) {
        if ((wanted >> rid & 1) != 0) {
            status = dev_port_need(cluster->ports[rid], problem);
        }
        if (status == STATUS_OK && (wanted >> rid & 1) != 0 && cluster->pages[rid] != 0) {
            status = dev_port_need(cluster->pages[rid], problem);
        }
    }
    if (status == STATUS_OK) {
        status = dev_replicas_start(cluster, wanted, vestryd, &started, problem);
    }
    if (status == STATUS_OK) {
        status = dev_wait_ready(call, cluster, set, problem);
    }
    if (status != STATUS_OK && !call_has(call, "keep")) {
        (void)!dev_replicas_stop(cluster, started, &of_stopping);
    }
    return status;
}

static void say_started(const struct call *call, const struct dev_cluster *cluster, double seconds,
                        bool has_context)
{
    uint8_t hex[17] = {0};
    const uint32_t last = cluster->replicas - 1;

    if (call->json) {
        json_t *object = cluster_json(cluster);

        json_put_real(object, "seconds", seconds);
        if (has_context) {
            json_put_text(object, "context", DEV_CONTEXT);
        }
        json_emit(object);
        return;
    }
    for (size_t i = 0; i < 8; i++) {
        (void)snprintf((char *)hex + 2 * i, 3, "%02x", cluster->cluster_id[i]);
    }
    call_print("charter %.4s %.4s %.4s %.4s ...  n=%u tolerates f=%u   DEV KEYS, never use in "
               "production\n",
               hex, hex + 4, hex + 8, hex + 12, cluster->replicas, cluster->faults);
    call_print("r0 127.0.0.1:%u .. r%u :%u", cluster->ports[0], last, cluster->ports[last]);
    if (cluster->pages[0] != 0) {
        call_print("   page http://127.0.0.1:%u/", cluster->pages[0]);
    }
    call_print("   in %s\n", cluster->folder);
    call_print("Ready in %.1f s.  Try: vestry append orders 'hello'\n", seconds);
}

int cmd_dev_start(struct call *call)
{
    struct dev_cluster cluster;
    struct problem problem = {0};
    struct wish wish;
    const uint64_t since = cli_now_ms();

    if (!take_wish(call, &wish)) {
        return EXIT_USAGE;
    }
    enum status status = make_or_open(call, &wish, &cluster, &problem);
    if (status == STATUS_OK) {
        status =
            start_set(call, &cluster, (uint32_t)((UINT64_C(1) << cluster.replicas) - 1), &problem);
    }
    if (status != STATUS_OK) {
        return fail(call, &problem);
    }
    const bool has_context = dev_context_use(call, &cluster);
    say_started(call, &cluster, (double)(cli_now_ms() - since) / 1000.0, has_context);
    return call_finish(call);
}

int cmd_dev(struct call *call)
{
    static const char *const parts[] = {"start", "stop", "kill", "restart", "status", "remove"};
    const char *word = call_argument(call, 0);
    char what[128];
    char todo[128] = "vestry dev -h";

    if (word == NULL) {
        return cmd_dev_start(call);
    }
    struct nearest nearest = nearest_make(bytes_of_text(word));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        nearest_offer(&nearest, parts[i]);
    }
    if (nearest.best != NULL) {
        (void)snprintf(todo, sizeof(todo), "did you mean: vestry dev %s", nearest.best);
    }
    (void)snprintf(what, sizeof(what), "unknown verb: dev %.60s", word);
    return call_fail(call, EXIT_USAGE, what, todo);
}

/* --- The others ------------------------------------------------------------------------------- */

/* The replicas that are named. */
static enum status take_set(const struct call *call, const struct dev_cluster *cluster,
                            bool may_be_all, uint32_t *set, struct problem *problem)
{
    *set = 0;
    for (size_t i = 0; i < call->argument_count; i++) {
        const char *word = call->arguments[i];
        uint64_t rid = UINT64_MAX;

        if (may_be_all && strcmp(word, "all") == 0) {
            *set = (uint32_t)((UINT64_C(1) << cluster->replicas) - 1);
        } else if (word[0] == 'r' && amount_parse_count(bytes_of_text(word + 1), &rid) &&
                   rid < cluster->replicas) {
            *set |= (uint32_t)1 << rid;
        } else {
            (void)problem_say(problem, STATUS_INVALID, "there is no replica %.60s here", word);
            return problem_advise(problem, "r0 to r%u%s", (unsigned)cluster->replicas - 1,
                                  may_be_all ? ", or all" : "");
        }
    }
    return STATUS_OK;
}

int cmd_dev_stop(struct call *call)
{
    struct dev_cluster cluster;
    struct problem problem = {0};
    enum status status = find(call, true, &cluster, &problem);

    if (status != STATUS_OK) {
        return fail(call, &problem);
    }
    const uint32_t set = running(&cluster);
    if (dev_replicas_stop(&cluster, set, &problem) != STATUS_OK) {
        return fail(call, &problem);
    }
    if (set == 0) {
        call_note(call, "nothing was running in %s", cluster.folder);
    } else {
        call_note(call, "stopped %u replicas; vestry dev start goes on where they stopped",
                  count(set));
    }
    return say_cluster(call, &cluster);
}

int cmd_dev_kill(struct call *call)
{
    struct dev_cluster cluster;
    struct problem problem = {0};
    char path[FILE_PATH_MAX];
    char names[160];
    uint32_t set = 0;
    uint32_t killed = 0;
    enum status status = find(call, true, &cluster, &problem);

    if (status == STATUS_OK) {
        status = take_set(call, &cluster, false, &set, &problem);
    }
    if (status != STATUS_OK) {
        return fail(call, &problem);
    }
    for (uint32_t rid = 0; rid < cluster.replicas; rid++) {
        dev_cluster_path(&cluster, rid, ".pid", path);
        if ((set >> rid & 1) != 0 && dev_process_signal(path, SIGKILL) &&
            dev_process_wait(path, 5000)) {
            killed |= (uint32_t)1 << rid;
        }
    }
    put_names(killed != 0 ? killed : set, names);
    call_note(call, killed != 0 ? "killed %s" : "%s: not running", names);
    note_count(call, &cluster);
    return say_cluster(call, &cluster);
}

int cmd_dev_restart(struct call *call)
{
    struct dev_cluster cluster;
    struct problem problem = {0};
    char names[160];
    uint32_t set = 0;
    const uint64_t since = cli_now_ms();
    enum status status = find(call, true, &cluster, &problem);

    if (status == STATUS_OK) {
        status = take_set(call, &cluster, true, &set, &problem);
    }
    if (status == STATUS_OK) {
        status = dev_replicas_stop(&cluster, set & running(&cluster), &problem);
    }
    if (status == STATUS_OK) {
        status = start_set(call, &cluster, set, &problem);
    }
    if (status != STATUS_OK) {
        return fail(call, &problem);
    }
    put_names(set, names);
    call_note(call, "restarted %s in %.1f s", names, (double)(cli_now_ms() - since) / 1000.0);
    note_count(call, &cluster);
    return say_cluster(call, &cluster);
}

int cmd_dev_status(struct call *call)
{
    struct dev_cluster cluster;
    struct problem problem = {0};

    if (find(call, false, &cluster, &problem) != STATUS_OK) {
        return fail(call, &problem);
    }
    const uint32_t up = count(running(&cluster));
    if (call->json) {
        json_emit(cluster_json(&cluster));
    }
    for (uint32_t rid = 0; rid < cluster.replicas && !call->json; rid++) {
        char pid[32] = "-";

        if (dev_replica_pid(&cluster, rid) != 0) {
            (void)snprintf(pid, sizeof(pid), "process %ld", (long)dev_replica_pid(&cluster, rid));
        }
        call_print("r%-3u %-9s %-16s 127.0.0.1:%u\n", (unsigned)rid, state_of(&cluster, rid), pid,
                   (unsigned)cluster.ports[rid]);
    }
    if (!call->json) {
        call_print("%u of %u up, %u needed   %s\n", up, cluster.replicas, cluster.quorum,
                   cluster.folder);
    }
    const int code = call_finish(call);
    return code == EXIT_OK && up < cluster.replicas ? EXIT_DEGRADED : code;
}

/* Whether the person agrees; without a terminal only --yes says so. */
static bool agreed(const struct call *call, const struct dev_cluster *cluster)
{
    char answer[16] = "";

    if (call_has(call, "yes")) {
        return true;
    }
    if (!is_terminal(0) || !is_terminal(2)) {
        (void)call_fail(call, EXIT_USAGE, "removing a cluster deletes all its entries and keys",
                        "vestry dev remove --yes");
        return false;
    }
    (void)fprintf(stderr, "Delete the cluster in %s, all its entries and keys? [y/N] ",
                  cluster->folder);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

int cmd_dev_remove(struct call *call)
{
    struct dev_cluster cluster;
    struct problem problem = {0};
    enum status status = find(call, true, &cluster, &problem);

    if (status != STATUS_OK) {
        return fail(call, &problem);
    }
    if (!agreed(call, &cluster)) {
        return EXIT_USAGE;
    }
    status = dev_replicas_stop(&cluster, running(&cluster), &problem);
    if (status == STATUS_OK) {
        status = dev_cluster_remove(&cluster, &problem);
    }
    if (status != STATUS_OK) {
        return fail(call, &problem);
    }
    dev_context_forget(&cluster);
    call_note(call, "removed %s", cluster.folder);
    if (call->json) {
        json_t *object = json_new("vestry/dev-removed/1");

        json_put_text(object, "folder", cluster.folder);
        json_emit(object);
    }
    return call_finish(call);
}
