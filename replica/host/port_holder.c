#include "replica/host/port_holder.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTENING 0x0a /* TCP_LISTEN as /proc/net/tcp shows it */

/* The inode of the listening socket, or 0. */
static unsigned long listening_inode(const char *table, uint16_t port)
{
    FILE *file = fopen(table, "re");
    if (file == NULL) {
        return 0;
    }
    char line[512];
    unsigned long found = 0;
    while (found == 0 && fgets(line, sizeof line, file) != NULL) {
        unsigned local_port = 0;
        unsigned state = 0;
        unsigned long inode = 0;
        int fields = sscanf(line,
                            " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s "
                            "%*s %lu",
                            &local_port, &state, &inode);
        if (fields == 3 && local_port == port && state == LISTENING) {
            found = inode;
        }
    }
    fclose(file);
    return found;
}

static bool holds_socket(const char *pid, const char *wanted)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.16s/fd", pid);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return false;
    }
    bool found = false;
    for (struct dirent *entry = readdir(folder); entry != NULL && !found; entry = readdir(folder)) {
        char link[128];
        char target[64];
        snprintf(link, sizeof link, "%s/%.32s", path, entry->d_name);
        ssize_t len = readlink(link, target, sizeof target - 1);
        if (len > 0) {
            target[len] = 0;
            found = strcmp(target, wanted) == 0;
        }
    }
    closedir(folder);
    return found;
}

pid_t port_holder(uint16_t port)
{
    unsigned long inode = listening_inode("/proc/net/tcp", port);
    if (inode == 0) {
        inode = listening_inode("/proc/net/tcp6", port);
    }
    DIR *folder = inode == 0 ? NULL : opendir("/proc");
    if (folder == NULL) {
        return 0;
    }
    char wanted[64];
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    pid_t holder = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL && holder == 0;
         entry = readdir(folder)) {
        if (isdigit((unsigned char)entry->d_name[0]) != 0 && holds_socket(entry->d_name, wanted)) {
            holder = (pid_t)strtol(entry->d_name, NULL, 10);
        }
    }
    closedir(folder);
    return holder;
}
