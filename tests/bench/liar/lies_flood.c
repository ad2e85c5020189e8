/* What a liar says without end, or hardly at all. Its signatures are good. */
#include "replica/core/node_parts.h"
#include "tests/bench/liar/lies.h"

#include <string.h>

/* With each STATUS, which goes out about five times a second, and to each replica. */
#define VAIN_ROUNDS 24
#define VAIN_VOTES 100
#define VAIN_DIGESTS 4 /* of which the first counts */
#define AGAIN_REQUESTS 2000

#define HELD_MAX 256

static void tell(const struct telling *telling, struct blob *frame)
{
    peers_send(telling->host->peers, telling->to, frame);
}

/* A COMMIT for the highest place of the window. */
static struct blob *vain_vote(const struct telling *telling, uint8_t digest)
{
    uint8_t memory[256];
    struct buffer body = buffer_make(memory, sizeof memory);
    const struct node *node = telling->host->node;
    struct vote vote = {.epoch = node->epoch,
                        .view = node->view,
                        .sequence = node->window.stable + node_param(node, PARAM_WINDOW)};
    memset(vote.digest, digest, sizeof vote.digest);
    CHECK(vote_encode(&vote, &body));
    return lie_blob(telling->host, &(struct lie_frame){.type = MESSAGE_COMMIT,
                                                       .is_signed = true,
                                                       .tag = TAG_COMMIT,
                                                       .body = buffer_bytes(&body)});
}

/* The STATUS at hand with a counter that has grown further. */
static struct blob *vain_status(const struct telling *telling)
{
    static uint8_t memory[ENVELOPE_BODY_BYTES_MAX];
    static uint64_t ahead;
    struct buffer body = buffer_make(memory, sizeof memory);
    struct status_report report;
    CHECK(status_report_decode(telling->message->envelope.body, &report) == WIRE_OK);
    report.counter += ++ahead;
    CHECK(status_report_encode(&report, &body));
    return lie_blob(telling->host, &(struct lie_frame){.type = MESSAGE_STATUS,
                                                       .is_signed = true,
                                                       .tag = TAG_STATUS,
                                                       .body = buffer_bytes(&body)});
}

struct blob *lie_vain(const struct telling *telling)
{
    struct blob *votes[VAIN_DIGESTS];
    if (telling->message->envelope.type != MESSAGE_STATUS || telling->to == TO_CLIENT) {
        return lie_not(telling);
    }
    for (uint8_t i = 0; i < VAIN_DIGESTS; i++) {
        votes[i] = vain_vote(telling, (uint8_t)(i + 1));
    }
    for (uint32_t round = 0; round < VAIN_ROUNDS; round++) {
        for (uint32_t i = 0; i < VAIN_VOTES; i++) {
            tell(telling, votes[i % VAIN_DIGESTS]);
        }
        struct blob *status = vain_status(telling);
        tell(telling, status);
        blob_drop(status);
    }
    for (uint32_t i = 0; i < VAIN_DIGESTS; i++) {
        blob_drop(votes[i]);
    }
    return NULL;
}

/* The first request of a batch that is being agreed on, or NULL. */
static struct blob *first_request(const struct host *host, const struct slot *slot)
{
    static uint8_t item_memory[BATCH_BYTES_MAX];
    static uint8_t list_memory[FRAME_BYTES_MAX];
    static uint8_t payload_memory[FRAME_BYTES_MAX];
    static uint8_t parcel_memory[FRAME_BYTES_MAX];
    struct buffer item_bytes = buffer_make(item_memory, sizeof item_memory);
    struct buffer list = buffer_make(list_memory, sizeof list_memory);
    struct buffer payload_bytes = buffer_make(payload_memory, sizeof payload_memory);
    struct buffer parcel_bytes = buffer_make(parcel_memory, sizeof parcel_memory);
    struct batch batch;
    struct payloads payloads;
    struct item item;
    struct payload payload;
    if (slot == NULL || slot->batch.len == 0 || batch_decode(slot->batch, &batch) != WIRE_OK ||
        payloads_decode(slot->payloads, &payloads) != WIRE_OK) {
        return NULL;
    }
    struct wire_iter items = wire_iter_make(batch.items);
    struct wire_iter rest = wire_iter_make(payloads.list);
    if (!item_next(&items, &item)) {
        return NULL;
    }
    for (uint32_t i = 0; i < item.statements.count; i++) {
        CHECK(payload_next(&rest, &payload));
        CHECK(payload_encode(&payload, &list));
    }
    const struct payloads own = {.list = {buffer_bytes(&list), item.statements.count}};
    CHECK(item_encode(&item, &item_bytes));
    CHECK(payloads_encode(&own, &payload_bytes));
    const struct request_parcel parcel = {buffer_bytes(&item_bytes), buffer_bytes(&payload_bytes)};
    CHECK(request_parcel_encode(&parcel, &parcel_bytes));
    return lie_blob(host, &(struct lie_frame){.type = MESSAGE_REQUEST,
                                              .attachment = buffer_bytes(&parcel_bytes)});
}

struct blob *lie_again(const struct telling *telling)
{
    static struct blob *request;
    const struct host *host = telling->host;
    uint64_t type = telling->message->envelope.type;
    struct vote vote;
    if (type == MESSAGE_PREPARE && request == NULL &&
        vote_decode(telling->message->envelope.body, &vote) == WIRE_OK) {
        request = first_request(host, window_look(&host->node->window, vote.sequence));
    }
    if (type != MESSAGE_STATUS || request == NULL || telling->to == TO_CLIENT) {
        return lie_not(telling);
    }
    for (uint32_t i = 0; i < AGAIN_REQUESTS; i++) {
        tell(telling, request);
    }
    return NULL;
}

/* One block with each STATUS: no slower than a source may be. */
struct blob *lie_drip(const struct telling *telling)
{
    static struct {
        uint32_t to;
        struct blob *frame;
    } held[HELD_MAX];
    static uint32_t count;
    const struct envelope *envelope = &telling->message->envelope;
    struct data data;
    uint32_t first = 0;
    if (envelope->type == MESSAGE_DATA && data_decode(envelope->body, &data) == WIRE_OK &&
        data.kind == FETCH_BLOCKS && count < HELD_MAX) {
        held[count].to = telling->to;
        held[count++].frame = blob_hold(telling->frame);
        return NULL;
    }
    while (first < count && held[first].to != telling->to) {
        first++;
    }
    if (envelope->type == MESSAGE_STATUS && first < count) {
        tell(telling, held[first].frame);
        blob_drop(held[first].frame);
        memmove(&held[first], &held[first + 1], (--count - first) * sizeof held[0]);
    }
    return lie_not(telling);
}
