#include "replica/host/listener.h"

#include "replica/host/port_holder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG 256
#define PAUSE_MS 100

struct listener {
    struct evconnlistener *socket;
    struct event *resume;
    struct conns *conns;
    const struct config *config; /* borrowed */
    uint64_t refused;
};

static void address_text(const struct sockaddr *address, char out[CONN_ADDRESS_CHARS])
{
    const void *bytes = NULL;
    if (address->sa_family == AF_INET) {
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (address->sa_family == AF_INET6) {
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    }
    if (bytes == NULL || inet_ntop(address->sa_family, bytes, out, CONN_ADDRESS_CHARS) == NULL) {
        snprintf(out, CONN_ADDRESS_CHARS, "?");
    }
}

static bool is_peers(const struct config *config, const char *address)
{
    for (uint32_t i = 0; i < config->peer_count; i++) {
        if (strcmp(config->peers[i].address.host, address) == 0) {
            return true;
        }
    }
    return false;
}

static bool may_enter(const struct listener *listener, const char *address)
{
    const struct config *config = listener->config;
    if (is_peers(config, address)) {
        return true;
    }
    return conns_count(listener->conns) < config->clients &&
           conns_from(listener->conns, address) < config->clients_per_address;
}

static void on_accept(struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *address,
                      int address_len, void *argument)
{
    (void)socket;
    (void)address_len;
    struct listener *listener = (struct listener *)argument;
    char text[CONN_ADDRESS_CHARS];
    address_text(address, text);
    if (!may_enter(listener, text)) {
        listener->refused++;
        evutil_closesocket(fd);
        return;
    }
    if (conns_accept(listener->conns, fd, text) == NULL) {
        listener->refused++;
    }
}

static void on_resume(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    evconnlistener_enable(((struct listener *)argument)->socket);
}

static void on_error(struct evconnlistener *socket, void *argument)
{
    struct listener *listener = (struct listener *)argument;
    const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
    log_warning("listener", "cannot accept for a moment",
                LOG_FIELDS(LOG_TEXT("error", strerror(errno))));
    evconnlistener_disable(socket);
    event_add(listener->resume, &pause);
}

static enum status report_bind(const struct config_address *address, int error,
                               struct report *report)
{
    char text[CONFIG_HOST_CHARS_MAX + 16];
    config_address_text(address, text);
    if (error != EADDRINUSE) {
        report_what(report, "cannot listen on %s: %s", text, strerror(error));
        report_remedy(report, "give `listen` an address of this host and a port that this user may "
                              "use");
        return STATUS_IO;
    }
    pid_t holder = port_holder(address->port);
    if (holder > 0) {
        report_what(report, "cannot listen on %s: process %ld listens on that port", text,
                    (long)holder);
        report_remedy(report, "stop process %ld, or give `listen` another port", (long)holder);
    } else {
        report_what(report, "cannot listen on %s: the address is in use by another process", text);
        report_remedy(report, "find it with: ss -ltnp 'sport = :%u'", (unsigned)address->port);
    }
    return STATUS_BUSY;
}

static enum status resolve(const struct config_address *address, struct evutil_addrinfo **out,
                           struct report *report)
{
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)address->port);
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = EVUTIL_AI_PASSIVE};
    int error = evutil_getaddrinfo(address->host, port, &hints, out);
    if (error != 0) {
        report_what(report, "`listen` names %s, which is no address: %s", address->host,
                    evutil_gai_strerror(error));
        report_remedy(report, "write an address of this host, as in \"10.77.0.1:7000\"");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status listener_open(struct event_base *base, struct conns *conns, const struct config *config,
                          struct listener **out, struct report *report)
{
    struct evutil_addrinfo *info = NULL;
    enum status status = resolve(&config->listen, &info, report);
    if (status != STATUS_OK) {
        return status;
    }
    struct listener *listener = (struct listener *)calloc(1, sizeof *listener);
    CHECK(listener != NULL);
    listener->conns = conns;
    listener->config = config;
    listener->resume = evtimer_new(base, on_resume, listener);
    CHECK(listener->resume != NULL);
    listener->socket =
        evconnlistener_new_bind(base, on_accept, listener,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                                BACKLOG, info->ai_addr, (int)info->ai_addrlen);
    int error = errno;
    evutil_freeaddrinfo(info);
    if (listener->socket == NULL) {
        listener_close(listener);
        return report_bind(&config->listen, error, report);
    }
    evconnlistener_set_error_cb(listener->socket, on_error);
    *out = listener;
    return STATUS_OK;
}

void listener_close(struct listener *listener)
{
    if (listener->socket != NULL) {
        evconnlistener_free(listener->socket);
    }
    event_free(listener->resume);
    free(listener);
}

uint64_t listener_refused(const struct listener *listener)
{
    return listener->refused;
}
