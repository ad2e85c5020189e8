/* From the charter to later epochs: what a chain of hand-offs proves. What it is refused for is in
 * test_hand_off_refused.c. */
#include "tests/support/follow_case.h"
#include "tests/support/gov_world.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* --- What officers bring --------------------------------------------------------------------- */

static void plan_suspend_member(const char *mid)
{
    const struct args_subject args = {bytes_of_text(mid), stage.time_ms + STAGE_DAY};

    stage_plan(&stage, &plan, ACTION_MEMBER_SUSPEND, SECTION_MEMBERS, &schema_args_subject, &args);
}

/* --- What is followed ------------------------------------------------------------------------ */

static void a_charter_is_its_own_epoch(void **state)
{
    const struct epoch_span *span = epoch_chain_newest(chain);

    (void)state;
    epoch_chain_close(NULL);
    assert_ptr_equal(span, epoch_chain_find(chain, 0));
    assert_null(epoch_chain_find(chain, 1));
    assert_int_equal(span->first_height, 0);
    assert_true(span->last_height == U64_UNLIMITED);
    assert_int_equal(span->roster.n, 4);
    assert_int_equal(span->roster.epoch, 0);
}

static void an_epoch_that_is_renewed_is_followed_by_one_like_it(void **state)
{
    (void)state;
    maker_log_data(&maker);
    maker_renew(&maker);
    assert_int_equal(follow_made(), HAND_OFF_OK);

    const struct epoch_span *first = epoch_chain_find(chain, 0);
    const struct epoch_span *second = epoch_chain_find(chain, 1);

    assert_ptr_equal(second, epoch_chain_newest(chain));
    assert_int_equal(first->last_height, maker.header.height);
    assert_int_equal(second->first_height, maker.header.height + 1);
    assert_true(second->last_height == U64_UNLIMITED);
    assert_int_equal(second->roster.epoch, 1);
    assert_memory_equal(second->roster.members, first->roster.members,
                        sizeof(first->roster.members));
}

static void new_keys_count_from_the_next_epoch_on_and_old_ones_no_more(void **state)
{
    static uint8_t first[1u << 19];

    (void)state;
    maker_rotate(&maker);
    struct bytes bytes = maker_make(&maker);
    memcpy(first, bytes.data, bytes.len);
    assert_int_equal(epoch_chain_follow(chain, bytes_make(first, bytes.len)), HAND_OFF_OK);
    uint8_t key[PUBLIC_KEY_BYTES];
    gov_public_key(&sig_fast, "r2 new", key);
    assert_memory_equal(epoch_chain_find(chain, 1)->roster.members[2].sign_pk, key, sizeof(key));
    gov_public_key(&sig_fast, "r2", key);
    assert_memory_equal(epoch_chain_find(chain, 0)->roster.members[2].sign_pk, key, sizeof(key));

    maker_next(&maker, new_signers);
    maker_renew(&maker);
    maker.sign_lines = 0xE;
    memcpy(maker.signers, old_signers, sizeof(old_signers));
    assert_int_equal(follow_made(), HAND_OFF_NOTE);
    memcpy(maker.signers, new_signers, sizeof(new_signers));
    assert_int_equal(follow_made(), HAND_OFF_OK);
    assert_int_equal(epoch_chain_newest(chain)->roster.epoch, 2);
}

static void what_was_decided_in_many_entries_is_followed(void **state)
{
    (void)state;
    plan_suspend_member("m5");
    maker_decide(&maker, &plan, 2);
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 1);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    maker_log(&maker);
    maker_later(&maker, 3, 500);
    assert_int_equal(stage_yes(&stage, &plan, "m3"), RESULT_OK);
    maker_log(&maker);
    maker_log_data(&maker);
    maker_later(&maker, 1, 500);
    assert_int_equal(stage_yes(&stage, &plan, "m4"), RESULT_OK);
    maker_log(&maker);
    maker_renew(&maker);
    assert_int_equal(follow_made(), HAND_OFF_OK);
    assert_int_equal(epoch_chain_newest(chain)->roster.members[1].standing, STANDING_SUSPENDED);
}

static void many_epochs_are_followed_one_after_the_other(void **state)
{
    (void)state;
    for (uint64_t epoch = 0; epoch < 5; epoch++) {
        stage_plan_replica(&stage, &plan,
                           epoch % 2 == 0 ? ACTION_REPLICA_SUSPEND : ACTION_REPLICA_RESTORE, 0);
        maker_decide(&maker, &plan, 3);
        maker_renew(&maker);
        assert_int_equal(follow_made(), HAND_OFF_OK);
        assert_int_equal(epoch_chain_newest(chain)->roster.members[0].standing,
                         epoch % 2 == 0 ? STANDING_SUSPENDED : STANDING_ACTIVE);
        maker_next(&maker, old_signers);
    }
    assert_int_equal(epoch_chain_newest(chain)->roster.epoch, 5);
}

/* The second one to end an epoch waits for the next. */
static void what_waited_for_the_boundary_is_enacted_behind_it(void **state)
{
    static struct gov_plan second;

    (void)state;
    maker_plan_renew(&maker, &plan);
    maker_decide(&maker, &plan, 3);
    maker_plan_renew(&maker, &second);
    maker_decide(&maker, &second, 3);
    assert_true(stage_told(&stage, &second, PROPOSAL_LOCKED, RESULT_OK));
    maker_end(&maker);
    assert_int_equal(follow_made(), HAND_OFF_OK);
    maker_next(&maker, old_signers);
    assert_true(stage_told(&stage, &second, PROPOSAL_ENACTED, RESULT_OK));
    maker_end(&maker);
    assert_int_equal(maker.header.height, 384 + 384);
    /* Its votes are of the epoch before. */
    assert_int_equal(follow_made(), HAND_OFF_CHANGES);
    maker_pick(&maker);
    assert_int_equal(follow_made(), HAND_OFF_OK);
    assert_int_equal(epoch_chain_newest(chain)->roster.epoch, 2);
}

/* A proposer with sixteen closed proposals would open no more. */
static void closed_proposals_are_forgotten_in_time(void **state)
{
    (void)state;
    for (uint64_t epoch = 0; epoch < FOLLOWED_EPOCHS - 1; epoch++) {
        maker_renew(&maker);
        assert_int_equal(follow_made(), HAND_OFF_OK);
        maker_next(&maker, old_signers);
        stage.time_ms += STAGE_HOUR;
        gov_retire(stage.world.state, stage.time_ms);
    }
    assert_int_equal(epoch_chain_newest(chain)->roster.epoch, FOLLOWED_EPOCHS - 1);
}

/* --- Locks, disputes, and what is carried over ----------------------------------------------- */

static void what_was_locked_is_enacted_where_the_log_says(void **state)
{
    (void)state;
    maker_plan_renew(&maker, &plan);
    maker_decide(&maker, &plan, 3);
    assert_true(stage_told(&stage, &plan, PROPOSAL_LOCKED, RESULT_OK));
    maker_later(&maker, 513, STAGE_HOUR);
    assert_true(stage.results.count == 1);
    maker_end(&maker);
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void what_is_due_in_the_first_block_of_an_epoch_is_followed(void **state)
{
    (void)state;
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 3);
    maker_decide(&maker, &plan, 2);
    maker_plan_renew(&maker, &plan);
    maker_decide(&maker, &plan, 3);
    maker_later(&maker, 200, STAGE_HOUR / 2);
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_RESTORE, 3);
    maker_decide(&maker, &plan, 3);
    maker_later(&maker, 400, STAGE_HOUR / 2);
    maker_end(&maker);
    assert_int_equal(follow_made(), HAND_OFF_OK);
    assert_int_equal(epoch_chain_newest(chain)->roster.members[3].standing, STANDING_SUSPENDED);
    stage.time_ms += STAGE_HOUR / 2;
    maker_next(&maker, old_signers);
    assert_true(stage_told(&stage, &plan, PROPOSAL_ENACTED, RESULT_OK));
    /* Of two replicas only one may be suspended. */
    stage.height++;
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 2);
    maker_decide(&maker, &plan, 2);
    maker_plan_renew(&maker, &plan);
    maker_decide(&maker, &plan, 3);
    maker_later(&maker, 600, STAGE_HOUR);
    maker_end(&maker);
    maker_pick(&maker);
    assert_int_equal(follow_made(), HAND_OFF_OK);
    assert_int_equal(epoch_chain_newest(chain)->roster.members[3].standing, STANDING_ACTIVE);
}

static void a_lock_is_not_over_because_another_entry_comes(void **state)
{
    (void)state;
    stage.height = 10;
    maker_plan_renew(&maker, &plan);
    maker_decide(&maker, &plan, 3);
    /* Its lock is over in this block, but nothing was due yet, as when eight others were first. */
    stage.height = 640;
    stage.time_ms += STAGE_HOUR;
    maker_plan_renew(&maker, &other);
    maker_decide(&maker, &other, 3);
    assert_true(stage_told(&stage, &other, PROPOSAL_LOCKED, RESULT_OK));
    maker_later(&maker, 1, 0);
    assert_int_equal(stage.results.count, 1);
    maker_end(&maker);
    assert_int_equal(maker.header.height, 1024);
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void a_dispute_that_lapses_and_one_that_is_settled_are_followed(void **state)
{
    static struct gov_plan disputed;

    (void)state;
    stage_plan_replica(&stage, &plan, ACTION_REPLICA_SUSPEND, 3);
    maker_decide(&maker, &plan, 2);
    stage_plan_replica(&stage, &disputed, ACTION_REPLICA_RESTORE, 3);
    plan = disputed;
    maker_decide(&maker, &plan, 3);
    assert_int_equal(stage_dispute(&stage, &plan, "m5", "m5"), RESULT_OK);
    maker_log(&maker);
    maker_later(&maker, 600, 2 * STAGE_HOUR);
    assert_int_equal(stage_replica(&stage, 3), STANDING_ACTIVE);

    maker_plan_renew(&maker, &plan);
    disputed = plan;
    maker_decide(&maker, &plan, 3);
    memcpy(disputed.pid, plan.pid, HASH_BYTES);
    assert_int_equal(stage_dispute(&stage, &plan, "m4", "m4"), RESULT_OK);
    maker_log(&maker);
    struct args_resolve args = {.uphold = 1};
    memcpy(args.pid, disputed.pid, HASH_BYTES);
    stage_plan(&stage, &plan, ACTION_RESOLVE, SECTION_MEMBERS, &schema_args_resolve, &args);
    maker_decide(&maker, &plan, 4);
    maker_later(&maker, 600, 2 * STAGE_HOUR);
    maker_end(&maker);
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

/* What the log closed is closed, whether or not the replay would know why. */
static void what_was_closed_for_any_reason_stays_closed(void **state)
{
    const struct read_version reads[] = {
        {SECTION_MEMBERS, 1}, {SECTION_PARAMS, 1}, {SECTION_REVOCATIONS, 1}};
    const struct args_freeze args = {bytes_of_text("pay"), U64_UNLIMITED};
    const struct args_freeze freeze = {bytes_of_text("pay"), stage.time_ms + 20 * STAGE_HOUR};
    const uint8_t revoked[HASH_BYTES] = {1};
    static const char *const names[] = {"m1", "m2", "m3"};
    static struct gov_plan unfreeze;

    (void)state;
    stage_plan(&stage, &plan, ACTION_FREEZE, SECTION_PARAMS, &schema_args_freeze, &freeze);
    maker_decide(&maker, &plan, 2);
    stage_plan(&stage, &unfreeze, ACTION_UNFREEZE, SECTION_PARAMS, &schema_args_freeze, &args);
    struct read_version now[3];
    memcpy(now, reads, sizeof(now));
    now[1].version = 2;
    stage_plan_reads(&unfreeze, now, 3);
    plan = unfreeze;
    maker_decide(&maker, &plan, 3);
    unfreeze = plan;
    assert_int_equal(stage_record(&stage, &unfreeze, NULL), PROPOSAL_LOCKED);
    maker_plan_renew(&maker, &plan);
    maker_decide(&maker, &plan, 3);
    /* A block of a token expires, which no entry says, and what read the section is stale. */
    world_revoke_block(&stage.world, revoked, 0);
    maker_later(&maker, 600, STAGE_HOUR);
    assert_int_equal(stage.results.count, 2);
    assert_int_equal(stage_record(&stage, &unfreeze, NULL), 0);
    maker_end(&maker);
    assert_int_equal(follow_made(), HAND_OFF_OK);
    maker_next(&maker, old_signers);
    /* And a proposal that names the version that the section has by now is taken. */
    stage_plan(&stage, &plan, ACTION_UNFREEZE, SECTION_PARAMS, &schema_args_freeze, &args);
    now[2].version = 3;
    world_revoke_block(&stage.world, revoked, 1);
    stage_plan_reads(&plan, now, 3);
    assert_int_equal(stage_propose(&stage, &plan), RESULT_OK);
    maker_log(&maker);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(stage_yes(&stage, &plan, names[i]), RESULT_OK);
        maker_log(&maker);
    }
    maker_later(&maker, 600, STAGE_HOUR);
    maker_plan_renew(&maker, &plan);
    maker_decide(&maker, &plan, 3);
    maker_later(&maker, 600, STAGE_HOUR);
    maker_end(&maker);
    assert_int_equal(follow_made(), HAND_OFF_OK);
}

static void actions_on_what_is_followed_concern_a_hand_off(void **state)
{
    (void)state;
    assert_true(hand_off_concerns(ACTION_MEMBER_SUSPEND));
    assert_true(hand_off_concerns(ACTION_REPLICA_KEY_ROTATE));
    assert_true(hand_off_concerns(ACTION_EPOCH_RENEW));
    assert_true(hand_off_concerns(ACTION_FREEZE));
    assert_true(hand_off_concerns(ACTION_RESOLVE));
    assert_false(hand_off_concerns(ACTION_REVOKE_KEY));
    assert_false(hand_off_concerns(ACTION_ISSUER_SUSPEND));
    assert_false(hand_off_concerns(0));
    assert_false(hand_off_concerns(UINT64_MAX));
}

static void a_list_of_hand_offs_ends_where_one_does_not_hold(void **state)
{
    static uint8_t memory[1u << 19];
    struct buffer list = buffer_make(memory, sizeof(memory));

    (void)state;
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        maker_renew(&maker);
        maker.sign_lines = epoch == 2 ? 0x3 : maker.sign_lines;
        assert_true(item_bin_encode(&(struct item_bin){maker_make(&maker)}, &list));
        maker_next(&maker, old_signers);
    }
    assert_int_equal(epoch_chain_follow_all(chain, (struct wire_list){buffer_bytes(&list), 2}),
                     HAND_OFF_OK);
    assert_int_equal(epoch_chain_newest(chain)->roster.epoch, 2);
    epoch_chain_close(chain);
    assert_int_equal(epoch_chain_open(&stage.world.charter, &sig_fast, FOLLOWED_EPOCHS, &chain),
                     STATUS_OK);
    assert_int_equal(epoch_chain_follow_all(chain, (struct wire_list){buffer_bytes(&list), 3}),
                     HAND_OFF_NOTE);
    assert_int_equal(epoch_chain_newest(chain)->roster.epoch, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, follow_setup, follow_teardown)
#define LOCKED(name) cmocka_unit_test_setup_teardown(name, follow_setup_locks, follow_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_charter_is_its_own_epoch),
        TEST(an_epoch_that_is_renewed_is_followed_by_one_like_it),
        TEST(new_keys_count_from_the_next_epoch_on_and_old_ones_no_more),
        TEST(what_was_decided_in_many_entries_is_followed),
        TEST(actions_on_what_is_followed_concern_a_hand_off),
        TEST(a_list_of_hand_offs_ends_where_one_does_not_hold),
        TEST(what_waited_for_the_boundary_is_enacted_behind_it),
        TEST(closed_proposals_are_forgotten_in_time),
        TEST(many_epochs_are_followed_one_after_the_other),
        LOCKED(what_was_locked_is_enacted_where_the_log_says),
        LOCKED(what_is_due_in_the_first_block_of_an_epoch_is_followed),
        LOCKED(a_lock_is_not_over_because_another_entry_comes),
        LOCKED(a_dispute_that_lapses_and_one_that_is_settled_are_followed),
        LOCKED(what_was_closed_for_any_reason_stays_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
