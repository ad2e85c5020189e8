#include "storage/anchor.h"

#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAGIC_BYTES 16
#define BODY_BYTES (ANCHOR_SLOT_BYTES - HASH_BYTES)

static const uint8_t magic[MAGIC_BYTES] = "vestry-anchor-1";

static const char restore_nothing[] =
    "keep the disk as it is, do not start from a copy; the replica must return with a new key";

void anchor_slot_encode(const struct anchor *anchor, const struct store_identity *identity,
                        uint64_t generation, uint8_t out[ANCHOR_SLOT_BYTES])
{
    memset(out, 0, ANCHOR_SLOT_BYTES);
    struct buffer body = buffer_make(out, BODY_BYTES);
    buffer_put(&body, BYTES_OF_ARRAY(magic));
    buffer_put_u64be(&body, generation);
    buffer_put(&body, BYTES_OF_ARRAY(identity->cluster_id));
    buffer_put(&body, BYTES_OF_ARRAY(identity->key_fingerprint));
    buffer_put_u64be(&body, anchor->flight.number);
    buffer_put(&body, BYTES_OF_ARRAY(anchor->flight.hash));
    buffer_put_u64be(&body, anchor->epoch);
    buffer_put_u64be(&body, anchor->view);
    buffer_put_u64be(&body, anchor->voted);
    buffer_put_u64be(&body, anchor->head);
    CHECK(!body.full);
    hash_bytes(bytes_make(out, BODY_BYTES), out + BODY_BYTES);
}

static uint64_t take_number(const uint8_t **at)
{
    uint64_t number = bytes_get_u64be(*at);
    *at += 8;
    return number;
}

static void take_hash(const uint8_t **at, uint8_t out[HASH_BYTES])
{
    memcpy(out, *at, HASH_BYTES);
    *at += HASH_BYTES;
}

bool anchor_slot_decode(const uint8_t slot[ANCHOR_SLOT_BYTES], struct anchor *anchor,
                        struct store_identity *identity, uint64_t *generation)
{
    uint8_t hash[HASH_BYTES];
    hash_bytes(bytes_make(slot, BODY_BYTES), hash);
    if (!hash_equal(hash, slot + BODY_BYTES) || memcmp(slot, magic, MAGIC_BYTES) != 0) {
        return false;
    }
    const uint8_t *at = slot + MAGIC_BYTES;
    *generation = take_number(&at);
    take_hash(&at, identity->cluster_id);
    take_hash(&at, identity->key_fingerprint);
    anchor->flight.number = take_number(&at);
    take_hash(&at, anchor->flight.hash);
    anchor->epoch = take_number(&at);
    anchor->view = take_number(&at);
    anchor->voted = take_number(&at);
    anchor->head = take_number(&at);
    return true;
}

enum status anchor_judge(const struct anchor *anchor, const struct store *store,
                         struct report *report)
{
    struct flight last;
    uint8_t hash[HASH_BYTES];
    store_flight(store, &last);
    if (last.number < anchor->flight.number) {
        report_what(report,
                    "the store ends at flight %" PRIu64
                    ", but this replica had made flight %" PRIu64
                    " durable: the store was cut, emptied or rolled back",
                    last.number, anchor->flight.number);
        report_remedy(report, "%s", restore_nothing);
        return STATUS_MISMATCH;
    }
    enum status status = store_flight_hash(store, anchor->flight.number, hash);
    if (status == STATUS_OK && !hash_equal(hash, anchor->flight.hash)) {
        report_what(report,
                    "flight %" PRIu64 " in the store is not the one this replica had made durable",
                    anchor->flight.number);
        report_remedy(report, "%s", restore_nothing);
        return STATUS_MISMATCH;
    }
    return STATUS_OK;
}

static off_t slot_offset(uint32_t slot)
{
    return (off_t)slot * ANCHOR_SLOT_STRIDE;
}

static enum status report_failure(const char *doing, const char *path, struct report *report)
{
    int error = errno;
    report_what(report, "cannot %s %s: %s", doing, path, strerror(error));
    report_remedy(report, "check the file system that holds it");
    return error == ENOSPC ? STATUS_NO_SPACE : STATUS_IO;
}

/* Both slots alike and the zeros between, so that later writes change no length. */
static bool fill(int fd, const struct store_identity *identity, const struct anchor *anchor)
{
    uint8_t file[ANCHOR_FILE_BYTES] = {0};
    for (uint32_t slot = 0; slot < ANCHOR_SLOTS; slot++) {
        anchor_slot_encode(anchor, identity, slot + 1, file + slot * ANCHOR_SLOT_STRIDE);
    }
    ssize_t written = pwrite(fd, file, sizeof file, 0);
    return written == (ssize_t)sizeof file && fsync(fd) == 0;
}

enum status anchor_create(const char *path, const struct store_identity *identity,
                          const struct anchor *anchor, struct report *report)
{
    char fresh[DATA_PATH_BYTES_MAX + 8];
    char directory[DATA_PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    CHECK(slash != NULL);
    CHECK(slash - path < DATA_PATH_BYTES_MAX);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    snprintf(directory, sizeof directory, "%.*s", (int)(slash - path), path);
    int fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return report_failure("make", fresh, report);
    }
    if (!fill(fd, identity, anchor)) {
        enum status status = report_failure("write", fresh, report);
        close(fd);
        return status;
    }
    close(fd);
    if (rename(fresh, path) != 0) {
        return report_failure("rename", fresh, report);
    }
    if (data_dir_sync(directory) != STATUS_OK) {
        return report_failure("sync", directory, report);
    }
    return STATUS_OK;
}

/* Read both slots and keep the newest good one. A slot that the disk does not give is not torn:
 * the other may be an older one. */
static enum status read_newest(struct anchor_file *file, struct anchor *anchor)
{
    bool found = false;
    for (uint32_t i = 0; i < ANCHOR_SLOTS; i++) {
        uint8_t slot[ANCHOR_SLOT_BYTES];
        struct anchor read_anchor;
        struct store_identity identity;
        uint64_t generation = 0;
        ssize_t len = pread(file->fd, slot, sizeof slot, slot_offset(i));
        if (len < 0) {
            return STATUS_IO;
        }
        if (len != (ssize_t)sizeof slot ||
            !anchor_slot_decode(slot, &read_anchor, &identity, &generation)) {
            continue;
        }
        if (!found || generation > file->generation) {
            found = true;
            file->generation = generation;
            file->newest = i;
            file->identity = identity;
            *anchor = read_anchor;
        }
    }
    return found ? STATUS_OK : STATUS_MISMATCH;
}

static enum status check_identity(const struct store_identity *is,
                                  const struct store_identity *must_be, const char *path,
                                  struct report *report)
{
    char first[HEX_TEXT_BYTES(HASH_BYTES)];
    char second[HEX_TEXT_BYTES(HASH_BYTES)];
    if (!hash_equal(is->cluster_id, must_be->cluster_id)) {
        report_hex(is->cluster_id, first);
        report_hex(must_be->cluster_id, second);
        report_what(report, "%s is of cluster %s, the charter is of cluster %s", path, first,
                    second);
        report_remedy(report,
                      "compare `data` and `charter` in the configuration; delete nothing yet");
        return STATUS_MISMATCH;
    }
    if (!hash_equal(is->key_fingerprint, must_be->key_fingerprint)) {
        report_hex(is->key_fingerprint, first);
        report_hex(must_be->key_fingerprint, second);
        report_what(report, "%s is of key %s, the configured key is %s", path, first, second);
        report_remedy(report, "compare `data` and `key` in the configuration; delete nothing yet");
        return STATUS_MISMATCH;
    }
    return STATUS_OK;
}

enum status anchor_open(const char *path, const struct store_identity *identity,
                        struct anchor_file *out, struct anchor *anchor, struct report *report)
{
    struct anchor_file file = {.fd = -1};
    struct anchor newest;
    file.fd = open(path, O_RDWR | O_DSYNC | O_CLOEXEC | O_NOFOLLOW);
    if (file.fd < 0 && errno == ENOENT) {
        report_what(report, "%s is missing: nothing says how far this replica had come", path);
        report_remedy(report, "%s", restore_nothing);
        return STATUS_NOT_FOUND;
    }
    if (file.fd < 0) {
        return report_failure("open", path, report);
    }
    enum status status = data_file_check(file.fd, path, report);
    if (status == STATUS_OK) {
        status = read_newest(&file, &newest);
        if (status == STATUS_IO) {
            status = report_failure("read", path, report);
        } else if (status == STATUS_MISMATCH) {
            report_what(report, "neither slot of %s is whole: it was damaged, not torn", path);
            report_remedy(report, "%s", restore_nothing);
        }
    }
    if (status == STATUS_OK) {
        status = check_identity(&file.identity, identity, path, report);
    }
    if (status != STATUS_OK) {
        close(file.fd);
        return status;
    }
    *out = file;
    *anchor = newest;
    return STATUS_OK;
}

enum status anchor_write(struct anchor_file *file, const struct anchor *anchor)
{
    if (file->failed) {
        return STATUS_IO;
    }
    uint8_t slot[ANCHOR_SLOT_BYTES];
    uint32_t place = (file->newest + 1) % ANCHOR_SLOTS;
    anchor_slot_encode(anchor, &file->identity, file->generation + 1, slot);
    if (pwrite(file->fd, slot, sizeof slot, slot_offset(place)) != (ssize_t)sizeof slot) {
        file->failed = true;
        return STATUS_IO;
    }
    file->generation++;
    file->newest = place;
    return STATUS_OK;
}

void anchor_close(struct anchor_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
        file->fd = -1;
    }
}
