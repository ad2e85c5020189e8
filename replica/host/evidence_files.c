#include "replica/host/evidence_files.h"

#include "governance/evidence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names begin with this; a file that is being written has another. */
#define NAME_FIRST 'r'
#define NAME_UNFINISHED "unfinished"

static void folder_of(const char *data, char out[EVIDENCE_PATH_BYTES_MAX])
{
    (void)snprintf(out, EVIDENCE_PATH_BYTES_MAX, "%.*s/evidence", DATA_PATH_BYTES_MAX, data);
}

/* --- Keeping ---------------------------------------------------------------------------------- */

static enum status write_whole(const char *path, struct bytes bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return STATUS_IO;
    }
    ssize_t written = write(fd, bytes.data, bytes.len);
    bool whole = written == (ssize_t)bytes.len && fsync(fd) == 0;
    return close(fd) == 0 && whole ? STATUS_OK : STATUS_IO;
}

enum status evidence_files_keep(const char *data, struct bytes evidence,
                                char path[EVIDENCE_PATH_BYTES_MAX], struct report *report)
{
    char folder[EVIDENCE_PATH_BYTES_MAX];
    char unfinished[EVIDENCE_PATH_BYTES_MAX + 16];
    struct evidence_facts facts;
    CHECK(evidence_read(evidence, &facts)); /* the core made it */
    folder_of(data, folder);
    if (data_dir_make(folder, report) != STATUS_OK) {
        return STATUS_IO;
    }
    (void)snprintf(path, EVIDENCE_PATH_BYTES_MAX, "%.*s/evidence/%c%lu-%llu-%llu",
                   DATA_PATH_BYTES_MAX, data, NAME_FIRST, (unsigned long)facts.rid,
                   (unsigned long long)facts.kind,
                   (unsigned long long)(facts.sequence % EVIDENCE_PLACES));
    if (data_path_exists(path)) {
        return STATUS_EXISTS; /* one conviction is enough */
    }
    (void)snprintf(unfinished, sizeof unfinished, "%s/" NAME_UNFINISHED, folder);
    if (write_whole(unfinished, evidence) != STATUS_OK || rename(unfinished, path) != 0 ||
        data_dir_sync(folder) != STATUS_OK) {
        report_what(report, "cannot write %s: %s", path, strerror(errno));
        report_remedy(report, "check the file system that holds it");
        return STATUS_IO;
    }
    return STATUS_OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static int is_evidence(const struct dirent *entry)
{
    return entry->d_name[0] == NAME_FIRST;
}

static bool read_whole(const char *path, struct buffer *out)
{
    size_t room = out->capacity - out->len;
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return false;
    }
    bool fits = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 &&
                (uint64_t)info.st_size <= room;
    ssize_t got = fits ? read(fd, out->data + out->len, (size_t)info.st_size) : 0;
    (void)close(fd);
    if (!fits || got != info.st_size) {
        return false;
    }
    out->len += (size_t)got;
    return true;
}

enum status evidence_files_read(const char *data, uint64_t skip, struct buffer *out)
{
    char folder[EVIDENCE_PATH_BYTES_MAX];
    struct dirent **names = NULL;
    folder_of(data, folder);
    int count = scandir(folder, &names, is_evidence, alphasort);
    bool found = false;
    for (int i = 0; i < count; i++) {
        char path[EVIDENCE_PATH_BYTES_MAX + sizeof names[i]->d_name];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        size_t before = out->len;
        if (!found && read_whole(path, out)) {
            found = skip == 0;
            skip -= found ? 0 : 1;
            out->len = found ? out->len : before;
        }
        free(names[i]);
    }
    free(names);
    return found ? STATUS_OK : STATUS_NOT_FOUND;
}
