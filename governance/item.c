#include "governance/item.h"

#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "crypto/name.h"
#include "governance/records.h"

#include <string.h>

/* Slots of the table that finds statements for the same stream: a power of two, at least twice the
 * statements, so that it never fills. */
#define STREAM_SLOTS (2 * STATEMENTS_MAX)

/* The table's hash is keyed with the request id, which covers the names themselves: who wants names
 * that collide would have to find them anew after every change of a name. */
static uint32_t stream_slot(struct bytes stream, uint64_t key)
{
    uint64_t hash = key ^ stream.len;

    for (size_t i = 0; i < stream.len; i++) {
        hash = (hash ^ stream.data[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return (uint32_t)(hash >> 32) & (STREAM_SLOTS - 1);
}

/* Whether all statements are for one stream, as most requests are; then nothing is looked up. */
static bool streams_are_one(struct item_view *view)
{
    for (uint32_t i = 0; i < view->count; i++) {
        if (!bytes_equal(view->statements[i].stream, view->statements[0].stream)) {
            return false;
        }
        view->statements[i].stream_no = 0;
        view->statements[i].stream_before = i;
    }
    view->stream_count = 1;
    return true;
}

/* Number the streams of the statements: for each its first statement, and how many came before. */
static void streams_number(struct item_view *view)
{
    uint16_t slots[STREAM_SLOTS] = {0}; /* position of a stream's first statement, plus 1 */
    uint16_t uses[STATEMENTS_MAX] = {0};
    const uint64_t key = bytes_get_u64be(view->request_id);

    view->stream_count = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        struct item_statement *statement = &view->statements[i];
        uint32_t slot = stream_slot(statement->stream, key);

        while (slots[slot] != 0 &&
               !bytes_equal(view->statements[slots[slot] - 1].stream, statement->stream)) {
            slot = (slot + 1) & (STREAM_SLOTS - 1);
        }
        if (slots[slot] == 0) {
            slots[slot] = (uint16_t)(i + 1);
            view->stream_count++;
        }
        statement->stream_no = slots[slot] - 1u;
        statement->stream_before = uses[statement->stream_no]++;
    }
}

static bool append_take(struct bytes body, struct item_statement *out)
{
    struct statement decoded;

    if (statement_decode(body, &decoded) != WIRE_OK) {
        return false;
    }
    out->stream = decoded.stream;
    out->payload_len = decoded.payload_len;
    out->expect_stream_len = decoded.expect_stream_len;
    /* [1, stream, payload_hash, ...]: the hash is 2 bytes behind the end of the stream. */
    out->payload_hash = decoded.stream.data + decoded.stream.len + 2;
    out->from = 0;
    out->count = 1;
    return true;
}

static bool read_take(struct bytes body, struct item_statement *out)
{
    struct read_statement decoded;

    if (read_statement_decode(body, &decoded) != WIRE_OK || decoded.count == 0) {
        return false;
    }
    out->stream = decoded.stream;
    out->payload_len = 0;
    out->expect_stream_len = U64_UNLIMITED;
    out->payload_hash = NULL;
    out->from = decoded.from;
    out->count = decoded.count;
    return true;
}

/* The statements, and whether they are those that the request signs. */
static bool statements_take(struct wire_list list, struct item_view *view)
{
    uint8_t hashes[STATEMENTS_MAX][HASH_BYTES];
    uint8_t root[HASH_BYTES];
    struct wire_iter iter = wire_iter_make(list);
    struct item_entry entry;

    view->count = 0;
    view->payload_bytes = 0;
    while (item_entry_next(&iter, &entry)) {
        struct item_statement *statement = &view->statements[view->count];
        const bool is_read = view->request.op == OP_READ;

        if (!(is_read ? read_take(entry.value, statement) : append_take(entry.value, statement))) {
            return false;
        }
        statement->body = entry.value;
        view->payload_bytes += statement->payload_len;
        merkle_leaf_hash(entry.value, hashes[view->count]);
        view->count++;
    }
    if (view->count != list.count || view->count != view->request.count) {
        return false;
    }
    merkle_root_of(bytes_make(hashes, (size_t)view->count * HASH_BYTES), root);
    return hash_equal(root, view->request.entries_root);
}

static bool request_is_shaped(const struct request *request)
{
    switch (request->op) {
    case OP_APPEND:
        return request->audience == 0 && request->count >= 1;
    case OP_GOVERN:
        return request->audience == 0 && request->count == 1;
    case OP_READ:
        return request->audience != 0 && request->count >= 1;
    default:
        return false;
    }
}

/* The memo's entry for the token of a request, filled in. The hash that the request claims for it
 * says where to look; the bytes decide. NULL when it cannot be remembered: `code` says why. */
static const struct token_memo_entry *memo_parse(const struct token_memo *memo,
                                                 const struct item_view *view,
                                                 const uint8_t cluster_id[HASH_BYTES],
                                                 enum result_code *code)
{
    const uint32_t place = bytes_get_u32be(view->request.author.id) % memo->count;
    struct token_memo_entry *entry = &memo->entries[place];

    if (entry->len == view->token.len && entry->len != 0 &&
        memcmp(entry->bytes, view->token.data, entry->len) == 0) {
        return entry;
    }
    entry->len = 0;
    if (view->token.len == 0 || view->token.len > TOKEN_BYTES_MAX) {
        *code = E_ENCODING;
        return NULL;
    }
    memcpy(entry->bytes, view->token.data, view->token.len);
    *code = token_parse(bytes_make(entry->bytes, view->token.len), cluster_id, &entry->view);
    if (*code != RESULT_OK) {
        return NULL;
    }
    hash_bytes(view->token, entry->hash);
    entry->len = view->token.len;
    return entry;
}

static enum result_code chain_take(const struct token_memo *memo,
                                   const uint8_t cluster_id[HASH_BYTES], struct item_view *view)
{
    enum result_code code = RESULT_OK;

    if (memo == NULL) {
        code = token_parse(view->token, cluster_id, &view->chain);
        hash_bytes(view->token, view->token_hash);
        return code;
    }

    const struct token_memo_entry *entry = memo_parse(memo, view, cluster_id, &code);

    if (entry != NULL) {
        view->chain.count = entry->view.count;
        memcpy(view->chain.blocks, entry->view.blocks,
               entry->view.count * sizeof(entry->view.blocks[0]));
        memcpy(view->token_hash, entry->hash, HASH_BYTES);
    }
    return code;
}

/* Who acts: the leaf of the token, or a governed key. */
static enum result_code author_take(const struct token_memo *memo,
                                    const uint8_t cluster_id[HASH_BYTES], struct item_view *view)
{
    if (view->request.author.kind == AUTHOR_KEY) {
        memcpy(view->author_key, view->request.author.id, PUBLIC_KEY_BYTES);
        memcpy(view->session_key, view->request.author.id, PUBLIC_KEY_BYTES);
        return view->token.len == 0 ? RESULT_OK : E_ENCODING;
    }

    const enum result_code code = chain_take(memo, cluster_id, view);

    if (code != RESULT_OK) {
        return code;
    }

    const struct token_block *leaf = &view->chain.blocks[view->chain.count - 1];

    memcpy(view->author_key, leaf->holder, PUBLIC_KEY_BYTES);
    memcpy(view->session_key, leaf->id, HASH_BYTES);
    return RESULT_OK;
}

enum result_code item_parse_with(struct token_memo *memo, const struct item *item,
                                 const uint8_t cluster_id[HASH_BYTES], struct item_view *out)
{
    memset(out->request_id, 0, HASH_BYTES);
    memset(out->token_hash, 0, HASH_BYTES);
    out->chain.count = 0;
    if (request_decode(item->request, &out->request) != WIRE_OK) {
        return E_ENCODING;
    }
    statement_make(TAG_REQUEST, cluster_id, item->request, out->statement);
    hash_bytes(BYTES_OF_ARRAY(out->statement), out->request_id);
    if (!request_is_shaped(&out->request)) {
        return E_ENCODING;
    }
    memcpy(out->sig, item->sig, SIG_BYTES);
    out->token = item->token;

    const enum result_code code = author_take(memo, cluster_id, out);

    if (code != RESULT_OK) {
        return code;
    }
    if (!statements_take(item->statements, out)) {
        return E_ENCODING;
    }
    if (!streams_are_one(out)) {
        streams_number(out);
    }
    return RESULT_OK;
}

enum result_code item_parse(const struct item *item, const uint8_t cluster_id[HASH_BYTES],
                            struct item_view *out)
{
    return item_parse_with(NULL, item, cluster_id, out);
}

enum result_code item_parse_bytes(struct bytes bytes, const uint8_t cluster_id[HASH_BYTES],
                                  struct item_view *out)
{
    struct item item;

    if (item_decode(bytes, &item) != WIRE_OK) {
        memset(out->request_id, 0, HASH_BYTES);
        return E_ENCODING;
    }
    return item_parse(&item, cluster_id, out);
}

bool item_shape(const struct item_view *view, item_key_valid *key_valid, void *context)
{
    if (view->request.audience != 0) {
        return false;
    }
    for (uint32_t i = 0; i < view->count; i++) {
        const struct bytes stream = view->statements[i].stream;

        if (view->request.op == OP_GOVERN) {
            if (!bytes_equal(stream, bytes_of_text(GOVERNANCE_STREAM)) ||
                view->statements[i].payload_len > GOVERNANCE_BYTES_MAX) {
                return false;
            }
        } else if (name_is_reserved(stream)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < view->chain.count; i++) {
        if (!key_valid(context, view->chain.blocks[i].holder)) {
            return false;
        }
    }
    return view->chain.count > 0 ? hash_equal(view->request.author.id, view->token_hash)
                                 : key_valid(context, view->author_key);
}

static void signature_put(struct item_signature *out, const uint8_t public_key[PUBLIC_KEY_BYTES],
                          const uint8_t statement[STATEMENT_BYTES], const uint8_t sig[SIG_BYTES])
{
    memcpy(out->public_key, public_key, PUBLIC_KEY_BYTES);
    memcpy(out->statement, statement, STATEMENT_BYTES);
    memcpy(out->sig, sig, SIG_BYTES);
}

uint32_t item_signatures(const struct item_view *view,
                         struct item_signature out[ITEM_SIGNATURES_MAX])
{
    uint32_t count = 0;

    signature_put(&out[count++], view->author_key, view->statement, view->sig);
    for (uint32_t i = 1; i < view->chain.count; i++) {
        const struct token_block *block = &view->chain.blocks[i];

        signature_put(&out[count++], view->chain.blocks[i - 1].holder, block->statement,
                      block->sig);
    }
    return count;
}
