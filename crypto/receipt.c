#include "crypto/receipt.h"

#include "crypto/base64.h"
#include "crypto/hash.h"

#include <string.h>

static const char first_line[] = "c2sp.org/tlog-proof@v1\n";
static const char extra_mark[] = "extra ";
static const char index_mark[] = "index ";

const char *receipt_verdict_text(enum receipt_verdict verdict)
{
#define RECEIPT_ROW_TEXT(name, text) [name] = (text),
    static const char *const texts[RECEIPT_VERDICT_COUNT] = {RECEIPT_VERDICTS(RECEIPT_ROW_TEXT)};
#undef RECEIPT_ROW_TEXT
    return (unsigned)verdict < RECEIPT_VERDICT_COUNT ? texts[verdict] : "unknown";
}

/* --- Making ----------------------------------------------------------------------------------- */

static void put_text(struct buffer *out, const char *text)
{
    buffer_put(out, bytes_of_text(text));
}

static void put_number(struct buffer *out, uint64_t number)
{
    uint8_t digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    buffer_put(out, bytes_make(digits + at, sizeof(digits) - at));
}

void receipt_put(struct buffer *out, const struct receipt_parts *parts)
{
    put_text(out, first_line);
    put_text(out, extra_mark);
    base64_put(out, parts->extra);
    put_text(out, "\n");
    put_text(out, index_mark);
    put_number(out, parts->index);
    put_text(out, "\n");
    for (size_t at = 0; at < parts->path.len; at += HASH_BYTES) {
        base64_put(out, bytes_slice(parts->path, at, HASH_BYTES));
        put_text(out, "\n");
    }
    put_text(out, "\n");
    buffer_put(out, parts->note);
}

/* --- Taking apart ----------------------------------------------------------------------------- */

static bool take_line(struct bytes *text, struct bytes *line)
{
    const uint8_t *end = text->len == 0 ? NULL : memchr(text->data, '\n', text->len);

    if (end == NULL) {
        return false;
    }
    const size_t len = (size_t)(end - text->data);

    *line = bytes_slice(*text, 0, len);
    *text = bytes_slice(*text, len + 1, text->len - len - 1);
    return true;
}

/* Take a fixed beginning off `text`. */
static bool take_mark(struct bytes *text, const char *mark)
{
    const struct bytes expected = bytes_of_text(mark);

    if (text->len < expected.len || memcmp(text->data, expected.data, expected.len) != 0) {
        return false;
    }
    *text = bytes_slice(*text, expected.len, text->len - expected.len);
    return true;
}

/* Decimal without leading zeroes. */
static bool parse_number(struct bytes digits, uint64_t *out)
{
    uint64_t number = 0;

    if (digits.len == 0 || (digits.len > 1 && digits.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9' ||
            __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(digits.data[i] - '0'), &number)) {
            return false;
        }
    }
    *out = number;
    return true;
}

static enum receipt_verdict take_extra(struct bytes *text, struct receipt *out)
{
    struct bytes line = BYTES_EMPTY;
    size_t len = 0;

    if (!take_line(text, &line)) {
        return RECEIPT_BAD_TEXT;
    }
    if (!take_mark(&line, extra_mark)) {
        return take_mark(&line, index_mark) ? RECEIPT_NO_EXTRA : RECEIPT_BAD_TEXT;
    }
    if (!base64_decode(line, out->extra_memory, sizeof(out->extra_memory), &len) ||
        receipt_extra_decode(bytes_make(out->extra_memory, len), &out->extra) != WIRE_OK) {
        return RECEIPT_BAD_EXTRA;
    }
    return leaf_decode(out->extra.leaf, &out->leaf) == WIRE_OK ? RECEIPT_OK : RECEIPT_BAD_LEAF;
}

/* The index, the hashes and the empty line behind them. */
static bool take_path(struct bytes *text, struct receipt *out)
{
    struct bytes line = BYTES_EMPTY;
    size_t count = 0;

    if (!take_line(text, &line) || !take_mark(&line, index_mark) ||
        !parse_number(line, &out->index)) {
        return false;
    }
    while (take_line(text, &line)) {
        if (line.len == 0) {
            out->path = bytes_make(out->path_memory, count * HASH_BYTES);
            return true;
        }
        if (count == MERKLE_PATH_MAX ||
            !base64_decode_exact(line, out->path_memory[count], HASH_BYTES)) {
            return false;
        }
        count++;
    }
    return false;
}

enum receipt_verdict receipt_parse(struct bytes text, struct receipt *out)
{
    struct bytes lines = BYTES_EMPTY;

    if (text.len > RECEIPT_BYTES_MAX) {
        return RECEIPT_TOO_LONG;
    }
    if (!take_mark(&text, first_line)) {
        return RECEIPT_BAD_TEXT;
    }
    const enum receipt_verdict verdict = take_extra(&text, out);

    if (verdict != RECEIPT_OK) {
        return verdict;
    }
    if (!take_path(&text, out)) {
        return RECEIPT_BAD_TEXT;
    }
    out->note = text;
    return note_split(text, &out->checkpoint_text, &lines) == NOTE_OK ? RECEIPT_OK
                                                                      : RECEIPT_BAD_NOTE;
}

/* --- Authorship ------------------------------------------------------------------------------- */

struct author_check {
    const struct sig_scheme *scheme;
    const uint8_t *cluster_id;
    const struct leaf *leaf;
    struct authorship parts;
    struct request request;
};

static enum receipt_verdict check_statement(const struct author_check *check)
{
    const struct leaf *leaf = check->leaf;
    struct statement statement;

    if (statement_decode(check->parts.statement, &statement) != WIRE_OK) {
        return RECEIPT_AUTHOR_ENCODING;
    }
    const bool same = bytes_equal(statement.stream, leaf->stream) &&
                      hash_equal(statement.payload_hash, leaf->payload_hash) &&
                      statement.payload_len == leaf->payload_len;

    return same ? RECEIPT_OK : RECEIPT_AUTHOR_STATEMENT;
}

static enum receipt_verdict check_statement_path(const struct author_check *check)
{
    uint8_t path[MERKLE_PATH_MAX][HASH_BYTES];
    uint8_t leaf_hash[HASH_BYTES];
    struct wire_iter iter = wire_iter_make(check->parts.path);
    struct item_hash hash;
    size_t count = 0;

    while (item_hash_next(&iter, &hash)) {
        CHECK(count < MERKLE_PATH_MAX); /* the table's bound for the list */
        memcpy(path[count++], hash.value, HASH_BYTES);
    }
    merkle_leaf_hash(check->parts.statement, leaf_hash);
    return merkle_inclusion_verify(check->leaf->position, check->request.count, leaf_hash,
                                   bytes_make(path, count * HASH_BYTES),
                                   check->request.entries_root)
               ? RECEIPT_OK
               : RECEIPT_AUTHOR_PATH;
}

/* The request is of the kind that makes such entries, and, where the cluster id is known, the very
 * one that the leaf names. */
static enum receipt_verdict check_request(const struct author_check *check)
{
    const uint64_t op = check->leaf->kind == LEAF_DATA ? OP_APPEND : OP_GOVERN;
    uint8_t id[HASH_BYTES];

    if (check->leaf->kind == LEAF_RESULT || check->request.op != op ||
        check->request.audience != 0) {
        return RECEIPT_AUTHOR_REQUEST;
    }
    if (check->cluster_id == NULL) {
        return RECEIPT_OK;
    }
    statement_id(TAG_REQUEST, check->cluster_id, check->parts.request, id);
    return hash_equal(id, check->leaf->request_id) ? RECEIPT_OK : RECEIPT_AUTHOR_REQUEST;
}

/* Whether `block` comes after the block with that body and holder: it names its id as parent, and
 * is signed by that holder. */
static bool block_follows(const struct author_check *check, const struct signed_block *block,
                          const struct cap_block *fields, struct bytes parent_body,
                          const uint8_t parent_holder[PUBLIC_KEY_BYTES])
{
    uint8_t parent_id[HASH_BYTES];

    statement_id(TAG_CAPABILITY, check->cluster_id, parent_body, parent_id);
    return hash_equal(parent_id, fields->parent) &&
           verify_body(check->scheme, parent_holder, TAG_CAPABILITY, check->cluster_id,
                       block->block, block->sig);
}

/* Walk the token from the issuer's block to the last one; `holder` gets that one's. */
static enum receipt_verdict check_chain(const struct author_check *check,
                                        uint8_t holder[PUBLIC_KEY_BYTES])
{
    struct token token;
    struct signed_block block;
    struct cap_block fields;
    struct bytes parent_body = BYTES_EMPTY;

    if (token_decode(check->parts.token, &token) != WIRE_OK) {
        return RECEIPT_AUTHOR_ENCODING;
    }
    struct wire_iter iter = wire_iter_make(token.blocks);

    while (signed_block_next(&iter, &block)) {
        if (cap_block_decode(block.block, &fields) != WIRE_OK) {
            return RECEIPT_AUTHOR_ENCODING;
        }
        if (parent_body.len != 0 && check->cluster_id != NULL &&
            !block_follows(check, &block, &fields, parent_body, holder)) {
            return RECEIPT_AUTHOR_CHAIN;
        }
        parent_body = block.block;
        memcpy(holder, fields.holder, PUBLIC_KEY_BYTES);
    }
    return RECEIPT_OK;
}

/* The key that the request speaks for is the one that the leaf names. */
static enum receipt_verdict check_author_key(const struct author_check *check)
{
    const struct author *author = &check->request.author;
    uint8_t holder[PUBLIC_KEY_BYTES] = {0};
    uint8_t token_hash[HASH_BYTES];

    if (author->kind == 1) {
        if (check->parts.token.len != 0) {
            return RECEIPT_AUTHOR_TOKEN;
        }
        memcpy(holder, author->id, PUBLIC_KEY_BYTES);
    } else {
        hash_bytes(check->parts.token, token_hash);
        if (!hash_equal(token_hash, author->id)) {
            return RECEIPT_AUTHOR_TOKEN;
        }
        const enum receipt_verdict verdict = check_chain(check, holder);

        if (verdict != RECEIPT_OK) {
            return verdict;
        }
    }
    return !hash_is_zero(holder) && hash_equal(holder, check->leaf->author) ? RECEIPT_OK
                                                                            : RECEIPT_AUTHOR_KEY;
}

static enum receipt_verdict check_signature(const struct author_check *check)
{
    if (check->cluster_id == NULL) {
        return RECEIPT_OK;
    }
    return verify_body(check->scheme, check->leaf->author, TAG_REQUEST, check->cluster_id,
                       check->parts.request, check->parts.sig)
               ? RECEIPT_OK
               : RECEIPT_AUTHOR_SIGNATURE;
}

enum receipt_verdict receipt_authorship_verify(const struct sig_scheme *scheme,
                                               const uint8_t *cluster_id, const struct leaf *leaf,
                                               struct bytes authorship)
{
    struct author_check check = {.scheme = scheme, .cluster_id = cluster_id, .leaf = leaf};

    if (authorship_decode(authorship, &check.parts) != WIRE_OK ||
        request_decode(check.parts.request, &check.request) != WIRE_OK) {
        return RECEIPT_AUTHOR_ENCODING;
    }
    enum receipt_verdict (*const steps[])(const struct author_check *) = {
        check_statement, check_statement_path, check_request, check_author_key, check_signature,
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        const enum receipt_verdict verdict = steps[i](&check);

        if (verdict != RECEIPT_OK) {
            return verdict;
        }
    }
    return RECEIPT_OK;
}

/* --- Verifying -------------------------------------------------------------------------------- */

enum receipt_verdict receipt_payload_verify(const struct leaf *leaf, struct bytes salt,
                                            struct bytes payload)
{
    const struct bytes parts[] = {salt, payload};
    uint8_t hash[HASH_BYTES];

    if (salt.len != SALT_BYTES) {
        return RECEIPT_NO_SALT;
    }
    if (payload.len != leaf->payload_len) {
        return RECEIPT_PAYLOAD_LENGTH;
    }
    hash_parts(parts, 2, hash);
    return hash_equal(hash, leaf->payload_hash) ? RECEIPT_OK : RECEIPT_PAYLOAD;
}

static enum receipt_verdict check_note(const struct receipt *receipt,
                                       const struct receipt_trust *trust, struct note_verdict *note)
{
    switch (note_check(trust->scheme, receipt->note, &trust->origin, trust->keyring, note)) {
    case NOTE_OK:
        break;
    case NOTE_TOO_LONG:
    case NOTE_NOT_A_NOTE:
    case NOTE_BAD_TEXT:
    case NOTE_BAD_LINE:
        return RECEIPT_BAD_NOTE;
    case NOTE_OTHER_ORIGIN:
        return RECEIPT_OTHER_ORIGIN;
    case NOTE_BAD_KEYS:
        return RECEIPT_BAD_KEYS;
    }
    if (trust->epoch != RECEIPT_ANY_EPOCH && note->checkpoint.epoch != trust->epoch) {
        return RECEIPT_OTHER_EPOCH;
    }
    if (note->bad_sign != 0 || note->bad_cosign != 0) {
        return RECEIPT_BAD_SIGNATURE;
    }
    if (note->signed_by == 0) {
        return RECEIPT_NO_NOTE_LINE;
    }
    return note_count(note->cosigned_by) >= trust->quorum ? RECEIPT_OK : RECEIPT_FEW_COSIGNATURES;
}

static enum receipt_verdict check_inclusion(const struct receipt *receipt,
                                            const struct checkpoint *checkpoint)
{
    uint8_t leaf_hash[HASH_BYTES];

    if (receipt->leaf.index != receipt->index) {
        return RECEIPT_OTHER_INDEX;
    }
    if (receipt->index >= checkpoint->tree_size) {
        return RECEIPT_OUTSIDE;
    }
    merkle_leaf_hash(receipt->extra.leaf, leaf_hash);
    if (!merkle_inclusion_verify(receipt->index, checkpoint->tree_size, leaf_hash, receipt->path,
                                 checkpoint->tree_root)) {
        return RECEIPT_PATH;
    }
    const bool later =
        receipt->leaf.height > checkpoint->height || receipt->leaf.time_ms > checkpoint->time_ms;

    return later ? RECEIPT_LEAF_LATER : RECEIPT_OK;
}

static void state_facts(const struct receipt *receipt, const struct note_verdict *note,
                        struct receipt_facts *out)
{
    const struct leaf *leaf = &receipt->leaf;

    out->note = *note;
    out->index = leaf->index;
    out->height = leaf->height;
    out->time_ms = leaf->time_ms;
    out->kind = leaf->kind;
    out->stream_len = leaf->stream.len;
    memcpy(out->stream, leaf->stream.data, leaf->stream.len);
    out->stream_index = leaf->stream_index;
    out->payload_len = leaf->payload_len;
    memcpy(out->payload_hash, leaf->payload_hash, HASH_BYTES);
    memcpy(out->request_id, leaf->request_id, HASH_BYTES);
    memcpy(out->author, leaf->author, PUBLIC_KEY_BYTES);
    out->has_salt = receipt->extra.salt.len != 0;
}

enum receipt_verdict receipt_verify(struct bytes text, const struct receipt_trust *trust,
                                    const struct bytes *payload, struct receipt_facts *out)
{
    struct receipt receipt;
    struct note_verdict note;
    struct receipt_facts facts = {0};

    CHECK(trust->quorum >= 1);
    enum receipt_verdict verdict = receipt_parse(text, &receipt);

    if (verdict == RECEIPT_OK) {
        verdict = check_note(&receipt, trust, &note);
    }
    if (verdict == RECEIPT_OK) {
        verdict = check_inclusion(&receipt, &note.checkpoint);
    }
    if (verdict == RECEIPT_OK && payload != NULL) {
        verdict = receipt_payload_verify(&receipt.leaf, receipt.extra.salt, *payload);
        facts.payload_proven = verdict == RECEIPT_OK;
    }
    if (verdict == RECEIPT_OK && receipt.extra.authorship.len != 0) {
        verdict = receipt_authorship_verify(trust->scheme, trust->cluster_id, &receipt.leaf,
                                            receipt.extra.authorship);
        facts.authorship =
            trust->cluster_id != NULL ? RECEIPT_AUTHOR_PROVEN : RECEIPT_AUTHOR_UNCHECKED;
    }
    if (verdict == RECEIPT_OK) {
        state_facts(&receipt, &note, &facts);
        *out = facts;
    }
    return verdict;
}
