/* Bounds of the charter that test_charter.c, which breaks each rule once, does not touch. */
#include "governance/charter.h"
#include "tests/support/gov_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct gov_fixture f;
static struct charter_view view;
static struct charter_check check;

static int begin(void **state)
{
    (void)state;
    gov_fixture_init(&f, &sig_ed25519, 4);
    return 0;
}

static enum charter_error verify(void)
{
    return charter_file_verify(gov_fixture_file(&f), &sig_ed25519, &view, &check);
}

static void assert_broken(enum charter_rule rule, const char *where)
{
    assert_int_equal(verify(), CHARTER_RULE);
    assert_int_equal(check.finding.rule, rule);
    assert_true(bytes_equal(check.finding.where, bytes_of_text(where)));
}

static void a_scope_without_life_tokens_holders_or_uses_is_refused(void **state)
{
    (void)state;
    for (uint32_t missing = 0; missing < 4; missing++) {
        gov_fixture_init(&f, &sig_ed25519, 4);
        struct scope *scope = &f.issuers[1].scope;
        uint64_t *const limits[] = {&scope->max_life_ms, &scope->live_tokens, &scope->holders,
                                    &scope->rate.uses};

        *limits[missing] = 0;
        assert_broken(RULE_SCOPES, "i2");
    }
}

static void parameters_fit_each_other(void **state)
{
    static const struct {
        struct param_row rows[2];
        uint32_t too_large; /* which of them */
        const char *where;
    } cases[] = {
        {{{PARAM_VIEW_TIMEOUT, 1001}, {PARAM_VIEW_TIMEOUT_MAX, 1000}}, 0, "view-timeout"},
        {{{PARAM_TIME_DELTA, 1001}, {PARAM_TIME_DELTA_MAX, 1000}}, 0, "time-delta"},
        {{{PARAM_LOCK_ROOT, 3600000}, {PARAM_LOCK_OPS, 3600001}}, 1, "lock-ops"},
        {{{PARAM_LOCK_ROOT_HEIGHTS, 256}, {PARAM_LOCK_OPS_HEIGHTS, 257}}, 1, "lock-ops-heights"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(f.params, cases[i].rows, sizeof(cases[i].rows));
        f.param_count = 2;
        assert_broken(RULE_PARAMS, cases[i].where);
        f.params[cases[i].too_large].value--;
        assert_int_equal(verify(), CHARTER_OK);
    }
}

static void levels_begin_at_one(void **state)
{
    (void)state;
    f.charter.feature_level = 0;
    assert_broken(RULE_LEVELS, "feature level or crypto profile");
}

static void builds_are_few(void **state)
{
    static char builds[BUILDS_MAX + 1][8];

    (void)state;
    for (uint32_t count = BUILDS_MAX; count <= BUILDS_MAX + 1; count++) {
        gov_fixture_init(&f, &sig_ed25519, BUILDS_MAX + 1);
        for (uint32_t i = 0; i <= BUILDS_MAX; i++) {
            snprintf(builds[i], sizeof(builds[i]), "b%u", (unsigned)(i % count));
            f.replicas[i].build = bytes_of_text(builds[i]);
        }
        if (count == BUILDS_MAX) {
            assert_int_equal(verify(), CHARTER_OK);
        }
    }
    assert_broken(RULE_LEVELS, "builds");
}

static void a_name_that_is_only_the_mark_of_development_is_for_production(void **state)
{
    (void)state;
    f.charter.name = bytes_of_text("dev");
    assert_broken(RULE_PROFILE, "dev");
    f.charter.profile = PROFILE_PRODUCTION;
    assert_int_equal(verify(), CHARTER_OK);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_scope_without_life_tokens_holders_or_uses_is_refused),
        TEST(parameters_fit_each_other),
        TEST(levels_begin_at_one),
        TEST(builds_are_few),
        TEST(a_name_that_is_only_the_mark_of_development_is_for_production),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
