#include "tests/support/store_fixture.h"

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void fixture_dir_make(char path[FIXTURE_PATH_BYTES])
{
    const char *base = getenv("TMPDIR");
    int len =
        snprintf(path, FIXTURE_PATH_BYTES, "%s/vestry-test-XXXXXX", base != NULL ? base : "/tmp");
    assert_in_range(len, 1, FIXTURE_PATH_BYTES - 1);
    assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

void fixture_dir_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *fixture_path(const char *directory, const char *name)
{
    static char paths[4][2 * FIXTURE_PATH_BYTES];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

const char *fixture_find(const char *directory, const char *suffix)
{
    static char found[FIXTURE_PATH_BYTES];
    DIR *entries = opendir(directory);
    assert_non_null(entries);
    found[0] = '\0';
    struct dirent *entry = NULL;
    while ((entry = readdir(entries)) != NULL) {
        size_t len = strlen(entry->d_name);
        size_t end = strlen(suffix);
        if (len < end || strcmp(entry->d_name + len - end, suffix) != 0) {
            continue;
        }
        if (found[0] == '\0' || strcmp(entry->d_name, found) > 0) {
            snprintf(found, sizeof found, "%s", entry->d_name);
        }
    }
    closedir(entries);
    return found[0] == '\0' ? "" : fixture_path(directory, found);
}

pid_t fixture_spawn(const char *role, const char *first, const char *second)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl("/proc/self/exe", "again", role, first, second, (char *)NULL);
        _exit(127);
    }
    return child;
}

struct store_identity fixture_identity(uint8_t cluster, uint8_t key)
{
    struct store_identity identity;
    memset(identity.cluster_id, cluster, sizeof identity.cluster_id);
    memset(identity.key_fingerprint, key, sizeof identity.key_fingerprint);
    return identity;
}

struct put fixture_put(enum family family, const char *key, const char *value)
{
    return (struct put){family, false, bytes_of_text(key), bytes_of_text(value)};
}

struct put fixture_erase(enum family family, const char *key)
{
    return (struct put){family, true, bytes_of_text(key), BYTES_EMPTY};
}

void fixture_commit(struct store *store, enum family family, const char *key, const char *value)
{
    struct put put = fixture_put(family, key, value);
    assert_int_equal(store_commit(store, &put, 1), STATUS_OK);
}

void fixture_assert_value(struct store *store, enum family family, const char *key,
                          const char *value)
{
    uint8_t memory[256];
    struct buffer out = buffer_make(memory, sizeof memory);
    enum status status = store_get(store, family, bytes_of_text(key), &out);
    if (value == NULL) {
        assert_int_equal(status, STATUS_NOT_FOUND);
        return;
    }
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(out.len, strlen(value));
    assert_memory_equal(out.data, value, out.len);
}

uint64_t fixture_flight(const struct store *store)
{
    struct flight flight;
    store_flight(store, &flight);
    return flight.number;
}

uint64_t fixture_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}
