#include "tests/support/receipt_fixture.h"

#include "crypto/hash.h"

#include <string.h>

#define POSITION 1 /* of the entry's statement in its request */

static const uint8_t cluster_start[] = {0x5F, 0x3A, 0x91, 0xC0};

void receipt_fixture_init(struct receipt_fixture *fixture, const struct sig_scheme *scheme)
{
    memset(fixture, 0, sizeof(*fixture));
    note_fixture_init(&fixture->notes, scheme);
    memcpy(fixture->cluster_id, cluster_start, sizeof(cluster_start));
    fixture->issuer_seed[0] = 201;
    for (size_t i = 0; i < 2; i++) {
        fixture->holder_seeds[i][0] = (uint8_t)(211 + i);
        scheme->public_key(fixture->holder_seeds[i], fixture->holders[i]);
    }
    fixture->signers = FIXTURE_REPLICAS;
    fixture->cosigners = FIXTURE_REPLICAS;
    fixture->with_salt = true;
    fixture->with_author = true;
    fixture->index = 9;
    fixture->payload = bytes_of_text("one bell, recast");
    memset(fixture->salt, 0x5A, sizeof(fixture->salt));
}

static void reach(struct receipt_fixture *fixture, enum receipt_stage stage)
{
    if (fixture->hook != NULL) {
        fixture->hook(fixture, stage);
    }
}

/* Encode with a name_encode function into memory of the fixture. */
#define ENCODE(type, object, memory)                                                               \
    encode(&schema_##type, (object), buffer_make((memory), sizeof(memory)))

static struct bytes encode(const struct schema *schema, const void *object, struct buffer out)
{
    CHECK(schema_encode(schema, object, &out));
    return buffer_bytes(&out);
}

static void make_blocks(struct receipt_fixture *fixture)
{
    static const uint8_t prefix[] = {0xA6, 'o', 'r', 'd', 'e', 'r', 's'};

    for (size_t i = 0; i < 2; i++) {
        struct cap_block *block = &fixture->blocks[i];

        *block = (struct cap_block){
            .gen = i == 0 ? 1 : 0,
            .ops = OP_APPEND | OP_READ,
            .prefixes = {BYTES_OF_ARRAY(prefix), 1},
            .expires_ms = UINT64_C(1800000000000),
            .expires_height = U64_UNLIMITED,
            .max_entry = 4096,
            .quota_entries = 1000,
            .quota_bytes = 1u << 20,
            .rate = {100, 1000},
            .holders = 4,
            .depth = 2 - i,
        };
        memcpy(block->holder, fixture->holders[i], PUBLIC_KEY_BYTES);
        block->nonce[0] = (uint8_t)(i + 1);
    }
    memset(fixture->blocks[0].parent, 0x77, HASH_BYTES);
}

static struct bytes make_token(struct receipt_fixture *fixture)
{
    const struct sig_scheme *scheme = fixture->notes.scheme;
    static uint8_t list_memory[TOKEN_BYTES_MAX];
    struct buffer list = buffer_make(list_memory, sizeof(list_memory));
    struct bytes bodies[2];
    uint8_t issuer[PUBLIC_KEY_BYTES];

    scheme->public_key(fixture->issuer_seed, issuer);
    make_blocks(fixture);
    bodies[0] = ENCODE(cap_block, &fixture->blocks[0], fixture->block_memory[0]);
    statement_id(TAG_CAPABILITY, fixture->cluster_id, bodies[0], fixture->blocks[1].parent);
    reach(fixture, STAGE_TOKEN);
    bodies[0] = ENCODE(cap_block, &fixture->blocks[0], fixture->block_memory[0]);
    bodies[1] = ENCODE(cap_block, &fixture->blocks[1], fixture->block_memory[1]);
    sign_body(scheme, fixture->issuer_seed, issuer, TAG_CAPABILITY, fixture->cluster_id, bodies[0],
              fixture->block_sigs[0]);
    sign_body(scheme, fixture->holder_seeds[0], fixture->holders[0], TAG_CAPABILITY,
              fixture->cluster_id, bodies[1], fixture->block_sigs[1]);
    reach(fixture, STAGE_TOKEN_SIGS);
    for (size_t i = 0; i < 2; i++) {
        struct signed_block block = {.block = bodies[i]};

        memcpy(block.sig, fixture->block_sigs[i], SIG_BYTES);
        CHECK(signed_block_encode(&block, &list));
    }
    const struct token token = {{buffer_bytes(&list), 2}};

    return ENCODE(token, &token, fixture->token_memory);
}

static void hash_payload(const struct receipt_fixture *fixture, uint8_t out[HASH_BYTES])
{
    const struct bytes parts[] = {BYTES_OF_ARRAY(fixture->salt), fixture->payload};

    hash_parts(parts, 2, out);
}

/* Statements, their root, and the path of the one at POSITION. */
static void make_statements(struct receipt_fixture *fixture)
{
    struct merkle_frontier empty = {0};
    struct merkle_span span;
    struct merkle_proof proof;
    uint8_t nodes[MERKLE_SPAN_NODES(RECEIPT_STATEMENTS)][HASH_BYTES];
    uint8_t hashes[RECEIPT_STATEMENTS][HASH_BYTES];

    for (size_t i = 0; i < RECEIPT_STATEMENTS; i++) {
        struct statement *statement = &fixture->statements[i];

        *statement = (struct statement){
            .stream = bytes_of_text("orders/store17"),
            .payload_len = i == POSITION ? fixture->payload.len : i,
            .expect_stream_len = U64_UNLIMITED,
        };
        statement->payload_hash[0] = (uint8_t)i;
    }
    hash_payload(fixture, fixture->statements[POSITION].payload_hash);
    reach(fixture, STAGE_STATEMENTS);
    for (size_t i = 0; i < RECEIPT_STATEMENTS; i++) {
        merkle_leaf_hash(ENCODE(statement, &fixture->statements[i], fixture->statement_memory[i]),
                         hashes[i]);
    }
    merkle_root_of(bytes_make(hashes, sizeof(hashes)), fixture->request.entries_root);
    CHECK(merkle_span_tail(&span, &empty, bytes_make(hashes, sizeof(hashes)), nodes));
    CHECK(merkle_span_inclusion(&span, POSITION, &proof));
    struct buffer path = buffer_make(fixture->statement_path, sizeof(fixture->statement_path));

    for (size_t i = 0; i < proof.count; i++) {
        struct item_hash hash;

        memcpy(hash.value, proof.hashes[i], HASH_BYTES);
        CHECK(item_hash_encode(&hash, &path));
    }
    fixture->authorship.statement =
        ENCODE(statement, &fixture->statements[POSITION], fixture->statement_memory[POSITION]);
    fixture->authorship.path = (struct wire_list){buffer_bytes(&path), proof.count};
}

static struct bytes make_request(struct receipt_fixture *fixture, struct bytes token)
{
    const struct sig_scheme *scheme = fixture->notes.scheme;
    struct request *request = &fixture->request;

    request->author.kind = fixture->governed ? 1 : 0;
    memcpy(request->author.id, fixture->holders[1], PUBLIC_KEY_BYTES);
    if (!fixture->governed) {
        hash_bytes(token, request->author.id);
    }
    request->request_no = 7;
    request->op = OP_APPEND;
    request->not_after_ms = UINT64_C(1790000060000);
    request->audience = 0;
    request->count = RECEIPT_STATEMENTS;
    reach(fixture, STAGE_REQUEST);
    const struct bytes body = ENCODE(request, request, fixture->request_memory);

    sign_body(scheme, fixture->holder_seeds[1], fixture->holders[1], TAG_REQUEST,
              fixture->cluster_id, body, fixture->request_sig);
    return body;
}

static struct bytes make_leaf(struct receipt_fixture *fixture, struct bytes request)
{
    struct leaf *leaf = &fixture->leaf;

    *leaf = (struct leaf){
        .index = fixture->index,
        .height = 40,
        .time_ms = UINT64_C(1790000000111),
        .kind = LEAF_DATA,
        .stream = fixture->statements[POSITION].stream,
        .stream_index = 4,
        .position = POSITION,
        .payload_len = fixture->payload.len,
    };
    memcpy(leaf->author, fixture->holders[1], PUBLIC_KEY_BYTES);
    statement_id(TAG_REQUEST, fixture->cluster_id, request, leaf->request_id);
    hash_payload(fixture, leaf->payload_hash);
    reach(fixture, STAGE_LEAF);
    return ENCODE(leaf, leaf, fixture->leaf_memory);
}

/* A tree of RECEIPT_LEAVES leaves around this one, and a checkpoint of it. */
static void make_tree(struct receipt_fixture *fixture, struct bytes leaf)
{
    struct checkpoint *checkpoint = &fixture->notes.checkpoint;
    struct merkle_frontier empty = {0};
    struct merkle_span span;
    uint8_t nodes[MERKLE_SPAN_NODES(RECEIPT_LEAVES)][HASH_BYTES];
    uint8_t hashes[RECEIPT_LEAVES][HASH_BYTES] = {0};

    for (size_t i = 0; i < RECEIPT_LEAVES; i++) {
        hashes[i][0] = (uint8_t)(i + 1);
    }
    merkle_leaf_hash(leaf, hashes[fixture->index]);
    CHECK(merkle_span_tail(&span, &empty, bytes_make(hashes, sizeof(hashes)), nodes));
    CHECK(merkle_span_inclusion(&span, fixture->index, &fixture->path));
    merkle_span_root(&span, checkpoint->tree_root);
    checkpoint->tree_size = RECEIPT_LEAVES;
    reach(fixture, STAGE_CHECKPOINT);
}

static void make_note(struct receipt_fixture *fixture)
{
    fixture->note = buffer_make(fixture->note_memory, sizeof(fixture->note_memory));
    checkpoint_text(&fixture->notes.checkpoint, &fixture->note);
    buffer_put_u8(&fixture->note, '\n');
    reach(fixture, STAGE_NOTE);
    for (size_t i = 0; i < FIXTURE_REPLICAS; i++) {
        if (i < fixture->signers) {
            note_fixture_line(&fixture->notes, i, NOTE_SIGN, &fixture->note);
        }
        if (i < fixture->cosigners) {
            note_fixture_line(&fixture->notes, i, NOTE_COSIGN, &fixture->note);
        }
    }
    CHECK(!fixture->note.full);
}

void receipt_fixture_build(struct receipt_fixture *fixture, struct buffer *out)
{
    const struct bytes token = fixture->governed ? BYTES_EMPTY : make_token(fixture);

    make_statements(fixture);
    const struct bytes request = make_request(fixture, token);
    const struct bytes leaf = make_leaf(fixture, request);

    make_tree(fixture, leaf);
    make_note(fixture);
    fixture->authorship.request = request;
    fixture->authorship.token = token;
    memcpy(fixture->authorship.sig, fixture->request_sig, SIG_BYTES);
    fixture->extra.leaf = leaf;
    fixture->extra.salt = fixture->with_salt ? BYTES_OF_ARRAY(fixture->salt) : BYTES_EMPTY;
    reach(fixture, STAGE_EXTRA);
    fixture->extra.authorship = BYTES_EMPTY;
    if (fixture->with_author) {
        fixture->extra.authorship =
            ENCODE(authorship, &fixture->authorship, fixture->authorship_memory);
    }
    fixture->parts = (struct receipt_parts){
        .index = fixture->index,
        .extra = ENCODE(receipt_extra, &fixture->extra, fixture->extra_memory),
        .path = merkle_proof_bytes(&fixture->path),
        .note = buffer_bytes(&fixture->note),
    };
    reach(fixture, STAGE_TEXT);
    receipt_put(out, &fixture->parts);
}

struct receipt_trust receipt_fixture_trust(const struct receipt_fixture *fixture)
{
    return (struct receipt_trust){
        .scheme = fixture->notes.scheme,
        .origin = fixture->notes.checkpoint.origin,
        .keyring = note_fixture_keyring(&fixture->notes, FIXTURE_REPLICAS),
        .quorum = 5,
        .epoch = 2,
        .cluster_id = fixture->cluster_id,
    };
}
