/* The page for operators when descriptors run out: nobody is forgotten, nothing runs on when it is
 * closed. What it says is tested with processes (tests/cli/test_vestryd_life). */
#include "replica/host/page.h"

#include "replica/host/host_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONGER_THAN_PAUSE_MS 150
#define ROUNDS 20

struct fixture {
    struct host host;
    struct page *page;
    struct sockaddr_in address;
    struct rlimit before;
    int guest;
};

/* A port that nobody listens on. */
static struct sockaddr_in free_address(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int probe = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(probe >= 0);
    assert_int_equal(bind(probe, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(probe, (struct sockaddr *)&address, &len), 0);
    close(probe);
    return address;
}

/* A page, and a guest at its door for whom there is no descriptor. */
static int setup(void **state)
{
    static struct fixture fixture;
    struct config_address address = {.host = "127.0.0.1"};
    struct report report;
    memset(&fixture, 0, sizeof(fixture));
    fixture.address = free_address();
    address.port = ntohs(fixture.address.sin_port);
    fixture.host.base = event_base_new();
    assert_non_null(fixture.host.base);
    assert_int_equal(page_open(&fixture.host, &address, &fixture.page, &report), STATUS_OK);

    fixture.guest = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fixture.guest >= 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &fixture.before), 0);
    struct rlimit none = {(rlim_t)fixture.guest + 1, fixture.before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(
        connect(fixture.guest, (struct sockaddr *)&fixture.address, sizeof(fixture.address)), 0);
    event_base_loop(fixture.host.base, EVLOOP_NONBLOCK);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    event_base_free(fixture->host.base);
    close(fixture->guest);
    return setrlimit(RLIMIT_NOFILE, &fixture->before);
}

static void pass_time(struct fixture *fixture)
{
    poll(NULL, 0, LONGER_THAN_PAUSE_MS);
    event_base_loop(fixture->host.base, EVLOOP_NONBLOCK);
}

static void who_could_not_be_let_in_is_let_in_later(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    static const char asks[] = "GET /livez HTTP/1.0\r\n\r\n";
    char answer[512] = {0};
    assert_int_equal(send(fixture->guest, asks, sizeof(asks) - 1, 0), sizeof(asks) - 1);
    pass_time(fixture);
    assert_true(recv(fixture->guest, answer, sizeof(answer) - 1, MSG_DONTWAIT) < 0);

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &fixture->before), 0);
    for (uint32_t i = 0; i < ROUNDS && answer[0] == 0; i++) {
        pass_time(fixture);
        (void)recv(fixture->guest, answer, sizeof(answer) - 1, MSG_DONTWAIT);
    }
    assert_non_null(strstr(answer, "200 OK"));
    assert_non_null(strstr(answer, "alive"));
    page_close(fixture->page);
}

/* The loop goes once more when a host closes, after its page: nothing of it may be left there. */
static void a_page_that_waits_for_descriptors_can_be_closed(void **state)
{
    struct fixture *fixture = (struct fixture *)*state;
    page_close(fixture->page);
    assert_int_equal(event_base_get_num_events(fixture->host.base, EVENT_BASE_COUNT_ADDED), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_could_not_be_let_in_is_let_in_later, setup, teardown),
        cmocka_unit_test_setup_teardown(a_page_that_waits_for_descriptors_can_be_closed, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
