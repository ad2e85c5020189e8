/* Hand-offs out of the store of a replica that went through epochs: whoever knows the charter can
 * follow them; they have what is needed and no more. */
#include "governance/epoch.h"
#include "governance/in_force.h"
#include "replica/core/node_parts.h"
#include "replica/host/hand_off_make.h"
#include "replica/host/serve.h"
#include "storage/record.h"
#include "tests/support/gov_stage.h"
#include "tests/support/host_log.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct host_log *log;
    struct serve *serve;
    struct gov_stage stage; /* makes what the officers sign */
    struct gov_plan plan;
    struct epoch_chain *chain;
    struct charter_view charter;
    struct in_force in_force;
    uint32_t frame_count;
    size_t len;
    uint8_t attachment[1u << 20]; /* of the last frame */
};

static int setup(void **state)
{
    void *log = NULL;
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_int_equal(host_log_setup(&log), 0);
    fixture->log = log;
    stage_open(&fixture->stage, CORE_NODES, false, 1000);
    memcpy(fixture->stage.world.charter.cluster_id, fixture->log->core->world.charter.cluster_id,
           HASH_BYTES);
    const struct serve_setup serve = {
        .rid = HOST_LOG_NODE, .charter_file = gov_fixture_file(&fixture->log->core->charter)};
    assert_int_equal(serve_open(&serve, &fixture->serve), STATUS_OK);
    assert_int_equal(
        epoch_chain_open(&fixture->log->core->world.charter, &sig_fast, 4, &fixture->chain),
        STATUS_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    void *log = fixture->log;
    epoch_chain_close(fixture->chain);
    serve_close(fixture->serve);
    stage_close(&fixture->stage);
    free(fixture);
    return host_log_teardown(&log);
}

/* --- The log --------------------------------------------------------------------------------- */

/* A block with that entry of governance; the officers' own state is brought to where it is. */
static void bring(struct fixture *fixture)
{
    fixture->log->governance = fixture->stage.payload;
    fixture->log->core->now_ms += 5;
    fixture->log->core->wall_ms += 5;
    host_log_block(fixture->log, 1, 1);
}

/* What the officers are to read is what the log has. */
static void plan_fit(struct fixture *fixture, enum section section)
{
    const struct state *state = fixture->log->core->nodes[HOST_LOG_NODE]->state;
    struct section_record members;
    struct section_record other;
    assert_true(section_read(state, SECTION_MEMBERS, &members));
    assert_true(section_read(state, section, &other));
    const struct read_version reads[] = {{SECTION_MEMBERS, members.version},
                                         {section, other.version}};
    stage_plan_reads(&fixture->plan, reads, section == SECTION_MEMBERS ? 1 : 2);
    fixture->plan.body.deadline_ms = fixture->log->core->wall_ms + 50 * STAGE_HOUR;
}

/* Bring the plan, voted for by so many. */
static void decide(struct fixture *fixture, uint32_t count)
{
    (void)stage_bundle(&fixture->stage, &fixture->plan, yes_of, count);
    bring(fixture);
}

static void suspend(struct fixture *fixture, uint64_t rid, uint64_t action, uint32_t count)
{
    stage_plan_replica(&fixture->stage, &fixture->plan, action, rid);
    plan_fit(fixture, SECTION_REPLICAS);
    decide(fixture, count);
}

/* Blocks up to the boundary that is pending, with the checkpoints that the window needs. */
static void epoch_end(struct fixture *fixture)
{
    struct node_look look;
    const struct args_renew args = {{1}};
    stage_plan(&fixture->stage, &fixture->plan, ACTION_EPOCH_RENEW, SECTION_MEMBERS,
               &schema_args_renew, &args);
    plan_fit(fixture, SECTION_MEMBERS);
    decide(fixture, 3);
    node_look(fixture->log->core->nodes[HOST_LOG_NODE], &look);
    assert_true(look.boundary != UINT64_MAX);
    while (fixture->log->height < look.boundary) {
        host_log_block(fixture->log, 1, 1);
        if (fixture->log->height % 128 == 0) {
            host_log_attest(fixture->log);
        }
    }
    fixture->log->epoch++;
    node_look(fixture->log->core->nodes[HOST_LOG_NODE], &look);
    assert_int_equal(look.epoch, fixture->log->epoch);
}

/* --- What is asked --------------------------------------------------------------------------- */

static void keep(void *context, struct bytes frame)
{
    struct fixture *fixture = context;
    struct envelope envelope;
    size_t used = 0;
    const struct bytes content =
        bytes_slice(frame, FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES);
    assert_int_equal(schema_decode_front(&schema_envelope, content, &envelope, &used), WIRE_OK);
    fixture->frame_count++;
    fixture->len = content.len - used;
    assert_true(fixture->len <= sizeof(fixture->attachment));
    memcpy(fixture->attachment, content.data + used, fixture->len);
}

static struct bytes ask(struct fixture *fixture, uint64_t kind, uint64_t from)
{
    const struct fetch fetch = {.kind = kind, .from = from};
    fixture->frame_count = 0;
    assert_int_equal(serve_fetch_store(fixture->serve, fixture->log->store, &fetch, keep, fixture),
                     STATUS_OK);
    assert_int_equal(fixture->frame_count, 1);
    return bytes_make(fixture->attachment, fixture->len);
}

static uint32_t entries_of(struct bytes bytes)
{
    struct hand_off hand_off;
    assert_int_equal(hand_off_decode(bytes, &hand_off), WIRE_OK);
    return hand_off.entries.count;
}

static enum hand_off_error follow(struct fixture *fixture)
{
    const uint64_t epoch = epoch_chain_newest(fixture->chain)->roster.epoch;
    return epoch_chain_follow(fixture->chain, ask(fixture, FETCH_HAND_OFF, epoch));
}

static void epochs_are_followed_out_of_the_store(void **state)
{
    struct fixture *fixture = *state;
    suspend(fixture, 2, ACTION_REPLICA_SUSPEND, 2);
    assert_int_equal(ask(fixture, FETCH_HAND_OFF, 0).len, 0);
    epoch_end(fixture);
    assert_int_equal(ask(fixture, FETCH_HAND_OFF, 1).len, 0);
    assert_int_equal(ask(fixture, FETCH_HAND_OFF, UINT64_MAX).len, 0);
    assert_int_equal(ask(fixture, FETCH_HAND_OFF, UINT64_MAX - 1).len, 0);
    assert_int_equal(follow(fixture), HAND_OFF_OK);
    const struct epoch_span *span = epoch_chain_newest(fixture->chain);
    assert_int_equal(span->first_height, 385);
    assert_int_equal(span->roster.members[2].standing, STANDING_SUSPENDED);

    suspend(fixture, 2, ACTION_REPLICA_RESTORE, 3);
    epoch_end(fixture);
    assert_int_equal(follow(fixture), HAND_OFF_OK);
    span = epoch_chain_newest(fixture->chain);
    assert_int_equal(span->roster.epoch, 2);
    assert_int_equal(span->roster.members[2].standing, STANDING_ACTIVE);
    /* The same for ever. */
    epoch_chain_close(fixture->chain);
    assert_int_equal(
        epoch_chain_open(&fixture->log->core->world.charter, &sig_fast, 4, &fixture->chain),
        STATUS_OK);
    assert_int_equal(follow(fixture), HAND_OFF_OK);
    assert_int_equal(follow(fixture), HAND_OFF_OK);
}

static void what_came_to_nothing_is_left_out(void **state)
{
    struct fixture *fixture = *state;
    /* Nobody votes for it until its deadline; and it is about nothing that is followed. */
    stage_plan_replica(&fixture->stage, &fixture->plan, ACTION_REPLICA_SUSPEND, 1);
    plan_fit(fixture, SECTION_REPLICAS);
    fixture->plan.body.deadline_ms = fixture->log->core->wall_ms + 20;
    assert_int_equal(stage_propose(&fixture->stage, &fixture->plan), RESULT_OK);
    bring(fixture);
    const struct args_subject args = {bytes_of_text("i1"), U64_UNLIMITED};
    stage_plan(&fixture->stage, &fixture->plan, ACTION_ISSUER_SUSPEND, SECTION_ISSUERS,
               &schema_args_subject, &args);
    plan_fit(fixture, SECTION_ISSUERS);
    decide(fixture, 2);
    /* This one stays open. */
    stage_plan_replica(&fixture->stage, &fixture->plan, ACTION_REPLICA_SUSPEND, 2);
    plan_fit(fixture, SECTION_REPLICAS);
    assert_int_equal(stage_propose(&fixture->stage, &fixture->plan), RESULT_OK);
    const struct gov_plan open = fixture->plan;
    bring(fixture);
    fixture->log->core->wall_ms += 30;
    epoch_end(fixture);
    /* The one that renews the epoch, with its result. */
    assert_int_equal(entries_of(ask(fixture, FETCH_HAND_OFF, 0)), 2);
    assert_int_equal(follow(fixture), HAND_OFF_OK);

    /* In the next epoch it gets its votes. */
    fixture->plan = open;
    for (uint32_t i = 0; i < 2; i++) {
        (void)stage_vote(&fixture->stage, &open, &yes_of[i]);
        bring(fixture);
    }
    epoch_end(fixture);
    /* Proposal, two votes and result, and the renewal's two. */
    assert_int_equal(entries_of(ask(fixture, FETCH_HAND_OFF, 1)), 6);
    assert_int_equal(follow(fixture), HAND_OFF_OK);
    assert_int_equal(epoch_chain_newest(fixture->chain)->roster.members[2].standing,
                     STANDING_SUSPENDED);
}

static void what_ended_in_a_later_epoch_is_left_out_too(void **state)
{
    struct fixture *fixture = *state;
    stage_plan_replica(&fixture->stage, &fixture->plan, ACTION_REPLICA_SUSPEND, 2);
    plan_fit(fixture, SECTION_REPLICAS);
    assert_int_equal(stage_propose(&fixture->stage, &fixture->plan), RESULT_OK);
    const struct gov_plan open = fixture->plan;
    bring(fixture);
    epoch_end(fixture);
    (void)stage_vote(&fixture->stage, &open, &yes_of[0]);
    bring(fixture);
    (void)stage_withdraw(&fixture->stage, &open, "m1", "m1");
    bring(fixture);
    epoch_end(fixture);
    assert_int_equal(entries_of(ask(fixture, FETCH_HAND_OFF, 1)), 2);
    assert_int_equal(follow(fixture), HAND_OFF_OK);
    assert_int_equal(follow(fixture), HAND_OFF_OK);
}

static void the_configuration_comes_with_the_hand_offs_that_lead_to_it(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t *id = fixture->log->core->world.charter.cluster_id;
    suspend(fixture, 2, ACTION_REPLICA_SUSPEND, 2);
    epoch_end(fixture);
    /* The newest checkpoint is that of the epoch that ended. */
    assert_int_equal(in_force_verify(ask(fixture, FETCH_CONFIG, 0), id, &sig_fast,
                                     &fixture->charter, &fixture->in_force),
                     IN_FORCE_OK);
    assert_int_equal(fixture->in_force.roster.epoch, 0);
    host_log_block(fixture->log, 1, 1);
    host_log_attest(fixture->log);
    assert_int_equal(in_force_verify(ask(fixture, FETCH_CONFIG, 0), id, &sig_fast,
                                     &fixture->charter, &fixture->in_force),
                     IN_FORCE_OK);
    assert_int_equal(fixture->in_force.roster.epoch, 1);
    assert_int_equal(fixture->in_force.checkpoint.height, 385);
    assert_int_equal(in_force_suspended(&fixture->in_force), 1);
}

static void put_epoch_record(struct fixture *fixture, uint64_t height, struct bytes value)
{
    struct record_key key = record_key_journal(JOURNAL_EPOCH, height);
    const struct put put = {FAMILY_JOURNAL, false, record_key_bytes(&key), value};
    assert_int_equal(store_commit(fixture->log->store, &put, 1), STATUS_OK);
}

/* The configuration as it was when the second epoch began: a replica that has lost something of it
 * has no hand-off, and says so. */
static void without_its_records_there_is_no_hand_off(void **state)
{
    struct fixture *fixture = *state;
    uint8_t memory[65536];
    struct buffer value = buffer_make(memory, sizeof(memory));
    struct record_key key = record_key_journal(JOURNAL_EPOCH, 384);
    struct store_view *view = NULL;
    epoch_end(fixture);
    assert_int_equal(store_view_open(fixture->log->store, &view), STATUS_OK);
    assert_int_equal(store_view_get(view, FAMILY_JOURNAL, record_key_bytes(&key), &value),
                     STATUS_OK);
    store_view_close(view);
    assert_true(ask(fixture, FETCH_HAND_OFF, 0).len > 0);
    put_epoch_record(fixture, 384, bytes_of_text("rot"));
    assert_int_equal(ask(fixture, FETCH_HAND_OFF, 0).len, 0);
    struct epoch_record record;
    assert_int_equal(epoch_record_decode(buffer_bytes(&value), &record), WIRE_OK);
    /* As if the epoch before had no record. */
    uint8_t other_memory[65536];
    struct buffer other = buffer_make(other_memory, sizeof(other_memory));
    record.epoch = 2;
    assert_true(epoch_record_encode(&record, &other));
    put_epoch_record(fixture, 384, buffer_bytes(&other));
    assert_int_equal(ask(fixture, FETCH_HAND_OFF, 1).len, 0);
    assert_int_equal(ask(fixture, FETCH_HAND_OFF, 0).len, 0);
    put_epoch_record(fixture, 384, buffer_bytes(&value));
    assert_int_equal(follow(fixture), HAND_OFF_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(epochs_are_followed_out_of_the_store),
        TEST(what_came_to_nothing_is_left_out),
        TEST(what_ended_in_a_later_epoch_is_left_out_too),
        TEST(the_configuration_comes_with_the_hand_offs_that_lead_to_it),
        TEST(without_its_records_there_is_no_hand_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
