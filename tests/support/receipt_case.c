#include "tests/support/receipt_case.h"

#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct receipt_fixture fixture;
struct buffer text;
struct receipt_facts facts;

int receipt_setup(void **state)
{
    (void)state;
    receipt_fixture_init(&fixture, &sig_fast);
    return 0;
}

void receipt_build(void)
{
    static uint8_t memory[RECEIPT_BYTES_MAX];

    text = buffer_make(memory, sizeof(memory));
    receipt_fixture_build(&fixture, &text);
    assert_false(text.full);
}

enum receipt_verdict receipt_judge(void)
{
    const struct receipt_trust trust = receipt_fixture_trust(&fixture);

    return receipt_judge_by(&trust, &fixture.payload);
}

enum receipt_verdict receipt_judge_by(const struct receipt_trust *trust,
                                      const struct bytes *payload)
{
    memset(&facts, 0xEE, sizeof(facts));
    const struct receipt_facts before = facts;
    const enum receipt_verdict verdict =
        receipt_verify(buffer_bytes(&text), trust, payload, &facts);

    if (verdict != RECEIPT_OK) {
        assert_memory_equal(&facts, &before, sizeof(facts));
    }
    return verdict;
}

enum receipt_verdict receipt_outcome(void (*hook)(struct receipt_fixture *, enum receipt_stage))
{
    fixture.hook = hook;
    receipt_build();
    return receipt_judge();
}
