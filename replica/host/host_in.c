/* Frames from connections: what each is for, what it costs its sender, and how it comes to the node
 * with its signatures verified.
 *
 * The lanes of the verify pool keep replicas' frames ahead of clients'. What a connection has under
 * way is counted against it: a client is not read beyond its share, a replica's frames beyond its
 * share are dropped (STATUS brings again what mattered). */
#include "crypto/schema.h"
#include "replica/host/clock.h"
#include "replica/host/frames.h"
#include "replica/host/host_parts.h"
#include "replica/host/read_request.h"

#include <stdlib.h>
#include <string.h>

/* Under way for one replica. */
#define PEER_WORKS_MAX 2048
#define PEER_WORK_BYTES_MAX ((size_t)48 << 20)

/* Frames with bad signatures that one link may bring. */
#define PEER_FAULTS_MAX 64

/* A part of a batch is worth a worker of its own from here on. */
#define PART_BYTES ((size_t)8 << 10)

/* Finished works that are taken in before others get their turn. */
#define VERIFIED_PER_TURN 256

static void begin(struct host *host, struct conn *conn, size_t bytes)
{
    if (conn->guest.is_replica) {
        conn->works++;
        conn->work_bytes += bytes;
    } else {
        clients_begin(host->clients, conn, bytes);
    }
}

static void end(struct host *host, uint32_t from, uint64_t conn_id, size_t bytes)
{
    if (from == NODE_CLIENT) {
        clients_end(host->clients, conn_id, bytes);
        return;
    }
    struct conn *conn = conns_find(host->conns, conn_id);
    if (conn != NULL) {
        conn->works--;
        conn->work_bytes -= bytes;
    }
}

static enum verify_lane lane_of(uint64_t type)
{
    switch (type) {
    case MESSAGE_REQUEST:
        return LANE_CLIENTS;
    case MESSAGE_PRE_PREPARE:
    case MESSAGE_DATA:
    case MESSAGE_VIEW_CHANGE:
    case MESSAGE_NEW_VIEW:
        return LANE_PROPOSALS;
    default:
        return LANE_VOTES;
    }
}

/* A frame that should never have been sent: the link is to blame. */
static void refuse(struct host *host, uint64_t conn_id, enum drop drop)
{
    struct conn *conn = conns_find(host->conns, conn_id);
    if (conn == NULL) {
        return;
    }
    if (!conn->guest.is_replica) {
        conn_close(conn, drop_text(drop));
        return;
    }
    conn->faults++;
    if (drop == DROP_MALFORMED || drop == DROP_TYPE || conn->faults > PEER_FAULTS_MAX) {
        conn_close(conn, drop_text(drop));
    }
}

/* By member and not by connection: a new one brings no new bucket. NULL: not counted. */
static struct vain_quota *vain_of(struct host *host, uint32_t from, uint64_t type)
{
    uint32_t member =
        from == NODE_CLIENT ? ROSTER_NOBODY : roster_index(node_roster(host->node), from);
    if (member == ROSTER_NOBODY || !vain_quota_counts(type)) {
        return NULL;
    }
    return type == MESSAGE_REQUEST ? &host->relays[member] : &host->vain[member];
}

/* Whether one more frame of a replica may be verified for nothing. If not it is dropped, and the
 * replica is not listened to until the next sweep, or reading what it says would cost the others;
 * but for requests, which clients make it pass on. */
static bool may_be_vain(struct host *host, struct conn *conn, uint64_t type)
{
    struct vain_quota *quota = vain_of(host, conn->guest.rid, type);
    if (!conn->guest.is_replica || quota == NULL || vain_quota_take(quota, clock_now_ms())) {
        return true;
    }
    host->counters.overloaded++;
    if (type != MESSAGE_REQUEST) {
        host->counters.held_back++;
        conn_pause(conn, true);
    }
    return false;
}

/* What became of a frame whose signatures were good. */
static void settle_vain(struct host *host, const struct inbound *inbound, enum drop drop)
{
    struct vain_quota *quota = vain_of(host, inbound->from, inbound->job.type);
    if (quota == NULL) {
        return;
    }
    if (vain_quota_is_vain(inbound->job.type, drop)) {
        host->counters.vain++;
    } else {
        vain_quota_give_back(quota);
    }
}

static bool is_fault(enum drop drop)
{
    return drop == DROP_MALFORMED || drop == DROP_TYPE || drop == DROP_ROLE ||
           drop == DROP_SIGNATURE || drop == DROP_CLIENT_SIGNATURE || drop == DROP_DIGEST;
}

/* --- Verified -------------------------------------------------------------------------------- */

static void judge_read(struct host *host, uint64_t conn_id, struct bytes frame)
{
    struct node_look look;
    if (!node_may_sign(host->node)) {
        host->counters.unsigned_reads++; /* the client asks another */
        return;
    }
    node_look(host->node, &look);
    uint64_t wall = clock_wall_ms();
    const struct read_gate gate = {.node = host->node,
                                   .verifier = &host->verifier,
                                   .rid = host->rid,
                                   /* T stands still while nothing is ordered. */
                                   .time_ms = wall > look.time_ms ? wall : look.time_ms,
                                   .height = look.executed,
                                   .view = host->view};
    struct question *question = read_request_judge(&gate, frame);
    if (question == NULL) {
        refuse(host, conn_id, DROP_MALFORMED);
        return;
    }
    struct conn *conn = conns_find(host->conns, conn_id);
    question->conn = conn_id;
    question->bytes = frame.len;
    host->counters.reads++;
    if (conn == NULL || !reader_ask(host->reader, question)) {
        question_free(question);
        host->counters.overloaded++;
        return;
    }
    begin(host, conn, question->bytes);
}

/* The signatures were looked at: the rest is the node's, or the read thread's. */
static void take_in(struct host *host, const struct inbound *origin, struct bytes frame,
                    enum drop verdict)
{
    host->counters.verified[verdict]++;
    if (verdict != DROP_NONE) {
        if (!origin->is_read && job_refusal_matters(&origin->job, verdict)) {
            host_feed_refused(host, origin->from, frame, verdict);
        }
        if (is_fault(verdict)) {
            refuse(host, origin->conn, verdict);
        }
        return;
    }
    if (origin->is_read) {
        judge_read(host, origin->conn, frame);
        return;
    }
    enum drop drop = host_feed_frame(host, origin->from, frame);
    settle_vain(host, origin, drop);
    if (drop == DROP_QUEUE_FULL || drop == DROP_NO_MEMORY) {
        host->crowded = true;
        clients_hold(host->clients, true);
    }
}

static enum drop run(const struct verify_work *work, uint32_t part)
{
    const struct inbound *inbound = (const struct inbound *)(const void *)work;
    const struct bytes frame = bytes_make(inbound->frame, inbound->len);
    if (inbound->is_read) {
        return read_request_verify(&inbound->host->verifier, inbound->job.cluster_id, frame);
    }
    const struct sig_memo memo = memo_for_jobs(inbound->host->memo);
    return job_verify(&inbound->job, frame, part, work->parts, &memo);
}

/* Of a work in the pool: whether the node may soon have one more request to propose. */
static bool is_request(const struct inbound *inbound)
{
    return inbound->work.lane == LANE_CLIENTS && !inbound->is_read;
}

void host_discard(struct verify_work *work)
{
    free(work);
}

void host_on_verified(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct host *host = (struct host *)argument;
    struct mailbox *box = verify_pool_done(host->pool);
    void *items[VERIFIED_PER_TURN];
    mailbox_quiet(box);
    if (!host_can_step(host)) {
        return; /* host_on_committed comes back to it */
    }
    size_t count = mailbox_take(box, items, VERIFIED_PER_TURN);
    verify_pool_taken(host->pool, count);
    for (size_t i = 0; i < count; i++) {
        struct inbound *inbound = (struct inbound *)items[i];
        end(host, inbound->from, inbound->conn, inbound->len);
        host->arriving -= is_request(inbound) ? 1 : 0;
        take_in(host, inbound, bytes_make(inbound->frame, inbound->len), inbound->work.verdict);
        free(inbound);
    }
    host_turn_ends(host);
}

/* --- Inspected ------------------------------------------------------------------------------- */

static uint32_t parts_for(const struct host *host, enum verify_lane lane, size_t len)
{
    uint32_t workers = verify_pool_workers(host->pool);
    if (lane != LANE_PROPOSALS || len < 2 * PART_BYTES) {
        return 1;
    }
    return len / PART_BYTES < workers ? (uint32_t)(len / PART_BYTES) : workers;
}

static void give_to_pool(struct host *host, struct conn *conn, struct inbound *inbound,
                         enum verify_lane lane)
{
    inbound->work = (struct verify_work){
        .run = run, .lane = lane, .parts = parts_for(host, lane, inbound->len)};
    bool over = conn->guest.is_replica && (conn->works >= PEER_WORKS_MAX ||
                                           conn->work_bytes + inbound->len > PEER_WORK_BYTES_MAX);
    if (over || !verify_pool_give(host->pool, &inbound->work)) {
        host->counters.overloaded++;
        free(inbound);
        return;
    }
    host->arriving += is_request(inbound) ? 1 : 0;
    begin(host, conn, inbound->len);
}

/* Whether a small frame is verified here and now. A client's only while nothing else waits: the
 * first of many would make a block of its own. */
static bool goes_inline(struct host *host, const struct inbound *inbound, enum verify_lane lane)
{
    bool alone = verify_pool_under_way(host->pool) == 0 && !inbound->followed;
    if (inbound->len > INLINE_FRAME_BYTES || host->inline_left == 0 || !host_can_step(host) ||
        (lane != LANE_VOTES && !alone)) {
        return false;
    }
    host->inline_left--;
    return true;
}

static void inspect(struct host *host, struct conn *conn, struct inbound *inbound)
{
    const struct bytes frame = bytes_make(inbound->frame, inbound->len);
    enum verify_lane lane = LANE_CLIENTS;
    inbound->host = host;
    inbound->conn = conn->id;
    inbound->from = conn->guest.is_replica ? conn->guest.rid : NODE_CLIENT;
    if (inbound->is_read) {
        memcpy(inbound->job.cluster_id, host->speaker.cluster_id, HASH_BYTES);
    } else {
        enum drop drop = node_inspect(host->node, inbound->from, frame, &inbound->job);
        host->counters.inspected[drop]++;
        if (drop != DROP_NONE) {
            free(inbound);
            if (is_fault(drop)) {
                refuse(host, conn->id, drop);
            }
            return;
        }
        if (!may_be_vain(host, conn, inbound->job.type)) {
            free(inbound);
            return;
        }
        lane = lane_of(inbound->job.type);
    }
    if (!goes_inline(host, inbound, lane)) {
        give_to_pool(host, conn, inbound, lane);
        return;
    }
    inbound->work = (struct verify_work){.parts = 1};
    take_in(host, inbound, frame, run(&inbound->work, 0));
    free(inbound);
}

/* --- From the wire --------------------------------------------------------------------------- */

/* By member, as above. */
static struct fetch_quota *quota_of(struct host *host, uint32_t rid)
{
    uint32_t member = roster_index(node_roster(host->node), rid);
    return member == ROSTER_NOBODY ? NULL : &host->quotas[member];
}

/* Whoever asks beyond his share is not listened to until the next sweep, or the mere taking in of
 * his questions would cost the others. */
static bool may_fetch(struct host *host, struct conn *conn, size_t price)
{
    struct fetch_quota *quota = quota_of(host, conn->guest.rid);
    if (quota == NULL || conn->works >= PEER_WORKS_MAX) {
        return false;
    }
    if (!fetch_quota_take(quota, price, clock_now_ms())) {
        host->counters.held_back++;
        conn_pause(conn, true);
        return false;
    }
    return true;
}

static void on_fetch(struct host *host, struct conn *conn, struct bytes frame)
{
    struct envelope envelope;
    struct fetch fetch;
    if (envelope_decode(frame, &envelope) != WIRE_OK ||
        fetch_decode(envelope.body, &fetch) != WIRE_OK) {
        host->counters.inspected[DROP_MALFORMED]++;
        refuse(host, conn->id, DROP_MALFORMED);
        return;
    }
    host->counters.fetches++;
    if (fetch.kind == FETCH_STATUS) {
        host_send_status(host, conn, &fetch);
        return;
    }
    size_t price = fetch_quota_price(&fetch);
    if (conn->guest.is_replica && !may_fetch(host, conn, price)) {
        host->counters.overloaded++;
        return;
    }
    struct question *question = (struct question *)calloc(1, sizeof *question);
    CHECK(question != NULL);
    question->kind = QUESTION_FETCH;
    question->of_replica = conn->guest.is_replica;
    question->rid = conn->guest.rid;
    question->conn = conn->id;
    question->bytes = frame.len;
    question->price = price;
    question->fetch = fetch;
    if (!reader_ask(host->reader, question)) {
        question_free(question);
        host->counters.overloaded++;
        return;
    }
    begin(host, conn, question->bytes);
}

void host_fetch_own(struct host *host, struct bytes frame)
{
    struct envelope envelope;
    struct fetch fetch;
    size_t used = 0;
    struct bytes content = bytes_slice(frame, FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES);
    if (schema_decode_front(&schema_envelope, content, &envelope, &used) != WIRE_OK ||
        envelope.type != MESSAGE_FETCH || fetch_decode(envelope.body, &fetch) != WIRE_OK) {
        return; /* whatever else it says to itself needs no host */
    }
    struct question *question = (struct question *)calloc(1, sizeof *question);
    CHECK(question != NULL);
    question->kind = QUESTION_FETCH;
    question->of_replica = true;
    question->rid = host->rid;
    question->fetch = fetch;
    if (!reader_ask(host->reader, question)) {
        question_free(question);
    }
}

/* Whether a frame of that type may come from there at all. */
static bool may_send(const struct conn *conn, uint64_t type)
{
    bool of_client = type == MESSAGE_REQUEST || type == MESSAGE_FETCH || type == MESSAGE_HELLO;
    return conn->guest.is_replica ? type != 0 : of_client;
}

static struct inbound *copy_in(struct evbuffer *in, size_t len)
{
    struct inbound *inbound = (struct inbound *)malloc(sizeof *inbound + len);
    CHECK(inbound != NULL);
    CHECK(evbuffer_remove(in, inbound->frame, len) == (int)len);
    inbound->len = len;
    inbound->followed = evbuffer_get_length(in) > 0;
    return inbound;
}

static void on_open_frame(struct host *host, struct conn *conn, struct inbound *inbound)
{
    const struct bytes frame = bytes_make(inbound->frame, inbound->len);
    uint64_t type = frames_type(frame);
    uint64_t audience = 0;
    inbound->is_read = false;
    if (!may_send(conn, type)) {
        enum drop drop = type == 0 ? DROP_MALFORMED : DROP_ROLE;
        host->counters.inspected[drop]++;
        free(inbound);
        refuse(host, conn->id, drop);
        return;
    }
    if (type == MESSAGE_FETCH || type == MESSAGE_HELLO) {
        if (type == MESSAGE_FETCH) {
            on_fetch(host, conn, frame);
        } else {
            host_hello(host, conn, frame);
        }
        free(inbound);
        return;
    }
    if (type == MESSAGE_REQUEST && !conn->guest.is_replica) {
        inbound->is_read = frames_audience(frame, &audience) && audience == host->rid + 1u;
        if (host->no_appends && !inbound->is_read) {
            host->counters.inspected[DROP_NO_MEMORY]++;
            free(inbound);
            return;
        }
    }
    inspect(host, conn, inbound);
}

void host_frame(void *context, struct conn *conn, struct evbuffer *in, size_t len)
{
    struct host *host = (struct host *)context;
    struct inbound *inbound = copy_in(in, len);
    if (conn->phase == CONN_GREETING) {
        host_hello(host, conn, bytes_make(inbound->frame, len));
        free(inbound);
        return;
    }
    on_open_frame(host, conn, inbound);
    host_turn_ends(host);
}

/* --- Answers of the read thread -------------------------------------------------------------- */

/* What this replica asked itself. */
static void own_answer(struct host *host, const struct question *question)
{
    for (uint32_t i = 0; i < question->frame_count; i++) {
        struct bytes frame = blob_bytes(question->frames[i]);
        struct inbound *inbound = (struct inbound *)malloc(sizeof *inbound + frame.len);
        CHECK(inbound != NULL);
        *inbound = (struct inbound){.host = host, .from = host->rid};
        inbound->len = frame.len - FRAME_HEADER_BYTES;
        memcpy(inbound->frame, frame.data + FRAME_HEADER_BYTES, inbound->len);
        const struct bytes content = bytes_make(inbound->frame, inbound->len);
        enum drop drop = node_inspect(host->node, host->rid, content, &inbound->job);
        host->counters.inspected[drop]++;
        inbound->work = (struct verify_work){.run = run, .lane = LANE_PROPOSALS, .parts = 1};
        if (drop != DROP_NONE || !verify_pool_give(host->pool, &inbound->work)) {
            free(inbound);
        }
    }
}

static void settle_quota(struct host *host, const struct question *question)
{
    struct fetch_quota *quota = quota_of(host, question->rid);
    size_t bytes = 0;
    for (uint32_t i = 0; i < question->frame_count; i++) {
        bytes += question->frames[i]->len;
    }
    if (quota != NULL) {
        fetch_quota_settle(quota, question->price, bytes);
    }
}

static void send_answers(struct host *host, const struct question *question)
{
    struct conn *conns[CLIENT_CONNS_PER_KEY];
    uint32_t count = 0;
    if (question->kind == QUESTION_KNOWN) {
        count = clients_find(host->clients, question->known.client, conns);
    } else {
        conns[0] = conns_find(host->conns, question->conn);
        count = conns[0] == NULL ? 0 : 1;
    }
    for (uint32_t i = 0; i < question->frame_count; i++) {
        if (question->of_replica) {
            peers_send(host->peers, question->rid, question->frames[i]);
        }
        for (uint32_t c = 0; c < count && !question->of_replica; c++) {
            conn_send(conns[c], question->frames[i]);
        }
    }
}

void host_on_read(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct host *host = (struct host *)argument;
    struct mailbox *box = reader_done(host->reader);
    void *items[64];
    mailbox_quiet(box);
    size_t count = mailbox_take(box, items, 64);
    reader_taken(host->reader, count);
    for (size_t i = 0; i < count; i++) {
        struct question *question = (struct question *)items[i];
        host_check_read(host, question);
        if (question->kind == QUESTION_PIN) {
            question_free(question);
            continue;
        }
        bool own = question->of_replica && question->rid == host->rid;
        if (own) {
            own_answer(host, question);
        } else {
            send_answers(host, question);
        }
        if (!own && question->of_replica) {
            settle_quota(host, question);
        }
        if (!own && question->kind != QUESTION_KNOWN) {
            end(host, question->of_replica ? question->rid : NODE_CLIENT, question->conn,
                question->bytes);
        }
        question_free(question);
    }
    host_turn_ends(host);
}
