/* Ports of this machine: whether a server could listen there, whether one does, and which. */
#include "client/cli/dev_process.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTENING 0x0a /* in the state column of /proc/net/tcp */

int dev_port_try(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
    };
    const int yes = 1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? errno : 0;

    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
            error = errno;
        }
        (void)close(fd);
    }
    return error;
}

/* The inode of the socket that listens there, as the table shows it, or 0. */
static unsigned long find_inode(const char *table, uint16_t port)
{
    char line[512];
    unsigned long found = 0;
    FILE *file = fopen(table, "re");

    while (file != NULL && found == 0 && fgets(line, sizeof(line), file) != NULL) {
        unsigned local = 0;
        unsigned state = 0;
        unsigned long inode = 0;
        const int fields =
            sscanf(line, "%*s %*[^:]:%x %*s %x %*s %*s %*s %*s %*s %lu", &local, &state, &inode);

        if (fields == 3 && local == port && state == LISTENING) {
            found = inode;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

static unsigned long listening_inode(uint16_t port)
{
    const unsigned long inode = find_inode("/proc/net/tcp", port);

    return inode != 0 ? inode : find_inode("/proc/net/tcp6", port);
}

bool dev_port_listens(uint16_t port)
{
    return listening_inode(port) != 0;
}

static bool has_open(const char *pid, const char *wanted)
{
    char folder[64];
    bool found = false;

    (void)snprintf(folder, sizeof(folder), "/proc/%.16s/fd", pid);
    DIR *open_files = opendir(folder);
    for (struct dirent *entry = open_files == NULL ? NULL : readdir(open_files);
         entry != NULL && !found; entry = readdir(open_files)) {
        char target[64];
        const ssize_t len = readlinkat(dirfd(open_files), entry->d_name, target, sizeof(target));

        found = len == (ssize_t)strlen(wanted) && memcmp(target, wanted, (size_t)len) == 0;
    }
    if (open_files != NULL) {
        (void)closedir(open_files);
    }
    return found;
}

static void read_name(const char *pid, char name[32])
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(name, 32, file) == NULL) {
        (void)snprintf(name, 32, "unknown");
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    name[strcspn(name, "\n")] = '\0';
}

static pid_t port_holder(uint16_t port, char name[32])
{
    char wanted[64];
    pid_t holder = 0;
    const unsigned long inode = listening_inode(port);

    (void)snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    DIR *processes = inode == 0 ? NULL : opendir("/proc");
    for (struct dirent *entry = processes == NULL ? NULL : readdir(processes);
         entry != NULL && holder == 0; entry = readdir(processes)) {
        if (isdigit((unsigned char)entry->d_name[0]) != 0 && has_open(entry->d_name, wanted)) {
            read_name(entry->d_name, name);
            holder = (pid_t)strtol(entry->d_name, NULL, 10);
        }
    }
    if (processes != NULL) {
        (void)closedir(processes);
    }
    return holder;
}

enum status dev_port_need(uint16_t port, struct problem *problem)
{
    char name[32] = "";
    const int error = dev_port_try(port);
    const pid_t holder = error == EADDRINUSE ? port_holder(port, name) : 0;

    if (error == 0) {
        return STATUS_OK;
    }
    if (error != EADDRINUSE) {
        (void)problem_say(problem, STATUS_REFUSED, "port %u cannot be used: %s", (unsigned)port,
                          strerror(error));
    } else if (holder == 0) {
        (void)problem_say(problem, STATUS_REFUSED, "port %u is in use by another process",
                          (unsigned)port);
    } else {
        (void)problem_say(problem, STATUS_REFUSED, "port %u is in use by process %ld (%s)",
                          (unsigned)port, (long)holder, name);
    }
    return problem_advise(problem, "end that process, or make a cluster elsewhere: vestry dev "
                                   "start --dir DIR --base-port auto");
}
