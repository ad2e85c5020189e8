/* Checking what a snapshot brings, as a function of the frame and the keys: chunks of the state
 * against its root, blocks against their certificates and the headers before them. */
#include "crypto/hash.h"
#include "governance/mutant.h"
#include "governance/state_chunk.h"
#include "replica/core/verify_parts.h"

enum drop snapshot_verify(const struct share *share, const struct data *data,
                          struct bytes attachment)
{
    struct state_chunk chunk;
    if (state_chunk_decode(attachment, &chunk) != WIRE_OK || chunk.height != data->from) {
        return DROP_MALFORMED;
    }
    bool good = share->part != 0 || state_chunk_check(&chunk, data->digest) || MUTANT(70);
    return good ? DROP_NONE : DROP_CERTIFICATE;
}

/* The header is of the block that the certificate is of, and the one before is before it. */
static bool headers_fit(const struct share *share, const struct history_parcel *parcel,
                        const struct vote *vote)
{
    struct block_header header;
    struct block_header previous;
    uint8_t hash[HASH_BYTES];
    hash_bytes(parcel->previous, hash);
    return block_header_decode(parcel->header, &header) == WIRE_OK &&
           block_header_decode(parcel->previous, &previous) == WIRE_OK &&
           header.height == vote->sequence && header.epoch == vote->epoch &&
           hash_equal(header.cluster_id, share->job->cluster_id) &&
           hash_equal(header.batch_digest, vote->digest) && header.height > 0 &&
           previous.height == header.height - 1 && hash_equal(hash, header.prev_header_hash);
}

enum drop history_verify(const struct share *share, const struct data *data,
                         struct bytes attachment)
{
    struct history_parcel parcel;
    struct certificate certificate;
    struct vote vote;
    if (history_parcel_decode(attachment, &parcel) != WIRE_OK ||
        certificate_decode(parcel.commit, &certificate) != WIRE_OK ||
        vote_decode(certificate.body, &vote) != WIRE_OK || vote.sequence != data->from) {
        return DROP_MALFORMED;
    }
    if (share->part == 0) {
        enum drop drop = headers_fit(share, &parcel, &vote)
                             ? certified(share->job, &certificate, &vote, parcel.batch)
                             : DROP_CERTIFICATE;
        if (drop != DROP_NONE) {
            return drop;
        }
    }
    struct share rest = *share;
    rest.certified = true;
    if (hash_is_zero(vote.digest)) {
        return parcel.payloads.len == 0 ? DROP_NONE : DROP_MALFORMED;
    }
    return items_verify(&rest, parcel.batch, parcel.payloads);
}
