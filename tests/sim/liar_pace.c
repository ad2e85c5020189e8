/* What a primary can do to time without saying anything false: propose nothing, or every proposal
 * just before the others lose patience. And complaints about whoever is the primary. */
#include "tests/sim/liar.h"

/* Proposals leave one by one, 0.9 of the view timeout apart. */
static void propose_late(const struct lie_to *out, struct blob *frame, uint64_t sequence)
{
    struct world *world = out->world;
    struct slow_primary *slow = &world->slow[out->host->rid];
    uint64_t gap_us = world->plan.view_timeout_ms * 900;
    if (sequence > slow->sequence) {
        uint64_t after = slow->at_us + gap_us;
        slow->at_us = after > world->now_us ? after : world->now_us;
        slow->sequence = sequence;
    }
    struct due due = {
        .at_us = slow->at_us > world->now_us ? slow->at_us : world->now_us + 1,
        .kind = DUE_FRAME,
        .from = out->host->rid,
        .to = out->to,
        .frame = frame,
    };
    frame->refs++;
    world->tally.lies++;
    events_add(&world->events, &due);
}

bool lie_pace(const struct lie_to *out, const struct envelope *envelope, struct blob *frame)
{
    struct world *world = out->world;
    struct vote vote;
    if (envelope->rid != out->host->rid) {
        return true;
    }
    if (world_lies(world, out->host->rid, LIE_SILENT)) {
        world->tally.lies++;
        return false;
    }
    if (world_lies(world, out->host->rid, LIE_SLOW) &&
        vote_decode(envelope->body, &vote) == WIRE_OK) {
        propose_late(out, frame, vote.sequence);
        return false;
    }
    return true;
}

void lie_complain(const struct lie_to *out, const struct envelope *envelope)
{
    struct status_report report;
    uint8_t space[128];
    uint8_t sig[SIG_BYTES];
    struct buffer body = buffer_make(space, sizeof(space));
    if (!world_lies(out->world, out->host->rid, LIE_COMPLAIN) ||
        status_report_decode(envelope->body, &report) != WIRE_OK) {
        return;
    }
    struct complain complain = {
        .epoch = report.epoch,
        .view = report.view + (prng_chance(&out->world->prng, 100) ? 1 : 0),
    };
    prng_fill(&out->world->prng, complain.request_id, HASH_BYTES);
    CHECK(complain_encode(&complain, &body));
    lie_sign(out->world, out->host->rid, complain.epoch, TAG_COMPLAIN, buffer_bytes(&body), sig);
    lie_send(out->world, out->host, out->to,
             lie_frame(MESSAGE_COMPLAIN, out->host->rid, buffer_bytes(&body), sig, BYTES_EMPTY));
}
