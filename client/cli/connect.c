#include "client/cli/connect.h"

#include "keys/words/amounts.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PASSWORD_MAX 1024
#define BAR_COLUMNS 24
#define BAR_EVERY_MS 100
#define LINE_EVERY_MS 5000

/* What the signal handler reaches. */
static struct vestry *volatile interruptible;
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
    if (interruptible != NULL) {
        vestry_interrupt(interruptible);
    }
}

bool connect_interrupted(void)
{
    return interrupted != 0;
}

/* The second Ctrl-C ends the program at once. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    action = (struct sigaction){.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &action, NULL);
}

static void on_notice(void *context, enum vestry_notice notice, const char *text)
{
    const struct call *call = context;

    if (call->json) {
        if (!call_has(call, "quiet")) {
            json_t *object = json_new("vestry/notice/1");
            static const char *const kinds[] = {"waiting", "view", "finished", "liar"};

            json_put_text(object, "kind", kinds[notice]);
            json_put_text(object, "text", text);
            char *line = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
            json_decref(object);
            if (line != NULL) {
                (void)fprintf(stderr, "%s\n", line);
                free(line);
            }
        }
        return;
    }
    call_note(call, "%s%s", notice == VESTRY_NOTICE_LIAR ? "warning: " : "", text);
}

/* The passphrase is the first line of the file. */
static enum status read_password(struct connection *connection, struct problem *problem)
{
    const char *path = connection->settings.values[SETTING_PASSWORD_FILE];

    if (path[0] == '\0') {
        return STATUS_OK;
    }
    connection->password = calloc(1, PASSWORD_MAX + 1);
    if (connection->password == NULL) {
        return problem_say(problem, STATUS_NO_MEMORY, "no memory for a passphrase");
    }
    struct buffer text = buffer_make(connection->password, PASSWORD_MAX);
    const enum status status = file_read(path, &text, problem);
    connection->password[strcspn(connection->password, "\r\n")] = '\0';
    return status;
}

static enum status find_state(struct connection *connection, bool appends, struct problem *problem)
{
    struct settings *settings = &connection->settings;

    if (settings->values[SETTING_CHARTER][0] == '\0') {
        return STATUS_OK; /* vestry_open says what is missing */
    }
    if (settings->values[SETTING_STATE][0] != '\0') {
        return make_folders(settings->values[SETTING_STATE], problem);
    }
    const enum status status =
        settings_usual_state(settings, settings->values[SETTING_STATE], problem);
    if (status != STATUS_OK) {
        settings->values[SETTING_STATE][0] = '\0';
    }
    /* Reading works without a place to remember what was seen. */
    return appends || status == STATUS_INVALID ? status : STATUS_OK;
}

static const char *value_of(const struct settings *settings, enum setting setting)
{
    return settings->values[setting][0] == '\0' ? NULL : settings->values[setting];
}

static int open_log(const struct call *call, bool appends, struct connection *connection)
{
    const struct settings *settings = &connection->settings;
    struct vestry_options options = VESTRY_OPTIONS;
    const char *endpoints[SETTINGS_ENDPOINTS_MAX];
    struct vestry_problem problem;
    uint64_t timeout_ms = options.timeout_ms;

    if (settings->values[SETTING_TIMEOUT][0] != '\0' &&
        (!amount_parse_duration(bytes_of_text(settings->values[SETTING_TIMEOUT]), &timeout_ms) ||
         timeout_ms > UINT32_MAX)) {
        return call_fail(call, EXIT_USAGE, "the timeout is no duration", "--timeout 30s");
    }
    for (size_t i = 0; i < settings->endpoint_count; i++) {
        endpoints[i] = settings->endpoints[i];
    }
    union {
        const struct call *in;
        void *out;
    } context = {.in = call};
    options.charter = value_of(settings, SETTING_CHARTER);
    options.token = value_of(settings, SETTING_TOKEN);
    options.key = value_of(settings, SETTING_KEY);
    options.password = connection->password;
    options.state = value_of(settings, SETTING_STATE);
    options.reader = !appends;
    options.endpoints = endpoints;
    options.endpoint_count = settings->endpoint_count;
    options.timeout_ms = (uint32_t)timeout_ms;
    options.notify = on_notice;
    options.notify_context = context.out;
    connection->log = vestry_open(&options, &problem);
    if (connection->log == NULL) {
        return call_fail_vestry(call, &problem);
    }
    interruptible = connection->log;
    return EXIT_OK;
}

int connect_open(const struct call *call, bool appends, struct connection *connection)
{
    struct problem problem = {0};

    memset(connection, 0, sizeof(*connection));
    connection->call = call;
    catch_signals();
    enum status status = settings_read(call, &connection->settings, &problem);
    if (status == STATUS_OK) {
        status = read_password(connection, &problem);
    }
    if (status == STATUS_OK) {
        status = find_state(connection, appends, &problem);
    }
    if (status != STATUS_OK) {
        connect_close(connection);
        return call_fail_problem(call, exit_code_of_status(status), &problem);
    }
    const int code = open_log(call, appends, connection);
    if (code != EXIT_OK) {
        connect_close(connection);
    }
    return code;
}

void connect_close(struct connection *connection)
{
    interruptible = NULL;
    vestry_close(connection->log);
    connection->log = NULL;
    if (connection->password != NULL) {
        explicit_bzero(connection->password, PASSWORD_MAX);
        free(connection->password);
        connection->password = NULL;
    }
}

int connect_fail(const struct connection *connection)
{
    return call_fail_vestry(connection->call, vestry_last_problem(connection->log));
}

/* --- Progress --------------------------------------------------------------------------------- */

uint64_t cli_now_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void progress_begin(struct progress *progress, const struct call *call, const char *what)
{
    *progress = (struct progress){
        .call = call,
        .what = what,
        .started_ms = cli_now_ms(),
        .shown_ms = cli_now_ms(),
        .bar = is_terminal(2) && !call->json && !call_has(call, "quiet"),
    };
}

static void show_bar(const struct progress *progress, uint64_t done, uint32_t share,
                     uint64_t elapsed_ms)
{
    char bar[BAR_COLUMNS + 1];
    const double rate = elapsed_ms == 0 ? 0 : (double)done * 1000.0 / (double)elapsed_ms;

    if (share > 1000) {
        (void)fprintf(stderr, "\r%llu %s  %.0f/s \x1b[K", (unsigned long long)done, progress->what,
                      rate);
        return;
    }
    for (uint32_t i = 0; i < BAR_COLUMNS; i++) {
        bar[i] = i < share * BAR_COLUMNS / 1000 ? '#' : '.';
    }
    bar[BAR_COLUMNS] = '\0';
    const double left = share == 0 ? 0 : (double)elapsed_ms / share * (1000.0 - share) / 1000.0;
    (void)fprintf(stderr, "\r[%s] %llu %s  %.0f/s  %.0f s left \x1b[K", bar,
                  (unsigned long long)done, progress->what, rate, left);
}

void progress_show(struct progress *progress, uint64_t done, uint32_t share)
{
    const uint64_t now = cli_now_ms();
    const uint64_t elapsed = now - progress->started_ms;

    if (now < progress->shown_ms + (progress->bar ? BAR_EVERY_MS : LINE_EVERY_MS)) {
        return;
    }
    progress->shown_ms = now;
    if (progress->bar) {
        show_bar(progress, done, share, elapsed);
    } else if (share <= 1000 && share > 0) {
        call_note(progress->call, "%llu %s, %.1f %%, %.0f s left", (unsigned long long)done,
                  progress->what, (double)share / 10.0,
                  (double)elapsed / share * (1000.0 - share) / 1000.0);
    } else {
        call_note(progress->call, "%llu %s in %.0f s", (unsigned long long)done, progress->what,
                  (double)elapsed / 1000.0);
    }
}

void progress_end(struct progress *progress)
{
    if (progress->bar) {
        (void)fputs("\r\x1b[K", stderr);
    }
}
