#include "replica/host/host.h"

#include "replica/host/clock.h"
#include "replica/host/host_parts.h"
#include "replica/host/notify.h"
#include "replica/host/page.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define MEMO_ENTRIES 65536
#define POOL_BYTES_MIN ((size_t)32 << 20)
#define SWEEP_MS 1000

/* Room for connections beside clients: two for each replica, and those that have not said who they
 * are. */
#define CONNS_BESIDE (4 * REPLICAS_MAX)

/* How long a clean stop waits for output to be taken: so often, so long each time. */
#define LINGER_ROUNDS 15
#define LINGER_MS 20

/* The memory of the configuration is cut like this: a quarter each for the core's pool and for the
 * store (start.c), an eighth each for what clients send and do not take; the rest is for flights,
 * peers' queues and everything small. */
#define SHARE_QUARTER 4
#define SHARE_EIGHTH 8

static void commit_has_failed(void *context, enum status status, const char *what)
{
    const struct host *host = (const struct host *)context;
    struct report report = {0};
    report_what(&report, "a write to %s failed (%s: %s); what is on the disk is unknown",
                host->setup->config->data, status_text(status), what);
    report_remedy(&report, "check the disk and the log of the kernel, then start again: the store "
                           "is verified at start");
    log_report(&report);
    _exit(1);
}

/* --- The node -------------------------------------------------------------------------------- */

struct restoring {
    struct host *host;
    enum family family;
    uint64_t records;
    bool failed;
};

static bool restore_record(void *context, struct bytes key, struct bytes value)
{
    struct restoring *restoring = (struct restoring *)context;
    struct event event = {.kind = EVENT_RESTORED,
                          .now_ms = clock_now_ms(),
                          .wall_ms = clock_wall_ms(),
                          .record = {.family = restoring->family, .key = key, .value = value}};
    enum drop drop = node_step(restoring->host->node, &event, &restoring->host->outbox);
    restoring->failed = drop != DROP_NONE;
    restoring->records++;
    return !restoring->failed;
}

static enum status restore(struct host *host, struct report *report)
{
    static const enum family families[] = {FAMILY_STATE, FAMILY_JOURNAL};
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        struct restoring restoring = {.host = host, .family = families[i]};
        enum status status =
            store_scan(host->setup->store, families[i], BYTES_EMPTY, restore_record, &restoring);
        if (status != STATUS_OK || restoring.failed) {
            report_what(report, "record %llu of the stored %s in %s is not one of ours: %s",
                        (unsigned long long)restoring.records, i == 0 ? "state" : "journal",
                        host->setup->config->data, status_text(status));
            report_remedy(report, "keep the disk as it is, and join anew with new keys");
            return status == STATUS_OK ? STATUS_CORRUPT : status;
        }
        log_debug("host", "restored", LOG_FIELDS(LOG_NUMBER("records", restoring.records)));
    }
    return STATUS_OK;
}

/* Those of the epoch that the node is in. When it has them not it is somebody else to the others,
 * until it has followed the log to where they count: the newest, then. */
static void take_keys(struct host *host)
{
    uint32_t which = node_key_in_force(host->node);
    host->keys = &host->setup->keys[which < NODE_KEYS_MAX ? which : host->setup->key_count - 1];
    host->speaker = (struct speaker){.scheme = host->setup->scheme,
                                     .cluster_id = node_cluster_id(host->node),
                                     .seed = host->keys->sign_seed,
                                     .rid = host->rid};
    host->setup->scheme->public_key(host->keys->sign_seed, host->speaker.public_key);
}

static enum status open_node(struct host *host, struct report *report)
{
    size_t pool = (size_t)(host->setup->config->memory_bytes / SHARE_QUARTER);
    uint64_t seed = 0;
    CHECK(getentropy(&seed, sizeof seed) == 0);
    struct node_key keys[NODE_KEYS_MAX];
    for (uint32_t i = 0; i < host->setup->key_count; i++) {
        keys[i] =
            (struct node_key){host->setup->keys[i].sign_seed, host->setup->keys[i].cosign_seed};
    }
    const struct node_config config = {.charter_file = host->setup->charter_file,
                                       .rid = host->rid,
                                       .scheme = host->setup->scheme,
                                       .keys = keys,
                                       .key_count = host->setup->key_count,
                                       .jitter_seed = seed,
                                       .pool_bytes = pool < POOL_BYTES_MIN ? POOL_BYTES_MIN : pool,
                                       .snapshot_span = host->setup->snapshot_span,
                                       .state_records_max = STATE_RECORDS_USUAL,
                                       .state_bytes_max = STATE_BYTES_USUAL};
    enum status status = node_open(&config, &host->node);
    if (status == STATUS_OK) {
        status = outbox_open(&host->outbox);
    }
    if (status != STATUS_OK) {
        report_what(report, "the replica's core could not be opened: %s", status_text(status));
        report_remedy(report, "give `limits { memory }` what this machine has, at least 256MiB");
        return status;
    }
    status = restore(host, report);
    if (status == STATUS_OK) {
        take_keys(host);
    }
    return status;
}

/* --- Threads and connections ----------------------------------------------------------------- */

static enum status open_threads(struct host *host)
{
    const struct config *config = host->setup->config;
    const struct commit_place place = {.store = host->setup->store,
                                       .anchor = host->setup->anchor,
                                       .failed = commit_has_failed,
                                       .context = host};
    struct reader_setup reader = {
        .store = host->setup->store,
        .speaker = host->speaker,
        .charter_file = host->setup->charter_file,
        .snapshots = {.records_max = STATE_RECORDS_USUAL, .bytes_max = STATE_BYTES_USUAL},
        .data = config->data};
    CHECK(getentropy(&reader.snapshots.hash_seed, sizeof reader.snapshots.hash_seed) == 0);
    enum status status = memo_open(MEMO_ENTRIES, &host->memo);
    host->verifier = (struct memo_verifier){host->memo, host->setup->scheme};
    if (status == STATUS_OK) {
        status = verify_pool_open(config->workers, &host->pool);
    }
    if (status == STATUS_OK) {
        status = commit_thread_open(&place, &host->commit);
    }
    if (status == STATUS_OK) {
        status = reader_open(&reader, &host->reader);
    }
    if (status == STATUS_OK) {
        status = reply_maker_open(host->rid, &host->replies);
    }
    return status;
}

static enum status open_links(struct host *host)
{
    const struct config *config = host->setup->config;
    size_t eighth = (size_t)(config->memory_bytes / SHARE_EIGHTH);
    const struct conn_limits limits = {.conns = config->clients + CONNS_BESIDE,
                                       .stranger_input = eighth,
                                       .stranger_output = eighth};
    const struct conn_owner owner = {.context = host,
                                     .connected = host_connected,
                                     .frame = host_frame,
                                     .drained = host_drained,
                                     .closed = host_closed};
    const struct clients_limits shares = {.works = VERIFY_WORKS_MAX / 2, .work_bytes = eighth};
    struct peers_setup peers = {.base = host->base,
                                .self = host->rid,
                                .queue_bytes_max = (size_t)32 << 20,
                                .addresses = host->setup->addresses};
    CHECK(getentropy(&peers.seed, sizeof peers.seed) == 0);
    enum status status = channel_context_open(host->keys->transport_seed, &host->channel);
    if (status == STATUS_OK) {
        status = conns_open(host->base, host->channel, &limits, &owner, &host->conns);
    }
    if (status == STATUS_OK) {
        status = clients_open(host->conns, &shares, &host->clients);
    }
    if (status == STATUS_OK) {
        peers.conns = host->conns;
        status = peers_open(&peers, &host->peers);
    }
    return status;
}

void host_stop(struct host *host)
{
    host->stopping = true;
    event_base_loopbreak(host->base);
}

static void on_signal(evutil_socket_t number, short what, void *argument)
{
    (void)what;
    log_info("host", "stopping", LOG_FIELDS(LOG_TEXT("signal", strsignal((int)number))));
    host_stop((struct host *)argument);
}

static void on_stop(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    host_stop((struct host *)argument);
}

static struct event *watch(struct host *host, int fd, event_callback_fn callback)
{
    struct event *event = event_new(host->base, fd, EV_READ | EV_PERSIST, callback, host);
    CHECK(event != NULL);
    CHECK(event_add(event, NULL) == 0);
    return event;
}

static void open_events(struct host *host)
{
    static const struct timeval second = {.tv_sec = SWEEP_MS / 1000};
    host->verified = watch(host, mailbox_fd(verify_pool_done(host->pool)), host_on_verified);
    host->committed = watch(host, mailbox_fd(commit_thread_done(host->commit)), host_on_committed);
    host->read = watch(host, mailbox_fd(reader_done(host->reader)), host_on_read);
    host->turn_end = event_new(host->base, -1, 0, host_on_turn_end, host);
    host->tick = evtimer_new(host->base, host_on_tick, host);
    host->sweep = event_new(host->base, -1, EV_PERSIST, host_on_sweep, host);
    CHECK(host->turn_end != NULL);
    CHECK(host->tick != NULL);
    CHECK(host->sweep != NULL);
    CHECK(event_add(host->sweep, &second) == 0);
    if (!host->setup->by_signal) {
        host->term = event_new(host->base, host->setup->stop_fd, EV_READ, on_stop, host);
        CHECK(host->term != NULL);
        CHECK(event_add(host->term, NULL) == 0);
        return;
    }
    host->term = evsignal_new(host->base, SIGTERM, on_signal, host);
    host->interrupt = evsignal_new(host->base, SIGINT, on_signal, host);
    CHECK(host->term != NULL);
    CHECK(host->interrupt != NULL);
    CHECK(event_add(host->term, NULL) == 0);
    CHECK(event_add(host->interrupt, NULL) == 0);
}

static struct event_base *open_base(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL) {
        return NULL;
    }
    /* The loop is one thread's, and no descriptor in it is a duplicate of another, so changes to
     * the set may wait for the next turn: most of them are taken back before. */
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static enum status open_all(struct host *host, struct report *report)
{
    enum status status = open_node(host, report);
    if (status != STATUS_OK) {
        return status;
    }
    status = open_threads(host);
    if (status == STATUS_OK) {
        status = open_links(host);
    }
    if (status != STATUS_OK) {
        report_what(report, "threads or channels could not be started: %s", status_text(status));
        report_remedy(report, "allow this user more threads, files and memory (ulimit -a)");
        return status;
    }
    open_events(host);
    status = listener_open(host->base, host->conns, host->setup->config, &host->listener, report);
    if (status == STATUS_OK && host->setup->config->has_http) {
        status = page_open(host, &host->setup->config->http, &host->page, report);
    }
    return status;
}

enum status host_open(const struct host_setup *setup, struct host **out, struct report *report)
{
    struct host *host = (struct host *)calloc(1, sizeof *host);
    CHECK(host != NULL);
    host->setup_copy = *setup;
    host->setup = &host->setup_copy;
    host->rid = setup->config->rid;
    host->inline_left = INLINE_PER_TURN;
    host->armed_ms = UINT64_MAX;
    host->wake_ms = UINT64_MAX;
    for (size_t i = 0; i < sizeof host->cargos / sizeof host->cargos[0]; i++) {
        cargo_init(&host->cargos[i]);
    }
    host->open = &host->cargos[0];
    host->open->anchor = setup->anchored;
    host->gate = disk_gate_make(setup->config->data, setup->config->memory_bytes / SHARE_QUARTER);
    host->view = (struct item_view *)malloc(sizeof *host->view);
    host->audience = host_audience_open();
    host->base = open_base();
    CHECK(host->view != NULL);
    CHECK(host->audience != NULL);
    CHECK(host->base != NULL);
    enum status status = open_all(host, report);
    if (status != STATUS_OK) {
        host_close(host);
        return status;
    }
    *out = host;
    return STATUS_OK;
}

/* --- Life ------------------------------------------------------------------------------------ */

static void log_start(const struct host *host)
{
    char id[HEX_TEXT_BYTES(HASH_BYTES)];
    char name[16];
    struct node_look look;
    node_look(host->node, &look);
    report_hex(node_cluster_id(host->node), id);
    snprintf(name, sizeof name, "r%u", (unsigned)host->rid);
    log_info("host", "started",
             LOG_FIELDS(LOG_TEXT("replica", name), LOG_TEXT("cluster", id),
                        LOG_NUMBER("height", look.executed), LOG_NUMBER("epoch", look.epoch),
                        LOG_NUMBER("view", look.view)));
}

static size_t output_left(const struct host *host)
{
    size_t left = 0;
    uint32_t cursor = 0;
    const struct conn *conn = conns_next(host->conns, &cursor);
    for (; conn != NULL; conn = conns_next(host->conns, &cursor)) {
        left += conn->phase == CONN_OPEN ? conn_output(conn) : 0;
    }
    return left;
}

/* What was decided is told before we go. */
static void linger(struct host *host)
{
    static const struct timeval round = {.tv_usec = LINGER_MS * 1000};
    for (int i = 0; i < LINGER_ROUNDS && output_left(host) > 0; i++) {
        event_base_loopexit(host->base, &round);
        event_base_dispatch(host->base);
    }
}

bool host_run(struct host *host)
{
    struct event started = {.kind = EVENT_STARTED};
    (void)host_feed(host, &started);
    peers_set_roster(host->peers, node_roster(host->node), node_roster_ended(host->node));
    host_turn_ends(host);
    log_start(host);
    notify_send("READY=1");
    int ended = event_base_dispatch(host->base);
    CHECK(ended >= 0);
    if (!host->renew) {
        notify_send("STOPPING=1");
    }
    listener_close(host->listener);
    host->listener = NULL;
    clients_hold(host->clients, true);
    host_finish_flights(host);
    linger(host);
    host_finish_flights(host);
    log_info("host", host->renew ? "stopped, to go on with the keys of this epoch" : "stopped",
             NULL);
    return host->renew;
}

static void free_event(struct event *event)
{
    if (event != NULL) {
        event_free(event);
    }
}

static void close_events(struct host *host)
{
    free_event(host->verified);
    free_event(host->committed);
    free_event(host->read);
    free_event(host->turn_end);
    free_event(host->tick);
    free_event(host->sweep);
    free_event(host->term);
    free_event(host->interrupt);
}

static void close_links(struct host *host)
{
    if (host->page != NULL) {
        page_close(host->page);
    }
    if (host->listener != NULL) {
        listener_close(host->listener);
    }
    if (host->conns != NULL) {
        conns_close(host->conns);
    }
    if (host->peers != NULL) {
        peers_close(host->peers);
    }
    if (host->clients != NULL) {
        clients_close(host->clients);
    }
    if (host->channel != NULL) {
        channel_context_close(host->channel);
    }
}

void host_close(struct host *host)
{
    close_links(host);
    if (host->pool != NULL) {
        verify_pool_close(host->pool, host_discard);
    }
    if (host->reader != NULL) {
        reader_close(host->reader);
    }
    if (host->commit != NULL) {
        commit_thread_close(host->commit);
    }
    close_events(host);
    if (host->replies != NULL) {
        reply_maker_close(host->replies);
    }
    if (host->memo != NULL) {
        memo_close(host->memo);
    }
    if (host->node != NULL) {
        node_close(host->node);
        outbox_close(&host->outbox);
    }
    for (size_t i = 0; i < sizeof host->cargos / sizeof host->cargos[0]; i++) {
        cargo_free(&host->cargos[i]);
    }
    blob_drop(host->attest);
    /* Bufferevents that were freed with a callback on its way are gone only after it. */
    event_base_loop(host->base, EVLOOP_NONBLOCK);
    event_base_free(host->base);
    free(host->view);
    free(host->audience);
    free(host);
}

const struct node *host_node(const struct host *host)
{
    return host->node;
}
