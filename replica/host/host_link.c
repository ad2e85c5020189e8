/* Connections coming and going: HELLO on both sides, and what is told to peers and clients. */
#include "replica/host/host_parts.h"

#include <stdio.h>
#include <string.h>

/* HELLOs of one client between two sweeps: it may change its flags, not keep us busy. */
#define GREETINGS_MAX 32

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

static void log_link(const struct host *host, const struct conn *conn, const char *message)
{
    char name[16];
    (void)host;
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
        log_link(host, conn, "connected");
    } else {
        clients_add(host->clients, conn);
    }
}

void host_hello(struct host *host, struct conn *conn, struct bytes frame)
{
    struct hello_guest guest;
    const struct hello_scene scene = {.scheme = host->setup->scheme,
                                      .cluster_id = host->speaker.cluster_id,
                                      .roster = node_roster(host->node),
                                      .facts = &conn->facts,
                                      .self = host->rid,
                                      .expected = conn->dialled ? conn->guest.rid : ROSTER_NOBODY};
    enum hello_verdict verdict = hello_judge(&scene, frame, &guest);
    if (verdict != HELLO_OK) {
        host->counters.refused_hellos++;
        conn_close(conn, hello_verdict_text(verdict));
        return;
    }
    if (conn->phase == CONN_OPEN) {
        greet_again(host, conn, &guest);
    } else {
        welcome(host, conn, &guest);
    }
}

void host_closed(void *context, struct conn *conn, const char *why)
{
    struct host *host = (struct host *)context;
    host->counters.closed++;
    bool is_link = conn->dialled || conn->guest.is_replica;
    if (conn->phase == CONN_OPEN && !conn->guest.is_replica) {
        clients_remove(host->clients, conn);
    }
    if (is_link && conn->phase == CONN_OPEN && !host->stopping) {
        log_link(host, conn, "disconnected");
    }
    const struct log_field *fields =
        LOG_FIELDS(LOG_TEXT("address", conn->address), LOG_TEXT("why", why),
                   LOG_TEXT("side", conn->dialled ? "dialled" : "accepted"));
    if (conn->dialled && conn->phase == CONN_GREETING && !host->stopping) {
        log_warning("peer", "link refused", fields);
    } else {
        log_debug("conn", "closed", fields);
    }
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
