/* libvestry-cluster-scarce: loaded in front of libc into one replica, it lets every n-th allocation
 * fail. Nothing but tests of whole clusters loads it.
 *
 *     VESTRY_SCARCE        N: every N-th; without it nothing is done
 *     VESTRY_SCARCE_LATER  anything: from SIGUSR1 on only */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define OPEN __attribute__((visibility("default")))

/* glibc's own names: looking them up would allocate. */
extern void *__libc_malloc(size_t len);
extern void *__libc_calloc(size_t count, size_t len);
extern void *__libc_realloc(void *memory, size_t len);
extern void *__libc_memalign(size_t alignment, size_t len);

static atomic_ulong made;
static unsigned long every;
static atomic_bool begun;

static void on_begin(int number)
{
    (void)number;
    begun = true;
}

static void __attribute__((constructor)) load(void)
{
    const char *number = getenv("VESTRY_SCARCE");
    const struct sigaction begin = {.sa_handler = on_begin};
    every = number == NULL ? 0 : strtoul(number, NULL, 10);
    begun = getenv("VESTRY_SCARCE_LATER") == NULL;
    (void)sigaction(SIGUSR1, &begin, NULL);
}

static bool fails(void)
{
    if (every == 0 || !begun || (atomic_fetch_add(&made, 1) + 1) % every != 0) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

OPEN void *malloc(size_t len)
{
    return fails() ? NULL : __libc_malloc(len);
}

OPEN void *calloc(size_t count, size_t len)
{
    return fails() ? NULL : __libc_calloc(count, len);
}

OPEN void *realloc(void *memory, size_t len)
{
    return fails() ? NULL : __libc_realloc(memory, len);
}

OPEN void *aligned_alloc(size_t alignment, size_t len)
{
    return fails() ? NULL : __libc_memalign(alignment, len);
}

OPEN void *memalign(size_t alignment, size_t len)
{
    return fails() ? NULL : __libc_memalign(alignment, len);
}

OPEN int posix_memalign(void **memory, size_t alignment, size_t len)
{
    void *found = fails() ? NULL : __libc_memalign(alignment, len);
    if (found == NULL) {
        return ENOMEM;
    }
    *memory = found;
    return 0;
}
