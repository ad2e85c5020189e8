/* A handle of the library for a verb: settings, notices on stderr, Ctrl-C. */
#ifndef VESTRY_CLIENT_CLI_CONNECT_H
#define VESTRY_CLIENT_CLI_CONNECT_H

#include "client/cli/settings.h"

struct connection {
    const struct call *call;
    struct settings settings;
    struct vestry *log;
    char *password;
};

/* Open a handle, for appending or for reading only. EXIT_OK, or the code of the error that was
 * said. From then on Ctrl-C interrupts the call that runs. */
MUST_USE int connect_open(const struct call *call, bool appends, struct connection *connection);
void connect_close(struct connection *connection);

/* Say what the last call met and return its code. */
int connect_fail(const struct connection *connection);

/* Whether Ctrl-C was pressed. */
MUST_USE bool connect_interrupted(void);

/* A bar on a terminal, a line every five seconds elsewhere. */
struct progress {
    const struct call *call;
    const char *what; /* "lines" */
    uint64_t started_ms;
    uint64_t shown_ms;
    bool bar;
};

void progress_begin(struct progress *progress, const struct call *call, const char *what);
/* `done` of `unit`; `share` of the whole in thousandths, or UINT32_MAX when unknown. */
void progress_show(struct progress *progress, uint64_t done, uint32_t share);
void progress_end(struct progress *progress);

/* Monotonic milliseconds. */
MUST_USE uint64_t cli_now_ms(void);

#endif
