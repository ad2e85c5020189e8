/* The floor: what n replicas and their clients must compute and store for an append, and nothing
 * else. Threads of one process share the batches in memory; there is no network, no protocol, no
 * check of rights, no encoding beyond what is hashed or stored.
 *
 *   client     signs every request, verifies Q attestations of every block
 *   replica    verifies every request, hashes payloads, statements and leaves, grows its tree, puts
 *              batch, payloads, leaves, results and a record a request in one synced store batch,
 *              signs its attestation twice */
#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "crypto/sign.h"
#include "storage/store_rocks.h"
#include "tests/bench/bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RING 4              /* batches in flight */
#define ITEM_BYTES 600      /* request, signature, token, one statement */
#define STATEMENT_STORED 90 /* a further statement */
#define LEAF_STORED 215
#define RESULT_STORED 52
#define RECORD_STORED 80 /* a session's result in the state */
#define TEXT_BYTES 250   /* a checkpoint's text */

struct request_made {
    uint8_t message[STATEMENT_BYTES];
    uint8_t sig[SIG_BYTES];
};

struct batch_made {
    struct request_made *requests;
    uint32_t done; /* replicas that are through with it */
    uint8_t attestations[32][SIG_BYTES];
};

struct floor {
    const struct bench_options *options;
    uint32_t entries;  /* a request */
    uint32_t requests; /* a batch */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint64_t made;     /* batches that the client has signed */
    uint64_t finished; /* and seen through */
    bool stop;
    struct batch_made ring[RING];
    uint8_t seed[SEED_BYTES];
    uint8_t key[PUBLIC_KEY_BYTES];
};

struct replica {
    struct floor *floor;
    uint32_t number;
    struct store *store;
    struct merkle_frontier frontier;
    uint8_t *memory;
};

static void hash_entries(struct replica *replica, uint32_t count)
{
    static const uint8_t payload[SALT_BYTES + PAYLOAD_BYTES];
    uint8_t leaf[LEAF_STORED] = {0};
    uint8_t hash[HASH_BYTES];
    for (uint32_t i = 0; i < count; i++) {
        hash_bytes(BYTES_OF_ARRAY(payload), hash);
        merkle_leaf_hash(bytes_make(leaf, STATEMENT_STORED), hash);
        memcpy(leaf, hash, sizeof(hash));
        merkle_leaf_hash(BYTES_OF_ARRAY(leaf), hash);
        if (!merkle_append(&replica->frontier, hash, NULL, NULL)) {
            bench_die("the tree is full");
        }
    }
}

static void store_batch(struct replica *replica, uint64_t number)
{
    const struct floor *floor = replica->floor;
    uint32_t entries = floor->entries * floor->requests;
    size_t batch = (size_t)floor->requests * ITEM_BYTES +
                   (size_t)(entries - floor->requests) * STATEMENT_STORED;
    struct put *puts = calloc(floor->requests + 8u, sizeof(*puts));
    uint8_t(*keys)[16] = calloc(floor->requests + 8u, sizeof(*keys));
    const struct {
        enum family family;
        size_t len;
    } large[] = {
        {FAMILY_BLOCKS, batch},
        {FAMILY_PAYLOADS, (size_t)entries * (PAYLOAD_BYTES + SALT_BYTES + 6)},
        {FAMILY_LEAVES, (size_t)entries * (LEAF_STORED + 3)},
        {FAMILY_BLOCKS, 512 + (size_t)floor->requests * RESULT_STORED},
        {FAMILY_STREAMS, 16},
        {FAMILY_JOURNAL, 900},
        {FAMILY_JOURNAL, 500},
        {FAMILY_STATE, 60},
    };
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
        puts[count].family = large[i].family;
        puts[count].value = bytes_make(replica->memory, large[i].len);
        count++;
    }
    for (uint32_t i = 0; i < floor->requests; i++) {
        puts[count].family = FAMILY_STATE;
        puts[count].value = bytes_make(replica->memory, RECORD_STORED);
        count++;
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(keys[i], &number, sizeof(number));
        memcpy(keys[i] + sizeof(number), &i, sizeof(i));
        puts[i].key = bytes_make(keys[i], sizeof(keys[i]));
    }
    if (store_commit(replica->store, puts, count) != STATUS_OK) {
        bench_die("the floor's store failed");
    }
    free(puts);
    free(keys);
}

static void replica_batch(struct replica *replica, struct batch_made *batch, uint64_t number)
{
    const struct floor *floor = replica->floor;
    uint8_t digest[HASH_BYTES];
    uint8_t text[TEXT_BYTES] = {0};
    uint8_t sig[SIG_BYTES];
    for (uint32_t i = 0; i < floor->requests; i++) {
        const struct request_made *request = &batch->requests[i];
        if (!sig_ed25519.verify(floor->key, BYTES_OF_ARRAY(request->message), request->sig)) {
            bench_die("a good signature was refused");
        }
    }
    hash_bytes(bytes_make(replica->memory, (size_t)floor->requests * ITEM_BYTES), digest);
    hash_entries(replica, floor->entries * floor->requests);
    merkle_root(&replica->frontier, text);
    sig_ed25519.sign(floor->seed, floor->key, BYTES_OF_ARRAY(text), sig);
    sig_ed25519.sign(floor->seed, floor->key, BYTES_OF_ARRAY(text),
                     batch->attestations[replica->number]);
    store_batch(replica, number);
}

static void *replica_main(void *context)
{
    struct replica *replica = context;
    struct floor *floor = replica->floor;
    for (uint64_t number = 0;; number++) {
        pthread_mutex_lock(&floor->lock);
        while (floor->made == number && !floor->stop) {
            pthread_cond_wait(&floor->moved, &floor->lock);
        }
        bool over = floor->made == number;
        pthread_mutex_unlock(&floor->lock);
        if (over) {
            return NULL;
        }
        struct batch_made *batch = &floor->ring[number % RING];
        replica_batch(replica, batch, number);
        pthread_mutex_lock(&floor->lock);
        batch->done++;
        pthread_cond_broadcast(&floor->moved);
        pthread_mutex_unlock(&floor->lock);
    }
}

static void client_make(struct floor *floor)
{
    struct batch_made *batch = &floor->ring[floor->made % RING];
    for (uint32_t i = 0; i < floor->requests; i++) {
        struct request_made *request = &batch->requests[i];
        uint64_t number = floor->made * floor->requests + i;
        memcpy(request->message, &number, sizeof(number));
        sig_ed25519.sign(floor->seed, floor->key, BYTES_OF_ARRAY(request->message), request->sig);
    }
    pthread_mutex_lock(&floor->lock);
    batch->done = 0;
    floor->made++;
    pthread_cond_broadcast(&floor->moved);
    pthread_mutex_unlock(&floor->lock);
}

/* Wait for the oldest batch, then check the attestations of a quorum of its block. */
static void client_finish(struct floor *floor)
{
    struct batch_made *batch = &floor->ring[floor->finished % RING];
    uint8_t text[TEXT_BYTES] = {0};
    pthread_mutex_lock(&floor->lock);
    while (batch->done < floor->options->replicas) {
        pthread_cond_wait(&floor->moved, &floor->lock);
    }
    pthread_mutex_unlock(&floor->lock);
    uint32_t quorum = floor->options->replicas - (floor->options->replicas - 1) / 3;
    for (uint32_t i = 0; i < quorum; i++) {
        /* The text is not the one that was signed; the cost of saying so is the same. */
        (void)!sig_ed25519.verify(floor->key, BYTES_OF_ARRAY(text), batch->attestations[i]);
    }
    floor->finished++;
}

static void replicas_open(struct floor *floor, struct replica *replicas)
{
    for (uint32_t i = 0; i < floor->options->replicas; i++) {
        char path[1024];
        struct store_identity identity = {{(uint8_t)(i + 1)}, {1}};
        struct store_rocks_options store_options = {STORE_MEMORY_BYTES_DEFAULT};
        struct report report = {0};
        snprintf(path, sizeof(path), "%s/floor%u", floor->options->folder, i);
        replicas[i].floor = floor;
        replicas[i].number = i;
        replicas[i].memory =
            calloc(1, (size_t)floor->entries * floor->requests * (PAYLOAD_BYTES + 64) +
                          (size_t)floor->requests * ITEM_BYTES + 4096);
        if (store_rocks_init(path, &identity, NULL, 0, &report) != STATUS_OK ||
            store_rocks_open(path, &identity, &store_options, &replicas[i].store, &report) !=
                STATUS_OK) {
            bench_die(report.what);
        }
    }
}

static void run(struct floor *floor, uint32_t window, double seconds, double *elapsed)
{
    double start = bench_now();
    while (bench_now() - start < seconds) {
        while (floor->made - floor->finished < window) {
            client_make(floor);
        }
        client_finish(floor);
    }
    while (floor->finished < floor->made) {
        client_finish(floor);
    }
    *elapsed = bench_now() - start;
}

static int order(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double single_p50(struct floor *floor)
{
    enum {
        SAMPLES = 300
    };
    static double took[SAMPLES];
    uint32_t requests = floor->requests;
    uint32_t entries = floor->entries;
    floor->requests = 1;
    floor->entries = 1;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        double start = bench_now();
        client_make(floor);
        client_finish(floor);
        took[i] = bench_now() - start;
    }
    floor->requests = requests;
    floor->entries = entries;
    qsort(took, SAMPLES, sizeof(took[0]), order);
    return took[SAMPLES / 2] * 1000;
}

void floor_measure(const struct bench_options *options, uint32_t entries_per_request,
                   uint32_t requests_per_batch, struct floor_result *out)
{
    struct floor floor = {
        .options = options,
        .entries = entries_per_request,
        .requests = requests_per_batch,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .moved = PTHREAD_COND_INITIALIZER,
        .seed = {7},
    };
    struct replica replicas[32] = {0};
    pthread_t threads[32];
    sig_ed25519.public_key(floor.seed, floor.key);
    for (uint32_t i = 0; i < RING; i++) {
        floor.ring[i].requests = calloc(requests_per_batch, sizeof(struct request_made));
    }
    replicas_open(&floor, replicas);
    for (uint32_t i = 0; i < options->replicas; i++) {
        pthread_create(&threads[i], NULL, replica_main, &replicas[i]);
    }
    double elapsed = 0;
    run(&floor, RING, options->seconds, &elapsed);
    out->appends = (double)floor.finished * requests_per_batch * entries_per_request / elapsed;
    out->single_p50_ms = single_p50(&floor);
    pthread_mutex_lock(&floor.lock);
    floor.stop = true;
    pthread_cond_broadcast(&floor.moved);
    pthread_mutex_unlock(&floor.lock);
    for (uint32_t i = 0; i < options->replicas; i++) {
        pthread_join(threads[i], NULL);
        store_close(replicas[i].store);
        free(replicas[i].memory);
    }
    for (uint32_t i = 0; i < RING; i++) {
        free(floor.ring[i].requests);
    }
}
