/* vestry-sim: run the core under a virtual clock, network and disk, seed after seed.
 *
 *     vestry-sim [--seeds A..B] [--seed S] [--n 4,7,10] [--steps N] [--set FIELD=VALUE]...
 *                [--jobs N] [--trace] [--story] [--hash] [--json]
 *     vestry-sim --seed S --shrink     the smallest plan that still fails, and its story
 *     vestry-sim --runs                the runs with a name
 *     vestry-sim --run NAME [--trace] [--story]
 *
 * Without --n a seed chooses its size. Exit status 1 when any seed shows a violation. */
#include "crypto/selftest.h"
#include "tests/sim/jobs.h"
#include "tests/sim/script.h"
#include "tests/sim/shrink.h"
#include "tests/sim/world.h"

#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZES_MAX 4
#define SETS_MAX 40
#define MAPPED_BYTES (1 << 20) /* larger memory is mapped, hence zero without being touched */
#define REPEAT_EVERY 50        /* seeds that are run twice, for I18 */

struct options {
    uint64_t first;
    uint64_t last;
    uint32_t sizes[SIZES_MAX];
    uint32_t size_count;
    uint32_t steps;
    uint32_t jobs;
    bool trace;
    bool story;
    bool hash;
    bool json;
    bool shrink;
    bool runs;
    bool seeded; /* which seeds was said */
    const struct script *run;
    const char *sets[SETS_MAX]; /* --set, in order */
    uint32_t set_count;
};

static struct world the_world;

static bool number_read(const char *text, uint64_t most, uint64_t *out, const char **end)
{
    char *stop = NULL;
    if (*text < '0' || *text > '9') {
        return false;
    }
    unsigned long long value = strtoull(text, &stop, 10);
    *end = stop;
    *out = value;
    return value <= most;
}

static bool seeds_read(const char *text, struct options *out)
{
    const char *rest = text;
    if (!number_read(text, UINT64_MAX - 1, &out->first, &rest)) {
        return false;
    }
    out->last = out->first;
    if (*rest == '\0') {
        return true;
    }
    return strncmp(rest, "..", 2) == 0 &&
           number_read(rest + 2, UINT64_MAX - 1, &out->last, &rest) && *rest == '\0' &&
           out->last >= out->first;
}

static bool sizes_read(const char *text, struct options *out)
{
    const char *rest = text;
    uint64_t size = 0;
    for (out->size_count = 0; out->size_count < SIZES_MAX; rest++) {
        if (!number_read(rest, SIM_REPLICAS_MAX, &size, &rest) || size < 4) {
            return false;
        }
        out->sizes[out->size_count++] = (uint32_t)size;
        if (*rest != ',') {
            break;
        }
    }
    return *rest == '\0';
}

static bool option_read(const char *name, const char *value, struct options *out)
{
    const char *rest = NULL;
    uint64_t number = 0;
    if (strcmp(name, "--seeds") == 0 || strcmp(name, "--seed") == 0) {
        return seeds_read(value, out);
    }
    if (strcmp(name, "--n") == 0) {
        return sizes_read(value, out);
    }
    if (strcmp(name, "--steps") == 0) {
        bool good = number_read(value, UINT32_MAX, &number, &rest) && *rest == '\0' && number > 0;
        out->steps = (uint32_t)number;
        return good;
    }
    if (strcmp(name, "--jobs") == 0) {
        bool good = number_read(value, JOBS_MAX, &number, &rest) && *rest == '\0' && number > 0;
        out->jobs = (uint32_t)number;
        return good;
    }
    if (strcmp(name, "--run") == 0) {
        out->run = script_find(value);
        return out->run != NULL;
    }
    if (strcmp(name, "--set") == 0 && out->set_count < SETS_MAX) {
        struct plan plan = {0};
        out->sets[out->set_count++] = value;
        return plan_set(&plan, value);
    }
    return false;
}

static bool flag_read(const char *word, struct options *out)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"--trace", &out->trace}, {"--story", &out->story},   {"--hash", &out->hash},
        {"--json", &out->json},   {"--shrink", &out->shrink}, {"--runs", &out->runs},
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(word, flags[i].name) == 0) {
            *flags[i].flag = true;
            return true;
        }
    }
    return false;
}

static bool options_read(int count, char **words, struct options *out)
{
    *out = (struct options){.first = 1, .last = 500, .size_count = 1, .jobs = 1};
    for (int i = 1; i < count; i++) {
        if (flag_read(words[i], out)) {
            continue;
        }
        if (i + 1 >= count || !option_read(words[i], words[i + 1], out)) {
            return false;
        }
        i++;
    }
    for (int i = 1; i < count; i++) {
        bool chosen = strcmp(words[i], "--seed") == 0 || strcmp(words[i], "--seeds") == 0;
        out->seeded = out->seeded || chosen;
    }
    out->last = out->run != NULL && !out->seeded ? out->first : out->last;
    return out->jobs == 1 ||
           !(out->trace || out->story || out->shrink); /* these are told at once */
}

/* One run of the seed; its digest. */
static uint64_t run_once(struct world *world, const struct plan *plan, struct totals *totals)
{
    jobs_last_words("seed %" PRIu64 " n=%" PRIu32 ": a CHECK broke\n"
                    "  replay: vestry-sim --seed %" PRIu64 " --n %" PRIu32 " --steps %" PRIu32
                    " --trace\n",
                    plan->seed, plan->n, plan->seed, plan->n, plan->steps);
    world_open(world, plan);
    world_run(world);
    totals->virtual_us += world->now_us;
    tally_add(&totals->tally, &world->tally);
    uint64_t digest = world->digest;
    world_close(world);
    return digest;
}

void shrink_try(const struct plan *plan, bool trace, char *failure, size_t size)
{
    int ends[2];
    size_t len = 0;
    int status = 0;
    CHECK(pipe(ends) == 0);
    (void)fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct totals totals = {0};
        the_world.trace = trace;
        the_world.story = trace;
        if (!trace) {
            CHECK(freopen("/dev/null", "w", stderr) != NULL);
        }
        (void)run_once(&the_world, plan, &totals);
        (void)fflush(stdout);
        ssize_t written = write(ends[1], the_world.failure, strlen(the_world.failure));
        _exit(written < 0 ? 2 : 0);
    }
    (void)close(ends[1]);
    for (ssize_t part = 1; part > 0 && len<size - 1; len += part> 0 ? (size_t)part : 0) {
        part = read(ends[0], failure + len, size - 1 - len);
    }
    failure[len] = '\0';
    (void)close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    if (len == 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
        (void)snprintf(failure, size, "CHECK: one broke");
    }
}

static void plan_of(const struct options *options, uint64_t seed, struct plan *plan)
{
    plan_make(plan, seed, options->sizes[seed % options->size_count], options->steps);
    if (options->run != NULL) {
        script_plan(options->run, plan);
        plan->seed = seed;
    }
    for (uint32_t i = 0; i < options->set_count; i++) {
        CHECK(plan_set(plan, options->sets[i]));
    }
}

/* How to see the run again. */
static void replay_print(const struct options *options, const struct plan *plan, FILE *out)
{
    (void)fprintf(out, "  replay: vestry-sim ");
    if (options->run != NULL) {
        (void)fprintf(out, "--run %s ", options->run->name);
    }
    (void)fprintf(out, "--seed %" PRIu64 " --n %" PRIu32, plan->seed, plan->n);
    if (options->run == NULL) {
        (void)fprintf(out, " --steps %" PRIu32, plan->steps);
    }
    for (uint32_t i = 0; i < options->set_count; i++) {
        (void)fprintf(out, " --set %s", options->sets[i]);
    }
    (void)fprintf(out, " --trace\n");
}

static void run_seed(void *context, uint64_t seed, FILE *out, struct totals *totals)
{
    const struct options *options = context;
    struct world *world = &the_world;
    struct plan plan;
    plan_of(options, seed, &plan);
    uint64_t digest = run_once(world, &plan, totals);
    if (seed % REPEAT_EVERY == 0 && !world->failed && run_once(world, &plan, totals) != digest) {
        world_fail(world, "I18", SIM_NOBODY, "the same seed gave other bytes");
    }
    totals->runs++;
    if (options->hash) {
        (void)fprintf(out, "seed %" PRIu64 " n=%" PRIu32 " %016" PRIx64 "\n", seed, plan.n, digest);
    }
    if (!world->failed) {
        return;
    }
    totals->failed++;
    if (options->json) {
        (void)fprintf(out, "{\"seed\":%" PRIu64 ",\"n\":%" PRIu32 ",\"failure\":\"%s\"}\n", seed,
                      plan.n, world->failure);
        return;
    }
    (void)fprintf(out, "seed %" PRIu64 " n=%" PRIu32 ": %s\n", seed, plan.n, world->failure);
    replay_print(options, &plan, out);
    (void)fflush(out);
}

static void summary(const struct options *options, const struct totals *totals)
{
    const struct tally *tally = &totals->tally;
    double rate = totals->seconds > 0 ? (double)tally->messages / totals->seconds : 0;
    if (options->json) {
        printf("{\"seeds\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"virtual_s\":%.1f,\"cpu_s\":%.1f,"
               "\"messages\":%" PRIu64 ",\"messages_per_s\":%.0f,\"blocks\":%" PRIu64
               ",\"requests\":%" PRIu64 ",\"acknowledged\":%" PRIu64 ",\"receipts\":%" PRIu64
               ",\"crashes\":%" PRIu64 ",\"lost_disks\":%" PRIu64 ",\"lies\":%" PRIu64
               ",\"evidence\":%" PRIu64 "}\n",
               totals->runs, totals->failed, (double)totals->virtual_us / 1e6, totals->seconds,
               tally->messages, rate, tally->heights, tally->requests, tally->acknowledged,
               tally->receipts, tally->crashes, tally->forgot, tally->lies, tally->evidence);
        return;
    }
    printf("%" PRIu64 " seeds, %" PRIu64 " failed: %.1f s simulated in %.1f s, %" PRIu64
           " messages (%.0f/s),\n  %" PRIu64 " blocks, %" PRIu64 " requests (%" PRIu64
           " acknowledged, %" PRIu64 " refused, %" PRIu64 " receipts verified), %" PRIu64
           " entries,\n  %" PRIu64 " crashes, %" PRIu64 " disks set back or lost (%" PRIu64
           " found out), %" PRIu64 " snapshots, %" PRIu64 " cuts,\n  %" PRIu64
           " suspensions, %" PRIu64 " epochs, %" PRIu64 " rotations, %" PRIu64 " waited, %" PRIu64
           " lies, %" PRIu64 " times evidence\n",
           totals->runs, totals->failed, (double)totals->virtual_us / 1e6, totals->seconds,
           tally->messages, rate, tally->heights, tally->requests, tally->acknowledged,
           tally->refused, tally->receipts, tally->entries, tally->crashes, tally->forgot,
           tally->recovering, tally->snapshots, tally->cuts, tally->suspensions, tally->epochs,
           tally->rotations, tally->overlaps, tally->lies, tally->evidence);
}

static void runs_print(void)
{
    const struct script *script = NULL;
    for (uint32_t i = 0; (script = script_at(i)) != NULL; i++) {
        printf("%-22s %s\n", script->name, script->promise);
    }
}

static void shrink_all(const struct options *options)
{
    for (uint64_t seed = options->first; seed <= options->last; seed++) {
        struct plan plan;
        plan_of(options, seed, &plan);
        shrink(&plan);
    }
}

int main(int argc, char **argv)
{
    struct world *world = &the_world;
    struct options options;
    struct totals totals = {0};
    if (!options_read(argc, argv, &options)) {
        (void)fputs("usage: vestry-sim [--seeds A..B] [--seed S] [--n 4,7,10] [--steps N] "
                    "[--set FIELD=VALUE] [--jobs N] [--shrink] [--runs] [--run NAME] [--trace] "
                    "[--story] [--hash] [--json]\n",
                    stderr);
        return 2;
    }
    if (options.runs) {
        runs_print();
        return 0;
    }
    struct selftest selftest;
    CHECK(crypto_selftest(&sig_ed25519, &selftest) == STATUS_OK);
    /* Only faster: an allocator that is watched by a sanitizer knows no such option. */
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    CHECK(outbox_open(&world->outbox) == STATUS_OK);
    answers_open(world);
    struct sigaction action = {.sa_handler = jobs_on_abort};
    CHECK(sigaction(SIGABRT, &action, NULL) == 0);
    world->trace = options.trace || options.story;
    world->story = options.story;
    world->script = options.run;
    struct jobs jobs = {options.first, options.last, options.jobs, run_seed, &options};
    if (options.shrink) {
        shrink_all(&options);
    } else {
        jobs_run(&jobs, &totals);
        summary(&options, &totals);
    }
    answers_close(world);
    outbox_close(&world->outbox);
    return totals.failed == 0 ? 0 : 1;
}
