/* Attestations of the newest heights, by member: how a quorum checkpoint and a stable checkpoint
 * come about, and how a contradiction shows.
 *
 * Every member has places of its own, a few for checkpoint heights and a few for the newest others,
 * so that whatever a faulty one attests costs nobody else a place. A place keeps the first
 * attestation of its height. Counting is by header hash. Signatures are already verified. Pure. */
#ifndef VESTRY_REPLICA_CORE_ATTESTATIONS_H
#define VESTRY_REPLICA_CORE_ATTESTATIONS_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

#define ATTESTED_CHECKPOINTS 4 /* checkpoint heights kept: the window holds two at least */
#define ATTESTED_FRESH 4

struct attested {
    uint64_t height; /* 0: not in use */
    uint8_t header_hash[HASH_BYTES];
    uint8_t note_sig[SIG_BYTES];
    uint8_t cosig[SIG_BYTES];
    size_t header_len;
    uint8_t header[HEADER_BYTES_MAX];
};

struct attestations {
    struct attested checkpoint[REPLICAS_MAX][ATTESTED_CHECKPOINTS];
    struct attested fresh[REPLICAS_MAX][ATTESTED_FRESH];
};

enum attested_result {
    ATTESTED_ADDED,
    ATTESTED_DUPLICATE,
    ATTESTED_CONFLICT, /* the member attested another header of this height before */
    ATTESTED_OLD,      /* its places hold newer heights */
};

struct attestation {
    uint64_t height; /* not 0 */
    uint8_t header_hash[HASH_BYTES];
    struct bytes header; /* at most HEADER_BYTES_MAX */
    const uint8_t *note_sig;
    const uint8_t *cosig;
};

/* Record a verified attestation of `member`; `interval` is K. */
MUST_USE enum attested_result attestations_add(struct attestations *all, uint32_t member,
                                               uint64_t interval,
                                               const struct attestation *attestation);

/* The member's attestation of the height, or NULL. */
MUST_USE const struct attested *attestations_find(const struct attestations *all, uint32_t member,
                                                  uint64_t height);

/* The members that attested this header hash for the height. */
MUST_USE uint64_t attestations_members(const struct attestations *all, uint64_t height,
                                       const uint8_t header_hash[HASH_BYTES]);

#endif
