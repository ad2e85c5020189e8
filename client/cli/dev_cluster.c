#include "client/cli/dev_cluster.h"

#include "client/cli/dev_process.h"
#include "client/cli/settings.h"
#include "crypto/schema.h"
#include "keys/genesis.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORT_STEP 200
#define PORT_LAST 32000 /* above are those that the system gives to clients */
#define FOLDERS_OPEN_MAX 16

/* --- Where ------------------------------------------------------------------------------------ */

static enum status no_home(struct problem *problem)
{
    (void)problem_say(problem, STATUS_INVALID,
                      "there is no folder for the cluster: HOME is not "
                      "set");
    return problem_advise(problem, "--dir DIR");
}

enum status dev_cluster_folder(const char *given, char out[DEV_FOLDER_MAX], struct problem *problem)
{
    char path[FILE_PATH_MAX];
    char here[FILE_PATH_MAX] = "";
    const char *own = given != NULL ? given : getenv("VESTRY_DEV_DIR");
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (own != NULL && own[0] != '\0') {
        if (own[0] != '/' && getcwd(here, sizeof(here)) == NULL) {
            return problem_say(problem, STATUS_IO, "the current folder: %s", strerror(errno));
        }
        (void)snprintf(path, sizeof(path), "%.1500s%s%.1500s", here, own[0] == '/' ? "" : "/", own);
    } else if (state != NULL && state[0] == '/') {
        (void)snprintf(path, sizeof(path), "%.1500s/vestry/dev", state);
    } else if (home != NULL && home[0] == '/') {
        (void)snprintf(path, sizeof(path), "%.1500s/.local/state/vestry/dev", home);
    } else {
        return no_home(problem);
    }
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        path[--len] = '\0';
    }
    if (len >= DEV_FOLDER_MAX || strpbrk(path, "\"\\$\n") != NULL) {
        (void)problem_say(problem, STATUS_INVALID,
                          "%.80s...: a folder that configurations cannot "
                          "name",
                          path);
        return problem_advise(problem,
                              "--dir with a path of fewer than %d bytes, without quotes, "
                              "backslashes or $",
                              DEV_FOLDER_MAX);
    }
    memcpy(out, path, len + 1);
    return STATUS_OK;
}

bool dev_cluster_exists(const char *folder)
{
    char path[FILE_PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, CHARTER_NAME);
    return access(path, F_OK) == 0;
}

void dev_cluster_path(const struct dev_cluster *cluster, uint32_t rid, const char *suffix,
                      char out[FILE_PATH_MAX])
{
    (void)snprintf(out, FILE_PATH_MAX, "%s/r%u%s", cluster->folder, (unsigned)rid, suffix);
}

/* --- Making ----------------------------------------------------------------------------------- */

/* The ports of replicas and pages: free, or the first that is not in `port`. */
static int ports_try(uint16_t base, uint32_t replicas, uint16_t *port)
{
    for (uint32_t i = 0; i < 2 * replicas; i++) {
        const uint32_t at =
            i < replicas ? base + i : base + (uint32_t)DEV_PAGE_OFFSET + i - replicas;

        if (at > UINT16_MAX) {
            break; /* no pages there */
        }
        const int error = dev_port_try((uint16_t)at);
        if (error != 0) {
            *port = (uint16_t)at;
            return error;
        }
    }
    return 0;
}

static enum status choose_ports(uint32_t replicas, uint16_t *base_port, struct problem *problem)
{
    uint16_t port = *base_port;

    if (port != 0) {
        const int error = ports_try(port, replicas, &port);
        return error == 0 ? STATUS_OK : dev_port_need(port, problem);
    }
    /* Clusters that are made at the same time begin to look at different places. */
    const uint32_t places = (PORT_LAST - DEV_PORT_USUAL) / PORT_STEP + 1;
    for (uint32_t i = 0; i < places; i++) {
        const uint32_t place = ((uint32_t)getpid() + i) % places;
        const uint32_t base = DEV_PORT_USUAL + PORT_STEP * place;

        if (ports_try((uint16_t)base, replicas, &port) == 0) {
            *base_port = (uint16_t)base;
            return STATUS_OK;
        }
    }
    (void)problem_say(problem, STATUS_REFUSED, "no free ports were found from %d to %d",
                      DEV_PORT_USUAL, PORT_LAST);
    return problem_advise(problem, "end what listens there, or choose with --base-port");
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static bool remove_tree(const char *path)
{
    return nftw(path, remove_one, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT;
}

enum status dev_cluster_make(const char *folder, uint32_t replicas, uint16_t base_port,
                             struct problem *problem)
{
    char parent[FILE_PATH_MAX];
    char making[FILE_PATH_MAX];
    uint8_t cluster_id[HASH_BYTES];
    enum status status = choose_ports(replicas, &base_port, problem);

    if (status != STATUS_OK) {
        return status;
    }
    (void)snprintf(parent, sizeof(parent), "%s", folder);
    char *slash = strrchr(parent, '/');
    if (slash != parent) {
        *slash = '\0';
        status = make_folders(parent, problem);
    }
    /* Made beside and then renamed, so that what is there is whole. */
    (void)snprintf(making, sizeof(making), "%s.making-%ld", folder, (long)getpid());
    const struct genesis_development_options options = {.replicas = replicas,
                                                        .base_port = base_port};
    if (status == STATUS_OK) {
        status = genesis_development(making, &options, cluster_id, problem);
    }
    if (status == STATUS_OK && rename(making, folder) != 0) {
        (void)problem_say(problem, STATUS_EXISTS, "%s: %s", folder,
                          errno == ENOTEMPTY || errno == EEXIST
                              ? "there is something else in that folder"
                              : strerror(errno));
        status = problem_advise(problem, "choose another folder with --dir");
    }
    if (status != STATUS_OK) {
        (void)remove_tree(making);
    }
    return status;
}

/* --- Opening ---------------------------------------------------------------------------------- */

/* The port behind the last ':' of the replica's first endpoint. */
static uint16_t port_of(const struct replica_row *row)
{
    struct wire_iter endpoints = wire_iter_make(row->endpoints);
    struct item_endpoint endpoint;
    uint32_t port = 0;

    if (!item_endpoint_next(&endpoints, &endpoint)) {
        return 0;
    }
    for (size_t i = 0; i < endpoint.value.len; i++) {
        const uint8_t c = endpoint.value.data[i];
        port = c >= '0' && c <= '9' ? (port * 10 + c - '0') % 1000000 : 0;
    }
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static enum status take_charter(const struct charter_view *view, struct dev_cluster *cluster,
                                struct problem *problem)
{
    if (view->charter.profile != PROFILE_DEVELOPMENT) {
        (void)problem_say(problem, STATUS_REFUSED, "%s: not a development cluster",
                          cluster->folder);
        return problem_advise(problem, "choose another folder with --dir; this one is in earnest");
    }
    cluster->replicas = view->replica_count;
    cluster->faults = (uint32_t)view->charter.f;
    cluster->quorum = (cluster->replicas + cluster->faults) / 2 + 1;
    memcpy(cluster->cluster_id, view->cluster_id, HASH_BYTES);
    for (uint32_t i = 0; i < view->replica_count; i++) {
        const struct replica_row *row = &view->replicas[i].row;
        const uint32_t port = port_of(row);
        const uint32_t page = port + DEV_PAGE_OFFSET;

        if (row->rid != i || port == 0) {
            (void)problem_say(problem, STATUS_INVALID, "%s: not a cluster that vestry dev made",
                              cluster->folder);
            return problem_advise(problem, "choose another folder with --dir");
        }
        cluster->ports[i] = (uint16_t)port;
        cluster->pages[i] = page <= UINT16_MAX ? (uint16_t)page : 0;
    }
    return STATUS_OK;
}

static enum status lock_folder(struct dev_cluster *cluster, struct problem *problem)
{
    cluster->lock = open(cluster->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cluster->lock < 0) {
        return problem_say(problem, STATUS_IO, "%s: %s", cluster->folder, strerror(errno));
    }
    if (flock(cluster->lock, LOCK_EX | LOCK_NB) != 0) {
        (void)problem_say(problem, STATUS_BUSY, "another vestry dev is at work on %s",
                          cluster->folder);
        return problem_advise(problem, "wait until it is done");
    }
    return STATUS_OK;
}

enum status dev_cluster_open(const char *folder, bool exclusive, struct dev_cluster *cluster,
                             struct problem *problem)
{
    static struct charter_view view;
    static uint8_t memory[CHARTER_FILE_MAX];
    struct buffer backing = buffer_make(memory, sizeof(memory));
    char path[FILE_PATH_MAX];

    *cluster = (struct dev_cluster){.lock = -1};
    (void)snprintf(cluster->folder, sizeof(cluster->folder), "%s", folder);
    if (!dev_cluster_exists(folder)) {
        (void)problem_say(problem, STATUS_NOT_FOUND, "there is no development cluster in %s",
                          folder);
        return problem_advise(problem, "vestry dev start");
    }
    (void)snprintf(path, sizeof(path), "%s/%s", folder, CHARTER_NAME);
    enum status status = genesis_charter_read(path, &backing, &view, problem);
    if (status == STATUS_OK) {
        status = take_charter(&view, cluster, problem);
    }
    return status == STATUS_OK && exclusive ? lock_folder(cluster, problem) : status;
}

/* --- Removing --------------------------------------------------------------------------------- */

enum status dev_cluster_remove(const struct dev_cluster *cluster, struct problem *problem)
{
    static const char *const of_all[] = {"keys", "state", "client.key", "client.token",
                                         "charter.policy"};
    static const char *const of_each[] = {"", ".conf", ".log", ".pid"};
    char path[FILE_PATH_MAX];
    bool good = true;

    for (uint32_t rid = 0; rid < cluster->replicas; rid++) {
        for (size_t i = 0; i < sizeof(of_each) / sizeof(of_each[0]); i++) {
            dev_cluster_path(cluster, rid, of_each[i], path);
            good = remove_tree(path) && good;
        }
    }
    for (size_t i = 0; i < sizeof(of_all) / sizeof(of_all[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", cluster->folder, of_all[i]);
        good = remove_tree(path) && good;
    }
    /* The charter last: as long as it is there, this can be tried again. */
    (void)snprintf(path, sizeof(path), "%s/%s", cluster->folder, CHARTER_NAME);
    if (!good || unlink(path) != 0) {
        (void)problem_say(problem, STATUS_IO, "%s cannot be removed whole: %s", cluster->folder,
                          strerror(errno));
        return problem_advise(problem, "see what is left there, and who owns it");
    }
    if (rmdir(cluster->folder) != 0 && errno != ENOTEMPTY && errno != EEXIST) {
        return problem_say(problem, STATUS_IO, "%s: %s", cluster->folder, strerror(errno));
    }
    return STATUS_OK;
}
