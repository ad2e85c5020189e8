#include "keys/words/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What errno means for a file, in words. */
static enum status say_errno(struct problem *problem, const char *path, const char *doing)
{
    const int error = errno;

    if (error == EEXIST) {
        (void)problem_say(problem, STATUS_EXISTS, "%s: exists already", path);
        return problem_advise(problem, "name another file; nothing is ever written over");
    }
    if (error == ENOENT) {
        (void)problem_say(problem, STATUS_NOT_FOUND, "%s: no such file or folder", path);
        return problem_advise(problem, "check the path");
    }
    if (error == ENOSPC || error == EDQUOT) {
        (void)problem_say(problem, STATUS_NO_SPACE, "%s: the disk is full", path);
        return problem_advise(problem, "make room, then run the command again");
    }
    (void)problem_say(problem, STATUS_IO, "%s: cannot %s: %s", path, doing, strerror(error));
    if (error == EACCES || error == EPERM) {
        return problem_advise(problem, "check who owns it and its permissions");
    }
    return problem->status;
}

enum status file_read_fd(int fd, const char *name, struct buffer *out, struct problem *problem)
{
    while (out->len < out->capacity) {
        const ssize_t got = read(fd, out->data + out->len, out->capacity - out->len);

        if (got == 0) {
            return STATUS_OK;
        }
        if (got > 0) {
            out->len += (size_t)got;
        } else if (errno != EINTR) {
            return say_errno(problem, name, "read");
        }
    }
    uint8_t more = 0;
    if (read(fd, &more, 1) == 0) {
        return STATUS_OK;
    }
    (void)problem_say(problem, STATUS_INVALID, "%s: larger than the %zu bytes such a file can have",
                      name, out->capacity);
    return problem_advise(problem, "check that this is the file you mean");
}

enum status file_read(const char *path, struct buffer *out, struct problem *problem)
{
    struct stat info;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        return say_errno(problem, path, "open");
    }
    enum status status = STATUS_OK;
    if (fstat(fd, &info) != 0) {
        status = say_errno(problem, path, "look at");
    } else if (!S_ISREG(info.st_mode)) {
        (void)problem_say(problem, STATUS_INVALID, "%s: not a file", path);
        status = problem_advise(problem, "name the file itself, not a folder or device");
    } else {
        status = file_read_fd(fd, path, out, problem);
    }
    (void)close(fd);
    return status;
}

static enum status write_all(int fd, const char *path, struct bytes content,
                             struct problem *problem)
{
    size_t written = 0;

    while (written < content.len) {
        const ssize_t put = write(fd, content.data + written, content.len - written);

        if (put >= 0) {
            written += (size_t)put;
        } else if (errno != EINTR) {
            return say_errno(problem, path, "write");
        }
    }
    if (fsync(fd) != 0) {
        return say_errno(problem, path, "sync");
    }
    return STATUS_OK;
}

/* The name itself must be durable too, not only what is behind it. */
static enum status sync_folder_of(const char *path, struct problem *problem)
{
    char folder[FILE_PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t len = slash == NULL ? 0 : (size_t)(slash - path);

    if (len >= sizeof(folder)) {
        return problem_say(problem, STATUS_INVALID, "%s: path too long", path);
    }
    memcpy(folder, path, len);
    folder[len] = '\0';
    const char *name = slash == NULL ? "." : len == 0 ? "/" : folder;
    const int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return say_errno(problem, name, "open");
    }
    /* A file system that cannot sync a folder says EINVAL: then there is nothing more to do. */
    enum status status = STATUS_OK;
    if (fsync(fd) != 0 && errno != EINVAL) {
        status = say_errno(problem, name, "sync");
    }
    (void)close(fd);
    return status;
}

enum status file_create(const char *path, mode_t mode, struct bytes content,
                        struct problem *problem)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

    if (fd < 0) {
        return say_errno(problem, path, "create");
    }
    enum status status = write_all(fd, path, content, problem);
    if (close(fd) != 0 && status == STATUS_OK) {
        status = say_errno(problem, path, "close");
    }
    if (status == STATUS_OK) {
        status = sync_folder_of(path, problem);
    }
    if (status != STATUS_OK) {
        (void)unlink(path);
    }
    return status;
}

enum status file_folder(const char *path, mode_t mode, struct problem *problem)
{
    struct stat info;

    if (mkdir(path, mode) == 0) {
        return STATUS_OK;
    }
    if (errno != EEXIST) {
        return say_errno(problem, path, "create");
    }
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return STATUS_OK;
    }
    return problem_say(problem, STATUS_EXISTS, "%s: exists and is not a folder", path);
}

enum status file_path(char out[FILE_PATH_MAX], const char *folder, const char *name,
                      const char *suffix, struct problem *problem)
{
    const int chars = snprintf(out, FILE_PATH_MAX, "%s/%s%s", folder, name, suffix);

    if (chars < 0 || chars >= FILE_PATH_MAX) {
        return problem_say(problem, STATUS_INVALID, "%s/%s%s: path too long", folder, name, suffix);
    }
    return STATUS_OK;
}
