/* A live cluster in one process: four hosts on threads of their own, on loopback, with stores in
 * memory; and a plain client that can misbehave. For tests of the host as a whole. */
#ifndef VESTRY_TESTS_SUPPORT_LIVE_H
#define VESTRY_TESTS_SUPPORT_LIVE_H

#include "crypto/schema.h"
#include "replica/host/host.h"
#include "tests/support/gov_fixture.h"

#include <openssl/ssl.h>
#include <pthread.h>

#define LIVE_HOSTS 4
#define LIVE_FRAME_MAX FRAME_BYTES_MAX

struct live_host {
    struct config config;
    struct store *store;
    struct host *host; /* NULL: not running */
    int stop_fd;
    pthread_t thread;
    uint8_t seeds[3][SEED_BYTES]; /* sign, cosign, transport */
    bool has_next;                /* keys of a later epoch too, from the next start on */
    uint8_t next_seeds[3][SEED_BYTES];
};

struct live {
    struct gov_fixture fixture;
    uint32_t first_rid; /* hosts[i] is the replica first_rid + i */
    struct gov_world world;
    struct bytes charter_file;
    struct roster roster;
    struct config_peer addresses[REPLICAS_MAX];
    uint64_t date_ms;
    uint64_t request_no;
    struct live_host hosts[LIVE_HOSTS];
};

/* cmocka's setup and teardown: *state becomes a struct live with every host running. */
int live_setup(void **state);
/* The same, with replica ids beyond the number of replicas that there can be. */
int live_setup_large_ids(void **state);
int live_teardown(void **state);

/* Here and below: hosts[rid], which is what it is called unless the ids are large. */
void live_start(struct live *live, uint32_t rid);
void live_stop(struct live *live, uint32_t rid);

/* --- A client -------------------------------------------------------------------------------- */

struct live_client {
    struct live *live;
    uint32_t rid; /* of the replica at the other end */
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    uint8_t exporter[HASH_BYTES];
    uint8_t *frame; /* the last one received */
    size_t len;
};

/* Connect and finish the handshake. */
struct live_client live_connect(struct live *live, uint32_t rid);
void live_hang_up(struct live_client *client);

/* HELLO as the holder "alice", and its answer. False when the connection was closed instead. */
bool live_hello(struct live_client *client, uint32_t flags);

/* Raw bytes, and whole frames. False when the other end has closed. */
bool live_send_raw(struct live_client *client, struct bytes bytes);
bool live_send(struct live_client *client, const struct envelope *envelope,
               struct bytes attachment);

/* The next frame; empty when the other end closed, or said nothing for `wait_ms`. */
struct bytes live_receive(struct live_client *client, int wait_ms);

/* The next frame of that type, others passed over; false as above. */
bool live_await(struct live_client *client, uint64_t type, struct envelope *envelope,
                struct bytes *attachment);

/* Whether the other end closes within five seconds; frames that still come are passed over. */
bool live_is_closed(struct live_client *client);

/* An append of `count` entries to pay/eu by alice, as a request_parcel. Static memory. */
struct bytes live_append(struct live *live, uint32_t count);
bool live_send_request(struct live_client *client, struct bytes parcel);
bool live_send_fetch(struct live_client *client, uint64_t kind, uint64_t from, uint64_t count);

/* The status of a replica, over a client's connection. */
struct status_answer live_status(struct live_client *client);

#endif
