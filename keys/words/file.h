/* Whole files, read with a bound and made once.
 *
 * Making never writes over what is there: a ceremony's files are made once, and a key file that is
 * overwritten is gone. Files that hold secrets are made 0600 and checked in keyfile.c. Problems say
 * the path. */
#ifndef VESTRY_KEYS_WORDS_FILE_H
#define VESTRY_KEYS_WORDS_FILE_H

#include "crypto/bytes.h"
#include "keys/words/problem.h"

#include <sys/types.h>

#define FILE_PATH_MAX 4096

/* Append the whole regular file to `out`; STATUS_INVALID when it is larger than the room there. */
MUST_USE enum status file_read(const char *path, struct buffer *out, struct problem *problem);

/* The same from an open descriptor; `name` is for problems. The descriptor stays open. */
MUST_USE enum status file_read_fd(int fd, const char *name, struct buffer *out,
                                  struct problem *problem);

/* Create the file (O_EXCL, O_NOFOLLOW), write, fsync it and its directory. What was begun and could
 * not be finished is removed. */
MUST_USE enum status file_create(const char *path, mode_t mode, struct bytes content,
                                 struct problem *problem);

/* Create a folder; STATUS_OK when it is there already. */
MUST_USE enum status file_folder(const char *path, mode_t mode, struct problem *problem);

/* out = "<folder>/<name><suffix>", at most FILE_PATH_MAX characters with the NUL. */
MUST_USE enum status file_path(char out[FILE_PATH_MAX], const char *folder, const char *name,
                               const char *suffix, struct problem *problem);

#endif
