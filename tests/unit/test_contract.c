#include "crypto/contract.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs CHECK(number == 7) in a process of its own; what it says comes back. Returns how it ended.
 */
static int check_in_child(int number, char *said, size_t room)
{
    int ends[2];
    int ended = 0;

    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        (void)sigaction(SIGABRT, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        CHECK(number == 7);
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len + 1 < room; len += (size_t)got) {
        got = read(ends[0], said + len, room - 1 - len);
        assert_true(got >= 0);
    }
    said[len] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &ended, 0), child);
    return ended;
}

static void a_broken_contract_says_where_and_stops_the_process(void **state)
{
    char said[512];
    const int ended = check_in_child(8, said, sizeof(said));

    (void)state;
    assert_true(WIFSIGNALED(ended));
    assert_int_equal(WTERMSIG(ended), SIGABRT);
    assert_non_null(strstr(said, "test_contract.c:"));
    assert_non_null(strstr(said, "broken contract: number == 7"));
}

static void a_contract_that_holds_is_silent(void **state)
{
    char said[512];
    const int ended = check_in_child(7, said, sizeof(said));

    (void)state;
    assert_true(WIFEXITED(ended));
    assert_int_equal(WEXITSTATUS(ended), 0);
    assert_string_equal(said, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_contract_says_where_and_stops_the_process),
        cmocka_unit_test(a_contract_that_holds_is_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
