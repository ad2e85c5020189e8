/* Certificates and checkpoints, verified once more with the keys of the cast: those of the epoch
 * that the height belongs to, whoever asks. */
#include "crypto/hash.h"
#include "tests/sim/check.h"

#include <string.h>

static uint32_t set_count(uint64_t members)
{
    return (uint32_t)__builtin_popcountll(members);
}

/* Whether the members signed these statement bytes, in the order of their places. */
static bool all_signed(const struct world *world, uint64_t height, struct bytes statement,
                       uint64_t members, struct wire_list list)
{
    const struct cast *cast = &world->cast;
    const struct sim_epoch *epoch = check_epoch_at(world, height);
    struct wire_iter sigs = wire_iter_make(list);
    for (uint32_t i = 0; i < cast->n; i++) {
        struct item_sig sig;
        if ((members >> i & 1) != 0 &&
            (!item_sig_next(&sigs, &sig) ||
             !cast->scheme->verify(cast_keys(cast, epoch, i)->sign.pk, statement, sig.value))) {
            return false;
        }
    }
    return true;
}

/* Who voted under one body. */
struct voters {
    struct bytes body;
    uint64_t members;
    struct wire_list sigs;
};

/* Whether they signed it under that tag. */
static bool all_voted(const struct world *world, uint64_t height, enum sign_tag tag,
                      const struct voters *voters)
{
    uint8_t statement[STATEMENT_BYTES];
    statement_make(tag, world->cast.cluster_id, voters->body, statement);
    return all_signed(world, height, BYTES_OF_ARRAY(statement), voters->members, voters->sigs);
}

static bool is_of_its_epoch(const struct world *world, const struct vote *vote)
{
    return vote->epoch == check_epoch_at(world, vote->sequence)->number;
}

bool check_commits(const struct world *world, struct bytes bytes, uint64_t sequence,
                   const uint8_t digest[HASH_BYTES])
{
    const struct cast *cast = &world->cast;
    struct certificate certificate;
    struct vote vote;
    if (certificate_decode(bytes, &certificate) != WIRE_OK ||
        vote_decode(certificate.body, &vote) != WIRE_OK || vote.sequence != sequence ||
        !is_of_its_epoch(world, &vote) || !hash_equal(vote.digest, digest) ||
        certificate.members >> cast->n != 0 || set_count(certificate.members) < cast->q ||
        set_count(certificate.members) != certificate.sigs.count) {
        return false;
    }
    struct voters voters = {certificate.body, certificate.members, certificate.sigs};
    return all_voted(world, sequence, TAG_COMMIT, &voters);
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
        !is_of_its_epoch(world, vote) || !hash_equal(body.digest, vote->digest) ||
        prepared.members >> cast->n != 0 || (prepared.members >> primary & 1) != 0 ||
        set_count(prepared.members) < cast->q - 1 ||
        set_count(prepared.members) != prepared.sigs.count ||
        !check_signed(world, vote->epoch, primary, TAG_PRE_PREPARE, prepared.vote,
                      prepared.primary_sig)) {
        return false;
    }
    struct voters voters = {prepared.vote, prepared.members, prepared.sigs};
    return all_voted(world, vote->sequence, TAG_PREPARE, &voters);
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
    const struct sim_epoch *epoch = check_epoch_at(world, checkpoint.height);
    const struct replica_keys *keys = cast_keys(cast, epoch, rid);
    checkpoint_text(&checkpoint, &text);
    checkpoint_cosigned_text(buffer_bytes(&text), checkpoint.time_ms, &cosigned);
    return checkpoint.epoch == epoch->number &&
           cast->scheme->verify(keys->sign.pk, buffer_bytes(&text), note_sig) &&
           cast->scheme->verify(keys->cosign.pk, buffer_bytes(&cosigned), cosig);
}

bool check_stable(const struct world *world, const struct stable *stable)
{
    const struct cast *cast = &world->cast;
    struct checkpoint checkpoint;
    if (stable->members >> cast->n != 0 || set_count(stable->members) != stable->note_sigs.count ||
        !check_checkpoint_of(world, stable->header, &checkpoint) ||
        checkpoint.epoch != check_epoch_at(world, checkpoint.height)->number) {
        return false;
    }
    if (checkpoint.height > 0 && set_count(stable->members) < cast->q) {
        return false;
    }
    uint8_t space[CHECKPOINT_TEXT_MAX];
    struct buffer text = buffer_make(space, sizeof(space));
    checkpoint_text(&checkpoint, &text);
    return all_signed(world, checkpoint.height, buffer_bytes(&text), stable->members,
                      stable->note_sigs);
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
    struct note_key keys[SIM_REPLICAS_MAX];
    struct note_keyring keyring = {keys, cast->n};
    struct note_verdict verdict;
    struct checkpoint said;
    struct bytes text;
    struct bytes lines;
    if (note_split(note, &text, &lines) != NOTE_OK || checkpoint_parse(text, &said) != NOTE_OK ||
        said.epoch != check_epoch_at(world, said.height)->number) {
        world_fail(world, "I12", host->rid, "the newest checkpoint is none, or of another epoch");
        return;
    }
    cast_note_keys(cast, check_epoch(world, said.epoch), keys);
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
