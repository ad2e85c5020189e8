/* vestry-bench: what each part of the program hands to the others.
 *
 * Every figure comes out of one process in one run: the machine's own limits, a floor (the same
 * crypto, hashing, tree and synced store batches for n replicas, without network and protocol), and
 * a real cluster of processes on loopback. So every figure is also a ratio. Speeds of different
 * runs are not comparable; ratios are. */
#ifndef VESTRY_TESTS_BENCH_BENCH_H
#define VESTRY_TESTS_BENCH_BENCH_H

#include <vestry/vestry.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNS_MAX 16
#define PAYLOAD_BYTES 256

struct bench_options {
    bool json;
    uint32_t replicas;
    uint32_t clients;    /* handles, each a thread, in the loaded figures */
    uint32_t in_flight;  /* appends in flight of each */
    uint32_t runs;       /* repetitions of every figure */
    double seconds;      /* of one repetition */
    const char *folder;  /* where stores are made; on the disk that is to be measured */
    const char *vestryd; /* the program */
    const char *liar;    /* the same, contradicting itself */
    const char *only;    /* one group of figures, or NULL for all */
};

/* What one repetition found. */
struct sample {
    double value;
};

/* Values of one figure over the repetitions. */
struct series {
    const char *name;
    const char *unit;
    double values[RUNS_MAX];
    uint32_t count;
};

void series_add(struct series *series, double value);
double series_median(const struct series *series);

/* Print a figure: median, spread (least and most), and against `limit` (0: none) as a ratio. `aim`
 * is the ratio or value that the project asks for, as text, or NULL. */
void figure_print(const struct bench_options *options, const struct series *series, double limit,
                  const char *limit_name);

/* Progress for people, on stderr. */
void bench_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
double bench_now(void);      /* seconds, monotonic */
double bench_cpu_self(void); /* seconds of this process, all threads */
void bench_sleep(double seconds);
void bench_die(const char *what) __attribute__((noreturn));

/* machine.c: what one core and the disk of this machine can do, a second. */
struct machine_limits {
    double sign;
    double verify;
    double sync;
};
void machine_measure(const struct bench_options *options, struct machine_limits *out);

/* floor.c: appends a second, and seconds for a single one (p50), without network and protocol. */
struct floor_result {
    double appends;       /* entries a second */
    double single_p50_ms; /* one request, one at a time */
};
void floor_measure(const struct bench_options *options, uint32_t entries_per_request,
                   uint32_t requests_per_batch, struct floor_result *out);

/* cluster.c: a real cluster. */
struct cluster;
struct cluster_result {
    double appends; /* entries a second */
    double p50_ms;  /* of a request, from submit to verified receipts */
    double p99_ms;
    double cpu_us; /* of all replicas and clients, an entry */
};
struct cluster *cluster_start(const struct bench_options *options);
void cluster_stop(struct cluster *cluster);
/* Run replica `rid`, which does not run, with that program; end it with a signal. */
void cluster_run(struct cluster *cluster, uint32_t rid, const char *program);
void cluster_end(struct cluster *cluster, uint32_t rid, int number);
/* What every replica says of itself. */
void cluster_look(const struct cluster *cluster, struct vestry_status *out);

/* `clients` handles with `in_flight` requests each, `entries` an append, from begin to end. The
 * times at which requests were done come back sorted; the caller frees them. */
struct cluster_load;
struct cluster_load *cluster_load_begin(struct cluster *cluster, uint32_t clients,
                                        uint32_t in_flight, uint32_t entries, bool journaled);
double *cluster_load_end(struct cluster_load *load, size_t *count, struct cluster_result *out);
/* The same for the seconds of the options. */
void cluster_measure(struct cluster *cluster, uint32_t clients, uint32_t in_flight,
                     uint32_t entries, bool journaled, struct cluster_result *out);

/* faults.c: throughput before, during and after faults, as ratios within the run. */
void faults_measure(const struct bench_options *options, struct cluster *cluster);

#endif
