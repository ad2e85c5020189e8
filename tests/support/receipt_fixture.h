/* A small log with one entry that an author signed, and its receipt: for whatever makes or checks
 * receipts. Everything is built anew, in the order in which it depends on each other, so that a
 * test can change one thing between two stages and still have everything after it signed. */
#ifndef VESTRY_TESTS_SUPPORT_RECEIPT_FIXTURE_H
#define VESTRY_TESTS_SUPPORT_RECEIPT_FIXTURE_H

#include "crypto/receipt.h"
#include "tests/support/note_fixture.h"

#define RECEIPT_LEAVES 13
#define RECEIPT_STATEMENTS 3

enum receipt_stage {
    STAGE_TOKEN,      /* blocks[] are set; not yet signed */
    STAGE_TOKEN_SIGS, /* block_sigs[] are set; the token is not yet encoded */
    STAGE_STATEMENTS, /* statements[] are set, about payload and salt */
    STAGE_REQUEST,    /* request is set; not yet signed */
    STAGE_LEAF,       /* leaf is set */
    STAGE_CHECKPOINT, /* the fixture's checkpoint is set; not yet signed */
    STAGE_NOTE,       /* the note's text stands in `note`; no lines yet */
    STAGE_EXTRA,      /* extra and authorship are set; not yet encoded */
    STAGE_TEXT,       /* parts are set */
};

struct receipt_fixture {
    struct note_fixture notes;
    uint8_t cluster_id[HASH_BYTES];
    uint8_t issuer_seed[SEED_BYTES];
    uint8_t holder_seeds[2][SEED_BYTES];
    uint8_t holders[2][PUBLIC_KEY_BYTES];
    size_t signers;   /* replicas with a note line */
    size_t cosigners; /* replicas with a cosignature line */
    bool with_salt;
    bool with_author;
    bool governed;  /* the author is a governed key and has no token */
    uint64_t index; /* of the entry in the tree */
    struct bytes payload;
    uint8_t salt[SALT_BYTES];

    /* May be NULL. Called when the things named by the stage are set. */
    void (*hook)(struct receipt_fixture *fixture, enum receipt_stage stage);

    /* What the stages make. */
    struct cap_block blocks[2];
    uint8_t block_sigs[2][SIG_BYTES];
    struct statement statements[RECEIPT_STATEMENTS];
    struct request request;
    uint8_t request_sig[SIG_BYTES];
    struct leaf leaf;
    struct authorship authorship;
    struct receipt_extra extra;
    struct receipt_parts parts;
    struct buffer note;

    /* The memory behind them. */
    uint8_t block_memory[2][TOKEN_BLOCK_BYTES_MAX];
    uint8_t token_memory[TOKEN_BYTES_MAX];
    uint8_t statement_memory[RECEIPT_STATEMENTS][STATEMENT_BODY_BYTES_MAX];
    uint8_t statement_path[512];
    uint8_t request_memory[REQUEST_BODY_BYTES_MAX];
    uint8_t leaf_memory[LEAF_BYTES_MAX];
    uint8_t authorship_memory[RECEIPT_EXTRA_BYTES_MAX];
    uint8_t extra_memory[RECEIPT_EXTRA_BYTES_MAX];
    uint8_t note_memory[NOTE_BYTES_MAX];
    struct merkle_proof path;
};

/* The usual: seven replicas that all signed, a token of two blocks, a payload, its salt. */
void receipt_fixture_init(struct receipt_fixture *fixture, const struct sig_scheme *scheme);

/* Build everything and append the receipt's text. */
void receipt_fixture_build(struct receipt_fixture *fixture, struct buffer *out);

/* Whom to believe about it: all seven, five of them needed, with the cluster id. Borrows. */
struct receipt_trust receipt_fixture_trust(const struct receipt_fixture *fixture);

#endif
