/* The client in later epochs: what it keeps of them, and what it does when one begins. */
#include "client/epochs.h"
#include "tests/support/fake_cluster.h"
#include "tests/support/hand_off_maker.h"
#include "tests/support/sign_fast.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- What is kept ----------------------------------------------------------------------------- */

static char folder[] = "/tmp/vestry-epochs-XXXXXX";
static struct gov_stage stage;
static struct hand_off_maker maker;
static struct epochs epochs;
static struct bytes hand_offs[2];

/* Two hand-offs: r2 gets new keys, and then the epoch is renewed. */
static int open_folder(void **state)
{
    struct problem problem;

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/vestry-epochs-XXXXXX");
    assert_non_null(mkdtemp(folder));
    stage_open(&stage, 4, false, 2000);
    (void)gov_fixture_file(&stage.fixture);
    hand_off_maker_init(&maker, &stage);
    maker_two_epochs(&maker, hand_offs);
    assert_int_equal(epochs_open(&epochs, &stage.world.charter, &sig_fast, folder, &problem),
                     STATUS_OK);
    return 0;
}

static int close_folder(void **state)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    char path[512];

    (void)state;
    epochs_close(&epochs);
    stage_close(&stage);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            (void)unlink(path);
        }
    }
    (void)closedir(directory);
    return rmdir(folder);
}

static enum status open_again(const char *directory)
{
    struct problem problem;

    epochs_close(&epochs);
    return epochs_open(&epochs, &stage.world.charter, &sig_fast, directory, &problem);
}

static void the_replicas_of_every_epoch_are_known_by_what_was_followed(void **state)
{
    struct seen_keys keys;
    uint8_t key[PUBLIC_KEY_BYTES];

    (void)state;
    assert_int_equal(epochs_follow(&epochs, hand_offs[1]), HAND_OFF_EPOCH);
    assert_int_equal(epochs_follow(&epochs, hand_offs[0]), HAND_OFF_OK);
    assert_int_equal(epochs_newest(&epochs)->epoch, 1);
    assert_true(epochs_keys(&epochs, 0, &keys));
    gov_public_key(&sig_fast, "r2", key);
    assert_memory_equal(keys.keys[2].sign_key, key, sizeof(key));
    assert_true(epochs_keys(&epochs, 1, &keys));
    gov_public_key(&sig_fast, "r2 new", key);
    assert_memory_equal(keys.keys[2].sign_key, key, sizeof(key));
    assert_int_equal(keys.count, 4);
    assert_int_equal(keys.quorum, 3);
    assert_false(epochs_keys(&epochs, 2, &keys));
    assert_null(epochs_roster(&epochs, 2));
}

static void what_was_followed_is_known_in_the_next_run(void **state)
{
    (void)state;
    assert_int_equal(epochs_follow(&epochs, hand_offs[0]), HAND_OFF_OK);
    assert_int_equal(epochs_follow(&epochs, hand_offs[1]), HAND_OFF_OK);
    assert_int_equal(open_again(folder), STATUS_OK);
    assert_int_equal(epochs_newest(&epochs)->epoch, 2);
    /* Without a folder nothing is kept, and everything is followed anew. */
    assert_int_equal(open_again(NULL), STATUS_OK);
    assert_int_equal(epochs_newest(&epochs)->epoch, 0);
    assert_int_equal(epochs_follow(&epochs, hand_offs[0]), HAND_OFF_OK);
}

static void a_file_that_does_not_hold_is_refused(void **state)
{
    char path[512];

    (void)state;
    maker.kept[0][hand_offs[0].len - 1] ^= 1;
    assert_int_equal(epochs_follow(&epochs, hand_offs[0]), HAND_OFF_CHANGES);
    (void)snprintf(path, sizeof(path), "%s/epoch-0", folder);
    assert_int_equal(access(path, F_OK), -1);
    FILE *file = fopen(path, "we");
    assert_int_equal(fwrite(maker.kept[0], 1, hand_offs[0].len, file), hand_offs[0].len);
    (void)fclose(file);
    assert_int_equal(open_again(folder), STATUS_CORRUPT);
    maker.kept[0][hand_offs[0].len - 1] ^= 1;
    assert_int_equal(epochs_follow(&epochs, hand_offs[0]), HAND_OFF_OK);
    assert_int_equal(open_again(folder), STATUS_OK);
    assert_int_equal(epochs_newest(&epochs)->epoch, 1);
}

/* --- The core --------------------------------------------------------------------------------- */

static struct fake fake;

static int open_fake(void **state)
{
    (void)state;
    fake_open(&fake);
    return 0;
}

static int close_fake(void **state)
{
    (void)state;
    fake_close(&fake);
    return 0;
}

static bool hears_of_it(struct fake *of, void *context)
{
    const uint64_t *epoch = context;

    return core_epoch_hint(of->core) == *epoch;
}

static void finish(uint64_t ticket, uint64_t for_ms)
{
    struct note_key keys[REPLICAS_MAX];

    assert_int_equal(fake_finish(&fake, ticket, for_ms), CORE_OUTCOME_OK);
    struct vestry_receipts *receipts = core_release(fake.core, ticket);
    assert_non_null(receipts);
    const struct receipt_trust trust = fake_trust(&fake, keys);
    struct receipt_facts facts;
    size_t len = 0;
    char *text = vestry_receipts_text(receipts, 0, &len);
    assert_int_equal(receipt_verify(bytes_make(text, len), &trust, NULL, &facts), RECEIPT_OK);
    vestry_free(text);
    vestry_receipts_free(receipts);
    assert_int_equal(fake_times_in_log(&fake, ticket), 1);
}

static void an_append_ends_in_the_epoch_that_began_meanwhile(void **state)
{
    uint64_t next = 1;

    (void)state;
    finish(fake_append(&fake, "one"), 100);
    assert_int_equal(core_epoch_hint(fake.core), 0);
    fake_epoch(&fake, 2);
    const uint64_t ticket = fake_append(&fake, "two");

    /* Nothing of the new epoch counts before its replicas are known. */
    assert_true(fake_run(&fake, 3000, hears_of_it, &next));
    assert_int_equal(fake_finish(&fake, ticket, 3000), CORE_OUTCOME_NONE);
    assert_int_equal(fake_times_in_log(&fake, ticket), 1);
    fake_follow(&fake);
    assert_int_equal(core_epoch_hint(fake.core), 1);
    finish(ticket, 10000);
    finish(fake_append(&fake, "three"), 1000);
}

static bool all_up(struct fake *of, void *context)
{
    (void)context;
    return core_links_up(of->core) == FAKE_N;
}

static void who_has_other_keys_is_connected_to_anew_and_nobody_else(void **state)
{
    (void)state;
    finish(fake_append(&fake, "one"), 100);
    assert_true(fake_run(&fake, 1000, all_up, NULL));
    fake_epoch(&fake, 1);
    assert_true(fake_run(&fake, 200, NULL, NULL));
    fake_follow(&fake);
    assert_int_equal(core_links_up(fake.core), FAKE_N - 1);
    assert_true(fake_run(&fake, 1000, all_up, NULL));
    for (uint32_t i = 0; i < FAKE_N; i++) {
        struct core_link_look look;

        core_link_look(fake.core, i, &look);
        assert_int_equal(look.lies, 0);
    }
    finish(fake_append(&fake, "two"), 1000);
}

static void a_word_of_a_later_epoch_that_nobody_can_show_is_forgotten(void **state)
{
    uint64_t next = 1;

    (void)state;
    fake_epoch(&fake, 3);
    assert_true(fake_run(&fake, 3000, hears_of_it, &next));
    core_epoch_deny(fake.core);
    assert_int_equal(core_epoch_hint(fake.core), 0);
}

#define KEPT(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)
#define CORE(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEPT(the_replicas_of_every_epoch_are_known_by_what_was_followed),
        KEPT(what_was_followed_is_known_in_the_next_run),
        KEPT(a_file_that_does_not_hold_is_refused),
        CORE(an_append_ends_in_the_epoch_that_began_meanwhile),
        CORE(who_has_other_keys_is_connected_to_anew_and_nobody_else),
        CORE(a_word_of_a_later_epoch_that_nobody_can_show_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
