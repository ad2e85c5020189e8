/* False proofs: attestations of other headers, answers to FETCH that nobody agreed on, a STATUS
 * from far ahead, results that mislead clients. */
#include "crypto/hash.h"
#include "tests/sim/check.h"
#include "tests/sim/liar.h"

#include <string.h>

/* Change the header in some way, and sign it as this replica attests. */
static void header_lie(struct world *world, uint32_t rid, struct attest *attest,
                       struct buffer *header_bytes)
{
    static const uint8_t other_hash[HASH_BYTES] = {1};
    struct block_header header;
    CHECK(block_header_decode(attest->header, &header) == WIRE_OK);
    switch (prng_below(&world->prng, world->plan.epochs_permille > 0 ? 7 : 4)) {
    case 0:
        header.time_ms++;
        break;
    case 1:
        prng_fill(&world->prng, header.tree_root, HASH_BYTES);
        break;
    case 2:
        header.height += world->plan.interval - header.height % world->plan.interval;
        break;
    case 3:
        header.tree_size++;
        break;
    case 4: /* hide the boundary, or invent one */
        header.pending_boundary =
            header.pending_boundary == NO_BOUNDARY ? header.height : NO_BOUNDARY;
        break;
    case 5: /* the same of what comes behind it */
        header.next_config_hash =
            header.next_config_hash.len == 0 ? BYTES_OF_ARRAY(other_hash) : BYTES_EMPTY;
        break;
    default:
        header.epoch++;
        break;
    }
    CHECK(block_header_encode(&header, header_bytes));
    attest->header = buffer_bytes(header_bytes);
    lie_attest_sign(world, rid, attest);
}

static void attest_send(struct world *world, const struct host *host, uint32_t to,
                        struct bytes body)
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
             lie_frame(MESSAGE_ATTEST, host->rid, buffer_bytes(&forged), NULL, BYTES_EMPTY));
}

static void status_send(struct world *world, const struct host *host, uint32_t to,
                        struct bytes body)
{
    struct status_report report;
    uint8_t space[512];
    uint8_t sig[SIG_BYTES];
    struct buffer forged = buffer_make(space, sizeof(space));
    CHECK(status_report_decode(body, &report) == WIRE_OK);
    report.executed += prng_below(&world->prng, 1000);
    report.stable += world->plan.interval * prng_below(&world->prng, 10);
    CHECK(status_report_encode(&report, &forged));
    lie_sign(world, host->rid, report.epoch, TAG_STATUS, buffer_bytes(&forged), sig);
    lie_send(world, host, to,
             lie_frame(MESSAGE_STATUS, host->rid, buffer_bytes(&forged), sig, BYTES_EMPTY));
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
            lie_sign(world, host->rid, vote->epoch, TAG_COMMIT, buffer_bytes(&body), sig.value);
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
    vote.epoch = check_epoch_at(world, data.from)->number;
    certificate_forge(world, host, &vote, &commit);
    parcel.batch = buffer_bytes(&batch);
    parcel.payloads = buffer_bytes(&payloads);
    parcel.commit = buffer_bytes(&commit);
    CHECK(block_parcel_encode(&parcel, &forged));
    lie_send(world, host, to,
             lie_frame(MESSAGE_DATA, host->rid, body, NULL, buffer_bytes(&forged)));
}

/* What a source can do to an answer, the height decides which: say that it has nothing, say it over
 * and over, or send a block that proves nothing. To be silent is what comes after. */
static void blocks_lie(const struct lie_to *out, const struct data *data, struct bytes body,
                       struct bytes attachment)
{
    struct world *world = out->world;
    switch (data->from % 8) {
    case 0:
        lie_send(world, out->host, out->to,
                 lie_frame(MESSAGE_DATA, out->host->rid, body, NULL, BYTES_EMPTY));
        return;
    case 1:
        for (uint32_t i = 0; i < 5; i++) {
            lie_send(world, out->host, out->to,
                     lie_frame(MESSAGE_DATA, out->host->rid, body, NULL, BYTES_EMPTY));
        }
        return;
    default:
        block_lie(world, out->host, out->to, body, attachment);
    }
}

bool lie_attest(const struct lie_to *out, const struct envelope *envelope)
{
    if (!world_lies(out->world, out->host->rid, LIE_ATTEST)) {
        return true;
    }
    attest_send(out->world, out->host, out->to, envelope->body);
    return prng_chance(&out->world->prng, 500);
}

bool lie_status(const struct lie_to *out, const struct envelope *envelope)
{
    if (world_lies(out->world, out->host->rid, LIE_DATA)) {
        lie_stable(out);
    }
    if (!world_lies(out->world, out->host->rid, LIE_STATUS)) {
        return true;
    }
    status_send(out->world, out->host, out->to, envelope->body);
    return false;
}

bool lie_data(const struct lie_to *out, const struct envelope *envelope, struct bytes attachment)
{
    struct data data;
    if (!world_lies(out->world, out->host->rid, LIE_DATA | LIE_FORGE) ||
        data_decode(envelope->body, &data) != WIRE_OK) {
        return true;
    }
    if (data.kind == FETCH_SNAPSHOT || data.kind == FETCH_HISTORY) {
        return lie_snapshot(out, &data, envelope->body, attachment);
    }
    if (!world_lies(out->world, out->host->rid, LIE_DATA)) {
        return true;
    }
    if (data.kind == FETCH_BLOCKS) {
        blocks_lie(out, &data, envelope->body, attachment);
    } else if (data.kind == FETCH_STABLE) {
        lie_stable(out);
    }
    return prng_chance(&out->world->prng, 500);
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
