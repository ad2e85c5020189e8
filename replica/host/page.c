#include "replica/host/page.h"

#include "replica/host/host_parts.h"
#include "replica/host/log_reader.h"
#include "replica/host/metrics.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_BYTES_MAX 8192
#define BODY_BYTES_MAX 1024
#define TIMEOUT_S 10
#define PAUSE_MS 100 /* when a connection cannot be accepted */

struct page {
    struct evhttp *http;
    struct event *resume;
    struct host *host;
    struct log_reader *reader;
    uint8_t *text; /* METRICS_BYTES_MAX */
};

static void answer(struct evhttp_request *request, int code, const char *type, struct bytes body)
{
    struct evbuffer *out = evbuffer_new();
    CHECK(out != NULL);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Cache-Control", "no-store");
    evbuffer_add(out, body.data, body.len);
    evhttp_send_reply(request, code, code == HTTP_OK ? "OK" : "Not now", out);
    evbuffer_free(out);
}

static void answer_text(struct evhttp_request *request, int code, const char *text)
{
    answer(request, code, "text/plain; charset=utf-8", bytes_of_text(text));
}

static void on_alive(struct evhttp_request *request, void *argument)
{
    (void)argument;
    answer_text(request, HTTP_OK, "alive\n");
}

/* Ready: in a view, linked to so many that a quorum is possible, and not behind what they say. */
static void on_ready(struct evhttp_request *request, void *argument)
{
    const struct host *host = ((struct page *)argument)->host;
    const struct roster *roster = node_roster(host->node);
    struct node_look look;
    node_look(host->node, &look);
    uint32_t linked = 1;
    uint32_t ahead = 0;
    for (uint32_t i = 0; i < look.peer_count; i++) {
        bool other = look.peers[i].rid != host->rid;
        linked += other && peers_connected(host->peers, look.peers[i].rid);
        ahead += other && look.peers[i].executed > look.executed + CHECKPOINT_INTERVAL_MAX;
    }
    if (host->frozen || look.halted) {
        answer_text(request, HTTP_SERVUNAVAIL, "not ready: this replica has stopped voting\n");
    } else if (look.mode != MODE_ACTIVE) {
        answer_text(request, HTTP_SERVUNAVAIL, "not ready: in no view\n");
    } else if (linked < roster->q) {
        answer_text(request, HTTP_SERVUNAVAIL, "not ready: too few replicas are reached\n");
    } else if (ahead >= roster->w) {
        answer_text(request, HTTP_SERVUNAVAIL, "not ready: behind the others\n");
    } else {
        answer_text(request, HTTP_OK, "ready\n");
    }
}

static void on_metrics(struct evhttp_request *request, void *argument)
{
    struct page *page = (struct page *)argument;
    struct buffer text = buffer_make(page->text, METRICS_BYTES_MAX);
    metrics_put(page->host, &text);
    answer(request, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", buffer_bytes(&text));
}

static void on_checkpoint(struct evhttp_request *request, void *argument)
{
    struct page *page = (struct page *)argument;
    struct store_view *view = NULL;
    struct bytes note;
    if (store_view_open(page->host->setup->store, &view) != STATUS_OK) {
        answer_text(request, HTTP_SERVUNAVAIL, "the store cannot be read\n");
        return;
    }
    log_reader_use(page->reader, view);
    if (log_note(page->reader, &note)) {
        answer(request, HTTP_OK, "text/plain; charset=utf-8", note);
    } else {
        answer_text(request, HTTP_NOTFOUND, "no checkpoint has been signed by a quorum yet\n");
    }
    log_reader_use(page->reader, NULL);
    store_view_close(view);
}

static void on_other(struct evhttp_request *request, void *argument)
{
    (void)argument;
    answer_text(request, HTTP_NOTFOUND, "here are: /livez /readyz /metrics /checkpoint\n");
}

static enum status refuse(const struct config_address *address, int error, struct report *report)
{
    char text[CONFIG_HOST_CHARS_MAX + 16];
    config_address_text(address, text);
    report_what(report, "cannot serve the page on %s: %s", text, strerror(error));
    report_remedy(report, "give `http` a free port of this host, or \"\" for no page");
    return error == EADDRINUSE ? STATUS_BUSY : STATUS_IO;
}

static void on_resume(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    evconnlistener_enable((struct evconnlistener *)argument);
}

/* Too few descriptors, as a rule. A socket that stays ready must not keep the loop from its work:
 * it waits for the next on_resume. What evhttp made knows nothing of the page, so on_resume comes
 * again and again. */
static void on_error(struct evconnlistener *socket, void *argument)
{
    (void)argument;
    evconnlistener_disable(socket);
}

static bool resume_begin(struct page *page, struct evconnlistener *socket)
{
    const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
    page->resume = event_new(page->host->base, -1, EV_PERSIST, on_resume, socket);
    evconnlistener_set_error_cb(socket, on_error);
    return page->resume != NULL && event_add(page->resume, &pause) == 0;
}

enum status page_open(struct host *host, const struct config_address *address, struct page **out,
                      struct report *report)
{
    struct page *page = (struct page *)calloc(1, sizeof *page);
    CHECK(page != NULL);
    page->host = host;
    page->text = (uint8_t *)malloc(METRICS_BYTES_MAX);
    page->http = evhttp_new(host->base);
    if (page->text == NULL || page->http == NULL || log_reader_open(&page->reader) != STATUS_OK) {
        page_close(page);
        return refuse(address, ENOMEM, report);
    }
    evhttp_set_allowed_methods(page->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(page->http, HEADERS_BYTES_MAX);
    evhttp_set_max_body_size(page->http, BODY_BYTES_MAX);
    evhttp_set_timeout(page->http, TIMEOUT_S);
    evhttp_set_cb(page->http, "/livez", on_alive, page);
    evhttp_set_cb(page->http, "/readyz", on_ready, page);
    evhttp_set_cb(page->http, "/metrics", on_metrics, page);
    evhttp_set_cb(page->http, "/checkpoint", on_checkpoint, page);
    evhttp_set_gencb(page->http, on_other, page);
    errno = 0;
    struct evhttp_bound_socket *bound =
        evhttp_bind_socket_with_handle(page->http, address->host, address->port);
    if (bound == NULL) {
        enum status status = refuse(address, errno == 0 ? EINVAL : errno, report);
        page_close(page);
        return status;
    }
    if (!resume_begin(page, evhttp_bound_socket_get_listener(bound))) {
        page_close(page);
        return refuse(address, ENOMEM, report);
    }
    *out = page;
    return STATUS_OK;
}

void page_close(struct page *page)
{
    if (page->resume != NULL) {
        event_free(page->resume);
    }
    if (page->http != NULL) {
        evhttp_free(page->http);
    }
    if (page->reader != NULL) {
        log_reader_close(page->reader);
    }
    free(page->text);
    free(page);
}
