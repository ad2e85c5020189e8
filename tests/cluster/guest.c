/* vestry-cluster-guest: whoever connects to a replica, says who he is (not always truly), and then
 * whatever comes on stdin.
 *
 *     vestry-cluster-guest FOLDER [HOST:]PORT HELLO SECONDS [deaf | aloud]
 *
 * HELLO is one of
 *     client       a good one of a client without a token
 *     holder       a good one of the cluster's client, who is told what becomes of its requests
 *     cluster      signed for another cluster
 *     channel      naming another channel
 *     signature    with a bit of the signature flipped
 *     claim R      role and keys of replica R, signed with a key of our own, without a certificate
 *     certified R  truly signed by replica R's key, on a channel with the certificate of another
 *     naked R      truly signed by replica R's key, on a channel without a certificate
 *     replica R    all as replica R would
 *     none         nothing: stdin goes out at once
 * written as one word: claim3. Prints `refused` when the connection was closed instead of answered,
 * otherwise `open`; then, once stdin was sent, `closed` when the other end closed within SECONDS,
 * otherwise `stays`. `deaf` never reads after the answer. `aloud` writes what it hears to stdout
 * behind `open`, and nothing else. The last digit of PORT is the replica's number. */
#include "crypto/frame.h"
#include "crypto/schema.h"
#include "governance/roster.h"
#include "keys/genesis.h"
#include "keys/keyfile.h"
#include "replica/host/channel.h"
#include "replica/host/hello.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
#define PATH_CHARS 1024

struct guest {
    const char *folder;
    const char *says;
    uint32_t rid;
    uint64_t role;
    double seconds;
    uint8_t cluster_id[HASH_BYTES];
    struct roster roster;
    struct secret_key sign;      /* what HELLO is signed with */
    struct secret_key transport; /* what the certificate is made of */
    bool deaf;
    bool aloud;
    SSL *ssl;
    int fd;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "vestry-cluster-guest: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool says(const struct guest *guest, const char *word)
{
    return strncmp(guest->says, word, strlen(word)) == 0;
}

static void load(const struct guest *guest, uint32_t rid, const char *kind, struct secret_key *key)
{
    const struct key_expected any = {0};
    char path[PATH_CHARS];
    struct problem problem;
    if (guest->role == ROLE_HOLDER) {
        snprintf(path, sizeof(path), "%s/client.key", guest->folder);
    } else {
        snprintf(path, sizeof(path), "%s/r%u/r%u%s.key", guest->folder, rid, rid, kind);
    }
    if (keyfile_load(path, &any, NULL, key, &problem) != STATUS_OK) {
        die(problem.what);
    }
}

static void choose_keys(struct guest *guest)
{
    struct problem problem;
    const size_t len = strlen(guest->says);
    const bool numbered = len > 0 && guest->says[len - 1] >= '0' && guest->says[len - 1] <= '9';
    guest->rid = numbered ? (uint32_t)(guest->says[len - 1] - '0') : 0;
    guest->role = numbered ? ROLE_REPLICA : ROLE_HOLDER;
    if (secret_key_new(&guest->sign, ROLE_HOLDER, "guest", &problem) != STATUS_OK ||
        secret_key_new(&guest->transport, ROLE_HOLDER, "guest", &problem) != STATUS_OK) {
        die(problem.what);
    }
    if ((numbered && !says(guest, "claim")) || says(guest, "holder")) {
        secret_key_close(&guest->sign);
        load(guest, guest->rid, "", &guest->sign);
    }
    if (says(guest, "replica")) {
        secret_key_close(&guest->transport);
        load(guest, guest->rid, ".transport", &guest->transport);
    }
}

static void read_charter(struct guest *guest)
{
    static struct charter_view view;
    static uint8_t memory[CHARTER_FILE_MAX];
    struct buffer backing = buffer_make(memory, sizeof(memory));
    char path[PATH_CHARS];
    struct problem problem;
    snprintf(path, sizeof(path), "%s/%s", guest->folder, CHARTER_NAME);
    if (genesis_charter_read(path, &backing, &view, &problem) != STATUS_OK) {
        die(problem.what);
    }
    if (!roster_of_charter(view.body, &guest->roster)) {
        die("the charter has no replicas");
    }
    memcpy(guest->cluster_id, view.cluster_id, HASH_BYTES);
}

/* False when the handshake failed. */
static bool dial(struct guest *guest, const char *place)
{
    char host[PATH_CHARS] = "127.0.0.1";
    const char *colon = strchr(place, ':');
    if (colon != NULL) {
        snprintf(host, sizeof(host), "%.*s", (int)(colon - place), place);
    }
    const uint16_t port = (uint16_t)strtoul(colon == NULL ? place : colon + 1, NULL, 10);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        die("no address");
    }
    const struct roster_member *member = roster_find(&guest->roster, port % 10);
    struct channel_context *context = NULL;
    guest->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (guest->fd < 0 ||
        connect(guest->fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        die("nobody listens there");
    }
    if (channel_context_open(guest->transport.seed.data, &context) != STATUS_OK || member == NULL) {
        die("no context for a channel");
    }
    guest->ssl = channel_for_dial(context, member->transport_pk);
    if (guest->ssl == NULL || SSL_set_fd(guest->ssl, guest->fd) != 1) {
        die("no channel");
    }
    if (guest->role == ROLE_HOLDER || says(guest, "naked") || says(guest, "claim")) {
        SSL_certs_clear(guest->ssl);
    }
    return SSL_connect(guest->ssl) == 1;
}

static void put_hello(const struct guest *guest, const struct channel_facts *facts,
                      struct buffer *out)
{
    uint8_t memory[HELLO_FRAME_BYTES_MAX];
    uint8_t whole[HELLO_FRAME_BYTES_MAX];
    uint8_t sig[SIG_BYTES];
    uint8_t cluster_id[HASH_BYTES];
    struct buffer body = buffer_make(memory, sizeof(memory));
    struct buffer encoded = buffer_make(whole, sizeof(whole));
    struct hello hello = {.role = guest->role,
                          .rid = guest->rid,
                          .flags = HELLO_WANTS_PROOFS,
                          .software = bytes_of_text("guest")};
    const struct roster_member *member = roster_find(&guest->roster, guest->rid);
    memcpy(hello.channel, facts->exporter, HASH_BYTES);
    memcpy(hello.public_key, guest->sign.public_key, PUBLIC_KEY_BYTES);
    memcpy(cluster_id, guest->cluster_id, HASH_BYTES);
    if (says(guest, "claim")) {
        memcpy(hello.public_key, member->sign_pk, PUBLIC_KEY_BYTES);
    }
    hello.channel[0] ^= says(guest, "channel");
    cluster_id[0] ^= says(guest, "cluster");
    if (!hello_encode(&hello, &body)) {
        die("no HELLO");
    }
    secret_key_sign(&guest->sign, TAG_HELLO, cluster_id, buffer_bytes(&body), sig);
    sig[0] ^= says(guest, "signature");
    const struct envelope envelope = {.type = MESSAGE_HELLO,
                                      .rid = guest->rid,
                                      .body = buffer_bytes(&body),
                                      .sig = BYTES_OF_ARRAY(sig)};
    if (!envelope_encode(&envelope, &encoded)) {
        die("no envelope");
    }
    const struct bytes part = buffer_bytes(&encoded);
    frame_put(out, &part, 1);
}

/* True when the other end answered with a HELLO. */
static bool greet(const struct guest *guest)
{
    uint8_t memory[HELLO_FRAME_BYTES_MAX];
    struct buffer frame = buffer_make(memory, sizeof(memory));
    struct channel_facts facts;
    if (!channel_facts_read(guest->ssl, &facts)) {
        die("no secret of the channel");
    }
    put_hello(guest, &facts, &frame);
    if (SSL_write(guest->ssl, frame.data, (int)frame.len) != (int)frame.len) {
        return false;
    }
    return SSL_read(guest->ssl, memory, sizeof(memory)) > FRAME_HEADER_BYTES;
}

/* False once the other end has closed. Waits `ms` at most. */
static bool listen_for(const struct guest *guest, int ms)
{
    uint8_t chunk[CHUNK_BYTES];
    struct pollfd readable = {.fd = guest->fd, .events = POLLIN};
    if (SSL_pending(guest->ssl) == 0 && poll(&readable, 1, ms) <= 0) {
        return true;
    }
    const int got = SSL_read(guest->ssl, chunk, sizeof(chunk));
    if (got > 0 && guest->aloud && fwrite(chunk, 1, (size_t)got, stdout) != (size_t)got) {
        die("nobody listens to me");
    }
    if (SSL_pending(guest->ssl) == 0) {
        fflush(stdout);
    }
    return got > 0 || SSL_get_error(guest->ssl, got) == SSL_ERROR_WANT_READ;
}

/* False once it can no longer be said. Whoever is not deaf listens while he waits to speak. */
static bool speak(const struct guest *guest, const uint8_t *data, size_t len)
{
    size_t sent = 0;
    const double until = now() + guest->seconds;
    while (sent < len && now() < until) {
        const int said = SSL_write(guest->ssl, data + sent, (int)(len - sent));
        if (said > 0) {
            sent += (size_t)said;
            continue;
        }
        if (SSL_get_error(guest->ssl, said) != SSL_ERROR_WANT_WRITE) {
            return false;
        }
        struct pollfd ready = {.fd = guest->fd,
                               .events = (short)(guest->deaf ? POLLOUT : POLLOUT | POLLIN)};
        (void)poll(&ready, 1, 100);
        if ((ready.revents & POLLIN) != 0 && !listen_for(guest, 0)) {
            return false;
        }
    }
    return true;
}

static bool say_all(const struct guest *guest)
{
    uint8_t chunk[CHUNK_BYTES];
    ssize_t len = 0;
    bool open = true;
    while (open && (len = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0) {
        open = speak(guest, chunk, (size_t)len);
    }
    const double until = now() + guest->seconds;
    while (open && now() < until) {
        if (guest->deaf) {
            /* A reset shows without reading. */
            struct pollfd gone = {.fd = guest->fd};
            open = poll(&gone, 1, 100) == 0;
        } else {
            open = listen_for(guest, 100);
        }
    }
    return open;
}

int main(int argc, char **argv)
{
    static struct guest guest;
    if (argc < 5) {
        die("too few arguments");
    }
    guest.deaf = argc > 5 && strcmp(argv[5], "deaf") == 0;
    guest.aloud = argc > 5 && strcmp(argv[5], "aloud") == 0;
    guest.folder = argv[1];
    guest.says = argv[3];
    guest.seconds = strtod(argv[4], NULL);
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, &ignore, NULL) != 0) {
        die("a broken pipe would kill");
    }
    read_charter(&guest);
    choose_keys(&guest);
    const bool met = dial(&guest, argv[2]);
    if (!met || (!says(&guest, "none") && !greet(&guest))) {
        puts("refused");
        return 0;
    }
    puts("open");
    fflush(stdout);
    SSL_set_mode(guest.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (fcntl(guest.fd, F_SETFL, O_NONBLOCK) != 0) {
        die("the socket stays blocking");
    }
    const bool stays = say_all(&guest);
    if (!guest.aloud) {
        puts(stays ? "stays" : "closed");
    }
    return 0;
}
