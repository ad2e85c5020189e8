/* Checkpoints message by message: when a quorum's attestations become the note that readers get,
 * and how a replica that missed some hears them. */
#include "replica/core/node.h"
#include "storage/record.h"
#include "tests/support/core_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define INTERVAL 128 /* the charter's checkpoint interval */
#define REST_MS 200

/* Frames that must outlive the next steps. */
struct kept {
    uint8_t bytes[1u << 16];
    size_t len;
};

static struct bytes keep(struct kept *kept, struct bytes frame)
{
    assert_in_range(frame.len, 1, sizeof(kept->bytes));
    memcpy(kept->bytes, frame.data, frame.len);
    kept->len = frame.len;
    return bytes_make(kept->bytes, kept->len);
}

static void vote_to(struct core_fixture *fixture, uint32_t n, uint64_t type,
                    const struct vote *vote)
{
    for (uint32_t rid = type == MESSAGE_PREPARE ? 1 : 0; rid < CORE_NODES; rid++) {
        if (rid != n) {
            (void)core_deliver(fixture, n, rid, core_vote(fixture, type, rid, vote));
        }
    }
}

/* The next block is executed by the nodes of `members`, node 0 among them. What each attests in the
 * step that executes is kept in `attests`, if it attests. */
static void block(struct core_fixture *fixture, uint64_t height, uint32_t members,
                  struct kept attests[CORE_NODES])
{
    static struct kept proposal;
    struct envelope envelope;
    struct vote vote;
    size_t used = 0;
    struct bytes request = core_request(fixture, height);
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, request), DROP_NONE);
    struct bytes frame = keep(&proposal, core_sent(fixture, MESSAGE_PRE_PREPARE));
    assert_int_equal(schema_decode_front(&schema_envelope, frame, &envelope, &used), WIRE_OK);
    assert_int_equal(vote_decode(envelope.body, &vote), WIRE_OK);
    assert_int_equal(vote.sequence, height);
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        struct node_look look;
        if ((members >> n & 1) == 0) {
            continue;
        }
        if (n != 0) {
            assert_int_equal(core_deliver(fixture, n, 0, frame), DROP_NONE);
        }
        vote_to(fixture, n, MESSAGE_PREPARE, &vote);
        /* Two COMMITs and the own one: the last of them executes. */
        uint32_t sent = 0;
        for (uint32_t rid = 0; rid < CORE_NODES && sent < 2; rid++) {
            if (rid != n) {
                struct bytes commit = core_vote(fixture, MESSAGE_COMMIT, rid, &vote);
                assert_int_equal(core_deliver(fixture, n, rid, commit), DROP_NONE);
                sent++;
            }
        }
        attests[n].len = 0;
        if (core_sent(fixture, MESSAGE_ATTEST).len > 0) {
            (void)keep(&attests[n], core_sent(fixture, MESSAGE_ATTEST));
        }
        node_look(fixture->nodes[n], &look);
        assert_int_equal(look.executed, height);
    }
}

/* All that executed rest, and attest their heads. */
static void rest(struct core_fixture *fixture, uint32_t members, struct kept attests[CORE_NODES])
{
    fixture->now_ms += REST_MS;
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        if ((members >> n & 1) != 0) {
            assert_int_equal(core_tick(fixture, n), DROP_NONE);
            (void)keep(&attests[n], core_sent(fixture, MESSAGE_ATTEST));
        }
    }
}

static enum drop attest_to(struct core_fixture *fixture, uint32_t n, uint32_t from,
                           const struct kept *attests)
{
    return core_deliver(fixture, n, from, bytes_make(attests[from].bytes, attests[from].len));
}

static struct bytes journaled(const struct core_fixture *fixture, uint8_t wanted)
{
    for (uint32_t i = 0; i < fixture->outbox.put_count; i++) {
        const struct put *put = &fixture->outbox.puts[i];
        uint8_t kind = 0;
        uint64_t height = 0;
        if (put->family == FAMILY_JOURNAL && !put->erase &&
            record_read_journal(put->key, &kind, &height) && kind == wanted) {
            return put->value;
        }
    }
    return BYTES_EMPTY;
}

static struct kept attests[CORE_NODES];
static struct kept again[CORE_NODES];

static void a_note_waits_until_its_tree_is_had(void **state)
{
    struct core_fixture *fixture = *state;
    block(fixture, 1, 0xd, attests);
    rest(fixture, 0xd, attests);
    for (uint32_t from = 0; from < CORE_NODES; from += from == 0 ? 2 : 1) {
        assert_int_equal(attest_to(fixture, 1, from, attests), DROP_NONE);
        assert_false(core_journaled(fixture, 'c'));
    }
    /* The same three are enough where the block was executed. */
    assert_int_equal(attest_to(fixture, 2, 0, attests), DROP_NONE);
    assert_false(core_journaled(fixture, 'c'));
    assert_int_equal(attest_to(fixture, 2, 3, attests), DROP_NONE);
    assert_true(core_journaled(fixture, 'c'));
}

static struct bytes status_of(struct core_fixture *fixture, uint32_t n)
{
    static struct kept status;
    fixture->now_ms += 250;
    assert_int_equal(core_tick(fixture, n), DROP_NONE);
    return keep(&status, core_sent(fixture, MESSAGE_STATUS));
}

static void one_that_rests_at_the_same_head_hears_its_attestation_again(void **state)
{
    struct core_fixture *fixture = *state;
    block(fixture, 1, 0xf, attests);
    rest(fixture, 0xf, attests);
    uint32_t told = 0;
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(core_deliver(fixture, 1, 2, status_of(fixture, 2)), DROP_NONE);
        struct bytes said = core_sent(fixture, MESSAGE_ATTEST);
        told += said.len > 0 ? 1 : 0;
        if (i == 0) {
            /* The broadcast was lost: this one takes its place. */
            assert_true(bytes_equal(said, bytes_make(attests[1].bytes, attests[1].len)));
            assert_int_equal(attest_to(fixture, 2, 3, attests), DROP_NONE);
            assert_false(core_journaled(fixture, 'c'));
            assert_int_equal(attest_to(fixture, 2, 1, attests), DROP_NONE);
            assert_true(core_journaled(fixture, 'c'));
        }
    }
    assert_int_equal(told, 3); /* every half second */
}

static void a_head_under_load_is_attested_now_and_then(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t digest[HASH_BYTES];
    uint8_t memory[128];
    struct vote vote = {.sequence = 3};
    block(fixture, 1, 0xf, attests);
    rest(fixture, 0xf, attests);
    block(fixture, 2, 0xf, attests);
    /* The next block is on its way, and takes long. */
    struct bytes parcel = core_batch(fixture, 3, 1, fixture->wall_ms, digest);
    struct buffer body = buffer_make(memory, sizeof(memory));
    memcpy(vote.digest, digest, HASH_BYTES);
    assert_true(vote_encode(&vote, &body));
    struct bytes frame =
        core_frame(fixture, MESSAGE_PRE_PREPARE, 0, "r0", buffer_bytes(&body), parcel);
    assert_int_equal(core_deliver(fixture, 1, 0, frame), DROP_NONE);
    fixture->now_ms += 20;
    assert_int_equal(core_tick(fixture, 1), DROP_NONE);
    assert_int_equal(core_sent(fixture, MESSAGE_ATTEST).len, 0);
    assert_int_equal(core_tick(fixture, 2), DROP_NONE); /* for this one the log rests */
    assert_int_not_equal(core_sent(fixture, MESSAGE_ATTEST).len, 0);
    fixture->now_ms += 80;
    assert_int_equal(core_tick(fixture, 1), DROP_NONE);
    assert_int_not_equal(core_sent(fixture, MESSAGE_ATTEST).len, 0);
}

static void an_attestation_of_the_genesis_is_of_no_use(void **state)
{
    struct core_fixture *fixture = *state;
    struct envelope envelope;
    struct attest attest;
    struct block_header header;
    size_t used = 0;
    uint8_t header_memory[512];
    uint8_t body_memory[1024];
    struct buffer header_bytes = buffer_make(header_memory, sizeof(header_memory));
    struct buffer body = buffer_make(body_memory, sizeof(body_memory));
    block(fixture, 1, 0xd, attests);
    rest(fixture, 0xd, attests);
    struct bytes frame = bytes_make(attests[2].bytes, attests[2].len);
    assert_int_equal(schema_decode_front(&schema_envelope, frame, &envelope, &used), WIRE_OK);
    assert_int_equal(attest_decode(envelope.body, &attest), WIRE_OK);
    assert_int_equal(block_header_decode(attest.header, &header), WIRE_OK);
    header.height = 0;
    assert_true(block_header_encode(&header, &header_bytes));
    attest.header = buffer_bytes(&header_bytes);
    assert_true(attest_encode(&attest, &body));
    frame = core_frame(fixture, MESSAGE_ATTEST, 2, NULL, buffer_bytes(&body), BYTES_EMPTY);
    assert_int_equal(core_deliver(fixture, 1, 2, frame), DROP_BELOW_WINDOW);
}

/* The status as that node would say it after it started again. */
static struct bytes of_next_boot(struct core_fixture *fixture, struct bytes status)
{
    struct envelope envelope;
    struct status_report report;
    size_t used = 0;
    uint8_t memory[1024];
    struct buffer body = buffer_make(memory, sizeof(memory));
    assert_int_equal(schema_decode_front(&schema_envelope, status, &envelope, &used), WIRE_OK);
    assert_int_equal(status_report_decode(envelope.body, &report), WIRE_OK);
    report.boot++;
    assert_true(status_report_encode(&report, &body));
    return core_frame(fixture, MESSAGE_STATUS, 2, "r2", buffer_bytes(&body), BYTES_EMPTY);
}

static void one_that_started_again_hears_the_attestation_at_once(void **state)
{
    struct core_fixture *fixture = *state;
    block(fixture, 1, 0xf, attests);
    rest(fixture, 0xf, attests);
    assert_int_equal(core_deliver(fixture, 1, 2, status_of(fixture, 2)), DROP_NONE);
    assert_int_not_equal(core_sent(fixture, MESSAGE_ATTEST).len, 0);
    struct bytes status = status_of(fixture, 2);
    assert_int_equal(core_deliver(fixture, 1, 2, status), DROP_NONE);
    assert_int_equal(core_sent(fixture, MESSAGE_ATTEST).len, 0);
    fixture->now_ms += 60; /* each peer is helped only so often */
    assert_int_equal(core_deliver(fixture, 1, 2, of_next_boot(fixture, status)), DROP_NONE);
    assert_int_not_equal(core_sent(fixture, MESSAGE_ATTEST).len, 0);
}

static void one_that_is_behind_hears_no_attestation_of_the_head(void **state)
{
    struct core_fixture *fixture = *state;
    block(fixture, 1, 0xb, attests);
    rest(fixture, 0xb, attests);
    assert_int_equal(core_deliver(fixture, 1, 2, status_of(fixture, 2)), DROP_NONE);
    assert_int_equal(core_sent(fixture, MESSAGE_ATTEST).len, 0);
}

/* A stable checkpoint that was fetched has no cosignatures: a receipt needs those of the head. */
static void a_head_that_is_stable_by_certificate_gets_its_note(void **state)
{
    static struct kept stable;
    struct core_fixture *fixture = *state;
    struct node_look look;
    for (uint64_t height = 1; height <= INTERVAL; height++) {
        block(fixture, height, 0xf, attests);
    }
    assert_int_equal(attest_to(fixture, 2, 0, attests), DROP_NONE);
    assert_int_equal(attest_to(fixture, 2, 3, attests), DROP_NONE);
    struct bytes certificate = keep(&stable, journaled(fixture, 'k'));

    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct data data = {.kind = FETCH_STABLE};
    assert_true(data_encode(&data, &body));
    struct bytes frame =
        core_frame(fixture, MESSAGE_DATA, 2, NULL, buffer_bytes(&body), certificate);
    assert_int_equal(core_deliver(fixture, 1, 2, frame), DROP_NONE);
    node_look(fixture->nodes[1], &look);
    assert_int_equal(look.stable, INTERVAL);
    assert_false(core_journaled(fixture, 'c'));

    assert_int_equal(attest_to(fixture, 1, 0, attests), DROP_NONE);
    assert_int_equal(attest_to(fixture, 1, 2, attests), DROP_NONE);
    assert_true(core_journaled(fixture, 'c'));
    /* And one that has rested there for long answers the late one. */
    fixture->now_ms += REST_MS;
    assert_int_equal(attest_to(fixture, 2, 1, attests), DROP_NONE);
    assert_int_not_equal(core_sent(fixture, MESSAGE_ATTEST).len, 0);
    /* What lies below is of no use any more. */
    block(fixture, INTERVAL + 1, 0xf, again);
    assert_int_equal(attest_to(fixture, 1, 3, attests), DROP_BELOW_WINDOW);
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(a_note_waits_until_its_tree_is_had),
        CORE_TEST(one_that_rests_at_the_same_head_hears_its_attestation_again),
        CORE_TEST(a_head_under_load_is_attested_now_and_then),
        CORE_TEST(an_attestation_of_the_genesis_is_of_no_use),
        CORE_TEST(one_that_started_again_hears_the_attestation_at_once),
        CORE_TEST(one_that_is_behind_hears_no_attestation_of_the_head),
        CORE_TEST(a_head_that_is_stable_by_certificate_gets_its_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
