/* What faults cost: throughput with one entry a request before, during and after each of them, in
 * one run over one cluster, so that every figure is a ratio to the fault-free part of it.
 *
 *   primary    killed under load; how long nothing is done, what three replicas do, and what four
 *              do when it is back as a backup
 *   rejoining  a backup is away for AWAY_ENTRIES, then catches up under load
 *   liar       a backup runs vestryd-liar: each of its votes comes in two versions, both signed */
#include "tests/bench/bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define AWAY_ENTRIES 100000
#define AWAY_BATCH 100
#define VIEW_TIMEOUT_MS 1000 /* of a development cluster */
#define LOOK_SECONDS 0.5
#define CATCH_UP_SECONDS_MAX 120
/* Called level within so many blocks of the others: they move on while they are asked. */
#define LEVEL_BLOCKS 16

struct figures {
    struct series before;
    struct series gap;
    struct series without;
    struct series back;
    struct series rejoining;
    struct series caught_up;
    struct series liar;
};

/* The times of requests of one load, sorted. */
struct done {
    double *times;
    size_t count;
};

static double rate(const struct done *done, double from, double to)
{
    size_t count = 0;
    for (size_t i = 0; i < done->count; i++) {
        count += done->times[i] >= from && done->times[i] < to ? 1 : 0;
    }
    return (double)count / (to - from);
}

/* The longest pause that ends after `from`; `end` gets its end. */
static double longest_pause(const struct done *done, double from, double *end)
{
    double longest = 0;
    double last = from;
    for (size_t i = 0; i < done->count; i++) {
        if (done->times[i] <= from) {
            continue;
        }
        if (done->times[i] - last > longest) {
            longest = done->times[i] - last;
            *end = done->times[i];
        }
        last = done->times[i];
    }
    return longest;
}

static struct cluster_load *load_begin(const struct bench_options *options, struct cluster *cluster)
{
    return cluster_load_begin(cluster, options->clients, options->in_flight, 1, false);
}

static struct done load_end(struct cluster_load *load)
{
    struct done done;
    struct cluster_result result;
    done.times = cluster_load_end(load, &done.count, &result);
    return done;
}

static uint32_t primary_of(const struct cluster *cluster)
{
    struct vestry_status status;
    cluster_look(cluster, &status);
    if (!status.has_primary) {
        bench_die("the replicas name no primary");
    }
    return status.primary;
}

/* Wait until replica `rid` has executed about what the others have; seconds that took. */
static double wait_level(const struct cluster *cluster, uint32_t rid)
{
    double start = bench_now();
    while (bench_now() - start < CATCH_UP_SECONDS_MAX) {
        struct vestry_status status;
        uint64_t most = 0;
        uint64_t own = 0;
        cluster_look(cluster, &status);
        for (uint32_t i = 0; i < status.replica_count; i++) {
            const struct vestry_replica *replica = &status.replicas[i];
            uint64_t executed = replica->answered ? replica->executed : 0;
            most = executed > most ? executed : most;
            own = replica->rid == rid ? executed : own;
        }
        if (own > 0 && own + LEVEL_BLOCKS >= most) {
            return bench_now() - start;
        }
        bench_sleep(LOOK_SECONDS);
    }
    bench_die("a replica does not catch up");
}

static void measure_before(const struct bench_options *options, struct cluster *cluster,
                           struct figures *figures)
{
    struct cluster_result result;
    cluster_measure(cluster, options->clients, options->in_flight, 1, false, &result);
    series_add(&figures->before, result.appends);
}

static void measure_primary(const struct bench_options *options, struct cluster *cluster,
                            struct figures *figures)
{
    uint32_t primary = primary_of(cluster);
    struct cluster_load *load = load_begin(options, cluster);
    bench_sleep(options->seconds / 2);
    double killed = bench_now();
    cluster_end(cluster, primary, SIGKILL);
    bench_sleep(options->seconds + 3.0 * VIEW_TIMEOUT_MS / 1000);
    double restarted = bench_now();
    cluster_run(cluster, primary, options->vestryd);
    wait_level(cluster, primary);
    double level = bench_now();
    bench_sleep(options->seconds);
    double end = bench_now();
    struct done done = load_end(load);
    double resumed = restarted;
    series_add(&figures->gap, longest_pause(&done, killed, &resumed) * 1000);
    if (resumed < restarted) {
        series_add(&figures->without, rate(&done, resumed, restarted));
    }
    series_add(&figures->back, rate(&done, level, end));
    free(done.times);
}

static void measure_rejoining(const struct bench_options *options, struct cluster *cluster,
                              struct figures *figures)
{
    uint32_t backup = (primary_of(cluster) + 1) % options->replicas;
    cluster_end(cluster, backup, SIGTERM);
    for (double entries = 0; entries < AWAY_ENTRIES;) {
        struct cluster_result result;
        double start = bench_now();
        cluster_measure(cluster, options->clients, 8, AWAY_BATCH, false, &result);
        entries += result.appends * (bench_now() - start);
    }
    struct cluster_load *load = load_begin(options, cluster);
    bench_sleep(1);
    double start = bench_now();
    cluster_run(cluster, backup, options->vestryd);
    series_add(&figures->caught_up, wait_level(cluster, backup));
    double level = bench_now();
    struct done done = load_end(load);
    series_add(&figures->rejoining, rate(&done, start, level));
    free(done.times);
}

static void measure_liar(const struct bench_options *options, struct cluster *cluster,
                         struct figures *figures)
{
    struct cluster_result result;
    uint32_t backup = (primary_of(cluster) + 1) % options->replicas;
    cluster_end(cluster, backup, SIGTERM);
    cluster_run(cluster, backup, options->liar);
    wait_level(cluster, backup);
    cluster_measure(cluster, options->clients, options->in_flight, 1, false, &result);
    series_add(&figures->liar, result.appends);
    cluster_end(cluster, backup, SIGTERM);
    cluster_run(cluster, backup, options->vestryd);
    wait_level(cluster, backup);
}

void faults_measure(const struct bench_options *options, struct cluster *cluster)
{
    struct figures figures = {
        .before = {.name = "no fault", .unit = "entries/s"},
        .gap = {.name = "primary killed: longest pause", .unit = "ms"},
        .without = {.name = "primary killed: the others", .unit = "entries/s"},
        .back = {.name = "primary killed: back again", .unit = "entries/s"},
        .rejoining = {.name = "backup rejoins after 100000 entries", .unit = "entries/s"},
        .caught_up = {.name = "backup rejoins: level again after", .unit = "s"},
        .liar = {.name = "backup contradicts itself", .unit = "entries/s"},
    };
    for (uint32_t i = 0; i < options->runs; i++) {
        bench_say("faults, repetition %u of %u", i + 1, options->runs);
        measure_before(options, cluster, &figures);
        measure_primary(options, cluster, &figures);
        measure_rejoining(options, cluster, &figures);
        measure_liar(options, cluster, &figures);
    }
    double before = series_median(&figures.before);
    figure_print(options, &figures.before, 0, NULL);
    figure_print(options, &figures.gap, VIEW_TIMEOUT_MS, "the view timeout");
    figure_print(options, &figures.without, before, "no fault");
    figure_print(options, &figures.back, before, "no fault");
    figure_print(options, &figures.rejoining, before, "no fault");
    figure_print(options, &figures.caught_up, 0, NULL);
    figure_print(options, &figures.liar, before, "no fault");
}
