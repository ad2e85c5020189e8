/* Seven replicas' keys and a checkpoint, for whatever makes notes. */
#ifndef VESTRY_TESTS_SUPPORT_NOTE_FIXTURE_H
#define VESTRY_TESTS_SUPPORT_NOTE_FIXTURE_H

#include "crypto/note.h"

#define FIXTURE_REPLICAS 7

struct note_fixture {
    const struct sig_scheme *scheme;
    uint8_t sign_seeds[FIXTURE_REPLICAS][SEED_BYTES];
    uint8_t cosign_seeds[FIXTURE_REPLICAS][SEED_BYTES];
    struct note_key keys[FIXTURE_REPLICAS];
    struct checkpoint checkpoint;
};

/* rids are 0, 1, 2, 3, 11, 12, 13. The checkpoint's height is 42, its tree has 13 leaves. */
void note_fixture_init(struct note_fixture *fixture, const struct sig_scheme *scheme);

struct note_keyring note_fixture_keyring(const struct note_fixture *fixture, size_t count);

/* Append one good line of keys[i]. */
void note_fixture_line(const struct note_fixture *fixture, size_t i, enum note_key_type type,
                       struct buffer *out);

/* Append the checkpoint with both lines of the first `count` keys. */
void note_fixture_note(const struct note_fixture *fixture, size_t count, struct buffer *out);

#endif
