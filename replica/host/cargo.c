#include "replica/host/cargo.h"

#include "storage/record.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)256 << 10)

/* What the core's journal calls an accepted pre-prepare: a vote of this replica. */
#define JOURNAL_VOTED 's'

struct cargo_chunk {
    struct cargo_chunk *next;
    size_t capacity;
    size_t used;
    uint8_t data[];
};

void cargo_init(struct cargo *cargo)
{
    *cargo = (struct cargo){0};
}

static void free_chunks(struct cargo_chunk *chunk)
{
    while (chunk != NULL) {
        struct cargo_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

static void drop_picture(struct cargo *cargo)
{
    if (cargo->picture != NULL) {
        store_view_close(cargo->picture);
    }
    cargo->picture = NULL;
    cargo->pin = 0;
}

static void drop_deeds(struct cargo *cargo)
{
    for (size_t i = 0; i < cargo->deed_count; i++) {
        blob_drop(cargo->deeds[i].frame);
    }
    cargo->deed_count = 0;
}

void cargo_free(struct cargo *cargo)
{
    drop_deeds(cargo);
    drop_picture(cargo);
    free_chunks(cargo->chunks);
    free(cargo->puts);
    free(cargo->deeds);
    cargo_init(cargo);
}

void cargo_reset(struct cargo *cargo)
{
    drop_deeds(cargo);
    drop_picture(cargo);
    cargo->put_count = 0;
    cargo->bytes = 0;
    if (cargo->chunks != NULL) {
        free_chunks(cargo->chunks->next);
        cargo->chunks->next = NULL;
        cargo->chunks->used = 0;
    }
}

static uint8_t *take_memory(struct cargo *cargo, size_t len)
{
    struct cargo_chunk *chunk = cargo->chunks;
    if (chunk == NULL || chunk->capacity - chunk->used < len) {
        /* Each chunk is larger than the one before, so that the one that is kept comes to fit. */
        size_t capacity = chunk == NULL ? CHUNK_BYTES : 2 * chunk->capacity;
        capacity = capacity < len ? len : capacity;
        struct cargo_chunk *fresh = (struct cargo_chunk *)malloc(sizeof *fresh + capacity);
        CHECK(fresh != NULL);
        fresh->next = chunk;
        fresh->capacity = capacity;
        fresh->used = 0;
        cargo->chunks = fresh;
        chunk = fresh;
    }
    uint8_t *memory = chunk->data + chunk->used;
    chunk->used += len;
    cargo->bytes += len;
    return memory;
}

static struct bytes copy(struct cargo *cargo, struct bytes bytes)
{
    if (bytes.len == 0) {
        return BYTES_EMPTY;
    }
    uint8_t *memory = take_memory(cargo, bytes.len);
    memcpy(memory, bytes.data, bytes.len);
    return bytes_make(memory, bytes.len);
}

/* Room for `more` elements behind `count`, in an array that doubles. */
static void *grown(void *array, size_t count, size_t *capacity, size_t more, size_t element)
{
    if (*capacity - count >= more) {
        return array;
    }
    size_t wanted = *capacity == 0 ? 64 : *capacity;
    while (wanted - count < more) {
        wanted *= 2;
    }
    void *fresh = realloc(array, wanted * element);
    CHECK(fresh != NULL);
    *capacity = wanted;
    return fresh;
}

void cargo_add_puts(struct cargo *cargo, const struct put *puts, size_t count)
{
    cargo->puts = (struct put *)grown(cargo->puts, cargo->put_count, &cargo->put_capacity, count,
                                      sizeof *cargo->puts);
    for (size_t i = 0; i < count; i++) {
        uint8_t kind = 0;
        uint64_t height = 0;
        if (puts[i].family == FAMILY_JOURNAL && !puts[i].erase &&
            record_read_journal(puts[i].key, &kind, &height) && kind == JOURNAL_VOTED &&
            height > cargo->anchor.voted) {
            cargo->anchor.voted = height;
        }
        cargo->puts[cargo->put_count++] = (struct put){.family = puts[i].family,
                                                       .erase = puts[i].erase,
                                                       .key = copy(cargo, puts[i].key),
                                                       .value = copy(cargo, puts[i].value)};
    }
}

void cargo_add_deed(struct cargo *cargo, const struct deed *deed)
{
    cargo->deeds = (struct deed *)grown(cargo->deeds, cargo->deed_count, &cargo->deed_capacity, 1,
                                        sizeof *cargo->deeds);
    cargo->deeds[cargo->deed_count++] = *deed;
    cargo->bytes += deed->frame == NULL ? 0 : deed->frame->len;
}
