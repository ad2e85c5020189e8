/* What faulty replicas send. Their nodes are the same as everybody's; what they send is changed
 * here and signed again with their keys, as someone who holds these keys could. */
#include "crypto/hash.h"
#include "tests/sim/check.h"
#include "tests/sim/world.h"

#include <string.h>

static uint8_t frame_space[1u << 16];

static struct bytes frame_of(uint64_t type, uint32_t rid, struct bytes body, const uint8_t *sig,
                             struct bytes attachment)
{
    struct buffer frame = buffer_make(frame_space, sizeof(frame_space));
    struct envelope envelope = {.type = type, .rid = rid, .body = body};
    if (sig != NULL) {
        envelope.sig = bytes_make(sig, SIG_BYTES);
    }
    CHECK(envelope_encode(&envelope, &frame));
    buffer_put(&frame, attachment);
    CHECK(!frame.full);
    return buffer_bytes(&frame);
}

static void lie_send(struct world *world, const struct host *host, uint32_t to, struct bytes frame)
{
    struct blob *blob = blob_make(frame);
    world->tally.lies++;
    world_trace(world, "r%u lies to r%u", host->rid, to);
    network_send(world, host->rid, to, blob);
    blob_drop(blob);
}

static void vote_lie(struct world *world, const struct host *host, uint32_t to, uint64_t type,
                     struct vote *vote)
{
    const struct cast *cast = &world->cast;
    uint8_t space[128];
    uint8_t sig[SIG_BYTES];
    struct buffer body = buffer_make(space, sizeof(space));
    enum sign_tag tag = type == MESSAGE_COMMIT ? TAG_COMMIT : TAG_PREPARE;
    prng_fill(&world->prng, vote->digest, HASH_BYTES);
    CHECK(vote_encode(vote, &body));
    sign_body(cast->scheme, cast->sign[host->rid].seed, cast->sign[host->rid].pk, tag,
              cast->cluster_id, buffer_bytes(&body), sig);
    lie_send(world, host, to, frame_of(type, host->rid, buffer_bytes(&body), sig, BYTES_EMPTY));
}

/* A proposal of an empty batch, signed by whoever lies. */
static void proposal_lie(struct world *world, const struct host *host, uint32_t to,
                         const struct vote *like)
{
    const struct cast *cast = &world->cast;
    uint8_t batch_space[32];
    uint8_t payload_space[8];
    uint8_t parcel_space[64];
    uint8_t body_space[128];
    uint8_t sig[SIG_BYTES];
    struct buffer batch = buffer_make(batch_space, sizeof(batch_space));
    struct buffer payloads = buffer_make(payload_space, sizeof(payload_space));
    struct buffer parcel = buffer_make(parcel_space, sizeof(parcel_space));
    struct buffer body = buffer_make(body_space, sizeof(body_space));
    struct batch empty = {
        .time_ms = host_wall_ms(world, host) + prng_below(&world->prng, 1000),
    };
    struct payloads none = {0};
    struct vote vote = {.view = like->view, .sequence = like->sequence};
    CHECK(batch_encode(&empty, &batch));
    CHECK(payloads_encode(&none, &payloads));
    struct batch_parcel object = {buffer_bytes(&batch), buffer_bytes(&payloads)};
    CHECK(batch_parcel_encode(&object, &parcel));
    hash_bytes(buffer_bytes(&batch), vote.digest);
    CHECK(vote_encode(&vote, &body));
    sign_body(cast->scheme, cast->sign[host->rid].seed, cast->sign[host->rid].pk, TAG_PRE_PREPARE,
              cast->cluster_id, buffer_bytes(&body), sig);
    lie_send(
        world, host, to,
        frame_of(MESSAGE_PRE_PREPARE, host->rid, buffer_bytes(&body), sig, buffer_bytes(&parcel)));
}

/* Change the header in some way, and sign it as this replica attests. */
static void header_lie(struct world *world, uint32_t rid, struct attest *attest,
                       struct buffer *header_bytes)
{
    const struct cast *cast = &world->cast;
    struct block_header header;
    struct checkpoint checkpoint;
    CHECK(block_header_decode(attest->header, &header) == WIRE_OK);
    switch (prng_below(&world->prng, 4)) {
    case 0:
        header.time_ms++;
        break;
    case 1:
        prng_fill(&world->prng, header.tree_root, HASH_BYTES);
        break;
    case 2:
        header.height += world->plan.interval - header.height % world->plan.interval;
        break;
    default:
        header.tree_size++;
        break;
    }
    CHECK(block_header_encode(&header, header_bytes));
    attest->header = buffer_bytes(header_bytes);
    CHECK(check_checkpoint_of(world, attest->header, &checkpoint));
    checkpoint_sign(cast->scheme, &checkpoint, NOTE_SIGN, cast->sign[rid].seed, cast->sign[rid].pk,
                    attest->note_sig);
    checkpoint_sign(cast->scheme, &checkpoint, NOTE_COSIGN, cast->cosign[rid].seed,
                    cast->cosign[rid].pk, attest->cosig);
}

static void attest_lie(struct world *world, const struct host *host, uint32_t to, struct bytes body)
{
    struct attest attest;
    uint8_t header_space[HEADER_BYTES_MAX];
    uint8_t body_space[1024];
    struct buffer header = buffer_make(header_space, sizeof(header_space));
    struct buffer forged = buffer_make(body_space, sizeof(body_space));
    CHECK(attest_decode(body, &attest) == WIRE_OK);
    header_lie(world, host->rid, &attest, &header);
    CHECK(attest_encode(&attest, &forged));
    lie_send(world, host, to,
             frame_of(MESSAGE_ATTEST, host->rid, buffer_bytes(&forged), NULL, BYTES_EMPTY));
}

static void status_lie(struct world *world, const struct host *host, uint32_t to, struct bytes body)
{
    const struct cast *cast = &world->cast;
    struct status_report report;
    uint8_t space[512];
    uint8_t sig[SIG_BYTES];
    struct buffer forged = buffer_make(space, sizeof(space));
    CHECK(status_report_decode(body, &report) == WIRE_OK);
    report.executed += prng_below(&world->prng, 1000);
    report.stable += world->plan.interval * prng_below(&world->prng, 10);
    CHECK(status_report_encode(&report, &forged));
    sign_body(cast->scheme, cast->sign[host->rid].seed, cast->sign[host->rid].pk, TAG_STATUS,
              cast->cluster_id, buffer_bytes(&forged), sig);
    lie_send(world, host, to,
             frame_of(MESSAGE_STATUS, host->rid, buffer_bytes(&forged), sig, BYTES_EMPTY));
}

/* A certificate over `digest` whose signatures are noise, or the liar's own for everybody. */
static void certificate_forge(struct world *world, const struct host *host, struct vote *vote,
                              struct buffer *out)
{
    const struct cast *cast = &world->cast;
    uint8_t body_space[128];
    uint8_t sig_space[SIM_REPLICAS_MAX * (SIG_BYTES + 2)];
    struct buffer body = buffer_make(body_space, sizeof(body_space));
    struct buffer sigs = buffer_make(sig_space, sizeof(sig_space));
    uint64_t members = (UINT64_C(1) << cast->q) - 1;
    CHECK(vote_encode(vote, &body));
    for (uint32_t i = 0; i < cast->q; i++) {
        struct item_sig sig;
        prng_fill(&world->prng, sig.value, SIG_BYTES);
        if (prng_chance(&world->prng, 500)) {
            sign_body(cast->scheme, cast->sign[host->rid].seed, cast->sign[host->rid].pk,
                      TAG_COMMIT, cast->cluster_id, buffer_bytes(&body), sig.value);
        }
        CHECK(item_sig_encode(&sig, &sigs));
    }
    struct certificate certificate = {
        .body = buffer_bytes(&body),
        .members = members,
        .sigs = {buffer_bytes(&sigs), cast->q},
    };
    CHECK(certificate_encode(&certificate, out));
}

/* A block that nobody agreed on. */
static void block_lie(struct world *world, const struct host *host, uint32_t to, struct bytes body,
                      struct bytes attachment)
{
    struct block_parcel parcel;
    uint8_t batch_space[32];
    uint8_t payload_space[8];
    uint8_t commit_space[4096];
    static uint8_t parcel_space[8192];
    struct buffer batch = buffer_make(batch_space, sizeof(batch_space));
    struct buffer payloads = buffer_make(payload_space, sizeof(payload_space));
    struct buffer commit = buffer_make(commit_space, sizeof(commit_space));
    struct buffer forged = buffer_make(parcel_space, sizeof(parcel_space));
    struct data data;
    struct vote vote = {0};
    struct batch empty = {.time_ms = host_wall_ms(world, host)};
    struct payloads none = {0};
    if (data_decode(body, &data) != WIRE_OK ||
        block_parcel_decode(attachment, &parcel) != WIRE_OK) {
        return;
    }
    CHECK(batch_encode(&empty, &batch));
    CHECK(payloads_encode(&none, &payloads));
    hash_bytes(buffer_bytes(&batch), vote.digest);
    vote.sequence = data.from;
    certificate_forge(world, host, &vote, &commit);
    parcel.batch = buffer_bytes(&batch);
    parcel.payloads = buffer_bytes(&payloads);
    parcel.commit = buffer_bytes(&commit);
    CHECK(block_parcel_encode(&parcel, &forged));
    lie_send(world, host, to, frame_of(MESSAGE_DATA, host->rid, body, NULL, buffer_bytes(&forged)));
}

/* Any frame with a byte changed or its end missing. */
static void garbled(struct world *world, const struct host *host, uint32_t to,
                    const struct blob *frame)
{
    struct blob *copy = blob_make(blob_bytes(frame));
    world->tally.lies++;
    if (prng_chance(&world->prng, 500)) {
        copy->data[prng_below(&world->prng, copy->len)] ^=
            (uint8_t)(1u << prng_below(&world->prng, 8));
    } else {
        copy->len -= (uint32_t)prng_below(&world->prng, copy->len);
    }
    network_send(world, host->rid, to, copy);
    blob_drop(copy);
}

static bool data_sends(struct world *world, struct host *host, uint32_t to,
                       const struct envelope *envelope, struct bytes attachment)
{
    struct data data;
    if (data_decode(envelope->body, &data) == WIRE_OK && data.kind == FETCH_BLOCKS) {
        block_lie(world, host, to, envelope->body, attachment);
    }
    return prng_chance(&world->prng, 500);
}

/* The primary has prepared `sequence`: whoever voted for its proposal hears of another one. */
static void second_proposals(struct world *world, struct host *host, const struct vote *like)
{
    for (uint32_t to = 0; to < world->plan.n; to++) {
        const struct voted *voted = check_voted(world, to, like->sequence);
        if (to != host->rid && (voted->has >> VOTED_PREPARE & 1) != 0) {
            proposal_lie(world, host, to, like);
        }
    }
}

static bool vote_sends(struct world *world, struct host *host, uint32_t to,
                       const struct envelope *envelope)
{
    struct vote vote;
    CHECK(vote_decode(envelope->body, &vote) == WIRE_OK);
    if (world_lies(world, host->rid, LIE_PROPOSE)) {
        struct vote near = vote;
        near.sequence += prng_below(&world->prng, 4);
        proposal_lie(world, host, to, &near);
    }
    if (world_lies(world, host->rid, LIE_TWO_PROPOSALS) && envelope->type == MESSAGE_COMMIT) {
        second_proposals(world, host, &vote);
    }
    if (world_lies(world, host->rid, LIE_VOTES)) {
        vote_lie(world, host, to, envelope->type, &vote);
        return prng_chance(&world->prng, 700);
    }
    return true;
}

bool liar_sends(struct world *world, struct host *host, uint32_t to, struct blob *frame)
{
    struct envelope envelope;
    size_t used = 0;
    struct bytes bytes = blob_bytes(frame);
    if (world->phase != PHASE_STORM || !prng_chance(&world->prng, world->plan.lie_permille)) {
        return true;
    }
    CHECK(schema_decode_front(&schema_envelope, bytes, &envelope, &used) == WIRE_OK);
    if (prng_chance(&world->prng, 20)) {
        garbled(world, host, to, frame);
        return true;
    }
    struct vote vote;
    switch (envelope.type) {
    case MESSAGE_PREPARE:
    case MESSAGE_COMMIT:
        return vote_sends(world, host, to, &envelope);
    case MESSAGE_ATTEST:
        if (world_lies(world, host->rid, LIE_ATTEST)) {
            attest_lie(world, host, to, envelope.body);
            return prng_chance(&world->prng, 500);
        }
        return true;
    case MESSAGE_STATUS:
        if (world_lies(world, host->rid, LIE_STATUS)) {
            status_lie(world, host, to, envelope.body);
            return false;
        }
        return true;
    case MESSAGE_DATA:
        if (world_lies(world, host->rid, LIE_DATA)) {
            return data_sends(world, host, to, &envelope,
                              bytes_slice(bytes, used, bytes.len - used));
        }
        return true;
    case MESSAGE_PRE_PREPARE:
        if (world_lies(world, host->rid, LIE_SPLIT) && envelope.rid == host->rid) {
            CHECK(vote_decode(envelope.body, &vote) == WIRE_OK);
            proposal_lie(world, host, to, &vote);
            return prng_chance(&world->prng, 300);
        }
        return true;
    default:
        return true;
    }
}

void liar_replies(struct world *world, struct telling *reply)
{
    if (!world_lies(world, reply->rid, LIE_REPLY) || reply->hint || reply->count == 0 ||
        !prng_chance(&world->prng, world->plan.lie_permille)) {
        return;
    }
    uint8_t space[HEADER_BYTES_MAX];
    struct buffer header = buffer_make(space, sizeof(space));
    struct block_header decoded;
    world->tally.lies++;
    reply->items[prng_below(&world->prng, reply->count)].first_index++;
    header_lie(world, reply->rid, &reply->attest, &header);
    memcpy(reply->header_bytes, header.data, header.len);
    reply->attest.header = bytes_make(reply->header_bytes, header.len);
    hash_bytes(reply->attest.header, reply->header_hash);
    CHECK(block_header_decode(reply->attest.header, &decoded) == WIRE_OK);
    reply->height = decoded.height;
}
