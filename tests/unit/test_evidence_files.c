/* Evidence in files: kept once, whole, bounded; read in order of name. */
#include "replica/host/evidence_files.h"

#include "crypto/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char data[64];
    char path[EVIDENCE_PATH_BYTES_MAX];
    struct report report;
    uint8_t memory[2][4096];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    (void)snprintf(fixture->data, sizeof(fixture->data), "/tmp/vestry-evidence-XXXXXX");
    assert_non_null(mkdtemp(fixture->data));
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", fixture->data);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

static struct bytes vote_make(uint64_t sequence, uint8_t digest, uint8_t memory[128])
{
    struct vote vote = {.sequence = sequence};
    struct buffer body = buffer_make(memory, 128);
    memset(vote.digest, digest, sizeof(vote.digest));
    assert_true(vote_encode(&vote, &body));
    return buffer_bytes(&body);
}

/* Well formed; who keeps files does not judge. */
static struct bytes make(struct fixture *fixture, uint64_t rid, uint64_t sequence, uint8_t digest)
{
    uint8_t bodies[2][128];
    static const uint8_t sig[SIG_BYTES];
    struct buffer out = buffer_make(fixture->memory[0], sizeof(fixture->memory[0]));
    const struct evidence evidence = {.kind = EVIDENCE_PREPARE,
                                      .rid = rid,
                                      .first = vote_make(sequence, digest, bodies[0]),
                                      .second = vote_make(sequence, 0, bodies[1]),
                                      .second_sig = BYTES_OF_ARRAY(sig)};
    assert_true(evidence_encode(&evidence, &out));
    return buffer_bytes(&out);
}

static enum status keep(struct fixture *fixture, uint64_t rid, uint64_t sequence, uint8_t digest)
{
    return evidence_files_keep(fixture->data, make(fixture, rid, sequence, digest), fixture->path,
                               &fixture->report);
}

static enum status read_at(struct fixture *fixture, uint64_t skip, size_t room, struct buffer *out)
{
    *out = buffer_make(fixture->memory[1], room);
    return evidence_files_read(fixture->data, skip, out);
}

static void what_is_kept_is_read_in_order_of_name(void **state)
{
    struct fixture *fixture = *state;
    struct buffer out;
    assert_int_equal(read_at(fixture, 0, 4096, &out), STATUS_NOT_FOUND);
    assert_int_equal(keep(fixture, 3, 9, 1), STATUS_OK);
    assert_int_equal(access(fixture->path, R_OK), 0);
    assert_int_equal(keep(fixture, 1, 9, 2), STATUS_OK);
    struct bytes first = make(fixture, 1, 9, 2);
    assert_int_equal(read_at(fixture, 0, 4096, &out), STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&out), first));
    struct bytes second = make(fixture, 3, 9, 1);
    assert_int_equal(read_at(fixture, 1, 4096, &out), STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&out), second));
    assert_int_equal(read_at(fixture, 2, 4096, &out), STATUS_NOT_FOUND);
}

static void the_first_for_a_place_stays(void **state)
{
    struct fixture *fixture = *state;
    struct buffer out;
    assert_int_equal(keep(fixture, 1, 9, 1), STATUS_OK);
    assert_int_equal(keep(fixture, 1, 9, 2), STATUS_EXISTS);
    assert_int_equal(keep(fixture, 1, 9 + EVIDENCE_PLACES, 2), STATUS_EXISTS);
    struct bytes first = make(fixture, 1, 9, 1);
    assert_int_equal(read_at(fixture, 0, 4096, &out), STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&out), first));
    assert_int_equal(read_at(fixture, 1, 4096, &out), STATUS_NOT_FOUND);
}

static void one_replica_cannot_fill_the_disk(void **state)
{
    struct fixture *fixture = *state;
    struct buffer out;
    for (uint64_t sequence = 1; sequence <= 10 * EVIDENCE_PLACES; sequence++) {
        enum status status = keep(fixture, 2, sequence, 1);
        assert_int_equal(status, sequence <= EVIDENCE_PLACES ? STATUS_OK : STATUS_EXISTS);
    }
    assert_int_equal(read_at(fixture, EVIDENCE_PLACES - 1, 4096, &out), STATUS_OK);
    assert_int_equal(read_at(fixture, EVIDENCE_PLACES, 4096, &out), STATUS_NOT_FOUND);
}

static void a_file_that_does_not_fit_is_left_out(void **state)
{
    struct fixture *fixture = *state;
    struct buffer out;
    assert_int_equal(keep(fixture, 1, 9, 1), STATUS_OK);
    size_t len = make(fixture, 1, 9, 1).len;
    assert_int_equal(read_at(fixture, 0, len, &out), STATUS_OK);
    assert_int_equal(out.len, len);
    assert_int_equal(read_at(fixture, 0, len - 1, &out), STATUS_NOT_FOUND);
    assert_int_equal(out.len, 0);
}

static void a_write_that_was_cut_short_is_not_shown(void **state)
{
    struct fixture *fixture = *state;
    struct buffer out;
    char path[128];
    assert_int_equal(keep(fixture, 1, 9, 1), STATUS_OK);
    assert_int_equal(unlink(fixture->path), 0);
    (void)snprintf(path, sizeof(path), "%s/evidence/unfinished", fixture->data);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs("half", file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(read_at(fixture, 0, 4096, &out), STATUS_NOT_FOUND);
    assert_int_equal(keep(fixture, 1, 9, 1), STATUS_OK);
    assert_int_equal(read_at(fixture, 0, 4096, &out), STATUS_OK);
}

static void a_folder_that_cannot_be_made_is_reported(void **state)
{
    struct fixture *fixture = *state;
    char path[EVIDENCE_PATH_BYTES_MAX];
    struct bytes evidence = make(fixture, 1, 9, 1);
    assert_int_equal(evidence_files_keep("/nowhere/at/all", evidence, path, &fixture->report),
                     STATUS_IO);
    assert_non_null(strstr(fixture->report.what, "/nowhere/at/all"));
}

#define A_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        A_TEST(what_is_kept_is_read_in_order_of_name),
        A_TEST(the_first_for_a_place_stays),
        A_TEST(one_replica_cannot_fill_the_disk),
        A_TEST(a_file_that_does_not_fit_is_left_out),
        A_TEST(a_write_that_was_cut_short_is_not_shown),
        A_TEST(a_folder_that_cannot_be_made_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
