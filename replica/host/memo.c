#include "replica/host/memo.h"

#include "crypto/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4
#define LOCKS 16

struct bucket {
    uint8_t hashes[WAYS][HASH_BYTES];
};

struct memo {
    size_t mask; /* number of buckets - 1 */
    struct bucket *buckets;
    uint8_t *next; /* of each bucket: the way that is overwritten next */
    pthread_mutex_t locks[LOCKS];
};

enum status memo_open(size_t entries, struct memo **out)
{
    size_t buckets = LOCKS;
    while (buckets * WAYS < entries) {
        buckets *= 2;
    }
    struct memo *memo = (struct memo *)calloc(1, sizeof *memo);
    if (memo == NULL) {
        return STATUS_NO_MEMORY;
    }
    memo->mask = buckets - 1;
    memo->buckets = (struct bucket *)calloc(buckets, sizeof *memo->buckets);
    memo->next = (uint8_t *)calloc(buckets, 1);
    for (size_t i = 0; i < LOCKS; i++) {
        CHECK(pthread_mutex_init(&memo->locks[i], NULL) == 0);
    }
    if (memo->buckets == NULL || memo->next == NULL) {
        memo_close(memo);
        return STATUS_NO_MEMORY;
    }
    *out = memo;
    return STATUS_OK;
}

void memo_close(struct memo *memo)
{
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_destroy(&memo->locks[i]);
    }
    free(memo->buckets);
    free(memo->next);
    free(memo);
}

/* Zeroes stand for an empty place, so the hash of zeroes is never remembered. */
static bool find(const struct bucket *bucket, const uint8_t hash[HASH_BYTES])
{
    for (size_t i = 0; i < WAYS; i++) {
        if (memcmp(bucket->hashes[i], hash, HASH_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static size_t place_of(const struct memo *memo, const uint8_t hash[HASH_BYTES])
{
    return (size_t)bytes_get_u64be(hash) & memo->mask;
}

bool memo_known(struct memo *memo, const uint8_t hash[HASH_BYTES])
{
    if (hash_is_zero(hash)) {
        return false;
    }
    size_t place = place_of(memo, hash);
    pthread_mutex_t *lock = &memo->locks[place % LOCKS];
    CHECK(pthread_mutex_lock(lock) == 0);
    bool known = find(&memo->buckets[place], hash);
    CHECK(pthread_mutex_unlock(lock) == 0);
    return known;
}

void memo_add(struct memo *memo, const uint8_t hash[HASH_BYTES])
{
    if (hash_is_zero(hash)) {
        return;
    }
    size_t place = place_of(memo, hash);
    pthread_mutex_t *lock = &memo->locks[place % LOCKS];
    CHECK(pthread_mutex_lock(lock) == 0);
    struct bucket *bucket = &memo->buckets[place];
    if (!find(bucket, hash)) {
        memcpy(bucket->hashes[memo->next[place]], hash, HASH_BYTES);
        memo->next[place] = (uint8_t)((memo->next[place] + 1) % WAYS);
    }
    CHECK(pthread_mutex_unlock(lock) == 0);
}

static bool job_known(void *context, const uint8_t key[HASH_BYTES])
{
    return memo_known((struct memo *)context, key);
}

static void job_add(void *context, const uint8_t key[HASH_BYTES])
{
    memo_add((struct memo *)context, key);
}

struct sig_memo memo_for_jobs(struct memo *memo)
{
    return (struct sig_memo){memo, job_known, job_add};
}

bool memo_verify(const struct memo_verifier *verifier, const uint8_t public_key[PUBLIC_KEY_BYTES],
                 const uint8_t statement[STATEMENT_BYTES], const uint8_t sig[SIG_BYTES])
{
    const struct bytes parts[] = {
        {public_key, PUBLIC_KEY_BYTES}, {statement, STATEMENT_BYTES}, {sig, SIG_BYTES}};
    uint8_t hash[HASH_BYTES];
    hash_parts(parts, 3, hash);
    if (memo_known(verifier->memo, hash)) {
        return true;
    }
    if (!verifier->scheme->verify(public_key, bytes_make(statement, STATEMENT_BYTES), sig)) {
        return false;
    }
    memo_add(verifier->memo, hash);
    return true;
}

static bool oracle_good(void *context, const uint8_t public_key[PUBLIC_KEY_BYTES],
                        const uint8_t statement[STATEMENT_BYTES], const uint8_t sig[SIG_BYTES])
{
    return memo_verify((const struct memo_verifier *)context, public_key, statement, sig);
}

static bool oracle_key_valid(void *context, const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    const struct memo_verifier *verifier = (const struct memo_verifier *)context;
    return verifier->scheme->key_valid(public_key);
}

struct sig_oracle memo_oracle(struct memo_verifier *verifier)
{
    return (struct sig_oracle){verifier, oracle_good, oracle_key_valid};
}
