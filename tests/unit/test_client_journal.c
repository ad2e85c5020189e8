/* The client's journal: what a crash leaves, and what is refused. */
#include "client/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/vestry-journal-XXXXXX";
static char directory[64];
static const uint8_t cluster[HASH_BYTES] = {1};
static const uint8_t session[HASH_BYTES] = {2};
static const struct journal_owner owner = {cluster, session};

static void path_in(const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", directory, name);
}

static void remove_directory(void)
{
    static const char *const names[] = {"journal", "journal.new", "lock"};
    char path[128];

    for (size_t i = 0; i < 3; i++) {
        path_in(names[i], path);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

static int open_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/vestry-journal-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(directory, sizeof(directory), "%s/state", folder);
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    remove_directory();
    return rmdir(folder);
}

static struct journal *open_journal(void)
{
    struct journal *journal = NULL;
    struct problem problem = {0};
    int pid = 0;

    assert_int_equal(journal_open(directory, &owner, &journal, &pid, &problem), STATUS_OK);
    return journal;
}

static enum status open_status(const struct journal_owner *who)
{
    struct journal *journal = NULL;
    struct problem problem = {0};
    int pid = 0;
    const enum status status = journal_open(directory, who, &journal, &pid, &problem);

    journal_close(journal);
    return status;
}

static void begin(struct journal *journal, uint64_t number, uint64_t replaces, const char *frame)
{
    assert_int_equal(journal_begin(journal, number, replaces, bytes_of_text(frame), BYTES_EMPTY),
                     STATUS_OK);
}

static void expect_unfinished(struct journal *journal, uint32_t at, const char *frame)
{
    uint8_t *copy = NULL;
    size_t len = 0;

    if (frame == NULL) {
        assert_false(journal_unfinished(journal, at, &copy, &len));
        return;
    }
    assert_true(journal_unfinished(journal, at, &copy, &len));
    assert_int_equal(len, strlen(frame));
    assert_memory_equal(copy, frame, len);
    free(copy);
}

static void what_was_begun_and_not_ended_comes_back_byte_for_byte(void **state)
{
    (void)state;
    struct journal *journal = open_journal();

    assert_int_equal(journal_next_no(journal), 0);
    begin(journal, 7, 0, "seven");
    begin(journal, 8, 0, "eight");
    begin(journal, 9, 0, "nine");
    assert_int_equal(journal_end(journal, 8), STATUS_OK);
    assert_int_equal(journal_write(journal, true), STATUS_OK);
    journal_close(journal);

    for (int round = 0; round < 3; round++) {
        journal = open_journal();
        expect_unfinished(journal, 0, "seven");
        expect_unfinished(journal, 1, "nine");
        expect_unfinished(journal, 2, NULL);
        assert_int_equal(journal_next_no(journal), 10);
        journal_close(journal);
    }
}

static void a_number_is_never_used_again_though_all_is_finished(void **state)
{
    (void)state;
    struct journal *journal = open_journal();

    begin(journal, 41, 0, "x");
    assert_int_equal(journal_end(journal, 41), STATUS_OK);
    journal_close(journal);
    for (int round = 0; round < 3; round++) {
        journal = open_journal();
        expect_unfinished(journal, 0, NULL);
        assert_int_equal(journal_next_no(journal), 42);
        journal_close(journal);
    }
}

static void a_request_that_takes_the_place_of_another_ends_it(void **state)
{
    (void)state;
    struct journal *journal = open_journal();

    begin(journal, 1, 0, "old");
    begin(journal, 2, 1, "new");
    journal_close(journal);
    journal = open_journal();
    expect_unfinished(journal, 0, "new");
    expect_unfinished(journal, 1, NULL);
    journal_close(journal);
}

static off_t journal_size(void)
{
    struct stat info;
    char path[128];

    path_in("journal", path);
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

static void write_journal(const uint8_t *bytes, size_t len)
{
    char path[128];

    path_in("journal", path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    (void)close(fd);
}

static void a_record_torn_at_any_byte_is_dropped_and_those_before_stay(void **state)
{
    (void)state;
    struct journal *journal = open_journal();
    static uint8_t bytes[4096];
    char path[128];

    path_in("journal", path);
    begin(journal, 1, 0, "first");
    assert_int_equal(journal_write(journal, true), STATUS_OK);
    const size_t before = (size_t)journal_size();
    begin(journal, 2, 0, "second");
    assert_int_equal(journal_write(journal, true), STATUS_OK);
    const size_t after = (size_t)journal_size();
    journal_close(journal);
    const int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, bytes, sizeof(bytes)), (ssize_t)after);
    (void)close(fd);
    for (size_t cut = before; cut < after; cut++) {
        write_journal(bytes, cut);
        journal = open_journal();
        expect_unfinished(journal, 0, "first");
        expect_unfinished(journal, 1, NULL);
        begin(journal, 2, 0, "again");
        journal_close(journal);
        journal = open_journal();
        expect_unfinished(journal, 0, "first");
        expect_unfinished(journal, 1, "again");
        journal_close(journal);
    }
}

static void flip(off_t offset)
{
    char path[128];
    uint8_t byte = 0;

    path_in("journal", path);
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    (void)close(fd);
}

static void a_flipped_bit_before_the_last_record_is_refused(void **state)
{
    (void)state;
    struct journal *journal = open_journal();

    begin(journal, 1, 0, "first");
    assert_int_equal(journal_write(journal, true), STATUS_OK);
    const off_t first_end = journal_size();
    begin(journal, 2, 0, "second");
    journal_close(journal);
    for (off_t at = 0; at < first_end; at++) {
        flip(at);
        assert_int_equal(open_status(&owner), STATUS_CORRUPT);
        flip(at);
    }
    assert_int_equal(open_status(&owner), STATUS_OK);
}

static void a_directory_of_another_log_or_token_is_refused(void **state)
{
    (void)state;
    static const uint8_t other[HASH_BYTES] = {9};
    const struct journal_owner other_log = {other, session};
    const struct journal_owner other_token = {cluster, other};

    journal_close(open_journal());
    assert_int_equal(open_status(&other_log), STATUS_MISMATCH);
    assert_int_equal(open_status(&other_token), STATUS_MISMATCH);
    assert_int_equal(open_status(&owner), STATUS_OK);
}

static void a_second_process_is_refused_and_told_which_has_it(void **state)
{
    (void)state;
    struct journal *journal = open_journal();
    struct journal *second = NULL;
    struct problem problem = {0};
    int pid = 0;

    assert_int_equal(journal_open(directory, &owner, &second, &pid, &problem), STATUS_BUSY);
    assert_int_equal(pid, getpid());
    assert_non_null(strstr(problem.what, "process"));
    journal_close(journal);
    assert_int_equal(open_status(&owner), STATUS_OK);
}

static void set_mark(struct journal *journal, const char *name, const char *value)
{
    uint8_t memory[128];
    struct buffer mark = buffer_make(memory, sizeof(memory));

    buffer_put_u8(&mark, (uint8_t)strlen(name));
    buffer_put(&mark, bytes_of_text(name));
    buffer_put(&mark, bytes_of_text(value));
    assert_int_equal(journal_set_mark(journal, buffer_bytes(&mark)), STATUS_OK);
}

static void expect_mark(struct journal *journal, const char *name, const char *value)
{
    struct bytes found;

    if (value == NULL) {
        assert_false(journal_mark(journal, bytes_of_text(name), &found));
        return;
    }
    assert_true(journal_mark(journal, bytes_of_text(name), &found));
    assert_true(bytes_equal(found, bytes_of_text(value)));
}

static void marks_survive_change_and_go(void **state)
{
    (void)state;
    struct journal *journal = open_journal();

    set_mark(journal, "a", "one");
    set_mark(journal, "b", "two");
    set_mark(journal, "a", "three");
    journal_close(journal);
    for (int round = 0; round < 2; round++) {
        journal = open_journal();
        expect_mark(journal, "a", "three");
        expect_mark(journal, "b", "two");
        expect_mark(journal, "c", NULL);
        journal_close(journal);
    }
    journal = open_journal();
    set_mark(journal, "a", "");
    expect_mark(journal, "a", NULL);
    expect_mark(journal, "b", "two");
    journal_close(journal);
    journal = open_journal();
    expect_mark(journal, "a", NULL);
    journal_close(journal);
}

static void a_mark_comes_with_its_request_or_not_at_all(void **state)
{
    (void)state;
    struct journal *journal = open_journal();
    const uint8_t mark[] = {1, 'm', '5'};
    char path[128];

    path_in("journal", path);
    assert_int_equal(journal_begin(journal, 1, 0, bytes_of_text("frame"), BYTES_OF_ARRAY(mark)),
                     STATUS_OK);
    journal_close(journal);
    journal = open_journal();
    expect_mark(journal, "m", "5");
    begin(journal, 2, 0, "x");
    const uint8_t later[] = {1, 'm', '6'};
    assert_int_equal(journal_begin(journal, 3, 0, bytes_of_text("frame"), BYTES_OF_ARRAY(later)),
                     STATUS_OK);
    journal_close(journal);
    assert_int_equal(truncate(path, journal_size() - 1), 0);
    journal = open_journal();
    expect_mark(journal, "m", "5");
    expect_unfinished(journal, 1, "x");
    expect_unfinished(journal, 2, NULL);
    journal_close(journal);
}

static void it_stays_small_however_much_goes_through(void **state)
{
    (void)state;
    struct journal *journal = open_journal();
    uint8_t *frame = malloc(1u << 20);

    assert_non_null(frame);
    memset(frame, 5, 1u << 20);
    begin(journal, 1, 0, "stays");
    for (uint64_t number = 2; number < 150; number++) {
        assert_int_equal(
            journal_begin(journal, number, 0, bytes_make(frame, 1u << 20), BYTES_EMPTY), STATUS_OK);
        assert_int_equal(journal_end(journal, number), STATUS_OK);
        assert_int_equal(journal_write(journal, false), STATUS_OK);
    }
    assert_true((uint64_t)journal_size() < JOURNAL_GROWN_BYTES + (4u << 20));
    expect_unfinished(journal, 0, "stays");
    expect_unfinished(journal, 1, NULL);
    journal_close(journal);
    free(frame);
    journal = open_journal();
    expect_unfinished(journal, 0, "stays");
    journal_close(journal);
}

static void when_there_are_too_many_marks_the_oldest_goes(void **state)
{
    (void)state;
    struct journal *journal = open_journal();
    char name[16];

    for (int i = 0; i < JOURNAL_MARKS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "m%d", i);
        set_mark(journal, name, "x");
    }
    set_mark(journal, "m0", "again"); /* it is the latest now */
    set_mark(journal, "more", "y");
    journal_close(journal);
    journal = open_journal();
    expect_mark(journal, "m0", "again");
    expect_mark(journal, "m1", NULL);
    expect_mark(journal, "m2", "x");
    expect_mark(journal, "more", "y");
    journal_close(journal);
}

static void malformed_marks_are_refused(void **state)
{
    (void)state;
    struct journal *journal = open_journal();
    const uint8_t no_name[] = {0, 'x'};
    const uint8_t too_long_name[] = {9, 'x'};

    assert_int_equal(journal_set_mark(journal, BYTES_OF_ARRAY(no_name)), STATUS_INVALID);
    assert_int_equal(journal_set_mark(journal, BYTES_OF_ARRAY(too_long_name)), STATUS_INVALID);
    journal_close(journal);
}

#define A_TEST(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        A_TEST(what_was_begun_and_not_ended_comes_back_byte_for_byte),
        A_TEST(a_number_is_never_used_again_though_all_is_finished),
        A_TEST(a_request_that_takes_the_place_of_another_ends_it),
        A_TEST(a_record_torn_at_any_byte_is_dropped_and_those_before_stay),
        A_TEST(a_flipped_bit_before_the_last_record_is_refused),
        A_TEST(a_directory_of_another_log_or_token_is_refused),
        A_TEST(a_second_process_is_refused_and_told_which_has_it),
        A_TEST(marks_survive_change_and_go),
        A_TEST(a_mark_comes_with_its_request_or_not_at_all),
        A_TEST(it_stays_small_however_much_goes_through),
        A_TEST(when_there_are_too_many_marks_the_oldest_goes),
        A_TEST(malformed_marks_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
