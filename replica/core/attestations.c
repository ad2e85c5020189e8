#include "replica/core/attestations.h"

#include "crypto/hash.h"
#include "governance/mutant.h"

#include <string.h>

/* The member's place for this height: the one that has it, else the one to overwrite. */
static struct attested *place_for(struct attestations *all, uint32_t member, uint64_t interval,
                                  uint64_t height)
{
    if (height % interval == 0) {
        return &all->checkpoint[member][height / interval % ATTESTED_CHECKPOINTS];
    }
    struct attested *lowest = &all->fresh[member][0];
    for (uint32_t i = 0; i < ATTESTED_FRESH; i++) {
        struct attested *place = &all->fresh[member][i];
        if (place->height == height) {
            return place;
        }
        if (place->height < lowest->height) {
            lowest = place;
        }
    }
    return lowest;
}

enum attested_result attestations_add(struct attestations *all, uint32_t member, uint64_t interval,
                                      const struct attestation *attestation)
{
    CHECK(member < REPLICAS_MAX);
    CHECK(attestation->height > 0);
    CHECK(attestation->header.len <= HEADER_BYTES_MAX);
    struct attested *place = place_for(all, member, interval, attestation->height);
    if (place->height == attestation->height) {
        return hash_equal(place->header_hash, attestation->header_hash) ? ATTESTED_DUPLICATE
                                                                        : ATTESTED_CONFLICT;
    }
    if (place->height > attestation->height) {
        return ATTESTED_OLD;
    }
    place->height = attestation->height;
    memcpy(place->header_hash, attestation->header_hash, HASH_BYTES);
    memcpy(place->note_sig, attestation->note_sig, SIG_BYTES);
    memcpy(place->cosig, attestation->cosig, SIG_BYTES);
    memcpy(place->header, attestation->header.data, attestation->header.len);
    place->header_len = attestation->header.len;
    return ATTESTED_ADDED;
}

const struct attested *attestations_find(const struct attestations *all, uint32_t member,
                                         uint64_t height)
{
    CHECK(member < REPLICAS_MAX);
    CHECK(height > 0);
    for (uint32_t i = 0; i < ATTESTED_CHECKPOINTS; i++) {
        if (all->checkpoint[member][i].height == height) {
            return &all->checkpoint[member][i];
        }
    }
    for (uint32_t i = 0; i < ATTESTED_FRESH; i++) {
        if (all->fresh[member][i].height == height) {
            return &all->fresh[member][i];
        }
    }
    return NULL;
}

uint64_t attestations_members(const struct attestations *all, uint64_t height,
                              const uint8_t header_hash[HASH_BYTES])
{
    uint64_t members = 0;
    for (uint32_t member = 0; member < REPLICAS_MAX; member++) {
        const struct attested *attested = attestations_find(all, member, height);
        if (attested != NULL && (MUTANT(11) || hash_equal(attested->header_hash, header_hash))) {
            members |= UINT64_C(1) << member;
        }
    }
    return members;
}
