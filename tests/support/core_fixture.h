/* A few nodes on paper, for tests of the core message by message: real charter, real frames, no
 * network and no store. The signatures are the fast stand-in's. */
#ifndef VESTRY_TESTS_SUPPORT_CORE_FIXTURE_H
#define VESTRY_TESTS_SUPPORT_CORE_FIXTURE_H

#include "crypto/schema.h"
#include "replica/core/node.h"
#include "tests/support/gov_fixture.h"

#define CORE_NODES 4

struct core_fixture {
    struct gov_fixture charter;
    struct gov_world world;
    struct node *nodes[CORE_NODES];
    struct outbox outbox; /* of the last step, whoever made it */
    uint8_t seeds[CORE_NODES][2][SEED_BYTES];
    uint64_t now_ms;
    uint64_t wall_ms;
    uint32_t arriving; /* what every event says of requests on their way */
};

/* cmocka's setup and teardown: *state becomes a struct core_fixture with CORE_NODES nodes, started
 * and awake. */
int core_setup(void **state);
/* The same before any is awake; the outbox is that of the last one's start. */
int core_setup_asleep(void **state);
int core_teardown(void **state);

/* One step of node `n`; the outbox is then fixture->outbox. */
enum drop core_started(struct core_fixture *fixture, uint32_t n);
enum drop core_tick(struct core_fixture *fixture, uint32_t n);

/* What `from` answers to the challenge of `n`; and as many empty answers as wake `n`. */
struct bytes core_answer(struct core_fixture *fixture, uint32_t n, uint32_t from,
                         struct bytes newest);
void core_wake(struct core_fixture *fixture, uint32_t n);

/* Inspect, verify and step, as a host does. The first verdict that is not DROP_NONE. */
enum drop core_deliver(struct core_fixture *fixture, uint32_t n, uint32_t from, struct bytes frame);

/* Frames without length header, in static memory that lasts for a few calls. `signer` names a seed
 * of the charter ("r0"), or is NULL for a message without a signature. */
struct bytes core_frame(struct core_fixture *fixture, uint64_t type, uint32_t rid,
                        const char *signer, struct bytes body, struct bytes attachment);
struct bytes core_vote(struct core_fixture *fixture, uint64_t type, uint32_t rid,
                       const struct vote *vote);

/* A batch with `count` requests of one entry each, numbered from `first_no`, dated `time_ms`; its
 * parcel as attachment, its digest. */
struct bytes core_batch(struct core_fixture *fixture, uint64_t first_no, uint32_t count,
                        uint64_t time_ms, uint8_t digest[HASH_BYTES]);
/* The same request as a client sends it. */
struct bytes core_request(struct core_fixture *fixture, uint64_t request_no);
/* One of another client: the name of its seed. */
struct bytes core_request_by(struct core_fixture *fixture, const char *holder, uint64_t request_no);

/* How many actions of that kind, and of SEND or BROADCAST with that message type, the last step
 * made; the first of the latter without its header, or empty. */
uint32_t core_actions(const struct core_fixture *fixture, enum action_kind kind);
struct bytes core_sent(const struct core_fixture *fixture, uint64_t type);
/* Whether the last step put a record of that journal kind. */
bool core_journaled(const struct core_fixture *fixture, uint8_t kind);

#endif
