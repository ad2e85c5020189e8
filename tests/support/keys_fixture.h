/* What the tests of keys/ share: a folder that goes away again, passphrases without a terminal, and
 * the cards of a whole ceremony. */
#ifndef VESTRY_TESTS_SUPPORT_KEYS_FIXTURE_H
#define VESTRY_TESTS_SUPPORT_KEYS_FIXTURE_H

#include "keys/genesis.h"
#include "keys/words/file.h"

/* A fresh folder (0700), and one with all that is in it removed. */
void keys_folder_make(char path[FILE_PATH_MAX]);
void keys_folder_remove(const char *path);

/* folder/name, in one of a few buffers that are used in turn. */
const char *keys_path(const char *folder, const char *name);

/* A source that answers with `text` and counts how often it was asked. */
struct keys_passphrase {
    const char *text;
    unsigned asked;
};
struct passphrase_source keys_source(struct keys_passphrase *passphrase);

/* A secret that holds the text. */
void keys_secret(struct secret *secret, const char *text);

#define CEREMONY_MEMBERS 5
#define CEREMONY_RECOVERY 3
#define CEREMONY_REPLICAS 4
#define CEREMONY_CARDS (CEREMONY_MEMBERS + CEREMONY_RECOVERY + CEREMONY_REPLICAS + 2)

/* Everybody of a ceremony with m = 5, n = 4, three recovery holders, issuer i1 and witness w1.
 * Cards lie in that order. */
struct ceremony {
    struct genesis_plan plan;
    struct secret_key members[CEREMONY_MEMBERS];
    struct secret_key issuer;
    struct card_checked cards[CEREMONY_CARDS + 2];
    uint8_t bytes[CEREMONY_CARDS + 2][CARD_OBJECT_MAX];
    size_t count;
    uint8_t draft_raw[CHARTER_FILE_MAX];
    struct buffer draft;
    uint8_t file_raw[CHARTER_FILE_MAX];
    struct buffer file;
    struct charter_view view;
};

/* On the heap; asserts that everything works. */
struct ceremony *ceremony_open(void);
void ceremony_close(struct ceremony *ceremony);

/* Add the card of these keys; it must be a good one. */
void ceremony_card(struct ceremony *ceremony, const struct secret_key *const *keys, uint32_t count,
                   const struct card_details *details);

/* Draft, and sign and seal too; assert that they work. */
void ceremony_draft(struct ceremony *ceremony);
void ceremony_seal(struct ceremony *ceremony);

/* The signature of a member over the draft, as its file would give it. */
struct genesis_signature ceremony_signature(const struct ceremony *ceremony, size_t member);

#endif
