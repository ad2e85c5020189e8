/* libvestry-cluster-clock: loaded in front of libc into one replica, it moves its wall clock by the
 * milliseconds that a file holds (8 bytes, as the machine writes them), which a test may change at
 * any time. Clocks that only measure are left alone. Nothing but tests of whole clusters loads it.
 *
 *     VESTRY_CLOCK  the file; without it nothing is done */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define OPEN __attribute__((visibility("default")))
#define NS_PER_S INT64_C(1000000000)

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static const volatile int64_t *offset_ms;

static void __attribute__((constructor)) load(void)
{
    void *found = dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("VESTRY_CLOCK");
    const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    memcpy(&real_clock_gettime, &found, sizeof(found));
    if (fd < 0) {
        return;
    }
    void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    offset_ms = mapped == MAP_FAILED ? NULL : mapped;
    close(fd);
}

OPEN int clock_gettime(clockid_t which, struct timespec *now)
{
    const int done = real_clock_gettime(which, now);
    if (done != 0 || offset_ms == NULL ||
        (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE)) {
        return done;
    }
    const int64_t moved =
        (int64_t)now->tv_sec * NS_PER_S + now->tv_nsec + *offset_ms * INT64_C(1000000);
    now->tv_sec = (time_t)(moved / NS_PER_S);
    now->tv_nsec = (long)(moved % NS_PER_S);
    return 0;
}

OPEN int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec exact;
    (void)zone;
    const int done = clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = (suseconds_t)(exact.tv_nsec / 1000);
    return done;
}

OPEN time_t time(time_t *out)
{
    struct timespec exact = {0};
    (void)clock_gettime(CLOCK_REALTIME, &exact);
    if (out != NULL) {
        *out = exact.tv_sec;
    }
    return exact.tv_sec;
}
