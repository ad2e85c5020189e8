/* How four nodes pass from one epoch to the next, on a wire. The boundary is put into their states
 * by hand, as governance would have left it there: what an officer's proposal does is tested with
 * governance. */
#include "governance/epoch.h"
#include "replica/core/epoch.h"
#include "replica/core/verify_view.h"
#include "tests/support/core_wire.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define BOUNDARY 128
#define ROTATED 3

static struct node *node_of(const struct wired *wired, uint32_t n)
{
    return wired->core->nodes[n];
}

static void boundary_set(struct wired *wired, uint64_t boundary)
{
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        epoch_end_at(node_of(wired, n)->state, boundary);
    }
}

/* The public key of that name, as an enacted proposal registers it. */
static void key_register(struct state *state, const char *name, uint8_t out[PUBLIC_KEY_BYTES])
{
    uint8_t seed[SEED_BYTES];
    uint8_t memory[128];
    struct buffer value = buffer_make(memory, sizeof(memory));
    const struct registry_row row = {.role = ROLE_REPLICA,
                                     .subject = bytes_of_text("r3"),
                                     .since_height = BOUNDARY + 1,
                                     .standing = STANDING_SUSPENDED};
    gov_seed(name, seed);
    sig_fast.public_key(seed, out);
    const struct state_key key = state_key_registry(out);
    assert_true(registry_row_encode(&row, &value));
    assert_true(state_put(state, state_key_bytes(&key), buffer_bytes(&value)));
}

/* Replica 3 has the keys of those names from the next epoch on, in every state. */
static void rotate(struct wired *wired, const char *sign, const char *cosign)
{
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        struct state *state = node_of(wired, n)->state;
        struct buffer list = state_scratch(state, SCRATCH_LIST);
        struct buffer body = state_scratch(state, SCRATCH_BODY);
        struct section_record record;
        struct replicas_section section;
        struct replica_standing row;
        assert_true(section_read(state, SECTION_REPLICAS, &record));
        assert_int_equal(replicas_section_decode(record.body, &section), WIRE_OK);
        struct wire_iter iter = wire_iter_make(section.replicas);
        while (replica_standing_next(&iter, &row)) {
            if (row.rid == ROTATED) {
                key_register(state, sign, row.sign_pk);
                key_register(state, cosign, row.cosign_pk);
            }
            assert_true(replica_standing_encode(&row, &list));
        }
        section.replicas.raw = buffer_bytes(&list);
        assert_true(replicas_section_encode(&section, &body));
        assert_true(epoch_set_next(state, SECTION_REPLICAS, buffer_bytes(&body)));
    }
}

/* To the first block behind the boundary. */
static void pass(struct wired *wired)
{
    boundary_set(wired, BOUNDARY);
    assert_int_equal(wired_ask(wired, 0, 1), DROP_NONE);
    core_wire_wait(wired->wire, 3000);
}

static void the_next_epoch_begins_behind_the_boundary(void **state)
{
    struct wired *wired = *state;
    pass(wired);
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        struct node_look seen = wired_look(wired, n);
        assert_int_equal(seen.epoch, 1);
        assert_int_equal(seen.view, 0);
        assert_int_equal(seen.executed, BOUNDARY + 1); /* the first one is made at once */
        assert_int_equal(seen.stable, BOUNDARY);
        assert_int_equal(seen.primary, 1);
        assert_int_equal(seen.boundary, UINT64_MAX);
        assert_true(seen.awake);
        assert_false(seen.keyless);
    }
    assert_int_equal(wired_ask(wired, 1, 2), DROP_NONE);
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        assert_int_equal(wired_look(wired, n).executed, BOUNDARY + 2);
    }
}

static void nothing_is_accepted_above_the_boundary(void **state)
{
    struct wired *wired = *state;
    static const struct {
        uint64_t sequence;
        enum drop drop;
    } cases[] = {{BOUNDARY, DROP_NONE}, {BOUNDARY + 1, DROP_ABOVE_WINDOW}};
    node_of(wired, 1)->head.boundary = BOUNDARY;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct vote vote = {.sequence = cases[i].sequence, .digest = {1}};
        struct bytes frame = core_vote(wired->core, MESSAGE_COMMIT, 2, &vote);
        assert_int_equal(core_deliver(wired->core, 1, 2, frame), cases[i].drop);
    }
}

/* Nobody proposes there: the primary is gone. The others change the view, and get there. */
static void each_height_to_the_boundary_is_waited_for(void **state)
{
    struct wired *wired = *state;
    boundary_set(wired, BOUNDARY);
    core_wire_stop(wired->wire, 0);
    for (uint32_t n = 1; n < CORE_NODES; n++) {
        node_of(wired, n)->head.boundary = BOUNDARY; /* as if their head named it */
    }
    core_wire_wait(wired->wire, 8000);
    for (uint32_t n = 1; n < CORE_NODES; n++) {
        struct node_look seen = wired_look(wired, n);
        assert_int_equal(seen.epoch, 1);
        assert_true(seen.executed > BOUNDARY);
    }
}

static void without_its_new_key_a_replica_follows_and_signs_nothing(void **state)
{
    struct wired *wired = *state;
    rotate(wired, "r3 new", "r3 new cosign");
    pass(wired);
    for (uint32_t n = 0; n < CORE_NODES; n++) {
        struct node_look seen = wired_look(wired, n);
        assert_int_equal(seen.epoch, 1);
        assert_int_equal(seen.awake, n != ROTATED);
        assert_int_equal(seen.keyless, n == ROTATED);
    }
    assert_int_equal(wired_ask(wired, 1, 2), DROP_NONE);
    assert_int_equal(wired_look(wired, 0).executed, BOUNDARY + 2);
    assert_false(node_may_sign(node_of(wired, ROTATED)));
}

static void with_its_new_key_it_votes_and_signs_each_height_by_the_key_of_its_epoch(void **state)
{
    struct wired *wired = *state;
    struct node *node = node_of(wired, ROTATED);
    static uint8_t seeds[2][SEED_BYTES];
    uint8_t old_pk[PUBLIC_KEY_BYTES];
    memcpy(old_pk, node->roster.members[ROTATED].sign_pk, sizeof(old_pk));
    gov_seed("r3 new", seeds[0]);
    gov_seed("r3 new cosign", seeds[1]);
    node->keys[1] = (struct node_key){seeds[0], seeds[1]};
    node->key_count = 2;
    rotate(wired, "r3 new", "r3 new cosign");
    pass(wired);
    assert_true(node_may_sign(node));
    assert_ptr_equal(epoch_key(node, 1), &node->keys[1]);
    assert_ptr_equal(epoch_key(node, 0), &node->keys[0]);
    assert_null(epoch_key(node, 2));
    assert_memory_equal(epoch_roster(node, 0)->members[ROTATED].sign_pk, old_pk, sizeof(old_pk));
    assert_memory_not_equal(epoch_roster(node, 1)->members[ROTATED].sign_pk, old_pk,
                            sizeof(old_pk));
    /* Of an epoch that it has no key of it signs nothing. */
    static const uint8_t zero[SIG_BYTES];
    uint8_t memory[HEADER_BYTES_MAX];
    uint8_t sigs[2][SIG_BYTES];
    struct buffer header = buffer_make(memory, sizeof(memory));
    const struct block_header of_later = {.epoch = 2, .height = 900, .tree_size = 1};
    assert_true(block_header_encode(&of_later, &header));
    attest_sign(node, buffer_bytes(&header), sigs[0], sigs[1]);
    assert_memory_equal(sigs[0], zero, SIG_BYTES);
    assert_memory_equal(sigs[1], zero, SIG_BYTES);
    /* With one of the others gone its vote is needed. */
    core_wire_stop(wired->wire, 0);
    assert_int_equal(wired_ask(wired, 1, 2), DROP_NONE);
    assert_int_equal(wired_look(wired, 2).executed, BOUNDARY + 2);
}

/* The checkpoint that closed an epoch is proven by its own members, and by no others. */
static void the_first_checkpoint_of_an_epoch_is_the_old_members_own(void **state)
{
    struct wired *wired = *state;
    struct verify_job job;
    struct stable stable;
    const struct vote vote = {.epoch = 1, .sequence = BOUNDARY + 3, .digest = {1}};
    rotate(wired, "r3 new", "r3 new cosign");
    pass(wired);
    struct node *node = node_of(wired, 0);
    assert_int_equal(node_inspect(node, 2, core_vote(wired->core, MESSAGE_COMMIT, 2, &vote), &job),
                     DROP_NONE);
    assert_int_equal(stable_decode(bytes_make(node->stable_proof, node->stable_len), &stable),
                     WIRE_OK);
    assert_true(stable_good(&job, &stable));
    job.begun++;
    assert_false(stable_good(&job, &stable));
    job.begun--;
    job.ended = job.roster; /* the keys of now, one of which is another */
    job.ended.epoch = 0;
    assert_int_equal(stable_good(&job, &stable), (stable.members >> ROTATED & 1) == 0);
    job.ended.n = 0;
    assert_false(stable_good(&job, &stable));
}

static void a_status_of_another_epoch_is_a_hint_of_who_brings_it(void **state)
{
    struct wired *wired = *state;
    uint8_t memory[256];
    struct buffer body = buffer_make(memory, sizeof(memory));
    const struct status_report report = {
        .epoch = 3, .view = 9, .mode = MODE_CHANGING, .executed = 700, .stable = 640, .boot = 7};
    assert_true(status_report_encode(&report, &body));
    struct bytes frame =
        core_frame(wired->core, MESSAGE_STATUS, 2, "r0", buffer_bytes(&body), BYTES_EMPTY);
    assert_int_equal(core_deliver(wired->core, 1, 3, frame), DROP_EPOCH);
    assert_int_equal(core_deliver(wired->core, 1, 2, frame), DROP_NONE);
    const struct peer *peer = &node_of(wired, 1)->peers[2];
    assert_int_equal(peer->executed, 700);
    assert_int_equal(peer->stable, 640);
    assert_int_equal(peer->view, 0);
}

/* It may be good where its members are known: who sends it has not lied. */
static void data_of_another_epoch_is_as_if_there_were_none(void **state)
{
    struct wired *wired = *state;
    struct node *node = node_of(wired, 1);
    uint8_t memory[256];
    struct buffer body = buffer_make(memory, sizeof(memory));
    const struct data data = {.kind = FETCH_BLOCKS, .from = 1};
    assert_true(data_encode(&data, &body));
    struct event event = {
        .kind = EVENT_REFUSED, .from = 2, .verdict = DROP_EPOCH, .now_ms = wired->core->now_ms};
    event.frame = core_frame(wired->core, MESSAGE_DATA, 2, NULL, buffer_bytes(&body),
                             bytes_of_text("a block of another epoch"));
    sources_ask(&node->sources, 2, &(struct range){FETCH_BLOCKS, 1, 1}, node->now_ms);
    assert_int_equal(node_step(node, &event, &wired->core->outbox), DROP_EPOCH);
    assert_true(sources_banned(&node->sources, 2, event.now_ms + 100));
    assert_false(sources_banned(&node->sources, 2, event.now_ms + 2000));
}

/* The record of an epoch, with the sections of that state. */
static struct bytes record_of(const struct node *node, uint64_t epoch, struct bytes replicas)
{
    static uint8_t memory[2][1 << 16];
    struct buffer list = buffer_make(memory[0], sizeof(memory[0]));
    struct buffer out = buffer_make(memory[1], sizeof(memory[1]));
    struct epoch_record record = {.epoch = epoch};
    for (uint32_t i = 1; i <= SECTION_COUNT; i++) {
        uint8_t body[1 << 14];
        struct buffer space = buffer_make(body, sizeof(body));
        struct section_record section;
        assert_true(section_read(node->state, (enum section)i, &section));
        section.body = i == SECTION_REPLICAS && replicas.len > 0 ? replicas : section.body;
        assert_true(section_record_encode(&section, &space));
        const struct item_section element = {buffer_bytes(&space)};
        assert_true(item_section_encode(&element, &list));
    }
    record.sections = (struct wire_list){buffer_bytes(&list), SECTION_COUNT};
    record.stable.header = bytes_make(node->head.header, node->head.header_len);
    assert_true(epoch_record_encode(&record, &out));
    return buffer_bytes(&out);
}

static void the_two_newest_epochs_are_remembered_in_whichever_order_they_come(void **state)
{
    struct wired *wired = *state;
    static const uint64_t orders[][3] = {{1, 2, 3}, {3, 2, 1}, {2, 3, 1}, {3, 1, 2}};
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct node *node = node_of(wired, (uint32_t)i);
        for (size_t k = 0; k < 3; k++) {
            uint64_t epoch = orders[i][k];
            struct bytes record = record_of(node, epoch, BYTES_EMPTY);
            assert_int_equal(epoch_restored(node, BOUNDARY * epoch, record), DROP_NONE);
        }
        assert_int_equal(node->begun.epoch, 3);
        assert_int_equal(node->begun.height, 3 * BOUNDARY);
        assert_int_equal(node->ended.epoch, 2);
        assert_int_equal(node->ended.height, 2 * BOUNDARY);
    }
    struct bytes none = record_of(node_of(wired, 0), 4, bytes_of_text("no replicas"));
    assert_int_equal(epoch_restored(node_of(wired, 0), 4 * BOUNDARY, none), DROP_MALFORMED);
}

static void a_journal_that_is_of_another_epoch_than_the_state_is_damaged(void **state)
{
    struct wired *wired = *state;
    struct outbox *outbox = &wired->core->outbox;
    pass(wired);
    struct node *node = node_of(wired, 0);
    assert_true(epoch_resume(node, outbox));
    node->ended.epoch = 7;
    assert_false(epoch_resume(node, outbox));
    node->ended.epoch = 0;
    node->begun.epoch = 2;
    assert_false(epoch_resume(node, outbox));
    node->epoch = 2; /* it would have executed nothing of it, but has */
    node->ended.epoch = 1;
    assert_false(epoch_resume(node, outbox));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wired_setup, wired_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_next_epoch_begins_behind_the_boundary),
        TEST(nothing_is_accepted_above_the_boundary),
        TEST(each_height_to_the_boundary_is_waited_for),
        TEST(without_its_new_key_a_replica_follows_and_signs_nothing),
        TEST(with_its_new_key_it_votes_and_signs_each_height_by_the_key_of_its_epoch),
        TEST(the_first_checkpoint_of_an_epoch_is_the_old_members_own),
        TEST(a_status_of_another_epoch_is_a_hint_of_who_brings_it),
        TEST(data_of_another_epoch_is_as_if_there_were_none),
        TEST(the_two_newest_epochs_are_remembered_in_whichever_order_they_come),
        TEST(a_journal_that_is_of_another_epoch_than_the_state_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
