#include "crypto/words.h"
#include "keys/tool/tool.h"
#include "keys/words/armour.h"
#include "keys/words/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAMES_MAX 512

enum status tool_charter(const char *path, const struct charter_view **out, struct problem *problem)
{
    static uint8_t raw[CHARTER_FILE_MAX];
    static struct charter_view view;
    struct buffer backing = buffer_make(raw, sizeof(raw));

    const enum status status = genesis_charter_read(path, &backing, &view, problem);
    if (status == STATUS_OK) {
        ceremony_input(buffer_bytes(&backing));
        *out = &view;
    }
    return status;
}

enum status tool_salt_read(const char *path, uint8_t salt[HASH_BYTES], struct problem *problem)
{
    uint8_t text[ARMOUR_CHARS(HASH_BYTES)];
    struct buffer armoured = buffer_make(text, sizeof(text));
    struct buffer object = buffer_make(salt, HASH_BYTES);

    const enum status status = file_read(path, &armoured, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (!armour_read(buffer_bytes(&armoured), ARMOUR_SALT, &object) || object.len != HASH_BYTES) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: not a salt, or damaged", path);
        return problem_advise(problem, "the coordinator makes it: vestry-keys charter salt");
    }
    ceremony_input(buffer_bytes(&armoured));
    return STATUS_OK;
}

enum status tool_holder(const char *to, uint8_t key[PUBLIC_KEY_BYTES], struct problem *problem)
{
    uint8_t raw[CARD_OBJECT_MAX];
    struct buffer backing = buffer_make(raw, sizeof(raw));
    struct card_checked card;

    if (hex_parse(bytes_of_text(to), key, PUBLIC_KEY_BYTES)) {
        return STATUS_OK;
    }
    const enum status status = card_read(to, &backing, &card, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (card.role != ROLE_HOLDER) {
        (void)problem_say(problem, STATUS_INVALID, "%s: the card of a %s, who cannot hold a token",
                          to, role_text(card.role));
        return problem_advise(problem, "make a holder's key: vestry-keys key new --role holder");
    }
    ceremony_input(buffer_bytes(&backing));
    memcpy(key, card.keys[0], PUBLIC_KEY_BYTES);
    return STATUS_OK;
}

/* --- Folders --------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;

    return strcmp(*left, *right);
}

static bool ends_in(const char *name, const char *suffix)
{
    const size_t len = strlen(name);
    const size_t tail = strlen(suffix);

    return len > tail && strcmp(name + len - tail, suffix) == 0;
}

/* The names that match, as copies. */
static enum status collect(DIR *dir, const char *suffix, char **names, size_t *count,
                           struct problem *problem)
{
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (!ends_in(entry->d_name, suffix) || entry->d_name[0] == '.') {
            continue;
        }
        if (*count == NAMES_MAX) {
            return problem_say(problem, STATUS_INVALID, "more than %d files", NAMES_MAX);
        }
        names[*count] = strdup(entry->d_name);
        if (names[*count] == NULL) {
            return problem_say(problem, STATUS_NO_MEMORY, "no memory for names");
        }
        *count += 1;
    }
    return STATUS_OK;
}

enum status tool_each_file(const char *folder, const char *suffix,
                           enum status (*visit)(void *context, const char *path,
                                                struct problem *problem),
                           void *context, struct problem *problem)
{
    char *names[NAMES_MAX] = {NULL};
    size_t count = 0;
    DIR *dir = opendir(folder);

    if (dir == NULL) {
        (void)problem_say(problem, STATUS_NOT_FOUND, "%s: cannot be read as a folder: %s", folder,
                          strerror(errno));
        return problem_advise(problem, "name the folder that holds the %s files", suffix);
    }
    enum status status = collect(dir, suffix, names, &count, problem);
    (void)closedir(dir);
    qsort(names, count, sizeof(names[0]), by_name);
    if (status == STATUS_OK && count == 0) {
        (void)problem_say(problem, STATUS_NOT_FOUND, "%s: no file in it ends in %s", folder,
                          suffix);
        status = problem_advise(problem, "name the folder that holds them");
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        char path[FILE_PATH_MAX];

        status = file_path(path, folder, names[i], "", problem);
        if (status == STATUS_OK) {
            status = visit(context, path, problem);
        }
    }
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    return status;
}
