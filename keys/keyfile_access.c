#include "keys/keyfile_access.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum status keyfile_open(const char *path, struct keyfile_access *access, struct problem *problem)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

    *access = (struct keyfile_access){.fd = open(path, flags | O_NOFOLLOW)};
    if (access->fd < 0 && errno == ELOOP) {
        access->symlink = true;
        access->fd = open(path, flags);
    }
    if (access->fd < 0 && errno == ENOENT) {
        (void)problem_say(problem, STATUS_NOT_FOUND, "%s: no such key file", path);
        return problem_advise(problem, "check the path");
    }
    if (access->fd < 0) {
        (void)problem_say(problem, STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
        return problem_advise(problem, "check who owns it and its permissions");
    }
    if (fstat(access->fd, &access->info) != 0 || !S_ISREG(access->info.st_mode)) {
        (void)close(access->fd);
        return problem_say(problem, STATUS_INVALID, "%s: not a file", path);
    }
    return STATUS_OK;
}

static enum status check_person(const char *path, const struct keyfile_access *access,
                                struct problem *problem)
{
    if (access->symlink) {
        (void)problem_say(problem, STATUS_REFUSED,
                          "%s: a symlink, so it may be another file "
                          "tomorrow",
                          path);
        return problem_advise(problem, "name the key file itself");
    }
    if (access->info.st_uid != geteuid()) {
        (void)problem_say(problem, STATUS_REFUSED, "%s: owned by another user (uid %u)", path,
                          (unsigned)access->info.st_uid);
        return problem_advise(problem, "run this as the owner of the key");
    }
    if ((access->info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        (void)problem_say(problem, STATUS_REFUSED, "%s: others may get at it (mode %03o)", path,
                          (unsigned)(access->info.st_mode & 0777));
        return problem_advise(problem, "chmod 600 %s", path);
    }
    return STATUS_OK;
}

static enum status check_replica(const char *path, const struct keyfile_access *access,
                                 struct problem *problem)
{
    if (access->info.st_uid != geteuid() && access->info.st_uid != 0) {
        (void)problem_say(problem, STATUS_REFUSED, "%s: owned by another user (uid %u)", path,
                          (unsigned)access->info.st_uid);
        return problem_advise(problem, "the owner must be the user of the replica, or root");
    }
    if ((access->info.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
        (void)problem_say(problem, STATUS_REFUSED, "%s: others may get at it (mode %03o)", path,
                          (unsigned)(access->info.st_mode & 0777));
        return problem_advise(problem, "chmod o-rwx,g-w %s", path);
    }
    return STATUS_OK;
}

enum status keyfile_check_access(const char *path, const struct keyfile_access *access,
                                 bool of_replica, struct problem *problem)
{
    return of_replica ? check_replica(path, access, problem) : check_person(path, access, problem);
}
