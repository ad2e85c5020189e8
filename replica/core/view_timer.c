/* When a primary has had its time: the oldest request decides, and nothing that clients or f liars
 * do alone. PROTOCOL: view change; Castro & Liskov, OSDI '99, section 4.5.2. */
#include "crypto/hash.h"
#include "replica/core/epoch.h"

#include <string.h>

#define CALM_CHECKPOINTS 2
#define NEW_VIEW_FETCH_MS 100

/* T * 2^k, capped: quorums that come back after hours must not wait for hours. */
uint64_t view_timeout_ms(const struct node *node)
{
    uint64_t most = MUTANT(56) ? UINT64_MAX : node_param(node, PARAM_VIEW_TIMEOUT_MAX);
    uint64_t timeout = node_param(node, PARAM_VIEW_TIMEOUT);
    for (uint32_t i = 0; i < node->backoff && timeout < most && !MUTANT(33); i++) {
        timeout *= 2;
    }
    return timeout < most ? timeout : most;
}

void view_calm(struct node *node)
{
    pace_calm(&node->pace);
    node->calm++;
    if (node->calm >= CALM_CHECKPOINTS && node->backoff > 0) {
        node->calm = 0;
        node->backoff--;
    }
}

/* --- Waiting ---------------------------------------------------------------------------------- */

/* Whether something was proposed that is not executed yet, or the epoch wants blocks: then each
 * height waits as a request does. */
static bool slots_wait(const struct node *node)
{
    const struct slot *next = window_look(&node->window, node->head.height + 1);
    return node->head.height < node->planned || (next != NULL && next->stage > SLOT_EMPTY) ||
           epoch_hurries(node);
}

static void wait_over(struct node *node)
{
    node->waits_since_ms = 0;
    node->complains = false;
}

/* Only of a view that is voted in here: who fetches blocks sees the pace of its own fetching. */
static bool sees_pace(const struct node *node)
{
    return node->mode == MODE_ACTIVE && node->awake && !is_far_behind(node);
}

void view_note_wait(struct node *node)
{
    pace_note(&node->pace, sees_pace(node), full_batch_waits(node), node->now_ms);
    const struct queued *oldest = queue_oldest(node->queue);
    uint8_t what[HASH_BYTES] = {0};
    if (oldest == NULL && !slots_wait(node)) {
        wait_over(node);
        return;
    }
    if (oldest != NULL) {
        memcpy(what, oldest->request_id, HASH_BYTES);
    }
    bool still = (oldest != NULL && !MUTANT(54)) || node->head.height == node->waits_height;
    bool same = node->waits_since_ms != 0 && hash_equal(what, node->oldest) && still;
    if (!same) {
        wait_over(node); /* a complaint was about what is done now */
        memcpy(node->oldest, what, HASH_BYTES);
        node->waits_since_ms = node->now_ms;
        node->waits_height = node->head.height;
    }
}

static struct bytes request_parcel_of(const struct queued *queued, struct outbox *outbox)
{
    struct request_parcel parcel = {.item = queued->item, .payloads = queued->payloads};
    struct buffer space = outbox_open_space(outbox);
    CHECK(request_parcel_encode(&parcel, &space));
    return outbox_take_space(outbox, &space);
}

static void share(struct queued *queued, struct outbox *outbox)
{
    queued->shared = true;
    outbox_act(outbox, ACTION_BROADCAST)->frame = message_frame(
        outbox, MESSAGE_REQUEST, 0, BYTES_EMPTY, BYTES_EMPTY, request_parcel_of(queued, outbox));
}

/* --- Complaints ------------------------------------------------------------------------------- */

static void complain_send(struct node *node, struct outbox *outbox)
{
    const struct queued *oldest = queue_oldest(node->queue);
    struct complain body = {.epoch = node->epoch, .view = node->view};
    struct bytes attachment = BYTES_EMPTY;
    if (oldest != NULL) {
        memcpy(body.request_id, oldest->request_id, HASH_BYTES);
        attachment = request_parcel_of(oldest, outbox);
    }
    struct buffer space = outbox_open_space(outbox);
    CHECK(complain_encode(&body, &space));
    struct bytes bytes = outbox_take_space(outbox, &space);
    uint8_t sig[SIG_BYTES];
    own_sign(node, TAG_COMPLAIN, bytes, sig);
    outbox_act(outbox, ACTION_BROADCAST)->frame =
        message_frame(outbox, MESSAGE_COMPLAIN, node->rid, bytes, BYTES_OF_ARRAY(sig), attachment);
}

void complaints_count(struct node *node, struct outbox *outbox)
{
    uint64_t life = view_timeout_ms(node);
    uint32_t count = node->complains ? 1 : 0;
    for (uint32_t i = 0; i < node->roster.n; i++) {
        uint64_t at = node->complained_ms[i];
        bool complained = at != 0 && node->now_ms < at + life;
        /* Who has left says so by its VIEW-CHANGE and complains no more: one that has left alone
         * and one that has waited too long are enough, or neither would ever be. */
        bool left = node->changes[i].view > node->view && !MUTANT(28);
        count += i != node->self && (complained || left) ? 1 : 0;
    }
    uint32_t enough = MUTANT(27) ? 1 : node->roster.w;
    if (node->mode == MODE_ACTIVE && count >= enough) {
        view_leave(node, node->view + 1, outbox);
    }
}

void complain(struct node *node, struct outbox *outbox)
{
    if (node->complains || node->mode != MODE_ACTIVE || node_is_primary(node)) {
        return;
    }
    node->complains = true;
    node_note(node, "complains about view %llu", (unsigned long long)node->view);
    complain_send(node, outbox);
    complaints_count(node, outbox);
}

void complain_again(struct node *node, struct outbox *outbox)
{
    if (node->complains && node->mode == MODE_ACTIVE && !MUTANT(48)) {
        complain_send(node, outbox);
    }
}

/* --- Time ------------------------------------------------------------------------------------- */

static void tick_pace(struct node *node, struct outbox *outbox)
{
    const struct pace_rules rules = {
        .window_ms = node_param(node, PARAM_VIEW_TIMEOUT),
        .batch = {node_param(node, PARAM_BATCH_ITEMS), node_param(node, PARAM_BATCH_BYTES)},
        .n = node->roster.n,
    };
    bool slow = pace_tick(&node->pace, &rules, node->now_ms);
    if (slow && sees_pace(node) && !node_is_primary(node)) {
        node_note(node, "view %llu is slow", (unsigned long long)node->view);
        complain(node, outbox);
    }
}

static void tick_active(struct node *node, struct outbox *outbox)
{
    tick_pace(node, outbox);
    if (node->waits_since_ms == 0 || node_is_primary(node)) {
        return;
    }
    uint64_t waited = node->now_ms - node->waits_since_ms;
    struct queued *oldest = queue_oldest(node->queue);
    if (oldest != NULL && !oldest->shared && !MUTANT(57) && waited >= view_timeout_ms(node) / 2) {
        share(oldest, outbox);
    }
    if (waited >= view_timeout_ms(node)) {
        complain(node, outbox);
    }
}

void view_tick(struct node *node, struct outbox *outbox)
{
    if (!node->awake) {
        return;
    }
    if (node->mode == MODE_ACTIVE) {
        tick_active(node, outbox);
        return;
    }
    if (node->new_view_due_ms != 0 && node->now_ms >= node->new_view_due_ms) {
        view_leave(node, node->view + 1, outbox);
    }
}

uint64_t view_wake_ms(const struct node *node)
{
    if (!node->awake) {
        return UINT64_MAX;
    }
    if (node->mode == MODE_CHANGING) {
        return node->new_view_due_ms == 0 ? UINT64_MAX : node->new_view_due_ms;
    }
    uint64_t pace_ms = pace_due_ms(&node->pace, node_param(node, PARAM_VIEW_TIMEOUT));
    if (node->waits_since_ms == 0 || node->complains || node_is_primary(node)) {
        return pace_ms;
    }
    const struct queued *oldest = queue_oldest(node->queue);
    bool to_share = oldest != NULL && !oldest->shared && !MUTANT(57) && !MUTANT(63);
    uint64_t wait_ms = node->waits_since_ms + view_timeout_ms(node) / (to_share ? 2 : 1);
    return wait_ms < pace_ms ? wait_ms : pace_ms;
}

/* --- Help ------------------------------------------------------------------------------------- */

static void new_view_fetch(struct node *node, uint32_t to, struct outbox *outbox)
{
    if (node->now_ms < node->new_view_fetch_ms + NEW_VIEW_FETCH_MS) {
        return;
    }
    struct fetch fetch = {.kind = FETCH_NEW_VIEW, .from = node->view};
    node->new_view_fetch_ms = node->now_ms;
    node->new_view_asked = true;
    fetch_send(node, &fetch, to, outbox);
}

void view_help(struct node *node, const struct status_report *report, uint32_t to,
               struct outbox *outbox)
{
    if (!node->awake) {
        return;
    }
    bool there = report->mode == MODE_ACTIVE;
    bool ahead =
        report->view > node->view || (report->view == node->view && node->mode == MODE_CHANGING);
    if (there && ahead && !view_is_barred(node, report->view) && !MUTANT(50)) {
        new_view_fetch(node, to, outbox);
    }
    if (node->mode != MODE_CHANGING || report->view > node->view) {
        return;
    }
    bool lacks = report->view < node->view || (report->view_changes >> node->self & 1) == 0;
    if (lacks && outbox_has_room(outbox) && !MUTANT(49)) {
        change_send(node, to, outbox);
    }
}
