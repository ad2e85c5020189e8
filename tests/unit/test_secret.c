/* Memory for secrets, and a process that does not leak them. */
#include "keys/secret.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct problem problem;

static void a_new_secret_is_zeroed_and_as_large_as_asked_for(void **state)
{
    static const uint8_t zeroes[100];
    struct secret secret = {0};

    (void)state;
    assert_int_equal(secret_open(&secret, 100, SECRET_LOCK_REQUIRED, &problem), STATUS_OK);
    assert_int_equal(secret.capacity, 100);
    assert_int_equal(secret.len, 0);
    assert_memory_equal(secret.data, zeroes, 100);
    secret_close(&secret);
}

static void a_closed_secret_is_empty_and_may_be_closed_again(void **state)
{
    struct secret secret = {0};

    (void)state;
    assert_int_equal(secret_open(&secret, 1, SECRET_LOCK_REQUIRED, &problem), STATUS_OK);
    secret_close(&secret);
    assert_null(secret.data);
    assert_int_equal(secret_bytes(&secret).len, 0);
    secret_close(&secret);
}

static void a_secret_that_cannot_be_locked_is_refused_where_that_is_required(void **state)
{
    struct secret secret = {0};

    (void)state;
    secret_fail_lock_for_tests(0);
    assert_int_equal(secret_open(&secret, 32, SECRET_LOCK_REQUIRED, &problem), STATUS_REFUSED);
    assert_null(secret.data);
    assert_non_null(strstr(problem.what, "locked into memory"));
    assert_non_null(strstr(problem.todo, "ulimit -l"));
    assert_int_equal(secret_open(&secret, 32, SECRET_LOCK_WANTED, &problem), STATUS_OK);
    secret_close(&secret);
    secret_fail_lock_for_tests(-1);
}

/* The address sanitizer makes locking succeed without doing it. */
#if defined(__SANITIZE_ADDRESS__)
#define LOCKING_IS_REAL 0
#elif defined(__has_feature)
#define LOCKING_IS_REAL !__has_feature(address_sanitizer)
#else
#define LOCKING_IS_REAL 1
#endif

/* As it is on a machine that allows none; root could lock anyway. */
static void a_machine_that_locks_no_memory_is_found_out(void **state)
{
    (void)state;
    if (!LOCKING_IS_REAL) {
        skip();
    }
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        struct secret secret = {0};

        if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (geteuid() == 0 && setuid(65534) != 0)) {
            _exit(77);
        }
        _exit(secret_open(&secret, 32, SECRET_LOCK_REQUIRED, &problem) == STATUS_REFUSED ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_write_past_the_end_of_a_secret_ends_the_process(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        struct secret secret = {0};
        const struct rlimit none = {0, 0};
        const struct sigaction usual = {.sa_handler = SIG_DFL};

        (void)setrlimit(RLIMIT_CORE, &none);
        (void)sigaction(SIGSEGV, &usual, NULL);
        if (secret_open(&secret, 16, SECRET_LOCK_WANTED, &problem) == STATUS_OK) {
            secret.data[secret.capacity] = 1;
        }
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_hardened_process_leaves_no_core_and_cannot_be_looked_into(void **state)
{
    struct rlimit limit = {1, 1};

    (void)state;
    assert_int_equal(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
    assert_int_equal(process_harden(&problem), STATUS_OK);
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 0);
    assert_int_equal(limit.rlim_max, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_secret_is_zeroed_and_as_large_as_asked_for),
        cmocka_unit_test(a_closed_secret_is_empty_and_may_be_closed_again),
        cmocka_unit_test(a_secret_that_cannot_be_locked_is_refused_where_that_is_required),
        cmocka_unit_test(a_machine_that_locks_no_memory_is_found_out),
        cmocka_unit_test(a_write_past_the_end_of_a_secret_ends_the_process),
        cmocka_unit_test(a_hardened_process_leaves_no_core_and_cannot_be_looked_into),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
