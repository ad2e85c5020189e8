#include "keys/secret.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static int locks_until_failure = -1;

void secret_fail_lock_for_tests(int count)
{
    locks_until_failure = count;
}

/* sodium_malloc locks too, but does not say when it could not. */
static bool lock(uint8_t *data, size_t len)
{
    if (locks_until_failure == 0) {
        return false;
    }
    if (locks_until_failure > 0) {
        locks_until_failure--;
    }
    return sodium_mlock(data, len) == 0;
}

enum status secret_open(struct secret *secret, size_t capacity, enum secret_lock lock_wanted,
                        struct problem *problem)
{
    CHECK(capacity > 0);
    /* Initialising again costs nothing, and a library cannot know whether its program did. */
    uint8_t *data = sodium_init() < 0 ? NULL : sodium_malloc(capacity);
    if (data == NULL) {
        return problem_say(problem, STATUS_NO_MEMORY, "no memory for a secret");
    }
    if (!lock(data, capacity) && lock_wanted == SECRET_LOCK_REQUIRED) {
        sodium_free(data);
        (void)problem_say(problem, STATUS_REFUSED,
                          "this machine does not let a secret be locked into memory, so it could "
                          "reach the disk");
        return problem_advise(problem, "raise the limit (ulimit -l 8192) or use another machine");
    }
    sodium_memzero(data, capacity);
    *secret = (struct secret){.data = data, .capacity = capacity};
    return STATUS_OK;
}

void secret_close(struct secret *secret)
{
    if (secret->data != NULL) {
        sodium_free(secret->data);
    }
    *secret = (struct secret){0};
}

struct bytes secret_bytes(const struct secret *secret)
{
    return bytes_make(secret->data, secret->len);
}

enum status process_harden(struct problem *problem)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return problem_say(problem, STATUS_IO, "cannot forbid core dumps of secrets: %s",
                           strerror(errno));
    }
    if (sodium_init() < 0) {
        return problem_say(problem, STATUS_IO, "libsodium cannot be initialised");
    }
    return STATUS_OK;
}
