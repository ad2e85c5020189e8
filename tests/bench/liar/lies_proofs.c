/* What a liar shows as proof: attestations, answers to FETCH, replies to clients. */
#include "crypto/note.h"
#include "governance/view_rules.h"
#include "replica/core/node_parts.h"
#include "tests/bench/liar/lies.h"

#include <string.h>

static uint8_t proof_memory[FRAME_BYTES_MAX];
static uint8_t list_memory[FRAME_BYTES_MAX];

/* The same height with a time of its own, signed as an attestation is. */
static bool attest_forge(const struct host *host, struct bytes encoded, struct buffer *out)
{
    static uint8_t header_memory[HEADER_BYTES_MAX];
    struct buffer header_bytes = buffer_make(header_memory, sizeof header_memory);
    struct attest attest;
    struct block_header header;
    struct checkpoint checkpoint;
    struct origin origin;
    const struct speaker *speaker = &host->speaker;
    uint8_t public_key[PUBLIC_KEY_BYTES];
    if (attest_decode(encoded, &attest) != WIRE_OK ||
        block_header_decode(attest.header, &header) != WIRE_OK ||
        !origin_make(node_charter_name(host->node), speaker->cluster_id, &origin)) {
        return false;
    }
    header.time_ms++;
    CHECK(block_header_encode(&header, &header_bytes));
    attest.header = buffer_bytes(&header_bytes);
    CHECK(checkpoint_of_header(speaker->cluster_id, &origin, attest.header, &checkpoint));
    checkpoint_sign(speaker->scheme, &checkpoint, NOTE_SIGN, speaker->seed, speaker->public_key,
                    attest.note_sig);
    speaker->scheme->public_key(host->keys->cosign_seed, public_key);
    checkpoint_sign(speaker->scheme, &checkpoint, NOTE_COSIGN, host->keys->cosign_seed, public_key,
                    attest.cosig);
    return attest_encode(&attest, out);
}

/* The true one first, and then the other. */
struct blob *lie_attest(const struct telling *telling)
{
    uint8_t memory[1024];
    struct buffer body = buffer_make(memory, sizeof memory);
    const struct envelope *envelope = &telling->message->envelope;
    if (envelope->type != MESSAGE_ATTEST || !attest_forge(telling->host, envelope->body, &body)) {
        return lie_not(telling);
    }
    peers_send(telling->host->peers, telling->to, telling->frame);
    return lie_blob(telling->host,
                    &(struct lie_frame){.type = MESSAGE_ATTEST, .body = buffer_bytes(&body)});
}

/* One after the other: cut short, a bit of it changed, or what was asked before. */
struct blob *lie_data(const struct telling *telling)
{
    static uint64_t turn;
    static struct blob *before;
    const struct envelope *envelope = &telling->message->envelope;
    struct bytes attachment = telling->message->attachment;
    if (envelope->type != MESSAGE_DATA || attachment.len == 0) {
        return lie_not(telling);
    }
    struct blob *last = before;
    before = blob_make(attachment);
    struct lie_frame frame = {.type = MESSAGE_DATA, .body = envelope->body};
    memcpy(proof_memory, attachment.data, attachment.len);
    frame.attachment = bytes_make(proof_memory, attachment.len);
    switch (turn++ % 3) {
    case 0:
        frame.attachment.len -= 1 + attachment.len / 3;
        break;
    case 1:
        proof_memory[attachment.len / 2] ^= 1;
        break;
    default:
        frame.attachment = last == NULL ? BYTES_EMPTY : blob_bytes(last);
        break;
    }
    struct blob *out = lie_blob(telling->host, &frame);
    blob_drop(last);
    return out;
}

/* Entries that are somewhere else, or nowhere. */
static bool results_forge(struct reply *reply, uint64_t turn)
{
    struct buffer list = buffer_make(list_memory, sizeof list_memory);
    struct wire_iter iter = wire_iter_make(reply->results);
    struct reply_result result;
    while (reply_result_next(&iter, &result)) {
        uint8_t memory[RESULT_BYTES_MAX];
        struct buffer bytes = buffer_make(memory, sizeof memory);
        struct result inner;
        CHECK(result_decode(result.result, &inner) == WIRE_OK);
        if (turn % 4 == 0) {
            inner.first_index++;
        } else if (turn % 4 == 1) {
            inner.code = E_STREAM;
            inner.count = 0;
        } else if (turn % 4 == 2) {
            result.range_proof = (struct wire_list){BYTES_EMPTY, 0};
            result.height++;
        }
        CHECK(result_encode(&inner, &bytes));
        result.result = buffer_bytes(&bytes);
        CHECK(reply_result_encode(&result, &list));
    }
    reply->results.raw = buffer_bytes(&list);
    return true;
}

struct blob *lie_reply(const struct telling *telling)
{
    static uint64_t turn;
    static uint8_t attest_memory[1024];
    const struct envelope *envelope = &telling->message->envelope;
    struct buffer body = buffer_make(proof_memory, sizeof proof_memory);
    struct buffer attest = buffer_make(attest_memory, sizeof attest_memory);
    struct reply reply;
    if (telling->to != TO_CLIENT || envelope->type != MESSAGE_REPLY ||
        reply_decode(envelope->body, &reply) != WIRE_OK || !results_forge(&reply, turn)) {
        return lie_not(telling);
    }
    if (turn++ % 4 == 3 && attest_forge(telling->host, reply.attest, &attest)) {
        reply.attest = buffer_bytes(&attest);
    }
    CHECK(reply_encode(&reply, &body));
    return lie_blob(telling->host,
                    &(struct lie_frame){.type = MESSAGE_REPLY, .body = buffer_bytes(&body)});
}
