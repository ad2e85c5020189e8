/* More than f liars: two logs are possible, and whoever meets both can tell who lied. From what is
 * in the stores of correct replicas (headers and the certificates of their blocks) and from the
 * attestations that clients have, every pair of statements of one signer that looks like a
 * contradiction is made into evidence and given to the judge. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "storage/record.h"
#include "tests/sim/check.h"

#include <stdlib.h>
#include <string.h>

/* --- What clients have -------------------------------------------------------------------------
 */

void check_client_heard(struct world *world, uint32_t client, const struct telling *reply)
{
    struct check *check = world->check;
    if (world->plan.other_side == 0) {
        return;
    }
    if (!check_attested(world, reply->rid, reply->attest.header, reply->attest.note_sig,
                        reply->attest.cosig)) {
        world_fail(world, "run", reply->rid, "a client hears what its sender did not sign");
    }
    for (size_t i = 0; i < check->heard_count; i++) {
        const struct check_heard *one = &check->heard[i];
        if (one->client == client && one->rid == reply->rid && one->height == reply->height &&
            hash_equal(one->header_hash, reply->header_hash)) {
            return;
        }
    }
    if (check->heard_count == check->heard_capacity) {
        check->heard_capacity = check->heard_capacity == 0 ? 256 : 2 * check->heard_capacity;
        check->heard = realloc(check->heard, check->heard_capacity * sizeof(check->heard[0]));
        CHECK(check->heard != NULL);
    }
    struct check_heard *heard = &check->heard[check->heard_count++];
    *heard = (struct check_heard){
        .client = client,
        .rid = reply->rid,
        .height = reply->height,
        .header_len = reply->attest.header.len,
    };
    memcpy(heard->header_hash, reply->header_hash, HASH_BYTES);
    memcpy(heard->header, reply->attest.header.data, reply->attest.header.len);
    memcpy(heard->note_sig, reply->attest.note_sig, SIG_BYTES);
}

/* --- Charges -----------------------------------------------------------------------------------
 */

struct said {
    struct bytes body;
    const uint8_t *sig;
};

/* The bit of `rid` when the two convict it. */
static uint32_t charge(struct world *world, uint64_t kind, uint32_t rid, const struct said *first,
                       const struct said *second)
{
    static uint8_t space[8192];
    struct buffer encoded = buffer_make(space, sizeof(space));
    struct evidence evidence = {
        .kind = kind,
        .rid = rid,
        .first = first->body,
        .second = second->body,
        .second_sig = bytes_make(second->sig, SIG_BYTES),
    };
    memcpy(evidence.first_sig, first->sig, SIG_BYTES);
    CHECK(evidence_encode(&evidence, &encoded));
    if (check_judge(world, buffer_bytes(&encoded)) != EVIDENCE_PROVES) {
        return 0;
    }
    if ((world->plan.liars >> rid & 1) == 0) {
        world_fail(world, "I15", rid, "what is held of it convicts it, and it is correct");
    }
    return 1u << rid;
}

static void enough(struct world *world, uint32_t convicted, uint64_t height, const char *who)
{
    if ((uint32_t)__builtin_popcount(convicted) <= world->plan.f) {
        world_fail(world, "I16", SIM_NOBODY, "two %s differ at %lu, and that convicts %x only", who,
                   (unsigned long)height, convicted);
    }
}

/* --- Clients -----------------------------------------------------------------------------------
 */

/* Whether both were heard by one client and say the same. */
static bool same_proof(const struct check_heard *one, const struct check_heard *two)
{
    return one->client == two->client && one->height == two->height &&
           hash_equal(one->header_hash, two->header_hash);
}

static uint32_t clients_charge(struct world *world, const struct check_heard *a,
                               const struct check_heard *b)
{
    const struct check *check = world->check;
    uint32_t convicted = 0;
    for (size_t i = 0; i < check->heard_count; i++) {
        const struct check_heard *one = &check->heard[i];
        for (size_t j = 0; j < check->heard_count && same_proof(one, a); j++) {
            const struct check_heard *two = &check->heard[j];
            if (two->rid == one->rid && same_proof(two, b)) {
                struct said first = {bytes_make(one->header, one->header_len), one->note_sig};
                struct said second = {bytes_make(two->header, two->header_len), two->note_sig};
                convicted |= charge(world, EVIDENCE_ATTEST, one->rid, &first, &second);
            }
        }
    }
    return convicted;
}

/* Whether Q attest what the client heard there; asked of the first of them only. */
static bool begins_proof(const struct world *world, size_t at)
{
    const struct check *check = world->check;
    const struct check_heard *heard = &check->heard[at];
    uint32_t by = 0;
    for (size_t i = 0; i < check->heard_count; i++) {
        if (same_proof(&check->heard[i], heard)) {
            if (i < at) {
                return false;
            }
            by |= 1u << check->heard[i].rid;
        }
    }
    return (uint32_t)__builtin_popcount(by) >= world->cast.q;
}

static void clients_judge(struct world *world, struct check_forks *out)
{
    const struct check *check = world->check;
    for (size_t i = 0; i < check->heard_count; i++) {
        const struct check_heard *a = &check->heard[i];
        bool proves = begins_proof(world, i);
        for (size_t j = i + 1; j < check->heard_count && proves; j++) {
            const struct check_heard *b = &check->heard[j];
            if (a->height != b->height || hash_equal(a->header_hash, b->header_hash) ||
                !begins_proof(world, j)) {
                continue;
            }
            uint32_t convicted = clients_charge(world, a, b);
            enough(world, convicted, a->height, "clients");
            out->convicted |= convicted;
            out->of_clients++;
        }
    }
}

/* --- Replicas ----------------------------------------------------------------------------------
 */

static bool certificate_read(struct host *host, uint64_t height, uint8_t *space, size_t size,
                             struct certificate *out)
{
    struct buffer bytes = buffer_make(space, size);
    struct record_key key = record_key_block(RECORD_CERTIFICATE, height);
    return store_get(host->store, FAMILY_BLOCKS, record_key_bytes(&key), &bytes) == STATUS_OK &&
           certificate_decode(buffer_bytes(&bytes), out) == WIRE_OK;
}

static bool header_hash_read(struct host *host, uint64_t height, uint8_t out[HASH_BYTES])
{
    static uint8_t space[1u << 18];
    struct buffer bytes = buffer_make(space, sizeof(space));
    struct record_key key = record_key_block(RECORD_HEADER, height);
    struct block_record record;
    if (store_get(host->store, FAMILY_BLOCKS, record_key_bytes(&key), &bytes) != STATUS_OK ||
        block_record_decode(buffer_bytes(&bytes), &record) != WIRE_OK) {
        return false;
    }
    hash_bytes(record.header, out);
    return true;
}

/* The signature of member `rid`, or NULL. */
static const uint8_t *signature_of(const struct certificate *certificate, uint32_t rid,
                                   struct item_sig *space)
{
    struct wire_iter sigs = wire_iter_make(certificate->sigs);
    for (uint32_t i = 0; i <= rid; i++) {
        bool member = (certificate->members >> i & 1) != 0;
        if (member && !item_sig_next(&sigs, space)) {
            return NULL;
        }
        if (i == rid) {
            return member ? space->value : NULL;
        }
    }
    return NULL;
}

/* A block's certificate, as one has stored it. */
struct committed {
    uint8_t space[4096];
    struct certificate certificate;
    struct vote vote;
};

static bool committed_read(struct world *world, struct host *host, uint64_t height,
                           struct committed *out)
{
    if (!certificate_read(host, height, out->space, sizeof(out->space), &out->certificate) ||
        vote_decode(out->certificate.body, &out->vote) != WIRE_OK) {
        world_fail(world, "certified", host->rid, "a block of %lu without its certificate",
                   (unsigned long)height);
        return false;
    }
    return true;
}

uint64_t check_view_of_head(struct world *world, uint32_t rid)
{
    static struct committed head;
    struct host *host = &world->hosts[rid];
    return committed_read(world, host, host->node->head.height, &head) ? head.vote.view
                                                                       : UINT64_MAX;
}

/* Two blocks of one height, each with the COMMITs of a quorum. */
static uint32_t blocks_charge(struct world *world, const struct committed *first,
                              const struct committed *second)
{
    uint32_t convicted = 0;
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        struct item_sig sigs[2];
        struct said a = {first->certificate.body, signature_of(&first->certificate, rid, &sigs[0])};
        struct said b = {second->certificate.body,
                         signature_of(&second->certificate, rid, &sigs[1])};
        if (a.sig != NULL && b.sig != NULL) {
            convicted |= charge(world, EVIDENCE_COMMIT, rid, &a, &b);
        }
    }
    return convicted;
}

/* Across views it is COMMITs of the earlier one and VIEW-CHANGEs for the later one that convict:
 * what the two found out when they met. Each piece was judged when it was handed out. */
static uint32_t denials_charge(const struct world *world, const struct host *one,
                               const struct host *two)
{
    const struct check_host *hosts = world->check->hosts;
    return hosts[one->rid].denials | hosts[two->rid].denials;
}

/* Where the blocks are the same the logs differ below: a side that has met the other went on with
 * its blocks before it found out. */
static void replicas_judge(struct world *world, struct host *one, struct host *two,
                           struct check_forks *out)
{
    static struct committed blocks[2];
    uint8_t hashes[2][HASH_BYTES];
    for (uint64_t height = 1; header_hash_read(one, height, hashes[0]) &&
                              header_hash_read(two, height, hashes[1]) && !world->failed;
         height++) {
        if (hash_equal(hashes[0], hashes[1]) || !committed_read(world, one, height, &blocks[0]) ||
            !committed_read(world, two, height, &blocks[1]) ||
            hash_equal(blocks[0].vote.digest, blocks[1].vote.digest)) {
            continue;
        }
        uint32_t convicted = blocks[0].vote.view == blocks[1].vote.view
                                 ? blocks_charge(world, &blocks[0], &blocks[1])
                                 : denials_charge(world, one, two);
        enough(world, convicted, height, "replicas");
        out->convicted |= convicted;
        out->of_replicas++;
    }
}

void check_forks(struct world *world, struct check_forks *out)
{
    *out = (struct check_forks){0};
    for (uint32_t i = 0; i < world->plan.n; i++) {
        for (uint32_t j = i + 1; j < world->plan.n; j++) {
            if (((world->plan.liars >> i | world->plan.liars >> j) & 1) == 0) {
                replicas_judge(world, &world->hosts[i], &world->hosts[j], out);
            }
        }
    }
    clients_judge(world, out);
}
