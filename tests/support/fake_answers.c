/* The pretend replicas at work: ordering by arrival, executing, and answering with the truth or
 * with the lie that the test asks for. */
#include "crypto/hash.h"
#include "crypto/receipt.h"
#include "tests/support/fake_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void put_leaf(struct fake *fake, const struct leaf *leaf)
{
    assert_true(fake->leaves < FAKE_ENTRIES_MAX);
    struct buffer bytes = buffer_make(fake->leaf_bytes[fake->leaves], LEAF_BYTES_MAX);

    assert_true(leaf_encode(leaf, &bytes));
    fake->leaf_len[fake->leaves] = bytes.len;
    merkle_leaf_hash(buffer_bytes(&bytes), fake->leaf_hashes[fake->leaves]);
    fake->leaves++;
}

static void root_of(const struct fake *fake, uint64_t size, uint8_t out[HASH_BYTES])
{
    merkle_root_of(bytes_make(fake->leaf_hashes, size * HASH_BYTES), out);
}

/* Close the block at the next height (or height 0) over the leaves so far. */
static struct fake_block *put_block(struct fake *fake, uint64_t height)
{
    assert_true(height < FAKE_BLOCKS_MAX);
    struct fake_block *block = &fake->blocks[height];
    struct block_header header = {
        .epoch = fake->real.epoch,
        .height = height,
        .tree_size = fake->leaves,
        .time_ms = fake->wall_ms + fake->now_ms,
        .pending_boundary = NO_BOUNDARY,
    };
    struct buffer bytes = buffer_make(block->header, sizeof(block->header));

    memcpy(header.cluster_id, fake->cluster_id, HASH_BYTES);
    root_of(fake, fake->leaves, header.tree_root);
    assert_true(block_header_encode(&header, &bytes));
    block->height = height;
    block->time_ms = header.time_ms;
    block->header_len = bytes.len;
    block->tree_size = fake->leaves;
    memcpy(block->tree_root, header.tree_root, HASH_BYTES);
    fake->height = height;
    return block;
}

void fake_genesis(struct fake *fake)
{
    const struct leaf leaf = {
        .kind = LEAF_GOVERNANCE,
        .stream = bytes_of_text("vestry/governance"),
    };

    put_leaf(fake, &leaf);
    (void)put_block(fake, 0);
}

void fake_other_block(struct fake *fake)
{
    const struct leaf leaf = {
        .index = fake->leaves,
        .height = fake->height + 1,
        .time_ms = fake->wall_ms + fake->now_ms,
        .kind = LEAF_DATA,
        .stream = bytes_of_text("others"),
        .stream_index = fake->leaves,
    };

    if (fake->height + 1 < FAKE_BLOCKS_MAX) {
        put_leaf(fake, &leaf);
        struct fake_block *block = put_block(fake, fake->height + 1);
        block->request_no = 0;
        block->count = 0;
    }
}

/* --- Attestations ----------------------------------------------------------------------------- */

static struct checkpoint checkpoint_of(const struct fake *fake, struct bytes header_bytes)
{
    struct block_header header;
    struct checkpoint checkpoint = {.origin = fake->origin};

    assert_int_equal(block_header_decode(header_bytes, &header), WIRE_OK);
    checkpoint.tree_size = header.tree_size;
    checkpoint.height = header.height;
    checkpoint.epoch = header.epoch;
    checkpoint.time_ms = header.time_ms;
    memcpy(checkpoint.tree_root, header.tree_root, HASH_BYTES);
    hash_bytes(header_bytes, checkpoint.header_hash);
    return checkpoint;
}

static void put_attest(const struct fake *fake, uint32_t member, struct bytes header,
                       struct buffer *out)
{
    const struct fake_replica *replica = &fake->replicas[member];
    const struct roster_member *who = &fake->real.members[member];
    const struct checkpoint checkpoint = checkpoint_of(fake, header);
    struct attest attest = {.header = header};

    checkpoint_sign(fake->scheme, &checkpoint, NOTE_SIGN, replica->sign_seed, who->sign_pk,
                    attest.note_sig);
    checkpoint_sign(fake->scheme, &checkpoint, NOTE_COSIGN, replica->cosign_seed, who->cosign_pk,
                    attest.cosig);
    attest.cosig[5] ^= replica->lie == FAKE_BAD_COSIG;
    attest.note_sig[5] ^= replica->lie == FAKE_BAD_NOTE_SIG;
    assert_true(attest_encode(&attest, out));
}

/* The header of a tree in which the liar's own leaf stands where another one is. */
static struct bytes forged_header(struct fake *fake, const struct fake_block *block,
                                  struct buffer *out)
{
    struct block_header header;

    assert_int_equal(block_header_decode(bytes_make(block->header, block->header_len), &header),
                     WIRE_OK);
    fake->leaf_hashes[0][0] ^= 1;
    root_of(fake, header.tree_size, header.tree_root);
    assert_true(block_header_encode(&header, out));
    return buffer_bytes(out);
}

/* --- Proofs ----------------------------------------------------------------------------------- */

static bool read_node(void *context, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    const struct fake *fake = context;
    const uint64_t first = index << level;
    const uint64_t count = UINT64_C(1) << level;

    if (first + count > fake->leaves) {
        return false;
    }
    merkle_root_of(bytes_make(fake->leaf_hashes[first], count * HASH_BYTES), out);
    return true;
}

static struct wire_list put_hashes(const struct merkle_proof *proof, struct buffer *out)
{
    for (uint32_t i = 0; i < proof->count; i++) {
        struct item_hash hash;

        memcpy(hash.value, proof->hashes[i], HASH_BYTES);
        assert_true(item_hash_encode(&hash, out));
    }
    return (struct wire_list){buffer_bytes(out), proof->count};
}

struct proof_memory {
    uint8_t hashes[MERKLE_PROOF_MAX * (HASH_BYTES + 2)];
    uint8_t indexes[STATEMENTS_MAX * 9];
};

static void put_proof(struct fake *fake, uint32_t member, const struct fake_block *block,
                      const struct fake_block *tree, struct reply_result *answer,
                      struct proof_memory *memory)
{
    struct buffer hashes = buffer_make(memory->hashes, sizeof(memory->hashes));
    struct buffer indexes = buffer_make(memory->indexes, sizeof(memory->indexes));
    struct merkle_proof proof;

    assert_true(merkle_range_make(block->first_index, block->first_index + block->count,
                                  tree->tree_size, read_node, fake, &proof));
    if (fake->replicas[member].lie == FAKE_BAD_PROOF && proof.count > 0) {
        proof.hashes[0][3] ^= 1;
    }
    for (uint32_t i = 0; i < block->count; i++) {
        const struct bytes bytes = bytes_make(fake->leaf_bytes[block->first_index + i],
                                              fake->leaf_len[block->first_index + i]);
        struct leaf leaf;

        assert_int_equal(leaf_decode(bytes, &leaf), WIRE_OK);
        const struct item_u64 number = {leaf.stream_index};
        assert_true(item_u64_encode(&number, &indexes));
    }
    answer->range_proof = put_hashes(&proof, &hashes);
    answer->stream_indexes = (struct wire_list){buffer_bytes(&indexes), block->count};
}

/* --- Replies ---------------------------------------------------------------------------------- */

static void fill_result(const struct fake *fake, uint32_t member, const struct fake_block *block,
                        struct buffer *out)
{
    struct result result = {
        .code = block->code,
        .first_index = block->first_index,
        .count = block->count,
    };

    memcpy(result.request_id, block->request_id, HASH_BYTES);
    if (fake->replicas[member].lie == FAKE_OTHER_RESULT) {
        result.first_index += 5;
    } else if (fake->replicas[member].lie == FAKE_REFUSES) {
        result = (struct result){.code = E_QUOTA};
        memcpy(result.request_id, block->request_id, HASH_BYTES);
    }
    assert_true(result_encode(&result, out));
}

/* What the replica says of a block's request, with its attestation of `tree`. */
static void reply(struct fake *fake, uint32_t member, const struct fake_block *block,
                  const struct fake_block *tree)
{
    struct fake_replica *replica = &fake->replicas[member];
    static struct proof_memory memory;
    uint8_t result_memory[128];
    uint8_t attest_memory[1024];
    uint8_t forged_memory[HEADER_BYTES_MAX];
    static uint8_t list_memory[64 << 10];
    static uint8_t body_memory[80 << 10];
    struct buffer result = buffer_make(result_memory, sizeof(result_memory));
    struct buffer attest = buffer_make(attest_memory, sizeof(attest_memory));
    struct buffer forged = buffer_make(forged_memory, sizeof(forged_memory));
    struct buffer list = buffer_make(list_memory, sizeof(list_memory));
    struct buffer body = buffer_make(body_memory, sizeof(body_memory));
    struct bytes header = bytes_make(tree->header, tree->header_len);

    fill_result(fake, member, block, &result);
    struct reply_result answer = {
        .result = buffer_bytes(&result),
        .height = block->height,
        .time_ms = block->time_ms,
        .item_count = 1,
    };
    const bool forge = replica->lie == FAKE_OTHER_TREE;
    if (forge) {
        header = forged_header(fake, tree, &forged);
    }
    put_attest(fake, member, header, &attest);
    if (replica->wants_proofs && !replica->no_proofs && block->code == RESULT_OK) {
        put_proof(fake, member, block, tree, &answer, &memory);
    }
    if (forge) {
        fake->leaf_hashes[0][0] ^= 1; /* the truth again */
    }
    assert_true(reply_result_encode(&answer, &list));
    const struct reply whole = {buffer_bytes(&attest), {buffer_bytes(&list), 1}};
    assert_true(reply_encode(&whole, &body));
    const struct envelope envelope = {
        .type = MESSAGE_REPLY, .rid = member, .body = buffer_bytes(&body)};
    fake_post(fake, member, &envelope, BYTES_EMPTY);
}

static void post_garbage(struct fake *fake, uint32_t member)
{
    const struct envelope envelope = {.type = MESSAGE_REPLY, .body = bytes_of_text("rubbish")};

    fake_post(fake, member, &envelope, BYTES_EMPTY);
}

static void tell(struct fake *fake, uint32_t member, const struct fake_block *block,
                 const struct fake_block *tree)
{
    struct fake_replica *replica = &fake->replicas[member];

    if (!replica->up || !replica->connected || replica->mute || replica->no_replies) {
        return;
    }
    if (replica->lie == FAKE_GARBAGE) {
        post_garbage(fake, member);
        return;
    }
    reply(fake, member, block, tree);
    if (replica->lie == FAKE_TWO_HEADERS) {
        replica->lie = FAKE_OTHER_TREE;
        reply(fake, member, block, tree);
        replica->lie = FAKE_TWO_HEADERS;
    }
}

/* --- Ordering and executing ------------------------------------------------------------------- */

static void execute(struct fake *fake, const struct parcel *parcel)
{
    const uint64_t height = fake->height + 1;
    const uint64_t first_index = fake->leaves;
    const bool good = fake->refuse_code == RESULT_OK;

    for (uint32_t i = 0; good && i < parcel->count; i++) {
        const struct parcel_place place = {
            .author = fake->key.public_key,
            .first_index = first_index,
            .height = height,
            .time_ms = fake->wall_ms + fake->now_ms,
        };
        uint8_t memory[LEAF_BYTES_MAX];
        struct buffer bytes = buffer_make(memory, sizeof(memory));
        struct leaf leaf;

        parcel_leaf(parcel, &place, i, fake->stream_len++, &bytes);
        assert_int_equal(leaf_decode(buffer_bytes(&bytes), &leaf), WIRE_OK);
        put_leaf(fake, &leaf);
    }
    struct fake_block *block = put_block(fake, height);
    block->first_index = good ? first_index : 0;
    block->count = good ? parcel->count : 0;
    block->code = fake->refuse_code;
    block->request_no = parcel->request_no;
    memcpy(block->request_id, parcel->request_id, HASH_BYTES);
    for (uint32_t i = 0; i < FAKE_N; i++) {
        tell(fake, i, block, block);
    }
}

static const struct fake_block *find_executed(const struct fake *fake,
                                              const uint8_t request_id[HASH_BYTES])
{
    for (uint64_t h = 1; h <= fake->height; h++) {
        if (fake->blocks[h].request_no != 0 && hash_equal(fake->blocks[h].request_id, request_id)) {
            return &fake->blocks[h];
        }
    }
    return NULL;
}

/* The log takes no request whose time is over; it says so, without executing anything. */
static bool refuse_late(struct fake *fake, uint32_t member, const struct parcel *parcel)
{
    if (fake->wall_ms + fake->now_ms <= parcel->not_after_ms) {
        return false;
    }
    fake_other_block(fake); /* others move the log's time on */
    struct fake_block hint = {.code = E_REQ_LATE};
    memcpy(hint.request_id, parcel->request_id, HASH_BYTES);
    tell(fake, member, &hint, &fake->blocks[fake->height]);
    return true;
}

void fake_request(struct fake *fake, uint32_t member, struct bytes frame)
{
    uint8_t *copy = malloc(frame.len);
    struct parcel parcel;
    uint32_t working = 0;

    assert_non_null(copy);
    memcpy(copy, frame.data, frame.len);
    assert_int_equal(parcel_parse(copy, frame.len, fake->cluster_id, &parcel), STATUS_OK);
    assert_true(verify_body(&sig_ed25519, fake->key.public_key, TAG_REQUEST, fake->cluster_id,
                            parcel.request, parcel.sig));
    const struct fake_block *known = find_executed(fake, parcel.request_id);
    for (uint32_t i = 0; i < FAKE_N; i++) {
        working += fake->replicas[i].up;
    }
    if (known != NULL) {
        tell(fake, member, known, &fake->blocks[fake->height]);
    } else if (!refuse_late(fake, member, &parcel) && working >= fake->roster.q) {
        execute(fake, &parcel);
    }
    parcel_close(&parcel);
}

/* --- FETCH ------------------------------------------------------------------------------------ */

static struct bytes status_of(const struct fake *fake, uint32_t member, struct buffer *out)
{
    const struct status_answer answer = {
        .rid = member,
        .epoch = fake->real.epoch,
        .view = fake->view,
        .mode = MODE_ACTIVE,
        .executed = fake->height,
        .tree_size = fake->leaves,
        .software = bytes_of_text("fake"),
    };

    assert_true(status_answer_encode(&answer, out));
    return buffer_bytes(out);
}

static void put_note(const struct fake *fake, const struct fake_block *block, struct buffer *out)
{
    const struct checkpoint checkpoint =
        checkpoint_of(fake, bytes_make(block->header, block->header_len));
    uint8_t sig[SIG_BYTES];

    checkpoint_text(&checkpoint, out);
    buffer_put_u8(out, '\n');
    for (uint32_t i = 0; i < FAKE_N; i++) {
        const struct fake_replica *replica = &fake->replicas[i];
        const struct roster_member *who = &fake->real.members[i];

        checkpoint_sign(fake->scheme, &checkpoint, NOTE_SIGN, replica->sign_seed, who->sign_pk,
                        sig);
        note_line_put(out, &checkpoint, NOTE_SIGN, i, who->sign_pk, sig);
        checkpoint_sign(fake->scheme, &checkpoint, NOTE_COSIGN, replica->cosign_seed,
                        who->cosign_pk, sig);
        note_line_put(out, &checkpoint, NOTE_COSIGN, i, who->cosign_pk, sig);
    }
}

static struct bytes receipt_of(struct fake *fake, uint32_t member, uint64_t index,
                               struct buffer *out)
{
    const struct fake_block *tree = &fake->blocks[fake->height];
    uint8_t note_memory[8192];
    uint8_t extra_memory[1024];
    struct buffer note = buffer_make(note_memory, sizeof(note_memory));
    struct buffer extra = buffer_make(extra_memory, sizeof(extra_memory));
    struct merkle_proof proof;

    if (index >= tree->tree_size) {
        return BYTES_EMPTY;
    }
    const uint64_t leaf_index = fake->replicas[member].lie == FAKE_BAD_RECEIPT ? 0 : index;
    const struct receipt_extra parts = {
        .leaf = bytes_make(fake->leaf_bytes[leaf_index], fake->leaf_len[leaf_index]),
    };
    put_note(fake, tree, &note);
    assert_true(receipt_extra_encode(&parts, &extra));
    assert_true(merkle_inclusion_make(index, tree->tree_size, read_node, fake, &proof));
    const struct receipt_parts whole = {index, buffer_bytes(&extra), merkle_proof_bytes(&proof),
                                        buffer_bytes(&note)};
    receipt_put(out, &whole);
    assert_false(out->full);
    return buffer_bytes(out);
}

void fake_fetch(struct fake *fake, uint32_t member, struct bytes body)
{
    struct fetch fetch;
    uint8_t memory[128];
    static uint8_t attachment_memory[RECEIPT_BYTES_MAX];
    struct buffer encoded = buffer_make(memory, sizeof(memory));
    struct buffer out = buffer_make(attachment_memory, sizeof(attachment_memory));
    struct bytes attachment = BYTES_EMPTY;

    assert_int_equal(fetch_decode(body, &fetch), WIRE_OK);
    if (fetch.kind == FETCH_STATUS) {
        attachment = status_of(fake, member, &out);
    } else if (fetch.kind == FETCH_RECEIPT) {
        attachment = receipt_of(fake, member, fetch.from, &out);
    }
    const struct data data = {.kind = fetch.kind, .from = fetch.from, .count = fetch.count};
    assert_true(data_encode(&data, &encoded));
    const struct envelope envelope = {
        .type = MESSAGE_DATA, .rid = member, .body = buffer_bytes(&encoded)};
    fake_post(fake, member, &envelope, attachment);
}
