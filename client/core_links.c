/* Connections as the core sees them: when to dial, HELLO, who leads, who is asked for proofs. */
#include "client/core_parts.h"

#include "crypto/hash.h"

#include <stdlib.h>
#include <string.h>

#define HELLO_BYTES_MAX 512
#define FETCH_BYTES_MAX 128
#define HELLO_WANTS_PROOFS 1u

static const struct roster_member *member_of(const struct core *core, uint32_t member)
{
    return &core->roster->members[member];
}

static void enter(struct core *core, struct link *link, enum link_state state)
{
    link->state = state;
    link->since_ms = core->now_ms;
}

static void say_why(struct link *link, struct bytes why)
{
    const size_t len = why.len < sizeof(link->why) ? why.len : sizeof(link->why) - 1;

    if (len > 0) {
        memcpy(link->why, why.data, len);
    }
    link->why[len] = '\0';
}

static void send_hello(struct core *core, uint32_t member)
{
    struct link *link = &core->links[member];
    struct hello hello = {
        .epoch = core->roster->epoch,
        .role = ROLE_HOLDER,
        .rid = 0,
        .flags = core->prover == member ? HELLO_WANTS_PROOFS : 0,
        .software = bytes_of_text(core->setup.software),
    };
    uint8_t memory[HELLO_BYTES_MAX];
    struct buffer body = buffer_make(memory, sizeof(memory));
    uint8_t sig[SIG_BYTES];

    memcpy(hello.public_key, core->setup.key->public_key, PUBLIC_KEY_BYTES);
    memcpy(hello.channel, link->channel, HASH_BYTES);
    CHECK(hello_encode(&hello, &body));
    secret_key_sign(core->setup.key, TAG_HELLO, core->setup.trust.cluster_id, buffer_bytes(&body),
                    sig);
    const struct envelope envelope = {
        .type = MESSAGE_HELLO,
        .rid = 0,
        .body = buffer_bytes(&body),
        .sig = BYTES_OF_ARRAY(sig),
    };
    link->proves = hello.flags != 0;
    core_send_envelope(core, member, &envelope, BYTES_EMPTY);
}

void links_connected(struct core *core, uint32_t member, struct bytes channel)
{
    struct link *link = &core->links[member];

    if (link->state != LINK_DIALING || channel.len != HASH_BYTES) {
        return;
    }
    memcpy(link->channel, channel.data, HASH_BYTES);
    enter(core, link, LINK_GREETING);
    send_hello(core, member);
}

static void redial_later(struct core *core, struct link *link, uint64_t after_ms)
{
    if (after_ms == 0) {
        link->backoff_ms = link->backoff_ms == 0 ? CORE_REDIAL_MS : link->backoff_ms * 2;
        if (link->backoff_ms > CORE_REDIAL_MAX_MS) {
            link->backoff_ms = CORE_REDIAL_MAX_MS;
        }
        after_ms = link->backoff_ms;
    }
    link->redial_ms = core->now_ms + after_ms;
}

static void lost(struct core *core, uint32_t member, struct bytes why, uint64_t redial_after_ms)
{
    struct link *link = &core->links[member];

    enter(core, link, LINK_DOWN);
    say_why(link, why);
    link->proves = false;
    redial_later(core, link, redial_after_ms);
    asks_link_lost(core, member);
    appends_link_lost(core, member);
    if (core->prover == member) {
        links_move_prover(core);
    }
}

void links_closed(struct core *core, uint32_t member, struct bytes why)
{
    if (core->links[member].state != LINK_DOWN) {
        lost(core, member, why, 0);
    }
}

void links_hang_up(struct core *core, uint32_t member, const char *why, uint64_t redial_after_ms)
{
    core_act(core, (struct core_action){.kind = CORE_HANG_UP, .member = member}, NULL);
    lost(core, member, bytes_of_text(why), redial_after_ms);
}

/* Whether the acceptor is the replica that it should be, on this very channel. */
static bool hello_is_good(const struct core *core, uint32_t member, const struct envelope *envelope)
{
    const struct roster_member *who = member_of(core, member);
    struct hello hello;

    return envelope->rid == who->rid && envelope->sig.len == SIG_BYTES &&
           hello_decode(envelope->body, &hello) == WIRE_OK && hello.role == ROLE_REPLICA &&
           hello.rid == who->rid && memcmp(hello.public_key, who->sign_pk, PUBLIC_KEY_BYTES) == 0 &&
           memcmp(hello.channel, core->links[member].channel, HASH_BYTES) == 0 &&
           verify_body(core->setup.trust.scheme, who->sign_pk, TAG_HELLO,
                       core->setup.trust.cluster_id, envelope->body, envelope->sig.data);
}

static void ask_status(struct core *core, uint32_t member)
{
    const struct fetch fetch = {.kind = FETCH_STATUS};
    uint8_t memory[FETCH_BYTES_MAX];
    struct buffer body = buffer_make(memory, sizeof(memory));

    CHECK(fetch_encode(&fetch, &body));
    const struct envelope envelope = {.type = MESSAGE_FETCH, .body = buffer_bytes(&body)};
    core_send_envelope(core, member, &envelope, BYTES_EMPTY);
}

void links_hello(struct core *core, uint32_t member, const struct envelope *envelope)
{
    struct link *link = &core->links[member];

    if (!hello_is_good(core, member, envelope)) {
        core_lie(core, member, "a HELLO that is not its own");
        links_hang_up(core, member, "is not the replica of the charter", CORE_REDIAL_LIAR_MS);
        return;
    }
    enter(core, link, LINK_UP);
    link->backoff_ms = 0;
    link->why[0] = '\0';
    link->heard_ms = core->now_ms;
    link->asked_ms = 0;
    ask_status(core, member);
    if (core->links[core->prover].state != LINK_UP && core->quorum_ms != 0) {
        links_move_prover(core);
    }
}

void links_ask_status(struct core *core)
{
    for (uint32_t i = 0; i < core->roster->n; i++) {
        if (core->links[i].state == LINK_UP) {
            ask_status(core, i);
        }
    }
}

/* --- Who leads -------------------------------------------------------------------------------- */

/* The highest view that W members say they have reached: one of them is correct. */
static bool agreed_view(const struct core *core, uint64_t *view)
{
    bool found = false;

    for (uint32_t i = 0; i < core->roster->n; i++) {
        uint32_t reached = 0;

        if (!core->links[i].reported || core->links[i].epoch != core->roster->epoch) {
            continue;
        }
        for (uint32_t k = 0; k < core->roster->n; k++) {
            reached += core->links[k].reported && core->links[k].epoch == core->roster->epoch &&
                       core->links[k].view >= core->links[i].view;
        }
        if (reached >= core->roster->w && (!found || core->links[i].view > *view)) {
            *view = core->links[i].view;
            found = true;
        }
    }
    return found;
}

static uint32_t leader_of(const struct core *core, uint64_t view)
{
    return roster_index(core->roster, roster_primary(core->roster, view)->rid);
}

bool core_leader(const struct core *core, uint64_t *view, uint32_t *member)
{
    if (core->has_leader) {
        *view = core->view;
        *member = leader_of(core, core->view);
    }
    return core->has_leader;
}

static void tell_view(struct core *core, uint64_t before, uint64_t now)
{
    const uint32_t old_leader = leader_of(core, before);
    const struct link *link = &core->links[old_leader];
    const char *state = link->state == LINK_UP ? "replaced" : "unreachable";

    core_tell(core, CORE_NOTICE_VIEW, "view %llu -> %llu (r%u %s, r%u leads)",
              (unsigned long long)before, (unsigned long long)now, member_of(core, old_leader)->rid,
              state, member_of(core, leader_of(core, now))->rid);
}

void links_status(struct core *core, uint32_t member, struct bytes attachment)
{
    struct link *link = &core->links[member];
    struct status_answer answer;
    uint64_t view = 0;

    if (status_answer_decode(attachment, &answer) != WIRE_OK ||
        answer.rid != member_of(core, member)->rid) {
        return;
    }
    link->reported = true;
    link->recovering = answer.mode == MODE_RECOVERING;
    link->epoch = answer.epoch;
    link->view = answer.view;
    link->executed = answer.executed;
    core_epoch_seen(core, answer.epoch);
    if (!agreed_view(core, &view) || (core->has_leader && view <= core->view)) {
        return;
    }
    if (core->has_leader) {
        tell_view(core, core->view, view);
    }
    core->has_leader = true;
    core->view = view;
}

/* --- Whom to ask ------------------------------------------------------------------------------ */

uint32_t links_choose(const struct core *core, uint32_t first, uint32_t tried)
{
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < core->roster->n; i++) {
            const uint32_t member = (first + i) % core->roster->n;
            const struct link *link = &core->links[member];

            /* Whoever has lied or may not sign is asked only when nobody else is left. */
            if (link->state == LINK_UP && (tried & member_bit(member)) == 0 &&
                (pass == 1 || (link->lies == 0 && !link->recovering))) {
                return member;
            }
        }
    }
    return ROSTER_NOBODY;
}

void links_move_prover(struct core *core)
{
    const uint32_t before = core->prover;
    const uint32_t next = links_choose(core, (before + 1) % core->roster->n, member_bit(before));

    if (next == ROSTER_NOBODY) {
        return;
    }
    core->prover = next;
    if (core->links[before].state == LINK_UP && core->links[before].proves) {
        send_hello(core, before);
    }
    send_hello(core, next);
}

uint32_t core_links_up(const struct core *core)
{
    uint32_t up = 0;

    for (uint32_t i = 0; i < core->roster->n; i++) {
        up += core->links[i].state == LINK_UP;
    }
    return up;
}

void core_link_look(const struct core *core, uint32_t member, struct core_link_look *look)
{
    CHECK(member < core->roster->n);
    const struct link *link = &core->links[member];

    *look = (struct core_link_look){
        .state = link->state,
        .since_ms = link->since_ms,
        .silent_ms = link->asked_ms == 0 ? 0 : core->now_ms - link->asked_ms,
        .lies = link->lies,
        .recovering = link->recovering,
        .reported = link->reported,
        .epoch = link->epoch,
        .view = link->view,
        .executed = link->executed,
    };
    memcpy(look->why, link->why, sizeof(look->why));
}

/* --- Time ------------------------------------------------------------------------------------- */

void links_tick(struct core *core)
{
    for (uint32_t i = 0; i < core->roster->n; i++) {
        struct link *link = &core->links[i];

        if (link->state == LINK_DOWN && link->redial_ms <= core->now_ms) {
            enter(core, link, LINK_DIALING);
            core_act(core, (struct core_action){.kind = CORE_DIAL, .member = i}, NULL);
        } else if ((link->state == LINK_GREETING || link->state == LINK_DIALING) &&
                   link->since_ms + CORE_GREETING_MS <= core->now_ms) {
            links_hang_up(core, i,
                          link->state == LINK_DIALING ? "no connection in time"
                                                      : "accepts connections and does not answer",
                          0);
        } else if (link->state == LINK_UP && link->asked_ms != 0 &&
                   link->asked_ms + CORE_SILENT_MS <= core->now_ms) {
            links_hang_up(core, i, "connected and silent", 0);
        }
    }
}

uint64_t links_wake_ms(const struct core *core)
{
    uint64_t wake = UINT64_MAX;

    for (uint32_t i = 0; i < core->roster->n; i++) {
        const struct link *link = &core->links[i];
        uint64_t due = UINT64_MAX;

        if (link->state == LINK_DOWN) {
            due = link->redial_ms;
        } else if (link->state != LINK_UP) {
            due = link->since_ms + CORE_GREETING_MS;
        } else if (link->asked_ms != 0) {
            due = link->asked_ms + CORE_SILENT_MS;
        }
        wake = due < wake ? due : wake;
    }
    return wake;
}
