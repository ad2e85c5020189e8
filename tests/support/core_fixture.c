#include "tests/support/core_fixture.h"

#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "tests/support/sign_fast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_BYTES ((size_t)32 << 20)

static void node_make(struct core_fixture *fixture, uint32_t n, struct bytes file)
{
    char name[16];
    snprintf(name, sizeof(name), "r%u", n);
    gov_seed(name, fixture->seeds[n][0]);
    snprintf(name, sizeof(name), "r%u cosign", n);
    gov_seed(name, fixture->seeds[n][1]);
    struct node_config config = {
        .charter_file = file,
        .rid = n,
        .scheme = &sig_fast,
        .keys = &(struct node_key){fixture->seeds[n][0], fixture->seeds[n][1]},
        .key_count = 1,
        .jitter_seed = n + 1,
        .pool_bytes = POOL_BYTES,
        .state_records_max = 10000,
        .state_bytes_max = 4u << 20,
    };
    CHECK(node_open(&config, &fixture->nodes[n]) == STATUS_OK);
}

int core_setup_asleep(void **state)
{
    struct core_fixture *fixture = calloc(1, sizeof(*fixture));
    CHECK(fixture != NULL);
    gov_fixture_init(&fixture->charter, &sig_fast, CORE_NODES);
    gov_world_open(&fixture->world, &fixture->charter, 10000);
    struct bytes file = gov_fixture_file(&fixture->charter);
    CHECK(outbox_open(&fixture->outbox) == STATUS_OK);
    fixture->now_ms = 1000;
    fixture->wall_ms = FIXTURE_DATE + 5000;
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        node_make(fixture, n, file);
        CHECK(core_started(fixture, n) == DROP_NONE);
    }
    *state = fixture;
    return 0;
}

int core_setup(void **state)
{
    CHECK(core_setup_asleep(state) == 0);
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        core_wake(*state, n);
    }
    return 0;
}

int core_teardown(void **state)
{
    struct core_fixture *fixture = *state;
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        node_close(fixture->nodes[n]);
    }
    outbox_close(&fixture->outbox);
    gov_world_close(&fixture->world);
    free(fixture);
    return 0;
}

static enum drop step(struct core_fixture *fixture, uint32_t n, struct event *event)
{
    event->now_ms = fixture->now_ms;
    event->wall_ms = fixture->wall_ms;
    event->arriving = fixture->arriving;
    return node_step(fixture->nodes[n], event, &fixture->outbox);
}

enum drop core_started(struct core_fixture *fixture, uint32_t n)
{
    struct event event = {.kind = EVENT_STARTED};
    return step(fixture, n, &event);
}

enum drop core_tick(struct core_fixture *fixture, uint32_t n)
{
    struct event event = {.kind = EVENT_TICK};
    return step(fixture, n, &event);
}

enum drop core_deliver(struct core_fixture *fixture, uint32_t n, uint32_t from, struct bytes frame)
{
    struct verify_job job = {.type = 0};
    enum drop drop = node_inspect(fixture->nodes[n], from, frame, &job);
    if (drop == DROP_NONE) {
        drop = job_verify(&job, frame, 0, 1, NULL);
    }
    if (drop != DROP_NONE) {
        struct event refused = {
            .kind = EVENT_REFUSED, .from = from, .frame = frame, .verdict = drop};
        fixture->outbox.action_count = 0;
        if (job_refusal_matters(&job, drop)) {
            (void)step(fixture, n, &refused);
        }
        return drop;
    }
    struct event event = {.kind = EVENT_MESSAGE, .from = from, .frame = frame};
    return step(fixture, n, &event);
}

/* Memory for frames: a ring, so that the last few stay. */
static struct buffer frame_memory(void)
{
    enum {
        FRAMES = 8,
        BYTES = 1 << 20
    };
    static uint8_t memory[FRAMES][BYTES];
    static unsigned turn;
    return buffer_make(memory[turn++ % FRAMES], BYTES);
}

static enum sign_tag tag_of(uint64_t type)
{
    switch (type) {
    case MESSAGE_PRE_PREPARE:
        return TAG_PRE_PREPARE;
    case MESSAGE_PREPARE:
        return TAG_PREPARE;
    case MESSAGE_COMMIT:
        return TAG_COMMIT;
    case MESSAGE_CHALLENGE:
        return TAG_CHALLENGE;
    case MESSAGE_CHALLENGE_ANSWER:
        return TAG_CHALLENGE_ANSWER;
    case MESSAGE_COMPLAIN:
        return TAG_COMPLAIN;
    case MESSAGE_VIEW_CHANGE:
        return TAG_VIEW_CHANGE;
    case MESSAGE_NEW_VIEW:
        return TAG_NEW_VIEW;
    default:
        return TAG_STATUS;
    }
}

struct bytes core_frame(struct core_fixture *fixture, uint64_t type, uint32_t rid,
                        const char *signer, struct bytes body, struct bytes attachment)
{
    struct buffer out = frame_memory();
    struct envelope envelope = {.type = type, .rid = rid, .body = body};
    uint8_t sig[SIG_BYTES];
    if (signer != NULL) {
        uint8_t seed[SEED_BYTES];
        uint8_t pk[PUBLIC_KEY_BYTES];
        gov_seed(signer, seed);
        sig_fast.public_key(seed, pk);
        sign_body(&sig_fast, seed, pk, tag_of(type), node_cluster_id(fixture->nodes[0]), body, sig);
        envelope.sig = BYTES_OF_ARRAY(sig);
    }
    CHECK(envelope_encode(&envelope, &out));
    buffer_put(&out, attachment);
    CHECK(!out.full);
    return buffer_bytes(&out);
}

struct bytes core_answer(struct core_fixture *fixture, uint32_t n, uint32_t from,
                         struct bytes newest)
{
    static uint8_t memory[1u << 16];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct challenge_answer answer = {.rid = n, .newest = newest};
    char name[16];
    snprintf(name, sizeof(name), "r%u", from);
    memcpy(answer.nonce, fixture->nodes[n]->nonce, SALT_BYTES);
    CHECK(challenge_answer_encode(&answer, &body));
    return core_frame(fixture, MESSAGE_CHALLENGE_ANSWER, from, name, buffer_bytes(&body),
                      BYTES_EMPTY);
}

void core_wake(struct core_fixture *fixture, uint32_t n)
{
    for (uint32_t from = 0; from < CORE_NODES && !fixture->nodes[n]->awake; from++) {
        if (from != n) {
            struct bytes answer = core_answer(fixture, n, from, BYTES_EMPTY);
            CHECK(core_deliver(fixture, n, from, answer) == DROP_NONE);
        }
    }
    CHECK(fixture->nodes[n]->awake);
}

struct bytes core_vote(struct core_fixture *fixture, uint64_t type, uint32_t rid,
                       const struct vote *vote)
{
    char name[16];
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    snprintf(name, sizeof(name), "r%u", rid);
    CHECK(vote_encode(vote, &body));
    return core_frame(fixture, type, rid, name, buffer_bytes(&body), BYTES_EMPTY);
}

/* The request's item; and its payload, which is 100 zero bytes, appended to a list. */
static struct bytes request_make(struct core_fixture *fixture, const char *holder,
                                 uint64_t request_no, struct buffer *payload_list)
{
    static const uint8_t zeroes[100];
    static struct gov_token token;
    static struct gov_request request;
    gov_token_init(&token, 0, 1);
    token.blocks[0].holder = holder;
    CHECK(gov_token_make(&token, &fixture->world, &sig_fast).len > 0);
    gov_request_init(&request, request_no);
    struct bytes item = gov_request_make(&request, &token, &fixture->world, &sig_fast);
    struct payload payload = {.salt = bytes_make(zeroes, SALT_BYTES),
                              .bytes = BYTES_OF_ARRAY(zeroes)};
    CHECK(payload_encode(&payload, payload_list));
    return item;
}

static struct bytes payloads_make(const struct buffer *list, uint32_t count)
{
    struct buffer out = frame_memory();
    struct payloads payloads = {.list = {buffer_bytes(list), count}};
    CHECK(payloads_encode(&payloads, &out));
    return buffer_bytes(&out);
}

struct bytes core_batch(struct core_fixture *fixture, uint64_t first_no, uint32_t count,
                        uint64_t time_ms, uint8_t digest[HASH_BYTES])
{
    static uint8_t item_bytes[1u << 18];
    static uint8_t payload_bytes[1u << 18];
    struct buffer items = buffer_make(item_bytes, sizeof(item_bytes));
    struct buffer list = buffer_make(payload_bytes, sizeof(payload_bytes));
    for (uint32_t i = 0; i < count; i++) {
        buffer_put(&items, request_make(fixture, "alice", first_no + i, &list));
    }
    struct buffer encoded = frame_memory();
    struct batch batch = {.time_ms = time_ms, .items = {buffer_bytes(&items), count}};
    CHECK(batch_encode(&batch, &encoded));
    hash_bytes(buffer_bytes(&encoded), digest);
    struct batch_parcel parcel = {buffer_bytes(&encoded), payloads_make(&list, count)};
    struct buffer out = frame_memory();
    CHECK(batch_parcel_encode(&parcel, &out));
    return buffer_bytes(&out);
}

struct bytes core_request(struct core_fixture *fixture, uint64_t request_no)
{
    return core_request_by(fixture, "alice", request_no);
}

struct bytes core_request_by(struct core_fixture *fixture, const char *holder, uint64_t request_no)
{
    uint8_t payload_bytes[256];
    struct buffer list = buffer_make(payload_bytes, sizeof(payload_bytes));
    struct bytes item = request_make(fixture, holder, request_no, &list);
    struct request_parcel parcel = {item, payloads_make(&list, 1)};
    struct buffer out = frame_memory();
    CHECK(request_parcel_encode(&parcel, &out));
    return core_frame(fixture, MESSAGE_REQUEST, 0, NULL, BYTES_EMPTY, buffer_bytes(&out));
}

uint32_t core_actions(const struct core_fixture *fixture, enum action_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < fixture->outbox.action_count; i++) {
        count += fixture->outbox.actions[i].kind == kind ? 1 : 0;
    }
    return count;
}

struct bytes core_sent(const struct core_fixture *fixture, uint64_t type)
{
    for (uint32_t i = 0; i < fixture->outbox.action_count; i++) {
        const struct action *action = &fixture->outbox.actions[i];
        struct envelope envelope;
        size_t used = 0;
        if (action->kind != ACTION_SEND && action->kind != ACTION_BROADCAST) {
            continue;
        }
        struct bytes frame =
            bytes_slice(action->frame, FRAME_HEADER_BYTES, action->frame.len - FRAME_HEADER_BYTES);
        CHECK(schema_decode_front(&schema_envelope, frame, &envelope, &used) == WIRE_OK);
        if (envelope.type == type) {
            return frame;
        }
    }
    return BYTES_EMPTY;
}

bool core_journaled(const struct core_fixture *fixture, uint8_t kind)
{
    for (uint32_t i = 0; i < fixture->outbox.put_count; i++) {
        const struct put *put = &fixture->outbox.puts[i];
        if (put->family == FAMILY_JOURNAL && !put->erase && put->key.data[0] == kind) {
            return true;
        }
    }
    return false;
}
