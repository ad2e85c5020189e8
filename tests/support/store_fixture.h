/* What the tests of storage/ share: a directory that goes away again, short ways to write puts and
 * to look at values. */
#ifndef VESTRY_TESTS_SUPPORT_STORE_FIXTURE_H
#define VESTRY_TESTS_SUPPORT_STORE_FIXTURE_H

#include "storage/data_dir.h"
#include "storage/store.h"

#include <sys/types.h>

#define FIXTURE_PATH_BYTES 256

/* A fresh directory (0700), and one with all that is in it removed. */
void fixture_dir_make(char path[FIXTURE_PATH_BYTES]);
void fixture_dir_remove(const char *path);

/* path/name, in one of a few buffers that are used in turn. */
const char *fixture_path(const char *directory, const char *name);

/* The last file of the directory whose name ends so, by name; "" when there is none. */
const char *fixture_find(const char *directory, const char *suffix);

/* Start this very program again with up to three arguments. Not a bare fork: a child that goes on
 * from the middle of a program with threads has none of them. */
pid_t fixture_spawn(const char *role, const char *first, const char *second);

/* An identity whose bytes are all `cluster` and all `key`. */
struct store_identity fixture_identity(uint8_t cluster, uint8_t key);

/* Puts whose key and value are text that outlives them. */
struct put fixture_put(enum family family, const char *key, const char *value);
struct put fixture_erase(enum family family, const char *key);

/* Commit one record and assert that it worked. */
void fixture_commit(struct store *store, enum family family, const char *key, const char *value);

/* Assert the value of a key; NULL: that it is not there. */
void fixture_assert_value(struct store *store, enum family family, const char *key,
                          const char *value);

/* The number of the last flight. */
uint64_t fixture_flight(const struct store *store);

/* splitmix64: the next number of a sequence that the seed decides. */
uint64_t fixture_random(uint64_t *state);

#endif
