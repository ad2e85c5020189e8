/* Time moved: STATUS, the attestation of a head at rest, asking for what is missing. */
#include "replica/core/node_parts.h"

#include <string.h>

#define STATUS_INTERVAL_MS 200
#define STATUS_JITTER_MS 50

static void status_send(struct node *node, struct outbox *outbox)
{
    uint8_t held[WINDOW_MAX / 8] = {0};
    uint8_t prepared[WINDOW_MAX / 8] = {0};
    uint8_t committed[WINDOW_MAX / 8] = {0};
    for (uint32_t i = 0; i < WINDOW_MAX; i++) {
        const struct slot *slot = window_look(&node->window, node->window.stable + 1 + i);
        uint8_t bit = (uint8_t)(1u << i % 8);
        if (slot == NULL || slot->stage < SLOT_ACCEPTED) {
            continue;
        }
        held[i / 8] |= bit;
        prepared[i / 8] |= slot->stage >= SLOT_PREPARED ? bit : 0;
        committed[i / 8] |= slot->stage >= SLOT_COMMITTED ? bit : 0;
    }
    struct status_report report = {
        .epoch = node->epoch,
        .view = node->view,
        .mode = node->mode,
        .stable = node->window.stable,
        .executed = node->head.height,
        .held = BYTES_OF_ARRAY(held),
        .prepared = BYTES_OF_ARRAY(prepared),
        .committed = BYTES_OF_ARRAY(committed),
        .view_changes = view_changes_held(node),
        .boot = node->boot,
        .counter = ++node->status_counter,
    };
    struct buffer space = outbox_open_space(outbox);
    CHECK(status_report_encode(&report, &space));
    struct bytes body = outbox_take_space(outbox, &space);
    uint8_t sig[SIG_BYTES];
    own_sign(node, TAG_STATUS, body, sig);
    outbox_act(outbox, ACTION_BROADCAST)->frame =
        message_frame(outbox, MESSAGE_STATUS, node->rid, body, BYTES_OF_ARRAY(sig), BYTES_EMPTY);
}

/* Batches of slots that a restart or a new view left without: the own store may have them, and so
 * have those who prepared them. */
void fetch_missing(struct node *node, struct outbox *outbox)
{
    for (uint64_t n = node->head.height + 1; n <= node->head.height + WINDOW_MAX; n++) {
        const struct slot *slot = window_look(&node->window, n);
        if (slot == NULL || slot->stage == SLOT_EMPTY || slot_has_batch(slot)) {
            continue;
        }
        if (outbox_has_room(outbox)) {
            fetch_batch(node, slot->digest, node->rid, outbox);
        }
        if (outbox_has_room(outbox) && slot->stage == SLOT_AWAITED) {
            uint64_t who = node_jitter(node, node->roster.n);
            fetch_batch(node, slot->digest, node->roster.members[who].rid, outbox);
        }
    }
}

void on_tick(struct node *node, struct outbox *outbox)
{
    if (node->now_ms >= attest_due_ms(node)) {
        attest_head(node, outbox);
    }
    if (node->now_ms >= node->status_due_ms) {
        node->status_due_ms =
            node->now_ms + STATUS_INTERVAL_MS + node_jitter(node, STATUS_JITTER_MS);
        status_send(node, outbox);
        queue_expire(node->queue, node->wall_ms);
        fetch_missing(node, outbox);
        complain_again(node, outbox);
    }
    view_tick(node, outbox);
    catch_up(node, outbox);
}
