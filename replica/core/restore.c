/* Starting: from the durable records of this replica, or from the charter on a new store.
 *
 * A restored replica stands where its records say it stood. What it may have sent rests on them:
 * the pre-prepare it accepted (its PREPARE), the prepared certificate (its COMMIT), the head (its
 * attestation). It signs the same bytes again, never others. */
#include "crypto/hash.h"
#include "governance/records.h"
#include "replica/core/epoch.h"
#include "replica/core/machine.h"
#include "replica/core/machine_put.h"
#include "storage/record.h"

#include <string.h>

static enum drop restore_slot(struct node *node, uint64_t sequence, struct bytes value)
{
    struct slot_record record;
    struct vote vote;
    struct slot *slot = sequence == 0 ? NULL : window_restore(&node->window, sequence);
    if (slot == NULL || slot_record_decode(value, &record) != WIRE_OK ||
        vote_decode(record.vote, &vote) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    slot->view = vote.view;
    memcpy(slot->digest, vote.digest, HASH_BYTES);
    memcpy(slot->primary_sig, record.primary_sig, SIG_BYTES);
    slot->has_primary_sig = true;
    slot->knows_digest = true;
    slot->stage = SLOT_ACCEPTED;
    return DROP_NONE;
}

static enum drop restore_prepared(struct node *node, uint64_t sequence, struct bytes value)
{
    struct prepared prepared;
    struct vote vote;
    struct slot *slot = sequence == 0 ? NULL : window_restore(&node->window, sequence);
    if (slot == NULL || prepared_decode(value, &prepared) != WIRE_OK ||
        vote_decode(prepared.vote, &vote) != WIRE_OK || value.len > sizeof(slot->best.bytes)) {
        return DROP_MALFORMED;
    }
    slot->best.view = vote.view;
    slot->best.len = value.len;
    memcpy(slot->best.bytes, value.data, value.len);
    return DROP_NONE;
}

/* The certificate is of the view that the slot is in: it is prepared, and these are the votes. */
static void prepared_settle(struct slot *slot)
{
    struct prepared prepared;
    CHECK(prepared_decode(bytes_make(slot->best.bytes, slot->best.len), &prepared) == WIRE_OK);
    slot->stage = SLOT_PREPARED;
    slot->prepared = true;
    struct wire_iter sigs = wire_iter_make(prepared.sigs);
    for (uint32_t member = 0; member < REPLICAS_MAX; member++) {
        struct item_sig sig;
        if ((prepared.members >> member & 1) != 0 && item_sig_next(&sigs, &sig)) {
            struct one_vote one;
            memcpy(one.digest, slot->digest, HASH_BYTES);
            memcpy(one.sig, sig.value, SIG_BYTES);
            votes_repeat(&slot->prepares, member, &one);
        }
    }
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
    head->boundary = header.pending_boundary;
    head->header_len = record.header.len;
    memcpy(head->header, record.header.data, record.header.len);
    hash_bytes(record.header, head->header_hash);
    memcpy(head->note_sig, record.note_sig, SIG_BYTES);
    memcpy(head->cosig, record.cosig, SIG_BYTES);
    if (!frontier_take(record.frontier, header.tree_size, &head->frontier)) {
        return DROP_MALFORMED;
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
    if (value.len > sizeof(node->stable_proof)) {
        return DROP_MALFORMED;
    }
    bool newest = header.height > node->window.stable || node->stable_len == 0;
    uint64_t other = newest ? node->window.stable : header.height;
    node->stable_before = other > node->stable_before ? other : node->stable_before;
    if (newest) {
        node->window.stable = header.height;
        node->stable_len = value.len;
        memcpy(node->stable_proof, value.data, value.len);
    }
    return DROP_NONE;
}

static enum drop restore_view(struct node *node, struct bytes value)
{
    struct view_record record;
    if (view_record_decode(value, &record) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    node->epoch = record.epoch;
    node->view = record.view;
    node->mode = MUTANT(51) ? MODE_ACTIVE : (enum replica_mode)record.mode;
    return DROP_NONE;
}

static enum drop restore_change(struct node *node, struct bytes value)
{
    struct signed_body record;
    struct view_change change;
    if (signed_body_decode(value, &record) != WIRE_OK ||
        record.body.len > sizeof(node->own_change) ||
        view_change_decode(record.body, &change) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    struct kept_change *own = &node->changes[node->self];
    memcpy(node->own_change, record.body.data, record.body.len);
    memcpy(own->sig, record.sig, SIG_BYTES);
    own->body = bytes_make(node->own_change, record.body.len);
    own->view = change.view;
    return DROP_NONE;
}

static enum drop restore_new_view(struct node *node, struct bytes value)
{
    node->restored_view = pool_copy(&node->pool, value);
    return node->restored_view.data != NULL ? DROP_NONE : DROP_NO_MEMORY;
}

static enum drop restore_gap(struct node *node, struct bytes value)
{
    struct gap_record record;
    if (gap_record_decode(value, &record) != WIRE_OK || record.first == 0 ||
        record.first > record.last) {
        return DROP_MALFORMED;
    }
    node->gap = (struct gap){.first = record.first, .last = record.last};
    memcpy(node->gap.below_hash, record.below_hash, HASH_BYTES);
    memcpy(node->gap.last_hash, record.last_hash, HASH_BYTES);
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
    case JOURNAL_NEW_VIEW:
        return restore_new_view(node, record->value);
    case JOURNAL_VIEW_CHANGE:
        return restore_change(node, record->value);
    case JOURNAL_GAP:
        return restore_gap(node, record->value);
    case JOURNAL_EPOCH:
        return epoch_restored(node, height, record->value);
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
    struct one_vote vote;
    memcpy(vote.digest, slot->digest, HASH_BYTES);
    struct bytes body = slot_vote_body(node, slot, outbox);
    if (roster_primary(&node->roster, slot->view)->rid != node->rid) {
        own_sign(node, TAG_PREPARE, body, vote.sig);
        votes_repeat(&slot->prepares, node->self, &vote);
    }
    if (slot->prepared) {
        own_sign(node, TAG_COMMIT, body, vote.sig);
        votes_repeat(&slot->commits, node->self, &vote);
    }
}

/* What was accepted in the view that this replica is in stands; of what was accepted in an earlier
 * one, only the certificate does. */
static void slot_settle(struct node *node, struct slot *slot, struct outbox *outbox)
{
    bool current = slot->has_primary_sig && slot->view == node->view && node->mode == MODE_ACTIVE;
    if (!current) {
        slot->stage = SLOT_EMPTY;
        slot->has_primary_sig = false;
        slot->knows_digest = false;
        slot->view = 0;
        return;
    }
    if (slot->best.len > 0 && slot->best.view == slot->view) {
        prepared_settle(slot);
    }
    revote(node, slot, outbox);
}

static void slots_settle(struct node *node, struct outbox *outbox)
{
    for (uint32_t i = window_used_from(&node->window, 0); i < WINDOW_MAX;
         i = window_used_from(&node->window, i + 1)) {
        struct slot *slot = &node->window.slots[i];
        if (slot->sequence <= node->window.stable) {
            window_forget(&node->window, slot);
            continue;
        }
        slot_settle(node, slot, outbox);
        if (slot->sequence > node->proposed) {
            node->proposed = slot->sequence;
        }
        if (slot->sequence <= node->head.height) {
            slot->stage = SLOT_EXECUTED;
            slot->knows_digest = false; /* what was executed may be another than was accepted */
        } else if (slot->stage != SLOT_EMPTY) {
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
    view_put(node, outbox);
}

/* The log begins with a checkpoint that needs no signatures. */
static void genesis_stable(struct node *node, struct outbox *outbox)
{
    struct stable stable = {.header = bytes_make(node->head.header, node->head.header_len)};
    struct buffer space = outbox_open_space(outbox);
    CHECK(stable_encode(&stable, &space));
    stable_keep(node, 0, outbox_take_space(outbox, &space), outbox);
}

void on_started(struct node *node, struct outbox *outbox)
{
    bool moved = false;
    bool fresh = !node->restored_head;
    if (fresh && (state_count(node->state) != 0 || !machine_genesis(node, outbox))) {
        node_halt(node, "the store has no head but is not new", outbox);
        return;
    }
    if (!rights_refresh(&node->rights, node->state, &moved) || !epoch_resume(node, outbox)) {
        node_halt(node, "the stored state is damaged", outbox);
        return;
    }
    if (fresh) {
        genesis_stable(node, outbox);
        /* Who lost its store does not know how often it had started, and others take a STATUS only
         * when it grows: starts are not as frequent as seconds. */
        uint64_t started = node->wall_ms / 1000;
        node->boot = node->boot < started ? started : node->boot;
    }
    if (node->stable_len == 0 ||
        (node->mode == MODE_CHANGING && node->changes[node->self].view != node->view)) {
        node_halt(node, "the stored journal is damaged", outbox);
        return;
    }
    node->boot++;
    put_identity(node, outbox);
    slots_settle(node, outbox);
    view_restore_slots(node, node->restored_view, outbox);
    pool_give(&node->pool, node->restored_view.data);
    node->restored_view = BYTES_EMPTY;
    node->entered_height = node->head.height;
    node->started = true;
    challenge_begin(node);
    if (node->mode == MODE_RECOVERING) {
        outbox_act(outbox, ACTION_ALARM)->text = "this replica is recovering: it follows and "
                                                 "serves, and votes again only with a new key";
    }
    node->executed_ms = node->now_ms;
    node->attested_height = 0;
    node_note(node, "started at height %llu, view %llu", (unsigned long long)node->head.height,
              (unsigned long long)node->view);
}
