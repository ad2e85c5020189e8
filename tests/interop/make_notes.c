/* make_notes DIR: writes a checkpoint of seven replicas over a tree of 13 leaves, with the keys and
 * the inclusion path of one leaf, for programs of others to check:
 *
 *     checkpoint  all 14 lines        vkeys   the 7 sign keys      leaf   hash of leaf 6, in hex
 *     policy      quorum 5 of 7       cosign  the 7 cosign keys    path   its path, in base64
 */
#include "crypto/base64.h"
#include "crypto/merkle.h"
#include "crypto/policy.h"
#include "crypto/words.h"
#include "tests/support/note_fixture.h"

#include <stdio.h>
#include <string.h>

#define LEAVES 13
#define LEAF_SHOWN 6

static uint8_t memory[NOTE_BYTES_MAX];

static bool write_file(const char *folder, const char *name, const struct buffer *content)
{
    char path[4096];
    const int len = snprintf(path, sizeof(path), "%s/%s", folder, name);

    if (content->full || len < 0 || (size_t)len >= sizeof(path)) {
        return false;
    }
    FILE *file = fopen(path, "wb");

    if (file == NULL) {
        perror(path);
        return false;
    }
    const bool written = fwrite(content->data, 1, content->len, file) == content->len;

    return fclose(file) == 0 && written;
}

/* The tree's root goes into the checkpoint, the shown leaf and its path into files. */
static bool write_tree(const char *folder, struct checkpoint *checkpoint)
{
    static uint8_t nodes[MERKLE_SPAN_NODES(LEAVES)][HASH_BYTES];
    const struct merkle_frontier empty = {0};
    struct buffer out = buffer_make(memory, sizeof(memory));
    struct merkle_span span;
    struct merkle_proof proof;

    for (size_t i = 0; i < LEAVES; i++) {
        const uint8_t leaf[] = {'l', 'e', 'a', 'f', (uint8_t)i};

        merkle_leaf_hash(BYTES_OF_ARRAY(leaf), nodes[i]);
    }
    hex_put(&out, BYTES_OF_ARRAY(nodes[LEAF_SHOWN]));
    if (!merkle_span_tail(&span, &empty, bytes_make(nodes, (size_t)LEAVES * HASH_BYTES), nodes) ||
        !merkle_span_inclusion(&span, LEAF_SHOWN, &proof) || !write_file(folder, "leaf", &out)) {
        return false;
    }
    checkpoint->tree_size = LEAVES;
    merkle_span_root(&span, checkpoint->tree_root);
    out = buffer_make(memory, sizeof(memory));
    for (size_t i = 0; i < proof.count; i++) {
        base64_put(&out, BYTES_OF_ARRAY(proof.hashes[i]));
        buffer_put_u8(&out, '\n');
    }
    return write_file(folder, "path", &out);
}

static bool write_keys(const char *folder, const char *name, const struct note_fixture *fixture,
                       enum note_key_type type)
{
    struct buffer out = buffer_make(memory, sizeof(memory));

    for (size_t i = 0; i < FIXTURE_REPLICAS; i++) {
        const struct note_key *key = &fixture->keys[i];

        note_vkey_put(&out, origin_bytes(&fixture->checkpoint.origin), type, key->rid,
                      type == NOTE_SIGN ? key->sign_key : key->cosign_key);
        buffer_put_u8(&out, '\n');
    }
    return write_file(folder, name, &out);
}

int main(int argc, char **argv)
{
    static struct note_fixture fixture;
    struct buffer out = buffer_make(memory, sizeof(memory));

    if (argc != 2) {
        fprintf(stderr, "usage: make_notes DIR\n");
        return 2;
    }
    note_fixture_init(&fixture, &sig_ed25519);
    if (!write_tree(argv[1], &fixture.checkpoint)) {
        return 1;
    }
    note_fixture_note(&fixture, FIXTURE_REPLICAS, &out);
    if (!write_file(argv[1], "checkpoint", &out)) {
        return 1;
    }
    out = buffer_make(memory, sizeof(memory));
    policy_put(&out, origin_bytes(&fixture.checkpoint.origin),
               note_fixture_keyring(&fixture, FIXTURE_REPLICAS), 5);
    if (!write_file(argv[1], "policy", &out) ||
        !write_keys(argv[1], "vkeys", &fixture, NOTE_SIGN) ||
        !write_keys(argv[1], "cosign", &fixture, NOTE_COSIGN)) {
        return 1;
    }
    return 0;
}
