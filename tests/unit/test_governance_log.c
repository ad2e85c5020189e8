/* What governance decides goes into the log: leaves of kind result, their payloads, the header, the
 * roster of the node, and the blocks below a snapshot. */
#include "crypto/hash.h"
#include "crypto/receipt.h"
#include "governance/records.h"
#include "replica/core/node_parts.h"
#include "replica/host/history_make.h"
#include "storage/record.h"
#include "tests/support/gov_stage.h"
#include "tests/support/host_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct host_log *log;
    struct log_reader *reader;
    struct store_view *view;
    struct gov_stage stage; /* makes what the officers sign */
    struct gov_plan plan;
    struct node *again; /* the node after a restart */
    struct outbox outbox;
};

static const struct gov_vote votes[] = {
    {.mid = "m1", .choice = CHOICE_YES},
    {.mid = "m2", .choice = CHOICE_YES},
};

static int setup(void **state)
{
    void *log = NULL;
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_int_equal(host_log_setup(&log), 0);
    fixture->log = log;
    assert_int_equal(log_reader_open(&fixture->reader), STATUS_OK);
    stage_open(&fixture->stage, CORE_NODES, false, 1000);
    memcpy(fixture->stage.world.charter.cluster_id, fixture->log->core->world.charter.cluster_id,
           HASH_BYTES);
    stage_plan_replica(&fixture->stage, &fixture->plan, ACTION_REPLICA_SUSPEND, 2);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    void *log = fixture->log;
    log_reader_close(fixture->reader);
    stage_close(&fixture->stage);
    free(fixture);
    return host_log_teardown(&log);
}

static struct node *node_of(const struct fixture *fixture)
{
    return fixture->log->core->nodes[HOST_LOG_NODE];
}

static void picture_open(struct fixture *fixture)
{
    assert_int_equal(store_view_open(fixture->log->store, &fixture->view), STATUS_OK);
    log_reader_use(fixture->reader, fixture->view);
}

static void picture_close(struct fixture *fixture)
{
    assert_false(log_reader_damaged(fixture->reader));
    log_reader_use(fixture->reader, NULL);
    store_view_close(fixture->view);
}

/* The proposal and its two ballots, to be ordered with the next block. */
static void bundle_bring(struct fixture *fixture)
{
    assert_int_equal(stage_bundle(&fixture->stage, &fixture->plan, votes, 2), RESULT_OK);
    fixture->log->governance = fixture->stage.payload;
}

static void proposal_bring(struct fixture *fixture)
{
    fixture->plan.body.deadline_ms = fixture->log->core->wall_ms + 1000;
    assert_int_equal(stage_propose(&fixture->stage, &fixture->plan), RESULT_OK);
    fixture->log->governance = fixture->stage.payload;
}

static struct leaf leaf_of(struct fixture *fixture, uint64_t index)
{
    struct bytes bytes;
    struct leaf leaf;
    assert_true(log_leaf(fixture->reader, index, &bytes));
    assert_int_equal(leaf_decode(bytes, &leaf), WIRE_OK);
    return leaf;
}

/* The leaf is a result of the fixture's proposal, and its payload says so. */
static void assert_result(struct fixture *fixture, uint64_t index, enum proposal_state expected,
                          enum result_code reason)
{
    static const uint8_t zero[HASH_BYTES];
    struct log_entry entry;
    struct governance_payload payload;
    struct governance_result result;
    const struct leaf leaf = leaf_of(fixture, index);
    assert_int_equal(leaf.kind, LEAF_RESULT);
    assert_int_equal(leaf.position, 0);
    assert_memory_equal(leaf.author, zero, HASH_BYTES);
    assert_memory_equal(leaf.request_id, fixture->plan.pid, HASH_BYTES);
    assert_true(bytes_equal(leaf.stream, bytes_of_text(GOVERNANCE_STREAM)));
    assert_true(log_entry(fixture->reader, index, &leaf, &entry));
    assert_false(entry.has_item);
    assert_int_equal(receipt_payload_verify(&leaf, entry.payload.salt, entry.payload.bytes),
                     RECEIPT_OK);
    assert_int_equal(governance_payload_decode(entry.payload.bytes, &payload), WIRE_OK);
    assert_int_equal(payload.type, GOV_RESULT);
    assert_int_equal(governance_result_decode(payload.body, &result), WIRE_OK);
    assert_memory_equal(result.pid, fixture->plan.pid, HASH_BYTES);
    assert_int_equal(result.state, expected);
    assert_int_equal(result.reason, reason);
}

static void what_a_request_brings_about_stands_right_behind_it(void **state)
{
    struct fixture *fixture = *state;
    host_log_block(fixture->log, 1, 1);
    const struct block_header before = host_log_header(fixture->log);
    uint8_t config[HASH_BYTES];
    memcpy(config, before.config_hash, HASH_BYTES);
    bundle_bring(fixture);
    host_log_block(fixture->log, 3, 2);
    const struct block_header header = host_log_header(fixture->log);
    assert_int_equal(header.last_governance_height, 2);
    assert_memory_not_equal(header.config_hash, config, HASH_BYTES);
    assert_int_equal(header.tree_size, 2 + 3 * 2 + 2);
    picture_open(fixture);
    assert_int_equal(leaf_of(fixture, 3).kind, LEAF_DATA);
    assert_int_equal(leaf_of(fixture, 4).kind, LEAF_GOVERNANCE);
    assert_int_equal(leaf_of(fixture, 4).stream_index, 1);
    assert_result(fixture, 5, PROPOSAL_ENACTED, RESULT_OK);
    assert_int_equal(leaf_of(fixture, 5).stream_index, 2);
    assert_int_equal(leaf_of(fixture, 6).kind, LEAF_DATA);
    picture_close(fixture);
    /* The next block is as quiet as the one before. */
    host_log_block(fixture->log, 1, 1);
    assert_int_equal(host_log_header(fixture->log).last_governance_height, 2);
}

static void the_nodes_roster_follows_the_section(void **state)
{
    struct fixture *fixture = *state;
    const struct roster *roster = node_roster(node_of(fixture));
    assert_int_equal(roster_find(roster, 2)->standing, STANDING_ACTIVE);
    bundle_bring(fixture);
    host_log_block(fixture->log, 1, 1);
    assert_int_equal(roster_find(roster, 2)->standing, STANDING_SUSPENDED);
    assert_int_equal(roster_find(roster, 1)->standing, STANDING_ACTIVE);
    assert_int_equal(roster->n, CORE_NODES);
    assert_int_equal(roster->q, 3);
}

static bool restore(void *context, enum family family, struct bytes key, struct bytes value)
{
    struct fixture *fixture = context;
    const struct event event = {
        .kind = EVENT_RESTORED,
        .record = {.family = family, .key = key, .value = value},
    };
    return node_step(fixture->again, &event, &fixture->outbox) == DROP_NONE;
}

static bool restore_state(void *context, struct bytes key, struct bytes value)
{
    return restore(context, FAMILY_STATE, key, value);
}

static bool restore_journal(void *context, struct bytes key, struct bytes value)
{
    return restore(context, FAMILY_JOURNAL, key, value);
}

static void a_restart_finds_the_roster_and_the_rights_as_they_were(void **state)
{
    struct fixture *fixture = *state;
    struct core_fixture *core = fixture->log->core;
    const struct node *node = node_of(fixture);
    const struct node_config config = {
        .rid = HOST_LOG_NODE,
        .charter_file = gov_fixture_file(&core->charter),
        .scheme = core->charter.scheme,
        .keys = &(struct node_key){core->seeds[HOST_LOG_NODE][0], core->seeds[HOST_LOG_NODE][1]},
        .key_count = 1,
        .pool_bytes = (size_t)8 << 20,
        .state_records_max = 10000,
        .state_bytes_max = 1u << 22,
    };
    const struct event started = {.kind = EVENT_STARTED, .now_ms = 1000, .wall_ms = core->wall_ms};
    bundle_bring(fixture);
    host_log_block(fixture->log, 1, 1);
    assert_int_equal(node_open(&config, &fixture->again), STATUS_OK);
    assert_int_equal(outbox_open(&fixture->outbox), STATUS_OK);
    assert_int_equal(
        store_scan(fixture->log->store, FAMILY_STATE, BYTES_EMPTY, restore_state, fixture),
        STATUS_OK);
    assert_int_equal(
        store_scan(fixture->log->store, FAMILY_JOURNAL, BYTES_EMPTY, restore_journal, fixture),
        STATUS_OK);
    assert_int_equal(node_step(fixture->again, &started, &fixture->outbox), DROP_NONE);
    assert_int_equal(roster_find(node_roster(fixture->again), 2)->standing, STANDING_SUSPENDED);
    assert_memory_equal(fixture->again->rights.config_hash, node->rights.config_hash, HASH_BYTES);
    assert_memory_equal(fixture->again->head.header_hash, node->head.header_hash, HASH_BYTES);
    node_close(fixture->again);
    outbox_close(&fixture->outbox);
}

static void what_is_due_stands_before_the_blocks_requests(void **state)
{
    struct fixture *fixture = *state;
    proposal_bring(fixture);
    host_log_block(fixture->log, 1, 1);
    assert_int_equal(host_log_header(fixture->log).last_governance_height, 1);
    fixture->log->core->wall_ms += 999;
    host_log_block(fixture->log, 1, 1);
    assert_int_equal(host_log_header(fixture->log).last_governance_height, 1);
    fixture->log->core->wall_ms += 1;
    host_log_block(fixture->log, 1, 1);
    assert_int_equal(host_log_header(fixture->log).last_governance_height, 3);
    assert_int_equal(host_log_header(fixture->log).tree_size, 6);
    picture_open(fixture);
    assert_result(fixture, 4, PROPOSAL_EXPIRED, E_THRESHOLD);
    assert_int_equal(leaf_of(fixture, 5).kind, LEAF_DATA);
    picture_close(fixture);
}

static void a_block_without_requests_may_have_results(void **state)
{
    struct fixture *fixture = *state;
    proposal_bring(fixture);
    host_log_block(fixture->log, 1, 1);
    fixture->log->core->wall_ms += 1000;
    host_log_block(fixture->log, 0, 0);
    assert_int_equal(host_log_header(fixture->log).tree_size, 4);
    picture_open(fixture);
    assert_result(fixture, 3, PROPOSAL_EXPIRED, E_THRESHOLD);
    picture_close(fixture);
}

/* --- Below a snapshot ------------------------------------------------------------------------ */

/* The block of that height as another replica would be sent it. */
static struct bytes parcel_make(struct fixture *fixture, uint64_t height)
{
    static uint8_t memory[1u << 20];
    struct buffer out = buffer_make(memory, sizeof(memory));
    struct history_maker *maker = NULL;
    picture_open(fixture);
    assert_int_equal(history_maker_open(fixture->reader, &maker), STATUS_OK);
    assert_true(history_make(maker, height, bytes_of_text("commit"), &out));
    history_maker_close(maker);
    picture_close(fixture);
    return buffer_bytes(&out);
}

static bool rebuilds(struct fixture *fixture, struct bytes attachment)
{
    struct core_fixture *core = fixture->log->core;
    struct history_parcel parcel;
    struct block_header header;
    struct merkle_frontier after;
    uint8_t hash[HASH_BYTES];
    assert_int_equal(history_parcel_decode(attachment, &parcel), WIRE_OK);
    assert_int_equal(block_header_decode(parcel.header, &header), WIRE_OK);
    hash_bytes(parcel.header, hash);
    outbox_clear(&core->outbox);
    const bool good = history_block(core->nodes[0], attachment, hash, &after, &core->outbox);
    assert_true(!good || after.size == header.tree_size);
    assert_true(good || core->outbox.put_count == 0);
    return good;
}

/* What was just rebuilt is what the replica that executed it stored. */
static uint32_t assert_same_records(struct fixture *fixture)
{
    const struct outbox *outbox = &fixture->log->core->outbox;
    static uint8_t memory[1u << 18];
    uint32_t payloads = 0;
    for (uint32_t i = 0; i < outbox->put_count; i++) {
        const struct put *put = &outbox->puts[i];
        struct buffer value = buffer_make(memory, sizeof(memory));
        if (put->family != FAMILY_LEAVES && put->family != FAMILY_PAYLOADS &&
            put->family != FAMILY_STREAMS) {
            continue;
        }
        assert_int_equal(store_get(fixture->log->store, put->family, put->key, &value), STATUS_OK);
        assert_true(bytes_equal(buffer_bytes(&value), put->value));
        payloads += put->family == FAMILY_PAYLOADS ? 1 : 0;
    }
    return payloads;
}

static void results_are_rebuilt_with_the_blocks_below_a_snapshot(void **state)
{
    struct fixture *fixture = *state;
    struct history_parcel parcel;
    bundle_bring(fixture);
    host_log_block(fixture->log, 2, 2);
    stage_plan_replica(&fixture->stage, &fixture->plan, ACTION_REPLICA_RESTORE, 2);
    proposal_bring(fixture);
    host_log_block(fixture->log, 1, 1);
    fixture->log->core->wall_ms += 1000;
    host_log_block(fixture->log, 0, 0);
    for (uint64_t height = 1; height <= 3; height++) {
        const struct bytes attachment = parcel_make(fixture, height);
        assert_int_equal(history_parcel_decode(attachment, &parcel), WIRE_OK);
        assert_int_equal(parcel.made.count, height == 2 ? 0 : 1);
        assert_true(rebuilds(fixture, attachment));
        assert_int_equal(assert_same_records(fixture), height == 2 ? 1 : 2);
    }
}

enum lie {
    LIE_LEFT_OUT,
    LIE_TWICE,
    LIE_PAYLOAD,
    LIE_LENGTH,
    LIE_KIND,
    LIE_PLACE,
    LIE_TIME,
    LIE_JUNK,
    LIE_COUNT,
};

static void made_lie(struct history_parcel *parcel, enum lie lie, struct buffer *list)
{
    struct wire_iter iter = wire_iter_make(parcel->made);
    struct made_leaf made;
    struct leaf leaf;
    static uint8_t leaf_bytes[LEAF_BYTES_MAX];
    struct buffer out = buffer_make(leaf_bytes, sizeof(leaf_bytes));
    assert_true(made_leaf_next(&iter, &made));
    assert_int_equal(leaf_decode(made.leaf, &leaf), WIRE_OK);
    made.payload = lie == LIE_PAYLOAD ? bytes_of_text("junk") : made.payload;
    leaf.payload_len = lie == LIE_PAYLOAD ? 4 : leaf.payload_len;
    leaf.payload_len += lie == LIE_LENGTH ? 1 : 0;
    leaf.kind = lie == LIE_KIND ? LEAF_DATA : leaf.kind;
    leaf.index += lie == LIE_PLACE ? 1 : 0;
    leaf.time_ms += lie == LIE_TIME ? 1 : 0;
    assert_true(leaf_encode(&leaf, &out));
    made.leaf = lie == LIE_JUNK ? bytes_of_text("junk") : buffer_bytes(&out);
    parcel->made.count = 0;
    for (int i = 0; i < (lie == LIE_TWICE ? 2 : lie == LIE_LEFT_OUT ? 0 : 1); i++) {
        assert_true(made_leaf_encode(&made, list));
        parcel->made.count++;
    }
    parcel->made.raw = buffer_bytes(list);
}

static void no_result_can_be_invented_hidden_or_changed(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t forged_bytes[1u << 18];
    static uint8_t list_bytes[4096];
    bundle_bring(fixture);
    host_log_block(fixture->log, 2, 2);
    for (enum lie lie = LIE_LEFT_OUT; lie < LIE_COUNT; lie++) {
        struct history_parcel parcel;
        struct buffer list = buffer_make(list_bytes, sizeof(list_bytes));
        struct buffer forged = buffer_make(forged_bytes, sizeof(forged_bytes));
        assert_int_equal(history_parcel_decode(parcel_make(fixture, 1), &parcel), WIRE_OK);
        made_lie(&parcel, lie, &list);
        assert_true(history_parcel_encode(&parcel, &forged));
        assert_false(rebuilds(fixture, buffer_bytes(&forged)));
    }
}

static void an_entry_of_which_the_payload_is_gone_is_not_served(void **state)
{
    struct fixture *fixture = *state;
    struct log_entry entry;
    bundle_bring(fixture);
    host_log_block(fixture->log, 1, 1);
    picture_open(fixture);
    struct leaf leaf = leaf_of(fixture, 3);
    const struct record_key key = record_key_payloads(leaf.payload_hash);
    picture_close(fixture);
    const struct put put = {
        .family = FAMILY_PAYLOADS, .erase = true, .key = record_key_bytes(&key)};
    assert_int_equal(store_commit(fixture->log->store, &put, 1), STATUS_OK);
    picture_open(fixture);
    leaf = leaf_of(fixture, 3);
    assert_false(log_entry(fixture->reader, 3, &leaf, &entry));
    picture_close(fixture);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_a_request_brings_about_stands_right_behind_it),
        T(the_nodes_roster_follows_the_section),
        T(a_restart_finds_the_roster_and_the_rights_as_they_were),
        T(what_is_due_stands_before_the_blocks_requests),
        T(a_block_without_requests_may_have_results),
        T(results_are_rebuilt_with_the_blocks_below_a_snapshot),
        T(no_result_can_be_invented_hidden_or_changed),
        T(an_entry_of_which_the_payload_is_gone_is_not_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
