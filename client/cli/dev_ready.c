#include "client/cli/dev_ready.h"

#include "client/cli/connect.h"
#include "client/cli/dev_process.h"
#include "keys/genesis.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define READY_TIMEOUT_MS 60000
#define SAY_AFTER_MS 2000
#define POLL_NS 10000000

/* --- Waiting ---------------------------------------------------------------------------------- */

/* Those of the set that do not listen yet. */
static uint32_t not_listening(const struct dev_cluster *cluster, uint32_t set)
{
    uint32_t missing = 0;

    for (uint32_t rid = 0; rid < cluster->replicas; rid++) {
        if ((set >> rid & 1) != 0) {
            missing |= (uint32_t)!dev_port_listens(cluster->ports[rid]) << rid;
        }
    }
    return missing;
}

static enum status check_alive(const struct dev_cluster *cluster, uint32_t set,
                               struct problem *problem)
{
    for (uint32_t rid = 0; rid < cluster->replicas; rid++) {
        if ((set >> rid & 1) != 0 && dev_replica_pid(cluster, rid) == 0) {
            return dev_replica_last_words(cluster, rid, problem);
        }
    }
    return STATUS_OK;
}

/* Those of the set that do not answer. */
static uint32_t not_answering(struct vestry *log, uint32_t set)
{
    static struct vestry_status status;
    uint32_t missing = set;

    if (vestry_status(log, &status) == VESTRY_OK) {
        for (uint32_t i = 0; i < status.replica_count; i++) {
            missing &= ~((uint32_t)status.replicas[i].answered << status.replicas[i].rid);
        }
    }
    return missing;
}

static enum status too_long(const struct dev_cluster *cluster, uint32_t missing,
                            struct problem *problem)
{
    const unsigned rid = (unsigned)__builtin_ctz(missing);

    (void)problem_say(problem, STATUS_BUSY, "r%u has not answered in %d s", rid,
                      READY_TIMEOUT_MS / 1000);
    return problem_advise(problem, "see %s/r%u.log", cluster->folder, rid);
}

static enum status wait_all(const struct call *call, const struct dev_cluster *cluster,
                            uint32_t set, struct vestry *log, struct problem *problem)
{
    const struct timespec pause = {.tv_nsec = POLL_NS};
    const uint64_t since = cli_now_ms();
    uint64_t said_ms = 0;
    uint32_t missing = set;

    while (missing != 0) {
        const uint64_t waited_ms = cli_now_ms() - since;
        const enum status status = check_alive(cluster, set, problem);

        if (status != STATUS_OK) {
            return status;
        }
        missing = not_listening(cluster, set);
        if (missing == 0) {
            missing = not_answering(log, set);
        }
        if (missing != 0 && waited_ms > READY_TIMEOUT_MS) {
            return too_long(cluster, missing, problem);
        }
        if (missing != 0 && waited_ms > said_ms + SAY_AFTER_MS) {
            said_ms = waited_ms;
            call_note(call, "waiting for r%d to answer, %llu s", __builtin_ctz(missing),
                      (unsigned long long)waited_ms / 1000);
        }
        if (missing != 0) {
            (void)nanosleep(&pause, NULL);
        }
    }
    return STATUS_OK;
}

enum status dev_wait_ready(const struct call *call, const struct dev_cluster *cluster, uint32_t set,
                           struct problem *problem)
{
    char charter[FILE_PATH_MAX];
    struct vestry_options options = VESTRY_OPTIONS;
    struct vestry_problem of_log = {0};

    (void)snprintf(charter, sizeof(charter), "%s/%s", cluster->folder, CHARTER_NAME);
    options.charter = charter;
    options.reader = true;
    struct vestry *log = vestry_open(&options, &of_log);
    if (log == NULL) {
        (void)problem_say(problem, STATUS_IO, "%s", of_log.what);
        return problem_advise(problem, "%s", of_log.todo);
    }
    const enum status status = wait_all(call, cluster, set, log, problem);
    vestry_close(log);
    return status;
}

/* --- Context ---------------------------------------------------------------------------------- */

static void set(struct settings *settings, enum setting setting, const struct dev_cluster *cluster,
                const char *name)
{
    (void)snprintf(settings->values[setting], SETTINGS_VALUE_MAX, "%s/%s", cluster->folder, name);
}

bool dev_context_use(const struct call *call, const struct dev_cluster *cluster)
{
    static struct settings settings;
    struct problem problem = {0};
    char before[CONTEXT_NAME_MAX] = "";

    settings = (struct settings){0};
    set(&settings, SETTING_CHARTER, cluster, CHARTER_NAME);
    set(&settings, SETTING_TOKEN, cluster, "client.token");
    set(&settings, SETTING_KEY, cluster, "client.key");
    set(&settings, SETTING_STATE, cluster, "state");
    const bool had = settings_current(before, &problem) == STATUS_OK;
    if (settings_write(DEV_CONTEXT, &settings, &problem) != STATUS_OK ||
        settings_use(DEV_CONTEXT, &problem) != STATUS_OK) {
        call_note(call, "warning: no context: %s", problem.what);
        return false;
    }
    if (had && strcmp(before, DEV_CONTEXT) != 0) {
        call_note(call, "now in use: context %s; back with: vestry context use %s", DEV_CONTEXT,
                  before);
    }
    return true;
}

void dev_context_forget(const struct dev_cluster *cluster)
{
    static struct settings settings;
    struct problem problem = {0};
    char charter[FILE_PATH_MAX];
    char path[FILE_PATH_MAX];
    char folder[FILE_PATH_MAX];
    char before[CONTEXT_NAME_MAX] = "";

    settings = (struct settings){0};
    (void)snprintf(charter, sizeof(charter), "%s/%s", cluster->folder, CHARTER_NAME);
    if (settings_context_path(DEV_CONTEXT, path, &problem) != STATUS_OK ||
        access(path, F_OK) != 0 ||
        settings_read_file(path, "context", &settings, &problem) != STATUS_OK ||
        strcmp(settings.values[SETTING_CHARTER], charter) != 0) {
        return;
    }
    (void)unlink(path);
    if (settings_current(before, &problem) == STATUS_OK && strcmp(before, DEV_CONTEXT) == 0 &&
        settings_folder(folder, &problem) == STATUS_OK) {
        (void)snprintf(path, sizeof(path), "%.3900s/current", folder);
        (void)unlink(path);
    }
}
