/* Figures: medians, spreads, and how they are printed. */
#include "tests/bench/bench.h"

#include <jansson.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

void series_add(struct series *series, double value)
{
    if (series->count < RUNS_MAX) {
        series->values[series->count++] = value;
    }
}

static int order(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void sorted(const struct series *series, double out[RUNS_MAX])
{
    memcpy(out, series->values, sizeof(series->values));
    qsort(out, series->count, sizeof(out[0]), order);
}

double series_median(const struct series *series)
{
    double values[RUNS_MAX];
    if (series->count == 0) {
        return 0;
    }
    sorted(series, values);
    uint32_t middle = series->count / 2;
    return series->count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

static void print_json(const struct series *series, const double *values, double limit,
                       const char *limit_name)
{
    double median = series_median(series);
    json_t *object =
        json_pack("{s:s, s:s, s:f, s:s, s:[f,f], s:i}", "schema", "vestry-figure-1", "name",
                  series->name, "value", median, "unit", series->unit, "spread", values[0],
                  values[series->count - 1], "runs", (int)series->count);
    if (limit > 0) {
        json_object_set_new(object, "limit", json_real(limit));
        json_object_set_new(object, "limit_name", json_string(limit_name));
        json_object_set_new(object, "ratio", json_real(median / limit));
    }
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
    puts(text);
    free(text);
    json_decref(object);
}

void figure_print(const struct bench_options *options, const struct series *series, double limit,
                  const char *limit_name)
{
    double values[RUNS_MAX] = {0};
    if (series->count == 0) {
        return;
    }
    sorted(series, values);
    if (options->json) {
        print_json(series, values, limit, limit_name);
        fflush(stdout);
        return;
    }
    double median = series_median(series);
    printf("%-42s %12.1f %-10s  [%.1f .. %.1f]", series->name, median, series->unit, values[0],
           values[series->count - 1]);
    if (limit > 0) {
        printf("  %.2f of %s", median / limit, limit_name);
    }
    putchar('\n');
    fflush(stdout);
}

void bench_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void bench_sleep(double seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0) {
    }
}

double bench_cpu_self(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void bench_die(const char *what)
{
    fprintf(stderr, "vestry-bench: %s\n", what);
    exit(1);
}
