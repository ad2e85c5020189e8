/* libvestry-cluster-fault: loaded in front of libc into one replica, it counts the calls that make
 * things durable, and lets the n-th go wrong. Nothing but tests of whole clusters loads it.
 *
 *     VESTRY_FAULT_FOLDER  only files below it count; without it nothing is done
 *     VESTRY_FAULT_LIST    a file that gets a line `NUMBER CALL NAME` before each call
 *     VESTRY_FAULT         ACTION:NUMBER, or ACTION:NUMBER:CALL:PART for the n-th such call on a
 *                          file with that part in its name
 *
 *     VESTRY_FAULT_MARKS   NAME=HEX, with spaces between: from a write with these bytes in it of a
 *                          log until the next one to the anchor, files' names end with +NAME
 *
 * ACTION is one of
 *     before   SIGKILL instead of the call
 *     after    SIGKILL when the call is done
 *     tear     SIGKILL when half of a write is done
 *     power    SIGKILL, and what was written but not synced is gone, or the first part of it stays
 *     eio      the call and all later ones on that file fail with EIO
 *     enospc   the same with ENOSPC, after half of a write
 *     readonly from then on everything that writes fails with EROFS
 *     hang     the call takes seconds
 *     lie      from then on syncs say that they did what they did not; a power cut shows it
 *     lieall   the same, and the anchor is then what it was before
 *     unread   the n-th read and all later ones of such files fail with EIO; calls are pread and
 *              fread. With a NUMBER of 0 it begins when SIGUSR1 comes
 * Reads are neither counted with the other calls nor told. SIGUSR2 is the power cut at any time.
 * Renames and new names count as durable at once: what an ordered journal of the file system would
 * keep. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN __attribute__((visibility("default")))
#define FILES_MAX 4096
#define PATH_CHARS 4096
#define HANG_S 3
#define ANCHOR_BYTES_MAX 65536
#define MARKS_MAX 4
#define MARK_BYTES_MAX 24

enum action {
    NOTHING,
    BEFORE,
    AFTER,
    TEAR,
    POWER,
    FAIL_IO,
    FAIL_SPACE,
    FAIL_READ_ONLY,
    HANG,
    LIE,
    LIE_ALL,
    FAIL_READS
};

static const char *const action_names[] = {"",      "before", "after",  "tear",
                                           "power", "eio",    "enospc", "readonly",
                                           "hang",  "lie",    "lieall", "unread"};

/* What of an open file would survive a power cut. */
struct file {
    bool known;
    bool broken;
    off_t synced;
};

/* What somebody wants to know of the records that are written. */
struct mark {
    char name[16];
    unsigned char bytes[MARK_BYTES_MAX];
    size_t len;
    bool under_way;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file files[FILES_MAX];
static char folder[PATH_CHARS];
static enum action action;
static bool lies; /* syncs do */
static bool read_only;
static volatile sig_atomic_t unreadable;
/* The anchor as it was when the lies began. */
static int anchor_fd = -1;
static ssize_t anchor_len;
static unsigned char anchor[ANCHOR_BYTES_MAX];
static unsigned long chosen;
static unsigned long count;    /* of all calls */
static unsigned long matching; /* of those that the choice is among */
static char only_call[16];
static char only_part[64];
static int list = -1;
static struct mark marks[MARKS_MAX];
static size_t mark_count;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_close)(int);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static size_t (*real_fread)(void *, size_t, size_t, FILE *);

static void find(void *place, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(place, &found, sizeof(found));
}

static _Noreturn void die(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        pause();
    }
}

/* Of what is not synced a part stays: nothing, a third, two thirds, or all; never all when it was
 * said to be synced. */
static void power_cut(unsigned long luck)
{
    luck = lies ? luck % 3 : luck;
    if (anchor_len > 0) {
        (void)!real_pwrite(anchor_fd, anchor, (size_t)anchor_len, 0);
    }
    for (int fd = 0; fd < FILES_MAX; fd++) {
        struct stat info;
        if (files[fd].known && fstat(fd, &info) == 0 && info.st_size > files[fd].synced) {
            const off_t rest = info.st_size - files[fd].synced;
            (void)real_ftruncate(fd, files[fd].synced + rest * (off_t)(luck % 4) / 3);
        }
    }
    die();
}

static void on_power(int number)
{
    (void)number;
    power_cut((unsigned long)getpid());
}

static void on_unread(int number)
{
    (void)number;
    unreadable = action == FAIL_READS;
}

static void load_marks(const char *text)
{
    int used = 0;
    char hex[2 * MARK_BYTES_MAX + 1];
    while (text != NULL && mark_count < MARKS_MAX &&
           sscanf(text, " %15[a-z]=%48[0-9a-f]%n", marks[mark_count].name, hex, &used) == 2) {
        struct mark *mark = &marks[mark_count++];
        for (mark->len = 0; mark->len < strlen(hex) / 2; mark->len++) {
            (void)sscanf(hex + 2 * mark->len, "%2hhx", &mark->bytes[mark->len]);
        }
        text += used;
    }
}

static void __attribute__((constructor)) load(void)
{
    find(&real_write, "write");
    find(&real_pwrite, "pwrite");
    find(&real_fsync, "fsync");
    find(&real_fdatasync, "fdatasync");
    find(&real_ftruncate, "ftruncate");
    find(&real_rename, "rename");
    find(&real_unlink, "unlink");
    find(&real_close, "close");
    find(&real_pread, "pread");
    find(&real_fread, "fread_unlocked");
    const char *where = getenv("VESTRY_FAULT_FOLDER");
    const char *log = getenv("VESTRY_FAULT_LIST");
    const char *what = getenv("VESTRY_FAULT");
    if (where == NULL) {
        return;
    }
    snprintf(folder, sizeof(folder), "%s/", where);
    if (log != NULL) {
        list = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    const char *colon = what == NULL ? NULL : strchr(what, ':');
    for (size_t i = 1; colon != NULL && i < sizeof(action_names) / sizeof(action_names[0]); i++) {
        if (strlen(action_names[i]) == (size_t)(colon - what) &&
            strncmp(action_names[i], what, (size_t)(colon - what)) == 0) {
            action = (enum action)i;
            (void)sscanf(colon + 1, "%lu:%15[a-z]:%63s", &chosen, only_call, only_part);
        }
    }
    load_marks(getenv("VESTRY_FAULT_MARKS"));
    const struct sigaction power = {.sa_handler = on_power};
    (void)sigaction(SIGUSR2, &power, NULL);
    const struct sigaction unread = {.sa_handler = on_unread};
    (void)sigaction(SIGUSR1, &unread, NULL);
}

static bool counts(const char *path)
{
    return folder[0] != '\0' && strncmp(path, folder, strlen(folder)) == 0;
}

/* The path of an open file that counts; false for all others. */
static bool path_of(int fd, char path[PATH_CHARS])
{
    char link[64];
    struct stat info;
    if (folder[0] == '\0' || fd < 0 || fd >= FILES_MAX || fstat(fd, &info) != 0 ||
        !(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
        return false;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t len = readlink(link, path, PATH_CHARS - 2);
    if (len <= 0) {
        return false;
    }
    /* A folder counts as what is in it. */
    snprintf(path + len, 2, "%s", S_ISDIR(info.st_mode) ? "/" : "");
    return counts(path);
}

/* The marks that are in these bytes are under way now. Tables, which a start writes of an old log,
 * do not count. */
static void look_for_marks(const char *path, const void *data, size_t len)
{
    if (strstr(path, ".log") == NULL) {
        return;
    }
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < mark_count; i++) {
        if (memmem(data, len, marks[i].bytes, marks[i].len) != NULL) {
            marks[i].under_way = true;
        }
    }
    pthread_mutex_unlock(&lock);
}

/* The file's name, with the marks behind it; the anchor is the last that has them. */
static void name_of(const char *path, char name[PATH_CHARS])
{
    const char *slash = strrchr(path, '/');
    const bool last = strncmp(slash, "/anchor", 7) == 0;
    int len = snprintf(name, PATH_CHARS, "%s", slash[1] == '\0' ? "folder" : slash + 1);
    for (size_t i = 0; i < mark_count && len < PATH_CHARS; i++) {
        if (marks[i].under_way) {
            len += snprintf(name + len, (size_t)(PATH_CHARS - len), "+%s", marks[i].name);
            marks[i].under_way = !last;
        }
    }
}

/* What is to happen to this call, which is counted and told. */
static enum action point(const char *call, const char *path)
{
    char line[PATH_CHARS + 64];
    char name[PATH_CHARS];
    pthread_mutex_lock(&lock);
    name_of(path, name);
    const unsigned long number = ++count;
    const bool matches =
        (only_call[0] == '\0' || strcmp(call, only_call) == 0) && strstr(name, only_part) != NULL;
    matching += matches;
    const int len = snprintf(line, sizeof(line), "%lu %s %s\n", number, call, name);
    if (list >= 0 && len > 0) {
        (void)!real_write(list, line, (size_t)len);
    }
    const enum action now = matches && matching == chosen ? action : NOTHING;
    if (now == BEFORE) {
        die();
    } else if (now == POWER) {
        power_cut(number);
    }
    lies = lies || now == LIE || now == LIE_ALL;
    read_only = read_only || now == FAIL_READ_ONLY;
    pthread_mutex_unlock(&lock);
    if (now == HANG) {
        (void)sleep(HANG_S);
    }
    return now;
}

/* From the first write on it is known what of the file was there, and safe, before. */
static void know(int fd)
{
    struct stat info;
    if (!files[fd].known && fstat(fd, &info) == 0) {
        files[fd] = (struct file){.known = true, .synced = info.st_size};
    }
}

static bool fails(int fd, enum action now)
{
    if (read_only) {
        errno = EROFS;
        return true;
    }
    if (now == FAIL_IO || now == FAIL_SPACE) {
        files[fd].broken = true;
        errno = now == FAIL_IO ? EIO : ENOSPC;
        return true;
    }
    if (files[fd].broken) {
        errno = EIO;
    }
    return files[fd].broken;
}

OPEN ssize_t write(int fd, const void *data, size_t len)
{
    char path[PATH_CHARS];
    if (!path_of(fd, path)) {
        return real_write(fd, data, len);
    }
    know(fd);
    look_for_marks(path, data, len);
    const enum action now = point("write", path);
    if (now == TEAR || now == FAIL_SPACE) {
        (void)!real_write(fd, data, len / 2);
    }
    if (now == TEAR) {
        die();
    }
    const ssize_t done = fails(fd, now) ? -1 : real_write(fd, data, len);
    if (now == AFTER) {
        die();
    }
    return done;
}

OPEN ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    char path[PATH_CHARS];
    if (!path_of(fd, path)) {
        return real_pwrite(fd, data, len, at);
    }
    const enum action now = point("pwrite", path);
    if (lies && action == LIE_ALL && anchor_len == 0 && strstr(path, "/anchor") != NULL) {
        anchor_fd = fd;
        anchor_len = pread(fd, anchor, sizeof(anchor), 0);
    }
    if (now == TEAR || now == FAIL_SPACE) {
        (void)!real_pwrite(fd, data, len / 2, at);
    }
    if (now == TEAR) {
        die();
    }
    const ssize_t done = fails(fd, now) ? -1 : real_pwrite(fd, data, len, at);
    if (now == AFTER) {
        die();
    }
    return done;
}

OPEN ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    return pwrite(fd, data, len, at);
}

static int sync_with(int (*real)(int), const char *call, int fd)
{
    char path[PATH_CHARS];
    struct stat info;
    if (!path_of(fd, path)) {
        return real(fd);
    }
    const enum action now = point(call, path);
    /* What is written while it syncs may be missing afterwards. */
    if (lies) {
        return 0;
    }
    const bool sized = fstat(fd, &info) == 0;
    const int done = fails(fd, now) ? -1 : real(fd);
    if (done == 0 && sized && files[fd].known) {
        files[fd].synced = info.st_size;
    }
    if (now == AFTER || now == TEAR) {
        die();
    }
    return done;
}

OPEN int fsync(int fd)
{
    return sync_with(real_fsync, "fsync", fd);
}

OPEN int fdatasync(int fd)
{
    return sync_with(real_fdatasync, "fdatasync", fd);
}

OPEN int ftruncate(int fd, off_t len)
{
    char path[PATH_CHARS];
    const enum action now = path_of(fd, path) ? point("ftruncate", path) : NOTHING;
    const int done = now != NOTHING && fails(fd, now) ? -1 : real_ftruncate(fd, len);
    if (now == AFTER || now == TEAR) {
        die();
    }
    return done;
}

OPEN int ftruncate64(int fd, off64_t len)
{
    return ftruncate(fd, len);
}

static int name_with(enum action now, int (*real)(const char *, const char *), const char *from,
                     const char *to)
{
    if (now == FAIL_IO || now == FAIL_SPACE || read_only) {
        errno = read_only ? EROFS : now == FAIL_IO ? EIO : ENOSPC;
        return -1;
    }
    const int done = real == NULL ? real_unlink(from) : real(from, to);
    if (now == AFTER || now == TEAR) {
        die();
    }
    return done;
}

OPEN int rename(const char *from, const char *to)
{
    return name_with(counts(to) ? point("rename", to) : NOTHING, real_rename, from, to);
}

OPEN int unlink(const char *path)
{
    return name_with(counts(path) ? point("unlink", path) : NOTHING, NULL, path, NULL);
}

OPEN int close(int fd)
{
    if (fd >= 0 && fd < FILES_MAX) {
        files[fd] = (struct file){0};
    }
    return real_close(fd);
}

static bool read_fails(const char *call, int fd)
{
    char path[PATH_CHARS];
    if (action != FAIL_READS || !path_of(fd, path) || strstr(path, only_part) == NULL) {
        return false;
    }
    pthread_mutex_lock(&lock);
    matching += only_call[0] == '\0' || strcmp(call, only_call) == 0;
    unreadable = unreadable || (chosen > 0 && matching >= chosen);
    pthread_mutex_unlock(&lock);
    errno = unreadable ? EIO : errno;
    return unreadable;
}

OPEN ssize_t pread(int fd, void *data, size_t len, off_t at)
{
    return read_fails("pread", fd) ? -1 : real_pread(fd, data, len, at);
}

OPEN ssize_t pread64(int fd, void *data, size_t len, off64_t at)
{
    return pread(fd, data, len, at);
}

#undef fread_unlocked /* it may be a macro, too */
OPEN size_t fread_unlocked(void *data, size_t size, size_t len, FILE *file)
{
    return read_fails("fread", fileno(file)) ? 0 : real_fread(data, size, len, file);
}
