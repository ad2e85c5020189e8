#include "replica/host/metrics.h"

#include "crypto/numbers.h"
#include "replica/host/clock.h"
#include "replica/host/host_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static void put_line(struct buffer *out, const char *format, ...) PRINTF_LIKE(2, 3);

static void put_line(struct buffer *out, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (len > 0 && (size_t)len < sizeof line) {
        buffer_put(out, bytes_make(line, (size_t)len));
    }
}

static void put_head(struct buffer *out, const char *name, const char *type, const char *help)
{
    put_line(out, "# HELP vestry_%s %s\n# TYPE vestry_%s %s\n", name, help, name, type);
}

static void put_one(struct buffer *out, const char *name, const char *type, const char *help,
                    uint64_t value)
{
    put_head(out, name, type, help);
    put_line(out, "vestry_%s %" PRIu64 "\n", name, value);
}

static void put_drops(struct buffer *out, const char *name, const char *help,
                      const uint64_t counts[DROP_COUNT])
{
    put_head(out, name, "counter", help);
    for (int i = 0; i < DROP_COUNT; i++) {
        if (i != DROP_NONE && counts[i] > 0) {
            put_line(out, "vestry_%s{reason=\"%s\"} %" PRIu64 "\n", name, drop_text((enum drop)i),
                     counts[i]);
        }
    }
}

static void put_node(struct buffer *out, const struct node_look *look)
{
    put_one(out, "epoch", "gauge", "Epoch in force.", look->epoch);
    put_one(out, "boundary_height", "gauge", "Last block of the epoch; 0: none is named.",
            look->boundary == UINT64_MAX ? 0 : look->boundary);
    put_one(out, "keyless", "gauge", "1: this replica has no key of this epoch, and signs nothing.",
            look->keyless);
    put_one(out, "view", "gauge", "View within the epoch.", look->view);
    put_one(out, "primary", "gauge", "Replica that leads this view.", look->primary);
    put_one(out, "mode", "gauge", "1 active, 2 changing view, 3 recovering.", look->mode);
    put_one(out, "executed_height", "gauge", "Last executed block.", look->executed);
    put_one(out, "stable_height", "gauge", "Last stable checkpoint.", look->stable);
    put_one(out, "log_entries", "gauge", "Entries in the log.", look->tree_size);
    put_one(out, "log_time_ms", "gauge", "Protocol time.", look->time_ms);
    put_one(out, "requests_queued", "gauge", "Requests not ordered yet.", look->queued);
    put_one(out, "slots_in_flight", "gauge", "Slots not executed yet.", look->in_flight);
    put_one(out, "behind", "gauge", "1: enough others are ahead that this replica catches up.",
            look->behind);
    put_one(out, "snapshots_total", "counter", "States taken from others in the place of blocks.",
            look->snapshots);
    put_one(out, "history_missing", "gauge",
            "Blocks below a snapshot that are still to be fetched.", look->missing);
    put_one(out, "halted", "gauge", "1: this replica has stopped voting.", look->halted);
    put_drops(out, "core_drops_total", "Messages without effect, by reason.", look->drops);
    put_head(out, "messages_total", "counter", "Messages that reached the core.");
    for (uint64_t type = 1; type < 32; type++) {
        if (look->received[type] > 0) {
            put_line(out, "vestry_messages_total{type=\"%s\"} %" PRIu64 "\n",
                     message_type_text(type), look->received[type]);
        }
    }
}

static void put_peers(struct buffer *out, const struct host *host, const struct node_look *look)
{
    put_head(out, "peer_connected", "gauge", "1: there is a link to that replica.");
    for (uint32_t i = 0; i < look->peer_count; i++) {
        if (look->peers[i].rid != host->rid) {
            put_line(out, "vestry_peer_connected{peer=\"r%u\"} %d\n", (unsigned)look->peers[i].rid,
                     peers_connected(host->peers, look->peers[i].rid));
        }
    }
    put_head(out, "peer_executed_height", "gauge", "What that replica said it has executed.");
    for (uint32_t i = 0; i < look->peer_count; i++) {
        if (look->peers[i].rid != host->rid) {
            put_line(out, "vestry_peer_executed_height{peer=\"r%u\"} %" PRIu64 "\n",
                     (unsigned)look->peers[i].rid, look->peers[i].executed);
        }
    }
}

static void put_bans(struct buffer *out, const struct host *host, const struct node_look *look)
{
    put_head(out, "peer_banned", "gauge", "1: nothing is fetched from that replica for a while.");
    for (uint32_t i = 0; i < look->peer_count; i++) {
        if (look->peers[i].rid != host->rid) {
            put_line(out, "vestry_peer_banned{peer=\"r%u\"} %d\n", (unsigned)look->peers[i].rid,
                     look->peers[i].banned);
        }
    }
}

static void put_suspensions(struct buffer *out, const struct roster *roster)
{
    put_head(out, "replica_suspended", "gauge", "1: that replica may vote and may not lead.");
    for (uint32_t i = 0; i < roster->n; i++) {
        put_line(out, "vestry_replica_suspended{replica=\"r%u\"} %d\n",
                 (unsigned)roster->members[i].rid,
                 roster->members[i].standing == STANDING_SUSPENDED);
    }
}

void metrics_put(const struct host *host, struct buffer *out)
{
    const struct host_counters *counters = &host->counters;
    struct node_look look;
    node_look(host->node, &look);
    put_node(out, &look);
    put_peers(out, host, &look);
    put_bans(out, host, &look);
    put_suspensions(out, node_roster(host->node));
    put_one(out, "clients", "gauge", "Connected clients.", clients_count(host->clients));
    put_one(out, "connections", "gauge", "Connections of all kinds.", conns_count(host->conns));
    put_one(out, "connections_refused_total", "counter", "Connections refused at the door.",
            host->listener == NULL ? 0 : listener_refused(host->listener));
    put_one(out, "connections_closed_total", "counter", "Connections closed.", counters->closed);
    put_one(out, "hellos_refused_total", "counter", "HELLOs refused.", counters->refused_hellos);
    put_drops(out, "inspect_drops_total", "Frames dropped before verification, by reason.",
              counters->inspected);
    put_drops(out, "verify_drops_total", "Frames dropped by verification, by reason.",
              counters->verified);
    put_one(out, "overloaded_total", "counter", "Frames dropped because too many were under way.",
            counters->overloaded);
    put_one(out, "vain_frames_total", "counter",
            "Frames of replicas that were verified for nothing.", counters->vain);
    put_one(out, "peers_held_back_total", "counter",
            "Times that a replica was not listened to for a while.", counters->held_back);
    put_one(out, "peer_frames_dropped_total", "counter", "Frames a peer did not take in time.",
            peers_dropped(host->peers));
    put_one(out, "steps_total", "counter", "Steps of the core.", counters->steps);
    put_one(out, "flights_total", "counter", "Synced commits.", counters->flights);
    put_one(out, "puts_total", "counter", "Records written.", counters->puts);
    put_one(out, "put_bytes_total", "counter", "Bytes of records written.", counters->put_bytes);
    put_one(out, "replies_total", "counter", "Replies to clients.", counters->replies);
    put_one(out, "reads_total", "counter", "Reads by clients.", counters->reads);
    put_one(out, "fetches_total", "counter", "Fetches by clients and replicas.", counters->fetches);
    put_one(out, "reads_unsigned_total", "counter",
            "Reads that were not answered because this replica may not sign.",
            counters->unsigned_reads);
    put_one(out, "reads_damaged_total", "counter",
            "Questions that the store could not answer for damage.", counters->damaged_reads);
    put_one(out, "evidence_total", "counter", "Evidence of faults found.", counters->evidence);
    put_one(out, "disk_refuses_appends", "gauge", "1: too little disk for new requests.",
            host->no_appends);
}
