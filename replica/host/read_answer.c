#include "replica/host/read_answer.h"

#include "crypto/hash.h"
#include "replica/host/frames.h"
#include "replica/host/receipt_make.h"
#include "replica/host/reply.h"

#include <stdlib.h>
#include <string.h>

/* One entry at its largest: payload, leaf, path. */
#define ENTRY_BYTES_MAX (PAYLOAD_BYTES_MAX + ((size_t)4 << 10))
#define BODY_BYTES_MAX (NOTE_BYTES_MAX + 512)

struct read_maker {
    const struct speaker *speaker;
    struct log_reader *reader;
    struct token_view chain;
    struct buffer list;       /* encoded read_entry objects */
    struct buffer attachment; /* the encoded read_entries */
    struct buffer frame;
};

/* One answer that is being made. */
struct answer {
    struct read_maker *maker;
    uint64_t size; /* of the tree that proofs lead to */
    uint32_t count;
    bool full;
    bool missing; /* an entry of the tree is not to be had here: history has a gap */
};

static bool take(struct buffer *buffer, size_t capacity)
{
    *buffer = buffer_make(malloc(capacity), capacity);
    return buffer->data != NULL;
}

enum status read_maker_open(const struct speaker *speaker, struct log_reader *reader,
                            struct read_maker **out)
{
    struct read_maker *maker = (struct read_maker *)calloc(1, sizeof *maker);
    if (maker == NULL) {
        return STATUS_NO_MEMORY;
    }
    maker->speaker = speaker;
    maker->reader = reader;
    if (!take(&maker->list, READ_ANSWER_BYTES_MAX) ||
        !take(&maker->attachment, READ_ANSWER_BYTES_MAX + 64) ||
        !take(&maker->frame, READ_ANSWER_BYTES_MAX + BODY_BYTES_MAX + 512)) {
        read_maker_close(maker);
        return STATUS_NO_MEMORY;
    }
    *out = maker;
    return STATUS_OK;
}

void read_maker_close(struct read_maker *maker)
{
    free(maker->list.data);
    free(maker->attachment.data);
    free(maker->frame.data);
    free(maker);
}

static bool chain_covers(const struct token_view *chain, struct bytes stream)
{
    for (uint32_t i = 0; i < chain->count; i++) {
        if ((chain->blocks[i].limits.ops & OP_READ) == 0 ||
            !prefix_set_covers(&chain->blocks[i].limits.prefixes, stream)) {
            return false;
        }
    }
    return chain->count > 0;
}

static struct wire_list hash_list(const struct merkle_proof *proof, struct buffer *raw)
{
    for (uint32_t i = 0; i < proof->count; i++) {
        struct item_hash element;
        memcpy(element.value, proof->hashes[i], HASH_BYTES);
        CHECK(item_hash_encode(&element, raw));
    }
    return (struct wire_list){buffer_bytes(raw), proof->count};
}

/* Add the entry at that index. False: not there, or no room left. */
static bool add_entry(struct answer *answer, uint64_t index)
{
    struct read_maker *maker = answer->maker;
    uint8_t leaf_memory[LEAF_BYTES_MAX];
    uint8_t path_memory[MERKLE_PATH_MAX * (HASH_BYTES + 2)];
    struct buffer leaf_copy = buffer_make(leaf_memory, sizeof leaf_memory);
    struct buffer path = buffer_make(path_memory, sizeof path_memory);
    struct bytes found;
    struct leaf leaf;
    struct merkle_proof proof;
    if (answer->count == STATEMENTS_MAX || index >= answer->size) {
        return false;
    }
    if (!log_leaf(maker->reader, index, &found)) {
        answer->missing = true;
        return false;
    }
    buffer_put(&leaf_copy, found);
    if (leaf_decode(buffer_bytes(&leaf_copy), &leaf) != WIRE_OK ||
        !merkle_inclusion_make(index, answer->size, log_node, maker->reader, &proof)) {
        answer->missing = true;
        return false;
    }
    struct read_entry entry = {.leaf = buffer_bytes(&leaf_copy), .path = hash_list(&proof, &path)};
    struct log_entry stored;
    if (chain_covers(&maker->chain, leaf.stream) &&
        log_entry(maker->reader, index, &leaf, &stored)) {
        entry.salt = stored.payload.salt;
        entry.payload = stored.payload.bytes;
    }
    struct buffer before = maker->list;
    if (!read_entry_encode(&entry, &maker->list)) {
        maker->list = before;
        answer->full = true;
        return false;
    }
    answer->count++;
    return true;
}

static void add_log_range(struct answer *answer, uint64_t from, uint64_t count)
{
    for (uint64_t i = 0; i < count && from <= LOG_ENTRIES_MAX; i++) {
        if (!add_entry(answer, from + i)) {
            return;
        }
    }
}

static void add_stream_range(struct answer *answer, const struct read_statement *statement)
{
    uint64_t done = 0;
    while (done < statement->count && statement->from <= LOG_ENTRIES_MAX) {
        uint64_t index = 0;
        uint64_t run = 0;
        const uint64_t position = statement->from + done;
        if (!log_stream_run(answer->maker->reader, statement->stream, position, &index, &run)) {
            answer->missing =
                position < log_stream_length(answer->maker->reader, statement->stream);
            return;
        }
        for (; run > 0 && done < statement->count; run--) {
            if (!add_entry(answer, index++)) {
                return;
            }
            done++;
        }
    }
}

/* All that was asked for; `length` gets that of the first stream. */
static void add_statements(struct answer *answer, const struct read_ask *ask,
                           const struct block_header *head, uint64_t *length)
{
    struct wire_iter statements = wire_iter_make(ask->statements);
    struct item_bin body;
    for (uint32_t i = 0; item_bin_next(&statements, &body) && !answer->full; i++) {
        struct read_statement statement;
        if (read_statement_decode(body.value, &statement) != WIRE_OK) {
            return;
        }
        bool whole_log = statement.stream.len == 0;
        if (i == 0) {
            *length = whole_log ? head->tree_size
                                : log_stream_length(answer->maker->reader, statement.stream);
        }
        if (whole_log) {
            add_log_range(answer, statement.from, statement.count);
        } else {
            add_stream_range(answer, &statement);
        }
    }
}

static struct bytes sign_answer(struct read_maker *maker, struct read_answer *answer)
{
    uint8_t memory[BODY_BYTES_MAX];
    uint8_t sig[SIG_BYTES];
    struct buffer body = buffer_make(memory, sizeof memory);
    const struct speaker *speaker = maker->speaker;
    struct bytes attachment = buffer_bytes(&maker->attachment);
    hash_bytes(attachment, answer->entries_hash);
    CHECK(read_answer_encode(answer, &body));
    sign_body(speaker->scheme, speaker->seed, speaker->public_key, TAG_READ_ANSWER,
              speaker->cluster_id, buffer_bytes(&body), sig);
    maker->frame.len = 0;
    CHECK(frames_put(&maker->frame, &(struct frame_parts){.type = MESSAGE_READ_ANSWER,
                                                          .rid = speaker->rid,
                                                          .body = buffer_bytes(&body),
                                                          .sig = BYTES_OF_ARRAY(sig),
                                                          .attachment = attachment}));
    return buffer_bytes(&maker->frame);
}

struct bytes read_answer_make(struct read_maker *maker, struct store_view *view,
                              const struct read_ask *ask)
{
    struct head_record head;
    struct block_header header = {0};
    struct answer answer = {.maker = maker};
    struct read_answer signed_answer = {.code = ask->code};
    memcpy(signed_answer.request_id, ask->request_id, HASH_BYTES);
    log_reader_use(maker->reader, view);
    maker->list.len = 0;
    maker->list.full = false;
    maker->attachment.len = 0;
    if (log_head(maker->reader, &head, &header)) {
        signed_answer.epoch = header.epoch;
        signed_answer.executed = header.height;
    }
    /* A new log has no note. One that is ahead of what was executed here is of a tree that is not
     * had: nothing can be proven in it, and no entries would look like none being there. */
    if (!log_note(maker->reader, &signed_answer.checkpoint) ||
        !note_tree_size(signed_answer.checkpoint, &answer.size) || answer.size > header.tree_size) {
        signed_answer.checkpoint = BYTES_EMPTY;
        answer.size = 0;
    }
    if (ask->code == RESULT_OK &&
        token_parse(ask->token, maker->speaker->cluster_id, &maker->chain) == RESULT_OK) {
        add_statements(&answer, ask, &header, &signed_answer.stream_len);
    }
    /* The same when history has a gap where the entries begin. Behind those that are there, the
     * reader asks again, and then of another replica. */
    if (answer.missing && answer.count == 0) {
        signed_answer.checkpoint = BYTES_EMPTY;
    }
    log_reader_use(maker->reader, NULL);
    /* A length or an entry that could not be read would look like none being there. */
    if (log_reader_damaged(maker->reader)) {
        return BYTES_EMPTY;
    }
    const struct read_entries entries = {.list = {buffer_bytes(&maker->list), answer.count}};
    CHECK(read_entries_encode(&entries, &maker->attachment));
    return sign_answer(maker, &signed_answer);
}

/* --- Requests that were executed before ------------------------------------------------------ */

struct known_lists {
    uint8_t range[MERKLE_PROOF_MAX * (HASH_BYTES + 2)];
    uint8_t indexes[STATEMENTS_MAX * 9];
};

/* Where the entries are in their streams, and that they are in the tree of the head. */
static bool prove_known(struct log_reader *reader, const struct action *known, uint64_t tree_size,
                        struct known_lists *lists, struct reply_single *out)
{
    struct merkle_proof proof;
    struct buffer range = buffer_make(lists->range, sizeof lists->range);
    struct buffer indexes = buffer_make(lists->indexes, sizeof lists->indexes);
    if (known->count > STATEMENTS_MAX || known->first_index > LOG_ENTRIES_MAX ||
        !merkle_range_make(known->first_index, known->first_index + known->count, tree_size,
                           log_node, reader, &proof)) {
        return false;
    }
    for (uint64_t i = 0; i < known->count; i++) {
        struct bytes encoded;
        struct leaf leaf;
        if (!log_leaf(reader, known->first_index + i, &encoded) ||
            leaf_decode(encoded, &leaf) != WIRE_OK) {
            return false;
        }
        const struct item_u64 element = {leaf.stream_index};
        CHECK(item_u64_encode(&element, &indexes));
    }
    out->range_proof = hash_list(&proof, &range);
    out->stream_indexes = (struct wire_list){buffer_bytes(&indexes), (uint32_t)known->count};
    return true;
}

static bool make_known(struct read_maker *maker, const struct action *known)
{
    struct head_record head;
    struct block_header header;
    struct log_block block;
    struct known_lists lists;
    uint8_t attest_memory[1024];
    uint8_t result_memory[128];
    struct buffer attest_bytes = buffer_make(attest_memory, sizeof attest_memory);
    struct buffer result_bytes = buffer_make(result_memory, sizeof result_memory);
    struct result result = {
        .code = known->code, .first_index = known->first_index, .count = known->count};
    memcpy(result.request_id, known->request_id, HASH_BYTES);
    if (!log_head(maker->reader, &head, &header) ||
        !log_block(maker->reader, known->height, &block) ||
        !result_encode(&result, &result_bytes)) {
        return false;
    }
    struct attest attest = {.header = head.header};
    memcpy(attest.note_sig, head.note_sig, SIG_BYTES);
    memcpy(attest.cosig, head.cosig, SIG_BYTES);
    CHECK(attest_encode(&attest, &attest_bytes));
    struct reply_single single = {.attest = buffer_bytes(&attest_bytes),
                                  .result = buffer_bytes(&result_bytes),
                                  .height = known->height,
                                  .time_ms = block.header.time_ms};
    if (known->code == RESULT_OK && known->count > 0 &&
        !prove_known(maker->reader, known, header.tree_size, &lists, &single)) {
        return false;
    }
    return reply_single_put(&maker->frame, maker->speaker->rid, &single);
}

struct bytes read_known_make(struct read_maker *maker, struct store_view *view,
                             const struct action *known)
{
    log_reader_use(maker->reader, view);
    maker->frame.len = 0;
    bool made = make_known(maker, known);
    log_reader_use(maker->reader, NULL);
    return made ? buffer_bytes(&maker->frame) : BYTES_EMPTY;
}

static_assert(READ_ANSWER_BYTES_MAX >= ENTRY_BYTES_MAX, "one entry always fits");
static_assert(READ_ANSWER_BYTES_MAX + BODY_BYTES_MAX + 512 <= FRAME_BYTES_MAX,
              "an answer fits a frame");
