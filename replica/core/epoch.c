/* Epochs: the log passes from one set of keys to the next at a boundary, a height A that execution
 * names well ahead. PROTOCOL: epochs.
 *
 *   ... A - L .. A                          | A + 1 ...
 *   boundary executed, slots clamped to A   | the next epoch, view 0
 *                    epoch_advance: A is stable and executed
 *
 * Heights up to A are voted on by the old members and their keys, heights above it by the new ones,
 * and nothing above A is executed before this replica is in the new epoch. So the epoch is a
 * function of the height, and the state's epoch is the node's whenever a block is executed. */
#include "replica/core/epoch.h"

#include "governance/epoch.h"
#include "governance/records.h"
#include "replica/core/machine.h"

#include <string.h>

/* --- Where this replica is ----------------------------------------------------------------------
 */

uint64_t epoch_last(const struct node *node)
{
    return node->head.boundary > node->begun.height ? node->head.boundary : UINT64_MAX;
}

bool epoch_ends(const struct node *node)
{
    return !MUTANT(94) && node->head.height == epoch_last(node);
}

bool epoch_hurries(const struct node *node)
{
    bool nears = epoch_last(node) != UINT64_MAX && !epoch_ends(node) && !MUTANT(93);
    bool begins = node->epoch > 0 && node->head.height == node->begun.height && !MUTANT(107);
    return nears || begins;
}

/* --- Keys ---------------------------------------------------------------------------------------
 */

const struct node_key *epoch_own_key(const struct node *node, const struct roster *roster)
{
    const struct roster_member *self = roster_find(roster, node->rid);
    for (uint32_t i = 0; self != NULL && i < node->key_count; i++) {
        uint8_t sign_pk[PUBLIC_KEY_BYTES];
        uint8_t cosign_pk[PUBLIC_KEY_BYTES];
        node->scheme->public_key(node->keys[i].sign_seed, sign_pk);
        node->scheme->public_key(node->keys[i].cosign_seed, cosign_pk);
        if (memcmp(sign_pk, self->sign_pk, PUBLIC_KEY_BYTES) == 0 &&
            memcmp(cosign_pk, self->cosign_pk, PUBLIC_KEY_BYTES) == 0) {
            return &node->keys[i];
        }
    }
    return NULL;
}

const struct node_key *epoch_key(const struct node *node, uint64_t epoch)
{
    if (epoch == node->epoch) {
        return node->key;
    }
    return epoch == node->ended.epoch ? epoch_own_key(node, &node->ended.roster) : NULL;
}

const struct roster *epoch_roster(const struct node *node, uint64_t epoch)
{
    if (epoch == node->epoch) {
        return &node->roster;
    }
    return epoch == node->ended.epoch ? &node->ended.roster : NULL;
}

/* The keys of the epoch that this replica is in. Without them it follows and serves, asleep: it
 * must be started again when they are there. */
static void key_take(struct node *node, struct outbox *outbox)
{
    node->key = epoch_own_key(node, &node->roster);
    if (node->key == NULL) {
        node->awake = false;
        outbox_act(outbox, ACTION_ALARM)->text =
            "this replica has no key of the epoch that it is in: it follows and serves, and votes "
            "when it is started with the key that the log has for it";
    }
}

/* --- Entering -----------------------------------------------------------------------------------
 */

/* What stands for ever: by what the epoch before was closed, and what this one began with. */
static void epoch_put(const struct node *node, struct outbox *outbox)
{
    struct epoch_record record = {.epoch = node->epoch};
    struct buffer list = outbox_open_space(outbox);
    for (uint32_t i = 1; i <= SECTION_COUNT; i++) {
        struct section_record section;
        CHECK(epoch_next_section(node->state, (enum section)i, &section));
        struct buffer scratch = state_scratch(node->state, SCRATCH_RECORD);
        CHECK(section_record_encode(&section, &scratch));
        struct item_section element = {.value = buffer_bytes(&scratch)};
        CHECK(item_section_encode(&element, &list));
    }
    record.sections = (struct wire_list){outbox_take_space(outbox, &list), SECTION_COUNT};
    CHECK(stable_decode(bytes_make(node->stable_proof, node->stable_len), &record.stable) ==
          WIRE_OK);
    struct buffer space = outbox_open_space(outbox);
    CHECK(epoch_record_encode(&record, &space));
    if (!MUTANT(97)) {
        journal_put(outbox, JOURNAL_EPOCH, node->begun.height, outbox_take_space(outbox, &space));
    }
}

/* Views, complaints and what others said of them were those of the old epoch. */
static void views_forget(struct node *node, struct outbox *outbox)
{
    for (uint32_t i = 0; i < REPLICAS_MAX; i++) {
        if (i != node->self) {
            pool_give(&node->pool, node->changes[i].body.data);
        }
        node->changes[i] = (struct kept_change){0};
        node->peers[i].view = 0;
        node->peers[i].mode = MODE_ACTIVE;
    }
    journal_erase(outbox, JOURNAL_VIEW_CHANGE, 0);
    journal_erase(outbox, JOURNAL_NEW_VIEW, 0);
    node->accused_changes = 0;
    node->accused_new_views = 0;
    node->accused_denials = 0;
    denials_forget(node);
    memset(node->last_commits, 0, sizeof(node->last_commits));
    view_begin(node);
    queue_unmark_all(node->queue);
    if (node->mode == MODE_ACTIVE) {
        pace_view_over(&node->pace, node->roster.n);
    }
    node->waits_since_ms = 0;
    node->entered_height = node->head.height;
    node->planned = node->head.height;
    node->proposed = node->head.height;
}

static void epoch_enter(struct node *node, struct outbox *outbox)
{
    node->ended = node->begun;
    node->begun.epoch = node->epoch + 1;
    node->begun.height = node->head.height;
    CHECK(epoch_next_roster(node->state, &node->begun.roster));
    views_forget(node, outbox);
    node->roster = node->begun.roster;
    node->epoch = node->begun.epoch;
    node->view = MUTANT(99) ? node->view : 0;
    node->mode = node->mode == MODE_RECOVERING ? MODE_RECOVERING : MODE_ACTIVE;
    node->self = roster_index(&node->roster, node->rid);
    CHECK(node->self != ROSTER_NOBODY);
    node->attestations = (struct attestations){0};
    if (!MUTANT(102)) {
        key_take(node, outbox);
    }
    epoch_put(node, outbox);
    if (!MUTANT(100)) {
        view_put(node, outbox);
    }
    outbox_act(outbox, ACTION_ROSTER);
    node->status_due_ms = node->now_ms;
    outbox->again = true;
    node_note(node, "enters epoch %llu behind %llu", (unsigned long long)node->epoch,
              (unsigned long long)node->begun.height);
}

/* Blocks of the epoch before the last one could not be judged any more when they come. */
static bool history_is_missing(const struct node *node)
{
    return node->gap.last != 0 && node->gap.first <= node->begun.height;
}

void epoch_advance(struct node *node, struct outbox *outbox)
{
    if (epoch_ends(node) && node->window.stable == node->head.height && !history_is_missing(node)) {
        epoch_enter(node, outbox);
    }
}

/* --- Restoring ----------------------------------------------------------------------------------
 */

static bool roster_of_record(const struct epoch_record *record, struct roster *out)
{
    struct wire_iter iter = wire_iter_make(record->sections);
    struct item_section element;
    struct section_record section;
    for (uint32_t i = 1; i <= SECTION_REPLICAS; i++) {
        CHECK(item_section_next(&iter, &element)); /* there are eight */
    }
    return section_record_decode(element.value, &section) == WIRE_OK &&
           roster_parse(section.body, record->epoch, out);
}

/* The two newest are kept, in whichever order they come; the first epoch is the charter's. */
enum drop epoch_restored(struct node *node, uint64_t height, struct bytes value)
{
    struct epoch_record record;
    struct epoch_begun begun = {.height = height};
    if (epoch_record_decode(value, &record) != WIRE_OK ||
        !roster_of_record(&record, &begun.roster)) {
        return DROP_MALFORMED;
    }
    begun.epoch = record.epoch;
    if (begun.epoch > node->begun.epoch) {
        node->ended = node->begun;
        node->begun = begun;
    } else if (begun.epoch > node->ended.epoch) {
        node->ended = begun;
    }
    return DROP_NONE;
}

/* The roster with the standings that the state has: of its own epoch, or of the next one when the
 * node is in that already and has executed nothing of it. */
bool epoch_resume(struct node *node, struct outbox *outbox)
{
    struct clock_record clock;
    bool first = node->epoch == 0;
    if (!clock_read(node->state, &clock) || node->begun.epoch != node->epoch ||
        (!first && node->ended.epoch != node->epoch - 1)) {
        return false;
    }
    bool ahead = clock.epoch + 1 == node->epoch && node->head.height == node->begun.height;
    bool good = clock.epoch == node->epoch
                    ? roster_load(node->state, &node->roster)
                    : ahead && (MUTANT(105) ? roster_load(node->state, &node->roster)
                                            : epoch_next_roster(node->state, &node->roster));
    if (!good) {
        return false;
    }
    key_take(node, outbox);
    return true;
}
