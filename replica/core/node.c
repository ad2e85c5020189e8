#include "replica/core/node.h"

#include "crypto/hash.h"
#include "replica/core/epoch.h"
#include "replica/core/machine.h"
#include "storage/record.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool node_is_primary(const struct node *node)
{
    return roster_primary(&node->roster, node->view)->rid == node->rid;
}

uint64_t node_param(const struct node *node, enum param param)
{
    return rights_param(&node->rights, param);
}

uint32_t node_member(const struct node *node, uint64_t rid)
{
    if (rid > UINT32_MAX) {
        return REPLICAS_MAX;
    }
    uint32_t member = roster_index(&node->roster, (uint32_t)rid);
    return member == ROSTER_NOBODY ? REPLICAS_MAX : member;
}

/* Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. */
uint64_t node_jitter(struct node *node, uint64_t range)
{
    node->jitter += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = node->jitter;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (mixed ^ mixed >> 31) % range;
}

void node_note(const struct node *node, const char *format, ...)
{
    if (node->trace == NULL) {
        return;
    }
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    node->trace(node->trace_context, line);
}

void node_halt(struct node *node, const char *text, struct outbox *outbox)
{
    node->halted = true;
    outbox_act(outbox, ACTION_HALT)->text = text;
    node_note(node, "halted: %s", text);
}

void journal_put(struct outbox *outbox, uint8_t kind, uint64_t height, struct bytes value)
{
    struct record_key key = record_key_journal(kind, height);
    outbox_put(outbox, FAMILY_JOURNAL, record_key_bytes(&key), value);
}

void journal_erase(struct outbox *outbox, uint8_t kind, uint64_t height)
{
    struct record_key key = record_key_journal(kind, height);
    outbox_erase(outbox, FAMILY_JOURNAL, record_key_bytes(&key));
}

/* The oracle of execution. Signatures that never depend on state were verified before the batch was
 * accepted; the cache holds what was asked before, block 0's among it. */
static bool oracle_good(void *context, const uint8_t public_key[PUBLIC_KEY_BYTES],
                        const uint8_t statement[STATEMENT_BYTES], const uint8_t sig[SIG_BYTES])
{
    static const char request_tag[] = "vestry/1/request";
    struct node *node = context;
    if (memcmp(statement, request_tag, sizeof(request_tag)) == 0) {
        return true; /* job_verify did, for every request that reaches execution */
    }
    return sig_cache_check(node->sig_cache, public_key, statement, sig);
}

static bool oracle_key_valid(void *context, const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    (void)context;
    (void)public_key;
    return true; /* item_shape did, in job_verify */
}

static enum status identity_set(struct node *node, const struct node_config *config)
{
    struct charter_file file;
    if (charter_file_decode(config->charter_file, &file) != WIRE_OK) {
        return STATUS_INVALID;
    }
    uint8_t *body = malloc(file.charter.len);
    if (body == NULL) {
        return STATUS_NO_MEMORY;
    }
    memcpy(body, file.charter.data, file.charter.len);
    node->charter_body = bytes_make(body, file.charter.len);
    if (charter_parse(node->charter_body, &node->charter) != WIRE_OK ||
        !roster_of_charter(node->charter_body, &node->roster) ||
        !origin_make(node->charter.charter.name, node->charter.cluster_id, &node->origin)) {
        return STATUS_INVALID;
    }
    node->begun.roster = node->roster;
    node->key = epoch_own_key(node, &node->roster);
    node->self = roster_index(&node->roster, config->rid);
    memcpy(node->cluster_id, node->charter.cluster_id, HASH_BYTES);
    return node->self == ROSTER_NOBODY ? STATUS_INVALID : STATUS_OK;
}

static enum status parts_open(struct node *node, const struct node_config *config)
{
    node->work = calloc(1, sizeof(*node->work));
    if (node->work == NULL) {
        return STATUS_NO_MEMORY;
    }
    node->work->tokens = (struct token_memo){node->work->token_entries, TOKENS_REMEMBERED};
    enum status status = pool_open(&node->pool, config->pool_bytes);
    if (status == STATUS_OK) {
        status = queue_open(&node->pool, config->jitter_seed, &node->queue);
    }
    if (status == STATUS_OK) {
        status = sig_cache_open(config->scheme, &node->sig_cache);
    }
    if (status == STATUS_OK) {
        status = state_open(config->state_records_max, config->state_bytes_max, config->jitter_seed,
                            &node->state);
    }
    if (status == STATUS_OK) {
        status = state_open(config->state_records_max, config->state_bytes_max, config->jitter_seed,
                            &node->fetched);
    }
    return status;
}

enum status node_open(const struct node_config *config, struct node **out)
{
    struct node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        return STATUS_NO_MEMORY;
    }
    node->scheme = config->scheme;
    CHECK(config->key_count >= 1);
    CHECK(config->key_count <= NODE_KEYS_MAX);
    memcpy(node->keys, config->keys, config->key_count * sizeof(node->keys[0]));
    node->key_count = config->key_count;
    node->rid = config->rid;
    node->jitter = config->jitter_seed;
    node->snapshot_span = config->snapshot_span != 0 ? config->snapshot_span : SNAPSHOT_SPAN_USUAL;
    node->mode = MODE_ACTIVE;
    node->oracle = (struct sig_oracle){node, oracle_good, oracle_key_valid};
    rights_init(&node->rights);
    enum status status = identity_set(node, config);
    if (status == STATUS_OK) {
        status = parts_open(node, config);
    }
    if (status != STATUS_OK) {
        node_close(node);
        return status;
    }
    *out = node;
    return STATUS_OK;
}

void node_close(struct node *node)
{
    if (node == NULL) {
        return;
    }
    state_close(node->state);
    state_close(node->fetched);
    sig_cache_close(node->sig_cache);
    queue_close(node->queue);
    pool_close(&node->pool);
    free(node->work);
    free((void *)(uintptr_t)node->charter_body.data);
    free(node);
}

static enum drop dispatch(struct node *node, uint32_t from, const struct message *message,
                          struct outbox *outbox)
{
    switch (message->envelope.type) {
    case MESSAGE_REQUEST:
        return on_request(node, from, message, outbox);
    case MESSAGE_PRE_PREPARE:
        return on_pre_prepare(node, message, outbox);
    case MESSAGE_PREPARE:
        return on_prepare(node, message, outbox);
    case MESSAGE_COMMIT:
        return on_commit(node, message, outbox);
    case MESSAGE_ATTEST:
        return on_attest(node, message, outbox);
    case MESSAGE_COMPLAIN:
        return on_complain(node, message, outbox);
    case MESSAGE_VIEW_CHANGE:
        return on_view_change(node, message, outbox);
    case MESSAGE_NEW_VIEW:
        return on_new_view(node, message, outbox);
    case MESSAGE_STATUS:
        return on_status(node, message, outbox);
    case MESSAGE_CHALLENGE:
        return on_challenge(node, message, outbox);
    case MESSAGE_CHALLENGE_ANSWER:
        return on_challenge_answer(node, message, outbox);
    case MESSAGE_DATA:
        return on_data(node, from, message, outbox);
    default:
        return DROP_TYPE;
    }
}

static enum drop on_message(struct node *node, const struct event *event, struct outbox *outbox)
{
    struct message message;
    enum drop drop = message_inspect(node, event->from, event->frame, &message);
    if (drop != DROP_NONE) {
        return drop;
    }
    if (message.envelope.type < sizeof(node->received) / sizeof(node->received[0])) {
        node->received[message.envelope.type]++;
    }
    return dispatch(node, event->from, &message, outbox);
}

static enum drop on_refused_frame(struct node *node, const struct event *event,
                                  struct outbox *outbox)
{
    struct message message;
    enum drop drop = message_split(event->frame, &message);
    bool is_data = drop == DROP_NONE && message.envelope.type == MESSAGE_DATA;
    if (is_data && event->verdict == DROP_EPOCH) {
        on_foreign_data(node, event->from, &message, outbox);
        return DROP_EPOCH;
    }
    if (is_data) {
        on_bad_data(node, event->from, outbox);
        return on_refused(node, &message, event->verdict, outbox);
    }
    if (drop == DROP_NONE) {
        drop = message_inspect(node, event->from, event->frame, &message);
    }
    return drop == DROP_NONE ? on_refused(node, &message, event->verdict, outbox) : drop;
}

static void spent_give(struct node *node)
{
    for (uint32_t i = 0; i < node->spent_count; i++) {
        pool_give(&node->pool, node->spent[i]);
    }
    node->spent_count = 0;
}

/* What holds after every step, whatever came in. */
static void invariant(const struct node *node)
{
    CHECK(node->window.stable <= node->head.height || node->halted || !node->started);
    CHECK(node->head.frontier.size >= 1 || !node->started);
    /* A head that certificates carried beyond the window, and a NEW-VIEW's O, may be beyond it. */
    CHECK(node->proposed <= node->window.stable + WINDOW_MAX || node->proposed <= node->planned ||
          node->proposed <= node->head.height || !node->started);
    const struct slot *late = &node->late[node->head.height % LATE_MAX];
    CHECK(late->sequence == 0 || late->sequence > node->head.height);
}

/* What follows from any event: execution, proposals, and when to be woken. */
static void settle(struct node *node, struct outbox *outbox)
{
    if (!node->started || node->halted) {
        return;
    }
    bool executed = machine_advance(node, outbox);
    epoch_advance(node, outbox);
    bool filled = !node->halted && history_advance(node, outbox);
    view_note_wait(node);
    if (!node->halted) {
        view_leave_barred(node, outbox);
        propose(node, outbox);
        if (executed) {
            catch_up(node, outbox);
        }
    }
    outbox->again = outbox->again || executed || filled;
    outbox_wake(outbox, node->status_due_ms);
    outbox_wake(outbox, view_wake_ms(node));
    outbox_wake(outbox, attest_due_ms(node));
}

enum drop node_step(struct node *node, const struct event *event, struct outbox *outbox)
{
    enum drop drop = DROP_NONE;
    spent_give(node);
    outbox_clear(outbox);
    node->now_ms = event->now_ms;
    node->wall_ms = event->wall_ms;
    node->arriving = event->arriving;
    switch (event->kind) {
    case EVENT_RESTORED:
        return node->started ? DROP_NOT_WANTED : on_restored(node, &event->record);
    case EVENT_STARTED:
        CHECK(!node->started);
        on_started(node, outbox);
        break;
    case EVENT_MESSAGE:
        drop = on_message(node, event, outbox);
        break;
    case EVENT_REFUSED:
        drop = on_refused_frame(node, event, outbox);
        break;
    case EVENT_TICK:
        if (node->started && !node->halted) {
            on_tick(node, outbox);
        }
        break;
    }
    if (drop < DROP_COUNT) {
        node->drops[drop]++;
    }
    settle(node, outbox);
    invariant(node);
    return drop;
}

void node_look(const struct node *node, struct node_look *out)
{
    *out = (struct node_look){
        .epoch = node->epoch,
        .view = node->view,
        .mode = node->mode,
        .primary = roster_primary(&node->roster, node->view)->rid,
        .boundary = epoch_last(node),
        .keyless = node->key == NULL,
        .stable = node->window.stable,
        .executed = node->head.height,
        .tree_size = node->head.frontier.size,
        .time_ms = node->head.time_ms,
        .queued = queue_waiting(node->queue),
        .missing = node->gap.last == 0 ? 0 : node->gap.last - node->gap.first + 1,
        .snapshots = node->snapshots,
        .behind = is_far_behind(node),
        .awake = node->awake,
        .halted = node->halted,
        .peer_count = node->roster.n,
    };
    memcpy(out->header_hash, node->head.header_hash, HASH_BYTES);
    memcpy(out->config_hash, node->rights.config_hash, HASH_BYTES);
    memcpy(out->drops, node->drops, sizeof(out->drops));
    memcpy(out->received, node->received, sizeof(out->received));
    for (uint32_t i = window_used_from(&node->window, 0); i < WINDOW_MAX;
         i = window_used_from(&node->window, i + 1)) {
        const struct slot *slot = &node->window.slots[i];
        bool flies = slot->sequence > node->head.height && slot->stage != SLOT_EMPTY;
        out->in_flight += flies ? 1 : 0;
    }
    for (uint32_t i = 0; i < node->roster.n; i++) {
        out->peers[i].rid = node->roster.members[i].rid;
        out->peers[i].executed = node->peers[i].executed;
        out->peers[i].heard_ms = node->peers[i].heard_ms;
        out->peers[i].banned = sources_banned(&node->sources, i, node->now_ms);
    }
}

bool node_may_sign(const struct node *node)
{
    return node->awake && node->mode != MODE_RECOVERING;
}

const struct state *node_state(const struct node *node)
{
    return node->state;
}

const struct rights *node_rights(const struct node *node)
{
    return &node->rights;
}

const struct roster *node_roster(const struct node *node)
{
    return &node->roster;
}

const struct roster *node_roster_ended(const struct node *node)
{
    return node->epoch > 0 ? &node->ended.roster : NULL;
}

uint32_t node_key_in_force(const struct node *node)
{
    const struct node_key *key = epoch_own_key(node, &node->begun.roster);
    return key == NULL ? NODE_KEYS_MAX : (uint32_t)(key - node->keys);
}

const uint8_t *node_cluster_id(const struct node *node)
{
    return node->cluster_id;
}

struct bytes node_charter_name(const struct node *node)
{
    return node->charter.charter.name;
}

void node_trace_to(struct node *node, node_trace *trace, void *context)
{
    node->trace = trace;
    node->trace_context = context;
}
