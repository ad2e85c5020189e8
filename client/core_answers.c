/* What replicas answer to appends: results that W of them give alike, and proofs that hold in a
 * tree that Q of them attest. */
#include "client/core_parts.h"

#include "crypto/hash.h"

#include <stdlib.h>
#include <string.h>

static struct append *find_request(struct core *core, const uint8_t request_id[HASH_BYTES])
{
    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        struct append *append = &core->appends[i];

        if (append->used && append->stage != CORE_DONE &&
            hash_equal(append->parcel.request_id, request_id)) {
            return append;
        }
    }
    return NULL;
}

void answers_proof_close(struct append_proof *proof)
{
    free(proof->stream_indexes);
    free(proof->nodes);
    *proof = (struct append_proof){0};
}

/* How many members gave this very answer. */
static uint32_t count_alike(const struct core *core, const struct append *append,
                            const struct append_answer *answer)
{
    uint32_t alike = 0;

    for (uint32_t i = 0; i < core->roster->n; i++) {
        const struct append_answer *other = &append->answers[i];

        alike += other->present && other->code == answer->code &&
                 other->first_index == answer->first_index && other->count == answer->count;
    }
    return alike;
}

/* An answer that W members gave, so that one of them is correct; NULL when there is none yet. */
const struct append_answer *answers_agreed(const struct core *core, const struct append *append)
{
    for (uint32_t i = 0; i < core->roster->n; i++) {
        const struct append_answer *answer = &append->answers[i];

        if (answer->present && count_alike(core, append, answer) >= core->roster->w) {
            return answer;
        }
    }
    return NULL;
}

static void finish(struct core *core, struct append *append, enum core_outcome outcome)
{
    core_act(core,
             (struct core_action){.kind = CORE_FORGET, .request_no = append->parcel.request_no},
             NULL);
    append->stage = CORE_DONE;
    append->outcome = outcome;
    if (append->singles != NULL) {
        singles_close(core, append->singles);
        append->singles = NULL;
    }
}

/* Move what was proven into receipts. The parcel goes with them. */
static struct vestry_receipts *new_receipts(struct core *core, struct append *append,
                                            const struct parcel_place *place)
{
    struct vestry_receipts *receipts = calloc(1, sizeof(*receipts));

    if (receipts == NULL) {
        return NULL;
    }
    core_drop_sends(core, append->parcel.frame, append->parcel.frame_len);
    receipts->place = *place;
    memcpy(receipts->author, core->setup.key->public_key, PUBLIC_KEY_BYTES);
    receipts->place.author = receipts->author;
    return receipts;
}

static void finish_proven(struct core *core, struct append *append)
{
    struct append_proof *proof = &append->proof;
    struct buffer note = buffer_make(malloc(NOTE_BYTES_MAX), NOTE_BYTES_MAX);
    struct vestry_receipts *receipts =
        note.data == NULL ? NULL : new_receipts(core, append, &proof->place);
    uint32_t signers = 0;

    if (receipts == NULL) {
        free(note.data); /* the next answer or retry tries again */
        return;
    }
    attests_note_put(core->attests, proof->claim.height, proof->claim.header_hash, &note, &signers);
    CHECK(!note.full);
    finish(core, append, CORE_OUTCOME_OK);
    receipts->parcel = append->parcel;
    receipts->stream_indexes = proof->stream_indexes;
    receipts->span = proof->span;
    receipts->nodes = proof->nodes;
    receipts->note = note.data;
    receipts->note_len = note.len;
    receipts->signers = signers;
    append->parcel = (struct parcel){0};
    append->proof = (struct append_proof){0};
    append->receipts = receipts;
}

bool answers_finish_singles(struct core *core, struct append *append,
                            const struct parcel_place *place, uint64_t *stream_indexes,
                            struct receipts_single *list)
{
    struct vestry_receipts *receipts = new_receipts(core, append, place);

    if (receipts == NULL) {
        return false;
    }
    finish(core, append, CORE_OUTCOME_OK);
    receipts->parcel = append->parcel;
    receipts->stream_indexes = stream_indexes;
    receipts->singles = list;
    receipts->signers = list[0].signers;
    append->parcel = (struct parcel){0};
    append->receipts = receipts;
    return true;
}

/* The request is not in the log and cannot come into it any more: make it anew, in one move of the
 * journal. When that fails for want of memory or numbers the next answer tries again. */
static void renew(struct core *core, struct append *append)
{
    const uint32_t count = append->parcel.count;
    const uint64_t before = append->parcel.request_no;
    struct parcel_entry *entries = calloc(count, sizeof(*entries));
    struct parcel fresh;

    if (entries == NULL || !appends_number_is_free(core, append)) {
        free(entries);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct parcel_piece *piece = &append->parcel.pieces[i];

        entries[i] = (struct parcel_entry){piece->stream, piece->payload, piece->expect_stream_len};
    }
    const enum status status = appends_make_parcel(core, entries, count, &fresh);
    free(entries);
    if (status != STATUS_OK) {
        return;
    }
    core_drop_sends(core, append->parcel.frame, append->parcel.frame_len);
    parcel_close(&append->parcel);
    answers_proof_close(&append->proof);
    append->parcel = fresh;
    append->committed_ms = 0;
    memset(append->answers, 0, sizeof(append->answers));
    appends_keep(core, append, before);
}

static void settle_refusal(struct core *core, struct append *append, uint64_t code)
{
    if (code == E_REQ_LATE && attests_time_reached(core->attests) > append->parcel.not_after_ms) {
        renew(core, append);
        return;
    }
    core_drop_sends(core, append->parcel.frame, append->parcel.frame_len);
    append->code = code;
    finish(core, append, CORE_OUTCOME_REFUSED);
}

static void blame(struct core *core, uint32_t liars)
{
    for (uint32_t i = 0; i < core->roster->n; i++) {
        if ((liars & member_bit(i)) != 0) {
            core_lie(core, i, "an attestation with a bad signature");
        }
    }
}

static void settle(struct core *core, struct append *append)
{
    const struct append_proof *proof = &append->proof;
    uint32_t liars = 0;

    if (proof->present) {
        const bool good =
            attests_quorum(core->attests, proof->claim.height, proof->claim.header_hash, &liars);
        blame(core, liars);
        if (good) {
            if (!core->has_newest || proof->claim.height > core->newest.height) {
                core->newest = proof->claim;
                core->has_newest = true;
            }
            finish_proven(core, append);
            return;
        }
    }
    const struct append_answer *agreed = answers_agreed(core, append);
    if (agreed == NULL) {
        return;
    }
    if (agreed->code != RESULT_OK) {
        settle_refusal(core, append, agreed->code);
    } else if (append->committed_ms == 0) {
        append->committed_ms = core->now_ms;
    }
}

/* --- Proofs ----------------------------------------------------------------------------------- */

/* Hash the leaves that the answer says the entries became, at the front of `nodes`. */
static bool hash_leaves(const struct append *append, const struct append_proof *proof)
{
    for (uint32_t i = 0; i < append->parcel.count; i++) {
        uint8_t memory[LEAF_BYTES_MAX];
        struct buffer leaf = buffer_make(memory, sizeof(memory));

        parcel_leaf(&append->parcel, &proof->place, i, proof->stream_indexes[i], &leaf);
        if (leaf.full) {
            return false;
        }
        merkle_leaf_hash(buffer_bytes(&leaf), proof->nodes[i]);
    }
    return true;
}

static bool read_indexes(struct wire_list list, uint64_t *out)
{
    struct wire_iter iter = wire_iter_make(list);
    struct item_u64 number;

    for (uint32_t i = 0; i < list.count; i++) {
        if (!item_u64_next(&iter, &number)) {
            return false;
        }
        out[i] = number.value;
    }
    return true;
}

static bool read_hashes(struct wire_list list, struct merkle_proof *out)
{
    struct wire_iter iter = wire_iter_make(list);
    struct item_hash hash;

    out->count = 0;
    while (out->count < MERKLE_PROOF_MAX && item_hash_next(&iter, &hash)) {
        memcpy(out->hashes[out->count++], hash.value, HASH_BYTES);
    }
    return out->count == list.count;
}

static bool check_proof(const struct append *append, const struct reply_result *answer,
                        struct append_proof *proof)
{
    const uint32_t count = append->parcel.count;
    struct merkle_proof hashes;

    if (!read_indexes(answer->stream_indexes, proof->stream_indexes) ||
        !read_hashes(answer->range_proof, &hashes) || !hash_leaves(append, proof)) {
        return false;
    }
    const struct merkle_range range = {
        .begin = proof->place.first_index,
        .end = proof->place.first_index + count,
        .size = proof->claim.tree_size,
        .leaf_hashes = bytes_make(proof->nodes, (size_t)count * HASH_BYTES),
    };
    return merkle_span_verify(&proof->span, &range, merkle_proof_bytes(&hashes),
                              proof->claim.tree_root, proof->nodes);
}

/* Take the proof in an answer: it must hold in the tree that its sender itself claims. */
static void take_proof(struct core *core, struct append *append, uint32_t member,
                       const struct attest_claim *claim, const struct reply_result *answer)
{
    const struct append_proof *old = &append->proof;
    const uint32_t count = append->parcel.count;
    struct append_proof proof = {
        .present = true,
        .member = member,
        .claim = *claim,
        .place =
            {
                .author = core->setup.key->public_key,
                .first_index = append->answers[member].first_index,
                .height = answer->height,
                .time_ms = answer->time_ms,
            },
    };

    if (old->present && attests_claimed(core->attests, old->claim.height, old->claim.header_hash) >=
                            core->roster->w) {
        return;
    }
    proof.stream_indexes = malloc(count * sizeof(proof.stream_indexes[0]));
    proof.nodes = malloc(MERKLE_SPAN_NODES(count) * HASH_BYTES);
    if (proof.stream_indexes == NULL || proof.nodes == NULL) {
        answers_proof_close(&proof);
        return;
    }
    if (!check_proof(append, answer, &proof)) {
        answers_proof_close(&proof);
        core_lie(core, member, "a proof that does not hold");
        return;
    }
    answers_proof_close(&append->proof);
    append->proof = proof;
}

static void take_result(struct core *core, uint32_t member, const struct attest_claim *claim,
                        const struct reply_result *answer)
{
    struct result result;

    if (result_decode(answer->result, &result) != WIRE_OK) {
        core_lie(core, member, "a malformed result");
        return;
    }
    struct append *append = find_request(core, result.request_id);
    if (append == NULL || append->stage != CORE_SENT) {
        return;
    }
    struct append_answer *place = &append->answers[member];
    if (result.code == RESULT_OK && result.count != append->parcel.count) {
        core_lie(core, member, "a result that does not fit the request");
        return;
    }
    if (answer->height == 0 && place->present && place->height != 0) {
        return; /* a hint does not undo what was executed */
    }
    *place = (struct append_answer){
        .present = true,
        .code = result.code,
        .first_index = result.first_index,
        .count = result.count,
        .height = answer->height,
    };
    if (claim != NULL && result.code == RESULT_OK &&
        answer->stream_indexes.count == append->parcel.count) {
        take_proof(core, append, member, claim, answer);
    }
}

void answers_reply(struct core *core, uint32_t member, struct bytes body)
{
    struct reply reply;
    struct reply_result answer;
    struct attest_claim claim;

    if (reply_decode(body, &reply) != WIRE_OK) {
        core_lie(core, member, "a malformed reply");
        return;
    }
    const enum attest_result taken = attests_add(core->attests, member, reply.attest, &claim);
    if (taken == ATTEST_MALFORMED || taken == ATTEST_CONTRADICTS) {
        core_lie(core, member,
                 taken == ATTEST_MALFORMED ? "a malformed attestation"
                                           : "two attestations of one height");
        return;
    }
    const bool has_claim = taken != ATTEST_OTHER_EPOCH;
    if (!has_claim) {
        core_epoch_seen(core, claim.epoch);
    }
    struct wire_iter iter = wire_iter_make(reply.results);
    while (reply_result_next(&iter, &answer)) {
        take_result(core, member, has_claim ? &claim : NULL, &answer);
    }
    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        struct append *append = &core->appends[i];

        if (append->used && append->stage == CORE_SENT) {
            settle(core, append);
        }
    }
}
