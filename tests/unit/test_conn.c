/* How a connection that was dialled came to nothing: only a handshake that was refused says
 * anything about who is at the other end. */
#include "replica/host/conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct event_base *base;
    struct channel_context *channel;
    struct conns *conns;
    int door; /* where whoever is dialled listens */
    uint16_t port;
    bool closed;
    bool other_key;
    char why[64];
};

static void on_connected(void *context, struct conn *conn)
{
    (void)context;
    (void)conn;
    fail_msg("nobody here speaks the protocol to its end");
}

static void on_closed(void *context, struct conn *conn, const char *why)
{
    struct fixture *fixture = context;
    if (conn->dialled) {
        fixture->closed = true;
        fixture->other_key = conn->other_key;
        snprintf(fixture->why, sizeof(fixture->why), "%s", why);
    }
}

static int setup(void **state)
{
    static struct fixture fixture;
    const uint8_t seed[SEED_BYTES] = {1};
    const struct conn_limits limits = {.conns = 4};
    const struct conn_owner owner = {
        .context = &fixture, .connected = on_connected, .closed = on_closed};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    fixture = (struct fixture){.base = event_base_new()};
    assert_int_equal(channel_context_open(seed, &fixture.channel), STATUS_OK);
    assert_int_equal(conns_open(fixture.base, fixture.channel, &limits, &owner, &fixture.conns),
                     STATUS_OK);
    fixture.door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fixture.door, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fixture.door, (struct sockaddr *)&address, &len), 0);
    fixture.port = ntohs(address.sin_port);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    conns_close(fixture->conns);
    channel_context_close(fixture->channel);
    event_base_free(fixture->base);
    close(fixture->door);
    return 0;
}

static void dial(struct fixture *fixture)
{
    const uint8_t key[PUBLIC_KEY_BYTES] = {7}; /* nobody's */
    (void)conns_dial(fixture->conns, 0, "127.0.0.1", fixture->port, key);
}

/* Whom the connection came to. */
static int answer_the_door(const struct fixture *fixture)
{
    assert_int_equal(event_base_loop(fixture->base, EVLOOP_NONBLOCK), 0);
    const int fd = accept(fixture->door, NULL, NULL);
    assert_true(fd >= 0);
    return fd;
}

static void await_end(struct fixture *fixture)
{
    for (int i = 0; i < 1000 && !fixture->closed; i++) {
        assert_in_range(event_base_loop(fixture->base, EVLOOP_NONBLOCK), 0, 1);
        usleep(2000);
    }
    assert_true(fixture->closed);
}

static void assert_not_reached(struct fixture *fixture)
{
    await_end(fixture);
    assert_string_equal(fixture->why, "not reached");
    assert_false(fixture->other_key);
}

static void assert_refused(struct fixture *fixture)
{
    await_end(fixture);
    assert_string_equal(fixture->why, "no channel: other key or protocol");
    assert_true(fixture->other_key);
}

static void where_nobody_listens_nobody_was_reached(void **state)
{
    struct fixture *fixture = *state;
    dial(fixture);
    assert_not_reached(fixture);
}

static void whoever_hangs_up_before_the_handshake_was_not_reached(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(listen(fixture->door, 1), 0);
    dial(fixture);
    close(answer_the_door(fixture));
    assert_not_reached(fixture);
}

static void whoever_resets_the_connection_was_not_reached(void **state)
{
    struct fixture *fixture = *state;
    const struct linger at_once = {.l_onoff = 1};
    assert_int_equal(listen(fixture->door, 1), 0);
    dial(fixture);
    const int fd = answer_the_door(fixture);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close(fd);
    assert_not_reached(fixture);
}

static void whoever_ends_in_the_middle_of_a_handshake_was_not_reached(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t begun[] = {0x16, 3, 3, 0, 100, 2}; /* a record that wants 99 bytes more */
    uint8_t hello[4096];
    assert_int_equal(listen(fixture->door, 1), 0);
    dial(fixture);
    const int fd = answer_the_door(fixture);
    assert_int_equal(event_base_loop(fixture->base, EVLOOP_NONBLOCK), 0);
    assert_true(recv(fd, hello, sizeof(hello), 0) > 0);
    assert_int_equal(send(fd, begun, sizeof(begun), 0), (ssize_t)sizeof(begun));
    close(fd);
    assert_not_reached(fixture);
}

static void another_key_is_a_refusal(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(listen(fixture->door, 1), 0);
    dial(fixture);
    /* The other end has our own key, which is not the one expected. */
    const int fd = answer_the_door(fixture);
    assert_int_equal(evutil_make_socket_nonblocking(fd), 0);
    assert_non_null(conns_accept(fixture->conns, fd, "127.0.0.1"));
    assert_refused(fixture);
}

static void another_protocol_is_a_refusal(void **state)
{
    struct fixture *fixture = *state;
    const char page[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    assert_int_equal(listen(fixture->door, 1), 0);
    dial(fixture);
    const int fd = answer_the_door(fixture);
    assert_int_equal(send(fd, page, sizeof(page) - 1, 0), (ssize_t)sizeof(page) - 1);
    assert_refused(fixture);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(where_nobody_listens_nobody_was_reached),
        TEST(whoever_hangs_up_before_the_handshake_was_not_reached),
        TEST(whoever_resets_the_connection_was_not_reached),
        TEST(whoever_ends_in_the_middle_of_a_handshake_was_not_reached),
        TEST(another_key_is_a_refusal),
        TEST(another_protocol_is_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
