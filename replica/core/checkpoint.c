/* Attestations: signing the head, passing them on, and what Q equal ones mean. PROTOCOL:
 * checkpoints.
 *
 * Every height is attested once, in the same bytes for ever. Attestations travel to the other
 * replicas at checkpoint heights (multiples of K), at multiples of FRESH_INTERVAL, when the log has
 * come to rest, and every BUSY_MS while it does not, so that readers find a quorum checkpoint of
 * almost now. */
#include "crypto/hash.h"
#include "replica/core/epoch.h"

#include <string.h>

#define FRESH_INTERVAL 16
#define REST_MS 20
#define BUSY_MS 100

static void checkpoint_of_header(const struct node *node, const struct block_header *header,
                                 const uint8_t header_hash[HASH_BYTES], struct checkpoint *out)
{
    out->origin = node->origin;
    out->tree_size = header->tree_size;
    memcpy(out->tree_root, header->tree_root, HASH_BYTES);
    out->height = header->height;
    out->epoch = header->epoch;
    out->time_ms = header->time_ms;
    memcpy(out->header_hash, header_hash, HASH_BYTES);
}

void attest_sign(const struct node *node, struct bytes header_bytes, uint8_t note_sig[SIG_BYTES],
                 uint8_t cosig[SIG_BYTES])
{
    uint8_t header_hash[HASH_BYTES];
    struct block_header header;
    struct checkpoint checkpoint;
    CHECK(block_header_decode(header_bytes, &header) == WIRE_OK);
    const struct node_key *key = epoch_key(node, header.epoch);
    const struct roster *roster = epoch_roster(node, header.epoch);
    if (key == NULL || roster == NULL) {
        memset(note_sig, 0, SIG_BYTES); /* who serves lines drops those that are not good */
        memset(cosig, 0, SIG_BYTES);
        return;
    }
    const struct roster_member *self = roster_find(roster, node->rid);
    hash_bytes(header_bytes, header_hash);
    checkpoint_of_header(node, &header, header_hash, &checkpoint);
    checkpoint_sign(node->scheme, &checkpoint, NOTE_SIGN, key->sign_seed, self->sign_pk, note_sig);
    checkpoint_sign(node->scheme, &checkpoint, NOTE_COSIGN, key->cosign_seed, self->cosign_pk,
                    cosig);
}

void attest_own(struct node *node)
{
    struct head *head = &node->head;
    attest_sign(node, bytes_make(head->header, head->header_len), head->note_sig, head->cosig);
}

static struct bytes attest_encode_parts(struct bytes header, const uint8_t note_sig[SIG_BYTES],
                                        const uint8_t cosig[SIG_BYTES], struct outbox *outbox)
{
    struct attest attest = {.header = header};
    memcpy(attest.note_sig, note_sig, SIG_BYTES);
    memcpy(attest.cosig, cosig, SIG_BYTES);
    struct buffer space = outbox_open_space(outbox);
    CHECK(attest_encode(&attest, &space));
    return outbox_take_space(outbox, &space);
}

struct bytes attest_body(const struct node *node, struct outbox *outbox)
{
    const struct head *head = &node->head;
    return attest_encode_parts(bytes_make(head->header, head->header_len), head->note_sig,
                               head->cosig, outbox);
}

/* The head's attestation becomes one of those that are kept and counted. */
static void head_keep(struct node *node)
{
    const struct head *head = &node->head;
    struct attestation own = {
        .height = head->height,
        .header = bytes_make(head->header, head->header_len),
        .note_sig = head->note_sig,
        .cosig = head->cosig,
    };
    memcpy(own.header_hash, head->header_hash, HASH_BYTES);
    enum attested_result result = attestations_add(
        &node->attestations, node->self, node_param(node, PARAM_CHECKPOINT_INTERVAL), &own);
    CHECK(result != ATTESTED_CONFLICT);
}

void attest_send(struct node *node, uint64_t height, uint32_t to, struct outbox *outbox)
{
    if (!node->awake && !MUTANT(62)) {
        return; /* nothing with this key that it may have forgotten to have signed otherwise */
    }
    const struct attested *own = attestations_find(&node->attestations, node->self, height);
    if (own == NULL) {
        return;
    }
    struct bytes body = attest_encode_parts(bytes_make(own->header, own->header_len), own->note_sig,
                                            own->cosig, outbox);
    struct action *action = outbox_act(outbox, to == NODE_CLIENT ? ACTION_BROADCAST : ACTION_SEND);
    action->to = to;
    action->frame =
        message_frame(outbox, MESSAGE_ATTEST, node->rid, body, BYTES_EMPTY, BYTES_EMPTY);
}

const uint8_t *own_header_hash(const struct node *node, uint64_t height)
{
    const struct attested *own = attestations_find(&node->attestations, node->self, height);
    if (own != NULL) {
        return own->header_hash;
    }
    return height == node->head.height ? node->head.header_hash : NULL;
}

void attest_head(struct node *node, struct outbox *outbox)
{
    if (node->mode != MODE_RECOVERING) {
        head_keep(node); /* a key that has forgotten what it signed counts in no quorum */
    }
    node->attested_height = node->head.height;
    node->attested_ms = node->now_ms;
    attest_send(node, node->head.height, NODE_CLIENT, outbox);
    checkpoint_advance(node, node->head.height, outbox);
}

/* While the next block is on its way the log does not rest, however long one takes. Readers get a
 * quorum now and then all the same; one for every block would cost each replica two verifications
 * for each other one. */
uint64_t attest_due_ms(const struct node *node)
{
    const struct slot *next = window_look(&node->window, node->head.height + 1);
    bool busy = next != NULL && next->stage >= SLOT_ACCEPTED;
    uint64_t rests_ms = node->executed_ms + REST_MS;
    if (node->head.height <= node->attested_height) {
        return UINT64_MAX;
    }
    return busy && node->attested_ms + BUSY_MS > rests_ms ? node->attested_ms + BUSY_MS : rests_ms;
}

void attest_checkpoint(struct node *node, struct outbox *outbox)
{
    uint64_t interval = node_param(node, PARAM_CHECKPOINT_INTERVAL);
    if (node->head.height % interval == 0 || node->head.height % FRESH_INTERVAL == 0) {
        attest_head(node, outbox);
    }
}

/* Who attests this header. The own signature counts and is shown once this replica knows that its
 * journal is whole: one that has lost it has no part in a quorum. */
static uint64_t attesting(const struct node *node, uint64_t height,
                          const uint8_t header_hash[HASH_BYTES])
{
    uint64_t members = attestations_members(&node->attestations, height, header_hash);
    return node->awake || MUTANT(62) ? members : members & ~(UINT64_C(1) << node->self);
}

/* The header of `height` that Q members attested, as one of them sent it, or NULL. */
static const struct attested *agreed(const struct node *node, uint64_t height)
{
    for (uint32_t member = 0; member < node->roster.n; member++) {
        const struct attested *attested = attestations_find(&node->attestations, member, height);
        if (attested == NULL) {
            continue;
        }
        uint64_t same = attesting(node, height, attested->header_hash);
        if (members_count(same) >= node->roster.q) {
            return attested;
        }
    }
    return NULL;
}

/* The note with every line that was verified here: none of them is bad, so no reader rejects it. */
static void note_emit(struct node *node, const struct attested *attested, struct outbox *outbox)
{
    struct block_header header;
    struct checkpoint checkpoint;
    struct bytes bytes = bytes_make(attested->header, attested->header_len);
    CHECK(block_header_decode(bytes, &header) == WIRE_OK);
    checkpoint_of_header(node, &header, attested->header_hash, &checkpoint);
    struct buffer space = outbox_open_space(outbox);
    checkpoint_text(&checkpoint, &space);
    buffer_put_u8(&space, '\n');
    uint64_t members = attesting(node, attested->height, attested->header_hash);
    for (uint32_t i = 0; i < node->roster.n; i++) {
        if ((members >> i & 1) == 0) {
            continue;
        }
        const struct roster_member *member = &node->roster.members[i];
        const struct attested *line = attestations_find(&node->attestations, i, attested->height);
        note_line_put(&space, &checkpoint, NOTE_SIGN, member->rid, member->sign_pk, line->note_sig);
        note_line_put(&space, &checkpoint, NOTE_COSIGN, member->rid, member->cosign_pk,
                      line->cosig);
    }
    struct bytes note = outbox_take_space(outbox, &space);
    journal_put(outbox, JOURNAL_NOTE, 0, note);
    struct action *action = outbox_act(outbox, ACTION_CHECKPOINT);
    action->frame = note;
    action->height = attested->height;
}

static void stable_put(struct node *node, const struct attested *attested, struct outbox *outbox)
{
    uint8_t sigs[REPLICAS_MAX * (SIG_BYTES + 2)];
    struct buffer list = buffer_make(sigs, sizeof(sigs));
    uint64_t members = attesting(node, attested->height, attested->header_hash);
    for (uint32_t i = 0; i < node->roster.n; i++) {
        if ((members >> i & 1) != 0) {
            struct item_sig element;
            memcpy(element.value,
                   attestations_find(&node->attestations, i, attested->height)->note_sig,
                   SIG_BYTES);
            CHECK(item_sig_encode(&element, &list));
        }
    }
    struct stable stable = {
        .header = bytes_make(attested->header, attested->header_len),
        .members = members,
        .note_sigs = {buffer_bytes(&list), members_count(members)},
    };
    struct buffer space = outbox_open_space(outbox);
    CHECK(stable_encode(&stable, &space));
    stable_keep(node, attested->height, outbox_take_space(outbox, &space), outbox);
}

void stable_keep(struct node *node, uint64_t height, struct bytes proof, struct outbox *outbox)
{
    CHECK(proof.len <= sizeof(node->stable_proof));
    memcpy(node->stable_proof, proof.data, proof.len);
    node->stable_len = proof.len;
    journal_put(outbox, JOURNAL_STABLE, height, outbox_keep(outbox, proof));
}

static void proof_drop(const struct node *node, uint64_t which, uint64_t height,
                       struct outbox *outbox)
{
    bool for_snapshot =
        is_snapshot_height(node, which) && which + 2 * snapshot_interval(node) > height;
    if (which != node->window.stable && !for_snapshot) {
        journal_erase(outbox, JOURNAL_STABLE, which);
    }
}

/* The last two proofs stay, and those of the last two heights that others fetch snapshots of. */
static void proofs_drop(struct node *node, uint64_t height, struct outbox *outbox)
{
    uint64_t span = snapshot_interval(node);
    uint64_t point = node->window.stable / span * span;
    proof_drop(node, node->stable_before, height, outbox);
    proof_drop(node, point, height, outbox);
    if (point >= span) {
        proof_drop(node, point - span, height, outbox);
    }
    node->stable_before = node->window.stable;
}

void stable_move(struct node *node, uint64_t height, struct outbox *outbox)
{
    for (uint64_t n = node->window.stable + 1; n <= height && n <= node->window.stable + WINDOW_MAX;
         n++) {
        journal_erase(outbox, JOURNAL_SLOT, n);
        journal_erase(outbox, JOURNAL_PREPARED, n);
    }
    proofs_drop(node, height, outbox);
    window_move(&node->window, height, &node->pool);
    view_calm(node);
    node_note(node, "stable %llu", (unsigned long long)height);
}

void checkpoint_advance(struct node *node, uint64_t height, struct outbox *outbox)
{
    const struct attested *attested = agreed(node, height);
    if (attested == NULL) {
        return;
    }
    const uint8_t *own = own_header_hash(node, height);
    if (own != NULL && !hash_equal(own, attested->header_hash)) {
        node_halt(node, "a quorum attests another block at a height that was executed here",
                  outbox);
        return;
    }
    /* Readers get proofs in the tree that the note is of, so it has to be had here. */
    if (height > node->head.height && !MUTANT(17)) {
        return;
    }
    bool complete = members_count(attestations_members(&node->attestations, height,
                                                       attested->header_hash)) == node->roster.n;
    if (height > node->quorum_height || (height == node->quorum_height && complete)) {
        node->quorum_height = height;
        note_emit(node, attested, outbox);
    }
    /* What was attested before a restart is not remembered here; it was executed all the same. */
    if (height > node->window.stable && height % node_param(node, PARAM_CHECKPOINT_INTERVAL) == 0) {
        stable_put(node, attested, outbox);
        stable_move(node, height, outbox);
    }
}
