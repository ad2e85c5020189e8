/* Simulated clients: each with a token of its own, requests outstanding, repetition to all replicas
 * after a while, and the counting of answers that makes a result and a receipt.
 *
 * What was asked is kept for the whole run: the checker judges the log by it. */
#ifndef VESTRY_TESTS_SIM_CLIENT_H
#define VESTRY_TESTS_SIM_CLIENT_H

#include "tests/sim/world.h"

#define SIM_STREAMS 9
#define SIM_GOVERNANCE SIM_STREAMS /* the number of the log's own stream, which is one more */
#define SIM_ATTESTED 16            /* heights a client remembers attestations of */

enum fate {
    FATE_OPEN,
    FATE_ACKNOWLEDGED, /* W equal results, and Q attestations above it or a receipt */
    FATE_REFUSED,      /* W equal refusals */
};

/* One statement as it was meant. */
struct wish {
    uint32_t stream; /* number of its name */
    uint32_t payload_len;
    uint64_t expect; /* U64_UNLIMITED: whatever the length */
    uint8_t payload_hash[HASH_BYTES];
};

struct answer {
    bool given;
    bool hint;
    uint64_t code;
    uint64_t first_index;
    uint64_t count;
    uint64_t height;
};

struct change;

struct sim_request {
    uint8_t id[HASH_BYTES];
    uint8_t content_hash[HASH_BYTES]; /* of request, token and statements, as the item has them */
    uint32_t client;
    uint64_t number;
    uint64_t not_after_ms;
    uint32_t count;
    struct wish *wishes;
    struct change *change; /* of an officer's request, or NULL; see officer.h */
    struct blob *frame;
    uint64_t repeat_us;
    uint64_t log_before; /* entries that were acknowledged to anybody when it was first sent */
    enum fate fate;
    struct answer answers[SIM_REPLICAS_MAX];
    /* What the checker saw in the log. */
    bool appended;
    uint64_t first_index;
    uint64_t height;
};

struct request_log {
    struct sim_request **all;
    size_t count;
    size_t capacity;
    uint32_t *index; /* by id: position + 1, 0 for none */
    size_t index_size;
};

struct attested_height {
    uint64_t height;
    uint8_t header_hash[HASH_BYTES];
    uint32_t by; /* set of replicas */
};

struct client {
    struct key_pair holder;
    struct grant grant;
    uint8_t token[TOKEN_BYTES_MAX];
    size_t token_len;
    uint8_t token_hash[HASH_BYTES];
    uint8_t session[HASH_BYTES]; /* id of the token's block */
    uint64_t next_number;
    struct sim_request *open[SESSION_WINDOW];
    uint32_t open_count;
    struct attested_height attested[SIM_ATTESTED];
    struct attested_height proven; /* the highest with Q attestations */
};

void clients_open(struct world *world);
void clients_close(struct world *world);

/* The client's timer: ask anew, repeat what is overdue. */
void client_wakes(struct world *world, uint32_t client);

/* A replica has something to tell: to every client it concerns. */
void clients_told(struct world *world, struct telling *reply);
void client_hears(struct world *world, uint32_t client, const struct telling *reply);

/* A request that its client sends to all, and now waits for. */
void client_sends(struct world *world, struct sim_request *request);

MUST_USE uint32_t clients_waiting(const struct world *world);
MUST_USE struct sim_request *request_find(const struct world *world, const uint8_t id[HASH_BYTES]);
MUST_USE const char *stream_name(uint32_t stream);

#endif
