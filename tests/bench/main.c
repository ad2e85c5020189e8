/* vestry-bench: the command line, and the order in which things are measured. */
#include "crypto/selftest.h"
#include "tests/bench/bench.h"

#include <ftw.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "Examples:\n"
    "  vestry-bench                         everything, about two minutes\n"
    "  vestry-bench --json --runs 5         one JSON object a figure\n"
    "  vestry-bench --folder /var/tmp       on the disk that holds /var/tmp\n"
    "\n"
    "Measures signed, durable appends over a real loopback cluster, the machine's own limits, and "
    "a\n"
    "floor (the same crypto, hashing, tree and synced store batches without network and "
    "protocol).\n"
    "\n"
    "  --replicas N     4\n"
    "  --clients N      8 handles in the loaded figures\n"
    "  --in-flight N    50 appends in flight of each\n"
    "  --runs N         3 repetitions of every figure\n"
    "  --seconds S      4 a repetition\n"
    "  --folder DIR     where stores are made and removed again\n"
    "  --vestryd FILE   the server; otherwise the one beside this program\n"
    "  --only WHAT      single, one, hundred or faults: these figures alone\n"
    "  --json           one JSON object a line\n";

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static void clear_folder(const char *folder)
{
    char path[PATH_MAX];
    for (uint32_t i = 0; i < 32; i++) {
        snprintf(path, sizeof(path), "%s/floor%u", folder, i);
        nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}

static void measure_machine(const struct bench_options *options, struct machine_limits *limits)
{
    struct series sign = {.name = "Ed25519 sign, one core", .unit = "1/s"};
    struct series verify = {.name = "Ed25519 verify, one core", .unit = "1/s"};
    struct series sync = {.name = "fdatasync of 4 KiB", .unit = "1/s"};
    for (uint32_t i = 0; i < options->runs; i++) {
        machine_measure(options, limits);
        series_add(&sign, limits->sign);
        series_add(&verify, limits->verify);
        series_add(&sync, limits->sync);
    }
    limits->sign = series_median(&sign);
    limits->verify = series_median(&verify);
    limits->sync = series_median(&sync);
    figure_print(options, &sign, 0, NULL);
    figure_print(options, &verify, 0, NULL);
    figure_print(options, &sync, 0, NULL);
}

/* One figure of the loaded cluster, each repetition next to one of its floor. */
static void measure_load(const struct bench_options *options, struct cluster *cluster,
                         uint32_t entries, const char *const names[5])
{
    struct series floor = {.name = names[0], .unit = "entries/s"};
    struct series appends = {.name = names[1], .unit = "entries/s"};
    struct series p50 = {.name = names[2], .unit = "ms"};
    struct series p99 = {.name = names[3], .unit = "ms"};
    struct series cpu = {.name = names[4], .unit = "us"};
    for (uint32_t i = 0; i < options->runs; i++) {
        struct floor_result bottom;
        struct cluster_result result;
        bench_say("%s, repetition %u of %u", names[1], i + 1, options->runs);
        floor_measure(options, entries, entries == 1 ? 400 : 20, &bottom);
        clear_folder(options->folder);
        cluster_measure(cluster, options->clients, entries == 1 ? options->in_flight : 8, entries,
                        false, &result);
        series_add(&floor, bottom.appends);
        series_add(&appends, result.appends);
        series_add(&p50, result.p50_ms);
        series_add(&p99, result.p99_ms);
        series_add(&cpu, result.cpu_us);
    }
    figure_print(options, &floor, 0, NULL);
    figure_print(options, &appends, series_median(&floor), "the floor");
    figure_print(options, &p50, 0, NULL);
    figure_print(options, &p99, 0, NULL);
    figure_print(options, &cpu, 0, NULL);
}

static void measure_single(const struct bench_options *options, struct cluster *cluster)
{
    struct series floor = {.name = "floor: one append at a time, p50", .unit = "ms"};
    struct series p50 = {.name = "one client, one in flight, p50", .unit = "ms"};
    struct series p99 = {.name = "one client, one in flight, p99", .unit = "ms"};
    struct series kept = {.name = "the same, client journal on disk, p50", .unit = "ms"};
    for (uint32_t i = 0; i < options->runs; i++) {
        struct floor_result bottom;
        struct cluster_result result;
        bench_say("single appends, repetition %u of %u", i + 1, options->runs);
        floor_measure(options, 1, 1, &bottom);
        clear_folder(options->folder);
        cluster_measure(cluster, 1, 1, 1, false, &result);
        series_add(&floor, bottom.single_p50_ms);
        series_add(&p50, result.p50_ms);
        series_add(&p99, result.p99_ms);
        cluster_measure(cluster, 1, 1, 1, true, &result);
        series_add(&kept, result.p50_ms);
    }
    figure_print(options, &floor, 0, NULL);
    figure_print(options, &p50, series_median(&floor), "the floor");
    figure_print(options, &p99, 0, NULL);
    figure_print(options, &kept, 0, NULL);
}

static uint32_t number(const char *text, uint32_t least, uint32_t most)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < least || value > most) {
        fprintf(stderr, "vestry-bench: '%s' is not a number from %u to %u\n", text, least, most);
        exit(2);
    }
    return (uint32_t)value;
}

static void options_read(int argc, char **argv, struct bench_options *options)
{
    static const struct option longs[] = {
        {"replicas", required_argument, NULL, 'n'},
        {"clients", required_argument, NULL, 'c'},
        {"in-flight", required_argument, NULL, 'i'},
        {"runs", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'},
        {"folder", required_argument, NULL, 'f'},
        {"vestryd", required_argument, NULL, 'd'},
        {"json", no_argument, NULL, 'j'},
        {"only", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int chosen = 0;
    while ((chosen = getopt_long(argc, argv, "hj", longs, NULL)) != -1) {
        switch (chosen) {
        case 'n':
            options->replicas = number(optarg, 4, 16);
            break;
        case 'c':
            options->clients = number(optarg, 1, 64);
            break;
        case 'i':
            options->in_flight = number(optarg, 1, 60);
            break;
        case 'r':
            options->runs = number(optarg, 1, RUNS_MAX);
            break;
        case 's':
            options->seconds = number(optarg, 1, 600);
            break;
        case 'f':
            options->folder = optarg;
            break;
        case 'd':
            options->vestryd = optarg;
            break;
        case 'j':
            options->json = true;
            break;
        case 'o':
            options->only = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs("vestry-bench: see vestry-bench --help\n", stderr);
            exit(2);
        }
    }
}

/* A program that lies beside this one. */
static const char *find_beside(const char *name)
{
    char path[PATH_MAX];
    char self[PATH_MAX] = {0};
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0) {
        bench_die("cannot find the server: say where it is with --vestryd");
    }
    snprintf(path, sizeof(path), "%s/%s", dirname(self), name);
    return strdup(path);
}

/* Whether a group of figures was asked for. */
static bool wanted(const struct bench_options *options, const char *what)
{
    return options->only == NULL || strcmp(options->only, what) == 0;
}

int main(int argc, char **argv)
{
    struct bench_options options = {
        .replicas = 4,
        .clients = 8,
        .in_flight = 50,
        .runs = 3,
        .seconds = 4,
        .vestryd = find_beside("vestryd"),
        .liar = find_beside("vestryd-liar"),
    };
    char folder[] = "/var/tmp/vestry-bench-XXXXXX";
    options_read(argc, argv, &options);
    struct selftest selftest;
    if (crypto_selftest(&sig_ed25519, &selftest) != STATUS_OK) {
        bench_die("the self-test of the signatures failed");
    }
    bool own_folder = options.folder == NULL;
    if (own_folder && (options.folder = mkdtemp(folder)) == NULL) {
        bench_die("cannot make a folder; choose one with --folder");
    }
    static const char *const one[5] = {"floor: one entry a request", "one entry a request",
                                       "one entry a request, p50", "one entry a request, p99",
                                       "one entry a request, CPU an entry"};
    static const char *const hundred[5] = {
        "floor: 100 entries a request", "100 entries a request", "100 entries a request, p50",
        "100 entries a request, p99", "100 entries a request, CPU an entry"};
    struct machine_limits limits;
    measure_machine(&options, &limits);
    struct cluster *cluster = cluster_start(&options);
    if (wanted(&options, "single")) {
        measure_single(&options, cluster);
    }
    if (wanted(&options, "one")) {
        measure_load(&options, cluster, 1, one);
    }
    if (wanted(&options, "hundred")) {
        measure_load(&options, cluster, 100, hundred);
    }
    if (wanted(&options, "faults")) {
        faults_measure(&options, cluster);
    }
    cluster_stop(cluster);
    if (own_folder) {
        nftw(options.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    return 0;
}
