/* The anchor file: torn slots, foreign files, and stores that are not what they were. */
#include "storage/anchor.h"
#include "storage/store_memory.h"
#include "tests/support/store_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char directory[FIXTURE_PATH_BYTES];
    char path[FIXTURE_PATH_BYTES + 8];
    struct store_identity identity;
};

static struct anchor anchor_of(uint64_t flight)
{
    struct anchor anchor = {.epoch = 3, .view = flight / 10, .voted = flight * 2, .head = flight};
    anchor.flight.number = flight;
    memset(anchor.flight.hash, (int)flight, HASH_BYTES);
    return anchor;
}

static int make_place(void **state)
{
    struct place *place = malloc(sizeof *place);
    struct anchor anchor = anchor_of(0);
    fixture_dir_make(place->directory);
    snprintf(place->path, sizeof place->path, "%s/anchor", place->directory);
    place->identity = fixture_identity(1, 2);
    *state = place;
    return anchor_create(place->path, &place->identity, &anchor, NULL) == STATUS_OK ? 0 : -1;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    fixture_dir_remove(place->directory);
    free(place);
    return 0;
}

static enum status read_anchor(const struct place *place, struct anchor *anchor)
{
    struct anchor_file file;
    struct report report = {0};
    enum status status = anchor_open(place->path, &place->identity, &file, anchor, &report);
    if (status == STATUS_OK) {
        anchor_close(&file);
    } else {
        assert_string_not_equal(report.what, "");
        assert_string_not_equal(report.remedy, "");
    }
    return status;
}

static void write_anchors(const struct place *place, uint64_t first, uint64_t last)
{
    struct anchor_file file;
    struct anchor anchor;
    assert_int_equal(anchor_open(place->path, &place->identity, &file, &anchor, NULL), STATUS_OK);
    for (uint64_t flight = first; flight <= last; flight++) {
        anchor = anchor_of(flight);
        assert_int_equal(anchor_write(&file, &anchor), STATUS_OK);
    }
    anchor_close(&file);
}

static void overwrite(const struct place *place, off_t offset, const void *bytes, size_t len)
{
    int fd = open(place->path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, offset), len);
    close(fd);
}

static void assert_same_anchor(const struct anchor *a, const struct anchor *b)
{
    assert_int_equal(a->flight.number, b->flight.number);
    assert_memory_equal(a->flight.hash, b->flight.hash, HASH_BYTES);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->view, b->view);
    assert_int_equal(a->voted, b->voted);
    assert_int_equal(a->head, b->head);
}

static void the_last_anchor_written_is_read_back(void **state)
{
    struct place *place = *state;
    struct anchor anchor;
    assert_int_equal(read_anchor(place, &anchor), STATUS_OK);
    for (uint64_t flight = 1; flight <= 5; flight++) {
        struct anchor written = anchor_of(flight);
        write_anchors(place, flight, flight);
        assert_int_equal(read_anchor(place, &anchor), STATUS_OK);
        assert_same_anchor(&anchor, &written);
    }
    write_anchors(place, 6, 11);
    assert_int_equal(read_anchor(place, &anchor), STATUS_OK);
    assert_int_equal(anchor.flight.number, 11);
}

static void a_slot_is_the_bytes_of_the_format(void **state)
{
    struct place *place = *state;
    uint8_t slot[ANCHOR_SLOT_BYTES];
    struct anchor anchor = anchor_of(0x0102);
    anchor_slot_encode(&anchor, &place->identity, 9, slot);
    assert_memory_equal(slot, "vestry-anchor-1\0\0\0\0\0\0\0\0\11", 24);
    assert_memory_equal(slot + 24 + 64, "\0\0\0\0\0\0\1\2", 8);
    assert_memory_equal(slot + 24 + 64 + 40, "\0\0\0\0\0\0\0\3", 8);
    for (size_t i = 24 + 64 + 40 + 32; i < 480; i++) {
        assert_int_equal(slot[i], 0);
    }
}

static void one_torn_slot_is_normal(void **state)
{
    struct place *place = *state;
    uint8_t rest[ANCHOR_SLOT_BYTES / 2] = {0};
    struct anchor anchor;
    /* The anchors 1 to 4 went to slots 0, 1, 0, 1: the newest is torn in its second half. */
    write_anchors(place, 1, 4);
    overwrite(place, ANCHOR_SLOT_STRIDE + ANCHOR_SLOT_BYTES / 2, rest, sizeof rest);
    assert_int_equal(read_anchor(place, &anchor), STATUS_OK);
    assert_int_equal(anchor.flight.number, 3);
    write_anchors(place, 4, 4);
    assert_int_equal(read_anchor(place, &anchor), STATUS_OK);
    assert_int_equal(anchor.flight.number, 4);
}

static void a_write_never_touches_the_newest_slot(void **state)
{
    struct place *place = *state;
    uint8_t zeros[ANCHOR_SLOT_BYTES] = {0};
    struct anchor anchor;
    for (uint64_t flight = 1; flight <= 6; flight++) {
        write_anchors(place, flight, flight);
        off_t written = flight % 2 == 1 ? 0 : ANCHOR_SLOT_STRIDE;
        uint8_t kept[ANCHOR_SLOT_BYTES];
        int fd = open(place->path, O_RDWR);
        assert_int_equal(pread(fd, kept, sizeof kept, written), sizeof kept);
        close(fd);
        overwrite(place, written, zeros, sizeof zeros);
        assert_int_equal(read_anchor(place, &anchor), STATUS_OK);
        assert_int_equal(anchor.flight.number, flight - 1);
        overwrite(place, written, kept, sizeof kept);
    }
}

static void any_flipped_bit_of_a_slot_is_seen(void **state)
{
    struct place *place = *state;
    uint8_t slot[ANCHOR_SLOT_BYTES];
    struct anchor anchor = anchor_of(5);
    struct store_identity identity;
    uint64_t generation = 0;
    anchor_slot_encode(&anchor, &place->identity, 1, slot);
    assert_true(anchor_slot_decode(slot, &anchor, &identity, &generation));
    for (size_t bit = 0; bit < 8 * sizeof slot; bit++) {
        slot[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(anchor_slot_decode(slot, &anchor, &identity, &generation));
        slot[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void two_torn_slots_are_a_mismatch(void **state)
{
    struct place *place = *state;
    struct anchor anchor;
    write_anchors(place, 1, 3);
    overwrite(place, 100, "x", 1);
    overwrite(place, ANCHOR_SLOT_STRIDE + 100, "x", 1);
    assert_int_equal(read_anchor(place, &anchor), STATUS_MISMATCH);
}

static void an_emptied_cut_or_missing_file_is_not_taken_for_a_new_one(void **state)
{
    struct place *place = *state;
    struct anchor anchor;
    assert_int_equal(truncate(place->path, ANCHOR_SLOT_STRIDE), 0);
    assert_int_equal(read_anchor(place, &anchor), STATUS_OK);
    assert_int_equal(truncate(place->path, ANCHOR_SLOT_BYTES - 1), 0);
    assert_int_equal(read_anchor(place, &anchor), STATUS_MISMATCH);
    assert_int_equal(truncate(place->path, 0), 0);
    assert_int_equal(read_anchor(place, &anchor), STATUS_MISMATCH);
    assert_int_equal(unlink(place->path), 0);
    assert_int_equal(read_anchor(place, &anchor), STATUS_NOT_FOUND);
}

static void an_anchor_of_another_cluster_or_key_is_refused(void **state)
{
    struct place *place = *state;
    struct anchor anchor;
    struct anchor_file file;
    struct report report = {0};
    struct store_identity other = fixture_identity(9, 2);
    assert_int_equal(anchor_open(place->path, &other, &file, &anchor, &report), STATUS_MISMATCH);
    assert_non_null(strstr(report.what, "0101010101"));
    assert_non_null(strstr(report.what, "0909090909"));
    place->identity = fixture_identity(1, 9);
    assert_int_equal(read_anchor(place, &anchor), STATUS_MISMATCH);
}

static void a_file_that_others_may_write_or_a_link_is_refused(void **state)
{
    struct place *place = *state;
    struct anchor anchor;
    assert_int_equal(chmod(place->path, 0620), 0);
    assert_int_equal(read_anchor(place, &anchor), STATUS_REFUSED);
    assert_int_equal(chmod(place->path, 0600), 0);
    const char *moved = fixture_path(place->directory, "moved");
    assert_int_equal(rename(place->path, moved), 0);
    assert_int_equal(symlink(moved, place->path), 0);
    assert_int_not_equal(read_anchor(place, &anchor), STATUS_OK);
}

static void a_write_is_synced_and_after_a_failed_one_no_other_is_made(void **state)
{
    struct place *place = *state;
    struct anchor_file file;
    struct anchor anchor;
    assert_int_equal(anchor_open(place->path, &place->identity, &file, &anchor, NULL), STATUS_OK);
    int good = file.fd;
    assert_int_equal(fcntl(good, F_GETFL) & O_DSYNC, O_DSYNC);
    file.fd = open(place->path, O_RDONLY);
    assert_int_equal(anchor_write(&file, &anchor), STATUS_IO);
    close(file.fd);
    file.fd = good;
    assert_int_equal(anchor_write(&file, &anchor), STATUS_IO);
    anchor_close(&file);
}

static void commit_one(struct store *store, const char *value)
{
    fixture_commit(store, FAMILY_STATE, "k", value);
}

static struct anchor anchor_now(const struct store *store)
{
    struct anchor anchor = {0};
    store_flight(store, &anchor.flight);
    return anchor;
}

static void a_store_at_or_ahead_of_the_anchor_is_normal(void **state)
{
    (void)state;
    struct store *store = NULL;
    assert_int_equal(store_memory_open(&store), STATUS_OK);
    struct anchor anchor = anchor_now(store);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(anchor_judge(&anchor, store, NULL), STATUS_OK);
        commit_one(store, "x");
    }
    store_close(store);
}

static void a_store_behind_the_anchor_is_a_mismatch(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct store *saved = NULL;
    struct report report = {0};
    assert_int_equal(store_memory_open(&store), STATUS_OK);
    commit_one(store, "1");
    assert_int_equal(store_memory_copy(store, &saved), STATUS_OK);
    commit_one(store, "2");
    struct anchor anchor = anchor_now(store);
    store_memory_restore(store, saved);
    assert_int_equal(anchor_judge(&anchor, store, &report), STATUS_MISMATCH);
    assert_non_null(strstr(report.what, "flight 1"));
    assert_non_null(strstr(report.what, "flight 2"));
    store_close(store);
    store_close(saved);
}

static void another_flight_at_the_same_number_is_a_mismatch(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct store *saved = NULL;
    assert_int_equal(store_memory_open(&store), STATUS_OK);
    assert_int_equal(store_memory_copy(store, &saved), STATUS_OK);
    commit_one(store, "as it was");
    struct anchor anchor = anchor_now(store);
    store_memory_restore(store, saved);
    commit_one(store, "otherwise");
    /* Seen as long as the store remembers that flight's hash. */
    for (int ahead = 0; ahead < STORE_FLIGHTS_KEPT; ahead++) {
        assert_int_equal(anchor_judge(&anchor, store, NULL), STATUS_MISMATCH);
        commit_one(store, "more");
    }
    store_close(store);
    store_close(saved);
}

#define TEST(body) cmocka_unit_test_setup_teardown(body, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_last_anchor_written_is_read_back),
        TEST(a_slot_is_the_bytes_of_the_format),
        TEST(one_torn_slot_is_normal),
        TEST(a_write_never_touches_the_newest_slot),
        TEST(any_flipped_bit_of_a_slot_is_seen),
        TEST(two_torn_slots_are_a_mismatch),
        TEST(an_emptied_cut_or_missing_file_is_not_taken_for_a_new_one),
        TEST(an_anchor_of_another_cluster_or_key_is_refused),
        TEST(a_file_that_others_may_write_or_a_link_is_refused),
        TEST(a_write_is_synced_and_after_a_failed_one_no_other_is_made),
        cmocka_unit_test(a_store_at_or_ahead_of_the_anchor_is_normal),
        cmocka_unit_test(a_store_behind_the_anchor_is_a_mismatch),
        cmocka_unit_test(another_flight_at_the_same_number_is_a_mismatch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
