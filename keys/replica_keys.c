#include "keys/replica_keys.h"

#include "crypto/note.h"
#include "keys/words/file.h"

#include <stdio.h>
#include <string.h>

#define FILES 3

struct part {
    uint64_t role;
    const char *suffix;
};

static const struct part parts[FILES] = {
    {ROLE_REPLICA, KEYFILE_SUFFIX},
    {ROLE_COSIGN, ".cosign" KEYFILE_SUFFIX},
    {ROLE_TRANSPORT, ".transport" KEYFILE_SUFFIX},
};

static struct secret_key *key_at(struct replica_keys *keys, size_t at)
{
    struct secret_key *const all[FILES] = {&keys->sign, &keys->cosign, &keys->transport};

    return all[at];
}

static void subject_of(uint32_t rid, char out[REPLICA_NAME_MAX + 1])
{
    struct buffer name = buffer_make(out, REPLICA_NAME_MAX);

    memset(out, 0, REPLICA_NAME_MAX + 1);
    replica_name_put(&name, rid);
}

void replica_keys_close(struct replica_keys *keys)
{
    for (size_t i = 0; i < FILES; i++) {
        secret_key_close(key_at(keys, i));
    }
}

enum status replica_keys_create(const char *folder, uint32_t rid, struct replica_keys *keys,
                                struct problem *problem)
{
    char subject[REPLICA_NAME_MAX + 1];
    struct replica_keys made = {0};
    enum status status = STATUS_OK;

    subject_of(rid, subject);
    for (size_t i = 0; i < FILES && status == STATUS_OK; i++) {
        char path[FILE_PATH_MAX];

        status = secret_key_new(key_at(&made, i), parts[i].role, subject, problem);
        if (status == STATUS_OK) {
            status = file_path(path, folder, subject, parts[i].suffix, problem);
        }
        if (status == STATUS_OK) {
            status = keyfile_create(path, key_at(&made, i), KEY_SEAL_NONE, NULL, problem);
        }
    }
    if (status != STATUS_OK) {
        replica_keys_close(&made);
        return status;
    }
    *keys = made;
    return STATUS_OK;
}

enum status replica_keys_card(const struct replica_keys *keys, const uint8_t nonce[HASH_BYTES],
                              const struct card_details *details, struct buffer *out,
                              struct problem *problem)
{
    const struct secret_key *const list[FILES] = {&keys->sign, &keys->cosign, &keys->transport};

    return card_make(list, FILES, nonce, details, out, problem);
}

enum status replica_keys_load(const char *path, uint32_t rid,
                              const struct replica_public_keys *expected, struct replica_keys *keys,
                              struct problem *problem)
{
    char subject[REPLICA_NAME_MAX + 1];
    struct replica_keys made = {0};
    const size_t len = strlen(path);
    const size_t suffix = strlen(KEYFILE_SUFFIX);

    if (len <= suffix || strcmp(path + len - suffix, KEYFILE_SUFFIX) != 0) {
        (void)problem_say(problem, STATUS_INVALID, "%s: a key file's name ends in %s", path,
                          KEYFILE_SUFFIX);
        return problem_advise(problem, "name the first of the three files, like r0.key");
    }
    subject_of(rid, subject);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < FILES && status == STATUS_OK; i++) {
        char name[FILE_PATH_MAX];
        struct key_expected wanted = {.role = parts[i].role, .subject = subject};
        const uint8_t *const registered[FILES] = {expected == NULL ? NULL : expected->sign,
                                                  expected == NULL ? NULL : expected->cosign,
                                                  expected == NULL ? NULL : expected->transport};

        wanted.public_key = registered[i];
        const int chars =
            snprintf(name, sizeof(name), "%.*s%s", (int)(len - suffix), path, parts[i].suffix);
        if (chars < 0 || (size_t)chars >= sizeof(name)) {
            status = problem_say(problem, STATUS_INVALID, "%s: path too long", path);
        } else {
            status = keyfile_load(name, &wanted, NULL, key_at(&made, i), problem);
        }
    }
    if (status != STATUS_OK) {
        replica_keys_close(&made);
        return status;
    }
    *keys = made;
    return STATUS_OK;
}
