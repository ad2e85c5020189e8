#include "replica/core/quorum.h"

#include "crypto/hash.h"
#include "crypto/wire_write.h"

enum vote_result votes_add(struct votes *votes, uint32_t member, const struct one_vote *vote)
{
    CHECK(member < REPLICAS_MAX);
    uint64_t bit = UINT64_C(1) << member;
    if ((votes->present & bit) == 0) {
        votes->present |= bit;
        votes->by_member[member] = *vote;
        return VOTE_ADDED;
    }
    if (hash_equal(votes->by_member[member].digest, vote->digest)) {
        return VOTE_DUPLICATE;
    }
    return VOTE_CONFLICT;
}

void votes_repeat(struct votes *votes, uint32_t member, const struct one_vote *vote)
{
    CHECK(votes_add(votes, member, vote) != VOTE_CONFLICT);
}

uint64_t votes_members(const struct votes *votes, const uint8_t digest[HASH_BYTES])
{
    uint64_t members = 0;
    for (uint32_t member = 0; member < REPLICAS_MAX; member++) {
        uint64_t bit = UINT64_C(1) << member;
        if ((votes->present & bit) != 0 && hash_equal(votes->by_member[member].digest, digest)) {
            members |= bit;
        }
    }
    return members;
}

uint32_t votes_count(const struct votes *votes, const uint8_t digest[HASH_BYTES])
{
    return members_count(votes_members(votes, digest));
}

void votes_put_sigs(const struct votes *votes, uint64_t members, struct buffer *out)
{
    for (uint32_t member = 0; member < REPLICAS_MAX; member++) {
        if ((members >> member & 1) != 0) {
            write_bin(out, BYTES_OF_ARRAY(votes->by_member[member].sig));
        }
    }
}
