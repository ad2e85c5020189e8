/* The replicas of a development cluster as processes (dev_cluster.h). */
#include "client/cli/dev_cluster.h"
#include "client/cli/dev_process.h"
#include "crypto/words.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STOP_TIMEOUT_MS 15000
#define LAST_WORDS_BYTES 4096

pid_t dev_replica_pid(const struct dev_cluster *cluster, uint32_t rid)
{
    char path[FILE_PATH_MAX];

    dev_cluster_path(cluster, rid, ".pid", path);
    return dev_process_find(path);
}

/* --- Starting --------------------------------------------------------------------------------- */

static enum status write_config(const struct dev_cluster *cluster, uint32_t rid, const char *path,
                                struct problem *problem)
{
    char text[8 * DEV_FOLDER_MAX];
    char page[64] = "";
    const char *folder = cluster->folder;

    if (access(path, F_OK) == 0) {
        return STATUS_OK;
    }
    if (cluster->pages[rid] != 0) {
        (void)snprintf(page, sizeof(page), "127.0.0.1:%u", (unsigned)cluster->pages[rid]);
    }
    const int len = snprintf(text, sizeof(text),
                             "# A replica of a development cluster. Its keys are plain: never use "
                             "it in production.\n"
                             "replica r%u {\n"
                             "  charter = \"%s/charter.genesis\"\n"
                             "  data    = \"%s/r%u/data\"\n"
                             "  key     = \"%s/r%u/r%u.key\"\n"
                             "  listen  = \"127.0.0.1:%u\"\n"
                             "  http    = \"%s\"\n"
                             "}\n"
                             "log { format = text  level = info }\n",
                             (unsigned)rid, folder, folder, (unsigned)rid, folder, (unsigned)rid,
                             (unsigned)rid, (unsigned)cluster->ports[rid], page);
    return file_create(path, 0644, bytes_make(text, (size_t)len), problem);
}

enum status dev_replica_last_words(const struct dev_cluster *cluster, uint32_t rid,
                                   struct problem *problem)
{
    char path[FILE_PATH_MAX];
    char text[LAST_WORDS_BYTES + 1];
    ssize_t len = 0;

    dev_cluster_path(cluster, rid, ".log", path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        const off_t size = lseek(fd, 0, SEEK_END);
        len = pread(fd, text, LAST_WORDS_BYTES,
                    size > LAST_WORDS_BYTES ? size - LAST_WORDS_BYTES : 0);
        (void)close(fd);
    }
    text[len > 0 ? len : 0] = '\0';
    /* A vestryd that cannot go on says so in two lines. */
    const char *error = NULL;
    for (char *at = strstr(text, "error: "); at != NULL; at = strstr(at + 1, "error: ")) {
        error = at;
    }
    if (error == NULL) {
        (void)problem_say(problem, STATUS_IO, "r%u has ended without a word", (unsigned)rid);
        return problem_advise(problem, "see %s", path);
    }
    const char *what = error + strlen("error: ");
    (void)problem_say(problem, STATUS_IO, "r%u: %.*s", (unsigned)rid, (int)strcspn(what, "\n"),
                      what);
    const char *todo = strstr(what, "\n  try: ");
    if (todo == NULL) {
        return problem_advise(problem, "see %s", path);
    }
    todo += strlen("\n  try: ");
    return problem_advise(problem, "%.*s", (int)strcspn(todo, "\n"), todo);
}

/* Begin making the data directory; `init` is the only way to make one. Nothing to wait for (0)
 * when it is there. */
static enum status begin_init(const struct dev_cluster *cluster, uint32_t rid, const char *vestryd,
                              pid_t *pid, struct problem *problem)
{
    char config[FILE_PATH_MAX];
    char data[FILE_PATH_MAX];
    char log[FILE_PATH_MAX];
    uint8_t id[2 * HASH_BYTES + 1] = {0};
    struct buffer hex = buffer_make(id, sizeof(id) - 1);

    dev_cluster_path(cluster, rid, ".conf", config);
    dev_cluster_path(cluster, rid, "/data", data);
    dev_cluster_path(cluster, rid, ".log", log);
    const enum status status = write_config(cluster, rid, config, problem);
    if (status != STATUS_OK || access(data, F_OK) == 0) {
        return status;
    }
    hex_put(&hex, BYTES_OF_ARRAY(cluster->cluster_id));
    const char *const init[] = {vestryd,    "init",           "--config", config,
                                "--expect", (const char *)id, NULL};
    return dev_process_begin(init, log, pid, problem);
}

/* All at once: making one is mostly waiting for the disk. */
static enum status make_data(const struct dev_cluster *cluster, uint32_t set, const char *vestryd,
                             struct problem *problem)
{
    pid_t pids[REPLICAS_MAX] = {0};
    enum status status = STATUS_OK;

    for (uint32_t rid = 0; rid < cluster->replicas && status == STATUS_OK; rid++) {
        if ((set >> rid & 1) != 0) {
            status = begin_init(cluster, rid, vestryd, &pids[rid], problem);
        }
    }
    for (uint32_t rid = 0; rid < cluster->replicas; rid++) {
        const int code = pids[rid] == 0 ? 0 : dev_process_end(pids[rid]);

        if (code != 0 && status == STATUS_OK) {
            status = dev_replica_last_words(cluster, rid, problem);
        }
    }
    return status;
}

enum status dev_replicas_start(const struct dev_cluster *cluster, uint32_t set, const char *vestryd,
                               uint32_t *started, struct problem *problem)
{
    char config[FILE_PATH_MAX];
    char log[FILE_PATH_MAX];
    char pid[FILE_PATH_MAX];
    const char *const run[] = {vestryd, "run", "--config", config, NULL};
    enum status status = make_data(cluster, set, vestryd, problem);

    *started = 0;
    for (uint32_t rid = 0; rid < cluster->replicas && status == STATUS_OK; rid++) {
        if ((set >> rid & 1) != 0) {
            dev_cluster_path(cluster, rid, ".conf", config);
            dev_cluster_path(cluster, rid, ".log", log);
            dev_cluster_path(cluster, rid, ".pid", pid);
            status = dev_process_start(run, log, pid, problem);
            *started |= (uint32_t)(status == STATUS_OK) << rid;
        }
    }
    return status;
}

/* --- Ending ----------------------------------------------------------------------------------- */

enum status dev_replicas_stop(const struct dev_cluster *cluster, uint32_t set,
                              struct problem *problem)
{
    char path[FILE_PATH_MAX];

    for (uint32_t rid = 0; rid < cluster->replicas; rid++) {
        dev_cluster_path(cluster, rid, ".pid", path);
        if ((set >> rid & 1) != 0) {
            (void)!dev_process_signal(path, SIGTERM); /* false: it has ended already */
        }
    }
    for (uint32_t rid = 0; rid < cluster->replicas; rid++) {
        dev_cluster_path(cluster, rid, ".pid", path);
        if ((set >> rid & 1) != 0 && !dev_process_wait(path, STOP_TIMEOUT_MS)) {
            (void)problem_say(problem, STATUS_BUSY, "r%u (process %ld) has not ended in %d s",
                              (unsigned)rid, (long)dev_process_find(path), STOP_TIMEOUT_MS / 1000);
            return problem_advise(problem, "vestry dev kill r%u", (unsigned)rid);
        }
    }
    return STATUS_OK;
}
