#include "client/seen.h"

#include "crypto/hash.h"
#include "crypto/words.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAVE_EVERY_MS 200

/* The epoch that a note says that it is of. */
static bool epoch_of(struct bytes note, uint64_t *epoch)
{
    struct checkpoint checkpoint;
    struct bytes text;
    struct bytes lines;

    if (note_split(note, &text, &lines) != NOTE_OK ||
        checkpoint_parse(text, &checkpoint) != NOTE_OK) {
        return false;
    }
    *epoch = checkpoint.epoch;
    return true;
}

enum seen_signed seen_check_note(const struct seen_trust *trust, struct bytes note,
                                 struct checkpoint *checkpoint, uint32_t *signers)
{
    struct seen_keys keys;
    struct note_verdict verdict;
    uint64_t epoch = 0;

    if (!epoch_of(note, &epoch)) {
        return SEEN_FALSE;
    }
    if (!trust->keys_of(trust->context, epoch, &keys)) {
        return SEEN_LATER;
    }
    if (note_check(trust->scheme, note, trust->origin, (struct note_keyring){keys.keys, keys.count},
                   &verdict) != NOTE_OK ||
        verdict.bad_sign != 0 || verdict.bad_cosign != 0) {
        return SEEN_FALSE;
    }
    const uint32_t signed_by = note_count(verdict.signed_by);
    const uint32_t cosigned_by = note_count(verdict.cosigned_by);
    if (signed_by < keys.quorum && cosigned_by < keys.quorum) {
        return SEEN_FALSE;
    }
    *checkpoint = verdict.checkpoint;
    *signers = cosigned_by >= signed_by ? verdict.cosigned_by : verdict.signed_by;
    return SEEN_GOOD;
}

static void file_path_of(const struct seen *seen, const char *name, char out[FILE_PATH_MAX])
{
    (void)snprintf(out, FILE_PATH_MAX, "%.3900s/%s", seen->directory, name);
}

/* STATUS_NOT_FOUND when there is no such file. */
static enum status read_note(const struct seen *seen, const char *name, struct buffer *text,
                             struct problem *problem)
{
    char path[FILE_PATH_MAX];

    file_path_of(seen, name, path);
    if (access(path, F_OK) != 0) {
        return STATUS_NOT_FOUND;
    }
    return file_read(path, text, problem);
}

static enum status load_note(const struct seen *seen, const char *name, struct seen_note *note,
                             struct problem *problem)
{
    struct buffer text = buffer_make(note->text, sizeof(note->text));
    uint32_t signers = 0;
    const enum status status = read_note(seen, name, &text, problem);

    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    if (seen_check_note(&seen->trust, buffer_bytes(&text), &note->checkpoint, &signers) !=
        SEEN_GOOD) {
        (void)problem_say(problem, STATUS_CORRUPT,
                          "%s/%s is not a checkpoint of this log with a quorum of signatures",
                          seen->directory, name);
        return problem_advise(problem, "use another directory (--state DIR), and find out who "
                                       "changed this one");
    }
    note->len = text.len;
    note->known = true;
    return STATUS_OK;
}

enum status seen_open(struct seen *seen, const struct seen_trust *trust, const char *directory,
                      struct problem *problem)
{
    seen->trust = *trust;
    seen->saved_ms = 0;
    seen->directory[0] = '\0';
    seen->head.known = false;
    seen->head.unsaved = false;
    seen->anchor.known = false;
    seen->anchor.unsaved = false;
    if (directory == NULL) {
        return STATUS_OK;
    }
    (void)snprintf(seen->directory, sizeof(seen->directory), "%s", directory);
    const enum status status = load_note(seen, "head", &seen->head, problem);
    return status == STATUS_OK ? load_note(seen, "anchor", &seen->anchor, problem) : status;
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
    const struct checkpoint *known = &seen->head.checkpoint;

    if (!seen->head.known) {
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
    struct seen_note *head = &seen->head;

    if (seen_judge(seen, checkpoint) != SEEN_NEWER || note.len > sizeof(head->text)) {
        return;
    }
    head->known = true;
    head->unsaved = true;
    head->checkpoint = *checkpoint;
    memcpy(head->text, note.data, note.len);
    head->len = note.len;
    if (now_ms >= seen->saved_ms + SAVE_EVERY_MS) {
        seen->saved_ms = now_ms;
        seen_save(seen);
    }
}

bool seen_wants_proof(struct seen *seen)
{
    const struct checkpoint *anchor = &seen->anchor.checkpoint;
    const struct checkpoint *head = &seen->head.checkpoint;

    if (!seen->head.known || (seen->anchor.known && anchor->height >= head->height)) {
        return false;
    }
    if (seen->anchor.known && anchor->tree_size != head->tree_size) {
        return true;
    }
    seen_proven(seen, &seen->head);
    return false;
}

void seen_proven(struct seen *seen, const struct seen_note *note)
{
    seen->anchor = *note;
    seen->anchor.unsaved = true;
}

/* Whether another process has written a newer one meanwhile. */
static bool newer_is_there(const struct seen *seen, const char *name, uint64_t height)
{
    uint8_t memory[NOTE_BYTES_MAX];
    struct buffer note = buffer_make(memory, sizeof(memory));
    struct checkpoint there;
    struct problem problem;
    struct bytes text;
    struct bytes lines;

    /* Nothing is believed here but the height, so the signatures need no check: a forged file is
     * refused when it is opened next. */
    return read_note(seen, name, &note, &problem) == STATUS_OK &&
           note_split(buffer_bytes(&note), &text, &lines) == NOTE_OK &&
           checkpoint_parse(text, &there) == NOTE_OK && there.height >= height;
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

/* A note that cannot be written down is a little less protection, not a failure. */
static void save_note(const struct seen *seen, const char *name, struct seen_note *note)
{
    char path[FILE_PATH_MAX];
    char new_path[FILE_PATH_MAX];

    if (!note->unsaved) {
        return;
    }
    note->unsaved = false;
    if (newer_is_there(seen, name, note->checkpoint.height)) {
        return;
    }
    file_path_of(seen, name, path);
    (void)snprintf(new_path, sizeof(new_path), "%.3900s/%s.%d", seen->directory, name,
                   (int)getpid());
    if (!write_file(new_path, bytes_make(note->text, note->len)) || rename(new_path, path) != 0) {
        (void)unlink(new_path);
    }
}

void seen_save(struct seen *seen)
{
    if (seen->directory[0] != '\0') {
        save_note(seen, "head", &seen->head);
        save_note(seen, "anchor", &seen->anchor);
    }
}

void seen_keep_evidence(const struct seen *seen, const struct seen_note *one, struct bytes other,
                        char path[FILE_PATH_MAX])
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
    buffer_put(&both, bytes_make(one->text, one->len));
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
