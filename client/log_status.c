/* The status of every replica behind vestry.h: what each says of itself, and what this client sees.
 * Nothing here is proven; it is for people who look for a fault. */
#include "client/log_parts.h"

#include <stdio.h>
#include <string.h>

#define STATUS_WAIT_MS 2000
#define BEHIND_HEIGHTS 256

struct status_work {
    struct vestry_replica *replica;
    const struct roster *roster;
};

static void take_peers(const struct status_answer *answer, const struct roster *roster,
                       struct vestry_replica *replica)
{
    struct wire_iter iter = wire_iter_make(answer->peers);
    struct peer_row row;

    while (peer_row_next(&iter, &row)) {
        const uint32_t member = roster_index(roster, (uint32_t)row.rid);

        if (member != ROSTER_NOBODY) {
            replica->connected |= (uint32_t)row.connected << member;
            replica->silent_ms[member] = row.silent_ms;
        }
    }
}

static void check_status(void *context, const struct ask_answer *answer, enum ask_verdict *verdict)
{
    struct status_work *work = context;
    struct vestry_replica *replica = work->replica;
    struct status_answer status;

    if (status_answer_decode(answer->attachment, &status) != WIRE_OK ||
        status.rid != replica->rid) {
        *verdict = ASK_FALSE;
        return;
    }
    replica->answered = true;
    replica->epoch = status.epoch;
    replica->view = status.view;
    replica->mode = (uint32_t)status.mode;
    replica->stable = status.stable;
    replica->executed = status.executed;
    replica->tree_size = status.tree_size;
    replica->clock_ms = status.wall_ms - log_wall_ms();
    memcpy(replica->software, status.software.data, status.software.len);
    replica->software[status.software.len] = '\0';
    take_peers(&status, work->roster, replica);
    *verdict = ASK_GOOD;
}

struct all_asked {
    const uint64_t *tickets;
    uint32_t count;
};

static bool all_answered(struct vestry *log, void *context)
{
    const struct all_asked *asked = context;

    for (uint32_t i = 0; i < asked->count; i++) {
        struct ask_look look;
        struct core_link_look link;

        if (!core_ask_look(log->core, asked->tickets[i], &look) || look.state != ASK_WAITING) {
            continue;
        }
        /* A replica that was tried and is not there will not answer in these two seconds. */
        core_link_look(log->core, i, &link);
        if (link.state != LINK_DOWN || link.why[0] == '\0') {
            return false;
        }
    }
    return true;
}

static void fill_state(const struct vestry *log, uint32_t member, uint64_t highest,
                       struct vestry_replica *replica)
{
    struct core_link_look link;

    core_link_look(log->core, member, &link);
    replica->lies = link.lies;
    (void)snprintf(replica->why, sizeof(replica->why), "%s", link.why);
    if (link.lies > 0) {
        replica->state = VESTRY_LIAR;
    } else if (link.state != LINK_UP) {
        replica->state = VESTRY_UNREACHABLE;
        if (link.why[0] == '\0') {
            (void)snprintf(replica->why, sizeof(replica->why), "no answer yet");
        }
    } else if (!replica->answered) {
        replica->state = VESTRY_SILENT;
    } else {
        replica->state = replica->executed + BEHIND_HEIGHTS < highest ? VESTRY_BEHIND : VESTRY_UP;
    }
}

/* The height that W replicas say they have executed at least. */
static uint64_t agreed_height(const struct vestry_status *status, uint32_t enough)
{
    uint64_t best = 0;

    for (uint32_t i = 0; i < status->replica_count; i++) {
        uint32_t reached = 0;

        for (uint32_t k = 0; k < status->replica_count; k++) {
            reached += status->replicas[k].answered &&
                       status->replicas[k].executed >= status->replicas[i].executed;
        }
        if (status->replicas[i].answered && reached >= enough &&
            status->replicas[i].executed > best) {
            best = status->replicas[i].executed;
        }
    }
    return best;
}

static void sum_up(const struct vestry *log, struct vestry_status *status)
{
    const struct roster *roster = &log->identity.roster;
    const uint64_t highest = agreed_height(status, roster->w);
    uint32_t leader = 0;

    for (uint32_t i = 0; i < roster->n; i++) {
        fill_state(log, i, highest, &status->replicas[i]);
        status->up_count += status->replicas[i].state == VESTRY_UP;
    }
    status->epoch = roster->epoch;
    status->has_primary = core_leader(log->core, &status->view, &leader);
    if (status->has_primary) {
        status->primary = roster->members[leader].rid;
    }
}

enum vestry_error vestry_status(struct vestry *log, struct vestry_status *status)
{
    const struct roster *roster = &log->identity.roster;
    struct status_work works[REPLICAS_MAX];
    uint64_t tickets[REPLICAS_MAX] = {0};
    struct all_asked asked = {tickets, roster->n};

    *status = (struct vestry_status){
        .replica_count = roster->n,
        .quorum = roster->q,
        .faults_tolerated = roster->f,
    };
    for (uint32_t i = 0; i < roster->n; i++) {
        struct vestry_replica *replica = &status->replicas[i];
        const struct net_peer *peer = &log->identity.peers[i];
        const struct ask_spec spec = {
            .kind = ASK_FETCH,
            .only = i,
            .fetch_kind = FETCH_STATUS,
            .check = check_status,
            .context = &works[i],
        };

        replica->rid = roster->members[i].rid;
        (void)snprintf(replica->endpoint, sizeof(replica->endpoint), "%.200s:%u", peer->host,
                       peer->port);
        works[i] = (struct status_work){replica, roster};
        if (core_ask(log->core, &spec, &tickets[i]) != STATUS_OK) {
            return log_say(log, VESTRY_FAILED, "too many questions at once");
        }
    }
    const enum vestry_error error = log_wait_for(log, STATUS_WAIT_MS, all_answered, &asked);
    for (uint32_t i = 0; i < roster->n; i++) {
        core_ask_close(log->core, tickets[i]);
    }
    sum_up(log, status);
    return error == VESTRY_NO_QUORUM ? VESTRY_OK : error;
}
