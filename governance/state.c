#include "governance/state_parts.h"

#include <stdlib.h>
#include <string.h>

/* --- The lookup table's hash: SipHash-1-3 (Aumasson and Bernstein, 2012), keyed with the seed. ---
 */

static uint64_t rotate_left(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[2] = rotate_left(v[2], 32);
}

uint64_t state_hash(const struct state *state, struct bytes bytes)
{
    uint64_t v[4] = {
        state->hash_key[0] ^ UINT64_C(0x736f6d6570736575),
        state->hash_key[1] ^ UINT64_C(0x646f72616e646f6d),
        state->hash_key[0] ^ UINT64_C(0x6c7967656e657261),
        state->hash_key[1] ^ UINT64_C(0x7465646279746573),
    };
    size_t at = 0;
    uint64_t word = 0;

    for (; bytes.len - at >= 8; at += 8) {
        memcpy(&word, bytes.data + at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = (uint64_t)bytes.len << 56;
    for (unsigned shift = 0; at < bytes.len; at++, shift += 8) {
        word |= (uint64_t)bytes.data[at] << shift;
    }
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- Opening ---------------------------------------------------------------------------------- */

static uint32_t power_of_two_from(uint32_t least)
{
    uint32_t power = 16;

    while (power < least) {
        power *= 2;
    }
    return power;
}

enum status state_open(uint32_t records_max, size_t bytes_max, uint64_t hash_seed,
                       struct state **out)
{
    if (records_max == 0 || records_max > STATE_RECORDS_MAX || bytes_max == 0 ||
        bytes_max > SIZE_MAX / 4) {
        return STATUS_INVALID;
    }

    struct state *state = calloc(1, sizeof(*state));

    if (state == NULL) {
        return STATUS_NO_MEMORY;
    }
    state->records_max = records_max;
    state->hash_key[0] = hash_seed;
    state->hash_key[1] = ~hash_seed * UINT64_C(0x9e3779b97f4a7c15);
    /* Records that are there, and at most as many that were there at the mark and are erased. */
    state->slots = 2 * records_max;
    state->bucket_mask = power_of_two_from(state->slots) - 1;
    state->large_max = bytes_max;
    state->large_space = 2 * bytes_max + STATE_VALUE_BYTES_MAX;
    /* Nothing is touched before it is used, so unused capacity costs no memory. */
    state->records = calloc((size_t)state->slots + 1, sizeof(*state->records));
    state->kinds = calloc((size_t)state->slots + 1, sizeof(*state->kinds));
    state->buckets = calloc((size_t)state->bucket_mask + 1, sizeof(*state->buckets));
    state->order = calloc(records_max, sizeof(*state->order));
    state->nodes = calloc((size_t)records_max + 1, sizeof(*state->nodes));
    state->large = calloc(state->large_space, 1);
    state->scratch = calloc(SCRATCH_COUNT, STATE_VALUE_BYTES_MAX);
    if (state->records == NULL || state->kinds == NULL || state->buckets == NULL ||
        state->order == NULL || state->nodes == NULL || state->large == NULL ||
        state->scratch == NULL) {
        state_close(state);
        return STATUS_NO_MEMORY;
    }
    *out = state;
    return STATUS_OK;
}

void state_close(struct state *state)
{
    if (state == NULL) {
        return;
    }
    free(state->records);
    free(state->kinds);
    free(state->buckets);
    free(state->order);
    free(state->nodes);
    free(state->large);
    free(state->scratch);
    free(state);
}

void state_reset(struct state *state)
{
    for (uint32_t number = 1; number <= state->slots_used; number++) {
        const struct state_record *record = &state->records[number];
        const uint64_t hash = state_hash(state, bytes_make(record->key, record->key_len));

        state->buckets[(uint32_t)hash & state->bucket_mask] = STATE_NONE;
        state->kinds[number] = 0;
    }
    state->count = 0;
    state->slots_used = 0;
    state->free_record = STATE_NONE;
    state->change_first = STATE_NONE;
    state->change_last = STATE_NONE;
    state->dirty_first = STATE_NONE;
    state->large_bytes = 0;
    state->large_end = 0;
    state->large_first = STATE_NONE;
    state->large_last = STATE_NONE;
    state->nodes_used = 0;
    state->free_node = STATE_NONE;
    state->tree = STATE_NONE;
}

/* --- Records ---------------------------------------------------------------------------------- */

struct bytes state_record_value(const struct state *state, const struct state_record *record)
{
    if (record->value_len <= STATE_INLINE_MAX) {
        return bytes_make(record->value, record->value_len);
    }
    return bytes_make(state->large + record->large_at, record->value_len);
}

/* The record of a key, be it present or erased since the mark. */
static uint32_t record_find(const struct state *state, struct bytes key, uint64_t hash)
{
    uint32_t at = state->buckets[(uint32_t)hash & state->bucket_mask];

    while (at != STATE_NONE) {
        const struct state_record *record = &state->records[at];

        if (record->table_tag == (uint32_t)(hash >> 32) && record->key_len == key.len &&
            memcmp(record->key, key.data, key.len) == 0) {
            return at;
        }
        at = record->bucket_next;
    }
    return STATE_NONE;
}

static uint32_t record_take(struct state *state, struct bytes key, uint64_t hash)
{
    uint32_t number = state->free_record;

    if (number == STATE_NONE) {
        CHECK(state->slots_used < state->slots);
        number = ++state->slots_used;
    } else {
        state->free_record = state->records[number].bucket_next;
    }

    struct state_record *record = &state->records[number];
    uint32_t *bucket = &state->buckets[(uint32_t)hash & state->bucket_mask];

    memset(record, 0, offsetof(struct state_record, key));
    record->table_tag = (uint32_t)(hash >> 32);
    record->key_len = (uint8_t)key.len;
    memcpy(record->key, key.data, key.len);
    record->bucket_next = *bucket;
    *bucket = number;
    return number;
}

static void record_free(struct state *state, uint32_t number)
{
    struct state_record *record = &state->records[number];
    const uint64_t hash = state_hash(state, bytes_make(record->key, record->key_len));
    uint32_t *link = &state->buckets[(uint32_t)hash & state->bucket_mask];

    while (*link != number) {
        CHECK(*link != STATE_NONE);
        link = &state->records[*link].bucket_next;
    }
    *link = record->bucket_next;
    record->bucket_next = state->free_record;
    state->free_record = number;
}

static void change_note(struct state *state, uint32_t number)
{
    struct state_record *record = &state->records[number];

    if (record->changed) {
        return;
    }
    record->changed = true;
    record->was_present = record->present;
    record->change_prev = state->change_last;
    record->change_next = STATE_NONE;
    if (state->change_last == STATE_NONE) {
        state->change_first = number;
    } else {
        state->records[state->change_last].change_next = number;
    }
    state->change_last = number;
}

static void change_forget(struct state *state, uint32_t number)
{
    struct state_record *record = &state->records[number];

    if (record->change_prev == STATE_NONE) {
        state->change_first = record->change_next;
    } else {
        state->records[record->change_prev].change_next = record->change_next;
    }
    if (record->change_next == STATE_NONE) {
        state->change_last = record->change_prev;
    } else {
        state->records[record->change_next].change_prev = record->change_prev;
    }
    record->changed = false;
}

static void dirty_note(struct state *state, uint32_t number)
{
    struct state_record *record = &state->records[number];

    if (record->dirty) {
        return;
    }
    record->dirty = true;
    record->dirty_prev = STATE_NONE;
    record->dirty_next = state->dirty_first;
    if (state->dirty_first != STATE_NONE) {
        state->records[state->dirty_first].dirty_prev = number;
    }
    state->dirty_first = number;
}

static void dirty_forget(struct state *state, uint32_t number)
{
    struct state_record *record = &state->records[number];

    if (!record->dirty) {
        return;
    }
    if (record->dirty_prev == STATE_NONE) {
        state->dirty_first = record->dirty_next;
    } else {
        state->records[record->dirty_prev].dirty_next = record->dirty_next;
    }
    if (record->dirty_next != STATE_NONE) {
        state->records[record->dirty_next].dirty_prev = record->dirty_prev;
    }
    record->dirty = false;
}

/* --- Reading and writing ---------------------------------------------------------------------- */

bool state_get(const struct state *state, struct bytes key, struct bytes *value)
{
    const uint32_t number = record_find(state, key, state_hash(state, key));

    if (number == STATE_NONE || !state->records[number].present) {
        return false;
    }
    *value = state_record_value(state, &state->records[number]);
    return true;
}

bool state_has(const struct state *state, struct bytes key)
{
    struct bytes value;

    return state_get(state, key, &value);
}

/* Whether the counts allow the value for a record that has `old` (NULL: is not there). */
static bool has_room(const struct state *state, const struct state_record *old, size_t len)
{
    const size_t taken = old != NULL && old->value_len > STATE_INLINE_MAX ? old->value_len : 0;

    if (old == NULL && state->count == state->records_max) {
        return false;
    }
    if (len > STATE_VALUE_BYTES_MAX) {
        return false;
    }
    return len <= STATE_INLINE_MAX || len <= state->large_max - (state->large_bytes - taken);
}

static void value_store(struct state *state, uint32_t number, struct bytes value)
{
    struct state_record *record = &state->records[number];

    if (record->present && record->value_len > STATE_INLINE_MAX) {
        state_large_drop(state, number);
    }
    if (value.len > STATE_INLINE_MAX) {
        state_large_store(state, number, value);
    } else if (value.len > 0) {
        memcpy(record->value, value.data, value.len);
    }
    record->value_len = (uint32_t)value.len;
}

bool state_put(struct state *state, struct bytes key, struct bytes value)
{
    CHECK(key.len > 0);
    CHECK(key.len <= STATE_KEY_BYTES_MAX);

    const uint64_t hash = state_hash(state, key);
    uint32_t number = record_find(state, key, hash);
    const bool present = number != STATE_NONE && state->records[number].present;

    if (present && bytes_equal(state_record_value(state, &state->records[number]), value)) {
        return true;
    }
    if (!has_room(state, present ? &state->records[number] : NULL, value.len)) {
        return false;
    }
    if (number == STATE_NONE) {
        number = record_take(state, key, hash);
    }
    change_note(state, number);
    dirty_note(state, number);
    value_store(state, number, value);
    if (!present) {
        state->records[number].present = true;
        state->kinds[number] = key.data[0];
        state->count++;
    }
    return true;
}

bool state_erase(struct state *state, struct bytes key)
{
    const uint32_t number = record_find(state, key, state_hash(state, key));

    if (number == STATE_NONE || !state->records[number].present) {
        return false;
    }

    struct state_record *record = &state->records[number];

    change_note(state, number);
    dirty_forget(state, number);
    if (record->in_tree) {
        state_tree_remove(state, number);
    }
    if (record->value_len > STATE_INLINE_MAX) {
        state_large_drop(state, number);
    }
    record->value_len = 0;
    record->present = false;
    state->kinds[number] = 0;
    state->count--;
    if (!record->was_present) {
        change_forget(state, number);
        record_free(state, number);
    }
    return true;
}

uint32_t state_count(const struct state *state)
{
    return state->count;
}

uint32_t state_room(const struct state *state)
{
    const uint32_t most = state->records_max - STATE_RECORDS_KEPT(state->records_max);

    return state->count < most ? most - state->count : 0;
}

uint32_t state_free(const struct state *state)
{
    return state->records_max - state->count;
}

size_t state_free_bytes(const struct state *state)
{
    return state->large_max - state->large_bytes;
}

struct buffer state_scratch(struct state *state, enum state_scratch which)
{
    return buffer_make(state->scratch + (size_t)which * STATE_VALUE_BYTES_MAX,
                       STATE_VALUE_BYTES_MAX);
}

/* --- Changes and walks ------------------------------------------------------------------------ */

void state_mark(struct state *state)
{
    uint32_t number = state->change_first;

    while (number != STATE_NONE) {
        struct state_record *record = &state->records[number];
        const uint32_t next = record->change_next;

        record->changed = false;
        if (!record->present) {
            record_free(state, number);
        }
        number = next;
    }
    state->change_first = STATE_NONE;
    state->change_last = STATE_NONE;
}

bool state_change_next(const struct state *state, uint32_t *cursor, struct state_change *out)
{
    const uint32_t number =
        *cursor == 0 ? state->change_first : state->records[*cursor].change_next;

    if (number == STATE_NONE) {
        return false;
    }

    const struct state_record *record = &state->records[number];

    *cursor = number;
    out->key = bytes_make(record->key, record->key_len);
    out->value = state_record_value(state, record);
    out->erased = !record->present;
    return true;
}

bool state_next(const struct state *state, uint8_t kind, uint32_t *cursor, struct bytes *key,
                struct bytes *value)
{
    const uint8_t *const found =
        memchr(state->kinds + *cursor + 1, kind, state->slots_used - *cursor);

    if (found == NULL) {
        *cursor = state->slots_used;
        return false;
    }
    *cursor = (uint32_t)(found - state->kinds);

    const struct state_record *record = &state->records[*cursor];

    *key = bytes_make(record->key, record->key_len);
    *value = state_record_value(state, record);
    return true;
}

static struct bytes key_of(const struct state *state, uint32_t number)
{
    return bytes_make(state->records[number].key, state->records[number].key_len);
}

/* Restore the heap (the largest key on top) below `root`, among the first `count`. */
static void sift_down(struct state *state, uint32_t root, uint32_t count)
{
    uint32_t *order = state->order;

    for (uint32_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count &&
            bytes_compare(key_of(state, order[child]), key_of(state, order[child + 1])) < 0) {
            child++;
        }
        if (bytes_compare(key_of(state, order[root]), key_of(state, order[child])) >= 0) {
            return;
        }

        const uint32_t swapped = order[root];

        order[root] = order[child];
        order[child] = swapped;
        root = child;
    }
}

static void order_by_key(struct state *state)
{
    uint32_t count = 0;

    for (uint32_t number = 1; number <= state->slots_used; number++) {
        if (state->records[number].present) {
            state->order[count++] = number;
        }
    }
    for (uint32_t root = count / 2; root > 0; root--) {
        sift_down(state, root - 1, count);
    }
    for (uint32_t left = count; left > 1; left--) {
        const uint32_t largest = state->order[0];

        state->order[0] = state->order[left - 1];
        state->order[left - 1] = largest;
        sift_down(state, 0, left - 1);
    }
}

bool state_visit(struct state *state, state_visitor *visit, void *context)
{
    order_by_key(state);
    for (uint32_t i = 0; i < state->count; i++) {
        const struct state_record *record = &state->records[state->order[i]];

        if (!visit(context, key_of(state, state->order[i]), state_record_value(state, record))) {
            return false;
        }
    }
    return true;
}
