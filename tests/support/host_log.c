#include "tests/support/host_log.h"

#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "governance/records.h"
#include "storage/store_memory.h"
#include "tests/support/sign_fast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD_CYCLE 50

static void commit(struct host_log *log)
{
    const struct outbox *outbox = &log->core->outbox;
    CHECK(store_commit(log->store, outbox->puts, outbox->put_count) == STATUS_OK);
    for (uint32_t i = 0; i < outbox->action_count; i++) {
        const struct block_outcome *outcome = outbox->actions[i].outcome;
        if (outbox->actions[i].kind != ACTION_EXECUTED) {
            continue;
        }
        log->header_len = outcome->header.len;
        memcpy(log->header, outcome->header.data, outcome->header.len);
        if (log->executed != NULL) {
            log->executed(log->context, outcome);
        }
    }
}

static void deliver(struct host_log *log, uint32_t from, struct bytes frame)
{
    CHECK(core_deliver(log->core, HOST_LOG_NODE, from, frame) == DROP_NONE);
    commit(log);
    while (log->core->outbox.again) {
        (void)core_tick(log->core, HOST_LOG_NODE);
        commit(log);
    }
}

int host_log_setup(void **state)
{
    void *core = NULL;
    struct host_log *log = calloc(1, sizeof(*log));
    CHECK(log != NULL);
    CHECK(core_setup_asleep(&core) == 0);
    log->core = core;
    log->request_no = 1;
    CHECK(store_memory_open(&log->store) == STATUS_OK);
    commit(log); /* the last node that the fixture started is ours */
    core_wake(log->core, HOST_LOG_NODE);
    commit(log);
    *state = log;
    return 0;
}

int host_log_teardown(void **state)
{
    struct host_log *log = *state;
    void *core = log->core;
    store_close(log->store);
    CHECK(core_teardown(&core) == 0);
    free(log);
    return 0;
}

/* A token that lasts for the whole log. */
static struct bytes make_token(struct host_log *log, struct gov_token *token)
{
    gov_token_init(token, 0, 1);
    token->blocks[0].body.quota_entries = 100000;
    token->blocks[0].body.quota_bytes = UINT64_C(1) << 30;
    token->blocks[0].body.rate.uses = 10000;
    struct bytes bytes = gov_token_make(token, &log->core->world, &sig_fast);
    CHECK(bytes.len > 0);
    return bytes;
}

/* One request and its payloads, appended to the lists. */
static void add_request(struct host_log *log, uint32_t entries, struct buffer *items,
                        struct buffer *payloads)
{
    static const uint8_t zeroes[PAYLOAD_CYCLE];
    static struct gov_token token;
    static struct gov_request request;
    (void)make_token(log, &token);
    gov_request_init(&request, log->request_no++);
    request.count = entries;
    for (uint32_t i = 0; i < entries; i++) {
        request.statements[i] = (struct gov_statement){.stream = i % 2 == 0 ? "pay/eu" : "pay/us",
                                                       .payload_len = i % PAYLOAD_CYCLE,
                                                       .expect = U64_UNLIMITED};
        const struct payload payload = {.salt = bytes_make(zeroes, SALT_BYTES),
                                        .bytes = bytes_make(zeroes, i % PAYLOAD_CYCLE)};
        CHECK(payload_encode(&payload, payloads));
    }
    buffer_put(items, gov_request_make(&request, &token, &log->core->world, &sig_fast));
    CHECK(!items->full);
}

static void add_governance(struct host_log *log, struct buffer *items, struct buffer *payloads)
{
    static const uint8_t no_salt[SALT_BYTES];
    static struct gov_request request;
    const struct payload payload = {BYTES_OF_ARRAY(no_salt), log->governance};
    gov_request_init(&request, ++log->governance_no);
    request.author = "m1";
    request.body.op = OP_GOVERN;
    request.statements[0] = (struct gov_statement){
        .stream = GOVERNANCE_STREAM, .payload_len = log->governance.len, .expect = U64_UNLIMITED};
    request.payload = log->governance;
    CHECK(payload_encode(&payload, payloads));
    buffer_put(items, gov_request_make(&request, NULL, &log->core->world, &sig_fast));
    CHECK(!items->full);
    log->governance = BYTES_EMPTY;
}

static struct bytes make_parcel(struct host_log *log, uint32_t requests, uint32_t entries,
                                uint8_t digest[HASH_BYTES])
{
    static uint8_t memory[5][1u << 20];
    struct buffer items = buffer_make(memory[0], sizeof(memory[0]));
    struct buffer list = buffer_make(memory[1], sizeof(memory[1]));
    struct buffer batch_bytes = buffer_make(memory[2], sizeof(memory[2]));
    struct buffer payload_bytes = buffer_make(memory[3], sizeof(memory[3]));
    struct buffer parcel_bytes = buffer_make(memory[4], sizeof(memory[4]));
    uint32_t governed = log->governance.len > 0 ? 1 : 0;
    for (uint32_t i = 0; i < requests; i++) {
        add_request(log, entries, &items, &list);
        if (log->governance.len > 0) {
            add_governance(log, &items, &list);
        }
    }
    const struct batch batch = {.time_ms = log->core->wall_ms,
                                .items = {buffer_bytes(&items), requests + governed}};
    const struct payloads payloads = {.list = {buffer_bytes(&list), requests * entries + governed}};
    CHECK(batch_encode(&batch, &batch_bytes));
    CHECK(payloads_encode(&payloads, &payload_bytes));
    hash_bytes(buffer_bytes(&batch_bytes), digest);
    const struct batch_parcel parcel = {buffer_bytes(&batch_bytes), buffer_bytes(&payload_bytes)};
    CHECK(batch_parcel_encode(&parcel, &parcel_bytes));
    return buffer_bytes(&parcel_bytes);
}

void host_log_block(struct host_log *log, uint32_t requests, uint32_t entries)
{
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct vote vote = {.epoch = log->epoch, .sequence = ++log->height};
    const uint32_t primary = (uint32_t)(log->epoch % HOST_LOG_NODE);
    const uint32_t backup = (primary + 1) % HOST_LOG_NODE;
    char name[8];
    struct bytes parcel = make_parcel(log, requests, entries, vote.digest);
    CHECK(vote_encode(&vote, &body));
    CHECK(primary == (log->epoch % CORE_NODES));
    snprintf(name, sizeof(name), "r%u", primary);
    deliver(log, primary,
            core_frame(log->core, MESSAGE_PRE_PREPARE, primary, name, buffer_bytes(&body), parcel));
    deliver(log, backup, core_vote(log->core, MESSAGE_PREPARE, backup, &vote));
    deliver(log, primary, core_vote(log->core, MESSAGE_COMMIT, primary, &vote));
    deliver(log, backup, core_vote(log->core, MESSAGE_COMMIT, backup, &vote));
    struct node_look look;
    node_look(log->core->nodes[HOST_LOG_NODE], &look);
    CHECK(look.executed == log->height);
}

static void sign_as(const struct checkpoint *checkpoint, const char *seed_name,
                    enum note_key_type type, uint8_t out[SIG_BYTES])
{
    uint8_t seed[SEED_BYTES];
    uint8_t key[PUBLIC_KEY_BYTES];
    gov_seed(seed_name, seed);
    sig_fast.public_key(seed, key);
    checkpoint_sign(&sig_fast, checkpoint, type, seed, key, out);
}

static void attest_by(struct host_log *log, uint32_t rid)
{
    const struct node *node = log->core->nodes[HOST_LOG_NODE];
    uint8_t memory[1024];
    char name[32];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct block_header header;
    struct checkpoint checkpoint;
    struct attest attest = {.header = bytes_make(log->header, log->header_len)};
    CHECK(block_header_decode(attest.header, &header) == WIRE_OK);
    CHECK(origin_make(node_charter_name(node), node_cluster_id(node), &checkpoint.origin));
    checkpoint.tree_size = header.tree_size;
    checkpoint.height = header.height;
    checkpoint.epoch = header.epoch;
    checkpoint.time_ms = header.time_ms;
    memcpy(checkpoint.tree_root, header.tree_root, HASH_BYTES);
    hash_bytes(attest.header, checkpoint.header_hash);
    snprintf(name, sizeof(name), "r%u", rid);
    sign_as(&checkpoint, name, NOTE_SIGN, attest.note_sig);
    snprintf(name, sizeof(name), "r%u cosign", rid);
    sign_as(&checkpoint, name, NOTE_COSIGN, attest.cosig);
    CHECK(attest_encode(&attest, &body));
    deliver(log, rid,
            core_frame(log->core, MESSAGE_ATTEST, rid, NULL, buffer_bytes(&body), BYTES_EMPTY));
}

void host_log_attest(struct host_log *log)
{
    log->core->now_ms += 1000;
    (void)core_tick(log->core, HOST_LOG_NODE);
    commit(log);
    attest_by(log, 0);
    attest_by(log, 1);
}

struct block_header host_log_header(const struct host_log *log)
{
    struct block_header header;
    CHECK(block_header_decode(bytes_make(log->header, log->header_len), &header) == WIRE_OK);
    return header;
}

struct bytes host_log_read(struct host_log *log, const char *stream, uint64_t from, uint64_t count)
{
    static struct gov_token token;
    static uint8_t memory[4][4096];
    struct buffer statement = buffer_make(memory[0], sizeof(memory[0]));
    struct buffer request_bytes = buffer_make(memory[1], sizeof(memory[1]));
    struct buffer parcel_bytes = buffer_make(memory[2], sizeof(memory[2]));
    struct buffer item_bytes = buffer_make(memory[3], sizeof(memory[3]));
    uint8_t list_memory[256];
    uint8_t seed[SEED_BYTES];
    uint8_t key[PUBLIC_KEY_BYTES];
    const uint8_t *cluster = node_cluster_id(log->core->nodes[HOST_LOG_NODE]);
    struct buffer list = buffer_make(list_memory, sizeof(list_memory));
    struct item item = {.token = make_token(log, &token)};
    const struct read_statement read = {
        .stream = bytes_of_text(stream), .from = from, .count = count};
    CHECK(read_statement_encode(&read, &statement));
    struct request request = {.request_no = 7,
                              .op = OP_READ,
                              .not_after_ms = log->core->wall_ms + 10000,
                              .audience = HOST_LOG_NODE + 1,
                              .count = 1};
    hash_bytes(item.token, request.author.id);
    merkle_leaf_hash(buffer_bytes(&statement), request.entries_root);
    CHECK(request_encode(&request, &request_bytes));
    gov_seed("alice", seed);
    sig_fast.public_key(seed, key);
    item.request = buffer_bytes(&request_bytes);
    sign_body(&sig_fast, seed, key, TAG_REQUEST, cluster, item.request, item.sig);
    CHECK(item_bin_encode(&(struct item_bin){buffer_bytes(&statement)}, &list));
    item.statements = (struct wire_list){buffer_bytes(&list), 1};
    CHECK(item_encode(&item, &item_bytes));
    const struct payloads none = {0};
    uint8_t none_memory[16];
    struct buffer none_bytes = buffer_make(none_memory, sizeof(none_memory));
    CHECK(payloads_encode(&none, &none_bytes));
    const struct request_parcel parcel = {buffer_bytes(&item_bytes), buffer_bytes(&none_bytes)};
    CHECK(request_parcel_encode(&parcel, &parcel_bytes));
    return core_frame(log->core, MESSAGE_REQUEST, 0, NULL, BYTES_EMPTY,
                      buffer_bytes(&parcel_bytes));
}
