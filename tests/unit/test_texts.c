/* Every result of every kind has a phrase of its own, and a number that is none of them has one. */
#include "crypto/note.h"
#include "crypto/policy.h"
#include "crypto/status.h"
#include "crypto/wire_read.h"
#include "governance/charter.h"
#include "governance/evidence.h"
#include "governance/token.h"
#include "replica/core/drop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* One function of a phrase, with its enum as a number. */
#define PHRASES(name, type)                                                                        \
    static const char *phrase_of_##name(int number)                                                \
    {                                                                                              \
        return name##_text((enum type)number);                                                     \
    }
PHRASES(status, status)
PHRASES(note_result, note_result)
PHRASES(policy_result, policy_result)
PHRASES(wire_error, wire_error)
PHRASES(charter_error, charter_error)
PHRASES(evidence_verdict, evidence_verdict)
PHRASES(widening, widening)
PHRASES(drop, drop)
#undef PHRASES

static void assert_phrases(const char *(*phrase_of)(int number), int last, const char *unknown)
{
    for (int i = 0; i <= last; i++) {
        assert_true(strlen(phrase_of(i)) > 1);
        assert_string_not_equal(phrase_of(i), unknown);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(phrase_of(i), phrase_of(j));
        }
    }
    assert_string_equal(phrase_of(last + 1), unknown);
    assert_string_equal(phrase_of(-1), unknown);
}

static void every_result_has_a_phrase_of_its_own(void **state)
{
    (void)state;
    assert_phrases(phrase_of_status, STATUS_INVALID, "unknown status");
    assert_phrases(phrase_of_note_result, NOTE_BAD_KEYS, "unknown");
    assert_phrases(phrase_of_policy_result, POLICY_BAD_QUORUM, "unknown");
    assert_phrases(phrase_of_wire_error, WIRE_TRAILING, "unknown error");
    assert_phrases(phrase_of_charter_error, CHARTER_SIG_BAD, "unknown");
    assert_phrases(phrase_of_evidence_verdict, EVIDENCE_UNSIGNED, "unknown");
    assert_phrases(phrase_of_widening, WIDEN_LIFE, "unknown");
    assert_phrases(phrase_of_drop, DROP_COUNT - 1, "unknown");
}

static void a_phrase_is_that_of_its_result(void **state)
{
    (void)state;
    assert_string_equal(status_text(STATUS_OK), "ok");
    assert_string_equal(status_text(STATUS_CORRUPT), "stored bytes are damaged");
    assert_string_equal(note_result_text(NOTE_OTHER_ORIGIN), "a checkpoint of another log");
    assert_string_equal(policy_result_text(POLICY_BAD_KEY), "not a key of this log");
    assert_string_equal(wire_error_text(WIRE_TRAILING), "bytes after the end");
    assert_string_equal(charter_error_text(CHARTER_SIG_MISSING),
                        "a key of the charter has not signed");
    assert_string_equal(evidence_verdict_text(EVIDENCE_AGREES),
                        "the two statements do not contradict each other");
    assert_string_equal(widening_text(WIDEN_EXPIRES), "lasts longer than what it stands under");
    assert_string_equal(drop_text(DROP_SIGNATURE), "bad-signature");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_result_has_a_phrase_of_its_own),
        cmocka_unit_test(a_phrase_is_that_of_its_result),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
