/* RFC 6962's tree, once more and plainly: every complete node is kept, a root is folded from the
 * right. Shares nothing with crypto/merkle.c. */
#include "crypto/hash.h"
#include "tests/sim/check.h"

#include <stdlib.h>
#include <string.h>

static void level_add(struct check_level *level, const uint8_t hash[HASH_BYTES])
{
    if (level->count == level->capacity) {
        level->capacity = level->capacity == 0 ? 256 : 2 * level->capacity;
        level->hashes = realloc(level->hashes, level->capacity * HASH_BYTES);
        CHECK(level->hashes != NULL);
    }
    memcpy(level->hashes[level->count++], hash, HASH_BYTES);
}

static void join(const uint8_t left[HASH_BYTES], const uint8_t right[HASH_BYTES],
                 uint8_t out[HASH_BYTES])
{
    static const uint8_t one = 1;
    struct bytes parts[] = {bytes_make(&one, 1), bytes_make(left, HASH_BYTES),
                            bytes_make(right, HASH_BYTES)};
    hash_parts(parts, 3, out);
}

void check_tree_append(struct check *check, const uint8_t leaf_hash[HASH_BYTES])
{
    level_add(&check->levels[0], leaf_hash);
    for (unsigned level = 0; check->levels[level].count % 2 == 0; level++) {
        const struct check_level *below = &check->levels[level];
        uint8_t hash[HASH_BYTES];
        join(below->hashes[below->count - 2], below->hashes[below->count - 1], hash);
        level_add(&check->levels[level + 1], hash);
    }
}

/* The hash over leaves [index << level, min((index + 1) << level, size)); there is at least one. */
static void node_hash(const struct check *check, unsigned level, uint64_t index, uint64_t size,
                      uint8_t out[HASH_BYTES])
{
    uint64_t end = size < (index + 1) << level ? size : (index + 1) << level;
    bool have = false;
    uint8_t hash[HASH_BYTES];
    /* The complete subtrees of the last, ragged stretch, from the right to the left. */
    for (unsigned at = 0; at <= level; at++) {
        bool complete = (end >> at & 1) != 0 && (end >> at) - 1 >= (index << (level - at));
        bool whole = at == level && end == (index + 1) << level;
        if (!complete && !whole) {
            continue;
        }
        const uint8_t *node = check->levels[at].hashes[whole ? index : (end >> at) - 1];
        if (whole || !have) {
            memcpy(hash, node, HASH_BYTES);
        } else {
            join(node, hash, hash);
        }
        have = true;
    }
    CHECK(have);
    memcpy(out, hash, HASH_BYTES);
}

static unsigned top_of(uint64_t size)
{
    unsigned top = 0;
    while (UINT64_C(1) << top < size) {
        top++;
    }
    return top;
}

void check_tree_root(const struct check *check, uint64_t size, uint8_t out[HASH_BYTES])
{
    if (size == 0) {
        hash_bytes(BYTES_EMPTY, out);
        return;
    }
    node_hash(check, top_of(size), 0, size, out);
}

void check_tree_path(const struct check *check, uint64_t index, uint64_t size, struct buffer *out)
{
    unsigned top = top_of(size);
    for (unsigned level = 0; level < top; level++) {
        uint64_t sibling = (index >> level) ^ 1;
        uint8_t hash[HASH_BYTES];
        if (sibling << level >= size) {
            continue; /* promoted as it is */
        }
        node_hash(check, level, sibling, size, hash);
        buffer_put(out, BYTES_OF_ARRAY(hash));
    }
}
