/* State bundles of later epochs: whose signatures count is for their hand-offs to say. */
#include "tests/support/bundle_maker.h"
#include "tests/support/hand_off_maker.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct gov_stage stage;
static struct hand_off_maker maker;
static struct bundle_maker bundle;
static struct charter_view charter;
static struct in_force in_force;

/* Two hand-offs: r2 gets new keys, and then the epoch is renewed. */
static int setup(void **state)
{
    (void)state;
    stage_open(&stage, 4, false, 2000);
    bundle_maker_init(&bundle, &stage.fixture, &stage.world);
    hand_off_maker_init(&maker, &stage);
    maker_two_epochs(&maker, bundle.hand_offs);
    bundle.hand_off_count = 2;
    bundle.epoch = 2;
    bundle.header.epoch = 2;
    bundle.header.height = stage.height;
    bundle.names[2] = "r2 new";
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stage_close(&stage);
    return 0;
}

static enum in_force_error verify(void)
{
    return in_force_verify(bundle_make(&bundle), stage.world.charter.cluster_id, &sig_fast,
                           &charter, &in_force);
}

static void hand_offs_lead_to_the_replicas_whose_signatures_count(void **state)
{
    uint8_t key[PUBLIC_KEY_BYTES];

    (void)state;
    assert_int_equal(verify(), IN_FORCE_OK);
    assert_int_equal(in_force.hand_off, HAND_OFF_OK);
    assert_int_equal(in_force.checkpoint.epoch, 2);
    assert_int_equal(in_force.roster.epoch, 2);
    assert_int_equal(in_force_version(&in_force, SECTION_REPLICAS), 2);
    gov_public_key(&sig_fast, "r2 new", key);
    assert_memory_equal(in_force.roster.members[2].sign_pk, key, sizeof(key));
    bundle.names[2] = NULL;
    assert_int_equal(verify(), IN_FORCE_NOTE);
}

static void the_checkpoint_must_be_of_the_epoch_that_they_lead_to(void **state)
{
    (void)state;
    bundle.epoch = 1;
    assert_int_equal(verify(), IN_FORCE_EPOCH);
    bundle.hand_off_count = 1;
    bundle.epoch = 2;
    assert_int_equal(verify(), IN_FORCE_EPOCH);
    bundle.hand_off_count = 0;
    assert_int_equal(verify(), IN_FORCE_NOTE);
    bundle.signers = 0xB;
    bundle.cosigners = 0xB;
    assert_int_equal(verify(), IN_FORCE_EPOCH);
}

static void every_hand_off_must_hold(void **state)
{
    const struct bytes first = bundle.hand_offs[0];

    (void)state;
    maker.kept[0][first.len - 1] ^= 1;
    assert_int_equal(verify(), IN_FORCE_HAND_OFF);
    assert_int_equal(in_force.hand_off, HAND_OFF_CHANGES);
    maker.kept[0][first.len - 1] ^= 1;
    bundle.hand_offs[0] = bundle.hand_offs[1];
    bundle.hand_offs[1] = first;
    assert_int_equal(verify(), IN_FORCE_HAND_OFF);
    assert_int_equal(in_force.hand_off, HAND_OFF_EPOCH);
    bundle.hand_offs[0] = BYTES_EMPTY;
    assert_int_equal(verify(), IN_FORCE_HAND_OFF);
    assert_int_equal(in_force.hand_off, HAND_OFF_ENCODING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hand_offs_lead_to_the_replicas_whose_signatures_count),
        TEST(the_checkpoint_must_be_of_the_epoch_that_they_lead_to),
        TEST(every_hand_off_must_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
