/* What leaves a replica: no two votes that exclude each other, nothing that a crash could make it
 * forget, no view that goes back. */
#include "crypto/hash.h"
#include "storage/record.h"
#include "tests/sim/check.h"

#include <stdlib.h>
#include <string.h>

uint64_t check_word(const uint8_t hash[HASH_BYTES])
{
    uint64_t word = 0;
    memcpy(&word, hash, sizeof(word));
    return word | 1; /* 0 stands for nothing */
}

struct voted *check_voted(struct world *world, uint32_t rid, uint64_t sequence)
{
    struct check_host *host = &world->check->hosts[rid];
    CHECK(sequence < 1u << 24);
    if (sequence >= host->voted_count) {
        size_t count = 2 * (size_t)sequence + 256;
        host->voted = realloc(host->voted, count * sizeof(host->voted[0]));
        CHECK(host->voted != NULL);
        memset(host->voted + host->voted_count, 0,
               (count - host->voted_count) * sizeof(host->voted[0]));
        host->voted_count = count;
    }
    return &host->voted[sequence];
}

bool check_journal_get(struct host *host, uint8_t kind, uint64_t height, struct buffer *out)
{
    struct record_key key = record_key_journal(kind, height);
    return store_get(host->store, FAMILY_JOURNAL, record_key_bytes(&key), out) == STATUS_OK;
}

static bool has_batch(struct host *host, const uint8_t digest[HASH_BYTES])
{
    static uint8_t space[BATCH_PAYLOAD_BYTES_MAX];
    struct buffer out = buffer_make(space, sizeof(space));
    struct record_key batch = record_key_batch(digest);
    struct record_key payloads = record_key_payloads(digest);
    return store_get(host->store, FAMILY_BLOCKS, record_key_bytes(&batch), &out) == STATUS_OK &&
           store_get(host->store, FAMILY_PAYLOADS, record_key_bytes(&payloads), &out) == STATUS_OK;
}

/* A PRE-PREPARE or PREPARE rests on the stored proposal and its batch. */
static const char *proposal_wrong(struct world *world, struct host *host, const struct vote *vote)
{
    uint32_t primary = (uint32_t)((vote->epoch + vote->view) % world->cast.n);
    uint8_t space[512];
    struct buffer value = buffer_make(space, sizeof(space));
    struct slot_record record;
    struct vote stored;
    if (vote->sequence <= world->check->hosts[host->rid].stable) {
        return NULL; /* its record is gone, and may be */
    }
    if (!check_journal_get(host, 's', vote->sequence, &value)) {
        return "the proposal is not durable";
    }
    if (slot_record_decode(buffer_bytes(&value), &record) != WIRE_OK ||
        vote_decode(record.vote, &stored) != WIRE_OK) {
        return "the stored proposal is none";
    }
    if (stored.epoch == vote->epoch && stored.view > vote->view) {
        return NULL; /* synced together with what a later step put over it */
    }
    if (stored.epoch != vote->epoch || stored.view != vote->view ||
        !hash_equal(stored.digest, vote->digest)) {
        return "another proposal is durable";
    }
    if (!check_signed(world, stored.epoch, primary, TAG_PRE_PREPARE, record.vote,
                      record.primary_sig)) {
        return "the proposal is not the primary's";
    }
    return hash_is_zero(vote->digest) || has_batch(host, vote->digest) ? NULL
                                                                       : "the batch is not durable";
}

static const char *commit_wrong(struct world *world, struct host *host, const struct vote *vote)
{
    uint8_t space[8192];
    struct buffer value = buffer_make(space, sizeof(space));
    if (vote->sequence <= world->check->hosts[host->rid].stable) {
        return NULL;
    }
    if (!check_journal_get(host, 'p', vote->sequence, &value)) {
        return "the prepared certificate is not durable";
    }
    if (check_prepared(world, buffer_bytes(&value), vote)) {
        return NULL;
    }
    /* One of a later view was synced over it: then the VIEW-CHANGE in between must account for it.
     */
    struct prepared prepared;
    struct vote later;
    bool replaced = prepared_decode(buffer_bytes(&value), &prepared) == WIRE_OK &&
                    vote_decode(prepared.vote, &later) == WIRE_OK && later.view > vote->view &&
                    check_prepared(world, buffer_bytes(&value), &later);
    return replaced && check_carried(host, vote) ? NULL : "the certificate proves nothing";
}

static void vote_leaving(struct world *world, struct host *host, const struct envelope *envelope,
                         enum voted_kind kind)
{
    struct vote vote;
    if (vote_decode(envelope->body, &vote) != WIRE_OK || vote.sequence >= 1u << 24) {
        world_fail(world, "I9", host->rid, "a vote that is none");
        return;
    }
    if (vote.epoch != check_epoch_at(world, vote.sequence)->number) {
        world_fail(world, "I14", host->rid, "%s of epoch %lu for %lu",
                   message_type_text(envelope->type), (unsigned long)vote.epoch,
                   (unsigned long)vote.sequence);
        return;
    }
    uint64_t place = check_place(vote.epoch, vote.view);
    struct voted *voted = check_voted(world, host->rid, vote.sequence);
    uint64_t word = check_word(vote.digest);
    if ((voted->has >> kind & 1) != 0) {
        if (voted->view[kind] == vote.view && voted->word[kind] != word) {
            world_fail(world, "I9", host->rid, "a second %s for %lu",
                       message_type_text(envelope->type), (unsigned long)vote.sequence);
        }
        if (voted->view[kind] == vote.view) {
            return;
        }
        if (voted->view[kind] > vote.view) {
            world_fail(world, "I10", host->rid, "a %s for %lu in view %lu after one in %lu",
                       message_type_text(envelope->type), (unsigned long)vote.sequence,
                       (unsigned long)vote.view, (unsigned long)voted->view[kind]);
        }
    }
    /* A vote that was made before may be said again, but its VIEW-CHANGE must have known of it. */
    if (kind == VOTED_COMMIT && place < world->check->hosts[host->rid].changed &&
        !check_carried(host, &vote)) {
        world_fail(world, "I10", host->rid, "%s for %lu in view %lu, which it has left",
                   message_type_text(envelope->type), (unsigned long)vote.sequence,
                   (unsigned long)vote.view);
    }
    check_view_durable(world, host, place, true);
    voted->has |= (uint8_t)(1u << kind);
    voted->view[kind] = vote.view;
    voted->word[kind] = word;
    bool primary = (vote.epoch + vote.view) % world->cast.n == host->rid;
    const char *wrong = kind == VOTED_COMMIT ? commit_wrong(world, host, &vote)
                                             : proposal_wrong(world, host, &vote);
    if (kind != VOTED_COMMIT && primary != (kind == VOTED_PRE_PREPARE)) {
        wrong = "it is not this replica's to send";
    }
    if (wrong != NULL) {
        world_fail(world, "I9", host->rid, "%s for %lu: %s", message_type_text(envelope->type),
                   (unsigned long)vote.sequence, wrong);
    }
}

/* An attestation is of the log's block, after that is durable, and the same bytes for ever. */
static void attest_leaving(struct world *world, struct host *host, const struct attest *attest)
{
    const struct check *check = world->check;
    struct checkpoint checkpoint;
    if (world_is_other(world, host->rid)) {
        return;
    }
    if (!check_checkpoint_of(world, attest->header, &checkpoint) ||
        checkpoint.height > check->hosts[host->rid].durable ||
        checkpoint.height >= check->block_count) {
        world_fail(world, "I9", host->rid, "an attestation of a height that is not durable");
        return;
    }
    if (!hash_equal(checkpoint.header_hash, check->blocks[checkpoint.height].header_hash)) {
        world_fail(world, "I1", host->rid, "an attestation of another header at %lu",
                   (unsigned long)checkpoint.height);
        return;
    }
    struct voted *voted = check_voted(world, host->rid, checkpoint.height);
    if (voted->attested == 0) {
        voted->attested = check_word(checkpoint.header_hash);
        memcpy(voted->note_sig, attest->note_sig, SIG_BYTES);
        memcpy(voted->cosig, attest->cosig, SIG_BYTES);
        if (!check_attested(world, host->rid, attest->header, attest->note_sig, attest->cosig)) {
            world_fail(world, "I7", host->rid, "an attestation that does not verify");
        }
    } else if (memcmp(voted->note_sig, attest->note_sig, SIG_BYTES) != 0) {
        world_fail(world, "I9", host->rid, "two attestations of %lu",
                   (unsigned long)checkpoint.height);
    }
}

static void status_leaving(struct world *world, struct host *host, struct bytes body)
{
    struct check_host *seen = &world->check->hosts[host->rid];
    struct status_report report;
    if (status_report_decode(body, &report) != WIRE_OK) {
        world_fail(world, "I10", host->rid, "a STATUS that is none");
        return;
    }
    uint64_t place = check_place(report.epoch, report.view);
    bool grows =
        report.boot > seen->boot || (report.boot == seen->boot && report.counter > seen->counter);
    if (place < seen->view || !grows) {
        world_fail(world, "I10", host->rid, "a STATUS that goes back");
    }
    if (!check_in_epoch(world, report.epoch, report.stable)) {
        world_fail(world, "I14", host->rid, "a STATUS of epoch %lu above a stable %lu",
                   (unsigned long)report.epoch, (unsigned long)report.stable);
    }
    if (report.executed > seen->durable || report.stable > seen->stable) {
        world_fail(world, "I9", host->rid, "a STATUS ahead of what is durable");
    }
    check_view_durable(world, host, place, report.mode == MODE_ACTIVE);
    seen->boot = report.boot;
    seen->counter = report.counter;
    seen->view = place;
}

/* The epoch that a signed body is of, and its tag; false for what has none, or is judged by
 * itself. */
static bool body_of_epoch(const struct envelope *envelope, uint64_t *epoch, enum sign_tag *tag)
{
    struct vote vote;
    struct view_change change;
    struct new_view new_view;
    struct complain complain;
    struct status_report report;
    switch (envelope->type) {
    case MESSAGE_PRE_PREPARE:
    case MESSAGE_PREPARE:
    case MESSAGE_COMMIT:
        *tag = envelope->type == MESSAGE_COMMIT ? TAG_COMMIT : TAG_PREPARE;
        *tag = envelope->type == MESSAGE_PRE_PREPARE ? TAG_PRE_PREPARE : *tag;
        *epoch = vote_decode(envelope->body, &vote) == WIRE_OK ? vote.epoch : UINT64_MAX;
        return true;
    case MESSAGE_VIEW_CHANGE:
        *tag = TAG_VIEW_CHANGE;
        *epoch = view_change_decode(envelope->body, &change) == WIRE_OK ? change.epoch : UINT64_MAX;
        return true;
    case MESSAGE_NEW_VIEW:
        *tag = TAG_NEW_VIEW;
        *epoch =
            new_view_decode(envelope->body, &new_view) == WIRE_OK ? new_view.epoch : UINT64_MAX;
        return true;
    case MESSAGE_COMPLAIN:
        *tag = TAG_COMPLAIN;
        *epoch =
            complain_decode(envelope->body, &complain) == WIRE_OK ? complain.epoch : UINT64_MAX;
        return true;
    case MESSAGE_STATUS:
        *tag = TAG_STATUS;
        *epoch =
            status_report_decode(envelope->body, &report) == WIRE_OK ? report.epoch : UINT64_MAX;
        return true;
    default:
        return false;
    }
}

bool check_own_signature(const struct world *world, const struct envelope *envelope)
{
    uint64_t epoch = 0;
    enum sign_tag tag = TAG_PREPARE;
    return !body_of_epoch(envelope, &epoch, &tag) ||
           (envelope->sig.len == SIG_BYTES &&
            check_signed(world, epoch, envelope->rid, tag, envelope->body, envelope->sig.data));
}

/* What it signed before is not known to it: it signs nothing of the agreement any more. */
static void forgetful_leaving(struct world *world, const struct host *host,
                              const struct envelope *envelope)
{
    switch (envelope->type) {
    case MESSAGE_PRE_PREPARE:
    case MESSAGE_PREPARE:
    case MESSAGE_COMMIT:
    case MESSAGE_ATTEST:
    case MESSAGE_COMPLAIN:
    case MESSAGE_VIEW_CHANGE:
    case MESSAGE_NEW_VIEW:
        if (host_is_recovering(world, host)) {
            world_fail(world, "I9", host->rid, "%s, after its disk was another one",
                       message_type_text(envelope->type));
        }
        break;
    default:
        break;
    }
}

void check_leaving(struct world *world, struct host *host, const struct blob *frame)
{
    struct envelope envelope;
    struct attest attest;
    size_t used = 0;
    if (schema_decode_front(&schema_envelope, blob_bytes(frame), &envelope, &used) != WIRE_OK) {
        world_fail(world, "I9", host->rid, "a frame that is none");
        return;
    }
    if (envelope.rid != host->rid) {
        return; /* passed on: another replica's proposal, a client's request */
    }
    if (!check_own_signature(world, &envelope)) {
        world_fail(world, "I14", host->rid, "%s without its key of that epoch",
                   message_type_text(envelope.type));
    }
    if ((world->forgot >> host->rid & 1) != 0) {
        forgetful_leaving(world, host, &envelope);
        return;
    }
    switch (envelope.type) {
    case MESSAGE_PRE_PREPARE:
        vote_leaving(world, host, &envelope, VOTED_PRE_PREPARE);
        break;
    case MESSAGE_PREPARE:
        vote_leaving(world, host, &envelope, VOTED_PREPARE);
        break;
    case MESSAGE_COMMIT:
        vote_leaving(world, host, &envelope, VOTED_COMMIT);
        break;
    case MESSAGE_ATTEST:
        if (attest_decode(envelope.body, &attest) == WIRE_OK) {
            attest_leaving(world, host, &attest);
        }
        break;
    case MESSAGE_VIEW_CHANGE:
        check_view_change(world, host, envelope.body);
        break;
    case MESSAGE_NEW_VIEW:
        check_new_view_sent(world, host, envelope.body);
        break;
    case MESSAGE_STATUS:
        status_leaving(world, host, envelope.body);
        break;
    default:
        break;
    }
}

void check_reply(struct world *world, struct host *host, const struct telling *reply)
{
    if (!reply->hint) {
        attest_leaving(world, host, &reply->attest);
    }
}
