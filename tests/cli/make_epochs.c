/* make-epochs FOLDER: a log on paper that went through two epochs, in the first of which r2 got new
 * keys: charter.genesis, state.bundle, and a receipt signed in each epoch: receipt-0 to receipt-2.
 * In receipt-stale, of epoch 1, r2 signed with its old keys, beside r0 and r1. evidence-1 convicts
 * r2 of two votes in epoch 1. For tests of vestry-verify. */
#include "crypto/receipt.h"
#include "keys/words/file.h"
#include "tests/support/bundle_maker.h"
#include "tests/support/hand_off_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct gov_stage stage;
static struct hand_off_maker maker;
static struct bundle_maker bundle;

static void put_file(const char *folder, const char *name, struct bytes bytes)
{
    char path[FILE_PATH_MAX];
    struct problem problem;

    (void)snprintf(path, sizeof(path), "%.3000s/%s", folder, name);
    if (file_create(path, 0644, bytes, &problem) != STATUS_OK) {
        (void)fprintf(stderr, "error: %s\n", problem.what);
        exit(1);
    }
}

static void put_lines(const struct checkpoint *checkpoint, uint32_t rid, const char *name,
                      struct buffer *out)
{
    char seed_name[64];

    for (int i = 0; i < 2; i++) {
        const enum note_key_type type = i == 0 ? NOTE_SIGN : NOTE_COSIGN;
        uint8_t seed[SEED_BYTES];
        uint8_t key[PUBLIC_KEY_BYTES];
        uint8_t sig[SIG_BYTES];

        (void)snprintf(seed_name, sizeof(seed_name), "%s%s", name, i == 0 ? "" : " cosign");
        gov_seed(seed_name, seed);
        gov_public_key(&sig_ed25519, seed_name, key);
        checkpoint_sign(&sig_ed25519, checkpoint, type, seed, key, sig);
        note_line_put(out, checkpoint, type, rid, key, sig);
    }
}

/* The only entry of its tree, signed by r0, r1 and r2. */
static void put_receipt(const char *folder, const char *name, uint64_t epoch,
                        const char *const names[REPLICAS_MAX])
{
    static uint8_t memory[4][RECEIPT_BYTES_MAX];
    struct buffer leaf = buffer_make(memory[0], LEAF_BYTES_MAX);
    struct buffer extra = buffer_make(memory[1], RECEIPT_EXTRA_BYTES_MAX);
    struct buffer note = buffer_make(memory[2], NOTE_BYTES_MAX);
    struct buffer text = buffer_make(memory[3], RECEIPT_BYTES_MAX);
    const struct leaf entry = {
        .kind = LEAF_DATA, .stream = bytes_of_text("orders"), .time_ms = FIXTURE_DATE};
    struct checkpoint checkpoint = {
        .tree_size = 1, .height = 1000 * epoch, .epoch = epoch, .time_ms = FIXTURE_DATE};

    CHECK(leaf_encode(&entry, &leaf));
    merkle_leaf_hash(buffer_bytes(&leaf), checkpoint.tree_root);
    CHECK(origin_make(stage.world.charter.charter.name, stage.world.charter.cluster_id,
                      &checkpoint.origin));
    checkpoint_text(&checkpoint, &note);
    buffer_put_u8(&note, '\n');
    for (uint32_t rid = 0; rid < 3; rid++) {
        put_lines(&checkpoint, rid, names[rid], &note);
    }
    CHECK(receipt_extra_encode(&(struct receipt_extra){.leaf = buffer_bytes(&leaf)}, &extra));
    const struct receipt_parts parts = {.extra = buffer_bytes(&extra), .note = buffer_bytes(&note)};
    receipt_put(&text, &parts);
    CHECK(!text.full);
    put_file(folder, name, buffer_bytes(&text));
}

static struct bytes vote_for(uint8_t digest, uint8_t sig[SIG_BYTES], struct buffer *out)
{
    struct vote vote = {.epoch = 1, .view = 1, .sequence = 400};
    uint8_t seed[SEED_BYTES];
    uint8_t key[PUBLIC_KEY_BYTES];

    memset(vote.digest, digest, sizeof(vote.digest));
    CHECK(vote_encode(&vote, out));
    gov_seed("r2 new", seed);
    gov_public_key(&sig_ed25519, "r2 new", key);
    sign_body(&sig_ed25519, seed, key, TAG_PREPARE, stage.world.charter.cluster_id,
              buffer_bytes(out), sig);
    return buffer_bytes(out);
}

static void put_evidence(const char *folder)
{
    uint8_t memory[2][128];
    uint8_t whole[1024];
    uint8_t second_sig[SIG_BYTES];
    struct buffer first = buffer_make(memory[0], sizeof(memory[0]));
    struct buffer second = buffer_make(memory[1], sizeof(memory[1]));
    struct buffer out = buffer_make(whole, sizeof(whole));
    struct evidence evidence = {.kind = EVIDENCE_PREPARE, .rid = 2, .epoch = 1};

    evidence.first = vote_for(1, evidence.first_sig, &first);
    evidence.second = vote_for(2, second_sig, &second);
    evidence.second_sig = BYTES_OF_ARRAY(second_sig);
    CHECK(evidence_encode(&evidence, &out));
    put_file(folder, "evidence-1", buffer_bytes(&out));
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: make-epochs FOLDER\n");
        return 2;
    }
    gov_fixture_init(&stage.fixture, &sig_ed25519, 4);
    gov_world_open(&stage.world, &stage.fixture, 2000);
    stage.height = 10;
    stage.time_ms = FIXTURE_DATE + 1000;
    CHECK(origin_make(stage.world.charter.charter.name, stage.world.charter.cluster_id,
                      &stage.origin));
    bundle_maker_init(&bundle, &stage.fixture, &stage.world);
    hand_off_maker_init(&maker, &stage);
    maker_two_epochs(&maker, bundle.hand_offs);
    bundle.hand_off_count = 2;
    bundle.epoch = 2;
    bundle.header.epoch = 2;
    bundle.names[2] = "r2 new";
    put_file(argv[1], "charter.genesis", gov_fixture_file(&stage.fixture));
    put_file(argv[1], "state.bundle", bundle_make(&bundle));
    put_receipt(argv[1], "receipt-0", 0, old_signers);
    put_receipt(argv[1], "receipt-1", 1, new_signers);
    put_receipt(argv[1], "receipt-2", 2, new_signers);
    put_receipt(argv[1], "receipt-stale", 1, old_signers);
    put_evidence(argv[1]);
    gov_world_close(&stage.world);
    return 0;
}
