/* A real log in a store in memory: one node of core_fixture.h executes blocks that three others are
 * pretended to vote for, and what it puts is committed. For tests of what the host does with a
 * store and with executed blocks. */
#ifndef VESTRY_TESTS_SUPPORT_HOST_LOG_H
#define VESTRY_TESTS_SUPPORT_HOST_LOG_H

#include "storage/store.h"
#include "tests/support/core_fixture.h"

#define HOST_LOG_NODE 3 /* whose store it is */

/* Told of every executed block, while its memory lives. */
typedef void host_log_executed(void *context, const struct block_outcome *outcome);

struct host_log {
    struct core_fixture *core;
    struct store *store;
    uint64_t height;
    uint64_t epoch;          /* of the next block */
    uint64_t request_no;     /* the next one */
    struct bytes governance; /* m1 brings this payload after the next block's first request */
    uint64_t governance_no;
    host_log_executed *executed;
    void *context;
    size_t header_len; /* of the newest block */
    uint8_t header[HEADER_BYTES_MAX];
};

/* cmocka's setup and teardown: *state becomes a struct host_log that holds genesis. */
int host_log_setup(void **state);
int host_log_teardown(void **state);

/* Execute one more block of `requests` requests (at most 60), each appending `entries` entries in
 * turn to pay/eu and pay/us. Entry i of a request has i % 50 zero bytes. */
void host_log_block(struct host_log *log, uint32_t requests, uint32_t entries);

/* Let replicas 0 and 1 attest the newest block too, so that there is a checkpoint of a quorum. */
void host_log_attest(struct host_log *log);

/* The newest block's. */
struct block_header host_log_header(const struct host_log *log);

/* A read of one statement by the token's holder, as a REQUEST frame without header. `stream` may be
 * empty. Static memory. */
struct bytes host_log_read(struct host_log *log, const char *stream, uint64_t from, uint64_t count);

#endif
