/* Votes: one for each member, counted by digest, for ever. And attestations, which are counted the
 * same way but by height. */
#include "replica/core/attestations.h"
#include "replica/core/quorum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

static struct one_vote vote_for(uint8_t digest, uint8_t sig)
{
    struct one_vote vote;
    memset(vote.digest, digest, sizeof(vote.digest));
    memset(vote.sig, sig, sizeof(vote.sig));
    return vote;
}

static void the_first_vote_of_a_member_stands(void **state)
{
    (void)state;
    struct votes votes = {0};
    struct one_vote first = vote_for(1, 1);
    struct one_vote second = vote_for(2, 2);
    assert_int_equal(votes_add(&votes, 3, &first), VOTE_ADDED);
    assert_int_equal(votes_add(&votes, 3, &first), VOTE_DUPLICATE);
    assert_int_equal(votes_add(&votes, 3, &second), VOTE_CONFLICT);
    assert_int_equal(votes_count(&votes, first.digest), 1);
    assert_int_equal(votes_count(&votes, second.digest), 0);
    assert_int_equal(votes.by_member[3].sig[0], 1);
}

static void votes_for_different_digests_do_not_add_up(void **state)
{
    (void)state;
    struct votes votes = {0};
    struct one_vote one = vote_for(1, 1);
    struct one_vote other = vote_for(2, 1);
    assert_int_equal(votes_add(&votes, 0, &one), VOTE_ADDED);
    assert_int_equal(votes_add(&votes, 1, &other), VOTE_ADDED);
    assert_int_equal(votes_add(&votes, 2, &one), VOTE_ADDED);
    assert_int_equal(votes_count(&votes, one.digest), 2);
    assert_int_equal(votes_members(&votes, one.digest), 5);
}

static void signatures_come_out_ascending_by_member(void **state)
{
    (void)state;
    struct votes votes = {0};
    struct one_vote late = vote_for(1, 9);
    struct one_vote early = vote_for(1, 4);
    assert_int_equal(votes_add(&votes, 9, &late), VOTE_ADDED);
    assert_int_equal(votes_add(&votes, 4, &early), VOTE_ADDED);
    uint8_t memory[2 * (SIG_BYTES + 2)];
    struct buffer out = buffer_make(memory, sizeof(memory));
    votes_put_sigs(&votes, votes_members(&votes, early.digest), &out);
    assert_int_equal(out.len, sizeof(memory));
    assert_int_equal(memory[2], 4);
    assert_int_equal(memory[2 + SIG_BYTES + 2], 9);
}

static struct attestation attestation_of(uint64_t height, uint8_t hash)
{
    static const uint8_t sig[SIG_BYTES];
    struct attestation made = {
        .height = height,
        .header = bytes_of_text("header"),
        .note_sig = sig,
        .cosig = sig,
    };
    memset(made.header_hash, hash, HASH_BYTES);
    return made;
}

static void attestations_are_counted_by_height_and_header(void **state)
{
    (void)state;
    static struct attestations all;
    memset(&all, 0, sizeof(all));
    struct attestation good = attestation_of(128, 1);
    struct attestation other = attestation_of(128, 2);
    assert_int_equal(attestations_add(&all, 0, 128, &good), ATTESTED_ADDED);
    assert_int_equal(attestations_add(&all, 0, 128, &good), ATTESTED_DUPLICATE);
    assert_int_equal(attestations_add(&all, 0, 128, &other), ATTESTED_CONFLICT);
    assert_int_equal(attestations_add(&all, 1, 128, &other), ATTESTED_ADDED);
    assert_int_equal(attestations_add(&all, 2, 128, &good), ATTESTED_ADDED);
    assert_int_equal(attestations_members(&all, 128, good.header_hash), 5);
    assert_int_equal(attestations_members(&all, 128, other.header_hash), 2);
}

static void a_member_that_attests_everything_costs_only_its_own_places(void **state)
{
    (void)state;
    static struct attestations all;
    memset(&all, 0, sizeof(all));
    struct attestation honest = attestation_of(40, 1);
    assert_int_equal(attestations_add(&all, 0, 128, &honest), ATTESTED_ADDED);
    for (uint64_t height = 41; height < 400; height++) {
        struct attestation flood = attestation_of(height, 9);
        (void)!attestations_add(&all, 1, 128, &flood);
    }
    assert_non_null(attestations_find(&all, 0, 40));
    struct attestation old = attestation_of(41, 9);
    assert_int_equal(attestations_add(&all, 1, 128, &old), ATTESTED_OLD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_vote_of_a_member_stands),
        cmocka_unit_test(votes_for_different_digests_do_not_add_up),
        cmocka_unit_test(signatures_come_out_ascending_by_member),
        cmocka_unit_test(attestations_are_counted_by_height_and_header),
        cmocka_unit_test(a_member_that_attests_everything_costs_only_its_own_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
