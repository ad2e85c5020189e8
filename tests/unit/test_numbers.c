#include "crypto/limits.h"
#include "crypto/numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *name;
    uint64_t number;
    const char *text;
};

#define ROW(name, number, text) {#name, number, text},
static const struct row messages[] = {MESSAGE_TYPES(ROW)};
static const struct row operations[] = {OPERATIONS(ROW)};
static const struct row leaf_kinds[] = {LEAF_KINDS(ROW)};
static const struct row roles[] = {ROLES(ROW)};
static const struct row sections[] = {SECTIONS(ROW)};
static const struct row governance[] = {GOVERNANCE_TYPES(ROW)};
static const struct row actions[] = {ACTIONS(ROW)};
static const struct row choices[] = {CHOICES(ROW)};
static const struct row states[] = {PROPOSAL_STATES(ROW)};
static const struct row standings[] = {STANDINGS(ROW)};
static const struct row evidence[] = {EVIDENCE_KINDS(ROW)};
static const struct row grounds[] = {DISPUTE_GROUNDS(ROW)};
static const struct row results[] = {RESULT_CODES(ROW)};
static const struct row fetches[] = {FETCH_KINDS(ROW)};
static const struct row modes[] = {REPLICA_MODES(ROW)};
#undef ROW

struct table {
    const struct row *rows;
    size_t count;
    uint64_t most; /* what the field that carries it may hold */
};

#define TABLE(rows, most)                                                                          \
    {                                                                                              \
        rows, sizeof(rows) / sizeof(rows[0]), most                                                 \
    }
static const struct table tables[] = {
    TABLE(messages, 255),
    TABLE(operations, OPERATIONS_ALL),
    TABLE(leaf_kinds, 3),
    TABLE(roles, 8),
    TABLE(sections, SECTION_COUNT),
    TABLE(governance, 255),
    TABLE(actions, 255),
    TABLE(choices, 1),
    TABLE(states, 8),
    TABLE(standings, 3),
    TABLE(evidence, 255),
    TABLE(grounds, 255),
    TABLE(results, 255),
    TABLE(fetches, 255),
    TABLE(modes, 3),
};

static void no_number_and_no_text_of_a_table_is_used_twice(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            assert_true(tables[t].rows[i].number <= tables[t].most);
            for (size_t j = 0; j < i; j++) {
                assert_true(tables[t].rows[i].number > tables[t].rows[j].number);
                assert_string_not_equal(tables[t].rows[i].text, tables[t].rows[j].text);
            }
        }
    }
}

static void sections_are_numbered_in_the_order_of_config_hash(void **state)
{
    (void)state;
    assert_int_equal(sizeof(sections) / sizeof(sections[0]), SECTION_COUNT);
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        assert_int_equal(sections[i].number, i + 1);
    }
}

static void rights_are_single_bits(void **state)
{
    uint64_t all = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        assert_int_equal(operations[i].number & (operations[i].number - 1), 0);
        all |= operations[i].number;
    }
    assert_int_equal(all, OPERATIONS_ALL);
}

typedef const char *text_of(uint64_t number);

static void check_texts(const struct row *rows, size_t count, text_of *text)
{
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(text(rows[i].number), rows[i].text);
    }
    assert_string_equal(text(254), "unknown");
    assert_string_equal(text(UINT64_MAX), "unknown");
    assert_string_equal(text((UINT64_C(1) << 32) + 1), "unknown");
}

static void every_number_has_its_text_and_others_are_unknown(void **state)
{
    (void)state;
    check_texts(messages, sizeof(messages) / sizeof(messages[0]), message_type_text);
    check_texts(roles, sizeof(roles) / sizeof(roles[0]), role_text);
    check_texts(sections, sizeof(sections) / sizeof(sections[0]), section_text);
    check_texts(actions, sizeof(actions) / sizeof(actions[0]), action_text);
    check_texts(evidence, sizeof(evidence) / sizeof(evidence[0]), evidence_kind_text);
    check_texts(results, sizeof(results) / sizeof(results[0]), result_code_text);
    check_texts(modes, sizeof(modes) / sizeof(modes[0]), replica_mode_text);
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        assert_string_equal(result_code_name(results[i].number), results[i].name);
    }
    assert_string_equal(result_code_name(39), "unknown");
}

/* --- Parameters ------------------------------------------------------------------------------- */

#define PARAM_NUMBER(name, number, text, least, most, usual) number,
static const uint64_t params[] = {PARAMS(PARAM_NUMBER)};
#undef PARAM_NUMBER

static const size_t param_count = sizeof(params) / sizeof(params[0]);

static void every_parameter_has_a_rule_and_a_default_within_it(void **state)
{
    (void)state;
    assert_true(param_count <= PARAMS_MAX);
    for (size_t i = 0; i < param_count; i++) {
        const struct param_rule *rule = param_rule(params[i]);

        assert_non_null(rule);
        assert_int_equal(rule->number, params[i]);
        assert_int_equal(params[i], i + 1);
        assert_true(rule->least < rule->most);
        assert_true(rule->usual >= rule->least);
        assert_true(rule->usual <= rule->most);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(rule->text, param_rule(params[j])->text);
        }
    }
    assert_null(param_rule(0));
    assert_null(param_rule(param_count + 1));
    assert_null(param_rule(UINT64_MAX));
}

static uint64_t most_of(enum param param)
{
    return param_rule(param)->most;
}

static uint64_t least_of(enum param param)
{
    return param_rule(param)->least;
}

static void no_parameter_can_exceed_what_is_compiled_in(void **state)
{
    (void)state;
    assert_true(most_of(PARAM_CHECKPOINT_INTERVAL) <= CHECKPOINT_INTERVAL_MAX);
    assert_true(most_of(PARAM_WINDOW) <= WINDOW_MAX);
    assert_true(most_of(PARAM_SLOTS_IN_FLIGHT) <= SLOTS_IN_FLIGHT_MAX);
    assert_true(most_of(PARAM_BATCH_ITEMS) <= BATCH_ITEMS_MAX);
    assert_true(most_of(PARAM_BATCH_BYTES) <= BATCH_BYTES_MAX);
    assert_true(most_of(PARAM_PAYLOAD_BYTES) <= PAYLOAD_BYTES_MAX);
}

/* A request that may be made must fit a batch that may be made, or it would wait for ever. */
static void the_smallest_batch_takes_the_largest_item(void **state)
{
    (void)state;
    assert_true(least_of(PARAM_BATCH_BYTES) >= ITEM_BYTES_MAX + 64);
    assert_true(least_of(PARAM_BATCH_ITEMS) >= 1);
}

static void the_smallest_window_holds_two_checkpoint_intervals(void **state)
{
    (void)state;
    assert_true(least_of(PARAM_WINDOW) >= 2 * least_of(PARAM_CHECKPOINT_INTERVAL));
    assert_true(param_rule(PARAM_WINDOW)->usual >=
                2 * param_rule(PARAM_CHECKPOINT_INTERVAL)->usual);
    assert_true(least_of(PARAM_WINDOW) > most_of(PARAM_SLOTS_IN_FLIGHT));
}

static void what_must_not_be_zero_cannot_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < param_count; i++) {
        assert_true(params[i] == PARAM_SUSPEND_ON_EVIDENCE || param_rule(params[i])->least > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_number_and_no_text_of_a_table_is_used_twice),
        cmocka_unit_test(sections_are_numbered_in_the_order_of_config_hash),
        cmocka_unit_test(rights_are_single_bits),
        cmocka_unit_test(every_number_has_its_text_and_others_are_unknown),
        cmocka_unit_test(every_parameter_has_a_rule_and_a_default_within_it),
        cmocka_unit_test(no_parameter_can_exceed_what_is_compiled_in),
        cmocka_unit_test(the_smallest_batch_takes_the_largest_item),
        cmocka_unit_test(the_smallest_window_holds_two_checkpoint_intervals),
        cmocka_unit_test(what_must_not_be_zero_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
