/* A fork across views, by more liars than f. Their nodes stay in view 0, where they commit with the
 * correct replicas of one side. Those of the other side hear nothing above SIM_FORK_FROM, complain,
 * and are taken into the next view: the liars sign VIEW-CHANGEs that show what is below the fork
 * and nothing of what they have committed above it, so the NEW-VIEW, which one of them leads, loses
 * it. There the party proposes blocks of its own.
 *
 * No message of this is wrong by itself: what convicts is each liar's COMMIT together with its
 * VIEW-CHANGE. */
#include "crypto/hash.h"
#include "governance/view_plan.h"
#include "replica/core/node_parts.h"
#include "tests/sim/check.h"
#include "tests/sim/liar.h"

#include <string.h>

static void to_other_side(struct world *world, uint32_t from, struct bytes frame)
{
    for (uint32_t to = 0; to < world->plan.n; to++) {
        if (world_is_other(world, to)) {
            lie_send(world, &world->hosts[from], to, frame);
        }
    }
}

/* --- VIEW-CHANGE -------------------------------------------------------------------------------
 */

/* What its own journal has prepared up to the fork. False when a height is not there yet. */
static bool shown_list(struct host *host, uint64_t stable, struct buffer *list, uint32_t *count)
{
    for (uint64_t n = stable + 1; n <= SIM_FORK_FROM; n++) {
        uint8_t space[PREPARED_BYTES_MAX];
        struct buffer prepared = buffer_make(space, sizeof(space));
        if (!check_journal_get(host, JOURNAL_PREPARED, n, &prepared)) {
            return false;
        }
        buffer_put(list, buffer_bytes(&prepared));
        (*count)++;
    }
    return true;
}

static void change_make(struct world *world, uint32_t rid)
{
    static uint8_t list_space[SIM_FORK_FROM * PREPARED_BYTES_MAX];
    static uint8_t body_space[sizeof(list_space) + STABLE_BYTES_MAX + 64];
    uint8_t proof_space[STABLE_BYTES_MAX];
    struct host *host = &world->hosts[rid];
    struct buffer list = buffer_make(list_space, sizeof(list_space));
    struct buffer body = buffer_make(body_space, sizeof(body_space));
    struct buffer proof = buffer_make(proof_space, sizeof(proof_space));
    struct view_change change = {.view = SIM_FORK_VIEW};
    uint64_t stable = host->node->window.stable;
    uint8_t sig[SIG_BYTES];
    if (stable > SIM_FORK_FROM || !shown_list(host, stable, &list, &change.prepared.count) ||
        !check_journal_get(host, JOURNAL_STABLE, stable, &proof)) {
        return;
    }
    change.prepared.raw = buffer_bytes(&list);
    CHECK(stable_decode(buffer_bytes(&proof), &change.stable) == WIRE_OK);
    CHECK(view_change_encode(&change, &body));
    lie_sign(world, rid, 0, TAG_VIEW_CHANGE, buffer_bytes(&body), sig);
    world->other.changes[rid] =
        blob_make(lie_frame(MESSAGE_VIEW_CHANGE, rid, buffer_bytes(&body), sig, BYTES_EMPTY));
}

/* As many as lead everybody out of a view, once they are made. */
static void changes_tell(struct world *world, uint32_t to)
{
    struct other_log *other = &world->other;
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        if (lie_is_liar(world, rid) && other->changes[rid] == NULL) {
            return;
        }
    }
    for (uint32_t rid = 0; rid < world->plan.n && (other->told >> to & 1) == 0; rid++) {
        if (lie_is_liar(world, rid)) {
            lie_send(world, &world->hosts[rid], to, blob_bytes(other->changes[rid]));
        }
    }
    other->told |= 1u << to;
}

/* --- NEW-VIEW ----------------------------------------------------------------------------------
 */

static uint32_t leader_of(const struct world *world)
{
    return SIM_FORK_VIEW % world->plan.n;
}

/* V: those of the liars and of the whole other side. */
static struct wire_list changes_list(const struct world *world)
{
    static uint8_t space[1u << 18];
    struct buffer list = buffer_make(space, sizeof(space));
    uint32_t count = 0;
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        struct envelope envelope;
        size_t used = 0;
        if (world->other.changes[rid] == NULL) {
            continue;
        }
        CHECK(schema_decode_front(&schema_envelope, blob_bytes(world->other.changes[rid]),
                                  &envelope, &used) == WIRE_OK);
        struct signed_body element = {.rid = rid, .body = envelope.body};
        memcpy(element.sig, envelope.sig.data, SIG_BYTES);
        CHECK(signed_body_encode(&element, &list));
        count++;
    }
    return (struct wire_list){buffer_bytes(&list), count};
}

static struct wire_list proposals_list(const struct world *world, const struct view_plan *plan)
{
    static uint8_t space[1u << 16];
    struct buffer list = buffer_make(space, sizeof(space));
    for (uint64_t n = plan->low + 1; n <= plan->high; n++) {
        uint8_t vote_space[128];
        struct buffer body = buffer_make(vote_space, sizeof(vote_space));
        struct vote vote = {.view = SIM_FORK_VIEW, .sequence = n};
        memcpy(vote.digest, plan->digest[n - plan->low - 1], HASH_BYTES);
        CHECK(vote_encode(&vote, &body));
        struct signed_body element = {.rid = leader_of(world), .body = buffer_bytes(&body)};
        lie_sign(world, leader_of(world), 0, TAG_PRE_PREPARE, element.body, element.sig);
        CHECK(signed_body_encode(&element, &list));
    }
    return (struct wire_list){buffer_bytes(&list), (uint32_t)(plan->high - plan->low)};
}

static void new_view_tell(struct world *world)
{
    static struct view_plan plan;
    static uint8_t space[1u << 19];
    struct buffer body = buffer_make(space, sizeof(space));
    struct new_view new_view = {.view = SIM_FORK_VIEW, .view_changes = changes_list(world)};
    uint8_t sig[SIG_BYTES];
    if (new_view.view_changes.count < world->cast.q || world->other.announced) {
        return;
    }
    CHECK(view_plan_make(new_view.view_changes, &plan));
    new_view.pre_prepares = proposals_list(world, &plan);
    CHECK(new_view_encode(&new_view, &body));
    lie_sign(world, leader_of(world), 0, TAG_NEW_VIEW, buffer_bytes(&body), sig);
    to_other_side(
        world, leader_of(world),
        lie_frame(MESSAGE_NEW_VIEW, leader_of(world), buffer_bytes(&body), sig, BYTES_EMPTY));
    world->other.announced = true;
    world->other.proposed = SIM_FORK_FROM;
}

/* --- Blocks of the next view -------------------------------------------------------------------
 */

/* Whether all of the other side are there, and have executed what was proposed last. */
static bool all_wait(const struct world *world, const struct node **one)
{
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        const struct host *host = &world->hosts[rid];
        if (!world_is_other(world, rid)) {
            continue;
        }
        if (host->node->view != SIM_FORK_VIEW || host->node->mode != MODE_ACTIVE ||
            host->node->head.height < world->other.proposed) {
            return false;
        }
        *one = host->node;
    }
    return true;
}

static void votes_tell(struct world *world, const struct vote *vote, struct bytes parcel)
{
    uint32_t leader = leader_of(world);
    for (uint32_t to = 0; to < world->plan.n; to++) {
        const struct lie_to out = {world, &world->hosts[leader], to};
        if (!world_is_other(world, to)) {
            continue;
        }
        lie_vote(&out, leader, MESSAGE_PRE_PREPARE, vote, parcel);
        for (uint32_t rid = 0; rid < world->plan.n; rid++) {
            if (lie_is_liar(world, rid) && rid != leader) {
                lie_vote(&out, rid, MESSAGE_PREPARE, vote, BYTES_EMPTY);
            }
            if (lie_is_liar(world, rid)) {
                lie_vote(&out, rid, MESSAGE_COMMIT, vote, BYTES_EMPTY);
            }
        }
    }
}

/* The next block there, an empty one, once the last one was executed; of that, the checkpoint. */
static void block_tell(struct world *world)
{
    uint8_t space[64];
    struct buffer parcel = buffer_make(space, sizeof(space));
    struct other_log *other = &world->other;
    struct vote vote = {.view = SIM_FORK_VIEW, .sequence = other->proposed + 1};
    const struct node *one = NULL;
    if (!other->announced || !all_wait(world, &one)) {
        return;
    }
    lie_header_echo(world, one->head.height, bytes_make(one->head.header, one->head.header_len));
    other->proposed++;
    lie_batch(SIM_WALL_MS + world_ms(world), &parcel, vote.digest);
    votes_tell(world, &vote, buffer_bytes(&parcel));
}

/* --- What passes -------------------------------------------------------------------------------
 */

/* From the nodes of the liars, which know nothing of the next view. */
bool lie_across(const struct lie_to *out, const struct envelope *envelope)
{
    struct world *world = out->world;
    struct vote vote;
    block_tell(world);
    switch (envelope->type) {
    case MESSAGE_PRE_PREPARE:
    case MESSAGE_PREPARE:
    case MESSAGE_COMMIT:
        CHECK(vote_decode(envelope->body, &vote) == WIRE_OK);
        if (vote.sequence > SIM_FORK_FROM && world->other.changes[out->host->rid] == NULL) {
            change_make(world, out->host->rid);
        }
        return vote.sequence <= SIM_FORK_FROM;
    case MESSAGE_ATTEST:
        return lie_before_fork(envelope->body);
    case MESSAGE_STATUS:
        return out->host->node->head.height <= SIM_FORK_FROM;
    default:
        return envelope->type != MESSAGE_DATA;
    }
}

/* To them: who complains is led away, and what is said of the next view is not for their nodes. */
bool liars_hear_across(struct world *world, uint32_t from, const struct blob *frame,
                       const struct envelope *envelope)
{
    struct status_report report;
    switch (envelope->type) {
    case MESSAGE_COMPLAIN:
        changes_tell(world, from);
        return true;
    case MESSAGE_VIEW_CHANGE:
        if (world->other.changes[from] == NULL) {
            world->other.changes[from] = blob_make(blob_bytes(frame));
        }
        new_view_tell(world);
        return true;
    case MESSAGE_STATUS:
        return status_report_decode(envelope->body, &report) == WIRE_OK &&
               report.executed >= SIM_FORK_FROM;
    default:
        return false;
    }
}
