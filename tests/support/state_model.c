#include "tests/support/state_model.h"

#include "crypto/hash.h"
#include "governance/state.h"

#include <string.h>

void model_init(struct state_model *model, uint32_t records_max, size_t bytes_max)
{
    memset(model, 0, sizeof(*model));
    CHECK(records_max <= MODEL_RECORDS_MAX);
    model->records_max = records_max;
    model->bytes_max = bytes_max;
}

static struct bytes key_of(const struct model_record *record)
{
    return bytes_make(record->key, record->key_len);
}

/* The place of the key, or where it would go. */
static uint32_t place_of(const struct state_model *model, struct bytes key)
{
    uint32_t place = 0;

    while (place < model->count && bytes_compare(key_of(&model->records[place]), key) < 0) {
        place++;
    }
    return place;
}

static bool is_there(const struct state_model *model, uint32_t place, struct bytes key)
{
    return place < model->count && bytes_equal(key_of(&model->records[place]), key);
}

static size_t long_bytes(size_t len)
{
    return len > STATE_INLINE_MAX ? len : 0;
}

bool model_put(struct state_model *model, struct bytes key, struct bytes value)
{
    const uint32_t place = place_of(model, key);
    const bool replaces = is_there(model, place, key);
    size_t bytes = long_bytes(value.len);

    for (uint32_t i = 0; i < model->count; i++) {
        if (!replaces || i != place) {
            bytes += long_bytes(model->records[i].value_len);
        }
    }
    if ((long_bytes(value.len) > 0 && bytes > model->bytes_max) ||
        (!replaces && model->count == model->records_max)) {
        return false;
    }

    struct model_record *record = &model->records[place];

    if (!replaces) {
        memmove(record + 1, record, (model->count - place) * sizeof(*record));
        model->count++;
    }
    record->key_len = key.len;
    record->value_len = value.len;
    memcpy(record->key, key.data, key.len);
    memcpy(record->value, value.data, value.len);
    return true;
}

bool model_erase(struct state_model *model, struct bytes key)
{
    const uint32_t place = place_of(model, key);

    if (!is_there(model, place, key)) {
        return false;
    }
    model->count--;
    memmove(&model->records[place], &model->records[place + 1],
            (model->count - place) * sizeof(model->records[0]));
    return true;
}

/* --- The root, from its definition -------------------------------------------------------------
 */

struct leaf {
    uint8_t path[HASH_BYTES];
    uint8_t hash[HASH_BYTES];
};

static unsigned side_of(const struct leaf *leaf, unsigned depth)
{
    return (unsigned)(leaf->path[depth / 8] >> (7 - depth % 8)) & 1u;
}

/* The hash of the subtree at `depth` that holds these leaves. Deeper by one with each call, and
 * never deeper than the leaves are apart. */
static void subtree(const struct leaf *leaves, uint32_t count, unsigned depth,
                    uint8_t out[HASH_BYTES])
{
    struct leaf sides[2][MODEL_RECORDS_MAX];
    uint32_t counts[2] = {0, 0};
    uint8_t node[1 + 2 * HASH_BYTES] = {0x01};

    if (count == 0) {
        memset(out, 0, HASH_BYTES);
        return;
    }
    if (count == 1) {
        memcpy(out, leaves[0].hash, HASH_BYTES);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const unsigned side = side_of(&leaves[i], depth);

        sides[side][counts[side]++] = leaves[i];
    }
    subtree(sides[0], counts[0], depth + 1, node + 1);
    subtree(sides[1], counts[1], depth + 1, node + 1 + HASH_BYTES);
    hash_bytes(BYTES_OF_ARRAY(node), out);
}

void model_root(const struct state_model *model, uint8_t out[HASH_BYTES])
{
    struct leaf leaves[MODEL_RECORDS_MAX];

    for (uint32_t i = 0; i < model->count; i++) {
        const struct model_record *record = &model->records[i];
        uint8_t parts[1 + 2 * HASH_BYTES] = {0x00};

        hash_bytes(key_of(record), leaves[i].path);
        memcpy(parts + 1, leaves[i].path, HASH_BYTES);
        hash_bytes(bytes_make(record->value, record->value_len), parts + 1 + HASH_BYTES);
        hash_bytes(BYTES_OF_ARRAY(parts), leaves[i].hash);
    }
    subtree(leaves, model->count, 0, out);
}

uint64_t model_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}
