/* State bundles of a cluster on paper (gov_fixture.h): the sections as its state has them, in a
 * block whose checkpoint its replicas sign. A test bends what it likes before it makes one. */
#ifndef VESTRY_TESTS_SUPPORT_BUNDLE_MAKER_H
#define VESTRY_TESTS_SUPPORT_BUNDLE_MAKER_H

#include "governance/in_force.h"
#include "governance/records.h"
#include "tests/support/gov_fixture.h"

struct bundle_maker {
    struct gov_fixture *fixture;
    struct gov_world *world;
    struct block_header header; /* config_hash is filled in, unless kept */
    bool keep_config_hash;
    bool keep_header_hash; /* the checkpoint names header_hash and not the header's own */
    uint8_t header_hash[HASH_BYTES];
    uint64_t epoch;     /* of the checkpoint */
    uint32_t cosigners; /* bit i: replica i */
    uint32_t signers;
    const char *names[REPLICAS_MAX]; /* of the seeds of replicas that have other keys by now */
    uint32_t hand_off_count;
    struct bytes hand_offs[4];
    enum section bend; /* this section's record is replaced by `body`; 0: none */
    struct bytes body;
    uint8_t bytes[1u << 19];
    size_t len;
};

/* Block 7 of the world, with a quorum of both kinds of signatures. */
void bundle_maker_init(struct bundle_maker *maker, struct gov_fixture *fixture,
                       struct gov_world *world);

/* Lives in the maker until the next one. */
struct bytes bundle_make(struct bundle_maker *maker);

/* The standing of a replica in the world's state becomes another one. */
void bundle_world_standing(struct gov_world *world, uint64_t rid, enum standing standing);

/* The same for a member, who is suspended until then. */
void bundle_world_member(struct gov_world *world, const char *mid, enum standing standing,
                         uint64_t until_ms);

#endif
