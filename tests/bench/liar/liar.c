#include "tests/bench/liar/liar.h"

#include "crypto/frame.h"
#include "replica/host/frames.h"
#include "tests/bench/liar/lies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef peers_broadcast
#undef peers_send
#undef conn_send

static bool has_lied;
static uint8_t frame_memory[FRAME_HEADER_BYTES + FRAME_BYTES_MAX];

void lie_sign(const struct host *host, enum sign_tag tag, struct bytes body, uint8_t out[SIG_BYTES])
{
    const struct speaker *speaker = &host->speaker;
    sign_body(speaker->scheme, speaker->seed, speaker->public_key, tag, speaker->cluster_id, body,
              out);
}

struct blob *lie_blob(const struct host *host, const struct lie_frame *frame)
{
    uint8_t sig[SIG_BYTES];
    struct buffer out = buffer_make(frame_memory, sizeof frame_memory);
    struct frame_parts parts = {.type = frame->type,
                                .rid = host->rid,
                                .body = frame->body,
                                .attachment = frame->attachment};
    if (frame->is_signed) {
        lie_sign(host, frame->tag, frame->body, sig);
        parts.sig = BYTES_OF_ARRAY(sig);
    }
    CHECK(frames_put(&out, &parts));
    return blob_make(buffer_bytes(&out));
}

/* The bench's: every other replica gets a vote for another digest, and then the true one. */
static struct blob *lie_votes(const struct telling *telling)
{
    uint8_t memory[256];
    struct buffer body = buffer_make(memory, sizeof memory);
    struct lie_frame frame = {.type = telling->message->envelope.type, .is_signed = true};
    struct vote vote;
    if ((frame.type != MESSAGE_PREPARE && frame.type != MESSAGE_COMMIT) ||
        !message_tag(frame.type, &frame.tag) ||
        vote_decode(telling->message->envelope.body, &vote) != WIRE_OK) {
        return lie_not(telling);
    }
    vote.digest[0] ^= 1;
    CHECK(vote_encode(&vote, &body));
    frame.body = buffer_bytes(&body);
    struct blob *other = lie_blob(telling->host, &frame);
    peers_send(telling->host->peers, telling->to, other);
    blob_drop(other);
    return lie_not(telling);
}

static lie_tell *the_lie(void)
{
    static const struct {
        const char *name;
        lie_tell *tell;
    } lies[] = {
        {"votes", lie_votes}, {"unsigned", lie_unsigned}, {"time", lie_time},
        {"slow", lie_slow},   {"omit", lie_omit},         {"other", lie_other},
        {"few", lie_few},     {"two", lie_two},           {"attest", lie_attest},
        {"data", lie_data},   {"reply", lie_reply},       {"vain", lie_vain},
        {"again", lie_again}, {"drip", lie_drip},
    };
    const char *name = getenv("VESTRY_LIE");
    for (size_t i = 0; name != NULL && i < sizeof lies / sizeof lies[0]; i++) {
        if (strcmp(lies[i].name, name) == 0) {
            return lies[i].tell;
        }
    }
    return lie_votes;
}

/* What `to` is told in the place of the frame, or NULL. */
static struct blob *told(struct host *host, uint32_t to, struct blob *frame)
{
    struct bytes bytes = blob_bytes(frame);
    struct message message;
    const struct telling telling = {host, to, frame, &message};
    if (message_split(bytes_slice(bytes, FRAME_HEADER_BYTES, bytes.len - FRAME_HEADER_BYTES),
                      &message) != DROP_NONE ||
        message.envelope.rid != host->rid) {
        return blob_hold(frame); /* passed on */
    }
    struct blob *instead = the_lie()(&telling);
    if (instead != frame && !has_lied) {
        has_lied = true;
        (void)fputs("the first lie is told\n", stderr);
    }
    return instead;
}

void liar_peers_send(struct host *host, uint32_t rid, struct blob *frame)
{
    struct blob *instead = told(host, rid, frame);
    if (instead != NULL) {
        peers_send(host->peers, rid, instead);
        blob_drop(instead);
    }
}

void liar_peers_broadcast(struct host *host, struct blob *frame)
{
    const struct roster *roster = node_roster(host->node);
    for (uint32_t i = 0; i < roster->n; i++) {
        if (roster->members[i].rid != host->rid) {
            liar_peers_send(host, roster->members[i].rid, frame);
        }
    }
}

void liar_conn_send(struct host *host, struct conn *conn, struct blob *frame)
{
    struct blob *instead = told(host, TO_CLIENT, frame);
    if (instead != NULL) {
        conn_send(conn, instead);
        blob_drop(instead);
    }
}
