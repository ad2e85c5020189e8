#include "tests/support/core_wire.h"

#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 4096
#define TYPES_MAX 32
#define TICK_MS 10

struct parcel {
    uint32_t from;
    uint32_t to;
    size_t len;
    uint8_t *bytes;
};

struct core_wire {
    struct core_fixture *fixture;
    bool stopped[CORE_NODES];
    uint64_t cut;
    uint32_t first;
    uint32_t count;
    struct parcel waiting[WAITING_MAX];
    struct parcel last[TYPES_MAX];
};

struct core_wire *core_wire_open(struct core_fixture *fixture)
{
    struct core_wire *wire = calloc(1, sizeof(*wire));
    CHECK(wire != NULL);
    wire->fixture = fixture;
    return wire;
}

void core_wire_close(struct core_wire *wire)
{
    for (uint32_t i = 0; i < wire->count; i++) {
        free(wire->waiting[(wire->first + i) % WAITING_MAX].bytes);
    }
    for (uint32_t i = 0; i < TYPES_MAX; i++) {
        free(wire->last[i].bytes);
    }
    free(wire);
}

void core_wire_stop(struct core_wire *wire, uint32_t n)
{
    wire->stopped[n] = true;
}

void core_wire_go_on(struct core_wire *wire, uint32_t n)
{
    wire->stopped[n] = false;
}

void core_wire_cut(struct core_wire *wire, uint64_t type)
{
    wire->cut = type;
}

struct bytes core_wire_last(const struct core_wire *wire, uint64_t type)
{
    return bytes_make(wire->last[type].bytes, wire->last[type].len);
}

static struct parcel copy_of(uint32_t from, uint32_t to, struct bytes frame)
{
    struct parcel parcel = {.from = from, .to = to, .len = frame.len, .bytes = malloc(frame.len)};
    CHECK(parcel.bytes != NULL);
    memcpy(parcel.bytes, frame.data, frame.len);
    return parcel;
}

static void send_one(struct core_wire *wire, uint32_t from, uint32_t to, struct bytes frame)
{
    if (to != from && to < CORE_NODES) {
        CHECK(wire->count < WAITING_MAX);
        wire->waiting[(wire->first + wire->count++) % WAITING_MAX] = copy_of(from, to, frame);
    }
}

static void send_action(struct core_wire *wire, uint32_t from, const struct action *action)
{
    struct envelope envelope;
    size_t used = 0;
    struct bytes frame =
        bytes_slice(action->frame, FRAME_HEADER_BYTES, action->frame.len - FRAME_HEADER_BYTES);
    CHECK(schema_decode_front(&schema_envelope, frame, &envelope, &used) == WIRE_OK);
    CHECK(envelope.type < TYPES_MAX);
    free(wire->last[envelope.type].bytes);
    wire->last[envelope.type] = copy_of(from, from, frame);
    if (envelope.type == wire->cut) {
        return;
    }
    for (uint32_t to = 0; to < CORE_NODES; to++) {
        if (action->kind == ACTION_BROADCAST || action->to == to) {
            send_one(wire, from, to, frame);
        }
    }
}

/* What node `n` wants after its last step, and the steps that it asks for itself. */
static void collect(struct core_wire *wire, uint32_t n)
{
    const struct outbox *outbox = &wire->fixture->outbox;
    for (;;) {
        for (uint32_t i = 0; i < outbox->action_count; i++) {
            enum action_kind kind = outbox->actions[i].kind;
            if (kind == ACTION_SEND || kind == ACTION_BROADCAST) {
                send_action(wire, n, &outbox->actions[i]);
            }
        }
        if (!outbox->again) {
            return;
        }
        (void)core_tick(wire->fixture, n);
    }
}

static void deliver_all(struct core_wire *wire)
{
    while (wire->count > 0) {
        struct parcel parcel = wire->waiting[wire->first];
        wire->first = (wire->first + 1) % WAITING_MAX;
        wire->count--;
        if (!wire->stopped[parcel.to]) {
            wire->fixture->outbox.action_count = 0;
            wire->fixture->outbox.again = false;
            (void)core_deliver(wire->fixture, parcel.to, parcel.from,
                               bytes_make(parcel.bytes, parcel.len));
            collect(wire, parcel.to);
        }
        free(parcel.bytes);
    }
}

enum drop core_wire_give(struct core_wire *wire, uint32_t n, uint32_t from, struct bytes frame)
{
    wire->fixture->outbox.action_count = 0;
    wire->fixture->outbox.again = false;
    enum drop drop = core_deliver(wire->fixture, n, from, frame);
    collect(wire, n);
    deliver_all(wire);
    return drop;
}

void core_wire_wait(struct core_wire *wire, uint64_t ms)
{
    for (uint64_t passed = 0; passed < ms; passed += TICK_MS) {
        wire->fixture->now_ms += TICK_MS;
        wire->fixture->wall_ms += TICK_MS;
        for (uint32_t n = 0; n < CORE_NODES; n++) {
            if (!wire->stopped[n]) {
                (void)core_tick(wire->fixture, n);
                collect(wire, n);
            }
        }
        deliver_all(wire);
    }
}

int wired_setup(void **state)
{
    struct wired *wired = calloc(1, sizeof(*wired));
    void *core = NULL;
    CHECK(wired != NULL);
    CHECK(core_setup(&core) == 0);
    wired->core = core;
    wired->wire = core_wire_open(core);
    *state = wired;
    return 0;
}

int wired_teardown(void **state)
{
    struct wired *wired = *state;
    void *core = wired->core;
    core_wire_close(wired->wire);
    free(wired);
    return core_teardown(&core);
}

struct node_look wired_look(const struct wired *wired, uint32_t n)
{
    struct node_look found;
    node_look(wired->core->nodes[n], &found);
    return found;
}

enum drop wired_ask(struct wired *wired, uint32_t n, uint64_t request_no)
{
    return core_wire_give(wired->wire, n, NODE_CLIENT, core_request(wired->core, request_no));
}
