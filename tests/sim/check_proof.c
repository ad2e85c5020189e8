/* Certificates and checkpoints, verified once more with the keys of the cast. */
#include "crypto/hash.h"
#include "tests/sim/check.h"

#include <string.h>

static uint32_t set_count(uint64_t members)
{
    return (uint32_t)__builtin_popcountll(members);
}

/* Whether the members signed these statement bytes, in the order of their places. */
static bool all_signed(const struct cast *cast, struct bytes statement, uint64_t members,
                       struct wire_list list)
{
    struct wire_iter sigs = wire_iter_make(list);
    for (uint32_t i = 0; i < cast->n; i++) {
        struct item_sig sig;
        if ((members >> i & 1) != 0 &&
            (!item_sig_next(&sigs, &sig) ||
             !cast->scheme->verify(cast->sign[i].pk, statement, sig.value))) {
            return false;
        }
    }
    return true;
}

/* Whether they signed the body under that tag. */
static bool all_voted(const struct cast *cast, enum sign_tag tag, struct bytes body,
                      uint64_t members, struct wire_list list)
{
    uint8_t statement[STATEMENT_BYTES];
    statement_make(tag, cast->cluster_id, body, statement);
    return all_signed(cast, BYTES_OF_ARRAY(statement), members, list);
}

bool check_commits(const struct world *world, struct bytes bytes, uint64_t sequence,
                   const uint8_t digest[HASH_BYTES])
{
    const struct cast *cast = &world->cast;
    struct certificate certificate;
    struct vote vote;
    if (certificate_decode(bytes, &certificate) != WIRE_OK ||
        vote_decode(certificate.body, &vote) != WIRE_OK || vote.sequence != sequence ||
        !hash_equal(vote.digest, digest) || certificate.members >> cast->n != 0 ||
        set_count(certificate.members) < cast->q ||
        set_count(certificate.members) != certificate.sigs.count) {
        return false;
    }
    return all_voted(cast, TAG_COMMIT, certificate.body, certificate.members, certificate.sigs);
}

bool check_prepared(const struct world *world, struct bytes bytes, const struct vote *vote)
{
    const struct cast *cast = &world->cast;
    uint32_t primary = (uint32_t)((vote->epoch + vote->view) % cast->n);
    struct prepared prepared;
    struct vote body;
    if (prepared_decode(bytes, &prepared) != WIRE_OK ||
        vote_decode(prepared.vote, &body) != WIRE_OK || body.epoch != vote->epoch ||
        body.view != vote->view || body.sequence != vote->sequence ||
        !hash_equal(body.digest, vote->digest) || prepared.members >> cast->n != 0 ||
        (prepared.members >> primary & 1) != 0 || set_count(prepared.members) < cast->q - 1 ||
        set_count(prepared.members) != prepared.sigs.count ||
        !verify_body(cast->scheme, cast->sign[primary].pk, TAG_PRE_PREPARE, cast->cluster_id,
                     prepared.vote, prepared.primary_sig)) {
        return false;
    }
    return all_voted(cast, TAG_PREPARE, prepared.vote, prepared.members, prepared.sigs);
}

bool check_checkpoint_of(const struct world *world, struct bytes bytes, struct checkpoint *out)
{
    struct block_header header;
    if (block_header_decode(bytes, &header) != WIRE_OK) {
        return false;
    }
    *out = (struct checkpoint){
        .origin = world->cast.origin,
        .tree_size = header.tree_size,
        .height = header.height,
        .epoch = header.epoch,
        .time_ms = header.time_ms,
    };
    memcpy(out->tree_root, header.tree_root, HASH_BYTES);
    hash_bytes(bytes, out->header_hash);
    return true;
}

bool check_attested(const struct world *world, uint32_t rid, struct bytes header,
                    const uint8_t note_sig[SIG_BYTES], const uint8_t cosig[SIG_BYTES])
{
    const struct cast *cast = &world->cast;
    uint8_t text_space[CHECKPOINT_TEXT_MAX];
    uint8_t cosigned_space[COSIGNED_TEXT_MAX];
    struct buffer text = buffer_make(text_space, sizeof(text_space));
    struct buffer cosigned = buffer_make(cosigned_space, sizeof(cosigned_space));
    struct checkpoint checkpoint;
    if (!check_checkpoint_of(world, header, &checkpoint)) {
        return false;
    }
    checkpoint_text(&checkpoint, &text);
    checkpoint_cosigned_text(buffer_bytes(&text), checkpoint.time_ms, &cosigned);
    return cast->scheme->verify(cast->sign[rid].pk, buffer_bytes(&text), note_sig) &&
           cast->scheme->verify(cast->cosign[rid].pk, buffer_bytes(&cosigned), cosig);
}

bool check_stable(const struct world *world, const struct stable *stable)
{
    const struct cast *cast = &world->cast;
    struct checkpoint checkpoint;
    if (stable->members >> cast->n != 0 || set_count(stable->members) != stable->note_sigs.count ||
        !check_checkpoint_of(world, stable->header, &checkpoint)) {
        return false;
    }
    if (checkpoint.height > 0 && set_count(stable->members) < cast->q) {
        return false;
    }
    uint8_t space[CHECKPOINT_TEXT_MAX];
    struct buffer text = buffer_make(space, sizeof(space));
    checkpoint_text(&checkpoint, &text);
    return all_signed(cast, buffer_bytes(&text), stable->members, stable->note_sigs);
}

void check_stable_put(struct world *world, struct host *host, uint64_t height, struct bytes bytes)
{
    struct check *check = world->check;
    struct stable stable;
    uint8_t hash[HASH_BYTES];
    if (stable_decode(bytes, &stable) != WIRE_OK || !check_stable(world, &stable)) {
        world_fail(world, "I12", host->rid, "the stable checkpoint %lu lacks Q signers",
                   (unsigned long)height);
        return;
    }
    hash_bytes(stable.header, hash);
    if (world_is_other(world, host->rid)) {
        return;
    }
    if (height == 0 && check->block_count == 0) {
        return; /* the same step puts block 0 itself, which is judged with the others */
    }
    if (height >= check->block_count || !hash_equal(hash, check->blocks[height].header_hash)) {
        world_fail(world, "I12", host->rid, "the stable checkpoint %lu is not the log's",
                   (unsigned long)height);
    }
    if (height % world->plan.interval != 0 || height > check->hosts[host->rid].staged) {
        world_fail(world, "I12", host->rid, "%lu may not be stable here", (unsigned long)height);
    }
}

void check_note_put(struct world *world, struct host *host, struct bytes note)
{
    const struct cast *cast = &world->cast;
    struct note_keyring keyring = {cast->note_keys, cast->n};
    struct note_verdict verdict;
    if (note_check(cast->scheme, note, &cast->origin, keyring, &verdict) != NOTE_OK ||
        note_count(verdict.signed_by) < cast->q || note_count(verdict.cosigned_by) < cast->q ||
        verdict.bad_sign != 0 || verdict.bad_cosign != 0) {
        world_fail(world, "I12", host->rid, "the newest checkpoint lacks Q good lines");
        return;
    }
    uint64_t height = verdict.checkpoint.height;
    if (!world_is_other(world, host->rid) &&
        (height >= world->check->block_count ||
         !hash_equal(verdict.checkpoint.header_hash, world->check->blocks[height].header_hash))) {
        world_fail(world, "I12", host->rid, "the newest checkpoint is not the log's");
    }
    struct check_host *seen = &world->check->hosts[host->rid];
    if (height > seen->staged || height < seen->noted) {
        world_fail(world, "I7", host->rid, "its newest checkpoint is %lu after %lu, its head %lu",
                   (unsigned long)height, (unsigned long)seen->noted, (unsigned long)seen->staged);
    }
    seen->noted = height;
}
