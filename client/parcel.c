#include "client/parcel.h"

#include "crypto/frame.h"
#include "crypto/hash.h"
#include "crypto/name.h"
#include "crypto/wire_write.h"
#include "governance/records.h"

#include <stdlib.h>
#include <string.h>

/* What a list element costs beside its bytes, at most: an array head, three bin heads, a version.
 */
#define ELEMENT_OVERHEAD 16
#define FRAME_OVERHEAD 256

/* The parts of a parcel that is being made: three growing lists, each as large as it can get. */
struct workshop {
    struct buffer statements;
    struct buffer payloads;
    struct buffer item;
    uint8_t *leaf_hashes;
    uint8_t *salts;
};

static void workshop_close(struct workshop *shop)
{
    free(shop->statements.data);
    free(shop->payloads.data);
    free(shop->item.data);
    free(shop->leaf_hashes);
    free(shop->salts);
}

static struct buffer heap_buffer(size_t capacity)
{
    return buffer_make(malloc(capacity), capacity);
}

static enum status workshop_open(struct workshop *shop, size_t count, size_t payload_bytes)
{
    shop->statements = heap_buffer(count * (STATEMENT_BODY_BYTES_MAX + ELEMENT_OVERHEAD));
    shop->payloads = heap_buffer(payload_bytes + count * (SALT_BYTES + ELEMENT_OVERHEAD) + 64);
    shop->item = heap_buffer(ITEM_BYTES_MAX);
    shop->leaf_hashes = malloc(count * HASH_BYTES);
    shop->salts = malloc(count * SALT_BYTES);
    if (shop->statements.data == NULL || shop->payloads.data == NULL || shop->item.data == NULL ||
        shop->leaf_hashes == NULL || shop->salts == NULL) {
        workshop_close(shop);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

/* Put statement and payload of one entry into the lists. False when a bound is broken. */
static bool add_entry(struct workshop *shop, const struct parcel_entry *entry, size_t i)
{
    const uint8_t *salt = shop->salts + i * SALT_BYTES;
    struct statement statement = {
        .stream = entry->stream,
        .payload_len = entry->payload.len,
        .expect_stream_len = entry->expect_stream_len,
    };
    const struct bytes parts[] = {bytes_make(salt, SALT_BYTES), entry->payload};
    uint8_t body[STATEMENT_BODY_BYTES_MAX];
    struct buffer encoded = buffer_make(body, sizeof(body));

    hash_parts(parts, 2, statement.payload_hash);
    if (!statement_encode(&statement, &encoded)) {
        return false;
    }
    merkle_leaf_hash(buffer_bytes(&encoded), shop->leaf_hashes + i * HASH_BYTES);

    struct item_bin element = {.value = buffer_bytes(&encoded)};
    struct payload payload = {.salt = parts[0], .bytes = entry->payload};
    return item_bin_encode(&element, &shop->statements) &&
           payload_encode(&payload, &shop->payloads);
}

static bool make_item(const struct parcel_plan *plan, uint64_t op, size_t count,
                      struct workshop *shop)
{
    struct request request = {
        .author = {.kind = 0},
        .request_no = plan->request_no,
        .op = op,
        .not_after_ms = plan->not_after_ms,
        .audience = 0,
        .count = count,
    };
    uint8_t body[REQUEST_BODY_BYTES_MAX];
    struct buffer encoded = buffer_make(body, sizeof(body));

    hash_bytes(plan->token, request.author.id);
    merkle_root_of(bytes_make(shop->leaf_hashes, count * HASH_BYTES), request.entries_root);
    if (!request_encode(&request, &encoded)) {
        return false;
    }
    struct item item = {
        .request = buffer_bytes(&encoded),
        .token = plan->token,
        .statements = {buffer_bytes(&shop->statements), (uint32_t)count},
    };
    secret_key_sign(plan->key, TAG_REQUEST, plan->cluster_id, item.request, item.sig);
    return item_encode(&item, &shop->item);
}

/* Envelope, item and payloads as one frame, in memory of its own. NULL when out of memory or too
 * large. */
static uint8_t *make_frame(const struct workshop *shop, size_t count, size_t *len)
{
    const size_t capacity = shop->item.len + shop->payloads.len + FRAME_OVERHEAD;
    struct buffer payloads = heap_buffer(shop->payloads.len + 16);
    struct buffer frame = heap_buffer(capacity);
    const struct payloads list = {.list = {buffer_bytes(&shop->payloads), (uint32_t)count}};
    const struct envelope envelope = {.type = MESSAGE_REQUEST};
    bool good = payloads.data != NULL && frame.data != NULL && payloads_encode(&list, &payloads);

    if (good) {
        const struct request_parcel parcel = {buffer_bytes(&shop->item), buffer_bytes(&payloads)};

        buffer_put_u32be(&frame, 0);
        good = envelope_encode(&envelope, &frame) && request_parcel_encode(&parcel, &frame) &&
               frame.len - FRAME_HEADER_BYTES <= CLIENT_FRAME_BYTES_MAX;
    }
    free(payloads.data);
    if (!good) {
        free(frame.data);
        return NULL;
    }
    frame_header(frame.len - FRAME_HEADER_BYTES, frame.data);
    *len = frame.len;
    return frame.data;
}

static bool is_governance(const struct parcel_entry *entry)
{
    return bytes_equal(entry->stream, bytes_of_text(GOVERNANCE_STREAM));
}

static bool total_fits(const struct parcel_entry *entries, size_t count, size_t *payload_bytes)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++) {
        if (entries[i].payload.len > PAYLOAD_BYTES_MAX || !name_is_id(entries[i].stream) ||
            (is_governance(&entries[i]) && count != 1)) {
            return false;
        }
        total += entries[i].payload.len;
        if (total > ITEM_PAYLOAD_BYTES_MAX) {
            return false;
        }
    }
    *payload_bytes = total;
    return true;
}

enum status parcel_make(const struct parcel_plan *plan, const struct parcel_entry *entries,
                        size_t count, parcel_entropy *entropy, void *context, struct parcel *out)
{
    struct workshop shop;
    size_t payload_bytes = 0;
    uint64_t op = OP_APPEND;

    if (count == 0 || count > STATEMENTS_MAX || !total_fits(entries, count, &payload_bytes)) {
        return STATUS_INVALID;
    }
    if (workshop_open(&shop, count, payload_bytes) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    entropy(context, shop.salts, count * SALT_BYTES);
    if (is_governance(&entries[0])) {
        op = OP_GOVERN;
        memset(shop.salts, 0, SALT_BYTES);
    }
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        good = add_entry(&shop, &entries[i], i);
    }
    good = good && make_item(plan, op, count, &shop);

    size_t len = 0;
    uint8_t *frame = good ? make_frame(&shop, count, &len) : NULL;
    workshop_close(&shop);
    if (frame == NULL) {
        return STATUS_INVALID;
    }
    return parcel_parse(frame, len, plan->cluster_id, out);
}

/* Fill in the pieces; the lists were found to have `count` elements each. */
static bool read_pieces(struct parcel *parcel, struct wire_list statements, struct wire_list list)
{
    struct wire_iter at_statement = wire_iter_make(statements);
    struct wire_iter at_payload = wire_iter_make(list);

    for (uint32_t i = 0; i < parcel->count; i++) {
        struct parcel_piece *piece = &parcel->pieces[i];
        struct item_bin element;
        struct statement statement;
        struct payload payload;

        if (!item_bin_next(&at_statement, &element) ||
            statement_decode(element.value, &statement) != WIRE_OK ||
            !payload_next(&at_payload, &payload) || payload.salt.len != SALT_BYTES ||
            payload.bytes.len != statement.payload_len) {
            return false;
        }
        *piece = (struct parcel_piece){
            .statement = element.value,
            .stream = statement.stream,
            .payload = payload.bytes,
            .salt = payload.salt.data,
            .payload_len = statement.payload_len,
            .expect_stream_len = statement.expect_stream_len,
        };
        /* Within a statement the hash follows the stream: a bin of 32 bytes has a head of two. */
        piece->payload_hash = statement.stream.data + statement.stream.len + 2;
        parcel->payload_bytes += payload.bytes.len;
    }
    return true;
}

static bool read_parcel(struct parcel *parcel, const uint8_t cluster_id[HASH_BYTES])
{
    struct bytes content = bytes_slice(bytes_make(parcel->frame, parcel->frame_len),
                                       FRAME_HEADER_BYTES, parcel->frame_len - FRAME_HEADER_BYTES);
    struct envelope envelope;
    struct request_parcel parts;
    struct item item;
    struct request request;
    struct payloads payloads;
    size_t used = 0;

    if (schema_decode_front(&schema_envelope, content, &envelope, &used) != WIRE_OK ||
        envelope.type != MESSAGE_REQUEST ||
        request_parcel_decode(bytes_slice(content, used, content.len - used), &parts) != WIRE_OK ||
        item_decode(parts.item, &item) != WIRE_OK ||
        request_decode(item.request, &request) != WIRE_OK ||
        payloads_decode(parts.payloads, &payloads) != WIRE_OK ||
        item.statements.count != payloads.list.count || request.count != payloads.list.count) {
        return false;
    }
    parcel->item = parts.item;
    parcel->request = item.request;
    parcel->token = item.token;
    memcpy(parcel->sig, item.sig, SIG_BYTES);
    statement_id(TAG_REQUEST, cluster_id, item.request, parcel->request_id);
    parcel->request_no = request.request_no;
    parcel->op = request.op;
    parcel->not_after_ms = request.not_after_ms;
    parcel->count = item.statements.count;
    parcel->pieces = calloc(parcel->count, sizeof(parcel->pieces[0]));
    return parcel->pieces != NULL && read_pieces(parcel, item.statements, payloads.list);
}

enum status parcel_parse(uint8_t *frame, size_t len, const uint8_t cluster_id[HASH_BYTES],
                         struct parcel *out)
{
    struct parcel parcel = {.frame = frame, .frame_len = len};

    if (len <= FRAME_HEADER_BYTES || bytes_get_u32be(frame) != len - FRAME_HEADER_BYTES ||
        !read_parcel(&parcel, cluster_id)) {
        parcel_close(&parcel);
        return STATUS_CORRUPT;
    }
    *out = parcel;
    return STATUS_OK;
}

void parcel_close(struct parcel *parcel)
{
    free(parcel->frame);
    free(parcel->pieces);
    *parcel = (struct parcel){0};
}

void parcel_leaf(const struct parcel *parcel, const struct parcel_place *place, uint32_t i,
                 uint64_t stream_index, struct buffer *out)
{
    CHECK(i < parcel->count);
    const struct parcel_piece *piece = &parcel->pieces[i];
    struct leaf leaf = {
        .index = place->first_index + i,
        .height = place->height,
        .time_ms = place->time_ms,
        .kind = parcel->op == OP_GOVERN ? LEAF_GOVERNANCE : LEAF_DATA,
        .stream = piece->stream,
        .stream_index = stream_index,
        .position = i,
        .payload_len = piece->payload_len,
    };

    memcpy(leaf.author, place->author, PUBLIC_KEY_BYTES);
    memcpy(leaf.request_id, parcel->request_id, HASH_BYTES);
    memcpy(leaf.payload_hash, piece->payload_hash, HASH_BYTES);
    if (!leaf_encode(&leaf, out)) {
        out->full = true;
    }
}

bool parcel_statement_path(const struct parcel *parcel, uint32_t i, struct merkle_proof *out)
{
    uint8_t(*nodes)[HASH_BYTES] = malloc(MERKLE_SPAN_NODES(parcel->count) * HASH_BYTES);
    const struct merkle_frontier nothing = {0};
    struct merkle_span span;

    if (nodes == NULL) {
        return false;
    }
    for (uint32_t k = 0; k < parcel->count; k++) {
        merkle_leaf_hash(parcel->pieces[k].statement, nodes[k]);
    }
    const bool good =
        merkle_span_tail(&span, &nothing, bytes_make(nodes, (size_t)parcel->count * HASH_BYTES),
                         nodes) &&
        merkle_span_inclusion(&span, i, out);
    free(nodes);
    return good;
}
