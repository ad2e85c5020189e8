/* A real cluster for the bench: vestryd processes on loopback with durable stores, and clients that
 * are threads of this process with a handle, a token and a session each. */
#include "crypto/hash.h"
#include "keys/genesis.h"
#include "keys/token.h"
#include "tests/bench/bench.h"

#include <vestry/vestry.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_MAX_HERE 1024
#define CLIENTS_MAX 64
#define BASE_PORT 17100
#define SAMPLES_MAX (1u << 20)

struct cluster {
    const struct bench_options *options;
    char folder[PATH_MAX_HERE];
    pid_t replicas[32]; /* 0: not running */
};

/* One client thread and what it measured. */
struct load {
    struct cluster *cluster;
    struct vestry *log;
    uint32_t number;
    uint32_t in_flight;
    uint32_t entries;
    const atomic_bool *stop;
    pthread_t thread;
    uint32_t sample_count;
    double *samples; /* milliseconds */
    double *times;   /* when each of them was done */
};

struct cluster_load {
    struct cluster *cluster;
    uint32_t clients;
    atomic_bool stop;
    double cpu;
    double start;
    struct load loads[CLIENTS_MAX];
};

static void die_of(const struct problem *problem)
{
    fprintf(stderr, "vestry-bench: %s\n", problem->what);
    exit(1);
}

static pid_t spawn(const char *program, char *const arguments[], const char *log)
{
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    /* Whatever becomes of the bench, no replica outlives it. */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (freopen(log, "a", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL) {
        _exit(127);
    }
    execv(program, arguments);
    _exit(127);
}

static void write_config(const struct cluster *cluster, uint32_t rid, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        bench_die("cannot write a configuration");
    }
    fprintf(file,
            "replica r%u {\n"
            "  charter = \"%s/charter.genesis\"\n"
            "  data = \"%s/data%u\"\n"
            "  key = \"%s/r%u/r%u.key\"\n"
            "  listen = \"127.0.0.1:%u\"\n"
            "}\n",
            rid, cluster->folder, cluster->folder, rid, cluster->folder, rid, rid, BASE_PORT + rid);
    fclose(file);
}

void cluster_run(struct cluster *cluster, uint32_t rid, const char *program)
{
    char config[PATH_MAX_HERE + 32];
    char log[PATH_MAX_HERE + 32];
    snprintf(config, sizeof(config), "%s/r%u.conf", cluster->folder, rid);
    snprintf(log, sizeof(log), "%s/r%u.log", cluster->folder, rid);
    char *run[] = {(char *)"vestryd", (char *)"run", (char *)"--config", config, NULL};
    cluster->replicas[rid] = spawn(program, run, log);
}

void cluster_end(struct cluster *cluster, uint32_t rid, int number)
{
    kill(cluster->replicas[rid], number);
    waitpid(cluster->replicas[rid], NULL, 0);
    cluster->replicas[rid] = 0;
}

static void replica_init(const struct cluster *cluster, uint32_t rid, const char *hash)
{
    char config[PATH_MAX_HERE + 32];
    char log[PATH_MAX_HERE + 32];
    snprintf(config, sizeof(config), "%s/r%u.conf", cluster->folder, rid);
    snprintf(log, sizeof(log), "%s/r%u.log", cluster->folder, rid);
    write_config(cluster, rid, config);
    char *init[] = {(char *)"vestryd",
                    (char *)"init",
                    (char *)"--config",
                    config,
                    (char *)"--expect",
                    (char *)(uintptr_t)hash,
                    NULL};
    int status = 0;
    pid_t pid = spawn(cluster->options->vestryd, init, log);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        bench_die("vestryd init failed; see its log in the folder");
    }
}

/* Tokens without limits, one a client, so that each has a session of its own. */
static void clients_make(const struct cluster *cluster)
{
    static struct charter_view view;
    static uint8_t backing_bytes[1u << 20];
    struct problem problem = {0};
    struct buffer backing = buffer_make(backing_bytes, sizeof(backing_bytes));
    struct secret_key issuer;
    const struct key_expected expected = {.role = ROLE_ISSUER};
    char path[PATH_MAX_HERE + 64];
    snprintf(path, sizeof(path), "%s/%s", cluster->folder, CHARTER_NAME);
    if (genesis_charter_read(path, &backing, &view, &problem) != STATUS_OK) {
        die_of(&problem);
    }
    snprintf(path, sizeof(path), "%s/keys/i1.key", cluster->folder);
    if (keyfile_load(path, &expected, NULL, &issuer, &problem) != STATUS_OK) {
        die_of(&problem);
    }
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        struct secret_key holder;
        struct token_wish wish;
        uint8_t token_bytes[TOKEN_BYTES_MAX];
        struct buffer token = buffer_make(token_bytes, sizeof(token_bytes));
        char name[16];
        snprintf(name, sizeof(name), "b%u", i);
        if (secret_key_new(&holder, ROLE_HOLDER, name, &problem) != STATUS_OK ||
            token_wish_under_scope(&view.issuers[0].row.scope, (uint64_t)time(NULL) * 1000, &wish,
                                   &problem) != STATUS_OK) {
            die_of(&problem);
        }
        memcpy(wish.holder, holder.public_key, PUBLIC_KEY_BYTES);
        if (token_issue(&view, &issuer, &wish, &token, &problem) != STATUS_OK) {
            die_of(&problem);
        }
        snprintf(path, sizeof(path), "%s/b%u.token", cluster->folder, i);
        if (token_write(path, buffer_bytes(&token), &problem) != STATUS_OK) {
            die_of(&problem);
        }
        snprintf(path, sizeof(path), "%s/b%u.key", cluster->folder, i);
        if (keyfile_create(path, &holder, KEY_SEAL_NONE, NULL, &problem) != STATUS_OK) {
            die_of(&problem);
        }
        secret_key_close(&holder);
    }
    secret_key_close(&issuer);
}

static struct vestry *client_open(const struct cluster *cluster, uint32_t number, bool journaled)
{
    char charter[PATH_MAX_HERE + 64];
    char token[PATH_MAX_HERE + 64];
    char key[PATH_MAX_HERE + 64];
    char state[PATH_MAX_HERE + 64];
    struct vestry_options options = VESTRY_OPTIONS;
    struct vestry_problem problem;
    snprintf(charter, sizeof(charter), "%s/%s", cluster->folder, CHARTER_NAME);
    snprintf(token, sizeof(token), "%s/b%u.token", cluster->folder, number);
    snprintf(key, sizeof(key), "%s/b%u.key", cluster->folder, number);
    snprintf(state, sizeof(state), "%s/state%u", cluster->folder, number);
    options.charter = charter;
    options.token = token;
    options.key = key;
    options.state = journaled ? state : NULL;
    struct vestry *log = vestry_open(&options, &problem);
    if (log == NULL) {
        bench_die(problem.what);
    }
    return log;
}

static void wait_until_up(const struct cluster *cluster)
{
    struct vestry *log = client_open(cluster, CLIENTS_MAX - 1, false);
    struct vestry_entry entry = VESTRY_ENTRY("bench/ready", "ready", 5);
    if (vestry_append(log, &entry, 1, NULL, NULL) != VESTRY_OK) {
        bench_die(vestry_last_problem(log)->what);
    }
    vestry_close(log);
}

struct cluster *cluster_start(const struct bench_options *options)
{
    struct cluster *cluster = calloc(1, sizeof(*cluster));
    struct genesis_development_options genesis = {
        .replicas = options->replicas,
        .base_port = BASE_PORT,
    };
    struct problem problem = {0};
    uint8_t cluster_id[HASH_BYTES];
    char hash[2 * HASH_BYTES + 1];
    cluster->options = options;
    snprintf(cluster->folder, sizeof(cluster->folder), "%s/cluster", options->folder);
    if (genesis_development(cluster->folder, &genesis, cluster_id, &problem) != STATUS_OK) {
        die_of(&problem);
    }
    for (unsigned i = 0; i < HASH_BYTES; i++) {
        snprintf(hash + (size_t)2 * i, 3, "%02x", cluster_id[i]);
    }
    clients_make(cluster);
    for (uint32_t i = 0; i < options->replicas; i++) {
        replica_init(cluster, i, hash);
        cluster_run(cluster, i, options->vestryd);
    }
    wait_until_up(cluster);
    return cluster;
}

void cluster_stop(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->options->replicas; i++) {
        if (cluster->replicas[i] != 0) {
            cluster_end(cluster, i, SIGTERM);
        }
    }
    free(cluster);
}

/* CPU seconds that the replicas have used. */
static double cpu_replicas(const struct cluster *cluster)
{
    double total = 0;
    for (uint32_t i = 0; i < cluster->options->replicas; i++) {
        char path[64];
        unsigned long user = 0;
        unsigned long system = 0;
        if (cluster->replicas[i] == 0) {
            continue;
        }
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)cluster->replicas[i]);
        FILE *file = fopen(path, "r");
        if (file == NULL ||
            fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                   &system) != 2) {
            bench_die("a replica is gone; see its log in the folder");
        }
        fclose(file);
        total += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    }
    return total;
}

struct ticket {
    uint64_t ticket;
    double since;
};

static void submit(struct load *load, const struct vestry_entry *entries, struct ticket *place)
{
    place->since = bench_now();
    if (vestry_submit(load->log, entries, load->entries, NULL, &place->ticket) != VESTRY_OK) {
        bench_die(vestry_last_problem(load->log)->what);
    }
}

static void sample_add(struct load *load, double since)
{
    if (load->sample_count < SAMPLES_MAX) {
        load->times[load->sample_count] = bench_now();
        load->samples[load->sample_count++] = (bench_now() - since) * 1000;
    }
}

/* Keep `in_flight` appends going until they are to stop. */
static void *load_main(void *context)
{
    struct load *load = context;
    char stream[32];
    char payload[PAYLOAD_BYTES];
    struct vestry_entry *entries = calloc(load->entries, sizeof(*entries));
    struct ticket *tickets = calloc(load->in_flight, sizeof(*tickets));
    uint32_t open = 0;
    snprintf(stream, sizeof(stream), "bench/client%u", load->number);
    memset(payload, 'v', sizeof(payload));
    for (uint32_t i = 0; i < load->entries; i++) {
        entries[i] = (struct vestry_entry)VESTRY_ENTRY(stream, payload, sizeof(payload));
    }
    for (; open < load->in_flight; open++) {
        submit(load, entries, &tickets[open]);
    }
    while (open > 0) {
        uint64_t ticket = 0;
        struct vestry_receipts *receipts = NULL;
        if (vestry_wait_any(load->log, &ticket, &receipts) != VESTRY_OK) {
            bench_die(vestry_last_problem(load->log)->what);
        }
        vestry_receipts_free(receipts);
        uint32_t at = 0;
        while (at < open && tickets[at].ticket != ticket) {
            at++;
        }
        if (at == open) {
            bench_die("an append finished that was never submitted");
        }
        sample_add(load, tickets[at].since);
        if (!atomic_load(load->stop)) {
            submit(load, entries, &tickets[at]);
        } else {
            tickets[at] = tickets[--open];
        }
    }
    free(tickets);
    free(entries);
    return NULL;
}

static int order(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* All samples, or the times of all of them, in one array, sorted; the caller frees it. */
static double *all_sorted(const struct cluster_load *load, bool times, size_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < load->clients; i++) {
        *count += load->loads[i].sample_count;
    }
    double *all = calloc(*count + 1, sizeof(*all));
    size_t at = 0;
    for (uint32_t i = 0; i < load->clients; i++) {
        const struct load *one = &load->loads[i];
        memcpy(all + at, times ? one->times : one->samples, one->sample_count * sizeof(*all));
        at += one->sample_count;
    }
    qsort(all, *count, sizeof(*all), order);
    return all;
}

struct cluster_load *cluster_load_begin(struct cluster *cluster, uint32_t clients,
                                        uint32_t in_flight, uint32_t entries, bool journaled)
{
    struct cluster_load *load = calloc(1, sizeof(*load));
    load->cluster = cluster;
    load->clients = clients;
    for (uint32_t i = 0; i < clients; i++) {
        load->loads[i] = (struct load){
            .cluster = cluster,
            .log = client_open(cluster, i, journaled),
            .number = i,
            .in_flight = in_flight,
            .entries = entries,
            .stop = &load->stop,
            .samples = calloc(SAMPLES_MAX, sizeof(double)),
            .times = calloc(SAMPLES_MAX, sizeof(double)),
        };
        /* One append before the clock runs: connections and tokens are then known. */
        struct vestry_entry warm = VESTRY_ENTRY("bench/warm", "warm", 4);
        if (vestry_append(load->loads[i].log, &warm, 1, NULL, NULL) != VESTRY_OK) {
            bench_die(vestry_last_problem(load->loads[i].log)->what);
        }
    }
    load->cpu = cpu_replicas(cluster) + bench_cpu_self();
    load->start = bench_now();
    for (uint32_t i = 0; i < clients; i++) {
        pthread_create(&load->loads[i].thread, NULL, load_main, &load->loads[i]);
    }
    return load;
}

double *cluster_load_end(struct cluster_load *load, size_t *count, struct cluster_result *out)
{
    atomic_store(&load->stop, true);
    for (uint32_t i = 0; i < load->clients; i++) {
        pthread_join(load->loads[i].thread, NULL);
    }
    double elapsed = bench_now() - load->start;
    double cpu = cpu_replicas(load->cluster) + bench_cpu_self() - load->cpu;
    double *times = all_sorted(load, true, count);
    double *samples = all_sorted(load, false, count);
    double appended = (double)*count * load->loads[0].entries;
    *out = (struct cluster_result){
        .appends = appended / elapsed,
        .p50_ms = samples[*count / 2],
        .p99_ms = samples[*count * 99 / 100],
        .cpu_us = cpu / appended * 1e6,
    };
    free(samples);
    for (uint32_t i = 0; i < load->clients; i++) {
        vestry_close(load->loads[i].log);
        free(load->loads[i].samples);
        free(load->loads[i].times);
    }
    free(load);
    return times;
}

void cluster_measure(struct cluster *cluster, uint32_t clients, uint32_t in_flight,
                     uint32_t entries, bool journaled, struct cluster_result *out)
{
    struct cluster_load *load = cluster_load_begin(cluster, clients, in_flight, entries, journaled);
    size_t count = 0;
    bench_sleep(cluster->options->seconds);
    free(cluster_load_end(load, &count, out));
}

void cluster_look(const struct cluster *cluster, struct vestry_status *out)
{
    struct vestry *log = client_open(cluster, CLIENTS_MAX - 1, false);
    if (vestry_status(log, out) != VESTRY_OK) {
        bench_die(vestry_last_problem(log)->what);
    }
    vestry_close(log);
}
