#include "client/attest.h"

#include "crypto/hash.h"

#include <stdlib.h>
#include <string.h>

enum judged {
    JUDGED_NOT,
    JUDGED_GOOD,
    JUDGED_BAD
};

struct stored_claim {
    bool present;
    struct attest_claim claim;
    uint8_t note_sig[SIG_BYTES];
    uint8_t cosig[SIG_BYTES];
    enum judged note;
    enum judged cosigned;
};

struct member_claims {
    struct stored_claim list[ATTESTS_KEPT];
};

struct attests {
    struct attest_trust trust;
    uint64_t latest_time_ms[REPLICAS_MAX];
    struct member_claims members[]; /* roster->n of them */
};

enum status attests_open(const struct attest_trust *trust, struct attests **out)
{
    struct attests *attests =
        calloc(1, sizeof(*attests) + trust->roster->n * sizeof(attests->members[0]));

    if (attests == NULL) {
        return STATUS_NO_MEMORY;
    }
    attests->trust = *trust;
    *out = attests;
    return STATUS_OK;
}

void attests_close(struct attests *attests)
{
    free(attests);
}

void attests_epoch(struct attests *attests)
{
    memset(attests->members, 0, attests->trust.roster->n * sizeof(attests->members[0]));
}

/* Claims lie in the place of their height, so that finding one costs nothing. */
static struct stored_claim *find_height(struct attests *attests, uint32_t member, uint64_t height)
{
    struct stored_claim *claim = &attests->members[member].list[height % ATTESTS_KEPT];

    return claim->present && claim->claim.height == height ? claim : NULL;
}

/* A member's claim of exactly that header, unless it is known to be false. */
static struct stored_claim *find_claim(struct attests *attests, uint32_t member, uint64_t height,
                                       const uint8_t header_hash[HASH_BYTES])
{
    struct stored_claim *claim = find_height(attests, member, height);

    if (claim == NULL || !hash_equal(claim->claim.header_hash, header_hash) ||
        claim->cosigned == JUDGED_BAD) {
        return NULL;
    }
    return claim;
}

static const struct stored_claim *look_claim(const struct attests *attests, uint32_t member,
                                             uint64_t height, const uint8_t header_hash[HASH_BYTES])
{
    const struct stored_claim *claim = &attests->members[member].list[height % ATTESTS_KEPT];

    if (!claim->present || claim->claim.height != height ||
        !hash_equal(claim->claim.header_hash, header_hash) || claim->cosigned == JUDGED_BAD) {
        return NULL;
    }
    return claim;
}

static enum attest_result read_claim(const struct attests *attests, struct bytes bytes,
                                     struct stored_claim *out)
{
    struct attest attest;
    struct block_header header;

    if (attest_decode(bytes, &attest) != WIRE_OK ||
        block_header_decode(attest.header, &header) != WIRE_OK ||
        !hash_equal(header.cluster_id, attests->trust.cluster_id)) {
        return ATTEST_MALFORMED;
    }
    *out = (struct stored_claim){
        .present = true,
        .claim =
            {
                .height = header.height,
                .epoch = header.epoch,
                .time_ms = header.time_ms,
                .tree_size = header.tree_size,
            },
    };
    memcpy(out->claim.tree_root, header.tree_root, HASH_BYTES);
    hash_bytes(attest.header, out->claim.header_hash);
    memcpy(out->note_sig, attest.note_sig, SIG_BYTES);
    memcpy(out->cosig, attest.cosig, SIG_BYTES);
    return header.epoch == attests->trust.roster->epoch ? ATTEST_TAKEN : ATTEST_OTHER_EPOCH;
}

enum attest_result attests_add(struct attests *attests, uint32_t member, struct bytes attest,
                               struct attest_claim *out)
{
    CHECK(member < attests->trust.roster->n);
    struct member_claims *claims = &attests->members[member];
    struct stored_claim claim;
    const enum attest_result result = read_claim(attests, attest, &claim);

    if (result != ATTEST_TAKEN) {
        if (result == ATTEST_OTHER_EPOCH) {
            *out = claim.claim;
        }
        return result;
    }
    const struct stored_claim *before = find_height(attests, member, claim.claim.height);
    if (before != NULL) {
        if (!hash_equal(before->claim.header_hash, claim.claim.header_hash)) {
            return ATTEST_CONTRADICTS;
        }
        *out = before->claim;
        return ATTEST_KNOWN;
    }
    claims->list[claim.claim.height % ATTESTS_KEPT] = claim;
    if (claim.claim.time_ms > attests->latest_time_ms[member]) {
        attests->latest_time_ms[member] = claim.claim.time_ms;
    }
    *out = claim.claim;
    return ATTEST_TAKEN;
}

static struct checkpoint checkpoint_of(const struct attests *attests,
                                       const struct attest_claim *claim)
{
    struct checkpoint checkpoint = {
        .origin = *attests->trust.origin,
        .tree_size = claim->tree_size,
        .height = claim->height,
        .epoch = claim->epoch,
        .time_ms = claim->time_ms,
    };

    memcpy(checkpoint.tree_root, claim->tree_root, HASH_BYTES);
    memcpy(checkpoint.header_hash, claim->header_hash, HASH_BYTES);
    return checkpoint;
}

static bool cosigned(const struct attests *attests, uint32_t member, struct stored_claim *claim)
{
    const struct roster_member *who = &attests->trust.roster->members[member];

    if (claim->cosigned == JUDGED_NOT) {
        const struct checkpoint checkpoint = checkpoint_of(attests, &claim->claim);
        const bool good = checkpoint_verify(attests->trust.scheme, &checkpoint, NOTE_COSIGN,
                                            who->cosign_pk, claim->cosig);
        claim->cosigned = good ? JUDGED_GOOD : JUDGED_BAD;
    }
    return claim->cosigned == JUDGED_GOOD;
}

static bool noted(const struct attests *attests, uint32_t member, struct stored_claim *claim)
{
    const struct roster_member *who = &attests->trust.roster->members[member];

    if (claim->note == JUDGED_NOT) {
        const struct checkpoint checkpoint = checkpoint_of(attests, &claim->claim);
        const bool good = checkpoint_verify(attests->trust.scheme, &checkpoint, NOTE_SIGN,
                                            who->sign_pk, claim->note_sig);
        claim->note = good ? JUDGED_GOOD : JUDGED_BAD;
    }
    return claim->note == JUDGED_GOOD;
}

uint32_t attests_claimed(const struct attests *attests, uint64_t height,
                         const uint8_t header_hash[HASH_BYTES])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < attests->trust.roster->n; i++) {
        count += look_claim(attests, i, height, header_hash) != NULL;
    }
    return count;
}

bool attests_quorum(struct attests *attests, uint64_t height, const uint8_t header_hash[HASH_BYTES],
                    uint32_t *liars)
{
    const struct roster *roster = attests->trust.roster;
    uint32_t good = 0;
    bool has_note = false;

    for (uint32_t i = 0; i < roster->n && (good < roster->q || !has_note); i++) {
        struct stored_claim *claim = find_claim(attests, i, height, header_hash);

        if (claim == NULL) {
            continue;
        }
        if (!cosigned(attests, i, claim)) {
            *liars |= UINT32_C(1) << i;
            continue;
        }
        good++;
        if (has_note) {
            continue;
        }
        has_note = noted(attests, i, claim);
        if (!has_note) {
            *liars |= UINT32_C(1) << i;
        }
    }
    return good >= roster->q && has_note;
}

void attests_note_put(const struct attests *attests, uint64_t height,
                      const uint8_t header_hash[HASH_BYTES], struct buffer *out, uint32_t *signers)
{
    const struct roster *roster = attests->trust.roster;
    const struct stored_claim *claims[REPLICAS_MAX] = {NULL};
    const struct stored_claim *any = NULL;

    *signers = 0;
    for (uint32_t i = 0; i < roster->n; i++) {
        claims[i] = look_claim(attests, i, height, header_hash);
        if (claims[i] != NULL && claims[i]->cosigned == JUDGED_GOOD) {
            *signers |= UINT32_C(1) << i;
            any = claims[i];
        }
    }
    CHECK(any != NULL);
    const struct checkpoint checkpoint = checkpoint_of(attests, &any->claim);

    checkpoint_text(&checkpoint, out);
    buffer_put_u8(out, '\n');
    for (uint32_t i = 0; i < roster->n; i++) {
        if (claims[i] != NULL && claims[i]->note == JUDGED_GOOD) {
            note_line_put(out, &checkpoint, NOTE_SIGN, roster->members[i].rid,
                          roster->members[i].sign_pk, claims[i]->note_sig);
        }
    }
    for (uint32_t i = 0; i < roster->n; i++) {
        if (claims[i] != NULL && claims[i]->cosigned == JUDGED_GOOD) {
            note_line_put(out, &checkpoint, NOTE_COSIGN, roster->members[i].rid,
                          roster->members[i].cosign_pk, claims[i]->cosig);
        }
    }
}

uint64_t attests_time_reached(const struct attests *attests)
{
    const struct roster *roster = attests->trust.roster;
    uint64_t best = 0;

    for (uint32_t i = 0; i < roster->n; i++) {
        uint32_t reached = 0;

        for (uint32_t k = 0; k < roster->n; k++) {
            reached += attests->latest_time_ms[k] >= attests->latest_time_ms[i];
        }
        if (reached >= roster->w && attests->latest_time_ms[i] > best) {
            best = attests->latest_time_ms[i];
        }
    }
    return best;
}
