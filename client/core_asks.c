/* Questions: FETCH and signed reads, asked of one replica after the other until an answer is good.
 *
 * What comes back is judged by the asker's checker; the core knows only whom to ask next. A denial
 * counts when W replicas give it, so that no single one can hide what is there. */
#include "client/core_parts.h"

#include "crypto/hash.h"

#include <stdlib.h>
#include <string.h>

#define FETCH_BYTES_MAX 128
#define READ_FRAME_BYTES_MAX (TOKEN_BYTES_MAX + 2048)

enum status core_ask(struct core *core, const struct ask_spec *spec, uint64_t *ticket)
{
    CHECK(spec->stream.len <= ID_BYTES_MAX);
    for (uint32_t i = 0; i < CORE_ASKS_MAX; i++) {
        struct ask *ask = &core->asks[i];

        if (ask->used) {
            continue;
        }
        *ask = (struct ask){
            .used = true,
            .ticket = core->next_ticket++,
            .spec = *spec,
            .target = ROSTER_NOBODY,
            .last_member = ROSTER_NOBODY,
        };
        if (spec->stream.len > 0) {
            memcpy(ask->stream, spec->stream.data, spec->stream.len);
        }
        ask->spec.stream = bytes_make(ask->stream, spec->stream.len);
        *ticket = ask->ticket;
        return STATUS_OK;
    }
    return STATUS_BUSY;
}

bool core_ask_look(const struct core *core, uint64_t ticket, struct ask_look *look)
{
    for (uint32_t i = 0; i < CORE_ASKS_MAX; i++) {
        const struct ask *ask = &core->asks[i];

        if (ask->used && ask->ticket == ticket) {
            *look = (struct ask_look){
                .state = ask->state,
                .member = ask->last_member,
                .code = ask->last_code,
                .denials = note_count(ask->denied),
                .behind = note_count(ask->behind),
                .lies = ask->lies,
            };
            return true;
        }
    }
    return false;
}

void core_ask_close(struct core *core, uint64_t ticket)
{
    for (uint32_t i = 0; i < CORE_ASKS_MAX; i++) {
        if (core->asks[i].used && core->asks[i].ticket == ticket) {
            core->asks[i] = (struct ask){0};
        }
    }
}

/* --- Asking ----------------------------------------------------------------------------------- */

static void send_fetch(struct core *core, const struct ask *ask)
{
    const struct fetch fetch = {
        .kind = ask->spec.fetch_kind,
        .from = ask->spec.from,
        .count = ask->spec.count,
    };
    uint8_t memory[FETCH_BYTES_MAX];
    struct buffer body = buffer_make(memory, sizeof(memory));

    CHECK(fetch_encode(&fetch, &body));
    const struct envelope envelope = {.type = MESSAGE_FETCH, .body = buffer_bytes(&body)};
    core_send_envelope(core, ask->target, &envelope, BYTES_EMPTY);
}

/* The signed request of a read, bound to the replica that is asked and to a number nobody can
 * guess, so that no old answer can be shown for it. */
static bool make_read(struct core *core, struct ask *ask, struct bytes statement,
                      struct buffer *body)
{
    struct request request = {
        .author = {.kind = 0},
        .op = OP_READ,
        .not_after_ms = core->wall_ms + CORE_READ_LIFE_MS,
        .audience = (uint64_t)core->roster->members[ask->target].rid + 1,
        .count = 1,
    };
    uint8_t nonce[8];

    core->setup.entropy(core->setup.entropy_context, nonce, sizeof(nonce));
    request.request_no = bytes_get_u64be(nonce);
    hash_bytes(core->setup.token, request.author.id);
    merkle_leaf_hash(statement, request.entries_root);
    if (!request_encode(&request, body)) {
        return false;
    }
    statement_id(TAG_REQUEST, core->setup.trust.cluster_id, buffer_bytes(body), ask->request_id);
    return true;
}

static bool put_parcel(const struct item *item, struct buffer *out)
{
    uint8_t memory[READ_FRAME_BYTES_MAX];
    uint8_t none[8];
    struct buffer encoded = buffer_make(memory, sizeof(memory));
    struct buffer payloads = buffer_make(none, sizeof(none));
    const struct payloads empty = {.list = {BYTES_EMPTY, 0}};

    if (!item_encode(item, &encoded) || !payloads_encode(&empty, &payloads)) {
        return false;
    }
    const struct request_parcel parcel = {buffer_bytes(&encoded), buffer_bytes(&payloads)};
    return request_parcel_encode(&parcel, out);
}

static void send_read(struct core *core, struct ask *ask)
{
    const struct read_statement read = {
        .stream = ask->spec.stream,
        .from = ask->spec.from,
        .count = ask->spec.count,
    };
    uint8_t statement_memory[STATEMENT_BODY_BYTES_MAX];
    uint8_t body_memory[REQUEST_BODY_BYTES_MAX];
    uint8_t list_memory[STATEMENT_BODY_BYTES_MAX + 8];
    uint8_t parcel_memory[READ_FRAME_BYTES_MAX + 64];
    struct buffer statement = buffer_make(statement_memory, sizeof(statement_memory));
    struct buffer body = buffer_make(body_memory, sizeof(body_memory));
    struct buffer list = buffer_make(list_memory, sizeof(list_memory));
    struct buffer parcel = buffer_make(parcel_memory, sizeof(parcel_memory));

    if (!read_statement_encode(&read, &statement) ||
        !make_read(core, ask, buffer_bytes(&statement), &body)) {
        return;
    }
    const struct item_bin element = {buffer_bytes(&statement)};
    CHECK(item_bin_encode(&element, &list));
    struct item item = {
        .request = buffer_bytes(&body),
        .token = core->setup.token,
        .statements = {buffer_bytes(&list), 1},
    };
    secret_key_sign(core->setup.key, TAG_REQUEST, core->setup.trust.cluster_id, item.request,
                    item.sig);
    CHECK(put_parcel(&item, &parcel));
    const struct envelope envelope = {.type = MESSAGE_REQUEST};
    core_send_envelope(core, ask->target, &envelope, buffer_bytes(&parcel));
}

static uint32_t next_target(struct core *core, struct ask *ask)
{
    const uint32_t never = ask->denied | ask->behind | ask->banned;

    if (ask->spec.only != ROSTER_NOBODY) {
        return core->links[ask->spec.only].state == LINK_UP ? ask->spec.only : ROSTER_NOBODY;
    }
    uint32_t target = links_choose(core, core->reader, ask->tried | never);
    if (target == ROSTER_NOBODY) {
        ask->tried = 0; /* once more around */
        target = links_choose(core, core->reader, never);
    }
    /* Everybody who is there has been heard, and enough of them for one to be correct. */
    if (target == ROSTER_NOBODY && core_links_up(core) >= core->roster->w) {
        if (ask->behind != 0) {
            ask->state = ASK_OUTDATED;
        } else if (ask->banned != 0) {
            ask->state = ASK_REFUTED;
        }
    }
    return target;
}

static void ask_next(struct core *core, struct ask *ask)
{
    ask->target = next_target(core, ask);
    ask->deadline_ms = core->now_ms + CORE_ASK_RETRY_MS;
    if (ask->target == ROSTER_NOBODY || ask->state != ASK_WAITING) {
        return;
    }
    if (ask->spec.kind == ASK_FETCH) {
        send_fetch(core, ask);
    } else {
        send_read(core, ask);
    }
}

/* --- Answers ---------------------------------------------------------------------------------- */

static void deny(struct core *core, struct ask *ask, uint64_t code)
{
    uint32_t alike = 0;

    ask->denied |= member_bit(ask->target);
    ask->denied_code[ask->target] = code;
    ask->last_code = code;
    for (uint32_t i = 0; i < core->roster->n; i++) {
        alike += (ask->denied & member_bit(i)) != 0 && ask->denied_code[i] == code;
    }
    if (ask->spec.only != ROSTER_NOBODY || alike >= core->roster->w) {
        ask->state = ASK_DENIED;
    }
}

static void take_verdict(struct core *core, struct ask *ask, enum ask_verdict verdict,
                         uint64_t code)
{
    const uint32_t member = ask->target;

    ask->last_member = member;
    switch (verdict) {
    case ASK_GOOD:
        ask->state = ASK_ANSWERED;
        core->reader = member;
        return;
    case ASK_NOTHING:
        deny(core, ask, code);
        break;
    case ASK_BEHIND:
        ask->behind |= member_bit(member);
        break;
    case ASK_FORK:
        ask->state = ASK_FORKED;
        return;
    case ASK_FALSE:
        ask->banned |= member_bit(member);
        ask->lies++;
        core_lie(core, member, "an answer that contradicts what was signed");
        break;
    }
    if (ask->state == ASK_WAITING) {
        ask_next(core, ask);
    }
}

void asks_data(struct core *core, uint32_t member, const struct envelope *envelope,
               struct bytes attachment)
{
    struct data data;

    if (data_decode(envelope->body, &data) != WIRE_OK) {
        core_lie(core, member, "a malformed answer");
        return;
    }
    if (data.kind == FETCH_STATUS) {
        links_status(core, member, attachment);
    }
    for (uint32_t i = 0; i < CORE_ASKS_MAX; i++) {
        struct ask *ask = &core->asks[i];

        if (!ask->used || ask->state != ASK_WAITING || ask->target != member ||
            ask->spec.kind != ASK_FETCH || ask->spec.fetch_kind != data.kind ||
            ask->spec.from != data.from || ask->spec.count != data.count) {
            continue;
        }
        const struct ask_answer answer = {.member = member, .attachment = attachment};
        enum ask_verdict verdict = ASK_NOTHING;

        if (attachment.len > 0) {
            ask->spec.check(ask->spec.context, &answer, &verdict);
        }
        take_verdict(core, ask, verdict, 0);
    }
}

static bool read_is_signed(const struct core *core, uint32_t member,
                           const struct envelope *envelope, struct bytes attachment,
                           struct read_answer *out)
{
    const struct roster_member *who = &core->roster->members[member];
    uint8_t hash[HASH_BYTES];

    if (envelope->rid != who->rid || envelope->sig.len != SIG_BYTES ||
        read_answer_decode(envelope->body, out) != WIRE_OK) {
        return false;
    }
    hash_bytes(attachment, hash);
    return hash_equal(hash, out->entries_hash) &&
           verify_body(core->setup.trust.scheme, who->sign_pk, TAG_READ_ANSWER,
                       core->setup.trust.cluster_id, envelope->body, envelope->sig.data);
}

void asks_read_answer(struct core *core, uint32_t member, const struct envelope *envelope,
                      struct bytes attachment)
{
    struct ask_answer answer = {.member = member, .attachment = attachment};

    if (!read_is_signed(core, member, envelope, attachment, &answer.read)) {
        core_lie(core, member, "a read answer that it did not sign");
        return;
    }
    for (uint32_t i = 0; i < CORE_ASKS_MAX; i++) {
        struct ask *ask = &core->asks[i];

        if (!ask->used || ask->state != ASK_WAITING || ask->target != member ||
            ask->spec.kind != ASK_READ || !hash_equal(ask->request_id, answer.read.request_id)) {
            continue;
        }
        enum ask_verdict verdict = ASK_NOTHING;

        if (answer.read.code == RESULT_OK) {
            ask->spec.check(ask->spec.context, &answer, &verdict);
        }
        take_verdict(core, ask, verdict, answer.read.code);
    }
}

/* --- Time ------------------------------------------------------------------------------------- */

void asks_link_lost(struct core *core, uint32_t member)
{
    for (uint32_t i = 0; i < CORE_ASKS_MAX; i++) {
        struct ask *ask = &core->asks[i];

        if (ask->used && ask->target == member) {
            ask->tried |= member_bit(member);
            ask->target = ROSTER_NOBODY;
        }
    }
}

void asks_tick(struct core *core)
{
    for (uint32_t i = 0; i < CORE_ASKS_MAX; i++) {
        struct ask *ask = &core->asks[i];

        if (!ask->used || ask->state != ASK_WAITING) {
            continue;
        }
        if (ask->target != ROSTER_NOBODY && core->now_ms >= ask->deadline_ms) {
            ask->tried |= member_bit(ask->target);
            ask->target = ROSTER_NOBODY;
        }
        if (ask->target == ROSTER_NOBODY) {
            ask_next(core, ask);
        }
    }
}

uint64_t asks_wake_ms(const struct core *core)
{
    uint64_t wake = UINT64_MAX;

    for (uint32_t i = 0; i < CORE_ASKS_MAX; i++) {
        const struct ask *ask = &core->asks[i];

        if (ask->used && ask->state == ASK_WAITING && ask->target != ROSTER_NOBODY &&
            ask->deadline_ms < wake) {
            wake = ask->deadline_ms;
        }
    }
    return wake;
}
