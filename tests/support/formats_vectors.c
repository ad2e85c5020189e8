#include "tests/support/formats_vectors.h"

#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "crypto/words.h"
#include "tests/support/schema_random.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OBJECT_BYTES_MAX 65536

const uint8_t formats_cluster_id[HASH_BYTES] = {
    0xC1, 0x05, 0x7E, 0x12, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B,
    0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF,
};

/* --- Text --------------------------------------------------------------------------------------
 */

static void put(struct buffer *out, const char *text)
{
    buffer_put(out, bytes_of_text(text));
}

static void put_number(struct buffer *out, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    put(out, text);
}

static void put_hex_line(struct buffer *out, const char *lead, const char *name, struct bytes hex)
{
    put(out, lead);
    put(out, " ");
    put(out, name);
    put(out, *name == '\0' ? "" : " ");
    hex_put(out, hex);
    put(out, "\n");
}

/* --- Objects -----------------------------------------------------------------------------------
 */

/* The next value of the cursor, without the elements of an array; how many these are. */
static uint32_t put_one_value(struct cursor *cursor, struct buffer *out)
{
    const struct cursor before = *cursor;
    uint64_t number = 0;
    uint32_t count = 0;
    struct bytes run = BYTES_EMPTY;

    if (read_u64(cursor, UINT64_MAX, &number)) {
        put_number(out, number);
        return 0;
    }
    *cursor = before;
    if (read_bin(cursor, 0, SIZE_MAX, &run)) {
        put(out, "h'");
        hex_put(out, run);
        put(out, "'");
        return 0;
    }
    *cursor = before;
    if (read_str(cursor, 0, SIZE_MAX, &run)) {
        put(out, "\"");
        buffer_put(out, run);
        put(out, "\"");
        return 0;
    }
    *cursor = before;
    CHECK(read_array(cursor, 0, UINT32_MAX, &count));
    put(out, count == 0 ? "[]" : "[");
    return count;
}

static void put_value(struct bytes encoded, struct buffer *out)
{
    struct cursor cursor = cursor_make(encoded);
    uint32_t left[WIRE_DEPTH_MAX + 1] = {1};
    unsigned depth = 0;

    while (left[0] > 0 || depth > 0) {
        if (left[depth] == 0) {
            depth--;
            put(out, "]");
            put(out, left[depth] > 0 && depth > 0 ? ", " : "");
            continue;
        }
        left[depth]--;
        const uint32_t count = put_one_value(&cursor, out);

        if (count > 0) {
            CHECK(depth < WIRE_DEPTH_MAX);
            left[++depth] = count;
        } else if (left[depth] > 0) {
            put(out, ", ");
        }
    }
    CHECK(read_end(&cursor));
}

static const struct {
    const struct schema *schema;
    enum sign_tag tag;
} signed_objects[] = {
    {&schema_charter, TAG_CHARTER},
    {&schema_request, TAG_REQUEST},
    {&schema_vote, TAG_PRE_PREPARE},
    {&schema_vote, TAG_PREPARE},
    {&schema_vote, TAG_COMMIT},
    {&schema_complain, TAG_COMPLAIN},
    {&schema_view_change, TAG_VIEW_CHANGE},
    {&schema_new_view, TAG_NEW_VIEW},
    {&schema_status_report, TAG_STATUS},
    {&schema_hello, TAG_HELLO},
    {&schema_ready, TAG_READY},
    {&schema_capable, TAG_CAPABLE},
    {&schema_cap_block, TAG_CAPABILITY},
    {&schema_cap_revoke, TAG_CAPABILITY_REVOKE},
    {&schema_proposal, TAG_PROPOSAL},
    {&schema_ballot, TAG_BALLOT},
    {&schema_withdraw, TAG_WITHDRAW},
    {&schema_dispute, TAG_DISPUTE},
    {&schema_key_rotate, TAG_KEY_ROTATE},
    {&schema_endpoint, TAG_ENDPOINT},
    {&schema_key_erased, TAG_KEY_ERASED},
    {&schema_recovery_ballot, TAG_RECOVERY_BALLOT},
    {&schema_card, TAG_POSSESSION},
    {&schema_head_anchor, TAG_ANCHOR},
    {&schema_transcript_step, TAG_TRANSCRIPT},
    {&schema_rehearsal, TAG_REHEARSAL},
    {&schema_evidence, TAG_EVIDENCE},
    {&schema_read_answer, TAG_READ_ANSWER},
    {&schema_challenge, TAG_CHALLENGE},
    {&schema_challenge_answer, TAG_CHALLENGE_ANSWER},
};

static_assert(sizeof(signed_objects) / sizeof(signed_objects[0]) == SIGN_TAG_COUNT,
              "every tag stands for one object");

void formats_vectors_object(const struct schema *schema, struct bytes encoded, struct buffer *out)
{
    uint8_t hash[HASH_BYTES];

    put(out, "object ");
    put(out, schema->name);
    put(out, "\nvalue ");
    put_value(encoded, out);
    put(out, "\n");
    put_hex_line(out, "hex", "", encoded);
    hash_bytes(encoded, hash);
    put_hex_line(out, "sha256", "", BYTES_OF_ARRAY(hash));
    for (size_t i = 0; i < SIGN_TAG_COUNT; i++) {
        if (signed_objects[i].schema == schema) {
            statement_id(signed_objects[i].tag, formats_cluster_id, encoded, hash);
            put_hex_line(out, "id", sign_tag_text(signed_objects[i].tag), BYTES_OF_ARRAY(hash));
        }
    }
}

void formats_vectors_objects(struct buffer *out)
{
    static uint8_t memory[OBJECT_BYTES_MAX];
    struct schema_random random = {.state = 16, .small = true};

    for (uint32_t i = 0; i < schema_count; i++) {
        struct buffer encoded = buffer_make(memory, sizeof(memory));

        schema_random_put(&random, schema_all[i], &encoded);
        CHECK(!encoded.full);
        formats_vectors_object(schema_all[i], buffer_bytes(&encoded), out);
    }
}

/* --- The story ---------------------------------------------------------------------------------
 */

static void set_number(struct buffer *out, const char *name, uint64_t number)
{
    put(out, "set ");
    put(out, name);
    put(out, " ");
    put_number(out, number);
    put(out, "\n");
}

static void set_bin(struct buffer *out, const char *name, struct bytes value)
{
    put(out, "set ");
    put(out, name);
    put(out, " h'");
    hex_put(out, value);
    put(out, "'\n");
}

static void set_id(struct buffer *out, const char *name, struct bytes value)
{
    put(out, "set ");
    put(out, name);
    put(out, " \"");
    buffer_put(out, value);
    put(out, "\"\n");
}

static void get(struct buffer *out, const char *name, const uint8_t hash[HASH_BYTES])
{
    put_hex_line(out, "get", name, bytes_make(hash, HASH_BYTES));
}

static void fill(uint8_t *bytes, size_t len, uint8_t start)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(start + i);
    }
}

static struct bytes encode(const struct schema *schema, const void *object, struct buffer *memory)
{
    const size_t before = memory->len;

    CHECK(schema_encode(schema, object, memory));
    return bytes_make(memory->data + before, memory->len - before);
}

/* What one part of the story hands to the next. */
struct story {
    struct buffer memory;
    struct bytes token;
    struct bytes statements[3];
    struct statement entry; /* the second of them */
    struct bytes request;
    uint8_t request_id[HASH_BYTES];
    uint8_t holder[PUBLIC_KEY_BYTES];
    uint8_t sig[SIG_BYTES];
    uint8_t batch_digest[HASH_BYTES];
    uint8_t leaf_hash[HASH_BYTES];
    uint8_t config_hash[HASH_BYTES];
};

static void tell_token(struct story *story, struct buffer *out)
{
    static const uint8_t prefixes[] = {0xA6, 'o', 'r', 'd', 'e', 'r', 's', 0xA3, 'p', 'a', 'y'};
    struct cap_block block = {
        .gen = 3,
        .ops = OP_APPEND | OP_READ,
        .prefixes = {BYTES_OF_ARRAY(prefixes), 2},
        .not_before_ms = UINT64_C(1767225600000),
        .expires_ms = UINT64_C(1798761600000),
        .expires_height = U64_UNLIMITED,
        .max_entry = 65536,
        .quota_entries = 1000000,
        .quota_bytes = UINT64_C(1) << 32,
        .rate = {500, 1000},
        .holders = 8,
        .depth = 2,
    };
    struct signed_block signed_block;
    uint8_t hash[HASH_BYTES];

    fill(block.parent, HASH_BYTES, 0x40);
    fill(block.holder, PUBLIC_KEY_BYTES, 0x60);
    fill(block.nonce, SALT_BYTES, 0xE0);
    fill(story->sig, SIG_BYTES, 0x80);
    memcpy(story->holder, block.holder, PUBLIC_KEY_BYTES);
    set_bin(out, "block.parent", BYTES_OF_ARRAY(block.parent));
    set_number(out, "block.gen", block.gen);
    set_bin(out, "block.holder", BYTES_OF_ARRAY(block.holder));
    set_number(out, "block.ops", block.ops);
    set_id(out, "block.prefix.0", bytes_of_text("orders"));
    set_id(out, "block.prefix.1", bytes_of_text("pay"));
    set_number(out, "block.not_before_ms", block.not_before_ms);
    set_number(out, "block.expires_ms", block.expires_ms);
    set_number(out, "block.expires_height", block.expires_height);
    set_number(out, "block.max_entry", block.max_entry);
    set_number(out, "block.quota_entries", block.quota_entries);
    set_number(out, "block.quota_bytes", block.quota_bytes);
    set_number(out, "block.rate.uses", block.rate.uses);
    set_number(out, "block.rate.window_ms", block.rate.window_ms);
    set_number(out, "block.holders", block.holders);
    set_number(out, "block.depth", block.depth);
    set_bin(out, "block.nonce", BYTES_OF_ARRAY(block.nonce));
    set_bin(out, "sig", BYTES_OF_ARRAY(story->sig));
    signed_block.block = encode(&schema_cap_block, &block, &story->memory);
    memcpy(signed_block.sig, story->sig, SIG_BYTES);
    statement_id(TAG_CAPABILITY, formats_cluster_id, signed_block.block, hash);
    get(out, "cap_block_id", hash);
    const struct token token = {{encode(&schema_signed_block, &signed_block, &story->memory), 1}};

    story->token = encode(&schema_token, &token, &story->memory);
    hash_bytes(story->token, hash);
    get(out, "token_hash", hash);
}

static void tell_request(struct story *story, struct buffer *out)
{
    uint8_t salt[SALT_BYTES];
    uint8_t hashes[3][HASH_BYTES];
    struct request request = {
        .request_no = 65,
        .op = OP_APPEND,
        .not_after_ms = UINT64_C(1767225660000),
        .count = 3,
    };

    fill(salt, sizeof(salt), 0x10);
    set_bin(out, "salt", BYTES_OF_ARRAY(salt));
    for (unsigned i = 0; i < 3; i++) {
        static const char *const payloads[] = {"", "one bell, recast", "two candles"};
        static const char *const names[] = {"payload.0", "payload.1", "payload.2"};
        const struct bytes payload = bytes_of_text(payloads[i]);
        const struct bytes parts[] = {BYTES_OF_ARRAY(salt), payload};
        struct statement statement = {
            .stream = bytes_of_text("orders/eu"),
            .payload_len = payload.len,
            .expect_stream_len = i == 0 ? 300 : U64_UNLIMITED,
        };

        hash_parts(parts, 2, statement.payload_hash);
        set_bin(out, names[i], payload);
        story->statements[i] = encode(&schema_statement, &statement, &story->memory);
        merkle_leaf_hash(story->statements[i], hashes[i]);
        story->entry = i == 1 ? statement : story->entry;
    }
    set_id(out, "stream", story->entry.stream);
    set_number(out, "expect.0", 300);
    set_number(out, "expect.1", U64_UNLIMITED);
    set_number(out, "expect.2", U64_UNLIMITED);
    set_number(out, "request_no", request.request_no);
    set_number(out, "op", request.op);
    set_number(out, "not_after_ms", request.not_after_ms);
    set_number(out, "audience", request.audience);
    merkle_root_of(bytes_make(hashes, sizeof(hashes)), request.entries_root);
    hash_bytes(story->token, request.author.id);
    story->request = encode(&schema_request, &request, &story->memory);
    statement_id(TAG_REQUEST, formats_cluster_id, story->request, story->request_id);
    get(out, "payload_hash", story->entry.payload_hash);
    get(out, "entries_root", request.entries_root);
    get(out, "request_id", story->request_id);
}

static void tell_batch(struct story *story, struct buffer *out)
{
    struct item item = {.request = story->request, .token = story->token};
    struct batch batch = {.time_ms = UINT64_C(1767225601234)};
    struct bytes list = bytes_make(story->memory.data + story->memory.len, 0);
    uint8_t empty[HASH_BYTES];

    memcpy(item.sig, story->sig, SIG_BYTES);
    for (unsigned i = 0; i < 3; i++) {
        const struct item_entry entry = {story->statements[i]};

        list.len += encode(&schema_item_entry, &entry, &story->memory).len;
    }
    item.statements = (struct wire_list){list, 3};
    set_number(out, "batch.time_ms", batch.time_ms);
    hash_bytes(encode(&schema_batch, &batch, &story->memory), empty);
    get(out, "empty_batch_digest", empty);
    batch.items = (struct wire_list){encode(&schema_item, &item, &story->memory), 1};
    hash_bytes(encode(&schema_batch, &batch, &story->memory), story->batch_digest);
    get(out, "batch_digest", story->batch_digest);
}

static void tell_leaf(struct story *story, struct buffer *out)
{
    struct leaf leaf = {
        .index = 4660,
        .height = 77,
        .time_ms = UINT64_C(1767225601234),
        .kind = LEAF_DATA,
        .stream = story->entry.stream,
        .stream_index = 301,
        .position = 1,
        .payload_len = story->entry.payload_len,
    };

    memcpy(leaf.author, story->holder, PUBLIC_KEY_BYTES);
    memcpy(leaf.request_id, story->request_id, HASH_BYTES);
    memcpy(leaf.payload_hash, story->entry.payload_hash, HASH_BYTES);
    set_number(out, "leaf.index", leaf.index);
    set_number(out, "leaf.height", leaf.height);
    set_number(out, "leaf.time_ms", leaf.time_ms);
    set_number(out, "leaf.kind", leaf.kind);
    set_number(out, "leaf.stream_index", leaf.stream_index);
    set_number(out, "leaf.position", leaf.position);
    merkle_leaf_hash(encode(&schema_leaf, &leaf, &story->memory), story->leaf_hash);
    get(out, "leaf_hash", story->leaf_hash);
}

static void tell_config(struct story *story, struct buffer *out)
{
    struct bytes list = bytes_make(story->memory.data + story->memory.len, 0);

    for (uint64_t section = 1; section <= SECTION_COUNT; section++) {
        struct section_ref ref = {.section = section, .version = section * 100};
        const uint8_t body[2] = {0x91, (uint8_t)section};

        hash_bytes(BYTES_OF_ARRAY(body), ref.hash);
        list.len += encode(&schema_section_ref, &ref, &story->memory).len;
    }
    const struct config_sections sections = {{list, SECTION_COUNT}};

    hash_bytes(encode(&schema_config_sections, &sections, &story->memory), story->config_hash);
    get(out, "config_hash", story->config_hash);
}

static void tell_header(struct story *story, struct buffer *out)
{
    struct block_header header = {
        .epoch = 1,
        .height = 77,
        .tree_size = 4662,
        .time_ms = UINT64_C(1767225601234),
        .last_governance_height = 12,
        .pending_boundary = NO_BOUNDARY,
    };
    struct result result = {.first_index = 4659, .count = 3};
    uint8_t hash[HASH_BYTES];

    memcpy(header.cluster_id, formats_cluster_id, HASH_BYTES);
    fill(header.prev_header_hash, HASH_BYTES, 0x20);
    fill(header.tree_root, HASH_BYTES, 0xA0);
    memcpy(header.batch_digest, story->batch_digest, HASH_BYTES);
    memcpy(header.config_hash, story->config_hash, HASH_BYTES);
    memcpy(result.request_id, story->request_id, HASH_BYTES);
    merkle_leaf_hash(encode(&schema_result, &result, &story->memory), hash);
    merkle_root_of(BYTES_OF_ARRAY(hash), header.result_root);
    set_number(out, "header.epoch", header.epoch);
    set_number(out, "header.height", header.height);
    set_bin(out, "header.prev_header_hash", BYTES_OF_ARRAY(header.prev_header_hash));
    set_number(out, "header.tree_size", header.tree_size);
    set_bin(out, "header.tree_root", BYTES_OF_ARRAY(header.tree_root));
    set_number(out, "header.time_ms", header.time_ms);
    set_number(out, "header.last_governance_height", header.last_governance_height);
    set_number(out, "header.pending_boundary", header.pending_boundary);
    set_number(out, "result.code", result.code);
    set_number(out, "result.first_index", result.first_index);
    get(out, "result_root", header.result_root);
    hash_bytes(encode(&schema_block_header, &header, &story->memory), hash);
    get(out, "header_hash", hash);
}

void formats_vectors_story(struct buffer *out)
{
    static uint8_t memory[OBJECT_BYTES_MAX];
    struct story story = {.memory = buffer_make(memory, sizeof(memory))};

    tell_token(&story, out);
    tell_request(&story, out);
    tell_batch(&story, out);
    tell_leaf(&story, out);
    tell_config(&story, out);
    tell_header(&story, out);
}
