/* Everything about a frame that takes hashing or signature checks, as a function of the frame and a
 * copy of the keys: it runs on any thread and never sees the node. Acceptance of a batch rests on
 * this and on nothing that changes. */
#include "crypto/hash.h"
#include "governance/item.h"
#include "replica/core/node_parts.h"
#include "replica/core/verify_parts.h"

#include <string.h>

static bool memo_known(const struct sig_memo *memo, const uint8_t key[HASH_BYTES])
{
    return memo != NULL && memo->known(memo->context, key);
}

/* A token's inner signatures are the same with every request that shows the token. */
static bool signature_good(const struct share *share, const struct item_signature *signature,
                           bool remember)
{
    struct bytes parts[] = {
        BYTES_OF_ARRAY(signature->public_key),
        BYTES_OF_ARRAY(signature->statement),
        BYTES_OF_ARRAY(signature->sig),
    };
    uint8_t key[HASH_BYTES];
    if (remember) {
        hash_parts(parts, 3, key);
        if (memo_known(share->memo, key)) {
            return true;
        }
    }
    if (!share->job->scheme->verify(signature->public_key, parts[1], signature->sig)) {
        return false;
    }
    if (remember && share->memo != NULL) {
        share->memo->add(share->memo->context, key);
    }
    return true;
}

/* The context is the share. */
static bool key_point_valid(void *context, const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    const struct share *share = context;
    uint8_t key[HASH_BYTES];
    hash_bytes(bytes_make(public_key, PUBLIC_KEY_BYTES), key);
    if (memo_known(share->memo, key)) {
        return true;
    }
    bool valid = share->job->scheme->key_valid(public_key);
    if (valid && share->memo != NULL) {
        share->memo->add(share->memo->context, key);
    }
    return valid;
}

/* Each payload belongs to its statement: same length, and the salted hash. */
static bool payloads_match(const struct item_view *view, struct wire_iter *payloads)
{
    for (uint32_t i = 0; i < view->count; i++) {
        struct payload payload;
        if (!payload_next(payloads, &payload) || payload.salt.len != SALT_BYTES ||
            payload.bytes.len != view->statements[i].payload_len) {
            return false;
        }
        struct bytes parts[] = {payload.salt, payload.bytes};
        uint8_t hash[HASH_BYTES];
        hash_parts(parts, 2, hash);
        if (!hash_equal(hash, view->statements[i].payload_hash)) {
            return false;
        }
    }
    return true;
}

static enum drop item_verify(const struct share *share, const struct item *item,
                             struct wire_iter *payloads)
{
    struct item_view view;
    struct share context = *share;
    if (item_parse(item, share->job->cluster_id, &view) != RESULT_OK ||
        (!share->certified && !item_shape(&view, key_point_valid, &context))) {
        return DROP_MALFORMED;
    }
    if (!payloads_match(&view, payloads)) {
        return DROP_DIGEST;
    }
    if (share->certified) {
        return DROP_NONE;
    }
    struct item_signature signatures[ITEM_SIGNATURES_MAX];
    uint32_t count = item_signatures(&view, signatures);
    for (uint32_t i = 0; i < count; i++) {
        bool is_request = memcmp(signatures[i].statement, view.statement, STATEMENT_BYTES) == 0;
        if (!signature_good(share, &signatures[i], !is_request)) {
            return DROP_CLIENT_SIGNATURE;
        }
    }
    return DROP_NONE;
}

enum drop items_verify(const struct share *share, struct bytes batch_bytes,
                       struct bytes payload_bytes)
{
    struct batch batch;
    struct payloads payloads;
    if (batch_decode(batch_bytes, &batch) != WIRE_OK ||
        payloads_decode(payload_bytes, &payloads) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    struct wire_iter items = wire_iter_make(batch.items);
    struct wire_iter rest = wire_iter_make(payloads.list);
    struct item item;
    for (uint32_t i = 0; item_next(&items, &item); i++) {
        if (i % share->parts == share->part) {
            enum drop drop = item_verify(share, &item, &rest);
            if (drop != DROP_NONE) {
                return drop;
            }
            continue;
        }
        struct payload skipped;
        for (uint32_t k = 0; k < item.statements.count; k++) {
            if (!payload_next(&rest, &skipped)) {
                return DROP_MALFORMED;
            }
        }
    }
    return rest.left == 0 ? DROP_NONE : DROP_MALFORMED;
}

static enum drop request_verify(const struct share *share, const struct message *message)
{
    struct request_parcel parcel;
    struct payloads payloads;
    struct item item;
    if (request_parcel_decode(message->attachment, &parcel) != WIRE_OK ||
        item_decode(parcel.item, &item) != WIRE_OK ||
        payloads_decode(parcel.payloads, &payloads) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (share->part != 0) {
        return DROP_NONE;
    }
    struct wire_iter rest = wire_iter_make(payloads.list);
    enum drop drop = item_verify(share, &item, &rest);
    if (drop != DROP_NONE) {
        return drop;
    }
    return rest.left == 0 ? DROP_NONE : DROP_MALFORMED;
}

static enum drop envelope_verify(const struct verify_job *job, const struct message *message)
{
    const struct envelope *envelope = &message->envelope;
    enum sign_tag tag = TAG_STATUS;
    if (!message_tag(envelope->type, &tag) || envelope->sig.len != SIG_BYTES) {
        return DROP_MALFORMED;
    }
    const struct roster_member *member = roster_find(&job->roster, (uint32_t)envelope->rid);
    if (member == NULL) {
        return DROP_SENDER;
    }
    bool good = verify_body(job->scheme, member->sign_pk, tag, job->cluster_id, envelope->body,
                            envelope->sig.data);
    good = good || (MUTANT(95) && roster_find(&job->ended, member->rid) != NULL &&
                    verify_body(job->scheme, roster_find(&job->ended, member->rid)->sign_pk, tag,
                                job->cluster_id, envelope->body, envelope->sig.data));
    return good ? DROP_NONE : DROP_SIGNATURE;
}

static enum drop pre_prepare_verify(const struct share *share, const struct message *message)
{
    struct vote vote;
    struct batch_parcel parcel;
    if (vote_decode(message->envelope.body, &vote) != WIRE_OK ||
        batch_parcel_decode(message->attachment, &parcel) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (share->part == 0) {
        enum drop drop = envelope_verify(share->job, message);
        uint8_t digest[HASH_BYTES];
        hash_bytes(parcel.batch, digest);
        if (drop != DROP_NONE) {
            return drop;
        }
        if (!hash_equal(digest, vote.digest)) {
            return DROP_DIGEST;
        }
    }
    return items_verify(share, parcel.batch, parcel.payloads);
}

bool job_refusal_matters(const struct verify_job *job, enum drop verdict)
{
    switch (job->type) {
    case MESSAGE_DATA:
        return true;
    case MESSAGE_PRE_PREPARE:
        return verdict == DROP_CLIENT_SIGNATURE || verdict == DROP_MALFORMED;
    case MESSAGE_VIEW_CHANGE:
    case MESSAGE_NEW_VIEW:
        return verdict == DROP_CERTIFICATE;
    default:
        return false;
    }
}

static enum drop attest_verify(const struct verify_job *job, const struct message *message)
{
    struct attest attest;
    struct origin origin;
    struct checkpoint checkpoint;
    const struct roster_member *member = roster_find(&job->roster, (uint32_t)message->envelope.rid);
    if (member == NULL) {
        return DROP_SENDER;
    }
    if (attest_decode(message->envelope.body, &attest) != WIRE_OK ||
        !origin_make(job->charter_name, job->cluster_id, &origin) ||
        !checkpoint_of_header(job->cluster_id, &origin, attest.header, &checkpoint)) {
        return DROP_MALFORMED;
    }
    bool good =
        checkpoint_verify(job->scheme, &checkpoint, NOTE_SIGN, member->sign_pk, attest.note_sig) &&
        checkpoint_verify(job->scheme, &checkpoint, NOTE_COSIGN, member->cosign_pk, attest.cosig);
    return good ? DROP_NONE : DROP_SIGNATURE;
}

/* Q distinct members signed `body` as COMMIT. */
static bool commits_good(const struct verify_job *job, const struct roster *roster,
                         const struct certificate *certificate)
{
    struct wire_iter sigs = wire_iter_make(certificate->sigs);
    if (MUTANT(9)) {
        return true;
    }
    if (certificate->members >> roster->n != 0 ||
        members_count(certificate->members) != certificate->sigs.count ||
        certificate->sigs.count < roster->q) {
        return false;
    }
    for (uint32_t i = 0; i < roster->n; i++) {
        struct item_sig sig;
        if ((certificate->members >> i & 1) == 0) {
            continue;
        }
        if (!item_sig_next(&sigs, &sig) ||
            !verify_body(job->scheme, roster->members[i].sign_pk, TAG_COMMIT, job->cluster_id,
                         certificate->body, sig.value)) {
            return false;
        }
    }
    return true;
}

/* The members of an epoch that can be judged here, or NULL. */
static const struct roster *roster_of_epoch(const struct verify_job *job, uint64_t epoch)
{
    if (epoch == job->roster.epoch) {
        return &job->roster;
    }
    return job->ended.n > 0 && epoch == job->ended.epoch ? &job->ended : NULL;
}

enum drop certified(const struct verify_job *job, const struct certificate *certificate,
                    const struct vote *vote, struct bytes batch)
{
    const struct roster *roster = roster_of_epoch(job, vote->epoch);
    uint8_t digest[HASH_BYTES];
    if (roster == NULL || (vote->sequence <= job->begun) != (roster == &job->ended)) {
        return DROP_EPOCH;
    }
    hash_bytes(batch, digest);
    bool same = hash_is_zero(vote->digest) ? batch.len == 0 : hash_equal(digest, vote->digest);
    return same && commits_good(job, roster, certificate) ? DROP_NONE : DROP_CERTIFICATE;
}

static enum drop block_verify(const struct share *share, const struct data *data,
                              const struct message *message)
{
    struct block_parcel parcel;
    struct certificate certificate;
    struct vote vote;
    if (block_parcel_decode(message->attachment, &parcel) != WIRE_OK ||
        certificate_decode(parcel.commit, &certificate) != WIRE_OK ||
        vote_decode(certificate.body, &vote) != WIRE_OK || vote.sequence != data->from) {
        return DROP_MALFORMED;
    }
    enum drop drop =
        share->part == 0 ? certified(share->job, &certificate, &vote, parcel.batch) : DROP_NONE;
    if (drop != DROP_NONE) {
        return drop;
    }
    struct share rest = *share;
    rest.certified = true;
    return hash_is_zero(vote.digest) ? DROP_NONE
                                     : items_verify(&rest, parcel.batch, parcel.payloads);
}

static enum drop batch_verify(const struct share *share, const struct data *data,
                              const struct message *message)
{
    struct batch_parcel parcel;
    if (batch_parcel_decode(message->attachment, &parcel) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    uint8_t digest[HASH_BYTES];
    hash_bytes(parcel.batch, digest);
    if (!hash_equal(digest, data->digest)) {
        return DROP_DIGEST;
    }
    return items_verify(share, parcel.batch, parcel.payloads);
}

static enum drop stable_verify(const struct verify_job *job, const struct message *message)
{
    struct stable stable;
    struct block_header header;
    if (stable_decode(message->attachment, &stable) != WIRE_OK ||
        block_header_decode(stable.header, &header) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (roster_of_epoch(job, header.epoch) == NULL) {
        return DROP_EPOCH;
    }
    return stable_good(job, &stable) ? DROP_NONE : DROP_CERTIFICATE;
}

/* The answer's own signature, and those of the messages in it, which are all of one member. */
static enum drop challenge_answer_verify(const struct share *share, const struct message *message)
{
    struct challenge_answer answer;
    enum drop drop = share->part == 0 ? envelope_verify(share->job, message) : DROP_NONE;
    if (drop != DROP_NONE || challenge_answer_decode(message->envelope.body, &answer) != WIRE_OK) {
        return drop != DROP_NONE ? drop : DROP_MALFORMED;
    }
    for (uint32_t i = 0; answer.newest.len > 0; i++) {
        struct message held = {0};
        size_t used = 0;
        if (schema_decode_front(&schema_envelope, answer.newest, &held.envelope, &used) !=
                WIRE_OK ||
            held.envelope.rid != answer.rid) {
            return DROP_MALFORMED;
        }
        answer.newest = bytes_slice(answer.newest, used, answer.newest.len - used);
        if (i % share->parts != share->part) {
            continue;
        }
        drop = held.envelope.type == MESSAGE_ATTEST ? attest_verify(share->job, &held)
                                                    : envelope_verify(share->job, &held);
        if (drop != DROP_NONE) {
            return DROP_CERTIFICATE;
        }
    }
    return DROP_NONE;
}

/* A complaint, and the request that waits, when it brings one. */
static enum drop complain_verify(const struct share *share, const struct message *message)
{
    enum drop drop = share->part == 0 ? envelope_verify(share->job, message) : DROP_NONE;
    if (drop != DROP_NONE || message->attachment.len == 0) {
        return drop;
    }
    return request_verify(share, message);
}

/* A NEW-VIEW that another replica than its primary brings, as it was stored. */
static enum drop relayed_new_view_verify(const struct share *share, const struct message *message)
{
    struct message inner;
    enum drop drop = message_split(message->attachment, &inner);
    if (drop != DROP_NONE || inner.envelope.type != MESSAGE_NEW_VIEW) {
        return DROP_MALFORMED;
    }
    return new_view_verify(share, &inner);
}

static enum drop data_verify(const struct share *share, const struct message *message)
{
    struct data data;
    if (data_decode(message->envelope.body, &data) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (message->attachment.len == 0) {
        return DROP_NONE; /* it says that nothing is there */
    }
    switch (data.kind) {
    case FETCH_BATCH:
        return batch_verify(share, &data, message);
    case FETCH_BLOCKS:
        return block_verify(share, &data, message);
    case FETCH_STABLE:
        return share->part == 0 ? stable_verify(share->job, message) : DROP_NONE;
    case FETCH_NEW_VIEW:
        return relayed_new_view_verify(share, message);
    case FETCH_SNAPSHOT:
        return snapshot_verify(share, &data, message->attachment);
    case FETCH_HISTORY:
        return history_verify(share, &data, message->attachment);
    default:
        return DROP_NOT_WANTED;
    }
}

enum drop job_verify(const struct verify_job *job, struct bytes frame, uint32_t part,
                     uint32_t parts, const struct sig_memo *memo)
{
    CHECK(part < parts);
    struct share share = {.job = job, .memo = memo, .part = part, .parts = parts};
    struct message message;
    enum drop drop = message_split(frame, &message);
    if (drop != DROP_NONE) {
        return drop;
    }
    switch (message.envelope.type) {
    case MESSAGE_REQUEST:
        return request_verify(&share, &message);
    case MESSAGE_PRE_PREPARE:
        return pre_prepare_verify(&share, &message);
    case MESSAGE_DATA:
        return data_verify(&share, &message);
    case MESSAGE_CHALLENGE_ANSWER:
        return challenge_answer_verify(&share, &message);
    case MESSAGE_COMPLAIN:
        return complain_verify(&share, &message);
    case MESSAGE_VIEW_CHANGE:
        return view_change_verify(&share, &message);
    case MESSAGE_NEW_VIEW:
        return new_view_verify(&share, &message);
    case MESSAGE_ATTEST:
        return part == 0 ? attest_verify(job, &message) : DROP_NONE;
    default:
        return part == 0 && !job->hint ? envelope_verify(job, &message) : DROP_NONE;
    }
}
