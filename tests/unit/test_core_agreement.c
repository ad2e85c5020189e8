/* Agreement message by message, at a backup and at the primary: what is accepted, what is dropped
 * and why, what is durable before what, and what becomes evidence. */
#include "crypto/hash.h"
#include "tests/support/core_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define BACKUP 1

static struct vote vote_of(uint64_t sequence, const uint8_t digest[HASH_BYTES])
{
    struct vote vote = {.sequence = sequence};
    memcpy(vote.digest, digest, HASH_BYTES);
    return vote;
}

static struct bytes pre_prepare_by(struct core_fixture *fixture, uint32_t rid, const char *signer,
                                   const struct vote *vote, struct bytes parcel)
{
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    assert_true(vote_encode(vote, &body));
    return core_frame(fixture, MESSAGE_PRE_PREPARE, rid, signer, buffer_bytes(&body), parcel);
}

/* The primary's proposal of one request for `sequence`. */
static struct bytes proposal(struct core_fixture *fixture, uint64_t sequence, uint64_t request_no,
                             uint8_t digest[HASH_BYTES])
{
    struct bytes parcel = core_batch(fixture, request_no, 1, fixture->wall_ms, digest);
    struct vote vote = vote_of(sequence, digest);
    return pre_prepare_by(fixture, 0, "r0", &vote, parcel);
}

static enum drop vote_from(struct core_fixture *fixture, uint64_t type, uint32_t rid,
                           const struct vote *vote)
{
    return core_deliver(fixture, BACKUP, rid, core_vote(fixture, type, rid, vote));
}

static void a_backup_goes_from_proposal_to_block(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t digest[HASH_BYTES];
    struct bytes frame = proposal(fixture, 1, 1, digest);
    struct vote vote = vote_of(1, digest);
    assert_int_equal(core_deliver(fixture, BACKUP, 0, frame), DROP_NONE);
    assert_true(core_journaled(fixture, 's'));
    assert_int_not_equal(core_sent(fixture, MESSAGE_PREPARE).len, 0);
    assert_int_equal(core_sent(fixture, MESSAGE_COMMIT).len, 0);

    assert_int_equal(vote_from(fixture, MESSAGE_PREPARE, 2, &vote), DROP_NONE);
    assert_true(core_journaled(fixture, 'p'));
    assert_int_not_equal(core_sent(fixture, MESSAGE_COMMIT).len, 0);

    assert_int_equal(vote_from(fixture, MESSAGE_COMMIT, 2, &vote), DROP_NONE);
    assert_int_equal(core_actions(fixture, ACTION_EXECUTED), 0);
    assert_int_equal(vote_from(fixture, MESSAGE_COMMIT, 0, &vote), DROP_NONE);
    assert_int_equal(core_actions(fixture, ACTION_EXECUTED), 1);
    assert_true(core_journaled(fixture, 'H'));
    struct node_look look;
    node_look(fixture->nodes[BACKUP], &look);
    assert_int_equal(look.executed, 1);
    assert_int_equal(look.tree_size, 2);
}

static void commits_that_come_first_are_kept(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t digest[HASH_BYTES];
    struct bytes frame = proposal(fixture, 1, 1, digest);
    struct vote vote = vote_of(1, digest);
    assert_int_equal(vote_from(fixture, MESSAGE_COMMIT, 0, &vote), DROP_NONE);
    assert_int_equal(vote_from(fixture, MESSAGE_COMMIT, 2, &vote), DROP_NONE);
    assert_int_equal(vote_from(fixture, MESSAGE_PREPARE, 3, &vote), DROP_NONE);
    assert_int_equal(core_deliver(fixture, BACKUP, 0, frame), DROP_NONE);
    assert_int_equal(core_actions(fixture, ACTION_EXECUTED), 1);
}

static void votes_for_another_digest_prepare_nothing(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t digest[HASH_BYTES];
    uint8_t other[HASH_BYTES];
    struct bytes frame = proposal(fixture, 1, 1, digest);
    memset(other, 7, sizeof(other));
    struct vote wrong = vote_of(1, other);
    assert_int_equal(core_deliver(fixture, BACKUP, 0, frame), DROP_NONE);
    assert_int_equal(vote_from(fixture, MESSAGE_PREPARE, 2, &wrong), DROP_NONE);
    assert_int_equal(vote_from(fixture, MESSAGE_PREPARE, 3, &wrong), DROP_NONE);
    assert_false(core_journaled(fixture, 'p'));
}

static void a_second_proposal_for_a_slot_is_evidence(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t first[HASH_BYTES];
    uint8_t second[HASH_BYTES];
    assert_int_equal(core_deliver(fixture, BACKUP, 0, proposal(fixture, 1, 1, first)), DROP_NONE);
    struct bytes again = proposal(fixture, 1, 2, second);
    assert_int_equal(core_deliver(fixture, BACKUP, 0, again), DROP_CONFLICT);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 1);
    struct evidence evidence;
    assert_int_equal(evidence_decode(fixture->outbox.actions[0].frame, &evidence), WIRE_OK);
    assert_int_equal(evidence.kind, EVIDENCE_PRE_PREPARE);
    assert_int_equal(evidence.rid, 0);
}

static void two_votes_of_one_replica_are_evidence(void **state)
{
    static const uint64_t types[] = {MESSAGE_PREPARE, MESSAGE_COMMIT};
    static const uint64_t kinds[] = {EVIDENCE_PREPARE, EVIDENCE_COMMIT};
    struct core_fixture *fixture = *state;
    uint8_t one[HASH_BYTES];
    uint8_t other[HASH_BYTES];
    memset(one, 1, sizeof(one));
    memset(other, 2, sizeof(other));
    struct vote first = vote_of(3, one);
    struct vote second = vote_of(3, other);
    for (size_t i = 0; i < 2; i++) {
        struct evidence evidence;
        assert_int_equal(vote_from(fixture, types[i], 2, &first), DROP_NONE);
        assert_int_equal(vote_from(fixture, types[i], 2, &first), DROP_DUPLICATE);
        assert_int_equal(vote_from(fixture, types[i], 2, &second), DROP_CONFLICT);
        assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 1);
        assert_int_equal(evidence_decode(fixture->outbox.actions[0].frame, &evidence), WIRE_OK);
        assert_int_equal(evidence.kind, kinds[i]);
        assert_int_equal(evidence.rid, 2);
    }
}

static void what_can_have_no_effect_is_dropped_with_its_reason(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t digest[HASH_BYTES];
    memset(digest, 5, sizeof(digest));
    const struct {
        struct vote vote;
        uint64_t type;
        uint32_t rid;
        enum drop drop;
    } cases[] = {
        {{.sequence = 1, .epoch = 1}, MESSAGE_PREPARE, 2, DROP_EPOCH},
        {{.sequence = 1, .view = 1}, MESSAGE_PREPARE, 2, DROP_VIEW_AHEAD},
        {{.sequence = 0}, MESSAGE_COMMIT, 2, DROP_BELOW_WINDOW},
        {{.sequence = 257}, MESSAGE_COMMIT, 2, DROP_ABOVE_WINDOW},
        {{.sequence = UINT64_MAX}, MESSAGE_PREPARE, 2, DROP_ABOVE_WINDOW},
        {{.sequence = 1}, MESSAGE_PREPARE, 0, DROP_FROM_PRIMARY},
        {{.sequence = 1}, MESSAGE_PREPARE, BACKUP, DROP_OWN},
        {{.sequence = 1}, MESSAGE_PREPARE, 9, DROP_SENDER},
        {{.sequence = 1}, MESSAGE_VIEW_CHANGE, 2, DROP_MALFORMED},
        {{.sequence = 1}, 99, 2, DROP_TYPE},
        {{.sequence = 1}, 99, BACKUP, DROP_TYPE},
        {{.sequence = 1}, 99, 9, DROP_TYPE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vote vote = cases[i].vote;
        memcpy(vote.digest, digest, HASH_BYTES);
        assert_int_equal(vote_from(fixture, cases[i].type, cases[i].rid, &vote), cases[i].drop);
    }
    /* The null digest is a NEW-VIEW's to propose; votes for it may come before that. */
    struct vote null = {.sequence = 1};
    struct bytes proposal = pre_prepare_by(fixture, 0, "r0", &null, bytes_of_text("x"));
    assert_int_equal(core_deliver(fixture, BACKUP, 0, proposal), DROP_DIGEST);
    assert_int_equal(vote_from(fixture, MESSAGE_COMMIT, 2, &null), DROP_NONE);
}

static void only_the_primary_proposes_and_only_replicas_vote(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t digest[HASH_BYTES];
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, digest);
    struct vote vote = vote_of(1, digest);
    struct bytes usurper = pre_prepare_by(fixture, 2, "r2", &vote, parcel);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, usurper), DROP_NOT_PRIMARY);
    struct bytes forged = pre_prepare_by(fixture, 0, "r2", &vote, parcel);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, forged), DROP_SIGNATURE);
    struct bytes bare = pre_prepare_by(fixture, 0, "r0", &vote, BYTES_EMPTY);
    assert_int_equal(core_deliver(fixture, BACKUP, 0, bare), DROP_MALFORMED);
    struct bytes honest = core_vote(fixture, MESSAGE_PREPARE, 2, &vote);
    assert_int_equal(core_deliver(fixture, BACKUP, NODE_CLIENT, honest), DROP_ROLE);
}

static void a_batch_is_what_its_digest_and_signatures_say(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t digest[HASH_BYTES];
    struct bytes parcel = core_batch(fixture, 1, 2, fixture->wall_ms, digest);
    struct vote other = vote_of(1, digest);
    other.digest[0] ^= 1;
    struct bytes frame = pre_prepare_by(fixture, 0, "r0", &other, parcel);
    assert_int_equal(core_deliver(fixture, BACKUP, 0, frame), DROP_DIGEST);

    static uint8_t copy[1u << 16];
    assert_true(parcel.len <= sizeof(copy));
    struct vote vote = vote_of(1, digest);
    uint32_t accepted = 0;
    for (size_t i = 0; i < parcel.len; i++) {
        memcpy(copy, parcel.data, parcel.len);
        copy[i] ^= 0x10;
        frame = pre_prepare_by(fixture, 0, "r0", &vote, bytes_make(copy, parcel.len));
        accepted += core_deliver(fixture, BACKUP, 0, frame) == DROP_NONE ? 1 : 0;
    }
    assert_int_equal(accepted, 0);
}

static void a_batch_with_a_bad_client_signature_is_refused(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t digest[HASH_BYTES];
    struct bytes parcel_bytes = core_batch(fixture, 1, 1, fixture->wall_ms, digest);
    static uint8_t copy[1u << 16];
    memcpy(copy, parcel_bytes.data, parcel_bytes.len);
    struct batch_parcel parcel;
    struct batch batch;
    struct item item;
    assert_int_equal(batch_parcel_decode(bytes_make(copy, parcel_bytes.len), &parcel), WIRE_OK);
    assert_int_equal(batch_decode(parcel.batch, &batch), WIRE_OK);
    struct wire_iter items = wire_iter_make(batch.items);
    assert_true(item_next(&items, &item));
    /* The signature stands right behind the request's bytes and its own two-byte head. */
    size_t at = (size_t)(item.request.data + item.request.len - copy) + 2;
    copy[at] ^= 1;
    hash_bytes(parcel.batch, digest);
    struct vote vote = vote_of(1, digest);
    struct bytes frame =
        pre_prepare_by(fixture, 0, "r0", &vote, bytes_make(copy, parcel_bytes.len));
    assert_int_equal(core_deliver(fixture, BACKUP, 0, frame), DROP_CLIENT_SIGNATURE);
    /* No correct primary proposes it: that is proof, and a reason to complain, once in a view. */
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 1);
    assert_int_not_equal(core_sent(fixture, MESSAGE_COMPLAIN).len, 0);
    struct evidence evidence;
    assert_int_equal(evidence_decode(fixture->outbox.actions[0].frame, &evidence), WIRE_OK);
    assert_int_equal(evidence.kind, EVIDENCE_BATCH);
    assert_int_equal(evidence.rid, 0);
    assert_int_equal(core_deliver(fixture, BACKUP, 0, frame), DROP_CLIENT_SIGNATURE);
    assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
}

static void a_good_batch_convicts_nobody_whoever_changed_it_on_the_way(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t digest[HASH_BYTES];
    static uint8_t copy[1u << 16];
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, digest);
    struct vote vote = vote_of(1, digest);
    for (size_t at = 0; at < parcel.len; at++) {
        memcpy(copy, parcel.data, parcel.len);
        copy[at] ^= 1;
        struct bytes frame = pre_prepare_by(fixture, 0, "r0", &vote, bytes_make(copy, parcel.len));
        assert_int_not_equal(core_deliver(fixture, BACKUP, 0, frame), DROP_NONE);
        assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
        assert_int_equal(core_sent(fixture, MESSAGE_COMPLAIN).len, 0);
    }
}

static void a_proposal_out_of_time_is_not_prepared(void **state)
{
    struct core_fixture *fixture = *state;
    const struct {
        int64_t offset_ms;
        enum drop drop;
    } cases[] = {{5001, DROP_TIME}, {-5001, DROP_TIME}, {5000, DROP_NONE}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t digest[HASH_BYTES];
        uint64_t time_ms = (uint64_t)((int64_t)fixture->wall_ms + cases[i].offset_ms);
        struct bytes parcel = core_batch(fixture, 1, 1, time_ms, digest);
        struct vote vote = vote_of(1, digest);
        struct bytes frame = pre_prepare_by(fixture, 0, "r0", &vote, parcel);
        assert_int_equal(core_deliver(fixture, BACKUP, 0, frame), cases[i].drop);
    }
}

static void the_primary_proposes_what_clients_ask_for(void **state)
{
    struct core_fixture *fixture = *state;
    struct bytes request = core_request(fixture, 1);
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, request), DROP_NONE);
    assert_int_not_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len, 0);
    assert_true(core_journaled(fixture, 's'));
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, request), DROP_KNOWN_REQUEST);
}

/* What the primary proposed in its last step. */
static void proposed(struct core_fixture *fixture, struct vote *vote, struct batch *batch)
{
    struct envelope envelope;
    struct batch_parcel parcel;
    size_t used = 0;
    struct bytes frame = core_sent(fixture, MESSAGE_PRE_PREPARE);
    assert_int_equal(schema_decode_front(&schema_envelope, frame, &envelope, &used), WIRE_OK);
    assert_int_equal(vote_decode(envelope.body, vote), WIRE_OK);
    assert_int_equal(batch_parcel_decode(bytes_slice(frame, used, frame.len - used), &parcel),
                     WIRE_OK);
    assert_int_equal(batch_decode(parcel.batch, batch), WIRE_OK);
}

/* The backups' votes make the primary execute the block, and propose what waited meanwhile. */
static void primary_executes(struct core_fixture *fixture, const struct vote *vote)
{
    for (uint32_t rid = 1; rid <= 2; rid++) {
        struct bytes frame = core_vote(fixture, MESSAGE_PREPARE, rid, vote);
        assert_int_equal(core_deliver(fixture, 0, rid, frame), DROP_NONE);
    }
    for (uint32_t rid = 1; rid <= 2; rid++) {
        struct bytes frame = core_vote(fixture, MESSAGE_COMMIT, rid, vote);
        assert_int_equal(core_deliver(fixture, 0, rid, frame), DROP_NONE);
    }
}

static void a_second_slot_is_opened_for_a_full_batch_only(void **state)
{
    struct core_fixture *fixture = *state;
    struct vote vote;
    struct batch batch;
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, core_request(fixture, 1)), DROP_NONE);
    proposed(fixture, &vote, &batch);
    assert_int_equal(batch.items.count, 1);
    for (uint64_t number = 2; number <= 4; number++) {
        struct bytes request = core_request(fixture, number);
        assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, request), DROP_NONE);
        assert_int_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len, 0);
    }
    primary_executes(fixture, &vote);
    proposed(fixture, &vote, &batch);
    assert_int_equal(vote.sequence, 2);
    assert_int_equal(batch.items.count, 3);
}

static void a_batch_waits_for_requests_that_are_being_verified(void **state)
{
    struct core_fixture *fixture = *state;
    struct vote vote;
    struct batch batch;
    for (uint64_t number = 1; number <= 3; number++) {
        struct bytes request = core_request(fixture, number);
        fixture->arriving = (uint32_t)(3 - number);
        assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, request), DROP_NONE);
        assert_int_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len == 0, number < 3);
    }
    proposed(fixture, &vote, &batch);
    assert_int_equal(batch.items.count, 3);
}

static void a_batch_waits_for_a_moment_only(void **state)
{
    struct core_fixture *fixture = *state;
    struct vote vote;
    struct batch batch;
    fixture->arriving = 1000;
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, core_request(fixture, 1)), DROP_NONE);
    assert_int_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len, 0);
    fixture->now_ms += 19;
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, core_request(fixture, 2)), DROP_NONE);
    assert_int_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len, 0);
    assert_true(fixture->outbox.wake_ms <= fixture->now_ms + 1);
    fixture->now_ms++;
    assert_int_equal(core_tick(fixture, 0), DROP_NONE);
    proposed(fixture, &vote, &batch);
    assert_int_equal(batch.items.count, 2);
}

static void requests_of_one_client_stand_together_in_a_batch(void **state)
{
    static const struct {
        const char *holder;
        uint64_t number;
    } waiting[] = {{"alice", 2}, {"bob", 1}, {"alice", 3}, {"bob", 2}};
    struct core_fixture *fixture = *state;
    struct vote vote;
    struct batch batch;
    struct request requests[4];
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, core_request(fixture, 1)), DROP_NONE);
    proposed(fixture, &vote, &batch);
    for (uint32_t i = 0; i < 4; i++) {
        struct bytes frame = core_request_by(fixture, waiting[i].holder, waiting[i].number);
        assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, frame), DROP_NONE);
    }
    primary_executes(fixture, &vote);
    proposed(fixture, &vote, &batch);
    assert_int_equal(batch.items.count, 4);
    struct wire_iter iter = wire_iter_make(batch.items);
    for (uint32_t i = 0; i < 4; i++) {
        struct item item;
        assert_true(item_next(&iter, &item));
        assert_int_equal(request_decode(item.request, &requests[i]), WIRE_OK);
    }
    for (uint32_t i = 0; i < 4; i += 2) {
        assert_memory_equal(requests[i].author.id, requests[i + 1].author.id, HASH_BYTES);
        assert_true(requests[i].request_no < requests[i + 1].request_no);
    }
    assert_memory_not_equal(requests[0].author.id, requests[2].author.id, HASH_BYTES);
}

static void a_backup_relays_a_request_once(void **state)
{
    struct core_fixture *fixture = *state;
    struct bytes request = core_request(fixture, 1);
    assert_int_equal(core_deliver(fixture, BACKUP, NODE_CLIENT, request), DROP_NONE);
    assert_int_not_equal(core_sent(fixture, MESSAGE_REQUEST).len, 0);
    request = core_request(fixture, 2);
    assert_int_equal(core_deliver(fixture, BACKUP, 3, request), DROP_NONE);
    assert_int_equal(core_sent(fixture, MESSAGE_REQUEST).len, 0);
}

static void a_request_that_came_too_late_is_answered_and_not_queued(void **state)
{
    struct core_fixture *fixture = *state;
    struct bytes request = core_request(fixture, 1);
    fixture->wall_ms = FIXTURE_DATE + 10001;
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, request), DROP_REFUSED_EARLY);
    assert_int_equal(core_actions(fixture, ACTION_REFUSED), 1);
    assert_int_equal(fixture->outbox.actions[0].code, E_REQ_LATE);
    assert_int_equal(core_sent(fixture, MESSAGE_PRE_PREPARE).len, 0);
}

static void an_executed_request_gets_its_first_result(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t digest[HASH_BYTES];
    struct bytes frame = proposal(fixture, 1, 1, digest);
    struct vote vote = vote_of(1, digest);
    assert_int_equal(core_deliver(fixture, BACKUP, 0, frame), DROP_NONE);
    assert_int_equal(vote_from(fixture, MESSAGE_PREPARE, 2, &vote), DROP_NONE);
    assert_int_equal(vote_from(fixture, MESSAGE_COMMIT, 2, &vote), DROP_NONE);
    assert_int_equal(vote_from(fixture, MESSAGE_COMMIT, 0, &vote), DROP_NONE);
    struct bytes request = core_request(fixture, 1);
    assert_int_equal(core_deliver(fixture, BACKUP, NODE_CLIENT, request), DROP_KNOWN_REQUEST);
    assert_int_equal(core_actions(fixture, ACTION_KNOWN), 1);
    assert_int_equal(fixture->outbox.actions[0].code, RESULT_OK);
    assert_int_equal(fixture->outbox.actions[0].first_index, 1);
}

static void a_status_that_does_not_grow_is_not_answered(void **state)
{
    struct core_fixture *fixture = *state;
    fixture->now_ms += 1000;
    assert_int_equal(core_tick(fixture, 2), DROP_NONE);
    static uint8_t copy[4096];
    struct bytes status = core_sent(fixture, MESSAGE_STATUS);
    assert_in_range(status.len, 1, sizeof(copy));
    memcpy(copy, status.data, status.len);
    status.data = copy;
    assert_int_equal(core_deliver(fixture, BACKUP, 2, status), DROP_NONE);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, status), DROP_STALE);
}

static void bytes_of_no_message_are_malformed(void **state)
{
    struct core_fixture *fixture = *state;
    const uint8_t bomb[] = {0xdd, 0x02, 0xff, 0xff, 0xff};
    assert_int_equal(core_deliver(fixture, BACKUP, 2, BYTES_OF_ARRAY(bomb)), DROP_MALFORMED);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, BYTES_EMPTY), DROP_MALFORMED);
    struct bytes odd =
        core_frame(fixture, MESSAGE_PREPARE, 2, "r2", bytes_of_text("x"), BYTES_EMPTY);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, odd), DROP_MALFORMED);
    struct bytes data = core_frame(fixture, MESSAGE_DATA, 2, NULL, bytes_of_text("x"), BYTES_EMPTY);
    assert_int_equal(core_deliver(fixture, BACKUP, 2, data), DROP_MALFORMED);
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(a_backup_goes_from_proposal_to_block),
        CORE_TEST(commits_that_come_first_are_kept),
        CORE_TEST(votes_for_another_digest_prepare_nothing),
        CORE_TEST(a_second_proposal_for_a_slot_is_evidence),
        CORE_TEST(two_votes_of_one_replica_are_evidence),
        CORE_TEST(what_can_have_no_effect_is_dropped_with_its_reason),
        CORE_TEST(only_the_primary_proposes_and_only_replicas_vote),
        CORE_TEST(a_batch_is_what_its_digest_and_signatures_say),
        CORE_TEST(a_batch_with_a_bad_client_signature_is_refused),
        CORE_TEST(a_good_batch_convicts_nobody_whoever_changed_it_on_the_way),
        CORE_TEST(a_proposal_out_of_time_is_not_prepared),
        CORE_TEST(the_primary_proposes_what_clients_ask_for),
        CORE_TEST(a_batch_waits_for_requests_that_are_being_verified),
        CORE_TEST(a_batch_waits_for_a_moment_only),
        CORE_TEST(a_second_slot_is_opened_for_a_full_batch_only),
        CORE_TEST(requests_of_one_client_stand_together_in_a_batch),
        CORE_TEST(a_backup_relays_a_request_once),
        CORE_TEST(a_request_that_came_too_late_is_answered_and_not_queued),
        CORE_TEST(an_executed_request_gets_its_first_result),
        CORE_TEST(a_status_that_does_not_grow_is_not_answered),
        CORE_TEST(bytes_of_no_message_are_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
