#include "replica/host/serve.h"

#include "crypto/hash.h"
#include "governance/state_key.h"
#include "replica/core/node_parts.h"
#include "replica/host/frames.h"
#include "replica/host/hand_off_make.h"
#include "replica/host/history_make.h"
#include "replica/host/in_force_make.h"
#include "replica/host/receipt_make.h"
#include "storage/record.h"

#include <stdlib.h>
#include <string.h>

#define ENVELOPE_ROOM 256
#define CERTIFICATE_BYTES_MAX 4096

struct serve {
    struct serve_setup setup;
    struct log_reader *reader;
    struct history_maker *history;
    struct snapshots *snapshots;
    struct picks *picks; /* for hand-offs */
    struct buffer attachment;
    struct buffer frame;
};

/* One question under way. */
struct answer {
    struct serve *serve;
    struct store_view *view;
    const struct fetch *fetch;
    serve_sink *sink;
    void *context;
};

enum status serve_open(const struct serve_setup *setup, struct serve **out)
{
    struct serve *serve = (struct serve *)calloc(1, sizeof *serve);
    if (serve == NULL) {
        return STATUS_NO_MEMORY;
    }
    serve->setup = *setup;
    serve->attachment = buffer_make(malloc(FRAME_BYTES_MAX), FRAME_BYTES_MAX);
    serve->frame =
        buffer_make(malloc(FRAME_BYTES_MAX + ENVELOPE_ROOM), FRAME_BYTES_MAX + ENVELOPE_ROOM);
    serve->picks = (struct picks *)malloc(sizeof *serve->picks);
    if (serve->attachment.data == NULL || serve->frame.data == NULL || serve->picks == NULL ||
        log_reader_open(&serve->reader) != STATUS_OK ||
        history_maker_open(serve->reader, &serve->history) != STATUS_OK ||
        snapshots_open(&setup->snapshots, serve->reader, &serve->snapshots) != STATUS_OK) {
        serve_close(serve);
        return STATUS_NO_MEMORY;
    }
    *out = serve;
    return STATUS_OK;
}

void serve_close(struct serve *serve)
{
    if (serve->snapshots != NULL) {
        snapshots_close(serve->snapshots);
    }
    history_maker_close(serve->history);
    if (serve->reader != NULL) {
        log_reader_close(serve->reader);
    }
    free(serve->picks);
    free(serve->attachment.data);
    free(serve->frame.data);
    free(serve);
}

struct log_reader *serve_reader(struct serve *serve)
{
    return serve->reader;
}

void serve_pin(struct serve *serve, uint64_t height, struct store_view *view)
{
    snapshots_pin(serve->snapshots, height, view);
}

void serve_unpin(struct serve *serve)
{
    snapshots_unpin(serve->snapshots);
}

static struct buffer *fresh(struct answer *answer)
{
    struct buffer *attachment = &answer->serve->attachment;
    attachment->len = 0;
    attachment->full = false;
    return attachment;
}

/* Send what was asked for, at position `from`, with that attachment. */
static void send(struct answer *answer, uint64_t from, struct bytes attachment)
{
    struct buffer *frame = &answer->serve->frame;
    frame->len = 0;
    frame->full = false;
    CHECK(frames_put_data(frame, answer->serve->setup.rid, answer->fetch, from, attachment));
    answer->sink(answer->context, buffer_bytes(frame));
}

static void send_nothing(struct answer *answer)
{
    send(answer, answer->fetch->from, BYTES_EMPTY);
}

/* Send what was encoded into the attachment, or nothing when it did not fit. */
static void send_encoded(struct answer *answer, bool encoded)
{
    struct bytes attachment = buffer_bytes(&answer->serve->attachment);
    send(answer, answer->fetch->from, encoded ? attachment : BYTES_EMPTY);
}

static void answer_batch(struct answer *answer)
{
    struct batch_parcel parcel;
    if (!log_batch(answer->serve->reader, answer->fetch->digest, &parcel.batch, &parcel.payloads)) {
        send_nothing(answer);
        return;
    }
    send_encoded(answer, batch_parcel_encode(&parcel, fresh(answer)));
}

static bool get_certificate(const struct answer *answer, uint64_t height, struct buffer *out)
{
    struct record_key key = record_key_block(RECORD_CERTIFICATE, height);
    return log_record(answer->serve->reader, FAMILY_BLOCKS, record_key_bytes(&key), out);
}

/* The block with its commit certificate, into the attachment. */
static bool encode_block(struct answer *answer, uint64_t height)
{
    uint8_t memory[CERTIFICATE_BYTES_MAX];
    struct buffer certificate = buffer_make(memory, sizeof memory);
    struct log_block block;
    if (!log_block(answer->serve->reader, height, &block) ||
        !get_certificate(answer, height, &certificate)) {
        return false;
    }
    struct block_parcel parcel = {.header = block.record.header,
                                  .commit = buffer_bytes(&certificate)};
    if (!hash_is_zero(block.header.batch_digest) &&
        !log_batch(answer->serve->reader, block.header.batch_digest, &parcel.batch,
                   &parcel.payloads)) {
        return false;
    }
    return block_parcel_encode(&parcel, fresh(answer));
}

/* The same with what a replica needs that has not the state before it. */
static bool encode_history(struct answer *answer, uint64_t height)
{
    uint8_t memory[CERTIFICATE_BYTES_MAX];
    struct buffer certificate = buffer_make(memory, sizeof memory);
    return get_certificate(answer, height, &certificate) &&
           history_make(answer->serve->history, height, buffer_bytes(&certificate), fresh(answer));
}

/* Up to as many heights as were asked for, one frame each, as long as they are there: blocks
 * upwards, history downwards. */
static void answer_heights(struct answer *answer, bool upwards)
{
    const struct fetch *fetch = answer->fetch;
    uint64_t left = upwards ? UINT64_MAX - fetch->from : fetch->from;
    uint64_t count = fetch->count < FETCH_BLOCKS_MAX ? fetch->count : FETCH_BLOCKS_MAX;
    size_t bytes = 0;
    uint64_t sent = 0;
    while (sent < count && sent <= left && bytes < FETCH_BLOCKS_BYTES) {
        uint64_t height = upwards ? fetch->from + sent : fetch->from - sent;
        if (!(upwards ? encode_block(answer, height) : encode_history(answer, height))) {
            break;
        }
        bytes += answer->serve->attachment.len;
        send(answer, height, buffer_bytes(&answer->serve->attachment));
        sent++;
    }
    if (sent == 0) {
        send_nothing(answer);
    }
}

/* The proof of a height that closed an epoch is kept for ever, with what the next one began with.
 */
static bool answer_boundary(struct answer *answer)
{
    uint8_t memory[STABLE_BYTES_MAX];
    struct buffer proof = buffer_make(memory, sizeof memory);
    struct buffer *value = fresh(answer);
    struct record_key key = record_key_journal(JOURNAL_EPOCH, answer->fetch->from);
    struct epoch_record record;
    if (!log_record(answer->serve->reader, FAMILY_JOURNAL, record_key_bytes(&key), value) ||
        epoch_record_decode(buffer_bytes(value), &record) != WIRE_OK ||
        !stable_encode(&record.stable, &proof)) {
        return false;
    }
    send(answer, answer->fetch->from, buffer_bytes(&proof));
    return true;
}

/* The newest proof, or the newest that is not above the height asked for. */
static void answer_stable(struct answer *answer)
{
    const uint64_t highest = answer->fetch->from != 0 ? answer->fetch->from : UINT64_MAX;
    uint8_t key_memory[STORE_KEY_BYTES_MAX];
    struct buffer found = buffer_make(key_memory, sizeof key_memory);
    struct record_key key = record_key_journal(JOURNAL_STABLE, highest);
    uint8_t kind = 0;
    uint64_t height = 0;
    bool there = store_view_floor(answer->view, FAMILY_JOURNAL, record_key_bytes(&key), &found,
                                  fresh(answer)) == STATUS_OK &&
                 record_read_journal(buffer_bytes(&found), &kind, &height) &&
                 kind == JOURNAL_STABLE;
    send_encoded(answer, there);
}

static bool encode_chunk(struct answer *answer)
{
    struct state_chunk chunk;
    return snapshots_chunk(answer->serve->snapshots, answer->fetch, &chunk) &&
           state_chunk_encode(&chunk, fresh(answer));
}

/* The NEW-VIEW of the view this replica was in last, for those who missed it. */
static void answer_new_view(struct answer *answer)
{
    struct record_key key = record_key_journal(JOURNAL_NEW_VIEW, 0);
    send_encoded(answer, log_record(answer->serve->reader, FAMILY_JOURNAL, record_key_bytes(&key),
                                    fresh(answer)));
}

static void answer_checkpoint(struct answer *answer)
{
    struct bytes note;
    bool there = log_note(answer->serve->reader, &note);
    send(answer, answer->fetch->from, there ? note : BYTES_EMPTY);
}

static void answer_receipt(struct answer *answer)
{
    bool made = receipt_make(answer->serve->reader, answer->fetch->from, fresh(answer));
    send_encoded(answer, made);
}

/* Rows of a page of streams. */
struct rows {
    uint64_t skip;
    uint32_t count;
    struct buffer raw;
};

static bool add_row(void *context, struct bytes key, struct bytes value)
{
    struct rows *rows = (struct rows *)context;
    struct stream_record record;
    if (key.len < 2 || key.data[0] != STATE_STREAM || rows->count == STATEMENTS_MAX) {
        return false;
    }
    if (rows->skip > 0) {
        rows->skip--;
        return true;
    }
    if (stream_record_decode(value, &record) != WIRE_OK) {
        return true;
    }
    const struct stream_row row = {.stream = bytes_slice(key, 1, key.len - 1),
                                   .length = record.length};
    if (!stream_row_encode(&row, &rows->raw)) {
        return false;
    }
    rows->count++;
    return true;
}

static void answer_streams(struct answer *answer)
{
    static const uint8_t first = STATE_STREAM;
    struct rows rows = {.skip = answer->fetch->from};
    /* The far half of the frame's memory is free until the frame is made. */
    rows.raw = buffer_make(answer->serve->frame.data, answer->serve->frame.capacity / 2);
    enum status status =
        store_view_scan(answer->view, FAMILY_STATE, bytes_make(&first, 1), add_row, &rows);
    const struct stream_rows page = {.list = {buffer_bytes(&rows.raw), rows.count}};
    send_encoded(answer, status == STATUS_OK && stream_rows_encode(&page, fresh(answer)));
}

static bool encode_consistency(struct answer *answer)
{
    struct head_record head;
    struct block_header header;
    struct merkle_proof proof;
    uint8_t memory[MERKLE_PROOF_MAX * (HASH_BYTES + 2)];
    struct buffer raw = buffer_make(memory, sizeof memory);
    const struct fetch *fetch = answer->fetch;
    if (!log_head(answer->serve->reader, &head, &header) || fetch->from == 0 ||
        fetch->from > fetch->count || fetch->count > header.tree_size ||
        !merkle_consistency_make(fetch->from, fetch->count, log_node, answer->serve->reader,
                                 &proof)) {
        return false;
    }
    for (uint32_t i = 0; i < proof.count; i++) {
        struct item_hash element;
        memcpy(element.value, proof.hashes[i], HASH_BYTES);
        CHECK(item_hash_encode(&element, &raw));
    }
    const struct consistency consistency = {.path = {buffer_bytes(&raw), proof.count}};
    return consistency_encode(&consistency, fresh(answer));
}

static struct hand_off_sources own_sources(const struct answer *answer)
{
    struct serve *serve = answer->serve;
    return (struct hand_off_sources){
        .reader = serve->reader,
        .view = answer->view,
        .charter_file = serve->setup.charter_file,
        .picks = serve->picks,
    };
}

/* The frame's memory is free until the frame is made. */
static struct buffer own_work(const struct answer *answer)
{
    return buffer_make(answer->serve->frame.data, answer->serve->frame.capacity);
}

static bool encode_config(struct answer *answer)
{
    const struct hand_off_sources sources = own_sources(answer);
    struct buffer work = own_work(answer);
    return in_force_make(&sources, &work, fresh(answer));
}

static bool encode_hand_off(struct answer *answer)
{
    const struct hand_off_sources sources = own_sources(answer);
    struct buffer work = own_work(answer);
    return hand_off_make(&sources, answer->fetch->from, &work, fresh(answer));
}

void serve_fetch(struct serve *serve, struct store_view *view, const struct fetch *fetch,
                 serve_sink *sink, void *context)
{
    struct answer answer = {serve, view, fetch, sink, context};
    log_reader_use(serve->reader, view);
    switch (fetch->kind) {
    case FETCH_BATCH:
        answer_batch(&answer);
        break;
    case FETCH_BLOCKS:
        answer_heights(&answer, true);
        break;
    case FETCH_HISTORY:
        answer_heights(&answer, false);
        break;
    case FETCH_SNAPSHOT:
        send_encoded(&answer, encode_chunk(&answer));
        break;
    case FETCH_STABLE:
        if (!answer_boundary(&answer)) {
            answer_stable(&answer);
        }
        break;
    case FETCH_NEW_VIEW:
        answer_new_view(&answer);
        break;
    case FETCH_CHECKPOINT:
        answer_checkpoint(&answer);
        break;
    case FETCH_RECEIPT:
        answer_receipt(&answer);
        break;
    case FETCH_STREAMS:
        answer_streams(&answer);
        break;
    case FETCH_CHARTER:
        send(&answer, fetch->from, serve->setup.charter_file);
        break;
    case FETCH_CONSISTENCY:
        send_encoded(&answer, encode_consistency(&answer));
        break;
    case FETCH_HAND_OFF:
        send_encoded(&answer, encode_hand_off(&answer));
        break;
    case FETCH_CONFIG:
        send_encoded(&answer, encode_config(&answer));
        break;
    default: /* kinds of later versions, and those that are not about the log */
        send_nothing(&answer);
        break;
    }
    log_reader_use(serve->reader, NULL);
}

enum status serve_fetch_store(struct serve *serve, struct store *store, const struct fetch *fetch,
                              serve_sink *sink, void *context)
{
    struct store_view *view = NULL;
    enum status status = store_view_open(store, &view);
    if (status != STATUS_OK) {
        return status;
    }
    serve_fetch(serve, view, fetch, sink, context);
    store_view_close(view);
    return STATUS_OK;
}
