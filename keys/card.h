/* Public cards: what the owner of a key hands to the coordinator of a ceremony.
 *
 * A card says role, subject, keys and the ceremony's nonce, and is signed by every key on it (tag
 * possession, cluster id zero before genesis), so that nobody can register a key that he does not
 * hold, or use a card of another ceremony or of another log. Beside it stands the row that is to be
 * registered: member_row, key_row, replica_row or issuer_row by role. Card files are armour.
 *
 *   role                        keys on the card
 *   member, recovery, witness   one
 *   issuer                      one a generation, ascending
 *   replica                     sign, cosign, transport
 *   holder                      one; not registered: it is shown to whoever attenuates a token */
#ifndef VESTRY_KEYS_CARD_H
#define VESTRY_KEYS_CARD_H

#include "crypto/schema.h"
#include "keys/keyfile.h"

#define CARD_SUFFIX ".card"
#define CARD_OBJECT_MAX 6144
#define REPLICA_CARD_KEYS 3

/* A card whose proofs hold. Everything borrows from the bytes it was read from. */
struct card_checked {
    uint64_t role;
    struct bytes subject;
    uint32_t key_count;
    uint8_t keys[ISSUER_KEYS_MAX][PUBLIC_KEY_BYTES];
    uint8_t sigs[ISSUER_KEYS_MAX][SIG_BYTES]; /* by keys[i], over the card */
    uint8_t nonce[HASH_BYTES];
    uint8_t id[HASH_BYTES]; /* of the card: block 0 of an issuer's tokens names it */
    struct card_proof proof;
    struct bytes row_bytes;
    struct member_row member;   /* ROLE_MEMBER */
    struct key_row key;         /* ROLE_RECOVERY, ROLE_WITNESS, ROLE_HOLDER */
    struct replica_row replica; /* ROLE_REPLICA */
    struct issuer_row issuer;   /* ROLE_ISSUER */
};

/* What a new card says beside its keys. Only the part of its role matters. */
struct card_details {
    const uint8_t *cluster_id; /* of the log that the keys are for; NULL: before genesis */
    const char *name;          /* of a person, issuer or client; free text */
    const uint8_t *next_key;   /* member: the public key that it commits itself to */
    /* replica */
    uint32_t rid;
    const char *operator_name;
    const char *provider;
    const char *region;
    const char *system;
    const char *build;
    const char *const *endpoints;
    size_t endpoint_count;
    /* issuer */
    const struct scope *scope;
};

/* Append the card's object, signed by each of `keys`; keys[0] says role and subject. */
MUST_USE enum status card_make(const struct secret_key *const *keys, uint32_t key_count,
                               const uint8_t nonce[HASH_BYTES], const struct card_details *details,
                               struct buffer *out, struct problem *problem);

/* A nonce for a card of a log that runs: there is no ceremony whose salt it could be. */
void card_nonce(uint8_t out[HASH_BYTES]);

/* The same as a file, armoured; public, so 0644. */
MUST_USE enum status card_write(const char *path, struct bytes object, struct problem *problem);

/* Check an object: shape, every proof, every key, and that the row says the same as the card.
 * `name` is for problems. The card is one of before genesis, or of the log with that id. */
MUST_USE enum status card_check(const char *name, struct bytes object, struct card_checked *card,
                                struct problem *problem);
MUST_USE enum status card_check_of(const char *name, struct bytes object,
                                   const uint8_t cluster_id[HASH_BYTES], struct card_checked *card,
                                   struct problem *problem);

/* Read a file and check it. `backing` (CARD_OBJECT_MAX) holds what `card` borrows. */
MUST_USE enum status card_read(const char *path, struct buffer *backing, struct card_checked *card,
                               struct problem *problem);
MUST_USE enum status card_read_of(const char *path, struct buffer *backing,
                                  const uint8_t cluster_id[HASH_BYTES], struct card_checked *card,
                                  struct problem *problem);

/* The scope that a new issuer gets when nothing is said: appending and reading everywhere, a year,
 * nothing else bounded but live tokens. `raw` (at least 8 bytes) backs the list of prefixes. */
MUST_USE struct scope card_usual_scope(struct buffer *raw);

#endif
