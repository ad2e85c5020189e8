/* Where the three rules of outbox.h are kept.
 *
 *   open     collects the puts of steps, and the deeds that come after them
 *   closed   the same, of a step after which the store is to be pictured: nothing may be added
 *   flying   is being committed; deeds of steps that put nothing wait for the newest of the three
 *            that has puts
 *
 *   step with puts    -> open
 *   step without      -> open, when it has puts; else closed; else flying; else done at once
 *   pinned step       -> open takes off; while something flies it becomes closed, and is followed
 *                        by an empty one
 *   end of turn       -> open takes off, when nothing flies
 *   flying is durable -> its deeds are done in order; closed takes off, or else open */
#include "replica/host/clock.h"
#include "replica/host/host_parts.h"
#include "storage/record.h"

#include <string.h>

/* So much may wait for the flight under way; the node stands still until it is back. */
#define OPEN_BYTES_MAX ((size_t)64 << 20)

/* Steps that the node asked for itself, before others get their turn. */
#define STEPS_PER_TURN 64

bool host_can_step(const struct host *host)
{
    return !host->frozen && host->closed == NULL &&
           (host->flying == NULL || host->open->bytes < OPEN_BYTES_MAX);
}

/* No more puts go into what is open: this is how far it brings the replica. */
static struct cargo *close_open(struct host *host)
{
    struct node_look look;
    struct cargo *cargo = host->open;
    size_t next = 0;
    node_look(host->node, &look);
    cargo->anchor.epoch = look.epoch;
    cargo->anchor.view = look.view;
    cargo->anchor.head = look.executed;
    while (&host->cargos[next] == cargo || &host->cargos[next] == host->flying) {
        next++;
    }
    host->open = &host->cargos[next];
    host->open->anchor = cargo->anchor;
    return cargo;
}

static void take_off(struct host *host)
{
    if (host->flying != NULL || (host->closed == NULL && host->open->put_count == 0)) {
        return;
    }
    struct cargo *cargo = host->closed != NULL ? host->closed : close_open(host);
    host->closed = NULL;
    host->counters.flights++;
    host->counters.puts += cargo->put_count;
    host->flying = cargo;
    commit_thread_give(host->commit, cargo);
}

/* A picture is to be taken of what the step at hand leaves. It is a favour to others: while another
 * one waits for the disk, none is taken. */
static void pin(struct host *host, uint64_t height)
{
    if (host->closed != NULL || host->open->put_count == 0) {
        return;
    }
    host->open->pin = height;
    if (host->flying != NULL) {
        host->closed = close_open(host);
    }
}

static void add_deed(struct host *host, const struct deed *deed)
{
    struct cargo *cargo = host->open->put_count > 0 ? host->open : host->closed;
    cargo = cargo != NULL ? cargo : host->flying;
    if (cargo != NULL) {
        cargo_add_deed(cargo, deed);
        return;
    }
    host_do(host, deed);
    blob_drop(deed->frame);
}

/* The attestation in the head's record is what a refused client is shown; it may be shown once the
 * record is durable. */
static void note_head(struct host *host, const struct put *put)
{
    uint8_t memory[1024];
    struct buffer encoded = buffer_make(memory, sizeof memory);
    uint8_t kind = 0;
    uint64_t height = 0;
    struct head_record head;
    if (put->family != FAMILY_JOURNAL || put->erase || put->key.data[0] != 'H' ||
        !record_read_journal(put->key, &kind, &height) ||
        head_record_decode(put->value, &head) != WIRE_OK) {
        return;
    }
    struct attest attest = {.header = head.header};
    memcpy(attest.note_sig, head.note_sig, SIG_BYTES);
    memcpy(attest.cosig, head.cosig, SIG_BYTES);
    CHECK(attest_encode(&attest, &encoded));
    const struct deed deed = {.action = {.kind = ACTION_EXECUTED},
                              .frame = blob_make(buffer_bytes(&encoded))};
    add_deed(host, &deed);
}

/* Take in what the last step left in the outbox. */
static void collect(struct host *host)
{
    const struct outbox *outbox = &host->outbox;
    bool executed = false;
    if (outbox->put_count > 0) {
        size_t before = host->open->bytes;
        cargo_add_puts(host->open, outbox->puts, outbox->put_count);
        host->counters.put_bytes += host->open->bytes - before;
    }
    for (uint32_t i = 0; i < outbox->action_count; i++) {
        const struct action *action = &outbox->actions[i];
        executed = executed || action->kind == ACTION_EXECUTED || action->kind == ACTION_PIN;
        if (action->kind == ACTION_PIN) {
            pin(host, action->height);
        }
    }
    if (executed) {
        /* Replies are encoded while the disk writes. */
        take_off(host);
    }
    for (uint32_t i = 0; i < outbox->put_count; i++) {
        note_head(host, &outbox->puts[i]);
    }
    for (uint32_t i = 0; i < outbox->action_count; i++) {
        host_plan(host, &outbox->actions[i], add_deed);
    }
    host->wake_ms = outbox->wake_ms;
    host->more = outbox->again;
}

static enum drop step(struct host *host, struct event *event)
{
    event->now_ms = clock_now_ms();
    event->wall_ms = clock_wall_ms();
    event->arriving = host->arriving;
    host->counters.steps++;
    enum drop drop = node_step(host->node, event, &host->outbox);
    collect(host);
    return drop;
}

static void go_on(struct host *host)
{
    for (uint32_t i = 0; i < STEPS_PER_TURN && host->more && host_can_step(host); i++) {
        struct event tick = {.kind = EVENT_TICK};
        (void)step(host, &tick);
    }
}

enum drop host_feed(struct host *host, struct event *event)
{
    if (host->frozen) {
        return DROP_HALTED;
    }
    enum drop drop = step(host, event);
    go_on(host);
    return drop;
}

enum drop host_feed_frame(struct host *host, uint32_t from, struct bytes frame)
{
    struct event event = {.kind = EVENT_MESSAGE, .from = from, .frame = frame};
    return host_feed(host, &event);
}

void host_feed_refused(struct host *host, uint32_t from, struct bytes frame, enum drop verdict)
{
    struct event event = {.kind = EVENT_REFUSED, .from = from, .frame = frame, .verdict = verdict};
    (void)host_feed(host, &event);
}

static void arm_tick(struct host *host)
{
    /* A tick that could not step would be due again at once. What lets a host step again, a flight
     * that landed or room on the disk, ends a turn too. */
    uint64_t wake_ms = host_can_step(host) ? host->wake_ms : UINT64_MAX;
    if (wake_ms == host->armed_ms) {
        return;
    }
    host->armed_ms = wake_ms;
    if (wake_ms == UINT64_MAX) {
        event_del(host->tick);
        return;
    }
    uint64_t now = clock_now_ms();
    uint64_t wait = wake_ms > now ? wake_ms - now : 0;
    const struct timeval time = {.tv_sec = (time_t)(wait / 1000),
                                 .tv_usec = (suseconds_t)(wait % 1000 * 1000)};
    event_add(host->tick, &time);
}

void host_turn_ends(struct host *host)
{
    event_active(host->turn_end, 0, 0);
}

void host_on_turn_end(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct host *host = (struct host *)argument;
    host->inline_left = INLINE_PER_TURN;
    go_on(host);
    take_off(host);
    arm_tick(host);
    if (host->more && host_can_step(host)) {
        host_turn_ends(host);
    }
}

void host_on_tick(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct host *host = (struct host *)argument;
    host->armed_ms = 0;
    if (host_can_step(host)) {
        struct event tick = {.kind = EVENT_TICK};
        (void)host_feed(host, &tick);
    }
    host_turn_ends(host);
}

static void land(struct host *host, struct cargo *cargo)
{
    CHECK(cargo == host->flying);
    host->flying = NULL;
    for (size_t i = 0; i < cargo->deed_count; i++) {
        host_do(host, &cargo->deeds[i]);
    }
    if (cargo->picture != NULL) {
        reader_pin(host->reader, cargo->pin, cargo->picture);
        cargo->picture = NULL;
    }
    cargo_reset(cargo);
    take_off(host);
    if (host->crowded) {
        host_check_queue(host);
    }
}

void host_on_committed(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct host *host = (struct host *)argument;
    bool stood_still = !host_can_step(host);
    struct cargo *cargo = commit_thread_take(host->commit);
    if (cargo == NULL) {
        return;
    }
    land(host, cargo);
    if (stood_still) {
        event_active(host->verified, 0, 0);
    }
    host_turn_ends(host);
}

void host_finish_flights(struct host *host)
{
    take_off(host);
    struct cargo *cargo = commit_thread_finish(host->commit);
    while (cargo != NULL) {
        land(host, cargo);
        cargo = commit_thread_finish(host->commit);
    }
}
