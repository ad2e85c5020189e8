/* Evidence: never against a correct replica, always proof, and always there when a liar's second
 * word reaches one that has the first. */
#include "crypto/hash.h"
#include "tests/sim/check.h"

#include <stdlib.h>
#include <string.h>

/* Whether both statements are signed so by whom they accuse, with the key of that epoch. */
static bool both_signed(const struct world *world, const struct evidence *evidence, uint64_t epoch,
                        enum sign_tag tag)
{
    return check_signed(world, epoch, evidence->rid, tag, evidence->first, evidence->first_sig) &&
           check_signed(world, epoch, evidence->rid, tag, evidence->second,
                        evidence->second_sig.data);
}

static bool votes_contradict(const struct world *world, const struct evidence *evidence,
                             enum sign_tag tag)
{
    struct vote first;
    struct vote second;
    return vote_decode(evidence->first, &first) == WIRE_OK &&
           vote_decode(evidence->second, &second) == WIRE_OK && first.epoch == second.epoch &&
           first.view == second.view && first.sequence == second.sequence &&
           memcmp(first.digest, second.digest, HASH_BYTES) != 0 &&
           both_signed(world, evidence, first.epoch, tag);
}

/* What is wrong with the batch is the judge's to say; that this is what was proposed is seen here.
 */
static bool proposes(const struct world *world, const struct evidence *evidence)
{
    struct vote vote;
    uint8_t digest[HASH_BYTES];
    hash_bytes(evidence->proof, digest);
    return vote_decode(evidence->first, &vote) == WIRE_OK && hash_equal(digest, vote.digest) &&
           check_signed(world, vote.epoch, evidence->rid, TAG_PRE_PREPARE, evidence->first,
                        evidence->first_sig);
}

static bool attestations_contradict(const struct world *world, const struct evidence *evidence)
{
    const struct cast *cast = &world->cast;
    struct checkpoint first;
    struct checkpoint second;
    if (!check_checkpoint_of(world, evidence->first, &first) ||
        !check_checkpoint_of(world, evidence->second, &second) ||
        check_epoch(world, first.epoch) == NULL || first.epoch != second.epoch) {
        return false;
    }
    const struct sim_epoch *epoch = check_epoch(world, first.epoch);
    const uint8_t *key = cast_keys(cast, epoch, (uint32_t)evidence->rid)->sign.pk;
    return first.height == second.height &&
           memcmp(first.header_hash, second.header_hash, HASH_BYTES) != 0 &&
           checkpoint_verify(cast->scheme, &first, NOTE_SIGN, key, evidence->first_sig) &&
           checkpoint_verify(cast->scheme, &second, NOTE_SIGN, key, evidence->second_sig.data);
}

static bool changes_contradict(const struct world *world, const struct evidence *evidence)
{
    struct view_change first;
    struct view_change second;
    return view_change_decode(evidence->first, &first) == WIRE_OK &&
           view_change_decode(evidence->second, &second) == WIRE_OK && first.view == second.view &&
           first.epoch == second.epoch && !bytes_equal(evidence->first, evidence->second) &&
           both_signed(world, evidence, first.epoch, TAG_VIEW_CHANGE);
}

static bool change_is_wrong(const struct world *world, const struct evidence *evidence)
{
    struct view_change change;
    return view_change_decode(evidence->first, &change) == WIRE_OK &&
           check_signed(world, change.epoch, evidence->rid, TAG_VIEW_CHANGE, evidence->first,
                        evidence->first_sig) &&
           check_change_wrong(world, evidence->first) != NULL;
}

static bool new_view_is_wrong(const struct world *world, const struct evidence *evidence)
{
    struct new_view new_view;
    return new_view_decode(evidence->first, &new_view) == WIRE_OK &&
           check_signed(world, new_view.epoch, evidence->rid, TAG_NEW_VIEW, evidence->first,
                        evidence->first_sig) &&
           check_new_view_wrong(world, evidence->rid, evidence->first) != NULL;
}

static bool change_denies(const struct world *world, const struct evidence *evidence)
{
    struct vote commit;
    struct view_change change;
    return vote_decode(evidence->first, &commit) == WIRE_OK &&
           view_change_decode(evidence->second, &change) == WIRE_OK &&
           commit.epoch == change.epoch && commit.view < change.view &&
           !check_shows(&change, &commit) &&
           check_signed(world, commit.epoch, evidence->rid, TAG_COMMIT, evidence->first,
                        evidence->first_sig) &&
           check_signed(world, change.epoch, evidence->rid, TAG_VIEW_CHANGE, evidence->second,
                        evidence->second_sig.data);
}

static bool convicts(const struct world *world, const struct evidence *evidence)
{
    switch (evidence->kind) {
    case EVIDENCE_PRE_PREPARE:
        return votes_contradict(world, evidence, TAG_PRE_PREPARE);
    case EVIDENCE_BATCH:
        return proposes(world, evidence);
    case EVIDENCE_PREPARE:
        return votes_contradict(world, evidence, TAG_PREPARE);
    case EVIDENCE_COMMIT:
        return votes_contradict(world, evidence, TAG_COMMIT);
    case EVIDENCE_ATTEST:
        return attestations_contradict(world, evidence);
    case EVIDENCE_VIEW_CHANGE:
        return evidence->second.len == 0 ? change_is_wrong(world, evidence)
                                         : changes_contradict(world, evidence);
    case EVIDENCE_NEW_VIEW:
        return new_view_is_wrong(world, evidence);
    case EVIDENCE_DENIAL:
        return change_denies(world, evidence);
    default:
        return false;
    }
}

enum evidence_verdict check_judge(const struct world *world, struct bytes bytes)
{
    static struct item_view scratch;
    const struct cast *cast = &world->cast;
    struct evidence_facts facts;
    struct roster rosters[2];
    if (!evidence_read(bytes, &facts) || check_epoch(world, facts.epoch) == NULL) {
        return EVIDENCE_MALFORMED;
    }
    const struct sim_epoch *epoch = check_epoch(world, facts.epoch);
    bool first = epoch->number == 0;
    cast_roster(cast, epoch, &rosters[0]);
    cast_roster(cast, first ? epoch : epoch - 1, &rosters[1]);
    const struct evidence_trust trust = {
        .scheme = cast->scheme,
        .roster = &rosters[0],
        .ended = first ? NULL : &rosters[1],
        .begun = first ? 0 : epoch->first - 1,
        .cluster_id = cast->cluster_id,
        .origin = &cast->origin,
        .scratch = &scratch,
        .interval = world->plan.interval,
        .window = world->plan.window,
    };
    return evidence_judge(&trust, bytes, &facts);
}

void check_evidence(struct world *world, struct host *host, struct bytes bytes)
{
    struct evidence evidence;
    if (evidence_decode(bytes, &evidence) != WIRE_OK || evidence.rid >= world->plan.n ||
        (evidence.second.len > 0 && evidence.second_sig.len != SIG_BYTES)) {
        world_fail(world, "I15", host->rid, "evidence that is none");
        return;
    }
    if ((world->plan.liars >> evidence.rid & 1) == 0) {
        world_fail(world, "I15", host->rid, "evidence against r%lu, which is correct",
                   (unsigned long)evidence.rid);
        return;
    }
    enum evidence_verdict verdict = check_judge(world, bytes);
    if (!convicts(world, &evidence)) {
        world_fail(world, "I15", host->rid, "evidence that proves nothing");
    } else if (verdict != EVIDENCE_PROVES) {
        world_fail(world, "I15", host->rid, "evidence that the judge does not take: %s",
                   evidence_verdict_text(verdict));
    }
    bool of_views = evidence.kind == EVIDENCE_VIEW_CHANGE || evidence.kind == EVIDENCE_NEW_VIEW;
    world->check->hosts[host->rid].denials |=
        evidence.kind == EVIDENCE_DENIAL ? 1u << evidence.rid : 0;
    world->check->proofs += of_views && evidence.second.len == 0 ? 1 : 0;
    world->tally.evidence++;
}

/* --- What a liar's messages must lead to -------------------------------------------------------
 */

static bool voted_kind_of(uint64_t type, enum voted_kind *out)
{
    switch (type) {
    case MESSAGE_PRE_PREPARE:
        *out = VOTED_PRE_PREPARE;
        return true;
    case MESSAGE_PREPARE:
        *out = VOTED_PREPARE;
        return true;
    case MESSAGE_COMMIT:
        *out = VOTED_COMMIT;
        return true;
    default:
        return false;
    }
}

static bool has_evidence(const struct outbox *outbox, uint64_t rid)
{
    for (uint32_t i = 0; i < outbox->action_count; i++) {
        struct evidence evidence;
        if (outbox->actions[i].kind == ACTION_EVIDENCE &&
            evidence_decode(outbox->actions[i].frame, &evidence) == WIRE_OK &&
            evidence.rid == rid) {
            return true;
        }
    }
    return false;
}

static struct check_taken *taken_place(struct check_host *seen, uint64_t sequence, uint64_t rid,
                                       enum voted_kind kind)
{
    if (sequence >= seen->taken_count) {
        size_t count = 2 * (size_t)sequence + 256;
        seen->taken = realloc(seen->taken, count * sizeof(seen->taken[0]));
        CHECK(seen->taken != NULL);
        memset(seen->taken + seen->taken_count, 0,
               (count - seen->taken_count) * sizeof(seen->taken[0]));
        seen->taken_count = count;
    }
    return &seen->taken[sequence][rid][kind];
}

void check_taken(struct world *world, struct host *host, struct bytes frame, enum drop drop,
                 const struct outbox *outbox)
{
    struct envelope envelope;
    struct vote vote;
    enum voted_kind kind = VOTED_PREPARE;
    size_t used = 0;
    if (world->plan.liars == 0) {
        return;
    }
    if (schema_decode_front(&schema_envelope, frame, &envelope, &used) != WIRE_OK ||
        envelope.rid >= world->plan.n || (world->plan.liars >> envelope.rid & 1) == 0) {
        return;
    }
    bool conflicts = drop == DROP_CONFLICT && envelope.type != MESSAGE_REQUEST;
    if (conflicts && !has_evidence(outbox, envelope.rid)) {
        world_fail(world, "I16", host->rid, "a contradiction of r%lu without evidence",
                   (unsigned long)envelope.rid);
    }
    /* STATUS of another epoch than the node's is a hint of its sender's, signed or not. */
    if (drop == DROP_NONE && envelope.type != MESSAGE_STATUS &&
        !check_own_signature(world, &envelope)) {
        world_fail(world, "I14", host->rid, "a %s of r%lu without its key of that epoch was taken",
                   message_type_text(envelope.type), (unsigned long)envelope.rid);
    }
    if (drop != DROP_NONE || !voted_kind_of(envelope.type, &kind) ||
        vote_decode(envelope.body, &vote) != WIRE_OK || vote.sequence >= 1u << 24) {
        return;
    }
    if (vote.epoch != check_epoch_at(world, vote.sequence)->number) {
        world_fail(world, "I14", host->rid, "a %s of epoch %lu for %lu was taken",
                   message_type_text(envelope.type), (unsigned long)vote.epoch,
                   (unsigned long)vote.sequence);
    }
    struct check_taken *taken =
        taken_place(&world->check->hosts[host->rid], vote.sequence, envelope.rid, kind);
    uint64_t word = check_word(vote.digest);
    if (taken->word != 0 && taken->word != word && taken->view == vote.view) {
        world_fail(world, "I16", host->rid, "two of r%lu's %s for %lu were taken",
                   (unsigned long)envelope.rid, message_type_text(envelope.type),
                   (unsigned long)vote.sequence);
    }
    *taken = (struct check_taken){vote.view, word};
}
