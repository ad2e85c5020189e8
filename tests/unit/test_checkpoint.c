#include "crypto/hash.h"
#include "crypto/note.h"
#include "crypto/words.h"
#include "tests/support/note_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ORIGIN "acme.example/ledger/5f3a91c0000000000000000000000000"
#define ROOT "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define HEADER "AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tk="

static const char fixture_text[] =
    ORIGIN "\n13\n" ROOT "\nvestry/1 42 2 1790000000999 " HEADER "\n";
static struct note_fixture fixture;

static int set_up(void **state)
{
    (void)state;
    note_fixture_init(&fixture, &sig_ed25519);
    return 0;
}

static void the_text_is_the_one_of_the_format(void **state)
{
    uint8_t memory[CHECKPOINT_TEXT_MAX];
    struct buffer text = buffer_make(memory, sizeof(memory));

    (void)state;
    checkpoint_text(&fixture.checkpoint, &text);
    assert_true(bytes_equal(buffer_bytes(&text), bytes_of_text(fixture_text)));
}

static void assert_comes_back(const struct checkpoint *checkpoint)
{
    uint8_t memory[CHECKPOINT_TEXT_MAX];
    struct buffer text = buffer_make(memory, sizeof(memory));
    struct checkpoint back = {0};

    checkpoint_text(checkpoint, &text);
    assert_false(text.full);
    assert_int_equal(checkpoint_parse(buffer_bytes(&text), &back), NOTE_OK);
    assert_true(bytes_equal(origin_bytes(&back.origin), origin_bytes(&checkpoint->origin)));
    assert_true(back.tree_size == checkpoint->tree_size);
    assert_memory_equal(back.tree_root, checkpoint->tree_root, HASH_BYTES);
    assert_true(back.height == checkpoint->height);
    assert_true(back.epoch == checkpoint->epoch);
    assert_true(back.time_ms == checkpoint->time_ms);
    assert_memory_equal(back.header_hash, checkpoint->header_hash, HASH_BYTES);
}

static void a_checkpoint_comes_back_from_its_text(void **state)
{
    const uint8_t id[HASH_BYTES] = {0xFF, 0x01};
    char name[ID_BYTES_MAX];
    struct checkpoint checkpoint = fixture.checkpoint;

    (void)state;
    assert_comes_back(&checkpoint);
    checkpoint.tree_size = 0;
    checkpoint.height = 0;
    checkpoint.epoch = 0;
    checkpoint.time_ms = 0;
    assert_comes_back(&checkpoint);
    memset(name, 'a', sizeof(name));
    assert_true(origin_make(bytes_make(name, sizeof(name)), id, &checkpoint.origin));
    checkpoint.tree_size = LOG_ENTRIES_MAX;
    checkpoint.height = UINT64_MAX;
    checkpoint.epoch = UINT64_MAX;
    checkpoint.time_ms = UINT64_MAX;
    assert_comes_back(&checkpoint);
}

static void assert_refused(const char *text)
{
    struct checkpoint out = {.height = 7};

    if (checkpoint_parse(bytes_of_text(text), &out) != NOTE_BAD_TEXT) {
        fail_msg("was read: %s", text);
    }
    assert_true(out.height == 7);
}

static void only_the_one_text_of_a_checkpoint_is_read(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        /* the origin */
        "\n13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        "/5f3a91c0000000000000000000000000\n13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        "acme/5F3A91C0000000000000000000000000\n13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        "acme/5f3a91c000000000000000000000000\n13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        "acme-5f3a91c0000000000000000000000000\n13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        "a+b/5f3a91c0000000000000000000000000\n13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        "Acme/5f3a91c0000000000000000000000000\n13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        /* the size */
        ORIGIN "\n013\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        ORIGIN "\n+13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        ORIGIN "\n-1\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        ORIGIN "\n 13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        ORIGIN "\n13 \n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        ORIGIN "\n\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        ORIGIN "\n0x13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        ORIGIN "\n281474976710657\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        ORIGIN "\n18446744073709551616\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        ORIGIN "\n99999999999999999999\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n",
        /* the root */
        ORIGIN "\n13\n\nvestry/1 42 2 5 " HEADER "\n",
        ORIGIN "\n13\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB=\nvestry/1 42 2 5 " HEADER "\n",
        ORIGIN "\n13\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA\nvestry/1 42 2 5 " HEADER "\n",
        ORIGIN "\n13\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e\nvestry/1 42 2 5 " HEADER "\n",
        /* the extension line */
        ORIGIN "\n13\n" ROOT "\n",
        ORIGIN "\n13\n" ROOT "\n\n",
        ORIGIN "\n13\n" ROOT "\nvestry/2 42 2 5 " HEADER "\n",
        ORIGIN "\n13\n" ROOT "\nvestry/1  42 2 5 " HEADER "\n",
        ORIGIN "\n13\n" ROOT "\nvestry/1 42 2 05 " HEADER "\n",
        ORIGIN "\n13\n" ROOT "\nvestry/1 42 02 5 " HEADER "\n",
        ORIGIN "\n13\n" ROOT "\nvestry/1 042 2 5 " HEADER "\n",
        ORIGIN "\n13\n" ROOT "\nvestry/1 42 2 " HEADER "\n",
        ORIGIN "\n13\n" ROOT "\nvestry/1 42 2 5 6 " HEADER "\n",
        ORIGIN "\n13\n" ROOT "\nvestry/1 42 2 5 " HEADER " \n",
        ORIGIN "\n13\n" ROOT "\nvestry/1 42 2 5 " HEADER,
        ORIGIN "\n13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\nmore\n",
        ORIGIN "\n13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\r\n",
        ORIGIN "\n13\n" ROOT "\nmore\nvestry/1 42 2 5 " HEADER "\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_refused(texts[i]);
    }
    struct checkpoint out;

    assert_int_equal(
        checkpoint_parse(bytes_of_text(ORIGIN "\n13\n" ROOT "\nvestry/1 42 2 5 " HEADER "\n"),
                         &out),
        NOTE_OK);
}

/* No text but the right one has the same meaning: each other byte gives another checkpoint, which
 * is written as that text again, or none. */
static void no_other_byte_anywhere_reads_as_the_same(void **state)
{
    const size_t len = strlen(fixture_text);
    uint8_t text[CHECKPOINT_TEXT_MAX];
    uint8_t memory[CHECKPOINT_TEXT_MAX];

    (void)state;
    memcpy(text, fixture_text, len);
    for (size_t at = 0; at < len; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct buffer again = buffer_make(memory, sizeof(memory));
            struct checkpoint out;

            text[at] = (uint8_t)byte;
            if (checkpoint_parse(bytes_make(text, len), &out) == NOTE_OK) {
                checkpoint_text(&out, &again);
                assert_true(bytes_equal(buffer_bytes(&again), bytes_make(text, len)));
            }
            text[at] = (uint8_t)fixture_text[at];
        }
        struct checkpoint out;

        assert_int_equal(checkpoint_parse(bytes_make(text, at), &out), NOTE_BAD_TEXT);
    }
}

static void an_origin_needs_an_identifier(void **state)
{
    const uint8_t id[HASH_BYTES] = {0};
    struct origin origin;

    (void)state;
    assert_true(origin_make(bytes_of_text("a"), id, &origin));
    assert_int_equal(origin.len, 2 + ORIGIN_HEX_CHARS);
    assert_false(origin_make(BYTES_EMPTY, id, &origin));
    assert_false(origin_make(bytes_of_text("a b"), id, &origin));
    assert_false(origin_make(bytes_of_text("a+b"), id, &origin));
    assert_false(origin_make(bytes_of_text("a\nb"), id, &origin));
}

static void the_cosigned_text_has_two_lines_before_it(void **state)
{
    uint8_t memory[COSIGNED_TEXT_MAX];
    struct buffer text = buffer_make(memory, sizeof(memory));

    (void)state;
    checkpoint_cosigned_text(bytes_of_text("text\n"), 1790000000999, &text);
    assert_true(
        bytes_equal(buffer_bytes(&text), bytes_of_text("cosignature/v1\ntime 1790000000\ntext\n")));
}

static void a_cosignature_is_no_signature_and_the_reverse(void **state)
{
    const uint8_t *seed = fixture.sign_seeds[0];
    const uint8_t *key = fixture.keys[0].sign_key;
    uint8_t sig[SIG_BYTES];

    (void)state;
    checkpoint_sign(&sig_ed25519, &fixture.checkpoint, NOTE_SIGN, seed, key, sig);
    assert_true(checkpoint_verify(&sig_ed25519, &fixture.checkpoint, NOTE_SIGN, key, sig));
    assert_false(checkpoint_verify(&sig_ed25519, &fixture.checkpoint, NOTE_COSIGN, key, sig));
    checkpoint_sign(&sig_ed25519, &fixture.checkpoint, NOTE_COSIGN, seed, key, sig);
    assert_false(checkpoint_verify(&sig_ed25519, &fixture.checkpoint, NOTE_SIGN, key, sig));
    assert_true(checkpoint_verify(&sig_ed25519, &fixture.checkpoint, NOTE_COSIGN, key, sig));
}

static void every_field_is_signed(void **state)
{
    const uint8_t *seed = fixture.cosign_seeds[1];
    const uint8_t *key = fixture.keys[1].cosign_key;

    (void)state;
    for (size_t field = 0; field < 7; field++) {
        struct checkpoint other = fixture.checkpoint;
        uint8_t sig[SIG_BYTES];

        other.origin.text[0] = field == 0 ? 'b' : other.origin.text[0];
        other.tree_size += field == 1;
        other.tree_root[31] ^= (uint8_t)(field == 2);
        other.height += field == 3;
        other.epoch += field == 4;
        other.time_ms += field == 5; /* within the same second or not: both texts hold it */
        other.header_hash[31] ^= (uint8_t)(field == 6);
        checkpoint_sign(&sig_ed25519, &fixture.checkpoint, NOTE_COSIGN, seed, key, sig);
        assert_false(checkpoint_verify(&sig_ed25519, &other, NOTE_COSIGN, key, sig));
        checkpoint_sign(&sig_ed25519, &fixture.checkpoint, NOTE_SIGN, seed, key, sig);
        assert_false(checkpoint_verify(&sig_ed25519, &other, NOTE_SIGN, key, sig));
    }
}

/* The key of the first TEST of RFC 8032, 7.1; the ids were computed with another program. */
static void keys_have_the_ids_and_texts_of_the_note_format(void **state)
{
    uint8_t key[PUBLIC_KEY_BYTES];
    uint8_t memory[VKEY_TEXT_MAX];
    struct buffer text = buffer_make(memory, sizeof(memory));

    (void)state;
    assert_true(
        hex_parse(bytes_of_text("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
                  key, sizeof(key)));
    note_vkey_put(&text, bytes_of_text(ORIGIN), NOTE_SIGN, 7, key);
    assert_true(bytes_equal(
        buffer_bytes(&text),
        bytes_of_text(ORIGIN "+bef66586+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea")));
    text = buffer_make(memory, sizeof(memory));
    note_vkey_put(&text, bytes_of_text(ORIGIN), NOTE_COSIGN, 17, key);
    assert_true(bytes_equal(
        buffer_bytes(&text),
        bytes_of_text(ORIGIN "/r17+407d1e97+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_the_one_of_the_format),
        cmocka_unit_test(a_checkpoint_comes_back_from_its_text),
        cmocka_unit_test(only_the_one_text_of_a_checkpoint_is_read),
        cmocka_unit_test(no_other_byte_anywhere_reads_as_the_same),
        cmocka_unit_test(an_origin_needs_an_identifier),
        cmocka_unit_test(the_cosigned_text_has_two_lines_before_it),
        cmocka_unit_test(a_cosignature_is_no_signature_and_the_reverse),
        cmocka_unit_test(every_field_is_signed),
        cmocka_unit_test(keys_have_the_ids_and_texts_of_the_note_format),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
