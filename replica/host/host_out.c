/* What the core wants done, made into deeds while the step's memory lives, and done when their
 * flight is durable. */
#include "crypto/hash.h"
#include "replica/host/evidence_files.h"
#include "replica/host/frames.h"
#include "replica/host/host_parts.h"
#include "storage/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Plans ----------------------------------------------------------------------------------- */

/* Whose requests are in a block: connections, and the places of their items. */
struct audience {
    uint32_t count;
    struct {
        struct conn *conn;
        uint32_t first; /* into links */
        uint32_t last;
        uint32_t count;
    } listeners[BATCH_ITEMS_MAX];
    uint32_t link_count;
    struct {
        uint32_t place;
        uint32_t next;
    } links[BATCH_ITEMS_MAX * CLIENT_CONNS_PER_KEY];
};

#define NO_LINK UINT32_MAX

static void listen_for(struct audience *audience, struct conn *conn, uint32_t place)
{
    uint32_t at = 0;
    /* A busy client's requests stand together, so the last listener is the likely one. */
    for (at = audience->count; at > 0 && audience->listeners[at - 1].conn != conn; at--) {
    }
    uint32_t link = audience->link_count;
    if (at == 0) {
        if (audience->count == BATCH_ITEMS_MAX) {
            return; /* the client asks again */
        }
        at = ++audience->count;
        audience->listeners[at - 1].conn = conn;
        audience->listeners[at - 1].first = link;
        audience->listeners[at - 1].count = 0;
    } else {
        audience->links[audience->listeners[at - 1].last].next = link;
    }
    audience->link_count++;
    audience->links[link].place = place;
    audience->links[link].next = NO_LINK;
    audience->listeners[at - 1].last = link;
    audience->listeners[at - 1].count++;
}

struct audience *host_audience_open(void)
{
    return (struct audience *)calloc(1, sizeof(struct audience));
}

static void plan_replies(struct host *host, const struct block_outcome *outcome, deed_sink *add)
{
    struct audience *audience = host->audience;
    audience->count = 0;
    audience->link_count = 0;
    for (uint32_t i = 0; i < outcome->item_count; i++) {
        struct conn *conns[CLIENT_CONNS_PER_KEY];
        uint32_t count = clients_find(host->clients, outcome->items[i].client, conns);
        for (uint32_t c = 0; c < count; c++) {
            listen_for(audience, conns[c], i);
        }
    }
    if (audience->count == 0) {
        return;
    }
    reply_begin(host->replies, outcome);
    for (uint32_t i = 0; i < audience->count; i++) {
        uint32_t places[BATCH_ITEMS_MAX];
        uint32_t count = 0;
        for (uint32_t link = audience->listeners[i].first;
             link != NO_LINK && count < BATCH_ITEMS_MAX; link = audience->links[link].next) {
            places[count++] = audience->links[link].place;
        }
        const struct conn *conn = audience->listeners[i].conn;
        bool proofs = (conn->guest.flags & HELLO_WANTS_PROOFS) != 0;
        const struct deed deed = {.action = {.kind = ACTION_EXECUTED},
                                  .frame =
                                      blob_make(reply_make(host->replies, places, count, proofs)),
                                  .connection = conn->id};
        host->counters.replies++;
        add(host, &deed);
    }
}

void host_plan(struct host *host, const struct action *action, deed_sink *add)
{
    struct deed deed = {.action = *action};
    deed.action.frame = BYTES_EMPTY;
    deed.action.outcome = NULL;
    switch (action->kind) {
    case ACTION_EXECUTED:
        if (node_may_sign(host->node)) {
            plan_replies(host, action->outcome, add);
        }
        return;
    case ACTION_SEND:
        if (action->to != host->rid && !peers_connected(host->peers, action->to)) {
            return;
        }
        deed.frame = blob_make(action->frame);
        break;
    case ACTION_BROADCAST:
    case ACTION_EVIDENCE:
        deed.frame = blob_make(action->frame);
        break;
    case ACTION_CHECKPOINT: /* readers find it in the store */
    case ACTION_PIN:        /* a matter of the flight: host_step.c */
        return;
    case ACTION_KNOWN:
    case ACTION_REFUSED:
        if (!node_may_sign(host->node)) {
            return; /* the others answer */
        }
        break;
    case ACTION_ROSTER:
    case ACTION_ALARM:
    case ACTION_HALT:
        break;
    }
    add(host, &deed);
}

/* --- Deeds ----------------------------------------------------------------------------------- */

static void answer_known(struct host *host, const struct action *action)
{
    struct conn *conns[CLIENT_CONNS_PER_KEY];
    if (clients_find(host->clients, action->client, conns) == 0) {
        return;
    }
    struct question *question = (struct question *)calloc(1, sizeof *question);
    CHECK(question != NULL);
    question->kind = QUESTION_KNOWN;
    question->known = *action;
    if (!reader_ask(host->reader, question)) {
        question_free(question);
        host->counters.overloaded++;
    }
}

static void answer_refused(struct host *host, const struct action *action)
{
    struct conn *conns[CLIENT_CONNS_PER_KEY];
    uint32_t count = clients_find(host->clients, action->client, conns);
    uint8_t memory[4096];
    struct buffer frame = buffer_make(memory, sizeof memory);
    if (count == 0 || host->attest == NULL ||
        !reply_refused_put(&frame, host->rid, blob_bytes(host->attest), action->request_id,
                           action->code)) {
        return;
    }
    struct blob *blob = blob_make(buffer_bytes(&frame));
    for (uint32_t i = 0; i < count; i++) {
        conn_send(conns[i], blob);
    }
    blob_drop(blob);
}

static void keep_evidence(struct host *host, const struct blob *evidence)
{
    char path[EVIDENCE_PATH_BYTES_MAX];
    struct report report = {0};
    host->counters.evidence++;
    enum status status =
        evidence_files_keep(host->setup->config->data, blob_bytes(evidence), path, &report);
    if (status == STATUS_OK) {
        log_error("host", "evidence of a faulty replica: send it to your auditor",
                  LOG_FIELDS(LOG_TEXT("path", path)));
    } else if (status != STATUS_EXISTS) {
        log_error("host", "evidence could not be saved", LOG_FIELDS(LOG_TEXT("why", report.what)));
    }
}

static void halt(struct host *host, const char *text)
{
    struct report report = {0};
    host->halted = true;
    report_what(&report, "this replica has stopped voting: %s", text);
    report_remedy(&report, "keep the disk of %s as it is, and join anew",
                  host->setup->config->data);
    log_report(&report);
}

/* An epoch began: links are kept by its keys. Where it gives this replica others, it goes on anew,
 * as whoever it is now. */
static void roster_moved(struct host *host)
{
    uint32_t which = node_key_in_force(host->node);
    peers_set_roster(host->peers, node_roster(host->node), node_roster_ended(host->node));
    if (which < NODE_KEYS_MAX && &host->setup->keys[which] != host->keys) {
        host->renew = true;
        host_stop(host);
    }
}

void host_do(struct host *host, const struct deed *deed)
{
    const struct action *action = &deed->action;
    struct conn *conn = NULL;
    switch (action->kind) {
    case ACTION_SEND:
        if (action->to == host->rid) {
            host_fetch_own(host, blob_bytes(deed->frame));
        } else {
            peers_send(host->peers, action->to, deed->frame);
        }
        return;
    case ACTION_BROADCAST:
        peers_broadcast(host->peers, deed->frame);
        return;
    case ACTION_EXECUTED:
        if (deed->connection == 0) {
            blob_drop(host->attest);
            host->attest = blob_hold(deed->frame);
            return;
        }
        conn = conns_find(host->conns, deed->connection);
        if (conn != NULL) {
            conn_send(conn, deed->frame);
        }
        return;
    case ACTION_KNOWN:
        answer_known(host, action);
        return;
    case ACTION_REFUSED:
        answer_refused(host, action);
        return;
    case ACTION_ROSTER:
        roster_moved(host);
        return;
    case ACTION_EVIDENCE:
        keep_evidence(host, deed->frame);
        return;
    case ACTION_ALARM:
        log_error("core", action->text, NULL);
        return;
    case ACTION_HALT:
        halt(host, action->text);
        return;
    case ACTION_CHECKPOINT:
    case ACTION_PIN:
        return;
    }
}
