/* Catching up message by message: whom a replica that is behind asks for what, what it takes, and
 * how a source that lies, is silent or has nothing is left for another. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "storage/record.h"
#include "tests/support/core_fixture.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define LATE 3 /* the node that is behind */
#define REST_MS 150
#define QUORUM 3

static struct bytes status_of(struct core_fixture *fixture, uint32_t rid, uint64_t executed,
                              uint64_t counter)
{
    char name[16];
    uint8_t memory[512];
    uint8_t bits[WINDOW_MAX / 8] = {0};
    struct buffer body = buffer_make(memory, sizeof(memory));
    const struct status_report report = {.mode = 1,
                                         .executed = executed,
                                         .held = BYTES_OF_ARRAY(bits),
                                         .prepared = BYTES_OF_ARRAY(bits),
                                         .committed = BYTES_OF_ARRAY(bits),
                                         .boot = 1,
                                         .counter = counter};
    assert_true(status_report_encode(&report, &body));
    snprintf(name, sizeof(name), "r%u", rid);
    return core_frame(fixture, MESSAGE_STATUS, rid, name, buffer_bytes(&body), BYTES_EMPTY);
}

static void hear(struct core_fixture *fixture, uint32_t rid, uint64_t executed)
{
    static uint64_t counter;
    struct bytes frame = status_of(fixture, rid, executed, ++counter);
    assert_int_equal(core_deliver(fixture, LATE, rid, frame), DROP_NONE);
}

/* What the last step asked of others for. */
struct asked {
    uint32_t count;
    struct {
        uint32_t to;
        struct fetch fetch;
    } of[16];
};

static struct asked asked(const struct core_fixture *fixture, uint64_t kind)
{
    struct asked found = {0};
    for (uint32_t i = 0; i < fixture->outbox.action_count; i++) {
        const struct action *action = &fixture->outbox.actions[i];
        struct envelope envelope;
        struct fetch fetch;
        size_t used = 0;
        if (action->kind != ACTION_SEND || action->to == LATE) {
            continue;
        }
        struct bytes frame =
            bytes_slice(action->frame, FRAME_HEADER_BYTES, action->frame.len - FRAME_HEADER_BYTES);
        assert_int_equal(schema_decode_front(&schema_envelope, frame, &envelope, &used), WIRE_OK);
        if (envelope.type == MESSAGE_FETCH && fetch_decode(envelope.body, &fetch) == WIRE_OK &&
            fetch.kind == kind) {
            assert_in_range(found.count, 0, 15);
            found.of[found.count].to = action->to;
            found.of[found.count++].fetch = fetch;
        }
    }
    return found;
}

static struct bytes data_of(struct core_fixture *fixture, uint32_t rid, const struct data *data,
                            struct bytes attachment)
{
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    assert_true(data_encode(data, &body));
    return core_frame(fixture, MESSAGE_DATA, rid, NULL, buffer_bytes(&body), attachment);
}

/* A block with the COMMITs of the first `signers` members; that of a null slot without a batch. */
static struct bytes block_with(struct core_fixture *fixture, uint32_t rid, const struct vote *vote,
                               uint32_t signers, const struct batch_parcel *batch)
{
    static uint8_t parcel_memory[1u << 16];
    uint8_t vote_memory[128];
    uint8_t sig_memory[1024];
    uint8_t certificate_memory[2048];
    struct buffer body = buffer_make(vote_memory, sizeof(vote_memory));
    struct buffer sigs = buffer_make(sig_memory, sizeof(sig_memory));
    struct buffer encoded = buffer_make(certificate_memory, sizeof(certificate_memory));
    struct buffer parcel = buffer_make(parcel_memory, sizeof(parcel_memory));
    assert_true(vote_encode(vote, &body));
    for (uint32_t i = 0; i < signers; i++) {
        char name[16];
        uint8_t seed[SEED_BYTES];
        uint8_t pk[PUBLIC_KEY_BYTES];
        struct item_sig sig;
        snprintf(name, sizeof(name), "r%u", i);
        gov_seed(name, seed);
        sig_fast.public_key(seed, pk);
        sign_body(&sig_fast, seed, pk, TAG_COMMIT, node_cluster_id(fixture->nodes[0]),
                  buffer_bytes(&body), sig.value);
        assert_true(item_sig_encode(&sig, &sigs));
    }
    const struct certificate certificate = {.body = buffer_bytes(&body),
                                            .members = (UINT64_C(1) << signers) - 1,
                                            .sigs = {buffer_bytes(&sigs), signers}};
    assert_true(certificate_encode(&certificate, &encoded));
    struct block_parcel object = {.header = bytes_of_text("header"),
                                  .commit = buffer_bytes(&encoded)};
    if (batch != NULL) {
        object.batch = batch->batch;
        object.payloads = batch->payloads;
    }
    assert_true(block_parcel_encode(&object, &parcel));
    const struct data data = {.kind = FETCH_BLOCKS, .from = vote->sequence};
    return data_of(fixture, rid, &data, buffer_bytes(&parcel));
}

static struct bytes block_of(struct core_fixture *fixture, uint32_t rid, uint64_t height,
                             uint32_t signers)
{
    const struct vote vote = {.sequence = height};
    return block_with(fixture, rid, &vote, signers, NULL);
}

static enum drop bring(struct core_fixture *fixture, uint32_t rid, uint64_t height)
{
    return core_deliver(fixture, LATE, rid, block_of(fixture, rid, height, QUORUM));
}

static uint64_t executed(const struct core_fixture *fixture)
{
    struct node_look look;
    node_look(fixture->nodes[LATE], &look);
    return look.executed;
}

/* The others are at `height` since long. */
static struct asked fall_behind(struct core_fixture *fixture, uint64_t height)
{
    fixture->now_ms += 1000;
    for (uint32_t rid = 0; rid < LATE; rid++) {
        hear(fixture, rid, height);
        fixture->now_ms += rid + 1 < LATE ? 0 : 1; /* the last one's step asks the last source */
    }
    return asked(fixture, FETCH_BLOCKS);
}

static void several_sources_are_asked_for_ranges_of_their_own(void **state)
{
    struct core_fixture *fixture = *state;
    uint64_t seen = 0;
    uint32_t sources = 0;
    fixture->now_ms += 1000;
    for (uint32_t rid = 0; rid < LATE; rid++) {
        hear(fixture, rid, 200);
        struct asked now = asked(fixture, FETCH_BLOCKS);
        assert_int_equal(now.count, 1);
        assert_int_equal(now.of[0].to, rid);
        assert_int_equal(now.of[0].fetch.from, 1 + FETCH_BLOCKS_MAX * rid);
        assert_int_equal(now.of[0].fetch.count, FETCH_BLOCKS_MAX);
        seen |= UINT64_C(1) << rid;
        sources++;
    }
    assert_int_equal(seen, 7);
    assert_int_equal(sources, 3);
    assert_int_equal(core_tick(fixture, LATE), DROP_NONE);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 0);
}

static void nobody_is_asked_for_more_than_it_says_it_has(void **state)
{
    struct core_fixture *fixture = *state;
    fixture->now_ms += 1000;
    hear(fixture, 0, 3);
    struct asked now = asked(fixture, FETCH_BLOCKS);
    assert_int_equal(now.count, 1);
    assert_int_equal(now.of[0].fetch.count, 3);
    hear(fixture, 1, 3);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 0);
}

static void what_is_near_is_left_to_agreement_while_the_log_moves(void **state)
{
    struct core_fixture *fixture = *state;
    hear(fixture, 0, 5);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 0);
    fixture->now_ms += REST_MS;
    assert_int_equal(core_tick(fixture, LATE), DROP_NONE);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 1);
}

static void blocks_are_executed_in_order_whatever_the_order_they_come_in(void **state)
{
    struct core_fixture *fixture = *state;
    struct asked last = fall_behind(fixture, 200);
    assert_int_equal(last.count, 1);
    for (uint64_t height = 2; height <= 16; height++) {
        assert_int_equal(bring(fixture, 0, height), DROP_NONE);
    }
    assert_int_equal(executed(fixture), 0);
    assert_int_equal(bring(fixture, 0, 1), DROP_NONE);
    struct asked next = asked(fixture, FETCH_BLOCKS);
    assert_int_equal(next.count, 1); /* the whole range came: the next is asked for at once */
    assert_int_equal(next.of[0].to, 0);
    assert_int_equal(next.of[0].fetch.from, 49);
    while (fixture->outbox.again) {
        (void)core_tick(fixture, LATE);
    }
    assert_int_equal(executed(fixture), 16);
}

static void a_block_that_was_not_asked_for_is_not_even_verified(void **state)
{
    struct core_fixture *fixture = *state;
    struct verify_job job;
    (void)fall_behind(fixture, 200);
    struct bytes other = block_of(fixture, 1, 1, QUORUM); /* asked of r0 */
    assert_int_equal(node_inspect(fixture->nodes[LATE], 1, other, &job), DROP_NOT_WANTED);
    struct bytes far = block_of(fixture, 0, 17, QUORUM);
    assert_int_equal(node_inspect(fixture->nodes[LATE], 0, far, &job), DROP_NOT_WANTED);
    assert_int_equal(bring(fixture, 0, 5), DROP_NONE);
    struct bytes again = block_of(fixture, 0, 5, QUORUM);
    assert_int_equal(node_inspect(fixture->nodes[LATE], 0, again, &job), DROP_NOT_WANTED);
    assert_int_equal(node_inspect(fixture->nodes[LATE], NODE_CLIENT, again, &job), DROP_ROLE);
}

static void too_few_commits_are_no_certificate(void **state)
{
    struct core_fixture *fixture = *state;
    (void)fall_behind(fixture, 200);
    struct bytes frame = block_of(fixture, 0, 1, QUORUM - 1);
    assert_int_equal(core_deliver(fixture, LATE, 0, frame), DROP_CERTIFICATE);
}

static void step_bad_data(struct core_fixture *fixture, uint32_t from)
{
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    const struct data data = {.kind = FETCH_BLOCKS};
    assert_true(data_encode(&data, &body));
    struct bytes frame =
        core_frame(fixture, MESSAGE_DATA, from, NULL, buffer_bytes(&body), BYTES_EMPTY);
    struct event event = {.kind = EVENT_REFUSED,
                          .frame = frame,
                          .now_ms = fixture->now_ms,
                          .wall_ms = fixture->wall_ms,
                          .from = from};
    assert_int_equal(node_step(fixture->nodes[LATE], &event, &fixture->outbox), DROP_NONE);
}

static void who_sends_bad_blocks_is_left_for_another(void **state)
{
    struct core_fixture *fixture = *state;
    struct verify_job job;
    (void)fall_behind(fixture, 40);
    step_bad_data(fixture, 0);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 0); /* the others are busy */
    struct bytes rest = block_of(fixture, 0, 2, QUORUM);
    assert_int_equal(node_inspect(fixture->nodes[LATE], 0, rest, &job), DROP_NOT_WANTED);
    for (uint64_t height = 17; height <= 32; height++) {
        assert_int_equal(bring(fixture, 1, height), DROP_NONE);
    }
    struct asked again = asked(fixture, FETCH_BLOCKS);
    assert_int_equal(again.count, 1);
    assert_int_equal(again.of[0].to, 1);
    assert_int_equal(again.of[0].fetch.from, 1);
}

static void who_has_nothing_is_left_for_another(void **state)
{
    struct core_fixture *fixture = *state;
    const struct data nothing = {.kind = FETCH_BLOCKS, .from = 1, .count = 16};
    (void)fall_behind(fixture, 16);
    assert_int_equal(core_deliver(fixture, LATE, 0, data_of(fixture, 0, &nothing, BYTES_EMPTY)),
                     DROP_NONE);
    struct asked again = asked(fixture, FETCH_BLOCKS);
    assert_int_equal(again.count, 1);
    assert_int_not_equal(again.of[0].to, 0);
    assert_int_equal(again.of[0].fetch.from, 1);
    assert_int_equal(core_deliver(fixture, LATE, 0, data_of(fixture, 0, &nothing, BYTES_EMPTY)),
                     DROP_NOT_WANTED);
}

static void who_is_silent_is_left_for_another(void **state)
{
    struct core_fixture *fixture = *state;
    fixture->now_ms += 1000;
    hear(fixture, 0, 16);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).of[0].to, 0);
    fixture->now_ms += 501;
    hear(fixture, 1, 16);
    struct asked again = asked(fixture, FETCH_BLOCKS);
    assert_int_equal(again.count, 1);
    assert_int_equal(again.of[0].to, 1);
    fixture->now_ms += 300; /* r0 is banned still, r1 has its time */
    assert_int_equal(core_tick(fixture, LATE), DROP_NONE);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 0);
}

static void who_was_silent_is_asked_again_later(void **state)
{
    struct core_fixture *fixture = *state;
    fixture->now_ms += 1000;
    hear(fixture, 0, 16);
    fixture->now_ms += 500;
    assert_int_equal(core_tick(fixture, LATE), DROP_NONE);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 0);
    fixture->now_ms += 400;
    assert_int_equal(core_tick(fixture, LATE), DROP_NONE);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 1);
}

static void what_is_asked_of_one_is_not_asked_of_another(void **state)
{
    struct core_fixture *fixture = *state;
    fixture->now_ms += 1000;
    hear(fixture, 0, 3);
    hear(fixture, 1, 200);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).of[0].fetch.from, 4);
    step_bad_data(fixture, 0);
    hear(fixture, 2, 200);
    struct asked hole = asked(fixture, FETCH_BLOCKS);
    assert_int_equal(hole.count, 1);
    assert_int_equal(hole.of[0].fetch.from, 1);
    assert_int_equal(hole.of[0].fetch.count, 3);
}

/* Take from the node's pool until less than a quarter is left. */
static void crowd(struct node *node)
{
    while (!pool_is_crowded(&node->pool)) {
        assert_non_null(pool_take(&node->pool, 1u << 20));
    }
}

static void in_a_crowded_pool_there_is_room_for_the_next_block_only(void **state)
{
    struct core_fixture *fixture = *state;
    fixture->now_ms += 1000;
    hear(fixture, 0, 16);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).of[0].fetch.count, 16);
    crowd(fixture->nodes[LATE]);
    assert_int_equal(bring(fixture, 0, 2), DROP_NO_MEMORY);
    /* That is not the source's fault: it is asked at once, for what there is room for. */
    assert_int_equal(core_tick(fixture, LATE), DROP_NONE);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 1);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).of[0].fetch.count, 1);
    assert_int_equal(bring(fixture, 0, 1), DROP_NONE);
    assert_int_equal(executed(fixture), 1);
}

static void a_crowded_pool_takes_no_requests(void **state)
{
    struct core_fixture *fixture = *state;
    crowd(fixture->nodes[0]);
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, core_request(fixture, 1)),
                     DROP_QUEUE_FULL);
}

/* Under a certificate signatures of clients are not verified again; payloads it does not cover. */
static void payloads_are_matched_to_what_was_committed(void **state)
{
    static uint8_t other[1u << 16];
    struct core_fixture *fixture = *state;
    struct vote vote = {.sequence = 1};
    struct batch_parcel batch;
    (void)fall_behind(fixture, 16);
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, vote.digest);
    assert_int_equal(batch_parcel_decode(parcel, &batch), WIRE_OK);
    struct batch_parcel forged = batch;
    assert_in_range(batch.payloads.len, 1, sizeof(other));
    memcpy(other, batch.payloads.data, batch.payloads.len);
    other[batch.payloads.len - 1] ^= 1;
    forged.payloads = bytes_make(other, batch.payloads.len);
    struct bytes bad = block_with(fixture, 0, &vote, QUORUM, &forged);
    struct verify_job job;
    assert_int_equal(node_inspect(fixture->nodes[LATE], 0, bad, &job), DROP_NONE);
    assert_int_equal(job_verify(&job, bad, 0, 1, NULL), DROP_DIGEST);
    struct bytes good = block_with(fixture, 0, &vote, QUORUM, &batch);
    assert_int_equal(core_deliver(fixture, LATE, 0, good), DROP_NONE);
    assert_int_equal(executed(fixture), 1);
}

static void the_range_that_all_wait_for_is_asked_of_a_second_source(void **state)
{
    struct core_fixture *fixture = *state;
    fixture->now_ms += 1000;
    hear(fixture, 0, 16);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).of[0].to, 0);
    hear(fixture, 1, 16);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 0);
    fixture->now_ms += 200;
    assert_int_equal(core_tick(fixture, LATE), DROP_NONE);
    struct asked second = asked(fixture, FETCH_BLOCKS);
    assert_int_equal(second.count, 1);
    assert_int_equal(second.of[0].to, 1);
    assert_int_equal(second.of[0].fetch.from, 1);
    for (uint64_t height = 1; height <= 16; height++) {
        assert_int_equal(bring(fixture, 1, height), DROP_NONE);
    }
    while (fixture->outbox.again) {
        (void)core_tick(fixture, LATE);
    }
    /* What came from the second one, the first does not owe any more, long before its time is over.
     */
    hear(fixture, 0, 32);
    fixture->now_ms += REST_MS;
    assert_int_equal(core_tick(fixture, LATE), DROP_NONE);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 1);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).of[0].to, 0);
}

static void batches_that_no_slot_waits_for_are_not_verified(void **state)
{
    struct core_fixture *fixture = *state;
    struct verify_job job;
    struct data data = {.kind = FETCH_BATCH};
    struct bytes parcel = core_batch(fixture, 1, 1, fixture->wall_ms, data.digest);
    struct bytes frame = data_of(fixture, 0, &data, parcel);
    assert_int_equal(node_inspect(fixture->nodes[LATE], 0, frame, &job), DROP_NOT_WANTED);
}

static void proofs_of_heights_that_were_not_executed_here_are_not_verified(void **state)
{
    struct core_fixture *fixture = *state;
    struct verify_job job;
    uint8_t header_memory[HEADER_BYTES_MAX];
    uint8_t memory[1024];
    struct buffer header = buffer_make(header_memory, sizeof(header_memory));
    struct buffer encoded = buffer_make(memory, sizeof(memory));
    const struct block_header object = {.height = 128};
    assert_true(block_header_encode(&object, &header));
    const struct stable stable = {.header = buffer_bytes(&header)};
    assert_true(stable_encode(&stable, &encoded));
    const struct data data = {.kind = FETCH_STABLE};
    struct bytes frame = data_of(fixture, 0, &data, buffer_bytes(&encoded));
    assert_int_equal(node_inspect(fixture->nodes[LATE], 0, frame, &job), DROP_NOT_WANTED);
    struct bytes garbage = data_of(fixture, 0, &data, bytes_of_text("garbage"));
    assert_int_equal(node_inspect(fixture->nodes[LATE], 0, garbage, &job), DROP_MALFORMED);
}

/* What the primary of view 0 does with a request when `count` others say they are far ahead. */
static bool proposes(struct core_fixture *fixture, uint32_t count, uint64_t ahead)
{
    for (uint32_t rid = 1; rid <= count; rid++) {
        struct bytes frame = status_of(fixture, rid, ahead, 1);
        assert_int_equal(core_deliver(fixture, 0, rid, frame), DROP_NONE);
    }
    assert_int_equal(core_deliver(fixture, 0, NODE_CLIENT, core_request(fixture, 1)), DROP_NONE);
    return core_sent(fixture, MESSAGE_PRE_PREPARE).len > 0;
}

static void a_primary_that_is_far_behind_proposes_nothing(void **state)
{
    assert_false(proposes(*state, 2, 17));
}

static void no_liar_keeps_a_primary_from_proposing(void **state)
{
    assert_true(proposes(*state, 1, 17));
}

static void what_is_in_flight_keeps_no_primary_from_proposing(void **state)
{
    assert_true(proposes(*state, 3, 16));
}

/* Node `n` has executed the block of height 1; what it attests then. */
static struct bytes attested(struct core_fixture *fixture, uint32_t n)
{
    static uint8_t memory[CORE_NODES][1024];
    uint32_t other = n == 0 ? 1 : 0;
    fixture->now_ms += 1000;
    struct bytes frame = status_of(fixture, other, 1, 1);
    assert_int_equal(core_deliver(fixture, n, other, frame), DROP_NONE);
    frame = block_of(fixture, other, 1, QUORUM);
    assert_int_equal(core_deliver(fixture, n, other, frame), DROP_NONE);
    fixture->now_ms += 100;
    assert_int_equal(core_tick(fixture, n), DROP_NONE);
    struct bytes sent = core_sent(fixture, MESSAGE_ATTEST);
    assert_in_range(sent.len, 0, sizeof(memory[n]));
    if (sent.len > 0) {
        memcpy(memory[n], sent.data, sent.len);
    }
    return bytes_make(memory[n], sent.len);
}

/* Whether LATE makes a checkpoint of what r0 and r1 attest, and of what r2 does too. */
static void counts(struct core_fixture *fixture, bool of_two, bool of_three)
{
    struct bytes of_others[LATE];
    for (uint32_t rid = 0; rid < LATE; rid++) {
        of_others[rid] = attested(fixture, rid);
        assert_int_not_equal(of_others[rid].len, 0);
    }
    (void)attested(fixture, LATE);
    assert_int_equal(core_deliver(fixture, LATE, 0, of_others[0]), DROP_NONE);
    assert_int_equal(core_actions(fixture, ACTION_CHECKPOINT), 0);
    assert_int_equal(core_deliver(fixture, LATE, 1, of_others[1]), DROP_NONE);
    assert_int_equal(core_actions(fixture, ACTION_CHECKPOINT), of_two);
    assert_int_equal(core_deliver(fixture, LATE, 2, of_others[2]), DROP_NONE);
    assert_int_equal(core_actions(fixture, ACTION_CHECKPOINT), of_three);
}

static void the_own_attestation_counts_in_a_quorum(void **state)
{
    counts(*state, true, true);
}

static void that_of_a_key_that_has_forgotten_counts_in_none(void **state)
{
    struct core_fixture *fixture = *state;
    fixture->nodes[LATE]->mode = MODE_RECOVERING;
    counts(fixture, false, true);
}

static void one_that_hears_no_votes_fetches_at_once_what_w_have(void **state)
{
    struct core_fixture *fixture = *state;
    fixture->nodes[LATE]->mode = MODE_RECOVERING;
    for (uint64_t height = 2; height <= 4; height += 2) {
        hear(fixture, 0, height);
        assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 0);
        hear(fixture, 1, height);
        struct asked now = asked(fixture, FETCH_BLOCKS);
        assert_int_equal(now.count, 1);
        assert_int_equal(now.of[0].fetch.count, 2);
        assert_int_equal(bring(fixture, now.of[0].to, height - 1), DROP_NONE);
        assert_int_equal(bring(fixture, now.of[0].to, height), DROP_NONE);
        while (fixture->outbox.again) {
            (void)core_tick(fixture, LATE);
        }
        assert_int_equal(executed(fixture), height);
    }
}

static void one_that_is_far_behind_fetches_at_once_when_w_say_so(void **state)
{
    struct core_fixture *fixture = *state;
    hear(fixture, 0, 17);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 0);
    hear(fixture, 1, 17);
    assert_int_equal(asked(fixture, FETCH_BLOCKS).count, 2);
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(several_sources_are_asked_for_ranges_of_their_own),
        CORE_TEST(nobody_is_asked_for_more_than_it_says_it_has),
        CORE_TEST(what_is_near_is_left_to_agreement_while_the_log_moves),
        CORE_TEST(blocks_are_executed_in_order_whatever_the_order_they_come_in),
        CORE_TEST(a_block_that_was_not_asked_for_is_not_even_verified),
        CORE_TEST(too_few_commits_are_no_certificate),
        CORE_TEST(who_sends_bad_blocks_is_left_for_another),
        CORE_TEST(who_has_nothing_is_left_for_another),
        CORE_TEST(who_is_silent_is_left_for_another),
        CORE_TEST(the_range_that_all_wait_for_is_asked_of_a_second_source),
        CORE_TEST(a_primary_that_is_far_behind_proposes_nothing),
        CORE_TEST(no_liar_keeps_a_primary_from_proposing),
        CORE_TEST(what_is_in_flight_keeps_no_primary_from_proposing),
        CORE_TEST(the_own_attestation_counts_in_a_quorum),
        CORE_TEST(that_of_a_key_that_has_forgotten_counts_in_none),
        CORE_TEST(one_that_hears_no_votes_fetches_at_once_what_w_have),
        CORE_TEST(one_that_is_far_behind_fetches_at_once_when_w_say_so),
        CORE_TEST(who_was_silent_is_asked_again_later),
        CORE_TEST(what_is_asked_of_one_is_not_asked_of_another),
        CORE_TEST(in_a_crowded_pool_there_is_room_for_the_next_block_only),
        CORE_TEST(a_crowded_pool_takes_no_requests),
        CORE_TEST(payloads_are_matched_to_what_was_committed),
        CORE_TEST(batches_that_no_slot_waits_for_are_not_verified),
        CORE_TEST(proofs_of_heights_that_were_not_executed_here_are_not_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
