/* What officers ask for is ordered before what clients do, if they may ask for it at all. */
#include "governance/records.h"
#include "replica/core/node_parts.h"
#include "tests/support/core_fixture.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

static const uint8_t no_salt[SALT_BYTES];

/* An entry of governance: as a key of the charter sends it, or by a client's token, which does not
 * allow it (NULL). */
static struct bytes governs(struct core_fixture *fixture, const char *author, uint64_t request_no)
{
    static struct gov_request request;
    static struct gov_token token;
    static uint8_t memory[3][8192];
    struct buffer list = buffer_make(memory[0], sizeof(memory[0]));
    struct buffer payloads = buffer_make(memory[1], sizeof(memory[1]));
    struct buffer out = buffer_make(memory[2], sizeof(memory[2]));
    struct bytes text = bytes_of_text("no proposal at all");
    const struct payload payload = {BYTES_OF_ARRAY(no_salt), text};
    gov_token_init(&token, 0, 1);
    token.blocks[0].holder = "carol";
    assert_true(gov_token_make(&token, &fixture->world, &sig_fast).len > 0);
    gov_request_init(&request, request_no);
    request.author = author;
    request.body.op = OP_GOVERN;
    request.statements[0] = (struct gov_statement){
        .stream = GOVERNANCE_STREAM, .payload_len = text.len, .expect = U64_UNLIMITED};
    request.payload = text;
    assert_true(payload_encode(&payload, &list));
    const struct payloads all = {.list = {buffer_bytes(&list), 1}};
    assert_true(payloads_encode(&all, &payloads));
    const struct request_parcel parcel = {
        gov_request_make(&request, author != NULL ? NULL : &token, &fixture->world, &sig_fast),
        buffer_bytes(&payloads)};
    assert_true(request_parcel_encode(&parcel, &out));
    return core_frame(fixture, MESSAGE_REQUEST, 0, NULL, BYTES_EMPTY, buffer_bytes(&out));
}

/* Who asked for what the primary would order next. */
static const uint8_t *next_author(struct core_fixture *fixture)
{
    struct queued *queued = queue_next(fixture->nodes[0]->queue);
    assert_non_null(queued);
    queue_mark_proposed(fixture->nodes[0]->queue, queued);
    return queued->client;
}

static void what_officers_ask_for_is_ordered_first(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t seed[SEED_BYTES];
    uint8_t officer[PUBLIC_KEY_BYTES];
    gov_seed("m1", seed);
    sig_fast.public_key(seed, officer);
    /* The first is proposed at once; the others wait until it is executed. */
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, core_request(fixture, 1)), DROP_NONE);
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, core_request(fixture, 2)), DROP_NONE);
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, governs(fixture, NULL, 1)), DROP_NONE);
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, governs(fixture, "m1", 1)), DROP_NONE);
    assert_int_equal(queue_waiting(fixture->nodes[0]->queue), 3);
    assert_memory_equal(next_author(fixture), officer, PUBLIC_KEY_BYTES);
    assert_memory_not_equal(next_author(fixture), officer, PUBLIC_KEY_BYTES);
    assert_memory_not_equal(next_author(fixture), officer, PUBLIC_KEY_BYTES);
}

static void who_may_not_govern_has_no_place_ahead(void **state)
{
    struct core_fixture *fixture = *state;
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, core_request(fixture, 1)), DROP_NONE);
    for (uint64_t n = 1; n <= QUEUE_AHEAD_PER_CLIENT_MAX + 1; n++) {
        assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, governs(fixture, NULL, n)),
                         DROP_NONE);
    }
    for (uint64_t n = 1; n <= QUEUE_AHEAD_PER_CLIENT_MAX; n++) {
        assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, governs(fixture, "m1", n)),
                         DROP_NONE);
    }
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT,
                                  governs(fixture, "m1", QUEUE_AHEAD_PER_CLIENT_MAX + 1)),
                     DROP_QUEUE_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_officers_ask_for_is_ordered_first, core_setup,
                                        core_teardown),
        cmocka_unit_test_setup_teardown(who_may_not_govern_has_no_place_ahead, core_setup,
                                        core_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
