/* Connections coming and going: HELLO on both sides, and what is told to peers and clients. */
#include "replica/host/clock.h"
#include "replica/host/host_parts.h"

#include <stdio.h>
#include <string.h>

/* HELLOs of one client between two sweeps: it may change its flags, not keep us busy. */
#define GREETINGS_MAX 32

/* How often people are told the same of one peer. */
#define WARN_EVERY_MS 60000

static void send_hello(struct host *host, struct conn *conn)
{
    uint8_t memory[HELLO_FRAME_BYTES_MAX];
    struct buffer frame = buffer_make(memory, sizeof memory);
    struct node_look look;
    node_look(host->node, &look);
    hello_put(&frame, &host->speaker, look.epoch, conn->facts.exporter);
    CHECK(!frame.full);
    struct blob *blob = blob_make(buffer_bytes(&frame));
    conn_send(conn, blob);
    blob_drop(blob);
}

void host_connected(void *context, struct conn *conn)
{
    struct host *host = (struct host *)context;
    if (conn->dialled) {
        send_hello(host, conn);
    }
}

static void log_link(const struct conn *conn, const char *message)
{
    char name[16];
    snprintf(name, sizeof name, "r%u", (unsigned)conn->guest.rid);
    log_info("peer", message,
             LOG_FIELDS(LOG_TEXT("peer", name), LOG_TEXT("address", conn->address)));
}

/* A new place of a known client, or new flags. */
static void greet_again(struct host *host, struct conn *conn, const struct hello_guest *guest)
{
    bool same = !guest->is_replica && !conn->guest.is_replica &&
                memcmp(guest->key, conn->guest.key, PUBLIC_KEY_BYTES) == 0;
    if (!same || ++conn->greetings > GREETINGS_MAX) {
        conn_close(conn, same ? "too many HELLOs" : "HELLO of somebody else");
        return;
    }
    conn->guest.flags = guest->flags;
    send_hello(host, conn);
}

static void welcome(struct host *host, struct conn *conn, const struct hello_guest *guest)
{
    conn_accept_guest(conn, guest);
    if (!conn->dialled) {
        send_hello(host, conn);
    }
    if (guest->is_replica) {
        peers_opened(host->peers, conn);
        log_link(conn, "connected");
    } else {
        clients_add(host->clients, conn);
    }
}

/* Somebody with a certificate was refused. Anybody can make one, so this is said now and then. */
static void warn_of_hello(struct host *host, const struct conn *conn, enum hello_verdict verdict)
{
    uint64_t now = clock_now_ms();
    if (!conn->facts.has_key || conn->dialled ||
        (host->strangers_warned_ms != 0 && now - host->strangers_warned_ms < WARN_EVERY_MS)) {
        return;
    }
    host->strangers_warned_ms = now;
    log_warning("peer", "somebody who says to be a replica is none of this cluster's",
                LOG_FIELDS(LOG_TEXT("address", conn->address),
                           LOG_TEXT("why", hello_verdict_text(verdict))));
}

void host_hello(struct host *host, struct conn *conn, struct bytes frame)
{
    struct hello_guest guest;
    const struct hello_scene scene = {.scheme = host->setup->scheme,
                                      .cluster_id = host->speaker.cluster_id,
                                      .roster = node_roster(host->node),
                                      .ended = node_roster_ended(host->node),
                                      .facts = &conn->facts,
                                      .self = host->rid,
                                      .expected = conn->dialled ? conn->guest.rid : ROSTER_NOBODY};
    enum hello_verdict verdict = hello_judge(&scene, frame, &guest);
    if (verdict != HELLO_OK) {
        host->counters.refused_hellos++;
        warn_of_hello(host, conn, verdict);
        conn_close(conn, hello_verdict_text(verdict));
        return;
    }
    if (conn->phase == CONN_OPEN) {
        greet_again(host, conn, &guest);
    } else {
        welcome(host, conn, &guest);
    }
}

/* Somebody is at a peer's address, and it is not that peer: people must know, but not every second.
 */
static void warn_of_stranger(struct host *host, const struct conn *conn, const char *why)
{
    uint64_t now = clock_now_ms();
    uint32_t member = roster_index(node_roster(host->node), conn->guest.rid);
    char name[16];
    char cluster[HEX_TEXT_BYTES(HASH_BYTES)];
    if (member == ROSTER_NOBODY) {
        return;
    }
    uint64_t *warned = &host->warned_ms[member];
    if (*warned != 0 && now - *warned < WARN_EVERY_MS) {
        return;
    }
    *warned = now;
    snprintf(name, sizeof name, "r%u", (unsigned)conn->guest.rid);
    report_hex(host->speaker.cluster_id, cluster);
    log_warning("peer",
                "whoever is at this address is not that replica of this cluster: look at `peer` in "
                "the configurations, and at the charter on both hosts",
                LOG_FIELDS(LOG_TEXT("peer", name), LOG_TEXT("address", conn->address),
                           LOG_TEXT("cluster", cluster), LOG_TEXT("why", why)));
}

void host_closed(void *context, struct conn *conn, const char *why)
{
    struct host *host = (struct host *)context;
    bool was_open = conn->phase == CONN_OPEN;
    bool is_link = conn->dialled || conn->guest.is_replica;
    host->counters.closed++;
    if (was_open && !conn->guest.is_replica) {
        clients_remove(host->clients, conn);
    }
    if (is_link && was_open && !host->stopping) {
        log_link(conn, "disconnected");
    }
    if (conn->dialled && (conn->other_key || conn->phase == CONN_GREETING) && !host->stopping) {
        warn_of_stranger(host, conn, why);
    }
    log_debug("conn", "closed",
              LOG_FIELDS(LOG_TEXT("address", conn->address), LOG_TEXT("why", why),
                         LOG_TEXT("side", conn->dialled ? "dialled" : "accepted")));
    if (is_link) {
        peers_closed(host->peers, conn);
    }
}

void host_drained(void *context, struct conn *conn)
{
    struct host *host = (struct host *)context;
    if (conn->guest.is_replica) {
        peers_drained(host->peers, conn);
    } else {
        clients_drained(host->clients, conn);
    }
}
