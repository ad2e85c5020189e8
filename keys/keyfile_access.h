/* Who may get at a key file: the checks of owner, permissions and symlinks on the descriptor that
 * is then read, so that nothing can be exchanged in between. Part of keyfile; for nobody else. */
#ifndef VESTRY_KEYS_KEYFILE_ACCESS_H
#define VESTRY_KEYS_KEYFILE_ACCESS_H

#include "keys/words/problem.h"

#include <stdbool.h>
#include <sys/stat.h>

struct keyfile_access {
    int fd;
    bool symlink; /* the last part of the path is one */
    struct stat info;
};

/* Open for reading; the caller closes access->fd. */
MUST_USE enum status keyfile_open(const char *path, struct keyfile_access *access,
                                  struct problem *problem);

/* Apply the rules of custody (keyfile.h). STATUS_REFUSED when they are broken. */
MUST_USE enum status keyfile_check_access(const char *path, const struct keyfile_access *access,
                                          bool of_replica, struct problem *problem);

#endif
