#include "tests/sim/jobs.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 256

/* What a worker hands over for each of its seeds, before the text. */
struct report {
    struct totals totals;
    uint32_t text_len;
    bool broke; /* a CHECK did: there is no more to come */
};

/* Kept ready as it is written, since a handler of a signal can make nothing. */
static struct {
    struct report report;
    char text[WORDS_MAX];
} last_words;

static int reports_to = -1; /* a worker's pipe; -1: no worker */

void jobs_last_words(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(last_words.text, sizeof(last_words.text), format, arguments);
    va_end(arguments);
    CHECK(len >= 0);
    CHECK(len < WORDS_MAX);
    last_words.report = (struct report){
        .totals = {.runs = 1, .failed = 1}, .text_len = (uint32_t)len, .broke = true};
}

void jobs_on_abort(int number)
{
    size_t len = last_words.report.text_len;
    ssize_t written = 0;
    (void)number;
    if (reports_to < 0) {
        written = write(STDOUT_FILENO, last_words.text, len);
    } else {
        written = write(reports_to, &last_words, offsetof(__typeof__(last_words), text) + len);
    }
    _exit(written < 0 ? 2 : 1);
}

static double now_seconds(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void tally_add(struct tally *sum, const struct tally *tally)
{
    sum->messages += tally->messages;
    sum->steps += tally->steps;
    sum->requests += tally->requests;
    sum->acknowledged += tally->acknowledged;
    sum->refused += tally->refused;
    sum->entries += tally->entries;
    sum->heights += tally->heights;
    sum->crashes += tally->crashes;
    sum->evidence += tally->evidence;
    sum->lies += tally->lies;
    sum->fetched += tally->fetched;
    sum->receipts += tally->receipts;
    sum->forgot += tally->forgot;
    sum->recovering += tally->recovering;
    sum->snapshots += tally->snapshots;
    sum->cuts += tally->cuts;
    sum->suspensions += tally->suspensions;
    sum->epochs += tally->epochs;
    sum->rotations += tally->rotations;
    sum->overlaps += tally->overlaps;
}

static void totals_add(struct totals *sum, const struct totals *totals)
{
    sum->runs += totals->runs;
    sum->failed += totals->failed;
    sum->virtual_us += totals->virtual_us;
    sum->seconds += totals->seconds;
    tally_add(&sum->tally, &totals->tally);
}

static void run_timed(const struct jobs *jobs, uint64_t seed, FILE *out, struct totals *totals)
{
    double begin = now_seconds();
    jobs->run(jobs->context, seed, out, totals);
    totals->seconds += now_seconds() - begin;
}

/* --- Workers -----------------------------------------------------------------------------------
 */

static bool write_all(int to, const void *data, size_t len)
{
    const uint8_t *at = data;
    for (size_t left = len; left > 0;) {
        ssize_t part = write(to, at, left);
        if (part <= 0) {
            return false;
        }
        at += part;
        left -= (size_t)part;
    }
    return true;
}

static void worker(const struct jobs *jobs, uint32_t number)
{
    for (uint64_t seed = jobs->first + number; seed <= jobs->last; seed += jobs->count) {
        struct report report = {0};
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        CHECK(out != NULL);
        run_timed(jobs, seed, out, &report.totals);
        CHECK(fclose(out) == 0);
        report.text_len = (uint32_t)len;
        if (!write_all(reports_to, &report, sizeof(report)) || !write_all(reports_to, text, len)) {
            _exit(2); /* nobody reads any more */
        }
        free(text);
    }
    _exit(0);
}

/* The reading end of a new worker's reports. */
static int worker_start(const struct jobs *jobs, uint32_t number, pid_t *child)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    (void)fflush(stdout);
    *child = fork();
    CHECK(*child >= 0);
    if (*child == 0) {
        (void)close(ends[0]);
        reports_to = ends[1];
        worker(jobs, number);
    }
    (void)close(ends[1]);
    return ends[0];
}

/* --- Reading -----------------------------------------------------------------------------------
 */

static bool read_all(int from, void *out, size_t len)
{
    uint8_t *at = out;
    for (size_t left = len; left > 0;) {
        ssize_t part = read(from, at, left);
        if (part <= 0) {
            return false;
        }
        at += part;
        left -= (size_t)part;
    }
    return true;
}

/* The report of one seed; false when it was the last. */
static bool report_take(int from, uint64_t seed, struct totals *sum)
{
    struct report report;
    if (!read_all(from, &report, sizeof(report))) {
        printf("seed %" PRIu64 ": its process ended without a word\n", seed);
        sum->failed++;
        return false;
    }
    char *text = malloc(report.text_len + 1);
    CHECK(text != NULL);
    if (read_all(from, text, report.text_len)) {
        (void)fwrite(text, 1, report.text_len, stdout);
        (void)fflush(stdout);
    }
    free(text);
    totals_add(sum, &report.totals);
    return !report.broke;
}

static void run_in_workers(const struct jobs *jobs, struct totals *sum)
{
    int from[JOBS_MAX];
    pid_t children[JOBS_MAX];
    bool more = true;
    for (uint32_t i = 0; i < jobs->count; i++) {
        from[i] = worker_start(jobs, i, &children[i]);
    }
    for (uint64_t seed = jobs->first; seed <= jobs->last && more; seed++) {
        more = report_take(from[(seed - jobs->first) % jobs->count], seed, sum);
    }
    for (uint32_t i = 0; i < jobs->count; i++) {
        (void)close(from[i]);
        (void)kill(children[i], SIGKILL);
        CHECK(waitpid(children[i], NULL, 0) == children[i]);
    }
    if (!more) {
        exit(1);
    }
}

void jobs_run(const struct jobs *jobs, struct totals *sum)
{
    CHECK(jobs->count >= 1);
    CHECK(jobs->count <= JOBS_MAX);
    if (jobs->count > 1) {
        run_in_workers(jobs, sum);
        return;
    }
    for (uint64_t seed = jobs->first; seed <= jobs->last; seed++) {
        run_timed(jobs, seed, stdout, sum);
    }
}
