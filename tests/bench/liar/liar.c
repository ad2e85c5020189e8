#include "tests/bench/liar/liar.h"

#include "crypto/frame.h"
#include "replica/core/message.h"
#include "replica/host/frames.h"

#undef peers_broadcast

/* The vote in `content` with another digest, or NULL when there is none in it. */
static struct blob *other_vote(const struct host *host, struct bytes content)
{
    const struct speaker *speaker = &host->speaker;
    uint8_t body_memory[256];
    uint8_t frame_memory[512];
    uint8_t sig[SIG_BYTES];
    struct buffer body = buffer_make(body_memory, sizeof body_memory);
    struct buffer frame = buffer_make(frame_memory, sizeof frame_memory);
    struct message message;
    struct vote vote;
    enum sign_tag tag = TAG_PREPARE;
    if (message_split(content, &message) != DROP_NONE ||
        (message.envelope.type != MESSAGE_PREPARE && message.envelope.type != MESSAGE_COMMIT) ||
        !message_tag(message.envelope.type, &tag) ||
        vote_decode(message.envelope.body, &vote) != WIRE_OK) {
        return NULL;
    }
    vote.digest[0] ^= 1;
    CHECK(vote_encode(&vote, &body));
    sign_body(speaker->scheme, speaker->seed, speaker->public_key, tag, speaker->cluster_id,
              buffer_bytes(&body), sig);
    CHECK(frames_put(&frame, &(struct frame_parts){.type = message.envelope.type,
                                                   .rid = speaker->rid,
                                                   .body = buffer_bytes(&body),
                                                   .sig = BYTES_OF_ARRAY(sig)}));
    return blob_make(buffer_bytes(&frame));
}

void liar_broadcast(struct host *host, struct blob *frame)
{
    struct bytes bytes = blob_bytes(frame);
    struct blob *other =
        other_vote(host, bytes_slice(bytes, FRAME_HEADER_BYTES, bytes.len - FRAME_HEADER_BYTES));
    if (other != NULL) {
        peers_broadcast(host->peers, other);
        blob_drop(other);
    }
    peers_broadcast(host->peers, frame);
}
