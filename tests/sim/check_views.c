/* What VIEW-CHANGEs and NEW-VIEWs of correct replicas say, against the log: a block that any
 * correct replica has made durable is committed, and must survive. The plan is recomputed here from
 * the definition, certificate by certificate, without the core's function. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "storage/record.h"
#include "tests/sim/check.h"

#include <string.h>

/* --- Before it is said -------------------------------------------------------------------------
 */

static uint8_t record_space[FRAME_BYTES_MAX];

static uint64_t stored_view(struct host *host)
{
    struct buffer value = buffer_make(record_space, sizeof(record_space));
    struct view_record record;
    if (!check_journal_get(host, 'V', 0, &value) ||
        view_record_decode(buffer_bytes(&value), &record) != WIRE_OK) {
        return 0;
    }
    return check_place(record.epoch, record.view);
}

static uint64_t stored_new_view(struct host *host)
{
    struct buffer value = buffer_make(record_space, sizeof(record_space));
    struct envelope envelope;
    struct new_view new_view;
    if (!check_journal_get(host, 'n', 0, &value) ||
        envelope_decode(buffer_bytes(&value), &envelope) != WIRE_OK ||
        new_view_decode(envelope.body, &new_view) != WIRE_OK) {
        return 0;
    }
    return check_place(new_view.epoch, new_view.view);
}

/* The first view of an epoch begins with the proof of the block before it, the others with a
 * NEW-VIEW. */
static uint64_t stored_epoch(const struct world *world, struct host *host, uint64_t place)
{
    struct buffer value = buffer_make(record_space, sizeof(record_space));
    const struct sim_epoch *epoch = check_epoch(world, place >> SIM_PLACE_BITS);
    struct epoch_record record;
    if (epoch == NULL || epoch->number == 0 ||
        !check_journal_get(host, 'e', epoch->first - 1, &value) ||
        epoch_record_decode(buffer_bytes(&value), &record) != WIRE_OK) {
        return 0;
    }
    return check_place(record.epoch, 0);
}

/* What a view rested on may have been synced together with the entry into a later epoch, where
 * nothing does. */
void check_view_durable(struct world *world, struct host *host, uint64_t place, bool entered)
{
    struct check_host *seen = &world->check->hosts[host->rid];
    unsigned long epoch = (unsigned long)(place >> SIM_PLACE_BITS);
    unsigned long view = (unsigned long)check_place_view(place);
    if (place > seen->view_durable) {
        uint64_t begun = stored_epoch(world, host, place);
        seen->view_durable = stored_view(host);
        seen->view_durable = begun > seen->view_durable ? begun : seen->view_durable;
        if (place > seen->view_durable) {
            world_fail(world, "I9", host->rid, "it speaks of view %lu of epoch %lu, not durable",
                       view, epoch);
        }
    }
    if (entered && place > seen->entered_durable) {
        bool beyond = stored_view(host) >> SIM_PLACE_BITS > place >> SIM_PLACE_BITS;
        seen->entered_durable =
            view == 0 ? stored_epoch(world, host, place) : stored_new_view(host);
        if (place > seen->entered_durable && !beyond) {
            world_fail(world, "I9", host->rid,
                       "it is in view %lu of epoch %lu, and what it entered by is not durable",
                       view, epoch);
        }
    }
}

static void change_durable(struct world *world, struct host *host, uint64_t place)
{
    struct buffer value = buffer_make(record_space, sizeof(record_space));
    struct signed_body record;
    struct view_change change;
    check_view_durable(world, host, place, false);
    if (stored_view(host) >> SIM_PLACE_BITS > place >> SIM_PLACE_BITS) {
        return;
    }
    if (!check_journal_get(host, 'w', 0, &value) ||
        signed_body_decode(buffer_bytes(&value), &record) != WIRE_OK ||
        view_change_decode(record.body, &change) != WIRE_OK ||
        check_place(change.epoch, change.view) < place) {
        world_fail(world, "I9", host->rid, "the VIEW-CHANGE for %lu is not durable",
                   (unsigned long)check_place_view(place));
    }
}

bool check_shows(const struct view_change *change, const struct vote *commit)
{
    struct wire_iter list = wire_iter_make(change->prepared);
    struct block_header header;
    struct prepared prepared;
    if (block_header_decode(change->stable.header, &header) != WIRE_OK) {
        return false;
    }
    bool shows = commit->sequence <= header.height;
    while (!shows && prepared_next(&list, &prepared)) {
        struct vote vote;
        bool here = vote_decode(prepared.vote, &vote) == WIRE_OK &&
                    vote.sequence == commit->sequence && vote.epoch == commit->epoch;
        bool same = memcmp(vote.digest, commit->digest, HASH_BYTES) == 0;
        shows = here && (vote.view > commit->view || (vote.view == commit->view && same));
    }
    return shows;
}

/* A VIEW-CHANGE that it did not make, or made for that view or an earlier one, denies nothing: who
 * was taken into a view by its NEW-VIEW alone may have prepared there too before the COMMIT left.
 */
bool check_carried(struct host *host, const struct vote *commit)
{
    struct buffer value = buffer_make(record_space, sizeof(record_space));
    struct signed_body record;
    struct view_change change;
    if (!check_journal_get(host, 'w', 0, &value)) {
        return true;
    }
    if (signed_body_decode(buffer_bytes(&value), &record) != WIRE_OK ||
        view_change_decode(record.body, &change) != WIRE_OK) {
        return false;
    }
    return check_place(change.epoch, change.view) <= check_place(commit->epoch, commit->view) ||
           check_shows(&change, commit);
}

/* --- Leaving -----------------------------------------------------------------------------------
 */

/* f liars alone start nothing: there is a correct replica that complained about the view before, or
 * that is beyond it already, or this one waited for the NEW-VIEW in vain, or it has proof that the
 * primary proposed two things for one slot. An epoch begins in its first view by itself. */
static bool has_reason(const struct check *check, const struct check_host *seen, uint64_t place)
{
    return check_place_view(place) == 0 || place <= check->view_highest ||
           place <= check->view_complained ||
           (seen->leaving_before != 0 && place == seen->leaving_before + 1) ||
           (seen->has_proof && place == seen->proven + 1);
}

static void leaves(struct world *world, struct host *host, uint64_t place)
{
    struct check *check = world->check;
    struct check_host *seen = &check->hosts[host->rid];
    bool liar = (world->plan.liars >> host->rid & 1) != 0;
    if (place <= seen->leaving) {
        return; /* it says so again */
    }
    if (!liar && check_bars(world, host, place)) {
        world_fail(world, "I14", host->rid, "it leaves for view %lu, which nobody may lead",
                   (unsigned long)check_place_view(place));
    }
    seen->leaving_before = seen->leaving;
    seen->leaving = place;
    bool reason = has_reason(check, seen, place);
    seen->unexplained = liar || reason ? 0 : place;
    seen->left_at = host->node->head.height;
    if (!liar && reason && place > check->view_highest) {
        check->view_highest = place;
    }
}

/* It left for a view for which nobody had given a reason: then it had executed that nobody may lead
 * the ones before it, as far back as one for which there was a reason. */
static void explain(struct world *world, struct host *host)
{
    struct check *check = world->check;
    struct check_host *seen = &check->hosts[host->rid];
    uint64_t place = seen->unexplained;
    bool reason = false;
    while (!reason && check_place_view(place) > 0 &&
           check_view_barred(world, seen->left_at, place - 1)) {
        place--;
        reason = has_reason(check, seen, place);
    }
    if (!reason) {
        world_fail(world, "I19", host->rid, "it leaves for view %lu, where no correct one led it",
                   (unsigned long)check_place_view(seen->unexplained));
    }
    if (seen->unexplained > check->view_highest) {
        check->view_highest = seen->unexplained;
    }
    seen->unexplained = 0;
}

static void complains(struct world *world, const struct host *host, uint64_t place)
{
    bool liar = (world->plan.liars >> host->rid & 1) != 0;
    if (!liar && place + 1 > world->check->view_complained) {
        world->check->view_complained = place + 1;
    }
}

/* What the evidence says is judged when it is handed out. */
static void proves(struct check_host *seen, struct bytes frame)
{
    struct evidence evidence;
    struct vote vote;
    if (evidence_decode(frame, &evidence) == WIRE_OK && evidence.kind == EVIDENCE_PRE_PREPARE &&
        vote_decode(evidence.second, &vote) == WIRE_OK) {
        seen->proven = check_place(vote.epoch, vote.view);
        seen->has_proof = true;
    }
}

void check_leaves(struct world *world, struct host *host, const struct outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->action_count; i++) {
        const struct action *action = &outbox->actions[i];
        struct envelope envelope;
        struct view_change change;
        struct complain complain;
        size_t used = 0;
        if (action->kind == ACTION_EVIDENCE) {
            proves(&world->check->hosts[host->rid], action->frame);
        }
        if (action->kind != ACTION_BROADCAST ||
            schema_decode_front(&schema_envelope,
                                bytes_slice(action->frame, FRAME_HEADER_BYTES,
                                            action->frame.len - FRAME_HEADER_BYTES),
                                &envelope, &used) != WIRE_OK) {
            continue;
        }
        if (envelope.type == MESSAGE_COMPLAIN &&
            complain_decode(envelope.body, &complain) == WIRE_OK) {
            complains(world, host, check_place(complain.epoch, complain.view));
        }
        if (envelope.type == MESSAGE_VIEW_CHANGE &&
            view_change_decode(envelope.body, &change) == WIRE_OK) {
            leaves(world, host, check_place(change.epoch, change.view));
        }
    }
}

void check_view_change(struct world *world, struct host *host, struct bytes body)
{
    struct check_host *seen = &world->check->hosts[host->rid];
    struct view_change change;
    struct block_header header;
    struct prepared prepared;
    if (view_change_decode(body, &change) != WIRE_OK ||
        block_header_decode(change.stable.header, &header) != WIRE_OK) {
        world_fail(world, "I10", host->rid, "a VIEW-CHANGE that is none");
        return;
    }
    uint64_t place = check_place(change.epoch, change.view);
    if (place < seen->changed) {
        world_fail(world, "I10", host->rid, "a VIEW-CHANGE for %lu after one for %lu",
                   (unsigned long)change.view, (unsigned long)check_place_view(seen->changed));
    }
    uint8_t hash[HASH_BYTES];
    hash_bytes(body, hash);
    if (place == seen->changed && check_word(hash) != seen->change_word) {
        world_fail(world, "I9", host->rid, "two VIEW-CHANGEs for %lu", (unsigned long)change.view);
    }
    if (place > seen->changed) {
        change_durable(world, host, place);
    }
    if (seen->unexplained != 0) {
        explain(world, host);
    }
    seen->changed = place;
    seen->change_word = check_word(hash);
    const char *wrong = check_change_wrong(world, body);
    if (wrong != NULL) {
        world_fail(world, "I15", host->rid, "it signs what would convict it: %s", wrong);
    }
    struct wire_iter list = wire_iter_make(change.prepared);
    while (prepared_next(&list, &prepared)) {
        struct vote vote;
        if (vote_decode(prepared.vote, &vote) != WIRE_OK || vote.view >= change.view ||
            vote.sequence <= header.height) {
            world_fail(world, "I12", host->rid, "a VIEW-CHANGE with a certificate out of place");
        }
    }
}

/* O against V, and against the log as long as all of this was committed in earlier views. */
static void proposals_check(struct world *world, struct host *host, const struct new_view *new_view)
{
    const struct check *check = world->check;
    uint64_t place = check_place(new_view->epoch, new_view->view);
    /* More liars than f make views that lose what they like: check_fork.c has what that costs. */
    bool first = place > check->view_entered && world->plan.other_side == 0;
    uint32_t primary = check_place_primary(world, place);
    uint64_t next = check_low_of(new_view) + 1;
    struct wire_iter list = wire_iter_make(new_view->pre_prepares);
    struct signed_body element;
    while (signed_body_next(&list, &element)) {
        struct vote vote;
        uint8_t space[HASH_BYTES];
        const uint8_t *asked = check_asked_for(new_view, next, space);
        if (vote_decode(element.body, &vote) != WIRE_OK || vote.sequence != next ||
            vote.view != new_view->view || vote.epoch != new_view->epoch ||
            vote.epoch != check_epoch_at(world, next)->number ||
            memcmp(vote.digest, space, HASH_BYTES) != 0 ||
            !check_signed(world, vote.epoch, primary, TAG_PRE_PREPARE, element.body, element.sig)) {
            world_fail(world, "I11", host->rid, "the NEW-VIEW of %lu is not what follows for %lu",
                       (unsigned long)new_view->view, (unsigned long)next);
        }
        if (first && next < check->block_count &&
            memcmp(check->blocks[next].batch_digest, space, HASH_BYTES) != 0) {
            world_fail(world, "I11", host->rid, "the NEW-VIEW of %lu loses the committed %lu%s",
                       (unsigned long)new_view->view, (unsigned long)next,
                       asked == NULL ? ", which nobody had prepared" : "");
        }
        next++;
    }
    if (first && next < check->block_count) {
        world_fail(world, "I11", host->rid, "the NEW-VIEW of %lu ends before the committed %lu",
                   (unsigned long)new_view->view, (unsigned long)next);
    }
}

void check_new_view_put(struct world *world, struct host *host, struct bytes value)
{
    struct envelope envelope;
    struct new_view new_view = {0};
    uint8_t hash[HASH_BYTES];
    hash_bytes(value, hash);
    bool whole = envelope_decode(value, &envelope) == WIRE_OK &&
                 new_view_decode(envelope.body, &new_view) == WIRE_OK;
    uint64_t place = check_place(new_view.epoch, new_view.view);
    if (whole && check_bars(world, host, place)) {
        world_fail(world, "I14", host->rid, "it enters view %lu, which nobody may lead",
                   (unsigned long)new_view.view);
    }
    if (hash_equal(hash, world->check->new_view_hash)) {
        return; /* another replica's, already */
    }
    if (!whole || envelope.rid != check_place_primary(world, place) ||
        envelope.sig.len != SIG_BYTES ||
        !check_signed(world, new_view.epoch, envelope.rid, TAG_NEW_VIEW, envelope.body,
                      envelope.sig.data)) {
        world_fail(world, "I11", host->rid, "it enters a view by a NEW-VIEW that is none");
        return;
    }
    const char *wrong = check_new_view_wrong(world, envelope.rid, envelope.body);
    if (wrong != NULL) {
        world_fail(world, "I11", host->rid, "it enters view %lu with %s",
                   (unsigned long)new_view.view, wrong);
        return;
    }
    proposals_check(world, host, &new_view);
    memcpy(world->check->new_view_hash, hash, HASH_BYTES);
    if (place > world->check->view_entered) {
        world->check->view_entered = place;
    }
}

/* Its proposals are this replica's PRE-PREPAREs: it must not make others for the same. */
void check_new_view_sent(struct world *world, struct host *host, struct bytes body)
{
    struct new_view new_view;
    struct signed_body element;
    if (new_view_decode(body, &new_view) != WIRE_OK) {
        world_fail(world, "I11", host->rid, "a NEW-VIEW that is none");
        return;
    }
    check_view_durable(world, host, check_place(new_view.epoch, new_view.view), true);
    struct wire_iter list = wire_iter_make(new_view.pre_prepares);
    while (signed_body_next(&list, &element)) {
        struct vote vote;
        CHECK(vote_decode(element.body, &vote) == WIRE_OK);
        struct voted *voted = check_voted(world, host->rid, vote.sequence);
        uint64_t word = check_word(vote.digest);
        bool has = (voted->has >> VOTED_PRE_PREPARE & 1) != 0;
        if (has && voted->view[VOTED_PRE_PREPARE] == vote.view &&
            voted->word[VOTED_PRE_PREPARE] != word) {
            world_fail(world, "I9", host->rid, "a second proposal for %lu, in a NEW-VIEW",
                       (unsigned long)vote.sequence);
        }
        voted->has |= 1u << VOTED_PRE_PREPARE;
        voted->view[VOTED_PRE_PREPARE] = vote.view;
        voted->word[VOTED_PRE_PREPARE] = word;
    }
}
