/* Whole hosts, four of them with all their threads: appends are agreed on and answered, and what
 * clients do wrong costs them their connection and nobody else anything. */
#include "replica/host/hello.h"
#include "tests/support/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PRIMARY 0

/* Wait until the links between the replicas are up. */
static void await_links(struct live *live)
{
    for (int i = 0; i < 100; i++) {
        struct live_client client = live_connect(live, PRIMARY);
        assert_true(live_hello(&client, 0));
        struct status_answer status = live_status(&client);
        struct wire_iter peers = wire_iter_make(status.peers);
        struct peer_row row;
        uint64_t connected = 0;
        while (peer_row_next(&peers, &row)) {
            connected += row.connected;
        }
        live_hang_up(&client);
        if (connected == LIVE_HOSTS - 1) {
            return;
        }
        usleep(50000);
    }
    fail_msg("the replicas did not find each other");
}

static struct result await_result(struct live_client *client, struct reply_result *answer)
{
    struct envelope envelope;
    struct bytes attachment;
    struct reply reply;
    struct result result;
    assert_true(live_await(client, MESSAGE_REPLY, &envelope, &attachment));
    assert_int_equal(reply_decode(envelope.body, &reply), WIRE_OK);
    struct wire_iter results = wire_iter_make(reply.results);
    assert_true(reply_result_next(&results, answer));
    assert_int_equal(result_decode(answer->result, &result), WIRE_OK);
    return result;
}

/* One append from here to all replicas' clients and back. */
static void append_works(struct live *live)
{
    struct live_client client = live_connect(live, PRIMARY);
    struct reply_result answer;
    assert_true(live_hello(&client, 0));
    assert_true(live_send_request(&client, live_append(live, 1)));
    struct result result = await_result(&client, &answer);
    assert_int_equal(result.code, RESULT_OK);
    assert_int_equal(result.count, 1);
    live_hang_up(&client);
}

static void appends_are_agreed_on_and_answered_by_every_replica(void **state)
{
    struct live *live = *state;
    struct live_client clients[LIVE_HOSTS];
    await_links(live);
    for (uint32_t rid = 0; rid < LIVE_HOSTS; rid++) {
        clients[rid] = live_connect(live, rid);
        assert_true(live_hello(&clients[rid], rid == 2 ? HELLO_WANTS_PROOFS : 0));
    }
    for (uint64_t i = 0; i < 20; i++) {
        assert_true(live_send_request(&clients[PRIMARY], live_append(live, 3)));
        for (uint32_t rid = 0; rid < LIVE_HOSTS; rid++) {
            struct reply_result answer;
            struct result result = await_result(&clients[rid], &answer);
            assert_int_equal(result.code, RESULT_OK);
            assert_int_equal(result.first_index, 1 + 3 * i);
            assert_int_equal(answer.stream_indexes.count, rid == 2 ? 3 : 0);
        }
    }
    for (uint32_t rid = 0; rid < LIVE_HOSTS; rid++) {
        assert_int_equal(live_status(&clients[rid]).tree_size, 61);
        live_hang_up(&clients[rid]);
    }
}

/* Ids that no array could be indexed by. */
static void replicas_with_large_ids_agree_and_find_each_other(void **state)
{
    struct live *live = *state;
    await_links(live);
    append_works(live);
    live_stop(live, 1);
    append_works(live);
    live_start(live, 1);
    await_links(live);
    append_works(live);
}

static void a_repeated_request_gets_its_first_result(void **state)
{
    struct live *live = *state;
    struct live_client client = live_connect(live, PRIMARY);
    struct reply_result answer;
    static uint8_t kept[1u << 20];
    await_links(live);
    assert_true(live_hello(&client, HELLO_WANTS_PROOFS));
    struct bytes parcel = live_append(live, 2);
    memcpy(kept, parcel.data, parcel.len);
    parcel = bytes_make(kept, parcel.len);
    assert_true(live_send_request(&client, parcel));
    struct result first = await_result(&client, &answer);
    append_works(live);
    assert_true(live_send_request(&client, parcel));
    /* The append in between was by the same key, so its reply may come here first. */
    struct result second = await_result(&client, &answer);
    if (memcmp(second.request_id, first.request_id, HASH_BYTES) != 0) {
        second = await_result(&client, &answer);
    }
    assert_memory_equal(second.request_id, first.request_id, HASH_BYTES);
    assert_int_equal(second.code, RESULT_OK);
    assert_int_equal(second.first_index, first.first_index);
    assert_int_equal(answer.stream_indexes.count, 2);
    assert_true(answer.range_proof.count > 0);
    live_hang_up(&client);
}

static void appends_go_on_without_a_backup_and_it_catches_up(void **state)
{
    struct live *live = *state;
    await_links(live);
    append_works(live);
    live_stop(live, 3);
    for (int i = 0; i < 5; i++) {
        append_works(live);
    }
    live_start(live, 3);
    for (int i = 0; i < 100; i++) {
        struct live_client client = live_connect(live, 3);
        assert_true(live_hello(&client, 0));
        uint64_t size = live_status(&client).tree_size;
        live_hang_up(&client);
        if (size == 7) {
            return;
        }
        usleep(100000);
    }
    fail_msg("the replica that was away did not catch up");
}

static void a_client_may_change_its_flags_but_not_its_key(void **state)
{
    struct live *live = *state;
    struct live_client client = live_connect(live, 1);
    assert_true(live_hello(&client, 0));
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(live_hello(&client, i & 1));
    }
    /* The key of another holder on the same channel. */
    uint8_t memory[512];
    uint8_t sig[SIG_BYTES];
    uint8_t seed[SEED_BYTES];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct hello hello = {.role = ROLE_HOLDER};
    gov_seed("bob", seed);
    sig_ed25519.public_key(seed, hello.public_key);
    memcpy(hello.channel, client.exporter, HASH_BYTES);
    assert_true(hello_encode(&hello, &body));
    sign_body(&sig_ed25519, seed, hello.public_key, TAG_HELLO, live->world.charter.cluster_id,
              buffer_bytes(&body), sig);
    const struct envelope envelope = {
        .type = MESSAGE_HELLO, .body = buffer_bytes(&body), .sig = BYTES_OF_ARRAY(sig)};
    assert_true(live_send(&client, &envelope, BYTES_EMPTY));
    assert_true(live_is_closed(&client));
    live_hang_up(&client);
}

static void nothing_counts_before_hello(void **state)
{
    struct live *live = *state;
    struct live_client client = live_connect(live, 1);
    assert_true(live_send_fetch(&client, FETCH_STATUS, 0, 0));
    assert_true(live_is_closed(&client));
    live_hang_up(&client);
}

static void a_hello_that_was_relayed_is_refused(void **state)
{
    struct live *live = *state;
    struct live_client client = live_connect(live, 1);
    client.exporter[0] ^= 1; /* as it would be on the channel it was made for */
    assert_false(live_hello(&client, 0));
    live_hang_up(&client);
}

/* What a stranger may send as the very first bytes, or as any later frame. */
static const struct {
    const char *name;
    uint8_t bytes[12];
    size_t len;
} bad_frames[] = {
    {"empty frame", {0, 0, 0, 0}, 4},
    {"longest length", {0xff, 0xff, 0xff, 0xff}, 4},
    {"one byte too long", {0x00, 0x30, 0x00, 0x01}, 4},
    {"count bomb", {0, 0, 0, 5, 0xdd, 0x02, 0xff, 0xff, 0xff}, 9},
    {"not msgpack", {0, 0, 0, 4, 'G', 'E', 'T', ' '}, 8},
    {"nested arrays", {0, 0, 0, 8, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91}, 12},
    {"unknown type", {0, 0, 0, 8, 0x95, 1, 0x63, 0, 0xc4, 0, 0xc4, 0}, 12},
    {"a replica's message", {0, 0, 0, 8, 0x95, 1, 3, 0, 0xc4, 0, 0xc4, 0}, 12},
    {"fetch without a body", {0, 0, 0, 8, 0x95, 1, 10, 0, 0xc4, 0, 0xc4, 0}, 12},
    {"request without a parcel", {0, 0, 0, 8, 0x95, 1, 1, 0, 0xc4, 0, 0xc4, 0}, 12},
};

static void bad_frames_close_the_connection_and_nothing_else(void **state)
{
    struct live *live = *state;
    await_links(live);
    for (size_t i = 0; i < sizeof(bad_frames) / sizeof(bad_frames[0]); i++) {
        for (int greeted = 0; greeted < 2; greeted++) {
            struct live_client client = live_connect(live, PRIMARY);
            if (greeted) {
                assert_true(live_hello(&client, 0));
            }
            assert_true(live_send_raw(&client, bytes_make(bad_frames[i].bytes, bad_frames[i].len)));
            if (!live_is_closed(&client)) {
                fail_msg("%s was not refused", bad_frames[i].name);
            }
            live_hang_up(&client);
        }
    }
    append_works(live);
}

/* A request that its author did not sign so. Static memory. */
static struct bytes badly_signed(struct live *live)
{
    static uint8_t copy[1u << 20];
    struct bytes parcel = live_append(live, 1);
    memcpy(copy, parcel.data, parcel.len);
    /* The request body begins within the item; a bit of its number makes another request of it. */
    struct request_parcel parts;
    struct item item;
    assert_int_equal(request_parcel_decode(parcel, &parts), WIRE_OK);
    assert_int_equal(item_decode(parts.item, &item), WIRE_OK);
    size_t at = (size_t)(item.request.data - parcel.data) + 38;
    copy[at] ^= 1;
    return bytes_make(copy, parcel.len);
}

static void bad_signatures_close_the_connection_and_reach_nobody(void **state)
{
    struct live *live = *state;
    await_links(live);
    append_works(live);
    struct live_client client = live_connect(live, PRIMARY);
    assert_true(live_hello(&client, 0));
    assert_true(live_send_request(&client, badly_signed(live)));
    assert_true(live_is_closed(&client));
    live_hang_up(&client);
    append_works(live);
}

#define ROUND 64

/* They are verified beside each other; who sent the bad one is closed, alone. */
static void a_bad_signature_in_a_full_round_takes_no_other_request_with_it(void **state)
{
    struct live *live = *state;
    await_links(live);
    append_works(live);
    struct live_client good = live_connect(live, PRIMARY);
    struct live_client bad = live_connect(live, PRIMARY);
    uint32_t answered = 0;
    assert_true(live_hello(&good, 0));
    assert_true(live_hello(&bad, 0));
    for (uint32_t i = 1; i < ROUND; i++) {
        if (i == ROUND / 2) {
            assert_true(live_send_request(&bad, badly_signed(live)));
        }
        assert_true(live_send_request(&good, live_append(live, 1)));
    }
    while (answered < ROUND - 1) {
        struct envelope envelope;
        struct bytes attachment;
        struct reply reply;
        struct reply_result answer;
        struct result result;
        assert_true(live_await(&good, MESSAGE_REPLY, &envelope, &attachment));
        assert_int_equal(reply_decode(envelope.body, &reply), WIRE_OK);
        struct wire_iter results = wire_iter_make(reply.results);
        for (; reply_result_next(&results, &answer); answered++) {
            assert_int_equal(result_decode(answer.result, &result), WIRE_OK);
            assert_int_equal(result.code, RESULT_OK);
        }
    }
    assert_true(live_is_closed(&bad));
    live_hang_up(&bad);
    live_hang_up(&good);
}

static void strangers_do_not_take_the_room_of_replicas(void **state)
{
    struct live *live = *state;
    struct live_client clients[40];
    uint32_t in = 0;
    await_links(live);
    for (uint32_t i = 0; i < 40; i++) {
        clients[i] = live_connect(live, 1);
        in += SSL_is_init_finished(clients[i].ssl) && live_hello(&clients[i], 0);
    }
    assert_true(in <= 32); /* config.clients */
    assert_true(in >= 20);
    live_stop(live, 3); /* and comes back, while strangers sit there */
    live_start(live, 3);
    await_links(live);
    append_works(live);
    for (uint32_t i = 0; i < 40; i++) {
        live_hang_up(&clients[i]);
    }
}

/* Ask for much and read nothing. */
static void who_does_not_read_is_held_back_and_then_closed(void **state)
{
    struct live *live = *state;
    struct live_client client = live_connect(live, 1);
    uint64_t asked = 0;
    await_links(live);
    assert_true(live_hello(&client, 0));
    const struct timeval wait = {.tv_usec = 300000};
    assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)), 0);
    while (asked < 200000 && live_send_fetch(&client, FETCH_CHARTER, 0, 0)) {
        asked++;
    }
    assert_true(asked < 200000); /* the socket filled up: it is not read any more */
    append_works(live);
    live_hang_up(&client);
}

static void everything_that_clients_may_fetch_is_answered(void **state)
{
    struct live *live = *state;
    struct envelope envelope;
    struct bytes attachment;
    struct data data;
    await_links(live);
    append_works(live);
    struct live_client client = live_connect(live, PRIMARY);
    assert_true(live_hello(&client, 0));
    static const uint64_t kinds[] = {FETCH_CHARTER, FETCH_STREAMS, FETCH_BLOCKS, FETCH_SNAPSHOT};
    static const bool there[] = {true, true, true, false};
    for (size_t i = 0; i < 4; i++) {
        assert_true(live_send_fetch(&client, kinds[i], i == 2 ? 1 : 0, 1));
        assert_true(live_await(&client, MESSAGE_DATA, &envelope, &attachment));
        assert_int_equal(data_decode(envelope.body, &data), WIRE_OK);
        assert_int_equal(data.kind, kinds[i]);
        assert_int_equal(attachment.len > 0, there[i]);
    }
    assert_true(live_send_fetch(&client, FETCH_CHARTER, 0, 0));
    assert_true(live_await(&client, MESSAGE_DATA, &envelope, &attachment));
    assert_true(bytes_equal(attachment, live->charter_file));
    live_hang_up(&client);
}

static void a_stopped_host_has_answered_what_it_committed(void **state)
{
    struct live *live = *state;
    struct reply_result answer;
    await_links(live);
    struct live_client client = live_connect(live, PRIMARY);
    assert_true(live_hello(&client, 0));
    for (int i = 0; i < 10; i++) {
        assert_true(live_send_request(&client, live_append(live, 1)));
    }
    (void)await_result(&client, &answer);
    live_stop(live, PRIMARY);
    live_start(live, PRIMARY);
    struct live_client again = live_connect(live, PRIMARY);
    assert_true(live_hello(&again, 0));
    assert_true(live_status(&again).tree_size >= 2);
    live_hang_up(&again);
    live_hang_up(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, live_setup, live_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(appends_are_agreed_on_and_answered_by_every_replica),
        cmocka_unit_test_setup_teardown(replicas_with_large_ids_agree_and_find_each_other,
                                        live_setup_large_ids, live_teardown),
        TEST(a_repeated_request_gets_its_first_result),
        TEST(appends_go_on_without_a_backup_and_it_catches_up),
        TEST(a_client_may_change_its_flags_but_not_its_key),
        TEST(nothing_counts_before_hello),
        TEST(a_hello_that_was_relayed_is_refused),
        TEST(bad_frames_close_the_connection_and_nothing_else),
        TEST(bad_signatures_close_the_connection_and_reach_nobody),
        TEST(a_bad_signature_in_a_full_round_takes_no_other_request_with_it),
        TEST(strangers_do_not_take_the_room_of_replicas),
        TEST(who_does_not_read_is_held_back_and_then_closed),
        TEST(everything_that_clients_may_fetch_is_answered),
        TEST(a_stopped_host_has_answered_what_it_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
