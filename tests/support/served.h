/* A real log (host_log.h) with several blocks, what a replica serves out of its store, and the
 * frames that it answered last. */
#ifndef VESTRY_TESTS_SUPPORT_SERVED_H
#define VESTRY_TESTS_SUPPORT_SERVED_H

#include "replica/host/serve.h"
#include "tests/support/host_log.h"

#define SERVED_CHARTER "the charter"
#define SERVED_FRAMES_MAX 32

struct served {
    struct host_log *log;
    struct serve *serve;
    uint32_t frame_count;
    struct data data[SERVED_FRAMES_MAX];
    size_t lens[SERVED_FRAMES_MAX]; /* of the attachments */
    uint8_t *attachments[SERVED_FRAMES_MAX];
};

/* So many blocks of so many requests with so many entries each, which nobody else attests. */
struct served *served_open(uint32_t blocks, uint32_t requests, uint32_t entries);
void served_close(struct served *served);
/* The same for cmocka, where *state is one. */
int served_teardown(void **state);

/* What is answered to that FETCH becomes the frames: one at least, good DATA of HOST_LOG_NODE. */
void served_fetch(struct served *served, const struct fetch *fetch);
/* The same of a few numbers, about which the first frame is. */
void served_ask(struct served *served, uint64_t kind, uint64_t from, uint64_t count);

struct bytes served_attachment(const struct served *served, uint32_t i);

#endif
