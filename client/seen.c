#include "client/seen.h"

#include "crypto/hash.h"
#include "crypto/words.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAVE_EVERY_MS 200

bool seen_check_note(const struct seen_trust *trust, struct bytes note,
                     struct checkpoint *checkpoint, uint32_t *signers)
{
    struct note_verdict verdict;

    if (note_check(trust->scheme, note, trust->origin, trust->keyring, &verdict) != NOTE_OK ||
        verdict.bad_sign != 0 || verdict.bad_cosign != 0) {
        return false;
    }
    const uint32_t signed_by = note_count(verdict.signed_by);
    const uint32_t cosigned_by = note_count(verdict.cosigned_by);
    if (signed_by < trust->quorum && cosigned_by < trust->quorum) {
        return false;
    }
    *checkpoint = verdict.checkpoint;
    *signers = cosigned_by >= signed_by ? verdict.cosigned_by : verdict.signed_by;
    return true;
}

static void head_path(const struct seen *seen, char out[FILE_PATH_MAX])
{
    (void)snprintf(out, FILE_PATH_MAX, "%.3900s/head", seen->directory);
}

static enum status read_head(const struct seen *seen, struct buffer *note, struct problem *problem)
{
    char path[FILE_PATH_MAX];

    head_path(seen, path);
    if (access(path, F_OK) != 0) {
        return STATUS_NOT_FOUND;
    }
    return file_read(path, note, problem);
}

enum status seen_open(struct seen *seen, const struct seen_trust *trust, const char *directory,
                      struct problem *problem)
{
    struct buffer note = buffer_make(seen->note, sizeof(seen->note));
    uint32_t signers = 0;

    seen->trust = *trust;
    seen->known = false;
    seen->unsaved = false;
    seen->saved_ms = 0;
    seen->directory[0] = '\0';
    if (directory == NULL) {
        return STATUS_OK;
    }
    (void)snprintf(seen->directory, sizeof(seen->directory), "%s", directory);
    const enum status status = read_head(seen, &note, problem);
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    if (!seen_check_note(trust, buffer_bytes(&note), &seen->checkpoint, &signers)) {
        (void)problem_say(problem, STATUS_CORRUPT,
                          "%s/head is not a checkpoint of this log with a quorum of signatures",
                          directory);
        return problem_advise(problem, "use another directory (--state DIR), and find out who "
                                       "changed this one");
    }
    seen->note_len = note.len;
    seen->known = true;
    return STATUS_OK;
}

/* Whether `newer` can be a later state of the log than `older`. */
static bool continues(const struct checkpoint *older, const struct checkpoint *newer)
{
    if (newer->tree_size < older->tree_size || newer->time_ms < older->time_ms ||
        newer->epoch < older->epoch) {
        return false;
    }
    return newer->tree_size > older->tree_size || hash_equal(newer->tree_root, older->tree_root);
}

enum seen_verdict seen_judge(const struct seen *seen, const struct checkpoint *checkpoint)
{
    const struct checkpoint *known = &seen->checkpoint;

    if (!seen->known) {
        return SEEN_NEWER;
    }
    if (checkpoint->height == known->height) {
        return hash_equal(checkpoint->header_hash, known->header_hash) ? SEEN_SAME : SEEN_FORK;
    }
    if (checkpoint->height > known->height) {
        return continues(known, checkpoint) ? SEEN_NEWER : SEEN_FORK;
    }
    return continues(checkpoint, known) ? SEEN_OLDER : SEEN_FORK;
}

void seen_take(struct seen *seen, const struct checkpoint *checkpoint, struct bytes note,
               uint64_t now_ms)
{
    if (seen_judge(seen, checkpoint) != SEEN_NEWER || note.len > sizeof(seen->note)) {
        return;
    }
    seen->known = true;
    seen->unsaved = true;
    seen->checkpoint = *checkpoint;
    memcpy(seen->note, note.data, note.len);
    seen->note_len = note.len;
    if (now_ms >= seen->saved_ms + SAVE_EVERY_MS) {
        seen->saved_ms = now_ms;
        seen_save(seen);
    }
}

/* Whether another process has written a newer one meanwhile. */
static bool newer_is_there(const struct seen *seen)
{
    uint8_t memory[NOTE_BYTES_MAX];
    struct buffer note = buffer_make(memory, sizeof(memory));
    struct checkpoint there;
    struct problem problem;
    struct bytes text;
    struct bytes lines;

    /* Nothing is believed here but the height, so the signatures need no check: a forged file is
     * refused when it is opened next. */
    return read_head(seen, &note, &problem) == STATUS_OK &&
           note_split(buffer_bytes(&note), &text, &lines) == NOTE_OK &&
           checkpoint_parse(text, &there) == NOTE_OK && there.height >= seen->checkpoint.height;
}

static bool write_file(const char *path, struct bytes bytes)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        return false;
    }
    const bool good = write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len;
    return close(fd) == 0 && good;
}

void seen_save(struct seen *seen)
{
    char path[FILE_PATH_MAX];
    char new_path[FILE_PATH_MAX];

    if (seen->directory[0] == '\0' || !seen->unsaved) {
        return;
    }
    seen->unsaved = false;
    if (newer_is_there(seen)) {
        return;
    }
    head_path(seen, path);
    (void)snprintf(new_path, sizeof(new_path), "%.3900s/head.%d", seen->directory, (int)getpid());
    /* A head that cannot be written down is a little less protection, not a failure. */
    if (!write_file(new_path, bytes_make(seen->note, seen->note_len)) ||
        rename(new_path, path) != 0) {
        (void)unlink(new_path);
    }
}

void seen_keep_evidence(const struct seen *seen, struct bytes other, char path[FILE_PATH_MAX])
{
    uint8_t memory[2 * NOTE_BYTES_MAX + 16];
    struct buffer both = buffer_make(memory, sizeof(memory));
    uint8_t hash[HASH_BYTES];
    uint8_t hex[17] = {0};
    struct buffer name = buffer_make(hex, 16);

    path[0] = '\0';
    if (seen->directory[0] == '\0') {
        return;
    }
    buffer_put(&both, bytes_make(seen->note, seen->note_len));
    buffer_put(&both, bytes_of_text("\n"));
    buffer_put(&both, other);
    hash_bytes(buffer_bytes(&both), hash);
    hex_put(&name, bytes_make(hash, 8));
    (void)snprintf(path, FILE_PATH_MAX, "%.3900s/evidence-%s.txt", seen->directory,
                   (const char *)hex);
    if (both.full || !write_file(path, buffer_bytes(&both))) {
        path[0] = '\0';
    }
}
