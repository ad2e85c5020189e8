/* Many proofs from one range: every node above it is computed once, from the bottom up. On each
 * level at most the first and the last node reach beyond the range, and then their siblings are
 * among the hashes of the range's own proof. */
#include "crypto/hash.h"
#include "crypto/merkle.h"

#include <string.h>

static bool is_odd(uint64_t number)
{
    return (number & 1) != 0;
}

/* The last node of a level of the whole tree. */
static uint64_t last_of_tree(const struct merkle_span *span, unsigned level)
{
    return (span->size - 1) >> level;
}

/* Whether the range's own proof has a hash on this level, to the left or to the right. */
static bool has_left(const struct merkle_span *span, unsigned level)
{
    return is_odd(span->begin >> level);
}

static bool has_right(const struct merkle_span *span, unsigned level)
{
    const uint64_t last = (span->end - 1) >> level;

    return !is_odd(last) && last < last_of_tree(span, level);
}

/* A node above the range, or a sibling of the first or the last of them. */
static const uint8_t *node_at(const struct merkle_span *span, unsigned level, uint64_t index)
{
    const uint64_t first = span->begin >> level;
    const uint64_t last = (span->end - 1) >> level;

    if (index < first) {
        CHECK(index + 1 == first);
        return span->left[level];
    }
    if (index > last) {
        CHECK(index == last + 1);
        return span->right[level];
    }
    return span->nodes[span->offset[level] + (index - first)];
}

static void place(struct merkle_span *span, uint64_t begin, uint64_t end, uint64_t size,
                  uint8_t (*nodes)[HASH_BYTES])
{
    span->begin = begin;
    span->end = end;
    span->size = size;
    span->nodes = nodes;
    span->top = 0;
    while ((size - 1) >> span->top != 0) {
        span->top++;
    }
}

/* Compute every level from the leaves and the siblings outside. */
static void build(struct merkle_span *span, struct bytes leaf_hashes)
{
    memmove(span->nodes, leaf_hashes.data, leaf_hashes.len);
    span->offset[0] = 0;
    for (unsigned level = 0; level < span->top; level++) {
        const uint64_t first = span->begin >> level;
        const uint64_t last = (span->end - 1) >> level;
        size_t at = span->offset[level] + (last - first + 1);

        span->offset[level + 1] = at;
        for (uint64_t parent = first >> 1; parent <= last >> 1; parent++, at++) {
            const uint8_t *left = node_at(span, level, 2 * parent);

            if (2 * parent + 1 > last_of_tree(span, level)) {
                memcpy(span->nodes[at], left, HASH_BYTES);
            } else {
                merkle_node_hash(left, node_at(span, level, 2 * parent + 1), span->nodes[at]);
            }
        }
    }
}

bool merkle_span_tail(struct merkle_span *span, const struct merkle_frontier *before,
                      struct bytes leaf_hashes, uint8_t (*nodes)[HASH_BYTES])
{
    const uint64_t count = leaf_hashes.len / HASH_BYTES;

    CHECK(leaf_hashes.len % HASH_BYTES == 0);
    CHECK(before->size <= MERKLE_SIZE_MAX);
    if (count == 0 || count > MERKLE_SIZE_MAX - before->size) {
        return false;
    }
    place(span, before->size, before->size + count, before->size + count, nodes);
    for (unsigned level = 0; level < span->top; level++) {
        if (has_left(span, level)) {
            memcpy(span->left[level], before->hashes[level], HASH_BYTES);
        }
    }
    build(span, leaf_hashes);
    return true;
}

void merkle_span_append(const struct merkle_span *span, struct merkle_frontier *frontier,
                        merkle_completed *completed, void *context)
{
    CHECK(span->end == span->size);
    CHECK(frontier->size == span->begin);
    for (unsigned level = 0; level <= span->top && level < MERKLE_PATH_MAX; level++) {
        /* The nodes that end within the block: complete now, and not before. */
        const uint64_t before = span->begin >> level;
        const uint64_t after = span->end >> level;

        for (uint64_t index = before; index < after && completed != NULL; index++) {
            completed(context, level, index, node_at(span, level, index));
        }
        if (before != after && is_odd(after)) {
            memcpy(frontier->hashes[level], node_at(span, level, after - 1), HASH_BYTES);
        }
    }
    frontier->size = span->end;
}

/* Take the hashes outside the range from its proof. Whether there are exactly as many as needed. */
static bool take_outside(struct merkle_span *span, struct bytes proof)
{
    size_t at = 0;

    for (unsigned level = span->top; level-- > 0;) {
        if (!has_left(span, level)) {
            continue;
        }
        if (proof.len - at < HASH_BYTES) {
            return false;
        }
        memcpy(span->left[level], proof.data + at, HASH_BYTES);
        at += HASH_BYTES;
    }
    for (unsigned level = 0; level < span->top; level++) {
        if (!has_right(span, level)) {
            continue;
        }
        if (proof.len - at < HASH_BYTES) {
            return false;
        }
        memcpy(span->right[level], proof.data + at, HASH_BYTES);
        at += HASH_BYTES;
    }
    return at == proof.len;
}

bool merkle_span_verify(struct merkle_span *span, const struct merkle_range *range,
                        struct bytes proof, const uint8_t root[HASH_BYTES],
                        uint8_t (*nodes)[HASH_BYTES])
{
    uint8_t computed[HASH_BYTES];

    if (!merkle_range_is_valid(range)) {
        return false;
    }
    place(span, range->begin, range->end, range->size, nodes);
    if (!take_outside(span, proof)) {
        return false;
    }
    build(span, range->leaf_hashes);
    merkle_span_root(span, computed);
    return hash_equal(computed, root);
}

void merkle_span_root(const struct merkle_span *span, uint8_t out[HASH_BYTES])
{
    memcpy(out, node_at(span, span->top, 0), HASH_BYTES);
}

static void add(struct merkle_proof *proof, const uint8_t hash[HASH_BYTES])
{
    memcpy(proof->hashes[proof->count], hash, HASH_BYTES);
    proof->count++;
}

bool merkle_span_inclusion(const struct merkle_span *span, uint64_t index, struct merkle_proof *out)
{
    if (index < span->begin || index >= span->end) {
        return false;
    }
    out->count = 0;
    for (unsigned level = 0; level < span->top; level++) {
        const uint64_t sibling = index >> level ^ 1;

        if (sibling <= last_of_tree(span, level)) {
            add(out, node_at(span, level, sibling));
        }
    }
    return true;
}

bool merkle_span_range(const struct merkle_span *span, uint64_t begin, uint64_t end,
                       struct merkle_proof *out)
{
    if (begin < span->begin || begin >= end || end > span->end) {
        return false;
    }
    out->count = 0;
    for (unsigned level = span->top; level-- > 0;) {
        const uint64_t index = begin >> level;

        if (is_odd(index)) {
            add(out, node_at(span, level, index - 1));
        }
    }
    for (unsigned level = 0; level < span->top; level++) {
        const uint64_t index = (end - 1) >> level;

        if (!is_odd(index) && index < last_of_tree(span, level)) {
            add(out, node_at(span, level, index + 1));
        }
    }
    return true;
}
