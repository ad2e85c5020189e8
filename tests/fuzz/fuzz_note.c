/* Any bytes as a signed note. What is read comes back byte for byte; nobody is counted who is not
 * in the keyring; a filtered note is again a note, with the same signers and no bad line. */
#include "crypto/note.h"
#include "tests/support/note_fixture.h"
#include "tests/support/sign_fast.h"

#include <string.h>

#define KEYS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_text(struct bytes text)
{
    uint8_t memory[CHECKPOINT_TEXT_MAX];
    struct buffer again = buffer_make(memory, sizeof(memory));
    struct checkpoint checkpoint;

    if (checkpoint_parse(text, &checkpoint) == NOTE_OK) {
        checkpoint_text(&checkpoint, &again);
        CHECK(!again.full);
        CHECK(bytes_equal(buffer_bytes(&again), text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct note_fixture fixture;
    static uint8_t memory[NOTE_BYTES_MAX];
    struct buffer kept = buffer_make(memory, sizeof(memory));
    struct note_verdict verdict;
    struct note_verdict again;
    struct bytes text;
    struct bytes lines;

    note_fixture_init(&fixture, &sig_fast);
    const struct note_keyring keyring = note_fixture_keyring(&fixture, KEYS);
    const struct origin *origin = &fixture.checkpoint.origin;

    check_text(bytes_make(data, len));
    if (note_split(bytes_make(data, len), &text, &lines) == NOTE_OK) {
        check_text(text);
    }
    if (note_filter(&sig_fast, bytes_make(data, len), origin, keyring, &verdict, &kept) !=
        NOTE_OK) {
        CHECK(kept.len == 0);
        return 0;
    }
    CHECK(!kept.full);
    CHECK((verdict.signed_by | verdict.cosigned_by) >> KEYS == 0);
    CHECK((kept.len == 0) == ((verdict.signed_by | verdict.cosigned_by) == 0));
    if (kept.len != 0) {
        CHECK(note_check(&sig_fast, buffer_bytes(&kept), origin, keyring, &again) == NOTE_OK);
        CHECK(again.signed_by == verdict.signed_by);
        CHECK(again.cosigned_by == verdict.cosigned_by);
        CHECK((again.bad_sign | again.bad_cosign | again.unknown) == 0);
    }
    return 0;
}
