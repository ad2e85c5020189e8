#include "tests/support/live.h"

#include "crypto/frame.h"
#include "crypto/hash.h"
#include "crypto/note.h"
#include "replica/host/channel.h"
#include "replica/host/clock.h"
#include "storage/store_memory.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 5000

/* A port that nobody listens on now. */
static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void *run_host(void *argument)
{
    return host_run(argument) ? argument : NULL;
}

void live_start(struct live *live, uint32_t rid)
{
    struct live_host *one = &live->hosts[rid];
    struct report report = {0};
    const struct host_setup setup = {.config = &one->config,
                                     .scheme = &sig_ed25519,
                                     .charter_file = live->charter_file,
                                     .roster = &live->roster,
                                     .addresses = live->addresses,
                                     .keys = {{.sign_seed = one->seeds[0],
                                               .cosign_seed = one->seeds[1],
                                               .transport_seed = one->seeds[2]},
                                              {.sign_seed = one->next_seeds[0],
                                               .cosign_seed = one->next_seeds[1],
                                               .transport_seed = one->next_seeds[2]}},
                                     .key_count = one->has_next ? 2 : 1,
                                     .store = one->store,
                                     .stop_fd = one->stop_fd};
    CHECK(host_open(&setup, &one->host, &report) == STATUS_OK);
    CHECK(pthread_create(&one->thread, NULL, run_host, one->host) == 0);
}

void live_stop(struct live *live, uint32_t rid)
{
    struct live_host *one = &live->hosts[rid];
    uint64_t count = 1;
    if (one->host == NULL) {
        return;
    }
    CHECK(write(one->stop_fd, &count, sizeof(count)) == sizeof(count));
    CHECK(pthread_join(one->thread, NULL) == 0);
    CHECK(read(one->stop_fd, &count, sizeof(count)) == sizeof(count));
    host_close(one->host);
    one->host = NULL;
}

static void prepare(struct live *live, uint32_t rid)
{
    static const char *const parts[] = {"", " cosign", " transport"};
    struct live_host *one = &live->hosts[rid];
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof(name), "r%u%s", rid, parts[i]);
        gov_seed(name, one->seeds[i]);
    }
    one->config = (struct config){.rid = live->first_rid + rid,
                                  .memory_bytes = CONFIG_MEMORY_BYTES_MIN,
                                  .clients = 32,
                                  .clients_per_address = 24,
                                  .workers = 2};
    snprintf(one->config.data, sizeof(one->config.data), "/tmp");
    snprintf(one->config.listen.host, sizeof(one->config.listen.host), "127.0.0.1");
    one->config.listen.port = free_port();
    live->addresses[rid] = (struct config_peer){one->config.rid, one->config.listen};
    one->stop_fd = eventfd(0, EFD_CLOEXEC);
    CHECK(store_memory_open(&one->store) == STATUS_OK);
}

static int set_up(void **state, uint32_t first_rid)
{
    struct live *live = calloc(1, sizeof(*live));
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    CHECK(live != NULL);
    CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
    log_configure(LOG_FORMAT_TEXT, LEVEL_ERROR);
    gov_fixture_init(&live->fixture, &sig_ed25519, LIVE_HOSTS);
    live->first_rid = first_rid;
    for (uint32_t i = 0; i < LIVE_HOSTS; i++) {
        live->fixture.replicas[i].rid = first_rid + i;
    }
    live->date_ms = clock_wall_ms() - 10000;
    live->fixture.charter.date_ms = live->date_ms;
    live->request_no = 1;
    gov_world_open(&live->world, &live->fixture, 1000);
    live->charter_file = gov_fixture_file(&live->fixture);
    CHECK(roster_of_charter(gov_fixture_body(&live->fixture), &live->roster));
    for (uint32_t rid = 0; rid < LIVE_HOSTS; rid++) {
        prepare(live, rid);
    }
    for (uint32_t rid = 0; rid < LIVE_HOSTS; rid++) {
        live_start(live, rid);
    }
    *state = live;
    return 0;
}

int live_setup(void **state)
{
    return set_up(state, 0);
}

int live_setup_large_ids(void **state)
{
    return set_up(state, REPLICA_ID_MAX - LIVE_HOSTS + 1);
}

int live_teardown(void **state)
{
    struct live *live = *state;
    for (uint32_t rid = 0; rid < LIVE_HOSTS; rid++) {
        live_stop(live, rid);
        store_close(live->hosts[rid].store);
        close(live->hosts[rid].stop_fd);
    }
    gov_world_close(&live->world);
    free(live);
    return 0;
}

/* --- A client -------------------------------------------------------------------------------- */

static void set_patience(int fd, int wait_ms)
{
    const struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0);
}

struct live_client live_connect(struct live *live, uint32_t rid)
{
    static const uint8_t alpn[] = "\x08" CHANNEL_ALPN;
    struct live_client client = {.live = live, .rid = rid};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons(live->addresses[rid].address.port)};
    client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(client.fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    set_patience(client.fd, PATIENCE_MS);
    client.context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(client.context, TLS1_3_VERSION);
    client.ssl = SSL_new(client.context);
    client.frame = malloc(LIVE_FRAME_MAX);
    CHECK(client.frame != NULL);
    CHECK(SSL_set_alpn_protos(client.ssl, alpn, sizeof(alpn) - 1) == 0);
    CHECK(SSL_set_fd(client.ssl, client.fd) == 1);
    if (SSL_connect(client.ssl) == 1) {
        CHECK(SSL_export_keying_material(client.ssl, client.exporter, HASH_BYTES, CHANNEL_EXPORTER,
                                         sizeof(CHANNEL_EXPORTER) - 1, NULL, 0, 0) == 1);
    }
    return client;
}

void live_hang_up(struct live_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->fd);
    free(client->frame);
}

bool live_send_raw(struct live_client *client, struct bytes bytes)
{
    return SSL_write(client->ssl, bytes.data, (int)bytes.len) == (int)bytes.len;
}

bool live_send(struct live_client *client, const struct envelope *envelope, struct bytes attachment)
{
    static uint8_t memory[2][1u << 20];
    struct buffer encoded = buffer_make(memory[0], sizeof(memory[0]));
    struct buffer frame = buffer_make(memory[1], sizeof(memory[1]));
    CHECK(envelope_encode(envelope, &encoded));
    const struct bytes parts[] = {buffer_bytes(&encoded), attachment};
    frame_put(&frame, parts, 2);
    CHECK(!frame.full);
    return live_send_raw(client, buffer_bytes(&frame));
}

static bool read_exactly(struct live_client *client, uint8_t *out, size_t len)
{
    size_t got = 0;
    while (got < len) {
        int n = SSL_read(client->ssl, out + got, (int)(len - got));
        if (n <= 0) {
            return false;
        }
        got += (size_t)n;
    }
    return true;
}

struct bytes live_receive(struct live_client *client, int wait_ms)
{
    uint8_t header[FRAME_HEADER_BYTES];
    set_patience(client->fd, wait_ms);
    if (!read_exactly(client, header, sizeof(header))) {
        return BYTES_EMPTY;
    }
    client->len = bytes_get_u32be(header);
    CHECK(client->len > 0 && client->len <= LIVE_FRAME_MAX);
    set_patience(client->fd, PATIENCE_MS);
    return read_exactly(client, client->frame, client->len) ? bytes_make(client->frame, client->len)
                                                            : BYTES_EMPTY;
}

bool live_await(struct live_client *client, uint64_t type, struct envelope *envelope,
                struct bytes *attachment)
{
    for (;;) {
        size_t used = 0;
        struct bytes frame = live_receive(client, PATIENCE_MS);
        if (frame.len == 0) {
            return false;
        }
        CHECK(schema_decode_front(&schema_envelope, frame, envelope, &used) == WIRE_OK);
        if (envelope->type == type) {
            *attachment = bytes_slice(frame, used, frame.len - used);
            return true;
        }
    }
}

bool live_is_closed(struct live_client *client)
{
    uint64_t deadline = clock_now_ms() + PATIENCE_MS;
    while (clock_now_ms() < deadline) {
        uint8_t byte;
        set_patience(client->fd, 500);
        int n = SSL_read(client->ssl, &byte, 1);
        int error = SSL_get_error(client->ssl, n);
        if (n <= 0 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            return true;
        }
    }
    return false;
}

bool live_hello(struct live_client *client, uint32_t flags)
{
    uint8_t memory[512];
    uint8_t seed[SEED_BYTES];
    uint8_t sig[SIG_BYTES];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct hello hello = {.role = ROLE_HOLDER, .flags = flags};
    struct bytes attachment;
    gov_seed("alice", seed);
    sig_ed25519.public_key(seed, hello.public_key);
    memcpy(hello.channel, client->exporter, HASH_BYTES);
    CHECK(hello_encode(&hello, &body));
    sign_body(&sig_ed25519, seed, hello.public_key, TAG_HELLO,
              client->live->world.charter.cluster_id, buffer_bytes(&body), sig);
    struct envelope envelope = {
        .type = MESSAGE_HELLO, .body = buffer_bytes(&body), .sig = BYTES_OF_ARRAY(sig)};
    return live_send(client, &envelope, BYTES_EMPTY) &&
           live_await(client, MESSAGE_HELLO, &envelope, &attachment) &&
           envelope.rid == client->live->first_rid + client->rid;
}

struct bytes live_append(struct live *live, uint32_t count)
{
    static struct gov_token token;
    static struct gov_request request;
    static uint8_t memory[3][1u << 20];
    static const uint8_t zeroes[100];
    struct buffer list = buffer_make(memory[0], sizeof(memory[0]));
    struct buffer payload_bytes = buffer_make(memory[1], sizeof(memory[1]));
    struct buffer parcel_bytes = buffer_make(memory[2], sizeof(memory[2]));
    gov_token_init(&token, 0, 1);
    token.blocks[0].body.not_before_ms = live->date_ms;
    token.blocks[0].body.expires_ms = live->date_ms + FIXTURE_HOUR;
    token.blocks[0].body.quota_entries = 100000;
    token.blocks[0].body.quota_bytes = UINT64_C(1) << 30;
    token.blocks[0].body.rate.uses = 10000;
    CHECK(gov_token_make(&token, &live->world, &sig_ed25519).len > 0);
    gov_request_init(&request, live->request_no++);
    request.body.not_after_ms = clock_wall_ms() + 60000;
    request.count = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct payload payload = {.salt = bytes_make(zeroes, SALT_BYTES),
                                        .bytes = BYTES_OF_ARRAY(zeroes)};
        request.statements[i] =
            (struct gov_statement){.stream = "pay/eu", .payload_len = 100, .expect = U64_UNLIMITED};
        CHECK(payload_encode(&payload, &list));
    }
    struct bytes item = gov_request_make(&request, &token, &live->world, &sig_ed25519);
    const struct payloads payloads = {.list = {buffer_bytes(&list), count}};
    CHECK(payloads_encode(&payloads, &payload_bytes));
    const struct request_parcel parcel = {item, buffer_bytes(&payload_bytes)};
    CHECK(request_parcel_encode(&parcel, &parcel_bytes));
    return buffer_bytes(&parcel_bytes);
}

bool live_send_request(struct live_client *client, struct bytes parcel)
{
    const struct envelope envelope = {.type = MESSAGE_REQUEST};
    return live_send(client, &envelope, parcel);
}

bool live_send_fetch(struct live_client *client, uint64_t kind, uint64_t from, uint64_t count)
{
    uint8_t memory[128];
    struct buffer body = buffer_make(memory, sizeof(memory));
    const struct fetch fetch = {.kind = kind, .from = from, .count = count};
    CHECK(fetch_encode(&fetch, &body));
    const struct envelope envelope = {.type = MESSAGE_FETCH, .body = buffer_bytes(&body)};
    return live_send(client, &envelope, BYTES_EMPTY);
}

struct status_answer live_status(struct live_client *client)
{
    struct envelope envelope;
    struct bytes attachment;
    struct status_answer answer;
    CHECK(live_send_fetch(client, FETCH_STATUS, 0, 0));
    CHECK(live_await(client, MESSAGE_DATA, &envelope, &attachment));
    CHECK(status_answer_decode(attachment, &answer) == WIRE_OK);
    return answer;
}
