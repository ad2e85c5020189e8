/* Cheap checks of a frame before anybody verifies a signature for it: type, sender, epoch, view,
 * window, and whether it could still have an effect. Changes nothing. node_step asks again, because
 * the node may have moved on while the signatures were verified. */
#include "crypto/hash.h"
#include "replica/core/epoch.h"

#include <string.h>

/* Epoch, view and window of a vote, and the slot it is for (NULL when nothing is known of it). */
static enum drop inspect_vote(const struct node *node, const struct message *message,
                              struct vote *vote, const struct slot **slot)
{
    if (vote_decode(message->envelope.body, vote) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (vote->epoch != node->epoch && !MUTANT(106)) {
        return DROP_EPOCH;
    }
    if (vote->view < node->view && !(MUTANT(31) && node->mode == MODE_CHANGING)) {
        return DROP_VIEW_OLD;
    }
    if (vote->view > node->view) {
        return DROP_VIEW_AHEAD;
    }
    if (node->mode != MODE_ACTIVE && !MUTANT(31)) {
        return DROP_MODE;
    }
    if (vote->sequence <= node->window.stable) {
        return DROP_BELOW_WINDOW;
    }
    uint64_t reach = MUTANT(7) ? UINT64_MAX : node_param(node, PARAM_WINDOW);
    if (vote->sequence - node->window.stable > reach ||
        (!MUTANT(92) && vote->sequence > epoch_last(node))) {
        return DROP_ABOVE_WINDOW;
    }
    *slot = window_look(&node->window, vote->sequence);
    return DROP_NONE;
}

static enum drop inspect_pre_prepare(const struct node *node, const struct message *message)
{
    struct vote vote;
    const struct slot *slot = NULL;
    enum drop drop = inspect_vote(node, message, &vote, &slot);
    if (drop != DROP_NONE) {
        return drop;
    }
    if (message->envelope.rid != roster_primary(&node->roster, vote.view)->rid && !MUTANT(13)) {
        return DROP_NOT_PRIMARY;
    }
    if (vote.sequence <= node->head.height) {
        return DROP_DUPLICATE;
    }
    if (hash_is_zero(vote.digest)) {
        return DROP_DIGEST; /* the null digest is a NEW-VIEW's to propose */
    }
    if (message->attachment.len == 0) {
        return DROP_MALFORMED;
    }
    bool same = slot != NULL && slot->stage > SLOT_AWAITED && hash_equal(slot->digest, vote.digest);
    return same ? DROP_DUPLICATE : DROP_NONE;
}

/* Whether the member's vote would only repeat or exceed what is there. A vote with another digest
 * than the slot's is let through: it may be evidence. */
static enum drop inspect_use(const struct slot *slot, const struct votes *votes, bool enough,
                             uint32_t member, const struct vote *vote)
{
    bool present = (votes->present >> member & 1) != 0;
    if (present && hash_equal(votes->by_member[member].digest, vote->digest)) {
        return DROP_DUPLICATE;
    }
    bool same = slot->knows_digest && hash_equal(slot->digest, vote->digest);
    return enough && same && !present ? DROP_SURPLUS : DROP_NONE;
}

static enum drop inspect_ballot(const struct node *node, const struct message *message,
                                uint32_t member)
{
    struct vote vote;
    const struct slot *slot = NULL;
    enum drop drop = inspect_vote(node, message, &vote, &slot);
    if (drop != DROP_NONE) {
        return drop;
    }
    bool is_commit = message->envelope.type == MESSAGE_COMMIT;
    if (!is_commit && message->envelope.rid == roster_primary(&node->roster, vote.view)->rid) {
        return DROP_FROM_PRIMARY;
    }
    if (slot == NULL || slot->view != vote.view) {
        return DROP_NONE;
    }
    if (is_commit) {
        return inspect_use(slot, &slot->commits, slot->stage >= SLOT_COMMITTED, member, &vote);
    }
    return inspect_use(slot, &slot->prepares, slot->prepared, member, &vote);
}

static enum drop inspect_attest(const struct node *node, const struct message *message,
                                uint32_t member)
{
    struct attest attest;
    struct block_header header;
    if (attest_decode(message->envelope.body, &attest) != WIRE_OK ||
        block_header_decode(attest.header, &header) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (header.epoch != node->epoch || !hash_equal(header.cluster_id, node->cluster_id)) {
        return DROP_EPOCH;
    }
    /* A head that is stable by a certificate still wants attestations, for their cosignatures. */
    bool head = header.height == node->head.height && header.height > 0;
    if (header.height <= node->window.stable && !head) {
        return DROP_BELOW_WINDOW;
    }
    /* Heights that were executed here by commit certificate may lie above the window. */
    if (header.height > node->head.height &&
        header.height - node->window.stable > node_param(node, PARAM_WINDOW)) {
        return DROP_ABOVE_WINDOW;
    }
    const struct attested *place = attestations_find(&node->attestations, member, header.height);
    if (place == NULL) {
        return DROP_NONE;
    }
    bool same = bytes_equal(attest.header, bytes_make(place->header, place->header_len));
    return same ? DROP_DUPLICATE : DROP_NONE;
}

/* By the keys of another epoch, which may not be known here, it is a hint of whose channel brought
 * it, and of nobody else. */
static enum drop inspect_status(const struct node *node, uint32_t from,
                                const struct message *message, uint32_t member)
{
    struct status_report report;
    if (status_report_decode(message->envelope.body, &report) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (report.epoch != node->epoch && from != message->envelope.rid) {
        return DROP_EPOCH;
    }
    const struct peer *peer = &node->peers[member];
    bool grows =
        report.boot > peer->boot || (report.boot == peer->boot && report.counter > peer->counter);
    return grows ? DROP_NONE : DROP_STALE;
}

static enum drop inspect_complain(const struct node *node, const struct message *message,
                                  uint32_t member)
{
    struct complain complain;
    if (complain_decode(message->envelope.body, &complain) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (complain.epoch != node->epoch) {
        return DROP_EPOCH;
    }
    if (complain.view != node->view) {
        return complain.view < node->view ? DROP_VIEW_OLD : DROP_VIEW_AHEAD;
    }
    if (node->mode != MODE_ACTIVE) {
        return DROP_MODE;
    }
    uint64_t last = node->complained_ms[member];
    return last != 0 && node->now_ms < last + COMPLAIN_INTERVAL_MS ? DROP_RATE : DROP_NONE;
}

static enum drop inspect_view_change(const struct node *node, const struct message *message,
                                     uint32_t member)
{
    struct view_change change;
    if (view_change_decode(message->envelope.body, &change) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (change.epoch != node->epoch) {
        return DROP_EPOCH;
    }
    bool late = change.view == node->view && node->mode == MODE_ACTIVE;
    if (change.view < node->view || late) {
        return DROP_VIEW_OLD;
    }
    const struct kept_change *kept = &node->changes[member];
    if (change.view == kept->view && !bytes_equal(kept->body, message->envelope.body)) {
        return DROP_NONE; /* evidence, if it is signed */
    }
    return change.view <= kept->view ? DROP_DUPLICATE : DROP_NONE;
}

static enum drop inspect_new_view(const struct node *node, const struct message *message)
{
    struct new_view new_view;
    if (new_view_decode(message->envelope.body, &new_view) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (new_view.epoch != node->epoch) {
        return DROP_EPOCH;
    }
    bool late = new_view.view == node->view && node->mode == MODE_ACTIVE;
    if (new_view.view < node->view || late) {
        return DROP_VIEW_OLD;
    }
    bool from = message->envelope.rid == roster_primary(&node->roster, new_view.view)->rid;
    return from ? DROP_NONE : DROP_NOT_PRIMARY;
}

/* Blocks are taken from whom they were asked of, once; an empty answer says that it has none. */
static enum drop inspect_blocks(const struct node *node, uint32_t member, const struct data *data,
                                bool empty)
{
    const struct source *source = &node->sources.of[member];
    if (empty) {
        return source->asked && data->from == source->from ? DROP_NONE : DROP_NOT_WANTED;
    }
    bool wanted = sources_expects(&node->sources, member, FETCH_BLOCKS, data->from) &&
                  !block_is_here(node, data->from);
    return wanted ? DROP_NONE : DROP_NOT_WANTED;
}

/* A proof of what was executed here, above the own one. */
static enum drop inspect_stable(const struct node *node, const struct message *message)
{
    struct stable stable;
    struct block_header header;
    if (stable_decode(message->attachment, &stable) != WIRE_OK ||
        block_header_decode(stable.header, &header) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    bool wanted = header.height > node->window.stable && header.height <= node->head.height;
    return wanted ? DROP_NONE : DROP_NOT_WANTED;
}

/* Nothing is verified that was not asked for: signatures cost more than frames. */
static enum drop inspect_data(const struct node *node, uint32_t from, const struct message *message)
{
    struct data data;
    uint32_t member = node_member(node, from);
    if (member == REPLICAS_MAX) {
        return DROP_SENDER;
    }
    if (data_decode(message->envelope.body, &data) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    bool empty = message->attachment.len == 0;
    if (data.kind == FETCH_BLOCKS) {
        return inspect_blocks(node, member, &data, empty);
    }
    if (snapshot_expects(node, member, &data) || history_expects(node, member, &data)) {
        return DROP_NONE;
    }
    if (empty) {
        return DROP_NOT_WANTED;
    }
    switch (data.kind) {
    case FETCH_BATCH:
        return slot_waiting_for(node, data.digest) != NULL ? DROP_NONE : DROP_NOT_WANTED;
    case FETCH_STABLE:
        return inspect_stable(node, message);
    case FETCH_NEW_VIEW:
        return node->new_view_asked && node->awake ? DROP_NONE : DROP_NOT_WANTED;
    default:
        return DROP_NOT_WANTED;
    }
}

static bool is_of_members(uint64_t type)
{
    return type == MESSAGE_PRE_PREPARE || type == MESSAGE_PREPARE || type == MESSAGE_COMMIT ||
           type == MESSAGE_ATTEST || type == MESSAGE_COMPLAIN || type == MESSAGE_VIEW_CHANGE ||
           type == MESSAGE_NEW_VIEW || type == MESSAGE_STATUS || type == MESSAGE_CHALLENGE ||
           type == MESSAGE_CHALLENGE_ANSWER;
}

/* What a replica does nothing about before it knows that its journal is whole. */
static bool is_of_agreement(uint64_t type)
{
    return type == MESSAGE_PRE_PREPARE || type == MESSAGE_PREPARE || type == MESSAGE_COMMIT ||
           type == MESSAGE_COMPLAIN || type == MESSAGE_VIEW_CHANGE || type == MESSAGE_NEW_VIEW;
}

static enum drop inspect_challenge(const struct node *node, const struct message *message,
                                   uint32_t member)
{
    struct challenge challenge;
    if (challenge_decode(message->envelope.body, &challenge) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (challenge.epoch != node->epoch) {
        return DROP_EPOCH;
    }
    uint64_t last = node->peers[member].challenged_ms;
    return last != 0 && node->now_ms < last + CHALLENGE_INTERVAL_MS ? DROP_RATE : DROP_NONE;
}

static enum drop inspect_challenge_answer(const struct node *node, const struct message *message,
                                          uint32_t member)
{
    struct challenge_answer answer;
    if (challenge_answer_decode(message->envelope.body, &answer) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    if (answer.epoch != node->epoch) {
        return DROP_EPOCH;
    }
    bool asked = !node->awake && node->key != NULL && node->mode != MODE_RECOVERING &&
                 answer.rid == node->rid &&
                 memcmp(answer.nonce, node->nonce, sizeof(answer.nonce)) == 0;
    if (!asked) {
        return DROP_NOT_WANTED;
    }
    return (node->answered >> member & 1) != 0 ? DROP_DUPLICATE : DROP_NONE;
}

static enum drop inspect_member(const struct node *node, uint32_t from,
                                const struct message *message)
{
    /* Before the sender: whoever is named in it, an unknown type is the link's fault. */
    if (!is_of_members(message->envelope.type)) {
        return DROP_TYPE;
    }
    uint32_t member = node_member(node, message->envelope.rid);
    if (member == REPLICAS_MAX) {
        return DROP_SENDER;
    }
    if (member == node->self) {
        return DROP_OWN;
    }
    if (!node->awake && is_of_agreement(message->envelope.type)) {
        return DROP_MODE;
    }
    switch (message->envelope.type) {
    case MESSAGE_CHALLENGE:
        return inspect_challenge(node, message, member);
    case MESSAGE_CHALLENGE_ANSWER:
        return inspect_challenge_answer(node, message, member);
    case MESSAGE_PRE_PREPARE:
        return inspect_pre_prepare(node, message);
    case MESSAGE_PREPARE:
    case MESSAGE_COMMIT:
        return inspect_ballot(node, message, member);
    case MESSAGE_ATTEST:
        return inspect_attest(node, message, member);
    case MESSAGE_COMPLAIN:
        return inspect_complain(node, message, member);
    case MESSAGE_VIEW_CHANGE:
        return inspect_view_change(node, message, member);
    case MESSAGE_NEW_VIEW:
        return inspect_new_view(node, message);
    case MESSAGE_STATUS:
        return inspect_status(node, from, message, member);
    default:
        return DROP_TYPE;
    }
}

static enum drop inspect(const struct node *node, uint32_t from, const struct message *message)
{
    if (!node->started) {
        return DROP_NOT_STARTED;
    }
    if (node->halted) {
        return DROP_HALTED;
    }
    if (message->envelope.type == MESSAGE_REQUEST) {
        return message->attachment.len > 0 ? DROP_NONE : DROP_MALFORMED;
    }
    if (from == NODE_CLIENT) {
        return DROP_ROLE; /* clients send requests only */
    }
    if (message->envelope.type == MESSAGE_DATA) {
        return inspect_data(node, from, message);
    }
    return inspect_member(node, from, message);
}

enum drop message_inspect(const struct node *node, uint32_t from, struct bytes frame,
                          struct message *out)
{
    enum drop drop = message_split(frame, out);
    return drop == DROP_NONE ? inspect(node, from, out) : drop;
}

/* STATUS of another epoch. */
static bool is_hint(const struct node *node, const struct message *message)
{
    struct status_report report;
    return message->envelope.type == MESSAGE_STATUS &&
           status_report_decode(message->envelope.body, &report) == WIRE_OK &&
           report.epoch != node->epoch;
}

enum drop node_inspect(const struct node *node, uint32_t from, struct bytes frame,
                       struct verify_job *job)
{
    struct message message;
    enum drop drop = message_inspect(node, from, frame, &message);
    if (drop == DROP_NONE && job != NULL) {
        job->scheme = node->scheme;
        memcpy(job->cluster_id, node->cluster_id, HASH_BYTES);
        job->roster = node->roster;
        job->ended = node->ended.roster;
        job->begun = node->begun.height;
        job->hint = is_hint(node, &message);
        job->charter_name = node->charter.charter.name;
        job->interval = node_param(node, PARAM_CHECKPOINT_INTERVAL);
        job->window = node_param(node, PARAM_WINDOW);
        job->type = message.envelope.type;
    }
    return drop;
}
