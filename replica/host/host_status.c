/* What a host says of itself, and what it looks at once a second. */
#include "replica/host/clock.h"
#include "replica/host/frames.h"
#include "replica/host/host_parts.h"
#include "replica/host/notify.h"

#include <string.h>

/* The core's queue, in requests: clients are held back from the first, read again from the second.
 */
#define QUEUE_HIGH 8192
#define QUEUE_LOW 4096

/* How often people are told of a disk that cannot be read. */
#define DAMAGE_WARN_EVERY_MS 60000

static struct wire_list peer_rows(const struct host *host, const struct node_look *look,
                                  struct buffer *raw)
{
    uint64_t now = clock_now_ms();
    uint32_t count = 0;
    for (uint32_t i = 0; i < look->peer_count; i++) {
        uint64_t heard = look->peers[i].heard_ms;
        const struct peer_row row = {.rid = look->peers[i].rid,
                                     .connected = peers_connected(host->peers, look->peers[i].rid),
                                     .executed = look->peers[i].executed,
                                     .silent_ms = heard == 0 ? UINT64_MAX
                                                             : now - (heard < now ? heard : now)};
        if (row.rid != host->rid && peer_row_encode(&row, raw)) {
            count++;
        }
    }
    return (struct wire_list){buffer_bytes(raw), count};
}

void host_send_status(struct host *host, struct conn *conn, const struct fetch *fetch)
{
    uint8_t rows_memory[REPLICAS_MAX * 40];
    uint8_t status_memory[2048];
    uint8_t frame_memory[4096];
    struct buffer rows = buffer_make(rows_memory, sizeof rows_memory);
    struct buffer encoded = buffer_make(status_memory, sizeof status_memory);
    struct buffer frame = buffer_make(frame_memory, sizeof frame_memory);
    struct node_look look;
    node_look(host->node, &look);
    struct status_answer answer = {.rid = host->rid,
                                   .epoch = look.epoch,
                                   .view = look.view,
                                   .mode = look.mode,
                                   .stable = look.stable,
                                   .executed = look.executed,
                                   .tree_size = look.tree_size,
                                   .time_ms = look.time_ms,
                                   .wall_ms = clock_wall_ms(),
                                   .software = bytes_of_text("vestryd " VESTRY_VERSION),
                                   .peers = peer_rows(host, &look, &rows)};
    memcpy(answer.config_hash, look.config_hash, HASH_BYTES);
    CHECK(status_answer_encode(&answer, &encoded));
    CHECK(frames_put_data(&frame, host->rid, fetch, fetch->from, buffer_bytes(&encoded)));
    struct blob *blob = blob_make(buffer_bytes(&frame));
    conn_send(conn, blob);
    blob_drop(blob);
}

static void check_disk(struct host *host)
{
    uint64_t free_bytes = 0;
    bool was_full = host->no_appends;
    host->no_appends = disk_gate_check(&host->gate, DISK_APPEND, &free_bytes) != STATUS_OK;
    host->frozen =
        host->no_appends && disk_gate_check(&host->gate, DISK_VOTE, &free_bytes) != STATUS_OK;
    if (host->no_appends == was_full) {
        return;
    }
    if (host->no_appends) {
        log_error("host", "the disk is nearly full: no new requests are taken, free some space",
                  LOG_FIELDS(LOG_NUMBER("free_bytes", free_bytes)));
    } else {
        log_info("host", "the disk has room again", NULL);
        event_active(host->verified, 0, 0);
    }
}

/* The asker is sent to another replica; people must know, but not at every question. */
void host_check_read(struct host *host, const struct question *question)
{
    if (!question->damaged) {
        return;
    }
    uint64_t now = clock_now_ms();
    host->counters.damaged_reads++;
    if (host->damage_warned_ms != 0 && now - host->damage_warned_ms < DAMAGE_WARN_EVERY_MS) {
        return;
    }
    host->damage_warned_ms = now;
    log_error("host",
              "the store cannot be read, or is not what was written: look at the disk; whoever "
              "asks for what is missing is not answered, and asks another replica",
              LOG_FIELDS(LOG_NUMBER("answers", host->counters.damaged_reads)));
}

void host_check_queue(struct host *host)
{
    struct node_look look;
    node_look(host->node, &look);
    if (look.queued >= QUEUE_HIGH) {
        host->crowded = true;
    } else if (look.queued <= QUEUE_LOW) {
        host->crowded = false;
    }
    clients_hold(host->clients, host->crowded);
}

/* Those that asked for too much: host_in.c. */
static void listen_again(struct host *host)
{
    uint32_t cursor = 0;
    struct conn *conn = conns_next(host->conns, &cursor);
    for (; conn != NULL; conn = conns_next(host->conns, &cursor)) {
        if (conn->guest.is_replica) {
            conn_pause(conn, false);
        }
    }
}

void host_on_sweep(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct host *host = (struct host *)argument;
    conns_sweep(host->conns);
    listen_again(host);
    check_disk(host);
    host_check_queue(host);
    notify_alive();
    host_turn_ends(host);
}
