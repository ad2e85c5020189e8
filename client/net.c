#include "client/net.h"

#include "crypto/frame.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EXPORTER_LABEL "EXPORTER-vestry/1"
#define WHY_CHARS 128

/* ALPN on the wire: a length, then the name. */
static const uint8_t alpn[] = {8, 'v', 'e', 's', 't', 'r', 'y', '/', '1'};

struct connection {
    struct net *net;
    uint32_t member;
    struct net_peer peer;
    int fd;                   /* while it connects, otherwise -1 */
    struct event *connecting; /* NULL: not connecting */
    struct bufferevent *bev;  /* NULL: none */
    bool wrong_key;
    bool failed; /* to be told from net_run */
    char why[WHY_CHARS];
};

struct net {
    struct event_base *base;
    struct event *timer;
    struct event *waker;
    int wake_fd;
    SSL_CTX *ssl;
    struct net_owner owner;
    uint32_t count;
    struct connection connections[REPLICAS_MAX];
};

/* --- SIGPIPE ---------------------------------------------------------------------------------- */

/* Writing to a closed socket raises SIGPIPE, which is the program's to handle, not ours to cause.
 */
struct quiet {
    sigset_t before;
    bool was_pending;
};

static void quiet_begin(struct quiet *quiet)
{
    sigset_t pipe_only;
    sigset_t pending;

    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    (void)sigpending(&pending);
    quiet->was_pending = sigismember(&pending, SIGPIPE) == 1;
    (void)pthread_sigmask(SIG_BLOCK, &pipe_only, &quiet->before);
}

static void quiet_end(const struct quiet *quiet)
{
    const struct timespec no_time = {0, 0};
    sigset_t pipe_only;

    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    if (!quiet->was_pending && sigismember(&quiet->before, SIGPIPE) == 0) {
        while (sigtimedwait(&pipe_only, NULL, &no_time) == SIGPIPE) {
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
}

/* --- TLS -------------------------------------------------------------------------------------- */

/* In the place of all of X.509: the key is the one of the charter, or it is not. That the other end
 * holds its secret half is proven by the handshake. */
static int verify_certificate(X509_STORE_CTX *store, void *argument)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct connection *connection = SSL_get_app_data(ssl);
    const X509 *certificate = X509_STORE_CTX_get0_cert(store);
    const EVP_PKEY *key = certificate == NULL ? NULL : X509_get0_pubkey(certificate);
    uint8_t raw[PUBLIC_KEY_BYTES];
    size_t len = sizeof(raw);

    (void)argument;
    if (key != NULL && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 &&
        EVP_PKEY_get_raw_public_key(key, raw, &len) == 1 && len == PUBLIC_KEY_BYTES &&
        memcmp(raw, connection->peer.transport_key, PUBLIC_KEY_BYTES) == 0) {
        return 1;
    }
    connection->wrong_key = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static SSL_CTX *make_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context == NULL) {
        return NULL;
    }
    if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_alpn_protos(context, alpn, sizeof(alpn)) != 0) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify_certificate, NULL);
    return context;
}

static bool read_channel(SSL *ssl, uint8_t out[HASH_BYTES])
{
    const unsigned char *protocol = NULL;
    unsigned len = 0;

    SSL_get0_alpn_selected(ssl, &protocol, &len);
    return len == sizeof(alpn) - 1 && memcmp(protocol, alpn + 1, len) == 0 &&
           SSL_export_keying_material(ssl, out, HASH_BYTES, EXPORTER_LABEL,
                                      sizeof(EXPORTER_LABEL) - 1, NULL, 0, 0) == 1;
}

/* --- Events ----------------------------------------------------------------------------------- */

static void drop(struct connection *connection)
{
    if (connection->connecting != NULL) {
        event_free(connection->connecting);
        connection->connecting = NULL;
    }
    if (connection->fd >= 0) {
        (void)close(connection->fd);
        connection->fd = -1;
    }
    if (connection->bev != NULL) {
        bufferevent_free(connection->bev);
        connection->bev = NULL;
    }
}

static void lose(struct connection *connection, const char *why)
{
    struct net *net = connection->net;

    drop(connection);
    net->owner.closed(net->owner.context, connection->member, why);
}

static void on_read(struct bufferevent *bev, void *context)
{
    struct connection *connection = context;
    struct net *net = connection->net;
    struct evbuffer *input = bufferevent_get_input(bev);
    uint8_t header[FRAME_HEADER_BYTES];

    while (evbuffer_copyout(input, header, sizeof(header)) == (ev_ssize_t)sizeof(header)) {
        const size_t len = bytes_get_u32be(header);

        if (len == 0 || len > FRAME_BYTES_MAX) {
            lose(connection, "sent a frame of an impossible length");
            return;
        }
        if (evbuffer_get_length(input) < FRAME_HEADER_BYTES + len) {
            bufferevent_setwatermark(bev, EV_READ, FRAME_HEADER_BYTES + len, 0);
            return;
        }
        const uint8_t *data = evbuffer_pullup(input, (ev_ssize_t)(FRAME_HEADER_BYTES + len));
        if (data == NULL) {
            lose(connection, "out of memory");
            return;
        }
        net->owner.frame(net->owner.context, connection->member,
                         bytes_make(data + FRAME_HEADER_BYTES, len));
        (void)evbuffer_drain(input, FRAME_HEADER_BYTES + len);
    }
    bufferevent_setwatermark(bev, EV_READ, 0, 0);
}

static void on_connected(struct connection *connection)
{
    struct net *net = connection->net;
    uint8_t channel[HASH_BYTES];

    if (!read_channel(bufferevent_openssl_get_ssl(connection->bev), channel)) {
        lose(connection, "does not speak vestry/1");
        return;
    }
    net->owner.connected(net->owner.context, connection->member, channel);
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
    struct connection *connection = context;
    char why[WHY_CHARS];

    if ((what & BEV_EVENT_CONNECTED) != 0) {
        on_connected(connection);
        return;
    }
    const int error = EVUTIL_SOCKET_ERROR();
    const unsigned long tls = bufferevent_get_openssl_error(bev);
    if (connection->wrong_key) {
        (void)snprintf(why, sizeof(why), "shows another key than the charter gives it");
    } else if ((what & BEV_EVENT_EOF) != 0) {
        (void)snprintf(why, sizeof(why), "closed the connection");
    } else if (tls != 0) {
        const char *reason = ERR_reason_error_string(tls);
        (void)snprintf(why, sizeof(why), "TLS: %s", reason == NULL ? "failed" : reason);
    } else {
        (void)snprintf(why, sizeof(why), "%s",
                       error == 0 ? "closed the connection" : evutil_socket_error_to_string(error));
    }
    lose(connection, why);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    uint64_t count = 0;

    (void)what;
    (void)context;
    if (read(fd, &count, sizeof(count)) < 0) {
        return; /* somebody else took it */
    }
}

/* --- Opening ---------------------------------------------------------------------------------- */

enum status net_open(const struct net_peer *peers, uint32_t count, const struct net_owner *owner,
                     struct net **out)
{
    CHECK(count <= REPLICAS_MAX);
    struct net *net = calloc(1, sizeof(*net));

    if (net == NULL) {
        return STATUS_NO_MEMORY;
    }
    net->owner = *owner;
    net->count = count;
    for (uint32_t i = 0; i < count; i++) {
        net->connections[i].net = net;
        net->connections[i].member = i;
        net->connections[i].fd = -1;
        net->connections[i].peer = peers[i];
    }
    net->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    net->base = event_base_new();
    net->ssl = make_context();
    if (net->wake_fd < 0 || net->base == NULL || net->ssl == NULL) {
        net_close(net);
        return STATUS_IO;
    }
    net->timer = evtimer_new(net->base, on_timer, NULL);
    net->waker = event_new(net->base, net->wake_fd, EV_READ | EV_PERSIST, on_wake, NULL);
    if (net->timer == NULL || net->waker == NULL || event_add(net->waker, NULL) != 0) {
        net_close(net);
        return STATUS_IO;
    }
    *out = net;
    return STATUS_OK;
}

void net_close(struct net *net)
{
    struct quiet quiet;

    quiet_begin(&quiet);
    for (uint32_t i = 0; i < net->count; i++) {
        drop(&net->connections[i]);
    }
    quiet_end(&quiet);
    if (net->timer != NULL) {
        event_free(net->timer);
    }
    if (net->waker != NULL) {
        event_free(net->waker);
    }
    if (net->base != NULL) {
        event_base_free(net->base);
    }
    SSL_CTX_free(net->ssl);
    if (net->wake_fd >= 0) {
        (void)close(net->wake_fd);
    }
    free(net);
}

void net_peer_key(struct net *net, uint32_t member, const uint8_t key[PUBLIC_KEY_BYTES])
{
    CHECK(member < net->count);
    memcpy(net->connections[member].peer.transport_key, key, PUBLIC_KEY_BYTES);
}

/* --- Dialing ---------------------------------------------------------------------------------- */

bool net_parse_endpoint(struct bytes text, char host[NET_HOST_CHARS], uint16_t *port)
{
    size_t colon = text.len;
    uint32_t number = 0;

    while (colon > 0 && text.data[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2 || text.len - colon < 1 || text.len - colon > 5) {
        return false;
    }
    for (size_t i = colon; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (uint32_t)(text.data[i] - '0');
    }
    struct bytes name = bytes_slice(text, 0, colon - 1);
    if (name.data[0] == '[' && name.len > 2 && name.data[name.len - 1] == ']') {
        name = bytes_slice(name, 1, name.len - 2);
    }
    if (number == 0 || number > UINT16_MAX || name.len >= NET_HOST_CHARS) {
        return false;
    }
    memcpy(host, name.data, name.len);
    host[name.len] = '\0';
    *port = (uint16_t)number;
    return true;
}

static void fail_later(struct connection *connection, const char *why)
{
    drop(connection);
    connection->failed = true;
    (void)snprintf(connection->why, sizeof(connection->why), "%s", why);
}

/* Put TLS on a socket that is connected; the bufferevent owns it from then on. */
static bool start_tls(struct connection *connection)
{
    struct net *net = connection->net;
    SSL *ssl = SSL_new(net->ssl);

    if (ssl == NULL) {
        return false;
    }
    SSL_set_app_data(ssl, connection);
    struct bufferevent *bev =
        bufferevent_openssl_socket_new(net->base, connection->fd, ssl, BUFFEREVENT_SSL_CONNECTING,
                                       BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (bev == NULL) {
        SSL_free(ssl);
        return false;
    }
    connection->fd = -1;
    connection->bev = bev;
    bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    (void)bufferevent_set_max_single_read(bev, 256u << 10);
    bufferevent_setcb(bev, on_read, NULL, on_event, connection);
    return bufferevent_enable(bev, EV_READ | EV_WRITE) == 0;
}

/* The socket is connected, or is not going to be. */
static void on_socket(evutil_socket_t fd, short what, void *context)
{
    struct connection *connection = context;
    const int one = 1;
    int error = 0;
    socklen_t len = sizeof(error);

    (void)what;
    event_free(connection->connecting);
    connection->connecting = NULL;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    /* Without this a small frame waits for the acknowledgement of the one before: 40 ms. */
    if (error == 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0) {
        error = errno;
    }
    if (error != 0) {
        lose(connection, strerror(error));
    } else if (!start_tls(connection)) {
        lose(connection, "out of memory");
    }
}

static bool start_connect(struct connection *connection, const struct addrinfo *address)
{
    connection->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) {
        return false;
    }
    if (connect(connection->fd, address->ai_addr, address->ai_addrlen) != 0 &&
        errno != EINPROGRESS) {
        return false;
    }
    connection->connecting =
        event_new(connection->net->base, connection->fd, EV_WRITE, on_socket, connection);
    return connection->connecting != NULL && event_add(connection->connecting, NULL) == 0;
}

void net_dial(struct net *net, uint32_t member)
{
    struct connection *connection = &net->connections[member];
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV,
    };
    struct addrinfo *found = NULL;
    char service[8];

    CHECK(connection->bev == NULL && connection->fd < 0);
    connection->wrong_key = false;
    connection->failed = false;
    if (connection->peer.host[0] == '\0') {
        fail_later(connection, "no endpoint is known");
        return;
    }
    (void)snprintf(service, sizeof(service), "%u", connection->peer.port);
    const int error = getaddrinfo(connection->peer.host, service, &hints, &found);
    if (error != 0) {
        fail_later(connection, gai_strerror(error));
        return;
    }
    if (!start_connect(connection, found)) {
        fail_later(connection, strerror(errno));
    }
    freeaddrinfo(found);
}

void net_hang_up(struct net *net, uint32_t member)
{
    struct quiet quiet;

    quiet_begin(&quiet);
    drop(&net->connections[member]);
    net->connections[member].failed = false;
    quiet_end(&quiet);
}

void net_send(struct net *net, uint32_t member, struct bytes frame)
{
    struct connection *connection = &net->connections[member];

    /* When memory is short the frame is lost, as it might be on the wire. */
    if (connection->bev == NULL) {
        return;
    }
    const bool was_empty = evbuffer_get_length(bufferevent_get_output(connection->bev)) == 0;
    (void)bufferevent_write(connection->bev, frame.data, frame.len);
    if (was_empty) {
        /* The socket nearly always takes it: try at the end of this turn, without asking the
         * kernel first whether it would. What is sent until then goes with it. */
        event_active(&connection->bev->ev_write, EV_WRITE, 0);
    }
}

/* --- Running ---------------------------------------------------------------------------------- */

static bool tell_failures(struct net *net)
{
    bool told = false;

    for (uint32_t i = 0; i < net->count; i++) {
        struct connection *connection = &net->connections[i];

        if (connection->failed) {
            connection->failed = false;
            told = true;
            net->owner.closed(net->owner.context, i, connection->why);
        }
    }
    return told;
}

void net_run(struct net *net, uint64_t timeout_ms)
{
    const struct timeval timeout = {
        .tv_sec = (time_t)(timeout_ms / 1000),
        .tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000),
    };
    struct quiet quiet;

    quiet_begin(&quiet);
    if (tell_failures(net) || timeout_ms == 0) {
        (void)event_base_loop(net->base, EVLOOP_NONBLOCK);
    } else {
        (void)evtimer_add(net->timer, &timeout);
        (void)event_base_loop(net->base, EVLOOP_ONCE);
        (void)evtimer_del(net->timer);
    }
    quiet_end(&quiet);
}

void net_wake(struct net *net)
{
    const uint64_t one = 1;
    const int before = errno;

    if (write(net->wake_fd, &one, sizeof(one)) < 0) {
        errno = before; /* it is full: net_run will return anyway */
    }
}
