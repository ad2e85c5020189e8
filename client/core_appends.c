/* Appends: when they are sent to whom, what replicas answer, and when one is finished.
 *
 *   NEW --keep--> KEPT --send_first--> SENT --settle--> DONE
 *                   ^                    |
 *                   +------renew---------+   its time is over and it is not in the log
 */
#include "client/core_parts.h"

#include <stdlib.h>
#include <string.h>

static struct append *find_ticket(struct core *core, uint64_t ticket)
{
    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        if (core->appends[i].used && core->appends[i].ticket == ticket) {
            return &core->appends[i];
        }
    }
    return NULL;
}

bool appends_number_is_free(const struct core *core, const struct append *except)
{
    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        const struct append *append = &core->appends[i];

        if (append->used && append != except && append->stage != CORE_DONE &&
            core->next_no - append->parcel.request_no >= SESSION_WINDOW) {
            return false;
        }
    }
    return true;
}

/* With nothing outstanding the numbers jump to the clock in microseconds: another process that had
 * this token before, with another state directory, has used lower ones. */
static void follow_clock(struct core *core, uint64_t wall_ms)
{
    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        if (core->appends[i].used && core->appends[i].stage != CORE_DONE) {
            return;
        }
    }
    if (core->next_no < wall_ms * 1000) {
        core->next_no = wall_ms * 1000;
    }
}

static struct append *find_room(struct core *core)
{
    if (!appends_number_is_free(core, NULL)) {
        return NULL;
    }
    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        if (!core->appends[i].used) {
            return &core->appends[i];
        }
    }
    return NULL;
}

void appends_close(struct core *core, struct append *append)
{
    if (!append->used) {
        return;
    }
    if (append->parcel.frame != NULL) {
        core_drop_sends(core, append->parcel.frame, append->parcel.frame_len);
    }
    if (append->singles != NULL) {
        singles_close(core, append->singles);
    }
    answers_proof_close(&append->proof);
    parcel_close(&append->parcel);
    vestry_receipts_free(append->receipts);
    free(append->mark);
    *append = (struct append){0};
}

enum status appends_make_parcel(struct core *core, const struct parcel_entry *entries, size_t count,
                                struct parcel *out)
{
    const struct parcel_plan plan = {
        .cluster_id = core->setup.trust.cluster_id,
        .key = core->setup.key,
        .token = core->setup.token,
        .request_no = core->next_no,
        .not_after_ms = core->wall_ms + core->setup.request_life_ms,
    };
    const enum status status =
        parcel_make(&plan, entries, count, core->setup.entropy, core->setup.entropy_context, out);

    if (status == STATUS_OK) {
        core->next_no++;
    }
    return status;
}

enum status core_append(struct core *core, const struct parcel_entry *entries, size_t count,
                        struct bytes mark, uint64_t wall_ms, uint64_t *ticket)
{
    follow_clock(core, wall_ms);
    struct append *append = find_room(core);
    struct parcel parcel;

    CHECK(mark.len <= CORE_MARK_BYTES_MAX);
    if (append == NULL) {
        return STATUS_BUSY;
    }
    core->wall_ms = wall_ms;
    const enum status status = appends_make_parcel(core, entries, count, &parcel);
    if (status != STATUS_OK) {
        return status;
    }
    *append = (struct append){.used = true, .parcel = parcel, .ticket = parcel.request_no};
    if (mark.len > 0) {
        append->mark = malloc(mark.len);
        if (append->mark == NULL) {
            appends_close(core, append);
            return STATUS_NO_MEMORY;
        }
        memcpy(append->mark, mark.data, mark.len);
        append->mark_len = mark.len;
    }
    *ticket = append->ticket;
    return STATUS_OK;
}

enum status core_adopt(struct core *core, struct parcel *parcel)
{
    struct append *append = NULL;

    for (uint32_t i = 0; append == NULL && i < CORE_APPENDS_MAX; i++) {
        append = core->appends[i].used ? NULL : &core->appends[i];
    }
    if (append == NULL) {
        parcel_close(parcel);
        return STATUS_BUSY;
    }
    *append = (struct append){
        .used = true,
        .parcel = *parcel,
        .ticket = parcel->request_no,
        .stage = CORE_KEPT,
        .adopted = true,
    };
    *parcel = (struct parcel){0};
    if (append->ticket >= core->next_no) {
        core->next_no = append->ticket + 1;
    }
    return STATUS_OK;
}

static void fill_look(const struct core *core, const struct append *append,
                      struct core_append_look *look)
{
    *look = (struct core_append_look){
        .ticket = append->ticket,
        .stage = append->stage,
        .outcome = append->outcome,
        .code = append->code,
        .sends = append->sends,
        .adopted = append->adopted,
        .parcel = append->receipts != NULL ? &append->receipts->parcel : &append->parcel,
    };
    look->request_no = look->parcel->request_no;
    for (uint32_t i = 0; i < core->roster->n; i++) {
        look->answered += append->answers[i].present;
    }
}

bool core_append_look(const struct core *core, uint64_t ticket, struct core_append_look *look)
{
    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        if (core->appends[i].used && core->appends[i].ticket == ticket) {
            fill_look(core, &core->appends[i], look);
            return true;
        }
    }
    return false;
}

bool core_append_at(const struct core *core, uint32_t at, struct core_append_look *look)
{
    CHECK(at < CORE_APPENDS_MAX);
    if (core->appends[at].used) {
        fill_look(core, &core->appends[at], look);
    }
    return core->appends[at].used;
}

struct vestry_receipts *core_release(struct core *core, uint64_t ticket)
{
    struct append *append = find_ticket(core, ticket);

    if (append == NULL) {
        return NULL;
    }
    struct vestry_receipts *receipts = append->receipts;
    append->receipts = NULL;
    appends_close(core, append);
    return receipts;
}

/* --- Sending ---------------------------------------------------------------------------------- */

static void send_to(struct core *core, struct append *append, uint32_t member)
{
    core_act(core,
             (struct core_action){
                 .kind = CORE_SEND,
                 .member = member,
                 .bytes = bytes_make(append->parcel.frame, append->parcel.frame_len),
             },
             NULL);
}

static void send_to_all(struct core *core, struct append *append)
{
    for (uint32_t i = 0; i < core->roster->n; i++) {
        if (core->links[i].state == LINK_UP) {
            send_to(core, append, i);
        }
    }
    append->sends++;
}

void appends_keep(struct core *core, struct append *append, uint64_t replaces)
{
    core_act(core,
             (struct core_action){
                 .kind = CORE_KEEP,
                 .request_no = append->parcel.request_no,
                 .replaces = replaces,
                 .bytes = bytes_make(append->parcel.frame, append->parcel.frame_len),
                 .mark = bytes_make(append->mark, append->mark_len),
             },
             NULL);
    append->stage = CORE_KEPT;
}

static uint32_t leader_of(const struct core *core)
{
    const uint64_t view = core->has_leader ? core->view : 0;
    return roster_index(core->roster, roster_primary(core->roster, view)->rid);
}

/* To the replica that leads, which is enough when all goes well; to all when it is not there. */
static void send_first(struct core *core, struct append *append)
{
    const uint32_t leader = leader_of(core);

    if (core->links[leader].state == LINK_UP && !append->adopted) {
        send_to(core, append, leader);
        append->sends++;
    } else {
        send_to_all(core, append);
    }
    append->stage = CORE_SENT;
    append->retry_ms = CORE_RETRY_MS;
    append->next_send_ms = core->now_ms + append->retry_ms;
}

static void send_again(struct core *core, struct append *append)
{
    send_to_all(core, append);
    links_ask_status(core);
    append->retry_ms *= 2;
    if (append->retry_ms > CORE_RETRY_MAX_MS) {
        append->retry_ms = CORE_RETRY_MAX_MS;
    }
    append->next_send_ms = core->now_ms + append->retry_ms;
}

/* What only the replica that led has heard of is told to the others at once: they begin to be
 * patient when they hear of it. */
void appends_link_lost(struct core *core, uint32_t member)
{
    if (member != leader_of(core)) {
        return;
    }
    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        struct append *append = &core->appends[i];

        if (append->used && append->stage == CORE_SENT && append->next_send_ms > core->now_ms) {
            append->next_send_ms = core->now_ms;
        }
    }
}

/* Whether a connection is being made that may stand in a moment. */
static bool somebody_is_coming(const struct core *core)
{
    for (uint32_t i = 0; i < core->roster->n; i++) {
        if (core->links[i].state == LINK_DIALING || core->links[i].state == LINK_GREETING) {
            return true;
        }
    }
    return false;
}

/* A first send wants Q links, and a moment of patience for those that are being made: whoever is
 * not there yet would not be told the outcome. */
static bool gate_is_open(const struct core *core)
{
    return core->quorum_ms != 0 &&
           (!somebody_is_coming(core) || core->now_ms >= core->quorum_ms + CORE_GATHER_MS);
}

/* --- Time ------------------------------------------------------------------------------------- */

/* It is committed, and the proof or the attestations of one tree do not come: ask another replica
 * for proofs and all of them for their newest attestation; at last fetch each receipt. */
static void tick_committed(struct core *core, struct append *append)
{
    const uint64_t since = append->proof_asked_ms > append->committed_ms ? append->proof_asked_ms
                                                                         : append->committed_ms;

    if (core->now_ms >= since + CORE_PROOF_WAIT_MS && append->singles == NULL) {
        append->proof_asked_ms = core->now_ms;
        links_move_prover(core);
        send_to_all(core, append);
    }
    const struct append_answer *agreed = answers_agreed(core, append);
    if (core->now_ms >= append->committed_ms + CORE_SINGLES_WAIT_MS && agreed != NULL) {
        singles_tick(core, append, agreed);
    }
}

void appends_tick(struct core *core)
{
    const bool open = gate_is_open(core);

    if (open && core->links[core->prover].state != LINK_UP) {
        links_move_prover(core);
    }
    for (uint32_t i = 0; open && i < CORE_APPENDS_MAX; i++) {
        if (core->appends[i].used && core->appends[i].stage == CORE_NEW) {
            appends_keep(core, &core->appends[i], 0);
        }
    }
    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        struct append *append = &core->appends[i];

        if (!append->used || append->stage == CORE_DONE) {
            continue;
        }
        if (append->stage == CORE_KEPT && open) {
            send_first(core, append);
        } else if (append->stage == CORE_SENT && core->now_ms >= append->next_send_ms) {
            send_again(core, append);
        }
        if (append->stage == CORE_SENT && append->committed_ms != 0) {
            tick_committed(core, append);
        }
    }
}

uint64_t appends_wake_ms(const struct core *core)
{
    uint64_t wake = UINT64_MAX;

    for (uint32_t i = 0; i < CORE_APPENDS_MAX; i++) {
        const struct append *append = &core->appends[i];
        uint64_t due = UINT64_MAX;

        if (!append->used || append->stage == CORE_DONE) {
            continue;
        }
        if (append->stage != CORE_SENT) {
            due = core->quorum_ms == 0 ? UINT64_MAX : core->quorum_ms + CORE_GATHER_MS;
        } else {
            due = append->next_send_ms;
        }
        if (append->committed_ms != 0 && core->now_ms + CORE_PROOF_WAIT_MS < due) {
            due = core->now_ms + CORE_PROOF_WAIT_MS;
        }
        wake = due < wake ? due : wake;
    }
    return wake;
}
