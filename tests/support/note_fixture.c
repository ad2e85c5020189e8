#include "tests/support/note_fixture.h"

#include <string.h>

void note_fixture_init(struct note_fixture *fixture, const struct sig_scheme *scheme)
{
    static const uint32_t rids[FIXTURE_REPLICAS] = {0, 1, 2, 3, 11, 12, 13};
    const uint8_t cluster_id[HASH_BYTES] = {0x5F, 0x3A, 0x91, 0xC0};

    memset(fixture, 0, sizeof(*fixture));
    fixture->scheme = scheme;
    for (size_t i = 0; i < FIXTURE_REPLICAS; i++) {
        struct note_key *key = &fixture->keys[i];

        fixture->sign_seeds[i][0] = (uint8_t)(i + 1);
        fixture->cosign_seeds[i][0] = (uint8_t)(i + 101);
        key->rid = rids[i];
        scheme->public_key(fixture->sign_seeds[i], key->sign_key);
        scheme->public_key(fixture->cosign_seeds[i], key->cosign_key);
    }
    struct checkpoint *checkpoint = &fixture->checkpoint;

    CHECK(origin_make(bytes_of_text("acme.example/ledger"), cluster_id, &checkpoint->origin));
    checkpoint->tree_size = 13;
    checkpoint->height = 42;
    checkpoint->epoch = 2;
    checkpoint->time_ms = UINT64_C(1790000000999);
    for (size_t i = 0; i < HASH_BYTES; i++) {
        checkpoint->tree_root[i] = (uint8_t)(i + 1);
        checkpoint->header_hash[i] = (uint8_t)(i * 7);
    }
}

struct note_keyring note_fixture_keyring(const struct note_fixture *fixture, size_t count)
{
    CHECK(count <= FIXTURE_REPLICAS);
    return (struct note_keyring){fixture->keys, count};
}

void note_fixture_line(const struct note_fixture *fixture, size_t i, enum note_key_type type,
                       struct buffer *out)
{
    const struct note_key *key = &fixture->keys[i];
    const uint8_t *seed = type == NOTE_SIGN ? fixture->sign_seeds[i] : fixture->cosign_seeds[i];
    const uint8_t *public_key = type == NOTE_SIGN ? key->sign_key : key->cosign_key;
    uint8_t sig[SIG_BYTES];

    checkpoint_sign(fixture->scheme, &fixture->checkpoint, type, seed, public_key, sig);
    note_line_put(out, &fixture->checkpoint, type, key->rid, public_key, sig);
}

void note_fixture_note(const struct note_fixture *fixture, size_t count, struct buffer *out)
{
    checkpoint_text(&fixture->checkpoint, out);
    buffer_put_u8(out, '\n');
    for (size_t i = 0; i < count; i++) {
        note_fixture_line(fixture, i, NOTE_SIGN, out);
        note_fixture_line(fixture, i, NOTE_COSIGN, out);
    }
}
