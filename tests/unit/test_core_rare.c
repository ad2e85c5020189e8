/* What a replica does where things are as they rarely are: states that take long to reach, or that
 * more than f liars would have to bring about, set up directly. */
#include "crypto/hash.h"
#include "governance/records.h"
#include "replica/core/node_parts.h"
#include "tests/support/core_fixture.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define BACKUP 1
#define JUNK bytes_of_text("junk")

static struct node *backup_of(struct core_fixture *fixture)
{
    return fixture->nodes[BACKUP];
}

static struct bytes encoded(const struct schema *schema, const void *object)
{
    static uint8_t memory[16][1u << 16];
    static unsigned turn;
    struct buffer out = buffer_make(memory[turn++ % 16], sizeof(memory[0]));
    assert_true(schema_encode(schema, object, &out));
    return buffer_bytes(&out);
}

static struct bytes proposal(struct core_fixture *fixture, struct vote *vote, struct bytes parcel)
{
    return core_frame(fixture, MESSAGE_PRE_PREPARE, 0, "r0", encoded(&schema_vote, vote), parcel);
}

static enum drop vote_from(struct core_fixture *fixture, uint64_t type, uint32_t rid,
                           const struct vote *vote)
{
    return core_deliver(fixture, BACKUP, rid, core_vote(fixture, type, rid, vote));
}

/* The batch of `parcel` becomes the first block of the backup. */
static const struct block_outcome *executed(struct core_fixture *fixture, struct vote *vote,
                                            struct bytes parcel)
{
    vote->sequence = 1;
    assert_int_equal(core_deliver(fixture, BACKUP, 0, proposal(fixture, vote, parcel)), DROP_NONE);
    assert_int_equal(vote_from(fixture, MESSAGE_PREPARE, 2, vote), DROP_NONE);
    assert_int_equal(vote_from(fixture, MESSAGE_COMMIT, 0, vote), DROP_NONE);
    assert_int_equal(vote_from(fixture, MESSAGE_COMMIT, 2, vote), DROP_NONE);
    for (uint32_t i = 0; i < fixture->outbox.action_count; i++) {
        if (fixture->outbox.actions[i].kind == ACTION_EXECUTED) {
            return fixture->outbox.actions[i].outcome;
        }
    }
    fail_msg("nothing was executed");
    return NULL;
}

static void execute_one(struct core_fixture *fixture, struct vote *vote)
{
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, vote->digest);
    const struct block_outcome *outcome = executed(fixture, vote, parcel);
    assert_int_equal(outcome->item_count, 1);
    assert_int_equal(outcome->items[0].code, RESULT_OK);
}

static void give(struct core_fixture *fixture, uint64_t type, struct bytes body,
                 struct message *message)
{
    struct bytes frame = core_frame(fixture, type, 2, "r2", body, BYTES_EMPTY);
    assert_int_equal(message_split(frame, message), DROP_NONE);
    outbox_clear(&fixture->outbox);
}

static void assert_silent(const struct core_fixture *fixture)
{
    assert_int_equal(fixture->outbox.action_count, 0);
    assert_int_equal(fixture->outbox.put_count, 0);
}

static void assert_halted(struct core_fixture *fixture, const char *why)
{
    struct node_look look;
    node_look(backup_of(fixture), &look);
    assert_true(look.halted);
    assert_int_equal(core_actions(fixture, ACTION_HALT), 1);
    for (uint32_t i = 0; i < fixture->outbox.action_count; i++) {
        if (fixture->outbox.actions[i].kind == ACTION_HALT) {
            assert_string_equal(fixture->outbox.actions[i].text, why);
        }
    }
}

/* --- Governance in a block -------------------------------------------------------------------- */

static void a_governed_request_is_ordered_judged_and_refused(void **state)
{
    struct core_fixture *fixture = *state;
    static const uint8_t zeroes[100];
    static struct gov_request request;
    uint8_t memory[256];
    struct buffer list = buffer_make(memory, sizeof(memory));
    struct payload payload = {.salt = bytes_make(zeroes, SALT_BYTES),
                              .bytes = BYTES_OF_ARRAY(zeroes)};
    struct vote vote = {.sequence = 1};
    assert_true(payload_encode(&payload, &list));
    gov_request_init(&request, 1);
    request.author = "m1";
    request.body.op = OP_GOVERN;
    request.statements[0].stream = GOVERNANCE_STREAM;
    struct bytes item = gov_request_make(&request, NULL, &fixture->world, &sig_fast);
    struct batch batch = {.time_ms = fixture->wall_ms, .items = {item, 1}};
    struct payloads payloads = {.list = {buffer_bytes(&list), 1}};
    struct batch_parcel parcel = {
        encoded(&schema_batch, &batch),
        encoded(&schema_payloads, &payloads),
    };
    hash_bytes(parcel.batch, vote.digest);
    const struct block_outcome *outcome =
        executed(fixture, &vote, encoded(&schema_batch_parcel, &parcel));
    /* A hundred zeroes are no governed change. */
    assert_int_equal(outcome->item_count, 1);
    assert_int_equal(outcome->items[0].code, E_ENCODING);
    assert_int_equal(outcome->items[0].count, 0);
    assert_int_equal(outcome->leaf_count, 0);
    struct clock_record clock;
    assert_true(clock_read(node_state(backup_of(fixture)), &clock));
    assert_int_equal(clock.last_governance_height, 0);
}

static void a_revocation_that_expired_leaves_the_rights_at_a_checkpoint(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = backup_of(fixture);
    const uint8_t id[HASH_BYTES] = {9};
    struct revoked_block block = {.expires_ms = FIXTURE_DATE + 1};
    uint8_t before[HASH_BYTES];
    struct vote vote = {.sequence = 1};
    memcpy(block.id, id, HASH_BYTES);
    struct revocations_section section = {.blocks = {encoded(&schema_revoked_block, &block), 1}};
    assert_true(section_write(node->state, SECTION_REVOCATIONS,
                              encoded(&schema_revocations_section, &section)));
    assert_true(rights_refresh(&node->rights, node->state, NULL));
    node->rights.params[PARAM_CHECKPOINT_INTERVAL] = 1;
    assert_true(rights_block_revoked(node_rights(node), id));
    memcpy(before, node_rights(node)->config_hash, HASH_BYTES);
    execute_one(fixture, &vote);
    assert_false(rights_block_revoked(node_rights(node), id));
    assert_memory_not_equal(node_rights(node)->config_hash, before, HASH_BYTES);
}

/* --- Once more -------------------------------------------------------------------------------- */

static void a_vote_that_is_taken_already_changes_nothing(void **state)
{
    static const uint64_t types[] = {MESSAGE_PREPARE, MESSAGE_COMMIT};
    struct core_fixture *fixture = *state;
    struct vote vote = {.sequence = 1, .digest = {7}};
    for (size_t i = 0; i < 2; i++) {
        struct message message;
        assert_int_equal(vote_from(fixture, types[i], 2, &vote), DROP_NONE);
        give(fixture, types[i], encoded(&schema_vote, &vote), &message);
        enum drop drop = i == 0 ? on_prepare(backup_of(fixture), &message, &fixture->outbox)
                                : on_commit(backup_of(fixture), &message, &fixture->outbox);
        assert_int_equal(drop, DROP_DUPLICATE);
        assert_silent(fixture);
    }
}

static void a_vote_for_a_slot_of_a_later_view_is_old(void **state)
{
    struct core_fixture *fixture = *state;
    struct vote vote = {.sequence = 1, .digest = {7}};
    window_slot(&backup_of(fixture)->window, 1)->view = 3;
    assert_int_equal(vote_from(fixture, MESSAGE_PREPARE, 2, &vote), DROP_VIEW_OLD);
    assert_silent(fixture);
    assert_int_equal(window_look(&backup_of(fixture)->window, 1)->prepares.present, 0);
}

static void a_proposal_that_is_taken_already_changes_nothing(void **state)
{
    struct core_fixture *fixture = *state;
    struct vote vote = {.sequence = 1};
    struct message message;
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, vote.digest);
    struct bytes frame = proposal(fixture, &vote, parcel);
    assert_int_equal(core_deliver(fixture, BACKUP, 0, frame), DROP_NONE);
    assert_int_equal(message_split(frame, &message), DROP_NONE);
    outbox_clear(&fixture->outbox);
    assert_int_equal(on_pre_prepare(backup_of(fixture), &message, &fixture->outbox),
                     DROP_DUPLICATE);
    assert_silent(fixture);
}

/* A NEW-VIEW decided what belongs there: another batch is no proof against its primary. */
static void a_proposal_other_than_what_is_awaited_is_dropped(void **state)
{
    struct core_fixture *fixture = *state;
    struct slot *slot = window_slot(&backup_of(fixture)->window, 1);
    struct vote vote = {.sequence = 1};
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, vote.digest);
    slot->stage = SLOT_AWAITED;
    slot->knows_digest = true;
    slot->digest[0] = (uint8_t)~vote.digest[0];
    struct bytes frame = proposal(fixture, &vote, parcel);
    assert_int_equal(core_deliver(fixture, BACKUP, 0, frame), DROP_DIGEST);
    assert_silent(fixture);
    assert_int_equal(slot->stage, SLOT_AWAITED);
}

/* --- Attestations ----------------------------------------------------------------------------- */

/* What replica `rid` attests when it has executed that header. */
static struct bytes attest_by(struct core_fixture *fixture, uint32_t rid,
                              const struct block_header *header)
{
    const struct node *node = backup_of(fixture);
    const struct roster_member *member = &node_roster(node)->members[rid];
    struct attest attest = {.header = encoded(&schema_block_header, header)};
    struct checkpoint checkpoint = {
        .tree_size = header->tree_size,
        .height = header->height,
        .epoch = header->epoch,
        .time_ms = header->time_ms,
    };
    assert_true(origin_make(node_charter_name(node), node_cluster_id(node), &checkpoint.origin));
    memcpy(checkpoint.tree_root, header->tree_root, HASH_BYTES);
    hash_bytes(attest.header, checkpoint.header_hash);
    checkpoint_sign(&sig_fast, &checkpoint, NOTE_SIGN, fixture->seeds[rid][0], member->sign_pk,
                    attest.note_sig);
    checkpoint_sign(&sig_fast, &checkpoint, NOTE_COSIGN, fixture->seeds[rid][1], member->cosign_pk,
                    attest.cosig);
    return core_frame(fixture, MESSAGE_ATTEST, rid, NULL, encoded(&schema_attest, &attest),
                      BYTES_EMPTY);
}

static struct block_header own_header(struct core_fixture *fixture)
{
    const struct head *head = &backup_of(fixture)->head;
    struct block_header header;
    assert_int_equal(block_header_decode(bytes_make(head->header, head->header_len), &header),
                     WIRE_OK);
    return header;
}

static void an_attestation_that_is_taken_already_changes_nothing(void **state)
{
    struct core_fixture *fixture = *state;
    struct vote vote = {.sequence = 1};
    struct message message;
    execute_one(fixture, &vote);
    struct block_header header = own_header(fixture);
    struct bytes frame = attest_by(fixture, 2, &header);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, frame), DROP_NONE);
    assert_int_equal(message_split(frame, &message), DROP_NONE);
    outbox_clear(&fixture->outbox);
    assert_int_equal(on_attest(backup_of(fixture), &message, &fixture->outbox), DROP_DUPLICATE);
    assert_silent(fixture);
}

/* This replica's state is not theirs: whatever it signed on would split the log. */
static void a_quorum_that_attests_another_block_halts_the_replica(void **state)
{
    struct core_fixture *fixture = *state;
    struct vote vote = {.sequence = 1};
    execute_one(fixture, &vote);
    struct block_header header = own_header(fixture);
    header.tree_root[0] ^= 1;
    static const uint32_t others[] = {0, 2, 3};
    for (size_t i = 0; i < 3; i++) {
        struct node_look look;
        node_look(backup_of(fixture), &look);
        assert_false(look.halted);
        assert_int_equal(
            core_deliver(fixture, BACKUP, others[i], attest_by(fixture, others[i], &header)),
            DROP_NONE);
    }
    assert_halted(fixture, "a quorum attests another block at a height that was executed here");
}

/* --- New views that contradict the log -------------------------------------------------------- */

static void a_new_view_that_contradicts_an_executed_block_halts_the_replica(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = backup_of(fixture);
    struct vote executed_vote = {.sequence = 1};
    struct vote other = {.view = 4, .sequence = 1, .digest = {7}};
    struct message message;
    execute_one(fixture, &executed_vote);
    struct stable stable;
    assert_int_equal(stable_decode(bytes_make(node->stable_proof, node->stable_len), &stable),
                     WIRE_OK);
    struct view_change change = {.view = 4, .stable = stable};
    struct signed_body left = {.rid = 2, .body = encoded(&schema_view_change, &change)};
    struct signed_body proposed = {.rid = 0, .body = encoded(&schema_vote, &other)};
    struct new_view new_view = {
        .view = 4,
        .view_changes = {encoded(&schema_signed_body, &left), 1},
        .pre_prepares = {encoded(&schema_signed_body, &proposed), 1},
    };
    give(fixture, MESSAGE_NEW_VIEW, encoded(&schema_new_view, &new_view), &message);
    assert_int_equal(on_new_view(node, &message, &fixture->outbox), DROP_NONE);
    assert_halted(fixture, "a new view proposes another block at a height that was executed here");
}

static void who_has_left_the_view_does_not_leave_it_again_on_proof(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = backup_of(fixture);
    struct slot *slot = window_slot(&node->window, 1);
    struct message message;
    give(fixture, MESSAGE_PRE_PREPARE, JUNK, &message);
    node->mode = MODE_CHANGING;
    view_leave_on_proof(node, slot, &message, &fixture->outbox);
    assert_silent(fixture);
    assert_int_equal(node->view, 0);
    node->mode = MODE_ACTIVE;
    node->awake = false;
    view_leave_on_proof(node, slot, &message, &fixture->outbox);
    assert_silent(fixture);
    node->awake = true;
    slot->view = 1;
    view_leave_on_proof(node, slot, &message, &fixture->outbox);
    assert_silent(fixture);
    assert_int_equal(node->view, 0);
}

/* --- Help and proposals ----------------------------------------------------------------------- */

static void help_after_a_status_is_bounded_in_bytes(void **state)
{
    enum {
        HALF = 600 << 10
    };
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[0];
    for (uint64_t sequence = 1; sequence <= 3; sequence++) {
        struct slot *slot = window_slot(&node->window, sequence);
        uint8_t *batch = pool_take(&node->pool, HALF);
        assert_non_null(batch);
        memset(batch, 0, HALF);
        slot->stage = SLOT_ACCEPTED;
        slot->knows_digest = true;
        slot->has_primary_sig = true;
        slot->batch = bytes_make(batch, HALF);
        slot->payloads = pool_copy(&node->pool, JUNK);
    }
    struct status_report report = {.mode = MODE_ACTIVE, .boot = 1, .counter = 1};
    struct bytes frame = core_frame(fixture, MESSAGE_STATUS, 2, "r2",
                                    encoded(&schema_status_report, &report), BYTES_EMPTY);
    assert_int_equal(core_deliver(fixture, 0, 2, frame), DROP_NONE);
    uint32_t proposals = 0;
    for (uint32_t i = 0; i < fixture->outbox.action_count; i++) {
        const struct action *action = &fixture->outbox.actions[i];
        proposals += action->kind == ACTION_SEND && action->frame.len > HALF ? 1 : 0;
        assert_true(action->kind != ACTION_SEND || action->to == 2);
    }
    assert_int_equal(proposals, 2);
}

/* It waited for company, and the clock passed it before the next tick. */
static void a_request_that_time_has_overtaken_leaves_when_it_is_its_turn(void **state)
{
    struct core_fixture *fixture = *state;
    struct vote vote = {.sequence = 1, .digest = {7}};
    fixture->arriving = 1;
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, core_request(fixture, 1)), DROP_NONE);
    assert_int_equal(queue_waiting(fixture->nodes[0]->queue), 1);
    fixture->arriving = 0;
    fixture->wall_ms += 20000;
    struct bytes prepare = core_vote(fixture, MESSAGE_PREPARE, 2, &vote);
    assert_int_equal(core_deliver(fixture, 0, 2, prepare), DROP_NONE);
    assert_int_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len, 0);
    assert_int_equal(queue_waiting(fixture->nodes[0]->queue), 0);
}

/* So that time goes on, and with it what expires, where nobody writes. */
static void a_log_at_rest_beats_now_and_then(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[0];
    uint64_t beat = node_param(node, PARAM_IDLE_HEARTBEAT);
    fixture->now_ms = node->executed_ms + beat - 1;
    fixture->wall_ms += beat - 1;
    assert_int_equal(core_tick(fixture, 0), DROP_NONE);
    assert_int_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len, 0);
    fixture->now_ms++;
    fixture->wall_ms++;
    assert_int_equal(core_tick(fixture, 0), DROP_NONE);
    struct message message;
    struct batch_parcel parcel;
    struct batch batch;
    assert_int_equal(message_split(core_sent(fixture, MESSAGE_PRE_PREPARE), &message), DROP_NONE);
    assert_int_equal(batch_parcel_decode(message.attachment, &parcel), WIRE_OK);
    assert_int_equal(batch_decode(parcel.batch, &batch), WIRE_OK);
    assert_int_equal(batch.items.count, 0);
    assert_int_equal(batch.time_ms, fixture->wall_ms);
    /* One beat: the next is due when this one is executed, and long after it. */
    fixture->now_ms += beat;
    assert_int_equal(core_tick(fixture, 0), DROP_NONE);
    assert_int_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len, 0);
}

static void nobody_complains_twice_or_of_itself_or_where_no_view_is(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = backup_of(fixture);
    outbox_clear(&fixture->outbox);
    complain(fixture->nodes[0], &fixture->outbox);
    assert_silent(fixture);
    node->mode = MODE_CHANGING;
    complain(node, &fixture->outbox);
    assert_silent(fixture);
    node->mode = MODE_ACTIVE;
    complain(node, &fixture->outbox);
    assert_true(core_sent(fixture, MESSAGE_COMPLAIN).len > 0);
    outbox_clear(&fixture->outbox);
    complain(node, &fixture->outbox);
    assert_silent(fixture);
}

/* A worker that refuses what is good is no proof against anybody. */
static void a_good_proposal_convicts_nobody(void **state)
{
    struct core_fixture *fixture = *state;
    struct vote vote = {.sequence = 1};
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, vote.digest);
    struct event event = {
        .kind = EVENT_REFUSED,
        .from = 0,
        .frame = proposal(fixture, &vote, parcel),
        .now_ms = fixture->now_ms,
        .wall_ms = fixture->wall_ms,
    };
    assert_int_equal(node_step(backup_of(fixture), &event, &fixture->outbox), DROP_NOT_WANTED);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
    assert_int_equal(core_sent(fixture, MESSAGE_COMPLAIN).len, 0);
    assert_false(backup_of(fixture)->convicted);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_governed_request_is_ordered_judged_and_refused),
        TEST(a_revocation_that_expired_leaves_the_rights_at_a_checkpoint),
        TEST(a_vote_that_is_taken_already_changes_nothing),
        TEST(a_vote_for_a_slot_of_a_later_view_is_old),
        TEST(a_proposal_that_is_taken_already_changes_nothing),
        TEST(a_proposal_other_than_what_is_awaited_is_dropped),
        TEST(an_attestation_that_is_taken_already_changes_nothing),
        TEST(a_quorum_that_attests_another_block_halts_the_replica),
        TEST(a_new_view_that_contradicts_an_executed_block_halts_the_replica),
        TEST(who_has_left_the_view_does_not_leave_it_again_on_proof),
        TEST(help_after_a_status_is_bounded_in_bytes),
        TEST(a_request_that_time_has_overtaken_leaves_when_it_is_its_turn),
        TEST(a_log_at_rest_beats_now_and_then),
        TEST(nobody_complains_twice_or_of_itself_or_where_no_view_is),
        TEST(a_good_proposal_convicts_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
