#include "crypto/receipt.h"
#include "tests/support/receipt_case.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- What holds ------------------------------------------------------------------------------- */

static void a_receipt_proves_the_entry_its_payload_and_its_author(void **state)
{
    (void)state;
    receipt_fixture_init(&fixture, &sig_ed25519);
    receipt_build();
    assert_int_equal(receipt_judge(), RECEIPT_OK);
    assert_int_equal(facts.index, 9);
    assert_int_equal(facts.height, 40);
    assert_int_equal(facts.time_ms, UINT64_C(1790000000111));
    assert_int_equal(facts.kind, LEAF_DATA);
    assert_int_equal(facts.stream_index, 4);
    assert_int_equal(facts.stream_len, strlen("orders/store17"));
    assert_memory_equal(facts.stream, "orders/store17", facts.stream_len);
    assert_int_equal(facts.payload_len, fixture.payload.len);
    assert_memory_equal(facts.payload_hash, fixture.leaf.payload_hash, HASH_BYTES);
    assert_memory_equal(facts.request_id, fixture.leaf.request_id, HASH_BYTES);
    assert_memory_equal(facts.author, fixture.holders[1], PUBLIC_KEY_BYTES);
    assert_int_equal(facts.authorship, RECEIPT_AUTHOR_PROVEN);
    assert_true(facts.has_salt);
    assert_true(facts.payload_proven);
    assert_int_equal(facts.note.checkpoint.height, 42);
    assert_int_equal(facts.note.signed_by, 0x7F);
    assert_int_equal(facts.note.cosigned_by, 0x7F);
}

static void without_a_payload_the_entry_alone_is_proven(void **state)
{
    const struct receipt_trust trust = receipt_fixture_trust(&fixture);

    (void)state;
    receipt_build();
    assert_int_equal(receipt_judge_by(&trust, NULL), RECEIPT_OK);
    assert_false(facts.payload_proven);
    assert_true(facts.has_salt);
}

static void a_quorum_of_cosignatures_and_one_note_line_are_enough(void **state)
{
    (void)state;
    fixture.signers = 1;
    fixture.cosigners = 5;
    receipt_build();
    assert_int_equal(receipt_judge(), RECEIPT_OK);
    assert_int_equal(facts.note.signed_by, 0x01);
    assert_int_equal(facts.note.cosigned_by, 0x1F);
}

static void a_governed_key_is_an_author_without_a_token(void **state)
{
    (void)state;
    fixture.governed = true;
    receipt_build();
    assert_int_equal(receipt_judge(), RECEIPT_OK);
    assert_int_equal(facts.authorship, RECEIPT_AUTHOR_PROVEN);
}

static void a_receipt_may_say_nothing_of_the_author(void **state)
{
    (void)state;
    fixture.with_author = false;
    receipt_build();
    assert_int_equal(receipt_judge(), RECEIPT_OK);
    assert_int_equal(facts.authorship, RECEIPT_AUTHOR_ABSENT);
}

static void without_the_cluster_id_the_author_fits_but_is_not_proven(void **state)
{
    struct receipt_trust trust = receipt_fixture_trust(&fixture);

    (void)state;
    receipt_build();
    trust.cluster_id = NULL;
    trust.epoch = RECEIPT_ANY_EPOCH;
    assert_int_equal(receipt_judge_by(&trust, &fixture.payload), RECEIPT_OK);
    assert_int_equal(facts.authorship, RECEIPT_AUTHOR_UNCHECKED);
}

static void lines_of_unknown_keys_count_for_nothing(void **state)
{
    struct receipt_trust trust = receipt_fixture_trust(&fixture);

    (void)state;
    receipt_build();
    trust.keyring = note_fixture_keyring(&fixture.notes, 5);
    assert_int_equal(receipt_judge_by(&trust, NULL), RECEIPT_OK);
    assert_int_equal(facts.note.unknown, 4);
    trust.keyring = note_fixture_keyring(&fixture.notes, 4);
    assert_int_equal(receipt_judge_by(&trust, NULL), RECEIPT_FEW_COSIGNATURES);
}

static void the_first_entry_of_a_log_of_one_has_no_path(void **state)
{
    static const char start[] = "c2sp.org/tlog-proof@v1\nextra ";

    (void)state;
    receipt_build();
    assert_memory_equal(text.data, start, sizeof(start) - 1);
    fixture.index = 0;
    receipt_build();
    assert_int_equal(receipt_judge(), RECEIPT_OK);
    assert_non_null(memmem(text.data, text.len, "\nindex 0\n", 9));
}

/* --- The text --------------------------------------------------------------------------------- */

/* Replace the first `from` in the text by `to`. */
static void replace(const char *from, const char *to)
{
    static uint8_t copy[RECEIPT_BYTES_MAX];
    const uint8_t *at = memmem(text.data, text.len, from, strlen(from));

    assert_non_null(at);
    const size_t start = (size_t)(at - text.data);
    const size_t end = start + strlen(from);
    struct buffer out = buffer_make(copy, sizeof(copy));

    buffer_put(&out, bytes_make(text.data, start));
    buffer_put(&out, bytes_of_text(to));
    buffer_put(&out, bytes_make(text.data + end, text.len - end));
    assert_false(out.full);
    memcpy(text.data, copy, out.len);
    text.len = out.len;
}

static void expect_after(const char *from, const char *to, enum receipt_verdict verdict)
{
    receipt_build();
    replace(from, to);
    assert_int_equal(receipt_judge(), verdict);
}

static void a_text_of_another_form_is_refused(void **state)
{
    (void)state;
    expect_after("tlog-proof@v1", "tlog-proof@v2", RECEIPT_BAD_TEXT);
    expect_after("\nextra ", "\nExtra ", RECEIPT_BAD_TEXT);
    expect_after("\nextra ", "\nextra  ", RECEIPT_BAD_EXTRA);
    expect_after("\nindex 9\n", "\nindex 09\n", RECEIPT_BAD_TEXT);
    expect_after("\nindex 9\n", "\nindex +9\n", RECEIPT_BAD_TEXT);
    expect_after("\nindex 9\n", "\nindex /\n", RECEIPT_BAD_TEXT);
    expect_after("\nindex 9\n", "\nindex :\n", RECEIPT_BAD_TEXT);
    expect_after("\nindex 9\n", "\nindex \n", RECEIPT_BAD_TEXT);
    expect_after("\nindex 9\n", "\nindex 9 \n", RECEIPT_BAD_TEXT);
    expect_after("\nindex 9\n", "\nindex 18446744073709551616\n", RECEIPT_BAD_TEXT);
    expect_after("\nindex 9\n", "\nINDEX 9\n", RECEIPT_BAD_TEXT);
    expect_after("\nindex 9\n", "\r\nindex 9\r\n", RECEIPT_BAD_EXTRA);
    expect_after("\nindex 9\n", "\nindex 9\n\n", RECEIPT_BAD_NOTE);
    expect_after("\nindex 9\n", "\nindex 9\nAAAA\n", RECEIPT_BAD_TEXT);
}

static void a_number_of_more_digits_than_fit_is_refused(void **state)
{
    (void)state;
    expect_after("\nindex 9\n", "\nindex 18446744073709551615\n", RECEIPT_OTHER_INDEX);
    expect_after("\nindex 9\n", "\nindex 99999999999999999999\n", RECEIPT_BAD_TEXT);
    expect_after("\nindex 9\n", "\nindex 100000000000000000009\n", RECEIPT_BAD_TEXT);
}

static void a_path_longer_than_any_tree_is_refused(void **state)
{
    static const char line[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    char lines[64 + MERKLE_PATH_MAX * sizeof(line)] = "\nindex 9\n";
    size_t len = strlen(lines);

    (void)state;
    for (int i = 0; i < MERKLE_PATH_MAX; i++) {
        memcpy(lines + len, line, sizeof(line));
        len += sizeof(line) - 1;
    }
    expect_after("\nindex 9\n", lines, RECEIPT_BAD_TEXT);
}

static void a_proof_without_extra_is_no_receipt(void **state)
{
    (void)state;
    receipt_build();
    const uint8_t *extra = memmem(text.data, text.len, "extra ", 6);
    const uint8_t *index = memmem(text.data, text.len, "index ", 6);
    const size_t cut = (size_t)(index - extra);

    memmove(text.data + (extra - text.data), index, text.len - (size_t)(index - text.data));
    text.len -= cut;
    assert_int_equal(receipt_judge(), RECEIPT_NO_EXTRA);
}

static void a_text_that_is_too_long_is_refused_unread(void **state)
{
    static uint8_t long_text[RECEIPT_BYTES_MAX + 1];
    const struct receipt_trust trust = receipt_fixture_trust(&fixture);

    (void)state;
    receipt_build();
    memset(long_text, 'A', sizeof(long_text));
    memcpy(long_text, text.data, text.len);
    assert_int_equal(receipt_verify(BYTES_OF_ARRAY(long_text), &trust, NULL, &facts),
                     RECEIPT_TOO_LONG);
}

static void every_truncation_is_refused(void **state)
{
    struct receipt_trust trust = receipt_fixture_trust(&fixture);

    (void)state;
    fixture.signers = 1;
    receipt_build();
    trust.quorum = FIXTURE_REPLICAS;
    assert_int_equal(receipt_judge_by(&trust, &fixture.payload), RECEIPT_OK);
    for (size_t len = 0; len < text.len; len++) {
        assert_int_not_equal(
            receipt_verify(bytes_make(text.data, len), &trust, &fixture.payload, &facts),
            RECEIPT_OK);
    }
}

static void every_flipped_bit_is_refused_when_every_line_is_needed(void **state)
{
    struct receipt_trust trust = receipt_fixture_trust(&fixture);

    (void)state;
    fixture.signers = 1;
    receipt_build();
    trust.quorum = FIXTURE_REPLICAS;
    for (size_t i = 0; i < 8 * text.len; i++) {
        text.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(receipt_verify(buffer_bytes(&text), &trust, &fixture.payload, &facts),
                             RECEIPT_OK);
        text.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    assert_int_equal(receipt_judge_by(&trust, &fixture.payload), RECEIPT_OK);
}

/* --- The extra line --------------------------------------------------------------------------- */

static void leaf_is_no_leaf(struct receipt_fixture *of, enum receipt_stage stage)
{
    static const uint8_t no_leaf[] = {0x91, 0x01};

    if (stage == STAGE_EXTRA) {
        of->extra.leaf = BYTES_OF_ARRAY(no_leaf);
    }
}

static void extra_is_no_extra(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_TEXT) {
        of->parts.extra.len--;
    }
}

static void an_extra_line_that_holds_no_entry_is_refused(void **state)
{
    (void)state;
    assert_int_equal(receipt_outcome(leaf_is_no_leaf), RECEIPT_BAD_LEAF);
    assert_int_equal(receipt_outcome(extra_is_no_extra), RECEIPT_BAD_EXTRA);
    assert_int_equal(receipt_outcome(NULL), RECEIPT_OK);
}

/* --- The checkpoint --------------------------------------------------------------------------- */

static void a_checkpoint_of_another_log_is_refused(void **state)
{
    const uint8_t other_id[HASH_BYTES] = {1};
    struct receipt_trust trust = receipt_fixture_trust(&fixture);

    (void)state;
    receipt_build();
    assert_true(origin_make(bytes_of_text("acme.example/ledger"), other_id, &trust.origin));
    assert_int_equal(receipt_judge_by(&trust, NULL), RECEIPT_OTHER_ORIGIN);
}

static void keys_of_another_epoch_are_refused(void **state)
{
    struct receipt_trust trust = receipt_fixture_trust(&fixture);

    (void)state;
    receipt_build();
    trust.epoch = 3;
    assert_int_equal(receipt_judge_by(&trust, NULL), RECEIPT_OTHER_EPOCH);
}

static void a_keyring_with_a_key_twice_is_refused(void **state)
{
    struct note_key twice[FIXTURE_REPLICAS];
    struct receipt_trust trust = receipt_fixture_trust(&fixture);

    (void)state;
    receipt_build();
    memcpy(twice, fixture.notes.keys, sizeof(twice));
    memcpy(twice[1].cosign_key, twice[0].cosign_key, PUBLIC_KEY_BYTES);
    trust.keyring.keys = twice;
    assert_int_equal(receipt_judge_by(&trust, NULL), RECEIPT_BAD_KEYS);
}

/* The checkpoint changes between its text and its signatures, so these are over another text. */
static void sign_another_text(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_NOTE) {
        of->notes.checkpoint.height++;
    }
}

static void a_bad_line_of_a_known_key_spoils_the_receipt(void **state)
{
    (void)state;
    fixture.cosigners = 0;
    assert_int_equal(receipt_outcome(sign_another_text), RECEIPT_BAD_SIGNATURE);
    receipt_fixture_init(&fixture, &sig_fast);
    fixture.signers = 0;
    assert_int_equal(receipt_outcome(sign_another_text), RECEIPT_BAD_SIGNATURE);
}

static void a_checkpoint_without_a_note_line_is_refused(void **state)
{
    (void)state;
    fixture.signers = 0;
    assert_int_equal(receipt_outcome(NULL), RECEIPT_NO_NOTE_LINE);
}

static void one_cosignature_less_than_the_quorum_is_refused(void **state)
{
    (void)state;
    fixture.cosigners = 4;
    assert_int_equal(receipt_outcome(NULL), RECEIPT_FEW_COSIGNATURES);
    fixture.cosigners = 5;
    assert_int_equal(receipt_outcome(NULL), RECEIPT_OK);
}

static void a_line_that_is_doubled_counts_once(void **state)
{
    struct receipt_trust trust = receipt_fixture_trust(&fixture);

    (void)state;
    fixture.cosigners = 4;
    receipt_build();
    note_fixture_line(&fixture.notes, 0, NOTE_COSIGN, &text);
    assert_false(text.full);
    assert_int_equal(receipt_judge_by(&trust, NULL), RECEIPT_FEW_COSIGNATURES);
}

static void a_malformed_checkpoint_is_refused(void **state)
{
    (void)state;
    expect_after("\nvestry/1 42 ", "\nvestry/1 042 ", RECEIPT_BAD_NOTE);
    receipt_build();
    text.len--;
    assert_int_equal(receipt_judge(), RECEIPT_BAD_NOTE);
}

/* --- Inclusion -------------------------------------------------------------------------------- */

static void leaf_of_another_index(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_LEAF) {
        of->leaf.index = 8;
    }
}

static void path_with_a_wrong_hash(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_EXTRA) {
        of->path.hashes[0][31] ^= 1;
    }
}

static void path_cut_short(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_EXTRA) {
        of->path.count--;
    }
}

static void tree_too_small(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_CHECKPOINT) {
        of->notes.checkpoint.tree_size = 9;
    }
}

static void leaf_later_by_height(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_LEAF) {
        of->leaf.height = of->notes.checkpoint.height + 1;
    }
}

static void leaf_later_by_time(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_LEAF) {
        of->leaf.time_ms = of->notes.checkpoint.time_ms + 1;
    }
}

static void an_entry_that_is_not_in_the_tree_is_refused(void **state)
{
    (void)state;
    assert_int_equal(receipt_outcome(leaf_of_another_index), RECEIPT_OTHER_INDEX);
    assert_int_equal(receipt_outcome(path_with_a_wrong_hash), RECEIPT_PATH);
    assert_int_equal(receipt_outcome(path_cut_short), RECEIPT_PATH);
    assert_int_equal(receipt_outcome(tree_too_small), RECEIPT_OUTSIDE);
    assert_int_equal(receipt_outcome(NULL), RECEIPT_OK);
}

static void an_entry_later_than_its_checkpoint_is_refused(void **state)
{
    (void)state;
    assert_int_equal(receipt_outcome(leaf_later_by_height), RECEIPT_LEAF_LATER);
    assert_int_equal(receipt_outcome(leaf_later_by_time), RECEIPT_LEAF_LATER);
}

/* --- The payload ------------------------------------------------------------------------------ */

static void another_payload_is_refused(void **state)
{
    const struct receipt_trust trust = receipt_fixture_trust(&fixture);
    struct bytes other = bytes_of_text("one bell, recasT");

    (void)state;
    receipt_build();
    assert_int_equal(receipt_judge_by(&trust, &other), RECEIPT_PAYLOAD);
    other.len--;
    assert_int_equal(receipt_judge_by(&trust, &other), RECEIPT_PAYLOAD_LENGTH);
    assert_int_equal(receipt_judge_by(&trust, &fixture.payload), RECEIPT_OK);
}

static void another_salt(struct receipt_fixture *of, enum receipt_stage stage)
{
    if (stage == STAGE_EXTRA) {
        of->salt[15] ^= 0x80;
    }
}

static void another_salt_is_refused(void **state)
{
    (void)state;
    assert_int_equal(receipt_outcome(another_salt), RECEIPT_PAYLOAD);
}

static void without_the_salt_no_payload_is_proven(void **state)
{
    const struct receipt_trust trust = receipt_fixture_trust(&fixture);

    (void)state;
    fixture.with_salt = false;
    receipt_build();
    assert_int_equal(receipt_judge_by(&trust, &fixture.payload), RECEIPT_NO_SALT);
    assert_int_equal(receipt_judge_by(&trust, NULL), RECEIPT_OK);
    assert_false(facts.has_salt);
}

static void every_verdict_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < RECEIPT_VERDICT_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(receipt_verdict_text((enum receipt_verdict)i),
                                    receipt_verdict_text((enum receipt_verdict)j));
        }
    }
    assert_string_equal(receipt_verdict_text(RECEIPT_VERDICT_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_proves_the_entry_its_payload_and_its_author),
        cmocka_unit_test_setup(without_a_payload_the_entry_alone_is_proven, receipt_setup),
        cmocka_unit_test_setup(a_quorum_of_cosignatures_and_one_note_line_are_enough,
                               receipt_setup),
        cmocka_unit_test_setup(a_governed_key_is_an_author_without_a_token, receipt_setup),
        cmocka_unit_test_setup(a_receipt_may_say_nothing_of_the_author, receipt_setup),
        cmocka_unit_test_setup(without_the_cluster_id_the_author_fits_but_is_not_proven,
                               receipt_setup),
        cmocka_unit_test_setup(lines_of_unknown_keys_count_for_nothing, receipt_setup),
        cmocka_unit_test_setup(the_first_entry_of_a_log_of_one_has_no_path, receipt_setup),
        cmocka_unit_test_setup(a_text_of_another_form_is_refused, receipt_setup),
        cmocka_unit_test_setup(a_number_of_more_digits_than_fit_is_refused, receipt_setup),
        cmocka_unit_test_setup(a_path_longer_than_any_tree_is_refused, receipt_setup),
        cmocka_unit_test_setup(a_proof_without_extra_is_no_receipt, receipt_setup),
        cmocka_unit_test_setup(a_text_that_is_too_long_is_refused_unread, receipt_setup),
        cmocka_unit_test_setup(every_truncation_is_refused, receipt_setup),
        cmocka_unit_test_setup(every_flipped_bit_is_refused_when_every_line_is_needed,
                               receipt_setup),
        cmocka_unit_test_setup(an_extra_line_that_holds_no_entry_is_refused, receipt_setup),
        cmocka_unit_test_setup(a_checkpoint_of_another_log_is_refused, receipt_setup),
        cmocka_unit_test_setup(keys_of_another_epoch_are_refused, receipt_setup),
        cmocka_unit_test_setup(a_keyring_with_a_key_twice_is_refused, receipt_setup),
        cmocka_unit_test_setup(a_bad_line_of_a_known_key_spoils_the_receipt, receipt_setup),
        cmocka_unit_test_setup(a_checkpoint_without_a_note_line_is_refused, receipt_setup),
        cmocka_unit_test_setup(one_cosignature_less_than_the_quorum_is_refused, receipt_setup),
        cmocka_unit_test_setup(a_line_that_is_doubled_counts_once, receipt_setup),
        cmocka_unit_test_setup(a_malformed_checkpoint_is_refused, receipt_setup),
        cmocka_unit_test_setup(an_entry_that_is_not_in_the_tree_is_refused, receipt_setup),
        cmocka_unit_test_setup(an_entry_later_than_its_checkpoint_is_refused, receipt_setup),
        cmocka_unit_test_setup(another_payload_is_refused, receipt_setup),
        cmocka_unit_test_setup(another_salt_is_refused, receipt_setup),
        cmocka_unit_test_setup(without_the_salt_no_payload_is_proven, receipt_setup),
        cmocka_unit_test(every_verdict_has_a_sentence_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
