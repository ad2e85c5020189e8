#include "replica/core/machine.h"

#include "crypto/hash.h"
#include "governance/apply.h"
#include "governance/epoch.h"
#include "governance/genesis.h"
#include "governance/records.h"
#include "governance/session.h"
#include "replica/core/building.h"
#include "replica/core/epoch.h"

#include <string.h>

/* A block that is being executed. */
struct run {
    struct node *node;
    bool governed; /* an entry of governance was appended */
    struct gov_results results;
    struct wire_iter payloads;
    struct building block;
};

/* The first position that each stream of the request gets; the others follow from stream_before. */
static void streams_take(struct run *run, const struct item_view *view)
{
    struct workspace *work = run->block.work;
    memset(work->stream_totals, 0, view->count * sizeof(work->stream_totals[0]));
    for (uint32_t i = 0; i < view->count; i++) {
        work->stream_totals[view->statements[i].stream_no]++;
    }
    for (uint32_t i = 0; i < view->count; i++) {
        const struct item_statement *statement = &view->statements[i];
        if (statement->stream_no != i) {
            continue;
        }
        uint64_t first = 0;
        CHECK(stream_append(run->node->state, statement->stream, work->stream_totals[i], &first));
        work->stream_indexes[work->leaf_count + i] = first;
    }
}

/* Step over the payloads of an item; `first` gets the first of them. */
static void payloads_skip(struct run *run, uint32_t count, struct bytes *first)
{
    *first = BYTES_EMPTY;
    for (uint32_t i = 0; i < count; i++) {
        struct payload payload;
        if (!payload_next(&run->payloads, &payload)) {
            return;
        }
        if (i == 0) {
            *first = payload.bytes;
        }
    }
}

static struct cap_context run_context(const struct run *run)
{
    return (struct cap_context){
        .state = run->node->state,
        .rights = &run->node->rights,
        .oracle = &run->node->oracle,
        .height = run->block.height,
        .time_ms = run->block.time_ms,
        .audience = 0,
        .cluster_id = run->node->cluster_id,
        .origin = &run->node->origin,
    };
}

static enum result_code item_judge(struct run *run, const struct item_view *view,
                                   struct bytes payload, struct cap_verdict *verdict)
{
    struct cap_context context = run_context(run);
    enum result_code code = cap_check(&context, view, verdict);
    if (code == RESULT_OK && view->request.op == OP_GOVERN) {
        code = gov_apply(run->node->state, &context, view, payload, &run->results);
    }
    return code;
}

static void result_append(struct run *run, const struct gov_result *result)
{
    static const uint8_t no_salt[SALT_BYTES];
    uint8_t bytes[GOV_RESULT_BYTES_MAX];
    struct buffer payload = buffer_make(bytes, sizeof(bytes));
    struct leaf leaf = {
        .index = run->block.frontier.size,
        .height = run->block.height,
        .time_ms = run->block.time_ms,
        .kind = LEAF_RESULT,
        .stream = bytes_of_text(GOVERNANCE_STREAM),
    };
    gov_result_put(result, &payload);
    struct bytes salted[] = {BYTES_OF_ARRAY(no_salt), buffer_bytes(&payload)};
    hash_parts(salted, 2, leaf.payload_hash);
    leaf.payload_len = payload.len;
    memcpy(leaf.request_id, result->pid, HASH_BYTES);
    CHECK(stream_append(run->node->state, leaf.stream, 1, &leaf.stream_index));
    CHECK(building_made(&run->block, &leaf, buffer_bytes(&payload)));
}

/* What governance brought about goes into the log. Where it moved a section, what is derived from
 * that follows before anything else is judged. */
static void results_append(struct run *run)
{
    struct node *node = run->node;
    for (uint32_t i = 0; i < run->results.count; i++) {
        result_append(run, &run->results.list[i]);
    }
    if (run->results.count > 0) {
        uint64_t replicas = node->rights.versions[SECTION_REPLICAS];
        run->governed = true;
        run->results.count = 0;
        CHECK(rights_refresh(&node->rights, node->state, NULL));
        CHECK(node->rights.versions[SECTION_REPLICAS] == replicas ||
              roster_load(node->state, &node->roster));
    }
}

/* The first block behind a boundary: its epoch begins, in the state too. */
static void epoch_run(struct run *run)
{
    struct node *node = run->node;
    if (node->head.boundary == node->head.height) {
        epoch_begin(node->state, run->block.height);
        CHECK(rights_refresh(&node->rights, node->state, NULL));
        CHECK(roster_load(node->state, &node->roster));
        CHECK(node->roster.epoch == node->epoch);
    }
}

static void due_run(struct run *run)
{
    struct cap_context context = run_context(run);
    gov_due(run->node->state, &context, &run->results);
    results_append(run);
}

/* A request that is in the log already, proposed once more: its author has, or can ask for, the
 * first result, and must not be told that the number was used. */
static bool is_repetition(const struct run *run, const struct item_view *view)
{
    struct session_result first;
    return session_result_find(run->node->state, view->session_key, view->request.request_no,
                               &first) &&
           hash_equal(first.request_id, view->request_id);
}

static void item_run(struct run *run, const struct item *item)
{
    struct node *node = run->node;
    struct item_view *view = &run->block.work->view;
    struct item_outcome outcome = {0};
    struct bytes payload;
    payloads_skip(run, item->statements.count, &payload);
    outcome.code = item_parse_with(&run->block.work->tokens, item, node->cluster_id, view);
    memcpy(outcome.request_id, view->request_id, HASH_BYTES);
    if (outcome.code == RESULT_OK) {
        struct cap_verdict verdict;
        outcome.code = item_judge(run, view, payload, &verdict);
        if (outcome.code != E_REPLAY || !is_repetition(run, view)) {
            memcpy(outcome.client, view->author_key, PUBLIC_KEY_BYTES);
        }
        if (outcome.code == RESULT_OK) {
            outcome.first_index = run->block.frontier.size;
            outcome.count = view->count;
            streams_take(run, view);
            building_entries(&run->block, view);
            run->governed = run->governed || view->request.op == OP_GOVERN;
            results_append(run);
        }
        struct cap_outcome charged = {(enum result_code)outcome.code, outcome.first_index,
                                      run->block.height};
        if (!MUTANT(6)) {
            cap_charge(node->state, &verdict, &charged);
        }
    }
    building_result(&run->block, &outcome);
}

static void clock_move(struct run *run)
{
    struct clock_record clock;
    CHECK(clock_read(run->node->state, &clock));
    clock.time_ms = run->block.time_ms;
    if (run->governed) {
        clock.last_governance_height = run->block.height;
    }
    CHECK(clock_write(run->node->state, &clock));
}

/* What a checkpoint adds: expired records go, then the root is taken, then noted for later ones. */
static void checkpoint_state(struct run *run, uint8_t root[HASH_BYTES])
{
    struct node *node = run->node;
    if (state_retire(node->state, run->block.time_ms)) {
        bool moved = false;
        CHECK(rights_refresh(&node->rights, node->state, &moved));
    }
    state_root(node->state, root);
    CHECK(roots_note(node->state, run->block.height, root));
}

static void header_make(struct run *run, const uint8_t *digest, struct block_header *header,
                        uint8_t hashes[2][HASH_BYTES])
{
    struct node *node = run->node;
    struct clock_record clock;
    if (run->block.height % node_param(node, PARAM_CHECKPOINT_INTERVAL) == 0) {
        checkpoint_state(run, hashes[0]);
        header->state_root = bytes_make(hashes[0], HASH_BYTES);
    }
    CHECK(clock_read(node->state, &clock));
    if (run->block.height == clock.pending_boundary && !MUTANT(103)) {
        epoch_next_config_hash(node->state, hashes[1]);
        header->next_config_hash = bytes_make(hashes[1], HASH_BYTES);
    }
    header->epoch = node->epoch;
    header->height = run->block.height;
    header->tree_size = run->block.frontier.size;
    header->time_ms = run->block.time_ms;
    header->last_governance_height = clock.last_governance_height;
    header->pending_boundary = clock.pending_boundary;
    memcpy(header->cluster_id, node->cluster_id, HASH_BYTES);
    memcpy(header->prev_header_hash, node->head.header_hash, HASH_BYTES);
    memcpy(header->batch_digest, digest, HASH_BYTES);
    building_result_root(&run->block, header->result_root);
    merkle_root(&run->block.frontier, header->tree_root);
    memcpy(header->config_hash, node->rights.config_hash, HASH_BYTES);
}

static void head_move(struct run *run, const struct block_header *header)
{
    struct head *head = &run->node->head;
    struct buffer bytes = buffer_make(head->header, sizeof(head->header));
    CHECK(block_header_encode(header, &bytes));
    head->header_len = bytes.len;
    head->height = run->block.height;
    head->time_ms = run->block.time_ms;
    head->boundary = header->pending_boundary;
    head->frontier = run->block.frontier;
    hash_bytes(buffer_bytes(&bytes), head->header_hash);
    attest_own(run->node);
}

static void outcome_emit(struct run *run)
{
    struct node *node = run->node;
    struct outbox *outbox = run->block.outbox;
    struct workspace *work = node->work;
    work->outcome = (struct block_outcome){
        .height = run->block.height,
        .time_ms = run->block.time_ms,
        .attest = node_may_sign(node) ? attest_body(node, outbox) : BYTES_EMPTY,
        .header = outbox_keep(outbox, bytes_make(node->head.header, node->head.header_len)),
        .items = work->items,
        .item_count = work->item_count,
        .first_index = run->block.first_index,
        .leaf_count = work->leaf_count,
        .leaf_hashes = work->leaf_hashes[0],
        .stream_indexes = work->stream_indexes,
        .before = &work->before,
    };
    outbox_act(outbox, ACTION_EXECUTED)->outcome = &work->outcome;
}

static void block_put_all(struct run *run)
{
    struct node *node = run->node;
    struct block_identity identity = head_identity(&node->head);
    building_put(&run->block, &identity);
    state_put_changes(node->state, run->block.outbox);
    if (!MUTANT(10)) {
        head_put(node, run->block.outbox);
    }
}

void machine_apply(struct node *node, const struct block_input *input, struct outbox *outbox)
{
    struct batch batch = {.time_ms = 0};
    struct payloads payloads = {0};
    if (input->batch.len > 0) {
        /* Checked before it was accepted; a certificate vouches for the rest. */
        CHECK(batch_decode(input->batch, &batch) == WIRE_OK);
        CHECK(payloads_decode(input->payloads, &payloads) == WIRE_OK);
    }
    struct run run = {.node = node, .payloads = wire_iter_make(payloads.list)};
    run.block = building_make(node, &node->head.frontier, outbox);
    run.block.height = input->sequence;
    bool later = batch.time_ms > node->head.time_ms || MUTANT(12);
    run.block.time_ms = later ? batch.time_ms : node->head.time_ms;
    state_mark(node->state);
    epoch_run(&run);
    due_run(&run);
    struct wire_iter items = wire_iter_make(batch.items);
    struct item item;
    while (item_next(&items, &item)) {
        item_run(&run, &item);
    }
    clock_move(&run);
    uint8_t hashes[2][HASH_BYTES];
    struct block_header header = {0};
    header_make(&run, input->digest, &header, hashes);
    head_move(&run, &header);
    block_put_all(&run);
    outcome_emit(&run);
}

bool machine_genesis(struct node *node, struct outbox *outbox)
{
    uint8_t leaf_bytes[LEAF_BYTES_MAX];
    struct head *head = &node->head;
    struct buffer header = buffer_make(head->header, sizeof(head->header));
    struct buffer leaf = buffer_make(leaf_bytes, sizeof(leaf_bytes));
    state_mark(node->state);
    if (!genesis_apply(&node->charter, node->state)) {
        return false;
    }
    genesis_block(&node->charter, node->state, &header, &leaf);
    struct block_header decoded;
    struct leaf decoded_leaf;
    CHECK(block_header_decode(buffer_bytes(&header), &decoded) == WIRE_OK);
    CHECK(leaf_decode(buffer_bytes(&leaf), &decoded_leaf) == WIRE_OK);
    CHECK(decoded.state_root.len == HASH_BYTES);
    CHECK(roots_note(node->state, 0, decoded.state_root.data));
    head->height = 0;
    head->time_ms = decoded.time_ms;
    head->boundary = decoded.pending_boundary;
    head->header_len = header.len;
    hash_bytes(buffer_bytes(&header), head->header_hash);
    struct run run = {.node = node, .block = building_make(node, &head->frontier, outbox)};
    building_leaf(&run.block, &decoded_leaf);
    head->frontier = run.block.frontier;
    attest_own(node);
    charter_payload_put(node, outbox);
    block_put_all(&run);
    return true;
}
