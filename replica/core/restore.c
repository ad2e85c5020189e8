/* Starting: from the durable records of this replica, or from the charter on a new store.
 *
 * A restored replica stands where its records say it stood. What it may have sent rests on them:
 * the pre-prepare it accepted (its PREPARE), the prepared certificate (its COMMIT), the head (its
 * attestation). It signs the same bytes again, never others. */
#include "crypto/hash.h"
#include "governance/records.h"
#include "replica/core/machine.h"
#include "storage/record.h"

#include <string.h>

/* The slot in the ring, while it is not known yet where the window begins. */
static struct slot *slot_restored(struct node *node, uint64_t sequence)
{
    struct slot *slot = &node->window.slots[sequence % WINDOW_MAX];
    if (slot->sequence != 0 && slot->sequence != sequence) {
        return NULL; /* wider than any window: not records of ours */
    }
    slot->sequence = sequence;
    return slot;
}

static enum drop restore_slot(struct node *node, uint64_t sequence, struct bytes value)
{
    struct slot_record record;
    struct vote vote;
    struct slot *slot = sequence == 0 ? NULL : slot_restored(node, sequence);
    if (slot == NULL || slot_record_decode(value, &record) != WIRE_OK ||
        vote_decode(record.vote, &vote) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    slot->view = vote.view;
    memcpy(slot->digest, vote.digest, HASH_BYTES);
    memcpy(slot->primary_sig, record.primary_sig, SIG_BYTES);
    slot->has_primary_sig = true;
    if (slot->stage == SLOT_EMPTY) {
        slot->stage = SLOT_ACCEPTED;
    }
    return DROP_NONE;
}

static enum drop restore_prepared(struct node *node, uint64_t sequence, struct bytes value)
{
    struct prepared prepared;
    struct vote vote;
    struct slot *slot = sequence == 0 ? NULL : slot_restored(node, sequence);
    if (slot == NULL || prepared_decode(value, &prepared) != WIRE_OK ||
        vote_decode(prepared.vote, &vote) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    slot->stage = SLOT_PREPARED;
    struct wire_iter sigs = wire_iter_make(prepared.sigs);
    for (uint32_t member = 0; member < REPLICAS_MAX; member++) {
        struct item_sig sig;
        if ((prepared.members >> member & 1) != 0 && item_sig_next(&sigs, &sig)) {
            struct one_vote one;
            memcpy(one.digest, vote.digest, HASH_BYTES);
            memcpy(one.sig, sig.value, SIG_BYTES);
            votes_repeat(&slot->prepares, member, &one);
        }
    }
    return DROP_NONE;
}

static enum drop restore_head(struct node *node, struct bytes value)
{
    struct head_record record;
    struct block_header header;
    if (head_record_decode(value, &record) != WIRE_OK ||
        block_header_decode(record.header, &header) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    struct head *head = &node->head;
    head->height = header.height;
    head->time_ms = header.time_ms;
    head->header_len = record.header.len;
    memcpy(head->header, record.header.data, record.header.len);
    hash_bytes(record.header, head->header_hash);
    memcpy(head->note_sig, record.note_sig, SIG_BYTES);
    memcpy(head->cosig, record.cosig, SIG_BYTES);
    head->frontier = (struct merkle_frontier){.size = header.tree_size};
    struct wire_iter hashes = wire_iter_make(record.frontier);
    for (unsigned level = 0; level < MERKLE_PATH_MAX; level++) {
        struct item_hash hash;
        if ((header.tree_size >> level & 1) != 0) {
            if (!item_hash_next(&hashes, &hash)) {
                return DROP_MALFORMED;
            }
            memcpy(head->frontier.hashes[level], hash.value, HASH_BYTES);
        }
    }
    node->restored_head = true;
    return DROP_NONE;
}

static enum drop restore_stable(struct node *node, struct bytes value)
{
    struct stable stable;
    struct block_header header;
    if (stable_decode(value, &stable) != WIRE_OK ||
        block_header_decode(stable.header, &header) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (header.height > node->window.stable) {
        node->window.stable = header.height;
    }
    return DROP_NONE;
}

static enum drop restore_view(struct node *node, struct bytes value)
{
    struct view_record record;
    if (view_record_decode(value, &record) != WIRE_OK || record.mode != MODE_ACTIVE) {
        return DROP_MALFORMED;
    }
    node->epoch = record.epoch;
    node->view = record.view;
    return DROP_NONE;
}

static enum drop restore_boot(struct node *node, struct bytes value)
{
    struct boot_record record;
    if (boot_record_decode(value, &record) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    node->boot = record.boot;
    return DROP_NONE;
}

/* The note is for readers. An older one never takes its place. */
static enum drop restore_note(struct node *node, struct bytes value)
{
    struct bytes text;
    struct bytes lines;
    struct checkpoint checkpoint;
    if (note_split(value, &text, &lines) != NOTE_OK ||
        checkpoint_parse(text, &checkpoint) != NOTE_OK) {
        return DROP_MALFORMED;
    }
    node->quorum_height = checkpoint.height;
    return DROP_NONE;
}

static enum drop restore_journal(struct node *node, const struct put *record)
{
    uint8_t kind = 0;
    uint64_t height = 0;
    if (!record_read_journal(record->key, &kind, &height)) {
        return DROP_MALFORMED;
    }
    switch (kind) {
    case JOURNAL_HEAD:
        return restore_head(node, record->value);
    case JOURNAL_VIEW:
        return restore_view(node, record->value);
    case JOURNAL_BOOT:
        return restore_boot(node, record->value);
    case JOURNAL_SLOT:
        return restore_slot(node, height, record->value);
    case JOURNAL_PREPARED:
        return restore_prepared(node, height, record->value);
    case JOURNAL_STABLE:
        return restore_stable(node, record->value);
    case JOURNAL_NOTE:
        return restore_note(node, record->value);
    default:
        return DROP_MALFORMED;
    }
}

enum drop on_restored(struct node *node, const struct put *record)
{
    if (record->family == FAMILY_STATE) {
        return state_put(node->state, record->key, record->value) ? DROP_NONE : DROP_NO_MEMORY;
    }
    return record->family == FAMILY_JOURNAL ? restore_journal(node, record) : DROP_TYPE;
}

/* The own votes that the slot's records stand for. */
static void revote(struct node *node, struct slot *slot, struct outbox *outbox)
{
    const uint8_t *pk = node->roster.members[node->self].sign_pk;
    struct one_vote vote;
    memcpy(vote.digest, slot->digest, HASH_BYTES);
    struct bytes body = slot_vote_body(node, slot, outbox);
    if (roster_primary(&node->roster, slot->view)->rid != node->rid) {
        sign_body(node->scheme, node->sign_seed, pk, TAG_PREPARE, node->cluster_id, body, vote.sig);
        votes_repeat(&slot->prepares, node->self, &vote);
    }
    if (slot->stage >= SLOT_PREPARED) {
        sign_body(node->scheme, node->sign_seed, pk, TAG_COMMIT, node->cluster_id, body, vote.sig);
        votes_repeat(&slot->commits, node->self, &vote);
    }
}

static void slots_settle(struct node *node, struct outbox *outbox)
{
    for (uint32_t i = 0; i < WINDOW_MAX; i++) {
        struct slot *slot = &node->window.slots[i];
        if (slot->sequence == 0) {
            continue;
        }
        if (slot->sequence <= node->window.stable || slot->stage == SLOT_EMPTY ||
            !slot->has_primary_sig) {
            *slot = (struct slot){0};
            continue;
        }
        revote(node, slot, outbox);
        if (slot->sequence > node->proposed) {
            node->proposed = slot->sequence;
        }
        if (slot->sequence <= node->head.height) {
            slot->stage = SLOT_EXECUTED;
        } else {
            fetch_batch(node, slot->digest, node->rid, outbox);
        }
    }
}

static void put_identity(struct node *node, struct outbox *outbox)
{
    struct boot_record boot = {.boot = node->boot};
    struct buffer space = outbox_open_space(outbox);
    CHECK(boot_record_encode(&boot, &space));
    journal_put(outbox, JOURNAL_BOOT, 0, outbox_take_space(outbox, &space));
    struct view_record view = {.epoch = node->epoch, .view = node->view, .mode = node->mode};
    space = outbox_open_space(outbox);
    CHECK(view_record_encode(&view, &space));
    journal_put(outbox, JOURNAL_VIEW, 0, outbox_take_space(outbox, &space));
}

void on_started(struct node *node, struct outbox *outbox)
{
    bool moved = false;
    bool fresh = !node->restored_head;
    if (fresh && (state_count(node->state) != 0 || !machine_genesis(node, outbox))) {
        node_halt(node, "the store has no head but is not new", outbox);
        return;
    }
    if (!rights_refresh(&node->rights, node->state, &moved) ||
        !roster_load(node->state, &node->roster)) {
        node_halt(node, "the stored state is damaged", outbox);
        return;
    }
    node->boot++;
    put_identity(node, outbox);
    slots_settle(node, outbox);
    node->started = true;
    node->executed_ms = node->now_ms;
    node->attested_height = 0;
    node_note(node, "started at height %llu, view %llu", (unsigned long long)node->head.height,
              (unsigned long long)node->view);
}
