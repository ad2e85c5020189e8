/* In whose name the host signs what the core does not: HELLO and read answers. Borrowed parts live
 * as long as the process. */
#ifndef VESTRY_REPLICA_HOST_SPEAKER_H
#define VESTRY_REPLICA_HOST_SPEAKER_H

#include "crypto/sign.h"

struct speaker {
    const struct sig_scheme *scheme;
    const uint8_t *cluster_id;
    const uint8_t *seed; /* of public_key: the replica's sign key */
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint32_t rid;
};

#endif
