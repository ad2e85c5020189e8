/* A journal that is damaged: each record that cannot be read is refused, and a replica whose
 * records do not fit together halts before it says anything. */
#include "crypto/note.h"
#include "replica/core/node_parts.h"
#include "storage/record.h"
#include "tests/support/core_fixture.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define JUNK bytes_of_text("junk")

static struct gov_fixture charter;
static struct outbox outbox;
static uint8_t seed[SEED_BYTES];
static uint8_t cosign_seed[SEED_BYTES];

/* A replica that has not started yet. */
static int begin(void **state)
{
    struct node_config config = {
        .rid = 1,
        .scheme = &sig_fast,
        .keys = &(struct node_key){seed, cosign_seed},
        .key_count = 1,
        .jitter_seed = 1,
        .pool_bytes = (size_t)8 << 20,
        .state_records_max = 1000,
        .state_bytes_max = 1u << 20,
    };
    gov_seed("r1", seed);
    gov_seed("r1 cosign", cosign_seed);
    gov_fixture_init(&charter, &sig_fast, 4);
    config.charter_file = gov_fixture_file(&charter);
    assert_int_equal(outbox_open(&outbox), STATUS_OK);
    return node_open(&config, (struct node **)state) == STATUS_OK ? 0 : -1;
}

static int end(void **state)
{
    node_close(*state);
    outbox_close(&outbox);
    return 0;
}

static enum drop restore(struct node *node, enum family family, struct bytes key,
                         struct bytes value)
{
    struct event event = {
        .kind = EVENT_RESTORED,
        .record = {.family = family, .key = key, .value = value},
    };
    return node_step(node, &event, &outbox);
}

static enum drop restore_journal(struct node *node, uint8_t kind, uint64_t height,
                                 struct bytes value)
{
    struct record_key key = record_key_journal(kind, height);
    return restore(node, FAMILY_JOURNAL, record_key_bytes(&key), value);
}

static struct bytes encoded(const struct schema *schema, const void *object)
{
    static uint8_t memory[4][8192];
    static unsigned turn;
    struct buffer out = buffer_make(memory[turn++ % 4], sizeof(memory[0]));
    assert_true(schema_encode(schema, object, &out));
    return buffer_bytes(&out);
}

static void start(struct node *node)
{
    struct event event = {.kind = EVENT_STARTED, .now_ms = 1000, .wall_ms = FIXTURE_DATE};
    assert_int_equal(node_step(node, &event, &outbox), DROP_NONE);
}

/* It says why, and nothing else: no record, no message. */
static void assert_halts(struct node *node, const char *why)
{
    start(node);
    struct node_look look;
    node_look(node, &look);
    assert_true(look.halted);
    assert_int_equal(outbox.put_count, 0);
    assert_int_equal(outbox.action_count, 1);
    assert_int_equal(outbox.actions[0].kind, ACTION_HALT);
    assert_string_equal(outbox.actions[0].text, why);
}

/* --- Records ---------------------------------------------------------------------------------- */

static void a_record_that_is_none_is_refused(void **state)
{
    static const uint8_t kinds[] = {
        JOURNAL_HEAD,   JOURNAL_VIEW, JOURNAL_BOOT,        JOURNAL_SLOT,  JOURNAL_PREPARED,
        JOURNAL_STABLE, JOURNAL_NOTE, JOURNAL_VIEW_CHANGE, JOURNAL_EPOCH, 'z',
    };
    for (size_t i = 0; i < sizeof(kinds); i++) {
        assert_int_equal(restore_journal(*state, kinds[i], 5, JUNK), DROP_MALFORMED);
        assert_int_equal(restore_journal(*state, kinds[i], 5, BYTES_EMPTY), DROP_MALFORMED);
    }
    assert_int_equal(restore(*state, FAMILY_JOURNAL, JUNK, JUNK), DROP_MALFORMED);
    assert_int_equal(restore(*state, FAMILY_JOURNAL, BYTES_EMPTY, JUNK), DROP_MALFORMED);
    assert_int_equal(restore(*state, FAMILY_BLOCKS, JUNK, JUNK), DROP_TYPE);
    start(*state);
    struct node_look look;
    node_look(*state, &look);
    assert_false(look.halted);
    assert_int_equal(look.executed, 0);
}

static struct bytes vote_bytes(uint64_t view, uint64_t sequence)
{
    struct vote vote = {.view = view, .sequence = sequence, .digest = {7}};
    return encoded(&schema_vote, &vote);
}

static void a_slot_record_holds_a_vote_of_a_sequence_of_its_own(void **state)
{
    struct slot_record record = {.vote = JUNK};
    assert_int_equal(
        restore_journal(*state, JOURNAL_SLOT, 5, encoded(&schema_slot_record, &record)),
        DROP_MALFORMED);
    record.vote = vote_bytes(0, 5);
    struct bytes good = encoded(&schema_slot_record, &record);
    assert_int_equal(restore_journal(*state, JOURNAL_SLOT, 0, good), DROP_MALFORMED);
    assert_int_equal(restore_journal(*state, JOURNAL_SLOT, 5, good), DROP_NONE);
    /* As far apart as no window is. */
    assert_int_equal(restore_journal(*state, JOURNAL_SLOT, 5 + WINDOW_MAX, good), DROP_MALFORMED);
    assert_int_equal(restore_journal(*state, JOURNAL_SLOT, 4 + WINDOW_MAX, good), DROP_NONE);
}

static void a_prepared_record_holds_a_vote_of_a_sequence_of_its_own(void **state)
{
    struct prepared record = {.vote = JUNK};
    assert_int_equal(
        restore_journal(*state, JOURNAL_PREPARED, 5, encoded(&schema_prepared, &record)),
        DROP_MALFORMED);
    record.vote = vote_bytes(0, 5);
    struct bytes good = encoded(&schema_prepared, &record);
    assert_int_equal(restore_journal(*state, JOURNAL_PREPARED, 0, good), DROP_MALFORMED);
    assert_int_equal(restore_journal(*state, JOURNAL_PREPARED, 5, good), DROP_NONE);
    assert_int_equal(restore_journal(*state, JOURNAL_PREPARED, 5 + WINDOW_MAX, good),
                     DROP_MALFORMED);
}

static struct bytes header_bytes(uint64_t height, uint64_t tree_size)
{
    struct block_header header = {.height = height, .tree_size = tree_size};
    return encoded(&schema_block_header, &header);
}

static void a_head_holds_a_header_and_the_whole_frontier(void **state)
{
    struct head_record record = {.header = JUNK};
    assert_int_equal(
        restore_journal(*state, JOURNAL_HEAD, 0, encoded(&schema_head_record, &record)),
        DROP_MALFORMED);
    /* Three leaves have a frontier of two hashes. */
    uint8_t memory[128];
    struct buffer list = buffer_make(memory, sizeof(memory));
    struct item_hash hash = {.value = {1}};
    record.header = header_bytes(5, 3);
    for (uint32_t count = 0; count <= 2; count++) {
        record.frontier = (struct wire_list){buffer_bytes(&list), count};
        assert_int_equal(
            restore_journal(*state, JOURNAL_HEAD, 0, encoded(&schema_head_record, &record)),
            count == 2 ? DROP_NONE : DROP_MALFORMED);
        assert_true(item_hash_encode(&hash, &list));
    }
}

static void a_proof_of_a_checkpoint_holds_a_header_and_the_newest_counts(void **state)
{
    struct node *node = *state;
    struct stable stable = {.header = JUNK};
    assert_int_equal(restore_journal(node, JOURNAL_STABLE, 0, encoded(&schema_stable, &stable)),
                     DROP_MALFORMED);
    assert_int_equal(node->stable_len, 0);
    static const uint64_t heights[] = {128, 256, 128};
    static const uint64_t newest[] = {128, 256, 256};
    for (size_t i = 0; i < 3; i++) {
        stable.header = header_bytes(heights[i], 9);
        assert_int_equal(
            restore_journal(node, JOURNAL_STABLE, heights[i], encoded(&schema_stable, &stable)),
            DROP_NONE);
        assert_int_equal(node->window.stable, newest[i]);
    }
}

static void a_gap_of_history_has_a_first_and_a_last_block(void **state)
{
    struct node *node = *state;
    struct gap_record record = {.first = 0, .last = 9, .below_hash = {1}, .last_hash = {2}};
    assert_int_equal(restore_journal(node, JOURNAL_GAP, 0, JUNK), DROP_MALFORMED);
    assert_int_equal(restore_journal(node, JOURNAL_GAP, 0, encoded(&schema_gap_record, &record)),
                     DROP_MALFORMED);
    record.first = 10;
    assert_int_equal(restore_journal(node, JOURNAL_GAP, 0, encoded(&schema_gap_record, &record)),
                     DROP_MALFORMED);
    assert_int_equal(node->gap.last, 0);
    record.first = 9;
    assert_int_equal(restore_journal(node, JOURNAL_GAP, 0, encoded(&schema_gap_record, &record)),
                     DROP_NONE);
    assert_int_equal(node->gap.first, 9);
    assert_int_equal(node->gap.last, 9);
    assert_int_equal(node->gap.below_hash[0], 1);
    assert_int_equal(node->gap.last_hash[0], 2);
}

static void an_own_view_change_holds_one(void **state)
{
    struct node *node = *state;
    struct signed_body record = {.rid = 1, .body = JUNK};
    assert_int_equal(
        restore_journal(node, JOURNAL_VIEW_CHANGE, 0, encoded(&schema_signed_body, &record)),
        DROP_MALFORMED);
    assert_int_equal(node->changes[1].body.len, 0);
    struct view_change change = {.view = 3, .stable = {.header = JUNK}};
    record.body = encoded(&schema_view_change, &change);
    assert_int_equal(
        restore_journal(node, JOURNAL_VIEW_CHANGE, 0, encoded(&schema_signed_body, &record)),
        DROP_NONE);
    assert_int_equal(node->changes[1].view, 3);
}

static void a_note_without_a_checkpoint_is_none(void **state)
{
    struct node *node = *state;
    struct bytes other = bytes_of_text("no checkpoint\n\n\xE2\x80\x94 a AAAAAAE=\n");
    struct bytes text;
    struct bytes lines;
    assert_int_equal(note_split(other, &text, &lines), NOTE_OK);
    assert_int_equal(restore_journal(node, JOURNAL_NOTE, 0, other), DROP_MALFORMED);
    assert_int_equal(node->quorum_height, 0);
}

/* --- What does not fit together --------------------------------------------------------------- */

static void a_store_with_a_state_and_no_head_halts(void **state)
{
    assert_int_equal(restore(*state, FAMILY_STATE, bytes_of_text("key"), JUNK), DROP_NONE);
    assert_halts(*state, "the store has no head but is not new");
}

static void a_head_without_its_state_halts(void **state)
{
    struct head_record record = {.header = header_bytes(5, 0)};
    assert_int_equal(
        restore_journal(*state, JOURNAL_HEAD, 0, encoded(&schema_head_record, &record)), DROP_NONE);
    assert_halts(*state, "the stored state is damaged");
}

static bool copy_record(void *context, struct bytes key, struct bytes value)
{
    assert_int_equal(restore(context, FAMILY_STATE, key, value), DROP_NONE);
    return true;
}

/* The state and the head that a new store would have. */
static void restore_genesis(struct node *node)
{
    struct gov_world world;
    gov_world_open(&world, &charter, 1000);
    assert_true(state_visit(world.state, copy_record, node));
    gov_world_close(&world);
    struct head_record record = {.header = header_bytes(0, 0)};
    assert_int_equal(restore_journal(node, JOURNAL_HEAD, 0, encoded(&schema_head_record, &record)),
                     DROP_NONE);
}

static void a_head_without_a_stable_checkpoint_halts(void **state)
{
    restore_genesis(*state);
    assert_halts(*state, "the stored journal is damaged");
}

static void a_change_of_views_without_the_own_view_change_halts(void **state)
{
    restore_genesis(*state);
    struct stable stable = {.header = header_bytes(0, 0)};
    struct view_record view = {.view = 3, .mode = MODE_CHANGING};
    assert_int_equal(restore_journal(*state, JOURNAL_STABLE, 0, encoded(&schema_stable, &stable)),
                     DROP_NONE);
    assert_int_equal(restore_journal(*state, JOURNAL_VIEW, 0, encoded(&schema_view_record, &view)),
                     DROP_NONE);
    assert_halts(*state, "the stored journal is damaged");
}

/* What was voted on below the last stable checkpoint is settled. */
static void slots_below_the_stable_checkpoint_are_forgotten(void **state)
{
    struct node *node = *state;
    uint8_t memory[64];
    struct buffer list = buffer_make(memory, sizeof(memory));
    struct item_hash hash = {.value = {1}};
    restore_genesis(node);
    assert_true(item_hash_encode(&hash, &list));
    struct head_record head = {.header = header_bytes(128, 1),
                               .frontier = {buffer_bytes(&list), 1}};
    struct stable stable = {.header = header_bytes(128, 1)};
    struct slot_record record = {.vote = vote_bytes(0, 127)};
    assert_int_equal(restore_journal(node, JOURNAL_HEAD, 0, encoded(&schema_head_record, &head)),
                     DROP_NONE);
    assert_int_equal(restore_journal(node, JOURNAL_STABLE, 0, encoded(&schema_stable, &stable)),
                     DROP_NONE);
    assert_int_equal(
        restore_journal(node, JOURNAL_SLOT, 127, encoded(&schema_slot_record, &record)), DROP_NONE);
    record.vote = vote_bytes(0, 130);
    assert_int_equal(
        restore_journal(node, JOURNAL_SLOT, 130, encoded(&schema_slot_record, &record)), DROP_NONE);
    start(node);
    assert_false(node->halted);
    assert_null(window_look(&node->window, 127));
    assert_non_null(window_look(&node->window, 130));
    assert_int_equal(node->proposed, 130);
}

static void a_state_that_does_not_fit_is_refused(void **state)
{
    uint8_t key[3] = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        key[0] = (uint8_t)i;
        key[1] = (uint8_t)(i >> 8);
        assert_int_equal(restore(*state, FAMILY_STATE, BYTES_OF_ARRAY(key), JUNK), DROP_NONE);
    }
    key[2] = 1;
    assert_int_equal(restore(*state, FAMILY_STATE, BYTES_OF_ARRAY(key), JUNK), DROP_NO_MEMORY);
}

static void a_charter_that_does_not_fit_its_state_halts(void **state)
{
    struct node *node = *state;
    state_close(node->state);
    node->state = NULL;
    assert_int_equal(state_open(10, 1u << 20, 1, &node->state), STATUS_OK);
    assert_halts(node, "the store has no head but is not new");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_that_is_none_is_refused),
        TEST(a_slot_record_holds_a_vote_of_a_sequence_of_its_own),
        TEST(a_prepared_record_holds_a_vote_of_a_sequence_of_its_own),
        TEST(a_head_holds_a_header_and_the_whole_frontier),
        TEST(a_proof_of_a_checkpoint_holds_a_header_and_the_newest_counts),
        TEST(a_gap_of_history_has_a_first_and_a_last_block),
        TEST(an_own_view_change_holds_one),
        TEST(a_note_without_a_checkpoint_is_none),
        TEST(a_store_with_a_state_and_no_head_halts),
        TEST(a_head_without_its_state_halts),
        TEST(a_head_without_a_stable_checkpoint_halts),
        TEST(a_change_of_views_without_the_own_view_change_halts),
        TEST(slots_below_the_stable_checkpoint_are_forgotten),
        TEST(a_state_that_does_not_fit_is_refused),
        TEST(a_charter_that_does_not_fit_its_state_halts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
