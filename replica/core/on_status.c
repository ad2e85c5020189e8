/* STATUS: what another replica has. The answer is what it lacks and this replica can sign or relay;
 * blocks it fetches itself. Only an authenticated STATUS with a growing counter is answered, and
 * each peer only so often: a reflected or replayed one costs nothing. PROTOCOL: retransmission. */
#include "replica/core/node_parts.h"

#define HELP_INTERVAL_MS 50
#define HELP_SLOTS_MAX 32
#define HELP_BATCH_BYTES_MAX ((size_t)1 << 20) /* the last one may exceed it */
#define REST_MS 150
#define ATTEST_AGAIN_MS 500

static bool bit_of(struct bytes bitmap, uint64_t index)
{
    return index / 8 < bitmap.len && (bitmap.data[index / 8] >> index % 8 & 1) != 0;
}

/* Send what `report` shows to be missing of one slot. Returns the bytes of the batch, if it is
 * sent. */
static size_t help_slot(struct node *node, const struct slot *slot,
                        const struct status_report *report, uint32_t to, struct outbox *outbox)
{
    uint64_t bit = slot->sequence - report->stable - 1;
    size_t batch_bytes = 0;
    if (!bit_of(report->held, bit) && slot->has_primary_sig && slot->batch.data != NULL) {
        pre_prepare_send(node, slot, to, outbox);
        batch_bytes = slot->batch.len + slot->payloads.len;
    }
    bool backup = roster_primary(&node->roster, slot->view)->rid != node->rid;
    if (!bit_of(report->prepared, bit) && backup && slot->has_primary_sig) {
        vote_send(node, MESSAGE_PREPARE, slot, to, outbox);
    }
    if (!bit_of(report->committed, bit) &&
        (votes_members(&slot->commits, slot->digest) >> node->self & 1) != 0) {
        vote_send(node, MESSAGE_COMMIT, slot, to, outbox);
    }
    return batch_bytes;
}

static void help_slots(struct node *node, const struct status_report *report, uint32_t to,
                       struct outbox *outbox)
{
    uint64_t from = report->executed > report->stable ? report->executed : report->stable;
    if (from < node->window.stable) {
        return; /* it needs blocks, and sees that by our STATUS */
    }
    size_t batch_bytes = 0;
    for (uint64_t n = from + 1; n <= from + HELP_SLOTS_MAX && outbox_has_room(outbox); n++) {
        const struct slot *slot = window_look(&node->window, n);
        if (slot == NULL || slot->stage < SLOT_ACCEPTED || slot->view != report->view) {
            continue;
        }
        batch_bytes += help_slot(node, slot, report, to, outbox);
        if (batch_bytes >= HELP_BATCH_BYTES_MAX) {
            return;
        }
    }
}

static void help_checkpoints(struct node *node, const struct status_report *report, uint32_t to,
                             struct outbox *outbox)
{
    uint64_t interval = node_param(node, PARAM_CHECKPOINT_INTERVAL);
    uint64_t newest = node->head.height / interval * interval;
    for (uint32_t i = 0; i < 2 && newest > report->stable; i++) {
        attest_send(node, newest, to, outbox);
        newest -= interval; /* it is a multiple, and not 0 */
    }
}

/* Both rest at one height, and the attestation of it, which is broadcast once, may have been lost:
 * without Q of them the newest entries cannot be proven there. STATUS does not say whether it has
 * them, so it hears ours now and then. */
static void help_head(struct node *node, const struct status_report *report, struct peer *peer,
                      uint32_t to, struct outbox *outbox)
{
    uint64_t height = node->head.height;
    bool told = peer->told_height == height && node->now_ms < peer->told_ms + ATTEST_AGAIN_MS;
    if (report->executed != height || height == 0 || told || MUTANT(66) ||
        node->now_ms < node->executed_ms + REST_MS) {
        return;
    }
    peer->told_height = height;
    peer->told_ms = node->now_ms;
    attest_send(node, height, to, outbox);
}

enum drop on_status(struct node *node, const struct message *message, struct outbox *outbox)
{
    struct status_report report;
    if (status_report_decode(message->envelope.body, &report) != WIRE_OK) {
        return DROP_MALFORMED;
    }
    uint32_t member = node_member(node, message->envelope.rid);
    CHECK(member < REPLICAS_MAX);
    struct peer *peer = &node->peers[member];
    bool grows =
        report.boot > peer->boot || (report.boot == peer->boot && report.counter > peer->counter);
    if (!grows) {
        return DROP_STALE;
    }
    uint32_t to = (uint32_t)message->envelope.rid;
    if (report.boot > peer->boot) {
        peer->told_height = 0; /* it forgot what it had heard */
    }
    peer->boot = report.boot;
    peer->counter = report.counter;
    peer->stable = report.stable;
    peer->executed = report.executed;
    peer->heard_ms = node->now_ms;
    if (report.epoch != node->epoch) {
        catch_up(node, outbox); /* its view and its votes mean nothing here */
        return DROP_NONE;
    }
    peer->view = report.view;
    peer->mode = report.mode;
    if (peer->helped_ms == 0 || node->now_ms >= peer->helped_ms + HELP_INTERVAL_MS) {
        peer->helped_ms = node->now_ms;
        if (node->awake) {
            help_slots(node, &report, to, outbox);
        }
        help_checkpoints(node, &report, to, outbox);
        help_head(node, &report, peer, to, outbox);
    }
    if (!node->awake && node->key != NULL && (node->answered >> member & 1) == 0 &&
        node->mode != MODE_RECOVERING) {
        challenge_send(node, to, outbox);
    }
    view_help(node, &report, to, outbox);
    catch_up(node, outbox);
    return DROP_NONE;
}
