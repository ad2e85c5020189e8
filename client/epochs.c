#include "client/epochs.h"

#include "governance/roster_note.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void path_of(const struct epochs *epochs, uint64_t epoch, const char *suffix,
                    char out[FILE_PATH_MAX])
{
    (void)snprintf(out, FILE_PATH_MAX, "%.3900s/epoch-%llu%s", epochs->directory,
                   (unsigned long long)epoch, suffix);
}

/* The file of the newest epoch's end. STATUS_NOT_FOUND when there is none. */
static enum status load_one(struct epochs *epochs, struct buffer *bytes, struct problem *problem)
{
    char path[FILE_PATH_MAX];

    path_of(epochs, epochs_newest(epochs)->epoch, "", path);
    if (access(path, F_OK) != 0) {
        return STATUS_NOT_FOUND;
    }
    bytes->len = 0;
    const enum status status = file_read(path, bytes, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const enum hand_off_error error = epoch_chain_follow(epochs->chain, buffer_bytes(bytes));
    if (error != HAND_OFF_OK) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: %s", path, hand_off_error_text(error));
        return problem_advise(problem, "use another directory (--state DIR), and find out who "
                                       "changed this one");
    }
    return STATUS_OK;
}

static enum status load_all(struct epochs *epochs, struct problem *problem)
{
    struct buffer bytes = buffer_make(malloc(HAND_OFF_BYTES_MAX), HAND_OFF_BYTES_MAX);
    enum status status = STATUS_OK;

    if (bytes.data == NULL) {
        return problem_say(problem, STATUS_NO_MEMORY, "no memory to follow the log's epochs");
    }
    while (status == STATUS_OK) {
        status = load_one(epochs, &bytes, problem);
    }
    free(bytes.data);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status epochs_open(struct epochs *epochs, const struct charter_view *charter,
                        const struct sig_scheme *scheme, const char *directory,
                        struct problem *problem)
{
    epochs->directory[0] = '\0';
    if (epoch_chain_open(charter, scheme, EPOCHS_MAX, &epochs->chain) != STATUS_OK) {
        return problem_say(problem, STATUS_NO_MEMORY, "no memory to follow the log's epochs");
    }
    if (directory == NULL) {
        return STATUS_OK;
    }
    (void)snprintf(epochs->directory, sizeof(epochs->directory), "%s", directory);
    return load_all(epochs, problem);
}

void epochs_close(struct epochs *epochs)
{
    epoch_chain_close(epochs->chain);
    epochs->chain = NULL;
}

/* One that cannot be written down is fetched again the next time. */
static void save(const struct epochs *epochs, uint64_t epoch, struct bytes hand_off)
{
    char path[FILE_PATH_MAX];
    char new_path[FILE_PATH_MAX];
    char suffix[32];

    (void)snprintf(suffix, sizeof(suffix), ".%d", (int)getpid());
    path_of(epochs, epoch, "", path);
    path_of(epochs, epoch, suffix, new_path);
    const int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        return;
    }
    const bool good =
        write(fd, hand_off.data, hand_off.len) == (ssize_t)hand_off.len && fsync(fd) == 0;
    if (close(fd) != 0 || !good || rename(new_path, path) != 0) {
        (void)unlink(new_path);
    }
}

enum hand_off_error epochs_follow(struct epochs *epochs, struct bytes hand_off)
{
    const uint64_t epoch = epochs_newest(epochs)->epoch;
    const enum hand_off_error error = epoch_chain_follow(epochs->chain, hand_off);

    if (error == HAND_OFF_OK && epochs->directory[0] != '\0') {
        save(epochs, epoch, hand_off);
    }
    return error;
}

const struct roster *epochs_roster(const struct epochs *epochs, uint64_t epoch)
{
    const struct epoch_span *span = epoch_chain_find(epochs->chain, epoch);

    return span == NULL ? NULL : &span->roster;
}

const struct roster *epochs_newest(const struct epochs *epochs)
{
    return &epoch_chain_newest(epochs->chain)->roster;
}

bool epochs_keys(const void *context, uint64_t epoch, struct seen_keys *out)
{
    const struct epochs *epochs = context;
    const struct roster *roster = epochs_roster(epochs, epoch);

    if (roster == NULL) {
        return false;
    }
    roster_note_keys(roster, out->keys);
    out->count = roster->n;
    out->quorum = roster->q;
    return true;
}
