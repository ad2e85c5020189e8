/* Attestations: what replicas claim about heights, and which claims a quorum makes.
 *
 * A claim is a header and its sender's two signatures over the checkpoint text of it (FORMATS:
 * checkpoint). Claims are taken as they come and verified when somebody asks for a quorum, while
 * the others are still on their way, and only as many as are needed: a cosignature of each of Q,
 * and one note signature of any, which is what a receipt carries. A signature is verified once.
 * Each replica has room of its own, so that a liar can push out only its own claims; a claim that
 * is found false is remembered as its sender's lie.
 *
 * Pure but for the one allocation in attests_open. For the client's core; one thread. */
#ifndef VESTRY_CLIENT_ATTEST_H
#define VESTRY_CLIENT_ATTEST_H

#include "crypto/note.h"
#include "crypto/schema.h"
#include "crypto/status.h"
#include "governance/roster.h"

#define ATTESTS_KEPT 256 /* heights for each replica */

/* What is needed to judge claims; borrowed for the life of the attests. */
struct attest_trust {
    const struct sig_scheme *scheme;
    const uint8_t *cluster_id;
    const struct roster *roster;
    const struct origin *origin;
};

struct attests;

MUST_USE enum status attests_open(const struct attest_trust *trust, struct attests **out);
void attests_close(struct attests *attests);

/* The roster is that of another epoch by now: claims of the one before are dropped. It has as many
 * members, in the same places. */
void attests_epoch(struct attests *attests);

enum attest_result {
    ATTEST_TAKEN,
    ATTEST_KNOWN,       /* the same claim again */
    ATTEST_MALFORMED,   /* not an attestation, or of another cluster */
    ATTEST_OTHER_EPOCH, /* than the roster's; `out` has what it says, which is only a hint */
    ATTEST_CONTRADICTS, /* the same replica claimed another header for that height before */
};

/* A header as it was claimed. */
struct attest_claim {
    uint64_t height;
    uint64_t epoch;
    uint64_t time_ms;
    uint64_t tree_size;
    uint8_t tree_root[HASH_BYTES];
    uint8_t header_hash[HASH_BYTES];
};

/* Take the claim of member `member` of the roster. `out` is filled in for TAKEN, KNOWN and
 * OTHER_EPOCH. */
MUST_USE enum attest_result attests_add(struct attests *attests, uint32_t member,
                                        struct bytes attest, struct attest_claim *out);

/* Whether Q replicas attest that header at that height, verifying what has to be. Members whose
 * signatures turned out bad on the way are added to `liars` (bit i: members[i]). */
MUST_USE bool attests_quorum(struct attests *attests, uint64_t height,
                             const uint8_t header_hash[HASH_BYTES], uint32_t *liars);

/* How many members have claimed that header, verified or not and not known to be false. */
MUST_USE uint32_t attests_claimed(const struct attests *attests, uint64_t height,
                                  const uint8_t header_hash[HASH_BYTES]);

/* Append the note of a header that attests_quorum has accepted, with every line that was verified.
 * `signers` gets the members that cosigned (bit i: members[i]). */
void attests_note_put(const struct attests *attests, uint64_t height,
                      const uint8_t header_hash[HASH_BYTES], struct buffer *out, uint32_t *signers);

/* The newest time that W members at least claim to have reached, 0 when fewer have claimed any: one
 * of them is correct, so the log's time is at least that. */
MUST_USE uint64_t attests_time_reached(const struct attests *attests);

#endif
