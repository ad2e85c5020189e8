/* What a person is told when the log refuses what officers decided. */
#include "client/log_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t codes[] = {E_SEEN,   E_ACTION, E_STALE,     E_DEADLINE,  E_PREDICATE,
                                 E_ROLE,   E_MEMBER, E_THRESHOLD, E_PROPOSALS, E_CLOSED,
                                 E_DIGEST, E_BOUNDS, E_DISPUTE,   E_SIG,       E_ENCODING};

static struct vestry_problem refused(uint64_t code, uint64_t op)
{
    static struct vestry log;
    const struct parcel parcel = {.op = op};
    struct vestry_problem problem = {0};

    log_refusal(&log, code, &parcel, &problem);
    return problem;
}

static void every_refusal_of_governance_says_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        const struct vestry_problem problem = refused(codes[i], OP_GOVERN);

        assert_int_equal(problem.code, codes[i]);
        assert_non_null(strstr(problem.what, result_code_text(codes[i])));
        assert_non_null(strstr(problem.what, result_code_name(codes[i])));
        assert_true(strlen(problem.todo) > 20);
        assert_null(strstr(problem.todo, "token"));
    }
}

static void a_bad_signature_of_an_append_is_the_tokens(void **state)
{
    (void)state;
    assert_non_null(strstr(refused(E_SIG, OP_APPEND).todo, "token"));
    assert_null(strstr(refused(E_SIG, OP_GOVERN).todo, "token"));
}

static void what_is_too_old_what_collides_and_what_is_forbidden_differ(void **state)
{
    (void)state;
    assert_int_equal(refused(E_STALE, OP_GOVERN).error, VESTRY_STALE);
    assert_int_equal(refused(E_DEADLINE, OP_GOVERN).error, VESTRY_STALE);
    assert_int_equal(refused(E_PREDICATE, OP_GOVERN).error, VESTRY_CONFLICT);
    assert_int_equal(refused(E_CLOSED, OP_GOVERN).error, VESTRY_CONFLICT);
    assert_int_equal(refused(E_SEEN, OP_GOVERN).error, VESTRY_CONFLICT);
    assert_int_equal(refused(E_MEMBER, OP_GOVERN).error, VESTRY_DENIED);
    assert_int_equal(refused(E_THRESHOLD, OP_GOVERN).error, VESTRY_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_refusal_of_governance_says_what_to_do),
        cmocka_unit_test(a_bad_signature_of_an_append_is_the_tokens),
        cmocka_unit_test(what_is_too_old_what_collides_and_what_is_forbidden_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
