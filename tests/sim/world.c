#include "tests/sim/world.h"

#include "crypto/hash.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct blob *blob_make(struct bytes bytes)
{
    CHECK(bytes.len <= UINT32_MAX);
    struct blob *blob = malloc(sizeof(*blob) + bytes.len);
    CHECK(blob != NULL);
    *blob = (struct blob){.refs = 1, .len = (uint32_t)bytes.len};
    if (bytes.len > 0) {
        memcpy(blob->data, bytes.data, bytes.len);
    }
    return blob;
}

uint64_t blob_type(struct blob *blob)
{
    struct envelope envelope;
    size_t used = 0;
    if (!blob->typed) {
        bool good =
            schema_decode_front(&schema_envelope, blob_bytes(blob), &envelope, &used) == WIRE_OK;
        blob->type = good ? envelope.type : 0;
        blob->typed = true;
    }
    return blob->type;
}

void blob_drop(struct blob *blob)
{
    if (blob != NULL && --blob->refs == 0) {
        free(blob);
    }
}

struct telling *telling_make(uint32_t rid, uint32_t count)
{
    struct telling *reply = calloc(1, sizeof(*reply) + count * sizeof(reply->items[0]));
    CHECK(reply != NULL);
    reply->refs = 1;
    reply->rid = rid;
    reply->count = count;
    return reply;
}

void telling_attest(struct telling *reply, struct bytes attest)
{
    struct block_header header;
    CHECK(attest_decode(attest, &reply->attest) == WIRE_OK);
    CHECK(reply->attest.header.len <= sizeof(reply->header_bytes));
    memcpy(reply->header_bytes, reply->attest.header.data, reply->attest.header.len);
    reply->attest.header.data = reply->header_bytes;
    CHECK(block_header_decode(reply->attest.header, &header) == WIRE_OK);
    reply->height = header.height;
    hash_bytes(reply->attest.header, reply->header_hash);
}

void telling_drop(struct telling *reply)
{
    if (reply != NULL && --reply->refs == 0) {
        free(reply);
    }
}

void world_fail(struct world *world, const char *invariant, uint32_t rid, const char *format, ...)
{
    if (world->failed) {
        return;
    }
    world->failed = true;
    char text[384];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    char who[16] = "";
    if (rid != SIM_NOBODY) {
        (void)snprintf(who, sizeof(who), " r%" PRIu32, rid);
    }
    (void)snprintf(world->failure, sizeof(world->failure),
                   "%s at %" PRIu64 ".%03" PRIu64 " ms%s: %s", invariant, world->now_us / 1000,
                   world->now_us % 1000, who, text);
}

void world_trace(const struct world *world, const char *format, ...)
{
    if (!world->trace) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)printf("%8" PRIu64 ".%03" PRIu64 " ", world->now_us / 1000, world->now_us % 1000);
    (void)vprintf(format, arguments);
    (void)putchar('\n');
    va_end(arguments);
}

void world_note(struct world *world, struct bytes bytes)
{
    uint64_t digest = world->digest ^ (world->now_us * UINT64_C(0x9e3779b97f4a7c15)) ^ bytes.len;
    for (size_t at = 0; at < bytes.len; at += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes.data + at, bytes.len - at < 8 ? bytes.len - at : 8);
        digest = (digest ^ word) * UINT64_C(0x94d049bb133111eb);
        digest ^= digest >> 29;
    }
    world->digest = digest;
}
