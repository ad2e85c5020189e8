/* The replicated state as plainly as can be: a sorted array, and the root written down from its
 * definition, 256 levels and all. For comparing with governance/state. */
#ifndef VESTRY_TESTS_SUPPORT_STATE_MODEL_H
#define VESTRY_TESTS_SUPPORT_STATE_MODEL_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

#define MODEL_RECORDS_MAX 256

struct model_record {
    size_t key_len;
    size_t value_len;
    uint8_t key[72];
    uint8_t value[256];
};

struct state_model {
    uint32_t records_max;
    size_t bytes_max;
    uint32_t count;
    uint32_t visited;
    struct model_record records[MODEL_RECORDS_MAX]; /* ascending by key */
};

void model_init(struct state_model *model, uint32_t records_max, size_t bytes_max);
bool model_put(struct state_model *model, struct bytes key, struct bytes value);
bool model_erase(struct state_model *model, struct bytes key);
void model_root(const struct state_model *model, uint8_t out[HASH_BYTES]);

/* A small generator (xorshift64*); the seed must not be 0. */
uint64_t model_random(uint64_t *seed);

#endif
