#include "storage/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRIVATE_DIR_MODE 0700
#define PRIVATE_FILE_MODE 0600

/* The longest name that is put behind the root, with its slash and NUL. */
#define LEAF_ROOM 16

enum status data_paths_make(const char *root, struct data_paths *out, struct report *report)
{
    size_t len = strlen(root);
    if (len == 0 || len > DATA_PATH_BYTES_MAX - LEAF_ROOM) {
        report_what(report,
                    "the path of the data directory is %zu bytes long; 1 to %d are possible", len,
                    DATA_PATH_BYTES_MAX - LEAF_ROOM);
        report_remedy(report, "give `data` a shorter path");
        return STATUS_INVALID;
    }
    snprintf(out->root, sizeof out->root, "%s", root);
    snprintf(out->store, sizeof out->store, "%s/store", root);
    snprintf(out->store_new, sizeof out->store_new, "%s/store.new", root);
    snprintf(out->anchor, sizeof out->anchor, "%s/anchor", root);
    snprintf(out->lock, sizeof out->lock, "%s/lock", root);
    return STATUS_OK;
}

static enum status status_of_errno(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
    case ELOOP:
        return STATUS_REFUSED;
    case ENOSPC:
    case EDQUOT:
        return STATUS_NO_SPACE;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_IO;
    }
}

/* Report what the operating system said about `path`. */
static enum status os_failure(const char *doing, const char *path, struct report *report)
{
    int error = errno;
    report_what(report, "cannot %s %s: %s", doing, path, strerror(error));
    report_remedy(report, "see that the path exists and that this user may use it");
    return status_of_errno(error);
}

static enum status check_owner(const struct stat *info, const char *path, struct report *report)
{
    if (info->st_uid != geteuid()) {
        report_what(report, "%s belongs to user %lu, this process runs as user %lu", path,
                    (unsigned long)info->st_uid, (unsigned long)geteuid());
        report_remedy(report, "run as its owner, or give it to this user: chown -R %lu %s",
                      (unsigned long)geteuid(), path);
        return STATUS_REFUSED;
    }
    if ((info->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        report_what(report, "%s can be written by others than its owner (mode %04o)", path,
                    (unsigned)(info->st_mode & 07777));
        report_remedy(report, "chmod go-w %s", path);
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}

enum status data_dir_check(const char *path, struct report *report)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return os_failure("open", path, report);
    }
    if (!S_ISDIR(info.st_mode)) {
        report_what(report, "%s is not a directory", path);
        report_remedy(report, "give `data` the path of a directory");
        return STATUS_REFUSED;
    }
    return check_owner(&info, path, report);
}

enum status data_file_check(int fd, const char *path, struct report *report)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return os_failure("examine", path, report);
    }
    if (!S_ISREG(info.st_mode)) {
        report_what(report, "%s is not a regular file", path);
        report_remedy(report, "keep the directory as it is and find out who put it there");
        return STATUS_REFUSED;
    }
    return check_owner(&info, path, report);
}

enum status data_dir_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return status_of_errno(errno);
    }
    enum status status = fsync(fd) == 0 ? STATUS_OK : STATUS_IO;
    close(fd);
    return status;
}

/* The directory that holds `path`, which has no slash at its end. */
static void parent_of(const char *path, char out[DATA_PATH_BYTES_MAX])
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        snprintf(out, DATA_PATH_BYTES_MAX, ".");
        return;
    }
    int len = slash == path ? 1 : (int)(slash - path);
    snprintf(out, DATA_PATH_BYTES_MAX, "%.*s", len, path);
}

enum status data_dir_make(const char *path, struct report *report)
{
    char name[DATA_PATH_BYTES_MAX];
    char parent[DATA_PATH_BYTES_MAX];
    size_t len = strlen(path);
    CHECK(len < sizeof name);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    memcpy(name, path, len);
    name[len] = '\0';
    if (mkdir(name, PRIVATE_DIR_MODE) != 0) {
        return errno == EEXIST ? STATUS_OK : os_failure("make directory", name, report);
    }
    parent_of(name, parent);
    enum status status = data_dir_sync(parent);
    if (status != STATUS_OK) {
        report_what(report, "cannot make %s durable: %s", name, status_text(status));
        report_remedy(report, "check the file system that holds it");
    }
    return status;
}

bool data_path_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 || errno != ENOENT;
}

static void report_holder(int fd, const char *path, struct report *report)
{
    char text[24];
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    long pid = 0;
    if (len > 0) {
        text[len] = '\0';
        pid = strtol(text, NULL, 10);
    }
    report_what(report, "%s is held by process %ld", path, pid);
    report_remedy(report, "stop that process first: two processes with one key would vote twice");
}

static bool write_holder(int fd)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) == len;
}

enum status data_lock_take(const char *path, struct data_lock *out, struct report *report)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, PRIVATE_FILE_MODE);
    if (fd < 0) {
        return os_failure("open", path, report);
    }
    enum status status = data_file_check(fd, path, report);
    if (status != STATUS_OK) {
        close(fd);
        return status;
    }
    /* The lock belongs to the open file, not to the process: a second opening by the same process
     * is refused too, and closing some other descriptor of the file does not give it back. */
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
        bool held = errno == EAGAIN || errno == EACCES;
        status = held ? STATUS_BUSY : os_failure("lock", path, report);
        if (held) {
            report_holder(fd, path, report);
        }
        close(fd);
        return status;
    }
    if (!write_holder(fd)) {
        status = os_failure("write", path, report);
        close(fd);
        return status;
    }
    out->fd = fd;
    return STATUS_OK;
}

void data_lock_release(struct data_lock *lock)
{
    if (lock->fd >= 0) {
        close(lock->fd);
        lock->fd = -1;
    }
}
