/* The three keys of a replica: sign (consensus), cosign (checkpoint cosignatures) and transport
 * (TLS), in three files side by side: r0.key, r0.cosign.key, r0.transport.key. The server makes and
 * loads them through this; the offline tool makes them for development charters. */
#ifndef VESTRY_KEYS_REPLICA_KEYS_H
#define VESTRY_KEYS_REPLICA_KEYS_H

#include "keys/card.h"

struct replica_keys {
    struct secret_key sign;
    struct secret_key cosign;
    struct secret_key transport;
};

/* What a charter or section says they are. */
struct replica_public_keys {
    uint8_t sign[PUBLIC_KEY_BYTES];
    uint8_t cosign[PUBLIC_KEY_BYTES];
    uint8_t transport[PUBLIC_KEY_BYTES];
};

/* Draw the keys of replica `rid` and create their files in `folder`. On failure nothing stays open;
 * files made before it stay. Close with replica_keys_close. */
MUST_USE enum status replica_keys_create(const char *folder, uint32_t rid,
                                         struct replica_keys *keys, struct problem *problem);

/* Append the card's object (card.h) for these keys. details->rid is theirs. */
MUST_USE enum status replica_keys_card(const struct replica_keys *keys,
                                       const uint8_t nonce[HASH_BYTES],
                                       const struct card_details *details, struct buffer *out,
                                       struct problem *problem);

/* Load the three files, of which `path` names the first (it must end in ".key"). `expected` may be
 * NULL; otherwise each key must be the registered one, or STATUS_MISMATCH. */
MUST_USE enum status replica_keys_load(const char *path, uint32_t rid,
                                       const struct replica_public_keys *expected,
                                       struct replica_keys *keys, struct problem *problem);

void replica_keys_close(struct replica_keys *keys);

#endif
