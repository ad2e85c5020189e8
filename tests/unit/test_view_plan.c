/* What a new view must propose: the highest certificate of each sequence above the highest
 * checkpoint; and what is no list of VIEW-CHANGEs to make it from. */
#include "governance/view_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define JUNK bytes_of_text("junk")

static uint8_t memory[1u << 18];
static struct buffer list;
static uint32_t count;
static struct view_plan plan;

static int begin(void **state)
{
    (void)state;
    list = buffer_make(memory, sizeof(memory));
    count = 0;
    memset(&plan, 0xEE, sizeof(plan));
    return 0;
}

static struct bytes encoded(const struct schema *schema, const void *object)
{
    static uint8_t space[8][32768];
    static unsigned turn;
    struct buffer out = buffer_make(space[turn++ % 8], sizeof(space[0]));
    assert_true(schema_encode(schema, object, &out));
    return buffer_bytes(&out);
}

static void append_body(struct bytes body)
{
    struct signed_body signed_body = {.rid = count, .body = body};
    assert_true(signed_body_encode(&signed_body, &list));
    count++;
}

static struct bytes header_of(uint64_t height)
{
    struct block_header header = {.height = height, .tree_size = 1};
    return encoded(&schema_block_header, &header);
}

/* A VIEW-CHANGE with a checkpoint and, unless its sequence is 0, one certificate. */
static void append_change(uint64_t stable, uint64_t sequence, uint64_t view, uint8_t digest)
{
    struct vote vote = {.view = view, .sequence = sequence, .digest = {digest}};
    struct prepared prepared = {.vote = encoded(&schema_vote, &vote)};
    struct view_change change = {.view = 9, .stable = {.header = header_of(stable)}};
    if (sequence > 0) {
        change.prepared = (struct wire_list){encoded(&schema_prepared, &prepared), 1};
    }
    append_body(encoded(&schema_view_change, &change));
}

static bool make(void)
{
    return view_plan_make((struct wire_list){buffer_bytes(&list), count}, &plan);
}

static void the_highest_view_decides_and_gaps_are_null(void **state)
{
    (void)state;
    append_change(0, 3, 1, 0xA1);
    append_change(0, 3, 4, 0xA4);
    append_change(0, 3, 2, 0xA2);
    append_change(0, 1, 1, 0xB1);
    assert_true(make());
    assert_int_equal(plan.low, 0);
    assert_int_equal(plan.high, 3);
    assert_int_equal(plan.digest[0][0], 0xB1);
    assert_false(plan.known[1]);
    assert_int_equal(plan.digest[1][0], 0);
    assert_int_equal(plan.digest[2][0], 0xA4);
    assert_int_equal(plan.view[2], 4);
}

static void what_is_at_or_below_the_highest_checkpoint_is_settled(void **state)
{
    (void)state;
    append_change(0, 128, 1, 0xA1);
    append_change(128, 0, 0, 0);
    append_change(0, 129, 1, 0xA2);
    assert_true(make());
    assert_int_equal(plan.low, 128);
    assert_int_equal(plan.high, 129);
    assert_int_equal(plan.digest[0][0], 0xA2);
}

static void without_certificates_there_is_nothing_to_propose(void **state)
{
    (void)state;
    append_change(256, 0, 0, 0);
    append_change(128, 0, 0, 0);
    assert_true(make());
    assert_int_equal(plan.low, 256);
    assert_int_equal(plan.high, 256);
}

static void a_plan_spans_one_window(void **state)
{
    (void)state;
    append_change(0, WINDOW_MAX, 1, 0xA1);
    assert_true(make());
    assert_int_equal(plan.high, WINDOW_MAX);
    append_change(0, WINDOW_MAX + 1, 1, 0xA1);
    assert_false(make());
    begin(NULL);
    append_change(0, UINT64_MAX, 1, 0xA1);
    assert_false(make());
}

static void what_is_no_view_change_makes_no_plan(void **state)
{
    (void)state;
    append_change(0, 1, 1, 0xA1);
    append_body(JUNK);
    assert_false(make());
}

static void a_checkpoint_without_a_header_makes_no_plan(void **state)
{
    (void)state;
    struct view_change change = {.stable = {.header = JUNK}};
    append_change(0, 1, 1, 0xA1);
    append_body(encoded(&schema_view_change, &change));
    assert_false(make());
}

static void a_certificate_without_a_vote_makes_no_plan(void **state)
{
    (void)state;
    struct prepared prepared = {.vote = JUNK};
    struct view_change change = {
        .stable = {.header = header_of(0)},
        .prepared = {encoded(&schema_prepared, &prepared), 1},
    };
    append_change(0, 1, 1, 0xA1);
    append_body(encoded(&schema_view_change, &change));
    assert_false(make());
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_highest_view_decides_and_gaps_are_null),
        TEST(what_is_at_or_below_the_highest_checkpoint_is_settled),
        TEST(without_certificates_there_is_nothing_to_propose),
        TEST(a_plan_spans_one_window),
        TEST(what_is_no_view_change_makes_no_plan),
        TEST(a_checkpoint_without_a_header_makes_no_plan),
        TEST(a_certificate_without_a_vote_makes_no_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
