#include "tests/support/served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

struct served *served_open(uint32_t blocks, uint32_t requests, uint32_t entries)
{
    const struct serve_setup setup = {.rid = HOST_LOG_NODE,
                                      .charter_file = bytes_of_text(SERVED_CHARTER)};
    struct served *served = calloc(1, sizeof(*served));
    void *log = NULL;
    assert_non_null(served);
    assert_int_equal(host_log_setup(&log), 0);
    served->log = log;
    for (uint32_t i = 0; i < blocks; i++) {
        host_log_block(served->log, requests, entries);
    }
    assert_int_equal(serve_open(&setup, &served->serve), STATUS_OK);
    return served;
}

void served_close(struct served *served)
{
    void *log = served->log;
    for (uint32_t i = 0; i < SERVED_FRAMES_MAX; i++) {
        free(served->attachments[i]);
    }
    serve_close(served->serve);
    free(served);
    (void)host_log_teardown(&log);
}

int served_teardown(void **state)
{
    served_close(*state);
    return 0;
}

static void keep(void *context, struct bytes frame)
{
    struct served *served = context;
    struct envelope envelope;
    size_t used = 0;
    uint32_t i = served->frame_count++;
    assert_true(i < SERVED_FRAMES_MAX);
    assert_int_equal(bytes_get_u32be(frame.data), frame.len - FRAME_HEADER_BYTES);
    struct bytes content = bytes_slice(frame, FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES);
    assert_int_equal(schema_decode_front(&schema_envelope, content, &envelope, &used), WIRE_OK);
    assert_int_equal(envelope.type, MESSAGE_DATA);
    assert_int_equal(envelope.rid, HOST_LOG_NODE);
    assert_int_equal(data_decode(envelope.body, &served->data[i]), WIRE_OK);
    free(served->attachments[i]);
    served->lens[i] = content.len - used;
    served->attachments[i] = malloc(served->lens[i] + 1);
    memcpy(served->attachments[i], content.data + used, served->lens[i]);
}

void served_fetch(struct served *served, const struct fetch *fetch)
{
    served->frame_count = 0;
    assert_int_equal(serve_fetch_store(served->serve, served->log->store, fetch, keep, served),
                     STATUS_OK);
    assert_true(served->frame_count > 0);
}

void served_ask(struct served *served, uint64_t kind, uint64_t from, uint64_t count)
{
    const struct fetch fetch = {.kind = kind, .from = from, .count = count};
    served_fetch(served, &fetch);
    assert_int_equal(served->data[0].kind, kind);
}

struct bytes served_attachment(const struct served *served, uint32_t i)
{
    return bytes_make(served->attachments[i], served->lens[i]);
}
