/* Batches beyond what FORMATS allows: an item too many, an item with a statement too many, more
 * bytes than a batch may have. No encoder of the project writes them: what is at its bound is
 * written, and then the number in front of the list is raised. */
#include "crypto/hash.h"
#include "tests/sim/liar.h"

#include <string.h>

#define LIST_HEADER_BYTES 3 /* 0xdc and a number of two bytes */
#define TOO_MANY_BYTES (BATCH_BYTES_MAX + 1)

static uint8_t list_space[FRAME_BYTES_MAX];
static uint8_t batch_space[FRAME_BYTES_MAX];
static uint8_t parcel_space[FRAME_BYTES_MAX];

/* `one` is the last of the object's list, which is the object's last part: once more. */
static void list_raise(struct buffer *object, size_t list_len, uint32_t count, struct bytes one)
{
    uint8_t *number = object->data + object->len - list_len - 2;
    CHECK(number[-1] == 0xdc);
    number[0] = (uint8_t)((count + 1) >> 8);
    number[1] = (uint8_t)(count + 1);
    buffer_put(object, one);
    CHECK(!object->full);
}

/* The first of the list as often as the bound allows; false when so many do not fit. */
static bool copies_of(struct bytes one, uint32_t count, size_t most, struct buffer *out)
{
    *out = buffer_make(list_space, sizeof(list_space));
    for (uint32_t i = 0; i < count && one.len * (count + 2) <= most; i++) {
        buffer_put(out, one);
    }
    return out->len > 0;
}

static bool too_many_items(const struct batch *batch, struct buffer *out)
{
    struct buffer copies;
    struct batch many = *batch;
    struct item item;
    static uint8_t item_space[ITEM_BYTES_MAX];
    struct buffer one = buffer_make(item_space, sizeof(item_space));
    struct wire_iter iter = wire_iter_make(batch->items);
    if (!item_next(&iter, &item) || !item_encode(&item, &one) ||
        !copies_of(buffer_bytes(&one), BATCH_ITEMS_MAX, BATCH_BYTES_MAX, &copies)) {
        return false;
    }
    many.items = (struct wire_list){buffer_bytes(&copies), BATCH_ITEMS_MAX};
    CHECK(batch_encode(&many, out));
    list_raise(out, copies.len, BATCH_ITEMS_MAX, buffer_bytes(&one));
    return true;
}

/* The batch has one item, and that is too long for an item of a batch. */
static bool too_many_statements(const struct batch *batch, struct buffer *out)
{
    static uint8_t item_space[ITEM_BYTES_MAX];
    struct buffer long_item = buffer_make(item_space, sizeof(item_space));
    struct buffer copies;
    struct batch lone = *batch;
    struct item item;
    struct wire_iter iter = wire_iter_make(batch->items);
    if (!item_next(&iter, &item) || item.statements.count == 0) {
        return false;
    }
    struct wire_iter statements = wire_iter_make(item.statements);
    struct item_entry entry;
    uint8_t entry_space[STATEMENT_BODY_BYTES_MAX + SIG_BYTES];
    struct buffer one = buffer_make(entry_space, sizeof(entry_space));
    if (!item_entry_next(&statements, &entry) || !item_entry_encode(&entry, &one) ||
        !copies_of(buffer_bytes(&one), STATEMENTS_MAX, ITEM_BYTES_MAX, &copies)) {
        return false;
    }
    item.statements = (struct wire_list){buffer_bytes(&copies), STATEMENTS_MAX};
    CHECK(item_encode(&item, &long_item));
    list_raise(&long_item, copies.len, STATEMENTS_MAX, buffer_bytes(&one));
    lone.items = (struct wire_list){buffer_bytes(&long_item), 1};
    CHECK(batch_encode(&lone, out));
    return true;
}

/* [1, batch, payloads], with a batch of a size that the encoder refuses. */
static struct bytes parcel_too_large(const struct batch *batch, struct bytes payloads,
                                     uint8_t digest[HASH_BYTES])
{
    static const uint8_t front[] = {
        0x93,
        0x01,
        0xc6,
        TOO_MANY_BYTES >> 24,
        TOO_MANY_BYTES >> 16 & 0xff,
        TOO_MANY_BYTES >> 8 & 0xff,
        TOO_MANY_BYTES & 0xff,
    };
    struct buffer parcel = buffer_make(parcel_space, sizeof(parcel_space));
    struct buffer large = buffer_make(batch_space, sizeof(batch_space));
    uint8_t length[5] = {0xc6};
    CHECK(batch_encode(batch, &large));
    memset(large.data + large.len, 0, TOO_MANY_BYTES - large.len);
    large.len = TOO_MANY_BYTES;
    hash_bytes(buffer_bytes(&large), digest);
    for (uint32_t i = 0; i < 4; i++) {
        length[1 + i] = (uint8_t)(payloads.len >> (24 - 8 * i));
    }
    buffer_put(&parcel, BYTES_OF_ARRAY(front));
    buffer_put(&parcel, buffer_bytes(&large));
    buffer_put(&parcel, BYTES_OF_ARRAY(length));
    buffer_put(&parcel, payloads);
    CHECK(!parcel.full);
    return buffer_bytes(&parcel);
}

bool lie_large(const struct lie_to *out, const struct vote *like, struct bytes parcel_bytes)
{
    struct world *world = out->world;
    struct buffer large = buffer_make(batch_space, sizeof(batch_space));
    struct batch_parcel parcel;
    struct batch batch;
    struct vote vote = *like;
    uint8_t space[128];
    uint8_t sig[SIG_BYTES];
    struct buffer body = buffer_make(space, sizeof(space));
    struct buffer encoded = buffer_make(parcel_space, sizeof(parcel_space));
    if (batch_parcel_decode(parcel_bytes, &parcel) != WIRE_OK ||
        batch_decode(parcel.batch, &batch) != WIRE_OK) {
        return true;
    }
    struct bytes attachment;
    if (world_lies(world, out->host->rid, LIE_BYTES)) {
        attachment = parcel_too_large(&batch, parcel.payloads, vote.digest);
    } else {
        bool items = world_lies(world, out->host->rid, LIE_ITEMS);
        if (!(items ? too_many_items(&batch, &large) : too_many_statements(&batch, &large))) {
            return true;
        }
        parcel.batch = buffer_bytes(&large);
        hash_bytes(parcel.batch, vote.digest);
        CHECK(batch_parcel_encode(&parcel, &encoded));
        attachment = buffer_bytes(&encoded);
    }
    CHECK(vote_encode(&vote, &body));
    lie_sign(world, out->host->rid, vote.epoch, TAG_PRE_PREPARE, buffer_bytes(&body), sig);
    lie_send(world, out->host, out->to,
             lie_frame(MESSAGE_PRE_PREPARE, out->host->rid, buffer_bytes(&body), sig, attachment));
    return false;
}
