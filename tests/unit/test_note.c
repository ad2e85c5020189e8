#include "crypto/base64.h"
#include "crypto/hash.h"
#include "crypto/note.h"
#include "tests/support/note_fixture.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct note_fixture fixture;
static uint8_t memory[NOTE_BYTES_MAX + 4096];
static struct buffer note;

static int set_up(void **state)
{
    (void)state;
    note_fixture_init(&fixture, &sig_fast);
    note = buffer_make(memory, sizeof(memory));
    return 0;
}

static enum note_result check(size_t keys, struct note_verdict *verdict)
{
    return note_check(fixture.scheme, buffer_bytes(&note), &fixture.checkpoint.origin,
                      note_fixture_keyring(&fixture, keys), verdict);
}

static enum note_result filter(size_t keys, struct note_verdict *verdict, struct buffer *out)
{
    return note_filter(fixture.scheme, buffer_bytes(&note), &fixture.checkpoint.origin,
                       note_fixture_keyring(&fixture, keys), verdict, out);
}

static void begin_note(void)
{
    note = buffer_make(memory, sizeof(memory));
    checkpoint_text(&fixture.checkpoint, &note);
    buffer_put_u8(&note, '\n');
}

static void put(const char *text)
{
    buffer_put(&note, bytes_of_text(text));
}

/* --- Good notes ------------------------------------------------------------------------------- */

static void everyone_who_signed_is_counted_once(void **state)
{
    struct note_verdict verdict;

    (void)state;
    note_fixture_note(&fixture, FIXTURE_REPLICAS, &note);
    assert_int_equal(check(FIXTURE_REPLICAS, &verdict), NOTE_OK);
    assert_int_equal(verdict.signed_by, 0x7F);
    assert_int_equal(verdict.cosigned_by, 0x7F);
    assert_int_equal(note_count(verdict.signed_by), 7);
    assert_int_equal(note_count(verdict.cosigned_by), 7);
    assert_int_equal(verdict.bad_sign | verdict.bad_cosign, 0);
    assert_int_equal(verdict.lines, 14);
    assert_int_equal(verdict.unknown, 0);
    assert_true(verdict.checkpoint.height == 42);
    assert_true(verdict.checkpoint.tree_size == 13);
}

static void the_two_kinds_are_counted_apart(void **state)
{
    struct note_verdict verdict;

    (void)state;
    begin_note();
    note_fixture_line(&fixture, 1, NOTE_SIGN, &note);
    note_fixture_line(&fixture, 2, NOTE_COSIGN, &note);
    note_fixture_line(&fixture, 3, NOTE_COSIGN, &note);
    assert_int_equal(check(4, &verdict), NOTE_OK);
    assert_int_equal(verdict.signed_by, 0x2);
    assert_int_equal(verdict.cosigned_by, 0xC);
}

static void a_doubled_line_counts_once(void **state)
{
    struct note_verdict verdict;

    (void)state;
    begin_note();
    for (size_t i = 0; i < 5; i++) {
        note_fixture_line(&fixture, 1, NOTE_SIGN, &note);
        note_fixture_line(&fixture, 1, NOTE_COSIGN, &note);
    }
    assert_int_equal(check(4, &verdict), NOTE_OK);
    assert_int_equal(note_count(verdict.signed_by), 1);
    assert_int_equal(note_count(verdict.cosigned_by), 1);
    assert_int_equal(verdict.lines, 10);
}

static void lines_of_unknown_keys_are_neither_good_nor_bad(void **state)
{
    struct note_verdict verdict;

    (void)state;
    note_fixture_note(&fixture, FIXTURE_REPLICAS, &note);
    put("\xE2\x80\x94 witness.example AAAAAAE=\n");
    assert_int_equal(check(4, &verdict), NOTE_OK);
    assert_int_equal(verdict.signed_by, 0xF);
    assert_int_equal(verdict.cosigned_by, 0xF);
    assert_int_equal(verdict.unknown, 7);
    assert_int_equal(verdict.bad_sign | verdict.bad_cosign, 0);
}

/* A signature of another kind of key may be much longer than ours; it is no reason to refuse. */
static void a_long_signature_of_another_kind_is_passed_over(void **state)
{
    static const uint8_t long_sig[4 + 2428] = {1};
    struct note_verdict verdict;

    (void)state;
    note_fixture_note(&fixture, 4, &note);
    put("\xE2\x80\x94 witness.example ");
    base64_put(&note, BYTES_OF_ARRAY(long_sig));
    put("\n");
    assert_int_equal(check(4, &verdict), NOTE_OK);
    assert_int_equal(verdict.unknown, 1);
    assert_int_equal(note_count(verdict.signed_by), 4);
}

/* --- Lies ------------------------------------------------------------------------------------- */

static void a_flipped_bit_anywhere_loses_a_signature_or_the_note(void **state)
{
    (void)state;
    note_fixture_note(&fixture, 4, &note);
    for (size_t bit = 0; bit < 8 * note.len; bit++) {
        struct note_verdict verdict = {0};
        const uint8_t mask = (uint8_t)(1u << bit % 8);

        note.data[bit / 8] ^= mask;
        if (check(4, &verdict) == NOTE_OK &&
            note_count(verdict.signed_by) + note_count(verdict.cosigned_by) > 7) {
            fail_msg("bit %zu", bit);
        }
        note.data[bit / 8] ^= mask;
    }
}

static void a_text_that_was_changed_has_no_signers(void **state)
{
    struct checkpoint other = fixture.checkpoint;
    uint8_t text_memory[CHECKPOINT_TEXT_MAX];
    struct buffer text = buffer_make(text_memory, sizeof(text_memory));
    struct note_verdict verdict;

    (void)state;
    note_fixture_note(&fixture, 4, &note);
    other.epoch = 3;
    checkpoint_text(&other, &text);
    memcpy(note.data, text.data, text.len);
    assert_int_equal(check(4, &verdict), NOTE_OK);
    assert_int_equal(verdict.signed_by, 0);
    assert_int_equal(verdict.cosigned_by, 0);
    assert_int_equal(verdict.bad_sign, 0xF);
    assert_int_equal(verdict.bad_cosign, 0xF);
}

/* One replica signs for another: under the other's name and key id, or under its own. */
static void a_line_by_another_key_is_bad(void **state)
{
    uint8_t sig[SIG_BYTES];
    struct note_verdict verdict;

    (void)state;
    begin_note();
    checkpoint_sign(fixture.scheme, &fixture.checkpoint, NOTE_SIGN, fixture.sign_seeds[1],
                    fixture.keys[1].sign_key, sig);
    note_line_put(&note, &fixture.checkpoint, NOTE_SIGN, 0, fixture.keys[0].sign_key, sig);
    assert_int_equal(check(4, &verdict), NOTE_OK);
    assert_int_equal(verdict.signed_by, 0);
    assert_int_equal(verdict.bad_sign, 1);
}

/* A cosign key's line under another replica's name has another key id: it is nobody's. */
static void a_cosign_line_under_another_name_is_unknown(void **state)
{
    uint8_t sig[SIG_BYTES];
    struct note_verdict verdict;

    (void)state;
    begin_note();
    checkpoint_sign(fixture.scheme, &fixture.checkpoint, NOTE_COSIGN, fixture.cosign_seeds[1],
                    fixture.keys[1].cosign_key, sig);
    note_line_put(&note, &fixture.checkpoint, NOTE_COSIGN, 0, fixture.keys[1].cosign_key, sig);
    assert_int_equal(check(4, &verdict), NOTE_OK);
    assert_int_equal(verdict.cosigned_by, 0);
    assert_int_equal(verdict.unknown, 1);
}

static void a_cosignature_with_another_time_is_bad(void **state)
{
    struct checkpoint later = fixture.checkpoint;
    uint8_t text_memory[CHECKPOINT_TEXT_MAX];
    uint8_t message_memory[COSIGNED_TEXT_MAX];
    struct buffer text = buffer_make(text_memory, sizeof(text_memory));
    struct buffer message = buffer_make(message_memory, sizeof(message_memory));
    uint8_t sig[SIG_BYTES];
    struct note_verdict verdict;

    (void)state;
    begin_note();
    later.time_ms += 1000;
    checkpoint_text(&fixture.checkpoint, &text);
    checkpoint_cosigned_text(buffer_bytes(&text), later.time_ms, &message);
    fixture.scheme->sign(fixture.cosign_seeds[2], fixture.keys[2].cosign_key,
                         buffer_bytes(&message), sig);
    note_line_put(&note, &later, NOTE_COSIGN, 2, fixture.keys[2].cosign_key, sig);
    assert_int_equal(check(4, &verdict), NOTE_OK);
    assert_int_equal(verdict.cosigned_by, 0);
    assert_int_equal(verdict.bad_cosign, 1u << 2);
}

static void a_signature_of_another_length_is_bad(void **state)
{
    struct note_verdict verdict;
    uint8_t short_sig[NOTE_KEY_ID_BYTES + 63] = {0};

    (void)state;
    begin_note();
    note_key_id(origin_bytes(&fixture.checkpoint.origin), NOTE_SIGN, fixture.keys[0].sign_key,
                short_sig);
    put("\xE2\x80\x94 ");
    buffer_put(&note, origin_bytes(&fixture.checkpoint.origin));
    put(" ");
    base64_put(&note, BYTES_OF_ARRAY(short_sig));
    put("\n");
    assert_int_equal(check(4, &verdict), NOTE_OK);
    assert_int_equal(verdict.bad_sign, 1);
    assert_int_equal(verdict.signed_by, 0);
}

/* A signature that ends in a zero byte, with that byte left off, is no second way to write it. */
static void a_cosignature_cut_short_is_bad(void **state)
{
    const struct note_key *key = &fixture.keys[0];
    uint8_t line[NOTE_KEY_ID_BYTES + NOTE_TIME_BYTES + SIG_BYTES];
    struct buffer content = buffer_make(line, sizeof(line));
    uint8_t name_memory[NOTE_KEY_NAME_MAX];
    struct buffer name = buffer_make(name_memory, sizeof(name_memory));
    uint8_t sig[SIG_BYTES];

    (void)state;
    do {
        fixture.checkpoint.height++;
        checkpoint_sign(fixture.scheme, &fixture.checkpoint, NOTE_COSIGN, fixture.cosign_seeds[0],
                        key->cosign_key, sig);
    } while (sig[SIG_BYTES - 1] != 0);
    note_key_name_put(&name, origin_bytes(&fixture.checkpoint.origin), NOTE_COSIGN, key->rid);
    note_key_id(buffer_bytes(&name), NOTE_COSIGN, key->cosign_key, line);
    content.len = NOTE_KEY_ID_BYTES;
    buffer_put_u64be(&content, fixture.checkpoint.time_ms / 1000);
    buffer_put(&content, BYTES_OF_ARRAY(sig));
    for (size_t cut = 0; cut <= 1; cut++) {
        struct note_verdict verdict;

        begin_note();
        put("\xE2\x80\x94 ");
        buffer_put(&note, buffer_bytes(&name));
        put(" ");
        base64_put(&note, bytes_make(line, content.len - cut));
        put("\n");
        assert_int_equal(check(4, &verdict), NOTE_OK);
        assert_int_equal(verdict.cosigned_by, cut == 0);
        assert_int_equal(verdict.bad_cosign, cut == 1);
    }
}

static void a_checkpoint_of_another_log_is_refused(void **state)
{
    struct origin origin;
    const uint8_t id[HASH_BYTES] = {0x60};
    struct note_verdict verdict = {.lines = 99};

    (void)state;
    note_fixture_note(&fixture, 4, &note);
    assert_true(origin_make(bytes_of_text("acme.example/ledger"), id, &origin));
    assert_int_equal(note_check(fixture.scheme, buffer_bytes(&note), &origin,
                                note_fixture_keyring(&fixture, 4), &verdict),
                     NOTE_OTHER_ORIGIN);
    assert_int_equal(verdict.lines, 99);
}

/* --- Shapes ----------------------------------------------------------------------------------- */

static void what_is_not_a_note_is_refused(void **state)
{
    static const char *const notes[] = {
        "",
        "\n",
        "\n\n",
        "\n\n\n",
        "text\n",
        "text\n\n",
        "\n\n\xE2\x80\x94 a AAAAAAE=\n",
        "text\n\n\xE2\x80\x94 a AAAAAAE=",
        "text\n\xE2\x80\x94 a AAAAAAE=\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        struct bytes text;
        struct bytes lines;

        if (note_split(bytes_of_text(notes[i]), &text, &lines) != NOTE_NOT_A_NOTE) {
            fail_msg("note %zu", i);
        }
    }
}

static void a_malformed_line_refuses_the_whole_note(void **state)
{
    static const char *const lines[] = {
        "- a AAAAAAE=\n", /* another dash */
        "\xE2\x80\x94"
        "a AAAAAAE=\n",                /* no space after it */
        "\xE2\x80\x94 aAAAAAAE=\n",    /* no space in it */
        "\xE2\x80\x94  AAAAAAE=\n",    /* no name */
        "\xE2\x80\x94 a+b AAAAAAE=\n", /* a plus in the name */
        "\xE2\x80\x94 a\tb AAAAAAE=\n",
        "\xE2\x80\x94 a\xC2\xA0"
        "b AAAAAAE=\n",              /* a space that is not U+0020 */
        "\xE2\x80\x94 a AAAAAA==\n", /* a key id and nothing more */
        "\xE2\x80\x94 a \n",
        "\xE2\x80\x94 a AAAAAAF=\n", /* stray bits */
        "\xE2\x80\x94 a AAAAAAE= \n",
        "\xE2\x80\x94 a AAAAAAE=\r\n",
        "\xE2\x80\x94 a  AAAAAAE=\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct note_verdict verdict = {.lines = 99};
        static uint8_t out_memory[NOTE_BYTES_MAX];
        struct buffer out = buffer_make(out_memory, sizeof(out_memory));

        note = buffer_make(memory, sizeof(memory));
        note_fixture_note(&fixture, 4, &note);
        put(lines[i]);
        if (check(4, &verdict) != NOTE_BAD_LINE) {
            fail_msg("line %zu", i);
        }
        assert_int_equal(verdict.lines, 99);
        assert_int_equal(filter(4, &verdict, &out), NOTE_BAD_LINE);
        assert_int_equal(out.len, 0);
        assert_false(out.full);
    }
}

static void a_line_without_an_end_is_no_line(void **state)
{
    const struct bytes whole = bytes_of_text("\xE2\x80\x94 a AAAAAAE=\n");
    struct note_line line = {.sig_len = 77};

    (void)state;
    for (size_t len = 0; len < whole.len; len++) {
        struct bytes lines = bytes_slice(whole, 0, len);

        assert_int_equal(note_line_next(&lines, &line), NOTE_BAD_LINE);
        assert_int_equal(lines.len, len);
        assert_int_equal(line.sig_len, 77);
    }
    struct bytes lines = whole;

    assert_int_equal(note_line_next(&lines, &line), NOTE_OK);
    assert_int_equal(lines.len, 0);
    assert_int_equal(line.sig_len, 1);
}

static void a_note_is_bounded_in_bytes_and_in_lines(void **state)
{
    struct note_verdict verdict;

    (void)state;
    note_fixture_note(&fixture, 4, &note);
    for (size_t lines = 8; lines < NOTE_LINES_MAX; lines++) {
        put("\xE2\x80\x94 a AAAAAAE=\n");
    }
    assert_int_equal(check(4, &verdict), NOTE_OK);
    assert_int_equal(verdict.lines, NOTE_LINES_MAX);
    put("\xE2\x80\x94 a AAAAAAE=\n");
    assert_int_equal(check(4, &verdict), NOTE_TOO_LONG);

    note.len = NOTE_BYTES_MAX + 1;
    assert_int_equal(check(4, &verdict), NOTE_TOO_LONG);
}

/* --- Filtering -------------------------------------------------------------------------------- */

static void a_filtered_note_keeps_the_good_lines_in_their_order(void **state)
{
    static uint8_t out_memory[NOTE_BYTES_MAX];
    static uint8_t expected_memory[NOTE_BYTES_MAX];
    struct buffer out = buffer_make(out_memory, sizeof(out_memory));
    struct buffer expected = buffer_make(expected_memory, sizeof(expected_memory));
    struct note_verdict verdict;
    uint8_t zero[SIG_BYTES] = {0};

    (void)state;
    begin_note();
    note_line_put(&note, &fixture.checkpoint, NOTE_SIGN, 0, fixture.keys[0].sign_key, zero);
    note_fixture_line(&fixture, 1, NOTE_SIGN, &note);
    put("\xE2\x80\x94 witness.example AAAAAAE=\n");
    note_fixture_line(&fixture, 1, NOTE_SIGN, &note);
    note_fixture_line(&fixture, 5, NOTE_SIGN, &note);
    note_line_put(&note, &fixture.checkpoint, NOTE_COSIGN, 3, fixture.keys[3].cosign_key, zero);
    note_fixture_line(&fixture, 3, NOTE_COSIGN, &note);

    checkpoint_text(&fixture.checkpoint, &expected);
    buffer_put_u8(&expected, '\n');
    note_fixture_line(&fixture, 1, NOTE_SIGN, &expected);
    note_fixture_line(&fixture, 3, NOTE_COSIGN, &expected);

    assert_int_equal(filter(4, &verdict, &out), NOTE_OK);
    assert_false(out.full);
    assert_true(bytes_equal(buffer_bytes(&out), buffer_bytes(&expected)));
    assert_int_equal(verdict.signed_by, 1u << 1);
    assert_int_equal(verdict.cosigned_by, 1u << 3);
    assert_int_equal(verdict.bad_sign, 1u << 0);
    assert_int_equal(verdict.bad_cosign, 1u << 3);
    assert_int_equal(verdict.unknown, 2);
}

static void a_note_without_a_good_line_filters_to_nothing(void **state)
{
    uint8_t out_memory[64];
    struct buffer out = buffer_make(out_memory, sizeof(out_memory));
    struct note_verdict verdict;

    (void)state;
    begin_note();
    note_fixture_line(&fixture, 6, NOTE_SIGN, &note);
    assert_int_equal(filter(4, &verdict, &out), NOTE_OK);
    assert_int_equal(out.len, 0);
    assert_false(out.full);
}

/* As many replicas as there can be, with the longest names and two good lines each. */
static void the_largest_note_fits_its_bound(void **state)
{
    const uint8_t sig[SIG_BYTES] = {0};
    const uint8_t id[HASH_BYTES] = {0};
    char name[ID_BYTES_MAX];

    (void)state;
    memset(name, 'z', sizeof(name));
    assert_true(origin_make(bytes_make(name, sizeof(name)), id, &fixture.checkpoint.origin));
    fixture.checkpoint.tree_size = UINT64_MAX;
    fixture.checkpoint.height = UINT64_MAX;
    fixture.checkpoint.epoch = UINT64_MAX;
    fixture.checkpoint.time_ms = UINT64_MAX;
    begin_note();
    for (uint32_t i = 0; i < REPLICAS_MAX; i++) {
        note_line_put(&note, &fixture.checkpoint, NOTE_SIGN, REPLICA_ID_MAX - i, id, sig);
        note_line_put(&note, &fixture.checkpoint, NOTE_COSIGN, REPLICA_ID_MAX - i, id, sig);
    }
    assert_false(note.full);
    assert_in_range(note.len, 1, NOTE_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(everyone_who_signed_is_counted_once, set_up),
        cmocka_unit_test_setup(the_two_kinds_are_counted_apart, set_up),
        cmocka_unit_test_setup(a_doubled_line_counts_once, set_up),
        cmocka_unit_test_setup(lines_of_unknown_keys_are_neither_good_nor_bad, set_up),
        cmocka_unit_test_setup(a_long_signature_of_another_kind_is_passed_over, set_up),
        cmocka_unit_test_setup(a_flipped_bit_anywhere_loses_a_signature_or_the_note, set_up),
        cmocka_unit_test_setup(a_text_that_was_changed_has_no_signers, set_up),
        cmocka_unit_test_setup(a_line_by_another_key_is_bad, set_up),
        cmocka_unit_test_setup(a_cosign_line_under_another_name_is_unknown, set_up),
        cmocka_unit_test_setup(a_cosignature_with_another_time_is_bad, set_up),
        cmocka_unit_test_setup(a_signature_of_another_length_is_bad, set_up),
        cmocka_unit_test_setup(a_cosignature_cut_short_is_bad, set_up),
        cmocka_unit_test_setup(a_checkpoint_of_another_log_is_refused, set_up),
        cmocka_unit_test_setup(what_is_not_a_note_is_refused, set_up),
        cmocka_unit_test_setup(a_malformed_line_refuses_the_whole_note, set_up),
        cmocka_unit_test(a_line_without_an_end_is_no_line),
        cmocka_unit_test_setup(a_note_is_bounded_in_bytes_and_in_lines, set_up),
        cmocka_unit_test_setup(a_filtered_note_keeps_the_good_lines_in_their_order, set_up),
        cmocka_unit_test_setup(a_note_without_a_good_line_filters_to_nothing, set_up),
        cmocka_unit_test_setup(the_largest_note_fits_its_bound, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
