#include "client/cli/dev_process.h"

#include "client/cli/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BOOT_ID_CHARS 40
#define POLL_NS 5000000
#define START_FIELD 22 /* of /proc/PID/stat: when it was started, in ticks since boot */

/* --- Who it is -------------------------------------------------------------------------------- */

static bool read_text(const char *path, char *out, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t len = fd < 0 ? -1 : read(fd, out, size - 1);

    if (fd >= 0) {
        (void)close(fd);
    }
    out[len > 0 ? len : 0] = '\0';
    return len > 0;
}

static void boot_id(char out[BOOT_ID_CHARS])
{
    if (!read_text("/proc/sys/kernel/random/boot_id", out, BOOT_ID_CHARS)) {
        (void)snprintf(out, BOOT_ID_CHARS, "unknown");
    }
    out[strcspn(out, "\n")] = '\0';
}

/* When the process was started; 0 when there is none, or only what is left of one. */
static unsigned long long started_at(pid_t pid)
{
    char path[64];
    char text[1024];

    (void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    if (!read_text(path, text, sizeof(text))) {
        return 0;
    }
    /* The name, in parentheses, may hold anything; the state is the third field, behind it. */
    const char *at = strrchr(text, ')');
    if (at == NULL || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X') {
        return 0;
    }
    for (int field = 2; at != NULL && field < START_FIELD; field++) {
        at = strchr(at + 1, ' ');
    }
    return at == NULL ? 0 : strtoull(at, NULL, 10);
}

pid_t dev_process_find(const char *pid_path)
{
    char text[128];
    char boot[BOOT_ID_CHARS];
    char boot_then[BOOT_ID_CHARS];
    long pid = 0;
    unsigned long long started = 0;

    if (!read_text(pid_path, text, sizeof(text)) ||
        sscanf(text, "%ld %llu %39s", &pid, &started, boot_then) != 3 || pid <= 1) {
        return 0;
    }
    /* One that this program has started itself and that has ended must not stay behind. */
    (void)waitpid((pid_t)pid, NULL, WNOHANG);
    boot_id(boot);
    const bool same =
        strcmp(boot, boot_then) == 0 && started != 0 && started_at((pid_t)pid) == started;
    return same ? (pid_t)pid : 0;
}

static enum status remember(const char *pid_path, pid_t pid, struct problem *problem)
{
    char boot[BOOT_ID_CHARS];
    FILE *file = fopen(pid_path, "we");

    boot_id(boot);
    if (file == NULL || fprintf(file, "%ld\n%llu %s\n", (long)pid, started_at(pid), boot) < 0) {
        (void)problem_say(problem, STATUS_IO, "%s cannot be written: %s", pid_path,
                          strerror(errno));
        if (file != NULL) {
            (void)fclose(file);
        }
        return STATUS_IO;
    }
    return fclose(file) == 0 ? STATUS_OK
                             : problem_say(problem, STATUS_IO, "%s: %s", pid_path, strerror(errno));
}

/* --- Starting --------------------------------------------------------------------------------- */

/* The child, between fork and exec: nothing of this program's descriptors, signals or terminal. */
static void become(const char *const arguments[], const char *log_path)
{
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    union {
        const char *const *in;
        char *const *out;
    } words = {.in = arguments};
    sigset_t none;
    const int null = open("/dev/null", O_RDONLY);
    const int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);

    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) {
        _exit(127);
    }
    closefrom(3);
    (void)setsid();
    (void)sigaction(SIGPIPE, &usual, NULL);
    (void)sigaction(SIGINT, &usual, NULL);
    (void)sigaction(SIGTERM, &usual, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    execv(arguments[0], words.out);
    _exit(127);
}

enum status dev_process_begin(const char *const arguments[], const char *log_path, pid_t *out,
                              struct problem *problem)
{
    (void)fflush(NULL);
    const pid_t pid = fork();

    if (pid < 0) {
        return problem_say(problem, STATUS_IO, "no process can be started: %s", strerror(errno));
    }
    if (pid == 0) {
        become(arguments, log_path);
    }
    *out = pid;
    return STATUS_OK;
}

enum status dev_process_start(const char *const arguments[], const char *log_path,
                              const char *pid_path, struct problem *problem)
{
    pid_t pid = 0;
    enum status status = dev_process_begin(arguments, log_path, &pid, problem);

    if (status == STATUS_OK) {
        status = remember(pid_path, pid, problem);
        if (status != STATUS_OK) {
            (void)kill(pid, SIGKILL); /* nobody would find it again */
            (void)waitpid(pid, NULL, 0);
        }
    }
    return status;
}

int dev_process_end(pid_t pid)
{
    int how = 0;

    while (waitpid(pid, &how, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

/* --- Ending ----------------------------------------------------------------------------------- */

bool dev_process_signal(const char *pid_path, int number)
{
    const pid_t pid = dev_process_find(pid_path);

    return pid != 0 && kill(pid, number) == 0;
}

bool dev_process_wait(const char *pid_path, uint64_t timeout_ms)
{
    const struct timespec pause = {.tv_nsec = POLL_NS};
    const uint64_t until = cli_now_ms() + timeout_ms;

    while (dev_process_find(pid_path) != 0) {
        if (cli_now_ms() >= until) {
            return false;
        }
        (void)nanosleep(&pause, NULL);
    }
    (void)unlink(pid_path);
    return true;
}
