/* What a primary can do to time without saying anything false: propose nothing, or every proposal
 * just before the others lose patience. And complaints about whoever is the primary. */
#include "tests/sim/liar.h"

/* When a proposal may leave: they go one by one, 0.9 of the view timeout apart, and so do those
 * that are sent again. Between those that wait nothing but this gap lies. */
static uint64_t may_leave_us(const struct world *world, struct slow_primary *slow,
                             const struct vote *vote)
{
    uint64_t gap_us = world->plan.view_timeout_ms * 900;
    if (vote->view != slow->view || vote->sequence > slow->sequence) {
        uint64_t after = slow->at_us + gap_us;
        slow->at_us = after > world->now_us ? after : world->now_us;
        slow->sequence = vote->sequence;
        slow->view = vote->view;
    }
    uint64_t earlier_us = (slow->sequence - vote->sequence) * gap_us;
    return slow->at_us > earlier_us ? slow->at_us - earlier_us : 0;
}

/* Whether the proposal goes at once; otherwise it goes when it may. */
static bool propose_late(const struct lie_to *out, struct blob *frame, const struct vote *vote)
{
    struct world *world = out->world;
    struct due due = {
        .at_us = may_leave_us(world, &world->slow[out->host->rid], vote),
        .kind = DUE_FRAME,
        .from = out->host->rid,
        .to = out->to,
        .frame = frame,
    };
    if (due.at_us <= world->now_us) {
        return true;
    }
    frame->refs++;
    world->tally.lies++;
    events_add(&world->events, &due);
    return false;
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
        return propose_late(out, frame, &vote);
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
