#include "client/core_parts.h"

#include "crypto/frame.h"
#include "crypto/hash.h"
#include "governance/roster_note.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENVELOPE_OVERHEAD 128
#define NOTICE_CHARS 256

enum status core_open(const struct core_setup *setup, struct core **out)
{
    struct core *core = calloc(1, sizeof(*core));

    CHECK(setup->request_no != 0);
    if (core == NULL) {
        return STATUS_NO_MEMORY;
    }
    core->setup = *setup;
    core->roster = setup->trust.roster;
    core->next_no = setup->request_no;
    core->next_ticket = 1;
    core->prover = setup->key->public_key[0] % core->roster->n;
    core->reader = core->prover;
    roster_note_keys(core->roster, core->keys);
    core->epoch_hint = core->roster->epoch;
    if (attests_open(&setup->trust, &core->attests) != STATUS_OK) {
        free(core);
        return STATUS_NO_MEMORY;
    }
    *out = core;
    return STATUS_OK;
}

void core_close(struct core *core)
{
    if (core == NULL) {
        return;
    }
    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        appends_close(core, &core->appends[i]);
    }
    for (uint32_t i = 0; i < CORE_ACTIONS_MAX; i++) {
        free(core->owned[i]);
    }
    free(core->taken);
    attests_close(core->attests);
    free(core);
}

/* --- Epochs ----------------------------------------------------------------------------------- */

void core_epoch_seen(struct core *core, uint64_t epoch)
{
    core->epoch_hint = epoch > core->epoch_hint ? epoch : core->epoch_hint;
}

uint64_t core_epoch_hint(const struct core *core)
{
    return core->epoch_hint;
}

void core_epoch_deny(struct core *core)
{
    core->epoch_hint = core->roster->epoch;
}

void core_epoch(struct core *core)
{
    struct note_key keys[REPLICAS_MAX];

    roster_note_keys(core->roster, keys);
    attests_epoch(core->attests);
    core->has_leader = false;
    core->epoch_hint = core->roster->epoch;
    for (uint32_t i = 0; i < core->roster->n; i++) {
        struct link *link = &core->links[i];
        const bool same = hash_equal(keys[i].sign_key, core->keys[i].sign_key);

        core->keys[i] = keys[i];
        link->reported = false;
        link->lies = same ? link->lies : 0;
        if (!same && link->state != LINK_DOWN) {
            links_hang_up(core, i, "has other keys in the new epoch", 1);
        } else if (!same) {
            link->redial_ms = core->now_ms;
        }
    }
    links_ask_status(core);
}

/* --- Actions ---------------------------------------------------------------------------------- */

void core_act(struct core *core, struct core_action action, uint8_t *owned)
{
    /* Room for a KEEP and a FORGET of every append is never given to SENDs. */
    const uint32_t spare = 3 * CORE_APPENDS_MAX;

    if (core->action_count >= CORE_ACTIONS_MAX - spare &&
        (action.kind == CORE_SEND || action.kind == CORE_TELL)) {
        free(owned);
        return;
    }
    CHECK(core->action_count < CORE_ACTIONS_MAX);
    const uint32_t at = (core->action_first + core->action_count) % CORE_ACTIONS_MAX;
    core->actions[at] = action;
    core->owned[at] = owned;
    core->action_count++;
    if (action.kind == CORE_SEND && core->links[action.member].asked_ms == 0) {
        core->links[action.member].asked_ms = core->now_ms;
    }
}

void core_drop_sends(struct core *core, const uint8_t *memory, size_t len)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < core->action_count; i++) {
        const uint32_t from = (core->action_first + i) % CORE_ACTIONS_MAX;
        const uint32_t to = (core->action_first + kept) % CORE_ACTIONS_MAX;
        const struct core_action action = core->actions[from];
        uint8_t *owned = core->owned[from];
        const uint8_t *data = action.bytes.data;

        core->owned[from] = NULL;
        if (action.kind == CORE_SEND && data >= memory && data < memory + len) {
            free(owned);
            continue;
        }
        core->actions[to] = action;
        core->owned[to] = owned;
        kept++;
    }
    core->action_count = kept;
}

bool core_next(struct core *core, struct core_action *action)
{
    free(core->taken);
    core->taken = NULL;
    if (core->action_count == 0) {
        return false;
    }
    *action = core->actions[core->action_first];
    core->taken = core->owned[core->action_first];
    core->owned[core->action_first] = NULL;
    core->action_first = (core->action_first + 1) % CORE_ACTIONS_MAX;
    core->action_count--;
    return true;
}

void core_send_envelope(struct core *core, uint32_t member, const struct envelope *envelope,
                        struct bytes attachment)
{
    const size_t capacity = envelope->body.len + attachment.len + ENVELOPE_OVERHEAD;
    struct buffer frame = buffer_make(malloc(capacity), capacity);

    if (frame.data == NULL) {
        return;
    }
    buffer_put_u32be(&frame, 0);
    if (!envelope_encode(envelope, &frame)) {
        free(frame.data);
        return;
    }
    buffer_put(&frame, attachment);
    CHECK(!frame.full);
    frame_header(frame.len - FRAME_HEADER_BYTES, frame.data);
    core_act(
        core,
        (struct core_action){.kind = CORE_SEND, .member = member, .bytes = buffer_bytes(&frame)},
        frame.data);
}

void core_tell(struct core *core, enum core_notice notice, const char *format, ...)
{
    char *text = malloc(NOTICE_CHARS);
    va_list arguments;

    if (text == NULL) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(text, NOTICE_CHARS, format, arguments);
    va_end(arguments);
    core_act(
        core,
        (struct core_action){.kind = CORE_TELL, .notice = notice, .bytes = bytes_of_text(text)},
        (uint8_t *)text);
}

void core_lie(struct core *core, uint32_t member, const char *what)
{
    struct link *link = &core->links[member];

    link->lies++;
    if (link->lies == 1) {
        core_tell(core, CORE_NOTICE_LIAR, "r%u sent something false, which was refused: %s",
                  core->roster->members[member].rid, what);
    }
    if (core->prover == member) {
        links_move_prover(core);
    }
}

/* --- Events ----------------------------------------------------------------------------------- */

static void take_frame(struct core *core, uint32_t member, struct bytes frame)
{
    struct link *link = &core->links[member];
    struct envelope envelope;
    size_t used = 0;

    if (schema_decode_front(&schema_envelope, frame, &envelope, &used) != WIRE_OK) {
        core_lie(core, member, "a malformed message");
        links_hang_up(core, member, "sent a malformed message", CORE_REDIAL_LIAR_MS);
        return;
    }
    struct bytes attachment = bytes_slice(frame, used, frame.len - used);
    if (link->state == LINK_GREETING) {
        if (envelope.type == MESSAGE_HELLO) {
            links_hello(core, member, &envelope);
        }
        return;
    }
    if (link->state != LINK_UP) {
        return;
    }
    link->heard_ms = core->now_ms;
    link->asked_ms = 0;
    if (envelope.type == MESSAGE_REPLY) {
        answers_reply(core, member, envelope.body);
    } else if (envelope.type == MESSAGE_DATA) {
        asks_data(core, member, &envelope, attachment);
    } else if (envelope.type == MESSAGE_READ_ANSWER) {
        asks_read_answer(core, member, &envelope, attachment);
    }
}

/* The gate before a first send: Q links, and a moment more for the others. */
static void watch_quorum(struct core *core)
{
    if (core_links_up(core) < core->roster->q) {
        core->quorum_ms = 0;
    } else if (core->quorum_ms == 0) {
        core->quorum_ms = core->now_ms;
    }
}

void core_step(struct core *core, const struct core_event *event)
{
    /* Zero stands for "never" in every time the core keeps. */
    core->now_ms = event->now_ms == 0 ? 1 : event->now_ms;
    core->wall_ms = event->wall_ms;
    if (core->started_ms == 0) {
        core->started_ms = core->now_ms;
    }
    switch (event->kind) {
    case CORE_CONNECTED:
        CHECK(event->member < core->roster->n);
        links_connected(core, event->member, event->bytes);
        break;
    case CORE_CLOSED:
        CHECK(event->member < core->roster->n);
        links_closed(core, event->member, event->bytes);
        break;
    case CORE_FRAME:
        CHECK(event->member < core->roster->n);
        take_frame(core, event->member, event->bytes);
        break;
    case CORE_TICK:
        links_tick(core);
        watch_quorum(core);
        appends_tick(core);
        asks_tick(core);
        return;
    }
    watch_quorum(core);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t core_wake_ms(const struct core *core)
{
    return earlier(links_wake_ms(core), earlier(appends_wake_ms(core), asks_wake_ms(core)));
}

bool core_newest(const struct core *core, struct attest_claim *claim)
{
    if (core->has_newest) {
        *claim = core->newest;
    }
    return core->has_newest;
}

/* --- Words ------------------------------------------------------------------------------------ */

static void put_text(struct buffer *out, const char *format, ...) PRINTF_LIKE(2, 3);

static void put_text(struct buffer *out, const char *format, ...)
{
    char text[NOTICE_CHARS];
    va_list arguments;

    va_start(arguments, format);
    const int len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (len > 0) {
        const size_t bytes = (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
        buffer_put(out, bytes_make(text, bytes));
    }
}

static void put_link(const struct core *core, uint32_t member, struct buffer *out)
{
    const struct link *link = &core->links[member];
    const uint32_t rid = core->roster->members[member].rid;

    if (link->state != LINK_UP) {
        put_text(out, ", r%u %s%s%s", rid, link->state == LINK_DOWN ? "unreachable" : "connecting",
                 link->why[0] != '\0' ? ": " : "", link->why);
    } else if (link->heard_ms + 2000 < core->now_ms) {
        put_text(out, ", r%u silent %.1f s", rid, (double)(core->now_ms - link->heard_ms) / 1000.0);
    }
}

void core_wait_text(const struct core *core, uint64_t now_ms, struct buffer *out)
{
    const uint32_t up = core_links_up(core);

    (void)now_ms;
    if (up < core->roster->q) {
        put_text(out, "waiting for replicas: %u of %u connected, %u needed", up, core->roster->n,
                 core->roster->q);
    } else {
        put_text(out, "waiting for answers: %u of %u replicas connected", up, core->roster->n);
        for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
            const struct append *append = &core->appends[i];

            if (append->used && append->stage == CORE_SENT) {
                uint32_t answered = 0;

                for (uint32_t k = 0; k < core->roster->n; k++) {
                    answered += append->answers[k].present;
                }
                put_text(out, ", %u answered the append, %u attestations needed", answered,
                         core->roster->q);
                break;
            }
        }
    }
    for (uint32_t i = 0; i < core->roster->n; i++) {
        put_link(core, i, out);
    }
}
