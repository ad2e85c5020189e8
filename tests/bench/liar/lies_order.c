/* Proposals of a primary that cheats. The same to everybody, so that they could be agreed on. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "tests/bench/liar/lies.h"

#include <string.h>

#define TRUE_UNTIL 8 /* sequences: a view that begins well */
#define AHEAD_MS 3600000

static uint8_t item_memory[BATCH_BYTES_MAX];
static uint8_t batch_memory[BATCH_BYTES_MAX];
static uint8_t parcel_memory[FRAME_BYTES_MAX];

struct draft {
    struct vote vote;
    struct batch_parcel parcel;
    struct batch batch;
};

static bool draft_read(const struct telling *telling, struct draft *out)
{
    const struct envelope *envelope = &telling->message->envelope;
    return envelope->type == MESSAGE_PRE_PREPARE &&
           vote_decode(envelope->body, &out->vote) == WIRE_OK && out->vote.sequence > TRUE_UNTIL &&
           batch_parcel_decode(telling->message->attachment, &out->parcel) == WIRE_OK &&
           batch_decode(out->parcel.batch, &out->batch) == WIRE_OK;
}

static struct blob *draft_blob(const struct host *host, struct draft *draft)
{
    uint8_t memory[256];
    struct buffer body = buffer_make(memory, sizeof memory);
    struct buffer batch = buffer_make(batch_memory, sizeof batch_memory);
    struct buffer parcel = buffer_make(parcel_memory, sizeof parcel_memory);
    CHECK(batch_encode(&draft->batch, &batch));
    draft->parcel.batch = buffer_bytes(&batch);
    hash_bytes(draft->parcel.batch, draft->vote.digest);
    CHECK(vote_encode(&draft->vote, &body));
    CHECK(batch_parcel_encode(&draft->parcel, &parcel));
    return lie_blob(host, &(struct lie_frame){.type = MESSAGE_PRE_PREPARE,
                                              .is_signed = true,
                                              .tag = TAG_PRE_PREPARE,
                                              .body = buffer_bytes(&body),
                                              .attachment = buffer_bytes(&parcel)});
}

struct blob *lie_unsigned(const struct telling *telling)
{
    struct draft draft;
    struct buffer items = buffer_make(item_memory, sizeof item_memory);
    struct item item;
    if (!draft_read(telling, &draft) || draft.batch.items.count == 0) {
        return lie_not(telling);
    }
    struct wire_iter iter = wire_iter_make(draft.batch.items);
    for (uint32_t i = 0; item_next(&iter, &item); i++) {
        item.sig[0] ^= i == 0 ? 1 : 0;
        CHECK(item_encode(&item, &items));
    }
    draft.batch.items.raw = buffer_bytes(&items);
    return draft_blob(telling->host, &draft);
}

struct blob *lie_time(const struct telling *telling)
{
    struct draft draft;
    if (!draft_read(telling, &draft)) {
        return lie_not(telling);
    }
    draft.batch.time_ms += AHEAD_MS;
    return draft_blob(telling->host, &draft);
}

/* Proposals up to `until` may go; the next may when its time has come. Those that are kept back go
 * when somebody's STATUS shows that it lacks them, which is why the pause is no longer. */
struct blob *lie_slow(const struct telling *telling)
{
    static uint64_t until;
    static uint64_t since_ms;
    const struct node *node = telling->host->node;
    const struct envelope *envelope = &telling->message->envelope;
    uint64_t pause_ms = node_param(node, PARAM_VIEW_TIMEOUT) / 2;
    struct vote vote;
    if (envelope->type != MESSAGE_PRE_PREPARE || vote_decode(envelope->body, &vote) != WIRE_OK) {
        return lie_not(telling);
    }
    until = until == 0 ? vote.sequence - 1 : until;
    if (vote.sequence == until + 1 && node->now_ms >= since_ms + pause_ms) {
        until = vote.sequence;
        since_ms = node->now_ms;
    }
    return vote.sequence <= until ? lie_not(telling) : NULL;
}
