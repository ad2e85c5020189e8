#include "replica/core/pool.h"

#include <stdlib.h>
#include <string.h>

struct pool_link {
    struct pool_link *next;
    struct pool_link *previous;
};

/* mark_of[u] describes the block that begins at unit u: MARK(its order), with FREE_BIT while it is
 * on a free list, or INSIDE when no block begins there. */
#define FREE_BIT 0x80u
#define INSIDE 0u
#define MARK(order) ((order) + 1u)

#define UNITS_PER_TOP (1u << (POOL_ORDERS - 1))

static size_t unit_of(const struct pool *pool, const void *block)
{
    return (size_t)((const uint8_t *)block - pool->region) / POOL_BLOCK_BYTES_MIN;
}

static struct pool_link *link_at(const struct pool *pool, size_t unit)
{
    return (struct pool_link *)(void *)(pool->region + unit * POOL_BLOCK_BYTES_MIN);
}

static void free_push(struct pool *pool, size_t unit, unsigned order)
{
    struct pool_link *link = link_at(pool, unit);
    link->previous = NULL;
    link->next = pool->free[order];
    if (link->next != NULL) {
        link->next->previous = link;
    }
    pool->free[order] = link;
    pool->mark_of[unit] = (uint8_t)(MARK(order) | FREE_BIT);
}

static void free_remove(struct pool *pool, size_t unit, unsigned order)
{
    struct pool_link *link = link_at(pool, unit);
    if (link->next != NULL) {
        link->next->previous = link->previous;
    }
    if (link->previous != NULL) {
        link->previous->next = link->next;
    } else {
        pool->free[order] = link->next;
    }
    pool->mark_of[unit] = INSIDE;
}

enum status pool_open(struct pool *pool, size_t bytes)
{
    *pool = (struct pool){0};
    size_t tops = bytes / POOL_BLOCK_BYTES_MAX;
    if (tops == 0) {
        return STATUS_INVALID;
    }
    pool->units = tops * UNITS_PER_TOP;
    pool->region = calloc(tops, POOL_BLOCK_BYTES_MAX);
    pool->mark_of = calloc(pool->units, 1);
    if (pool->region == NULL || pool->mark_of == NULL) {
        pool_close(pool);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

void pool_close(struct pool *pool)
{
    free(pool->region);
    free(pool->mark_of);
    *pool = (struct pool){0};
}

/* The smallest order that has a free block, from `wanted` on, or POOL_ORDERS. Blocks of the largest
 * size come from the region one after the other: what is never needed is never touched. */
static unsigned order_free(struct pool *pool, unsigned wanted)
{
    unsigned order = wanted;
    while (order < POOL_ORDERS && pool->free[order] == NULL) {
        order++;
    }
    if (order == POOL_ORDERS && pool->units_begun < pool->units) {
        order = POOL_ORDERS - 1;
        free_push(pool, pool->units_begun, order);
        pool->units_begun += UNITS_PER_TOP;
    }
    return order;
}

static unsigned order_for(size_t len)
{
    unsigned order = 0;
    while ((size_t)POOL_BLOCK_BYTES_MIN << order < len) {
        order++;
    }
    return order;
}

uint8_t *pool_take(struct pool *pool, size_t len)
{
    CHECK(len >= 1);
    CHECK(len <= POOL_BLOCK_BYTES_MAX);
    unsigned wanted = order_for(len);
    unsigned order = order_free(pool, wanted);
    if (order == POOL_ORDERS) {
        return NULL;
    }
    size_t unit = unit_of(pool, pool->free[order]);
    free_remove(pool, unit, order);
    while (order > wanted) {
        order--;
        free_push(pool, unit + ((size_t)1 << order), order);
    }
    pool->mark_of[unit] = (uint8_t)MARK(wanted);
    pool->used_bytes += (size_t)POOL_BLOCK_BYTES_MIN << wanted;
    return pool->region + unit * POOL_BLOCK_BYTES_MIN;
}

void pool_give(struct pool *pool, const uint8_t *block)
{
    if (block == NULL) {
        return;
    }
    size_t unit = unit_of(pool, block);
    CHECK(unit < pool->units);
    unsigned mark = pool->mark_of[unit];
    CHECK(mark >= MARK(0));
    CHECK(mark < MARK(POOL_ORDERS));
    unsigned order = mark - MARK(0);
    pool->used_bytes -= (size_t)POOL_BLOCK_BYTES_MIN << order;
    pool->mark_of[unit] = INSIDE;
    while (order < POOL_ORDERS - 1) {
        size_t buddy = unit ^ ((size_t)1 << order);
        if (pool->mark_of[buddy] != (MARK(order) | FREE_BIT)) {
            break;
        }
        free_remove(pool, buddy, order);
        unit = unit < buddy ? unit : buddy;
        order++;
    }
    free_push(pool, unit, order);
}

bool pool_is_crowded(const struct pool *pool)
{
    return pool->used_bytes / 3 >= pool->units * POOL_BLOCK_BYTES_MIN / 4;
}

struct bytes pool_copy(struct pool *pool, struct bytes bytes)
{
    if (bytes.len == 0) {
        return BYTES_EMPTY;
    }
    uint8_t *copy = pool_take(pool, bytes.len);
    if (copy == NULL) {
        return BYTES_EMPTY;
    }
    memcpy(copy, bytes.data, bytes.len);
    return bytes_make(copy, bytes.len);
}
