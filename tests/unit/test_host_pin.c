/* Pictures of the store for others to fetch states from: whatever is executed while the disk is
 * busy, the picture is of the height that was pinned, and what comes out of it has the root of that
 * block's header. One host whose loop is this test. */
#include "replica/host/clock.h"
#include "replica/host/host_parts.h"
#include "replica/host/log_reader.h"
#include "storage/store_memory.h"
#include "tests/support/core_fixture.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RID 3
#define INTERVAL 128

struct fixture {
    struct core_fixture *core; /* makes the frames of the others */
    struct config config;
    struct config_peer addresses[REPLICAS_MAX];
    struct store *store;
    struct host *host;
    int stop_fd;
    uint64_t height;
};

/* --- A host that is driven by hand ------------------------------------------------------------ */

static void feed(struct fixture *fixture, uint32_t from, struct bytes frame)
{
    assert_int_equal(host_feed_frame(fixture->host, from, frame), DROP_NONE);
}

static void wake(struct fixture *fixture)
{
    struct core_fixture *core = fixture->core;
    struct node *const other = core->nodes[RID];
    struct node_look look;
    for (uint32_t from = 0; from < 2; from++) {
        core->nodes[RID] = fixture->host->node; /* whose nonce is answered */
        const struct bytes answer = core_answer(core, RID, from, BYTES_EMPTY);
        core->nodes[RID] = other;
        feed(fixture, from, answer);
    }
    node_look(fixture->host->node, &look);
    assert_true(look.awake);
}

static int setup(void **state)
{
    void *core = NULL;
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct report report = {0};
    assert_int_equal(core_setup_asleep(&core), 0);
    fixture->core = core;
    assert_int_equal(store_memory_open(&fixture->store), STATUS_OK);
    fixture->stop_fd = eventfd(0, EFD_CLOEXEC);
    fixture->config = (struct config){.rid = RID,
                                      .memory_bytes = CONFIG_MEMORY_BYTES_MIN,
                                      .clients = 32,
                                      .clients_per_address = 24,
                                      .workers = 1};
    snprintf(fixture->config.data, sizeof(fixture->config.data), "/tmp");
    snprintf(fixture->config.listen.host, sizeof(fixture->config.listen.host), "127.0.0.1");
    const struct host_setup setup = {.config = &fixture->config,
                                     .scheme = &sig_fast,
                                     .charter_file = gov_fixture_file(&fixture->core->charter),
                                     .roster = node_roster(fixture->core->nodes[0]),
                                     .addresses = fixture->addresses,
                                     .keys = {{.sign_seed = fixture->core->seeds[RID][0],
                                               .cosign_seed = fixture->core->seeds[RID][1],
                                               .transport_seed = fixture->core->seeds[RID][0]}},
                                     .key_count = 1,
                                     .store = fixture->store,
                                     .snapshot_span = 1,
                                     .stop_fd = fixture->stop_fd};
    assert_int_equal(host_open(&setup, &fixture->host, &report), STATUS_OK);
    struct event started = {.kind = EVENT_STARTED};
    assert_int_equal(host_feed(fixture->host, &started), DROP_NONE);
    wake(fixture);
    host_finish_flights(fixture->host);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    void *core = fixture->core;
    host_close(fixture->host);
    store_close(fixture->store);
    close(fixture->stop_fd);
    free(fixture);
    return core_teardown(&core);
}

/* One more block is agreed on and executed; nothing lands. */
static void execute_block(struct fixture *fixture)
{
    struct core_fixture *core = fixture->core;
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct vote vote = {.sequence = ++fixture->height};
    struct node_look look;
    const struct bytes parcel = core_batch(core, fixture->height, 1, clock_wall_ms(), vote.digest);
    assert_true(vote_encode(&vote, &body));
    feed(fixture, 0, core_frame(core, MESSAGE_PRE_PREPARE, 0, "r0", buffer_bytes(&body), parcel));
    feed(fixture, 1, core_vote(core, MESSAGE_PREPARE, 1, &vote));
    feed(fixture, 0, core_vote(core, MESSAGE_COMMIT, 0, &vote));
    feed(fixture, 1, core_vote(core, MESSAGE_COMMIT, 1, &vote));
    node_look(fixture->host->node, &look);
    assert_int_equal(look.executed, fixture->height);
}

static void execute_up_to(struct fixture *fixture, uint64_t height)
{
    while (fixture->height < height) {
        execute_block(fixture);
    }
}

/* The flight under way lands, and the next one takes off. */
static void land_one(struct fixture *fixture)
{
    struct pollfd wait = {.fd = mailbox_fd(commit_thread_done(fixture->host->commit)),
                          .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 10000), 1);
    host_on_committed(-1, 0, fixture->host);
}

/* The state root in the header of a stored block. */
static void header_root(struct fixture *fixture, uint64_t height, uint8_t out[HASH_BYTES])
{
    struct log_reader *reader = NULL;
    struct store_view *view = NULL;
    struct log_block block;
    assert_int_equal(log_reader_open(&reader), STATUS_OK);
    assert_int_equal(store_view_open(fixture->store, &view), STATUS_OK);
    log_reader_use(reader, view);
    assert_true(log_block(reader, height, &block));
    assert_int_equal(block.header.state_root.len, HASH_BYTES);
    memcpy(out, block.header.state_root.data, HASH_BYTES);
    store_view_close(view);
    log_reader_close(reader);
}

/* The next answer of the read thread; pins come back too. */
static struct question *next_answer(struct fixture *fixture)
{
    struct mailbox *box = reader_done(fixture->host->reader);
    for (int i = 0; i < 100; i++) {
        struct pollfd wait = {.fd = mailbox_fd(box), .events = POLLIN};
        void *item = NULL;
        assert_true(poll(&wait, 1, 10000) == 1);
        mailbox_quiet(box);
        while (mailbox_take(box, &item, 1) == 1) {
            struct question *question = item;
            reader_taken(fixture->host->reader, 1);
            if (question->kind == QUESTION_FETCH) {
                return question;
            }
            question_free(question);
        }
    }
    fail_msg("no answer");
    return NULL;
}

/* How long the attachment is that the read thread answers with. */
static size_t fetch_state(struct fixture *fixture, uint64_t height, bool of_replica)
{
    struct question *question = calloc(1, sizeof(*question));
    question->kind = QUESTION_FETCH;
    question->of_replica = of_replica;
    question->fetch = (struct fetch){.kind = FETCH_SNAPSHOT, .from = height, .count = 1};
    header_root(fixture, height, question->fetch.digest);
    assert_true(reader_ask(fixture->host->reader, question));
    struct question *answer = next_answer(fixture);
    struct envelope envelope;
    size_t used = 0;
    assert_int_equal(answer->frame_count, 1);
    struct bytes frame = blob_bytes(answer->frames[0]);
    frame = bytes_slice(frame, FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES);
    assert_int_equal(schema_decode_front(&schema_envelope, frame, &envelope, &used), WIRE_OK);
    question_free(answer);
    return frame.len - used;
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void a_picture_is_of_its_height_when_blocks_follow_at_once(void **state)
{
    struct fixture *fixture = *state;
    execute_up_to(fixture, INTERVAL - 1);
    host_finish_flights(fixture->host);
    execute_block(fixture); /* takes off */
    assert_int_equal(fixture->host->flying->pin, INTERVAL);
    execute_up_to(fixture, INTERVAL + 3);
    host_finish_flights(fixture->host);
    assert_true(fetch_state(fixture, INTERVAL, true) > 1000);
}

static void a_picture_is_of_its_height_when_a_flight_was_under_way(void **state)
{
    struct fixture *fixture = *state;
    struct host *host = fixture->host;
    execute_up_to(fixture, INTERVAL - 2);
    host_finish_flights(host);
    execute_block(fixture); /* takes off, and is not taken back */
    execute_block(fixture); /* waits */
    assert_non_null(host->flying);
    assert_int_equal(host->flying->pin, 0);
    assert_non_null(host->closed);
    assert_int_equal(host->closed->pin, INTERVAL);
    assert_int_equal(host->closed->anchor.head, INTERVAL);
    assert_false(host_can_step(host));
    /* Frames that were taken in already are fed all the same. */
    execute_up_to(fixture, INTERVAL + 3);
    assert_int_equal(host->closed->anchor.head, INTERVAL);
    assert_int_equal(host->closed->anchor.voted, INTERVAL);
    land_one(fixture);
    assert_int_equal(host->flying->pin, INTERVAL);
    assert_int_equal(host->flying->anchor.head, INTERVAL);
    host_finish_flights(host);
    assert_null(host->closed);
    assert_true(host_can_step(host));
    assert_true(fetch_state(fixture, INTERVAL, true) > 1000);
}

static void a_client_gets_no_state(void **state)
{
    struct fixture *fixture = *state;
    execute_up_to(fixture, INTERVAL);
    host_finish_flights(fixture->host);
    assert_int_equal(fetch_state(fixture, INTERVAL, false), 0);
    assert_true(fetch_state(fixture, INTERVAL, true) > 1000);
}

/* What was pictured and not served yet when it stops is let go of: the store closes without views.
 */
static void a_host_that_stops_lets_go_of_its_pictures(void **state)
{
    struct fixture *fixture = *state;
    execute_up_to(fixture, INTERVAL);
    host_finish_flights(fixture->host);
    execute_up_to(fixture, INTERVAL + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_picture_is_of_its_height_when_blocks_follow_at_once),
        TEST(a_picture_is_of_its_height_when_a_flight_was_under_way),
        TEST(a_client_gets_no_state),
        TEST(a_host_that_stops_lets_go_of_its_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
