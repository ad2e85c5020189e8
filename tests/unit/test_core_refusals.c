/* What the core refuses before it looks further: bodies that are none, of other epochs, from
 * whom they may not come, or when it is not running. Whatever is refused leaves nothing behind. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "tests/support/core_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define NODE 1
#define SENDER 2

static const uint64_t types[] = {
    MESSAGE_PRE_PREPARE, MESSAGE_PREPARE,          MESSAGE_COMMIT,   MESSAGE_ATTEST,
    MESSAGE_COMPLAIN,    MESSAGE_VIEW_CHANGE,      MESSAGE_NEW_VIEW, MESSAGE_STATUS,
    MESSAGE_CHALLENGE,   MESSAGE_CHALLENGE_ANSWER,
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static struct node_look look_at(const struct core_fixture *fixture)
{
    struct node_look look;
    node_look(fixture->nodes[NODE], &look);
    return look;
}

/* Give the frame to the node without asking anybody before: it asks again itself. */
static enum drop give(struct core_fixture *fixture, uint32_t from, struct bytes frame)
{
    struct event event = {
        .kind = EVENT_MESSAGE,
        .from = from,
        .frame = frame,
        .now_ms = fixture->now_ms,
        .wall_ms = fixture->wall_ms,
    };
    return node_step(fixture->nodes[NODE], &event, &fixture->outbox);
}

/* Refused by inspection, and by the step too if it comes so far; it sends and stores nothing. */
static void assert_refused(struct core_fixture *fixture, uint32_t from, struct bytes frame,
                           enum drop drop)
{
    struct verify_job job;
    struct node_look before = look_at(fixture);
    assert_int_equal(node_inspect(fixture->nodes[NODE], from, frame, &job), drop);
    assert_int_equal(give(fixture, from, frame), drop);
    assert_int_equal(fixture->outbox.put_count, 0);
    assert_int_equal(fixture->outbox.action_count, 0);
    struct node_look after = look_at(fixture);
    assert_int_equal(after.drops[drop], before.drops[drop] + 1);
    before.drops[drop]++;
    assert_memory_equal(&before, &after, sizeof(before));
}

static struct bytes junk_frame(struct core_fixture *fixture, uint64_t type)
{
    static const uint8_t junk[] = {0x91, 1, 2};
    return core_frame(fixture, type, SENDER, "r2", BYTES_OF_ARRAY(junk), BYTES_EMPTY);
}

static void a_body_that_is_none_is_malformed(void **state)
{
    struct core_fixture *fixture = *state;
    for (size_t i = 0; i < TYPES; i++) {
        assert_refused(fixture, SENDER, junk_frame(fixture, types[i]), DROP_MALFORMED);
    }
    struct bytes data = junk_frame(fixture, MESSAGE_DATA);
    assert_refused(fixture, SENDER, data, DROP_MALFORMED);
    struct bytes request = junk_frame(fixture, MESSAGE_REQUEST);
    assert_refused(fixture, NODE_CLIENT, request, DROP_MALFORMED);
}

/* The encoded header of a block of that epoch. */
static struct bytes header_of(struct core_fixture *fixture, uint64_t epoch)
{
    static uint8_t memory[HEADER_BYTES_MAX];
    struct buffer out = buffer_make(memory, sizeof(memory));
    struct block_header header = {.epoch = epoch, .height = 1, .tree_size = 1};
    memcpy(header.cluster_id, node_cluster_id(fixture->nodes[NODE]), HASH_BYTES);
    assert_true(block_header_encode(&header, &out));
    return buffer_bytes(&out);
}

/* A body of that type that is well-formed, of the next epoch. */
static struct bytes body_of_epoch(struct core_fixture *fixture, uint64_t type, uint64_t epoch)
{
    static uint8_t memory[4096];
    struct buffer out = buffer_make(memory, sizeof(memory));
    struct vote vote = {.epoch = epoch, .sequence = 1};
    struct attest attest = {.header = header_of(fixture, epoch)};
    struct complain complain = {.epoch = epoch};
    struct view_change change = {.epoch = epoch, .view = 1};
    struct status_report report = {.epoch = epoch, .mode = MODE_ACTIVE, .boot = 7};
    struct challenge challenge = {.epoch = epoch};
    struct challenge_answer answer = {.epoch = epoch, .rid = NODE};
    uint8_t signed_memory[512];
    struct buffer list = buffer_make(signed_memory, sizeof(signed_memory));
    struct signed_body one = {.rid = SENDER, .body = bytes_of_text("x")};
    assert_true(signed_body_encode(&one, &list));
    struct new_view new_view = {.epoch = epoch, .view = 2};
    new_view.view_changes = (struct wire_list){buffer_bytes(&list), 1};
    change.stable.header = attest.header;
    const struct {
        uint64_t type;
        const struct schema *schema;
        const void *body;
    } bodies[] = {
        {MESSAGE_ATTEST, &schema_attest, &attest},
        {MESSAGE_COMPLAIN, &schema_complain, &complain},
        {MESSAGE_VIEW_CHANGE, &schema_view_change, &change},
        {MESSAGE_NEW_VIEW, &schema_new_view, &new_view},
        {MESSAGE_STATUS, &schema_status_report, &report},
        {MESSAGE_CHALLENGE, &schema_challenge, &challenge},
        {MESSAGE_CHALLENGE_ANSWER, &schema_challenge_answer, &answer},
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        if (bodies[i].type == type) {
            assert_true(schema_encode(bodies[i].schema, bodies[i].body, &out));
            return buffer_bytes(&out);
        }
    }
    assert_true(vote_encode(&vote, &out));
    return buffer_bytes(&out);
}

static void what_is_of_another_epoch_is_refused(void **state)
{
    struct core_fixture *fixture = *state;
    for (size_t i = 0; i < TYPES; i++) {
        struct bytes body = body_of_epoch(fixture, types[i], 1);
        struct bytes frame = core_frame(fixture, types[i], SENDER, "r2", body, BYTES_EMPTY);
        /* A status is a hint of who brings it, so it is refused of anybody else. */
        uint32_t from = types[i] == MESSAGE_STATUS ? SENDER + 1 : SENDER;
        assert_refused(fixture, from, frame, DROP_EPOCH);
    }
}

static void a_header_of_another_cluster_is_refused(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t memory[1024];
    uint8_t body_memory[2048];
    struct buffer header_out = buffer_make(memory, sizeof(memory));
    struct buffer out = buffer_make(body_memory, sizeof(body_memory));
    struct block_header header = {.height = 1, .tree_size = 1, .cluster_id = {1}};
    assert_true(block_header_encode(&header, &header_out));
    struct attest attest = {.header = buffer_bytes(&header_out)};
    assert_true(attest_encode(&attest, &out));
    struct bytes frame =
        core_frame(fixture, MESSAGE_ATTEST, SENDER, NULL, buffer_bytes(&out), BYTES_EMPTY);
    assert_refused(fixture, SENDER, frame, DROP_EPOCH);
}

static void an_unknown_type_is_refused_whoever_sends_it(void **state)
{
    struct core_fixture *fixture = *state;
    static const uint64_t unknown[] = {0, 30, 31, 32, 200, 255};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        struct bytes frame =
            core_frame(fixture, unknown[i], SENDER, "r2", BYTES_EMPTY, BYTES_EMPTY);
        assert_refused(fixture, SENDER, frame, DROP_TYPE);
        frame = core_frame(fixture, unknown[i], 99, NULL, BYTES_EMPTY, BYTES_EMPTY);
        assert_refused(fixture, SENDER, frame, DROP_TYPE);
    }
}

static void a_sender_is_another_member(void **state)
{
    struct core_fixture *fixture = *state;
    for (size_t i = 0; i < TYPES; i++) {
        struct bytes body = body_of_epoch(fixture, types[i], 0);
        struct bytes frame = core_frame(fixture, types[i], CORE_NODES, "r2", body, BYTES_EMPTY);
        assert_refused(fixture, SENDER, frame, DROP_SENDER);
        frame = core_frame(fixture, types[i], NODE, "r1", body, BYTES_EMPTY);
        assert_refused(fixture, SENDER, frame, DROP_OWN);
        frame = core_frame(fixture, types[i], SENDER, "r2", body, BYTES_EMPTY);
        assert_refused(fixture, NODE_CLIENT, frame, DROP_ROLE);
    }
    struct bytes data = core_frame(fixture, MESSAGE_DATA, 0, NULL, BYTES_EMPTY, BYTES_EMPTY);
    assert_refused(fixture, CORE_NODES, data, DROP_SENDER);
    assert_refused(fixture, NODE_CLIENT, data, DROP_ROLE);
}

static void data_of_a_kind_that_nobody_asks_for_is_refused(void **state)
{
    struct core_fixture *fixture = *state;
    static const uint64_t kinds[] = {0, FETCH_RECEIPT, FETCH_STATUS, FETCH_CHARTER, 255};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        uint8_t memory[128];
        struct buffer out = buffer_make(memory, sizeof(memory));
        struct data data = {.kind = kinds[i]};
        assert_true(data_encode(&data, &out));
        struct bytes frame = core_frame(fixture, MESSAGE_DATA, 0, NULL, buffer_bytes(&out),
                                        bytes_of_text("attached"));
        assert_refused(fixture, SENDER, frame, DROP_NOT_WANTED);
    }
}

static void a_frame_that_is_no_envelope_is_malformed(void **state)
{
    struct core_fixture *fixture = *state;
    assert_refused(fixture, SENDER, BYTES_EMPTY, DROP_MALFORMED);
    assert_refused(fixture, SENDER, bytes_of_text("no envelope"), DROP_MALFORMED);
}

static void a_status_must_be_newer_than_the_last(void **state)
{
    struct core_fixture *fixture = *state;
    static const struct {
        uint64_t boot;
        uint64_t counter;
        enum drop drop;
    } reports[] = {
        {7, 5, DROP_NONE}, {7, 5, DROP_STALE}, {7, 4, DROP_STALE}, {6, 9, DROP_STALE},
        {7, 6, DROP_NONE}, {8, 0, DROP_NONE},  {8, 0, DROP_STALE},
    };
    for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
        uint8_t memory[256];
        struct buffer out = buffer_make(memory, sizeof(memory));
        struct status_report report = {
            .mode = MODE_ACTIVE,
            .boot = reports[i].boot,
            .counter = reports[i].counter,
        };
        assert_true(status_report_encode(&report, &out));
        struct bytes frame =
            core_frame(fixture, MESSAGE_STATUS, SENDER, "r2", buffer_bytes(&out), BYTES_EMPTY);
        assert_int_equal(core_deliver(fixture, NODE, SENDER, frame), reports[i].drop);
        /* The handler relies on nobody else for it. */
        struct message message;
        assert_int_equal(message_split(frame, &message), DROP_NONE);
        outbox_clear(&fixture->outbox);
        assert_int_equal(on_status(fixture->nodes[NODE], &message, &fixture->outbox), DROP_STALE);
        assert_int_equal(fixture->outbox.action_count, 0);
    }
}

static void a_new_view_comes_from_whom_it_makes_primary(void **state)
{
    struct core_fixture *fixture = *state;
    struct bytes body = body_of_epoch(fixture, MESSAGE_NEW_VIEW, 0);
    struct bytes frame = core_frame(fixture, MESSAGE_NEW_VIEW, 3, "r3", body, BYTES_EMPTY);
    assert_refused(fixture, 3, frame, DROP_NOT_PRIMARY);
}

/* --- Handlers by themselves ------------------------------------------------------------------- */

typedef enum drop handler(struct node *node, const struct message *message, struct outbox *outbox);

static enum drop handle_request(struct node *node, const struct message *message,
                                struct outbox *outbox)
{
    return on_request(node, NODE_CLIENT, message, outbox);
}

static void no_handler_takes_a_body_or_an_attachment_that_is_none(void **state)
{
    struct core_fixture *fixture = *state;
    static handler *const handlers[] = {
        on_pre_prepare, on_prepare, on_commit,    on_attest,           on_view_change,
        on_new_view,    on_status,  on_challenge, on_challenge_answer, handle_request,
    };
    struct node_look before = look_at(fixture);
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        struct message message = {
            .envelope = {.type = MESSAGE_STATUS, .rid = SENDER, .body = bytes_of_text("junk")},
            .attachment = bytes_of_text("junk"),
        };
        outbox_clear(&fixture->outbox);
        assert_int_equal(handlers[i](fixture->nodes[NODE], &message, &fixture->outbox),
                         DROP_MALFORMED);
        assert_int_equal(fixture->outbox.action_count, 0);
        assert_int_equal(fixture->outbox.put_count, 0);
    }
    struct node_look after = look_at(fixture);
    assert_memory_equal(&before, &after, sizeof(before));
}

static void a_proposal_whose_attachment_is_no_batch_is_malformed(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t memory[256];
    uint8_t parcel_memory[256];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct vote vote = {.sequence = 1};
    struct batch_parcel parcel = {bytes_of_text("no batch"), bytes_of_text("no payloads")};
    hash_bytes(parcel.batch, vote.digest);
    assert_true(vote_encode(&vote, &body));
    struct buffer attachment = buffer_make(parcel_memory, sizeof(parcel_memory));
    assert_true(batch_parcel_encode(&parcel, &attachment));
    const struct bytes attachments[] = {bytes_of_text("no parcel"), buffer_bytes(&attachment)};
    for (size_t i = 0; i < 2; i++) {
        struct bytes frame =
            core_frame(fixture, MESSAGE_PRE_PREPARE, 0, "r0", buffer_bytes(&body), attachments[i]);
        assert_int_equal(core_deliver(fixture, NODE, 0, frame), DROP_MALFORMED);
        struct message message;
        assert_int_equal(message_split(frame, &message), DROP_NONE);
        outbox_clear(&fixture->outbox);
        assert_int_equal(on_pre_prepare(fixture->nodes[NODE], &message, &fixture->outbox),
                         DROP_MALFORMED);
        assert_int_equal(fixture->outbox.put_count, 0);
    }
}

static void a_request_whose_item_is_none_is_malformed(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t memory[256];
    struct buffer out = buffer_make(memory, sizeof(memory));
    struct request_parcel parcel = {bytes_of_text("no item"), bytes_of_text("no payloads")};
    assert_true(request_parcel_encode(&parcel, &out));
    const struct bytes attachments[] = {bytes_of_text("no parcel"), buffer_bytes(&out)};
    for (size_t i = 0; i < 2; i++) {
        struct bytes frame =
            core_frame(fixture, MESSAGE_REQUEST, 0, NULL, BYTES_EMPTY, attachments[i]);
        assert_int_equal(core_deliver(fixture, NODE, NODE_CLIENT, frame), DROP_MALFORMED);
        assert_int_equal(give(fixture, NODE_CLIENT, frame), DROP_MALFORMED);
        assert_int_equal(fixture->outbox.action_count, 0);
    }
    assert_int_equal(look_at(fixture).queued, 0);
}

static void a_new_view_of_a_view_that_is_over_is_old(void **state)
{
    struct core_fixture *fixture = *state;
    struct bytes body = body_of_epoch(fixture, MESSAGE_NEW_VIEW, 0);
    struct bytes frame = core_frame(fixture, MESSAGE_NEW_VIEW, SENDER, "r2", body, BYTES_EMPTY);
    struct message message;
    assert_int_equal(message_split(frame, &message), DROP_NONE);
    for (uint64_t view = 2; view <= 3; view++) {
        fixture->nodes[NODE]->view = view;
        outbox_clear(&fixture->outbox);
        assert_int_equal(on_new_view(fixture->nodes[NODE], &message, &fixture->outbox),
                         DROP_VIEW_OLD);
        assert_int_equal(fixture->outbox.put_count, 0);
        assert_refused(fixture, SENDER, frame, DROP_VIEW_OLD);
    }
    fixture->nodes[NODE]->view = 0;
}

/* --- Not running ------------------------------------------------------------------------------ */

static void remember(void *context, const char *line)
{
    char *said = context;
    strncat(said, line, 200);
}

static void a_node_that_halted_says_why_and_does_nothing_more(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[NODE];
    char said[512] = "";
    node_trace_to(node, remember, said);
    outbox_clear(&fixture->outbox);
    node_halt(node, "for a test", &fixture->outbox);
    assert_string_equal(said, "halted: for a test");
    assert_int_equal(core_actions(fixture, ACTION_HALT), 1);
    assert_string_equal(fixture->outbox.actions[0].text, "for a test");
    assert_true(look_at(fixture).halted);
    assert_refused(fixture, NODE_CLIENT, core_request(fixture, 1), DROP_HALTED);
    fixture->now_ms += 100000;
    assert_int_equal(core_tick(fixture, NODE), DROP_NONE);
    assert_int_equal(fixture->outbox.action_count, 0);
    node_trace_to(node, NULL, NULL);
}

static void a_node_that_has_not_started_takes_nothing(void **state)
{
    struct core_fixture *fixture = *state;
    struct node *node = fixture->nodes[NODE];
    node->started = false;
    assert_refused(fixture, NODE_CLIENT, core_request(fixture, 1), DROP_NOT_STARTED);
    fixture->now_ms += 100000;
    assert_int_equal(core_tick(fixture, NODE), DROP_NONE);
    assert_int_equal(fixture->outbox.action_count, 0);
    node->started = true;
}

static void a_record_is_not_wanted_once_it_runs(void **state)
{
    struct core_fixture *fixture = *state;
    struct event event = {.kind = EVENT_RESTORED, .record = {.family = FAMILY_JOURNAL}};
    assert_int_equal(node_step(fixture->nodes[NODE], &event, &fixture->outbox), DROP_NOT_WANTED);
    assert_int_equal(fixture->outbox.put_count, 0);
}

/* Whoever brought it may have made it up. */
static void what_is_not_signed_by_whom_it_names_convicts_nobody(void **state)
{
    struct core_fixture *fixture = *state;
    for (size_t i = 0; i < TYPES; i++) {
        struct bytes body = body_of_epoch(fixture, types[i], 0);
        struct event event = {
            .kind = EVENT_REFUSED,
            .from = SENDER,
            .verdict = DROP_SIGNATURE,
            .frame = core_frame(fixture, types[i], SENDER, "r2", body, BYTES_EMPTY),
            .now_ms = fixture->now_ms,
            .wall_ms = fixture->wall_ms,
        };
        assert_int_not_equal(node_step(fixture->nodes[NODE], &event, &fixture->outbox), DROP_NONE);
        assert_int_equal(core_actions(fixture, ACTION_EVIDENCE), 0);
        assert_int_equal(fixture->outbox.put_count, 0);
    }
    struct event junk = {.kind = EVENT_REFUSED, .from = SENDER, .frame = bytes_of_text("junk")};
    assert_int_equal(node_step(fixture->nodes[NODE], &junk, &fixture->outbox), DROP_MALFORMED);
}

static void a_member_is_a_number_of_32_bits(void **state)
{
    struct core_fixture *fixture = *state;
    assert_int_equal(node_member(fixture->nodes[NODE], 3), 3);
    assert_int_equal(node_member(fixture->nodes[NODE], CORE_NODES), REPLICAS_MAX);
    /* Cut to 32 bits it would be member 0. */
    assert_int_equal(node_member(fixture->nodes[NODE], UINT64_C(1) << 32), REPLICAS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_body_that_is_none_is_malformed),
        TEST(what_is_of_another_epoch_is_refused),
        TEST(a_header_of_another_cluster_is_refused),
        TEST(an_unknown_type_is_refused_whoever_sends_it),
        TEST(a_sender_is_another_member),
        TEST(data_of_a_kind_that_nobody_asks_for_is_refused),
        TEST(a_frame_that_is_no_envelope_is_malformed),
        TEST(a_status_must_be_newer_than_the_last),
        TEST(a_new_view_comes_from_whom_it_makes_primary),
        TEST(no_handler_takes_a_body_or_an_attachment_that_is_none),
        TEST(a_proposal_whose_attachment_is_no_batch_is_malformed),
        TEST(a_request_whose_item_is_none_is_malformed),
        TEST(a_new_view_of_a_view_that_is_over_is_old),
        TEST(a_node_that_halted_says_why_and_does_nothing_more),
        TEST(a_node_that_has_not_started_takes_nothing),
        TEST(a_record_is_not_wanted_once_it_runs),
        TEST(what_is_not_signed_by_whom_it_names_convicts_nobody),
        TEST(a_member_is_a_number_of_32_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
