/* The machine's own limits: signatures a second of one core, synced writes a second of the disk. */
#include "crypto/sign.h"
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SLICE_SECONDS 0.5

static double measure_sign(void)
{
    uint8_t seed[SEED_BYTES] = {1};
    uint8_t key[PUBLIC_KEY_BYTES];
    uint8_t message[STATEMENT_BYTES] = {0};
    uint8_t sig[SIG_BYTES];
    sig_ed25519.public_key(seed, key);
    double start = bench_now();
    double count = 0;
    while (bench_now() - start < SLICE_SECONDS) {
        for (unsigned i = 0; i < 100; i++) {
            message[0]++;
            sig_ed25519.sign(seed, key, BYTES_OF_ARRAY(message), sig);
        }
        count += 100;
    }
    return count / (bench_now() - start);
}

static double measure_verify(void)
{
    uint8_t seed[SEED_BYTES] = {1};
    uint8_t key[PUBLIC_KEY_BYTES];
    uint8_t message[STATEMENT_BYTES] = {0};
    uint8_t sig[SIG_BYTES];
    sig_ed25519.public_key(seed, key);
    sig_ed25519.sign(seed, key, BYTES_OF_ARRAY(message), sig);
    double start = bench_now();
    double count = 0;
    while (bench_now() - start < SLICE_SECONDS) {
        for (unsigned i = 0; i < 100; i++) {
            if (!sig_ed25519.verify(key, BYTES_OF_ARRAY(message), sig)) {
                bench_die("a good signature was refused");
            }
        }
        count += 100;
    }
    return count / (bench_now() - start);
}

static double measure_sync(const char *folder)
{
    char path[1024];
    char block[4096] = {0};
    snprintf(path, sizeof(path), "%s/sync", folder);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        bench_die("cannot write to the folder; choose another one with --folder");
    }
    double start = bench_now();
    double count = 0;
    while (bench_now() - start < SLICE_SECONDS) {
        if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block) || fdatasync(fd) != 0) {
            bench_die("writing to the folder failed");
        }
        count += 1;
    }
    double rate = count / (bench_now() - start);
    close(fd);
    unlink(path);
    return rate;
}

void machine_measure(const struct bench_options *options, struct machine_limits *out)
{
    out->sign = measure_sign();
    out->verify = measure_verify();
    out->sync = measure_sync(options->folder);
}
