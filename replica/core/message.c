#include "replica/core/message.h"

#include "replica/core/outbox_put.h"

enum drop message_split(struct bytes frame, struct message *out)
{
    size_t used = 0;
    if (schema_decode_front(&schema_envelope, frame, &out->envelope, &used) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    out->attachment = bytes_slice(frame, used, frame.len - used);
    return DROP_NONE;
}

bool message_tag(uint64_t type, enum sign_tag *tag)
{
    static const struct {
        enum message_type type;
        enum sign_tag tag;
    } tags[] = {
        {MESSAGE_PRE_PREPARE, TAG_PRE_PREPARE},
        {MESSAGE_PREPARE, TAG_PREPARE},
        {MESSAGE_COMMIT, TAG_COMMIT},
        {MESSAGE_COMPLAIN, TAG_COMPLAIN},
        {MESSAGE_VIEW_CHANGE, TAG_VIEW_CHANGE},
        {MESSAGE_NEW_VIEW, TAG_NEW_VIEW},
        {MESSAGE_STATUS, TAG_STATUS},
        {MESSAGE_CHALLENGE, TAG_CHALLENGE},
        {MESSAGE_CHALLENGE_ANSWER, TAG_CHALLENGE_ANSWER},
    };
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (tags[i].type == type) {
            *tag = tags[i].tag;
            return true;
        }
    }
    return false;
}

struct bytes message_frame(struct outbox *outbox, uint64_t type, uint32_t rid, struct bytes body,
                           struct bytes sig, struct bytes attachment)
{
    struct envelope envelope = {.type = type, .rid = rid, .body = body, .sig = sig};
    struct buffer space = outbox_open_space(outbox);
    buffer_put_u32be(&space, 0);
    CHECK(envelope_encode(&envelope, &space));
    buffer_put(&space, attachment);
    CHECK(!space.full);
    CHECK(space.len - FRAME_HEADER_BYTES <= FRAME_BYTES_MAX);
    struct buffer header = buffer_make(space.data, FRAME_HEADER_BYTES);
    buffer_put_u32be(&header, (uint32_t)(space.len - FRAME_HEADER_BYTES));
    return outbox_take_space(outbox, &space);
}
